/* SPDX-License-Identifier: ISC */
/* dhcp_udp.c - the edge of the DHCP server: it does what dhcp_server.c decides.
 *
 * Theory of operation
 *
 * One message at a time: in from the socket, to the server, the reply out, the lease committed.
 * The reply is written where it will be sent from: `reply` is a packet with room, made before
 * the server is asked. Where the device is full the reply waits (`waiting`), and until it went
 * out or was given up no other message is looked at: so what the server promised cannot be
 * promised twice.
 *
 * Where leases are kept (dhcp_store.h), a lease is on the device before its client is told of it.
 * Then what is said above does not do: while the device writes, hundreds of clients can be heard.
 * So the lease is committed first, and noted to be kept; the reply is held until it is (`held`),
 * and others are served meanwhile. Should the reply not go out, the client asks again and is told
 * the same. Replies that promise nothing wait for nothing.
 *
 * A message whose address must be probed is parked with its packet and given to the server again
 * when the probe is over. Others are served meanwhile. Where all slots are taken, an address is
 * offered without a probe rather than not at all. */
#include <morgana/dhcp_udp.h>
#include <morgana/log.h>

#define PROBE_NS_DEFAULT (500 * NS_PER_MS)
#define PROBE_TRIES_MAX 4u /* addresses found in use for one message: the next is offered unasked */
#define HELD_DEFAULT 128u
#define RETRY_NS (10 * NS_PER_MS)
#define SWEEP_STEPS 16u

/* ---- log lines ------------------------------------------------------------------------------- */

/* A line may be written: a bucket of DHCP_UDP_LINES_PER_S, so that a flood of clients is not a
 * flood of lines. */
static bool may_log(struct dhcp_udp *edge, uint64_t now_ns)
{
    if (now_ns - edge->lines_at_ns >= NS_PER_S) {
        edge->lines_at_ns = now_ns;
        edge->lines = 0;
    }
    if (edge->lines < DHCP_UDP_LINES_PER_S) {
        edge->lines++;
        return true;
    }
    edge->stats.lines_left_out++;
    return false;
}

static struct fmt_mac mac_of(const struct dhcp_msg *msg)
{
    return msg->htype == DHCP_HTYPE_ETHERNET && msg->hlen == 6 ? fmt_mac(msg->chaddr.base)
                                                               : (struct fmt_mac){"-"};
}

static struct dhcp_udp_event event_of(const struct dhcp_out *out)
{
    return (struct dhcp_udp_event){.reason = out->reason,
                                   .addr = out->addr,
                                   .lease_s = out->lease_s,
                                   .is_new = out->is_new,
                                   .mac = mac_of(&out->msg)};
}

static void log_event(struct dhcp_udp *edge, const struct dhcp_udp_event *event, uint64_t now_ns)
{
    struct fmt_ip4 addr = fmt_ip4(event->addr);
    const char *mac = event->mac.text;

    switch (event->reason) {
    case DHCP_REASON_acknowledged:
    case DHCP_REASON_bootp_answered:
        if (!event->is_new || !may_log(edge, now_ns))
            return;
        if (event->lease_s == DHCP_INFINITE)
            LOG_INFO("dhcp: %s leased to %s for ever", addr.text, mac);
        else
            LOG_INFO("dhcp: %s leased to %s for %u s", addr.text, mac, event->lease_s);
        return;
    case DHCP_REASON_released:
    case DHCP_REASON_declined:
        if (may_log(edge, now_ns))
            LOG_INFO("dhcp: %s %s by %s", addr.text, dhcp_reason_name(event->reason), mac);
        return;
    case DHCP_REASON_no_free_address:
    case DHCP_REASON_no_record:
    case DHCP_REASON_no_subnet:
        if (may_log(edge, now_ns))
            LOG_WARN("dhcp: %s not served: %s", mac, dhcp_reason_name(event->reason));
        return;
    default:
        return;
    }
}

/* ---- out ------------------------------------------------------------------------------------- */

static int send_to(struct dhcp_udp *edge, const struct dhcp_to *to, struct pkt *reply,
                   uint64_t now_ns)
{
    struct udp_meta meta = {
        .src = edge->conf.addr, .dst = to->addr, .dst_port = to->port, .use_eth = to->use_eth};

    memcpy(meta.eth_dst, to->eth, sizeof(meta.eth_dst));
    return udp_send(&edge->sock, &meta, reply, now_ns);
}

/* Sends the reply. True: it went out, or was given up; false: it waits. Takes `request` when
 * true. */
