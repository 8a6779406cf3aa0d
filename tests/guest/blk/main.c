/* SPDX-License-Identifier: ISC */
/* blk - a block device from inside a guest: requests of every size at every place, all of it read
 * back and looked at. What is left on the disk is known to whoever checks it from the other side:
 * the 64-bit numbers from 0 on, big end first, of which the digest is told.
 *
 *     do=fill    writes all of the disk in four ways, the last through blk_align.h, and reads it
 *     do=refuse  the disk is read-only: writes end before they reach the device
 *     do=load    writes and reads until it is told to power off, whether the disk comes or goes */
#include <stdio.h>

#include <morgana/args.h>
#include <morgana/blk_align.h>
#include <morgana/blk_io.h>
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/random.h>

#include "apps/common/sha256.h"

enum { JOBS = 6, SEGS = 256, EXTENTS = 8192, POOL_PAGES = 2560, ALIGN_REQUESTS = 8 };
#define MIB (1024u * 1024u)
#define PATIENCE_NS (60 * NS_PER_S)

struct extent {
    uint64_t start;
    uint32_t len;
};

struct job {
    struct blk_req req; /* first */
    struct blk_seg segs[SEGS];
    struct extent extent;
    struct job *next;
};

int main(int argc, char **argv);

static _Alignas(PAGE_BYTES) uint8_t memory[POOL_PAGES * PAGE_BYTES];
static struct page headers[POOL_PAGES];
static struct page_pool pool;
static struct job jobs[JOBS], *jobs_free;
static struct extent extents[EXTENTS];
static unsigned extent_count;
static uint64_t bytes, dice = 1;
static struct sha256 sha;

/* The C library's printf knows no numbers of 64 bits. */
static void PRINTF_LIKE(1, 2) say(const char *format, ...)
{
    char line[600];
    va_list args;

    va_start(args, format);
    fmt_vbuf(line, sizeof(line), format, args);
    va_end(args);
    puts(line);
}

static uint64_t roll(uint64_t n)
{
    return random_next(&dice) % n;
}

/* ---- what is where --------------------------------------------------------------------------- */

/* The byte of round `round` at `at`. Round 0 stays on the disk. */
static uint8_t byte_at(uint64_t at, uint64_t round)
{
    return (uint8_t)((at / 8 ^ round << 40) >> (56 - at % 8 * 8));
}

static void fill(uint8_t *p, uint64_t at, uint32_t len, uint64_t round)
{
    for (; len > 0 && at % 8 != 0; len--)
        *p++ = byte_at(at++, round);
    for (; len >= 8; len -= 8, p += 8, at += 8) {
        uint64_t word = __builtin_bswap64(at / 8 ^ round << 40);

        memcpy(p, &word, 8);
    }
    for (; len > 0; len--)
        *p++ = byte_at(at++, round);
}

static bool is_filled(const uint8_t *p, uint64_t at, uint32_t len, uint64_t round)
{
    static uint8_t wanted[PAGE_BYTES];

    fill(wanted, at, len, round);
    return memcmp(p, wanted, len) == 0;
}

/* ---- the disk in pieces ---------------------------------------------------------------------- */

/* All of the disk in pieces of `most` bytes, in order; or of any length up to that, in none. */
static void cut(uint32_t most, uint32_t unit, bool scattered)
{
    uint64_t at = 0;

    extent_count = 0;
    while (at < bytes) {
        uint32_t len = most;

        /* a sixteenth of them long; few enough for the table */
        if (scattered && extent_count < EXTENTS - 512) {
            uint32_t top = roll(16) == 0 ? most : roll(2) == 0 ? 65536 : 8192;

            len = (uint32_t)(1 + roll(top / unit)) * unit;
        }
        len = (uint32_t)u64_min(len, bytes - at);
        extents[extent_count++] = (struct extent){at, len};
        at += len;
    }
    for (unsigned i = extent_count; scattered && i > 1; i--) {
        unsigned other = (unsigned)roll(i);
        struct extent e = extents[other];

        extents[other] = extents[i - 1];
        extents[i - 1] = e;
    }
}

