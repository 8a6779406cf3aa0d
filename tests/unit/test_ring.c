/* SPDX-License-Identifier: ISC */
/* test_ring.c - the frontend's half of a shared ring, against the backend's half of Xen's own
 * macros (io/ring.h). */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "xen/hypercall.h"
#include "xen/ring.h"

#include <xen/io/netif.h>

/* Xen's macros mix signs. */
#pragma GCC diagnostic ignored "-Wsign-conversion"

static _Alignas(4096) uint8_t page[4096];
static struct ring ring;
static struct netif_tx_back_ring back;

#define TX_SLOT sizeof(union netif_tx_sring_entry)

STATIC_ASSERT(offsetof(struct netif_tx_sring, req_prod) == offsetof(struct ring_shared, req_prod),
              "");
STATIC_ASSERT(offsetof(struct netif_tx_sring, req_event) == offsetof(struct ring_shared, req_event),
              "");
STATIC_ASSERT(offsetof(struct netif_tx_sring, rsp_prod) == offsetof(struct ring_shared, rsp_prod),
              "");
STATIC_ASSERT(offsetof(struct netif_tx_sring, rsp_event) == offsetof(struct ring_shared, rsp_event),
              "");
STATIC_ASSERT(offsetof(struct netif_tx_sring, ring) == RING_SLOTS_AT, "");

/* Every index begins near the wrap of 2^32: an index that is wider, or compared otherwise than by
 * difference, fails. */
#define START UINT32_C(0xfffffff0)

static int setup(void **state)
{
    (void)state;
    memset(page, 0xee, sizeof(page));
    ring_init(&ring, page, sizeof(page), TX_SLOT, START);
    BACK_RING_ATTACH(&back, (struct netif_tx_sring *)page, START, sizeof(page));
    return 0;
}

static void put(uint16_t id)
{
    struct netif_tx_request request = {.id = id, .gref = id + 8u};
    memcpy(ring_request(&ring, 0), &request, sizeof(request));
    ring_commit(&ring, 1);
}

/* Takes the next response; its id. */
static uint16_t take(void)
{
    struct netif_tx_response response;
    memcpy(&response, ring_next(&ring), sizeof(response));
    return response.id;
}

static void take_many(unsigned n)
{
    while (n-- != 0)
        take();
}

/* The backend answers `n` requests; true: it would send an event. */
static int answer(unsigned n)
{
    int notify;
    while (n-- != 0) {
        struct netif_tx_request request;
        RING_COPY_REQUEST(&back, back.req_cons, &request);
        back.req_cons++;
        struct netif_tx_response *response = RING_GET_RESPONSE(&back, back.rsp_prod_pvt);
        response->id = request.id;
        response->status = 0;
        back.rsp_prod_pvt++;
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
    return notify;
}

static void test_ring_has_as_many_slots_as_xens_macro_says(void **state)
{
    (void)state;
    assert_int_equal(ring.slots, __CONST_RING_SIZE(netif_tx, 4096));
    assert_int_equal(ring_slots(4096, sizeof(union netif_rx_sring_entry)),
                     __CONST_RING_SIZE(netif_rx, 4096));
    assert_int_equal(ring_slots(4096, 112), 32); /* blkif */
}

/* req_event and rsp_event start at one more than the indices: the first request and the first
 * response are announced. */
static void test_events_start_at_one_and_the_page_is_clean(void **state)
{
    struct netif_tx_sring *shared = (struct netif_tx_sring *)page;
    (void)state;
    assert_int_equal(shared->req_prod, START);
    assert_int_equal(shared->rsp_prod, START);
    assert_int_equal(shared->req_event, START + 1);
    assert_int_equal(shared->rsp_event, START + 1);
    for (size_t i = 16; i < sizeof(page); i++)
        assert_int_equal(page[i], 0);
}

static void test_responses_come_back_in_order_across_the_wrap(void **state)
{
    uint16_t id = 0, next = 0;
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        unsigned n = 1 + round % 9;
        for (unsigned i = 0; i < n; i++)
            put(id++);
        ring_push(&ring);
        assert_int_equal(RING_HAS_UNCONSUMED_REQUESTS(&back), n);
        answer(n);
        assert_int_equal(ring_responses(&ring), n);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(take(), next++);
        assert_int_equal(ring_responses(&ring), 0);
        assert_int_equal(ring_in_flight(&ring), 0);
    }
}

static void test_full_ring_has_no_room_and_asserts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        put((uint16_t)i);
    assert_int_equal(ring_in_flight(&ring), 256);
    expect_assert_failure(ring_request(&ring, 0));
    expect_assert_failure(ring_commit(&ring, 1));
    ring_push(&ring);
    answer(256);
    assert_int_equal(ring_responses(&ring), 256);
    take_many(255);
    assert_int_equal(ring_in_flight(&ring), 1);
    assert_ptr_equal(ring_request(&ring, 254), ring_slot(&ring, START + 256 + 254));
    expect_assert_failure(ring_request(&ring, 255)); /* of a chain, the slot that is not free */
    expect_assert_failure(ring_commit(&ring, 256));
    take_many(1);
    assert_int_equal(ring_in_flight(&ring), 0);
}

/* A chain is written slot by slot, and the backend sees nothing of it before all of it is put. */
static void test_chain_is_put_all_together(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 18; i++) {
        memcpy(ring_request(&ring, i), &(struct netif_tx_request){.id = (uint16_t)i},
               sizeof(struct netif_tx_request));
        ring_push(&ring);
        assert_int_equal(RING_HAS_UNCONSUMED_REQUESTS(&back), 0);
    }
    ring_commit(&ring, 18);
    ring_push(&ring);
    assert_int_equal(RING_HAS_UNCONSUMED_REQUESTS(&back), 18);
    answer(18);
    assert_int_equal(ring_responses(&ring), 18);
    for (uint16_t i = 0; i < 18; i++)
        assert_int_equal(take(), i);
}

