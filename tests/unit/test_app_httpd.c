/* SPDX-License-Identifier: ISC */
/* test_app_httpd.c - the web server's pure parts: requests, targets, dates, archives, conditions,
 * ranges, heads. Tests are named after what RFC 9110 and RFC 9112 say. */
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

/* ---- requests -------------------------------------------------------------------------------- */

static struct http_request request;

/* In a heap block of exactly its size, so that reading on is found. */
static int parse(const char *text)
{
    size_t len = strlen(text);
    static char *copy;

    free(copy);
    copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, text, len);
    return http_parse(cs_ro_of(copy, len), &request);
}

static void assert_parsed(const char *text)
{
    assert_int_equal(parse(text), strlen(text));
}

static void test_a_request_as_clients_send_it(void **state)
{
    (void)state;
    assert_parsed("GET /a?b HTTP/1.1\r\nHost: example.com:80\r\nUser-Agent: x/1 (y; z)\r\n"
                  "Range:bytes=0-1 \t\r\nIF-MATCH: \"a\"\r\n\r\n");
    assert_int_equal(request.method, HTTP_GET);
    assert_true(cs_equal_str(request.target, "/a?b"));
    assert_true(cs_equal_str(request.range, "bytes=0-1"));
    assert_int_equal(request.if_match.count, 1);
    assert_true(cs_equal_str(request.if_match.line[0], "\"a\""));
    assert_false(request.close);
    assert_false(request.old);
    assert_null(request.if_range.base);
    assert_parsed("HEAD / HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(request.method, HTTP_HEAD);
}

/* What follows is the next request's (pipelining). */
static void test_the_head_ends_at_the_empty_line(void **state)
{
    static const char one[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
    char two[2 * sizeof(one)];

    (void)state;
    snprintf(two, sizeof(two), "%s%s", one, one);
    assert_int_equal(parse(two), sizeof(one) - 1);
    /* until it is there, more is wanted: at every length */
    for (size_t n = 0; n < sizeof(one) - 1; n++) {
        snprintf(two, sizeof(two), "%.*s", (int)n, one);
        assert_int_equal(parse(two), 0);
    }
}

/* RFC 9112 section 2.2 */
static void test_lines_may_end_in_lf_and_empty_ones_come_first(void **state)
{
    (void)state;
    assert_parsed("\r\n\n\r\nGET / HTTP/1.1\n"
                  "Host: a\n\n");
    assert_true(cs_equal_str(request.target, "/"));
    assert_int_equal(parse("GET / HTTP/1.1\r\nA: b\rc\r\n" HOST "\r\n"), -400);
    assert_int_equal(parse("GET / HTTP/1.1\r\r\n" HOST "\r\n"), -400);
}

static void test_malformed_heads_are_refused(void **state)
{
    static const char *const bad[] = {
        " GET / HTTP/1.1\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET /\r\n",
        "GET / \r\n",
        "GET / HTTP/1.1 \r\n",
        "GET / http/1.1\r\n",
        "GET / HTTP/1.\r\n",
        "GET / HTTP/1.10\r\n",
        "GET / HTTP/1x1\r\n",
        "GET / HTTP/x.1\r\n",
        "GET\t/ HTTP/1.1\r\n",
        "G(T / HTTP/1.1\r\n",
        "/ HTTP/1.1\r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET /\x80 HTTP/1.1\r\n",
        "GET /\x7f HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n",
        "GET / HTTP/1.1\r\n: a\r\n",
        "GET / HTTP/1.1\r\nHost\r\n",
        "GET / HTTP/1.1\r\n" HOST " folded\r\n",
        "GET / HTTP/1.1\r\nA: \x01\r\n",
        "GET / HTTP/1.1\r\nA: \x7f\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n",
        "GET / HTTP/1.0\r\n" HOST HOST "\r\n",
        "GET / HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\nRange: bytes=1-2\r\n",
        "GET / HTTP/1.1\r\n" HOST "If-Modified-Since: a\r\nIf-Modified-Since: a\r\n",
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        if (parse(bad[i]) != -400)
            fail_msg("%s: %d", bad[i], parse(bad[i]));
    assert_int_equal(http_parse(cs_ro_of("GET /\0 HTTP/1.1\r\n", 17), &request), -400);
}

static void test_methods_and_versions_that_are_not_known(void **state)
{
    static const char *const others[] = {"POST",  "PUT",     "DELETE", "CONNECT",
                                         "TRACE", "OPTIONS", "PATCH"};
    char text[80];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n" HOST "\r\n", others[i]);
        assert_parsed(text);
        assert_int_equal(request.method, HTTP_OTHER);
    }
    assert_int_equal(parse("BREW / HTTP/1.1\r\n"), -501);
    assert_int_equal(parse("get / HTTP/1.1\r\n"), -501); /* methods are case-sensitive */
    assert_int_equal(parse("GET / HTTP/2.0\r\n"), -505);
    assert_int_equal(parse("GET / HTTP/0.9\r\n"), -505);
    assert_parsed("GET / HTTP/1.9\r\n" HOST "\r\n"); /* a higher minor version is understood */
}

/* RFC 9112 section 9.3 */
static void test_when_the_connection_ends(void **state)
{
    static const struct {
        const char *text;
        bool close;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: x, CLOSE ,y\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: closed, ,\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", true},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_parsed(cases[i].text);
        assert_int_equal(request.close, cases[i].close);
    }
}

/* RFC 9112 section 6: two readers must not differ about where the message ends. */
static void test_lengths_of_bodies(void **state)
{
    static const struct {
        const char *fields;
        int status;
        uint64_t bytes;
    } cases[] = {
        {"Content-Length: 0\r\n", 0, 0},
        {"Content-Length: 65536\r\n", 0, 65536},
        {"Content-Length: 00012\r\n", 0, 12},
        {"Content-Length: 65537\r\n", -413, 0},
        {"Content-Length: 18446744073709551616\r\n", -413, 0},
        {"Content-Length: 99999999999999999999999999999999999\r\n", -413, 0},
        {"Content-Length: -1\r\n", -400, 0},
        {"Content-Length: +1\r\n", -400, 0},
        {"Content-Length: 0x10\r\n", -400, 0},
        {"Content-Length: 1 2\r\n", -400, 0},
        {"Content-Length: 5, 5\r\n", -400, 0},
        {"Content-Length:\r\n", -400, 0},
        {"Content-Length: 5\r\nContent-Length: 5\r\n", -400, 0},
        {"Transfer-Encoding: chunked\r\n", -411, 0},
        {"Transfer-Encoding: x\r\n", -411, 0},
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", -400, 0},
        {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", -400, 0},
    };
    char text[200];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "%s\r\n", cases[i].fields);
        int got = parse(text);

        if (got != (cases[i].status != 0 ? cases[i].status : n))
            fail_msg("%s: %d", cases[i].fields, got);
        if (got > 0)
            assert_int_equal(request.body_bytes, cases[i].bytes);
    }
    assert_int_equal(parse("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), -400);
}

static void test_long_heads_are_refused_as_soon_as_they_are_too_long(void **state)
{
    static char text[HTTP_HEAD_MAX + 100];
    size_t n;

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "GET /", 5);
    assert_int_equal(parse(text), -414);
    text[HTTP_HEAD_MAX - 1] = '\0';
    assert_int_equal(parse(text), 0);
    text[HTTP_HEAD_MAX - 1] = 'a';
    n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "X: ");
    text[n] = 'a';
    assert_int_equal(parse(text), -431);
    /* the longest there may be */
    memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 5);
    assert_parsed(text);
    memset(text + HTTP_HEAD_MAX - 4, 'a', 10);
    memcpy(text + HTTP_HEAD_MAX - 3, "\r\n\r\n", 5);
    assert_int_equal(parse(text), -431);
    /* many lines of a list */
    n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST);
    for (unsigned i = 0; i < HTTP_TAG_LINES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "If-None-Match: \"%u\"\r\n", i);
    snprintf(text + n, sizeof(text) - n, "\r\n");
    assert_parsed(text);
    assert_int_equal(request.if_none_match.count, HTTP_TAG_LINES_MAX);
    snprintf(text + n, sizeof(text) - n, "If-None-Match: *\r\n\r\n");
    assert_int_equal(parse(text), -431);
}

