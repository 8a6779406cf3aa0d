/* SPDX-License-Identifier: ISC */
/* fuzz_netfront.c - netfront against arbitrary ring bytes: the input is what a backend does, one
 * operation after the other.
 *
 * A violation takes the link down; no page that the backend may use is ever free; at the end all
 * pages are back. Each input has a machine of its own.
 */
#include "tests/netfront/peer.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum op {
    OP_TX_BYTES, /* offset, n, n bytes: into the transmit ring's page */
    OP_RX_BYTES, /* the same, receive */
    OP_TX_RSP,   /* id, status: a transmit response, pushed */
    OP_RX_RSP,   /* xor of id, offset, flags, status: a receive response in its slot, pushed */
    OP_RX_MANY,  /* n of flags, status: a chain, pushed */
    OP_RX_FRAME, /* length, flags: a good frame */
    OP_TX_ALL,   /* good answers to all */
    OP_SEND,     /* pieces, length: the program sends */
    OP_RECEIVE,  /* the program receives */
    OP_ARM,      /* and sleeps */
    OP_MAP,      /* grant: keeps a page mapped */
    OP_STATE,    /* the backend's XenbusState */
    OP_RUN,      /* domain 0 runs */
    OP_RX_EXTRA, /* type, flags, 6 bytes: extra info in the next slot, pushed */
    OP_RX_SUPER, /* length, flags, size, type: a segment of TCP, and its extra info, pushed */
    OP_SUPER,    /* pieces, size: the program sends a super-segment */
    OPS
};

static struct {
    const uint8_t *data;
    size_t size;
} input;

/* The next byte, or 0 at the end. */
static uint8_t byte(void)
{
    if (input.size == 0)
        return 0;
    input.size--;
    return *input.data++;
}

static uint16_t two(void)
{
    uint16_t low = byte();

    return (uint16_t)(low | byte() << 8);
}

static void write_ring(const struct peer_ring *ring)
{
    uint16_t at = two() % 4096, n = byte();

    for (; n > 0; n--, at++)
        ((uint8_t *)ring->shared)[at % 4096] = byte();
}

static void many_rx(void)
{
    uint8_t n = byte();
    uint16_t rxf = byte();
    int16_t status = (int16_t)two();

    while (n-- > 0)
        peer_rx_answer((uint16_t)(peer.rx.rsp_prod % NETFRONT_RING_SLOTS), 0, rxf, status);
    peer_rx_push();
}

static void rx_frame(void)
{
    static uint8_t frame[4096];
    uint32_t len = 1u + two() % 4000;

    peer_pattern(frame, sizeof(frame), byte());
    (void)peer_rx_frame(frame, len, byte() & 3, two());
}

static void rx_extra(void)
{
    struct netif_extra_info extra;
    struct peer_rx_req req;
    uint8_t *bytes = (uint8_t *)&extra;

    for (size_t i = 0; i < sizeof(extra); i++)
        bytes[i] = byte();
    if (peer_rx_take(&req))
        peer_rx_extra(&extra);
    peer_rx_push();
}

/* Headers of TCP over IPv4, before `n` bytes. */
static void tcp_headers(uint8_t *frame, uint32_t n)
{
    struct cs f = cs_of(frame, 54);

    cs_fill(f, 0);
    cs_set_be16(f, 12, 0x0800);
    cs_set_be16(f, 14, 0x4500);
    cs_set_be16(f, 16, (uint16_t)(40 + n));
    cs_set_be16(f, 22, 0x4006);
    cs_set_be16(f, 46, 0x5010);
}

static void rx_super(void)
{
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
    uint32_t len = two() % 4097;
    uint16_t rxf = byte();
    int16_t status;
    struct peer_rx_req req;

    extra.u.gso.size = two();
    extra.u.gso.type = byte() & 3;
    if (!peer_rx_take(&req))
        return;
    uint8_t *page = sim_grant_use(req.gref, 0, PAGE_BYTES, true, &status);
    if (page != NULL)
        tcp_headers(page, len);
    peer_rx_answer(req.id, 0, rxf | RXF_EXTRA_INFO, (int16_t)len);
    if (peer_rx_take(&req))
        peer_rx_extra(&extra);
    peer_rx_push();
}

static void send_super(void)
{
    unsigned pieces = 1u + byte() % 16;
    uint16_t size = two();
    struct pkt *pkt = pkt_alloc(&peer.pool, 0, 54);

    if (pkt == NULL)
        return;
    tcp_headers(pkt->frag[0].page->base, pieces * 4000);
    while (pieces-- > 0) {
        struct page *page = page_get(&peer.pages);

        if (page != NULL)
            (void)pkt_append_take(pkt, page, 0, 4000);
    }
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = size;
    if (netdev_tx(peer.dev, pkt) != 0)
        pkt_put(pkt);
    netdev_tx_flush(peer.dev);
}

