/* SPDX-License-Identifier: ISC */
/* boottest.h - what a loader left in a machine's memory, for tests of those who read it: 64 KiB in
 * a heap block of its own, so that a read outside is seen. Each test program includes it once,
 * behind boot_info.c and the reader it tests. */
#ifndef TESTS_BOOTTEST_H
#define TESTS_BOOTTEST_H

#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#define MEMORY_BYTES 65536u
#define MIB (UINT64_C(1) << 20)

static uint8_t *memory;
static struct boot_info info;
static const char *why;

/* What is left over is not mistaken for what was read. */
static int setup(void **state)
{
    (void)state;
    memory = calloc(1, MEMORY_BYTES);
    why = NULL;
    memset(&info, 0xa5, sizeof(info));
    return memory == NULL;
}

static int teardown(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

#endif
