/* SPDX-License-Identifier: ISC */
/* blkbacktest.h - a block frontend played by hand, with the macros of Xen's io/ring.h, for tests of
 * the simulated blkback. Each test program includes it once.
 *
 *     start(&vbd, random); join(queues, order, old_scheme)     a machine, a disk, rings
 *     simple(op, sector, ...), indirect(), discard(), one()    a request; its status
 *     next(), segment(), show(), answer()                      the same by hand
 *     leave(); finish(faults)                                  and what must be found wrong */
#ifndef TESTS_BLKBACKTEST_H
#define TESTS_BLKBACKTEST_H

#include <stdio.h>
#include <string.h>

#include "simguest.h"
#include "support.h"

#include <cmocka.h>

#include <morgana/xen.h>

#include <barrier.h>

#include <xen/io/blkif.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

enum { SECTORS = 4096, PAGES = 300, QUEUES = 8, RING_PAGES = 16, DEVID = 51712 };

/* Of io/ring.h's macros. */
#define xen_mb() mb()
#define xen_wmb() wmb()

#define FRONT "/local/domain/1/device/vbd/51712"
#define BACK "/local/domain/0/backend/vbd/1/51712"

static uint8_t disk[SECTORS * 512];
static _Alignas(4096) uint8_t ring_memory[QUEUES][RING_PAGES * 4096];
static _Alignas(4096) uint8_t page[PAGES][4096];
static _Alignas(4096) struct blkif_request_segment list[2][512];
static gref_t page_gref[PAGES], list_gref[2], ring_gref[QUEUES][RING_PAGES];
static blkif_front_ring_t ring[QUEUES];
static evtchn_port_t port[QUEUES];
static unsigned queues_used, pages_used;
static uint64_t next_id;

/* ---- the frontend --------------------------------------------------------------------------- */

static UNUSED gref_t grant(const void *at, bool read_only)
{
    gref_t gref;
    assert_int_equal(gnttab_grant(&start_get()->gt, 0, virt_to_gfn(at), read_only, &gref), 0);
    return gref;
}

static void start(const struct sim_vbd_conf *vbd, bool random)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=quiet", NULL};
    struct sim_conf conf = {.seed = 7, .random = random, .vbd_count = 1, .vbd[0] = *vbd};
    for (size_t i = 0; i < sizeof(disk); i++)
        disk[i] = (uint8_t)(i / 512 * 7 + i);
    if (vbd->sectors == 0)
        conf.vbd[0].sectors = SECTORS;
    if (vbd->disk.read == NULL)
        conf.vbd[0].memory = disk;
    simguest_boot(&conf, 2, argv);
    for (unsigned i = 0; i < PAGES; i++)
        page_gref[i] = grant(page[i], false);
    for (unsigned i = 0; i < 2; i++)
        list_gref[i] = grant(list[i], false);
    next_id = 0x123456789abcdef0;
    queues_used = 0;
}

static void give_ring(unsigned q, unsigned pages, const char *prefix, bool many)
{
    char key[100];
    blkif_sring_t *shared = (blkif_sring_t *)(void *)ring_memory[q];
    SHARED_RING_INIT(shared);
    ring[q] = (blkif_front_ring_t){.nr_ents = 32 * pages, .sring = shared};
    for (unsigned i = 0; i < pages; i++) {
        ring_gref[q][i] = grant(ring_memory[q] + (size_t)i * 4096, false);
        snprintf(key, sizeof(key), many ? FRONT "/%sring-ref%u" : FRONT "/%sring-ref", prefix, i);
        sim_xs_write(key, "%u", ring_gref[q][i]);
    }
    assert_int_equal(evtchn_alloc_unbound(&start_get()->ev, 0, &port[q]), 0);
    snprintf(key, sizeof(key), FRONT "/%sevent-channel", prefix);
    sim_xs_write(key, "%u", port[q]);
}

static void set_state(unsigned state)
{
    sim_xs_write(FRONT "/state", "%u", state);
    sim_run_until_idle();
}

static void forget_rings(void)
{
    for (unsigned q = 0; q < queues_used; q++) {
        for (unsigned i = 0; i < pages_used; i++)
            assert_int_equal(gnttab_end(&start_get()->gt, ring_gref[q][i]), 0);
        assert_int_equal(evtchn_close(&start_get()->ev, port[q]), 0);
    }
    queues_used = 0;
}

