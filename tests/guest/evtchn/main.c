/* SPDX-License-Identifier: ISC */
/* main.c - event handling, from inside a domain: channels whose two ends are both ours, on the ABI
 * that evtchn=2l|fifo chose.
 *
 * Other ports (xenstore, console, timer) get events meanwhile: only the counts of our own ports are
 * looked at.
 */
#include <morgana/args.h>
#include <morgana/xen.h>

#include <xen/event_channel.h>
#include <xen/xen.h>

#include "tests/guest/suite.h"

SUITE_STATE;

struct loop {
    evtchn_port_t from, to; /* what is sent on `from` arrives at `to` */
};

static const char *loop_open(struct evtchn *ev, struct loop *loop)
{
    CHECK_EQ(evtchn_alloc_unbound(ev, DOMID_SELF, &loop->to), 0);
    CHECK_EQ(evtchn_bind_interdomain(ev, DOMID_SELF, loop->to, &loop->from), 0);
    evtchn_upcall(ev); /* a new binding is pending once */
    return NULL;
}

static const char *loop_close(struct evtchn *ev, const struct loop *loop)
{
    CHECK_EQ(evtchn_close(ev, loop->from), 0);
    CHECK_EQ(evtchn_close(ev, loop->to), 0);
    return NULL;
}

static const char *abi_is_the_one_asked_for(struct start *start)
{
    const char *asked = args_get(start->argc, start->argv, "evtchn");
    bool wants_2l = asked != NULL && cs_equal_str(cs_of_str(asked), "2l");
    CHECK(start->has_evtchn);
    CHECK_EQ(start->ev.abi, wants_2l ? EVTCHN_ABI_2L : EVTCHN_ABI_FIFO);
    return NULL;
}

static const char *event_is_counted_once(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    TRY(loop_open(ev, &loop));
    CHECK_EQ(evtchn_count(ev, loop.from), 1); /* its binding */
    CHECK_EQ(evtchn_count(ev, loop.to), 0);
    CHECK_EQ(evtchn_send(ev, loop.from), 0);
    CHECK(evtchn_is_pending(ev, loop.to));
    CHECK_EQ(evtchn_count(ev, loop.to), 0);
    CHECK(evtchn_upcall(ev) >= 1);
    CHECK(!evtchn_is_pending(ev, loop.to));
    CHECK_EQ(evtchn_count(ev, loop.to), 1);
    CHECK_EQ(evtchn_send(ev, loop.to), 0); /* the other way */
    evtchn_upcall(ev);
    CHECK_EQ(evtchn_count(ev, loop.from), 2);
    return loop_close(ev, &loop);
}

static const char *event_between_two_looks_is_not_lost(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    TRY(loop_open(ev, &loop));
    for (unsigned i = 1; i <= 1000; i++) {
        CHECK_EQ(evtchn_send(ev, loop.from), 0);
        evtchn_upcall(ev);
        CHECK_EQ(evtchn_count(ev, loop.to), i);
    }
    return loop_close(ev, &loop);
}

static const char *many_sends_before_a_look_are_one_event(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    TRY(loop_open(ev, &loop));
    uint64_t bounded = ev->stats.scans_bounded;
    for (unsigned i = 0; i < 20000; i++)
        CHECK_EQ(evtchn_send(ev, loop.from), 0);
    evtchn_upcall(ev);
    CHECK_EQ(evtchn_count(ev, loop.to), 1);
    CHECK_EQ(ev->stats.scans_bounded, bounded);
    return loop_close(ev, &loop);
}

static const char *masked_event_comes_with_unmask(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    TRY(loop_open(ev, &loop));
    for (unsigned i = 0; i < 50; i++) {
        evtchn_mask(ev, loop.to);
        CHECK_EQ(evtchn_send(ev, loop.from), 0);
        evtchn_upcall(ev);
        CHECK(evtchn_is_pending(ev, loop.to));
        CHECK_EQ(evtchn_count(ev, loop.to), i);
        evtchn_unmask(ev, loop.to);
        CHECK(evtchn_upcall(ev) >= 1);
        CHECK_EQ(evtchn_count(ev, loop.to), i + 1);
    }
    return loop_close(ev, &loop);
}

