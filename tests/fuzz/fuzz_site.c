/* SPDX-License-Identifier: ISC */
/* fuzz_site.c - any bytes as an archive: refused, or files inside of it, found by their names. The
 * headers' checksums are put right first, or nothing would get past them. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "apps/httpd/site.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Wherever a header may be. */
static void seal(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; size - at >= BLOCK; at += BLOCK) {
        uint32_t sum = 0;

        if (memcmp(bytes + at + MAGIC, "ustar", 5) != 0)
            continue;
        memset(bytes + at + CHECKSUM, ' ', CHECKSUM_LEN);
        for (size_t i = 0; i < BLOCK; i++)
            sum += bytes[at + i];
        for (size_t i = 0; i < 6; i++)
            bytes[at + CHECKSUM + i] = (uint8_t)('0' + (sum >> 3 * (5 - i) & 7));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = calloc(1, size + 1);
    struct cs_ro archive = cs_ro_of(copy, size);
    struct site_error error = {0};
    struct site site;
    int count;

    if (size != 0)
        memcpy(copy, data, size);
    seal(copy, size);
    count = site_count(archive, &error);
    if (count < 0) {
        ASSERT(count == -E_INVAL && error.offset <= size && error.text != NULL);
    } else {
        struct site_file *files = malloc(((size_t)count + 1) * sizeof(*files));

        memset(files, 0xa5, ((size_t)count + 1) * sizeof(*files));
        site_index(&site, archive, files);
        ASSERT(site.count <= (uint32_t)count);
        for (uint32_t i = 0; i < site.count; i++) {
            const struct site_file *file = &files[i];

            ASSERT(file->data.base >= copy && file->data.len <= size &&
                   (size_t)(file->data.base - copy) <= size - file->data.len);
            ASSERT(strlen(file->name) != 0 && strlen(file->name) < SITE_NAME_BYTES);
            ASSERT(file->name[0] != '/' && strstr(file->name, "/../") == NULL);
            ASSERT(site_find(&site, file->name) == file);
        }
        free(files);
    }
    free(copy);
    return 0;
}
