/* SPDX-License-Identifier: ISC */
/* test_dhcp_server_addr.c - many clients, few addresses, and time. */
#include "dhcptest.h"

/* ---- many ------------------------------------------------------------------------------------ */

/* 65,536 DISCOVERs from random addresses: memory flat, known clients keep their leases, offers
 * expire, reserved clients are served. */
static void test_starvation(void **state)
{
    static uint32_t addr[50];
    uint64_t seed = test_seed(40);

    (void)state;
    rig_init(&rig,
             "ping-check off; default-lease-time 3600; subnet 10.0.0.0 netmask 255.255.0.0 { range "
             "10.0.1.0 10.0.4.255; }"
             "host r { hardware ethernet 02:00:00:00:00:99; fixed-address 10.0.0.99; }",
             1024);
    for (uint32_t n = 0; n < 50; n++)
        addr[n] = rig_lease(&rig, n);
    for (uint32_t i = 0; i < 65536; i++) {
        rig_msg(&rig, DHCPDISCOVER, 0x1000000 + test_random_below(&seed, 1u << 30));
        (void)rig_send(&rig);
        rig.now_ns += NS_PER_MS / 4; /* 4,000 a second */
    }
    assert_int_equal(rig.leases.used, 1024);
    for (uint32_t n = 0; n < 50; n++) {
        assert_int_equal(rig_renew(&rig, n, addr[n]), DHCP_REPLY);
        assert_true(reply_is(DHCPACK));
        assert_int_equal(rig_discover(&rig, n), addr[n]);
    }
    assert_int_equal(rig_lease(&rig, 0x99), IP(10, 0, 0, 99));
    rig_advance(&rig, 32); /* and when it is over, anybody is served again */
    assert_true(rig_lease(&rig, 60) >= IP(10, 0, 1, 0));
}

/* Remembered clients outlive a flood of offers that nobody takes, as long as there is any other
 * address. */
static void test_a_flood_of_offers_does_not_wear_out_memory(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, "ping-check off;" PLAIN, 16);
    addr = rig_lease(&rig, 1);
    rig_release(&rig, 1, addr);
    for (uint32_t n = 100; n < 200; n++) {
        assert_int_not_equal(rig_discover(&rig, n), addr);
        rig_advance(&rig, 10);
    }
    assert_int_equal(rig_lease(&rig, 1), addr);
}

/* Messages that cannot be served do not use up a pool: BOOTP clients where they may not, and
 * replies that get lost. */
static void test_what_is_not_given_stays_in_the_pool(void **state)
{
    (void)state;
    rig_init(&rig, "ping-check off;" PLAIN, 16);
    for (uint32_t n = 0; n < 100; n++) {
        rig_msg(&rig, DHCP_NONE, n);
        assert_int_equal(rig_send(&rig), DHCP_WARNING);
    }
    rig.lose_reply = true;
    for (uint32_t n = 0; n < 100; n++)
        assert_true(in_pool(rig_discover(&rig, n)));
    rig.lose_reply = false;
    for (uint32_t n = 0; n < 10; n++)
        assert_true(in_pool(rig_lease(&rig, n)));
}

static void test_fewer_records_than_addresses(void **state)
{
    (void)state;
    rig_init(&rig,
             "ping-check off; default-lease-time 60; min-lease-time 60;"
             "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.1.99; range 10.0.2.0 "
             "10.0.2.99; }",
             8);
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t n = 0; n < 8; n++)
            assert_true(rig_lease(&rig, round * 8 + n));
        assert_int_equal(rig_discover(&rig, 100000), 0);
        assert_int_equal(rig.out.reason, DHCP_REASON_no_record);
        rig_advance(&rig, 62);
    }
    assert_true(rig.leases.stats.evicted > 300);
}

/* A pool whose records went to another pool finds its addresses again. */
static void test_records_move_between_pools(void **state)
{
    (void)state;
    rig_init(&rig,
             "ping-check off; default-lease-time 60; min-lease-time 60;"
             "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.13; }"
             "subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.10 10.1.0.13; }",
             4);
    for (uint32_t round = 0; round < 8; round++) {
        for (uint32_t n = 0; n < 4; n++) {
            rig_msg(&rig, DHCPDISCOVER, round * 10 + n);
            rig_set(&rig, giaddr, round % 2 ? IP(10, 1, 0, 1) : 0);
            expect(DHCP_REPLY, DHCP_REASON_offered);
        }
        rig_msg(&rig, DHCPDISCOVER, round * 10 + 5); /* and one too many */
        rig_set(&rig, giaddr, round % 2 ? IP(10, 1, 0, 1) : 0);
        assert_int_equal(rig_send(&rig), DHCP_WARNING);
        rig_advance(&rig, 100);
    }
}

