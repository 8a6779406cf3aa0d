/* SPDX-License-Identifier: ISC */
/* div0.c - division by zero. ARMv7-A divides by libgcc's functions, which call these; what they
 * return would be the quotient (Run-time ABI for the Arm Architecture, 4.3.2). It is a bug of
 * ours: a trap, as where the CPU divides. */
#include "armv7.h"

int __aeabi_idiv0(int quotient);
long long __aeabi_ldiv0(long long quotient);

int __aeabi_idiv0(int quotient)
{
    (void)quotient;
    base_assert_failed("divisor != 0", __FILE__, __LINE__);
}

long long __aeabi_ldiv0(long long quotient)
{
    (void)quotient;
    base_assert_failed("divisor != 0", __FILE__, __LINE__);
}
