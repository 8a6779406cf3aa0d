/* SPDX-License-Identifier: ISC */
/* axp209.c - the board's power controller, an AXP209 behind the first TWI (I2C) port, which the
 * loader has set up: it needs it to power memory. One register is written: "off".
 */
#include <morgana/platform.h>

#include "board.h"
#include "mmio.h"

#define TWI_DATA 0x08u
#define TWI_CTL 0x0cu
#define TWI_CTL_FLAG 0x08u /* something happened; the bus waits until it is written 0 */
#define TWI_CTL_STOP 0x10u
#define TWI_CTL_START 0x20u
#define TWI_CTL_ENABLE 0x40u
#define TWI_STATUS 0x10u
#define TWI_STARTED 0x08u
#define TWI_ADDRESS_TAKEN 0x18u
#define TWI_DATA_TAKEN 0x28u

#define AXP209_ADDRESS 0x34u
#define AXP209_POWER 0x32u
#define AXP209_POWER_OFF 0x80u
#define STEP_NS (10 * NS_PER_MS)
#define OFF_NS (2 * NS_PER_S)

/* Lets the port go on, and waits, within a bound, for what it says next. */
static bool step(uintptr_t twi, uint32_t command, uint32_t expected)
{
    uint64_t end = plat_now_ns() + STEP_NS;

    mmio_write(twi + TWI_CTL, TWI_CTL_ENABLE | command);
    while ((mmio_read(twi + TWI_CTL) & TWI_CTL_FLAG) == 0) {
        if (plat_now_ns() >= end)
            return false;
    }
    return mmio_read(twi + TWI_STATUS) == expected;
}

static bool send(uintptr_t twi, uint8_t byte, uint32_t expected)
{
    mmio_write(twi + TWI_DATA, byte);
    return step(twi, 0, expected);
}

const char *axp209_power_off(uintptr_t twi)
{
    bool taken = step(twi, TWI_CTL_START, TWI_STARTED) &&
                 send(twi, AXP209_ADDRESS << 1, TWI_ADDRESS_TAKEN) &&
                 send(twi, AXP209_POWER, TWI_DATA_TAKEN) &&
                 send(twi, AXP209_POWER_OFF, TWI_DATA_TAKEN);

    mmio_write(twi + TWI_CTL, TWI_CTL_ENABLE | TWI_CTL_STOP);
    if (!taken)
        return "no AXP209 answers: the power stays on";
    for (uint64_t end = plat_now_ns() + OFF_NS; plat_now_ns() < end;)
        ;
    return "the AXP209 was asked, and the power stays on";
}
