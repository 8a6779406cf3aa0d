/* SPDX-License-Identifier: ISC */
/* tcp_cc_newreno.c - additive increase, multiplicative decrease (RFC 5681). */
#include "tcpip/tcp_flight.h"

static void init(struct tcp_cc *cc)
{
    (void)cc;
}

/* A segment for each window: RFC 5681 section 3.1, by what was acknowledged (RFC 3465 2.1). */
static void acked_segs(struct tcp_cc *cc, uint32_t acked, uint64_t rtt_ns, uint64_t now)
{
    (void)rtt_ns;
    (void)now;
    tcp_cc_grow(cc, cc->cwnd, acked);
}

/* RFC 5681 equation 4. */
static uint32_t ssthresh(struct tcp_cc *cc, uint32_t flight, uint64_t now)
{
    (void)cc;
    (void)now;
    return flight / 2 > 2 ? flight / 2 : 2;
}

static void nothing(struct tcp_cc *cc)
{
    (void)cc;
}

static void restart(struct tcp_cc *cc, uint64_t idle_ns, uint64_t now)
{
    (void)cc;
    (void)idle_ns;
    (void)now;
}

const struct tcp_cc_ops tcp_cc_newreno = {
    .name = "newreno",
    .init = init,
    .acked = acked_segs,
    .ssthresh = ssthresh,
    .undo = nothing,
    .timeout = nothing,
    .restart = restart,
};
