/* SPDX-License-Identifier: ISC */
/* test_dhcp_store_power.c - leases that outlive a loss of power at any write, damage, and a
 * device that fails. */
#include "dhcpstoretest.h"

/* ---- power ----------------------------------------------------------------------------------- */

/* Leases, renewals, releases, until the table was rewritten three times, or the power is gone. */
static void traffic(uint64_t seed)
{
    for (unsigned i = 0; rig.dev->online && rig.store.stats.rewrites < 4 && i < 20000; i++) {
        uint32_t n = 1 + test_random_below(&seed, 220);

        if (test_random_below(&seed, 12) == 0)
            storerig_release(&rig, n);
        else
            (void)storerig_lease(&rig, n);
        if (test_random_below(&seed, 6) == 0)
            storerig_pass(&rig, test_random_below(&seed, 30));
        else if (test_random_below(&seed, 3) != 0)
            (void)storerig_poll(&rig);
    }
}

static uint64_t writes_of_traffic(uint64_t seed)
{
    uint64_t writes;

    assert_int_equal(storerig_open(&rig), 0);
    writes = rig.mem.writes;
    traffic(seed);
    assert_true(rig.store.stats.rewrites >= 4);
    return rig.mem.writes - writes;
}

/* Every acknowledged lease is there after a power cut at any write of commits and of rewrites: of
 * what was not flushed, any sectors may be on the disk, and any not. */
static void test_power_cut_at_every_write(void **state)
{
    uint64_t seed = test_seed(0x57a1), writes = writes_of_traffic(seed);
    unsigned dirty = 0;

    print_message("%llu writes\n", (unsigned long long)writes);
    for (uint64_t cut = 0; cut < writes; cut++)
        for (uint64_t variant = 0; variant < 3; variant++) {
            (void)stop(state);
            (void)start(state);
            assert_int_equal(storerig_open(&rig), 0);
            blk_mem_cut_after(&rig.mem, cut, seed + cut * 3 + variant);
            traffic(seed);
            if (rig.dev->online)
                fail_msg("the power was not cut at write %u", (unsigned)cut);
            storerig_restart(&rig, 2, cut);
            storerig_check(&rig);
            if (rig.store.found.damaged && rig.store.stats.rewrites == 0)
                fail_msg("cut %u: damage was left", (unsigned)cut);
            dirty += rig.store.stats.rewrites != 0;
            /* It goes on, and is clean. */
            assert_true(storerig_lease(&rig, 230));
            storerig_run(&rig);
            storerig_restart(&rig, 2, cut);
            storerig_check(&rig);
            assert_int_equal(rig.store.found.damaged, 0);
        }
    print_message("%u of %u needed putting right\n", dirty, (unsigned)writes * 3);
    assert_true(dirty > 0);
}

/* The first writes of all: what makes the journal. */
static void test_power_cut_while_the_journal_is_made(void **state)
{
    (void)state;
    for (uint64_t cut = 0; cut < 2; cut++)
        for (uint64_t seed = 0; seed < 8; seed++) {
            int err;

            (void)stop(state);
            (void)start(state);
            blk_mem_cut_after(&rig.mem, cut, seed);
            err = storerig_open(&rig);
            if (err == 0)
                fail_msg("opened without power");
            storerig_restart(&rig, 1, seed);
            assert_true(storerig_lease(&rig, 1));
            storerig_run(&rig);
            storerig_restart(&rig, 1, seed);
            storerig_check(&rig);
        }
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void test_damage_is_told_with_its_place_and_the_good_leases_are_kept(void **state)
{
    uint64_t at;
    char text[64];

    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 200);
    /* the second block's fourth record */
    at = store_block_at(&rig.store.now, 1) + 64 + 3 * 112;
    blk_mem_rot(&rig.mem, at + 20, 10, 3, 7);
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.damaged, 1);
    assert_int_equal(rig.store.found.leases, 199);
    fmt_buf(text, sizeof(text), "damaged at byte %llu", (unsigned long long)at);
    assert_non_null(strstr(vplat_console(), text));
    /* Put right by a rewrite: the next start finds nothing. */
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.damaged, 0);
    assert_int_equal(rig.store.found.leases, 199);
    for (uint32_t n = 1; n <= 200; n++)
        if (!dhcp_leases_by_addr(&rig.rig.leases, rig.told[n].addr))
            rig.told[n].addr = 0;
    storerig_check(&rig);
}

/* What a lease has left is never more than when it was written down, though the block that told the
 * time is damaged, and there is no wall clock. */
