/* SPDX-License-Identifier: ISC */
/* evtchn.c - event channels: binding, sending, masking, and the upcall; the parts that both ABIs
 * share. */
#include "xen/hypercall.h"

#include <atomic.h>

#include "evtchn_priv.h"

/* Events of one scan, and scans of one upcall: what an event storm can cost (XSA-391). A storm
 * leaves evtchn_upcall_pending set, so the next upcall goes on where this one stopped. */
#define SCAN_EVENTS 4096u
#define UPCALL_SCANS 4u

static bool port_ok(const struct evtchn *ev, evtchn_port_t port)
{
    return port != 0 && port < ev->ports;
}

static bool dead(const struct evtchn *ev, evtchn_port_t port)
{
    return (ev->conf.counts[port] & EVTCHN_DEAD) != 0;
}

static int start_abi(struct evtchn *ev, bool fifo)
{
    if (fifo) {
        int err = evtchn_fifo_init(ev);
        if (err != -E_NOSYS)
            return err;
    }
    evtchn_2l_init(ev);
    return 0;
}

int evtchn_init(struct evtchn *ev, const struct evtchn_conf *conf)
{
    bool fifo = !conf->force_2l && conf->fifo_control != NULL;
    if (conf->counts == NULL || conf->ports_max < 64 || conf->ports_max > EVTCHN_PORTS_FIFO)
        return -E_INVAL;
    if (fifo && (conf->fifo_array == NULL || (uintptr_t)conf->fifo_array % 4096 != 0 ||
                 (uintptr_t)conf->fifo_control % 4096 != 0 ||
                 conf->fifo_pages < (conf->ports_max + 1023) / 1024))
        return -E_INVAL;
    *ev = (struct evtchn){.conf = *conf};
    memset(conf->counts, 0, (size_t)conf->ports_max * sizeof(conf->counts[0]));
    return start_abi(ev, fifo);
}

int evtchn_resume(struct evtchn *ev)
{
    for (uint32_t port = 0; port < ev->conf.ports_max; port++)
        WRITE_ONCE(ev->conf.counts[port], ev->conf.counts[port] | EVTCHN_DEAD);
    ev->scan_from = 0;
    return start_abi(ev, ev->abi == EVTCHN_ABI_FIFO);
}

void evtchn_fini(struct evtchn *ev)
{
    if (ev->ops != NULL)
        ev->ops->mask_all(ev);
}

/* A port that the hypervisor made: ours from now on, or closed again. */
static int bound(struct evtchn *ev, int err, evtchn_port_t port, evtchn_port_t *out)
{
    if (err != 0)
        return err;
    err = evtchn_adopt(ev, port);
    if (err != 0) {
        hypercall_evtchn_close(port);
        return err == -E_INVAL ? -E_NOSPC : err;
    }
    *out = port;
    return 0;
}

int evtchn_adopt(struct evtchn *ev, evtchn_port_t port)
{
    if (!port_ok(ev, port))
        return -E_INVAL;
    int err = ev->ops->ensure(ev, port);
    if (err != 0)
        return err;
    /* A port that was ours before was masked when it was closed: nothing counts meanwhile. */
    ev->conf.counts[port] = 0;
    evtchn_unmask(ev, port);
    return 0;
}

int evtchn_alloc_unbound(struct evtchn *ev, uint16_t remote_domid, evtchn_port_t *port)
{
    evtchn_port_t made = 0;
    int err = hypercall_evtchn_alloc_unbound(remote_domid, &made);
    return bound(ev, err, made, port);
}

int evtchn_bind_interdomain(struct evtchn *ev, uint16_t remote_domid, evtchn_port_t remote,
                            evtchn_port_t *port)
{
    evtchn_port_t made = 0;
    int err = hypercall_evtchn_bind_interdomain(remote_domid, remote, &made);
    return bound(ev, err, made, port);
}

