/* SPDX-License-Identifier: ISC */
/* netfront_xs.c - the handshake: what the frontend and its backend tell each other through
 * xenstore.
 *
 * What every frontend does is xen/xenbus_front.c; here is what is a network device's own.
 * io/netif.h's frontends go from Initialising straight to Connected: our keys are all there is to
 * be said. Frames flow when both are Connected, and not before. A key that fails is named in the
 * log, by xenbus_*'s helpers.
 */
#include <morgana/log.h>

#include "netfront_priv.h"

static struct netfront *of_front(struct xenbus_front *front)
{
    return CONTAINER_OF(front, struct netfront, front);
}

/* ---- what the toolstack says ----------------------------------------------------------------- */

static int read_mac(struct netfront *nf)
{
    char text[32];
    int len;

    if (nf->conf.mac != NULL) {
        memcpy(nf->dev.mac, nf->conf.mac, sizeof(nf->dev.mac));
        return 0;
    }
    len = xenbus_read(&nf->front.xb, XS_TXN_NONE, "mac", cs_of(text, sizeof(text)));
    if (len >= 0 && fmt_parse_mac(cs_ro_of(text, (size_t)len), nf->dev.mac))
        return 0;
    if (len == -E_NOENT)
        LOG_ERROR("netfront: %s/mac: missing, and no address was configured", nf->front.xb.path);
    else if (len >= 0)
        LOG_ERROR("netfront: %s/mac: not an Ethernet address of one station", nf->front.xb.path);
    return len < 0 && len != -E_NOENT && len != -E_NOSPC ? len : -E_INVAL;
}

static int read_conf(struct xenbus_front *front)
{
    struct netfront *nf = of_front(front);
    uint64_t trusted = 0;
    int err = xenbus_u64(&front->xb, "trusted", 0, 1, 1, &trusted);

    if (err != 0)
        return err;
    nf->untrusted = trusted == 0;
    return front->opened ? 0 : read_mac(nf); /* a device keeps its address for life */
}

/* ---- what the backend says, and what we say -------------------------------------------------- */

/* A key that is nonsense, or hidden, says no. Errors: those of a xenstore that does not answer. */
static int backend_has(struct netfront *nf, const char *key, bool *has)
{
    uint64_t value = 0;
    int err = xenbus_otherend_u64(&nf->front.xb, XS_TXN_NONE, key, 1, 0, &value);

    *has = err == 0 && value == 1;
    return xs_no_answer(err) ? err : 0;
}

/* How many queues, and whether each direction has an event channel. */
static int read_queues(struct netfront *nf, unsigned *queues, bool *split)
{
    uint64_t most = 1;
    int err = backend_has(nf, "feature-split-event-channels", split);

    *split = *split && !nf->conf.no_split;
    if (err == 0 && nf->conf.queues_max > 1)
        err = xenbus_otherend_u64(&nf->front.xb, XS_TXN_NONE, "multi-queue-max-queues", UINT32_MAX,
                                  1, &most);
    *queues = (unsigned)u64_min(most, nf->conf.queues_max);
    if (*queues == 0)
        *queues = 1;
    return xs_no_answer(err) ? err : 0;
}

static int read_features(struct netfront *nf)
{
    struct netdev_caps *caps = &nf->dev.caps;
    bool rx_copy, sg, no_csum, gso;
    int err = backend_has(nf, "feature-rx-copy", &rx_copy);

    if (err == 0 && !rx_copy) {
        LOG_ERROR("netfront: %s/feature-rx-copy: not 1: page flipping is not supported",
                  nf->front.xb.otherend);
        return -E_PROTO;
    }
    if (err == 0)
        err = backend_has(nf, "feature-sg", &sg);
    if (err == 0)
        err = backend_has(nf, "feature-no-csum-offload", &no_csum);
    if (err == 0)
        err = backend_has(nf, "feature-gso-tcpv4", &gso);
    if (err != 0)
        return err;
    sg = sg && !nf->conf.no_sg;
    caps->frags_max = sg ? PKT_FRAGS_MAX : 1;
    caps->csum_tx = !no_csum && !nf->conf.no_csum; /* the key's sense is inverted: 1 says "don't" */
    caps->csum_rx = !nf->conf.no_csum;
    /* Segments are cut from what has a blank checksum and is more than a page. */
    caps->gso_max_bytes =
        gso && !nf->conf.no_gso && caps->csum_tx && caps->frags_max > 1 ? NETFRONT_MTU_MAX : 0;
    /* The backend waits until as many pages are posted as its longest frame needs. */
    caps->gso_rx = !nf->conf.no_gso && caps->csum_rx && nf->conf.rx_slots >= NETFRONT_LONGEST_CHAIN;
    caps->rx_queue_bytes = NETFRONT_BACKEND_QUEUE;
    /* A hash comes with every frame for which Linux has one, whether it was asked for or not. */
    nf->rx_extras = 1u << NETFRONT_EXTRA_HASH | (caps->gso_rx ? 1u << NETFRONT_EXTRA_GSO : 0);
    return 0;
}

