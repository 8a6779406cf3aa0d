/* SPDX-License-Identifier: ISC */
/* fuzz_tcp_link.c - two stacks, and between them a link that does to each frame what the input
 * says: it passes, is lost, comes twice, comes late, or comes changed, with checksums made right
 * again. Both are judged by the trace checker by what really reached them; what was not changed
 * arrives as it was sent; and at the end every page, packet and record is back.
 *
 * A byte of the input for each frame, and for each step of the programs at both ends, until
 * there is no more: then all passes. */
#include <stdlib.h>

#include <morgana/cksum.h>
#include <morgana/tcp.h>

#include "pattern.h"
#include "quietdev.h"
#include "tcp_trace_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGES = 160, PKTS = 384, HELD = 256, STEPS = 2000 };

struct held {
    struct pkt *pkt;
    uint64_t due_ns;
};

struct end {
    struct netdev dev;
    struct page_pool pages;
    struct pkt_pool pool;
    struct page page_headers[PAGES];
    struct pkt pkts[PKTS];
    struct arp_entry arp[4];
    struct ip4_frag_queue frags[1];
    struct netif nif;
    struct tcp tcp;
    void *tcp_memory;
    size_t tcp_memory_size;
    struct held held[HELD]; /* on their way to this end, in the order in which they were sent */
    unsigned held_count;
    tcp_t conn;
    uint64_t sent, got;
};

static _Alignas(PAGE_BYTES) uint8_t memory[2][PAGES * PAGE_BYTES];
static struct end ends[2];
static tcp_t listener;
static struct tcp_trace *trace;
static struct cs_ro script;
static uint64_t now;
static bool waited;
static bool met;     /* the two know each other */
static bool changed; /* a frame was, and its checksums made right */

static uint8_t next_byte(void)
{
    uint8_t byte = 0;

    if (script.len != 0) {
        byte = script.base[0];
        script = cs_shift(script, 1);
    }
    return byte;
}

/* ---- the link ------------------------------------------------------------------------------- */

static void hold(struct end *to, struct pkt *pkt, uint64_t delay_ns)
{
    if (to->held_count == HELD) {
        pkt_put(pkt);
        return;
    }
    to->held[to->held_count++] = (struct held){pkt, now + delay_ns};
}

/* A copy in the sender's pool; NULL: no memory. */
static struct pkt *copy_of(struct pkt *pkt)
{
    struct pkt *copy = pkt_get(pkt->pool);

    for (unsigned i = 0; copy != NULL && i < pkt->frag_count; i++) {
        if (pkt_append_copy(copy, pkt_frag_view(pkt, i)) < 0) {
            pkt_put(copy);
            copy = NULL;
        }
    }
    return copy;
}

/* Changes a byte of the TCP header or what follows, and makes the checksum right. */
static void change(struct pkt *pkt)
{
    struct cs frame;
    uint32_t sum, tcp_len = pkt->len - 34;
    uint8_t where = next_byte(), by = next_byte();

    if (pkt_linearise(pkt) < 0 || pkt->len < 54)
        return;
    frame = pkt_frag_rw(pkt, 0);
    if (cs_get_be16(frame, 12) != 0x0800 || cs_get_u8(frame, 23) != 6)
        return;
    frame.base[34 + where % tcp_len] ^= by;
    cs_set_be16(frame, 50, 0);
    sum = cksum_pseudo4(cs_get_be32(frame, 26), cs_get_be32(frame, 30), 6, (uint16_t)tcp_len);
    cs_set_be16(frame, 50, cksum_finish(pkt_cksum(pkt, 34, tcp_len, sum)));
    changed = true;
}

/* Segments that a stack believes sent got lost before the device, or wait there, where nobody saw
 * them: from now on it cannot be judged. */
static bool is_blind(void)
{
    for (unsigned i = 0; i < 2; i++)
        waited |= met && (ends[i].nif.tx_wait.count != 0 || ends[i].nif.arp_queued != 0);
    for (unsigned i = 0; i < 2; i++)
        if (waited || ends[i].pages.empty != 0 || ends[i].pool.empty != 0 ||
            ends[i].nif.stats.arp_queue_drops != 0)
            return true;
    return false;
}

