/* SPDX-License-Identifier: ISC */
/* board.h - the machine as a table of addresses, and what the files of this folder know of each
 * other. Groups are the files, in the order in which main.c starts them.
 *
 * Memory map and registers: Allwinner's A10 User Manual V1.50 and A20 User Manual V1.4. The EMAC
 * is in neither: emac_regs.h.
 */
#ifndef BOOT_BOARD_H
#define BOOT_BOARD_H

#include <morgana/cstruct.h>
#include <morgana/err.h>
#include <morgana/netdev.h>

/* ---- board.c ---- */

struct board {
    const char *name;
    uint32_t cpu; /* MIDR's primary part number, by which the board is known */
    uintptr_t sram, emac, mmc, ccm, intc, pio, timer, rtc, sid, uart, twi;
    uintptr_t gic_dist, gic_cpu; /* in place of intc; 0: it has none */
    uint8_t irq_uart, irq_timer, irq_mmc, irq_emac;
    uint16_t rtc_year; /* that of the RTC's year 0 */
    uint8_t rtc_year_mask;
    uint64_t ram_start, ram_end;  /* where memory can be; how much there is the loader says */
    uint64_t ram_least, ram_most; /* bytes, where it does not: powers of two */
};

/* The board we are on. Registers are at their physical addresses: main.c maps them. */
const struct board *board(void);
/* Finds out which it is. NULL: no CPU that we know. */
const struct board *board_detect(void);
/* Lets the EMAC have its clock, its pins and its memory. */
void board_emac_on(void);
/* The same for the SD host; and the clock that it passes on to the card: 24 MHz, or 400 kHz. */
void board_mmc_on(void);
void board_mmc_clock(bool fast);

/* ---- timer.c ---- */

void timer_init(void);
/* Of 24 MHz, since then. */
uint64_t timer_ticks(void);
/* The one-shot timer's interrupt will be pending after `ns` (at most a minute). */
void timer_set(uint64_t ns);
/* It is no longer pending. */
void timer_off(void);

/* ---- uart.c ---- */

void uart_init(void);
/* Takes in what was typed. True: something was. */
bool uart_poll(void);

/* ---- irq.c ---- */

/* No interrupt wakes us but these. */
void irq_init(void);

/* ---- power.c ---- */

/* No watchdog bites but by our will. */
void power_init(void);

/* ---- netdev.c ---- */

/* The command line, for mac=. */
void netdev_init(int argc, char *const *argv);

/* ---- blkdev.c ---- */

/* How long to sleep at most, because the card will not say when it has done writing. */
uint64_t blkdev_nap_ns(void);

/* ---- axp209.c ---- */

/* Asks the power controller to cut the power. Comes back where it cannot: why. */
const char *axp209_power_off(uintptr_t twi);

#endif
