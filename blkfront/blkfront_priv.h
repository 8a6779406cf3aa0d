/* SPDX-License-Identifier: ISC */
/* blkfront_priv.h - the frontend's insides. blkfront.c opens with how they work together.
 *
 * The verbs are netfront's:
 *     create   makes the rings, in pages of the pool
 *     fill     puts queued requests into them
 *     push     shows them to the backend, with an event where it wants one
 *     drain    takes responses
 *     arm      asks for a wake-up and looks again
 *     destroy  takes everything back from the backend
 */
#ifndef BLKFRONT_PRIV_H
#define BLKFRONT_PRIV_H

#include <morgana/blkfront.h>

#include "blkfront_wire.h"
#include "xen/xenbus_front.h"

#define BLKFRONT_NONE UINT16_MAX
#define BLKFRONT_NO_QUEUE UINT8_MAX
#define BLKFRONT_RING_PAGES_MAX (1u << BLKFRONT_RING_ORDER_MAX)
#define BLKFRONT_SECTORS_MAX (UINT64_C(1) << 54) /* so that bytes fit 63 bits */
#define BLKFRONT_QUARANTINE_BATCH 64u
#define BLKFRONT_KEPT_MAX 256u /* pages that former backends may keep mapped */

STATIC_ASSERT(BLKFRONT_SEGS_MAX <= PAGE_BYTES / blkfront_seg_SIZE, "one page lists them all");

/* How a backend can break the protocol, each with what the log says. */
#define BLKFRONT_VIOLATIONS(V)                                                                     \
    V(RSP_PROD, "more responses than requests")                                                    \
    V(ID, "a response's id is not in flight")                                                      \
    V(OP, "a response's operation is not its request's")                                           \
    V(STATUS, "a response's status has no meaning")                                                \
    V(MAPPED, "a page is still mapped after its response")                                         \
    V(KEPT, "pages of earlier connections are still mapped")                                       \
    V(STATE, "its XenbusState is none")

#define BLKFRONT_VIOLATION_CONST(name, text) BLKFRONT_##name,
enum blkfront_violation {
    BLKFRONT_NO_VIOLATION,
    BLKFRONT_VIOLATIONS(BLKFRONT_VIOLATION_CONST) BLKFRONT_VIOLATION_COUNT
};

/* A piece of a page that the backend may use. */
struct blkfront_lent {
    struct page *page; /* with a reference of ours; persistent: ours alone */
    gref_t gref;
    uint16_t next; /* of the same ring request; or free */
};

/* A request of the program's. */
struct blkfront_io {
    struct blk_req *req;
    /* Queued: the next one. In a ring request: the next one there. Free: likewise */
    struct blkfront_io *next;
    int error;      /* of the parts that came back; 0 */
    uint16_t parts; /* ring requests that are on their way for it */
    bool copied;    /* through pages of ours: not in place */
    bool whole;     /* all of it was put into rings */
};

/* A request in a ring, found by its id. */
struct blkfront_shadow {
    uint64_t id;               /* 0: free; the low 16 bits are its place in the table */
    struct blkfront_io *first; /* whom it serves: `ios` of them, by next; 0: nobody any more */
    struct page *list;         /* of segments, where it is indirect; under its gref */
    uint32_t at, bytes;        /* of the first one's data on, so many of all of them */
    uint16_t ios;
    uint16_t lent; /* what the backend may use, in order; BLKFRONT_NONE: nothing */
    uint16_t next_free;
    uint8_t op;    /* BLKIF_OP_*; where it is indirect, the one meant */
    uint8_t queue; /* where its response must come; BLKFRONT_NO_QUEUE: none is awaited */
    bool copied;
};

struct blkfront_queue {
    struct ring ring;
    struct page *ring_pages; /* the first of several in a row, each under its gref; NULL: none */
    evtchn_port_t port;      /* 0: none */
};

struct blkfront {
    struct blkdev dev;
    struct blkfront_conf conf;

