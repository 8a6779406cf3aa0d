/* SPDX-License-Identifier: ISC */
/* test_gnttab.c - grant tables of both versions on the simulated hypervisor: granting, ending,
 * quarantine, copies, mappings. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "simguest.h"
#include "xen/hypercall.h"

#define ENTRIES 2048u

static struct gnttab gt;
static uint32_t free_list[ENTRIES];
static _Alignas(4096) uint8_t page_a[4096], page_b[4096], place[4096];

static void begin(const struct sim_conf *conf, uint32_t version)
{
    simguest_init(conf);
    struct gnttab_conf gc = {.version = version, .free_list = free_list, .entries_max = ENTRIES};
    assert_int_equal(gnttab_init(&gt, &gc), 0);
}

static int setup_v1(void **state)
{
    (void)state;
    begin(NULL, 1);
    assert_int_equal(gt.version, 1);
    return 0;
}

static int setup_v2(void **state)
{
    (void)state;
    begin(NULL, 2);
    assert_int_equal(gt.version, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gnttab_fini(&gt);
    simguest_fini();
    return 0;
}

static gref_t grant(const void *page, bool read_only)
{
    gref_t gref = 0;
    assert_int_equal(gnttab_grant(&gt, 0, virt_to_gfn(page), read_only, &gref), 0);
    return gref;
}

/* ---- granting and ending --------------------------------------------------------------------- */

static void test_granted_page_is_used_as_allowed(void **state)
{
    int16_t status;
    (void)state;
    gref_t rw = grant(page_a, false), ro = grant(page_b, true);
    uint8_t *seen = sim_grant_use(rw, 0, 4096, true, &status);
    assert_ptr_equal(seen, page_a);
    assert_ptr_equal(sim_grant_use(ro, 0, 4096, false, &status), page_b);
    assert_null(sim_grant_use(ro, 0, 1, true, &status));
    assert_int_equal(status, GNTST_permission_denied);
    assert_int_equal(gnttab_end(&gt, rw), 0);
    assert_null(sim_grant_use(rw, 0, 1, false, &status));
    assert_int_equal(status, GNTST_bad_gntref);
    assert_int_equal(gnttab_end(&gt, ro), 0);
}

static void test_grefs_are_unique_and_never_reserved(void **state)
{
    static uint8_t taken[ENTRIES];
    gref_t gref;
    uint32_t n = 0;
    (void)state;
    memset(taken, 0, sizeof(taken));
    while (gnttab_grant(&gt, 0, virt_to_gfn(page_a), true, &gref) == 0) {
        assert_in_range(gref, GNTTAB_RESERVED, ENTRIES - 1);
        assert_int_equal(taken[gref]++, 0);
        n++;
    }
    assert_int_equal(n, ENTRIES - GNTTAB_RESERVED);
    assert_int_equal(gt.stats.free_count, 0);
    assert_int_equal(gt.stats.free_min, 0);
    assert_int_equal(gt.stats.empty, 1);
    assert_int_equal(gnttab_grant(&gt, 0, 1, true, &gref), -E_NOMEM);
    assert_int_equal(gt.stats.empty, 2);
    for (gref = GNTTAB_RESERVED; gref < ENTRIES; gref++)
        assert_int_equal(gnttab_end(&gt, gref), 0);
    assert_int_equal(gt.stats.free_count, n);
    assert_int_equal(gt.stats.grants, n);
    assert_int_equal(gt.stats.ends, n);
}

/* A grant that is still mapped is not ended, its reference is not given again, and nobody waits for
 * it (XSA-396). */
static void test_end_while_mapped_is_busy_and_keeps_the_gref(void **state)
{
    int16_t status;
    gref_t other;
    (void)state;
    gref_t gref = grant(page_a, false);
    assert_non_null(sim_grant_map(gref, true, &status));
    assert_true(gnttab_is_mapped(&gt, gref));
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(gnttab_end(&gt, gref), -E_BUSY);
    assert_int_equal(gt.stats.in_use, 10);
    for (unsigned i = 0; i < 100; i++) {
        other = grant(page_b, false);
        assert_int_not_equal(other, gref);
    }
    sim_fault_clear();
    sim_grant_unmap(gref, true);
    sim_fault_clear(); /* version 2 has withdrawn it meanwhile; that is how it is done there */
    assert_false(gnttab_is_mapped(&gt, gref));
    assert_int_equal(gnttab_end(&gt, gref), 0);
}

