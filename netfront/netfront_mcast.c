/* SPDX-License-Identifier: ISC */
/* netfront_mcast.c - multicast control: the backend drops frames to groups that nobody here joined.
 *
 * Theory of operation
 *
 * The list of groups is ours, and outlives connections; the backend has a copy of it, empty at each
 * connect. `wanted` is what the program says, `told` what the backend heard last; wherever the two
 * differ, poll puts a request into queue 0's transmit ring: one without data, with one extra info
 * (MCAST_ADD or MCAST_DEL). One request a group is in flight at a time, so its answer is its own.
 *
 * The filter is asked for by request-multicast-control, before Connected. Frames of a group come
 * when its request has been answered: a moment after the join, as with any switch that snoops.
 *
 * More groups than fit a list, ours or the backend's, are no reason to be deaf: then all multicast
 * is to come (`flood`). A backend that watches the key (feature-dynamic-multicast-control) switches
 * at once. One that does not goes on filtering: a join that does not fit our list is refused, and a
 * group that its own did not take is told again to the next one. Flooding lasts as long as the
 * device: which groups did not fit is not kept.
 */
#include <morgana/log.h>

#include "netfront_priv.h"

static bool is_free(const struct netfront_group *group)
{
    return !group->wanted && !group->told && !group->flying;
}

/* Is there something to tell the backend? */
static bool is_owed(const struct netfront_group *group)
{
    return group->wanted != group->told && !group->flying && !(group->wanted && group->refused);
}

/* The group's place, or else a free one; NULL: there is none either. */
static struct netfront_group *find(struct netfront_mcast *mcast, const uint8_t mac[6])
{
    struct netfront_group *place = NULL;

    for (unsigned i = 0; i < NETFRONT_MCAST_MAX; i++) {
        struct netfront_group *group = &mcast->group[i];

        if (!is_free(group) && memcmp(group->mac, mac, sizeof(group->mac)) == 0)
            return group;
        if (place == NULL && is_free(group))
            place = group;
    }
    return place;
}

/* ---- all multicast --------------------------------------------------------------------------- */

/* Could the filter be switched off now, or is it off? */
static bool can_flood(const struct netfront_mcast *mcast)
{
    return mcast->dynamic || !mcast->filtering;
}

static void begin_flood(struct netfront *nf, const char *why)
{
    if (nf->mcast.flood)
        return;
    nf->mcast.flood = true;
    nf->mcast.pending = true;
    LOG_WARN("netfront: %s: %s: all multicast is received", nf->front.xb.path, why);
}

/* It is written once: where that fails, the next connection has it right. */
static void switch_filter_off(struct netfront *nf)
{
    nf->mcast.filtering = false;
    nf->front.asked = true;
    (void)xenbus_printf(&nf->front.xb, XS_TXN_NONE, "request-multicast-control", "0");
}

/* ---- the program's side ---------------------------------------------------------------------- */

int netfront_mcast(struct netdev *dev, const uint8_t mac[6], bool join)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct netfront *nf = CONTAINER_OF(dev, struct netfront, dev);
    struct netfront_mcast *mcast = &nf->mcast;
    struct netfront_group *group;

    if ((mac[0] & 1) == 0 || memcmp(mac, broadcast, sizeof(broadcast)) == 0)
        return -E_INVAL;
    group = find(mcast, mac);
    if (group == NULL) {
        if (!join)
            return 0;
        dev->stats.multicast_full++;
        if (!can_flood(mcast))
            return -E_NOSPC;
        begin_flood(nf, "more multicast groups than the list holds");
        return 0;
    }
    if (!join && is_free(group))
        return 0;
    if (is_free(group)) {
        memset(group, 0, sizeof(*group));
        memcpy(group->mac, mac, sizeof(group->mac));
    }
    group->wanted = join;
    mcast->pending = true;
    return 0;
}

/* ---- the backend's side ---------------------------------------------------------------------- */

void netfront_mcast_begin(struct netfront *nf, bool offered, bool dynamic)
{
    struct netfront_mcast *mcast = &nf->mcast;

    mcast->offered = offered;
    mcast->dynamic = offered && dynamic;
    mcast->filtering = offered && !mcast->flood;
    mcast->pending = offered;
    for (unsigned i = 0; i < NETFRONT_MCAST_MAX; i++) {
        mcast->group[i].told = mcast->group[i].flying = false;
        mcast->group[i].refused = false;
    }
}

int netfront_mcast_publish(struct netfront *nf, xs_txn_t txn)
{
    return xenbus_printf(&nf->front.xb, txn, "request-multicast-control", "%u",
                         nf->mcast.filtering);
}

void netfront_mcast_poll(struct netfront *nf)
{
    struct netfront_mcast *mcast = &nf->mcast;
    struct netfront_queue *q = &nf->queue[0];

    if (LIKELY(!mcast->pending))
        return;
    mcast->pending = false;
    if (!mcast->offered)
        return;
    if (mcast->flood && mcast->filtering && mcast->dynamic)
        switch_filter_off(nf);
    for (unsigned i = 0; i < NETFRONT_MCAST_MAX; i++) {
        struct netfront_group *group = &mcast->group[i];

        if (!is_owed(group))
            continue;
        if (netfront_tx_ring_mcast(q, group->wanted, group->mac, (uint16_t)i) != 0) {
            mcast->pending = true; /* no room: at the next poll */
            break;
        }
        group->told = group->wanted;
        group->flying = true;
    }
    (void)netfront_tx_ring_show(q);
    netfront_tx_ring_tell(q, false);
}

void netfront_mcast_answer(struct netfront *nf, uint16_t token, bool ok)
{
    struct netfront_group *group;

    ASSERT(token < NETFRONT_MCAST_MAX);
    group = &nf->mcast.group[token];
    group->flying = false;
    if (!ok && group->told) {
        group->told = false;
        group->refused = true;
        nf->dev.stats.multicast_refused++;
        LOG_WARN("netfront: %s: the backend does not add multicast group %s", nf->front.xb.path,
                 fmt_mac(group->mac).text);
        if (can_flood(&nf->mcast))
            begin_flood(nf, "more multicast groups than the backend takes");
    }
    nf->mcast.pending = nf->mcast.pending || is_owed(group);
}
