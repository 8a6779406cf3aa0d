/* SPDX-License-Identifier: ISC */
/* sdcard.c - an SD card as a blkdev.
 *
 * Theory of operation. A request is one command; `current` is the one in hand:
 *
 *     IDLE --begin--> DATA --read: done--> IDLE
 *                       |
 *                       +--write: done-------> BUSY --> STATUS --> IDLE
 *                       +--failed--> STOP -----^ ^--------+ it is still writing
 *
 * DATA    the command and its data are under way: the host interrupts at their end
 * STOP    CMD12 is: whatever the card was doing, it ends
 * BUSY    the card holds its data line down: nothing interrupts, sdcard_nap_ns() has it looked at
 * STATUS  CMD13 is: did something go wrong while it wrote?
 *
 * advance() takes each step that can be taken, and never waits. */
#include "sdcard.h"

#include <morgana/log.h>
#include <morgana/platform.h>

#define BUSY_LOOK_NS (200 * NS_PER_US)

/* The card's status (PLS 4.10.1). */
#define STATUS_ERRORS 0xfdf98008u
#define STATUS_STATE(status) ((status) >> 9 & 15)
#define STATUS_READY 0x100u
#define STATE_TRANSFER 4u

static struct sdcard *of(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct sdcard, dev);
}

/* ---- requests that are done ------------------------------------------------------------------ */

static void finish(struct sdcard *card, struct blk_req *req, int status)
{
    for (unsigned i = 0; i < req->seg_count; i++)
        page_put(req->segs[i].page);
    req->status = status;
    req->next = NULL;
    *card->done_end = req;
    card->done_end = &req->next;
}

static struct blk_req *take_queued(struct sdcard *card)
{
    struct blk_req *req = card->queue;

    card->queue = req->next;
    if (card->queue == NULL)
        card->queue_end = &card->queue;
    return req;
}

/* All that is asked of it ends. */
static void end_all(struct sdcard *card)
{
    if (card->current != NULL)
        finish(card, card->current, -E_NODEV);
    card->current = NULL;
    card->state = SDCARD_IDLE;
    while (card->queue != NULL)
        finish(card, take_queued(card), -E_NODEV);
}

static void lose(struct sdcard *card)
{
    LOG_ERROR("mmc0: the card does not answer any more");
    card->dev.online = false;
    end_all(card);
}

/* ---- the request in hand --------------------------------------------------------------------- */

static void begin_command(struct sdcard *card, enum sdcard_state state, uint8_t index, uint32_t arg)
{
    card->state = state;
    sdhost_begin(&card->host, &(struct sdhost_command){.index = index,
                                                       .answer = SDHOST_SHORT,
                                                       .stop = state == SDCARD_STOP,
                                                       .arg = arg,
                                                       .wait_ns = SDCARD_COMMAND_NS});
}

static void begin_busy(struct sdcard *card)
{
    card->state = SDCARD_BUSY;
    card->busy_until_ns = plat_now_ns() + SDCARD_BUSY_NS;
}

static void begin(struct sdcard *card)
{
    struct blk_req *req = take_queued(card);
    const bool write = req->op == BLK_WRITE, many = req->bytes > SDHOST_BLOCK_BYTES;

    if (req->op == BLK_FLUSH) { /* all that was reaped is written */
        finish(card, req, 0);
        return;
    }
    card->current = req;
    card->status = 0;
    card->state = SDCARD_DATA;
    card->dev.stats.ring_requests++;
    sdhost_begin(&card->host, &(struct sdhost_command){
                                  .index = (uint8_t)((write ? 24 : 17) + (many ? 1 : 0)),
                                  .answer = SDHOST_SHORT,
                                  .arg = (uint32_t)(card->by_blocks ? req->start >> 9 : req->start),
                                  .data = req,
                                  .wait_ns = SDCARD_TRANSFER_NS});
}

static void data_ended(struct sdcard *card, int err)
{
    struct blk_req *req = card->current;

    if (err < 0) {
        card->status = -E_IO;
        begin_command(card, SDCARD_STOP, 12, 0);
    } else if (req->op == BLK_WRITE) {
        begin_busy(card);
    } else {
        card->current = NULL;
        card->state = SDCARD_IDLE;
        finish(card, req, 0);
    }
}

