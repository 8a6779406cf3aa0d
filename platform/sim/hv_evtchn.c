/* SPDX-License-Identifier: ISC */
/* hv_evtchn.c - the hypervisor's event channels: ports of the guest and of domain 0, and their
 * hypercalls.
 *
 * How a pending event is shown to the guest (bits in shared_info, or words in FIFO queues) is in
 * hv_evtchn_abi.c.
 */
#include <string.h>

#include "hv_evtchn.h"

#define VIRQS 24u /* NR_VIRQS of public/xen.h */
#define PORTS_2L 4096u

struct sim_evtchn sim_evtchn;

void sim_evtchn_init(void)
{
    memset(&sim_evtchn, 0, sizeof(sim_evtchn));
    uint32_t limit = sim_state.conf.evtchn_ports;
    sim_evtchn.ports_max = limit == 0 || limit > PORTS_FIFO ? PORTS_FIFO : limit;
    sim_evtchn_abi_init();
}

static uint32_t ports_usable(void)
{
    uint32_t abi = sim_evtchn.fifo ? PORTS_FIFO : PORTS_2L;
    return u32_min(abi, sim_evtchn.ports_max);
}

/* The channel of a port that is in use, or NULL. */
static struct channel *used(uint32_t port)
{
    if (port == 0 || port >= ports_usable() || sim_evtchn.chan[port].state == EVTCHNSTAT_closed)
        return NULL;
    return &sim_evtchn.chan[port];
}

/* The lowest free port, as Xen gives them. */
static struct channel *allocate(uint32_t *port)
{
    for (uint32_t p = sim_evtchn.maybe_free + 1; p < ports_usable(); p++) {
        if (sim_evtchn.chan[p].state != EVTCHNSTAT_closed)
            continue;
        sim_evtchn.maybe_free = p;
        sim_evtchn.chan[p] = (struct channel){.priority = EVTCHN_FIFO_PRIORITY_DEFAULT,
                                              .last_priority = EVTCHN_FIFO_PRIORITY_DEFAULT};
        if (p >= sim_evtchn.ports_seen)
            sim_evtchn.ports_seen = p + 1;
        *port = p;
        return &sim_evtchn.chan[p];
    }
    return NULL;
}

uint32_t sim_evtchn_builder_port(void)
{
    uint32_t port = 0;
    struct channel *c = allocate(&port);
    ASSERT(c != NULL);
    c->state = EVTCHNSTAT_unbound;
    return port;
}

/* ---- domain 0's ports ----------------------------------------------------------------------- */

static struct dom0_port *dom0_allocate(uint32_t *port)
{
    for (uint32_t p = 1; p < SIM_DOM0_PORTS; p++) {
        struct dom0_port *d = &sim_evtchn.dom0[p];
        if (!d->used) {
            *d = (struct dom0_port){.used = true, .work = SIM_DOM0_NO_WORK};
            *port = p;
            return d;
        }
    }
    return NULL;
}

static void dom0_deliver(struct dom0_port *d)
{
    d->events++;
    if (d->work != SIM_DOM0_NO_WORK)
        sim_work_set(d->work);
}

int sim_dom0_bind_work(uint32_t guest_port, uint8_t work)
{
    struct channel *c = used(guest_port);
    if (c == NULL || c->state != EVTCHNSTAT_unbound || c->remote_domid != 0)
        return -E_INVAL;
    uint32_t port = 0;
    struct dom0_port *d = dom0_allocate(&port);
    if (d == NULL)
        return -E_NOSPC;
    d->guest_port = guest_port;
    d->work = work;
    c->state = EVTCHNSTAT_interdomain;
    c->remote_port = port;
    dom0_deliver(d); /* a new binding is always pending once: event_channel.h, bind_interdomain */
    return (int)port;
}

int sim_dom0_bind(uint32_t guest_port)
{
    return sim_dom0_bind_work(guest_port, SIM_DOM0_NO_WORK);
}

int sim_dom0_close(uint32_t port)
{
    if (port >= SIM_DOM0_PORTS || !sim_evtchn.dom0[port].used)
        return -E_INVAL;
    struct channel *c = used(sim_evtchn.dom0[port].guest_port);
    if (c != NULL && c->state == EVTCHNSTAT_interdomain && c->remote_domid == 0 &&
        c->remote_port == port)
        c->state = EVTCHNSTAT_unbound;
    sim_evtchn.dom0[port].used = false;
    return 0;
}

