/* SPDX-License-Identifier: ISC */
/* site.h - the files to serve: a tar archive in memory (POSIX ustar), used where it lies; or files
 * on a disk (tree.h). */
#ifndef APPS_HTTPD_SITE_H
#define APPS_HTTPD_SITE_H

#include <morgana/blk_share.h>

#define SITE_NAME_BYTES 257u /* ustar's: 155 of prefix, a slash, 100 of name; and a NUL */

struct site_file {
    char name[SITE_NAME_BYTES]; /* "index.html", "img/a.png": no slash in front, no "." or ".." */
    uint64_t mtime;             /* seconds since 1970 */
    struct cs_ro data;          /* in the archive; of a file on a disk: nothing */
    uint64_t bytes;             /* on a disk: its length, */
    struct blk_extent *extents; /* and where it lies */
    uint32_t extent_count;
};

struct site {
    struct site_file *files; /* by name */
    uint32_t count;
};

struct site_error {
    size_t offset; /* of the header that is wrong */
    const char *text;
};

/* How many regular files the archive has; -E_INVAL with *error where it is malformed, or has what
 * is not understood: pax headers, long names of GNU's. */
int site_count(struct cs_ro archive, struct site_error *error);
/* Indexes an archive that site_count has passed: `files` has room for as many. Keeps both. Of two
 * files of one name the later counts. */
void site_index(struct site *site, struct cs_ro archive, struct site_file *files);

/* The same of files that are known already. Keeps them. */
void site_of_files(struct site *site, struct site_file *files, uint32_t n);

/* A file's length. */
static inline uint64_t site_bytes(const struct site_file *file)
{
    return file->extents != NULL ? file->bytes : file->data.len;
}

/* The file of this name, or NULL. */
const struct site_file *site_find(const struct site *site, const char *name);

#endif
