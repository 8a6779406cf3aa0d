/* SPDX-License-Identifier: ISC */
/* xenbus_front.c - the life of a frontend, as xenbus_front.h says. */
#include "xenbus_front.h"

#include <morgana/log.h>
#include <morgana/platform.h>

#define BACKEND_LEAVES (1u << XENBUS_UNKNOWN | 1u << XENBUS_CLOSING | 1u << XENBUS_CLOSED)

bool xenbus_front_break(struct xenbus_front *f)
{
    bool first = !f->broken;

    *f->up = false;
    f->attention = true;
    f->shut = true;
    f->broken = true;
    return first;
}

/* ---- our states ------------------------------------------------------------------------------ */

/* The toolstack removed both sides' directories without waiting for us, as xl's --force does: there
 * is nobody to tell, and nowhere to write it. */
static bool is_torn_out(const struct xenbus_front *f, int err)
{
    return (err == -E_ACCES || err == -E_NOENT) && f->xb.otherend_state == XENBUS_UNKNOWN;
}

/* Writes our state. Where that fails both sides might wait for each other for ever, so it is owed:
 * follow writes it again, a pause later, and takes no other step before. */
static void say(struct xenbus_front *f, unsigned ours)
{
    int err = xenbus_switch_state(&f->xb, XS_TXN_NONE, ours);
    unsigned tries = f->owed == ours ? f->owed_tries + 1u : 1u;

    f->owed = XENBUS_UNKNOWN;
    if (is_torn_out(f, err))
        f->xb.state = ours;
    if (f->xb.state == ours)
        return;
    if (tries == XENBUS_FRONT_SAY_TRIES || xs_broken(f->xb.xs) != 0) {
        LOG_ERROR("%s: %s: state %s: given up", f->ops->driver, f->xb.path,
                  xenbus_state_name(ours));
        return;
    }
    f->owed = (uint8_t)ours;
    f->owed_tries = (uint8_t)tries;
    f->owed_at_ns = plat_now_ns() + XENBUS_FRONT_SAY_PAUSE_NS;
}

/* When it is time: writes what is owed. What the table says had to wait for it. */
static void say_owed(struct xenbus_front *f)
{
    unsigned ours = f->owed;

    if (LIKELY(ours == XENBUS_UNKNOWN) || plat_now_ns() < f->owed_at_ns)
        return;
    say(f, ours);
    if (f->xb.state == ours)
        f->attention = true;
}

/* ---- actions --------------------------------------------------------------------------------- */

/* Traffic stops; our state is Closing. */
static void leave(struct xenbus_front *f)
{
    *f->up = false;
    if (f->ops->leave != NULL)
        f->ops->leave(f);
    say(f, XENBUS_CLOSING);
    f->ops->take_back(f, XENBUS_FRONT_LEAVING);
}

/* Our state is Closed. */
static void finish(struct xenbus_front *f)
{
    *f->up = false;
    say(f, XENBUS_CLOSED);
    f->ops->take_back(f, XENBUS_FRONT_LEFT);
}

static void act_wait(struct xenbus_front *f)
{
    bool was_up = *f->up;

    *f->up = false;
    /* It started anew without a word: our rings are unknown to it. */
    if (was_up && (f->ops->leaves_paused || f->xb.otherend_state < XENBUS_CONNECTED)) {
        f->anew = true;
        f->anew_at_ns = 0;
        leave(f);
    }
    /* It let go of more since we closed. */
    if (f->xb.state == XENBUS_CLOSED)
        f->ops->take_back(f, XENBUS_FRONT_LEFT);
}

/* No connection. A backend we cannot work with stays one. All else may be better later: we begin
 * anew, each time after a longer pause. The program that opens the device wants to know now. */
static void fail(struct xenbus_front *f, int err)
{
    uint64_t pause = f->anew_pause_ns != 0 ? f->anew_pause_ns : XENBUS_FRONT_FIND_PAUSE_NS;

    LOG_ERROR("%s: %s: no connection: %s", f->ops->driver, f->xb.path, err_name(err));
    f->error = err;
    f->shut = f->shut || err == -E_PROTO || !f->opened;
    f->anew = true;
    f->anew_at_ns = plat_now_ns() + pause;
    f->anew_pause_ns = u64_min(2 * pause, XENBUS_FRONT_FIND_PAUSE_MAX_NS);
    leave(f);
}

static void act_publish(struct xenbus_front *f)
{
    int err = f->ops->publish(f);

    if (err == 0)
        err = xenbus_switch_state(&f->xb, XS_TXN_NONE, f->ops->published);
    if (err == 0)
        return;
    fail(f, err);
    f->ops->take_back(f, XENBUS_FRONT_UNSEEN);
}

