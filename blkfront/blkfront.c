/* SPDX-License-Identifier: ISC */
/* blkfront.c - Xen's block frontend: the life of the device.
 *
 * Theory of operation
 *
 * Goal: blocks to and from a backend in another domain, without a copy of ours, while nothing that
 * the backend writes can crash, corrupt, or busy this program. It is trusted with the blocks, and
 * with nothing else.
 *
 * Parts: blkfront_xs.c shakes hands through xenstore; blkfront_io.c queues the program's requests
 * and makes ring requests of them; blkfront_data.c lends their pages; blkfront_ring.c is the rings,
 * blkfront_rsp.c what comes back; blkfront_wire.h turns slots into structs; this file opens,
 * closes, and joins them to blkdev.h. blkfront_name.c and blkfront_find.c are about names only.
 *
 * Data flow. submit queues; kick joins neighbours, splits what is too long, lends pages, puts slots
 * into the rings and shows them; reap takes responses off the rings, takes the pages back, and
 * gives the requests whose parts have all come. Nothing happens in the upcall. Before the program
 * sleeps it calls arm, which asks every ring for an event and looks again.
 *
 * States. Ours is the XenbusState we last wrote. online is true exactly while both sides are
 * Connected and neither has broken the protocol. Two roads lead down. The backend leaves: what was
 * not put into a ring ends at once, what was, when the backend has let go of its pages, since until
 * then it may write to them; we open again when it waits for a frontend. Or it lies: then all ends
 * at once, pages that it keeps stay out of use, and we stay closed until the program closes and
 * opens the device. Checks are in the place where a number is read; all end in blkfront_violate.
 *
 * Limits. BLKFRONT_REQUESTS_MAX ring requests and BLKFRONT_SEG_RECORDS segments at once. A call
 * does at most one round of the rings' work. xenstore is asked only when the backend's state
 * changed.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "blkfront_priv.h"

static struct blkfront *of_dev(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct blkfront, dev);
}

/* ---- violations ------------------------------------------------------------------------------ */

#define BLKFRONT_VIOLATION_TEXT(name, text) [BLKFRONT_##name] = text,
static const char *const violation_text[] = {BLKFRONT_VIOLATIONS(BLKFRONT_VIOLATION_TEXT)};
STATIC_ASSERT(ARRAY_SIZE(violation_text) == BLKFRONT_VIOLATION_COUNT, "a text for each violation");

void blkfront_violate(struct blkfront *bf, enum blkfront_violation what, uint64_t a, uint64_t b,
                      uint64_t c)
{
    bf->dev.online = false;
    bf->attention = true;
    bf->shut = true;
    if (bf->violation != BLKFRONT_NO_VIOLATION)
        return; /* it is being closed already */
    bf->violation = (uint8_t)what;
    bf->dev.stats.violations++;
    LOG_ERROR("blkfront: %s: backend broke the protocol: %s (%llu, %llu, %llu): closed",
              bf->xb.path, violation_text[what], (unsigned long long)a, (unsigned long long)b,
              (unsigned long long)c);
}

/* ---- the way down ---------------------------------------------------------------------------- */

/* States of the backend in which it cannot be using our rings. */
#define BACKEND_GONE                                                                               \
    (1u << XENBUS_UNKNOWN | 1u << XENBUS_INITIALISING | 1u << XENBUS_INIT_WAIT |                   \
     1u << XENBUS_CLOSED)
#define BACKEND_LEAVES (1u << XENBUS_UNKNOWN | 1u << XENBUS_CLOSING | 1u << XENBUS_CLOSED)

/* Everything comes back that the backend lets go. True: all did. */
static bool take_back(struct blkfront *bf, bool force)
{
    blkfront_io_drop(bf);
    blkfront_rings_destroy(bf);
    blkfront_data_unkeep(bf);
    return blkfront_rsp_destroy(bf, force);
}

void blkfront_settle(struct blkfront *bf)
{
    bool gone = (BACKEND_GONE >> bf->xb.otherend_state & 1) != 0;
    bool force = bf->violation != BLKFRONT_NO_VIOLATION || plat_now_ns() >= bf->settle_at_ns;

    (void)gnttab_quarantine_poll(bf->quarantine, bf->conf.gt, BLKFRONT_QUARANTINE_BATCH);
    if ((gone || force) && take_back(bf, force))
        bf->settle_at_ns = 0;
}

/* ---- blkdev_ops ------------------------------------------------------------------------------ */

static int blkfront_submit(struct blkdev *dev, struct blk_req *req)
{
    return blkfront_io_submit(of_dev(dev), req);
}

static void blkfront_kick(struct blkdev *dev)
{
    struct blkfront *bf = of_dev(dev);

    if (UNLIKELY(!dev->online))
        return;
    blkfront_io_fill(bf);
    blkfront_rings_push(bf);
}

static unsigned blkfront_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct blkfront *bf = of_dev(dev);

    blkfront_follow(bf);
    if (LIKELY(dev->online)) {
        blkfront_rings_drain(bf);
        blkfront_kick(dev);
        if (UNLIKELY(!dev->online)) /* it lied: what is in flight ends now */
            blkfront_follow(bf);
    }
    return blkfront_io_reap(bf, reqs, n);
}

