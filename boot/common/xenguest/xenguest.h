/* SPDX-License-Identifier: ISC */
/* xenguest.h - hypercalls for files that cannot include Xen's headers beside ours. */
#ifndef BOOT_XENGUEST_H
#define BOOT_XENGUEST_H

#include <morgana/base.h>

/* XENMEM_memory_map: fills up to `count` of the BIOS's 20-byte entries. How many, or -E_. */
int xenguest_memory_map(void *entries, unsigned count);

#endif