/* One event for as many requests as were put since the backend asked for one. */
static void test_push_wants_an_event_only_where_the_backend_asked(void **state)
{
    struct netif_tx_sring *shared = (struct netif_tx_sring *)page;
    int work;
    (void)state;
    put(0);
    assert_true(ring_push(&ring)); /* req_event is START + 1 */
    put(1);
    assert_false(ring_push(&ring)); /* the backend is working, and did not ask */
    back.req_cons += 2;
    RING_FINAL_CHECK_FOR_REQUESTS(&back, work);
    assert_false(work);
    put(2);
    put(3);
    assert_true(ring_push(&ring)); /* it asked for the next, and got two */
    shared->req_event = shared->req_prod + 3;
    put(4);
    assert_false(ring_push(&ring));
    put(5);
    assert_false(ring_push(&ring));
    put(6);
    assert_true(ring_push(&ring));
    assert_false(ring_push(&ring)); /* nothing new */
}

/* The same before, at and behind the wrap of 2^32. */
static void test_events_are_asked_for_across_the_wrap(void **state)
{
    unsigned work;
    (void)state;
    for (uint16_t i = 0; i < 40; i++) {
        RING_FINAL_CHECK_FOR_REQUESTS(&back, work);
        assert_false(work);
        put(i);
        assert_true(ring_push(&ring)); /* asked for */
        put(i);
        put(i);
        assert_false(ring_push(&ring)); /* not asked for */
        assert_int_equal(ring_final_check(&ring, 2), 0);
        assert_int_equal(answer(1), 0);
        assert_int_equal(answer(1), 1); /* the second, as asked for */
        assert_int_equal(answer(1), 0);
        assert_int_equal(ring_final_check(&ring, 1), 3);
        take_many(3);
    }
}

static void test_final_check_asks_then_looks_again(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 8; i++)
        put(i);
    ring_push(&ring);
    assert_int_equal(ring_final_check(&ring, 1), 0);
    assert_int_equal(answer(1), 1);                  /* asked for the next: it is announced */
    assert_int_equal(ring_final_check(&ring, 1), 1); /* there is one: no sleep */
    take_many(1);
    assert_int_equal(ring_final_check(&ring, 4), 0);
    assert_int_equal(answer(3), 0);
    assert_int_equal(answer(1), 1); /* the fourth */
}

/* The number of responses is never more than that of requests shown: what a backend says beyond is
 * refused (XSA-155, CVE-2022-23042), and what was refused is kept: nobody reads it again to log it.
 */
static void test_responses_without_requests_are_refused(void **state)
{
    struct netif_tx_sring *shared = (struct netif_tx_sring *)page;
    (void)state;
    put(0);
    put(1);
    ring_push(&ring);
    put(2); /* not shown */
    shared->rsp_prod = START + 2;
    assert_int_equal(ring_responses(&ring), 2);
    static const uint32_t lies[] = {3, 256, 257, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        shared->rsp_prod = START + lies[i];
        assert_int_equal(ring_responses(&ring), -E_PROTO);
        shared->rsp_prod = START;
        assert_int_equal(ring.rsp_refused, START + lies[i]);
        shared->rsp_prod = START + lies[i];
        assert_int_equal(ring_final_check(&ring, 1), -E_PROTO);
    }
}

/* Indices that the backend scribbles over are not the ones we go by. */
static void test_our_indices_are_private(void **state)
{
    struct netif_tx_sring *shared = (struct netif_tx_sring *)page;
    (void)state;
    put(1);
    ring_push(&ring);
    shared->req_prod = 12345;
    assert_int_equal(ring_in_flight(&ring), 1);
    put(2);
    ring_push(&ring);
    assert_int_equal(shared->req_prod, START + 2);
    assert_int_equal(((struct netif_tx_request *)ring_slot(&ring, START + 1))->id, 2);
}

/* The next response is where the backend put it, of those that were asked for and no others. */
static void test_next_takes_what_is_there_and_asserts(void **state)
{
    (void)state;
    put(7);
    put(8);
    expect_assert_failure(ring_next(&ring)); /* not shown: there can be no response */
    ring_push(&ring);
    answer(2);
    assert_int_equal(ring_responses(&ring), 2);
    assert_ptr_equal(ring_next(&ring), ring_slot(&ring, START));
    assert_int_equal(ring_responses(&ring), 1);
    assert_int_equal(take(), 8);
    expect_assert_failure(ring_next(&ring));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ring_has_as_many_slots_as_xens_macro_says, setup),
        cmocka_unit_test_setup(test_events_start_at_one_and_the_page_is_clean, setup),
        cmocka_unit_test_setup(test_responses_come_back_in_order_across_the_wrap, setup),
        cmocka_unit_test_setup(test_full_ring_has_no_room_and_asserts, setup),
        cmocka_unit_test_setup(test_chain_is_put_all_together, setup),
        cmocka_unit_test_setup(test_push_wants_an_event_only_where_the_backend_asked, setup),
        cmocka_unit_test_setup(test_events_are_asked_for_across_the_wrap, setup),
        cmocka_unit_test_setup(test_final_check_asks_then_looks_again, setup),
        cmocka_unit_test_setup(test_responses_without_requests_are_refused, setup),
        cmocka_unit_test_setup(test_our_indices_are_private, setup),
        cmocka_unit_test_setup(test_next_takes_what_is_there_and_asserts, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
