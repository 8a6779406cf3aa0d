/* SPDX-License-Identifier: ISC */
/* py.h - the little of Python that scripts assert with: see py.c. */
#ifndef PKT_PY_H
#define PKT_PY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PY_VARS_MAX 64

struct py_value {
    enum py_kind { PY_INT, PY_FLOAT, PY_TEXT } kind;
    int64_t i;
    double f;
    char text[160]; /* how it prints, of PY_TEXT what it is */
};

struct py {
    /* Names that the code did not assign itself. */
    bool (*lookup)(void *arg, const char *name, int64_t *value);
    void *arg;
    bool verbose; /* print() prints */
    unsigned var_count;
    struct {
        char name[48];
        struct py_value value;
    } var[PY_VARS_MAX]; /* they live from one block to the next */
    char error[320];
};

/* Runs statements. False: an assertion failed, or the code is not understood: error says. */
bool py_run(struct py *py, const char *code, size_t len);

#endif
