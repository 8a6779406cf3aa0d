/* SPDX-License-Identifier: ISC */
/* tcp_emit.c - segments as packets: headers in a slot, payload by reference, checksum.
 *
 * Headers of all connections are cut one after the other from a page that each packet holds a
 * reference to. A slot is written once: what a device may still be reading does not change, a
 * retransmission has a slot of its own, and the page is free when the last of its packets is. If
 * that is before the page is full, it is begun anew.
 *
 * Payload is the chunks' pages, one more reference for each: so the bytes sent again are the bytes
 * that were sent first. */
#include "tcpip/tcp_priv.h"

enum {
    SLOT_FIRST = 2, /* so that the IPv4 header begins at a multiple of 4 */
    SLOT_ALIGN = 16,
    ECN_BITS = 3,
    ECN_ECT0 = 2, /* RFC 3168 section 5 */
};
#define NO_MEMORY_RETRY_NS NS_PER_MS

/* Options as they go, where they are not the usual ones: none, or timestamps alone. */
struct options {
    uint32_t len;
    uint8_t bytes[TCP_OPTIONS_MAX];
};

/* ---- a packet ------------------------------------------------------------------------------- */

static COLD bool new_page(struct tcp *tcp)
{
    struct page *page = page_get(tcp->conf.nif->conf.pool->pages);

    if (page == NULL)
        return false;
    if (tcp->headers != NULL)
        page_put(tcp->headers);
    tcp->headers = page;
    return true;
}

/* A packet with `bytes` of headers to be filled; NULL: no memory. */
ALWAYS_INLINE struct pkt *begin(struct tcp *tcp, uint32_t bytes, struct cs *front)
{
    uint32_t off = tcp->headers_off;
    struct pkt *pkt;

    if (UNLIKELY(tcp->headers == NULL || off > PAGE_BYTES || bytes > PAGE_BYTES - off)) {
        if (!new_page(tcp))
            return NULL;
        off = SLOT_FIRST;
    } else if (tcp->headers->refs == 1) {
        off = SLOT_FIRST; /* none of its packets is left */
    }
    pkt = pkt_get(tcp->conf.nif->conf.pool);
    if (UNLIKELY(pkt == NULL))
        return NULL;
    page_ref(tcp->headers);
    pkt->frag[0] = (struct pkt_frag){tcp->headers, (uint16_t)off, (uint16_t)bytes};
    pkt->frag_count = 1;
    pkt->len = bytes;
    *front = cs_of(tcp->headers->base + off, bytes);
    tcp->headers_off = off + ((bytes + SLOT_ALIGN - 1) & ~(SLOT_ALIGN - 1u));
    return pkt;
}

/* There is one place for a fragment left, and more chunks than that: copies. */
static COLD int append_copies(struct pkt *pkt, const struct tcp_chunk *chunk, uint32_t off,
                              uint32_t len)
{
    while (len != 0) {
        uint32_t part = u32_min(chunk->len - off, len);
        int err = pkt_append_copy(pkt, cs_ro_of(chunk->page->base + chunk->off + off, part));

        if (err != 0)
            return err;
        len -= part;
        off = 0;
        chunk = chunk->next;
    }
    return 0;
}

/* Several chunks. `off`: of the first byte in `chunk`, or beyond it. */
static int append_chunks(struct pkt *pkt, const struct tcp_chunk *chunk, uint32_t off, uint32_t len)
{
    while (off >= chunk->len) {
        off -= chunk->len;
        chunk = chunk->next;
    }
    while (len != 0) {
        uint32_t part = u32_min(chunk->len - off, len);

        if (UNLIKELY(pkt->frag_count == PKT_FRAGS_MAX - 1 && part != len))
            return append_copies(pkt, chunk, off, len);
        pkt_append(pkt, chunk->page, (uint32_t)chunk->off + off, part);
        len -= part;
        off = 0;
        chunk = chunk->next;
    }
    return 0;
}

/* Appends `len` bytes from `seq`, which lies in `chunk` or after it. */
ALWAYS_INLINE int append_payload(struct pkt *pkt, const struct tcp_chunk *chunk, uint32_t seq,
                                 uint32_t len)
{
    uint32_t off = seq - chunk->seq;

    if (LIKELY(off < chunk->len && len <= chunk->len - off))
        return pkt_append(pkt, chunk->page, (uint32_t)chunk->off + off, len);
    return append_chunks(pkt, chunk, off, len);
}

