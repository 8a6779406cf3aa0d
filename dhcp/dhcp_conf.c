/* SPDX-License-Identifier: ISC */
/* dhcp_conf.c - dhcpd.conf: statements and blocks.
 *
 * Theory of operation. A file is a list of statements; a block is a statement whose body is a list
 * of statements. One table says for each word in which blocks it may stand and who reads the rest
 * of it, so a word in a wrong place and an unknown word are the same error. A block's data hang on
 * its parent only when the block is whole. The configuration is built beside the caller's and
 * copied over it when the whole file was good.
 */
#include <morgana/log.h>

#include "dhcp_conf_priv.h"

typedef bool (*statement_fn)(struct conf_parser *p, const struct conf_place *place);

/* ---- settings -------------------------------------------------------------------------------- */

static bool lease_seconds(struct conf_parser *p, struct dhcp_scope *scope, enum dhcp_setting bit,
                          uint32_t *seconds)
{
    uint32_t line = p->token_line, column = p->token_column;

    if (!dhcp_conf_u32(p, UINT32_MAX, seconds))
        return false;
    if (*seconds == 0)
        return dhcp_conf_fail_at(p, line, column, "expected a lease of at least 1 second, found 0");
    scope->set |= bit;
    return dhcp_conf_check_scope(p, scope, line, column) && dhcp_conf_expect(p, ";");
}

static bool default_lease(struct conf_parser *p, const struct conf_place *place)
{
    return lease_seconds(p, place->scope, DHCP_SET_DEFAULT_LEASE, &place->scope->default_lease_s);
}

static bool max_lease(struct conf_parser *p, const struct conf_place *place)
{
    return lease_seconds(p, place->scope, DHCP_SET_MAX_LEASE, &place->scope->max_lease_s);
}

static bool min_lease(struct conf_parser *p, const struct conf_place *place)
{
    return lease_seconds(p, place->scope, DHCP_SET_MIN_LEASE, &place->scope->min_lease_s);
}

static bool authoritative(struct conf_parser *p, const struct conf_place *place)
{
    place->scope->set |= DHCP_SET_AUTHORITATIVE;
    place->scope->authoritative = true;
    return dhcp_conf_expect(p, ";");
}

static bool not_authoritative(struct conf_parser *p, const struct conf_place *place)
{
    if (!dhcp_conf_expect(p, "authoritative"))
        return false;
    place->scope->set |= DHCP_SET_AUTHORITATIVE;
    place->scope->authoritative = false;
    return dhcp_conf_expect(p, ";");
}

static bool next_server(struct conf_parser *p, const struct conf_place *place)
{
    place->scope->set |= DHCP_SET_NEXT_SERVER;
    return dhcp_conf_ip4(p, &place->scope->next_server) && dhcp_conf_expect(p, ";");
}

/* A text that must fit a fixed field of the message, with its NUL. */
static bool field_text(struct conf_parser *p, struct cs_ro *text, size_t max)
{
    uint32_t line = p->token_line, column = p->token_column;

    if (!dhcp_conf_string(p, text))
        return false;
    if (text->len > max)
        return dhcp_conf_fail_at(p, line, column, "expected at most %u characters, found %u",
                                 (unsigned)max, (unsigned)text->len);
    return dhcp_conf_expect(p, ";");
}

static bool filename(struct conf_parser *p, const struct conf_place *place)
{
    place->scope->set |= DHCP_SET_FILENAME;
    return field_text(p, &place->scope->filename, 127);
}

static bool server_name(struct conf_parser *p, const struct conf_place *place)
{
    place->scope->set |= DHCP_SET_SERVER_NAME;
    return field_text(p, &place->scope->server_name, 63);
}

static bool ping_check(struct conf_parser *p, const struct conf_place *place)
{
    place->scope->set |= DHCP_SET_PING_CHECK;
    return dhcp_conf_bool(p, &place->scope->ping_check) && dhcp_conf_expect(p, ";");
}

static bool option(struct conf_parser *p, const struct conf_place *place)
{
    return dhcp_conf_option_statement(p, place->scope,
                                      place->host ? &place->host->client_id : NULL);
}

/* Statements about things that this server does not have, in the form that turns them off:
 * `ddns-update-style none;` */
static bool off_already(struct conf_parser *p, const struct conf_place *place)
{
    (void)place;
    if (!dhcp_conf_is(p, "none") && !dhcp_conf_is(p, "off") && !dhcp_conf_is(p, "false"))
        return dhcp_conf_fail_expected(p, "\"none\" or \"off\" (dynamic DNS is not supported)");
    return dhcp_conf_next(p) && dhcp_conf_expect(p, ";");
}