static bool send_reply(struct dhcp_udp *edge, struct pkt *request, uint64_t now_ns)
{
    struct dhcp_udp_event event = event_of(&edge->out);
    int err = send_to(edge, &edge->out.to, edge->reply, now_ns);

    if (err == -E_AGAIN && edge->waiting_tries < DHCP_UDP_SEND_TRIES) {
        edge->stats.send_again++;
        edge->waiting = request;
        edge->waiting_tries++;
        edge->retry_at_ns = now_ns + RETRY_NS;
        return false;
    }
    if (err == 0) {
        edge->reply = NULL;
        edge->stats.replies++;
        dhcp_server_sent(edge->conf.server, edge->conf.leases, &edge->out, now_ns);
        log_event(edge, &event, now_ns);
    } else {
        edge->stats.send_failed++;
        pkt_put(edge->reply);
        edge->reply = NULL;
    }
    edge->waiting = NULL;
    edge->waiting_tries = 0;
    pkt_put(request);
    return true;
}

/* ---- leases that are kept -------------------------------------------------------------------- */

static void note_later(struct dhcp_udp *edge, uint32_t addr)
{
    if (edge->conf.store)
        dhcp_store_note_later(edge->conf.store, addr);
}

/* Does a reply that tells of the address wait? A client that asks over and over while the device is
 * slow takes no second place from the others. (It is another's only where the first released the
 * address at once: then the other asks again.) */
static bool is_held(const struct dhcp_udp *edge, uint32_t addr)
{
    for (uint32_t i = 0; i < edge->held_count; i++)
        if (edge->held[(edge->held_first + i) % DHCP_UDP_HELD_MAX].event.addr == addr)
            return true;
    return false;
}

/* The reply is dropped, and its page with it: it was cut to this reply's length. */
static void drop(struct dhcp_udp *edge, struct pkt *request)
{
    pkt_put(edge->reply);
    edge->reply = NULL;
    pkt_put(request);
}

/* The reply's lease is committed and noted; the reply waits. True where that is so, or where there
 * will be none; false: it can be sent now. Takes `request` when true. */
static bool hold_reply(struct dhcp_udp *edge, struct pkt *request, uint64_t now_ns)
{
    struct dhcp_store *store = edge->conf.store;
    struct dhcp_out *out = &edge->out;
    struct dhcp_udp_held *held;
    uint64_t ticket = 0;

    if (!store || out->change.what == DHCP_CHANGE_NONE)
        return false;
    if (!dhcp_store_serves(store)) {
        edge->stats.not_kept++;
        drop(edge, request);
        return true;
    }
    if (out->change.what != DHCP_CHANGE_BIND)
        return false;
    if (is_held(edge, out->change.addr)) {
        edge->stats.held_again++;
        drop(edge, request);
        return true;
    }
    if (edge->held_count == edge->conf.held_max ||
        !dhcp_store_note(store, out->change.addr, &ticket)) {
        edge->stats.held_full++;
        drop(edge, request);
        return true;
    }
    dhcp_server_sent(edge->conf.server, edge->conf.leases, out, now_ns);
    out->change.what = DHCP_CHANGE_NONE;
    if (!ticket)
        return false;
    held = &edge->held[(edge->held_first + edge->held_count++) % DHCP_UDP_HELD_MAX];
    *held = (struct dhcp_udp_held){
        .reply = edge->reply, .ticket = ticket, .to = out->to, .event = event_of(out)};
    edge->reply = NULL;
    edge->stats.held++;
    pkt_put(request);
    return true;
}

