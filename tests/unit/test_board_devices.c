/* SPDX-License-Identifier: ISC */
/* test_board_devices.c - the Cubieboard's serial port, timers and interrupt masks against devices
 * made of C. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "boot/cubieboard/calendar.c"
#include "boot/cubieboard/irq.c"
#include "boot/cubieboard/timer.c"
#include "boot/cubieboard/uart.c"

#define UART 0x1000u
#define TIMER 0x2000u
#define RTC 0x3000u
#define INTC 0x4000u
#define GIC 0x5000u
#define GIC_CPU 0x6000u

static struct board a10 = {.uart = UART,
                           .timer = TIMER,
                           .rtc = RTC,
                           .intc = INTC,
                           .irq_uart = 1,
                           .irq_timer = 22,
                           .irq_emac = 55,
                           .irq_mmc = 32,
                           .rtc_year = 2010,
                           .rtc_year_mask = 0x3f};

static struct {
    uint32_t reg[0x1000]; /* of all else, by address / 8 */
    uint64_t ticks;       /* 24 MHz */
    uint32_t ticks_a_read;
    char out[4096];
    size_t out_len;
    bool stuck;          /* the transmitter never has room */
    const uint8_t *in;   /* bytes that come, and how well each does */
    const uint32_t *how; /* NULL: well */
    size_t in_len;
    bool timeout; /* the port says "timeout" with nothing there */
} hw;

const struct board *board(void)
{
    return &a10;
}

static uint32_t *hw_reg(uintptr_t at)
{
    assert_true(at % 4 == 0 && at / 4 < ARRAY_SIZE(hw.reg) * 2);
    return &hw.reg[at / 4 % ARRAY_SIZE(hw.reg)];
}

static uint32_t hw_uart(unsigned reg)
{
    uint32_t byte;

    switch (reg) {
    case UART_LSR:
        hw.ticks += hw.ticks_a_read;
        return (hw.stuck ? 0 : UART_LSR_ROOM | UART_LSR_IDLE) |
               (hw.in_len > 0 ? UART_LSR_READY | (hw.how != NULL ? *hw.how : 0) : 0);
    case UART_IIR:
        return hw.timeout ? UART_IIR_TIMEOUT : 1;
    default:
        assert_int_equal(reg, UART_DATA);
        hw.timeout = false;
        if (hw.in_len == 0)
            return 0;
        byte = *hw.in++;
        hw.how += hw.how != NULL;
        hw.in_len--;
        return byte;
    }
}

uint32_t mmio_read(uintptr_t at)
{
    if (at >= UART && at < UART + 0x400)
        return hw_uart((unsigned)(at - UART));
    if (at == TIMER + TIMER_COUNT(COUNTER)) {
        hw.ticks += hw.ticks_a_read;
        return ~(uint32_t)hw.ticks;
    }
    return *hw_reg(at);
}

void mmio_write(uintptr_t at, uint32_t value)
{
    if (at == UART + UART_DATA) {
        assert_true(hw.out_len + 1 < sizeof(hw.out));
        hw.out[hw.out_len++] = (char)value;
        return;
    }
    *hw_reg(at) = value;
}

static int setup(void **state)
{
    (void)state;
    memset(&hw, 0, sizeof(hw));
    hw.ticks_a_read = 1;
    ring_in = ring_out = 0;
    request = PLAT_RUN;
    deaf = in_line = false;
    ticks = last = 0;
    timer_init();
    uart_init();
    return 0;
}

static void typed(const void *bytes, size_t n, const uint32_t *how)
{
    hw.in = bytes;
    hw.in_len = n;
    hw.how = how;
}

/* ---- serial port ---------------------------------------------------------------------------- */

static void test_lines_end_with_cr_lf(void **state)
{
    (void)state;
    plat_console_write(cs_of_str("a\nbc"));
    assert_string_equal(hw.out, "a\r\nbc");
    bare_console_end_line();
    bare_console_end_line();
    assert_string_equal(hw.out, "a\r\nbc\r\n");
}

