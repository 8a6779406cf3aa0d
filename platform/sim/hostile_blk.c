/* SPDX-License-Identifier: ISC */
/* hostile_blk.c - the lies of hostile_blk.h, each a function; and drawing them. Those told in rings
 * and grants are here, those told in xenstore and by events in hostile_blk_xs.c.
 */
#include <string.h>

#include "hostile_blk_priv.h"

#define KEEP_MAX 64u

/* Pages that are mapped for no good reason. */
static struct sim_keep kept[KEEP_MAX];
static unsigned greeting[SIM_VBDS_MAX];

static uint64_t wide(void)
{
    return (uint64_t)word() << 32 | word();
}

static struct sim_blk_queue *any_queue(struct sim_vbd *vbd)
{
    return &vbd->queue[sim_random(vbd->queues_count)];
}

/* One of those in flight; NULL: none. */
static struct sim_blk_req **any_request(struct sim_blk_queue *q)
{
    struct sim_blk_req **link = &q->first;
    if (q->in_flight == 0)
        return NULL;
    for (uint32_t i = sim_random(q->in_flight); i != 0; i--)
        link = &(*link)->next;
    return link;
}

/* Takes a request as the good backend would: into *slot. False: none waits. */
static bool take_slot(struct sim_blk_queue *q, union blkif_sring_entry *slot)
{
    if (q->cons == READ_ONCE(sim_blk_sring(q)->req_prod))
        return false;
    sim_blk_slot_read(q, q->cons, slot, sizeof(*slot));
    q->cons++;
    return true;
}

static void answer(struct sim_vbd *vbd, struct sim_blk_queue *q, uint64_t id, uint8_t op,
                   int16_t status)
{
    sim_blk_put(q, id, op, status);
    sim_blk_push(vbd, q);
}

/* ---- responses ------------------------------------------------------------------------------ */

static bool rsp_unknown_id(struct sim_vbd *vbd)
{
    uint64_t id = sim_random(2) == 0 ? wide() : sim_random(256);
    answer(vbd, any_queue(vbd), id, (uint8_t)sim_random(7), BLKIF_RSP_OKAY);
    return true;
}

/* A waiting request answered with something changed; false: none waits. */
static bool answer_changed(struct sim_vbd *vbd, uint64_t id_flip, uint8_t op_flip, int16_t status)
{
    struct sim_blk_queue *q = any_queue(vbd);
    union blkif_sring_entry slot;
    if (!take_slot(q, &slot))
        return false;
    answer(vbd, q, slot.req.id ^ id_flip, slot.req.operation ^ op_flip, status);
    return true;
}

static bool rsp_near_id(struct sim_vbd *vbd)
{
    return answer_changed(vbd, UINT64_C(1) << sim_random(64), 0, BLKIF_RSP_OKAY);
}

static bool rsp_twice(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    struct blkif_response last;
    sim_blk_slot_read(q, q->prod - 1, &last, sizeof(last));
    answer(vbd, q, last.id, last.operation, last.status);
    return true;
}

/* The next request, which stays to be taken. */
static bool rsp_unasked(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    union blkif_sring_entry slot;
    if (!take_slot(q, &slot))
        return false;
    q->cons--;
    answer(vbd, q, slot.req.id, slot.req.operation, BLKIF_RSP_OKAY);
    return true;
}

static bool rsp_other_queue(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    union blkif_sring_entry slot;
    if (vbd->queues_count < 2 || !take_slot(q, &slot))
        return false;
    struct sim_blk_queue *other = &vbd->queue[(q->index + 1) % vbd->queues_count];
    answer(vbd, other, slot.req.id, slot.req.operation, BLKIF_RSP_OKAY);
    return true;
}

/* To an indirect request, what it carries would be no lie. */
static bool rsp_operation(struct sim_vbd *vbd)
{
    return answer_changed(vbd, 0, (uint8_t)(8 + sim_random(248)), BLKIF_RSP_OKAY);
}

static bool rsp_status(struct sim_vbd *vbd)
{
    return answer_changed(
        vbd, 0, 0,
        (int16_t)(sim_random(2) == 0 ? 1 + sim_random(32767) : UINT32_MAX - 2 - sim_random(32000)));
}

static bool rsp_error(struct sim_vbd *vbd)
{
    return answer_changed(vbd, 0, 0, BLKIF_RSP_ERROR);
}

static bool rsp_unsupported(struct sim_vbd *vbd)
{
    return answer_changed(vbd, 0, 0, BLKIF_RSP_EOPNOTSUPP);
}

static bool rsp_idle(struct sim_vbd *vbd)
{
    return answer_changed(vbd, 0, 0, BLKIF_RSP_OKAY);
}

static bool rsp_ahead(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    q->prod += distance();
    sim_blk_push(vbd, q);
    return true;
}

static bool rsp_back(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    q->prod -= distance();
    sim_blk_push(vbd, q);
    return true;
}

static bool rsp_swallow(struct sim_vbd *vbd)
{
    union blkif_sring_entry slot;
    return take_slot(any_queue(vbd), &slot);
}

