/* SPDX-License-Identifier: ISC */
/* tcp.h - two services over TCP on one device, whose connections outlive it: a source of a known
 * sequence (port 19, 8 MiB and the end), and a sink that looks at each byte of it (port 9).
 *
 * A connection goes slowly until it has gone on twice after its device went down: so it is under
 * way then, however long that takes. It says that it begins, each time that it goes on, and how it
 * ended. */
#ifndef PLUG_TCP_H
#define PLUG_TCP_H

#include <morgana/tcp.h>

/* False: what is wrong was said. Keeps nif until plug_tcp_stop. */
bool plug_tcp_start(struct netif *nif, uint64_t now);
void plug_tcp_stop(void);
/* After netif_poll; `downs`: how often the device went down. When to be called again. */
uint64_t plug_tcp_turn(unsigned downs, uint64_t now);

#endif
