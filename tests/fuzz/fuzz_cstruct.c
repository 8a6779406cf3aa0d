/* SPDX-License-Identifier: ISC */
/* fuzz_cstruct.c - random sequences of operations on views, against a model that is too simple to
 * be wrong.
 *
 * The input is a program: a byte for the operation, then bytes for its arguments. All views look
 * into one heap block of exactly the size that the input asks for, so that the sanitizer sees
 * whatever leaves it. The model is a copy of the block's bytes and, for each view, an offset and a
 * length; it does everything byte by byte. After each operation all bytes are compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/cstruct.h>
#include <morgana/err.h>

#define BLOCK_MAX 80u
#define VIEWS 6u

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: model and code differ: %s\n", __FILE__, __LINE__, #expr);      \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct view {
    struct cs v;
    size_t off; /* where the model has it */
};

struct machine {
    const uint8_t *program;
    size_t left;
    uint8_t *block, model[BLOCK_MAX];
    size_t size;
    struct view views[VIEWS];
};

static uint8_t next(struct machine *m)
{
    if (m->left == 0)
        return 0;
    m->left--;
    return *m->program++;
}

static struct view *next_view(struct machine *m)
{
    return &m->views[next(m) % VIEWS];
}

/* An offset or length: near the block's, or so large that sums overflow. */
static size_t next_size(struct machine *m)
{
    uint8_t b = next(m);

    if (b < 224)
        return b % (BLOCK_MAX + 2);
    return b < 240 ? SIZE_MAX - (b - 224u) : SIZE_MAX / 2 + (b - 240u);
}

/* In arithmetic that cannot overflow: is the range inside? */
static bool inside(size_t len, size_t off, size_t n)
{
    return (unsigned __int128)off + n <= len;
}

static const uint8_t *model_of(const struct machine *m, const struct view *a)
{
    return m->model + a->off;
}

/* ---- operations ------------------------------------------------------------------------------ */

static void op_sub(struct machine *m)
{
    struct view *a = next_view(m), *to = next_view(m);
    size_t off = next_size(m), n = next_size(m), a_off = a->off;
    struct cs out = a->v;
    struct cs_ro ro = CS_RO_EMPTY;
    struct cs_wo wo = CS_WO_EMPTY;
    bool good = inside(a->v.len, off, n);

    CHECK(cs_try_sub(cs_as_ro(a->v), off, n, &ro) == good);
    CHECK(cs_try_sub(cs_as_wo(a->v), off, n, &wo) == good);
    CHECK(cs_try_sub(a->v, off, n, &out) == good);
    if (!good)
        return;
    CHECK(out.len == n && ro.len == n && wo.len == n);
    CHECK(out.base == ro.base && out.base == wo.wo_base);
    to->v = out;
    to->off = a_off + off;
}

static void op_split(struct machine *m)
{
    struct view *a = next_view(m), *head = next_view(m), *tail = next_view(m);
    size_t n = next_size(m), a_off = a->off;
    struct cs v = a->v, first = CS_EMPTY, rest = CS_EMPTY, shifted = CS_EMPTY;

    CHECK(cs_try_split(v, n, &first, &rest) == (n <= v.len));
    CHECK(cs_try_shift(v, n, &shifted) == (n <= v.len));
    if (n > v.len)
        return;
    CHECK(first.len == n && rest.len == v.len - n && shifted.len == rest.len);
    CHECK(rest.base == shifted.base && cs_tail(v, v.len - n).base == rest.base);
    *head = (struct view){first, a_off};
    *tail = (struct view){rest, a_off + n};
}

static void op_whole(struct machine *m)
{
    *next_view(m) = (struct view){cs_of(m->block, m->size), 0};
}

static void op_empty(struct machine *m)
{
    *next_view(m) = (struct view){CS_EMPTY, 0};
}

