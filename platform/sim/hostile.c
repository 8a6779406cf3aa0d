/* SPDX-License-Identifier: ISC */
/* hostile.c - the lies of hostile.h, each a function; and drawing them. Those told in rings and
 * grants are here, those told in xenstore and by events in hostile_xs.c.
 */
#include <string.h>

#include "hostile_priv.h"

struct sim_keep sim_kept[SIM_KEEP_MAX];

/* ---- transmit responses --------------------------------------------------------------------- */

static void tx_answer(struct sim_vif *vif, uint16_t id, int16_t status)
{
    vif->tx->ring[vif->tx_prod++ % NETBACK_SLOTS].rsp = (struct netif_tx_response){id, status};
    sim_vif_tx_push(vif);
}

static void tx_unknown_id(struct sim_vif *vif)
{
    tx_answer(vif, (uint16_t)word(), NETIF_RSP_OKAY);
}

static void tx_twice(struct sim_vif *vif)
{
    struct netif_tx_response last = vif->tx->ring[(vif->tx_prod - 1) % NETBACK_SLOTS].rsp;
    tx_answer(vif, last.id, last.status);
}

/* The id of the next request, which stays to be taken. */
static void tx_unasked(struct sim_vif *vif)
{
    if (vif->tx_cons != vif->tx->req_prod)
        tx_answer(vif, vif->tx->ring[vif->tx_cons % NETBACK_SLOTS].req.id, NETIF_RSP_OKAY);
}

static void tx_take(struct sim_vif *vif, int16_t status)
{
    if (vif->tx_cons == vif->tx->req_prod)
        return;
    uint16_t id = vif->tx->ring[vif->tx_cons++ % NETBACK_SLOTS].req.id;
    tx_answer(vif, id, status);
}

static void tx_status(struct sim_vif *vif)
{
    tx_take(vif, (int16_t)word());
}

static void tx_error(struct sim_vif *vif)
{
    tx_take(vif, sim_random(2) == 0 ? NETIF_RSP_ERROR : NETIF_RSP_DROPPED);
}

static void tx_ahead(struct sim_vif *vif)
{
    vif->tx_prod += distance();
    sim_vif_tx_push(vif);
}

static void tx_back(struct sim_vif *vif)
{
    vif->tx_prod -= distance();
    sim_vif_tx_push(vif);
}

static void tx_swallow(struct sim_vif *vif)
{
    if (vif->tx_cons != vif->tx->req_prod)
        vif->tx_cons++;
}

/* ---- receive responses ---------------------------------------------------------------------- */

/* Answers the next posted request in its own slot; false where none is posted. */
static bool rx_answer(struct sim_vif *vif, uint16_t offset, uint16_t flags, int16_t status)
{
    if (vif->rx_cons == vif->rx->req_prod)
        return false;
    uint16_t id = vif->rx->ring[vif->rx_cons++ % NETBACK_SLOTS].req.id;
    vif->rx->ring[vif->rx_prod++ % NETBACK_SLOTS].rsp =
        (struct netif_rx_response){id, offset, flags, status};
    return true;
}

static void rx_unknown_id(struct sim_vif *vif)
{
    uint32_t at = vif->rx_prod;
    if (rx_answer(vif, 0, 0, 60))
        vif->rx->ring[at % NETBACK_SLOTS].rsp.id = (uint16_t)word();
    sim_vif_rx_push(vif);
}

static void rx_range(struct sim_vif *vif)
{
    rx_answer(vif, (uint16_t)word(), 0, (int16_t)(1 + sim_random(32767)));
    sim_vif_rx_push(vif);
}

static void rx_status(struct sim_vif *vif)
{
    rx_answer(vif, 0, 0, (int16_t)(-1 - (int32_t)sim_random(32768)));
    sim_vif_rx_push(vif);
}

static void rx_endless(struct sim_vif *vif)
{
    uint32_t n = 1 + sim_random(64);
    while (n-- != 0 && rx_answer(vif, 0, NETRXF_more_data, (int16_t)(1 + sim_random(4096))))
        ;
    sim_vif_rx_push(vif);
}

static void rx_extra(struct sim_vif *vif)
{
    if (!rx_answer(vif, 0, NETRXF_extra_info, 60))
        return;
    for (uint32_t n = sim_random(16); n != 0 && vif->rx_cons != vif->rx->req_prod; n--) {
        struct netif_extra_info info;
        noise(&info, sizeof(info));
        info.flags |= XEN_NETIF_EXTRA_FLAG_MORE;
        memcpy(&vif->rx->ring[vif->rx_prod++ % NETBACK_SLOTS], &info, sizeof(info));
        vif->rx_cons++;
    }
    sim_vif_rx_push(vif);
}

static void rx_flags(struct sim_vif *vif)
{
    rx_answer(vif, 0, (uint16_t)word(), 60);
    sim_vif_rx_push(vif);
}

