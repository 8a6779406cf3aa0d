/* SPDX-License-Identifier: ISC */
/* blkfront_data.c - pages that the backend may use, and for how long.
 *
 * In place: each segment of a request is a grant of the program's own page, read-only where we
 * write, ended by the response. Copied: pages of the pool stand between, which hold nothing else:
 * fresh ones, or with persistent grants those of the last requests, which the backend may keep
 * mapped. What a backend still maps after its time keeps a reference of ours, so that the page is
 * not used for anything else (XSA-396).
 */
#include "blkfront_priv.h"

void blkfront_data_init(struct blkfront *bf)
{
    for (uint16_t i = 0; i < BLKFRONT_SEG_RECORDS; i++)
        bf->lent[i].next = (uint16_t)(i + 1u < BLKFRONT_SEG_RECORDS ? i + 1u : BLKFRONT_NONE);
    bf->lent_free = 0;
    bf->lent_free_count = BLKFRONT_SEG_RECORDS;
}

/* A list of segments, where one is needed, takes a page and a grant too; without there are 11
 * segments at most. */
static uint32_t without_list(uint32_t n)
{
    return n > BLKFRONT_DIRECT_SEGS ? n - 1 : n;
}

uint32_t blkfront_data_room(const struct blkfront *bf, bool copied)
{
    uint32_t grants = bf->conf.gt->stats.free_count, pages = bf->conf.pool->free_count;

    if (copied)
        grants = u32_min(grants, pages);
    else if (pages == 0)
        grants = u32_min(grants, BLKFRONT_DIRECT_SEGS);
    if (bf->persistent)
        grants += bf->kept_count;
    return u32_min(without_list(grants), bf->lent_free_count);
}

/* ---- single pages ---------------------------------------------------------------------------- */

static bool grant(struct blkfront *bf, const struct page *page, bool read_only, gref_t *gref)
{
    return gnttab_grant(bf->conf.gt, bf->front.xb.otherend_id, virt_to_gfn(page->base), read_only,
                        gref) == 0;
}

/* A page of ours, not granted yet. Its bytes are zero (XSA-403), unless it is kept: then it has its
 * grant, and what the backend has seen. */
static struct page *own_page(struct blkfront *bf)
{
    struct page *page = bf->kept;

    if (page != NULL) {
        bf->kept = page->next;
        bf->kept_count--;
        page->next = NULL;
        return page;
    }
    page = page_get(bf->conf.pool);
    if (page == NULL)
        return NULL;
    memset(page->base, 0, PAGE_BYTES);
    page->gref = 0;
    return page;
}

/* Persistent grants are for reading and writing, whatever they are first for (io/blkif.h, note 8).
 * On failure the page is gone. */
static bool grant_own(struct blkfront *bf, struct page *page, bool read_only)
{
    if (page->gref != 0 || grant(bf, page, read_only && !bf->persistent, &page->gref))
        return true;
    page_put(page);
    return false;
}

/* False: the backend still maps it. */
static bool take_page(struct blkfront *bf, struct page *page, gref_t gref, bool own)
{
    if (bf->persistent) {
        page->next = bf->kept;
        bf->kept = page;
        bf->kept_count++;
        return true;
    }
    if (gnttab_end(bf->conf.gt, gref) != 0)
        return false;
    if (own)
        page->gref = 0;
    page_put(page);
    return true;
}

struct page *blkfront_data_list_get(struct blkfront *bf)
{
    struct page *page = own_page(bf);

    return page != NULL && grant_own(bf, page, true) ? page : NULL;
}

/* ---- the data of a ring request -------------------------------------------------------------- */

/* A place in the data of requests that follow each other. */
struct walk {
    struct blkfront_io *io;
    uint32_t seg, off; /* of io; bytes into the segment */
};

static struct walk walk_of(const struct blkfront_shadow *sh)
{
    struct walk w = {.io = sh->first, .off = sh->at};

    while (w.off >= w.io->req->segs[w.seg].len)
        w.off -= w.io->req->segs[w.seg++].len;
    return w;
}

/* What lies there, at most `max` bytes and to the segment's end; goes on behind it. The program's
 * next request is looked at only where the walk goes on. */
static struct cs walk_next(struct walk *w, uint32_t max)
{
    const struct blk_seg *seg;
    uint32_t off;

    if (w->seg == w->io->req->seg_count) {
        w->io = w->io->next;
        w->seg = 0;
    }
    seg = &w->io->req->segs[w->seg];
    off = w->off;
    max = u32_min(max, seg->len - off);
    w->off += max;
    if (w->off == seg->len) {
        w->off = 0;
        w->seg++;
    }
    return cs_of(seg->page->base + seg->off + off, max);
}

/* Copies `bytes` between a page of ours, from its first byte on, and where the walk is. */
static void copy(struct blkfront *bf, struct walk *w, struct page *page, uint32_t bytes, bool out)
{
    uint32_t at = 0;

    while (at < bytes) {
        struct cs there = walk_next(w, bytes - at);

        if (out)
            memcpy(there.base, page->base + at, there.len);
        else
            memcpy(page->base + at, there.base, there.len);
        at += (uint32_t)there.len;
    }
    bf->dev.stats.copied_bytes += bytes;
}

/* Notes a page as lent; there is a record free. */
static uint16_t *note(struct blkfront *bf, uint16_t *link, struct page *page, gref_t gref)
{
    uint16_t i = bf->lent_free;

    ASSERT(i != BLKFRONT_NONE);
    bf->lent_free = bf->lent[i].next;
    bf->lent_free_count--;
    bf->lent[i] = (struct blkfront_lent){.page = page, .gref = gref, .next = BLKFRONT_NONE};
    *link = i;
    return &bf->lent[i].next;
}

