/* SPDX-License-Identifier: ISC */
/* entry.S - where the loader comes to: the image's first word. Linux's way to start a kernel
 * without a header of its own: r0 is 0, r1 a machine number that nobody needs, r2 the address of
 * ATAGs or of a device tree. A loader that knows nothing of that (QEMU with an ELF file) leaves
 * zeros.
 */
        .section .text.boot_entry, "ax", %progbits
        .arm
        .globl  boot_entry
boot_entry:
        b       armv7_start

        .section .note.GNU-stack, "", %progbits
