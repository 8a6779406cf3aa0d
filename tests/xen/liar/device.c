/* SPDX-License-Identifier: ISC */
/* device.c - what every backend does, and the lies that every one can tell: states in xenstore,
 * pages of the guest's, mapped by /dev/xen/gntdev, and event channels, bound by /dev/xen/evtchn. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "liar.h"

typedef uint32_t grant_ref;
#include <xen/event_channel.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>
#include <xen/sys/privcmd.h>

#define MAP_MAX 256u   /* pages at once */
#define STORM_MAX 500u /* events at once */

/* ---- states ---------------------------------------------------------------------------------- */

void device_open(struct device *d, unsigned domid, const char *name)
{
    memset(d, 0, sizeof(*d));
    d->kind = strncmp(name, vbd_kind.name, strlen(vbd_kind.name)) == 0 ? &vbd_kind : &vif_kind;
    d->domid = domid;
    snprintf(d->front, sizeof(d->front), "/local/domain/%u/device/%s", domid, name);
    /* Not where Linux's own backends look for work. */
    snprintf(d->back, sizeof(d->back), "/local/domain/0/liar/%u/%s", domid, name);
    d->gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    d->evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
    d->privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (d->gntdev < 0 || d->evtchn < 0 || d->privcmd < 0)
        die("/dev/xen: %s", strerror(errno));
}

unsigned device_front_state(const struct device *d)
{
    unsigned state = store_number(d->front, "state", XenbusStateUnknown);

    if (state == XenbusStateUnknown)
        die("the guest is gone");
    return state;
}

void device_state(const struct device *d, const char *state)
{
    store_write(d->back, "state", state);
}

bool device_wait_front(const struct device *d, unsigned states, unsigned ms)
{
    uint64_t end = now_ms() + ms;

    while ((states >> device_front_state(d) & 1) == 0) {
        if (now_ms() > end)
            return false;
        sleep_ms(10);
    }
    return true;
}

void device_connect(struct device *d)
{
    d->kind->connect(d);
    d->connected = true;
}

void device_disconnect(struct device *d)
{
    if (d->kept != NULL)
        memcpy(d->kept_was, d->kept, PAGE);
    if (d->connected)
        d->kind->disconnect(d);
    d->connected = false;
}

/* ---- pages and events ------------------------------------------------------------------------ */

void *device_map(struct device *d, const uint32_t *grefs, unsigned n, bool writable, uint64_t *at)
{
    union {
        struct ioctl_gntdev_map_grant_ref map;
        uint64_t room[sizeof(struct ioctl_gntdev_map_grant_ref) / sizeof(uint64_t) + MAP_MAX];
    } arg = {.map = {.count = n}};
    struct ioctl_gntdev_grant_ref *refs = arg.map.refs;
    void *pages;

    if (n > MAP_MAX)
        die("%u pages at once", n);
    for (unsigned i = 0; i < n; i++)
        refs[i] = (struct ioctl_gntdev_grant_ref){d->domid, grefs[i]};
    if (ioctl(d->gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &arg) < 0)
        die("gntdev: reference %u: %s", grefs[0], strerror(errno));
    pages = mmap(NULL, n * PAGE, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                 d->gntdev, (off_t)arg.map.index);
    if (pages == MAP_FAILED)
        die("gntdev: reference %u cannot be mapped: %s", grefs[0], strerror(errno));
    *at = arg.map.index;
    return pages;
}

void device_unmap(struct device *d, void *pages, unsigned n, uint64_t at)
{
    struct ioctl_gntdev_unmap_grant_ref unmap = {.index = at, .count = n};

    if (pages == NULL)
        return;
    munmap(pages, n * PAGE);
    (void)ioctl(d->gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap);
}

void device_keep(struct device *d, uint32_t gref, bool writable)
{
    d->kept = device_map(d, &gref, 1, writable, &d->kept_at);
}

bool device_release(struct device *d)
{
    bool same = d->kept == NULL || memcmp(d->kept, d->kept_was, PAGE) == 0;

    device_unmap(d, d->kept, 1, d->kept_at);
    d->kept = NULL;
    return same;
}

unsigned device_bind(struct device *d, unsigned remote)
{
    struct ioctl_evtchn_bind_interdomain bind = {d->domid, remote};
    int port = ioctl(d->evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);

    if (port < 0)
        die("evtchn: port %u of the guest's: %s", remote, strerror(errno));
    return (unsigned)port;
}

void device_unbind(struct device *d, unsigned *port)
{
    struct ioctl_evtchn_unbind unbind = {*port};

    if (*port != 0)
        (void)ioctl(d->evtchn, IOCTL_EVTCHN_UNBIND, &unbind);
    *port = 0;
}

void device_notify(struct device *d, unsigned port)
{
    struct ioctl_evtchn_notify notify = {port};

    (void)ioctl(d->evtchn, IOCTL_EVTCHN_NOTIFY, &notify); /* the guest may have closed it */
}

void device_storm(struct device *d, const unsigned *ports, unsigned n, unsigned events)
{
    static struct multicall_entry calls[STORM_MAX];
    static struct evtchn_send sends[STORM_MAX];
    privcmd_hypercall_t call = {__HYPERVISOR_multicall, {(uintptr_t)calls, events}};

    if (events > STORM_MAX || mlock(calls, sizeof(calls)) < 0 || mlock(sends, sizeof(sends)) < 0)
        die("%u events: %s", events, strerror(errno));
    for (unsigned i = 0; i < events; i++) {
        sends[i].port = ports[i % n];
        calls[i] = (struct multicall_entry){.op = __HYPERVISOR_event_channel_op,
                                            .args = {EVTCHNOP_send, (uintptr_t)&sends[i]}};
    }
    if (ioctl(d->privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0)
        die("privcmd: %s", strerror(errno));
    for (unsigned i = 0; i < events; i++)
        if (calls[i].result != 0)
            die("event %u of %u: %d", i, events, (int)calls[i].result);
}

/* ---- lies ------------------------------------------------------------------------------------ */

void tell_nothing(struct device *d)
{
    (void)d;
}

void tell_state_none(struct device *d)
{
    device_state(d, "99");
}

void tell_state_word(struct device *d)
{
    device_state(d, "connected");
}

void tell_initialising(struct device *d)
{
    device_state(d, "1");
}

void tell_init_wait(struct device *d)
{
    device_state(d, "2");
}

void tell_closed(struct device *d)
{
    device_state(d, "6");
}

void tell_connected_again(struct device *d)
{
    for (unsigned i = 0; i < 10; i++)
        device_state(d, "4");
}

void tell_reconfiguring(struct device *d)
{
    for (unsigned i = 0; i < 50; i++) {
        device_state(d, i % 2 != 0 ? "4" : "7");
        sleep_ms(2);
    }
    device_state(d, "4");
}

void tell_gone(struct device *d)
{
    store_rm(d->back);
    d->keys = NULL;
}
