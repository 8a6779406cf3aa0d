/* SPDX-License-Identifier: ISC */
/* cpu.c - what boot/xen-arm/arch.h asks of the CPU: calls into the hypervisor, the timer, the
 * interrupt controller's system registers, sleep. */
#include <morgana/xen.h>

#include "boot/armv7/armv7.h"
#include "boot/xen-arm/arch.h"

#include <xen/arch-arm.h>

STATIC_ASSERT(XEN_HYPERCALL_TAG == 0xea1, "the HVC instruction here");

long xen_hypercall(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                   unsigned long a4, unsigned long a5)
{
    register unsigned long r0 __asm__("r0") = a1;
    register unsigned long r1 __asm__("r1") = a2;
    register unsigned long r2 __asm__("r2") = a3;
    register unsigned long r3 __asm__("r3") = a4;
    register unsigned long r4 __asm__("r4") = a5;
    register unsigned long r12 __asm__("r12") = op;

    /* Xen may overwrite the arguments' registers; "memory" because it reads and writes what they
     * point to. */
    __asm__ volatile(".arch_extension virt\n\thvc #0xea1"
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r12)
                     :
                     : "memory");
    return (long)r0;
}

long arch_firmware(bool by_smc, uint32_t function)
{
    register unsigned long r0 __asm__("r0") = function;
    register unsigned long r1 __asm__("r1") = 0;
    register unsigned long r2 __asm__("r2") = 0;
    register unsigned long r3 __asm__("r3") = 0;

    if (by_smc)
        __asm__ volatile(".arch_extension sec\n\tsmc #0"
                         : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                         :
                         : "memory", "r12");
    else
        __asm__ volatile(".arch_extension virt\n\thvc #0"
                         : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                         :
                         : "memory", "r12");
    return (long)r0;
}

/* ---- the generic timer (ARM DDI 0406, B8) ---------------------------------------------------- */

#define TIMER_ENABLE 1u /* and not masked */

uint64_t arch_counter(void)
{
    uint64_t value;

    armv7_isb(); /* or it may be read early */
    __asm__ volatile("mrrc p15, 1, %Q0, %R0, c14" : "=r"(value) : : "memory"); /* CNTVCT */
    return value;
}

uint32_t arch_counter_hz(void)
{
    return ARMV7_CP15_READ(0, c14, c0, 0); /* CNTFRQ */
}

void arch_timer_set(uint64_t at)
{
    __asm__ volatile("mcrr p15, 3, %Q0, %R0, c14" : : "r"(at) : "memory"); /* CNTV_CVAL */
    ARMV7_CP15_WRITE(TIMER_ENABLE, 0, c14, c3,
                     1); /* CNTV_CTL; a hypervisor masks it when it fires */
    armv7_isb();
}

void arch_timer_off(void)
{
    ARMV7_CP15_WRITE(0, 0, c14, c3, 1);
    armv7_isb();
}

/* ---- the CPU interface of a GICv3 (ARM IHI 0069, chapter 12) --------------------------------- */

void arch_icc_init(void)
{
    ARMV7_CP15_WRITE(ARMV7_CP15_READ(0, c12, c12, 5) | 1, 0, c12, c12, 5); /* ICC_SRE */
    armv7_isb();
    ARMV7_CP15_WRITE(0xff, 0, c4, c6, 0); /* ICC_PMR: any priority */
    ARMV7_CP15_WRITE(1, 0, c12, c12, 7);  /* ICC_IGRPEN1 */
    armv7_isb();
}

uint32_t arch_icc_acknowledge(void)
{
    uint32_t interrupt = ARMV7_CP15_READ(0, c12, c12, 0); /* ICC_IAR1 */

    arch_sync();
    return interrupt;
}

void arch_icc_end(uint32_t interrupt)
{
    ARMV7_CP15_WRITE(interrupt, 0, c12, c12, 1); /* ICC_EOIR1 */
    armv7_isb();
}

uint32_t arch_affinity(void)
{
    return ARMV7_CP15_READ(0, c0, c0, 5) & 0xffffff; /* MPIDR */
}

/* ---- the rest -------------------------------------------------------------------------------- */

void arch_sync(void)
{
    armv7_dsb();
}

void arch_wait(void)
{
    armv7_wfi();
}

_Noreturn void arch_stop(void)
{
    armv7_stop();
}

bool arch_random(uint64_t *out)
{
    (void)out; /* ARMv7 has no such instruction */
    return false;
}
