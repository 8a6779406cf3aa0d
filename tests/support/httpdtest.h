/* SPDX-License-Identifier: ISC */
/* httpdtest.h - the web server's pure parts, a request to be parsed, an archive to be served; each
 * test includes it once. */
#ifndef TESTS_HTTPDTEST_H
#define TESTS_HTTPDTEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "apps/httpd/http_date.c"
#include "apps/httpd/http_parse.c"
#include "apps/httpd/http_reply.c"
#include "apps/httpd/site.c"

#define HOST "Host: a\r\n"
#define NOW UINT64_C(1700000000) /* Tue, 14 Nov 2023 22:13:20 GMT */
#define STAMP UINT64_C(784111777)
#define STAMP_TEXT "Sun, 06 Nov 1994 08:49:37 GMT"

static struct http_request request;

/* In a heap block of exactly its size, so that reading on is found. */
static UNUSED int parse(const char *text)
{
    size_t len = strlen(text);
    static char *copy;

    free(copy);
    copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, text, len);
    return http_parse(cs_ro_of(copy, len), &request);
}

static UNUSED void assert_parsed(const char *text)
{
    assert_int_equal(parse(text), strlen(text));
}

static uint8_t archive[64 * BLOCK];
static size_t archive_len;
static struct site_file files[32];
static struct site site;

static UNUSED void seal(uint8_t *header)
{
    uint32_t sum = 0;

    memset(header + CHECKSUM, ' ', CHECKSUM_LEN);
    for (unsigned i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf((char *)header + CHECKSUM, CHECKSUM_LEN, "%06o", sum);
}

static UNUSED uint8_t *add(const char *prefix, const char *name, char type, const char *data)
{
    uint8_t *header = archive + archive_len;
    size_t n = strlen(data);

    memset(header, 0, BLOCK);
    memcpy(header + NAME, name, strlen(name));
    memcpy(header + PREFIX, prefix, strlen(prefix));
    snprintf((char *)header + SIZE, NUMBER_LEN, "%011o", (unsigned)n);
    snprintf((char *)header + MTIME, NUMBER_LEN, "%011llo", (unsigned long long)STAMP);
    header[TYPE] = (uint8_t)type;
    memcpy(header + MAGIC, "ustar\00000", 8);
    seal(header);
    archive_len += BLOCK;
    memset(archive + archive_len, 0, (n + BLOCK - 1) / BLOCK * BLOCK);
    memcpy(archive + archive_len, data, n);
    archive_len += (n + BLOCK - 1) / BLOCK * BLOCK;
    return header;
}

static UNUSED void add_end(void)
{
    memset(archive + archive_len, 0, 2 * BLOCK);
    archive_len += 2 * BLOCK;
}

/* In a heap block of exactly its size. */
static UNUSED int open_archive(struct site_error *error)
{
    static uint8_t *copy;
    int n;

    free(copy);
    copy = malloc(archive_len == 0 ? 1 : archive_len);
    memcpy(copy, archive, archive_len);
    n = site_count(cs_ro_of(copy, archive_len), error);
    if (n >= 0) {
        assert_true((size_t)n <= ARRAY_SIZE(files));
        site_index(&site, cs_ro_of(copy, archive_len), files);
    }
    return n;
}

static UNUSED int setup(void **state)
{
    struct site_error error;

    (void)state;
    archive_len = 0;
    add("", "./", '5', "");
    add("", "./index.html", '0', "<p>root");
    add("", "a.txt", '0', "0123456789");
    add("", "old.txt", '0', "old");
    add("", "sub/index.html", '0', "<p>sub");
    add("", "sub/pic.png", '\0', "png");
    add("deep/er", "file.css", '7', "css");
    add("", "link", '2', "");
    add("", "../up.txt", '0', "up");
    add("", "empty", '0', "");
    add("", "sp ace\r\nX: y/index.html", '0', "odd");
    add("", "old.txt", '0', "new");
    add_end();
    assert_int_equal(open_archive(&error), 9);
    return 0;
}

#define T(name) cmocka_unit_test_setup(name, setup)

#endif
