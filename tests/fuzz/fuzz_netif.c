/* SPDX-License-Identifier: ISC */
/* fuzz_netif.c - the whole receive path: frames into netif_input, sockets open, the clock going on,
 * the device full at times, memory short.
 *
 * The input is a list of steps: a byte that says what, a byte that says how long, and that many
 * bytes. Steps 1 to 4 put right headers and checksums around the bytes, else a fuzzer would spend
 * its life guessing sums. At the end every page and packet must be back.
 */
#include <morgana/cksum.h>
#include <morgana/udp.h>

#include "quietdev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGES = 48, PKTS = 48, ARP_ENTRIES = 8, FRAGS = 2, SOCKS = 3 };

#define US IP4_ADDR(10, 0, 0, 1)
#define GROUP IP4_ADDR(239, 1, 2, 3)

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page page_headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct arp_entry arp[ARP_ENTRIES];
static struct ip4_frag_queue frags[FRAGS];
static struct netif nif;
static struct udp_sock socks[SOCKS];
static struct pkt_queue in_flight;
static unsigned tx_room;
static uint64_t now;

static int dev_tx(struct netdev *dev, struct pkt *pkt)
{
    ASSERT(pkt->len >= 14 && pkt->len <= 14u + dev->caps.mtu_bytes);
    if (tx_room == 0)
        return -E_AGAIN;
    tx_room--;
    pkt_queue_push(&in_flight, pkt);
    return 0;
}

static const struct netdev_ops ops = QUIETDEV_OPS(dev_tx);
static struct netdev dev;

