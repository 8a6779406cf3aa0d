/* SPDX-License-Identifier: ISC */
/* ports.c - sleeping on several ports. */
#include <morgana/platform.h>

#include "port.h"

uint64_t ports_wait(struct port *ports, unsigned n, uint64_t deadline)
{
    uint64_t began = plat_now_ns();

    for (unsigned i = 0; i < n; i++) {
        if (ports[i].ops->arm(&ports[i]))
            return 0;
        deadline = u64_min(deadline, ports[i].ops->poll_at(&ports[i]));
    }
    plat_wait(deadline);
    return plat_now_ns() - began;
}
