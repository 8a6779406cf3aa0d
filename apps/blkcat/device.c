/* SPDX-License-Identifier: ISC */
/* device.c - what is done to a device: a disk, a partition, or a file's window. */
#include <stdlib.h>

#include <morgana/blk_align.h>
#include <morgana/blk_io.h>
#include <morgana/log.h>

#include "apps/common/sha256.h"
#include "blkcat.h"
#include "pattern.h"
#include "stream.h"

enum { DUMP_BYTES = 512, ALIGN_REQUESTS = 8, LINE_BYTES = 16 };

/* ---- any alignment --------------------------------------------------------------------------- */

static struct blk_align align;
static _Alignas(16) uint8_t align_requests[ALIGN_REQUESTS * BLK_ALIGN_REQUEST_BYTES];

/* The device itself, or one before it that takes what is not in whole blocks; NULL: no memory. */
static struct blkdev *fitting(struct blkdev *dev, struct page_pool *pages, uint64_t at,
                              uint64_t bytes)
{
    struct blk_align_conf conf = {
        .inner = dev, .pool = pages, .requests = align_requests, .requests_max = ALIGN_REQUESTS};
    struct blkdev *any;

    if (((at | bytes) & (dev->caps.block_bytes - 1)) == 0)
        return dev;
    return blk_align_open(&align, &conf, &any) == 0 ? any : NULL;
}

static void unfit(const struct blkdev *dev, const struct blkdev *fit)
{
    if (fit != dev)
        blk_align_close(&align);
}

/* A stretch, by stream(): says what went wrong. */
static int run(struct blkdev *dev, struct page_pool *pages, enum blk_op op, uint64_t at,
               uint64_t bytes, stream_each *each, void *arg)
{
    struct blkdev *fit = fitting(dev, pages, at, bytes);
    uint64_t failed_at = at;
    int err;

    if (fit == NULL)
        return failed(-E_NOMEM, "not enough pages; see pages=");
    err = stream(fit, pages, op, at, bytes, each, arg, &failed_at);
    if (err == -E_TIMEDOUT)
        return failed(err, "the disk does not answer"); /* and has its requests still */
    unfit(dev, fit);
    return err == 0 ? 0
                    : failed(err, "%s at byte %llu: %s", op == BLK_READ ? "reading" : "writing",
                             (unsigned long long)failed_at, err_name(err));
}

/* ---- writing --------------------------------------------------------------------------------- */

static void each_fill(void *arg, uint64_t at, struct cs bytes)
{
    const struct job *job = arg;

    pattern_fill(job->fill_seed, at, bytes);
}

static void each_text(void *arg, uint64_t at, struct cs bytes)
{
    const struct job *job = arg;

    memcpy(bytes.base, job->text + (at - job->at), bytes.len);
}

/* A request without data. */
static int range(struct blkdev *dev, struct page_pool *pages, enum blk_op op, uint64_t at,
                 uint64_t bytes)
{
    struct blkdev *fit = fitting(dev, pages, at, bytes);
    struct blk_req req = {.start = at, .bytes = bytes, .op = (uint8_t)op};
    int err = fit == NULL ? -E_NOMEM : blk_io(fit, &req);

    if (fit != NULL && err != -E_TIMEDOUT)
        unfit(dev, fit);
    if (err != 0)
        return failed(err, "%s: %s", blk_op_names[op], err_name(err));
    say("%s at %llu bytes %llu", blk_op_names[op], (unsigned long long)at,
        (unsigned long long)bytes);
    return 0;
}

