/* SPDX-License-Identifier: ISC */
/* host.h - what the parts of the Linux-process target share. */
#ifndef PLATFORM_HOST_HOST_H
#define PLATFORM_HOST_HOST_H

#include <morgana/base.h>

#include "platform/sim/sim.h"

#define HOST_NETDEVS_MAX 4u /* as many as boot/common opens */

/* Prints "program: <line>" to stderr and ends with status 1: for what the user must put right. */
_Noreturn void host_refuse(const char *format, ...) PRINTF_LIKE(1, 2);

/* ---- devices (net.c) */

/* Opens what tap= and pcap= name (net.c says what they may be), and describes to the simulated Xen
 * what are its guest's vifs; a direct TAP is none. Refuses what cannot be opened. */
void host_net_open(int argc, char *const *argv, struct sim_conf *conf);
/* Writes out what is buffered of the capture. */
void host_net_flush(void);
/* File descriptors to wait for: fills `fds` (HOST_NETDEVS_MAX of them) with those that can bring
 * a frame now; how many. */
unsigned host_net_fds(int *fds);

/* ---- the disk (disk.c) */

/* Takes what disk= names. */
void host_disk_args(int argc, char *const *argv);
/* A file descriptor that can be read when a request of the open disk is finished, or -1. */
int host_disk_fd(void);

/* ---- the console, signals and sleep (wait.c) */

void host_wait_init(void);
/* The sink of the simulated xenconsoled. */
void host_console_sink(void *arg, struct cs_ro text);

#endif
