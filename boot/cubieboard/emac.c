/* SPDX-License-Identifier: ISC */
/* emac.c - frames to and from Allwinner's EMAC.
 *
 * Theory of operation. Sending: two channels, each with a FIFO for one frame. A frame is put into
 * a free one and started; the channel is free again when its bit in INT_STATUS says that it was
 * sent or given up. Nothing is queued here: with both channels busy tx says -E_AGAIN.
 *
 * Receiving: the device puts whole frames into one FIFO, each behind two words: a magic number,
 * then its length and status. The FIFO can only be read forward, so a length that is wrong loses
 * all that follows; the magic number is what tells. Then the FIFO is emptied, and the next frame
 * that comes is again a first one.
 *
 * Waking: interrupts are never taken (the CPU masks them); INT_CTL says which of the status bits
 * raise the line, and the line ends WFI. A bit that is set before we sleep ends the sleep at once.
 * So arm clears the bits, and then looks: what came before it cleared is found by the look, what
 * comes after sets the bit again.
 */
#include "emac.h"

#include <morgana/log.h>
#include <morgana/platform.h>

#include "emac_regs.h"
#include "mmio.h"

#define CRC_BYTES 4u
#define FRAME_MIN 60u /* without CRC: what is shorter is padded */
#define CHANNELS 2u
#define SETTLE_NS (200 * NS_PER_US)
#define FLUSH_TRIES 1000

static struct emac *of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct emac, dev);
}

static uint32_t get(const struct emac *emac, unsigned reg)
{
    return mmio_read(emac->conf.base + reg);
}

static void set(const struct emac *emac, unsigned reg, uint32_t value)
{
    mmio_write(emac->conf.base + reg, value);
}

static void settle(void)
{
    for (uint64_t end = plat_now_ns() + SETTLE_NS; plat_now_ns() < end;)
        ;
}

/* ---- starting ------------------------------------------------------------------------------- */

static void write_mac(const struct emac *emac)
{
    const uint8_t *mac = emac->conf.mac;

    set(emac, EMAC_MAC_A1, (uint32_t)mac[0] << 16 | (uint32_t)mac[1] << 8 | mac[2]);
    set(emac, EMAC_MAC_A0, (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5]);
}

bool emac_read_mac(uintptr_t base, uint8_t mac[6])
{
    uint32_t high = mmio_read(base + EMAC_MAC_A1), low = mmio_read(base + EMAC_MAC_A0);

    for (unsigned i = 0; i < 3; i++) {
        mac[i] = (uint8_t)(high >> (16 - 8 * i));
        mac[3 + i] = (uint8_t)(low >> (16 - 8 * i));
    }
    return (mac[0] & 1) == 0 && (high & 0xffffff) + (low & 0xffffff) != 0;
}

