/* SPDX-License-Identifier: ISC */
/* ip4_in.c - a received IPv4 packet: is it well formed, is it for us, and whose is it (RFC 791,
 * RFC 1122 section 3.2.1). */
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/icmp4.h"

/* Checks give why a packet goes no further: a counter, or NULL where it does. */

static COLD uint64_t *parse_reason(struct netif *nif, enum ip4_result result)
{
    switch (result) {
    case IP4_SHORT:
        return &nif->stats.ip4_short;
    case IP4_CHECKSUM:
        return &nif->stats.ip4_checksum;
    default:
        return &nif->stats.ip4_header;
    }
}

/* A header of more than 20 bytes, or none at all. */
static COLD enum ip4_result parse_long(struct pkt *pkt, struct ip4_hdr *ip, struct cs_ro front)
{
    uint32_t header_len = (cs_get_u8(front, eth_SIZE) & 0xfu) * 4;

    /* Where joining fails for want of memory it looks like a short packet. */
    if (header_len > ip4_SIZE && eth_SIZE + header_len <= pkt->len)
        pkt_pull_up(pkt, eth_SIZE + header_len, &front);
    return ip4_parse(ip, cs_shift(front, eth_SIZE), pkt->len - eth_SIZE);
}

/* Parses and verifies the header, options included. */
static inline uint64_t *check_header(struct netif *nif, struct pkt *pkt, struct ip4_hdr *ip,
                                     bool from_us)
{
    enum ip4_result result;
    struct cs_ro front;

    if (UNLIKELY(pkt->len < IP4_TX_BYTES))
        return &nif->stats.ip4_short;
    if (UNLIKELY(!pkt_pull_up(pkt, IP4_TX_BYTES, &front)))
        return &nif->stats.no_memory;
    if (LIKELY(cs_get_u8(front, eth_SIZE) == 0x45)) {
        result = ip4_parse(ip, cs_sub(front, eth_SIZE, ip4_SIZE), pkt->len - eth_SIZE);
    } else {
        struct ip4_hdr parsed = {0};

        result = parse_long(pkt, &parsed, front);
        *ip = parsed;
    }
    if (UNLIKELY(result != IP4_OK))
        return parse_reason(nif, result);
    if (UNLIKELY(ip->total_len > nif->conf.dev->caps.mtu_bytes) && !from_us && pkt->gso_size == 0)
        return &nif->stats.ip4_too_long;
    return NULL;
}

/* A packet that is not for one address of ours: for everybody, for a group, or for others (RFC
 * 1122 section 3.2.1.3). */
static COLD uint64_t *check_group(struct netif *nif, struct ip4_rx *rx)
{
    if (rx->dst == IP4_BROADCAST) {
        rx->cast = IP4_BROADCASTED;
        return NULL;
    }
    for (uint32_t i = 0; i < nif->own_count; i++)
        if (rx->dst == nif->own[i].broadcast) {
            rx->cast = IP4_BROADCASTED;
            return NULL;
        }
    rx->cast = IP4_MULTICASTED;
    if (ip4_is_multicast(rx->dst))
        return igmp_is_member(nif, rx->dst) ? NULL : &nif->stats.ip4_not_ours;
    if (!ip4_is_unicast(rx->dst))
        return &nif->stats.ip4_martian;
    rx->cast = IP4_UNCLAIMED;
    return nif->udp_unclaimed != 0 && rx->protocol == IP4_UDP && !rx->link_group
               ? NULL
               : &nif->stats.ip4_not_ours;
}

/* A host that has no address yet asks everybody (RFC 2131); a switch without one asks for group
 * members (RFC 4541). */
static COLD bool may_be_nobody(const struct ip4_rx *rx)
{
    return rx->src == IP4_ANY &&
           ((rx->dst == IP4_BROADCAST && rx->protocol == IP4_UDP) || rx->protocol == IP4_IGMP);
}