/* ---- grants --------------------------------------------------------------------------------- */

static bool keep(uint32_t gref, bool write)
{
    return sim_keep_map(kept, KEEP_MAX, gref, write);
}

/* One page of its data, or all of them. */
static bool keep_direct(const union blkif_sring_entry *slot)
{
    uint32_t n = u32_min(slot->req.nr_segments, BLKIF_MAX_SEGMENTS_PER_REQUEST);
    bool write = slot->req.operation == BLKIF_OP_READ && sim_random(2) == 0, any = false;
    if (n != 0 && sim_random(4) != 0)
        return keep(slot->req.seg[sim_random(n)].gref, write);
    for (uint32_t i = 0; i < n; i++)
        any |= keep(slot->req.seg[i].gref, write);
    return any;
}

/* Keeps something of a request: a page of data, or one of segments. False: nothing could be. */
static bool keep_of(const union blkif_sring_entry *slot)
{
    struct blkif_request_indirect indirect;
    struct blkif_request_segment seg;
    int16_t status;
    if (slot->req.operation == BLKIF_OP_DISCARD)
        return false;
    if (slot->req.operation != BLKIF_OP_INDIRECT)
        return keep_direct(slot);
    memcpy(&indirect, slot, sizeof(indirect));
    if (sim_random(3) == 0 || indirect.nr_segments == 0)
        return keep(indirect.indirect_grefs[0], false);
    uint32_t i = sim_random(u32_min(indirect.nr_segments, BLKBACK_PAGE_SEGMENTS));
    const uint8_t *list = sim_grant_use(indirect.indirect_grefs[0], 0, SIM_PAGE, false, &status);
    if (list == NULL)
        return false;
    memcpy(&seg, list + i * sizeof(seg), sizeof(seg));
    return keep(seg.gref, indirect.indirect_op == BLKIF_OP_READ && sim_random(2) == 0);
}

/* What stands in any slot, be it in flight or long over; or the ring itself. */
static bool grant_keep(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    union blkif_sring_entry slot;
    if (sim_random(16) == 0)
        return keep(q->gref[sim_random(q->pages)], true);
    sim_blk_slot_read(q, q->cons + sim_random(4) - 2, &slot, sizeof(slot));
    return keep_of(&slot);
}

static bool rsp_mapped(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    union blkif_sring_entry slot;
    if (vbd->use_persistent || !take_slot(q, &slot))
        return false;
    bool told = keep_of(&slot);
    answer(vbd, q, slot.req.id, slot.req.operation, BLKIF_RSP_OKAY);
    return told;
}

static bool grant_release(struct sim_vbd *vbd)
{
    (void)vbd;
    return sim_keep_release(kept, KEEP_MAX);
}

static bool grant_trim(struct sim_vbd *vbd)
{
    sim_vbd_trim(vbd->b.index, 1 + sim_random(16));
    return vbd->use_persistent;
}

/* ---- shared memory -------------------------------------------------------------------------- */

static bool ring_rewrite(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    uint8_t bytes[sizeof(union blkif_sring_entry)];
    for (uint32_t n = 1 + sim_random(16); n != 0; n--) {
        noise(bytes, sizeof(bytes));
        sim_blk_slot_write(q, word(), bytes, 1 + sim_random(sizeof(bytes)));
    }
    return true;
}

static bool ring_events(struct sim_vbd *vbd)
{
    struct blkif_sring *ring = sim_blk_sring(any_queue(vbd));
    ring->req_event = word();
    ring->rsp_event = word();
    return true;
}

static bool ring_producer(struct sim_vbd *vbd)
{
    sim_blk_sring(any_queue(vbd))->req_prod += distance();
    return true;
}

static bool ring_noise(struct sim_vbd *vbd)
{
    struct sim_blk_queue *q = any_queue(vbd);
    noise(q->page[sim_random(q->pages)], SIM_PAGE);
    return true;
}

static bool page_scribble(struct sim_vbd *vbd)
{
    bool any = sim_keep_scribble(kept, KEEP_MAX);
    struct sim_blk_req **link = any_request(any_queue(vbd));
    for (unsigned i = 0; link != NULL && i < (*link)->segs_count; i++) {
        const struct sim_blk_map *map = &(*link)->segs[i].map;
        if (map->page == NULL || !map->write)
            continue;
        noise(map->page + sim_random(SIM_PAGE - 16), 16);
        any = true;
    }
    return any;
}

/* ---- drawing -------------------------------------------------------------------------------- */

#define RINGS 1u /* needs a connection */
#define CALM 2u  /* need not end it */
#define PLAIN 4u /* sim_hostile_blk_plain */

