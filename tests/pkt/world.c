/* SPDX-License-Identifier: ISC */
/* world.c - the stack under test: its device, its memory, its clock. */
#include <stdlib.h>
#include <string.h>

#include <morgana/random.h>

#include "wire.h"
#include "world_priv.h"

enum {
    PAGES = 2560,
    BUFFER_PAGES = 2048,
    PKTS = 4096,
    ARP_ENTRIES = 16,
    FRAG_QUEUES = 4,
    POLLS_MAX = 100000
};

#define OUR_MAC UINT64_C(0x020000000001)
#define NEIGHBOUR_MAC UINT64_C(0x020000000002)
#define ETH_BYTES 14u

struct world_memory {
    struct page_pool pages;
    struct pkt_pool pool;
    struct page page_headers[PAGES];
    struct pkt pkts[PKTS];
    struct arp_entry arp[ARP_ENTRIES];
    struct ip4_frag_queue frags[FRAG_QUEUES];
    uint8_t *bytes;
    void *tcp_memory;
};

static struct world *world_of(struct netdev *dev)
{
    return (struct world *)(void *)((char *)dev - offsetof(struct world, dev));
}

static void put_mac(uint8_t *to, uint64_t mac)
{
    for (unsigned i = 0; i < 6; i++)
        to[i] = (uint8_t)(mac >> (40 - 8 * i));
}

/* ---- the wire -------------------------------------------------------------------------------- */

static void capture(struct world *world, const uint8_t *frame, size_t len)
{
    uint64_t us = (world->now - (WORLD_START_NS - 10 * NS_PER_S)) / 1000;
    uint32_t record[4] = {(uint32_t)(us / 1000000), (uint32_t)(us % 1000000), (uint32_t)len,
                          (uint32_t)len};

    if (world->conf.pcap == NULL)
        return;
    fwrite(record, sizeof(record), 1, world->conf.pcap);
    fwrite(frame, 1, len, world->conf.pcap);
}

static bool receive(struct world *world, const uint8_t *frame, size_t len, uint32_t gso_size)
{
    struct pkt_pool *pool = &world->memory->pool;
    struct pkt *pkt = pkt_alloc(pool, 64, (uint32_t)size_min(len, PAGE_BYTES - 64));

    capture(world, frame, len);
    if (pkt == NULL)
        return false;
    memcpy(pkt->frag[0].page->base + 64, frame, pkt->len);
    if (len > pkt->len && pkt_append_copy(pkt, cs_ro_of(frame + pkt->len, len - pkt->len)) != 0) {
        pkt_put(pkt);
        return false;
    }
    pkt->gso_size = (uint16_t)gso_size;
    pkt_queue_push(&world->rx, pkt);
    return true;
}

/* Every neighbour but us is there, and answers at once. */
static void answer_arp(struct world *world, const uint8_t *frame)
{
    const uint8_t *m = frame + ETH_BYTES;
    uint8_t reply[42] = {0};

    if (wire_get16(m + 6) != 1 || wire_get32(m + 14) == 0 ||
        wire_get32(m + 24) == world->conf.local_ip)
        return;
    put_mac(reply, OUR_MAC);
    put_mac(reply + 6, NEIGHBOUR_MAC);
    wire_put16(reply + 12, 0x0806);
    memcpy(reply + 14, m, 6);
    wire_put16(reply + 20, 2);
    put_mac(reply + 22, NEIGHBOUR_MAC);
    memcpy(reply + 28, m + 24, 4);
    put_mac(reply + 32, OUR_MAC);
    memcpy(reply + 38, m + 14, 4);
    receive(world, reply, sizeof(reply), 0);
}

static void keep(struct world *world, const uint8_t *packet, size_t len)
{
    struct world_packet *sent = malloc(sizeof(*sent) + len);

    if (sent == NULL)
        abort();
    sent->next = NULL;
    sent->at_ns = world_time(world);
    sent->len = len;
    memcpy(sent->bytes, packet, len);
    *world->sent_tail = sent;
    world->sent_tail = &sent->next;
}

