/* SPDX-License-Identifier: ISC */
/* netrig.c - see netrig.h. */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"

/* ---- the device ----------------------------------------------------------------------------- */

static struct netrig *rig_of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct netrig, dev);
}

static int rig_tx(struct netdev *dev, struct pkt *pkt)
{
    struct netrig *rig = rig_of(dev);
    struct netrig_frame *frame = &rig->sent[rig->sent_count];

    if (!dev->link_up)
        return -E_NETDOWN;
    if (rig->tx_room == 0)
        return -E_AGAIN;
    rig->tx_room--;
    assert_true(rig->sent_count < NETRIG_SENT_MAX);
    assert_true(pkt->len >= 14);
    assert_true(pkt->gso_size == 0 ? pkt->len <= 14u + dev->caps.mtu_bytes
                                   : netdev_gso_ok(dev, pkt));
    assert_true(pkt->frag_count <= dev->caps.frags_max || pkt->gso_size == 0);
    rig->sent_count++;
    frame->len = pkt->len;
    frame->csum = pkt->csum;
    frame->gso_size = pkt->gso_size;
    frame->at = rig->now;
    frame->first_len = pkt->frag[0].len;
    frame->bytes = malloc(pkt->len);
    assert_true(pkt_read(pkt, 0, cs_of(frame->bytes, pkt->len)));
    if (rig->hold_tx)
        pkt_queue_push(&rig->kept, pkt);
    else
        pkt_put(pkt);
    return 0;
}

static void rig_tx_flush(struct netdev *dev)
{
    rig_of(dev)->flushes++;
}

static unsigned rig_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    unsigned got = 0;

    while (got < n && (pkts[got] = pkt_queue_pop(&rig_of(dev)->rx)) != NULL)
        got++;
    return got;
}

static bool rig_arm(struct netdev *dev)
{
    return rig_of(dev)->rx.count != 0;
}

static int rig_multicast(struct netdev *dev, const uint8_t mac[6], bool join)
{
    if (join)
        rig_of(dev)->group_macs_joined = netrig_get48(mac);
    else
        rig_of(dev)->group_macs_left = netrig_get48(mac);
    return 0;
}

static const struct netdev_ops rig_ops = {.name = "netrig",
                                          .tx = rig_tx,
                                          .tx_flush = rig_tx_flush,
                                          .rx = rig_rx,
                                          .arm = rig_arm,
                                          .multicast = rig_multicast};

/* ---- life ----------------------------------------------------------------------------------- */

struct netrig *netrig_blank(void)
{
    struct netrig *rig = calloc(1, sizeof(*rig));
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

    rig->memory = aligned_alloc(PAGE_BYTES, (size_t)NETRIG_PAGES * PAGE_BYTES);
    page_pool_init(&rig->pages, rig->page_headers, rig->memory, NETRIG_PAGES);
    pkt_pool_init(&rig->pool, rig->pkts, NETRIG_PKTS, &rig->pages);
    rig->exact_memory = aligned_alloc(PAGE_BYTES, (size_t)NETRIG_PAGES * PAGE_BYTES);
    page_pool_init(&rig->exact_pages, rig->exact_headers, rig->exact_memory, NETRIG_PAGES);
    rig->dev.ops = &rig_ops;
    rig->dev.caps = (struct netdev_caps){.mtu_bytes = 1500, .frags_max = PKT_FRAGS_MAX};
    memcpy(rig->dev.mac, mac, 6);
    rig->dev.link_up = true;
    rig->tx_room = UINT32_MAX;
    rig->now = 1000 * NS_PER_S;
    rig->conf = (struct netif_conf){.dev = &rig->dev,
                                    .pool = &rig->pool,
                                    .key = {0x0123456789abcdef, 0xfedcba9876543210},
                                    .arp = rig->arp,
                                    .arp_max = NETRIG_ARP,
                                    .frags = rig->frags,
                                    .frags_max = NETRIG_FRAGS,
                                    .frag_bytes_max = 1u << 20};
    return rig;
}

void netrig_start(struct netrig *rig)
{
    assert_int_equal(netif_init(&rig->nif, &rig->conf, rig->now), 0);
}

void netrig_add_us(struct netrig *rig)
{
    assert_int_equal(netif_addr_add(&rig->nif, NETRIG_US, 24, false, rig->now), 0);
}

