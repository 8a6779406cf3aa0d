/* SPDX-License-Identifier: ISC */
/* fuzz_blkfront.c - blkfront against arbitrary bytes in its rings and keys: the input is what a
 * backend does, and a program, one operation after the other.
 *
 * A violation takes the device offline; every request ends once at most, and with a status that is
 * documented; no page that the backend may use is ever free; at the end all pages are back. Each
 * input has a machine of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkrig.h"
#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n%s\n", __FILE__, __LINE__, #expr, vplat_console());        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum op {
    OP_BYTES,    /* queue, offset, n, n bytes: into a ring's first page */
    OP_RSP,      /* queue, place, xor of id, operation, status: a response, pushed */
    OP_GOOD,     /* good responses to all that was put */
    OP_RSP_PROD, /* queue, two bytes: moves rsp_prod */
    OP_SUBMIT,   /* op, start, pages, piece: the program asks */
    OP_KICK,
    OP_REAP,
    OP_ARM,   /* and sleeps */
    OP_MAP,   /* grant: keeps a page mapped */
    OP_UNMAP, /* lets go of the last one */
    OP_STATE, /* the backend's XenbusState */
    OP_KEY,   /* one of its keys, n bytes */
    OP_RUN,   /* domain 0 runs */
    OP_TIME,  /* passes */
    OPS
};

static struct {
    const uint8_t *data;
    size_t size;
} input;

/* The next byte, or 0 at the end. */
static uint8_t byte(void)
{
    if (input.size == 0)
        return 0;
    input.size--;
    return *input.data++;
}

static uint16_t two(void)
{
    uint16_t low = byte();

    return (uint16_t)(low | byte() << 8);
}

/* ---- the program ----------------------------------------------------------------------------- */

#define IOS 24u

static struct {
    struct blk_req req;
    struct blk_seg segs[40];
    bool flying;
} ios[IOS];

static void submit(void)
{
    unsigned i = 0, op = byte() % BLK_OP_COUNT, start = two(), pages = byte() % 40u;
    uint32_t piece = 512u << byte() % 4;

    while (i < IOS && ios[i].flying)
        i++;
    if (i == IOS)
        return;
    ios[i].req = (struct blk_req){.user = &ios[i],
                                  .op = (uint8_t)op,
                                  .start = (uint64_t)start * 512,
                                  .segs = ios[i].segs,
                                  .status = 77};
    if (op == BLK_READ || op == BLK_WRITE) {
        for (unsigned n = 0; n < pages; n++) {
            struct page *page = page_get(&blkrig.pages);

            if (page == NULL)
                break;
            ios[i].segs[n] = (struct blk_seg){.page = page, .len = (uint16_t)piece};
            ios[i].req.seg_count++;
        }
    }
    ios[i].req.bytes = op == BLK_FLUSH ? 0 : (uint64_t)pages * piece;
    if (op == BLK_FLUSH)
        ios[i].req.start = 0;
    ios[i].flying = blkdev_submit(blkrig.dev, &ios[i].req) == 0;
    /* The driver has references of its own. */
    for (unsigned n = 0; n < ios[i].req.seg_count; n++)
        page_put(ios[i].segs[n].page);
}

static void reap(void)
{
    struct blk_req *done[8];
    unsigned n = blkdev_reap(blkrig.dev, done, 8);

    while (n-- > 0) {
        unsigned i = 0;

        while (i < IOS && done[n] != &ios[i].req)
            i++;
        CHECK(i < IOS && ios[i].flying);
        CHECK(done[n]->status == 0 || done[n]->status == -E_IO || done[n]->status == -E_NODEV ||
              done[n]->status == -E_NOSYS);
        ios[i].flying = false;
    }
}

/* ---- the backend ----------------------------------------------------------------------------- */

static uint32_t kept[8], kept_count;

static struct blkrig_queue *queue(void)
{
    unsigned i = byte() % BLKFRONT_QUEUES_MAX;

    return blkrig.queue[i].shared != NULL ? &blkrig.queue[i] : NULL;
}

static void write_ring(void)
{
    struct blkrig_queue *q = queue();
    uint16_t at = two() % 4096, n = byte();

    for (; q != NULL && n > 0; n--, at++)
        ((uint8_t *)q->shared)[at % 4096] = byte();
}

static void respond(void)
{
    struct blkrig_queue *q = queue();
    const struct blkfront_shadow *sh = &blkrig.bf->shadow[byte() % BLKFRONT_REQUESTS_MAX];
    uint64_t id = sh->id ^ (uint64_t)byte() << byte() % 60;
    uint8_t op = sh->op ^ byte();
    int16_t status = (int8_t)byte();

    if (q == NULL)
        return;
    blkrig_answer_raw((unsigned)(q - blkrig.queue), id, op, status);
    blkrig_push((unsigned)(q - blkrig.queue));
}

