/* SPDX-License-Identifier: ISC */
/* trap_entry.S - the exception vectors. They never come back: all registers into a struct
 * trap_frame (trap.c), on a stack of their own. */
#include "asm.h"

        .macro  vector number
        .balign 128
        msr     tpidr_el1, x0           /* the only register that we can spoil for a moment */
        mov     x0, sp
        msr     tpidrro_el0, x0
        adrp    x0, trap_stack_top
        mov     sp, x0
        sub     sp, sp, #TRAP_FRAME_BYTES
        mrs     x0, tpidr_el1
        stp     x0, x1, [sp]
        mov     x1, #\number
        b       trap_common
        .endm

        .text
        .balign 2048
        .globl  trap_vectors
trap_vectors:
        .set    i, 0
        .rept   16
        vector  i
        .set    i, i + 1
        .endr

        .balign 128
trap_common:
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x19, [sp, #144]
        stp     x20, x21, [sp, #160]
        stp     x22, x23, [sp, #176]
        stp     x24, x25, [sp, #192]
        stp     x26, x27, [sp, #208]
        stp     x28, x29, [sp, #224]
        mrs     x0, tpidrro_el0
        stp     x30, x0, [sp, #240]
        mrs     x0, elr_el1
        mrs     x2, spsr_el1
        stp     x0, x2, [sp, #256]
        str     x1, [sp, #272]
        mov     x0, sp
        mov     x29, xzr
        mov     x30, xzr
        bl      trap_handler
1:      wfi
        b       1b

        .section .bss.trap_stack, "aw", @nobits
        .balign 4096
        .skip   TRAP_STACK_BYTES
trap_stack_top:

        .section .note.GNU-stack, "", @progbits