static void test_a_lease_does_not_grow_where_the_time_is_damaged(void **state)
{
    uint64_t at;
    uint32_t left;

    (void)state;
    rig.has_wall = false;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 1);
    storerig_pass(&rig, DHCP_STORE_MARK_S - 60);
    lease_all(2, 2);
    left = storerig_left_s(&rig, 2);
    at = store_block_at(&rig.store.now, rig.store.now.next - 1);
    blk_mem_rot(&rig.mem, at, 40, 3, 7);
    storerig_restart(&rig, 1, 1);
    storerig_check(&rig);
    assert_in_range(storerig_left_s(&rig, 2), left - 1, left + 1);
    storerig_restart(&rig, 1, 1);
    assert_in_range(storerig_left_s(&rig, 2), left - 2, left + 1);
}

static void test_either_copy_of_the_head_will_do(void **state)
{
    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 50);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t slot = rig.store.now.slot + (i & 1);

        blk_mem_rot(&rig.mem, slot * PAGE_BYTES, 80, 1, i);
        storerig_restart(&rig, 1, 1);
        assert_int_equal(rig.store.found.damaged, 1);
        assert_int_equal(rig.store.found.leases, 50);
        storerig_check(&rig);
    }
}

/* ---- blocks that cannot be read ------------------------------------------------------------- */

#define ALWAYS UINT8_MAX

static const struct blkdev_ops *whole_ops;
static uint8_t fails[BLOCKS]; /* by block: how many reads of it fail, */
static unsigned fails_after;  /* when so many of any were done */

static int submit_failing(struct blkdev *dev, struct blk_req *req)
{
    uint64_t first = req->start / PAGE_BYTES;
    bool bad = false;

    if (req->op == BLK_READ && fails_after) {
        fails_after--;
        return whole_ops->submit(dev, req);
    }
    for (uint64_t i = first; req->op == BLK_READ && i < first + req->bytes / PAGE_BYTES; i++) {
        bad |= fails[i] != 0;
        if (fails[i] && fails[i] != ALWAYS)
            fails[i]--;
    }
    return bad ? -E_IO : whole_ops->submit(dev, req);
}

/* `count` blocks from `first` on cannot be read, so many times. */
static void cannot_read(uint64_t first, uint64_t count, uint8_t times)
{
    static struct blkdev_ops failing;

    if (rig.dev->ops != &failing) {
        whole_ops = rig.dev->ops;
        failing = *whole_ops;
        failing.submit = submit_failing;
        rig.dev->ops = &failing;
    }
    fails_after = 0;
    memset(fails, 0, sizeof(fails));
    memset(fails + first, times, count);
}

/* A journal of some generations, with leases in its newest. */
static void some_generations(unsigned count)
{
    assert_int_equal(storerig_open(&rig), 0);
    for (unsigned i = 0; i < count; i++) {
        lease_all(20 * i + 1, 20 * i + 20);
        rig.store.overrun = true;
        storerig_run(&rig);
    }
    lease_all(201, 220);
}

static void test_newest_heads_that_cannot_be_read_are_not_passed_over(void **state)
{
    for (unsigned count = 1; count < 6; count++) {
        uint64_t writes;

        (void)stop(state);
        (void)start(state);
        some_generations(count);
        storerig_crash(&rig, 1);
        blk_mem_power_on(&rig.mem);
        cannot_read(count % 4 * 2, 2, ALWAYS);
        writes = rig.mem.writes;
        assert_int_equal(storerig_open(&rig), -E_IO);
        assert_int_equal(rig.mem.writes, writes);
        cannot_read(0, 0, 0);
        assert_int_equal(storerig_open(&rig), 0);
        storerig_check(&rig);
        assert_int_equal(rig.store.found.damaged, 0);
    }
}

static void test_a_disk_whose_heads_cannot_be_read_is_not_taken_for_a_new_one(void **state)
{
    (void)state;
    some_generations(0); /* of the first generation alone */
    storerig_crash(&rig, 1);
    blk_mem_power_on(&rig.mem);
    memset(rig.disk + PAGE_BYTES, 0, PAGE_BYTES); /* the second copy was not yet written */
    cannot_read(0, 1, ALWAYS);
    assert_int_equal(storerig_open(&rig), -E_IO);
    cannot_read(0, 0, 0);
    assert_int_equal(storerig_open(&rig), 0);
    storerig_check(&rig);
}

static void test_one_copy_of_a_head_that_cannot_be_read_is_damage(void **state)
{
    (void)state;
    some_generations(2);
    for (unsigned i = 0; i < 2; i++) {
        cannot_read(rig.store.now.slot + i, 1, ALWAYS);
        storerig_restart(&rig, 1, 1);
        storerig_check(&rig);
        assert_int_equal(rig.store.found.damaged, 1);
        assert_int_equal(rig.store.stats.rewrites, 1);
    }
}

static void test_a_block_that_can_be_read_the_third_time_is_whole(void **state)
{
    (void)state;
    some_generations(2);
    cannot_read(0, BLOCKS, 3); /* with others, and twice alone */
    storerig_restart(&rig, 1, 1);
    storerig_check(&rig);
    assert_int_equal(rig.store.found.damaged, 0);
    assert_int_equal(rig.store.stats.rewrites, 0);
}

