/* SPDX-License-Identifier: ISC */
/* blkdev.c - the program's block devices: every one is a vbd. */
#include <morgana/platform.h>
#include <morgana/start.h>

unsigned plat_blkdev_count(void)
{
    return start_vbd_count();
}

const char *plat_blkdev_name(unsigned index)
{
    return start_vbd_name(index);
}

int plat_blkdev_open(const char *name, struct page_pool *pool, struct blkdev **dev)
{
    return start_vbd_open(name, pool, dev);
}

void plat_blkdev_close(struct blkdev *dev)
{
    (void)start_vbd_close(dev);
}