static void status_came(struct sdcard *card, int err)
{
    const uint32_t status = sdhost_answer(&card->host, 0);
    struct blk_req *req = card->current;

    if (err < 0) {
        lose(card);
        return;
    }
    if ((status & STATUS_ERRORS) != 0)
        card->status = -E_IO;
    if (STATUS_STATE(status) != STATE_TRANSFER || (status & STATUS_READY) == 0) {
        if (plat_now_ns() >= card->busy_until_ns)
            lose(card);
        else
            card->state = SDCARD_BUSY; /* still */
        return;
    }
    card->current = NULL;
    card->state = SDCARD_IDLE;
    finish(card, req, card->status);
}

/* One step. False: there is none to take now. */
static bool step(struct sdcard *card)
{
    int err;

    if (card->state == SDCARD_IDLE) {
        if (card->queue == NULL)
            return false;
        begin(card);
        return true;
    }
    if (card->state == SDCARD_BUSY) {
        if (!sdhost_is_busy(&card->host))
            begin_command(card, SDCARD_STATUS, 13, card->rca);
        else if (plat_now_ns() >= card->busy_until_ns)
            lose(card);
        else
            return false;
        return true;
    }
    err = sdhost_poll(&card->host);
    if (err == -E_AGAIN)
        return false;
    if (card->state == SDCARD_DATA)
        data_ended(card, err);
    else if (card->state == SDCARD_STOP)
        begin_busy(card); /* a card that had nothing to end says so by an error */
    else
        status_came(card, err);
    return true;
}

static void advance(struct sdcard *card)
{
    while (step(card))
        ;
}

/* ---- blkdev ---------------------------------------------------------------------------------- */

static int sdcard_submit(struct blkdev *dev, struct blk_req *req)
{
    struct sdcard *card = of(dev);
    int err = blkdev_judge(dev, req);

    if (err < 0) {
        dev->stats.refused++;
        return err;
    }
    if (card->requests == SDCARD_REQUESTS_MAX) {
        dev->stats.full++;
        card->refused = true;
        return -E_AGAIN;
    }
    for (unsigned i = 0; i < req->seg_count; i++)
        page_ref(req->segs[i].page);
    card->requests++;
    req->next = NULL;
    *card->queue_end = req;
    card->queue_end = &req->next;
    return 0;
}

static void sdcard_kick(struct blkdev *dev)
{
    advance(of(dev));
}

static unsigned sdcard_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct sdcard *card = of(dev);
    unsigned got = 0;

    advance(card);
    while (got < n && card->done != NULL) {
        struct blk_req *req = card->done;

        card->done = req->next;
        card->requests--;
        blkdev_count(&dev->stats, req);
        reqs[got++] = req;
    }
    if (card->done == NULL)
        card->done_end = &card->done;
    return got;
}

static bool sdcard_arm(struct blkdev *dev)
{
    struct sdcard *card = of(dev);

    advance(card);
    if (card->done != NULL)
        return true;
    if (card->refused && card->requests < SDCARD_REQUESTS_MAX) {
        card->refused = false;
        return true;
    }
    return false;
}

static const struct blkdev_ops ops = {
    .name = "sdcard",
    .submit = sdcard_submit,
    .kick = sdcard_kick,
    .reap = sdcard_reap,
    .arm = sdcard_arm,
};

/* ---- life ------------------------------------------------------------------------------------ */

int sdcard_open(struct sdcard *card, const struct sdhost_conf *conf, struct blkdev **dev,
                const char **why)
{
    int err;

    memset(card, 0, sizeof(*card));
    card->dev.ops = &ops;
    card->queue_end = &card->queue;
    card->done_end = &card->done;
    *why = "no host answers";
    err = sdhost_open(&card->host, conf);
    if (err < 0)
        return err;
    err = sdcard_start(card, why);
    if (err < 0) {
        sdhost_close(&card->host);
        return err;
    }
    card->dev.online = true;
    *dev = &card->dev;
    return 0;
}

void sdcard_close(struct sdcard *card)
{
    sdhost_close(&card->host); /* the DMA lets go of the pages first */
    end_all(card);
    card->dev.online = false;
}

uint64_t sdcard_nap_ns(const struct sdcard *card)
{
    return card->state == SDCARD_BUSY ? BUSY_LOOK_NS : NS_NEVER;
}