/* ---- targets --------------------------------------------------------------------------------- */

static void assert_path(const char *target, const char *expected)
{
    char path[64];
    int n = http_path(cs_of_str(target), path, sizeof(path));

    if (n < 0 || strcmp(path, expected) != 0)
        fail_msg("%s: %d %s", target, n, n < 0 ? "" : path);
    assert_int_equal(n, strlen(expected));
}

static void test_paths(void **state)
{
    (void)state;
    assert_path("/", "");
    assert_path("/a", "a");
    assert_path("/a/b.html?x=/../y", "a/b.html");
    assert_path("/a/", "a/");
    assert_path("//a//b//", "a/b/");
    assert_path("/%61%2Fb%20%25%3f%23", "a/b %?#");
    assert_path("/./a/././b/.", "a/b/");
    assert_path("/a/../b", "b");
    assert_path("/a/b/..", "a/");
    assert_path("/a/b/../../c/", "c/");
    assert_path("/...", "...");
    assert_path("/.../..a/b..", ".../..a/b..");
    assert_path("http://example.com", "");
    assert_path("HTTP://example.com?x", "");
    assert_path("http://example.com?x/y", "");
    assert_path("https://u@example.com:8/a/b?c", "a/b");
}

/* Whatever is in front of it, however written: nothing above the root. */
static void test_traversal_is_refused(void **state)
{
    static const char *const bad[] = {
        "/..",
        "/../a",
        "/a/../..",
        "/%2e%2e/a",
        "/a/..%2f../b",
        "/.%2E",
        "/a/b/../../../c",
        "http://h/../a",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/./../a",
        "/a%00b",
        "/%",
        "/%4",
        "/%4g",
        "/%g4",
        "/a#b",
        "*",
        "a",
        "",
        "http:/a",
        "ftp://a/",
        "?",
    };
    char path[64];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        size_t len = strlen(bad[i]);
        char *copy = malloc(len == 0 ? 1 : len); /* exactly its size */

        memcpy(copy, bad[i], len);
        if (http_path(cs_ro_of(copy, len), path, sizeof(path)) != -400)
            fail_msg("%s", bad[i]);
        free(copy);
    }
}

