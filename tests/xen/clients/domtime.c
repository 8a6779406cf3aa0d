/* SPDX-License-Identifier: ISC */
/* domtime: how long guests were on a processor, as Xen accounts it.
 *
 *     domtime
 *         of each domain, a line "DOMAIN NANOSECONDS", and before them "now NANOSECONDS"
 *     domtime IFACE
 *         of the first domain beside dom0, until its first frame came: says "listening", waits on
 *         IFACE for a frame from a hardware address of Xen's (00:16:3e), and writes nanoseconds.
 *         Since the guest goes on until dom0 has looked, they are an upper bound.
 *
 * That is what the guest itself did and what Xen did for it, but not what it waited for. Where the
 * machine counts a nanosecond for each instruction (QEMU's -icount shift=0), these are
 * instructions. */
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
#include <time.h>
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

/* DOMAIN, or the first after it. */
static int look(int privcmd, domid_t domain)
{
    privcmd_hypercall_t call = {__HYPERVISOR_domctl, {(uintptr_t)&ask}};

    memset(&ask, 0, sizeof(ask));
    ask.cmd = XEN_DOMCTL_getdomaininfo;
    ask.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ask.domain = domain;
    return ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);
}

static int all(int privcmd)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    printf("now %llu\n", (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec);
    for (domid_t d = 0; look(privcmd, d) == 0; d = ask.u.getdomaininfo.domain + 1)
        printf("%u %llu\n", ask.u.getdomaininfo.domain,
               (unsigned long long)ask.u.getdomaininfo.cpu_time);
    return 0;
}

static int first_frame(int privcmd, const char *iface)
{
    static const uint8_t xen[] = {0x00, 0x16, 0x3e};
    uint8_t frame[64];
    int fd = open_bridge(iface);

    if (fd < 0) {
        perror("domtime");
        return 1;
    }
    printf("listening\n");
    fflush(stdout);
    do
        if (recv(fd, frame, sizeof(frame), 0) < 0)
            return 1;
    while (memcmp(frame + ETH_ALEN, xen, sizeof(xen)) != 0);
    if (look(privcmd, 1) < 0) {
        perror("domtime: domctl");
        return 1;
    }
    printf("%llu\n", (unsigned long long)ask.u.getdomaininfo.cpu_time);
    return 0;
}

int main(int argc, char **argv)
{
    int privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

    if (argc > 2 || privcmd < 0 || mlock(&ask, sizeof(ask)) < 0) {
        perror("domtime");
        return 1;
    }
    return argc == 2 ? first_frame(privcmd, argv[1]) : all(privcmd);
}
