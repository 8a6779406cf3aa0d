/* SPDX-License-Identifier: ISC */
/* fatrig.h - for tests of fs/fat: an image on a disk in memory, mounted. */
#ifndef TESTS_FATRIG_H
#define TESTS_FATRIG_H

#include <morgana/blk_mem.h>
#include <morgana/fat.h>

#include "fatimage.h"

#define FATRIG_UNDO_MAX 4096u
#define FATRIG_WALL_NS (UINT64_C(1700000000) * NS_PER_S) /* 2023-11-14 22:13:20 UTC */

struct fatrig {
    uint8_t *bytes; /* the medium */
    size_t size;
    struct blk_mem mem;
    struct blkdev *dev;
    struct page_pool pool;
    struct fat fs;
    struct fat_conf conf;
};
extern struct fatrig fatrig;

/* A new file system, mounted. block_bytes 0: 512. */
void fatrig_start(const struct fatimage *image, uint32_t block_bytes);
/* On whatever the bytes are: `size` of them, copied. Not mounted. */
void fatrig_open(const uint8_t *bytes, size_t size, uint32_t block_bytes);
int fatrig_mount(void);
/* Unmounts and mounts again. */
void fatrig_remount(void);
/* Unmounts, and the judge must find nothing but `allowed`. */
void fatrig_unmount(unsigned allowed);
/* Ends everything; all pages are back. */
void fatrig_stop(void);

/* A whole file of `n` bytes of pattern `salt`. */
void fatrig_make(const char *path, uint32_t n, uint8_t salt);
bool fatrig_has(const char *path, uint32_t n, uint8_t salt);
uint8_t fatrig_byte(uint32_t off, uint8_t salt);

#endif
