/* SPDX-License-Identifier: ISC */
/* sys_poll.c - poll and epoll over tcp_ready. */
#include <string.h>

#include "sys.h"

enum {
    P_IN = 1,
    P_OUT = 4,
    P_ERR = 8,
    P_HUP = 0x10,
    P_NVAL = 0x20,
    P_RDNORM = 0x40,
    P_WRNORM = 0x100,
    P_RDHUP = 0x2000,
    P_ALWAYS = P_ERR | P_HUP | P_NVAL,
};

#define E_ONESHOT (UINT32_C(1) << 30)
#define E_EDGE (UINT32_C(1) << 31)

static uint32_t events_of_tcp(struct sys *sys, const struct file *file)
{
    unsigned ready;
    uint32_t events = 0;

    if (file->state == SOCK_FRESH)
        return P_OUT | P_HUP; /* as Linux says of a socket that was never used */
    ready = tcp_ready(&sys->world->tcp, file->tcp);
    if ((ready & (TCP_READY_RECV | TCP_READY_ACCEPT)) != 0)
        events |= P_IN | P_RDNORM;
    if ((ready & TCP_READY_EOF) != 0 || file->shut_rd)
        events |= P_IN | P_RDNORM | P_RDHUP;
    if ((ready & TCP_READY_SEND) != 0 || file->shut_wr)
        events |= P_OUT | P_WRNORM;
    if ((ready & TCP_READY_URGENT) != 0)
        events |= 2;
    if ((ready & TCP_READY_ERROR) != 0) {
        events |= P_IN | P_OUT | P_HUP | P_RDHUP | P_RDNORM | P_WRNORM;
        events |= file->error_told ? 0 : P_ERR;
    }
    if ((events & P_RDHUP) != 0 && file->shut_wr)
        events |= P_HUP;
    return events;
}

static uint32_t events_of(struct sys *sys, const struct file *file)
{
    if (file->kind == FILE_TCP)
        return events_of_tcp(sys, file);
    if (file->kind == FILE_UDP)
        return P_OUT | (file->udp != NULL && file->udp->queue.count > 0 ? P_IN : 0);
    return 0;
}

static bool timed_out(const struct sys *sys, const struct call *call, int64_t timeout_ms)
{
    return timeout_ms >= 0 &&
           world_time(sys->world) >= call->started_ns + timeout_ms * (int64_t)NS_PER_MS;
}

/* ---- poll ------------------------------------------------------------------------------------ */

/* One {fd=, events=, revents=}: 1 where something happened, 0 not, -1: it cannot be read. */
static int poll_one(struct sys *sys, const struct expr *item, uint32_t *got, int64_t *want)
{
    const struct expr *fd = sys_field(item, "fd"), *events = sys_field(item, "events");
    const struct expr *revents = sys_field(item, "revents");
    int64_t number, mask;
    struct file *file;

    *want = 0;
    if (fd == NULL || events == NULL || !sys_int(fd->kids, &number) ||
        !sys_int(events->kids, &mask) || (revents != NULL && !sys_int(revents->kids, want)))
        return -1;
    file = sys_file(sys, (int)number);
    *got = number < 0     ? 0
           : file == NULL ? (uint32_t)P_NVAL
                          : events_of(sys, file) & ((uint32_t)mask | P_ALWAYS);
    return *got != 0;
}

enum call_status sys_poll(struct sys *sys, struct call *call)
{
    const struct expr *list = sys_arg(call, 0);
    int64_t timeout, want;
    uint32_t got;
    int count = 0, one;

    if (!sys_arg_int(call, 2, &timeout))
        return CALL_FAILED;
    for (const struct expr *item = list->kids; item != NULL; item = item->next) {
        one = poll_one(sys, item, &got, &want);
        if (one < 0)
            return sys_bad(call, "poll() wants [{fd=, events=, revents=}]");
        count += one;
    }
    if (count == 0 && !timed_out(sys, call, timeout))
        return CALL_BLOCKS;
    for (const struct expr *item = list->kids; item != NULL; item = item->next)
        if (poll_one(sys, item, &got, &want) >= 0 && want != (int64_t)got)
            return sys_bad(call, "poll() says revents 0x%x, not 0x%llx", got,
                           (unsigned long long)want);
    return sys_ok(call, count);
}

/* ---- epoll ----------------------------------------------------------------------------------- */

