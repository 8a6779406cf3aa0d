/* SPDX-License-Identifier: ISC */
/* test_dhcp_lease.c - the table of leases: found, kept, expired, each in constant time; and a
 * clock that cannot make them jump. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "dhcprig.h"

#define CONF "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.200.255; }"

static struct rig rig;
static struct dhcp_leases *const ls = &rig.leases;

static int fini(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static struct dhcp_lessee client(uint32_t n, bool by_id)
{
    static uint8_t ids[16][8];
    static unsigned turn;
    uint8_t *id = ids[turn++ % 16];

    memset(id, 0, 8);
    memcpy(id, &n, 4);
    return dhcp_leases_client(ls, 0, by_id, cs_ro_of(id, 8));
}

static struct dhcp_lease *bind(uint32_t addr, uint32_t n, uint32_t seconds)
{
    struct dhcp_lessee c = client(n, false);
    struct dhcp_lease *lease = dhcp_leases_get(ls, addr, 0, 0);

    if (lease) {
        dhcp_leases_assign(ls, lease, &c, NULL, CS_RO_EMPTY);
        dhcp_leases_set(ls, lease, DHCP_LEASE_BOUND, seconds);
    }
    return lease;
}

static struct dhcp_lease *of_client(uint32_t n)
{
    struct dhcp_lessee c = client(n, false);

    return dhcp_leases_by_client(ls, &c);
}

static void tick_to(uint64_t seconds)
{
    while (dhcp_leases_tick(ls, seconds * NS_PER_S, 8))
        ;
}

static void test_a_lease_is_found_by_address_and_by_client(void **state)
{
    struct dhcp_lessee other = client(7, true);

    (void)state;
    rig_init(&rig, CONF, 1000);
    for (uint32_t n = 0; n < 1000; n++)
        assert_non_null(bind(IP(10, 0, 1, 0) + n, n, 60));
    for (uint32_t n = 0; n < 1000; n++) {
        assert_int_equal(dhcp_leases_by_addr(ls, IP(10, 0, 1, 0) + n)->addr, IP(10, 0, 1, 0) + n);
        assert_int_equal(of_client(n)->addr, IP(10, 0, 1, 0) + n);
    }
    assert_null(dhcp_leases_by_addr(ls, IP(10, 0, 0, 1)));
    assert_null(of_client(1000));
    /* A client id is not a hardware address with the same bytes (RFC 4361 section 6.1). */
    assert_null(dhcp_leases_by_client(ls, &other));
}

/* RFC 4361: opaque, of any length; those longer than a record keeps are told apart all the same. */
static void test_long_client_ids_are_told_apart(void **state)
{
    uint8_t id[255];

    (void)state;
    rig_init(&rig, CONF, 1000);
    memset(id, 'x', sizeof(id));
    for (uint32_t n = 0; n < 256; n++) {
        struct dhcp_lease *lease = dhcp_leases_get(ls, IP(10, 0, 1, 0) + n, 0, 0);
        struct dhcp_lessee c;

        id[254] = (uint8_t)n; /* only the last byte differs */
        c = dhcp_leases_client(ls, 0, true, cs_ro_of(id, sizeof(id)));
        assert_null(dhcp_leases_by_client(ls, &c));
        dhcp_leases_assign(ls, lease, &c, NULL, CS_RO_EMPTY);
        assert_ptr_equal(dhcp_leases_by_client(ls, &c), lease);
        c = dhcp_leases_client(ls, 0, true, cs_ro_of(id, 254));
        assert_null(dhcp_leases_by_client(ls, &c));
    }
}

static void test_a_lease_expires_by_itself_and_not_before(void **state)
{
    struct dhcp_lease *lease;

    (void)state;
    rig_init(&rig, CONF, 10);
    tick_to(5000);
    lease = bind(IP(10, 0, 1, 1), 1, 600);
    (void)dhcp_leases_tick(ls, 5600 * NS_PER_S + NS_PER_S / 2, 0);
    assert_int_equal(dhcp_lease_state(ls, lease),
                     DHCP_LEASE_BOUND); /* the client may still use it */
    (void)dhcp_leases_tick(ls, 5601 * NS_PER_S, 0);
    assert_int_equal(dhcp_lease_state(ls, lease), DHCP_LEASE_FREE); /* without any sweep */
    assert_int_equal(lease->state, DHCP_LEASE_BOUND);
    tick_to(5601);
    assert_int_equal(lease->state, DHCP_LEASE_FREE);
    assert_int_equal(ls->stats.expired, 1);
    assert_ptr_equal(of_client(1), lease); /* remembered */
}

