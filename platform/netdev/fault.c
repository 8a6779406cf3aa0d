/* SPDX-License-Identifier: ISC */
/* fault.c - a device that spoils what passes, by a seed.
 *
 * Both directions do the same: a frame is judged once (dropped, corrupted, lengthened, doubled,
 * given a time), and then passed at once or put in the direction's list, which is ordered by due
 * time. Only what passes at once can be refused by the device behind, and is then the caller's
 * again, unharmed: so a frame is altered only where it goes through the list or in.
 */
#include <morgana/fault.h>
#include <morgana/random.h>

#include "wrap.h"

static struct fault *of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct fault, dev);
}

/* Faults strike frames as they are on the wire: nobody is to send longer ones. */
static void follow(struct netdev *dev, const struct netdev *inner)
{
    wrap_follow(dev, inner);
    dev->caps.gso_max_bytes = 0;
}

static uint64_t draw(struct fault *f)
{
    return random_next(&f->rng);
}

/* No number is drawn for a chance of zero: turning one fault on does not change where the others
 * strike. */
static bool chance(struct fault *f, uint32_t ppm)
{
    return ppm != 0 && draw(f) % FAULT_MILLION < ppm;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void list_insert(struct fault_entry **list, struct fault_entry *entry)
{
    while (*list != NULL && (*list)->due_ns <= entry->due_ns)
        list = &(*list)->next;
    entry->next = *list;
    *list = entry;
}

static bool enqueue(struct fault *f, struct fault_entry **list, struct pkt *pkt, uint64_t due_ns)
{
    struct fault_entry *entry = f->free;

    if (entry == NULL)
        return false;
    f->free = entry->next;
    entry->pkt = pkt;
    entry->due_ns = due_ns;
    list_insert(list, entry);
    return true;
}

static struct pkt *dequeue(struct fault *f, struct fault_entry **list)
{
    struct fault_entry *entry = *list;
    struct pkt *pkt = entry->pkt;

    *list = entry->next;
    entry->next = f->free;
    f->free = entry;
    return pkt;
}

/* ---- what is done to a frame ---------------------------------------------------------------- */

/* A copy that shares no page: it may be written to. */
static struct pkt *copy_of(const struct pkt *pkt)
{
    struct pkt *copy = pkt_get(pkt->pool);

    for (unsigned i = 0; copy != NULL && i < pkt->frag_count; i++) {
        if (pkt_append_copy(copy, pkt_frag_view(pkt, i)) < 0) {
            pkt_put(copy);
            copy = NULL;
        }
    }
    if (copy != NULL)
        pkt_copy_meta(copy, pkt);
    return copy;
}

static void flip(struct fault *f, struct pkt *pkt)
{
    uint64_t where = draw(f) % pkt->len;

    for (unsigned i = 0; i < pkt->frag_count; i++) {
        const struct pkt_frag *frag = &pkt->frag[i];
        if (where < frag->len) {
            uint8_t *byte = frag->page->base + frag->off + where;
            *byte = (uint8_t)(*byte ^ 1u << draw(f) % 8);
            return;
        }
        where -= frag->len;
    }
}

/* Puts a corrupted or lengthened copy in the frame's place. */
static void spoil(struct fault *f, const struct fault_dir *dir, struct fault_stats *stats,
                  struct pkt **pkt)
{
    bool corrupt = chance(f, dir->corrupt_ppm) && (*pkt)->len != 0;
    bool trail = chance(f, dir->trailing_ppm) && dir->trailing_bytes != 0;

    if (!corrupt && !trail)
        return;
    struct pkt *copy = copy_of(*pkt);
    if (copy != NULL && trail) {
        uint8_t bytes[64];
        uint64_t n = 1 + draw(f) % dir->trailing_bytes;
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)draw(f);
        while (n != 0 && copy != NULL) {
            size_t part = n < sizeof(bytes) ? (size_t)n : sizeof(bytes);
            if (pkt_append_copy(copy, cs_ro_of(bytes, part)) < 0) {
                pkt_put(copy);
                copy = NULL;
            }
            n -= part;
        }
    }
    if (copy == NULL) {
        stats->no_room++;
        return;
    }
    stats->trailed += trail;
    if (corrupt) {
        if (copy->csum == PKT_CSUM_BLANK)
            pkt_csum_complete(copy);
        copy->csum = PKT_CSUM_UNKNOWN; /* nobody can vouch for it any more */
        for (uint64_t n = 1 + draw(f) % 3; n != 0; n--)
            flip(f, copy);
        stats->corrupted++;
    }
    pkt_put(*pkt);
    *pkt = copy;
}

