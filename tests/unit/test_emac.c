/* SPDX-License-Identifier: ISC */
/* test_emac.c - the EMAC driver against a device made of C (emachw.h): opening, link, sending. */
#include "support.h"

#include "boot/cubieboard/emac.c"
#include "boot/cubieboard/emac_phy.c"
#include "emachw.h"

/* ---- opening -------------------------------------------------------------------------------- */

static void test_open_starts_the_device(void **state)
{
    (void)state;
    assert_true(dev->link_up);
    assert_int_equal(dev->caps.mtu_bytes, 1500);
    assert_false(dev->caps.csum_tx || dev->caps.csum_rx || dev->caps.gso_rx);
    assert_int_equal(dev->caps.gso_max_bytes, 0);
    assert_int_equal(*hw_reg(EMAC_MAC_A1), 0x021122);
    assert_int_equal(*hw_reg(EMAC_MAC_A0), 0x334455);
    assert_int_equal(*hw_reg(EMAC_INT_CTL), EMAC_INT_RX);
    assert_int_equal(*hw_reg(EMAC_CTL) & (EMAC_CTL_TX | EMAC_CTL_RX), EMAC_CTL_TX | EMAC_CTL_RX);
    assert_int_equal(*hw_reg(EMAC_CTL) & EMAC_CTL_RUN, hw.like_qemu ? 0 : EMAC_CTL_RUN);
    assert_false(hw_line());
}

static void test_open_without_a_device(void **state)
{
    (void)state;
    hw.absent = true;
    assert_int_equal(open_it(), -E_NODEV);
}

static void test_mac_of_whoever_was_before(void **state)
{
    uint8_t mac[6];

    (void)state;
    assert_true(emac_read_mac(BASE, mac));
    assert_memory_equal(mac, "\x02\x11\x22\x33\x44\x55", 6);
    *hw_reg(EMAC_MAC_A1) = 0x030000; /* a group */
    assert_false(emac_read_mac(BASE, mac));
    *hw_reg(EMAC_MAC_A1) = *hw_reg(EMAC_MAC_A0) = 0;
    assert_false(emac_read_mac(BASE, mac));
}

static void test_close_lets_go(void **state)
{
    (void)state;
    wire_frame(60, 0);
    emac_close(&emac);
    assert_false(hw_line());
    assert_false(dev->link_up);
    assert_int_equal(*hw_reg(EMAC_CTL) & (EMAC_CTL_TX | EMAC_CTL_RX), 0);
}

/* ---- the PHY -------------------------------------------------------------------------------- */

static void test_no_phy_no_link(void **state)
{
    struct pkt *pkt = frame_to_send(60, 0);

    (void)state;
    hw.phy = 32;
    assert_int_equal(open_it(), 0);
    assert_false(dev->link_up);
    assert_int_equal(netdev_tx(dev, pkt), -E_NETDOWN);
    assert_int_equal(dev->stats.tx_link_down, 1);
    pkt_put(pkt);
    assert_false(netdev_arm(dev));
}

static void test_phy_at_another_address(void **state)
{
    (void)state;
    hw.phy = 0;
    assert_int_equal(open_it(), 0);
    assert_int_equal(emac.phy, 0);
    assert_true(dev->link_up);
    hw.phy = 31;
    assert_int_equal(open_it(), 0);
    assert_int_equal(emac.phy, 31);
}

static void test_mdio_that_never_ends_is_left(void **state)
{
    uint64_t before = now_ns;

    (void)state;
    hw.mdio_stuck = true;
    assert_int_equal(open_it(), 0);
    assert_true(now_ns - before < (2 * 32 + 8) * (EMAC_MDIO_WAIT_NS + NS_PER_MS));
}

