/* SPDX-License-Identifier: ISC */
/* prop_tcp_wire.c - TCP headers and options: what is emitted is parsed to the same struct, and what
 * is parsed is emitted to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>
#include <morgana/tcp.h>

#include "tcpip/wire/tcp.h"

enum { ROUNDS = 100000 };

static uint64_t seed;

static void test_header(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t bytes[tcp_SIZE], out[tcp_SIZE];
        struct tcp_hdr hdr;

        for (size_t k = 0; k < sizeof(bytes); k++)
            bytes[k] = (uint8_t)test_random(&seed);
        bytes[12] &= 0xf1; /* three bits are reserved */
        if (!tcp_parse(&hdr, cs_ro_of(bytes, sizeof(bytes)), 60)) {
            assert_true(bytes[12] < 0x50);
            continue;
        }
        tcp_emit(cs_of(out, sizeof(out)), &hdr);
        assert_memory_equal(out, bytes, sizeof(out));
    }
}

static struct tcp_options random_options(bool syn)
{
    struct tcp_options o = {.mss = (uint16_t)test_random(&seed),
                            .wscale = (uint8_t)test_random(&seed),
                            .user_timeout = (uint16_t)test_random(&seed),
                            .ts_val = (uint32_t)test_random(&seed),
                            .ts_ecr = (uint32_t)test_random(&seed)};

    o.has = (uint8_t)(test_random(&seed) & (TCP_HAS_TS | TCP_HAS_USER_TIMEOUT));
    if (syn) {
        o.has |= (uint8_t)(test_random(&seed) & (TCP_HAS_MSS | TCP_HAS_WSCALE | TCP_HAS_SACK_OK));
        return o;
    }
    o.sack_count = (uint8_t)test_random_below(&seed, TCP_SACK_BLOCKS_MAX + 1);
    if (o.sack_count != 0)
        o.has |= TCP_HAS_SACK;
    for (unsigned i = 0; i < o.sack_count; i++)
        o.sack[i] =
            (struct tcp_sack_block){(uint32_t)test_random(&seed), (uint32_t)test_random(&seed)};
    return o;
}

static void compare(const struct tcp_options *got, const struct tcp_options *o, uint8_t has)
{
    assert_int_equal(got->has, has);
    if ((has & TCP_HAS_MSS) != 0)
        assert_int_equal(got->mss, o->mss);
    if ((has & TCP_HAS_WSCALE) != 0)
        assert_int_equal(got->wscale, o->wscale);
    if ((has & TCP_HAS_USER_TIMEOUT) != 0)
        assert_int_equal(got->user_timeout, o->user_timeout);
    if ((has & TCP_HAS_TS) != 0) {
        assert_int_equal(got->ts_val, o->ts_val);
        assert_int_equal(got->ts_ecr, o->ts_ecr);
    }
    assert_true(got->sack_count <= o->sack_count);
    assert_int_equal(got->sack_count != 0, (has & TCP_HAS_SACK) != 0);
    for (unsigned i = 0; i < got->sack_count; i++)
        assert_memory_equal(&got->sack[i], &o->sack[i], sizeof(o->sack[i]));
}

static void test_options(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        bool syn = test_random_below(&seed, 2) == 0;
        struct tcp_options o = random_options(syn), got;
        uint32_t room = test_random_below(&seed, 3) == 0 ? test_random_below(&seed, 41) : 40, len;
        uint8_t order = (uint8_t)test_random_below(&seed, TCP_ORDERS), bytes[TCP_OPTIONS_MAX];
        uint8_t *block;

        len = tcp_options_emit(cs_of(bytes, sizeof(bytes)), &o, syn, order, room);
        assert_true(len <= room && len % 4 == 0);
        block = malloc(len == 0 ? 1 : len);
        memcpy(block, bytes, len);
        assert_true(tcp_options_parse(&got, cs_ro_of(block, len), syn));
        free(block);
        if (syn && room == 40) {
            compare(&got, &o, o.has); /* all of a SYN's fit together */
        } else {
            assert_int_equal(got.has & ~o.has, 0);
            compare(&got, &o, got.has);
        }
        if (!syn && room == 40 && o.sack_count <= 2)
            assert_int_equal(got.sack_count, o.sack_count);
    }
}

/* Bytes that nobody would send: never past the end, and twice the same answer. */
static void test_noise(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = test_random_below(&seed, 41);
        uint8_t *block = malloc(n == 0 ? 1 : n);
        struct tcp_options a, b;
        bool syn = test_random_below(&seed, 2) == 0, ok;

        for (size_t k = 0; k < n; k++)
            block[k] =
                (uint8_t)test_random_below(&seed, test_random_below(&seed, 4) == 0 ? 256 : 11);
        memset(&a, 0, sizeof(a));
        memset(&b, 0, sizeof(b));
        ok = tcp_options_parse(&a, cs_ro_of(block, n), syn);
        assert_int_equal(tcp_options_parse(&b, cs_ro_of(block, n), syn), ok);
        assert_memory_equal(&a, &b, sizeof(a));
        assert_true(a.sack_count <= TCP_SACK_BLOCKS_MAX);
        assert_int_equal((a.has & TCP_HAS_SACK) != 0, a.sack_count != 0);
        free(block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_noise),
    };

    seed = test_seed(0x746370);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
