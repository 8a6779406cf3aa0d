/* SPDX-License-Identifier: ISC */
/* txrig.c - see txrig.h. */
#include "txrig.h"

#include <string.h>

#include <cmocka.h>

void txrig_open(struct txrig *rig, const struct txrig_conf *conf)
{
    static struct tcp_tuning tuning; /* kept by the stack */
    struct rxrig_conf rx = {.tuning = &tuning};
    static const uint8_t zeros[4096];

    memset(rig, 0, sizeof(*rig));
    tuning = conf != NULL && conf->tuning.mss_max != 0 ? conf->tuning : tcp_tuning_linux;
    tuning.sndbuf = tuning.sndbuf_max = 4u << 20;
    rx.no_sack = conf != NULL && conf->no_sack;
    rx.ts = conf != NULL && conf->ts;
    rx.pages_max = 4000;
    rxrig_open(&rig->rx, &rx);
    rig->tcp = rig->rx.tcp;
    rig->conn = rig->rx.conn;
    rig->flight = &rig->conn->flight;
    rig->first = rig->conn->snd_nxt;
    rig->conn->mss = TXRIG_MSS;
    rig->conn->snd_wnd = rig->conn->snd_wnd_max = 4u << 20;
    rig->conn->snd_wscale = 14;
    rig->conn->cc.cwnd = conf != NULL && conf->cwnd != 0 ? conf->cwnd : 10;
    rig->conn->cc.full_at = tcprig_now();
    rig->conn->snd_wl1 = rig->conn->rcv_nxt;
    tcp_rtt_init(&rig->conn->rtt, &tuning);
    tcp_rtt_sample(&rig->conn->rtt, &tuning,
                   conf != NULL && conf->rtt_ns != 0 ? conf->rtt_ns : 100 * NS_PER_MS,
                   rig->conn->snd_una, rig->conn->snd_nxt, tcprig_now());
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(
            tcp_send(rig->tcp, rig->rx.handle, cs_ro_of(zeros, sizeof(zeros)), tcprig_now()),
            sizeof(zeros));
    txrig_check(rig);
}

void txrig_close(struct txrig *rig)
{
    rxrig_close(&rig->rx);
}

/* ---- what must hold -------------------------------------------------------------------------- */

static void check_record(const struct txrig *rig, const struct tcp_seg *seg)
{
    uint32_t len = tcp_seg_len(seg), segs = len <= seg->mss ? 1 : (len + seg->mss - 1) / seg->mss;
    const uint8_t flags = seg->flags;

    assert_int_equal(seg->segs, segs);
    if (len != 0) {
        assert_non_null(seg->chunk);
        assert_true(seg->node.seq - seg->chunk->seq < seg->chunk->len);
    }
    assert_int_equal((flags & TCP_SEG_LISTED) != 0, tcp_seg_in_flight(seg));
    /* What came is not lost. */
    assert_false((flags & TCP_SEG_SACKED) != 0 && (flags & TCP_SEG_LOST) != 0);
    assert_true(seg->times != 0);
    assert_true(seq_le(seg->node.end, rig->conn->snd_nxt));
}

static void check_list(const struct txrig *rig, uint32_t in_flight)
{
    const struct tcp_seg *seg, *prev = NULL;
    uint32_t n = 0;

    for (seg = rig->flight->sent_first; seg != NULL; prev = seg, seg = seg->sent_next, n++) {
        assert_ptr_equal(seg->sent_prev, prev);
        assert_true((seg->flags & TCP_SEG_LISTED) != 0);
        if (prev != NULL && !rig->unsorted)
            assert_true(prev->sent_ns <= seg->sent_ns);
    }
    assert_ptr_equal(rig->flight->sent_last, prev);
    assert_int_equal(n, in_flight);
}

void txrig_check(struct txrig *rig)
{
    const struct tcp_flight *flight = rig->flight;
    uint32_t out = 0, sacked = 0, lost = 0, retrans = 0, resend = 0, above = 0, listed = 0;
    uint32_t at = rig->conn->snd_una;
    bool past_hint = flight->retrans_hint == NULL;

    for (struct tcp_seg *seg = tcp_flight_first(flight); seg != NULL; seg = tcp_flight_next(seg)) {
        check_record(rig, seg);
        assert_int_equal(seg->node.seq, at);
        at = seg->node.end;
        past_hint |= seg == flight->retrans_hint;
        out += seg->segs;
        sacked += (seg->flags & TCP_SEG_SACKED) != 0 ? seg->segs : 0;
        lost += (seg->flags & TCP_SEG_LOST) != 0 ? seg->segs : 0;
        retrans += (seg->flags & TCP_SEG_RETRANS) != 0 ? seg->segs : 0;
        if ((seg->flags & (TCP_SEG_LOST | TCP_SEG_RETRANS)) == TCP_SEG_LOST) {
            resend += seg->segs;
            assert_true(past_hint);
        }
        if ((seg->flags & TCP_SEG_SACKED) != 0 && seq_ge(seg->node.seq, flight->lost_end))
            above += seg->segs;
        listed += (seg->flags & TCP_SEG_LISTED) != 0;
    }
    assert_int_equal(at, rig->conn->snd_nxt);
    assert_int_equal(flight->out, out);
    if (rig->conn->sack_ok) {
        assert_int_equal(flight->sacked, sacked);
        if (sacked != 0)
            assert_int_equal(flight->sacked_above, above);
    }
    assert_true(flight->sacked + flight->lost <= flight->out);
    assert_int_equal(flight->lost, lost);
    assert_int_equal(flight->retrans, retrans);
    assert_int_equal(flight->resend, resend);
    check_list(rig, listed);
    assert_true(rig->conn->cc.cwnd >= 1);
}

