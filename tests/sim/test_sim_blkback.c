/* SPDX-License-Identifier: ISC */
/* test_sim_blkback.c - the simulated blkback alone: the frontend here is played by hand, with the
 * macros of Xen's io/ring.h. What a frontend must never ask is asked, and must be a fault.
 */
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

static gref_t grant(const void *at, bool read_only)
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
static int16_t one(void)
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

static int16_t discard(uint64_t sector, uint64_t sectors, uint8_t flag)
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

/* ---- what it publishes ---------------------------------------------------------------------- */

static void test_keys_of_a_device_with_everything(void **state)
{
    struct sim_vbd_conf conf = {.sector_bytes = 4096,
                                .physical_bytes = 8192,
                                .read_only = true,
                                .cdrom = true,
                                .removable = true,
                                .flush = true,
                                .barrier = true,
                                .discard = true,
                                .discard_secure = true,
                                .persistent = true,
                                .discard_granularity = 65536,
                                .discard_alignment = 4096,
                                .indirect_max = 256,
                                .ring_order_max = 4,
                                .ring_pages_max = 16,
                                .queues_max = 4,
                                .untrusted = true,
                                .keys_early = true};
    static const struct {
        const char *name;
        uint32_t value;
    } keys[] = {
        {"state", XenbusStateInitWait},
        {"sectors", SECTORS}, /* of 512 bytes, though */
        {"sector-size", 4096},
        {"physical-sector-size", 8192},
        {"info", 7},
        {"feature-flush-cache", 1},
        {"feature-barrier", 1},
        {"feature-discard", 1},
        {"discard-secure", 1},
        {"discard-granularity", 65536},
        {"discard-alignment", 4096},
        {"feature-persistent", 1},
        {"max-ring-page-order", 4},
        {"feature-max-indirect-segments", 256},
        {"max-ring-pages", 16},
        {"multi-queue-max-queues", 4},
    };
    char text[64];
    (void)state;
    start(&conf, false);
    for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
        assert_int_equal(key(keys[i].name), keys[i].value);
    assert_int_equal(sim_xs_read_u32(FRONT "/trusted", 9), 0);
    assert_int_equal(sim_xs_read_u32(FRONT "/virtual-device", 0), DEVID);
    sim_xs_read(BACK "/mode", text, sizeof(text));
    assert_string_equal(text, "r");
    sim_xs_read(FRONT "/device-type", text, sizeof(text));
    assert_string_equal(text, "cdrom");
    finish(0);
}