/* A clock that steps back a day does nothing; the lease still ends when its own time is over. */
static void test_a_clock_that_steps_back_moves_no_lease(void **state)
{
    struct dhcp_lease *lease;

    (void)state;
    rig_init(&rig, CONF, 10);
    tick_to(100000);
    lease = bind(IP(10, 0, 1, 1), 1, 600);
    tick_to(100000 - 86400);
    assert_int_equal(dhcp_lease_left_s(ls, lease), 600);
    tick_to(100300);
    assert_int_equal(dhcp_lease_left_s(ls, lease), 300);
    tick_to(100601);
    assert_int_equal(lease->state, DHCP_LEASE_FREE);
}

static void test_an_infinite_lease_does_not_expire(void **state)
{
    struct dhcp_lease *lease;

    (void)state;
    rig_init(&rig, CONF, 10);
    tick_to(100);
    lease = bind(IP(10, 0, 1, 1), 1, DHCP_INFINITE);
    tick_to(UINT32_MAX);
    assert_int_equal(dhcp_lease_state(ls, lease), DHCP_LEASE_BOUND);
    assert_int_equal(dhcp_lease_left_s(ls, lease), DHCP_INFINITE);
}

/* Against a table that is searched from end to end: random leases, renewals, releases and waits. */
static void test_expiry_agrees_with_a_plain_search(void **state)
{
    enum { N = 200 };
    static uint64_t ends[N]; /* last second of validity; 0: none */
    uint64_t seed = test_seed(41), now = 1;

    (void)state;
    memset(ends, 0, sizeof(ends));
    rig_init(&rig, CONF, N);
    for (unsigned step = 0; step < 20000; step++) {
        uint32_t n = test_random_below(&seed, N);

        switch (test_random_below(&seed, 4)) {
        case 0:
        case 1: {
            uint32_t seconds = test_random_below(&seed, 1u << test_random_below(&seed, 18));

            bind(IP(10, 0, 1, 0) + n, n, seconds);
            ends[n] = now + seconds;
            break;
        }
        case 2:
            if (of_client(n))
                dhcp_leases_set(ls, of_client(n), DHCP_LEASE_FREE, 0);
            ends[n] = 0;
            break;
        case 3:
            now += test_random_below(&seed, 1u << test_random_below(&seed, 16));
            (void)dhcp_leases_tick(ls, now * NS_PER_S, test_random_below(&seed, 20));
            break;
        }
        if (step % 50)
            continue;
        for (uint32_t i = 0; i < N; i++) {
            struct dhcp_lease *lease = dhcp_leases_by_addr(ls, IP(10, 0, 1, 0) + i);

            if (lease)
                assert_int_equal(dhcp_lease_state(ls, lease) == DHCP_LEASE_BOUND,
                                 ends[i] && now <= ends[i]);
        }
    }
    tick_to(now);
    for (uint32_t i = 0; i < N; i++)
        if (dhcp_leases_by_addr(ls, IP(10, 0, 1, 0) + i))
            assert_int_equal(dhcp_leases_by_addr(ls, IP(10, 0, 1, 0) + i)->state ==
                                 DHCP_LEASE_BOUND,
                             ends[i] && now <= ends[i]);
}

/* However many expire at once, a call does what its budget says. */
static void test_a_sweep_does_bounded_work(void **state)
{
    unsigned calls = 0;

    (void)state;
    rig_init(&rig, CONF, 50000);
    tick_to(1);
    for (uint32_t n = 0; n < 50000; n++)
        bind(IP(10, 0, 1, 0) + n, n, 3600);
    while (dhcp_leases_tick(ls, 4000 * NS_PER_S, 8))
        calls++;
    /* Each falls through at most one bucket for each bit of 3600, then expires. */
    assert_in_range(calls, 50000 / 8, 50000 * 13 / 8);
    assert_int_equal(ls->stats.by_state[DHCP_LEASE_BOUND], 0);
    assert_int_equal(ls->stats.by_state[DHCP_LEASE_FREE], 50000);
}

static void test_a_full_table_forgets_the_oldest_free_address_only(void **state)
{
    struct dhcp_lease *lease;

    (void)state;
    rig_init(&rig, CONF, 4);
    tick_to(1);
    for (uint32_t n = 0; n < 4; n++)
        bind(IP(10, 0, 1, 0) + n, n, 100 + n);
    assert_null(dhcp_leases_get(ls, IP(10, 0, 9, 9), 0, 0));
    tick_to(103); /* 0 and 1 are over, in this order */
    lease = dhcp_leases_get(ls, IP(10, 0, 9, 9), 0, 0);
    assert_non_null(lease);
    assert_null(of_client(0));
    assert_null(dhcp_leases_by_addr(ls, IP(10, 0, 1, 0)));
    assert_non_null(of_client(1));
    assert_int_equal(ls->stats.evicted, 1);
    /* A fixed address takes nobody's memory away. */
    dhcp_leases_set(ls, lease, DHCP_LEASE_OFFERED, 1000);
    assert_null(dhcp_leases_get(ls, IP(10, 0, 0, 5), DHCP_LEASE_STATIC, 0));
}

