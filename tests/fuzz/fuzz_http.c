/* SPDX-License-Identifier: ISC */
/* fuzz_http.c - any bytes as a request: it is parsed the same whole and in pieces, a path stays
 * below the root, and whatever is answered has a head that ends, in the room there is. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "apps/httpd/http_date.c"
#include "apps/httpd/http_parse.c"
#include "apps/httpd/http_reply.c"
#include "apps/httpd/site.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct cs_ro target)
{
    char path[SITE_NAME_BYTES];
    int n = http_path(target, path, sizeof(path));

    if (n < 0) {
        ASSERT(n == -400 || n == -414);
        return;
    }
    ASSERT((size_t)n < sizeof(path) && strlen(path) == (size_t)n && path[0] != '/');
    for (char *segment = path; *segment != '\0';) {
        char *slash = strchr(segment, '/');
        size_t len = slash != NULL ? (size_t)(slash - segment) : strlen(segment);

        ASSERT(len != 0 && !(len == 1 && segment[0] == '.') &&
               !(len == 2 && segment[0] == '.' && segment[1] == '.'));
        segment += slash != NULL ? len + 1 : len;
    }
}

static void check_reply(const struct http_reply *reply)
{
    static char out[HTTP_REPLY_MAX];
    size_t n = http_emit(reply, 1700000000, out);

    ASSERT(n < sizeof(out) && memcmp(out, "HTTP/1.1 ", 9) == 0);
    out[n] = '\0';
    ASSERT(strstr(out, "\r\n\r\n") != NULL);
    if (reply->length != 0)
        ASSERT(reply->file != NULL && reply->length <= reply->file->data.len &&
               reply->first <= reply->file->data.len - reply->length);
    ASSERT((reply->length == 0) || reply->status == 200 || reply->status == 206);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct site_file files[] = {
        {.name = "a", .mtime = 784111777},
        {.name = "b c/index.html", .mtime = 1},
        {.name = "index.html", .mtime = 0},
    };
    struct site site = {files, ARRAY_SIZE(files)};
    struct http_request request;
    struct http_reply reply;
    uint8_t *copy = malloc(size + 1);
    int n;

    files[0].data = cs_ro_of("0123456789", 10);
    files[2].data = cs_ro_of("x", 1);
    if (size != 0)
        memcpy(copy, data, size);
    n = http_parse(cs_ro_of(copy, size), &request);
    ASSERT(n <= (int)size && n <= (int)HTTP_HEAD_MAX);
    if (n == 0)
        ASSERT(size < HTTP_HEAD_MAX);
    /* the same as it comes in: first it is not whole, and then what follows does not matter */
    for (size_t part = 0; n > 0 && part < (size_t)n; part += 1 + part / 3) {
        struct http_request other;

        ASSERT(http_parse(cs_ro_of(copy, part), &other) == 0);
    }
    if (n > 0) {
        ASSERT(request.body_bytes <= HTTP_BODY_MAX);
        check_path(request.target);
        reply = http_answer(&request, &site, 1700000000);
        check_reply(&reply);
    } else if (n < 0) {
        reply = http_refusal(-n);
        check_reply(&reply);
    }
    free(copy);
    return 0;
}