/* Fills the checksum field of a segment of `len` bytes, header and all. A device that can completes
 * the sum itself. */
ALWAYS_INLINE void checksum(const struct netif *nif, struct pkt *pkt, struct cs header,
                            const struct ip4_tx *ip, uint32_t len)
{
    uint32_t sum = cksum_pseudo4(ip->src, ip->dst, IP4_TCP, (uint16_t)len);

    if (LIKELY(nif->conf.dev->caps.csum_tx)) {
        tcp_set_checksum(header, (uint16_t)~cksum_finish(sum));
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = IP4_TX_BYTES;
        pkt->csum_off = tcp_checksum_OFF;
        return;
    }
    tcp_set_checksum(header, cksum_finish(netif_cksum(pkt, IP4_TX_BYTES, len, sum)));
}

/* ---- a connection's segment ------------------------------------------------------------------ */

static bool has_sack(const struct tcp_conn *conn)
{
    return conn->sack_ok &&
           (conn->rcv.ooo.count != 0 || conn->rcv.dsack.start != conn->rcv.dsack.end);
}

/* RFC 5482 section 3.1: 15 bits of seconds, or of minutes with the first bit set. */
static uint16_t user_timeout(uint64_t ns)
{
    uint64_t s = ns / NS_PER_S;

    return s <= 0x7fff ? (uint16_t)s : (uint16_t)(0x8000 | u64_min(s / 60, 0x7fff));
}

/* All but the usual options of a segment that is no SYN. room: bytes that the payload leaves. */
static COLD void unusual_options(struct tcp_conn *conn, uint32_t room, uint64_t now,
                                 struct options *out)
{
    struct tcp_options options = {.has = 0};
    uint32_t used = tcp_options_len(conn);

    if (conn->ts_ok) {
        options.has = TCP_HAS_TS;
        options.ts_val = tcp_ts_now(conn->tcp, conn->ts_offset, now);
        options.ts_ecr = conn->ts_recent;
    }
    if (has_sack(conn) && room >= used + 12)
        options.sack_count = (uint8_t)tcp_reass_sack(conn, options.sack, (room - used - 4) / 8);
    if (options.sack_count != 0)
        options.has |= TCP_HAS_SACK;
    out->len = tcp_options_emit(cs_of(out->bytes, sizeof(out->bytes)), &options, false, 0, room);
}

/* A connection's segment: `len` bytes of payload in chunks from `chunk` on, which is NULL where
 * there are none. */
struct piece {
    struct tcp_hdr hdr; /* seq and flags; the rest is filled here */
    const struct tcp_chunk *chunk;
    uint32_t len;
    uint16_t mss, segs;
    bool ect;
};

/* RFC 9293 section 3.8.5: the urgent pointer goes along with what begins before it. */
static void set_urgent(const struct tcp_conn *conn, struct piece *piece)
{
    if (!conn->urgent_out || seq_ge(piece->hdr.seq, conn->snd_up))
        return;
    piece->hdr.flags |= TCP_URG;
    piece->hdr.urgent = (uint16_t)u32_min(conn->snd_up - piece->hdr.seq, 0xffff);
}

/* Nothing comes while a round of output goes on: its segments tell one window, and the first with
 * data, or all before it, tell of one ACK. */
enum window_state { WINDOW_EACH, WINDOW_FIRST, WINDOW_AGAIN, WINDOW_TOLD };

void tcp_emit_round(struct tcp_conn *conn, bool begins)
{
    conn->window_state = begins ? WINDOW_FIRST : WINDOW_EACH;
}

static void find_window(struct tcp_conn *conn)
{
    conn->window_field = (uint16_t)u32_min(tcp_window_now(conn) >> conn->rcv_wscale, 0xffff);
    if (conn->window_state == WINDOW_FIRST)
        conn->window_state = WINDOW_AGAIN;
}

static void acked(struct tcp_conn *conn, bool data, uint64_t now)
{
    conn->owed &= (uint8_t)~TCP_OWE_ACK;
    tcp_ackgen_sent(conn, data, now);
    if (data && conn->window_state == WINDOW_AGAIN)
        conn->window_state = WINDOW_TOLD;
}

