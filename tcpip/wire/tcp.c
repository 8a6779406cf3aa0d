/* SPDX-License-Identifier: ISC */
/* tcp.c - TCP's options (RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 5482): parse and emit. */
#include "tcpip/wire/tcp.h"

#include <morgana/tcp.h>

enum {
    OPT_EOL = 0,
    OPT_NOP = 1,
    OPT_MSS = 2,
    OPT_WSCALE = 3,
    OPT_SACK_OK = 4,
    OPT_SACK = 5,
    OPT_TS = 8,
    OPT_USER_TIMEOUT = 28,
};

enum {
    MSS_BYTES = 4,
    WSCALE_BYTES = 3,
    SACK_OK_BYTES = 2,
    TS_BYTES = 10,
    USER_TIMEOUT_BYTES = 4,
    SACK_HEAD_BYTES = 2,
    SACK_BLOCK_BYTES = 8,
};

/* ---- parse ---------------------------------------------------------------------------------- */

static void parse_sack(struct tcp_options *out, struct cs_ro opt)
{
    size_t bytes = opt.len - SACK_HEAD_BYTES;

    if (bytes == 0 || bytes % SACK_BLOCK_BYTES != 0 ||
        bytes > TCP_SACK_BLOCKS_MAX * SACK_BLOCK_BYTES)
        return;
    out->has |= TCP_HAS_SACK;
    out->sack_count = (uint8_t)(bytes / SACK_BLOCK_BYTES);
    for (size_t i = 0; i < out->sack_count; i++) {
        size_t at = SACK_HEAD_BYTES + i * SACK_BLOCK_BYTES;

        out->sack[i] = (struct tcp_sack_block){cs_get_be32(opt, at), cs_get_be32(opt, at + 4)};
    }
}

/* One option, its kind and length in front: opt.len is what its length says. */
static void parse_one(struct tcp_options *out, struct cs_ro opt, bool syn)
{
    uint8_t kind = cs_get_u8(opt, 0);

    if (kind == OPT_TS && opt.len == TS_BYTES) {
        out->has |= TCP_HAS_TS;
        out->ts_val = cs_get_be32(opt, 2);
        out->ts_ecr = cs_get_be32(opt, 6);
    } else if (kind == OPT_SACK && !syn) {
        parse_sack(out, opt);
    } else if (kind == OPT_USER_TIMEOUT && opt.len == USER_TIMEOUT_BYTES) {
        out->has |= TCP_HAS_USER_TIMEOUT;
        out->user_timeout = cs_get_be16(opt, 2);
    } else if (kind == OPT_MSS && syn && opt.len == MSS_BYTES) {
        out->has |= TCP_HAS_MSS;
        out->mss = cs_get_be16(opt, 2);
    } else if (kind == OPT_WSCALE && syn && opt.len == WSCALE_BYTES) {
        out->has |= TCP_HAS_WSCALE;
        out->wscale = cs_get_u8(opt, 2);
    } else if (kind == OPT_SACK_OK && syn && opt.len == SACK_OK_BYTES) {
        out->has |= TCP_HAS_SACK_OK;
    }
}

bool tcp_options_parse_all(struct tcp_options *out, struct cs_ro options, bool syn)
{
    while (options.len != 0) {
        uint8_t kind = cs_get_u8(options, 0), len;
        struct cs_ro opt;

        if (kind == OPT_EOL)
            return true;
        if (kind == OPT_NOP) {
            options = cs_shift(options, 1);
            continue;
        }
        /* RFC 9293 section 3.1: an illegal length must be expected (MUST-7). */
        if (!cs_try_get_u8(options, 1, &len) || len < 2 ||
            !cs_try_split(options, len, &opt, &options))
            return false;
        parse_one(out, opt, syn);
    }
    return true;
}

/* ---- emit ----------------------------------------------------------------------------------- */

/* Where the next option goes. */
struct out {
    struct cs to;
    uint32_t len, room;
};

/* Puts nops until the length is `phase` modulo 4, if `bytes` more fit then. */
static bool align(struct out *out, uint32_t phase, uint32_t bytes)
{
    uint32_t pad = (phase - out->len) & 3;

    /* What does not end at a multiple of 4 is padded to it later. */
    if (((out->len + pad + bytes + 3) & ~3u) > out->room)
        return false;
    while (pad-- != 0)
        cs_set_u8(out->to, out->len++, OPT_NOP);
    return true;
}

