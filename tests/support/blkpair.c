/* SPDX-License-Identifier: ISC */
/* blkpair.c - see blkpair.h. Each sector's bytes follow from its number and a version; the model
 * has the version that each sector must hold, or that nobody can know. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkpair.h"

#define SECTOR 512u
#define SEGS 128u
#define UNKNOWN UINT32_MAX

struct op {
    struct blk_req req;
    struct blk_seg seg[SEGS];
    uint32_t version; /* of a write */
    bool flying;
};

struct blkpair blkpair;

static _Alignas(PAGE_BYTES) uint8_t memory[BLKPAIR_PAGES * PAGE_BYTES];
static _Alignas(16) uint8_t storage[BLKFRONT_BYTES];
static struct page headers[BLKPAIR_PAGES];
static uint8_t disk[BLKPAIR_SECTORS * SECTOR];
static struct op ops[BLKPAIR_OPS];
static uint32_t model[BLKPAIR_SECTORS];
static uint32_t versions;
static uint64_t next_start, rng;

/* ---- bytes ----------------------------------------------------------------------------------- */

static uint64_t first_word(uint64_t sector, uint32_t version)
{
    uint64_t state = sector << 32 | version;

    return test_random(&state);
}

static void fill_sector(uint8_t *to, uint64_t sector, uint32_t version)
{
    uint64_t word = first_word(sector, version);

    for (unsigned i = 0; i < SECTOR; i += sizeof(word), word += UINT64_C(0x0101010101010101))
        memcpy(to + i, &word, sizeof(word));
}

static bool is_sector(const uint8_t *at, uint64_t sector, uint32_t version)
{
    uint8_t bytes[SECTOR];

    fill_sector(bytes, sector, version);
    return memcmp(at, bytes, SECTOR) == 0;
}

void blkpair_take(struct page **pages, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pages[i] = page_get(&blkpair.pages);
        assert_non_null(pages[i]);
        memset(pages[i]->base, 0xee, PAGE_BYTES);
    }
}

void blkpair_put(struct page **pages, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        page_put(pages[i]);
}

void blkpair_fill(struct page **pages, unsigned count, uint64_t sector, uint32_t version)
{
    for (unsigned i = 0; i < count * 8; i++)
        fill_sector(pages[i / 8]->base + i % 8 * SECTOR, sector + i, version);
}

bool blkpair_is(struct page **pages, unsigned count, uint64_t sector, uint32_t version)
{
    for (unsigned i = 0; i < count * 8; i++) {
        if (!is_sector(pages[i / 8]->base + i % 8 * SECTOR, sector + i, version))
            return false;
    }
    return true;
}

bool blkpair_disk_is(uint64_t sector, uint64_t count, uint32_t version)
{
    for (uint64_t s = sector; s < sector + count; s++) {
        if (!is_sector(disk + s * SECTOR, s, version))
            return false;
    }
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

void blkpair_start(const struct sim_vbd_conf *vbd, const struct blkfront_conf *bf, bool random,
                   uint64_t seed)
{
    blkpair_start_sim(
        &(struct sim_conf){.seed = seed, .random = random, .vbd_count = 1, .vbd[0] = *vbd}, bf);
}

void blkpair_start_sim(const struct sim_conf *sim, const struct blkfront_conf *bf)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=quiet", NULL};
    const struct sim_vbd_conf *vbd = &sim->vbd[0];
    struct sim_conf conf = *sim;

    for (unsigned s = 0; s < BLKPAIR_SECTORS; s++)
        fill_sector(disk + (size_t)s * SECTOR, s, 0);
    if (vbd->sectors == 0) {
        conf.vbd[0].sectors = BLKPAIR_SECTORS;
        conf.vbd[0].memory = disk;
    }
    simguest_boot(&conf, 2, argv);
    memset(&blkpair, 0, sizeof(blkpair));
    memset(ops, 0, sizeof(ops));
    memset(model, 0, sizeof(model));
    versions = 0;
    next_start = 0;
    rng = sim->seed;
    page_pool_init(&blkpair.pages, headers, memory, BLKPAIR_PAGES);
    if (bf != NULL)
        blkpair.conf = *bf;
    blkpair.conf.ev = &start_get()->ev;
    blkpair.conf.gt = &start_get()->gt;
    blkpair.conf.xs = &start_get()->xs;
    blkpair.conf.pool = &blkpair.pages;
    blkpair.conf.index = vbd->devid != 0 ? vbd->devid : 51712;
    blkpair.conf.quarantine = &blkpair.quarantine;
    blkpair.disk = disk;
    blkpair.grants_free = start_get()->gt.stats.free_count;
    blkpair.watches = sim_xs_watches();
}

