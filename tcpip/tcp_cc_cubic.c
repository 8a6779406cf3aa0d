/* SPDX-License-Identifier: ISC */
/* tcp_cc_cubic.c - CUBIC (RFC 9438) in whole numbers.
 *
 * After a reduction at W_max segments the window follows
 *
 *     W(t) = C * (t - K)^3 + W_max,   K = cbrt((W_max - cwnd) / C),   C = 0.4 segments/s^3
 *
 * Time counts in 1/1024 s, so (t - K)^3 has 30 bits of fraction, C is 410/1024, and a product of
 * 410 with a cube of 18 bits fits 64. Windows are whole segments; what is lost by that is a part
 * of a segment. The curve is not set as the window: it says how many acknowledged segments buy one
 * segment of growth until the next look, which is at another window or 1/32 s later. */
#include "tcpip/tcp_flight.h"

enum {
    BETA = 717,      /* 0.7, of 1024: RFC 9438 section 4.6 */
    C_SCALED = 410,  /* 0.4, of 1024: section 5 */
    TICK_HZ = 1024,  /* of t and K */
    T_MAX = 1 << 18, /* ticks from K: 256 s; W is far beyond any window then */
    ALPHA_NUM = 9,   /* 3 * (1 - 0.7) / (1 + 0.7) = 9/17: section 4.3 */
    ALPHA_DEN = 17,
    FIRST_EPOCH = 20, /* without a W_max the window grows by 5 % a round trip at least */
    FASTEST = 2,      /* by a half a round trip: section 4.2's bound of the target */
    STILL = 100,      /* at the curve's flat: a segment in 100 windows */
};

/* The integer cube root, rounded down: a bit of the result at a time. */
uint32_t tcp_cubic_root(uint64_t x)
{
    uint64_t root = 0;

    for (int shift = 63; shift >= 0; shift -= 3) {
        uint64_t bit;

        root *= 2;
        bit = 3 * root * (root + 1) + 1;
        if ((x >> shift) >= bit) {
            x -= bit << shift;
            root++;
        }
    }
    return (uint32_t)root;
}

static uint32_t ticks(uint64_t ns)
{
    uint64_t s = ns / NS_PER_S;

    if (s > T_MAX / TICK_HZ * 4)
        return T_MAX * 4;
    return (uint32_t)(s * TICK_HZ + ns % NS_PER_S * TICK_HZ / NS_PER_S);
}

/* Section 4.8: after a timeout the next epoch's origin is where it begins. */
static void forget(struct tcp_cc *cc)
{
    cc->cubic.epoch_ns = 0;
    cc->cubic.w_max = 0;
    cc->cubic.per_segment = FIRST_EPOCH;
    cc->cubic.fitted_cwnd = 0;
}

static void init(struct tcp_cc *cc)
{
    forget(cc);
    cc->cubic.cwnd_prior = 0;
    cc->cubic.undo_w_max = cc->cubic.undo_origin = cc->cubic.undo_k = 0;
    cc->cubic.undo_epoch_ns = 0;
}

/* Section 4.2: congestion avoidance begins. */
static void begin(struct tcp_cc *cc, uint64_t now)
{
    cc->cubic.epoch_ns = now;
    cc->cubic.w_est = cc->cwnd;
    cc->cubic.est_acked = 0;
    if (cc->cubic.w_max <= cc->cwnd) {
        cc->cubic.k = 0;
        cc->cubic.origin = cc->cwnd;
    } else {
        /* 2^40 / 410 = 1024^3 * 1024 / 410 */
        cc->cubic.k =
            tcp_cubic_root((cc->cubic.w_max - cc->cwnd) * ((UINT64_C(1) << 40) / C_SCALED));
        cc->cubic.origin = cc->cubic.w_max;
    }
}

/* W(t), `ns` after the epoch's begin. */
uint32_t tcp_cubic_target(const struct tcp_cc *cc, uint64_t ns)
{
    uint32_t t = ticks(ns), k = cc->cubic.k;
    uint64_t from = t < k ? k - t : t - k, delta;

    if (from > T_MAX)
        from = T_MAX;
    delta = (C_SCALED * from * from * from) >> 40;
    if (t >= k)
        return cc->cubic.origin + (uint32_t)delta;
    return delta < cc->cubic.origin ? cc->cubic.origin - (uint32_t)delta : 0;
}

