/* SPDX-License-Identifier: ISC */
/* xencons.h - the console ring (Xen's public/io/console.h), and a way to be heard when all else
 * fails.
 *
 * Writing never blocks for ever: a console that nobody reads costs one bounded wait; then text is
 * dropped and counted until there is room again.
 */
#ifndef MORGANA_XENCONS_H
#define MORGANA_XENCONS_H

#include <morgana/cstruct.h>
#include <morgana/err.h>
#include <morgana/evtchn.h>

struct xencons_conf {
    void *ring;         /* struct xencons_interface; Kept */
    evtchn_port_t port; /* to the reader */
    uint64_t wait_ns;   /* for a ring's worth of room, by plat_now_ns; 0: 100 ms */
};

struct xencons_stats {
    uint64_t written; /* bytes that went into the ring, CRs included */
    uint64_t dropped; /* bytes for which there was no room */
    uint64_t read;    /* bytes of input */
    uint64_t broken;  /* indices that cannot be: the other side's fault */
};

/* State; treat as opaque. */
struct xencons {
    struct xencons_conf conf;
    /* our two indices: what is in shared memory is for the other side */
    uint32_t out_prod, in_cons;
    bool stuck; /* a wait ran out, and the ring has not been half empty since */
    struct xencons_stats stats;
};

/* Starts on a ring as it stands: the domain builder's output indices go on. -E_INVAL for conf. */
int xencons_init(struct xencons *cons, const struct xencons_conf *conf);

/* After a restore or a migration: goes on with the new domain's ring as it stands (Kept), and its
 * port. */
void xencons_resume(struct xencons *cons, void *ring, evtchn_port_t port);

/* Writes text; every LF goes out as CR LF. Lends. */
void xencons_write(struct xencons *cons, struct cs_ro text);

/* The next byte of input, 0..255, or -E_AGAIN. */
int xencons_read(struct xencons *cons);

/* For the last words of a program that failed: writes to the console ring of xen_start() (with no
 * xencons, no event channels, no clock: raw hypercalls only) and to Xen's own console by
 * console_io. Bounded; what does not fit is lost. A struct xencons on that ring must not be written
 * to afterwards. */
void xencons_emergency(struct cs_ro text);

#endif
