/* SPDX-License-Identifier: ISC */
/* test_netfront_steer.c - the program's table of flows and queues, over the control ring. */
#include "tests/netfront/ctrl.h"

static void serve_all(uint32_t map_max)
{
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
        serve(order[i], order[i] == CTRL_GET_HASH_MAPPING_SIZE ? map_max : 0xf);
    assert_true(netfront_ctrl_ready(peer.nf));
}

static int steer(const char *table, uint32_t count)
{
    uint8_t real = peer.nf->queue_count;
    int err;

    peer.nf->queue_count = (uint8_t)queues;
    err = netfront_steer(peer.dev, (const uint8_t *)table, count);
    peer.nf->queue_count = real;
    return err;
}

/* The steps of a new table; returns the entries sent. */
static uint32_t serve_table(uint32_t table[128])
{
    struct xen_netif_ctrl_request req;
    uint32_t count = serve(CTRL_SET_HASH_MAPPING_SIZE, 0).data[0];

    req = take();
    assert_int_equal(req.type, CTRL_SET_HASH_MAPPING);
    assert_int_equal(req.data[1], count);
    memcpy(table, page_of(req.data[0]), 128 * sizeof(*table));
    answer(&req, CTRL_SUCCESS, 0);
    serve(CTRL_SET_HASH_FLAGS, 0);
    return count;
}

static void test_flows_go_where_the_program_says(void **state)
{
    uint32_t table[128];

    (void)state;
    begin();
    serve_all(128);
    assert_int_equal(steer("", 0), -E_INVAL);
    assert_int_equal(steer("\0\1\2", 3), -E_INVAL); /* there are two queues */
    assert_int_equal(steer((const char *)peer.nf->hash.part, 129), -E_INVAL);
    assert_idle();

    assert_int_equal(steer("\1\1\0", 3), 0);
    poll();
    assert_int_equal(serve_table(table), 3);
    assert_int_equal(table[0], 1);
    assert_int_equal(table[1], 1);
    assert_int_equal(table[2], 0);
    assert_int_equal(netfront_hash_queue(&peer.nf->hash, 4, 2), 1);
    assert_int_equal(netfront_hash_queue(&peer.nf->hash, 5, 2), 0);
    assert_true(netfront_ctrl_ready(peer.nf));
    assert_idle();

    /* Again, while the first is on its way: the last word is what holds. */
    assert_int_equal(steer("\1\0", 2), 0);
    poll();
    take();
    assert_int_equal(steer("\0\1\1\1", 4), 0);
    answer_raw(peer.nf->ctrl.id, CTRL_SET_HASH_MAPPING_SIZE, CTRL_SUCCESS, 0);
    poll();
    serve(CTRL_SET_HASH_MAPPING, 0);
    serve(CTRL_SET_HASH_FLAGS, 0);
    assert_int_equal(serve_table(table), 4);
    assert_int_equal(table[3], 1);
    assert_idle();

    /* It holds for the next connection. */
    let_go();
    create(true);
    connect();
    for (unsigned i = 0; i < 4; i++)
        serve(order[i], 0xf);
    assert_int_equal(serve_table(table), 4);
    assert_int_equal(table[0], 0);
    assert_int_equal(table[3], 1);
    end();
}

static void test_the_programs_table_outlasts_a_backend_with_a_shorter_one(void **state)
{
    uint32_t table[128];

    (void)state;
    begin();
    serve_all(128);
    assert_int_equal(steer("\0\1\1\1", 4), 0);
    poll();
    assert_int_equal(serve_table(table), 4);
    for (uint32_t room = 0; room < 2; room++) {
        let_go();
        create(true);
        connect();
        for (unsigned i = 0; i < 4; i++)
            serve(order[i], order[i] == CTRL_GET_HASH_MAPPING_SIZE ? room : 0xf);
        if (room == 0)
            serve(CTRL_SET_HASH_FLAGS, 0);
        else
            assert_int_equal(serve_table(table), room);
        assert_true(netfront_ctrl_ready(peer.nf));

        let_go();
        create(true);
        connect();
        for (unsigned i = 0; i < 4; i++)
            serve(order[i], 0xf);
        assert_int_equal(serve_table(table), 4);
        assert_int_equal(table[3], 1);
    }
    end();
}

/* Said before the backend did: it has no table, and is asked for none. */
static void test_a_backend_without_tables_is_sent_none(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 3; i++)
        serve(order[i], 0xf);
    assert_int_equal(steer("\0\1\1\1", 4), 0);
    serve(CTRL_GET_HASH_MAPPING_SIZE, 0);
    serve(CTRL_SET_HASH_FLAGS, 0);
    assert_true(netfront_ctrl_ready(peer.nf));
    assert_idle();
    end();
}

/* A program that steers, and then sleeps: there is something to poll, once, page or no page. */
static void test_steering_is_work_before_the_program_sleeps(void **state)
{
    static struct page *held[PEER_PAGES];
    unsigned n = 0;

    (void)state;
    begin();
    serve_all(128);
    assert_idle();
    assert_int_equal(steer("\1\0", 2), 0);
    assert_true(netfront_ctrl_arm(peer.nf));
    while ((held[n] = page_get(&peer.pages)) != NULL)
        n++;
    poll();
    assert_false(netfront_ctrl_arm(peer.nf));
    serve(CTRL_SET_HASH_MAPPING_SIZE, 0);
    assert_idle(); /* it waits for a page */
    while (n > 0)
        page_put(held[--n]);
    poll();
    serve(CTRL_SET_HASH_MAPPING, 0);
    serve(CTRL_SET_HASH_FLAGS, 0);
    assert_idle();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_go_where_the_program_says),
        cmocka_unit_test(test_the_programs_table_outlasts_a_backend_with_a_shorter_one),
        cmocka_unit_test(test_a_backend_without_tables_is_sent_none),
        cmocka_unit_test(test_steering_is_work_before_the_program_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
