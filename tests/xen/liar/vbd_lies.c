/* SPDX-License-Identifier: ISC */
/* vbd_lies.c - the lies of a block backend. */
#include <string.h>

#include "liar.h"

/* ---- lies: the indices ----------------------------------------------------------------------- */

static void prod_ahead(struct device *d)
{
    d->queue[0].prod = d->queue[0].ring->req_prod + 1;
    vbd_push(d);
}

static void prod_far_ahead(struct device *d)
{
    d->queue[0].prod += 0x80000000u;
    vbd_push(d);
}

static void prod_back(struct device *d)
{
    d->queue[d->queues - 1].prod--;
    vbd_push(d);
}

/* Fields that are not the backend's to write, and one that only asks for events. */
static void others_fields(struct device *d)
{
    struct blkif_sring *ring = d->queue[0].ring;
    uint32_t req_prod = ring->req_prod;

    ring->req_event = 0x12345678;
    ring->rsp_event = 0x87654321;
    ring->req_prod = req_prod + 1000000;
    sleep_ms(50);
    /* The guest says it again, if it put a request since; else nobody does. */
    if (ring->req_prod == req_prod + 1000000)
        ring->req_prod = req_prod;
    device_notify(d, d->queue[0].port);
}

static void noise(struct device *d)
{
    memset(d->queue[0].ring, 0xa5, d->queue[0].pages * PAGE);
    device_notify(d, d->queue[0].port);
}

/* ---- lies: responses ------------------------------------------------------------------------- */

static void answer(struct device *d, unsigned queue, uint64_t id, uint8_t op, int16_t status)
{
    vbd_put(d, queue, id, op, status);
    vbd_push(d);
}

static void id_unknown(struct device *d)
{
    struct vbd_request r = vbd_take(d);

    answer(d, r.queue, UINT64_C(0x0123456789abcdef), r.op, BLKIF_RSP_OKAY);
}

static void id_0(struct device *d)
{
    struct vbd_request r = vbd_take(d);

    answer(d, r.queue, 0, r.op, BLKIF_RSP_OKAY);
}

/* Its place in a table is right, and it is another request's. */
static void id_near(struct device *d)
{
    struct vbd_request r = vbd_take(d);

    answer(d, r.queue, r.id ^ UINT64_C(1) << 40, r.op, BLKIF_RSP_OKAY);
}

static void id_twice(struct device *d)
{
    struct vbd_request r = vbd_take_from(d, 0);

    (void)vbd_take_from(d, 0);
    (void)vbd_serve(d, &r);
    answer(d, r.queue, r.id, r.op, BLKIF_RSP_OKAY);
}

/* Once more, when the guest has long put other requests. */
static void id_late(struct device *d)
{
    struct vbd_request r = vbd_take_from(d, 0);

    (void)vbd_serve(d, &r);
    vbd_push(d);
    sleep_ms(50);
    (void)vbd_take_from(d, 0);
    answer(d, r.queue, r.id, r.op, BLKIF_RSP_OKAY);
}

static void id_other_queue(struct device *d)
{
    struct vbd_request r = vbd_take_from(d, 0);

    (void)vbd_move(d, &r);
    answer(d, 1, r.id, r.op, BLKIF_RSP_OKAY);
}

static void op_other(struct device *d)
{
    struct vbd_request r = vbd_take_op(d, BLKIF_OP_READ);

    answer(d, r.queue, r.id, BLKIF_OP_WRITE, BLKIF_RSP_OKAY);
}

static void op_none(struct device *d)
{
    struct vbd_request r = vbd_take_long(d);

    answer(d, r.queue, r.id, 200, BLKIF_RSP_OKAY);
}

static void status_positive(struct device *d)
{
    struct vbd_request r = vbd_take(d);

    answer(d, r.queue, r.id, r.op, 1);
}

static void status_negative(struct device *d)
{
    struct vbd_request r = vbd_take(d);

    answer(d, r.queue, r.id, r.op, BLKIF_RSP_EOPNOTSUPP - 1);
}

static void errors(struct device *d)
{
    for (unsigned i = 0; i < 4; i++) {
        struct vbd_request r = vbd_take(d);

        answer(d, r.queue, r.id, r.op, BLKIF_RSP_ERROR);
    }
}

static void unsupported(struct device *d)
{
    static const uint8_t ops[] = {BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_DISCARD, BLKIF_OP_READ,
                                  BLKIF_OP_WRITE};

    for (unsigned i = 0; i < sizeof(ops); i++) {
        struct vbd_request r = vbd_take_op(d, ops[i]);

        answer(d, r.queue, r.id, r.op, BLKIF_RSP_EOPNOTSUPP);
    }
}

/* Pushed, then written over for a while: whatever the guest copied, it looked at nothing but the
 * copy. */
