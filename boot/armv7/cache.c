/* SPDX-License-Identifier: ISC */
/* cache.c - upkeep of the data cache by address (ARM DDI 0406, B4.2.1). */
#include "armv7.h"

/* The smallest line of all data caches: CTR's DminLine, log2 of words. */
static uint32_t line_bytes(void)
{
    return 4u << (ARMV7_CP15_READ(0, c0, c0, 1) >> 16 & 15);
}

#define EACH_LINE(start, bytes, op2_crm)                                                           \
    do {                                                                                           \
        const uint32_t line = line_bytes(), end = (uint32_t)(start) + (uint32_t)(bytes);           \
                                                                                                   \
        for (uint32_t at = (uint32_t)(start) & ~(line - 1); at < end; at += line)                  \
            ARMV7_CP15_WRITE(at, 0, c7, op2_crm, 1);                                               \
        armv7_dsb();                                                                               \
    } while (0)

void armv7_dcache_clean(const void *start, size_t bytes)
{
    EACH_LINE(start, bytes, c10); /* DCCMVAC */
}

void armv7_dcache_clean_invalidate(const void *start, size_t bytes)
{
    EACH_LINE(start, bytes, c14); /* DCCIMVAC */
}
