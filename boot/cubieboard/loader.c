/* SPDX-License-Identifier: ISC */
/* loader.c - what whoever started us says of the machine, and whether the memory is there that he
 * speaks of. */
#include "loader.h"

#include <morgana/err.h>

#include "atags.h"
#include "board.h"
#include "boot/arm/memory.h"
#include "boot/armv7/armv7.h"
#include "boot/common/fdt.h"

#define PROBE_A 0x5ac3965au
#define PROBE_B 0xa53c69a5u
#define MIB64 (UINT64_C(64) << 20)

/* Makes `bytes` readable: less where memory's place ends, or the image begins. */
static struct cs_ro lend(uint32_t at, uint32_t bytes)
{
    const uint32_t image = (uint32_t)(uintptr_t)boot_image_start;
    uint64_t end = u64_min((uint64_t)at + bytes, board()->ram_end), first = at & ~(PAGE_BYTES - 1);

    if (at < image)
        end = u64_min(end, image);
    if (!arch_map(first, ((end + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1)) - first, ARCH_R))
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

static bool is_reserved(const struct tree *tree, uint64_t page)
{
    for (unsigned i = 0; i < tree->reserved_count; i++) {
        if (range_touches(range_pages_of(tree->reserved[i]),
                          (struct range){page, page + PAGE_BYTES}))
            return true;
    }
    return false;
}

/* Does the page before `end` hold what is written to it? Where there is less memory, either
 * nothing is there, or what is lower appears again: at a distance of a power of two. */
static bool answers(const struct tree *tree, uint64_t end)
{
    volatile uint32_t *last = (volatile uint32_t *)(uintptr_t)(end - PAGE_BYTES);
    uint32_t old;
    bool ok;

    if (!arch_map(end - PAGE_BYTES, PAGE_BYTES, ARCH_RW))
        return false;
    old = fetch(last);
    store(last, PROBE_A);
    ok = fetch(last) == PROBE_A;
    for (uint64_t off = MIB64; ok && off <= board()->ram_end - board()->ram_start; off *= 2) {
        volatile uint32_t *lower = (volatile uint32_t *)(uintptr_t)(end - PAGE_BYTES - off);

        if (end - board()->ram_start <= off + PAGE_BYTES)
            break;
        if (is_reserved(tree, (uintptr_t)lower)) /* not to be mapped, even to look */
            continue;
        if (!arch_map((uintptr_t)lower, PAGE_BYTES, ARCH_RW))
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

/* The end of the highest page of `piece` that is not reserved: others' pages are left alone. 0:
 * there is none, or the image, the module or what the loader says is there: they were loaded, so it
 * is. */
static uint64_t last_of(const struct tree *tree, struct range said, struct range piece)
{
    const struct range image = {(uintptr_t)boot_image_start, (uintptr_t)boot_image_end};
    uint64_t end = piece.end;

    while (end > piece.start && is_reserved(tree, end - PAGE_BYTES))
        end -= PAGE_BYTES;
    if (end == piece.start)
        return 0;
    piece = (struct range){end - PAGE_BYTES, end};
    if (range_touches(piece, image) || range_touches(piece, said) ||
        range_touches(piece, tree->module))
        return 0;
    return end;
}

/* Whether the last page of each piece of memory is there. */
static bool all_answer(const struct tree *tree, struct range said)
{
    for (unsigned i = 0; i < tree->ram_count; i++) {
        uint64_t end = last_of(tree, said, tree->ram[i]);

        if (end != 0 && !answers(tree, end))
            return false;
    }
    return true;
}

/* ---- what is said --------------------------------------------------------------------------- */

static int assume(struct tree *tree)
{
    uint64_t start = board()->ram_start, bytes = board()->ram_most;

    *tree = (struct tree){.ram_count = 0};
    while (bytes > board()->ram_least && !answers(tree, start + bytes))
        bytes /= 2;
    *tree = (struct tree){.ram = {{start, start + bytes}}, .ram_count = 1};
    return 0;
}

static int read_said(uint32_t at, struct tree *tree, struct range *said, const char **why)
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
    *said = (struct range){at, at + (uint64_t)used};
    return err;
}

int loader_read(uint32_t at, struct tree *tree, struct range *said, const char **why)
{
    const struct board *b = board();

    *said = (struct range){0, 0};
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
