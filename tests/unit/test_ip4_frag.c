/* SPDX-License-Identifier: ISC */
/* test_ip4_frag.c - reassembly (RFC 791 section 3.2, RFC 815, RFC 1122 section 3.3.2): every
 * order, every overlap, every bound. */
#include <stdlib.h>
#include <string.h>

#include "netrig.h"
#include "support.h"

static struct udp_sock sock;
static uint8_t payload[65536], datagram[65536], frame[65536];

static struct netrig *new_rig(uint32_t frags_max, uint32_t frag_bytes_max)
{
    struct netrig *rig = netrig_blank();
    struct udp_conf conf = {.port = 7, .broadcast = true};

    rig->conf.frags_max = frags_max;
    rig->conf.frag_bytes_max = frag_bytes_max;
    netrig_start(rig);
    netrig_add_us(rig);
    netrig_pass(rig, 3 * NS_PER_S);
    netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_clear(rig);
    assert_int_equal(udp_open(&sock, &rig->nif, &conf), 0);
    return rig;
}

static void free_rig(struct netrig *rig)
{
    udp_close(&sock);
    netrig_free(rig);
}

static size_t make_datagram(size_t n)
{
    for (size_t i = 0; i < n; i++)
        payload[i] = (uint8_t)(i * 13 + i / 251);
    return netrig_udp_bytes(datagram, NETRIG_PEER, NETRIG_US, 99, 7, payload, n);
}

static void fragment(struct netrig *rig, uint16_t id, size_t off, size_t len, bool more)
{
    struct netrig_ip ip = {
        .id = id, .protocol = 17, .flags_off = (uint16_t)(off / 8 | (more ? 0x2000 : 0))};

    netrig_input(rig, frame, netrig_ip(frame, &ip, datagram + off, len));
}

/* Takes one datagram and checks it; false where there is none. */
static bool received(size_t n)
{
    static uint8_t got[65536];
    struct udp_meta meta;
    struct pkt *pkt;

    if (udp_recv(&sock, &meta, &pkt) != 0)
        return false;
    assert_int_equal(pkt->len, n);
    assert_true(pkt_read(pkt, 0, cs_of(got, n)));
    assert_memory_equal(got, payload, n);
    assert_int_equal(meta.src_port, 99);
    assert_int_equal(meta.src, NETRIG_PEER);
    pkt_put(pkt);
    return true;
}

/* All orders of n things, by Heap's method. */
static bool next_order(unsigned *order, unsigned *count, unsigned n, unsigned *i)
{
    while (*i < n) {
        if (count[*i] < *i) {
            unsigned a = *i % 2 == 0 ? 0 : count[*i], swap = order[a];

            order[a] = order[*i];
            order[*i] = swap;
            count[*i]++;
            *i = 0;
            return true;
        }
        count[*i] = 0;
        (*i)++;
    }
    return false;
}

static void check_orders(struct netrig *rig, unsigned n, size_t size)
{
    unsigned order[8], count[8] = {0}, i = 0;
    size_t total = make_datagram(size), step = (total / n + 8) / 8 * 8;
    static uint16_t id;

    for (unsigned k = 0; k < n; k++)
        order[k] = k;
    do {
        id++;
        for (unsigned k = 0; k < n; k++) {
            size_t off = order[k] * step;

            fragment(rig, id, off, size_min(step, total - off), order[k] + 1 < n);
            assert_int_equal(received(size), k + 1 == n);
        }
        assert_int_equal(rig->nif.frag_pages, 0);
    } while (next_order(order, count, n, &i));
}

static void test_every_order_of_up_to_six_fragments(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);

    (void)state;
    for (unsigned n = 2; n <= 6; n++) {
        check_orders(rig, n, 300);
        check_orders(rig, n, 301);
        check_orders(rig, n, 1400 * n - 100);
    }
    assert_int_equal(rig->pool.stats.copied_bytes, 0); /* fragments are joined as views */
    free_rig(rig);
}

