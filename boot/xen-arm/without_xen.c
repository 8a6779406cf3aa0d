/* SPDX-License-Identifier: ISC */
/* without_xen.c - the image was started on a machine where there is no Xen: nobody can be asked for
 * anything. A serial port that the tree names may say so, and the firmware may end the machine. */
#include "boot.h"

#define PL011_DR 0x00u
#define PL011_FR 0x18u
#define PL011_FR_FULL 0x20u
#define PL011_TRIES 100000

#define PSCI_SYSTEM_OFF UINT32_C(0x84000008) /* ARM DEN 0022, section 5.10 */

static void say(uint64_t uart, const char *text)
{
    volatile uint32_t *reg = arch_virt(uart);

    for (; *text != '\0'; text++) {
        for (int i = 0; i < PL011_TRIES && (reg[PL011_FR / 4] & PL011_FR_FULL) != 0; i++)
            ;
        reg[PL011_DR / 4] = (uint8_t)*text;
    }
}

_Noreturn void without_xen(const struct tree *tree)
{
    if (tree->uart.start % PAGE_BYTES == 0 && tree->uart.end > tree->uart.start &&
        tree->uart.end <= arch_phys_end && arch_map(tree->uart.start, PAGE_BYTES, ARCH_DEVICE))
        say(tree->uart.start, "morgana: this is no Xen domain: giving up\r\n");
    if (tree->has_psci)
        (void)arch_firmware(tree->psci_by_smc, PSCI_SYSTEM_OFF);
    arch_stop();
}
