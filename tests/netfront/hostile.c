/* SPDX-License-Identifier: ISC */
/* hostile.c - see hostile.h. */
#include "tests/netfront/hostile.h"

#include <cmocka.h>

#define FRAME_MAX 9000u

struct hostile hostile;

/* ---- the backend, good ----------------------------------------------------------------------- */

/* The frame in these slots, byte by byte as it was sent; the first slot says the whole length. */
static void check_sent(const struct netfront_tx_req *reqs, unsigned n)
{
    uint32_t at = 0, len = reqs[0].size;
    uint8_t first = 0;

    for (unsigned i = 1; i < n; i++)
        len -= reqs[i].size;
    for (unsigned i = 0; i < n; i++, len = reqs[i].size) {
        const uint8_t *bytes = peer_tx_bytes(&reqs[i], len);

        assert_non_null(bytes);
        for (uint32_t j = 0; j < len; j++, at++) {
            if (at == 14)
                first = bytes[j];
            else if (at > 14)
                assert_int_equal(bytes[j], (uint8_t)(first + at - 14));
        }
        if (i + 1 == n)
            break;
    }
}

void hostile_good_tx(unsigned n)
{
    struct netfront_tx_req reqs[NETFRONT_RING_SLOTS];
    unsigned slots = 0;

    while (n-- > 0 && peer_tx_take(&reqs[slots])) {
        bool more = (reqs[slots++].txf & TXF_MORE_DATA) != 0 && slots < ARRAY_SIZE(reqs);

        if (more && ++n != 0)
            continue; /* whole frames only */
        if (!hostile.dirty && peer.dev->link_up)
            check_sent(reqs, slots);
        for (unsigned i = 0; i < slots; i++)
            peer_tx_answer(reqs[i].id, one_in(50) ? NETIF_RSP_ERROR : NETIF_RSP_OKAY);
        slots = 0;
    }
    peer_tx_push();
}

void hostile_good_rx(void)
{
    static uint8_t frame[FRAME_MAX];
    uint32_t len = one_in(10) ? 14 + below(FRAME_MAX - 14) : 14 + below(200);
    uint8_t first = (uint8_t)word();

    for (uint32_t i = 0; i < len; i++)
        frame[i] = i < 12 ? 2 : i == 12 ? 0x88 : i == 13 ? 0xb5 : (uint8_t)(first + i);
    (void)peer_rx_frame(frame, len, (uint16_t)below(4), one_in(4) ? 600 + below(3000) : 0);
}

/* ---- the backend, bad ------------------------------------------------------------------------ */

static void bad_tx_id(void)
{
    struct netfront_tx_req req;

    if (!peer_tx_take(&req))
        return;
    peer_tx_answer(one_in(2) ? (uint16_t)(256 + below(65280)) : (uint16_t)((req.id & 255) | 0x4000),
                   NETIF_RSP_OKAY);
    peer_tx_push();
    hostile.expect = true;
}

static void bad_tx_twice(void)
{
    struct netfront_tx_req req;

    if (peer.tx.shared->req_prod - peer.tx.req_cons < 2 || !peer_tx_take(&req))
        return;
    peer_tx_answer(req.id, NETIF_RSP_OKAY);
    peer_tx_answer(req.id, NETIF_RSP_OKAY);
    peer_tx_push();
    hostile.expect = true;
}

static void bad_tx_status(void)
{
    struct netfront_tx_req req;
    int16_t status = (int16_t)word();

    if (!peer_tx_take(&req))
        return;
    peer_tx_answer(req.id, status);
    peer_tx_push();
    hostile.expect = status > 0;
    hostile.dirty = true; /* half of a frame may be what was taken */
}

static void bad_rsp_prod(void)
{
    bool tx = one_in(2);
    struct peer_ring *ring = tx ? &peer.tx : &peer.rx;
    uint32_t pushed =
        tx ? peer.nf->queue[0].tx.ring.req_pushed : peer.nf->queue[0].rx.ring.req_pushed;

    ring->shared->rsp_prod = ring->rsp_prod =
        pushed + 1 + (one_in(2) ? below(300) : below(1u << 31));
    hostile.expect = true;
}

