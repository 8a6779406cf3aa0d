/* SPDX-License-Identifier: ISC */
/* sys_opt.c - getsockopt, setsockopt, fcntl, ioctl. */
#include <string.h>

#include "sys.h"

#define MS NS_PER_MS

/* Options that nothing but their own getsockopt ever sees. */
enum {
    PLAIN_REUSE,
    PLAIN_ACCEPT_MARK,
    PLAIN_INQ,
    PLAIN_TIMESTAMP,
    PLAIN_OTHER,
    PLAIN_SYNCNT,
    PLAIN_LOWAT
};

static uint64_t tuned(const struct sys *sys, enum tcp_opt opt)
{
    const struct tcp_tuning *t = &sys->world->tcp.conf.tuning;

    switch (opt) {
    case TCP_OPT_RCVBUF:
        return t->rcvbuf;
    case TCP_OPT_SNDBUF:
        return t->sndbuf;
    case TCP_OPT_KEEPALIVE_IDLE:
        return t->keepalive_idle_ns;
    case TCP_OPT_KEEPALIVE_INTERVAL:
        return t->keepalive_interval_ns;
    case TCP_OPT_KEEPALIVE_PROBES:
        return t->keepalive_probes;
    case TCP_OPT_MSS:
        return t->mss_max;
    case TCP_OPT_CC:
        return t->cc;
    case TCP_OPT_TTL:
        return t->ttl;
    case TCP_OPT_TOS:
        return t->tos;
    case TCP_OPT_CONNECT_TIMEOUT:
        return t->connect_timeout_ns;
    case TCP_OPT_LINGER:
        return NS_NEVER;
    default:
        return 0;
    }
}

static uint64_t get_opt(const struct sys *sys, const struct file *file, enum tcp_opt opt)
{
    uint64_t value;

    /* A listener says only what was set on it. */
    if (file->tcp != 0 && (file->state != SOCK_LISTENING || file->opt_set[opt]) &&
        tcp_get(&sys->world->tcp, file->tcp, opt, &value) == 0)
        return value;
    return file->opt_set[opt] ? file->opt[opt] : tuned(sys, opt);
}

static enum call_status put_opt(struct sys *sys, struct call *call, struct file *file,
                                enum tcp_opt opt, uint64_t value)
{
    int error = 0;

    if (file->tcp != 0 && file->state != SOCK_CLOSED)
        error = tcp_set(&sys->world->tcp, file->tcp, opt, value, sys->world->now);
    file->opt[opt] = value;
    file->opt_set[opt] = true;
    return error != 0 ? sys_errno(call, -error) : sys_ok(call, 0);
}

void sys_apply_options(struct sys *sys, struct file *file)
{
    for (int opt = 0; opt < TCP_OPTS; opt++)
        if (file->opt_set[opt])
            (void)tcp_set(&sys->world->tcp, file->tcp, (enum tcp_opt)opt, file->opt[opt],
                          sys->world->now);
}

/* ---- one option ------------------------------------------------------------------------------ */

struct sockopt {
    struct sys *sys;
    struct call *call;
    struct file *file;
    int64_t value; /* set: what; get: the answer */
    const struct expr *arg;
    uint8_t opt;   /* enum tcp_opt, or enum PLAIN */
    uint64_t unit; /* of value, in ns or bytes */
};

static enum call_status set_scaled(struct sockopt *o)
{
    if (o->value < 0)
        return sys_errno(o->call, E_INVAL);
    return put_opt(o->sys, o->call, o->file, (enum tcp_opt)o->opt, (uint64_t)o->value * o->unit);
}

static bool get_scaled(struct sockopt *o)
{
    o->value = (int64_t)(get_opt(o->sys, o->file, (enum tcp_opt)o->opt) / o->unit);
    return true;
}

static enum call_status set_plain(struct sockopt *o)
{
    o->file->plain[o->opt] = o->value;
    return sys_ok(o->call, 0);
}

/* Systems take what is too small or too large for the nearest that is not. */
static uint64_t within(uint64_t bytes)
{
    return bytes < 2048 ? 2048 : bytes > 1 << 30 ? 1 << 30 : bytes;
}

/* Linux makes it twice what it is given, for its own overhead, which we have not. */
static enum call_status set_sndbuf(struct sockopt *o)
{
    if (o->value < 0)
        return sys_errno(o->call, E_INVAL);
    return put_opt(o->sys, o->call, o->file, TCP_OPT_SNDBUF,
                   within((uint64_t)o->value * (o->sys->person == PERSON_LINUX ? 2 : 1)));
}

static enum call_status set_rcvbuf(struct sockopt *o)
{
    if (o->value < 0)
        return sys_errno(o->call, E_INVAL);
    return put_opt(o->sys, o->call, o->file, TCP_OPT_RCVBUF, within((uint64_t)o->value));
}

