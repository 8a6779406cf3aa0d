/* SPDX-License-Identifier: ISC */
/* fuzz_evtchn.c - both event-channel ABIs against shared memory that holds anything.
 *
 * Input: a byte, the ABI (and how many ports); then operations of five bytes on shared memory and
 * on ports. The arrays of counts and of event words are exactly as long as they must be, so a port
 * number that is not checked is seen by the sanitizer; one upcall does bounded work.
 */
#include <stdlib.h>

#include "support.h"

#include <morgana/evtchn.h>
#include <morgana/xen.h>

#include "simguest.h"

#include <xen/event_channel.h>
#include <xen/xen.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the bounds in evtchn.c come to: four scans of 4,096 events. */
#define UPCALL_MAX (4u * 4096u)

static struct evtchn ev;
static uint32_t *words, *control;

static void poke_fifo(uint8_t op, uint32_t word)
{
    uint32_t ports = ev.conf.fifo_pages * 1024;
    if (op % 3 == 0)
        words[word % ports] = (word >> 3) * 2654435761u;
    else if (op % 3 == 1)
        words[word % ports] = 5u << 29 | (word >> 16) % (ports + 2); /* pending, linked */
    else
        control[word % 18] = (word & 0x80) != 0 ? (word >> 8) % (ports + 2) : word;
}

static void poke_2l(uint8_t op, uint32_t word)
{
    struct shared_info *info = xen_shared_info();
    uint64_t bits = (uint64_t)word * 0x9e3779b97f4a7c15u;
    if (op % 3 == 0)
        info->evtchn_pending[word % 64] = bits;
    else if (op % 3 == 1)
        info->evtchn_mask[word % 64] = bits;
    else
        info->vcpu_info[0].evtchn_pending_sel = bits;
}

static void step(uint8_t op, uint32_t word)
{
    evtchn_port_t port = (word & 1) != 0 ? word : word % 64;
    switch (op % 8) {
    case 0:
    case 1:
    case 2:
        if (ev.abi == EVTCHN_ABI_FIFO)
            poke_fifo(op / 8, word);
        else
            poke_2l(op / 8, word);
        break;
    case 3:
        evtchn_mask(&ev, port);
        break;
    case 4:
        evtchn_unmask(&ev, port);
        break;
    case 5:
        evtchn_bind_ipi(&ev, 0, &port);
        break;
    case 6:
        (void)evtchn_is_pending(&ev, port);
        (void)evtchn_count(&ev, port);
        evtchn_send(&ev, port);
        break;
    default:
        xen_shared_info()->vcpu_info[0].evtchn_upcall_pending = (uint8_t)(word | 1);
        uint64_t events = ev.stats.events;
        uint32_t seen = evtchn_upcall(&ev);
        if (seen > UPCALL_MAX || ev.stats.events - events != seen)
            abort();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t word;
    if (size < 1)
        return 0;
    bool fifo = (data[0] & 1) != 0;
    uint32_t ports = 64u + (data[0] >> 1) * 16u, pages = (ports + 1023) / 1024;
    uint32_t *counts = malloc(ports * sizeof(*counts));
    control = aligned_alloc(4096, 4096);
    words = aligned_alloc(4096, pages * 4096);
    simguest_init(NULL);
    struct evtchn_conf conf = {.force_2l = !fifo,
                               .counts = counts,
                               .ports_max = ports,
                               .fifo_control = control,
                               .fifo_array = words,
                               .fifo_pages = pages};
    if (evtchn_init(&ev, &conf) != 0)
        abort();
    for (size_t at = 1; at + 5 <= size; at += 5) {
        memcpy(&word, data + at + 1, 4);
        step(data[at], word);
    }
    evtchn_fini(&ev);
    sim_fault_clear(); /* the simulator may well have noticed */
    simguest_fini();
    free(counts);
    free(control);
    free(words);
    return 0;
}
