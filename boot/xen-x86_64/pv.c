/* SPDX-License-Identifier: ISC */
/* pv.c - the mode of paravirtualization: struct start_info names what there is, and frames of Xen's
 * are mapped by their machine numbers. */
#include "pv.h"

#include "pv_hypercall.h"

#define MAP_ALIGN (UINT64_C(4) << 20) /* what the domain builder maps ends on such a boundary */
#define GRANT_FRAMES_MAX 64u

static struct pv_start start;
static struct boot_info boot_info;
static int parsed;
static const char *parse_why;
static uint64_t start_info_at; /* its address */
static uint64_t stack_top;     /* of the builder's stack: its last page */

_Noreturn void pv_main(uint64_t start_info, uint64_t stack)
{
    stack_top = stack;
    hypercall_use_syscall();
    boot_main(&pv_mode, start_info);
}

uint64_t pv_frame(uint64_t addr)
{
    const uint64_t *p2m = (const uint64_t *)(const void *)start.p2m.base;

    return p2m[addr / PAGE_BYTES];
}

/* ---- CPUID ----------------------------------------------------------------------------------- */

/* CPUID itself may tell of the machine, not of what Xen lets us have: with these five bytes before
 * it Xen carries it out (public/arch-x86/xen.h, "Prefix forces emulation"). */
static struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r = {.eax = leaf, .ecx = subleaf};

    __asm__ volatile("ud2a; .ascii \"xen\"; cpuid"
                     : "+a"(r.eax), "=b"(r.ebx), "+c"(r.ecx), "=d"(r.edx));
    return r;
}

/* ---- start information ----------------------------------------------------------------------- */

static void find_console_anew(struct xen_start *out)
{
    if (start.console_pfn != 0)
        out->console_ring = (void *)(uintptr_t)(start.console_pfn * PAGE_BYTES);
    out->console_port = start.console_port;
}

/* The console stands in the start information, so this is read now, and refused when that can be
 * said. What the builder mapped reaches up to its own stack at least: everything that it made must
 * be there. */
static void find_console(uint64_t start_info, struct xen_start *out)
{
    uint64_t end = (stack_top + MAP_ALIGN - 1) & ~(MAP_ALIGN - 1);

    start_info_at = start_info;
    parsed = pv_parse(cs_ro_of(NULL, end), start_info, &boot_info, &start, &parse_why);
    if (start.p2m.len > 0)
        frames_set_p2m((const uint64_t *)(const void *)start.p2m.base);
    find_console_anew(out);
}

static int read_info(uint64_t start_info, struct boot_info *info, const char **why)
{
    (void)start_info;
    *info = boot_info;
    *why = parse_why;
    if (parsed == 0 && !pv_has_room(&start, pv_mapped_end(&start))) {
        *why = "start info: the page tables are not as Xen's builder makes them";
        return -E_INVAL;
    }
    return parsed;
}

static int map_memory(const struct boot_info *info, const char **why)
{
    int err = pv_map_memory(info, &start, why);

    if (err == 0) {
        err = pv_suspend_init(start.p2m);
        if (err < 0)
            *why = "too little memory: no page for the lists of page frames";
    }
    return err;
}

/* ---- rings and frames ------------------------------------------------------------------------ */

static void find_rings(struct xen_start *out)
{
    if (start.store_pfn == 0)
        return;
    out->store_ring = (void *)(uintptr_t)(start.store_pfn * PAGE_BYTES);
    out->store_port = start.store_port;
}

/* The machine's frame that xen.h means; 0: there is none. */
static uint64_t frame_of(unsigned space, unsigned long index)
{
    const bool is_status = (index & XENMAPIDX_grant_table_status) != 0;
    static uint64_t frames[GRANT_FRAMES_MAX];

    if (space == XENMAPSPACE_shared_info && index == 0)
        return start.shared_info_mfn;
    index &= ~XENMAPIDX_grant_table_status;
    if (space != XENMAPSPACE_grant_table || index >= GRANT_FRAMES_MAX)
        return 0;
    if ((is_status ? hypercall_gnttab_status_frames(frames, (uint32_t)index + 1)
                   : hypercall_gnttab_setup_table(frames, (uint32_t)index + 1)) < 0)
        return 0;
    return frames[index];
}

static int place_frame(unsigned space, unsigned long index, uint64_t addr)
{
    uint64_t mfn = frame_of(space, index);

    return mfn != 0 ? pv_map_frame(addr, mfn) : -E_NOENT;
}

/* ---- memory that leaves ---------------------------------------------------------------------- */

#define NO_FRAME UINT64_MAX /* what Xen's tools, too, look for in the list of our pages' frames */

static uint64_t *p2m_entry(uint64_t addr)
{
    return (uint64_t *)(uintptr_t)start.p2m.base + addr / PAGE_BYTES;
}

/* Xen takes a frame only when no page table names it. */
static uint64_t page_leave(uint64_t addr)
{
    uint64_t mfn = pv_frame(addr);

    if (pv_unmap_frame(addr) < 0)
        return NO_FRAME;
    *p2m_entry(addr) = NO_FRAME;
    return mfn;
}

static int page_come(uint64_t addr, uint64_t mfn)
{
    int err = pv_map_frame(addr, mfn);

    if (err == 0)
        *p2m_entry(addr) = mfn;
    return err;
}

/* ---- sleep ----------------------------------------------------------------------------------- */

static void halt(void)
{
    struct vcpu_info *vcpu = &xen_shared_info()->vcpu_info[0];

    hypercall_sched_block(); /* clears the mask */
    WRITE_ONCE(vcpu->evtchn_upcall_mask, 1);
}

static int set_upcall(void)
{
    WRITE_ONCE(xen_shared_info()->vcpu_info[0].evtchn_upcall_mask, 1);
    pv_suspend_publish();
    return pv_set_upcall();
}

static int suspend(void)
{
    return pv_suspend(&start, start_info_at);
}

const struct boot_mode pv_mode = {
    .cpuid = cpuid,
    .find_console = find_console,
    .set_traps = pv_set_traps,
    .read_info = read_info,
    .map_memory = map_memory,
    .find_rings = find_rings,
    .place_frame = place_frame,
    .page_leave = page_leave,
    .page_come = page_come,
    .set_upcall = set_upcall,
    .suspend = suspend,
    .find_console_anew = find_console_anew,
    .halt = halt,
};
