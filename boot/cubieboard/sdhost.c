/* SPDX-License-Identifier: ISC */
/* sdhost.c - Allwinner's SD/MMC host (sdhost_regs.h).
 *
 * Data goes between the card and the request's own pages, a descriptor for each piece: nobody
 * copies. The DMA does not see the CPU's caches. So what the card shall get is written back before;
 * where the card writes, the lines are dropped before (or one that is written back later would
 * spoil what came) and after (or one that the CPU fetched ahead meanwhile would hide it). Pieces
 * are of whole 512 bytes: no line has anything else in it.
 *
 * A descriptor's address is physical, which on this board is virtual (main.c). */
#include "sdhost.h"

#include <morgana/platform.h>

#include "boot/armv7/armv7.h"
#include "mmio.h"
#include "sdhost_regs.h"

#define LATE_NS (500 * NS_PER_US)

static uint32_t get(const struct sdhost *host, unsigned reg)
{
    return mmio_read(host->conf.base + reg);
}

static void set(const struct sdhost *host, unsigned reg, uint32_t value)
{
    mmio_write(host->conf.base + reg, value);
}

/* Waits, within a bound, until these bits are 0. */
static bool goes_off(const struct sdhost *host, unsigned reg, uint32_t bits)
{
    const uint64_t end = plat_now_ns() + SDHOST_RESET_NS;

    while ((get(host, reg) & bits) != 0) {
        if (plat_now_ns() >= end)
            return false;
    }
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The host takes a new clock by a command of its own. */
static bool load_clock(struct sdhost *host, uint32_t ckcr)
{
    bool taken;

    set(host, SD_CKCR, ckcr);
    set(host, SD_CMDR, SD_CMDR_LOAD | SD_CMDR_CLOCK | SD_CMDR_WAIT);
    taken = goes_off(host, SD_CMDR, SD_CMDR_LOAD);
    set(host, SD_RISR, UINT32_MAX);
    return taken;
}

/* No clock must reach the card while it changes. */
static bool set_clock(struct sdhost *host, bool fast)
{
    const uint32_t off = get(host, SD_CKCR) & ~(SD_CKCR_ON | SD_CKCR_LOW_POWER | SD_CKCR_DIVIDER);

    if (!load_clock(host, off))
        return false;
    host->conf.clock(fast);
    return load_clock(host, off | SD_CKCR_ON);
}

int sdhost_open(struct sdhost *host, const struct sdhost_conf *conf)
{
    memset(host, 0, sizeof(*host));
    host->conf = *conf;
    set(host, SD_GCTL, SD_GCTL_RESET);
    if (!goes_off(host, SD_GCTL, SD_GCTL_RESET))
        return -E_NODEV;
    set(host, SD_FWLR, SD_FWLR_USUAL);
    if (get(host, SD_FWLR) != SD_FWLR_USUAL)
        return -E_NODEV;
    set(host, SD_TMOR, SD_TMOR_LONGEST);
    set(host, SD_IMKR, 0);
    set(host, SD_IDIE, 0);
    set(host, SD_RISR, UINT32_MAX);
    set(host, SD_DBGC, SD_DBGC_USUAL);
    set(host, SD_FUNS, SD_FUNS_USUAL);
    set(host, SD_BWDR, 0);
    set(host, SD_GCTL, SD_GCTL_INTERRUPT);
    return set_clock(host, false) ? 0 : -E_NODEV;
}

int sdhost_go_fast(struct sdhost *host)
{
    return set_clock(host, true) ? 0 : -E_NODEV;
}

void sdhost_use_4_lines(struct sdhost *host)
{
    set(host, SD_BWDR, SD_BWDR_4_BITS);
}

/* ---- data ------------------------------------------------------------------------------------ */

static void begin_data(struct sdhost *host, const struct blk_req *req)
{
    const uint32_t gctl = SD_GCTL_INTERRUPT | SD_GCTL_DMA;

    ASSERT(req->seg_count > 0 && req->seg_count <= SDHOST_SEGS_MAX);
    for (unsigned i = 0; i < req->seg_count; i++) {
        const struct blk_seg *seg = &req->segs[i];
        const uint8_t *at = seg->page->base + seg->off;
        const bool last = i + 1 == req->seg_count;

        if (req->op == BLK_WRITE)
            armv7_dcache_clean(at, seg->len);
        else
            armv7_dcache_clean_invalidate(at, seg->len);
        host->descs[i] = (struct sdhost_desc){
            .flags = SD_DESC_DEVICES | SD_DESC_CHAINED | (i == 0 ? SD_DESC_FIRST : 0) |
                     (last ? SD_DESC_LAST | SD_DESC_END : SD_DESC_QUIET),
            .bytes = seg->len,
            .at = (uint32_t)(uintptr_t)at,
            .next = last ? 0 : (uint32_t)(uintptr_t)&host->descs[i + 1],
        };
    }
    /* The descriptors are in memory before the register below says where. */
    armv7_dcache_clean(host->descs, sizeof(host->descs));
    set(host, SD_BKSR, SDHOST_BLOCK_BYTES);
    set(host, SD_BYCR, (uint32_t)req->bytes);
    set(host, SD_GCTL, gctl);
    set(host, SD_GCTL, gctl | SD_GCTL_DMA_RESET);
    set(host, SD_DMAC, SD_DMAC_RESET);
    set(host, SD_IDST, SD_IDST_ALL);
    set(host, SD_IDIE, req->op == BLK_READ ? SD_IDST_RECEIVED : 0);
    set(host, SD_DLBA, (uint32_t)(uintptr_t)host->descs);
    set(host, SD_DMAC, SD_DMAC_FIXED_BURST | SD_DMAC_ON);
}

static void end_data(struct sdhost *host)
{
    set(host, SD_IDIE, 0);
    set(host, SD_IDST, SD_IDST_ALL);
    set(host, SD_DMAC, 0);
    set(host, SD_GCTL, SD_GCTL_INTERRUPT | SD_GCTL_DMA_RESET | SD_GCTL_FIFO_RESET);
    (void)goes_off(host, SD_GCTL, SD_GCTL_DMA_RESET | SD_GCTL_FIFO_RESET);
    for (unsigned i = 0; host->data->op == BLK_READ && i < host->data->seg_count; i++) {
        const struct blk_seg *seg = &host->data->segs[i];

        armv7_dcache_clean_invalidate(seg->page->base + seg->off, seg->len);
    }
    host->data = NULL;
}

/* ---- commands -------------------------------------------------------------------------------- */

void sdhost_begin(struct sdhost *host, const struct sdhost_command *c)
{
    static const uint32_t answers[] = {
        [SDHOST_NONE] = 0,
        [SDHOST_SHORT] = SD_CMDR_RESPONSE | SD_CMDR_CHECK_CRC,
        [SDHOST_SHORT_UNCHECKED] = SD_CMDR_RESPONSE,
        [SDHOST_LONG] = SD_CMDR_RESPONSE | SD_CMDR_LONG | SD_CMDR_CHECK_CRC,
    };
    uint32_t command = SD_CMDR_LOAD | c->index | answers[c->answer];

    host->ends_with = SD_RISR_COMMAND_DONE;
    command |= (c->first ? SD_CMDR_INIT : 0) | (c->stop ? SD_CMDR_STOP : 0);
    set(host, SD_RISR, UINT32_MAX);
    host->data = c->data;
    if (c->data != NULL) {
        command |= SD_CMDR_DATA | SD_CMDR_WAIT | (c->data->op == BLK_WRITE ? SD_CMDR_WRITE : 0);
        host->ends_with |= SD_RISR_DATA_DONE;
        if (c->data->bytes > SDHOST_BLOCK_BYTES) { /* the host itself says where it ends */
            command |= SD_CMDR_AUTO_STOP;
            host->ends_with |= SD_RISR_AUTO_STOP_DONE;
        }
        begin_data(host, c->data);
    }
    host->until_ns = plat_now_ns() + c->wait_ns;
    set(host, SD_CAGR, c->arg);
    /* Of what it ends with, only what comes last interrupts: else the level stays up, and nobody
     * could sleep until then. */
    set(host, SD_IMKR,
        SD_RISR_ERRORS | ((host->ends_with & SD_RISR_AUTO_STOP_DONE) != 0 ? SD_RISR_AUTO_STOP_DONE
                          : c->data != NULL                               ? SD_RISR_DATA_DONE
                                                                          : SD_RISR_COMMAND_DONE));
    set(host, SD_CMDR, command);
}

static int ended(struct sdhost *host)
{
    const uint32_t status = get(host, SD_RISR);
    const uint32_t dma = host->data != NULL ? get(host, SD_IDST) : 0;

    if ((status & (SD_RISR_NO_RESPONSE | SD_RISR_RESPONSE_TIMEOUT)) != 0)
        return -E_TIMEDOUT;
    if ((status & SD_RISR_ERRORS) != 0 || (dma & SD_IDST_FATAL) != 0)
        return -E_IO;
    if ((status & host->ends_with) == host->ends_with &&
        (host->data == NULL || host->data->op != BLK_READ || (dma & SD_IDST_RECEIVED) != 0))
        return 0;
    return plat_now_ns() >= host->until_ns ? -E_TIMEDOUT : -E_AGAIN;
}

int sdhost_poll(struct sdhost *host)
{
    int err = ended(host);

    if (err == -E_AGAIN)
        return err;
    set(host, SD_IMKR, 0);
    if (err == -E_TIMEDOUT) { /* the host says so before it has done with the command */
        const uint64_t end = plat_now_ns() + LATE_NS;

        while ((get(host, SD_RISR) & SD_RISR_COMMAND_DONE) == 0 && plat_now_ns() < end)
            ;
    }
    if (host->data != NULL)
        end_data(host);
    set(host, SD_RISR, UINT32_MAX);
    return err;
}

int sdhost_do(struct sdhost *host, const struct sdhost_command *command)
{
    int err;

    sdhost_begin(host, command);
    do {
        err = sdhost_poll(host);
    } while (err == -E_AGAIN);
    return err;
}

uint32_t sdhost_answer(const struct sdhost *host, unsigned word)
{
    return get(host, SD_RESP(word));
}

bool sdhost_is_busy(const struct sdhost *host)
{
    return (get(host, SD_STAR) & SD_STAR_CARD_BUSY) != 0;
}

void sdhost_close(struct sdhost *host)
{
    set(host, SD_IMKR, 0);
    if (host->data != NULL)
        end_data(host);
    (void)load_clock(host, get(host, SD_CKCR) & ~SD_CKCR_ON);
    set(host, SD_GCTL, 0);
}
