/* SPDX-License-Identifier: ISC */
/* test_sim_netback_gso.c - how the simulated netback cuts a super-segment. */
#include "support.h"

#include <cmocka.h>

#include "platform/sim/netback.h"

#include <morgana/cksum.h>

static uint8_t frame[65536], seen[65536];

/* A super-segment of TCP of `n` bytes, with every flag, in `frame`. */
static uint32_t super_segment(uint32_t n)
{
    struct cs f = cs_of(frame, 54 + n);
    cs_fill(cs_of(frame, 54), 0);
    cs_set_be16(f, 12, 0x0800);
    cs_set_be16(f, 14, 0x4500);
    cs_set_be16(f, 16, (uint16_t)(40 + n));
    cs_set_be16(f, 18, 0xfffe); /* identification: wraps */
    cs_set_be16(f, 22, 0x4006);
    cs_set_be32(f, 26, 0x0a000001);
    cs_set_be32(f, 30, 0x0a000009);
    cs_set_be16(f, 24, cksum_finish(cksum_partial(cs_ro_of(frame + 14, 20), 0)));
    cs_set_be32(f, 38, 0xfffffc00); /* sequence number: wraps */
    cs_set_be16(f, 46, 0x50ff);
    uint32_t sum = cksum_pseudo4(0x0a000001, 0x0a000009, 6, (uint16_t)(20 + n));
    cs_set_be16(f, 50, (uint16_t)~cksum_finish(sum));
    return 54 + n;
}

/* RFC 3168 section 6.1.2: CWR in the first segment only; FIN and PSH in the last. */
static void test_a_super_segment_is_cut_as_linux_cuts_it(void **state)
{
    (void)state;
    enum { MSS = 1000, N = 3500, FIN_PSH = 0x09, CWR = 0x80 };
    struct sim_meta meta = {.blank = true, .start = 34, .off = 16, .gso_size = MSS}, one;
    struct sim_gso cut;
    uint32_t len = super_segment(N), done = 0;
    assert_true(sim_gso_begin(&cut, frame, len, &meta));
    for (unsigned i = 0; (len = sim_gso_next(&cut, seen, &one)) != 0; i++) {
        uint32_t n = i < 3 ? MSS : N - 3 * MSS;
        struct cs_ro v = cs_ro_of(seen, len);
        assert_int_equal(len, 54 + n);
        assert_int_equal(one.gso_size, 0);
        assert_true(one.blank);
        assert_int_equal(cs_get_be16(v, 16), 40 + n);
        assert_int_equal(cs_get_be16(v, 18), (uint16_t)(0xfffe + i));
        assert_int_equal(cksum_finish(cksum_partial(cs_ro_of(seen + 14, 20), 0)), 0);
        assert_int_equal(cs_get_be32(v, 38), (uint32_t)(0xfffffc00 + done));
        assert_int_equal(seen[47] & FIN_PSH, i == 3 ? FIN_PSH : 0);
        assert_int_equal(seen[47] & CWR, i == 0 ? CWR : 0);
        sim_csum_complete(seen, len, &one);
        uint32_t sum = cksum_pseudo4(0x0a000001, 0x0a000009, 6, (uint16_t)(len - 34));
        assert_int_equal(cksum_finish(cksum_partial(cs_ro_of(seen + 34, len - 34), sum)), 0);
        assert_memory_equal(seen + 54, frame + 54 + done, n);
        done += n;
    }
    assert_int_equal(done, N);
}

static void test_what_is_no_super_segment_is_not_cut(void **state)
{
    (void)state;
    static const struct {
        uint8_t at, value;
    } wrong[] = {{12, 0x86}, {14, 0x44}, {14, 0x65}, {20, 0x20}, {21, 1}, {23, 17}, {46, 0x40}};
    struct sim_meta meta = {.blank = true, .start = 34, .off = 16, .gso_size = 500};
    struct sim_gso cut;
    uint32_t len = super_segment(2000);
    assert_true(sim_gso_begin(&cut, frame, len, &meta));
    assert_false(sim_gso_begin(&cut, frame, 54, &meta));
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        super_segment(2000);
        frame[wrong[i].at] = wrong[i].value;
        assert_false(sim_gso_begin(&cut, frame, len, &meta));
    }
    super_segment(2000);
    meta.blank = false;
    assert_false(sim_gso_begin(&cut, frame, len, &meta));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_super_segment_is_cut_as_linux_cuts_it),
        cmocka_unit_test(test_what_is_no_super_segment_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
