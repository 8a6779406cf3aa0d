/* SPDX-License-Identifier: ISC */
/* prop_tcp_flight.c - the sender's scoreboard against a receiver and a naive model of it: whatever
 * comes back, in whatever order, every counter is the sum of what it counts, nothing is held for
 * SACKed that was not, and what was SACKed whole is.
 *
 * The model is a byte for each byte of the stream. Segments go in records of one to eight; half of
 * them are lost; blocks are cut anywhere; a tenth of them is nonsense; timers run out when they
 * like. Seeds are printed. */
#include <string.h>

#include "txrig.h"

#include <cmocka.h>

#define RUNS 20
#define STEPS 400
#define SEGS_MAX 1500u
#define BYTES ((SEGS_MAX + STEPS) * TXRIG_MSS)

static struct txrig rig;
static uint64_t seed;
static bool came[BYTES + 1]; /* at the receiver */
static bool said[BYTES + 1]; /* by a SACK block that was good when it came */
static uint32_t acked, sent; /* bytes */
static uint32_t next_seg;    /* whose fate is not decided */

static uint32_t below(uint32_t n)
{
    return (uint32_t)test_random_below(&seed, n);
}

/* Half of what is sent comes. */
static void fate(uint32_t from, uint32_t to)
{
    for (uint32_t at = from; at < to; at += TXRIG_MSS)
        if (below(2) == 0)
            memset(came + at, true, TXRIG_MSS);
}

static void send_some(void)
{
    uint32_t segs = 1 + below(8);

    if (next_seg + segs > SEGS_MAX)
        return;
    txrig_send_super(&rig, segs);
    fate(sent, sent + segs * TXRIG_MSS);
    sent += segs * TXRIG_MSS;
    next_seg += segs;
}

/* A block of what has come, cut anywhere; or of anything. */
static struct tcp_sack_block some_block(void)
{
    uint32_t from = acked + below(sent - acked + 1), to;

    if (below(10) == 0)
        return (struct tcp_sack_block){below(3 * BYTES) - BYTES, below(3 * BYTES) - BYTES};
    while (from < sent && !came[from])
        from++;
    for (to = from; to < sent && came[to]; to++)
        continue;
    if (below(3) == 0 && to > from)
        to -= below(to - from);
    return (struct tcp_sack_block){from, to};
}

/* RFC 2018: within what is outstanding. */
static bool is_good(const struct tcp_sack_block *b)
{
    return (int32_t)(b->start - acked) > 0 && (int32_t)(b->end - sent) <= 0 &&
           (int32_t)(b->start - b->end) < 0;
}

static void acknowledge(void)
{
    struct tcp_sack_block block[4];
    unsigned n = rig.conn->sack_ok ? below(5) : 0;
    uint32_t to = acked;

    while (to < sent && came[to])
        to++;
    if (below(4) != 0)
        to = acked + (to > acked ? below(to - acked + 1) : 0);
    acked = to;
    for (unsigned i = 0; i < n; i++)
        block[i] = some_block();
    for (unsigned i = 0; i < n; i++)
        if (is_good(&block[i]))
            memset(said + block[i].start, true, block[i].end - block[i].start);
    txrig_ack_blocks(&rig, acked, block, n);
    for (const struct tcp_seg *seg = tcp_flight_first(rig.flight); seg != NULL;
         seg = tcp_flight_next(seg)) {
        uint32_t from = seg->node.seq - rig.first, end = seg->node.end - rig.first;

        for (unsigned i = 0; i < n; i++)
            if (is_good(&block[i]) && block[i].start <= from && end <= block[i].end)
                assert_true((seg->flags & TCP_SEG_SACKED) != 0);
        if ((seg->flags & TCP_SEG_SACKED) != 0)
            assert_null(memchr(said + from, false, end - from));
    }
}

static void again(void)
{
    struct tcp_seg *seg;

    while (tcp_reduce_quota(rig.conn) != 0 &&
           (seg = tcp_recovery_next(rig.conn, tcprig_now())) != NULL) {
        uint32_t quota = tcp_reduce_quota(rig.conn);

        if (seg->segs > quota)
            assert_true(tcp_flight_split(rig.conn, seg, quota * seg->mss));
        if (below(10) != 0)
            memset(came + (seg->node.seq - rig.first), true, seg->node.end - seg->node.seq);
        tcp_flight_sent(rig.conn, seg, tcprig_now());
        txrig_check(&rig);
    }
}

static void some_timer(void)
{
    static const enum tcp_timer timers[] = {TCP_TIMER_RETRANSMIT, TCP_TIMER_PROBE,
                                            TCP_TIMER_REORDER};
    enum tcp_timer timer = timers[below(3)];

    if (!tcp_timer_runs(rig.conn, timer))
        return;
    /* Never give up: the peer is there. */
    rig.flight->rtos = (uint8_t)below(3);
    /* What was thrown away by the receiver has to come again. */
    txrig_expire(&rig, timer);
    if (rig.flight->sacked == 0)
        memset(said, false, sizeof(said));
    if ((rig.conn->owed & TCP_OWE_TLP) != 0) {
        txrig_resend(&rig, NULL);
        fate(sent, rig.conn->snd_nxt - rig.first);
        next_seg += (rig.conn->snd_nxt - rig.first - sent) / TXRIG_MSS;
        sent = rig.conn->snd_nxt - rig.first;
    }
}

static void step(void)
{
    txrig_pass(&rig, below(40) * NS_PER_MS);
    switch (below(8)) {
    case 0:
    case 1:
        send_some();
        break;
    case 2:
        some_timer();
        break;
    default:
        acknowledge();
        break;
    }
    again();
}

static void run(uint64_t run_seed, struct txrig_conf conf)
{
    seed = run_seed;
    memset(came, false, sizeof(came));
    memset(said, false, sizeof(said));
    acked = sent = next_seg = 0;
    conf.cwnd = 10 + below(100);
    txrig_open(&rig, &conf);
    for (unsigned i = 0; i < STEPS; i++)
        step();
    /* In the end all comes. */
    for (unsigned i = 0; i < 200 && acked != sent; i++) {
        memset(came, true, sent);
        acknowledge();
    }
    txrig_ack(&rig, sent, 0);
    assert_int_equal(rig.flight->out, 0);
    assert_int_equal(rig.flight->tree.count, 0);
    assert_true(txrig_timer(&rig, TCP_TIMER_RETRANSMIT) == NS_NEVER);
    txrig_close(&rig);
}

static void runs(struct txrig_conf conf, const char *what)
{
    for (uint64_t i = 0; i < RUNS; i++) {
        print_message("%s: seed %llu\n", what, (unsigned long long)i + 1);
        run(i + 1, conf);
    }
}

static void test_rack(void **state)
{
    (void)state;
    runs((struct txrig_conf){.ts = true}, "rack");
}

static void test_without_timestamps(void **state)
{
    (void)state;
    runs((struct txrig_conf){0}, "no timestamps");
}

static void test_counting(void **state)
{
    struct txrig_conf conf = {.tuning = tcp_tuning_freebsd, .ts = true};

    (void)state;
    runs(conf, "counting");
}

static void test_without_sack(void **state)
{
    (void)state;
    runs((struct txrig_conf){.no_sack = true, .ts = true}, "no sack");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rack),
        cmocka_unit_test(test_without_timestamps),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_without_sack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
