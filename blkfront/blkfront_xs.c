/* SPDX-License-Identifier: ISC */
/* blkfront_xs.c - the handshake: what the frontend and its backend tell each other through
 * xenstore.
 *
 * What every frontend does is xen/xenbus_front.c; here is what is a block device's own.
 * io/blkif.h's frontends go from Initialising to Initialised with their rings' keys, and to
 * Connected when the backend has connected to them and said what disk it is. A key that fails is
 * named in the log, by xenbus_*'s helpers.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "blkfront_priv.h"

static struct blkfront *of_front(struct xenbus_front *front)
{
    return CONTAINER_OF(front, struct blkfront, front);
}

/* ---- what the toolstack says ----------------------------------------------------------------- */

static int read_conf(struct xenbus_front *front)
{
    uint64_t trusted = 0;
    int err = xenbus_u64(&front->xb, "trusted", 0, 1, 1, &trusted);

    if (err == 0)
        of_front(front)->untrusted = trusted == 0;
    return err;
}

/* ---- what the backend says: before the rings are made ---------------------------------------- */

/* A key that is nonsense, or hidden, is as one that is missing. Errors: those of a xenstore that
 * does not answer. */
static int read_u64(struct blkfront *bf, const char *key, uint64_t max, uint64_t otherwise,
                    uint64_t *value)
{
    int err = xenbus_otherend_u64(&bf->front.xb, XS_TXN_NONE, key, max, otherwise, value);

    if (xs_no_answer(err))
        return err;
    if (err != 0)
        *value = otherwise;
    return 0;
}

static int read_bool(struct blkfront *bf, const char *key, bool *has)
{
    uint64_t value = 0;
    int err = read_u64(bf, key, 1, 0, &value);

    *has = value == 1;
    return err;
}

/* How many rings, and how long. */
static int read_transport(struct blkfront *bf, unsigned *queues, unsigned *order)
{
    uint64_t queues_max = 1, order_max = 0, pages_max = 1;
    int err = read_u64(bf, "multi-queue-max-queues", UINT32_MAX, 1, &queues_max);

    if (err == 0)
        err = read_u64(bf, "max-ring-page-order", UINT32_MAX, 0, &order_max);
    if (err == 0)
        err = read_u64(bf, "max-ring-pages", UINT32_MAX, 1, &pages_max);
    *queues = (unsigned)u64_min(bf->conf.queues, queues_max);
    if (*queues == 0)
        *queues = 1;
    *order = (unsigned)u64_min(bf->conf.ring_order, order_max);
    /* The key of old, of which the order must be found. */
    while (*order < bf->conf.ring_order && UINT64_C(2) << *order <= pages_max)
        ++*order;
    return err;
}

/* ---- what we say ----------------------------------------------------------------------------- */

/* One queue's keys, whose names begin with `dir`. */
static int write_queue(struct blkfront *bf, xs_txn_t txn, const char *dir,
                       const struct blkfront_queue *q)
{
    char key[48];
    int err;

    (void)fmt_buf(key, sizeof(key), "%sevent-channel", dir);
    err = xenbus_printf(&bf->front.xb, txn, key, "%u", q->port);
    (void)fmt_buf(key, sizeof(key), "%sring-ref", dir);
    if (err == 0 && bf->ring_order == 0)
        err = xenbus_printf(&bf->front.xb, txn, key, "%u", q->ring_pages->gref);
    for (unsigned i = 0; err == 0 && bf->ring_order != 0 && i < 1u << bf->ring_order; i++) {
        (void)fmt_buf(key, sizeof(key), "%sring-ref%u", dir, i);
        err = xenbus_printf(&bf->front.xb, txn, key, "%u", q->ring_pages[i].gref);
    }
    return err;
}

/* Writes the key, or removes what a boot loader, or our last connection, left there. */
static int write_or_rm(struct blkfront *bf, xs_txn_t txn, const char *key, bool write,
                       unsigned value)
{
    return write ? xenbus_printf(&bf->front.xb, txn, key, "%u", value)
                 : xenbus_rm(&bf->front.xb, txn, key);
}