#define GET_SET(name, bits, shift_of)                                                              \
    static void op_##name(struct machine *m)                                                       \
    {                                                                                              \
        struct view *a = next_view(m);                                                             \
        size_t off = next_size(m);                                                                 \
        uint##bits##_t x = 0, expected = 0;                                                        \
        bool good = inside(a->v.len, off, bits / 8);                                               \
                                                                                                   \
        CHECK(cs_try_get_##name(a->v, off, &x) == good);                                           \
        if (good) {                                                                                \
            for (unsigned i = 0; i < bits / 8; i++)                                                \
                expected =                                                                         \
                    (uint##bits##_t)(expected | (uint64_t)model_of(m, a)[off + i] << (shift_of));  \
            CHECK(x == expected && cs_get_##name(a->v, off) == x);                                 \
        }                                                                                          \
        x = (uint##bits##_t)(next(m) * UINT64_C(0x0123456789abcdef));                              \
        CHECK(cs_try_set_##name(a->v, off, x) == good);                                            \
        for (unsigned i = 0; good && i < bits / 8; i++)                                            \
            m->model[a->off + off + i] = (uint8_t)((uint64_t)x >> (shift_of));                     \
    }
GET_SET(u8, 8, 8 * i)
GET_SET(le16, 16, 8 * i)
GET_SET(le32, 32, 8 * i)
GET_SET(le64, 64, 8 * i)
GET_SET(be16, 16, 8 - 8 * i)
GET_SET(be32, 32, 24 - 8 * i)
GET_SET(be64, 64, 56 - 8 * i)

static void op_blit(struct machine *m)
{
    struct view *to = next_view(m), *from = next_view(m);
    size_t off = next_size(m), n = from->v.len;
    bool good = inside(to->v.len, off, n);
    uint8_t copy[BLOCK_MAX];

    CHECK(cs_try_blit(to->v, off, from->v) == good);
    if (!good)
        return;
    for (size_t i = 0; i < n; i++)
        copy[i] = model_of(m, from)[i];
    for (size_t i = 0; i < n; i++)
        m->model[to->off + off + i] = copy[i];
}

static void op_fill(struct machine *m)
{
    struct view *to = next_view(m);
    uint8_t byte = next(m);

    cs_fill(to->v, byte);
    for (size_t i = 0; i < to->v.len; i++)
        m->model[to->off + i] = byte;
}

/* A list of up to four views, copied out of the block, as bytes may not overlap where they go to;
 * their bytes in `flat`. */
static size_t next_list(struct machine *m, struct cs_ro list[4], uint8_t storage[4][BLOCK_MAX],
                        uint8_t flat[4 * BLOCK_MAX], size_t *flat_len)
{
    size_t n = next(m) % 5;

    *flat_len = 0;
    for (size_t i = 0; i < n; i++) {
        const struct view *a = next_view(m);

        for (size_t j = 0; j < a->v.len; j++)
            storage[i][j] = flat[(*flat_len)++] = model_of(m, a)[j];
        list[i] = a->v.base == NULL ? CS_RO_EMPTY : cs_ro_of(storage[i], a->v.len);
    }
    return n;
}

static void op_fillv(struct machine *m)
{
    struct view *to = next_view(m);
    struct cs_ro list[4];
    uint8_t storage[4][BLOCK_MAX], flat[4 * BLOCK_MAX];
    size_t flat_len, n = next_list(m, list, storage, flat, &flat_len), done = 0, more = 0;
    size_t fits = flat_len < to->v.len ? flat_len : to->v.len;

    done = cs_fillv(to->v, list, n);
    CHECK(done == fits);
    for (size_t i = 0; i < done; i++)
        m->model[to->off + i] = flat[i];
    /* What is left of the list is what was not copied. */
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < list[i].len; j++)
            CHECK(list[i].base[j] == flat[done + more++]);
    }
    CHECK(done + more == flat_len);
}

static void op_concat(struct machine *m)
{
    struct view *to = next_view(m), *result = next_view(m);
    struct cs_ro list[4];
    struct cs out = CS_EMPTY;
    uint8_t storage[4][BLOCK_MAX], flat[4 * BLOCK_MAX], plain[4 * BLOCK_MAX];
    size_t flat_len, n = next_list(m, list, storage, flat, &flat_len), to_off = to->off;
    int err = n == 2 ? cs_append(to->v, list[0], list[1], &out) : cs_concat(to->v, list, n, &out);

    CHECK(cs_lenv(list, n) == flat_len);
    CHECK(cs_copyv(plain, sizeof(plain), list, n) == (int)flat_len);
    CHECK(memcmp(plain, flat, flat_len) == 0);
    CHECK(flat_len == 0 || cs_copyv(plain, flat_len - 1, list, n) == -E_NOSPC);
    CHECK(err == (flat_len <= to->v.len ? 0 : -E_NOSPC));
    if (err != 0)
        return;
    CHECK(out.len == flat_len);
    for (size_t i = 0; i < flat_len; i++)
        m->model[to_off + i] = flat[i];
    *result = (struct view){out, to_off};
}

static bool model_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

static void op_compare(struct machine *m)
{
    const struct view *a = next_view(m), *b = next_view(m);
    const uint8_t *x = model_of(m, a), *y = model_of(m, b);
    size_t n = a->v.len, k = b->v.len, from = next_size(m), first = CS_NOT_FOUND,
           byte_at = CS_NOT_FOUND;
    uint8_t byte = next(m) % 4;
    int order = n < k ? -1 : n > k;

    for (size_t i = 0; order == 0 && i < n; i++)
        order = x[i] < y[i] ? -1 : x[i] > y[i];
    for (size_t i = from; i <= n && first == CS_NOT_FOUND; i++) {
        if (inside(n, i, k) && model_equal(x + i, y, k))
            first = i;
    }
    for (size_t i = from; i < n && byte_at == CS_NOT_FOUND; i++) {
        if (x[i] == byte)
            byte_at = i;
    }
    CHECK((cs_compare(a->v, b->v) < 0) == (order < 0));
    CHECK((cs_compare(a->v, b->v) > 0) == (order > 0));
    CHECK(cs_equal(a->v, b->v) == (order == 0));
    CHECK(cs_find(a->v, from, b->v) == first);
    CHECK(cs_find_byte(a->v, from, byte) == byte_at);
    CHECK(cs_has_prefix(a->v, b->v) == (k <= n && model_equal(x, y, k)));
    CHECK(cs_has_suffix(a->v, b->v) == (k <= n && model_equal(x + n - k, y, k)));
}

static void op_text(struct machine *m)
{
    const struct view *a = next_view(m);
    size_t size = next(m), n;
    char *out = malloc(size + 1), hex[2 * BLOCK_MAX + 1];
    uint8_t back[BLOCK_MAX];

    n = cs_hexdump(a->v, out, size);
    CHECK(size == 0 ? n == 0 : n < size && strlen(out) == n);
    CHECK(cs_to_hex(a->v, out, size) == (size > 2 * a->v.len ? (int)(2 * a->v.len) : -E_NOSPC));
    CHECK(cs_to_hex(a->v, hex, sizeof(hex)) == (int)(2 * a->v.len));
    CHECK(cs_of_hex(cs_of(back, sizeof(back)), hex) == (int)a->v.len);
    CHECK(model_equal(back, model_of(m, a), a->v.len));
    /* Any text at all. */
    memcpy(out, m->program, size_min(size, m->left));
    out[size_min(size, m->left)] = '\0';
    CHECK(cs_of_hex(cs_of(back, 5), out) <= 5);
    free(out);
}

static void (*const ops[])(struct machine *) = {
    op_sub,  op_sub,  op_split, op_whole, op_empty, op_u8,    op_le16,   op_le32,    op_le64,
    op_be16, op_be32, op_be64,  op_blit,  op_fill,  op_fillv, op_concat, op_compare, op_text,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine m = {.program = data, .left = size};

    m.size = next(&m) % (BLOCK_MAX + 1);
    m.block = malloc(m.size);
    /* Few different bytes, so that finding and comparing sometimes succeed. */
    for (size_t i = 0; i < m.size; i++)
        m.block[i] = m.model[i] = (uint8_t)(i % 5 % 3);
    for (size_t i = 0; i < VIEWS; i++)
        m.views[i] = (struct view){cs_of(m.block, m.size), 0};
    while (m.left > 0) {
        ops[next(&m) % ARRAY_SIZE(ops)](&m);
        CHECK(memcmp(m.block, m.model, m.size) == 0);
        for (size_t i = 0; i < VIEWS; i++) {
            const struct view *a = &m.views[i];

            CHECK(a->v.base == NULL ? a->v.len == 0 : a->v.base == m.block + a->off);
            CHECK(inside(m.size, a->off, a->v.len));
        }
    }
    free(m.block);
    return 0;
}
