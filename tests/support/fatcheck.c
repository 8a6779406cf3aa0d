/* SPDX-License-Identifier: ISC */
/* fatcheck.c - judges a FAT file system in memory, as fsck.fat does. Written for itself: it shares
 * no code with fs/. For images of tests, whose boot sector is right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fatimage.h"

static struct {
    const uint8_t *mem, *table, *root;
    size_t table_bytes, data;
    uint32_t bits, cluster_bytes, clusters, root_slots, root_cluster;
    uint8_t *owned;
    unsigned found;
} v;

static uint32_t get16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

#define END 0xffffffffu

static uint32_t entry(uint32_t cluster)
{
    uint32_t x;

    if (v.bits == 12) {
        x = get16(v.table + cluster + cluster / 2);
        x = cluster % 2 ? x >> 4 : x & 0xfff;
        return x >= 0xff8 ? END : x;
    }
    if (v.bits == 16) {
        x = get16(v.table + 2 * (size_t)cluster);
        return x >= 0xfff8 ? END : x;
    }
    x = get32(v.table + 4 * (size_t)cluster) & 0x0fffffff;
    return x >= 0x0ffffff8 ? END : x;
}

static bool valid(uint32_t cluster)
{
    return cluster >= 2 && cluster < v.clusters + 2;
}

/* Takes a chain: how many clusters; 0 and a finding where it is broken. */
static uint32_t take(uint32_t cluster)
{
    uint32_t n = 0;

    while (cluster != END) {
        if (!valid(cluster) || entry(cluster) == 0) {
            v.found |= FATCHECK_SHORT;
            return 0;
        }
        if (v.owned[cluster]) {
            v.found |= FATCHECK_CROSS;
            return 0;
        }
        v.owned[cluster] = 1;
        n++;
        cluster = entry(cluster);
    }
    return n;
}

static uint8_t sum_of(const uint8_t *name)
{
    unsigned sum = 0;

    for (int i = 0; i < 11; i++)
        sum = (((sum & 1) << 7) + (sum >> 1) + name[i]) & 0xff;
    return (uint8_t)sum;
}

static void walk(uint32_t first, uint32_t parent, unsigned depth);

struct reader {
    uint32_t cluster, slot; /* cluster 0: the fixed root */
};

static const uint8_t *next(struct reader *r)
{
    const uint8_t *p;

    if (r->cluster == 0)
        return r->slot < v.root_slots ? v.root + 32 * (size_t)r->slot++ : NULL;
    if (r->slot == v.cluster_bytes / 32) {
        r->cluster = entry(r->cluster);
        r->slot = 0;
    }
    if (!valid(r->cluster))
        return NULL;
    p = v.mem + v.data + (size_t)(r->cluster - 2) * v.cluster_bytes + 32 * (size_t)r->slot++;
    return p;
}

static void file(const uint8_t *e, uint32_t first)
{
    uint64_t size = get32(e + 28), need = (size + v.cluster_bytes - 1) / v.cluster_bytes;
    uint32_t n = first == 0 ? 0 : take(first);

    if (first != 0 && n == 0)
        return;
    if (n < need)
        v.found |= FATCHECK_SHORT;
    if (n > need)
        v.found |= FATCHECK_LONG;
}

static bool twice(struct reader r, const uint8_t *e)
{
    const uint8_t *p;

    while ((p = next(&r)) != NULL && p[0] != 0)
        if (p != e && p[0] != 0xe5 && p[11] != 0x0f && !(p[11] & 8) && memcmp(p, e, 11) == 0)
            return true;
    return false;
}

static void dots(uint32_t first, uint32_t parent)
{
    struct reader r = {.cluster = first};
    const uint8_t *p = next(&r);

    if (memcmp(p, ".          ", 11) != 0 || (get16(p + 26) | get16(p + 20) << 16) != first)
        v.found |= FATCHECK_DOTS;
    p = next(&r);
    if (memcmp(p, "..         ", 11) != 0 || (get16(p + 26) | get16(p + 20) << 16) != parent)
        v.found |= FATCHECK_DOTS;
}