static void rx_ahead(struct sim_vif *vif)
{
    vif->rx_prod += distance();
    sim_vif_rx_push(vif);
}

static void rx_back(struct sim_vif *vif)
{
    vif->rx_prod -= distance();
    sim_vif_rx_push(vif);
}

/* The page of a posted request, where it is granted for writing. */
static uint8_t *posted_page(const struct sim_vif *vif, uint32_t at)
{
    int16_t status;
    struct netif_rx_request r;
    memcpy(&r, &vif->rx->ring[at % NETBACK_SLOTS], sizeof(r));
    return sim_grant_use(r.gref, 0, SIM_PAGE, true, &status);
}

/* Frames that look like some protocol's and are not; the ring's own rules are kept. */
static void rx_noise(struct sim_vif *vif)
{
    for (uint32_t n = 1 + sim_random(8); n != 0 && vif->rx_cons != vif->rx->req_prod; n--) {
        uint8_t *page = posted_page(vif, vif->rx_cons);
        uint32_t len = 1 + sim_random(1514);
        if (page == NULL)
            break;
        noise(page, len < 64 ? len : 64);
        static const uint8_t types[][2] = {{8, 0}, {8, 6}, {0x86, 0xdd}, {0x81, 0}};
        if (sim_random(4) != 0)
            memset(page, 0xff, 6);
        memcpy(page + 12, types[sim_random(4)], 2);
        if (sim_random(2) == 0)
            page[14] = 0x45;
        uint16_t flags = sim_random(2) == 0 ? NETRXF_data_validated : 0;
        if (sim_random(4) == 0)
            flags |= NETRXF_csum_blank | NETRXF_data_validated;
        rx_answer(vif, 0, flags, (int16_t)len);
    }
    sim_vif_rx_push(vif);
}

static void rx_empty(struct sim_vif *vif)
{
    rx_answer(vif, 0, 0, 0);
    sim_vif_rx_push(vif);
}

/* ---- shared memory -------------------------------------------------------------------------- */

static void ring_rewrite(struct sim_vif *vif)
{
    for (uint32_t n = 1 + sim_random(16); n != 0; n--) {
        noise(&vif->tx->ring[sim_random(NETBACK_SLOTS)], sizeof(vif->tx->ring[0]));
        noise(&vif->rx->ring[sim_random(NETBACK_SLOTS)], sizeof(vif->rx->ring[0]));
    }
}

static void ring_events(struct sim_vif *vif)
{
    vif->tx->req_event = word();
    vif->tx->rsp_event = word();
    vif->rx->req_event = word();
    vif->rx->rsp_event = word();
}

static void ring_producer(struct sim_vif *vif)
{
    if (sim_random(2) == 0)
        vif->tx->req_prod += distance();
    else
        vif->rx->req_prod += distance();
}

static void ring_noise(struct sim_vif *vif)
{
    noise(sim_random(2) == 0 ? (void *)vif->tx : (void *)vif->rx, SIM_PAGE);
}

static void page_scribble(struct sim_vif *vif)
{
    for (unsigned i = 0; i < SIM_KEEP_MAX; i++) {
        if (sim_kept[i].page != NULL && sim_kept[i].write)
            noise(sim_kept[i].page + sim_random(SIM_PAGE - 16), 16);
    }
    if (!vif->connected)
        return;
    uint8_t *page = posted_page(vif, word());
    if (page != NULL)
        noise(page, 64);
}

/* ---- grants --------------------------------------------------------------------------------- */

static void keep(uint32_t gref, bool write)
{
    int16_t status;
    for (unsigned i = 0; i < SIM_KEEP_MAX; i++) {
        if (sim_kept[i].page == NULL) {
            uint8_t *page = sim_grant_map(gref, write, &status);
            if (page != NULL)
                sim_kept[i] = (struct sim_keep){gref, write, page};
            return;
        }
    }
}

static void grant_keep(struct sim_vif *vif)
{
    struct netif_tx_request tx;
    struct netif_rx_request rx;
    memcpy(&tx, &vif->tx->ring[sim_random(NETBACK_SLOTS)], sizeof(tx));
    memcpy(&rx, &vif->rx->ring[sim_random(NETBACK_SLOTS)], sizeof(rx));
    if (sim_random(2) == 0)
        keep(tx.gref, false);
    else
        keep(rx.gref, true);
}

static void grant_release(struct sim_vif *vif)
{
    (void)vif;
    struct sim_keep *k = &sim_kept[sim_random(SIM_KEEP_MAX)];
    if (k->page != NULL)
        sim_grant_unmap(k->gref, k->write);
    k->page = NULL;
}

unsigned sim_hostile_kept(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SIM_KEEP_MAX; i++)
        n += sim_kept[i].page != NULL;
    return n;
}

/* ---- drawing -------------------------------------------------------------------------------- */