void world_transmit(struct world *world, const uint8_t *frame, size_t len)
{
    capture(world, frame, len);
    if (len >= 42 && wire_get16(frame + 12) == 0x0806) {
        answer_arp(world, frame);
        return;
    }
    /* IGMP is not what scripts are about. */
    if (len < 34 || wire_get16(frame + 12) != 0x0800 || frame[ETH_BYTES + 9] == 2)
        return;
    keep(world, frame + ETH_BYTES, len - ETH_BYTES);
}

static int dev_tx(struct netdev *dev, struct pkt *pkt)
{
    struct world *world = world_of(dev);
    uint8_t *frame = malloc(pkt->len);

    if (frame == NULL || !pkt_read(pkt, 0, cs_of(frame, pkt->len)))
        abort();
    if (pkt->gso_size != 0 ? !netdev_gso_ok(dev, pkt) : pkt->len - ETH_BYTES > dev->caps.mtu_bytes)
        snprintf(world->error, sizeof(world->error), "a packet of %u bytes, the MTU is %u",
                 (unsigned)(pkt->len - ETH_BYTES), dev->caps.mtu_bytes);
    else if (pkt->csum == PKT_CSUM_BLANK && !dev->caps.csum_tx)
        snprintf(world->error, sizeof(world->error), "a checksum left to a device that cannot");
    if (world->error[0] == '\0' && pkt->gso_size != 0) {
        world_cut(world, frame, pkt->len, pkt->gso_size);
    } else if (world->error[0] == '\0') {
        if (pkt->csum == PKT_CSUM_BLANK)
            world_complete(frame, pkt->len, pkt->csum_start, pkt->csum_off);
        world_transmit(world, frame, pkt->len);
    }
    free(frame);
    pkt_put(pkt);
    return 0;
}

static void dev_tx_flush(struct netdev *dev)
{
    (void)dev;
}

static unsigned dev_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct world *world = world_of(dev);
    unsigned count = 0;

    while (count < n && world->rx.count > 0)
        pkts[count++] = pkt_queue_pop(&world->rx);
    return count;
}

static bool dev_arm(struct netdev *dev)
{
    return world_of(dev)->rx.count > 0;
}

static const struct netdev_ops ops = {
    .name = "script", .tx = dev_tx, .tx_flush = dev_tx_flush, .rx = dev_rx, .arm = dev_arm};

/* ---- life ------------------------------------------------------------------------------------ */

static bool fail(struct world *world, const char *what, int error)
{
    snprintf(world->error, sizeof(world->error), "%s: %s", what, err_name(error));
    return false;
}

/* A neighbour of ours: the one that the script names, if it can be. */
static uint32_t gateway(const struct world_conf *conf)
{
    uint32_t net = conf->local_ip & 0xffff0000;

    if (conf->gateway_ip != conf->local_ip && (conf->gateway_ip & 0xffff0000) == net)
        return conf->gateway_ip;
    return net | ((conf->local_ip & 0xffff) == 0xfffe ? 0xfffd : 0xfffe);
}

static bool open_netif(struct world *world, uint64_t *random)
{
    struct world_memory *m = world->memory;
    const struct world_conf *conf = &world->conf;
    struct netif_conf nc = {.dev = &world->dev,
                            .pool = &m->pool,
                            .key = {random_next(random), random_next(random)},
                            .arp = m->arp,
                            .arp_max = ARP_ENTRIES,
                            .frags = m->frags,
                            .frags_max = FRAG_QUEUES,
                            .frag_bytes_max = 1u << 20};
    int error = netif_init(&world->nif, &nc, world->now);

    if (error == 0)
        error = netif_addr_add(&world->nif, conf->local_ip, 16, false, world->now);
    if (error == 0 && (conf->remote_ip ^ conf->local_ip) >> 16 != 0)
        error = netif_route_add(&world->nif, 0, 0, gateway(conf));
    return error == 0 || fail(world, "the interface", error);
}

static bool open_tcp(struct world *world, uint64_t *random)
{
    struct tcp_conf tc = {.nif = &world->nif,
                          .key = {random_next(random), random_next(random)},
                          .conns_max = 64,
                          .pages_max = BUFFER_PAGES,
                          .segs_max = 4 * PAGES,
                          .tuning = world->conf.tuning};
    size_t bytes = tcp_memory_bytes(&tc);
    int error;

    if (bytes == 0)
        return fail(world, "the configuration of TCP", -E_INVAL);
    world->memory->tcp_memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (world->memory->tcp_memory == NULL)
        abort();
    tc.memory = world->memory->tcp_memory;
    tc.memory_bytes = bytes;
    error = tcp_init(&world->tcp, &tc, world->now);
    return error == 0 || fail(world, "TCP", error);
}

