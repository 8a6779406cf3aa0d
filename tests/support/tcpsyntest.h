/* SPDX-License-Identifier: ISC */
/* tcpsyntest.h - a SYN and its answer, for tests of half-open connections; each includes it
 * once. */
#ifndef TESTS_TCPSYNTEST_H
#define TESTS_TCPSYNTEST_H

#include "tcpwire.h"

#include "tcpip/tcp_priv.h"

#define IRS 0xfffffff0u /* numbers wrap soon */

static const struct tcp_frame syn = {.seq = IRS,
                                     .flags = F_SYN,
                                     .wnd = 65535,
                                     .mss = 1460,
                                     .sackok = true,
                                     .ts = true,
                                     .tsval = 1000,
                                     .ws = true,
                                     .ws_shift = 7};

static UNUSED struct tcp_frame with(struct tcp_frame f, uint8_t flags, uint32_t seq, uint32_t ack)
{
    f.flags = flags;
    f.seq = seq;
    f.ack = ack;
    if ((flags & F_SYN) == 0) {
        f.mss = 0;
        f.sackok = f.ws = false;
    }
    return f;
}

static UNUSED struct tcp_tuning tuning_of(bool strict)
{
    struct tcp_tuning tuning = tcp_tuning_default;

    tuning.strict_half_open = strict;
    tuning.invalid_ack_ns = 0;
    return tuning;
}

static UNUSED struct tcpwire_seg begin(struct tcpwire *w, const struct tcp_tuning *tuning)
{
    struct tcpwire_seg synack;

    tcpwire_open(w, tuning);
    tcpwire_listen(w, 4);
    tcpwire_in(w, syn);
    synack = tcpwire_out(w);
    assert_int_equal(synack.flags, F_SYN | F_ACK);
    assert_int_equal(tcp_usage(&w->tcp).syns, 1);
    return synack;
}

static UNUSED void same_but_for_the_clock(const struct tcpwire_seg *a, const struct tcpwire_seg *b)
{
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->ack, b->ack);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->wnd, b->wnd);
    assert_int_equal(a->options_len, b->options_len);
    assert_int_equal(a->mss, b->mss);
    assert_int_equal(a->ws_shift, b->ws_shift);
    assert_int_equal(a->sackok, b->sackok);
    assert_int_equal(a->tsecr, b->tsecr);
    assert_true((int32_t)(b->tsval - a->tsval) >= 0);
}

#endif
