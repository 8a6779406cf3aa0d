/* SPDX-License-Identifier: ISC */
/* port_eth.c - frames straight on the netdev, with headers that are made once: what the driver can
 * do, and the backend. ARP and all else that is not for us is dropped, so the other side must know
 * our MAC address. UDP's checksum is 0: not there (RFC 768). */
#include <morgana/cksum.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "port.h"

enum { IP = 14, UDP = 34, TTL = 64, PROTOCOL_UDP = 17 };

static void make_headers(struct port *port)
{
    const struct port_conf *conf = &port->conf;
    struct cs h = cs_of(port->headers, sizeof(port->headers));

    memcpy(port->headers, conf->to_mac, 6);
    memcpy(port->headers + 6, port->dev->mac, 6);
    cs_set_be16(h, 12, 0x0800);
    cs_set_u8(h, IP, 0x45);
    cs_set_be16(h, IP + 6, 0x4000); /* don't fragment */
    cs_set_u8(h, IP + 8, TTL);
    cs_set_u8(h, IP + 9, PROTOCOL_UDP);
    cs_set_be32(h, IP + 12, conf->own_ip);
    cs_set_be32(h, IP + 16, conf->to);
    cs_set_be16(h, UDP + 2, conf->port);
}

static bool eth_poll(struct port *port, uint64_t now)
{
    (void)port;
    (void)now;
    return false;
}

static int eth_send(struct port *port, struct pkt *pkt, unsigned flow, uint64_t now)
{
    uint32_t len = pkt->len;
    struct cs h;
    int err;

    (void)now;
    if (len + FRAME_HEADERS > NETDEV_ETH_BYTES + port->dev->caps.mtu_bytes)
        return -E_MSGSIZE;
    err = pkt_push(pkt, FRAME_HEADERS, &h);
    if (err != 0)
        return err;
    memcpy(h.base, port->headers, FRAME_HEADERS);
    cs_set_be16(h, IP + 2, (uint16_t)(len + 28));
    cs_set_be16(h, IP + 10, cksum_finish(cksum_partial(cs_rw_as_ro(cs_sub(h, IP, 20)), 0)));
    cs_set_be16(h, UDP, (uint16_t)(port->conf.port + flow));
    cs_set_be16(h, UDP + 4, (uint16_t)(len + 8));
    err = netdev_tx(port->dev, pkt);
    if (err != 0)
        pkt_pull(pkt, FRAME_HEADERS);
    return err;
}

/* Is it UDP over IPv4, without options, whole, to our port? */
static bool is_ours(const struct port *port, const struct pkt *pkt)
{
    uint8_t bytes[FRAME_HEADERS];
    struct cs h = cs_of(bytes, sizeof(bytes));

    return pkt_read(pkt, 0, h) && cs_get_be16(h, 12) == 0x0800 && cs_get_u8(h, IP) == 0x45 &&
           (cs_get_be16(h, IP + 6) & 0x3fff) == 0 && cs_get_u8(h, IP + 9) == PROTOCOL_UDP &&
           cs_get_be16(h, UDP + 2) == port->conf.port && pkt->gso_size == 0;
}

static unsigned eth_recv(struct port *port, struct arrival *out, unsigned n)
{
    struct pkt *pkts[PORT_BATCH];
    unsigned got = netdev_rx(port->dev, pkts, n < PORT_BATCH ? n : PORT_BATCH), kept = 0;

    for (unsigned i = 0; i < got; i++) {
        if (is_ours(port, pkts[i]))
            out[kept++] =
                (struct arrival){.pkt = pkts[i], .at = FRAME_HEADERS, .frame_bytes = pkts[i]->len};
        else
            pkt_put(pkts[i]);
    }
    return kept;
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t x = a[i];
        a[i] = b[i];
        b[i] = x;
    }
}

/* Its ends change places: every checksum stays right, blank or not, since a sum has no order. */
static int eth_answer(struct port *port, struct arrival *a, uint64_t now)
{
    struct cs h;

    (void)now;
    if (a->pkt->frag[0].len < FRAME_HEADERS || a->pkt->frag[0].page->refs != 1)
        return -E_INVAL;
    if (a->pkt->csum == PKT_CSUM_BLANK && !port->dev->caps.csum_tx &&
        pkt_csum_complete(a->pkt) != 0)
        return -E_INVAL;
    h = pkt_frag_rw(a->pkt, 0);
    memcpy(h.base, h.base + 6, 6);
    memcpy(h.base + 6, port->dev->mac, 6);
    swap(h.base + IP + 12, h.base + IP + 16, 4);
    swap(h.base + UDP, h.base + UDP + 2, 2);
    return netdev_tx(port->dev, a->pkt);
}

static bool eth_arm(struct port *port)
{
    return netdev_arm(port->dev);
}

static uint64_t eth_poll_at(const struct port *port)
{
    (void)port;
    return NS_NEVER;
}

static void eth_close(struct port *port)
{
    plat_netdev_close(port->dev);
}

static const struct port_ops ops = {.poll = eth_poll,
                                    .recv = eth_recv,
                                    .send = eth_send,
                                    .answer = eth_answer,
                                    .arm = eth_arm,
                                    .poll_at = eth_poll_at,
                                    .close = eth_close};

void port_eth_init(struct port *port, const struct port_conf *conf, struct netdev *dev,
                   struct pkt_pool *pool)
{
    *port = (struct port){.ops = &ops, .dev = dev, .pool = pool, .conf = *conf};
    make_headers(port);
}

int port_eth_open(struct port *port, const struct port_conf *conf, unsigned index,
                  struct pkt_pool *pool)
{
    struct netdev *dev;
    int err = plat_netdev_open(index, pool, &dev);

    if (err == 0)
        port_eth_init(port, conf, dev, pool);
    return err;
}
