/* SPDX-License-Identifier: ISC */
/* bench_tcp.c - B2 to B4 and B6: two stacks joined by a cable in memory, both counted. Run by
 * bench/run-tcp under callgrind, and against the clock.
 *
 *     bulk BYTES        one way, frames of 1514 bytes, each copied as a driver copies it, checksums
 *                       computed and verified
 *     gso BYTES         the same by super-segments of 64 KiB, by reference, checksums left
 *                       to the device
 *     rr COUNT          requests of one byte and their answers
 *     conn COUNT        connect, one byte each way, close
 *     memcpy BYTES      what the machine's memory does: by pages from 4 MiB to 4 MiB
 *     demux CONNS COUNT segments of 100 bytes to so many connections in turn
 *
 * Time is virtual: 10 us a round. Prints nanoseconds of real time for what was asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <morgana/tcp.h>

enum { PAGES = 40000, PKTS = 40000, ARP_ENTRIES = 64, BUDGET = 64, PORT = 7 };
#define ROUND_NS (10 * NS_PER_US)

struct host {
    struct netdev dev;
    struct pkt_queue queue; /* frames on their way to it */
    struct host *peer;
    bool by_reference;
    struct page_pool pages;
    struct pkt_pool pool;
    struct netif nif;
    struct tcp tcp;
    struct arp_entry arp[ARP_ENTRIES];
    struct page *page_headers;
    struct pkt *pkts;
};

static struct host hosts[2];
static uint64_t now = NS_PER_S;

/* ---- the cable ------------------------------------------------------------------------------- */

static int cable_tx(struct netdev *dev, struct pkt *pkt)
{
    struct host *to = ((struct host *)dev)->peer;
    struct pkt *copy;

    if (to->by_reference) {
        if (pkt->csum == PKT_CSUM_BLANK)
            pkt->csum = PKT_CSUM_VALIDATED;
        pkt_queue_push(&to->queue, pkt);
        return 0;
    }
    copy = pkt_alloc(&to->pool, 0, pkt->len);
    if (copy == NULL)
        return -E_AGAIN;
    pkt_read(pkt, 0, pkt_frag_rw(copy, 0));
    pkt_queue_push(&to->queue, copy);
    pkt_put(pkt);
    return 0;
}

static void cable_flush(struct netdev *dev)
{
    (void)dev;
}

static unsigned cable_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct host *host = (struct host *)dev;
    unsigned got = 0;

    while (got < n && (pkts[got] = pkt_queue_pop(&host->queue)) != NULL)
        got++;
    return got;
}

static bool cable_arm(struct netdev *dev)
{
    return ((struct host *)dev)->queue.count != 0;
}

static const struct netdev_ops ops = {
    .name = "cable", .tx = cable_tx, .tx_flush = cable_flush, .rx = cable_rx, .arm = cable_arm};

/* ---- hosts ----------------------------------------------------------------------------------- */

static void must(int err, const char *what)
{
    if (err < 0) {
        fprintf(stderr, "%s: %s\n", what, err_name(err));
        exit(1);
    }
}

static void start(unsigned i, bool gso, uint32_t conns)
{
    struct host *host = &hosts[i];
    struct netif_conf nif_conf = {.dev = &host->dev,
                                  .pool = &host->pool,
                                  .key = {i + 1, 2},
                                  .arp = host->arp,
                                  .arp_max = ARP_ENTRIES};
    struct tcp_conf tcp_conf = {.nif = &host->nif,
                                .key = {i + 3, 4},
                                .conns_max = conns + 64,
                                .pages_max = PAGES / 2,
                                .tuning = tcp_tuning_default};

    host->page_headers = calloc(PAGES, sizeof(*host->page_headers));
    host->pkts = calloc(PKTS, sizeof(*host->pkts));
    page_pool_init(&host->pages, host->page_headers,
                   aligned_alloc(PAGE_BYTES, (size_t)PAGES * PAGE_BYTES), PAGES);
    pkt_pool_init(&host->pool, host->pkts, PKTS, &host->pages);
    host->dev = (struct netdev){.ops = &ops,
                                .caps = {.mtu_bytes = 1500,
                                         .frags_max = PKT_FRAGS_MAX,
                                         .csum_tx = gso,
                                         .csum_rx = gso,
                                         .gso_max_bytes = gso ? 65535 : 0,
                                         .gso_rx = gso},
                                .mac = {2, 0, 0, 0, 0, (uint8_t)(i + 1)},
                                .link_up = true};
    host->by_reference = gso;
    host->peer = &hosts[1 - i];
    must(netif_init(&host->nif, &nif_conf, now), "netif_init");
    must(netif_addr_add(&host->nif, IP4_ADDR(10, 0, 0, i + 1), 24, false, now), "address");
    tcp_conf.memory_bytes = tcp_memory_bytes(&tcp_conf);
    tcp_conf.memory = aligned_alloc(64, (tcp_conf.memory_bytes + 63) / 64 * 64);
    must(tcp_init(&host->tcp, &tcp_conf, now), "tcp_init");
}

static void turn(void)
{
    now += ROUND_NS;
    netif_poll(&hosts[0].nif, now, BUDGET);
    netif_poll(&hosts[1].nif, now, BUDGET);
}

/* Only when nothing moves: the clock goes to the next deadline. */
static void skip(void)
{
    uint64_t at = u64_min(netif_poll_at(&hosts[0].nif), netif_poll_at(&hosts[1].nif));

    if (hosts[0].queue.count == 0 && hosts[1].queue.count == 0 && at > now && at != NS_NEVER)
        now = at;
}

