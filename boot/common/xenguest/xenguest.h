/* SPDX-License-Identifier: ISC */
/* xenguest.h - what bare machines under Xen share: hypercalls for files that cannot include Xen's
 * headers beside ours; the wall clock. */
#ifndef BOOT_XENGUEST_H
#define BOOT_XENGUEST_H

#include <morgana/base.h>

/* ---- hypercall.c ---- */

/* XENMEM_memory_map: fills up to `count` of the BIOS's 20-byte entries. How many, or -E_. */
int xenguest_memory_map(void *entries, unsigned count);

/* ---- wall.c ---- */

/* Nanoseconds since 1970 when the machine's clock, that of plat_now_ns(), was 0; 0: nobody has told
 * Xen. */
uint64_t xenguest_wall_ns(void);

#endif
