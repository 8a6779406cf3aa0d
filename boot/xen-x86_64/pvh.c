/* SPDX-License-Identifier: ISC */
/* pvh.c - the mode of hardware virtualization, PVH or HVM: we ask Xen for what it has, by HVM
 * parameters and by placing its frames in our physical address space. */
#include "pvh.h"

#include "boot/common/xenguest/xenguest.h"
#include "xen/hypercall.h"

#define COM1 0x3f8
#define PIC_1_MASK 0x21
#define PIC_2_MASK 0xa1

/* What the loader left. */
static int (*parse)(struct cs_ro, uint64_t, struct boot_info *, const char **);

/* Not on Xen: there is nobody to ask for anything. A serial port may be there to say so. */
static _Noreturn void refuse_without_xen(void)
{
    static const char text[] = "morgana: this is no Xen domain: giving up\r\n";

    for (size_t i = 0; i < sizeof(text) - 1; i++)
        x86_outb(COM1, (uint8_t)text[i]);
    x86_stop();
}

/* An HVM guest's BIOS leaves the timer's interrupt on, as vector 8, among the exceptions. We use no
 * interrupt but Xen's upcall: both interrupt controllers of the PC are masked. */
static void mask_interrupts(void)
{
    x86_outb(PIC_1_MASK, 0xff);
    x86_outb(PIC_2_MASK, 0xff);
}

_Noreturn void pvh_main(uint32_t start_info, uint32_t loader)
{
    if (!hypercall_detect())
        refuse_without_xen();
    parse = pvh_parse;
    if (loader == MULTIBOOT_LOADER) {
        parse = multiboot_parse;
        mask_interrupts();
    }
    boot_main(&pvh_mode, start_info);
}

/* ---- rings and frames ------------------------------------------------------------------------ */

/* The ring in the frame that an HVM parameter names, NULL where there is none; the event channel
 * that goes with it in *port. pvh_entry.S has mapped it. */
static void *ring_of(uint32_t pfn_param, uint32_t port_param, uint32_t *port)
{
    uint64_t gfn = 0, number = 0;

    if (hypercall_hvm_get_param(pfn_param, &gfn) < 0 ||
        hypercall_hvm_get_param(port_param, &number) < 0)
        return NULL;
    if (gfn == 0 || gfn >= GIB4 / PAGE_BYTES || number == 0 || number > UINT32_MAX)
        return NULL; /* none, or above the 4 GiB that we map */
    *port = (uint32_t)number;
    return (void *)(uintptr_t)(gfn * PAGE_BYTES);
}

static void find_console(uint64_t start_info, struct xen_start *out)
{
    (void)start_info;
    out->console_ring =
        ring_of(HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN, &out->console_port);
}

static void find_console_anew(struct xen_start *out)
{
    find_console(0, out);
}

static void find_rings(struct xen_start *out)
{
    if (out->console_ring != NULL)
        out->console_ring = pvh_map_page((uintptr_t)out->console_ring);
    out->store_ring = ring_of(HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN, &out->store_port);
    if (out->store_ring != NULL)
        out->store_ring = pvh_map_page((uintptr_t)out->store_ring);
}

static int place_frame(unsigned space, unsigned long index, uint64_t addr)
{
    int err = hypercall_memory_add_to_physmap(space, index, addr / PAGE_BYTES);

    if (err < 0)
        return err;
    return pvh_map_page(addr) != NULL ? 0 : -E_NOMEM;
}

/* ---- memory that leaves ---------------------------------------------------------------------- */

/* Our page tables may go on naming it, in a large page with others: nobody uses it. */
static uint64_t page_leave(uint64_t addr)
{
    return addr / PAGE_BYTES;
}

static int page_come(uint64_t addr, uint64_t frame)
{
    return frame == addr / PAGE_BYTES ? 0 : -E_INVAL;
}

/* ---- start information ----------------------------------------------------------------------- */

/* XENMEM_memory_map's entries are the BIOS's: 20 bytes, unaligned. */
struct map_entry {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

/* The memory map is the loader's where it has one, else (start information of version 0) the
 * hypervisor's copy of the same. */
static int read_info(uint64_t start_info, struct boot_info *info, const char **why)
{
    static struct map_entry entries[BOOT_MAP_MAX];
    /* pvh_entry.S has mapped all of it, from 0 up. */
    int err = parse(cs_ro_of(NULL, GIB4), start_info, info, why);

    if (err == 0 && info->map_count == 0) {
        int count = xenguest_memory_map(entries, BOOT_MAP_MAX);

        for (int i = 0; i < count && i < (int)BOOT_MAP_MAX; i++)
            boot_add_entry(info, entries[i].addr, entries[i].size, entries[i].type);
    }
    return err;
}

/* ---- events ---------------------------------------------------------------------------------- */

static int set_upcall(void)
{
    return hypercall_hvm_set_param(HVM_PARAM_CALLBACK_IRQ,
                                   (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | VECTOR_UPCALL);
}

/* Memory and registers are saved and come back as they were: there is nothing to prepare. */
static int suspend(void)
{
    return hypercall_sched_suspend(0);
}

const struct boot_mode pvh_mode = {
    .cpuid = x86_cpuid,
    .find_console = find_console,
    .set_traps = pvh_set_traps,
    .read_info = read_info,
    .map_memory = pvh_map_memory,
    .find_rings = find_rings,
    .place_frame = place_frame,
    .page_leave = page_leave,
    .page_come = page_come,
    .set_upcall = set_upcall,
    .suspend = suspend,
    .find_console_anew = find_console_anew,
    .halt = pvh_halt,
};
