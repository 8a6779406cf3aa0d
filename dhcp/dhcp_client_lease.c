/* SPDX-License-Identifier: ISC */
/* dhcp_client_lease.c - a lease out of an offer or an acknowledgement: everything in it is the
 * peer's, so everything is checked once, here.
 *
 * What a lease cannot do without (address, mask, time) makes the message useless where it is
 * wrong; what it can do without is left out, and counted. */
#include "dhcp_client_priv.h"

struct reader {
    const struct dhcp_msg *msg;
    struct dhcp_client_lease *lease;
    uint64_t *notes;
};

static void note(const struct reader *r, enum dhcp_client_note what)
{
    r->notes[what]++;
}

/* A number of four bytes; 0 where it is absent or has another length. */
static uint32_t u32_of(const struct reader *r, uint8_t code)
{
    uint32_t value = 0;

    if (!dhcp_msg_u32(r->msg, code, &value) && dhcp_msg_has(r->msg, code))
        note(r, DHCP_CLIENT_NOTE_option_length);
    return value;
}

/* ---- address and mask ------------------------------------------------------------------------ */

/* The length of a mask, or 0 where its ones are not all in front. */
static uint8_t mask_len(uint32_t mask)
{
    uint8_t len = 0;

    while (len < 32 && (mask & (UINT32_C(0x80000000) >> len)) != 0)
        len++;
    return len == 0 || (len < 32 && mask << len != 0) ? 0 : len;
}

static bool read_prefix(const struct reader *r)
{
    uint32_t addr = r->lease->addr, mask = u32_of(r, DHCP_OPT_SUBNET_MASK);

    if (mask == 0) {
        if (dhcp_msg_has(r->msg, DHCP_OPT_SUBNET_MASK))
            return false;
        note(r, DHCP_CLIENT_NOTE_mask_missing);
        r->lease->prefix_len = addr >> 31 == 0 ? 8 : addr >> 30 == 2 ? 16 : 24;
        return true;
    }
    r->lease->prefix_len = mask_len(mask);
    return r->lease->prefix_len != 0;
}

/* One host's, in its network: neither the network's own nor its broadcast address (RFC 3021: a /31
 * has none of these). */
static bool is_host_of(uint32_t addr, uint8_t prefix_len)
{
    uint32_t host = prefix_len >= 31 ? 0 : UINT32_MAX >> prefix_len;

    return host == 0 || ((addr & host) != 0 && (addr & host) != host);
}

/* ---- times ----------------------------------------------------------------------------------- */

/* RFC 2131 section 4.4.5: half and seven eighths, unless the server says otherwise, in order. */
static bool read_times(const struct reader *r)
{
    struct dhcp_client_lease *lease = r->lease;

    lease->lease_s = u32_of(r, DHCP_OPT_LEASE_TIME);
    if (lease->lease_s < DHCP_CLIENT_LEASE_MIN_S)
        return false;
    if (lease->lease_s == DHCP_INFINITE) {
        lease->t1_s = lease->t2_s = DHCP_INFINITE;
        return true;
    }
    lease->t1_s = u32_of(r, DHCP_OPT_T1);
    lease->t2_s = u32_of(r, DHCP_OPT_T2);
    if (lease->t1_s == 0)
        lease->t1_s = lease->lease_s / 2;
    if (lease->t2_s == 0)
        lease->t2_s = lease->lease_s - lease->lease_s / 8;
    if (lease->t1_s > lease->t2_s || lease->t2_s > lease->lease_s) {
        note(r, DHCP_CLIENT_NOTE_times_bounded);
        lease->t1_s = lease->lease_s / 2;
        lease->t2_s = lease->lease_s - lease->lease_s / 8;
    }
    return true;
}

/* ---- what else there is ---------------------------------------------------------------------- */

/* A list of hosts' addresses: how many were taken. */
static uint8_t read_servers(const struct reader *r, uint8_t code,
                            uint32_t servers[DHCP_CLIENT_SERVERS_MAX])
{
    struct cs_ro list = dhcp_msg_opt(r->msg, code);
    uint8_t count = 0;

    if (dhcp_msg_has(r->msg, code) && (list.len == 0 || list.len % 4 != 0)) {
        note(r, DHCP_CLIENT_NOTE_option_length);
        return 0;
    }
    for (size_t off = 0; off < list.len; off += 4) {
        uint32_t addr = cs_get_be32(list, off);

        if (count < DHCP_CLIENT_SERVERS_MAX && dhcp_client_is_host(addr))
            servers[count++] = addr;
        else
            note(r, DHCP_CLIENT_NOTE_servers_left_out);
    }
    return count;
}

/* One route of option 121: the prefix length, the bytes of the destination that count, a router.
 * False: the bytes end before. RFC 3442: bits beyond the prefix are cleared. */
