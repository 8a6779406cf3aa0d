/* SPDX-License-Identifier: ISC */
/* blkrig.c - see blkrig.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/log.h>
#include <morgana/xen.h>

#include "platform/sim/sim_priv.h"

#include "blkrig.h"
#include "restore.h"
#include "support.h"

struct blkrig blkrig;

static uint32_t counts[1024];
static uint32_t free_list[8192];
static struct page page_headers[BLKRIG_PAGES];
static uint8_t *memory;
static _Alignas(16) uint8_t storage[BLKFRONT_BYTES];

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n%s\n", __FILE__, __LINE__, #expr, vplat_console());        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- machine --------------------------------------------------------------------------------- */

static bool run_domain0(void)
{
    bool any = sim_run_until_idle();

    while (sim_upcall_pending() && evtchn_upcall(&blkrig.ev) != 0)
        any = true;
    return any;
}

static void wait(uint64_t deadline_ns)
{
    bool any = run_domain0();

    if (blkrig.automatic)
        blkrig_auto();
    if (blkrig.serving)
        any = blkrig_serve() != 0 || any;
    if (blkrig.on_wait != NULL)
        blkrig.on_wait();
    any = run_domain0() || any;
    if (!any)
        vplat_set_now(u64_min(deadline_ns, plat_now_ns() + NS_PER_S));
}

void blkrig_run(void)
{
    wait(plat_now_ns());
}

static void put_key(const char *dir, const char *name, const char *value)
{
    char path[160];

    if (value == NULL)
        return;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    sim_xs_write(path, "%s", value);
}

void blkrig_key(const char *name, const char *value)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", BLKRIG_BACK, name);
    if (value != NULL)
        sim_xs_write(path, "%s", value);
    else
        sim_xs_rm(path);
}

uint32_t blkrig_front_key(const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", BLKRIG_FRONT, name);
    return sim_xs_read_u32(path, UINT32_MAX);
}

static void make_keys(const struct blkrig_conf *conf)
{
    static const char guest_reads[] = "n0\0r1";
    char number[24];

    sim_store_mkdir(0, NULL, BLKRIG_BACK);
    sim_store_set_perms(0, NULL, BLKRIG_BACK, cs_ro_of(guest_reads, sizeof(guest_reads)));
    put_key(BLKRIG_FRONT, "backend", BLKRIG_BACK);
    put_key(BLKRIG_FRONT, "backend-id", "0");
    put_key(BLKRIG_FRONT, "virtual-device", "51712");
    put_key(BLKRIG_FRONT, "state", "1");
    put_key(BLKRIG_FRONT, "trusted", conf->trusted);
    put_key(BLKRIG_BACK, "frontend", BLKRIG_FRONT);
    put_key(BLKRIG_BACK, "frontend-id", "1");
    put_key(BLKRIG_BACK, "params", "aio:/srv/disk.img");
    put_key(BLKRIG_BACK, "mode", conf->mode);
    put_key(BLKRIG_BACK, "info", conf->info);
    snprintf(number, sizeof(number), "%u", BLKRIG_DISK_BYTES / 512);
    put_key(BLKRIG_BACK, "sectors", conf->sectors != NULL ? conf->sectors : number);
    put_key(BLKRIG_BACK, "sector-size", conf->sector_size);
    put_key(BLKRIG_BACK, "physical-sector-size", conf->physical_size);
    put_key(BLKRIG_BACK, "feature-flush-cache", conf->flush);
    put_key(BLKRIG_BACK, "feature-barrier", conf->barrier);
    put_key(BLKRIG_BACK, "feature-discard", conf->discard);
    put_key(BLKRIG_BACK, "discard-secure", conf->discard_secure);
    put_key(BLKRIG_BACK, "discard-granularity", conf->discard_granularity);
    put_key(BLKRIG_BACK, "discard-alignment", conf->discard_alignment);
    put_key(BLKRIG_BACK, "multi-queue-max-queues", conf->queues_max);
    put_key(BLKRIG_BACK, "max-ring-page-order", conf->ring_order_max);
    put_key(BLKRIG_BACK, "max-ring-pages", conf->ring_pages_max);
    if (conf->indirect != 0) {
        snprintf(number, sizeof(number), "%u", conf->indirect);
        put_key(BLKRIG_BACK, "feature-max-indirect-segments", number);
    }
    put_key(BLKRIG_BACK, "feature-persistent", conf->persistent ? "1" : NULL);
    blkrig_set_state(XENBUS_INIT_WAIT);
}