struct netrig *netrig_new(bool ready)
{
    struct netrig *rig = netrig_blank();

    netrig_start(rig);
    netrig_add_us(rig);
    netrig_pass(rig, 3 * NS_PER_S);
    if (ready)
        netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_clear(rig);
    return rig;
}

void netrig_free(struct netrig *rig)
{
    netif_fini(&rig->nif);
    pkt_queue_clear(&rig->rx);
    pkt_queue_clear(&rig->kept);
    netrig_clear(rig);
    assert_int_equal(rig->pool.free_count, rig->pool.total);
    assert_int_equal(rig->pages.free_count, rig->pages.total);
    assert_int_equal(rig->exact_pages.free_count, rig->exact_pages.total);
    free(rig->memory);
    free(rig->exact_memory);
    free(rig);
}

void netrig_clear(struct netrig *rig)
{
    for (unsigned i = 0; i < rig->sent_count; i++)
        free(rig->sent[i].bytes);
    rig->sent_count = 0;
}

const struct netrig_frame *netrig_last(const struct netrig *rig)
{
    assert_true(rig->sent_count > 0);
    return &rig->sent[rig->sent_count - 1];
}

/* ---- frames in ------------------------------------------------------------------------------ */

void netrig_input_csum(struct netrig *rig, const uint8_t *bytes, size_t len, enum pkt_csum csum)
{
    struct pkt *pkt = pkt_alloc(&rig->pool, 64, (uint32_t)size_min(len, PAGE_BYTES - 64));

    if (pkt == NULL && rig->may_drop)
        return; /* the device had no buffer */
    assert_non_null(pkt);
    memcpy(pkt->frag[0].page->base + 64, bytes, pkt->len);
    if (len > pkt->len)
        assert_int_equal(pkt_append_copy(pkt, cs_ro_of(bytes + pkt->len, len - pkt->len)), 0);
    pkt->csum = (uint8_t)csum;
    netif_input(&rig->nif, pkt, rig->now);
}

void netrig_input(struct netrig *rig, const uint8_t *bytes, size_t len)
{
    netrig_input_csum(rig, bytes, len, PKT_CSUM_UNKNOWN);
}

void netrig_input_pieces(struct netrig *rig, const uint8_t *bytes, size_t len, size_t piece)
{
    struct pkt *pkt = pkt_get(&rig->pool);

    assert_non_null(pkt);
    for (size_t at = 0; at < len; at += piece) {
        struct page *page = page_get(&rig->pages);
        size_t n = size_min(piece, len - at);

        assert_non_null(page);
        memcpy(page->base + 100, bytes + at, n);
        assert_int_equal(pkt_append_take(pkt, page, 100, (uint32_t)n), 0);
    }
    netif_input(&rig->nif, pkt, rig->now);
}

/* The page's bytes are a heap block of the frame's size, so that the address sanitizer sees a
 * read of one byte too many. */
void netrig_input_exact(struct netrig *rig, const uint8_t *bytes, size_t len)
{
    struct pkt *pkt = pkt_get(&rig->pool);
    struct page *page = page_get(&rig->exact_pages);
    uint8_t *base, *exact = malloc(len == 0 ? 1 : len);

    assert_non_null(pkt);
    assert_non_null(page);
    memcpy(exact, bytes, len);
    base = page->base;
    page->base = exact;
    assert_int_equal(pkt_append_take(pkt, page, 0, (uint32_t)len), 0);
    page_ref(page); /* ours, so that nobody writes there and it outlives the call */
    netif_input(&rig->nif, pkt, rig->now);
    assert_int_equal(page->refs, 1);
    page->base = base;
    page_put(page);
    free(exact);
}

/* ---- time ----------------------------------------------------------------------------------- */

void netrig_poll(struct netrig *rig)
{
    while (netif_poll(&rig->nif, rig->now, 64))
        ;
}

void netrig_pass(struct netrig *rig, uint64_t ns)
{
    uint64_t end = rig->now + ns;

    netrig_poll(rig);
    while (netif_poll_at(&rig->nif) <= end) {
        uint64_t at = netif_poll_at(&rig->nif);

        if (at > rig->now)
            rig->now = at;
        netrig_poll(rig);
        assert_true(netif_poll_at(&rig->nif) > rig->now); /* else the loop would spin */
    }
    rig->now = end;
}