/* ---- what happens ---------------------------------------------------------------------------- */

struct tcp_seg *txrig_send_super(struct txrig *rig, uint32_t segs)
{
    struct tcp_seg *seg;

    tcp_cc_idle(rig->conn, tcprig_now());
    seg = tcp_flight_add(rig->conn, segs * TXRIG_MSS, false, tcprig_now());
    assert_non_null(seg);
    tcp_flight_sent(rig->conn, seg, tcprig_now());
    tcp_cc_sent(rig->conn, tcp_reduce_quota(rig->conn) == 0, tcprig_now());
    rig->conn->owed &= (uint8_t)~TCP_OWE_TLP;
    txrig_check(rig);
    return seg;
}

void txrig_send(struct txrig *rig, uint32_t segs)
{
    while (segs-- != 0)
        txrig_send_super(rig, 1);
}

bool txrig_ack_blocks(struct txrig *rig, uint32_t bytes, const struct tcp_sack_block *block,
                      unsigned n)
{
    struct tcp_rx rx = {.ip = &rig->rx.ip,
                        .key = rig->conn->link.key,
                        .hdr = {.seq = rig->conn->rcv_nxt,
                                .ack = rig->first + bytes,
                                .flags = (uint16_t)(TCP_ACK | rig->flags),
                                .window = (4u << 20) >> 14,
                                .header_len = 20},
                        .segs = 1,
                        .now = tcprig_now()};
    bool good;

    if (rig->conn->ts_ok) {
        rx.opts.has = TCP_HAS_TS;
        rx.opts.ts_ecr = rig->ts_ecr != 0
                             ? rig->ts_ecr
                             : tcp_ts_now(rig->tcp, rig->conn->ts_offset, tcprig_now());
    }
    if (n != 0)
        rx.opts.has |= TCP_HAS_SACK;
    rx.opts.sack_count = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        rx.opts.sack[i].start = rig->first + block[i].start;
        rx.opts.sack[i].end = rig->first + block[i].end;
    }
    good = tcp_ack_input(rig->conn, &rx);
    if (rig->conn->tcp->stats.undos != 0)
        rig->unsorted = true;
    txrig_check(rig);
    return good;
}

bool txrig_ack(struct txrig *rig, uint32_t bytes, unsigned blocks, ...)
{
    struct tcp_sack_block block[4];
    va_list args;

    assert_true(blocks <= 4);
    va_start(args, blocks);
    for (unsigned i = 0; i < blocks; i++)
        block[i] = va_arg(args, struct tcp_sack_block);
    va_end(args);
    return txrig_ack_blocks(rig, bytes, block, blocks);
}

uint32_t txrig_resend(struct txrig *rig, uint32_t *at)
{
    struct tcp_seg *seg;
    uint32_t quota, n = 0;

    if ((rig->conn->owed & TCP_OWE_TLP) != 0) {
        seg = tcp_rto_tlp_seg(rig->conn);
        if (seg == NULL)
            seg = tcp_flight_add(rig->conn, TXRIG_MSS, false, tcprig_now());
        if (at != NULL)
            *at = seg->node.seq - rig->first;
        tcp_flight_sent(rig->conn, seg, tcprig_now());
        rig->conn->owed &= (uint8_t)~TCP_OWE_TLP;
        txrig_check(rig);
        return seg->segs;
    }
    while ((quota = tcp_reduce_quota(rig->conn)) != 0 &&
           (seg = tcp_recovery_next(rig->conn, tcprig_now())) != NULL) {
        if (seg->segs > quota)
            assert_true(tcp_flight_split(rig->conn, seg, quota * seg->mss));
        if (n == 0 && at != NULL)
            *at = seg->node.seq - rig->first;
        n += seg->segs;
        tcp_flight_sent(rig->conn, seg, tcprig_now());
        txrig_check(rig);
    }
    return n;
}

void txrig_pass(struct txrig *rig, uint64_t ns)
{
    (void)rig;
    vplat_advance(ns);
}

uint64_t txrig_timer(const struct txrig *rig, enum tcp_timer timer)
{
    uint64_t at = rig->conn->timer_at[timer];

    return at == NS_NEVER ? NS_NEVER : at - tcprig_now();
}

void txrig_expire(struct txrig *rig, enum tcp_timer timer)
{
    assert_true(tcp_timer_runs(rig->conn, timer));
    if (rig->conn->timer_at[timer] > tcprig_now())
        vplat_set_now(rig->conn->timer_at[timer]);
    tcp_timer_stop(rig->conn, timer);
    if (timer == TCP_TIMER_RETRANSMIT)
        tcp_rto_expired(rig->conn, tcprig_now());
    else if (timer == TCP_TIMER_PROBE)
        tcp_rto_tlp_expired(rig->conn, tcprig_now());
    else
        tcp_rack_expired(rig->conn, tcprig_now());
    txrig_check(rig);
}
