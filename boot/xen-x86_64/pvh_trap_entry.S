/* SPDX-License-Identifier: ISC */
/* pvh_trap_entry.S - entries of exceptions, and of the one interrupt there is; and what every
 * exception goes through, in PV too. */
#include "asm.h"

        .text
        .code64

/* Exceptions: all registers into a struct trap_frame (trap.c), error code 0 where the CPU pushes
 * none. They never come back. */
        .set    ERROR_CODES, 0x60227d00 /* vectors 8, 10 to 14, 17, 21, 29, 30 */
        .altmacro
        .macro  trap_entry vector
        .balign 16
        .if     (ERROR_CODES >> \vector) & 1
        .else
        pushq   $0
        .endif
        pushq   $\vector
        jmp     trap_common
        .endm

        .balign 16
        .globl  pvh_trap_entries            /* 16 bytes each */
pvh_trap_entries:
        .set    vector, 0
        .rept   32
        trap_entry %vector
        .set    vector, vector + 1
        .endr

        .globl  trap_common
trap_common:
        cld
        pushq   %r15
        pushq   %r14
        pushq   %r13
        pushq   %r12
        pushq   %r11
        pushq   %r10
        pushq   %r9
        pushq   %r8
        pushq   %rbp
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rcx
        pushq   %rbx
        pushq   %rax
        movq    %rsp, %rdi
        xorl    %ebp, %ebp
        andq    $-16, %rsp
        call    trap_handler
        ud2

/* The upcall: an event channel became pending while pvh_halt() slept. It only has to end the
 * sleep; the pending bits are the message, and plat_wait() looks at them. Interrupts stay off
 * after it: Xen would deliver it again and again while the domain has not looked. No register is
 * touched but those that IRETQ restores.
 *
 * STI holds interrupts back for one instruction, but what comes in between (an exit to the
 * hypervisor, an NMI) may end that. Then HLT has not been executed yet, and must not be: with
 * interrupts off it is how an x86 domain says that it ends. For the same reason an interrupt may
 * be delivered a second time before our first instruction; that one finds our own address as its
 * RIP and leaves it alone. Both were seen on QEMU's emulation of nested SVM, about once in a
 * thousand sleeps. */
        .balign 16
        .globl  pvh_upcall
pvh_upcall:
        cmpq    $pvh_hlt, (%rsp)
        jne     1f
        incq    (%rsp)                  /* HLT is one byte */
1:      andl    $~0x200, 16(%rsp)
        iretq

/* void pvh_halt(void): an interrupt that is due already ends HLT at once, or comes instead of
 * it. Nothing else runs with interrupts on. */
        .globl  pvh_halt
pvh_halt:
        sti
pvh_hlt:
        hlt
        cli
        ret

        .section .note.GNU-stack, "", @progbits
