/* SPDX-License-Identifier: ISC */
/* entropy.c - bytes fit for keys, from the CPU: RDSEED, else RDRAND.
 *
 * Where the CPU has neither, or they do not work, there is no entropy: the target says so loudly
 * and plat_entropy gives -E_NOSYS, so that whoever needs keys refuses. Only an operator who says
 * entropy=weak gets a substitute: readings of the time stamp counter and of the clocks, mixed.
 * Whoever knows when the domain started, and on what machine, may guess it.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "boot.h"
#include "x86.h"

#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_7_EBX_RDSEED (1u << 18)
/* Intel's guide to its random number generator: RDRAND fails at most 10 times on end, RDSEED may
 * be drained for long. */
#define RDRAND_TRIES 10
#define RDSEED_TRIES 1000
#define WEAK_SAMPLES 64

static enum { SOURCE_NONE, SOURCE_RDSEED, SOURCE_RDRAND, SOURCE_WEAK } source;
static uint64_t weak_state;

static bool rdrand(uint64_t *out)
{
    for (int i = 0; i < RDRAND_TRIES; i++) {
        bool ok;

        __asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
        if (ok)
            return true;
    }
    return false;
}

static bool rdseed(uint64_t *out)
{
    for (int i = 0; i < RDSEED_TRIES; i++) {
        bool ok;

        __asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
        if (ok)
            return true;
        __asm__ volatile("pause");
    }
    return false;
}

/* SplitMix64's output function: each bit of the state changes about half of the result's. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t weak(void)
{
    for (int i = 0; i < WEAK_SAMPLES; i++)
        weak_state = mix(weak_state + x86_rdtsc());
    weak_state = mix(weak_state ^ plat_wall_ns()) + UINT64_C(0x9e3779b97f4a7c15);
    return mix(weak_state);
}

static bool draw(uint64_t *out)
{
    switch (source) {
    case SOURCE_RDSEED:
        return rdseed(out) || rdrand(out); /* every CPU with the one has the other */
    case SOURCE_RDRAND:
        return rdrand(out);
    case SOURCE_WEAK:
        *out = weak();
        return true;
    case SOURCE_NONE:
        break;
    }
    return false;
}

/* Some CPUs have given the same number for ever (AMD family 15h to 17h after a suspend: all
 * ones). */
static bool works(void)
{
    uint64_t a, b;

    return draw(&a) && draw(&b) && a != b && a != UINT64_MAX && b != UINT64_MAX;
}

void entropy_init(bool weak_allowed)
{
    struct cpuid (*cpuid)(uint32_t, uint32_t) = boot_get_mode()->cpuid;

    if (cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & CPUID_7_EBX_RDSEED) != 0)
        source = SOURCE_RDSEED;
    else if ((cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND) != 0)
        source = SOURCE_RDRAND;
    if (source != SOURCE_NONE && works())
        return;
    source = weak_allowed ? SOURCE_WEAK : SOURCE_NONE;
    if (weak_allowed)
        LOG_WARN("ENTROPY IS WEAK: this CPU has no working RDSEED or RDRAND, and entropy=weak was "
                 "given");
    else
        LOG_ERROR("NO ENTROPY: this CPU has no working RDSEED or RDRAND; keys cannot be made "
                  "(entropy=weak: take a risk)");
}

int plat_entropy(struct cs out)
{
    uint64_t word;
    struct cs rest = out;

    if (source == SOURCE_NONE || !draw(&word))
        return -E_NOSYS;
    while (rest.len > 0) {
        size_t n = size_min(rest.len, sizeof(word));

        memcpy(rest.base, &word, n);
        rest = cs_shift(rest, n);
        if (rest.len > 0 && !draw(&word)) {
            memset(out.base, 0, out.len);
            return -E_NOSYS;
        }
    }
    return 0;
}
