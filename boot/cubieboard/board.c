/* SPDX-License-Identifier: ISC */
/* board.c - the boards that we know, and what has to be switched on. */
#include "board.h"
#include "boot/armv7/armv7.h"
#include "mmio.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

#define SRAM_CTRL1 0x04u
#define SRAM_CTRL1_EMAC 0x14u /* SRAM A3 and A4 are the EMAC's FIFOs */
#define CCM_AHB_GATE0 0x60u
#define CCM_AHB_GATE0_EMAC (1u << 17)
#define CCM_AHB_GATE0_MMC (1u << 8)
#define CCM_MMC_CLOCK 0x88u
#define CCM_MMC_CLOCK_400K 0x8002000eu /* on; of 24 MHz: by 2^2, by 15 */
#define CCM_MMC_CLOCK_24M 0x80500000u  /* on; all of 24 MHz; sampled five steps later */
/* A port's registers: functions of the pins, eight to a register, four bits each; strength and
 * pull, sixteen to a register, two bits each. */
#define PIO_PORT(n) (0x24u * (n))
#define PIO_CFG 0x00u
#define PIO_DRIVE 0x14u
#define PIO_PULL 0x1cu
#define PORT_A 0u
#define PORT_F 5u
#define PIO_EMAC 2u /* the function of PA0..PA17 */
#define EMAC_PINS 18u
#define PIO_MMC 2u /* the function of PF0..PF5 */
#define MMC_PINS 6u
#define MMC_DRIVE 2u
#define MMC_PULL_UP 1u

/* MIDR (ARM ARM B4.1.105). */
#define PART_CORTEX_A8 0xc08u
#define PART_CORTEX_A7 0xc07u

/* The second has never been run: neither QEMU has it nor have we. Its EMAC shares the pins with a
 * gigabit controller, which is not used. */
static const struct board boards[] = {
    {.name = "Cubieboard (Allwinner A10)",
     .cpu = PART_CORTEX_A8,
     .sram = 0x01c00000,
     .emac = 0x01c0b000,
     .mmc = 0x01c0f000,
     .ccm = 0x01c20000,
     .intc = 0x01c20400,
     .pio = 0x01c20800,
     .timer = 0x01c20c00,
     .rtc = 0x01c20d00,
     .sid = 0x01c23800,
     .uart = 0x01c28000,
     .twi = 0x01c2ac00,
     .irq_uart = 1,
     .irq_timer = 22,
     .irq_mmc = 32,
     .irq_emac = 55,
     .rtc_year = 2010,
     .rtc_year_mask = 0x3f,
     .ram_start = 1 * GIB,
     .ram_end = 3 * GIB,
     .ram_least = 512 * MIB,
     .ram_most = 1 * GIB},
    {.name = "Cubieboard2 (Allwinner A20)",
     .cpu = PART_CORTEX_A7,
     .sram = 0x01c00000,
     .emac = 0x01c0b000,
     .mmc = 0x01c0f000,
     .ccm = 0x01c20000,
     .gic_dist = 0x01c81000,
     .gic_cpu = 0x01c82000,
     .pio = 0x01c20800,
     .timer = 0x01c20c00,
     .rtc = 0x01c20d00,
     .sid = 0x01c23800,
     .uart = 0x01c28000,
     .twi = 0x01c2ac00,
     .irq_uart = 32 + 1,
     .irq_timer = 32 + 22,
     .irq_mmc = 32 + 32,
     .irq_emac = 32 + 55,
     .rtc_year = 1970,
     .rtc_year_mask = 0xff,
     .ram_start = 1 * GIB,
     .ram_end = 3 * GIB,
     .ram_least = 512 * MIB,
     .ram_most = 1 * GIB},
};

static const struct board *found;

const struct board *board_detect(void)
{
    uint32_t part = ARMV7_CP15_READ(0, c0, c0, 0) >> 4 & 0xfff;

    for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
        if (boards[i].cpu == part)
            found = &boards[i];
    }
    return found;
}

const struct board *board(void)
{
    return found;
}

/* Field `i` of `bits` bits, of those that are packed into registers from `at` on. */
static void set_field(uintptr_t at, unsigned i, unsigned bits, uint32_t value)
{
    const unsigned shift = i * bits % 32;

    at += i * bits / 32 * 4;
    mmio_write(at, (mmio_read(at) & ~(((1u << bits) - 1) << shift)) | value << shift);
}

void board_emac_on(void)
{
    mmio_set_bits(found->sram + SRAM_CTRL1, SRAM_CTRL1_EMAC);
    mmio_set_bits(found->ccm + CCM_AHB_GATE0, CCM_AHB_GATE0_EMAC);
    for (unsigned pin = 0; pin < EMAC_PINS; pin++)
        set_field(found->pio + PIO_PORT(PORT_A) + PIO_CFG, pin, 4, PIO_EMAC);
}

void board_mmc_on(void)
{
    const uintptr_t port = found->pio + PIO_PORT(PORT_F);

    mmio_set_bits(found->ccm + CCM_AHB_GATE0, CCM_AHB_GATE0_MMC);
    for (unsigned pin = 0; pin < MMC_PINS; pin++) {
        set_field(port + PIO_CFG, pin, 4, PIO_MMC);
        set_field(port + PIO_DRIVE, pin, 2, MMC_DRIVE);
        set_field(port + PIO_PULL, pin, 2, MMC_PULL_UP);
    }
    board_mmc_clock(false);
}

void board_mmc_clock(bool fast)
{
    mmio_write(found->ccm + CCM_MMC_CLOCK, fast ? CCM_MMC_CLOCK_24M : CCM_MMC_CLOCK_400K);
}
