/* SPDX-License-Identifier: ISC */
/* test_sim.c - the simulated hypervisor, by raw hypercalls: event channels of both ABIs, grant
 * tables of both versions, timers.
 */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "platform/sim/sim_priv.h"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

static _Alignas(4096) uint8_t control_page[4096], array_page[2][4096], page_a[4096], page_b[4096];

static long evtchn(unsigned cmd, void *arg)
{
    return xen_hypercall(__HYPERVISOR_event_channel_op, cmd, (unsigned long)arg, 0, 0, 0);
}

static long gnttab(unsigned cmd, void *arg)
{
    return xen_hypercall(__HYPERVISOR_grant_table_op, cmd, (unsigned long)arg, 1, 0, 0);
}

static void start(struct sim_conf conf)
{
    vplat_reset(1);
    assert_int_equal(sim_init(&conf), 0);
}

static uint32_t alloc_unbound(uint16_t remote)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = remote};
    assert_int_equal(evtchn(EVTCHNOP_alloc_unbound, &op), 0);
    return op.port;
}

static bool pending_2l(uint32_t port)
{
    return (xen_shared_info()->evtchn_pending[port / 64] >> (port % 64) & 1) != 0;
}

/* ---- event channels ------------------------------------------------------------------------- */

static void test_2l_event_sets_pending_selector_and_upcall(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    uint32_t port = alloc_unbound(0);
    int dom0 = sim_dom0_bind(port);
    assert_true(dom0 > 0);
    xen_shared_info()->vcpu_info[0].evtchn_upcall_pending = 0;
    xen_shared_info()->vcpu_info[0].evtchn_pending_sel = 0;
    assert_int_equal(sim_dom0_send((uint32_t)dom0), 0);
    assert_true(pending_2l(port));
    assert_int_equal(xen_shared_info()->vcpu_info[0].evtchn_pending_sel, 1ul << (port / 64));
    assert_true(sim_upcall_pending());
    sim_fini();
}

static void test_2l_masked_event_waits_for_unmask(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    uint32_t port = alloc_unbound(0);
    int dom0 = sim_dom0_bind(port);
    xen_shared_info()->evtchn_mask[port / 64] |= 1ul << (port % 64);
    xen_shared_info()->vcpu_info[0].evtchn_upcall_pending = 0;
    sim_dom0_send((uint32_t)dom0);
    assert_true(pending_2l(port));
    assert_false(sim_upcall_pending());
    struct evtchn_unmask op = {.port = port};
    assert_int_equal(evtchn(EVTCHNOP_unmask, &op), 0);
    assert_true(sim_upcall_pending());
    sim_fini();
}

static void test_guest_event_reaches_dom0_once_bound(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    uint32_t port = alloc_unbound(0);
    struct evtchn_send send = {.port = port};
    assert_int_equal(evtchn(EVTCHNOP_send, &send), 0); /* unbound: dropped */
    int dom0 = sim_dom0_bind(port);
    assert_int_equal(sim_dom0_events((uint32_t)dom0), 1); /* binding makes one */
    assert_int_equal(evtchn(EVTCHNOP_send, &send), 0);
    assert_int_equal(sim_dom0_events((uint32_t)dom0), 1);
    struct evtchn_close close = {.port = port};
    assert_int_equal(evtchn(EVTCHNOP_close, &close), 0);
    assert_int_equal(evtchn(EVTCHNOP_send, &send), -E_INVAL);
    assert_int_equal(evtchn(EVTCHNOP_close, &close), -E_INVAL);
    sim_fini();
}

static void test_port_limit_is_nospc_and_ports_come_back(void **state)
{
    (void)state;
    start((struct sim_conf){.evtchn_ports = 16});
    uint32_t last = 0;
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};
    while (evtchn(EVTCHNOP_alloc_unbound, &op) == 0)
        last = op.port;
    assert_int_equal(last, 15);
    assert_int_equal(evtchn(EVTCHNOP_alloc_unbound, &op), -E_NOSPC);
    struct evtchn_close close = {.port = 7};
    assert_int_equal(evtchn(EVTCHNOP_close, &close), 0);
    assert_int_equal(alloc_unbound(0), 7);
    sim_fini();
}

