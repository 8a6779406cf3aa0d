/* SPDX-License-Identifier: ISC */
/* test_boot_multiboot.c - the information of a Multiboot loader: what GRUB says in an HVM guest. */
#include "boot/xen-x86_64/boot_info.c"
#include "boot/xen-x86_64/multiboot_info.c"

#include "boottest.h"

/* What GRUB 2 makes: memory map at 0x2000, list of modules at 0x3000, command line at 0x4000,
 * module at 0x5000, its own name at 0x6000. */
static struct multiboot_info good(void)
{
    const struct multiboot_info mb = {
        .flags = HAS_CMDLINE | HAS_MODULES | HAS_MAP | HAS_LOADER,
        .cmdline = 0x4000,
        .mods_count = 1,
        .mods_addr = 0x3000,
        .mmap_length = 2 * sizeof(struct map_entry),
        .mmap_addr = 0x2000,
        .boot_loader_name = 0x6000,
    };
    const struct module module = {.start = 0x5000, .end = 0x5003};
    const struct map_entry map[] = {
        {.size = 20, .addr = 0, .len = 640 * 1024, .type = 1},
        {.size = 20, .addr = MIB, .len = 15 * MIB, .type = 1},
    };

    memcpy(memory + 0x2000, map, sizeof(map));
    memcpy(memory + 0x3000, &module, sizeof(module));
    strcpy((char *)memory + 0x4000, "ip=10.0.0.2/24 x");
    memcpy(memory + 0x5000, "abc", 3);
    strcpy((char *)memory + 0x6000, "GRUB 2.06-13+deb12u1");
    return mb;
}

static int parse(const struct multiboot_info *mb)
{
    memcpy(memory + 0x1000, mb, sizeof(*mb));
    why = NULL;
    return multiboot_parse(cs_ro_of(memory, MEMORY_BYTES), 0x1000, &info, &why);
}

static void assert_cmdline(const char *text)
{
    assert_int_equal(info.cmdline.len, strlen(text));
    assert_memory_equal(info.cmdline.base, text, strlen(text));
}

static void test_good_information(void **state)
{
    struct multiboot_info mb = good();

    (void)state;
    assert_int_equal(parse(&mb), 0);
    assert_int_equal(info.ram_count, 2);
    assert_true(info.ram[1].start == MIB && info.ram[1].end == 16 * MIB);
    assert_int_equal(info.module.len, 3);
    assert_memory_equal(info.module.base, "abc", 3);
    assert_cmdline("ip=10.0.0.2/24 x");
}

/* Solo5 issue 517: GRUB 2 hands over what follows the file's name, so its first word is an
 * argument; others begin with that name. */
static void test_first_word_is_an_argument_where_the_loader_leaves_the_name_out(void **state)
{
    static const struct {
        const char *loader, *line, *kept;
    } cases[] = {
        {"GRUB 2.06-13+deb12u1", "ip=10.0.0.2/24 x", "ip=10.0.0.2/24 x"},
        {"GRUB 1.99", "a b", "a b"},
        {"xyz GRUB 2", "a", "a"},
        {"GNU GRUB 0.97", "/boot/x.elf a b", " a b"},
        {"qemu", "x.elf a b", " a b"},
        {"", "x.elf", ""},
        {"GRUB ", "x.elf  a", "  a"},
        {"GRUB 2.06", "", ""},
        {"qemu", "", ""},
        {"qemu", "   x.elf a", " a"},
    };
    struct multiboot_info mb;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        mb = good();
        strcpy((char *)memory + 0x4000, cases[i].line);
        strcpy((char *)memory + 0x6000, cases[i].loader);
        assert_int_equal(parse(&mb), 0);
        if (cases[i].loader[0] == '\0' || strcmp(cases[i].loader, "GRUB ") == 0) {
            assert_cmdline(cases[i].kept);
            mb.flags &= ~HAS_LOADER;
            assert_int_equal(parse(&mb), 0);
        }
        assert_cmdline(cases[i].kept);
    }
    mb = good();
    mb.boot_loader_name = UINT32_MAX; /* outside memory: an unknown loader */
    assert_int_equal(parse(&mb), 0);
    assert_cmdline(" x");
}

static void test_what_the_flags_do_not_promise_is_not_read(void **state)
{
    struct multiboot_info mb;

    (void)state;
    memset(&mb, 0xff, sizeof(mb));
    mb.flags = ~(HAS_CMDLINE | HAS_MODULES | HAS_MAP);
    good();
    assert_int_equal(parse(&mb), 0);
    assert_int_equal(info.ram_count, 0);
    assert_int_equal(info.map_count, 0);
    assert_int_equal(info.module.len, 0);
    assert_int_equal(info.cmdline.len, 0);
}

static void refused(const struct multiboot_info *mb, const char *because)
{
    assert_int_equal(parse(mb), -E_INVAL);
    assert_non_null(why);
    assert_non_null(strstr(why, because));
}

static void test_lies_are_refused_by_name(void **state)
{
    const uint32_t outside[] = {MEMORY_BYTES - 3, MEMORY_BYTES, 1u << 30, UINT32_MAX - 3};
    struct module module = {.start = 0x5000, .end = 0x4fff};
    struct map_entry entry = {.size = 19, .type = 1};
    struct multiboot_info mb;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        mb = good();
        mb.mmap_addr = outside[i];
        refused(&mb, "memory map is outside");
        mb = good();
        mb.mods_addr = outside[i];
        refused(&mb, "list of modules is outside");
        mb = good();
        module = (struct module){.start = 0x5000, .end = outside[i] + 4};
        memcpy(memory + 0x3000, &module, sizeof(module));
        refused(&mb, "module is outside");
    }
    mb = good();
    module = (struct module){.start = 0x5000, .end = 0x4fff};
    memcpy(memory + 0x3000, &module, sizeof(module));
    refused(&mb, "module is outside");
    mb = good();
    memcpy(memory + 0x2000, &entry, sizeof(entry));
    refused(&mb, "too short");
    mb = good();
    mb.mmap_length = sizeof(entry) + 1; /* half an entry at its end */
    refused(&mb, "memory map is outside");
    mb = good();
    mb.cmdline = MEMORY_BYTES + 1;
    refused(&mb, "command line is outside");
    assert_int_equal(
        multiboot_parse(cs_ro_of(memory, MEMORY_BYTES), MEMORY_BYTES - 67, &info, &why), -E_INVAL);
}

/* The size of an entry is the loader's word: one that never ends, or that has no end, ends. */
static void test_endless_memory_map(void **state)
{
    struct multiboot_info mb = good();
    struct map_entry entry = {.size = 20, .addr = MIB, .len = 4096, .type = 2};

    (void)state;
    mb.mmap_addr = 0x2000;
    mb.mmap_length = UINT32_MAX;
    for (unsigned at = 0x2000; at + sizeof(entry) < MEMORY_BYTES; at += sizeof(entry))
        memcpy(memory + at, &entry, sizeof(entry));
    refused(&mb, "more entries");
    entry.size = UINT32_MAX;
    mb = good();
    memcpy(memory + 0x2000, &entry, sizeof(entry));
    assert_int_equal(parse(&mb), 0);
    assert_int_equal(info.map_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good_information, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_first_word_is_an_argument_where_the_loader_leaves_the_name_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_flags_do_not_promise_is_not_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_lies_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_memory_map, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
