/* SPDX-License-Identifier: ISC */
/* test_dhcp_store.c - leases that outlive a restart: what a client was told is there
 * afterwards, whatever the clock says. */
#include "dhcpstoretest.h"

/* ---- the start ------------------------------------------------------------------------------- */

static void test_an_empty_disk_gets_a_journal_that_is_found_again(void **state)
{
    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    assert_true(rig.store.found.is_new);
    storerig_run(&rig);
    assert_true(dhcp_journal_is_ours(cs_ro_of(rig.disk, DHCP_JOURNAL_HEADS * PAGE_BYTES)));
    storerig_restart(&rig, 1, 1);
    assert_false(rig.store.found.is_new);
    assert_int_equal(rig.store.found.damaged, 0);
    assert_int_equal(rig.store.now.generation, 1);
}

static void test_leases_are_there_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 300);
    storerig_release(&rig, 7);
    storerig_run(&rig);
    storerig_restart(&rig, 10, 1);
    assert_int_equal(rig.store.found.leases, 299);
    storerig_check(&rig);
    /* and each is still its client's, and a new client gets another */
    lease_all(1, 301);
    storerig_check(&rig);
}

static void test_what_was_not_flushed_was_told_to_nobody(void **state)
{
    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    storerig_run(&rig);
    assert_true(storerig_lease(&rig, 1));
    assert_int_equal(dhcp_store_fate(&rig.store, rig.told[1].ticket), DHCP_STORE_WAITS);
    (void)storerig_poll(&rig); /* the write */
    assert_int_equal(dhcp_store_fate(&rig.store, rig.told[1].ticket), DHCP_STORE_WAITS);
    while (rig.told[1].ticket)
        (void)storerig_poll(&rig);
    assert_true(rig.dev->stats.flushes > 0);
    storerig_restart(&rig, 1, 1);
    storerig_check(&rig);
}

static void test_what_comes_while_the_device_writes_goes_together(void **state)
{
    uint64_t commits;

    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    storerig_run(&rig);
    commits = rig.store.stats.commits;
    assert_true(storerig_lease(&rig, 1));
    (void)storerig_poll(&rig);
    for (uint32_t n = 2; n <= 101; n++)
        assert_true(storerig_lease(&rig, n));
    storerig_run(&rig);
    assert_int_equal(rig.store.stats.commits - commits, 2);
    assert_int_equal(rig.store.stats.commit_max, 100);
}

static void test_more_changes_than_can_be_noted_are_refused_and_a_release_is_not_lost(void **state)
{
    uint64_t ticket;

    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 300);
    for (uint32_t i = 0; i < DHCP_STORE_NOTES; i++)
        assert_true(dhcp_store_note(&rig.store, rig.told[1].addr, &ticket));
    assert_false(dhcp_store_note(&rig.store, rig.told[1].addr, &ticket));
    storerig_release(&rig, 300);
    assert_int_equal(rig.store.stats.overruns, 1);
    storerig_run(&rig);
    assert_int_equal(rig.store.stats.rewrites, 2); /* the first made the journal */
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.leases, 299);
    storerig_check(&rig);
}

/* ---- disks that will not do ------------------------------------------------------------------ */

static void test_a_disk_too_small_read_only_or_not_ours_is_refused(void **state)
{
    struct dhcp_store store;

    (void)state;
    rig.dev->caps.bytes -= PAGE_BYTES;
    assert_int_equal(storerig_open(&rig), -E_NOSPC);
    rig.dev->caps.bytes += PAGE_BYTES;
    rig.dev->caps.read_only = true;
    assert_int_equal(storerig_open(&rig), -E_ROFS);
    rig.dev->caps.read_only = false;
    memcpy(rig.disk + 5, "somebody else's", 15);
    assert_int_equal(storerig_open(&rig), -E_PROTO);
    assert_memory_equal(rig.disk + 5, "somebody else's", 15);
    assert_int_equal(rig.pages.free_count, STORERIG_PAGES);
    while (rig.pages.free_count > DHCP_STORE_PAGES - 1)
        (void)page_get(&rig.pages);
    assert_int_equal(storerig_open(&rig), -E_NOMEM);
    for (unsigned i = 0; i < STORERIG_PAGES; i++)
        if (rig.headers[i].state == PAGE_HELD)
            page_put(&rig.headers[i]);
    memset(rig.disk + 5, 0, 15);
    assert_int_equal(storerig_open(&rig), 0);
    assert_true(rig.store.found.is_new);
    (void)store;
}

/* ---- time ------------------------------------------------------------------------------------ */

#define DAY 86400

