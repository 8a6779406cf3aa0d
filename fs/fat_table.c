/* SPDX-License-Identifier: ISC */
/* fat_table.c - the table: one entry of 12, 16 or 32 bits a cluster, which names the next of its
 * chain. */
#include "fs/fat_priv.h"

#define FAT32_MASK 0x0fffffffu /* the upper four bits are somebody else's */

struct width {
    uint32_t mask, end_from, bad;
};
static const struct width widths[] = {
    {0xfffu, 0xff8u, 0xff7u},
    {0xffffu, 0xfff8u, 0xfff7u},
    {FAT32_MASK, 0x0ffffff8u, 0x0ffffff7u},
};

static const struct width *width_of(const struct fat *fs)
{
    return &widths[fs->bits == 12 ? 0 : fs->bits == 16 ? 1 : 2];
}

/* Where the entry begins in its table. */
static uint64_t entry_off(const struct fat *fs, uint32_t cluster)
{
    return (uint64_t)cluster * fs->bits / 8;
}

static uint64_t table_at(const struct fat *fs, uint32_t table)
{
    return fs->tables_at + table * fs->table_bytes;
}

/* Entries of 12 bits are in two bytes, which may lie in two chunks. */
static int get12(struct fat *fs, uint64_t at, uint32_t *raw)
{
    struct cs_ro v;
    int err = fat_cache_ro(fs, at, 1, &v);

    if (err < 0)
        return err;
    *raw = cs_get_u8(v, 0);
    err = fat_cache_ro(fs, at + 1, 1, &v);
    if (err < 0)
        return err;
    *raw |= (uint32_t)cs_get_u8(v, 0) << 8;
    return 0;
}

/* The entry with its neighbour's bits: 12: two bytes, of which four bits are another's. */
static int get_raw(struct fat *fs, uint32_t cluster, uint32_t *raw)
{
    uint64_t at = table_at(fs, fs->active) + entry_off(fs, cluster);
    struct cs_ro v;
    int err;

    ASSERT(fat_cluster_valid(fs, cluster) || cluster == 1);
    if (fs->bits == 12)
        return get12(fs, at, raw);
    err = fat_cache_ro(fs, at, fs->bits / 8, &v);
    if (err < 0)
        return err;
    *raw = fs->bits == 16 ? cs_get_le16(v, 0) : cs_get_le32(v, 0);
    return 0;
}

int fat_entry_get(struct fat *fs, uint32_t cluster, uint32_t *value)
{
    const struct width *w = width_of(fs);
    uint32_t raw;
    int err = get_raw(fs, cluster, &raw);

    if (err < 0)
        return err;
    if (fs->bits == 12 && cluster % 2)
        raw >>= 4;
    raw &= w->mask;
    *value = raw >= w->end_from && cluster != 1 ? FAT_NEXT_END : raw;
    return 0;
}

static int put_raw(struct fat *fs, uint64_t at, uint32_t raw)
{
    unsigned n = fs->bits == 12 ? 1 : fs->bits / 8;
    struct cs v;

    for (unsigned i = 0; i < (fs->bits == 12 ? 2u : 1u); i++) {
        int err = fat_cache_rw(fs, at + i, n, &v);

        if (err < 0)
            return err;
        if (n == 1)
            cs_set_u8(v, 0, (uint8_t)(raw >> 8 * i));
        else if (n == 2)
            cs_set_le16(v, 0, (uint16_t)raw);
        else
            cs_set_le32(v, 0, raw);
    }
    return 0;
}

int fat_entry_set(struct fat *fs, uint32_t cluster, uint32_t value)
{
    const struct width *w = width_of(fs);
    unsigned shift = fs->bits == 12 && cluster % 2 ? 4 : 0;
    uint32_t raw;
    int err = get_raw(fs, cluster, &raw);

    if (err < 0)
        return err;
    if (value == FAT_NEXT_END && cluster != 1)
        value = w->mask;
    raw = (raw & ~(w->mask << shift)) | (value & w->mask) << shift;
    for (uint32_t t = 0; t < fs->tables; t++) {
        if (!fs->mirror && t != fs->active)
            continue;
        err = put_raw(fs, table_at(fs, t) + entry_off(fs, cluster), raw);
        if (err < 0)
            return err;
    }
    return 0;
}

int fat_next(struct fat *fs, uint32_t cluster, uint32_t *next)
{
    uint32_t value;
    int err = fat_entry_get(fs, cluster, &value);

    if (err < 0)
        return err;
    if (value == FAT_NEXT_END)
        value = 0;
    else if (value == FAT_NEXT_FREE)
        return fat_damaged(fs, &fs->stats.bad_chain, "a chain leads into a free cluster");
    else if (value == width_of(fs)->bad)
        return fat_damaged(fs, &fs->stats.bad_chain, "a chain leads into a bad cluster");
    else if (!fat_cluster_valid(fs, value))
        return fat_damaged(fs, &fs->stats.bad_chain, "a chain leads out of the file system");
    *next = value;
    return 0;
}

