/* SPDX-License-Identifier: ISC */
/* dhcp_wire.c - DHCP messages to structs and back.
 *
 * Parsing takes two looks. The first walks every options field and notes where each code lies,
 * and its summed length where it occurs more than once. The second, needed only then, copies the
 * pieces of those options together. Both are linear in the message. */
#include <morgana/dhcp_wire.h>

#define WIRE_ERROR_NAME(name) #name,
const char *dhcp_wire_error_name(enum dhcp_wire_error error)
{
    static const char *const names[] = {DHCP_WIRE_ERRORS(WIRE_ERROR_NAME)};
    STATIC_ASSERT(ARRAY_SIZE(names) == DHCP_WIRE_ERROR_COUNT, "a name for each error");

    return (unsigned)error < ARRAY_SIZE(names) ? names[error] : "?";
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Options whose length the RFC fixes and whose value we read (RFC 2132; 3011 for 118). */
static const struct {
    uint8_t code, len;
} fixed_lengths[] = {
    {DHCP_OPT_REQUESTED_ADDR, 4},   {DHCP_OPT_LEASE_TIME, 4},
    {DHCP_OPT_OVERLOAD, 1},         {DHCP_OPT_TYPE, 1},
    {DHCP_OPT_SERVER_ID, 4},        {DHCP_OPT_MAX_SIZE, 2},
    {DHCP_OPT_SUBNET_SELECTION, 4},
};

/* One step through an options field at `*off`: the next option's code and bytes. False at its
 * end. PAD and END have no length byte (RFC 2132 section 3.1, 3.2); a field may also just end. */
static bool next_option(struct cs_ro field, size_t *off, uint8_t *code, size_t *data_off,
                        size_t *len, bool *overrun)
{
    while (*off < field.len && field.base[*off] == DHCP_OPT_PAD)
        ++*off;
    if (*off >= field.len || field.base[*off] == DHCP_OPT_END)
        return false;
    if (field.len - *off < 2 || field.base[*off + 1] > field.len - *off - 2) {
        *overrun = true;
        return false;
    }
    *code = field.base[*off];
    *len = field.base[*off + 1];
    *data_off = *off + 2;
    *off = *data_off + *len;
    return true;
}

/* First look at one field: notes each option. True in *again where one has occurred before. */
static bool note_options(struct dhcp_msg *msg, size_t field_off, size_t field_len, bool *again)
{
    struct cs_ro field = cs_sub(msg->bytes, field_off, field_len);
    size_t off = 0, data_off, len;
    bool overrun = false;
    uint8_t code;

    while (next_option(field, &off, &code, &data_off, &len, &overrun)) {
        if (!msg->slot[code]) {
            struct dhcp_msg_opt *opt = &msg->opts[msg->opt_count];

            msg->slot[code] = ++msg->opt_count;
            opt->off = (uint16_t)(field_off + data_off);
            opt->len = (uint16_t)len;
        } else {
            struct dhcp_msg_opt *opt = &msg->opts[msg->slot[code] - 1];

            opt->off = DHCP_BYTES_MAX; /* to be joined */
            opt->len = (uint16_t)(opt->len + len);
            *again = true;
        }
    }
    return !overrun;
}

/* Second look at one field: copies the pieces of options that are to be joined. fill[i] is how
 * much of opts[i] is there. */
static void join_options(struct dhcp_msg *msg, size_t field_off, size_t field_len, uint16_t *fill)
{
    struct cs_ro field = cs_sub(msg->bytes, field_off, field_len);
    size_t off = 0, data_off, len;
    bool overrun = false;
    uint8_t code;

    while (next_option(field, &off, &code, &data_off, &len, &overrun)) {
        unsigned i = msg->slot[code] - 1u;
        const struct dhcp_msg_opt *opt = &msg->opts[i];

        if (opt->off < DHCP_BYTES_MAX)
            continue;
        ASSERT(fill[i] + len <= opt->len);
        memcpy(msg->joined + (opt->off - DHCP_BYTES_MAX) + fill[i], field.base + data_off, len);
        fill[i] = (uint16_t)(fill[i] + len);
    }
}

/* Where the options lie, in the order in which RFC 3396 section 5 joins them. Returns how many
 * fields. */
struct field_at {
    size_t off, len;
};
static unsigned option_fields(const struct dhcp_msg *msg, uint8_t overload,
                              struct field_at at[DHCP_AREAS])
{
    unsigned n = 0;

    at[n++] = (struct field_at){DHCP_OPTIONS_OFF, msg->bytes.len - DHCP_OPTIONS_OFF};
    if (overload & 1)
        at[n++] = (struct field_at){dhcp_hdr_file_OFF, FIELD_W_b128};
    if (overload & 2)
        at[n++] = (struct field_at){dhcp_hdr_sname_OFF, FIELD_W_b64};
    return n;
}

static void join_all(struct dhcp_msg *msg, const struct field_at *at, unsigned fields)
{
    uint16_t fill[ARRAY_SIZE(msg->opts)];
    size_t used = 0;

    for (unsigned i = 0; i < msg->opt_count; i++)
        if (msg->opts[i].off == DHCP_BYTES_MAX) {
            msg->opts[i].off = (uint16_t)(DHCP_BYTES_MAX + used);
            used += msg->opts[i].len;
            fill[i] = 0;
        }
    ASSERT(used <= sizeof(msg->joined));
    for (unsigned f = 0; f < fields; f++)
        join_options(msg, at[f].off, at[f].len, fill);
}

static enum dhcp_wire_error check_options(struct dhcp_msg *msg)
{
    size_t id_len = dhcp_msg_opt(msg, DHCP_OPT_CLIENT_ID).len;
    struct cs_ro type;

    for (size_t i = 0; i < ARRAY_SIZE(fixed_lengths); i++)
        if (dhcp_msg_has(msg, fixed_lengths[i].code) &&
            dhcp_msg_opt(msg, fixed_lengths[i].code).len != fixed_lengths[i].len)
            return DHCP_WIRE_option_length;
    if (dhcp_msg_has(msg, DHCP_OPT_CLIENT_ID) && (id_len < 2 || id_len > 255))
        return DHCP_WIRE_client_id_length;
    type = dhcp_msg_opt(msg, DHCP_OPT_TYPE);
    msg->type = type.len ? type.base[0] : DHCP_NONE;
    return DHCP_WIRE_ok;
}

static enum dhcp_wire_error parse_options(struct dhcp_msg *msg)
{
    struct field_at at[DHCP_AREAS];
    bool again = false;
    uint8_t overload = 0;
    unsigned fields;

    if (!note_options(msg, DHCP_OPTIONS_OFF, msg->bytes.len - DHCP_OPTIONS_OFF, &again))
        return DHCP_WIRE_option_overrun;
    if (dhcp_msg_has(msg, DHCP_OPT_OVERLOAD)) {
        struct dhcp_msg_opt opt = msg->opts[msg->slot[DHCP_OPT_OVERLOAD] - 1];

        if (opt.len != 1 || opt.off >= DHCP_BYTES_MAX)
            return DHCP_WIRE_option_length;
        overload = msg->bytes.base[opt.off];
        if (overload < 1 || overload > 3)
            return DHCP_WIRE_option_overload;
    }
    fields = option_fields(msg, overload, at);
    for (unsigned f = 1; f < fields; f++)
        if (!note_options(msg, at[f].off, at[f].len, &again))
            return DHCP_WIRE_option_overrun;
    if (again)
        join_all(msg, at, fields);
    if (overload & 1)
        msg->file = CS_RO_EMPTY;
    if (overload & 2)
        msg->sname = CS_RO_EMPTY;
    return check_options(msg);
}

enum dhcp_wire_error dhcp_parse(struct cs_ro bytes, struct dhcp_msg *msg)
{
    uint32_t cookie = 0;

    if (bytes.len < dhcp_hdr_SIZE)
        return DHCP_WIRE_short_header;
    if (bytes.len > DHCP_BYTES_MAX)
        return DHCP_WIRE_too_long;
    msg->bytes = bytes;
    msg->op = dhcp_hdr_ro_get_op(bytes);
    msg->htype = dhcp_hdr_ro_get_htype(bytes);
    msg->hlen = dhcp_hdr_ro_get_hlen(bytes);
    msg->hops = dhcp_hdr_ro_get_hops(bytes);
    msg->xid = dhcp_hdr_ro_get_xid(bytes);
    msg->secs = dhcp_hdr_ro_get_secs(bytes);
    msg->flags = dhcp_hdr_ro_get_flags(bytes);
    msg->ciaddr = dhcp_hdr_ro_get_ciaddr(bytes);
    msg->yiaddr = dhcp_hdr_ro_get_yiaddr(bytes);
    msg->siaddr = dhcp_hdr_ro_get_siaddr(bytes);
    msg->giaddr = dhcp_hdr_ro_get_giaddr(bytes);
    msg->chaddr = dhcp_hdr_ro_get_chaddr(bytes);
    msg->sname = dhcp_hdr_ro_get_sname(bytes);
    msg->file = dhcp_hdr_ro_get_file(bytes);
    if (msg->hlen > DHCP_CHADDR_BYTES)
        return DHCP_WIRE_hardware_length;
    msg->type = DHCP_NONE;
    msg->opt_count = 0;
    memset(msg->slot, 0, sizeof(msg->slot));
    msg->has_cookie = cs_try_get_be32(bytes, dhcp_hdr_SIZE, &cookie) && cookie == DHCP_COOKIE;
    return msg->has_cookie ? parse_options(msg) : DHCP_WIRE_ok;
}

struct cs_ro dhcp_msg_opt(const struct dhcp_msg *msg, uint8_t code)
{
    struct dhcp_msg_opt opt;

    if (!msg->slot[code])
        return CS_RO_EMPTY;
    opt = msg->opts[msg->slot[code] - 1];
    if (opt.off >= DHCP_BYTES_MAX)
        return cs_ro_of(msg->joined + (opt.off - DHCP_BYTES_MAX), opt.len);
    return cs_sub(msg->bytes, opt.off, opt.len);
}

bool dhcp_msg_u32(const struct dhcp_msg *msg, uint8_t code, uint32_t *value)
{
    struct cs_ro data = dhcp_msg_opt(msg, code);

    return data.len == 4 && cs_try_get_be32(data, 0, value);
}

bool dhcp_msg_agent(const struct dhcp_msg *msg, uint8_t code, struct cs_ro *value)
{
    struct cs_ro rest = dhcp_msg_opt(msg, DHCP_OPT_AGENT);
    struct cs_ro head;

    /* Sub-options have neither PAD nor END (RFC 3046 section 2.0). */
    while (rest.len >= 2) {
        uint8_t sub = rest.base[0];

        if (!cs_try_split(cs_shift(rest, 2), rest.base[1], &head, &rest))
            return false;
        if (sub == code) {
            *value = head;
            return true;
        }
    }
    return false;
}

/* ---- out ------------------------------------------------------------------------------------- */

/* Room that an echoed option 82 leaves to the options that a reply cannot do without. */
#define OWN_OPTIONS_BYTES 48u

size_t dhcp_opt_wire_bytes(size_t len)
{
    size_t pieces = len ? (len + 254) / 255 : 1;

    return len + 2 * pieces;
}

/* Text into a fixed field, NUL-terminated; the rest is zero already. */
static void write_text(struct cs field, struct cs_ro text)
{
    cs_blit(field, 0, cs_head(text, size_min(text.len, field.len - 1)));
}

void dhcp_write_begin(struct dhcp_writer *w, struct cs buf, size_t max, const struct dhcp_hdr *hdr,
                      bool overload, const struct cs_ro *agent)
{
    size_t held = 1; /* END */

    ASSERT(max >= DHCP_BYTES_MIN && max <= buf.len);
    w->buf = buf;
    w->end = max;
    w->overload = 0;
    w->left_out = 0;
    cs_fill(cs_head(buf, DHCP_OPTIONS_OFF), 0);
    dhcp_hdr_set_op(buf, hdr->op);
    dhcp_hdr_set_htype(buf, hdr->htype);
    dhcp_hdr_set_hlen(buf, hdr->hlen);
    dhcp_hdr_set_hops(buf, hdr->hops);
    dhcp_hdr_set_xid(buf, hdr->xid);
    dhcp_hdr_set_secs(buf, hdr->secs);
    dhcp_hdr_set_flags(buf, hdr->flags);
    dhcp_hdr_set_ciaddr(buf, hdr->ciaddr);
    dhcp_hdr_set_yiaddr(buf, hdr->yiaddr);
    dhcp_hdr_set_siaddr(buf, hdr->siaddr);
    dhcp_hdr_set_giaddr(buf, hdr->giaddr);
    dhcp_hdr_set_chaddr(buf, hdr->chaddr);
    write_text(cs_sub(buf, dhcp_hdr_sname_OFF, FIELD_W_b64), hdr->sname);
    write_text(cs_sub(buf, dhcp_hdr_file_OFF, FIELD_W_b128), hdr->file);
    cs_set_be32(buf, dhcp_hdr_SIZE, DHCP_COOKIE);

    /* RFC 3046 section 2.1: option 82 is echoed whole in the options field or not at all. */
    w->has_agent =
        agent && dhcp_opt_wire_bytes(agent->len) + OWN_OPTIONS_BYTES <= max - DHCP_OPTIONS_OFF;
    if (w->has_agent) {
        w->agent = *agent;
        held += dhcp_opt_wire_bytes(agent->len);
    } else if (agent) {
        w->left_out++;
    }
    w->area[DHCP_AREA_FILE] = w->area[DHCP_AREA_SNAME] = CS_EMPTY;
    if (overload && !hdr->file.len)
        w->area[DHCP_AREA_FILE] = cs_sub(buf, dhcp_hdr_file_OFF, FIELD_W_b128 - 1);
    if (overload && !hdr->sname.len)
        w->area[DHCP_AREA_SNAME] = cs_sub(buf, dhcp_hdr_sname_OFF, FIELD_W_b64 - 1);
    if (w->area[DHCP_AREA_FILE].len || w->area[DHCP_AREA_SNAME].len)
        held += 3; /* option 52 */
    w->area[DHCP_AREA_OPTIONS] = cs_sub(buf, DHCP_OPTIONS_OFF, max - DHCP_OPTIONS_OFF - held);
}

/* Writes one piece, which fits, into area `a`. */
static void write_piece(struct dhcp_writer *w, unsigned a, uint8_t code, struct cs_ro piece)
{
    static const uint8_t overload_bit[DHCP_AREAS] = {0, 1, 2};

    cs_set_u8(w->area[a], 0, code);
    cs_set_u8(w->area[a], 1, (uint8_t)piece.len);
    cs_blit(w->area[a], 2, piece);
    w->area[a] = cs_shift(w->area[a], 2 + piece.len);
    w->overload |= overload_bit[a];
}

/* Splits a long option over what is left of all areas; nothing is written where it does not fit. */
static bool write_long(struct dhcp_writer *w, uint8_t code, struct cs_ro data)
{
    for (int pass = 0; pass < 2; pass++) {
        struct cs_ro rest = data;

        for (unsigned a = 0; a < DHCP_AREAS && rest.len; a++) {
            size_t room = w->area[a].len;

            while (rest.len && room > 2) {
                size_t n = size_min(size_min(rest.len, 255), room - 2);

                if (pass == 1)
                    write_piece(w, a, code, cs_head(rest, n));
                rest = cs_shift(rest, n);
                room -= n + 2;
            }
        }
        if (rest.len)
            return false;
    }
    return true;
}

bool dhcp_write_opt(struct dhcp_writer *w, uint8_t code, struct cs_ro data)
{
    ASSERT(code != DHCP_OPT_PAD && code != DHCP_OPT_END);
    /* An option that need not be split is not: a client may know nothing of RFC 3396. */
    if (data.len <= 255)
        for (unsigned a = 0; a < DHCP_AREAS; a++)
            if (w->area[a].len >= data.len + 2) {
                write_piece(w, a, code, data);
                return true;
            }
    /* RFC 6842 section 3: the client's id MUST be echoed, in pieces rather than not at all. */
    if ((data.len > 255 || code == DHCP_OPT_CLIENT_ID) && write_long(w, code, data))
        return true;
    w->left_out++;
    return false;
}

bool dhcp_write_u8(struct dhcp_writer *w, uint8_t code, uint8_t value)
{
    return dhcp_write_opt(w, code, cs_ro_of(&value, 1));
}

bool dhcp_write_u32(struct dhcp_writer *w, uint8_t code, uint32_t value)
{
    uint8_t bytes[4];

    cs_set_be32(cs_of(bytes, sizeof(bytes)), 0, value);
    return dhcp_write_opt(w, code, cs_ro_of(bytes, sizeof(bytes)));
}

size_t dhcp_write_end(struct dhcp_writer *w)
{
    /* Now the room that was held back may be used. */
    size_t used = (size_t)(w->area[DHCP_AREA_OPTIONS].base - w->buf.base);

    w->area[DHCP_AREA_OPTIONS] = cs_sub(w->buf, used, w->end - used);
    if (w->overload & 1)
        *w->area[DHCP_AREA_FILE].base = DHCP_OPT_END;
    if (w->overload & 2)
        *w->area[DHCP_AREA_SNAME].base = DHCP_OPT_END;
    if (w->overload) {
        uint8_t value = w->overload;

        write_piece(w, DHCP_AREA_OPTIONS, DHCP_OPT_OVERLOAD, cs_ro_of(&value, 1));
    }
    while (w->has_agent) {
        size_t n = size_min(w->agent.len, 255);

        write_piece(w, DHCP_AREA_OPTIONS, DHCP_OPT_AGENT, cs_head(w->agent, n));
        w->agent = cs_shift(w->agent, n);
        w->has_agent = w->agent.len != 0;
    }
    cs_set_u8(w->area[DHCP_AREA_OPTIONS], 0, DHCP_OPT_END);
    used = (size_t)(w->area[DHCP_AREA_OPTIONS].base - w->buf.base) + 1;
    if (used < DHCP_BYTES_MIN) {
        cs_fill(cs_sub(w->buf, used, DHCP_BYTES_MIN - used), 0);
        used = DHCP_BYTES_MIN;
    }
    return used;
}
