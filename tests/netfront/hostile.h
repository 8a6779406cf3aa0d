/* SPDX-License-Identifier: ISC */
/* hostile.h - a backend for netfront that is good now and then, and else does every wrong thing a
 * backend can do, as the dice fall.
 *
 * platform/sim/hostile.h lies too, to whole guests, over the simulator's netback, and knows no
 * driver. This one is worked by hand (peer.h) and looks into the driver's rings: so it knows of
 * each lie whether it is certain to be found out, and of each frame what must be in it.
 */
#ifndef TESTS_NETFRONT_HOSTILE_H
#define TESTS_NETFRONT_HOSTILE_H

#include "tests/netfront/peer.h"

#include "support.h"

#define HOSTILE_MAPS_MAX 64u

struct hostile {
    uint64_t rng;
    void (*receive)(void); /* the program takes what has come */
    struct {
        uint32_t gref;
        bool write;
    } map[HOSTILE_MAPS_MAX]; /* what it maps and does not say so */
    unsigned map_count;
    bool dirty;  /* since the device was opened it lied in a way that may spoil frames */
    bool expect; /* a lie that is certain to be found out stands in a ring */
    uint64_t lies;
};
extern struct hostile hostile;

/* ---- dice ------------------------------------------------------------------------------------ */

static inline uint32_t below(uint32_t n)
{
    return test_random_below(&hostile.rng, n);
}

static inline bool one_in(uint32_t n)
{
    return below(n) == 0;
}

static inline uint32_t word(void)
{
    return (uint32_t)test_random(&hostile.rng);
}

/* ---- what the backend does, while it is connected -------------------------------------------- */

/* Takes up to n frames, looks at their bytes, and answers. */
void hostile_good_tx(unsigned n);
/* Gives a frame. */
void hostile_good_rx(void);
/* One wrong thing, any of them. */
void hostile_lie(void);
/* Ends its mapping of map[i]. */
void hostile_let_go(unsigned i);

#endif
