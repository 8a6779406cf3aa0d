/* SPDX-License-Identifier: ISC */
/* tcpwire.c - see tcpwire.h. */
#include <stdlib.h>
#include <string.h>

#include "tcpwire.h"

void tcpwire_blank(struct tcpwire *w, const struct tcp_tuning *tuning)
{
    memset(w, 0, sizeof(*w));
    w->rig = netrig_new(true);
    w->conf = (struct tcp_conf){.nif = &w->rig->nif,
                                .key = {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)},
                                .conns_max = 64,
                                .pages_max = 512,
                                .tuning = *tuning};
}

void tcpwire_start(struct tcpwire *w)
{
    w->conf.memory_bytes = tcp_memory_bytes(&w->conf);
    assert_true(w->conf.memory_bytes != 0);
    w->memory = w->conf.memory = aligned_alloc(64, w->conf.memory_bytes);
    assert_non_null(w->memory);
    memset(w->memory, 0xa5, w->conf.memory_bytes);
    assert_int_equal(tcp_init(&w->tcp, &w->conf, w->rig->now), 0);
    netrig_clear(w->rig);
}

void tcpwire_open(struct tcpwire *w, const struct tcp_tuning *tuning)
{
    tcpwire_blank(w, tuning);
    tcpwire_start(w);
}

void tcpwire_close(struct tcpwire *w)
{
    tcp_fini(&w->tcp);
    netrig_free(w->rig);
    free(w->memory);
}

/* ---- in ---- */

void tcpwire_in_only(struct tcpwire *w, struct tcp_frame f)
{
    static uint8_t bytes[TCP_FRAME_MAX];
    size_t len;

    f.dst_mac = f.dst_mac != 0 ? f.dst_mac : NETRIG_US_MAC;
    f.src_mac = f.src_mac != 0 ? f.src_mac : NETRIG_PEER_MAC;
    f.src = f.src != 0 ? f.src : NETRIG_PEER;
    f.dst = f.dst != 0 ? f.dst : NETRIG_US;
    f.sport = f.sport != 0 ? f.sport : TCPWIRE_PEER_PORT;
    f.dport = f.dport != 0 ? f.dport : TCPWIRE_PORT;
    len = tcp_frame_make(bytes, &f);
    netrig_input(w->rig, bytes, len);
}

void tcpwire_in(struct tcpwire *w, struct tcp_frame f)
{
    tcpwire_in_only(w, f);
    netrig_poll(w->rig);
}

/* ---- out ---- */

static void read_options(struct tcpwire_seg *seg)
{
    for (unsigned i = 0; i < seg->options_len;) {
        uint8_t kind = seg->options[i];

        if (kind == 0)
            return;
        if (kind == 1) {
            i++;
            continue;
        }
        assert_true(i + 2 <= seg->options_len && seg->options[i + 1] >= 2);
        if (kind == 2)
            seg->mss = (uint16_t)netrig_get16(seg->options + i + 2);
        if (kind == 3) {
            seg->ws = true;
            seg->ws_shift = seg->options[i + 2];
        }
        if (kind == 4)
            seg->sackok = true;
        if (kind == 8) {
            seg->ts = true;
            seg->tsval = netrig_get32(seg->options + i + 2);
            seg->tsecr = netrig_get32(seg->options + i + 6);
        }
        i += seg->options[i + 1];
    }
}

