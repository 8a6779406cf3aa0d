/* SPDX-License-Identifier: ISC */
/* cpu.c - switches on what the CPU has and the program may use. */
#include "boot.h"
#include "x86.h"

#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_AVX (1u << 28)
#define CPUID_81_EDX_NX (1u << 20)

#define XCR0_X87 1u
#define XCR0_SSE 2u
#define XCR0_AVX 4u

static bool has_nx;

void cpu_init(void)
{
    uint32_t features = x86_cpuid(1, 0).ecx;

    /* SSE was switched on by entry.S. AVX is usable by those who look (CPUID.OSXSAVE, then
     * XGETBV): the checksum does. */
    if ((features & CPUID_1_ECX_XSAVE) != 0) {
        x86_set_cr4(x86_cr4() | CR4_OSXSAVE);
        x86_xsetbv(0, XCR0_X87 | XCR0_SSE | ((features & CPUID_1_ECX_AVX) != 0 ? XCR0_AVX : 0));
    }
    has_nx = x86_cpuid(0x80000000, 0).eax >= 0x80000001 &&
             (x86_cpuid(0x80000001, 0).edx & CPUID_81_EDX_NX) != 0;
    if (has_nx)
        x86_wrmsr(MSR_EFER, x86_rdmsr(MSR_EFER) | EFER_NXE);
}

bool cpu_has_nx(void)
{
    return has_nx;
}