static void fifo_start(unsigned pages)
{
    memset(control_page, 0, sizeof(control_page));
    memset(array_page, 0, sizeof(array_page));
    struct evtchn_init_control init = {.control_gfn = virt_to_gfn(control_page)};
    assert_int_equal(evtchn(EVTCHNOP_init_control, &init), 0);
    assert_int_equal(init.link_bits, EVTCHN_FIFO_LINK_BITS);
    for (unsigned i = 0; i < pages; i++) {
        struct evtchn_expand_array expand = {.array_gfn = virt_to_gfn(array_page[i])};
        assert_int_equal(evtchn(EVTCHNOP_expand_array, &expand), 0);
    }
}

static void test_fifo_queues_by_priority_in_order(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    fifo_start(1);
    uint32_t a = alloc_unbound(0), b = alloc_unbound(0), c = alloc_unbound(0);
    struct evtchn_set_priority high = {.port = c, .priority = 0};
    assert_int_equal(evtchn(EVTCHNOP_set_priority, &high), 0);
    sim_evtchn_raise(a);
    sim_evtchn_raise(b);
    sim_evtchn_raise(c);
    sim_evtchn_raise(a); /* pending and linked already */
    const struct evtchn_fifo_control_block *control = (void *)control_page;
    const uint32_t *word = (void *)array_page[0];
    assert_int_equal(control->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT | 1u << 0);
    assert_int_equal(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], a);
    assert_int_equal(control->head[0], c);
    assert_int_equal(word[a], 1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_LINKED | b);
    assert_int_equal(word[b], 1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_LINKED);
    sim_fini();
}

static void test_fifo_event_without_a_word_comes_with_the_page(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    fifo_start(1);
    uint32_t port = 0;
    while (port < 1030)
        port = alloc_unbound(0);
    sim_evtchn_raise(port);
    struct evtchn_fifo_control_block *control = (void *)control_page;
    assert_int_equal(control->ready, 0);
    struct evtchn_expand_array expand = {.array_gfn = virt_to_gfn(array_page[1])};
    assert_int_equal(evtchn(EVTCHNOP_expand_array, &expand), 0);
    assert_int_equal(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], port);
    sim_fini();
}

static void test_a_hypervisor_without_fifo_says_nosys(void **state)
{
    (void)state;
    start((struct sim_conf){.no_fifo = true});
    struct evtchn_init_control init = {.control_gfn = virt_to_gfn(control_page)};
    assert_int_equal(evtchn(EVTCHNOP_init_control, &init), -E_NOSYS);
    sim_fini();
}

static void test_timer_raises_its_virq_at_its_time(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER};
    assert_int_equal(evtchn(EVTCHNOP_bind_virq, &bind), 0);
    struct vcpu_set_singleshot_timer set = {.timeout_abs_ns = plat_now_ns() + 1000};
    assert_int_equal(xen_hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0,
                                   (unsigned long)&set, 0, 0),
                     0);
    sim_timer(plat_now_ns() + 999);
    assert_false(pending_2l(bind.port));
    sim_timer(plat_now_ns() + 1000);
    assert_true(pending_2l(bind.port));
    assert_true(sim_timer_at() == NS_NEVER);
    sim_fini();
}

/* ---- grants --------------------------------------------------------------------------------- */

static struct grant_entry_v1 *v1(uint32_t gref)
{
    return (struct grant_entry_v1 *)xen_map_frame(XENMAPSPACE_grant_table, gref / 512) + gref % 512;
}

static void grant_v1(uint32_t gref, void *page, uint16_t flags)
{
    *v1(gref) = (struct grant_entry_v1){(uint16_t)(GTF_permit_access | flags), 0,
                                        (uint32_t)virt_to_gfn(page)};
}

static void test_only_what_is_granted_may_be_used(void **state)
{
    (void)state;
    int16_t status;
    start((struct sim_conf){0});
    assert_null(sim_grant_use(9, 0, 1, false, &status));
    assert_int_equal(status, GNTST_bad_gntref);
    grant_v1(9, page_a, GTF_readonly);
    assert_ptr_equal(sim_grant_use(9, 10, 4086, false, &status), page_a + 10);
    assert_null(sim_grant_use(9, 0, 1, true, &status));
    assert_int_equal(status, GNTST_permission_denied);
    assert_null(sim_grant_use(9, 10, 4087, false, &status));
    v1(9)->domid = 7;
    assert_null(sim_grant_use(9, 0, 1, false, &status));
    assert_null(sim_grant_use(4000000, 0, 1, false, &status));
    sim_fini();
}

