/* SPDX-License-Identifier: ISC */
/* tcprig.c - see tcprig.h. */
#include <stdlib.h>
#include <string.h>

#include "tcprig.h"

#include <cmocka.h>

enum { PAGES = 4096, BUDGET = 64, SPINS_MAX = 200000 };

uint32_t tcprig_addr(unsigned end)
{
    return IP4_ADDR(10, 0, 0, 1) + end;
}

uint64_t tcprig_now(void)
{
    return plat_now_ns();
}

/* ---- life ----------------------------------------------------------------------------------- */

static void open_pools(struct tcprig_end *end, uint32_t pages)
{
    end->memory[0] = calloc(pages, sizeof(struct page));
    end->memory[1] = aligned_alloc(PAGE_BYTES, (size_t)pages * PAGE_BYTES);
    end->memory[2] = calloc(pages, sizeof(struct pkt));
    page_pool_init(&end->pages, end->memory[0], end->memory[1], pages);
    pkt_pool_init(&end->pkts, end->memory[2], pages, &end->pages);
}

static void open_tcp(struct tcprig_end *end, unsigned i, const struct tcprig_conf *conf)
{
    const struct tcp_tuning *tuning = conf->tuning[i];

    end->conf = (struct tcp_conf){.nif = &end->nif,
                                  .key = {0x1234 + i, 0x5678},
                                  .conns_max = conf->conns_max != 0 ? conf->conns_max : 64,
                                  .pages_max = conf->pages_max != 0 ? conf->pages_max : 1024,
                                  .tuning = tuning != NULL ? *tuning : tcp_tuning_default};
    end->conf.memory_bytes = tcp_memory_bytes(&end->conf);
    assert_int_not_equal(end->conf.memory_bytes, 0);
    end->conf.memory = aligned_alloc(64, (end->conf.memory_bytes + 63) / 64 * 64);
    end->memory[3] = end->conf.memory;
    memset(end->conf.memory, 0xa5, end->conf.memory_bytes);
    assert_int_equal(tcp_init(&end->tcp, &end->conf, tcprig_now()), 0);
}

static void open_end(struct tcprig *rig, unsigned i, const struct tcprig_conf *conf)
{
    struct tcprig_end *end = &rig->end[i];
    struct loopback_conf loop = {.mac = {2, 0, 0, 0, 0, (uint8_t)(i + 1)},
                                 .mtu_bytes = conf->mtu_bytes,
                                 .csum = conf->csum,
                                 .gso_max_bytes = conf->gso_max_bytes};
    struct netif_conf nif = {.pool = &end->pkts, .key = {7, 8 + i}, .arp = end->arp, .arp_max = 16};
    struct netdev *inner;

    if (conf->open_dev != NULL)
        inner = conf->open_dev(i, &end->pkts);
    else
        assert_int_equal(loopback_open(&end->loopback, &loop, &inner), 0);
    tcp_trace_dev_open(&end->trace_dev, rig->trace, i, tcprig_now, inner, &nif.dev);
    assert_int_equal(netif_init(&end->nif, &nif, tcprig_now()), 0);
}

void tcprig_open(struct tcprig *rig, const struct tcprig_conf *conf)
{
    static const struct tcprig_conf usual;
    struct tcp_trace_conf trace = {.mss_floor_bytes = 216, .ack_delay_max_ns = 0};

    if (conf == NULL)
        conf = &usual;
    vplat_reset(1);
    trace.mtu_bytes = conf->mtu_bytes;
    memset(rig, 0, sizeof(*rig));
    rig->trace = tcp_trace_new(&trace);
    rig->between = conf->between;
    rig->close_devs = conf->close_devs;
    for (unsigned i = 0; i < 2; i++) {
        open_pools(&rig->end[i], conf->pages != 0 ? conf->pages : PAGES);
        open_end(rig, i, conf);
    }
    if (conf->open_dev == NULL)
        loopback_join(&rig->end[0].loopback, &rig->end[1].loopback);
    for (unsigned i = 0; i < 2; i++) {
        rig->end[i].trace_dev.dev.caps = rig->end[i].trace_dev.inner->caps;
        rig->end[i].trace_dev.dev.link_up = true;
        netif_addr_add(&rig->end[i].nif, tcprig_addr(i), 24, false, tcprig_now());
        open_tcp(&rig->end[i], i, conf);
    }
    tcprig_poll(rig);
}

