/* SPDX-License-Identifier: ISC */
/* fuzz_sdcard.c - an SD host, and a card behind it, that say anything at all: every register that
 * the driver reads has what the fuzzer wants. The driver neither waits for ever nor loses a page or
 * a request, and ends each with a status that blkdev.h knows. */
#include "support.h"

#include "boot/cubieboard/sdcard.c"
#include "boot/cubieboard/sdcard_start.c"
#include "boot/cubieboard/sdhost.c"

#define PAGES 8u
#define REQUESTS 4u
#define READS_MAX 200000u
#define STEPS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t left;
static uint64_t now_ns;
static uint32_t reads;

uint64_t plat_now_ns(void)
{
    return now_ns += NS_PER_MS;
}

static uint8_t next_byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

/* Words of the input; mostly good ones where the driver waits for a bit, so that it is not stopped
 * at its first step. */
uint32_t mmio_read(uintptr_t at)
{
    const uint8_t how = next_byte();
    uint32_t word = 0;

    ASSERT(++reads < READS_MAX && at % 4 == 0);
    if (how % 8 != 7) {
        switch (at) {
        case SD_GCTL:
        case SD_CMDR:
        case SD_STAR:
            return 0;
        case SD_FWLR:
            return SD_FWLR_USUAL;
        case SD_IDST:
            return SD_IDST_RECEIVED;
        case SD_RISR:
            return SD_RISR_COMMAND_DONE | SD_RISR_DATA_DONE | SD_RISR_AUTO_STOP_DONE;
        case SD_RESP(0): /* ready, and the pattern of CMD8 */
            return how % 8 < 3 ? 0xc00001aau : 0x900;
        case SD_RESP(3):
            return (uint32_t)(how % 2) << 30;
        default:
            break;
        }
    }
    for (unsigned i = 0; i < 4; i++)
        word |= (uint32_t)next_byte() << 8 * i;
    return word;
}

void mmio_write(uintptr_t at, uint32_t value)
{
    ASSERT(at % 4 == 0 && at <= SD_IDIE);
    (void)value;
}

void mmio_read_fifo(uintptr_t at, void *to, size_t words)
{
    (void)at;
    (void)to;
    (void)words;
}

void armv7_dcache_clean(const void *start, size_t bytes)
{
    (void)start;
    (void)bytes;
}

void armv7_dcache_clean_invalidate(const void *start, size_t bytes)
{
    (void)start;
    (void)bytes;
}

static void set_clock_of(bool fast)
{
    (void)fast;
}

static bool is_known(int status)
{
    return status == 0 || status == -E_IO || status == -E_NODEV;
}

static struct page_pool pages;
static struct blk_req reqs[REQUESTS];
static struct blk_seg segs[REQUESTS][2];
static bool out[REQUESTS];

static void ask(struct blkdev *dev, unsigned i)
{
    const uint8_t how = next_byte();
    const unsigned n = 1 + how / 2 % 2;

    if (out[i])
        return;
    for (unsigned k = 0; k < n; k++)
        segs[i][k].len = (uint16_t)(512 * (1 + how / 4 % 8));
    reqs[i] = (struct blk_req){.op = how % 2 == 0 ? BLK_READ : BLK_WRITE,
                               .start = 512ull * next_byte(),
                               .bytes = (uint64_t)n * segs[i][0].len,
                               .segs = segs[i],
                               .seg_count = (uint16_t)n};
    if (how >= 0xf0)
        reqs[i] = (struct blk_req){.op = BLK_FLUSH};
    out[i] = blkdev_submit(dev, &reqs[i]) == 0;
}

static void reap(struct blkdev *dev)
{
    struct blk_req *done[2];
    unsigned n = blkdev_reap(dev, done, 2);

    for (unsigned i = 0; i < n; i++) {
        ASSERT(is_known(done[i]->status) && out[done[i] - reqs]);
        out[done[i] - reqs] = false;
    }
}

static void use(struct blkdev *dev)
{
    for (unsigned step = 0; step < STEPS && left > 0; step++) {
        switch (next_byte() % 4) {
        case 0:
            ask(dev, next_byte() % REQUESTS);
            break;
        case 1:
            blkdev_kick(dev);
            break;
        case 2:
            reap(dev);
            break;
        default:
            (void)blkdev_arm(dev);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
    static struct page headers[PAGES];
    static struct sdcard card;
    const struct sdhost_conf conf = {.base = 0, .clock = set_clock_of};
    struct blkdev *dev;
    const char *why = NULL;

    input = data;
    left = size;
    reads = 0;
    now_ns = VPLAT_START_NS;
    vplat_reset(1); /* the console would fill up */
    memset(out, 0, sizeof(out));
    page_pool_init(&pages, headers, memory, PAGES);
    for (unsigned i = 0; i < REQUESTS; i++) {
        for (unsigned k = 0; k < 2; k++)
            segs[i][k].page = page_get(&pages);
    }
    if (sdcard_open(&card, &conf, &dev, &why) == 0) {
        use(dev);
        sdcard_close(&card);
        for (unsigned i = 0; i < REQUESTS; i++)
            reap(dev);
        for (unsigned i = 0; i < REQUESTS; i++)
            ASSERT(!out[i]);
    } else {
        ASSERT(why != NULL);
    }
    for (unsigned i = 0; i < REQUESTS; i++) {
        for (unsigned k = 0; k < 2; k++)
            page_put(segs[i][k].page);
    }
    ASSERT(pages.free_count == PAGES);
    return 0;
}
