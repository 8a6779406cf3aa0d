/* SPDX-License-Identifier: ISC */
/* test_xenctl.c - control/shutdown and control/sysrq: what the toolstack asks is done, and
 * acknowledged. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>
#include <morgana/xen.h>
#include <morgana/xenctl.h>

#include "simguest.h"

#define CONTROL "/local/domain/1/control/"

static struct evtchn ev;
static uint32_t counts[4096];
static struct xs xs;
static struct xenctl ctl;

static int setup(void **state)
{
    struct evtchn_conf ec = {.force_2l = true, .counts = counts, .ports_max = 4096};
    (void)state;
    simguest_init(NULL);
    log_init(plat_console_write, LOG_INFO);
    assert_int_equal(evtchn_init(&ev, &ec), 0);
    simguest_ev = &ev;
    assert_int_equal(evtchn_adopt(&ev, xen_start()->store_port), 0);
    struct xs_conf xc = {
        .ring = xen_start()->store_ring, .ev = &ev, .port = xen_start()->store_port};
    assert_int_equal(xs_init(&xs, &xc), 0);
    assert_int_equal(xenctl_init(&ctl, &xs, false), 0);
    return 0;
}

static int setup_suspend(void **state)
{
    setup(state);
    xenctl_fini(&ctl);
    assert_int_equal(xenctl_init(&ctl, &xs, true), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xenctl_fini(&ctl);
    assert_int_equal(sim_xs_watches(), 0);
    xs_fini(&xs);
    simguest_fini();
    return 0;
}

static enum xenctl_request poll(void)
{
    enum xenctl_request request = XENCTL_RUN;
    for (unsigned i = 0; i < 5; i++) {
        sim_run_until_idle();
        request = xenctl_poll(&ctl);
    }
    return request;
}

static enum xenctl_request ask(const char *word)
{
    sim_xs_write(CONTROL "shutdown", "%s", word);
    return poll();
}

static void acknowledged(void)
{
    char text[64];
    assert_int_equal(sim_xs_read(CONTROL "shutdown", text, sizeof(text)), 0);
    assert_int_equal(sim_xs_transactions(), 0);
}

static void test_features_are_said(void **state)
{
    (void)state;
    assert_int_equal(sim_xs_read_u32(CONTROL "feature-poweroff", 0), 1);
    assert_int_equal(sim_xs_read_u32(CONTROL "feature-reboot", 0), 1);
    assert_int_equal(sim_xs_read_u32(CONTROL "feature-suspend", 0), 0);
    assert_int_equal(poll(), XENCTL_RUN);
}

static void test_poweroff_is_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(ask("poweroff"), XENCTL_POWEROFF);
    acknowledged();
    assert_int_equal(poll(), XENCTL_POWEROFF); /* stays */
}

static void test_halt_is_poweroff(void **state)
{
    (void)state;
    assert_int_equal(ask("halt"), XENCTL_POWEROFF);
    acknowledged();
}

static void test_reboot_is_acknowledged_and_first_request_stays(void **state)
{
    (void)state;
    assert_int_equal(ask("reboot"), XENCTL_REBOOT);
    acknowledged();
    assert_int_equal(ask("poweroff"), XENCTL_REBOOT);
    acknowledged();
}

static void test_what_we_cannot_do_is_logged_and_acknowledged(void **state)
{
    static const char *const words[] = {"suspend", "frobnicate", "Poweroff", "poweroff ", "x"};
    char word[200];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        vplat_console_clear();
        assert_int_equal(ask(words[i]), XENCTL_RUN);
        assert_non_null(strstr(vplat_console(), words[i]));
        acknowledged();
        assert_int_equal(ctl.unknown, i + 1);
    }
    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_int_equal(ask(word), XENCTL_RUN);
    acknowledged();
    assert_int_equal(ask("poweroff"), XENCTL_POWEROFF);
}

/* Someone else's change undoes the transaction: it is done again. */
static void test_eagain_does_not_lose_the_request(void **state)
{
    (void)state;
    sim_xs_fail_commits(3);
    assert_int_equal(ask("poweroff"), XENCTL_POWEROFF);
    acknowledged();
    assert_int_equal(xs.stats.eagain, 3);
}

static void test_request_outlives_a_whole_round_of_eagain(void **state)
{
    (void)state;
    sim_xs_fail_commits(XS_TXN_TRIES + 1);
    assert_int_equal(ask("reboot"), XENCTL_REBOOT);
    acknowledged();
}