/* Section 4.3: what Reno would have by now. As soon as that is the window of before the reduction,
 * it grows at Reno's own rate. */
static void reno(struct tcp_cc *cc, uint32_t acked)
{
    uint64_t each = (uint64_t)ALPHA_DEN * cc->cwnd, saved;

    saved = cc->cubic.est_acked +
            (uint64_t)acked * (cc->cubic.w_est >= cc->cubic.cwnd_prior ? ALPHA_DEN : ALPHA_NUM);
    cc->cubic.w_est += (uint32_t)(saved / each);
    cc->cubic.est_acked = (uint32_t)(saved % each);
}

static uint32_t acks_for(uint32_t cwnd, uint32_t target)
{
    return target > cwnd ? cwnd / (target - cwnd) : STILL * cwnd;
}

static void acked_segs(struct tcp_cc *cc, uint32_t acked, uint64_t rtt_ns, uint64_t now)
{
    uint32_t n;

    if (cc->cubic.epoch_ns == 0)
        begin(cc, now);
    reno(cc, acked);
    if (cc->cubic.fitted_cwnd != cc->cwnd || now - cc->cubic.fitted_ns > NS_PER_S / 32) {
        /* Section 4.2: where the window should be a round trip from now. */
        n = acks_for(cc->cwnd, tcp_cubic_target(cc, now - cc->cubic.epoch_ns + rtt_ns));
        if (cc->cubic.w_max == 0)
            n = u32_min(n, FIRST_EPOCH);
        if (cc->cubic.w_est > cc->cwnd)
            n = u32_min(n, acks_for(cc->cwnd, cc->cubic.w_est));
        cc->cubic.per_segment = n < FASTEST ? FASTEST : n;
        cc->cubic.fitted_cwnd = cc->cwnd;
        cc->cubic.fitted_ns = now;
    }
    tcp_cc_grow(cc, cc->cubic.per_segment, acked);
}

static uint32_t ssthresh(struct tcp_cc *cc, uint32_t flight, uint64_t now)
{
    uint32_t part = (uint32_t)((uint64_t)flight * BETA / 1024);

    (void)now;
    cc->cubic.undo_w_max = cc->cubic.w_max;
    cc->cubic.undo_epoch_ns = cc->cubic.epoch_ns;
    cc->cubic.undo_origin = cc->cubic.origin;
    cc->cubic.undo_k = cc->cubic.k;
    cc->cubic.epoch_ns = 0;
    cc->cubic.fitted_cwnd = 0;
    cc->cubic.cwnd_prior = flight;
    /* Section 4.7, fast convergence: the last W_max was not reached, so there is less to share. */
    if (flight < cc->cubic.w_max)
        cc->cubic.w_max = (uint32_t)((uint64_t)flight * (1024 + BETA) / 2048);
    else
        cc->cubic.w_max = flight;
    return part > 2 ? part : 2;
}

/* Section 4.9. */
static void undo(struct tcp_cc *cc)
{
    cc->cubic.w_max = cc->cubic.undo_w_max;
    cc->cubic.epoch_ns = cc->cubic.undo_epoch_ns;
    cc->cubic.origin = cc->cubic.undo_origin;
    cc->cubic.k = cc->cubic.undo_k;
}

/* Section 5.8: time in which nothing was sent is no part of an epoch. */
static void restart(struct tcp_cc *cc, uint64_t idle_ns, uint64_t now)
{
    if (cc->cubic.epoch_ns != 0)
        cc->cubic.epoch_ns = u64_min(cc->cubic.epoch_ns + idle_ns, now);
}

const struct tcp_cc_ops tcp_cc_cubic = {
    .name = "cubic",
    .init = init,
    .acked = acked_segs,
    .ssthresh = ssthresh,
    .undo = undo,
    .timeout = forget,
    .restart = restart,
};
