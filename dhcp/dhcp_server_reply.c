/* SPDX-License-Identifier: ISC */
/* dhcp_server_reply.c - the message a client is answered with, and where it is sent.
 *
 * The order of the options: what RFC 2131 table 3 demands first (53, 54, 51, T1, T2, 61), then
 * what the client asks for in its own order (RFC 2132 section 9.8), the netmask before the
 * router (section 3.3). What does not fit is left out whole; what the client wants most has the
 * best chance. Option 82 is the last (RFC 3046 section 2.2). */
#include "dhcp_server_priv.h"

#define BOOTP_VENDOR_BYTES_MAX 300u /* RFC 951: 64 bytes of vendor data */

/* Options that only the protocol itself may write; a configuration that sets them is not obeyed. */
static const uint8_t own_codes[] = {
    DHCP_OPT_REQUESTED_ADDR,
    DHCP_OPT_LEASE_TIME,
    DHCP_OPT_OVERLOAD,
    DHCP_OPT_TYPE,
    DHCP_OPT_SERVER_ID,
    DHCP_OPT_PARAMETERS,
    DHCP_OPT_MAX_SIZE,
    DHCP_OPT_T1,
    DHCP_OPT_T2,
    DHCP_OPT_CLIENT_ID,
    DHCP_OPT_AGENT,
    DHCP_OPT_PAD,
    DHCP_OPT_END,
    DHCP_OPT_MESSAGE,
};

/* What a client that asks for nothing in particular gets first (RFC 2131 section 4.3.1); the
 * rest of what is configured follows. */
static const uint8_t default_codes[] = {DHCP_OPT_SUBNET_MASK, DHCP_OPT_ROUTERS, DHCP_OPT_DNS,
                                        DHCP_OPT_DOMAIN_NAME};

/* A set of option codes. */
struct code_set {
    uint64_t bits[4];
};

static bool set_has(const struct code_set *set, uint8_t code)
{
    return set->bits[code / 64] >> (code % 64) & 1;
}

static void set_add(struct code_set *set, uint8_t code)
{
    set->bits[code / 64] |= UINT64_C(1) << (code % 64);
}

/* ---- which options --------------------------------------------------------------------------- */

/* The configured options that hold for this client, by code: the innermost scope's. Only codes
 * in `known` have an entry. */
struct options {
    struct code_set known, done; /* done: in the reply already, or never to be there */
    const struct dhcp_opt *by_code[256];
};

static void gather(const struct dhcp_ctx *ctx, struct options *o)
{
    o->known = o->done = (struct code_set){{0}};
    for (size_t i = 0; i < sizeof(own_codes); i++)
        set_add(&o->done, own_codes[i]);
    for (unsigned i = 0; i < ctx->scope_count; i++)
        for (const struct dhcp_opt *opt = ctx->scopes[i]->options; opt; opt = opt->next)
            if (!set_has(&o->known, opt->code)) {
                set_add(&o->known, opt->code);
                o->by_code[opt->code] = opt;
            }
}

/* Writes an option once: as configured, or what follows from the subnet. */
static void put(const struct dhcp_ctx *ctx, struct dhcp_writer *w, struct options *o, uint8_t code)
{
    const struct dhcp_subnet *s = ctx->subnet;

    if (set_has(&o->done, code))
        return;
    set_add(&o->done, code);
    if (set_has(&o->known, code))
        (void)dhcp_write_opt(w, code, o->by_code[code]->data);
    else if (code == DHCP_OPT_SUBNET_MASK)
        (void)dhcp_write_u32(w, code, s->mask);
    else if (code == DHCP_OPT_BROADCAST && ~s->mask > 1)
        (void)dhcp_write_u32(w, code, s->net | ~s->mask);
}

static void put_requested(const struct dhcp_ctx *ctx, struct dhcp_writer *w)
{
    struct cs_ro wanted = dhcp_msg_opt(ctx->msg, DHCP_OPT_PARAMETERS);
    struct options o;

    gather(ctx, &o);
    if (!wanted.len) {
        for (size_t i = 0; i < sizeof(default_codes); i++)
            put(ctx, w, &o, default_codes[i]);
        for (unsigned code = 1; code < 255; code++)
            if (set_has(&o.known, (uint8_t)code))
                put(ctx, w, &o, (uint8_t)code);
        return;
    }
    if (cs_find_byte(wanted, 0, DHCP_OPT_SUBNET_MASK) != CS_NOT_FOUND)
        put(ctx, w, &o, DHCP_OPT_SUBNET_MASK);
    for (size_t i = 0; i < wanted.len; i++)
        put(ctx, w, &o, wanted.base[i]);
}

/* ---- the frame around them ------------------------------------------------------------------- */

/* Longest reply: what the client reads (option 57 counts IP and UDP headers, and less than 576
 * means 576), and what the link carries. The client never sees a relay's option 82 (RFC 3046
 * section 2.1), so that comes on top. */
