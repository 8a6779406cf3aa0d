/* SPDX-License-Identifier: ISC */
/* sdcard.h - an SD memory card behind Allwinner's host as a blkdev (SD Specifications, Part 1,
 * Physical Layer Simplified Specification, version 6.00: "PLS").
 *
 * Cards of standard capacity (bytes are addressed) and of high or extended capacity (blocks of 512
 * bytes are), at 24 MHz on four lines. One request is in hand at a time; it is one command. A write
 * is done when the card no longer says that it is writing and has said that nothing went wrong: so
 * there is nothing left for FLUSH to do. A request that fails is not tried again. A card that no
 * longer answers is gone, and stays so: close, and open again. */
#ifndef BOOT_SDCARD_H
#define BOOT_SDCARD_H

#include <morgana/blkdev.h>

#include "sdhost.h"

#define SDCARD_REQUESTS_MAX 32u
/* PLS 4.6.2: at most 100 ms to read, 500 ms to write; and what a whole transfer takes. */
#define SDCARD_TRANSFER_NS (2 * NS_PER_S)
#define SDCARD_BUSY_NS NS_PER_S
#define SDCARD_COMMAND_NS (100 * NS_PER_MS)
#define SDCARD_START_NS NS_PER_S /* PLS 4.2.3: for ACMD41 */

enum sdcard_state { SDCARD_IDLE, SDCARD_DATA, SDCARD_STOP, SDCARD_BUSY, SDCARD_STATUS };

/* State; the caller's storage, treat as opaque. */
struct sdcard {
    struct blkdev dev;
    struct sdhost host;
    uint32_t rca; /* the card's address, in the upper half */
    bool by_blocks;
    enum sdcard_state state;
    struct blk_req *current;
    int status;             /* what `current` will end with */
    uint64_t busy_until_ns; /* the longest that it may be writing */
    struct blk_req *queue, **queue_end, *done, **done_end;
    uint16_t requests; /* the driver has: waiting, current, done */
    bool refused;      /* somebody waits for room */
};

/* Finds the card and makes it ready. Gives it in *dev. Keeps card until sdcard_close; conf: Lent.
 * -E_NODEV: no host at this address, or no card in it; -E_NOSYS: a card that is not for us;
 * -E_TIMEDOUT, -E_IO: it does not come up. One sentence in *why (a literal). Takes up to two
 * seconds. */
int sdcard_open(struct sdcard *card, const struct sdhost_conf *conf, struct blkdev **dev,
                const char **why);
/* What is in flight ends, and is lost: references to its pages are put. */
void sdcard_close(struct sdcard *card);

/* Nothing interrupts when the card has done writing: how long to sleep before it is looked at
 * again; NS_NEVER where nobody waits for that. */
uint64_t sdcard_nap_ns(const struct sdcard *card);

/* ---- sdcard_start.c ---- */

struct sdcard_csd {
    uint64_t bytes;
    bool read_only;
};

/* Of the CSD register's bits 31..0, 63..32, ... (PLS 5.3). False: of a kind that we do not know, or
 * impossible. */
bool sdcard_read_csd(const uint32_t words[4], struct sdcard_csd *csd);

/* From reset to the state in which it transfers (PLS 4.2.3, 4.3): fills card->rca, by_blocks and
 * dev.caps. Errors as sdcard_open. */
int sdcard_start(struct sdcard *card, const char **why);

#endif
