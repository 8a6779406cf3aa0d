/* SPDX-License-Identifier: ISC */
/* icmp.c - ICMP: echoes answered, errors sent and delivered (RFC 792, RFC 1122 section 3.2.2). */
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/icmp4.h"
#include "tcpip/wire/tcp.h"
#include "tcpip/wire/udp.h"

enum {
    ICMP_TTL = 64,
    ICMP_ERROR_MAX = 576, /* bytes of an error packet, all headers: RFC 1812 section 4.3.2.3 */
    ICMP_QUOTE_MIN = 8,   /* bytes after the quoted header: RFC 792 */
};

#define ICMP_TX_BYTES (IP4_TX_BYTES + icmp4_SIZE)

/* Fills the room in front of an ICMP message and sends it. Takes pkt in any case. */
static void send(struct netif *nif, struct pkt *pkt, struct ip4_tx *tx, uint64_t now)
{
    tx->protocol = IP4_ICMP;
    tx->ttl = ICMP_TTL;
    ip4_send_or_drop(nif, pkt, tx, now);
}

/* ---- echo ----------------------------------------------------------------------------------- */

/* The request becomes the reply: new headers in front of the same data (RFC 1122 section
 * 3.2.2.6). Takes pkt. */
static void echo(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx,
                 const struct icmp4_hdr *request, uint64_t now)
{
    struct ip4_tx tx = {.src = rx->dst, .dst = rx->src, .df = rx->df};
    uint16_t was = (uint16_t)(ICMP4_ECHO << 8 | request->code);
    struct icmp4_hdr reply = {.type = ICMP4_ECHO_REPLY,
                              .code = request->code,
                              .checksum = cksum_update16(request->checksum, was, request->code),
                              .rest = request->rest};
    struct cs front;

    /* Where all other words are zero, only this one of the two zeros verifies; elsewhere both
     * do. */
    if (reply.checksum == 0)
        reply.checksum = 0xffff;
    pkt->csum = PKT_CSUM_UNKNOWN;
    pkt_pull(pkt, rx->off + icmp4_SIZE);
    if (pkt_push(pkt, ICMP_TX_BYTES, &front) != 0) {
        netif_drop(pkt, &nif->stats.no_memory);
        return;
    }
    icmp4_emit(cs_shift(front, IP4_TX_BYTES), &reply);
    nif->stats.icmp_echoes++;
    send(nif, pkt, &tx, now);
}

/* ---- errors that come in -------------------------------------------------------------------- */

static int error_of_unreachable(uint8_t code)
{
    switch (code) {
    case ICMP4_UNREACHABLE_PROTOCOL:
    case ICMP4_UNREACHABLE_PORT:
        return -E_CONNREFUSED;
    case ICMP4_FRAGMENTATION_NEEDED:
        return -E_MSGSIZE;
    case ICMP4_UNREACHABLE_NET_PROHIBITED:
    case ICMP4_UNREACHABLE_HOST_PROHIBITED:
    case ICMP4_UNREACHABLE_PROHIBITED:
        return -E_ACCES;
    default:
        return -E_HOSTUNREACH;
    }
}

/* UDP sockets are told the same of all that will not get there. */
static int error_for_udp(int error)
{
    return error == -E_ACCES || error == -E_TIMEDOUT ? -E_HOSTUNREACH : error;
}

bool icmp_deliver_error(struct netif *nif, const struct ip4_hdr *ip, struct cs_ro transport,
                        int error, uint32_t mtu, uint64_t now)
{
    struct tcp_key key = {.src = ip->src, .dst = ip->dst};
    uint32_t seq;

    if (!cs_try_get_be16(transport, udp_src_port_OFF, &key.src_port))
        return false;
    if (ip->protocol == IP4_UDP)
        return udp_deliver_error(nif, ip->src, key.src_port, error_for_udp(error));
    if (ip->protocol != IP4_TCP || nif->tcp_ops == NULL ||
        !cs_try_get_be16(transport, tcp_dst_port_OFF, &key.dst_port) ||
        !cs_try_get_be32(transport, tcp_seq_OFF, &seq))
        return false;
    return nif->tcp_ops->error(nif, &key, seq, error, ip4_path_mtu_answer(mtu, ip->total_len), now);
}

/* False where the message quotes nothing that we can have sent. */
static bool error_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx,
                        const struct icmp4_hdr *icmp, uint64_t now)
{
    uint32_t quoted_off = rx->off + icmp4_SIZE;
    uint32_t quoted_len = u32_min(rx->len - icmp4_SIZE, IP4_HEADER_MAX + ICMP_QUOTE_MIN);
    int error = -E_HOSTUNREACH;
    struct cs_ro front, quoted;
    struct ip4_hdr ip;

    if (!pkt_pull_up(pkt, quoted_off + quoted_len, &front))
        return false;
    quoted = cs_shift(front, quoted_off);
    if (!ip4_parse_quoted(&ip, quoted) || !netif_is_own(nif, ip.src) ||
        ip4_frag_off(ip.flags_off) != 0)
        return false;
    if (icmp->type == ICMP4_UNREACHABLE)
        error = error_of_unreachable(icmp->code);
    else if (icmp->type == ICMP4_PARAMETER)
        error = -E_PROTO;
    else if (icmp->code != ICMP4_TIME_REASSEMBLY)
        error = -E_TIMEDOUT;
    /* A path does not become narrower for a packet that was allowed to be cut. */
    if (error == -E_MSGSIZE && (ip.flags_off & IP4_DF) == 0)
        return false;
    if (!icmp_deliver_error(nif, &ip, cs_shift(quoted, ip.header_len), error, icmp->rest & 0xffff,
                            now))
        return false;
    if (error == -E_MSGSIZE)
        ip4_path_mtu_update(nif, ip.dst, icmp->rest & 0xffff, ip.total_len, now);
    return true;
}

