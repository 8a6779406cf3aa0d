/* SPDX-License-Identifier: ISC */
/* py_expr.c - expressions, from the loosest operator to the tightest. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "py_priv.h"

void py_fail(struct reader *r, const char *format, ...)
{
    va_list args;

    if (!r->ok)
        return;
    r->ok = false;
    va_start(args, format);
    vsnprintf(r->py->error, sizeof(r->py->error), format, args);
    va_end(args);
}

/* ---- values ---------------------------------------------------------------------------------- */

static struct py_value of_int(int64_t i)
{
    struct py_value v = {.kind = PY_INT, .i = i, .f = (double)i};

    snprintf(v.text, sizeof(v.text), "%lld", (long long)i);
    return v;
}

static struct py_value of_float(double f)
{
    struct py_value v = {.kind = PY_FLOAT, .f = f};

    v.i = f > -9e18 && f < 9e18 ? (int64_t)f : 0;
    snprintf(v.text, sizeof(v.text), "%.12g", f);
    return v;
}

bool py_truth(const struct py_value *v)
{
    if (v->kind == PY_TEXT)
        return v->text[0] != '\0';
    return v->kind == PY_INT ? v->i != 0 : v->f != 0;
}

static int compare(struct reader *r, const struct py_value *a, const struct py_value *b)
{
    if ((a->kind == PY_TEXT) != (b->kind == PY_TEXT)) {
        py_fail(r, "a string compared with a number");
        return 1;
    }
    if (a->kind == PY_TEXT)
        return strcmp(a->text, b->text);
    if (a->kind == PY_INT && b->kind == PY_INT)
        return a->i < b->i ? -1 : a->i > b->i;
    return a->f < b->f ? -1 : a->f > b->f;
}

/* ---- characters ------------------------------------------------------------------------------ */

int py_peek(const struct reader *r, size_t n)
{
    return n < (size_t)(r->end - r->at) ? (unsigned char)r->at[n] : 0;
}

void py_skip(struct reader *r)
{
    for (;;) {
        int c = py_peek(r, 0);

        if (c == ' ' || c == '\t' || c == '\r' || (c == '\n' && r->parens > 0))
            r->at++;
        else if (c == '\\' && py_peek(r, 1) == '\n')
            r->at += 2;
        else if (c == '#')
            while (r->at < r->end && *r->at != '\n')
                r->at++;
        else
            return;
    }
}

static bool name_char(int c)
{
    return isalnum(c) || c == '_';
}

bool py_take(struct reader *r, const char *what)
{
    size_t n = strlen(what);

    py_skip(r);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, what, n) != 0)
        return false;
    if (isalpha((unsigned char)what[0]) && name_char(py_peek(r, n)))
        return false;
    r->at += n;
    return true;
}

bool py_take_name(struct reader *r, char *out, size_t room)
{
    size_t n = 0;

    py_skip(r);
    if (!isalpha(py_peek(r, 0)) && py_peek(r, 0) != '_')
        return false;
    while (name_char(py_peek(r, n)))
        n++;
    if (n >= room) {
        py_fail(r, "a very long name");
        return false;
    }
    memcpy(out, r->at, n);
    out[n] = '\0';
    r->at += n;
    return true;
}

/* ---- expressions ----------------------------------------------------------------------------- */

struct values py_list(struct reader *r, const char *close)
{
    struct values out = {0};

    r->parens++;
    while (r->ok && !py_take(r, close)) {
        if (out.n == PY_TUPLE_MAX) {
            py_fail(r, "too many values");
            break;
        }
        out.v[out.n++] = py_expression(r);
        if (!py_take(r, ",")) {
            if (!py_take(r, close))
                py_fail(r, "expected '%s'", close);
            break;
        }
    }
    r->parens--;
    return out;
}

static struct py_value text_of(struct reader *r)
{
    struct py_value v = {.kind = PY_TEXT};
    int quote = py_peek(r, 0);
    size_t n = 0;

    r->at++;
    while (r->at < r->end && py_peek(r, 0) != quote) {
        if (py_peek(r, 0) == '\\' && r->end - r->at > 1)
            r->at++;
        if (n < sizeof(v.text) - 1)
            v.text[n++] = *r->at;
        r->at++;
    }
    if (r->at == r->end)
        py_fail(r, "a string without an end");
    else
        r->at++;
    return v;
}

static struct py_value number(struct reader *r)
{
    char digits[40] = "";
    bool hex = py_peek(r, 0) == '0' && (py_peek(r, 1) == 'x' || py_peek(r, 1) == 'X'),
         fraction = false;
    size_t n = hex ? 2 : 0;
    char *end;

    for (;; n++) {
        int c = py_peek(r, n);

        if (hex ? !isxdigit(c)
                : !isdigit(c) && c != '.' && c != '_' && c != 'e' &&
                      !((c == '-' || c == '+') && n > 0 && py_peek(r, n - 1) == 'e'))
            break;
        fraction |= !hex && (c == '.' || c == 'e');
    }
    if (n >= sizeof(digits)) {
        py_fail(r, "a very long number");
        return of_int(0);
    }
    memcpy(digits, r->at, n);
    r->at += n;
    if (name_char(py_peek(r, 0)))
        py_fail(r, "a bad number");
    if (fraction) {
        double f = strtod(digits, &end);

        if (*end != '\0')
            py_fail(r, "a bad number");
        return of_float(f);
    }
    return of_int((int64_t)strtoull(digits, NULL, hex ? 16 : 10));
}