/* The loss of a link is seen within a second, and so is its return. */
static void test_link_goes_and_comes(void **state)
{
    (void)state;
    assert_false(netdev_arm(dev));
    hw.mii[MII_BMSR] = 0;
    assert_false(netdev_arm(dev)); /* not asked again at once */
    now_ns += EMAC_LINK_POLL_NS;
    assert_true(netdev_arm(dev)); /* news: do not sleep */
    assert_false(dev->link_up);
    assert_false(netdev_arm(dev));
    hw.mii[MII_BMSR] = MII_BMSR_LINK;
    now_ns += EMAC_LINK_POLL_NS;
    expect_nothing(); /* rx asks too */
    assert_true(dev->link_up);
    assert_true(netdev_arm(dev));
}

/* 802.3 annex 28B.3: the best that both can. */
static void test_speed_and_duplex_follow_the_partner(void **state)
{
    static const struct {
        uint16_t partner;
        bool fast, full;
    } cases[] = {
        {MII_100_FULL | MII_100_HALF | MII_10_FULL, true, true},
        {MII_100_HALF | MII_10_FULL, true, false},
        {MII_10_FULL, false, true},
        {0, false, false},
    };

    (void)state;
    hw.mii[MII_ADVERTISED] = MII_100_FULL | MII_100_HALF | MII_10_FULL;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        hw.mii[MII_PARTNER] = cases[i].partner;
        now_ns += EMAC_LINK_POLL_NS;
        expect_nothing();
        assert_int_equal((*hw_reg(EMAC_MAC_SUPP) & EMAC_MAC_SUPP_100M) != 0, cases[i].fast);
        assert_int_equal((*hw_reg(EMAC_MAC_CTL1) & EMAC_MAC_CTL1_DUPLEX) != 0, cases[i].full);
    }
}

/* ---- sending -------------------------------------------------------------------------------- */

static void test_tx_every_length(void **state)
{
    (void)state;
    for (uint32_t n = NETDEV_ETH_BYTES; n <= EMAC_MTU_BYTES + NETDEV_ETH_BYTES; n++) {
        hw.sent_count = 0;
        assert_int_equal(netdev_tx(dev, frame_to_send(n, (uint8_t)n)), 0);
        assert_true(was_sent(0, n, (uint8_t)n));
    }
    assert_int_equal(dev->stats.tx_packets, EMAC_MTU_BYTES + 1);
}

/* Fragments of any length at any alignment make the same frame. */
static void test_tx_gathers(void **state)
{
    uint64_t random = test_seed(0x5eed);

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct pkt *pkt = pkt_get(&pool);
        uint32_t n = 0, frags = 1 + (uint32_t)(test_random(&random) % 6);

        for (uint32_t f = 0; f < frags; f++) {
            uint32_t len = (uint32_t)(test_random(&random) % (f == 0 ? 80 : 200));
            uint32_t off = (uint32_t)(test_random(&random) % 64);
            struct page *page = page_get(&pages);

            len += f == 0 ? NETDEV_ETH_BYTES : 0;
            for (uint32_t k = 0; k < len; k++)
                page->base[off + k] = (uint8_t)(n + k);
            assert_int_equal(pkt_append_take(pkt, page, off, len), 0);
            n += len;
        }
        hw.sent_count = 0;
        assert_int_equal(netdev_tx(dev, pkt), 0);
        assert_true(was_sent(0, n, 0));
    }
}

static void test_tx_refuses(void **state)
{
    struct pkt *pkt = frame_to_send(EMAC_MTU_BYTES + NETDEV_ETH_BYTES + 1, 0);

    (void)state;
    assert_int_equal(netdev_tx(dev, pkt), -E_MSGSIZE);
    assert_int_equal(dev->stats.tx_too_long, 1);
    pkt_trim(pkt, NETDEV_ETH_BYTES - 1);
    assert_int_equal(netdev_tx(dev, pkt), -E_INVAL);
    pkt_put(pkt);
    pkt = frame_to_send(200, 0);
    pkt->gso_size = 100;
    assert_int_equal(netdev_tx(dev, pkt), -E_INVAL);
    pkt->gso_size = 0;
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 199;
    assert_int_equal(netdev_tx(dev, pkt), -E_INVAL);
    assert_int_equal(dev->stats.tx_errors, 3);
    assert_int_equal(hw.sent_count, 0);
    pkt_put(pkt);
}

