/* SPDX-License-Identifier: ISC */
/* run.c - carries out a script, event by event.
 *
 * Nothing here takes real time. Before an event the clock moves, deadline by deadline of the
 * stack, to the time that the event says; the stack does all it has to do at each instant before
 * the next thing happens. An outbound packet is waited for until it comes or is too late. A call
 * with an end time is tried again whenever the stack did something, and must return then. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/random.h>

#include "run.h"

#define SEC INT64_C(1000000000)
#define MSEC INT64_C(1000000)

/* ---- endings --------------------------------------------------------------------------------- */

static void add_list(struct run *run, const char *format, va_list args)
{
    int n = vsnprintf(run->message + run->used, run->room - run->used, format, args);

    if (n > 0)
        run->used += (size_t)n < run->room - run->used ? (size_t)n : run->room - run->used - 1;
}

void run_add(struct run *run, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_list(run, format, args);
    va_end(args);
}

static bool end(struct run *run, enum run_verdict verdict, unsigned line, const char *format,
                va_list args)
{
    if (run->verdict != RUN_PASS)
        return false;
    run->verdict = verdict;
    run_add(run, "%s:%u: ", run->script->path, line);
    add_list(run, format, args);
    return false;
}

bool run_fail(struct run *run, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    end(run, RUN_FAIL, line, format, args);
    va_end(args);
    return false;
}

bool run_skip(struct run *run, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    end(run, RUN_SKIP, line, format, args);
    va_end(args);
    return false;
}

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t now(const struct run *run)
{
    return run->opened ? world_time(&run->world) : 0;
}

bool run_in_time(const struct run *run, int64_t from_ns, int64_t until_ns, int64_t last_ns,
                 int64_t at_ns)
{
    const struct script_conf *conf = &run->script->conf;
    int64_t tolerance = conf->tolerance_ns;
    double part = conf->tolerance_percent / 100 * (double)(from_ns - last_ns);

    if (part > (double)tolerance)
        tolerance = (int64_t)part;
    return at_ns >= from_ns - tolerance && at_ns <= until_ns + tolerance;
}

static bool call_ends(struct run *run, struct call *call, const struct event *event)
{
    if (sys_check(&run->sys, call))
        return true;
    return run_fail(run, event->line, "%s", call->why);
}

/* The call that blocks is tried again. */
static bool retry(struct run *run)
{
    enum call_status status;
    const struct event *event = run->blocked.event;

    if (!run->blocked.active)
        return true;
    status = sys_call(&run->sys, &run->blocked.call);
    if (status == CALL_BLOCKS)
        return true;
    run->blocked.active = false;
    if (status == CALL_UNSUPPORTED)
        return run_skip(run, event->line, "not supported: %s", run->blocked.call.why);
    if (status == CALL_FAILED)
        return run_fail(run, event->line, "%s", run->blocked.call.why);
    world_poll(&run->world);
    if (!run_collect(run))
        return false;
    if (!run_in_time(run, run->blocked.end_ns, run->blocked.end_ns, run->blocked.last_ns, now(run)))
        return run_fail(run, event->line, "%s() returned at %.6f, not at %.6f", event->u.call.name,
                        (double)now(run) / 1e9, (double)run->blocked.end_ns / 1e9);
    return call_ends(run, &run->blocked.call, event);
}

static bool world_ok(struct run *run)
{
    if (run->world.error[0] == '\0')
        return true;
    return run_fail(run, run->event != NULL ? run->event->line : 0, "%s", run->world.error);
}

bool run_step(struct run *run, int64_t until_ns, bool *more)
{
    /* A call's end may be a time-out of its own, which no deadline of the stack marks. */
    if (run->blocked.active && run->blocked.end_ns > now(run) && run->blocked.end_ns < until_ns) {
        until_ns = run->blocked.end_ns;
        *more = world_step(&run->world, until_ns);
        *more = true;
    } else {
        *more = world_step(&run->world, until_ns);
    }
    return world_ok(run) && run_collect(run) && retry(run) && world_ok(run);
}

bool run_until(struct run *run, int64_t until_ns)
{
    bool more = true;

    if (!run->opened)
        return true;
    while (more)
        if (!run_step(run, until_ns, &more))
            return false;
    return true;
}

/* When an event is to be: relative to the clock as it stands. */
static void resolve(struct run *run, const struct event *event)
{
    int64_t base = event->time == TIME_ABSOLUTE ? 0 : now(run);

    run->event_ns = base + event->at_ns;
    run->until_ns = base + event->until_ns;
}

