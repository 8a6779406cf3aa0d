/* SPDX-License-Identifier: ISC */
/* ip4.c - the options of an IPv4 header: which may be skipped, and which end the packet; quoted
 * headers. */
#include "tcpip/wire/ip4.h"

enum {
    IP4_OPT_END = 0,
    IP4_OPT_NOP = 1,
    IP4_OPT_LSRR = 0x83, /* loose source route */
    IP4_OPT_SSRR = 0x89, /* strict source route */
};

bool ip4_parse_quoted(struct ip4_hdr *out, struct cs_ro in)
{
    uint8_t header_len;

    if (in.len < ip4_SIZE)
        return false;
    header_len = (uint8_t)((ip4_ro_get_version_ihl(in) & 0xf) * 4);
    if (ip4_ro_get_version_ihl(in) >> 4 != 4 || header_len < ip4_SIZE || header_len > in.len)
        return false;
    *out = (struct ip4_hdr){.src = ip4_ro_get_src(in),
                            .dst = ip4_ro_get_dst(in),
                            .total_len = ip4_ro_get_total_len(in),
                            .id = ip4_ro_get_id(in),
                            .flags_off = ip4_ro_get_flags_off(in),
                            .tos = ip4_ro_get_tos(in),
                            .ttl = ip4_ro_get_ttl(in),
                            .protocol = ip4_ro_get_protocol(in),
                            .header_len = header_len};
    return true;
}

enum ip4_options ip4_options_check(struct cs_ro options, uint8_t *where)
{
    size_t at = 0;

    while (at < options.len) {
        uint8_t type = cs_get_u8(options, at), len;

        if (type == IP4_OPT_END)
            return IP4_OPTIONS_OK;
        if (type == IP4_OPT_NOP) {
            at++;
            continue;
        }
        *where = (uint8_t)at;
        /* We are no router, and a source route would make us one: RFC 1122 section 3.3.5, RFC
         * 7126 section 4.3. */
        if (type == IP4_OPT_LSRR || type == IP4_OPT_SSRR)
            return IP4_OPTIONS_SOURCE_ROUTE;
        if (!cs_try_get_u8(options, at + 1, &len))
            return IP4_OPTIONS_MALFORMED;
        *where = (uint8_t)(at + 1);
        if (len < 2 || len > options.len - at)
            return IP4_OPTIONS_MALFORMED;
        at += len;
    }
    return IP4_OPTIONS_OK;
}