static bool next_route(struct cs_ro *rest, struct dhcp_client_route *route)
{
    struct cs_ro head;
    uint32_t dst = 0;
    uint8_t bytes;

    if (rest->len == 0 || rest->base[0] > 32)
        return false;
    route->prefix_len = rest->base[0];
    bytes = (uint8_t)((route->prefix_len + 7) / 8);
    if (!cs_try_split(cs_shift(*rest, 1), bytes + 4u, &head, rest))
        return false;
    for (uint8_t i = 0; i < bytes; i++)
        dst |= (uint32_t)head.base[i] << (24 - 8 * i);
    route->dst = route->prefix_len == 0 ? 0 : dst & UINT32_MAX << (32 - route->prefix_len);
    route->gateway = cs_get_be32(head, bytes);
    return true;
}

/* Where option 121 is there and well-formed, option 3 does not count (RFC 3442). */
static bool read_classless(const struct reader *r)
{
    struct cs_ro rest = dhcp_msg_opt(r->msg, DHCP_OPT_ROUTES), look = rest;
    struct dhcp_client_route route;

    if (!dhcp_msg_has(r->msg, DHCP_OPT_ROUTES))
        return false;
    do {
        if (!next_route(&look, &route)) {
            note(r, DHCP_CLIENT_NOTE_routes_malformed);
            return false;
        }
    } while (look.len != 0);
    while (rest.len != 0) {
        (void)next_route(&rest, &route);
        if (r->lease->route_count < DHCP_CLIENT_ROUTES_MAX &&
            (route.gateway == 0 || dhcp_client_is_host(route.gateway)))
            r->lease->routes[r->lease->route_count++] = route;
        else
            note(r, DHCP_CLIENT_NOTE_routes_left_out);
    }
    return true;
}

static void read_routes(const struct reader *r)
{
    uint32_t routers[DHCP_CLIENT_SERVERS_MAX];

    if (read_classless(r) || read_servers(r, DHCP_OPT_ROUTERS, routers) == 0)
        return;
    r->lease->routes[0] = (struct dhcp_client_route){.gateway = routers[0]};
    r->lease->route_count = 1;
}

static void read_mtu(const struct reader *r)
{
    struct cs_ro mtu = dhcp_msg_opt(r->msg, DHCP_OPT_MTU);

    if (!dhcp_msg_has(r->msg, DHCP_OPT_MTU))
        return;
    if (mtu.len != 2)
        note(r, DHCP_CLIENT_NOTE_option_length);
    else if (cs_get_be16(mtu, 0) < DHCP_CLIENT_MTU_MIN)
        note(r, DHCP_CLIENT_NOTE_mtu_ignored);
    else
        r->lease->mtu = cs_get_be16(mtu, 0);
}

static bool is_name_char(uint8_t c)
{
    uint8_t letter = c | 0x20;

    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

/* A name may end up in anybody's configuration file or shell: nothing but letters, digits and -_.
 * (CVE-2011-0997 was the rest). Some servers end it with a NUL. */
static void read_name(const struct reader *r, uint8_t code, char *out, size_t size)
{
    struct cs_ro text = dhcp_msg_opt(r->msg, code);

    if (!dhcp_msg_has(r->msg, code))
        return;
    if (text.len != 0 && text.base[text.len - 1] == 0)
        text = cs_head(text, text.len - 1);
    for (size_t i = 0; i < text.len; i++)
        if (!is_name_char(text.base[i]))
            text = CS_RO_EMPTY;
    if (text.len == 0 || text.len >= size) {
        note(r, DHCP_CLIENT_NOTE_names_ignored);
        return;
    }
    memcpy(out, text.base, text.len);
    out[text.len] = '\0';
}

enum dhcp_client_answer dhcp_client_read(const struct dhcp_msg *msg,
                                         struct dhcp_client_lease *lease,
                                         uint64_t notes[DHCP_CLIENT_NOTE_COUNT])
{
    struct reader r = {msg, lease, notes};

    memset(lease, 0, sizeof(*lease));
    lease->addr = msg->yiaddr;
    if (!dhcp_msg_u32(msg, DHCP_OPT_SERVER_ID, &lease->server) ||
        !dhcp_client_is_host(lease->server))
        return DHCP_CLIENT_ANSWER_no_server_id;
    if (!dhcp_client_is_host(lease->addr) || lease->addr == lease->server)
        return DHCP_CLIENT_ANSWER_bad_address;
    if (!read_prefix(&r))
        return DHCP_CLIENT_ANSWER_bad_mask;
    if (!is_host_of(lease->addr, lease->prefix_len))
        return DHCP_CLIENT_ANSWER_bad_address;
    if (!read_times(&r))
        return DHCP_CLIENT_ANSWER_bad_lease_time;
    read_routes(&r);
    read_mtu(&r);
    lease->broadcast = u32_of(&r, DHCP_OPT_BROADCAST);
    lease->dns_count = read_servers(&r, DHCP_OPT_DNS, lease->dns);
    lease->ntp_count = read_servers(&r, DHCP_OPT_NTP, lease->ntp);
    read_name(&r, DHCP_OPT_HOST_NAME, lease->host_name, sizeof(lease->host_name));
    read_name(&r, DHCP_OPT_DOMAIN_NAME, lease->domain, sizeof(lease->domain));
    return DHCP_CLIENT_ANSWER_acknowledged;
}
