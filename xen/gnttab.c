/* SPDX-License-Identifier: ISC */
/* gnttab.c - our grant table: granting frames to other domains and taking grants back.
 *
 * Theory of operation. The table is an array of entries that we share with the hypervisor, in
 * frames that it adds as we ask for them. An entry is in force while its flags say permit_access.
 * What the other domain does with it right now, the hypervisor notes as reading and writing: in
 * version 1 in the same flags, so that ending must be one atomic compare-and-exchange; in version 2
 * in a status array of its own, so that ending is a store, a barrier, and a load.
 *
 * Entries that are free are linked through conf.free_list, entries in use say IN_USE there: so what
 * we believe of the table does not stand in memory that others write.
 */
#include <morgana/gnttab.h>

#include "xen/hypercall.h"

#include <atomic.h>
#include <barrier.h>

#define STATUS_PER_FRAME (PAGE_BYTES / (uint32_t)sizeof(grant_status_t))
#define IN_USE UINT32_MAX /* in the free list's place: no reference has this number */

STATIC_ASSERT(sizeof(struct grant_entry_v1) == 8, "512 entries in a frame");
STATIC_ASSERT(sizeof(union grant_entry_v2) == 16, "256 entries in a frame");
STATIC_ASSERT(GNTTAB_RESERVED == GNTTAB_NR_RESERVED_ENTRIES, "the domain builder's entries");
STATIC_ASSERT(GNTTAB_FRAMES_MAX * 256 <= GNTTAB_STATUS_FRAMES_MAX * STATUS_PER_FRAME,
              "a status word for every entry of version 2");

static uint32_t per_frame(const struct gnttab *gt)
{
    return gt->version == 1 ? 512 : 256;
}

static struct grant_entry_v1 *entry_v1(const struct gnttab *gt, gref_t gref)
{
    return (struct grant_entry_v1 *)gt->frame[gref / 512] + gref % 512;
}

static union grant_entry_v2 *entry_v2(const struct gnttab *gt, gref_t gref)
{
    return (union grant_entry_v2 *)gt->frame[gref / 256] + gref % 256;
}

static uint16_t *status_v2(const struct gnttab *gt, gref_t gref)
{
    return &gt->status[gref / STATUS_PER_FRAME][gref % STATUS_PER_FRAME];
}

/* Maps one more frame, and its status frame, and puts its entries on the free list. */
static int grow(struct gnttab *gt)
{
    if (gt->frames == gt->frames_max)
        return -E_NOMEM;
    void *frame = xen_map_frame(XENMAPSPACE_grant_table, gt->frames);
    if (frame == NULL)
        return -E_NOMEM;
    uint32_t first = gt->entries;
    uint32_t end = u32_min((gt->frames + 1) * per_frame(gt), gt->conf.entries_max);
    if (gt->version == 2) {
        uint32_t status = first / STATUS_PER_FRAME;
        if (gt->status[status] == NULL)
            gt->status[status] =
                xen_map_frame(XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status | status);
        if (gt->status[status] == NULL)
            return -E_NOMEM;
    }
    gt->frame[gt->frames++] = frame;
    gt->entries = end;
    /* Lowest first. The reserved ones are the domain builder's: never ours. */
    for (gref_t gref = end; gref-- > first;) {
        if (gref < GNTTAB_RESERVED) {
            gt->conf.free_list[gref] = IN_USE;
            continue;
        }
        gt->conf.free_list[gref] = gt->free_head;
        gt->free_head = gref;
    }
    return 0;
}

static int choose_version(uint32_t wanted, uint32_t *version)
{
    int err = hypercall_gnttab_set_version(wanted != 0 ? wanted : 1, version);
    if (err != 0 && wanted == 0)
        err = hypercall_gnttab_set_version(2, version);
    if (err != 0)
        return err == -E_INVAL ? -E_NOSYS : err; /* a hypervisor that does not know the number */
    return *version == 1 || *version == 2 ? 0 : -E_NOSYS;
}