/* One queue's keys stand with the device's, those of several in directories of their own. */
static int write_queue(struct netfront *nf, xs_txn_t txn, const char *dir,
                       const struct netfront_queue *q)
{
    const struct {
        const char *key;
        uint32_t value;
        bool is;
    } keys[] = {
        {"tx-ring-ref", q->tx.ring_page->gref, true}, {"rx-ring-ref", q->rx.ring_page->gref, true},
        {"event-channel", q->tx_port, !nf->split},    {"event-channel-tx", q->tx_port, nf->split},
        {"event-channel-rx", q->rx_port, nf->split},
    };
    char key[40];
    int err = 0;

    for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(keys); i++) {
        (void)fmt_buf(key, sizeof(key), "%s%s", dir, keys[i].key);
        err = keys[i].is ? xenbus_printf(&nf->front.xb, txn, key, "%u", keys[i].value)
                         : xenbus_rm(&nf->front.xb, txn, key);
    }
    return err;
}

/* io/netif.h: where there are several the keys of one queue must not be there, and the other way
 * round. */
static int write_queues(struct netfront *nf, xs_txn_t txn)
{
    static const char *const single[] = {"tx-ring-ref", "rx-ring-ref", "event-channel",
                                         "event-channel-tx", "event-channel-rx"};
    char dir[16];
    int err;

    if (nf->queue_count == 1) {
        err = write_queue(nf, txn, "", &nf->queue[0]);
        return err == 0 ? xenbus_rm(&nf->front.xb, txn, "multi-queue-num-queues") : err;
    }
    err = xenbus_printf(&nf->front.xb, txn, "multi-queue-num-queues", "%u", nf->queue_count);
    for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(single); i++)
        err = xenbus_rm(&nf->front.xb, txn, single[i]);
    for (unsigned i = 0; err == 0 && i < nf->queue_count; i++) {
        (void)fmt_buf(dir, sizeof(dir), "queue-%u/", i);
        err = write_queue(nf, txn, dir, &nf->queue[i]);
    }
    return err;
}

/* What it does beyond frames: multicast control, and whether it has a control ring. */
static int read_services(struct netfront *nf, bool *ctrl)
{
    bool mcast = false, dynamic = false;
    int err = backend_has(nf, "feature-multicast-control", &mcast);

    if (err == 0 && mcast)
        err = backend_has(nf, "feature-dynamic-multicast-control", &dynamic);
    if (err == 0)
        err = backend_has(nf, "feature-ctrl-ring", ctrl);
    netfront_mcast_begin(nf, mcast, dynamic);
    return err;
}

/* Inside a transaction, so that the backend sees all of it or nothing. */
static int write_keys(struct xs *xs, xs_txn_t txn, void *arg)
{
    struct netfront *nf = arg;
    const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        {"request-rx-copy", 1},
        {"feature-rx-notify", 1},
        {"feature-sg", 1},
        {"feature-no-csum-offload", !nf->dev.caps.csum_rx}, /* 0: blank checksums are welcome */
        {"feature-gso-tcpv4", nf->dev.caps.gso_rx},
        /* What we cannot do; said because a boot loader may have used the device, and left its own
         * words. */
        {"feature-ipv6-csum-offload", 0},
        {"feature-gso-tcpv6", 0},
        {"xdp-headroom", 0},
    };
    int err = write_queues(nf, txn);

    (void)xs;
    for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(keys); i++)
        err = xenbus_printf(&nf->front.xb, txn, keys[i].key, "%u", keys[i].value);
    if (err == 0)
        err = netfront_mcast_publish(nf, txn);
    return err == 0 ? netfront_ctrl_publish(nf, txn) : err;
}

