/* SPDX-License-Identifier: ISC */
/* test_app_httpd_parse.c - the web server's pure parts: requests, targets, dates. Tests are named
 * after what RFC 9110 and RFC 9112 say. */
#include "httpdtest.h"

/* ---- requests -------------------------------------------------------------------------------- */

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
