/* SPDX-License-Identifier: ISC */
/* gnttab.h - grant tables (Xen's public/grant_table.h), versions 1 and 2: letting another domain
 * use our pages. */
#ifndef MORGANA_GNTTAB_H
#define MORGANA_GNTTAB_H

#include <morgana/base.h>
#include <morgana/err.h>
#include <morgana/page.h>

typedef uint32_t gref_t; /* 0..7 are reserved and never ours: 0 is "none" */

#define GNTTAB_RESERVED 8u

struct gnttab_conf {
    uint32_t version;     /* 1, 2, or 0: 1 where the hypervisor has it, else 2 */
    uint32_t *free_list;  /* one word an entry; Kept */
    uint32_t entries_max; /* words in free_list, above GNTTAB_RESERVED; a frame has 512 or 256 */
};

struct gnttab_stats {
    uint64_t grants, ends;
    uint64_t in_use;     /* ends refused: the other domain still used it */
    uint64_t empty;      /* grants refused: table exhausted */
    uint32_t free_count; /* entries not granted, of all that the table may grow to */
    uint32_t free_min;   /* the fewest there ever were */
};

#define GNTTAB_FRAMES_MAX 64u
#define GNTTAB_STATUS_FRAMES_MAX 8u

/* State; treat as opaque. */
struct gnttab {
    struct gnttab_conf conf;
    uint32_t version;    /* 1 or 2 */
    uint32_t frames;     /* mapped */
    uint32_t frames_max; /* what the hypervisor allows, and entries_max fills */
    uint32_t entries;    /* in the mapped frames, at most entries_max */
    gref_t free_head;    /* 0: none left in the mapped frames */
    uint32_t epoch;      /* how often the domain was resumed: see gnttab_epoch */
    struct gnttab_stats stats;
    void *frame[GNTTAB_FRAMES_MAX];             /* grant frames, mapped */
    uint16_t *status[GNTTAB_STATUS_FRAMES_MAX]; /* v2: status frames, mapped */
};

/* Sets the version, maps the first frame. More frames come on demand. -E_INVAL for conf;
 * hypervisor's errors; -E_NOSYS for a version it lacks; -E_NOMEM where a frame cannot be mapped. */
int gnttab_init(struct gnttab *gt, const struct gnttab_conf *conf);
/* Ends every grant that the other side has let go. What it still uses stays granted: the hypervisor
 * keeps it so. */
void gnttab_fini(struct gnttab *gt);

/* After a restore or a migration: the domain has a new table without entries. Maps its frames anew
 * where they were, empties every entry, and begins a new epoch. References that drivers hold stay
 * taken in our books until they end them, and then ending always succeeds: nobody uses them any
 * more. Not after a suspend that was cancelled. As gnttab_init fails: then there is no table. */
int gnttab_resume(struct gnttab *gt);
/* Of a grant that was made in another epoch the other side knows nothing any more. A device keeps
 * the number it connected under; when it has changed, its rings, grants and event channels are gone
 * and it connects anew. */
static inline uint32_t gnttab_epoch(const struct gnttab *gt)
{
    return gt->epoch;
}

/* Lets `domid` read and write (or only read) the frame; *gref is Given, to be ended, and is unique
 * while it lives. -E_NOMEM: table exhausted, counted. -E_INVAL: version 1 has frame numbers of 32
 * bits. */
int gnttab_grant(struct gnttab *gt, uint16_t domid, uint64_t gfn, bool read_only, gref_t *gref);

/* Ends it. 0: nobody uses it any more and the reference is free again. -E_BUSY, counted: the other
 * domain still uses it: the reference stays taken, the caller quarantines the page and tries again
 * later (on version 2 no new use can begin meanwhile). Never waits. */
int gnttab_end(struct gnttab *gt, gref_t gref);

/* Does the other domain use it (map it, or copy by it) right now? */
bool gnttab_is_mapped(const struct gnttab *gt, gref_t gref);

/* ---- quarantine ------------------------------------------------------------------------------ */

/* Pages whose grant could not be ended, oldest first, linked by page->next; page->gref is the
 * grant. Zero is an empty one. */
struct gnttab_quarantine {
    struct page *first, *last;
    uint32_t count;
    uint64_t total, released;
};

/* Takes a page (POSTED, or HELD with the caller's as the last reference) whose page->gref was
 * refused by gnttab_end: it becomes QUARANTINED. */
void gnttab_quarantine_add(struct gnttab_quarantine *q, struct page *page);
/* The same for a page that was lent under `gref`, and that others may hold: those go on using it,
 * and it stays HELD. Takes the caller's reference, so that nobody gets the page anew before the
 * grant has ended. Never, where nobody could tell that it has: where gref is 0 (there were several,
 * of which a page remembers one), or the page waits for another one already. */
void gnttab_quarantine_lent(struct gnttab_quarantine *q, struct page *page, gref_t gref);
/* Tries again to end at most `budget` grants, each at most once; what ended goes back to its pool
 * as far as nobody else holds it. Returns how many did. Cheap where the quarantine is empty. */
uint32_t gnttab_quarantine_poll(struct gnttab_quarantine *q, struct gnttab *gt, uint32_t budget);

/* ---- using what others granted --------------------------------------------------------------- */

/* One segment of a hypervisor copy (GNTTABOP_copy): each side is a gref of `domid`, or a frame of
 * ours. */
struct gnttab_copy_end {
    bool is_gref;
    uint16_t domid; /* is_gref: who granted */
    uint32_t gref;
    uint64_t gfn;
    uint16_t off; /* bytes in the page */
};
/* `len` bytes; neither side may cross its page's end: -E_INVAL. Others as gnttab_err. Lends from
 * and to; grants and frames stay whose they are. */
int gnttab_copy(struct gnttab *gt, const struct gnttab_copy_end *from,
                const struct gnttab_copy_end *to, uint16_t len);

/* Maps a page that `domid` granted at `virt` (a page of address space that the target set aside:
 * what memory was there is not there afterwards). *handle is Given, to be unmapped. Errors as
 * gnttab_err. */
int gnttab_map(struct gnttab *gt, uint16_t domid, gref_t gref, void *virt, bool read_only,
               uint32_t *handle);
/* Takes handle, which gnttab_map gave for the page at `virt`. Errors as gnttab_err. */
int gnttab_unmap(struct gnttab *gt, void *virt, uint32_t handle);

/* GNTST_* of public/grant_table.h as an E_ code: 0, or negative. A value the header does not name
 * is -E_IO. */
int gnttab_err(int16_t gntst);

#endif