static void test_one_fragment_is_never_a_datagram(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);

    (void)state;
    make_datagram(3000);
    fragment(rig, 1, 0, 1480, true);
    fragment(rig, 2, 1480, 1480, false);
    assert_false(received(3000));
    free_rig(rig);
}

static void test_large_datagrams_in_any_order(void **state)
{
    static const size_t sizes[] = {20000, 26000, 27000, 60000, 65507};
    uint64_t seed = test_seed(1);
    struct netrig *rig = new_rig(8, 1 << 20);

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
        for (int round = 0; round < 20; round++) {
            size_t total = make_datagram(sizes[s]);
            unsigned n = (unsigned)((total + 1479) / 1480), order[64];

            for (unsigned k = 0; k < n; k++)
                order[k] = round == 0 ? k : round == 1 ? n - 1 - k : k;
            for (unsigned k = n; round > 1 && k-- > 1;) {
                unsigned j = test_random_below(&seed, k + 1), swap = order[k];

                order[k] = order[j];
                order[j] = swap;
            }
            for (unsigned k = 0; k < n; k++) {
                size_t off = order[k] * 1480u;

                assert_false(received(sizes[s]));
                fragment(rig, (uint16_t)round, off, size_min(1480, total - off), order[k] + 1 < n);
            }
            assert_true(received(sizes[s]));
        }
    assert_int_equal(rig->nif.frag_pages, 0);
    free_rig(rig);
}

/* Linux: ping -s 60000. */
static void test_a_ping_of_60000_bytes_is_answered_whole(void **state)
{
    struct netrig *rig = new_rig(8, 128 * PAGE_BYTES);
    size_t total = 8 + 60000, next = 0;

    (void)state;
    for (size_t i = 0; i < 60000; i++)
        datagram[8 + i] = (uint8_t)(i * 3);
    memset(datagram, 0, 8);
    datagram[0] = 8;
    netrig_put16(datagram + 2, netrig_checksum(datagram, total, 0));
    for (size_t off = 0; off < total; off += 1480) {
        struct netrig_ip ip = {.id = 5,
                               .protocol = 1,
                               .flags_off =
                                   (uint16_t)(off / 8 | (off + 1480 < total ? 0x2000 : 0))};

        netrig_input(rig, frame,
                     netrig_ip(frame, &ip, datagram + off, size_min(1480, total - off)));
    }
    assert_int_equal(rig->sent_count, 41);
    for (unsigned i = 0; i < 41; i++) {
        size_t len;
        const uint8_t *part = netrig_check_ip(&rig->sent[i], 1, NETRIG_US, NETRIG_PEER, &len);

        memcpy(frame + next, part, len);
        next += len;
    }
    assert_int_equal(next, total);
    assert_int_equal(frame[0], 0);
    assert_int_equal(netrig_checksum(frame, total, 0), 0);
    assert_memory_equal(frame + 4, datagram + 4, total - 4);
    free_rig(rig);
}

/* ---- overlap: teardrop (CVE-1999-0015), RFC 1858, RFC 5722 ---- */

static void check_overlap(uint32_t lead, size_t off, size_t len, bool more)
{
    struct netrig *rig = new_rig(8, 1 << 20);
    size_t total = make_datagram(40000);
    uint64_t before;

    /* `lead` full fragments first, so that both ways of holding are met; then another with other
     * bytes over them */
    for (uint32_t i = 0; i < lead; i++)
        fragment(rig, 1, i * 1480u, 1480, true);
    for (size_t i = 0; i < total; i++)
        datagram[i] ^= 0x55;
    before = rig->nif.stats.frag_overlap;
    fragment(rig, 1, off, len, more);
    assert_int_equal(rig->nif.stats.frag_overlap, before + 1);
    assert_int_equal(rig->nif.frag_pages, 0); /* given up at once, whole */
    make_datagram(40000);
    for (size_t at = 0; at < total; at += 1480)
        fragment(rig, 1, at, size_min(1480, total - at), at + 1480 < total);
    assert_false(received(40000)); /* its late fragments are swallowed */
    for (size_t at = 0; at < total; at += 1480)
        fragment(rig, 2, at, size_min(1480, total - at), at + 1480 < total);
    assert_true(received(40000)); /* another is not harmed */
    free_rig(rig);
}