    /* The connection: blkfront.c and blkfront_xs.c. */
    struct xenbus_front front;
    bool untrusted;        /* `trusted` = 0: the backend sees only pages made for it */
    bool live;             /* both ends are Connected: the rings are in use */
    bool resuming;         /* the domain was restored while it was online: requests wait, */
    uint64_t resume_by_ns; /* ... until then, by plat_now_ns */
    uint64_t settle_at_ns; /* when requests in flight are given up; 0: not leaving */
    uint8_t violation;     /* enum blkfront_violation: the first one */
    struct gnttab_quarantine *quarantine; /* the caller's, or our own */
    struct gnttab_quarantine own_quarantine;

    /* What was agreed. */
    bool persistent;  /* grants: pages of `kept` are mapped for good */
    bool barrier;     /* the backend has it, as far as is known */
    uint8_t flush_op; /* BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_WRITE_BARRIER; where caps.flush */
    uint8_t ring_order;
    uint8_t queue_count; /* queues that exist */
    uint8_t next_queue;  /* gets the next request */
    uint16_t segs_max;   /* of a ring request */

    /* Requests. */
    struct blkfront_io *queued, *queued_last; /* not, or not wholly, in rings; by next */
    struct blkfront_io *io_free;
    struct blk_req *done, *done_last; /* by next: not reaped */
    uint32_t queued_at;               /* bytes of the first queued one that are in rings */
    uint16_t shadow_free;
    uint16_t flying; /* shadows that await a response */
    uint16_t lent_free, lent_free_count;
    bool refused;      /* a submit, for want of a free io */
    uint64_t serial;   /* of ids */
    struct page *kept; /* persistent: granted pages in no request, last used first; by next */
    uint32_t kept_count;

    struct blkfront_queue queue[BLKFRONT_QUEUES_MAX];
    struct blkfront_io io[BLKFRONT_REQUESTS_MAX];
    struct blkfront_shadow shadow[BLKFRONT_REQUESTS_MAX];
    struct blkfront_lent lent[BLKFRONT_SEG_RECORDS];
};
STATIC_ASSERT(sizeof(struct blkfront) <= BLKFRONT_BYTES,
              "BLKFRONT_BYTES is what callers set aside");

/* ---- blkfront.c ------------------------------------------------------------------------------ */

/* The backend broke the protocol: offline, counted, logged once; the next blkfront_follow closes
 * the device. `a`, `b`, `c` are the numbers it gave. */
void blkfront_violate(struct blkfront *bf, enum blkfront_violation what, uint64_t a, uint64_t b,
                      uint64_t c);
/* The backend cannot be using our pages any more: takes back what can be taken. It may, but we wait
 * no longer: the program's requests end all the same. */
void blkfront_settle(struct blkfront *bf);
/* Everything comes back that the backend lets go; `force`: requests end though it does not. True:
 * all did. */
bool blkfront_take_back(struct blkfront *bf, bool force);

/* ---- blkfront_xs.c --------------------------------------------------------------------------- */

/* What is a block device's own in the life of a frontend. */
extern const struct xenbus_front_ops blkfront_life;
/* Sees whether the backend's state changed and does what the table says. Cheap where nothing
 * came. */
void blkfront_follow(struct blkfront *bf);

/* ---- blkfront_ring.c ------------------------------------------------------------------------- */

/* `count` rings of 1 << order pages, or less where the pool has not so many in a row, and their
 * event channels; sets queue_count and ring_order. -E_NOMEM, or the hypervisor's errors: then
 * nothing is left. */
int blkfront_rings_create(struct blkfront *bf, unsigned count, unsigned order);
/* Shows the backend what was put. */
void blkfront_rings_push(struct blkfront *bf);
/* Takes all responses that are there. */
void blkfront_rings_drain(struct blkfront *bf);
/* True: there are responses. */
bool blkfront_rings_arm(struct blkfront *bf);
/* A queue with room for a request, in turn; NULL: none. */
struct blkfront_queue *blkfront_rings_room(struct blkfront *bf);
/* No event channel is ours any more: others may have their numbers. */
void blkfront_rings_forget(struct blkfront *bf);
/* The ring pages and event channels go back; what the backend still maps is quarantined. */
void blkfront_rings_destroy(struct blkfront *bf);