/* Inside a transaction, so that the backend sees all of it or nothing. */
static int write_keys(struct xs *xs, xs_txn_t txn, void *arg)
{
    struct blkfront *bf = arg;
    bool many = bf->queue_count > 1, pages = bf->ring_order != 0;
    char dir[24];
    int err = xenbus_printf(&bf->front.xb, txn, "protocol", "%s", XEN_IO_PROTO_ABI_NATIVE);

    (void)xs;
    if (err == 0)
        err = xenbus_printf(&bf->front.xb, txn, "feature-persistent", "%u",
                            bf->conf.persistent && !bf->untrusted ? 1u : 0u);
    /* We count in 512 bytes, whatever the sector's size. */
    if (err == 0)
        err = xenbus_printf(&bf->front.xb, txn, "feature-large-sector-size", "0");
    if (err == 0)
        err = write_or_rm(bf, txn, "multi-queue-num-queues", many, bf->queue_count);
    if (err == 0)
        err = write_or_rm(bf, txn, "ring-page-order", pages, bf->ring_order);
    if (err == 0)
        err = write_or_rm(bf, txn, "num-ring-pages", pages, 1u << bf->ring_order);
    /* io/blkif.h: not beside those of several queues, or of several pages */
    if (err == 0 && many)
        err = xenbus_rm(&bf->front.xb, txn, "event-channel");
    if (err == 0 && (many || pages))
        err = xenbus_rm(&bf->front.xb, txn, "ring-ref");
    for (unsigned i = 0; err == 0 && i < bf->queue_count; i++) {
        (void)fmt_buf(dir, sizeof(dir), "queue-%u/", i);
        err = write_queue(bf, txn, many ? dir : "", &bf->queue[i]);
    }
    return err;
}

/* ---- what the backend says: the disk --------------------------------------------------------- */