static void test_a_bare_device_publishes_itself_when_connected(void **state)
{
    struct sim_vbd_conf conf = {.params = "file:/srv/disk.img"};
    static const char *const absent[] = {
        "physical-sector-size", "feature-discard",     "discard-secure",
        "feature-persistent",   "max-ring-page-order", "feature-max-indirect-segments",
        "max-ring-pages",       "discard-granularity", "multi-queue-max-queues"};
    char text[64];
    (void)state;
    start(&conf, false);
    assert_int_equal(key("sectors"), UINT32_MAX);
    sim_xs_read(BACK "/params", text, sizeof(text));
    assert_string_equal(text, "file:/srv/disk.img");
    join(1, 0, false);
    assert_int_equal(sim_vbd_state(0), XenbusStateConnected);
    assert_int_equal(key("sectors"), SECTORS);
    assert_int_equal(key("sector-size"), 512);
    assert_int_equal(key("info"), 0);
    assert_int_equal(key("feature-flush-cache"), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        assert_int_equal(key(absent[i]), UINT32_MAX);
    assert_int_equal(sim_xs_read_u32(FRONT "/trusted", 1), 1);
    finish(0);
}

/* ---- data ----------------------------------------------------------------------------------- */

static void test_sectors_go_where_they_should(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    memset(page[3], 0x33, 4096);
    memset(page[4], 0x44, 4096);
    struct blkif_request *r = next(0, BLKIF_OP_WRITE, 101);
    segment(r, 3, 6, 7);
    segment(r, 4, 0, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    assert_int_equal(disk[101 * 512 - 1], (uint8_t)(100 * 7 + 101 * 512 - 1));
    assert_int_equal(disk[101 * 512], 0x33);
    assert_int_equal(disk[103 * 512 - 1], 0x33);
    assert_int_equal(disk[103 * 512], 0x44);
    assert_int_equal(disk[104 * 512], (uint8_t)(104 * 7 + 104 * 512));
    memset(page[5], 0, 4096);
    assert_int_equal(simple(BLKIF_OP_READ, 102, 5, 2, 4), BLKIF_RSP_OKAY);
    assert_int_equal(page[5][1023], 0);
    assert_int_equal(page[5][1024], 0x33);
    assert_int_equal(page[5][1536], 0x44);
    assert_int_equal(page[5][2048], (uint8_t)(104 * 7 + 104 * 512));
    assert_int_equal(page[5][2560], 0);
    const struct sim_vbd_stats *s = sim_vbd_stats(0);
    assert_true(s->reads == 1 && s->writes == 1 && s->segments == 3);
    assert_true(s->read_bytes == 1536 && s->written_bytes == 1536);
    assert_true(s->maps == 3 && s->unmaps == 3 && s->errors == 0);
    finish(0);
}

static void test_an_indirect_request_moves_a_mebibyte_and_more(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.indirect_max = 512 + 8}, false);
    join(1, 0, false);
    for (unsigned i = 0; i < PAGES; i++)
        memset(page[i], (int)i & 255, 4096);
    assert_int_equal(indirect(BLKIF_OP_WRITE, 8, 256), BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(disk[4096 + i * 4096 + 4095], i);
    assert_int_equal(indirect(BLKIF_OP_READ, 0, 511), BLKIF_RSP_OKAY);
    assert_int_equal(sim_vbd_stats(0)->indirect, 2);
    assert_int_equal(sim_vbd_stats(0)->segments, 256 + 511);
    assert_int_equal(sim_vbd_stats(0)->maps, 256 + 1 + 511 + 1);
    finish(0);
}

static void test_flush_barrier_and_discard(void **state)
{
    struct sim_vbd_conf conf = {.flush = true,
                                .barrier = true,
                                .discard = true,
                                .discard_secure = true,
                                .discard_granularity = 8192,
                                .discard_alignment = 4096};
    (void)state;
    start(&conf, false);
    join(1, 0, false);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    next(0, BLKIF_OP_WRITE_BARRIER, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    assert_int_equal(simple(BLKIF_OP_WRITE_BARRIER, 9, 0, 0, 7), BLKIF_RSP_OKAY);
    /* Units are 4096..12287, 12288..20479, ... */
    assert_int_equal(discard(2, 30, 0), BLKIF_RSP_OKAY);
    assert_int_equal(disk[4095], (uint8_t)(7 * 7 + 4095));
    assert_int_equal(disk[4096], 0xdd);
    assert_int_equal(disk[12287], 0xdd);
    assert_int_equal(disk[12288], (uint8_t)(24 * 7 + 12288));
    assert_int_equal(discard(0, 8, 0), BLKIF_RSP_OKAY); /* no whole unit */
    assert_int_equal(disk[0], 0);
    assert_int_equal(discard(8, SECTORS - 8, BLKIF_DISCARD_SECURE), BLKIF_RSP_OKAY);
    assert_int_equal(disk[sizeof(disk) - 4097], 0xdd);
    assert_int_not_equal(disk[sizeof(disk) - 4096], 0xdd);
    const struct sim_vbd_stats *s = sim_vbd_stats(0);
    assert_true(s->flushes == 1 && s->barriers == 2 && s->discards == 3);
    finish(0);
}

static void test_failures_on_demand(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.flush = true, .indirect_max = 32}, false);
    join(1, 0, false);
    sim_vbd_fail(0, BLKIF_OP_WRITE, BLKIF_RSP_ERROR, 2);
    sim_vbd_fail(0, BLKIF_OP_FLUSH_DISKCACHE, BLKIF_RSP_EOPNOTSUPP, 1);
    uint8_t before = disk[0];
    memset(page[0], before + 1, 4096);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_int_equal(indirect(BLKIF_OP_WRITE, 0, 12), BLKIF_RSP_ERROR);
    assert_int_equal(disk[0], before);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 1, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_EOPNOTSUPP);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_OKAY);
    assert_int_equal(sim_vbd_stats(0)->errors, 3);
    finish(0);
}