/* What nobody takes is dropped, and only the first byte is waited for. */
static void test_a_stuck_port_holds_nobody(void **state)
{
    uint64_t before = plat_now_ns();

    (void)state;
    hw.stuck = true;
    for (int i = 0; i < 10000; i++)
        plat_console_write(cs_of_str("x"));
    assert_int_equal(hw.out_len, 0);
    assert_true(plat_now_ns() - before < 2 * ROOM_NS);
    before = plat_now_ns();
    bare_console_drain();
    assert_true(plat_now_ns() - before < 2 * DRAIN_NS);
    hw.stuck = false;
    plat_console_write(cs_of_str("y"));
    assert_string_equal(hw.out, "y");
}

static void test_keys_are_kept_in_order(void **state)
{
    (void)state;
    assert_int_equal(plat_console_read(), -E_AGAIN);
    typed("ab", 2, NULL);
    assert_true(uart_poll());
    assert_false(uart_poll());
    assert_int_equal(plat_console_read(), 'a');
    assert_int_equal(plat_console_read(), 'b');
    assert_int_equal(plat_console_read(), -E_AGAIN);
    typed("\xff", 1, NULL);
    assert_int_equal(plat_console_read(), 0xff);
}

static void test_keys_nobody_reads_are_dropped(void **state)
{
    uint8_t many[RING_BYTES + 40];

    (void)state;
    memset(many, 'k', sizeof(many));
    typed(many, sizeof(many), NULL);
    for (int i = 0; i < 10; i++)
        (void)uart_poll();
    for (unsigned i = 0; i < RING_BYTES; i++)
        assert_int_equal(plat_console_read(), 'k');
    assert_int_equal(plat_console_read(), -E_AGAIN);
}

/* A line that is never silent does not hold us. */
static void test_endless_input_is_bounded(void **state)
{
    static const uint8_t noise[100000];

    (void)state;
    typed(noise, sizeof(noise), NULL);
    assert_true(uart_poll());
    assert_int_equal(sizeof(noise) - hw.in_len, TAKE_MAX);
}

static void test_two_keys_are_the_operators(void **state)
{
    (void)state;
    typed("\x04", 1, NULL);
    assert_int_equal(plat_request(), PLAT_POWEROFF);
    assert_int_equal(plat_console_read(), -E_AGAIN);
    assert_int_equal(plat_request(), PLAT_POWEROFF);
    typed("\x12", 1, NULL);
    assert_int_equal(plat_request(), PLAT_REBOOT);
}

/* Parity, framing, break: whatever the byte looks like, nobody typed it. */
static void test_noise_is_no_key(void **state)
{
    static const uint32_t how[] = {0x04, 0x08, 0x10, 0};

    (void)state;
    typed("\x04\x12\x04z", 4, how);
    assert_true(uart_poll());
    assert_int_equal(plat_request(), PLAT_RUN);
    assert_int_equal(plat_console_read(), 'z');
}

