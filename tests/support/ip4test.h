/* SPDX-License-Identifier: ISC */
/* ip4test.h - a rig with a socket, for the tests of IPv4's two ways; each includes it once. */
#ifndef TESTS_IP4TEST_H
#define TESTS_IP4TEST_H

#include "netrig.h"

static struct udp_sock sock;

static struct netrig *new_rig(void)
{
    struct netrig *rig = netrig_new(true);
    struct udp_conf conf = {.port = 7, .broadcast = true};

    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    return rig;
}

static void free_rig(struct netrig *rig)
{
    udp_close(&sock);
    netrig_free(rig);
}

#endif
