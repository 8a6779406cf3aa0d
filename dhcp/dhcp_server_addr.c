/* SPDX-License-Identifier: ISC */
/* dhcp_server_addr.c - which address a client gets. */
#include "dhcp_server_priv.h"

#define FRESH_TRIES 64u /* steps of a pool's cursor for one message */
#define FREE_TRIES 64u  /* FREE records looked at for one message */
#define SWEEP_HARD 64u  /* steps of expiry when a pool seems empty */

/* ---- may it have this one? ------------------------------------------------------------------- */

static bool permit_matches(const struct dhcp_ctx *ctx, const struct dhcp_permit *permit)
{
    switch (permit->what) {
    case DHCP_PERMIT_KNOWN:
        return ctx->host != NULL;
    case DHCP_PERMIT_UNKNOWN:
        return ctx->host == NULL;
    case DHCP_PERMIT_ALL:
        return true;
    case DHCP_PERMIT_BOOTP:
        return ctx->msg->type == DHCP_NONE;
    case DHCP_PERMIT_CLASS:
        return dhcp_who_in_class(ctx, permit->class);
    }
    return false;
}

/* The first entry that matches decides; a list that allows somebody denies the others. */
static bool pool_permitted(const struct dhcp_ctx *ctx, const struct dhcp_pool *pool)
{
    bool any_allow = false;

    for (const struct dhcp_permit *p = pool->permits; p; p = p->next) {
        if (permit_matches(ctx, p))
            return p->allow;
        any_allow |= p->allow;
    }
    return !any_allow;
}

/* The range that an address lies in, or NULL. */
static const struct dhcp_range *range_of(const struct dhcp_pool *pool, uint32_t addr)
{
    for (const struct dhcp_range *r = pool->ranges; r; r = r->next)
        if (addr >= r->low && addr <= r->high)
            return r;
    return NULL;
}

/* An address that a range covers but that is not to be given away: ours, the network's own, or
 * some host's. */
static bool addr_usable(const struct dhcp_ctx *ctx, const struct dhcp_pool *pool, uint32_t addr)
{
    const struct dhcp_subnet *s = pool->subnet;

    if (addr == ctx->packet->our_addr || addr == ctx->msg->giaddr)
        return false;
    if (s && !dhcp_subnet_is_host(s, addr))
        return false;
    return !ctx->server->conf->hosts || !dhcp_index_fixed(ctx->server, addr);
}

static bool pool_has(const struct dhcp_ctx *ctx, const struct dhcp_pool *pool, uint32_t addr)
{
    const struct dhcp_range *range = range_of(pool, addr);

    /* A BOOTP client never gives back what it got: only ranges that say so serve it. */
    return range && (ctx->msg->type != DHCP_NONE || range->dynamic_bootp) &&
           addr_usable(ctx, pool, addr);
}

bool dhcp_addr_permitted(const struct dhcp_ctx *ctx, uint16_t pool, uint32_t addr)
{
    const struct dhcp_lease_pool *lp;

    if (pool >= ctx->leases->pool_count)
        return false;
    lp = &ctx->leases->pools[pool];
    return lp->net == ctx->net && pool_has(ctx, lp->conf, addr) && pool_permitted(ctx, lp->conf);
}

/* ---- a new one ------------------------------------------------------------------------------- */

static void got(struct dhcp_ctx *ctx, const struct dhcp_pool *pool)
{
    ctx->pool = pool;
    if (pool->subnet)
        ctx->subnet = pool->subnet;
    dhcp_who_scopes(ctx);
}

/* What the client has or had last on this network (RFC 2131 section 4.3.1, first and second
 * choice). */
static bool choose_own(struct dhcp_ctx *ctx, uint32_t *addr, struct dhcp_lease **lease)
{
    struct dhcp_lease *own = dhcp_leases_by_client(ctx->leases, &ctx->client);

    if (!own || !dhcp_addr_permitted(ctx, own->pool, own->addr))
        return false;
    got(ctx, ctx->leases->pools[own->pool].conf);
    *addr = own->addr;
    *lease = own;
    return true;
}

/* What the client asks for by option 50, if it is free (third choice). */
static bool choose_wish(struct dhcp_ctx *ctx, uint32_t *addr, struct dhcp_lease **lease)
{
    const struct dhcp_net *net = &ctx->server->nets[ctx->net];
    struct dhcp_lease *there;
    uint32_t wish;

    if (!dhcp_msg_u32(ctx->msg, DHCP_OPT_REQUESTED_ADDR, &wish))
        return false;
    there = dhcp_leases_by_addr(ctx->leases, wish);
    if (there && dhcp_lease_state(ctx->leases, there) != DHCP_LEASE_FREE)
        return false;
    for (uint16_t i = 0; i < net->pool_count; i++) {
        uint16_t pool = (uint16_t)(net->first_pool + i);

        if (dhcp_addr_permitted(ctx, pool, wish)) {
            got(ctx, ctx->leases->pools[pool].conf);
            *addr = wish;
            *lease = there;
            return true;
        }
    }
    return false;
}

