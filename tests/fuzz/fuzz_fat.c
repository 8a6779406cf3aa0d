/* SPDX-License-Identifier: ISC */
/* fuzz_fat.c - a small file system made of patches, and what a program does with it: whatever its
 * bytes say, nothing outside it is read or written, every call comes to an end, and every page
 * comes back.
 *
 *     the input: kind, n, n patches, then calls
 *     kind & 3: FAT12, FAT16, FAT32, FAT12 with large clusters; & 4: blocks of 4096 bytes;
 *     & 8: the patches are made again while it is mounted, after the first half of the calls;
 *     & 16: read-only
 *     a patch: where (3 bytes, big-endian: the upper byte chooses what from: the image's beginning,
 *     the table, the root directory, the data), n (1 byte), n bytes
 *     a call: what, a path, a path or number
 *
 * FAT16 needs 4085 clusters, FAT32 what its boot sector says; sectors that were never written are
 * kept as zeroes, so that a run is cheap. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <morgana/fat.h>

#include "fatimage.h"
#include "fuzz_disk.h"

#define KINDS 4u
#define FILES 3u
#define PAGES 6u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fatimage images[KINDS] = {
    {.bits = 12, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 60, .root_entries = 32},
    {.bits = 16, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 4090, .root_entries = 32},
    {.bits = 32, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 60},
    {.bits = 12, .sector_bytes = 4096, .cluster_sectors = 1, .clusters = 20, .root_entries = 128},
};

/* What each image has when a run begins, and the sectors that a run has changed. */
static uint8_t *fresh[KINDS], *disks[KINDS], *disk;
static size_t sizes[KINDS];
static uint8_t changed_of[KINDS][8192 / 8], *changed;
static unsigned kind;
static struct page pages[PAGES];
static uint8_t memory[PAGES * PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static struct page_pool pool;
static uint64_t requests;
static struct fat fs;

static void touch(size_t at, size_t n)
{
    for (size_t s = at / 512; n > 0 && s <= (at + n - 1) / 512; s++)
        changed[s / 8] |= (uint8_t)(1u << s % 8);
}

static int submit(struct blkdev *dev, struct blk_req *req)
{
    int err = blkdev_judge(dev, req);
    uint64_t at = req->start;

    ASSERT(err == 0); /* all that is asked for is on the disk, and aligned */
    for (unsigned i = 0; i < req->seg_count; at += req->segs[i++].len) {
        uint8_t *memory_at = req->segs[i].page->base + req->segs[i].off;

        if (req->op == BLK_READ) {
            memcpy(memory_at, disk + at, req->segs[i].len);
        } else {
            touch(at, req->segs[i].len);
            memcpy(disk + at, memory_at, req->segs[i].len);
        }
    }
    requests++;
    fuzz_disk_done(req);
    return 0;
}

static const struct blkdev_ops ops = {"fuzz", submit, fuzz_disk_kick, fuzz_disk_reap,
                                      fuzz_disk_arm};

/* ---- the input ------------------------------------------------------------------------------- */

static const uint8_t *in;
static size_t left;

static uint8_t next(void)
{
    if (left == 0)
        return 0;
    left--;
    return *in++;
}

static const char *path(void)
{
    static const char *const paths[] = {
        "/",
        "/a.txt",
        "/dir",
        "/dir/b",
        "/dir/A long name of a file.text",
        "/dir/sub",
        "/dir/sub/c",
        "/LONGNA~1.TXT",
        "/long name two.txt",
        "/\xc3\xbc",
        "/dir/sub/deeper",
        "/x/y",
        "/..",
        "/\xf0\x9f\x98\x80 and more than one slot",
        "/a name of so many letters that it needs more than the sixteen slots of a sector, which "
        "is "
        "one hundred ninety-five letters, whatever they may be, and this one is written only to "
        "come past that mark",
        "\xff",
    };

    return paths[next() % ARRAY_SIZE(paths)];
}

static void patch(void)
{
    static const size_t from[KINDS][4] = {
        {0, 512, 3 * 512, 5 * 512},
        {0, 512, 33 * 512, 35 * 512},
        {0, 8 * 512, 10 * 512, 11 * 512},
        {0, 4096, 3 * 4096, 4 * 4096},
    };
    size_t where = next() % 4, at, n;

    at = (size_t)next() << 8;
    at = (from[kind][where] + (at | next())) % sizes[kind];
    n = size_min(next(), sizes[kind] - at);
    touch(at, n);
    for (; n > 0 && left > 0; n--)
        disk[at++] = next();
}

static void patches(unsigned n)
{
    for (; n > 0 && left > 0; n--)
        patch();
}

/* ---- the program ----------------------------------------------------------------------------- */

static struct fat_file files[FILES];
static bool is_open[FILES];

static void list(const char *at)
{
    static struct fat_info info;
    struct fat_dir dir;
    uint32_t entries = 0;

    if (fat_opendir(&fs, at, &dir) < 0)
        return;
    while (fat_readdir(&dir, &info) > 0) {
        ASSERT(memchr(info.name, 0, sizeof(info.name)) && info.name[0] != '\0');
        ASSERT(memchr(info.short_name, 0, sizeof(info.short_name)));
        ASSERT(strchr(info.name, '/') == NULL);
        ASSERT(++entries <= 65536);
    }
}

static void file_call(uint8_t what)
{
    static uint8_t buf[5000];
    unsigned i = next() % FILES;
    struct fat_file *file = &files[i];
    uint32_t off = (uint32_t)next() * 97, n = (uint32_t)next() * 19;
    struct blk_extent extents[8];

    if (!is_open[i]) {
        is_open[i] = fat_open(&fs, path(), next() % 8, 0, file) == 0;
        return;
    }
    if (what == 0) {
        fat_close(file);
        is_open[i] = false;
    } else if (what < 3) {
        ASSERT(fat_read(file, off, cs_of(buf, n)) <= (int)n);
    } else if (what < 5) {
        fat_write(file, off, cs_ro_of(buf, n), 1);
    } else if (what == 5) {
        fat_truncate(file, off, 1);
    } else if (what == 6) {
        fat_file_sync(file);
    } else {
        int count = fat_extents(file, 0, extents, ARRAY_SIZE(extents));

        for (int k = 0; k < count; k++)
            ASSERT(extents[k].start <= sizes[kind] &&
                   extents[k].bytes <= sizes[kind] - extents[k].start && extents[k].bytes > 0);
    }
}

static void call(void)
{
    static struct fat_info info;
    uint8_t what = next() % 20;
    const char *a;
    uint64_t space;

    if (what < 8) {
        file_call(what);
        return;
    }
    a = path();
    if (what < 10)
        list(a);
    else if (what == 10)
        fat_stat(&fs, a, &info);
    else if (what < 13)
        fat_mkdir(&fs, a, 1);
    else if (what == 13)
        fat_unlink(&fs, a);
    else if (what == 14)
        fat_rmdir(&fs, a);
    else if (what < 17)
        fat_rename(&fs, a, path());
    else if (what == 17)
        fat_preallocate(&fs, a, (uint32_t)next() * 40, 1);
    else if (what == 18)
        fat_sync(&fs);
    else
        fat_free_bytes(&fs, &space);
}

static void calls(size_t until, unsigned most)
{
    uint64_t before;

    for (; left > until && most > 0; most--) {
        before = requests;
        call();
        /* A call's work is bounded by the file system's size. */
        ASSERT(requests - before < 400000);
    }
}

static void make_fresh(unsigned k)
{
    sizes[k] = fatimage_bytes(&images[k]);
    fresh[k] = calloc(1, sizes[k]);
    fatimage_make(&images[k], fresh[k]);
    disks[k] = malloc(sizes[k]); /* exactly as large, for the sanitizer */
    memcpy(disks[k], fresh[k], sizes[k]);
}

static void start(void)
{
    if (!fresh[kind])
        make_fresh(kind);
    disk = disks[kind];
    changed = changed_of[kind];
    for (size_t s = 0; s < sizes[kind] / 512; s++) {
        if (changed[s / 8] == 0)
            s |= 7;
        else if (changed[s / 8] >> s % 8 & 1)
            memcpy(disk + s * 512, fresh[kind] + s * 512, 512);
    }
    memset(changed, 0, sizeof(changed_of[0]));
}

/* Something to look at before the patches. */
static void populate(void)
{
    struct fat_file file;

    if (fat_open(&fs, "/a.txt", FAT_WRITE | FAT_CREATE, 1, &file) == 0) {
        fat_write(&file, 1200, cs_of_str("some text"), 1);
        fat_close(&file);
    }
    fat_mkdir(&fs, "/dir", 1);
    fat_preallocate(&fs, "/dir/A long name of a file.text", 600, 1);
    fat_unmount(&fs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct blkdev dev = {.ops = &ops, .online = true};
    struct fat_conf conf = {.dev = &dev, .pool = &pool, .cache_pages = FAT_CACHE_PAGES_MIN};
    const uint8_t *patches_at;
    size_t patches_left;
    uint8_t flags;
    unsigned n;

    in = data;
    left = size;
    flags = next();
    kind = flags & 3;
    start();
    dev.caps = (struct blkdev_caps){.bytes = sizes[kind],
                                    .block_bytes = flags & 4 && kind == 3 ? 4096 : 512,
                                    .segs_max = 16,
                                    .requests_max = 1,
                                    .flush = true};
    page_pool_init(&pool, pages, memory, PAGES);
    requests = 0;
    if (flags & 32 && fat_mount(&fs, &conf) == 0)
        populate();
    n = next() % 16;
    patches_at = in;
    patches_left = left;
    patches(n);
    conf.read_only = flags & 16;
    if (fat_mount(&fs, &conf) == 0) {
        calls(flags & 8 ? left / 2 : 0, 60);
        if (flags & 8) {
            const uint8_t *at = in;
            size_t rest = left;

            in = patches_at;
            left = patches_left;
            patches(n);
            in = at;
            left = rest;
            calls(0, 60);
        }
        for (unsigned i = 0; i < FILES; i++)
            if (is_open[i]) {
                fat_close(&files[i]);
                is_open[i] = false;
            }
        fat_unmount(&fs);
    }
    ASSERT(fs.why != NULL && pool.free_count == PAGES);
    return 0;
}
