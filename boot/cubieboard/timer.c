/* SPDX-License-Identifier: ISC */
/* timer.c - time: a counter that never goes back, a timer that wakes, a calendar.
 *
 * Theory of operation. Timer 1 counts down from 2^32 - 1 at 24 MHz, for ever; its 32 bits go round
 * in three minutes, and each look at it adds what has passed to 64 bits. plat_wait never sleeps
 * longer than a second, so some look comes in time. The A10's own 64-bit counter would be
 * simpler, but QEMU (to 10.0 at least) lets it count nanoseconds, where the chip counts 24 MHz.
 *
 * Timer 0 is the one-shot that ends a sleep.
 *
 * The RTC is read once, at the start: it has no more than seconds, QEMU's stands still, and
 * without its battery it is wrong anyhow.
 */
#include <morgana/platform.h>

#include "board.h"
#include "calendar.h"
#include "mmio.h"

#define TIMER_IRQ_ENABLE 0x00u
#define TIMER_IRQ_STATUS 0x04u /* write 1 to clear */
#define TIMER_CTL(n) (0x10u + 0x10u * (n))
#define TIMER_INTERVAL(n) (0x14u + 0x10u * (n))
#define TIMER_COUNT(n) (0x18u + 0x10u * (n))
#define TIMER_RUN 0x01u
#define TIMER_RELOAD 0x02u
#define TIMER_24MHZ 0x04u
#define TIMER_ONCE 0x80u
#define SLEEPER 0u
#define COUNTER 1u
#define RTC_DATE 0x04u
#define RTC_TIME 0x08u

#define TICKS_PER_US 24u
/* A timer that was stopped needs so many ticks before it may be started again. */
#define STOP_TICKS 3u
/* More than this since the last look is a step back, not three minutes. */
#define STEP_MAX 0xf0000000u

static uint64_t ticks, wall_at_start_ns;
static uint32_t last;

uint64_t timer_ticks(void)
{
    uint32_t now = ~mmio_read(board()->timer + TIMER_COUNT(COUNTER)), passed = now - last;

    if (passed < STEP_MAX) {
        ticks += passed;
        last = now;
    }
    return ticks;
}

void timer_init(void)
{
    const struct board *b = board();

    mmio_write(b->timer + TIMER_IRQ_ENABLE, 0);
    mmio_write(b->timer + TIMER_CTL(SLEEPER), TIMER_24MHZ);
    mmio_write(b->timer + TIMER_CTL(COUNTER), TIMER_24MHZ);
    for (unsigned i = 0; i < 1000; i++) /* longer than STOP_TICKS, and nothing to measure by yet */
        (void)mmio_read(b->timer + TIMER_COUNT(COUNTER));
    mmio_write(b->timer + TIMER_INTERVAL(COUNTER), UINT32_MAX);
    mmio_write(b->timer + TIMER_CTL(COUNTER), TIMER_RUN | TIMER_RELOAD | TIMER_24MHZ);
    mmio_write(b->timer + TIMER_IRQ_STATUS, UINT32_MAX);
    mmio_write(b->timer + TIMER_IRQ_ENABLE, 1u << SLEEPER);
    last = ~mmio_read(b->timer + TIMER_COUNT(COUNTER));
    wall_at_start_ns = calendar_ns(mmio_read(b->rtc + RTC_DATE), mmio_read(b->rtc + RTC_TIME),
                                   b->rtc_year, b->rtc_year_mask);
}

void timer_set(uint64_t ns)
{
    const uintptr_t timer = board()->timer;
    uint64_t from, count = u64_min(ns, 60 * NS_PER_S) * TICKS_PER_US / NS_PER_US + 1;

    mmio_write(timer + TIMER_CTL(SLEEPER), TIMER_24MHZ);
    for (from = timer_ticks(); timer_ticks() - from <= STOP_TICKS;)
        ;
    mmio_write(timer + TIMER_IRQ_STATUS, 1u << SLEEPER);
    mmio_write(timer + TIMER_INTERVAL(SLEEPER), (uint32_t)count);
    mmio_write(timer + TIMER_CTL(SLEEPER), TIMER_RUN | TIMER_RELOAD | TIMER_24MHZ | TIMER_ONCE);
}

void timer_off(void)
{
    mmio_write(board()->timer + TIMER_CTL(SLEEPER), TIMER_24MHZ);
    mmio_write(board()->timer + TIMER_IRQ_STATUS, 1u << SLEEPER);
}

uint64_t plat_now_ns(void)
{
    uint64_t t = timer_ticks();

    /* t * 1000 / 24, without an overflow before the year 2600 */
    return t / TICKS_PER_US * NS_PER_US + t % TICKS_PER_US * NS_PER_US / TICKS_PER_US;
}

uint64_t plat_wall_ns(void)
{
    return wall_at_start_ns == 0 ? 0 : wall_at_start_ns + plat_now_ns();
}
