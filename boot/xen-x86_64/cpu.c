/* SPDX-License-Identifier: ISC */
/* cpu.c - switches on what the CPU has and the program may use; its random numbers. */
#include "boot.h"
#include "x86.h"

#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_AVX (1u << 28)
#define CPUID_81_EDX_NX (1u << 20)

#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_7_EBX_RDSEED (1u << 18)

#define XCR0_X87 1u
#define XCR0_SSE 2u
#define XCR0_AVX 4u

/* Intel's guide to its random number generator: RDRAND fails at most 10 times on end, RDSEED may
 * be drained for long. */
#define RDRAND_TRIES 10
#define RDSEED_TRIES 1000

static bool has_nx, has_rdseed, has_rdrand;

void cpu_init(void)
{
    struct cpuid (*cpuid)(uint32_t, uint32_t) = boot_get_mode()->cpuid;
    uint32_t features = cpuid(1, 0).ecx;

    /* SSE is on. AVX is usable by those who look (CPUID.OSXSAVE, then XGETBV): the checksum does.
     * In PV, Xen carries these instructions out for us. */
    if ((features & CPUID_1_ECX_XSAVE) != 0) {
        x86_set_cr4(x86_cr4() | CR4_OSXSAVE);
        x86_xsetbv(0, XCR0_X87 | XCR0_SSE | ((features & CPUID_1_ECX_AVX) != 0 ? XCR0_AVX : 0));
    }
    has_nx =
        cpuid(0x80000000, 0).eax >= 0x80000001 && (cpuid(0x80000001, 0).edx & CPUID_81_EDX_NX) != 0;
    has_rdrand = (features & CPUID_1_ECX_RDRAND) != 0;
    has_rdseed = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & CPUID_7_EBX_RDSEED) != 0;
}

bool cpu_has_nx(void)
{
    return has_nx;
}

static bool rdrand(uint64_t *out)
{
    for (int i = 0; has_rdrand && i < RDRAND_TRIES; i++) {
        bool ok;

        __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
        if (ok)
            return true;
    }
    return false;
}

static bool rdseed(uint64_t *out)
{
    for (int i = 0; has_rdseed && i < RDSEED_TRIES; i++) {
        bool ok;

        __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
        if (ok)
            return true;
        __asm__ volatile("pause");
    }
    return false;
}

bool cpu_random(uint64_t *out)
{
    return rdseed(out) || rdrand(out);
}