/* What was seen a moment ago is not given up for lost. */
static void test_a_block_that_can_be_read_once_only_is_no_reason_to_forget_it(void **state)
{
    uint64_t writes;

    (void)state;
    some_generations(2);
    cannot_read(store_block_at(&rig.store.now, 0) / PAGE_BYTES, 1, ALWAYS);
    fails_after = 1 + 64 / 8; /* the heads, and the half the first time */
    storerig_crash(&rig, 1);
    blk_mem_power_on(&rig.mem);
    writes = rig.mem.writes;
    assert_int_equal(storerig_open(&rig), -E_IO);
    assert_int_equal(rig.mem.writes, writes);
    cannot_read(0, 0, 0);
    assert_int_equal(storerig_open(&rig), 0);
    storerig_check(&rig);
}

/* The last blocks cannot be read at one start: that is told of, and nothing is ever written behind
 * what was not read. */
static void test_last_blocks_that_cannot_be_read_are_damage(void **state)
{
    uint64_t at, generation;
    uint32_t there = 0;
    char text[96];

    (void)state;
    some_generations(1);
    for (uint32_t n = 221; n <= 225; n++) { /* a block each */
        assert_true(storerig_lease(&rig, n));
        storerig_run(&rig);
    }
    at = store_block_at(&rig.store.now, rig.store.now.next - 5);
    generation = rig.store.now.generation;
    cannot_read(at / PAGE_BYTES, 5, ALWAYS);
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.damaged, 5);
    assert_int_equal(rig.store.stats.rewrites, 1);
    assert_int_equal(rig.store.now.generation, generation + 1);
    fmt_buf(text, sizeof(text), "cannot read byte %llu", (unsigned long long)at);
    assert_non_null(strstr(vplat_console(), text));
    cannot_read(0, 0, 0);
    for (uint32_t n = 221; n <= 225; n++) {
        there += dhcp_leases_by_addr(&rig.rig.leases, rig.told[n].addr) != NULL;
        rig.told[n].addr = 0;
    }
    assert_int_equal(there, 0);
    storerig_check(&rig);
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.damaged, 0);
    storerig_check(&rig);
}

static void (*was_kick)(struct blkdev *dev);

static void nothing(struct blkdev *dev)
{
    (void)dev;
}

/* ---- a device that fails --------------------------------------------------------------------- */

static void test_nothing_is_promised_while_the_device_is_away(void **state)
{
    uint64_t ticket;

    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 20);
    blk_mem_power_cut(&rig.mem, 1);
    assert_true(storerig_lease(&rig, 21));
    for (unsigned i = 0; i < 10; i++)
        (void)storerig_poll(&rig);
    assert_true(rig.store.failed);
    assert_false(dhcp_store_serves(&rig.store));
    assert_int_equal(rig.told[21].addr, 0); /* its client was not told */
    assert_false(dhcp_store_note(&rig.store, rig.told[1].addr, &ticket));
    assert_non_null(strstr(vplat_console(), "leases cannot be kept on disk"));
    vplat_console_clear();
    for (unsigned i = 0; i < 100; i++)
        storerig_pass(&rig, 1);
    assert_string_equal(vplat_console(), ""); /* once */

    blk_mem_power_on(&rig.mem);
    for (unsigned i = 0; i < 100 && rig.store.failed; i++)
        storerig_pass(&rig, 1);
    assert_false(rig.store.failed);
    assert_non_null(strstr(vplat_console(), "leases are kept on disk again"));
    assert_true(storerig_lease(&rig, 22));
    storerig_run(&rig);
    storerig_restart(&rig, 1, 1);
    storerig_check(&rig);
}

static void test_optional_serves_from_memory_while_the_device_is_away(void **state)
{
    uint64_t ticket = 1;

    (void)state;
    rig.conf.optional = true;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 20);
    blk_mem_power_cut(&rig.mem, 1);
    assert_true(storerig_lease(&rig, 21));
    for (unsigned i = 0; i < 10; i++)
        (void)storerig_poll(&rig);
    assert_true(rig.store.failed);
    assert_true(dhcp_store_serves(&rig.store));
    assert_true(dhcp_store_note(&rig.store, rig.told[1].addr, &ticket));
    assert_int_equal(dhcp_store_fate(&rig.store, ticket), DHCP_STORE_KEPT);
    assert_true(storerig_lease(&rig, 21));
    assert_true(storerig_lease(&rig, 22));
    blk_mem_power_on(&rig.mem);
    for (unsigned i = 0; i < 100 && rig.store.failed; i++)
        storerig_pass(&rig, 1);
    storerig_run(&rig);
    storerig_restart(&rig, 1, 1);
    storerig_check(&rig);
    assert_int_equal(rig.store.found.leases, 22);
}

