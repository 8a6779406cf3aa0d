/* SPDX-License-Identifier: ISC */
/* igmp.c - membership in multicast groups, IGMPv2's host side (RFC 2236 section 6).
 *
 * A group's states and the fields that hold them:
 *     non-member       not in nif->groups
 *     delaying member  report_at is a time
 *     idle member      report_at is NS_NEVER
 */
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/igmp.h"

#define IGMP_ALL_HOSTS IP4_ADDR(224, 0, 0, 1)   /* everybody is a member, and nobody says so */
#define IGMP_ALL_ROUTERS IP4_ADDR(224, 0, 0, 2) /* where leaves go */

/* RFC 2236 section 8 */
#define UNSOLICITED_INTERVAL_NS (10 * NS_PER_S)
#define V1_ROUTER_TIMEOUT_NS (400 * NS_PER_S)
#define V1_MAX_RESPONSE_NS (10 * NS_PER_S)
#define MAX_RESP_UNIT_NS (100 * NS_PER_MS)

/* Which of the joined groups it is; group_count: none. */
static uint32_t find(const struct netif *nif, uint32_t group)
{
    uint32_t i = 0;

    while (i < nif->group_count && nif->groups[i].group != group)
        i++;
    return i;
}

/* The device is to give us this group's frames, or no more. One without a filter gives all. */
static int device_multicast(struct netif *nif, uint32_t group, bool join)
{
    struct netdev *dev = nif->conf.dev;
    uint8_t mac[6];

    eth_mac_to_bytes(eth_mac_of_group(group), mac);
    return dev->ops->multicast == NULL ? 0 : dev->ops->multicast(dev, mac, join);
}

/* RFC 1112 section 7.2: the all-hosts group is joined on every interface, and never left: routers'
 * queries go there. */
void igmp_init(struct netif *nif)
{
    (void)device_multicast(nif, IGMP_ALL_HOSTS, true);
}

void igmp_fini(struct netif *nif)
{
    for (uint32_t i = 0; i < nif->group_count; i++)
        (void)device_multicast(nif, nif->groups[i].group, false);
    (void)device_multicast(nif, IGMP_ALL_HOSTS, false);
}

bool igmp_is_member(const struct netif *nif, uint32_t group)
{
    return group == IGMP_ALL_HOSTS || find(nif, group) < nif->group_count;
}

static void send(struct netif *nif, uint8_t type, uint32_t group, uint32_t to, uint64_t now)
{
    /* Router alert (RFC 2113): routers look at it though it is not for them. */
    static const uint8_t options[4] = {0x94, sizeof(options), 0, 0};
    struct igmp_msg msg = {.type = type, .group = group};
    struct ip4_tx tx = {.dst = to, .protocol = IP4_IGMP, .ttl = 1, .options_len = sizeof(options)};
    struct pkt *pkt =
        pkt_alloc(nif->conf.pool, 0, IP4_TX_BYTES + (uint32_t)sizeof(options) + igmp_SIZE);
    struct cs frame;

    if (pkt == NULL) {
        nif->stats.no_memory++;
        return;
    }
    frame = pkt_frag_rw(pkt, 0);
    cs_blit(frame, IP4_TX_BYTES, cs_ro_of(options, sizeof(options)));
    igmp_emit(cs_shift(frame, IP4_TX_BYTES + sizeof(options)), &msg);
    ip4_send_or_drop(nif, pkt, &tx, now);
}

static uint64_t some_time_within(struct netif *nif, uint64_t max_ns, uint64_t now)
{
    return now + 1 + netif_random(nif) % max_ns;
}

static void report(struct netif *nif, struct netif_group *group, uint64_t now)
{
    uint8_t type = now < nif->igmp_v1_until ? IGMP_REPORT_V1 : IGMP_REPORT_V2;

    nif->stats.igmp_reports++;
    send(nif, type, group->group, group->group, now);
    group->last_reporter = true;
    group->report_at = NS_NEVER;
    if (group->reports_left != 0) {
        group->reports_left--;
        group->report_at = some_time_within(nif, UNSOLICITED_INTERVAL_NS, now);
        netif_timer(nif, group->report_at);
    }
}