static bool log_facility(struct conf_parser *p, const struct conf_place *place)
{
    struct cs_ro name;

    (void)place; /* there is one console, and all goes to it */
    return dhcp_conf_name(p, &name) && dhcp_conf_expect(p, ";");
}

/* ---- allow and deny -------------------------------------------------------------------------- */

struct setting_word {
    const char *word;
    enum dhcp_setting bit;
    size_t flag_off; /* in struct dhcp_scope */
};

static const struct setting_word setting_words[] = {
    {"unknown-clients", DHCP_SET_UNKNOWN_CLIENTS, offsetof(struct dhcp_scope, unknown_clients)},
    {"booting", DHCP_SET_BOOTING, offsetof(struct dhcp_scope, booting)},
    {"bootp", DHCP_SET_BOOTP, offsetof(struct dhcp_scope, bootp)},
    {"declines", DHCP_SET_DECLINES, offsetof(struct dhcp_scope, declines)},
};

struct permit_words {
    const char *words[3];
    enum dhcp_permit_what what;
};

static const struct permit_words permit_words[] = {
    {{"known-clients"}, DHCP_PERMIT_KNOWN},
    {{"known", "clients"}, DHCP_PERMIT_KNOWN},
    {{"unknown-clients"}, DHCP_PERMIT_UNKNOWN},
    {{"unknown", "clients"}, DHCP_PERMIT_UNKNOWN},
    {{"all", "clients"}, DHCP_PERMIT_ALL},
    {{"dynamic", "bootp", "clients"}, DHCP_PERMIT_BOOTP},
    {{"members", "of"}, DHCP_PERMIT_CLASS},
};

static bool permit_class(struct conf_parser *p, struct dhcp_permit *permit)
{
    uint32_t line = p->token_line, column = p->token_column;
    struct cs_ro name;

    if (!dhcp_conf_name(p, &name))
        return false;
    permit->class = dhcp_conf_class_find(p, name);
    return permit->class ||
           dhcp_conf_fail_at(p, line, column, "expected the name of a class defined above");
}

static bool permit(struct conf_parser *p, struct dhcp_pool *pool, bool allow)
{
    struct dhcp_permit *new = dhcp_conf_alloc(p, sizeof(*new)), **at;
    const struct permit_words *row = NULL;

    if (!new)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(permit_words) && !row; i++)
        if (dhcp_conf_is(p, permit_words[i].words[0]))
            row = &permit_words[i];
    if (!row)
        return dhcp_conf_fail_expected(
            p, "known-clients, unknown-clients, all clients, dynamic bootp clients "
               "or members of \"CLASS\"");
    for (size_t i = 0; i < 3 && row->words[i]; i++)
        if (!dhcp_conf_expect(p, row->words[i]))
            return false;
    new->allow = allow;
    new->what = row->what;
    if (new->what == DHCP_PERMIT_CLASS && !permit_class(p, new))
        return false;
    for (at = &pool->permits; *at; at = &(*at)->next)
        ;
    *at = new;
    return dhcp_conf_expect(p, ";");
}

static bool allow_or_deny(struct conf_parser *p, const struct conf_place *place, bool allow)
{
    if (place->block == CONF_POOL)
        return permit(p, place->pool, allow);
    for (size_t i = 0; i < ARRAY_SIZE(setting_words); i++)
        if (dhcp_conf_is(p, setting_words[i].word)) {
            *(bool *)(void *)((char *)place->scope + setting_words[i].flag_off) = allow;
            place->scope->set |= setting_words[i].bit;
            return dhcp_conf_next(p) && dhcp_conf_expect(p, ";");
        }
    return dhcp_conf_fail_expected(p, "unknown-clients, booting, bootp or declines");
}

static bool allow(struct conf_parser *p, const struct conf_place *place)
{
    return allow_or_deny(p, place, true);
}

static bool deny(struct conf_parser *p, const struct conf_place *place)
{
    return allow_or_deny(p, place, false);
}

/* ---- networks -------------------------------------------------------------------------------- */

static bool shared_network(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_shared *shared = dhcp_conf_alloc(p, sizeof(*shared)), **at = &p->conf->shareds;
    struct conf_place inside = {.block = CONF_SHARED, .shared = shared};

    if (!shared || !dhcp_conf_name(p, &shared->name))
        return false;
    shared->scope.parent = place->scope;
    inside.scope = &shared->scope;
    if (!dhcp_conf_block(p, &inside))
        return false;
    while (*at)
        at = &(*at)->next;
    *at = shared;
    return true;
}

