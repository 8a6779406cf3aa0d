/* SPDX-License-Identifier: ISC */
/* tables.h - page tables: three levels of 4 KiB (ARM ARM D5.3). */
#ifndef BOOT_XEN_ARM64_TABLES_H
#define BOOT_XEN_ARM64_TABLES_H

#include "boot/xen-arm/arch.h"

#define TABLES_ENTRIES 512u

/* As arch_map, in the tables below `top`; virtual = physical. The caller sees to it that the CPU's
 * walks see them. Needs nothing but memory_take_page: also with the MMU off. */
bool tables_map(uint64_t top[TABLES_ENTRIES], uint64_t phys, uint64_t size,
                enum arch_rights rights);

#endif
