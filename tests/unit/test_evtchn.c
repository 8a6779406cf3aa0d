/* SPDX-License-Identifier: ISC */
/* test_evtchn.c - event channels of both ABIs on the simulated hypervisor, and against shared
 * memory that lies. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "evtchn/evtchn_priv.h"
#include "simguest.h"
#include "xen/hypercall.h"

#define PAGES 128u

static struct evtchn ev;
static uint32_t counts[EVTCHN_PORTS_FIFO];
static _Alignas(4096) uint8_t control[4096];
static _Alignas(4096) uint32_t array[PAGES * 1024];

static const struct evtchn_conf conf_2l = {
    .force_2l = true, .counts = counts, .ports_max = EVTCHN_PORTS_2L};
static const struct evtchn_conf conf_fifo = {.counts = counts,
                                             .ports_max = EVTCHN_PORTS_FIFO,
                                             .fifo_control = control,
                                             .fifo_array = array,
                                             .fifo_pages = PAGES};

static void begin(const struct evtchn_conf *conf)
{
    simguest_init(NULL);
    assert_int_equal(evtchn_init(&ev, conf), 0);
    simguest_ev = &ev;
    evtchn_upcall(&ev); /* what the domain builder's ports had */
}

static int setup_2l(void **state)
{
    (void)state;
    begin(&conf_2l);
    assert_int_equal(ev.abi, EVTCHN_ABI_2L);
    return 0;
}

static int setup_fifo(void **state)
{
    (void)state;
    begin(&conf_fifo);
    assert_int_equal(ev.abi, EVTCHN_ABI_FIFO);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    evtchn_fini(&ev);
    simguest_fini();
    return 0;
}

/* A channel with both ends here: what is sent on `from` arrives at `to`. */
static void loop(evtchn_port_t *from, evtchn_port_t *to)
{
    assert_int_equal(evtchn_alloc_unbound(&ev, DOMID_SELF, to), 0);
    assert_int_equal(evtchn_bind_interdomain(&ev, DOMID_SELF, *to, from), 0);
    evtchn_upcall(&ev); /* a new binding is pending once */
}

static uint64_t unmask_hypercalls(evtchn_port_t port)
{
    uint64_t before = sim_hypercalls(__HYPERVISOR_event_channel_op);
    evtchn_unmask(&ev, port);
    return sim_hypercalls(__HYPERVISOR_event_channel_op) - before;
}

/* ---- both ABIs ------------------------------------------------------------------------------- */

static void test_send_is_counted_once_seen(void **state)
{
    evtchn_port_t from, to;
    (void)state;
    loop(&from, &to);
    uint32_t seen = evtchn_count(&ev, to);
    assert_int_equal(evtchn_send(&ev, from), 0);
    assert_true(evtchn_is_pending(&ev, to));
    assert_int_equal(evtchn_count(&ev, to), seen);
    assert_int_equal(evtchn_upcall(&ev), 1);
    assert_false(evtchn_is_pending(&ev, to));
    assert_int_equal(evtchn_count(&ev, to), seen + 1);
    assert_int_equal(evtchn_count(&ev, from), 1); /* its binding */
    assert_int_equal(evtchn_upcall(&ev), 0);
}

/* Pending is cleared before it is counted and the user looks: an event after the look is another
 * one. */
static void test_event_between_two_looks_is_not_lost(void **state)
{
    evtchn_port_t from, to;
    (void)state;
    loop(&from, &to);
    uint32_t seen = evtchn_count(&ev, to);
    for (unsigned i = 0; i < 100; i++) {
        evtchn_send(&ev, from);
        evtchn_send(&ev, from); /* pending already: the same event */
        assert_int_equal(evtchn_upcall(&ev), 1);
    }
    assert_int_equal(evtchn_count(&ev, to), seen + 100);
}

static void test_unmask_delivers_what_came_while_masked(void **state)
{
    evtchn_port_t from, to;
    (void)state;
    loop(&from, &to);
    evtchn_mask(&ev, to);
    evtchn_send(&ev, from);
    assert_int_equal(evtchn_upcall(&ev), 0);
    assert_true(evtchn_is_pending(&ev, to));
    uint32_t seen = evtchn_count(&ev, to);
    /* The hypercall does nothing for a port that is not masked: clearing the mask and no more would
     * lose the event. */
    assert_int_equal(unmask_hypercalls(to), 1);
    assert_int_equal(evtchn_upcall(&ev), 1);
    assert_int_equal(evtchn_count(&ev, to), seen + 1);
}

