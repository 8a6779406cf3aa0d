/* SPDX-License-Identifier: ISC */
/* pv_suspend.c - what a PV domain prepares so that it can be saved, and what it finds afterwards.
 *
 * Theory of operation. Frames of memory are the machine's, so a saved domain's page tables and
 * frame numbers mean nothing elsewhere. Xen's tools (libxenguest) rewrite them: on the way out each
 * entry of a page table becomes the number of our page, by our own list of frames and Xen's; on the
 * way in it becomes the new frame, and the list is written anew. For that
 *
 *     always      shared info tells where the list is: a tree of frames, since a migration begins
 *                 to read while we run. top -> up to 512 lists -> pages of the list of frames
 *     at the end  no page table names a frame that is not ours: the window's are taken out
 *                 the start information names the rings by our page numbers; the hypercall names
 *                 its frame, and the tools write there what is new
 *
 * Everything else (page tables, trap table, upcall, registers) comes back as it was. The tree's
 * frames do not, but the tools do not look at the tree before we have filled it again.
 */
#include "pv.h"

#include "boot/common/bare/bare.h"
#include "pv_hypercall.h"

#define FRAMES_A_PAGE (PAGE_BYTES / sizeof(uint64_t))

static struct cs_ro list; /* of our pages' frames */
static uint64_t *top;     /* frames of the lists */
static uint64_t *lists;   /* pages, one behind the other: frames of the pages of `list` */

static uint64_t list_pages(void)
{
    return (list.len + PAGE_BYTES - 1) / PAGE_BYTES;
}

int pv_suspend_init(struct cs_ro frames)
{
    uint64_t n;

    list = frames;
    n = (list_pages() + FRAMES_A_PAGE - 1) / FRAMES_A_PAGE;
    if (n > FRAMES_A_PAGE)
        return -E_NOMEM; /* half a terabyte */
    top = (uint64_t *)(uintptr_t)memory_take_page();
    if (top == NULL)
        return -E_NOMEM;
    lists = top;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t page = memory_take_page();

        if (page == 0)
            return -E_NOMEM;
        lists = (uint64_t *)(uintptr_t)page; /* each is taken below the last */
    }
    return 0;
}

void pv_suspend_publish(void)
{
    struct arch_shared_info *arch = &xen_shared_info()->arch;
    const uint64_t at = (uintptr_t)list.base, n = list_pages();

    memset(top, 0, PAGE_BYTES);
    memset(lists, 0, (uintptr_t)top - (uintptr_t)lists);
    for (uint64_t i = 0; i < n; i++)
        lists[i] = pv_frame(at + i * PAGE_BYTES);
    for (uint64_t i = 0; i < n; i += FRAMES_A_PAGE)
        top[i / FRAMES_A_PAGE] = pv_frame((uintptr_t)&lists[i]);
    arch->max_pfn = list.len / sizeof(uint64_t);
    arch->p2m_cr3 = 0; /* the tree holds, not the other form */
    arch->pfn_to_mfn_frame_list_list = pv_frame((uintptr_t)top);
}

static void take_frames_out(void)
{
    for (unsigned i = 0; i < frames_placed(); i++)
        (void)pv_unmap_frame(memory_window() + i * (uint64_t)PAGE_BYTES);
}

static uint64_t ring_frame(uint64_t pfn)
{
    return pfn != 0 ? pv_frame(pfn * PAGE_BYTES) : 0;
}

int pv_suspend(struct pv_start *start, uint64_t start_info)
{
    struct start_info *si = (struct start_info *)(uintptr_t)start_info;
    int result;

    si->store_mfn = start->store_pfn;
    si->console.domU.mfn = start->console_pfn;
    take_frames_out();
    result = hypercall_sched_suspend(pv_frame(start_info));
    /* Where it was cancelled this is ours to undo; else it says the same. */
    si->store_mfn = ring_frame(start->store_pfn);
    si->console.domU.mfn = ring_frame(start->console_pfn);
    if (result != 0) {
        if (frames_place_all() < 0)
            bare_crash("suspend: shared info cannot be mapped again");
        return result;
    }
    start->shared_info_mfn = si->shared_info / PAGE_BYTES;
    start->console_port = si->console.domU.evtchn;
    start->store_port = si->store_evtchn;
    return 0;
}
