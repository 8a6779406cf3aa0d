/* SPDX-License-Identifier: ISC */
/* fatimage.h - for tests of fs/: FAT file systems made in memory, and a judge of them that shares
 * no code with fs/. */
#ifndef TESTS_FATIMAGE_H
#define TESTS_FATIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fatimage {
    unsigned bits;            /* 12, 16, 32 */
    uint32_t sector_bytes;    /* 512..4096 */
    uint32_t cluster_sectors; /* power of two */
    uint32_t clusters;        /* for 16: 4085..65524; for 12: up to 4084; 32: any */
    uint32_t root_entries;    /* 0: 64 (and for 32: none) */
    uint32_t tables;          /* 0: 2 */
    const char *label;        /* 11 characters or NULL */
};

/* How many bytes the image has. */
size_t fatimage_bytes(const struct fatimage *conf);
/* Makes it in `mem`, which is zeroes. */
void fatimage_make(const struct fatimage *conf, uint8_t *mem);

/* What fatimage_check finds: what fsck.fat would say. */
#define FATCHECK_LOST 1u     /* clusters in use that nothing leads to */
#define FATCHECK_LONG 2u     /* a file's chain is longer than its size */
#define FATCHECK_SHORT 4u    /* shorter, or it leads nowhere */
#define FATCHECK_CROSS 8u    /* a cluster with two owners */
#define FATCHECK_DOTS 16u    /* "." or ".." is wrong */
#define FATCHECK_ORPHAN 32u  /* parts of a long name without their entry */
#define FATCHECK_TWICE 64u   /* two entries of one short name in a directory */
#define FATCHECK_DIRTY 128u  /* the dirty bit */
#define FATCHECK_COPIES 256u /* the tables differ */
#define FATCHECK_FSINFO 512u /* the free count is wrong */
#define FATCHECK_ENTRY 1024u /* an entry that makes no sense */
#define FATCHECK_AFTER 2048u /* entries after the directory's end */

unsigned fatimage_check(const uint8_t *mem, size_t bytes);
/* "LOST CROSS" */
const char *fatcheck_text(unsigned found);

#endif
