/* SPDX-License-Identifier: ISC */
/* udp.c - UDP sockets (RFC 768, RFC 1122 section 4.1).
 *
 * A datagram waits in its socket's queue as the frame it came in, headers in front: its addresses
 * are read when the program asks for it, and the payload is never moved. The headers become
 * headroom then, into which an answer's headers go.
 */
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/icmp4.h"
#include "tcpip/wire/udp.h"

enum {
    UDP_QUEUE_DEFAULT = 64,
    UDP_TTL_DEFAULT = 64,
    UDP_TTL_MULTICAST = 1, /* RFC 1112 section 6.1 */
    UDP_PORT_DYNAMIC = 49152,
    UDP_PAYLOAD_MAX = IP4_TOTAL_MAX - ip4_SIZE - udp_SIZE,
};

#define UDP_TX_BYTES (IP4_TX_BYTES + udp_SIZE)

STATIC_ASSERT((NETIF_UDP_BUCKETS & (NETIF_UDP_BUCKETS - 1)) == 0, "a mask picks the bucket");

/* Ports of sockets are ours to choose, so the hash need not be secret. */
static struct udp_sock **bucket(struct netif *nif, uint16_t port)
{
    return &nif->udp[(port ^ port >> 6) & (NETIF_UDP_BUCKETS - 1)];
}

/* The socket that a packet to addr:port is for: one of that address before one of all addresses. */
static struct udp_sock *find(struct netif *nif, uint32_t addr, uint16_t port)
{
    struct udp_sock *any = NULL;

    for (struct udp_sock *sock = *bucket(nif, port); sock != NULL; sock = sock->next) {
        if (sock->conf.port != port)
            continue;
        if (sock->conf.addr == addr)
            return sock;
        if (sock->conf.addr == IP4_ANY)
            any = sock;
    }
    return any;
}

/* ---- open and close ------------------------------------------------------------------------- */

static bool is_taken(struct netif *nif, uint32_t addr, uint16_t port)
{
    const struct udp_sock *sock = find(nif, addr, port);

    return sock != NULL && sock->conf.addr == addr;
}

/* RFC 6056 section 3.3.1: a random start, then the next free one; 0: all are in use. */
static uint16_t choose_port(struct netif *nif, uint32_t addr)
{
    const uint32_t ports = 65536 - UDP_PORT_DYNAMIC;
    uint32_t start = (uint32_t)(netif_random(nif) % ports);

    for (uint32_t i = 0; i < ports; i++) {
        uint16_t port = (uint16_t)(UDP_PORT_DYNAMIC + (start + i) % ports);

        if (find(nif, addr, port) == NULL)
            return port;
    }
    return 0;
}

int udp_open(struct udp_sock *sock, struct netif *nif, const struct udp_conf *conf)
{
    struct udp_sock **head;
    uint16_t port = conf->port;

    if (conf->addr != IP4_ANY && !ip4_is_multicast(conf->addr) &&
        netif_addr_state(nif, conf->addr) == NETIF_ADDR_NONE)
        return -E_ADDRNOTAVAIL;
    if (port == 0)
        port = choose_port(nif, conf->addr);
    if (port == 0 || is_taken(nif, conf->addr, port))
        return -E_ADDRINUSE;
    *sock = (struct udp_sock){.nif = nif, .conf = *conf};
    sock->conf.port = port;
    if (conf->queue_max == 0)
        sock->conf.queue_max = UDP_QUEUE_DEFAULT;
    if (conf->pages_max == 0)
        sock->conf.pages_max =
            sock->conf.queue_max > PKT_FRAGS_MAX ? sock->conf.queue_max : PKT_FRAGS_MAX;
    head = bucket(nif, port);
    sock->next = *head;
    *head = sock;
    nif->udp_count++;
    nif->udp_unclaimed += conf->unclaimed;
    return 0;
}

