/* SPDX-License-Identifier: ISC */
/* reservation.h - memory that the guest gives back to the hypervisor and takes again. Only numbers
 * are kept: the pages stay where they are in this process. */
#ifndef PLATFORM_SIM_RESERVATION_H
#define PLATFORM_SIM_RESERVATION_H

#include <morgana/base.h>

#define SIM_RESERVATION_MAX 8192u

/* XENMEM_decrease_reservation, XENMEM_populate_physmap; else -E_NOSYS. */
long sim_reservation_op(unsigned cmd, void *arg);

/* Nothing is given back; the next `takes` and `gives` pages are taken and given, then none are. */
void sim_reservation_reset(uint32_t takes, uint32_t gives);
/* Frames that the guest gave back and has not taken again; is this one of them? */
uint32_t sim_reservation_count(void);
bool sim_reservation_has(uint64_t frame);

#endif
