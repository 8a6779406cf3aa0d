/* SPDX-License-Identifier: ISC */
/* ip4_in.c - a received IPv4 packet: is it well formed, is it for us, and whose is it (RFC 791, RFC 1122 section 3.2.1). */
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/icmp4.h"

/* Parses and verifies the header; options may follow. Returns the counter of a reason to drop it, or NULL. */
static uint64_t *check_header(struct netif *nif, struct pkt *pkt, struct ip4_hdr *ip)
{
    uint64_t *const reasons[] = {
        [IP4_OK] = NULL,
        [IP4_SHORT] = &nif->stats.ip4_short,
        [IP4_HEADER] = &nif->stats.ip4_header,
        [IP4_CHECKSUM] = &nif->stats.ip4_checksum,
    };
    uint32_t header_len = ip4_SIZE;
    enum ip4_result result;
    struct cs_ro front;

    if (pkt->len < IP4_TX_BYTES)
        return &nif->stats.ip4_short;
    if (!netif_front(pkt, IP4_TX_BYTES, &front))
        return &nif->stats.no_memory;
    header_len = (cs_get_u8(front, eth_SIZE) & 0xfu) * 4;
    if (UNLIKELY(header_len > ip4_SIZE && eth_SIZE + header_len <= pkt->len) &&
        !netif_front(pkt, eth_SIZE + header_len, &front))
        return &nif->stats.no_memory;
    result = ip4_parse(ip, cs_shift(front, eth_SIZE), pkt->len - eth_SIZE);
    if (UNLIKELY(result != IP4_OK))
        return reasons[result];
    if (UNLIKELY(ip->total_len > ip4_path_mtu_link(nif)))
        return &nif->stats.ip4_too_long;
    return NULL;
}

/* What the addresses are to us (RFC 1122 section 3.2.1.3, RFC 1812 section 5.3.7). Returns a reason to drop it, or NULL. */
static uint64_t *check_addresses(struct netif *nif, struct ip4_rx *rx, bool from_us)
{
    uint32_t src = rx->ip.src, dst = rx->ip.dst;
    bool ours = false;

    for (uint32_t i = 0; i < nif->addr_count; i++) {
        const struct netif_addr *addr = &nif->addrs[i];
        uint32_t broadcast = addr->addr | ~addr->mask;

        if (addr->state != NETIF_ADDR_READY)
            continue;
        if (UNLIKELY(src == addr->addr) && !from_us)
            return &nif->stats.ip4_martian;
        if (dst == addr->addr) {
            ours = true;
            rx->cast = IP4_UNICAST;
        }
        if (addr->prefix_len >= 31)
            continue;
        if (UNLIKELY(src == broadcast))
            return &nif->stats.ip4_martian;
        if (dst == broadcast) {
            ours = true;
            rx->cast = IP4_BROADCASTED;
        }
    }
    if (dst == IP4_BROADCAST) {
        ours = true;
        rx->cast = IP4_BROADCASTED;
    } else if (ip4_is_multicast(dst)) {
        ours = igmp_is_member(nif, dst);
        rx->cast = IP4_MULTICASTED;
    } else if (UNLIKELY(!ip4_is_unicast(dst))) {
        return &nif->stats.ip4_martian;
    }
    /* A host that has no address yet asks everybody (RFC 2131); a switch asks for group members (RFC 4541). */
    if (UNLIKELY(!ip4_is_unicast(src)) &&
        !(src == IP4_ANY && dst == IP4_BROADCAST && rx->ip.protocol == IP4_UDP) &&
        !(src == IP4_ANY && rx->ip.protocol == IP4_IGMP))
        return &nif->stats.ip4_martian;
    if (!ours)
        return &nif->stats.ip4_not_ours;
    /* RFC 1122 section 3.3.6: one host's packet in everybody's frame. */
    if (UNLIKELY(rx->cast == IP4_UNICAST && rx->link_group))
        return &nif->stats.ip4_martian;
    return NULL;
}

/* Options are skipped, unless they are a source route or do not add up (RFC 1122 sections 3.2.1.8 and 3.2.2.5). */
static bool check_options(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now)
{
    struct cs_ro front = pkt_frag_view(pkt, 0);
    uint8_t where = 0;

    switch (ip4_options_check(cs_sub(front, IP4_TX_BYTES, rx->ip.header_len - ip4_SIZE), &where)) {
    case IP4_OPTIONS_OK:
        return true;
    case IP4_OPTIONS_MALFORMED:
        icmp_error(nif, pkt, rx, ICMP4_PARAMETER, 0, (uint32_t)(ip4_SIZE + where) << 24, now);
        break;
    case IP4_OPTIONS_SOURCE_ROUTE:
        break;
    }
    netif_drop(pkt, &nif->stats.ip4_options);
    return false;
}

void ip4_input(struct netif *nif, struct pkt *pkt, const struct eth_hdr *eth, bool from_us,
               uint64_t now)
{
    struct ip4_rx rx;
    uint64_t *reason = check_header(nif, pkt, &rx.ip);

    if (reason == NULL) {
        rx.link_group = eth_mac_is_group(eth->dst);
        reason = check_addresses(nif, &rx, from_us);
    }
    if (reason != NULL) {
        netif_drop(pkt, reason);
        return;
    }
    /* What Ethernet padded, or anybody appended, is not payload. */
    if (pkt->len > eth_SIZE + (uint32_t)rx.ip.total_len)
        pkt_trim(pkt, eth_SIZE + (uint32_t)rx.ip.total_len);
    rx.off = eth_SIZE + rx.ip.header_len;
    rx.len = rx.ip.total_len - (uint32_t)rx.ip.header_len;
    if (UNLIKELY(rx.ip.header_len != ip4_SIZE) && !check_options(nif, pkt, &rx, now))
        return;
    if (UNLIKELY((rx.ip.flags & IP4_MF) != 0 || rx.ip.frag_off != 0)) {
        pkt = ip4_frag_input(nif, pkt, &rx, now);
        if (pkt == NULL)
            return;
    }
    switch (rx.ip.protocol) {
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
        /* Protocol 4, IPv4 in IPv4, is one of these: nothing is decapsulated. RFC 1122 section 3.2.2.1. */
        icmp_error(nif, pkt, &rx, ICMP4_UNREACHABLE, ICMP4_UNREACHABLE_PROTOCOL, 0, now);
        netif_drop(pkt, &nif->stats.ip4_protocol);
    }
}