static bool get_plain(struct sockopt *o)
{
    o->value = o->file->plain[o->opt];
    return true;
}

/* Linux keeps twice what it is given, for its own overhead, and says so. */
static bool get_buffer(struct sockopt *o)
{
    uint64_t bytes = get_opt(o->sys, o->file, (enum tcp_opt)o->opt);
    struct tcp_info info;

    if (o->sys->person == PERSON_LINUX)
        bytes *= 2; /* half of it is window */
    /* FreeBSD rounds the receive buffer up to whole segments when the peer's SYN is there. */
    if (o->sys->person == PERSON_FREEBSD && o->opt == TCP_OPT_RCVBUF && o->file->tcp != 0 &&
        tcp_info(&o->sys->world->tcp, o->file->tcp, o->sys->world->now, &info) == 0 &&
        info.state >= TCP_SYN_RECEIVED && info.snd_mss > 0)
        bytes = (bytes + info.snd_mss - 1) / info.snd_mss * info.snd_mss;
    o->value = (int64_t)bytes;
    return true;
}

static bool get_error(struct sockopt *o)
{
    o->value = sys_take_error(o->sys, o->file);
    return true;
}

static bool get_type(struct sockopt *o)
{
    o->value = o->file->kind == FILE_TCP ? 1 : 2;
    return true;
}

static bool get_listening(struct sockopt *o)
{
    o->value = o->file->state == SOCK_LISTENING;
    return true;
}

static enum call_status set_linger(struct sockopt *o)
{
    const struct expr *on = sys_field(o->arg, "onoff"), *secs = sys_field(o->arg, "linger");
    int64_t onoff, linger;

    if (on == NULL || secs == NULL || !sys_int(on->kids, &onoff) || !sys_int(secs->kids, &linger))
        return sys_bad(o->call, "SO_LINGER wants {onoff=..., linger=...}");
    return put_opt(o->sys, o->call, o->file, TCP_OPT_LINGER,
                   onoff == 0 ? NS_NEVER : (uint64_t)linger * NS_PER_S);
}

/* A connection says what it sends at most; before there is one, what was asked for. */
static bool get_maxseg(struct sockopt *o)
{
    struct tcp_info info;

    o->value = o->file->opt_set[TCP_OPT_MSS] ? (int64_t)o->file->opt[TCP_OPT_MSS] : 536;
    if (o->file->tcp != 0 && o->file->state != SOCK_LISTENING &&
        tcp_info(&o->sys->world->tcp, o->file->tcp, o->sys->world->now, &info) == 0 &&
        info.snd_mss > 0)
        o->value = info.snd_mss;
    return true;
}

static enum call_status set_maxseg(struct sockopt *o)
{
    if (o->value < 64 || o->value > 65495)
        return sys_errno(o->call, E_INVAL);
    return put_opt(o->sys, o->call, o->file, TCP_OPT_MSS, (uint64_t)o->value);
}

static enum call_status set_cc(struct sockopt *o)
{
    uint64_t cc = TCP_CC_CUBIC;

    if (o->arg->kind != X_STRING)
        return sys_bad(o->call, "TCP_CONGESTION wants a name");
    if (strcmp(o->arg->text, "reno") == 0 || strcmp(o->arg->text, "newreno") == 0)
        cc = TCP_CC_NEWRENO;
    else if (strcmp(o->arg->text, "westwood") == 0)
        cc = TCP_CC_WESTWOOD;
    else if (strcmp(o->arg->text, "cubic") != 0)
        return sys_unsupported(o->call, "congestion control '%s'", o->arg->text);
    return put_opt(o->sys, o->call, o->file, TCP_OPT_CC, cc);
}

static enum call_status set_unsupported(struct sockopt *o)
{
    return sys_unsupported(o->call, "this socket option");
}

static bool get_unsupported(struct sockopt *o)
{
    (void)o;
    return false;
}

/* How often a SYN is sent again: of the whole stack here, and so of the next connection. */
static enum call_status set_syncnt(struct sockopt *o)
{
    if (o->value < 1 || o->value > 15)
        return sys_errno(o->call, E_INVAL);
    o->sys->world->tcp.conf.tuning.syn_retries = (uint8_t)o->value;
    return set_plain(o);
}

/* 0: Linux's own limit, which is none. */
static enum call_status set_lowat(struct sockopt *o)
{
    uint64_t value = o->value == 0 ? UINT32_MAX : (uint64_t)o->value;

    o->file->plain[PLAIN_LOWAT] = o->value;
    return put_opt(o->sys, o->call, o->file, TCP_OPT_NOTSENT_LOWAT, value);
}

