/* SPDX-License-Identifier: ISC */
/* pv.h - what the files of paravirtualization know of each other. */
#ifndef BOOT_PV_H
#define BOOT_PV_H

#include "boot.h"

/* ---- pv.c ---- */

/* pv_entry.S comes here: the start information's address, and the builder's stack. */
_Noreturn void pv_main(uint64_t start_info, uint64_t stack_top);
/* The machine's frame of our page at `addr`. */
uint64_t pv_frame(uint64_t addr);

/* ---- pv_trap.c ---- */
void pv_set_traps(void);
int pv_set_upcall(void);

/* ---- pv_entry.S ---- */
extern const uint8_t pv_trap_entries[], pv_upcall[], pv_failsafe[];

/* ---- pv_paging.c ---- */

/* Up to where the builder's page tables map memory, from 0 on without a gap. 0 where there is no
 * sense in them. */
uint64_t pv_mapped_end(const struct pv_start *start);
int pv_map_memory(const struct boot_info *info, const struct pv_start *start, const char **why);
/* Maps the machine's frame `mfn` at `addr`, of the window, readable and writable. */
int pv_map_frame(uint64_t addr, uint64_t mfn);

#endif
