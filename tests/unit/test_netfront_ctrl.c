/* SPDX-License-Identifier: ISC */
/* test_netfront_ctrl.c - the control ring against a backend that is worked by hand: what is asked,
 * in which order; refusals, silence, and lies. */
#include "tests/netfront/ctrl.h"

#define KEY_PAGE_ZEROS (4096 - NETFRONT_HASH_KEY_BYTES)

static uint32_t grants_open;

static void count_grant(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    (void)arg, (void)gref, (void)page, (void)mapped;
    grants_open += read_only;
}

/* Pages that the backend may read, and no more: of the control ring's, as nothing is sent here. */
static uint32_t data_pages(void)
{
    grants_open = 0;
    sim_grants(count_grant, NULL);
    return grants_open;
}

/* ---- the ring -------------------------------------------------------------------------------- */

static void test_there_is_no_ring_without_the_feature_or_a_second_queue(void **state)
{
    (void)state;
    start(&(struct peer_conf){.seed = 1});
    sim_xs_write(PEER_FRONT "/ctrl-ring-ref", "8"); /* of whoever had the device before */
    sim_xs_write(PEER_FRONT "/event-channel-ctrl", "5");
    for (unsigned i = 0; i < 2; i++) {
        queues = i == 0 ? 2 : 1;
        create(i == 1);
        assert_null(peer.nf->ctrl.ring_page);
        assert_int_equal(front_key("ctrl-ring-ref"), UINT32_MAX);
        assert_int_equal(front_key("event-channel-ctrl"), UINT32_MAX);
        netfront_ctrl_start(peer.nf);
        poll();
        assert_false(netfront_ctrl_arm(peer.nf));
        assert_false(netfront_ctrl_ready(peer.nf));
        assert_int_equal(netfront_steer(peer.dev, (const uint8_t *)"", 1), -E_NOSYS);
    }
    /* What we send is spread all the same. */
    assert_int_equal(peer.nf->hash.map_size, 128);
    peer_stop(0);
}

static void test_without_a_page_there_is_no_ring_and_no_harm(void **state)
{
    static struct page *held[PEER_PAGES];
    unsigned n = 0;

    (void)state;
    queues = 2;
    start(&(struct peer_conf){.seed = 1});
    while ((held[n] = page_get(&peer.pages)) != NULL)
        n++;
    create(true);
    assert_null(peer.nf->ctrl.ring_page);
    assert_int_equal(logged("control ring"), 1);
    while (n > 0)
        page_put(held[--n]);
    peer_stop(0);
}

/* ---- the configuration ----------------------------------------------------------------------- */

static void test_configuration_in_order(void **state)
{
    struct xen_netif_ctrl_request req;
    uint32_t table[128];
    const uint8_t *page;

    (void)state;
    begin();
    req = serve(CTRL_SET_HASH_ALGORITHM, 0);
    assert_int_equal(req.data[0], XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ);
    serve(CTRL_GET_HASH_FLAGS, 0xffffffff);

    req = take();
    assert_int_equal(req.type, CTRL_SET_HASH_KEY);
    assert_int_equal(req.data[1], 40);
    page = page_of(req.data[0]);
    assert_memory_equal(page, peer.nf->hash.key, 40);
    assert_true(cs_is_zero(cs_ro_of(page + 40, KEY_PAGE_ZEROS))); /* nothing leaks along with it */
    assert_false(cs_is_zero(cs_ro_of(page, 40)));
    answer(&req, CTRL_SUCCESS, 0);
    assert_int_equal(data_pages(), 0);

    serve(CTRL_GET_HASH_MAPPING_SIZE, 100);
    req = serve(CTRL_SET_HASH_MAPPING_SIZE, 0);
    assert_int_equal(req.data[0], 100); /* as many as it has, though we could use 128 */

    req = take();
    assert_int_equal(req.type, CTRL_SET_HASH_MAPPING);
    assert_int_equal(req.data[1], 100);
    assert_int_equal(req.data[2], 0);
    memcpy(table, page_of(req.data[0]), sizeof(table));
    for (unsigned i = 0; i < 128; i++)
        assert_int_equal(table[i], i < 100 ? i % 2 : 0);
    answer(&req, CTRL_SUCCESS, 0);
    assert_int_equal(data_pages(), 0);
    assert_false(netfront_ctrl_ready(peer.nf));

    /* Only what it can do, and we know: IPv6 is not. */
    req = serve(CTRL_SET_HASH_FLAGS, 0);
    assert_int_equal(req.data[0],
                     XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP);
    assert_true(netfront_ctrl_ready(peer.nf));
    assert_idle();
    assert_int_equal(peer.nf->hash.map_size, 100); /* both look up alike */
    end();
}

