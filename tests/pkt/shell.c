/* SPDX-License-Identifier: ISC */
/* shell.c - sysctls of Linux and FreeBSD as fields of struct tcp_tuning. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

struct setting {
    struct tcp_tuning *t;
    int64_t n[3]; /* the value's numbers */
    unsigned count;
    const char *text;
};

static uint8_t small(int64_t n, int64_t least, int64_t most)
{
    return (uint8_t)(n < least ? least : n > most ? most : n);
}

static uint32_t bytes(int64_t n)
{
    return (uint32_t)(n < 2048 ? 2048 : n > 1 << 30 ? 1 << 30 : n);
}

static uint64_t times(int64_t n, uint64_t unit)
{
    return n < 0 ? 0 : (uint64_t)n * unit;
}

/* ---- what a value sets ----------------------------------------------------------------------- */

#define FLAG(name, field)                                                                          \
    static void name(struct setting *s)                                                            \
    {                                                                                              \
        s->t->field = s->n[0] != 0;                                                                \
    }
#define NUMBER(name, field, least, most)                                                           \
    static void name(struct setting *s)                                                            \
    {                                                                                              \
        s->t->field = small(s->n[0], least, most);                                                 \
    }
#define TIME(name, field, unit)                                                                    \
    static void name(struct setting *s)                                                            \
    {                                                                                              \
        s->t->field = times(s->n[0], unit);                                                        \
    }

FLAG(timestamps, timestamps)
FLAG(sack, sack)
FLAG(window_scaling, window_scale)
FLAG(frto, f_rto)
NUMBER(syncookies, syn_cookies, 0, 2)
FLAG(black_holes, black_holes)
FLAG(pmtu, pmtu_discovery)
FLAG(rfc1337, rfc1337)
FLAG(idle, cwnd_restart)
FLAG(limited, limited_transmit)
NUMBER(syn_retries, syn_retries, 0, 15)
NUMBER(synack_retries, synack_retries, 0, 15)
NUMBER(retries2, data_retries, 1, 15)
NUMBER(orphans, orphan_retries, 1, 15)
NUMBER(dupthresh, dupthresh, 1, 16)
NUMBER(probes, keepalive_probes, 1, 127)
NUMBER(initcwnd, iw_segments, 1, 10)
NUMBER(linear, syn_linear, 0, 15)
NUMBER(super_segs, super_segs_min, 1, 255)
TIME(keepalive_s, keepalive_idle_ns, NS_PER_S)
TIME(interval_s, keepalive_interval_ns, NS_PER_S)
TIME(keepalive_ms, keepalive_idle_ns, NS_PER_MS)
TIME(interval_ms, keepalive_interval_ns, NS_PER_MS)
TIME(fin_timeout_s, fin_wait_2_ns, NS_PER_S)
TIME(fin_timeout_ms, fin_wait_2_ns, NS_PER_MS)
TIME(rto_initial_ms, rto_initial_ns, NS_PER_MS)
TIME(rto_min_us, rto_min_ns, NS_PER_US)
TIME(rto_max_ms, rto_max_ns, NS_PER_MS)
TIME(time_wait_ms, time_wait_ns, 2 * NS_PER_MS) /* net.inet.tcp.msl */
TIME(invalid_ms, invalid_ack_ns, NS_PER_MS)
TIME(keepinit, connect_timeout_ns, NS_PER_MS)
TIME(slop, rto_slop_ns, NS_PER_MS)

static void may_rst(struct setting *s)
{
    s->t->syn_icmp_ends = s->n[0] != 0 ? TCP_ICMP_REFUSED | TCP_ICMP_PROHIBITED | TCP_ICMP_TTL : 0;
}

static void ecn(struct setting *s)
{
    s->t->ecn = s->n[0] == 1 ? TCP_ECN_ON : s->n[0] == 2 ? TCP_ECN_PASSIVE : TCP_ECN_OFF;
}

static void congestion_control(struct setting *s)
{
    s->t->cc = strstr(s->text, "reno") != NULL ? TCP_CC_NEWRENO : TCP_CC_CUBIC;
}

/* Linux counts overhead in: half of tcp_rmem's default is window. */
static void rmem(struct setting *s)
{
    if (s->count < 3)
        return;
    s->t->rcvbuf = bytes(s->n[1] / 2);
    s->t->rcvbuf_max = bytes(s->n[2] < s->n[1] ? s->n[1] : s->n[2]);
}

static void wmem(struct setting *s)
{
    if (s->count < 3)
        return;
    s->t->sndbuf = bytes(s->n[1]);
    s->t->sndbuf_max = bytes(s->n[2] < s->n[1] ? s->n[1] : s->n[2]);
}

