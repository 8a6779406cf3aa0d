/* SPDX-License-Identifier: ISC */
/* turn.c - the look at the world of a program that never sleeps. */
#include <morgana/start.h>

void start_turn(void)
{
    struct start *start = start_get();

    if (start->has_evtchn)
        evtchn_upcall(&start->ev);
}
