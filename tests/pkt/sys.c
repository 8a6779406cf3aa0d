/* SPDX-License-Identifier: ISC */
/* sys.c - system calls: descriptors, arguments, results. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

static const struct {
    const char *name;
    sys_handler handler;
    unsigned args_min, args_max;
} calls[] = {
    {"socket", sys_socket, 3, 3},
    {"bind", sys_bind, 3, 3},
    {"listen", sys_listen, 2, 2},
    {"accept", sys_accept, 3, 3},
    {"accept4", sys_accept, 4, 4},
    {"connect", sys_connect, 3, 3},
    {"read", sys_read, 3, 3},
    {"readv", sys_readv, 3, 3},
    {"recv", sys_recv, 4, 4},
    {"recvfrom", sys_recvfrom, 6, 6},
    {"recvmsg", sys_recvmsg, 3, 3},
    {"write", sys_write, 3, 3},
    {"writev", sys_writev, 3, 3},
    {"send", sys_send, 4, 4},
    {"sendto", sys_sendto, 6, 6},
    {"sendmsg", sys_sendmsg, 3, 3},
    {"fcntl", sys_fcntl, 2, 3},
    {"ioctl", sys_ioctl, 2, 3},
    {"close", sys_close, 1, 1},
    {"shutdown", sys_shutdown, 2, 2},
    {"getsockopt", sys_getsockopt, 5, 5},
    {"setsockopt", sys_setsockopt, 5, 5},
    {"poll", sys_poll, 3, 3},
    {"epoll_create", sys_epoll_create, 1, 1},
    {"epoll_create1", sys_epoll_create, 1, 1},
    {"epoll_ctl", sys_epoll_ctl, 4, 4},
    {"epoll_wait", sys_epoll_wait, 4, 4},
    {"open", sys_open, 2, 3},
    {"sendfile", sys_sendfile, 4, 4},
};

/* Other calls of scripts: what is not among these either is misspelt. */
static const char *const calls_unsupported[] = {
    "cap_set",
    "dup",
    "dup2",
    "epoll_pwait",
    "eventfd",
    "getpeername",
    "getsockname",
    "kevent",
    "kqueue",
    "pipe",
    "pipe2",
    "ppoll",
    "preadv",
    "pselect",
    "pwritev",
    "recvmmsg",
    "sctp_bindx",
    "sctp_connectx",
    "sctp_freeladdrs",
    "sctp_freepaddrs",
    "sctp_getladdrs",
    "sctp_getpaddrs",
    "sctp_opt_info",
    "sctp_peeloff",
    "sctp_recvmsg",
    "sctp_recvv",
    "sctp_send",
    "sctp_sendmsg",
    "sctp_sendv",
    "sctp_sendx",
    "select",
    "sendmmsg",
    "socketpair",
    "splice",
    "tee",
    "vmsplice",
};

/* ---- arguments ------------------------------------------------------------------------------- */

const struct expr *sys_arg(const struct call *call, unsigned index)
{
    const struct expr *arg = call->spec->args;

    while (arg != NULL && index-- > 0)
        arg = arg->next;
    return arg;
}

static bool call_value(const struct expr *expr, int64_t *out)
{
    if (strcmp(expr->text, "htons") == 0 || strcmp(expr->text, "htonl") == 0)
        return expr->kids != NULL && sys_int(expr->kids, out);
    if (strcmp(expr->text, "inet_addr") == 0 && expr->kids != NULL &&
        expr->kids->kind == X_STRING) {
        unsigned a, b, c, d;

        if (sscanf(expr->kids->text, "%3u.%3u.%3u.%3u", &a, &b, &c, &d) != 4)
            return false;
        *out = (int64_t)(a << 24 | b << 16 | c << 8 | d);
        return true;
    }
    return false;
}

bool sys_int(const struct expr *expr, int64_t *out)
{
    int64_t part;

    switch (expr->kind) {
    case X_INT:
        *out = expr->num;
        return true;
    case X_WORD:
        return sym_value(expr->text, out);
    case X_CALL:
        return call_value(expr, out);
    case X_LIST:
    case X_STRUCT:
        return expr->kids != NULL && expr->kids->next == NULL && sys_int(expr->kids, out);
    case X_OR:
        *out = 0;
        for (const struct expr *kid = expr->kids; kid != NULL; kid = kid->next) {
            if (!sys_int(kid, &part))
                return false;
            *out |= part;
        }
        return true;
    default:
        return false;
    }
}

bool sys_arg_int(struct call *call, unsigned index, int64_t *out)
{
    const struct expr *arg = sys_arg(call, index);

    if (arg != NULL && sys_int(arg, out))
        return true;
    sys_bad(call, "argument %u of %s() is no number that is known%s%s", index + 1, call->spec->name,
            arg != NULL && arg->text != NULL ? ": " : "",
            arg != NULL && arg->text != NULL ? arg->text : "");
    return false;
}

const struct expr *sys_field(const struct expr *structure, const char *name)
{
    const struct expr *field = structure->kids;

    while (field != NULL && (field->kind != X_FIELD || strcmp(field->text, name) != 0))
        field = field->next;
    return field;
}

