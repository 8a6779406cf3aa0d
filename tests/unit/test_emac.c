/* SPDX-License-Identifier: ISC */
/* test_emac.c - the EMAC driver against a device made of C: registers, FIFOs, a PHY, and a wire
 * that may put anything into the receive FIFO.
 *
 * The device comes in two kinds, as the chip is and as QEMU makes it: where they differ the driver
 * must do for both.
 */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "boot/cubieboard/emac.c"
#include "boot/cubieboard/emac_phy.c"

#define BASE 0x1000u
#define PAGES 8u
#define PKTS 8u
#define FIFO_WORDS 16384u
#define SENT_MAX 8u

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct emac emac;
static struct netdev *dev;
static uint64_t now_ns;

/* ---- the device ----------------------------------------------------------------------------- */

static struct {
    bool absent, like_qemu, holds_tx; /* holds_tx: nothing is ever sent by itself */
    uint32_t reg[64];
    uint32_t fifo[FIFO_WORDS], first, count; /* what waits to be read */
    uint32_t frames;                         /* what FRAMES says; may lie */
    uint32_t read_words;                     /* ever, of the FIFO */
    uint8_t tx[2][4096];
    uint32_t tx_bytes[2];
    uint8_t sent[SENT_MAX][2048];
    uint32_t sent_bytes[SENT_MAX], sent_count;
    unsigned phy; /* 32: none */
    uint16_t mii[32];
    bool mdio_stuck;
    void (*on_clear)(void); /* when INT_STATUS was written */
} hw;

static uint32_t *hw_reg(unsigned at)
{
    assert_true(at % 4 == 0 && at / 4 < 64);
    return &hw.reg[at / 4];
}

static void hw_reset(void)
{
    hw.first = hw.count = hw.frames = 0;
    hw.tx_bytes[0] = hw.tx_bytes[1] = 0;
    *hw_reg(EMAC_INT_CTL) = *hw_reg(EMAC_INT_STATUS) = *hw_reg(EMAC_RX_CTL) = 0;
}

static void hw_complete(unsigned channel, bool aborted)
{
    *hw_reg(EMAC_INT_STATUS) |= aborted ? EMAC_INT_TX_ABORT(channel) : EMAC_INT_TX(channel);
    hw.tx_bytes[channel] = 0;
}

static void hw_send(unsigned channel)
{
    uint32_t n = *hw_reg(EMAC_TX_LENGTH(channel));

    assert_true((*hw_reg(EMAC_CTL) & EMAC_CTL_TX) != 0);
    assert_true(n <= hw.tx_bytes[channel] && hw.tx_bytes[channel] - n < 4);
    assert_true(hw.sent_count < SENT_MAX);
    memcpy(hw.sent[hw.sent_count], hw.tx[channel], n);
    hw.sent_bytes[hw.sent_count++] = n;
    if (!hw.holds_tx)
        hw_complete(channel, false);
}

static void hw_write_ctl(uint32_t value)
{
    if (hw.like_qemu && (value & EMAC_CTL_RUN) != 0) {
        hw_reset();
        value &= ~EMAC_CTL_RUN;
    } else if (!hw.like_qemu && (value & EMAC_CTL_RUN) == 0) {
        hw_reset();
    }
    *hw_reg(EMAC_CTL) = value;
}

static uint32_t hw_phy_read(void)
{
    uint32_t which = *hw_reg(EMAC_MAC_MADR);

    return which >> 8 == hw.phy ? hw.mii[which & 31] : 0xffff;
}

uint32_t mmio_read(uintptr_t at)
{
    unsigned reg = (unsigned)(at - BASE);

    if (hw.absent)
        return 0;
    if (reg == EMAC_RX_DATA) {
        hw.read_words++;
        if (hw.count == 0)
            return 0;
        hw.count--;
        return hw.fifo[hw.first++];
    }
    if (reg == EMAC_RX_FRAMES)
        return hw.frames;
    if (reg == EMAC_MAC_MRDD)
        return hw_phy_read();
    if (reg == EMAC_MAC_MIND)
        return hw.mdio_stuck ? EMAC_MAC_MIND_BUSY : 0;
    return *hw_reg(reg);
}

void mmio_write(uintptr_t at, uint32_t value)
{
    unsigned reg = (unsigned)(at - BASE), channel = *hw_reg(EMAC_TX_INS) & 1;

    if (hw.absent)
        return;
    switch (reg) {
    case EMAC_CTL:
        hw_write_ctl(value);
        return;
    case EMAC_INT_STATUS:
        *hw_reg(reg) &= ~value;
        if (hw.on_clear != NULL)
            hw.on_clear();
        return;
    case EMAC_TX_DATA:
        assert_true(hw.tx_bytes[channel] + 4 <= sizeof(hw.tx[channel]));
        memcpy(hw.tx[channel] + hw.tx_bytes[channel], &value, 4);
        hw.tx_bytes[channel] += 4;
        return;
    case EMAC_TX_CTL(0):
    case EMAC_TX_CTL(1):
        hw_send(reg == EMAC_TX_CTL(1));
        return;
    case EMAC_RX_FRAMES:
        if (value == 0 && hw.like_qemu)
            hw.first = hw.count = hw.frames = 0;
        return;
    case EMAC_RX_CTL:
        if ((value & EMAC_RX_CTL_FLUSH) != 0) {
            hw.first = hw.count = hw.frames = 0;
            value &= hw.like_qemu ? UINT32_MAX : ~EMAC_RX_CTL_FLUSH;
        }
        *hw_reg(reg) = value;
        return;
    case EMAC_MAC_MWTD:
        if (*hw_reg(EMAC_MAC_MADR) >> 8 == hw.phy)
            hw.mii[*hw_reg(EMAC_MAC_MADR) & 31] = (uint16_t)value;
        return;
    default:
        *hw_reg(reg) = value;
    }
}

