/* SPDX-License-Identifier: ISC */
/* xs_priv.h - between the xenstore client's requests (xenstore.c) and its ring (xs_ring.c). */
#ifndef XEN_XS_PRIV_H
#define XEN_XS_PRIV_H

#include <morgana/xenstore.h>

#include "xen/hypercall.h"

#include <xen/io/xs_wire.h>

/* Sends a request whose payload is `n` views joined, and waits for its reply. 0: *reply (may be
 * NULL) is its payload, until the next call on xs; a byte 0 stands behind it. Else xenstored's
 * error, -E_TIMEDOUT, -E_2BIG, -E_PROTO. */
int xs_request(struct xs *xs, uint32_t type, xs_txn_t txn, const struct cs_ro *parts, unsigned n,
               struct cs_ro *reply);

/* Waits until xenstored is connected to the ring; what stands in it unread is thrown away. 0, or
 * -E_TIMEDOUT. */
int xs_ring_start(struct xs *xs);

/* Takes what has come, in bounded work. */
void xs_ring_poll(struct xs *xs);

/* xenstored broke the protocol: the client is broken from now on. Logs why. Returns -E_PROTO. */
int xs_refuse(struct xs *xs, const char *why);

/* A string with the NUL that ends it, as the wire wants it. */
static inline struct cs_ro xs_str(const char *s)
{
    return cs_ro_of(s, cs_of_str(s).len + 1);
}

#endif
