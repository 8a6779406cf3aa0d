/* SPDX-License-Identifier: ISC */
/* vectors.S - entries of exceptions. They never come back. */
#include "asm.h"

        .arm

/* Into a struct armv7_trap_frame (trap.c) on the trap stack. lr_adjust: from the link register to
 * the instruction (ARM DDI 0406, table B1-7). */
        .macro  trap_entry label, vector, lr_adjust
\label: sub     sp, sp, #ARMV7_FRAME_BYTES
        stm     sp, {r0-r12}
        mov     r0, #\vector
        sub     r1, lr, #\lr_adjust
        b       trap_common
        .endm

        .section .text.armv7_vectors, "ax", %progbits
        .balign 32
        .globl  armv7_vectors
armv7_vectors:
        b       trap_reset
        b       trap_undefined
        b       trap_call
        b       trap_prefetch
        b       trap_data
        b       trap_hyp
        b       trap_irq
        b       trap_fiq

        trap_entry trap_reset, 0, 0
        trap_entry trap_undefined, 1, 4
        trap_entry trap_call, 2, 4      /* on the program's own stack: sp is told too low */
        trap_entry trap_prefetch, 3, 4
        trap_entry trap_data, 4, 8
        trap_entry trap_hyp, 5, 0
        trap_entry trap_irq, 6, 4
        trap_entry trap_fiq, 7, 4

trap_common:
        str     r0, [sp, #ARMV7_FRAME_VECTOR]
        str     r1, [sp, #ARMV7_FRAME_PC]
        mrs     r1, spsr
        str     r1, [sp, #ARMV7_FRAME_CPSR]
        /* sp and lr of the mode it came from; user mode's are seen from system mode. */
        and     r1, r1, #ARMV7_MODE_MASK
        cmp     r1, #ARMV7_MODE_USR
        moveq   r1, #ARMV7_MODE_SYS
        orr     r1, r1, #(ARMV7_PSR_I | ARMV7_PSR_F)
        mov     r0, sp
        mrs     r2, cpsr
        msr     cpsr_c, r1
        mov     r3, sp
        mov     r4, lr
        msr     cpsr_c, r2
        str     r3, [r0, #ARMV7_FRAME_SP]
        str     r4, [r0, #ARMV7_FRAME_LR]
        mov     fp, #0
        bic     sp, sp, #7
        bl      armv7_trap
        udf     #0

        .section .note.GNU-stack, "", %progbits
