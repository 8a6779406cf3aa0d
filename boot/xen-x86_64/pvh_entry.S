/* SPDX-License-Identifier: ISC */
/* pvh_entry.S - from Xen's PVH entry, or a Multiboot loader's, to C in long mode.
 *
 * Xen's docs/misc/pvh.pandoc: 32-bit protected mode, flat segments, paging off, interrupts off, ebx
 * the physical address of struct hvm_start_info. Multiboot's section 3.2: the same, but that ebx is
 * the address of its information and eax says so. Nothing is believed here: C checks it, where a
 * line can be printed. We identity-map the first 4 GiB by 2 MiB pages, all rights, for as long as
 * it takes C to build the real page tables (pvh_paging.c) in the same frames.
 */
#include "asm.h"

        .section .text.pvh_entry, "ax", @progbits
        .code32
        .globl  pvh_entry, multiboot_entry
multiboot_entry:                        /* a Multiboot loader, by the ELF header's entry point */
        movl    %eax, %esi
        jmp     1f
pvh_entry:
        xorl    %esi, %esi
1:      cld
        cli

        /* The page directories: 2,048 entries of 2 MiB. */
        movl    $boot_page_directories, %edi
        movl    $(PTE_PRESENT | PTE_WRITE | PTE_LARGE), %eax
        movl    $2048, %ecx
1:      movl    %eax, (%edi)
        movl    $0, 4(%edi)
        addl    $0x200000, %eax
        addl    $8, %edi
        loop    1b
        /* Four entries of the directory pointers, one of the top. The rest is zero: .bss. */
        movl    $(boot_page_directories + PTE_PRESENT + PTE_WRITE), %eax
        movl    $boot_page_pointers, %edi
        movl    $4, %ecx
2:      movl    %eax, (%edi)
        addl    $0x1000, %eax
        addl    $8, %edi
        loop    2b
        movl    $(boot_page_pointers + PTE_PRESENT + PTE_WRITE), boot_page_top

        movl    $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
        movl    %eax, %cr4
        movl    $boot_page_top, %eax
        movl    %eax, %cr3
        movl    $MSR_EFER, %ecx
        rdmsr
        orl     $EFER_LME, %eax
        wrmsr
        movl    $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
        movl    %eax, %cr0
        lgdt    boot_gdt_pointer
        ljmp    $SELECTOR_CODE, $pvh_entry64

        .code64
pvh_entry64:
        movl    $SELECTOR_DATA, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        movl    $boot_stack_top, %esp
        xorl    %ebp, %ebp              /* a backtrace ends here */
        fninit
        ldmxcsr boot_mxcsr(%rip)
        movl    %ebx, %edi
        call    pvh_main
        ud2

        .section .rodata.boot_gdt, "a", @progbits
        .balign 4
boot_mxcsr:
        .long   0x1f80                  /* the ABI's: no exceptions, round to nearest */
        .balign 8
boot_gdt_early:
        .quad   0
        .quad   0x00af9b000000ffff      /* SELECTOR_CODE: accessed already: this is read-only */
        .quad   0x00cf93000000ffff      /* SELECTOR_DATA */
boot_gdt_pointer:
        .word   . - boot_gdt_early - 1
        .long   boot_gdt_early
        .long   0

        .section .bss.boot_pages, "aw", @nobits
        .balign 4096
        .globl  boot_page_top, boot_page_pointers, boot_page_directories
boot_page_top:
        .skip   4096
boot_page_pointers:
        .skip   4096
boot_page_directories:
        .skip   4 * 4096

        .section .note.GNU-stack, "", @progbits
