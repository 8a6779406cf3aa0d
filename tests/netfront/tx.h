/* SPDX-License-Identifier: ISC */
/* tx.h - what the tests of netfront_tx.c share: frames of many pieces, and a backend that takes and
 * answers them. */
#ifndef TESTS_NETFRONT_TX_H
#define TESTS_NETFRONT_TX_H

#include "tests/netfront/peer.c"

#include <cmocka.h>

#define BASE                                                                                       \
    (PEER_PAGES - NETFRONT_RING_SLOTS - 2) /* free pages, but for the rings and what is posted */

static inline void start(const struct peer_conf *conf)
{
    peer_start(conf);
    assert_int_equal(peer_open(), 0);
}

static inline void send(struct pkt *pkt)
{
    assert_int_equal(netdev_tx(peer.dev, pkt), 0);
}

static inline struct netfront_tx_req take(void)
{
    struct netfront_tx_req req;

    netdev_tx_flush(peer.dev);
    assert_true(peer_tx_take(&req));
    return req;
}

static inline void answer(uint16_t id)
{
    peer_tx_answer(id, NETIF_RSP_OKAY);
    peer_tx_push();
    netdev_arm(peer.dev);
}

/* A packet whose fragments have these lengths, each in a page of its own; bytes as
 * peer_pattern's. */
static inline struct pkt *pieces(const uint32_t *lens, unsigned n)
{
    static uint8_t frame[PKT_FRAGS_MAX * 4096];
    struct pkt *pkt = pkt_get(&peer.pool);
    uint32_t len = 0, at = 0;

    for (unsigned i = 0; i < n; i++)
        len += lens[i];
    peer_pattern(frame, len, 3);
    for (unsigned i = 0; i < n; i++) {
        struct page *page = page_get(&peer.pages);

        memcpy(page->base + 4096 - lens[i], frame + at, lens[i]);
        assert_int_equal(pkt_append_take(pkt, page, 4096 - lens[i], lens[i]), 0);
        at += lens[i];
    }
    return pkt;
}

/* Takes a whole frame as a backend does: the first slot's own length is what the others leave.
 * Returns its slots. */
static inline unsigned take_frame(uint8_t *frame, uint32_t *len, struct netfront_tx_req *reqs)
{
    unsigned n = 0;
    uint32_t at, rest = 0;

    do {
        assert_true(n < PKT_FRAGS_MAX);
        assert_true(peer_tx_take(&reqs[n]));
        assert_int_equal(reqs[n].txf & ~(n == 0 ? 7 : TXF_MORE_DATA), 0);
        rest += n > 0 ? reqs[n].size : 0;
    } while ((reqs[n++].txf & TXF_MORE_DATA) != 0);
    *len = reqs[0].size;
    assert_true(rest < *len);
    at = *len - rest;
    assert_memory_equal(peer_tx_bytes(&reqs[0], at), peer_tx_bytes(&reqs[0], at), at);
    memcpy(frame, peer_tx_bytes(&reqs[0], at), at);
    for (unsigned i = 1; i < n; i++) {
        memcpy(frame + at, peer_tx_bytes(&reqs[i], reqs[i].size), reqs[i].size);
        at += reqs[i].size;
    }
    reqs[0].size = (uint16_t)(*len - rest); /* for the caller: its own */
    return n;
}

static inline void answer_frame(const struct netfront_tx_req *reqs, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        peer_tx_answer(reqs[i].id, NETIF_RSP_OKAY);
    peer_tx_push();
    netdev_arm(peer.dev);
}

#endif