void udp_close(struct udp_sock *sock)
{
    struct udp_sock **link = bucket(sock->nif, sock->conf.port);

    while (*link != sock) {
        ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = sock->next;
    sock->nif->udp_count--;
    sock->nif->udp_unclaimed -= sock->conf.unclaimed;
    pkt_queue_clear(&sock->queue);
    sock->nif = NULL;
}

uint16_t udp_port(const struct udp_sock *sock)
{
    return sock->conf.port;
}

int udp_error(struct udp_sock *sock)
{
    int error = sock->error;

    sock->error = 0;
    return error;
}

bool udp_deliver_error(struct netif *nif, uint32_t src, uint16_t src_port, int error)
{
    struct udp_sock *sock = find(nif, src, src_port);

    if (sock == NULL)
        return false;
    sock->error = error;
    return true;
}

/* ---- receive -------------------------------------------------------------------------------- */

static void enqueue(struct netif *nif, struct udp_sock *sock, struct pkt *pkt)
{
    /* A fragment of a packet lies in one page. */
    if (sock->queue.count >= sock->conf.queue_max ||
        sock->pages + pkt->frag_count > sock->conf.pages_max) {
        sock->queue_full++;
        netif_drop(pkt, &nif->stats.udp_queue_full);
        return;
    }
    sock->received++;
    sock->pages += pkt->frag_count;
    pkt_queue_push(&sock->queue, pkt);
}

/* Does a socket take what was sent to a group? Broadcasts, and what is for nobody here: where it
 * asked for them. Multicast groups are joined by the interface. */
static bool takes_group(const struct udp_sock *sock, const struct ip4_rx *rx)
{
    if (rx->cast == IP4_UNCLAIMED)
        return sock->conf.unclaimed;
    if (rx->cast == IP4_BROADCASTED)
        return sock->conf.broadcast && sock->conf.addr == IP4_ANY;
    return sock->conf.addr == IP4_ANY || sock->conf.addr == rx->dst;
}

/* One copy for each socket, of views, not of bytes. Takes pkt. */
static COLD void group_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx,
                             uint16_t port)
{
    struct udp_sock *last = NULL;

    for (struct udp_sock *sock = *bucket(nif, port); sock != NULL; sock = sock->next) {
        struct pkt *copy;

        if (sock->conf.port != port || !takes_group(sock, rx))
            continue;
        if (last != NULL) {
            copy = pkt_share(pkt, 0, pkt->len);
            if (copy != NULL)
                enqueue(nif, last, copy);
            else
                nif->stats.no_memory++;
        }
        last = sock;
    }
    if (last != NULL)
        enqueue(nif, last, pkt);
    else
        netif_drop(pkt, &nif->stats.udp_no_port);
}

/* Verified unless the device vouches for it or the sender made none (RFC 1122 section 4.1.3.4). */
static bool checksum_ok(const struct pkt *pkt, const struct ip4_rx *rx, const struct udp_hdr *udp)
{
    uint32_t sum;

    if (pkt->csum != PKT_CSUM_UNKNOWN || udp->checksum == 0)
        return true;
    sum = cksum_pseudo4(rx->src, rx->dst, IP4_UDP, udp->length);
    return cksum_finish(netif_cksum(pkt, rx->off, udp->length, sum)) == 0;
}

void udp_input(struct netif *nif, struct pkt *pkt, const struct ip4_rx *rx, uint64_t now)
{
    struct udp_sock *sock;
    struct udp_hdr udp;
    struct cs_ro front;

    if (UNLIKELY(rx->len < udp_SIZE)) {
        netif_drop(pkt, &nif->stats.udp_malformed);
        return;
    }
    /* udp_recv finds all headers in the first fragment. */
    if (!pkt_pull_up(pkt, rx->off + udp_SIZE, &front)) {
        netif_drop(pkt, &nif->stats.no_memory);
        return;
    }
    if (UNLIKELY(!udp_parse(&udp, cs_shift(front, rx->off), rx->len))) {
        netif_drop(pkt, &nif->stats.udp_malformed);
        return;
    }
    if (UNLIKELY(!checksum_ok(pkt, rx, &udp))) {
        netif_drop(pkt, &nif->stats.udp_checksum);
        return;
    }
    if (UNLIKELY(udp.length < rx->len))
        pkt_trim(pkt, rx->off + udp.length);
    if (UNLIKELY(rx->cast != IP4_UNICAST)) {
        group_input(nif, pkt, rx, udp.dst_port);
        return;
    }
    sock = find(nif, rx->dst, udp.dst_port);
    if (UNLIKELY(sock == NULL)) {
        icmp_error(nif, pkt, rx, ICMP4_UNREACHABLE, ICMP4_UNREACHABLE_PORT, 0, now);
        netif_drop(pkt, &nif->stats.udp_no_port);
        return;
    }
    enqueue(nif, sock, pkt);
}