/* Bytes that callbacks have. */
static struct {
    uint64_t off;
    size_t len;
    unsigned flushes, discards;
    int result;
} called;

static int on_read(void *arg, uint64_t off, void *to, size_t len)
{
    assert_ptr_equal(arg, &called);
    called.off = off;
    called.len = len;
    memset(to, 0x5a, len);
    return called.result;
}

static int on_flush(void *arg)
{
    (void)arg;
    called.flushes++;
    return called.result;
}

static void test_callbacks_may_be_the_disk_of_2_TiB_and_more(void **state)
{
    struct sim_vbd_conf conf = {.flush = true,
                                .sectors = UINT64_C(1) << 40,
                                .disk = {.read = on_read, .flush = on_flush, .arg = &called}};
    char text[64];
    (void)state;
    memset(&called, 0, sizeof(called));
    start(&conf, false);
    join(1, 0, false);
    sim_xs_read(BACK "/sectors", text, sizeof(text));
    assert_string_equal(text, "1099511627776");
    assert_int_equal(simple(BLKIF_OP_READ, (UINT64_C(1) << 40) - 8, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(called.off, (UINT64_C(1) << 49) - 4096);
    assert_int_equal(page[0][4095], 0x5a);
    called.result = -E_IO;
    assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    next(0, BLKIF_OP_FLUSH_DISKCACHE, 0);
    assert_int_equal(one(), BLKIF_RSP_ERROR);
    assert_int_equal(called.flushes, 1);
    finish(0);
}

/* ---- what no frontend may ask --------------------------------------------------------------- */

static void spoilt(struct blkif_request *r, unsigned how)
{
    struct blkif_request_discard d;
    switch (how) {
    case 0:
        r->nr_segments = 0;
        break;
    case 1:
        r->nr_segments = 12;
        break;
    case 2:
        r->seg[0].last_sect = 8;
        break;
    case 3:
        r->seg[0].first_sect = 7;
        r->seg[0].last_sect = 0;
        break;
    case 4:
        r->seg[0].gref = 5000;
        break;
    case 5:
        r->sector_number = SECTORS - 7;
        break;
    case 6:
        r->sector_number = UINT64_MAX - 3;
        break;
    case 7:
        r->operation = 99;
        break;
    case 8:
        r->operation = BLKIF_OP_FLUSH_DISKCACHE; /* was not offered */
        break;
    case 9:
        r->operation = BLKIF_OP_INDIRECT; /* likewise */
        break;
    case 10:
        ((uint8_t *)r)[5] = 1; /* padding */
        break;
    case 11:
        ((uint8_t *)&r->seg[0])[7] = 1;
        break;
    default:
        memset(&d, 0, sizeof(d));
        d.operation = BLKIF_OP_DISCARD; /* not offered */
        d.id = r->id;
        d.nr_sectors = 8;
        memcpy(r, &d, sizeof(d));
        break;
    }
}

static void test_what_no_frontend_may_ask_is_an_error_and_a_fault(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    for (unsigned how = 0; how <= 12; how++) {
        struct blkif_request *r = next(0, BLKIF_OP_READ, 0);
        segment(r, 0, 0, 7);
        spoilt(r, how);
        assert_true(one() != BLKIF_RSP_OKAY);
        assert_true(sim_fault_count() != 0);
        sim_fault_clear();
        assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    }
    assert_int_equal(sim_vbd_stats(0)->maps, sim_vbd_stats(0)->unmaps);
    finish(0);
}

static void test_a_read_only_disk_is_not_written_to(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.read_only = true, .discard = true}, false);
    join(1, 0, false);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(sim_fault_count(), 0);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_int_equal(discard(0, 8, 0), BLKIF_RSP_ERROR);
    finish(2);
}

