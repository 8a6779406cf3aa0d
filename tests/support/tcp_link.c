/* SPDX-License-Identifier: ISC */
/* tcp_link.c - the simulated cable: devices, clock, and who is polled when. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tcp_link.h"

#define ENTRIES 16384u
#define QUEUE 32768u
#define ROUNDS_MAX 1000000u /* polls without the clock moving: somebody spins */

/* ---- the ends ------------------------------------------------------------------------------- */

static void open_pool(struct tlink_end *end, uint32_t pages)
{
    uint32_t pkts = pages * 4;

    end->page_memory = aligned_alloc(PAGE_BYTES, (size_t)pages * PAGE_BYTES);
    end->page_headers = calloc(pages, sizeof(*end->page_headers));
    end->pkts = calloc(pkts, sizeof(*end->pkts));
    page_pool_init(&end->pages, end->page_headers, end->page_memory, pages);
    pkt_pool_init(&end->pool, end->pkts, pkts, &end->pages);
}

static void set_mac(uint8_t mac[6], unsigned end)
{
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)(TLINK_MAC(end) >> (40 - 8 * i));
}

static void open_devices(struct tlink *link, unsigned e)
{
    struct tlink_end *end = &link->end[e];
    const struct tlink_conf *conf = &link->conf;
    struct loopback_conf loop = {.mtu_bytes = conf->mtu_bytes,
                                 .csum = conf->csum,
                                 .gso_max_bytes = conf->gso_max_bytes,
                                 .queue_max = QUEUE};
    struct fault_conf fault = {
        .seed = conf->seed + e, .now_ns = plat_now_ns, .entries_max = ENTRIES, .tx = conf->dir[e]};

    set_mac(loop.mac, e);
    assert_int_equal(loopback_open(&end->loopback, &loop, &end->dev), 0);
    end->entries = calloc(ENTRIES, sizeof(*end->entries));
    fault.entries = end->entries;
    if (conf->gso_max_bytes == 0)
        assert_int_equal(fault_open(&end->fault, &fault, end->dev, &end->dev), 0);
    if (link->trace != NULL && end->kind != TLINK_RAW)
        tcp_trace_dev_open(&end->trace_dev, link->trace, e, plat_now_ns, end->dev, &end->dev);
    if (conf->wrap[e] != NULL)
        end->dev = conf->wrap[e](conf->wrap_arg, end->dev);
}

static void open_ours(struct tlink_end *end)
{
    const struct tlink_conf *conf = &end->link->conf;
    const struct tcp_tuning *tuning = conf->tuning[end->index];
    struct netif_conf nif = {.dev = end->dev,
                             .pool = &end->pool,
                             .key = {conf->seed, end->index},
                             .arp = end->arp,
                             .arp_max = 64,
                             .frags = end->frags,
                             .frags_max = 1,
                             .frag_bytes_max = 1u << 17};
    struct tcp_conf tcp = {.nif = &end->nif,
                           .key = {conf->seed * 3 + 1, end->index + 7},
                           .conns_max = conf->conns_max == 0 ? 16 : conf->conns_max,
                           .syns_max = conf->syns_max,
                           .time_waits_max = conf->time_waits_max,
                           .segs_max = conf->segs_max,
                           .pages_max = end->pages.total - 256,
                           .tuning = tuning == NULL ? tcp_tuning_default : *tuning};

    assert_int_equal(netif_init(&end->nif, &nif, plat_now_ns()), 0);
    assert_int_equal(netif_addr_add(&end->nif, TLINK_ADDR(end->index), 24, false, plat_now_ns()),
                     0);
    assert_int_equal(netif_route_add(&end->nif, 0, 0, TLINK_ADDR(!end->index)), 0);
    tcp.memory_bytes = (tcp_memory_bytes(&tcp) + 63) / 64 * 64;
    assert_int_not_equal(tcp.memory_bytes, 0);
    end->tcp_memory = tcp.memory = aligned_alloc(64, tcp.memory_bytes);
    assert_int_equal(tcp_init(&end->tcp, &tcp, plat_now_ns()), 0);
}

static void send_bytes(void *arg, const uint8_t *bytes, size_t len)
{
    struct tlink_end *end = arg;
    struct pkt *pkt = pkt_get(&end->pool);

    /* A device without room loses it, as a card's ring would. */
    if (pkt != NULL &&
        (pkt_append_copy(pkt, cs_ro_of(bytes, len)) < 0 || netdev_tx(end->dev, pkt) != 0))
        pkt_put(pkt);
}

