/* SPDX-License-Identifier: ISC */
/* fuzz_tcp_input.c - TCP's receive path: a stack with a listener and connections in several states,
 * to whose peers the input speaks; and the program's side, the clock, a device that is full.
 *
 * The input is a list of steps: a byte that says what, one that says how long, and that many
 * bytes. Segments get right checksums, and numbers near those that the connection expects, else
 * a fuzzer would spend its life guessing them. What the stack sends is judged by the trace
 * checker. At the end every page, packet and record must be back. */
#include <stdlib.h>

#include <morgana/cksum.h>
#include <morgana/tcp.h>

#include "quietdev.h"
#include "tcp_frame.h"
#include "tcp_trace_check.h"
#include "tcp_trace_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGES = 192, PKTS = 320, PEERS = 6, HANDLES = 8, OUT_MAX = 256 };

#define US IP4_ADDR(10, 0, 0, 1)
#define THEM IP4_ADDR(10, 0, 0, 2)

/* What a peer knows of its connection, by what the stack sent it. */
struct peer {
    uint16_t port, our_port;
    uint32_t seq, ack; /* next to send; next expected */
    uint32_t tsval, tsecr;
    bool ts;
};

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page page_headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct arp_entry arp[8];
static struct ip4_frag_queue frags[1];
static struct netif nif;
static struct tcp tcp;
static void *tcp_memory;
static size_t tcp_memory_size;
static struct pkt_queue in_flight;
static struct tcp_trace *trace;
static struct peer peers[PEERS];
static tcp_t handles[HANDLES];
static unsigned handle_next, tx_room;
static uint64_t now;
static bool link_was_down, waited;
static bool met; /* the stack knows its neighbour */

/* ---- the device ----------------------------------------------------------------------------- */

static void learn(const struct tt_seg *s)
{
    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *p = &peers[i];

        if (p->port != s->dport || (p->our_port != 0 && p->our_port != s->sport))
            continue;
        p->our_port = s->sport;
        p->ack = s->seq + tt_seq_len(s);
        if (s->opts.ts)
            p->tsecr = s->opts.tsval;
        p->ts |= s->opts.ts;
    }
}

/* Segments that the stack believes sent got lost before the device, or wait there, where nobody saw
 * them: from now on it cannot be judged. */
static bool is_blind(void)
{
    waited |= met && (nif.tx_wait.count != 0 || nif.arp_queued != 0);
    return pages.empty != 0 || pool.empty != 0 || nif.stats.arp_queue_drops != 0 || link_was_down ||
           waited;
}

static int dev_tx(struct netdev *dev, struct pkt *pkt)
{
    static uint8_t bytes[2048];
    struct tt_seg s;

    ASSERT(pkt->len >= 14 && pkt->len <= 14u + dev->caps.mtu_bytes);
    ASSERT(pkt_read(pkt, 0, cs_of(bytes, pkt->len)));
    if (!is_blind())
        tcp_trace_sent(trace, 0, bytes, pkt->len, now, tx_room == 0 ? TCP_TRACE_REFUSED : 0);
    if (tx_room == 0)
        return -E_AGAIN;
    tx_room--;
    tt_parse(&s, bytes, pkt->len, 0);
    if (s.tcp)
        learn(&s);
    pkt_queue_push(&in_flight, pkt);
    return 0;
}

static const struct netdev_ops ops = QUIETDEV_OPS(dev_tx);
static struct netdev dev;

static void poll(void)
{
    for (unsigned i = 0; i < 64 && netif_poll(&nif, now, 8); i++)
        ;
}

static void pass(uint64_t ns)
{
    uint64_t end = now + ns;

    poll();
    for (unsigned i = 0; i < 64 && netif_poll_at(&nif) <= end; i++) {
        pkt_queue_clear(&in_flight);
        tx_room = OUT_MAX;
        now = netif_poll_at(&nif) > now ? netif_poll_at(&nif) : now;
        poll();
    }
    now = end;
    poll();
    pkt_queue_clear(&in_flight);
    tx_room = OUT_MAX;
}

/* NULL: there is none. That is no loss of the stack's. */
static struct page *get_page(void)
{
    return pages.free_count == 0 ? NULL : page_get(&pages);
}