static void test_overlap_discards_the_datagram(void **state)
{
    static const uint32_t leads[] = {2, 20};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(leads); i++) {
        check_overlap(leads[i], 0, 1480, true);    /* the same place, other bytes */
        check_overlap(leads[i], 0, 8, true);       /* inside, at the start */
        check_overlap(leads[i], 24, 36, false);    /* teardrop */
        check_overlap(leads[i], 1472, 8, true);    /* its last unit */
        check_overlap(leads[i], 1472, 800, true);  /* across two */
        check_overlap(leads[i], 1480, 1472, true); /* shorter */
        check_overlap(leads[i], 8, 1400, false);   /* an end before the end */
        check_overlap(leads[i], leads[i] * 1480u - 8, 1480, true);
    }
}

static void test_two_ends_contradict(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);

    (void)state;
    make_datagram(10000);
    fragment(rig, 1, 4000, 100, false);
    fragment(rig, 1, 8000, 100, false);
    fragment(rig, 2, 4000, 100, false);
    fragment(rig, 2, 8000, 80, true);
    fragment(rig, 3, 8000, 80, true);
    fragment(rig, 3, 4000, 100, false);
    fragment(rig, 4, 4000, 104, false);
    fragment(rig, 4, 3992, 112, true); /* up to the end, and more to come */
    assert_int_equal(rig->nif.stats.frag_overlap, 4);
    assert_int_equal(rig->nif.frag_pages, 0);
    free_rig(rig);
}

static void test_the_same_fragment_twice_is_harmless(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);
    static const size_t sizes[] = {5000, 60000};

    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        size_t total = make_datagram(sizes[s]);

        for (size_t at = 0; at < total; at += 1480) {
            fragment(rig, 1, at, size_min(1480, total - at), at + 1480 < total);
            if (at + 1480 < total)
                fragment(rig, 1, at, 1480, true);
        }
        assert_true(received(sizes[s]));
        assert_false(received(sizes[s]));
    }
    assert_int_equal(rig->nif.stats.frag_duplicate, 3 + 40);
    assert_int_equal(rig->nif.stats.frag_overlap, 0);
    free_rig(rig);
}

/* ---- too long: ping of death (CVE-1999-0128) ---- */

static void test_nothing_reaches_beyond_65535(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);
    struct netrig_ip ip = {.id = 9, .protocol = 1};
    static const uint8_t options[40] = {1};

    (void)state;
    for (uint32_t off = 65520; off >= 64000; off -= 8)
        for (uint32_t len = 1; len < 1480; len += 97) {
            uint64_t before = rig->nif.stats.frag_too_long;

            ip.id++;
            ip.flags_off = (uint16_t)(off / 8);
            netrig_input(rig, frame, netrig_ip(frame, &ip, payload, len));
            assert_int_equal(rig->nif.stats.frag_too_long - before, off + len + 20 > 65535);
        }
    /* The first fragment's header is 60 bytes: what others said with 20 is too long now, in
     * either order. */
    for (int order = 0; order < 2; order++) {
        uint64_t before = rig->nif.stats.frag_too_long;

        ip.id = (uint16_t)(order + 1);
        for (int k = 0; k < 2; k++) {
            bool first = k == order;

            ip.flags_off = first ? 0x2000 : 65480 / 8;
            ip.options = options;
            ip.options_len = first ? 40 : 0;
            netrig_input(rig, frame, netrig_ip(frame, &ip, payload, first ? 800 : 35));
        }
        assert_int_equal(rig->nif.stats.frag_too_long, before + 1);
    }
    free_rig(rig);
}

static void test_the_longest_datagram_of_all(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);
    size_t total = make_datagram(65507);

    (void)state;
    for (size_t at = 0; at < total; at += 8 * 91)
        fragment(rig, 1, at, size_min(8 * 91, total - at), at + 8 * 91 < total);
    assert_true(received(65507));
    free_rig(rig);
}

