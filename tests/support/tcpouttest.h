/* SPDX-License-Identifier: ISC */
/* tcpouttest.h - one connection that the peer opened, for tests of what we send on it; each
 * includes it once. */
#ifndef TESTS_TCPOUTTEST_H
#define TESTS_TCPOUTTEST_H

#include "tcpwire.h"

#include "tcpip/tcp_priv.h"

static struct tcpwire w;
static struct tcpwire_seg synack;
static tcp_t conn;
static uint32_t iss; /* of the first byte */

enum { PEER_SEQ = 101, MSS = 1460 };

static UNUSED struct tcp_conn *priv(void)
{
    return tcp_conn_of(&w.tcp, conn);
}

static UNUSED void accept_one(uint16_t wnd)
{
    tcp_t listener = tcpwire_listen(&w, 0);

    synack = tcpwire_handshake(&w, TCPWIRE_PEER_PORT, PEER_SEQ - 1, false);
    iss = synack.seq + 1;
    assert_int_equal(tcp_accept(&w.tcp, listener, &conn), 0);
    tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ, .ack = iss, .flags = F_ACK, .wnd = wnd});
    tcpwire_quiet(&w);
}

static UNUSED void begin(const struct tcp_tuning *tuning, uint16_t wnd)
{
    tcpwire_open(&w, tuning);
    accept_one(wnd);
}

static UNUSED void end(void)
{
    assert_int_equal(tcp_abort(&w.tcp, conn, w.rig->now), 0);
    tcpwire_close(&w);
}

static UNUSED void ack(uint32_t n, uint16_t wnd)
{
    tcpwire_in(&w, (struct tcp_frame){.seq = PEER_SEQ, .ack = iss + n, .flags = F_ACK, .wnd = wnd});
}

/* Byte i of the stream is made of i. */
static uint32_t written;

static UNUSED void send(uint32_t n)
{
    static uint8_t bytes[65536];

    for (uint32_t i = 0; i < n; i++)
        bytes[i] = tcp_frame_byte(written + i);
    assert_int_equal(tcp_send(&w.tcp, conn, cs_ro_of(bytes, n), w.rig->now), n);
    written += n;
}

static UNUSED void write_and_poll(uint32_t n)
{
    send(n);
    netrig_poll(w.rig);
}

/* The next segment is [from, from + len) with these flags. */
static UNUSED struct tcpwire_seg expect(uint32_t from, uint32_t len, uint8_t flags)
{
    struct tcpwire_seg seg = tcpwire_out(&w);

    assert_int_equal(seg.seq - iss, from);
    assert_int_equal(seg.len, len);
    assert_int_equal(seg.flags, flags);
    assert_int_equal(seg.ack, PEER_SEQ);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(seg.text[i], tcp_frame_byte(from + i));
    return seg;
}

static UNUSED int setup(void **state)
{
    (void)state;
    written = 0;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

#endif
