/* SPDX-License-Identifier: ISC */
/* prop_dhcp.c - properties of the DHCP server that hold for every message and every order of
 * events. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "dhcprig.h"

/* ---- parse(emit(x)) = x ---------------------------------------------------------------------- */

static uint8_t out[2048], noise[1024];

/* Random headers, random options, random room: what was written is read back, what was left out
 * is not there, and the room is kept to. */
static void prop_what_is_written_is_read_back(void **state)
{
    uint64_t seed = test_seed(1);

    (void)state;
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)test_random(&seed);
    for (unsigned round = 0; round < 3000; round++) {
        static struct dhcp_msg msg;
        struct cs_ro written[256] = {{0}}, agent = cs_ro_of(noise, test_random_below(&seed, 300));
        bool has[256] = {false}, has_agent = test_random_below(&seed, 3) == 0;
        size_t max = DHCP_BYTES_MIN + test_random_below(&seed, DHCP_REPLY_MAX - DHCP_BYTES_MIN + 1);
        uint32_t left_out = 0;
        struct dhcp_hdr hdr = {.op = (uint8_t)test_random(&seed),
                               .hlen = (uint8_t)test_random_below(&seed, 17),
                               .xid = (uint32_t)test_random(&seed),
                               .flags = (uint16_t)test_random(&seed),
                               .ciaddr = (uint32_t)test_random(&seed),
                               .giaddr = (uint32_t)test_random(&seed),
                               .chaddr = cs_ro_of(noise, 16)};
        struct dhcp_writer w;
        size_t len;

        if (test_random_below(&seed, 4) == 0)
            hdr.file = cs_of_str("file");
        if (test_random_below(&seed, 4) == 0)
            hdr.sname = cs_of_str("sname");
        dhcp_write_begin(&w, cs_of(out, sizeof(out)), max, &hdr, test_random_below(&seed, 2),
                         has_agent ? &agent : NULL);
        for (unsigned n = test_random_below(&seed, 30); n > 0; n--) {
            uint8_t code = (uint8_t)(100 + test_random_below(&seed, 150));
            struct cs_ro data =
                cs_ro_of(noise, test_random_below(&seed, 1u << test_random_below(&seed, 11)));

            if (has[code] || code == DHCP_OPT_SUBNET_SELECTION)
                continue;
            has[code] = dhcp_write_opt(&w, code, data);
            if (has[code])
                written[code] = data;
            else
                left_out++;
        }
        len = dhcp_write_end(&w);
        assert_in_range(len, DHCP_BYTES_MIN, max);
        assert_int_equal(dhcp_parse(cs_ro_of(out, len), &msg), DHCP_WIRE_ok);
        assert_int_equal(msg.op, hdr.op);
        assert_int_equal(msg.xid, hdr.xid);
        assert_int_equal(msg.flags, hdr.flags);
        assert_int_equal(msg.ciaddr, hdr.ciaddr);
        assert_int_equal(msg.giaddr, hdr.giaddr);
        for (unsigned code = 100; code < 250; code++) {
            assert_int_equal(dhcp_msg_has(&msg, (uint8_t)code), has[code]);
            assert_true(cs_equal(dhcp_msg_opt(&msg, (uint8_t)code), written[code]));
        }
        if (has_agent && dhcp_msg_has(&msg, DHCP_OPT_AGENT))
            assert_true(cs_equal(dhcp_msg_opt(&msg, DHCP_OPT_AGENT), agent));
        else if (has_agent)
            left_out++;
        assert_int_equal(w.left_out, left_out);
        if (hdr.file.len)
            assert_int_equal(msg.file.len, 128);
    }
}

/* ---- no address to two clients --------------------------------------------------------------- */

enum { CLIENTS = 60, ADDRS = 40, STEPS = 60000 };

static struct rig rig;
/* What the clients were told: who may use an address, and until when (seconds). */
static struct {
    uint32_t client;
    uint64_t until;
} holder[ADDRS];
static uint32_t last_addr[CLIENTS]; /* that a client was given, for as long as it cares */

static uint64_t now_s(void)
{
    return rig.now_ns / NS_PER_S;
}

