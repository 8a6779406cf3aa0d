/* SPDX-License-Identifier: ISC */
/* vif.c - network device 1, with memory of its own: what one backend saw is not for another. Where
 * the backend has several queues its flows go by all of them; now and then it joins a multicast
 * group or leaves it, and steers anew. */
#include <morgana/log.h>
#include <morgana/netfront.h>
#include <morgana/platform.h>

#include "liar.h"

enum { PAGES = 576, PKTS = 600, BATCH = 32, FRAME_BYTES = 60, ROUND = 16 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct page_pool pages;
static struct pkt pkts[PKTS];
static struct pkt_pool pool;
static struct netdev *dev; /* NULL: closed */
static uint64_t open_at, send_at;
static unsigned ticks;
static uint16_t port; /* the last frame's: each is a flow of its own */
static unsigned opened, refused, down_for;
static uint64_t violations, quarantined, sent, received;

/* A broadcast: Ethernet, IPv4, UDP. */
static void send_one(void)
{
    static uint8_t frame[FRAME_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0,   0,   0,
                                         1,    8,    0,    0x45, 0,    0,    46, 0, 0,   0,   0,
                                         1,    17,   0,    0,    10,   1,    0,  1, 255, 255, 255,
                                         255,  0,    0,    0,    9,    0,    26, 0, 0};
    struct pkt *pkt = pkt_get(&pool);

    port++;
    frame[34] = (uint8_t)(port >> 8);
    frame[35] = (uint8_t)port;
    if (pkt == NULL)
        return;
    if (pkt_append_copy(pkt, cs_ro_of(frame, sizeof(frame))) != 0 || netdev_tx(dev, pkt) != 0)
        pkt_put(pkt);
    else
        sent++;
}

/* What asks something of the backend beyond frames. */
static void ask_services(void)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 99};
    static const uint8_t turns[] = {0, 1};

    (void)dev->ops->multicast(dev, group, ticks / ROUND % 2 != 0);
    (void)netfront_steer(dev, turns, sizeof(turns)); /* with one queue: -E_INVAL */
}

static void close_it(void)
{
    violations += dev->stats.violations;
    quarantined += dev->stats.quarantined;
    plat_netdev_close(dev);
    dev = NULL;
    open_at = plat_now_ns() + PAUSE_NS;
}

static void open_it(void)
{
    if (plat_netdev_open(1, &pool, &dev) == 0) {
        opened++;
    } else {
        dev = NULL;
        refused++;
    }
    down_for = 0;
    open_at = plat_now_ns() + PAUSE_NS;
}

void vif_start(void)
{
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
}

bool vif_turn(uint64_t now)
{
    struct pkt *got[BATCH];
    unsigned n;

    if (dev == NULL) {
        if (now >= open_at)
            open_it();
        return dev != NULL;
    }
    n = netdev_rx(dev, got, BATCH);
    for (unsigned i = 0; i < n; i++)
        pkt_put(got[i]);
    received += n;
    if (dev->stats.violations != 0 || down_for > DOWN_TICKS) {
        close_it();
        return true;
    }
    if (now >= send_at) {
        send_at = now + TICK_NS;
        down_for = dev->link_up ? 0 : down_for + 1;
        for (unsigned i = 0; i < 2 && dev->link_up; i++)
            send_one();
        netdev_tx_flush(dev);
        if (dev->link_up && ++ticks % ROUND == 0)
            ask_services();
    }
    return n != 0;
}

bool vif_arm(void)
{
    return dev != NULL && netdev_arm(dev);
}

uint64_t vif_due(void)
{
    return dev != NULL ? send_at : open_at;
}

bool vif_end(void)
{
    if (dev != NULL)
        close_it();
    LOG_INFO("liar: network: opened %u times, refused %u times, %llu violations, %llu pages "
             "quarantined; %llu frames out, %llu in",
             opened, refused, (unsigned long long)violations, (unsigned long long)quarantined,
             (unsigned long long)sent, (unsigned long long)received);
    LOG_INFO("liar: network: pages: %u of %u free", pages.free_count, pages.total);
    return pages.free_count == pages.total;
}
