/* SPDX-License-Identifier: ISC */
/* rxrig.c - see rxrig.h. */
#include <string.h>

#include "rxrig.h"

#include <cmocka.h>

enum { HEADERS = 54, HEADROOM = 40 };

uint8_t rxrig_byte(uint32_t at)
{
    return (uint8_t)(at * 11 + (at >> 8) * 5 + (at >> 16) + 1);
}

void rxrig_open(struct rxrig *rig, const struct rxrig_conf *conf)
{
    static const struct rxrig_conf usual;
    struct tcp_key key = {tcprig_addr(0), tcprig_addr(1), 4000, 80};
    struct tcp_preset preset;
    struct tcp_conn *conn;

    if (conf == NULL)
        conf = &usual;
    memset(rig, 0, sizeof(*rig));
    tcprig_open(&rig->rig, &(struct tcprig_conf){.tuning = {conf->tuning, NULL},
                                                 .pages_max = conf->pages_max});
    rig->tcp = &rig->rig.end[0].tcp;
    rig->conn = conn = tcp_conn_get(rig->tcp);
    assert_non_null(conn);
    tcp_conn_preset(rig->tcp, &preset);
    preset.rcvbuf = conf->rcvbuf;
    tcp_conn_init(conn, &key, &preset, tcprig_now());
    tcp_conn_iss_set(conn, 1000);
    conn->snd_una = conn->snd_nxt;
    conn->snd_wnd = conn->snd_wnd_max = 65535;
    conn->state = TCP_ESTABLISHED;
    conn->irs = RXRIG_FIRST - 1;
    conn->rcv_adv += RXRIG_FIRST - conn->rcv_nxt;
    conn->rcv_nxt = conn->rcv_wup = RXRIG_FIRST;
    conn->last_ack_sent = RXRIG_FIRST;
    conn->wscale_ok = !conf->no_scale;
    conn->rcv_wscale =
        conf->no_scale ? 0
                       : tcp_window_scale(&rig->tcp->conf.tuning, rig->tcp->conf.tuning.rcvbuf_max);
    conn->sack_ok = !conf->no_sack;
    conn->ts_ok = conf->ts;
    conn->peer_mss = conf->mss != 0 ? conf->mss : 1460;
    tcp_conn_negotiated(conn, tcprig_now());
    tcp_demux_add(rig->tcp, &conn->link);
    rig->handle = conn->news.handle = tcp_conn_handle(conn);
}

void rxrig_close(struct rxrig *rig)
{
    uint32_t promised;

    if (rig->conn->used && tcp_conn_of(rig->tcp, rig->handle) == rig->conn)
        assert_int_equal(tcp_abort(rig->tcp, rig->handle, tcprig_now()), 0);
    promised = rig->tcp->rcv_promised;
    assert_int_equal(promised, 0);
    assert_int_equal(rig->tcp->used.pages, 0);
    assert_int_equal(rig->tcp->used.ooo, 0);
    tcprig_close(&rig->rig);
}

static struct pkt *make_pkt(struct rxrig *rig, uint32_t at, uint32_t len)
{
    struct pkt_pool *pool = &rig->rig.end[0].pkts;
    uint32_t most = rig->pkt_max != 0 ? rig->pkt_max : PAGE_BYTES - HEADERS - HEADROOM;
    uint32_t first = u32_min(len, most), done = first;
    struct pkt *pkt = pkt_alloc(pool, HEADROOM, HEADERS + first);
    uint8_t *to;

    assert_non_null(pkt);
    to = pkt_frag_rw(pkt, 0).base;
    memset(to, 0xee, HEADERS);
    for (uint32_t i = 0; i < first; i++)
        to[HEADERS + i] = (uint8_t)(rxrig_byte(at + i) ^ rig->salt);
    while (done < len) {
        uint32_t n = u32_min(len - done, rig->pkt_max != 0 ? rig->pkt_max : PAGE_BYTES);
        struct page *page = page_get(pool->pages);

        assert_non_null(page);
        for (uint32_t i = 0; i < n; i++)
            page->base[i] = (uint8_t)(rxrig_byte(at + done + i) ^ rig->salt);
        assert_int_equal(pkt_append_take(pkt, page, 0, n), 0);
        done += n;
    }
    return pkt;
}

