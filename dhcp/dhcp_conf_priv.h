/* SPDX-License-Identifier: ISC */
/* dhcp_conf_priv.h - the parts of the configuration parser, for each other.
 *
 * The parser is one pass with one token of look-ahead. Every function that can fail returns false
 * once conf_fail() has filled the error; callers hand that false upwards, so the first error is the
 * one reported. Nothing global: all state is in struct conf_parser.
 */
#ifndef DHCP_CONF_PRIV_H
#define DHCP_CONF_PRIV_H

#include <morgana/dhcp_conf.h>

#include "dhcp_option.h"

enum conf_token {
    CONF_END,    /* of the text */
    CONF_ATOM,   /* a word, number, address or bytes in hex: letters, digits, and - _ . : / */
    CONF_STRING, /* "...", without its quotes, escapes still in it */
    CONF_PUNCT,  /* one of ; , { } ( ) = */
};

struct conf_option_defs; /* options that the file itself defines */

struct conf_parser {
    const char *at, *end;  /* what has not been looked at */
    uint32_t line, column; /* of `at` */

    enum conf_token token; /* the one token of look-ahead */
    const char *text;      /* its characters */
    size_t len;
    uint32_t token_line, token_column;
    uint32_t last_line, last_column; /* where the token before it began */

    uint8_t *arena;
    size_t arena_left;
    int err;                /* what dhcp_conf_parse returns where a statement fails */
    struct dhcp_conf *conf; /* being built; lies with the caller of the parser until it is whole */
    struct dhcp_conf_error *error;
    struct conf_option_defs *defs;
    unsigned depth; /* of blocks: bounds the recursion */
};

/* ---- dhcp_conf_lex.c: characters to tokens, and the small values ----------------------------- */

bool dhcp_conf_lex_start(struct conf_parser *p, struct cs_ro text);
bool dhcp_conf_next(struct conf_parser *p); /* false: a malformed token */
bool dhcp_conf_is(const struct conf_parser *p,
                  const char *what); /* the look-ahead is this atom or this punctuation */
bool dhcp_conf_accept(struct conf_parser *p, const char *what,
                      bool *yes); /* takes it if it is there */
bool dhcp_conf_expect(struct conf_parser *p, const char *what);

/* Reports at the look-ahead: `expected an IPv4 address, found "foo"`. Always returns false. */
bool dhcp_conf_fail_expected(struct conf_parser *p, const char *expected);
/* Reports a sentence at a place. Always returns false. */
bool dhcp_conf_fail_at(struct conf_parser *p, uint32_t line, uint32_t column, const char *format,
                       ...) PRINTF_LIKE(4, 5);

bool dhcp_conf_u32(struct conf_parser *p, uint32_t max, uint32_t *value);
bool dhcp_conf_ip4(struct conf_parser *p, uint32_t *addr);
bool dhcp_conf_bool(struct conf_parser *p, bool *value);
bool dhcp_conf_mac(struct conf_parser *p, uint8_t mac[6]);
/* A quoted string, unescaped into the arena. */
bool dhcp_conf_string(struct conf_parser *p, struct cs_ro *value);
/* "..." or 01:02:ff */
bool dhcp_conf_bytes(struct conf_parser *p, struct cs_ro *value);
/* A name, quoted or not. */
bool dhcp_conf_name(struct conf_parser *p, struct cs_ro *value);

/* Zeroed memory of the arena, 8-byte aligned; NULL (with the error filled) where it is used up. */
void *dhcp_conf_alloc(struct conf_parser *p, size_t bytes);

/* ---- dhcp_conf_option.c: `option NAME value;` and `option NAME code N = TYPE;` --------------- */

/* What follows the word `option`, to the semicolon. client_id: where the bytes of
 * dhcp-client-identifier go (a host's selector), or NULL where it is an option like the others. */
bool dhcp_conf_option_statement(struct conf_parser *p, struct dhcp_scope *scope,
                                struct cs_ro *client_id);
/* An option's name, of this file or of the table: its code, format. */
bool dhcp_conf_option_ref(struct conf_parser *p, uint8_t *code, const char **format);

/* ---- dhcp_conf.c: statements and blocks ------------------------------------------------------ */

/* What may stand in a block. */
enum conf_block {
    CONF_GLOBAL,
    CONF_SHARED,
    CONF_SUBNET,
    CONF_POOL,
    CONF_GROUP,
    CONF_HOST,
    CONF_CLASS
};

/* Where a statement stands. */
struct conf_place {
    enum conf_block block;
    struct dhcp_scope *scope;
    struct dhcp_shared *shared; /* the one around, or NULL */
    struct dhcp_subnet *subnet;
    struct dhcp_pool *pool;
    struct dhcp_host *host;
    struct dhcp_class *class;
};

/* `{ statements }` of a block, from the brace to the brace. */
bool dhcp_conf_block(struct conf_parser *p, const struct conf_place *place);

/* ---- dhcp_conf_class.c: class, subclass ------------------------------------------------------ */

bool dhcp_conf_class(struct conf_parser *p, struct dhcp_scope *parent);
bool dhcp_conf_subclass(struct conf_parser *p, struct dhcp_scope *parent);
/* What follows the word `match` in a class. */
bool dhcp_conf_match(struct conf_parser *p, const struct conf_place *place);
/* The class of this name, or NULL. */
struct dhcp_class *dhcp_conf_class_find(struct conf_parser *p, struct cs_ro name);

/* ---- dhcp_conf_check.c: what must hold of the whole ------------------------------------------ */

/* The subnet declared so far that holds the address, or NULL. */
struct dhcp_subnet *dhcp_conf_subnet_of(const struct conf_parser *p, uint32_t addr);
bool dhcp_conf_check_subnet(struct conf_parser *p, const struct dhcp_subnet *subnet, uint32_t line,
                            uint32_t column);
bool dhcp_conf_check_range(struct conf_parser *p, const struct dhcp_range *range, uint32_t line,
                           uint32_t column);
bool dhcp_conf_check_scope(struct conf_parser *p, const struct dhcp_scope *scope, uint32_t line,
                           uint32_t column);

#endif
