/* SPDX-License-Identifier: ISC */
/* reservation.c - XENMEM_decrease_reservation and XENMEM_populate_physmap: which frames the guest
 * does without. */
#include "reservation.h"

#include <morgana/err.h>
#include <morgana/xen.h>

#include <xen/memory.h>

static uint64_t gone[SIM_RESERVATION_MAX];
static uint32_t count, takes = UINT32_MAX, gives = UINT32_MAX;

void sim_reservation_reset(uint32_t takes_max, uint32_t gives_max)
{
    count = 0;
    takes = takes_max;
    gives = gives_max;
}

uint32_t sim_reservation_count(void)
{
    return count;
}

static uint32_t find(uint64_t frame)
{
    uint32_t i = 0;

    while (i < count && gone[i] != frame)
        i++;
    return i;
}

bool sim_reservation_has(uint64_t frame)
{
    return find(frame) < count;
}

static bool take(uint64_t frame)
{
    if (takes == 0 || count == SIM_RESERVATION_MAX || sim_reservation_has(frame))
        return false;
    takes--;
    gone[count++] = frame;
    return true;
}

static bool give(uint64_t frame)
{
    uint32_t i = find(frame);

    if (gives == 0 || i == count)
        return false;
    gives--;
    gone[i] = gone[--count];
    return true;
}

long sim_reservation_op(unsigned cmd, void *arg)
{
    const struct xen_memory_reservation *op = arg;
    xen_ulong_t done = 0;

    if (cmd != XENMEM_decrease_reservation && cmd != XENMEM_populate_physmap)
        return -E_NOSYS;
    if (op->domid != DOMID_SELF || op->extent_order != 0)
        return -E_PERM;
    for (; done < op->nr_extents; done++) {
        uint64_t frame = op->extent_start.p[done];

        if (!(cmd == XENMEM_populate_physmap ? give(frame) : take(frame)))
            break;
    }
    return (long)done;
}