/* Counts, and tells who waits to hear that an ACK went out. */
ALWAYS_INLINE void sent(struct tcp_conn *conn, const struct piece *piece, uint64_t now)
{
    conn->segs_out += piece->segs;
    conn->tcp->stats.segs_out += piece->segs;
    if (piece->segs > 1)
        conn->tcp->stats.gso_out++;
    if (piece->len != 0) {
        conn->data_segs_out += piece->segs;
        conn->bytes_sent += piece->len;
    }
    if ((piece->hdr.flags & TCP_ACK) != 0 && conn->window_state != WINDOW_TOLD)
        acked(conn, piece->len != 0, now);
}

/* The device's wake-up ends the wait. */
static COLD int refused(struct tcp_conn *conn, struct pkt *pkt, int err)
{
    pkt_put(pkt);
    if (err != -E_AGAIN)
        return err;
    conn->tcp->stats.tx_refused++;
    tcp_poll_mark_blocked(conn);
    return err;
}

COLD int tcp_emit_no_memory(struct tcp_conn *conn, uint64_t now)
{
    conn->tcp->stats.no_memory++;
    tcp_timer_set(conn, TCP_TIMER_PACE, now + NO_MEMORY_RETRY_NS);
    return -E_AGAIN;
}

/* `options` NULL: the usual ones. */
ALWAYS_INLINE void put_header(struct tcp_conn *conn, struct cs header, struct piece *piece,
                              const struct options *options, uint64_t now)
{
    piece->hdr.src_port = conn->link.key.src_port;
    piece->hdr.dst_port = conn->link.key.dst_port;
    piece->hdr.header_len = (uint8_t)header.len;
    tcp_emit(header, &piece->hdr);
    if (options != NULL)
        cs_blit(header, tcp_SIZE, cs_ro_of(options->bytes, options->len));
    else if (LIKELY(header.len != tcp_SIZE))
        tcp_emit_ts(cs_shift(header, tcp_SIZE), tcp_ts_now(conn->tcp, conn->ts_offset, now),
                    conn->ts_recent);
}

/* Addresses or routes have changed since the last segment. */
static COLD int reroute(struct tcp_conn *conn)
{
    int err = route_find(conn->tcp->conf.nif, &conn->ip);

    if (err == 0)
        conn->route_epoch = conn->tcp->conf.nif->route_epoch;
    return err;
}

/* Makes the packet and hands it to IPv4. -E_AGAIN: it will be asked for again, when the device has
 * room, or after a while where memory is short. */
ALWAYS_INLINE int transmit(struct tcp_conn *conn, struct piece piece, const struct options *options,
                           uint64_t now)
{
    struct tcp *tcp = conn->tcp;
    struct netif *nif = tcp->conf.nif;
    uint32_t header_len = tcp_SIZE + (options == NULL ? tcp_options_len(conn) : options->len);
    struct cs front, header;
    struct pkt *pkt;
    int err = 0;

    if (UNLIKELY(conn->route_epoch != nif->route_epoch) && (err = reroute(conn)) != 0)
        return err;
    pkt = begin(tcp, IP4_TX_BYTES + header_len, &front);
    if (UNLIKELY(pkt == NULL))
        return tcp_emit_no_memory(conn, now);
    header = cs_shift(front, IP4_TX_BYTES);
    put_header(conn, header, &piece, options, now);
    if (piece.len != 0)
        err = append_payload(pkt, piece.chunk, piece.hdr.seq, piece.len);
    if (UNLIKELY(err != 0)) {
        pkt_put(pkt);
        return tcp_emit_no_memory(conn, now);
    }
    checksum(nif, pkt, header, &conn->ip, header_len + piece.len);
    if (piece.segs > 1)
        pkt->gso_size = piece.mss;
    if (UNLIKELY(conn->ecn_ok))
        conn->ip.tos = (uint8_t)((conn->ip.tos & ~ECN_BITS) | (piece.ect ? ECN_ECT0 : 0));
    err = ip4_send(nif, pkt, &conn->ip, now);
    if (UNLIKELY(err != 0))
        return refused(conn, pkt, err);
    sent(conn, &piece, now);
    return 0;
}

