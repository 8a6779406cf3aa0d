/* SPDX-License-Identifier: ISC */
/* cksum_arch.h (ARMv7) - NEON is not used: images are compiled for no floating point unit, and
 * Cortex-A8 moves its results to the integer unit slowly. */
#include "../generic/cksum_arch.h"
