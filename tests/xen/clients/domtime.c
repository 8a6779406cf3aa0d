/* SPDX-License-Identifier: ISC */
/* domtime: how long the guest was on a processor until its first frame came.
 *
 *     domtime IFACE
 *
 * Says "listening", waits on IFACE for a frame from a hardware address of Xen's (00:16:3e), and
 * writes the processor time of the first domain beside dom0, in nanoseconds, as Xen accounts it:
 * what the guest itself did and what Xen did for it, but not what it waited for. Where the machine
 * counts a nanosecond for each instruction (QEMU's -icount shift=0), these are instructions; since
 * the guest goes on until dom0 has looked, they are an upper bound. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define __XEN_TOOLS__
#include <xen/xen.h>

#include <xen/domctl.h>
#include <xen/sys/privcmd.h>

static struct xen_domctl ask;

static int open_bridge(const char *name)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(name)};
    struct packet_mreq all = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    static const uint8_t xen[] = {0x00, 0x16, 0x3e};
    privcmd_hypercall_t call = {__HYPERVISOR_domctl, {(uintptr_t)&ask}};
    int fd, privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    uint8_t frame[64];

    if (argc != 2 || privcmd < 0 || (fd = open_bridge(argv[1])) < 0 ||
        mlock(&ask, sizeof(ask)) < 0) {
        perror("domtime");
        return 1;
    }
    ask.cmd = XEN_DOMCTL_getdomaininfo;
    ask.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ask.domain = 1; /* or the first after it */
    printf("listening\n");
    fflush(stdout);
    do
        if (recv(fd, frame, sizeof(frame), 0) < 0)
            return 1;
    while (memcmp(frame + ETH_ALEN, xen, sizeof(xen)) != 0);
    if (ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0) {
        perror("domtime: domctl");
        return 1;
    }
    printf("%llu\n", (unsigned long long)ask.u.getdomaininfo.cpu_time);
    return 0;
}
