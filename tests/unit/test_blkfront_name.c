/* SPDX-License-Identifier: ISC */
/* test_blkfront_name.c - names and numbers of virtual disks, as docs/man/xen-vbd-interface.7 of Xen
 * has them. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blkfront.h>

static const struct {
    const char *name; /* as it is printed */
    uint8_t kind;
    uint32_t disk, part, vdev;
} table[] = {
    {"xvda", BLKFRONT_XVD, 0, 0, 51712},
    {"xvda1", BLKFRONT_XVD, 0, 1, 51713},
    {"xvda15", BLKFRONT_XVD, 0, 15, 51727},
    {"xvda16", BLKFRONT_XVD, 0, 16, 1u << 28 | 16},
    {"xvdb", BLKFRONT_XVD, 1, 0, 51728},
    {"xvdb2", BLKFRONT_XVD, 1, 2, 51730},
    {"xvdp", BLKFRONT_XVD, 15, 0, 51952},
    {"xvdp15", BLKFRONT_XVD, 15, 15, 51967},
    {"xvdq", BLKFRONT_XVD, 16, 0, 1u << 28 | 16 << 8},
    {"xvdz", BLKFRONT_XVD, 25, 0, 1u << 28 | 25 << 8},
    {"xvdaa", BLKFRONT_XVD, 26, 0, 1u << 28 | 26 << 8},
    {"xvdaz", BLKFRONT_XVD, 51, 0, 1u << 28 | 51 << 8},
    {"xvdba", BLKFRONT_XVD, 52, 0, 1u << 28 | 52 << 8},
    {"xvdzz", BLKFRONT_XVD, 701, 0, 1u << 28 | 701 << 8},
    {"xvdaaa", BLKFRONT_XVD, 702, 0, 1u << 28 | 702 << 8},
    {"xvdtq37", BLKFRONT_XVD, 536, 37, 1u << 28 | 536 << 8 | 37}, /* the manual's example */
    {"xvda255", BLKFRONT_XVD, 0, 255, 1u << 28 | 255},
    {"xvdbgqcv", BLKFRONT_XVD, 1048575, 0, 1u << 28 | 1048575u << 8},
    {"sda", BLKFRONT_SD, 0, 0, 2048},
    {"sdb3", BLKFRONT_SD, 1, 3, 2067},
    {"sdp15", BLKFRONT_SD, 15, 15, 2303},
    {"hda", BLKFRONT_HD, 0, 0, 768},
    {"hda63", BLKFRONT_HD, 0, 63, 831},
    {"hdb", BLKFRONT_HD, 1, 0, 832},
    {"hdc", BLKFRONT_HD, 2, 0, 5632},
    {"hdc2", BLKFRONT_HD, 2, 2, 5634},
    {"hdd", BLKFRONT_HD, 3, 0, 5696},
    {"hde", BLKFRONT_HD, 4, 0, 33 << 8},
    {"hdg", BLKFRONT_HD, 6, 0, 34 << 8},
    {"hdi", BLKFRONT_HD, 8, 0, 56 << 8},
    {"hdk", BLKFRONT_HD, 10, 0, 57 << 8},
    {"hdm", BLKFRONT_HD, 12, 0, 88 << 8},
    {"hdo", BLKFRONT_HD, 14, 0, 89 << 8},
    {"hdq", BLKFRONT_HD, 16, 0, 90 << 8},
    {"hds", BLKFRONT_HD, 18, 0, 91 << 8},
    {"hdt63", BLKFRONT_HD, 19, 63, 91 << 8 | 127},
};

static void check(const struct blkfront_name *name, unsigned i)
{
    assert_int_equal(name->kind, table[i].kind);
    assert_int_equal(name->disk, table[i].disk);
    assert_int_equal(name->part, table[i].part);
}

/* Every row in every direction. */
static void test_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        char text[BLKFRONT_NAME_BYTES], dev[40];
        struct blkfront_name name;
        uint32_t vdev;

        assert_int_equal(blkfront_name_parse(table[i].name, &name), 0);
        check(&name, i);
        assert_int_equal(blkfront_name_vdev(&name, &vdev), 0);
        assert_int_equal(vdev, table[i].vdev);
        blkfront_name_of(table[i].vdev, &name);
        check(&name, i);
        blkfront_name_text(&name, text);
        assert_string_equal(text, table[i].name);

        snprintf(dev, sizeof(dev), "/dev/%s", table[i].name);
        assert_int_equal(blkfront_name_parse(dev, &name), 0);
        check(&name, i);
        snprintf(dev, sizeof(dev), "%u", table[i].vdev);
        assert_int_equal(blkfront_name_parse(dev, &name), 0);
        check(&name, i);
        snprintf(dev, sizeof(dev), "0x%x", table[i].vdev);
        assert_int_equal(blkfront_name_parse(dev, &name), 0);
        check(&name, i);
    }
}