static void test_unmask_without_event_makes_no_hypercall(void **state)
{
    evtchn_port_t from, to;
    (void)state;
    loop(&from, &to);
    assert_int_equal(unmask_hypercalls(to), 0); /* not masked */
    evtchn_mask(&ev, to);
    assert_int_equal(unmask_hypercalls(to), 0);
    evtchn_send(&ev, from);
    assert_int_equal(evtchn_upcall(&ev), 1);
}

/* Masked after it became pending, before the upcall: it waits. */
static void test_mask_holds_back_a_pending_event(void **state)
{
    evtchn_port_t from, to;
    (void)state;
    loop(&from, &to);
    evtchn_send(&ev, from);
    evtchn_mask(&ev, to);
    assert_int_equal(evtchn_upcall(&ev), 0);
    assert_true(evtchn_is_pending(&ev, to));
    evtchn_unmask(&ev, to);
    assert_int_equal(evtchn_upcall(&ev), 1);
}

static void test_virq_ipi_and_status(void **state)
{
    evtchn_port_t virq, ipi, from, to, again;
    struct evtchn_info info;
    (void)state;
    assert_int_equal(evtchn_bind_virq(&ev, VIRQ_TIMER, 0, &virq), 0);
    assert_int_equal(evtchn_bind_virq(&ev, VIRQ_TIMER, 0, &again), -E_EXIST);
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &ipi), 0);
    loop(&from, &to);

    assert_true(sim_virq_raise(VIRQ_TIMER));
    assert_int_equal(evtchn_send(&ev, ipi), 0);
    assert_int_equal(evtchn_upcall(&ev), 2);
    assert_int_equal(evtchn_count(&ev, virq), 1);
    assert_int_equal(evtchn_count(&ev, ipi), 1);

    assert_int_equal(evtchn_status(&ev, virq, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_virq);
    assert_int_equal(info.virq, VIRQ_TIMER);
    assert_int_equal(evtchn_status(&ev, ipi, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_ipi);
    assert_int_equal(evtchn_status(&ev, from, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_interdomain);
    assert_int_equal(info.remote_port, to);
    assert_int_equal(info.remote_domid, SIM_GUEST_DOMID);
    assert_int_equal(evtchn_close(&ev, from), 0);
    assert_int_equal(evtchn_status(&ev, from, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_closed);
    assert_int_equal(evtchn_status(&ev, to, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_unbound);
}

static void test_closed_port_sees_nothing_and_begins_anew(void **state)
{
    evtchn_port_t from, to, port;
    (void)state;
    loop(&from, &to);
    evtchn_send(&ev, from);
    assert_int_equal(evtchn_close(&ev, to), 0);
    assert_int_equal(evtchn_upcall(&ev), 0);
    sim_evtchn_raise(to); /* nobody has it */
    assert_int_equal(evtchn_upcall(&ev), 0);
    assert_int_equal(evtchn_close(&ev, to), -E_INVAL);
    assert_int_equal(evtchn_alloc_unbound(&ev, 0, &port), 0);
    assert_int_equal(port, to);
    assert_int_equal(evtchn_count(&ev, port), 0);
}

/* Numbers that are not ports of ours, from whomever. */
static void test_port_out_of_range_is_refused(void **state)
{
    static const evtchn_port_t bad[] = {0, EVTCHN_PORTS_FIFO, EVTCHN_PORTS_FIFO + 1, 1u << 31,
                                        UINT32_MAX};
    struct evtchn_info info;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(evtchn_send(&ev, bad[i]), -E_INVAL);
        assert_int_equal(evtchn_close(&ev, bad[i]), -E_INVAL);
        assert_int_equal(evtchn_adopt(&ev, bad[i]), -E_INVAL);
        assert_int_equal(evtchn_set_priority(&ev, bad[i], 0), -E_INVAL);
        assert_int_equal(evtchn_status(&ev, bad[i], &info), -E_INVAL);
        assert_int_equal(evtchn_count(&ev, bad[i]), 0);
        assert_false(evtchn_is_pending(&ev, bad[i]));
        evtchn_mask(&ev, bad[i]);
        evtchn_unmask(&ev, bad[i]);
    }
}

static void test_fini_masks_everything(void **state)
{
    evtchn_port_t from, to;
    (void)state;
    loop(&from, &to);
    evtchn_fini(&ev);
    evtchn_send(&ev, from);
    assert_int_equal(evtchn_upcall(&ev), 0);
}

static void test_every_channel_the_abi_has(void **state)
{
    static evtchn_port_t ports[EVTCHN_PORTS_FIFO];
    uint32_t n = 0;
    (void)state;
    int err;
    while ((err = evtchn_bind_ipi(&ev, 0, &ports[n])) == 0)
        n++;
    assert_int_equal(err, -E_NOSPC);
    assert_int_equal(n, ev.ports - 3); /* 0, xenstore, console */
    for (uint32_t i = 0; i < n; i++)
        evtchn_send(&ev, ports[i]);
    uint32_t seen = 0;
    for (unsigned i = 0; i < 100; i++)
        seen += evtchn_upcall(&ev);
    assert_int_equal(seen, n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(evtchn_count(&ev, ports[i]), 1);
}

/* ---- storms ---------------------------------------------------------------------------------- */

/* What one upcall sees is bounded (XSA-391); what it leaves is not forgotten. */
static void test_fifo_more_events_than_one_upcall_may_see(void **state)
{
    evtchn_port_t ports[20000];
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        assert_int_equal(evtchn_bind_ipi(&ev, 0, &ports[i]), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        evtchn_send(&ev, ports[i]);
    uint32_t first = evtchn_upcall(&ev);
    assert_true(first < ARRAY_SIZE(ports));
    assert_int_equal(ev.stats.scans_bounded, 1);
    assert_true(sim_upcall_pending()); /* a wait would not sleep */
    assert_int_equal(evtchn_upcall(&ev), ARRAY_SIZE(ports) - first);
    assert_false(sim_upcall_pending());
}

/* A million events that nobody wants: each costs one look. */
static void test_million_spurious_events_do_bounded_work(void **state)
{
    evtchn_port_t from, to;
    (void)state;
    loop(&from, &to);
    uint64_t events = ev.stats.events;
    for (uint32_t i = 0; i < 1000000; i++) {
        sim_evtchn_raise(from + 1 + i % 64); /* bound by nobody */
        if (i % 1000 == 0)
            assert_int_equal(evtchn_upcall(&ev), 0);
    }
    evtchn_send(&ev, from);
    assert_int_equal(evtchn_upcall(&ev), 1);
    assert_int_equal(ev.stats.events, events + 1);
}

static void test_2l_pass_sees_every_word(void **state)
{
    evtchn_port_t ports[300];
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        assert_int_equal(evtchn_bind_ipi(&ev, 0, &ports[i]), 0);
    for (uint32_t from = 0; from < 64; from++) {
        ev.scan_from = from; /* wherever it begins */
        for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
            evtchn_send(&ev, ports[i]);
        assert_int_equal(evtchn_upcall(&ev), ARRAY_SIZE(ports));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        assert_int_equal(evtchn_count(&ev, ports[i]), 64);
}

/* ---- 2-level: ports that shared memory claims ------------------------------------------------ */

static void test_2l_port_above_ours_is_silenced(void **state)
{
    struct evtchn_conf small = conf_2l;
    struct shared_info *info = xen_shared_info();
    (void)state;
    small.ports_max = 64;
    assert_int_equal(evtchn_init(&ev, &small), 0);
    for (unsigned i = 0; i < 64; i++)
        info->evtchn_mask[i] = 0;
    info->evtchn_pending[1] = 5;
    info->evtchn_pending[63] = 1ul << 63;
    info->evtchn_pending[0] = 1; /* port 0 */
    info->vcpu_info[0].evtchn_pending_sel = ~0ul;
    info->vcpu_info[0].evtchn_upcall_pending = 1;
    assert_int_equal(evtchn_upcall(&ev), 0);
    assert_int_equal(ev.stats.out_of_range, 4);
    assert_int_equal(info->evtchn_pending[63], 0);
    assert_int_equal(info->evtchn_mask[63], 1ul << 63);
}

/* ---- FIFO ------------------------------------------------------------------------------------ */

static struct evtchn_fifo_control_block *block(void)
{
    return (struct evtchn_fifo_control_block *)control;
}

#define LINKED (1u << EVTCHN_FIFO_LINKED)
#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define BUSY (1u << EVTCHN_FIFO_BUSY)
#define MASKED (1u << EVTCHN_FIFO_MASKED)

static void test_fifo_highest_priority_first(void **state)
{
    evtchn_port_t low, high, middle;
    (void)state;
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &low), 0);
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &middle), 0);
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &high), 0);
    assert_int_equal(evtchn_set_priority(&ev, low, 15), 0);
    assert_int_equal(evtchn_set_priority(&ev, high, 0), 0);
    assert_int_equal(evtchn_set_priority(&ev, high, 16), -E_INVAL);
    evtchn_send(&ev, low);
    evtchn_send(&ev, middle);
    evtchn_send(&ev, high);
    uint32_t seen = 0;
    assert_true(ev.ops->scan(&ev, 1, &seen));
    assert_int_equal(evtchn_count(&ev, high), 1);
    assert_int_equal(evtchn_count(&ev, middle), 0);
    evtchn_send(&ev, high); /* and again before the others */
    assert_true(ev.ops->scan(&ev, 1, &seen));
    assert_int_equal(evtchn_count(&ev, high), 2);
    assert_true(ev.ops->scan(&ev, 1, &seen));
    assert_int_equal(evtchn_count(&ev, middle), 1);
    assert_int_equal(evtchn_count(&ev, low), 0);
    assert_false(ev.ops->scan(&ev, 1, &seen));
    assert_int_equal(evtchn_count(&ev, low), 1);
    assert_int_equal(seen, 4);
}