/* Pages for a piece, in segments; scattered: they begin and end anywhere that `unit` allows. */
static bool job_fill(struct job *job, const struct extent *e, uint32_t unit, bool scattered)
{
    uint32_t done = 0, n = 0;

    while (done < e->len) {
        uint32_t off = 0, len = PAGE_BYTES;
        struct page *page = page_get(&pool);

        if (page == NULL || n == SEGS)
            break;
        if (scattered && unit < PAGE_BYTES &&
            (uint64_t)(SEGS - n - 1) * PAGE_BYTES >= e->len - done + PAGE_BYTES) {
            off = (uint32_t)roll(PAGE_BYTES / unit) * unit;
            len = (uint32_t)(1 + roll((PAGE_BYTES - off) / unit)) * unit;
        }
        len = (uint32_t)u64_min(len, e->len - done);
        job->segs[n++] = (struct blk_seg){page, (uint16_t)off, (uint16_t)len};
        done += len;
    }
    job->req.seg_count = (uint16_t)n;
    return done == e->len;
}

static void job_end(struct job *job)
{
    for (unsigned i = 0; i < job->req.seg_count; i++)
        page_put(job->segs[i].page);
    job->next = jobs_free;
    jobs_free = job;
}

/* ---- a round --------------------------------------------------------------------------------- */

struct round {
    struct blkdev *dev;
    enum blk_op op;
    uint64_t number; /* of byte_at */
    uint32_t unit;
    bool scattered, digest; /* digest: in order, one at a time */
    bool comes_and_goes;
    unsigned next, in_flight, away;
};

static int give(struct round *r)
{
    struct extent *e = &extents[r->next];
    struct job *job = jobs_free;
    int err = -E_NOMEM;

    job->extent = *e;
    job->req = (struct blk_req){
        .op = (uint8_t)r->op, .start = e->start, .bytes = e->len, .segs = job->segs};
    jobs_free = job->next;
    if (job_fill(job, e, r->unit, r->scattered)) {
        uint64_t at = e->start;

        for (unsigned i = 0; i < job->req.seg_count; i++) {
            struct blk_seg *seg = &job->segs[i];

            if (r->op == BLK_WRITE)
                fill(seg->page->base + seg->off, at, seg->len, r->number);
            else
                memset(seg->page->base + seg->off, 0xa5, seg->len);
            at += seg->len;
        }
        err = blkdev_submit(r->dev, &job->req);
    }
    if (err != 0)
        job_end(job);
    else
        r->in_flight++, r->next++;
    return err;
}

static int look(struct round *r, struct job *job)
{
    uint64_t at = job->extent.start;

    for (unsigned i = 0; r->op == BLK_READ && i < job->req.seg_count; i++) {
        const struct blk_seg *seg = &job->segs[i];

        if (r->digest)
            sha256_add(&sha, cs_ro_of(seg->page->base + seg->off, seg->len));
        else if (!is_filled(seg->page->base + seg->off, at, seg->len, r->number)) {
            say("wrong bytes at %llu, in a read of %u at %llu", (unsigned long long)at,
                job->extent.len, (unsigned long long)job->extent.start);
            return -E_PROTO;
        }
        at += seg->len;
    }
    return 0;
}

static int take(struct round *r, struct job *job)
{
    int err = job->req.status;

    r->in_flight--;
    if (err == 0) {
        err = look(r, job);
    } else if (err == -E_NODEV && r->comes_and_goes) {
        extents[--r->next] = job->extent; /* again; the places before `next` are free */
        r->away++;
        err = 0;
    } else {
        say("%s of %u at %llu: %s", blk_op_names[r->op], job->extent.len,
            (unsigned long long)job->extent.start, err_name(err));
    }
    job_end(job);
    return err;
}

/* Does all extents. 0, or what went wrong, said. */
static int round_run(struct round *r)
{
    uint64_t last = plat_now_ns();
    unsigned most = r->digest ? 1 : JOBS;

    while (r->next < extent_count || r->in_flight > 0) {
        struct blk_req *done[JOBS];
        unsigned n;
        int err = 0;

        while (err == 0 && r->next < extent_count && r->in_flight < most)
            err = give(r);
        if (err != 0 && err != -E_AGAIN && !(err == -E_NODEV && r->comes_and_goes)) {
            say("submit: %s", err_name(err));
            return err;
        }
        blkdev_kick(r->dev);
        n = blkdev_reap(r->dev, done, ARRAY_SIZE(done));
        for (unsigned i = 0; i < n; i++) {
            if ((err = take(r, (struct job *)done[i])) != 0)
                return err;
        }
        if (n > 0)
            last = plat_now_ns();
        if (plat_now_ns() - last > PATIENCE_NS) {
            say("nothing has happened for a minute; %u in flight", r->in_flight);
            return -E_TIMEDOUT;
        }
        if (n == 0 && !blkdev_arm(r->dev))
            plat_wait(plat_now_ns() + NS_PER_S);
    }
    return 0;
}

