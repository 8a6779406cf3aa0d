/* SPDX-License-Identifier: ISC */
/* wire_tap.c - the wire that is a TAP device of Linux's.
 *
 * With IFF_VNET_HDR each frame carries a small header in front: checksum state and super-segments
 * cross in both directions, and a frame that Linux itself made arrives with its checksum blank, as
 * between two guests on Xen.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim_priv.h"

enum { TCP_FLAGS = 13, TCP_CWR = 0x80 };

/* What Linux calls a super-segment. */
static void describe_gso(const struct sim_frame *frame, struct virtio_net_hdr *header)
{
    const struct iovec *first = &frame->iov[0];
    size_t flags_at = frame->meta.start + (size_t)TCP_FLAGS;
    header->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    header->gso_size = frame->meta.gso_size;
    header->hdr_len = (uint16_t)size_min(first->iov_len, UINT16_MAX); /* a hint */
    /* RFC 3168 section 6.1.2: CWR once, so in the first segment only. */
    if (flags_at < first->iov_len && (((const uint8_t *)first->iov_base)[flags_at] & TCP_CWR) != 0)
        header->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

static bool tap_send(struct sim_wire *wire, const struct sim_frame *frame)
{
    struct sim_tap *tap = CONTAINER_OF(wire, struct sim_tap, wire);
    struct virtio_net_hdr header = {0};
    struct iovec iov[SIM_WIRE_IOV_MAX + 1];
    if (frame->meta.blank) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = frame->meta.start;
        header.csum_offset = frame->meta.off;
    } else if (frame->meta.validated) {
        header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    }
    if (frame->meta.gso_size != 0)
        describe_gso(frame, &header);
    iov[0] = (struct iovec){&header, sizeof(header)};
    memcpy(iov + 1, frame->iov, frame->iov_count * sizeof(*iov));
    if (writev(tap->fd, iov, (int)frame->iov_count + 1) < 0) {
        tap->refused++;
        return false;
    }
    tap->sent++;
    return true;
}

static size_t tap_recv(struct sim_wire *wire, const struct iovec *to, unsigned to_count,
                       struct sim_meta *meta)
{
    struct sim_tap *tap = CONTAINER_OF(wire, struct sim_tap, wire);
    struct virtio_net_hdr header;
    struct iovec iov[SIM_WIRE_IOV_MAX + 1];
    ASSERT(to_count <= SIM_WIRE_IOV_MAX);
    iov[0] = (struct iovec){&header, sizeof(header)};
    memcpy(iov + 1, to, to_count * sizeof(*iov));
    ssize_t n = readv(tap->fd, iov, (int)to_count + 1);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        tap->gone = true;
    if (n <= (ssize_t)sizeof(header))
        return 0;
    *meta = (struct sim_meta){.validated = (header.flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0};
    if ((header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
        meta->blank = true;
        meta->start = header.csum_start;
        meta->off = header.csum_offset;
    }
    if ((header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4)
        meta->gso_size = header.gso_size;
    tap->received++;
    return (size_t)n - sizeof(header);
}

static const char *reason(int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
        return "there is no /dev/net/tun: load the kernel module tun (modprobe tun)";
    case EPERM:
    case EACCES:
        return "no permission to make or open it: run as root, or in a namespace of your own "
               "(unshare -Urn), or have root make it for you (ip tuntap add NAME mode tap user "
               "YOU)";
    case EBUSY:
        return "another program has it open";
    case EINVAL:
        return "a device of this name exists and is no TAP, or the name is no device's name";
    default:
        return strerror(error);
    }
}

/* Asks Linux to leave checksums blank and segments whole, as far as it can. */
static bool offload(struct sim_tap *tap)
{
    static const unsigned long wanted[] = {TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN,
                                           TUN_F_CSUM | TUN_F_TSO4, TUN_F_CSUM};
    tap->wire.gso = true; /* IFF_VNET_HDR takes them from the start */
    for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++) {
        if (ioctl(tap->fd, TUNSETOFFLOAD, wanted[i]) == 0)
            return true;
    }
    return false;
}

static int fail(struct sim_tap *tap, const char *name, int error, char *why, size_t why_size)
{
    snprintf(why, why_size, "TAP %s: %s", name, reason(error));
    if (tap->fd >= 0)
        close(tap->fd);
    tap->fd = -1;
    return -error;
}

/* The device's MTU; 1500 where Linux does not say. */
static uint16_t mtu_of(const char *name)
{
    struct ifreq request = {.ifr_mtu = 0};
    int mtu = 1500, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(request.ifr_name, name, strlen(name));
    if (s >= 0 && ioctl(s, SIOCGIFMTU, &request) == 0 && request.ifr_mtu >= 68)
        mtu = request.ifr_mtu < UINT16_MAX ? request.ifr_mtu : UINT16_MAX;
    if (s >= 0)
        close(s);
    return (uint16_t)mtu;
}

int sim_tap_open(struct sim_tap *tap, const char *name, char *why, size_t why_size)
{
    struct ifreq request = {0};
    *tap = (struct sim_tap){.wire = {.send = tap_send, .recv = tap_recv}, .fd = -1};
    if (*name == '\0' || strlen(name) >= sizeof(request.ifr_name))
        return fail(tap, name, EINVAL, why, why_size);
    tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap->fd < 0)
        return fail(tap, name, errno, why, why_size);
    memcpy(request.ifr_name, name, strlen(name));
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    int size = sizeof(struct virtio_net_hdr);
    if (ioctl(tap->fd, TUNSETIFF, &request) < 0 || ioctl(tap->fd, TUNSETVNETHDRSZ, &size) < 0 ||
        !offload(tap))
        return fail(tap, name, errno, why, why_size);
    tap->mtu_bytes = mtu_of(name);
    return 0;
}

void sim_tap_close(struct sim_tap *tap)
{
    if (tap->fd >= 0)
        close(tap->fd);
    tap->fd = -1;
}