static const struct {
    const char *name;
    bool (*act)(struct sim_vbd *vbd);
    unsigned flags;
} lies[SIM_HOSTILE_BLK_COUNT] = {
#define LIE(kind, act, flags) [SIM_HOSTILE_BLK_##kind] = {#kind, act, flags}
    LIE(RSP_UNKNOWN_ID, rsp_unknown_id, RINGS | PLAIN),
    LIE(RSP_NEAR_ID, rsp_near_id, RINGS | PLAIN),
    LIE(RSP_TWICE, rsp_twice, RINGS | PLAIN),
    LIE(RSP_UNASKED, rsp_unasked, RINGS),
    LIE(RSP_OTHER_QUEUE, rsp_other_queue, RINGS | PLAIN),
    LIE(RSP_OPERATION, rsp_operation, RINGS | PLAIN),
    LIE(RSP_STATUS, rsp_status, RINGS | PLAIN),
    LIE(RSP_ERROR, rsp_error, RINGS | CALM),
    LIE(RSP_UNSUPPORTED, rsp_unsupported, RINGS | CALM),
    LIE(RSP_IDLE, rsp_idle, RINGS | CALM),
    LIE(RSP_MAPPED, rsp_mapped, RINGS | PLAIN),
    LIE(RSP_AHEAD, rsp_ahead, RINGS | PLAIN),
    LIE(RSP_BACK, rsp_back, RINGS),
    LIE(RSP_SWALLOW, rsp_swallow, RINGS),
    LIE(RING_REWRITE, ring_rewrite, RINGS),
    LIE(RING_EVENTS, ring_events, RINGS | CALM),
    LIE(RING_PRODUCER, ring_producer, RINGS),
    LIE(RING_NOISE, ring_noise, RINGS),
    LIE(PAGE_SCRIBBLE, page_scribble, RINGS | CALM),
    LIE(GRANT_KEEP, grant_keep, RINGS),
    LIE(GRANT_RELEASE, grant_release, CALM),
    LIE(GRANT_TRIM, grant_trim, RINGS | CALM),
    LIE(EVENT_STORM, sim_lie_blk_event_storm, CALM),
    LIE(EVENT_STRANGE, sim_lie_blk_event_strange, CALM),
    LIE(EVENT_LOST, sim_lie_blk_event_lost, CALM),
    LIE(EVENT_CLOSED, sim_lie_blk_event_closed, RINGS),
    LIE(STATE_JUMP, sim_lie_blk_state_jump, 0),
    LIE(STATE_GARBAGE, sim_lie_blk_state_garbage, 0),
    LIE(KEY_DEVICE, sim_lie_blk_key_device, CALM),
    LIE(KEY_LIMITS, sim_lie_blk_key_limits, CALM),
    LIE(KEY_BACKEND, sim_lie_blk_key_backend, 0),
    LIE(DIRECTORY_GONE, sim_lie_blk_directory_gone, 0),
    LIE(STUCK, sim_lie_blk_stuck, 0),
    LIE(UNSTUCK, sim_lie_blk_unstuck, CALM),
    LIE(LATE, sim_lie_blk_late, CALM),
    LIE(RECONNECT, sim_lie_blk_reconnect, 0),
    LIE(VANISH, sim_lie_blk_vanish, RINGS),
#undef LIE
};

const char *sim_hostile_blk_name(enum sim_hostile_blk what)
{
    return what < SIM_HOSTILE_BLK_COUNT ? lies[what].name : "?";
}

void sim_hostile_blk_begin(unsigned index)
{
    sim_vbds[index].b.hostile = true;
    memset(kept, 0, sizeof(kept));
}

bool sim_hostile_blk_act(unsigned index, enum sim_hostile_blk what)
{
    struct sim_vbd *vbd = &sim_vbds[index];
    return ((lies[what].flags & RINGS) == 0 || vbd->b.connected) && lies[what].act(vbd);
}

bool sim_hostile_blk_plain(enum sim_hostile_blk what)
{
    return (lies[what].flags & PLAIN) != 0;
}

enum sim_hostile_blk sim_hostile_blk_step(unsigned index, unsigned calm, bool *told)
{
    bool want = sim_random(16) < calm;
    enum sim_hostile_blk what;
    do {
        what = (enum sim_hostile_blk)sim_random(SIM_HOSTILE_BLK_COUNT);
    } while (want && (lies[what].flags & CALM) == 0);
    *told = sim_hostile_blk_act(index, what);
    return what;
}

static void spoil(struct sim_vbd *vbd)
{
    for (uint32_t n = sim_random(greeting[vbd->b.index] + 1); n != 0; n--) {
        if (sim_random(3) == 0)
            sim_lie_blk_key_limits(vbd);
        else
            sim_lie_blk_key_device(vbd);
    }
}

void sim_hostile_blk_greet(unsigned index, unsigned lies_max)
{
    greeting[index] = lies_max;
    sim_vbds[index].spoil = lies_max == 0 ? NULL : spoil;
}

void sim_hostile_blk_lose(void)
{
    sim_keep_clear(kept, KEEP_MAX);
}

void sim_hostile_blk_heal(unsigned index)
{
    sim_keep_clear(kept, KEEP_MAX);
    sim_vbds[index].paused = false;
    sim_vbd_attach(index, NULL);
}
