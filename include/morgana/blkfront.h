/* SPDX-License-Identifier: ISC */
/* blkfront.h - Xen's paravirtual block frontend (public/io/blkif.h) as a blkdev.
 *
 * The caller owns the storage. Opening shakes hands with the backend and waits for it, within a
 * deadline; afterwards the backend's state is followed inside reap and arm: when it leaves, online
 * is false, and when it comes back the device opens again by itself, as netfront.h has it, with
 * caps that may be others. A backend that breaks the protocol is closed: offline, counted, logged
 * once; the program goes on, and may close the device and open it anew.
 *
 * Beyond blkdev.h:
 *   caps      The ring counts in 512 bytes, and so does the key `sectors`, whatever sector-size
 *             says (io/blkif.h). segs_max is BLKFRONT_SEGS_MAX: what a backend takes less of is
 *             split. flush is what feature-flush-cache or feature-barrier promise. write_zeroes is
 *             false: io/blkif.h promises nothing of what a discarded range reads as.
 *   copies    None, but where the data must not, or cannot, be shared in place; all in
 *             copied_bytes: a backend that the toolstack calls untrusted (`trusted` = 0 in our
 *             directory), persistent grants, and segments that are no multiple of a block of more
 *             than 512 bytes.
 *   submit    Waits for nothing. kick puts what was queued into the rings, neighbours of one op
 *             together; reap and arm do so too. Where no grant or page is left, requests stay
 *             queued, and each of these calls tries again.
 *   status    EOPNOTSUPP of the backend is -E_NOSYS and turns caps off; a flush is tried as a
 *             barrier first. A flush that failed is never reported as done.
 *   -E_NODEV  A request ends so when the backend has let go of its pages, or broke the protocol, or
 *             conf.timeout_ns after it began to leave. In the last two cases it may still write to
 *             pages of a READ: those stay out of their pool until it lets go, or is gone.
 *
 *   restore   In a domain that was saved and restored, or migrated, the device stays online. What
 *             was in flight is asked for again, so that a write may be done twice; it takes longer,
 *             and ends with -E_NODEV only where no backend comes within conf.timeout_ns, at the
 *             next reap or arm: nothing wakes the program for that. caps may be others afterwards.
 *
 * How long reap and arm may take where the backend's state changed: netfront.h; here a close takes
 * 3 requests to xenstore; an opening about 40 with one ring, 110 with the longest and most. */
#ifndef MORGANA_BLKFRONT_H
#define MORGANA_BLKFRONT_H

#include <morgana/blkdev.h>
#include <morgana/evtchn.h>
#include <morgana/gnttab.h>
#include <morgana/xenstore.h>

#define BLKFRONT_SEGS_MAX 256u     /* of one request: 1 MiB of whole pages */
#define BLKFRONT_REQUESTS_MAX 128u /* in flight: of the program's, and in the rings */
#define BLKFRONT_QUEUES_MAX 4u
#define BLKFRONT_RING_ORDER_MAX 4u
#define BLKFRONT_SEG_RECORDS 1024u /* segments in flight: 4 MiB of whole pages */
/* What a device has granted at most: a page for each segment, persistent or not, a list of them for
 * each ring request, and the rings. */
#define BLKFRONT_GRANTS_MAX                                                                        \
    (BLKFRONT_SEG_RECORDS + BLKFRONT_REQUESTS_MAX +                                                \
     (BLKFRONT_QUEUES_MAX << BLKFRONT_RING_ORDER_MAX))

struct blkfront_conf {
    struct evtchn *ev; /* Kept, all of them */
    struct gnttab *gt;
    struct xs *xs;
    /* Its pages become the rings (queues << ring_order), lists of segments (one for each ring
     * request of more than 11 segments in flight), and what is copied through; Kept */
    struct page_pool *pool;
    uint32_t index; /* device/vbd/<index> */
    /* A ring has 1 << ring_order pages, where the backend takes so many and the pool has so many in
     * a row: 0 (32 requests) .. BLKFRONT_RING_ORDER_MAX */
    uint8_t ring_order;
    uint8_t queues; /* 1..BLKFRONT_QUEUES_MAX, where the backend takes so many; 0: 1 */
    /* Asks for persistent grants: the backend keeps our pages mapped, and all data are copied.
     * Never with a backend that is untrusted */
    bool persistent;
    bool no_indirect;    /* at most 11 segments a ring request, whatever the backend offers */
    uint64_t timeout_ns; /* for the backend to connect, and to let go; 0: 10 s */
    /* Where pages that a backend keeps wait; Kept. May be shared by devices and outlasts them, so
     * that a later open can free them. NULL: such pages are lost when the device is closed. */
    struct gnttab_quarantine *quarantine;
};

struct blkfront; /* blkfront_priv.h; size for static storage below */
#define BLKFRONT_BYTES 32768u

/* Opens device/vbd/<index> in `storage` (BLKFRONT_BYTES, 16-byte aligned; Kept) and Gives the
 * device, online. -E_INVAL: conf; -E_NODEV: no such device; -E_TIMEDOUT; -E_PROTO: the backend's
 * keys are nonsense, or it lied; -E_NOMEM: no page or grant left; xenstore's errors. The reason is
 * logged; nothing is left open. */
int blkfront_open(void *storage, const struct blkfront_conf *conf, struct blkdev **dev);
/* Requests in flight are given up, and never reaped. Closing, waits (bounded) for the backend,
 * Closed, waits again; ends grants; pages the backend keeps are quarantined. Takes dev; the storage
 * is the caller's again, and so is that of requests. */
void blkfront_close(struct blkdev *dev);

/* ---- names ----------------------------------------------------------------------------------- */

/* What a virtual device number means (docs/man/xen-vbd-interface.7 of Xen). */
enum blkfront_kind { BLKFRONT_XVD, BLKFRONT_SD, BLKFRONT_HD, BLKFRONT_OTHER };
struct blkfront_name {
    uint8_t kind;  /* enum blkfront_kind */
    uint32_t disk; /* 0 is "a"; BLKFRONT_OTHER: the whole number */
    uint32_t part; /* 0: the whole disk */
};

/* Of "xvda", "xvda1", "sdb", "hdc3", "d0", "d0p1", or a number in decimal or 0x hexadecimal, each
 * with "/dev/" before it or without. -E_INVAL: none of these, or one that has no number. */
int blkfront_name_parse(const char *name, struct blkfront_name *out);
/* Of a virtual device number; both forms of a Xen disk's give the same. */
void blkfront_name_of(uint32_t vdev, struct blkfront_name *out);
/* The number, in the form that toolstacks write. -E_INVAL where there is none. */
int blkfront_name_vdev(const struct blkfront_name *name, uint32_t *vdev);
/* "xvda1"; the number for BLKFRONT_OTHER. */
#define BLKFRONT_NAME_BYTES 24u
void blkfront_name_text(const struct blkfront_name *name, char out[BLKFRONT_NAME_BYTES]);

/* What device `index` is called: blkfront_name_text of its `virtual-device`. Xenstore's errors. */
int blkfront_called(struct xs *xs, uint32_t index, char out[BLKFRONT_NAME_BYTES]);
/* Finds the device that `name` means: by its virtual device number in any form above, or by the
 * backend's `params` (of both, prefixes such as "file:", "phy:", "aio:" are left out).
 * -E_NODEV; -E_EXIST: more than one; xenstore's errors. */
int blkfront_find(struct xs *xs, const char *name, uint32_t *index);

#endif