/* Kind and length, and the view of what is between this and the next option. */
static struct cs put(struct out *out, uint8_t kind, uint8_t bytes)
{
    struct cs opt = cs_sub(out->to, out->len, bytes);

    cs_set_u8(opt, 0, kind);
    cs_set_u8(opt, 1, bytes);
    out->len += bytes;
    return opt;
}

static void put_mss(struct out *out, const struct tcp_options *options)
{
    if ((options->has & TCP_HAS_MSS) != 0 && align(out, 0, MSS_BYTES))
        cs_set_be16(put(out, OPT_MSS, MSS_BYTES), 2, options->mss);
}

static void put_wscale(struct out *out, const struct tcp_options *options)
{
    if ((options->has & TCP_HAS_WSCALE) != 0 && align(out, 1, WSCALE_BYTES))
        cs_set_u8(put(out, OPT_WSCALE, WSCALE_BYTES), 2, options->wscale);
}

static void put_sack_ok(struct out *out, const struct tcp_options *options, uint32_t phase)
{
    if ((options->has & TCP_HAS_SACK_OK) != 0 && align(out, phase, SACK_OK_BYTES))
        put(out, OPT_SACK_OK, SACK_OK_BYTES);
}

static void put_ts(struct out *out, const struct tcp_options *options)
{
    struct cs opt;

    if ((options->has & TCP_HAS_TS) == 0 || !align(out, 2, TS_BYTES))
        return;
    opt = put(out, OPT_TS, TS_BYTES);
    cs_set_be32(opt, 2, options->ts_val);
    cs_set_be32(opt, 6, options->ts_ecr);
}

static void put_user_timeout(struct out *out, const struct tcp_options *options)
{
    if ((options->has & TCP_HAS_USER_TIMEOUT) != 0 && align(out, 0, USER_TIMEOUT_BYTES))
        cs_set_be16(put(out, OPT_USER_TIMEOUT, USER_TIMEOUT_BYTES), 2, options->user_timeout);
}

/* As many blocks as there is room for, the first ones (RFC 2018 section 4). */
static void put_sack(struct out *out, const struct tcp_options *options)
{
    uint32_t count = u32_min(options->sack_count, TCP_SACK_BLOCKS_MAX);
    struct cs opt;

    if ((options->has & TCP_HAS_SACK) == 0)
        return;
    while (count != 0 && !align(out, 2, SACK_HEAD_BYTES + count * SACK_BLOCK_BYTES))
        count--;
    if (count == 0)
        return;
    opt = put(out, OPT_SACK, (uint8_t)(SACK_HEAD_BYTES + count * SACK_BLOCK_BYTES));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = SACK_HEAD_BYTES + i * SACK_BLOCK_BYTES;

        cs_set_be32(opt, at, options->sack[i].start);
        cs_set_be32(opt, at + 4, options->sack[i].end);
    }
}

static void put_syn(struct out *out, const struct tcp_options *options, uint8_t order)
{
    put_mss(out, options);
    if (order == TCP_ORDER_FREEBSD) {
        put_wscale(out, options);
        put_sack_ok(out, options, out->len & 3);
        put_ts(out, options);
    } else {
        /* It fills the place of the two nops before timestamps, where these follow. */
        put_sack_ok(out, options, (options->has & TCP_HAS_TS) != 0 ? 0 : 2);
        put_ts(out, options);
        put_wscale(out, options);
    }
    put_user_timeout(out, options);
}

uint32_t tcp_options_emit(struct cs to, const struct tcp_options *options, bool syn, uint8_t order,
                          uint32_t room)
{
    struct out out = {cs_head(to, TCP_OPTIONS_MAX), 0, u32_min(room, TCP_OPTIONS_MAX)};

    if (syn) {
        put_syn(&out, options, order);
    } else {
        put_ts(&out, options);
        put_user_timeout(&out, options);
        put_sack(&out, options);
    }
    while (out.len % 4 != 0)
        cs_set_u8(out.to, out.len++, OPT_EOL);
    return out.len;
}