int sim_dom0_send(uint32_t port)
{
    if (port >= SIM_DOM0_PORTS || !sim_evtchn.dom0[port].used)
        return -E_INVAL;
    uint32_t guest_port = sim_evtchn.dom0[port].guest_port;
    if (used(guest_port) != NULL)
        sim_evtchn_set_pending(guest_port);
    return 0;
}

uint32_t sim_dom0_events(uint32_t port)
{
    ASSERT(port < SIM_DOM0_PORTS);
    uint32_t events = sim_evtchn.dom0[port].events;
    sim_evtchn.dom0[port].events = 0;
    return events;
}

bool sim_evtchn_raise(uint32_t guest_port)
{
    if (guest_port == 0 || guest_port >= ports_usable())
        return false;
    sim_evtchn_set_pending(guest_port);
    return true;
}

bool sim_virq_raise(uint32_t virq)
{
    for (uint32_t p = 1; p < sim_evtchn.ports_seen; p++) {
        struct channel *c = &sim_evtchn.chan[p];
        if (c->state == EVTCHNSTAT_virq && c->virq == virq) {
            sim_evtchn_set_pending(p);
            return true;
        }
    }
    return false;
}

/* ---- hypercalls ----------------------------------------------------------------------------- */

static bool is_guest(domid_t domid)
{
    return domid == DOMID_SELF || domid == SIM_GUEST_DOMID;
}

static long op_alloc_unbound(void *arg)
{
    struct evtchn_alloc_unbound *op = arg;
    if (!is_guest(op->dom))
        return -E_PERM;
    if (op->remote_dom != 0 && !is_guest(op->remote_dom))
        return -3; /* ESRCH: no such domain */
    uint32_t port = 0;
    struct channel *c = allocate(&port);
    if (c == NULL)
        return -E_NOSPC;
    c->state = EVTCHNSTAT_unbound;
    c->remote_domid = (uint16_t)(op->remote_dom == 0 ? 0 : SIM_GUEST_DOMID);
    op->port = port;
    return 0;
}

static long op_bind_interdomain(void *arg)
{
    struct evtchn_bind_interdomain *op = arg;
    bool self = is_guest(op->remote_dom);
    if (!self && op->remote_dom != 0)
        return -3;
    struct channel *remote = self ? used(op->remote_port) : NULL;
    struct dom0_port *d = NULL;
    if (self) {
        if (remote == NULL || remote->state != EVTCHNSTAT_unbound ||
            remote->remote_domid != SIM_GUEST_DOMID)
            return -E_INVAL;
    } else {
        if (op->remote_port >= SIM_DOM0_PORTS)
            return -E_INVAL;
        d = &sim_evtchn.dom0[op->remote_port];
        if (!d->used || d->guest_port != 0)
            return -E_INVAL;
    }
    uint32_t port = 0;
    struct channel *c = allocate(&port);
    if (c == NULL)
        return -E_NOSPC;
    c->state = EVTCHNSTAT_interdomain;
    c->remote_domid = (uint16_t)(self ? SIM_GUEST_DOMID : 0);
    c->remote_port = op->remote_port;
    if (self) {
        remote->state = EVTCHNSTAT_interdomain;
        remote->remote_port = port;
    } else {
        d->guest_port = port;
    }
    op->local_port = port;
    sim_evtchn_set_pending(port);
    return 0;
}

static long op_bind_virq(void *arg)
{
    struct evtchn_bind_virq *op = arg;
    if (op->virq >= VIRQS)
        return -E_INVAL;
    if (op->vcpu != 0)
        return -E_NOENT;
    for (uint32_t p = 1; p < sim_evtchn.ports_seen; p++) {
        if (sim_evtchn.chan[p].state == EVTCHNSTAT_virq && sim_evtchn.chan[p].virq == op->virq)
            return -E_EXIST;
    }
    uint32_t port = 0;
    struct channel *c = allocate(&port);
    if (c == NULL)
        return -E_NOSPC;
    c->state = EVTCHNSTAT_virq;
    c->virq = op->virq;
    op->port = port;
    return 0;
}

static long op_bind_ipi(void *arg)
{
    struct evtchn_bind_ipi *op = arg;
    if (op->vcpu != 0)
        return -E_NOENT;
    uint32_t port = 0;
    struct channel *c = allocate(&port);
    if (c == NULL)
        return -E_NOSPC;
    c->state = EVTCHNSTAT_ipi;
    op->port = port;
    return 0;
}

