/* SPDX-License-Identifier: ISC */
/* test_emac_rx.c - the EMAC driver against a device made of C (emachw.h): receiving, and sleeping
 * until something comes. */
#include "support.h"

#include "boot/cubieboard/emac.c"
#include "boot/cubieboard/emac_phy.c"
#include "emachw.h"

/* ---- receiving ------------------------------------------------------------------------------ */

static void test_rx_every_length(void **state)
{
    (void)state;
    for (uint32_t n = NETDEV_ETH_BYTES; n <= EMAC_FRAME_MAX - CRC_BYTES; n++) {
        hw.first = hw.count = 0;
        hw.frames = 0;
        wire_frame(n, (uint8_t)n);
        expect_frame(n, (uint8_t)n);
        assert_int_equal(hw.count, 0);
    }
    assert_int_equal(dev->stats.rx_errors + dev->stats.rx_short, 0);
}

static void test_rx_oldest_first_and_no_more_than_asked(void **state)
{
    struct pkt *got[4];

    (void)state;
    for (uint8_t i = 0; i < 5; i++)
        wire_frame(60u + i, i);
    assert_int_equal(netdev_rx(dev, got, 3), 3);
    hw.frames = 2;
    for (uint8_t i = 0; i < 3; i++) {
        assert_true(is_frame(got[i], 60u + i, i));
        pkt_put(got[i]);
    }
    expect_frame(63, 3);
    hw.frames = 1;
    expect_frame(64, 4);
}

/* No page: the frame stays where it is, and is had when there is one. */
static void test_rx_waits_for_a_page(void **state)
{
    struct page *taken[PAGES];

    (void)state;
    for (unsigned i = 0; i < PAGES; i++)
        taken[i] = page_get(&pages);
    wire_frame(60, 9);
    expect_nothing();
    assert_int_equal(dev->stats.rx_no_buffer, 1);
    assert_int_equal(hw.read_words, 0);
    assert_false(netdev_arm(dev)); /* no use in looking again */
    for (unsigned i = 0; i < PAGES; i++)
        page_put(taken[i]);
    assert_true(netdev_arm(dev));
    expect_frame(60, 9);
}

static void test_rx_bad_status_is_passed_over(void **state)
{
    (void)state;
    wire_frame_saying(60, 1, EMAC_RX_MAGIC, 64 | 0x00100000u); /* CRC error */
    wire_frame(70, 2);
    expect_frame(70, 2);
    assert_int_equal(dev->stats.rx_errors, 1);
    assert_int_equal(emac.rx_resynced, 0);
}

static void test_rx_shorter_than_ethernet_is_passed_over(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < NETDEV_ETH_BYTES; n++)
        wire_frame(n, 1);
    wire_frame(70, 2);
    expect_frame(70, 2);
    assert_int_equal(dev->stats.rx_short, NETDEV_ETH_BYTES - 1);
}

/* What is no header: all that waits is thrown away, and the next frame is a first one again. */
static void check_resync(uint32_t magic, uint32_t header)
{
    uint64_t errors = dev->stats.rx_errors;

    wire_frame_saying(60, 1, magic, header);
    wire_frame(70, 2);
    expect_nothing();
    assert_int_equal(hw.count, 0);
    assert_true(dev->stats.rx_errors > errors);
    assert_int_equal(*hw_reg(EMAC_RX_CTL) & EMAC_RX_CTL_FLUSH, 0);
    assert_true((*hw_reg(EMAC_CTL) & EMAC_CTL_RX) != 0);
    assert_int_equal(*hw_reg(EMAC_INT_CTL), EMAC_INT_RX); /* and it still wakes */
    wire_frame(80, 3);
    expect_frame(80, 3);
}

static void test_rx_bad_magic_resyncs(void **state)
{
    (void)state;
    check_resync(0, EMAC_RX_OK | 64);
    check_resync(EMAC_RX_MAGIC ^ 1, EMAC_RX_OK | 64);
    check_resync(UINT32_MAX, UINT32_MAX);
}

/* The length is the device's word: longer than it may be, or no room for a CRC. */
static void test_rx_impossible_length_resyncs(void **state)
{
    static const uint32_t lengths[] = {0, 1, 4, EMAC_FRAME_MAX + 1, 0x7fff, 0xffff};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++)
        check_resync(EMAC_RX_MAGIC, EMAC_RX_OK | lengths[i]);
}

