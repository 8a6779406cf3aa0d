/* SPDX-License-Identifier: ISC */
/* test_dhcp_journal.c - leases as bytes: what is written is read, what is spoiled is told of with
 * its place and spoils nothing else. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/dhcp_journal.h>

#define BLOCK DHCP_JOURNAL_BLOCK_BYTES
#define BLOCKS 8u
#define SALT UINT64_C(0x0123456789abcdef)
#define BLOCK_HEAD 64u
#define RECORD 112u

static const uint64_t key[2] = {0x1111, 0x2222};
static uint8_t half[BLOCKS * BLOCK];
static struct dhcp_lease_kept got[BLOCKS * DHCP_JOURNAL_RECORDS];
static struct dhcp_journal_scan scan;

static struct dhcp_lease_kept lease(uint32_t n)
{
    struct dhcp_lease_kept kept = {.expires_s = 5000 + n,
                                   .addr = 0x0a000000 + n,
                                   .state = DHCP_LEASE_BOUND,
                                   .id_len = (uint8_t)(n % 255 + 1),
                                   .by_id = n & 1,
                                   .is_current = n & 2,
                                   .mac_len = n & 4 ? 6 : 0,
                                   .name_len = (uint8_t)(n % (DHCP_LEASE_NAME_BYTES + 1))};

    for (unsigned i = 0; i < kept.id_len && i < sizeof(kept.id); i++)
        kept.id[i] = (uint8_t)(n + i);
    memset(kept.mac, (int)n, kept.mac_len);
    memset(kept.name, 'a', kept.name_len);
    return kept;
}

/* A group of `n` leases from number `from` on; returns its blocks. */
static uint32_t write_group(uint64_t salt, uint64_t commit, uint32_t first, uint32_t from,
                            uint32_t n)
{
    struct cs buf[BLOCKS];
    struct dhcp_journal_group group = {.key = key,
                                       .salt = salt,
                                       .generation = 3,
                                       .commit = commit,
                                       .journal_s = 1000 + commit,
                                       .wall_s = 99000 + commit,
                                       .first = first,
                                       .buf = buf};

    for (uint32_t i = 0; i < BLOCKS; i++)
        buf[i] = cs_of(half + ((first + i) % BLOCKS) * BLOCK, BLOCK);
    for (uint32_t i = 0; i < n; i++) {
        struct dhcp_lease_kept kept = lease(from + i);

        dhcp_journal_put(&group, &kept);
    }
    return dhcp_journal_end(&group);
}

static unsigned read_half(void)
{
    unsigned n = 0;

    memset(&scan, 0, sizeof(scan));
    scan.key = key;
    scan.salt = SALT;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        /* in a block of its own: a byte too far is seen */
        uint8_t *exact = malloc(BLOCK);

        memcpy(exact, half + i * BLOCK, BLOCK);
        n += dhcp_journal_scan_block(&scan, cs_ro_of(exact, BLOCK), &got[n]);
        free(exact);
    }
    return n;
}

/* Three groups: 40 leases in blocks 0 and 1, one in block 2, 50 in blocks 3 and 4. */
static int start(void **state)
{
    (void)state;
    memset(half, 0xa5, sizeof(half)); /* what somebody left there */
    assert_int_equal(write_group(SALT, 7, 0, 1, 40), 2);
    assert_int_equal(write_group(SALT, 8, 2, 41, 1), 1);
    assert_int_equal(write_group(SALT, 9, 3, 42, 50), 2);
    return 0;
}

static bool same(const struct dhcp_lease_kept *a, const struct dhcp_lease_kept *b)
{
    return a->addr == b->addr && a->expires_s == b->expires_s && a->state == b->state &&
           a->id_len == b->id_len && a->by_id == b->by_id && a->is_current == b->is_current &&
           a->mac_len == b->mac_len && a->name_len == b->name_len &&
           memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
           memcmp(a->id, b->id, sizeof(a->id)) == 0 &&
           memcmp(a->name, b->name, sizeof(a->name)) == 0;
}

static void test_what_is_written_is_read_in_its_order(void **state)
{
    (void)state;
    assert_int_equal(read_half(), 91);
    for (uint32_t i = 0; i < 91; i++) {
        struct dhcp_lease_kept want = lease(i + 1);

        assert_true(same(&got[i], &want));
    }
    assert_int_equal(scan.end, 5);
    assert_int_equal(scan.first, 3);
    assert_int_equal(scan.groups, 3);
    assert_int_equal(scan.commit, 9);
    assert_int_equal(scan.journal_s, 1009);
    assert_int_equal(scan.wall_s, 99009);
    assert_int_equal(scan.damaged, 0);
    assert_int_equal(scan.torn, 0);
}