/* A request that is never finished: one line, nothing is promised, and the program can end. */
static void test_a_device_that_does_not_answer_is_one_that_fails(void **state)
{
    static struct blkdev_ops deaf;

    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 20);
    deaf = *rig.dev->ops;
    was_kick = deaf.kick;
    deaf.kick = nothing;
    rig.dev->ops = &deaf;
    assert_true(storerig_lease(&rig, 21));
    (void)storerig_poll(&rig);
    assert_int_equal(dhcp_store_poll_at(&rig.store), rig.rig.now_ns + DHCP_STORE_STALL_NS);
    assert_false(dhcp_store_is_idle(&rig.store));
    storerig_pass(&rig, 10);
    assert_true(rig.store.failed);
    assert_int_equal(rig.told[21].addr, 0);
    assert_true(dhcp_store_is_idle(&rig.store));
    assert_non_null(strstr(vplat_console(), "ETIMEDOUT"));
    /* It answers after all. */
    deaf.kick = was_kick;
    blkdev_kick(rig.dev);
    for (unsigned i = 0; i < 30 && rig.store.failed; i++)
        storerig_pass(&rig, 1);
    assert_false(rig.store.failed);
    assert_true(storerig_lease(&rig, 21));
    storerig_run(&rig);
    storerig_restart(&rig, 1, 1);
    storerig_check(&rig);
}

/* The device fails while the head that makes the switch is on its way, comes back, and then power
 * is lost at any write of what follows: whichever half the head says it is, that one is whole. */
static void test_a_head_in_doubt_leaves_both_halves_as_they_are(void **state)
{
    unsigned doubts = 0;

    for (uint64_t cut = 0; cut < 8; cut++)
        for (uint64_t seed = 0; seed < 8; seed++) {
            (void)stop(state);
            (void)start(state);
            assert_int_equal(storerig_open(&rig), 0);
            lease_all(1, 200);
            rig.store.overrun = true;
            blk_mem_cut_after(&rig.mem, 2, seed); /* two pieces of the table, the head */
            for (unsigned i = 0; i < 20; i++)
                (void)storerig_poll(&rig);
            assert_true(rig.store.failed);
            doubts += rig.store.in_doubt;
            blk_mem_power_on(&rig.mem);
            blk_mem_cut_after(&rig.mem, cut, seed);
            for (unsigned i = 0; i < 8 && rig.dev->online; i++)
                storerig_pass(&rig, 2);
            storerig_restart(&rig, 1, seed);
            storerig_check(&rig);
        }
    assert_int_equal(doubts, 64);
}

/* What an attempt at a rewrite left behind when power was lost is not taken for the next one's,
 * which is shorter. */
static void test_what_an_earlier_attempt_left_is_not_read(void **state)
{
    (void)state;
    assert_int_equal(storerig_open(&rig), 0);
    lease_all(1, 300);
    rig.store.overrun = true;
    while (rig.store.anew.next < 8)
        (void)storerig_poll(&rig);
    for (unsigned i = 0; i < 2; i++)
        (void)storerig_poll(&rig); /* it is on the disk, but no head tells of it */
    assert_true(rig.store.rewriting);
    storerig_restart(&rig, 1, 1);
    for (uint32_t n = 1; n <= 300; n++) {
        if (n > 10)
            storerig_release(&rig, n);
        if (n % 50 == 0)
            storerig_run(&rig);
    }
    rig.store.overrun = true;
    storerig_run(&rig);
    storerig_restart(&rig, 1, 1);
    assert_int_equal(rig.store.found.leases, 10);
    storerig_check(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_power_cut_at_every_write),
        TEST(test_power_cut_while_the_journal_is_made),
        TEST(test_damage_is_told_with_its_place_and_the_good_leases_are_kept),
        TEST(test_a_lease_does_not_grow_where_the_time_is_damaged),
        TEST(test_either_copy_of_the_head_will_do),
        TEST(test_newest_heads_that_cannot_be_read_are_not_passed_over),
        TEST(test_a_disk_whose_heads_cannot_be_read_is_not_taken_for_a_new_one),
        TEST(test_one_copy_of_a_head_that_cannot_be_read_is_damage),
        TEST(test_a_block_that_can_be_read_the_third_time_is_whole),
        TEST(test_a_block_that_can_be_read_once_only_is_no_reason_to_forget_it),
        TEST(test_last_blocks_that_cannot_be_read_are_damage),
        TEST(test_nothing_is_promised_while_the_device_is_away),
        TEST(test_optional_serves_from_memory_while_the_device_is_away),
        TEST(test_a_device_that_does_not_answer_is_one_that_fails),
        TEST(test_a_head_in_doubt_leaves_both_halves_as_they_are),
        TEST(test_what_an_earlier_attempt_left_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