static int lend_in_place(struct blkfront *bf, struct blkfront_shadow *sh, uint8_t *to,
                         uint32_t *segs)
{
    struct walk w = walk_of(sh);
    uint16_t *link = &sh->lent;

    ASSERT(w.off == 0); /* requests are split between segments */
    *segs = 0;
    for (uint32_t left = sh->bytes; left != 0; ++*segs) {
        const struct blk_seg *seg;
        gref_t gref;

        left -= (uint32_t)walk_next(&w, PAGE_BYTES).len;
        seg = &w.io->req->segs[w.seg - 1];
        if (!grant(bf, seg->page, sh->op != BLKIF_OP_READ, &gref))
            return -E_NOMEM;
        page_ref(seg->page);
        link = note(bf, link, seg->page, gref);
        blkfront_seg_put(to + (size_t)*segs * blkfront_seg_SIZE, gref, seg->off, seg->len);
    }
    return 0;
}

static int lend_copies(struct blkfront *bf, struct blkfront_shadow *sh, uint8_t *to, uint32_t *segs)
{
    struct walk w = walk_of(sh);
    uint16_t *link = &sh->lent;
    uint32_t bytes;

    *segs = 0;
    for (uint32_t left = sh->bytes; left != 0; left -= bytes, ++*segs) {
        struct page *page = own_page(bf);

        bytes = u32_min(left, PAGE_BYTES);
        if (page == NULL)
            return -E_NOMEM;
        if (sh->op != BLKIF_OP_READ)
            copy(bf, &w, page, bytes, false);
        if (!grant_own(bf, page, sh->op != BLKIF_OP_READ))
            return -E_NOMEM;
        link = note(bf, link, page, page->gref);
        blkfront_seg_put(to + (size_t)*segs * blkfront_seg_SIZE, page->gref, 0, bytes);
    }
    return 0;
}

int blkfront_data_lend(struct blkfront *bf, struct blkfront_shadow *sh, uint8_t *to, uint32_t *segs)
{
    int err = sh->copied ? lend_copies(bf, sh, to, segs) : lend_in_place(bf, sh, to, segs);

    if (UNLIKELY(err != 0 && !blkfront_data_take(bf, sh)))
        blkfront_violate(bf, BLKFRONT_MAPPED, sh->id, 0, 0);
    return err;
}

void blkfront_data_copy_out(struct blkfront *bf, const struct blkfront_shadow *sh)
{
    struct walk w = walk_of(sh);
    uint32_t left = sh->bytes;

    for (uint16_t i = sh->lent; i != BLKFRONT_NONE; i = bf->lent[i].next) {
        uint32_t bytes = u32_min(left, PAGE_BYTES);

        copy(bf, &w, bf->lent[i].page, bytes, true);
        left -= bytes;
    }
    ASSERT(left == 0);
}

/* ---- back ------------------------------------------------------------------------------------ */

/* Its record is free; its link in the list is taken out. */
static void forget(struct blkfront *bf, uint16_t *link)
{
    uint16_t i = *link;

    *link = bf->lent[i].next;
    bf->lent[i] = (struct blkfront_lent){.next = bf->lent_free};
    bf->lent_free = i;
    bf->lent_free_count++;
}

bool blkfront_data_take(struct blkfront *bf, struct blkfront_shadow *sh)
{
    uint16_t *link = &sh->lent;
    bool all = true;

    while (*link != BLKFRONT_NONE) {
        struct blkfront_lent *lent = &bf->lent[*link];

        if (LIKELY(take_page(bf, lent->page, lent->gref, sh->copied))) {
            forget(bf, link);
        } else {
            link = &lent->next;
            all = false;
        }
    }
    if (sh->list != NULL) {
        if (take_page(bf, sh->list, sh->list->gref, true))
            sh->list = NULL;
        else
            all = false;
    }
    return all;
}

/* Takes a page of ours that nobody else has. */
static void quarantine_own(struct blkfront *bf, struct page *page)
{
    bf->dev.stats.quarantined++;
    gnttab_quarantine_add(bf->quarantine, page);
}

void blkfront_data_unkeep(struct blkfront *bf)
{
    struct page *page;

    bf->persistent = false;
    while ((page = bf->kept) != NULL) {
        bf->kept = page->next;
        page->next = NULL;
        if (!take_page(bf, page, page->gref, true))
            quarantine_own(bf, page);
    }
    bf->kept_count = 0;
}

/* The backend still maps this page. Others may hold it too (a program, a window's request), and it
 * may be lent several times, under several grants. */
static void abandon_page(struct blkfront *bf, struct page *page, gref_t gref)
{
    bf->dev.stats.quarantined++;
    for (unsigned s = 0; s < BLKFRONT_REQUESTS_MAX; s++) {
        for (uint16_t *link = &bf->shadow[s].lent; *link != BLKFRONT_NONE;) {
            if (bf->lent[*link].page != page) {
                link = &bf->lent[*link].next;
                continue;
            }
            forget(bf, link);
            page_put(page);
            gref = 0;
        }
    }
    gnttab_quarantine_lent(bf->quarantine, page, gref);
}

void blkfront_data_abandon(struct blkfront *bf)
{
    for (unsigned s = 0; s < BLKFRONT_REQUESTS_MAX; s++) {
        struct blkfront_shadow *sh = &bf->shadow[s];

        while (sh->lent != BLKFRONT_NONE) {
            struct blkfront_lent lent = bf->lent[sh->lent];

            forget(bf, &sh->lent);
            abandon_page(bf, lent.page, lent.gref);
        }
        if (sh->list != NULL)
            quarantine_own(bf, sh->list);
        sh->list = NULL;
    }
}
