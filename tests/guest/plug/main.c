/* SPDX-License-Identifier: ISC */
/* main.c - a guest whose network devices come and go: each that there is gets an interface of its
 * own, 10.0.0.(10 + its number), and the echo service over UDP; the first one TCP too (tcp.h). When
 * one is down, and nothing of it is held any more, it says so: then its pools must be full. It ends
 * when it is asked to.
 */
#include <stdio.h>

#include <morgana/platform.h>
#include <morgana/start.h>
#include <morgana/udp.h>

#include "tcp.h"

enum { DEVICES = 3, PAGES = 640, PKTS = 2 * PAGES, ARP_ENTRIES = 16, BUDGET = 64 };

static struct device {
    struct netif nif;
    struct udp_sock sock;
    struct page_pool pages;
    struct pkt_pool pool;
    struct page page_headers[PAGES];
    struct pkt pkts[PKTS];
    struct arp_entry arp[ARP_ENTRIES];
    bool was_up, was_full;
    unsigned ups, downs;
} devices[DEVICES];
static unsigned count;
static _Alignas(PAGE_BYTES) uint8_t memory[DEVICES][PAGES * PAGE_BYTES];

static bool open_device(unsigned i, uint64_t now)
{
    struct device *d = &devices[i];
    struct netif_conf conf = {.pool = &d->pool, .arp = d->arp, .arp_max = ARP_ENTRIES};
    const struct udp_conf udp = {.addr = IP4_ANY, .port = 7, .queue_max = 256};

    page_pool_init(&d->pages, d->page_headers, memory[i], PAGES);
    pkt_pool_init(&d->pool, d->pkts, PKTS, &d->pages);
    if (plat_netdev_open(i, &d->pool, &conf.dev) != 0)
        return false;
    (void)plat_entropy(cs_of(conf.key, sizeof(conf.key)));
    if (netif_init(&d->nif, &conf, now) != 0 ||
        netif_addr_add(&d->nif, IP4_ADDR(10, 0, 0, 10 + i), 24, false, now) != 0 ||
        udp_open(&d->sock, &d->nif, &udp) != 0 || (i == 0 && !plug_tcp_start(&d->nif, now)))
        return false;
    printf("plug: device %u is there\n", i);
    return true;
}

static void echo(struct device *d, uint64_t now)
{
    struct udp_meta from;
    struct pkt *pkt;

    while (udp_recv(&d->sock, &from, &pkt) == 0) {
        struct udp_meta to = {.src = from.dst, .dst = from.src, .dst_port = from.src_port};

        if (udp_send(&d->sock, &to, pkt, now) != 0)
            pkt_put(pkt);
    }
    netdev_tx_flush(d->nif.conf.dev);
}

/* Says what became of the link, and when a device that is down holds nothing any more. */
static void tell(struct device *d, unsigned i)
{
    const bool up = d->nif.conf.dev->link_up;
    const bool full = d->pages.free_count == PAGES && d->pool.free_count == PKTS;

    if (up != d->was_up) {
        up ? d->ups++ : d->downs++;
        printf("plug: device %u: %s, %u: free pages %u, packets %u, quarantined %u\n", i,
               up ? "up" : "down", up ? d->ups : d->downs, d->pages.free_count, d->pool.free_count,
               d->pages.quarantined);
    }
    if (!up && full && (d->was_up || !d->was_full))
        printf("plug: device %u: full, %u times down\n", i, d->downs);
    d->was_up = up;
    d->was_full = full;
}

static void turn(void)
{
    uint64_t now = plat_now_ns(), until = NS_NEVER;
    bool busy = false;

    for (unsigned i = 0; i < count; i++) {
        busy |= netif_poll(&devices[i].nif, now, BUDGET);
        echo(&devices[i], now);
        tell(&devices[i], i);
    }
    if (count > 0)
        until = plug_tcp_turn(devices[0].downs, now);
    for (unsigned i = 0; i < count && !busy; i++) {
        busy = netif_arm(&devices[i].nif);
        until = u64_min(until, netif_poll_at(&devices[i].nif));
    }
    if (!busy)
        plat_wait(until);
}

int main(void)
{
    while (plat_request() == PLAT_RUN) {
        while (count < u32_min(plat_netdev_count(), DEVICES)) {
            if (!open_device(count, plat_now_ns()))
                return 1;
            count++;
        }
        turn();
    }
    for (unsigned i = 0; i < count; i++) {
        printf("plug: device %u: %u times up, %lu datagrams\n", i, devices[i].ups,
               (unsigned long)devices[i].sock.sent);
        udp_close(&devices[i].sock);
        if (i == 0)
            plug_tcp_stop();
        netif_fini(&devices[i].nif);
        plat_netdev_close(devices[i].nif.conf.dev);
        if (devices[i].pages.free_count != PAGES || devices[i].pool.free_count != PKTS) {
            printf("plug: device %u: not full at the end\n", i);
            return 1;
        }
    }
    return 0;
}