/* The FREE record longest out of use whose address this client may have; looks at a few. */
static struct dhcp_lease *oldest_usable(const struct dhcp_ctx *ctx,
                                        const struct dhcp_lease_pool *pool)
{
    struct dhcp_lease *lease = dhcp_leases_oldest_free(ctx->leases, pool);
    unsigned tries = FREE_TRIES;

    while (lease && !pool_has(ctx, pool->conf, lease->addr))
        lease = --tries ? dhcp_leases_next_free(ctx->leases, pool, lease) : NULL;
    return lease;
}

/* A pool's next address that nobody ever had, else the one longest out of use. */
static bool choose_from_pool(struct dhcp_ctx *ctx, uint16_t number, uint32_t *addr,
                             struct dhcp_lease **lease)
{
    struct dhcp_leases *ls = ctx->leases;
    struct dhcp_lease_pool *pool = &ls->pools[number];
    unsigned tries = FRESH_TRIES;

    if (!pool_permitted(ctx, pool->conf))
        return false;
    *lease = NULL;
    while (dhcp_leases_fresh(ls, pool, &tries, addr)) {
        if (!addr_usable(ctx, pool->conf, *addr))
            continue;
        pool->lap = 0; /* if not for this client, then for another */
        if (pool_has(ctx, pool->conf, *addr)) {
            got(ctx, pool->conf);
            return true;
        }
    }
    *lease = oldest_usable(ctx, pool);
    if (!*lease) {
        (void)dhcp_leases_tick(ls, 0, SWEEP_HARD);
        *lease = oldest_usable(ctx, pool);
    }
    if (!*lease)
        return false;
    *addr = (*lease)->addr;
    got(ctx, pool->conf);
    return true;
}

/* A pool's address that somebody else was found at longest ago: whoever it was may be gone, or
 * may have said so only to starve the others. Not for BOOTP clients, which are not probed for. */
static bool choose_abandoned(struct dhcp_ctx *ctx, uint16_t number, uint32_t *addr,
                             struct dhcp_lease **lease)
{
    const struct dhcp_lease_pool *pool = &ctx->leases->pools[number];
    unsigned tries = FREE_TRIES;

    if (ctx->msg->type == DHCP_NONE || !pool_permitted(ctx, pool->conf))
        return false;
    *lease = dhcp_leases_next_abandoned(ctx->leases, pool, NULL);
    while (*lease && !pool_has(ctx, pool->conf, (*lease)->addr))
        *lease = --tries ? dhcp_leases_next_abandoned(ctx->leases, pool, *lease) : NULL;
    if (!*lease)
        return false;
    *addr = (*lease)->addr;
    got(ctx, pool->conf);
    return true;
}

static bool choose_new(struct dhcp_ctx *ctx, uint32_t *addr, struct dhcp_lease **lease,
                       bool (*choose)(struct dhcp_ctx *ctx, uint16_t number, uint32_t *addr,
                                      struct dhcp_lease **lease))
{
    const struct dhcp_net *net = &ctx->server->nets[ctx->net];
    const struct dhcp_subnet *here = ctx->subnet;

    /* The subnet the client is on comes before the others of its shared network. */
    for (int elsewhere = 0; elsewhere < 2; elsewhere++)
        for (uint16_t i = 0; i < net->pool_count; i++) {
            uint16_t pool = (uint16_t)(net->first_pool + i);

            if ((ctx->leases->pools[pool].conf->subnet != here) == elsewhere &&
                choose(ctx, pool, addr, lease))
                return true;
        }
    return false;
}

bool dhcp_addr_choose(struct dhcp_ctx *ctx, uint32_t *addr, struct dhcp_lease **lease)
{
    *lease = NULL;
    if (ctx->fixed_addr) {
        *addr = ctx->fixed_addr;
        ctx->subnet = dhcp_index_subnet(ctx->server, *addr)->subnet;
        dhcp_who_scopes(ctx);
        return true;
    }
    if (choose_own(ctx, addr, lease) || choose_wish(ctx, addr, lease) ||
        choose_new(ctx, addr, lease, choose_from_pool) ||
        choose_new(ctx, addr, lease, choose_abandoned))
        return true;
    ctx->out->reason = DHCP_REASON_no_free_address;
    return false;
}

/* ---- the one it says it has ------------------------------------------------------------------ */

enum dhcp_claim dhcp_addr_claim(struct dhcp_ctx *ctx, uint32_t addr)
{
    struct dhcp_lease *own;

    if (ctx->fixed_addr) {
        if (addr != ctx->fixed_addr)
            return DHCP_CLAIM_WRONG;
        ctx->subnet = dhcp_index_subnet(ctx->server, addr)->subnet;
        dhcp_who_scopes(ctx);
        return DHCP_CLAIM_RIGHT;
    }
    own = dhcp_leases_claimed(ctx->leases, &ctx->client, addr);
    if (!own || own->state == DHCP_LEASE_PROBING)
        return DHCP_CLAIM_UNKNOWN;
    if (own->addr != addr)
        return DHCP_CLAIM_WRONG;
    /* A valid lease stays the client's. Its renewal comes past the relay, without the option 82
     * by which it may have been let into the pool, or known as a host. */
    if (dhcp_lease_state(ctx->leases, own) != DHCP_LEASE_BOUND &&
        !dhcp_addr_permitted(ctx, own->pool, addr))
        return DHCP_CLAIM_WRONG;
    if (own->pool != DHCP_LEASE_STATIC)
        got(ctx, ctx->leases->pools[own->pool].conf);
    return DHCP_CLAIM_RIGHT;
}