static void test_2l_has_no_priorities(void **state)
{
    evtchn_port_t port;
    (void)state;
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &port), 0);
    assert_int_equal(evtchn_set_priority(&ev, port, 7), -E_NOSYS);
}

/* Links and heads are the hypervisor's data: a number beyond the array is not an index. */
static void test_fifo_head_out_of_range_is_dropped(void **state)
{
    static const uint32_t bad[] = {0, EVTCHN_PORTS_FIFO - 1 /* its page was never added */,
                                   EVTCHN_PORTS_FIFO, 0x0fffffff, UINT32_MAX};
    evtchn_port_t port;
    (void)state;
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &port), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        block()->head[3] = bad[i];
        block()->ready = 1u << 3;
        xen_shared_info()->vcpu_info[0].evtchn_upcall_pending = 1;
        assert_int_equal(evtchn_upcall(&ev), 0);
        assert_int_equal(ev.stats.out_of_range, i + 1);
        evtchn_send(&ev, port); /* life goes on */
        assert_int_equal(evtchn_upcall(&ev), 1);
    }
}

static void test_fifo_link_out_of_range_ends_the_queue(void **state)
{
    evtchn_port_t port;
    (void)state;
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &port), 0);
    array[port] = PENDING | LINKED | (EVTCHN_PORTS_FIFO - 1);
    block()->head[7] = port;
    block()->ready = 1u << 7;
    xen_shared_info()->vcpu_info[0].evtchn_upcall_pending = 1;
    assert_int_equal(evtchn_upcall(&ev), 1);
    assert_int_equal(ev.stats.out_of_range, 1);
    assert_int_equal(array[port], 0);
}