int blkpair_open(void)
{
    return blkfront_open(storage, &blkpair.conf, &blkpair.dev);
}

static void put_pages(struct op *op)
{
    for (unsigned i = 0; i < op->req.seg_count; i++)
        page_put(op->seg[i].page);
    op->flying = false;
}

/* What a write or discard that was given up did, nobody knows. */
static void forget(const struct op *op)
{
    uint64_t sector = op->req.start / SECTOR;

    if (op->req.op == BLK_READ || op->req.op == BLK_FLUSH)
        return;
    for (uint64_t i = 0; i < op->req.bytes / SECTOR; i++)
        model[sector + i] = UNKNOWN;
}

void blkpair_close(void)
{
    blkfront_close(blkpair.dev);
    blkpair.dev = NULL;
    for (unsigned i = 0; i < BLKPAIR_OPS; i++) {
        if (!ops[i].flying)
            continue;
        forget(&ops[i]);
        put_pages(&ops[i]);
    }
}

void blkpair_stop(void)
{
    if (blkpair.dev != NULL)
        blkpair_close();
    assert_int_equal(gnttab_quarantine_poll(&blkpair.quarantine, &start_get()->gt, 4096),
                     0); /* close lets nothing wait there */
    assert_int_equal(blkpair.pages.quarantined, 0);
    assert_int_equal(blkpair.pages.free_count, BLKPAIR_PAGES);
    assert_int_equal(start_get()->gt.stats.free_count, blkpair.grants_free);
    assert_int_equal(sim_xs_watches(), blkpair.watches);
    assert_int_equal(sim_vbd_stats(0)->maps, sim_vbd_stats(0)->unmaps);
    if (sim_fault_count() != 0)
        fail_msg("the guest is at fault: %s", sim_fault_text());
    simguest_shutdown();
}

/* ---- load ------------------------------------------------------------------------------------ */

static uint32_t below(uint32_t n)
{
    return test_random_below(&rng, n);
}

unsigned blkpair_flying(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < BLKPAIR_OPS; i++)
        n += ops[i].flying;
    return n;
}

/* Requests have no order among each other: what overlaps must not be in flight together, unless
 * both only read. */
static bool in_the_way(const struct blk_req *req)
{
    for (unsigned i = 0; i < BLKPAIR_OPS; i++) {
        const struct blk_req *other = &ops[i].req;

        if (!ops[i].flying || (req->op == BLK_READ && other->op == BLK_READ))
            continue;
        if (req->start < other->start + other->bytes && other->start < req->start + req->bytes)
            return true;
    }
    return false;
}

/* Pages for it: whole ones, or pieces of any size anywhere in their pages. */
static bool cut(struct op *op)
{
    struct blk_req *req = &op->req;
    bool whole = req->bytes % PAGE_BYTES == 0 && below(2) == 0;

    for (uint64_t left = req->bytes; left != 0; left -= op->seg[req->seg_count++].len) {
        struct blk_seg *seg = &op->seg[req->seg_count];
        uint64_t len = whole ? PAGE_BYTES : u64_min(left, (1 + below(8)) * SECTOR);

        if (req->seg_count == SEGS || (seg->page = page_get(&blkpair.pages)) == NULL)
            return false;
        seg->len = (uint16_t)len;
        seg->off = (uint16_t)(below((uint32_t)(PAGE_BYTES - len) / SECTOR + 1) * SECTOR);
    }
    return true;
}

static void each_sector(struct op *op, void (*act)(struct op *op, uint8_t *at, uint64_t sector))
{
    uint64_t sector = op->req.start / SECTOR;

    for (unsigned i = 0; i < op->req.seg_count; i++) {
        for (unsigned off = 0; off < op->seg[i].len; off += SECTOR)
            act(op, op->seg[i].page->base + op->seg[i].off + off, sector++);
    }
}

static void put_version(struct op *op, uint8_t *at, uint64_t sector)
{
    fill_sector(at, sector, op->version);
}

static void set_model(struct op *op, uint8_t *at, uint64_t sector)
{
    (void)at;
    model[sector] = op->version;
}

static void compare(struct op *op, uint8_t *at, uint64_t sector)
{
    (void)op;
    if (model[sector] != UNKNOWN && !is_sector(at, sector, model[sector]))
        fail_msg("sector %llu was read, and is not version %u", (unsigned long long)sector,
                 model[sector]);
}

static enum blk_op draw_op(const struct blkdev_caps *caps)
{
    uint32_t draw = below(16);

