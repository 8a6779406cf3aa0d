/* SPDX-License-Identifier: ISC */
/* test_pkt_csum.c - packets: the checksum and its state, super-segments. */
#include "pkttest.h"

/* ---- the checksum ---------------------------------------------------------------------------- */

static void test_cksum_over_fragments_of_odd_length(void **state)
{
    struct pkt *pkt = PKT(3, "abc", "d", "efghi", "jklmnop");

    (void)state;
    for (uint32_t off = 0; off <= 16; off++) {
        for (uint32_t n = 0; n <= 16 - off; n++) {
            struct cs_ro flat = cs_ro_of(&"abcdefghijklmnop"[off], n);

            assert_int_equal(cksum_finish(pkt_cksum(pkt, off, n, 0xabcd)),
                             cksum_finish(cksum_partial(flat, 0xabcd)));
        }
    }
    expect_assert_failure(pkt_cksum(pkt, 10, 7, 0));
    expect_assert_failure(pkt_cksum(pkt, UINT32_MAX, 2, 0));
    pkt_put(pkt);
}

/* A blank checksum holds the pseudo-header's sum; completing it makes the whole verify
 * (io/netif.h). At each cut of the packet, one of which parts the field itself. */
static void test_complete_blank_checksum(void **state)
{
    const char udp[13] = "HH\0\x35\x04\0\0\x0c\0\0abc";
    uint32_t pseudo = cksum_pseudo4(0x0a000001, 0x0a000002, 17, 11);

    (void)state;
    for (size_t cut = 1; cut < sizeof(udp); cut++) {
        struct pkt *pkt = pkt_get(&pool);
        char got[13];

        assert_int_equal(pkt_append_copy(pkt, cs_ro_of(udp, cut)), 0);
        assert_int_equal(
            pkt_append_take(pkt, page_get(&page_pool), 5, (uint32_t)(sizeof(udp) - cut)), 0);
        memcpy(pkt->frag[1].page->base + 5, udp + cut, sizeof(udp) - cut);
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = 2;
        pkt->csum_off = 6;
        assert_true(pkt_read(pkt, 0, cs_of(got, sizeof(got))));
        cs_set_be16(cs_of(got, sizeof(got)), 8, (uint16_t)~cksum_finish(pseudo));
        for (size_t i = 8; i < 10; i++) {
            unsigned f = i >= cut;
            pkt->frag[f].page->base[pkt->frag[f].off + i - (f ? cut : 0)] = (uint8_t)got[i];
        }
        assert_int_equal(pkt_csum_complete(pkt), 0);
        assert_int_equal(pkt->csum, PKT_CSUM_UNKNOWN);
        assert_int_equal(cksum_finish(pkt_cksum(pkt, 2, 11, pseudo)), 0);
        assert_true(pkt_read(pkt, 0, cs_of(got, 2)));
        assert_memory_equal(got, "HH", 2); /* what is before csum_start does not count */
        pkt_put(pkt);
    }
}

static void test_complete_never_stores_zero(void **state)
{
    struct pkt *pkt = PKT(0, "\xff\xff");
    uint8_t got[2];

    (void)state;
    pkt->csum = PKT_CSUM_BLANK;
    assert_int_equal(pkt_csum_complete(pkt), 0);
    assert_true(pkt_read(pkt, 0, cs_of(got, 2)));
    assert_memory_equal(got, "\xff\xff", 2); /* in UDP, 0 means that there is none (RFC 768) */
    pkt_put(pkt);
}

static void test_complete_outside_the_packet_is_refused(void **state)
{
    struct pkt *pkt = PKT(0, "abcd");

    (void)state;
    for (unsigned start = 0; start <= 6; start++) {
        for (unsigned off = 0; off <= 6; off++) {
            pkt->csum = PKT_CSUM_BLANK;
            pkt->csum_start = (uint16_t)start;
            pkt->csum_off = (uint16_t)off;
            assert_int_equal(pkt_csum_complete(pkt), start + off + 2 <= 4 ? 0 : -E_INVAL);
        }
    }
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = pkt->csum_off = UINT16_MAX;
    assert_int_equal(pkt_csum_complete(pkt), -E_INVAL);
    pkt->csum = PKT_CSUM_VALIDATED;
    assert_int_equal(pkt_csum_complete(pkt), 0); /* nothing to do */
    assert_int_equal(pkt->csum, PKT_CSUM_VALIDATED);
    pkt_put(pkt);
}