int evtchn_bind_virq(struct evtchn *ev, uint32_t virq, uint32_t vcpu, evtchn_port_t *port)
{
    evtchn_port_t made = 0;
    int err = hypercall_evtchn_bind_virq(virq, vcpu, &made);
    return bound(ev, err, made, port);
}

int evtchn_bind_ipi(struct evtchn *ev, uint32_t vcpu, evtchn_port_t *port)
{
    evtchn_port_t made = 0;
    int err = hypercall_evtchn_bind_ipi(vcpu, &made);
    return bound(ev, err, made, port);
}

int evtchn_send(struct evtchn *ev, evtchn_port_t port)
{
    if (!port_ok(ev, port))
        return -E_INVAL;
    return dead(ev, port) ? 0 : hypercall_evtchn_send(port);
}

void evtchn_mask(struct evtchn *ev, evtchn_port_t port)
{
    if (port_ok(ev, port) && !dead(ev, port) && ev->ops->ensure(ev, port) == 0)
        ev->ops->mask(ev, port);
}

void evtchn_unmask(struct evtchn *ev, evtchn_port_t port)
{
    if (!port_ok(ev, port) || dead(ev, port) || ev->ops->ensure(ev, port) != 0)
        return;
    if (!ev->ops->unmask(ev, port))
        hypercall_evtchn_unmask(port);
}

int evtchn_close(struct evtchn *ev, evtchn_port_t port)
{
    if (!port_ok(ev, port))
        return -E_INVAL;
    if (dead(ev, port))
        return 0;
    evtchn_mask(ev, port);
    return hypercall_evtchn_close(port);
}

int evtchn_set_priority(struct evtchn *ev, evtchn_port_t port, uint32_t priority)
{
    if (!port_ok(ev, port) || priority >= EVTCHN_PRIORITY_COUNT)
        return -E_INVAL;
    if (ev->abi != EVTCHN_ABI_FIFO)
        return -E_NOSYS;
    return hypercall_evtchn_set_priority(port, priority);
}

int evtchn_status(struct evtchn *ev, evtchn_port_t port, struct evtchn_info *info)
{
    if (!port_ok(ev, port))
        return -E_INVAL;
    struct evtchn_status status;
    int err = hypercall_evtchn_status(port, &status);
    if (err != 0)
        return err;
    *info = (struct evtchn_info){.status = status.status, .vcpu = status.vcpu};
    switch (status.status) {
    case EVTCHNSTAT_unbound:
        info->remote_domid = status.u.unbound.dom;
        break;
    case EVTCHNSTAT_interdomain:
        info->remote_domid = status.u.interdomain.dom;
        info->remote_port = status.u.interdomain.port;
        break;
    case EVTCHNSTAT_virq:
        info->virq = status.u.virq;
        break;
    default:
        break;
    }
    return 0;
}

uint32_t evtchn_count(const struct evtchn *ev, evtchn_port_t port)
{
    return port_ok(ev, port) ? READ_ONCE(ev->conf.counts[port]) & ~EVTCHN_DEAD : 0;
}

bool evtchn_is_pending(const struct evtchn *ev, evtchn_port_t port)
{
    return port_ok(ev, port) && !dead(ev, port) && ev->ops->is_pending(ev, port);
}

uint32_t evtchn_upcall(struct evtchn *ev)
{
    struct vcpu_info *vcpu = &xen_shared_info()->vcpu_info[0];
    uint32_t events = 0;

    ev->stats.upcalls++;
    for (unsigned i = 0; i < UPCALL_SCANS; i++) {
        /* Cleared before looking: an event after the look sets it again. The exchange is a full
         * barrier. */
        if (atomic_xchg8(&vcpu->evtchn_upcall_pending, 0) == 0)
            return events;
        uint32_t seen = 0;
        bool left = ev->ops->scan(ev, SCAN_EVENTS, &seen);
        events += seen;
        if (left)
            __atomic_store_n(&vcpu->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
    }
    if (READ_ONCE(vcpu->evtchn_upcall_pending) != 0)
        ev->stats.scans_bounded++;
    return events;
}