static void test_ending_what_is_not_granted_asserts(void **state)
{
    (void)state;
    gref_t gref = grant(page_a, false);
    assert_int_equal(gnttab_end(&gt, gref), 0);
    expect_assert_failure(gnttab_end(&gt, gref));
    expect_assert_failure(gnttab_end(&gt, 0));
    expect_assert_failure(gnttab_end(&gt, GNTTAB_RESERVED - 1));
    expect_assert_failure(gnttab_end(&gt, ENTRIES));
    expect_assert_failure(gnttab_end(&gt, UINT32_MAX));
}

static void test_frames_come_on_demand(void **state)
{
    gref_t gref;
    (void)state;
    uint32_t per_frame = gt.version == 1 ? 512 : 256;
    assert_int_equal(gt.frames, 1);
    for (uint32_t i = GNTTAB_RESERVED; i < per_frame; i++)
        assert_int_equal(gnttab_grant(&gt, 0, 1, true, &gref), 0);
    assert_int_equal(gt.frames, 1);
    assert_int_equal(gnttab_grant(&gt, 0, virt_to_gfn(page_a), true, &gref), 0);
    assert_int_equal(gt.frames, 2);
    assert_int_equal(gref, per_frame);
    int16_t status;
    assert_ptr_equal(sim_grant_use(gref, 0, 1, false, &status), page_a);
}

static void test_fini_ends_what_it_can(void **state)
{
    int16_t status;
    (void)state;
    gref_t free = grant(page_a, false), mapped = grant(page_b, false);
    assert_non_null(sim_grant_map(mapped, false, &status));
    gnttab_fini(&gt);
    assert_null(sim_grant_use(free, 0, 1, false, &status));
    assert_int_equal(sim_grant_maps(mapped), 1);
    sim_grant_unmap(mapped, false);
    sim_fault_clear();
}

/* ---- quarantine ------------------------------------------------------------------------------ */

#define POOL 8u
static _Alignas(PAGE_BYTES) uint8_t memory[POOL * PAGE_BYTES];
static struct page pages[POOL];
static struct page_pool pool;

static struct page *granted_page(bool mapped)
{
    int16_t status;
    struct page *page = page_get(&pool);
    page->gref = grant(page->base, false);
    page_post(page);
    if (mapped)
        assert_non_null(sim_grant_map(page->gref, true, &status));
    return page;
}

static void test_quarantined_page_is_released_when_its_grant_ended(void **state)
{
    struct gnttab_quarantine q = {0};
    struct page *page[4];
    (void)state;
    page_pool_init(&pool, pages, memory, POOL);
    assert_int_equal(gnttab_quarantine_poll(&q, &gt, 10), 0);
    for (unsigned i = 0; i < 4; i++) {
        page[i] = granted_page(true);
        assert_int_equal(gnttab_end(&gt, page[i]->gref), -E_BUSY);
        gnttab_quarantine_add(&q, page[i]);
        assert_int_equal(page[i]->state, PAGE_QUARANTINED);
    }
    assert_int_equal(q.count, 4);
    assert_int_equal(pool.quarantined, 4);
    assert_int_equal(gnttab_quarantine_poll(&q, &gt, 10), 0);

    gref_t gref = page[2]->gref;
    sim_grant_unmap(gref, true);
    sim_fault_clear();
    /* Two tries a poll: the page in the third place has its turn in the second. */
    assert_int_equal(gnttab_quarantine_poll(&q, &gt, 2), 0);
    assert_int_equal(gnttab_quarantine_poll(&q, &gt, 2), 1);
    assert_int_equal(page[2]->state, PAGE_FREE);
    assert_int_equal(page[2]->gref, 0);
    assert_int_equal(q.count, 3);
    for (unsigned i = 0; i < 4; i++) {
        if (i != 2)
            sim_grant_unmap(page[i]->gref, true);
    }
    sim_fault_clear();
    assert_int_equal(gnttab_quarantine_poll(&q, &gt, UINT32_MAX), 3);
    assert_int_equal(q.count, 0);
    assert_null(q.first);
    assert_null(q.last);
    assert_int_equal(q.total, 4);
    assert_int_equal(q.released, 4);
    assert_int_equal(pool.free_count, POOL);
}

