/* SPDX-License-Identifier: ISC */
/* chunk.c - reads whole blocks around what is wanted, in one request, as far as they lie in one
 * stretch of the disk. */
#include <morgana/blk_io.h>
#include <morgana/platform.h>

#include "chunk.h"

enum { BATCH = 16 };

static struct {
    struct blkdev *dev;
    struct page_pool *pages;
    struct chunk all[CHUNKS_MAX], *free;
    unsigned in_flight;
    bool refused; /* by the device, which has said nothing since */
} chunks;

void chunks_init(struct blkdev *dev, struct page_pool *pages)
{
    chunks.dev = dev;
    chunks.pages = pages;
    chunks.free = NULL;
    chunks.in_flight = 0;
    chunks.refused = false;
    for (unsigned i = 0; i < CHUNKS_MAX; i++) {
        chunks.all[i].next = chunks.free;
        chunks.free = &chunks.all[i];
    }
}

/* The stretch in which byte `at` of the file lies, and where in it. */
static const struct blk_extent *find(const struct site_file *file, uint64_t at, uint64_t *off)
{
    const struct blk_extent *extent = file->extents;

    for (; at >= extent->bytes; extent++) {
        ASSERT(extent + 1 < file->extents + file->extent_count);
        at -= extent->bytes;
    }
    *off = at;
    return extent;
}

/* Puts the pages from the one in which byte `at` lies on. */
static void let_go(struct chunk *chunk)
{
    for (unsigned i = chunk->at / PAGE_BYTES; i < chunk->req.seg_count; i++)
        page_put(chunk->segs[i].page);
    chunk->next = chunks.free;
    chunks.free = chunk;
}

int chunk_begin(void *owner, const struct site_file *file, uint64_t at, uint64_t bytes,
                struct chunk **out)
{
    uint32_t block = chunks.dev->caps.block_bytes, before, most, n;
    struct chunk *chunk = chunks.free;
    uint64_t off, room;
    const struct blk_extent *extent = find(file, at, &off);

    most = u32_min(chunks.pages->free_count / 4, CHUNK_PAGES);
    if (chunk == NULL || most == 0)
        return -E_AGAIN;
    before = (uint32_t)off & (block - 1);
    room = u64_min(extent->bytes - (off - before), (uint64_t)most * PAGE_BYTES);
    room = u64_min(room, (before + bytes + block - 1) & ~(uint64_t)(block - 1));
    n = (uint32_t)((room + PAGE_BYTES - 1) / PAGE_BYTES);
    chunks.free = chunk->next;
    *chunk = (struct chunk){.owner = owner,
                            .at = before,
                            .left = (uint32_t)u64_min(bytes, room - before),
                            .req = {.user = chunk,
                                    .start = extent->start + off - before,
                                    .bytes = room,
                                    .segs = chunk->segs,
                                    .seg_count = (uint16_t)n,
                                    .op = BLK_READ}};
    for (uint32_t i = 0; i < n; i++) {
        uint64_t rest = room - (uint64_t)i * PAGE_BYTES;
        chunk->segs[i] = (struct blk_seg){.page = page_get(chunks.pages),
                                          .len = (uint16_t)u64_min(PAGE_BYTES, rest)};
    }
    int err = blkdev_submit(chunks.dev, &chunk->req);
    if (err != 0) {
        chunks.refused = err == -E_AGAIN;
        chunk->at = 0;
        let_go(chunk);
        return err;
    }
    chunks.in_flight++;
    *out = chunk;
    return 1;
}

struct page *chunk_piece(const struct chunk *chunk, uint32_t *off, uint32_t *len)
{
    *off = chunk->at % PAGE_BYTES;
    *len = u32_min(PAGE_BYTES - *off, chunk->left);
    return chunk->segs[chunk->at / PAGE_BYTES].page;
}

bool chunk_went(struct chunk *chunk, uint32_t len)
{
    chunk->at += len;
    chunk->left -= len;
    if (chunk->left != 0)
        return false;
    chunk->at = (chunk->at + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES; /* its last page went too */
    let_go(chunk);
    return true;
}

void chunk_drop(struct chunk *chunk)
{
    chunk->owner = NULL;
    if (chunk->is_back)
        let_go(chunk);
}

bool chunks_out(void)
{
    return chunks.free == NULL || chunks.pages->free_count < 4;
}

bool chunks_room(void)
{
    if (chunks.in_flight != 0 &&
        (chunks.refused || chunks.in_flight >= chunks.dev->caps.requests_max))
        return false;
    return !chunks_out();
}

bool chunks_turn(void (*ready)(void *owner))
{
    struct blk_req *done[BATCH];
    unsigned n = blkdev_reap(chunks.dev, done, BATCH);

    for (unsigned i = 0; i < n; i++) {
        struct chunk *chunk = done[i]->user;
        chunk->is_back = true;
        if (chunk->owner != NULL)
            ready(chunk->owner);
        else
            let_go(chunk);
    }
    chunks.in_flight -= n;
    if (n != 0)
        chunks.refused = false;
    blkdev_kick(chunks.dev);
    return n != 0;
}

bool chunks_arm(void)
{
    blkdev_kick(chunks.dev);
    if (!blkdev_arm(chunks.dev))
        return false;
    chunks.refused = false; /* what there is may be room */
    return true;
}

static void forget(void *owner)
{
    (void)owner;
}

void chunks_fini(void)
{
    uint64_t end = plat_now_ns() + BLK_IO_TIMEOUT_NS;

    while (chunks.in_flight != 0 && plat_now_ns() < end)
        if (!chunks_turn(forget) && !chunks_arm())
            plat_wait(end);
}
