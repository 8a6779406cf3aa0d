/* SPDX-License-Identifier: ISC */
/* tcp_hystart.c - slow start ends where queues begin to grow, before they overflow.
 *
 * Round trips are compared by rounds: the least of the first eight of a round with the least of the
 * one before. Where it is longer by an eighth (4 to 16 ms), RFC 9406 goes on at a quarter of the
 * pace for five rounds, in case it was chance, and then ends slow start. The other mode compares
 * with the least ever, and ends it at once; and also where ACKs, each close behind the last, have
 * come for more than half the least round trip: then the path holds as much as was sent.
 */
#include "tcpip/tcp_flight.h"

enum {
    SAMPLES = 8,
    CSS_ROUNDS = 5,
    LOW_WINDOW = 16, /* segments: below, slow start costs nobody anything */
};
#define THRESHOLD_MIN_NS (4 * NS_PER_MS)
#define THRESHOLD_MAX_NS (16 * NS_PER_MS)
#define TRAIN_GAP_NS (2 * NS_PER_MS)
#define TRAIN_SLACK_NS NS_PER_MS

void tcp_hystart_reset(struct tcp_cc *cc)
{
    uint64_t least_ns = cc->hystart.least_ns;

    cc->hystart.round_min_ns = cc->hystart.last_min_ns = UINT64_MAX;
    cc->hystart.least_ns = least_ns == 0 ? UINT64_MAX : least_ns;
    cc->hystart.samples = cc->hystart.css_rounds = cc->hystart.credit = 0;
    cc->hystart.round_at = 0;
    cc->hystart.over = false;
}

static void new_round(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_cc *cc = &conn->cc;

    cc->hystart.last_min_ns = cc->hystart.round_min_ns;
    cc->hystart.round_min_ns = UINT64_MAX;
    cc->hystart.samples = 0;
    cc->hystart.round_at = cc->hystart.last_at = now;
    cc->hystart.round_end = conn->snd_nxt;
    if (cc->hystart.css_rounds != 0 && --cc->hystart.css_rounds == 0)
        cc->hystart.over = true;
}

static uint64_t threshold(uint64_t rtt_ns)
{
    uint64_t ns = rtt_ns / 8;

    return ns < THRESHOLD_MIN_NS ? THRESHOLD_MIN_NS : u64_min(ns, THRESHOLD_MAX_NS);
}

static void train(struct tcp_cc *cc, uint64_t now)
{
    if (now - cc->hystart.last_at > TRAIN_GAP_NS)
        return;
    cc->hystart.last_at = now;
    if (now - cc->hystart.round_at > (cc->hystart.least_ns + TRAIN_SLACK_NS) / 2)
        cc->hystart.over = true;
}

/* Against the least ever. */
static void at_once(struct tcp_cc *cc, bool enough, uint64_t now)
{
    train(cc, now);
    if (enough && cc->hystart.round_min_ns > cc->hystart.least_ns + threshold(cc->hystart.least_ns))
        cc->hystart.over = true;
}

/* RFC 9406 section 4.2. */
static void by_rounds(struct tcp_cc *cc, bool enough)
{
    uint64_t last_ns = cc->hystart.last_min_ns;

    if (!enough || last_ns == UINT64_MAX)
        return;
    if (cc->hystart.css_rounds != 0) {
        if (cc->hystart.round_min_ns < cc->hystart.baseline_ns)
            cc->hystart.css_rounds = 0; /* it was chance */
    } else if (cc->hystart.round_min_ns >= last_ns + threshold(last_ns)) {
        cc->hystart.baseline_ns = cc->hystart.round_min_ns;
        cc->hystart.css_rounds = CSS_ROUNDS;
    }
}

void tcp_hystart_sample(struct tcp_conn *conn, uint64_t rtt_ns, uint64_t now)
{
    struct tcp_cc *cc = &conn->cc;
    uint8_t mode = conn->tcp->conf.tuning.hystart;
    bool enough;

    if (mode == TCP_HYSTART_OFF || cc->hystart.over ||
        (mode == TCP_HYSTART_LINUX && cc->ops != &tcp_cc_cubic))
        return;
    cc->hystart.least_ns = u64_min(cc->hystart.least_ns, rtt_ns);
    /* After a loss the bound is known already: RFC 9406 is for the first slow start only. */
    if (mode == TCP_HYSTART_RFC ? cc->ssthresh != UINT32_MAX : cc->cwnd < LOW_WINDOW)
        return;
    if (cc->hystart.round_at == 0 || seq_gt(conn->snd_una, cc->hystart.round_end))
        new_round(conn, now);
    enough = cc->hystart.samples >= SAMPLES;
    cc->hystart.round_min_ns = u64_min(cc->hystart.round_min_ns, rtt_ns);
    if (!enough)
        cc->hystart.samples++;
    if (mode == TCP_HYSTART_LINUX)
        at_once(cc, enough, now);
    else
        by_rounds(cc, cc->hystart.samples >= SAMPLES);
    if (cc->hystart.over)
        cc->ssthresh = cc->cwnd;
}