static int dev_tx(struct netdev *dev, struct pkt *pkt)
{
    struct end *from = CONTAINER_OF(dev, struct end, dev);
    struct end *to = from == &ends[0] ? &ends[1] : &ends[0];
    static uint8_t bytes[2048];
    uint8_t what = next_byte();
    struct pkt *copy;

    ASSERT(pkt->len >= 14 && pkt->len <= 14u + dev->caps.mtu_bytes);
    ASSERT(pkt_read(pkt, 0, cs_of(bytes, pkt->len)));
    if (!is_blind())
        tcp_trace_sent(trace, from == &ends[1], bytes, pkt->len, now,
                       what == 255 ? TCP_TRACE_REFUSED : 0);
    if (what == 255)
        return -E_AGAIN;
    copy = copy_of(pkt); /* the sender's pages are not the receiver's to change */
    pkt_put(pkt);
    if (copy == NULL)
        return 0;
    if (what % 16 == 1) {
        pkt_put(copy);
        return 0;
    }
    if (what % 16 == 2) {
        struct pkt *twice = copy_of(copy);
        if (twice != NULL)
            hold(to, twice, NS_PER_MS * (1 + what / 16));
    }
    if (what % 16 == 3)
        change(copy);
    hold(to, copy, what % 16 == 4 ? NS_PER_MS * (what / 16) * 20 : NS_PER_MS);
    return 0;
}

static unsigned dev_rx(struct netdev *dev, struct pkt **got, unsigned n)
{
    struct end *to = CONTAINER_OF(dev, struct end, dev);
    static uint8_t bytes[2048];
    unsigned count = 0, left = 0;

    for (unsigned i = 0; i < to->held_count; i++) {
        if (count == n || to->held[i].due_ns > now) {
            to->held[left++] = to->held[i];
            continue;
        }
        got[count] = to->held[i].pkt;
        pkt_read(got[count], 0, cs_of(bytes, got[count]->len));
        if (!is_blind())
            tcp_trace_received(trace, to == &ends[0], bytes, got[count]->len, now, 0);
        count++;
    }
    to->held_count = left;
    return count;
}

static const struct netdev_ops ops = {
    .name = "fuzz", .tx = dev_tx, .tx_flush = quietdev_tx_flush, .rx = dev_rx, .arm = quietdev_arm};

/* ---- the programs --------------------------------------------------------------------------- */

static void write_some(struct end *e, uint32_t n)
{
    struct cs room;

    if (tcp_send_reserve(&e->tcp, e->conn, &room) < 0)
        return;
    n = (uint32_t)size_min(room.len, n);
    pattern_fill(room.base, n, e->sent);
    if (tcp_send_commit(&e->tcp, e->conn, n, now) == 0)
        e->sent += n;
}

static void read_some(struct end *e, uint32_t most)
{
    struct cs_ro views[4];
    uint32_t taken = 0;
    int n = tcp_recv_peek(&e->tcp, e->conn, views, 4);

    for (int i = 0; i < n && taken < most; i++) {
        uint32_t len = (uint32_t)size_min(views[i].len, most - taken);

        ASSERT(changed || pattern_check(views[i].base, len, e->got + taken));
        taken += len;
    }
    if (n > 0)
        ASSERT(tcp_recv_consume(&e->tcp, e->conn, taken, now) == 0);
    e->got += taken;
}

static void program(struct end *e)
{
    uint8_t what = next_byte();
    tcp_t conn;

    if (e == &ends[1] && tcp_accept(&e->tcp, listener, &conn) == 0) {
        if (e->conn != 0)
            tcp_abort(&e->tcp, e->conn, now);
        e->conn = conn;
        e->sent = e->got = 0;
    }
    if (e->conn == 0)
        return;
    switch (what % 16) {
    case 8:
        break;
    case 9:
        write_some(e, 1);
        break;
    case 10:
        read_some(e, 100);
        break;
    case 11:
        tcp_shutdown(&e->tcp, e->conn, now);
        break;
    case 12:
        if (what >= 128)
            tcp_close(&e->tcp, e->conn, now);
        break;
    case 13:
        if (what >= 224)
            tcp_abort(&e->tcp, e->conn, now);
        break;
    case 14:
        tcp_set(&e->tcp, e->conn, what / 16 % TCP_OPTS, next_byte(), now);
        break;
    default:
        write_some(e, what * 16u);
        read_some(e, UINT32_MAX);
        break;
    }
}

/* ---- life ----------------------------------------------------------------------------------- */

