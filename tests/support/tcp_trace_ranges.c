/* SPDX-License-Identifier: ISC */
/* tcp_trace_ranges.c - sets of ranges of a stream, and its last bytes, for the trace checker. */
#include <stdlib.h>
#include <string.h>

#include "tcp_trace_priv.h"

#define RANGES_MAX 4096u
#define BYTES_MIN 4096u
#define BYTES_MAX (16u << 20)
#define HISTORY 16384 /* bytes kept below what was acknowledged: spurious retransmissions */

/* The first range that ends at or after `off`. */
static unsigned find(const struct tt_ranges *r, int64_t off)
{
    unsigned low = 0, high = r->count;

    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (r->v[mid].to < off)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void remove_at(struct tt_ranges *r, unsigned at, unsigned n)
{
    memmove(r->v + at, r->v + at + n, (r->count - at - n) * sizeof(*r->v));
    r->count -= n;
}

static void make_room(struct tt_ranges *r)
{
    if (r->count < r->room)
        return;
    r->room = r->room == 0 ? 4 : r->room * 2;
    r->v = realloc(r->v, r->room * sizeof(*r->v));
}

void tt_ranges_add(struct tt_ranges *r, int64_t from, int64_t to, enum tt_full full)
{
    unsigned at, end;

    if (from >= to)
        return;
    at = find(r, from);
    for (end = at; end < r->count && r->v[end].from <= to; end++)
        ;
    if (end > at) {
        if (r->v[at].from < from)
            from = r->v[at].from;
        to = tt_max(to, r->v[end - 1].to);
        r->v[at] = (struct tt_range){from, to};
        remove_at(r, at + 1, end - at - 1);
        return;
    }
    if (r->count == RANGES_MAX) {
        if (full == TT_JOIN)
            r->v[1].from = r->v[0].from;
        r->forgot = true;
        remove_at(r, 0, 1);
        tt_ranges_add(r, from, to, full); /* it may be inside now */
        return;
    }
    make_room(r);
    if (at < r->count)
        memmove(r->v + at + 1, r->v + at, (r->count - at) * sizeof(*r->v));
    r->v[at] = (struct tt_range){from, to};
    r->count++;
}

bool tt_ranges_hold(const struct tt_ranges *r, int64_t from, int64_t to)
{
    unsigned at = find(r, to);

    return at < r->count && r->v[at].from <= from && to <= r->v[at].to;
}

bool tt_ranges_touch(const struct tt_ranges *r, int64_t from, int64_t to)
{
    unsigned at = find(r, from + 1);

    return from < to && at < r->count && r->v[at].from < to;
}

int64_t tt_ranges_end(const struct tt_ranges *r, int64_t from)
{
    unsigned at = find(r, from);

    return at < r->count && r->v[at].from <= from ? r->v[at].to : from;
}

void tt_ranges_free(struct tt_ranges *r)
{
    free(r->v);
    memset(r, 0, sizeof(*r));
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static uint8_t *at_of(const struct tt_bytes *b, int64_t off)
{
    return b->buf + ((size_t)off & (b->room - 1));
}

static void grow(struct tt_bytes *b, size_t room)
{
    uint8_t *buf = malloc(room);

    for (int64_t off = b->from; off < b->to; off++)
        buf[(size_t)off & (room - 1)] = *at_of(b, off);
    free(b->buf);
    b->buf = buf;
    b->room = room;
}

static void forget_below(struct tt_bytes *b, int64_t off)
{
    if (off <= b->from)
        return;
    b->from = off;
    while (b->known.count != 0 && b->known.v[0].to <= off)
        remove_at(&b->known, 0, 1);
    if (b->known.count != 0)
        b->known.v[0].from = tt_max(b->known.v[0].from, off);
}

static void fit(struct tt_bytes *b, int64_t to, int64_t keep)
{
    size_t room = b->room == 0 ? BYTES_MIN : b->room;

    if (to > b->from + (int64_t)room)
        forget_below(b, keep - HISTORY);
    while (to > b->from + (int64_t)room && room < BYTES_MAX)
        room *= 2;
    if (room != b->room)
        grow(b, room);
    forget_below(b, to - (int64_t)room);
    b->to = tt_max(b->to, to);
}

/* All of it is known, and the same: as it is, mostly. */
static bool same(const struct tt_bytes *b, int64_t off, const uint8_t *data, uint32_t len)
{
    size_t first = b->room - ((size_t)off & (b->room - 1));

    if (off < b->from || !tt_ranges_hold(&b->known, off, off + len))
        return false;
    first = first < len ? first : len;
    return memcmp(at_of(b, off), data, first) == 0 &&
           memcmp(b->buf, data + first, len - first) == 0;
}

bool tt_bytes_put(struct tt_bytes *b, int64_t off, const uint8_t *data, uint32_t len, int64_t keep,
                  int64_t *at)
{
    if (len == 0)
        return true;
    fit(b, off + len, keep);
    if (off >= b->from && !tt_ranges_touch(&b->known, off, off + len)) {
        size_t start = (size_t)(at_of(b, off) - b->buf), first = b->room - start;

        first = first < len ? first : len;
        memcpy(b->buf + start, data, first);
        memcpy(b->buf, data + first, len - first);
        tt_ranges_add(&b->known, off, off + len, TT_FORGET);
        return true;
    }
    if (same(b, off, data, len))
        return true;
    for (uint32_t i = 0; i < len; i++) {
        if (off + i < b->from)
            continue;
        if (!tt_ranges_hold(&b->known, off + i, off + i + 1)) {
            *at_of(b, off + i) = data[i];
        } else if (*at_of(b, off + i) != data[i]) {
            *at = off + i;
            return false;
        }
    }
    tt_ranges_add(&b->known, tt_max(off, b->from), off + len, TT_FORGET);
    return true;
}

void tt_bytes_free(struct tt_bytes *b)
{
    free(b->buf);
    tt_ranges_free(&b->known);
    memset(b, 0, sizeof(*b));
}
