/* SPDX-License-Identifier: ISC */
/* tree.h - what the device tree says of the machine, as far as a Xen guest wants to know, checked.
 * Bindings: Linux's Documentation/devicetree/bindings, arm/xen.txt among them, and the Devicetree
 * Specification. */
#ifndef BOOT_ARM_TREE_H
#define BOOT_ARM_TREE_H

#include <morgana/cstruct.h>

#include "boot/common/range.h"

#define TREE_RAM_MAX 16u      /* ranges of memory that we keep */
#define TREE_RESERVED_MAX 16u /* ranges that others keep */
#define TREE_PPI_NONE 0u      /* no interrupt: private ones begin at 16 */

struct tree {
    struct cs_ro bootargs;          /* /chosen, without its NUL; empty where there is none */
    struct range module;            /* /chosen, linux,initrd-start and -end */
    struct cs_ro rng_seed;          /* /chosen */
    uint64_t kaslr_seed;            /* /chosen; 0 where there is none */
    struct range ram[TREE_RAM_MAX]; /* whole pages, ascending, disjoint */
    unsigned ram_count;
    struct range reserved[TREE_RESERVED_MAX]; /* the memory reservation block, and
                                                      /reserved-memory */
    unsigned reserved_count;
    bool has_xen;          /* there is a node for the hypervisor, and it is Xen */
    struct range window;   /* its first range: for grant frames and the like */
    uint32_t event_ppi;    /* the interrupt that says "event", 16..31 */
    unsigned gic_version;  /* 2, 3; 0: none that we know */
    struct range gic_dist; /* the distributor */
    struct range gic_cpu;  /* version 2: the CPU interface; 3: the redistributors */
    uint32_t timer_ppi;    /* the virtual timer's interrupt, 16..31 */
    uint32_t timer_hz;     /* where the firmware did not set CNTFRQ; else 0 */
    struct range uart;     /* a PL011; only for a machine without Xen */
    bool has_psci, psci_by_smc;
};

/* Reads the tree `blob`. 0, or -E_INVAL with one sentence in *why (a literal): broken, or without
 * memory. What is missing is left empty. Views in *tree are of the blob. */
int tree_read(struct cs_ro blob, struct tree *tree, const char **why);

#endif
