/* SPDX-License-Identifier: ISC */
/* main.c - the grant table, from inside a domain that grants to itself, on the version that
 * gnttab=1|2 chose. */
#include <string.h>

#include <morgana/args.h>
#include <morgana/xen.h>

#include "tests/guest/suite.h"

SUITE_STATE;

static _Alignas(PAGE_BYTES) uint8_t page_a[PAGE_BYTES], page_b[PAGE_BYTES];
static uint64_t domid; /* our own: Xen compares grants with the number, not with DOMID_SELF */

static const char *version_is_the_one_asked_for(struct start *start)
{
    uint32_t asked = 0;
    args_get_u32(start->argc, start->argv, "gnttab", 1, 2, &asked);
    CHECK(start->has_gnttab);
    if (asked != 0)
        CHECK_EQ(start->gt.version, asked);
    return NULL;
}

static const char *own_domid_is_known(struct start *start)
{
    CHECK(start->has_xs);
    CHECK_EQ(xs_read_u64(&start->xs, XS_TXN_NONE, "domid", 0x7fef, &domid), 0);
    return NULL;
}

static struct gnttab_copy_end of_page(const void *page, uint16_t off)
{
    return (struct gnttab_copy_end){.gfn = virt_to_gfn(page), .off = off};
}

static struct gnttab_copy_end of_gref(gref_t gref, uint16_t off)
{
    return (struct gnttab_copy_end){
        .is_gref = true, .domid = (uint16_t)domid, .gref = gref, .off = off};
}

static const char *granted_page_is_copied(struct start *start)
{
    struct gnttab *gt = &start->gt;
    gref_t gref;
    for (unsigned i = 0; i < PAGE_BYTES; i++)
        page_a[i] = (uint8_t)(i * 31 + i / 256);
    memset(page_b, 0, sizeof(page_b));
    CHECK_EQ(gnttab_grant(gt, (uint16_t)domid, virt_to_gfn(page_a), true, &gref), 0);
    CHECK(gref >= GNTTAB_RESERVED);
    struct gnttab_copy_end from = of_gref(gref, 0), to = of_page(page_b, 0);
    CHECK_EQ(gnttab_copy(gt, &from, &to, PAGE_BYTES), 0);
    CHECK(memcmp(page_a, page_b, PAGE_BYTES) == 0);
    CHECK(!gnttab_is_mapped(gt, gref));
    CHECK_EQ(gnttab_end(gt, gref), 0);
    return NULL;
}

static const char *copy_to_a_granted_page(struct start *start)
{
    struct gnttab *gt = &start->gt;
    gref_t gref;
    memset(page_a, 0, sizeof(page_a));
    memset(page_b, 0x5a, sizeof(page_b));
    CHECK_EQ(gnttab_grant(gt, (uint16_t)domid, virt_to_gfn(page_a), false, &gref), 0);
    for (uint16_t len = 1; len <= 1500; len = (uint16_t)(len * 3)) {
        struct gnttab_copy_end from = of_page(page_b, 7), to = of_gref(gref, 1000);
        memset(page_a, 0, sizeof(page_a));
        CHECK_EQ(gnttab_copy(gt, &from, &to, len), 0);
        CHECK_EQ(page_a[999], 0);
        CHECK_EQ(page_a[1000], 0x5a);
        CHECK_EQ(page_a[1000 + len - 1], 0x5a);
        CHECK_EQ(page_a[1000 + len], 0);
    }
    CHECK_EQ(gnttab_end(gt, gref), 0);
    return NULL;
}

static const char *read_only_grant_is_not_written(struct start *start)
{
    struct gnttab *gt = &start->gt;
    gref_t gref;
    memset(page_a, 1, sizeof(page_a));
    memset(page_b, 2, sizeof(page_b));
    CHECK_EQ(gnttab_grant(gt, (uint16_t)domid, virt_to_gfn(page_a), true, &gref), 0);
    struct gnttab_copy_end from = of_page(page_b, 0), to = of_gref(gref, 0);
    CHECK(gnttab_copy(gt, &from, &to, 16) < 0);
    CHECK_EQ(page_a[0], 1);
    CHECK_EQ(gnttab_end(gt, gref), 0);
    return NULL;
}

static const char *ended_grant_is_not_used(struct start *start)
{
    struct gnttab *gt = &start->gt;
    gref_t gref;
    CHECK_EQ(gnttab_grant(gt, (uint16_t)domid, virt_to_gfn(page_a), false, &gref), 0);
    CHECK_EQ(gnttab_end(gt, gref), 0);
    struct gnttab_copy_end from = of_gref(gref, 0), to = of_page(page_b, 0);
    CHECK(gnttab_copy(gt, &from, &to, 16) < 0);
    from = of_gref(0x00ffffff, 0); /* no such entry */
    CHECK(gnttab_copy(gt, &from, &to, 16) < 0);
    return NULL;
}

static const char *grant_to_another_is_not_ours(struct start *start)
{
    struct gnttab *gt = &start->gt;
    gref_t gref;
    CHECK_EQ(gnttab_grant(gt, 0, virt_to_gfn(page_a), false, &gref), 0);
    struct gnttab_copy_end from = of_gref(gref, 0), to = of_page(page_b, 0);
    CHECK(gnttab_copy(gt, &from, &to, 16) < 0);
    CHECK_EQ(gnttab_end(gt, gref), 0);
    return NULL;
}

