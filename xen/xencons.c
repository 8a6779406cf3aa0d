/* SPDX-License-Identifier: ISC */
/* xencons.c - the console ring: text out by partial writes, bytes in, and last words. */
#include <morgana/platform.h>
#include <morgana/xencons.h>

#include "xen/hypercall.h"

#include <xen/io/console.h>

#include <barrier.h>

#define OUT_BYTES ((uint32_t)sizeof(((struct xencons_interface *)0)->out))
#define IN_BYTES ((uint32_t)sizeof(((struct xencons_interface *)0)->in))

/* Yields of one wait for room: a bound that holds even where the clock stands still. */
#define YIELDS_MAX 10000u

static struct xencons_interface *ring_of(const struct xencons *cons)
{
    return cons->conf.ring;
}

int xencons_init(struct xencons *cons, const struct xencons_conf *conf)
{
    if (conf->ring == NULL)
        return -E_INVAL;
    *cons = (struct xencons){.conf = *conf};
    if (cons->conf.wait_ns == 0)
        cons->conf.wait_ns = 100 * NS_PER_MS;
    xencons_resume(cons, conf->ring, conf->port);
    return 0;
}

void xencons_resume(struct xencons *cons, void *ring, evtchn_port_t port)
{
    cons->conf.ring = ring;
    cons->conf.port = port;
    cons->out_prod = READ_ONCE(ring_of(cons)->out_prod);
    cons->in_cons = READ_ONCE(ring_of(cons)->in_cons);
    cons->stuck = false;
}

/* Bytes of room at `prod`; none where the indices cannot be. *lie says that. */
static uint32_t room(const struct xencons_interface *ring, uint32_t prod, bool *lie)
{
    uint32_t used = prod - READ_ONCE(ring->out_cons);
    *lie = used > OUT_BYTES;
    mb(); /* the load of out_cons before stores to the bytes it freed */
    return *lie ? 0 : OUT_BYTES - used;
}

/* Puts bytes, a CR before each LF, while there is room: never half of a CR LF. Returns the bytes of
 * `text` put, and moves *prod. */
static size_t put(struct xencons_interface *ring, uint32_t *prod, uint32_t space, struct cs_ro text)
{
    size_t done = 0;
    for (; done < text.len; done++) {
        uint8_t byte = text.base[done];
        uint32_t need = byte == '\n' ? 2 : 1;
        if (space < need)
            break;
        if (need == 2)
            ring->out[MASK_XENCONS_IDX((*prod)++, ring->out)] = '\r';
        ring->out[MASK_XENCONS_IDX((*prod)++, ring->out)] = (char)byte;
        space -= need;
    }
    wmb(); /* stores of the bytes before the store of out_prod */
    WRITE_ONCE(ring->out_prod, *prod);
    return done;
}

void xencons_write(struct xencons *cons, struct cs_ro text)
{
    struct xencons_interface *ring = ring_of(cons);
    uint64_t deadline = 0; /* of the wait that began at `since` */
    uint32_t yields = 0, since = 0;
    while (text.len != 0) {
        bool lie;
        uint32_t before = cons->out_prod, space = room(ring, before, &lie);
        size_t n = put(ring, &cons->out_prod, space, text);
        text = cs_shift(text, n);
        cons->stats.written += cons->out_prod - before;
        if (space >= OUT_BYTES / 2)
            cons->stuck = false;
        if (n != 0) {
            hypercall_evtchn_send(cons->conf.port);
            /* A reader that took less than a ring of text since then is waited for no longer. */
            if (cons->out_prod - since >= OUT_BYTES)
                deadline = 0;
            continue;
        }
        if (lie)
            cons->stats.broken++;
        if (deadline == 0 && !cons->stuck) {
            deadline = plat_now_ns() + cons->conf.wait_ns;
            since = cons->out_prod;
            yields = 0;
        }
        if (lie || cons->stuck || yields++ >= YIELDS_MAX || plat_now_ns() >= deadline) {
            cons->stuck = true;
            cons->stats.dropped += text.len;
            return;
        }
        hypercall_sched_yield();
    }
}

int xencons_read(struct xencons *cons)
{
    struct xencons_interface *ring = ring_of(cons);
    uint32_t prod = READ_ONCE(ring->in_prod), waiting = prod - cons->in_cons;
    if (waiting == 0)
        return -E_AGAIN;
    if (waiting > IN_BYTES) {
        /* It cannot be; what is in the ring is anybody's guess. */
        cons->stats.broken++;
        cons->in_cons = prod;
        WRITE_ONCE(ring->in_cons, prod);
        return -E_AGAIN;
    }
    rmb(); /* the load of in_prod before the load of the byte it announces */
    uint8_t byte = (uint8_t)READ_ONCE(ring->in[MASK_XENCONS_IDX(cons->in_cons, ring->in)]);
    mb(); /* the load of the byte before the store of in_cons that lets it be written over */
    WRITE_ONCE(ring->in_cons, ++cons->in_cons);
    cons->stats.read++;
    /* The writer may wait for room. */
    if (waiting == IN_BYTES || waiting == 1)
        hypercall_evtchn_send(cons->conf.port);
    return byte;
}

void xencons_emergency(struct cs_ro text)
{
    const struct xen_start *start = xen_start();
    struct xencons_interface *ring = start != NULL ? start->console_ring : NULL;

    hypercall_console_write(text.base, (unsigned)size_min(text.len, 4096));
    if (ring == NULL)
        return;
    uint32_t prod = READ_ONCE(ring->out_prod);
    for (uint32_t yields = 0; text.len != 0 && yields < YIELDS_MAX; yields++) {
        bool lie;
        size_t n = put(ring, &prod, room(ring, prod, &lie), text);
        text = cs_shift(text, n);
        if (n != 0 || yields % 1024 == 0)
            hypercall_evtchn_send(start->console_port);
        if (lie)
            return;
        if (n == 0)
            hypercall_sched_yield();
    }
}
