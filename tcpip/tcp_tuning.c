/* SPDX-License-Identifier: ISC */
/* tcp_tuning.c - the three presets: how a stack behaves where the RFCs leave a choice; and
 * names.
 *
 * The second and third are habits of widespread stacks, as their sources and manuals tell, so
 * that a script written for one of them finds it here: Linux 6, and FreeBSD 14's own stack
 * ("freebsd"), each with its sysctls as they come. The first takes the RFCs' advice where they
 * give one. */
#include "tcpip/tcp_priv.h"

#define ICMP_HARD (TCP_ICMP_REFUSED | TCP_ICMP_PROHIBITED)

/* Each field once: SAME in all three, or EACH its own: ours, Linux's, FreeBSD's. */
#define PRESETS(SAME, EACH)                                                                        \
    /* What SYNs say. */                                                                           \
    EACH(option_order, TCP_ORDER_LINUX, TCP_ORDER_LINUX, TCP_ORDER_FREEBSD)                        \
    SAME(window_scale, true)                                                                       \
    SAME(timestamps, true)                                                                         \
    SAME(sack, true)                                                                               \
    SAME(window_scale_max, TCP_WSCALE_MAX)                                                         \
    SAME(ecn, TCP_ECN_PASSIVE)                                                                     \
    SAME(mss_max, 65495)                                                                           \
    EACH(mss_floor, 88, 48, 216)                                                                   \
    SAME(window_initial, 65535)                                                                    \
    EACH(syn_window_whole, false, true, false)                                                     \
    SAME(syn_plain_after, 0)                                                                       \
    EACH(syn_ecn_after, 1, 1, 2)                                                                   \
    SAME(timestamp_unit_ns, NS_PER_MS)                                                             \
    /* Opening. */                                                                                 \
    EACH(syn_retries, 6, 6, 12)                                                                    \
    EACH(synack_retries, 5, 5, 3)                                                                  \
    EACH(syn_linear, 0, 4, 0) /* Linux: since 6.5 */                                               \
    SAME(synack_rto_ns, 1 * NS_PER_S)                                                              \
    EACH(connect_timeout_ns, 0, 0, 75 * NS_PER_S) /* FreeBSD: net.inet.tcp.keepinit */             \
    EACH(syn_icmp_ends, ICMP_HARD, ICMP_HARD | TCP_ICMP_TTL | TCP_ICMP_UNREACHABLE,                \
         ICMP_HARD | TCP_ICMP_TTL)                                                                 \
    SAME(syn_cookies, TCP_COOKIES_PAST_LIMIT)                                                      \
    EACH(syn_fin, false, false, true)                                                              \
    EACH(strict_half_open, true, false, true)                                                      \
    /* What comes, and what is made of it. */                                                      \
    SAME(challenge_acks, true)                                                                     \
    EACH(challenge_per_s, 10, 2, 5)                           /* FreeBSD: ack_war_cnt */           \
    EACH(invalid_ack_ns, 100 * NS_PER_MS, 500 * NS_PER_MS, 0) /* Linux: tcp_invalid_ratelimit */   \
    EACH(resets_per_s, 10000, 0, 200)                         /* FreeBSD: net.inet.icmp.icmplim */ \
    EACH(reset_at_fin, false, true, false)                                                         \
    EACH(rfc1337, true, false, true)                                                               \
    EACH(future_acks_silent, false, true, false)                                                   \
    EACH(timestamps_required, true, false, true)                                                   \
    EACH(window_is_room, false, false, true)                                                       \
    EACH(overrun_taken, false, true, false)                                                        \
    /* Acknowledging. */                                                                           \
    EACH(ack_habit, TCP_HABIT_ADAPTIVE, TCP_HABIT_LINUX, TCP_HABIT_EVERY_OTHER)                    \
    SAME(delack_segments, 2)                                                                       \
    EACH(quickack_segments, 16, 16, 0)                                                             \
    SAME(delack_ns, 40 * NS_PER_MS)                                                                \
    EACH(delack_max_ns, 200 * NS_PER_MS, 200 * NS_PER_MS, 40 * NS_PER_MS)                          \
    EACH(acks_repeat_fin, false, false, true)                                                      \
    /* Buffers. */                                                                                 \
    EACH(rcvbuf, 128 * 1024, 65536, 65536) /* Linux: half of tcp_rmem's */                         \
    EACH(rcvbuf_max, 6 * 1024 * 1024, 6291456, 2097152)                                            \
    EACH(sndbuf, 64 * 1024, 87040, 32768) /* Linux: tcp_wmem's, as grown when established */       \
    EACH(sndbuf_max, 4 * 1024 * 1024, 4194304, 2097152)                                            \
    EACH(rcvbuf_whole, false, false, true)                                                         \
    /* Sending. */                                                                                 \
    SAME(ttl, 64)                                                                                  \
    SAME(tos, 0)                                                                                   \
    SAME(pmtu_discovery, true)                                                                     \
    EACH(black_holes, true, false, false) /* Linux: tcp_mtu_probing */                             \
    EACH(minshall, true, true, false)                                                              \
    EACH(half_window, true, true, false)                                                           \
    EACH(fin_past_cwnd, false, true, false)                                                        \
    EACH(push_super, false, true, false)                                                           \
    EACH(super_segs_min, 0, 2, 0)                                                                  \
    EACH(probe_data, false, false, true)                                                           \
    EACH(persist_min_ns, 200 * NS_PER_MS, 200 * NS_PER_MS, 5 * NS_PER_S)                           \
    EACH(persist_max_ns, 60 * NS_PER_S, 120 * NS_PER_S, 60 * NS_PER_S)                             \
    /* Congestion control. */                                                                      \
    SAME(cc, TCP_CC_CUBIC)                                                                         \
    EACH(hystart, TCP_HYSTART_RFC, TCP_HYSTART_LINUX, TCP_HYSTART_OFF)                             \
    SAME(iw_segments, 10)                                                                          \
    SAME(iw_after_syn_loss, 1)                                                                     \
    EACH(iw_syn_losses, 1, 2, 1)                                                                   \
    EACH(abc_limit, 64, 255, 2)                                                                    \
    SAME(cwnd_restart, true)                                                                       \
    EACH(cwnd_validation, true, true, false)                                                       \
    SAME(limited_transmit, true)                                                                   \
    /* Loss. */                                                                                    \
    EACH(rack, true, true, false)                                                                  \
    EACH(tlp, true, true, false)                                                                   \
    EACH(f_rto, true, true, false)                                                                 \
    SAME(prr, true)                                                                                \
    SAME(dupthresh, 3)                                                                             \
    EACH(tlp_min_ns, 10 * NS_PER_MS, 2 * NS_PER_MS, 10 * NS_PER_MS)                                \
    EACH(tlp_super_ns, 40 * NS_PER_MS, 2 * NS_PER_MS, 10 * NS_PER_MS)                              \
    SAME(tlp_delack_ns, 200 * NS_PER_MS)                                                           \
    SAME(reorder_slack_ns, 2 * NS_PER_MS) /* Linux: two ticks */                                   \
    SAME(rto_initial_ns, 1 * NS_PER_S)                                                             \
    EACH(rto_min_ns, 200 * NS_PER_MS, 200 * NS_PER_MS, 30 * NS_PER_MS)                             \
    EACH(rto_max_ns, 120 * NS_PER_S, 120 * NS_PER_S, 64 * NS_PER_S)                                \
    EACH(rto_variance_floor, true, true, false)                                                    \
    EACH(rto_slop_ns, 0, 0, 200 * NS_PER_MS)                                                       \
    SAME(rto_after_syn_loss_ns, 3 * NS_PER_S)                                                      \
    /* Giving up. */                                                                               \
    EACH(data_retries, 15, 15, 12)                                                                 \
    EACH(orphan_retries, 8, 8, 12)                                                                 \
    EACH(timeout_resets, false, false, true)                                                       \
    EACH(keepalive_probes, 9, 9, 8)                                                                \
    SAME(keepalive_idle_ns, 7200 * NS_PER_S) /* RFC 9293 section 3.8.4: no less by default */      \
    SAME(keepalive_interval_ns, 75 * NS_PER_S)                                                     \
    SAME(time_wait_ns, 60 * NS_PER_S) /* FreeBSD: twice the MSL of 30 s */                         \
    SAME(fin_wait_2_ns, 60 * NS_PER_S)

#define SAME(field, value) .field = (value),
#define OURS(field, ours, b, c) .field = (ours),
#define LINUX_6(field, a, theirs, c) .field = (theirs),
#define FREEBSD_14(field, a, b, theirs) .field = (theirs),

const struct tcp_tuning tcp_tuning_default = {PRESETS(SAME, OURS)};
const struct tcp_tuning tcp_tuning_linux = {PRESETS(SAME, LINUX_6)};
const struct tcp_tuning tcp_tuning_freebsd = {PRESETS(SAME, FREEBSD_14)};

/* ---- names ---------------------------------------------------------------------------------- */

const char *tcp_state_name(enum tcp_state state)
{
    static const char *const names[] = {
        "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
        "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
    };
    STATIC_ASSERT(ARRAY_SIZE(names) == TCP_STATES, "a name for each state");

    return (unsigned)state < TCP_STATES ? names[state] : "?";
}
