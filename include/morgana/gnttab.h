/* SPDX-License-Identifier: ISC */
/* gnttab.h - grant tables (Xen's public/grant_table.h), versions 1 and 2: letting another domain use our pages. */
#ifndef MORGANA_GNTTAB_H
#define MORGANA_GNTTAB_H

#include <morgana/base.h>
#include <morgana/err.h>

typedef uint32_t gref_t; /* 0..7 are reserved and never ours: 0 is "none" */

#define GNTTAB_RESERVED 8u

struct gnttab_conf {
    uint32_t version;    /* 1, 2, or 0: what the hypervisor prefers, v1 on a tie */
    uint32_t *free_list; /* one word an entry; Kept */
    uint32_t entries_max; /* words in free_list; 512 v1 or 256 v2 entries make a frame */
};

struct gnttab_stats {
    uint64_t grants, ends, in_use /* end refused: still mapped */, empty /* table exhausted */;
    uint32_t free_count, free_min;
};

/* State; treat as opaque. */
struct gnttab {
    struct gnttab_conf conf;
    uint32_t version, frames, frames_max, entries;
    gref_t free_head;
    struct gnttab_stats stats;
    void *frame[64];        /* grant frames, mapped */
    uint16_t *status[8];    /* v2: status frames, mapped */
};

/* Sets the version, maps the first frame. More frames come on demand. Hypervisor's errors; -E_NOSYS for a version it lacks. */
int gnttab_init(struct gnttab *gt, const struct gnttab_conf *conf);
void gnttab_fini(struct gnttab *gt);

/* Lets `domid` read and write (or only read) the frame; *gref is Given, to be ended. -E_NOMEM: table exhausted, counted. */
int gnttab_grant(struct gnttab *gt, uint16_t domid, uint64_t gfn, bool read_only, gref_t *gref);

/* Ends it. 0: nobody maps it any more and the reference is free again. -E_BUSY: the other domain still uses it: the grant stands, the caller
 * quarantines the page and may try again later; never waits. */
int gnttab_end(struct gnttab *gt, gref_t gref);

/* Does the other domain map it right now? */
bool gnttab_is_mapped(const struct gnttab *gt, gref_t gref);

/* One segment of a hypervisor copy (GNTTABOP_copy): each side is a gref of `domid`, or a frame of ours. */
struct gnttab_copy_end {
    bool is_gref;
    uint16_t domid;  /* is_gref: who granted */
    uint32_t gref;
    uint64_t gfn;
    uint16_t off;    /* bytes in the page */
};
int gnttab_copy(struct gnttab *gt, const struct gnttab_copy_end *from, const struct gnttab_copy_end *to, uint16_t len);

/* Maps a page that `domid` granted at `virt` (a page of address space that the target set aside). *handle is Given, to be unmapped. */
int gnttab_map(struct gnttab *gt, uint16_t domid, gref_t gref, void *virt, bool read_only, uint32_t *handle);
int gnttab_unmap(struct gnttab *gt, void *virt, uint32_t handle);

/* GNTST_* of public/grant_table.h as an E_ code: 0, or negative. */
int gnttab_err(int16_t gntst);

#endif
