/* SPDX-License-Identifier: ISC */
/* dhcp_conf_option.c - dhcpd.conf: `option NAME value;` to bytes, and `option NAME code N =
 * TYPE;`. */
#include <morgana/log.h>

#include "dhcp_conf_priv.h"

#define VALUE_BYTES_MAX 2048u /* of one option in the file; on the wire it is split (RFC 3396) */

struct conf_option_defs {
    struct conf_option_defs *next;
    struct cs_ro name;
    uint8_t code;
    char format[DHCP_FORMAT_MAX];
};

/* Options whose values only the server itself can know. */
static const uint8_t server_sets[] = {50, 51, 52, 53, 54, 55, 57, 61, 82};

/* ---- definitions ----------------------------------------------------------------------------- */

struct type_word {
    const char *word;
    char letter;
};

static const struct type_word type_words[] = {
    {"ip-address", 'I'}, {"boolean", 'f'}, {"text", 't'}, {"string", 'X'}, {"domain-list", 'D'},
};

static bool add_letter(struct conf_parser *p, char *format, size_t *n, char letter)
{
    if (*n > 0 && (format[*n - 1] == 't' || format[*n - 1] == 'X' || format[*n - 1] == 'D'))
        return dhcp_conf_fail_at(p, p->last_line, p->last_column,
                                 "expected no more items after a text, string or domain-list");
    if (*n + 2 > DHCP_FORMAT_MAX - 1)
        return dhcp_conf_fail_at(p, p->last_line, p->last_column,
                                 "expected at most %u items in a record", DHCP_FORMAT_MAX - 2);
    format[(*n)++] = letter;
    return true;
}

