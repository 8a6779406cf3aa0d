/* SPDX-License-Identifier: ISC */
/* pv.h - what the files of paravirtualization know of each other. */
#ifndef BOOT_PV_H
#define BOOT_PV_H

#include "boot.h"

/* ---- pv.c ---- */

/* pv_entry.S comes here: the start information's address, and the builder's stack. */
_Noreturn void pv_main(uint64_t start_info, uint64_t stack_top);
/* The machine's frame of our page in which `addr` lies. */
uint64_t pv_frame(uint64_t addr);

/* ---- pv_suspend.c ---- */

/* Takes the pages with which Xen's tools find the list of our pages' frames, of which there are
 * `frames` (Kept). -E_NOMEM. */
int pv_suspend_init(struct cs_ro frames);
/* Fills them, and says in shared info where they are: now and whenever our frames are others. */
void pv_suspend_publish(void);
/* As struct boot_mode's; updates *start from the start information at address `start_info`. */
int pv_suspend(struct pv_start *start, uint64_t start_info);

/* ---- pv_trap.c ---- */
/* Tells Xen where traps and upcalls enter; nothing is kept. Where Xen refuses traps, a
 * trap ends the domain without a word; pv_set_upcall gives 0 or Xen's negative E_ code. */
void pv_set_traps(void);
int pv_set_upcall(void);

/* ---- pv_entry.S ---- */
extern const uint8_t pv_trap_entries[], pv_upcall[], pv_failsafe[];

/* ---- pv_paging.c ---- */

/* Up to where the builder's page tables map memory, from 0 on without a gap: a byte's address. 0
 * where there is no sense in them. Lends `start`. */
uint64_t pv_mapped_end(const struct pv_start *start);
/* Maps all of the memory in *info, with the rights that memory.c gives, and Takes the pages that
 * its tables need from there, for good. Lends `info`. 0, or a negative E_ code with *why a sentence
 * (a literal). */
int pv_map_memory(const struct boot_info *info, const struct pv_start *start, const char **why);
/* Maps the machine's frame `mfn` at `addr`, of the window, readable and writable, in place of what
 * was there. 0, or the hypervisor's negative E_ code. The frame stays its owner's. */
int pv_map_frame(uint64_t addr, uint64_t mfn);
/* Leaves nothing there. */
int pv_unmap_frame(uint64_t addr);

#endif