/* Its event has been taken: a program that sleeps now would not hear of it again. */
static void test_request_is_followed_before_it_can_be_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(poll(), XENCTL_RUN);
    sim_xs_fail_commits(XS_TXN_TRIES);
    sim_xs_write(CONTROL "shutdown", "poweroff");
    sim_run_until_idle();
    assert_int_equal(xenctl_poll(&ctl), XENCTL_POWEROFF);
    assert_int_equal(poll(), XENCTL_POWEROFF);
    acknowledged();
}

static void test_node_that_is_removed_is_no_request(void **state)
{
    (void)state;
    sim_xs_rm(CONTROL "shutdown");
    assert_int_equal(poll(), XENCTL_RUN);
    assert_int_equal(ask("poweroff"), XENCTL_POWEROFF);
}

static void test_poll_without_news_makes_no_request(void **state)
{
    (void)state;
    poll();
    uint64_t requests = xs.stats.requests;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(xenctl_poll(&ctl), XENCTL_RUN);
    assert_int_equal(xs.stats.requests, requests);
}

static void test_suspend_is_acknowledged_and_stays_until_resume(void **state)
{
    (void)state;
    assert_int_equal(sim_xs_read_u32(CONTROL "feature-suspend", 0), 1);
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
    acknowledged();
    assert_int_equal(poll(), XENCTL_SUSPEND);
    xenctl_resume(&ctl);
    assert_int_equal(poll(), XENCTL_RUN);
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
    assert_int_equal(ctl.unknown, 0);
}

/* The tree of a restored domain is another, made by the toolstack. */
static void test_resume_says_features_again(void **state)
{
    (void)state;
    sim_xs_write(CONTROL "feature-poweroff", "%s", "");
    sim_xs_write(CONTROL "feature-reboot", "%s", "");
    sim_xs_write(CONTROL "feature-suspend", "%s", "");
    xenctl_resume(&ctl);
    assert_int_equal(sim_xs_read_u32(CONTROL "feature-poweroff", 0), 1);
    assert_int_equal(sim_xs_read_u32(CONTROL "feature-reboot", 0), 1);
    assert_int_equal(sim_xs_read_u32(CONTROL "feature-suspend", 0), 1);
}

static void test_poweroff_goes_before_suspend_and_outlives_it(void **state)
{
    (void)state;
    assert_int_equal(ask("suspend"), XENCTL_SUSPEND);
    assert_int_equal(ask("poweroff"), XENCTL_POWEROFF);
    acknowledged();
    assert_int_equal(ask("suspend"), XENCTL_POWEROFF);
    acknowledged();
    xenctl_resume(&ctl);
    assert_int_equal(poll(), XENCTL_POWEROFF);
}

/* ---- control/sysrq --------------------------------------------------------------------------- */

static char sysrq(const char *word)
{
    sim_xs_write(CONTROL "sysrq", "%s", word);
    poll();
    return xenctl_sysrq(&ctl);
}

static void sysrq_acknowledged(void)
{
    char text[64];
    assert_int_equal(sim_xs_read(CONTROL "sysrq", text, sizeof(text)), 0);
    assert_int_equal(sim_xs_transactions(), 0);
}

static void test_sysrq_letter_is_told_once_and_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(xenctl_sysrq(&ctl), '\0');
    assert_int_equal(sysrq("h"), 'h');
    sysrq_acknowledged();
    poll();
    assert_int_equal(xenctl_sysrq(&ctl), '\0'); /* the acknowledgement is no order */
    assert_int_equal(sysrq("m"), 'm');
    assert_int_equal(sysrq("m"), 'm');
    assert_int_equal(ctl.request, XENCTL_RUN);
}

static void test_sysrq_that_is_no_letter_is_acknowledged_and_counted(void **state)
{
    static const char *const words[] = {"hh", "?", "\n", "poweroff"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        assert_int_equal(sysrq(words[i]), '\0');
        sysrq_acknowledged();
        assert_int_equal(ctl.unknown, i + 1);
    }
    assert_int_equal(sysrq("b"), 'b');
}