static void start_end(unsigned i, uint8_t how)
{
    static const struct tcp_tuning *const tunings[] = {&tcp_tuning_default, &tcp_tuning_linux,
                                                       &tcp_tuning_freebsd};
    struct end *e = &ends[i];
    struct netif_conf conf = {.dev = &e->dev,
                              .pool = &e->pool,
                              .key = {i, 2},
                              .arp = e->arp,
                              .arp_max = 4,
                              .frags = e->frags,
                              .frags_max = 1,
                              .frag_bytes_max = 20 * PAGE_BYTES};
    struct tcp_conf tconf = {.nif = &e->nif,
                             .key = {i, 4},
                             .conns_max = 4,
                             .pages_max = PAGES - 64,
                             .tuning = *tunings[how % 3]};

    /* Without clearing the pages: that took longer than the rest. */
    page_pool_wrap(&e->pages, e->page_headers, memory[i], PAGES);
    for (unsigned k = PAGES; k-- > 0;)
        page_put(&e->page_headers[k]);
    e->pages.free_min = PAGES;
    pkt_pool_init(&e->pool, e->pkts, PKTS, &e->pages);
    e->dev = (struct netdev){.ops = &ops,
                             .caps = {.mtu_bytes = 576, .frags_max = 18},
                             .mac = {2, 0, 0, 0, 0, (uint8_t)(1 + i)},
                             .link_up = true};
    e->conn = 0;
    e->sent = e->got = 0;
    e->held_count = 0;
    tconf.tuning.sack &= how & 4 ? false : true;
    tconf.tuning.timestamps &= how & 8 ? false : true;
    tconf.tuning.rack &= how & 16 ? false : true;
    tconf.tuning.tlp &= tconf.tuning.rack;
    tconf.tuning.ecn = how & 32 ? TCP_ECN_ON : TCP_ECN_OFF;
    tconf.tuning.rcvbuf_max = tconf.tuning.rcvbuf = how & 64 ? 4096 : 65536;
    tconf.tuning.sndbuf_max = tconf.tuning.sndbuf = 65536;
    tconf.memory_bytes = tcp_memory_bytes(&tconf);
    if (e->tcp_memory == NULL || e->tcp_memory_size < tconf.memory_bytes) {
        free(e->tcp_memory);
        e->tcp_memory_size = (tconf.memory_bytes + 63) / 64 * 64;
        e->tcp_memory = aligned_alloc(64, e->tcp_memory_size);
    }
    tconf.memory = e->tcp_memory;
    ASSERT(netif_init(&e->nif, &conf, now) == 0);
    ASSERT(netif_addr_add(&e->nif, IP4_ADDR(10, 0, 0, 1 + i), 24, false, now) == 0);
    ASSERT(tcp_init(&e->tcp, &tconf, now) == 0);
}

static uint64_t next_at(void)
{
    uint64_t at = u64_min(netif_poll_at(&ends[0].nif), netif_poll_at(&ends[1].nif));

    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < ends[i].held_count; k++)
            at = u64_min(at, ends[i].held[k].due_ns);
    return at;
}

static void settle(void)
{
    for (unsigned i = 0; i < 100; i++) {
        bool busy = netif_poll(&ends[0].nif, now, 16);

        if (!netif_poll(&ends[1].nif, now, 16) && !busy && !netif_arm(&ends[0].nif) &&
            !netif_arm(&ends[1].nif))
            return;
    }
}

/* What waits for a neighbour is not seen: they know each other. */
static void meet(void)
{
    struct tcp_connect_conf connect = {.dst = IP4_ADDR(10, 0, 0, 2), .dst_port = 9};
    tcp_t conn;

    ASSERT(tcp_connect(&ends[0].tcp, &connect, now, &conn) == 0);
    for (unsigned i = 0; i < 10 && tcp_error(&ends[0].tcp, conn) == 0; i++) {
        settle();
        now += NS_PER_MS;
    }
    ASSERT(tcp_error(&ends[0].tcp, conn) == -E_CONNREFUSED);
    tcp_close(&ends[0].tcp, conn, now);
    met = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_trace_conf conf = {.mtu_bytes = 576,
                                  .mss_floor_bytes = 536,
                                  .ack_delay_max_ns = NS_NEVER,
                                  .conns_max = 8,
                                  .cookies = true};
    struct tcp_listen_conf listen = {.port = 80};
    struct tcp_connect_conf connect = {.dst = IP4_ADDR(10, 0, 0, 2), .dst_port = 80};

    now = NS_PER_S;
    changed = waited = met = false;
    if (trace == NULL)
        trace = tcp_trace_new(&conf);
    script = CS_RO_EMPTY;
    start_end(0, size > 0 ? data[0] : 0);
    start_end(1, size > 1 ? data[1] : 0);
    meet();
    script = cs_ro_of(data + size_min(2, size), size - size_min(2, size));
    ASSERT(tcp_listen(&ends[1].tcp, &listen, &listener) == 0);
    ASSERT(tcp_connect(&ends[0].tcp, &connect, now, &ends[0].conn) == 0);
    for (unsigned i = 0; i < STEPS && script.len != 0; i++) {
        uint64_t at;

        settle();
        program(&ends[0]);
        program(&ends[1]);
        settle();
        at = next_at();
        if (at > now && at != NS_NEVER)
            now = at;
    }
    for (unsigned i = 0; i < 2; i++) {
        tcp_fini(&ends[i].tcp);
        netif_fini(&ends[i].nif);
        for (unsigned k = 0; k < ends[i].held_count; k++)
            pkt_put(ends[i].held[k].pkt);
    }
    tcp_trace_reset(trace);
    for (unsigned i = 0; i < 2; i++) {
        ASSERT(ends[i].pages.free_count == PAGES);
        ASSERT(ends[i].pool.free_count == PKTS);
    }
    return 0;
}