/* A slot of an entry; `parts`: of the long name before it that are still to come, -1: none. */
static void one(const uint8_t *e, struct reader start, uint32_t first, unsigned depth, int parts,
                uint8_t sum)
{
    uint32_t cluster = get16(e + 26) | (v.bits == 32 ? get16(e + 20) << 16 : 0);

    if (parts > 0 || (parts == 0 && sum != sum_of(e)))
        v.found |= FATCHECK_ORPHAN;
    if (e[11] & 8)
        return;
    for (int i = 0; i < 11; i++)
        if (e[i] < 0x20 && !(i == 0 && e[0] == 5))
            v.found |= FATCHECK_ENTRY;
    if (twice(start, e))
        v.found |= FATCHECK_TWICE;
    if (!(e[11] & 0x10)) {
        file(e, cluster);
        return;
    }
    if (!valid(cluster)) {
        v.found |= FATCHECK_SHORT;
        return;
    }
    if (take(cluster) == 0)
        return;
    dots(cluster, first == v.root_cluster ? 0 : first);
    if (depth < 20)
        walk(cluster, first, depth + 1);
}

static void walk(uint32_t first, uint32_t parent, unsigned depth)
{
    struct reader r = {.cluster = first}, start = r;
    const uint8_t *p;
    int parts = -1;
    uint8_t sum = 0;

    (void)parent;
    while ((p = next(&r)) != NULL && p[0] != 0) {
        if (p[0] == 0xe5 || (p[0] == '.' && (p[1] == ' ' || p[1] == '.'))) {
            if (parts >= 0)
                v.found |= FATCHECK_ORPHAN;
            parts = -1;
        } else if (p[11] == 0x0f) {
            if ((p[0] & 0x40) != 0) {
                if (parts >= 0)
                    v.found |= FATCHECK_ORPHAN;
                parts = p[0] & 0x3f;
                sum = p[13];
            }
            if (parts != (p[0] & 0x3f) || sum != p[13] || parts < 1)
                v.found |= FATCHECK_ORPHAN;
            parts--;
        } else {
            one(p, start, first, depth, parts, sum);
            parts = -1;
        }
    }
    if (parts >= 0)
        v.found |= FATCHECK_ORPHAN;
    while (p && (p = next(&r)) != NULL) /* Linux reads on past the end */
        if (p[0] != 0 && p[0] != 0xe5)
            v.found |= FATCHECK_AFTER;
}

static void tables(uint32_t fsinfo, uint32_t sector, bool dirty)
{
    uint32_t unused = 0;

    if (memcmp(v.table, v.table + v.table_bytes, v.table_bytes) != 0)
        v.found |= FATCHECK_COPIES;
    for (uint32_t c = 2; c < v.clusters + 2; c++) {
        unused += entry(c) == 0;
        if (entry(c) != 0 && !v.owned[c])
            v.found |= FATCHECK_LOST;
    }
    if (v.bits == 32 && get32(v.mem + fsinfo * sector + 488) != unused)
        v.found |= FATCHECK_FSINFO;
    if (dirty || (v.bits == 16 && !(v.table[3] & 0x80)) || (v.bits == 32 && !(v.table[7] & 8)))
        v.found |= FATCHECK_DIRTY;
}

unsigned fatimage_check(const uint8_t *mem, size_t bytes)
{
    uint32_t sector = get16(mem + 11), reserved = get16(mem + 14), copies = mem[16];
    uint32_t slots = get16(mem + 17), sectors = get16(mem + 19), per_table = get16(mem + 22);
    bool fat32 = per_table == 0;
    uint32_t head;

    if (fat32)
        per_table = get32(mem + 36);
    if (sectors == 0)
        sectors = get32(mem + 32);
    head = reserved + copies * per_table + slots * 32 / sector;
    v.mem = mem;
    v.table = mem + (size_t)reserved * sector;
    v.table_bytes = (size_t)per_table * sector;
    v.root = v.table + copies * v.table_bytes;
    v.root_slots = slots;
    v.data = (size_t)head * sector;
    v.cluster_bytes = sector * mem[13];
    v.clusters = (sectors - head) / mem[13];
    v.bits = fat32 ? 32 : v.clusters < 4085 ? 12 : 16;
    v.root_cluster = fat32 ? get32(mem + 44) : 0;
    v.found = 0;
    if ((size_t)sectors * sector > bytes)
        return FATCHECK_ENTRY;
    v.owned = calloc(v.clusters + 2, 1);
    if (fat32)
        take(v.root_cluster);
    walk(v.root_cluster, 0, 0);
    tables(get16(mem + 48), sector, mem[fat32 ? 65 : 37] & 1);
    free(v.owned);
    return v.found;
}

const char *fatcheck_text(unsigned found)
{
    static const char *const names[] = {"LOST",  "LONG",  "SHORT",  "CROSS",  "DOTS",  "ORPHAN",
                                        "TWICE", "DIRTY", "COPIES", "FSINFO", "ENTRY", "AFTER"};
    static char text[128];

    text[0] = '\0';
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (found >> i & 1)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", text[0] ? " " : "",
                     names[i]);
    return text;
}