static const char *event_masked_before_the_look_waits(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    TRY(loop_open(ev, &loop));
    CHECK_EQ(evtchn_send(ev, loop.from), 0);
    evtchn_mask(ev, loop.to); /* pending, and in a queue or selected already */
    evtchn_upcall(ev);
    CHECK_EQ(evtchn_count(ev, loop.to), 0);
    evtchn_unmask(ev, loop.to);
    evtchn_upcall(ev);
    CHECK_EQ(evtchn_count(ev, loop.to), 1);
    return loop_close(ev, &loop);
}

static const char *unmask_without_event_brings_none(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    TRY(loop_open(ev, &loop));
    evtchn_mask(ev, loop.to);
    evtchn_unmask(ev, loop.to);
    evtchn_unmask(ev, loop.to);
    evtchn_upcall(ev);
    CHECK_EQ(evtchn_count(ev, loop.to), 0);
    CHECK_EQ(evtchn_send(ev, loop.from), 0);
    evtchn_upcall(ev);
    CHECK_EQ(evtchn_count(ev, loop.to), 1);
    return loop_close(ev, &loop);
}

static const char *ipi_comes_back_to_its_sender(struct start *start)
{
    struct evtchn *ev = &start->ev;
    evtchn_port_t port;
    CHECK_EQ(evtchn_bind_ipi(ev, 0, &port), 0);
    for (unsigned i = 1; i <= 10; i++) {
        CHECK_EQ(evtchn_send(ev, port), 0);
        evtchn_upcall(ev);
        CHECK_EQ(evtchn_count(ev, port), i);
    }
    CHECK_EQ(evtchn_close(ev, port), 0);
    CHECK(evtchn_bind_ipi(ev, 4096, &port) < 0); /* no such vcpu */
    return NULL;
}

static const char *virq_is_bound_once(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct evtchn_info info;
    evtchn_port_t port, again;
    CHECK_EQ(evtchn_bind_virq(ev, VIRQ_DEBUG, 0, &port), 0);
    CHECK_EQ(evtchn_bind_virq(ev, VIRQ_DEBUG, 0, &again), -E_EXIST);
    CHECK_EQ(evtchn_status(ev, port, &info), 0);
    CHECK_EQ(info.status, EVTCHNSTAT_virq);
    CHECK_EQ(info.virq, VIRQ_DEBUG);
    CHECK(evtchn_send(ev, port) < 0); /* a virq is not sent by us */
    CHECK_EQ(evtchn_close(ev, port), 0);
    CHECK_EQ(evtchn_bind_virq(ev, VIRQ_DEBUG, 0, &port), 0);
    CHECK_EQ(evtchn_close(ev, port), 0);
    CHECK(evtchn_bind_virq(ev, 4096, 0, &port) < 0);
    return NULL;
}

/* VIRQ_TIMER, by way of a wait with a deadline. */
static const char *timer_ends_a_wait(struct start *start)
{
    (void)start;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t end = plat_now_ns() + 5 * NS_PER_MS;
        unsigned waits = 0;
        while (plat_now_ns() < end && waits++ < 10000)
            plat_wait(end);
        CHECK(plat_now_ns() >= end);
        CHECK(plat_now_ns() < end + 2 * NS_PER_S);
    }
    return NULL;
}

static const char *pending_event_ends_a_wait_at_once(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    TRY(loop_open(ev, &loop));
    for (unsigned i = 1; i <= 20; i++) {
        uint64_t begin = plat_now_ns();
        CHECK_EQ(evtchn_send(ev, loop.from), 0);
        while (evtchn_count(ev, loop.to) != i && plat_now_ns() < begin + 20 * NS_PER_S)
            plat_wait(begin + 20 * NS_PER_S);
        CHECK_EQ(evtchn_count(ev, loop.to), i);
        CHECK(plat_now_ns() < begin + 5 * NS_PER_S);
    }
    return loop_close(ev, &loop);
}

