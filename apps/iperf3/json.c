/* SPDX-License-Identifier: ISC */
/* json.c - a reader that walks the text each time it is asked: results have a few hundred bytes. */
#include "apps/iperf3/json.h"

#include <morgana/log.h>

enum { DEPTH_MAX = 16 };

/* The byte at `at`, or 0 at the end (no JSON text has a NUL outside strings). */
static uint8_t peek(struct cs_ro text, size_t at)
{
    return at < text.len ? cs_get_u8(text, at) : 0;
}

static size_t skip_space(struct cs_ro text, size_t at)
{
    while (peek(text, at) == ' ' || peek(text, at) == '\t' || peek(text, at) == '\n' ||
           peek(text, at) == '\r')
        at++;
    return at;
}

/* Past the string that begins at `at`, or 0. */
static size_t skip_string(struct cs_ro text, size_t at)
{
    if (peek(text, at) != '"')
        return 0;
    for (at++; at < text.len; at++) {
        uint8_t c = cs_get_u8(text, at);

        if (c == '"')
            return at + 1;
        if (c < 0x20)
            return 0;
        at += c == '\\';
    }
    return 0;
}

/* Past a number or a word. */
static size_t skip_word(struct cs_ro text, size_t at)
{
    size_t from = at;

    for (;; at++) {
        uint8_t c = peek(text, at);

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' ||
              c == '-' || c == '.'))
            return at == from ? 0 : at;
    }
}

static size_t skip_value(struct cs_ro text, size_t at, unsigned depth);

/* Past "key": and the space around it; 0: something else. */
static size_t skip_key(struct cs_ro text, size_t at)
{
    at = skip_string(text, at);
    if (at == 0)
        return 0;
    at = skip_space(text, at);
    return peek(text, at) == ':' ? skip_space(text, at + 1) : 0;
}

/* Past an object or array. */
static size_t skip_list(struct cs_ro text, size_t at, unsigned depth)
{
    bool object = peek(text, at) == '{';
    uint8_t close = object ? '}' : ']';

    at = skip_space(text, at + 1);
    if (peek(text, at) == close)
        return at + 1;
    for (;;) {
        if (object && (at = skip_key(text, at)) == 0)
            return 0;
        at = skip_value(text, at, depth + 1);
        if (at == 0)
            return 0;
        at = skip_space(text, at);
        if (peek(text, at) == close)
            return at + 1;
        if (peek(text, at) != ',')
            return 0;
        at = skip_space(text, at + 1);
    }
}

static size_t skip_value(struct cs_ro text, size_t at, unsigned depth)
{
    switch (peek(text, at)) {
    case '{':
    case '[':
        return depth < DEPTH_MAX ? skip_list(text, at, depth) : 0;
    case '"':
        return skip_string(text, at);
    default:
        return skip_word(text, at);
    }
}

bool json_member(struct cs_ro text, const char *key, struct cs_ro *value)
{
    size_t at = skip_space(text, 0);

    if (peek(text, at) != '{')
        return false;
    at = skip_space(text, at + 1);
    while (peek(text, at) == '"') {
        size_t end = skip_string(text, at), from = skip_key(text, at), past;

        past = from == 0 ? 0 : skip_value(text, from, 0);
        if (past == 0)
            return false;
        if (cs_equal_str(cs_sub(text, at + 1, end - at - 2), key)) {
            *value = cs_sub(text, from, past - from);
            return true;
        }
        at = skip_space(text, past);
        if (peek(text, at) != ',')
            return false;
        at = skip_space(text, at + 1);
    }
    return false;
}

bool json_element(struct cs_ro array, size_t *at, struct cs_ro *value)
{
    size_t from, past;
    uint8_t before = *at == 0 ? '[' : ',';

    from = skip_space(array, *at);
    if (peek(array, from) != before)
        return false;
    from = skip_space(array, from + 1);
    past = skip_value(array, from, 0);
    if (past == 0)
        return false;
    *value = cs_sub(array, from, past - from);
    *at = skip_space(array, past);
    return true;
}

bool json_u64(struct cs_ro value, uint64_t *out)
{
    return fmt_parse_u64(value, UINT64_MAX - 1, out) != 0;
}

/* The power of ten that ends a number: "e-05". */
static int exponent(struct cs_ro value, size_t at)
{
    bool negative;
    uint64_t n;

    if (peek(value, at) != 'e' && peek(value, at) != 'E')
        return 0;
    negative = peek(value, at + 1) == '-';
    at += negative || peek(value, at + 1) == '+' ? 2u : 1u;
    if (at > value.len || fmt_parse_u64(cs_shift(value, at), 30, &n) == 0)
        return 0;
    return negative ? -(int)n : (int)n;
}

bool json_micro(struct cs_ro value, uint64_t *out)
{
    uint64_t n, digits = 0;
    size_t at = fmt_parse_u64(value, UINT64_MAX / 10000000000, &n);
    int scale = 6;

    if (at == 0)
        return false;
    if (peek(value, at) == '.')
        for (at++; peek(value, at) >= '0' && peek(value, at) <= '9'; at++) {
            if (digits == 10)
                continue;
            n = n * 10 + (peek(value, at) - '0');
            digits++;
        }
    scale += exponent(value, at) - (int)digits;
    for (; scale < 0; scale++)
        n /= 10;
    for (; scale > 0 && n <= UINT64_MAX / 10; scale--)
        n *= 10;
    *out = n;
    return true;
}

bool json_bool(struct cs_ro value)
{
    /* Flags are written as true or as 1. */
    return cs_equal_str(value, "true") || cs_equal_str(value, "1");
}

void json_member_u64(struct cs_ro text, const char *key, uint64_t *out)
{
    struct cs_ro value;

    if (json_member(text, key, &value))
        json_u64(value, out);
}

bool json_member_bool(struct cs_ro text, const char *key)
{
    struct cs_ro value;

    return json_member(text, key, &value) && json_bool(value);
}

void json_add(struct json_out *out, const char *format, ...)
{
    va_list args;
    size_t room = out->size - out->len, n;

    va_start(args, format);
    n = fmt_vbuf(out->text + out->len, room, format, args);
    va_end(args);
    if (n >= room) {
        out->full = true;
        if (room != 0)
            out->text[out->len] = '\0';
        return;
    }
    out->len += n;
}
