/* SPDX-License-Identifier: ISC */
/* utf16.h - names between UTF-16 (of the medium) and UTF-8 (of programs). */
#ifndef FS_UTF16_H
#define FS_UTF16_H

#include <morgana/base.h>

/* `n` units as NUL-terminated UTF-8 in `out`. Bytes written without the NUL; -E_INVAL: half a
 * surrogate pair, or U+0000; -E_NOSPC: does not fit. */
int utf16_to_utf8(const uint16_t *units, size_t n, char *out, size_t size);

/* `len` bytes of UTF-8 as units. Units written; -E_INVAL: no UTF-8, or U+0000; -E_NOSPC. */
int utf16_from_utf8(const char *text, size_t len, uint16_t *out, size_t max);

#endif
