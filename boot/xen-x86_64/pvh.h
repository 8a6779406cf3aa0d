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
void pvh_set_traps(void);

/* ---- pvh_trap_entry.S ---- */
extern const uint8_t pvh_trap_entries[], pvh_upcall[];
/* Halts with interrupts on, and comes back with them off. */
void pvh_halt(void);

/* ---- pvh_paging.c ---- */
int pvh_map_memory(const struct boot_info *info, const char **why);
/* Maps the page at guest-physical `addr`, outside RAM, readable and writable. NULL: no page for a
 * page table. */
void *pvh_map_page(uint64_t addr);

#endif
