/* SPDX-License-Identifier: ISC */
/* mem.S - memcpy and memset by eight registers at a time. Words may be unaligned (start.S leaves
 * SCTLR.A off, and all memory is normal); several at once, LDM and STM, may not. Upwards in steps
 * that read before they write: memmove (mem.c) relies on that where the source is at least 4 bytes
 * above.
 */
        .arm
        .syntax unified

        .section .text.memcpy, "ax", %progbits
        .balign 4
        .globl  memcpy
        .type   memcpy, %function
memcpy: cmp     r2, #16
        mov     ip, r0                  /* r0 is the result */
        blo     small
        push    {r4-r10, fp, lr}
        add     fp, sp, #32
        ands    r3, r0, #3
        beq     aligned
        rsb     r3, r3, #4              /* a word, then on from where the target is aligned */
        ldr     r4, [r1]
        str     r4, [ip]
        add     r1, r1, r3
        add     ip, ip, r3
        sub     r2, r2, r3
aligned:
        tst     r1, #3
        bne     crooked
        subs    r2, r2, #32
        blo     2f
1:      pld     [r1, #192]
        ldm     r1!, {r3-r10}
        subs    r2, r2, #32
        stm     ip!, {r3-r10}
        bhs     1b
2:      tst     r2, #16
        ldmne   r1!, {r3-r6}
        stmne   ip!, {r3-r6}
        b       rest

crooked:                                /* the source is not aligned */
        subs    r2, r2, #16
        blo     4f
3:      ldr     r3, [r1]
        ldr     r4, [r1, #4]
        ldr     r5, [r1, #8]
        ldr     r6, [r1, #12]
        add     r1, r1, #16
        pld     [r1, #192]
        subs    r2, r2, #16
        stm     ip!, {r3-r6}
        bhs     3b
4:
rest:   and     r2, r2, #15             /* the counts above are too low by 32 or 16 */
        pop     {r4-r10, fp, lr}
small:  tst     r2, #8
        beq     5f
        ldr     r3, [r1], #4
        str     r3, [ip], #4
        ldr     r3, [r1], #4
        str     r3, [ip], #4
5:      tst     r2, #4
        ldrne   r3, [r1], #4
        strne   r3, [ip], #4
        tst     r2, #2
        ldrhne  r3, [r1], #2
        strhne  r3, [ip], #2
        tst     r2, #1
        ldrbne  r3, [r1]
        strbne  r3, [ip]
        bx      lr
        .size   memcpy, . - memcpy

        .section .text.memset, "ax", %progbits
        .balign 4
        .globl  memset
        .type   memset, %function
memset: and     r1, r1, #255
        orr     r1, r1, r1, lsl #8
        orr     r1, r1, r1, lsl #16
        mov     ip, r0
        cmp     r2, #16
        blo     3f
        push    {r4-r8, fp, lr}
        add     fp, sp, #24
        ands    r3, r0, #3
        beq     1f
        rsb     r3, r3, #4
        str     r1, [ip]
        add     ip, ip, r3
        sub     r2, r2, r3
1:      mov     r3, r1
        mov     r4, r1
        mov     r5, r1
        mov     r6, r1
        mov     r7, r1
        mov     r8, r1
        mov     lr, r1
        subs    r2, r2, #32
        blo     4f
2:      subs    r2, r2, #32
        stm     ip!, {r1, r3-r8, lr}
        bhs     2b
4:      tst     r2, #16
        stmne   ip!, {r1, r3-r5}
        and     r2, r2, #15
        pop     {r4-r8, fp, lr}
3:      tst     r2, #8
        strne   r1, [ip], #4
        strne   r1, [ip], #4
        tst     r2, #4
        strne   r1, [ip], #4
        tst     r2, #2
        strhne  r1, [ip], #2
        tst     r2, #1
        strbne  r1, [ip]
        bx      lr
        .size   memset, . - memset

        .section .note.GNU-stack, "", %progbits