static bool remember_map(uint32_t gref, bool write)
{
    int16_t status;

    if (hostile.map_count == HOSTILE_MAPS_MAX || sim_grant_map(gref, write, &status) == NULL)
        return false;
    hostile.map[hostile.map_count].gref = gref;
    hostile.map[hostile.map_count++].write = write;
    return true;
}

void hostile_let_go(unsigned i)
{
    sim_grant_unmap(hostile.map[i].gref, hostile.map[i].write);
    hostile.map[i] = hostile.map[--hostile.map_count];
}

/* Answers for a page and goes on using it. */
static void bad_tx_mapped(void)
{
    struct netfront_tx_req req;

    hostile.dirty = true;
    if (!peer_tx_take(&req) || !remember_map(req.gref, false))
        return;
    peer_tx_answer(req.id, NETIF_RSP_OKAY);
    peer_tx_push();
    hostile.expect = true;
}

static void bad_rx_mapped(void)
{
    struct peer_rx_req req;

    hostile.dirty = true;
    if (!peer_rx_take(&req) || !remember_map(req.gref, true))
        return;
    peer_rx_answer(req.id, 0, 0, 100);
    peer_rx_push();
    hostile.expect = true;
}

/* Any grant that is open: one it was never told of, one it has not answered yet. */
static void bad_map_anything(void)
{
    (void)remember_map(GNTTAB_RESERVED + below(600), one_in(2));
    hostile.dirty = true;
}

static void bad_rx_id(void)
{
    struct peer_rx_req req;

    if (!peer_rx_take(&req))
        return;
    peer_rx_answer((uint16_t)(peer.rx.rsp_prod % NETFRONT_RING_SLOTS + 1 + below(65535)), 0, 0,
                   100);
    peer_rx_push();
    hostile.expect = true;
}

static void bad_rx_range(void)
{
    struct peer_rx_req req;
    uint16_t offset = (uint16_t)word();
    int16_t status = (int16_t)(1 + below(INT16_MAX));

    if (!peer_rx_take(&req))
        return;
    peer_rx_answer(req.id, offset, 0, status);
    peer_rx_push();
    hostile.dirty = true;
    hostile.expect = (uint32_t)offset + (uint32_t)status > 4096;
}

static void bad_rx_anything(void)
{
    struct peer_rx_req req;

    for (uint32_t n = below(30); n > 0 && peer_rx_take(&req); n--)
        peer_rx_answer(one_in(20) ? (uint16_t)word() : req.id, (uint16_t)word(), (uint16_t)word(),
                       (int16_t)word());
    peer_rx_push();
    hostile.dirty = true;
}

static void bad_rx_chain(void)
{
    struct peer_rx_req req;
    uint32_t n = 19 + below(200);

    if (peer_rx_posted() < n)
        return;
    for (uint32_t i = 0; i < n; i++) {
        (void)peer_rx_take(&req);
        peer_rx_answer(req.id, 0, RXF_MORE_DATA, one_in(40) ? -1 : 60);
    }
    peer_rx_push();
    hostile.dirty = true;
    hostile.expect = true;
}

/* Extra info: of no known type, of one that only we send, one type twice, chains without end; a
 * super-segment of segments of no size; after another slot than the first. */
