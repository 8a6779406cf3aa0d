/* SPDX-License-Identifier: ISC */
/* site.c - the archive's headers (IEEE Std 1003.1, pax, "ustar Interchange Format"): each a block
 * of 512 bytes, numbers in octal text, then the file's bytes, padded to blocks; two blocks of zeros
 * end it. */
#include <stdlib.h>
#include <string.h>

#include "site.h"

#define BLOCK 512u

/* Where things stand in a header. */
enum {
    NAME = 0,
    NAME_LEN = 100,
    SIZE = 124,
    MTIME = 136,
    NUMBER_LEN = 12,
    CHECKSUM = 148,
    CHECKSUM_LEN = 8,
    TYPE = 156,
    MAGIC = 257, /* "ustar" and a NUL; GNU's tar writes a blank */
    PREFIX = 345,
    PREFIX_LEN = 155,
};

/* Octal digits, with blanks in front, ended by a blank, a NUL, or the field's end. */
static bool parse_octal(struct cs_ro text, uint64_t *value)
{
    uint64_t v = 0;
    size_t i = 0, digits = 0;

    while (i < text.len && text.base[i] == ' ')
        i++;
    for (; i < text.len && text.base[i] >= '0' && text.base[i] <= '7'; i++, digits++)
        v = v << 3 | (uint64_t)(text.base[i] - '0'); /* 12 digits: 36 bits */
    if (digits == 0 || (i < text.len && text.base[i] != ' ' && text.base[i] != '\0'))
        return false;
    *value = v;
    return true;
}

/* The sum of all bytes, those of the checksum itself taken for blanks. */
static bool checksum_is_right(struct cs_ro header)
{
    uint64_t want, sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= CHECKSUM && i < CHECKSUM + CHECKSUM_LEN ? ' ' : header.base[i];
    return parse_octal(cs_sub(header, CHECKSUM, CHECKSUM_LEN), &want) && want == sum;
}

static size_t text_len(struct cs_ro field)
{
    size_t n = 0;

    while (n < field.len && field.base[n] != '\0')
        n++;
    return n;
}

/* Adds the segments of a path. False: a ".." among them. */
static bool add_segments(char *name, size_t *len, struct cs_ro path)
{
    for (size_t at = 0; at < path.len;) {
        size_t n = 0;

        while (at + n < path.len && path.base[at + n] != '/')
            n++;
        if (n == 2 && path.base[at] == '.' && path.base[at + 1] == '.')
            return false;
        if (n != 0 && !(n == 1 && path.base[at] == '.')) {
            if (*len != 0)
                name[(*len)++] = '/';
            memcpy(name + *len, path.base + at, n);
            *len += n;
        }
        at += n + 1;
    }
    return true;
}

/* Never longer than prefix, slash and name. False: no name for a file of a site. */
static bool name_of(struct cs_ro header, char name[SITE_NAME_BYTES])
{
    struct cs_ro prefix = cs_sub(header, PREFIX, PREFIX_LEN), own = cs_sub(header, NAME, NAME_LEN);
    bool posix = header.base[MAGIC + 5] == '\0'; /* GNU's has other things where the prefix is */
    size_t len = 0;

    if (posix && !add_segments(name, &len, cs_head(prefix, text_len(prefix))))
        return false;
    if (!add_segments(name, &len, cs_head(own, text_len(own))))
        return false;
    name[len] = '\0';
    return len != 0;
}

/* The next file from *at on, which moves behind it: 1; 0 at the end; -E_INVAL. */
static int next_file(struct cs_ro archive, size_t *at, struct site_file *file,
                     struct site_error *error)
{
    for (;;) {
        struct cs_ro header;
        uint64_t size;

        error->offset = *at;
        if (*at == archive.len)
            return 0; /* the blocks of zeros were cut off: harmless */
        error->text = "the archive ends inside a header";
        if (!cs_try_sub(archive, *at, BLOCK, &header))
            return -E_INVAL;
        if (cs_is_zero(header))
            return 0;
        error->text = "not a ustar archive: make it with tar --format=ustar";
        if (!cs_equal_str(cs_sub(header, MAGIC, 5), "ustar"))
            return -E_INVAL;
        error->text = "the header's checksum is wrong";
        if (!checksum_is_right(header))
            return -E_INVAL;
        error->text = "a number of the header is malformed";
        if (!parse_octal(cs_sub(header, SIZE, NUMBER_LEN), &size) ||
            !parse_octal(cs_sub(header, MTIME, NUMBER_LEN), &file->mtime))
            return -E_INVAL;
        error->text = "long names or pax headers: make it with tar --format=ustar";
        uint8_t type = header.base[TYPE];
        if (type == 'L' || type == 'K' || type == 'x')
            return -E_INVAL;
        if (type >= '1' && type <= '6')
            size = 0; /* links, devices and folders have no bytes, whatever is written there */
        *at += BLOCK;
        error->text = "the archive ends inside a file";
        if (size > archive.len - *at)
            return -E_INVAL;
        file->data = cs_sub(archive, *at, (size_t)size);
        *at += (size_t)size;
        *at += size_min((BLOCK - (size_t)size % BLOCK) % BLOCK, archive.len - *at);
        if ((type == '0' || type == '\0' || type == '7') && name_of(header, file->name))
            return 1;
    }
}

int site_count(struct cs_ro archive, struct site_error *error)
{
    struct site_file file = {0};
    size_t at = 0;
    int count = 0, got;

    while ((got = next_file(archive, &at, &file, error)) == 1)
        count++;
    return got < 0 ? got : count;
}

static int by_name(const void *a, const void *b)
{
    const struct site_file *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    /* the later one first; only the place in the archive tells them apart */
    return order != 0 ? order : x->data.base < y->data.base ? 1 : -1;
}

void site_index(struct site *site, struct cs_ro archive, struct site_file *files)
{
    struct site_error error;
    struct site_file file = {0};
    uint32_t n = 0;
    size_t at = 0;

    while (next_file(archive, &at, &file, &error) == 1)
        files[n++] = file;
    site_of_files(site, files, n);
}

void site_of_files(struct site *site, struct site_file *files, uint32_t n)
{
    uint32_t kept = 0;

    if (n != 0) /* or there may be no array */
        qsort(files, n, sizeof(*files), by_name);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(files[kept - 1].name, files[i].name) != 0)
            files[kept++] = files[i];
    *site = (struct site){.files = files, .count = kept};
}

const struct site_file *site_find(const struct site *site, const char *name)
{
    uint32_t low = 0, high = site->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(name, site->files[middle].name);

        if (order == 0)
            return &site->files[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
