/* SPDX-License-Identifier: ISC */
/* fdt_blob.h - writes flattened device trees for tests, good ones and broken ones. */
#ifndef TESTS_FDT_BLOB_H
#define TESTS_FDT_BLOB_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/cstruct.h>

#define FDT_BLOB_BYTES 8192u
#define FDT_BLOB_HEADER 40u
#define FDT_BLOB_RESERVATIONS 64u /* three entries and the end */

struct fdt_blob {
    uint8_t structure[FDT_BLOB_BYTES];
    size_t structure_len;
    char strings[1024];
    size_t strings_len;
    uint64_t reserved[6];
    unsigned reserved_count;
};

static inline void fdt_blob_be32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void fdt_blob_token(struct fdt_blob *b, uint32_t value)
{
    assert(b->structure_len + 4 <= sizeof(b->structure));
    fdt_blob_be32(b->structure + b->structure_len, value);
    b->structure_len += 4;
}

static inline void fdt_blob_bytes(struct fdt_blob *b, const void *bytes, size_t len)
{
    assert(b->structure_len + len + 4 <= sizeof(b->structure));
    memcpy(b->structure + b->structure_len, bytes, len);
    b->structure_len += len;
    while (b->structure_len % 4 != 0)
        b->structure[b->structure_len++] = 0;
}

static inline void fdt_blob_begin(struct fdt_blob *b, const char *name)
{
    fdt_blob_token(b, 1);
    fdt_blob_bytes(b, name, strlen(name) + 1);
}

static inline void fdt_blob_end(struct fdt_blob *b)
{
    fdt_blob_token(b, 2);
}

static inline void fdt_blob_prop(struct fdt_blob *b, const char *name, const void *value,
                                 size_t len)
{
    size_t n = strlen(name) + 1;

    assert(b->strings_len + n <= sizeof(b->strings));
    memcpy(b->strings + b->strings_len, name, n);
    fdt_blob_token(b, 3);
    fdt_blob_token(b, (uint32_t)len);
    fdt_blob_token(b, (uint32_t)b->strings_len);
    fdt_blob_bytes(b, value, len);
    b->strings_len += n;
}

static inline void fdt_blob_string(struct fdt_blob *b, const char *name, const char *value)
{
    fdt_blob_prop(b, name, value, strlen(value) + 1);
}

/* `count` cells. */
static inline void fdt_blob_cells(struct fdt_blob *b, const char *name, const uint32_t *cells,
                                  size_t count)
{
    uint8_t bytes[64];

    assert(count * 4 <= sizeof(bytes));
    for (size_t i = 0; i < count; i++)
        fdt_blob_be32(bytes + 4 * i, cells[i]);
    fdt_blob_prop(b, name, bytes, count * 4);
}

#define FDT_BLOB_CELLS(b, name, ...)                                                               \
    fdt_blob_cells(b, name, (const uint32_t[]){__VA_ARGS__},                                       \
                   sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

/* The tree, its end token added, in a heap block of exactly its size: free() it. */
static inline struct cs fdt_blob_make(struct fdt_blob *b)
{
    size_t structure = FDT_BLOB_HEADER + FDT_BLOB_RESERVATIONS, strings, total;
    uint8_t *out;

    fdt_blob_token(b, 9);
    strings = structure + b->structure_len;
    total = strings + b->strings_len;
    out = calloc(1, total);
    assert(out != NULL);
    const uint32_t header[10] = {0xd00dfeed,
                                 (uint32_t)total,
                                 (uint32_t)structure,
                                 (uint32_t)strings,
                                 FDT_BLOB_HEADER,
                                 17,
                                 16,
                                 0,
                                 (uint32_t)b->strings_len,
                                 (uint32_t)b->structure_len};
    for (size_t i = 0; i < 10; i++)
        fdt_blob_be32(out + 4 * i, header[i]);
    for (unsigned i = 0; i < b->reserved_count; i++) {
        fdt_blob_be32(out + FDT_BLOB_HEADER + 8 * i, (uint32_t)(b->reserved[i] >> 32));
        fdt_blob_be32(out + FDT_BLOB_HEADER + 8 * i + 4, (uint32_t)b->reserved[i]);
    }
    memcpy(out + structure, b->structure, b->structure_len);
    memcpy(out + strings, b->strings, b->strings_len);
    return cs_of(out, total);
}

#endif