/* No lease is over before its time, nor lasts longer than `more` seconds. */
static void check_left(uint32_t more)
{
    for (uint32_t n = 1; n <= 3; n++) {
        uint64_t left = (rig.told[n].ends_ns - rig.true_ns) / NS_PER_S;
        uint32_t got = storerig_left_s(&rig, n);

        if (got < left || got > left + more)
            fail_msg("client %u: %u s left, not %u", n, got, (unsigned)left);
    }
}

static void three_leases(void)
{
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 3);
    storerig_pass(&rig, 100);
    storerig_run(&rig);
    check_left(1);
}

static void test_time_away_counts(void **state)
{
    (void)state;
    three_leases();
    storerig_restart(&rig, 1000, 1);
    check_left(104);
    storerig_restart(&rig, 1000, 1);
    check_left(108);
    storerig_restart(&rig, 3600, 1);
    assert_int_equal(storerig_left_s(&rig, 1), 0);
    assert_int_equal(rig.store.found.leases, 0);
    /* Over, but remembered: the client gets it again. */
    assert_int_equal(rig_discover(&rig.rig, 1), rig.told[1].addr);
}

static void test_a_clock_set_by_a_day_while_we_run_moves_no_lease(void **state)
{
    static const int64_t steps[] = {DAY, -DAY, 20 * DAY, -20 * DAY};

    (void)state;
    three_leases();
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        rig.wall_off_s += steps[i];
        storerig_pass(&rig, 1);
        storerig_run(&rig); /* it is written down when it is seen */
        check_left(5);
        storerig_restart(&rig, 10, i);
        check_left(4 * i + 10);
    }
}

static void test_a_clock_that_went_back_while_we_were_away_ends_no_lease(void **state)
{
    (void)state;
    three_leases();
    rig.wall_off_s -= DAY;
    storerig_restart(&rig, 10, 1);
    check_left(114);
    rig.has_wall = false;
    storerig_pass(&rig, 1);
    storerig_restart(&rig, 300, 1);
    check_left(430);
    rig.has_wall = true;
    storerig_restart(&rig, 10, 1);
    check_left(1500);
}

static void test_without_a_wall_clock_leases_last_as_long_as_the_machine_runs(void **state)
{
    (void)state;
    rig.has_wall = false;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 3);
    for (unsigned i = 0; i < 40; i++)
        storerig_pass(&rig, 30);
    storerig_run(&rig);
    assert_true(rig.store.stats.marks >= 1);
    check_left(1);
    storerig_restart(&rig, 60, 1); /* 1200 s and 60 s ago; 600 s are on record at least */
    check_left(DHCP_STORE_MARK_S + 60 + 31);
}

static void test_a_lease_for_ever_stays_one(void **state)
{
    (void)state;
    rig.text =
        "authoritative; ping-check off; max-lease-time 4294967295; default-lease-time 4294967295;"
        "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.2.255; }";
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 1);
    assert_true(rig.told[1].ends_ns == UINT64_MAX);
    storerig_restart(&rig, 1000000, 1);
    assert_true(storerig_left_s(&rig, 1) == DHCP_INFINITE);
}

/* ---- clients --------------------------------------------------------------------------------- */

/* An id longer than records keep is known again though the server's key is another. */
static void test_a_long_client_id_is_known_again(void **state)
{
    uint8_t id[200];
    uint32_t addr;

    (void)state;
    for (unsigned i = 0; i < sizeof(id); i++)
        id[i] = (uint8_t)(i + 1);
    assert_int_equal(storerig_open(&rig), 0);
    for (unsigned k = 0; k < 2; k++) {
        id[150] = (uint8_t)k;
        rig_msg(&rig.rig, DHCPDISCOVER, 1);
        rig_opt(&rig.rig, DHCP_OPT_CLIENT_ID, id, sizeof(id));
        assert_int_equal(rig_send(&rig.rig), DHCP_REPLY);
        addr = rig.rig.reply.yiaddr;
        rig_msg(&rig.rig, DHCPREQUEST, 1);
        rig_opt(&rig.rig, DHCP_OPT_CLIENT_ID, id, sizeof(id));
        rig_u32(&rig.rig, DHCP_OPT_SERVER_ID, RIG_ADDR);
        rig_u32(&rig.rig, DHCP_OPT_REQUESTED_ADDR, addr);
        assert_int_equal(rig_send(&rig.rig), DHCP_REPLY);
        dhcp_store_note_later(&rig.store, addr);
        storerig_run(&rig);
    }
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.leases, 2);
    rig_msg(&rig.rig, DHCPDISCOVER, 1);
    rig_opt(&rig.rig, DHCP_OPT_CLIENT_ID, id, sizeof(id));
    assert_int_equal(rig_send(&rig.rig), DHCP_REPLY);
    assert_int_equal(rig.rig.reply.yiaddr, addr);
}

