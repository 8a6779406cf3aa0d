/* SPDX-License-Identifier: ISC */
/* dhcptest.h - what the tests of the DHCP server have in common; each includes it once. */
#ifndef TESTS_DHCPTEST_H
#define TESTS_DHCPTEST_H

#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "dhcprig.h"

static struct rig rig;

static UNUSED int fini(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, fini)

#define PLAIN                                                                                      \
    "default-lease-time 600; max-lease-time 7200; min-lease-time 60; authoritative;"               \
    "option domain-name-servers 10.0.0.53, 10.0.0.54; option domain-name \"example.org\";"         \
    "subnet 10.0.0.0 netmask 255.255.255.0 { option routers 10.0.0.254;"                           \
    " range 10.0.0.10 10.0.0.19; }"

static UNUSED void expect(enum dhcp_verdict v, enum dhcp_reason reason)
{
    enum dhcp_verdict got = rig_send(&rig);

    if (got != v || rig.out.reason != reason)
        fail_msg("%s %s, not %s %s", dhcp_verdict_name(got), dhcp_reason_name(rig.out.reason),
                 dhcp_verdict_name(v), dhcp_reason_name(reason));
}

static UNUSED bool reply_is(enum dhcp_type type)
{
    return rig.out.len && rig.reply.type == type;
}

static UNUSED bool in_pool(uint32_t addr)
{
    return addr >= IP(10, 0, 0, 10) && addr <= IP(10, 0, 0, 19);
}

static UNUSED struct dhcp_lease *lease_at(uint32_t addr)
{
    return dhcp_leases_by_addr(&rig.leases, addr);
}

static UNUSED enum dhcp_lease_state state_at(uint32_t addr)
{
    return lease_at(addr) ? dhcp_lease_state(&rig.leases, lease_at(addr)) : DHCP_LEASE_FREE;
}

static UNUSED void init_reboot(uint32_t n, uint32_t addr)
{
    rig_msg(&rig, DHCPREQUEST, n);
    rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, addr);
}

#endif