static void recovery(struct setting *s)
{
    s->t->rack = (s->n[0] & 1) != 0;
    s->t->tlp = s->t->tlp && s->t->rack;
}

static void early_retrans(struct setting *s)
{
    s->t->tlp = s->n[0] >= 3 && s->t->rack;
}

static void recvspace(struct setting *s)
{
    s->t->rcvbuf = bytes(s->n[0]);
    if (s->t->rcvbuf_max < s->t->rcvbuf)
        s->t->rcvbuf_max = s->t->rcvbuf;
    s->t->window_initial = s->t->rcvbuf < 65535 ? s->t->rcvbuf : 65535;
}

static void sendspace(struct setting *s)
{
    s->t->sndbuf = bytes(s->n[0]);
    if (s->t->sndbuf_max < s->t->sndbuf)
        s->t->sndbuf_max = s->t->sndbuf;
}

static void maxsockbuf(struct setting *s)
{
    s->t->rcvbuf_max = bytes(s->n[0]);
    if (s->t->rcvbuf_max < s->t->rcvbuf)
        s->t->rcvbuf = s->t->rcvbuf_max;
}

static void rfc1323(struct setting *s)
{
    s->t->window_scale = s->t->timestamps = s->n[0] != 0;
}

static void insecure(struct setting *s)
{
    s->t->challenge_acks = s->n[0] == 0;
}

static void drop_options(struct setting *s)
{
    s->t->syn_plain_after = s->n[0] != 0 ? 3 : 0;
}

static void drop_synfin(struct setting *s)
{
    s->t->syn_fin = s->n[0] == 0;
}

static void ecn_retries(struct setting *s)
{
    s->t->syn_ecn_after = small(s->n[0] + 1, 1, 255);
}

static void delacktime(struct setting *s)
{
    s->t->delack_ns = s->t->delack_max_ns = times(s->n[0], NS_PER_MS);
}

static void delayed_ack(struct setting *s)
{
    s->t->delack_segments = s->n[0] == 0 ? 1 : 2;
}

static void missing_ts(struct setting *s)
{
    s->t->timestamps_required = s->n[0] == 0;
}

static const struct {
    const char *name;
    void (*set)(struct setting *s);
} settings[] = {
    {"net.ipv4.tcp_timestamps", timestamps},
    {"net.ipv4.tcp_sack", sack},
    {"net.ipv4.tcp_window_scaling", window_scaling},
    {"net.ipv4.tcp_ecn", ecn},
    {"net.ipv4.tcp_rmem", rmem},
    {"net.ipv4.tcp_wmem", wmem},
    {"net.ipv4.tcp_frto", frto},
    {"net.ipv4.tcp_syn_retries", syn_retries},
    {"net.ipv4.tcp_synack_retries", synack_retries},
    {"net.ipv4.tcp_syn_linear_timeouts", linear},
    {"net.ipv4.tcp_retries2", retries2},
    {"net.ipv4.tcp_orphan_retries", orphans},
    {"net.ipv4.tcp_reordering", dupthresh},
    {"net.ipv4.tcp_min_tso_segs", super_segs},
    {"net.ipv4.tcp_slow_start_after_idle", idle},
    {"net.ipv4.tcp_congestion_control", congestion_control},
    {"net.ipv4.tcp_recovery", recovery},
    {"net.ipv4.tcp_early_retrans", early_retrans},
    {"net.ipv4.tcp_keepalive_time", keepalive_s},
    {"net.ipv4.tcp_keepalive_intvl", interval_s},
    {"net.ipv4.tcp_keepalive_probes", probes},
    {"net.ipv4.tcp_fin_timeout", fin_timeout_s},
    {"net.ipv4.tcp_syncookies", syncookies},
    {"net.ipv4.tcp_mtu_probing", black_holes},
    {"net.ipv4.tcp_rfc1337", rfc1337},
    {"net.ipv4.tcp_rto_min_us", rto_min_us},
    {"net.ipv4.tcp_rto_max_ms", rto_max_ms},
    {"net.ipv4.tcp_invalid_ratelimit", invalid_ms},
    {"net.inet.tcp.rfc1323", rfc1323},
    {"net.inet.tcp.sack.enable", sack},
    {"net.inet.tcp.ecn.enable", ecn},
    {"net.inet.tcp.recvspace", recvspace},
    {"net.inet.tcp.sendspace", sendspace},
    {"kern.ipc.maxsockbuf", maxsockbuf},
    {"net.inet.tcp.insecure_rst", insecure},
    {"net.inet.tcp.insecure_syn", insecure},
    {"net.inet.tcp.delacktime", delacktime},
    {"net.inet.tcp.delayed_ack", delayed_ack},
    {"net.inet.tcp.rexmit_initial", rto_initial_ms},
    {"net.inet.tcp.rexmit_slop", slop},
    {"net.inet.tcp.keepidle", keepalive_ms},
    {"net.inet.tcp.keepintvl", interval_ms},
    {"net.inet.tcp.keepcnt", probes},
    {"net.inet.tcp.keepinit", keepinit},
    {"net.inet.tcp.finwait2_timeout", fin_timeout_ms},
    {"net.inet.tcp.msl", time_wait_ms},
    {"net.inet.tcp.initcwnd_segments", initcwnd},
    {"net.inet.tcp.syncookies", syncookies},
    {"net.inet.tcp.path_mtu_discovery", pmtu},
    {"net.inet.tcp.pmtud_blackhole_detection", black_holes},
    {"net.inet.tcp.rfc3042", limited},
    {"net.inet.tcp.rexmit_drop_options", drop_options},
    {"net.inet.tcp.drop_synfin", drop_synfin},
    {"net.inet.tcp.ecn.maxretries", ecn_retries},
    {"net.inet.tcp.icmp_may_rst", may_rst},
    {"net.inet.tcp.tolerate_missing_ts", missing_ts},
};