void tcprig_close(struct tcprig *rig)
{
    for (unsigned i = 0; i < 2; i++)
        tcp_fini(&rig->end[i].tcp);
    for (unsigned i = 0; i < 2; i++) {
        netif_fini(&rig->end[i].nif);
        if (rig->close_devs == NULL)
            loopback_close(&rig->end[i].loopback);
    }
    if (rig->close_devs != NULL)
        rig->close_devs();
    assert_int_equal(tcp_trace_stats(rig->trace)->errors, 0);
    tcp_trace_free(rig->trace);
    for (unsigned i = 0; i < 2; i++) {
        struct tcprig_end *end = &rig->end[i];

        assert_int_equal(end->pages.free_count, end->pages.total);
        assert_int_equal(end->pkts.free_count, end->pkts.total);
        for (unsigned m = 0; m < ARRAY_SIZE(end->memory); m++)
            free(end->memory[m]);
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

bool tcprig_poll_end(struct tcprig *rig, unsigned end)
{
    bool more = netif_poll(&rig->end[end].nif, tcprig_now(), BUDGET);

    return netif_arm(&rig->end[end].nif) || more;
}

void tcprig_poll(struct tcprig *rig)
{
    for (unsigned spins = 0; spins < SPINS_MAX; spins++) {
        bool more = tcprig_poll_end(rig, 0);

        more = tcprig_poll_end(rig, 1) || more;
        more = (rig->between != NULL && rig->between()) || more;
        /* What end 1 has just sent is work for end 0. */
        if (!more && !netif_arm(&rig->end[0].nif))
            return;
    }
    fail_msg("the two ends find no rest");
}

static uint64_t next_deadline(struct tcprig *rig)
{
    return u64_min(netif_poll_at(&rig->end[0].nif), netif_poll_at(&rig->end[1].nif));
}

void tcprig_run(struct tcprig *rig, uint64_t ns)
{
    uint64_t until = tcprig_now() + ns, at;

    tcprig_poll(rig);
    while ((at = next_deadline(rig)) <= until) {
        vplat_set_now(at > tcprig_now() ? at : tcprig_now());
        tcprig_poll(rig);
    }
    vplat_set_now(until);
    tcprig_poll(rig);
}

/* ---- connections ---------------------------------------------------------------------------- */

void tcprig_connect(struct tcprig *rig, tcp_t *a, tcp_t *b)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};

    if (rig->listener == 0)
        assert_int_equal(tcp_listen(&rig->end[1].tcp,
                                    &(struct tcp_listen_conf){.port = TCPRIG_PORT}, &rig->listener),
                         0);
    assert_int_equal(tcp_connect(&rig->end[0].tcp, &conf, tcprig_now(), a), 0);
    tcprig_poll(rig);
    assert_int_equal(tcp_accept(&rig->end[1].tcp, rig->listener, b), 0);
}

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 7 + (at >> 8) * 13 + (at >> 20));
}

uint32_t tcprig_send(struct tcprig *rig, unsigned end, tcp_t conn, uint64_t from, uint32_t n)
{
    struct tcp *tcp = &rig->end[end].tcp;
    uint32_t done = 0;
    struct cs room;

    while (done < n) {
        uint32_t part;
        int err = tcp_send_reserve(tcp, conn, &room);

        if (err == -E_AGAIN)
            break;
        assert_int_equal(err, 0);
        part = u32_min(n - done, (uint32_t)room.len);
        for (uint32_t i = 0; i < part; i++)
            room.base[i] = pattern(from + done + i);
        assert_int_equal(tcp_send_commit(tcp, conn, part, tcprig_now()), 0);
        done += part;
    }
    return done;
}

uint32_t tcprig_recv(struct tcprig *rig, unsigned end, tcp_t conn, uint64_t from)
{
    struct tcp *tcp = &rig->end[end].tcp;
    struct cs_ro views[8];
    uint32_t done = 0;
    int n;

    while ((n = tcp_recv_peek(tcp, conn, views, 8)) > 0) {
        uint32_t took = 0;

        for (int v = 0; v < n; v++)
            for (size_t i = 0; i < views[v].len; i++)
                if (views[v].base[i] != pattern(from + done + took++))
                    fail_msg("byte %llu differs", (unsigned long long)(from + done + took - 1));
        assert_int_equal(tcp_recv_consume(tcp, conn, took, tcprig_now()), 0);
        done += took;
    }
    return done;
}