static void check_given(uint32_t client, uint32_t addr, uint32_t lease_s)
{
    uint32_t i = addr - IP(10, 0, 0, 10);

    assert_true(i < ADDRS);
    if (holder[i].until >= now_s() && holder[i].client != client)
        fail_msg("%u.%u is client %u's, and now client %u's", addr >> 8 & 255, addr & 255,
                 holder[i].client, client);
    if (rig.reply.type == DHCPACK && !rig.lose_reply) {
        holder[i].client = client;
        holder[i].until = now_s() + lease_s;
        last_addr[client] = addr;
    }
}

static void check_reply(uint32_t client, enum dhcp_verdict v)
{
    if (v != DHCP_REPLY)
        return;
    if (rig.reply.type == DHCPOFFER || rig.reply.type == DHCPACK)
        check_given(client, rig.reply.yiaddr, rig_reply_u32(&rig, DHCP_OPT_LEASE_TIME));
}

/* The table agrees with itself. */
static void check_table(void)
{
    struct dhcp_leases *ls = &rig.leases;
    uint32_t by_state[DHCP_LEASE_STATE_COUNT] = {0};

    for (uint32_t i = 0; i < ls->used; i++) {
        struct dhcp_lease *lease = &ls->lease[i];

        by_state[lease->state]++;
        assert_ptr_equal(dhcp_leases_by_addr(ls, lease->addr), lease);
        if (lease->in_clients)
            assert_true(lease->id_len);
    }
    for (unsigned s = 0; s < DHCP_LEASE_STATE_COUNT; s++)
        assert_int_equal(by_state[s], ls->stats.by_state[s]);
}

static void forget(uint32_t client)
{
    for (unsigned i = 0; i < ADDRS; i++)
        if (holder[i].client == client)
            holder[i].until = 0;
}

static void step(uint64_t *seed)
{
    uint32_t client = test_random_below(seed, CLIENTS), addr = last_addr[client];
    enum dhcp_verdict v;

    rig.lose_reply = test_random_below(seed, 8) == 0;
    rig.answer_probes = test_random_below(seed, 8) != 0;
    rig.conflict =
        test_random_below(seed, 20) ? 0 : IP(10, 0, 0, 10) + test_random_below(seed, ADDRS);
    switch (test_random_below(seed, 9)) {
    case 0:
        rig_msg(&rig, DHCPDISCOVER, client);
        if (test_random_below(seed, 2))
            rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 5) + test_random_below(seed, 50));
        check_reply(client, rig_send(&rig));
        break;
    case 1:
    case 2:
        addr = rig_discover(&rig, client);
        if (!addr)
            break;
        check_given(client, addr, 0);
        (void)rig_select(&rig, client, addr);
        check_reply(client, rig.out.len ? DHCP_REPLY : DHCP_SILENCE);
        break;
    case 3:
        check_reply(client, rig_renew(&rig, client, addr ? addr : IP(10, 0, 0, 10)));
        break;
    case 4:
        rig_msg(&rig, DHCPREQUEST, client);
        rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR,
                addr ? addr : IP(10, 0, 0, 10) + test_random_below(seed, ADDRS));
        check_reply(client, rig_send(&rig));
        break;
    case 5:
        /* A release must be told to the model before the server may act on it. */
        v = rig_release(&rig, client, addr ? addr : IP(10, 0, 0, 11));
        if (v == DHCP_UPDATE)
            forget(client);
        break;
    case 6:
        v = test_random_below(seed, 10) ? DHCP_SILENCE
                                        : rig_decline(&rig, client, addr ? addr : IP(10, 0, 0, 12));
        if (v == DHCP_UPDATE)
            forget(client);
        break;
    case 7:
        rig_advance(&rig, test_random_below(seed, 3) ? test_random_below(seed, 40) : 0);
        break;
    case 8:
        if (test_random_below(seed, 50) == 0)
            rig_advance(&rig, test_random_below(seed, 5000));
        break;
    }
}

static void prop_no_address_is_given_to_two_clients(void **state)
{
    uint64_t seed = test_seed(7);

    (void)state;
    for (unsigned leases = 10; leases <= 50; leases += 20) {
        memset(holder, 0, sizeof(holder));
        memset(last_addr, 0, sizeof(last_addr));
        rig_init(&rig,
                 "authoritative; default-lease-time 120; min-lease-time 30; max-lease-time 300;"
                 "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.29; range "
                 "10.0.0.30 10.0.0.49; }",
                 leases);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&seed);
            if (i % 100 == 0)
                check_table();
        }
        rig_fini(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prop_what_is_written_is_read_back),
        cmocka_unit_test(prop_no_address_is_given_to_two_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