void netrig_peer_answers(struct netrig *rig, uint32_t addr, uint64_t mac)
{
    struct udp_conf conf = {.port = 0};
    struct udp_meta meta = {.dst = addr, .dst_port = 9};
    struct udp_sock sock;

    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    assert_int_equal(udp_send(&sock, &meta, pkt_alloc(&rig->pool, 64, 1), rig->now), 0);
    netrig_arp_reply(rig, addr, mac);
    udp_close(&sock);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

void netrig_put16(uint8_t *to, uint32_t x)
{
    to[0] = (uint8_t)(x >> 8);
    to[1] = (uint8_t)x;
}

void netrig_put32(uint8_t *to, uint32_t x)
{
    netrig_put16(to, x >> 16);
    netrig_put16(to + 2, x & 0xffff);
}

static void put48(uint8_t *to, uint64_t x)
{
    netrig_put16(to, (uint32_t)(x >> 32));
    netrig_put32(to + 2, (uint32_t)x);
}

uint32_t netrig_get16(const uint8_t *from)
{
    return (uint32_t)from[0] << 8 | from[1];
}

uint32_t netrig_get32(const uint8_t *from)
{
    return netrig_get16(from) << 16 | netrig_get16(from + 2);
}

uint64_t netrig_get48(const uint8_t *from)
{
    return (uint64_t)netrig_get16(from) << 32 | netrig_get32(from + 2);
}

uint16_t netrig_checksum(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void put_eth(uint8_t *out, uint64_t dst, uint64_t src, uint16_t type)
{
    put48(out, dst != 0 ? dst : NETRIG_US_MAC);
    put48(out + 6, src != 0 ? src : NETRIG_PEER_MAC);
    netrig_put16(out + 12, type);
}

static uint32_t src_of(const struct netrig_ip *ip)
{
    return ip->src != 0 || ip->src_any ? ip->src : NETRIG_PEER;
}

static uint32_t dst_of(const struct netrig_ip *ip)
{
    return ip->dst != 0 ? ip->dst : NETRIG_US;
}

size_t netrig_ip(uint8_t *out, const struct netrig_ip *ip, const uint8_t *payload, size_t len)
{
    uint8_t *h = out + 14;
    size_t header_len = 20u + ip->options_len;

    put_eth(out, ip->eth_dst, ip->eth_src, 0x0800);
    h[0] = (uint8_t)(0x40 | header_len / 4);
    h[1] = 0;
    netrig_put16(h + 2, (uint32_t)(header_len + len));
    netrig_put16(h + 4, ip->id);
    netrig_put16(h + 6, ip->flags_off);
    h[8] = ip->ttl != 0 ? ip->ttl : 64;
    h[9] = ip->protocol;
    netrig_put16(h + 10, 0);
    netrig_put32(h + 12, src_of(ip));
    netrig_put32(h + 16, dst_of(ip));
    if (ip->options_len != 0)
        memcpy(h + 20, ip->options, ip->options_len);
    netrig_put16(h + 10, netrig_checksum(h, header_len, 0));
    memmove(h + header_len, payload, len);
    return 14 + header_len + len;
}

size_t netrig_udp_bytes(uint8_t *out, uint32_t src, uint32_t dst, uint16_t src_port,
                        uint16_t dst_port, const uint8_t *payload, size_t len)
{
    uint32_t sum =
        (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + 17 + (uint32_t)(8 + len);
    uint16_t checksum;

    netrig_put16(out, src_port);
    netrig_put16(out + 2, dst_port);
    netrig_put16(out + 4, (uint32_t)(8 + len));
    netrig_put16(out + 6, 0);
    memmove(out + 8, payload, len);
    checksum = netrig_checksum(out, 8 + len, (sum & 0xffff) + (sum >> 16));
    netrig_put16(out + 6, checksum == 0 ? 0xffff : checksum);
    return 8 + len;
}

size_t netrig_udp(uint8_t *out, const struct netrig_ip *ip, uint16_t src_port, uint16_t dst_port,
                  const uint8_t *payload, size_t len)
{
    uint8_t *datagram = malloc(8 + len);
    struct netrig_ip udp = *ip;
    size_t n = netrig_udp_bytes(datagram, src_of(ip), dst_of(ip), src_port, dst_port, payload, len);

    udp.protocol = 17;
    n = netrig_ip(out, &udp, datagram, n);
    free(datagram);
    return n;
}

size_t netrig_echo(uint8_t *out, const struct netrig_ip *ip, uint16_t id, uint16_t seq,
                   const uint8_t *data, size_t len)
{
    uint8_t *message = malloc(8 + len);
    struct netrig_ip icmp = *ip;
    size_t n;

    icmp.protocol = 1;
    message[0] = 8;
    message[1] = 0;
    netrig_put16(message + 2, 0);
    netrig_put16(message + 4, id);
    netrig_put16(message + 6, seq);
    memcpy(message + 8, data, len);
    netrig_put16(message + 2, netrig_checksum(message, 8 + len, 0));
    n = netrig_ip(out, &icmp, message, 8 + len);
    free(message);
    return n;
}

size_t netrig_arp(uint8_t *out, uint16_t op, uint64_t sha, uint32_t spa, uint64_t tha, uint32_t tpa,
                  uint64_t eth_dst)
{
    uint8_t *m = out + 14;

    put_eth(out, eth_dst, sha, 0x0806);
    netrig_put16(m, 1);
    netrig_put16(m + 2, 0x0800);
    m[4] = 6;
    m[5] = 4;
    netrig_put16(m + 6, op);
    put48(m + 8, sha);
    netrig_put32(m + 14, spa);
    put48(m + 18, tha);
    netrig_put32(m + 24, tpa);
    return 42;
}

void netrig_arp_reply(struct netrig *rig, uint32_t addr, uint64_t mac)
{
    uint8_t frame[42];

    netrig_input(rig, frame,
                 netrig_arp(frame, 2, mac, addr, NETRIG_US_MAC, NETRIG_US, NETRIG_US_MAC));
}

void netrig_arp_request(struct netrig *rig, uint64_t sha, uint32_t spa, uint32_t tpa)
{
    uint8_t frame[42];

    netrig_input(rig, frame, netrig_arp(frame, 1, sha, spa, 0, tpa, NETRIG_BROADCAST_MAC));
}

const uint8_t *netrig_check_ip(const struct netrig_frame *frame, uint8_t protocol, uint32_t src,
                               uint32_t dst, size_t *len)
{
    const uint8_t *h = frame->bytes + 14;
    size_t header_len;

    assert_true(frame->len >= 34);
    assert_int_equal(netrig_get16(frame->bytes + 12), 0x0800);
    assert_int_equal(netrig_get48(frame->bytes + 6), NETRIG_US_MAC);
    assert_int_equal(h[0] >> 4, 4);
    header_len = (h[0] & 0xfu) * 4;
    assert_int_equal(netrig_get16(h + 2), frame->len - 14);
    assert_int_equal(netrig_checksum(h, header_len, 0), 0);
    assert_int_equal(h[9], protocol);
    assert_int_equal(netrig_get32(h + 12), src);
    assert_int_equal(netrig_get32(h + 16), dst);
    *len = frame->len - 14 - header_len;
    return h + header_len;
}

bool netrig_is_arp(const struct netrig_frame *frame)
{
    return frame->len == 42 && netrig_get16(frame->bytes + 12) == 0x0806;
}

void netrig_check_arp(const struct netrig_frame *frame, uint16_t op, uint32_t spa, uint32_t tpa,
                      uint64_t eth_dst)
{
    const uint8_t *m = frame->bytes + 14;

    assert_true(netrig_is_arp(frame));
    assert_int_equal(netrig_get48(frame->bytes), eth_dst);
    assert_int_equal(netrig_get48(frame->bytes + 6), NETRIG_US_MAC);
    assert_int_equal(netrig_get32(m), 0x00010800);
    assert_int_equal(netrig_get16(m + 4), 0x0604);
    assert_int_equal(netrig_get16(m + 6), op);
    assert_int_equal(netrig_get48(m + 8), NETRIG_US_MAC);
    assert_int_equal(netrig_get32(m + 14), spa);
    assert_int_equal(netrig_get32(m + 24), tpa);
}