/* ---- what scripts' own set-up says ----------------------------------------------------------- */

/* What the scripts named defaults.sh set before a Linux script begins. */
static void linux_defaults(struct tcp_tuning *t)
{
    t->rcvbuf = 540000 / 2;
    t->rcvbuf_max = 15 * 1024 * 1024;
    t->sndbuf = 256 * 1024;
    t->sndbuf_max = 4194304;
    t->syn_retries = t->synack_retries = 5;
    t->ecn = TCP_ECN_OFF;
    t->cwnd_restart = false;
    t->timestamps = t->sack = t->rack = t->tlp = t->f_rto = true;
    t->dupthresh = 3;
    t->cc = TCP_CC_CUBIC;
}

static void apply(struct shell *shell, const char *name, const char *value)
{
    struct setting s = {.t = shell->tuning, .text = value};
    char *end;

    while (s.count < 3) {
        int64_t n = strtoll(value, &end, 0);

        if (end == value)
            break;
        s.n[s.count++] = n;
        for (value = end; isspace((unsigned char)*value); value++)
            ;
    }
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (strcmp(settings[i].name, name) == 0) {
            settings[i].set(&s);
            return;
        }
    snprintf(shell->note, sizeof(shell->note), "passed over: %s=%s", name, s.text);
}

/* $((15*1024*1024)): a product or a sum, which is all that set-ups need. Returns what follows. */
static const char *arithmetic(const char *at, const char *end, long long *out)
{
    long long total = 0, product = 1;
    char *next;

    for (at += 3; at < end; at++) {
        product *= strtoll(at, &next, 0);
        at = next;
        while (at < end && *at == ' ')
            at++;
        if (at == end || *at == '*')
            continue;
        total += product;
        product = 1;
        if (*at != '+')
            break;
    }
    *out = total;
    while (at < end && *at == ')')
        at++;
    return at;
}

/* name=value, name="a b c"; /proc/sys/net/ipv4/x is net.ipv4.x. Returns what follows. */
static const char *assignment(struct shell *shell, const char *at, const char *end)
{
    char name[96], value[96];
    size_t n = 0, v = 0;
    char quote = 0;

    if (end - at > 10 && memcmp(at, "/proc/sys/", 10) == 0)
        at += 10;
    while (at < end && *at != '=' && !isspace((unsigned char)*at) && n < sizeof(name) - 1) {
        name[n++] = *at == '/' ? '.' : *at;
        at++;
    }
    name[n] = '\0';
    if (at == end || *at != '=')
        return at;
    for (at++; at < end && v < sizeof(value) - 24; at++) {
        if (end - at > 3 && memcmp(at, "$((", 3) == 0) {
            long long number;

            at = arithmetic(at, end, &number) - 1;
            v += (size_t)snprintf(value + v, 24, "%lld", number);
        } else if (quote == 0 && (*at == '"' || *at == '\''))
            quote = *at;
        else if (*at == quote)
            quote = 0;
        else if (quote == 0 && (isspace((unsigned char)*at) || *at == ';' || *at == '\\'))
            break;
        else
            value[v++] = *at;
    }
    value[v] = '\0';
    apply(shell, name, value);
    return at;
}

/* sockstat ... | grep -c STATE | grep N: so many sockets are in that state. */
static bool check_sockets(struct shell *shell, const char *text)
{
    const char *count = strstr(text, "grep -c "), *want;
    char state[32], expected[8], got[16];

    if (count == NULL || shell->sys == NULL)
        return true;
    want = strstr(count + 8, "grep ");
    if (want == NULL || sscanf(count + 8, "%31[A-Z_0-9a-z]", state) != 1 ||
        sscanf(want + 5, "%7[0-9]", expected) != 1)
        return true;
    snprintf(got, sizeof(got), "%u", sys_count_state(shell->sys, state));
    if (strstr(got, expected) != NULL)
        return true;
    snprintf(shell->error, sizeof(shell->error), "%s sockets are in %s, not %s", got, state,
             expected);
    return false;
}