int gnttab_init(struct gnttab *gt, const struct gnttab_conf *conf)
{
    if (conf->version > 2 || conf->free_list == NULL || conf->entries_max <= GNTTAB_RESERVED)
        return -E_INVAL;
    *gt = (struct gnttab){.conf = *conf};
    int err = choose_version(conf->version, &gt->version);
    if (err != 0)
        return err;

    uint32_t frames = 0, frames_max = 0;
    int16_t status = GNTST_general_error;
    err = hypercall_gnttab_query_size(&frames, &frames_max, &status);
    if (err == 0)
        err = gnttab_err(status);
    if (err != 0)
        return err;
    uint32_t useful = (conf->entries_max + per_frame(gt) - 1) / per_frame(gt);
    gt->frames_max = u32_min(u32_min(frames_max, useful), GNTTAB_FRAMES_MAX);

    err = grow(gt);
    if (err != 0)
        return err;
    uint32_t most = u32_min(gt->frames_max * per_frame(gt), conf->entries_max);
    gt->stats.free_count = gt->stats.free_min = most - GNTTAB_RESERVED;
    return 0;
}

void gnttab_fini(struct gnttab *gt)
{
    for (gref_t gref = GNTTAB_RESERVED; gref < gt->entries; gref++) {
        if (gt->conf.free_list[gref] == IN_USE)
            gnttab_end(gt, gref);
    }
    *gt = (struct gnttab){.version = 0};
}

static void empty(struct gnttab *gt, gref_t gref)
{
    if (gt->version == 1) {
        *entry_v1(gt, gref) = (struct grant_entry_v1){.flags = 0};
    } else {
        memset(entry_v2(gt, gref), 0, sizeof(union grant_entry_v2));
        *status_v2(gt, gref) = 0;
    }
}

int gnttab_resume(struct gnttab *gt)
{
    uint32_t version = 0;
    gt->epoch++;
    int err = hypercall_gnttab_set_version(gt->version, &version);
    if (err != 0)
        return err;
    if (version != gt->version)
        return -E_NOSYS;
    for (uint32_t i = 0; i < gt->frames; i++) {
        gt->frame[i] = xen_map_frame(XENMAPSPACE_grant_table, i);
        if (gt->frame[i] == NULL)
            return -E_NOMEM;
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(gt->status) && gt->status[i] != NULL; i++) {
        gt->status[i] = xen_map_frame(XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status | i);
        if (gt->status[i] == NULL)
            return -E_NOMEM;
    }
    for (gref_t gref = GNTTAB_RESERVED; gref < gt->entries; gref++)
        empty(gt, gref);
    return 0;
}

int gnttab_grant(struct gnttab *gt, uint16_t domid, uint64_t gfn, bool read_only, gref_t *gref_out)
{
    gref_t gref = gt->free_head;
    if (UNLIKELY(gref == 0)) {
        if (grow(gt) != 0) {
            /* This is all there will be, whatever the hypervisor said before. */
            gt->frames_max = gt->frames;
            gt->stats.free_count = gt->stats.free_min = 0;
            gt->stats.empty++;
            return -E_NOMEM;
        }
        gref = gt->free_head;
    }
    uint16_t flags = (uint16_t)(read_only ? GTF_permit_access | GTF_readonly : GTF_permit_access);
    if (gt->version == 1) {
        struct grant_entry_v1 *entry = entry_v1(gt, gref);
        if (UNLIKELY(gfn > UINT32_MAX))
            return -E_INVAL;
        entry->domid = domid;
        entry->frame = (uint32_t)gfn;
        wmb(); /* stores of domid and frame before the store of flags that puts them in force */
        WRITE_ONCE(entry->flags, flags);
    } else {
        union grant_entry_v2 *entry = entry_v2(gt, gref);
        entry->hdr.domid = domid;
        entry->full_page.pad0 = 0;
        entry->full_page.frame = gfn;
        wmb(); /* stores of domid and frame before the store of flags that puts them in force */
        WRITE_ONCE(entry->hdr.flags, flags);
    }
    gt->free_head = gt->conf.free_list[gref];
    gt->conf.free_list[gref] = IN_USE;
    gt->stats.grants++;
    if (--gt->stats.free_count < gt->stats.free_min)
        gt->stats.free_min = gt->stats.free_count;
    *gref_out = gref;
    return 0;
}

