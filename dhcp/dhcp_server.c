/* SPDX-License-Identifier: ISC */
/* dhcp_server.c - what to do with each message (RFC 2131 section 4.3).
 *
 * Theory of operation
 *
 * dhcp_server_input() parses, finds out who asks (dhcp_server_who.c), and calls the function of
 * the message's type. That function decides; what a reply promises is noted in out->change and
 * becomes true in dhcp_server_sent(), when the reply has gone out. Input and sent come in pairs,
 * one packet at a time: so no two packets can be promised the same address.
 *
 * Before an address is offered that its client does not hold, it may have to be asked for on the
 * wire. Then its record is PROBING for the client, out->probe names it, and the same packet
 * comes again once dhcp_server_probed() has told the answer. Other clients are served meanwhile;
 * the same client's further copies are not answered. */
#include "dhcp_server_priv.h"

#define SWEEP_STEPS 8u /* of expiry, for each message */
#define PROBE_S 10u    /* an address stays PROBING no longer, should the answer never be told */
#define DEFAULT_LEASE_S 43200u /* ISC dhcpd's defaults, dhcpd.conf(5) */
#define DEFAULT_MAX_LEASE_S 86400u
#define DEFAULT_MIN_LEASE_S 300u

#define SERVER_NAME_ROW(name) #name,
const char *dhcp_reason_name(enum dhcp_reason reason)
{
    static const char *const names[] = {DHCP_REASONS(SERVER_NAME_ROW)};
    STATIC_ASSERT(ARRAY_SIZE(names) == DHCP_REASON_COUNT, "a name for each reason");

    return (unsigned)reason < ARRAY_SIZE(names) ? names[reason] : "?";
}

const char *dhcp_verdict_name(enum dhcp_verdict verdict)
{
    static const char *const names[] = {"silence", "update", "reply", "warning", "error"};

    return (unsigned)verdict < ARRAY_SIZE(names) ? names[verdict] : "?";
}

static enum dhcp_verdict verdict(struct dhcp_ctx *ctx, enum dhcp_verdict v, enum dhcp_reason reason)
{
    ctx->out->reason = reason;
    return v;
}

/* ---- what the configuration says ------------------------------------------------------------- */

#define SETTING_BOOL(ctx, bit, field, otherwise)                                                   \
    (dhcp_who_setting(ctx, bit) ? dhcp_who_setting(ctx, bit)->field : (otherwise))

/* The lease a client gets: what it asks for, within the limits, else the default (RFC 2131
 * section 4.3.1). */
static uint32_t lease_time(const struct dhcp_ctx *ctx)
{
    const struct dhcp_scope *s;
    uint32_t lease_s = DEFAULT_LEASE_S, max_s = DEFAULT_MAX_LEASE_S, min_s = DEFAULT_MIN_LEASE_S;

    if ((s = dhcp_who_setting(ctx, DHCP_SET_DEFAULT_LEASE)) != NULL)
        lease_s = s->default_lease_s;
    if ((s = dhcp_who_setting(ctx, DHCP_SET_MAX_LEASE)) != NULL)
        max_s = s->max_lease_s;
    else if (lease_s > max_s)
        max_s = lease_s;
    if ((s = dhcp_who_setting(ctx, DHCP_SET_MIN_LEASE)) != NULL)
        min_s = s->min_lease_s;
    else if (lease_s < min_s)
        min_s = lease_s;
    (void)dhcp_msg_u32(ctx->msg, DHCP_OPT_LEASE_TIME, &lease_s);
    if (lease_s < min_s)
        lease_s = min_s;
    return u32_min(lease_s, max_s);
}

/* May it be served at all? False: with out->reason. */
static bool admitted(struct dhcp_ctx *ctx)
{
    if (!SETTING_BOOL(ctx, DHCP_SET_BOOTING, booting, true)) {
        ctx->out->reason = DHCP_REASON_booting_denied;
        return false;
    }
    if (!ctx->host && !SETTING_BOOL(ctx, DHCP_SET_UNKNOWN_CLIENTS, unknown_clients, true)) {
        ctx->out->reason = DHCP_REASON_unknown_denied;
        return false;
    }
    return true;
}

