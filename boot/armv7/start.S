/* SPDX-License-Identifier: ISC */
/* start.S - from whatever state a loader left the CPU in to C with MMU and caches on (armv7.h says
 * what the target brings). Nothing here may use an absolute address before the MMU is on: r11 is
 * load address minus link address.
 */
#include "asm.h"

        .arch_extension virt
        .arm

        .section .text.armv7_start, "ax", %progbits
        .reloc  0, R_ARM_NONE, __aeabi_ldiv0    /* ours (div0.c), not libgcc's */
        .globl  armv7_start
armv7_start:
        mov     r8, r0
        mov     r9, r1
        mov     r10, r2
        mrs     r0, cpsr
        and     r0, r0, #ARMV7_MODE_MASK
        cmp     r0, #ARMV7_MODE_HYP
        bleq    leave_hyp
        cpsid   aif, #ARMV7_MODE_SVC
        adr     r11, armv7_start
        ldr     r0, =armv7_start
        sub     r11, r11, r0

        /* MMU and caches off. Only if the data cache was on may it hold what memory does not: then
         * it is emptied. Off already means that the loader has done so; and under a hypervisor
         * upkeep by set and way would cost it a walk over all of the guest's memory. */
        mrc     p15, 0, r0, c1, c0, 0   /* SCTLR */
        ldr     r1, =(ARMV7_SCTLR_M | ARMV7_SCTLR_A | ARMV7_SCTLR_C | ARMV7_SCTLR_I | \
                      ARMV7_SCTLR_V | ARMV7_SCTLR_WXN | ARMV7_SCTLR_EE | ARMV7_SCTLR_TRE | \
                      ARMV7_SCTLR_AFE | ARMV7_SCTLR_TE)
        bic     r1, r0, r1
        mcr     p15, 0, r1, c1, c0, 0
        isb
        tst     r0, #ARMV7_SCTLR_C
        blne    armv7_dcache_clean_invalidate_all

        /* Cortex-A8 switches its level 2 on by ACTLR, which only secure state may write: a loader
         * that left secure state has done it. */
        mrc     p15, 0, r0, c0, c0, 0   /* MIDR */
        ubfx    r0, r0, #4, #12
        movw    r1, #ARMV7_PART_CORTEX_A8
        cmp     r0, r1
        bne     1f
        mrc     p15, 0, r0, c1, c0, 1   /* ACTLR */
        tst     r0, #ARMV7_ACTLR_A8_L2EN
        orreq   r0, r0, #ARMV7_ACTLR_A8_L2EN
        mcreq   p15, 0, r0, c1, c0, 1
        isb
1:
        /* The first table: all rights, by sections. Where other CPUs see our caches, shareable;
         * elsewhere that would mean uncached (Cortex-A8). */
        ldr     r4, =armv7_l1_early
        add     r4, r4, r11
        mov     r0, #0
        add     r1, r4, #ARMV7_L1_BYTES
        mov     r2, r4