/* ---- blkfront_io.c: requests of the program's ------------------------------------------------ */

void blkfront_io_init(struct blkfront *bf);
/* As blkdev_ops.submit. */
int blkfront_io_submit(struct blkfront *bf, struct blk_req *req);
/* Puts what is queued into the rings, as far as there is room. */
void blkfront_io_fill(struct blkfront *bf);
/* One part of it is done; with the last one the request is. */
void blkfront_io_part_done(struct blkfront *bf, struct blkfront_io *io, int error);
/* What was not put into a ring ends with -E_NODEV. */
void blkfront_io_drop(struct blkfront *bf);
/* Back to the queue: it will be asked for in another way. */
void blkfront_io_again(struct blkfront *bf, struct blkfront_io *io);
/* Those that were in rings, in their order, go back into the queue, before the others; none of
 * their parts counts. */
void blkfront_io_requeue(struct blkfront *bf, struct blkfront_io *const *ios, unsigned n);
/* What waits in the queue is judged by what the backend can do now. */
void blkfront_io_judge_again(struct blkfront *bf);
unsigned blkfront_io_reap(struct blkfront *bf, struct blk_req **reqs, unsigned n);

/* ---- blkfront_rsp.c: requests in the rings --------------------------------------------------- */

void blkfront_shadow_init(struct blkfront *bf);
/* One with a new id, for `io`; nothing lent. There is one free: bf->shadow_free. */
struct blkfront_shadow *blkfront_shadow_get(struct blkfront *bf, struct blkfront_io *io);
/* It serves nobody any more, and awaits nothing: free, unless the backend still maps something. */
void blkfront_shadow_put(struct blkfront *bf, struct blkfront_shadow *sh);
/* One response. False: it was a lie, and the device is being closed. */
bool blkfront_rsp_one(struct blkfront *bf, unsigned queue, struct blkfront_rsp rsp);
/* The domain was restored: every request in flight goes back into the queue, the oldest first.
 * Their pages are still to be taken: blkfront_rsp_destroy. */
void blkfront_rsp_again(struct blkfront *bf);
/* Every request in flight ends for the program with -E_NODEV; what it lent stays noted, under
 * grants that are in force. */
void blkfront_rsp_give_up(struct blkfront *bf);
/* Every request in flight comes back from the backend: those with nothing lent any more, or all
 * where `force`, end with -E_NODEV. True: nothing is lent any more. What is, stays noted: call
 * again. */
bool blkfront_rsp_destroy(struct blkfront *bf, bool force);

/* ---- blkfront_data.c: pages ------------------------------------------------------------------ */

void blkfront_data_init(struct blkfront *bf);
/* How many segments could be lent now. */
uint32_t blkfront_data_room(const struct blkfront *bf, bool copied);
/* Lends the data that the shadow names, and writes segments to `to`; or -E_NOMEM: then nothing is
 * lent, but what a backend maps that it was never shown (a violation). Their number in *segs. */
int blkfront_data_lend(struct blkfront *bf, struct blkfront_shadow *sh, uint8_t *to,
                       uint32_t *segs);
/* A page for a list of segments, granted. NULL: none, or no grant. */
struct page *blkfront_data_list_get(struct blkfront *bf);
/* What was read, to the program's pages. */
void blkfront_data_copy_out(struct blkfront *bf, const struct blkfront_shadow *sh);
/* Takes back what the shadow lent. False: the backend still maps some, which stays in its list. */
bool blkfront_data_take(struct blkfront *bf, struct blkfront_shadow *sh);
/* Persistent grants end; pages still mapped are quarantined. */
void blkfront_data_unkeep(struct blkfront *bf);
/* What is lent still is quarantined: the shadow's memory goes away. */
void blkfront_data_abandon(struct blkfront *bf);

#endif