static void test_a_backend_without_tables_steers_by_remainder(void **state)
{
    (void)state;
    begin();
    serve(CTRL_SET_HASH_ALGORITHM, 0);
    serve(CTRL_GET_HASH_FLAGS, XEN_NETIF_CTRL_HASH_TYPE_IPV4);
    serve(CTRL_SET_HASH_KEY, 0);
    serve(CTRL_GET_HASH_MAPPING_SIZE, 0);
    assert_int_equal(serve(CTRL_SET_HASH_FLAGS, 0).data[0], XEN_NETIF_CTRL_HASH_TYPE_IPV4);
    assert_true(netfront_ctrl_ready(peer.nf));
    assert_int_equal(peer.nf->hash.map_size, 0);
    assert_int_equal(netfront_steer(peer.dev, (const uint8_t *)"", 1), -E_NOSYS);
    end();
}

static void test_the_key_is_the_devices_own_and_stays(void **state)
{
    uint8_t key[40];

    (void)state;
    begin();
    memcpy(key, peer.nf->hash.key, sizeof(key));
    let_go();
    create(true);
    assert_memory_equal(peer.nf->hash.key, key, sizeof(key));
    connect();
    assert_int_equal(take().id, 0);
    end();
    start(&(struct peer_conf){.seed = 2}); /* other entropy */
    create(true);
    assert_memory_not_equal(peer.nf->hash.key, key, sizeof(key));
    connect();
    end();
}

/* The backend answers some time; nobody waits for it, and the loop sleeps meanwhile. */
static void test_arm_sees_the_answer(void **state)
{
    struct xen_netif_ctrl_request req;

    (void)state;
    begin();
    req = take();
    assert_false(netfront_ctrl_arm(peer.nf));
    assert_int_equal(back.ring->rsp_event, back.prod + 1);
    answer_raw(req.id, req.type, CTRL_SUCCESS, 0);
    assert_true(netfront_ctrl_arm(peer.nf));
    poll();
    assert_int_equal(take().type, CTRL_GET_HASH_FLAGS);
    end();
}

/* ---- what may come --------------------------------------------------------------------------- */

static bool hash_info(uint8_t htype, uint8_t alg)
{
    const uint8_t info[8] = {XEN_NETIF_EXTRA_TYPE_HASH, 0, htype, alg, 0x44, 0x33, 0x22, 0x11};
    struct cs_ro extra = cs_ro_of(info, sizeof(info));

    assert_int_equal(netfront_hash_info_ro_get_value(extra), 0x11223344);
    return netfront_ctrl_hash_info(peer.nf, extra);
}

static void test_hash_info_may_come_when_it_was_asked_for(void **state)
{
    (void)state;
    begin();
    serve(CTRL_SET_HASH_ALGORITHM, 0);
    serve(CTRL_GET_HASH_FLAGS, 0xf);
    serve(CTRL_SET_HASH_KEY, 0);
    serve(CTRL_GET_HASH_MAPPING_SIZE, 128);
    serve(CTRL_SET_HASH_MAPPING_SIZE, 0);
    assert_false(hash_info(_XEN_NETIF_CTRL_HASH_TYPE_IPV4, 1));
    serve(CTRL_SET_HASH_MAPPING, 0);
    /* Asked for; the answer may come after the first frame. */
    assert_true(hash_info(_XEN_NETIF_CTRL_HASH_TYPE_IPV4, 1));
    assert_true(hash_info(_XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP, 1));
    /* Types nobody asked for, no types, other algorithms. */
    assert_false(hash_info(_XEN_NETIF_CTRL_HASH_TYPE_IPV6, 1));
    assert_false(hash_info(33, 1));
    assert_false(hash_info(255, 1));
    assert_false(hash_info(_XEN_NETIF_CTRL_HASH_TYPE_IPV4, 0));
    assert_false(hash_info(_XEN_NETIF_CTRL_HASH_TYPE_IPV4, 2));
    end();
}

/* Linux's netback gives its own hash along with frames though nobody asked (xen-netback's rx.c:
 * wherever a packet has a software hash): that is no lie, whatever it says. */