/* ---- what a reply promises ------------------------------------------------------------------- */

/* Notes what dhcp_server_sent is to do. lease: the record of the address if there is one. */
static void promise(struct dhcp_ctx *ctx, enum dhcp_change_what what, uint32_t addr,
                    uint32_t lease_s)
{
    const struct dhcp_lease *lease = dhcp_leases_by_addr(ctx->leases, addr);
    struct dhcp_change *change = &ctx->out->change;
    uint16_t pool = DHCP_LEASE_STATIC;

    if (lease)
        pool = lease->pool;
    else if (ctx->pool) {
        const struct dhcp_net *net = &ctx->server->nets[ctx->net];

        for (uint16_t i = 0; i < net->pool_count; i++)
            if (ctx->leases->pools[net->first_pool + i].conf == ctx->pool)
                pool = (uint16_t)(net->first_pool + i);
    }
    ctx->out->is_new = !lease || dhcp_lease_state(ctx->leases, lease) != DHCP_LEASE_BOUND ||
                       !dhcp_lease_is_of(ctx->leases, lease, &ctx->client);
    *change = (struct dhcp_change){.what = what,
                                   .client = ctx->client,
                                   .addr = addr,
                                   .pool = pool,
                                   .net = ctx->net,
                                   .lease_s = lease_s};
}

void dhcp_server_sent(const struct dhcp_server *server, struct dhcp_leases *leases,
                      const struct dhcp_out *out, uint64_t now_ns)
{
    const struct dhcp_change *change = &out->change;
    const uint8_t *mac =
        out->msg.htype == DHCP_HTYPE_ETHERNET && out->msg.hlen == 6 ? out->hardware + 1 : NULL;
    struct dhcp_lease *lease;
    bool valid;

    if (change->what == DHCP_CHANGE_NONE)
        return;
    (void)dhcp_leases_tick(leases, now_ns, 0);
    lease = dhcp_leases_get(leases, change->addr, change->pool, change->net);
    if (!lease)
        return; /* a fixed address needs no record to be served; for others input saw to it */
    valid = dhcp_lease_state(leases, lease) == DHCP_LEASE_BOUND &&
            dhcp_lease_is_of(leases, lease, &change->client);
    dhcp_leases_assign(leases, lease, &change->client, mac,
                       dhcp_msg_opt(&out->msg, DHCP_OPT_HOST_NAME));
    if (change->what == DHCP_CHANGE_BIND)
        dhcp_leases_set(leases, lease, DHCP_LEASE_BOUND, change->lease_s);
    else if (!valid) /* an offer takes nothing away from a lease that is valid */
        dhcp_leases_set(leases, lease, DHCP_LEASE_OFFERED, server->offer_s);
}

/* ---- DISCOVER -------------------------------------------------------------------------------- */

/* Must the address be asked for on the wire before it is offered (RFC 2131 section 2.2)? Not
 * what its client holds, or was found free for it just now; not an address that the operator has
 * fixed. */
static bool needs_probe(const struct dhcp_ctx *ctx, const struct dhcp_lease *lease)
{
    if (ctx->fixed_addr || !SETTING_BOOL(ctx, DHCP_SET_PING_CHECK, ping_check, true))
        return false;
    if (!lease || !dhcp_lease_is_of(ctx->leases, lease, &ctx->client))
        return true;
    return dhcp_lease_state(ctx->leases, lease) == DHCP_LEASE_FREE;
}

static enum dhcp_verdict begin_probe(struct dhcp_ctx *ctx, uint32_t addr)
{
    const struct dhcp_change *change = &ctx->out->change;
    struct dhcp_lease *lease = dhcp_leases_get(ctx->leases, addr, change->pool, change->net);

    if (!lease)
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_no_record);
    dhcp_leases_assign(ctx->leases, lease, &ctx->client, ctx->mac,
                       dhcp_msg_opt(ctx->msg, DHCP_OPT_HOST_NAME));
    dhcp_leases_set(ctx->leases, lease, DHCP_LEASE_PROBING, PROBE_S);
    ctx->out->change.what = DHCP_CHANGE_NONE;
    ctx->out->probe = addr;
    return verdict(ctx, DHCP_SILENCE, DHCP_REASON_probing);
}

