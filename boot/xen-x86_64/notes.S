/* SPDX-License-Identifier: ISC */
/* notes.S - what the image says of itself to who boots it, and its stack.
 *
 * Multiboot's header is for GRUB inside an HVM guest.
 *
 * Xen's notes (public/elfnote.h): PHYS32_ENTRY is for PVH, the others for PV. VIRT_BASE and
 * PADDR_OFFSET 0: addresses in the file are virtual and pseudo-physical ones alike. There is no
 * HYPERCALL_PAGE: we execute the instruction ourselves.
 */
#include "asm.h"

        .macro  note_text type, text:vararg
        .balign 4
        .long   4, 2f - 1f, \type       /* name and descriptor in bytes */
        .asciz  "Xen"
1:      .asciz  \text
2:      .balign 4
        .endm

        .macro  note_number type, value
        .balign 4
        .long   4, 8, \type
        .asciz  "Xen"
        .quad   \value
        .endm

        /* In the first 8 KiB of the file. For loaders that know ELF: it has no addresses. */
        .section .text.multiboot, "ax", @progbits
        .balign 4
        .long   MULTIBOOT_HEADER, MULTIBOOT_FLAGS, -(MULTIBOOT_HEADER + MULTIBOOT_FLAGS)

        .section .note.morgana, "a", @note
        .balign 4
        .long   4, 4, 18                /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   pvh_entry
        note_number 1, pv_entry         /* ENTRY */
        note_number 3, 0                /* VIRT_BASE */
        note_number 4, 0                /* PADDR_OFFSET */
        note_text 5, "xen-3.0"          /* XEN_VERSION: of the interface; 4.x too */
        note_text 6, "Morgana"          /* GUEST_OS */
        note_text 8, "generic"          /* LOADER */
        note_number 14, 1               /* SUSPEND_CANCEL: SHUTDOWN_suspend may give 1 */

        /* The page below the stack is never mapped (memory.c): an overflow is a page fault, not
         * corruption. */
        .section .bss.boot_stack, "aw", @nobits
        .balign 4096
        .globl  boot_stack_guard, boot_stack, boot_stack_top
boot_stack_guard:
        .skip   4096
boot_stack:
        .skip   BOOT_STACK_BYTES
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