enum call_status sys_epoll_create(struct sys *sys, struct call *call)
{
    return sys_new_file(sys, call, FILE_EPOLL) != NULL ? CALL_DONE : CALL_FAILED;
}

static struct epoll_watch *watch_of(struct file *epoll, int fd)
{
    for (unsigned i = 0; i < WATCHES_MAX; i++)
        if (epoll->watch[i].fd == fd)
            return &epoll->watch[i];
    return NULL;
}

/* {events=..., fd=...}: u32, u64 and ptr are the same here. */
static bool epoll_event(const struct expr *arg, int64_t *events, int64_t *data)
{
    static const char *const names[] = {"fd", "ptr", "u32", "u64"};
    const struct expr *field = sys_field(arg, "events");

    if (field == NULL || !sys_int(field->kids, events))
        return false;
    *data = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        field = sys_field(arg, names[i]);
        if (field != NULL && !sys_int(field->kids, data))
            return false;
    }
    return true;
}

enum call_status sys_epoll_ctl(struct sys *sys, struct call *call)
{
    struct file *epoll = sys_arg_file(sys, call, 0);
    struct epoll_watch *watch;
    int64_t op, fd, events = 0, data = 0;

    if (epoll == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (!sys_arg_int(call, 1, &op) || !sys_arg_int(call, 2, &fd))
        return CALL_FAILED;
    if (op != 2 && !epoll_event(sys_arg(call, 3), &events, &data))
        return sys_bad(call, "epoll_ctl() wants {events=, fd=}");
    watch = watch_of(epoll, op == 1 ? -1 : (int)fd);
    if (watch == NULL)
        return sys_errno(call, op == 1 ? E_NOSPC : E_NOENT);
    if (op == 1 && watch_of(epoll, (int)fd) != NULL)
        return sys_errno(call, E_EXIST);
    *watch = (struct epoll_watch){
        .fd = op == 2 ? -1 : (int)fd, .events = (uint32_t)events, .data = data};
    return sys_ok(call, 0);
}

/* Edge-triggered: told again when more came, or when room came back. */
static uint32_t fresh(struct sys *sys, struct epoll_watch *watch, const struct file *file,
                      uint32_t now)
{
    int pending = file->kind == FILE_TCP ? tcp_recv_pending(&sys->world->tcp, file->tcp, NULL) : 0;
    uint64_t in_mark = file->read_bytes + (uint64_t)(pending > 0 ? pending : 0);
    bool more = in_mark != watch->in_mark || (now & ~watch->was) != 0;
    bool edge = watch->was == 0 || more;

    watch->was = now;
    watch->in_mark = in_mark;
    return edge ? now : 0;
}

static uint32_t watched(struct sys *sys, struct epoll_watch *watch)
{
    const struct file *file = watch->fd < 0 ? NULL : sys_file(sys, watch->fd);
    uint32_t now;

    if (file == NULL || watch->spent)
        return 0;
    now = events_of(sys, file) & ((watch->events & 0xffff) | P_ERR | P_HUP);
    return (watch->events & E_EDGE) != 0 ? fresh(sys, watch, file, now) : now;
}

enum call_status sys_epoll_wait(struct sys *sys, struct call *call)
{
    struct file *epoll = sys_arg_file(sys, call, 0);
    int64_t timeout, want = 0, want_data = 0;
    const struct expr *arg = sys_arg(call, 1);
    int count = 0;

    if (epoll == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (!sys_arg_int(call, 3, &timeout))
        return CALL_FAILED;
    if (arg->kind == X_STRUCT && !epoll_event(arg, &want, &want_data))
        return sys_bad(call, "epoll_wait() wants {events=, fd=}");
    for (unsigned i = 0; i < WATCHES_MAX; i++) {
        struct epoll_watch *watch = &epoll->watch[i];
        uint32_t got = watched(sys, watch);

        if (got == 0)
            continue;
        if ((watch->events & E_ONESHOT) != 0)
            watch->spent = true;
        if (count++ == 0 && arg->kind == X_STRUCT &&
            (want != (int64_t)got || want_data != watch->data))
            return sys_bad(call, "epoll_wait() says events 0x%x of %lld, not 0x%llx of %lld", got,
                           (long long)watch->data, (unsigned long long)want, (long long)want_data);
    }
    if (count == 0 && !timed_out(sys, call, timeout))
        return CALL_BLOCKS;
    return sys_ok(call, count);
}
