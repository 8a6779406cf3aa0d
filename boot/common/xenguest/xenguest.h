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

/* ---- balloon.c ---- */

/* Once xenstore works, before the program's first malloc: memory/target is followed, where there
 * is one. `ram_bytes`: what the memory map has. Memory that was only promised is given back at
 * once. */
void xenguest_balloon_start(uint64_t ram_bytes);

/* ---- the target's frames.c ---- */

/* A page of the heap's that nobody uses leaves: it is no longer mapped, where the hypervisor wants
 * that. Its frame as the hypervisor knows it; UINT64_MAX: it cannot. */
uint64_t frames_leave(void *page);
/* Its number as the guest knows it. */
uint64_t frames_number(const void *page);
/* It has memory again, in a frame that the hypervisor knows so. 0, or a negative E_ code. */
int frames_come(void *page, uint64_t frame);

#endif
