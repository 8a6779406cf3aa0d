/* SPDX-License-Identifier: ISC */
/* suspend.c - the guest's domain is saved and restored: what hypervisor and toolstack do meanwhile.
 *
 * The guest's memory is this process's, so it needs no saving. All else of the domain ends, and is
 * built anew. The new domain's number is the old one's here, but its backends' directories have
 * another: that number is all that a guest, which names its own keys by relative paths, can see.
 */
#include "sim_priv.h"

#define LAST_TURNS 16u /* of domain 0's, for what the guest did last: fewer than these */

void sim_suspend_cancel(bool cancelled)
{
    sim_state.cancel_suspends = cancelled;
}

void sim_suspend(bool cancelled)
{
    if (cancelled)
        return;
    for (uint32_t n = sim_state.conf.random ? sim_random(LAST_TURNS) : 0; n > 0; n--)
        sim_step();

    sim_console_drain();
    sim_blkback_lose();
    sim_netback_lose();
    sim_xs_fini();
    sim_gnttab_restore();
    sim_evtchn_init();
    sim_state.timer_at = NS_NEVER;
    sim_state.timer_period = 0;
    sim_state.work = 0;

    sim_state.lives++;
    sim_hv_init();
    sim_xs_init();
    sim_console_init();
    sim_store_restore();
    sim_netback_restore();
    sim_blkback_restore();
}
