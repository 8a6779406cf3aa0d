/* SPDX-License-Identifier: ISC */
/* dhcp_client_udp.c - the edge of the DHCP client: it does what dhcp_client.c decides.
 *
 * Theory of operation
 *
 * The interface itself asks by ARP for the address that a server gave (netif_addr_add_probed):
 * until nobody answered the address does not serve, and it is watched for as long as it is there.
 * So a conflict, at the start or later, is an address in state CONFLICT, and one look a poll finds
 * it.
 *
 * A link that comes up again may be another network: the interface asks for the address again by
 * itself, the client asks the servers. Messages are as good as lost where the device does not take
 * them; the client sends them again in its own time. */
#include <morgana/dhcp_client_udp.h>
#include <morgana/log.h>

#define PROBE_NS_DEFAULT (600 * NS_PER_MS)
#define RETRY_NS (100 * NS_PER_MS) /* for memory */
#define STEPS_MAX 16u
#define MESSAGES_A_POLL 16u

/* ---- lines ----------------------------------------------------------------------------------- */

static uint32_t router_of(const struct dhcp_client_lease *lease)
{
    for (unsigned i = 0; i < lease->route_count; i++)
        if (lease->routes[i].prefix_len == 0)
            return lease->routes[i].gateway;
    return 0;
}

static void say_lease(const struct dhcp_client_lease *lease)
{
    char text[160], time[24] = "ever";
    uint32_t router = router_of(lease);
    size_t n = 0;

    if (lease->lease_s != DHCP_INFINITE)
        fmt_buf(time, sizeof(time), "%u s", lease->lease_s);
    text[0] = '\0';
    if (router != 0)
        n += fmt_buf(text + n, sizeof(text) - n, ", router %s", fmt_ip4(router).text);
    if (lease->dns_count != 0)
        n += fmt_buf(text + n, sizeof(text) - n, ", name server %s", fmt_ip4(lease->dns[0]).text);
    if (lease->mtu != 0)
        fmt_buf(text + n, sizeof(text) - n, ", MTU %u", lease->mtu);
    LOG_INFO("dhcp: address %s/%u from %s for %s%s", fmt_ip4(lease->addr).text, lease->prefix_len,
             fmt_ip4(lease->server).text, time, text);
}

static void say_waiting(struct dhcp_client_udp *edge, uint64_t now)
{
    if (edge->client.in_use || now < edge->say_at_ns)
        return;
    edge->say_at_ns = now + DHCP_CLIENT_UDP_SAY_S * NS_PER_S;
    LOG_WARN("dhcp: no address yet: %s%s; still asking", dhcp_client_state_name(edge->client.state),
             edge->conf.nif->conf.dev->link_up ? "" : ", the link is down");
}

/* ---- the interface --------------------------------------------------------------------------- */

static void remove_routes(struct dhcp_client_udp *edge)
{
    while (edge->route_count != 0) {
        const struct dhcp_client_route *route = &edge->routes[--edge->route_count];

        (void)netif_route_remove(edge->conf.nif, route->dst, route->prefix_len);
    }
}

static void add_routes(struct dhcp_client_udp *edge)
{
    const struct dhcp_client_lease *lease = &edge->client.lease;

    for (unsigned i = 0; i < lease->route_count; i++) {
        const struct dhcp_client_route *route = &lease->routes[i];
        int err =
            netif_route_add_on_link(edge->conf.nif, route->dst, route->prefix_len, route->gateway);

        if (err == 0)
            edge->routes[edge->route_count++] = *route;
        else
            edge->stats.routes_refused++;
    }
}

static void remove_address(struct dhcp_client_udp *edge)
{
    remove_routes(edge);
    if (edge->addr != 0)
        (void)netif_addr_remove(edge->conf.nif, edge->addr);
    (void)netif_mtu_limit(edge->conf.nif, 0);
    edge->addr = 0;
    edge->waits_for_probe = false;
}

/* Puts the lease's address on the interface. False: it refuses it. */
static bool add_address(struct dhcp_client_udp *edge, uint64_t now)
{
    const struct dhcp_client_lease *lease = &edge->client.lease;
    struct netif *nif = edge->conf.nif;
    int err;

    remove_address(edge);
    err = netif_addr_add_probed(nif, lease->addr, lease->prefix_len, edge->conf.probe_ns, now);
    if (err != 0) {
        LOG_WARN("dhcp: %s/%u cannot be used: %s", fmt_ip4(lease->addr).text, lease->prefix_len,
                 err_name(err));
        return false;
    }
    edge->addr = lease->addr;
    edge->prefix_len = lease->prefix_len;
    return true;
}

