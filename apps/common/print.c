/* SPDX-License-Identifier: ISC */
/* print.c - formatted text on the console. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/print.h"

void print_text(const char *format, ...)
{
    char line[512];
    va_list args;
    size_t n;

    va_start(args, format);
    n = fmt_vbuf(line, sizeof(line), format, args);
    va_end(args);
    plat_console_write(cs_ro_of(line, size_min(n, sizeof(line) - 1)));
}