/* Resets everything and lets it run. False: nothing keeps what is written. */
static bool start(struct emac *emac)
{
    const uint32_t run = EMAC_CTL_RUN | EMAC_CTL_TX | EMAC_CTL_RX;

    set(emac, EMAC_CTL, 0);
    settle();
    set(emac, EMAC_CTL, EMAC_CTL_RUN);
    settle();
    mmio_clear_bits(emac->conf.base + EMAC_MAC_CTL0, EMAC_MAC_CTL0_RESET);
    set(emac, EMAC_MAC_MCFG,
        (get(emac, EMAC_MAC_MCFG) & ~EMAC_MAC_MCFG_CLOCK) | EMAC_MAC_MCFG_CLOCK_72);
    set(emac, EMAC_TX_MODE, EMAC_TX_MODE_ABORTED);
    set(emac, EMAC_RX_CTL,
        EMAC_RX_CTL_PASS_RANGE | EMAC_RX_CTL_UNICAST | EMAC_RX_CTL_FILTER | EMAC_RX_CTL_MULTICAST |
            EMAC_RX_CTL_BROADCAST);
    set(emac, EMAC_MAC_CTL0, get(emac, EMAC_MAC_CTL0) | EMAC_MAC_CTL0_FLOW);
    set(emac, EMAC_MAC_CTL1,
        EMAC_MAC_CTL1_DUPLEX | EMAC_MAC_CTL1_CHECK_LENGTH | EMAC_MAC_CTL1_CRC | EMAC_MAC_CTL1_PAD);
    set(emac, EMAC_MAC_IPGT, EMAC_MAC_IPGT_FULL);
    set(emac, EMAC_MAC_IPGR, EMAC_MAC_IPGR_USUAL);
    set(emac, EMAC_MAC_CLRT, EMAC_MAC_CLRT_USUAL);
    set(emac, EMAC_MAC_MAXF, EMAC_FRAME_MAX);
    write_mac(emac);
    set(emac, EMAC_CTL, run); /* before INT_CTL: QEMU resets that with it */
    set(emac, EMAC_RX_FRAMES, 0);
    set(emac, EMAC_INT_STATUS, get(emac, EMAC_INT_STATUS));
    set(emac, EMAC_INT_CTL, EMAC_INT_RX);
    emac->tx_busy = 0;
    return (get(emac, EMAC_CTL) & (EMAC_CTL_TX | EMAC_CTL_RX)) == (EMAC_CTL_TX | EMAC_CTL_RX);
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Frees the channels that are done. */
static void reap(struct emac *emac)
{
    uint32_t status = get(emac, EMAC_INT_STATUS) & EMAC_INT_TX_ALL;

    if (status == 0)
        return;
    set(emac, EMAC_INT_STATUS, status);
    for (unsigned i = 0; i < CHANNELS; i++) {
        if ((status & (EMAC_INT_TX(i) | EMAC_INT_TX_ABORT(i))) == 0)
            continue;
        if ((status & EMAC_INT_TX_ABORT(i)) != 0)
            emac->dev.stats.tx_errors++;
        emac->tx_busy &= (uint8_t) ~(1u << i);
    }
}

/* A free channel, or CHANNELS. */
static unsigned free_channel(struct emac *emac)
{
    if (emac->tx_busy != 0)
        reap(emac);
    for (unsigned i = 0; i < CHANNELS; i++) {
        if ((emac->tx_busy & 1u << i) == 0)
            return i;
    }
    if (plat_now_ns() - emac->tx_since_ns < EMAC_TX_STUCK_NS)
        return CHANNELS;
    LOG_WARN("emac: a frame was never sent: the device is reset");
    emac->dev.stats.tx_errors += CHANNELS;
    (void)start(emac);
    emac->link_ns = 0; /* speed and duplex are to be told again */
    return 0;
}

/* The packet's bytes as words; a fragment need not end at one's end. */
static void fill_fifo(const struct emac *emac, const struct pkt *pkt)
{
    const uintptr_t fifo = emac->conf.base + EMAC_TX_DATA;
    uint32_t word = 0, len = pkt->len;
    unsigned have = 0; /* bytes of `word` */

    for (unsigned i = 0; i < pkt->frag_count; i++) {
        struct cs_ro rest = pkt_frag_view(pkt, i);

        while (rest.len > 0) {
            size_t words = have == 0 ? rest.len / 4 : 0;

            mmio_write_fifo(fifo, rest.base, words);
            rest = cs_shift(rest, words * 4);
            for (; rest.len > 0 && (have != 0 || rest.len < 4); rest = cs_shift(rest, 1)) {
                word |= (uint32_t)rest.base[0] << 8 * have;
                have = (have + 1) % 4;
                if (have == 0) {
                    mmio_write(fifo, word);
                    word = 0;
                }
            }
        }
    }
    if (have != 0) {
        mmio_write(fifo, word);
        len += 4 - have;
    }
    for (; len < FRAME_MIN; len += 4)
        mmio_write(fifo, 0);
}

static int emac_tx(struct netdev *dev, struct pkt *pkt)
{
    struct emac *emac = of(dev);
    unsigned channel;

    if (!dev->link_up) {
        dev->stats.tx_link_down++;
        return -E_NETDOWN;
    }
    if (pkt->len < NETDEV_ETH_BYTES || pkt->gso_size != 0) {
        dev->stats.tx_errors++;
        return -E_INVAL;
    }
    if (pkt->len > EMAC_MTU_BYTES + NETDEV_ETH_BYTES) {
        dev->stats.tx_too_long++;
        return -E_MSGSIZE;
    }
    channel = free_channel(emac);
    if (channel == CHANNELS) {
        emac->tx_refused = true;
        dev->stats.tx_full++;
        return -E_AGAIN;
    }
    if (pkt->csum == PKT_CSUM_BLANK && pkt_csum_complete(pkt) < 0) {
        dev->stats.tx_errors++;
        return -E_INVAL;
    }
    set(emac, EMAC_TX_INS, channel);
    fill_fifo(emac, pkt);
    set(emac, EMAC_TX_LENGTH(channel), pkt->len < FRAME_MIN ? FRAME_MIN : pkt->len);
    mmio_set_bits(emac->conf.base + EMAC_TX_CTL(channel), EMAC_TX_CTL_SEND);
    emac->tx_busy |= (uint8_t)(1u << channel);
    emac->tx_since_ns = plat_now_ns();
    dev->stats.tx_packets++;
    dev->stats.tx_bytes += pkt->len;
    pkt_put(pkt);
    return 0;
}

static void emac_tx_flush(struct netdev *dev)
{
    (void)dev; /* tx has started it */
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* What stands in the FIFO is not to be made out: empties it. */
static void resync(struct emac *emac)
{
    const uintptr_t rx_ctl = emac->conf.base + EMAC_RX_CTL;

    emac->dev.stats.rx_errors++;
    emac->rx_resynced++;
    mmio_clear_bits(emac->conf.base + EMAC_CTL, EMAC_CTL_RX);
    mmio_set_bits(rx_ctl, EMAC_RX_CTL_FLUSH);
    for (int i = 0; i < FLUSH_TRIES && (mmio_read(rx_ctl) & EMAC_RX_CTL_FLUSH) != 0; i++)
        ;
    mmio_clear_bits(rx_ctl, EMAC_RX_CTL_FLUSH);
    set(emac, EMAC_RX_FRAMES, 0);
    /* Not EMAC_CTL_RUN: where it reads 0 (QEMU) a 1 would reset all. */
    mmio_set_bits(emac->conf.base + EMAC_CTL, EMAC_CTL_RX);
}

static void skip_frame(const struct emac *emac, uint32_t len)
{
    for (uint32_t words = (len + 3) / 4; words > 0; words--)
        (void)get(emac, EMAC_RX_DATA);
}

/* Takes the frame at the FIFO's front, one of *frames, into `page`. Its length without CRC; 0:
 * there was none to be had, counted. */
static uint32_t read_frame(struct emac *emac, struct page *page, uint32_t *frames)
{
    struct netdev_stats *stats = &emac->dev.stats;
    bool is_header = get(emac, EMAC_RX_DATA) == EMAC_RX_MAGIC;
    uint32_t header = is_header ? get(emac, EMAC_RX_DATA) : 0, len = header & 0xffff;

    --*frames;
    if (len > EMAC_FRAME_MAX || len <= CRC_BYTES) { /* no frame: nothing behind it is believed */
        resync(emac);
        *frames = 0;
        return 0;
    }
    if ((header & EMAC_RX_OK) == 0 || len < NETDEV_ETH_BYTES + CRC_BYTES) {
        skip_frame(emac, len);
        *((header & EMAC_RX_OK) == 0 ? &stats->rx_errors : &stats->rx_short) += 1;
        return 0;
    }
    mmio_read_fifo(emac->conf.base + EMAC_RX_DATA, page->base, (len + 3) / 4);
    return len - CRC_BYTES;
}
STATIC_ASSERT(EMAC_FRAME_MAX % 4 == 0 && EMAC_FRAME_MAX <= PAGE_BYTES, "a frame fits a page");

/* A good frame, or NULL: the FIFO is empty, or there is nothing to put it into. Bad ones are
 * passed over, at most as many as there were frames when we came: *frames is counted down. */
static struct pkt *next_frame(struct emac *emac, uint32_t *frames)
{
    while (*frames > 0) {
        struct page *page = page_get(emac->conf.pool->pages);
        struct pkt *pkt = page != NULL ? pkt_get(emac->conf.pool) : NULL;
        uint32_t len;

        if (pkt == NULL) {
            if (page != NULL)
                page_put(page);
            emac->starved = true;
            emac->dev.stats.rx_no_buffer++;
            return NULL;
        }
        len = read_frame(emac, page, frames);
        if (len != 0) {
            (void)pkt_append_take(pkt, page, 0, len);
            return pkt;
        }
        page_put(page);
        pkt_put(pkt);
    }
    return NULL;
}

static unsigned emac_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct emac *emac = of(dev);
    /* What it says is a bound for our work, no more: each frame shows by itself that it is there.
     */
    uint32_t frames = u32_min(get(emac, EMAC_RX_FRAMES), 255);
    unsigned count = 0;

    emac->starved = false;
    emac_phy_poll(emac);
    while (count < n) {
        struct pkt *pkt = next_frame(emac, &frames);

        if (pkt == NULL)
            break;
        dev->stats.rx_packets++;
        dev->stats.rx_bytes += pkt->len;
        pkts[count++] = pkt;
    }
    return count;
}

static bool emac_arm(struct netdev *dev)
{
    struct emac *emac = of(dev);
    const struct pkt_pool *pool = emac->conf.pool;
    bool changed;

    emac_phy_poll(emac);
    changed = emac->link_changed;
    emac->link_changed = false;
    set(emac, EMAC_INT_STATUS, EMAC_INT_RX);
    if (emac->tx_refused && free_channel(emac) != CHANNELS) {
        emac->tx_refused = false;
        return true;
    }
    set(emac, EMAC_INT_CTL, EMAC_INT_RX | (emac->tx_refused ? EMAC_INT_TX_ALL : 0));
    if (changed)
        return true;
    if (emac->starved) /* frames wait, but for a page: whoever puts one polls again */
        return pool->free != NULL && pool->pages->free != NULL;
    return get(emac, EMAC_RX_FRAMES) != 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

static const struct netdev_ops emac_ops = {
    .name = "emac",
    .tx = emac_tx,
    .tx_flush = emac_tx_flush,
    .rx = emac_rx,
    .arm = emac_arm,
};

int emac_open(struct emac *emac, const struct emac_conf *conf, struct netdev **dev)
{
    *emac = (struct emac){
        .dev = {.ops = &emac_ops,
                .caps = {.mtu_bytes = EMAC_MTU_BYTES, .frags_max = PKT_FRAGS_MAX}},
        .conf = *conf,
        .phy = EMAC_NO_PHY,
    };
    memcpy(emac->dev.mac, conf->mac, sizeof(emac->dev.mac));
    if (!start(emac))
        return -E_NODEV;
    emac_phy_find(emac);
    emac_phy_poll(emac);
    emac->link_changed = false;
    *dev = &emac->dev;
    return 0;
}

void emac_close(struct emac *emac)
{
    set(emac, EMAC_INT_CTL, 0);
    mmio_clear_bits(emac->conf.base + EMAC_CTL, EMAC_CTL_TX | EMAC_CTL_RX);
    set(emac, EMAC_INT_STATUS, EMAC_INT_RX | EMAC_INT_TX_ALL);
    emac->dev.link_up = false;
}
