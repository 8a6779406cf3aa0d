/* SPDX-License-Identifier: ISC */
/* main.c - from the per-arch entry to the program's main().
 *
 * What can fail comes in an order in which each failure can still be said. The device tree says
 * whether there is a hypervisor at all; where it is broken we take it that there is, because who
 * else would start us, and say so on its console.
 */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>

#include "boot.h"
#include "boot/common/bare/bare.h"
#include "boot/common/bare/run.h"
#include "boot/common/fdt.h"
#include "boot/common/xenguest/xenguest.h"

#define RANDOM_TRIES 1000 /* the CPU's numbers may be used up for a while */

static struct tree tree;
static struct args args;
static struct cs_ro module;

static _Noreturn void refuse(const char *why)
{
    frames_find_console();
    bare_refuse(why);
}

/* Makes `size` bytes at the physical address `at` readable. */
static struct cs_ro readable(uint64_t at, uint64_t size)
{
    const uint64_t mask = PAGE_BYTES - 1, start = at & ~mask;

    if (at >= arch_phys_end || size > arch_phys_end - at)
        return cs_ro_of(NULL, 0);
    if (!arch_map(start, ((at + size + mask) & ~mask) - start, ARCH_R))
        return cs_ro_of(NULL, 0);
    return cs_ro_of(arch_virt(at), (size_t)size);
}

/* xl says where the module ends in whole pages: the zeros at its end, up to a page, are the last
 * one's filling. (A file that itself ends in zeros is that much shorter.) */
static struct cs_ro take_module(struct range r)
{
    struct cs_ro all = cs_ro_of(arch_virt(r.start), (size_t)(r.end - r.start));
    size_t fill = 0;

    while (r.end % PAGE_BYTES == 0 && fill < all.len && fill < PAGE_BYTES - 1 &&
           all.base[all.len - 1 - fill] == 0)
        fill++;
    return cs_head(all, all.len - fill);
}

static struct range take_tree(uint64_t at)
{
    const char *why = "device tree: not where the loader says";
    uint32_t size = 0;

    if (at % 8 == 0 && at >= PAGE_BYTES)
        size = fdt_total_size(readable(at, FDT_HEADER_BYTES));
    if (size == 0 || tree_read(readable(at, size), &tree, &why) < 0)
        refuse(why);
    return (struct range){at, at + size};
}

static uint64_t ram_bytes(void)
{
    uint64_t ram = 0;

    for (unsigned i = 0; i < tree.ram_count; i++)
        ram += tree.ram[i].end - tree.ram[i].start;
    return ram;
}

static void report(void)
{
    uint64_t beyond = 0;

    for (unsigned i = 0; i < tree.ram_count; i++) {
        if (tree.ram[i].end > arch_phys_end)
            beyond = tree.ram[i].end - arch_phys_end;
    }
    run_report("", ram_bytes());
    if (beyond > 0)
        LOG_WARN("memory: what lies beyond the reach of the page tables is not used");
}

static bool cpu_random(uint64_t *out)
{
    for (int i = 0; i < RANDOM_TRIES; i++) {
        if (arch_random(out))
            return true;
    }
    return false;
}

_Noreturn void arm_main(uint64_t fdt)
{
    struct range at = take_tree(fdt);
    const struct start *start = start_get();
    const char *why = "";
    char error[128];

    if (!tree.has_xen)
        without_xen(&tree);
    frames_find_console();
    if (memory_init(&tree, at, &why) < 0)
        bare_refuse(why);
    module = take_module(tree.module);
    if (clock_init(tree.timer_hz) < 0)
        bare_refuse("nobody says at what frequency the timer's counter runs");
    if (args_split(&args, boot_program_name, tree.bootargs, error, sizeof(error)) < 0)
        bare_refuse(error);
    if (gic_init(&tree, &why) < 0)
        bare_refuse(why);
    if (frames_init(tree.window) < 0)
        bare_refuse("shared info cannot be mapped");
    if (start_xen(args.argc, args.argv) < 0)
        plat_exit(1);
    xenguest_balloon_start(ram_bytes());
    report();
    run_program(start->argc, start->argv,
                &(struct entropy_sources){
                    .cpu = cpu_random,
                    .counter = arch_counter,
                    .seed = tree.rng_seed,
                    .more = tree.kaslr_seed,
                    .missing = "this CPU has no RNDR, and the device tree no rng-seed",
                });
}

struct cs_ro plat_module(void)
{
    return module;
}
