/* SPDX-License-Identifier: ISC */
/* sys_info.c - TCP_INFO by the names that scripts assert, in the units of Linux's struct. */
#include <string.h>

#include "sys.h"

/* Linux's numbers of states and FreeBSD's names for them. */
enum {
    L_ESTABLISHED = 1,
    L_SYN_SENT,
    L_SYN_RECV,
    L_FIN_WAIT1,
    L_FIN_WAIT2,
    L_TIME_WAIT,
    L_CLOSE,
    L_CLOSE_WAIT,
    L_LAST_ACK,
    L_LISTEN,
    L_CLOSING,
};

static const uint8_t linux_state[TCP_STATES] = {
    [TCP_CLOSED] = L_CLOSE,
    [TCP_LISTEN] = L_LISTEN,
    [TCP_SYN_SENT] = L_SYN_SENT,
    [TCP_SYN_RECEIVED] = L_SYN_RECV,
    [TCP_ESTABLISHED] = L_ESTABLISHED,
    [TCP_FIN_WAIT_1] = L_FIN_WAIT1,
    [TCP_FIN_WAIT_2] = L_FIN_WAIT2,
    [TCP_CLOSE_WAIT] = L_CLOSE_WAIT,
    [TCP_CLOSING] = L_CLOSING,
    [TCP_LAST_ACK] = L_LAST_ACK,
    [TCP_TIME_WAIT] = L_TIME_WAIT,
};

static const struct {
    const char *name;
    int64_t value;
} constants[] = {
    {"TCP_ESTABLISHED", L_ESTABLISHED},
    {"TCP_SYN_SENT", L_SYN_SENT},
    {"TCP_SYN_RECV", L_SYN_RECV},
    {"TCP_FIN_WAIT1", L_FIN_WAIT1},
    {"TCP_FIN_WAIT2", L_FIN_WAIT2},
    {"TCP_TIME_WAIT", L_TIME_WAIT},
    {"TCP_CLOSE", L_CLOSE},
    {"TCP_CLOSE_WAIT", L_CLOSE_WAIT},
    {"TCP_LAST_ACK", L_LAST_ACK},
    {"TCP_LISTEN", L_LISTEN},
    {"TCP_CLOSING", L_CLOSING},
    {"TCPI_CLOSED", L_CLOSE},
    {"TCPI_LISTEN", L_LISTEN},
    {"TCPI_SYN_SENT", L_SYN_SENT},
    {"TCPI_SYN_RECEIVED", L_SYN_RECV},
    {"TCPI_ESTABLISHED", L_ESTABLISHED},
    {"TCPI_CLOSE_WAIT", L_CLOSE_WAIT},
    {"TCPI_FIN_WAIT_1", L_FIN_WAIT1},
    {"TCPI_CLOSING", L_CLOSING},
    {"TCPI_LAST_ACK", L_LAST_ACK},
    {"TCPI_FIN_WAIT_2", L_FIN_WAIT2},
    {"TCPI_TIME_WAIT", L_TIME_WAIT},
    {"TCP_CA_Open", 0},
    {"TCP_CA_Disorder", 1},
    {"TCP_CA_CWR", 2},
    {"TCP_CA_Recovery", 3},
    {"TCP_CA_Loss", 4},
    {"TCPI_OPT_TIMESTAMPS", 1},
    {"TCPI_OPT_SACK", 2},
    {"TCPI_OPT_WSCALE", 4},
    {"TCPI_OPT_ECN", 8},
    {"TCPI_OPT_ECN_SEEN", 16},
    {"TCPI_OPT_SYN_DATA", 32},
    {"TCPI_OPT_TOE", 16},
};

/* The socket that the newest connection of the script is: else the one made last. */
static struct file *subject(struct sys *sys)
{
    struct file *found = NULL;