void blkrig_restore(void)
{
    blkrig_disconnect();
    restore_domain(&blkrig.ev, &blkrig.gt, &blkrig.xs);
    make_keys(&blkrig.conf);
}

void blkrig_start(const struct blkrig_conf *conf)
{
    struct sim_conf sim = {.seed = conf->seed};
    struct evtchn_conf ev = {.force_2l = true, .counts = counts, .ports_max = ARRAY_SIZE(counts)};
    struct gnttab_conf gt = {.version = conf->gnttab_version != 0 ? conf->gnttab_version : 1,
                             .free_list = free_list,
                             .entries_max = conf->grants_max != 0 ? conf->grants_max : 4096};
    uint32_t pages = conf->pages != 0 ? conf->pages : BLKRIG_PAGES;

    vplat_reset(conf->seed);
    vplat_step = wait;
    memset(&blkrig, 0, sizeof(blkrig));
    blkrig.conf = *conf;
    blkrig.disk = calloc(1, BLKRIG_DISK_BYTES);
    memory = aligned_alloc(PAGE_BYTES, (size_t)pages * PAGE_BYTES);
    CHECK(blkrig.disk != NULL && memory != NULL);
    restore_forget();
    CHECK(sim_init(&sim) == 0);
    CHECK(evtchn_init(&blkrig.ev, &ev) == 0);
    CHECK(gnttab_init(&blkrig.gt, &gt) == 0);
    CHECK(evtchn_adopt(&blkrig.ev, xen_start()->store_port) == 0);
    CHECK(xs_init(&blkrig.xs, &(struct xs_conf){.ring = xen_start()->store_ring,
                                                .ev = &blkrig.ev,
                                                .port = xen_start()->store_port}) == 0);
    page_pool_init(&blkrig.pages, page_headers, memory, pages);
    blkrig.automatic = true;
    make_keys(conf);
    log_init(plat_console_write, LOG_INFO);
}

/* Both sides of a ring, as if `index` requests had been there before. */
static void move_ring(struct ring *ring, struct blkrig_queue *back, uint32_t index)
{
    ring->req_prod += index;
    ring->req_pushed += index;
    ring->req_told += index;
    ring->rsp_cons += index;
    ring->shared->req_prod += index;
    ring->shared->rsp_prod += index;
    ring->shared->req_event += index;
    ring->shared->rsp_event += index;
    back->req_cons += index;
    back->rsp_prod += index;
}

int blkrig_open(void)
{
    struct blkfront_conf conf = blkrig.conf.bf;
    int err;

    conf.ev = &blkrig.ev;
    conf.gt = &blkrig.gt;
    conf.xs = &blkrig.xs;
    conf.pool = &blkrig.pages;
    conf.index = 51712;
    conf.quarantine = blkrig.conf.no_quarantine ? NULL : &blkrig.quarantine;
    err = blkfront_open(storage, &conf, &blkrig.dev);
    if (err != 0)
        return err;
    blkrig.bf = (struct blkfront *)(void *)storage;
    for (unsigned i = 0; i < blkrig.queues; i++)
        move_ring(&blkrig.bf->queue[i].ring, &blkrig.queue[i], blkrig.conf.index);
    return 0;
}

void blkrig_close(void)
{
    if (blkrig.dev != NULL)
        blkfront_close(blkrig.dev);
    blkrig.dev = NULL, blkrig.bf = NULL;
}