static void respond_well(void)
{
    int16_t status = -(int16_t)(byte() % 3);

    for (unsigned i = 0; i < BLKFRONT_REQUESTS_MAX; i++) {
        const struct blkfront_shadow *sh = &blkrig.bf->shadow[i];

        if (sh->queue == BLKFRONT_NO_QUEUE || blkrig.queue[sh->queue].shared == NULL)
            continue;
        blkrig_answer_raw(sh->queue, sh->id, sh->op, status);
        blkrig_push(sh->queue);
    }
}

static void write_key(void)
{
    static const char *const keys[] = {"sectors",
                                       "sector-size",
                                       "physical-sector-size",
                                       "mode",
                                       "info",
                                       "feature-flush-cache",
                                       "feature-barrier",
                                       "feature-discard",
                                       "discard-granularity",
                                       "discard-alignment",
                                       "feature-max-indirect-segments",
                                       "feature-persistent",
                                       "multi-queue-max-queues",
                                       "max-ring-page-order",
                                       "max-ring-pages"};
    const char *key = keys[byte() % ARRAY_SIZE(keys)];
    char value[16];
    unsigned n = byte() % sizeof(value);

    for (unsigned i = 0; i < n; i++) {
        value[i] = (char)byte();
        if (value[i] == '\0')
            value[i] = '0';
    }
    value[n] = '\0';
    blkrig_key(key, value);
}

static void keep_map(void)
{
    uint32_t gref = GNTTAB_RESERVED + two() % 400;
    int16_t status;

    if (kept_count < ARRAY_SIZE(kept) && sim_grant_map(gref, false, &status) != NULL)
        kept[kept_count++] = gref;
}

static void let_go(void)
{
    if (kept_count > 0)
        sim_grant_unmap(kept[--kept_count], false);
}

static void move_rsp_prod(void)
{
    struct blkrig_queue *q = queue();

    if (q != NULL)
        q->shared->rsp_prod += two();
}

static void kick(void)
{
    blkdev_kick(blkrig.dev);
}

static void arm(void)
{
    (void)blkdev_arm(blkrig.dev);
}

static void state(void)
{
    blkrig_set_state(byte() % (XENBUS_STATES + 1));
}

static void pass(void)
{
    vplat_advance(byte() * NS_PER_S / 8);
}

static void (*const operate[OPS])(void) = {
    [OP_BYTES] = write_ring,  [OP_RSP] = respond,
    [OP_GOOD] = respond_well, [OP_RSP_PROD] = move_rsp_prod,
    [OP_SUBMIT] = submit,     [OP_KICK] = kick,
    [OP_REAP] = reap,         [OP_ARM] = arm,
    [OP_MAP] = keep_map,      [OP_UNMAP] = let_go,
    [OP_STATE] = state,       [OP_KEY] = write_key,
    [OP_RUN] = blkrig_run,    [OP_TIME] = pass,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input.data = data;
    input.size = size;
    uint8_t how = byte(), more = byte();
    struct blkrig_conf conf = {.pages = 320,
                               .gnttab_version = 1 + (how & 1u),
                               .indirect = (how & 2) != 0 ? 40 : 0,
                               .persistent = (how & 4) != 0,
                               .trusted = (how & 8) != 0 ? "0" : NULL,
                               .sector_size = (how & 16) != 0 ? "4096" : NULL,
                               .flush = (how & 32) != 0 ? "1" : NULL,
                               .barrier = (how & 64) != 0 ? "1" : NULL,
                               .discard = (how & 128) != 0 ? "1" : NULL,
                               .queues_max = "4",
                               .ring_order_max = "4",
                               .index = (more & 1) != 0 ? 0xfffffe00 : 0,
                               .bf = {.queues = (uint8_t)(1 + (more >> 1 & 3)),
                                      .ring_order = (uint8_t)((more >> 3) % 3),
                                      .persistent = true,
                                      .timeout_ns = 5 * NS_PER_S}};

    memset(ios, 0, sizeof(ios));
    kept_count = 0;
    blkrig_start(&conf);
    CHECK(blkrig_open() == 0);
    for (unsigned n = 0; input.size > 0 && n < 500; n++) {
        operate[byte() % OPS]();
        CHECK(blkrig.bf->violation == BLKFRONT_NO_VIOLATION || !blkrig.dev->online);
        blkrig_check_pages();
    }
    for (unsigned n = 0; n < 10; n++)
        reap();
    (void)blkdev_arm(blkrig.dev);
    /* One that lied has nothing in flight any more. */
    for (unsigned i = 0; i < IOS && blkrig.bf->violation != BLKFRONT_NO_VIOLATION; i++)
        CHECK(!ios[i].flying);
    blkrig_close();
    blkrig_check_pages();
    while (kept_count > 0)
        let_go();
    blkrig_stop(0);
    return 0;
}
