/* SPDX-License-Identifier: ISC */
/* start.h - what every Xen guest starts with, the guest image and the Linux process over the
 * simulated Xen alike.
 *
 * A target calls start_xen() once the seam of xen.h and the console of platform.h work, then the
 * program's main().
 */
#ifndef MORGANA_START_H
#define MORGANA_START_H

#include <morgana/balloon.h>
#include <morgana/blkfront.h>
#include <morgana/evtchn.h>
#include <morgana/gnttab.h>
#include <morgana/netfront.h>
#include <morgana/xencons.h>
#include <morgana/xenctl.h>
#include <morgana/xenstore.h>

/* Sizes for small images: what they cost is in .bss. */
#define START_PORTS_MAX 1024u /* event channels: 4 bytes each, and one page of FIFO event words */
#define START_NETDEVS_MAX 4u  /* network devices: about 12 KiB each */
#define START_BLKDEVS_MAX 2u  /* block devices open at once: 32 KiB each */
/* Grant references, 4 bytes each: for a network device with all its queues, or every one with a
 * queue, and beside these every disk. Devices with more share what there is. */
#define START_GRANTS_MAX                                                                           \
    (GNTTAB_RESERVED + NETFRONT_GRANTS_MAX + START_BLKDEVS_MAX * BLKFRONT_GRANTS_MAX)

/* A device while it is open: in boot/common/xen the storage goes by the same number. */
struct start_vif {
    struct netdev *dev; /* NULL: closed */
    struct pkt_pool *pool;
    struct page *grants; /* netfront=txgrants: the words, a row of the pool's pages; NULL: none */
    uint32_t id;         /* device/vif/<id> */
};
struct start_vbd {
    struct blkdev *dev; /* NULL: closed */
    struct page_pool *pool;
    uint32_t id; /* device/vbd/<id> */
};

/* The services of the running domain. What the hypervisor does not have is missing, and its flag
 * is false: the program runs without it. */
struct start {
    struct evtchn ev;
    struct gnttab gt;
    struct xencons cons;
    struct xs xs;
    struct xenctl ctl;
    struct balloon balloon; /* a machine has it that can do without pages: not a Linux process */
    /* Pages that a backend kept when its device was closed; looked at again at each open. */
    struct gnttab_quarantine quarantine;
    struct start_vif vifs[START_NETDEVS_MAX];
    struct start_vbd vbds[START_BLKDEVS_MAX];
    /* device/vif: how many there were when it changed last. Watched from start_vif_count on. */
    struct xs_watch vif_watch;
    uint32_t vif_seen;
    uint64_t vif_look_ns; /* when to look again, where xenstore tells of no change; 0: it does */
    unsigned vif_count;
    bool has_evtchn, has_gnttab, has_cons, has_xs, has_ctl, has_balloon, has_vif_watch;
    /* Set by the target before start_xen(); NULL where the domain cannot be suspended. Events are
     * not seen, and nothing of xen.h is used, until it returns.
     *
     *     0          this is another domain: shared info and xen_start() are the new one's, the
     *                upcall is set, plat_now_ns() counts on. There are no event channels but those
     *                of xen_start(), and no grants: xen_map_frame() places their frames anew
     *     1          cancelled: all is as it was
     *     negative   Xen refuses: all is as it was */
    int (*suspend_machine)(void);
    int argc; /* the command line: what the program's main() gets */
    char **argv;
};

/* The one of this program. Its flags are false until start_xen() has run. */
struct start *start_get(void);

/* Brings up logging (log=quiet|error|warn|info|debug), the banner, event channels
 * (evtchn=2l|fifo), grant tables (gnttab=1|2), the console ring (console=ring|emergency),
 * xenstore, and the operator's requests (control/shutdown), in this order. The words of xenstore's
 * vm-data/cmdline are put behind those of argv, which is Kept. What is missing is said in one
 * line. -E_INVAL: a value on the command line is wrong; said in one line; the program must end
 * with status 1. */
int start_xen(int argc, char **argv);

/* Made by the target: takes the upcall that is pending, without sleep; in a Linux process domain 0
 * has its turn first. plat_request() calls it. */
void start_turn(void);

/* Lets go of everything, last first: the end of the program. */
void start_fini(void);

/* How many vifs xenstore lists for this domain, with those that are open: plat_netdev_count() of a
 * guest, where every device is a vif. One that is attached later is there at the next call; one
 * that is detached while it is open stays, and works again when it is attached again. */
unsigned start_vif_count(void);
/* As plat_netdev_open(), of number `vif` of them; `index` is the program's number of the device,
 * for what is said and for mac=, which is device 0's. */
int start_vif_open(unsigned vif, unsigned index, struct pkt_pool *pool, struct netdev **dev);
/* As plat_netdev_close(). False: it is no vif of these. */
bool start_vif_close(struct netdev *dev);

/* The vbds, likewise: what plat_blkdev_*() are on a guest. */
unsigned start_vbd_count(void);
/* Lent until the next call. */
const char *start_vbd_name(unsigned vbd);
/* As plat_blkdev_open(). */
int start_vbd_open(const char *name, struct page_pool *pool, struct blkdev **dev);
/* As plat_blkdev_close(). False: it is no vbd of these. */
bool start_vbd_close(struct blkdev *dev);

#endif
