/* SPDX-License-Identifier: ISC */
/* blkrig.h - for tests of blkfront: a guest with one disk on the simulated Xen, and a backend for
 * it that is worked by hand.
 *
 * The simulator's own blkback behaves. This one does what a test tells it: it has the rings mapped,
 * takes requests one by one, and answers with any bytes at all. Everything between (hypercalls,
 * grants, events, xenstore) is real.
 *
 *     blkrig_start(&(struct blkrig_conf){.indirect = 256});     keys in xenstore; InitWait
 *     assert_int_equal(blkrig_open(), 0);      blkfront_open, and the handshake of a good backend
 *     blkdev_submit(blkrig.dev, &req);  blkdev_kick(blkrig.dev);
 *     blkrig_take(0, &got);             what the ring holds
 *     blkrig_answer(&got, blkrig_do(&got));    does it on the disk in memory, answers
 *     blkdev_reap(blkrig.dev, ...)      what the driver makes of it
 *     blkrig_stop(0);                   closes, and proves that every page and grant came back
 */
#ifndef TESTS_BLKRIG_H
#define TESTS_BLKRIG_H

#include <morgana/blkfront.h>

#include "blkfront/blkfront_priv.h"
#include "platform/sim/sim.h"

#define BLKRIG_PAGES 2048u
#define BLKRIG_FRONT "/local/domain/1/device/vbd/51712"
#define BLKRIG_BACK "/local/domain/0/backend/vbd/1/51712"
#define BLKRIG_DISK_BYTES (8u << 20)

struct blkrig_conf {
    uint64_t seed;
    uint32_t gnttab_version; /* 0: 1 */
    uint32_t grants_max;     /* 0: 4096 */
    uint32_t pages;          /* 0: BLKRIG_PAGES */
    /* Keys; NULL: none. */
    const char *trusted, *mode, *info;
    const char *sectors; /* NULL: those of the disk in memory */
    const char *sector_size, *physical_size, *flush, *barrier;
    const char *discard, *discard_secure, *discard_granularity, *discard_alignment;
    const char *queues_max, *ring_order_max, *ring_pages_max;
    uint32_t indirect;       /* feature-max-indirect-segments; 0: no key */
    bool persistent;         /* the backend offers it */
    uint64_t disk_at;        /* byte of the device at which the disk in memory begins */
    struct blkfront_conf bf; /* ring_order, queues, persistent, no_indirect, timeout_ns */
    bool no_quarantine;
    uint32_t index; /* all rings begin there (a multiple of their slots): for wrap */
};

/* One queue as the backend has it. */
struct blkrig_queue {
    uint32_t grefs[BLKFRONT_RING_PAGES_MAX];
    uint32_t pages, slots, port; /* domain 0's port; 0: none */
    struct ring_shared *shared;  /* NULL: not mapped */
    uint32_t req_cons, rsp_prod;
};

struct blkrig_seg {
    uint32_t gref;
    uint8_t first, last; /* sectors of 512 bytes in the page */
};

/* A request as it lies in the ring. */
struct blkrig_req {
    unsigned queue;
    uint8_t op;    /* as it stands there: BLKIF_OP_INDIRECT too */
    uint8_t meant; /* READ, WRITE, ... */
    uint8_t flag;  /* of a discard */
    uint16_t handle;
    uint64_t id, sector, sectors; /* sectors: of a discard */
    uint32_t list;                /* gref of an indirect one's segments */
    uint32_t segs;
    struct blkrig_seg seg[BLKFRONT_SEGS_MAX];
    uint8_t raw[BLKFRONT_SLOT_BYTES];
};

struct blkrig {
    struct blkrig_conf conf;
    struct evtchn ev;
    struct gnttab gt;
    struct xs xs;
    struct page_pool pages;
    struct gnttab_quarantine quarantine;
    struct blkdev *dev;
    struct blkfront *bf;
    uint8_t *disk; /* BLKRIG_DISK_BYTES */
    /* the backend */
    bool automatic; /* shakes hands, and lets go when asked, inside every wait of the guest */
    bool serving;   /* and does what is in the rings */
    bool keeps;     /* persistent: what it has mapped stays so until it disconnects */
    uint32_t state, queues;
    struct blkrig_queue queue[BLKFRONT_QUEUES_MAX];
    uint32_t kept[4096], kept_count;
    uint64_t events_to; /* sent to the guest because it asked */
    void (*on_wait)(void);
};
extern struct blkrig blkrig;

void blkrig_start(const struct blkrig_conf *conf);
/* blkfront_open; 0 and blkrig.dev, or its error. Moves all rings to conf.index. */
int blkrig_open(void);
void blkrig_close(void);
/* Closes what is open, ends the simulation. Fails the test where a page or grant is missing, or the
 * simulator saw a fault; `pages_lost` pages are gone for good. */
void blkrig_stop(uint32_t pages_lost);

/* The domain is saved and restored; the new backend is in InitWait, under the same path. */
void blkrig_restore(void);

/* Domain 0's turn. */
void blkrig_run(void);

/* The backend's side of the handshake. */
void blkrig_set_state(uint32_t state);
uint32_t blkrig_front_state(void);
bool blkrig_connect(void);
void blkrig_disconnect(void);
void blkrig_auto(void);
/* A key of the backend's; NULL removes it. */
void blkrig_key(const char *name, const char *value);
/* A key of the frontend's as a number; UINT32_MAX where there is none. */
uint32_t blkrig_front_key(const char *name);

/* Requests the guest has shown in that queue. */
bool blkrig_take(unsigned queue, struct blkrig_req *req);
/* Does it on the disk in memory: the status. */
int16_t blkrig_do(const struct blkrig_req *req);
/* Answers, and pushes. */
void blkrig_answer(const struct blkrig_req *req, int16_t status);
void blkrig_answer_raw(unsigned queue, uint64_t id, uint8_t op, int16_t status);
void blkrig_push(unsigned queue);
/* Takes, does and answers all that there is: how many. */
unsigned blkrig_serve(void);

/* Fails the test where a page that domain 0 may use is free. */
void blkrig_check_pages(void);

/* ---- requests -------------------------------------------------------------------------------- */

/* A request over fresh pages: `segs` whole pages, or one segment of less. */
struct blkrig_io {
    struct blk_req req;
    struct blk_seg segs[BLKFRONT_SEGS_MAX];
};
/* Data of `bytes` at `start`; a write's are the pattern of `salt`. Asserts that submit took it, and
 * puts our reference to a write's pages. */
void blkrig_submit(struct blkrig_io *io, enum blk_op op, uint64_t start, uint64_t bytes,
                   uint8_t salt);
/* The same in segments of `piece` bytes. */
void blkrig_submit_pieces(struct blkrig_io *io, enum blk_op op, uint64_t start, uint32_t bytes,
                          uint32_t piece, uint8_t salt);
/* Kicks, serves, and reaps one: which must be `io`; its status. */
int blkrig_finish(struct blkrig_io *io);
/* Does what was read say the pattern of `salt` for that place? Puts the pages. */
bool blkrig_read_is(struct blkrig_io *io, uint8_t salt);
/* Puts the pages of a read that nobody looks at. */
void blkrig_put(struct blkrig_io *io);
/* A byte of the pattern. */
uint8_t blkrig_byte(uint64_t at, uint8_t salt);
/* Is the disk's piece the pattern? */
bool blkrig_disk_is(uint64_t start, uint64_t bytes, uint8_t salt);
void blkrig_disk_fill(uint64_t start, uint64_t bytes, uint8_t salt);

#endif