static void test_empty_and_uneven_fragments_are_dropped(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);

    (void)state;
    make_datagram(3000);
    fragment(rig, 1, 0, 0, true);
    fragment(rig, 1, 800, 0, false);
    for (size_t len = 1; len < 8; len++)
        fragment(rig, 1, 0, 80 + len, true);
    assert_int_equal(rig->nif.stats.frag_malformed, 9);
    assert_int_equal(rig->nif.frag_ages.oldest, 0);
    free_rig(rig);
}

/* ---- bounds ---- */

static void test_thirty_seconds(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);
    size_t len;
    const uint8_t *icmp;

    (void)state;
    make_datagram(3000);
    fragment(rig, 1, 0, 1480, true);
    fragment(rig, 2, 1480, 1480, true); /* its first fragment is not here: nobody is told */
    netrig_pass(rig, 29 * NS_PER_S);
    assert_int_equal(rig->nif.stats.frag_timeout, 0);
    netrig_pass(rig, 2 * NS_PER_S);
    assert_int_equal(rig->nif.stats.frag_timeout, 2);
    assert_int_equal(rig->sent_count, 1);
    icmp = netrig_check_ip(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, &len);
    assert_int_equal(netrig_get16(icmp), 0x0b01);
    assert_int_equal(netrig_checksum(icmp, len, 0), 0);
    assert_int_equal(netrig_get16(icmp + 8 + 20), 99);
    assert_int_equal(netif_poll_at(&rig->nif), NS_NEVER);
    fragment(rig, 1, 1480, 1480, false);
    assert_false(received(3000));
    /* The same of a datagram that was placed. */
    make_datagram(60000);
    for (size_t at = 0; at < 40 * 1480; at += 1480)
        fragment(rig, 3, at, 1480, true);
    netrig_peer_answers(rig, NETRIG_PEER, NETRIG_PEER_MAC);
    netrig_clear(rig);
    netrig_pass(rig, 31 * NS_PER_S);
    assert_int_equal(rig->sent_count, 1);
    icmp = netrig_check_ip(netrig_last(rig), 1, NETRIG_US, NETRIG_PEER, &len);
    assert_int_equal(len, 8 + 20 + 8);
    assert_int_equal(netrig_get16(icmp + 8 + 4), 3);
    assert_int_equal(netrig_get16(icmp + 8 + 20), 99);
    assert_int_equal(rig->pages.free_count, rig->pages.total);
    free_rig(rig);
}

static void test_a_flood_of_fragments_holds_bounded_memory(void **state)
{
    const uint32_t bytes_max = 40 * PAGE_BYTES;
    uint64_t seed = test_seed(2);
    struct netrig *rig = new_rig(64, bytes_max);
    uint32_t least = rig->pages.free_count;

    (void)state;
    make_datagram(60000);
    for (int i = 0; i < 50000; i++) {
        uint32_t off = test_random_below(&seed, 40) * 1480,
                 len = 8 * (1 + test_random_below(&seed, 185));

        fragment(rig, (uint16_t)test_random(&seed), off, len, true);
        least = u32_min(least, rig->pages.free_count);
        assert_true(rig->nif.frag_pages * PAGE_BYTES <= bytes_max);
    }
    assert_true(rig->pages.total - least <= bytes_max / PAGE_BYTES + 1);
    assert_true(rig->nif.stats.frag_limit > 0);
    /* The last word has who goes on sending: a whole datagram still gets through. */
    for (size_t at = 0; at < 60008; at += 1480)
        fragment(rig, 1, at, size_min(1480, 60008 - at), at + 1480 < 60008);
    assert_true(received(60000));
    netrig_pass(rig, 31 * NS_PER_S);
    assert_int_equal(rig->pages.free_count, rig->pages.total);
    free_rig(rig);
}