static void test_a_group_without_records_tells_the_time(void **state)
{
    (void)state;
    assert_int_equal(write_group(SALT, 10, 5, 0, 0), 1);
    assert_int_equal(read_half(), 91);
    assert_int_equal(scan.end, 6);
    assert_int_equal(scan.journal_s, 1010);
}

/* Of the same key, written with another salt: an earlier generation, or an attempt at this one. */
static void test_blocks_of_another_generation_are_not_there(void **state)
{
    (void)state;
    (void)write_group(SALT + 1, 10, 5, 100, 80);
    assert_int_equal(read_half(), 91);
    assert_int_equal(scan.end, 5);
    assert_int_equal(scan.damaged, 0);
}

static void test_a_block_in_the_wrong_place_is_not_there(void **state)
{
    (void)state;
    memcpy(half + 6 * BLOCK, half + 4 * BLOCK, BLOCK);
    assert_int_equal(read_half(), 91);
    assert_int_equal(scan.end, 5);
}

/* Each bit of a small journal, turned over: at most one record is lost, never one that was good,
 * and where one is lost its block is told. */
static void test_rot_at_every_byte_loses_one_record_and_is_told(void **state)
{
    unsigned told = 0;

    (void)state;
    for (uint32_t at = 0; at < 5 * BLOCK; at++) {
        uint32_t block = at / BLOCK, used[] = {36, 4, 1, 36, 14};
        uint32_t off = at % BLOCK;
        bool in_head = off < BLOCK_HEAD,
             in_record = !in_head && off < BLOCK_HEAD + used[block] * RECORD;
        uint64_t wants = (uint64_t)block * BLOCK +
                         (in_head ? 0 : BLOCK_HEAD + (off - BLOCK_HEAD) / RECORD * RECORD);
        bool last = block >= 3;
        unsigned n;

        half[at] ^= (uint8_t)(1u << at % 8);
        n = read_half();
        if (n != (in_record ? 90u : 91u))
            fail_msg("byte %u: %u records", at, n);
        for (unsigned i = 0; i < n; i++) {
            struct dhcp_lease_kept want = lease(got[i].addr - 0x0a000000);

            if (!same(&got[i], &want))
                fail_msg("byte %u: a record that nobody wrote", at);
        }
        if (in_head || in_record) {
            assert_int_equal(scan.damaged, last ? 0 : 1);
            assert_int_equal(scan.torn, last ? 1 : 0);
            assert_int_equal(last ? scan.torn_at[0] : scan.damaged_at[0], wants);
            told++;
        } else {
            assert_int_equal(scan.damaged + scan.torn, 0);
        }
        assert_int_equal(scan.end, 5);
        half[at] ^= (uint8_t)(1u << at % 8);
    }
    assert_true(told > 9000);
}

static void test_a_whole_block_lost_is_told(void **state)
{
    (void)state;
    memset(half + 2 * BLOCK, 0, BLOCK);
    assert_int_equal(read_half(), 90);
    assert_int_equal(scan.damaged, 1);
    assert_int_equal(scan.damaged_at[0], 2 * BLOCK);
    memset(half, 0, 2 * BLOCK);
    assert_int_equal(read_half(), 50);
    assert_int_equal(scan.damaged, 3);
}

/* The last group's write was cut off: any of its sectors are there, and the rest is what was there
 * before. Nothing of earlier groups is lost, nothing half is taken, and it is not called damage. */
static void test_a_write_that_is_cut_off_loses_only_its_own(void **state)
{
    uint64_t seed = test_seed(0x701);
    static uint8_t before[sizeof(half)], after[sizeof(half)];

    (void)state;
    memcpy(after, half, sizeof(half));
    memcpy(before, half, sizeof(half));
    memset(before + 3 * BLOCK, 0xa5, 2 * BLOCK);
    for (unsigned round = 0; round < 2000; round++) {
        unsigned n;

        memcpy(half, before, sizeof(half));
        for (uint32_t s = 3 * BLOCK; s < 5 * BLOCK; s += 512)
            if (test_random_below(&seed, 2))
                memcpy(half + s, after + s, 512);
        n = read_half();
        assert_in_range(n, 41, 91);
        for (unsigned i = 0; i < n; i++) {
            struct dhcp_lease_kept want = lease(got[i].addr - 0x0a000000);

            assert_true(same(&got[i], &want));
            assert_true(i >= 41 || got[i].addr == 0x0a000001 + i);
        }
        assert_int_equal(scan.damaged, 0);
    }
}