/* A page that others hold stays theirs; the first grant it waits for is the only one. */
static void test_quarantine_of_a_page_that_others_hold(void **state)
{
    struct gnttab_quarantine q = {0};
    gref_t gref[2];
    int16_t status;
    (void)state;
    page_pool_init(&pool, pages, memory, POOL);
    struct page *page = page_get(&pool);
    page->gref = 0;
    for (unsigned i = 0; i < 2; i++) {
        gref[i] = grant(page->base, true);
        assert_non_null(sim_grant_map(gref[i], false, &status));
        page_ref(page);
        gnttab_quarantine_lent(&q, page, gref[i]);
    }
    page_ref(page);
    gnttab_quarantine_lent(&q, page, 0);
    assert_int_equal(q.count, 1);
    assert_int_equal(page->refs, 4);
    assert_int_equal(gnttab_quarantine_poll(&q, &gt, 10), 0);
    sim_grant_unmap(gref[0], false);
    assert_int_equal(gnttab_quarantine_poll(&q, &gt, 10), 1);
    assert_int_equal(page->state, PAGE_HELD);
    assert_int_equal(page->refs, 3); /* its holder's, and two that stay */
    sim_grant_unmap(gref[1], false);
    assert_int_equal(gnttab_end(&gt, gref[1]), 0);
    sim_fault_clear();
}

static void test_quarantine_is_bounded_work(void **state)
{
    struct gnttab_quarantine q = {0};
    struct page *page[POOL];
    (void)state;
    page_pool_init(&pool, pages, memory, POOL);
    for (unsigned i = 0; i < POOL; i++)
        gnttab_quarantine_add(&q, page[i] = granted_page(true));
    uint64_t tries = gt.stats.in_use;
    gnttab_quarantine_poll(&q, &gt, 3);
    assert_int_equal(gt.stats.in_use - tries, 3);
    gnttab_quarantine_poll(&q, &gt, 100);
    assert_int_equal(gt.stats.in_use - tries, 3 + POOL);
    for (unsigned i = 0; i < POOL; i++)
        sim_grant_unmap(page[i]->gref, true);
    sim_fault_clear();
    gnttab_quarantine_poll(&q, &gt, POOL);
}

/* ---- using others' grants -------------------------------------------------------------------- */

static void test_copy_between_domains(void **state)
{
    uint8_t *theirs;
    (void)state;
    int gref = sim_dom0_grant(false, &theirs);
    assert_true(gref > 0);
    struct gnttab_copy_end remote = {
        .is_gref = true, .domid = 0, .gref = (uint32_t)gref, .off = 96};
    struct gnttab_copy_end local = {.gfn = virt_to_gfn(page_a), .off = 4000};
    memset(page_a, 0xa5, sizeof(page_a));
    assert_int_equal(gnttab_copy(&gt, &local, &remote, 96), 0);
    assert_int_equal(theirs[95], 0);
    assert_int_equal(theirs[96], 0xa5);
    assert_int_equal(theirs[191], 0xa5);
    assert_int_equal(theirs[192], 0);
    memcpy(theirs, "hello", 5);
    remote.off = 0;
    assert_int_equal(gnttab_copy(&gt, &remote, &local, 5), 0);
    assert_memory_equal(page_a + 4000, "hello", 5);

    assert_int_equal(gnttab_copy(&gt, &remote, &local, 97), -E_INVAL); /* across the page's end */
    remote.gref = 99;
    assert_int_equal(gnttab_copy(&gt, &remote, &local, 5), -E_NOENT);
    sim_dom0_grant_end((uint32_t)gref);
}

static void test_map_and_unmap(void **state)
{
    uint8_t *theirs;
    uint32_t handle;
    (void)state;
    int gref = sim_dom0_grant(true, &theirs);
    memcpy(theirs, "theirs", 7);
    assert_int_equal(gnttab_map(&gt, 0, (gref_t)gref, place, false, &handle), -E_PERM);
    assert_int_equal(gnttab_map(&gt, 0, (gref_t)gref, place, true, &handle), 0);
    assert_string_equal((char *)place, "theirs");
    assert_int_equal(gnttab_unmap(&gt, place, handle), 0);
    assert_int_equal(gnttab_unmap(&gt, place, handle), -E_INVAL);
    expect_assert_failure(gnttab_map(&gt, 0, (gref_t)gref, place + 8, true, &handle));
    sim_dom0_grant_end((uint32_t)gref);
}

