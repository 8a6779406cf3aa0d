/* SPDX-License-Identifier: ISC */
/* entropy.h - where a bare machine has its randomness from. */
#ifndef BOOT_BARE_ENTROPY_H
#define BOOT_BARE_ENTROPY_H

#include <morgana/cstruct.h>

/* A seed as long as the key: of a shorter one nobody should make keys. */
#define ENTROPY_SEED_BYTES_MIN 16u

struct entropy_sources {
    bool (*cpu)(uint64_t *out); /* a random number of the CPU's; false: none, or none just now */
    uint64_t (*counter)(void);  /* runs fast, and always */
    struct cs_ro seed;          /* what the loader left, Lent; of any length */
    uint64_t more;              /* no seed, but better than nothing */
    const char *missing;        /* what this machine would need: "this CPU has no ..." */
};

/* Finds a source, or says loudly that there is none. `weak`: the operator allows a weak one. */
void entropy_init(const struct entropy_sources *sources, bool weak);

#endif