static void test_blocks_of_4096_bytes_are_whole(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.sector_bytes = 4096}, false);
    join(1, 0, false);
    assert_int_equal(simple(BLKIF_OP_WRITE, 8, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(sim_fault_count(), 0);
    assert_int_equal(simple(BLKIF_OP_WRITE, 1, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_int_equal(simple(BLKIF_OP_WRITE, 8, 0, 0, 6), BLKIF_RSP_ERROR);
    finish(2);
}

static void test_a_grant_for_reading_is_not_read_into(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    assert_int_equal(gnttab_end(&start_get()->gt, page_gref[0]), 0);
    page_gref[0] = grant(page[0], true);
    assert_int_equal(simple(BLKIF_OP_WRITE, 0, 0, 0, 7), BLKIF_RSP_OKAY);
    assert_int_equal(sim_fault_count(), 0);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_ERROR);
    assert_true(sim_fault_count() != 0);
    sim_fault_clear();
    finish(0);
}

static void test_an_id_twice_and_an_index_ahead_end_it(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 2; how++) {
        struct blkif_response rsp;
        start(&(struct sim_vbd_conf){0}, false);
        join(1, 0, false);
        sim_vbd_pause(0, true);
        segment(next(0, BLKIF_OP_READ, 0), 0, 0, 7);
        if (how == 0) {
            struct blkif_request *r = next(0, BLKIF_OP_READ, 0);
            segment(r, 0, 0, 7);
            r->id--;
        } else {
            ring[0].req_prod_pvt += 32;
        }
        show(0);
        sim_run_until_idle();
        sim_vbd_pause(0, false);
        sim_run_until_idle();
        assert_false(answer(0, &rsp));
        finish(1);
    }
}

/* ---- rings ---------------------------------------------------------------------------------- */

static void fill_and_answer(unsigned queues)
{
    uint64_t seen = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned q = 0; q < queues; q++) {
            while (!RING_FULL(&ring[q])) {
                uint64_t sector = next_id % (SECTORS / 8) * 8;
                segment(next(q, BLKIF_OP_WRITE, sector), (unsigned)(next_id % PAGES), 0, 7);
            }
            show(q);
        }
        sim_run_until_idle();
        for (unsigned q = 0; q < queues; q++) {
            struct blkif_response rsp;
            while (answer(q, &rsp)) {
                assert_int_equal(rsp.status, BLKIF_RSP_OKAY);
                assert_int_equal(rsp.operation, BLKIF_OP_WRITE);
                seen++;
            }
        }
    }
    assert_int_equal(seen, 3 * queues * RING_SIZE(&ring[0]));
}

static void test_rings_of_every_size_and_number(void **state)
{
    static const uint32_t slots[] = {32, 64, 128, 256, 512};
    (void)state;
    for (unsigned order = 0; order <= 4; order++) {
        for (unsigned queues = 1; queues <= 8; queues += 3) {
            for (unsigned old = 0; old <= 1; old++) {
                struct sim_vbd_conf conf = {
                    .queues_max = 8, .ring_order_max = old ? 0 : 4, .ring_pages_max = old ? 16 : 0};
                start(&conf, false);
                join(queues, order, old == 1);
                assert_int_equal(sim_vbd_state(0), XenbusStateConnected);
                assert_int_equal(sim_vbd_queues(0), queues);
                assert_int_equal(sim_vbd_ring_pages(0), 1u << order);
                assert_int_equal(RING_SIZE(&ring[0]), slots[order]);
                fill_and_answer(queues);
                finish(0);
            }
        }
    }
}

