/* SPDX-License-Identifier: ISC */
/* udpecho - the echo service over UDP (RFC 862): every datagram goes back to where it came from,
 * in the pages it came in. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/udp.h>

#include "apps/common/net.h"

/* A datagram of 60,000 bytes needs 41 receive pages and 17 more. */
static struct net net = {.name = "udpecho", .pages_want = 640, .frag_pages = 128};
static struct udp_sock sock;

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
    static const struct args_key keys[] = {
        {"port", "port=7", "the port it listens at"}, NET_LINK_KEYS, NET_KEYS_END};
    struct udp_conf conf = {.addr = IP4_ANY, .port = 7, .queue_max = 256};
    uint32_t port = conf.port;
    int err;

    if (args_help(argc, argv, "the echo service over UDP", keys))
        return 0;
    args_check(argc, argv, keys);
    if (args_get_u32(argc, argv, "port", 1, 65535, &port) < 0 ||
        net_open(&net, argc, argv, plat_now_ns()) != 0)
        return 1;
    conf.port = (uint16_t)port;
    if ((err = udp_open(&sock, &net.nif, &conf)) != 0) {
        LOG_ERROR("udpecho: cannot open the port: %s", err_name(err));
        return 1;
    }
    LOG_INFO("udpecho: %s port %u", net_addr_text(&net).text, port);
    while (plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        bool busy = net_poll(&net, now);

        echo(conf.port, now);
        netdev_tx_flush(net.nif.conf.dev);
        if (!busy)
            net_wait(&net, NS_NEVER);
    }
    LOG_INFO("udpecho: %llu datagrams", (unsigned long long)sock.sent);
    udp_close(&sock);
    net_close(&net);
    if (plat_request() == PLAT_REBOOT)
        plat_reboot();
    return 0;
}
