/* SPDX-License-Identifier: ISC */
/* liar - a guest with two network devices: device 0 is honest, and answers pings; the backend of
 * device 1 lies (tests/xen/liar). Nothing that it does may keep this program from answering.
 *
 * On device 1 it sends small frames, and drops what it receives. Where the backend broke the
 * protocol, it closes the device and opens it anew. At the end all pages must be there. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/net.h"

int main(int argc, char **argv);

enum { PAGES = 576, PKTS = 600, BATCH = 32, FRAME_BYTES = 60 };
#define TICK_NS (4 * NS_PER_MS)
#define PAUSE_NS (100 * NS_PER_MS)
/* A backend that left may come back: the device opens by itself then. */
#define DOWN_NS (3 * NS_PER_S)

static struct net net = {.name = "liar", .pages_want = 512};

/* Device 1, with memory of its own: what one backend has seen is not for the other. */
static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct page_pool pages;
static struct pkt pkts[PKTS];
static struct pkt_pool pool;
static struct netdev *dev; /* NULL: closed */
static uint64_t open_at, send_at, up_at;
static unsigned opened, refused;
static uint64_t violations, quarantined, sent, received;

static void send_one(void)
{
    static const uint8_t frame[FRAME_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
                                               0,    0,    0,    0,    1,    0x88, 0xb5};
    struct pkt *pkt = pkt_get(&pool);

    if (pkt == NULL)
        return;
    if (pkt_append_copy(pkt, cs_ro_of(frame, sizeof(frame))) != 0 || netdev_tx(dev, pkt) != 0)
        pkt_put(pkt);
    else
        sent++;
}

static void close_it(uint64_t now)
{
    violations += dev->stats.violations;
    quarantined += dev->stats.quarantined;
    plat_netdev_close(dev);
    dev = NULL;
    open_at = now + PAUSE_NS;
}

static void open_it(uint64_t now)
{
    if (plat_netdev_open(1, &pool, &dev) == 0) {
        opened++;
    } else {
        dev = NULL;
        refused++;
    }
    up_at = now;
    open_at = plat_now_ns() + PAUSE_NS;
}

/* One turn of device 1. */
static bool turn(uint64_t now)
{
    struct pkt *got[BATCH];
    unsigned n;

    if (dev == NULL) {
        if (now >= open_at)
            open_it(now);
        return dev != NULL;
    }
    n = netdev_rx(dev, got, BATCH);
    for (unsigned i = 0; i < n; i++)
        pkt_put(got[i]);
    received += n;
    if (dev->link_up)
        up_at = now;
    if (dev->stats.violations != 0 || now - up_at > DOWN_NS) {
        close_it(now);
        return true;
    }
    if (now >= send_at) {
        send_at = now + TICK_NS;
        for (unsigned i = 0; i < 2 && dev->link_up; i++)
            send_one();
        netdev_tx_flush(dev);
    }
    return n != 0;
}

static void loop(void)
{
    while (plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        bool busy = net_poll(&net, now);

        busy = turn(now) || busy;
        if (!busy && (dev == NULL || !netdev_arm(dev)))
            net_wait(&net, dev != NULL ? send_at : open_at);
    }
}

int main(int argc, char **argv)
{
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    if (net_open(&net, argc, argv, plat_now_ns()) != 0)
        return 1;
    LOG_INFO("liar: %s", net_addr_text(&net).text);
    loop();
    if (dev != NULL)
        close_it(plat_now_ns());
    LOG_INFO("liar: opened %u times, refused %u times, %llu violations, %llu pages quarantined; "
             "%llu frames out, %llu in",
             opened, refused, (unsigned long long)violations, (unsigned long long)quarantined,
             (unsigned long long)sent, (unsigned long long)received);
    LOG_INFO("liar: pages: %u of %u free", pages.free_count, pages.total);
    net_close(&net);
    return pages.free_count == pages.total ? 0 : 1;
}
