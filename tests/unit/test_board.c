/* SPDX-License-Identifier: ISC */
/* test_board.c - the parts of the Cubieboard's start that are pure: what the loader says (ATAGs),
 * and the calendar of its RTC. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "boot/cubieboard/atags.c"
#include "boot/cubieboard/calendar.c"

#define MIB (1u << 20)

/* A list in a heap block of its own, so that a read outside is seen. */
static uint32_t words[8192];
static unsigned count;
static struct tree tree;
static const char *why;

static void tag(uint32_t kind, unsigned n, const uint32_t *values)
{
    words[count++] = n + 2;
    words[count++] = kind;
    for (unsigned i = 0; i < n; i++)
        words[count++] = values[i];
}

static void tag_end(void)
{
    words[count++] = 0;
    words[count++] = TAG_NONE;
}

static void tag_memory(uint32_t start, uint32_t bytes)
{
    tag(TAG_MEM, 2, (const uint32_t[]){bytes, start});
}

static int setup(void **state)
{
    (void)state;
    count = 0;
    tag(TAG_CORE, 3, (const uint32_t[]){1, 4096, 0});
    return 0;
}

static int read_cut(size_t bytes)
{
    uint8_t *copy = malloc(bytes);
    int err;

    memcpy(copy, words, bytes);
    why = NULL;
    err = atags_read(cs_ro_of(copy, bytes), &tree, &why);
    if (tree.bootargs.len > 0) /* a view of what we free */
        tree.bootargs = cs_ro_of((uint8_t *)words + (tree.bootargs.base - copy), tree.bootargs.len);
    free(copy);
    return err;
}

static int read_all(void)
{
    return read_cut(count * 4);
}

static void refuses(const char *reason)
{
    assert_int_equal(read_all(), -E_INVAL);
    assert_string_equal(why, reason);
}

/* As QEMU writes it. */
static void test_atags_of_qemu(void **state)
{
    uint32_t text[8] = {0};

    (void)state;
    memcpy(text, "ip=10.0.0.1/24", 14);
    tag_memory(0x40000000, 1024 * MIB);
    tag(TAG_INITRD2, 2, (const uint32_t[]){0x48000000, 1234});
    tag(TAG_CMDLINE, 4, text);
    tag(0x12345678, 5, text); /* whatever that is */
    tag_end();
    words[count++] = 0xffffffff; /* not the list's any more */
    assert_int_equal(read_all(), 0);
    assert_int_equal(tree.ram_count, 1);
    assert_int_equal(tree.ram[0].start, 0x40000000);
    assert_int_equal(tree.ram[0].end, 0x80000000);
    assert_int_equal(tree.module.start, 0x48000000);
    assert_int_equal(tree.module.end, 0x48000000 + 1234);
    assert_true(cs_equal_str(tree.bootargs, "ip=10.0.0.1/24"));
}

static void test_atags_short_first_tag(void **state)
{
    (void)state;
    count = 0;
    tag(TAG_CORE, 0, NULL);
    tag_memory(0x40000000, MIB);
    tag_end();
    assert_int_equal(read_all(), 0);
}

static void test_atags_without_a_beginning(void **state)
{
    (void)state;
    tag_memory(0x40000000, MIB);
    tag_end();
    words[1] = TAG_MEM;
    refuses("ATAGs: they do not begin with the first tag");
    words[1] = TAG_CORE;
    words[0] = 3;
    refuses("ATAGs: they do not begin with the first tag");
    assert_int_equal(read_cut(4), -E_INVAL);
    assert_int_equal(read_cut(0), -E_INVAL);
}

/* Cut anywhere: refused, and nothing read outside. */
static void test_atags_cut(void **state)
{
    size_t end;

    (void)state;
    tag_memory(0x40000000, MIB);
    tag(TAG_CMDLINE, 2, (const uint32_t[]){0x41414141, 0});
    end = count * 4;
    tag_end();
    for (size_t n = 0; n < end + 8; n++)
        assert_int_equal(read_cut(n), -E_INVAL);
    assert_int_equal(read_cut(end + 8), 0);
}

static void test_atags_lying_sizes(void **state)
{
    static const uint32_t sizes[] = {0, 1, 100, 0x3fffffff, 0x40000000, 0xffffffff};

    (void)state;
    tag_memory(0x40000000, MIB);
    tag(7, 1, sizes); /* at word 9 */
    tag_end();
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        words[9] = sizes[i];
        refuses("ATAGs: a tag is too short, or longer than the list");
    }
}

static void test_atags_without_an_end(void **state)
{
    (void)state;
    while (count + 10 < ARRAY_SIZE(words))
        tag(7, 1, words);
    assert_int_equal(read_all(), -E_INVAL);
}

static void test_atags_values_too_short(void **state)
{
    static const struct {
        uint32_t kind;
        const char *reason;
    } cases[] = {
        {TAG_MEM, "ATAGs: a tag of memory is too short"},
        {TAG_INITRD2, "ATAGs: the module's tag is too short"},
        {TAG_CMDLINE, "ATAGs: the command line has no end"},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(setup(state), 0);
        tag_memory(0x40000000, MIB);
        tag(cases[i].kind, 1, (const uint32_t[]){0x41414141});
        tag_end();
        refuses(cases[i].reason);
    }
}

