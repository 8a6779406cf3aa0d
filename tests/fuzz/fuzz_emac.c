/* SPDX-License-Identifier: ISC */
/* fuzz_emac.c - an EMAC that says anything at all: every register that the driver reads has what
 * the fuzzer wants. The driver neither waits for ever nor loses a page. */
#include <morgana/page.h>

#include "support.h"

#include "boot/cubieboard/emac.c"
#include "boot/cubieboard/emac_phy.c"

#define PAGES 4u
#define PKTS 6u
#define READS_MAX 2000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t left;
static uint64_t now_ns;
static uint32_t reads;

uint64_t plat_now_ns(void)
{
    return now_ns += 10 * NS_PER_US;
}

/* Words of the input; mostly good ones of the FIFO and of the bits that are waited for, so that
 * the driver is not stopped at its first step. */
uint32_t mmio_read(uintptr_t at)
{
    uint32_t word = 0;

    ASSERT(++reads < READS_MAX);
    for (unsigned i = 0; i < 4 && left > 0; i++, left--)
        word |= (uint32_t)*input++ << 8 * i;
    if (at == EMAC_CTL)
        return EMAC_CTL_TX | EMAC_CTL_RX;
    if (at == EMAC_RX_DATA && word % 4 == 0)
        return EMAC_RX_MAGIC;
    if (at == EMAC_RX_DATA && word % 4 == 1)
        return EMAC_RX_OK | (word >> 16 & 0x7ff);
    return word;
}

void mmio_write(uintptr_t at, uint32_t value)
{
    ASSERT(at % 4 == 0 && at <= EMAC_MAC_A1);
    (void)value;
}

void mmio_read_fifo(uintptr_t at, void *to, size_t words)
{
    for (size_t i = 0; i < words; i++)
        cs_set_le32(cs_of((uint8_t *)to + 4 * i, 4), 0, mmio_read(at));
}

void mmio_write_fifo(uintptr_t at, const void *from, size_t words)
{
    ASSERT(at == EMAC_TX_DATA && words <= EMAC_FRAME_MAX / 4);
    (void)from;
}

static void send(struct netdev *dev, struct pkt_pool *pool)
{
    struct pkt *pkt = pkt_alloc(pool, 0, 100);

    if (pkt != NULL && netdev_tx(dev, pkt) < 0)
        pkt_put(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
    static struct page headers[PAGES];
    static struct pkt pkts[PKTS];
    static struct page_pool pages;
    static struct pkt_pool pool;
    static struct emac emac;
    struct emac_conf conf = {.base = 0, .pool = &pool, .mac = {2}};
    struct netdev *dev;

    input = data;
    left = size;
    reads = 0;
    now_ns = VPLAT_START_NS;
    vplat_reset(1); /* the console would fill up */
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    if (emac_open(&emac, &conf, &dev) < 0)
        return 0;
    for (int turn = 0; turn < 64 && left > 0; turn++) {
        struct pkt *got[3];
        unsigned n = netdev_rx(dev, got, ARRAY_SIZE(got));

        ASSERT(n <= ARRAY_SIZE(got));
        for (unsigned i = 0; i < n; i++) {
            ASSERT(got[i]->len >= NETDEV_ETH_BYTES && got[i]->len < EMAC_FRAME_MAX);
            pkt_put(got[i]);
        }
        send(dev, &pool);
        if (!netdev_arm(dev))
            now_ns += NS_PER_S / 4;
        ASSERT(pages.free_count == PAGES && pool.free_count == PKTS);
    }
    emac_close(&emac);
    return 0;
}