void mmio_read_fifo(uintptr_t at, void *to, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        uint32_t word = mmio_read(at);

        memcpy((uint8_t *)to + 4 * i, &word, 4);
    }
}

void mmio_write_fifo(uintptr_t at, const void *from, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        uint32_t word;

        memcpy(&word, (const uint8_t *)from + 4 * i, 4);
        mmio_write(at, word);
    }
}

/* Time passes when it is asked for. */
uint64_t plat_now_ns(void)
{
    return now_ns += NS_PER_US;
}

static bool hw_line(void)
{
    return (*hw_reg(EMAC_INT_STATUS) & *hw_reg(EMAC_INT_CTL)) != 0;
}

/* ---- the wire ------------------------------------------------------------------------------- */

static void wire_word(uint32_t word)
{
    assert_true(hw.first + hw.count < FIFO_WORDS);
    hw.fifo[hw.first + hw.count++] = word;
}

/* Bytes i, i + 1, ... as a frame of `n` without its CRC; the header says what we say. */
static void wire_frame_saying(uint32_t n, uint8_t i, uint32_t magic, uint32_t header)
{
    uint8_t bytes[4096] = {0};

    for (uint32_t k = 0; k < n; k++)
        bytes[k] = (uint8_t)(i + k);
    wire_word(magic);
    wire_word(header);
    for (uint32_t k = 0; k < n + CRC_BYTES; k += 4) {
        uint32_t word;

        memcpy(&word, bytes + k, 4);
        wire_word(word);
    }
    hw.frames++;
    *hw_reg(EMAC_INT_STATUS) |= EMAC_INT_RX;
}

static void wire_frame(uint32_t n, uint8_t i)
{
    wire_frame_saying(n, i, EMAC_RX_MAGIC, EMAC_RX_OK | (n + CRC_BYTES));
}

static bool is_frame(const struct pkt *pkt, uint32_t n, uint8_t i)
{
    struct cs_ro view = pkt_frag_view(pkt, 0);

    if (pkt->len != n || pkt->frag_count != 1)
        return false;
    for (uint32_t k = 0; k < n; k++) {
        if (view.base[k] != (uint8_t)(i + k))
            return false;
    }
    return true;
}

/* The next frame must be this one. */
static void expect_frame(uint32_t n, uint8_t i)
{
    struct pkt *pkt;

    assert_int_equal(netdev_rx(dev, &pkt, 1), 1);
    assert_true(is_frame(pkt, n, i));
    pkt_put(pkt);
}

static void expect_nothing(void)
{
    struct pkt *got[4];

    assert_int_equal(netdev_rx(dev, got, 4), 0);
}

/* ---- setting up ----------------------------------------------------------------------------- */

static void power_on(bool like_qemu)
{
    memset(&hw, 0, sizeof(hw));
    hw.like_qemu = like_qemu;
    hw.phy = 1;
    hw.mii[MII_ID2] = 0x8201;
    hw.mii[MII_BMCR] = MII_BMCR_AUTO;
    hw.mii[MII_BMSR] = MII_BMSR_LINK;
    hw.mii[MII_ADVERTISED] = hw.mii[MII_PARTNER] = MII_100_FULL | MII_10_FULL;
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
}

static int open_it(void)
{
    struct emac_conf conf = {
        .base = BASE, .pool = &pool, .mac = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};

    return emac_open(&emac, &conf, &dev);
}

static int setup(void **state)
{
    (void)state;
    vplat_reset(1);
    now_ns = VPLAT_START_NS;
    power_on(false);
    assert_int_equal(open_it(), 0);
    return 0;
}

static int setup_qemu(void **state)
{
    (void)state;
    vplat_reset(1);
    now_ns = VPLAT_START_NS;
    power_on(true);
    assert_int_equal(open_it(), 0);
    return 0;
}

/* Every page and packet has come back. */
static int teardown(void **state)
{
    (void)state;
    return pages.free_count == PAGES && pool.free_count == PKTS ? 0 : -1;
}

static struct pkt *frame_to_send(uint32_t n, uint8_t i)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, n);

    assert_non_null(pkt);
    for (uint32_t k = 0; k < n; k++)
        pkt_frag_rw(pkt, 0).base[k] = (uint8_t)(i + k);
    return pkt;
}

static bool was_sent(unsigned which, uint32_t n, uint8_t i)
{
    uint32_t wire = n < 60 ? 60 : n;

    if (which >= hw.sent_count || hw.sent_bytes[which] != wire)
        return false;
    for (uint32_t k = 0; k < wire; k++) {
        if (hw.sent[which][k] != (k < n ? (uint8_t)(i + k) : 0))
            return false;
    }
    return true;
}

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

/* ---- ---------------------------------------------------------------------------------------- */

#define BOTH(test)                                                                                 \
    {#test, test, setup, teardown, NULL},                                                          \
    {                                                                                              \
#test " (as QEMU is)", test, setup_qemu, teardown, NULL                                    \
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
