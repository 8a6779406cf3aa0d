/* SPDX-License-Identifier: ISC */
/* test_app_httpd.c - the web server's pure parts: archives, conditions, ranges, heads. Tests are
 * named after what RFC 9110 says. */
#include "httpdtest.h"

/* ---- archives -------------------------------------------------------------------------------- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