/* A device that drops, a route with a metric of its own: what the script then expects depends on
 * it. */
static const char *const unsupported_words[] = {"limit 0", "ip route ", "ip -6 route ", "ip addr ",
                                                "ip link "};

static bool check_supported(struct shell *shell, const char *text)
{
    for (size_t i = 0; i < sizeof(unsupported_words) / sizeof(unsupported_words[0]); i++)
        if (strstr(text, unsupported_words[i]) != NULL) {
            snprintf(shell->error, sizeof(shell->error), "the command '%s...'",
                     unsupported_words[i]);
            shell->unsupported = true;
            return false;
        }
    return true;
}

bool shell_run(struct shell *shell, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    char copy[512];

    shell->note[0] = shell->error[0] = '\0';
    shell->unsupported = false;
    snprintf(copy, sizeof(copy), "%.*s", (int)(len < 500 ? len : 500), text);
    if (!check_supported(shell, copy))
        return false;
    if (strstr(copy, "defaults.sh") != NULL)
        linux_defaults(shell->tuning);
    if (shell->rmem_set != NULL &&
        (strstr(copy, "defaults.sh") != NULL || memmem(text, len, "tcp_rmem", 8) != NULL))
        *shell->rmem_set = true;
    if (strstr(copy, "sockstat") != NULL)
        return check_sockets(shell, copy);
    while (at < end) {
        bool name = strncmp(at, "net.", 4) == 0 || strncmp(at, "kern.", 5) == 0 ||
                    strncmp(at, "/proc/sys/net/", 14) == 0;

        if (name) {
            at = assignment(shell, at, end);
            continue;
        }
        while (at < end && !isspace((unsigned char)*at))
            at++;
        while (at < end && isspace((unsigned char)*at))
            at++;
    }
    return true;
}

/* ---- dialects -------------------------------------------------------------------------------- */

static const char *const linux_words[] = {
    "defaults.sh", "set_sysctls.py", "net.ipv4.", "/proc/sys/", "/proc/net/",       "SOL_TCP",
    "TCP_CA_",     "sysctl_restore", "nstat",     "SIOCINQ",    "SIOCOUTQ",         "MSG_ZEROCOPY",
    "TCP_CORK",    "epoll_",         "TCP_INQ",   "SOL_IP,",    "TCP_USER_TIMEOUT",
};

static const char *const freebsd_words[] = {
    "net.inet.", "kern.ipc.",      "sockstat", "tcpdrop",      "FIONSPACE", "TCP_NOPUSH",
    "TCPI_",     "(flags O_RDWR)", "eol,eol",  "SO_NOSIGPIPE", "setkey",    "TCP_FUNCTION_BLK",
};

static unsigned count_words(const char *text, size_t len, const char *const *words, size_t n)
{
    unsigned count = 0;

    for (size_t i = 0; i < n; i++)
        count += memmem(text, len, words[i], strlen(words[i])) != NULL;
    return count;
}

/* A SYN that goes out with another window scale than ours: of a Linux with other memory. */
static bool foreign_scale(const char *text, size_t len)
{
    const char *at = text, *end = text + len;

    while ((at = memmem(at, (size_t)(end - at), "> S", 3)) != NULL) {
        const char *eol = memchr(at, '\n', (size_t)(end - at)), *scale;

        if (eol == NULL)
            eol = end;
        scale = memmem(at, (size_t)(eol - at), "wscale ", 7);
        if (scale != NULL)
            return eol - scale > 8 && (scale[7] != '7' || isdigit((unsigned char)scale[8]));
        at = eol;
    }
    return false;
}

enum personality shell_dialect(const char *text, size_t len)
{
    unsigned l = count_words(text, len, linux_words, sizeof(linux_words) / sizeof(linux_words[0]));
    unsigned f =
        count_words(text, len, freebsd_words, sizeof(freebsd_words) / sizeof(freebsd_words[0]));

    if (l == 0 && f == 0)
        return foreign_scale(text, len) ? PERSON_LINUX : PERSON_MORGANA;
    return l >= f ? PERSON_LINUX : PERSON_FREEBSD;
}

const struct tcp_tuning *shell_preset(enum personality person)
{
    if (person == PERSON_LINUX)
        return &tcp_tuning_linux;
    return person == PERSON_FREEBSD ? &tcp_tuning_freebsd : &tcp_tuning_default;
}
