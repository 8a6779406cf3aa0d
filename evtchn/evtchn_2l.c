/* SPDX-License-Identifier: ISC */
/* evtchn_2l.c - the 2-level ABI: a selector word over 64 words of pending bits, and as many mask
 * bits (public/xen.h, struct shared_info).
 *
 * Theory of operation. For an event the hypervisor sets the port's pending bit; was it clear, and
 * is the port not masked, it sets the selector's bit for that word; was that clear, it sets
 * evtchn_upcall_pending. We look in the opposite order, and clear each level before looking at the
 * one below, so that what comes in between sets the upper level again. All words are changed by
 * both sides at any time: atomic operations only.
 */
#include "xen/hypercall.h"

#include <atomic.h>

#include "evtchn_priv.h"

#define WORD_BITS ((uint32_t)(sizeof(xen_ulong_t) * 8))
#define WORDS ARRAY_SIZE(((struct shared_info *)0)->evtchn_pending)
STATIC_ASSERT(sizeof(xen_ulong_t) == 8, "64 words of 64 bits");
STATIC_ASSERT(WORDS == 64 && WORDS * 64 == EVTCHN_PORTS_2L, "as many ports as evtchn.h says");

static uint64_t *pending_words(void)
{
    return (uint64_t *)xen_shared_info()->evtchn_pending;
}

static uint64_t *mask_words(void)
{
    return (uint64_t *)xen_shared_info()->evtchn_mask;
}

static int ensure(struct evtchn *ev UNUSED, evtchn_port_t port UNUSED)
{
    return 0;
}

static bool is_pending(const struct evtchn *ev UNUSED, evtchn_port_t port)
{
    return atomic_test_bit64(pending_words(), port);
}

static void mask(struct evtchn *ev UNUSED, evtchn_port_t port)
{
    atomic_set_bit64(mask_words(), port);
}

static bool unmask(struct evtchn *ev UNUSED, evtchn_port_t port)
{
    /* The store of the mask bit before the load of the pending bit (a locked operation is a full
     * barrier): the hypervisor sets pending, then looks at the mask. One of us sees the other. */
    if (!atomic_clear_bit64(mask_words(), port) || !atomic_test_bit64(pending_words(), port))
        return true;
    /* It came while masked. EVTCHNOP_unmask does nothing for a port that is not masked. */
    atomic_set_bit64(mask_words(), port);
    return false;
}

static void mask_all(struct evtchn *ev UNUSED)
{
    for (unsigned i = 0; i < WORDS; i++)
        __atomic_store_n(&mask_words()[i], UINT64_MAX, __ATOMIC_SEQ_CST);
}

/* A port that we cannot have: silence it. */
static void refuse(struct evtchn *ev, uint32_t port)
{
    ev->stats.out_of_range++;
    atomic_set_bit64(mask_words(), port);
    atomic_clear_bit64(pending_words(), port);
}

static uint32_t scan_word(struct evtchn *ev, uint32_t word)
{
    uint32_t seen = 0;
    uint64_t bits = __atomic_load_n(&pending_words()[word], __ATOMIC_SEQ_CST) &
                    ~__atomic_load_n(&mask_words()[word], __ATOMIC_SEQ_CST);
    if (bits == 0)
        ev->stats.spurious++;
    for (; bits != 0; bits &= bits - 1) {
        evtchn_port_t port = word * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
        if (port == 0 || port >= ev->ports) {
            refuse(ev, port);
            continue;
        }
        /* Cleared before it is counted: an event after this is another one. */
        atomic_clear_bit64(pending_words(), port);
        evtchn_seen(ev, port);
        seen++;
    }
    return seen;
}

/* One pass over the words that the selector names; that is at most EVTCHN_PORTS_2L events, whatever
 * comes meanwhile. It begins behind the word where the last pass began, so that none is always the
 * last. */
static bool scan(struct evtchn *ev, uint32_t budget UNUSED, uint32_t *seen)
{
    uint64_t *selector = (uint64_t *)&xen_shared_info()->vcpu_info[0].evtchn_pending_sel;
    uint64_t words = atomic_xchg64(selector, 0);
    uint32_t from = ev->scan_from;

    if (words == 0)
        ev->stats.spurious++;
    while (words != 0) {
        uint64_t later = words & (UINT64_MAX << from);
        uint32_t word = (uint32_t)__builtin_ctzll(later != 0 ? later : words);
        words &= ~(UINT64_C(1) << word);
        *seen += scan_word(ev, word);
        ev->scan_from = (word + 1) % (uint32_t)WORDS;
    }
    return false;
}

static const struct evtchn_ops ops = {
    .ensure = ensure,
    .is_pending = is_pending,
    .mask = mask,
    .unmask = unmask,
    .scan = scan,
    .mask_all = mask_all,
};

void evtchn_2l_init(struct evtchn *ev)
{
    ev->abi = EVTCHN_ABI_2L;
    ev->ops = &ops;
    ev->ports = u32_min(ev->conf.ports_max, EVTCHN_PORTS_2L);
    mask_all(ev);
}