/* A day forward or back on the wall clock is nothing to the server; a day back on its own is
 * ignored. */
/* The address longest out of use is not for BOOTP clients, and does not stand before those that
 * are. */
static void test_a_free_address_for_others_does_not_hide_those_behind_it(void **state)
{
    static const char conf[] = "ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 {"
                               " range 10.0.0.20 10.0.0.21; range dynamic-bootp 10.0.0.30; }";

    (void)state;
    rig_init(&rig, conf, 16);
    for (uint32_t n = 1; n <= 3; n++)
        assert_int_not_equal(rig_lease(&rig, n), 0);
    assert_int_equal(rig_release(&rig, 1, IP(10, 0, 0, 20)), DHCP_UPDATE);
    assert_int_equal(rig_release(&rig, 2, IP(10, 0, 0, 21)), DHCP_UPDATE);
    rig_msg(&rig, DHCP_NONE, 4);
    assert_int_equal(rig_send(&rig), DHCP_WARNING);
    assert_int_equal(rig_release(&rig, 3, IP(10, 0, 0, 30)), DHCP_UPDATE);
    rig_msg(&rig, DHCP_NONE, 4);
    assert_int_equal(rig_send(&rig), DHCP_REPLY);
    assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 30));
}

/* RFC 2131 section 4.3.1: an offer promises; only a REQUEST of it would move the client. */
static void test_an_offer_of_another_address_leaves_a_valid_lease_alone(void **state)
{
    static const char conf[] =
        "authoritative; ping-check off; class \"p\" { match if option vendor-class-identifier = "
        "\"p\"; } subnet 10.0.0.0 netmask 255.255.255.0 { pool { allow members of \"p\"; range "
        "10.0.0.20; } pool { deny members of \"p\"; range 10.0.0.30; } }";

    (void)state;
    for (int end = 0; end < 3; end++) {
        rig_init(&rig, conf, 16);
        assert_int_equal(rig_lease(&rig, 1), IP(10, 0, 0, 30));
        rig_msg(&rig, DHCPDISCOVER, 1);
        rig_opt(&rig, 60, "p", 1);
        assert_int_equal(rig_send(&rig), DHCP_REPLY);
        assert_int_equal(rig.reply.yiaddr, IP(10, 0, 0, 20));
        if (end == 0) {
            assert_int_equal(rig_renew(&rig, 1, IP(10, 0, 0, 30)), DHCP_REPLY);
            assert_true(reply_is(DHCPACK));
            assert_int_equal(rig_discover(&rig, 1), IP(10, 0, 0, 30));
        } else if (end == 1) {
            assert_int_equal(rig_release(&rig, 1, IP(10, 0, 0, 30)), DHCP_UPDATE);
            assert_int_equal(rig_lease(&rig, 2), IP(10, 0, 0, 30));
        } else {
            assert_int_equal(rig_decline(&rig, 1, IP(10, 0, 0, 30)), DHCP_UPDATE);
            assert_int_equal(state_at(IP(10, 0, 0, 30)), DHCP_LEASE_ABANDONED);
        }
        rig_fini(&rig);
    }
    rig_init(&rig, PLAIN, 16);
}

static void test_time_never_jumps_a_lease(void **state)
{
    uint32_t addr;

    (void)state;
    rig_init(&rig, PLAIN, 16);
    rig_advance(&rig, 200000);
    addr = rig_lease(&rig, 1);
    rig.now_ns -= 86400 * NS_PER_S;
    assert_int_equal(rig_renew(&rig, 1, addr), DHCP_REPLY);
    assert_int_equal(dhcp_lease_left_s(&rig.leases, lease_at(addr)), 600);
    rig.now_ns += 86400 * NS_PER_S;
    rig_advance(&rig, 599);
    assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
    rig_advance(&rig, 3);
    rig_discover(&rig, 2); /* tells it the time */
    assert_int_equal(state_at(addr), DHCP_LEASE_FREE);
}