    if (draw == 15)
        return BLK_FLUSH;
    if (caps->read_only || draw < 7)
        return BLK_READ;
    if (draw == 14 && caps->discard)
        return BLK_DISCARD;
    return draw == 13 && caps->secure_discard ? BLK_SECURE_DISCARD : BLK_WRITE;
}

static void submit(struct op *op)
{
    const struct blkdev_caps *caps = &blkpair.dev->caps;
    uint32_t block = caps->block_bytes;
    uint32_t bytes = (1 + below(below(8) == 0 ? 65536 : 3 * PAGE_BYTES) / block) * block;
    int err;

    op->req = (struct blk_req){.op = (uint8_t)draw_op(caps), .segs = op->seg};
    if (op->req.op != BLK_FLUSH) {
        op->req.bytes = bytes;
        op->req.start = below((uint32_t)(caps->bytes - bytes) / block + 1) * (uint64_t)block;
        if (below(2) == 0 && next_start <= caps->bytes - bytes && next_start % block == 0)
            op->req.start = next_start; /* a neighbour of the last one */
        next_start = op->req.start + bytes;
    }
    if (in_the_way(&op->req))
        return;
    if ((op->req.op == BLK_READ || op->req.op == BLK_WRITE) && !cut(op)) {
        put_pages(op);
        return;
    }
    op->version = ++versions;
    if (op->req.op == BLK_WRITE)
        each_sector(op, put_version);
    err = blkdev_submit(blkpair.dev, &op->req);
    if (err != 0 && err != -E_AGAIN && err != -E_NODEV)
        fail_msg("submit of a good request: %s", err_name(err));
    op->flying = err == 0;
    blkpair.submitted += err == 0;
    if (err != 0)
        put_pages(op);
}

static void finish(struct op *op)
{
    int status = op->req.status;

    assert_true(op->flying);
    blkpair.done++;
    blkpair.nodev += status == -E_NODEV;
    blkpair.failed += status == -E_IO;
    blkpair.unsupported += status == -E_NOSYS;
    if (status == 0 && op->req.op == BLK_READ)
        each_sector(op, compare);
    else if (status == 0 && op->req.op == BLK_WRITE)
        each_sector(op, set_model);
    else if (status != -E_NOSYS)
        forget(op);
    put_pages(op);
}

static void reap(void)
{
    struct blk_req *got[8];
    unsigned n = blkdev_reap(blkpair.dev, got, 8);

    for (unsigned i = 0; i < n; i++)
        finish(CONTAINER_OF(got[i], struct op, req));
}

void blkpair_turn(void)
{
    reap();
    if (!blkdev_arm(blkpair.dev))
        plat_wait(plat_now_ns() + (blkpair_flying() != 0 ? 100 * NS_PER_MS : 0));
}

void blkpair_submit(unsigned n)
{
    while (n-- != 0) {
        struct op *op = &ops[below(BLKPAIR_OPS)];

        if (!op->flying)
            submit(op);
        else
            blkpair_turn();
        if (below(4) == 0)
            blkdev_kick(blkpair.dev);
    }
    blkdev_kick(blkpair.dev);
}

void blkpair_drain(void)
{
    for (unsigned i = 0; i < 1000 && blkpair_flying() != 0; i++)
        blkpair_turn();
    if (blkpair_flying() != 0)
        fail_msg("%u requests never come back", blkpair_flying());
}

void blkpair_load(unsigned n)
{
    blkpair_submit(n);
    blkpair_drain();
}

/* ---- one request ----------------------------------------------------------------------------- */

int blkpair_request(struct blk_req *req)
{
    struct blk_req *got = NULL;
    int err = blkdev_submit(blkpair.dev, req);

    if (err != 0)
        return err;
    blkdev_kick(blkpair.dev);
    for (unsigned i = 0; i < 200 && blkdev_reap(blkpair.dev, &got, 1) == 0; i++) {
        if (!blkdev_arm(blkpair.dev))
            plat_wait(plat_now_ns() + 100 * NS_PER_MS);
    }
    assert_ptr_equal(got, req);
    return req->status;
}

int blkpair_do(enum blk_op op, uint64_t start, struct page **pages, unsigned count)
{
    struct blk_seg seg[BLKFRONT_SEGS_MAX];
    struct blk_req req = {.op = (uint8_t)op,
                          .start = start,
                          .bytes = (uint64_t)count * PAGE_BYTES,
                          .segs = seg,
                          .seg_count = (uint16_t)count};

    for (unsigned i = 0; i < count; i++)
        seg[i] = (struct blk_seg){.page = pages[i], .len = PAGE_BYTES};
    return blkpair_request(&req);
}
