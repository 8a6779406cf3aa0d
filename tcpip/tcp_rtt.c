/* SPDX-License-Identifier: ISC */
/* tcp_rtt.c - the round trip's time and the retransmission timeout (RFC 6298).
 *
 * Two ways to keep RTO above rto_min. RFC 6298 section 2.4 bounds the sum, SRTT + 4*RTTVAR. With
 * rto_variance_floor it is the second term that is bounded: `spread`, which follows the largest
 * 4*RTTVAR of each round trip at once upwards, and by a quarter of the way downwards at a round's
 * end. So a path with a steady 300 ms has an RTO of 500 ms, not 300, and a delayed ACK or two do
 * not make it time out.
 */
#include "tcpip/tcp_flight.h"

void tcp_rtt_init(struct tcp_rtt *rtt, const struct tcp_tuning *tuning)
{
    *rtt = (struct tcp_rtt){.rto_ns = tuning->rto_initial_ns, .min_ns = UINT64_MAX};
}

/* RFC 6298 sections 2.2 and 2.3. `gentle`: what makes the round trip shorter and is far off widens
 * the variance eight times slower, else a good surprise would lengthen RTO. */
static void smooth(struct tcp_rtt *rtt, uint64_t sample_ns, bool gentle)
{
    bool shorter = sample_ns < rtt->srtt_ns;
    uint64_t error;

    if (rtt->srtt_ns == 0) {
        rtt->srtt_ns = sample_ns;
        rtt->rttvar_ns = sample_ns / 2;
        return;
    }
    error = shorter ? rtt->srtt_ns - sample_ns : sample_ns - rtt->srtt_ns;
    if (error < rtt->rttvar_ns)
        rtt->rttvar_ns -= (rtt->rttvar_ns - error) / 4;
    else
        rtt->rttvar_ns += (error - rtt->rttvar_ns) / (gentle && shorter ? 32 : 4);
    if (shorter)
        rtt->srtt_ns -= error / 8;
    else
        rtt->srtt_ns += error / 8;
}

static void spread(struct tcp_rtt *rtt, uint64_t floor_ns, bool first, uint32_t snd_una,
                   uint32_t snd_nxt)
{
    uint64_t now_ns = 4 * rtt->rttvar_ns;

    if (first) {
        rtt->spread_ns = now_ns > floor_ns ? now_ns : floor_ns;
        rtt->spread_max_ns = rtt->spread_ns;
        rtt->round_end = snd_nxt;
        return;
    }
    if (now_ns > rtt->spread_max_ns) {
        rtt->spread_max_ns = now_ns;
        if (now_ns > rtt->spread_ns)
            rtt->spread_ns = now_ns;
    }
    if (seq_gt(snd_una, rtt->round_end)) {
        if (rtt->spread_max_ns < rtt->spread_ns)
            rtt->spread_ns -= (rtt->spread_ns - rtt->spread_max_ns) / 4;
        rtt->spread_max_ns = floor_ns;
        rtt->round_end = snd_nxt;
    }
}

void tcp_rtt_smooth(struct tcp_rtt *rtt, const struct tcp_tuning *tuning, uint64_t sample_ns,
                    uint32_t snd_una, uint32_t snd_nxt)
{
    bool first = rtt->srtt_ns == 0;
    uint64_t rto_ns;

    if (sample_ns == 0)
        sample_ns = 1; /* 0 stands for "none yet" */
    smooth(rtt, sample_ns, tuning->rto_variance_floor);
    if (tuning->rto_variance_floor) {
        spread(rtt, tuning->rto_min_ns, first, snd_una, snd_nxt);
        rto_ns = rtt->srtt_ns + rtt->spread_ns;
    } else {
        rto_ns = rtt->srtt_ns + 4 * rtt->rttvar_ns;
        if (rto_ns < tuning->rto_min_ns)
            rto_ns = tuning->rto_min_ns;
    }
    /* A clock of 1 ms, as everybody's. */
    rto_ns = (rto_ns + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS;
    rtt->rto_ns = u64_min(rto_ns, tuning->rto_max_ns);
    rtt->backoff = 0; /* RFC 6298 section 5.7's last words: only a valid sample ends backing off */
}

void tcp_rtt_least(struct tcp_rtt *rtt, uint64_t sample_ns, uint64_t now)
{
    if (sample_ns <= rtt->min_ns || now - rtt->min_at > TCP_RTT_LEAST_NS) {
        rtt->min_ns = sample_ns;
        rtt->min_at = now;
    }
}

void tcp_rtt_sample(struct tcp_rtt *rtt, const struct tcp_tuning *tuning, uint64_t sample_ns,
                    uint32_t snd_una, uint32_t snd_nxt, uint64_t now)
{
    tcp_rtt_least(rtt, sample_ns, now);
    tcp_rtt_smooth(rtt, tuning, sample_ns, snd_una, snd_nxt);
}

uint64_t tcp_rtt_rto(const struct tcp_rtt *rtt, const struct tcp_tuning *tuning)
{
    uint64_t rto_ns = rtt->rto_ns;

    for (uint8_t i = 0; i < rtt->backoff && rto_ns < tuning->rto_max_ns; i++)
        rto_ns *= 2;
    return u64_min(rto_ns + tuning->rto_slop_ns, tuning->rto_max_ns);
}