static void open_lwip(struct tlink_end *end)
{
    struct lwip_end_conf conf = {.addr = TLINK_ADDR(end->index),
                                 .peer = TLINK_ADDR(!end->index),
                                 .tx = send_bytes,
                                 .arg = end};

    set_mac(conf.mac, end->index);
    set_mac(conf.peer_mac, !end->index);
    assert_true(lwip_end_available());
    end->lwip = lwip_end_new(&conf);
}

static void on_violation(void *arg, enum tcp_trace_rule rule, const char *text)
{
    struct tlink *link = arg;

    (void)rule;
    fprintf(stderr, "%s%s\n", tcp_trace_list(link->trace), text);
    fail();
}

static void open_trace(struct tlink *link)
{
    struct tcp_trace_conf conf = link->conf.trace;

    if (link->conf.no_trace)
        return;
    for (unsigned e = 0; e < 2 && link->conf.trace.watch == 0; e++)
        conf.watch |= (link->conf.kind[e] == TLINK_OURS ? 1u : 0u) << e;
    if (conf.mtu_bytes == 0)
        conf.mtu_bytes = link->conf.mtu_bytes;
    if (conf.conns_max == 0)
        conf.conns_max = 128;
    if (conf.fail == NULL) {
        conf.fail = on_violation;
        conf.arg = link;
    }
    if (conf.watch != 0)
        link->trace = tcp_trace_new(&conf);
}

struct tlink *tlink_new(const struct tlink_conf *conf)
{
    struct tlink *link = calloc(1, sizeof(*link));

    link->conf = *conf;
    link->wake_at = NS_NEVER;
    open_trace(link);
    for (unsigned e = 0; e < 2; e++) {
        struct tlink_end *end = &link->end[e];

        end->kind = conf->kind[e];
        end->index = e;
        end->link = link;
        open_pool(end, conf->pages == 0 ? 4096 : conf->pages);
        open_devices(link, e);
    }
    loopback_join(&link->end[0].loopback, &link->end[1].loopback);
    for (unsigned e = 0; e < 2; e++) {
        if (link->end[e].kind == TLINK_OURS)
            open_ours(&link->end[e]);
        else if (link->end[e].kind == TLINK_LWIP)
            open_lwip(&link->end[e]);
    }
    tlink_pass(link, 3 * NS_PER_S); /* announcements of addresses */
    return link;
}

static void close_end(struct tlink_end *end)
{
    if (end->kind == TLINK_OURS) {
        tcp_fini(&end->tcp);
        netif_fini(&end->nif);
    }
    if (end->lwip != NULL)
        lwip_end_free(end->lwip);
}

static void free_end(struct tlink_end *end)
{
    assert_int_equal(end->pool.free_count, end->pool.total);
    assert_int_equal(end->pages.free_count, end->pages.total);
    free(end->tcp_memory);
    free(end->entries);
    free(end->pkts);
    free(end->page_headers);
    free(end->page_memory);
}

void tlink_drop(struct tlink *link)
{
    for (unsigned e = 0; e < 2; e++)
        close_end(&link->end[e]);
    for (unsigned e = 0; e < 2; e++) {
        if (link->conf.gso_max_bytes == 0)
            fault_close(&link->end[e].fault);
        loopback_close(&link->end[e].loopback);
    }
    for (unsigned e = 0; e < 2; e++)
        free_end(&link->end[e]);
    tcp_trace_free(link->trace);
    free(link);
}

static void must_be_idle(const struct tlink_end *end)
{
    struct tcp_usage used = tcp_usage(&end->tcp);

    assert_int_equal(used.conns, 0);
    assert_int_equal(used.syns, 0);
    assert_int_equal(used.segs, 0);
    assert_int_equal(used.chunks, 0);
    assert_int_equal(used.ooo, 0);
    assert_int_equal(used.pages, 0);
}

void tlink_free(struct tlink *link)
{
    for (unsigned e = 0; e < 2; e++)
        if (link->end[e].kind == TLINK_OURS)
            must_be_idle(&link->end[e]);
    tlink_drop(link);
}

/* ---- polling -------------------------------------------------------------------------------- */

static void raw_arp(struct tlink_end *end, const uint8_t *frame)
{
    uint8_t out[42];

    if (frame[21] != 1)
        return;
    /* Whoever is asked for is here: so are all whom the test pretends to be. */
    memcpy(out, frame, sizeof(out));
    memcpy(out, frame + 6, 6);
    set_mac(out + 6, end->index);
    out[21] = 2;
    set_mac(out + 22, end->index);
    memcpy(out + 28, frame + 38, 4);
    memcpy(out + 32, frame + 22, 10);
    send_bytes(end, out, sizeof(out));
}