static void test_mapping_shows_in_the_entry_until_unmapped(void **state)
{
    (void)state;
    int16_t status;
    start((struct sim_conf){0});
    grant_v1(9, page_a, 0);
    assert_ptr_equal(sim_grant_map(9, true, &status), page_a);
    assert_int_equal(v1(9)->flags, GTF_permit_access | GTF_reading | GTF_writing);
    sim_grant_unmap(9, true);
    assert_int_equal(v1(9)->flags, GTF_permit_access);
    /* A guest that ends a mapped grant by force is at fault. */
    sim_grant_map(9, false, &status);
    v1(9)->flags = 0;
    sim_grant_unmap(9, false);
    assert_int_equal(sim_fault_count(), 1);
    sim_fini();
}

static void test_v2_shows_mappings_in_status_words(void **state)
{
    (void)state;
    int16_t status;
    start((struct sim_conf){0});
    struct gnttab_set_version set = {.version = 2};
    assert_int_equal(gnttab(GNTTABOP_set_version, &set), 0);
    union grant_entry_v2 *entry = xen_map_frame(XENMAPSPACE_grant_table, 0);
    const uint16_t *words = xen_map_frame(XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status);
    entry[9].full_page.frame = virt_to_gfn(page_a);
    entry[9].hdr = (grant_entry_header_t){GTF_permit_access, 0};
    assert_ptr_equal(sim_grant_map(9, true, &status), page_a);
    assert_int_equal(words[9], GTF_reading | GTF_writing);
    set.version = 1;
    assert_int_equal(gnttab(GNTTABOP_set_version, &set), -E_BUSY);
    sim_grant_unmap(9, true);
    assert_int_equal(words[9], 0);
    assert_null(xen_map_frame(XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status | 1));
    sim_fini();
    start((struct sim_conf){.no_gnttab_v2 = true});
    set.version = 2;
    assert_int_equal(gnttab(GNTTABOP_set_version, &set), -E_NOSYS);
    sim_fini();
}

static void test_a_grant_to_oneself_maps_the_same_bytes(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    memset(page_a, 'a', sizeof(page_a));
    *v1(9) =
        (struct grant_entry_v1){GTF_permit_access, SIM_GUEST_DOMID, (uint32_t)virt_to_gfn(page_a)};
    struct gnttab_map_grant_ref map = {.host_addr = virt_to_gfn(page_b) * 4096,
                                       .flags = GNTMAP_host_map,
                                       .ref = 9,
                                       .dom = DOMID_SELF};
    assert_int_equal(gnttab(GNTTABOP_map_grant_ref, &map), 0);
    assert_int_equal(map.status, GNTST_okay);
    assert_int_equal(page_b[4095], 'a');
    page_b[17] = 'b';
    assert_int_equal(page_a[17], 'b');
    struct gnttab_unmap_grant_ref unmap = {.host_addr = virt_to_gfn(page_b) * 4096,
                                           .handle = map.handle};
    assert_int_equal(gnttab(GNTTABOP_unmap_grant_ref, &unmap), 0);
    assert_int_equal(unmap.status, GNTST_okay);
    page_b[17] = 'c';
    assert_int_equal(page_a[17], 'b');
    assert_int_equal(v1(9)->flags, GTF_permit_access);
    sim_fini();
}