static bool is_power_of_2(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* `sectors` counts 512 bytes each, whatever sector-size says. */
static int read_size(struct blkfront *bf)
{
    struct blkdev_caps *caps = &bf->dev.caps;
    uint64_t sectors = 0, block = 0, physical = 0;
    int err = xenbus_otherend_u64(&bf->front.xb, XS_TXN_NONE, "sectors", BLKFRONT_SECTORS_MAX,
                                  UINT64_MAX, &sectors);

    if (err == 0)
        err = xenbus_otherend_u64(&bf->front.xb, XS_TXN_NONE, "sector-size", UINT32_MAX,
                                  BLK_SECTOR_BYTES, &block);
    if (err == 0)
        err = read_u64(bf, "physical-sector-size", UINT32_MAX, block, &physical);
    if (xs_no_answer(err))
        return err;
    if (err != 0 || sectors > BLKFRONT_SECTORS_MAX || !is_power_of_2(block) ||
        block < BLK_SECTOR_BYTES || block > PAGE_BYTES) {
        LOG_ERROR("blkfront: %s: sectors (%llu) or sector-size (%llu) make no disk",
                  bf->front.xb.otherend, (unsigned long long)sectors, (unsigned long long)block);
        return -E_PROTO;
    }
    if (!is_power_of_2(physical) || physical < block || physical > UINT32_C(1) << 30)
        physical = block;
    caps->block_bytes = (uint32_t)block;
    caps->physical_bytes = (uint32_t)physical;
    caps->bytes = sectors * BLK_SECTOR_BYTES & ~(block - 1);
    return 0;
}

static int read_mode(struct blkfront *bf)
{
    struct blkdev_caps *caps = &bf->dev.caps;
    uint64_t info = 0;
    char mode[8];
    int n = xenbus_otherend_read(&bf->front.xb, XS_TXN_NONE, "mode", cs_of(mode, sizeof(mode)));
    int err = read_u64(bf, "info", UINT32_MAX, 0, &info);

    if (err != 0 || xs_no_answer(n))
        return err != 0 ? err : n;
    caps->read_only = (info & (VDISK_READONLY | VDISK_CDROM)) != 0;
    /* Where there is a mode, all but "w" is less than that. */
    if (n != -E_NOENT && (n < 1 || mode[0] != 'w'))
        caps->read_only = true;
    caps->removable = (info & (VDISK_REMOVABLE | VDISK_CDROM)) != 0;
    return 0;
}

static int read_discard(struct blkfront *bf)
{
    struct blkdev_caps *caps = &bf->dev.caps;
    uint64_t unit = 0, align = 0;
    bool secure = false;
    int err = read_bool(bf, "feature-discard", &caps->discard);

    caps->secure_discard = false;
    caps->discard_unit_bytes = caps->discard_align_bytes = 0;
    if (err != 0 || !caps->discard)
        return err;
    err = read_bool(bf, "discard-secure", &secure);
    if (err == 0)
        err = read_u64(bf, "discard-granularity", UINT32_MAX, caps->block_bytes, &unit);
    if (err == 0)
        err = read_u64(bf, "discard-alignment", UINT32_MAX, 0, &align);
    caps->secure_discard = secure;
    if (unit == 0 || unit % caps->block_bytes != 0)
        unit = caps->block_bytes;
    caps->discard_unit_bytes = (uint32_t)unit;
    caps->discard_align_bytes = (uint32_t)(align % unit);
    return err;
}

static int read_features(struct blkfront *bf)
{
    struct blkdev_caps *caps = &bf->dev.caps;
    uint64_t indirect = 0;
    bool flush = false, persistent = false;
    int err = read_bool(bf, "feature-flush-cache", &flush);

    if (err == 0)
        err = read_bool(bf, "feature-barrier", &bf->barrier);
    if (err == 0)
        err = read_bool(bf, "feature-persistent", &persistent);
    if (err == 0)
        err = read_u64(bf, "feature-max-indirect-segments", UINT32_MAX, 0, &indirect);
    caps->flush = flush || bf->barrier;
    bf->flush_op = flush ? BLKIF_OP_FLUSH_DISKCACHE : BLKIF_OP_WRITE_BARRIER;
    bf->persistent = persistent && bf->conf.persistent && !bf->untrusted;
    bf->segs_max = BLKFRONT_DIRECT_SEGS;
    if (indirect > BLKFRONT_DIRECT_SEGS && !bf->conf.no_indirect)
        bf->segs_max = (uint16_t)u64_min(indirect, BLKFRONT_SEGS_MAX);
    return err;
}

static int read_disk(struct blkfront *bf)
{
    struct blkdev_caps *caps = &bf->dev.caps;
    int err = read_size(bf);

    if (err == 0)
        err = read_mode(bf);
    if (err == 0)
        err = read_discard(bf);
    if (err == 0)
        err = read_features(bf);
    caps->segs_max = BLKFRONT_SEGS_MAX;
    caps->requests_max = BLKFRONT_REQUESTS_MAX;
    caps->write_zeroes = false; /* nobody promises what a discarded range reads as */
    return err;
}

/* ---- the life of the device ------------------------------------------------------------------ */

static int publish(struct xenbus_front *front)
{
    struct blkfront *bf = of_front(front);
    unsigned queues = 1, order = 0;
    int err = read_transport(bf, &queues, &order);

    if (err == 0)
        err = blkfront_rings_create(bf, queues, order);
    return err == 0 ? xs_txn_run(bf->conf.xs, write_keys, bf) : err;
}

static int connect(struct xenbus_front *front)
{
    return read_disk(of_front(front));
}

static void up(struct xenbus_front *front)
{
    struct blkfront *bf = of_front(front);
    const struct blkdev_caps *caps = &bf->dev.caps;

    if (bf->queue_count == 0)
        return;
    bf->live = bf->dev.online = true;
    bf->resuming = false;
    blkfront_io_judge_again(bf);
    LOG_INFO("blkfront: %s: %llu KiB in blocks of %u%s, backend %s: %u x %u requests of %u "
             "segments%s%s%s",
             bf->front.xb.path, (unsigned long long)(caps->bytes / 1024), caps->block_bytes,
             caps->read_only ? ", read-only" : "", bf->front.xb.otherend, bf->queue_count,
             bf->queue[0].ring.slots, bf->segs_max, caps->flush ? ", flush" : "",
             caps->discard ? ", discard" : "", bf->persistent ? ", persistent grants" : "");
}

static void leave(struct xenbus_front *front)
{
    struct blkfront *bf = of_front(front);

    bf->settle_at_ns = plat_now_ns() + front->timeout_ns;
    /* Of a restored domain's backends the next one may do what waits: unless this is the end. */
    bf->resuming = bf->resuming && !front->shut;
    if (!bf->resuming)
        blkfront_io_drop(bf);
}

/* An honest backend maps nothing before it waits for a frontend. One that keeps pages of each
 * connection would have all there are. */
static void judge_kept(struct blkfront *bf)
{
    (void)gnttab_quarantine_poll(bf->quarantine, bf->conf.gt, bf->quarantine->count);
    if (bf->dev.stats.quarantined != 0 && bf->quarantine->count > BLKFRONT_KEPT_MAX)
        blkfront_violate(bf, BLKFRONT_KEPT, bf->quarantine->count, 0, 0);
}

static void take_back(struct xenbus_front *front, enum xenbus_front_end end)
{
    struct blkfront *bf = of_front(front);

    if (end == XENBUS_FRONT_REOPENING)
        bf->settle_at_ns = 0;
    if (end != XENBUS_FRONT_CLOSING) {
        blkfront_settle(bf);
        if (end == XENBUS_FRONT_REOPENING)
            judge_kept(bf);
        return;
    }
    bf->resuming = false;
    if (!blkfront_take_back(bf, true))
        blkfront_data_abandon(bf);
    (void)gnttab_quarantine_poll(bf->quarantine, bf->conf.gt, bf->quarantine->count);
    if (bf->quarantine->count != 0)
        LOG_WARN("blkfront: %s: %u pages stay quarantined", front->xb.path, bf->quarantine->count);
}

/* What is in flight is asked for again, unless the program was told already that the device is
 * gone. */
static void forget(struct xenbus_front *front)
{
    struct blkfront *bf = of_front(front);

    bf->resuming = bf->dev.online && !front->shut;
    bf->resume_by_ns = plat_now_ns() + front->timeout_ns;
    if (bf->resuming)
        blkfront_rsp_again(bf);
    (void)gnttab_quarantine_poll(bf->quarantine, bf->conf.gt, bf->quarantine->count);
    blkfront_rings_forget(bf);
    (void)blkfront_take_back(bf, true);
    bf->settle_at_ns = 0;
}

static bool shares(const struct xenbus_front *front)
{
    return CONTAINER_OF(front, const struct blkfront, front)->queue_count != 0;
}

static void refuse(struct xenbus_front *front)
{
    blkfront_violate(of_front(front), BLKFRONT_STATE, front->xb.otherend_state, 0, 0);
}

const struct xenbus_front_ops blkfront_life = {
    .driver = "blkfront",
    .published = XENBUS_INITIALISED,
    .leaves_paused = true, /* requests in flight shall come back */
    .read_conf = read_conf,
    .publish = publish,
    .connect = connect,
    .up = up,
    .leave = leave,
    .take_back = take_back,
    .forget = forget,
    .shares = shares,
    .refuse = refuse,
};

void blkfront_follow(struct blkfront *bf)
{
    xenbus_front_follow(&bf->front);
    if (UNLIKELY(bf->resuming && (bf->front.shut || plat_now_ns() >= bf->resume_by_ns))) {
        bf->resuming = false;
        blkfront_io_drop(bf);
    }
    bf->dev.online = bf->live || bf->resuming;
    /* While it leaves: it may have let go of more. */
    if (UNLIKELY(bf->settle_at_ns != 0))
        blkfront_settle(bf);
}
