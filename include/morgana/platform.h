/* SPDX-License-Identifier: ISC */
/* platform.h - everything that a target supplies to a program. The whole seam is this page.
 *
 * A target (a Xen guest, a bare board, a Linux process) starts the program by calling its
 * main(argc, argv) when memory, console, clock and whatever it has of Xen work. argv[0] is the
 * program's name, argv[1..] the words of the command line: see args.h for the keys.
 */
#ifndef MORGANA_PLATFORM_H
#define MORGANA_PLATFORM_H

#include <morgana/blkdev.h>
#include <morgana/cstruct.h>
#include <morgana/netdev.h>

/* Nanoseconds since some moment at or before the start. Never goes back; counts on while the
 * program sleeps, and while a Xen domain is saved: by as much as the wall clock did meanwhile. */
uint64_t plat_now_ns(void);

/* Nanoseconds since 1970-01-01 UTC, read anew each time; may jump. 0 where the target has no wall
 * clock. */
uint64_t plat_wall_ns(void);

/* Fills `out` with bytes fit for keys. 0, or -E_NOSYS where the machine has no source of them
 * (the target has said so loudly at start): then nothing in `out` is of use. */
int plat_entropy(struct cs out);

/* Writes text to the console. Lends. Never blocks for ever: what a full console does not take
 * within a bound is dropped and counted. */
void plat_console_write(struct cs_ro text);

/* The next byte of console input, or -E_AGAIN where there is none. */
int plat_console_read(void);

/* Sleeps until an event comes or plat_now_ns() reaches the deadline (NS_NEVER: none). Returns at
 * once where an event is pending already. May return early for no reason. Call it only after
 * every device's arm returned false. */
void plat_wait(uint64_t deadline_ns);

/* Ends the program: the Linux process exits with `status`; a guest prints its verdict as the last
 * console line ("verdict: success" for 0, else "verdict: failure: exit status N") and powers off.
 */
_Noreturn void plat_exit(int status);

enum plat_request { PLAT_RUN, PLAT_POWEROFF, PLAT_REBOOT };
/* What the operator wants: a signal on Linux, control/shutdown on Xen. Stays set once asked. The
 * program ends itself in its own time by plat_exit(0) or plat_reboot(). A Xen domain that is to be
 * saved or migrated is so in here, and nowhere else: ask wherever plat_wait is called in a loop.
 * When it returns, much time may have passed; devices connect again by themselves. */
enum plat_request plat_request(void);
/* Ends the program as plat_exit(0) does, and starts the machine, or the Linux process, again. */
_Noreturn void plat_reboot(void);

/* The file given with the image (Xen: ramdisk=; Linux: module=FILE), for as long as the program
 * runs; empty where there is none. */
struct cs_ro plat_module(void);

/* The program's network devices, 0 .. count-1, in the order of the hypervisor's configuration. One
 * that is plugged in while the program runs is counted from then on, and plat_wait returns: a
 * program that wants it asks each turn, which costs next to nothing. One that is unplugged while it
 * is open stays, its link down, and its link comes up when it is plugged in again. */
unsigned plat_netdev_count(void);

/* Opens device `index` and Gives it connected: its link is up or comes up by itself. `pool` feeds
 * its receive ring, is Kept, and must outlast the device. -E_NODEV no such device; -E_BUSY open
 * already; -E_TIMEDOUT, -E_PROTO, -E_NOMEM, and what else xenstore or netfront say: the reason is
 * logged. */
int plat_netdev_open(unsigned index, struct pkt_pool *pool, struct netdev **dev);

/* Closes it: the device lets go of its pages. Takes dev. A page that its backend keeps stays out
 * of the pool until a device is opened or closed after the backend has let go: so the pool may
 * only go where none is quarantined. */
void plat_netdev_close(struct netdev *dev);

/* The program's block devices, 0 .. count-1, in the order of the hypervisor's configuration. */
unsigned plat_blkdev_count(void);

/* What device `index` is called where it is configured ("xvda", "disk.img", "mmc0"), for messages;
 * NULL past the last. Valid until the next call. */
const char *plat_blkdev_name(unsigned index);

/* Opens the device that `name` (Lent) means, in any form its target's users write (blkfront.h;
 * Linux: as the disk= word names it; "" where there is only one), and Gives it online. `pool` feeds
 * what the driver copies through and what it shares with the other side, is Kept, and must outlast
 * the device. -E_NODEV no such device; -E_EXIST the name means more than one; -E_BUSY open already;
 * -E_TIMEDOUT, -E_PROTO, -E_NOMEM, and what else the driver says: the reason is logged. */
int plat_blkdev_open(const char *name, struct page_pool *pool, struct blkdev **dev);

/* Closes it: requests in flight are ended first, and lost. Takes dev. */
void plat_blkdev_close(struct blkdev *dev);

#endif