static void act_connect(struct xenbus_front *f)
{
    int err = f->ops->connect != NULL ? f->ops->connect(f) : 0;

    if (err == 0)
        err = xenbus_switch_state(&f->xb, XS_TXN_NONE, XENBUS_CONNECTED);
    if (err != 0)
        fail(f, err);
}

static void act_run(struct xenbus_front *f)
{
    if (!*f->up)
        f->ops->up(f);
    f->anew_pause_ns = 0;
}

static void act_reopen(struct xenbus_front *f)
{
    f->anew = false;
    f->ops->take_back(f, XENBUS_FRONT_REOPENING);
    if (!f->shut) /* it still has too much of what was taken back */
        say(f, XENBUS_INITIALISING);
}

static void act_refuse(struct xenbus_front *f)
{
    f->ops->refuse(f);
    leave(f);
}

/* One entry for each action of the table. */
static void (*const carry_out[XENBUS_ACTIONS])(struct xenbus_front *f) = {
    [XENBUS_WAIT] = act_wait,     [XENBUS_PUBLISH] = act_publish, [XENBUS_CONNECT] = act_connect,
    [XENBUS_RUN] = act_run,       [XENBUS_CLOSE] = leave,         [XENBUS_FINISH] = finish,
    [XENBUS_REOPEN] = act_reopen, [XENBUS_REFUSE] = act_refuse,
};

/* It is we who left: Linux's backends follow to Closed, and wait there for us to begin. */
static bool may_begin_anew(const struct xenbus_front *f)
{
    return f->anew && !f->shut && f->owed == XENBUS_UNKNOWN && f->xb.state == XENBUS_CLOSED &&
           f->xb.otherend_state == XENBUS_CLOSED && plat_now_ns() >= f->anew_at_ns;
}

/* The table's word, unless we close for reasons of our own. */
static enum xenbus_action next_action(const struct xenbus_front *f)
{
    enum xenbus_action action = xenbus_next(&f->xb);

    if (f->owed != XENBUS_UNKNOWN)
        return XENBUS_WAIT;
    if (may_begin_anew(f))
        return XENBUS_REOPEN;
    if (!f->shut)
        return action;
    if (f->xb.state < XENBUS_CLOSING)
        return XENBUS_CLOSE;
    return action == XENBUS_FINISH ? XENBUS_FINISH : XENBUS_WAIT;
}

/* ---- a restored domain ----------------------------------------------------------------------- */

static bool is_restored(const struct xenbus_front *f)
{
    return gnttab_epoch(f->gt) != f->epoch;
}

static void forget(struct xenbus_front *f)
{
    *f->up = false;
    f->epoch = gnttab_epoch(f->gt);
    f->owed = XENBUS_UNKNOWN;
    f->anew = false;
    f->anew_pause_ns = 0;
    /* What an old backend could not do, the new one may. */
    f->shut = f->broken || f->closing;
    f->lost = !f->shut;
    f->find_at_ns = 0;
    f->find_soon_ns = plat_now_ns() + f->timeout_ns;
    f->find_pause_ns = XENBUS_FRONT_FIND_PAUSE_NS;
    f->find_error = 0;
    f->attention = true;
    f->asked = true;
    f->ops->forget(f);
    /* One that stays closed has closed. */
    f->xb.state = XENBUS_CLOSED;
}

/* Who is the backend now? Where xenstore gives no answer, or the toolstack has not said it yet:
 * again later. It may never say it, and each question that xenstore leaves open holds up the
 * program: hence less and less often, but not while requests may be waiting for it. */
static void find_backend(struct xenbus_front *f)
{
    int err;

    if (plat_now_ns() < f->find_at_ns)
        return;
    err = xenbus_reopen(&f->xb);
    if (err == 0)
        err = f->ops->read_conf(f);
    if (err == 0)
        err = xenbus_switch_state(&f->xb, XS_TXN_NONE, XENBUS_INITIALISING);
    f->lost = err != 0;
    f->asked = true;
    if (err == 0)
        return;
    if (err != f->find_error)
        LOG_WARN("%s: %s: no backend yet in the restored domain: %s", f->ops->driver, f->xb.path,
                 err_name(err));
    f->find_error = err;
    f->find_at_ns = plat_now_ns() + f->find_pause_ns;
    if (plat_now_ns() >= f->find_soon_ns)
        f->find_pause_ns = u64_min(2 * f->find_pause_ns, XENBUS_FRONT_FIND_PAUSE_MAX_NS);
}

