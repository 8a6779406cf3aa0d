/* SPDX-License-Identifier: ISC */
/* tcplifetest.h - two stacks and the calls of their programs; each test includes it once. */
#ifndef TESTS_TCPLIFETEST_H
#define TESTS_TCPLIFETEST_H

#include "tcprig.h"

#include <cmocka.h>

#include "tcpip/tcp_priv.h"

static struct tcprig rig;

static UNUSED struct tcp *tcp_of(unsigned end)
{
    return &rig.end[end].tcp;
}

static UNUSED uint8_t state_of(unsigned end, tcp_t conn)
{
    struct tcp_info info;

    assert_int_equal(tcp_info(tcp_of(end), conn, tcprig_now(), &info), 0);
    return info.state;
}

static UNUSED void close_end(unsigned end, tcp_t conn)
{
    assert_int_equal(tcp_close(tcp_of(end), conn, tcprig_now()), 0);
}

static UNUSED void shutdown_end(unsigned end, tcp_t conn)
{
    assert_int_equal(tcp_shutdown(tcp_of(end), conn, tcprig_now()), 0);
}

/* Nothing is left but the listener, and TIME-WAIT until its time is up. */
static UNUSED void assert_all_gone(uint32_t time_waits)
{
    uint32_t waits = 0;

    for (unsigned i = 0; i < 2; i++) {
        struct tcp_usage used = tcp_usage(tcp_of(i));

        assert_int_equal(used.conns, 0);
        assert_int_equal(used.syns, 0);
        assert_int_equal(used.segs, 0);
        assert_int_equal(used.chunks, 0);
        assert_int_equal(used.ooo, 0);
        assert_int_equal(used.pages, 0);
        assert_int_equal(tcp_of(i)->orphans, 0);
        assert_int_equal(tcp_of(i)->rcv_promised, 0);
        waits += used.time_waits;
    }
    assert_int_equal(waits, time_waits);
    tcprig_run(&rig, 61 * NS_PER_S);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(tcp_usage(tcp_of(i)).time_waits, 0);
}

#endif
