/* SPDX-License-Identifier: ISC */
/* atags.h - what a loader without a device tree says of the machine: a list of tagged values
 * (Linux's Documentation/arch/arm/booting.rst, section 4), checked. */
#ifndef BOOT_ATAGS_H
#define BOOT_ATAGS_H

#include <morgana/cstruct.h>

#include "boot/arm/tree.h"

#define ATAGS_BYTES_MAX 16384u /* a longer list is refused */

/* Does a list of tags begin here? */
bool atags_is_list(struct cs_ro bytes);

/* Reads the list at the start of `bytes`, into the same form as a device tree's news: bootargs,
 * module, ram (whole pages, ascending, disjoint). 0, or -E_INVAL with one sentence in *why (a
 * literal): broken, or without memory. Views are of `bytes`. */
int atags_read(struct cs_ro bytes, struct tree *tree, const char **why);

#endif
