/* SPDX-License-Identifier: ISC */
/* cksum_arch.h (ARMv7) - NEON is not used: nothing saves its registers, and Cortex-A8 moves its
 * results to the integer unit slowly. */
#include "../generic/cksum_arch.h"
