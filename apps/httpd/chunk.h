/* SPDX-License-Identifier: ISC */
/* chunk.h - pieces of files on their way from the disk to the network: a few pages, which the disk
 * fills and TCP sends; nothing is copied. */
#ifndef APPS_HTTPD_CHUNK_H
#define APPS_HTTPD_CHUNK_H

#include <morgana/blkdev.h>

#include "site.h"

#define CHUNK_PAGES 16u
#define CHUNKS_MAX 64u

struct chunk {
    struct chunk *next; /* in the free list */
    void *owner;        /* NULL: it is gone */
    struct blk_req req;
    struct blk_seg segs[CHUNK_PAGES];
    bool is_back;
    uint32_t at;   /* the next byte, of these pages, that is the file's and wanted, */
    uint32_t left; /* and how many there are */
};

/* Keeps both: a chunk takes up to a quarter of the pages that are free at the time. */
void chunks_init(struct blkdev *dev, struct page_pool *pages);

/* Begins to read the file's bytes from `at` on, up to `bytes`: 1, and *chunk is the caller's
 * until it has sent all, or lets go of it. -E_AGAIN: no room now; else the disk's error. */
int chunk_begin(void *owner, const struct site_file *file, uint64_t at, uint64_t bytes,
                struct chunk **chunk);
/* The next piece of one that is back: its page, Lent until chunk_went, by which its reference has
 * gone to TCP. */
struct page *chunk_piece(const struct chunk *chunk, uint32_t *off, uint32_t *len);
/* It went: the caller has taken the page. True: that was all, and the chunk is free. */
bool chunk_went(struct chunk *chunk, uint32_t len);
/* Of no use any more: at once, or when it is back. */
void chunk_drop(struct chunk *chunk);

/* Is there room to begin one? Not where the disk has as many as it takes, until it has news. */
bool chunks_room(void);
/* Are all chunks, or the pages for one, with their owners, or on their way? */
bool chunks_out(void);
/* Takes what the disk has read: calls `ready` for each owner. True: there was something. */
bool chunks_turn(void (*ready)(void *owner));
/* Is there something to be taken after all? Else plat_wait returns when there is. */
bool chunks_arm(void);
/* Waits, not for ever, for what is on its way, and forgets it. */
void chunks_fini(void);

#endif