/* The line would stay up, and no sleep be one. */
static void test_timeout_without_a_byte_is_read_away(void **state)
{
    (void)state;
    hw.timeout = true;
    assert_false(uart_poll());
    assert_false(hw.timeout);
    assert_int_equal(plat_console_read(), -E_AGAIN);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void test_clock_goes_on_where_the_counter_goes_round(void **state)
{
    uint64_t start = plat_now_ns();

    (void)state;
    hw.ticks_a_read = 0;
    start = plat_now_ns();
    for (unsigned s = 1; s <= 1000; s++) { /* five times round */
        hw.ticks += 24000000;
        assert_int_equal(plat_now_ns() - start, s * NS_PER_S);
    }
}

static void test_clock_never_goes_back(void **state)
{
    uint64_t before;

    (void)state;
    hw.ticks_a_read = 0;
    hw.ticks = 48000;
    before = plat_now_ns();
    hw.ticks = 47990; /* a counter read at an unlucky moment */
    assert_int_equal(plat_now_ns(), before);
    hw.ticks = 48024;
    assert_int_equal(plat_now_ns() - before, NS_PER_US);
}

static void test_wall_clock(void **state)
{
    (void)state;
    assert_int_equal(plat_wall_ns(), 0); /* an RTC that was never set */
    *hw_reg(RTC + RTC_DATE) = 2u << 16 | 2 << 8 | 29;
    *hw_reg(RTC + RTC_TIME) = 12u << 16 | 34 << 8 | 56;
    timer_init();
    hw.ticks_a_read = 0;
    assert_int_equal(plat_wall_ns() - plat_now_ns(), UINT64_C(1330518896) * NS_PER_S);
}

static void test_sleeper(void **state)
{
    (void)state;
    timer_set(NS_PER_MS);
    assert_int_equal(*hw_reg(TIMER + TIMER_INTERVAL(SLEEPER)), 24001);
    assert_int_equal(*hw_reg(TIMER + TIMER_CTL(SLEEPER)),
                     TIMER_RUN | TIMER_RELOAD | TIMER_24MHZ | TIMER_ONCE);
    timer_set(0);
    assert_int_equal(*hw_reg(TIMER + TIMER_INTERVAL(SLEEPER)), 1); /* 0 would be never */
    timer_set(NS_NEVER);
    assert_int_equal(*hw_reg(TIMER + TIMER_INTERVAL(SLEEPER)), 60u * 24000000 + 1);
    timer_off();
    assert_int_equal(*hw_reg(TIMER + TIMER_CTL(SLEEPER)) & TIMER_RUN, 0);
}

/* ---- interrupts ----------------------------------------------------------------------------- */

static void test_intc_lets_four_through(void **state)
{
    (void)state;
    irq_init();
    for (unsigned i = 0; i < INTC_REGISTERS; i++) {
        uint32_t wanted = i == 0   ? 1u << 1 | 1u << 22
                          : i == 1 ? 1u << (32 - 32) | 1u << (55 - 32)
                                   : 0;

        assert_int_equal(*hw_reg(INTC + INTC_ENABLE(i)), wanted);
        assert_int_equal(*hw_reg(INTC + INTC_MASK(i)), ~wanted);
    }
}

static void test_gic_lets_four_through(void **state)
{
    (void)state;
    a10.gic_dist = GIC;
    a10.gic_cpu = GIC_CPU;
    a10.irq_uart = 33;
    a10.irq_timer = 54;
    a10.irq_mmc = 96;
    a10.irq_emac = 87;
    irq_init();
    a10.gic_dist = 0;
    assert_int_equal(*hw_reg(GIC + GICD_CTLR), 1);
    assert_int_equal(*hw_reg(GIC_CPU + GICC_CTLR), 1);
    assert_int_equal(*hw_reg(GIC_CPU + GICC_PMR), 0xff);
    assert_int_equal(*hw_reg(GIC + 0x800 + 84), 0x01000000); /* 87: the fourth of its word */
    assert_int_equal(*hw_reg(GIC + 0x100 + 8), 1u << (87 - 64));
    assert_int_equal(*hw_reg(GIC + 0x100 + 12), 1u << (96 - 96));
    assert_int_equal(*hw_reg(GIC + 0x100 + 4) & (1u << (54 - 32)), 1u << (54 - 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lines_end_with_cr_lf, setup),
        cmocka_unit_test_setup(test_a_stuck_port_holds_nobody, setup),
        cmocka_unit_test_setup(test_keys_are_kept_in_order, setup),
        cmocka_unit_test_setup(test_keys_nobody_reads_are_dropped, setup),
        cmocka_unit_test_setup(test_endless_input_is_bounded, setup),
        cmocka_unit_test_setup(test_two_keys_are_the_operators, setup),
        cmocka_unit_test_setup(test_noise_is_no_key, setup),
        cmocka_unit_test_setup(test_timeout_without_a_byte_is_read_away, setup),
        cmocka_unit_test_setup(test_clock_goes_on_where_the_counter_goes_round, setup),
        cmocka_unit_test_setup(test_clock_never_goes_back, setup),
        cmocka_unit_test_setup(test_wall_clock, setup),
        cmocka_unit_test_setup(test_sleeper, setup),
        cmocka_unit_test_setup(test_intc_lets_four_through, setup),
        cmocka_unit_test_setup(test_gic_lets_four_through, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