void icmp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now)
{
    uint64_t *reason = &nif->stats.icmp_ignored;
    struct icmp4_hdr icmp;
    struct cs_ro front;

    if (rx->len < icmp4_SIZE) {
        netif_drop(pkt, &nif->stats.icmp_malformed);
        return;
    }
    if (!pkt_pull_up(pkt, rx->off + icmp4_SIZE, &front)) {
        netif_drop(pkt, &nif->stats.no_memory);
        return;
    }
    if (!icmp4_parse(&icmp, cs_shift(front, rx->off)) ||
        cksum_finish(netif_cksum(pkt, rx->off, rx->len, 0)) != 0) {
        netif_drop(pkt, &nif->stats.icmp_checksum);
        return;
    }
    if (rx->cast == IP4_UNICAST) {
        switch (icmp.type) {
        case ICMP4_ECHO:
            echo(nif, pkt, rx, &icmp, now);
            return;
        case ICMP4_UNREACHABLE:
        case ICMP4_TIME_EXCEEDED:
        case ICMP4_PARAMETER:
            if (error_input(nif, pkt, rx, &icmp, now))
                reason = &nif->stats.icmp_errors_received;
            break;
        default: /* redirects too: a stranger does not change our routes. Source quench: RFC 6633 */
            break;
        }
    }
    netif_drop(pkt, reason);
}

/* ---- errors that go out --------------------------------------------------------------------- */

/* A token bucket: 100 errors a second on average, about 50 at once. Each costs one to three
 * tokens, which nobody outside knows: from a bucket that can be counted an attacker learns which
 * ports are open (CVE-2020-25705). */
static bool may_send_error(struct netif *nif, uint64_t now)
{
    const uint64_t token_ns = 5 * NS_PER_MS;
    const uint32_t tokens_max = 100, cost_max = 3;
    uint64_t earned = (now - nif->icmp_tokens_at) / token_ns;

    if (earned >= tokens_max - nif->icmp_tokens) {
        nif->icmp_tokens = tokens_max;
        nif->icmp_tokens_at = now;
    } else {
        nif->icmp_tokens += (uint32_t)earned;
        nif->icmp_tokens_at += earned * token_ns;
    }
    /* Whoever waited for a cheap one would count by that. */
    if (nif->icmp_tokens < cost_max) {
        nif->stats.icmp_rate++;
        return false;
    }
    nif->icmp_tokens -= 1 + (uint32_t)(netif_random(nif) % cost_max);
    return true;
}

/* RFC 1122 section 3.2.2: never about an ICMP error, a packet to more than one host, a fragment
 * but the first, or from no one host. */
static bool deserves_error(const struct pkt *pkt, const struct ip4_rx *rx)
{
    uint8_t type;

    if (rx->cast != IP4_UNICAST || rx->link_group || !ip4_is_unicast(rx->src))
        return false;
    if (rx->protocol != IP4_ICMP)
        return true;
    return pkt_read(pkt, rx->off, cs_of(&type, 1)) &&
           (type == ICMP4_ECHO || type == ICMP4_ECHO_REPLY);
}

/* How much of a packet of `total` bytes is quoted: not more than fits 576 bytes, and no more
 * than keeps the error within the packet's own size, but always the header and eight bytes. */
static uint32_t quote_len(uint32_t total, uint32_t header_len)
{
    const uint32_t overhead = ip4_SIZE + icmp4_SIZE;
    uint32_t least = u32_min(header_len + ICMP_QUOTE_MIN, total);
    uint32_t most = u32_min(total, ICMP_ERROR_MAX) - u32_min(overhead, total);

    return most > least ? most : least;
}

void icmp_error(struct netif *nif, const struct pkt *pkt, const struct ip4_rx *rx, uint8_t type,
                uint8_t code, uint32_t rest, uint64_t now)
{
    struct icmp4_hdr icmp = {.type = type, .code = code, .rest = rest};
    struct ip4_tx tx = {.src = rx->dst, .dst = rx->src};
    uint32_t n = quote_len(pkt->len - eth_SIZE, rx->off - eth_SIZE);
    struct pkt *error;
    struct cs message;

    if (!deserves_error(pkt, rx) || !may_send_error(nif, now))
        return;
    error = pkt_alloc(nif->conf.pool, 0, ICMP_TX_BYTES + n);
    if (error == NULL) {
        nif->stats.no_memory++;
        return;
    }
    message = cs_shift(pkt_frag_rw(error, 0), IP4_TX_BYTES);
    pkt_read(pkt, eth_SIZE, cs_shift(message, icmp4_SIZE));
    icmp4_emit(message, &icmp);
    icmp.checksum = cksum_finish(cksum_partial(cs_as_ro(message), 0));
    icmp4_emit(message, &icmp);
    nif->stats.icmp_errors_sent++;
    send(nif, error, &tx, now);
}