/* Good answers to all: a slot of extra info gets one that says nothing. */
static void tx_all(void)
{
    struct netfront_tx_req req;
    struct netif_extra_info extra;

    for (unsigned n = 0; n < NETFRONT_RING_SLOTS && peer_tx_take(&req); n++) {
        peer_tx_answer(req.id, NETIF_RSP_OKAY);
        bool more = (req.txf & TXF_EXTRA_INFO) != 0;
        while (more && peer_tx_take_extra(&extra)) {
            peer_tx_answer(req.id, NETIF_RSP_NULL);
            more = (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0;
        }
    }
    peer_tx_push();
}

static void send(void)
{
    struct pkt *pkt = pkt_get(&peer.pool);
    unsigned pieces = 1u + byte() % PKT_FRAGS_MAX;
    uint32_t len = two() % 4097;

    while (pkt != NULL && pieces-- > 0) {
        struct page *page = page_get(&peer.pages);

        if (page != NULL)
            (void)pkt_append_take(pkt, page, 4096 - len, len);
    }
    if (pkt == NULL)
        return;
    pkt->csum = (uint8_t)(byte() % PKT_CSUM_STATES);
    pkt->csum_start = byte();
    pkt->csum_off = byte() & 31;
    if (netdev_tx(peer.dev, pkt) != 0)
        pkt_put(pkt);
    netdev_tx_flush(peer.dev);
}

static void receive(void)
{
    struct pkt *got[8];
    unsigned n = netdev_rx(peer.dev, got, 8);

    while (n > 0) {
        struct pkt *pkt = got[--n];
        struct cs_ro front;

        CHECK(pkt->len >= NETFRONT_ETH_BYTES && pkt->frag_count >= 1);
        CHECK(pkt_pull_up(pkt, NETFRONT_ETH_BYTES, &front));
        if (pkt->csum == PKT_CSUM_BLANK)
            CHECK(pkt->csum_start + pkt->csum_off + 2u <= pkt->len);
        if (pkt->gso_size != 0)
            CHECK(peer.dev->caps.gso_rx && ((const uint8_t *)front.base)[12] == 8);
        if ((byte() & 1) == 0 || netdev_tx(peer.dev, pkt) != 0)
            pkt_put(pkt);
    }
}

static uint32_t kept[8], kept_count;

static void keep_map(uint32_t gref)
{
    int16_t status;

    if (kept_count < ARRAY_SIZE(kept) && sim_grant_map(gref, false, &status) != NULL)
        kept[kept_count++] = gref;
}

static void operate(enum op op)
{
    uint16_t id;

    switch (op) {
    case OP_SEND:
        send();
        return;
    case OP_SUPER:
        send_super();
        return;
    case OP_RECEIVE:
        receive();
        return;
    case OP_ARM:
        (void)netdev_arm(peer.dev);
        return;
    case OP_STATE:
        peer_set_state(byte() % (XENBUS_STATES + 1));
        return;
    case OP_RUN:
        peer_run();
        return;
    case OP_MAP:
        keep_map(GNTTAB_RESERVED + two() % 400);
        return;
    default:
        break;
    }
    if (peer.tx.shared == NULL)
        return;
    switch (op) {
    case OP_TX_BYTES:
        write_ring(&peer.tx);
        break;
    case OP_RX_BYTES:
        write_ring(&peer.rx);
        break;
    case OP_TX_RSP:
        id = two();
        peer_tx_answer(id, (int16_t)two());
        peer_tx_push();
        break;
    case OP_RX_RSP:
        id = (uint16_t)(peer.rx.rsp_prod % NETFRONT_RING_SLOTS ^ byte());
        peer_rx_answer(id, two(), two(), (int16_t)two());
        peer_rx_push();
        break;
    case OP_RX_MANY:
        many_rx();
        break;
    case OP_RX_FRAME:
        rx_frame();
        break;
    case OP_RX_EXTRA:
        rx_extra();
        break;
    case OP_RX_SUPER:
        rx_super();
        break;
    default:
        tx_all();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input.data = data;
    input.size = size;
    uint8_t how = byte();
    uint32_t rx_slots = (how & 8) != 0 ? 18 : 0;
    const struct peer_conf conf = {.pages = 320,
                                   .pkts = 100,
                                   .gnttab_version = 1 + (how & 1u),
                                   .no_sg = (how & 2) != 0,
                                   .no_csum = (how & 4) != 0,
                                   .gso = (how & 64) != 0,
                                   .rx_slots = rx_slots,
                                   .index = (how & 16) != 0 ? 0xffffff00 : 0,
                                   .trusted = (how & 32) != 0 ? "0" : NULL};

    peer_start(&conf);
    CHECK(peer_open() == 0);
    kept_count = 0;
    for (unsigned n = 0; input.size > 0 && n < 500; n++) {
        operate((enum op)(byte() % OPS));
        if (peer.nf->violation != NETFRONT_NO_VIOLATION)
            CHECK(!peer.dev->link_up);
    }
    /* The program notices, within one look at each ring and one at xenstore. */
    for (unsigned n = 0; n < 40; n++)
        receive();
    (void)netdev_arm(peer.dev);
    peer_check_pages();
    peer_close();
    peer_check_pages();
    while (kept_count > 0)
        sim_grant_unmap(kept[--kept_count], false);
    peer_disconnect();
    gnttab_quarantine_poll(&peer.quarantine, &peer.gt, PEER_PAGES);
    /* Under several grants at once a page may be lost: only a backend that mapped several could do
     * that. */
    peer_stop(peer.pages.quarantined);
    return 0;
}
