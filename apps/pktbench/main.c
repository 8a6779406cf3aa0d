/* SPDX-License-Identifier: ISC */
/* pktbench - packets a second, bits a second, and how long they take: a generator, a sink, an echo
 * and what asks it, and a forwarder between two devices. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/memory.h"
#include "words.h"

enum { PAGES_WANT = 4096, PAGES_MIN = 320, PAGES_MAX = 1 << 20 };

static struct bench bench;
static struct net net = {.name = "pktbench", .pages_want = PAGES_WANT};
static struct page_pool eth_pages;
static struct pkt_pool eth_pool;

static int (*const run[MODES])(struct bench *) = {
    [MODE_TX] = run_tx,   [MODE_RX] = run_rx,           [MODE_ECHO] = run_echo,
    [MODE_RTT] = run_rtt, [MODE_FORWARD] = run_forward, [MODE_LOOP] = run_tx,
};

static int open_eth(unsigned index)
{
    struct port_conf conf = bench.load.port;
    int err = port_eth_open(&bench.ports[index], &conf, index, &eth_pool);

    if (err == 0)
        bench.port_count++;
    return err;
}

/* Two devices to forward between; a loop takes one that hears itself, too. */
static int open_two(void)
{
    unsigned n = plat_netdev_count();
    int err;

    if (bench.load.mode == MODE_FORWARD && n < 2) {
        LOG_ERROR("pktbench: mode=forward needs two network devices; here are %u", n);
        return -E_NODEV;
    }
    if (n >= 2 && (err = open_eth(1)) != 0)
        return err;
    if ((err = open_eth(0)) != 0 || bench.load.mode != MODE_LOOP)
        return err;
    if (!bench.load.port.has_mac)
        memcpy(bench.load.port.to_mac, bench.ports[n >= 2].dev->mac, 6);
    port_eth_init(&bench.ports[0], &bench.load.port, bench.ports[0].dev, &eth_pool);
    return 0;
}

static int open_ports(int argc, char **argv)
{
    static const struct memory_pool_conf memory = {.name = "pktbench",
                                                   .pages = PAGES_WANT,
                                                   .min = PAGES_MIN,
                                                   .max = PAGES_MAX,
                                                   .less = 2,
                                                   .pkts_a_page = 2};
    int err;

    if (!bench.load.eth) {
        err = port_udp_open(&bench.ports[0], &bench.load.port, &net, argc, argv);
        bench.port_count = err == 0;
        return err;
    }
    err = memory_pool(&eth_pages, &eth_pool, &memory, argc, argv);
    if (err != 0)
        return err;
    return bench.load.mode == MODE_FORWARD || bench.load.mode == MODE_LOOP ? open_two()
                                                                           : open_eth(0);
}

static void close_ports(void)
{
    if (bench.filler != NULL)
        page_put(bench.filler);
    for (unsigned i = 0; i < 2; i++)
        if (bench.ports[i].dev != NULL)
            bench.ports[i].ops->close(&bench.ports[i]);
}

static int measure(void)
{
    int err;

    bench.filler = page_get(bench.ports[0].pool->pages);
    if (bench.filler == NULL)
        return -E_NOMEM;
    count_begin(&bench);
    bench.began_ns = plat_now_ns();
    err = run[bench.load.mode](&bench);
    bench.end_ns = plat_now_ns();
    count_end(&bench);
    return err;
}

int main(int argc, char **argv)
{
    int err;

    if (args_help(argc, argv, "packets a second, and how long they take", words_keys))
        return 0;
    args_check(argc, argv, words_keys);
    if (words_read(argc, argv, &bench.load) != 0)
        return 1;
    err = open_ports(argc, argv);
    if (err == 0) {
        const uint8_t *mac = bench.ports[0].dev->mac;
        LOG_INFO("pktbench: %s at %s, port %u: ready", mode_names[bench.load.mode],
                 bench.load.eth ? fmt_mac(mac).text : net_addr_text(&net).text,
                 bench.load.port.port);
        err = measure();
    }
    if (err == 0) {
        report_text(&bench);
        report_json(&bench);
    }
    close_ports();
    return err != 0;
}