static void input(struct rxrig *rig, uint32_t at, uint32_t len, uint16_t flags, uint32_t mss,
                  uint32_t segs)
{
    struct tcp_rx rx = {.pkt = make_pkt(rig, at, len),
                        .ip = &rig->ip,
                        .key = rig->conn->link.key,
                        .hdr = {.src_port = 80,
                                .dst_port = 4000,
                                .seq = RXRIG_FIRST + at,
                                .ack = rig->conn->snd_nxt,
                                .flags = (uint16_t)(flags | TCP_ACK),
                                .window = 65535,
                                .header_len = rig->conn->ts_ok ? 32 : 20},
                        .text_off = HEADERS,
                        .len = len,
                        .segs = segs,
                        .mss = mss,
                        .ecn = rig->ecn,
                        .now = tcprig_now()};

    if (rig->conn->ts_ok) {
        rx.opts.has = TCP_HAS_TS;
        rx.opts.ts_ecr = rig->ts_ecr;
    }
    tcp_data_input(rig->conn, &rx);
    if (rx.pkt != NULL)
        pkt_put(rx.pkt);
}

void rxrig_segment(struct rxrig *rig, uint32_t at, uint32_t len, uint16_t flags)
{
    input(rig, at, len, flags, len, 1);
}

void rxrig_super(struct rxrig *rig, uint32_t at, uint32_t mss, uint32_t segs)
{
    input(rig, at, mss * segs, 0, mss, segs);
}

static void send_ack(struct rxrig *rig, bool data)
{
    tcp_window_now(rig->conn);
    tcp_ackgen_sent(rig->conn, data, tcprig_now());
}

bool rxrig_acked(struct rxrig *rig)
{
    bool owed = (rig->conn->owed & TCP_OWE_ACK) != 0;

    if (owed)
        send_ack(rig, false);
    rig->conn->owed &= (uint8_t)~TCP_OWE_ACK;
    return owed;
}

uint32_t rxrig_dup_acks(struct rxrig *rig)
{
    uint32_t n = (rig->conn->owed & TCP_OWE_DUPACKS) != 0 ? rig->conn->dup_acks_owed : 0;

    for (uint32_t i = 0; i < n; i++)
        send_ack(rig, false);
    rig->conn->owed &= (uint8_t)~TCP_OWE_DUPACKS;
    rig->conn->dup_acks_owed = 0;
    return n;
}

void rxrig_ack(struct rxrig *rig)
{
    rxrig_acked(rig);
    rxrig_dup_acks(rig);
}

void rxrig_answer(struct rxrig *rig)
{
    send_ack(rig, true);
    rig->conn->owed = 0;
}

uint64_t rxrig_delay(const struct rxrig *rig)
{
    uint64_t at = rig->conn->timer_at[TCP_TIMER_DELACK];

    return at == NS_NEVER ? NS_NEVER : at - tcprig_now();
}

void rxrig_wait(struct rxrig *rig, uint64_t ns)
{
    uint64_t at = rig->conn->timer_at[TCP_TIMER_DELACK], until = tcprig_now() + ns;

    if (at <= until) {
        vplat_set_now(at);
        tcp_timer_stop(rig->conn, TCP_TIMER_DELACK);
        tcp_ackgen_expired(rig->conn, at);
    }
    vplat_set_now(until);
}

uint32_t rxrig_next(const struct rxrig *rig)
{
    return rig->conn->rcv_nxt - RXRIG_FIRST;
}

uint32_t rxrig_read(struct rxrig *rig, uint32_t at)
{
    struct cs_ro views[8];
    uint32_t done = 0;
    int n;

    while ((n = tcp_recv_peek(rig->tcp, rig->handle, views, 8)) > 0) {
        uint32_t took = 0;

        for (int v = 0; v < n; v++)
            for (size_t i = 0; i < views[v].len; i++, took++)
                if (views[v].base[i] != rxrig_byte(at + done + took))
                    fail_msg("byte %u differs", at + done + took);
        assert_int_equal(tcp_recv_consume(rig->tcp, rig->handle, took, tcprig_now()), 0);
        done += took;
    }
    return done;
}

unsigned rxrig_sack(struct rxrig *rig, struct tcp_sack_block *blocks, unsigned room)
{
    unsigned n = tcp_reass_sack(rig->conn, blocks, room);

    for (unsigned i = 0; i < n; i++) {
        blocks[i].start -= RXRIG_FIRST;
        blocks[i].end -= RXRIG_FIRST;
    }
    return n;
}
