/* SPDX-License-Identifier: ISC */
/* wall.c - the wall clock, of shared info (Xen's public/xen.h): what time it was when Xen's system
 * time was 0.
 *
 * Xen writes while we read: a version that is odd, or that changed, means read again. Xen never
 * needs long, but a loop on another's word has a bound all the same. */
#include <morgana/xen.h>

#include "barrier.h"
#include "xenguest.h"

#include <xen/xen.h>

#define TRIES 10000
/* Earlier than this nobody has told Xen the time: then its clock began in 1970. */
#define WALL_MIN_S UINT64_C(1000000000)

uint64_t xenguest_wall_ns(void)
{
    const struct shared_info *shared = xen_shared_info();

    for (int i = 0; i < TRIES; i++) {
        uint32_t version = READ_ONCE(shared->wc_version), ns;
        uint64_t s;

        rmb(); /* the version before what it stands for */
        s = (uint64_t)READ_ONCE(shared->wc_sec_hi) << 32 | READ_ONCE(shared->wc_sec);
        ns = READ_ONCE(shared->wc_nsec);
        rmb(); /* what it stands for before the version */
        if ((version & 1) == 0 && version == READ_ONCE(shared->wc_version))
            return s < WALL_MIN_S || s > UINT64_MAX / NS_PER_S - 1 ? 0 : s * NS_PER_S + ns;
    }
    return 0;
}
