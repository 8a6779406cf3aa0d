/* SPDX-License-Identifier: ISC */
/* py.c - the little of Python that scripts assert with: assert, print, assignment, one-line if;
 * integers, fractions, strings; or and not, comparisons in chains, in, | ^ & << >> + - * / // %
 * **, parentheses, tuples, and a handful of functions. Anything else is an error, never a pass. */
#include <stdio.h>
#include <string.h>

#include "py_priv.h"

/* ---- statements ------------------------------------------------------------------------------ */

static void assign(struct reader *r, const char *name, const struct py_value *value)
{
    struct py *py = r->py;
    unsigned i = 0;

    while (i < py->var_count && strcmp(py->var[i].name, name) != 0)
        i++;
    if (i == PY_VARS_MAX) {
        py_fail(r, "too many names");
        return;
    }
    if (i == py->var_count)
        py->var_count++;
    snprintf(py->var[i].name, sizeof(py->var[i].name), "%s", name);
    py->var[i].value = *value;
}

static void assertion(struct reader *r)
{
    const char *from = r->at;
    struct py_value v = py_expression(r), message = {.kind = PY_TEXT};
    int n = (int)(r->at - from);

    if (r->ok && py_take(r, ","))
        message = py_expression(r);
    if (r->ok && !py_truth(&v))
        py_fail(r, "assertion failed:%.*s%s%s", n, from, message.text[0] != '\0' ? ": " : "",
                message.text);
}

static void print(struct reader *r)
{
    struct values v = {0};

    py_skip(r);
    if (py_take(r, "("))
        v = py_list(r, ")");
    else if (r->at < r->end && *r->at != '\n' && *r->at != ';')
        v.v[v.n++] = py_expression(r);
    for (unsigned i = 0; r->py->verbose && i < v.n; i++)
        printf("%s%s", v.v[i].text, i + 1 < v.n ? " " : "\n");
}

/* x = 1, x += 1; false where it is neither. */
static bool assignment(struct reader *r)
{
    static const char *const ops[] = {"+=", "-=", "*=", "|=", "&=", "^=", "//=", "%=", "/="};
    const char *from = r->at;
    struct py_value a, b;
    char name[48];

    if (!py_take_name(r, name, sizeof(name)))
        return false;
    py_skip(r);
    if (py_peek(r, 0) == '=' && py_peek(r, 1) != '=') {
        r->at++;
        b = py_expression(r);
        if (r->ok)
            assign(r, name, &b);
        return true;
    }
    for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (py_take(r, ops[i])) {
            char op[3] = "";

            memcpy(op, ops[i], strlen(ops[i]) - 1);
            a = py_named(r, name);
            b = py_expression(r);
            if (r->ok)
                a = py_arithmetic(r, &a, &b, op);
            if (r->ok)
                assign(r, name, &a);
            return true;
        }
    r->at = from;
    return false;
}

static void statement(struct reader *r)
{
    struct py_value v;

    if (py_take(r, "pass")) {
        return;
    } else if (py_take(r, "import") || py_take(r, "from")) {
        while (r->at < r->end && *r->at != '\n' && *r->at != ';')
            r->at++;
    } else if (py_take(r, "assert")) {
        assertion(r);
    } else if (py_take(r, "print")) {
        print(r);
    } else if (py_take(r, "if")) {
        v = py_expression(r);
        if (r->ok && !py_take(r, ":"))
            py_fail(r, "expected ':'");
        if (r->ok && py_truth(&v))
            statement(r);
        else
            while (r->ok && r->at < r->end && *r->at != '\n')
                r->at++;
    } else if (!assignment(r)) {
        v = py_expression(r);
    }
}

bool py_run(struct py *py, const char *code, size_t len)
{
    struct reader r = {.py = py, .at = code, .end = code + len, .ok = true};

    py->error[0] = '\0';
    while (r.ok) {
        py_skip(&r);
        if (r.at == r.end)
            break;
        if (*r.at == '\n' || *r.at == ';') {
            r.at++;
            continue;
        }
        r.depth = 0;
        statement(&r);
        py_skip(&r);
        if (r.ok && r.at < r.end && *r.at != '\n' && *r.at != ';')
            py_fail(&r, "not understood: '%.20s'", r.at);
    }
    return r.ok;
}