/* The device cannot: we complete it. The sum over the pseudo-header's 0x1234 and the bytes. */
static void test_tx_completes_a_blank_checksum(void **state)
{
    struct pkt *pkt = frame_to_send(60, 0);
    uint8_t *b = pkt_frag_rw(pkt, 0).base;
    uint32_t sum = 0;

    (void)state;
    b[40] = 0x12;
    b[41] = 0x34;
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 6;
    assert_int_equal(netdev_tx(dev, pkt), 0);
    sum += 0x1234; /* what the sum has been begun with */
    for (unsigned i = 34; i < 60; i += 2)
        sum += (uint32_t)hw.sent[0][i] << 8 | hw.sent[0][i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal(sum, 0xffff);
}

static void test_tx_two_channels_and_no_more(void **state)
{
    struct pkt *third = frame_to_send(60, 3);

    (void)state;
    hw.holds_tx = true;
    assert_int_equal(netdev_tx(dev, frame_to_send(60, 1)), 0);
    assert_int_equal(netdev_tx(dev, frame_to_send(61, 2)), 0);
    assert_int_equal(netdev_tx(dev, third), -E_AGAIN);
    assert_int_equal(dev->stats.tx_full, 1);
    assert_false(netdev_arm(dev));
    assert_false(hw_line());
    hw_complete(1, false);
    assert_true(hw_line()); /* it wakes whoever was refused */
    assert_true(netdev_arm(dev));
    assert_int_equal(netdev_tx(dev, third), 0);
    assert_true(was_sent(0, 60, 1) && was_sent(1, 61, 2) && was_sent(2, 60, 3));
    /* Nobody was refused since: what is sent now wakes nobody. */
    assert_false(netdev_arm(dev));
    hw_complete(0, false);
    assert_false(hw_line());
}

static void test_tx_aborted_is_counted(void **state)
{
    (void)state;
    hw.holds_tx = true;
    assert_int_equal(netdev_tx(dev, frame_to_send(60, 1)), 0);
    hw_complete(0, true);
    assert_int_equal(netdev_tx(dev, frame_to_send(60, 2)), 0);
    assert_int_equal(dev->stats.tx_errors, 1);
    hw_complete(0, false);
}

/* A device that never says "sent" is started anew, and goes on. */
static void test_tx_stuck_is_reset(void **state)
{
    struct pkt *pkt;

    (void)state;
    hw.holds_tx = true;
    assert_int_equal(netdev_tx(dev, frame_to_send(60, 1)), 0);
    assert_int_equal(netdev_tx(dev, frame_to_send(60, 2)), 0);
    pkt = frame_to_send(60, 3);
    assert_int_equal(netdev_tx(dev, pkt), -E_AGAIN);
    now_ns += EMAC_TX_STUCK_NS;
    assert_true(netdev_arm(dev));
    hw.holds_tx = false;
    assert_int_equal(netdev_tx(dev, pkt), 0);
    assert_int_equal(dev->stats.tx_errors, 2);
    assert_true(was_sent(2, 60, 3));
    wire_frame(100, 7);
    expect_frame(100, 7);
    assert_true(dev->link_up);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_open_starts_the_device),
        BOTH(test_open_without_a_device),
        BOTH(test_mac_of_whoever_was_before),
        BOTH(test_close_lets_go),
        BOTH(test_no_phy_no_link),
        BOTH(test_phy_at_another_address),
        BOTH(test_mdio_that_never_ends_is_left),
        BOTH(test_link_goes_and_comes),
        BOTH(test_speed_and_duplex_follow_the_partner),
        BOTH(test_tx_every_length),
        BOTH(test_tx_gathers),
        BOTH(test_tx_refuses),
        BOTH(test_tx_completes_a_blank_checksum),
        BOTH(test_tx_two_channels_and_no_more),
        BOTH(test_tx_aborted_is_counted),
        BOTH(test_tx_stuck_is_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
