/* SPDX-License-Identifier: ISC */
/* evtchn_priv.h - what differs between the two event-channel ABIs. */
#ifndef EVTCHN_PRIV_H
#define EVTCHN_PRIV_H

#include <morgana/evtchn.h>

/* Ports handed to these are below ev->ports. */
struct evtchn_ops {
    /* Makes sure that the hypervisor has a place for the port's state. 0 or negative. */
    int (*ensure)(struct evtchn *ev, evtchn_port_t port);
    bool (*is_pending)(const struct evtchn *ev, evtchn_port_t port);
    void (*mask)(struct evtchn *ev, evtchn_port_t port);
    /* False: an event is pending and only the unmask hypercall can deliver it; the port is in the
     * state that the hypercall wants. */
    bool (*unmask)(struct evtchn *ev, evtchn_port_t port);
    /* Sees at most `budget` events; true: something is left that the hypervisor will not tell of
     * again. */
    bool (*scan)(struct evtchn *ev, uint32_t budget, uint32_t *seen);
    void (*mask_all)(struct evtchn *ev);
};

/* Masks all and, for FIFO, gives the hypervisor the control block: -E_NOSYS where it refuses the
 * FIFO ABI: the 2-level one is still in effect. */
void evtchn_2l_init(struct evtchn *ev);
int evtchn_fifo_init(struct evtchn *ev);

/* In the word that counts a port's events: it was bound before the domain was resumed, not
 * since. */
#define EVTCHN_DEAD 0x80000000u

/* One event of a port: its pending bit is cleared already. */
static inline void evtchn_seen(struct evtchn *ev, evtchn_port_t port)
{
    uint32_t was = ev->conf.counts[port];
    WRITE_ONCE(ev->conf.counts[port], (was & EVTCHN_DEAD) | ((was + 1) & ~EVTCHN_DEAD));
    ev->stats.events++;
}

#endif
