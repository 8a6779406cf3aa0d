/* SPDX-License-Identifier: ISC */
/* banner.h - a program's name in large letters at its start. */
#ifndef MORGANA_BANNER_H
#define MORGANA_BANNER_H

#include <morgana/cstruct.h>

/* The program's name in letters of five lines, as text of `size` bytes with its NUL; BANNER_BYTES
 * are enough for any name. Characters without a glyph are blanks; names longer than
 * BANNER_LETTERS are cut. Returns the length. */
#define BANNER_LETTERS 13u
#define BANNER_BYTES (5u * (BANNER_LETTERS * 6u + 1u) + 1u)
size_t banner_format(const char *name, char *out, size_t size);

/* Prints it, unless the operator wants nothing but the program's own words (log=warn). */
void banner_print(const char *name);

#endif