static void test_gntst_codes(void **state)
{
    (void)state;
    assert_int_equal(gnttab_err(GNTST_okay), 0);
    assert_int_equal(gnttab_err(GNTST_general_error), -E_IO);
    assert_int_equal(gnttab_err(GNTST_bad_gntref), -E_NOENT);
    assert_int_equal(gnttab_err(GNTST_permission_denied), -E_PERM);
    assert_int_equal(gnttab_err(GNTST_eagain), -E_AGAIN);
    assert_int_equal(gnttab_err(GNTST_no_space), -E_NOSPC);
    for (int i = INT16_MIN; i <= INT16_MAX; i++) {
        int err = gnttab_err((int16_t)i);
        assert_true(i == 0 ? err == 0 : err < 0);
    }
}

/* ---- versions and sizes ---------------------------------------------------------------------- */

static void test_version_is_asked_for_and_falls_back(void **state)
{
    struct sim_conf old = {.seed = 1, .no_gnttab_v2 = true};
    struct gnttab_conf conf = {.free_list = free_list, .entries_max = ENTRIES};
    (void)state;
    simguest_init(&old);
    conf.version = 2;
    assert_int_equal(gnttab_init(&gt, &conf), -E_NOSYS);
    conf.version = 0;
    assert_int_equal(gnttab_init(&gt, &conf), 0);
    assert_int_equal(gt.version, 1);
    gnttab_fini(&gt);
    conf.version = 3;
    assert_int_equal(gnttab_init(&gt, &conf), -E_INVAL);
    conf = (struct gnttab_conf){.free_list = NULL, .entries_max = ENTRIES};
    assert_int_equal(gnttab_init(&gt, &conf), -E_INVAL);
    conf = (struct gnttab_conf){.free_list = free_list, .entries_max = GNTTAB_RESERVED};
    assert_int_equal(gnttab_init(&gt, &conf), -E_INVAL);
    simguest_fini();
}

static void test_frame_number_of_64_bits_needs_version_2(void **state)
{
    gref_t gref = 0;
    (void)state;
    int err = gnttab_grant(&gt, 0, UINT64_C(1) << 32, true, &gref);
    assert_int_equal(err, gt.version == 1 ? -E_INVAL : 0);
    assert_int_equal(gt.stats.free_count, ENTRIES - GNTTAB_RESERVED - (gt.version == 2));
}

static void test_hypervisor_with_fewer_frames_than_we_have_room_for(void **state)
{
    struct sim_conf small = {.seed = 1, .gnttab_frames = 2};
    gref_t gref;
    uint32_t n = 0;
    (void)state;
    begin(&small, 1);
    assert_int_equal(gt.stats.free_count, 1024 - GNTTAB_RESERVED);
    while (gnttab_grant(&gt, 0, 1, true, &gref) == 0)
        n++;
    assert_int_equal(n, 1024 - GNTTAB_RESERVED);
    assert_int_equal(gt.stats.free_count, 0);
    teardown(state);
}

#define ON(version, test)                                                                          \
    {                                                                                              \
#test " on " #version, test, setup_##version, teardown, NULL                               \
    }
#define BOTH(test) ON(v1, test), ON(v2, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_granted_page_is_used_as_allowed),
        BOTH(test_grefs_are_unique_and_never_reserved),
        BOTH(test_end_while_mapped_is_busy_and_keeps_the_gref),
        BOTH(test_ending_what_is_not_granted_asserts),
        BOTH(test_frames_come_on_demand),
        BOTH(test_fini_ends_what_it_can),
        BOTH(test_quarantined_page_is_released_when_its_grant_ended),
        BOTH(test_quarantine_of_a_page_that_others_hold),
        BOTH(test_quarantine_is_bounded_work),
        BOTH(test_copy_between_domains),
        BOTH(test_map_and_unmap),
        BOTH(test_frame_number_of_64_bits_needs_version_2),
        cmocka_unit_test(test_gntst_codes),
        cmocka_unit_test(test_version_is_asked_for_and_falls_back),
        cmocka_unit_test(test_hypervisor_with_fewer_frames_than_we_have_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
