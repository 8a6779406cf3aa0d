/* SPDX-License-Identifier: ISC */
/* lex.c - a script's text as tokens.
 *
 * Words and numbers overlap ("S.", "1:1", "0...0.3", "TS val 1", cookies like 12ab): a token is
 * the longest thing that can begin here, and each one remembers whether blanks stood before it,
 * which is what ends a flag word. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lex.h"

struct lexer {
    const char *at, *end;
    unsigned line;
    bool space;
    const struct lex_defines *defines;
    struct lexed *out;
    struct lex_error *error;
};

static const char *const kind_names[] = {
    "the end", "a number",   "a fraction", "a word",          "a string",    "a command",
    "code",    "a --option", "...",        "an IPv4 address", "a character",
};
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == TK_KINDS, "a name for each kind");

const char *lex_kind_name(enum token_kind kind)
{
    return kind_names[kind];
}

static bool fail(struct lexer *lx, unsigned line, const char *what)
{
    lx->error->line = line;
    snprintf(lx->error->text, sizeof(lx->error->text), "%s", what);
    return false;
}

static bool begins(const struct lexer *lx, const char *prefix)
{
    size_t n = strlen(prefix);

    return (size_t)(lx->end - lx->at) >= n && memcmp(lx->at, prefix, n) == 0;
}

static int peek(const struct lexer *lx, size_t ahead)
{
    return ahead < (size_t)(lx->end - lx->at) ? (unsigned char)lx->at[ahead] : 0;
}

static void step(struct lexer *lx, size_t n)
{
    while (n-- > 0) {
        if (*lx->at == '\n')
            lx->line++;
        lx->at++;
    }
}

static struct token *add(struct lexer *lx, enum token_kind kind, const char *text, size_t len)
{
    struct lexed *out = lx->out;
    struct token *token;

    if (out->count == out->room) {
        out->room = out->room == 0 ? 256 : 2 * out->room;
        out->tokens = realloc(out->tokens, out->room * sizeof(out->tokens[0]));
        if (out->tokens == NULL)
            abort();
    }
    token = &out->tokens[out->count++];
    *token = (struct token){
        .kind = kind, .line = lx->line, .space = lx->space, .text = text, .len = len};
    lx->space = false;
    return token;
}

/* Skips to `close` and over it; false: it never comes. */
static bool skip_past(struct lexer *lx, const char *close)
{
    while (lx->at < lx->end && !begins(lx, close))
        step(lx, 1);
    if (lx->at == lx->end)
        return false;
    step(lx, strlen(close));
    return true;
}

static bool is_word(int c)
{
    return isalnum(c) || c == '_';
}

static const struct lex_define *defined(const struct lexer *lx, const char *name, size_t len)
{
    for (unsigned i = 0; lx->defines != NULL && i < lx->defines->count; i++) {
        const struct lex_define *d = &lx->defines->define[i];

        if (strlen(d->name) == len && memcmp(d->name, name, len) == 0)
            return d;
    }
    return NULL;
}

static bool conditional(struct lexer *lx)
{
    unsigned line = lx->line;
    const char *name;

    if (begins(lx, "#endif")) {
        step(lx, 6);
        return true;
    }
    step(lx, 6);
    while (peek(lx, 0) == ' ' || peek(lx, 0) == '\t')
        step(lx, 1);
    name = lx->at;
    while (is_word(peek(lx, 0)))
        step(lx, 1);
    if (lx->at == name)
        return fail(lx, line, "#ifdef without a name");
    if (defined(lx, name, (size_t)(lx->at - name)) == NULL && !skip_past(lx, "#endif"))
        return fail(lx, line, "#ifdef without #endif");
    return true;
}

/* Blanks and comments; false: an error. */
static bool skip(struct lexer *lx)
{
    while (lx->at < lx->end) {
        unsigned line = lx->line;

        if (isspace(peek(lx, 0))) {
            step(lx, 1);
        } else if (begins(lx, "#ifdef") || begins(lx, "#endif")) {
            if (!conditional(lx))
                return false;
        } else if (begins(lx, "//") || peek(lx, 0) == '#') {
            while (lx->at < lx->end && *lx->at != '\n')
                step(lx, 1);
        } else if (begins(lx, "/*")) {
            step(lx, 2);
            if (!skip_past(lx, "*/"))
                return fail(lx, line, "comment without an end");
        } else {
            return true;
        }
        lx->space = true;
    }
    return true;
}

static bool quoted(struct lexer *lx, enum token_kind kind, char quote)
{
    struct token *token;
    const char *start;
    unsigned line = lx->line;

    token = add(lx, kind, lx->at + 1, 0);
    step(lx, 1);
    start = lx->at;
    while (lx->at < lx->end && *lx->at != quote)
        step(lx, *lx->at == '\\' && lx->end - lx->at > 1 ? 2 : 1);
    if (lx->at == lx->end)
        return fail(lx, line, quote == '"' ? "string without an end" : "command without an end");
    token->len = (size_t)(lx->at - start);
    step(lx, 1);
    return true;
}

static bool code(struct lexer *lx)
{
    struct token *token = add(lx, TK_CODE, lx->at + 2, 0);
    unsigned line = lx->line;

    step(lx, 2);
    if (!skip_past(lx, "}%"))
        return fail(lx, line, "%{ without }%");
    token->len = (size_t)(lx->at - 2 - token->text);
    return true;
}

