/* SPDX-License-Identifier: ISC */
/* pv_entry.S - where Xen comes in, in PV: the start, exceptions, the upcall.
 *
 * Start (Xen's public/xen.h, "start-of-day memory layout"): 64-bit mode in ring 3, rsi the address
 * of struct start_info, rsp the top of a stack behind all that the domain builder made.
 */
#include "asm.h"

        .text
        .code64
        .globl  pv_entry
pv_entry:
        cld
        movq    %rsi, %rdi
        movq    %rsp, %rsi
        movl    $boot_stack_top, %esp
        xorl    %ebp, %ebp              /* a backtrace ends here */
        fninit
        ldmxcsr pv_mxcsr(%rip)
        call    pv_main
        ud2

/* Exceptions: what the CPU pushes, and on top of it rcx and r11. It all goes to the top of the trap
 * stack, as pvh_trap_entry.S would find it. */
        .set    ERROR_CODES, 0x60227d00 /* vectors 8, 10 to 14, 17, 21, 29, 30 */
        .altmacro
        .macro  trap_entry vector
        .balign 16
        popq    %rcx
        popq    %r11
        .if     (ERROR_CODES >> \vector) & 1
        .else
        pushq   $0
        .endif
        pushq   $\vector
        jmp     pv_trap_common
        .endm

        .balign 16
        .globl  pv_trap_entries         /* 16 bytes each */
pv_trap_entries:
        .set    vector, 0
        .rept   32
        trap_entry %vector
        .set    vector, vector + 1
        .endr

        .set    FRAME, 7 * 8            /* vector, error code, rip, cs, rflags, rsp, ss */
pv_trap_common:
        .set    offset, 0
        .rept   FRAME / 8
        popq    trap_stack + TRAP_STACK_BYTES - FRAME + offset
        .set    offset, offset + 8
        .endr
        movl    $(trap_stack + TRAP_STACK_BYTES - FRAME), %esp
        jmp     trap_common

/* The upcall: it only has to end SCHEDOP_block (wait.c). Xen has masked further ones; they stay
 * masked. Xen clears the privilege in the selector that it pushes, to say that we were in our
 * kernel: IRETQ wants the real one. */
        .balign 16
        .globl  pv_upcall
pv_upcall:
        popq    %rcx
        popq    %r11
        orl     $3, 8(%rsp)
        iretq

/* Xen could not load our segments: they are its own, so this is for somebody else. */
        .balign 16
        .globl  pv_failsafe
pv_failsafe:
        ud2

        .section .rodata.pv_mxcsr, "a", @progbits
        .balign 4
pv_mxcsr:
        .long   0x1f80                  /* the ABI's: no exceptions, round to nearest */

        .section .note.GNU-stack, "", @progbits
