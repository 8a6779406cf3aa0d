/* SPDX-License-Identifier: ISC */
/* test_app_pktbench_udp.c - pktbench's port over the stack: one that does not open leaves nothing
 * to close, and main closes it at its end all the same. The network below is the test's. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>
#include <morgana/loopback.h>

#include "apps/pktbench/port_udp.c"

enum { PAGES = 64, PORT = 9 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PAGES];
static struct arp_entry arp[4];
static struct ip4_frag_queue frags[1];
static struct loopback loop;
static struct net net = {.name = "prog"};
static struct port port;
static uint16_t taken; /* a port that somebody has */
static struct udp_sock other;

int net_open(struct net *n, int argc, char **argv, uint64_t now)
{
    const struct loopback_conf end = {.mac = {2, 0, 0, 0, 0, 1}, .queue_max = 8};
    struct netif_conf conf = {.pool = &n->pool,
                              .arp = arp,
                              .arp_max = ARRAY_SIZE(arp),
                              .frags = frags,
                              .frags_max = ARRAY_SIZE(frags),
                              .frag_bytes_max = PAGE_BYTES};
    const struct dhcp_client_udp_conf dhcp = {.nif = &n->nif};

    (void)argc, (void)argv;
    page_pool_init(&n->pages, headers, memory, PAGES);
    pkt_pool_init(&n->pool, pkts, PAGES, &n->pages);
    assert_int_equal(loopback_open(&loop, &end, &conf.dev), 0);
    assert_int_equal(netif_init(&n->nif, &conf, now), 0);
    if (taken != 0) {
        const struct udp_conf udp = {.port = taken, .queue_max = 1};
        assert_int_equal(udp_open(&other, &n->nif, &udp), 0);
    }
    return n->by_dhcp ? dhcp_client_udp_open(&n->dhcp, &dhcp, now) : 0;
}

static unsigned closed;

void net_close(struct net *n)
{
    assert_int_equal(++closed, 1);
    if (n->by_dhcp)
        dhcp_client_udp_close(&n->dhcp, false, plat_now_ns());
    if (taken != 0)
        udp_close(&other);
    netif_fini(&n->nif);
    loopback_close(&loop);
    assert_int_equal(n->pages.free_count, PAGES);
}

int net_failed(const struct net *n, const char *what, int err)
{
    LOG_ERROR("%s: %s", n->name, what);
    return err;
}

void net_wait(struct net *n, uint64_t deadline)
{
    (void)n;
    vplat_set_now(deadline);
}

static int open_and_close(bool by_dhcp, uint16_t taken_port)
{
    const struct port_conf conf = {.flows = 2, .port = PORT};
    char *argv[] = {NULL};
    int err;

    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    net.by_dhcp = by_dhcp;
    taken = taken_port;
    closed = 0;
    err = port_udp_open(&port, &conf, &net, 0, argv);
    if (port.dev != NULL)
        port.ops->close(&port);
    assert_int_equal(closed, 1);
    return err;
}

static void test_no_address_by_dhcp_closes_the_network_once(void **state)
{
    (void)state;
    assert_int_equal(open_and_close(true, 0), -E_TIMEDOUT);
    assert_non_null(strstr(vplat_console(), "prog: no address by DHCP\n"));
}

static void test_a_port_that_is_taken_closes_the_network_once(void **state)
{
    (void)state;
    assert_true(open_and_close(false, PORT + 1) < 0);
    assert_non_null(strstr(vplat_console(), "prog: cannot open the port\n"));
}

static void test_one_that_opens_is_closed_by_main(void **state)
{
    (void)state;
    assert_int_equal(open_and_close(false, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_address_by_dhcp_closes_the_network_once),
        cmocka_unit_test(test_a_port_that_is_taken_closes_the_network_once),
        cmocka_unit_test(test_one_that_opens_is_closed_by_main),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