/* --name=value: up to a blank that stands outside quotes. */
static void option(struct lexer *lx)
{
    struct token *token = add(lx, TK_OPTION, lx->at, 0);
    char quote = 0;

    while (lx->at < lx->end && (quote != 0 || !isspace(peek(lx, 0)))) {
        if (quote == 0 && (*lx->at == '"' || *lx->at == '`'))
            quote = *lx->at;
        else if (*lx->at == quote)
            quote = 0;
        if (quote == 0 && begins(lx, "//"))
            break;
        step(lx, 1);
    }
    token->len = (size_t)(lx->at - token->text);
}

/* Four numbers with dots: how long, 0 where it is something else. */
static size_t ip4_len(const struct lexer *lx, uint32_t *addr)
{
    size_t n = 0;

    *addr = 0;
    for (unsigned part = 0; part < 4; part++) {
        unsigned x = 0, digits = 0;

        if (part > 0 && peek(lx, n++) != '.')
            return 0;
        for (; isdigit(peek(lx, n)) && digits < 4; digits++, n++)
            x = 10 * x + (unsigned)(peek(lx, n) - '0');
        if (digits == 0 || x > 255)
            return 0;
        *addr = *addr << 8 | x;
    }
    return is_word(peek(lx, n)) || (peek(lx, n) == '.' && isdigit(peek(lx, n + 1))) ? 0 : n;
}

/* A number, or a word that begins with a digit. Returns false where none begins here. */
static bool number(struct lexer *lx)
{
    size_t sign = peek(lx, 0) == '-', n = sign, digits;
    char text[32] = "";
    struct token *token;
    uint32_t addr;

    if (sign == 0 && (n = ip4_len(lx, &addr)) != 0) {
        add(lx, TK_IP4, lx->at, n)->value = addr;
        step(lx, n);
        return true;
    }
    for (n = sign; isdigit(peek(lx, n)); n++)
        ;
    digits = n - sign;
    if (peek(lx, n) == '.' && isdigit(peek(lx, n + 1))) {
        for (n++; isdigit(peek(lx, n)); n++)
            ;
        add(lx, TK_FLOAT, lx->at, n);
        step(lx, n);
        return true;
    }
    if (digits == 0)
        return false;
    if (sign == 0 && is_word(peek(lx, n)) && !(peek(lx, 0) == '0' && peek(lx, 1) == 'x')) {
        for (; is_word(peek(lx, n)); n++)
            ;
        add(lx, TK_WORD, lx->at, n); /* a cookie such as 12ab */
        step(lx, n);
        return true;
    }
    if (peek(lx, sign) == '0' && peek(lx, sign + 1) == 'x')
        for (n = sign + 2; isxdigit(peek(lx, n)); n++)
            ;
    token = add(lx, TK_INT, lx->at, n);
    memcpy(text, lx->at, n < sizeof(text) - 1 ? n : sizeof(text) - 1);
    token->value = text[sign] == '0' && text[sign + 1] == 'x'
                       ? (int64_t)strtoull(text + sign, NULL, 16) * (sign ? -1 : 1)
                       : strtoll(text, NULL, 10);
    step(lx, n);
    return true;
}

static bool next(struct lexer *lx);

/* A word; where it is defined, what it stands for is read in its place. */
static bool word(struct lexer *lx)
{
    const struct lex_define *d;
    size_t n = 0;

    while (is_word(peek(lx, n)))
        n++;
    d = defined(lx, lx->at, n);
    if (d != NULL && d->value[0] != '\0') {
        struct lexer inner = *lx;
        bool ok = true;

        inner.at = d->value;
        inner.end = d->value + strlen(d->value);
        inner.defines = NULL; /* no definition of definitions: they would not end */
        while (ok && skip(&inner) && inner.at < inner.end)
            ok = next(&inner);
        lx->space = false;
        step(lx, n);
        return ok;
    }
    add(lx, TK_WORD, lx->at, n);
    step(lx, n);
    return true;
}

static bool next(struct lexer *lx)
{
    int c = peek(lx, 0);

    if (begins(lx, "%{"))
        return code(lx);
    if (c == '"' || c == '`')
        return quoted(lx, c == '"' ? TK_STRING : TK_COMMAND, (char)c);
    if (begins(lx, "--") && (isalpha(peek(lx, 2)) || peek(lx, 2) == '_')) {
        option(lx);
        return true;
    }
    if (begins(lx, "...")) {
        add(lx, TK_ELLIPSIS, lx->at, 3);
        step(lx, 3);
        return true;
    }
    if ((isdigit(c) || c == '-' || c == '.') && number(lx))
        return true;
    if (is_word(c))
        return word(lx);
    if (c < 0x20 || c > 0x7e)
        return fail(lx, lx->line, "a character that is no text");
    add(lx, TK_PUNCT, lx->at, 1)->value = c;
    step(lx, 1);
    return true;
}

bool lex(const char *text, size_t len, const struct lex_defines *defines, struct lexed *out,
         struct lex_error *error)
{
    struct lexer lx = {.at = text,
                       .end = text + len,
                       .line = 1,
                       .space = true,
                       .defines = defines,
                       .out = out,
                       .error = error};

    *out = (struct lexed){0};
    for (;;) {
        if (!skip(&lx))
            return false;
        if (lx.at == lx.end)
            break;
        if (!next(&lx))
            return false;
    }
    add(&lx, TK_END, lx.end, 0);
    return true;
}

void lex_free(struct lexed *lexed)
{
    free(lexed->tokens);
    *lexed = (struct lexed){0};
}

bool token_is(const struct token *token, const char *w)
{
    return token->kind == TK_WORD && strlen(w) == token->len &&
           memcmp(w, token->text, token->len) == 0;
}

bool token_is_punct(const struct token *token, char c)
{
    return token->kind == TK_PUNCT && token->value == c;
}
