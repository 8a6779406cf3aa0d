/* SPDX-License-Identifier: ISC */
/* parse.h - between the parts of the parser: a cursor over tokens. */
#ifndef PKT_PARSE_H
#define PKT_PARSE_H

#include "script.h"

struct parser {
    struct script *script;
    const struct token *at; /* never past TK_END */
    struct lex_error *error;
};

/* The token `ahead` of the next; TK_END for ever after the end. */
const struct token *parse_peek(const struct parser *p, size_t ahead);
/* Takes a word, a character where it is next. */
bool parse_word(struct parser *p, const char *word);
bool parse_punct(struct parser *p, char c);
/* The same, but it must be there. */
bool parse_need(struct parser *p, char c);
/* Fails at the next token: "expected X, found Y". */
bool parse_fail(struct parser *p, const char *expected);
bool parse_error(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* It is known what this means, but not to us: ends parsing without an error. Returns false. */
bool parse_unsupported(struct parser *p, const char *what);
/* An integer within bounds. */
bool parse_int(struct parser *p, const char *what, int64_t min, int64_t max, int64_t *out);

/* parse_packet.c: after '<' or '>'. */
bool parse_packet(struct parser *p, bool inbound, struct packet_spec *out);
/* parse_options.c: after '<'. */
bool parse_tcp_options(struct parser *p, struct packet_spec *out);
/* parse_expr.c */
struct expr *parse_expr(struct parser *p);
bool parse_call(struct parser *p, struct call_spec *out);

/* icmp_names.c */
bool icmp_type_code(const char *type, const char *code, uint8_t *type_out, uint8_t *code_out);

#endif