static const char *status_tells_what_a_port_is(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct evtchn_info info;
    struct loop loop;
    evtchn_port_t unbound, ipi;
    CHECK_EQ(evtchn_alloc_unbound(ev, 0, &unbound), 0);
    CHECK_EQ(evtchn_status(ev, unbound, &info), 0);
    CHECK_EQ(info.status, EVTCHNSTAT_unbound);
    CHECK_EQ(info.remote_domid, 0);
    CHECK_EQ(info.vcpu, 0);
    CHECK_EQ(evtchn_close(ev, unbound), 0);
    CHECK_EQ(evtchn_bind_ipi(ev, 0, &ipi), 0);
    CHECK_EQ(evtchn_status(ev, ipi, &info), 0);
    CHECK_EQ(info.status, EVTCHNSTAT_ipi);
    CHECK_EQ(evtchn_close(ev, ipi), 0);
    TRY(loop_open(ev, &loop));
    CHECK_EQ(evtchn_status(ev, loop.from, &info), 0);
    CHECK_EQ(info.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(info.remote_port, loop.to);
    CHECK_EQ(evtchn_close(ev, loop.from), 0);
    CHECK_EQ(evtchn_status(ev, loop.from, &info), 0);
    CHECK_EQ(info.status, EVTCHNSTAT_closed);
    CHECK_EQ(evtchn_status(ev, loop.to, &info), 0);
    CHECK_EQ(info.status, EVTCHNSTAT_unbound); /* and may be bound anew */
    CHECK_EQ(evtchn_bind_interdomain(ev, DOMID_SELF, loop.to, &loop.from), 0);
    return loop_close(ev, &loop);
}

static const char *closed_port_sees_nothing_and_begins_anew(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop;
    for (unsigned i = 0; i < 100; i++) {
        TRY(loop_open(ev, &loop));
        CHECK_EQ(evtchn_send(ev, loop.from), 0);
        TRY(loop_close(ev, &loop)); /* with an event pending */
        evtchn_upcall(ev);
        CHECK_EQ(evtchn_count(ev, loop.to), 0);
        CHECK(evtchn_send(ev, loop.from) < 0);
        CHECK(evtchn_close(ev, loop.to) < 0);
    }
    TRY(loop_open(ev, &loop));
    CHECK_EQ(evtchn_count(ev, loop.to), 0);
    return loop_close(ev, &loop);
}

static const char *ports_that_are_none_are_refused(struct start *start)
{
    static const evtchn_port_t bad[] = {0, EVTCHN_PORTS_FIFO, 1u << 31, UINT32_MAX};
    struct evtchn *ev = &start->ev;
    evtchn_port_t port;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_EQ(evtchn_send(ev, bad[i]), -E_INVAL);
        CHECK_EQ(evtchn_close(ev, bad[i]), -E_INVAL);
        CHECK_EQ(evtchn_count(ev, bad[i]), 0);
        evtchn_mask(ev, bad[i]);
        evtchn_unmask(ev, bad[i]);
        CHECK(evtchn_bind_interdomain(ev, DOMID_SELF, bad[i], &port) < 0);
    }
    return NULL;
}

/* As many channels as there may be, up to this: ports_max, the ABI and the domain's
 * max_event_channels bound it too. */
#define MANY EVTCHN_PORTS_FIFO
static evtchn_port_t many[MANY];

static const char *every_channel_of_many_gets_its_event(struct start *start)
{
    struct evtchn *ev = &start->ev;
    unsigned n = 0;
    int err = 0;
    while (n < MANY && (err = evtchn_bind_ipi(ev, 0, &many[n])) == 0)
        n++;
    CHECK_EQ(err, -E_NOSPC);
    printf("# %u channels\n", n);
    CHECK(n >= 900);
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < n; i++)
            CHECK_EQ(evtchn_send(ev, many[(i * 7919u) % n]),
                     0); /* in no order; twice where 7919 divides n */
        for (unsigned i = 0; i < 1 + n / 1000; i++)
            evtchn_upcall(ev);
        if (n % 7919u != 0) {
            for (unsigned i = 0; i < n; i++)
                CHECK_EQ(evtchn_count(ev, many[i]), round);
        }
    }
    for (unsigned i = 0; i < n; i++)
        CHECK_EQ(evtchn_close(ev, many[i]), 0);
    return NULL;
}

