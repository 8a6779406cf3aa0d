/* SPDX-License-Identifier: ISC */
/* arch.h - the seam inside the ARM targets under Xen: what the 64-bit (boot/xen-arm64) and the
 * 32-bit part (boot/xen-arm32) supply, and what boot/xen-arm makes of it.
 *
 * Theory of operation. Interrupts are masked in the CPU from the first instruction to the last: a
 * WFI ends when an interrupt is pending, masked or not (ARM ARM D1.6.2, B1.8.14), and then
 * plat_wait acknowledges it at the interrupt controller. So there is no interrupt handler, no
 * register to save, and vector code may be used by anybody; the exception vectors only tell of
 * faults and end the domain.
 *
 * Start. The per-arch entry: vectors; .bss zeroed; the image mapped by its sections' rights with
 * the page below boot_stack and virtual page 0 as ARCH_NONE; MMU and caches on; then arm_main with
 * the stack at boot_stack_top. Nothing else is mapped then. */
#ifndef BOOT_XEN_ARM_ARCH_H
#define BOOT_XEN_ARM_ARCH_H

#include "boot/arm/memory.h"
#include "boot/common/bare/image.h"

/* ==== the per-arch part supplies ============================================================== */

/* ---- image.h, boot/arm/memory.h: the image, addresses and the MMU ---- */

/* ---- hypercalls ---- */

/* xen_hypercall() of <morgana/xen.h>: HVC #0xEA1, number in x16 / r12 (Xen's arch-arm.h). */

/* A call by the SMC convention: PSCI (ARM DEN 0022), for the case that there is no Xen. */
long arch_firmware(bool by_smc, uint32_t function);

/* ---- the generic timer, virtual ---- */

/* CNTVCT, ordered after everything before it. */
uint64_t arch_counter(void);
/* CNTFRQ, in Hz; 0 where nobody has set it. */
uint32_t arch_counter_hz(void);
/* The timer's interrupt becomes pending when the counter reaches `at`. */
void arch_timer_set(uint64_t at);
void arch_timer_off(void);

/* ---- the CPU interface of a GICv3, by system registers ---- */

/* System registers on, all priorities, group 1 enabled. */
void arch_icc_init(void);
/* ICC_IAR1: the number of the interrupt that is acknowledged; 1023: none. Ordered before what
 * follows. */
uint32_t arch_icc_acknowledge(void);
/* ICC_EOIR1: ended. */
void arch_icc_end(uint32_t interrupt);
/* MPIDR's affinity as GICR_TYPER has it: Aff3.Aff2.Aff1.Aff0, a byte each. */
uint32_t arch_affinity(void);

/* ---- exceptions ---- */

/* The vectors print what broke, the registers and a backtrace by bare_emergency(), and end the
 * domain as crashed. */

/* ---- the rest ---- */

/* Sleeps until an interrupt is pending (masked ones too): DSB, WFI. May return early. */
void arch_wait(void);
/* Stops for good. */
_Noreturn void arch_stop(void);
/* Every access before it is complete before what follows (DSB SY). */
void arch_sync(void);
/* A random number of the CPU's (RNDR). False: it has none, or none just now. */
bool arch_random(uint64_t *out);

/* ==== the shared part supplies ================================================================ */

/* ---- main.c ---- */

/* `fdt`: the physical address of the flattened device tree (x0, r2), believed nowhere. */
_Noreturn void arm_main(uint64_t fdt);

#endif
