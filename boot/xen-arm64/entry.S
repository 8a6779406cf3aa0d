/* SPDX-License-Identifier: ISC */
/* entry.S - from the boot protocol's entry to C with MMU and caches on.
 *
 * Linux's Documentation/arm64/booting.rst: x0 the physical address of the device tree, MMU and data
 * cache off, interrupts masked; the image anywhere at a multiple of 2 MiB. It is linked to address
 * 0, position-independent, and adds where it is to every address that it holds
 * (R_AARCH64_RELATIVE).
 *
 * With the MMU off memory is Device memory: accesses are aligned (the C files of this folder are
 * compiled so), and go past the cache. What we wrote is then dropped from the cache, which may have
 * fetched it before; nothing of ours can be dirty there.
 */
#include "asm.h"

        .section .text.boot_entry, "ax", @progbits
        .globl  boot_entry
        .hidden boot_image_end, boot_bss_start, boot_rela_start, boot_rela_end, boot_rodata_start
        .hidden arm_main, boot_early, trap_vectors
boot_entry:
        b       1f
        .long   0
        .quad   0                       /* text_offset: from a multiple of 2 MiB */
        .quad   boot_image_end - . + 16 /* how large, with .bss: we are 16 bytes behind its start */
        .quad   0xa                     /* little-endian, 4 KiB pages, anywhere in memory */
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .long   0

1:      msr     daifset, #0xf
        msr     spsel, #1
        mrs     x1, CurrentEL
        cmp     x1, #0x4                /* EL1 */
        b.ne    boot_stop               /* no guest: and our MMU setup would be another's */
        adrp    x1, trap_vectors
        add     x1, x1, :lo12:trap_vectors
        msr     vbar_el1, x1
        mov     x1, #CPACR_FPEN
        msr     cpacr_el1, x1
        isb
        mov     x19, x0
        adrp    x20, boot_entry

        /* .bss */
        adrp    x1, boot_bss_start
        adrp    x2, boot_image_end
2:      stp     xzr, xzr, [x1], #16
        cmp     x1, x2
        b.lo    2b

        /* Relocations: where, kind, address as linked. The linker script allows only this kind. */
        adrp    x1, boot_rela_start
        add     x1, x1, :lo12:boot_rela_start
        adrp    x2, boot_rela_end
        add     x2, x2, :lo12:boot_rela_end
3:      cmp     x1, x2
        b.hs    5f
        ldp     x3, x4, [x1], #16
        ldr     x5, [x1], #8
        cmp     w4, #1027               /* R_AARCH64_RELATIVE */
        b.ne    4f
        add     x5, x5, x20
        str     x5, [x3, x20]
        b       3b
4:      cbz     w4, 3b                  /* R_AARCH64_NONE */
        b       boot_stop

5:      adrp    x1, boot_stack_top
        mov     sp, x1
        mov     x29, xzr                /* a backtrace ends here */
        mov     x30, xzr
        bl      boot_early              /* the page tables: x0 TTBR0, x1 TCR */
        mov     x21, x0
        mov     x22, x1

        /* All that may have been written: relocated constants, data, .bss. */
        adrp    x0, boot_rodata_start
        adrp    x1, boot_image_end
        mrs     x2, ctr_el0
        ubfx    x2, x2, #16, #4         /* the smallest line of data caches, log2 of words */
        mov     x3, #4
        lsl     x3, x3, x2
        dsb     sy
6:      dc      ivac, x0
        add     x0, x0, x3
        cmp     x0, x1
        b.lo    6b
        ic      iallu
        dsb     sy

        mov     x0, #MAIR
        msr     mair_el1, x0
        msr     tcr_el1, x22
        msr     ttbr0_el1, x21
        isb
        tlbi    vmalle1
        dsb     sy
        isb
        ldr     w0, =(SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN)
        msr     sctlr_el1, x0
        isb
        mov     x0, x19
        bl      arm_main
        brk     #0

boot_stop:
        wfi
        b       boot_stop
        .ltorg

        .section .bss.boot_stack, "aw", @nobits
        .balign 4096
        .globl  boot_stack_guard, boot_stack, boot_stack_top
boot_stack_guard:
        .skip   4096
boot_stack:
        .skip   BOOT_STACK_BYTES
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