2:      str     r0, [r2], #4
        cmp     r2, r1
        blo     2b
        ldr     r5, =(ARMV7_SECTION | ARMV7_SECTION_NORMAL | ARMV7_SECTION_AP_RW)
        orr     r6, r4, #(ARMV7_TTBR_RGN_WBWA | ARMV7_TTBR_C)
        mrc     p15, 0, r0, c0, c0, 5   /* MPIDR */
        tst     r0, #0x80000000
        orrne   r5, r5, #ARMV7_SECTION_S
        orrne   r6, r4, #(ARMV7_TTBR_RGN_WBWA | ARMV7_TTBR_S)
        orrne   r6, r6, #ARMV7_TTBR_IRGN_WBWA

        ldr     r0, =boot_image_start   /* the image, where it was linked */
        ldr     r1, =boot_image_end
        sub     r1, r1, #1
        bl      map_sections
        adr     r0, armv7_start         /* the code that switches the MMU on, where it is */
        lsr     r0, r0, #20
        orr     r1, r5, r0, lsl #20
        str     r1, [r4, r0, lsl #2]

        mov     r0, r4                  /* lines that were fetched before we wrote */
        add     r1, r4, #ARMV7_L1_BYTES
3:      mcr     p15, 0, r0, c7, c6, 1   /* DCIMVAC */
        add     r0, r0, #16             /* the least that a line can be in ARMv7 is 4 words */
        cmp     r0, r1
        blo     3b

        mov     r0, #0
        mcr     p15, 0, r0, c2, c0, 2   /* TTBCR: TTBR0 for all addresses, short descriptors */
        mcr     p15, 0, r6, c2, c0, 0   /* TTBR0 */
        mov     r0, #1
        mcr     p15, 0, r0, c3, c0, 0   /* DACR: domain 0 as its descriptors say */
        mov     r0, #0
        mcr     p15, 0, r0, c13, c0, 1  /* CONTEXTIDR */
        mcr     p15, 0, r0, c8, c7, 0   /* TLBIALL */
        mcr     p15, 0, r0, c7, c5, 0   /* ICIALLU */
        mcr     p15, 0, r0, c7, c5, 6   /* BPIALL */
        dsb
        isb
        mrc     p15, 0, r0, c1, c0, 0
        ldr     r1, =(ARMV7_SCTLR_M | ARMV7_SCTLR_C | ARMV7_SCTLR_I | ARMV7_SCTLR_Z)
        orr     r0, r0, r1
        mcr     p15, 0, r0, c1, c0, 0
        isb
        ldr     pc, =linked

linked: ldr     r0, =boot_bss_start
        ldr     r1, =boot_bss_end
        mov     r2, #0
4:      cmp     r0, r1
        strlo   r2, [r0], #4
        blo     4b
        ldr     r0, =armv7_vectors
        mcr     p15, 0, r0, c12, c0, 0  /* VBAR */
        ldr     r0, =armv7_trap_stack_top
        cps     #ARMV7_MODE_ABT
        mov     sp, r0
        cps     #ARMV7_MODE_UND
        mov     sp, r0
        cps     #ARMV7_MODE_IRQ
        mov     sp, r0
        cps     #ARMV7_MODE_FIQ
        mov     sp, r0
        cps     #ARMV7_MODE_SVC
        ldr     sp, =boot_stack_top
        ldr     r3, =boot_image_start
        add     r3, r3, r11
        mov     r0, r8
        mov     r1, r9
        mov     r2, r10
        mov     fp, #0                  /* a backtrace ends here */
        isb
        bl      boot_start
        udf     #0

/* Entries for the sections from virtual r0 to r1, both inclusive, at r11 from there. */
map_sections:
        lsr     r0, r0, #20
        lsr     r1, r1, #20
5:      add     r2, r11, r0, lsl #20
        orr     r2, r2, r5
        str     r2, [r4, r0, lsl #2]
        add     r0, r0, #1
        cmp     r0, r1
        bls     5b
        bx      lr

/* From HYP mode to SVC mode, with timer and counter left to us. */
leave_hyp:
        mov     r0, #0
        mcr     p15, 4, r0, c1, c1, 0   /* HCR: nothing is trapped */
        mcr     p15, 4, r0, c1, c1, 3   /* HSTR */
        mcrr    p15, 4, r0, r0, c14     /* CNTVOFF */
        mrc     p15, 4, r0, c14, c1, 0  /* CNTHCTL */
        orr     r0, r0, #3
        mcr     p15, 4, r0, c14, c1, 0
        mrc     p15, 0, r0, c0, c0, 0   /* MIDR */
        mcr     p15, 4, r0, c0, c0, 0   /* VPIDR */
        mrc     p15, 0, r0, c0, c0, 5   /* MPIDR */
        mcr     p15, 4, r0, c0, c0, 5   /* VMPIDR */
        msr     ELR_hyp, lr
        mov     r0, #(ARMV7_MODE_SVC | ARMV7_PSR_I | ARMV7_PSR_F)
        orr     r0, r0, #ARMV7_PSR_A
        msr     spsr_cxsf, r0
        eret

/* void armv7_dcache_clean_invalidate_all(void): every set and way of every level up to the point of
 * coherency (CLIDR's LoC). Uses r0 to r7 and ip, no memory. */
        .globl  armv7_dcache_clean_invalidate_all
        .type   armv7_dcache_clean_invalidate_all, %function
armv7_dcache_clean_invalidate_all:
        mov     ip, lr
        dmb
        mov     r0, #0                  /* level, times 2 */
1:      mrc     p15, 1, r1, c0, c0, 1   /* CLIDR */
        ubfx    r2, r1, #24, #3         /* LoC */
        cmp     r2, r0, lsr #1
        bls     5f
        add     r2, r0, r0, lsr #1      /* three bits a level: 2 and 3: unified, 4.. both */
        lsr     r2, r1, r2
        and     r2, r2, #7
        cmp     r2, #2
        blo     4f                      /* none, or instructions only */
        mcr     p15, 2, r0, c0, c0, 0   /* CSSELR */
        isb
        mrc     p15, 1, r1, c0, c0, 0   /* CCSIDR */
        and     r2, r1, #7
        add     r2, r2, #4              /* log2 of a line's bytes */
        ubfx    r3, r1, #3, #10         /* the last way */
        ubfx    r4, r1, #13, #15        /* the last set */
        clz     r5, r3                  /* ways stand at the top; one way: clz is 32, the shift 0 */
2:      lsl     r6, r3, r5
        orr     r6, r6, r0
        mov     r7, r4
3:      lsl     r1, r7, r2
        orr     r1, r1, r6
        mcr     p15, 0, r1, c7, c14, 2  /* DCCISW */
        subs    r7, r7, #1
        bge     3b
        subs    r3, r3, #1
        bge     2b
4:      add     r0, r0, #2
        b       1b
5:      mov     r0, #0
        mcr     p15, 2, r0, c0, c0, 0
        dsb
        isb
        bx      ip
        .ltorg

        .section .bss.boot_pages, "aw", %nobits
        .balign ARMV7_L1_BYTES
        .globl  armv7_l1, armv7_l1_early, armv7_l2
armv7_l2:
        .skip   ARMV7_L2_TABLES * ARMV7_L2_BYTES
armv7_l1_early:                         /* later the rest of armv7_l2 */
        .skip   ARMV7_L1_BYTES
armv7_l1:
        .skip   ARMV7_L1_BYTES

        /* The page below the stack is never mapped (mmu.c): an overflow is a data abort, not
         * corruption. */
        .section .bss.boot_stack, "aw", %nobits
        .balign 4096
        .globl  boot_stack_guard, boot_stack, boot_stack_top, armv7_trap_stack_top
boot_stack_guard:
        .skip   4096
boot_stack:
        .skip   ARMV7_STACK_BYTES
boot_stack_top:
        .skip   ARMV7_TRAP_STACK_BYTES
armv7_trap_stack_top:

        .section .note.GNU-stack, "", %progbits
