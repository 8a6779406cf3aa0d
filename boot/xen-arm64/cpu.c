/* SPDX-License-Identifier: ISC */
/* cpu.c - what arch.h asks of the CPU: calls into the hypervisor, the timer, the interrupt
 * controller's system registers, sleep. */
#include "cpu.h"

#include <morgana/xen.h>

#include "boot/xen-arm/arch.h"

#include <xen/arch-arm.h>

STATIC_ASSERT(XEN_HYPERCALL_TAG == 0xea1, "the HVC instructions here");

long xen_hypercall(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                   unsigned long a4, unsigned long a5)
{
    register unsigned long x0 __asm__("x0") = a1;
    register unsigned long x1 __asm__("x1") = a2;
    register unsigned long x2 __asm__("x2") = a3;
    register unsigned long x3 __asm__("x3") = a4;
    register unsigned long x4 __asm__("x4") = a5;
    register unsigned long x16 __asm__("x16") = op;

    /* Xen may overwrite the arguments' registers; "memory" because it reads and writes what they
     * point to. */
    __asm__ volatile("hvc #0xea1"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x16)
                     :
                     : "memory");
    return (long)x0;
}

long arch_firmware(bool by_smc, uint32_t function)
{
    register unsigned long x0 __asm__("x0") = function;
    register unsigned long x1 __asm__("x1") = 0;
    register unsigned long x2 __asm__("x2") = 0;
    register unsigned long x3 __asm__("x3") = 0;

    if (by_smc)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    else
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return (long)x0;
}

/* ---- the generic timer ----------------------------------------------------------------------- */

#define TIMER_ENABLE 1u /* and not masked */

uint64_t arch_counter(void)
{
    cpu_isb(); /* or it may be read early */
    return cpu_read(cntvct_el0);
}

uint32_t arch_counter_hz(void)
{
    return (uint32_t)cpu_read(cntfrq_el0);
}

void arch_timer_set(uint64_t at)
{
    cpu_write(cntv_cval_el0, at);
    cpu_write(cntv_ctl_el0, TIMER_ENABLE); /* a hypervisor masks it when it fires */
    cpu_isb();
}

void arch_timer_off(void)
{
    cpu_write(cntv_ctl_el0, 0);
    cpu_isb();
}

/* ---- the CPU interface of a GICv3, by its encodings ------------------------------------------ */

void arch_icc_init(void)
{
    cpu_write(S3_0_C12_C12_5, cpu_read(S3_0_C12_C12_5) | 1); /* ICC_SRE_EL1: system registers */
    cpu_isb();
    cpu_write(S3_0_C4_C6_0, 0xff); /* ICC_PMR_EL1: any priority */
    cpu_write(S3_0_C12_C12_7, 1);  /* ICC_IGRPEN1_EL1 */
    cpu_isb();
}

uint32_t arch_icc_acknowledge(void)
{
    uint32_t interrupt = (uint32_t)cpu_read(S3_0_C12_C12_0); /* ICC_IAR1_EL1 */

    arch_sync();
    return interrupt;
}

void arch_icc_end(uint32_t interrupt)
{
    cpu_write(S3_0_C12_C12_1, interrupt); /* ICC_EOIR1_EL1 */
    cpu_isb();
}

uint32_t arch_affinity(void)
{
    uint64_t mpidr = cpu_read(mpidr_el1);

    return (uint32_t)((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff));
}

/* ---- the rest -------------------------------------------------------------------------------- */

void arch_sync(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

void arch_wait(void)
{
    __asm__ volatile("dsb sy; wfi" : : : "memory");
}

_Noreturn void arch_stop(void)
{
    for (;;)
        arch_wait();
}

bool arch_random(uint64_t *out)
{
    bool ok;

    if ((cpu_read(id_aa64isar0_el1) >> 60 & 15) == 0) /* RNDR */
        return false;
    __asm__ volatile("mrs %0, s3_3_c2_c4_0; cset %w1, ne" : "=r"(*out), "=r"(ok) : : "cc");
    return ok;
}