static bool wait_for_event(struct run *run, const struct event *event)
{
    if (!run_until(run, run->event_ns))
        return false;
    if (now(run) > run->event_ns && run->opened &&
        !run_in_time(run, run->event_ns, run->event_ns, run->last_ns, now(run)))
        return run_fail(run, event->line, "it is %.6f already, not %.6f", (double)now(run) / 1e9,
                        (double)run->event_ns / 1e9);
    return true;
}

/* ---- the stack ------------------------------------------------------------------------------- */

/* Linux takes the size of receive buffers from the machine's memory, and the window scale from
 * that: where a script does not set them, it was written for the machine that its first SYN
 * shows. */
static void guess_machine(struct run *run)
{
    const struct event *event = run->script->events;

    if (run->options->person != PERSON_LINUX || run->rmem_set)
        return;
    for (; event != NULL; event = event->next) {
        const struct packet_spec *spec = &event->u.packet;

        if (event->kind != EV_PACKET || spec->inbound || spec->proto != PROTO_TCP ||
            (spec->flags & TF_SYN) == 0)
            continue;
        for (unsigned i = 0; i < spec->options.count; i++) {
            const struct tcp_option *opt = &spec->options.opt[i];

            if (opt->kind == OPT_WSCALE && opt->len == 1 && opt->data[0] > 0 && opt->data[0] <= 14)
                run->tuning.rcvbuf_max = UINT32_C(65535) << opt->data[0];
        }
        if (run->tuning.rcvbuf > run->tuning.rcvbuf_max)
            run->tuning.rcvbuf = run->tuning.rcvbuf_max;
        return;
    }
}

/* The stack is made when the script first needs it: what comes before are its settings. */
static bool open_world(struct run *run)
{
    const struct script_conf *conf = &run->script->conf;
    struct world_conf wc = {.seed = run->options->seed,
                            .mtu = conf->mtu,
                            .local_ip = conf->local_ip,
                            .remote_ip = conf->remote_ip,
                            .gateway_ip = conf->gateway_ip,
                            .offload = run->options->person == PERSON_LINUX,
                            .pcap = run->options->pcap};

    if (run->opened)
        return true;
    run->opened = true;
    guess_machine(run);
    wc.tuning = run->tuning;
    if (!world_open(&run->world, &wc))
        return world_ok(run);
    run->sys.world = &run->world;
    run->sys.conf = conf;
    run->sys.person = run->options->person;
    run->sys.random = run->options->seed * RANDOM_STEP + 1;
    return true;
}

static bool run_command(struct run *run, const struct event *event)
{
    struct shell shell = {.tuning = run->opened ? &run->world.tcp.conf.tuning : &run->tuning,
                          .sys = run->opened ? &run->sys : NULL,
                          .rmem_set = &run->rmem_set};

    if (!wait_for_event(run, event))
        return false;
    if (!shell_run(&shell, event->u.text.text, event->u.text.len))
        return shell.unsupported ? run_skip(run, event->line, "not supported: %s", shell.error)
                                 : run_fail(run, event->line, "%s", shell.error);
    if (run->options->verbose && shell.note[0] != '\0')
        printf("%s:%u: %s\n", run->script->path, event->line, shell.note);
    return true;
}

static bool lookup(void *arg, const char *name, int64_t *value)
{
    struct run *run = arg;

    return sys_info_var(&run->sys, name, value);
}