static size_t max_bytes(const struct dhcp_ctx *ctx)
{
    size_t link = ctx->packet->reply_max ? ctx->packet->reply_max : DHCP_REPLY_MAX;
    size_t client = DHCP_BYTES_DEFAULT;
    struct cs_ro wish = dhcp_msg_opt(ctx->msg, DHCP_OPT_MAX_SIZE);

    if (wish.len == 2 && cs_get_be16(wish, 0) > DHCP_BYTES_DEFAULT + DHCP_UDP_OVERHEAD)
        client = cs_get_be16(wish, 0) - DHCP_UDP_OVERHEAD;
    if (ctx->msg->giaddr && dhcp_msg_has(ctx->msg, DHCP_OPT_AGENT))
        client += dhcp_opt_wire_bytes(dhcp_msg_opt(ctx->msg, DHCP_OPT_AGENT).len);
    link = size_min(link, ctx->out->buf.len);
    ASSERT(link >= DHCP_BYTES_MIN);
    return size_min(client, link);
}

static void begin(struct dhcp_ctx *ctx, struct dhcp_writer *w, size_t max,
                  const struct dhcp_hdr *more)
{
    const struct dhcp_msg *msg = ctx->msg;
    struct dhcp_hdr hdr = *more;
    struct cs_ro agent = dhcp_msg_opt(msg, DHCP_OPT_AGENT);

    hdr.op = BOOTREPLY;
    hdr.htype = msg->htype;
    hdr.hlen = msg->hlen;
    hdr.xid = msg->xid;
    hdr.flags |= msg->flags;
    hdr.giaddr = msg->giaddr;
    hdr.chaddr = msg->chaddr;
    dhcp_write_begin(w, ctx->out->buf, max, &hdr, msg->type != DHCP_NONE,
                     dhcp_msg_has(msg, DHCP_OPT_AGENT) ? &agent : NULL);
}

static enum dhcp_verdict finish(struct dhcp_ctx *ctx, struct dhcp_writer *w, enum dhcp_type type,
                                enum dhcp_reason reason)
{
    ctx->out->len = dhcp_write_end(w);
    ctx->out->left_out = w->left_out;
    ctx->out->type = (uint8_t)type;
    ctx->out->reason = reason;
    return DHCP_REPLY;
}

/* Boot server, boot file and server name, as configured. */
static struct dhcp_hdr boot_fields(const struct dhcp_ctx *ctx)
{
    const struct dhcp_scope *s;
    struct dhcp_hdr hdr = {0};

    if ((s = dhcp_who_setting(ctx, DHCP_SET_NEXT_SERVER)) != NULL)
        hdr.siaddr = s->next_server;
    if ((s = dhcp_who_setting(ctx, DHCP_SET_FILENAME)) != NULL)
        hdr.file = s->filename;
    if ((s = dhcp_who_setting(ctx, DHCP_SET_SERVER_NAME)) != NULL)
        hdr.sname = s->server_name;
    return hdr;
}

/* What every reply says: its type, who we are, and the client's own id back (RFC 6842). */
static void put_head(const struct dhcp_ctx *ctx, struct dhcp_writer *w, enum dhcp_type type)
{
    (void)dhcp_write_u8(w, DHCP_OPT_TYPE, (uint8_t)type);
    (void)dhcp_write_u32(w, DHCP_OPT_SERVER_ID, ctx->packet->our_addr);
}

static void put_client_id(const struct dhcp_ctx *ctx, struct dhcp_writer *w)
{
    if (dhcp_msg_has(ctx->msg, DHCP_OPT_CLIENT_ID))
        (void)dhcp_write_opt(w, DHCP_OPT_CLIENT_ID, dhcp_msg_opt(ctx->msg, DHCP_OPT_CLIENT_ID));
}

/* ---- where it goes (RFC 2131 section 4.1) ---------------------------------------------------- */

static void to_relay(struct dhcp_ctx *ctx)
{
    ctx->out->to = (struct dhcp_to){.addr = ctx->msg->giaddr, .port = DHCP_SERVER_PORT};
}

static void to_broadcast(struct dhcp_ctx *ctx)
{
    ctx->out->to = (struct dhcp_to){.addr = DHCP_BROADCAST_ADDR, .port = DHCP_CLIENT_PORT};
}

static void to_client(struct dhcp_ctx *ctx, uint32_t addr)
{
    ctx->out->to = (struct dhcp_to){.addr = addr, .port = DHCP_CLIENT_PORT};
}

/* `ciaddr`: an address at which the client is known to answer, or 0. */
static void route(struct dhcp_ctx *ctx, uint32_t ciaddr, uint32_t yiaddr)
{
    static const uint8_t zero[6];

    if (ctx->msg->giaddr)
        to_relay(ctx);
    else if (ciaddr)
        to_client(ctx, ciaddr);
    else if (ctx->msg->flags & DHCP_FLAG_BROADCAST || !ctx->mac || ctx->mac[0] & 1 ||
             memcmp(ctx->mac, zero, 6) == 0)
        to_broadcast(ctx);
    else {
        to_client(ctx, yiaddr);
        ctx->out->to.use_eth = true;
        memcpy(ctx->out->to.eth, ctx->mac, 6);
    }
}