static void test_atags_memory(void **state)
{
    (void)state;
    tag_end();
    refuses("ATAGs: no memory");
    count -= 2;
    tag_memory(0x50000000, 16 * MIB);
    tag_memory(0x40000800, 16 * MIB); /* no whole pages: rounded inwards */
    tag_memory(0x70000000, 0);        /* a bank that is not populated */
    tag_end();
    assert_int_equal(read_all(), 0);
    assert_int_equal(tree.ram_count, 2);
    assert_int_equal(tree.ram[0].start, 0x40001000);
    assert_int_equal(tree.ram[0].end, 0x41000000);
    assert_int_equal(tree.ram[1].start, 0x50000000);
    count -= 2;
    tag_memory(0x40fff000, 0x2000);
    tag_end();
    refuses("ATAGs: pieces of memory overlap");
}

static void test_atags_memory_beyond_4_gib(void **state)
{
    (void)state;
    tag_memory(0xf0000000, 0x20000000);
    tag_end();
    refuses("ATAGs: memory beyond 4 GiB");
}

static void test_atags_too_many_pieces(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= TREE_RAM_MAX; i++)
        tag_memory(0x40000000 + i * 2 * MIB, MIB);
    tag_end();
    refuses("ATAGs: too many pieces of memory");
}

/* Any bytes at all. */
static void test_atags_noise(void **state)
{
    uint64_t random = test_seed(0xa7a65);

    (void)state;
    for (int round = 0; round < 20000; round++) {
        static const uint32_t kinds[] = {TAG_MEM, TAG_INITRD2, TAG_CMDLINE, TAG_NONE, 99};

        assert_int_equal(setup(state), 0);
        for (unsigned i = 0; i < 8; i++) {
            words[count++] = (uint32_t)(test_random(&random) % 8);
            words[count++] = kinds[test_random(&random) % ARRAY_SIZE(kinds)];
            for (uint64_t k = test_random(&random) % 4; k > 0; k--)
                words[count++] = (uint32_t)test_random(&random);
        }
        if (read_all() < 0)
            assert_non_null(why);
        else
            assert_true(tree.ram_count > 0 && tree.ram_count <= TREE_RAM_MAX);
    }
}

/* ---- calendar ------------------------------------------------------------------------------- */

static uint64_t at(uint32_t y, uint32_t m, uint32_t d, uint32_t hh, uint32_t mm, uint32_t ss)
{
    return calendar_ns((y - 2010) << 16 | m << 8 | d, 3u << 29 | hh << 16 | mm << 8 | ss, 2010,
                       0x3f) /
           NS_PER_S;
}

/* What date(1) says. */
static void test_calendar(void **state)
{
    (void)state;
    assert_int_equal(at(2011, 1, 1, 0, 0, 0), 1293840000);
    assert_int_equal(at(2012, 2, 29, 12, 34, 56), 1330518896);
    assert_int_equal(at(2012, 3, 1, 0, 0, 0), 1330560000);
    assert_int_equal(at(2024, 12, 31, 23, 59, 59), 1735689599);
    assert_int_equal(at(2073, 7, 4, 1, 2, 3), 3266355723);
    assert_int_equal(calendar_ns(54u << 16 | 1 << 8 | 1, 0, 1970, 0xff) / NS_PER_S, 1704067200);
}

static void test_calendar_refuses_what_is_no_date(void **state)
{
    (void)state;
    assert_int_equal(at(2010, 1, 1, 0, 0, 0), 0); /* never set */
    assert_int_equal(at(2023, 2, 29, 0, 0, 0), 0);
    assert_int_equal(at(2023, 4, 31, 0, 0, 0), 0);
    assert_int_equal(at(2023, 0, 1, 0, 0, 0), 0);
    assert_int_equal(at(2023, 13, 1, 0, 0, 0), 0);
    assert_int_equal(at(2023, 1, 0, 0, 0, 0), 0);
    assert_int_equal(at(2023, 1, 1, 24, 0, 0), 0);
    assert_int_equal(at(2023, 1, 1, 0, 60, 0), 0);
    assert_int_equal(at(2023, 1, 1, 0, 0, 60), 0);
}

/* Every day after the other is 86,400 seconds later. */
static void test_calendar_every_day(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (uint32_t y = 2011; y < 2074; y++) {
        for (uint32_t m = 1; m <= 12; m++) {
            for (uint32_t d = 1; d <= 31; d++) {
                uint64_t now = at(y, m, d, 0, 0, 0);

                if (now == 0)
                    continue;
                assert_true(last == 0 || now == last + 86400);
                last = now;
            }
        }
    }
    assert_int_equal(last, 3281904000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_atags_of_qemu, setup),
        cmocka_unit_test_setup(test_atags_short_first_tag, setup),
        cmocka_unit_test_setup(test_atags_without_a_beginning, setup),
        cmocka_unit_test_setup(test_atags_cut, setup),
        cmocka_unit_test_setup(test_atags_lying_sizes, setup),
        cmocka_unit_test_setup(test_atags_without_an_end, setup),
        cmocka_unit_test_setup(test_atags_values_too_short, setup),
        cmocka_unit_test_setup(test_atags_memory, setup),
        cmocka_unit_test_setup(test_atags_memory_beyond_4_gib, setup),
        cmocka_unit_test_setup(test_atags_too_many_pieces, setup),
        cmocka_unit_test_setup(test_atags_noise, setup),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_calendar_refuses_what_is_no_date),
        cmocka_unit_test(test_calendar_every_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