static bool run_code(struct run *run, const struct event *event)
{
    if (!open_world(run) || !wait_for_event(run, event))
        return false;
    run->py.lookup = lookup;
    run->py.arg = run;
    run->py.verbose = run->options->verbose;
    if (py_run(&run->py, event->u.text.text, event->u.text.len))
        return true;
    return run_fail(run, event->line, "%s", run->py.error);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* One call at a time: the one before must have returned. */
static bool wait_for_idle(struct run *run)
{
    int64_t limit = now(run) + SEC;
    bool more = true;

    while (run->blocked.active && more)
        if (!run_step(run, limit, &more))
            return false;
    if (!run->blocked.active)
        return true;
    return run_fail(run, run->blocked.event->line, "%s() has not returned",
                    run->blocked.event->u.call.name);
}

/* poll() with a time limit waits without being told when to end. */
static bool wait_for_poll(struct run *run, struct call *call, enum call_status *status)
{
    int64_t limit = now(run) + 10 * SEC;
    bool more = true;

    while (*status == CALL_BLOCKS && more) {
        int64_t next = now(run) + MSEC < limit ? now(run) + MSEC : limit;

        if (!run_step(run, next, &more))
            return false;
        more = now(run) < limit;
        *status = sys_call(&run->sys, call);
    }
    return true;
}

static bool is_poll(const char *name)
{
    return strcmp(name, "poll") == 0 || strcmp(name, "epoll_wait") == 0;
}

static bool run_call(struct run *run, const struct event *event)
{
    const struct call_spec *spec = &event->u.call;
    struct call call = {.spec = spec};
    enum call_status status;

    if (!open_world(run) || !wait_for_event(run, event) || !wait_for_idle(run))
        return false;
    call.started_ns = now(run);
    if (run->options->verbose)
        printf("%12.6f %s()\n", (double)now(run) / 1e9, spec->name);
    status = sys_call(&run->sys, &call);
    if (status != CALL_UNSUPPORTED && status != CALL_FAILED)
        world_poll(&run->world);
    if (!world_ok(run) || !run_collect(run))
        return false;
    if (status == CALL_BLOCKS && !spec->blocking && is_poll(spec->name) &&
        !wait_for_poll(run, &call, &status))
        return false;
    if (status == CALL_UNSUPPORTED)
        return run_skip(run, event->line, "not supported: %s", call.why);
    if (status == CALL_FAILED)
        return run_fail(run, event->line, "%s", call.why);
    if (!spec->blocking) {
        if (status == CALL_BLOCKS)
            return run_fail(run, event->line, "%s() would block", spec->name);
        return call_ends(run, &call, event);
    }
    run->blocked.active = true;
    run->blocked.event = event;
    run->blocked.call = call;
    run->blocked.last_ns = run->event_ns;
    run->blocked.end_ns =
        spec->end_ns + (event->time == TIME_ABSOLUTE ? 0 : run->event_ns - event->at_ns);
    if (status == CALL_BLOCKS)
        return true;
    run->blocked.active = false;
    if (!run_in_time(run, run->blocked.end_ns, run->blocked.end_ns, run->event_ns, now(run)))
        return run_fail(run, event->line, "%s() returned at once, not at %.6f", spec->name,
                        (double)run->blocked.end_ns / 1e9);
    return call_ends(run, &call, event);
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool run_packet_event(struct run *run, const struct event *event)
{
    if (!open_world(run))
        return false;
    if (!event->u.packet.inbound)
        return run_outbound(run, &event->u.packet);
    return wait_for_event(run, event) && run_inbound(run, &event->u.packet);
}

static bool run_event(struct run *run, const struct event *event)
{
    static bool (*const handlers[])(struct run *, const struct event *) = {
        [EV_PACKET] = run_packet_event,
        [EV_CALL] = run_call,
        [EV_COMMAND] = run_command,
        [EV_CODE] = run_code,
    };

    run->event = event;
    resolve(run, event);
    if (!handlers[event->kind](run, event))
        return false;
    run->last_ns = event->time == TIME_ANY ? now(run) : run->event_ns;
    return true;
}

static void run_all(struct run *run)
{
    const struct event *event;

    for (event = run->options->init != NULL ? run->options->init->events : NULL; event != NULL;
         event = event->next)
        if (event->kind == EV_COMMAND && !run_event(run, event))
            return;
    for (event = run->script->events; event != NULL; event = event->next)
        if (!run_event(run, event))
            return;
    if (wait_for_idle(run) && run->script->conf.strict_end)
        run_leftover(run);
}

enum run_verdict run_script(const struct run_options *options, const struct script *script,
                            char *message, size_t room)
{
    struct run *run = calloc(1, sizeof(*run));
    enum run_verdict verdict;

    if (run == NULL)
        abort();
    message[0] = '\0';
    run->options = options;
    run->script = script;
    run->message = message;
    run->room = room;
    run->tuning = *shell_preset(options->person);
    run->queue_tail = &run->queue;
    if (script->unsupported[0] != '\0')
        run_skip(run, 0, "not supported: %s", script->unsupported);
    else
        run_all(run);
    run_free_packets(run);
    sys_fini(&run->sys);
    if (run->opened)
        world_close(&run->world);
    if (run->verdict == RUN_PASS && run->opened)
        world_ok(run);
    verdict = run->verdict;
    free(run);
    return verdict;
}
