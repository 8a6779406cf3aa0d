/* SPDX-License-Identifier: ISC */
/* prop_dhcp_client.c - many clients and our server on a network that loses, repeats and delays
 * messages, where somebody has taken addresses by hand, the server is away at times, and once the
 * network gets other numbers: nobody ever has an address that the server does not think is his, and
 * everybody has one in the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/dhcp_client.h>

#include "dhcprig.h"

enum { CLIENTS = 12, FLIGHT = 256, LEASE_S = 120, LAST = 29 };
#define SLACK_S 1u /* the server's clock has whole seconds */

static struct rig rig;

struct host {
    struct dhcp_client client;
    bool probing;
    uint64_t probed_at;
};
static struct host hosts[CLIENTS];

/* What is on its way: to the server (host NULL: from), or to a client. */
static struct message {
    bool to_server;
    unsigned host;
    uint64_t at;
    uint32_t src, dst;
    size_t len;
    uint8_t bytes[DHCP_REPLY_MAX];
} flight[FLIGHT];
static unsigned flying;

static uint64_t seed, now;
static uint32_t net;       /* 10.net.0.0/24 */
static bool away;          /* the server */
static unsigned loss;      /* of a hundred messages */
static uint32_t squatters; /* a bit each, of the addresses from .10 on */
static uint64_t leases, expiries, declined, refused;

/* ---- the network ----------------------------------------------------------------------------- */

static void fly(bool to_server, unsigned host, const struct dhcp_client_step *step,
                struct cs_ro bytes)
{
    unsigned copies = test_random_below(&seed, 100) < loss ? 0 : 1;

    if (test_random_below(&seed, 100) < loss)
        copies++;
    while (copies-- > 0 && flying < FLIGHT) {
        struct message *m = &flight[flying++];

        *m = (struct message){.to_server = to_server,
                              .host = host,
                              .at =
                                  now + test_random_below(&seed, loss != 0 ? 9000 : 10) * NS_PER_MS,
                              .len = bytes.len};
        if (step != NULL) {
            m->src = step->src;
            m->dst = step->dst;
        }
        memcpy(m->bytes, bytes.base, bytes.len);
    }
}

static bool is_squatted(uint32_t addr)
{
    return addr >= IP(10, net, 0, 10) && addr <= IP(10, net, 0, LAST) &&
           (squatters >> (addr - IP(10, net, 0, 10)) & 1) != 0;
}

static bool is_taken(uint32_t addr, unsigned but)
{
    for (unsigned i = 0; i < CLIENTS; i++)
        if (i != but && dhcp_client_has_lease(&hosts[i].client) &&
            hosts[i].client.lease.addr == addr)
            return true;
    return is_squatted(addr);
}

/* The server's probe tells the truth of one address; the others look free to it. */
static void to_server(const struct message *m)
{
    if (away)
        return;
    rig_msg(&rig, DHCP_NONE, 0);
    memcpy(rig.buf, m->bytes, m->len);
    rig.len = m->len;
    rig.packet.our_addr = IP(10, net, 0, 1);
    rig.packet.src = m->src;
    rig.packet.dst = m->dst;
    if (m->dst != UINT32_MAX && m->dst != rig.packet.our_addr)
        return; /* a server that is no more */
    rig.now_ns = now;
    rig.conflict = test_random_below(&seed, 2) != 0
                       ? 0
                       : IP(10, net, 0, 10) + test_random_below(&seed, LAST - 9);
    if (rig.conflict != 0 && !is_squatted(rig.conflict))
        rig.conflict = 0;
    if (rig_send_raw(&rig) == DHCP_REPLY)
        fly(false, m->host, NULL, cs_ro_of(rig.reply_buf, rig.out.len));
}

static void deliver(void)
{
    for (unsigned i = 0; i < flying;) {
        struct message m = flight[i];

        if (m.at > now) {
            i++;
            continue;
        }
        flight[i] = flight[--flying];
        if (m.to_server)
            to_server(&m);
        else
            (void)dhcp_client_input(&hosts[m.host].client, cs_ro_of(m.bytes, m.len), now);
    }
}

/* ---- the clients ----------------------------------------------------------------------------- */

static void run_client(unsigned i)
{
    struct host *host = &hosts[i];
    uint8_t buf[DHCP_BYTES_DEFAULT];

    if (host->probing && now >= host->probed_at) {
        host->probing = false;
        dhcp_client_probed(&host->client, is_taken(host->client.lease.addr, i), now);
    }
    for (;;) {
        struct dhcp_client_step step = {.buf = cs_of(buf, sizeof(buf))};

        switch (dhcp_client_poll(&host->client, now, &step)) {
        case DHCP_CLIENT_SEND:
            fly(true, i, &step, cs_ro_of(buf, step.len));
            break;
        case DHCP_CLIENT_PROBE:
            host->probing = true;
            host->probed_at = now + 600 * NS_PER_MS;
            break;
        case DHCP_CLIENT_DROP:
            host->probing = false;
            break;
        case DHCP_CLIENT_USE:
            break;
        case DHCP_CLIENT_WAIT:
            return;
        }
    }
}

