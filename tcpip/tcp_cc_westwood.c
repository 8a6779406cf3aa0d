/* SPDX-License-Identifier: ISC */
/* tcp_cc_westwood.c - Westwood+: after a loss the window is what the path was seen to carry
 * (L. A. Grieco, S. Mascolo: "Performance evaluation and comparison of Westwood+, New Reno and
 * Vegas TCP congestion control", ACM SIGCOMM CCR 34(2), 2004).
 *
 * For paths that lose segments without being full, radio above all: halving the window there helps
 * nobody. Once in a round trip what was delivered is divided by the time it took, and smoothed;
 * that bandwidth times the least round trip is ssthresh. Where a queue was full the same product
 * leaves it empty. In between it grows as NewReno.
 */
#include "tcpip/tcp_flight.h"

/* Shorter than this, the gaps between ACKs would be measured rather than the path. */
#define SAMPLE_NS_MIN ((uint64_t)50 * NS_PER_MS)
#define SMOOTHING 8u

static void init(struct tcp_cc *cc)
{
    memset(&cc->westwood, 0, sizeof(cc->westwood));
    cc->westwood.least_ns = UINT64_MAX;
}

static void delivered_segs(struct tcp_cc *cc, uint32_t delivered, uint64_t rtt_ns, uint64_t now)
{
    uint64_t ns = now - cc->westwood.since_ns, rate;
    uint64_t least = rtt_ns > SAMPLE_NS_MIN ? rtt_ns : SAMPLE_NS_MIN;

    cc->westwood.delivered += delivered;
    cc->westwood.least_ns = u64_min(cc->westwood.least_ns, rtt_ns);
    if (cc->westwood.since_ns != 0 && ns < least)
        return;
    if (cc->westwood.since_ns != 0) {
        rate = (uint64_t)cc->westwood.delivered * NS_PER_S * SMOOTHING / ns;
        if (cc->westwood.rate == 0)
            cc->westwood.rate = rate;
        else
            cc->westwood.rate += rate / SMOOTHING - cc->westwood.rate / SMOOTHING;
    }
    cc->westwood.since_ns = now;
    cc->westwood.delivered = 0;
}

static void acked_segs(struct tcp_cc *cc, uint32_t acked, uint64_t rtt_ns, uint64_t now)
{
    (void)rtt_ns;
    (void)now;
    tcp_cc_grow(cc, cc->cwnd, acked);
}

static uint32_t ssthresh(struct tcp_cc *cc, uint32_t flight, uint64_t now)
{
    uint64_t us = cc->westwood.least_ns / NS_PER_US;

    (void)now;
    if (cc->westwood.rate == 0)
        return flight / 2 > 2 ? flight / 2 : 2; /* nothing is known yet */
    /* Never more than there was: the path has just lost something. */
    us = cc->westwood.rate / SMOOTHING * us / (NS_PER_S / NS_PER_US);
    return us > 2 ? (uint32_t)u64_min(us, flight) : 2;
}

static void nothing(struct tcp_cc *cc)
{
    (void)cc;
}

/* What follows an idle time is measured from its own beginning. */
static void restart(struct tcp_cc *cc, uint64_t idle_ns, uint64_t now)
{
    (void)idle_ns;
    (void)now;
    cc->westwood.since_ns = 0;
    cc->westwood.delivered = 0;
}

const struct tcp_cc_ops tcp_cc_westwood = {
    .name = "westwood",
    .init = init,
    .delivered = delivered_segs,
    .acked = acked_segs,
    .ssthresh = ssthresh,
    .undo = nothing,
    .timeout = nothing,
    .restart = restart,
};
