/* SPDX-License-Identifier: ISC */
/* blk_mem.c - a block device in memory, that can lose power.
 *
 * Writes go to memory at once; the undo log has, for each sector written since the last flush, what
 * it was before, oldest first. Losing power walks back from the newest entry and undoes each with
 * even chance: so a sector ends up as any of the versions that it had.
 */
#include <morgana/blk_mem.h>
#include <morgana/random.h>

enum { SEGS_MAX = 256, REQUESTS_MAX = 32 };

static struct blk_mem *of(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct blk_mem, dev);
}

static uint8_t *at(const struct blk_mem *mem, uint64_t byte)
{
    return (uint8_t *)mem->conf.memory + byte;
}

static bool moves_data(const struct blk_req *req)
{
    return req->op == BLK_READ || req->op == BLK_WRITE;
}

/* ---- the undo log --------------------------------------------------------------------------- */

static void remember(struct blk_mem *mem, uint64_t start, uint64_t bytes)
{
    uint64_t sectors = bytes / BLK_SECTOR_BYTES, from = start / BLK_SECTOR_BYTES;

    if (mem->conf.undo == NULL)
        return;
    if (mem->conf.undo_max - mem->undo_count < sectors)
        mem->undo_count = 0;
    for (uint64_t i = 0; i < sectors && mem->undo_count < mem->conf.undo_max; i++) {
        struct blk_mem_undo *entry = &mem->conf.undo[mem->undo_count++];
        entry->sector = from + i;
        memcpy(entry->was, at(mem, entry->sector * BLK_SECTOR_BYTES), BLK_SECTOR_BYTES);
    }
}