static void close_channel(uint32_t port)
{
    struct channel *c = &sim_evtchn.chan[port];
    if (c->state == EVTCHNSTAT_interdomain) {
        if (c->remote_domid == 0) {
            sim_evtchn.dom0[c->remote_port].guest_port = 0;
        } else {
            struct channel *remote = used(c->remote_port);
            if (remote != NULL && c->remote_port != port)
                remote->state = EVTCHNSTAT_unbound;
        }
    }
    sim_evtchn_clear_pending(port);
    c->state = EVTCHNSTAT_closed;
    if (port <= sim_evtchn.maybe_free)
        sim_evtchn.maybe_free = port - 1;
}

static long op_close(void *arg)
{
    struct evtchn_close *op = arg;
    if (used(op->port) == NULL)
        return -E_INVAL;
    close_channel(op->port);
    return 0;
}

static long op_send(void *arg)
{
    struct evtchn_send *op = arg;
    struct channel *c = used(op->port);
    if (c == NULL)
        return -E_INVAL;
    switch (c->state) {
    case EVTCHNSTAT_interdomain:
        if (c->remote_domid == 0)
            dom0_deliver(&sim_evtchn.dom0[c->remote_port]);
        else
            sim_evtchn_set_pending(c->remote_port);
        return 0;
    case EVTCHNSTAT_ipi:
        sim_evtchn_set_pending(op->port);
        return 0;
    case EVTCHNSTAT_unbound:
        return 0; /* nobody there: lost, as in Xen */
    default:
        return -E_INVAL;
    }
}

static long op_status(void *arg)
{
    struct evtchn_status *op = arg;
    if (!is_guest(op->dom))
        return -E_PERM;
    if (op->port >= ports_usable())
        return -E_INVAL;
    const struct channel *c = &sim_evtchn.chan[op->port];
    op->status = c->state;
    op->vcpu = 0;
    if (c->state == EVTCHNSTAT_unbound)
        op->u.unbound.dom = c->remote_domid;
    if (c->state == EVTCHNSTAT_interdomain) {
        op->u.interdomain.dom = c->remote_domid;
        op->u.interdomain.port = c->remote_port;
    }
    if (c->state == EVTCHNSTAT_virq)
        op->u.virq = c->virq;
    return 0;
}

static long op_bind_vcpu(void *arg)
{
    struct evtchn_bind_vcpu *op = arg;
    if (op->vcpu != 0)
        return -E_NOENT;
    const struct channel *c = used(op->port);
    return c == NULL || c->state == EVTCHNSTAT_ipi ? -E_INVAL : 0;
}

static long op_unmask(void *arg)
{
    struct evtchn_unmask *op = arg;
    if (op->port == 0 || op->port >= ports_usable())
        return -E_INVAL;
    sim_evtchn_unmask(op->port);
    return 0;
}

static long op_reset(void *arg)
{
    struct evtchn_reset *op = arg;
    if (!is_guest(op->dom))
        return -E_PERM;
    for (uint32_t p = 1; p < sim_evtchn.ports_seen; p++) {
        if (sim_evtchn.chan[p].state != EVTCHNSTAT_closed)
            close_channel(p);
    }
    sim_evtchn_abi_reset();
    return 0;
}

static long op_set_priority(void *arg)
{
    struct evtchn_set_priority *op = arg;
    if (!sim_evtchn.fifo)
        return -E_NOSYS;
    struct channel *c = used(op->port);
    if (c == NULL || op->priority > EVTCHN_FIFO_PRIORITY_MIN)
        return -E_INVAL;
    c->priority = (uint8_t)op->priority;
    return 0;
}

long sim_evtchn_op(unsigned cmd, void *arg)
{
    static long (*const ops[])(void *arg) = {
        [EVTCHNOP_bind_interdomain] = op_bind_interdomain,
        [EVTCHNOP_bind_virq] = op_bind_virq,
        [EVTCHNOP_close] = op_close,
        [EVTCHNOP_send] = op_send,
        [EVTCHNOP_status] = op_status,
        [EVTCHNOP_alloc_unbound] = op_alloc_unbound,
        [EVTCHNOP_bind_ipi] = op_bind_ipi,
        [EVTCHNOP_bind_vcpu] = op_bind_vcpu,
        [EVTCHNOP_unmask] = op_unmask,
        [EVTCHNOP_reset] = op_reset,
        [EVTCHNOP_init_control] = sim_evtchn_init_control,
        [EVTCHNOP_expand_array] = sim_evtchn_expand_array,
        [EVTCHNOP_set_priority] = op_set_priority,
    };
    if (cmd >= ARRAY_SIZE(ops) || ops[cmd] == NULL)
        return -E_NOSYS;
    if (sim_state.conf.no_fifo && cmd >= EVTCHNOP_init_control)
        return -E_NOSYS;
    return ops[cmd](arg);
}
