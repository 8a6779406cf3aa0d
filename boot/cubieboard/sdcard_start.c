/* SPDX-License-Identifier: ISC */
/* sdcard_start.c - from reset to an SD card that transfers (PLS, figures 4-2 and 4-13), and what
 * its CSD register says of it. */
#include <morgana/platform.h>

#include "sdcard.h"

#define CMD8_PATTERN 0x1aau /* 2.7 to 3.6 V, and a check pattern */
#define OCR_VOLTAGES 0x00ff8000u
#define OCR_HIGH_CAPACITY 0x40000000u
#define OCR_READY 0x80000000u
#define RCA_MASK 0xffff0000u
#define BUS_4_BITS 2u

static const struct sdhost_command go_idle = {.index = 0, .answer = SDHOST_NONE, .first = true};

static int command(struct sdcard *card, uint8_t index, enum sdhost_answer answer, uint32_t arg)
{
    return sdhost_do(&card->host, &(struct sdhost_command){.index = index,
                                                           .answer = (uint8_t)answer,
                                                           .arg = arg,
                                                           .wait_ns = SDCARD_COMMAND_NS});
}

/* An application's command: CMD55 goes before it. */
static int app_command(struct sdcard *card, uint8_t index, enum sdhost_answer answer, uint32_t arg)
{
    int err = command(card, 55, SDHOST_SHORT, card->rca);

    return err == 0 ? command(card, index, answer, arg) : err;
}

/* Bits `from` .. `from`+n-1 of 128; n: 1..22. */
static uint32_t bits(const uint32_t words[4], unsigned from, unsigned n)
{
    const unsigned word = from / 32, shift = from % 32;
    uint64_t both = words[word] | (word < 3 ? (uint64_t)words[word + 1] << 32 : 0);

    return (uint32_t)(both >> shift) & ((1u << n) - 1);
}

bool sdcard_read_csd(const uint32_t words[4], struct sdcard_csd *csd)
{
    const uint32_t version = bits(words, 126, 2), block_shift = bits(words, 80, 4);

    csd->read_only = bits(words, 12, 2) != 0; /* for good, or for now */
    if (version == 0) {                       /* 5.3.2 */
        if (block_shift < 9 || block_shift > 11)
            return false;
        csd->bytes = ((uint64_t)bits(words, 62, 12) + 1) << (bits(words, 47, 3) + 2 + block_shift);
    } else if (version == 1) { /* 5.3.3 */
        csd->bytes = ((uint64_t)bits(words, 48, 22) + 1) << 19;
    } else {
        return false;
    }
    return true;
}

/* Up to the OCR register (4.2.3). */
static int wake(struct sdcard *card, const char **why)
{
    const uint64_t end = plat_now_ns() + SDCARD_START_NS;
    uint32_t arg = OCR_VOLTAGES, ocr;

    *why = "no card";
    if (sdhost_do(&card->host, &go_idle) < 0)
        return -E_NODEV;
    /* A card older than version 2.00 does not know this, and does not answer. */
    if (command(card, 8, SDHOST_SHORT, CMD8_PATTERN) == 0) {
        *why = "a card that does not take 3.3 V";
        if ((sdhost_answer(&card->host, 0) & 0xfff) != CMD8_PATTERN)
            return -E_NOSYS;
        *why = "no card";
        arg |= OCR_HIGH_CAPACITY;
    }
    for (;;) {
        if (app_command(card, 41, SDHOST_SHORT_UNCHECKED, arg) < 0)
            return -E_NODEV; /* or an MMC, which knows neither */
        ocr = sdhost_answer(&card->host, 0);
        if ((ocr & OCR_READY) != 0)
            break;
        *why = "the card does not come up";
        if (plat_now_ns() >= end)
            return -E_TIMEDOUT;
    }
    card->by_blocks = (ocr & OCR_HIGH_CAPACITY) != 0;
    return 0;
}

/* Its address, what it is, and to the state in which it transfers (4.3). */
static int select(struct sdcard *card, uint32_t csd[4])
{
    int err = command(card, 2, SDHOST_LONG, 0);

    if (err == 0)
        err = command(card, 3, SDHOST_SHORT, 0);
    card->rca = sdhost_answer(&card->host, 0) & RCA_MASK;
    if (err == 0)
        err = command(card, 9, SDHOST_LONG, card->rca);
    for (unsigned i = 0; i < 4; i++)
        csd[i] = sdhost_answer(&card->host, i);
    if (err == 0)
        err = sdhost_go_fast(&card->host);
    if (err == 0)
        err = command(card, 7, SDHOST_SHORT, card->rca);
    if (err == 0)
        err = app_command(card, 6, SDHOST_SHORT, BUS_4_BITS); /* every card has four lines */
    if (err < 0)
        return err;
    sdhost_use_4_lines(&card->host);
    return command(card, 16, SDHOST_SHORT, SDHOST_BLOCK_BYTES);
}

int sdcard_start(struct sdcard *card, const char **why)
{
    struct sdcard_csd csd;
    uint32_t words[4];
    int err = wake(card, why);

    if (err < 0)
        return err;
    *why = "the card fails at its identification";
    err = select(card, words);
    if (err < 0)
        return err;
    *why = "a card of a kind that is not known, or of no size";
    if (!sdcard_read_csd(words, &csd) || (csd.bytes >> 9) > UINT32_MAX ||
        (!card->by_blocks && csd.bytes > UINT32_MAX))
        return -E_NOSYS;
    card->dev.caps = (struct blkdev_caps){
        .bytes = csd.bytes,
        .block_bytes = SDHOST_BLOCK_BYTES,
        .physical_bytes = SDHOST_BLOCK_BYTES,
        .segs_max = SDHOST_SEGS_MAX,
        .requests_max = SDCARD_REQUESTS_MAX,
        .read_only = csd.read_only,
        .removable = true,
    };
    return 0;
}
