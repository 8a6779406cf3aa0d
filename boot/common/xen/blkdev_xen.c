/* SPDX-License-Identifier: ISC */
/* blkdev_xen.c - the vbds that xenstore lists, through blkfront. */
#include <morgana/args.h>
#include <morgana/blkfront.h>
#include <morgana/log.h>
#include <morgana/start.h>
#include <morgana/xenbus.h>

#define LISTED_MAX 16u
/* Of a pool with so many pages, four make a ring as long as blkfront's table; of less, one. */
#define LARGE_POOL_PAGES 256u
#define LARGE_ORDER 2u

/* Of start->vbds, by the same number. */
static _Alignas(16) uint8_t storage[START_BLKDEVS_MAX][BLKFRONT_BYTES];

/* The numbers of device/vbd/<number>, ascending: how many. */
static unsigned list_vbds(uint32_t indices[LISTED_MAX])
{
    struct start *start = start_get();
    int n;

    if (!start->has_xs || !start->has_gnttab)
        return 0;
    n = xenbus_list(&start->xs, "vbd", indices, LISTED_MAX);
    if (n < 0)
        LOG_WARN("device/vbd cannot be listed: %s", err_name(n));
    return n < 0 ? 0 : (unsigned)n;
}

unsigned start_vbd_count(void)
{
    uint32_t indices[LISTED_MAX];

    return list_vbds(indices);
}

const char *start_vbd_name(unsigned vbd)
{
    static char names[LISTED_MAX][BLKFRONT_NAME_BYTES];
    uint32_t indices[LISTED_MAX];

    if (vbd >= list_vbds(indices))
        return NULL;
    if (blkfront_called(&start_get()->xs, indices[vbd], names[vbd]) != 0)
        (void)fmt_buf(names[vbd], sizeof(names[vbd]), "%u", indices[vbd]);
    return names[vbd];
}

/* ---- open ------------------------------------------------------------------------------------ */

/* One line says what the name came to. */
static int refused(const char *name, const char *why, int err)
{
    LOG_ERROR("block device \"%s\": %s", args_show(name).text, why);
    return err;
}

static int find(const char *name, uint32_t *index)
{
    uint32_t indices[LISTED_MAX];
    unsigned n = list_vbds(indices);
    int err = -E_NODEV;

    if (n == 0)
        return refused(name, "there is none (Xen: disk=[...])", -E_NODEV);
    if (*name == '\0' && n > 1)
        return refused(name, "there are several: give one's name", -E_EXIST);
    if (*name == '\0') {
        *index = indices[0];
        return 0;
    }
    err = blkfront_find(&start_get()->xs, name, index);
    if (err == -E_EXIST)
        return err; /* said */
    return err == 0 ? 0 : refused(name, err == -E_NODEV ? "there is none" : err_name(err), err);
}

/* vbd-...: how the device is driven, for those who measure it. 0, or -E_INVAL, said. */
static int read_words(struct blkfront_conf *conf)
{
    struct start *start = start_get();
    uint32_t queues = conf->queues, order = conf->ring_order, persistent = 0, indirect = 1;
    int err = args_get_u32(start->argc, start->argv, "vbd-queues", 1, BLKFRONT_QUEUES_MAX, &queues);

    if (err >= 0)
        err = args_get_u32(start->argc, start->argv, "vbd-ring-order", 0, BLKFRONT_RING_ORDER_MAX,
                           &order);
    if (err >= 0)
        err = args_get_u32(start->argc, start->argv, "vbd-persistent", 0, 1, &persistent);
    if (err >= 0)
        err = args_get_u32(start->argc, start->argv, "vbd-indirect", 0, 1, &indirect);
    conf->queues = (uint8_t)queues;
    conf->ring_order = (uint8_t)order;
    conf->persistent = persistent != 0;
    conf->no_indirect = indirect == 0;
    return err < 0 ? err : 0;
}

/* The number of a free one of start->vbds, or a negative E_ code, said. */
static int free_slot(const char *name, uint32_t id)
{
    const struct start_vbd *vbds = start_get()->vbds;
    int slot = -1;

    for (int i = START_BLKDEVS_MAX; i-- > 0;) {
        if (vbds[i].dev == NULL)
            slot = i;
        else if (vbds[i].id == id)
            return refused(name, "open already", -E_BUSY);
    }
    return slot >= 0 ? slot : refused(name, "too many are open", -E_NOMEM);
}

int start_vbd_open(const char *name, struct page_pool *pool, struct blkdev **dev)
{
    struct start *start = start_get();
    struct blkfront_conf conf = {
        .ev = &start->ev,
        .gt = &start->gt,
        .xs = &start->xs,
        .pool = pool,
        .ring_order = pool->total >= LARGE_POOL_PAGES ? LARGE_ORDER : 0,
        .queues = 1,
        .quarantine = &start->quarantine,
    };
    int slot, err = find(name, &conf.index);

    if (err == 0)
        err = read_words(&conf);
    if (err != 0)
        return err;
    slot = free_slot(name, conf.index);
    if (slot < 0)
        return slot;
    err = blkfront_open(storage[slot], &conf, dev);
    if (err != 0) {
        LOG_ERROR("block device \"%s\" (vbd %u) does not open: %s", args_show(name).text,
                  conf.index, err_name(err));
        return err;
    }
    start->vbds[slot] = (struct start_vbd){.dev = *dev, .pool = pool, .id = conf.index};
    return 0;
}

bool start_vbd_close(struct blkdev *dev)
{
    struct start_vbd *vbds = start_get()->vbds;

    for (unsigned i = 0; i < START_BLKDEVS_MAX; i++) {
        if (vbds[i].dev == dev) {
            blkfront_close(dev);
            vbds[i].dev = NULL;
            return true;
        }
    }
    return false;
}
