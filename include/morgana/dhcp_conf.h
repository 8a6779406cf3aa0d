/* SPDX-License-Identifier: ISC */
/* dhcp_conf.h - a DHCP server's configuration: the data model, and the parser of ISC dhcpd.conf's
 * grammar that fills it.
 *
 * Everything lies in one arena that the caller supplies; a parsed configuration is immutable. A
 * setting or option is looked up from the innermost scope outwards: host, group(s), class, pool,
 * subnet, shared-network, global.
 */
#ifndef MORGANA_DHCP_CONF_H
#define MORGANA_DHCP_CONF_H

#include <morgana/cstruct.h>
#include <morgana/err.h>

/* An option's bytes as they go on the wire (without code and length). */
struct dhcp_opt {
    struct dhcp_opt *next;
    uint8_t code;
    struct cs_ro data; /* 0..65535 bytes; above 255 it is split on output (RFC 3396) */
};

/* Settings of a scope; a bit in `set` says which are there. */
enum dhcp_setting {
    DHCP_SET_DEFAULT_LEASE = 1 << 0,
    DHCP_SET_MAX_LEASE = 1 << 1,
    DHCP_SET_MIN_LEASE = 1 << 2,
    DHCP_SET_NEXT_SERVER = 1 << 3,
    DHCP_SET_FILENAME = 1 << 4,
    DHCP_SET_SERVER_NAME = 1 << 5,
    DHCP_SET_AUTHORITATIVE = 1 << 6,
    DHCP_SET_UNKNOWN_CLIENTS = 1 << 7,
    DHCP_SET_BOOTING = 1 << 8,
    DHCP_SET_BOOTP = 1 << 9,
    DHCP_SET_PING_CHECK = 1 << 10,
    DHCP_SET_DECLINES = 1 << 11,
};

struct dhcp_scope {
    const struct dhcp_scope *parent; /* NULL: global */
    struct dhcp_opt *options;        /* in the order they were written */
    uint32_t set;                    /* enum dhcp_setting bits */
    uint32_t default_lease_s, max_lease_s, min_lease_s;
    uint32_t next_server; /* host order */
    struct cs_ro filename, server_name;
    bool authoritative, unknown_clients, booting, bootp, ping_check, declines;
};

struct dhcp_class;

/* allow/deny entries of a pool, in order; the first that matches decides; with only allows, others
 * are denied. */
enum dhcp_permit_what {
    DHCP_PERMIT_KNOWN,
    DHCP_PERMIT_UNKNOWN,
    DHCP_PERMIT_ALL,
    DHCP_PERMIT_BOOTP,
    DHCP_PERMIT_CLASS
};
struct dhcp_permit {
    struct dhcp_permit *next;
    bool allow;
    enum dhcp_permit_what what;
    const struct dhcp_class *class;
};

struct dhcp_range {
    struct dhcp_range *next;
    uint32_t low, high; /* host order, inclusive */
    bool dynamic_bootp;
};

struct dhcp_subnet;

struct dhcp_pool {
    struct dhcp_pool *next;
    struct dhcp_scope scope;
    const struct dhcp_subnet *subnet; /* that all its ranges lie in */
    struct dhcp_range *ranges;
    struct dhcp_permit *permits;
    bool implicit; /* made for `range` directly in a subnet */
};

struct dhcp_shared {
    struct dhcp_shared *next;
    struct dhcp_scope scope;
    struct cs_ro name;
};

struct dhcp_subnet {
    struct dhcp_subnet *next;
    struct dhcp_scope scope;
    uint32_t net, mask;               /* host order */
    const struct dhcp_shared *shared; /* NULL: a network of its own */
    struct dhcp_pool *pools;          /* `range` directly in the subnet makes a pool of its own */
};

#define DHCP_HOST_ADDRS_MAX 8u

struct dhcp_host {
    struct dhcp_host *next;
    struct dhcp_scope scope;
    struct cs_ro name;
    bool has_hardware;
    uint8_t hardware[6];
    struct cs_ro client_id; /* empty: not matched by it; type byte included (RFC 4361) */
    /* `host-identifier option agent.circuit-id ...`; empty: not matched by it */
    struct cs_ro circuit_id;
    struct cs_ro remote_id;
    /* fixed-address; the one on the client's network is used */
    uint32_t addrs[DHCP_HOST_ADDRS_MAX];
    uint32_t addr_count;
};

/* Which bytes of a message a class compares. */
struct dhcp_match {
    enum { DHCP_MATCH_NONE, DHCP_MATCH_OPTION, DHCP_MATCH_AGENT, DHCP_MATCH_HARDWARE } what;
    uint8_t code;       /* of the option, or of option 82's sub-option */
    uint32_t off, len;  /* substring(...); len UINT32_MAX: to the end */
    struct cs_ro value; /* `match if ... = value`; for subclasses the key is in the subclass */
    bool has_value;
    bool exists; /* `match if exists option ...` */
};

struct dhcp_subclass {
    struct dhcp_subclass *next;
    struct dhcp_scope scope;
    struct cs_ro key;
};

struct dhcp_class {
    struct dhcp_class *next;
    struct dhcp_scope scope;
    struct cs_ro name;
    struct dhcp_match match;
    struct dhcp_subclass *subclasses;
};

#define DHCP_CONF_DEPTH_MAX 16u /* blocks in blocks; more is an error */

struct dhcp_conf {
    struct dhcp_scope global;
    struct dhcp_shared *shareds;
    struct dhcp_subnet *subnets; /* every one, also those in shared networks */
    struct dhcp_host *hosts;
    struct dhcp_class *classes;
    uint32_t host_count, pool_addresses; /* how many hosts; how many addresses all ranges hold */
};

struct dhcp_conf_error {
    uint32_t line, column; /* from 1 */
    char text[160];        /* "expected an IPv4 address, found \"foo\"" */
};

/* Parses `text`. Everything the result points to lies in `arena` (Kept; 8-byte aligned). 0;
 * -E_INVAL with *error filled and *conf untouched; -E_NOMEM with *error saying so. */
int dhcp_conf_parse(struct cs_ro text, struct cs arena, struct dhcp_conf *conf,
                    struct dhcp_conf_error *error);

/* Arena bytes that surely suffice for a text of `text_len` bytes. */
size_t dhcp_conf_arena_bytes(size_t text_len);

/* The name ISC gives an option ("domain-name-servers"), or NULL. */
const char *dhcp_option_name(uint8_t code);

#endif