static bool end_v1(struct gnttab *gt, gref_t gref)
{
    uint16_t *flags = &entry_v1(gt, gref)->flags;
    uint16_t was = READ_ONCE(*flags);
    /* The hypervisor changes two bits only; each can undo a try, once set and once cleared. */
    for (unsigned i = 0; i < 4; i++) {
        if ((was & (GTF_reading | GTF_writing)) != 0)
            return false;
        if (atomic_cmpxchg16(flags, &was, 0))
            return true;
    }
    return false;
}

static bool end_v2(struct gnttab *gt, gref_t gref)
{
    WRITE_ONCE(entry_v2(gt, gref)->hdr.flags, 0);
    /* The store of flags before the load of status: the hypervisor stores status, then loads
     * flags. */
    mb();
    if ((READ_ONCE(*status_v2(gt, gref)) & (GTF_reading | GTF_writing)) != 0)
        return false;
    rmb(); /* the load of status before loads of what was written to the page meanwhile */
    return true;
}

int gnttab_end(struct gnttab *gt, gref_t gref)
{
    ASSERT(gref >= GNTTAB_RESERVED && gref < gt->entries && gt->conf.free_list[gref] == IN_USE);
    if (UNLIKELY(!(gt->version == 1 ? end_v1(gt, gref) : end_v2(gt, gref)))) {
        gt->stats.in_use++;
        return -E_BUSY;
    }
    gt->conf.free_list[gref] = gt->free_head;
    gt->free_head = gref;
    gt->stats.ends++;
    gt->stats.free_count++;
    return 0;
}

bool gnttab_is_mapped(const struct gnttab *gt, gref_t gref)
{
    ASSERT(gref >= GNTTAB_RESERVED && gref < gt->entries);
    uint16_t used =
        gt->version == 1 ? READ_ONCE(entry_v1(gt, gref)->flags) : READ_ONCE(*status_v2(gt, gref));
    return (used & (GTF_reading | GTF_writing)) != 0;
}

static void enqueue(struct gnttab_quarantine *q, struct page *page)
{
    page->next = NULL;
    if (q->last != NULL)
        q->last->next = page;
    else
        q->first = page;
    q->last = page;
    q->count++;
    q->total++;
}

void gnttab_quarantine_add(struct gnttab_quarantine *q, struct page *page)
{
    page_quarantine(page);
    enqueue(q, page);
}

void gnttab_quarantine_lent(struct gnttab_quarantine *q, struct page *page, gref_t gref)
{
    bool is_held = page->refs > 1, waits = is_held && page->gref != 0;

    if (!is_held)
        page_quarantine(page);
    if (gref == 0 || waits)
        return;
    page->gref = gref;
    enqueue(q, page);
}

uint32_t gnttab_quarantine_poll(struct gnttab_quarantine *q, struct gnttab *gt, uint32_t budget)
{
    uint32_t released = 0;
    struct page *refused = NULL, **end = &refused, *last_refused = NULL;

    for (uint32_t n = u32_min(budget, q->count); n != 0; n--) {
        struct page *page = q->first;
        q->first = page->next;
        if (gnttab_end(gt, page->gref) == 0) {
            page->gref = 0;
            page->next = NULL;
            if (page->state == PAGE_QUARANTINED)
                page_release(page);
            else
                page_put(page); /* others may hold it */
            released++;
        } else {
            page->next = NULL;
            *end = page;
            end = &page->next;
            last_refused = page;
        }
    }
    /* Those refused go behind those not tried: every one has its turn. */
    if (q->first == NULL) {
        q->first = refused;
        q->last = last_refused;
    } else if (refused != NULL) {
        q->last->next = refused;
        q->last = last_refused;
    }
    q->count -= released;
    q->released += released;
    return released;
}