static void test_a_hash_that_nobody_asked_for_is_passed_over(void **state)
{
    uint8_t frame[100];

    (void)state;
    start(&(struct peer_conf){.seed = 1});
    peer_pattern(frame, sizeof(frame), 9);
    for (unsigned i = 0; i < 256; i++) {
        struct netif_extra_info info = {.type = XEN_NETIF_EXTRA_TYPE_HASH};
        struct peer_rx_req req, unused;
        struct pkt *pkt;
        int16_t status;

        memset(&info.u, (int)i, sizeof(info.u));
        assert_true(peer_rx_take(&req));
        assert_true(peer_rx_take(&unused));
        memcpy(sim_grant_use(req.gref, 0, 4096, true, &status), frame, sizeof(frame));
        peer_rx_answer(req.id, 0, RXF_EXTRA_INFO, sizeof(frame));
        peer_rx_extra(&info);
        peer_rx_push();
        assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
        assert_int_equal(pkt->len, sizeof(frame));
        pkt_put(pkt);
        netdev_arm(peer.dev);
    }
    assert_int_equal(peer.dev->stats.violations, 0);
    assert_int_equal(peer.dev->stats.rx_hashed, 0);
    peer_stop(0);
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* Up to the request number `n`, which is taken and not answered. */
static struct xen_netif_ctrl_request serve_until(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        serve(order[i], 0xf);
    return take();
}

static void test_what_is_refused_is_undone(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ARRAY_SIZE(order); n++) {
        for (uint32_t status = CTRL_NOT_SUPPORTED; status <= CTRL_BUFFER_OVERFLOW; status++) {
            struct xen_netif_ctrl_request req;

            begin();
            req = serve_until(n);
            answer(&req, status, 0xf);
            assert_int_equal(data_pages(), 0);
            assert_int_equal(logged("the backend does not hash"), 1);
            if (n != 0) {
                req = take();
                assert_int_equal(req.type, CTRL_SET_HASH_ALGORITHM);
                assert_int_equal(req.data[0], XEN_NETIF_CTRL_HASH_ALGORITHM_NONE);
                answer(&req, status, 0); /* whatever it says */
            }
            assert_idle();
            assert_false(netfront_ctrl_ready(peer.nf));
            assert_true(peer.dev->link_up);
            assert_int_equal(peer.nf->ctrl.refused, 1);
            assert_int_equal(netfront_steer(peer.dev, (const uint8_t *)"", 1), -E_NOSYS);
            end();
        }
    }
}

static void test_a_backend_that_hashes_nothing_of_ours_is_left_alone(void **state)
{
    (void)state;
    begin();
    serve(CTRL_SET_HASH_ALGORITHM, 0);
    serve(CTRL_GET_HASH_FLAGS, XEN_NETIF_CTRL_HASH_TYPE_IPV6);
    assert_int_equal(serve(CTRL_SET_HASH_ALGORITHM, 0).data[0], 0);
    assert_idle();
    end();
}

/* ---- silence --------------------------------------------------------------------------------- */

/* The page that a request names is the backend's until the answer, however late. */
static void test_silence_is_given_up_and_a_late_answer_taken(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ARRAY_SIZE(order); n++) {
        struct xen_netif_ctrl_request req;
        uint32_t pages;

        begin();
        req = serve_until(n);
        pages = data_pages();
        assert_int_equal(pages, order[n] == CTRL_SET_HASH_KEY || order[n] == CTRL_SET_HASH_MAPPING);
        vplat_advance(NETFRONT_CTRL_TIMEOUT_NS - 1);
        poll();
        assert_int_equal(peer.nf->ctrl.timeouts, 0);
        vplat_advance(1);
        poll();
        poll();
        assert_int_equal(peer.nf->ctrl.timeouts, 1);
        assert_int_equal(logged("does not answer on the control ring"), 1);
        assert_int_equal(data_pages(), pages);
        assert_true(peer.dev->link_up);
        answer(&req, CTRL_SUCCESS, 0xf);
        assert_int_equal(data_pages(), 0);
        assert_idle();
        assert_false(netfront_ctrl_ready(peer.nf));
        end();
    }
}

static void test_silence_until_the_end_costs_nothing(void **state)
{
    (void)state;
    begin();
    serve_until(2); /* its page is out */
    end();
}

static void test_without_a_page_the_request_waits_for_one(void **state)
{
    static struct page *held[PEER_PAGES];
    struct xen_netif_ctrl_request req;
    unsigned n = 0;

    (void)state;
    begin();
    req = serve_until(1);
    while ((held[n] = page_get(&peer.pages)) != NULL)
        n++;
    answer(&req, CTRL_SUCCESS, 0xf);
    assert_idle();
    vplat_advance(60 * NS_PER_S); /* nobody is late but we */
    assert_idle();
    while (n > 0)
        page_put(held[--n]);
    poll();
    assert_int_equal(take().type, CTRL_SET_HASH_KEY);
    end();
}

/* ---- lies ------------------------------------------------------------------------------------ */

static void assert_closed(const char *says)
{
    assert_false(peer.dev->link_up);
    assert_int_equal(peer.dev->stats.violations, 1);
    assert_int_equal(logged("backend broke the protocol"), 1);
    if (logged(says) != 1)
        fail_msg("not logged: %s in: %s", says, vplat_console());
}

static void test_more_answers_than_requests_are_a_lie(void **state)
{
    static const uint32_t ahead[] = {2, 3, 127, 128, 129, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(ahead); i++) {
        begin();
        take();
        back.ring->rsp_prod = back.prod + ahead[i];
        assert_true(netfront_ctrl_arm(peer.nf));
        poll();
        assert_closed("more control responses than requests");
        end();
    }
}