static int run(struct blkdev *dev, enum blk_op op, uint64_t number, uint32_t unit, bool scattered)
{
    struct round r = {.dev = dev, .op = op, .number = number, .unit = unit, .scattered = scattered};

    return round_run(&r);
}

static int tell_digest(struct blkdev *dev)
{
    struct round r = {.dev = dev, .op = BLK_READ, .digest = true, .unit = dev->caps.block_bytes};
    uint8_t digest[SHA256_BYTES];
    int err;

    cut(MIB, dev->caps.block_bytes, false);
    sha256_init(&sha);
    err = round_run(&r);
    sha256_finish(&sha, digest);
    if (err == 0)
        say("sha256 %s", sha256_text(digest).text);
    return err;
}

/* ---- what it does ---------------------------------------------------------------------------- */

static int whole_megabytes(struct blkdev *dev)
{
    struct blkdev_stats before = dev->stats;
    int err;

    cut(MIB, dev->caps.block_bytes, false);
    err = run(dev, BLK_WRITE, 1, dev->caps.block_bytes, false);
    if (err == 0)
        err = blk_io_flush(dev);
    if (err == 0)
        err = run(dev, BLK_READ, 1, dev->caps.block_bytes, false);
    say("by the MiB: %u requests, %llu of the ring, %llu bytes copied", 2 * extent_count,
        (unsigned long long)(dev->stats.ring_requests - before.ring_requests),
        (unsigned long long)(dev->stats.copied_bytes - before.copied_bytes));
    return err;
}

static int scattered(struct blkdev *dev)
{
    struct blkdev_stats before = dev->stats;
    uint32_t unit = dev->caps.block_bytes;
    unsigned writes;
    int err;

    cut(MIB - 64 * 1024, unit, true);
    writes = extent_count;
    err = run(dev, BLK_WRITE, 2, unit, true);
    cut(MIB - 64 * 1024, unit, true);
    if (err == 0)
        err = run(dev, BLK_READ, 2, unit, true);
    say("scattered: %u requests, %llu of the ring, %llu merged, %llu bytes copied",
        writes + extent_count,
        (unsigned long long)(dev->stats.ring_requests - before.ring_requests),
        (unsigned long long)(dev->stats.merged - before.merged),
        (unsigned long long)(dev->stats.copied_bytes - before.copied_bytes));
    return err;
}

/* Memory that begins within a block of a device of larger blocks is for the driver to copy. */
static int sectors_of_memory(struct blkdev *dev)
{
    int err;

    cut(64 * 1024, dev->caps.block_bytes, false);
    err = run(dev, BLK_WRITE, 3, BLK_SECTOR_BYTES, true);
    return err != 0 ? err : run(dev, BLK_READ, 3, BLK_SECTOR_BYTES, true);
}

static int discard(struct blkdev *dev)
{
    static struct blk_req req;
    int err;

    if (!dev->caps.discard) {
        say("discard: the device has none");
        return 0;
    }
    req = (struct blk_req){.op = BLK_DISCARD, .start = bytes / 4, .bytes = bytes / 4};
    err = blk_io(dev, &req);
    say("discard: a quarter of it, units of %u: %s", dev->caps.discard_unit_bytes,
        err == 0 ? "done" : err_name(err));
    return err;
}

static int by_bytes(struct blkdev *dev)
{
    static struct blk_align align;
    static _Alignas(16) uint8_t requests[ALIGN_REQUESTS * BLK_ALIGN_REQUEST_BYTES];
    struct blk_align_conf conf = {
        .inner = dev, .pool = &pool, .requests = requests, .requests_max = ALIGN_REQUESTS};
    struct blkdev *any;
    int err = blk_align_open(&align, &conf, &any);

    if (err != 0)
        return err;
    cut(300000, 1, true);
    err = run(any, BLK_WRITE, 0, 1, true);
    cut(300000, 1, true);
    if (err == 0)
        err = run(any, BLK_READ, 0, 1, true);
    if (err == 0)
        err = blk_io_flush(any);
    say("by bytes: %llu blocks read to write a part, %llu bytes copied",
        (unsigned long long)any->stats.rmw, (unsigned long long)any->stats.copied_bytes);
    if (err == 0)
        blk_align_close(&align);
    return err;
}