static tcp_t listener;

static void join(tcp_t *client, tcp_t *server)
{
    struct tcp_connect_conf conf = {.dst = IP4_ADDR(10, 0, 0, 2), .dst_port = PORT};

    must(tcp_connect(&hosts[0].tcp, &conf, now, client), "tcp_connect");
    while (tcp_accept(&hosts[1].tcp, listener, server) != 0)
        turn();
    while ((tcp_ready(&hosts[0].tcp, *client) & TCP_READY_SEND) == 0)
        turn();
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static uint64_t take_all(tcp_t conn)
{
    struct cs_ro views[16];
    uint64_t total = 0;

    for (;;) {
        uint32_t sum = 0;
        int n = tcp_recv_peek(&hosts[1].tcp, conn, views, 16);

        if (n <= 0)
            return total;
        for (int i = 0; i < n; i++)
            sum += (uint32_t)views[i].len;
        must(tcp_recv_consume(&hosts[1].tcp, conn, sum, now), "consume");
        total += sum;
    }
}

static void bulk(uint64_t bytes)
{
    struct page *page = page_get(&hosts[0].pages);
    uint64_t sent = 0, received = 0;
    tcp_t client, server;

    memset(page->base, 'x', PAGE_BYTES);
    join(&client, &server);
    while (received < bytes) {
        uint64_t before = received;

        while (sent < bytes) {
            page_ref(page);
            if (tcp_send_page(&hosts[0].tcp, client, page, 0, PAGE_BYTES, now) != 0) {
                page_put(page);
                break;
            }
            sent += PAGE_BYTES;
        }
        turn();
        received += take_all(server);
        if (received == before)
            skip();
    }
    if (hosts[0].tcp.stats.copied_bytes + hosts[1].tcp.stats.copied_bytes +
            hosts[0].pool.stats.copied_bytes + hosts[1].pool.stats.copied_bytes !=
        0) {
        fprintf(stderr, "bytes were copied\n");
        exit(1);
    }
}

static void one_round(tcp_t client, tcp_t server)
{
    uint8_t byte = 1;

    must(tcp_send(&hosts[0].tcp, client, cs_ro_of(&byte, 1), now), "send");
    while (tcp_recv(&hosts[1].tcp, server, cs_of(&byte, 1), now) != 1)
        turn();
    must(tcp_send(&hosts[1].tcp, server, cs_ro_of(&byte, 1), now), "send");
    while (tcp_recv(&hosts[0].tcp, client, cs_of(&byte, 1), now) != 1)
        turn();
}

static void request_response(uint64_t count)
{
    tcp_t client, server;

    join(&client, &server);
    for (uint64_t i = 0; i < count; i++)
        one_round(client, server);
}

static void connections(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        tcp_t client, server;

        join(&client, &server);
        one_round(client, server);
        tcp_close(&hosts[0].tcp, client, now);
        while ((tcp_ready(&hosts[1].tcp, server) & TCP_READY_EOF) == 0)
            turn();
        tcp_close(&hosts[1].tcp, server, now);
        turn();
        turn();
    }
}

static void demux(uint64_t conns, uint64_t count)
{
    tcp_t *clients = calloc(conns, sizeof(*clients)), *servers = calloc(conns, sizeof(*servers));
    static const uint8_t text[100];

    for (uint64_t i = 0; i < conns; i++)
        join(&clients[i], &servers[i]);
    for (uint64_t i = 0; i < count; i++) {
        /* 7919 is prime: neighbours in the table are not neighbours in time. */
        uint64_t at = i * 7919 % conns;

        must(tcp_send(&hosts[0].tcp, clients[at], cs_ro_of(text, sizeof(text)), now), "send");
        while (take_all(servers[at]) == 0)
            turn();
        turn();
    }
}

static void copy(uint64_t bytes)
{
    enum { AREA = 4 << 20 };
    uint8_t *from = calloc(1, AREA), *to = calloc(1, AREA);

    for (uint64_t done = 0; done < bytes; done += PAGE_BYTES) {
        size_t at = done % AREA;

        memcpy(to + at, from + at, PAGE_BYTES);
        __asm__ volatile("" : : "r"(to) : "memory");
    }
}

static uint64_t real_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[1] : "";
    bool is_demux = strcmp(mode, "demux") == 0, gso = strcmp(mode, "gso") == 0;
    uint64_t count = strtoull(argc > 2 ? argv[argc - 1] : "0", NULL, 10);
    uint64_t conns = is_demux && argc == 4 ? strtoull(argv[2], NULL, 10) : 1, from;
    struct tcp_listen_conf conf = {.port = PORT, .backlog = 64};

    start(0, gso, (uint32_t)conns);
    start(1, gso, (uint32_t)conns);
    must(tcp_listen(&hosts[1].tcp, &conf, &listener), "tcp_listen");
    from = real_ns();
    if (gso || strcmp(mode, "bulk") == 0) {
        bulk(count);
    } else if (strcmp(mode, "rr") == 0) {
        request_response(count);
    } else if (strcmp(mode, "memcpy") == 0) {
        copy(count);
    } else if (strcmp(mode, "conn") == 0) {
        connections(count);
    } else if (is_demux && argc == 4 && conns != 0) {
        demux(conns, count);
    } else {
        fprintf(stderr, "usage: %s bulk|gso|memcpy|rr|conn COUNT, or demux CONNS COUNT\n", argv[0]);
        return 2;
    }
    printf("%llu\n", (unsigned long long)(real_ns() - from));
    return 0;
}
