/* SPDX-License-Identifier: ISC */
/* dhcpclienttest.h - a DHCP client on a bench: the test is the server, and says what it likes. Each
 * test program includes it once.
 *
 *     start(&(struct dhcp_client_conf){0});
 *     expect_send(DHCPDISCOVER);                what the client sends, parsed: `sent`
 *     reply(DHCPOFFER, ADDR); give();           an answer to that: mask, lease, server id with it
 *     reply_u32(code, value)                    more options, or other values of those */
#ifndef TESTS_DHCPCLIENTTEST_H
#define TESTS_DHCPCLIENTTEST_H

#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/dhcp_client.h>

#define IP(a, b, c, d)                                                                             \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define ADDR IP(10, 0, 0, 100)
#define SERVER IP(10, 0, 0, 1)
#define OTHER IP(10, 0, 0, 2)
#define LEASE 3600u
#define S(seconds) ((seconds)*NS_PER_S)

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
static struct dhcp_client client;
static struct dhcp_client_step step;
static struct dhcp_msg sent;
static uint8_t out[DHCP_BYTES_DEFAULT];
static uint64_t now;
static uint64_t seed = 1;

static UNUSED void start(const struct dhcp_client_conf *with)
{
    struct dhcp_client_conf conf = *with;

    memcpy(conf.mac, mac, sizeof(mac));
    conf.key[0] = seed++;
    now = 1000 * NS_PER_S;
    assert_int_equal(dhcp_client_init(&client, &conf, now), 0);
}

static UNUSED void start_plain(void)
{
    start(&(struct dhcp_client_conf){.reply_max = 0});
}

static enum dhcp_client_do next(void)
{
    enum dhcp_client_do what;

    memset(&step, 0xa5, sizeof(step));
    step.buf = cs_of(out, sizeof(out));
    what = dhcp_client_poll(&client, now, &step);
    if (what == DHCP_CLIENT_SEND) {
        assert_in_range(step.len, DHCP_BYTES_MIN, sizeof(out));
        assert_int_equal(dhcp_parse(cs_ro_of(out, step.len), &sent), DHCP_WIRE_ok);
        assert_int_equal(sent.type, step.type);
        assert_int_equal(sent.op, BOOTREQUEST);
    }
    return what;
}

static UNUSED void expect_wait(void)
{
    assert_int_equal(next(), DHCP_CLIENT_WAIT);
}

static UNUSED void expect_send(enum dhcp_type type)
{
    assert_int_equal(next(), DHCP_CLIENT_SEND);
    assert_string_equal(dhcp_type_name(sent.type), dhcp_type_name(type));
}

static UNUSED void expect_state(enum dhcp_client_state state)
{
    assert_string_equal(dhcp_client_state_name(client.state), dhcp_client_state_name(state));
}

static UNUSED uint32_t sent_u32(uint8_t code)
{
    uint32_t value = 0;

    (void)dhcp_msg_u32(&sent, code, &value);
    return value;
}

/* To the client's next deadline. Returns how long that was. */
static UNUSED uint64_t to_deadline(void)
{
    uint64_t at = dhcp_client_poll_at(&client), was = now;

    assert_true(at != NS_NEVER);
    assert_true(at > now);
    now = at;
    return now - was;
}

/* The next retransmissions are `seconds` apart, each one second more or less. */
static UNUSED void expect_backoff(enum dhcp_type type, const unsigned *seconds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t waited = to_deadline();

        assert_in_range(waited, S(seconds[i] - 1), S(seconds[i] + 1));
        expect_send(type);
    }
}

/* ---- the server ------------------------------------------------------------------------------ */

static uint8_t in[DHCP_BYTES_MAX + 16];
static size_t in_len;

#define reply_set(field, value) dhcp_hdr_set_##field(cs_of(in, sizeof(in)), value)