static void take_frame(struct tlink_end *end, struct pkt *pkt)
{
    static uint8_t bytes[14 + 65535];
    uint32_t len = u32_min(pkt->len, sizeof(bytes));

    pkt_csum_complete(pkt);
    pkt_read(pkt, 0, cs_of(bytes, len));
    pkt_put(pkt);
    if (end->kind == TLINK_LWIP)
        lwip_end_input(end->lwip, bytes, len);
    else if (len >= 42 && bytes[12] == 8 && bytes[13] == 6)
        raw_arp(end, bytes);
    else if (end->link->conf.raw != NULL)
        end->link->conf.raw(end->link, bytes, len);
}

static bool poll_end(struct tlink_end *end)
{
    struct pkt *pkts[32];
    unsigned n;

    if (end->kind == TLINK_OURS)
        return netif_poll(&end->nif, plat_now_ns(), 64);
    if (end->kind == TLINK_LWIP)
        lwip_end_poll(plat_now_ns());
    n = netdev_rx(end->dev, pkts, 32);
    for (unsigned i = 0; i < n; i++)
        take_frame(end, pkts[i]);
    return n != 0;
}

static bool arm_end(struct tlink_end *end)
{
    return end->kind == TLINK_OURS ? netif_arm(&end->nif) : netdev_arm(end->dev);
}

void tlink_settle(struct tlink *link)
{
    for (unsigned rounds = 0; rounds < ROUNDS_MAX; rounds++) {
        bool busy = poll_end(&link->end[0]);

        busy |= poll_end(&link->end[1]);
        if (!busy && !arm_end(&link->end[0]) && !arm_end(&link->end[1]))
            return;
    }
    if (link->trace != NULL)
        fputs(tcp_trace_list(link->trace), stderr);
    fail_msg("the stacks spin");
}

static uint64_t end_at(const struct tlink_end *end)
{
    uint64_t at = end->link->conf.gso_max_bytes == 0 ? fault_poll_at(&end->fault) : NS_NEVER;

    if (end->kind == TLINK_OURS)
        at = u64_min(at, netif_poll_at(&end->nif));
    if (end->kind == TLINK_LWIP)
        at = u64_min(at, lwip_end_poll_at());
    return at;
}

bool tlink_step(struct tlink *link, uint64_t until_ns)
{
    uint64_t at = u64_min(end_at(&link->end[0]), end_at(&link->end[1]));

    at = u64_min(at, link->wake_at);
    if (at > until_ns || at == NS_NEVER) {
        if (until_ns != NS_NEVER)
            vplat_set_now(until_ns);
        return false;
    }
    if (link->wake_at <= at)
        link->wake_at = NS_NEVER;
    /* A deadline that is not in the future would stop the clock. */
    if (at <= plat_now_ns())
        tlink_settle(link);
    vplat_set_now(at);
    tlink_settle(link);
    return true;
}

void tlink_pass(struct tlink *link, uint64_t ns)
{
    uint64_t until = plat_now_ns() + ns;
    unsigned still = 0;

    tlink_settle(link);
    for (uint64_t before = 0; tlink_step(link, until); before = plat_now_ns()) {
        still = plat_now_ns() == before ? still + 1 : 0;
        assert_true(still < 1000); /* a deadline in the past, again and again */
    }
    tlink_settle(link);
}

void tlink_raw_send(struct tlink *link, unsigned e, const uint8_t *bytes, size_t len)
{
    send_bytes(&link->end[e], bytes, len);
}

/* ---- ours ----------------------------------------------------------------------------------- */

tcp_t tlink_listen(struct tlink *link, unsigned e, uint16_t port)
{
    struct tcp_listen_conf conf = {.port = port};
    tcp_t listener = 0;

    assert_int_equal(tcp_listen(tlink_tcp(link, e), &conf, &listener), 0);
    return listener;
}

tcp_t tlink_connect(struct tlink *link, unsigned e, uint16_t port)
{
    struct tcp_connect_conf conf = {.dst = TLINK_ADDR(!e), .dst_port = port};
    tcp_t conn = 0;

    assert_int_equal(tcp_connect(tlink_tcp(link, e), &conf, plat_now_ns(), &conn), 0);
    return conn;
}

void tlink_open(struct tlink *link, tcp_t listener, uint16_t port, tcp_t conn[2])
{
    conn[0] = tlink_connect(link, 0, port);
    tlink_settle(link);
    while (tcp_accept(tlink_tcp(link, 1), listener, &conn[1]) != 0)
        assert_true(tlink_step(link, plat_now_ns() + 100 * NS_PER_S));
}