/* Of a super-segment that came in: of each frame it stands for, with the shortest headers. */
static uint32_t frame_bytes(const struct pkt *pkt)
{
    return pkt->gso_size == 0 ? pkt->len : NETDEV_ETH_BYTES + 40u + pkt->gso_size;
}

static bool dropped(struct fault *f, const struct fault_dir *dir, struct fault_stats *stats,
                    const struct pkt *pkt)
{
    if (dir->mtu_bytes != 0 && frame_bytes(pkt) > dir->mtu_bytes + NETDEV_ETH_BYTES) {
        stats->too_long++;
        return true;
    }
    if (chance(f, dir->loss_ppm)) {
        stats->lost++;
        return true;
    }
    return false;
}

static uint64_t delay_of(struct fault *f, const struct fault_dir *dir, struct fault_stats *stats)
{
    uint64_t delay = dir->delay_ns;

    if (dir->jitter_ns != 0)
        delay += draw(f) % (dir->jitter_ns + 1);
    if (chance(f, dir->reorder_ppm)) {
        delay += dir->reorder_ns == 0 ? NS_PER_MS : dir->reorder_ns;
        stats->reordered++;
    }
    return delay;
}

static struct pkt *second_of(struct pkt *pkt)
{
    struct pkt *second = pkt_share(pkt, 0, pkt->len);

    if (second != NULL)
        pkt_copy_meta(second, pkt);
    return second;
}

/* A second one, in the list: it comes after the first, even where nothing delays. Takes
 * `second`. */
