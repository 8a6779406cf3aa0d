/* SPDX-License-Identifier: ISC */
/* loader.h - what whoever started us says of the machine. */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include "boot/arm/tree.h"

/* Reads what is at `at` (r2): a device tree, or ATAGs; 0: nothing, then the memory is what answers.
 * 0, or -E_INVAL with one sentence in *why (a literal). *said: where it stands; views in *tree are
 * of that. */
int loader_read(uint32_t at, struct tree *tree, struct range *said, const char **why);

#endif
