/* SPDX-License-Identifier: ISC */
/* parse_expr.c - a system call with its arguments and its expected result. */
#include <string.h>

#include "parse.h"

static struct expr *make(struct parser *p, enum expr_kind kind)
{
    struct expr *expr = script_alloc(p->script, sizeof(*expr));

    expr->kind = kind;
    expr->line = p->at->line;
    return expr;
}

/* a, b, c up to `close`, which is taken. */
static bool parse_list(struct parser *p, char close, struct expr **out)
{
    while (!parse_punct(p, close)) {
        struct expr *expr = parse_expr(p);

        if (expr == NULL)
            return false;
        *out = expr;
        out = &expr->next;
        if (!parse_punct(p, ',') && !token_is_punct(p->at, close))
            return parse_fail(p, "',' or the end of the list");
    }
    return true;
}

static struct expr *take_text(struct parser *p, enum expr_kind kind)
{
    struct expr *expr = make(p, kind);

    expr->text = script_text(p->script, p->at->text, p->at->len);
    expr->len = p->at->len;
    p->at++;
    return expr;
}

/* "a" "b" are joined; "a"... says that more may follow. */
static struct expr *parse_string(struct parser *p)
{
    struct expr *expr = take_text(p, X_STRING);

    while (p->at->kind == TK_STRING) {
        char *joined = script_alloc(p->script, expr->len + p->at->len + 1);

        memcpy(joined, expr->text, expr->len);
        memcpy(joined + expr->len, p->at->text, p->at->len);
        expr->text = joined;
        expr->len += p->at->len;
        p->at++;
    }
    if (p->at->kind == TK_ELLIPSIS)
        p->at++;
    return expr;
}

/* NAME, NAME = value, name(...) = value, call(...) */
static struct expr *parse_name(struct parser *p)
{
    struct expr *expr = take_text(p, X_WORD);

    if (parse_punct(p, '(')) {
        expr->kind = X_CALL;
        if (!parse_list(p, ')', &expr->kids))
            return NULL;
    }
    if (parse_punct(p, '=')) {
        struct expr *count = expr->kids;

        expr->kind = X_FIELD;
        expr->num = count != NULL && count->kind == X_INT ? count->num : -1;
        expr->kids = parse_expr(p);
        if (expr->kids == NULL)
            return NULL;
    }
    return expr;
}

static struct expr *parse_primary(struct parser *p)
{
    struct expr *expr;

    switch (p->at->kind) {
    case TK_INT:
        expr = make(p, X_INT);
        expr->num = p->at->value;
        p->at++;
        return expr;
    case TK_ELLIPSIS:
        expr = make(p, X_ELLIPSIS);
        p->at++;
        return expr;
    case TK_WORD:
        return parse_name(p);
    case TK_STRING:
        return parse_string(p);
    default:
        break;
    }
    if (token_is_punct(p->at, '[') || token_is_punct(p->at, '{')) {
        bool list = p->at->value == '[';

        expr = make(p, list ? X_LIST : X_STRUCT);
        p->at++;
        return parse_list(p, list ? ']' : '}', &expr->kids) ? expr : NULL;
    }
    if (parse_punct(p, '(')) {
        expr = parse_expr(p);
        return expr != NULL && parse_need(p, ')') ? expr : NULL;
    }
    parse_fail(p, "an argument");
    return NULL;
}

struct expr *parse_expr(struct parser *p)
{
    struct expr *first = parse_primary(p), *either, **tail;

    if (first == NULL || !token_is_punct(p->at, '|'))
        return first;
    either = make(p, X_OR);
    either->kids = first;
    tail = &first->next;
    while (parse_punct(p, '|')) {
        *tail = parse_primary(p);
        if (*tail == NULL)
            return NULL;
        tail = &(*tail)->next;
    }
    return either;
}

/* (Operation now in progress): what errno means, or any remark. */
static bool skip_note(struct parser *p)
{
    unsigned depth = 0;

    if (!token_is_punct(p->at, '('))
        return true;
    do {
        if (p->at->kind == TK_END)
            return parse_fail(p, "')'");
        depth += token_is_punct(p->at, '(');
        depth -= token_is_punct(p->at, ')');
        p->at++;
    } while (depth > 0);
    return true;
}

bool parse_call(struct parser *p, struct call_spec *out)
{
    if (p->at->kind != TK_WORD)
        return parse_fail(p, "a packet, a call, a command or code");
    out->name = script_text(p->script, p->at->text, p->at->len);
    p->at++;
    if (!parse_need(p, '(') || !parse_list(p, ')', &out->args) || !parse_need(p, '='))
        return false;
    out->result = parse_expr(p);
    if (out->result == NULL)
        return false;
    if (p->at->kind == TK_WORD && p->at->text[0] == 'E') {
        out->errname = script_text(p->script, p->at->text, p->at->len);
        p->at++;
    }
    return skip_note(p);
}