static void undo_some(struct blk_mem *mem, uint64_t seed)
{
    while (mem->undo_count != 0) {
        const struct blk_mem_undo *entry = &mem->conf.undo[--mem->undo_count];
        if (random_next(&seed) % 2 == 0)
            memcpy(at(mem, entry->sector * BLK_SECTOR_BYTES), entry->was, BLK_SECTOR_BYTES);
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

static void move(const struct blk_mem *mem, const struct blk_req *req)
{
    uint8_t *bytes = at(mem, req->start);

    for (unsigned i = 0; i < req->seg_count; i++) {
        const struct blk_seg *seg = &req->segs[i];
        uint8_t *data = seg->page->base + seg->off;
        if (req->op == BLK_READ)
            memcpy(data, bytes, seg->len);
        else
            memcpy(bytes, data, seg->len);
        bytes += seg->len;
    }
}

/* What it does to the medium. */
static void perform(struct blk_mem *mem, const struct blk_req *req)
{
    if (req->op == BLK_FLUSH) {
        mem->undo_count = 0;
        return;
    }
    if (req->op != BLK_READ) {
        remember(mem, req->start, req->bytes);
        mem->writes++;
    }
    if (moves_data(req))
        move(mem, req);
    else
        memset(at(mem, req->start), req->op == BLK_WRITE_ZEROES ? 0 : BLK_MEM_DISCARDED,
               (size_t)req->bytes);
}

static void finish(struct blk_mem *mem, int status)
{
    struct blk_req *req = mem->queue;

    mem->queue = req->next;
    if (mem->queue == NULL)
        mem->queue_end = &mem->queue;
    mem->queued--;
    req->status = status;
    req->next = NULL;
    *mem->done_end = req;
    mem->done_end = &req->next;
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_put(req->segs[i].page);
    blkdev_count(&mem->dev.stats, req);
}

void blk_mem_power_cut(struct blk_mem *mem, uint64_t seed)
{
    if (!mem->dev.online)
        return;
    /* What has begun may have reached the medium, each for itself. */
    for (; mem->kicked != 0; mem->kicked--) {
        if (mem->conf.undo != NULL && mem->queue->op != BLK_READ && mem->queue->op != BLK_FLUSH &&
            random_next(&seed) % 2 == 0)
            perform(mem, mem->queue);
        finish(mem, -E_NODEV);
    }
    while (mem->queued != 0)
        finish(mem, -E_NODEV);
    undo_some(mem, seed);
    mem->dev.online = false;
    mem->has_cut = false;
}

static bool cuts(const struct blk_mem *mem, const struct blk_req *req)
{
    return mem->has_cut && req->op != BLK_READ && req->op != BLK_FLUSH &&
           mem->writes >= mem->cut_at;
}

/* Moves the bytes of what has begun. */
static void turn(struct blk_mem *mem)
{
    while (mem->kicked != 0) {
        if (cuts(mem, mem->queue)) {
            blk_mem_power_cut(mem, mem->cut_seed);
            return;
        }
        perform(mem, mem->queue);
        mem->kicked--;
        finish(mem, 0);
    }
}

/* ---- the device ----------------------------------------------------------------------------- */

static int mem_submit(struct blkdev *dev, struct blk_req *req)
{
    struct blk_mem *mem = of(dev);
    int err = blkdev_judge(dev, req);

    if (err != 0) {
        dev->stats.refused++;
        return err;
    }
    if (mem->in_flight == dev->caps.requests_max) {
        mem->wants_room = true;
        dev->stats.full++;
        return -E_AGAIN;
    }
    for (unsigned i = 0; moves_data(req) && i < req->seg_count; i++)
        page_ref(req->segs[i].page);
    req->next = NULL;
    *mem->queue_end = req;
    mem->queue_end = &req->next;
    mem->queued++;
    mem->in_flight++;
    return 0;
}

static void mem_kick(struct blkdev *dev)
{
    struct blk_mem *mem = of(dev);

    if (mem->kicked == mem->queued)
        return;
    dev->stats.ring_requests += mem->queued - mem->kicked;
    dev->stats.notify++;
    mem->kicked = mem->queued;
}

static unsigned mem_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct blk_mem *mem = of(dev);
    unsigned got = 0;

    for (; got < n && mem->done != NULL; got++) {
        reqs[got] = mem->done;
        mem->done = mem->done->next;
    }
    if (mem->done == NULL)
        mem->done_end = &mem->done;
    mem->in_flight -= got;
    turn(mem);
    return got;
}

static bool mem_arm(struct blkdev *dev)
{
    struct blk_mem *mem = of(dev);
    bool room = mem->wants_room && mem->in_flight < dev->caps.requests_max;

    turn(mem);
    if (room)
        mem->wants_room = false;
    return room || mem->done != NULL;
}

static const struct blkdev_ops mem_ops = {
    .name = "mem",
    .submit = mem_submit,
    .kick = mem_kick,
    .reap = mem_reap,
    .arm = mem_arm,
};

/* ---- life ----------------------------------------------------------------------------------- */

static bool is_unit(uint32_t n, uint32_t min)
{
    return n >= min && (n & (n - 1)) == 0;
}

int blk_mem_open(struct blk_mem *mem, const struct blk_mem_conf *conf, struct blkdev **dev)
{
    uint32_t block = conf->block_bytes != 0 ? conf->block_bytes : BLK_SECTOR_BYTES;
    uint32_t physical = conf->physical_bytes != 0 ? conf->physical_bytes : block;

    if (!is_unit(block, BLK_SECTOR_BYTES) || block > PAGE_BYTES || !is_unit(physical, block) ||
        conf->memory == NULL || conf->bytes == 0 || conf->bytes % block != 0 ||
        conf->bytes > SIZE_MAX || (conf->undo == NULL && conf->undo_max != 0))
        return -E_INVAL;
    *mem = (struct blk_mem){
        .dev = {.ops = &mem_ops,
                .caps = {.bytes = conf->bytes,
                         .block_bytes = block,
                         .physical_bytes = physical,
                         .discard_unit_bytes = conf->no_discard ? 0 : block,
                         .segs_max = conf->segs_max != 0 ? conf->segs_max : SEGS_MAX,
                         .requests_max =
                             conf->requests_max != 0 ? conf->requests_max : REQUESTS_MAX,
                         .read_only = conf->read_only,
                         .flush = conf->undo != NULL,
                         .discard = !conf->no_discard && !conf->read_only,
                         .secure_discard = !conf->no_discard && !conf->read_only,
                         .write_zeroes = !conf->no_write_zeroes && !conf->read_only},
                .online = true},
        .conf = *conf,
    };
    mem->queue_end = &mem->queue;
    mem->done_end = &mem->done;
    *dev = &mem->dev;
    return 0;
}

void blk_mem_close(struct blk_mem *mem)
{
    ASSERT(mem->in_flight == 0);
}

void blk_mem_cut_after(struct blk_mem *mem, uint64_t writes, uint64_t seed)
{
    mem->has_cut = true;
    mem->cut_at = mem->writes + writes;
    mem->cut_seed = seed;
}

void blk_mem_power_on(struct blk_mem *mem)
{
    ASSERT(mem->in_flight == 0);
    mem->has_cut = false;
    mem->dev.online = true;
}

void blk_mem_rot(struct blk_mem *mem, uint64_t start, uint64_t bytes, uint32_t n, uint64_t seed)
{
    for (; bytes != 0 && n != 0; n--) {
        uint64_t where = random_next(&seed);
        uint8_t *byte = at(mem, start + where % bytes);
        *byte = (uint8_t)(*byte ^ 1u << (where >> 61));
    }
}
