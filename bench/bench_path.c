/* SPDX-License-Identifier: ISC */
/* bench_path.c - where the instructions of a packet go: driver, grants, stack, program. Run by
 * bench/run-path under callgrind, which collects inside measured() and nowhere else.
 *
 * Two vifs of the simulated Xen, joined by a cable. On each a whole stack over netfront; what end 0
 * does is measured, end 1 and domain 0 are not, but for what of the hypervisor runs in a hypercall
 * of end 0's.
 *
 *     echo PAYLOAD COUNT       datagrams come, and go back
 *     in|out OFFLOADS KIB      TCP in bulk; OFFLOADS: gso, csum (no super-segments), none
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/netfront.h>
#include <morgana/start.h>
#include <morgana/tcp.h>
#include <morgana/udp.h>

#include "simguest.h"
#include "support.h"

enum { PAGES = 6000, ARP_ENTRIES = 16, BUDGET = 64, PORT = 7, BATCH = 32 };
#define TURN_NS (20 * NS_PER_US)

static struct end {
    struct netdev *dev;
    struct page_pool pages;
    struct pkt_pool pool;
    struct netif nif;
    struct tcp tcp;
    struct udp_sock sock;
    tcp_t conn;
    struct arp_entry arp[ARP_ENTRIES];
    uint64_t bytes; /* received */
} ends[2];

static struct sim_queue cable[2];
static uint64_t to_send;
static struct page *page;

static void must(int err, const char *what)
{
    if (err < 0) {
        fprintf(stderr, "bench_path: %s: %s\n", what, err_name(err));
        exit(1);
    }
}

/* ---- the two ends ---------------------------------------------------------------------------- */

static void start_end(unsigned i)
{
    struct end *end = &ends[i];
    struct netif_conf conf = {
        .pool = &end->pool, .key = {i + 1, 2}, .arp = end->arp, .arp_max = ARP_ENTRIES};
    struct tcp_conf tcp = {.nif = &end->nif,
                           .key = {i + 3, 4},
                           .conns_max = 16,
                           .pages_max = PAGES / 2,
                           .tuning = tcp_tuning_default};
    struct udp_conf udp = {.port = PORT, .queue_max = 1024};
    uint64_t now = plat_now_ns();

    page_pool_init(&end->pages, calloc(PAGES, sizeof(struct page)),
                   aligned_alloc(PAGE_BYTES, (size_t)PAGES * PAGE_BYTES), PAGES);
    pkt_pool_init(&end->pool, calloc(2 * PAGES, sizeof(struct pkt)), 2 * PAGES, &end->pages);
    must(start_vif_open(i, i, &end->pool, &conf.dev), "netfront");
    end->dev = conf.dev;
    must(netif_init(&end->nif, &conf, now), "netif");
    must(netif_addr_add(&end->nif, IP4_ADDR(10, 0, 0, i + 1), 24, false, now), "address");
    tcp.memory_bytes = tcp_memory_bytes(&tcp);
    tcp.memory = aligned_alloc(64, (tcp.memory_bytes + 63) / 64 * 64);
    must(tcp_init(&end->tcp, &tcp, now), "tcp");
    must(udp_open(&end->sock, &end->nif, &udp), "udp");
}

/* Answers datagrams; takes what TCP has; sends what is to be sent. */
static void program(struct end *end, bool echoes, bool sends, uint64_t now)
{
    struct udp_meta from;
    struct pkt *pkt;
    struct cs_ro views[16];
    int n;

    while (udp_recv(&end->sock, &from, &pkt) == 0) {
        struct udp_meta to = {.src = from.dst, .dst = from.src, .dst_port = from.src_port};

        end->bytes += pkt->len;
        if (!echoes || udp_send(&end->sock, &to, pkt, now) != 0)
            pkt_put(pkt);
    }
    while (end->conn != 0 && (n = tcp_recv_peek(&end->tcp, end->conn, views, 16)) > 0) {
        uint32_t sum = 0;

        for (int i = 0; i < n; i++)
            sum += (uint32_t)views[i].len;
        must(tcp_recv_consume(&end->tcp, end->conn, sum, now), "consume");
        end->bytes += sum;
    }
    while (sends && to_send != 0) {
        page_ref(page);
        if (tcp_send_page(&end->tcp, end->conn, page, 0, PAGE_BYTES, now) != 0) {
            page_put(page);
            break;
        }
        to_send -= PAGE_BYTES;
    }
}

static void poll_end(struct end *end, bool echoes, bool sends, uint64_t now)
{
    (void)netif_poll(&end->nif, now, BUDGET);
    program(end, echoes, sends, now);
    netdev_tx_flush(end->dev);
    (void)netif_arm(&end->nif);
}

/* callgrind collects inside this function. */
__attribute__((noinline)) void measured(bool sends, uint64_t now);
__attribute__((noinline)) void measured(bool sends, uint64_t now)
{
    poll_end(&ends[0], true, sends, now);
}