static void test_csum_start_moves_with_the_front(void **state)
{
    struct pkt *pkt = PKT(20, "0123456789");
    struct cs front;

    (void)state;
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 4;
    assert_int_equal(pkt_push(pkt, 3, &front), 0);
    assert_int_equal(pkt->csum_start, 7);
    pkt_pull(pkt, 5);
    assert_int_equal(pkt->csum_start, 2);
    pkt_pull(pkt, 2);
    assert_int_equal(pkt->csum_start, 0);
    assert_int_equal(pkt->csum, PKT_CSUM_BLANK);
    pkt_pull(pkt, 1); /* the transport header is going: nothing is left to complete */
    assert_int_equal(pkt->csum, PKT_CSUM_VALIDATED);
    pkt_put(pkt);
}

/* ---- super-segments -------------------------------------------------------------------------- */

/* Ethernet, IPv4 of `ip` bytes, TCP of `tcp` bytes, then payload. */
static struct pkt *super_segment(uint32_t ip, uint32_t tcp, uint32_t first, uint32_t more)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, first);
    struct cs bytes = pkt_frag_rw(pkt, 0);

    memset(bytes.base, 0, bytes.len);
    if (first >= 14 + ip + 13)
        cs_set_u8(bytes, 14 + ip + 12, (uint8_t)(tcp / 4 << 4));
    if (more != 0)
        assert_int_equal(pkt_append_take(pkt, page_get(&page_pool), 0, more), 0);
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = (uint16_t)(14 + ip);
    pkt->csum_off = 16;
    pkt->gso_size = 1448;
    return pkt;
}

static void test_a_share_is_no_super_segment_until_it_is_told(void **state)
{
    struct pkt *pkt = super_segment(20, 32, 66, 3000), *second = pkt_share(pkt, 0, pkt->len);

    (void)state;
    assert_int_equal(second->gso_size, 0);
    assert_int_equal(second->csum, PKT_CSUM_UNKNOWN);
    pkt_copy_meta(second, pkt);
    assert_int_equal(second->gso_size, 1448);
    assert_int_equal(second->csum, PKT_CSUM_BLANK);
    assert_int_equal(second->csum_start, 34);
    assert_int_equal(second->csum_off, 16);
    pkt_put(second);
    pkt_put(pkt);
}

static void test_headers_of_a_super_segment(void **state)
{
    static const struct {
        uint32_t ip, tcp, first, more, want;
    } cases[] = {
        {20, 20, 54, 3000, 54}, {20, 32, 66, 3000, 66}, {60, 60, 134, 3000, 134},
        {20, 32, 3066, 0, 66},  {20, 32, 65, 3000, 0}, /* options beyond the first fragment */
        {20, 20, 53, 3000, 0},  {20, 16, 54, 3000, 0}, /* shorter than any TCP header */
        {20, 60, 93, 3000, 0},  {20, 60, 94, 3000, 94}, {16, 20, 54, 3000, 0},
        {20, 0, 54, 3000, 0},   {20, 20, 34, 3000, 0},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pkt *pkt = super_segment(cases[i].ip, cases[i].tcp, cases[i].first, cases[i].more);

        assert_int_equal(pkt_gso_headers(pkt), cases[i].want);
        pkt->csum = PKT_CSUM_UNKNOWN;
        assert_int_equal(pkt_gso_headers(pkt), 0);
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_off = 6; /* UDP's */
        assert_int_equal(pkt_gso_headers(pkt), 0);
        pkt_put(pkt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_cksum_over_fragments_of_odd_length),
        T(test_complete_blank_checksum),
        T(test_complete_never_stores_zero),
        T(test_complete_outside_the_packet_is_refused),
        T(test_csum_start_moves_with_the_front),
        T(test_a_share_is_no_super_segment_until_it_is_told),
        T(test_headers_of_a_super_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
