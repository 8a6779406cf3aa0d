/* SPDX-License-Identifier: ISC */
/* blkdev.c - the program's one block device: the card in the board's socket. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "board.h"
#include "sdcard.h"

#define NAME "mmc0"

static struct sdcard card;
static bool is_open;

unsigned plat_blkdev_count(void)
{
    return 1;
}

const char *plat_blkdev_name(unsigned index)
{
    return index == 0 ? NAME : NULL;
}

static bool means_card(const char *name)
{
    static const char *const names[] = {NAME, "sd0", ""};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (cs_equal_str(cs_of_str(name), names[i]))
            return true;
    }
    return false;
}

int plat_blkdev_open(const char *name, struct page_pool *pool, struct blkdev **dev)
{
    const struct sdhost_conf conf = {.base = board()->mmc, .clock = board_mmc_clock};
    const char *why;
    int err;

    (void)pool; /* nothing is copied, and descriptors are the driver's own */
    if (!means_card(name)) {
        LOG_ERROR("block device \"%s\": there is only " NAME, args_show(name).text);
        return -E_NODEV;
    }
    if (is_open) {
        LOG_ERROR(NAME ": open already");
        return -E_BUSY;
    }
    board_mmc_on();
    err = sdcard_open(&card, &conf, dev, &why);
    if (err < 0) {
        LOG_ERROR(NAME ": %s: %s", why, err_name(err));
        return err;
    }
    LOG_INFO(NAME ": an SD card%s, %lu MiB%s", card.by_blocks ? " of high capacity" : "",
             (unsigned long)((*dev)->caps.bytes >> 20),
             (*dev)->caps.read_only ? ", write-protected" : "");
    is_open = true;
    return 0;
}

void plat_blkdev_close(struct blkdev *dev)
{
    if (is_open && dev == &card.dev) {
        sdcard_close(&card);
        is_open = false;
    }
}

uint64_t blkdev_nap_ns(void)
{
    return is_open ? sdcard_nap_ns(&card) : NS_NEVER;
}
