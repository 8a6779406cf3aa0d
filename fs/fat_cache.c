/* SPDX-License-Identifier: ISC */
/* fat_cache.c - the device through a few pages, 4 KiB each; what of them is dirty; barriers.
 *
 * A block is written when its page is wanted for something else, or at a barrier. Neighbouring
 * dirty blocks of a page go in one request. */
#include <morgana/blk_io.h>

#include "fs/fat_priv.h"

#define CHUNK_BYTES PAGE_BYTES
#define NO_CHUNK UINT64_MAX

static uint32_t chunk_bytes(const struct fat *fs, uint64_t chunk)
{
    return (uint32_t)u64_min(CHUNK_BYTES, fs->conf.dev->caps.bytes - chunk * CHUNK_BYTES);
}

/* fs->req with its segments filled in. What the device does not give back is not touched again. */
static int request(struct fat *fs, enum blk_op op, uint64_t at, uint64_t bytes, unsigned segs)
{
    int err;

    if (fs->lost)
        return -E_IO;
    fs->req = (struct blk_req){.start = at,
                               .bytes = bytes,
                               .segs = fs->segs,
                               .seg_count = (uint16_t)segs,
                               .op = (uint8_t)op};
    err = blk_io(fs->conf.dev, &fs->req);
    if (err < 0 && err != -E_NOSYS) {
        fs->stats.io_errors++;
        fs->lost = err == -E_TIMEDOUT;
        fs->spoiled = fs->spoiled || op != BLK_READ;
    }
    return err;
}

static int page_io(struct fat *fs, struct fat_cached *c, enum blk_op op, uint32_t off, uint32_t len)
{
    fs->segs[0] = (struct blk_seg){c->page, (uint16_t)off, (uint16_t)len};
    if (op == BLK_READ)
        fs->stats.reads++;
    else
        fs->stats.writes++;
    return request(fs, op, c->chunk * CHUNK_BYTES + off, len, 1);
}

int fat_cache_init(struct fat *fs)
{
    for (uint32_t i = 0; i < fs->conf.cache_pages; i++) {
        struct fat_cached *c = &fs->cache[i];

        c->chunk = NO_CHUNK;
        c->page = page_get(fs->conf.pool);
        if (!c->page)
            return -E_NOMEM;
    }
    fs->recent = &fs->cache[0];
    return 0;
}

void fat_cache_fini(struct fat *fs)
{
    for (uint32_t i = 0; i < fs->conf.cache_pages; i++) {
        struct page *page = fs->cache[i].page;

        if (page && !(fs->lost && page == fs->segs[0].page))
            page_put(page);
        fs->cache[i].page = NULL;
    }
}

/* Writes the dirty blocks of one page. */
static int clean(struct fat *fs, struct fat_cached *c)
{
    uint32_t i = 0;

    if (c->dirty && fs->spoiled)
        return -E_IO; /* nothing is written any more: the order would be lost */
    while (c->dirty) {
        uint32_t n;
        int err;

        while (!(c->dirty >> i & 1))
            i++;
        for (n = 1; i + n < CHUNK_BYTES / BLK_SECTOR_BYTES && (c->dirty >> (i + n) & 1);)
            n++;
        fs->unflushed = true;
        err = page_io(fs, c, BLK_WRITE, i * BLK_SECTOR_BYTES, n * BLK_SECTOR_BYTES);
        if (err < 0)
            return err;
        c->dirty &= (uint8_t) ~(((1u << n) - 1) << i);
    }
    return 0;
}

int fat_barrier(struct fat *fs)
{
    int err;

    for (uint32_t i = 0; i < fs->conf.cache_pages; i++) {
        err = clean(fs, &fs->cache[i]);
        if (err < 0)
            return err;
    }
    if (!fs->unflushed)
        return 0;
    fs->stats.flushes++;
    err = request(fs, BLK_FLUSH, 0, 0, 0);
    if (err < 0)
        return err;
    fs->unflushed = false;
    return 0;
}

static struct fat_cached *find(struct fat *fs, uint64_t chunk)
{
    if (fs->recent->chunk == chunk)
        return fs->recent;
    for (uint32_t i = 0; i < fs->conf.cache_pages; i++)
        if (fs->cache[i].chunk == chunk)
            return &fs->cache[i];
    return NULL;
}

