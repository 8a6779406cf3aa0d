/* SPDX-License-Identifier: ISC */
/* evtchn_fifo.c - the FIFO ABI (public/event_channel.h; D. Vrabel, "FIFO-based Event Channel ABI",
 * xenbits).
 *
 * Theory of operation. Every port has an event word: PENDING, MASKED, LINKED, BUSY, and a LINK to
 * the next port. Words lie in pages that we add as port numbers grow. There are sixteen queues, one
 * a priority; a queue is a list through the LINK fields, and the control block has the head of each
 * and a word of READY bits.
 *
 * For an event the hypervisor sets PENDING; is the port neither masked nor LINKED, it sets LINKED
 * and either writes the port into the LINK of the queue's tail, or, where the tail is not LINKED
 * any more (the queue is empty), into the queue's head; then it sets the READY bit. We take the
 * head, clear its LINKED and LINK in one atomic operation, and take the old LINK as the next head;
 * 0 is the end. Where our copy of the head is 0 the queue was empty and its head stands in the
 * control block.
 *
 * The hypervisor sets BUSY while it writes the LINK of a word and does not want MASKED cleared: so
 * unmasking is a compare-and-exchange that expects BUSY clear. Links and heads are its data:
 * checked before they index anything.
 */
#include "xen/hypercall.h"

#include <atomic.h>
#include <barrier.h>

#include "evtchn_priv.h"

#define WORDS_PER_PAGE 1024u
#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED (1u << EVTCHN_FIFO_MASKED)
#define LINKED (1u << EVTCHN_FIFO_LINKED)
#define BUSY (1u << EVTCHN_FIFO_BUSY)

STATIC_ASSERT(EVTCHN_FIFO_NR_CHANNELS == EVTCHN_PORTS_FIFO, "as many ports as evtchn.h says");
STATIC_ASSERT(EVTCHN_FIFO_MAX_QUEUES == EVTCHN_PRIORITY_COUNT, "a queue a priority");

/* Tries of an atomic operation that the hypervisor's own changes can undo. */
#define TRIES 16u

static uint32_t *word_of(const struct evtchn *ev, evtchn_port_t port)
{
    return (uint32_t *)ev->conf.fifo_array + port;
}

static struct evtchn_fifo_control_block *control_of(const struct evtchn *ev)
{
    return ev->conf.fifo_control;
}

/* Is there an event word that the hypervisor knows? Then the port is below ev->ports too, but for
 * the last page. */
static bool has_word(const struct evtchn *ev, uint32_t port)
{
    return port < ev->ports && port / WORDS_PER_PAGE < ev->fifo_pages_added;
}

static int ensure(struct evtchn *ev, evtchn_port_t port)
{
    while (UNLIKELY(port / WORDS_PER_PAGE >= ev->fifo_pages_added)) {
        uint32_t *page = word_of(ev, ev->fifo_pages_added * WORDS_PER_PAGE);
        for (unsigned i = 0; i < WORDS_PER_PAGE; i++)
            page[i] = MASKED;
        int err = hypercall_evtchn_expand_array(virt_to_gfn(page));
        if (err != 0)
            return err;
        ev->fifo_pages_added++;
    }
    return 0;
}

static bool is_pending(const struct evtchn *ev, evtchn_port_t port)
{
    return has_word(ev, port) && (READ_ONCE(*word_of(ev, port)) & PENDING) != 0;
}

static void mask(struct evtchn *ev, evtchn_port_t port)
{
    atomic_fetch_or32(word_of(ev, port), MASKED);
}

static bool unmask(struct evtchn *ev, evtchn_port_t port)
{
    uint32_t *word = word_of(ev, port);
    uint32_t was = READ_ONCE(*word);
    for (unsigned i = 0; i < TRIES; i++) {
        if ((was & MASKED) == 0)
            return true;
        /* Pending: it came while masked and was not linked; only the hypervisor can link it. */
        if ((was & PENDING) != 0)
            return false;
        was &= ~BUSY;
        if (atomic_cmpxchg32(word, &was, was & ~MASKED))
            return true;
        cpu_relax();
    }
    /* It stays busy: the hypercall clears MASKED too. */
    return false;
}

