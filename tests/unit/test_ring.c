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
    ring_put(&ring, &request, sizeof(request));
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
        for (unsigned i = 0; i < n; i++) {
            struct netif_tx_response response;
            ring_get(&ring, &response, sizeof(response));
            assert_int_equal(response.id, next++);
        }
        assert_int_equal(ring_responses(&ring), 0);
        assert_int_equal(ring_free(&ring), 256);
    }
}

static void test_full_ring_has_no_room_and_asserts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        put((uint16_t)i);
    assert_int_equal(ring_free(&ring), 0);
    assert_int_equal(ring_in_flight(&ring), 256);
    expect_assert_failure(put(0));
    ring_push(&ring);
    answer(256);
    assert_int_equal(ring_responses(&ring), 256);
    ring_consume(&ring, 256);
    assert_int_equal(ring_free(&ring), 256);
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
        ring_consume(&ring, 3);
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
    ring_consume(&ring, 1);
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
    assert_int_equal(ring_free(&ring), 255);
    put(2);
    ring_push(&ring);
    assert_int_equal(shared->req_prod, START + 2);
    assert_int_equal(((struct netif_tx_request *)ring_slot(&ring, START + 1))->id, 2);
}

/* A slot is copied once: what the backend writes afterwards does not change the copy (XSA-155). */
static void test_copy_is_private_and_peek_takes_nothing(void **state)
{
    struct netif_tx_response response = {.id = 0};
    (void)state;
    put(7);
    put(8);
    ring_push(&ring);
    answer(2);
    ring_peek(&ring, 1, &response, sizeof(response));
    assert_int_equal(response.id, 8);
    memset(ring_slot(&ring, START + 1), 0xff, TX_SLOT);
    assert_int_equal(response.id, 8);
    ring_get(&ring, &response, sizeof(response));
    assert_int_equal(response.id, 7);
    assert_int_equal(ring_responses(&ring), 1);
    ring_consume(&ring, 1);
    expect_assert_failure(ring_consume(&ring, 1));
}

/* No byte of an earlier use of the slot goes to the backend (XSA-216). */
static void test_rest_of_a_slot_is_zeroed(void **state)
{
    (void)state;
    memset(page + RING_SLOTS_AT, 0xee, sizeof(page) - RING_SLOTS_AT);
    uint8_t small[4] = {1, 2, 3, 4};
    ring_put(&ring, small, sizeof(small));
    uint8_t *slot = ring_slot(&ring, START);
    assert_memory_equal(slot, small, 4);
    for (size_t i = 4; i < TX_SLOT; i++)
        assert_int_equal(slot[i], 0);
    assert_int_equal(slot[TX_SLOT], 0xee);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ring_has_as_many_slots_as_xens_macro_says, setup),
        cmocka_unit_test_setup(test_events_start_at_one_and_the_page_is_clean, setup),
        cmocka_unit_test_setup(test_responses_come_back_in_order_across_the_wrap, setup),
        cmocka_unit_test_setup(test_full_ring_has_no_room_and_asserts, setup),
        cmocka_unit_test_setup(test_push_wants_an_event_only_where_the_backend_asked, setup),
        cmocka_unit_test_setup(test_events_are_asked_for_across_the_wrap, setup),
        cmocka_unit_test_setup(test_final_check_asks_then_looks_again, setup),
        cmocka_unit_test_setup(test_responses_without_requests_are_refused, setup),
        cmocka_unit_test_setup(test_our_indices_are_private, setup),
        cmocka_unit_test_setup(test_copy_is_private_and_peek_takes_nothing, setup),
        cmocka_unit_test_setup(test_rest_of_a_slot_is_zeroed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