/* ---- results --------------------------------------------------------------------------------- */

enum call_status sys_ok(struct call *call, int64_t result)
{
    call->result = result;
    call->err = 0;
    return CALL_DONE;
}

enum call_status sys_errno(struct call *call, int err)
{
    call->result = -1;
    call->err = err;
    return CALL_DONE;
}

enum call_status sys_unsupported(struct call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(call->why, sizeof(call->why), format, args);
    va_end(args);
    return CALL_UNSUPPORTED;
}

enum call_status sys_bad(struct call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(call->why, sizeof(call->why), format, args);
    va_end(args);
    return CALL_FAILED;
}

enum call_status sys_wait(struct call *call, const struct file *file, bool dontwait)
{
    return file->nonblock || dontwait ? sys_errno(call, E_AGAIN) : CALL_BLOCKS;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

struct file *sys_file(struct sys *sys, int fd)
{
    if (fd < 0 || fd >= FILES_MAX || sys->files[fd].kind == FILE_NONE)
        return NULL;
    return &sys->files[fd];
}

struct file *sys_arg_file(struct sys *sys, struct call *call, unsigned index)
{
    int64_t fd = -1;
    struct file *file;

    if (!sys_arg_int(call, index, &fd))
        return NULL;
    file = fd < INT32_MIN || fd > INT32_MAX ? NULL : sys_file(sys, (int)fd);
    if (file == NULL)
        sys_errno(call, E_BADF);
    return file;
}

static int free_fd(const struct sys *sys)
{
    int fd = FILES_MAX - 1;

    while (fd > 0 && sys->files[fd].kind != FILE_NONE)
        fd--;
    return fd;
}

/* A script may give a number again: what had it stays open under another. */
static void move_away(struct sys *sys, int fd)
{
    int to = free_fd(sys);

    sys->files[to] = sys->files[fd];
    sys->files[to].fd = to;
    if (sys->newest == &sys->files[fd])
        sys->newest = &sys->files[to];
}

struct file *sys_new_file(struct sys *sys, struct call *call, enum file_kind kind)
{
    int64_t fd = -1;

    if (!sys_int(call->spec->result, &fd) || fd < 0)
        fd = free_fd(sys); /* the script expects a failure: any number shows that there was none */
    if (fd >= FILES_MAX || free_fd(sys) == 0) {
        sys_bad(call, "more descriptors than there are");
        return NULL;
    }
    if (sys->files[fd].kind != FILE_NONE)
        move_away(sys, (int)fd);
    sys->files[fd] = (struct file){.kind = kind, .fd = (int)fd};
    for (unsigned i = 0; i < WATCHES_MAX; i++)
        sys->files[fd].watch[i].fd = -1;
    sys_ok(call, fd);
    return &sys->files[fd];
}

/* ---- calls ----------------------------------------------------------------------------------- */

enum call_status sys_call(struct sys *sys, struct call *call)
{
    const struct call_spec *spec = call->spec;
    unsigned args = 0;

    for (const struct expr *arg = spec->args; arg != NULL; arg = arg->next)
        args++;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(calls[i].name, spec->name) != 0)
            continue;
        if (args < calls[i].args_min || args > calls[i].args_max)
            return sys_bad(call, "%s() with %u arguments", spec->name, args);
        return calls[i].handler(sys, call);
    }
    for (size_t i = 0; i < sizeof(calls_unsupported) / sizeof(calls_unsupported[0]); i++)
        if (strcmp(calls_unsupported[i], spec->name) == 0)
            return sys_unsupported(call, "%s()", spec->name);
    return sys_bad(call, "no such call: %s()", spec->name);
}

bool sys_check(const struct sys *sys, struct call *call)
{
    const struct call_spec *spec = call->spec;
    int64_t want = 0, want_err = 0;
    char got[80];

    (void)sys;
    if (call->result < 0)
        snprintf(got, sizeof(got), "-1 %s", sym_errno(call->err));
    else
        snprintf(got, sizeof(got), "%lld", (long long)call->result);
    if (spec->result->kind != X_ELLIPSIS && !sys_int(spec->result, &want)) {
        snprintf(call->why, sizeof(call->why), "a result that is no number");
        return false;
    }
    if (spec->errname != NULL && !sym_value(spec->errname, &want_err)) {
        snprintf(call->why, sizeof(call->why), "an unknown errno: %s", spec->errname);
        return false;
    }
    if ((spec->result->kind == X_ELLIPSIS || want == call->result) &&
        (spec->errname == NULL || want_err == call->err))
        return true;
    snprintf(call->why, sizeof(call->why), "%s() returned %s, not %lld%s%s", spec->name, got,
             (long long)want, spec->errname != NULL ? " " : "",
             spec->errname != NULL ? spec->errname : "");
    return false;
}

void sys_fini(struct sys *sys)
{
    struct flow *flow;

    for (unsigned i = 0; i < FILES_MAX; i++)
        if (sys->files[i].udp != NULL) {
            udp_close(sys->files[i].udp);
            free(sys->files[i].udp);
        }
    while ((flow = sys->flows) != NULL) {
        sys->flows = flow->next;
        free(flow->written);
        free(flow);
    }
}
