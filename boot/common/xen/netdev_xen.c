/* SPDX-License-Identifier: ISC */
/* netdev_xen.c - the vifs that xenstore lists, through netfront. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/netfront.h>
#include <morgana/page.h>
#include <morgana/platform.h>
#include <morgana/xenbus.h>

#include "start_priv.h"

/* Of start->vifs, by the same number. */
static _Alignas(16) uint8_t storage[START_NETDEVS_MAX][NETFRONT_BYTES];

/* ---- which there are ------------------------------------------------------------------------- */

struct list {
    uint32_t ids[START_NETDEVS_MAX]; /* ascending */
    unsigned count;
};

/* False: there is no room for another one. */
static bool add(struct list *list, uint32_t id)
{
    unsigned i;

    for (i = 0; i < list->count; i++) {
        if (list->ids[i] == id)
            return true;
    }
    if (list->count == START_NETDEVS_MAX)
        return false;
    for (i = list->count++; i > 0 && list->ids[i - 1] > id; i--)
        list->ids[i] = list->ids[i - 1];
    list->ids[i] = id;
    return true;
}

/* The numbers of device/vif/<number>. Xenstore's error, where it cannot be listed. */
static int add_listed(struct start *start, struct list *list)
{
    uint32_t ids[START_NETDEVS_MAX + 1];
    int n = xenbus_list(&start->xs, "vif", ids, ARRAY_SIZE(ids));

    if (n < 0 && start->vif_look_ns == 0)
        LOG_WARN("device/vif cannot be listed: %s", err_name(n));
    for (int i = 0; i < n; i++) {
        if (add(list, ids[i]))
            continue;
        if (start->vif_look_ns == 0)
            LOG_WARN("more than %u network devices: the others are not used", START_NETDEVS_MAX);
        break;
    }
    return n < 0 ? n : 0;
}

/* One that is open keeps its place while it is detached: it may come back. */
static int list_vifs(struct start *start, struct list *list)
{
    list->count = 0;
    if (!start->has_xs || !start->has_gnttab)
        return 0;
    for (unsigned i = 0; i < START_NETDEVS_MAX; i++) {
        if (start->vifs[i].dev != NULL)
            (void)add(list, start->vifs[i].id);
    }
    return add_listed(start, list);
}

/* Where xenstored does not answer, what was counted stands, and is counted again a pause later. */
static void count_vifs(struct start *start)
{
    uint32_t fired = start->vif_watch.fired; /* a change after the listing fires again */
    struct list list;

    if (xs_no_answer(list_vifs(start, &list))) {
        start->vif_look_ns = plat_now_ns() + XS_RETRY_NS;
        return;
    }
    start->vif_seen = fired;
    start->vif_count = list.count;
    /* Nobody tells of changes: they are looked for. */
    start->vif_look_ns = start->has_vif_watch ? 0 : plat_now_ns() + XS_RETRY_NS;
}

/* xenstore is asked only after something changed there, and, where it does not answer or refuses
 * the watch, once in XS_RETRY_NS: a program may call this each turn. */
unsigned start_vif_count(void)
{
    struct start *start = start_get();
    int err = 0;

    if (!start->has_xs)
        return 0;
    xs_poll(&start->xs);
    if (!xs_may_retry(&start->xs, start->vif_look_ns, plat_now_ns()))
        return start->vif_count;
    if (!start->has_vif_watch) {
        err = xs_watch(&start->xs, &start->vif_watch, "device/vif");
        start->has_vif_watch = err == 0;
        if (err != 0 && start->vif_look_ns == 0)
            LOG_WARN("device/vif cannot be watched: %s", err_name(err));
        if (xs_no_answer(err)) {
            start->vif_look_ns = plat_now_ns() + XS_RETRY_NS;
            return start->vif_count;
        }
        xs_poll(&start->xs);
        count_vifs(start);
    } else if (start->vif_look_ns != 0 || start->vif_seen != start->vif_watch.fired) {
        count_vifs(start);
    }
    return start->vif_count;
}

/* ---- open ------------------------------------------------------------------------------------ */

/* The number of a free one of start->vifs, or -E_BUSY. A device that is open has one of them, and
 * there are as many as can be listed. */
