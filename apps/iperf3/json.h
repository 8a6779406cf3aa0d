/* SPDX-License-Identifier: ISC */
/* json.h - as much of JSON (RFC 8259) as iperf3 speaks: looking up a member, and writing text. */
#ifndef IPERF3_JSON_H
#define IPERF3_JSON_H

#include <morgana/cstruct.h>

/* The value of member `key` of the object that `text` is, as text; false: no object, no such
 * member, or text that is no JSON. Nesting deeper than 16 is no JSON here. */
bool json_member(struct cs_ro text, const char *key, struct cs_ro *value);
/* The next value of an array: begin with *at 0; false: no more. */
bool json_element(struct cs_ro array, size_t *at, struct cs_ro *value);
/* A number's whole part; false: no number, negative, or beyond 2^64 (what iperf3 writes for -1). */
bool json_u64(struct cs_ro value, uint64_t *out);
/* A number in millionths. */
bool json_micro(struct cs_ro value, uint64_t *out);
bool json_bool(struct cs_ro value);
/* The members as above; `out` untouched where there is none. */
void json_member_u64(struct cs_ro text, const char *key, uint64_t *out);
bool json_member_bool(struct cs_ro text, const char *key);

/* Text that grows in a buffer; what does not fit sets `full` and is left out. */
struct json_out {
    char *text;
    size_t size, len;
    bool full;
};
void json_add(struct json_out *out, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