int netif_multicast_join(struct netif *nif, uint32_t group, uint64_t now_ns)
{
    struct netif_group *slot;
    int err;

    if (!ip4_is_multicast(group) || group == IGMP_ALL_HOSTS)
        return -E_INVAL;
    if (find(nif, group) < nif->group_count)
        return -E_EXIST;
    if (nif->group_count == NETIF_GROUPS_MAX)
        return -E_NOSPC;
    err = device_multicast(nif, group, true);
    if (err != 0)
        return err;
    slot = &nif->groups[nif->group_count++];
    *slot = (struct netif_group){.group = group, .reports_left = 1};
    report(nif, slot, now_ns);
    return 0;
}

/* Does another joined group have the same MAC? Only 23 bits of a group are in it. */
static bool mac_is_shared(struct netif *nif, uint32_t group)
{
    uint64_t mac = eth_mac_of_group(group);

    for (uint32_t i = 0; i < nif->group_count; i++)
        if (eth_mac_of_group(nif->groups[i].group) == mac)
            return true;
    return eth_mac_of_group(IGMP_ALL_HOSTS) == mac;
}

int netif_multicast_leave(struct netif *nif, uint32_t group, uint64_t now_ns)
{
    uint32_t i = find(nif, group);
    bool last_reporter;

    if (i == nif->group_count)
        return -E_INVAL;
    last_reporter = nif->groups[i].last_reporter;
    nif->groups[i] = nif->groups[--nif->group_count];
    if (!mac_is_shared(nif, group))
        (void)device_multicast(nif, group, false);
    /* RFC 2236 section 3 and section 4: who did not report last need not say that it leaves;
     * version 1 routers know no leave. */
    if (last_reporter && now_ns >= nif->igmp_v1_until)
        send(nif, IGMP_LEAVE, group, IGMP_ALL_ROUTERS, now_ns);
    return 0;
}

/* ---- what others say ------------------------------------------------------------------------ */

static void query_input(struct netif *nif, const struct igmp_msg *msg, uint64_t now)
{
    uint64_t within = msg->max_resp * MAX_RESP_UNIT_NS;

    if (msg->max_resp == 0) { /* RFC 2236 section 4 */
        nif->igmp_v1_until = now + V1_ROUTER_TIMEOUT_NS;
        within = V1_MAX_RESPONSE_NS;
    }
    for (uint32_t i = 0; i < nif->group_count; i++) {
        struct netif_group *group = &nif->groups[i];
        uint64_t at;

        if (msg->group != 0 && msg->group != group->group)
            continue;
        /* A running timer is shortened, never made longer. */
        at = some_time_within(nif, within, now);
        if (group->report_at > now + within)
            group->report_at = at;
        netif_timer(nif, group->report_at);
    }
}

void igmp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now)
{
    uint64_t *reason = &nif->stats.igmp_malformed;
    struct igmp_msg msg;
    struct cs_ro front;
    uint32_t i;

    if (rx->len < igmp_SIZE || rx->len > PAGE_BYTES - rx->off) {
        netif_drop(pkt, reason);
        return;
    }
    if (!pkt_pull_up(pkt, rx->off + rx->len, &front))
        reason = &nif->stats.no_memory;
    else if (igmp_parse(&msg, cs_shift(front, rx->off)) == IGMP_OK)
        reason = NULL;
    if (reason != NULL) {
        netif_drop(pkt, reason);
        return;
    }
    pkt_put(pkt);
    if (msg.type == IGMP_QUERY) {
        query_input(nif, &msg, now);
    } else if (msg.type == IGMP_REPORT_V1 || msg.type == IGMP_REPORT_V2) {
        i = find(nif, msg.group);
        /* Another member has said it for us. */
        if (i < nif->group_count && nif->groups[i].report_at != NS_NEVER) {
            nif->groups[i].report_at = NS_NEVER;
            nif->groups[i].reports_left = 0;
            nif->groups[i].last_reporter = false;
        }
    }
}

uint64_t igmp_timers(struct netif *nif, uint64_t now)
{
    uint64_t at = NS_NEVER;

    for (uint32_t i = 0; i < nif->group_count; i++) {
        if (nif->groups[i].report_at <= now)
            report(nif, &nif->groups[i], now);
        at = u64_min(at, nif->groups[i].report_at);
    }
    return at;
}
