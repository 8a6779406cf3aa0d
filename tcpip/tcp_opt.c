/* SPDX-License-Identifier: ISC */
/* tcp_opt.c - options of connections, and of listeners for those they accept: one table, a row for
 * each option that is a field in both, and functions for those that are more than that. */
#include "tcpip/tcp_priv.h"

#define DAY_NS (86400 * NS_PER_S)
#define BUF_MIN 2048u
#define ECN_BITS UINT64_C(3) /* of TOS: not the program's (RFC 3168) */
#define BUF_MAX (UINT32_C(1) << 30)

enum opt_type { OPT_NONE, OPT_BOOL, OPT_U8, OPT_U16, OPT_U32, OPT_NS };

struct opt {
    uint64_t min, max;
    uint16_t conn_off, preset_off; /* of the field; NOWHERE: it has none */
    uint8_t type;                  /* enum opt_type */
};

#define NOWHERE UINT16_MAX
#define IN(type, field) ((uint16_t)offsetof(struct type, field))

static const struct opt opts[TCP_OPTS] = {
    [TCP_OPT_NODELAY] = {0, 1, IN(tcp_conn, nodelay), IN(tcp_preset, nodelay), OPT_BOOL},
    [TCP_OPT_CORK] = {0, 1, IN(tcp_conn, cork), IN(tcp_preset, cork), OPT_BOOL},
    [TCP_OPT_QUICKACK] = {0, 1, IN(tcp_conn, quickack_set), NOWHERE, OPT_BOOL},
    [TCP_OPT_KEEPALIVE] = {0, 1, IN(tcp_conn, keepalive), IN(tcp_preset, keepalive), OPT_BOOL},
    [TCP_OPT_KEEPALIVE_IDLE] = {NS_PER_MS, 365 * DAY_NS, IN(tcp_conn, keepalive_idle_ns),
                                IN(tcp_preset, keepalive_idle_ns), OPT_NS},
    [TCP_OPT_KEEPALIVE_INTERVAL] = {NS_PER_MS, 365 * DAY_NS, IN(tcp_conn, keepalive_interval_ns),
                                    IN(tcp_preset, keepalive_interval_ns), OPT_NS},
    [TCP_OPT_KEEPALIVE_PROBES] = {1, 127, IN(tcp_conn, keepalive_probes_max),
                                  IN(tcp_preset, keepalive_probes_max), OPT_U8},
    [TCP_OPT_USER_TIMEOUT] = {0, 365 * DAY_NS, IN(tcp_conn, user_timeout_ns),
                              IN(tcp_preset, user_timeout_ns), OPT_NS},
    [TCP_OPT_USER_TIMEOUT_SEND] = {0, 1, IN(tcp_conn, user_timeout_send),
                                   IN(tcp_preset, user_timeout_send), OPT_BOOL},
    [TCP_OPT_LINGER] = {0, NS_NEVER, IN(tcp_conn, linger_ns), IN(tcp_preset, linger_ns), OPT_NS},
    [TCP_OPT_MSS] = {64, 65495, IN(tcp_conn, mss_max), IN(tcp_preset, mss_max), OPT_U16},
    [TCP_OPT_RCVBUF] = {BUF_MIN, BUF_MAX, IN(tcp_conn, rcv.limit), IN(tcp_preset, rcvbuf), OPT_U32},
    [TCP_OPT_SNDBUF] = {BUF_MIN, BUF_MAX, IN(tcp_conn, snd.limit), IN(tcp_preset, sndbuf), OPT_U32},
    [TCP_OPT_WINDOW_CLAMP] = {1, UINT32_MAX, IN(tcp_conn, rcv.clamp), IN(tcp_preset, window_clamp),
                              OPT_U32},
    [TCP_OPT_NOTSENT_LOWAT] = {1, UINT32_MAX, IN(tcp_conn, snd.lowat), IN(tcp_preset, lowat),
                               OPT_U32},
    [TCP_OPT_CC] = {0, TCP_CC_KINDS - 1, IN(tcp_conn, cc_kind), IN(tcp_preset, cc_kind), OPT_U8},
    [TCP_OPT_TTL] = {1, 255, IN(tcp_conn, ip.ttl), IN(tcp_preset, ttl), OPT_U8},
    [TCP_OPT_TOS] = {0, 255, IN(tcp_conn, ip.tos), IN(tcp_preset, tos), OPT_U8},
    [TCP_OPT_CONNECT_TIMEOUT] = {0, 365 * DAY_NS, IN(tcp_conn, connect_timeout_ns), NOWHERE,
                                 OPT_NS},
    [TCP_OPT_ECN] = {0, TCP_ECN_ON, IN(tcp_conn, ecn_mode), IN(tcp_preset, ecn_mode), OPT_U8},
};

static const uint8_t widths[] = {
    [OPT_BOOL] = sizeof(bool),    [OPT_U8] = sizeof(uint8_t),  [OPT_U16] = sizeof(uint16_t),
    [OPT_U32] = sizeof(uint32_t), [OPT_NS] = sizeof(uint64_t),
};

/* Little-endian, as all targets are: the low bytes come first. */
static void store(void *record, uint32_t off, const struct opt *opt, uint64_t value)
{
    memcpy((uint8_t *)record + off, &value, widths[opt->type]);
}

static uint64_t load(const void *record, uint32_t off, const struct opt *opt)
{
    uint64_t value = 0;

    memcpy(&value, (const uint8_t *)record + off, widths[opt->type]);
    return value;
}

/* ---- what more there is to an option of a connection ----------------------------------------- */