static uint32_t open_grants;

static void count_grant(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    (void)arg, (void)gref, (void)page, (void)read_only, (void)mapped, open_grants++;
}

void blkrig_stop(uint32_t pages_lost)
{
    restore_check(&blkrig.ev);
    blkrig_close();
    blkrig_disconnect();
    gnttab_quarantine_poll(&blkrig.quarantine, &blkrig.gt, BLKRIG_PAGES);
    if (sim_fault_count() != 0)
        fprintf(stderr, "fault: %s\n", sim_fault_text());
    CHECK(sim_fault_count() == 0);
    if (blkrig.pages.free_count + pages_lost != blkrig.pages.total)
        fprintf(stderr, "%u of %u pages are free, %u quarantined\n", blkrig.pages.free_count,
                blkrig.pages.total, blkrig.pages.quarantined);
    CHECK(blkrig.pages.free_count + pages_lost == blkrig.pages.total);
    CHECK(blkrig.pages.quarantined <= pages_lost);
    open_grants = 0;
    sim_grants(count_grant, NULL);
    CHECK(pages_lost != 0 || open_grants == 0);
    CHECK(sim_xs_watches() == 0);
    CHECK(sim_xs_transactions() == 0);
    sim_fini();
    vplat_reset(0);
    free(blkrig.disk);
    free(memory);
    blkrig.disk = memory = NULL;
}

/* ---- handshake ------------------------------------------------------------------------------- */

void blkrig_set_state(uint32_t state)
{
    blkrig.state = state;
    sim_xs_write(BLKRIG_BACK "/state", "%u", state);
}

uint32_t blkrig_front_state(void)
{
    return sim_xs_read_u32(BLKRIG_FRONT "/state", XENBUS_UNKNOWN);
}

/* The ring's pages lie in a row in the guest, which is this process. */
static bool map_ring(struct blkrig_queue *q, const char *dir, uint32_t pages, bool numbered)
{
    char key[64];
    int16_t status;

    q->pages = pages;
    for (uint32_t i = 0; i < pages; i++) {
        uint8_t *at;

        snprintf(key, sizeof(key), numbered ? "%sring-ref%u" : "%sring-ref", dir, i);
        q->grefs[i] = blkrig_front_key(key);
        at = sim_grant_map(q->grefs[i], true, &status);
        if (at == NULL)
            return false;
        if (i == 0)
            q->shared = (struct ring_shared *)(void *)at;
        CHECK(at == (uint8_t *)q->shared + (size_t)i * PAGE_BYTES);
    }
    q->slots = ring_slots(pages * PAGE_BYTES, BLKFRONT_SLOT_BYTES);
    q->req_cons = q->rsp_prod = q->shared->rsp_prod;
    return true;
}

bool blkrig_connect(void)
{
    uint32_t queues = blkrig_front_key("multi-queue-num-queues");
    uint32_t order = blkrig_front_key("ring-page-order");
    uint32_t pages = blkrig_front_key("num-ring-pages");
    bool many = queues != UINT32_MAX, numbered = order != UINT32_MAX;

    /* The key of old says the same. */
    CHECK(numbered ? pages == 1u << order : pages == UINT32_MAX);
    /* Keys of one form are not beside those of the other. */
    CHECK(!many || (blkrig_front_key("event-channel") == UINT32_MAX && queues >= 2));
    CHECK((!many && !numbered) || blkrig_front_key("ring-ref") == UINT32_MAX);
    blkrig.queues = many ? queues : 1;
    CHECK(blkrig.queues <= BLKFRONT_QUEUES_MAX);
    for (unsigned i = 0; i < blkrig.queues; i++) {
        char dir[24] = "", key[64];
        int port;

        if (many)
            snprintf(dir, sizeof(dir), "queue-%u/", i);
        snprintf(key, sizeof(key), "%sevent-channel", dir);
        port = sim_dom0_bind(blkrig_front_key(key));
        if (port <= 0)
            return false;
        blkrig.queue[i].port = (uint32_t)port;
        if (!map_ring(&blkrig.queue[i], dir, numbered ? 1u << order : 1, numbered))
            return false;
    }
    blkrig.keeps = blkrig.conf.persistent && blkrig_front_key("feature-persistent") == 1;
    return true;
}