static COLD int transmit_with(struct tcp_conn *conn, struct piece piece,
                              const struct options *options, uint64_t now)
{
    return transmit(conn, piece, options, now);
}

/* With other options than usual, or an urgent pointer. */
static COLD int transmit_unusual(struct tcp_conn *conn, struct piece piece, uint32_t room,
                                 uint64_t now)
{
    struct options options;

    set_urgent(conn, &piece);
    unusual_options(conn, u32_min(room, TCP_OPTIONS_MAX), now, &options);
    return transmit_with(conn, piece, &options, now);
}

/* What every segment but a SYN says of our side. */
ALWAYS_INLINE void say_ack(struct tcp_conn *conn, struct tcp_hdr *hdr)
{
    if (conn->window_state < WINDOW_AGAIN)
        find_window(conn);
    hdr->ack = conn->rcv_nxt;
    hdr->window = conn->window_field;
    /* RFC 3168 section 6.1.3: until the peer says CWR. */
    if (UNLIKELY(conn->ecn_demand))
        hdr->flags |= TCP_ECE;
}

static bool is_unusual(const struct tcp_conn *conn)
{
    return conn->urgent_out || has_sack(conn);
}

/* The flags that a record's segment has. */
ALWAYS_INLINE uint16_t flags_of(const struct tcp_conn *conn, const struct tcp_seg *seg,
                                uint32_t len)
{
    uint32_t flags = TCP_ACK;

    STATIC_ASSERT(TCP_SEG_PSH == 8 * TCP_PSH && TCP_SEG_FIN == 16 * TCP_FIN, "shifts below");
    flags |= (seg->flags & TCP_SEG_PSH) / 8u | (seg->flags & TCP_SEG_FIN) / 16u;
    /* RFC 3168 section 6.1.2: of new data only. */
    if (UNLIKELY(conn->flight.ecn_cwr) && seg->times == 0 && len != 0)
        flags |= TCP_CWR;
    return (uint16_t)flags;
}

int tcp_emit_seg(struct tcp_conn *conn, struct tcp_seg *seg, uint64_t now)
{
    uint32_t len = tcp_seg_len(seg);
    struct piece piece = {.hdr = {.seq = seg->node.seq, .flags = flags_of(conn, seg, len)},
                          .chunk = seg->chunk,
                          .len = len,
                          .mss = seg->mss,
                          .segs = seg->segs,
                          .ect = seg->times == 0 && conn->ecn_ok};
    bool cwr = (piece.hdr.flags & TCP_CWR) != 0;
    int err;

    say_ack(conn, &piece.hdr);
    if (UNLIKELY(is_unusual(conn)))
        err = transmit_unusual(
            conn, piece, tcp_options_len(conn) + (len < conn->mss ? conn->mss - len : 0), now);
    else
        err = transmit(conn, piece, NULL, now);
    if (UNLIKELY(cwr) && err == 0)
        conn->flight.ecn_cwr = false;
    return err;
}

int tcp_emit_bare(struct tcp_conn *conn, uint32_t seq, uint16_t flags, uint64_t now)
{
    struct piece piece = {.hdr = {.seq = seq, .flags = flags}, .segs = 1};

    if (LIKELY((flags & TCP_ACK) != 0))
        say_ack(conn, &piece.hdr);
    if (UNLIKELY((flags & TCP_RST) != 0)) {
        piece.hdr.window = 0;
        piece.hdr.flags &= (uint16_t)~TCP_ECE;
    } else if (UNLIKELY(is_unusual(conn))) {
        return transmit_unusual(conn, piece, TCP_OPTIONS_MAX, now);
    }
    return transmit(conn, piece, NULL, now);
}

/* ---- SYN ------------------------------------------------------------------------------------- */