void dhcp_server_probed(const struct dhcp_server *server, struct dhcp_leases *leases, uint32_t addr,
                        bool used, uint64_t now_ns)
{
    struct dhcp_lease *lease;

    (void)dhcp_leases_tick(leases, now_ns, 0);
    lease = dhcp_leases_by_addr(leases, addr);
    if (!lease || lease->state != DHCP_LEASE_PROBING)
        return;
    if (used)
        dhcp_leases_set(leases, lease, DHCP_LEASE_ABANDONED, server->abandon_s);
    else
        dhcp_leases_set(leases, lease, DHCP_LEASE_OFFERED, server->offer_s);
}

/* Is there a record for the address, or one to be had? */
static bool record_available(const struct dhcp_ctx *ctx, const struct dhcp_lease *lease)
{
    const struct dhcp_leases *ls = ctx->leases;

    if (lease || ctx->fixed_addr || ls->used < ls->max || ls->loose.head != DHCP_LEASE_NONE)
        return true;
    for (unsigned i = 0; i < ls->pool_count; i++)
        if (dhcp_leases_oldest_free(ctx->leases, &ls->pools[i]))
            return true;
    return false;
}

static enum dhcp_verdict discover(struct dhcp_ctx *ctx)
{
    struct dhcp_lease *lease;
    uint32_t addr, lease_s;

    if (!admitted(ctx))
        return DHCP_SILENCE;
    if (!dhcp_addr_choose(ctx, &addr, &lease))
        return DHCP_WARNING;
    if (lease && dhcp_lease_state(ctx->leases, lease) == DHCP_LEASE_PROBING)
        return verdict(ctx, DHCP_SILENCE, DHCP_REASON_probing);
    if (!record_available(ctx, lease))
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_no_record);
    lease_s = lease_time(ctx);
    promise(ctx, DHCP_CHANGE_OFFER, addr, lease_s);
    if (needs_probe(ctx, lease)) {
        ctx->out->reclaims = lease && lease->state == DHCP_LEASE_ABANDONED;
        return begin_probe(ctx, addr);
    }
    if (ctx->fixed_addr) /* nothing to reserve */
        ctx->out->change.what = DHCP_CHANGE_NONE;
    return dhcp_reply_lease(ctx, DHCPOFFER, addr, lease_s);
}

/* ---- REQUEST --------------------------------------------------------------------------------- */

static enum dhcp_verdict acknowledge(struct dhcp_ctx *ctx, uint32_t addr)
{
    uint32_t lease_s = lease_time(ctx);

    promise(ctx, DHCP_CHANGE_BIND, addr, lease_s);
    return dhcp_reply_lease(ctx, DHCPACK, addr, lease_s);
}

/* The client took another server's offer: ours is free (RFC 2131 section 3.1, step 4). */
static enum dhcp_verdict other_server(struct dhcp_ctx *ctx)
{
    struct dhcp_lease *own = dhcp_leases_by_client(ctx->leases, &ctx->client);

    if (!own || own->state != DHCP_LEASE_OFFERED)
        return verdict(ctx, DHCP_SILENCE, DHCP_REASON_other_server);
    dhcp_leases_set(ctx->leases, own, DHCP_LEASE_FREE, 0);
    return verdict(ctx, DHCP_UPDATE, DHCP_REASON_chose_another);
}

/* SELECTING: the answer to an offer of ours. */
static enum dhcp_verdict selecting(struct dhcp_ctx *ctx, uint32_t addr)
{
    if (dhcp_addr_claim(ctx, addr) != DHCP_CLAIM_RIGHT)
        return dhcp_reply_nak(ctx, "address not offered");
    return acknowledge(ctx, addr);
}

/* INIT-REBOOT, RENEWING, REBINDING: the client says what it has. A client we have no record of
 * is none of our business, unless we are the authority for its network (RFC 2131 section 4.3.2). */