int write_job(const struct job *job, struct blkdev *dev, struct page_pool *pages)
{
    uint64_t size = dev->caps.bytes, at = job->at, bytes = job->bytes;
    void *arg = (void *)(uintptr_t)job;
    int err = 0;

    if (at > size || bytes > size - at)
        return failed(-E_INVAL, "at=%llu bytes=%llu: it ends at byte %llu", (unsigned long long)at,
                      (unsigned long long)bytes, (unsigned long long)size);
    if (bytes == 0)
        bytes = size - at;
    if (err == 0 && job->zeroes)
        err = range(dev, pages, BLK_WRITE_ZEROES, at, bytes);
    if (err == 0 && job->discard)
        err = range(dev, pages, BLK_DISCARD, at, bytes);
    if (err == 0 && job->fill) {
        err = run(dev, pages, BLK_WRITE, at, bytes, each_fill, arg);
        if (err == 0)
            say("fill=%llu at %llu bytes %llu", (unsigned long long)job->fill_seed,
                (unsigned long long)at, (unsigned long long)bytes);
    }
    if (err == 0 && job->text != NULL) {
        bytes = cs_of_str(job->text).len;
        if (bytes > size - at)
            return failed(-E_INVAL, "write=: %llu bytes at %llu: it ends at byte %llu",
                          (unsigned long long)bytes, (unsigned long long)at,
                          (unsigned long long)size);
        err = bytes == 0 ? 0 : run(dev, pages, BLK_WRITE, at, bytes, each_text, arg);
        if (err == 0)
            say("write at %llu bytes %llu", (unsigned long long)at, (unsigned long long)bytes);
    }
    if (err == 0 && job->flush) {
        err = blk_io_flush(dev);
        if (err != 0)
            return failed(err, "flush: %s", err_name(err));
        say("flushed");
    }
    return err;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct look {
    const struct job *job;
    struct sha256 sha;
    uint64_t differ, first;
};

static void each_look(void *arg, uint64_t at, struct cs bytes)
{
    struct look *look = arg;

    if (look->job->sha256)
        sha256_add(&look->sha, cs_as_ro(bytes));
    if (look->job->check) {
        uint64_t first = 0;
        uint64_t n = pattern_differs(look->job->check_seed, at, cs_as_ro(bytes), &first);
        if (look->differ == 0)
            look->first = first;
        look->differ += n;
    }
}

/* As `hexdump -C` has it: 16 bytes a line, after where they lie. */
static void each_dump(void *arg, uint64_t at, struct cs bytes)
{
    (void)arg;
    for (size_t i = 0; i < bytes.len; i += LINE_BYTES) {
        struct cs_ro line = cs_as_ro(cs_sub(bytes, i, size_min(LINE_BYTES, bytes.len - i)));
        char hex[3 * LINE_BYTES + 2], text[LINE_BYTES + 1];
        size_t n = 0;
        for (size_t k = 0; k < line.len; k++) {
            n += fmt_buf(hex + n, sizeof(hex) - n, "%s%02x", k == LINE_BYTES / 2 ? "  " : " ",
                         line.base[k]);
            text[k] = line.base[k] < ' ' || line.base[k] > '~' ? '.' : (char)line.base[k];
        }
        text[line.len] = '\0';
        say("%010llx %-49s  |%s|", (unsigned long long)(at + i), hex, text);
    }
}

static int dump(const struct job *job, struct blkdev *dev, struct page_pool *pages, uint64_t bytes)
{
    uint64_t n = job->bytes != 0 ? bytes : u64_min(bytes, DUMP_BYTES);

    return n == 0 ? 0 : run(dev, pages, BLK_READ, job->at, n, each_dump, NULL);
}

int read_job(const struct job *job, struct blkdev *dev, struct page_pool *pages, uint64_t size)
{
    uint64_t at = job->at, bytes = job->bytes;
    struct look look = {.job = job};
    uint8_t sum[SHA256_BYTES];
    int err;

    if (at > size || bytes > size - at)
        return failed(-E_INVAL, "at=%llu bytes=%llu: it ends at byte %llu", (unsigned long long)at,
                      (unsigned long long)bytes, (unsigned long long)size);
    if (bytes == 0)
        bytes = size - at;
    if (!job->sha256 && !job->check)
        return job->writes || job->info || job->flush ? 0 : dump(job, dev, pages, bytes);
    sha256_init(&look.sha);
    err = bytes == 0 ? 0 : run(dev, pages, BLK_READ, at, bytes, each_look, &look);
    if (err != 0)
        return err;
    if (job->sha256) {
        sha256_finish(&look.sha, sum);
        say("sha256 %s at %llu bytes %llu", sha256_text(sum).text, (unsigned long long)at,
            (unsigned long long)bytes);
    }
    if (look.differ != 0)
        return failed(-E_IO, "check=%llu: %llu bytes differ, the first at byte %llu",
                      (unsigned long long)job->check_seed, (unsigned long long)look.differ,
                      (unsigned long long)look.first);
    if (job->check)
        say("check=%llu at %llu bytes %llu: good", (unsigned long long)job->check_seed,
            (unsigned long long)at, (unsigned long long)bytes);
    return 0;
}