/* What we offer in a SYN, or agree to in a SYN-ACK. */
static void syn_options(const struct tcp_conn *conn, struct options *out, uint64_t now)
{
    const struct tcp_tuning *tuning = &conn->tcp->conf.tuning;
    bool ack = conn->state == TCP_SYN_RECEIVED;
    struct tcp_options options = {.has = TCP_HAS_MSS,
                                  .mss = tcp_conn_mss_offer(conn->tcp, conn->mss_max)};

    if (!ack && tuning->syn_plain_after != 0 && conn->syn_tries >= tuning->syn_plain_after) {
        out->len = tcp_options_emit(cs_of(out->bytes, sizeof(out->bytes)), &options, true,
                                    tuning->option_order, TCP_OPTIONS_MAX);
        return;
    }
    if (ack ? conn->ts_ok : tuning->timestamps) {
        options.has |= TCP_HAS_TS;
        options.ts_val = tcp_ts_now(conn->tcp, conn->ts_offset, now);
        options.ts_ecr = ack ? conn->ts_recent : 0;
    }
    if (ack ? conn->sack_ok : tuning->sack)
        options.has |= TCP_HAS_SACK_OK;
    if (ack ? conn->wscale_ok : tuning->window_scale) {
        options.has |= TCP_HAS_WSCALE;
        options.wscale = conn->rcv_wscale;
    }
    if (conn->user_timeout_send && conn->user_timeout_ns != 0) {
        options.has |= TCP_HAS_USER_TIMEOUT;
        options.user_timeout = user_timeout(conn->user_timeout_ns);
    }
    out->len = tcp_options_emit(cs_of(out->bytes, sizeof(out->bytes)), &options, true,
                                tuning->option_order, TCP_OPTIONS_MAX);
}

int tcp_emit_syn(struct tcp_conn *conn, uint64_t now)
{
    struct options options;
    struct piece piece = {.hdr = {.seq = conn->iss, .flags = TCP_SYN}, .segs = 1};

    syn_options(conn, &options, now);
    /* RFC 9293 section 3.8.6: a SYN's window is not scaled. */
    piece.hdr.window = (uint16_t)u32_min(tcp_window_offered(conn), 0xffff);
    if (conn->state == TCP_SYN_RECEIVED) {
        piece.hdr.flags |= TCP_ACK;
        piece.hdr.ack = conn->rcv_nxt;
        if (conn->ecn_ok)
            piece.hdr.flags |= TCP_ECE;
    } else if (conn->ecn_mode == TCP_ECN_ON &&
               conn->syn_tries < conn->tcp->conf.tuning.syn_ecn_after) {
        /* RFC 3168 section 6.1.1.1: who drops such SYNs gets another one. */
        piece.hdr.flags |= TCP_ECE | TCP_CWR;
    } else {
        /* RFC 3168 section 6.1.1: and then no ECT may be sent, even if the first is answered. */
        conn->ecn_ok = false;
    }
    return transmit_with(conn, piece, &options, now);
}

/* ---- segments of no connection --------------------------------------------------------------- */

void tcp_emit_stray(struct tcp *tcp, const struct tcp_bare *bare, uint64_t now)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;
    bool syn = (bare->flags & TCP_SYN) != 0;
    struct ip4_tx ip = {.src = bare->key.src,
                        .dst = bare->key.dst,
                        .protocol = IP4_TCP,
                        .ttl = bare->ttl == 0 ? tuning->ttl : bare->ttl,
                        .tos = bare->tos,
                        .df = tuning->pmtu_discovery};
    struct tcp_hdr hdr = {.src_port = bare->key.src_port,
                          .dst_port = bare->key.dst_port,
                          .seq = bare->seq,
                          .ack = bare->ack,
                          .flags = bare->flags,
                          .window = bare->window};
    struct options options = {.len = 0};
    struct cs front, header;
    struct pkt *pkt;

    if (bare->options != NULL)
        options.len = tcp_options_emit(cs_of(options.bytes, sizeof(options.bytes)), bare->options,
                                       syn, tuning->option_order, TCP_OPTIONS_MAX);
    pkt = begin(tcp, IP4_TX_BYTES + tcp_SIZE + options.len, &front);
    if (pkt == NULL) {
        tcp->stats.no_memory++;
        return;
    }
    header = cs_shift(front, IP4_TX_BYTES);
    hdr.header_len = (uint8_t)header.len;
    tcp_emit(header, &hdr);
    cs_blit(header, tcp_SIZE, cs_ro_of(options.bytes, options.len));
    checksum(tcp->conf.nif, pkt, header, &ip, hdr.header_len);
    tcp->stats.segs_out++;
    ip4_send_or_drop(tcp->conf.nif, pkt, &ip, now);
}
