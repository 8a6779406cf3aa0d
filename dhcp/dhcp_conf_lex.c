/* SPDX-License-Identifier: ISC */
/* dhcp_conf_lex.c - dhcpd.conf: characters to tokens, tokens to numbers, addresses, strings and
 * bytes. */
#include <morgana/log.h>

#include "dhcp_conf_priv.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_atom(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':' || c == '/';
}

static bool is_punct(char c)
{
    return c == ';' || c == ',' || c == '{' || c == '}' || c == '(' || c == ')' || c == '=';
}

static void step(struct conf_parser *p)
{
    if (*p->at == '\n') {
        p->line++;
        p->column = 1;
    } else {
        p->column++;
    }
    p->at++;
}

/* Where the text shown in an error is cut, and what stands for bytes that are not printable. */
#define SHOWN_MAX 40u

static void show(char *out, size_t size, const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && i < SHOWN_MAX && n + 4 < size; i++)
        out[n++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    if (len > SHOWN_MAX)
        for (unsigned i = 0; i < 3 && n + 1 < size; i++)
            out[n++] = '.';
    out[n] = '\0';
}

bool dhcp_conf_fail_at(struct conf_parser *p, uint32_t line, uint32_t column, const char *format,
                       ...)
{
    va_list args;

    p->error->line = line;
    p->error->column = column;
    va_start(args, format);
    fmt_vbuf(p->error->text, sizeof(p->error->text), format, args);
    va_end(args);
    return false;
}

bool dhcp_conf_fail_expected(struct conf_parser *p, const char *expected)
{
    char shown[SHOWN_MAX + 8];

    if (p->token == CONF_END)
        return dhcp_conf_fail_at(p, p->token_line, p->token_column,
                                 "expected %s, found the end of the file", expected);
    show(shown, sizeof(shown), p->text, p->len);
    return dhcp_conf_fail_at(p, p->token_line, p->token_column, "expected %s, found \"%s\"",
                             expected, shown);
}

bool dhcp_conf_lex_start(struct conf_parser *p, struct cs_ro text)
{
    p->at = (const char *)text.base;
    p->end = p->at + text.len;
    p->line = p->column = 1;
    return dhcp_conf_next(p);
}

static void skip_blanks(struct conf_parser *p)
{
    while (p->at < p->end) {
        if (*p->at == '#') {
            while (p->at < p->end && *p->at != '\n')
                step(p);
        } else if (is_space(*p->at)) {
            step(p);
        } else {
            return;
        }
    }
}

/* From the opening quote to the closing one; a backslash takes the next character along. */
static bool lex_string(struct conf_parser *p)
{
    step(p);
    p->token = CONF_STRING;
    p->text = p->at;
    while (p->at < p->end && *p->at != '"' && *p->at != '\n') {
        if (*p->at == '\\' && p->end - p->at > 1 && p->at[1] != '\n')
            step(p);
        step(p);
    }
    if (p->at == p->end || *p->at != '"')
        return dhcp_conf_fail_at(p, p->token_line, p->token_column,
                                 "expected a closing quote before the end of the line, found none");
    p->len = (size_t)(p->at - p->text);
    step(p);
    return true;
}

bool dhcp_conf_next(struct conf_parser *p)
{
    p->last_line = p->token_line;
    p->last_column = p->token_column;
    skip_blanks(p);
    p->token_line = p->line;
    p->token_column = p->column;
    p->text = p->at;
    p->len = 0;
    p->token = CONF_END;
    if (p->at == p->end)
        return true;
    if (*p->at == '"')
        return lex_string(p);
    if (is_punct(*p->at)) {
        p->token = CONF_PUNCT;
        p->len = 1;
        step(p);
        return true;
    }
    while (p->at < p->end && is_atom(*p->at))
        step(p);
    p->len = (size_t)(p->at - p->text);
    p->token = CONF_ATOM;
    if (p->len > 0)
        return true;
    p->len = 1;
    return dhcp_conf_fail_expected(p, "a statement's word, a value or punctuation");
}

bool dhcp_conf_is(const struct conf_parser *p, const char *what)
{
    return (p->token == CONF_ATOM || p->token == CONF_PUNCT) &&
           cs_equal_str(cs_ro_of(p->text, p->len), what);
}

bool dhcp_conf_accept(struct conf_parser *p, const char *what, bool *yes)
{
    *yes = dhcp_conf_is(p, what);
    return !*yes || dhcp_conf_next(p);
}

bool dhcp_conf_expect(struct conf_parser *p, const char *what)
{
    char quoted[32];

    if (dhcp_conf_is(p, what))
        return dhcp_conf_next(p);
    fmt_buf(quoted, sizeof(quoted), "\"%s\"", what);
    return dhcp_conf_fail_expected(p, quoted);
}

bool dhcp_conf_u32(struct conf_parser *p, uint32_t max, uint32_t *value)
{
    char expected[48];
    uint64_t v = 0;

    if (p->token == CONF_ATOM && fmt_parse_u64(cs_ro_of(p->text, p->len), max, &v) == p->len) {
        *value = (uint32_t)v;
        return dhcp_conf_next(p);
    }
    fmt_buf(expected, sizeof(expected), "a number from 0 to %u", max);
    return dhcp_conf_fail_expected(p, expected);
}