static bool blkfront_arm(struct blkdev *dev)
{
    struct blkfront *bf = of_dev(dev);
    bool work = false;

    blkfront_follow(bf);
    if (LIKELY(dev->online)) {
        blkfront_kick(dev);
        work = blkfront_rings_arm(bf);
    }
    if (bf->refused && bf->io_free != NULL) {
        bf->refused = false;
        work = true;
    }
    if (bf->done != NULL || bf->attention || bf->asked || dev->online != bf->announced)
        work = true;
    bf->asked = false;
    bf->announced = dev->online;
    return work;
}

static const struct blkdev_ops ops = {
    .name = "blkfront",
    .submit = blkfront_submit,
    .kick = blkfront_kick,
    .reap = blkfront_reap,
    .arm = blkfront_arm,
};

/* ---- open and close -------------------------------------------------------------------------- */

static int check_conf(const struct blkfront_conf *conf)
{
    const char *wrong = NULL;

    if (conf->ev == NULL || conf->gt == NULL || conf->xs == NULL || conf->pool == NULL)
        wrong = "ev, gt, xs or pool is missing";
    else if (conf->ring_order > BLKFRONT_RING_ORDER_MAX)
        wrong = "ring_order must be 0 to 4";
    else if (conf->queues > BLKFRONT_QUEUES_MAX)
        wrong = "queues must be 0 to 4";
    if (wrong == NULL)
        return 0;
    LOG_ERROR("blkfront: configuration: %s", wrong);
    return -E_INVAL;
}

/* Closing, wait, Closed, wait: as far as the deadline allows. Where nothing is shared there is
 * nothing to wait for. */
static void shut_down(struct blkfront *bf, uint64_t deadline_ns)
{
    bf->shut = true;
    if (bf->xb.state != XENBUS_UNKNOWN && bf->xb.state < XENBUS_CLOSING)
        blkfront_leave(bf);
    if (bf->xb.state == XENBUS_CLOSING) {
        if (bf->queue_count != 0)
            (void)xenbus_wait_otherend(&bf->xb, BACKEND_LEAVES, deadline_ns);
        blkfront_finish(bf);
    }
    if (bf->queue_count != 0)
        (void)xenbus_wait_otherend(&bf->xb, BACKEND_GONE, deadline_ns);
    if (!take_back(bf, true))
        blkfront_data_abandon(bf);
    (void)gnttab_quarantine_poll(bf->quarantine, bf->conf.gt, bf->quarantine->count);
    if (bf->quarantine->count != 0)
        LOG_WARN("blkfront: %s: %u pages stay quarantined", bf->xb.path, bf->quarantine->count);
    xenbus_close(&bf->xb);
}

static int connect(struct blkfront *bf, uint64_t deadline_ns)
{
    int err;

    blkfront_xs_read_conf(bf);
    err = xenbus_switch_state(&bf->xb, XS_TXN_NONE, XENBUS_INITIALISING);
    if (err == 0)
        err = xenbus_read_otherend(&bf->xb);
    bf->attention = true;
    while (err == 0) {
        blkfront_follow(bf);
        if (bf->dev.online)
            return 0;
        if (bf->shut)
            return bf->violation != BLKFRONT_NO_VIOLATION ? -E_PROTO : bf->error;
        /* Waiting ends at every other state: the deadline is for all of them together. */
        err = -E_TIMEDOUT;
        if (plat_now_ns() < deadline_ns)
            err = xenbus_wait_otherend(&bf->xb, ~(1u << bf->xb.otherend_state), deadline_ns);
        bf->attention = true;
        if (err == -E_TIMEDOUT)
            LOG_ERROR("blkfront: %s: no connection in time: the backend is %s", bf->xb.path,
                      xenbus_state_name(bf->xb.otherend_state));
    }
    return err;
}

int blkfront_open(void *storage, const struct blkfront_conf *conf, struct blkdev **dev)
{
    struct blkfront *bf = storage;
    char path[32];
    int err = check_conf(conf);

    if (err != 0)
        return err;
    memset(bf, 0, sizeof(*bf));
    bf->conf = *conf;
    if (bf->conf.queues == 0)
        bf->conf.queues = 1;
    if (bf->conf.timeout_ns == 0)
        bf->conf.timeout_ns = BLKFRONT_TIMEOUT_NS;
    bf->dev.ops = &ops;
    blkfront_io_init(bf);
    blkfront_shadow_init(bf);
    blkfront_data_init(bf);
    bf->quarantine = conf->quarantine != NULL ? conf->quarantine : &bf->own_quarantine;
    (void)gnttab_quarantine_poll(bf->quarantine, conf->gt, bf->quarantine->count);

    (void)fmt_buf(path, sizeof(path), "device/vbd/%u", conf->index);
    err = xenbus_open(&bf->xb, conf->xs, path);
    if (err != 0)
        return err;
    err = connect(bf, plat_now_ns() + bf->conf.timeout_ns);
    if (err != 0) {
        shut_down(bf, plat_now_ns() + bf->conf.timeout_ns);
        return err;
    }
    bf->opened = true;
    bf->announced = true;
    bf->asked = false;
    *dev = &bf->dev;
    return 0;
}

/* What the program never reaped is not looked at again: it may be gone with its storage. */
void blkfront_close(struct blkdev *dev)
{
    struct blkfront *bf = of_dev(dev);

    shut_down(bf, plat_now_ns() + bf->conf.timeout_ns);
    bf->done = NULL;
}
