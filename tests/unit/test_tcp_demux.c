/* SPDX-License-Identifier: ISC */
/* test_tcp_demux.c - whose is a segment: the table of ends. */
#include <stdlib.h>

#include "tcpwire.h"
#include "tcpip/tcp_priv.h"

enum { LINKS = 10000 };

static struct tcp_key key_of(uint32_t i)
{
    /* As one peer might choose them: nothing changes but what it can change. */
    return (struct tcp_key){NETRIG_US, NETRIG_PEER + i / 5000, 80, (uint16_t)(1 + i % 5000)};
}

static uint32_t depth(const struct tcp *tcp, uint32_t bucket)
{
    uint32_t n = 0;

    for (const struct tcp_link *link = tcp->buckets[bucket]; link != NULL; link = link->next)
        n++;
    return n;
}

static void test_each_is_found_by_its_own_ends_only(void **state)
{
    struct tcp_link *links = calloc(LINKS, sizeof(*links));
    struct tcpwire w;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.conns_max = LINKS;
    tcpwire_start(&w);
    for (uint32_t i = 0; i < LINKS; i++) {
        links[i].key = key_of(i);
        tcp_demux_add(&w.tcp, &links[i]);
    }
    for (uint32_t i = 0; i < LINKS; i++) {
        struct tcp_key key = key_of(i);

        assert_ptr_equal(tcp_demux_find(&w.tcp, &key), &links[i]);
        key.src_port++;
        assert_null(tcp_demux_find(&w.tcp, &key));
        key.src_port--;
        key.src++;
        assert_null(tcp_demux_find(&w.tcp, &key));
    }
    for (uint32_t i = 0; i < LINKS; i += 2)
        tcp_demux_remove(&w.tcp, &links[i]);
    for (uint32_t i = 0; i < LINKS; i++) {
        struct tcp_key key = key_of(i);

        assert_ptr_equal(tcp_demux_find(&w.tcp, &key), i % 2 == 0 ? NULL : &links[i]);
    }
    tcpwire_close(&w);
    free(links);
}

/* In a table where everybody meets everybody. */
static void test_every_bit_of_the_ends_counts(void **state)
{
    struct tcp_link links[48] = {0};
    struct tcpwire w;

    (void)state;
    tcpwire_blank(&w, &tcp_tuning_default);
    w.conf.conns_max = w.conf.syns_max = w.conf.time_waits_max = 1;
    tcpwire_start(&w);
    assert_int_equal(w.tcp.bucket_mask, 15);
    for (uint32_t i = 0; i < ARRAY_SIZE(links); i++) {
        links[i].key = (struct tcp_key){i << 16, i << 16, (uint16_t)(i << 8), (uint16_t)(i << 8)};
        tcp_demux_add(&w.tcp, &links[i]);
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(links); i++)
        for (unsigned bit = 0; bit < 96; bit++) {
            struct tcp_key key = links[i].key;

            key.src ^= bit < 32 ? UINT32_C(1) << bit : 0;
            key.dst ^= bit >= 32 && bit < 64 ? UINT32_C(1) << (bit - 32) : 0;
            key.src_port ^= (uint16_t)(bit >= 64 && bit < 80 ? 1u << (bit - 64) : 0);
            key.dst_port ^= (uint16_t)(bit >= 80 ? 1u << (bit - 80) : 0);
            assert_null(tcp_demux_find(&w.tcp, &key));
        }
    tcpwire_close(&w);
}

/* Whatever the peer chooses, whatever our key is: buckets stay short. */
static void test_no_bucket_grows_long(void **state)
{
    struct tcp_link *links = calloc(LINKS, sizeof(*links));

    (void)state;
    for (uint64_t secret = 0; secret < 20; secret++) {
        struct tcpwire w;
        uint32_t deepest = 0;

        tcpwire_blank(&w, &tcp_tuning_default);
        w.conf.conns_max = LINKS;
        w.conf.syns_max = w.conf.time_waits_max = 1;
        w.conf.key[0] = secret;
        tcpwire_start(&w);
        for (uint32_t i = 0; i < LINKS; i++) {
            links[i].key = key_of(i);
            tcp_demux_add(&w.tcp, &links[i]);
        }
        for (uint32_t i = 0; i <= w.tcp.bucket_mask; i++)
            deepest = depth(&w.tcp, i) > deepest ? depth(&w.tcp, i) : deepest;
        assert_in_range(deepest, 1, 12);
        tcpwire_close(&w);
    }
    free(links);
}

/* Two stacks' tables are laid out differently. */
static void test_the_key_decides_which_meet(void **state)
{
    struct tcp_link links[64];
    uint64_t where[2] = {0, 0};

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct tcpwire w;

        tcpwire_blank(&w, &tcp_tuning_default);
        w.conf.key[1] = k;
        tcpwire_start(&w);
        for (uint32_t i = 0; i < 64; i++) {
            links[i].key = key_of(i);
            tcp_demux_add(&w.tcp, &links[i]);
        }
        for (uint32_t i = 0; i < 64; i++)
            where[k] |= (uint64_t)(depth(&w.tcp, i) != 0) << i;
        tcpwire_close(&w);
    }
    assert_true(where[0] != where[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_found_by_its_own_ends_only),
        cmocka_unit_test(test_every_bit_of_the_ends_counts),
        cmocka_unit_test(test_no_bucket_grows_long),
        cmocka_unit_test(test_the_key_decides_which_meet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
