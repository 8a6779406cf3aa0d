/* SPDX-License-Identifier: ISC */
/* ring.h - the frontend's half of a request/response ring, for Xen's layout of one
 * (public/io/ring.h).
 *
 * Theory of operation. One page holds four indices and then slots; requests and responses share the
 * slots. The frontend writes requests and req_prod; the backend writes responses over them and
 * rsp_prod. req_event and rsp_event say when the other side wants an event.
 *
 *              rsp_cons            req_pushed          req_prod
 *     ------------|--------------------|-------------------|---------------> 2^32, then 0
 *      free again | the backend's, or  | filled, not shown | free
 *                 | responses to take  |                   |
 *
 * Indices run freely over all 2^32 values; they are compared by difference only, and masked when a
 * slot is touched. Ours are private: what stands in shared memory is for the other side. Of the
 * other side's, one is read, once a look, and checked: rsp_prod may lie between rsp_cons and
 * req_pushed, since there is no response without a request. A slot is copied once, and only the
 * copy is looked at (XSA-155).
 */
#ifndef XEN_RING_H
#define XEN_RING_H

#include <morgana/base.h>
#include <morgana/err.h>

#include <barrier.h>

/* The beginning of every struct <name>_sring. */
struct ring_shared {
    uint32_t req_prod, req_event;
    uint32_t rsp_prod, rsp_event;
    uint8_t pad[48];
};

#define RING_SLOTS_AT 64u
STATIC_ASSERT(sizeof(struct ring_shared) == RING_SLOTS_AT, "as in public/io/ring.h");

struct ring {
    struct ring_shared *shared;
    uint32_t slots;       /* power of two */
    uint32_t slot_bytes;  /* of one in shared memory: the larger of request and response */
    uint32_t req_prod;    /* the next request to fill */
    uint32_t req_pushed;  /* what the backend has been shown */
    uint32_t req_told;    /* what it has had its event for, where it wanted one */
    uint32_t rsp_cons;    /* the next response to take */
    uint32_t rsp_refused; /* -E_PROTO: the rsp_prod that was looked at, for the log */
};

/* How many slots of `slot_bytes` a page of `page_bytes` has: the greatest power of two that fits
 * (netif: 256 of either kind). */
static inline uint32_t ring_slots(uint32_t page_bytes, uint32_t slot_bytes)
{
    uint32_t n = (page_bytes - RING_SLOTS_AT) / slot_bytes;
    while ((n & (n - 1)) != 0)
        n &= n - 1;
    return n;
}

/* Makes an empty ring of a page that the backend does not see yet; Keeps `page`. All of the page is
 * zeroed (XSA-216). `start` is the first index: 0, but for tests. */
static inline void ring_init(struct ring *ring, void *page, uint32_t page_bytes,
                             uint32_t slot_bytes, uint32_t start)
{
    memset(page, 0, page_bytes);
    *ring = (struct ring){.shared = page,
                          .slots = ring_slots(page_bytes, slot_bytes),
                          .slot_bytes = slot_bytes,
                          .req_prod = start,
                          .req_pushed = start,
                          .req_told = start,
                          .rsp_cons = start};
    ring->shared->req_prod = ring->shared->rsp_prod = start;
    ring->shared->req_event = ring->shared->rsp_event = start + 1;
}

/* Requests put and not answered, as far as responses were taken. */
static inline uint32_t ring_in_flight(const struct ring *ring)
{
    return ring->req_prod - ring->rsp_cons;
}

static inline uint8_t *ring_slot(const struct ring *ring, uint32_t index)
{
    return (uint8_t *)ring->shared + RING_SLOTS_AT +
           (size_t)(index & (ring->slots - 1)) * ring->slot_bytes;
}

/* Where the request `ahead` places behind the last one put goes: the slot is free, and the caller
 * writes all of its bytes (XSA-216: no old ones leak to the backend). ring_commit() puts it. */
static inline uint8_t *ring_request(const struct ring *ring, uint32_t ahead)
{
    ASSERT(ahead < ring->slots - ring_in_flight(ring));
    return ring_slot(ring, ring->req_prod + ahead);
}

/* Puts the next `n` requests, which are written: a frame's all together. */
static inline void ring_commit(struct ring *ring, uint32_t n)
{
    ASSERT(n <= ring->slots - ring_in_flight(ring));
    ring->req_prod += n;
}

/* Shows the backend what was put since last time: if it is awake, it takes that. Before the caller
 * sleeps, ring_wants_event() is to be asked. */
static inline void ring_show(struct ring *ring)
{
    wmb(); /* stores of requests before the store of req_prod */
    WRITE_ONCE(ring->shared->req_prod, ring->req_prod);
    ring->req_pushed = ring->req_prod;
}

/* Does the backend want an event for what it was shown since this was asked last? */
static inline bool ring_wants_event(struct ring *ring)
{
    uint32_t was = ring->req_told, is = ring->req_pushed;
    /* The store of req_prod before the load of req_event: the backend stores req_event, then loads
     * req_prod. */
    mb();
    uint32_t event = READ_ONCE(ring->shared->req_event);
    ring->req_told = is;
    return is - event < is - was;
}

/* Shows the backend what was put since last time. True: it wants an event for that. */
static inline bool ring_push(struct ring *ring)
{
    ring_show(ring);
    return ring_wants_event(ring);
}

/* How many responses are there to take. -E_PROTO: rsp_prod is a lie (more responses than requests):
 * close the device. */
static inline int ring_responses(struct ring *ring)
{
    uint32_t rsp_prod = READ_ONCE(ring->shared->rsp_prod);
    uint32_t n = rsp_prod - ring->rsp_cons;
    if (UNLIKELY(n > ring->req_pushed - ring->rsp_cons)) {
        ring->rsp_refused = rsp_prod;
        return -E_PROTO;
    }
    rmb(); /* the load of rsp_prod before loads of responses */
    return (int)n;
}

/* Takes the next response, one of those that ring_responses() counted. The caller copies the slot,
 * once, before it puts a request: then the slot may be that one's. */
static inline const uint8_t *ring_next(struct ring *ring)
{
    ASSERT(ring->rsp_cons != ring->req_pushed);
    return ring_slot(ring, ring->rsp_cons++);
}

/* Asks for an event at the `after`th response from here (1: the next), then looks again. Result as
 * ring_responses: only where it says 0 may the caller sleep. */
static inline int ring_final_check(struct ring *ring, uint32_t after)
{
    WRITE_ONCE(ring->shared->rsp_event, ring->rsp_cons + after);
    /* The store of rsp_event before the load of rsp_prod: the backend stores rsp_prod, then loads
     * rsp_event. */
    mb();
    return ring_responses(ring);
}

#endif
