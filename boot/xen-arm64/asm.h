/* SPDX-License-Identifier: ISC */
/* asm.h - numbers that assembly and C share (ARM ARM, chapter D13). */
#ifndef BOOT_XEN_ARM64_ASM_H
#define BOOT_XEN_ARM64_ASM_H

#define BOOT_STACK_BYTES 0x10000 /* 64 KiB */
#define TRAP_STACK_BYTES 0x2000  /* for traps only: they must not depend on the stack that failed */

/* struct trap_frame of trap.c */
#define TRAP_FRAME_BYTES 288

/* SCTLR_EL1: the bits that must be one; MMU, data cache, stack alignment, instruction cache, and
 * that what is writable is never executed, whatever the page tables say. */
#define SCTLR_RES1 0x30d00800
#define SCTLR_M 0x00000001
#define SCTLR_C 0x00000004
#define SCTLR_SA 0x00000008
#define SCTLR_I 0x00001000
#define SCTLR_WXN 0x00080000

#define CPACR_FPEN 0x00300000 /* vector registers are usable */

/* MAIR_EL1: 0 Normal, write-back; 1 Device-nGnRE. */
#define MAIR 0x04ff
#define MAIR_NORMAL 0
#define MAIR_DEVICE 1

/* TCR_EL1: 39 bits of address by TTBR0 (three levels of 4 KiB tables), walks through the cache,
 * inner shareable; no TTBR1. The size of physical addresses (IPS) is added. */
#define ADDRESS_BITS 39
#define TCR ((64 - ADDRESS_BITS) | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)

#endif
