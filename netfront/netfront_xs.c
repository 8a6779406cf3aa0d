/* SPDX-License-Identifier: ISC */
/* netfront_xs.c - the handshake: what the frontend and its backend tell each other through
 * xenstore.
 *
 * What to do for every pair of states is xenbus_action()'s table; here is how each action is
 * carried out for a network device. io/netif.h's frontends go from Initialising straight to
 * Connected: our keys are all there is to be said. Frames flow when both are Connected, and not
 * before. A key that fails is named in the log, by xenbus_*'s helpers.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "netfront_priv.h"

/* ---- what the toolstack says ----------------------------------------------------------------- */

static int read_mac(struct netfront *nf)
{
    char text[32];
    int len;

    if (nf->conf.mac != NULL) {
        memcpy(nf->dev.mac, nf->conf.mac, sizeof(nf->dev.mac));
        return 0;
    }
    len = xenbus_read(&nf->xb, XS_TXN_NONE, "mac", cs_of(text, sizeof(text)));
    if (len >= 0 && fmt_parse_mac(cs_ro_of(text, (size_t)len), nf->dev.mac))
        return 0;
    if (len == -E_NOENT)
        LOG_ERROR("netfront: %s/mac: missing, and no address was configured", nf->xb.path);
    else if (len >= 0)
        LOG_ERROR("netfront: %s/mac: not an Ethernet address of one station", nf->xb.path);
    return len < 0 && len != -E_NOENT && len != -E_NOSPC ? len : -E_INVAL;
}

/* A number of ours; `otherwise` where the key is missing, or wrong (logged). */
static uint32_t read_own(struct netfront *nf, const char *key, uint32_t min, uint32_t max,
                         uint32_t otherwise)
{
    char path[XS_PATH_MAX];
    uint64_t value;
    int err;

    (void)fmt_buf(path, sizeof(path), "%s/%s", nf->xb.path, key);
    err = xs_read_u64(nf->conf.xs, XS_TXN_NONE, path, max, &value);
    if (err == 0 && value >= min)
        return (uint32_t)value;
    if (err != -E_NOENT)
        LOG_WARN("netfront: %s: not a number from %u to %u: taken as %u", path, min, max,
                 otherwise);
    return otherwise;
}

int netfront_xs_read_conf(struct netfront *nf)
{
    nf->dev.caps.mtu_bytes =
        (uint16_t)read_own(nf, "mtu", NETFRONT_MTU_MIN, NETFRONT_MTU_MAX, NETFRONT_MTU_DEFAULT);
    nf->conf_mtu = nf->dev.caps.mtu_bytes;
    nf->untrusted = read_own(nf, "trusted", 0, 1, 1) == 0;
    return read_mac(nf);
}

/* ---- what the backend says, and what we say -------------------------------------------------- */

/* A key that is nonsense, or hidden, says no. Errors: those of a xenstore that does not answer. */
static int backend_has(struct netfront *nf, const char *key, bool *has)
{
    uint64_t value = 0;
    int err = xenbus_otherend_u64(&nf->xb, XS_TXN_NONE, key, 1, 0, &value);

    *has = err == 0 && value == 1;
    return err == -E_TIMEDOUT || err == -E_AGAIN ? err : 0;
}