static void enqueue_second(struct fault *f, struct fault_entry **list, struct fault_stats *stats,
                           struct pkt *second, uint64_t due_ns)
{
    if (second != NULL && enqueue(f, list, second, due_ns)) {
        stats->duplicated++;
        return;
    }
    pkt_put(second);
    stats->no_room++;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Sends what is due; what the device refuses for now stays. */
static void release_tx(struct fault *f, uint64_t now)
{
    while (f->tx != NULL && f->tx->due_ns <= now) {
        int err = netdev_tx(f->inner, f->tx->pkt);
        if (err == -E_AGAIN)
            return;
        struct pkt *pkt = dequeue(f, &f->tx);
        if (err < 0)
            pkt_put(pkt);
    }
}

static int fault_tx(struct netdev *dev, struct pkt *pkt)
{
    struct fault *f = of(dev);
    const struct fault_dir *dir = &f->conf.tx;
    struct fault_stats *stats = &f->tx_stats;
    uint64_t now = f->conf.now_ns(), delay, rng = f->rng;
    struct pkt *second = NULL;
    int err = 0;

    if (!f->inner->link_up)
        return -E_NETDOWN;
    if (pkt->gso_size != 0)
        return -E_INVAL;
    release_tx(f, now);
    if (dropped(f, dir, stats, pkt)) {
        pkt_put(pkt);
        return 0;
    }
    bool twice = chance(f, dir->duplicate_ppm);
    bool altered = dir->corrupt_ppm != 0 || dir->trailing_ppm != 0;
    struct fault_stats before = *stats;
    delay = delay_of(f, dir, stats);
    if (twice)
        second = second_of(pkt);
    if (delay == 0 && !altered) {
        err = netdev_tx(f->inner, pkt);
        if (err < 0) {
            /* The caller's again: next time it is judged the same. */
            pkt_put(second);
            f->rng = rng;
            *stats = before;
            follow(dev, f->inner);
            return err;
        }
    } else {
        spoil(f, dir, stats, &pkt);
        if (!enqueue(f, &f->tx, pkt, now + delay)) {
            pkt_put(pkt);
            stats->no_room++;
        }
    }
    stats->passed++;
    if (twice)
        enqueue_second(f, &f->tx, stats, second, now + delay);
    release_tx(f, now);
    follow(dev, f->inner);
    return 0;
}

static void fault_tx_flush(struct netdev *dev)
{
    struct fault *f = of(dev);

    release_tx(f, f->conf.now_ns());
    netdev_tx_flush(f->inner);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static unsigned release_rx(struct fault *f, uint64_t now, struct pkt **pkts, unsigned n)
{
    unsigned count = 0;

    while (count < n && f->rx != NULL && f->rx->due_ns <= now)
        pkts[count++] = dequeue(f, &f->rx);
    return count;
}

/* Judges one frame that came in; gives it back where it passes at once. Takes it. */
static struct pkt *judge_rx(struct fault *f, uint64_t now, struct pkt *pkt)
{
    const struct fault_dir *dir = &f->conf.rx;
    struct fault_stats *stats = &f->rx_stats;

    if (dropped(f, dir, stats, pkt)) {
        pkt_put(pkt);
        return NULL;
    }
    bool twice = chance(f, dir->duplicate_ppm);
    spoil(f, dir, stats, &pkt);
    uint64_t delay = delay_of(f, dir, stats);
    stats->passed++;
    if (twice)
        enqueue_second(f, &f->rx, stats, second_of(pkt), now + delay);
    if (delay == 0)
        return pkt;
    if (!enqueue(f, &f->rx, pkt, now + delay)) {
        pkt_put(pkt);
        stats->no_room++;
    }
    return NULL;
}

static unsigned fault_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct fault *f = of(dev);
    uint64_t now = f->conf.now_ns();
    unsigned count = release_rx(f, now, pkts, n), room = n - count;
    unsigned came = room == 0 ? 0 : netdev_rx(f->inner, pkts + count, room);

    /* In place: what passes moves up to where it is given out. */
    struct pkt **from = pkts + count;
    for (unsigned i = 0; i < came; i++) {
        struct pkt *pkt = judge_rx(f, now, from[i]);
        if (pkt != NULL)
            pkts[count++] = pkt;
    }
    release_tx(f, now);
    follow(dev, f->inner);
    return count;
}

static bool fault_arm(struct netdev *dev)
{
    struct fault *f = of(dev);
    uint64_t now = f->conf.now_ns();

    release_tx(f, now);
    netdev_tx_flush(f->inner);
    bool work = netdev_arm(f->inner);
    follow(dev, f->inner);
    return work || (f->rx != NULL && f->rx->due_ns <= now);
}

static int fault_multicast(struct netdev *dev, const uint8_t mac[6], bool join)
{
    return wrap_multicast(of(dev)->inner, mac, join);
}

static const struct netdev_ops fault_ops = {
    .name = "fault",
    .tx = fault_tx,
    .tx_flush = fault_tx_flush,
    .rx = fault_rx,
    .arm = fault_arm,
    .multicast = fault_multicast,
};

int fault_open(struct fault *f, const struct fault_conf *conf, struct netdev *inner,
               struct netdev **dev)
{
    if (conf->now_ns == NULL || (conf->entries == NULL && conf->entries_max != 0))
        return -E_INVAL;
    *f = (struct fault){.inner = inner, .conf = *conf, .rng = conf->seed};
    for (uint32_t i = 0; i < conf->entries_max; i++) {
        conf->entries[i].next = f->free;
        f->free = &conf->entries[i];
    }
    wrap_init(&f->dev, inner, &fault_ops);
    follow(&f->dev, inner);
    *dev = &f->dev;
    return 0;
}

void fault_close(struct fault *f)
{
    while (f->tx != NULL)
        pkt_put(dequeue(f, &f->tx));
    while (f->rx != NULL)
        pkt_put(dequeue(f, &f->rx));
}

uint64_t fault_poll_at(const struct fault *f)
{
    uint64_t at = NS_NEVER;

    if (f->tx != NULL)
        at = f->tx->due_ns;
    if (f->rx != NULL)
        at = u64_min(at, f->rx->due_ns);
    return at;
}