static struct py_value call(struct reader *r, const char *name)
{
    struct values a = py_list(r, ")");
    bool least = strcmp(name, "min") == 0;

    if (!r->ok || a.n == 0) {
        py_fail(r, "%s() of nothing", name);
        return of_int(0);
    }
    if (least || strcmp(name, "max") == 0) {
        for (unsigned i = 1; i < a.n; i++)
            if ((compare(r, &a.v[i], &a.v[0]) < 0) == least)
                a.v[0] = a.v[i];
        return a.v[0];
    }
    if (strcmp(name, "abs") == 0)
        return a.v[0].kind == PY_INT ? of_int(llabs(a.v[0].i)) : of_float(fabs(a.v[0].f));
    if (strcmp(name, "int") == 0)
        return of_int(a.v[0].i);
    if (strcmp(name, "float") == 0)
        return of_float(a.v[0].f);
    if (strcmp(name, "round") == 0)
        return of_int(llround(a.v[0].f));
    if (strcmp(name, "bool") == 0)
        return of_int(py_truth(&a.v[0]));
    if (strcmp(name, "str") == 0 || strcmp(name, "repr") == 0) {
        a.v[0].kind = PY_TEXT;
        return a.v[0];
    }
    py_fail(r, "the function %s() is not known", name);
    return of_int(0);
}

struct py_value py_named(struct reader *r, const char *name)
{
    struct py *py = r->py;
    int64_t value;

    if (strcmp(name, "True") == 0 || strcmp(name, "False") == 0)
        return of_int(name[0] == 'T');
    for (unsigned i = 0; i < py->var_count; i++)
        if (strcmp(py->var[i].name, name) == 0)
            return py->var[i].value;
    if (py->lookup != NULL && py->lookup(py->arg, name, &value))
        return of_int(value);
    py_fail(r, "the name '%s' is not known", name);
    return of_int(0);
}

static struct py_value primary(struct reader *r)
{
    char name[48];

    py_skip(r);
    if (++r->depth > PY_DEPTH_MAX) {
        py_fail(r, "nested too deeply");
        return of_int(0);
    }
    if (py_take(r, "(")) {
        struct values v = py_list(r, ")");

        if (v.n != 1)
            py_fail(r, "a tuple where a value should be");
        return v.v[0];
    }
    if (py_peek(r, 0) == '\'' || py_peek(r, 0) == '"')
        return text_of(r);
    if (isdigit(py_peek(r, 0)) || (py_peek(r, 0) == '.' && isdigit(py_peek(r, 1))))
        return number(r);
    if (py_take_name(r, name, sizeof(name)))
        return py_take(r, "(") ? call(r, name) : py_named(r, name);
    py_fail(r, "expected a value, found '%.20s'", r->at < r->end ? r->at : "the end");
    return of_int(0);
}

static struct py_value unary(struct reader *r)
{
    struct py_value v;

    py_skip(r);
    if (py_take(r, "-")) {
        v = unary(r);
        if (v.kind == PY_TEXT)
            py_fail(r, "minus a string");
        return v.kind == PY_INT ? of_int((int64_t)(0 - (uint64_t)v.i)) : of_float(-v.f);
    }
    if (py_take(r, "~")) {
        v = unary(r);
        return of_int(~v.i);
    }
    if (py_take(r, "+"))
        return unary(r);
    v = primary(r);
    if (r->depth > 0)
        r->depth--;
    if (py_take(r, "**")) {
        struct py_value e = unary(r);

        return v.kind == PY_INT && e.kind == PY_INT && e.i >= 0 ? of_int((int64_t)pow(v.f, e.f))
                                                                : of_float(pow(v.f, e.f));
    }
    return v;
}

/* Python's division goes down, not toward zero. */
static struct py_value divide(struct reader *r, const struct py_value *a, const struct py_value *b,
                              const char *op)
{
    if (b->f == 0 || (b->kind == PY_INT && b->i == 0)) {
        py_fail(r, "division by zero");
        return of_int(0);
    }
    if (op[0] == '/' && op[1] == '\0')
        return of_float(a->f / b->f);
    if (a->kind == PY_INT && b->kind == PY_INT && !(a->i == INT64_MIN && b->i == -1)) {
        int64_t q = a->i / b->i, rest = a->i % b->i;

        if (rest != 0 && (rest < 0) != (b->i < 0)) {
            q--;
            rest += b->i;
        }
        return of_int(op[0] == '%' ? rest : q);
    }
    return of_float(op[0] == '%' ? a->f - floor(a->f / b->f) * b->f : floor(a->f / b->f));
}