/* ---- follow ---------------------------------------------------------------------------------- */

void xenbus_front_follow(struct xenbus_front *f)
{
    uint64_t requests = f->xb.xs->stats.requests;
    bool changed;

    if (UNLIKELY(is_restored(f)))
        forget(f);
    if (UNLIKELY(f->lost))
        find_backend(f);
    if (UNLIKELY(f->lost))
        return;
    changed = xenbus_poll(&f->xb);
    say_owed(f);
    f->attention = f->attention || UNLIKELY(may_begin_anew(f));
    /* A request sleeps, and what ends the sleep may be an event of another device's, or an order
     * of the operator's: news lets everyone look again. */
    if (UNLIKELY(changed || f->attention || f->xb.xs->stats.requests != requests))
        f->asked = true;
    /* An action may lead to a state of ours in which there is more to do: from Closed to Connected
     * it takes three. */
    for (unsigned i = 0; (changed || f->attention) && i < XENBUS_STATES; i++) {
        unsigned ours = f->xb.state;

        f->attention = false;
        carry_out[next_action(f)](f);
        f->attention = f->attention || f->xb.state != ours;
        changed = false;
    }
}

bool xenbus_front_news(struct xenbus_front *f)
{
    bool news = (f->attention && !f->lost) || f->asked || *f->up != f->announced;

    f->asked = false;
    f->announced = *f->up;
    return news;
}

/* ---- open and close -------------------------------------------------------------------------- */

/* Waits for one of these states, as far as the deadline allows, where anything is shared. */
static void wait_for(struct xenbus_front *f, unsigned states, uint64_t deadline_ns)
{
    if (f->ops->shares(f))
        (void)xenbus_wait_otherend(&f->xb, states, deadline_ns);
    if (is_restored(f))
        forget(f);
}

/* Backends hang when Closing is left out. */
static void shut_down(struct xenbus_front *f, uint64_t deadline_ns)
{
    f->shut = true;
    f->closing = true;
    f->lost = false;
    if (is_restored(f))
        forget(f);
    if (f->xb.state != XENBUS_UNKNOWN && f->xb.state < XENBUS_CLOSING)
        leave(f);
    if (f->xb.state == XENBUS_CLOSING) {
        wait_for(f, BACKEND_LEAVES, deadline_ns);
        finish(f);
    }
    wait_for(f, XENBUS_FRONT_GONE, deadline_ns);
    f->ops->take_back(f, XENBUS_FRONT_CLOSING);
    xenbus_close(&f->xb);
}

static int connect(struct xenbus_front *f, uint64_t deadline_ns)
{
    int err = f->ops->read_conf(f);

    if (err == 0)
        err = xenbus_switch_state(&f->xb, XS_TXN_NONE, XENBUS_INITIALISING);
    if (err == 0)
        err = xenbus_read_otherend(&f->xb);
    f->attention = true;
    while (err == 0) {
        xenbus_front_follow(f);
        if (*f->up)
            return 0;
        if (f->shut)
            return f->broken ? -E_PROTO : f->error;
        /* Waiting ends at every other state: the deadline is for all of them together. */
        err = -E_TIMEDOUT;
        if (plat_now_ns() < deadline_ns)
            err = xenbus_wait_otherend(&f->xb, ~(1u << f->xb.otherend_state), deadline_ns);
        if (err == -E_AGAIN)
            err = 0; /* the domain was restored: follow sees it too */
        f->attention = true;
        if (err == -E_TIMEDOUT)
            LOG_ERROR("%s: %s: no connection in time: the backend is %s", f->ops->driver,
                      f->xb.path, xenbus_state_name(f->xb.otherend_state));
    }
    return err;
}

int xenbus_front_open(struct xenbus_front *f, struct xs *xs, const char *kind, unsigned index)
{
    char path[32];
    int err;

    f->epoch = gnttab_epoch(f->gt);
    (void)fmt_buf(path, sizeof(path), "device/%s/%u", kind, index);
    err = xenbus_open(&f->xb, xs, path);
    if (err != 0)
        return err;
    err = connect(f, plat_now_ns() + f->timeout_ns);
    if (err != 0) {
        shut_down(f, plat_now_ns() + f->timeout_ns);
        return err;
    }
    f->opened = true;
    f->announced = true;
    f->asked = false;
    return 0;
}

void xenbus_front_close(struct xenbus_front *f)
{
    shut_down(f, plat_now_ns() + f->timeout_ns);
}