static void turn(bool in, bool out)
{
    vplat_advance(TURN_NS);
    poll_end(&ends[1], false, in, plat_now_ns());
    sim_run_until_idle();
    (void)evtchn_upcall(&start_get()->ev);
    measured(out, plat_now_ns());
    sim_run_until_idle();
    (void)evtchn_upcall(&start_get()->ev);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void echo(uint32_t payload, uint64_t count)
{
    struct udp_meta to = {.dst = IP4_ADDR(10, 0, 0, 1), .dst_port = PORT};
    uint64_t sent = 0;

    /* One alone first: it makes both find each other's MAC address. */
    must(udp_send(&ends[1].sock, &to, pkt_alloc(&ends[1].pool, PKT_HEADROOM_BYTES, 1),
                  plat_now_ns()),
         "send");
    while (ends[1].bytes == 0)
        turn(false, false);
    ends[1].bytes = 0;
    while (ends[1].bytes < count * payload) {
        for (unsigned i = 0; i < BATCH && sent < count; i++, sent++) {
            struct pkt *pkt = pkt_alloc(&ends[1].pool, PKT_HEADROOM_BYTES, payload);

            must(pkt == NULL ? -E_NOMEM : 0, "packet");
            memset(pkt->frag[0].page->base + pkt->frag[0].off, 'x', payload);
            must(udp_send(&ends[1].sock, &to, pkt, plat_now_ns()), "send");
        }
        turn(false, false);
    }
}

static void bulk(bool out, uint64_t bytes)
{
    struct end *from = &ends[out ? 0 : 1], *to = &ends[out ? 1 : 0];
    struct tcp_connect_conf conf = {
        .dst = to == &ends[0] ? IP4_ADDR(10, 0, 0, 1) : IP4_ADDR(10, 0, 0, 2), .dst_port = PORT};
    struct tcp_listen_conf listen = {.port = PORT, .backlog = 4};
    tcp_t listener;

    must(tcp_listen(&to->tcp, &listen, &listener), "listen");
    must(tcp_connect(&from->tcp, &conf, plat_now_ns(), &from->conn), "connect");
    while (tcp_accept(&to->tcp, listener, &to->conn) != 0)
        turn(false, false);
    while ((tcp_ready(&from->tcp, from->conn) & TCP_READY_SEND) == 0)
        turn(false, false);
    page = page_get(&from->pages);
    memset(page->base, 'x', PAGE_BYTES);
    to_send = bytes;
    while (to->bytes < bytes)
        turn(!out, out);
}

static void tell(void)
{
    const struct netdev_stats *s = &ends[0].dev->stats;

    fprintf(stderr,
            "gso %u, %llu frames in, %llu out, %llu notifications, %llu bytes copied, "
            "%llu segments in, %llu out\n",
            ends[0].dev->caps.gso_max_bytes, (unsigned long long)s->rx_packets,
            (unsigned long long)s->tx_packets, (unsigned long long)(s->tx_notify + s->rx_notify),
            (unsigned long long)(ends[0].pool.stats.copied_bytes),
            (unsigned long long)ends[0].tcp.stats.segs_in,
            (unsigned long long)ends[0].tcp.stats.segs_out);
}

static char *words_of(const char *offloads)
{
    static char none[] = "netfront=nogso,nocsum", csum[] = "netfront=nogso", all[] = "log=warn";

    return strcmp(offloads, "none") == 0 ? none : strcmp(offloads, "csum") == 0 ? csum : all;
}

int main(int argc, char **argv)
{
    const char *mode = argc == 4 ? argv[1] : "";
    bool out = strcmp(mode, "out") == 0, is_tcp = out || strcmp(mode, "in") == 0;
    static char name[] = "bench_path", quiet[] = "log=warn";
    char *words[] = {name, words_of(is_tcp ? argv[2] : ""), quiet, NULL};
    struct sim_conf conf = {.seed = 1, .vif_count = 2};

    if (!is_tcp && strcmp(mode, "echo") != 0) {
        fprintf(stderr, "usage: bench_path echo PAYLOAD COUNT | in|out gso|csum|none KIB\n");
        return 2;
    }
    for (unsigned i = 0; i < 2; i++) {
        must(sim_queue_init(&cable[i]), "queue");
        cable[i].wire.gso = true;
        conf.vif[i].wire = &cable[i].wire;
    }
    sim_queue_join(&cable[0], &cable[1]);
    simguest_boot(&conf, 3, words);
    start_end(0);
    start_end(1);
    if (is_tcp)
        bulk(out, strtoull(argv[3], NULL, 10) * 1024);
    else
        echo((uint32_t)atoi(argv[2]), strtoull(argv[3], NULL, 10));
    tell();
    return 0;
}
