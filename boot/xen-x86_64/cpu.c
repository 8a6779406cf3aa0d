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
    uint32_t features = boot_get_mode()->cpuid(1, 0).ecx;

    /* SSE is on. AVX is usable by those who look (CPUID.OSXSAVE, then XGETBV): the checksum does.
     * In PV, Xen carries these instructions out for us. */
    if ((features & CPUID_1_ECX_XSAVE) != 0) {
        x86_set_cr4(x86_cr4() | CR4_OSXSAVE);
        x86_xsetbv(0, XCR0_X87 | XCR0_SSE | ((features & CPUID_1_ECX_AVX) != 0 ? XCR0_AVX : 0));
    }
    has_nx = boot_get_mode()->cpuid(0x80000000, 0).eax >= 0x80000001 &&
             (boot_get_mode()->cpuid(0x80000001, 0).edx & CPUID_81_EDX_NX) != 0;
}

bool cpu_has_nx(void)
{
    return has_nx;
}
