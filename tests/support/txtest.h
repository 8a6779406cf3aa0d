/* SPDX-License-Identifier: ISC */
/* txtest.h - a sender without a peer, for tests of what it does about loss; each includes it
 * once. */
#ifndef TESTS_TXTEST_H
#define TESTS_TXTEST_H

#include "txrig.h"

#include <cmocka.h>

#define MS NS_PER_MS

static struct txrig rig;

static UNUSED int fini(void **state)
{
    (void)state;
    txrig_close(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, fini)

static UNUSED uint32_t cwnd(void)
{
    return rig.conn->cc.cwnd;
}

static UNUSED uint32_t ssthresh(void)
{
    return rig.conn->cc.ssthresh;
}

static UNUSED enum tcp_ca_state state_now(void)
{
    return (enum tcp_ca_state)rig.flight->ca_state;
}

static UNUSED void open_with(struct txrig_conf conf, uint32_t segs)
{
    txrig_open(&rig, &conf);
    txrig_send(&rig, segs);
}

static UNUSED struct txrig_conf with_tuning(void)
{
    return (struct txrig_conf){.tuning = tcp_tuning_linux};
}

#endif
