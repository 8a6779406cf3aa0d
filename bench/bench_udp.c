/* SPDX-License-Identifier: ISC */
/* bench_udp.c - B1: instructions for an Ethernet frame on its way in, and for its answer on its way
 * out. Run by bench/run-b1 under callgrind.
 *
 * For each frame: a buffer from the pool, the driver's copy into it, netif_input, and
 *     recv   udp_recv, and the packet is put back
 *     echo   udp_recv, udp_send of the same packet, the device puts it
 *     ping   the stack answers; the device puts the answer
 *     frag   a fragment of 8 bytes joins others that never become whole: what it costs must not
 *            depend on how many datagrams, and how much of each, are held already
 */
#include <morgana/udp.h>

#include "bench/frames.h"
#include "tests/support/quietdev.h"

enum { PAGES = 5000, PKTS = 5000, ARP_ENTRIES = 64, FRAG_QUEUES = 256, FRAGS_EACH = 4000 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page page_headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct arp_entry arp[ARP_ENTRIES];
static struct ip4_frag_queue frags[FRAG_QUEUES];
static struct netif nif;
static struct udp_sock sock;
static unsigned long received, sent;

static int dev_tx(struct netdev *dev, struct pkt *pkt)
{
    (void)dev;
    sent++;
    pkt_put(pkt);
    return 0;
}

static const struct netdev_ops ops = QUIETDEV_OPS(dev_tx);
static struct netdev dev = {.ops = &ops,
                            .caps = {.mtu_bytes = 1500, .frags_max = PKT_FRAGS_MAX},
                            .mac = {2, 0, 0, 0, 0, 1},
                            .link_up = true};

static void input(const uint8_t *frame, size_t len, uint64_t now)
{
    struct pkt *pkt = pkt_alloc(&pool, PKT_HEADROOM_BYTES, (uint32_t)len);

    memcpy(pkt->frag[0].page->base + PKT_HEADROOM_BYTES, frame, len);
    netif_input(&nif, pkt, now);
}

static void serve(bool answer, uint64_t now)
{
    struct udp_meta from;
    struct pkt *pkt;

    while (udp_recv(&sock, &from, &pkt) == 0) {
        struct udp_meta to = {.src = from.dst, .dst = from.src, .dst_port = from.src_port};

        received++;
        if (!answer || udp_send(&sock, &to, pkt, now) != 0)
            pkt_put(pkt);
    }
}

static void start(uint64_t now)
{
    struct netif_conf conf = {.dev = &dev,
                              .pool = &pool,
                              .key = {1, 2},
                              .arp = arp,
                              .arp_max = ARP_ENTRIES,
                              .frags = frags,
                              .frags_max = FRAG_QUEUES,
                              .frag_bytes_max = 16 << 20};
    struct udp_conf udp = {.port = FRAMES_PORT};
    struct udp_meta to = {.dst = IP4_ADDR(10, 0, 0, 2), .dst_port = 9};
    uint8_t frame[64];

    page_pool_init(&pages, page_headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    if (netif_init(&nif, &conf, now) != 0 ||
        netif_addr_add(&nif, IP4_ADDR(10, 0, 0, 1), 24, false, now) != 0 ||
        udp_open(&sock, &nif, &udp) != 0)
        exit(1);
    netif_poll(&nif, now, 1);
    udp_send(&sock, &to, pkt_alloc(&pool, PKT_HEADROOM_BYTES, 1), now);
    input(frame, frames_arp(frame), now);
    sent = 0;
}

/* The i-th fragment: 8 bytes with a gap of 8 behind them, of one of `datagrams` in turn. */
static void make_fragment(uint8_t *frame, unsigned long i, size_t datagrams)
{
    unsigned long turn = i / datagrams;

    frames_make(frame, 0, 0);
    frames_put16(frame + 18, (unsigned)(i % datagrams + turn / FRAGS_EACH * datagrams));
    frames_put16(frame + 20, (unsigned)(0x2000 | turn % FRAGS_EACH * 2));
    frames_put16(frame + 24, 0);
    frames_put16(frame + 24, frames_checksum(frame + 14, 20, 0));
}

int main(int argc, char **argv)
{
    struct frames_job job = frames_job(argc, argv);
    uint64_t now = NS_PER_S;
    uint8_t frame[FRAMES_MAX];
    size_t len = frames_make(frame, job.icmp, job.frag ? 0 : job.payload);

    start(now);
    for (unsigned long i = 0; i < job.count; i++) {
        if (job.frag)
            make_fragment(frame, i, job.payload);
        input(frame, len, now);
        serve(job.answer, now);
    }
    return frames_verdict(&job, received, sent);
}
