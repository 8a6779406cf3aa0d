/* SPDX-License-Identifier: ISC */
/* blkfront.c - Xen's block frontend: the life of the device.
 *
 * Theory of operation
 *
 * Goal: blocks to and from a backend in another domain, without a copy of ours, while nothing that
 * the backend writes can crash, corrupt, or busy this program. It is trusted with the blocks, and
 * with nothing else.
 *
 * Parts: xen/xenbus_front.c leads the life that every frontend has, and blkfront_xs.c says what is
 * a block device's own in it, the handshake through xenstore; blkfront_io.c queues the program's
 * requests and makes ring requests of them; blkfront_data.c lends their pages; blkfront_ring.c is
 * the rings, blkfront_rsp.c what comes back; blkfront_wire.h turns slots into structs; this file
 * opens, closes, and joins them to blkdev.h. blkfront_name.c and blkfront_find.c are about names
 * only.
 *
 * Data flow. submit queues; kick joins neighbours, splits what is too long, lends pages, puts slots
 * into the rings and shows them; reap takes responses off the rings, takes the pages back, and
 * gives the requests whose parts have all come. Nothing happens in the upcall. Before the program
 * sleeps it calls arm, which asks every ring for an event and looks again.
 *
 * States. Ours is the XenbusState we last wrote. `live` is true exactly while both sides are
 * Connected and neither has broken the protocol; online likewise, but for a restored domain. Two
 * roads lead down. The backend leaves: what was not put into a ring ends at once, what was, when
 * the backend has let go of its pages, since until then it may write to them; we open again when it
 * waits for a frontend. Or it lies: then all ends at once, pages that it keeps stay out of use, and
 * we stay closed until the program closes and opens the device. Checks are in the place where a
 * number is read; all end in blkfront_violate.
 *
 * A restored domain. Rings, grants and the backend are gone, and what was in flight may have been
 * done or not. The device stays online for the program: all of it goes back to the queue, in its
 * order, and is asked for again of the new backend; a write may so be done twice. Where none comes
 * in time it ends with -E_NODEV.
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
    bf->dev.online = bf->resuming = false;
    if (!xenbus_front_break(&bf->front))
        return; /* it is being closed already */
    bf->violation = (uint8_t)what;
    bf->dev.stats.violations++;
    LOG_ERROR("blkfront: %s: backend broke the protocol: %s (%llu, %llu, %llu): closed",
              bf->front.xb.path, violation_text[what], (unsigned long long)a, (unsigned long long)b,
              (unsigned long long)c);
}

/* ---- the way down ---------------------------------------------------------------------------- */

bool blkfront_take_back(struct blkfront *bf, bool force)
{
    if (!bf->resuming)
        blkfront_io_drop(bf);
    blkfront_rings_destroy(bf);
    blkfront_data_unkeep(bf);
    return blkfront_rsp_destroy(bf, force);
}

void blkfront_settle(struct blkfront *bf)
{
    bool gone = (XENBUS_FRONT_GONE >> bf->front.xb.otherend_state & 1) != 0;
    bool force = bf->front.broken || plat_now_ns() >= bf->settle_at_ns;

    (void)gnttab_quarantine_poll(bf->quarantine, bf->conf.gt, BLKFRONT_QUARANTINE_BATCH);
    if (!gone && !bf->front.broken) {
        /* It may be slow, and map what it was shown yet: no reference of a grant is used anew. */
        if (force)
            blkfront_rsp_give_up(bf);
    } else if (blkfront_take_back(bf, force)) {
        bf->settle_at_ns = 0;
    }
}

/* ---- blkdev_ops ------------------------------------------------------------------------------ */

static int blkfront_submit(struct blkdev *dev, struct blk_req *req)
{
    return blkfront_io_submit(of_dev(dev), req);
}

static void blkfront_kick(struct blkdev *dev)
{
    struct blkfront *bf = of_dev(dev);

    if (UNLIKELY(!bf->live))
        return;
    blkfront_io_fill(bf);
    blkfront_rings_push(bf);
}

static unsigned blkfront_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct blkfront *bf = of_dev(dev);

    blkfront_follow(bf);
    if (LIKELY(bf->live)) {
        blkfront_rings_drain(bf);
        blkfront_kick(dev);
        if (UNLIKELY(!bf->live)) /* it lied: what is in flight ends now */
            blkfront_follow(bf);
    }
    return blkfront_io_reap(bf, reqs, n);
}

static bool blkfront_arm(struct blkdev *dev)
{
    struct blkfront *bf = of_dev(dev);
    bool work = false;

    blkfront_follow(bf);
    if (LIKELY(bf->live)) {
        blkfront_kick(dev);
        work = blkfront_rings_arm(bf);
    }
    if (bf->refused && bf->io_free != NULL) {
        bf->refused = false;
        work = true;
    }
    return xenbus_front_news(&bf->front) || bf->done != NULL || work;
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

int blkfront_open(void *storage, const struct blkfront_conf *conf, struct blkdev **dev)
{
    struct blkfront *bf = storage;
    int err = check_conf(conf);

    if (err != 0)
        return err;
    memset(bf, 0, sizeof(*bf));
    bf->conf = *conf;
    if (bf->conf.queues == 0)
        bf->conf.queues = 1;
    bf->dev.ops = &ops;
    bf->front.ops = &blkfront_life;
    bf->front.gt = conf->gt;
    bf->front.up = &bf->live;
    bf->front.timeout_ns = conf->timeout_ns != 0 ? conf->timeout_ns : XENBUS_FRONT_TIMEOUT_NS;
    blkfront_io_init(bf);
    blkfront_shadow_init(bf);
    blkfront_data_init(bf);
    bf->quarantine = conf->quarantine != NULL ? conf->quarantine : &bf->own_quarantine;
    (void)gnttab_quarantine_poll(bf->quarantine, conf->gt, bf->quarantine->count);

    err = xenbus_front_open(&bf->front, conf->xs, "vbd", conf->index);
    if (err != 0)
        return err;
    *dev = &bf->dev;
    return 0;
}

/* What the program never reaped is not looked at again: it may be gone with its storage. */
void blkfront_close(struct blkdev *dev)
{
    struct blkfront *bf = of_dev(dev);

    xenbus_front_close(&bf->front);
    bf->done = NULL;
}
