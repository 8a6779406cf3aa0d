/* SPDX-License-Identifier: ISC */
/* silence.c - one request without an answer. */
#include "silence.h"

#include "platform/sim/sim.h"

static const struct xs *asked;
static uint64_t after;
static bool silent;

void silence_turn(void)
{
    bool now = asked->stats.requests - after <= 1;

    if (now != silent)
        sim_xs_stop(now); /* it is work: no time passes then */
    silent = now;
}

void silence_after(const struct xs *xs, uint64_t n)
{
    asked = xs;
    after = xs->stats.requests + n;
    silence_turn();
}

void silence_end(void)
{
    sim_xs_stop(silent = false);
}
