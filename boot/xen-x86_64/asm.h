/* SPDX-License-Identifier: ISC */
/* asm.h - numbers that assembly and C share: control registers, page table bits, selectors (Intel
 * SDM volume 3, chapters 2 to 6). */
#ifndef BOOT_ASM_H
#define BOOT_ASM_H

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000 /* read-only pages are so for us too */
#define CR0_PG 0x80000000

#define CR4_PAE 0x00000020
#define CR4_OSFXSR 0x00000200
#define CR4_OSXMMEXCPT 0x00000400
#define CR4_OSXSAVE 0x00040000

#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define EFER_NXE 0x800

#define PTE_PRESENT 0x001
#define PTE_WRITE 0x002
#define PTE_USER 0x004
#define PTE_ACCESSED 0x020
#define PTE_DIRTY 0x040
#define PTE_LARGE 0x080 /* in a directory: a page of 2 MiB */

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS 0x18

#define VECTOR_UPCALL 0x20 /* event channels */
#define VECTORS 0x21

/* Multiboot Specification 0.6.96, sections 3.1 and 3.2. */
#define MULTIBOOT_HEADER 0x1badb002
#define MULTIBOOT_LOADER 0x2badb002 /* in eax at the entry */
#define MULTIBOOT_FLAGS 0x00000003  /* modules on page boundaries; a memory map */

#define BOOT_STACK_BYTES 0x10000 /* 64 KiB */
#define TRAP_STACK_BYTES 0x2000  /* for traps only: they must not depend on the stack that failed */

#endif