static void check_client(unsigned i)
{
    const struct dhcp_client *c = &hosts[i].client;
    struct dhcp_lease *record;

    if (!dhcp_client_has_lease(c))
        return;
    assert_true(now < c->ends_at);
    if (c->lease.addr >> 8 != IP(10, net, 0, 0) >> 8)
        return; /* of the network as it was: until its end, or a refusal */
    if (is_taken(c->lease.addr, i))
        fail_msg("seed %llu: client %u has %u, which is another's", (unsigned long long)seed, i,
                 c->lease.addr & 255);
    (void)dhcp_leases_tick(&rig.leases, now, 0);
    record = dhcp_leases_by_addr(&rig.leases, c->lease.addr);
    assert_non_null(record);
    assert_int_equal(record->state, DHCP_LEASE_BOUND);
    assert_memory_equal(record->mac, c->conf.mac, 6);
    if ((c->ends_at - now) / NS_PER_S > dhcp_lease_left_s(&rig.leases, record) + SLACK_S)
        fail_msg("client %u thinks it has %u for longer than the server does", i,
                 c->lease.addr & 255);
}

static uint64_t next_event(void)
{
    uint64_t at = NS_NEVER;

    for (unsigned i = 0; i < CLIENTS; i++) {
        at = u64_min(at, dhcp_client_poll_at(&hosts[i].client));
        if (hosts[i].probing)
            at = u64_min(at, hosts[i].probed_at);
    }
    for (unsigned i = 0; i < flying; i++)
        at = u64_min(at, flight[i].at);
    return at;
}

static void pass(uint64_t seconds)
{
    uint64_t end = now + seconds * NS_PER_S;

    for (;;) {
        uint64_t at = next_event();

        if (at > end)
            break;
        now = at > now ? at : now;
        deliver();
        for (unsigned i = 0; i < CLIENTS; i++)
            run_client(i);
        for (unsigned i = 0; i < CLIENTS; i++)
            check_client(i);
    }
    now = end;
}

/* ---- the story ------------------------------------------------------------------------------- */

static void begin_net(uint32_t number)
{
    char conf[256];

    snprintf(conf, sizeof(conf),
             "authoritative; default-lease-time %d; max-lease-time %d; min-lease-time %d;"
             "subnet 10.%u.0.0 netmask 255.255.255.0 { range 10.%u.0.10 10.%u.0.%d; option routers "
             "10.%u.0.254; }",
             LEASE_S, LEASE_S, LEASE_S, number, number, number, LAST, number);
    net = number;
    rig_init(&rig, conf, 64);
    rig.now_ns = now;
}

static unsigned with_lease(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < CLIENTS; i++)
        n += dhcp_client_has_lease(&hosts[i].client) &&
             hosts[i].client.lease.addr >> 8 == IP(10, net, 0, 0) >> 8;
    return n;
}

/* The wire is good again: a minute of backoff, one of failures, a decline's ten seconds, twice. */
static void expect_all(void)
{
    loss = 0;
    away = false;
    pass(400);
    assert_int_equal(with_lease(), CLIENTS);
}

static void add_up(void)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        leases += hosts[i].client.stats.leases;
        expiries += hosts[i].client.stats.expiries;
        declined += hosts[i].client.stats.conflicts;
        refused += hosts[i].client.stats.answers[DHCP_CLIENT_ANSWER_refused];
    }
}

static void story(void)
{
    now = 1000 * NS_PER_S;
    flying = 0;
    loss = test_random_below(&seed, 4) * 15;
    squatters = (uint32_t)test_random(&seed) & (uint32_t)test_random(&seed) & 0xff;
    away = false;
    begin_net(0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct dhcp_client_conf conf = {.mac = {2, 0, 0, 0, 1, (uint8_t)i}, .key = {seed, i}};

        hosts[i].probing = false;
        if (test_random_below(&seed, 4) == 0)
            conf.remembered = IP(10, 0, 0, 10) + test_random_below(&seed, 30);
        assert_int_equal(dhcp_client_init(&hosts[i].client, &conf, now), 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        pass(test_random_below(&seed, 60));
        away = test_random_below(&seed, 4) == 0;
        if (test_random_below(&seed, 3) == 0)
            dhcp_client_link_up(&hosts[test_random_below(&seed, CLIENTS)].client, now);
        if (test_random_below(&seed, 4) == 0) {
            /* Somebody takes an address by hand; who has it finds out. */
            uint32_t addr = IP(10, net, 0, 10) + test_random_below(&seed, 8);

            for (unsigned c = 0; c < CLIENTS; c++)
                if (dhcp_client_has_lease(&hosts[c].client) && hosts[c].client.lease.addr == addr)
                    dhcp_client_probed(&hosts[c].client, true, now);
            squatters |= 1u << ((addr & 255) - 10);
        }
    }
    expect_all();
    rig_fini(&rig);
    flying = 0;
    squatters = 0;
    begin_net(7);
    expect_all();
    add_up();
    rig_fini(&rig);
}

static void prop_an_address_is_the_clients_as_long_as_the_server_thinks_so(void **state)
{
    (void)state;
    seed = test_seed(3);
    for (unsigned i = 0; i < 60; i++)
        story();
    /* It happened at all. */
    assert_true(leases > 60 * 2 * CLIENTS && expiries > 50 && declined > 50 && refused > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prop_an_address_is_the_clients_as_long_as_the_server_thinks_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