/* Somebody keeps changing the tree: what was read is done, and not a second time. */
static void test_sysrq_is_followed_though_it_cannot_be_acknowledged(void **state)
{
    (void)state;
    poll();
    (void)xenctl_sysrq(&ctl);
    sim_xs_fail_commits(XS_TXN_TRIES);
    assert_int_equal(sysrq("t"), 't');
    poll();
    assert_int_equal(xenctl_sysrq(&ctl), '\0');
}

static void test_sysrq_node_that_is_removed_is_no_order(void **state)
{
    (void)state;
    sim_xs_rm(CONTROL "sysrq");
    poll();
    assert_int_equal(xenctl_sysrq(&ctl), '\0');
    assert_int_equal(ctl.unknown, 0);
}

/* ---- a xenstored that is slow -------------------------------------------------------------- */

/* The event has come, and xenstored says nothing more. */
static void fall_silent(const char *path, const char *word)
{
    poll();
    (void)xenctl_sysrq(&ctl);
    sim_xs_write(path, "%s", word);
    sim_run_until_idle();
    sim_xs_stop(true);
}

static void test_order_outlives_a_xenstored_that_does_not_answer(void **state)
{
    (void)state;
    fall_silent(CONTROL "shutdown", "poweroff");
    assert_int_equal(xenctl_poll(&ctl), XENCTL_RUN);
    sim_xs_stop(false);
    vplat_advance(XS_RETRY_NS);
    assert_int_equal(poll(), XENCTL_POWEROFF);
    acknowledged();
}

static void test_silent_xenstored_is_asked_after_a_pause_and_never_given_up(void **state)
{
    (void)state;
    fall_silent(CONTROL "shutdown", "reboot");
    vplat_console_clear();
    for (unsigned i = 0; i < 3; i++) {
        uint64_t requests = xs.stats.requests;
        assert_int_equal(xenctl_poll(&ctl), XENCTL_RUN);
        assert_int_equal(xs.stats.requests, requests + 1);
        for (unsigned turn = 0; turn < 100; turn++) {
            assert_int_equal(xenctl_poll(&ctl), XENCTL_RUN);
            assert_int_equal(xenctl_sysrq(&ctl), '\0');
        }
        assert_int_equal(xs.stats.requests, requests + 1);
        vplat_advance(XS_RETRY_NS);
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(xenctl_poll(&ctl), XENCTL_RUN);
        vplat_advance(XS_RETRY_NS);
    }
    assert_int_equal(xs_broken(&xs), 0);
    const char *said = strstr(vplat_console(), "xenctl: taking control/shutdown failed");
    assert_non_null(said);
    assert_null(strstr(said + 1, "xenctl: ")); /* once */
    sim_xs_stop(false);
    vplat_advance(XS_RETRY_NS);
    assert_int_equal(poll(), XENCTL_REBOOT);
}

static void test_sysrq_outlives_a_xenstored_that_does_not_answer(void **state)
{
    (void)state;
    fall_silent(CONTROL "sysrq", "h");
    (void)xenctl_poll(&ctl);
    assert_int_equal(xenctl_sysrq(&ctl), '\0');
    sim_xs_stop(false);
    vplat_advance(XS_RETRY_NS);
    poll();
    assert_int_equal(xenctl_sysrq(&ctl), 'h');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_features_are_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poweroff_is_acknowledged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_halt_is_poweroff, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reboot_is_acknowledged_and_first_request_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_we_cannot_do_is_logged_and_acknowledged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_eagain_does_not_lose_the_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_outlives_a_whole_round_of_eagain, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_request_is_followed_before_it_can_be_acknowledged,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_node_that_is_removed_is_no_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll_without_news_makes_no_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_suspend_is_acknowledged_and_stays_until_resume,
                                        setup_suspend, teardown),
        cmocka_unit_test_setup_teardown(test_resume_says_features_again, setup_suspend, teardown),
        cmocka_unit_test_setup_teardown(test_poweroff_goes_before_suspend_and_outlives_it,
                                        setup_suspend, teardown),
        cmocka_unit_test_setup_teardown(test_sysrq_letter_is_told_once_and_acknowledged, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_sysrq_that_is_no_letter_is_acknowledged_and_counted,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_sysrq_is_followed_though_it_cannot_be_acknowledged,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_sysrq_node_that_is_removed_is_no_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_order_outlives_a_xenstored_that_does_not_answer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_silent_xenstored_is_asked_after_a_pause_and_never_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sysrq_outlives_a_xenstored_that_does_not_answer, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
