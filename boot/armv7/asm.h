/* SPDX-License-Identifier: ISC */
/* asm.h - numbers that assembly and C share: the ARM Architecture Reference Manual, ARMv7-A and
 * ARMv7-R edition (ARM DDI 0406), sections B1.3 (modes), B3.5 (short descriptors), B4.1 (cp15). */
#ifndef ARMV7_ASM_H
#define ARMV7_ASM_H

#define ARMV7_MODE_MASK 0x1f
#define ARMV7_MODE_USR 0x10
#define ARMV7_MODE_FIQ 0x11
#define ARMV7_MODE_IRQ 0x12
#define ARMV7_MODE_SVC 0x13
#define ARMV7_MODE_ABT 0x17
#define ARMV7_MODE_HYP 0x1a
#define ARMV7_MODE_UND 0x1b
#define ARMV7_MODE_SYS 0x1f
#define ARMV7_PSR_F 0x40
#define ARMV7_PSR_I 0x80
#define ARMV7_PSR_A 0x100

/* SCTLR */
#define ARMV7_SCTLR_M 0x00000001   /* MMU */
#define ARMV7_SCTLR_A 0x00000002   /* alignment faults */
#define ARMV7_SCTLR_C 0x00000004   /* data cache */
#define ARMV7_SCTLR_Z 0x00000800   /* branch prediction */
#define ARMV7_SCTLR_I 0x00001000   /* instruction cache */
#define ARMV7_SCTLR_V 0x00002000   /* vectors at 0xffff0000 instead of VBAR */
#define ARMV7_SCTLR_WXN 0x00080000 /* what is writable is never executable */
#define ARMV7_SCTLR_EE 0x02000000  /* exceptions big-endian */
#define ARMV7_SCTLR_TRE 0x10000000 /* memory types by PRRR instead of by TEX, C, B */
#define ARMV7_SCTLR_AFE 0x20000000 /* AP[0] is an access flag */
#define ARMV7_SCTLR_TE 0x40000000  /* exceptions in Thumb */

#define ARMV7_ACTLR_A8_L2EN 0x2 /* Cortex-A8: the level 2 cache */
#define ARMV7_PART_CORTEX_A8 0xc08

/* First-level descriptors: a section of 1 MiB. Rights for PL1 only. */
#define ARMV7_SECTION 0x00000002
#define ARMV7_SECTION_B 0x00000004
#define ARMV7_SECTION_C 0x00000008
#define ARMV7_SECTION_XN 0x00000010
#define ARMV7_SECTION_AP_RW 0x00000400
#define ARMV7_SECTION_AP_RO 0x00008400
#define ARMV7_SECTION_TEX0 0x00001000
#define ARMV7_SECTION_S 0x00010000
/* Normal memory, write-back, write-allocate, inside and outside. */
#define ARMV7_SECTION_NORMAL (ARMV7_SECTION_TEX0 | ARMV7_SECTION_C | ARMV7_SECTION_B)

/* TTBR0: table walks through the caches. */
#define ARMV7_TTBR_RGN_WBWA 0x08
#define ARMV7_TTBR_S 0x02
#define ARMV7_TTBR_IRGN_WBWA 0x40 /* with the Multiprocessing Extensions */
#define ARMV7_TTBR_C 0x01         /* without */

#define ARMV7_L1_BYTES 0x4000 /* 4,096 entries, and their alignment */
#define ARMV7_L2_BYTES 0x400  /* 256 entries, and their alignment */
#define ARMV7_L2_TABLES 16    /* in .bss; the early table makes 16 more */

#define ARMV7_STACK_BYTES 0x10000 /* 64 KiB */
/* For traps only: they must not depend on the stack that failed. */
#define ARMV7_TRAP_STACK_BYTES 0x2000

/* struct armv7_trap_frame */
#define ARMV7_FRAME_SP 52
#define ARMV7_FRAME_LR 56
#define ARMV7_FRAME_PC 60
#define ARMV7_FRAME_CPSR 64
#define ARMV7_FRAME_VECTOR 68
#define ARMV7_FRAME_BYTES 72

#endif