bool dhcp_conf_ip4(struct conf_parser *p, uint32_t *addr)
{
    const char *at = p->text;
    size_t left = p->len;
    uint32_t a = 0;

    for (unsigned i = 0; i < 4; i++) {
        uint64_t byte = 0;
        size_t n = p->token == CONF_ATOM ? fmt_parse_u64(cs_ro_of(at, left), 255, &byte) : 0;

        if (n == 0 || n > 3 || (i < 3 && (n == left || at[n] != '.')) || (i == 3 && n != left))
            return dhcp_conf_fail_expected(p, "an IPv4 address (names are not looked up)");
        a = a << 8 | (uint32_t)byte;
        at += n + 1;
        left -= i < 3 ? n + 1 : n;
    }
    *addr = a;
    return dhcp_conf_next(p);
}

bool dhcp_conf_bool(struct conf_parser *p, bool *value)
{
    if (dhcp_conf_is(p, "true") || dhcp_conf_is(p, "on") || dhcp_conf_is(p, "yes"))
        *value = true;
    else if (dhcp_conf_is(p, "false") || dhcp_conf_is(p, "off") || dhcp_conf_is(p, "no"))
        *value = false;
    else
        return dhcp_conf_fail_expected(p, "true or false");
    return dhcp_conf_next(p);
}

/* Bytes written "1:2:ff" in the current atom: how many, or -1. `out` may be NULL to count. */
static int hex_bytes(const struct conf_parser *p, uint8_t *out)
{
    int count = 0;
    size_t i = 0;

    if (p->token != CONF_ATOM)
        return -1;
    for (;;) {
        int high = i < p->len ? cs_hex_digit(p->text[i]) : -1, low;

        if (high < 0)
            return -1;
        low = ++i < p->len ? cs_hex_digit(p->text[i]) : -1;
        if (low >= 0) {
            high = high << 4 | low;
            i++;
        }
        if (out)
            out[count] = (uint8_t)high;
        count++;
        if (i == p->len)
            return count;
        if (p->text[i++] != ':')
            return -1;
    }
}

bool dhcp_conf_mac(struct conf_parser *p, uint8_t mac[6])
{
    if (hex_bytes(p, NULL) != 6)
        return dhcp_conf_fail_expected(p, "an Ethernet address such as 00:16:3e:00:00:01");
    (void)hex_bytes(p, mac);
    return dhcp_conf_next(p);
}

/* The character after a backslash, with its digits; advances *i past it. -1: not an escape. */
static int unescape(const char *text, size_t len, size_t *i)
{
    static const char from[] = "\\\"/bfnrt'", to[] = "\\\"/\b\f\n\r\t'";
    char c = text[(*i)++];

    if (c == 'x') {
        int high = *i < len ? cs_hex_digit(text[*i]) : -1, low = -1;

        if (high < 0)
            return -1;
        if (++*i < len)
            low = cs_hex_digit(text[*i]);
        if (low < 0)
            return high;
        ++*i;
        return high << 4 | low;
    }
    if (c >= '0' && c <= '7') {
        int value = c - '0';

        for (unsigned n = 0; n < 2 && *i < len && text[*i] >= '0' && text[*i] <= '7'; n++)
            value = value << 3 | (text[(*i)++] - '0');
        return value < 256 ? value : -1;
    }
    for (size_t k = 0; k < sizeof(from) - 1; k++)
        if (c == from[k])
            return (unsigned char)to[k];
    return -1;
}

bool dhcp_conf_string(struct conf_parser *p, struct cs_ro *value)
{
    uint8_t *out;
    size_t n = 0, i = 0;

    if (p->token != CONF_STRING)
        return dhcp_conf_fail_expected(p, "a string in double quotes");
    out = dhcp_conf_alloc(p, p->len);
    if (!out)
        return false;
    while (i < p->len) {
        uint32_t column = p->token_column + 1 + (uint32_t)i;
        int c = (unsigned char)p->text[i++];

        if (c == '\\') {
            c = i < p->len ? unescape(p->text, p->len, &i) : -1;
            if (c < 0)
                return dhcp_conf_fail_at(
                    p, p->token_line, column,
                    "expected an escape such as \\n, \\x41 or \\101 in the string");
        }
        out[n++] = (uint8_t)c;
    }
    *value = cs_ro_of(out, n);
    return dhcp_conf_next(p);
}

bool dhcp_conf_bytes(struct conf_parser *p, struct cs_ro *value)
{
    int n;
    uint8_t *out;

    if (p->token == CONF_STRING)
        return dhcp_conf_string(p, value);
    n = hex_bytes(p, NULL);
    if (n < 0)
        return dhcp_conf_fail_expected(p, "a string in quotes or bytes such as 01:02:ff");
    out = dhcp_conf_alloc(p, (size_t)n);
    if (!out)
        return false;
    (void)hex_bytes(p, out);
    *value = cs_ro_of(out, (size_t)n);
    return dhcp_conf_next(p);
}

bool dhcp_conf_name(struct conf_parser *p, struct cs_ro *value)
{
    uint8_t *out;

    if (p->token == CONF_STRING)
        return dhcp_conf_string(p, value);
    if (p->token != CONF_ATOM)
        return dhcp_conf_fail_expected(p, "a name");
    out = dhcp_conf_alloc(p, p->len);
    if (!out)
        return false;
    cs_blit(cs_of(out, p->len), 0, cs_ro_of(p->text, p->len));
    *value = cs_ro_of(out, p->len);
    return dhcp_conf_next(p);
}

void *dhcp_conf_alloc(struct conf_parser *p, size_t bytes)
{
    size_t rounded = (bytes + 7) & ~(size_t)7;
    uint8_t *memory = p->arena;

    if (rounded < bytes || rounded > p->arena_left) {
        p->err = -E_NOMEM;
        dhcp_conf_fail_at(p, p->token_line, p->token_column,
                          "the configuration needs more memory than it was given");
        return NULL;
    }
    p->arena += rounded;
    p->arena_left -= rounded;
    memset(memory, 0, rounded);
    return memory;
}
