/* SPDX-License-Identifier: ISC */
/* tapdev.c - frames to and from a TAP device, each with a virtio_net_hdr in front.
 *
 * Receiving reads into pages that are kept ready; those that a frame filled go into the packet,
 * and others take their place. So the room for 64 KiB is always there and costs nothing where
 * frames are short. Linux queues what we do not read: rx takes frames until it has enough or there
 * are none, and arm needs no look of its own, since poll() tells of a frame that came before it.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "tapdev.h"

#define ETH_TYPE_IP4 0x0800u
#define IP4_PROTOCOL_TCP 6u
#define TCP_FLAGS 13u /* byte of the header */
#define TCP_CWR 0x80u
#define VLAN_BYTES 4u /* a tag that Linux put in */

static struct tapdev *of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct tapdev, dev);
}

static void lose_device(struct tapdev *tap)
{
    tap->gone = true;
    tap->dev.link_up = false;
}

/* ---- sending -------------------------------------------------------------------------------- */

static void describe(const struct pkt *pkt, struct virtio_net_hdr *header)
{
    *header = (struct virtio_net_hdr){0};
    if (pkt->csum != PKT_CSUM_BLANK)
        return;
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->csum_start = pkt->csum_start;
    header->csum_offset = pkt->csum_off;
    if (pkt->gso_size == 0)
        return;
    header->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    header->gso_size = pkt->gso_size;
    header->hdr_len = (uint16_t)pkt_gso_headers(pkt);
    /* RFC 3168 section 6.1.2: CWR once, so in the first segment only. */
    if ((cs_get_u8(pkt_frag_view(pkt, 0), pkt->csum_start + TCP_FLAGS) & TCP_CWR) != 0)
        header->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

static int tapdev_tx(struct netdev *dev, struct pkt *pkt)
{
    struct tapdev *tap = of(dev);
    struct virtio_net_hdr header;
    struct iovec iov[1 + PKT_FRAGS_MAX];

    if (!dev->link_up) {
        dev->stats.tx_link_down++;
        return -E_NETDOWN;
    }
    if (pkt->len < NETDEV_ETH_BYTES || (pkt->gso_size != 0 && !netdev_gso_ok(dev, pkt))) {
        dev->stats.tx_errors++;
        return -E_INVAL;
    }
    if (pkt->gso_size == 0 && pkt->len > dev->caps.mtu_bytes + NETDEV_ETH_BYTES) {
        dev->stats.tx_too_long++;
        return -E_MSGSIZE;
    }
    describe(pkt, &header);
    iov[0] = (struct iovec){&header, sizeof(header)};
    for (unsigned i = 0; i < pkt->frag_count; i++)
        iov[1 + i] = (struct iovec){pkt->frag[i].page->base + pkt->frag[i].off, pkt->frag[i].len};
    if (writev(tap->conf.fd, iov, 1 + pkt->frag_count) < 0) {
        if (errno == EIO) { /* the interface is down: ip link set NAME up */
            dev->stats.tx_link_down++;
            return -E_NETDOWN;
        }
        if (errno == EBADFD)
            lose_device(tap);
        dev->stats.tx_errors++; /* as on a wire: the frame is lost, and nobody waits for room */
    } else {
        dev->stats.tx_packets++;
        dev->stats.tx_bytes += pkt->len;
        if (tap->conf.tee != NULL)
            tap->conf.tee(iov + 1, pkt->frag_count, pkt->len);
    }
    pkt_put(pkt);
    return 0;
}

static void tapdev_tx_flush(struct netdev *dev)
{
    (void)dev; /* tx has written it */
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* Pages where the last frame took some. False: the pool has none, and what waits keeps waiting. */
static bool refill(struct tapdev *tap)
{
    while (tap->missing != 0) {
        struct page *page = page_get(tap->conf.pool->pages);

        if (page == NULL)
            return false;
        tap->missing--;
        tap->pages[tap->missing] = page;
        tap->iov[1 + tap->missing].iov_base = page->base;
    }
    return true;
}

/* Reads a frame: its length; 0: none waits. */
static size_t read_frame(struct tapdev *tap)
{
    ssize_t n = readv(tap->conf.fd, tap->iov, (int)(1 + tap->room_pages));

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        lose_device(tap);
    return n > (ssize_t)sizeof(tap->header) ? (size_t)n - sizeof(tap->header) : 0;
}

/* Moves the pages that `len` bytes fill into the packet. */
static void take_pages(struct tapdev *tap, struct pkt *pkt, size_t len)
{
    for (; len != 0; tap->missing++) {
        uint32_t n = (uint32_t)size_min(len, PAGE_BYTES);

        (void)pkt_append_take(pkt, tap->pages[tap->missing], 0, n); /* 17 pages always fit */
        len -= n;
    }
}

/* A super-segment must be what pkt.h says. Linux's are; but what stands in the header came from
 * outside, maybe through another guest. */
static bool is_tcp_over_ip4(const struct pkt *pkt)
{
    struct cs_ro first = pkt_frag_view(pkt, 0), ip;
    uint16_t type, fragment;
    uint8_t version, protocol;

    if (!cs_try_get_be16(first, 12, &type) || type != ETH_TYPE_IP4)
        return false;
    ip = cs_shift(first, NETDEV_ETH_BYTES);
    return cs_try_get_u8(ip, 0, &version) && version >> 4 == 4 &&
           cs_try_get_be16(ip, 6, &fragment) && (fragment & 0x3fff) == 0 &&
           cs_try_get_u8(ip, 9, &protocol) && protocol == IP4_PROTOCOL_TCP;
}

/* What the header says of the frame. False: nothing that can be. */
static bool note_header(const struct tapdev *tap, struct pkt *pkt)
{
    const struct virtio_net_hdr *header = &tap->header;

    if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
        if (!cs_in(pkt->len, (size_t)header->csum_start + header->csum_offset, 2))
            return false;
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = header->csum_start;
        pkt->csum_off = header->csum_offset;
    } else if ((header->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0) {
        pkt->csum = PKT_CSUM_VALIDATED;
    }
    if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return true;
    if ((header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_TCPV4 ||
        header->gso_size == 0 || !is_tcp_over_ip4(pkt))
        return false;
    pkt->gso_size = header->gso_size;
    return true;
}

static unsigned tapdev_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct tapdev *tap = of(dev);
    unsigned count = 0;

    tap->starved = false;
    while (count < n && !tap->gone) {
        struct pkt *pkt = pkt_get(tap->conf.pool);
        size_t len;

        if (pkt == NULL || !refill(tap)) {
            pkt_put(pkt);
            tap->starved = true;
            dev->stats.rx_no_buffer++;
            break;
        }
        len = read_frame(tap);
        if (len == 0) {
            pkt_put(pkt);
            break;
        }
        if (len > tap->frame_max) { /* and maybe cut short: its bytes are not looked at */
            pkt_put(pkt);
            dev->stats.rx_errors++;
            continue;
        }
        take_pages(tap, pkt, len);
        if (len < NETDEV_ETH_BYTES || !note_header(tap, pkt)) {
            pkt_put(pkt);
            *(len < NETDEV_ETH_BYTES ? &dev->stats.rx_short : &dev->stats.rx_errors) += 1;
            continue;
        }
        dev->stats.rx_packets++;
        dev->stats.rx_bytes += len;
        if (tap->conf.tee != NULL)
            tap->conf.tee(tap->iov + 1, tap->room_pages, len);
        pkts[count++] = pkt;
    }
    return count;
}

static bool tapdev_arm(struct netdev *dev)
{
    struct tapdev *tap = of(dev);

    if (!tap->starved)
        return false;
    tap->starved = tap->conf.pool->free == NULL || !refill(tap);
    return !tap->starved;
}

/* ---- life ----------------------------------------------------------------------------------- */

static const struct netdev_ops tapdev_ops = {
    .name = "tap",
    .tx = tapdev_tx,
    .tx_flush = tapdev_tx_flush,
    .rx = tapdev_rx,
    .arm = tapdev_arm,
};

/* Asks Linux to leave segments whole, as far as it can. True: super-segments may come. */
static bool offload(int fd, bool gso, bool plain)
{
    static const unsigned long wanted[] = {TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN,
                                           TUN_F_CSUM | TUN_F_TSO4, TUN_F_CSUM, 0};

    for (unsigned i = plain ? 3 : gso ? 0 : 2; i < ARRAY_SIZE(wanted); i++) {
        if (ioctl(fd, TUNSETOFFLOAD, wanted[i]) == 0)
            return (wanted[i] & TUN_F_TSO4) != 0;
    }
    return false;
}

int tapdev_open(struct tapdev *tap, const struct tapdev_conf *conf, struct netdev **dev)
{
    if (conf->fd < 0 || conf->mtu_bytes < 68 || conf->pool == NULL)
        return -E_INVAL;
    bool gso = offload(conf->fd, conf->pool->pages->total >= TAPDEV_GSO_POOL_PAGES, conf->plain);
    *tap = (struct tapdev){
        .dev = {.ops = &tapdev_ops,
                .caps = {.mtu_bytes = conf->mtu_bytes,
                         .frags_max = PKT_FRAGS_MAX,
                         /* IFF_VNET_HDR has it, and segmentation, from the start */
                         .csum_tx = !conf->plain,
                         .csum_rx = !conf->plain,
                         .gso_rx = gso,
                         .gso_max_bytes = conf->plain ? 0 : UINT16_MAX},
                .link_up = true},
        .conf = *conf,
        .frame_max = NETDEV_ETH_BYTES + (gso ? UINT16_MAX : conf->mtu_bytes + VLAN_BYTES),
    };
    tap->room_pages = tap->missing = tap->frame_max / PAGE_BYTES + 1;
    tap->iov[0] = (struct iovec){&tap->header, sizeof(tap->header)};
    for (unsigned i = 0; i < tap->room_pages; i++)
        tap->iov[1 + i].iov_len = PAGE_BYTES;
    memcpy(tap->dev.mac, conf->mac, sizeof(tap->dev.mac));
    *dev = &tap->dev;
    return 0;
}

void tapdev_close(struct tapdev *tap)
{
    for (; tap->missing < tap->room_pages; tap->missing++)
        page_put(tap->pages[tap->missing]);
    tap->dev.link_up = false;
}
