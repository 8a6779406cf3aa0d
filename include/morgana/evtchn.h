/* SPDX-License-Identifier: ISC */
/* evtchn.h - event channels (Xen's public/event_channel.h): the 2-level and the FIFO ABI.
 *
 * An upcall clears a port's pending bit, adds one to the port's counter and returns: it only marks work. A user keeps
 * the count it last saw, so an event between two looks is never lost:
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
    bool force_2l;        /* boot option evtchn=2l: never ask for FIFO */
    uint32_t *counts;     /* one word a port; Kept. Costs 4 bytes a port */
    uint32_t ports_max;   /* words in counts: 64..EVTCHN_PORTS_FIFO; higher ports are refused */
    void *fifo_control;   /* FIFO: one page, page-aligned; Kept. NULL: 2-level */
    void *fifo_array;     /* FIFO: pages for event words, page-aligned, 1024 ports a page; Kept */
    uint32_t fifo_pages;  /* pages in fifo_array: ports_max / 1024, rounded up */
};

struct evtchn_stats {
    uint64_t upcalls, events, spurious /* ports nobody bound */, out_of_range, scans_bounded /* storms cut short */;
};

struct evtchn;

/* State; treat as opaque. */
struct evtchn {
    struct evtchn_conf conf;
    enum evtchn_abi abi;
    struct evtchn_stats stats;
    uint32_t fifo_head[EVTCHN_PRIORITY_COUNT];
    uint32_t fifo_pages_added;
    uint32_t scan_from; /* 2-level: where the next scan begins, so that no port starves */
};

/* Starts with all ports masked. Uses FIFO where the hypervisor has it and conf allows. -E_INVAL for conf. */
int evtchn_init(struct evtchn *ev, const struct evtchn_conf *conf);
/* Closes nothing, masks everything: for the end of a program. */
void evtchn_fini(struct evtchn *ev);

/* Binding: a new port, masked = false, in *port. Errors are the hypervisor's; -E_NOSPC for a port above ports_max (closed again). */
int evtchn_alloc_unbound(struct evtchn *ev, uint16_t remote_domid, evtchn_port_t *port);
int evtchn_bind_interdomain(struct evtchn *ev, uint16_t remote_domid, evtchn_port_t remote, evtchn_port_t *port);
int evtchn_bind_virq(struct evtchn *ev, uint32_t virq, uint32_t vcpu, evtchn_port_t *port);
int evtchn_bind_ipi(struct evtchn *ev, uint32_t vcpu, evtchn_port_t *port);
/* Takes over a port that the domain builder made (xenstore, console). */
int evtchn_adopt(struct evtchn *ev, evtchn_port_t port);

int evtchn_send(struct evtchn *ev, evtchn_port_t port);
void evtchn_mask(struct evtchn *ev, evtchn_port_t port);
/* An event that came while masked is delivered (by the unmask hypercall where needed). */
void evtchn_unmask(struct evtchn *ev, evtchn_port_t port);
int evtchn_close(struct evtchn *ev, evtchn_port_t port);
int evtchn_set_priority(struct evtchn *ev, evtchn_port_t port, uint32_t priority);

struct evtchn_status {
    uint32_t status; /* EVTCHNSTAT_* */
    uint32_t vcpu;
    uint16_t remote_domid;
    evtchn_port_t remote_port;
    uint32_t virq;
};
int evtchn_status(struct evtchn *ev, evtchn_port_t port, struct evtchn_status *status);

/* How often the port's event was seen, modulo 2^32. */
uint32_t evtchn_count(const struct evtchn *ev, evtchn_port_t port);
/* Is the bit set in shared memory, not yet seen? */
bool evtchn_is_pending(const struct evtchn *ev, evtchn_port_t port);

/* The upcall of vcpu 0: sees what is pending, bounded work even in an event storm (what is left stays pending). Returns the number of
 * events seen. Called by the target's upcall and by plat_wait. */
uint32_t evtchn_upcall(struct evtchn *ev);

#endif
