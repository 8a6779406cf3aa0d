/* SPDX-License-Identifier: ISC */
/* test_axp209.c - the message that switches the board off, against a TWI port made of C: it must
 * be that message and no other, and nothing may wait for ever. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "boot/cubieboard/axp209.c"

#define BASE 0x1000u

static struct {
    uint32_t ctl, status, data;
    uint8_t bus[8]; /* what was on the bus: address, register, value */
    unsigned bytes, stops;
    bool dead;        /* never says anything */
    unsigned refuses; /* the byte of this number is not taken; 0: all are */
} twi;
static uint64_t now_ns;

uint64_t plat_now_ns(void)
{
    return now_ns += NS_PER_US;
}

uint32_t mmio_read(uintptr_t at)
{
    return at == BASE + TWI_CTL ? twi.ctl : at == BASE + TWI_STATUS ? twi.status : 0;
}

void mmio_write(uintptr_t at, uint32_t value)
{
    if (at == BASE + TWI_DATA) {
        twi.data = value;
        return;
    }
    assert_int_equal(at, BASE + TWI_CTL);
    assert_true((value & TWI_CTL_ENABLE) != 0);
    twi.ctl = value;
    if (twi.dead)
        return;
    if ((value & TWI_CTL_STOP) != 0) {
        twi.stops++;
        return;
    }
    if ((value & TWI_CTL_START) != 0) {
        twi.status = TWI_STARTED;
    } else {
        assert_true(twi.bytes < sizeof(twi.bus));
        twi.bus[twi.bytes++] = (uint8_t)twi.data;
        twi.status = twi.bytes == 1 ? TWI_ADDRESS_TAKEN : TWI_DATA_TAKEN;
        if (twi.bytes == twi.refuses)
            twi.status += 8; /* "not acknowledged" */
    }
    twi.ctl |= TWI_CTL_FLAG;
}

static int setup(void **state)
{
    (void)state;
    memset(&twi, 0, sizeof(twi));
    return 0;
}

static void test_off_is_one_register(void **state)
{
    (void)state;
    assert_string_equal(axp209_power_off(BASE), "the AXP209 was asked, and the power stays on");
    assert_int_equal(twi.bytes, 3);
    assert_memory_equal(twi.bus, "\x68\x32\x80", 3);
    assert_int_equal(twi.stops, 1);
}

static void test_nobody_answers(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(setup(state), 0);
        twi.refuses = i;
        assert_string_equal(axp209_power_off(BASE), "no AXP209 answers: the power stays on");
        assert_int_equal(twi.bytes, i); /* and no more was said */
        assert_int_equal(twi.stops, 1);
    }
}

static void test_a_dead_port_is_left(void **state)
{
    uint64_t before = now_ns;

    (void)state;
    twi.dead = true;
    assert_string_equal(axp209_power_off(BASE), "no AXP209 answers: the power stays on");
    assert_true(now_ns - before < 2 * STEP_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_off_is_one_register, setup),
        cmocka_unit_test_setup(test_nobody_answers, setup),
        cmocka_unit_test_setup(test_a_dead_port_is_left, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
