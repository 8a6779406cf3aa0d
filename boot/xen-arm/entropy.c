/* SPDX-License-Identifier: ISC */
/* entropy.c - bytes fit for keys: from the CPU (RNDR), else from the seed that the loader left in
 * the device tree.
 *
 * The seed is short and read once; what we give out is SipHash-2-4 of a counter, keyed by it: it
 * does not repeat, and nobody finds the key. A seed of less than 16 bytes, or the 8 of kaslr-seed
 * alone, is too short for that, and only makes a weak source better.
 *
 * Where there is neither, the target says so loudly and plat_entropy gives -E_NOSYS, so that
 * whoever needs keys refuses. Only an operator who says entropy=weak gets a substitute: readings of
 * the counter and of the wall clock, mixed. Whoever knows when the domain started, and on what
 * machine, may guess it.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "base/siphash.h"
#include "boot.h"

#define CPU_TRIES 1000 /* it may be drained for a while */
#define SEED_BYTES_MIN 16u
#define WEAK_SAMPLES 64

static enum { SOURCE_NONE, SOURCE_CPU, SOURCE_SEED, SOURCE_WEAK } source;
static uint64_t key[2], counter;

static uint64_t hash(const uint64_t k[2], struct cs_ro bytes, uint64_t number)
{
    struct siphash h = siphash_begin(k);
    uint64_t word;

    siphash_absorb(&h, number, 2);
    for (; bytes.len > 0; bytes = cs_shift(bytes, size_min(bytes.len, sizeof(word)))) {
        word = 0;
        memcpy(&word, bytes.base, size_min(bytes.len, sizeof(word)));
        siphash_absorb(&h, word, 2);
    }
    return siphash_end(&h, 4);
}

/* Each half of the key depends on all that goes in, and on what was there. */
static void stir(struct cs_ro bytes, uint64_t number)
{
    const uint64_t old[2] = {key[0], key[1]};

    key[0] = hash(old, bytes, number);
    key[1] = hash(old, bytes, ~number);
}

static bool cpu_random(uint64_t *out)
{
    for (int i = 0; i < CPU_TRIES; i++) {
        if (arch_random(out))
            return true;
    }
    return false;
}

static bool draw(uint64_t *out)
{
    const struct cs_ro nothing = cs_ro_of(NULL, 0);

    if (source == SOURCE_NONE)
        return false;
    if (source == SOURCE_CPU)
        return cpu_random(out);
    if (source == SOURCE_WEAK)
        stir(nothing, arch_counter());
    *out = hash(key, nothing, counter++);
    return true;
}

/* CPUs have been seen that give the same number for ever. */
static bool cpu_works(void)
{
    uint64_t a, b;

    return cpu_random(&a) && cpu_random(&b) && a != b;
}

void entropy_init(const struct tree *tree, bool weak_allowed)
{
    stir(tree->rng_seed, tree->kaslr_seed);
    if (cpu_works()) {
        source = SOURCE_CPU;
        return;
    }
    if (tree->rng_seed.len >= SEED_BYTES_MIN) {
        source = SOURCE_SEED;
        return;
    }
    source = weak_allowed ? SOURCE_WEAK : SOURCE_NONE;
    if (!weak_allowed) {
        LOG_ERROR("NO ENTROPY: this CPU has no RNDR, and the device tree no rng-seed; keys cannot "
                  "be made (entropy=weak: take a risk)");
        return;
    }
    for (int i = 0; i < WEAK_SAMPLES; i++)
        stir(cs_ro_of(NULL, 0), arch_counter());
    stir(cs_ro_of(NULL, 0), plat_wall_ns());
    LOG_WARN("ENTROPY IS WEAK: this CPU has no RNDR, the device tree no rng-seed, and entropy=weak "
             "was given");
}

int plat_entropy(struct cs out)
{
    uint64_t word;
    struct cs rest = out;

    while (rest.len > 0) {
        size_t n = size_min(rest.len, sizeof(word));

        if (!draw(&word)) {
            memset(out.base, 0, out.len);
            return -E_NOSYS;
        }
        memcpy(rest.base, &word, n);
        rest = cs_shift(rest, n);
    }
    return source == SOURCE_NONE ? -E_NOSYS : 0;
}
