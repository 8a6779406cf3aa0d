/* SPDX-License-Identifier: ISC */
/* text.c - bytes as text for people: hexdump, hex digits and back. */
#include <morgana/cstruct.h>
#include <morgana/err.h>

#define DUMP_COLUMNS 16u
#define DUMP_LINE_MAX                                                                              \
    78u /* "00000000  16 * 'xx ', one more blank in the middle, |16 characters|, newline" */

static const char hex_digits[] = "0123456789abcdef";

static char *put_hex(char *at, uint8_t byte)
{
    *at++ = hex_digits[byte >> 4];
    *at++ = hex_digits[byte & 15];
    return at;
}

/* One line of at most DUMP_COLUMNS bytes; returns its length. */
static size_t dump_line(char line[DUMP_LINE_MAX], size_t off, struct cs_ro v)
{
    char *at = line;

    for (unsigned shift = 32; shift > 0; shift -= 8)
        at = put_hex(at, (uint8_t)(off >> (shift - 8)));
    *at++ = ' ';
    for (size_t i = 0; i < DUMP_COLUMNS; i++) {
        if (i == 0 || i == DUMP_COLUMNS / 2)
            *at++ = ' ';
        if (i < v.len) {
            at = put_hex(at, v.base[i]);
        } else {
            *at++ = ' ';
            *at++ = ' ';
        }
        *at++ = ' ';
    }
    *at++ = '|';
    for (size_t i = 0; i < v.len; i++)
        *at++ = v.base[i] >= ' ' && v.base[i] < 0x7f ? (char)v.base[i] : '.';
    *at++ = '|';
    *at++ = '\n';
    return (size_t)(at - line);
}

size_t cs_ro_hexdump(struct cs_ro v, char *out, size_t size)
{
    char line[DUMP_LINE_MAX];
    size_t done = 0;

    if (size == 0)
        return 0;
    for (size_t off = 0; off < v.len; off += DUMP_COLUMNS) {
        size_t n = dump_line(line, off, cs_sub(v, off, size_min(DUMP_COLUMNS, v.len - off)));

        if (n > size - 1 - done)
            break;
        memcpy(out + done, line, n);
        done += n;
    }
    out[done] = '\0';
    return done;
}

int cs_ro_to_hex(struct cs_ro v, char *out, size_t size)
{
    char *at = out;

    if (v.len > INT32_MAX / 2 || size < v.len * 2 + 1)
        return -E_NOSPC;
    for (size_t i = 0; i < v.len; i++)
        at = put_hex(at, v.base[i]);
    *at = '\0';
    return (int)(v.len * 2);
}

int cs_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int cs_of_hex(struct cs to, const char *hex)
{
    size_t n = 0;

    for (;; hex += 2) {
        int high, low;

        while (is_space(*hex))
            hex++;
        if (*hex == '\0')
            return (int)n;
        high = cs_hex_digit(hex[0]);
        low = high < 0 ? -1 : cs_hex_digit(hex[1]);
        if (low < 0)
            return -E_INVAL;
        if (n == to.len || n == INT32_MAX)
            return -E_NOSPC;
        to.base[n++] = (uint8_t)(high << 4 | low);
    }
}