static void test_many_damages_are_counted_and_the_first_told(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot < 36; slot += 2)
        half[BLOCK_HEAD + slot * RECORD + 30] ^= 1;
    assert_int_equal(read_half(), 91 - 18);
    assert_int_equal(scan.damaged, 18);
    for (unsigned i = 0; i < DHCP_JOURNAL_DAMAGES; i++)
        assert_int_equal(scan.damaged_at[i], BLOCK_HEAD + 2 * i * RECORD);
}

static void test_a_head_is_read_again_and_no_spoiled_one_is(void **state)
{
    struct dhcp_journal_head head = {.generation = 7,
                                     .key = {1, 2},
                                     .journal_s = 3,
                                     .wall_s = 4,
                                     .commit = 5,
                                     .salt = 6,
                                     .half = 1,
                                     .half_blocks = 64};
    struct dhcp_journal_head back;
    static uint8_t block[DHCP_JOURNAL_HEADS * BLOCK];
    unsigned spoiled = 0;

    (void)state;
    dhcp_journal_head_emit(cs_of(block, BLOCK), &head);
    assert_true(dhcp_journal_head_parse(cs_ro_of(block, BLOCK), &back));
    assert_memory_equal(&head, &back, sizeof(head));
    assert_true(dhcp_journal_is_ours(cs_ro_of(block, sizeof(block))));
    for (uint32_t at = 0; at < 512; at++) {
        block[at] ^= 4;
        spoiled += !dhcp_journal_head_parse(cs_ro_of(block, BLOCK), &back);
        block[at] ^= 4;
    }
    assert_int_equal(spoiled, 88); /* all of its fields */
    for (size_t len = 0; len < 100; len++)
        assert_true(dhcp_journal_head_parse(cs_ro_of(block, len), &back) == (len >= 88));
    memset(block, 0, sizeof(block));
    assert_false(dhcp_journal_is_ours(cs_ro_of(block, sizeof(block))));
    assert_false(dhcp_journal_is_ours(CS_RO_EMPTY));
    dhcp_journal_head_emit(cs_of(block + 7 * BLOCK, BLOCK), &head);
    assert_true(dhcp_journal_is_ours(cs_ro_of(block, sizeof(block))));
}

/* Checksums are right, numbers are not: somebody wrote it on purpose. */
static void test_heads_with_wild_numbers_are_refused(void **state)
{
    static uint8_t block[BLOCK];
    struct dhcp_journal_head good = {.generation = 1, .half_blocks = 64}, head, back;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        head = good;
        if (i == 0)
            head.half_blocks = 63;
        else if (i == 1)
            head.half_blocks = DHCP_JOURNAL_HALF_MAX + 1;
        else if (i == 2)
            head.generation = UINT64_MAX;
        else if (i == 3)
            head.journal_s = UINT64_MAX;
        else
            head.wall_s = UINT64_C(1) << 63;
        dhcp_journal_head_emit(cs_of(block, BLOCK), &head);
        assert_false(dhcp_journal_head_parse(cs_ro_of(block, BLOCK), &back));
    }
}

static void test_sizes(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 1u << 20; n *= 2) {
        uint64_t min = dhcp_journal_bytes_min(n), bytes = dhcp_journal_bytes(n);

        assert_true(min <= bytes);
        assert_int_equal(dhcp_journal_half_blocks(min - 1, n), 0);
        assert_true(dhcp_journal_half_blocks(min, n) >= 2 * (n / 36 + 1));
        assert_true(dhcp_journal_half_blocks(bytes, n) <= DHCP_JOURNAL_HALF_MAX);
        assert_int_equal(dhcp_journal_half_blocks(UINT64_MAX / 2, n),
                         dhcp_journal_half_blocks(bytes, n));
    }
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written_is_read_in_its_order),
        TEST(test_a_group_without_records_tells_the_time),
        TEST(test_blocks_of_another_generation_are_not_there),
        TEST(test_a_block_in_the_wrong_place_is_not_there),
        TEST(test_rot_at_every_byte_loses_one_record_and_is_told),
        TEST(test_a_whole_block_lost_is_told),
        TEST(test_a_write_that_is_cut_off_loses_only_its_own),
        TEST(test_many_damages_are_counted_and_the_first_told),
        TEST(test_a_head_is_read_again_and_no_spoiled_one_is),
        TEST(test_heads_with_wild_numbers_are_refused),
        TEST(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