static bool subnet(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_subnet *new = dhcp_conf_alloc(p, sizeof(*new)), **at = &p->conf->subnets;
    struct conf_place inside = {.block = CONF_SUBNET, .subnet = new, .shared = place->shared};
    uint32_t line = p->token_line, column = p->token_column;

    if (!new || !dhcp_conf_ip4(p, &new->net) || !dhcp_conf_expect(p, "netmask") ||
        !dhcp_conf_ip4(p, &new->mask) || !dhcp_conf_check_subnet(p, new, line, column))
        return false;
    new->scope.parent = place->scope;
    new->shared = place->shared;
    inside.scope = &new->scope;
    /* Ranges inside look for their subnet in the list, so it joins before its block is read. */
    while (*at)
        at = &(*at)->next;
    *at = new;
    return dhcp_conf_block(p, &inside);
}

static void pool_join(struct dhcp_pool *pool, struct dhcp_subnet *to)
{
    struct dhcp_pool **at = &to->pools;

    while (*at)
        at = &(*at)->next;
    *at = pool;
    pool->subnet = to;
    pool->scope.parent = &to->scope;
}

static bool pool(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_pool *new = dhcp_conf_alloc(p, sizeof(*new));
    struct conf_place inside = {
        .block = CONF_POOL, .pool = new, .subnet = place->subnet, .shared = place->shared};
    uint32_t line = p->last_line, column = p->last_column;

    if (!new)
        return false;
    inside.scope = &new->scope;
    new->scope.parent = place->scope;
    if (place->subnet)
        pool_join(new, place->subnet);
    if (!dhcp_conf_block(p, &inside))
        return false;
    return new->ranges ||
           dhcp_conf_fail_at(p, line, column, "a pool without a range serves nobody");
}

/* The pool that holds the ranges written directly in a subnet. */
static struct dhcp_pool *implicit_pool(struct conf_parser *p, struct dhcp_subnet *in)
{
    struct dhcp_pool *found = in->pools;

    while (found && !found->implicit)
        found = found->next;
    if (!found) {
        found = dhcp_conf_alloc(p, sizeof(*found));
        if (!found)
            return NULL;
        found->implicit = true;
        pool_join(found, in);
    }
    return found;
}

static bool range(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_range *new = dhcp_conf_alloc(p, sizeof(*new)), **at;
    uint32_t line = p->last_line, column = p->last_column;
    struct dhcp_pool *into = place->pool;
    struct dhcp_subnet *in;

    if (!new || !dhcp_conf_accept(p, "dynamic-bootp", &new->dynamic_bootp) ||
        !dhcp_conf_ip4(p, &new->low))
        return false;
    new->high = new->low;
    if (p->token == CONF_ATOM && !dhcp_conf_ip4(p, &new->high))
        return false;
    if (!dhcp_conf_check_range(p, new, line, column))
        return false;
    in = dhcp_conf_subnet_of(p, new->low);
    if (place->subnet ? in != place->subnet
                      : in->shared != place->shared || (into->subnet && into->subnet != in))
        return dhcp_conf_fail_at(p, line, column,
                                 "the range %s to %s is not inside the subnet around it",
                                 fmt_ip4(new->low).text, fmt_ip4(new->high).text);
    if (!into)
        into = implicit_pool(p, in);
    if (!into)
        return false;
    if (!into->subnet)
        pool_join(into, in);
    for (at = &into->ranges; *at; at = &(*at)->next)
        ;
    *at = new;
    p->conf->pool_addresses +=
        u32_min(new->high - new->low, UINT32_MAX - 1 - p->conf->pool_addresses) + 1;
    return dhcp_conf_expect(p, ";");
}

/* ---- groups and hosts ------------------------------------------------------------------------ */

static bool group(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_scope *scope = dhcp_conf_alloc(p, sizeof(*scope));
    struct conf_place inside = {
        .block = CONF_GROUP, .scope = scope, .shared = place->shared, .subnet = place->subnet};
    struct cs_ro name;

    if (!scope || (!dhcp_conf_is(p, "{") && !dhcp_conf_name(p, &name)))
        return false;
    scope->parent = place->scope;
    return dhcp_conf_block(p, &inside);
}

