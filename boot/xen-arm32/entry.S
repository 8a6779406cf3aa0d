/* SPDX-License-Identifier: ISC */
/* entry.S - a zImage, as Linux's Documentation/arm/booting.rst has it, because that is what Xen's
 * tools load: r2 is the physical address of the device tree, MMU and data cache off, interrupts
 * masked. The image says that it runs anywhere; it is linked to a fixed address, and the MMU makes
 * up the difference (boot/armv7/start.S).
 */
        .arm

        .section .text.boot_entry, "ax", %progbits
        .globl  boot_entry
boot_entry:
        .rept   8
        mov     r0, r0
        .endr
        b       1f
        .long   0x016f2818              /* a zImage */
        .long   0                       /* runs anywhere */
        .long   boot_file_bytes         /* its end, from there */
        .long   0x04030201              /* little-endian */

        /* Where .bss ends, something else may already be: what loads us knows of the file only. And
         * the MMU moves by whole MiB. Neither can be helped: early.c says so. */
1:      adr     r4, boot_entry          /* load address */
        ldr     r5, =boot_image_end
        ldr     r6, =boot_image_start
        sub     r5, r5, r6              /* bytes in memory */
        adr     r0, text_small
        sub     r1, r2, r4              /* the tree, from here */
        cmp     r1, r5
        blo     2f
        adr     r0, text_place
        subs    r1, r4, r6              /* how far from where we were linked */
        lsls    r3, r1, #12
        bne     2f
        cmp     r1, #0
        beq     armv7_start
        add     r5, r5, #0x100000       /* both in whole MiB: they must not overlap */
        cmp     r1, r5
        blo     2f
        rsb     r3, r1, #0
        cmp     r3, r5
        bhs     armv7_start

2:      ldr     r1, =boot_early_stack_top
        add     r1, r1, r4
        sub     sp, r1, r6
        mov     fp, #0
        bl      boot_early_refuse
        udf     #0
        .ltorg

text_small:
        .ascii  "verdict: failure: too little memory: "
        .asciz  "the device tree lies where the image's .bss would be\r\n"
text_place:
        .ascii  "verdict: failure: loaded where it cannot run: "
        .asciz  "not at a multiple of 1 MiB from 0x8000\r\n"
        .balign 4

        /* Before .bss exists. */
        .section .data.boot_early, "aw", %progbits
        .balign 8
        .skip   512
boot_early_stack_top:

        .section .note.GNU-stack, "", %progbits