static int read_features(struct netfront *nf)
{
    struct netdev_caps *caps = &nf->dev.caps;
    bool rx_copy, sg, no_csum;
    int err = backend_has(nf, "feature-rx-copy", &rx_copy);

    if (err == 0 && !rx_copy) {
        LOG_ERROR("netfront: %s/feature-rx-copy: not 1: page flipping is not supported",
                  nf->xb.otherend);
        return -E_PROTO;
    }
    if (err == 0)
        err = backend_has(nf, "feature-sg", &sg);
    if (err == 0)
        err = backend_has(nf, "feature-no-csum-offload", &no_csum);
    if (err != 0)
        return err;
    caps->frags_max = sg ? PKT_FRAGS_MAX : 1;
    /* Without gathering a frame is one page at most; peers that do not gather expect no jumbo
     * frames either. */
    caps->mtu_bytes = nf->conf_mtu;
    if (caps->frags_max == 1 && caps->mtu_bytes > NETFRONT_MTU_DEFAULT)
        caps->mtu_bytes = NETFRONT_MTU_DEFAULT;
    caps->csum_tx = !no_csum; /* the sense is inverted: 1 says "don't" */
    caps->csum_rx = true;
    caps->gso_rx = false; /* write_keys says that we take none, and we ask the backend for none */
    caps->gso_max_bytes = 0;
    return 0;
}

/* Inside a transaction, so that the backend sees all of it or nothing. */
static int write_keys(struct xs *xs, xs_txn_t txn, void *arg)
{
    struct netfront *nf = arg;
    const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        {"tx-ring-ref", nf->queue[0].tx.ring_page->gref},
        {"rx-ring-ref", nf->queue[0].rx.ring_page->gref},
        {"event-channel", nf->queue[0].port},
        {"request-rx-copy", 1},
        {"feature-rx-notify", 1},
        {"feature-sg", 1},
        {"feature-no-csum-offload", 0}, /* blank checksums are welcome */
        /* What we cannot do; said because a boot loader may have used the device, and left its own
         * words. */
        {"feature-ipv6-csum-offload", 0},
        {"feature-gso-tcpv4", 0},
        {"feature-gso-tcpv6", 0},
        {"request-multicast-control", 0},
    };
    static const char *const stale[] = {"multi-queue-num-queues", "event-channel-tx",
                                        "event-channel-rx"};
    int err = 0;

    (void)xs;
    for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(keys); i++)
        err = xenbus_printf(&nf->xb, txn, keys[i].key, "%u", keys[i].value);
    for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(stale); i++)
        err = xenbus_rm(&nf->xb, txn, stale[i]);
    return err;
}

/* ---- actions --------------------------------------------------------------------------------- */

/* Writes our state. Where that fails both sides might wait for each other for ever, so it is owed:
 * netfront_follow writes it again, a pause later, and takes no other step before. */
static void say(struct netfront *nf, unsigned ours)
{
    int err = xenbus_switch_state(&nf->xb, XS_TXN_NONE, ours);
    unsigned tries = nf->owed == ours ? nf->owed_tries + 1u : 1u;

    nf->owed = XENBUS_UNKNOWN;
    if (err == 0)
        return;
    if (tries == NETFRONT_SAY_TRIES || xs_broken(nf->conf.xs) != 0) {
        LOG_ERROR("netfront: %s: state %s: given up", nf->xb.path, xenbus_state_name(ours));
        return;
    }
    nf->owed = (uint8_t)ours;
    nf->owed_tries = (uint8_t)tries;
    nf->owed_at_ns = plat_now_ns() + NETFRONT_SAY_PAUSE_NS;
}

/* When it is time: writes what is owed. What the table says had to wait for it. */
static void say_owed(struct netfront *nf)
{
    unsigned ours = nf->owed;

    if (LIKELY(ours == XENBUS_UNKNOWN) || plat_now_ns() < nf->owed_at_ns)
        return;
    say(nf, ours);
    if (nf->xb.state == ours)
        nf->attention = true;
}

void netfront_leave(struct netfront *nf)
{
    nf->dev.link_up = false;
    say(nf, XENBUS_CLOSING);
    /* A backend that broke the protocol may never say Closed. One that did not is using the pages
     * until it does. */
    if (nf->violation != NETFRONT_NO_VIOLATION)
        (void)netfront_queue_destroy(nf);
}

void netfront_finish(struct netfront *nf)
{
    nf->dev.link_up = false;
    say(nf, XENBUS_CLOSED);
    (void)netfront_queue_destroy(nf);
}