/* [signed | unsigned] integer 8 | 16 | 32 */
static bool integer_type(struct conf_parser *p, char *letter)
{
    bool is_signed, is_unsigned;
    static const struct type_word widths[] = {{"8", 'B'}, {"16", 'S'}, {"32", 'L'}};

    if (!dhcp_conf_accept(p, "signed", &is_signed) ||
        (!is_signed && !dhcp_conf_accept(p, "unsigned", &is_unsigned)) ||
        !dhcp_conf_expect(p, "integer"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(widths); i++)
        if (dhcp_conf_is(p, widths[i].word)) {
            *letter = (char)(is_signed ? widths[i].letter | 0x20 : widths[i].letter);
            return dhcp_conf_next(p);
        }
    return dhcp_conf_fail_expected(p, "8, 16 or 32");
}

static bool simple_type(struct conf_parser *p, char *format, size_t *n)
{
    char letter = '\0';

    for (size_t i = 0; i < ARRAY_SIZE(type_words); i++)
        if (dhcp_conf_is(p, type_words[i].word))
            letter = type_words[i].letter;
    if (letter) {
        if (!dhcp_conf_next(p))
            return false;
    } else if (dhcp_conf_is(p, "signed") || dhcp_conf_is(p, "unsigned") ||
               dhcp_conf_is(p, "integer")) {
        if (!integer_type(p, &letter))
            return false;
    } else {
        return dhcp_conf_fail_expected(
            p, "a type: ip-address, boolean, text, string, domain-list, "
               "[signed|unsigned] integer 8|16|32, array of, or { a record }");
    }
    return add_letter(p, format, n, letter);
}

/* [array of] type, or [array of] { type, type ... } */
static bool type_of_option(struct conf_parser *p, char *format)
{
    bool array, record, more = true;
    size_t n = 0;

    if (!dhcp_conf_accept(p, "array", &array) || (array && !dhcp_conf_expect(p, "of")) ||
        !dhcp_conf_accept(p, "{", &record))
        return false;
    if (record) {
        while (more)
            if (!simple_type(p, format, &n) || !dhcp_conf_accept(p, ",", &more))
                return false;
        if (!dhcp_conf_expect(p, "}"))
            return false;
    } else if (!simple_type(p, format, &n)) {
        return false;
    }
    if (array && (format[n - 1] == 't' || format[n - 1] == 'X' || format[n - 1] == 'D'))
        return dhcp_conf_fail_at(p, p->last_line, p->last_column,
                                 "expected an array of addresses, integers or booleans");
    if (array)
        format[n++] = 'A';
    format[n] = '\0';
    return true;
}

static bool define(struct conf_parser *p, struct cs_ro name, uint32_t line, uint32_t column)
{
    struct conf_option_defs *def;
    uint32_t code, code_line, code_column;

    if (!dhcp_conf_expect(p, "code"))
        return false;
    code_line = p->token_line;
    code_column = p->token_column;
    if (!dhcp_conf_u32(p, 254, &code))
        return false;
    if (code == 0)
        return dhcp_conf_fail_at(p, code_line, code_column,
                                 "expected an option code from 1 to 254, found 0");
    if (p->depth > 0)
        return dhcp_conf_fail_at(p, line, column, "an option is defined outside all blocks");
    def = dhcp_conf_alloc(p, sizeof(*def));
    if (!def)
        return false;
    def->name = name;
    def->code = (uint8_t)code;
    if (!dhcp_conf_expect(p, "=") || !type_of_option(p, def->format) || !dhcp_conf_expect(p, ";"))
        return false;
    def->next = p->defs;
    p->defs = def;
    return true;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The file's own definitions come first: they may give a number of the table another name and
 * type. */
static bool lookup(struct conf_parser *p, struct cs_ro name, uint8_t *code, const char **format)
{
    const struct dhcp_option_def *def = dhcp_option_by_name((const char *)name.base, name.len);

    for (const struct conf_option_defs *own = p->defs; own; own = own->next)
        if (cs_equal(own->name, name)) {
            *code = own->code;
            *format = own->format;
            return true;
        }
    if (!def)
        return false;
    *code = def->code;
    *format = def->format;
    return true;
}

bool dhcp_conf_option_ref(struct conf_parser *p, uint8_t *code, const char **format)
{
    if (p->token == CONF_ATOM && lookup(p, cs_ro_of(p->text, p->len), code, format))
        return dhcp_conf_next(p);
    return dhcp_conf_fail_expected(p, "the name of an option");
}

/* ---- values ---------------------------------------------------------------------------------- */

struct value {
    uint8_t bytes[VALUE_BYTES_MAX];
    size_t len;
};

static bool put(struct conf_parser *p, struct value *v, struct cs_ro bytes)
{
    if (bytes.len > sizeof(v->bytes) - v->len)
        return dhcp_conf_fail_at(p, p->last_line, p->last_column,
                                 "an option's value is longer than %u bytes", VALUE_BYTES_MAX);
    cs_blit(cs_of(v->bytes, sizeof(v->bytes)), v->len, bytes);
    v->len += bytes.len;
    return true;
}

static bool put_int(struct conf_parser *p, struct value *v, uint32_t value, size_t width)
{
    uint8_t raw[4];

    cs_set_be32(cs_of(raw, 4), 0, value);
    return put(p, v, cs_ro_of(raw + 4 - width, width));
}

/* A decimal number, with a minus where the type is signed. */
static bool number_value(struct conf_parser *p, struct value *v, char letter)
{
    bool is_signed = letter >= 'a';
    size_t width = (letter & ~0x20) == 'B' ? 1 : (letter & ~0x20) == 'S' ? 2 : 4;
    uint32_t all = width == 4 ? UINT32_MAX : ((uint32_t)1 << (8 * width)) - 1, x;
    bool minus = is_signed && p->token == CONF_ATOM && p->len > 1 && p->text[0] == '-';

    if (minus) {
        p->text++;
        p->len--;
    }
    if (!dhcp_conf_u32(p, is_signed ? (all >> 1) + minus : all, &x))
        return false;
    return put_int(p, v, minus ? 0u - x : x, width);
}

/* "a.example" as labels (RFC 1035 section 3.1): each 1..63 bytes, at most 255 in all. */
static bool domain_value(struct conf_parser *p, struct value *v)
{
    struct cs_ro name, label;
    uint32_t line = p->token_line, column = p->token_column;
    static const uint8_t root[1] = {0};

    if (!dhcp_conf_string(p, &name))
        return false;
    if (name.len > 0 && cs_get_u8(name, name.len - 1) == '.')
        name = cs_head(name, name.len - 1);
    if (name.len == 0 || name.len > 253)
        return dhcp_conf_fail_at(p, line, column, "expected a domain name of 1 to 253 characters");
    while (name.len > 0) {
        size_t dot = cs_find_byte(name, 0, '.');
        uint8_t n;

        label = cs_head(name, dot == CS_NOT_FOUND ? name.len : dot);
        if (label.len == 0 || label.len > 63 || dot == name.len - 1)
            return dhcp_conf_fail_at(p, line, column,
                                     "expected labels of 1 to 63 characters in a domain name");
        n = (uint8_t)label.len;
        if (!put(p, v, cs_ro_of(&n, 1)) || !put(p, v, label))
            return false;
        name = cs_shift(name, label.len + (dot != CS_NOT_FOUND));
    }
    return put(p, v, cs_ro_of(root, 1));
}

static bool domain_list_value(struct conf_parser *p, struct value *v)
{
    bool more = true;

    while (more)
        if (!domain_value(p, v) || !dhcp_conf_accept(p, ",", &more))
            return false;
    return true;
}

static bool item_value(struct conf_parser *p, struct value *v, char letter)
{
    struct cs_ro bytes;
    uint32_t addr;
    bool flag;

    switch (letter) {
    case 'I':
        return dhcp_conf_ip4(p, &addr) && put_int(p, v, addr, 4);
    case 'f':
        return dhcp_conf_bool(p, &flag) && put_int(p, v, flag, 1);
    case 't':
        return dhcp_conf_string(p, &bytes) && put(p, v, bytes);
    case 'X':
        return dhcp_conf_bytes(p, &bytes) && put(p, v, bytes);
    case 'D':
        return domain_list_value(p, v);
    default:
        return number_value(p, v, letter);
    }
}

/* All items of a format; where it ends in A, again after each comma. */
static bool whole_value(struct conf_parser *p, struct value *v, const char *format)
{
    bool again = true;

    while (again) {
        const char *f = format;

        again = false;
        for (; *f && *f != 'A'; f++)
            if (!item_value(p, v, *f))
                return false;
        if (*f == 'A' && !dhcp_conf_accept(p, ",", &again))
            return false;
    }
    return true;
}

/* RFC 3442: prefix length, its significant bytes, router; again and again. */
static bool is_route_list(struct cs_ro v)
{
    while (v.len > 0) {
        size_t prefix = cs_get_u8(v, 0);

        if (prefix > 32 || !cs_try_shift(v, 1 + (prefix + 7) / 8 + 4, &v))
            return false;
    }
    return true;
}

static bool append_option(struct conf_parser *p, struct dhcp_scope *scope, uint8_t code,
                          const struct value *v)
{
    struct dhcp_opt *opt = dhcp_conf_alloc(p, sizeof(*opt)), **at = &scope->options;
    uint8_t *bytes = opt ? dhcp_conf_alloc(p, v->len) : NULL;

    if (!bytes)
        return false;
    memcpy(bytes, v->bytes, v->len);
    opt->code = code;
    opt->data = cs_ro_of(bytes, v->len);
    while (*at && (*at)->code != code)
        at = &(*at)->next;
    if (*at) { /* written twice in one scope: the later one counts, as with ISC */
        opt->next = (*at)->next;
    }
    *at = opt;
    return true;
}

bool dhcp_conf_option_statement(struct conf_parser *p, struct dhcp_scope *scope,
                                struct cs_ro *client_id)
{
    uint32_t line = p->token_line, column = p->token_column;
    struct conf_parser at_name = *p;
    struct value v = {.len = 0};
    const char *format;
    struct cs_ro name;
    uint8_t code;

    if (!dhcp_conf_name(p, &name))
        return false;
    if (dhcp_conf_is(p, "code"))
        return define(p, name, line, column);
    if (!lookup(p, name, &code, &format))
        return dhcp_conf_fail_expected(&at_name, "the name of an option");
    if (code == 61 && client_id)
        return dhcp_conf_bytes(p, client_id) && dhcp_conf_expect(p, ";");
    for (size_t i = 0; i < ARRAY_SIZE(server_sets); i++)
        if (server_sets[i] == code)
            return dhcp_conf_fail_at(p, line, column, "the server itself sets option %u", code);
    line = p->token_line;
    column = p->token_column;
    if (!whole_value(p, &v, format))
        return false;
    if (code == 121 && !is_route_list(cs_ro_of(v.bytes, v.len)))
        return dhcp_conf_fail_at(p, line, column,
                                 "expected classless routes: prefix length, its significant "
                                 "bytes, router (RFC 3442)");
    return dhcp_conf_expect(p, ";") && append_option(p, scope, code, &v);
}
