/* SPDX-License-Identifier: ISC */
/* timer.c - the hypercalls under plat_wait. */
#include "boot.h"
#include "xen/hypercall.h"

/* Without event channels nothing wakes us but time: look again this often. */
#define POLL_NS (10 * NS_PER_MS)

int timer_init(void)
{
    hypercall_vcpu_stop_periodic_timer(
        0); /* 100 Hz that nobody wants; absent where it is not running */
    return boot_get_mode()->set_upcall();
}

int timer_arm(uint64_t at_ns)
{
    return hypercall_vcpu_set_singleshot_timer(0, at_ns, 0);
}

void timer_sleep(uint64_t until_ns)
{
    hypercall_sched_poll(NULL, 0, u64_min(until_ns, clock_system_ns() + POLL_NS));
}