static const char *copy_ends_with_the_page(struct start *start)
{
    struct gnttab_copy_end from = of_page(page_a, 4000), to = of_page(page_b, 0);
    CHECK_EQ(gnttab_copy(&start->gt, &from, &to, 97), -E_INVAL);
    CHECK_EQ(gnttab_copy(&start->gt, &to, &from, 97), -E_INVAL);
    from.off = 4097;
    CHECK_EQ(gnttab_copy(&start->gt, &from, &to, 0), -E_INVAL);
    return NULL;
}

/* All references there are: unique, in frames that come on demand, and all of them good. */
static const char *table_is_used_up_and_comes_back(struct start *start)
{
    static gref_t gref[START_GRANTS_MAX];
    struct gnttab *gt = &start->gt;
    uint32_t n = 0, before = gt->stats.free_count;
    uint64_t empty = gt->stats.empty;
    int err = 0;
    memset(page_a, 0x77, sizeof(page_a));
    while (n < START_GRANTS_MAX &&
           (err = gnttab_grant(gt, (uint16_t)domid, virt_to_gfn(page_a), true, &gref[n])) == 0)
        n++;
    CHECK_EQ(err, -E_NOMEM);
    CHECK_EQ(gt->stats.empty, empty + 1);
    CHECK_EQ(n, before);
    printf("# %u references in %u frames\n", (unsigned)n, (unsigned)gt->frames);
    for (uint32_t i = 0; i < n; i += 61) {
        struct gnttab_copy_end from = of_gref(gref[i], 0), to = of_page(page_b, 0);
        memset(page_b, 0, sizeof(page_b));
        CHECK_EQ(gnttab_copy(gt, &from, &to, 64), 0);
        CHECK_EQ(page_b[63], 0x77);
    }
    for (uint32_t i = 0; i < n; i++)
        CHECK_EQ(gnttab_end(gt, gref[i]), 0);
    CHECK_EQ(gt->stats.free_count, before);
    return NULL;
}

/* A page that the other side still maps stays granted, is quarantined, and released when it is let
 * go (XSA-396). The other side is ourselves. Where Xen manages our physical memory, mapping takes
 * both pages' own memory away: they are not touched afterwards. */
static const char *mapped_page_is_quarantined_until_unmapped(struct start *start)
{
    static _Alignas(PAGE_BYTES) uint8_t memory[PAGE_BYTES], place[PAGE_BYTES];
    static struct page header;
    static struct page_pool pool;
    struct gnttab_quarantine q = {0};
    struct gnttab *gt = &start->gt;
    uint32_t handle;

    page_pool_init(&pool, &header, memory, 1);
    struct page *page = page_get(&pool);
    memset(page->base, 0x42, PAGE_BYTES);
    CHECK_EQ(gnttab_grant(gt, (uint16_t)domid, virt_to_gfn(page->base), false, &page->gref), 0);
    page_post(page);
    int err = gnttab_map(gt, (uint16_t)domid, page->gref, place, false, &handle);
    if (err != 0) {
        CHECK_EQ(gnttab_end(gt, page->gref), 0);
        SKIP("a domain may not map its own grant here: %s", err_name(err));
    }
    CHECK_EQ(*(volatile uint8_t *)&place[PAGE_BYTES - 1], 0x42);
    CHECK(gnttab_is_mapped(gt, page->gref));
    CHECK_EQ(gnttab_end(gt, page->gref), -E_BUSY);
    gnttab_quarantine_add(&q, page);
    CHECK_EQ(gnttab_quarantine_poll(&q, gt, 10), 0);
    CHECK_EQ(page->state, PAGE_QUARANTINED);
    CHECK(page_get(&pool) == NULL);
    CHECK_EQ(gnttab_unmap(gt, place, handle), 0);
    CHECK_EQ(gnttab_quarantine_poll(&q, gt, 10), 1);
    CHECK_EQ(page->state, PAGE_FREE);
    CHECK_EQ(q.count, 0);
    CHECK(gnttab_unmap(gt, place, handle) < 0);
    return NULL;
}

static const char *many_grants_and_ends_leave_nothing(struct start *start)
{
    struct gnttab *gt = &start->gt;
    uint32_t before = gt->stats.free_count;
    gref_t gref[32];
    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(gref); i++)
            CHECK_EQ(gnttab_grant(gt, 0, virt_to_gfn(page_a), (round & 1) != 0, &gref[i]), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(gref); i++)
            CHECK_EQ(gnttab_end(gt, gref[(i * 13) % ARRAY_SIZE(gref)]), 0);
    }
    CHECK_EQ(gt->stats.free_count, before);
    return NULL;
}

static const struct suite_case cases[] = {
    {"version_is_the_one_asked_for", version_is_the_one_asked_for},
    {"own_domid_is_known", own_domid_is_known},
    {"granted_page_is_copied", granted_page_is_copied},
    {"copy_to_a_granted_page", copy_to_a_granted_page},
    {"read_only_grant_is_not_written", read_only_grant_is_not_written},
    {"ended_grant_is_not_used", ended_grant_is_not_used},
    {"grant_to_another_is_not_ours", grant_to_another_is_not_ours},
    {"copy_ends_with_the_page", copy_ends_with_the_page},
    {"table_is_used_up_and_comes_back", table_is_used_up_and_comes_back},
    {"mapped_page_is_quarantined_until_unmapped", mapped_page_is_quarantined_until_unmapped},
    {"many_grants_and_ends_leave_nothing", many_grants_and_ends_leave_nothing},
};

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return suite_run(start_get(), cases, ARRAY_SIZE(cases));
}
