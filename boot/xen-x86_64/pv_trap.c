/* SPDX-License-Identifier: ISC */
/* pv_trap.c - traps and upcalls where Xen delivers them.
 *
 * Xen pushes what the CPU would, and two registers more, on the stack that is in use: there is no
 * other stack for traps in ring 3. Where that stack has overflowed, Xen finds no place either and
 * ends the domain itself, as crashed, with a line in its own log.
 */
#include "pv.h"
#include "pv_hypercall.h"

#define EXCEPTIONS 32u
#define NMI 2u
#define BREAKPOINT 3u
#define OVERFLOW 4u

void pv_set_traps(void)
{
    static struct trap_info traps[EXCEPTIONS + 1]; /* what ends the list is zero */
    unsigned n = 0;

    for (unsigned vector = 0; vector < EXCEPTIONS; vector++) {
        if (vector == NMI) /* has an entry of its own, and none comes */
            continue;
        traps[n] = (struct trap_info){
            .vector = (uint8_t)vector,
            .cs = FLAT_KERNEL_CS64,
            .address = (uintptr_t)pv_trap_entries + 16ul * vector,
        };
        TI_SET_DPL(&traps[n], vector == BREAKPOINT || vector == OVERFLOW ? 3 : 0);
        TI_SET_IF(&traps[n], 1); /* upcalls stay off */
        n++;
    }
    hypercall_set_trap_table(traps); /* refused: a trap ends the domain without a word of ours */
}

int pv_set_upcall(void)
{
    return hypercall_set_callbacks(pv_upcall, pv_failsafe);
}