/* A queue that links to itself ends where LINKED was cleared. */
static void test_fifo_link_to_itself_ends(void **state)
{
    evtchn_port_t port;
    (void)state;
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &port), 0);
    array[port] = PENDING | LINKED | port;
    block()->head[7] = port;
    block()->ready = 0xffff0080; /* and bits of queues that do not exist */
    xen_shared_info()->vcpu_info[0].evtchn_upcall_pending = 1;
    assert_int_equal(evtchn_upcall(&ev), 1);
    assert_int_equal(ev.stats.spurious > 0, 1);
}

/* BUSY: the hypervisor does not want MASKED cleared now. A bounded number of tries, then it is
 * asked. */
static void test_fifo_unmask_of_a_busy_port_asks_the_hypervisor(void **state)
{
    evtchn_port_t port;
    (void)state;
    assert_int_equal(evtchn_bind_ipi(&ev, 0, &port), 0);
    evtchn_mask(&ev, port);
    array[port] |= BUSY;
    assert_int_equal(unmask_hypercalls(port), 1);
    assert_int_equal(array[port] & MASKED, 0);
}

/* What the domain builder's ports had pending before FIFO was chosen is delivered once they are
 * adopted. */
static void test_fifo_keeps_events_from_before_the_switch(void **state)
{
    (void)state;
    simguest_init(NULL);
    evtchn_port_t store = xen_start()->store_port;
    sim_evtchn_raise(store);
    assert_int_equal(evtchn_init(&ev, &conf_fifo), 0);
    simguest_ev = &ev;
    assert_int_equal(evtchn_upcall(&ev), 0); /* masked */
    assert_int_equal(evtchn_adopt(&ev, store), 0);
    assert_int_equal(evtchn_upcall(&ev), 1);
    assert_int_equal(evtchn_count(&ev, store), 1);
    teardown(state);
}

static void test_2l_keeps_events_from_before_init(void **state)
{
    (void)state;
    simguest_init(NULL);
    evtchn_port_t store = xen_start()->store_port;
    sim_evtchn_raise(store);
    assert_int_equal(evtchn_init(&ev, &conf_2l), 0);
    simguest_ev = &ev;
    assert_int_equal(evtchn_upcall(&ev), 0);
    assert_int_equal(evtchn_adopt(&ev, store), 0);
    assert_int_equal(evtchn_upcall(&ev), 1);
    teardown(state);
}

