/* SPDX-License-Identifier: ISC */
/* http_reply.c - what to answer: conditions in the order of RFC 9110 section 13.2.2, then ranges
 * (section 14); and the head of the response. */
#include <string.h>

#include <morgana/log.h>

#include "http.h"

#define TAG_BYTES 40u /* a quoted tag */

/* ---- tags ------------------------------------------------------------------------------------ */

/* The file's validator: strong, since the files do not change while we run, and another one
 * differs in time or length. */
static size_t tag_of(const struct site_file *file, char out[TAG_BYTES])
{
    return fmt_buf(out, TAG_BYTES, "\"%llx-%llx\"", (unsigned long long)file->mtime,
                   (unsigned long long)site_bytes(file));
}

/* Takes the next tag off a list: "..." or W/"...", and the commas. False: there is none, or what
 * is there is none. */
static bool take_tag(struct cs_ro *list, struct cs_ro *tag, bool *weak)
{
    size_t n = 1;

    while (list->len != 0 &&
           (list->base[0] == ' ' || list->base[0] == '\t' || list->base[0] == ','))
        *list = cs_shift(*list, 1);
    *weak = list->len >= 2 && list->base[0] == 'W' && list->base[1] == '/';
    if (*weak)
        *list = cs_shift(*list, 2);
    if (list->len == 0 || list->base[0] != '"')
        return false;
    while (n < list->len && list->base[n] != '"')
        n++;
    if (n == list->len)
        return false;
    *tag = cs_head(*list, n + 1);
    *list = cs_shift(*list, n + 1);
    return true;
}

/* Is the file's tag among these? `strong`: a weak one never matches (section 8.8.3.2). */
static bool tags_match(const struct http_tags *tags, const struct site_file *file, bool strong)
{
    char own[TAG_BYTES];

    (void)tag_of(file, own);
    for (unsigned i = 0; i < tags->count; i++) {
        struct cs_ro list = tags->line[i], tag;
        bool weak;

        if (cs_equal_str(list, "*"))
            return true;
        while (take_tag(&list, &tag, &weak))
            if (cs_equal_str(tag, own) && !(strong && weak))
                return true;
    }
    return false;
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* 0: go on; 304 or 412. */
static uint16_t check_conditions(const struct http_request *r, const struct site_file *file,
                                 uint64_t now)
{
    uint64_t date;

    if (r->if_match.count != 0) {
        if (!tags_match(&r->if_match, file, true))
            return 412;
    } else if (r->if_unmodified_since.base != NULL &&
               http_date_parse(r->if_unmodified_since, now, &date) && file->mtime > date) {
        return 412;
    }
    if (r->if_none_match.count != 0)
        return tags_match(&r->if_none_match, file, false) ? 304 : 0;
    if (r->if_modified_since.base != NULL && http_date_parse(r->if_modified_since, now, &date) &&
        file->mtime <= date)
        return 304;
    return 0;
}

/* Section 13.1.5: a tag is compared strongly, a date for equality. */
static bool range_is_wanted(const struct http_request *r, const struct site_file *file,
                            uint64_t now)
{
    struct http_tags tag = {.line = {r->if_range}, .count = 1};
    uint64_t date;

    if (r->method != HTTP_GET || r->range.base == NULL)
        return false;
    if (r->if_range.base == NULL)
        return true;
    if (http_date_parse(r->if_range, now, &date))
        return date == file->mtime;
    return !cs_equal_str(r->if_range, "*") && tags_match(&tag, file, true);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* Digits off the front; what is too large for any file stays too large. False: none. */
static bool take_number(struct cs_ro *text, uint64_t *value)
{
    uint64_t n = 0;
    size_t i = 0;

    for (; i < text->len && text->base[i] >= '0' && text->base[i] <= '9'; i++)
        n = n > UINT64_MAX / 100 ? n : n * 10 + (uint64_t)(text->base[i] - '0');
    *text = cs_shift(*text, i);
    *value = n;
    return i != 0;
}

/* One range of bytes of a file of `size`: 206 and what of it; 416; or 200, where there is none that
 * is understood, or several: then the whole is an allowed answer (section 14.2). */
static uint16_t parse_range(struct cs_ro text, uint64_t size, uint64_t *first, uint64_t *length)
{
    static const char unit[] = "bytes=";
    uint64_t from, to = UINT64_MAX;
    bool has_from, has_to;

    if (text.len < sizeof(unit) - 1 || !cs_equal_str(cs_head(text, sizeof(unit) - 1), unit))
        return 200;
    text = cs_shift(text, sizeof(unit) - 1);
    has_from = take_number(&text, &from);
    if (text.len == 0 || text.base[0] != '-')
        return 200;
    text = cs_shift(text, 1);
    has_to = take_number(&text, &to);
    if (text.len != 0 || (!has_from && !has_to) || (has_from && has_to && to < from))
        return 200;
    if (!has_from) { /* the last `to` bytes */
        from = to < size ? size - to : 0;
        to = UINT64_MAX;
    }
    if (!has_to)
        to = UINT64_MAX;
    if (from >= size)
        return 416;
    *first = from;
    *length = u64_min(to, size - 1) - from + 1;
    return 206;
}

/* ---- the answer ------------------------------------------------------------------------------ */

struct http_reply http_refusal(int status)
{
    return (struct http_reply){.status = (uint16_t)status, .close = true};
}

/* The file of a path; a folder's is its index.html. *status becomes 301 where only the slash is
 * missing. */
static const struct site_file *find(const struct site *site, char *path, size_t len,
                                    uint16_t *status)
{
    static const char index[] = "index.html";
    const struct site_file *file = len == 0 ? NULL : site_find(site, path);

    if (file != NULL || len + sizeof(index) + 1 > SITE_NAME_BYTES)
        return file;
    if (len != 0 && path[len - 1] != '/') {
        *status = 301;
        path[len++] = '/';
    }
    memcpy(path + len, index, sizeof(index));
    return site_find(site, path);
}

struct http_reply http_answer(const struct http_request *request, const struct site *site,
                              uint64_t now)
{
    struct http_reply reply = {.status = 200,
                               .head_only = request->method == HTTP_HEAD,
                               .close = request->close,
                               .old = request->old};
    char path[SITE_NAME_BYTES];
    int len;

    if (request->method == HTTP_OTHER) {
        reply.status = 405;
        return reply;
    }
    len = http_path(request->target, path, sizeof(path));
    reply.file = len < 0 ? NULL : find(site, path, (size_t)len, &reply.status);
    if (reply.file == NULL) {
        reply.status = (uint16_t)(len == -400 ? 400 : 404); /* a longer name is no file's */
        return reply;
    }
    if (reply.status == 301)
        return reply;
    reply.length = site_bytes(reply.file);
    uint16_t condition = check_conditions(request, reply.file, now);
    if (condition != 0)
        reply.status = condition;
    else if (range_is_wanted(request, reply.file, now))
        reply.status =
            parse_range(request->range, site_bytes(reply.file), &reply.first, &reply.length);
    if (reply.status != 200 && reply.status != 206)
        reply.length = 0;
    return reply;
}

/* ---- the head -------------------------------------------------------------------------------- */

static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {431, "Request Header Fields Too Large"},
    {501, "Not Implemented"},
    {505, "HTTP Version Not Supported"},
};

static const struct {
    const char *ending, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"wasm", "application/wasm"},
    {"pdf", "application/pdf"},
    {"gz", "application/gzip"},
    {"zip", "application/zip"},
};

