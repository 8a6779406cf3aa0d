/* SPDX-License-Identifier: ISC */
/* netfront_ctrl.c - the control ring: tells the backend how to spread received flows over queues.
 *
 * Theory of operation
 *
 * Goal: the backend hashes by our key, and looks the queue up in our table; what we send of a flow
 * takes the queue that its answers come by (netfront_hash.h). Where a backend has no control ring,
 * or does not hash, it spreads flows as it likes; we hash all the same, for what we send.
 *
 * A configuration is a row of steps, each a request and its answer:
 *
 *   ALGORITHM -> TYPES -> KEY -> MAP_MAX -> MAP_SIZE -> MAP -> HASH -> READY --(steer)--> MAP_SIZE
 *       |          '--------'-------'----------'--------'------'
 *       |                           | refused
 *       v                           v
 *    REFUSED <------------------- UNDO
 *
 * One request is in flight at a time, so an answer can be right or a lie, and nothing else. Nothing
 * waits: poll, which rx calls, takes an answer and sends the next request. Types of hash come last:
 * until then the backend steers as it likes (io/netif.h), and never by half of a configuration.
 * What does not answer in NETFRONT_CTRL_TIMEOUT_NS is left alone; a late answer is still taken, as
 * the page that the request named is the backend's until then.
 *
 * Key and table go through a page that holds nothing else, granted read-only for that request.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "netfront_ctrl_wire.h"
#include "netfront_priv.h"

enum step {
    STEP_OFF,
    STEP_ALGORITHM,
    STEP_TYPES,
    STEP_KEY,
    STEP_MAP_MAX,
    STEP_MAP_SIZE,
    STEP_MAP,
    STEP_HASH,
    STEP_READY,
    STEP_UNDO,
    STEP_REFUSED,
    STEPS
};

#define TYPES_WANTED (XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP)

/* For a machine without a source of entropy: RSS's own, which everybody knows. */
static const uint8_t known_key[NETFRONT_HASH_KEY_BYTES] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

/* ---- the page that a request names ----------------------------------------------------------- */

/* `bytes` at the beginning of a page of zeros, granted read-only. False: no page, or no grant. */
static bool data_give(struct netfront *nf, struct cs_ro bytes)
{
    struct page *page = page_get(nf->conf.pool->pages);

    if (page == NULL)
        return false;
    memset(page->base, 0, PAGE_BYTES);
    memcpy(page->base, bytes.base, bytes.len);
    if (gnttab_grant(nf->conf.gt, nf->front.xb.otherend_id, virt_to_gfn(page->base), true,
                     &page->gref) != 0) {
        page_put(page);
        return false;
    }
    nf->ctrl.data = page;
    return true;
}

