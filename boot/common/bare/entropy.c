/* SPDX-License-Identifier: ISC */
/* entropy.c - bytes fit for keys: from the CPU, else from the seed that the loader left.
 *
 * The seed is short and read once; what we give out is SipHash-2-4 of a counter, keyed by it: it
 * does not repeat, and nobody finds the key. A seed of less than ENTROPY_SEED_BYTES_MIN is too
 * short for that, and only makes a weak source better.
 *
 * Where there is neither, the target says so loudly and plat_entropy gives -E_NOSYS, so that
 * whoever needs keys refuses. Only an operator who says entropy=weak gets a substitute: readings of
 * a counter and of the wall clock, mixed. Whoever knows when the program started, and on what
 * machine, may guess it.
 */
#include "entropy.h"

#include <morgana/log.h>
#include <morgana/platform.h>

#include "base/siphash.h"

#define WEAK_SAMPLES 64

static enum { SOURCE_NONE, SOURCE_CPU, SOURCE_SEED, SOURCE_WEAK } source;
static struct entropy_sources from;
static uint64_t key[2], given;

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

static bool draw(uint64_t *out)
{
    if (source == SOURCE_NONE)
        return false;
    if (source == SOURCE_CPU)
        return from.cpu(out);
    if (source == SOURCE_WEAK)
        stir(CS_RO_EMPTY, from.counter());
    *out = hash(key, CS_RO_EMPTY, given++);
    return true;
}

/* Some CPUs have given the same number for ever (AMD family 15h to 17h after a suspend: all
 * ones). */
static bool cpu_works(void)
{
    uint64_t a, b;

    return from.cpu(&a) && from.cpu(&b) && a != b && a != UINT64_MAX && b != UINT64_MAX;
}

void entropy_init(const struct entropy_sources *sources, bool weak)
{
    from = *sources;
    stir(from.seed, from.more);
    if (cpu_works())
        source = SOURCE_CPU;
    else if (from.seed.len >= ENTROPY_SEED_BYTES_MIN)
        source = SOURCE_SEED;
    else
        source = weak ? SOURCE_WEAK : SOURCE_NONE;
    if (source == SOURCE_NONE)
        LOG_ERROR("NO ENTROPY: %s; keys cannot be made (entropy=weak: take a risk)", from.missing);
    if (source != SOURCE_WEAK)
        return;
    for (int i = 0; i < WEAK_SAMPLES; i++)
        stir(CS_RO_EMPTY, from.counter());
    stir(CS_RO_EMPTY, plat_wall_ns());
    LOG_WARN("ENTROPY IS WEAK: %s, and entropy=weak was given", from.missing);
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