/* FragmentSmack (CVE-2018-5391): many small fragments of one datagram, never whole. Counted, not
 * timed: a fragment looks at 18 others at most, or at its own bits, so what can grow is what it
 * holds. */
static void test_many_small_fragments_hold_bounded_memory(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);

    (void)state;
    make_datagram(65000);
    for (uint32_t off = 0; off < 64000; off += 16)
        fragment(rig, 1, off, 8, true);
    assert_true(rig->pages.total - rig->pages.free_count <= IP4_FRAG_PAGES);
    assert_int_equal(rig->pool.free_count, rig->pool.total);
    for (uint32_t off = 8; off < 64000; off += 16)
        fragment(rig, 1, off, 8, true);
    fragment(rig, 1, 64000, 1008, false);
    assert_true(received(65000));
    free_rig(rig);
}

static void test_no_storage_means_no_reassembly(void **state)
{
    struct netrig *rig = new_rig(0, 0);

    (void)state;
    make_datagram(3000);
    fragment(rig, 1, 0, 1480, true);
    assert_int_equal(rig->nif.stats.frag_limit, 1);
    free_rig(rig);
}

static void test_fragments_of_different_senders_ids_and_protocols_do_not_mix(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);
    size_t total = make_datagram(2000);
    struct netrig_ip ip = {.id = 7, .protocol = 17, .flags_off = 1480 / 8};

    (void)state;
    fragment(rig, 7, 0, 1480, true);
    ip.src = IP4_ADDR(10, 0, 0, 3);
    netrig_input(rig, frame, netrig_ip(frame, &ip, datagram + 1480, total - 1480));
    ip.src = 0;
    ip.protocol = 6;
    netrig_input(rig, frame, netrig_ip(frame, &ip, datagram + 1480, total - 1480));
    fragment(rig, 8, 1480, total - 1480, false);
    assert_false(received(2000));
    fragment(rig, 7, 1480, total - 1480, false);
    assert_true(received(2000));
    free_rig(rig);
}

static void test_a_wrong_checksum_over_the_whole_is_noticed(void **state)
{
    struct netrig *rig = new_rig(8, 1 << 20);
    size_t total = make_datagram(2900);
    struct netrig_ip ip = {.id = 1, .protocol = 17, .flags_off = 0x2000};

    (void)state;
    datagram[2000] ^= 1;
    /* Even where a device vouches for each fragment: it cannot have seen the whole. */
    netrig_input_csum(rig, frame, netrig_ip(frame, &ip, datagram, 1480), PKT_CSUM_VALIDATED);
    ip.flags_off = 1480 / 8;
    netrig_input_csum(rig, frame, netrig_ip(frame, &ip, datagram + 1480, total - 1480),
                      PKT_CSUM_VALIDATED);
    assert_false(received(2900));
    assert_int_equal(rig->nif.stats.udp_checksum, 1);
    free_rig(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_of_up_to_six_fragments),
        cmocka_unit_test(test_one_fragment_is_never_a_datagram),
        cmocka_unit_test(test_large_datagrams_in_any_order),
        cmocka_unit_test(test_a_ping_of_60000_bytes_is_answered_whole),
        cmocka_unit_test(test_overlap_discards_the_datagram),
        cmocka_unit_test(test_two_ends_contradict),
        cmocka_unit_test(test_the_same_fragment_twice_is_harmless),
        cmocka_unit_test(test_nothing_reaches_beyond_65535),
        cmocka_unit_test(test_the_longest_datagram_of_all),
        cmocka_unit_test(test_empty_and_uneven_fragments_are_dropped),
        cmocka_unit_test(test_thirty_seconds),
        cmocka_unit_test(test_a_flood_of_fragments_holds_bounded_memory),
        cmocka_unit_test(test_many_small_fragments_hold_bounded_memory),
        cmocka_unit_test(test_no_storage_means_no_reassembly),
        cmocka_unit_test(test_fragments_of_different_senders_ids_and_protocols_do_not_mix),
        cmocka_unit_test(test_a_wrong_checksum_over_the_whole_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