static bool host(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_host *new = dhcp_conf_alloc(p, sizeof(*new));
    struct conf_place inside = {.block = CONF_HOST, .host = new};
    uint32_t line = p->token_line, column = p->token_column;

    if (!new || !dhcp_conf_name(p, &new->name))
        return false;
    new->scope.parent = place->scope;
    inside.scope = &new->scope;
    if (!dhcp_conf_block(p, &inside))
        return false;
    if (!new->has_hardware && !new->client_id.len && !new->circuit_id.len && !new->remote_id.len)
        return dhcp_conf_fail_at(p, line, column,
                                 "a host needs hardware, a client identifier or a "
                                 "host-identifier to be known by");
    new->next = p->conf->hosts; /* a long list: put in front, turned round at the end */
    p->conf->hosts = new;
    p->conf->host_count++;
    return true;
}

static bool hardware(struct conf_parser *p, const struct conf_place *place)
{
    place->host->has_hardware = true;
    return dhcp_conf_expect(p, "ethernet") && dhcp_conf_mac(p, place->host->hardware) &&
           dhcp_conf_expect(p, ";");
}

static bool fixed_address(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_host *h = place->host;
    bool more = true;

    while (more) {
        if (h->addr_count == DHCP_HOST_ADDRS_MAX)
            return dhcp_conf_fail_at(p, p->token_line, p->token_column,
                                     "a host has at most %u fixed addresses", DHCP_HOST_ADDRS_MAX);
        if (!dhcp_conf_ip4(p, &h->addrs[h->addr_count]) || !dhcp_conf_accept(p, ",", &more))
            return false;
        h->addr_count++;
    }
    return dhcp_conf_expect(p, ";");
}

/* host-identifier option agent.circuit-id "..." */
static bool host_identifier(struct conf_parser *p, const struct conf_place *place)
{
    struct dhcp_host *h = place->host;
    struct cs_ro *into = NULL;

    if (!dhcp_conf_expect(p, "option"))
        return false;
    if (dhcp_conf_is(p, "agent.circuit-id"))
        into = &h->circuit_id;
    else if (dhcp_conf_is(p, "agent.remote-id"))
        into = &h->remote_id;
    else if (dhcp_conf_is(p, "dhcp-client-identifier"))
        into = &h->client_id;
    if (!into)
        return dhcp_conf_fail_expected(
            p, "agent.circuit-id, agent.remote-id or dhcp-client-identifier");
    return dhcp_conf_next(p) && dhcp_conf_bytes(p, into) && dhcp_conf_expect(p, ";");
}

static bool class(struct conf_parser *p, const struct conf_place *place)
{
    return dhcp_conf_class(p, place->scope);
}

