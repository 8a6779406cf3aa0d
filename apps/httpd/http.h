/* SPDX-License-Identifier: ISC */
/* http.h - HTTP/1.1 as far as a server of files needs it (RFC 9110, RFC 9112): requests parsed,
 * conditions and ranges decided, responses' heads emitted. Pure: no connection, no clock. */
#ifndef APPS_HTTPD_HTTP_H
#define APPS_HTTPD_HTTP_H

#include <morgana/cstruct.h>

#include "site.h"

#define HTTP_HEAD_MAX 8192u   /* longest head of a request; longer: 414 or 431 */
#define HTTP_BODY_MAX 65536u  /* longest body of one, which is skipped; longer: 413 */
#define HTTP_TAG_LINES_MAX 4u /* If-Match and If-None-Match may come in several lines; more: 431 */
#define HTTP_REPLY_MAX 2048u  /* longest head of a response, with the text of an error */

/* ---- requests (http_parse.c) ----------------------------------------------------------------- */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER /* known, and not allowed here */ };

/* Lines of one field; views into the head. */
struct http_tags {
    struct cs_ro line[HTTP_TAG_LINES_MAX];
    unsigned count;
};

/* A request's head. Views into its bytes; a field that is not there has the base NULL. */
struct http_request {
    enum http_method method;
    bool old;   /* HTTP/1.0 */
    bool close; /* the connection ends after the response */
    struct cs_ro target;
    uint64_t body_bytes; /* that follow the head */
    struct http_tags if_match, if_none_match;
    struct cs_ro if_modified_since, if_unmodified_since, if_range, range;
};

/* Parses the head of a request at the beginning of `bytes`: its length, and *request; 0: the head
 * goes on behind `bytes`; or the negative of the status to answer with, after which the connection
 * must end: 400 411 413 414 431 501 505. A head longer than HTTP_HEAD_MAX is always refused. */
int http_parse(struct cs_ro bytes, struct http_request *request);

/* The path that a request's target names, relative to the root, percent-decoded, "." and ".." gone:
 * "" or "a/b" or "a/" for a folder. NUL-terminated in `path` of `size` bytes; its length, or -400
 * (malformed, or above the root), -414 (no room). Query is cut off. */
int http_path(struct cs_ro target, char *path, size_t size);

/* ---- dates (http_date.c) --------------------------------------------------------------------- */

#define HTTP_DATE_BYTES 30u

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7) of seconds since 1970; before the year
 * 10000. */
void http_date_format(uint64_t seconds, char out[HTTP_DATE_BYTES]);
/* That form, or either of the two obsolete ones; a year of two digits is the one closest before
 * `now` and 50 years. False: none of them, or before 1970. */
bool http_date_parse(struct cs_ro text, uint64_t now, uint64_t *seconds);

/* ---- responses (http_reply.c) ---------------------------------------------------------------- */

struct http_reply {
    uint16_t status;
    bool head_only; /* the body's length is told, the body is not sent */
    bool close, old;
    const struct site_file *file; /* 200, 206, 301, 304, 416: what it is about */
    uint64_t first, length;       /* 200, 206: of the file; what is sent as body */
};

/* What to answer. `now`: seconds since 1970; 0: nobody knows. */
struct http_reply http_answer(const struct http_request *request, const struct site *site,
                              uint64_t now);
/* The answer to what http_parse refused. */
struct http_reply http_refusal(int status);

/* The head of a response, and where the status has one its short text, into `out` of at least
 * HTTP_REPLY_MAX bytes; the length. The body of a file is what follows. */
size_t http_emit(const struct http_reply *reply, uint64_t now, char *out);

#endif
