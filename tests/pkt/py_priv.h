/* SPDX-License-Identifier: ISC */
/* py_priv.h - between py.c and py_expr.c. */
#ifndef PKT_PY_PRIV_H
#define PKT_PY_PRIV_H

#include "py.h"

#define PY_DEPTH_MAX 100
#define PY_TUPLE_MAX 16

struct reader {
    struct py *py;
    const char *at, *end;
    unsigned parens; /* inside them a line's end is a blank */
    unsigned depth;
    bool ok;
};

struct values { /* of a tuple; n 1: a value alone */
    unsigned n;
    struct py_value v[PY_TUPLE_MAX];
};

/* The first error is kept; then nothing more is read. */
void py_fail(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool py_truth(const struct py_value *v);
int py_peek(const struct reader *r, size_t n);
/* Blanks, comments, and within parentheses lines' ends. */
void py_skip(struct reader *r);
bool py_take(struct reader *r, const char *what);
bool py_take_name(struct reader *r, char *out, size_t room);
struct py_value py_named(struct reader *r, const char *name);
struct py_value py_arithmetic(struct reader *r, const struct py_value *a, const struct py_value *b,
                              const char *op);
struct py_value py_expression(struct reader *r);
/* Values with commas up to `close`. */
struct values py_list(struct reader *r, const char *close);

#endif
