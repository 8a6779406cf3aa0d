/* SPDX-License-Identifier: ISC */
/* gic.c - the interrupt controller, versions 2 and 3 (ARM IHI 0048, ARM IHI 0069): two private
 * interrupts, Xen's "event" and the virtual timer's, are enabled. They are never taken (arch.h):
 * what is pending ends the sleep, and is acknowledged here.
 */
#include "boot.h"

/* The distributor. */
#define GICD_CTLR 0x000u
#define GICD_CTLR_ENABLE 0x1u         /* version 2, and group 1 in a non-secure view of 3 */
#define GICD_CTLR_ENABLE_GROUP1A 0x2u /* version 3 */
#define GICD_CTLR_ARE 0x10u
#define GICD_BYTES_USED 0x10000u /* 64 KiB in version 3; version 2 has 4 */
/* Of interrupts 0 to 31: in version 2's distributor, in a page of version 3's redistributor. */
#define GIC_IGROUPR0 0x080u
#define GIC_ISENABLER0 0x100u
#define GIC_IPRIORITYR 0x400u
#define PRIORITY 0x80u
/* Version 2's CPU interface. */
#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u
#define GICC_IAR 0x0cu
#define GICC_EOIR 0x10u
#define GICC_BYTES_USED 0x1000u
/* Version 3's redistributors. */
#define GICR_TYPER 0x008u
#define GICR_TYPER_VLPIS 0x2u
#define GICR_TYPER_LAST 0x10u
#define GICR_WAKER 0x014u
#define GICR_WAKER_SLEEP 0x2u
#define GICR_WAKER_CHILDREN_ASLEEP 0x4u
#define GICR_FRAME 0x10000u /* each has two, or four */
#define WAKE_TRIES 100000

#define ID_MASK 0x3ffu
#define ID_SPECIAL 1020u /* from here on no interrupt */
#define ACKNOWLEDGE_MAX 64

static unsigned version; /* 0: not up */
static uint32_t timer_ppi;
static uint64_t dist, cpu; /* physical */

static uint32_t read32(uint64_t base, uint32_t offset)
{
    return *(const volatile uint32_t *)arch_virt(base + offset);
}

static void write32(uint64_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)arch_virt(base + offset) = value;
}

/* Registers of a device; -E_INVAL where the tree's range does not hold them. */
static int map(struct range r, uint64_t size, const char **why)
{
    *why = "device tree: the interrupt controller's registers are not where they could be";
    if (r.start % PAGE_BYTES != 0 || r.end > arch_phys_end || r.end < r.start ||
        r.end - r.start < size)
        return -E_INVAL;
    *why = "too little memory: no page for a page table";
    return arch_map(r.start, size, ARCH_DEVICE) ? 0 : -E_NOMEM;
}

/* Both interrupts, at `base`. */
static void enable_ppis(uint64_t base, uint32_t event_ppi)
{
    const uint32_t ppis[] = {event_ppi, timer_ppi};

    for (size_t i = 0; i < ARRAY_SIZE(ppis); i++) {
        uint32_t word = GIC_IPRIORITYR + ppis[i] / 4 * 4, shift = ppis[i] % 4 * 8;

        write32(base, word, (read32(base, word) & ~(0xffu << shift)) | PRIORITY << shift);
        write32(base, GIC_ISENABLER0, 1u << ppis[i]);
    }
}

static int init_v2(const struct tree *tree, const char **why)
{
    int err = map(tree->gic_dist, GICC_BYTES_USED, why);

    if (err == 0)
        err = map(tree->gic_cpu, GICC_BYTES_USED, why);
    if (err < 0)
        return err;
    dist = tree->gic_dist.start;
    cpu = tree->gic_cpu.start;
    write32(dist, GICD_CTLR, GICD_CTLR_ENABLE);
    enable_ppis(dist, tree->event_ppi);
    write32(cpu, GICC_PMR, 0xff);
    write32(cpu, GICC_CTLR, GICD_CTLR_ENABLE);
    return 0;
}

/* The redistributor of this CPU: they stand one behind the other, each with its CPU's affinity. */
static int find_redistributor(const struct tree *tree, const char **why)
{
    struct range r = tree->gic_cpu;

    for (;;) {
        int err = map(r, (uint64_t)2 * GICR_FRAME, why);
        uint32_t typer;

        if (err < 0)
            return err;
        typer = read32(r.start, GICR_TYPER);
        if (read32(r.start, GICR_TYPER + 4) == arch_affinity())
            break;
        *why = "device tree: the interrupt controller knows no such CPU";
        if ((typer & GICR_TYPER_LAST) != 0)
            return -E_INVAL;
        r.start += ((typer & GICR_TYPER_VLPIS) != 0 ? 4u : 2u) * (uint64_t)GICR_FRAME;
    }
    cpu = r.start;
    return 0;
}

static int init_v3(const struct tree *tree, const char **why)
{
    int err = map(tree->gic_dist, GICD_BYTES_USED, why);

    if (err == 0)
        err = find_redistributor(tree, why);
    if (err < 0)
        return err;
    dist = tree->gic_dist.start;
    write32(dist, GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GROUP1A | GICD_CTLR_ENABLE);
    write32(cpu, GICR_WAKER, read32(cpu, GICR_WAKER) & ~GICR_WAKER_SLEEP);
    for (int i = 0; (read32(cpu, GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP) != 0; i++) {
        *why = "the interrupt controller does not wake";
        if (i == WAKE_TRIES)
            return -E_TIMEDOUT;
    }
    write32(cpu + GICR_FRAME, GIC_IGROUPR0,
            read32(cpu + GICR_FRAME, GIC_IGROUPR0) | 1u << tree->event_ppi | 1u << timer_ppi);
    enable_ppis(cpu + GICR_FRAME, tree->event_ppi);
    arch_sync();
    arch_icc_init();
    return 0;
}

int gic_init(const struct tree *tree, const char **why)
{
    int err;

    *why = "device tree: no interrupt for events, or for the timer";
    if (tree->event_ppi == TREE_PPI_NONE || tree->timer_ppi == TREE_PPI_NONE)
        return -E_NODEV;
    *why = "device tree: no interrupt controller of version 2 or 3";
    if (tree->gic_version == 0)
        return -E_NODEV;
    timer_ppi = tree->timer_ppi;
    err = tree->gic_version == 2 ? init_v2(tree, why) : init_v3(tree, why);
    if (err == 0)
        version = tree->gic_version;
    return err;
}

/* The timer's line stays up until the timer is off: first that, then the end of the interrupt. */
void gic_acknowledge(void)
{
    for (int i = 0; i < ACKNOWLEDGE_MAX && version != 0; i++) {
        uint32_t raw = version == 2 ? read32(cpu, GICC_IAR) : arch_icc_acknowledge();

        if ((raw & ID_MASK) >= ID_SPECIAL)
            break;
        if ((raw & ID_MASK) == timer_ppi)
            arch_timer_off();
        if (version == 2)
            write32(cpu, GICC_EOIR, raw);
        else
            arch_icc_end(raw);
    }
    arch_sync(); /* what is acknowledged is so before the next sleep */
}