static bool same_routes(const struct dhcp_client_udp *edge)
{
    const struct dhcp_client_lease *lease = &edge->client.lease;

    if (lease->route_count != edge->route_count)
        return false;
    for (unsigned i = 0; i < lease->route_count; i++)
        if (lease->routes[i].dst != edge->routes[i].dst ||
            lease->routes[i].gateway != edge->routes[i].gateway ||
            lease->routes[i].prefix_len != edge->routes[i].prefix_len)
            return false;
    return true;
}

/* The lease is ours, or was acknowledged again: whatever differs is set. */
static void use(struct dhcp_client_udp *edge, uint64_t now)
{
    const struct dhcp_client_lease *lease = &edge->client.lease;
    struct netif *nif = edge->conf.nif;
    bool is_new = edge->say_at_ns != NS_NEVER;

    ASSERT(lease->addr == edge->addr); /* a lease of another address is probed first */
    if (lease->prefix_len != edge->prefix_len) {
        is_new = true;
        if (netif_addr_prefix(nif, lease->addr, lease->prefix_len) != 0) {
            dhcp_client_probed(&edge->client, true, now);
            return;
        }
        edge->prefix_len = lease->prefix_len;
    }
    if (!same_routes(edge)) {
        remove_routes(edge);
        add_routes(edge);
    }
    (void)netif_mtu_limit(nif, lease->mtu);
    edge->say_at_ns = NS_NEVER;
    if (is_new)
        say_lease(lease);
    else
        LOG_DEBUG("dhcp: %s for %u s more", fmt_ip4(lease->addr).text, lease->lease_s);
}

static void drop(struct dhcp_client_udp *edge, uint32_t addr, uint64_t now)
{
    const struct dhcp_client_stats *s = &edge->client.stats;

    if (edge->say_at_ns == NS_NEVER) {
        LOG_WARN("dhcp: address %s is lost (refused %llu, expired %llu, in use elsewhere %llu, so "
                 "far)",
                 fmt_ip4(addr).text, (unsigned long long)s->answers[DHCP_CLIENT_ANSWER_refused],
                 (unsigned long long)s->expiries, (unsigned long long)s->conflicts);
        edge->say_at_ns = now + DHCP_CLIENT_UDP_SAY_S * NS_PER_S;
    }
    remove_address(edge);
}

