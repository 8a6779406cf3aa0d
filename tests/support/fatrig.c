/* SPDX-License-Identifier: ISC */
/* fatrig.c - an image on a disk in memory, mounted. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "fatrig.h"

#include <cmocka.h>

#define PAGES 16u

struct fatrig fatrig;
static struct page pages[PAGES];
static uint8_t memory[PAGES * PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static struct blk_mem_undo undo[FATRIG_UNDO_MAX];

static void device_start(uint32_t block_bytes)
{
    struct blk_mem_conf conf = {.memory = fatrig.bytes,
                                .bytes = fatrig.size,
                                .block_bytes = block_bytes,
                                .undo = undo,
                                .undo_max = FATRIG_UNDO_MAX,
                                .no_write_zeroes = true};

    vplat_reset(1);
    page_pool_init(&fatrig.pool, pages, memory, PAGES);
    assert_int_equal(blk_mem_open(&fatrig.mem, &conf, &fatrig.dev), 0);
    fatrig.conf = (struct fat_conf){.dev = fatrig.dev, .pool = &fatrig.pool, .cache_pages = 5};
}

int fatrig_mount(void)
{
    return fat_mount(&fatrig.fs, &fatrig.conf);
}

void fatrig_start(const struct fatimage *image, uint32_t block_bytes)
{
    memset(&fatrig, 0, sizeof(fatrig));
    fatrig.size = fatimage_bytes(image);
    fatrig.bytes = calloc(1, fatrig.size);
    fatimage_make(image, fatrig.bytes);
    device_start(block_bytes);
    if (fatrig_mount() != 0)
        fail_msg("mount: %s", fatrig.fs.why);
}

void fatrig_open(const uint8_t *bytes, size_t size, uint32_t block_bytes)
{
    memset(&fatrig, 0, sizeof(fatrig));
    fatrig.size = size;
    fatrig.bytes = malloc(size);
    memcpy(fatrig.bytes, bytes, size);
    device_start(block_bytes);
}

void fatrig_unmount(unsigned allowed)
{
    unsigned found;

    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    found = fatimage_check(fatrig.bytes, fatrig.size);
    if (found & ~allowed)
        fail_msg("the judge finds: %s", fatcheck_text(found));
}

void fatrig_remount(void)
{
    fatrig_unmount(0);
    if (fatrig_mount() != 0)
        fail_msg("mount: %s", fatrig.fs.why);
}

void fatrig_stop(void)
{
    assert_int_equal(fatrig.pool.free_count, PAGES);
    blk_mem_close(&fatrig.mem);
    free(fatrig.bytes);
    fatrig.bytes = NULL;
}

uint8_t fatrig_byte(uint32_t off, uint8_t salt)
{
    return (uint8_t)((off * 2654435761u >> 13) + off / 251 + salt);
}

void fatrig_make(const char *path, uint32_t n, uint8_t salt)
{
    uint8_t *bytes = malloc(n + 1);
    struct fat_file file;

    for (uint32_t i = 0; i < n; i++)
        bytes[i] = fatrig_byte(i, salt);
    assert_int_equal(fat_open(&fatrig.fs, path, FAT_WRITE | FAT_CREATE, FATRIG_WALL_NS, &file), 0);
    assert_int_equal(fat_write(&file, 0, cs_ro_of(bytes, n), FATRIG_WALL_NS), n);
    assert_int_equal(fat_close(&file), 0);
    free(bytes);
}

bool fatrig_has(const char *path, uint32_t n, uint8_t salt)
{
    struct fat_file file;
    uint8_t *bytes = malloc(n + 1);
    bool same = false;

    if (fat_open(&fatrig.fs, path, 0, 0, &file) == 0) {
        same = fat_read(&file, 0, cs_of(bytes, n + 1)) == (int)n;
        for (uint32_t i = 0; same && i < n; i++)
            same = bytes[i] == fatrig_byte(i, salt);
        fat_close(&file);
    }
    free(bytes);
    return same;
}
