/* SPDX-License-Identifier: ISC */
/* emachw.h - an EMAC made of C: registers, FIFOs, a PHY, and a wire that may put anything into the
 * receive FIFO. Each test program includes it once, behind the driver.
 *
 * The device comes in two kinds, as the chip is and as QEMU makes it: where they differ the driver
 * must do for both. */
#ifndef TESTS_EMACHW_H
#define TESTS_EMACHW_H

#include <string.h>

#include "support.h"

#include <cmocka.h>

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

static UNUSED bool hw_line(void)
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

static UNUSED void wire_frame(uint32_t n, uint8_t i)
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
static UNUSED void expect_frame(uint32_t n, uint8_t i)
{
    struct pkt *pkt;

    assert_int_equal(netdev_rx(dev, &pkt, 1), 1);
    assert_true(is_frame(pkt, n, i));
    pkt_put(pkt);
}

static UNUSED void expect_nothing(void)
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

static UNUSED struct pkt *frame_to_send(uint32_t n, uint8_t i)
{
    struct pkt *pkt = pkt_alloc(&pool, 0, n);

    assert_non_null(pkt);
    for (uint32_t k = 0; k < n; k++)
        pkt_frag_rw(pkt, 0).base[k] = (uint8_t)(i + k);
    return pkt;
}

static UNUSED bool was_sent(unsigned which, uint32_t n, uint8_t i)
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

#define BOTH(test)                                                                                 \
    {#test, test, setup, teardown, NULL},                                                          \
    {                                                                                              \
#test " (as QEMU is)", test, setup_qemu, teardown, NULL                                    \
    }

#endif