static void test_rings_that_were_not_offered_are_refused(void **state)
{
    static const struct {
        uint32_t order_max, pages_max, queues_max, order, queues;
        bool old_scheme;
    } wrong[] = {
        {0, 0, 0, 1, 1, false}, {0, 0, 0, 1, 1, true},  {0, 4, 0, 1, 1, false},
        {2, 0, 0, 1, 1, true},  {1, 0, 0, 2, 1, false}, {0, 2, 0, 2, 1, true},
        {0, 0, 0, 0, 2, false}, {0, 0, 2, 0, 3, false},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct sim_vbd_conf conf = {.ring_order_max = wrong[i].order_max,
                                    .ring_pages_max = wrong[i].pages_max,
                                    .queues_max = wrong[i].queues_max};
        start(&conf, false);
        join(wrong[i].queues, wrong[i].order, wrong[i].old_scheme);
        assert_int_equal(sim_vbd_state(0), XenbusStateClosing);
        finish(1);
    }
}

static void test_events_are_sent_where_they_are_asked_for(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    ring[0].sring->rsp_event = ring[0].rsp_cons + 3;
    for (unsigned i = 0; i < 6; i++) {
        segment(next(0, BLKIF_OP_READ, 0), 0, 0, 7);
        show(0);
        sim_run_until_idle();
        assert_int_equal(sim_vbd_stats(0)->events_to, i >= 2);
    }
    finish(0);
}

/* ---- order ---------------------------------------------------------------------------------- */

static uint64_t order[64];
static unsigned order_count;

static void on_seen(void *arg, uint8_t op, uint64_t sector, uint64_t sectors, int16_t status)
{
    (void)arg;
    (void)sectors;
    assert_int_equal(status, BLKIF_RSP_OKAY);
    order[order_count++] = op == BLKIF_OP_WRITE_BARRIER ? 1000 : sector;
}

static void run_sixteen(bool random)
{
    struct blkif_response rsp;
    start(&(struct sim_vbd_conf){.barrier = true}, random);
    join(1, 0, false);
    order_count = 0;
    sim_vbd_trace(0, on_seen, NULL);
    for (unsigned i = 0; i < 16; i++) {
        if (i == 8)
            next(0, BLKIF_OP_WRITE_BARRIER, 0);
        segment(next(0, BLKIF_OP_WRITE, i), i, 0, 0);
    }
    show(0);
    sim_run_until_idle();
    while (answer(0, &rsp))
        ;
    assert_int_equal(order_count, 17);
    assert_int_equal(sim_vbd_in_flight(0), 0);
    finish(0);
}

static void test_order_is_kept_or_the_seeds_but_for_barriers(void **state)
{
    unsigned moved = 0;
    (void)state;
    run_sixteen(false);
    for (unsigned i = 0; i < 17; i++)
        assert_int_equal(order[i], i < 8 ? i : i == 8 ? 1000 : i - 1);
    run_sixteen(true);
    assert_int_equal(order[8], 1000);
    for (unsigned i = 0; i < 17; i++) {
        assert_true(i == 8 || (order[i] < 8) == (i < 8));
        moved += i != 8 && order[i] != (i < 8 ? i : i - 1);
    }
    assert_true(moved > 4);
}

/* ---- persistent grants ---------------------------------------------------------------------- */