#define SCALED(o, u) set_scaled, get_scaled, o, u
#define PLAIN(p) set_plain, get_plain, p, 1
#define UNSUPPORTED set_unsupported, get_unsupported, 0, 1

static const struct {
    const char *name;
    enum call_status (*set)(struct sockopt *o);
    bool (*get)(struct sockopt *o);
    uint8_t opt;
    uint64_t unit;
} sockopts[] = {
    {"SO_ERROR", set_unsupported, get_error, 0, 1},
    {"SO_TYPE", set_unsupported, get_type, 0, 1},
    {"SO_ACCEPTCONN", set_unsupported, get_listening, 0, 1},
    {"SO_REUSEADDR", PLAIN(PLAIN_REUSE)},
    {"SO_REUSEPORT", PLAIN(PLAIN_REUSE)},
    {"SO_BROADCAST", PLAIN(PLAIN_OTHER)},
    {"SO_PRIORITY", PLAIN(PLAIN_OTHER)},
    {"SO_MARK", PLAIN(PLAIN_OTHER)},
    {"SO_OOBINLINE", PLAIN(PLAIN_OTHER)},
    {"SO_NOSIGPIPE", PLAIN(PLAIN_OTHER)},
    {"SO_RCVBUF", set_rcvbuf, get_buffer, TCP_OPT_RCVBUF, 1},
    {"SO_RCVBUFFORCE", set_rcvbuf, get_buffer, TCP_OPT_RCVBUF, 1},
    {"SO_SNDBUF", set_sndbuf, get_scaled, TCP_OPT_SNDBUF, 1},
    {"SO_SNDBUFFORCE", set_sndbuf, get_scaled, TCP_OPT_SNDBUF, 1},
    {"SO_KEEPALIVE", SCALED(TCP_OPT_KEEPALIVE, 1)},
    {"SO_LINGER", set_linger, get_unsupported, 0, 1},
    {"TCP_NODELAY", SCALED(TCP_OPT_NODELAY, 1)},
    {"TCP_CORK", SCALED(TCP_OPT_CORK, 1)},
    {"TCP_NOPUSH", SCALED(TCP_OPT_CORK, 1)},
    {"TCP_QUICKACK", SCALED(TCP_OPT_QUICKACK, 1)},
    {"TCP_MAXSEG", set_maxseg, get_maxseg, 0, 1},
    {"TCP_KEEPIDLE", SCALED(TCP_OPT_KEEPALIVE_IDLE, NS_PER_S)},
    {"TCP_KEEPINTVL", SCALED(TCP_OPT_KEEPALIVE_INTERVAL, NS_PER_S)},
    {"TCP_KEEPCNT", SCALED(TCP_OPT_KEEPALIVE_PROBES, 1)},
    {"TCP_KEEPINIT", SCALED(TCP_OPT_CONNECT_TIMEOUT, NS_PER_S)},
    {"TCP_SYNCNT", set_syncnt, get_plain, PLAIN_SYNCNT, 1},
    {"TCP_USER_TIMEOUT", SCALED(TCP_OPT_USER_TIMEOUT, MS)},
    {"TCP_WINDOW_CLAMP", SCALED(TCP_OPT_WINDOW_CLAMP, 1)},
    {"TCP_NOTSENT_LOWAT", set_lowat, get_plain, PLAIN_LOWAT, 1},
    {"TCP_CONGESTION", set_cc, get_unsupported, 0, 1},
    {"TCP_INQ", PLAIN(PLAIN_INQ)},
    {"IP_TOS", SCALED(TCP_OPT_TOS, 1)},
    {"IP_TTL", SCALED(TCP_OPT_TTL, 1)},
    {"IP_MTU_DISCOVER", PLAIN(PLAIN_OTHER)},
    {"IP_RECVERR", PLAIN(PLAIN_OTHER)},
    {"IP_FREEBIND", PLAIN(PLAIN_OTHER)},
    {"IP_DONTFRAG", PLAIN(PLAIN_OTHER)},
};

static enum call_status find(struct sys *sys, struct call *call, struct sockopt *o, size_t *index)
{
    const struct expr *name = sys_arg(call, 2);

    *o = (struct sockopt){.sys = sys, .call = call, .arg = sys_arg(call, 3)};
    o->file = sys_arg_file(sys, call, 0);
    if (o->file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    for (*index = 0; *index < sizeof(sockopts) / sizeof(sockopts[0]); ++*index)
        if (name->kind == X_WORD && strcmp(sockopts[*index].name, name->text) == 0) {
            o->opt = sockopts[*index].opt;
            o->unit = sockopts[*index].unit;
            return CALL_BLOCKS; /* found: the caller goes on */
        }
    return sys_unsupported(call, "the socket option %s",
                           name->kind == X_WORD ? name->text : "by number");
}

enum call_status sys_setsockopt(struct sys *sys, struct call *call)
{
    struct sockopt o;
    size_t i;
    enum call_status status = find(sys, call, &o, &i);

