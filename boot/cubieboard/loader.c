/* SPDX-License-Identifier: ISC */
/* loader.c - what whoever started us says of the machine, and whether the memory is there that he
 * speaks of. */
#include "loader.h"

#include <morgana/err.h>

#include "atags.h"
#include "board.h"
#include "boot/armv7/armv7.h"
#include "boot/common/fdt.h"
#include "boot/xen-arm/arch.h"

#define PROBE_A 0x5ac3965au
#define PROBE_B 0xa53c69a5u
#define MIB64 (UINT64_C(64) << 20)

/* Makes `bytes` readable: less where memory's place ends, or the image begins. */
static struct cs_ro lend(uint32_t at, uint32_t bytes)
{
    const uint32_t image = (uint32_t)(uintptr_t)boot_image_start;
    uint64_t end = u64_min((uint64_t)at + bytes, board()->ram_end), first = at & ~(ARM_PAGE - 1);

    if (at < image)
        end = u64_min(end, image);
    if (!arch_map(first, ((end + ARM_PAGE - 1) & ~(uint64_t)(ARM_PAGE - 1)) - first, ARCH_R))
        return CS_RO_EMPTY;
    return cs_ro_of((const void *)(uintptr_t)at, (size_t)(end - at));
}

/* ---- is it there? --------------------------------------------------------------------------- */

/* The word in memory, not in the cache. */
static uint32_t fetch(volatile uint32_t *at)
{
    armv7_dcache_clean_invalidate((const void *)at, sizeof(*at));
    return *at;
}

static void store(volatile uint32_t *at, uint32_t value)
{
    *at = value;
    armv7_dcache_clean_invalidate((const void *)at, sizeof(*at));
}

/* Does the page before `end` hold what is written to it? Where there is less memory, either
 * nothing is there, or what is lower appears again: at a distance of a power of two. */
static bool answers(uint64_t end)
{
    volatile uint32_t *last = (volatile uint32_t *)(uintptr_t)(end - ARM_PAGE);
    uint32_t old;
    bool ok;

    if (!arch_map(end - ARM_PAGE, ARM_PAGE, ARCH_RW))
        return false;
    old = fetch(last);
    store(last, PROBE_A);
    ok = fetch(last) == PROBE_A;
    for (uint64_t off = MIB64; ok && off <= board()->ram_end - board()->ram_start; off *= 2) {
        volatile uint32_t *lower = (volatile uint32_t *)(uintptr_t)(end - ARM_PAGE - off);

        if (end - board()->ram_start <= off + ARM_PAGE)
            break;
        if (!arch_map((uintptr_t)lower, ARM_PAGE, ARCH_RW))
            return false;
        if (fetch(lower) != PROBE_A)
            continue;
        store(last, PROBE_B); /* the same word by chance, or the same memory? */
        ok = fetch(lower) == PROBE_A;
        store(last, PROBE_A);
    }
    store(last, old);
    return ok;
}

/* Whether the last page of each piece of memory is there. What the module or the image has there
 * is there for sure: they were loaded. */
static bool all_answer(const struct tree *tree, struct tree_range said)
{
    const uint64_t image = (uintptr_t)boot_image_start, image_end = (uintptr_t)boot_image_end;

    for (unsigned i = 0; i < tree->ram_count; i++) {
        uint64_t end = tree->ram[i].end, page = end - ARM_PAGE;

        if ((page < image_end && end > image) || (page < said.end && end > said.start) ||
            (page < tree->module.end && end > tree->module.start))
            continue;
        if (!answers(end))
            return false;
    }
    return true;
}

/* ---- what is said --------------------------------------------------------------------------- */

static int assume(struct tree *tree)
{
    uint64_t start = board()->ram_start, bytes = board()->ram_most;

    while (bytes > board()->ram_least && !answers(start + bytes))
        bytes /= 2;
    *tree = (struct tree){.ram = {{start, start + bytes}}, .ram_count = 1};
    return 0;
}

static int read_said(uint32_t at, struct tree *tree, struct tree_range *said, const char **why)
{
    uint32_t bytes = fdt_total_size(lend(at, FDT_HEADER_BYTES));
    size_t used = 0;
    int err;

    if (bytes != 0) {
        err = tree_read(lend(at, bytes), tree, why);
        used = bytes;
    } else if (atags_is_list(lend(at, FDT_HEADER_BYTES))) {
        struct cs_ro all = lend(at, ATAGS_BYTES_MAX);

        err = atags_read(all, tree, why);
        used = all.len; /* what was made read-only is not for the heap */
    } else {
        *why = "r2 shows neither a device tree nor ATAGs";
        err = -E_INVAL;
    }
    *said = (struct tree_range){at, at + (uint64_t)used};
    return err;
}

int loader_read(uint32_t at, struct tree *tree, struct tree_range *said, const char **why)
{
    const struct board *b = board();

    *said = (struct tree_range){0, 0};
    if (at == 0)
        return assume(tree);
    *why = "r2 shows nowhere into memory";
    if (at % 4 != 0 || at < b->ram_start || at >= b->ram_end - FDT_HEADER_BYTES ||
        (at >= (uintptr_t)boot_image_start && at < (uintptr_t)boot_image_end))
        return -E_INVAL;
    if (read_said(at, tree, said, why) < 0)
        return -E_INVAL;
    *why = "the loader speaks of memory where this board can have none";
    for (unsigned i = 0; i < tree->ram_count; i++) {
        if (tree->ram[i].start < b->ram_start || tree->ram[i].end > b->ram_end)
            return -E_INVAL;
    }
    *why = "the loader speaks of memory that is not there";
    return all_answer(tree, *said) ? 0 : -E_INVAL;
}
