/* SPDX-License-Identifier: ISC */
/* field.c - printing a header by its field table. */
#include <morgana/field.h>
#include <morgana/log.h>

/* Text that grows in a buffer, cut where it does not fit; `len` never counts the NUL. */
struct text {
    char *out;
    size_t size, len;
};

PRINTF_LIKE(2, 3) static void add(struct text *text, const char *format, ...)
{
    va_list args;
    size_t room = text->size - text->len, n;

    va_start(args, format);
    n = fmt_vbuf(text->out + text->len, room, format, args);
    va_end(args);
    text->len += size_min(n, room - 1);
}

static void add_hex(struct text *text, struct cs_ro v)
{
    for (size_t i = 0; i < v.len; i++)
        add(text, "%02x", v.base[i]);
}

/* The field's value; `v` is the field. Integers are at most 8 bytes wide. */
static uint64_t int_of(const struct field *field, struct cs_ro v)
{
    uint64_t x = 0;

    for (size_t i = 0; i < v.len; i++)
        x = x << 8 | v.base[field->type == FIELD_INT_BE ? i : v.len - 1 - i];
    return x;
}

static void add_value(struct text *text, const struct field *field, struct cs_ro v)
{
    if (field->type == FIELD_BYTES)
        add_hex(text, v);
    else
        add(text, "%llu", (unsigned long long)int_of(field, v));
}

size_t field_print(const struct field *fields, size_t n, struct cs_ro v, char *out, size_t size)
{
    struct text text = {out, size, 0};
    struct cs_ro bytes;

    if (size == 0)
        return 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && cs_try_sub(v, fields[i].off, fields[i].size, &bytes); i++) {
        add(&text, "%s%s=", i == 0 ? "" : " ", fields[i].name);
        add_value(&text, &fields[i], bytes);
    }
    return text.len;
}

size_t field_dump(const struct field *fields, size_t n, struct cs_ro v, char *out, size_t size)
{
    struct text text = {out, size, 0};
    struct cs_ro bytes;

    if (size == 0)
        return 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && cs_try_sub(v, fields[i].off, fields[i].size, &bytes); i++) {
        add(&text, "%04x  %-20s ", (unsigned)fields[i].off, fields[i].name);
        add_hex(&text, bytes);
        if (fields[i].type != FIELD_BYTES)
            add(&text, " = %llu", (unsigned long long)int_of(&fields[i], bytes));
        add(&text, "\n");
    }
    return text.len;
}
