/* SPDX-License-Identifier: ISC */
/* http_parse.c - the head of a request (RFC 9112): strict where two readers could differ about
 * where a message ends, since that is how requests are smuggled.
 *
 * A line ends in CRLF or in LF alone (section 2.2); a CR elsewhere, and any other control
 * character but a tab, is refused. */
#include <string.h>

#include "http.h"

struct head {
    struct cs_ro bytes;
    size_t at;
    struct http_request *request;
    unsigned hosts, lengths;
    bool coding; /* Transfer-Encoding */
    bool keep_alive;
};

/* ---- text ------------------------------------------------------------------------------------ */

/* RFC 9110 section 5.6.2. */
static bool is_token_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t token_len(struct cs_ro text)
{
    size_t n = 0;

    while (n < text.len && is_token_char(text.base[n]))
        n++;
    return n;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct cs_ro trim(struct cs_ro text)
{
    while (text.len != 0 && is_blank(text.base[0]))
        text = cs_shift(text, 1);
    while (text.len != 0 && is_blank(text.base[text.len - 1]))
        text = cs_head(text, text.len - 1);
    return text;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* `word` is in lower case. */
static bool is_word(struct cs_ro text, const char *word)
{
    size_t n = strlen(word);

    if (text.len != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(text.base[i]) != (uint8_t)word[i])
            return false;
    return true;
}

/* The next line, without its end: 1; 0: it goes on behind the bytes; -400. */
static int next_line(struct head *head, struct cs_ro *line)
{
    struct cs_ro rest = cs_shift(head->bytes, head->at);
    size_t n = 0;

    for (; n < rest.len && rest.base[n] != '\n'; n++) {
        uint8_t c = rest.base[n];

        if (c == '\r' && n + 1 < rest.len && rest.base[n + 1] != '\n')
            return -400;
        if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
            return -400;
    }
    if (n == rest.len)
        return 0;
    head->at += n + 1;
    *line = cs_head(rest, n != 0 && rest.base[n - 1] == '\r' ? n - 1 : n);
    return 1;
}

/* ---- the request line (RFC 9112 section 3) --------------------------------------------------- */

static int take_method(struct http_request *request, struct cs_ro name)
{
    static const char *const others[] = {"POST",  "PUT",     "DELETE", "CONNECT",
                                         "TRACE", "OPTIONS", "PATCH"};

    if (name.len == 0)
        return -400;
    request->method = cs_equal_str(name, "GET")    ? HTTP_GET
                      : cs_equal_str(name, "HEAD") ? HTTP_HEAD
                                                   : HTTP_OTHER;
    if (request->method != HTTP_OTHER)
        return 0;
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        if (cs_equal_str(name, others[i]))
            return 0;
    return -501; /* RFC 9110 section 9.1 */
}

/* "HTTP/1.1" and nothing behind it. */
static int take_version(struct http_request *request, struct cs_ro text)
{
    if (text.len != 8 || !cs_equal_str(cs_head(text, 5), "HTTP/") || text.base[6] != '.' ||
        text.base[5] < '0' || text.base[5] > '9' || text.base[7] < '0' || text.base[7] > '9')
        return -400;
    request->old = text.base[7] == '0';
    return text.base[5] == '1' ? 0 : -505;
}

static int parse_request_line(struct head *head, struct cs_ro line)
{
    struct cs_ro method = cs_head(line, token_len(line)), version;
    size_t n = 0;
    int wrong, status;

    line = cs_shift(line, method.len);
    if (line.len == 0 || line.base[0] != ' ')
        return -400;
    line = cs_shift(line, 1);
    while (n < line.len && line.base[n] > ' ' && line.base[n] < 0x7f)
        n++;
    if (n == 0 || n == line.len || line.base[n] != ' ')
        return -400;
    head->request->target = cs_head(line, n);
    version = cs_shift(line, n + 1);
    status = take_version(head->request, version);
    wrong = take_method(head->request, method);
    return status != 0 ? status : wrong;
}

/* ---- fields (RFC 9112 section 5) ------------------------------------------------------------- */

static int take_once(struct cs_ro *field, struct cs_ro value)
{
    if (field->base != NULL)
        return -400;
    *field = value;
    return 0;
}

static int take_tags(struct http_tags *tags, struct cs_ro value)
{
    if (tags->count == HTTP_TAG_LINES_MAX)
        return -431;
    tags->line[tags->count++] = value;
    return 0;
}

static int take_host(struct head *head, struct cs_ro value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.base[i] <= ' ' || value.base[i] == '/' || value.base[i] == '@')
            return -400;
    head->hosts++;
    return 0;
}

static int take_length(struct head *head, struct cs_ro value)
{
    uint64_t n = 0;

    if (value.len == 0 || head->lengths++ != 0)
        return -400;
    for (size_t i = 0; i < value.len; i++) {
        if (value.base[i] < '0' || value.base[i] > '9')
            return -400;
        if (n <= HTTP_BODY_MAX) /* beyond, it only matters that it is beyond */
            n = n * 10 + (uint64_t)(value.base[i] - '0');
    }
    head->request->body_bytes = n;
    return 0;
}

/* A list of tokens; RFC 9112 section 9.3: close wins. */
static int take_connection(struct head *head, struct cs_ro value)
{
    while (value.len != 0) {
        size_t n = 0;

        while (n < value.len && value.base[n] != ',')
            n++;
        struct cs_ro option = trim(cs_head(value, n));
        if (is_word(option, "close"))
            head->request->close = true;
        else if (is_word(option, "keep-alive"))
            head->keep_alive = true;
        value = cs_shift(value, size_min(n + 1, value.len));
    }
    return 0;
}

static int take_field(struct head *head, struct cs_ro name, struct cs_ro value)
{
    struct http_request *r = head->request;

    if (is_word(name, "host"))
        return take_host(head, value);
    if (is_word(name, "connection"))
        return take_connection(head, value);
    if (is_word(name, "content-length"))
        return take_length(head, value);
    if (is_word(name, "transfer-encoding"))
        head->coding = true;
    if (is_word(name, "if-match"))
        return take_tags(&r->if_match, value);
    if (is_word(name, "if-none-match"))
        return take_tags(&r->if_none_match, value);
    if (is_word(name, "if-modified-since"))
        return take_once(&r->if_modified_since, value);
    if (is_word(name, "if-unmodified-since"))
        return take_once(&r->if_unmodified_since, value);
    if (is_word(name, "if-range"))
        return take_once(&r->if_range, value);
    return is_word(name, "range") ? take_once(&r->range, value) : 0;
}

static int parse_field(struct head *head, struct cs_ro line)
{
    size_t n = token_len(line);

    /* no name, white space before the colon (section 5.1), or a folded line (section 5.2) */
    if (n == 0 || n == line.len || line.base[n] != ':')
        return -400;
    return take_field(head, cs_head(line, n), trim(cs_shift(line, n + 1)));
}

/* What the fields mean together. */
static int finish(struct head *head)
{
    struct http_request *r = head->request;

    /* section 3.2: one Host, and 1.1 must have it */
    if (head->hosts > 1 || (head->hosts == 0 && !r->old))
        return -400;
    /* section 6.1: both together, or a coding in 1.0, are an attack, or might as well be */
    if (head->coding)
        return head->lengths != 0 || r->old ? -400 : -411;
    if (r->body_bytes > HTTP_BODY_MAX)
        return -413;
    if (r->old && !head->keep_alive)
        r->close = true;
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

int http_parse(struct cs_ro bytes, struct http_request *request)
{
    struct head head = {.bytes = cs_head(bytes, size_min(bytes.len, HTTP_HEAD_MAX)),
                        .request = request};
    bool first = true;
    int status;

    *request = (struct http_request){0};
    for (;;) {
        struct cs_ro line;

        status = next_line(&head, &line);
        if (status == 0)
            return bytes.len < HTTP_HEAD_MAX ? 0 : first ? -414 : -431;
        if (status < 0)
            return status;
        if (line.len == 0 && first)
            continue; /* section 2.2: empty lines in front are passed over */
        if (line.len == 0)
            break;
        status = first ? parse_request_line(&head, line) : parse_field(&head, line);
        if (status != 0)
            return status;
        first = false;
    }
    status = finish(&head);
    return status != 0 ? status : (int)head.at;
}

/* ---- the target (RFC 9112 section 3.2, RFC 3986) --------------------------------------------- */

static int hex(uint8_t c)
{
    c = lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Without scheme and authority of the absolute form, without query. */
static bool path_of(struct cs_ro target, struct cs_ro *path)
{
    size_t n = 0;

    for (unsigned i = 0; i < 2; i++) {
        const char *scheme = i == 0 ? "http://" : "https://";
        size_t len = strlen(scheme);

        if (target.len >= len && is_word(cs_head(target, len), scheme)) {
            target = cs_shift(target, len);
            while (target.len != 0 && target.base[0] != '/' && target.base[0] != '?')
                target = cs_shift(target, 1);
            if (target.len == 0 || target.base[0] == '?') {
                *path = CS_RO_EMPTY;
                return true;
            }
        }
    }
    if (target.len == 0 || target.base[0] != '/')
        return false;
    while (n < target.len && target.base[n] != '?')
        n++;
    *path = cs_head(target, n);
    return true;
}

/* Ends a segment that begins at `from` of the path: drops ".", takes ".." back.
 * The new length, or -400 above the root. */
static int end_segment(char *path, size_t from, size_t len)
{
    size_t n = len - from;

    if (n == 1 && path[from] == '.')
        return (int)from;
    if (n == 2 && path[from] == '.' && path[from + 1] == '.') {
        if (from == 0)
            return -400;
        from--; /* the slash */
        while (from != 0 && path[from - 1] != '/')
            from--;
        return (int)from;
    }
    return (int)len;
}

int http_path(struct cs_ro target, char *path, size_t size)
{
    size_t from = 0, len = 0;
    struct cs_ro text;

    if (!path_of(target, &text))
        return -400;
    for (size_t i = 0; i <= text.len; i++) {
        bool last = i == text.len;
        uint8_t c = last ? '/' : text.base[i];

        if (c == '%') {
            bool room = i + 2 < text.len;
            int high = room ? hex(text.base[i + 1]) : -1, low = room ? hex(text.base[i + 2]) : -1;

            if (high < 0 || low < 0 || (high | low) == 0)
                return -400; /* a NUL: names end there */
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '#') {
            return -400;
        }
        if (c == '/') { /* an encoded one too: no file has it in its name */
            int end = end_segment(path, from, len);

            if (end < 0)
                return end;
            from = len = (size_t)end;
            if (last || len == 0 || path[len - 1] == '/')
                continue;
        }
        if (len + 1 >= size)
            return -414;
        path[len++] = (char)c;
        if (c == '/')
            from = len;
    }
    path[len] = '\0';
    return (int)len;
}