static int free_slot(const struct start_vif *vifs, uint32_t id)
{
    int slot = -E_BUSY;

    for (int i = START_NETDEVS_MAX; i-- > 0;) {
        if (vifs[i].dev == NULL)
            slot = i;
        else if (vifs[i].id == id)
            return -E_BUSY;
    }
    return slot;
}

/* Pages that have a word for each page of the pool. */
static uint32_t grants_pages(const struct page_pool *pool)
{
    return (pool->total * (uint32_t)sizeof(gref_t) + PAGE_BYTES - 1) / PAGE_BYTES;
}

/* netfront_conf.tx_grants, in a row of the pool's own pages, or what the last device with this pool
 * left there. NULL: there is no row, said: a frame has a grant of its own. */
static gref_t *grants_get(struct start_vif *vif, struct page_pool *pool)
{
    uint32_t n = grants_pages(pool);

    if (vif->grants == NULL) {
        vif->grants = page_get_row(pool, n);
        if (vif->grants != NULL)
            memset(vif->grants->base, 0, (size_t)n * PAGE_BYTES);
    }
    if (vif->grants == NULL || vif->grants->pool != pool) {
        LOG_WARN("netfront=txgrants: no row of %u free pages: no grant is kept", n);
        return NULL;
    }
    return (gref_t *)(void *)vif->grants->base;
}

/* The row stays while it says what a backend did not let go of. */
static void grants_put(struct start_vif *vif)
{
    struct page *row = vif->grants;

    if (row == NULL)
        return;
    for (uint32_t i = 0; i < row->pool->total; i++) {
        if (((const gref_t *)(const void *)row->base)[i] != 0)
            return;
    }
    for (uint32_t i = 0; i < grants_pages(row->pool); i++)
        page_put(&row[i]);
    vif->grants = NULL;
}

int start_vif_open(unsigned vif, unsigned index, struct pkt_pool *pool, struct netdev **dev)
{
    struct start *start = start_get();
    struct list list;
    uint8_t mac[6];
    struct start_netfront words = {
        .conf = {
            .ev = &start->ev,
            .gt = &start->gt,
            .xs = &start->xs,
            .pool = pool,
            /* The ring keeps its pages: half of a small pool, so that some are left to send. */
            .rx_slots = u32_min(NETFRONT_RING_SLOTS, pool->pages->total / 2),
            .quarantine = &start->quarantine,
        }};
    struct netfront_conf *conf = &words.conf;
    int slot, err = start_netfront_words(start, &words);

    if (err < 0)
        return err;
    err = list_vifs(start, &list);
    if (err < 0) {
        LOG_ERROR("network device %u: xenstore does not list it: %s", index, err_name(err));
        return err;
    }
    if (vif >= list.count) {
        LOG_ERROR("network device %u: there is none (Linux process: tap=NAME; Xen: vif=[...])",
                  index);
        return -E_NODEV;
    }
    conf->index = list.ids[vif];
    slot = free_slot(start->vifs, conf->index);
    if (slot < 0) {
        LOG_ERROR("network device %u: open already", index);
        return -E_BUSY;
    }
    if (index == 0) { /* mac= names the first one's */
        err = args_get_mac(start->argc, start->argv, "mac", mac);
        if (err < 0)
            return err;
        if (err > 0)
            conf->mac = mac;
    }
    if (words.tx_grants)
        conf->tx_grants = grants_get(&start->vifs[slot], pool->pages);
    err = netfront_open(storage[slot], conf, dev);
    if (err < 0) {
        grants_put(&start->vifs[slot]);
        LOG_ERROR("network device %u (vif %u) does not open: %s", index, conf->index,
                  err_name(err));
        return err;
    }
    start->vifs[slot].dev = *dev;
    start->vifs[slot].pool = pool;
    start->vifs[slot].id = conf->index;
    return 0;
}

bool start_vif_close(struct netdev *dev)
{
    struct start *start = start_get();

    for (unsigned i = 0; i < START_NETDEVS_MAX; i++) {
        if (start->vifs[i].dev == dev) {
            netfront_close(dev);
            start->vifs[i].dev = NULL;
            grants_put(&start->vifs[i]);
            count_vifs(start);
            return true;
        }
    }
    return false;
}
