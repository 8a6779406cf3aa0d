/* SPDX-License-Identifier: ISC */
/* sdhw.h - an SD host with a card in it, made of C, for tests of the driver: registers, DMA that
 * does not see the CPU's caches, and a card that may do anything. Each test program includes it
 * once, in front of the driver. */
#ifndef TESTS_SDHW_H
#define TESTS_SDHW_H

#include <string.h>
#include <sys/mman.h>

#include "support.h"

#include <cmocka.h>

#include "boot/armv7/armv7.h"
#include "boot/cubieboard/mmio.h"
#include "boot/cubieboard/sdcard.h"
#include "boot/cubieboard/sdhost_regs.h"

#define SDHW_BASE 0x1000u
#define SDHW_PAGES 40u
#define SDHW_BLOCKS 2048u
#define SDHW_RCA 0x45670000u

/* What the DMA can reach, below 4 GiB as on the board: the CPU's view. */
struct sdhw_reach {
    struct sdcard card;
    _Alignas(PAGE_BYTES) uint8_t memory[SDHW_PAGES][PAGE_BYTES];
};

static struct sdhw_reach *reach;
static uint8_t sdhw_dram[sizeof(struct sdhw_reach)];         /* what the memory itself has */
static uint8_t sdhw_dropped[sizeof(struct sdhw_reach) / 64]; /* no line in the cache */
static uint8_t sdhw_written[sizeof(struct sdhw_reach) / 64]; /* by the device, since */
static uint64_t sdhw_now_ns;

static struct {
    bool no_host, no_card, old, by_blocks, write_protected, many_tries;
    uint32_t csd[4];
    unsigned ready_after;   /* so many ACMD41 */
    uint64_t busy_ns;       /* after each write */
    bool holds;             /* data goes nowhere until sdhw_release() */
    uint32_t fails_with;    /* bits of RISR instead of the next data's end */
    uint32_t status_errors; /* of the next CMD13 */
    bool silent;            /* no command is answered from now on */

    uint32_t reg[64];
    uint8_t blocks[SDHW_BLOCKS][512];
    bool app, fast_clock, stopped;
    unsigned commands[64], lines, resets;
    uint64_t busy_until_ns;
    uint32_t held; /* the command that waits for sdhw_release() */
} sdhw;

static uint32_t *sdhw_reg(unsigned at)
{
    assert_true(at % 4 == 0 && at / 4 < ARRAY_SIZE(sdhw.reg));
    return &sdhw.reg[at / 4];
}

/* Time passes when it is asked for. */
uint64_t plat_now_ns(void)
{
    return sdhw_now_ns += NS_PER_US;
}

/* ---- the cache ------------------------------------------------------------------------------- */

static size_t sdhw_offset(uint64_t at, size_t n)
{
    uint64_t off = at - (uint64_t)(uintptr_t)reach;

    assert_true(at >= (uint64_t)(uintptr_t)reach && off + n <= sizeof(*reach));
    return (size_t)off;
}

void armv7_dcache_clean(const void *start, size_t bytes)
{
    size_t off = sdhw_offset((uintptr_t)start, bytes);

    assert_true(off % 64 == 0 && bytes % 64 == 0); /* nobody else's lines */
    memcpy(sdhw_dram + off, start, bytes);
}

void armv7_dcache_clean_invalidate(const void *start, size_t bytes)
{
    size_t off = sdhw_offset((uintptr_t)start, bytes);

    assert_true(off % 64 == 0 && bytes % 64 == 0);
    for (size_t i = off / 64; i < (off + bytes) / 64; i++) {
        if (sdhw_written[i] != 0)
            memcpy((uint8_t *)reach + i * 64, sdhw_dram + i * 64, 64);
        else
            memcpy(sdhw_dram + i * 64, (uint8_t *)reach + i * 64, 64);
        sdhw_written[i] = 0;
        sdhw_dropped[i] = 1;
    }
}

/* ---- data ------------------------------------------------------------------------------------ */