void blkrig_disconnect(void)
{
    for (unsigned i = 0; i < BLKFRONT_QUEUES_MAX; i++) {
        struct blkrig_queue *q = &blkrig.queue[i];

        for (uint32_t p = 0; q->shared != NULL && p < q->pages; p++)
            sim_grant_unmap(q->grefs[p], true);
        if (q->port != 0)
            sim_dom0_close(q->port);
        memset(q, 0, sizeof(*q));
    }
    while (blkrig.kept_count != 0)
        sim_grant_unmap(blkrig.kept[--blkrig.kept_count], true);
}

void blkrig_auto(void)
{
    uint32_t front = blkrig_front_state();

    if (front == XENBUS_INITIALISED && blkrig.state == XENBUS_INIT_WAIT) {
        blkrig_disconnect();
        if (blkrig_connect())
            blkrig_set_state(XENBUS_CONNECTED);
    } else if (front == XENBUS_CLOSING && blkrig.state != XENBUS_CLOSING &&
               blkrig.state != XENBUS_CLOSED) {
        blkrig_set_state(XENBUS_CLOSING);
    } else if (front == XENBUS_CLOSED && blkrig.state != XENBUS_CLOSED &&
               blkrig.state != XENBUS_INIT_WAIT) {
        blkrig_disconnect();
        blkrig_set_state(XENBUS_CLOSED);
    } else if (front == XENBUS_INITIALISING &&
               (blkrig.state == XENBUS_CLOSED || blkrig.state == XENBUS_CLOSING)) {
        blkrig_disconnect();
        blkrig_set_state(XENBUS_INIT_WAIT);
    }
}

/* ---- rings ----------------------------------------------------------------------------------- */

static uint8_t *slot_of(const struct blkrig_queue *q, uint32_t index)
{
    return (uint8_t *)q->shared + RING_SLOTS_AT + (size_t)(index % q->slots) * BLKFRONT_SLOT_BYTES;
}

/* A page of the guest's for one access, or for good. */
static uint8_t *use(uint32_t gref, bool write)
{
    int16_t status;

    if (!blkrig.keeps)
        return sim_grant_use(gref, 0, PAGE_BYTES, write, &status);
    for (uint32_t i = 0; i < blkrig.kept_count; i++) {
        if (blkrig.kept[i] == gref) {
            uint8_t *at = sim_grant_map(gref, true, &status);

            CHECK(at != NULL);
            sim_grant_unmap(gref, true);
            return at;
        }
    }
    CHECK(blkrig.kept_count < ARRAY_SIZE(blkrig.kept));
    blkrig.kept[blkrig.kept_count++] = gref;
    return sim_grant_map(gref, true, &status); /* with write access, whatever it is for */
}

static void read_segs(struct blkrig_req *req, const struct blkif_request_segment *from)
{
    CHECK(req->segs <= BLKFRONT_SEGS_MAX);
    for (uint32_t i = 0; i < req->segs; i++)
        req->seg[i] = (struct blkrig_seg){from[i].gref, from[i].first_sect, from[i].last_sect};
}