static bool subclass(struct conf_parser *p, const struct conf_place *place)
{
    return dhcp_conf_subclass(p, place->scope);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define IN(block) (1u << (block))
#define IN_NETWORKS (IN(CONF_GLOBAL) | IN(CONF_SHARED) | IN(CONF_SUBNET) | IN(CONF_GROUP))
#define IN_ALL (IN_NETWORKS | IN(CONF_POOL) | IN(CONF_HOST) | IN(CONF_CLASS))

struct statement {
    const char *word;
    unsigned blocks; /* where it may stand */
    statement_fn read;
};

static const struct statement statements[] = {
    {"option", IN_ALL, option},
    {"default-lease-time", IN_ALL, default_lease},
    {"max-lease-time", IN_ALL, max_lease},
    {"min-lease-time", IN_ALL, min_lease},
    {"authoritative", IN_NETWORKS | IN(CONF_POOL), authoritative},
    {"not", IN_NETWORKS | IN(CONF_POOL), not_authoritative},
    {"next-server", IN_ALL, next_server},
    {"filename", IN_ALL, filename},
    {"server-name", IN_ALL, server_name},
    {"ping-check", IN_ALL, ping_check},
    {"allow", IN_ALL, allow},
    {"deny", IN_ALL, deny},
    {"ignore", IN_ALL, deny},
    {"shared-network", IN(CONF_GLOBAL) | IN(CONF_GROUP), shared_network},
    {"subnet", IN(CONF_GLOBAL) | IN(CONF_SHARED) | IN(CONF_GROUP), subnet},
    {"pool", IN(CONF_SHARED) | IN(CONF_SUBNET), pool},
    {"range", IN(CONF_SUBNET) | IN(CONF_POOL), range},
    {"group", IN_NETWORKS, group},
    {"host", IN_NETWORKS, host},
    {"hardware", IN(CONF_HOST), hardware},
    {"fixed-address", IN(CONF_HOST), fixed_address},
    {"host-identifier", IN(CONF_HOST), host_identifier},
    {"class", IN(CONF_GLOBAL) | IN(CONF_GROUP), class},
    {"subclass", IN(CONF_GLOBAL) | IN(CONF_GROUP), subclass},
    {"match", IN(CONF_CLASS), dhcp_conf_match},
    {"ddns-update-style", IN(CONF_GLOBAL), off_already},
    {"ddns-updates", IN_ALL, off_already},
    {"log-facility", IN(CONF_GLOBAL), log_facility},
};

static const char *const block_names[] = {
    [CONF_GLOBAL] = "outside all blocks", [CONF_SHARED] = "in a shared-network",
    [CONF_SUBNET] = "in a subnet",        [CONF_POOL] = "in a pool",
    [CONF_GROUP] = "in a group",          [CONF_HOST] = "in a host",
    [CONF_CLASS] = "in a class",
};
STATIC_ASSERT(ARRAY_SIZE(block_names) == CONF_CLASS + 1, "a name for every block");

static bool statement(struct conf_parser *p, const struct conf_place *place)
{
    char expected[64];

    for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
        if ((statements[i].blocks & IN(place->block)) && p->token == CONF_ATOM &&
            dhcp_conf_is(p, statements[i].word))
            return dhcp_conf_next(p) && statements[i].read(p, place);
    fmt_buf(expected, sizeof(expected), "a statement that may stand %s", block_names[place->block]);
    return dhcp_conf_fail_expected(p, expected);
}

bool dhcp_conf_block(struct conf_parser *p, const struct conf_place *place)
{
    if (!dhcp_conf_is(p, "{"))
        return dhcp_conf_fail_expected(p, "\"{\"");
    if (++p->depth > DHCP_CONF_DEPTH_MAX)
        return dhcp_conf_fail_at(p, p->token_line, p->token_column,
                                 "blocks are nested more than %u deep", DHCP_CONF_DEPTH_MAX);
    if (!dhcp_conf_next(p))
        return false;
    while (!dhcp_conf_is(p, "}")) {
        if (p->token == CONF_END)
            return dhcp_conf_fail_expected(p, "\"}\"");
        if (!statement(p, place))
            return false;
    }
    p->depth--;
    return dhcp_conf_next(p);
}

static void reverse_hosts(struct dhcp_conf *conf)
{
    struct dhcp_host *list = conf->hosts;

    conf->hosts = NULL;
    while (list) {
        struct dhcp_host *h = list;

        list = h->next;
        h->next = conf->hosts;
        conf->hosts = h;
    }
}

int dhcp_conf_parse(struct cs_ro text, struct cs arena, struct dhcp_conf *conf,
                    struct dhcp_conf_error *error)
{
    struct conf_parser p = {
        .arena = arena.base, .arena_left = arena.len, .err = -E_INVAL, .error = error};
    struct conf_place place = {.block = CONF_GLOBAL};

    ASSERT(cs_is_aligned(arena, 8));
    *error = (struct dhcp_conf_error){.line = 1, .column = 1};
    /* In the arena, not the caller's: scopes point to the global one, and a wrong file changes
     * nothing of the caller's. */
    p.conf = dhcp_conf_alloc(&p, sizeof(*p.conf));
    if (!p.conf)
        return p.err;
    place.scope = &p.conf->global;
    if (!dhcp_conf_lex_start(&p, text))
        return -E_INVAL;
    while (p.token != CONF_END)
        if (!statement(&p, &place))
            return p.err;
    if (!p.conf->subnets) {
        dhcp_conf_fail_expected(&p, "at least one subnet");
        return -E_INVAL;
    }
    reverse_hosts(p.conf);
    *conf = *p.conf;
    return 0;
}

/* The most memory a character can cost is that of the shortest blocks: "pool{}" and "host a{}". */
size_t dhcp_conf_arena_bytes(size_t text_len)
{
    STATIC_ASSERT(sizeof(struct dhcp_pool) <= 6 * 32 && sizeof(struct dhcp_host) <= 8 * 32 + 64 &&
                      sizeof(struct dhcp_scope) <= 7 * 32 && sizeof(struct dhcp_subnet) <= 24 * 32,
                  "a character of the file costs at most 40 bytes");
    return sizeof(struct dhcp_conf) + 64 + 40 * text_len;
}
