/* SPDX-License-Identifier: ISC */
/* dhcp_option.h - the options of RFC 2132 and its followers by ISC dhcpd's names, and how their
 * values are written. */
#ifndef DHCP_OPTION_H
#define DHCP_OPTION_H

#include <morgana/base.h>

/* How a value is written, as a string of letters, one an item:
 *   I  ip-address         "10.0.0.1"
 *   B S L                 unsigned integer of 8, 16, 32 bits
 *   b s l                 signed ones
 *   f  boolean            true false on off
 *   t  text               "..."                    (must be last)
 *   X  string             "..." or 01:02:ff        (must be last)
 *   D  list of domains    "a.example", "b.example", as labels of RFC 1035 (must be last)
 * and a final A: the items before it may be repeated, with commas between. */
#define DHCP_FORMAT_MAX 8u

struct dhcp_option_def {
    const char *name;
    uint8_t code;
    char format[DHCP_FORMAT_MAX];
};

/* The options that a configuration may name, by code; NULL where ISC has no name for it. */
const struct dhcp_option_def *dhcp_option_by_code(uint8_t code);
/* By name (`len` characters, no NUL needed), or NULL. */
const struct dhcp_option_def *dhcp_option_by_name(const char *name, size_t len);

#endif