    for (unsigned i = 0; i < FILES_MAX; i++) {
        struct file *file = &sys->files[i];

        if (file->kind != FILE_TCP || file->state == SOCK_LISTENING)
            continue;
        if (sys->current != NULL && file->flow == sys->current)
            found = file;
    }
    return found != NULL ? found : sys->newest;
}

#define US NS_PER_US

static int64_t us(uint64_t ns)
{
    return (int64_t)(ns / US);
}

static int64_t ms(uint64_t ns)
{
    return (int64_t)(ns / NS_PER_MS);
}

struct var {
    const char *name;
    int64_t value;
};

static unsigned info_vars(const struct tcp_info *i, const struct tcp_tuning *t, int64_t per_segment,
                          struct var *out)
{
    int64_t inf = 0x7fffffff; /* what Linux says where ssthresh was never set */
    const struct var vars[] = {
        {"tcpi_state", linux_state[i->state < TCP_STATES ? i->state : 0]},
        {"tcpi_ca_state", i->ca_state},
        {"tcpi_retransmits", i->retransmits},
        {"tcpi_probes", i->probes},
        {"tcpi_backoff", i->backoff},
        {"tcpi_options",
         i->ts_ok | i->sack_ok << 1 | i->wscale_ok << 2 | i->ecn_ok << 3 | i->ecn_seen << 4},
        {"tcpi_snd_wscale", i->snd_wscale},
        {"tcpi_rcv_wscale", i->rcv_wscale},
        {"tcpi_rto", us(i->rto_ns)},
        {"tcpi_ato", us(i->ato_ns)},
        {"tcpi_snd_mss", i->snd_mss},
        {"tcpi_rcv_mss", i->rcv_mss},
        {"tcpi_advmss", i->advmss},
        {"tcpi_pmtu", i->pmtu},
        {"tcpi_unacked", i->packets_out},
        {"tcpi_sacked", i->sacked_out},
        {"tcpi_lost", i->lost_out},
        {"tcpi_retrans", i->retrans_out},
        {"tcpi_fackets", 0},
        {"tcpi_last_data_sent", ms(i->since_data_sent_ns)},
        {"tcpi_last_data_recv", ms(i->since_data_recv_ns)},
        {"tcpi_last_ack_recv", ms(i->since_ack_recv_ns)},
        {"tcpi_rcv_ssthresh", i->rcv_ssthresh},
        {"tcpi_rtt", us(i->srtt_ns)},
        {"tcpi_rttvar", us(i->rttvar_ns)},
        {"tcpi_min_rtt", us(i->min_rtt_ns)},
        {"tcpi_rcv_rtt", us(i->rcv_rtt_ns)},
        {"tcpi_snd_ssthresh", i->ssthresh == UINT32_MAX ? inf : i->ssthresh * per_segment},
        {"tcpi_snd_cwnd", i->cwnd * per_segment},
        {"tcpi_cwnd", i->cwnd * per_segment},
        {"tcpi_reordering", i->reordering},
        {"tcpi_total_retrans", (int64_t)i->total_retrans},
        {"tcpi_snd_rexmitpack", (int64_t)i->total_retrans},
        {"tcpi_rcv_space", i->rcvbuf},
        {"tcpi_bytes_acked", (int64_t)i->bytes_acked},
        {"tcpi_bytes_received", (int64_t)i->bytes_received},
        {"tcpi_bytes_sent", (int64_t)i->bytes_sent},
        {"tcpi_bytes_retrans", (int64_t)i->bytes_retrans},
        {"tcpi_segs_in", (int64_t)i->segs_in},
        {"tcpi_segs_out", (int64_t)i->segs_out},
        {"tcpi_data_segs_in", (int64_t)i->data_segs_in},
        {"tcpi_data_segs_out", (int64_t)i->data_segs_out},
        {"tcpi_notsent_bytes", i->unsent},
        {"tcpi_delivery_rate", (int64_t)i->delivery_rate},
        {"tcpi_busy_time", us(i->busy_ns)},
        {"tcpi_rwnd_limited", us(i->rwnd_limited_ns)},
        {"tcpi_sndbuf_limited", us(i->sndbuf_limited_ns)},
        {"tcpi_delivered", (int64_t)i->delivered},
        {"tcpi_delivered_ce", (int64_t)i->delivered_ce},
        {"tcpi_dsack_dups", i->dsack_dups},
        {"tcpi_reord_seen", i->reord_seen},
        {"tcpi_rcv_ooopack", (int64_t)i->rcv_ooo},
        {"tcpi_snd_wnd", i->snd_wnd},
        {"tcpi_rcv_wnd", i->rcv_wnd},
        {"tcpi_total_rto", (int64_t)i->rtos},
    };