int udp_recv(struct udp_sock *sock, struct udp_meta *meta, struct pkt **pkt)
{
    struct pkt *got = pkt_queue_pop(&sock->queue);
    struct cs_ro front, eth, ip, udp;
    uint32_t ip_len;

    if (got == NULL)
        return -E_AGAIN;
    sock->pages -= got->frag_count;
    /* ip4_input and udp_input have seen to it that all headers are here. */
    front = pkt_frag_view(got, 0);
    eth = cs_head(front, IP4_TX_BYTES);
    ip = cs_shift(eth, eth_SIZE);
    ip_len = (cs_get_u8(ip, ip4_version_ihl_OFF) & 0xfu) * 4;
    udp = cs_sub(front, eth_SIZE + ip_len, udp_SIZE);
    meta->src = ip4_ro_get_src(ip);
    meta->dst = ip4_ro_get_dst(ip);
    meta->src_port = udp_ro_get_src_port(udp);
    meta->dst_port = udp_ro_get_dst_port(udp);
    meta->ttl = ip4_ro_get_ttl(ip);
    meta->link_broadcast = (cs_get_u8(eth, eth_dst_OFF) & 1) != 0;
    meta->use_eth = false;
    memcpy(meta->eth_dst, eth.base + eth_dst_OFF, sizeof(meta->eth_dst));
    memcpy(meta->eth_src, eth.base + eth_src_OFF, sizeof(meta->eth_src));
    pkt_pull(got, eth_SIZE + ip_len + udp_SIZE);
    got->csum = PKT_CSUM_UNKNOWN;
    *pkt = got;
    return 0;
}

/* ---- send ----------------------------------------------------------------------------------- */

/* The checksum field for a packet of payload alone, and what the device has to know of it. A
 * device that can completes the sum itself, but not over fragments. */
static uint16_t checksum_for(const struct netif *nif, const struct pkt *pkt,
                             const struct ip4_tx *tx, const struct udp_hdr *udp, bool *blank)
{
    uint32_t sum = cksum_pseudo4(tx->src, tx->dst, IP4_UDP, udp->length);
    uint16_t field;

    *blank =
        nif->conf.dev->caps.csum_tx && (uint32_t)ip4_SIZE + udp->length <= ip4_path_mtu_link(nif);
    if (*blank)
        return (uint16_t)~cksum_finish(sum);
    sum = (sum & 0xffff) + (sum >> 16);
    sum += (uint32_t)udp->src_port + udp->dst_port + udp->length;
    field = cksum_finish(netif_cksum(pkt, 0, pkt->len, sum));
    /* 0 would say that there is none (RFC 768). */
    return field == 0 ? 0xffff : field;
}

static struct ip4_tx tx_of(const struct udp_meta *meta)
{
    struct ip4_tx tx = {.src = meta->src,
                        .dst = meta->dst,
                        .protocol = IP4_UDP,
                        .ttl = meta->ttl,
                        .use_eth = meta->use_eth,
                        .df = true};

    if (UNLIKELY(meta->use_eth))
        tx.eth_dst = eth_mac_of_bytes(meta->eth_dst);
    if (tx.ttl == 0)
        tx.ttl = ip4_is_multicast(tx.dst) ? UDP_TTL_MULTICAST : UDP_TTL_DEFAULT;
    return tx;
}

int udp_send(struct udp_sock *sock, const struct udp_meta *meta, struct pkt *pkt, uint64_t now_ns)
{
    struct netif *nif = sock->nif;
    struct ip4_tx tx = tx_of(meta);
    struct udp_hdr udp = {.src_port = sock->conf.port, .dst_port = meta->dst_port};
    struct cs front;
    bool blank;
    int err;

    if (UNLIKELY(pkt->len > UDP_PAYLOAD_MAX))
        return -E_MSGSIZE;
    err = route_find(nif, &tx);
    if (UNLIKELY(err != 0))
        return err;
    if (UNLIKELY(tx.cast == IP4_BROADCASTED && !sock->conf.broadcast))
        return -E_ACCES;
    udp.length = (uint16_t)(udp_SIZE + pkt->len);
    udp.checksum = checksum_for(nif, pkt, &tx, &udp, &blank);
    pkt->csum = PKT_CSUM_UNKNOWN;
    err = pkt_push(pkt, UDP_TX_BYTES, &front);
    if (UNLIKELY(err != 0))
        return err;
    udp_emit(cs_shift(front, IP4_TX_BYTES), &udp);
    if (blank) {
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = IP4_TX_BYTES;
        pkt->csum_off = udp_checksum_OFF;
    }
    err = ip4_send(nif, pkt, &tx, now_ns);
    if (UNLIKELY(err != 0)) {
        pkt_pull(pkt, UDP_TX_BYTES);
        pkt->csum = PKT_CSUM_UNKNOWN;
        return err;
    }
    sock->sent++;
    return 0;
}