static const char *every_priority_works(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop loop[EVTCHN_PRIORITY_COUNT];
    TRY(loop_open(ev, &loop[0]));
    if (ev->abi != EVTCHN_ABI_FIFO) {
        CHECK_EQ(evtchn_set_priority(ev, loop[0].to, 7), -E_NOSYS);
        TRY(loop_close(ev, &loop[0]));
        SKIP("the 2-level ABI has none");
    }
    CHECK_EQ(evtchn_set_priority(ev, loop[0].to, EVTCHN_PRIORITY_COUNT), -E_INVAL);
    for (unsigned p = 0; p < EVTCHN_PRIORITY_COUNT; p++) {
        if (p != 0)
            TRY(loop_open(ev, &loop[p]));
        CHECK_EQ(evtchn_set_priority(ev, loop[p].to, p), 0);
    }
    for (unsigned i = 1; i <= 20; i++) {
        for (unsigned p = 0; p < EVTCHN_PRIORITY_COUNT; p++)
            CHECK_EQ(evtchn_send(ev, loop[p].from), 0);
        evtchn_upcall(ev);
        for (unsigned p = 0; p < EVTCHN_PRIORITY_COUNT; p++)
            CHECK_EQ(evtchn_count(ev, loop[p].to), i);
    }
    for (unsigned p = 0; p < EVTCHN_PRIORITY_COUNT; p++)
        TRY(loop_close(ev, &loop[p]));
    return NULL;
}

/* A port that changes its queue with an event in the old one. */
static const char *priority_changes_while_pending(struct start *start)
{
    struct evtchn *ev = &start->ev;
    struct loop a, b;
    if (ev->abi != EVTCHN_ABI_FIFO)
        SKIP("the 2-level ABI has none");
    TRY(loop_open(ev, &a));
    TRY(loop_open(ev, &b));
    for (unsigned i = 1; i <= 64; i++) {
        CHECK_EQ(evtchn_send(ev, a.from), 0);
        CHECK_EQ(evtchn_set_priority(ev, a.to, i % EVTCHN_PRIORITY_COUNT), 0);
        CHECK_EQ(evtchn_send(ev, b.from), 0);
        evtchn_upcall(ev);
        CHECK_EQ(evtchn_send(ev, a.from), 0); /* now through the new one */
        evtchn_upcall(ev);
        CHECK_EQ(evtchn_count(ev, a.to), 2 * i);
        CHECK_EQ(evtchn_count(ev, b.to), i);
    }
    TRY(loop_close(ev, &a));
    return loop_close(ev, &b);
}

static const char *hypervisor_named_no_wrong_port(struct start *start)
{
    CHECK_EQ(start->ev.stats.out_of_range, 0);
    return NULL;
}

static const struct suite_case cases[] = {
    {"abi_is_the_one_asked_for", abi_is_the_one_asked_for},
    {"event_is_counted_once", event_is_counted_once},
    {"event_between_two_looks_is_not_lost", event_between_two_looks_is_not_lost},
    {"many_sends_before_a_look_are_one_event", many_sends_before_a_look_are_one_event},
    {"masked_event_comes_with_unmask", masked_event_comes_with_unmask},
    {"event_masked_before_the_look_waits", event_masked_before_the_look_waits},
    {"unmask_without_event_brings_none", unmask_without_event_brings_none},
    {"ipi_comes_back_to_its_sender", ipi_comes_back_to_its_sender},
    {"virq_is_bound_once", virq_is_bound_once},
    {"timer_ends_a_wait", timer_ends_a_wait},
    {"pending_event_ends_a_wait_at_once", pending_event_ends_a_wait_at_once},
    {"status_tells_what_a_port_is", status_tells_what_a_port_is},
    {"closed_port_sees_nothing_and_begins_anew", closed_port_sees_nothing_and_begins_anew},
    {"ports_that_are_none_are_refused", ports_that_are_none_are_refused},
    {"every_channel_of_many_gets_its_event", every_channel_of_many_gets_its_event},
    {"every_priority_works", every_priority_works},
    {"priority_changes_while_pending", priority_changes_while_pending},
    {"hypervisor_named_no_wrong_port", hypervisor_named_no_wrong_port},
};

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return suite_run(start_get(), cases, ARRAY_SIZE(cases));
}