    (void)t;
    memcpy(out, vars, sizeof(vars));
    return sizeof(vars) / sizeof(vars[0]);
}

/* Linux's SO_MEMINFO, as far as there is such a thing here. */
static bool meminfo(struct sys *sys, const struct file *file, const char *name, int64_t *value)
{
    struct tcp_info info = {0};

    if (file == NULL || file->tcp == 0 ||
        tcp_info(&sys->world->tcp, file->tcp, sys->world->now, &info) != 0)
        return false;
    if (strcmp(name, "RCVBUF") == 0)
        *value = 2 * (int64_t)info.rcvbuf;
    else if (strcmp(name, "SNDBUF") == 0)
        *value = info.sndbuf;
    else if (strcmp(name, "RMEM_ALLOC") == 0)
        *value = tcp_recv_pending(&sys->world->tcp, file->tcp, NULL);
    else if (strcmp(name, "WMEM_QUEUED") == 0)
        *value = tcp_send_pending(&sys->world->tcp, file->tcp, NULL);
    else
        return false;
    return true;
}

bool sys_info_var(struct sys *sys, const char *name, int64_t *value)
{
    struct file *file = subject(sys);
    struct tcp_info info = {.state = TCP_CLOSED};
    struct var vars[80];
    unsigned n;

    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        if (strcmp(constants[i].name, name) == 0) {
            *value = constants[i].value;
            return true;
        }
    if (strncmp(name, "SK_MEMINFO_", 11) == 0)
        return meminfo(sys, file, name + 11, value);
    if (strncmp(name, "tcpi_", 5) != 0)
        return false;
    if (file != NULL && file->state == SOCK_LISTENING)
        info.state = TCP_LISTEN;
    else if (file != NULL && file->tcp != 0)
        (void)tcp_info(&sys->world->tcp, file->tcp, sys->world->now, &info);
    n = info_vars(&info, &sys->world->conf.tuning,
                  sys->person == PERSON_FREEBSD ? (int64_t)info.snd_mss : 1, vars);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(vars[i].name, name) == 0) {
            *value = vars[i].value;
            return true;
        }
    return false;
}

unsigned sys_count_state(struct sys *sys, const char *state)
{
    static const char *const names[TCP_STATES] = {
        "CLOSED",     "LISTEN",     "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT_1",
        "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK", "TIME_WAIT"};
    struct tcp_usage usage = tcp_usage(&sys->world->tcp);
    unsigned count = 0;

    for (unsigned i = 0; i < FILES_MAX; i++) {
        const struct file *file = &sys->files[i];
        struct tcp_info info = {.state = TCP_CLOSED};

        if (file->kind != FILE_TCP)
            continue;
        if (file->state == SOCK_LISTENING)
            info.state = TCP_LISTEN;
        else if (file->tcp != 0)
            (void)tcp_info(&sys->world->tcp, file->tcp, sys->world->now, &info);
        count += strcmp(names[info.state], state) == 0;
    }
    if (strcmp(state, "SYN_RCVD") == 0)
        count += usage.syns;
    if (strcmp(state, "TIME_WAIT") == 0 && count == 0)
        count = usage.time_waits;
    return count;
}
