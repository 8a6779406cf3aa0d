/* SPDX-License-Identifier: ISC */
/* irq.c - which interrupts end a sleep. None is ever taken: the CPU masks them, and WFI ends where
 * one is pending all the same. All of ours are levels, which the devices let go when they have
 * been seen to; so there is nothing to acknowledge.
 */
#include "board.h"
#include "mmio.h"

/* A10: three registers of 32 each. The manual has two that each must let an interrupt through;
 * QEMU looks at the mask only. */
#define INTC_ENABLE(i) (0x40u + 4u * (i))
#define INTC_MASK(i) (0x50u + 4u * (i))
#define INTC_REGISTERS 3u

/* ARM's GIC, version 2. */
#define GICD_CTLR 0x000u
#define GICD_ENABLE(n) (0x100u + (n) / 32 * 4)
#define GICD_PRIORITY(n) (0x400u + (n) / 4 * 4)
#define GICD_TARGET(n) (0x800u + (n) / 4 * 4)
#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u

static void start_intc(const struct board *b, const uint8_t irqs[], size_t n)
{
    for (unsigned i = 0; i < INTC_REGISTERS; i++) {
        uint32_t wanted = 0;

        for (size_t k = 0; k < n; k++)
            wanted |= irqs[k] / 32 == i ? 1u << irqs[k] % 32 : 0;
        mmio_write(b->intc + INTC_ENABLE(i), wanted);
        mmio_write(b->intc + INTC_MASK(i), ~wanted);
    }
}

static void start_gic(const struct board *b, const uint8_t irqs[], size_t n)
{
    mmio_write(b->gic_dist + GICD_CTLR, 0);
    for (size_t k = 0; k < n; k++) {
        unsigned shift = irqs[k] % 4 * 8;

        mmio_clear_bits(b->gic_dist + GICD_PRIORITY(irqs[k]), 0xffu << shift);
        mmio_set_bits(b->gic_dist + GICD_TARGET(irqs[k]), 1u << shift); /* CPU 0 */
        mmio_write(b->gic_dist + GICD_ENABLE(irqs[k]), 1u << irqs[k] % 32);
    }
    mmio_write(b->gic_cpu + GICC_PMR, 0xff);
    mmio_write(b->gic_cpu + GICC_CTLR, 1);
    mmio_write(b->gic_dist + GICD_CTLR, 1);
}

void irq_init(void)
{
    const struct board *b = board();
    const uint8_t irqs[] = {b->irq_uart, b->irq_timer, b->irq_mmc, b->irq_emac};

    if (b->gic_dist != 0)
        start_gic(b, irqs, ARRAY_SIZE(irqs));
    else
        start_intc(b, irqs, ARRAY_SIZE(irqs));
}