/* A length that is too small or too large by a word shows at the next header. */
static void test_rx_wrong_length_shows_at_the_next_frame(void **state)
{
    struct pkt *got[4];
    unsigned n;

    (void)state;
    for (uint32_t len = 60; len <= 68; len += 8) {
        hw.frames = 0;
        wire_frame_saying(60, 1, EMAC_RX_MAGIC, EMAC_RX_OK | len);
        wire_frame(70, 2);
        n = netdev_rx(dev, got, 4);
        assert_int_equal(n, 1); /* nobody can know that this one is not right: its CRC was */
        pkt_put(got[0]);
        assert_int_equal(hw.count, 0);
        wire_frame(80, 3);
        expect_frame(80, 3);
    }
    assert_int_equal(emac.rx_resynced, 2);
}

/* A count of frames that is not true costs no more than one look each. */
static void test_rx_lying_count_is_bounded(void **state)
{
    (void)state;
    hw.frames = UINT32_MAX;
    expect_nothing();
    assert_int_equal(hw.read_words, 1);
    hw.frames = 0;
    wire_frame(60, 5);
    hw.frames = 0; /* and one that hides frames hides them */
    expect_nothing();
    hw.frames = 1;
    expect_frame(60, 5);
}

/* Anything at all in the FIFO: nothing is read outside, nothing is lost for ever, and after the
 * noise a frame comes through. */
static void test_rx_noise(void **state)
{
    uint64_t random = test_seed(0xe3ac);

    (void)state;
    for (int round = 0; round < 3000; round++) {
        uint32_t words = (uint32_t)(test_random(&random) % 1000);
        struct pkt *got[4];
        unsigned n;

        for (uint32_t k = 0; k < words; k++) {
            uint32_t word = (uint32_t)test_random(&random);

            if (word % 8 == 0)
                word = EMAC_RX_MAGIC;
            else if (word % 8 == 1)
                word = EMAC_RX_OK | (word >> 8 & 0x7ff);
            wire_word(word);
        }
        hw.frames = (uint32_t)test_random(&random) % 300;
        n = netdev_rx(dev, got, ARRAY_SIZE(got));
        assert_true(n <= ARRAY_SIZE(got));
        for (unsigned i = 0; i < n; i++) {
            assert_true(got[i]->len >= NETDEV_ETH_BYTES && got[i]->len <= EMAC_FRAME_MAX);
            pkt_put(got[i]);
        }
        (void)netdev_arm(dev);
        hw.first = hw.count = hw.frames = 0;
        wire_frame(60, 7);
        expect_frame(60, 7);
        assert_int_equal(pages.free_count, PAGES);
    }
}

/* ---- sleeping ------------------------------------------------------------------------------- */

static void test_arm_sees_what_is_there(void **state)
{
    (void)state;
    wire_frame(60, 1);
    assert_true(netdev_arm(dev));
    expect_frame(60, 1);
    hw.frames = 0;
    assert_false(netdev_arm(dev));
    assert_false(hw_line());
    wire_frame(60, 2); /* while we sleep */
    assert_true(hw_line());
    expect_frame(60, 2);
}

static void arrive(void)
{
    hw.on_clear = NULL;
    wire_frame(60, 3);
}

/* A frame that comes between any two steps of arm is seen by it, or holds the line up. */
static void test_arm_loses_no_frame(void **state)
{
    (void)state;
    hw.on_clear = arrive;
    assert_true(netdev_arm(dev) || hw_line());
    assert_null(hw.on_clear);
    expect_frame(60, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_rx_every_length),
        BOTH(test_rx_oldest_first_and_no_more_than_asked),
        BOTH(test_rx_waits_for_a_page),
        BOTH(test_rx_bad_status_is_passed_over),
        BOTH(test_rx_shorter_than_ethernet_is_passed_over),
        BOTH(test_rx_bad_magic_resyncs),
        BOTH(test_rx_impossible_length_resyncs),
        BOTH(test_rx_wrong_length_shows_at_the_next_frame),
        BOTH(test_rx_lying_count_is_bounded),
        BOTH(test_rx_noise),
        BOTH(test_arm_sees_what_is_there),
        BOTH(test_arm_loses_no_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
