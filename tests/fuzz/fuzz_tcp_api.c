/* SPDX-License-Identifier: ISC */
/* fuzz_tcp_api.c - a peer that says anything, a program that does anything, to one TCP stack:
 * the clock going on, the device full at times, every pool short.
 *
 * The input is a list of steps of eight bytes. A segment's numbers are made relative to what the
 * stack has said, else a fuzzer would spend its life guessing them; checksums are right. Every
 * frame that leaves is looked at. At the end every page, packet and record must be back. */
#include <morgana/cksum.h>
#include <morgana/tcp.h>

#include "quietdev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    PAGES = 96,
    PKTS = 96,
    PEERS = 4, /* ports of the peer */
    HANDLES = 6,
    STEP = 8,
    FIN = 1,
    SYN = 2,
    RST = 4,
    ACK = 16,
};

#define US IP4_ADDR(10, 0, 0, 1)
#define THEM IP4_ADDR(10, 0, 0, 2)
#define MEMORY_BYTES (192u * 1024)

static _Alignas(PAGE_BYTES) uint8_t page_memory[PAGES * PAGE_BYTES];
static _Alignas(64) uint8_t memory[MEMORY_BYTES];
static struct page page_headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct arp_entry arp[8];
static struct netif nif;
static struct netdev dev;
static struct tcp tcp;
static unsigned tx_room;
static uint64_t now;
static tcp_t listener, handles[HANDLES];
static struct page *kept[PAGES]; /* pages that somebody else holds */
static unsigned kept_count;

/* What the stack last said to each port of the peer. */
static struct said {
    uint16_t port;         /* ours */
    uint32_t seq, ack, ts; /* seq: after the segment */
} said[PEERS];

/* ---- the device ------------------------------------------------------------------------------ */

static void hear(struct cs_ro ip)
{
    size_t header_len = (cs_get_u8(ip, 0) & 15u) * 4u;
    struct cs_ro seg = cs_sub(ip, header_len, cs_get_be16(ip, 2) - header_len);
    size_t seg_header = (cs_get_u8(seg, 12) >> 4) * 4u;
    uint32_t sum = cksum_pseudo4(cs_get_be32(ip, 12), cs_get_be32(ip, 16), 6, (uint16_t)seg.len);
    uint8_t flags = cs_get_u8(seg, 13);
    struct said *to = &said[cs_get_be16(seg, 2) % PEERS];

    ASSERT(cs_get_be32(ip, 12) == US && seg_header >= 20 && seg_header <= seg.len);
    ASSERT(cksum_finish(cksum_partial(seg, sum)) == 0);
    ASSERT((flags & (SYN | FIN)) != (SYN | FIN) && (flags & (SYN | RST)) != (SYN | RST));
    if ((flags & RST) != 0)
        return;
    to->port = cs_get_be16(seg, 0);
    to->seq = cs_get_be32(seg, 4) + (uint32_t)(seg.len - seg_header) + ((flags & SYN) != 0) +
              (flags & FIN);
    if ((flags & ACK) != 0)
        to->ack = cs_get_be32(seg, 8);
    if (seg_header >= 32 && cs_get_be32(seg, 20) == 0x0101080a)
        to->ts = cs_get_be32(seg, 24);
}

static int dev_tx(struct netdev *self, struct pkt *pkt)
{
    static uint8_t flat[65536];
    struct cs frame = cs_of(flat, pkt->len);

    ASSERT(pkt->len >= 14 && pkt->len <= 14u + self->caps.mtu_bytes);
    ASSERT(pkt->gso_size == 0 && pkt->csum != PKT_CSUM_BLANK);
    if (tx_room == 0)
        return -E_AGAIN;
    tx_room--;
    ASSERT(pkt_read(pkt, 0, frame));
    if (cs_get_be16(frame, 12) == 0x0800 && cs_get_u8(frame, 23) == 6)
        hear(cs_as_ro(cs_shift(frame, 14)));
    pkt_put(pkt);
    return 0;
}

