/* SPDX-License-Identifier: ISC */
/* power.c - the end of the machine. */
#include <morgana/platform.h>

#include "board.h"
#include "boot/common/bare/bare.h"
#include "boot/armv7/armv7.h"
#include "mmio.h"

#define WATCHDOG_MODE 0x94u     /* of the timer */
#define WATCHDOG_MODE_BITE 0x3u /* enabled, resets the chip; the rest 0: after half a second */
#define WATCHDOG_NS (2 * NS_PER_S)

void power_init(void)
{
    mmio_write(board()->timer + WATCHDOG_MODE, 0); /* a loader may have left it running */
}

static const char *restart(void)
{
    uint64_t end = plat_now_ns() + WATCHDOG_NS;

    while (plat_now_ns() < end) /* again and again, as others found needful */
        mmio_write(board()->timer + WATCHDOG_MODE, WATCHDOG_MODE_BITE);
    return "the watchdog does not reset this machine";
}

_Noreturn void bare_shutdown(enum bare_shutdown reason)
{
    const char *why = "crashed";

    if (board() != NULL) {
        if (reason == BARE_REBOOT)
            why = restart();
        else if (reason == BARE_POWEROFF)
            why = axp209_power_off(board()->twi);
        bare_emergency("halted: %s\n", why);
        bare_console_drain();
    }
    armv7_stop();
}
