/* SPDX-License-Identifier: ISC */
/* netdev_xen.c - the vifs that xenstore lists, through netfront. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/netfront.h>
#include <morgana/page.h>
#include <morgana/start.h>

#define LISTING_BYTES 256u
#define VIF_MAX 999999u

static struct slot {
    _Alignas(16) uint8_t storage[NETFRONT_BYTES];
    struct netdev *dev; /* NULL: closed */
} slots[START_NETDEVS_MAX];

/* The numbers of device/vif/<number>, ascending: how many. */
static unsigned list_vifs(unsigned ids[START_NETDEVS_MAX])
{
    struct start *start = start_get();
    char names[LISTING_BYTES];
    unsigned count = 0;
    int len;

    if (!start->has_xs || !start->has_gnttab)
        return 0;
    len = xs_directory(&start->xs, XS_TXN_NONE, "device/vif", cs_of(names, sizeof(names) - 1));
    if (len < 0) {
        if (len != -E_NOENT)
            LOG_WARN("device/vif cannot be listed: %s", err_name(len));
        return 0;
    }
    names[len] = '\0';
    for (size_t at = 0; at < (size_t)len; at += __builtin_strlen(names + at) + 1) {
        struct cs_ro name = cs_of_str(names + at);
        uint64_t id = 0;
        unsigned i;

        if (name.len == 0 || fmt_parse_u64(name, VIF_MAX, &id) != name.len)
            continue;
        if (name.len > 1 && names[at] == '0')
            continue; /* "00" is no second 0 */
        if (count == START_NETDEVS_MAX) {
            LOG_WARN("more than %u network devices: the others are not used", START_NETDEVS_MAX);
            break;
        }
        for (i = count++; i > 0 && ids[i - 1] > id; i--)
            ids[i] = ids[i - 1];
        ids[i] = (unsigned)id;
    }
    return count;
}

unsigned start_vif_count(void)
{
    unsigned ids[START_NETDEVS_MAX];

    return list_vifs(ids);
}

int start_vif_open(unsigned vif, unsigned index, struct pkt_pool *pool, struct netdev **dev)
{
    struct start *start = start_get();
    unsigned ids[START_NETDEVS_MAX];
    uint8_t mac[6];
    struct netfront_conf conf = {
        .ev = &start->ev,
        .gt = &start->gt,
        .xs = &start->xs,
        .pool = pool,
        /* The ring keeps its pages: half of a small pool, so that some are left to send. */
        .rx_slots = u32_min(NETFRONT_RING_SLOTS, pool->pages->total / 2),
        .quarantine = &start->quarantine,
    };
    int err = start_netfront_words(start, &conf);

    if (err < 0)
        return err;
    if (vif >= list_vifs(ids)) {
        LOG_ERROR("network device %u: there is none (Linux process: tap=NAME; Xen: vif=[...])",
                  index);
        return -E_NODEV;
    }
    if (slots[vif].dev != NULL) {
        LOG_ERROR("network device %u: open already", index);
        return -E_BUSY;
    }
    if (index == 0) { /* mac= names the first one's */
        err = args_get_mac(start->argc, start->argv, "mac", mac);
        if (err < 0)
            return err;
        if (err > 0)
            conf.mac = mac;
    }
    conf.index = ids[vif];
    err = netfront_open(slots[vif].storage, &conf, &slots[vif].dev);
    if (err < 0) {
        slots[vif].dev = NULL;
        LOG_ERROR("network device %u (vif %u) does not open: %s", index, ids[vif], err_name(err));
        return err;
    }
    *dev = slots[vif].dev;
    return 0;
}

bool start_vif_close(struct netdev *dev)
{
    for (unsigned i = 0; i < START_NETDEVS_MAX; i++) {
        if (slots[i].dev == dev) {
            netfront_close(dev);
            slots[i].dev = NULL;
            return true;
        }
    }
    return false;
}
