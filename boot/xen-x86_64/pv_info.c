/* SPDX-License-Identifier: ISC */
/* pv_info.c - checks struct start_info (Xen's public/xen.h) of a PV domain. Pure: it sees memory as
 * a view, so that it can be tested anywhere. */
#include "boot_info.h"

#include <morgana/err.h>
#include <morgana/xen.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/xen.h>

#define PAGES_MAX (UINT64_C(1) << 32) /* 16 TiB: beyond that it is no number of pages */
#define TABLES_MIN 4u                 /* one of each level */

STATIC_ASSERT(sizeof(xen_pfn_t) == sizeof(uint64_t), "entries of the page frame list");
STATIC_ASSERT(offsetof(struct start_info, cmd_line) == 128, "as xen.h draws it");

static int lie(const char **why, const char *what)
{
    *why = what;
    return -E_INVAL;
}

static uint64_t u64_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Bytes at .. at+n-1, all of them in memory, beginning with a page. */
static bool pages_at(struct cs_ro memory, uint64_t at, uint64_t n, struct range *out)
{
    struct cs_ro view;

    if (at % PAGE_BYTES != 0 || !cs_try_sub(memory, at, n, &view))
        return false;
    *out = (struct range){at, at + n};
    return true;
}

/* Which of our pages has the machine's frame `mfn`: it is among memory's, or 0: none is. */
static uint64_t pfn_of(struct cs_ro p2m, struct cs_ro memory, uint64_t mfn)
{
    uint64_t count = u64_min(p2m.len / sizeof(mfn), memory.len / PAGE_BYTES);

    for (uint64_t pfn = 1; pfn < count; pfn++) {
        if (memcmp(p2m.base + pfn * sizeof(mfn), &mfn, sizeof(mfn)) == 0)
            return pfn;
    }
    return 0;
}

static uint64_t ring_of(struct cs_ro p2m, struct cs_ro memory, uint64_t mfn, uint32_t port)
{
    return mfn == 0 || port == 0 ? 0 : pfn_of(p2m, memory, mfn);
}

/* The list of our pages' frames, and the rings: with them a line can be printed. */
static int read_frames(struct cs_ro memory, const struct start_info *si, struct pv_start *start,
                       const char **why)
{
    if (si->nr_pages == 0 || si->nr_pages > PAGES_MAX)
        return lie(why, "start info: a number of pages that cannot be");
    if (si->mfn_list % PAGE_BYTES != 0 ||
        !cs_try_sub(memory, si->mfn_list, si->nr_pages * sizeof(uint64_t), &start->p2m)) {
        start->p2m = CS_RO_EMPTY;
        return lie(why, "start info: the list of page frames is outside memory");
    }
    start->console_pfn = ring_of(start->p2m, memory, si->console.domU.mfn, si->console.domU.evtchn);
    start->console_port = si->console.domU.evtchn;
    start->store_pfn = ring_of(start->p2m, memory, si->store_mfn, si->store_evtchn);
    start->store_port = si->store_evtchn;
    return 0;
}

static int read_module(struct cs_ro memory, const struct start_info *si, struct boot_info *info,
                       const char **why)
{
    uint64_t at = si->mod_start;

    if (si->mod_len == 0)
        return 0;
    if ((si->flags & SIF_MOD_START_PFN) != 0) {
        if (at > UINT64_MAX / PAGE_BYTES)
            return lie(why, "start info: the module is outside memory");
        at *= PAGE_BYTES;
    }
    if (!cs_try_sub(memory, at, si->mod_len, &info->module))
        return lie(why, "start info: the module is outside memory");
    info->module_count = 1;
    return 0;
}

int pv_parse(struct cs_ro memory, uint64_t at, struct boot_info *info, struct pv_start *start,
             const char **why)
{
    const size_t cmdline_at = offsetof(struct start_info, cmd_line);
    struct start_info si;
    struct cs_ro cmdline;
    int err;

    *info = (struct boot_info){.cmdline = CS_RO_EMPTY, .module = CS_RO_EMPTY};
    *start = (struct pv_start){.p2m = CS_RO_EMPTY};
    if (!boot_copy_from(memory, at, &si, sizeof(si)))
        return lie(why, "start info: outside memory");
    if (memcmp(si.magic, "xen-", 4) != 0)
        return lie(why, "start info: wrong magic text");
    err = read_frames(memory, &si, start, why);
    if (err == 0)
        err = read_module(memory, &si, info, why);
    if (err < 0)
        return err;
    if (si.shared_info % PAGE_BYTES != 0 || si.shared_info == 0)
        return lie(why, "start info: shared info is no page");
    start->shared_info_mfn = si.shared_info / PAGE_BYTES;
    if (si.nr_pt_frames < TABLES_MIN || si.nr_pt_frames > memory.len / PAGE_BYTES ||
        !pages_at(memory, si.pt_base, si.nr_pt_frames * PAGE_BYTES, &start->tables))
        return lie(why, "start info: the page tables are outside memory");
    (void)cs_try_sub(memory, at + cmdline_at, sizeof(si.cmd_line), &cmdline);
    info->cmdline = boot_string(cmdline);
    boot_add_entry(info, 0, si.nr_pages * PAGE_BYTES, XEN_HVM_MEMMAP_TYPE_RAM);

    start->used_end = at + sizeof(si);
    start->used_end = u64_max(start->used_end, start->tables.end);
    start->used_end = u64_max(start->used_end, si.mfn_list + start->p2m.len);
    start->used_end = u64_max(start->used_end, (start->console_pfn + 1) * PAGE_BYTES);
    start->used_end = u64_max(start->used_end, (start->store_pfn + 1) * PAGE_BYTES);
    if (info->module.len > 0)
        start->used_end = u64_max(start->used_end,
                                  (uint64_t)(info->module.base - memory.base) + info->module.len);
    if (start->used_end > si.nr_pages * PAGE_BYTES)
        return lie(why, "start info: what the builder made is outside memory");
    return 0;
}

bool pv_has_room(const struct pv_start *start, uint64_t mapped_end)
{
    const uint64_t first = range_pages_of((struct range){0, start->used_end}).end;

    return mapped_end >= first && mapped_end - first >= PV_ROOM_PAGES * PAGE_BYTES;
}