static void sdhw_move(uint32_t block, bool to_card)
{
    uint32_t at = *sdhw_reg(SD_DLBA), left = *sdhw_reg(SD_BYCR);
    uint8_t *card = sdhw.blocks[block];

    assert_true((*sdhw_reg(SD_GCTL) & SD_GCTL_DMA) != 0 && (*sdhw_reg(SD_DMAC) & SD_DMAC_ON) != 0);
    assert_int_equal(*sdhw_reg(SD_BKSR), 512);
    assert_true(left % 512 == 0 && block + left / 512 <= SDHW_BLOCKS);
    for (bool first = true; left > 0; first = false) {
        struct sdhost_desc d;
        size_t off;

        memcpy(&d, sdhw_dram + sdhw_offset(at, sizeof(d)), sizeof(d));
        assert_true((d.flags & SD_DESC_DEVICES) != 0 && d.bytes > 0 && d.bytes <= left);
        assert_int_equal((d.flags & SD_DESC_FIRST) != 0, first);
        assert_int_equal((d.flags & SD_DESC_LAST) != 0, d.bytes == left);
        off = sdhw_offset(d.at, d.bytes);
        if (to_card)
            memcpy(card, sdhw_dram + off, d.bytes);
        else
            memcpy(sdhw_dram + off, card, d.bytes);
        for (size_t i = off / 64; i < (off + d.bytes) / 64 && !to_card; i++) {
            assert_true(sdhw_dropped[i]);
            sdhw_written[i] = 1;
            sdhw_dropped[i] = 0;
        }
        card += d.bytes;
        left -= d.bytes;
        at = d.next;
    }
}

static void sdhw_end_data(uint32_t command)
{
    const uint32_t arg = *sdhw_reg(SD_CAGR);
    const bool write = (command & SD_CMDR_WRITE) != 0;

    if (sdhw.fails_with != 0) {
        *sdhw_reg(SD_RISR) |= SD_RISR_COMMAND_DONE | sdhw.fails_with;
        sdhw.fails_with = 0;
        return;
    }
    sdhw_move(sdhw.by_blocks ? arg : arg / 512, write);
    *sdhw_reg(SD_IDST) |= write ? 1 : SD_IDST_RECEIVED;
    *sdhw_reg(SD_RISR) |= SD_RISR_COMMAND_DONE | SD_RISR_DATA_DONE |
                          ((command & SD_CMDR_AUTO_STOP) != 0 ? SD_RISR_AUTO_STOP_DONE : 0);
    if (write)
        sdhw.busy_until_ns = sdhw_now_ns + sdhw.busy_ns;
}

static UNUSED void sdhw_release(void)
{
    sdhw.holds = false;
    if (sdhw.held != 0)
        sdhw_end_data(sdhw.held);
    sdhw.held = 0;
}

/* ---- the card -------------------------------------------------------------------------------- */

/* Does it answer? In answer[0..3], bits 31..0 first. */
static bool sdhw_card(unsigned index, uint32_t arg, uint32_t answer[4])
{
    const bool app = sdhw.app;

    sdhw.app = false;
    if (sdhw.no_card || sdhw.silent)
        return false;
    answer[0] = 0x900; /* ready, in the state that transfers */
    switch (index) {
    case 8:
        answer[0] = arg & 0xfff;
        return !sdhw.old;
    case 55:
        sdhw.app = true;
        return true;
    case 41:
        assert_true(app);
        assert_int_equal((arg & 0x40000000) != 0, !sdhw.old);
        answer[0] = 0x00ff8000;
        if (sdhw.ready_after > 0)
            sdhw.ready_after--;
        else
            answer[0] |= 0x80000000 | (sdhw.by_blocks ? 0x40000000 : 0);
        return true;
    case 3:
        answer[0] = SDHW_RCA | 0x500;
        return true;
    case 9:
        memcpy(answer, sdhw.csd, sizeof(sdhw.csd));
        return arg == SDHW_RCA;
    case 6:
        assert_true(app && arg == 2);
        sdhw.lines = 4;
        return true;
    case 12:
        sdhw.stopped = true;
        return true;
    case 13:
        assert_int_equal(arg, SDHW_RCA);
        assert_true(sdhw_now_ns >= sdhw.busy_until_ns);
        answer[0] |= sdhw.status_errors;
        sdhw.status_errors = 0;
        return true;
    default:
        return true;
    }
}