static void test_an_address_out_of_use_stays_so(void **state)
{
    uint32_t addr;

    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    addr = storerig_lease(&rig, 1);
    storerig_run(&rig);
    (void)rig_decline(&rig.rig, 1, addr);
    rig.told[1].addr = 0;
    dhcp_store_note_later(&rig.store, addr);
    storerig_run(&rig);
    storerig_restart(&rig, 1, 1);
    assert_int_equal(dhcp_lease_state(&rig.rig.leases, dhcp_leases_by_addr(&rig.rig.leases, addr)),
                     DHCP_LEASE_ABANDONED);
    assert_int_not_equal(rig_discover(&rig.rig, 1), addr);
}

static void test_leases_that_dhcpd_conf_no_longer_has_are_left_out_and_told_of(void **state)
{
    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 10);
    rig.text = "authoritative; ping-check off;"
               "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.5 10.0.1.255; }";
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.leases + rig.store.found.left_out, 10);
    assert_true(rig.store.found.left_out > 0);
    assert_non_null(strstr(vplat_console(), "are left out: dhcpd.conf has no such address"));
}

static void test_more_leases_than_before_make_the_journal_larger(void **state)
{
    (void)state;
    rig.leases_max = 36;
    assert_int_equal(storerig_open(&rig), 0);
    assert_int_equal(rig.store.now.half_blocks, 64);
    for (uint32_t n = 1; n <= 30; n++)
        assert_true(storerig_lease(&rig, n));
    storerig_run(&rig);
    storerig_crash(&rig, 1);
    blk_mem_close(&rig.mem);
    rig.disk = realloc(rig.disk, 400 * PAGE_BYTES);
    memset(rig.disk + BLOCKS * PAGE_BYTES, 0xee, (400 - BLOCKS) * PAGE_BYTES);
    rig.mem_conf.memory = rig.disk;
    rig.mem_conf.bytes = 400 * PAGE_BYTES;
    assert_int_equal(blk_mem_open(&rig.mem, &rig.mem_conf, &rig.dev), 0);
    rig.leases_max = LEASES;
    assert_int_equal(storerig_open(&rig), 0);
    assert_int_equal(rig.store.now.half_blocks, 112);
    assert_int_equal(rig.store.found.leases, 30);
    storerig_check(&rig);
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.now.half_blocks, 112);
    storerig_check(&rig);
}

/* ---- size ------------------------------------------------------------------------------------ */

/* 65,536 leases: read at most twice, in bounded time. */
static void test_65536_leases_are_read_in_bounded_time(void **state)
{
    static const char big[] = "authoritative; ping-check off; default-lease-time 3600;"
                              "subnet 10.0.0.0 netmask 255.0.0.0 { range 10.1.0.0 10.1.255.255; }";
    uint64_t bytes = dhcp_journal_bytes(65536), read;
    uint64_t ticket;

    (void)stop(state);
    storerig_init(&rig, big, 65536, (uint32_t)(bytes / PAGE_BYTES));
    assert_int_equal(storerig_open(&rig), 0);
    for (uint32_t n = 1; n <= 65536; n++) {
        uint32_t addr = rig_lease(&rig.rig, n);

        assert_true(addr);
        while (!dhcp_store_note(&rig.store, addr, &ticket))
            (void)storerig_poll(&rig);
    }
    storerig_run(&rig);
    storerig_crash(&rig, 1);
    blk_mem_power_on(&rig.mem);
    read = rig.dev->stats.read_bytes;
    assert_int_equal(storerig_open(&rig), 0);
    read = rig.dev->stats.read_bytes - read;
    assert_int_equal(rig.store.found.leases, 65536);
    print_message("region %llu KiB, read %llu KiB\n", (unsigned long long)bytes / 1024,
                  (unsigned long long)read / 1024);
    assert_true(read <= bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_disk_gets_a_journal_that_is_found_again),
        TEST(test_leases_are_there_after_a_restart),
        TEST(test_what_was_not_flushed_was_told_to_nobody),
        TEST(test_what_comes_while_the_device_writes_goes_together),
        TEST(test_more_changes_than_can_be_noted_are_refused_and_a_release_is_not_lost),
        TEST(test_a_disk_too_small_read_only_or_not_ours_is_refused),
        TEST(test_time_away_counts),
        TEST(test_a_clock_set_by_a_day_while_we_run_moves_no_lease),
        TEST(test_a_clock_that_went_back_while_we_were_away_ends_no_lease),
        TEST(test_without_a_wall_clock_leases_last_as_long_as_the_machine_runs),
        TEST(test_a_lease_for_ever_stays_one),
        TEST(test_a_long_client_id_is_known_again),
        TEST(test_an_address_out_of_use_stays_so),
        TEST(test_leases_that_dhcpd_conf_no_longer_has_are_left_out_and_told_of),
        TEST(test_more_leases_than_before_make_the_journal_larger),
        TEST(test_65536_leases_are_read_in_bounded_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