static void start(void)
{
    static const struct udp_conf confs[SOCKS] = {{.port = 7, .broadcast = true, .queue_max = 4},
                                                 {.port = 7, .addr = US, .queue_max = 4},
                                                 {.port = 67, .addr = GROUP}};
    struct netif_conf conf = {.dev = &dev,
                              .pool = &pool,
                              .key = {1, 2},
                              .arp = arp,
                              .arp_max = ARP_ENTRIES,
                              .frags = frags,
                              .frags_max = FRAGS,
                              .frag_bytes_max = 20 * PAGE_BYTES};

    now = NS_PER_S;
    tx_room = 8;
    page_pool_init(&pages, page_headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    dev = (struct netdev){.ops = &ops,
                          .caps = {.mtu_bytes = 576, .frags_max = 18},
                          .mac = {2, 0, 0, 0, 0, 1},
                          .link_up = true};
    ASSERT(netif_init(&nif, &conf, now) == 0);
    ASSERT(netif_addr_add(&nif, US, 24, false, now) == 0);
    ASSERT(netif_addr_add(&nif, IP4_ADDR(10, 0, 0, 9), 16, true, now) == 0);
    ASSERT(netif_route_add(&nif, 0, 0, IP4_ADDR(10, 0, 0, 254)) == 0);
    for (int i = 0; i < SOCKS; i++)
        ASSERT(udp_open(&socks[i], &nif, &confs[i]) == 0);
}

/* A frame in pages of `piece` bytes. */
static void input(struct cs_ro frame, size_t piece)
{
    struct pkt *pkt = pkt_get(&pool);

    if (pkt == NULL)
        return;
    for (size_t at = 0; at < frame.len; at += piece) {
        struct cs_ro part = cs_sub(frame, at, size_min(piece, frame.len - at));
        struct page *page = page_get(&pages);

        if (page == NULL || pkt_append_take(pkt, page, (uint32_t)(PAGE_BYTES - part.len),
                                            (uint32_t)part.len) != 0) {
            if (page != NULL)
                page_put(page);
            pkt_put(pkt);
            return;
        }
        memcpy(page->base + PAGE_BYTES - part.len, part.base, part.len);
    }
    netif_input(&nif, pkt, now);
}

/* bytes: source's last byte, id, flags and offset, options' length, then the body. */
static void input_ip(struct cs_ro bytes, uint8_t protocol)
{
    static uint8_t frame[14 + 60 + 256];
    struct cs ip = cs_of(frame + 14, 60 + 256), body;
    size_t header_len;

    if (bytes.len < 6)
        return;
    header_len = 20 + 4 * (size_t)(bytes.base[4] % 11);
    header_len = size_min(header_len, 20 + (bytes.len - 6) / 4 * 4);
    memcpy(frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", 14);
    frame[0] = bytes.base[5] & 1 ? 0xff : 2;
    memset(ip.base, 0, 20);
    cs_set_u8(ip, 0, (uint8_t)(0x40 | header_len / 4));
    cs_set_be16(ip, 2, (uint16_t)(20 + bytes.len - 6));
    cs_set_be16(ip, 4, bytes.base[1] % 4);
    cs_set_be16(ip, 6, cs_get_be16(bytes, 2) & (bytes.base[5] & 2 ? 0xffff : 0x603f));
    cs_set_u8(ip, 8, 64);
    cs_set_u8(ip, 9, protocol);
    cs_set_be32(ip, 12, IP4_ADDR(10, 0, 0, bytes.base[0]));
    cs_set_be32(ip, 16, bytes.base[5] & 4 ? GROUP : bytes.base[5] & 8 ? IP4_BROADCAST : US);
    cs_blit(ip, 20, cs_shift(bytes, 6));
    body = cs_sub(ip, header_len, 20 + bytes.len - 6 - header_len);
    if (protocol == 17 && body.len >= 8 && (bytes.base[5] & 16) == 0) {
        cs_set_be16(body, 2, cs_get_u8(body, 3) & 1 ? 67 : 7);
        cs_set_be16(body, 4, (uint16_t)body.len);
        cs_set_be16(body, 6, 0);
    } else if ((protocol == 1 || protocol == 2) && body.len >= 8) {
        cs_set_be16(body, 2, 0);
        cs_set_be16(body, 2, cksum_finish(cksum_partial(cs_as_ro(body), 0)));
    }
    cs_set_be16(ip, 10, cksum_finish(cksum_partial(cs_as_ro(cs_head(ip, header_len)), 0)));
    input(cs_ro_of(frame, 14 + 20 + bytes.len - 6), bytes.base[5] & 32 ? 40 : 4000);
}

static void input_arp(struct cs_ro bytes)
{
    uint8_t frame[42] = "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x06\0\x01\x08\0\x06\x04\0\x02\x02\0\0"
                        "\0\0\x02\x0a\0\0\x02";

    if (bytes.len < 6)
        return;
    frame[21] = bytes.base[0] & 3;
    frame[27] = bytes.base[1];
    frame[31] = bytes.base[2];
    if (bytes.base[3] & 1)
        memset(frame + 28, 0, 4);
    cs_set_be32(cs_of(frame, 42), 38, IP4_ADDR(10, 0, 0, bytes.base[4]));
    input(cs_ro_of(frame, sizeof(frame)), 4000);
}

/* The program's side: it reads, echoes, sends, joins, asks. */
static void act(struct cs_ro bytes)
{
    struct udp_meta meta, to;
    struct pkt *pkt;

    if (bytes.len < 2)
        return;
    switch (bytes.base[0] % 8) {
    case 0:
        while (udp_recv(&socks[bytes.base[1] % SOCKS], &meta, &pkt) == 0) {
            to = (struct udp_meta){.dst = meta.src, .dst_port = meta.src_port};
            if (udp_send(&socks[bytes.base[1] % SOCKS], &to, pkt, now) != 0)
                pkt_put(pkt);
        }
        break;
    case 1:
        to = (struct udp_meta){.dst = IP4_ADDR(10, 0, bytes.base[1] & 1, bytes.base[1]),
                               .dst_port = 9};
        pkt = pkt_alloc(&pool, bytes.base[1] % 200, (uint32_t)bytes.base[1] * 12);
        if (pkt != NULL && udp_send(&socks[1], &to, pkt, now) != 0)
            pkt_put(pkt);
        break;
    case 2:
        netif_multicast_join(&nif, GROUP + bytes.base[1] % 2, now);
        break;
    case 3:
        netif_multicast_leave(&nif, GROUP + bytes.base[1] % 2, now);
        break;
    case 4:
        netif_probe_start(&nif, IP4_ADDR(10, 0, 0, bytes.base[1]), bytes.base[1] * NS_PER_MS, now);
        break;
    case 5:
        netif_probe_result(&nif, IP4_ADDR(10, 0, 0, bytes.base[1]));
        break;
    case 6:
        netif_addr_remove(&nif, IP4_ADDR(10, 0, 0, 9));
        netif_addr_add(&nif, IP4_ADDR(10, 0, 0, 9), 16, bytes.base[1] & 1, now);
        break;
    case 7:
        tx_room = bytes.base[1] % 16;
        if (bytes.base[1] & 16)
            dev.link_up = !dev.link_up;
        break;
    }
    (void)udp_error(&socks[bytes.base[1] % SOCKS]);
}

static void pass(struct cs_ro bytes)
{
    pkt_queue_clear(&in_flight);
    tx_room = 8;
    if (bytes.len > 0)
        now += (uint64_t)bytes.base[0] * bytes.base[0] * NS_PER_MS;
    netif_poll(&nif, now, 8);
    ASSERT(netif_poll_at(&nif) > now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cs_ro rest = cs_ro_of(data, size), bytes;

    start();
    while (rest.len >= 2) {
        uint8_t what = cs_get_u8(rest, 0);
        size_t n = size_min(cs_get_u8(rest, 1), rest.len - 2);

        bytes = cs_sub(rest, 2, n);
        rest = cs_shift(rest, 2 + n);
        switch (what % 8) {
        case 0:
            input(bytes, what & 8 ? 20 : 4000);
            break;
        case 1:
            input_ip(bytes, 17);
            break;
        case 2:
            input_ip(bytes, 1);
            break;
        case 3:
            input_ip(bytes, 2);
            break;
        case 4:
            input_ip(bytes, what);
            break;
        case 5:
            input_arp(bytes);
            break;
        case 6:
            act(bytes);
            break;
        case 7:
            pass(bytes);
            break;
        }
    }
    for (int i = 0; i < SOCKS; i++)
        udp_close(&socks[i]);
    netif_fini(&nif);
    pkt_queue_clear(&in_flight);
    ASSERT(pages.free_count == PAGES);
    ASSERT(pool.free_count == PKTS);
    return 0;
}