static int do_fill(struct blkdev *dev)
{
    int (*const ways[])(struct blkdev *) = {whole_megabytes, scattered, sectors_of_memory,
                                            discard,         by_bytes,  tell_digest};
    int err = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(ways) && err == 0; i++)
        err = ways[i](dev);
    return err;
}

static int do_refuse(struct blkdev *dev)
{
    struct blkdev_stats before = dev->stats;

    for (unsigned op = BLK_WRITE; op < BLK_OP_COUNT; op++) {
        struct job *job = jobs_free;
        struct extent e = {0, dev->caps.block_bytes};
        int err;

        if (op == BLK_FLUSH)
            continue;
        job->req = (struct blk_req){.op = (uint8_t)op, .bytes = e.len, .segs = job->segs};
        if (op == BLK_WRITE && !job_fill(job, &e, dev->caps.block_bytes, false))
            return -E_NOMEM;
        err = blkdev_submit(dev, &job->req);
        say("%s: %s", blk_op_names[op], err_name(err));
        if (err != -E_ROFS)
            return -E_PROTO;
        if (op == BLK_WRITE)
            page_put(job->segs[0].page);
    }
    if (!dev->caps.read_only || dev->stats.ring_requests != before.ring_requests)
        return -E_PROTO;
    return tell_digest(dev);
}

static int do_load(struct blkdev *dev)
{
    unsigned rounds = 0, away = 0;
    int err = 0;

    for (; err == 0 && plat_request() == PLAT_RUN; rounds++) {
        struct round r = {.dev = dev,
                          .unit = dev->caps.block_bytes,
                          .scattered = true,
                          .comes_and_goes = true,
                          .number = 1 + rounds};

        for (int op = BLK_WRITE; op >= BLK_READ && err == 0; op--) {
            cut(MIB / 2, r.unit, true);
            r.op = (enum blk_op)op;
            r.next = 0;
            err = round_run(&r);
        }
        away += r.away;
        say("round %u, %u requests done again", rounds, away);
    }
    cut(MIB, dev->caps.block_bytes, false);
    if (err == 0)
        err = run(dev, BLK_WRITE, 0, dev->caps.block_bytes, false);
    if (err == 0)
        err = blk_io_flush(dev);
    return err == 0 ? tell_digest(dev) : err;
}

static void tell(const struct blkdev *dev)
{
    const uint64_t *values = (const uint64_t *)&dev->stats;
    char line[512];
    size_t n;

    n = fmt_buf(line, sizeof(line), "counted:");
    for (unsigned i = 0; i < ARRAY_SIZE(blkdev_stat_names); i++) {
        if (values[i] != 0)
            n += fmt_buf(line + n, sizeof(line) - n, " %s %llu", blkdev_stat_names[i],
                         (unsigned long long)values[i]);
    }
    say("%s", line);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"fill", "refuse", "load", NULL};
    static int (*const does[])(struct blkdev *) = {do_fill, do_refuse, do_load};
    const char *name = args_get(argc, argv, "disk");
    struct blkdev *dev;
    unsigned what = 0;
    int err;

    page_pool_init(&pool, headers, memory, POOL_PAGES);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i].next = jobs_free;
        jobs_free = &jobs[i];
    }
    if (args_get_word(argc, argv, "do", names, &what) < 0 ||
        plat_blkdev_open(name != NULL ? name : "", &pool, &dev) != 0)
        return 1;
    bytes = dev->caps.bytes;
    say("disk: %llu bytes, blocks of %u, physical %u, %u segments, %u requests%s%s%s%s",
        (unsigned long long)bytes, dev->caps.block_bytes, dev->caps.physical_bytes,
        dev->caps.segs_max, dev->caps.requests_max, dev->caps.read_only ? ", read-only" : "",
        dev->caps.flush ? ", flush" : "", dev->caps.discard ? ", discard" : "",
        dev->caps.removable ? ", removable" : "");
    err = does[what](dev);
    tell(dev);
    if (err != 0) {
        say("%s: %s", names[what], err_name(err));
        return 1;
    }
    plat_blkdev_close(dev);
    say("pages: %u of %u free, %u quarantined", pool.free_count, pool.total, pool.quarantined);
    return pool.free_count == pool.total ? 0 : 1;
}