static void join(unsigned queues, unsigned order, bool old_scheme)
{
    if (queues > 1)
        sim_xs_write(FRONT "/multi-queue-num-queues", "%u", queues);
    if (order != 0)
        sim_xs_write(old_scheme ? FRONT "/num-ring-pages" : FRONT "/ring-page-order", "%u",
                     old_scheme ? 1u << order : order);
    sim_xs_write(FRONT "/protocol", XEN_IO_PROTO_ABI_NATIVE);
    queues_used = queues;
    pages_used = 1u << order;
    for (unsigned q = 0; q < queues; q++) {
        char prefix[24] = "";
        if (queues > 1)
            snprintf(prefix, sizeof(prefix), "queue-%u/", q);
        give_ring(q, pages_used, prefix, order != 0);
    }
    set_state(XenbusStateInitialised);
    if (sim_vbd_state(0) == XenbusStateConnected)
        set_state(XenbusStateConnected);
}

static void leave(void)
{
    set_state(XenbusStateClosing);
    assert_int_equal(sim_vbd_state(0), XenbusStateClosing);
    set_state(XenbusStateClosed);
    assert_int_equal(sim_vbd_state(0), XenbusStateClosed);
    forget_rings();
}

/* The end: nothing is mapped, and the number of faults is this. */
static void finish(uint32_t faults)
{
    if (queues_used != 0)
        leave();
    for (unsigned i = 0; i < PAGES; i++)
        assert_int_equal(gnttab_end(&start_get()->gt, page_gref[i]), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(gnttab_end(&start_get()->gt, list_gref[i]), 0);
    if (faults != sim_fault_count())
        fail_msg("%u faults, the first: %s", sim_fault_count(), sim_fault_text());
    sim_fault_clear();
    simguest_shutdown();
}

/* Zeroed, with the next id. */
static struct blkif_request *next(unsigned q, uint8_t op, uint64_t sector)
{
    struct blkif_request *r = RING_GET_REQUEST(&ring[q], ring[q].req_prod_pvt);
    ring[q].req_prod_pvt++;
    memset(r, 0, sizeof(*r));
    r->operation = op;
    r->id = next_id++;
    r->sector_number = sector;
    return r;
}

static void segment(struct blkif_request *r, unsigned number, unsigned first, unsigned last)
{
    r->seg[r->nr_segments].gref = page_gref[number];
    r->seg[r->nr_segments].first_sect = (uint8_t)first;
    r->seg[r->nr_segments].last_sect = (uint8_t)last;
    r->nr_segments++;
}

static void show(unsigned q)
{
    int notify;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring[q], notify);
    if (notify)
        evtchn_send(&start_get()->ev, port[q]);
}

static bool answer(unsigned q, struct blkif_response *out)
{
    if (!RING_HAS_UNCONSUMED_RESPONSES(&ring[q]))
        return false;
    memcpy(out, RING_GET_RESPONSE(&ring[q], ring[q].rsp_cons), sizeof(*out));
    ring[q].rsp_cons++;
    return true;
}

/* Shows what was put in ring 0, and gives the status of the one response. */
static UNUSED int16_t one(void)
{
    struct blkif_response rsp, more;
    show(0);
    sim_run_until_idle();
    assert_true(answer(0, &rsp));
    assert_int_equal(rsp.id, next_id - 1);
    assert_false(answer(0, &more));
    return rsp.status;
}

static int16_t simple(uint8_t op, uint64_t sector, unsigned number, unsigned first, unsigned last)
{
    segment(next(0, op, sector), number, first, last);
    return one();
}

/* An indirect request of `n` pages from page 0 on. */
static int16_t indirect(uint8_t op, uint64_t sector, unsigned n)
{
    struct blkif_request_indirect r = {.operation = BLKIF_OP_INDIRECT,
                                       .indirect_op = op,
                                       .nr_segments = (uint16_t)n,
                                       .sector_number = sector,
                                       .indirect_grefs = {list_gref[0], list_gref[1]}};
    struct blkif_request *slot = next(0, BLKIF_OP_INDIRECT, sector);
    memset(list, 0, sizeof(list));
    for (unsigned i = 0; i < n; i++)
        list[i / 512][i % 512] = (struct blkif_request_segment){page_gref[i % PAGES], 0, 7};
    r.id = slot->id;
    memcpy(slot, &r, sizeof(r));
    return one();
}

static UNUSED int16_t discard(uint64_t sector, uint64_t sectors, uint8_t flag)
{
    struct blkif_request *slot = next(0, BLKIF_OP_DISCARD, sector);
    struct blkif_request_discard r = {.operation = BLKIF_OP_DISCARD,
                                      .flag = flag,
                                      .id = slot->id,
                                      .sector_number = sector,
                                      .nr_sectors = sectors};
    memcpy(slot, &r, sizeof(r));
    return one();
}

static uint32_t key(const char *name)
{
    char path[100];
    snprintf(path, sizeof(path), BACK "/%s", name);
    return sim_xs_read_u32(path, UINT32_MAX);
}

#endif