static enum dhcp_verdict confirming(struct dhcp_ctx *ctx, uint32_t addr)
{
    switch (dhcp_addr_claim(ctx, addr)) {
    case DHCP_CLAIM_RIGHT:
        return acknowledge(ctx, addr);
    case DHCP_CLAIM_WRONG:
        return dhcp_reply_nak(ctx, "not your address");
    case DHCP_CLAIM_UNKNOWN:
        break;
    }
    if (!SETTING_BOOL(ctx, DHCP_SET_AUTHORITATIVE, authoritative, false))
        return verdict(ctx, DHCP_SILENCE, DHCP_REASON_unknown_client);
    return dhcp_reply_nak(ctx, "no such lease");
}

/* Which of the four it is follows from what the message holds (RFC 2131 table 4):
 *
 *                    server id   requested address   ciaddr
 *     SELECTING      there       there               0
 *     INIT-REBOOT    -           there               0
 *     RENEWING       -           -                   there    unicast
 *     REBINDING      -           -                   there    broadcast */
static enum dhcp_verdict request(struct dhcp_ctx *ctx)
{
    uint32_t server_id = 0, requested = 0, ciaddr = ctx->msg->ciaddr;
    bool has_server_id = dhcp_msg_u32(ctx->msg, DHCP_OPT_SERVER_ID, &server_id);
    bool has_requested = dhcp_msg_u32(ctx->msg, DHCP_OPT_REQUESTED_ADDR, &requested);

    if (!admitted(ctx))
        return DHCP_SILENCE;
    if (has_server_id && server_id != ctx->packet->our_addr)
        return other_server(ctx);
    if (has_requested && ciaddr && ciaddr != requested)
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_bad_request);
    if (has_requested && has_server_id)
        return selecting(ctx, requested);
    if (has_requested)
        return confirming(ctx, requested);
    if (ciaddr)
        return confirming(ctx, ciaddr);
    return verdict(ctx, DHCP_WARNING, DHCP_REASON_bad_request);
}

/* ---- DECLINE, RELEASE, INFORM, BOOTP --------------------------------------------------------- */

/* Is the message about a lease this client holds or was offered, and meant for us? */
static struct dhcp_lease *own_lease(struct dhcp_ctx *ctx, uint32_t addr)
{
    struct dhcp_lease *own = dhcp_leases_claimed(ctx->leases, &ctx->client, addr);
    uint32_t server_id;

    if (dhcp_msg_u32(ctx->msg, DHCP_OPT_SERVER_ID, &server_id) &&
        server_id != ctx->packet->our_addr) {
        ctx->out->reason = DHCP_REASON_other_server;
        return NULL;
    }
    ctx->out->reason = DHCP_REASON_not_your_lease;
    if (!own || own->addr != addr || dhcp_lease_state(ctx->leases, own) == DHCP_LEASE_FREE)
        return NULL;
    return own;
}

static enum dhcp_verdict not_own(const struct dhcp_ctx *ctx)
{
    return ctx->out->reason == DHCP_REASON_other_server ? DHCP_SILENCE : DHCP_WARNING;
}

/* Somebody else answers at the address: out of use for a time (RFC 2131 section 4.3.3). */
static enum dhcp_verdict decline(struct dhcp_ctx *ctx)
{
    struct dhcp_lease *own;
    uint32_t addr;

    if (!SETTING_BOOL(ctx, DHCP_SET_DECLINES, declines, true))
        return verdict(ctx, DHCP_SILENCE, DHCP_REASON_declines_denied);
    if (!dhcp_msg_u32(ctx->msg, DHCP_OPT_REQUESTED_ADDR, &addr))
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_bad_request);
    own = own_lease(ctx, addr);
    if (!own)
        return not_own(ctx);
    ctx->out->addr = addr;
    dhcp_leases_set(ctx->leases, own, DHCP_LEASE_ABANDONED, ctx->server->abandon_s);
    return verdict(ctx, DHCP_UPDATE, DHCP_REASON_declined);
}

/* The binding is kept for when the client comes back (RFC 2131 section 4.3.4). */
static enum dhcp_verdict release(struct dhcp_ctx *ctx)
{
    struct dhcp_lease *own;