/* The page longest unused, clean and empty. */
static int take(struct fat *fs, struct fat_cached **out)
{
    struct fat_cached *c = NULL;
    int err;

    for (uint32_t i = 0; i < fs->conf.cache_pages; i++)
        if (fs->cache[i].chunk == NO_CHUNK || !c || fs->cache[i].used < c->used) {
            c = &fs->cache[i];
            if (c->chunk == NO_CHUNK)
                break;
        }
    err = clean(fs, c);
    if (err < 0)
        return err;
    c->chunk = NO_CHUNK;
    *out = c;
    return 0;
}

static int load(struct fat *fs, uint64_t chunk, bool read, struct fat_cached **out)
{
    struct fat_cached *c = find(fs, chunk);
    int err;

    if (c) {
        fs->stats.hits++;
    } else {
        err = take(fs, &c);
        if (err < 0)
            return err;
        c->chunk = chunk;
        err = read ? page_io(fs, c, BLK_READ, 0, chunk_bytes(fs, chunk)) : 0;
        if (err < 0) {
            c->chunk = NO_CHUNK;
            return err;
        }
    }
    c->used = ++fs->clock;
    fs->recent = c;
    *out = c;
    return 0;
}

uint32_t fat_chunk_left(uint64_t at, uint64_t n)
{
    return (uint32_t)u64_min(n, CHUNK_BYTES - at % CHUNK_BYTES);
}

int fat_cache_ro(struct fat *fs, uint64_t at, uint32_t n, struct cs_ro *out)
{
    struct fat_cached *c;
    int err = load(fs, at / CHUNK_BYTES, true, &c);

    if (err < 0)
        return err;
    *out = cs_ro_of(c->page->base + at % CHUNK_BYTES, n);
    ASSERT(at % CHUNK_BYTES + n <= CHUNK_BYTES);
    return 0;
}

int fat_cache_rw(struct fat *fs, uint64_t at, uint32_t n, struct cs *out)
{
    uint64_t chunk = at / CHUNK_BYTES;
    uint32_t off = (uint32_t)(at % CHUNK_BYTES), from, to;
    struct fat_cached *c;
    int err;

    ASSERT(!fs->read_only && n > 0 && n <= CHUNK_BYTES - off);
    ASSERT(off + n <= chunk_bytes(fs, chunk));
    if (fs->spoiled)
        return -E_IO;
    err = load(fs, chunk, off != 0 || n < chunk_bytes(fs, chunk), &c);
    if (err < 0)
        return err;
    from = off / fs->block_bytes * fs->block_bytes / BLK_SECTOR_BYTES;
    to = (off + n + fs->block_bytes - 1) / fs->block_bytes * fs->block_bytes / BLK_SECTOR_BYTES;
    c->dirty |= (uint8_t)((1u << to) - (1u << from));
    *out = cs_of(c->page->base + off, n);
    return 0;
}

int fat_cache_drop(struct fat *fs, uint64_t at, uint64_t n)
{
    for (uint32_t i = 0; i < fs->conf.cache_pages; i++) {
        struct fat_cached *c = &fs->cache[i];
        int err;

        if (c->chunk == NO_CHUNK || c->chunk < at / CHUNK_BYTES ||
            c->chunk > (at + n - 1) / CHUNK_BYTES)
            continue;
        err = clean(fs, c);
        if (err < 0)
            return err;
        c->chunk = NO_CHUNK;
    }
    return 0;
}

int fat_zero(struct fat *fs, uint64_t at, uint64_t n)
{
    const struct blkdev_caps *caps = &fs->conf.dev->caps;
    uint32_t most = u32_min(caps->segs_max, ARRAY_SIZE(fs->segs));
    struct fat_cached *c;
    int err = fat_cache_drop(fs, at, n);

    ASSERT(!fs->read_only);
    if (err < 0 || fs->spoiled)
        return err < 0 ? err : -E_IO;
    fs->unflushed = true;
    fs->stats.writes++;
    err = caps->write_zeroes ? request(fs, BLK_WRITE_ZEROES, at, n, 0) : -E_NOSYS;
    if (err != -E_NOSYS)
        return err;
    err = take(fs, &c);
    if (err < 0)
        return err;
    memset(c->page->base, 0, CHUNK_BYTES);
    while (n > 0) {
        uint64_t bytes = 0;
        uint32_t segs = 0;

        for (; segs < most && bytes < n; segs++) {
            uint32_t len = (uint32_t)u64_min(n - bytes, CHUNK_BYTES);

            fs->segs[segs] = (struct blk_seg){c->page, 0, (uint16_t)len};
            bytes += len;
        }
        fs->stats.writes++;
        err = request(fs, BLK_WRITE, at, bytes, segs);
        if (err < 0)
            return err;
        at += bytes;
        n -= bytes;
    }
    return 0;
}
