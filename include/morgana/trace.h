/* SPDX-License-Identifier: ISC */
/* trace.h - a network device that tells of every frame that passes in one line, and does what
 * the device behind it does.
 *
 *     1000.000250 tx 342 00:16:3e:00:00:01 > ff:ff:ff:ff:ff:ff ip4 10.0.0.1 > 10.0.0.9 udp 67 > 68
 *     1000.000320 tx 8754 02:00:00:00:00:01 > ... tcp 80 > 40000 csum=blank gso=1448
 *     1000.000410 rx 42 02:00:00:00:00:01 > 00:16:3e:00:00:01 arp request 10.0.0.9 > 10.0.0.1
 */
#ifndef MORGANA_TRACE_H
#define MORGANA_TRACE_H

#include <morgana/netdev.h>

#define TRACE_LINE_BYTES 192u /* longest line, with its NUL */

struct trace_conf {
    /* Takes a line without a newline. Lends. Never NULL. */
    void (*line)(void *arg, const char *text);
    void *arg;
    uint64_t (*now_ns)(void); /* what stands first in a line; NULL: nothing does */
};

/* State; the caller's storage, treat as opaque. */
struct trace {
    struct netdev dev;
    struct netdev *inner;
    struct trace_conf conf;
};

/* Gives a device in *dev that stands before `inner`, which it Keeps and does not close. -E_INVAL
 * for conf. */
int trace_open(struct trace *trace, const struct trace_conf *conf, struct netdev *inner,
               struct netdev **dev);

/* What a line says of a frame, from its length on: NUL-terminated text in `out`; its length. */
size_t trace_format(const struct pkt *pkt, char *out, size_t size);

#endif