struct py_value py_arithmetic(struct reader *r, const struct py_value *a, const struct py_value *b,
                              const char *op)
{
    bool ints = a->kind == PY_INT && b->kind == PY_INT;
    uint64_t x = (uint64_t)a->i, y = (uint64_t)b->i;

    if (a->kind == PY_TEXT || b->kind == PY_TEXT) {
        py_fail(r, "'%s' of a string", op);
        return of_int(0);
    }
    switch (op[0]) {
    case '+':
        return ints ? of_int((int64_t)(x + y)) : of_float(a->f + b->f);
    case '-':
        return ints ? of_int((int64_t)(x - y)) : of_float(a->f - b->f);
    case '*':
        return ints ? of_int((int64_t)(x * y)) : of_float(a->f * b->f);
    case '&':
        return of_int((int64_t)(x & y));
    case '|':
        return of_int((int64_t)(x | y));
    case '^':
        return of_int((int64_t)(x ^ y));
    case '<':
        return of_int((int64_t)(y < 64 ? x << y : 0));
    case '>':
        return of_int(y < 64 ? a->i >> y : a->i < 0 ? -1 : 0);
    default:
        return divide(r, a, b, op);
    }
}

/* 'cwnd=%d rtt=%d' % (a, b): the format, then the values; it is only ever shown. */
static struct py_value formatted(struct reader *r, struct py_value text)
{
    struct values v = {0};
    size_t n = strlen(text.text);

    if (py_take(r, "("))
        v = py_list(r, ")");
    else
        v.v[v.n++] = unary(r);
    for (unsigned i = 0; i < v.n && n < sizeof(text.text) - 1; i++) {
        int more = snprintf(text.text + n, sizeof(text.text) - n, "%s%s", i == 0 ? " % " : ", ",
                            v.v[i].text);

        n += more < 0 ? 0 : (size_t)more;
    }
    return text;
}

/* Operators of one strength each, loosest first. */
static const char *const operators[][4] = {
    {"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"//", "*", "/", "%"},
};
#define STRENGTHS (sizeof(operators) / sizeof(operators[0]))

static const char *take_operator(struct reader *r, unsigned strength)
{
    for (unsigned i = 0; i < 4 && operators[strength][i] != NULL; i++) {
        const char *op = operators[strength][i];
        size_t n = strlen(op);

        py_skip(r);
        if (py_peek(r, n) == '=' ||
            (n == 1 && py_peek(r, 0) == py_peek(r, 1) && op[0] != '-' && op[0] != '+'))
            continue; /* x += 1, or a longer operator */
        if (py_take(r, op))
            return op;
    }
    return NULL;
}

static struct py_value binary(struct reader *r, unsigned strength)
{
    struct py_value a, b;
    const char *op;

    if (strength == STRENGTHS)
        return unary(r);
    a = binary(r, strength + 1);
    while (r->ok && (op = take_operator(r, strength)) != NULL) {
        if (a.kind == PY_TEXT && op[0] == '%') {
            a = formatted(r, a);
            continue;
        }
        b = binary(r, strength + 1);
        if (r->ok)
            a = py_arithmetic(r, &a, &b, op);
    }
    return a;
}

/* a in (b, c) */
static bool among(struct reader *r, const struct py_value *a)
{
    struct values v = {0};
    bool found = false;

    if (py_take(r, "("))
        v = py_list(r, ")");
    else if (py_take(r, "["))
        v = py_list(r, "]");
    else
        py_fail(r, "'in' wants a list");
    for (unsigned i = 0; i < v.n; i++)
        found |= compare(r, a, &v.v[i]) == 0;
    return found;
}

static struct py_value comparison(struct reader *r)
{
    static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">"};
    struct py_value a = binary(r, 0), b;
    bool result = true, any = false;

    for (;;) {
        unsigned i = 0;

        if (py_take(r, "not")) {
            if (!py_take(r, "in"))
                py_fail(r, "'not' alone");
            return of_int(!among(r, &a));
        }
        if (py_take(r, "in"))
            return of_int(among(r, &a));
        while (i < 6 && !py_take(r, ops[i]))
            i++;
        if (i == 6 || !r->ok)
            return any ? of_int(result) : a;
        b = binary(r, 0);
        if (r->ok) {
            int c = compare(r, &a, &b);
            const bool is[] = {c == 0, c != 0, c <= 0, c >= 0, c<0, c> 0};

            result &= is[i];
        }
        any = true;
        a = b;
    }
}

static struct py_value negation(struct reader *r)
{
    if (py_take(r, "not")) {
        struct py_value v = negation(r);

        return of_int(!py_truth(&v));
    }
    return comparison(r);
}

static struct py_value conjunction(struct reader *r)
{
    struct py_value a = negation(r), b;

    while (r->ok && py_take(r, "and")) {
        b = negation(r);
        a = py_truth(&a) ? b : a;
    }
    return a;
}

struct py_value py_expression(struct reader *r)
{
    struct py_value a = conjunction(r), b;

    while (r->ok && py_take(r, "or")) {
        b = conjunction(r);
        a = py_truth(&a) ? a : b;
    }
    return a;
}
