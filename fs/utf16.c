/* SPDX-License-Identifier: ISC */
/* utf16.c - names between UTF-16 and UTF-8 (RFC 3629, RFC 2781). */
#include <morgana/err.h>

#include "fs/utf16.h"

static bool is_high(uint32_t c)
{
    return c >= 0xd800 && c <= 0xdbff;
}

static bool is_low(uint32_t c)
{
    return c >= 0xdc00 && c <= 0xdfff;
}

static unsigned put(uint32_t c, char *out)
{
    unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (unsigned i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

int utf16_to_utf8(const uint16_t *units, size_t n, char *out, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t c = units[i];
        char bytes[4];
        unsigned len;

        if (is_high(c) && i + 1 < n && is_low(units[i + 1]))
            c = 0x10000 + ((c - 0xd800) << 10 | (units[++i] - 0xdc00u));
        else if (c == 0 || is_high(c) || is_low(c))
            return -E_INVAL;
        len = put(c, bytes);
        if (size - at <= len)
            return -E_NOSPC;
        memcpy(out + at, bytes, len);
        at += len;
    }
    if (at >= size)
        return -E_NOSPC;
    out[at] = '\0';
    return (int)at;
}

/* The code point at `text`, its length in *used; 0: none. RFC 3629: no overlong forms. */
static uint32_t get(const char *text, size_t len, size_t *used)
{
    uint8_t lead = (uint8_t)text[0];
    size_t n = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    static const uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
    uint32_t c;

    if (n == 0 || n > len)
        return 0;
    c = n == 1 ? lead : lead & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | ((uint8_t)text[i] & 0x3fu);
    }
    *used = n;
    return c < least[n] || c > 0x10ffff || is_high(c) || is_low(c) ? 0 : c;
}

int utf16_from_utf8(const char *text, size_t len, uint16_t *out, size_t max)
{
    size_t n = 0;

    for (size_t used; len > 0; text += used, len -= used) {
        uint32_t c = get(text, len, &used);

        if (c == 0)
            return -E_INVAL;
        if (max - n < (c < 0x10000 ? 1u : 2u))
            return -E_NOSPC;
        if (c < 0x10000) {
            out[n++] = (uint16_t)c;
        } else {
            out[n++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            out[n++] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    return (int)n;
}
