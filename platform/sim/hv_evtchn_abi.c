/* SPDX-License-Identifier: ISC */
/* hv_evtchn_abi.c - how the hypervisor shows events to the guest: the 2-level and the FIFO ABI
 * of public/event_channel.h.
 *
 * FIFO: each port has a word in pages that the guest gave, and there are sixteen queues, one a
 * priority. A queue is a list linked through the words. Its head is in the control block, where
 * the guest takes it; its tail is ours. The guest unlinks a word by clearing LINKED and the
 * link; a tail whose LINKED is clear means that the queue ran empty. Guest and hypervisor are
 * one thread here, so plain loads and stores do where Xen needs cmpxchg and BUSY.
 */
#include <string.h>

#include "hv_evtchn.h"

#define BIT(n) (1u << (n))
#define WORDS_A_PAGE 1024u

static struct shared_info *info(void)
{
    return sim_frame(SIM_FRAME_SHARED_INFO);
}

void sim_evtchn_abi_init(void)
{
    memset(sim_frame(SIM_FRAME_SHARED_INFO), 0, SIM_PAGE);
}

void sim_evtchn_abi_reset(void)
{
    sim_evtchn.fifo = false;
    sim_evtchn.control = NULL;
    sim_evtchn.array_pages = 0;
    memset(sim_evtchn.tail, 0, sizeof(sim_evtchn.tail));
}

static void upcall(void)
{
    WRITE_ONCE(info()->vcpu_info[0].evtchn_upcall_pending, 1);
}

bool sim_upcall_pending(void)
{
    return READ_ONCE(info()->vcpu_info[0].evtchn_upcall_pending) != 0;
}

/* ---- 2-level -------------------------------------------------------------------------------- */

static void select_2l(uint32_t port)
{
    unsigned long *selector = &info()->vcpu_info[0].evtchn_pending_sel;
    WRITE_ONCE(*selector, *selector | 1ul << (port / 64));
    upcall();
}

static void set_pending_2l(uint32_t port)
{
    unsigned long *pending = &info()->evtchn_pending[port / 64];
    unsigned long bit = 1ul << (port % 64);
    if ((*pending & bit) != 0)
        return;
    WRITE_ONCE(*pending, *pending | bit);
    if ((READ_ONCE(info()->evtchn_mask[port / 64]) & bit) == 0)
        select_2l(port);
}

/* ---- FIFO ----------------------------------------------------------------------------------- */

static event_word_t *word_of(uint32_t port)
{
    uint32_t page = port / WORDS_A_PAGE;
    return page < sim_evtchn.array_pages ? &sim_evtchn.array[page][port % WORDS_A_PAGE] : NULL;
}

/* Puts a port at the end of its priority's queue. */
static void link_fifo(uint32_t port, event_word_t *word)
{
    struct channel *c = &sim_evtchn.chan[port];
    if (c->last_priority != c->priority && sim_evtchn.tail[c->last_priority] == port)
        sim_evtchn.tail[c->last_priority] =
            0; /* it was the old queue's last: that one is empty now */
    c->last_priority = c->priority;

    uint32_t *tail = &sim_evtchn.tail[c->priority];
    bool linked = false;
    if (*tail != 0 && *tail != port) {
        event_word_t *last = word_of(*tail);
        if ((READ_ONCE(*last) & BIT(EVTCHN_FIFO_LINKED)) != 0) {
            WRITE_ONCE(*last, (*last & ~(event_word_t)EVTCHN_FIFO_LINK_MASK) | port);
            linked = true;
        }
    }
    WRITE_ONCE(*word, *word | BIT(EVTCHN_FIFO_LINKED));
    if (!linked)
        WRITE_ONCE(sim_evtchn.control->head[c->priority], port);
    *tail = port;

    uint32_t ready = READ_ONCE(sim_evtchn.control->ready);
    WRITE_ONCE(sim_evtchn.control->ready, ready | BIT(c->priority));
    if ((ready & BIT(c->priority)) == 0)
        upcall();
}

