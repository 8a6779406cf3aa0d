/* SPDX-License-Identifier: ISC */
/* parse_options.c - TCP options between '<' and '>', in any order. */
#include <string.h>

#include "parse.h"

static void put16(uint8_t *to, uint32_t x)
{
    to[0] = (uint8_t)(x >> 8);
    to[1] = (uint8_t)x;
}

static void put24(uint8_t *to, uint32_t x)
{
    to[0] = (uint8_t)(x >> 16);
    put16(to + 1, x & 0xffff);
}

static void put32(uint8_t *to, uint32_t x)
{
    put16(to, x >> 16);
    put16(to + 2, x & 0xffff);
}

/* Hexadecimal digits, as far as tokens stand together: cookies, signatures, raw options. */
static bool parse_hex(struct parser *p, struct tcp_option *opt)
{
    unsigned digits = 0;

    while (p->at->kind == TK_WORD || p->at->kind == TK_INT || p->at->kind == TK_STRING) {
        size_t from = p->at->len > 2 && memcmp(p->at->text, "0x", 2) == 0 ? 2 : 0;

        for (size_t i = from; i < p->at->len; i++) {
            char c = p->at->text[i];
            unsigned x = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;

            if (x > 15 || opt->len + digits / 2 >= sizeof(opt->data))
                return parse_fail(p, "hexadecimal digits");
            if (digits % 2 == 0)
                opt->data[opt->len + digits / 2] = (uint8_t)(x << 4);
            else
                opt->data[opt->len + digits / 2] |= (uint8_t)x;
            digits++;
        }
        p->at++;
        if (p->at->space)
            break;
    }
    if (digits % 2 != 0)
        return parse_error(p, "an odd number of hexadecimal digits");
    opt->len = (uint8_t)(opt->len + digits / 2);
    return true;
}

static bool parse_mss(struct parser *p, struct tcp_option *opt)
{
    int64_t n;

    if (!parse_int(p, "an mss", 0, 65535, &n))
        return false;
    opt->len = 2;
    put16(opt->data, (uint32_t)n);
    return true;
}

static bool parse_wscale(struct parser *p, struct tcp_option *opt)
{
    int64_t n;

    if (!parse_int(p, "a window scale", 0, 255, &n))
        return false;
    opt->len = 1;
    opt->data[0] = (uint8_t)n;
    return true;
}

static bool parse_sack(struct parser *p, struct tcp_option *opt)
{
    int64_t left, right;

    while (p->at->kind == TK_INT) {
        if (!parse_int(p, "a SACK block", 0, UINT32_MAX, &left) || !parse_need(p, ':') ||
            !parse_int(p, "a SACK block", 0, UINT32_MAX, &right))
            return false;
        if (opt->len + 8u > sizeof(opt->data))
            return parse_error(p, "too many SACK blocks");
        put32(opt->data + opt->len, (uint32_t)left);
        put32(opt->data + opt->len + 4, (uint32_t)right);
        opt->len = (uint8_t)(opt->len + 8);
    }
    return opt->len > 0 || parse_fail(p, "a SACK block");
}

static bool parse_stamp(struct parser *p, bool *any, uint8_t *to)
{
    int64_t n = 0;

    if (p->at->kind == TK_ELLIPSIS || token_is(p->at, "any")) {
        p->at++;
        *any = true;
        return true;
    }
    if (!parse_int(p, "a timestamp", 0, UINT32_MAX, &n))
        return false;
    put32(to, (uint32_t)n);
    return true;
}

static bool parse_ts(struct parser *p, struct tcp_option *opt)
{
    opt->len = 8;
    if (p->at->kind == TK_ELLIPSIS) { /* TS ... */
        p->at++;
        opt->val_any = opt->ecr_any = true;
        return true;
    }
    if (!parse_word(p, "val"))
        return parse_fail(p, "val");
    if (!parse_stamp(p, &opt->val_any, opt->data))
        return false;
    if (!parse_word(p, "ecr"))
        return parse_fail(p, "ecr");
    if (!parse_stamp(p, &opt->ecr_any, opt->data + 4))
        return false;
    opt->ecr_abs = parse_punct(p, '!');
    return true;
}

static bool parse_md5(struct parser *p, struct tcp_option *opt)
{
    if (!token_is(p->at, "valid"))
        return parse_hex(p, opt);
    p->at++;
    opt->len = 16;
    opt->data_any = true;
    return true;
}

static bool parse_none(struct parser *p, struct tcp_option *opt)
{
    (void)p;
    (void)opt;
    return true;
}

/* A cookie by a name that nobody defined: what it would be is Fast Open's own business. */
static bool parse_cookie(struct parser *p, struct tcp_option *opt)
{
    if (p->at->kind == TK_WORD && p->at->text[0] >= 'G' && p->at->text[0] <= 'Z')
        return parse_unsupported(p, "TCP Fast Open");
    return parse_hex(p, opt);
}

static bool parse_fastopen(struct parser *p, struct tcp_option *opt)
{
    return parse_cookie(p, opt);
}

static bool parse_fastopen_exp(struct parser *p, struct tcp_option *opt)
{
    opt->len = 2;
    put16(opt->data, 0xf989); /* RFC 7413 section 4.1.1's experiment */
    return parse_cookie(p, opt);
}

