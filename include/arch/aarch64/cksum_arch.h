/* SPDX-License-Identifier: ISC */
/* cksum_arch.h (64-bit ARM) - the scalar sum does everything. */
#include "../generic/cksum_arch.h"