    if (status != CALL_BLOCKS)
        return status;
    if (sockopts[i].set != set_linger && sockopts[i].set != set_cc &&
        !sys_arg_int(call, 3, &o.value))
        return CALL_FAILED;
    return sockopts[i].set(&o);
}

enum call_status sys_getsockopt(struct sys *sys, struct call *call)
{
    struct sockopt o;
    size_t i;
    int64_t want;
    enum call_status status = find(sys, call, &o, &i);

    if (status != CALL_BLOCKS)
        return status;
    if (sockopts[i].get == get_unsupported)
        return sys_unsupported(call, "getsockopt(%s)", sockopts[i].name);
    sockopts[i].get(&o);
    if (o.arg->kind == X_ELLIPSIS ||
        (o.arg->kind == X_LIST && o.arg->kids != NULL && o.arg->kids->kind == X_ELLIPSIS))
        return sys_ok(call, 0);
    if (!sys_int(o.arg, &want))
        return sys_bad(call, "an expected value that is no number");
    if (want != o.value) {
        if (sockopts[i].get == get_error)
            return sys_bad(call, "SO_ERROR is %s, not %s",
                           o.value == 0 ? "0" : sym_errno((int)o.value),
                           want == 0 ? "0" : sym_errno((int)want));
        return sys_bad(call, "%s is %lld, not %lld", sockopts[i].name, (long long)o.value,
                       (long long)want);
    }
    return sys_ok(call, 0);
}

/* ---- fcntl, ioctl ---------------------------------------------------------------------------- */

enum call_status sys_fcntl(struct sys *sys, struct call *call)
{
    struct file *file = sys_arg_file(sys, call, 0);
    int64_t what, flags = 0;

    if (file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (!sys_arg_int(call, 1, &what) || (sys_arg(call, 2) != NULL && !sys_arg_int(call, 2, &flags)))
        return CALL_FAILED;
    if (what == 3)
        return sys_ok(call, 2 | (file->nonblock ? 04000 : 0));
    if (what != 4)
        return sys_errno(call, E_INVAL);
    file->nonblock = (flags & 04000) != 0;
    return sys_ok(call, 0);
}

static bool ioctl_value(struct sys *sys, const struct file *file, int64_t what, int64_t *got)
{
    struct tcp *tcp = &sys->world->tcp;
    uint32_t unsent = 0, urgent = 0;

    switch (what) {
    case 0x541b: /* FIONREAD */
        *got = tcp_recv_pending(tcp, file->tcp, NULL);
        break;
    case 0x5411: /* SIOCOUTQ */
        *got = tcp_send_pending(tcp, file->tcp, NULL);
        break;
    case 0x894b: /* SIOCOUTQNSD */
        *got = tcp_send_pending(tcp, file->tcp, &unsent);
        *got = *got < 0 ? *got : (int64_t)unsent;
        break;
    case 0x40047676: /* FIONSPACE */
        *got = (int64_t)get_opt(sys, file, TCP_OPT_SNDBUF) - tcp_send_pending(tcp, file->tcp, NULL);
        break;
    case 0x8905: /* SIOCATMARK */
        *got = tcp_recv_pending(tcp, file->tcp, &urgent);
        *got = *got < 0 ? *got : urgent == 1;
        break;
    default:
        return false;
    }
    return true;
}

enum call_status sys_ioctl(struct sys *sys, struct call *call)
{
    struct file *file = sys_arg_file(sys, call, 0);
    int64_t what, want, got = 0;

    if (file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (!sys_arg_int(call, 1, &what))
        return CALL_FAILED;
    if (what == 0x5421) { /* FIONBIO */
        if (!sys_arg_int(call, 2, &want))
            return CALL_FAILED;
        file->nonblock = want != 0;
        return sys_ok(call, 0);
    }
    if (file->kind != FILE_TCP || file->state == SOCK_LISTENING)
        return sys_errno(call, E_INVAL);
    if (!ioctl_value(sys, file, what, &got))
        return sys_unsupported(call, "this ioctl()");
    if (got < 0)
        return sys_errno(call, (int)-got);
    if (sys_arg(call, 2) == NULL || sys_arg(call, 2)->kind == X_ELLIPSIS)
        return sys_ok(call, 0);
    if (!sys_arg_int(call, 2, &want))
        return CALL_FAILED;
    if (want != got)
        return sys_bad(call, "ioctl() says %lld, not %lld", (long long)got, (long long)want);
    return sys_ok(call, 0);
}
