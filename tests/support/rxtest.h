/* SPDX-License-Identifier: ISC */
/* rxtest.h - a receiver without a peer, opened and closed around each test; each includes it
 * once. */
#ifndef TESTS_RXTEST_H
#define TESTS_RXTEST_H

#include "rxrig.h"

#include <cmocka.h>

static struct rxrig rig;

static UNUSED int open_rig(void **state)
{
    (void)state;
    rxrig_open(&rig, NULL);
    return 0;
}

static UNUSED int close_rig(void **state)
{
    (void)state;
    rxrig_close(&rig);
    return 0;
}

#endif