static void test_persistent_grants_stay_mapped_if_both_want_it(void **state)
{
    (void)state;
    start(&(struct sim_vbd_conf){.persistent = true, .persistent_max = 8, .indirect_max = 32},
          false);
    sim_xs_write(FRONT "/feature-persistent", "1");
    join(1, 0, false);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(simple(round % 2 == 0 ? BLKIF_OP_READ : BLKIF_OP_WRITE, 0, i, 0, 7),
                             BLKIF_RSP_OKAY);
    }
    assert_int_equal(sim_vbd_stats(0)->maps, 6);
    assert_int_equal(sim_vbd_persistent(0), 6);
    assert_true(gnttab_is_mapped(&start_get()->gt, page_gref[0]));
    assert_int_equal(indirect(BLKIF_OP_READ, 0, 20), BLKIF_RSP_OKAY); /* more than it keeps */
    assert_int_equal(sim_vbd_persistent(0), 8);
    assert_int_equal(simple(BLKIF_OP_READ, 0, 1, 0, 7), BLKIF_RSP_OKAY);
    sim_vbd_trim(0, 7);
    assert_int_equal(sim_vbd_persistent(0), 1);
    assert_true(gnttab_is_mapped(&start_get()->gt, page_gref[1])); /* used last */
    assert_false(gnttab_is_mapped(&start_get()->gt, page_gref[0]));
    leave();
    assert_int_equal(sim_vbd_persistent(0), 0);
    finish(0);
}

