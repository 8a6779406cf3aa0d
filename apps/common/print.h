/* SPDX-License-Identifier: ISC */
/* print.h - what a program says to whoever started it: on the console whatever log= says. */
#ifndef APPS_COMMON_PRINT_H
#define APPS_COMMON_PRINT_H

#include <morgana/base.h>

/* Formats (fmt.h's way) and writes as it is, without an end of line; at most 511 bytes, the rest is
 * cut off. Lends. */
void print_text(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