static void rewritten(struct device *d)
{
    struct vbd_request r = vbd_take_from(d, 0);
    struct vbd_queue *q = &d->queue[0];
    volatile struct blkif_response *slot = &q->ring->ring[q->prod % q->slots].rsp;
    uint64_t end = now_ms() + 200;

    (void)vbd_serve(d, &r);
    vbd_push(d);
    while (now_ms() < end)
        for (unsigned i = 0; i < 1000; i++) {
            slot->id = i % 2 != 0 ? r.id + 1 : r.id;
            slot->status = i % 2 != 0 ? 0x7fff : BLKIF_RSP_OKAY;
        }
}

/* Three that are never answered; all others are. */
static void swallowed(struct device *d)
{
    for (unsigned i = 0; i < 3; i++)
        (void)vbd_take(d);
}

static void silent(struct device *d)
{
    (void)d;
    sleep_ms(500);
}

/* ---- lies: pages ----------------------------------------------------------------------------- */

static void read_mapped(struct device *d)
{
    struct vbd_request r = vbd_take_op(d, BLKIF_OP_READ);

    device_keep(d, r.seg[0].gref, true);
    (void)vbd_serve(d, &r);
    vbd_push(d);
}

static void write_mapped(struct device *d)
{
    struct vbd_request r = vbd_take_op(d, BLKIF_OP_WRITE);

    device_keep(d, r.seg[r.segs - 1].gref, false);
    (void)vbd_serve(d, &r);
    vbd_push(d);
}

static void list_mapped(struct device *d)
{
    struct vbd_request r = vbd_take_long(d);

    device_keep(d, r.list, false);
    (void)vbd_serve(d, &r);
    vbd_push(d);
}

/* ---- lies: events, states, keys -------------------------------------------------------------- */

static void storm(struct device *d)
{
    for (unsigned i = 0; i < 5000; i++)
        device_notify(d, d->queue[i % d->queues].port);
}

/* The guest's program looks by itself, now and then. */
static void events_end(struct device *d)
{
    for (unsigned i = 0; i < d->queues; i++)
        device_unbind(d, &d->queue[i].port);
}

/* Closed, and Connected again without what is between. */
static void closed_connected(struct device *d)
{
    device_state(d, "6");
    (void)device_wait_front(d, 1u << XenbusStateClosed, 5000);
    tell_connected_again(d);
    sleep_ms(100);
}

/* It takes the guest's rings, and says no more. */
static void never_connected(struct device *d)
{
    device_state(d, "6");
    (void)device_wait_front(d, 1u << XenbusStateClosed, 5000);
    device_disconnect(d);
    device_state(d, "2");
    (void)device_wait_front(d, 1u << XenbusStateInitialised, 5000);
    sleep_ms(200);
    device_state(d, "6");
}

/* The disk shrinks below what is in flight. */
static void shrinks(struct device *d)
{
    store_write(d->back, "sectors", "8");
    store_write(d->back, "sector-size", "4096");
    device_state(d, "4");
    sleep_ms(50);
    store_write(d->back, "sectors", "16384");
    store_write(d->back, "sector-size", "512");
}

/* ---- the table ------------------------------------------------------------------------------- */

#define PROD "more responses than requests"
#define ID "a response's id is not in flight"
#define OP "a response's operation is not its request's"
#define STATUS "a response's status has no meaning"
#define MAPPED "a page is still mapped after its response"

static const char *const honest[][2] = {{"sectors", "16384"},
                                        {"sector-size", "512"},
                                        {"info", "0"},
                                        {"mode", "w"},
                                        {"feature-flush-cache", "1"},
                                        {"feature-discard", "1"},
                                        {"feature-persistent", "1"},
                                        {"feature-max-indirect-segments", "32"},
                                        {"max-ring-page-order", "1"},
                                        {"multi-queue-max-queues", "2"},
                                        {NULL, NULL}};
static const char *const least[][2] = {{"sectors", "16384"}, {"sector-size", "512"}, {NULL, NULL}};
static const char *const nonsense[][2] = {{"sectors", "16384"},
                                          {"sector-size", "512"},
                                          {"physical-sector-size", "768"},
                                          {"info", "a disk"},
                                          {"mode", "w!"},
                                          {"feature-flush-cache", "yes"},
                                          {"feature-barrier", "2"},
                                          {"feature-discard", "1"},
                                          {"discard-granularity", "3000"},
                                          {"discard-alignment", "-1"},
                                          {"discard-secure", ""},
                                          {"feature-persistent", "\xff\xfe\n"},
                                          {"feature-max-indirect-segments", "-1"},
                                          {"max-ring-page-order", "one"},
                                          {"max-ring-pages", "0"},
                                          {"multi-queue-max-queues", "0"},
                                          {NULL, NULL}};