/* Our first SYN has not gone: so it is until the end of the poll that connects. */
static bool is_unsaid(const struct tcp_conn *conn)
{
    return conn->state == TCP_SYN_SENT && (conn->owed & TCP_OWE_SYN) != 0 && conn->syn_tries == 0;
}

/* What the SYN says cannot be changed after it. */
static bool is_too_late(const struct tcp_conn *conn, enum tcp_opt opt)
{
    return (opt == TCP_OPT_MSS || opt == TCP_OPT_ECN) && !is_unsaid(conn);
}

static void set_keepalive(struct tcp_conn *conn, uint64_t now)
{
    conn->keepalives = 0;
    if (conn->keepalive && conn->state >= TCP_ESTABLISHED)
        tcp_keepalive_start(conn, now);
    else
        tcp_timer_stop(conn, TCP_TIMER_KEEPALIVE);
}

/* The SYN offers another window, where it has not gone. */
static void set_first_window(struct tcp_conn *conn, uint64_t now)
{
    struct tcp_preset preset = {.rcvbuf = conn->rcv.fixed ? conn->rcv.limit : 0,
                                .window_clamp = conn->rcv.clamp};

    if (!is_unsaid(conn))
        return;
    if (conn->wscale_ok)
        conn->rcv_wscale = tcp_syn_wscale(conn->tcp, &preset);
    tcp_window_init(conn, now);
}

static void changed(struct tcp_conn *conn, enum tcp_opt opt, uint64_t now)
{
    switch (opt) {
    case TCP_OPT_NODELAY: /* what was held back may go, once even though corked */
        if (conn->nodelay && tcp_sndbuf_unsent(conn) != 0)
            conn->snd.uncork = true;
        tcp_poll_mark(conn);
        break;
    case TCP_OPT_CORK:
        tcp_poll_mark(conn);
        break;
    case TCP_OPT_QUICKACK:
        tcp_ackgen_set_quick(conn, conn->quickack_set);
        break;
    case TCP_OPT_KEEPALIVE:
    case TCP_OPT_KEEPALIVE_IDLE:
    case TCP_OPT_KEEPALIVE_INTERVAL:
        set_keepalive(conn, now);
        break;
    case TCP_OPT_RCVBUF:
        conn->rcv.fixed = true;
        conn->rcv.window_known = false;
        set_first_window(conn, now);
        break;
    case TCP_OPT_WINDOW_CLAMP:
        conn->rcv.window_known = false;
        set_first_window(conn, now);
        break;
    case TCP_OPT_SNDBUF:
        conn->snd.fixed = true;
        break;
    case TCP_OPT_CC:
        if (conn->cc.ops != NULL)
            tcp_cc_switch(&conn->cc, (enum tcp_cc_kind)conn->cc_kind);
        break;
    case TCP_OPT_ECN:
        conn->ecn_ok = conn->ecn_mode == TCP_ECN_ON;
        break;
    case TCP_OPT_CONNECT_TIMEOUT:
    case TCP_OPT_USER_TIMEOUT:
        if (conn->state == TCP_SYN_SENT && (conn->owed & TCP_OWE_SYN) != 0)
            tcp_synsent_send(conn, now);
        break;
    case TCP_OPT_NOTSENT_LOWAT:
        tcp_sndbuf_wake(conn);
        break;
    default:
        break;
    }
}

/* ---- the doors ------------------------------------------------------------------------------ */

int tcp_set(struct tcp *tcp, tcp_t handle, enum tcp_opt opt, uint64_t value, uint64_t now_ns)
{
    struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    struct tcp_listener *listener = conn != NULL ? NULL : tcp_listener_of(tcp, handle);
    const struct opt *row;

    if (conn == NULL && listener == NULL)
        return -E_BADF;
    if ((unsigned)opt >= TCP_OPTS)
        return -E_INVAL;
    row = &opts[opt];
    if (value < row->min || value > row->max)
        return -E_INVAL;
    if (opt == TCP_OPT_TOS)
        value &= ~ECN_BITS;
    if (conn == NULL) {
        if (row->preset_off == NOWHERE)
            return -E_INVAL;
        store(&listener->preset, row->preset_off, row, value);
        return 0;
    }
    if (conn->state == TCP_CLOSED)
        return 0; /* it makes no difference any more */
    if (is_too_late(conn, opt))
        return -E_INVAL;
    store(conn, row->conn_off, row, value);
    changed(conn, opt, now_ns);
    return 0;
}

/* Of a listener: what the connections that it accepts begin with. */
static uint64_t preset_value(const struct tcp *tcp, const struct tcp_listener *listener,
                             enum tcp_opt opt)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;
    uint64_t value = load(&listener->preset, opts[opt].preset_off, &opts[opt]);

    /* Not set: autotuned from there. */
    if (value == 0 && opt == TCP_OPT_RCVBUF)
        return tuning->rcvbuf;
    if (value == 0 && opt == TCP_OPT_SNDBUF)
        return tuning->sndbuf;
    return value;
}

int tcp_get(const struct tcp *tcp, tcp_t handle, enum tcp_opt opt, uint64_t *value)
{
    const struct tcp_conn *conn = tcp_conn_of(tcp, handle);
    const struct tcp_listener *listener = conn != NULL ? NULL : tcp_listener_of(tcp, handle);
    const struct opt *row;

    if (conn == NULL && listener == NULL)
        return -E_BADF;
    if ((unsigned)opt >= TCP_OPTS)
        return -E_INVAL;
    row = &opts[opt];
    if (conn == NULL && row->preset_off == NOWHERE)
        return -E_INVAL;
    if (conn != NULL)
        *value = load(conn, row->conn_off, row) & ~(opt == TCP_OPT_TOS ? ECN_BITS : 0);
    else
        *value = preset_value(tcp, listener, opt);
    return 0;
}
