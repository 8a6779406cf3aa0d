/* SPDX-License-Identifier: ISC */
/* tcp_lro.c - large receive: segments that follow each other go through the state machine as one.
 *
 * What a segment costs above the checksum is paid once for all that are joined. One segment waits,
 * for the next one of its connection or for the end of the poll; a segment of another shape or
 * connection sends it on first, so nothing is reordered. Joined are only segments with new data in
 * order, and flags, options and ECN alike: to TCP it looks as if the peer had sent a longer one.
 *
 * Of what the segments say, the last one's ACK, window and timestamp echo count, which are the
 * newest; and the first one's timestamp, which is what an ACK of them all has to echo (RFC 7323
 * section 4.3 (2)).
 */
#include "tcpip/tcp_priv.h"

#define LRO_BYTES_MAX 65535u /* of payload in one joined segment */

/* May it wait for others, or be joined? PSH says only that the peer had no more to send then. */
static inline bool is_plain(const struct tcp_rx *rx)
{
    return (rx->hdr.flags | TCP_PSH) == (TCP_ACK | TCP_PSH) && rx->len != 0 &&
           (rx->opts.has & ~TCP_HAS_TS) == 0 && rx->ip->cast == IP4_UNICAST;
}

static inline bool is_next(const struct tcp_rx *last, const struct tcp_rx *rx)
{
    return rx->hdr.seq == last->hdr.seq + last->len && rx->key.src_port == last->key.src_port &&
           rx->key.dst_port == last->key.dst_port && rx->key.dst == last->key.dst &&
           rx->key.src == last->key.src && rx->opts.has == last->opts.has && rx->ecn == last->ecn &&
           seq_ge(rx->hdr.ack, last->hdr.ack) &&
           (rx->opts.has == 0 || seq_ge(rx->opts.ts_val, last->opts.ts_val));
}

/* Moves the payload's fragments: bytes stay where they are. */
static void move_payload(struct pkt *to, struct pkt *from, uint32_t off)
{
    pkt_pull(from, off);
    for (unsigned i = 0; i < from->frag_count; i++) {
        int err = pkt_append_take(to, from->frag[i].page, from->frag[i].off, from->frag[i].len);

        ASSERT(err == 0);
    }
    from->frag_count = 0;
    from->len = 0;
    pkt_put(from);
}

static void join(struct tcp_rx *last, struct tcp_rx *rx)
{
    move_payload(last->pkt, rx->pkt, rx->text_off);
    rx->pkt = NULL;
    last->hdr.flags |= rx->hdr.flags;
    last->hdr.ack = rx->hdr.ack;
    last->hdr.window = rx->hdr.window;
    last->opts.ts_ecr = rx->opts.ts_ecr;
    last->len += rx->len;
    last->segs += rx->segs;
    last->mss = rx->mss > last->mss ? rx->mss : last->mss;
}

void tcp_lro_flush(struct tcp *tcp)
{
    struct tcp_rx rx;

    if (tcp->lro->rx.pkt == NULL)
        return;
    rx = tcp->lro->rx;
    tcp->lro->rx.pkt = NULL;
    tcp_in_segment(tcp, &rx);
}

void tcp_lro_input(struct tcp *tcp, struct tcp_rx *rx)
{
    struct tcp_lro *lro = tcp->lro;

    if (UNLIKELY(!is_plain(rx))) {
        tcp_lro_flush(tcp);
        tcp_in_segment(tcp, rx);
        return;
    }
    if (LIKELY(lro->rx.pkt != NULL)) {
        if (LIKELY(is_next(&lro->rx, rx)) && lro->rx.len + rx->len <= LRO_BYTES_MAX &&
            lro->rx.pkt->frag_count + rx->pkt->frag_count <= PKT_FRAGS_MAX) {
            tcp->stats.merged_in += rx->segs;
            join(&lro->rx, rx);
            return;
        }
        tcp_lro_flush(tcp);
    }
    lro->ip = *rx->ip;
    lro->rx = *rx;
    lro->rx.ip = &lro->ip;
}