static const char *reason_of(uint16_t status)
{
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Error";
}

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (unsigned i = 0; dot != NULL && i < ARRAY_SIZE(types); i++)
        if (strcmp(dot + 1, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

struct text {
    char *out;
    size_t len;
};

#define ADD(t, ...)                                                                                \
    ((t)->len =                                                                                    \
         size_min(HTTP_REPLY_MAX - 1, (t)->len + fmt_buf((t)->out + (t)->len,                      \
                                                         HTTP_REPLY_MAX - (t)->len, __VA_ARGS__)))

static void add_date(struct text *t, const char *field, uint64_t seconds)
{
    char date[HTTP_DATE_BYTES];

    http_date_format(seconds, date);
    ADD(t, "%s: %s\r\n", field, date);
}

/* The folder of an index.html, percent-encoded where it is not plain: no octet of it can end the
 * line, or name another server. */
static void add_location(struct text *t, const char *name)
{
    size_t len = strlen(name) - strlen("index.html");

    ADD(t, "Location: /");
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)name[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     strchr("/-._~", c) != NULL;

        ADD(t, plain ? "%c" : "%%%02X", c);
    }
    ADD(t, "\r\n");
}

static void add_file(struct text *t, const struct http_reply *reply)
{
    const struct site_file *file = reply->file;
    char tag[TAG_BYTES];

    (void)tag_of(file, tag);
    ADD(t, "ETag: %s\r\n", tag);
    add_date(t, "Last-Modified", file->mtime);
    ADD(t, "Accept-Ranges: bytes\r\n");
    if (reply->status == 206)
        ADD(t, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)reply->first,
            (unsigned long long)(reply->first + reply->length - 1),
            (unsigned long long)site_bytes(file));
    if (reply->status != 304)
        ADD(t, "Content-Type: %s\r\nContent-Length: %llu\r\n", type_of(file->name),
            (unsigned long long)reply->length);
}

/* A line of text for people, as body of what is no file. */
static void add_note(struct text *t, const struct http_reply *reply)
{
    const char *reason = reason_of(reply->status);

    ADD(t, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
        strlen(reason) + 5);
    if (!reply->head_only)
        ADD(t, "%u %s\n", reply->status, reason);
}

size_t http_emit(const struct http_reply *reply, uint64_t now, char *out)
{
    struct text t = {.out = out};

    ADD(&t, "HTTP/1.1 %u %s\r\n", reply->status, reason_of(reply->status));
    if (now != 0)
        add_date(&t, "Date", now);
    ADD(&t, "Server: Morgana\r\n");
    if (reply->close)
        ADD(&t, "Connection: close\r\n");
    else if (reply->old)
        ADD(&t, "Connection: keep-alive\r\n");
    switch (reply->status) {
    case 200:
    case 206:
    case 304:
        add_file(&t, reply);
        ADD(&t, "\r\n");
        return t.len;
    case 301:
        add_location(&t, reply->file->name);
        break;
    case 405:
        ADD(&t, "Allow: GET, HEAD\r\n");
        break;
    case 416:
        ADD(&t, "Content-Range: bytes */%llu\r\n", (unsigned long long)site_bytes(reply->file));
        break;
    default:
        break;
    }
    add_note(&t, reply);
    return t.len;
}
