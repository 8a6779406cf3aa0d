/* SPDX-License-Identifier: ISC */
/* sdhost.h - Allwinner's SD/MMC host: one command at a time, its data by the host's own DMA. What
 * the commands mean is sdcard.c's. */
#ifndef BOOT_SDHOST_H
#define BOOT_SDHOST_H

#include <morgana/blkdev.h>

#define SDHOST_SEGS_MAX 32u
#define SDHOST_RESET_NS (250 * NS_PER_MS)
#define SDHOST_BLOCK_BYTES 512u

/* As the DMA reads it. */
struct sdhost_desc {
    uint32_t flags, bytes, at, next;
};

struct sdhost_conf {
    uintptr_t base; /* of its registers */
    /* Sets the clock that goes to the card: 400 kHz, or one below 25 MHz. */
    void (*clock)(bool fast);
};

enum sdhost_answer { SDHOST_NONE, SDHOST_SHORT, SDHOST_SHORT_UNCHECKED, SDHOST_LONG };

struct sdhost_command {
    uint8_t index; /* CMD0 .. CMD63 */
    uint8_t answer;
    bool first; /* 80 clocks before it */
    bool stop;  /* ends a transfer */
    uint32_t arg;
    const struct blk_req *data; /* READ or WRITE, of whole blocks; NULL: none. Lent until it ends */
    uint64_t wait_ns;           /* at most */
};

/* State; the caller's storage, treat as opaque. */
struct sdhost {
    struct sdhost_conf conf;
    _Alignas(64) struct sdhost_desc descs[SDHOST_SEGS_MAX]; /* lines of the cache of their own */
    const struct blk_req *data;
    uint32_t ends_with; /* bits of RISR that must all be there */
    uint64_t until_ns;
};
STATIC_ASSERT(sizeof(struct sdhost_desc) * SDHOST_SEGS_MAX % 64 == 0, "whole lines");

/* Resets it: slow clock, one data line. conf: Lent. -E_NODEV: no host answers at this address. */
int sdhost_open(struct sdhost *host, const struct sdhost_conf *conf);
/* No interrupt any more, no clock. */
void sdhost_close(struct sdhost *host);
/* The card can do more: the fast clock (0, or -E_NODEV); four data lines. */
int sdhost_go_fast(struct sdhost *host);
void sdhost_use_4_lines(struct sdhost *host);

/* Begins a command; the one before has ended. */
void sdhost_begin(struct sdhost *host, const struct sdhost_command *command);
/* Has it ended? -E_AGAIN: not yet. 0: it has. -E_TIMEDOUT: no answer, or it took too long; -E_IO:
 * what came was damaged. An error ends a transfer on this side only: the card may go on. */
int sdhost_poll(struct sdhost *host);
/* Begins a command, without data, and waits for its end. Errors: sdhost_poll's, but -E_AGAIN. */
int sdhost_do(struct sdhost *host, const struct sdhost_command *command);

/* The answer to the last command: word 0 alone, or 0 (bits 31..0) to 3. */
uint32_t sdhost_answer(const struct sdhost *host, unsigned word);
/* Does the card hold its data line down: is it writing? */
bool sdhost_is_busy(const struct sdhost *host);

#endif
