/* SPDX-License-Identifier: ISC */
/* udpecho - the echo service over UDP (RFC 862): every datagram goes back to where it came from,
 * in the pages it came in. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/udp.h>

enum { PAGES = 640, PKTS = 640, ARP_ENTRIES = 256, FRAG_QUEUES = 8, BUDGET = 64 };

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page page_headers[PAGES];
static struct pkt pkts[PKTS];
static struct arp_entry arp[ARP_ENTRIES];
static struct ip4_frag_queue frags[FRAG_QUEUES];
static struct page_pool pages;
static struct pkt_pool pool;
static struct netif nif;
static struct udp_sock sock;

static int failed(const char *what, int err)
{
    LOG_ERROR("udpecho: %s: %s", what, err_name(err));
    return err;
}

/* Opens the device and gives the interface its address and its default route. */
static int start_net(int argc, char **argv, uint64_t now)
{
    struct netif_conf conf = {.pool = &pool,
                              .arp = arp,
                              .arp_max = ARP_ENTRIES,
                              .frags = frags,
                              .frags_max = FRAG_QUEUES,
                              .frag_bytes_max = 128 * PAGE_BYTES};
    uint32_t addr = IP4_ADDR(10, 0, 0, 1), gateway = IP4_ANY;
    uint8_t prefix_len = 24;
    int err;

    if (args_get_ip4_prefix(argc, argv, "ip", &addr, &prefix_len) < 0 ||
        args_get_ip4(argc, argv, "gw", &gateway) < 0)
        return -E_INVAL;
    page_pool_init(&pages, page_headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    err = plat_netdev_open(0, &pool, &conf.dev);
    if (err != 0)
        return err; /* it said why */
    if ((err = plat_entropy(cs_of(conf.key, sizeof(conf.key)))) != 0 ||
        (err = netif_init(&nif, &conf, now)) != 0)
        return failed("cannot start the network", err);
    err = netif_addr_add(&nif, addr, prefix_len, false, now);
    if (err != 0)
        return failed("ip=: no host can have this address", err);
    err = gateway == IP4_ANY ? 0 : netif_route_add(&nif, 0, 0, gateway);
    return err == 0 ? 0 : failed("gw=: no other host of this network", err);
}

/* Sends back what has come. A broadcast is not answered, nor another echo service: the two would
 * never end. */
static void echo(uint16_t port, uint64_t now)
{
    struct udp_meta from;
    struct pkt *pkt;

    while (udp_recv(&sock, &from, &pkt) == 0) {
        struct udp_meta to = {.src = from.dst, .dst = from.src, .dst_port = from.src_port};

        if (from.link_broadcast || from.src_port == port || from.src_port == 0 ||
            udp_send(&sock, &to, pkt, now) != 0)
            pkt_put(pkt);
    }
}

int main(int argc, char **argv)
{
    static const char *const keys[] = {"port", NULL};
    struct udp_conf conf = {.addr = IP4_ANY, .port = 7, .queue_max = 256};
    uint32_t port = conf.port;
    int err;

    args_check(argc, argv, keys);
    if (args_get_u32(argc, argv, "port", 1, 65535, &port) < 0)
        return 1;
    conf.port = (uint16_t)port;
    if (start_net(argc, argv, plat_now_ns()) != 0)
        return 1;
    if ((err = udp_open(&sock, &nif, &conf)) != 0) {
        failed("cannot open the port", err);
        return 1;
    }
    LOG_INFO("udpecho: %s port %u", fmt_ip4(nif.addrs[0].addr).text, port);
    while (plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        bool busy = netif_poll(&nif, now, BUDGET);

        echo(conf.port, now);
        netdev_tx_flush(nif.conf.dev);
        if (!busy && !netif_arm(&nif))
            plat_wait(netif_poll_at(&nif));
    }
    LOG_INFO("udpecho: %llu datagrams", (unsigned long long)sock.sent);
    udp_close(&sock);
    netif_fini(&nif);
    plat_netdev_close(nif.conf.dev);
    if (plat_request() == PLAT_REBOOT)
        plat_reboot();
    return 0;
}
