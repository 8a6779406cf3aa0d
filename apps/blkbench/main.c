/* SPDX-License-Identifier: ISC */
/* blkbench - how fast a disk is: sequential or random requests of one size, so many in flight. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/bytes.h"
#include "apps/common/disk.h"
#include "apps/common/memory.h"
#include "blkbench.h"

enum { BS_MAX = 4 << 20, IODEPTH_MAX = 256, SECONDS_DEFAULT = 10 };
/* Pages for the device: rings, lists of segments, what it copies through. */
enum { DEVICE_PAGES = 256, PAGES_MAX = 1 << 20 };

static struct page_pool pages;
static struct pkt_pool no_packets;
static struct disk disk = {.name = "blkbench", .pages = &pages, .raw = true};
static struct result result;

static const struct args_key keys[] = {
    DISK_KEY,
    {"rw", "rw=read", "or write, randread, randwrite, randrw"},
    {"bs", "bs=4K", "bytes of a request"},
    {"iodepth", "iodepth=1", "requests in flight"},
    {"at", "at=0", "where on the disk it begins"},
    {"size", "size=1G", "how much of the disk it uses; all"},
    {"seconds", "seconds=10", "how long"},
    {"ops", "ops=NUMBER", "how many requests, in place of how long"},
    {"flush-every", "flush-every=32", "a flush after so many writes"},
    {"seed", "seed=1", "of the dice"},
    {"json", "json", "tells the result as JSON"},
    {"pages", "pages=NUMBER", "pages of 4 KiB"},
    {NULL, NULL, NULL},
};

static const char *const patterns[] = {"read", "write", "randread", "randwrite", "randrw", NULL};
enum { READ, WRITE, RANDREAD, RANDWRITE, RANDRW };

static int read_args(int argc, char **argv, struct load *load, unsigned *rw)
{
    uint32_t seconds = SECONDS_DEFAULT, ops = 0, flush_every = 0, seed = 1;
    uint64_t bs = 4096;

    args_check(argc, argv, keys);
    load->iodepth = 1;
    if (args_get_word(argc, argv, "rw", patterns, rw) < 0 ||
        bytes_get(argc, argv, "bs", BLK_SECTOR_BYTES, BS_MAX, &bs) < 0 ||
        args_get_u32(argc, argv, "iodepth", 1, IODEPTH_MAX, &load->iodepth) < 0 ||
        bytes_get(argc, argv, "at", 0, UINT64_MAX, &load->at) < 0 ||
        bytes_get(argc, argv, "size", 1, UINT64_MAX, &load->size) < 0 ||
        args_get_u32(argc, argv, "seconds", 1, 86400, &seconds) < 0 ||
        args_get_u32(argc, argv, "ops", 1, UINT32_MAX, &ops) < 0 ||
        args_get_u32(argc, argv, "flush-every", 1, UINT32_MAX, &flush_every) < 0 ||
        args_get_u32(argc, argv, "seed", 0, UINT32_MAX, &seed) < 0)
        return -E_INVAL;
    if (args_last(argc, argv, "disk") == 0) {
        LOG_ERROR("blkbench: disk=NAME is missing");
        return -E_INVAL;
    }
    load->bs = (uint32_t)bs;
    load->ops = ops;
    load->ns = ops != 0 && args_last(argc, argv, "seconds") == 0 ? 0 : seconds * NS_PER_S;
    load->flush_every = flush_every;
    load->seed = seed;
    load->random = *rw >= RANDREAD;
    load->reads = *rw == READ || *rw == RANDREAD || *rw == RANDRW;
    load->writes = *rw == WRITE || *rw == RANDWRITE || *rw == RANDRW;
    return 0;
}

/* Does the load fit the device? */
static int fit(struct load *load, const struct blkdev_caps *caps)
{
    uint64_t room = load->at < caps->bytes ? caps->bytes - load->at : 0;

    if (load->size == 0)
        load->size = room;
    if (load->size > room || load->size < load->bs) {
        LOG_ERROR("blkbench: at=%llu size=%llu bs=%u: the disk has %llu bytes",
                  (unsigned long long)load->at, (unsigned long long)load->size, load->bs,
                  (unsigned long long)caps->bytes);
        return -E_INVAL;
    }
    if (((load->bs | load->at) & (caps->block_bytes - 1)) != 0) {
        LOG_ERROR("blkbench: bs=%u, at=%llu: the disk's blocks are of %u bytes", load->bs,
                  (unsigned long long)load->at, caps->block_bytes);
        return -E_INVAL;
    }
    if ((load->bs + PAGE_BYTES - 1) / PAGE_BYTES > caps->segs_max) {
        LOG_ERROR("blkbench: bs=%u: the disk takes at most %u bytes in one request", load->bs,
                  caps->segs_max * PAGE_BYTES);
        return -E_INVAL;
    }
    return 0;
}

static int bench(struct load *load, unsigned rw, bool json)
{
    int err = fit(load, &disk.part->caps);

    if (err != 0)
        return err;
    load->at +=
        disk.extent.start; /* on the device itself: the window has no counters of its ring */
    err = run_load(load, disk.dev, &pages, &result);
    if (err != 0) {
        LOG_ERROR("blkbench: %s after %llu requests: %s", patterns[rw],
                  (unsigned long long)result.ops, err_name(err));
        return err;
    }
    (json ? report_json : report_text)(load, patterns[rw], &result);
    return 0;
}

int main(int argc, char **argv)
{
    struct memory_pool_conf memory = {.name = "blkbench", .max = PAGES_MAX, .less = 8};
    struct load load = {0};
    unsigned rw = READ;
    int err;

    if (args_help(argc, argv, "how fast a disk is", keys))
        return 0;
    if (read_args(argc, argv, &load, &rw) != 0)
        return 1;
    memory.min = load.iodepth * ((load.bs + PAGE_BYTES - 1) / PAGE_BYTES) + 16;
    memory.pages = memory.min + DEVICE_PAGES;
    if (memory_pool(&pages, &no_packets, &memory, argc, argv) != 0)
        return 1;
    disk.writes = load.writes;
    err = disk_open(&disk, argc, argv);
    if (err <= 0)
        return err < 0;
    err = bench(&load, rw, args_last(argc, argv, "json") != 0);
    if (err != -E_TIMEDOUT)
        disk_close(&disk);
    return err != 0;
}