static void test_no_persistent_grants_if_one_does_not_want_it(void **state)
{
    (void)state;
    for (unsigned who = 0; who < 2; who++) {
        start(&(struct sim_vbd_conf){.persistent = who == 0}, false);
        if (who == 1)
            sim_xs_write(FRONT "/feature-persistent", "1");
        join(1, 0, false);
        assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
        assert_int_equal(sim_vbd_persistent(0), 0);
        assert_false(gnttab_is_mapped(&start_get()->gt, page_gref[0]));
        finish(0);
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

static void test_rings_are_let_go_in_closed_or_in_closing(void **state)
{
    (void)state;
    for (unsigned early = 0; early < 2; early++) {
        start(&(struct sim_vbd_conf){.unmap_early = early == 1}, false);
        join(1, 0, false);
        set_state(XenbusStateClosing);
        assert_int_equal(sim_vbd_state(0), XenbusStateClosing);
        assert_int_equal(sim_grant_maps(ring_gref[0][0]), early == 0);
        set_state(XenbusStateClosed);
        assert_int_equal(sim_grant_maps(ring_gref[0][0]), 0);
        forget_rings();
        set_state(XenbusStateInitialising);
        assert_int_equal(sim_vbd_state(0), XenbusStateInitWait);
        join(1, 0, false);
        assert_int_equal(sim_vbd_state(0), XenbusStateConnected);
        assert_int_equal(simple(BLKIF_OP_READ, 0, 0, 0, 7), BLKIF_RSP_OKAY);
        finish(0);
    }
}

static void test_what_is_in_flight_is_answered_before_closed(void **state)
{
    struct blkif_response rsp;
    unsigned n = 0;
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    sim_vbd_pause(0, true);
    for (unsigned i = 0; i < 5; i++)
        segment(next(0, BLKIF_OP_READ, 0), i, 0, 7);
    show(0);
    sim_run_until_idle();
    assert_int_equal(sim_vbd_in_flight(0), 5);
    assert_true(gnttab_is_mapped(&start_get()->gt, page_gref[4]));
    set_state(XenbusStateClosing);
    set_state(XenbusStateClosed);
    while (answer(0, &rsp))
        n++;
    assert_int_equal(n, 5);
    forget_rings();
    finish(0);
}

static void test_detach_takes_the_keys_away_and_attach_brings_others(void **state)
{
    struct sim_vbd_conf other = {.sectors = 64, .memory = disk, .sector_bytes = 4096};
    char text[16];
    (void)state;
    start(&(struct sim_vbd_conf){0}, false);
    join(1, 0, false);
    sim_vbd_detach(0);
    sim_run_until_idle();
    assert_int_equal(sim_vbd_state(0), XenbusStateClosing);
    set_state(XenbusStateClosing);
    set_state(XenbusStateClosed);
    forget_rings();
    assert_true(sim_xs_read(FRONT "/backend", text, sizeof(text)) < 0);
    assert_true(sim_xs_read(BACK "/online", text, sizeof(text)) < 0);
    sim_vbd_attach(0, &other);
    assert_int_equal(sim_vbd_state(0), XenbusStateInitWait);
    join(1, 0, false);
    assert_int_equal(key("sectors"), 64);
    assert_int_equal(key("sector-size"), 4096);
    assert_int_equal(simple(BLKIF_OP_READ, 56, 0, 0, 7), BLKIF_RSP_OKAY);
    finish(0);
}

/* The backend's answer to each state of the frontend's, in each of its own. */
static void test_every_state_of_the_frontend_in_every_state(void **state)
{
    enum { ISE = 1, IW, ISD, CON, CLG, CLD, NONE = 0 };
    static const struct {
        unsigned own;
        uint8_t then[9]; /* after the frontend's state 0..8 */
    } table[] = {
        {IW, {CLD, IW, IW, CON, CON, CLG, CLD, IW, IW}},
        {CON, {CLD, CON, CON, CON, CON, CLG, CLD, CON, CON}},
        {CLG, {CLD, CLG, CLG, CLG, CLG, CLG, CLD, CLG, CLG}},
        {CLD, {CLD, IW, CLD, CLD, CLD, CLD, CLD, CLD, CLD}},
    };
    (void)state;
    for (unsigned row = 0; row < ARRAY_SIZE(table); row++) {
        for (unsigned front = 0; front <= 8; front++) {
            start(&(struct sim_vbd_conf){0}, false);
            give_ring(0, 1, "", false);
            queues_used = pages_used = 1;
            if (table[row].own >= CON)
                set_state(XenbusStateInitialised);
            if (table[row].own >= CLG)
                set_state(XenbusStateClosing);
            if (table[row].own >= CLD)
                set_state(XenbusStateClosed);
            assert_int_equal(sim_vbd_state(0), table[row].own);
            set_state(front);
            if (sim_vbd_state(0) != table[row].then[front])
                fail_msg("in %u, the frontend goes to %u: %u, should be %u", table[row].own, front,
                         sim_vbd_state(0), table[row].then[front]);
            set_state(XenbusStateClosed);
            forget_rings();
            finish(0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_a_device_with_everything),
        cmocka_unit_test(test_a_bare_device_publishes_itself_when_connected),
        cmocka_unit_test(test_sectors_go_where_they_should),
        cmocka_unit_test(test_an_indirect_request_moves_a_mebibyte_and_more),
        cmocka_unit_test(test_flush_barrier_and_discard),
        cmocka_unit_test(test_failures_on_demand),
        cmocka_unit_test(test_callbacks_may_be_the_disk_of_2_TiB_and_more),
        cmocka_unit_test(test_what_no_frontend_may_ask_is_an_error_and_a_fault),
        cmocka_unit_test(test_a_read_only_disk_is_not_written_to),
        cmocka_unit_test(test_blocks_of_4096_bytes_are_whole),
        cmocka_unit_test(test_a_grant_for_reading_is_not_read_into),
        cmocka_unit_test(test_an_id_twice_and_an_index_ahead_end_it),
        cmocka_unit_test(test_rings_of_every_size_and_number),
        cmocka_unit_test(test_rings_that_were_not_offered_are_refused),
        cmocka_unit_test(test_events_are_sent_where_they_are_asked_for),
        cmocka_unit_test(test_order_is_kept_or_the_seeds_but_for_barriers),
        cmocka_unit_test(test_persistent_grants_stay_mapped_if_both_want_it),
        cmocka_unit_test(test_no_persistent_grants_if_one_does_not_want_it),
        cmocka_unit_test(test_rings_are_let_go_in_closed_or_in_closing),
        cmocka_unit_test(test_what_is_in_flight_is_answered_before_closed),
        cmocka_unit_test(test_detach_takes_the_keys_away_and_attach_brings_others),
        cmocka_unit_test(test_every_state_of_the_frontend_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
