/* SPDX-License-Identifier: ISC */
/* dhcpstoretest.h - a store of leases on a disk in memory, for tests of it. Each test program
 * includes it once. */
#ifndef TESTS_DHCPSTORETEST_H
#define TESTS_DHCPSTORETEST_H

#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>

#include "dhcp/dhcp_store_priv.h"
#include "storerig.h"

#define CONF                                                                                       \
    "authoritative; ping-check off; default-lease-time 3600; min-lease-time 60;"                   \
    "max-lease-time 86400;"                                                                        \
    "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.2.255; }"
#define LEASES 400u
#define BLOCKS (DHCP_JOURNAL_HEADS + 2 * 64u)

static struct storerig rig;

static int start(void **state)
{
    (void)state;
    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    storerig_init(&rig, CONF, LEASES, BLOCKS);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    storerig_fini(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

static UNUSED void lease_all(uint32_t first, uint32_t last)
{
    for (uint32_t n = first; n <= last; n++) {
        assert_true(storerig_lease(&rig, n));
        if (n % 100 == 0)
            storerig_run(&rig);
    }
    storerig_run(&rig);
}

#endif
