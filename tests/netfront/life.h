/* SPDX-License-Identifier: ISC */
/* life.h - what the tests of netfront's life have in common; each includes it once. */
#ifndef TESTS_NETFRONT_LIFE_H
#define TESTS_NETFRONT_LIFE_H

#include "tests/netfront/peer.c"

#include <cmocka.h>

static UNUSED void start(const struct peer_conf *conf)
{
    peer_start(conf);
    assert_int_equal(peer_open(), 0);
}

static UNUSED uint32_t front_key(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", PEER_FRONT, name);
    return sim_xs_read_u32(path, UINT32_MAX);
}

/* How often a text stands in the log. */
static UNUSED unsigned logged(const char *text)
{
    unsigned n = 0;

    for (const char *at = vplat_console(); (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* A frame each way. */
static UNUSED void assert_traffic(void)
{
    uint8_t frame[600], back[600];
    struct netfront_tx_req req;
    struct pkt *pkt;

    peer_pattern(frame, sizeof(frame), 7);
    assert_true(peer_rx_frame(frame, sizeof(frame), 0, 0));
    assert_int_equal(netdev_rx(peer.dev, &pkt, 1), 1);
    assert_int_equal(pkt->len, sizeof(frame));
    assert_true(pkt_read(pkt, 0, cs_of(back, sizeof(back))));
    assert_memory_equal(back, frame, sizeof(frame));
    assert_int_equal(netdev_tx(peer.dev, pkt), 0);
    netdev_tx_flush(peer.dev);
    assert_true(peer_tx_take(&req));
    assert_int_equal(req.size, sizeof(frame));
    assert_memory_equal(peer_tx_bytes(&req, sizeof(frame)), frame, sizeof(frame));
    peer_tx_answer(req.id, NETIF_RSP_OKAY);
    peer_tx_push();
    netdev_arm(peer.dev);
}

#endif