int fat_chain_check(struct fat *fs, uint32_t first, uint32_t least, uint32_t *clusters,
                    uint32_t *last)
{
    uint32_t n = 0, at = first, end = 0, saved = 0, power = 0, steps = 0;

    if (first != 0 && !fat_cluster_valid(fs, first))
        return fat_damaged(fs, &fs->stats.bad_chain, "an entry's first cluster is none");
    while (at != 0) {
        int err;

        if (fat_loop_seen(&saved, &power, &steps, at))
            return fat_damaged(fs, &fs->stats.bad_chain, "a chain comes back to itself");
        end = at;
        n++;
        err = fat_next(fs, at, &at);
        if (err < 0)
            return err;
    }
    if (n < least)
        return fat_damaged(fs, &fs->stats.bad_chain, "a chain is shorter than its file");
    *clusters = n;
    *last = end;
    return 0;
}

/* FAT12: is the entry in two atoms? Then a cut could leave half of it. */
static bool straddles(const struct fat *fs, uint32_t cluster)
{
    uint64_t at = fs->tables_at + entry_off(fs, cluster);

    return fs->bits == 12 && at / FAT_ATOM_BYTES != (at + 1) / FAT_ATOM_BYTES;
}

/* 1: it can be had. */
static int usable(struct fat *fs, uint32_t cluster)
{
    uint32_t value;
    int err = fat_entry_get(fs, cluster, &value);

    return err < 0 ? err : value == FAT_NEXT_FREE && !straddles(fs, cluster);
}

static int claim(struct fat *fs, uint32_t prev, uint32_t cluster)
{
    int err = fat_entry_set(fs, cluster, FAT_NEXT_END);

    if (err < 0)
        return err;
    if (fs->free_count != FAT_FREE_UNKNOWN && fs->free_count > 0)
        fs->free_count--;
    fs->next_free = cluster + 1;
    return prev == 0 ? 0 : fat_entry_set(fs, prev, cluster);
}

int fat_alloc(struct fat *fs, uint32_t prev, uint32_t *cluster)
{
    for (uint32_t i = 0; i < fs->clusters; i++) {
        uint32_t at = 2 + (fs->next_free - 2 + i) % fs->clusters;
        int err = usable(fs, at);

        if (err == 0)
            continue;
        if (err > 0)
            err = claim(fs, prev, at);
        if (err == 0)
            *cluster = at;
        return err;
    }
    fs->stats.alloc_fails++;
    return -E_NOSPC;
}

/* The first piece of `n` free clusters, or -E_NOSPC. */
static int find_run(struct fat *fs, uint32_t n, uint32_t *first)
{
    uint32_t run = 0;

    for (uint32_t at = 2; at - 2 < fs->clusters; at++) {
        int err = usable(fs, at);

        if (err < 0)
            return err;
        run = err ? run + 1 : 0;
        if (run == n) {
            *first = at - n + 1;
            return 0;
        }
    }
    return -E_NOSPC;
}

int fat_alloc_chain(struct fat *fs, uint32_t n, uint32_t *first)
{
    uint32_t at, prev = 0, head = 0;
    int err = n > fs->clusters ? -E_NOSPC : find_run(fs, n, &at);

    if (err == 0)
        fs->next_free = at;
    else if (err != -E_NOSPC || n > fs->clusters)
        return err;
    for (uint32_t i = 0; i < n; i++) {
        err = fat_alloc(fs, prev, &at);
        if (err < 0) {
            if (head != 0)
                fat_free_chain(fs, head);
            return err;
        }
        head = head ? head : at;
        prev = at;
    }
    *first = head;
    return 0;
}

int fat_free_chain(struct fat *fs, uint32_t cluster)
{
    /* Each becomes free as it is passed: a loop ends where it began. */
    while (fat_cluster_valid(fs, cluster) && cluster != fs->root_cluster) {
        uint32_t next;
        int err = fat_entry_get(fs, cluster, &next);

        if (err < 0)
            return err;
        if (next == FAT_NEXT_FREE || next == width_of(fs)->bad)
            return 0;
        err = fat_entry_set(fs, cluster, FAT_NEXT_FREE);
        if (err < 0)
            return err;
        if (fs->free_count != FAT_FREE_UNKNOWN && fs->free_count < fs->clusters)
            fs->free_count++;
        cluster = next;
    }
    return 0;
}

int fat_count_free(struct fat *fs)
{
    uint32_t n = 0;

    if (fs->free_exact)
        return 0;
    for (uint32_t at = 2; at - 2 < fs->clusters; at++) {
        uint32_t value;
        int err = fat_entry_get(fs, at, &value);

        if (err < 0)
            return err;
        n += value == FAT_NEXT_FREE;
    }
    fs->free_count = n;
    fs->free_exact = true;
    return 0;
}
