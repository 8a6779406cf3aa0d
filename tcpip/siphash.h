/* SPDX-License-Identifier: ISC */
/* siphash.h - SipHash-2-4: a keyed hash for numbers that others see and must not guess. */
#ifndef TCPIP_SIPHASH_H
#define TCPIP_SIPHASH_H

#include <morgana/base.h>

/* The hash of `n` words, each taken as its eight bytes, lowest first. */
uint64_t siphash_words(const uint64_t key[2], const uint64_t *words, unsigned n);

#endif