static void bad_rx_extra(void)
{
    static const uint8_t types[] = {0, 2, 3, 4, 5, 32, 64, 255, 1, 1};
    struct netif_extra_info extra = {.type = types[below(ARRAY_SIZE(types))]};
    uint32_t n = 2 + below(40);
    struct peer_rx_req req;

    if (peer_rx_posted() < n + 2 || !peer_rx_take(&req))
        return;
    hostile.expect = hostile.dirty = true;
    if (one_in(4)) {
        peer_rx_answer(req.id, 0, RXF_GSO_PREFIX, 100);
        peer_rx_push();
        return;
    }
    if (one_in(4)) {
        peer_rx_answer(req.id, 0, RXF_MORE_DATA, 100);
        (void)peer_rx_take(&req);
    }
    peer_rx_answer(req.id, 0, RXF_EXTRA_INFO, 100);
    extra.u.gso.size = one_in(3) ? 0 : 1000; /* once it may be good, twice it is not */
    extra.u.gso.type = (uint8_t)below(4);
    extra.flags = XEN_NETIF_EXTRA_FLAG_MORE;
    for (; n > 0 && peer_rx_take(&req); n--)
        peer_rx_extra(&extra);
    peer_rx_push();
}

/* Extra info that comes late, and says what is no lie, but cannot be used. */
static void bad_rx_segments(void)
{
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
    struct peer_rx_req req;

    hostile.dirty = true;
    if (peer_rx_posted() < 2 || !peer_rx_take(&req))
        return;
    peer_rx_answer(req.id, 0, (uint16_t)(RXF_EXTRA_INFO | below(4)), (int16_t)(1 + below(4096)));
    extra.u.gso.size = (uint16_t)(1 + below(65535));
    extra.u.gso.type = (uint8_t)below(4);
    if (one_in(4)) {
        peer_rx_push();
        hostile.receive();
    }
    if (peer.dev->link_up && peer_rx_take(&req)) {
        peer_rx_extra(&extra);
        peer_rx_push();
    }
}

/* Frames that are short, in error, or half of a chain: no lie, only bad. */
static void bad_rx_frames(void)
{
    struct peer_rx_req req;

    if (!peer_rx_take(&req))
        return;
    peer_rx_answer(req.id, 0, one_in(3) ? RXF_MORE_DATA : 0, (int16_t)(below(20) - 6u));
    peer_rx_push();
    hostile.dirty = true;
}

static void bad_scribble(void)
{
    uint8_t *page = (uint8_t *)(one_in(2) ? peer.tx.shared : peer.rx.shared);

    for (uint32_t n = 1 + below(one_in(4) ? 4096 : 8); n > 0; n--)
        page[one_in(3) ? below(64) : below(4096)] = (uint8_t)word();
    peer.tx.req_cons = peer.tx.shared->req_prod;
    peer.rx.req_cons = peer.rx.shared->req_prod;
    hostile.dirty = true;
}

static void bad_storm(void)
{
    for (uint32_t n = below(200); n > 0; n--)
        (void)sim_evtchn_raise(peer.nf->queue[0].tx_port);
}

static void bad_event_words(void)
{
    peer.tx.shared->req_event = word();
    peer.rx.shared->req_event = word();
}

static void bad_state(void)
{
    static const char *const garbage[] = {"", "x", "9", "-1", "4 ", "99999999999999999999"};

    if (one_in(6))
        sim_xs_rm(one_in(2) ? PEER_BACK "/state" : PEER_BACK);
    else if (one_in(3))
        sim_xs_write(PEER_BACK "/state", "%s", garbage[below(ARRAY_SIZE(garbage))]);
    else
        peer_set_state(below(XENBUS_STATES));
    if (one_in(2))
        peer_disconnect();
    hostile.dirty = true;
}

static void (*const bad[])(void) = {
    bad_tx_id,        bad_tx_twice,  bad_tx_status, bad_rsp_prod,    bad_tx_mapped,   bad_rx_mapped,
    bad_map_anything, bad_rx_id,     bad_rx_range,  bad_rx_anything, bad_rx_chain,    bad_rx_extra,
    bad_rx_segments,  bad_rx_frames, bad_scribble,  bad_storm,       bad_event_words, bad_state,
};

void hostile_lie(void)
{
    hostile.lies++;
    bad[below(ARRAY_SIZE(bad))]();
}