static const char *const endless[][2] = {{"sectors", "18014398509481984"},
                                         {"sector-size", "4096"},
                                         {"physical-sector-size", "4294967295"},
                                         {"feature-flush-cache", "1"},
                                         {"feature-barrier", "1"},
                                         {"feature-discard", "1"},
                                         {"discard-granularity", "4294967295"},
                                         {"discard-alignment", "4294967295"},
                                         {"feature-max-indirect-segments", "4294967295"},
                                         {"max-ring-page-order", "4294967295"},
                                         {"max-ring-pages", "4294967295"},
                                         {"multi-queue-max-queues", "4294967295"},
                                         {NULL, NULL}};
static const char *const no_size[][2] = {{"sector-size", "512"}, {NULL, NULL}};
static const char *const too_large[][2] = {
    {"sectors", "18014398509481985"}, {"sector-size", "512"}, {NULL, NULL}};
static const char *const odd_blocks[][2] = {
    {"sectors", "16384"}, {"sector-size", "768"}, {NULL, NULL}};
static const char *const large_blocks[][2] = {
    {"sectors", "16384"}, {"sector-size", "8192"}, {NULL, NULL}};

static const struct lie lies[] = {
    {"an honest day", tell_nothing, STAYS, NULL, honest},
    {"errors", errors, STAYS, NULL, NULL},
    {"not supported", unsupported, STAYS, NULL, NULL},
    {"Connected again", tell_connected_again, STAYS, NULL, NULL},
    {"another disk while Connected", shrinks, STAYS, NULL, NULL},
    {"5000 events", storm, STAYS, NULL, NULL},
    {"no response to any, for half a second", silent, STAYS, NULL, NULL},
    {"no event channel", events_end, STAYS, NULL, NULL},
    {"no response to some", swallowed, STAYS, NULL, NULL},
    {"req_prod, req_event and rsp_event", others_fields, STAYS, NULL, least},
    {"rsp_prod past req_prod", prod_ahead, CLOSES, PROD, honest},
    {"rsp_prod 2^31 ahead", prod_far_ahead, CLOSES, PROD, honest},
    {"rsp_prod goes back", prod_back, CLOSES, PROD, honest},
    {"a ring of noise", noise, CLOSES, PROD, honest},
    {"id unknown", id_unknown, CLOSES, ID, honest},
    {"id that differs in a bit", id_near, CLOSES, ID, honest},
    {"id twice", id_twice, CLOSES, ID, honest},
    {"id of a request that is over", id_late, CLOSES, ID, honest},
    {"id of another queue's request", id_other_queue, CLOSES, ID, honest},
    {"another operation", op_other, CLOSES, OP, honest},
    {"an operation that is none", op_none, CLOSES, OP, honest},
    {"page that was read into kept mapped", read_mapped, CLOSES, MAPPED, honest},
    {"page that was written kept mapped", write_mapped, CLOSES, MAPPED, honest},
    {"list of segments kept mapped", list_mapped, CLOSES, MAPPED, honest},
    {"the least of keys, and id 0", id_0, CLOSES, ID, least},
    {"keys of nonsense, and status 1", status_positive, CLOSES, STATUS, nonsense},
    {"keys without end, and status -3", status_negative, CLOSES, STATUS, endless},
    {"no size", tell_nothing, REFUSES,
     "sectors (18446744073709551615) or sector-size (512) make no disk", no_size},
    {"a size too large by a sector", tell_nothing, REFUSES,
     "sectors (0) or sector-size (0) make no disk", too_large},
    {"sectors of 768 bytes", tell_nothing, REFUSES,
     "sectors (16384) or sector-size (768) make no disk", odd_blocks},
    {"sectors of 8192 bytes", tell_nothing, REFUSES,
     "sectors (16384) or sector-size (8192) make no disk", large_blocks},
    {"state 99", tell_state_none, CLOSES, TEXT_STATE, honest},
    {"a word as state", tell_state_word, CLOSES, TEXT_STATE, honest},
    {"back to Initialising", tell_initialising, LEAVES, NULL, honest},
    {"back to InitWait", tell_init_wait, LEAVES, NULL, honest},
    {"Closed without Closing", tell_closed, LEAVES, NULL, honest},
    {"Closed, and Connected at once", closed_connected, LEAVES, NULL, honest},
    {"never Connected", never_connected, LEAVES, NULL, honest},
    {"Reconfiguring and Connected by turns", tell_reconfiguring, LEAVES, NULL, honest},
    {"gone without a word", tell_gone, LEAVES, NULL, honest},
    {"slot rewritten after it was pushed", rewritten, ANY, NULL, honest},
    {"an honest day at last", tell_nothing, STAYS, NULL, honest},
};

static const char *const front_keys[][2] = {{"device-type", "disk"}, {NULL, NULL}};

const struct kind vbd_kind = {.name = "vbd",
                              .lies = lies,
                              .count = sizeof(lies) / sizeof(lies[0]),
                              .number_key = "virtual-device",
                              .front_keys = front_keys,
                              .published = XenbusStateInitialised,
                              .connect = vbd_connect,
                              .disconnect = vbd_disconnect,
                              .is_served = vbd_is_served};