#define RINGS 1u /* needs a connection */
#define CALM 2u  /* need not end it */

static const struct {
    const char *name;
    void (*act)(struct sim_vif *vif);
    unsigned flags;
} lies[SIM_HOSTILE_COUNT] = {
#define LIE(kind, act, flags) [SIM_HOSTILE_##kind] = {#kind, act, flags}
    LIE(TX_UNKNOWN_ID, tx_unknown_id, RINGS),
    LIE(TX_TWICE, tx_twice, RINGS),
    LIE(TX_UNASKED, tx_unasked, RINGS),
    LIE(TX_STATUS, tx_status, RINGS),
    LIE(TX_ERROR, tx_error, RINGS | CALM),
    LIE(TX_AHEAD, tx_ahead, RINGS),
    LIE(TX_BACK, tx_back, RINGS),
    LIE(TX_SWALLOW, tx_swallow, RINGS),
    LIE(RX_UNKNOWN_ID, rx_unknown_id, RINGS),
    LIE(RX_RANGE, rx_range, RINGS),
    LIE(RX_STATUS, rx_status, RINGS | CALM),
    LIE(RX_ENDLESS, rx_endless, RINGS),
    LIE(RX_EXTRA, rx_extra, RINGS),
    LIE(RX_FLAGS, rx_flags, RINGS),
    LIE(RX_AHEAD, rx_ahead, RINGS),
    LIE(RX_BACK, rx_back, RINGS),
    LIE(RX_NOISE, rx_noise, RINGS | CALM),
    LIE(RX_EMPTY, rx_empty, RINGS | CALM),
    LIE(RING_REWRITE, ring_rewrite, RINGS),
    LIE(RING_EVENTS, ring_events, RINGS | CALM),
    LIE(RING_PRODUCER, ring_producer, RINGS),
    LIE(RING_NOISE, ring_noise, RINGS),
    LIE(PAGE_SCRIBBLE, page_scribble, RINGS | CALM),
    LIE(GRANT_KEEP, grant_keep, RINGS),
    LIE(GRANT_RELEASE, grant_release, CALM),
    LIE(EVENT_STORM, sim_lie_event_storm, CALM),
    LIE(EVENT_STRANGE, sim_lie_event_strange, CALM),
    LIE(EVENT_LOST, sim_lie_event_lost, CALM),
    LIE(EVENT_CLOSED, sim_lie_event_closed, RINGS),
    LIE(STATE_JUMP, sim_lie_state_jump, 0),
    LIE(STATE_GARBAGE, sim_lie_state_garbage, 0),
    LIE(KEY_MAC, sim_lie_key_mac, CALM),
    LIE(KEY_MTU, sim_lie_key_mtu, CALM),
    LIE(KEY_FEATURE, sim_lie_key_feature, CALM),
    LIE(KEY_BACKEND, sim_lie_key_backend, 0),
    LIE(KEY_CARRIER, sim_lie_key_carrier, CALM),
    LIE(DIRECTORY_GONE, sim_lie_directory_gone, 0),
    LIE(STUCK, sim_lie_stuck, 0),
    LIE(UNSTUCK, sim_lie_unstuck, CALM),
    LIE(RECONNECT, sim_lie_reconnect, 0),
    LIE(VANISH, sim_lie_vanish, RINGS),
#undef LIE
};

const char *sim_hostile_name(enum sim_hostile what)
{
    return what < SIM_HOSTILE_COUNT ? lies[what].name : "?";
}

void sim_hostile_begin(unsigned index)
{
    sim_vifs[index].hostile = true;
    memset(sim_kept, 0, sizeof(sim_kept));
}

void sim_hostile_act(unsigned index, enum sim_hostile what)
{
    struct sim_vif *vif = &sim_vifs[index];
    if ((lies[what].flags & RINGS) == 0 || vif->connected)
        lies[what].act(vif);
}

enum sim_hostile sim_hostile_step(unsigned index, unsigned calm)
{
    bool want = sim_random(16) < calm;
    enum sim_hostile what;
    do {
        what = (enum sim_hostile)sim_random(SIM_HOSTILE_COUNT);
    } while (want && (lies[what].flags & CALM) == 0);
    sim_hostile_act(index, what);
    return what;
}

void sim_hostile_heal(unsigned index)
{
    struct sim_vif *vif = &sim_vifs[index];
    for (unsigned i = 0; i < SIM_KEEP_MAX; i++) {
        if (sim_kept[i].page != NULL)
            sim_grant_unmap(sim_kept[i].gref, sim_kept[i].write);
        sim_kept[i].page = NULL;
    }
    if (vif->connected)
        sim_vif_disconnect(vif);
    vif->dead = false;
    sim_xs_rm(sim_vif_back(vif, ""));
    sim_xs_rm(sim_vif_front(vif, ""));
    sim_vif_write_keys(vif);
}
