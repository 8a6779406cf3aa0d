/* SPDX-License-Identifier: ISC */
/* fatimage.c - makes FAT file systems in memory. */
#include <string.h>

#include "fatimage.h"

static void put16(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
}

static void put32(uint8_t *p, uint32_t x)
{
    put16(p, x & 0xffff);
    put16(p + 2, x >> 16);
}

static uint32_t reserved(const struct fatimage *c)
{
    return c->bits == 32 ? 8 : 1;
}

static uint32_t tables(const struct fatimage *c)
{
    return c->tables ? c->tables : 2;
}

static uint32_t root_entries(const struct fatimage *c)
{
    uint32_t per_sector = c->sector_bytes / 32, n = c->root_entries ? c->root_entries : 64;

    return c->bits == 32 ? 0 : (n + per_sector - 1) / per_sector * per_sector;
}

static uint32_t table_sectors(const struct fatimage *c)
{
    uint64_t bytes = ((uint64_t)(c->clusters + 2) * c->bits + 7) / 8;

    return (uint32_t)((bytes + c->sector_bytes - 1) / c->sector_bytes);
}

static uint32_t data_sector(const struct fatimage *c)
{
    return reserved(c) + tables(c) * table_sectors(c) + root_entries(c) * 32 / c->sector_bytes;
}

size_t fatimage_bytes(const struct fatimage *c)
{
    return ((size_t)data_sector(c) + (size_t)c->clusters * c->cluster_sectors) * c->sector_bytes;
}

static void boot(const struct fatimage *c, uint8_t *b)
{
    uint32_t sectors = (uint32_t)(fatimage_bytes(c) / c->sector_bytes);
    uint8_t *ext = b + (c->bits == 32 ? 64 : 36);

    memcpy(b, "\xeb\x58\x90MORGANA ", 11);
    put16(b + 11, c->sector_bytes);
    b[13] = (uint8_t)c->cluster_sectors;
    put16(b + 14, reserved(c));
    b[16] = (uint8_t)tables(c);
    put16(b + 17, root_entries(c));
    if (sectors < 65536)
        put16(b + 19, sectors);
    else
        put32(b + 32, sectors);
    b[21] = 0xf8;
    if (c->bits == 32) {
        put32(b + 36, table_sectors(c));
        put32(b + 44, 2);
        put16(b + 48, 1);
        put16(b + 50, 0);
    } else {
        put16(b + 22, table_sectors(c));
    }
    ext[0] = 0x80;
    ext[2] = 0x29;
    put32(ext + 3, 0x1234abcd);
    memcpy(ext + 7, "NO NAME    ", 11);
    memcpy(ext + 18, c->bits == 12 ? "FAT12   " : c->bits == 16 ? "FAT16   " : "FAT32   ", 8);
    b[510] = 0x55;
    b[511] = 0xaa;
}

void fatimage_make(const struct fatimage *c, uint8_t *mem)
{
    uint8_t *root =
        mem + (size_t)(data_sector(c) - root_entries(c) * 32 / c->sector_bytes) * c->sector_bytes;

    boot(c, mem);
    for (uint32_t t = 0; t < tables(c); t++) {
        uint8_t *table = mem + (size_t)(reserved(c) + t * table_sectors(c)) * c->sector_bytes;

        if (c->bits == 12) {
            memcpy(table, "\xf8\xff\xff", 3);
        } else if (c->bits == 16) {
            put16(table, 0xfff8);
            put16(table + 2, 0xffff);
        } else {
            put32(table, 0x0ffffff8);
            put32(table + 4, 0x0fffffff);
            put32(table + 8, 0x0fffffff);
        }
    }
    if (c->bits == 32) {
        uint8_t *info = mem + c->sector_bytes;

        put32(info, 0x41615252);
        put32(info + 484, 0x61417272);
        put32(info + 488, c->clusters - 1);
        put32(info + 492, 2);
        put32(info + 508, 0xaa550000);
    }
    if (c->label) {
        memcpy(root, c->label, 11);
        root[11] = 0x08;
    }
}
