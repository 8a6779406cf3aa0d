/* SPDX-License-Identifier: ISC */
/* evtchn.h - event channels (Xen's public/event_channel.h): the 2-level and the FIFO ABI.
 *
 * An upcall clears a port's pending bit, adds one to the port's counter and returns: it only marks
 * work. A user keeps the count it last saw, so an event between two looks is never lost:
 *
 *     uint32_t seen = evtchn_count(ev, port);
 *     ... scan the ring ...
 *     if (evtchn_count(ev, port) != seen) there were events since
 */
#ifndef MORGANA_EVTCHN_H
#define MORGANA_EVTCHN_H

#include <morgana/base.h>
#include <morgana/err.h>

typedef uint32_t evtchn_port_t; /* 0 is never valid */

#define EVTCHN_PORTS_2L 4096u
#define EVTCHN_PORTS_FIFO 131072u
#define EVTCHN_PRIORITY_COUNT 16u /* 0 highest, 7 default, 15 lowest (FIFO only) */

enum evtchn_abi { EVTCHN_ABI_2L, EVTCHN_ABI_FIFO };

struct evtchn_conf {
    bool force_2l;       /* boot option evtchn=2l: never ask for FIFO */
    uint32_t *counts;    /* one word a port; Kept. Costs 4 bytes a port */
    uint32_t ports_max;  /* words in counts: 64..EVTCHN_PORTS_FIFO; higher ports are refused */
    void *fifo_control;  /* FIFO: one page, page-aligned; Kept. NULL: 2-level */
    void *fifo_array;    /* FIFO: pages for event words, page-aligned, 1024 ports a page; Kept */
    uint32_t fifo_pages; /* pages in fifo_array: ports_max / 1024, rounded up */
};

struct evtchn_stats {
    uint64_t upcalls;       /* calls of evtchn_upcall */
    uint64_t events;        /* pending bits seen and cleared: the sum of all counts */
    uint64_t spurious;      /* the hypervisor said "look", and the port was masked or not pending */
    uint64_t out_of_range;  /* it named a port that cannot be ours */
    uint64_t scans_bounded; /* storms cut short: the rest stayed pending */
};

struct evtchn_ops; /* evtchn/evtchn_priv.h: what differs between the two ABIs */

/* State; treat as opaque. */
struct evtchn {
    struct evtchn_conf conf;
    enum evtchn_abi abi;
    const struct evtchn_ops *ops;
    struct evtchn_stats stats;
    uint32_t ports; /* how many port numbers can be ours: conf.ports_max, and what the ABI has */
    uint32_t scan_from; /* 2-level: where the next scan begins, so that no port starves */
    /* FIFO: the next port of each queue; 0: it was empty when last looked at. */
    uint32_t fifo_head[EVTCHN_PRIORITY_COUNT];
    uint32_t fifo_ready;       /* queues with something left, one bit each */
    uint32_t fifo_pages_added; /* pages of event words that the hypervisor knows */
    uint32_t fifo_link_mask;   /* the bits of an event word's link field */
};

/* Starts with all ports masked. Uses FIFO where the hypervisor has it and conf allows. -E_INVAL for
 * conf; the hypervisor's errors. */
int evtchn_init(struct evtchn *ev, const struct evtchn_conf *conf);
/* Closes nothing, masks everything: for the end of a program. */
void evtchn_fini(struct evtchn *ev);

/* After a restore or a migration: the domain has no ports. Sets the ABI up anew, all masked. Every
 * port of before is dead: masking, sending to, and closing it do nothing, and give 0, until its
 * number comes back from a binding: it may be another's then, so whoever has a port of an old
 * gnttab_epoch() forgets it instead of closing it. Not after a suspend that was cancelled. The
 * hypervisor's errors. */
int evtchn_resume(struct evtchn *ev);

/* Binding: a new port, unmasked, its count 0, in *port. Errors are the hypervisor's (a full table
 * is -E_NOSPC); -E_NOSPC too for a port that ports_max does not allow (it is closed again). */

/* One that `remote_domid` may bind; DOMID_SELF: a channel with both ends here. */
int evtchn_alloc_unbound(struct evtchn *ev, uint16_t remote_domid, evtchn_port_t *port);
/* The other end of `remote`, which that domain allocated for us. */
int evtchn_bind_interdomain(struct evtchn *ev, uint16_t remote_domid, evtchn_port_t remote,
                            evtchn_port_t *port);
/* `virq`: a VIRQ_* of public/xen.h; one that is bound already is -E_EXIST. */
int evtchn_bind_virq(struct evtchn *ev, uint32_t virq, uint32_t vcpu, evtchn_port_t *port);
/* For events from this domain to its own vcpu. */
int evtchn_bind_ipi(struct evtchn *ev, uint32_t vcpu, evtchn_port_t *port);
/* Takes over a port that the domain builder made (xenstore, console): its count is 0, it is
 * unmasked, and what came before is delivered. -E_INVAL for a port that cannot be ours. */
int evtchn_adopt(struct evtchn *ev, evtchn_port_t port);

/* Below, a port that cannot be ours is -E_INVAL, or ignored where there is no result. */

/* An event to the other end. */
int evtchn_send(struct evtchn *ev, evtchn_port_t port);
/* No more events are seen until it is unmasked; they are not lost: many become one. */
void evtchn_mask(struct evtchn *ev, evtchn_port_t port);
/* An event that came while masked is delivered (by the unmask hypercall where needed). */
void evtchn_unmask(struct evtchn *ev, evtchn_port_t port);
/* Masks and closes it. The port number may come back from a later binding. */
int evtchn_close(struct evtchn *ev, evtchn_port_t port);
/* From 0 (first) to 15 (last). -E_INVAL above; -E_NOSYS on the 2-level ABI. */
int evtchn_set_priority(struct evtchn *ev, evtchn_port_t port, uint32_t priority);

/* What the hypervisor says of a port (Xen's own struct evtchn_status is its wire form). */
struct evtchn_info {
    uint32_t status;           /* EVTCHNSTAT_* */
    uint32_t vcpu;             /* which gets its events */
    uint16_t remote_domid;     /* unbound, interdomain */
    evtchn_port_t remote_port; /* interdomain */
    uint32_t virq;             /* virq */
};
/* -E_INVAL, or the hypervisor's error: then *info is untouched. */
int evtchn_status(struct evtchn *ev, evtchn_port_t port, struct evtchn_info *info);

/* How often the port's event was seen since it was bound, modulo 2^31. 0 for a port that cannot be
 * ours. */
uint32_t evtchn_count(const struct evtchn *ev, evtchn_port_t port);
/* Is the bit set in shared memory, not yet seen? */
bool evtchn_is_pending(const struct evtchn *ev, evtchn_port_t port);

/* The upcall of vcpu 0: sees what is pending. Bounded work even in an event storm: what is left
 * stays pending, and shared_info's evtchn_upcall_pending stays set, so that the next wait does not
 * sleep. Returns the number of events seen. Called by the target's upcall and by plat_wait. Not
 * reentrant: the caller holds upcalls off meanwhile. */
uint32_t evtchn_upcall(struct evtchn *ev);

#endif