/* "d0", "d0p1": a Xen disk by its numbers. */
static void test_d(void **state)
{
    static const struct {
        const char *name;
        uint32_t disk, part;
    } cases[] = {
        {"d0", 0, 0}, {"d0p0", 0, 0}, {"d0p1", 0, 1}, {"d1p2", 1, 2}, {"d536p37", 536, 37}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct blkfront_name name;

        assert_int_equal(blkfront_name_parse(cases[i].name, &name), 0);
        assert_int_equal(name.kind, BLKFRONT_XVD);
        assert_int_equal(name.disk, cases[i].disk);
        assert_int_equal(name.part, cases[i].part);
    }
}

/* Both forms of a Xen disk's number mean the same disk. */
static void test_extended_form_of_a_small_disk(void **state)
{
    struct blkfront_name a, b;

    (void)state;
    blkfront_name_of(1u << 28 | 3 << 8 | 2, &a);
    blkfront_name_of(202 << 8 | 3 << 4 | 2, &b);
    assert_int_equal(a.kind, b.kind);
    assert_int_equal(a.disk, b.disk);
    assert_int_equal(a.part, b.part);
}

/* Numbers that are no disk's stay themselves. */
static void test_other_numbers(void **state)
{
    static const uint32_t vdevs[] = {0, 1, 5 << 8, 203 << 8, 2u << 28, UINT32_MAX, 3 << 8 | 128};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(vdevs); i++) {
        char text[BLKFRONT_NAME_BYTES];
        struct blkfront_name name, again;
        uint32_t vdev;

        blkfront_name_of(vdevs[i], &name);
        assert_int_equal(name.kind, BLKFRONT_OTHER);
        assert_int_equal(blkfront_name_vdev(&name, &vdev), 0);
        assert_int_equal(vdev, vdevs[i]);
        blkfront_name_text(&name, text);
        assert_int_equal(blkfront_name_parse(text, &again), 0);
        assert_int_equal(again.disk, vdevs[i]);
    }
}

static void test_no_names(void **state)
{
    static const char *const names[] = {
        "",
        "/dev/",
        "xvd",
        "xvd1",
        "xvdA",
        "xvda0",
        "xvda01",
        "xvda256",
        "xvda1x",
        "xvda 1",
        "vda",
        "sdq",
        "sda16",
        "hdu",
        "hda64",
        "d",
        "dp1",
        "d0p",
        "d00",
        "d0p01",
        "d0p1p1",
        "d0p256",
        "d1048576",
        "xvdbgqcw",
        "-1",
        "51712 ",
        "0x",
        "0x1g",
        "051712",
        "1e3",
        "4294967296",
        "xvdzzzzzzzzzz",
        "nvme0",
        "/dev/d",
        "dev/xvda",
        "//dev/xvda",
        "0x123456789",
    };
    struct blkfront_name name = {.disk = 7};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (blkfront_name_parse(names[i], &name) != -E_INVAL)
            fail_msg("\"%s\" was taken", names[i]);
        assert_int_equal(name.disk, 7);
    }
}

/* Whatever number: the name it has leads back to the same disk. */
static void test_every_number_survives(void **state)
{
    uint64_t seed = test_seed(1);

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t vdev = (uint32_t)test_random(&seed) >> (i % 32);
        char text[BLKFRONT_NAME_BYTES];
        struct blkfront_name name, again;

        blkfront_name_of(vdev, &name);
        blkfront_name_text(&name, text);
        assert_int_equal(blkfront_name_parse(text, &again), 0);
        assert_int_equal(again.kind, name.kind);
        assert_int_equal(again.disk, name.disk);
        assert_int_equal(again.part, name.part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_d),
        cmocka_unit_test(test_extended_form_of_a_small_disk),
        cmocka_unit_test(test_other_numbers),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_every_number_survives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
