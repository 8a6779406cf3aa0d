/* SPDX-License-Identifier: ISC */
/* dhcp_store_priv.h - the parts of the store, for each other.
 *
 *     dhcp_store.c       what is written, step by step
 *     dhcp_store_open.c  the start: what is read, and the end
 */
#ifndef DHCP_STORE_PRIV_H
#define DHCP_STORE_PRIV_H

#include <morgana/dhcp_store.h>

/* Pages by use. */
enum { STORE_PAGE_NOW = 0, STORE_PAGE_ANEW = 4, STORE_PAGE_HEAD = 12 };
STATIC_ASSERT(STORE_PAGE_ANEW - STORE_PAGE_NOW == DHCP_JOURNAL_GROUP_BLOCKS &&
                  STORE_PAGE_HEAD - STORE_PAGE_ANEW == 2 * DHCP_JOURNAL_GROUP_BLOCKS &&
                  STORE_PAGE_HEAD < DHCP_STORE_PAGES,
              "a page for each block in flight");
STATIC_ASSERT(DHCP_JOURNAL_BLOCK_BYTES == PAGE_BYTES, "a block is a page");

/* Where block `index` of a half begins on the device. */
static inline uint64_t store_block_at(const struct dhcp_store_half *h, uint32_t index)
{
    return ((uint64_t)DHCP_JOURNAL_HEADS + (uint64_t)h->half * h->half_blocks + index) *
           DHCP_JOURNAL_BLOCK_BYTES;
}

/* Fills a request: `blocks` blocks at `at`, from page number `page` on; FLUSH: none. */
void dhcp_store_io_fill(struct dhcp_store *store, struct dhcp_store_io *io, enum blk_op op,
                        uint64_t at, unsigned page, uint32_t blocks);
/* Begins to write the table into the other half, of `half_blocks` blocks. */
void dhcp_store_rewrite(struct dhcp_store *store, uint32_t half_blocks);
/* The requests of a step are done, with store->status: what comes of it. */
void dhcp_store_step_done(struct dhcp_store *store);
/* Prepares the requests of the next step (those that wait). False: there is nothing to do. */
bool dhcp_store_step_next(struct dhcp_store *store);

#endif