bool world_open(struct world *world, const struct world_conf *conf)
{
    uint64_t random = conf->seed;
    struct world_memory *m = calloc(1, sizeof(*m));

    if (m == NULL || (m->bytes = aligned_alloc(PAGE_BYTES, PAGES * PAGE_BYTES)) == NULL)
        abort();
    *world = (struct world){.conf = *conf, .memory = m};
    world->sent_tail = &world->sent;
    page_pool_init(&m->pages, m->page_headers, m->bytes, PAGES);
    pkt_pool_init(&m->pool, m->pkts, PKTS, &m->pages);
    world->dev.ops = &ops;
    world->dev.link_up = true;
    world->dev.caps = (struct netdev_caps){.mtu_bytes = (uint16_t)conf->mtu,
                                           .frags_max = PKT_FRAGS_MAX,
                                           .csum_tx = conf->offload,
                                           .gso_max_bytes = conf->offload ? 65535 : 0,
                                           .gso_rx = true};
    put_mac(world->dev.mac, OUR_MAC);
    world->now = WORLD_START_NS - 10 * NS_PER_S;
    if (!open_netif(world, &random) || !open_tcp(world, &random))
        return false;
    while (world_step(world, 0)) /* announcements go out before the script begins */
        ;
    return world->error[0] == '\0';
}

void world_close(struct world *world)
{
    struct world_memory *m = world->memory;
    struct world_packet *sent;

    if (m == NULL)
        return;
    if (world->tcp.conf.nif != NULL)
        tcp_fini(&world->tcp);
    if (world->nif.conf.dev != NULL)
        netif_fini(&world->nif);
    pkt_queue_clear(&world->rx);
    while ((sent = world->sent) != NULL) {
        world->sent = sent->next;
        free(sent);
    }
    if (m->pool.free_count != m->pool.total || m->pages.free_count != m->pages.total)
        snprintf(world->error, sizeof(world->error), "%u packets and %u pages never came back",
                 m->pool.total - m->pool.free_count, m->pages.total - m->pages.free_count);
    free(m->tcp_memory);
    free(m->bytes);
    free(m);
    world->memory = NULL;
}

/* ---- time ------------------------------------------------------------------------------------ */

int64_t world_time(const struct world *world)
{
    return (int64_t)world->now - (int64_t)WORLD_START_NS;
}

void world_poll(struct world *world)
{
    unsigned polls = 0;

    do {
        while (netif_poll(&world->nif, world->now, 64))
            if (++polls > POLLS_MAX)
                break;
    } while (netif_arm(&world->nif) && ++polls <= POLLS_MAX);
    if (polls > POLLS_MAX)
        snprintf(world->error, sizeof(world->error), "netif_poll has work for ever");
}

bool world_step(struct world *world, int64_t until_ns)
{
    uint64_t until = (uint64_t)((int64_t)WORLD_START_NS + until_ns), at;

    world_poll(world);
    at = netif_poll_at(&world->nif);
    if (at <= world->now) {
        snprintf(world->error, sizeof(world->error), "netif_poll_at stands still");
        at = world->now + 1;
    }
    if (world->error[0] != '\0')
        return false;
    if (at > until) {
        if (until > world->now)
            world->now = until;
        world_poll(world);
        return false;
    }
    world->now = at;
    world_poll(world);
    return true;
}

bool world_inject(struct world *world, const uint8_t *bytes, size_t len, uint32_t gso_size)
{
    uint8_t *frame = malloc(len + ETH_BYTES);
    bool ok;

    if (frame == NULL)
        abort();
    put_mac(frame, OUR_MAC);
    put_mac(frame + 6, NEIGHBOUR_MAC);
    wire_put16(frame + 12, 0x0800);
    memcpy(frame + ETH_BYTES, bytes, len);
    ok = receive(world, frame, len + ETH_BYTES, gso_size);
    free(frame);
    if (ok)
        world_poll(world);
    return ok;
}