/* False: the backend keeps it mapped. */
static bool data_take_back(struct netfront *nf)
{
    struct page *page = nf->ctrl.data;
    uint64_t quarantined = nf->dev.stats.quarantined;

    nf->ctrl.data = NULL;
    netfront_ring_page_put(nf, page);
    return nf->dev.stats.quarantined == quarantined;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool make_algorithm(struct netfront *nf, uint32_t data[3])
{
    (void)nf;
    data[0] = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
    return true;
}

static bool make_nothing(struct netfront *nf, uint32_t data[3])
{
    (void)nf, (void)data;
    return true;
}

static bool make_key(struct netfront *nf, uint32_t data[3])
{
    if (!data_give(nf, cs_ro_of(nf->hash.key, sizeof(nf->hash.key))))
        return false;
    data[0] = nf->ctrl.data->gref;
    data[1] = sizeof(nf->hash.key);
    return true;
}

static bool make_map_size(struct netfront *nf, uint32_t data[3])
{
    uint32_t want = nf->ctrl.steered != 0 ? nf->ctrl.steered : NETFRONT_HASH_MAP_MAX;

    nf->ctrl.steer = false;
    data[0] = nf->ctrl.map_size = nf->hash.map_size = u32_min(nf->ctrl.map_max, want);
    return true;
}

/* io/netif.h: 32 bits an entry. */
static bool make_map(struct netfront *nf, uint32_t data[3])
{
    uint32_t table[NETFRONT_HASH_MAP_MAX], size = nf->ctrl.map_size;

    for (uint32_t i = 0; i < size; i++)
        table[i] = nf->hash.map[i] % nf->queue_count;
    if (!data_give(nf, cs_ro_of(table, size * sizeof(table[0]))))
        return false;
    data[0] = nf->ctrl.data->gref;
    data[1] = size;
    return true;
}

static bool make_hash(struct netfront *nf, uint32_t data[3])
{
    data[0] = nf->ctrl.types;
    nf->ctrl.may_hash = true;
    return true;
}

static enum step took_types(struct netfront *nf, uint32_t data)
{
    nf->ctrl.types = data & TYPES_WANTED;
    return nf->ctrl.types != 0 ? STEP_KEY : STEP_UNDO;
}

/* A backend without tables steers by remainder, and so do we. */
static enum step took_map_max(struct netfront *nf, uint32_t data)
{
    nf->ctrl.map_max = data;
    if (data != 0)
        return STEP_MAP_SIZE;
    nf->hash.map_size = 0;
    nf->ctrl.steer = false; /* the program may have been first */
    return STEP_HASH;
}

static const struct {
    uint16_t type;
    uint8_t next; /* enum step, after success */
    /* The request's data. False: not now, for want of a page or a grant. */
    bool (*make)(struct netfront *nf, uint32_t data[3]);
    /* The answer's data; in place of `next`, the step that follows. NULL: nothing is in it. */
    enum step (*took)(struct netfront *nf, uint32_t data);
} steps[STEPS] = {
    [STEP_ALGORITHM] = {CTRL_SET_HASH_ALGORITHM, STEP_TYPES, make_algorithm, NULL},
    [STEP_TYPES] = {CTRL_GET_HASH_FLAGS, STEP_KEY, make_nothing, took_types},
    [STEP_KEY] = {CTRL_SET_HASH_KEY, STEP_MAP_MAX, make_key, NULL},
    [STEP_MAP_MAX] = {CTRL_GET_HASH_MAPPING_SIZE, STEP_MAP_SIZE, make_nothing, took_map_max},
    [STEP_MAP_SIZE] = {CTRL_SET_HASH_MAPPING_SIZE, STEP_MAP, make_map_size, NULL},
    [STEP_MAP] = {CTRL_SET_HASH_MAPPING, STEP_HASH, make_map, NULL},
    [STEP_HASH] = {CTRL_SET_HASH_FLAGS, STEP_READY, make_hash, NULL},
    /* Data 0 is XEN_NETIF_CTRL_HASH_ALGORITHM_NONE. */
    [STEP_UNDO] = {CTRL_SET_HASH_ALGORITHM, STEP_REFUSED, make_nothing, NULL},
};
STATIC_ASSERT(XEN_NETIF_CTRL_HASH_ALGORITHM_NONE == 0, "as STEP_UNDO sends it");

static bool is_at_rest(const struct netfront_ctrl *ctrl)
{
    return steps[ctrl->step].make == NULL;
}

/* ---- requests and answers -------------------------------------------------------------------- */

/* Sends the step's request. Where there is no page for it, the next poll tries again. */
static void ask(struct netfront *nf)
{
    struct netfront_ctrl *ctrl = &nf->ctrl;
    struct netfront_ctrl_req req = {.id = ctrl->id, .type = steps[ctrl->step].type};

    if (!steps[ctrl->step].make(nf, req.data))
        return;
    ctrl->type = req.type;
    ctrl->waiting = true;
    ctrl->deadline_ns = plat_now_ns() + NETFRONT_CTRL_TIMEOUT_NS;
    netfront_ctrl_req_put(ring_request(&ctrl->ring, 0), req);
    ring_commit(&ctrl->ring, 1);
    if (ring_push(&ctrl->ring))
        /* It fails when the backend is gone: xenstore tells us so too. */
        (void)evtchn_send(nf->conf.ev, ctrl->port);
}

/* Refused, or out of sense: what was set is undone, unless nothing was. */
static enum step step_back(struct netfront *nf, uint32_t status)
{
    struct netfront_ctrl *ctrl = &nf->ctrl;

    if (ctrl->step == STEP_UNDO)
        return STEP_REFUSED;
    ctrl->refused++;
    LOG_INFO("netfront: %s: the backend does not hash: %s: %s", nf->front.xb.path,
             netfront_ctrl_type_name(ctrl->type), netfront_ctrl_status_name(status));
    return ctrl->step == STEP_ALGORITHM ? STEP_REFUSED : STEP_UNDO;
}

/* Judges a private copy of the answer. False: it was a lie, and the device is being closed. */
static bool take(struct netfront *nf, struct netfront_ctrl_rsp rsp)
{
    struct netfront_ctrl *ctrl = &nf->ctrl;
    enum step next;

    if (rsp.id != ctrl->id || rsp.type != ctrl->type) {
        netfront_violate(nf, NETFRONT_CTRL_ID, rsp.id, rsp.type, ctrl->id);
        return false;
    }
    if (rsp.status > CTRL_BUFFER_OVERFLOW) {
        netfront_violate(nf, NETFRONT_CTRL_STATUS, rsp.id, rsp.type, rsp.status);
        return false;
    }
    ctrl->waiting = false;
    ctrl->id++;
    if (!data_take_back(nf)) {
        netfront_violate(nf, NETFRONT_CTRL_MAPPED, rsp.id, rsp.type, 0);
        return false;
    }
    if (is_at_rest(ctrl))
        return true; /* an answer that is too late: nobody waits for it any more */
    next = (enum step)steps[ctrl->step].next;
    if (rsp.status != CTRL_SUCCESS)
        next = step_back(nf, rsp.status);
    else if (steps[ctrl->step].took != NULL)
        next = steps[ctrl->step].took(nf, rsp.data);
    ctrl->step = (uint8_t)next;
    return true;
}

static void check_deadline(struct netfront *nf)
{
    struct netfront_ctrl *ctrl = &nf->ctrl;

    if (is_at_rest(ctrl) || plat_now_ns() < ctrl->deadline_ns)
        return;
    ctrl->timeouts++;
    LOG_WARN("netfront: %s: the backend does not answer on the control ring: %s", nf->front.xb.path,
             netfront_ctrl_type_name(ctrl->type));
    ctrl->step = STEP_REFUSED;
}

void netfront_ctrl_poll(struct netfront *nf)
{
    struct netfront_ctrl *ctrl = &nf->ctrl;
    int n;

    if (LIKELY(!ctrl->waiting && !ctrl->steer && is_at_rest(ctrl)))
        return;
    if (ctrl->waiting) {
        n = ring_responses(&ctrl->ring);
        if (n < 0) {
            netfront_violate(nf, NETFRONT_CTRL_RSP_PROD, ctrl->ring.rsp_refused,
                             ctrl->ring.rsp_cons, ctrl->ring.req_pushed);
            return;
        }
        if (n == 0) {
            check_deadline(nf);
            return;
        }
        if (!take(nf, netfront_ctrl_rsp_get(ring_next(&ctrl->ring))))
            return;
    }
    if (ctrl->steer && ctrl->step == STEP_READY)
        ctrl->step = STEP_MAP_SIZE;
    if (!is_at_rest(ctrl))
        ask(nf);
}

bool netfront_ctrl_arm(struct netfront *nf)
{
    /* Poll has it sent, or waits for a page with its step: once, either way. */
    if (nf->ctrl.steer && nf->ctrl.step == STEP_READY)
        return true;
    /* A lie about rsp_prod is work too: poll finds out. */
    return nf->ctrl.waiting && ring_final_check(&nf->ctrl.ring, 1) != 0;
}

/* ---- hash info ------------------------------------------------------------------------------- */

bool netfront_ctrl_hash_info(const struct netfront *nf, struct cs_ro extra)
{
    uint8_t htype = netfront_hash_info_ro_get_htype(extra);

    return nf->ctrl.may_hash &&
           netfront_hash_info_ro_get_alg(extra) == XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ &&
           htype < 32 && (nf->ctrl.types >> htype & 1) != 0;
}

bool netfront_ctrl_ready(const struct netfront *nf)
{
    return nf->ctrl.step == STEP_READY;
}

int netfront_steer(struct netdev *dev, const uint8_t *queues, uint32_t count)
{
    struct netfront *nf = CONTAINER_OF(dev, struct netfront, dev);

    if (count == 0 || count > NETFRONT_HASH_MAP_MAX)
        return -E_INVAL;
    for (uint32_t i = 0; i < count; i++)
        if (queues[i] >= nf->queue_count)
            return -E_INVAL;
    if (nf->ctrl.ring_page == NULL || nf->ctrl.step == STEP_REFUSED || nf->hash.map_size == 0)
        return -E_NOSYS;
    memcpy(nf->hash.map, queues, count);
    nf->hash.map_size = nf->ctrl.steered = count;
    nf->ctrl.steer = true;
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* A key for the device's life. */
static void make_own_key(struct netfront *nf)
{
    uint8_t key[NETFRONT_HASH_KEY_BYTES];

    if (!cs_is_zero(cs_ro_of(nf->hash.key, sizeof(nf->hash.key))))
        return;
    if (plat_entropy(cs_of(key, sizeof(key))) != 0)
        memcpy(key, known_key, sizeof(key));
    netfront_hash_init(&nf->hash, key);
}

/* Every queue alike. */
static void make_own_map(struct netfront_hash *hash)
{
    hash->map_size = NETFRONT_HASH_MAP_MAX;
    for (unsigned i = 0; i < NETFRONT_HASH_MAP_MAX; i++)
        hash->map[i] = (uint8_t)i;
}

void netfront_ctrl_create(struct netfront *nf, bool offered)
{
    struct netfront_ctrl *ctrl = &nf->ctrl;

    make_own_key(nf);
    if (ctrl->steered == 0)
        make_own_map(&nf->hash);
    else
        nf->hash.map_size = ctrl->steered; /* the last backend's table may have been shorter */
    ctrl->step = STEP_OFF;
    ctrl->waiting = ctrl->may_hash = ctrl->steer = false;
    ctrl->id = 0;
    if (!offered || nf->queue_count < 2)
        return;
    ctrl->ring_page = netfront_ring_page_get(nf, &ctrl->ring, NETFRONT_CTRL_SLOT_BYTES);
    if (ctrl->ring_page != NULL &&
        evtchn_alloc_unbound(nf->conf.ev, nf->front.xb.otherend_id, &ctrl->port) == 0)
        return;
    LOG_WARN("netfront: %s: no page, grant or event channel for the control ring",
             nf->front.xb.path);
    netfront_ctrl_destroy(nf);
}

int netfront_ctrl_publish(struct netfront *nf, xs_txn_t txn)
{
    static const char ring_ref[] = "ctrl-ring-ref", port[] = "event-channel-ctrl";
    const struct netfront_ctrl *ctrl = &nf->ctrl;
    int err;

    if (ctrl->ring_page == NULL) {
        err = xenbus_rm(&nf->front.xb, txn, ring_ref);
        return err == 0 ? xenbus_rm(&nf->front.xb, txn, port) : err;
    }
    err = xenbus_printf(&nf->front.xb, txn, ring_ref, "%u", ctrl->ring_page->gref);
    return err == 0 ? xenbus_printf(&nf->front.xb, txn, port, "%u", ctrl->port) : err;
}

void netfront_ctrl_start(struct netfront *nf)
{
    if (nf->ctrl.ring_page == NULL || nf->ctrl.step != STEP_OFF)
        return;
    nf->ctrl.step = STEP_ALGORITHM;
    ask(nf);
}

void netfront_ctrl_destroy(struct netfront *nf)
{
    struct netfront_ctrl *ctrl = &nf->ctrl;

    if (ctrl->port != 0)
        (void)evtchn_close(nf->conf.ev, ctrl->port);
    ctrl->port = 0;
    (void)data_take_back(nf);
    netfront_ring_page_put(nf, ctrl->ring_page);
    ctrl->ring_page = NULL;
    ctrl->ring.shared = NULL;
    ctrl->step = STEP_OFF;
    ctrl->waiting = ctrl->may_hash = ctrl->steer = false;
}