static void mask_all(struct evtchn *ev)
{
    uint32_t n = u32_min(ev->ports, ev->fifo_pages_added * WORDS_PER_PAGE);
    for (uint32_t port = 0; port < n; port++)
        mask(ev, port);
}

/* Takes a port out of its queue: clears LINKED and LINK together. True: it was linked, and *next is
 * the old LINK. */
static bool take_link(struct evtchn *ev, uint32_t *word, uint32_t *next)
{
    uint32_t was = READ_ONCE(*word);
    for (unsigned i = 0; i < TRIES; i++) {
        if ((was & LINKED) == 0)
            return false;
        if (atomic_cmpxchg32(word, &was, was & ~(LINKED | ev->fifo_link_mask))) {
            *next = was & ev->fifo_link_mask;
            return true;
        }
    }
    return false; /* a word that changes without end is nobody's honest work */
}

/* Takes the next port of a queue. False: the queue is empty, or was nonsense. */
static bool consume(struct evtchn *ev, uint32_t queue, uint32_t *seen)
{
    evtchn_port_t port = ev->fifo_head[queue];
    uint32_t next = 0;

    if (port == 0) {
        rmb(); /* the load of READY before the load of the head that it announced */
        port = READ_ONCE(control_of(ev)->head[queue]);
    }
    ev->fifo_head[queue] = 0;
    if (port == 0 || !has_word(ev, port)) {
        ev->stats.out_of_range++;
        return false;
    }
    uint32_t *word = word_of(ev, port);
    if (!take_link(ev, word, &next)) {
        ev->stats.spurious++;
        return false;
    }
    ev->fifo_head[queue] = next;

    uint32_t is = READ_ONCE(*word);
    if ((is & PENDING) == 0 || (is & MASKED) != 0) {
        ev->stats.spurious++; /* masked, or closed, while it was in the queue */
    } else {
        /* Cleared before it is counted: an event after this is another one, and finds the port
         * unlinked. */
        atomic_fetch_and32(word, ~PENDING);
        evtchn_seen(ev, port);
        ++*seen;
    }
    return next != 0;
}

/* Highest priority first: READY is looked at anew after every event. */
static bool scan(struct evtchn *ev, uint32_t budget, uint32_t *seen)
{
    uint32_t *ready = &control_of(ev)->ready;
    uint32_t queues = EVTCHN_PRIORITY_COUNT;

    ev->fifo_ready |= atomic_xchg32(ready, 0);
    if (ev->fifo_ready == 0)
        ev->stats.spurious++;
    for (; ev->fifo_ready != 0 && budget != 0; budget--) {
        uint32_t queue = (uint32_t)__builtin_ctz(ev->fifo_ready);
        if (queue >= queues) {
            ev->fifo_ready = 0; /* no such queue */
            ev->stats.out_of_range++;
            break;
        }
        if (!consume(ev, queue, seen))
            ev->fifo_ready &= ~(1u << queue);
        if (READ_ONCE(*ready) != 0)
            ev->fifo_ready |= atomic_xchg32(ready, 0);
    }
    return ev->fifo_ready != 0;
}

static const struct evtchn_ops ops = {
    .ensure = ensure,
    .is_pending = is_pending,
    .mask = mask,
    .unmask = unmask,
    .scan = scan,
    .mask_all = mask_all,
};

int evtchn_fifo_init(struct evtchn *ev)
{
    uint8_t link_bits = 0;
    memset(ev->conf.fifo_control, 0, 4096);
    /* Whatever it does not like, the domain still has the 2-level ABI. */
    if (hypercall_evtchn_init_control(virt_to_gfn(ev->conf.fifo_control), 0, &link_bits) != 0)
        return -E_NOSYS;
    if (link_bits == 0 || link_bits > EVTCHN_FIFO_BUSY)
        return -E_PROTO;
    ev->abi = EVTCHN_ABI_FIFO;
    ev->ops = &ops;
    ev->ports = ev->conf.ports_max;
    ev->fifo_link_mask = (1u << link_bits) - 1;
    /* Nothing is queued, and it knows no event word: so too where the domain was resumed. */
    memset(ev->fifo_head, 0, sizeof(ev->fifo_head));
    ev->fifo_ready = 0;
    ev->fifo_pages_added = 0;
    /* The first page now, for the ports that the domain builder made. */
    return ensure(ev, 0);
}