/* One more option; one that is there already is replaced. */
static UNUSED void reply_opt(uint8_t code, const void *data, size_t n)
{
    size_t off = DHCP_OPTIONS_OFF;

    while (off < in_len && in[off] != code)
        off += 2u + in[off + 1];
    if (off < in_len) {
        size_t old = 2u + in[off + 1];

        memmove(in + off, in + off + old, in_len - off - old);
        in_len -= old;
    }
    in[in_len++] = code;
    in[in_len++] = (uint8_t)n;
    memcpy(in + in_len, data, n);
    in_len += n;
}

/* Takes an option away. */
static UNUSED void reply_without(uint8_t code)
{
    reply_opt(code, "", 0);
    in_len -= 2;
}

static UNUSED void reply_u32(uint8_t code, uint32_t value)
{
    uint8_t bytes[4];

    cs_set_be32(cs_of(bytes, 4), 0, value);
    reply_opt(code, bytes, 4);
}

/* Without options but the type. */
static UNUSED void reply_bare(uint8_t type, uint32_t yiaddr)
{
    struct cs buf = cs_of(in, sizeof(in));

    memset(in, 0, sizeof(in));
    reply_set(op, BOOTREPLY);
    reply_set(htype, 1);
    reply_set(hlen, 6);
    reply_set(xid, client.xid);
    reply_set(yiaddr, yiaddr);
    memcpy(in + dhcp_hdr_chaddr_OFF, mac, sizeof(mac));
    cs_set_be32(buf, dhcp_hdr_SIZE, DHCP_COOKIE);
    in_len = DHCP_OPTIONS_OFF;
    reply_opt(DHCP_OPT_TYPE, &type, 1);
}

static UNUSED void reply(enum dhcp_type type, uint32_t yiaddr)
{
    reply_bare((uint8_t)type, yiaddr);
    reply_u32(DHCP_OPT_SERVER_ID, SERVER);
    if (type == DHCPNAK)
        return;
    reply_u32(DHCP_OPT_SUBNET_MASK, 0xffffff00);
    reply_u32(DHCP_OPT_LEASE_TIME, LEASE);
}

/* Gives the bytes as they are, in a heap block of exactly their size. */
static UNUSED enum dhcp_client_answer give_raw(void)
{
    uint8_t *copy = malloc(in_len != 0 ? in_len : 1);
    enum dhcp_client_answer answer;

    assert_non_null(copy);
    memcpy(copy, in, in_len);
    answer = dhcp_client_input(&client, cs_ro_of(copy, in_len), now);
    free(copy);
    return answer;
}

static UNUSED void give(enum dhcp_client_answer wanted)
{
    in[in_len++] = DHCP_OPT_END;
    assert_string_equal(dhcp_client_answer_name(give_raw()), dhcp_client_answer_name(wanted));
}

#define EXPECT_ANSWER(name) give(DHCP_CLIENT_ANSWER_##name)

/* ---- whole ways ------------------------------------------------------------------------------ */

static UNUSED void to_requesting(void)
{
    expect_send(DHCPDISCOVER);
    reply(DHCPOFFER, ADDR);
    EXPECT_ANSWER(offer_taken);
    expect_send(DHCPREQUEST);
    expect_state(DHCP_CLIENT_REQUESTING);
}

static UNUSED void to_probing(void)
{
    to_requesting();
    reply(DHCPACK, ADDR);
    EXPECT_ANSWER(acknowledged);
    assert_int_equal(next(), DHCP_CLIENT_PROBE);
    assert_int_equal(step.addr, ADDR);
}

static UNUSED void to_bound(void)
{
    to_probing();
    dhcp_client_probed(&client, false, now);
    assert_int_equal(next(), DHCP_CLIENT_USE);
    expect_wait();
    expect_state(DHCP_CLIENT_BOUND);
}

static UNUSED void to_renewing(void)
{
    to_bound();
    now = client.t1_at;
    expect_send(DHCPREQUEST);
    expect_state(DHCP_CLIENT_RENEWING);
}

static UNUSED void to_rebinding(void)
{
    to_renewing();
    now = client.t2_at;
    expect_send(DHCPREQUEST);
    expect_state(DHCP_CLIENT_REBINDING);
}

#endif