bool blkrig_take(unsigned queue, struct blkrig_req *req)
{
    struct blkrig_queue *q = &blkrig.queue[queue];
    const struct blkif_request *rw;
    const uint8_t *list;

    if (q->shared == NULL || q->req_cons == q->shared->req_prod)
        return false;
    rw = (const void *)slot_of(q, q->req_cons++);
    q->shared->req_event = q->req_cons + 1;
    memset(req, 0, sizeof(*req));
    memcpy(req->raw, rw, sizeof(req->raw));
    req->queue = queue;
    req->op = req->meant = rw->operation;
    req->id = rw->id;
    req->handle = rw->handle;
    req->sector = rw->sector_number;
    if (rw->operation == BLKIF_OP_INDIRECT) {
        const struct blkif_request_indirect *ind = (const void *)rw;

        req->meant = ind->indirect_op;
        req->handle = ind->handle;
        req->segs = ind->nr_segments;
        req->list = ind->indirect_grefs[0];
        CHECK(req->segs > 0);
        list = use(req->list, false);
        CHECK(list != NULL);
        read_segs(req, (const void *)list);
    } else if (rw->operation == BLKIF_OP_DISCARD) {
        const struct blkif_request_discard *discard = (const void *)rw;

        req->flag = discard->flag;
        req->sectors = discard->nr_sectors;
    } else {
        req->segs = rw->nr_segments;
        CHECK(req->segs <= 11);
        read_segs(req, rw->seg);
    }
    return true;
}

int16_t blkrig_do(const struct blkrig_req *req)
{
    uint64_t at = req->sector * 512 - blkrig.conf.disk_at;

    if (req->meant == BLKIF_OP_DISCARD) {
        CHECK(at <= BLKRIG_DISK_BYTES && req->sectors * 512 <= BLKRIG_DISK_BYTES - at);
        memset(blkrig.disk + at, 0xdd, req->sectors * 512);
        return BLKIF_RSP_OKAY;
    }
    for (uint32_t i = 0; i < req->segs; i++) {
        uint32_t off = req->seg[i].first * 512u;
        uint32_t len = (req->seg[i].last + 1u) * 512u - off;
        uint8_t *page = use(req->seg[i].gref, req->meant == BLKIF_OP_READ);

        CHECK(page != NULL && off + len <= PAGE_BYTES && len <= PAGE_BYTES);
        CHECK(at <= BLKRIG_DISK_BYTES && len <= BLKRIG_DISK_BYTES - at);
        if (req->meant == BLKIF_OP_READ)
            memcpy(page + off, blkrig.disk + at, len);
        else
            memcpy(blkrig.disk + at, page + off, len);
        at += len;
    }
    return BLKIF_RSP_OKAY;
}

void blkrig_answer_raw(unsigned queue, uint64_t id, uint8_t op, int16_t status)
{
    struct blkrig_queue *q = &blkrig.queue[queue];
    struct blkif_response *rsp = (void *)slot_of(q, q->rsp_prod++);

    rsp->id = id;
    rsp->operation = op;
    rsp->status = status;
}

/* RING_PUSH_RESPONSES_AND_CHECK_NOTIFY of io/ring.h. */
void blkrig_push(unsigned queue)
{
    struct blkrig_queue *q = &blkrig.queue[queue];
    uint32_t was = q->shared->rsp_prod, is = q->rsp_prod;

    q->shared->rsp_prod = is;
    if (is - q->shared->rsp_event < is - was) {
        blkrig.events_to++;
        sim_dom0_send(q->port);
    }
}

void blkrig_answer(const struct blkrig_req *req, int16_t status)
{
    blkrig_answer_raw(req->queue, req->id, req->meant, status);
    blkrig_push(req->queue);
}