static const struct netdev_ops ops = QUIETDEV_OPS(dev_tx);

static void input(struct cs_ro frame)
{
    struct pkt *pkt = pkt_alloc(&pool, PKT_HEADROOM_BYTES, (uint32_t)frame.len);

    if (pkt == NULL)
        return;
    memcpy(pkt->frag[0].page->base + pkt->frag[0].off, frame.base, frame.len);
    netif_input(&nif, pkt, now);
}

/* ---- the peer -------------------------------------------------------------------------------- */

static const uint32_t jumps[] = {0, 1, 2, 3, 100, 536, 1000, 1460, 2920, 65535, 1u << 20, 1u << 31};

/* A number near `base`: mostly on it. */
static uint32_t near(uint32_t base, uint8_t how)
{
    uint32_t jump = jumps[how % ARRAY_SIZE(jumps)];

    return (how & 0x80) != 0 ? base - jump : base + jump;
}

/* Options by choice: as of a SYN, as of data, with SACK, or the very bytes of the step. */
static size_t options(struct cs to, const struct said *peer, const uint8_t *s)
{
    uint32_t ts = (uint32_t)(now / NS_PER_MS) - (s[6] & 0x40 ? 5000u : 0u);

    switch (s[7] % 6) {
    case 0:
        return 0;
    case 1: /* mss, sackOK, TS, nop, wscale */
        cs_set_be32(to, 0, 0x02040000u | (s[6] & 1 ? 1u : 1460u));
        cs_set_be32(to, 4, 0x0402080au);
        cs_set_be32(to, 8, ts);
        cs_set_be32(to, 12, peer->ts);
        cs_set_be32(to, 16, 0x01030300u | s[6] % 16);
        return 20;
    case 2:
        cs_set_be32(to, 0, 0x0101080au);
        cs_set_be32(to, 4, ts);
        cs_set_be32(to, 8, peer->ts);
        return 12;
    case 3: /* nop, nop, SACK of one block of what we sent */
        cs_set_be32(to, 0, 0x0101050au);
        cs_set_be32(to, 4, near(peer->seq, s[6]));
        cs_set_be32(to, 8, near(peer->seq, s[5]));
        return 12;
    case 4: /* both, the blocks two */
        cs_set_be32(to, 0, 0x0101080au);
        cs_set_be32(to, 4, ts);
        cs_set_be32(to, 8, peer->ts);
        cs_set_be32(to, 12, 0x01010512u);
        cs_set_be32(to, 16, peer->seq - 1000);
        cs_set_be32(to, 20, peer->seq - (s[6] & 63) * 10u);
        cs_set_be32(to, 24, peer->seq - 3000);
        cs_set_be32(to, 28, peer->seq - 2000);
        return 32;
    default:
        memcpy(to.base, s, STEP);
        return STEP;
    }
}

/* s: peer and length, flags, sequence number, ACK, window, urgent or padding, options twice. */
static void segment(const uint8_t *s)
{
    static uint8_t bytes[2048];
    struct said *peer = &said[s[0] % PEERS];
    struct cs frame = cs_of(bytes, sizeof(bytes)), ip = cs_shift(frame, 14), seg = cs_shift(ip, 20);
    size_t text = (size_t)(s[0] / PEERS % 8) * 180, header_len, total;

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", 14);
    header_len = 20 + options(cs_sub(seg, 20, 40), peer, s);
    total = 20 + header_len + text;
    cs_set_be16(ip, 0, (uint16_t)(0x4500 | (s[6] >> 7) * 3));
    cs_set_be16(ip, 2, (uint16_t)total);
    cs_set_be16(ip, 8, 0x4006);
    cs_set_be32(ip, 12, THEM);
    cs_set_be32(ip, 16, US);
    cs_set_be16(ip, 10, cksum_finish(cksum_partial(cs_as_ro(cs_head(ip, 20)), 0)));
    cs_set_be16(seg, 0, (uint16_t)(1000 + s[0] % PEERS));
    cs_set_be16(seg, 2, peer->port);
    cs_set_be32(seg, 4, near(peer->ack, s[2]));
    cs_set_be32(seg, 8, near(peer->seq, s[3]));
    cs_set_be16(seg, 12, (uint16_t)(header_len / 4 << 12 | s[1]));
    cs_set_be16(seg, 14, (uint16_t)(s[4] * s[4]));
    cs_set_be16(seg, 18, s[5]);
    cs_set_be16(
        seg, 16,
        cksum_finish(cksum_partial(cs_as_ro(cs_head(seg, header_len + text)),
                                   cksum_pseudo4(THEM, US, 6, (uint16_t)(header_len + text)))));
    input(cs_as_ro(cs_head(frame, 14 + total)));
}

