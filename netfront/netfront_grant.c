/* SPDX-License-Identifier: ISC */
/* netfront_grant.c - under which grants the backend reads what we send.
 *
 * Usually each request has a grant of its own, which its response ends: the backend sees a page as
 * long as one frame is on its way (docs/decisions/0010-netfront-grants.md). Where the program gave
 * storage for it (conf.tx_grants), the first grant of a page of the pool is kept, read-only, until
 * the connection ends: sending that page again costs neither a grant nor an end. Pages of other
 * pools have grants of their own as ever, and so has every page while grants are short.
 *
 * What the backend still maps when the connection ends is remembered: that page has a grant for
 * each request from then on, and the old one is tried again. It is not quarantined, since the
 * program may be using it for anything: who keeps grants trusts the backend to read the pool.
 */
#include "netfront_priv.h"

#define STUCK 0x80000000u /* in conf.tx_grants: an old backend's, that did not end */

/* The page's word; NULL: its grants are not kept. */
static gref_t *kept_of(const struct netfront *nf, const struct page *page)
{
    if (LIKELY(!nf->keep_grants) || page->pool != nf->conf.pool->pages)
        return NULL;
    return &nf->conf.tx_grants[page - page->pool->pages];
}

int netfront_grant_page(struct netfront *nf, struct page *page, struct netfront_tx_slot *slot)
{
    gref_t *kept = kept_of(nf, page);
    int err;

    slot->kept = kept != NULL && *kept != 0 && (*kept & STUCK) == 0;
    if (slot->kept) {
        slot->gref = *kept;
        return 0;
    }
    err = gnttab_grant(nf->conf.gt, nf->front.xb.otherend_id, virt_to_gfn(page->base), true,
                       &slot->gref);
    if (err == 0 && kept != NULL && *kept == 0 &&
        nf->conf.gt->stats.free_count >= nf->grants_reserve) {
        *kept = slot->gref;
        slot->kept = true;
    }
    return err;
}

void netfront_grants_begin(struct netfront *nf)
{
    /* What is received into, other devices and pages of other pools need some too. */
    nf->grants_reserve = nf->conf.gt->stats.free_count / 2;
    nf->keep_grants = nf->conf.tx_grants != NULL && !nf->untrusted;
}

void netfront_grants_end(struct netfront *nf)
{
    if (nf->conf.tx_grants == NULL)
        return;
    for (uint32_t i = 0; i < nf->conf.pool->pages->total; i++) {
        gref_t *kept = &nf->conf.tx_grants[i];

        if (*kept == 0)
            continue;
        *kept = gnttab_end(nf->conf.gt, *kept & ~STUCK) == 0 ? 0 : *kept | STUCK;
    }
}