unsigned blkrig_serve(void)
{
    static struct blkrig_req req;
    unsigned n = 0;

    for (unsigned i = 0; i < blkrig.queues; i++) {
        while (blkrig_take(i, &req)) {
            blkrig_answer(&req, blkrig_do(&req));
            n++;
        }
    }
    return n;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void check_page(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    uint8_t *at = page;
    const struct page *header = &page_headers[(size_t)(at - memory) / PAGE_BYTES];

    (void)arg, (void)read_only, (void)mapped;
    CHECK((size_t)(at - memory) < (size_t)blkrig.pages.total * PAGE_BYTES);
    if (header->state == PAGE_FREE) {
        fprintf(stderr, "page %p is free under grant %u\n", page, gref);
        abort();
    }
}

void blkrig_check_pages(void)
{
    sim_grants(check_page, NULL);
}

/* ---- requests -------------------------------------------------------------------------------- */

uint8_t blkrig_byte(uint64_t at, uint8_t salt)
{
    return (uint8_t)(salt + at / 512 * 7 + at % 512);
}

bool blkrig_disk_is(uint64_t start, uint64_t bytes, uint8_t salt)
{
    for (uint64_t i = 0; i < bytes; i++) {
        if (blkrig.disk[start - blkrig.conf.disk_at + i] != blkrig_byte(start + i, salt))
            return false;
    }
    return true;
}

void blkrig_disk_fill(uint64_t start, uint64_t bytes, uint8_t salt)
{
    for (uint64_t i = 0; i < bytes; i++)
        blkrig.disk[start - blkrig.conf.disk_at + i] = blkrig_byte(start + i, salt);
}

/* A segment lies at the end of its page, so that an offset that is not looked at shows. */
void blkrig_submit_pieces(struct blkrig_io *io, enum blk_op op, uint64_t start, uint32_t bytes,
                          uint32_t piece, uint8_t salt)
{
    io->req = (struct blk_req){.user = io,
                               .start = start,
                               .bytes = bytes,
                               .segs = io->segs,
                               .op = (uint8_t)op,
                               .status = 77};
    for (uint32_t at = 0; at < bytes; at += piece) {
        struct blk_seg *seg = &io->segs[io->req.seg_count++];

        CHECK(io->req.seg_count <= BLKFRONT_SEGS_MAX);
        seg->page = page_get(&blkrig.pages);
        CHECK(seg->page != NULL);
        memset(seg->page->base, 0xee, PAGE_BYTES);
        seg->len = (uint16_t)u32_min(piece, bytes - at);
        seg->off = (uint16_t)(PAGE_BYTES - seg->len);
        for (uint32_t i = 0; op == BLK_WRITE && i < seg->len; i++)
            seg->page->base[seg->off + i] = blkrig_byte(start + at + i, salt);
    }
    CHECK(blkdev_submit(blkrig.dev, &io->req) == 0);
    for (unsigned i = 0; op == BLK_WRITE && i < io->req.seg_count; i++)
        page_put(io->segs[i].page);
}

void blkrig_submit(struct blkrig_io *io, enum blk_op op, uint64_t start, uint64_t bytes,
                   uint8_t salt)
{
    if (op == BLK_READ || op == BLK_WRITE) {
        blkrig_submit_pieces(io, op, start, (uint32_t)bytes, PAGE_BYTES, salt);
        return;
    }
    io->req = (struct blk_req){
        .user = io, .start = start, .bytes = bytes, .op = (uint8_t)op, .status = 77};
    CHECK(blkdev_submit(blkrig.dev, &io->req) == 0);
}

int blkrig_finish(struct blkrig_io *io)
{
    struct blk_req *done = NULL;

    blkdev_kick(blkrig.dev);
    for (unsigned tries = 0; tries < 100 && done == NULL; tries++) {
        (void)blkrig_serve();
        (void)blkdev_reap(blkrig.dev, &done, 1);
    }
    CHECK(done == &io->req && done->user == io);
    return done->status;
}

void blkrig_put(struct blkrig_io *io)
{
    for (unsigned i = 0; i < io->req.seg_count; i++)
        page_put(io->segs[i].page);
}

bool blkrig_read_is(struct blkrig_io *io, uint8_t salt)
{
    uint64_t at = io->req.start;
    bool same = true;

    for (unsigned i = 0; i < io->req.seg_count; i++) {
        const struct blk_seg *seg = &io->segs[i];

        for (uint32_t n = 0; n < PAGE_BYTES; n++) {
            bool inside = n >= seg->off && n - seg->off < seg->len;

            same = same &&
                   seg->page->base[n] == (inside ? blkrig_byte(at + n - seg->off, salt) : 0xee);
        }
        at += seg->len;
    }
    blkrig_put(io);
    return same;
}