static void sdhw_command(uint32_t command)
{
    const unsigned index = command & 63;
    uint32_t answer[4] = {0};

    if ((command & SD_CMDR_CLOCK) != 0)
        return;
    assert_true((*sdhw_reg(SD_CKCR) & SD_CKCR_ON) != 0);
    if (index != 12 && index != 13)
        assert_true(sdhw_now_ns >= sdhw.busy_until_ns);
    sdhw.commands[index]++;
    if ((command & SD_CMDR_RESPONSE) == 0) {
        *sdhw_reg(SD_RISR) |= SD_RISR_COMMAND_DONE;
        return;
    }
    if (!sdhw_card(index, *sdhw_reg(SD_CAGR), answer)) {
        *sdhw_reg(SD_RISR) |= SD_RISR_RESPONSE_TIMEOUT | SD_RISR_COMMAND_DONE;
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        *sdhw_reg(SD_RESP(i)) = answer[i];
    if ((command & SD_CMDR_DATA) == 0)
        *sdhw_reg(SD_RISR) |= SD_RISR_COMMAND_DONE;
    else if (sdhw.holds)
        sdhw.held = command;
    else
        sdhw_end_data(command);
}

/* ---- registers ------------------------------------------------------------------------------- */

uint32_t mmio_read(uintptr_t at)
{
    unsigned reg = (unsigned)(at - SDHW_BASE);

    if (sdhw.no_host)
        return 0;
    if (reg == SD_STAR)
        return sdhw_now_ns < sdhw.busy_until_ns ? SD_STAR_CARD_BUSY : 0;
    return *sdhw_reg(reg);
}

void mmio_write(uintptr_t at, uint32_t value)
{
    unsigned reg = (unsigned)(at - SDHW_BASE);

    if (sdhw.no_host)
        return;
    switch (reg) {
    case SD_RISR:
    case SD_IDST:
        *sdhw_reg(reg) &= ~value;
        return;
    case SD_GCTL:
        sdhw.resets += (value & SD_GCTL_RESET) == SD_GCTL_RESET;
        *sdhw_reg(reg) = value & ~SD_GCTL_RESET;
        return;
    case SD_CMDR:
        *sdhw_reg(reg) = value & ~SD_CMDR_LOAD;
        if ((value & SD_CMDR_LOAD) != 0)
            sdhw_command(value);
        return;
    default:
        *sdhw_reg(reg) = value;
    }
}

static UNUSED bool sdhw_line(void)
{
    return (*sdhw_reg(SD_GCTL) & SD_GCTL_INTERRUPT) != 0 &&
           ((*sdhw_reg(SD_RISR) & *sdhw_reg(SD_IMKR)) != 0 ||
            (*sdhw_reg(SD_IDST) & *sdhw_reg(SD_IDIE)) != 0);
}

/* No clock must reach the card while it changes. */
static void sdhw_clock(bool fast)
{
    assert_true((*sdhw_reg(SD_CKCR) & SD_CKCR_ON) == 0);
    sdhw.fast_clock = fast;
}

/* ---- setting up ------------------------------------------------------------------------------ */

/* A card of 1 MiB: of high capacity its size would be a multiple of 512 KiB, of standard capacity
 * (256 units of 4 blocks) * 2. */
static void sdhw_power_on(bool by_blocks)
{
    memset(&sdhw, 0, sizeof(sdhw));
    memset(sdhw_dropped, 0, sizeof(sdhw_dropped));
    memset(sdhw_written, 0, sizeof(sdhw_written));
    sdhw.by_blocks = by_blocks;
    sdhw.lines = 1;
    sdhw_now_ns = VPLAT_START_NS;
    if (by_blocks) {
        sdhw.csd[3] = 1u << 30;
        sdhw.csd[1] = 1u << 16;
    } else {
        sdhw.csd[2] = 9u << 16 | (255u >> 2 & 0x3ff);
        sdhw.csd[1] = (255u & 3) << 30 | 1u << 15;
    }
    for (unsigned i = 0; i < SDHW_BLOCKS; i++)
        memset(sdhw.blocks[i], (int)(i * 7 + i / 256 + 1), 512);
    if (reach == NULL) {
        reach = mmap(NULL, sizeof(*reach), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        assert_ptr_not_equal(reach, MAP_FAILED);
    }
}

#endif