static bool read_seg(const struct netrig_frame *frame, struct tcpwire_seg *seg)
{
    const uint8_t *ip = frame->bytes + 14, *tcp;
    uint32_t ip_len, header_len, n;

    if (netrig_is_arp(frame) || ip[9] != 6)
        return false;
    ip_len = (ip[0] & 15u) * 4;
    tcp = ip + ip_len;
    n = netrig_get16(ip + 2) - ip_len;
    header_len = (tcp[12] >> 4) * 4u;
    assert_int_equal(netrig_checksum(ip, ip_len, 0), 0);
    if (frame->csum == PKT_CSUM_UNKNOWN) {
        uint32_t pseudo = 6 + n;

        for (unsigned i = 12; i < 20; i += 2)
            pseudo += netrig_get16(ip + i);
        assert_int_equal(netrig_checksum(tcp, n, pseudo), 0);
    }
    *seg = (struct tcpwire_seg){.src = netrig_get32(ip + 12),
                                .dst = netrig_get32(ip + 16),
                                .sport = (uint16_t)netrig_get16(tcp),
                                .dport = (uint16_t)netrig_get16(tcp + 2),
                                .seq = netrig_get32(tcp + 4),
                                .ack = netrig_get32(tcp + 8),
                                .flags = tcp[13],
                                .ttl = ip[8],
                                .tos = ip[1],
                                .wnd = (uint16_t)netrig_get16(tcp + 14),
                                .urg = (uint16_t)netrig_get16(tcp + 18),
                                .gso_size = frame->gso_size,
                                .options_len = header_len - 20,
                                .text = tcp + header_len,
                                .len = n - header_len,
                                .at = frame->at};
    memcpy(seg->options, tcp + 20, seg->options_len);
    read_options(seg);
    return true;
}

bool tcpwire_try_out(struct tcpwire *w, struct tcpwire_seg *seg)
{
    while (w->seen < w->rig->sent_count)
        if (read_seg(&w->rig->sent[w->seen++], seg))
            return true;
    return false;
}

struct tcpwire_seg tcpwire_out(struct tcpwire *w)
{
    struct tcpwire_seg seg;

    if (!tcpwire_try_out(w, &seg))
        fail_msg("nothing was sent");
    return seg;
}

void tcpwire_quiet(struct tcpwire *w)
{
    struct tcpwire_seg seg;

    if (tcpwire_try_out(w, &seg))
        fail_msg("sent: flags %02x seq %u ack %u len %u", seg.flags, (unsigned)seg.seq,
                 (unsigned)seg.ack, (unsigned)seg.len);
}

unsigned tcpwire_skip(struct tcpwire *w)
{
    struct tcpwire_seg seg;
    unsigned n = 0;

    while (tcpwire_try_out(w, &seg))
        n++;
    netrig_clear(w->rig);
    w->seen = 0;
    return n;
}

void tcpwire_pass(struct tcpwire *w, uint64_t ns)
{
    netrig_pass(w->rig, ns);
}

/* ---- the usual beginning ---- */

tcp_t tcpwire_listen(struct tcpwire *w, uint32_t backlog)
{
    struct tcp_listen_conf conf = {.port = TCPWIRE_PORT, .backlog = backlog};
    tcp_t listener = 0;

    assert_int_equal(tcp_listen(&w->tcp, &conf, &listener), 0);
    assert_true(listener != 0);
    return listener;
}

struct tcpwire_seg tcpwire_handshake(struct tcpwire *w, uint16_t port, uint32_t irs, bool ts)
{
    struct tcp_frame f = {.sport = port,
                          .seq = irs,
                          .flags = F_SYN,
                          .wnd = 65535,
                          .mss = 1460,
                          .sackok = ts,
                          .ts = ts,
                          .tsval = 1000,
                          .ws = ts,
                          .ws_shift = 7};
    struct tcpwire_seg synack;

    tcpwire_in(w, f);
    synack = tcpwire_out(w);
    assert_int_equal(synack.flags, F_SYN | F_ACK);
    assert_int_equal(synack.ack, irs + 1);
    tcpwire_in(w, (struct tcp_frame){.sport = port,
                                     .seq = irs + 1,
                                     .ack = synack.seq + 1,
                                     .flags = F_ACK,
                                     .wnd = 500,
                                     .ts = ts,
                                     .tsval = 1001,
                                     .tsecr = synack.tsval});
    return synack;
}