/* A frame in pages of `piece` bytes. */
static void input(const uint8_t *frame, size_t len, size_t piece)
{
    struct pkt *pkt;

    if (pool.free_count == 0)
        return;
    pkt = pkt_get(&pool);
    for (size_t at = 0; at < len; at += piece) {
        size_t part = size_min(piece, len - at);
        struct page *page = get_page();

        if (page == NULL ||
            pkt_append_take(pkt, page, (uint32_t)(PAGE_BYTES - part), (uint32_t)part) != 0) {
            if (page != NULL)
                page_put(page);
            pkt_put(pkt);
            return;
        }
        memcpy(page->base + PAGE_BYTES - part, frame + at, part);
    }
    /* Longer than the MTU: no such link carries it, and nobody takes it. */
    if (!is_blind() && len <= 14u + dev.caps.mtu_bytes)
        tcp_trace_received(trace, 1, frame, len, now, 0);
    netif_input(&nif, pkt, now);
}

/* ---- start and end -------------------------------------------------------------------------- */

static void on_arp(void)
{
    uint8_t frame[42] = "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\x06\0\x01\x08\0\x06\x04\0\x02\x02\0\0"
                        "\0\0\x02\x0a\0\0\x02\x02\0\0\0\0\x01\x0a\0\0";

    frame[41] = 1;
    input(frame, sizeof(frame), PAGE_BYTES);
}

static void start(uint8_t how)
{
    struct netif_conf conf = {.dev = &dev,
                              .pool = &pool,
                              .key = {1, 2},
                              .arp = arp,
                              .arp_max = 8,
                              .frags = frags,
                              .frags_max = 1,
                              .frag_bytes_max = 20 * PAGE_BYTES};
    struct tcp_conf tconf = {.nif = &nif,
                             .key = {3, 4},
                             .conns_max = 6,
                             .syns_max = how & 1 ? 1 : 4,
                             .time_waits_max = 3,
                             .segs_max = 64,
                             .pages_max = PAGES - 64,
                             .tuning = how & 2   ? tcp_tuning_freebsd
                                       : how & 4 ? tcp_tuning_linux
                                                 : tcp_tuning_default};
    /* A window never shrinks, whatever the pools do; but cookies come and go. */
    struct tcp_trace_conf trace_conf = {.watch = 1,
                                        .mtu_bytes = 600,
                                        .mss_floor_bytes = 536,
                                        .ack_delay_max_ns = NS_NEVER,
                                        .conns_max = 16,
                                        .cookies = true};

    now = NS_PER_S;
    tx_room = OUT_MAX;
    link_was_down = waited = met = false;
    /* Without clearing the pages: that took longer than the rest. */
    page_pool_wrap(&pages, page_headers, memory, PAGES);
    for (unsigned i = PAGES; i-- > 0;)
        page_put(&page_headers[i]);
    pages.free_min = PAGES;
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    dev = (struct netdev){.ops = &ops,
                          .caps = {.mtu_bytes = 600, .frags_max = 18},
                          .mac = {2, 0, 0, 0, 0, 1},
                          .link_up = true};
    if (trace == NULL)
        trace = tcp_trace_new(&trace_conf);
    ASSERT(netif_init(&nif, &conf, now) == 0);
    ASSERT(netif_addr_add(&nif, US, 24, false, now) == 0);
    tconf.tuning.rcvbuf = tconf.tuning.rcvbuf_max = 16384;
    tconf.tuning.sndbuf = tconf.tuning.sndbuf_max = 16384;
    tconf.tuning.ecn = how & 8 ? TCP_ECN_ON : TCP_ECN_PASSIVE;
    tconf.memory_bytes = tcp_memory_bytes(&tconf);
    if (tcp_memory == NULL || tcp_memory_size < tconf.memory_bytes) {
        free(tcp_memory);
        tcp_memory_size = (tconf.memory_bytes + 63) / 64 * 64;
        tcp_memory = aligned_alloc(64, tcp_memory_size);
    }
    tconf.memory = tcp_memory;
    ASSERT(tcp_init(&tcp, &tconf, now) == 0);
    handle_next = 0;
    memset(handles, 0, sizeof(handles));
    for (unsigned i = 0; i < PEERS; i++)
        peers[i] = (struct peer){.port = (uint16_t)(100 + i),
                                 .our_port = 80,
                                 .seq = 0xffffff00u + i * 0x40000000u,
                                 .tsval = 0xfffffff0u};
}

static void finish(void)
{
    tcp_fini(&tcp);
    netif_fini(&nif);
    pkt_queue_clear(&in_flight);
    tcp_trace_reset(trace);
    ASSERT(pages.free_count == PAGES);
    ASSERT(pool.free_count == PKTS);
}

/* ---- segments ------------------------------------------------------------------------------- */

static void send_frame(const struct tcp_frame *f, size_t piece)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    struct tcp_frame full = *f;

    full.src_mac = 0x020000000002;
    full.dst_mac = 0x020000000001;
    input(bytes, tcp_frame_make(bytes, &full), piece);
}