/* Two packets an address do not put a pool out of use: when nothing else is left, what was
 * declined longest ago is reused. */
static void test_a_pool_whose_every_address_was_declined_still_serves(void **state)
{
    static const char *const ping_check[] = {"ping-check off;" PLAIN, PLAIN};
    uint32_t first, last;

    (void)state;
    for (unsigned probed = 0; probed < 2; probed++) {
        rig_init(&rig, ping_check[probed], 16);
        rig.answer_probes = true;
        for (uint32_t n = 0; n < 10; n++) {
            uint32_t addr = rig_lease(&rig, n);

            assert_true(in_pool(addr)); /* a new one each time */
            assert_int_equal(state_at(addr), DHCP_LEASE_BOUND);
            assert_int_equal(rig.leases.stats.by_state[DHCP_LEASE_ABANDONED], n);
            assert_int_equal(rig_decline(&rig, n, addr), DHCP_UPDATE);
            first = n == 0 ? addr : first;
            last = addr;
            rig_advance(&rig, 1);
        }
        rig_msg(&rig, DHCP_NONE, 20); /* not for BOOTP: nobody would be asked */
        assert_int_equal(rig_send(&rig), DHCP_WARNING);
        rig.lose_reply = true;
        assert_int_equal(rig_discover(&rig, 20), first);
        rig.lose_reply = false;
        assert_int_equal(rig_lease(&rig, 20), first);
        assert_int_equal(rig.leases.stats.by_state[DHCP_LEASE_ABANDONED], 9);
        /* Somebody is there indeed: the next one, and this one's turn is the last. */
        rig.conflict = first + 1;
        assert_int_equal(rig_lease(&rig, 21), probed ? first + 2 : first + 1);
        for (uint32_t n = 22; n < (probed ? 29 : 30); n++)
            assert_int_equal(rig_release(&rig, n - 1, rig_lease(&rig, n - 1)), DHCP_UPDATE);
        assert_int_equal(state_at(last), DHCP_LEASE_ABANDONED);
        rig_advance(&rig, 3602); /* and in time all are free */
        while (dhcp_leases_tick(&rig.leases, rig.now_ns, 64))
            ;
        assert_int_equal(rig.leases.stats.by_state[DHCP_LEASE_ABANDONED], 0);
        rig_fini(&rig);
    }
    rig_init(&rig, PLAIN, 16);
}

static void test_init_refuses_bad_numbers(void **state)
{
    static struct dhcp_server server;
    static struct dhcp_leases leases;
    struct dhcp_server_conf c;
    static _Alignas(8) uint8_t storage[65536];

    (void)state;
    rig_init(&rig, PLAIN, 16);
    c = (struct dhcp_server_conf){
        .conf = &rig.conf, .storage = cs_of(storage, sizeof(storage)), .leases_max = 16};
    assert_int_equal(dhcp_server_init(&server, &leases, &c), 0);
    c.leases_max = 0;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_INVAL);
    c.leases_max = (1u << 24) + 1;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_INVAL);
    c.leases_max = UINT32_MAX;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_INVAL);
    assert_true(dhcp_server_storage_bytes(&rig.conf, UINT32_MAX) != 0);
    c.leases_max = 16;
    c.offer_s = 3601;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_INVAL);
    c.offer_s = 0;
    c.storage = cs_of(storage + 1, sizeof(storage) - 1);
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_NOSPC);
    c.storage = cs_of(storage, dhcp_server_storage_bytes(&rig.conf, 16) - 1);
    assert_int_equal(dhcp_server_init(&server, &leases, &c), -E_NOSPC);
    c.storage.len++;
    assert_int_equal(dhcp_server_init(&server, &leases, &c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_starvation),
        TEST(test_a_flood_of_offers_does_not_wear_out_memory),
        TEST(test_what_is_not_given_stays_in_the_pool),
        TEST(test_fewer_records_than_addresses),
        TEST(test_records_move_between_pools),
        TEST(test_a_free_address_for_others_does_not_hide_those_behind_it),
        TEST(test_an_offer_of_another_address_leaves_a_valid_lease_alone),
        TEST(test_time_never_jumps_a_lease),
        TEST(test_a_pool_whose_every_address_was_declined_still_serves),
        TEST(test_init_refuses_bad_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