static void test_a_path_that_is_too_long(void **state)
{
    char path[4];

    (void)state;
    assert_int_equal(http_path(cs_of_str("/abc"), path, sizeof(path)), 3);
    assert_int_equal(http_path(cs_of_str("/abcd"), path, sizeof(path)), -414);
    assert_int_equal(http_path(cs_of_str("/abc/"), path, sizeof(path)), -414);
    assert_int_equal(http_path(cs_of_str("/abc/../de"), path, sizeof(path)), -414);
}

/* ---- dates ----------------------------------------------------------------------------------- */

static void test_dates_there_and_back(void **state)
{
    char text[HTTP_DATE_BYTES];
    uint64_t got;

    (void)state;
    http_date_format(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date_format(STAMP, text);
    assert_string_equal(text, STAMP_TEXT);
    http_date_format(951825600, text);
    assert_string_equal(text, "Tue, 29 Feb 2000 12:00:00 GMT");
    http_date_format(UINT64_C(253402300799), text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    for (uint64_t t = 0; t < UINT64_C(253402300799); t += 86399 * 97 + 11) {
        http_date_format(t, text);
        assert_true(http_date_parse(cs_of_str(text), NOW, &got));
        assert_int_equal(got, t);
    }
}

/* RFC 9110 section 5.6.7: all three must be understood. */
static void test_the_obsolete_forms_are_read(void **state)
{
    uint64_t got;

    (void)state;
    assert_true(http_date_parse(cs_of_str("Sunday, 06-Nov-94 08:49:37 GMT"), NOW, &got));
    assert_int_equal(got, STAMP);
    assert_true(http_date_parse(cs_of_str("Sun Nov  6 08:49:37 1994"), NOW, &got));
    assert_int_equal(got, STAMP);
    assert_true(http_date_parse(cs_of_str("Sun Nov 16 08:49:37 1994"), NOW, &got));
    assert_int_equal(got, STAMP + 10 * 86400);
    /* two digits: not more than 50 years ahead */
    assert_true(http_date_parse(cs_of_str("Sunday, 01-Jan-73 00:00:00 GMT"), NOW, &got));
    assert_int_equal(got, UINT64_C(3250454400)); /* 2073 */
    assert_true(http_date_parse(cs_of_str("Sunday, 01-Jan-74 00:00:00 GMT"), NOW, &got));
    assert_int_equal(got, UINT64_C(126230400)); /* 1974 */
}

static void test_what_is_no_date(void **state)
{
    static const char *const bad[] = {
        "",
        "0",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 32 Jan 1994 08:49:37 GMT",
        "Sun, 00 Jan 1994 08:49:37 GMT",
        "Sun, 31 Apr 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Xun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
    };
    uint64_t got;

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        if (http_date_parse(cs_of_str(bad[i]), NOW, &got))
            fail_msg("%s", bad[i]);
}

/* ---- archives -------------------------------------------------------------------------------- */

static uint8_t archive[64 * BLOCK];
static size_t archive_len;
static struct site_file files[32];
static struct site site;

static void seal(uint8_t *header)
{
    uint32_t sum = 0;

    memset(header + CHECKSUM, ' ', CHECKSUM_LEN);
    for (unsigned i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf((char *)header + CHECKSUM, CHECKSUM_LEN, "%06o", sum);
}

static uint8_t *add(const char *prefix, const char *name, char type, const char *data)
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

static void add_end(void)
{
    memset(archive + archive_len, 0, 2 * BLOCK);
    archive_len += 2 * BLOCK;
}

/* In a heap block of exactly its size. */
static int open_archive(struct site_error *error)
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

static int setup(void **state)
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

static void assert_file(const char *name, const char *data)
{
    const struct site_file *file = site_find(&site, name);

    if (file == NULL)
        fail_msg("%s is not there", name);
    assert_true(cs_equal_str(file->data, data));
    assert_int_equal(file->mtime, STAMP);
}

static void test_files_of_an_archive(void **state)
{
    (void)state;
    assert_int_equal(site.count, 8);
    assert_file("index.html", "<p>root");
    assert_file("a.txt", "0123456789");
    assert_file("sub/pic.png", "png");
    assert_file("deep/er/file.css", "css");
    assert_file("empty", "");
    assert_file("old.txt", "new"); /* the later one counts */
    assert_null(site_find(&site, "link"));
    assert_null(site_find(&site, "up.txt"));
    assert_null(site_find(&site, "../up.txt"));
    assert_null(site_find(&site, ""));
    assert_null(site_find(&site, "zzz"));
}

/* GNU's own format has other things where the prefix is; names of 100 bytes have no NUL. */
static void test_names_of_other_writers(void **state)
{
    struct site_error error;
    char name[NAME_LEN + 1], prefix[PREFIX_LEN + 1], both[SITE_NAME_BYTES];

    (void)state;
    archive_len = 0;
    uint8_t *header = add("17 stamps", "gnu.txt", '0', "x");
    memcpy(header + MAGIC, "ustar  ", 8);
    seal(header);
    memset(name, 'n', NAME_LEN);
    memset(prefix, 'p', PREFIX_LEN);
    name[NAME_LEN] = prefix[PREFIX_LEN] = '\0';
    add(prefix, name, '0', "y");
    assert_int_equal(open_archive(&error), 2); /* without the zeros at the end */
    assert_file("gnu.txt", "x");
    snprintf(both, sizeof(both), "%s/%s", prefix, name);
    assert_file(both, "y");
}

static void assert_malformed(size_t offset, const char *text)
{
    struct site_error error;

    assert_int_equal(open_archive(&error), -E_INVAL);
    assert_int_equal(error.offset, offset);
    assert_non_null(strstr(error.text, text));
}

static void test_malformed_archives_are_said_with_their_place(void **state)
{
    uint8_t *header;
    struct site_error error;

    (void)state;
    archive_len = 0;
    assert_int_equal(open_archive(&error), 0); /* empty is no error of the format's */
    add("", "a", '0', "x");
    archive[600] = 'y'; /* data are not checked */
    archive_len += 100;
    memset(archive + 1024, 'z', 100);
    assert_malformed(1024, "inside a header");
    archive_len = 1024 + BLOCK;
    memset(archive + 1024, 'z', BLOCK);
    assert_malformed(1024, "not a ustar archive");
    archive_len = 1024;
    header = add("", "b", '0', "data");
    header[0] = 'c';
    assert_malformed(1024, "checksum");
    archive_len = 1024;
    header = add("", "b", '0', "data");
    memcpy(header + SIZE, "0000000000x", 11);
    seal(header);
    assert_malformed(1024, "number");
    memcpy(header + SIZE, "           ", 11);
    seal(header);
    assert_malformed(1024, "number");
    header[SIZE] = 0x80; /* GNU's binary form */
    seal(header);
    assert_malformed(1024, "number");
    memcpy(header + SIZE, "777777777777", 12);
    seal(header);
    assert_malformed(1024, "inside a file");
    memcpy(header + SIZE, "00000001001", 12); /* one byte more than there is */
    seal(header);
    assert_malformed(1024, "inside a file");
    memcpy(header + SIZE, "00000001000", 12);
    seal(header);
    assert_int_equal(open_archive(&error), 2);
    for (const char *type = "LKx"; *type != '\0'; type++) {
        header[TYPE] = (uint8_t)*type;
        seal(header);
        assert_malformed(1024, "--format=ustar");
    }
    header[TYPE] = 'g'; /* of the whole archive: nothing of it matters here */
    seal(header);
    assert_int_equal(open_archive(&error), 1);
    /* a hard link has no bytes, whatever is written there */
    header[TYPE] = '1';
    memcpy(header + SIZE, "00000070000", 12);
    seal(header);
    archive_len = 1024 + BLOCK;
    add("", "c", '0', "after");
    assert_int_equal(open_archive(&error), 2);
    assert_file("c", "after");
    /* cut inside the padding: the file itself is whole */
    archive_len = 0;
    add("", "a", '0', "x");
    archive_len = BLOCK + 1;
    assert_int_equal(open_archive(&error), 1);
    assert_file("a", "x");
}

static void test_an_archive_cut_anywhere_is_read_or_refused(void **state)
{
    struct site_error error;
    size_t whole = archive_len;

    (void)state;
    for (archive_len = 0; archive_len < whole; archive_len += 1 + archive_len % 37)
        (void)open_archive(&error);
}

/* ---- answers --------------------------------------------------------------------------------- */

static char head[HTTP_REPLY_MAX];

static struct http_reply answer(const char *line, const char *fields)
{
    char text[2048];
    struct http_reply reply;
    size_t n;

    snprintf(text, sizeof(text), "%s\r\n%s\r\n\r\n", line, fields);
    assert_parsed(text);
    reply = http_answer(&request, &site, NOW);
    n = http_emit(&reply, NOW, head);
    assert_true(n < sizeof(head));
    head[n] = '\0';
    assert_non_null(strstr(head, "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
    return reply;
}

/* The answer to a request with one more field, or none. */
static struct http_reply get(const char *target, const char *field)
{
    char line[600], fields[600];

    snprintf(line, sizeof(line), "GET %s HTTP/1.1", target);
    snprintf(fields, sizeof(fields), HOST "%s", field != NULL ? field : "X: y");
    return answer(line, fields);
}

static void assert_has(const char *text)
{
    if (strstr(head, text) == NULL)
        fail_msg("no \"%s\" in:\n%s", text, head);
}

static void assert_has_not(const char *text)
{
    if (strstr(head, text) != NULL)
        fail_msg("\"%s\" in:\n%s", text, head);
}

static void test_a_file_is_given_whole(void **state)
{
    (void)state;
    struct http_reply reply = get("/a.txt", NULL);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.first, 0);
    assert_int_equal(reply.length, 10);
    assert_false(reply.head_only);
    assert_true(strncmp(head, "HTTP/1.1 200 OK\r\n", 17) == 0);
    assert_has("Content-Type: text/plain; charset=utf-8\r\n");
    assert_has("Content-Length: 10\r\n");
    assert_has("Last-Modified: " STAMP_TEXT "\r\n");
    assert_has("ETag: \"2ebc98a1-a\"\r\n");
    assert_has("Accept-Ranges: bytes\r\n");
    assert_has_not("Connection:");
    assert_true(strcmp(head + strlen(head) - 4, "\r\n\r\n") == 0);
    reply = answer("HEAD /a.txt HTTP/1.1", "Host: a");
    assert_true(reply.head_only);
    assert_has("Content-Length: 10\r\n");
    reply = get("/empty", NULL);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.length, 0);
    assert_has("Content-Type: application/octet-stream\r\n");
}

static void test_folders_and_what_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(get("/", NULL).length, 7);
    assert_has("text/html");
    assert_int_equal(get("/sub/", NULL).length, 6);
    assert_int_equal(get("/sub", NULL).status, 301);
    assert_has("Location: /sub/\r\n");
    assert_has("\r\n\r\n301 Moved Permanently\n");
    assert_int_equal(get("//sub", NULL).status, 301); /* never to another server */
    assert_has("Location: /sub/\r\n");
    /* nothing of a name ends a line of the head */
    assert_int_equal(get("/sp%20ace%0D%0AX:%20y", NULL).status, 301);
    assert_has("Location: /sp%20ace%0D%0AX%3A%20y/\r\n");
    assert_int_equal(get("/deep", NULL).status, 404);
    assert_int_equal(get("/deep/", NULL).status, 404);
    assert_int_equal(get("/nothing", NULL).status, 404);
    assert_has("HTTP/1.1 404 Not Found\r\n");
    assert_has("Content-Length: 14\r\n\r\n404 Not Found\n");
    assert_has_not("Connection");
    assert_int_equal(get("/a.txt/", NULL).status, 404);
    assert_int_equal(get("/%2e%2e/up.txt", NULL).status, 400);
    char name[300];
    memset(name, 'a', sizeof(name));
    name[0] = '/';
    name[SITE_NAME_BYTES + 20] = '\0';
    assert_int_equal(get(name, NULL).status, 404);
    for (size_t n = SITE_NAME_BYTES - 20; n < SITE_NAME_BYTES + 5; n++) {
        name[n] = '\0'; /* no room for the folder's file: no such file */
        assert_int_equal(get(name, NULL).status, 404);
        name[n] = 'a';
    }
}

static void test_methods_that_are_not_allowed(void **state)
{
    (void)state;
    struct http_reply reply = answer("POST /a.txt HTTP/1.1", "Content-Length: 3\r\nHost: a");
    assert_int_equal(reply.status, 405);
    assert_has("Allow: GET, HEAD\r\n");
    assert_false(reply.close);
    reply = answer("HEAD /nothing HTTP/1.1", "Host: a");
    assert_int_equal(reply.status, 404);
    assert_has("Content-Length: 14\r\n\r\n");
    assert_has_not("404 Not Found\n"); /* RFC 9110 section 9.3.2: no body */
}

static void test_refusals_end_the_connection(void **state)
{
    static const int statuses[] = {400, 411, 413, 414, 431, 501, 505};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
        struct http_reply reply = http_refusal(statuses[i]);
        size_t n = http_emit(&reply, 0, head);

        head[n] = '\0';
        assert_true(reply.close);
        assert_has("Connection: close\r\n");
        assert_has_not("Error");
        assert_has_not("Date:"); /* nobody knows */
    }
}

static void test_the_connection_is_told_of(void **state)
{
    (void)state;
    get("/", "Connection: close");
    assert_has("Connection: close\r\n");
    answer("GET / HTTP/1.0", "Connection: keep-alive");
    assert_has("Connection: keep-alive\r\n");
    answer("GET / HTTP/1.0", "X: y");
    assert_has("Connection: close\r\n");
}

/* RFC 9110 section 13.2.2 */
static void test_conditions(void **state)
{
    static const struct {
        const char *field;
        uint16_t status;
    } cases[] = {
        {"If-None-Match: \"2ebc98a1-a\"", 304},
        {"If-None-Match: W/\"2ebc98a1-a\"", 304}, /* weak comparison */
        {"If-None-Match: \"x\", W/\"y\" ,\"2ebc98a1-a\"", 304},
        {"If-None-Match: \"x\"\r\nIf-None-Match: \"2ebc98a1-a\"", 304},
        {"If-None-Match: *", 304},
        {"If-None-Match: \"x\"", 200},
        {"If-None-Match: 2ebc98a1-a", 200},
        {"If-None-Match: \"2ebc98a1-a", 200},
        {"If-None-Match:", 200},
        {"If-Modified-Since: " STAMP_TEXT, 304},
        {"If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT", 304},
        {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 200},
        {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304},
        {"If-Modified-Since: yesterday", 200},
        /* the tag decides where there is one */
        {"If-Modified-Since: " STAMP_TEXT "\r\nIf-None-Match: \"x\"", 200},
        {"If-Match: \"2ebc98a1-a\"", 200},
        {"If-Match: *", 200},
        {"If-Match: W/\"2ebc98a1-a\"", 412}, /* strong comparison */
        {"If-Match: \"x\"", 412},
        {"If-Unmodified-Since: " STAMP_TEXT, 200},
        {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 412},
        {"If-Unmodified-Since: x", 200},
        {"If-Match: \"2ebc98a1-a\"\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 200},
        {"If-Match: \"x\"\r\nIf-None-Match: \"2ebc98a1-a\"", 412},
        {"If-Match: \"2ebc98a1-a\"\r\nIf-None-Match: \"2ebc98a1-a\"", 304},
        {"If-None-Match: *\r\nRange: bytes=0-1", 304},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = get("/a.txt", cases[i].field);

        if (reply.status != cases[i].status)
            fail_msg("%s: %u", cases[i].field, reply.status);
        assert_int_equal(reply.length, reply.status == 200 ? 10 : 0);
    }
    get("/a.txt", "If-None-Match: *");
    assert_has("ETag: \"2ebc98a1-a\"\r\n");
    assert_has_not("Content-Length");
    assert_true(strcmp(head + strlen(head) - 4, "\r\n\r\n") == 0);
}

/* RFC 9110 section 14.1.2 */
static void test_ranges(void **state)
{
    static const struct {
        const char *range;
        uint16_t status;
        uint64_t first, length;
    } cases[] = {
        {"bytes=0-0", 206, 0, 1},
        {"bytes=0-9", 206, 0, 10},
        {"bytes=0-10", 206, 0, 10},
        {"bytes=3-5", 206, 3, 3},
        {"bytes=9-", 206, 9, 1},
        {"bytes=0-", 206, 0, 10},
        {"bytes=-1", 206, 9, 1},
        {"bytes=-10", 206, 0, 10},
        {"bytes=-99", 206, 0, 10},
        {"bytes=5-99999999999999999999999999", 206, 5, 5},
        {"bytes=-99999999999999999999999999", 206, 0, 10},
        {"bytes=10-", 416, 0, 0},
        {"bytes=10-20", 416, 0, 0},
        {"bytes=99999999999999999999999999-", 416, 0, 0},
        {"bytes=-0", 416, 0, 0},
        {"bytes=18446744073709551616-", 416, 0, 0},
        {"bytes=-18446744073709551616", 206, 0, 10},
        {"bytes=5-3", 200, 0, 10},
        {"bytes=", 200, 0, 10},
        {"bytes=-", 200, 0, 10},
        {"bytes=a-b", 200, 0, 10},
        {"bytes=1", 200, 0, 10},
        {"bytes=0-1,3-4", 200, 0, 10},
        {"lines=0-1", 200, 0, 10},
        {"bytes= 0-1", 200, 0, 10},
        {"bytes=0-1x", 200, 0, 10},
    };
    char field[100], want[100];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        snprintf(field, sizeof(field), "Range: %s", cases[i].range);
        struct http_reply reply = get("/a.txt", field);
        if (reply.status != cases[i].status || reply.length != cases[i].length ||
            (reply.length != 0 && reply.first != cases[i].first))
            fail_msg("%s: %u %llu", cases[i].range, reply.status, (unsigned long long)reply.length);
        if (reply.status == 206) {
            snprintf(want, sizeof(want), "Content-Range: bytes %llu-%llu/10\r\nContent-Type",
                     (unsigned long long)reply.first,
                     (unsigned long long)(reply.first + reply.length - 1));
            assert_has(want);
            snprintf(want, sizeof(want), "Content-Length: %llu\r\n",
                     (unsigned long long)reply.length);
            assert_has(want);
        }
    }
    get("/a.txt", "Range: bytes=10-");
    assert_has("Content-Range: bytes */10\r\n");
    assert_int_equal(get("/empty", "Range: bytes=0-").status, 416);
    assert_int_equal(get("/empty", "Range: bytes=-5").status, 416);
    /* RFC 9110 section 14.2: only of GET */
    assert_int_equal(answer("HEAD /a.txt HTTP/1.1", HOST "Range: bytes=0-1").status, 200);
}

/* RFC 9110 section 13.1.5 */
static void test_ranges_only_where_the_file_is_the_same(void **state)
{
    static const struct {
        const char *if_range;
        uint16_t status;
    } cases[] = {
        {"\"2ebc98a1-a\"", 206},
        {"W/\"2ebc98a1-a\"", 200},
        {"\"x\"", 200},
        {STAMP_TEXT, 206},
        {"Sun, 06 Nov 1994 08:49:38 GMT", 200},
        {"*", 200},
        {"", 200},
    };
    char field[200];

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        snprintf(field, sizeof(field), "Range: bytes=1-2\r\nIf-Range: %s", cases[i].if_range);
        if (get("/a.txt", field).status != cases[i].status)
            fail_msg("%s", cases[i].if_range);
    }
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_as_clients_send_it),
        cmocka_unit_test(test_the_head_ends_at_the_empty_line),
        cmocka_unit_test(test_lines_may_end_in_lf_and_empty_ones_come_first),
        cmocka_unit_test(test_malformed_heads_are_refused),
        cmocka_unit_test(test_methods_and_versions_that_are_not_known),
        cmocka_unit_test(test_when_the_connection_ends),
        cmocka_unit_test(test_lengths_of_bodies),
        cmocka_unit_test(test_long_heads_are_refused_as_soon_as_they_are_too_long),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_traversal_is_refused),
        cmocka_unit_test(test_a_path_that_is_too_long),
        cmocka_unit_test(test_dates_there_and_back),
        cmocka_unit_test(test_the_obsolete_forms_are_read),
        cmocka_unit_test(test_what_is_no_date),
        T(test_files_of_an_archive),
        T(test_names_of_other_writers),
        T(test_malformed_archives_are_said_with_their_place),
        T(test_an_archive_cut_anywhere_is_read_or_refused),
        T(test_a_file_is_given_whole),
        T(test_folders_and_what_is_not_there),
        T(test_methods_that_are_not_allowed),
        T(test_refusals_end_the_connection),
        T(test_the_connection_is_told_of),
        T(test_conditions),
        T(test_ranges),
        T(test_ranges_only_where_the_file_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