/* Where nothing was asked nothing is looked at. */
static void test_answers_to_nothing_are_not_looked_at(void **state)
{
    (void)state;
    begin();
    serve_until(0);
    answer_raw(0, CTRL_SET_HASH_ALGORITHM, CTRL_NOT_SUPPORTED, 0);
    poll();
    back.ring->rsp_prod += 77;
    assert_idle();
    assert_true(peer.dev->link_up);
    end();
}

static void test_an_answer_to_another_request_is_a_lie(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct xen_netif_ctrl_request req;

        begin();
        req = serve_until(3);
        answer_raw((uint16_t)(i == 0   ? req.id + 1
                              : i == 1 ? req.id - 1
                                       : req.id),
                   (uint16_t)(i < 2    ? req.type
                              : i == 2 ? req.type + 1
                                       : 0),
                   CTRL_SUCCESS, 0);
        poll();
        assert_closed("id or type is not that of the request");
        end();
    }
}

static void test_a_status_that_is_none_is_a_lie(void **state)
{
    static const uint32_t bad[] = {4, 5, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct xen_netif_ctrl_request req;

        begin();
        req = serve_until(1);
        answer(&req, bad[i], 0xf);
        assert_closed("control response's status is none");
        end();
    }
}

/* Any numbers in good answers: nothing breaks, what is asked stays within bounds. */
static void test_any_sizes_and_types_are_bounded(void **state)
{
    static const uint32_t sizes[] = {1, 2, 127, 128, 129, 65536, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint32_t size = sizes[i] < 128 ? sizes[i] : 128;

        begin();
        serve(CTRL_SET_HASH_ALGORITHM, 0xffffffff);
        serve(CTRL_GET_HASH_FLAGS, 0xffffffff);
        serve(CTRL_SET_HASH_KEY, 0xffffffff);
        serve(CTRL_GET_HASH_MAPPING_SIZE, sizes[i]);
        assert_int_equal(serve(CTRL_SET_HASH_MAPPING_SIZE, 7).data[0], size);
        assert_int_equal(serve(CTRL_SET_HASH_MAPPING, 7).data[1], size);
        serve(CTRL_SET_HASH_FLAGS, 7);
        assert_true(netfront_ctrl_ready(peer.nf));
        end();
    }
}

/* A page it does not let go is quarantined, and comes back when it does. */
static void test_a_page_that_stays_mapped_is_a_lie(void **state)
{
    struct xen_netif_ctrl_request req;
    int16_t status;

    (void)state;
    begin();
    req = serve_until(2);
    assert_non_null(sim_grant_map(req.data[0], false, &status));
    answer(&req, CTRL_SUCCESS, 0);
    assert_closed("a page of the control ring's is still mapped");
    assert_int_equal(peer.quarantine.count, 1);
    sim_grant_unmap(req.data[0], false);
    end(); /* every page is back */
}

static void test_a_ring_that_stays_mapped_is_quarantined(void **state)
{
    (void)state;
    begin();
    netfront_ctrl_destroy(peer.nf);
    assert_int_equal(peer.quarantine.count, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_no_ring_without_the_feature_or_a_second_queue),
        cmocka_unit_test(test_without_a_page_there_is_no_ring_and_no_harm),
        cmocka_unit_test(test_configuration_in_order),
        cmocka_unit_test(test_a_backend_without_tables_steers_by_remainder),
        cmocka_unit_test(test_the_key_is_the_devices_own_and_stays),
        cmocka_unit_test(test_arm_sees_the_answer),
        cmocka_unit_test(test_hash_info_may_come_when_it_was_asked_for),
        cmocka_unit_test(test_a_hash_that_nobody_asked_for_is_passed_over),
        cmocka_unit_test(test_what_is_refused_is_undone),
        cmocka_unit_test(test_a_backend_that_hashes_nothing_of_ours_is_left_alone),
        cmocka_unit_test(test_silence_is_given_up_and_a_late_answer_taken),
        cmocka_unit_test(test_silence_until_the_end_costs_nothing),
        cmocka_unit_test(test_without_a_page_the_request_waits_for_one),
        cmocka_unit_test(test_more_answers_than_requests_are_a_lie),
        cmocka_unit_test(test_answers_to_nothing_are_not_looked_at),
        cmocka_unit_test(test_an_answer_to_another_request_is_a_lie),
        cmocka_unit_test(test_a_status_that_is_none_is_a_lie),
        cmocka_unit_test(test_any_sizes_and_types_are_bounded),
        cmocka_unit_test(test_a_page_that_stays_mapped_is_a_lie),
        cmocka_unit_test(test_a_ring_that_stays_mapped_is_quarantined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