/* What the interface found out about the address. */
static void look_at_address(struct dhcp_client_udp *edge, uint64_t now)
{
    enum netif_addr_state state;

    if (edge->addr == 0)
        return;
    state = netif_addr_state(edge->conf.nif, edge->addr);
    if (state == NETIF_ADDR_CONFLICT) {
        edge->waits_for_probe = false;
        dhcp_client_probed(&edge->client, true, now);
    } else if (state == NETIF_ADDR_READY && edge->waits_for_probe) {
        edge->waits_for_probe = false;
        dhcp_client_probed(&edge->client, false, now);
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

static void send(struct dhcp_client_udp *edge, const struct dhcp_client_step *step, uint64_t now)
{
    struct udp_meta meta = {.src = step->src, .dst = step->dst, .dst_port = DHCP_SERVER_PORT};
    struct pkt *pkt = edge->room;

    /* There is nobody left who could wait for an answer to ARP. */
    meta.use_eth = step->type == DHCPRELEASE;
    memcpy(meta.eth_dst, edge->server_eth, sizeof(meta.eth_dst));
    edge->room = NULL;
    pkt_trim(pkt, (uint32_t)step->len);
    if (udp_send(&edge->sock, &meta, pkt, now) != 0) {
        edge->stats.send_failed++;
        pkt_put(pkt);
    }
    LOG_DEBUG("dhcp: %s to %s", dhcp_type_name(step->type), fmt_ip4(step->dst).text);
}

static void receive(struct dhcp_client_udp *edge, uint64_t now)
{
    struct udp_meta meta;
    struct cs_ro bytes;
    struct pkt *pkt;

    for (unsigned i = 0; i < MESSAGES_A_POLL && udp_recv(&edge->sock, &meta, &pkt) == 0; i++) {
        bool is_whole = pkt->len != 0 && pkt->len <= DHCP_BYTES_MAX;

        if (meta.src_port != DHCP_SERVER_PORT)
            edge->stats.other_port++;
        else if (!is_whole)
            (void)dhcp_client_input(&edge->client, CS_RO_EMPTY, now);
        else if (!pkt_pull_up(pkt, pkt->len, &bytes))
            edge->stats.no_memory++;
        else if (dhcp_client_input(&edge->client, bytes, now) == DHCP_CLIENT_ANSWER_acknowledged)
            memcpy(edge->server_eth, meta.eth_src, sizeof(edge->server_eth));
        pkt_put(pkt);
    }
}

static bool have_room(struct dhcp_client_udp *edge)
{
    if (edge->room == NULL)
        edge->room = pkt_alloc(edge->conf.nif->conf.pool, PKT_HEADROOM_BYTES, DHCP_BYTES_DEFAULT);
    return edge->room != NULL;
}

/* Does what the client says, until it has nothing more to say. */
static void run(struct dhcp_client_udp *edge, uint64_t now)
{
    struct dhcp_client_step step = {.len = 0};

    edge->retry_at_ns = NS_NEVER;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        if (!have_room(edge)) {
            edge->stats.no_memory++;
            edge->retry_at_ns = now + RETRY_NS;
            return;
        }
        step.buf = pkt_frag_rw(edge->room, 0);
        switch (dhcp_client_poll(&edge->client, now, &step)) {
        case DHCP_CLIENT_WAIT:
            return;
        case DHCP_CLIENT_SEND:
            send(edge, &step, now);
            break;
        case DHCP_CLIENT_PROBE:
            edge->waits_for_probe = add_address(edge, now);
            if (!edge->waits_for_probe)
                dhcp_client_probed(&edge->client, true, now);
            break;
        case DHCP_CLIENT_USE:
            use(edge, now);
            break;
        case DHCP_CLIENT_DROP:
            drop(edge, step.addr, now);
            break;
        }
    }
    edge->retry_at_ns = now;
}

/* ---- life ------------------------------------------------------------------------------------ */

void dhcp_client_udp_poll(struct dhcp_client_udp *edge, uint64_t now_ns)
{
    bool up = edge->conf.nif->conf.dev->link_up;

    if (up && !edge->link_was_up)
        dhcp_client_link_up(&edge->client, now_ns);
    edge->link_was_up = up;
    receive(edge, now_ns);
    look_at_address(edge, now_ns);
    /* Nobody hears us: what time does to a lease is done all the same, and an address that is lost
     * goes. */
    if (up || edge->client.in_use || edge->addr != 0)
        run(edge, now_ns);
    netdev_tx_flush(edge->conf.nif->conf.dev);
    say_waiting(edge, now_ns);
}

uint64_t dhcp_client_udp_poll_at(const struct dhcp_client_udp *edge)
{
    uint64_t at = edge->client.in_use ? NS_NEVER : edge->say_at_ns;

    at = u64_min(at, edge->retry_at_ns);
    if (edge->retry_at_ns == NS_NEVER && (edge->link_was_up || edge->client.in_use))
        at = u64_min(at, dhcp_client_poll_at(&edge->client));
    return at;
}

int dhcp_client_udp_open(struct dhcp_client_udp *edge, const struct dhcp_client_udp_conf *conf,
                         uint64_t now_ns)
{
    const struct netdev *dev = conf->nif->conf.dev;
    struct udp_conf udp = {
        .addr = IP4_ANY, .port = DHCP_CLIENT_PORT, .broadcast = true, .unclaimed = true};
    struct dhcp_client_conf cc = {
        .client_id = conf->client_id, .host_name = conf->host_name, .remembered = conf->remembered};
    int err;

    if (dev->caps.mtu_bytes < DHCP_BYTES_DEFAULT + DHCP_UDP_OVERHEAD ||
        (conf->probe_ns != 0 && (conf->probe_ns < NS_PER_MS || conf->probe_ns > 10 * NS_PER_S)))
        return -E_INVAL;
    memset(edge, 0, sizeof(*edge));
    edge->conf = *conf;
    if (edge->conf.probe_ns == 0)
        edge->conf.probe_ns = PROBE_NS_DEFAULT;
    memcpy(cc.mac, dev->mac, sizeof(cc.mac));
    memcpy(cc.key, conf->key, sizeof(cc.key));
    cc.reply_max = (uint16_t)size_min(dev->caps.mtu_bytes - DHCP_UDP_OVERHEAD, DHCP_REPLY_MAX);
    err = dhcp_client_init(&edge->client, &cc, now_ns);
    if (err == 0)
        err = udp_open(&edge->sock, conf->nif, &udp);
    edge->retry_at_ns = NS_NEVER;
    edge->say_at_ns = now_ns + DHCP_CLIENT_UDP_SAY_S * NS_PER_S;
    edge->link_was_up = dev->link_up;
    return err;
}

void dhcp_client_udp_close(struct dhcp_client_udp *edge, bool release, uint64_t now_ns)
{
    if (release) {
        dhcp_client_release(&edge->client);
        edge->say_at_ns = 0; /* no loss to be told */
        run(edge, now_ns);
        netdev_tx_flush(edge->conf.nif->conf.dev);
    }
    remove_address(edge);
    if (edge->room != NULL)
        pkt_put(edge->room);
    edge->room = NULL;
    udp_close(&edge->sock);
}