static void act_wait(struct netfront *nf)
{
    bool was_up = nf->dev.link_up;

    nf->dev.link_up = false;
    /* It started anew without a word: our rings are unknown to it. */
    if (was_up && nf->xb.otherend_state < XENBUS_CONNECTED)
        netfront_leave(nf);
    /* It let go of more since we closed. */
    if (nf->xb.state == XENBUS_CLOSED)
        (void)netfront_queue_destroy(nf);
}

static void act_publish(struct netfront *nf)
{
    int err = read_features(nf);

    if (err == 0)
        err = netfront_queue_create(nf);
    if (err == 0)
        err = xs_txn_run(nf->conf.xs, write_keys, nf);
    if (err == 0)
        err = xenbus_switch_state(&nf->xb, XS_TXN_NONE, XENBUS_CONNECTED);
    if (err == 0)
        return;
    LOG_ERROR("netfront: %s: no connection: %s", nf->xb.path, err_name(err));
    nf->error = err;
    /* A backend we cannot work with stays one. All else may be better when it next waits for a
     * frontend; the program that opens the device wants to know now. */
    if (err == -E_PROTO || !nf->opened)
        nf->shut = true;
    netfront_leave(nf);
    (void)netfront_queue_destroy(nf);
}

static void act_run(struct netfront *nf)
{
    if (nf->queue_count != 0 && !nf->dev.link_up)
        netfront_link_up(nf);
}

/* Only for a frontend that is Initialised, a state we pass over: here so that the table is
 * whole. */
static void act_connect(struct netfront *nf)
{
    say(nf, XENBUS_CONNECTED);
}

static void act_reopen(struct netfront *nf)
{
    /* Pages that the old backend will not let go stay out; the rest begins anew. */
    (void)netfront_queue_destroy(nf);
    say(nf, XENBUS_INITIALISING);
}

static void act_refuse(struct netfront *nf)
{
    netfront_violate(nf, NETFRONT_STATE, nf->xb.otherend_state, 0, 0);
    netfront_leave(nf);
}

/* One entry for each action of the table. */
static void (*const carry_out[XENBUS_ACTIONS])(struct netfront *nf) = {
    [XENBUS_WAIT] = act_wait,        [XENBUS_PUBLISH] = act_publish,
    [XENBUS_CONNECT] = act_connect,  [XENBUS_RUN] = act_run,
    [XENBUS_CLOSE] = netfront_leave, [XENBUS_FINISH] = netfront_finish,
    [XENBUS_REOPEN] = act_reopen,    [XENBUS_REFUSE] = act_refuse,
};

/* The table's word, unless we close for reasons of our own. */
static enum xenbus_action next_action(const struct netfront *nf)
{
    enum xenbus_action action = xenbus_next(&nf->xb);

    if (nf->owed != XENBUS_UNKNOWN)
        return XENBUS_WAIT;
    if (!nf->shut)
        return action;
    if (nf->xb.state < XENBUS_CLOSING)
        return XENBUS_CLOSE;
    return action == XENBUS_FINISH ? XENBUS_FINISH : XENBUS_WAIT;
}

void netfront_follow(struct netfront *nf)
{
    uint64_t requests = nf->xb.xs->stats.requests;
    bool changed = xenbus_poll(&nf->xb);

    say_owed(nf);
    /* A request sleeps, and what ends the sleep may be an event of another device's, or an order
     * of the operator's: arm lets everyone look again. */
    if (UNLIKELY(changed || nf->attention || nf->xb.xs->stats.requests != requests))
        nf->asked = true;
    if (LIKELY(!changed && !nf->attention))
        return;
    nf->attention = false;
    /* An action may lead to a state of ours in which there is more to do: from Closed to Connected
     * it takes three. */
    for (unsigned i = 0; i < XENBUS_STATES; i++) {
        unsigned ours = nf->xb.state;

        carry_out[next_action(nf)](nf);
        if (nf->xb.state == ours)
            break;
    }
}
