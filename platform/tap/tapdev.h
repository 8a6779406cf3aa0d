/* SPDX-License-Identifier: ISC */
/* tapdev.h - a TAP device of Linux's as a netdev: no Xen in between.
 *
 * A frame costs one system call and the kernel's copy, and no copy of ours. Checksums and
 * super-segments cross both ways (struct virtio_net_hdr): what Linux's TCP sends in 64 KiB is
 * received so, and what we send in 64 KiB Linux takes so. A short frame takes one page of the
 * pool, a long one as many as it fills.
 *
 * What Linux does not offer is done without, silently: dev->caps tells.
 */
#ifndef PLATFORM_TAP_TAPDEV_H
#define PLATFORM_TAP_TAPDEV_H

#include <sys/uio.h>

#include <linux/virtio_net.h>

#include <morgana/netdev.h>

/* What the longest super-segment fills: 14 + 65535 bytes, and one byte more, by which a frame
 * that was cut short is told from one that fits. */
#define TAPDEV_PAGES 17u
/* A pool of fewer pages gets no super-segments: a handful would empty it. */
#define TAPDEV_GSO_POOL_PAGES (8u * TAPDEV_PAGES)

struct tapdev_conf {
    int fd; /* of the TAP, opened with IFF_NO_PI | IFF_VNET_HDR, not blocking; Kept, not closed */
    uint16_t mtu_bytes;    /* of the interface: 68..65535 */
    struct pkt_pool *pool; /* for received frames; Kept. It should have TAPDEV_GSO_POOL_PAGES */
    uint8_t mac[6];
    bool plain; /* no checksum or segment is left to Linux or by it: to compare, or for a bad TAP */
    /* Sees each frame that passed, before anybody else does. Lends. NULL: nobody looks */
    void (*tee)(const struct iovec *iov, unsigned iov_count, size_t len);
};

/* State; the caller's storage, treat as opaque but for `starved` and `gone`. */
struct tapdev {
    struct netdev dev;
    struct tapdev_conf conf;
    bool starved;        /* no page to receive into: do not sleep for the fd, arm looks after it */
    bool gone;           /* Linux deleted the device: link down, the fd is of no more use */
    unsigned room_pages; /* read into at once: 1..TAPDEV_PAGES */
    unsigned missing;    /* the first so many of them are to be got */
    uint32_t frame_max;  /* bytes of the longest frame that is right */
    struct virtio_net_hdr header; /* of the frame being read */
    struct page *pages[TAPDEV_PAGES];
    struct iovec iov[1 + TAPDEV_PAGES];
};

/* Gives a device in *dev, its link up. The fd may be slept on for input wherever arm was false and
 * the device is not starved. -E_INVAL for conf. */
int tapdev_open(struct tapdev *tap, const struct tapdev_conf *conf, struct netdev **dev);
/* Puts its pages. */
void tapdev_close(struct tapdev *tap);

#endif