/* What the addresses are to us (RFC 1122 section 3.2.1.3, RFC 1812 section 5.3.7). */
static inline uint64_t *check_addresses(struct netif *nif, struct ip4_rx *rx, bool from_us)
{
    bool ours = false;

    for (uint32_t i = 0; i < nif->own_count; i++) {
        const struct netif_own *own = &nif->own[i];

        /* From us, or from everybody: nobody but ourselves sends that. */
        if (UNLIKELY(rx->src == own->addr || rx->src == own->broadcast) && !from_us)
            return &nif->stats.ip4_martian;
        ours = ours || rx->dst == own->addr;
    }
    if (UNLIKELY(!ip4_is_unicast(rx->src)) && !may_be_nobody(rx))
        return &nif->stats.ip4_martian;
    rx->cast = IP4_UNICAST;
    if (UNLIKELY(!ours))
        return check_group(nif, rx);
    /* RFC 1122 section 3.3.6: one host's packet in everybody's frame. */
    return UNLIKELY(rx->link_group) ? &nif->stats.ip4_martian : NULL;
}

/* Options are skipped, unless they are a source route or do not add up (RFC 1122 sections
 * 3.2.1.8 and 3.2.2.5). */
static COLD bool check_options(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx,
                               bool first, uint64_t now)
{
    struct cs_ro options = cs_sub(pkt_frag_view(pkt, 0), IP4_TX_BYTES, rx->off - IP4_TX_BYTES);
    uint8_t where = 0;

    switch (ip4_options_check(options, &where)) {
    case IP4_OPTIONS_OK:
        return true;
    case IP4_OPTIONS_MALFORMED:
        if (first)
            icmp_error(nif, pkt, rx, ICMP4_PARAMETER, 0, (uint32_t)(ip4_SIZE + where) << 24, now);
        break;
    case IP4_OPTIONS_SOURCE_ROUTE:
        break;
    }
    netif_drop(pkt, &nif->stats.ip4_options);
    return false;
}

void ip4_input(struct netif *nif, struct pkt *pkt, bool link_group, bool from_us, uint64_t now)
{
    struct ip4_hdr ip;
    struct ip4_rx rx;
    uint64_t *reason = check_header(nif, pkt, &ip, from_us);

    if (LIKELY(reason == NULL)) {
        rx = (struct ip4_rx){.src = ip.src,
                             .dst = ip.dst,
                             .off = eth_SIZE + (uint32_t)ip.header_len,
                             .len = (uint32_t)ip.total_len - ip.header_len,
                             .protocol = ip.protocol,
                             .tos = ip.tos,
                             .link_group = link_group,
                             .df = (ip.flags_off & IP4_DF) != 0};
        reason = check_addresses(nif, &rx, from_us);
    }
    if (UNLIKELY(reason != NULL)) {
        netif_drop(pkt, reason);
        return;
    }
    /* What Ethernet padded, or anybody appended, is not payload. */
    if (pkt->len > eth_SIZE + (uint32_t)ip.total_len)
        pkt_trim(pkt, eth_SIZE + (uint32_t)ip.total_len);
    if (UNLIKELY(ip.header_len != ip4_SIZE) &&
        !check_options(nif, pkt, &rx, ip4_frag_off(ip.flags_off) == 0, now))
        return;
    if (UNLIKELY(ip4_is_fragment(ip.flags_off))) {
        struct ip4_hdr copy = ip; /* so that in the usual case the header stays in registers */

        pkt = ip4_frag_input(nif, pkt, &copy, &rx, now);
        if (pkt == NULL)
            return;
    }
    if (LIKELY(rx.protocol == IP4_TCP) && nif->tcp_ops != NULL) {
        nif->tcp_ops->input(nif, pkt, &rx, now);
        return;
    }
    switch (rx.protocol) {
    case IP4_UDP:
        udp_input(nif, pkt, &rx, now);
        break;
    case IP4_ICMP:
        icmp_input(nif, pkt, &rx, now);
        break;
    case IP4_IGMP:
        igmp_input(nif, pkt, &rx, now);
        break;
    default:
        /* Protocol 4, IPv4 in IPv4, is one of these: nothing is decapsulated. RFC 1122 section
         * 3.2.2.1. */
        icmp_error(nif, pkt, &rx, ICMP4_UNREACHABLE, ICMP4_UNREACHABLE_PROTOCOL, 0, now);
        netif_drop(pkt, &nif->stats.ip4_protocol);
    }
}