/* An ICMP error about what was last sent to a port. */
static void icmp(const uint8_t *s)
{
    static const uint8_t kinds[][2] = {{3, 0}, {3, 1},  {3, 2},  {3, 3},
                                       {3, 4}, {3, 13}, {11, 0}, {12, 0}};
    const struct said *peer = &said[s[0] % PEERS];
    uint8_t bytes[14 + 20 + 8 + 28] = {0};
    struct cs frame = cs_of(bytes, sizeof(bytes)), ip = cs_shift(frame, 14), msg = cs_shift(ip, 20);

    memcpy(bytes, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", 14);
    cs_set_be32(ip, 0, 0x45000000u | (20 + 8 + 28));
    cs_set_be16(ip, 8, 0x4001);
    cs_set_be32(ip, 12, THEM);
    cs_set_be32(ip, 16, US);
    cs_set_be16(ip, 10, cksum_finish(cksum_partial(cs_as_ro(cs_head(ip, 20)), 0)));
    cs_set_u8(msg, 0, kinds[s[1] % ARRAY_SIZE(kinds)][0]);
    cs_set_u8(msg, 1, kinds[s[1] % ARRAY_SIZE(kinds)][1]);
    cs_set_be16(msg, 6, (uint16_t)(s[2] * 8));
    cs_set_be32(msg, 8, 0x45000000u | 1500);
    cs_set_be16(msg, 14, 0x4000);
    cs_set_be16(msg, 16, 0x4006);
    cs_set_be32(msg, 20, US);
    cs_set_be32(msg, 24, THEM);
    cs_set_be16(msg, 28, peer->port);
    cs_set_be16(msg, 30, (uint16_t)(1000 + s[0] % PEERS));
    cs_set_be32(msg, 32, near(peer->seq - 1, s[3]));
    cs_set_be16(msg, 2, cksum_finish(cksum_partial(cs_as_ro(msg), 0)));
    input(cs_as_ro(frame));
}

/* ---- the program ----------------------------------------------------------------------------- */

static void keep_handle(tcp_t handle)
{
    for (unsigned i = 0; i < HANDLES; i++)
        if (tcp_error(&tcp, handles[i]) == -E_BADF) {
            handles[i] = handle;
            return;
        }
    tcp_abort(&tcp, handle, now);
}

static void open_or_close(const uint8_t *s)
{
    struct tcp_connect_conf conf = {
        .dst = THEM, .dst_port = (uint16_t)(1000 + s[0] % PEERS), .src_port = s[2] & 1 ? 7 : 0};
    struct tcp_listen_conf listen = {.port = 7, .backlog = s[2] % 3};
    tcp_t handle = handles[s[0] % HANDLES], made;

    switch (s[1] % 7) {
    case 0:
    case 1:
        if (tcp_accept(&tcp, listener, &made) == 0)
            keep_handle(made);
        return;
    case 2:
        if (tcp_connect(&tcp, &conf, now, &made) == 0)
            keep_handle(made);
        return;
    case 3:
        tcp_close(&tcp, handle, now);
        return;
    case 4:
        tcp_abort(&tcp, handle, now);
        return;
    case 5:
        tcp_shutdown(&tcp, handle, now);
        return;
    default:
        if (s[2] & 4)
            tcp_close(&tcp, listener, now);
        tcp_listen(&tcp, &listen, &listener);
    }
}

static void move(const uint8_t *s)
{
    static const uint8_t text[256 * 40];
    tcp_t handle = handles[s[0] % HANDLES];
    struct cs_ro views[3];
    struct page *page;
    uint32_t off, len;
    struct cs room;
    int pending;

    switch (s[1] % 8) {
    case 0:
        tcp_send(&tcp, handle, cs_ro_of(text, (size_t)s[2] * 40), now);
        return;
    case 1:
        if (tcp_send_reserve(&tcp, handle, &room) == 0) {
            memset(room.base, 1, room.len);
            tcp_send_commit(&tcp, handle, (uint32_t)size_min(room.len, (size_t)s[2] * 17), now);
        }
        return;
    case 2:
        page = page_get(&pages);
        if (page != NULL && tcp_send_page(&tcp, handle, page, s[2], 1 + s[3] * 14u, now) != 0)
            page_put(page);
        return;
    case 3:
        if (tcp_recv_page(&tcp, handle, &page, &off, &len, now) > 0)
            page_put(page);
        return;
    case 4:
        tcp_send_urgent(&tcp, handle);
        return;
    default:
        if (tcp_recv_peek(&tcp, handle, views, ARRAY_SIZE(views)) < 0)
            return;
        pending = tcp_recv_pending(&tcp, handle, NULL);
        ASSERT(pending >= 0);
        tcp_recv_consume(&tcp, handle, s[2] & 1 ? (uint32_t)pending : (uint32_t)pending / 2, now);
    }
}

static void adjust(const uint8_t *s)
{
    static const uint64_t values[] = {0,    1,     2,         3,        64,      1000,
                                      4096, 70000, NS_PER_MS, NS_PER_S, NS_NEVER};
    tcp_t handle = s[0] % 8 == 7 ? listener : handles[s[0] % HANDLES];
    struct tcp_info info;
    uint64_t value;

    tcp_set(&tcp, handle, (enum tcp_opt)(s[1] % (TCP_OPTS + 1)), values[s[2] % ARRAY_SIZE(values)],
            now);
    tcp_get(&tcp, handle, (enum tcp_opt)(s[1] % (TCP_OPTS + 1)), &value);
    tcp_info(&tcp, handle, now, &info);
    tcp_next_ready(&tcp);
}

/* ---- the world ------------------------------------------------------------------------------- */

static void shortage(const uint8_t *s)
{
    tx_room = s[1] % 16;
    while (kept_count > s[2] % PAGES)
        page_put(kept[--kept_count]);
    while (kept_count < s[2] % PAGES && (kept[kept_count] = page_get(&pages)) != NULL)
        kept_count++;
}

static void pass(const uint8_t *s)
{
    static const uint64_t times[] = {NS_PER_MS, 10 * NS_PER_MS, 50 * NS_PER_MS, 250 * NS_PER_MS,
                                     NS_PER_S,  10 * NS_PER_S,  100 * NS_PER_S};
    uint64_t at = netif_poll_at(&nif);

    tx_room += s[3] % 8;
    if ((s[1] & 1) != 0 && at != NS_NEVER && at > now)
        now = at;
    else
        now += times[s[2] % ARRAY_SIZE(times)];
    for (unsigned i = 0; i < 8 && netif_poll(&nif, now, 8); i++)
        continue;
}

/* Its answer to ARP keeps it a neighbour. */
static void answer_arp(void)
{
    static const uint8_t reply[42] = {2,  0, 0, 0, 0, 1, 2, 0, 0, 0, 0,  2, 8, 6,
                                      0,  1, 8, 0, 6, 4, 0, 2, 2, 0, 0,  0, 0, 2,
                                      10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1};

    input(cs_ro_of(reply, sizeof(reply)));
}

static void start(const uint8_t *s)
{
    const struct tcp_tuning *const presets[] = {&tcp_tuning_default, &tcp_tuning_linux,
                                                &tcp_tuning_freebsd};
    struct netif_conf conf = {
        .dev = &dev, .pool = &pool, .key = {1, 2}, .arp = arp, .arp_max = ARRAY_SIZE(arp)};
    struct tcp_conf tcp_conf = {.nif = &nif,
                                .key = {3, s[1]},
                                .memory = memory,
                                .memory_bytes = sizeof(memory),
                                .conns_max = 5,
                                .listeners_max = 2,
                                .syns_max = 2,
                                .time_waits_max = 2,
                                .segs_max = 48,
                                .pages_max = 40,
                                .tuning = *presets[s[0] % 3]};

    /* Numbers and clocks wrap soon. */
    now = (uint64_t)s[2] * 7777777777 + NS_PER_S;
    tx_room = 1000;
    kept_count = 0;
    memset(handles, 0, sizeof(handles));
    for (unsigned i = 0; i < PEERS; i++)
        said[i] = (struct said){.port = 7, .ack = 0xfffffff0u + i};
    tcp_conf.tuning.syn_cookies = s[0] / 3 % 3;
    page_pool_init(&pages, page_headers, page_memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    dev = (struct netdev){.ops = &ops,
                          .caps = {.mtu_bytes = 1500, .frags_max = 18},
                          .mac = {2, 0, 0, 0, 0, 1},
                          .link_up = true};
    ASSERT(netif_init(&nif, &conf, now) == 0);
    ASSERT(netif_addr_add(&nif, US, 24, false, now) == 0);
    ASSERT(tcp_memory_bytes(&tcp_conf) <= sizeof(memory));
    ASSERT(tcp_init(&tcp, &tcp_conf, now) == 0);
    ASSERT(tcp_listen(&tcp, &(struct tcp_listen_conf){.port = 7, .backlog = 2}, &listener) == 0);
}

/* The program ends everything, and TCP has nothing left but what waits for time to pass. */
static void end(void)
{
    struct tcp_usage used;

    shortage((const uint8_t[STEP]){0});
    tx_room = 100000;
    tcp_close(&tcp, listener, now);
    for (unsigned i = 0; i < HANDLES; i++)
        tcp_abort(&tcp, handles[i], now);
    netif_poll(&nif, now, 8); /* the device has room again */
    for (unsigned i = 0; i < 4000 && netif_poll_at(&nif) != NS_NEVER; i++) {
        uint64_t at = netif_poll_at(&nif);

        now = at > now ? at : now;
        netif_poll(&nif, now, 8);
    }
    used = tcp_usage(&tcp);
    ASSERT(used.conns == 0 && used.listeners == 0 && used.syns == 0 && used.time_waits == 0);
    ASSERT(used.segs == 0 && used.chunks == 0 && used.ooo == 0 && used.pages == 0);
    tcp_fini(&tcp);
    netif_fini(&nif);
    ASSERT(pages.free_count == PAGES && pool.free_count == PKTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const steps[])(const uint8_t *s) = {segment, segment,       segment, segment,
                                                      icmp,    open_or_close, move,    move,
                                                      adjust,  shortage,      pass,    pass};

    if (size < STEP)
        return 0;
    start(data);
    for (size_t at = STEP; size - at > STEP; at += STEP + 1) {
        answer_arp();
        steps[data[at] % ARRAY_SIZE(steps)](data + at + 1);
        if ((data[at] & 0x80) == 0)
            netif_poll(&nif, now, 8);
    }
    end();
    return 0;
}