    if (!ctx->msg->ciaddr)
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_bad_request);
    own = own_lease(ctx, ctx->msg->ciaddr);
    if (!own)
        return not_own(ctx);
    ctx->out->addr = own->addr;
    dhcp_leases_set(ctx->leases, own, DHCP_LEASE_FREE, 0);
    return verdict(ctx, DHCP_UPDATE, DHCP_REASON_released);
}

static enum dhcp_verdict inform(struct dhcp_ctx *ctx)
{
    uint32_t addr = ctx->msg->ciaddr ? ctx->msg->ciaddr : ctx->packet->src;
    const struct dhcp_subnet_ref *ref = dhcp_index_subnet(ctx->server, addr);

    /* Parameters go to hosts of our networks only: the reply is longer than the question. */
    if (!addr || !ref)
        return verdict(ctx, DHCP_WARNING, addr ? DHCP_REASON_no_subnet : DHCP_REASON_bad_request);
    if (!dhcp_subnet_is_host(ref->subnet, addr))
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_bad_request);
    ctx->subnet = ref->subnet;
    dhcp_who_scopes(ctx);
    return dhcp_reply_inform(ctx, addr);
}

/* RFC 951, RFC 1534: one question, one answer, and no end to the lease. */
static enum dhcp_verdict bootp(struct dhcp_ctx *ctx)
{
    struct dhcp_lease *lease;
    uint32_t addr;

    if (!admitted(ctx))
        return DHCP_SILENCE;
    if (!SETTING_BOOL(ctx, DHCP_SET_BOOTP, bootp, true))
        return verdict(ctx, DHCP_SILENCE, DHCP_REASON_bootp_denied);
    if (!dhcp_addr_choose(ctx, &addr, &lease))
        return DHCP_WARNING;
    if (!record_available(ctx, lease))
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_no_record);
    promise(ctx, DHCP_CHANGE_BIND, addr, DHCP_INFINITE);
    ctx->out->lease_s = DHCP_INFINITE;
    return dhcp_reply_bootp(ctx, addr);
}

/* ---- the door -------------------------------------------------------------------------------- */

static enum dhcp_verdict dispatch(struct dhcp_ctx *ctx)
{
    static enum dhcp_verdict (*const handlers[])(struct dhcp_ctx *) = {
        [DHCP_NONE] = bootp,     [DHCPDISCOVER] = discover, [DHCPREQUEST] = request,
        [DHCPDECLINE] = decline, [DHCPRELEASE] = release,   [DHCPINFORM] = inform,
    };
    const struct dhcp_msg *msg = ctx->msg;

    if (msg->type >= ARRAY_SIZE(handlers) || !handlers[msg->type] ||
        (msg->type == DHCP_NONE && dhcp_msg_has(msg, DHCP_OPT_TYPE)))
        return verdict(ctx, DHCP_WARNING, DHCP_REASON_bad_type);
    if (!dhcp_who(ctx))
        return DHCP_WARNING;
    return handlers[msg->type](ctx);
}

enum dhcp_verdict dhcp_server_input(const struct dhcp_server *server, struct dhcp_leases *leases,
                                    const struct dhcp_packet *packet, uint64_t now_ns,
                                    struct dhcp_out *out)
{
    struct dhcp_ctx ctx = {
        .server = server, .leases = leases, .packet = packet, .msg = &out->msg, .out = out};

    out->len = 0;
    out->type = DHCP_NONE;
    out->probe = out->addr = out->lease_s = out->left_out = 0;
    out->classes_left_out = 0;
    out->is_new = out->reclaims = false;
    out->change.what = DHCP_CHANGE_NONE;
    (void)dhcp_leases_tick(leases, now_ns, SWEEP_STEPS);
    out->error = dhcp_parse(packet->bytes, &out->msg);
    if (out->error != DHCP_WIRE_ok)
        return verdict(&ctx, DHCP_ERROR, DHCP_REASON_malformed);
    if (out->msg.op != BOOTREQUEST)
        return verdict(&ctx, DHCP_SILENCE, DHCP_REASON_not_a_request);
    return dispatch(&ctx);
}