static void test_without_fifo_the_2_level_abi_serves(void **state)
{
    struct sim_conf conf = {.seed = 1, .no_fifo = true};
    evtchn_port_t from, to;
    (void)state;
    simguest_init(&conf);
    assert_int_equal(evtchn_init(&ev, &conf_fifo), 0);
    simguest_ev = &ev;
    assert_int_equal(ev.abi, EVTCHN_ABI_2L);
    assert_int_equal(ev.ports, EVTCHN_PORTS_2L);
    evtchn_upcall(&ev);
    loop(&from, &to);
    evtchn_send(&ev, from);
    assert_int_equal(evtchn_upcall(&ev), 1);
    teardown(state);
}

static void test_port_above_ports_max_is_closed_again(void **state)
{
    struct evtchn_conf small = conf_2l;
    evtchn_port_t port = 77;
    struct evtchn_status status;
    unsigned n = 0;
    (void)state;
    simguest_init(NULL);
    small.ports_max = 64;
    assert_int_equal(evtchn_init(&ev, &small), 0);
    simguest_ev = &ev;
    int err;
    while ((err = evtchn_bind_ipi(&ev, 0, &port)) == 0)
        n++;
    assert_int_equal(err, -E_NOSPC);
    assert_int_equal(n, 64 - 3);
    assert_int_equal(port, 63);
    assert_int_equal(hypercall_evtchn_status(64, &status), 0);
    assert_int_equal(status.status, EVTCHNSTAT_closed);
    teardown(state);
}

static void test_conf_is_checked(void **state)
{
    struct evtchn_conf conf;
    (void)state;
    simguest_init(NULL);
    conf = conf_2l, conf.counts = NULL;
    assert_int_equal(evtchn_init(&ev, &conf), -E_INVAL);
    conf = conf_2l, conf.ports_max = 63;
    assert_int_equal(evtchn_init(&ev, &conf), -E_INVAL);
    conf = conf_2l, conf.ports_max = EVTCHN_PORTS_FIFO + 1;
    assert_int_equal(evtchn_init(&ev, &conf), -E_INVAL);
    conf = conf_fifo, conf.fifo_pages = PAGES - 1;
    assert_int_equal(evtchn_init(&ev, &conf), -E_INVAL);
    conf = conf_fifo, conf.fifo_array = array + 1;
    assert_int_equal(evtchn_init(&ev, &conf), -E_INVAL);
    conf = conf_fifo, conf.fifo_control = control + 8;
    assert_int_equal(evtchn_init(&ev, &conf), -E_INVAL);
    simguest_fini();
}

#define ON(abi, test)                                                                              \
    {                                                                                              \
#test " on " #abi, test, setup_##abi, teardown, NULL                                       \
    }
#define BOTH(test) ON(2l, test), ON(fifo, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_send_is_counted_once_seen),
        BOTH(test_event_between_two_looks_is_not_lost),
        BOTH(test_unmask_delivers_what_came_while_masked),
        BOTH(test_unmask_without_event_makes_no_hypercall),
        BOTH(test_mask_holds_back_a_pending_event),
        BOTH(test_virq_ipi_and_status),
        BOTH(test_closed_port_sees_nothing_and_begins_anew),
        BOTH(test_port_out_of_range_is_refused),
        BOTH(test_fini_masks_everything),
        BOTH(test_every_channel_the_abi_has),
        BOTH(test_million_spurious_events_do_bounded_work),
        ON(fifo, test_fifo_more_events_than_one_upcall_may_see),
        ON(2l, test_2l_pass_sees_every_word),
        ON(2l, test_2l_port_above_ours_is_silenced),
        ON(2l, test_2l_has_no_priorities),
        ON(fifo, test_fifo_highest_priority_first),
        ON(fifo, test_fifo_head_out_of_range_is_dropped),
        ON(fifo, test_fifo_link_out_of_range_ends_the_queue),
        ON(fifo, test_fifo_link_to_itself_ends),
        ON(fifo, test_fifo_unmask_of_a_busy_port_asks_the_hypervisor),
        cmocka_unit_test(test_fifo_keeps_events_from_before_the_switch),
        cmocka_unit_test(test_2l_keeps_events_from_before_init),
        cmocka_unit_test(test_without_fifo_the_2_level_abi_serves),
        cmocka_unit_test(test_port_above_ports_max_is_closed_again),
        cmocka_unit_test(test_conf_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
