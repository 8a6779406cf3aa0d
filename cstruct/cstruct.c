/* SPDX-License-Identifier: ISC */
/* cstruct.c - operations on views that are more than a few instructions: copying, joining,
 * comparing, finding. */
#include <morgana/cstruct.h>
#include <morgana/err.h>

/* An empty view may have a NULL base, which memcpy and its like do not allow even for no bytes. */
static void move_bytes(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n > 0)
        memmove(to, from, n);
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    return n == 0 || memcmp(a, b, n) == 0;
}

void cs_wo_blit(struct cs_wo to, size_t off, struct cs_ro from)
{
    ASSERT(cs_in(to.len, off, from.len));
    move_bytes(CS_AT(to, wo_base, off), from.base, from.len);
}

bool cs_wo_try_blit(struct cs_wo to, size_t off, struct cs_ro from)
{
    if (!cs_in(to.len, off, from.len))
        return false;
    cs_wo_blit(to, off, from);
    return true;
}

void cs_wo_fill(struct cs_wo to, uint8_t byte)
{
    if (to.len > 0)
        memset(to.wo_base, byte, to.len);
}

size_t cs_wo_fillv(struct cs_wo to, struct cs_ro *from, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < n && done < to.len; i++) {
        size_t part = size_min(from[i].len, to.len - done);

        cs_wo_blit(to, done, cs_head(from[i], part));
        from[i] = cs_shift(from[i], part);
        done += part;
    }
    return done;
}

/* The summed length, or false where the sum overflows: views of a list may overlap, so it can. */
static bool sum_lengths(const struct cs_ro *list, size_t n, size_t *out)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        if (list[i].len > SIZE_MAX - sum)
            return false;
        sum += list[i].len;
    }
    *out = sum;
    return true;
}

size_t cs_lenv(const struct cs_ro *list, size_t n)
{
    size_t sum = 0;
    bool fits = sum_lengths(list, n, &sum);

    ASSERT(fits);
    return sum;
}

int cs_concat(struct cs to, const struct cs_ro *list, size_t n, struct cs *out)
{
    size_t sum, off = 0;

    if (!sum_lengths(list, n, &sum) || sum > to.len)
        return -E_NOSPC;
    for (size_t i = 0; i < n; i++) {
        cs_blit(to, off, list[i]);
        off += list[i].len;
    }
    *out = cs_head(to, sum);
    return 0;
}

int cs_append(struct cs to, struct cs_ro a, struct cs_ro b, struct cs *out)
{
    const struct cs_ro both[] = {a, b};

    return cs_concat(to, both, ARRAY_SIZE(both), out);
}

int cs_copyv(void *to, size_t size, const struct cs_ro *list, size_t n)
{
    struct cs filled;
    int err = cs_concat(cs_of(to, size_min(size, INT32_MAX)), list, n, &filled);

    return err < 0 ? err : (int)filled.len;
}

bool cs_ro_equal(struct cs_ro a, struct cs_ro b)
{
    return a.len == b.len && same_bytes(a.base, b.base, a.len);
}

int cs_ro_compare(struct cs_ro a, struct cs_ro b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len == 0 ? 0 : memcmp(a.base, b.base, a.len);
}

bool cs_ro_is_zero(struct cs_ro v)
{
    return v.len == 0 || (v.base[0] == 0 && memcmp(v.base, v.base + 1, v.len - 1) == 0);
}

bool cs_ro_equal_str(struct cs_ro v, const char *s)
{
    return cs_ro_equal(v, cs_of_str(s));
}

size_t cs_ro_find_byte(struct cs_ro v, size_t from, uint8_t byte)
{
    for (size_t i = from; i < v.len; i++) {
        if (v.base[i] == byte)
            return i;
    }
    return CS_NOT_FOUND;
}

size_t cs_ro_find(struct cs_ro v, size_t from, struct cs_ro what)
{
    if (what.len == 0)
        return from <= v.len ? from : CS_NOT_FOUND;
    while ((from = cs_ro_find_byte(v, from, what.base[0])) != CS_NOT_FOUND) {
        if (what.len > v.len - from)
            return CS_NOT_FOUND;
        if (same_bytes(v.base + from, what.base, what.len))
            return from;
        from++;
    }
    return CS_NOT_FOUND;
}

bool cs_ro_has_prefix(struct cs_ro v, struct cs_ro prefix)
{
    return prefix.len <= v.len && same_bytes(v.base, prefix.base, prefix.len);
}

bool cs_ro_has_suffix(struct cs_ro v, struct cs_ro suffix)
{
    return suffix.len <= v.len && cs_ro_equal(cs_tail(v, suffix.len), suffix);
}
