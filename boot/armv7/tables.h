/* SPDX-License-Identifier: ISC */
/* tables.h - page tables of ARMv7's short-descriptor format (ARM DDI 0406, B3.5), as a data
 * structure: nothing here touches the CPU, so that tests run it anywhere. */
#ifndef ARMV7_TABLES_H
#define ARMV7_TABLES_H

#include <morgana/page.h>

#define ARMV7_MIB (1u << 20)

/* What may be done in a region. Only RX is executable; nothing is both writable and executable. */
enum armv7_rights {
    ARMV7_NONE,   /* faults, for ever */
    ARMV7_RX,     /* text */
    ARMV7_R,      /* read-only data */
    ARMV7_RW,     /* data, and what is shared with Xen: normal, write-back memory */
    ARMV7_DEVICE, /* registers: device memory, read and write, in order */
    ARMV7_RIGHTS
};

/* All numbers are multiples of PAGE_BYTES; neither range goes beyond 4 GiB. */
struct armv7_region {
    uint32_t virt, phys;
    uint32_t bytes;
    enum armv7_rights rights;
};

/* The caller's memory, and where the CPU finds it. */
struct armv7_tables {
    uint32_t *l1; /* 4,096 entries */
    uint32_t (*l2)[256];
    uint32_t l2_phys;
    unsigned l2_count, l2_used;
    bool shareable; /* other CPUs see our caches: normal memory is shareable */
    void (*written)(const void *start, size_t bytes); /* entries were; may be NULL */
};

/* Maps a region over whatever was there. 0; -E_INVAL: the region is not as above; -E_NOMEM: no
 * second-level table left, the region is mapped in part. */
int armv7_tables_map(struct armv7_tables *t, const struct armv7_region *region);
/* Maps those pages of a region that are neither mapped nor ARMV7_NONE yet. Errors as above. */
int armv7_tables_fill(struct armv7_tables *t, const struct armv7_region *region);

#endif
