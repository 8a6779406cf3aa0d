/* SPDX-License-Identifier: ISC */
/* test_suspend.c - the order to suspend, carried out for a program's services: in a restored
 * domain, where it is cancelled, and where it is refused. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/platform.h>

#include "boot/common/xen/start_priv.h"
#include "simguest.h"
#include "xen/hypercall.h"

static unsigned asleep;
static int refusal;
static char heard[8192]; /* what the console's readers saw */
static size_t heard_len;

static void hear(void *arg, struct cs_ro text)
{
    (void)arg;
    assert_true(text.len < sizeof(heard) - heard_len);
    memcpy(heard + heard_len, text.base, text.len);
    heard_len += text.len;
}

static int machine(void)
{
    asleep++;
    return refusal != 0 ? refusal : hypercall_sched_suspend(0);
}

static int setup(void **state)
{
    static char name[] = "test", *argv[] = {name, NULL};
    static const struct sim_conf conf = {.seed = 1, .console = hear};
    (void)state;
    asleep = 0;
    refusal = 0;
    memset(heard, 0, sizeof(heard));
    heard_len = 0;
    start_get()->suspend_machine = machine;
    simguest_boot(&conf, 1, argv);
    sim_suspend_cancel(false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    simguest_shutdown();
    start_get()->suspend_machine = NULL;
    return 0;
}

static enum xenctl_request ask(const char *word)
{
    struct start *start = start_get();
    enum xenctl_request request = XENCTL_RUN;

    sim_xs_write("/local/domain/1/control/shutdown", "%s", word);
    for (unsigned i = 0; i < 100 && request == XENCTL_RUN; i++) {
        plat_wait(plat_now_ns() + NS_PER_MS);
        request = xenctl_poll(&start->ctl);
    }
    return request;
}

/* Everything that a program uses, once. */
static void check_services(void)
{
    struct start *start = start_get();
    static _Alignas(4096) uint8_t page[4096];
    evtchn_port_t near, far;
    int16_t status;
    gref_t gref;
    uint64_t one = 0;
    uint32_t seen;

    assert_true(start->has_evtchn && start->has_gnttab && start->has_xs && start->has_ctl);
    assert_int_equal(evtchn_alloc_unbound(&start->ev, DOMID_SELF, &near), 0);
    assert_int_equal(evtchn_bind_interdomain(&start->ev, DOMID_SELF, near, &far), 0);
    evtchn_upcall(&start->ev);
    seen = evtchn_count(&start->ev, near);
    assert_int_equal(evtchn_send(&start->ev, far), 0);
    evtchn_upcall(&start->ev);
    assert_int_equal(evtchn_count(&start->ev, near), seen + 1);
    assert_int_equal(evtchn_close(&start->ev, far), 0);
    assert_int_equal(evtchn_close(&start->ev, near), 0);
    assert_int_equal(gnttab_grant(&start->gt, 0, virt_to_gfn(page), false, &gref), 0);
    assert_ptr_equal(sim_grant_use(gref, 0, 4096, true, &status), page);
    assert_int_equal(gnttab_end(&start->gt, gref), 0);
    assert_int_equal(
        xs_read_u64(&start->xs, XS_TXN_NONE, "control/feature-suspend", UINT64_MAX, &one), 0);
    assert_int_equal(one, 1);
}

static void test_services_work_in_the_new_domain(void **state)
{
    struct start *start = start_get();
    (void)state;
    for (uint32_t n = 1; n <= 3; n++) {
        assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
        start_suspend();
        assert_int_equal(asleep, n);
        assert_int_equal(gnttab_epoch(&start->gt), n);
        assert_int_equal(xenctl_poll(&start->ctl), XENCTL_RUN);
        check_services();
    }
}

static void test_the_end_can_be_asked_for_in_the_new_domain(void **state)
{
    (void)state;
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
    start_suspend();
    assert_int_equal(ask("poweroff"), XENCTL_POWEROFF);
}

static void test_cancelled_changes_nothing(void **state)
{
    struct start *start = start_get();
    evtchn_port_t port;
    struct evtchn_info info;
    gref_t gref;
    static _Alignas(4096) uint8_t page[4096];
    int16_t status;
    (void)state;
    assert_int_equal(evtchn_alloc_unbound(&start->ev, 0, &port), 0);
    assert_int_equal(gnttab_grant(&start->gt, 0, virt_to_gfn(page), false, &gref), 0);
    sim_suspend_cancel(true);
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
    start_suspend();
    assert_int_equal(asleep, 1);
    assert_int_equal(gnttab_epoch(&start->gt), 0);
    assert_int_equal(evtchn_status(&start->ev, port, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_unbound);
    assert_ptr_equal(sim_grant_use(gref, 0, 4096, true, &status), page);
    assert_int_equal(gnttab_end(&start->gt, gref), 0);
    assert_int_equal(evtchn_close(&start->ev, port), 0);
    assert_int_equal(xenctl_poll(&start->ctl), XENCTL_RUN);
    check_services();
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND); /* it may be asked for again */
}

static void test_refused_by_the_hypervisor_changes_nothing(void **state)
{
    struct start *start = start_get();
    (void)state;
    refusal = -E_PERM;
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
    start_suspend();
    assert_int_equal(gnttab_epoch(&start->gt), 0);
    assert_int_equal(xenctl_poll(&start->ctl), XENCTL_RUN);
    check_services();
}

/* No driver, handshake or request may find the world changed between two of its lines. */
static void test_it_does_not_happen_in_a_request_to_xenstore(void **state)
{
    struct start *start = start_get();
    char text[64];
    (void)state;
    sim_xs_write("/local/domain/1/control/shutdown", "suspend");
    for (unsigned i = 0; i < 10; i++)
        assert_true(xs_read(&start->xs, XS_TXN_NONE, "domid", cs_of(text, sizeof(text))) > 0);
    plat_wait(plat_now_ns() + NS_PER_S);
    assert_int_equal(asleep, 0);
    assert_int_equal(xenctl_poll(&start->ctl), XENCTL_SUSPEND);
}

/* What was in the ring of the old domain is lost where nobody has read it: so it is waited for. */
static void test_the_console_is_read_before_and_heard_after(void **state)
{
    struct start *start = start_get();
    (void)state;
    assert_true(start->has_cons);
    xencons_write(&start->cons, cs_of_str("before\n"));
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
    start_suspend();
    xencons_write(&start->cons, cs_of_str("after\n"));
    sim_console_drain();
    assert_non_null(strstr(heard, "before\r\n"));
    assert_non_null(strstr(heard, "after\r\n"));
    assert_int_equal(start->cons.stats.broken, 0);
    assert_int_equal(start->cons.stats.dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_services_work_in_the_new_domain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_can_be_asked_for_in_the_new_domain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_cancelled_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_by_the_hypervisor_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_it_does_not_happen_in_a_request_to_xenstore, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_console_is_read_before_and_heard_after, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
