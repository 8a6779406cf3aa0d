/* SPDX-License-Identifier: ISC */
/* dhcp_server_who.c - who asks: its name, its network, its host declaration, its classes, and
 * the scopes that hold for it. */
#include "dhcp_server_priv.h"

/* ---- name ------------------------------------------------------------------------------------ */

/* The client id as it came, type byte and all (RFC 4361 section 6.1), else hardware type and
 * address (RFC 2131 section 4.2). */
static bool who_name(struct dhcp_ctx *ctx)
{
    const struct dhcp_msg *msg = ctx->msg;
    uint8_t *hardware = ctx->out->hardware;

    hardware[0] = msg->htype;
    memcpy(hardware + 1, msg->chaddr.base, msg->hlen);
    ctx->hardware = cs_ro_of(hardware, 1u + msg->hlen);
    if (msg->htype == DHCP_HTYPE_ETHERNET && msg->hlen == 6)
        ctx->mac = hardware + 1;
    if (!msg->hlen && !dhcp_msg_has(msg, DHCP_OPT_CLIENT_ID)) {
        ctx->out->reason = DHCP_REASON_no_client_id;
        return false;
    }
    return true;
}

/* After the network is known: the same client is another one on another network. */
static void who_client(struct dhcp_ctx *ctx)
{
    bool by_id = dhcp_msg_has(ctx->msg, DHCP_OPT_CLIENT_ID);
    struct cs_ro id = by_id ? dhcp_msg_opt(ctx->msg, DHCP_OPT_CLIENT_ID) : ctx->hardware;

    /* RFC 3396 lets it be longer than 255: no two such names differ in what is left out, because
     * none is served. */
    ctx->client =
        dhcp_leases_client(ctx->leases, ctx->net, by_id, cs_head(id, size_min(id.len, 255)));
}

/* ---- network --------------------------------------------------------------------------------- */

/* Does the message name by ciaddr where the client is? A renewal is sent straight to us, past
 * the relay (RFC 2131 section 4.4.5), and so is a release; INFORM may come from anywhere. */
static bool named_by_ciaddr(const struct dhcp_ctx *ctx)
{
    if (!ctx->msg->ciaddr)
        return false;
    switch (ctx->msg->type) {
    case DHCPINFORM:
    case DHCPRELEASE:
        return true;
    case DHCPREQUEST:
        return ctx->packet->dst != DHCP_BROADCAST_ADDR;
    default:
        return false;
    }
}

/* Can a relay have this address? What is sent to it must not go to everybody. */
static bool is_one_host(const struct dhcp_server *server, uint32_t addr)
{
    const struct dhcp_subnet_ref *ref = dhcp_index_subnet(server, addr);

    /* 0/8, 127/8, 224/4 and 240/4: RFC 1122 section 3.2.1.3. */
    if (addr < UINT32_C(0x01000000) || addr >= UINT32_C(0xe0000000) || addr >> 24 == 127)
        return false;
    return !ref || dhcp_subnet_is_host(ref->subnet, addr);
}

static bool who_network(struct dhcp_ctx *ctx)
{
    const struct dhcp_msg *msg = ctx->msg;
    const struct dhcp_subnet_ref *ref = NULL;
    struct cs_ro link;
    uint32_t addr;

    if (msg->giaddr && !is_one_host(ctx->server, msg->giaddr)) {
        ctx->out->reason = DHCP_REASON_bad_request;
        return false;
    }
    if (msg->giaddr && dhcp_msg_agent(msg, DHCP_AGENT_LINK_SELECTION, &link) &&
        cs_try_get_be32(link, 0, &addr)) {
        ref = dhcp_index_subnet(ctx->server, addr); /* RFC 3527 section 3: before all others */
    } else if (dhcp_msg_u32(msg, DHCP_OPT_SUBNET_SELECTION, &addr)) {
        ref = dhcp_index_subnet(ctx->server, addr); /* RFC 3011: before giaddr */
    } else if (msg->giaddr) {
        ref = dhcp_index_subnet(ctx->server, msg->giaddr);
    } else {
        if (named_by_ciaddr(ctx))
            ref = dhcp_index_subnet(ctx->server, msg->ciaddr);
        if (!ref)
            ref = dhcp_index_subnet(ctx->server, ctx->packet->our_addr);
    }
    if (!ref) {
        ctx->out->reason = DHCP_REASON_no_subnet;
        return false;
    }
    ctx->subnet = ref->subnet;
    ctx->net = ref->net_number;
    return true;
}

/* ---- host ------------------------------------------------------------------------------------ */

/* The fixed address of `host` on the client's network, or 0. */
static uint32_t fixed_here(const struct dhcp_ctx *ctx, const struct dhcp_host *host)
{
    for (uint32_t i = 0; i < host->addr_count; i++) {
        const struct dhcp_subnet_ref *ref = dhcp_index_subnet(ctx->server, host->addrs[i]);

        if (ref && ref->net_number == ctx->net)
            return host->addrs[i];
    }
    return 0;
}

/* Looks at every declaration with this key; one with an address on this network wins, else the
 * first stays. */
static void try_host(struct dhcp_ctx *ctx, enum dhcp_index_kind kind, struct cs_ro key)
{
    const struct dhcp_host *host;
    uint32_t at = 0;

    while (key.len && !ctx->fixed_addr &&
           (host = dhcp_index_find(ctx->server, kind, NULL, key, &at)) != NULL) {
        uint32_t fixed = fixed_here(ctx, host);

        if (fixed || !ctx->host) {
            ctx->host = host;
            ctx->fixed_addr = fixed;
        }
    }
}

