/* SPDX-License-Identifier: ISC */
/* lex.h - a script's text as tokens. */
#ifndef PKT_LEX_H
#define PKT_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind {
    TK_END,
    TK_INT,      /* 12, -1, 0x1f: value */
    TK_FLOAT,    /* 0.25, .5: text only, so that no digit is lost */
    TK_WORD,     /* letters, digits, underscores: not all digits */
    TK_STRING,   /* "...": text without the quotes, escapes as they stand */
    TK_COMMAND,  /* `...` */
    TK_CODE,     /* %{ ... }% */
    TK_OPTION,   /* --name or --name=value: all of it */
    TK_ELLIPSIS, /* ... */
    TK_IP4,      /* 1.2.3.4: value */
    TK_PUNCT,    /* any other character: value */
    TK_KINDS
};

struct token {
    enum token_kind kind;
    unsigned line;
    bool space; /* blanks, a comment or a line's start came before */
    const char *text;
    size_t len;
    int64_t value;
};

struct lex_error {
    unsigned line;
    char text[200];
};

/* A name that stands for something else: -D NAME=VALUE, --define=NAME=VALUE. */
struct lex_define {
    char name[48], value[160];
};

#define LEX_DEFINES_MAX 16

struct lex_defines {
    unsigned count;
    struct lex_define define[LEX_DEFINES_MAX];
};

struct lexed {
    struct token *tokens; /* the last is TK_END */
    size_t count, room;
};

/* Cuts `text` (which must stay) into tokens; `#ifdef NAME ... #endif` keeps what is in it only
 * where NAME is in `defines` (NULL: none; it must stay too). False: error says where and why.
 * lex_free either way. */
bool lex(const char *text, size_t len, const struct lex_defines *defines, struct lexed *out,
         struct lex_error *error);
void lex_free(struct lexed *lexed);
const char *lex_kind_name(enum token_kind kind);

/* The token is this word; this character. */
bool token_is(const struct token *token, const char *word);
bool token_is_punct(const struct token *token, char c);

#endif
