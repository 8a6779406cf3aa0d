/* SPDX-License-Identifier: ISC */
/* cpu.h - system registers. */
#ifndef BOOT_XEN_ARM64_CPU_H
#define BOOT_XEN_ARM64_CPU_H

#include <stdint.h>

#define cpu_read(reg)                                                                              \
    ({                                                                                             \
        uint64_t value_;                                                                           \
        __asm__ volatile("mrs %0, " #reg : "=r"(value_) : : "memory");                             \
        value_;                                                                                    \
    })
#define cpu_write(reg, value)                                                                      \
    __asm__ volatile("msr " #reg ", %0" : : "r"((uint64_t)(value)) : "memory")

static inline void cpu_isb(void)
{
    __asm__ volatile("isb" : : : "memory");
}

#endif