static struct tcp_frame frame_of(const struct peer *p, uint8_t flags)
{
    return (struct tcp_frame){.src = THEM,
                              .dst = US,
                              .sport = p->port,
                              .dport = p->our_port,
                              .seq = p->seq,
                              .ack = flags & F_ACK ? p->ack : 0,
                              .flags = flags,
                              .wnd = 5000,
                              .ts = p->ts && (flags & F_RST) == 0,
                              .tsval = p->tsval,
                              .tsecr = flags & F_ACK ? p->tsecr : 0,
                              .first = p->seq};
}

static void keep(tcp_t handle)
{
    if (handles[handle_next % HANDLES] != 0)
        tcp_abort(&tcp, handles[handle_next % HANDLES], now);
    handles[handle_next++ % HANDLES] = handle;
}

static void listen(void)
{
    struct tcp_listen_conf conf = {.port = 80, .backlog = 2};
    tcp_t listener;

    if (tcp_listen(&tcp, &conf, &listener) == 0)
        keep(listener);
}

static void connect(uint8_t to)
{
    struct peer *p = &peers[to % PEERS];
    struct tcp_connect_conf conf = {.dst = THEM, .dst_port = p->port};
    tcp_t conn;

    p->our_port = 0;
    if (tcp_connect(&tcp, &conf, now, &conn) == 0)
        keep(conn);
}

/* The handshake of a peer that means it. */
static void open_peer(struct peer *p, uint8_t with)
{
    struct tcp_frame f;

    p->our_port = 80;
    p->ts = with & 1;
    f = frame_of(p, F_SYN);
    f.mss = with & 8 ? 100 : 536;
    f.sackok = with & 2;
    f.ws = with & 4;
    f.ws_shift = with >> 4;
    if (with & 32)
        f.flags |= F_ECE | F_CWR;
    send_frame(&f, PAGE_BYTES);
    poll();
    p->seq++;
    f = frame_of(p, F_ACK);
    send_frame(&f, PAGE_BYTES);
    poll();
}

/* bytes: peer, flags, what of it is out of place, then how far and how much; the rest are
 * options. */
static void segment(struct cs_ro b)
{
    struct peer *p;
    struct tcp_frame f;
    uint8_t what;

    if (b.len < 8)
        return;
    p = &peers[b.base[0] % PEERS];
    what = b.base[2];
    f = frame_of(p, b.base[1]);
    f.len = b.base[3] * (what & 64 ? 6u : 1u);
    if (what & 1)
        f.seq += (uint32_t)(int8_t)b.base[4] * (what & 2 ? 100u : 1u);
    if (what & 4)
        f.ack += (uint32_t)(int8_t)b.base[5] * (what & 2 ? 100u : 1u);
    f.first = f.seq;
    f.wnd = (uint16_t)(b.base[6] << (b.base[6] & 8));
    f.urg = b.base[7];
    f.ecn = what >> 3 & 3;
    if (b.len > 8) {
        f.raw = b.base + 8;
        f.raw_len = (uint8_t)size_min(b.len - 8, 40);
    }
    send_frame(&f, what & 128 ? 50 : PAGE_BYTES);
    if ((what & 5) == 0 && (f.flags & (F_ACK | F_RST)) == F_ACK) {
        p->seq += f.len + ((f.flags & F_FIN) != 0) + ((f.flags & F_SYN) != 0);
        p->tsval += b.base[4];
    }
}

/* SACK blocks relative to what the stack sent. */
static void sack(struct cs_ro b)
{
    struct peer *p;
    struct tcp_frame f;

    if (b.len < 2)
        return;
    p = &peers[b.base[0] % PEERS];
    f = frame_of(p, F_ACK);
    f.ack -= b.base[1] * 16u;
    for (size_t i = 2; i + 1 < b.len && f.sacks < (f.ts ? 3u : 4u); i += 2, f.sacks++) {
        f.left[f.sacks] = f.ack + (uint32_t)(int8_t)b.base[i] * 64u;
        f.right[f.sacks] = f.left[f.sacks] + (uint32_t)(int8_t)b.base[i + 1] * 64u;
    }
    send_frame(&f, PAGE_BYTES);
}

