/* SPDX-License-Identifier: ISC */
/* wait.c - plat_wait: sleep until a device, a key or a deadline.
 *
 * An interrupt line that is up before WFI ends it at once, so looking and sleeping need no lock.
 * The EMAC's and the SD host's lines are down when their arm has returned false, the UART's when
 * all was read, the timer's when it is set anew.
 */
#include <morgana/platform.h>

#include "board.h"
#include "boot/armv7/armv7.h"

#define SLEEP_MAX_NS NS_PER_S /* the clock and the PHY want to be looked at */

void plat_wait(uint64_t deadline_ns)
{
    uint64_t now = plat_now_ns();

    if (uart_poll() || now >= deadline_ns)
        return;
    timer_set(u64_min(u64_min(deadline_ns - now, blkdev_nap_ns()), SLEEP_MAX_NS));
    armv7_wfi();
    timer_off();
    (void)uart_poll();
}
