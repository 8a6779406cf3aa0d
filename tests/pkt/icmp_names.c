/* SPDX-License-Identifier: ISC */
/* icmp_names.c - ICMP's types and codes by the names that scripts use (RFC 792, RFC 1812). */
#include <stdio.h>
#include <string.h>

#include "parse.h"

struct icmp_name {
    const char *name;
    uint8_t number;
};

static const struct icmp_name types[] = {
    {"echo_reply", 0},          {"unreachable", 3},
    {"source_quench", 4},       {"redirect", 5},
    {"echo_request", 8},        {"time_exceeded", 11},
    {"parameter_problem", 12},  {"timestamp_request", 13},
    {"timestamp_reply", 14},    {"information_request", 15},
    {"information_reply", 16},  {"address_mask_request", 17},
    {"address_mask_reply", 18},
};

static const struct icmp_name unreachable_codes[] = {
    {"net_unreachable", 0},
    {"host_unreachable", 1},
    {"protocol_unreachable", 2},
    {"port_unreachable", 3},
    {"frag_needed", 4},
    {"source_route_failed", 5},
    {"net_unknown", 6},
    {"host_unknown", 7},
    {"source_host_isolated", 8},
    {"net_prohibited", 9},
    {"host_prohibited", 10},
    {"net_unreachable_for_tos", 11},
    {"host_unreachable_for_tos", 12},
    {"packet_filtered", 13},
    {"precedence_violation", 14},
    {"precedence_cutoff", 15},
};

static const struct icmp_name exceeded_codes[] = {
    {"ttl_exceeded_in_transit", 0},
    {"frag_reass_exceeded", 1},
};

static bool find(const struct icmp_name *names, size_t n, const char *prefix, const char *text,
                 uint8_t *out)
{
    unsigned number;
    char rest, format[16];

    snprintf(format, sizeof(format), "%s_%%u%%c", prefix);
    if (sscanf(text, format, &number, &rest) == 1 && number <= 255) {
        *out = (uint8_t)number;
        return true;
    }
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i].name, text) == 0) {
            *out = names[i].number;
            return true;
        }
    return false;
}

bool icmp_type_code(const char *type, const char *code, uint8_t *type_out, uint8_t *code_out)
{
    *code_out = 0;
    if (!find(types, sizeof(types) / sizeof(types[0]), "type", type, type_out))
        return false;
    if (code == NULL)
        return true;
    if (*type_out == 11)
        return find(exceeded_codes, sizeof(exceeded_codes) / sizeof(exceeded_codes[0]), "code",
                    code, code_out);
    return find(unreachable_codes,
                *type_out == 3 ? sizeof(unreachable_codes) / sizeof(unreachable_codes[0]) : 0,
                "code", code, code_out);
}