static void icmp(struct cs_ro b)
{
    uint8_t frame[14 + 20 + 8 + 28], *ip = frame + 14, *m = ip + 20;
    struct cs view = cs_of(frame, sizeof(frame));
    const struct peer *p;

    if (b.len < 6)
        return;
    p = &peers[b.base[0] % PEERS];
    memset(frame, 0, sizeof(frame));
    memcpy(frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0\x45", 15);
    cs_set_be16(view, 16, sizeof(frame) - 14);
    ip[8] = 64;
    ip[9] = 1;
    cs_set_be32(view, 26, THEM);
    cs_set_be32(view, 30, US);
    cs_set_be16(view, 24, cksum_finish(cksum_partial(cs_ro_of(ip, 20), 0)));
    m[0] = b.base[1] & 1 ? 3 : b.base[1] & 2 ? 11 : 4;
    m[1] = b.base[2] % 16;
    cs_set_be16(view, 40, (uint16_t)(b.base[3] * 8));
    m[8] = 0x45;
    cs_set_be16(view, 44, 600);
    m[16] = 64;
    m[17] = 6;
    cs_set_be32(view, 54, US);
    cs_set_be32(view, 58, THEM);
    cs_set_be16(view, 62, p->our_port);
    cs_set_be16(view, 64, p->port);
    cs_set_be32(view, 66, p->ack - b.base[4] * 16u);
    cs_set_be16(view, 36, cksum_finish(cksum_partial(cs_ro_of(m, sizeof(frame) - 34), 0)));
    input(frame, sizeof(frame), PAGE_BYTES);
}

/* ---- the program ---------------------------------------------------------------------------- */

static void read_some(tcp_t h, uint8_t how)
{
    struct cs_ro views[3];
    struct page *page;
    uint32_t off, len;
    int n;

    if (how & 1) {
        if (tcp_recv_page(&tcp, h, &page, &off, &len, now) == 1)
            page_put(page);
        return;
    }
    n = tcp_recv_peek(&tcp, h, views, 3);
    if (n > 0)
        tcp_recv_consume(&tcp, h, (uint32_t)views[0].len / (how & 2 ? 2 : 1), now);
}

static void write_some(tcp_t h, uint8_t how)
{
    static const uint8_t bytes[255 * 8];
    struct page *page;

    if ((how & 1) == 0) {
        tcp_send(&tcp, h, cs_ro_of(bytes, (size_t)how * 8), now);
        return;
    }
    page = get_page();
    if (page == NULL)
        return;
    memset(page->base, how, PAGE_BYTES);
    if (tcp_send_page(&tcp, h, page, how, how * 10u + 1, now) != 0)
        page_put(page);
}

static void act(struct cs_ro b)
{
    tcp_t h, conn;
    struct tcp_info info;

    if (b.len < 3)
        return;
    h = handles[b.base[0] % HANDLES];
    switch (b.base[1] % 12) {
    case 0:
        if (tcp_accept(&tcp, h, &conn) == 0)
            keep(conn);
        break;
    case 1:
        read_some(h, b.base[2]);
        break;
    case 2:
        write_some(h, b.base[2]);
        break;
    case 3:
        tcp_shutdown(&tcp, h, now);
        break;
    case 4:
        tcp_close(&tcp, h, now);
        break;
    case 5:
        tcp_abort(&tcp, h, now);
        break;
    case 6:
        tcp_set(&tcp, h, b.base[2] % TCP_OPTS, b.len > 3 ? b.base[3] : 1, now);
        break;
    case 7:
        connect(b.base[2]);
        break;
    case 8:
        listen();
        break;
    case 9:
        tx_room = b.base[2] % 8;
        break;
    case 10:
        tcp_send_urgent(&tcp, h);
        break;
    case 11:
        if (b.base[2] & 1)
            dev.link_up = !dev.link_up;
        link_was_down |= !dev.link_up;
        break;
    }
    (void)tcp_error(&tcp, h);
    (void)tcp_info(&tcp, h, now, &info);
    (void)tcp_next_ready(&tcp);
}

static void step(uint8_t what, struct cs_ro b)
{
    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        segment(b);
        break;
    case 3:
        sack(b);
        break;
    case 4:
        icmp(b);
        break;
    case 5:
        act(b);
        break;
    case 6:
        if (b.len > 1)
            open_peer(&peers[b.base[0] % PEERS], b.base[1]);
        break;
    case 7:
        pass(b.len == 0 ? 0
                        : (uint64_t)b.base[0] * b.base[0] * (b.len > 1 ? NS_PER_MS : NS_PER_US));
        break;
    }
    if ((what & 128) == 0)
        poll();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cs_ro rest = cs_ro_of(data, size), b;

    if (size == 0)
        return 0;
    start(data[0]);
    rest = cs_shift(rest, 1);
    listen();
    connect(5);
    poll();
    on_arp();
    poll();
    met = true;
    while (rest.len >= 2) {
        uint8_t what = cs_get_u8(rest, 0);
        size_t n = size_min(cs_get_u8(rest, 1), rest.len - 2);

        b = cs_sub(rest, 2, n);
        rest = cs_shift(rest, 2 + n);
        step(what, b);
    }
    pass(NS_PER_S);
    finish();
    return 0;
}
