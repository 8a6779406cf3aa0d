/* SPDX-License-Identifier: ISC */
/* pvh.h - what the files of hardware virtualization know of each other. */
#ifndef BOOT_PVH_H
#define BOOT_PVH_H

#include "boot.h"

/* ---- pvh.c ---- */

/* pvh_entry.S comes here: the address of struct hvm_start_info; or, where `loader` is
 * MULTIBOOT_LOADER, of Multiboot's information. */
_Noreturn void pvh_main(uint32_t start_info, uint32_t loader);

/* ---- pvh_trap.c ---- */
/* Loads the tables of traps and segments, which are this file's own. */
void pvh_set_traps(void);

/* ---- pvh_trap_entry.S ---- */
extern const uint8_t pvh_trap_entries[], pvh_upcall[];
/* Halts with interrupts on, and comes back with them off. */
void pvh_halt(void);

/* ---- pvh_paging.c ---- */
/* Maps all of the memory in *info, with the rights that memory.c gives. Lends `info`. 0, or a
 * negative E_ code with *why a sentence (a literal). */
int pvh_map_memory(const struct boot_info *info, const char **why);
/* Maps the page at guest-physical `addr`, outside RAM, readable and writable, for good; gives its
 * virtual address. NULL: no page for a page table. */
void *pvh_map_page(uint64_t addr);

#endif