static void test_dom0_grant_is_mapped_and_copied(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    uint8_t *dom0_page;
    int ref = sim_dom0_grant(true, &dom0_page);
    assert_true(ref > 0);
    strcpy((char *)dom0_page, "from domain 0");
    struct gnttab_map_grant_ref map = {.host_addr = virt_to_gfn(page_b) * 4096,
                                       .flags = GNTMAP_host_map,
                                       .ref = (uint32_t)ref,
                                       .dom = 0};
    gnttab(GNTTABOP_map_grant_ref, &map);
    assert_int_equal(map.status, GNTST_permission_denied); /* read-only */
    map.flags |= GNTMAP_readonly;
    gnttab(GNTTABOP_map_grant_ref, &map);
    assert_int_equal(map.status, GNTST_okay);
    assert_string_equal((char *)page_b, "from domain 0");
    struct gnttab_unmap_grant_ref unmap = {.host_addr = virt_to_gfn(page_b) * 4096,
                                           .handle = map.handle};
    gnttab(GNTTABOP_unmap_grant_ref, &unmap);

    struct gnttab_copy copy = {.source = {{.ref = (uint32_t)ref}, 0, 5},
                               .dest = {{.gmfn = virt_to_gfn(page_a)}, DOMID_SELF, 100},
                               .len = 9,
                               .flags = GNTCOPY_source_gref};
    gnttab(GNTTABOP_copy, &copy);
    assert_int_equal(copy.status, GNTST_okay);
    assert_string_equal((char *)page_a + 100, "domain 0");
    copy.dest.offset = 4090;
    gnttab(GNTTABOP_copy, &copy);
    assert_int_equal(copy.status, GNTST_bad_copy_arg);
    sim_dom0_grant_end((uint32_t)ref);
    assert_int_equal(sim_fault_count(), 0);
    sim_fini();
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void collect(void *arg, struct cs_ro text)
{
    strncat(arg, (const char *)text.base, text.len);
}

static void test_console_both_ways(void **state)
{
    (void)state;
    char seen[64] = "";
    start((struct sim_conf){.console = collect, .console_arg = seen});
    struct xencons_interface *ring = xen_start()->console_ring;
    memcpy(ring->out, "hello", 5);
    ring->out_prod = 5;
    struct evtchn_send send = {.port = xen_start()->console_port};
    assert_int_equal(evtchn(EVTCHNOP_send, &send), 0);
    sim_run_until_idle();
    assert_string_equal(seen, "hello");
    assert_int_equal(ring->out_cons, 5);
    assert_int_equal(sim_console_type(cs_of_str("xy")), 2);
    assert_int_equal(ring->in_prod, 2);
    sim_fini();
}

static void test_params_shutdown_and_unknown_calls(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    struct xen_hvm_param param = {.domid = DOMID_SELF, .index = HVM_PARAM_STORE_EVTCHN};
    assert_int_equal(
        xen_hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (unsigned long)&param, 0, 0, 0), 0);
    assert_int_equal(param.value, xen_start()->store_port);
    assert_int_equal(sim_shutdown_reason(), -1);
    struct sched_shutdown shutdown = {.reason = SHUTDOWN_reboot};
    xen_hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&shutdown, 0, 0, 0);
    assert_int_equal(sim_shutdown_reason(), SHUTDOWN_reboot);
    assert_int_equal(xen_hypercall(55, 0, 0, 0, 0, 0), -E_NOSYS);
    assert_int_equal(evtchn(200, NULL), -E_NOSYS);
    sim_fini();
}

static void test_frame_numbers_fit_v1_and_go_back(void **state)
{
    (void)state;
    start((struct sim_conf){0});
    int on_stack = 0;
    const void *pages[] = {page_a, &on_stack, sim_frame(0)};
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        uint64_t gfn = virt_to_gfn(pages[i]);
        assert_true(gfn != 0 && gfn <= UINT32_MAX);
        assert_ptr_equal(sim_gfn_page(gfn), (void *)((uintptr_t)pages[i] & ~UINT64_C(4095)));
    }
    assert_null(sim_gfn_page(0));
    assert_null(sim_gfn_page(UINT32_MAX));
    sim_fini();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_2l_event_sets_pending_selector_and_upcall),
        cmocka_unit_test(test_2l_masked_event_waits_for_unmask),
        cmocka_unit_test(test_guest_event_reaches_dom0_once_bound),
        cmocka_unit_test(test_port_limit_is_nospc_and_ports_come_back),
        cmocka_unit_test(test_fifo_queues_by_priority_in_order),
        cmocka_unit_test(test_fifo_event_without_a_word_comes_with_the_page),
        cmocka_unit_test(test_a_hypervisor_without_fifo_says_nosys),
        cmocka_unit_test(test_timer_raises_its_virq_at_its_time),
        cmocka_unit_test(test_only_what_is_granted_may_be_used),
        cmocka_unit_test(test_mapping_shows_in_the_entry_until_unmapped),
        cmocka_unit_test(test_v2_shows_mappings_in_status_words),
        cmocka_unit_test(test_a_grant_to_oneself_maps_the_same_bytes),
        cmocka_unit_test(test_dom0_grant_is_mapped_and_copied),
        cmocka_unit_test(test_console_both_ways),
        cmocka_unit_test(test_params_shutdown_and_unknown_calls),
        cmocka_unit_test(test_frame_numbers_fit_v1_and_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