/* ---- the replies ----------------------------------------------------------------------------- */

/* T1 and T2: half and seven eighths of the lease (RFC 2131 section 4.4.5), or as configured
 * where that makes sense. */
static void put_times(const struct dhcp_ctx *ctx, struct dhcp_writer *w, uint32_t lease_s)
{
    uint32_t t1 = lease_s / 2, t2 = (uint32_t)((uint64_t)lease_s * 7 / 8), c1 = t1, c2 = t2;
    struct cs_ro value;

    (void)dhcp_write_u32(w, DHCP_OPT_LEASE_TIME, lease_s);
    if (lease_s == DHCP_INFINITE)
        return;
    for (unsigned i = ctx->scope_count; i-- > 0;)
        for (const struct dhcp_opt *opt = ctx->scopes[i]->options; opt; opt = opt->next) {
            value = opt->data;
            if (value.len == 4 && opt->code == DHCP_OPT_T1)
                c1 = cs_get_be32(value, 0);
            else if (value.len == 4 && opt->code == DHCP_OPT_T2)
                c2 = cs_get_be32(value, 0);
        }
    if (c1 < c2 && c2 < lease_s) {
        t1 = c1;
        t2 = c2;
    }
    (void)dhcp_write_u32(w, DHCP_OPT_T1, t1);
    (void)dhcp_write_u32(w, DHCP_OPT_T2, t2);
}

enum dhcp_verdict dhcp_reply_lease(struct dhcp_ctx *ctx, enum dhcp_type type, uint32_t addr,
                                   uint32_t lease_s)
{
    struct dhcp_hdr hdr = boot_fields(ctx);
    uint32_t ciaddr = type == DHCPACK ? ctx->msg->ciaddr : 0;
    struct dhcp_writer w;

    hdr.ciaddr = ciaddr;
    hdr.yiaddr = addr;
    begin(ctx, &w, max_bytes(ctx), &hdr);
    put_head(ctx, &w, type);
    put_times(ctx, &w, lease_s);
    put_client_id(ctx, &w);
    if (dhcp_msg_has(ctx->msg, DHCP_OPT_SUBNET_SELECTION)) /* RFC 3011 section 2 */
        (void)dhcp_write_opt(&w, DHCP_OPT_SUBNET_SELECTION,
                             dhcp_msg_opt(ctx->msg, DHCP_OPT_SUBNET_SELECTION));
    put_requested(ctx, &w);
    route(ctx, ciaddr, addr);
    ctx->out->addr = addr;
    ctx->out->lease_s = lease_s;
    return finish(ctx, &w, type,
                  type == DHCPOFFER ? DHCP_REASON_offered : DHCP_REASON_acknowledged);
}

/* RFC 2131 section 4.3.5: parameters only, sent to where the client says it is. */
enum dhcp_verdict dhcp_reply_inform(struct dhcp_ctx *ctx, uint32_t addr)
{
    struct dhcp_hdr hdr = boot_fields(ctx);
    struct dhcp_writer w;

    hdr.ciaddr = ctx->msg->ciaddr;
    begin(ctx, &w, max_bytes(ctx), &hdr);
    put_head(ctx, &w, DHCPACK);
    put_client_id(ctx, &w);
    put_requested(ctx, &w);
    to_client(ctx, addr);
    ctx->out->addr = addr;
    return finish(ctx, &w, DHCPACK, DHCP_REASON_informed);
}

/* To everybody on the wire, because the client may not have the address it speaks of; a relay is
 * asked to do so by the broadcast bit (RFC 2131 section 4.3.2). */
enum dhcp_verdict dhcp_reply_nak(struct dhcp_ctx *ctx, const char *why)
{
    struct dhcp_hdr hdr = {.flags = ctx->msg->giaddr ? DHCP_FLAG_BROADCAST : 0};
    struct dhcp_writer w;

    begin(ctx, &w, max_bytes(ctx), &hdr);
    put_head(ctx, &w, DHCPNAK);
    (void)dhcp_write_opt(&w, DHCP_OPT_MESSAGE, cs_of_str(why));
    put_client_id(ctx, &w);
    if (ctx->msg->giaddr)
        to_relay(ctx);
    else
        to_broadcast(ctx);
    return finish(ctx, &w, DHCPNAK, DHCP_REASON_refused);
}

/* RFC 1534: no DHCP options for a client that does not speak DHCP. */
enum dhcp_verdict dhcp_reply_bootp(struct dhcp_ctx *ctx, uint32_t addr)
{
    struct dhcp_hdr hdr = boot_fields(ctx);
    struct dhcp_writer w;

    hdr.ciaddr = ctx->msg->ciaddr;
    hdr.yiaddr = addr;
    begin(ctx, &w, BOOTP_VENDOR_BYTES_MAX, &hdr);
    put_requested(ctx, &w);
    route(ctx, ctx->msg->ciaddr == addr ? addr : 0, addr);
    ctx->out->addr = addr;
    return finish(ctx, &w, DHCP_NONE, DHCP_REASON_bootp_answered);
}