/* Sends the replies whose leases are kept. False: the device has no room for more. */
static bool send_held(struct dhcp_udp *edge, uint64_t now_ns)
{
    while (edge->held_count) {
        struct dhcp_udp_held *held = &edge->held[edge->held_first];
        enum dhcp_store_fate fate = dhcp_store_fate(edge->conf.store, held->ticket);

        if (fate == DHCP_STORE_WAITS)
            return true;
        if (fate == DHCP_STORE_LOST && !edge->conf.store->conf.optional) {
            edge->stats.not_kept++;
            pkt_put(held->reply);
        } else {
            int err = send_to(edge, &held->to, held->reply, now_ns);

            if (err == -E_AGAIN && edge->held_tries < DHCP_UDP_SEND_TRIES) {
                edge->stats.send_again++;
                edge->held_tries++;
                edge->retry_at_ns = now_ns + RETRY_NS;
                return false;
            }
            if (err == 0) {
                edge->stats.replies++;
                log_event(edge, &held->event, now_ns);
            } else {
                edge->stats.send_failed++;
                pkt_put(held->reply);
            }
        }
        edge->held_tries = 0;
        edge->held_first = (edge->held_first + 1) % DHCP_UDP_HELD_MAX;
        edge->held_count--;
    }
    return true;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Room for a reply; false where there is no memory. */
static bool have_room(struct dhcp_udp *edge)
{
    if (!edge->reply) {
        edge->reply = pkt_alloc(edge->conf.nif->conf.pool, PKT_HEADROOM_BYTES, DHCP_REPLY_MAX);
        if (!edge->reply) {
            edge->stats.no_memory++;
            return false;
        }
        edge->out.buf = pkt_frag_rw(edge->reply, 0);
    }
    return true;
}

/* Parks the message while its address is asked for. Takes pkt on 0. -E_NOSPC: not now;
 * -E_HOSTUNREACH: it cannot be asked for. */
static int park(struct dhcp_udp *edge, struct pkt *pkt, const struct udp_meta *meta, uint8_t tries,
                uint64_t now_ns)
{
    uint32_t addr = edge->out.probe;
    int err;

    if (tries == PROBE_TRIES_MAX || edge->parked_count == DHCP_UDP_PARKED_MAX)
        return -E_NOSPC;
    err = netif_probe_start(edge->conf.nif, addr, edge->conf.probe_ns, now_ns);
    if (err != 0)
        return err;
    edge->stats.probes++;
    edge->parked[edge->parked_count++] =
        (struct dhcp_udp_parked){.pkt = pkt, .meta = *meta, .addr = addr, .tries = tries};
    return 0;
}

/* The message as one view. Those that fragments were joined of may have to be copied together;
 * what is longer than a page is no DHCP message. */
static bool whole(struct dhcp_udp *edge, struct pkt *pkt, struct cs_ro *bytes)
{
    if (pkt->len == 0 || pkt->len > DHCP_BYTES_MAX) {
        edge->stats.reasons[DHCP_REASON_malformed]++;
        edge->stats.malformed[pkt->len ? DHCP_WIRE_too_long : DHCP_WIRE_short_header]++;
        return false;
    }
    if (pkt_pull_up(pkt, pkt->len, bytes))
        return true;
    edge->stats.no_memory++;
    return false;
}

/* What the link carries now: a backend that comes back may have another MTU. Every client reads
 * 548 bytes, in fragments if need be. */
static uint16_t reply_max(const struct dhcp_udp *edge)
{
    uint16_t mtu = edge->conf.nif->conf.dev->caps.mtu_bytes;

    if (mtu < DHCP_BYTES_DEFAULT + DHCP_UDP_OVERHEAD)
        return DHCP_BYTES_DEFAULT;
    return (uint16_t)size_min(DHCP_REPLY_MAX, mtu - DHCP_UDP_OVERHEAD);
}

/* Asks the server. Takes pkt. False: its reply waits for room in the device. */
static bool answer(struct dhcp_udp *edge, struct pkt *pkt, const struct udp_meta *meta,
                   uint8_t tries, uint64_t now_ns)
{
    struct dhcp_packet packet = {.src = meta->src,
                                 .dst = meta->link_broadcast ? IP4_BROADCAST : meta->dst,
                                 .our_addr = edge->conf.addr,
                                 .reply_max = reply_max(edge)};
    struct dhcp_out *out = &edge->out;
    struct dhcp_udp_event event;
    enum dhcp_verdict verdict;

    if (!have_room(edge) || !whole(edge, pkt, &packet.bytes)) {
        pkt_put(pkt);
        return true;
    }
    verdict = dhcp_server_input(edge->conf.server, edge->conf.leases, &packet, now_ns, out);
    if (out->probe && verdict == DHCP_SILENCE) {
        int err = park(edge, pkt, meta, tries, now_ns);
        /* Somebody was there before: it stays out of use until it has been asked for. */
        bool used = out->reclaims && err != -E_HOSTUNREACH;

        if (err == 0)
            return true;
        dhcp_server_probed(edge->conf.server, edge->conf.leases, out->probe, used, now_ns);
        if (used) {
            note_later(edge, out->probe);
        } else {
            edge->stats.unprobed++;
            verdict = dhcp_server_input(edge->conf.server, edge->conf.leases, &packet, now_ns, out);
        }
    }
    edge->stats.reasons[out->reason]++;
    edge->stats.classes_left_out += out->classes_left_out;
    if (out->reason == DHCP_REASON_malformed)
        edge->stats.malformed[out->error]++;
    if (verdict == DHCP_REPLY) {
        edge->stats.options_left_out += out->left_out;
        pkt_trim(edge->reply, (uint32_t)out->len);
        return hold_reply(edge, pkt, now_ns) || send_reply(edge, pkt, now_ns);
    }
    if (verdict == DHCP_UPDATE && out->addr)
        note_later(edge, out->addr);
    event = event_of(out);
    log_event(edge, &event, now_ns);
    pkt_put(pkt);
    return true;
}

/* Answers those whose probe is over. False: a reply waits. */
static bool unpark(struct dhcp_udp *edge, uint64_t now_ns)
{
    for (unsigned i = 0; i < edge->parked_count;) {
        struct dhcp_udp_parked parked = edge->parked[i];
        enum netif_probe result = netif_probe_result(edge->conf.nif, parked.addr);

        if (result == NETIF_PROBE_PENDING) {
            i++;
            continue;
        }
        edge->parked[i] = edge->parked[--edge->parked_count];
        dhcp_server_probed(edge->conf.server, edge->conf.leases, parked.addr,
                           result == NETIF_PROBE_USED, now_ns);
        if (result == NETIF_PROBE_USED) {
            edge->stats.conflicts++;
            note_later(edge, parked.addr);
            parked.tries++;
            if (may_log(edge, now_ns))
                LOG_WARN("dhcp: %s is in use by somebody else", fmt_ip4(parked.addr).text);
        }
        if (!answer(edge, parked.pkt, &parked.meta, parked.tries, now_ns))
            return false;
    }
    return true;
}

bool dhcp_udp_poll(struct dhcp_udp *edge, uint64_t now_ns, unsigned budget)
{
    struct udp_meta meta;
    struct pkt *pkt;

    (void)dhcp_leases_tick(edge->conf.leases, now_ns, SWEEP_STEPS);
    if (edge->waiting && !send_reply(edge, edge->waiting, now_ns))
        return false;
    if (!send_held(edge, now_ns))
        return false;
    if (!unpark(edge, now_ns))
        return false;
    while (budget--) {
        if (udp_recv(&edge->sock, &meta, &pkt) != 0)
            return false;
        edge->stats.received++;
        if (!answer(edge, pkt, &meta, 0, now_ns))
            return false;
    }
    return true;
}

uint64_t dhcp_udp_poll_at(const struct dhcp_udp *edge)
{
    /* A full device wakes the program itself; but should it stay full, the reply is given up in
     * a bounded time. Probes run on netif_poll_at. */
    return edge->waiting || edge->held_tries ? edge->retry_at_ns : NS_NEVER;
}

/* ---- life ------------------------------------------------------------------------------------ */

int dhcp_udp_open(struct dhcp_udp *edge, const struct dhcp_udp_conf *conf)
{
    struct udp_conf udp = {
        .addr = IP4_ANY, .port = DHCP_SERVER_PORT, .queue_max = conf->queue_max, .broadcast = true};
    uint16_t mtu = conf->nif->conf.dev->caps.mtu_bytes;

    if (!conf->addr || conf->held_max > DHCP_UDP_HELD_MAX ||
        mtu < DHCP_BYTES_DEFAULT + DHCP_UDP_OVERHEAD ||
        (conf->probe_ns && (conf->probe_ns < NS_PER_MS || conf->probe_ns > 10 * NS_PER_S)))
        return -E_INVAL;
    memset(edge, 0, sizeof(*edge));
    edge->conf = *conf;
    if (!edge->conf.held_max)
        edge->conf.held_max = HELD_DEFAULT;
    if (!edge->conf.probe_ns)
        edge->conf.probe_ns = PROBE_NS_DEFAULT;
    return udp_open(&edge->sock, conf->nif, &udp);
}

void dhcp_udp_close(struct dhcp_udp *edge)
{
    for (unsigned i = 0; i < edge->parked_count; i++)
        pkt_put(edge->parked[i].pkt);
    edge->parked_count = 0;
    for (; edge->held_count; edge->held_count--)
        pkt_put(edge->held[(edge->held_first + edge->held_count - 1) % DHCP_UDP_HELD_MAX].reply);
    pkt_put(edge->reply);
    pkt_put(edge->waiting);
    edge->reply = edge->waiting = NULL;
    udp_close(&edge->sock);
}