/* ---- the life of the device ------------------------------------------------------------------ */

static int publish(struct xenbus_front *front)
{
    struct netfront *nf = of_front(front);
    bool ctrl = false;
    int err = read_features(nf);
    unsigned queues;
    bool split;

    if (err == 0)
        err = read_services(nf, &ctrl);
    if (err == 0)
        err = read_queues(nf, &queues, &split);
    if (err == 0)
        err = netfront_queues_create(nf, queues, split);
    if (err == 0)
        netfront_ctrl_create(nf, ctrl);
    return err == 0 ? xs_txn_run(nf->conf.xs, write_keys, nf) : err;
}

/* The toolstack's script writes it when it puts the device on its bridge: a device that is plugged
 * in is there before, a backend is connected only afterwards. Where xenstore does not answer, it
 * stays as it was. */
static void read_mtu(struct netfront *nf)
{
    struct netdev_caps *caps = &nf->dev.caps;
    uint64_t mtu = 0;

    if (xenbus_u64(&nf->front.xb, "mtu", NETFRONT_MTU_MIN, NETFRONT_MTU_MAX, NETFRONT_MTU_DEFAULT,
                   &mtu) != 0)
        return;
    /* Without gathering a frame is one page at most; peers that do not gather expect no jumbo
     * frames either. */
    if (caps->frags_max == 1)
        mtu = u64_min(mtu, NETFRONT_MTU_DEFAULT);
    caps->mtu_bytes = (uint16_t)mtu;
}

static void up(struct xenbus_front *front)
{
    struct netfront *nf = of_front(front);

    if (nf->queue_count == 0)
        return;
    read_mtu(nf);
    netfront_link_up(nf);
}

/* An honest backend maps nothing before it waits for a frontend. One that keeps pages of each
 * connection would have all there are. */
static void judge_kept(struct netfront *nf)
{
    (void)gnttab_quarantine_poll(nf->quarantine, nf->conf.gt, nf->quarantine->count);
    if (nf->dev.stats.quarantined != 0 && nf->quarantine->count > NETFRONT_KEPT_MAX)
        netfront_violate(nf, NETFRONT_KEPT, nf->quarantine->count, 0, 0);
}

static void take_back(struct xenbus_front *front, enum xenbus_front_end end)
{
    struct netfront *nf = of_front(front);
    bool gone = (XENBUS_FRONT_GONE >> front->xb.otherend_state & 1) != 0;

    /* A backend that broke the protocol may never be gone. One that did not uses its copies of our
     * grants' references until it is: by then they must name no other page. */
    if (!front->broken && (end == XENBUS_FRONT_LEAVING || (end == XENBUS_FRONT_LEFT && !gone)))
        return;
    (void)netfront_queues_destroy(nf);
    if (end == XENBUS_FRONT_REOPENING)
        judge_kept(nf);
    if (end == XENBUS_FRONT_CLOSING)
        netfront_queues_fini(nf);
    if (nf->quarantine->count != 0 && end == XENBUS_FRONT_CLOSING)
        LOG_WARN("netfront: %s: %u pages stay quarantined", front->xb.path, nf->quarantine->count);
}

static void forget(struct xenbus_front *front)
{
    netfront_queues_forget(of_front(front));
}

static bool shares(const struct xenbus_front *front)
{
    return CONTAINER_OF(front, const struct netfront, front)->queue_count != 0;
}

static void refuse(struct xenbus_front *front)
{
    netfront_violate(of_front(front), NETFRONT_STATE, front->xb.otherend_state, 0, 0);
}

const struct xenbus_front_ops netfront_life = {
    .driver = "netfront",
    .published = XENBUS_CONNECTED,
    .read_conf = read_conf,
    .publish = publish,
    .up = up,
    .take_back = take_back,
    .forget = forget,
    .shares = shares,
    .refuse = refuse,
};
