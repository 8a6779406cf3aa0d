/* SPDX-License-Identifier: ISC */
/* blkback.h - the simulated blkback's state, for its own files and for the hostile one.
 *
 * Written from Xen's io/blkif.h and from what Linux's backend does; nothing is shared with
 * blkfront/. Sectors are of 512 bytes everywhere.
 */
#ifndef PLATFORM_SIM_BLKBACK_H
#define PLATFORM_SIM_BLKBACK_H

#include "backend.h"

#include <barrier.h>
#include <xen/io/blkif.h>

#define BLKBACK_QUEUES_MAX 8u
#define BLKBACK_RING_ORDER_MAX 4u
#define BLKBACK_RING_PAGES_MAX (1u << BLKBACK_RING_ORDER_MAX)
#define BLKBACK_PERSISTENT_MAX 1056u
#define BLKBACK_SECTOR 512u
#define BLKBACK_PAGE_SECTORS (SIM_PAGE / BLKBACK_SECTOR)
#define BLKBACK_INDIRECT_PAGES BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST
#define BLKBACK_PAGE_SEGMENTS (SIM_PAGE / sizeof(struct blkif_request_segment))

static inline uint32_t sim_u32_max(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* What a grant is mapped as while a request uses it. */
struct sim_blk_map {
    uint32_t gref;
    bool write;      /* mapped for writing too */
    bool persistent; /* stays mapped afterwards */
    uint8_t *page;   /* NULL: not mapped */
};

struct sim_blk_seg {
    struct sim_blk_map map;
    uint8_t first, last; /* sectors of the page */
};

/* A request that was taken from a ring, and is not answered. */
struct sim_blk_req {
    struct sim_blk_req *next;
    uint64_t id, sector;
    uint64_t sectors; /* all of its data */
    uint8_t op;       /* BLKIF_OP_*; of an indirect one, what it carries */
    uint8_t ring_op;  /* ... what stands in the slot, and in the response */
    bool secure;
    bool bad; /* answered with `status`, not executed */
    int16_t status;
    unsigned segs_count;
    unsigned pages_count;
    struct sim_blk_map pages[BLKBACK_INDIRECT_PAGES]; /* of segments, where it is indirect */
    struct sim_blk_seg *segs;                         /* room for the most that are allowed */
};

struct sim_blk_queue {
    unsigned index;
    int port; /* domain 0's; 0: not connected */
    unsigned pages;
    uint32_t slots;
    uint32_t gref[BLKBACK_RING_PAGES_MAX];
    uint8_t *page[BLKBACK_RING_PAGES_MAX];
    uint32_t cons, prod;      /* requests taken, responses made */
    uint32_t pushed;          /* responses the guest was told of */
    struct sim_blk_req *reqs; /* one for each slot */
    struct sim_blk_req *free;
    struct sim_blk_req *first, **last; /* in flight, in the order they were taken */
    unsigned in_flight;
};

struct sim_blk_persistent {
    uint32_t gref;
    uint32_t users;
    uint8_t *page; /* NULL: free */
    uint64_t used_at;
};

struct sim_vbd {
    struct sim_backend b;
    struct sim_vbd_conf *conf;
    bool paused;
    bool use_persistent; /* both ends have the feature */
    unsigned queues_count;
    struct sim_blk_queue queue[BLKBACK_QUEUES_MAX];
    struct sim_blk_persistent persistent[BLKBACK_PERSISTENT_MAX];
    uint16_t persistent_at[SIM_GNTTAB_ENTRIES_MAX]; /* of a grant, + 1; 0: not persistent */
    uint64_t use_clock;                             /* counts uses of persistent grants */
    struct {
        int16_t status;
        uint32_t count;
    } fail[BLKIF_OP_INDIRECT + 1];
    /* Called where it has published keys, before the state that shows them; NULL */
    void (*spoil)(struct sim_vbd *vbd);
    sim_vbd_seen *seen;
    void *seen_arg;
    struct sim_vbd_stats stats;
};

extern struct sim_vbd sim_vbds[SIM_VBDS_MAX];

/* ---- life (blkback.c) ----------------------------------------------------------------------- */

static inline const char *sim_vbd_front(const struct sim_vbd *vbd, const char *key)
{
    return sim_back_front(&vbd->b, key);
}

static inline const char *sim_vbd_back(const struct sim_vbd *vbd, const char *key)
{
    return sim_back_back(&vbd->b, key);
}

static inline void sim_vbd_set_state(struct sim_vbd *vbd, uint32_t state)
{
    sim_back_set_state(&vbd->b, state);
}

/* What the toolstack and the driver write; the backend waits for the guest. */
void sim_vbd_write_keys(struct sim_vbd *vbd);
/* ... but for the frontend's directory: a backend that comes anew. */
void sim_vbd_write_backend(struct sim_vbd *vbd);

/* ---- rings (blkback_ring.c) ----------------------------------------------------------------- */

/* Attaches to, and lets go of, the guest's rings: what is in flight then is never answered. */
bool sim_vbd_connect(struct sim_vbd *vbd);
void sim_vbd_disconnect(struct sim_vbd *vbd);
/* Executes and answers all that is in flight. */
void sim_vbd_drain(struct sim_vbd *vbd);
/* The four indices, on the ring's first page. */
static inline struct blkif_sring *sim_blk_sring(const struct sim_blk_queue *q)
{
    return (struct blkif_sring *)(void *)q->page[0];
}
/* A slot, which may lie across two pages. */
void sim_blk_slot_read(const struct sim_blk_queue *q, uint32_t index, void *to, size_t len);
void sim_blk_slot_write(const struct sim_blk_queue *q, uint32_t index, const void *from,
                        size_t len);
/* Puts a response into the next slot; and tells the guest, by an event where it asked for one. */
void sim_blk_put(struct sim_blk_queue *q, uint64_t id, uint8_t op, int16_t status);
void sim_blk_push(struct sim_vbd *vbd, struct sim_blk_queue *q);
/* Executes one that is in flight, and puts its response. */
void sim_blk_finish(struct sim_vbd *vbd, struct sim_blk_queue *q, struct sim_blk_req **link);

/* ---- data (blkback_disk.c) ------------------------------------------------------------------ */

/* Maps a grant for a request: false, and the fault is recorded, where it does not allow it. */
bool sim_blk_map(struct sim_vbd *vbd, struct sim_blk_map *map, uint32_t gref, bool write);
void sim_blk_unmap(struct sim_vbd *vbd, struct sim_blk_map *map);
/* Ends the use of all that a request mapped. */
void sim_blk_release(struct sim_vbd *vbd, struct sim_blk_req *req);
void sim_blk_persistent_drop(struct sim_vbd *vbd);
/* Does what it asks; its BLKIF_RSP_*. */
int16_t sim_blk_execute(struct sim_vbd *vbd, const struct sim_blk_req *req);

#endif