static void who_host(struct dhcp_ctx *ctx)
{
    struct cs_ro agent = CS_RO_EMPTY;

    if (!ctx->server->conf->hosts)
        return;
    try_host(ctx, DHCP_INDEX_CLIENT_ID, dhcp_msg_opt(ctx->msg, DHCP_OPT_CLIENT_ID));
    if (ctx->mac)
        try_host(ctx, DHCP_INDEX_HARDWARE, cs_ro_of(ctx->mac, 6));
    if (dhcp_msg_agent(ctx->msg, DHCP_AGENT_CIRCUIT_ID, &agent))
        try_host(ctx, DHCP_INDEX_CIRCUIT_ID, agent);
    if (dhcp_msg_agent(ctx->msg, DHCP_AGENT_REMOTE_ID, &agent))
        try_host(ctx, DHCP_INDEX_REMOTE_ID, agent);
}

/* ---- classes --------------------------------------------------------------------------------- */

/* The bytes that a class compares; false where the message has none. */
static bool match_bytes(const struct dhcp_ctx *ctx, const struct dhcp_match *match,
                        struct cs_ro *bytes)
{
    switch (match->what) {
    case DHCP_MATCH_OPTION:
        *bytes = dhcp_msg_opt(ctx->msg, match->code);
        if (!dhcp_msg_has(ctx->msg, match->code))
            return false;
        break;
    case DHCP_MATCH_AGENT:
        if (!dhcp_msg_agent(ctx->msg, match->code, bytes))
            return false;
        break;
    case DHCP_MATCH_HARDWARE:
        *bytes = ctx->hardware;
        break;
    case DHCP_MATCH_NONE:
        return false;
    }
    if (match->off > bytes->len)
        *bytes = cs_head(*bytes, 0);
    else
        *bytes = cs_sub(*bytes, match->off, size_min(match->len, bytes->len - match->off));
    return true;
}

static void who_classes(struct dhcp_ctx *ctx)
{
    for (const struct dhcp_class *k = ctx->server->conf->classes; k; k = k->next) {
        const struct dhcp_subclass *subclass = NULL;
        struct cs_ro bytes;
        uint32_t at = 0;

        if (!match_bytes(ctx, &k->match, &bytes))
            continue;
        if (k->subclasses)
            subclass = dhcp_index_find(ctx->server, DHCP_INDEX_SUBCLASS, k, bytes, &at);
        if (!subclass && !k->match.exists &&
            !(k->match.has_value && cs_equal(bytes, k->match.value)))
            continue;
        if (ctx->class_count == DHCP_CLASSES_MAX) {
            ctx->out->classes_left_out++;
            continue;
        }
        ctx->classes[ctx->class_count] = k;
        ctx->subclasses[ctx->class_count++] = subclass;
    }
}

bool dhcp_who_in_class(const struct dhcp_ctx *ctx, const struct dhcp_class *class)
{
    for (unsigned i = 0; i < ctx->class_count; i++)
        if (ctx->classes[i] == class)
            return true;
    return false;
}

/* ---- scopes ---------------------------------------------------------------------------------- */

static void add_scope(struct dhcp_ctx *ctx, const struct dhcp_scope *scope)
{
    /* No configuration that was parsed has more. */
    if (ctx->scope_count < DHCP_SCOPES_MAX)
        ctx->scopes[ctx->scope_count++] = scope;
}

/* Is it the scope of a subnet or shared-network, whichever? */
static bool is_network_scope(const struct dhcp_server *server, const struct dhcp_scope *scope)
{
    for (uint32_t i = 0; i < server->subnet_count; i++)
        if (scope == &server->subnets[i].subnet->scope)
            return true;
    for (const struct dhcp_shared *s = server->conf->shareds; s; s = s->next)
        if (scope == &s->scope)
            return true;
    return false;
}

/* A host and the groups around it. Where it is declared inside a network, that network's
 * settings are not the host's: the client may be on another one, and if not they come in their
 * own turn. */
static void add_host_scopes(struct dhcp_ctx *ctx)
{
    /* The global scope is the one without a parent. */
    for (const struct dhcp_scope *s = &ctx->host->scope; s->parent; s = s->parent) {
        if (s != &ctx->host->scope && is_network_scope(ctx->server, s))
            return;
        add_scope(ctx, s);
    }
}

void dhcp_who_scopes(struct dhcp_ctx *ctx)
{
    ctx->scope_count = 0;
    if (ctx->host)
        add_host_scopes(ctx);
    for (unsigned i = 0; i < ctx->class_count; i++) {
        if (ctx->subclasses[i])
            add_scope(ctx, &ctx->subclasses[i]->scope);
        add_scope(ctx, &ctx->classes[i]->scope);
    }
    for (const struct dhcp_scope *s = ctx->pool ? &ctx->pool->scope : &ctx->subnet->scope; s;
         s = s->parent)
        add_scope(ctx, s);
}

const struct dhcp_scope *dhcp_who_setting(const struct dhcp_ctx *ctx, enum dhcp_setting setting)
{
    for (unsigned i = 0; i < ctx->scope_count; i++)
        if (ctx->scopes[i]->set & (uint32_t)setting)
            return ctx->scopes[i];
    return NULL;
}

bool dhcp_who(struct dhcp_ctx *ctx)
{
    if (!who_name(ctx) || !who_network(ctx))
        return false;
    who_client(ctx);
    who_host(ctx);
    who_classes(ctx);
    dhcp_who_scopes(ctx);
    return true;
}