static void set_pending_fifo(uint32_t port)
{
    event_word_t *word = word_of(port);
    if (word == NULL) {
        sim_evtchn.chan[port].lost = true; /* delivered when the guest gives the page */
        return;
    }
    WRITE_ONCE(*word, *word | BIT(EVTCHN_FIFO_PENDING));
    if ((READ_ONCE(*word) & (BIT(EVTCHN_FIFO_MASKED) | BIT(EVTCHN_FIFO_LINKED))) == 0)
        link_fifo(port, word);
}

long sim_evtchn_init_control(void *arg)
{
    struct evtchn_init_control *op = arg;
    if (op->vcpu != 0)
        return -E_NOENT;
    if (op->offset > SIM_PAGE - sizeof(struct evtchn_fifo_control_block) || op->offset % 8 != 0)
        return -E_INVAL;
    uint8_t *page = sim_gfn_page(op->control_gfn);
    if (page == NULL || sim_evtchn.control != NULL)
        return -E_INVAL;
    sim_evtchn.control = (void *)(page + op->offset);
    sim_evtchn.fifo = true;
    op->link_bits = EVTCHN_FIFO_LINK_BITS;
    for (uint32_t p = 1; p < sim_evtchn.ports_seen && p < 4096; p++) {
        if ((info()->evtchn_pending[p / 64] >> (p % 64) & 1) != 0)
            sim_evtchn.chan[p].lost = true;
    }
    return 0;
}

long sim_evtchn_expand_array(void *arg)
{
    struct evtchn_expand_array *op = arg;
    if (!sim_evtchn.fifo)
        return -95; /* EOPNOTSUPP: no control block yet */
    if (sim_evtchn.array_pages == FIFO_PAGES)
        return -E_NOSPC;
    uint8_t *page = sim_gfn_page(op->array_gfn);
    if (page == NULL)
        return -E_INVAL;
    uint32_t first = sim_evtchn.array_pages * WORDS_A_PAGE;
    sim_evtchn.array[sim_evtchn.array_pages++] = (void *)page;
    for (uint32_t p = first; p < first + WORDS_A_PAGE; p++) {
        if (sim_evtchn.chan[p].lost) {
            sim_evtchn.chan[p].lost = false;
            set_pending_fifo(p);
        }
    }
    return 0;
}

/* ---- both ----------------------------------------------------------------------------------- */

void sim_evtchn_set_pending(uint32_t port)
{
    if (sim_evtchn.fifo)
        set_pending_fifo(port);
    else
        set_pending_2l(port);
}

void sim_evtchn_clear_pending(uint32_t port)
{
    sim_evtchn.chan[port].lost = false;
    if (!sim_evtchn.fifo) {
        if (port < 4096)
            info()->evtchn_pending[port / 64] &= ~(1ul << (port % 64));
        return;
    }
    event_word_t *word = word_of(port);
    if (word != NULL)
        WRITE_ONCE(*word, *word & ~BIT(EVTCHN_FIFO_PENDING));
}

void sim_evtchn_unmask(uint32_t port)
{
    if (!sim_evtchn.fifo) {
        unsigned long bit = 1ul << (port % 64);
        unsigned long *mask = &info()->evtchn_mask[port / 64];
        if ((*mask & bit) == 0)
            return;
        WRITE_ONCE(*mask, *mask & ~bit);
        if ((READ_ONCE(info()->evtchn_pending[port / 64]) & bit) != 0)
            select_2l(port);
        return;
    }
    event_word_t *word = word_of(port);
    if (word == NULL)
        return;
    WRITE_ONCE(*word, *word & ~BIT(EVTCHN_FIFO_MASKED));
    if ((READ_ONCE(*word) & BIT(EVTCHN_FIFO_PENDING)) != 0)
        set_pending_fifo(port);
}
