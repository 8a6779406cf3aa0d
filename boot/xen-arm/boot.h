/* SPDX-License-Identifier: ISC */
/* boot.h - what the files of this folder know of each other. Groups are the files, in the order
 * in which main.c starts them. */
#ifndef BOOT_XEN_ARM_BOOT_H
#define BOOT_XEN_ARM_BOOT_H

#include <morgana/err.h>

#include "arch.h"

/* ---- frames.c ---- */

/* Finds and maps the console ring, so that whatever goes wrong next can be said. Needs hypercalls
 * only. */
void frames_find_console(void);
/* Maps all that xen.h promises; Xen's frames appear in `window`. -E_: shared info is missing. */
int frames_init(struct range window);

/* ---- gic.c ---- */

/* Brings up the interrupt controller for the interrupts that wake us. -E_ with one sentence in
 * *why. */
int gic_init(const struct tree *tree, const char **why);
/* Acknowledges whatever is pending, so that the next sleep is one. */
void gic_acknowledge(void);

/* ---- clock.c ---- */

/* -E_INVAL: nobody knows the counter's frequency. `hz`: the device tree's, 0 for none. */
int clock_init(uint32_t hz);
/* The counter's value at plat_now_ns() == ns, or a little after. */
uint64_t clock_ticks_at(uint64_t ns);

/* ---- without_xen.c ---- */

/* There is no hypervisor: says so where the tree names a console, and stops. */
_Noreturn void without_xen(const struct tree *tree);

#endif