/* ECN e0b 1 ceb 0 e1b 1: 24-bit counters, the first one decides the kind. */
static bool parse_accecn(struct parser *p, struct tcp_option *opt)
{
    static const char *const counters[] = {"e0b", "e1b", "ceb", "ee0b", "ee1b", "eceb"};
    bool found = true;

    while (found) {
        found = false;
        for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
            int64_t n;

            if (!parse_word(p, counters[i]))
                continue;
            if (opt->len + 3u > sizeof(opt->data) ||
                !parse_int(p, "a byte counter", 0, 0xffffff, &n))
                return parse_fail(p, "a byte counter");
            if (opt->len == 0 && opt->kind == 0)
                opt->kind = i % 3 == 1 ? OPT_ACCECN1 : OPT_ACCECN0;
            put24(opt->data + opt->len, (uint32_t)n);
            opt->len = (uint8_t)(opt->len + 3);
            found = true;
        }
    }
    if (opt->kind == 0)
        opt->kind = OPT_ACCECN0;
    return true;
}

static bool parse_uto(struct parser *p, struct tcp_option *opt)
{
    int64_t n;

    if (!parse_int(p, "a user timeout option's 16 bits", 0, 65535, &n))
        return false;
    opt->len = 2;
    put16(opt->data, (uint32_t)n);
    return true;
}

static const struct {
    const char *name;
    uint8_t kind;
    bool (*parse)(struct parser *p, struct tcp_option *opt);
} options[] = {
    {"mss", OPT_MSS, parse_mss},
    {"nop", OPT_NOP, parse_none},
    {"eol", OPT_EOL, parse_none},
    {"wscale", OPT_WSCALE, parse_wscale},
    {"sackOK", OPT_SACKOK, parse_none},
    {"sack", OPT_SACK, parse_sack},
    {"TS", OPT_TS, parse_ts},
    {"md5", OPT_MD5, parse_md5},
    {"FO", OPT_FASTOPEN, parse_fastopen},
    {"FOEXP", OPT_EXPERIMENT, parse_fastopen_exp},
    {"ECN", 0, parse_accecn},
    {"AccECN0", OPT_ACCECN0, parse_accecn},
    {"AccECN1", OPT_ACCECN1, parse_accecn},
    {"uto", OPT_USER_TIMEOUT, parse_uto},
};

/* gen-N hex, exp-FO, exp-abcd hex: tokens that a dash holds together. */
static bool parse_dashed(struct parser *p, struct tcp_option *opt)
{
    bool experiment = !token_is(p->at, "gen");
    int64_t n;

    p->at++;
    if (p->at->kind == TK_INT && !experiment) { /* "-30" was cut as a negative number */
        n = -p->at->value;
        if (n < 0 || n > 255)
            return parse_fail(p, "an option's number");
        opt->kind = (uint8_t)n;
        p->at++;
        return parse_hex(p, opt);
    }
    if (p->at->kind == TK_INT) {
        char digits[8] = "";
        unsigned id = 0;

        if (p->at->len > 5)
            return parse_fail(p, "an experiment's number");
        memcpy(digits, p->at->text + 1, p->at->len - 1);
        for (const char *c = digits; *c != '\0'; c++)
            id = id << 4 | (unsigned)(*c - '0');
        opt->kind = OPT_EXPERIMENT;
        opt->len = 2;
        put16(opt->data, id);
        p->at++;
        return parse_hex(p, opt);
    }
    if (!parse_need(p, '-'))
        return false;
    opt->kind = OPT_EXPERIMENT;
    if (parse_word(p, "FO"))
        return parse_fastopen_exp(p, opt);
    return parse_unsupported(p, "experimental TCP options");
}

static bool parse_option(struct parser *p, struct tcp_option *opt)
{
    const struct token *next = parse_peek(p, 1);

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (parse_word(p, options[i].name)) {
            opt->kind = options[i].kind;
            return options[i].parse(p, opt);
        }
    if ((token_is(p->at, "gen") || token_is(p->at, "exp") || token_is(p->at, "EXP")) &&
        !next->space && next->text[0] == '-')
        return parse_dashed(p, opt);
    return parse_fail(p, "a TCP option");
}

/* <0204ffff...>: the bytes themselves, read back as options. */
static bool parse_raw(struct parser *p, struct packet_spec *out)
{
    struct tcp_option raw = {0};

    if (!parse_hex(p, &raw))
        return false;
    for (unsigned i = 0; i < raw.len;) {
        struct tcp_option *opt = &out->options.opt[out->options.count++];

        opt->kind = raw.data[i++];
        if (opt->kind == OPT_EOL || opt->kind == OPT_NOP)
            continue;
        if (i == raw.len || raw.data[i] < 2 || raw.data[i] - 1u > raw.len - i)
            return parse_unsupported(p, "malformed TCP options");
        opt->len = (uint8_t)(raw.data[i] - 2);
        memcpy(opt->data, raw.data + i + 1, opt->len);
        i += 1u + opt->len;
    }
    return parse_need(p, '>');
}

bool parse_tcp_options(struct parser *p, struct packet_spec *out)
{
    if (p->at->kind == TK_ELLIPSIS) {
        p->at++;
        out->options_any = true;
        return parse_need(p, '>');
    }
    if (token_is_punct(parse_peek(p, 1), '>') && p->at->len >= 4 && p->at->text[0] == '0')
        return parse_raw(p, out);
    while (!parse_punct(p, '>')) {
        if (out->options.count == OPTS_MAX)
            return parse_error(p, "too many TCP options");
        if (!parse_option(p, &out->options.opt[out->options.count++]))
            return false;
        if (!parse_punct(p, ',') && !token_is_punct(p->at, '>'))
            return parse_fail(p, "',' or '>'");
    }
    return true;
}