static void test_a_client_that_moves_leaves_its_valid_lease_to_run_out(void **state)
{
    struct dhcp_lease *old, *new;

    (void)state;
    rig_init(&rig, CONF, 10);
    tick_to(1);
    old = bind(IP(10, 0, 1, 1), 1, 600);
    new = bind(IP(10, 0, 1, 2), 1, 600);
    assert_ptr_equal(of_client(1), new);
    assert_int_equal(dhcp_lease_state(ls, old), DHCP_LEASE_BOUND);
    tick_to(700);
    assert_int_equal(old->state, DHCP_LEASE_FREE);
    assert_int_equal(old->id_len, 0);
    assert_ptr_equal(of_client(1), new);
}

/* What was only ever offered goes first; then what has been unused for the longest time. */
static void test_addresses_are_reused_oldest_first(void **state)
{
    struct dhcp_lease *a, *b, *offered;

    (void)state;
    rig_init(&rig, CONF, 10);
    tick_to(1);
    a = bind(IP(10, 0, 1, 1), 1, 50);
    b = bind(IP(10, 0, 1, 2), 2, 20);
    offered = dhcp_leases_get(ls, IP(10, 0, 1, 3), 0, 0);
    dhcp_leases_set(ls, offered, DHCP_LEASE_OFFERED, 70);
    tick_to(30);
    tick_to(60);
    assert_ptr_equal(dhcp_leases_oldest_free(ls, &ls->pools[0]), b);
    tick_to(80);
    assert_ptr_equal(dhcp_leases_oldest_free(ls, &ls->pools[0]), offered);
    dhcp_leases_set(ls, offered, DHCP_LEASE_BOUND, 10);
    dhcp_leases_set(ls, b, DHCP_LEASE_BOUND, 10);
    assert_ptr_equal(dhcp_leases_oldest_free(ls, &ls->pools[0]), a);
}

static void test_the_name_a_client_gives_itself_is_printable(void **state)
{
    struct dhcp_lessee c;
    struct dhcp_lease *lease;
    char text[200];
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};

    (void)state;
    rig_init(&rig, CONF, 10);
    c = client(1, false);
    lease = dhcp_leases_get(ls, IP(10, 0, 1, 1), 0, 0);
    dhcp_leases_assign(ls, lease, &c, mac,
                       cs_of_str("a\x1b[2J b\xff-and-then-far-too-long-a-name-to-keep"));
    dhcp_leases_set(ls, lease, DHCP_LEASE_BOUND, 60);
    dhcp_lease_print(ls, lease, text, sizeof(text));
    assert_non_null(strstr(text, "10.0.1.1"));
    assert_non_null(strstr(text, "02:00:00:00:00:09"));
    assert_non_null(strstr(text, "BOUND"));
    assert_non_null(strstr(text, "60 s"));
    assert_non_null(strstr(text, "a?[2J?b?-and-then-far-too-lo"));
    for (const char *p = text; *p; p++)
        assert_in_range(*p, ' ', '~');
}

/* Published vectors of SipHash are for 2-4; this pins 1-3 on this layout, and that each bit of
 * the input counts. */
static void test_the_hash_depends_on_every_bit(void **state)
{
    static const uint64_t key[2] = {1, 2};
    uint8_t bytes[20] = {0};
    uint64_t base = dhcp_hash(key, 0, cs_ro_of(bytes, sizeof(bytes)));

    (void)state;
    for (unsigned bit = 0; bit < 160; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(dhcp_hash(key, 0, cs_ro_of(bytes, sizeof(bytes))) != base);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(dhcp_hash(key, 1, cs_ro_of(bytes, sizeof(bytes))) != base);
    assert_true(dhcp_hash(key, 0, cs_ro_of(bytes, 19)) != base);
}

#define TEST(name) cmocka_unit_test_teardown(name, fini)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_lease_is_found_by_address_and_by_client),
        TEST(test_long_client_ids_are_told_apart),
        TEST(test_a_lease_expires_by_itself_and_not_before),
        TEST(test_a_clock_that_steps_back_moves_no_lease),
        TEST(test_an_infinite_lease_does_not_expire),
        TEST(test_expiry_agrees_with_a_plain_search),
        TEST(test_a_sweep_does_bounded_work),
        TEST(test_a_full_table_forgets_the_oldest_free_address_only),
        TEST(test_a_client_that_moves_leaves_its_valid_lease_to_run_out),
        TEST(test_addresses_are_reused_oldest_first),
        TEST(test_the_name_a_client_gives_itself_is_printable),
        cmocka_unit_test(test_the_hash_depends_on_every_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
