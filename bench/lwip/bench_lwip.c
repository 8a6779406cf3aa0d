/* SPDX-License-Identifier: ISC */
/* bench_lwip.c - the same work as bench_udp.c, by lwIP's raw API: the peer of B1. Run by
 * bench/run-b1 under callgrind.
 *
 * For each frame: pbuf_alloc, the driver's copy into it, ethernet_input, and
 *     recv   the UDP callback frees the pbuf
 *     echo   the UDP callback sends the same pbuf back with udp_sendto
 *     ping   lwIP answers
 * It is a program of its own because both stacks have a udp_recv.
 */
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

#include "bench/frames.h"

static unsigned long received, sent;
static int answer;

static err_t link_output(struct netif *netif, struct pbuf *p)
{
    (void)netif;
    (void)p;
    sent++;
    return ERR_OK;
}

static err_t start_netif(struct netif *netif)
{
    static const u8_t mac[6] = {2, 0, 0, 0, 0, 1};

    netif->output = etharp_output;
    netif->linkoutput = link_output;
    netif->mtu = 1500;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, mac, 6);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static void on_udp(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *addr,
                   u16_t port)
{
    (void)arg;
    received++;
    if (answer)
        udp_sendto(pcb, p, addr, port);
    pbuf_free(p);
}

static void input(struct netif *netif, const uint8_t *frame, size_t len)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

    memcpy(p->payload, frame, len);
    if (netif->input(p, netif) != ERR_OK)
        pbuf_free(p);
}

int main(int argc, char **argv)
{
    struct frames_job job = frames_job(argc, argv);
    static struct netif netif;
    uint8_t frame[FRAMES_MAX];
    ip4_addr_t addr, mask, gateway;
    struct udp_pcb *pcb;
    size_t len;

    answer = job.answer;
    tcpip_init(NULL, NULL);
    LOCK_TCPIP_CORE();
    IP4_ADDR(&addr, 10, 0, 0, 1);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 0, 0, 0, 0);
    netif_add(&netif, &addr, &mask, &gateway, NULL, start_netif, ethernet_input);
    netif_set_default(&netif);
    netif_set_up(&netif);
    pcb = udp_new();
    udp_bind(pcb, IP4_ADDR_ANY, FRAMES_PORT);
    udp_recv(pcb, on_udp, NULL);
    input(&netif, frame, frames_arp(frame));
    sent = 0;
    len = frames_make(frame, job.icmp, job.payload);
    for (unsigned long i = 0; i < job.count; i++)
        input(&netif, frame, len);
    return frames_verdict(&job, received, sent);
}
