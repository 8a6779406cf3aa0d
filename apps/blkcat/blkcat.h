/* SPDX-License-Identifier: ISC */
/* blkcat.h - between the files of blkcat. */
#ifndef APPS_BLKCAT_BLKCAT_H
#define APPS_BLKCAT_BLKCAT_H

#include "apps/common/disk.h"

/* What is to be done. */
struct job {
    const char *file, *ls, *mkdir, *rm; /* paths on a FAT file system; NULL: not asked for */
    const char *text;                   /* write= */
    uint64_t at, bytes;                 /* bytes: 0: as many as there are */
    uint64_t fill_seed, check_seed;
    bool fill, check, zeroes, discard, flush, sha256, info;
    bool writes; /* any of it does */
};

/* One line on the console, whatever log= says. */
void say(const char *format, ...) PRINTF_LIKE(1, 2);
/* The same for what went wrong; returns err. */
int failed(int err, const char *format, ...) PRINTF_LIKE(2, 3);

/* A device, from byte to byte (device.c): 0, or an error, said. `what` names it; `size` is where it
 * ends. write_job does what changes it, read_job the rest. */
int write_job(const struct job *job, struct blkdev *dev, struct page_pool *pages);
int read_job(const struct job *job, struct blkdev *dev, struct page_pool *pages, uint64_t size);
/* A FAT file system (files.c). */
int files_job(const struct job *job, struct disk *disk);

#endif
