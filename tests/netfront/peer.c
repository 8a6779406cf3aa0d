/* SPDX-License-Identifier: ISC */
/* peer.c - see peer.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/log.h>

#include "platform/sim/sim_priv.h"

#include "peer.h"
#include "support.h"

struct peer peer;

static uint32_t peer_counts[1024];
static uint32_t peer_free_list[8192];
static gref_t peer_tx_grants[PEER_PAGES];
static struct page peer_page_headers[PEER_PAGES];
static struct pkt peer_pkts[PEER_PKTS];
static _Alignas(4096) uint8_t peer_memory[PEER_PAGES][4096];
static _Alignas(16) uint8_t peer_storage[NETFRONT_BYTES];

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n%s\n", __FILE__, __LINE__, #expr, vplat_console());        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- machine --------------------------------------------------------------------------------- */

static bool peer_run_domain0(void)
{
    bool any = sim_run_until_idle();

    while (sim_upcall_pending() && evtchn_upcall(&peer.ev) != 0)
        any = true;
    return any;
}

static void peer_wait(uint64_t deadline_ns)
{
    bool any = peer_run_domain0();

    if (peer.automatic)
        peer_auto();
    if (peer.on_wait != NULL)
        peer.on_wait();
    any = peer_run_domain0() || any;
    if (!any)
        vplat_set_now(u64_min(deadline_ns, plat_now_ns() + NS_PER_S));
}

void peer_run(void)
{
    peer_wait(plat_now_ns());
}

static void peer_key(const char *dir, const char *name, const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    sim_xs_write(path, "%s", value);
}

void peer_make_keys(void)
{
    static const char guest_reads[] = "n0\0r1";
    const struct peer_conf *conf = &peer.conf;

    sim_store_mkdir(0, NULL, PEER_BACK);
    sim_store_set_perms(0, NULL, PEER_BACK, cs_ro_of(guest_reads, sizeof(guest_reads)));
    peer_key(PEER_FRONT, "backend", PEER_BACK);
    peer_key(PEER_FRONT, "backend-id", "0");
    peer_key(PEER_FRONT, "state", "1");
    if (conf->mac == NULL || conf->mac[0] != '\0')
        peer_key(PEER_FRONT, "mac", conf->mac != NULL ? conf->mac : "00:16:3e:0a:Fb:1c");
    if (conf->mtu != NULL)
        peer_key(PEER_FRONT, "mtu", conf->mtu);
    if (conf->trusted != NULL)
        peer_key(PEER_FRONT, "trusted", conf->trusted);
    peer_key(PEER_BACK, "frontend", PEER_FRONT);
    peer_key(PEER_BACK, "frontend-id", "1");
    peer_key(PEER_BACK, "online", "1");
    if (!conf->no_sg)
        peer_key(PEER_BACK, "feature-sg", "1");
    if (!conf->no_rx_copy)
        peer_key(PEER_BACK, "feature-rx-copy", "1");
    if (conf->gso)
        peer_key(PEER_BACK, "feature-gso-tcpv4", "1");
    if (conf->gso6)
        peer_key(PEER_BACK, "feature-gso-tcpv6", "1");
    if (conf->no_csum)
        peer_key(PEER_BACK, "feature-no-csum-offload", "1");
    peer_set_state(XENBUS_INIT_WAIT);
}

void peer_start(const struct peer_conf *conf)
{
    struct sim_conf sim = {.seed = conf->seed, .vif_count = conf->wire != NULL, .vif = {conf->vif}};
    struct evtchn_conf ev = {
        .force_2l = true, .counts = peer_counts, .ports_max = ARRAY_SIZE(peer_counts)};
    struct gnttab_conf gt = {.version = conf->gnttab_version != 0 ? conf->gnttab_version : 1,
                             .free_list = peer_free_list,
                             .entries_max = conf->grants_max != 0 ? conf->grants_max : 4096};

    sim.vif[0].wire = conf->wire;
    vplat_reset(conf->seed);
    memset(peer_tx_grants, 0, sizeof(peer_tx_grants));
    vplat_step = peer_wait;
    memset(&peer, 0, sizeof(peer));
    peer.conf = *conf;
    CHECK(sim_init(&sim) == 0);
    CHECK(evtchn_init(&peer.ev, &ev) == 0);
    CHECK(gnttab_init(&peer.gt, &gt) == 0);
    CHECK(evtchn_adopt(&peer.ev, xen_start()->store_port) == 0);
    CHECK(xs_init(&peer.xs, &(struct xs_conf){.ring = xen_start()->store_ring,
                                              .ev = &peer.ev,
                                              .port = xen_start()->store_port}) == 0);
    page_pool_init(&peer.pages, peer_page_headers, peer_memory,
                   conf->pages != 0 ? conf->pages : PEER_PAGES);
    pkt_pool_init(&peer.pool, peer_pkts, conf->pkts != 0 ? conf->pkts : PEER_PKTS, &peer.pages);
    peer.automatic = conf->wire == NULL;
    if (conf->wire == NULL)
        peer_make_keys();
    log_init(plat_console_write, LOG_INFO);
}

/* Both peer_rings, on both sides, as if `index` requests had been there before. */
static void peer_move_ring(struct ring *ring, struct peer_ring *back, uint32_t index)
{
    ring->req_prod += index;
    ring->req_pushed += index;
    ring->req_told += index;
    ring->rsp_cons += index;
    ring->shared->req_prod += index;
    ring->shared->rsp_prod += index;
    ring->shared->req_event += index;
    ring->shared->rsp_event += index;
    back->req_cons += index;
    back->rsp_prod += index;
}

int peer_open(void)
{
    struct netfront_conf conf = {.ev = &peer.ev,
                                 .gt = &peer.gt,
                                 .xs = &peer.xs,
                                 .pool = &peer.pool,
                                 .rx_slots = peer.conf.rx_slots,
                                 .mac = peer.conf.conf_mac,
                                 .queues_max = peer.conf.off.queues_max,
                                 .no_gso = peer.conf.off.no_gso,
                                 .no_csum = peer.conf.off.no_csum,
                                 .no_sg = peer.conf.off.no_sg,
                                 .no_split = peer.conf.off.no_split,
                                 .all_multicast = peer.conf.off.all_multicast,
                                 .tx_grants = peer.conf.keep_grants ? peer_tx_grants : NULL,
                                 .quarantine = peer.conf.no_quarantine ? NULL : &peer.quarantine};
    int err = netfront_open(peer_storage, &conf, &peer.dev);

    if (err != 0)
        return err;
    peer.nf = (struct netfront *)(void *)peer_storage;
    if (peer.tx.shared != NULL) {
        peer_move_ring(&peer.nf->queue[0].tx.ring, &peer.tx, peer.conf.index);
        peer_move_ring(&peer.nf->queue[0].rx.ring, &peer.rx, peer.conf.index);
    }
    return 0;
}

void peer_close(void)
{
    if (peer.dev != NULL)
        netfront_close(peer.dev);
    peer.dev = NULL;
    peer.nf = NULL;
}

static uint32_t peer_open_grants;

static void peer_count_grant(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    (void)arg, (void)gref, (void)page, (void)read_only, (void)mapped;
    peer_open_grants++;
}

void peer_stop(uint32_t pages_lost)
{
    peer_close();
    peer_disconnect();
    gnttab_quarantine_poll(&peer.quarantine, &peer.gt, PEER_PAGES);
    if (sim_fault_count() != 0)
        fprintf(stderr, "fault: %s\n", sim_fault_text());
    CHECK(sim_fault_count() == 0);
    if (peer.pages.free_count + pages_lost != peer.pages.total)
        fprintf(stderr, "%u of %u pages are free, %u quarantined\n", peer.pages.free_count,
                peer.pages.total, peer.pages.quarantined);
    CHECK(peer.pages.free_count + pages_lost == peer.pages.total);
    CHECK(peer.pages.quarantined <= pages_lost);
    CHECK(peer.pool.free_count == peer.pool.total);
    peer_open_grants = 0;
    sim_grants(peer_count_grant, NULL);
    CHECK(pages_lost != 0 || peer_open_grants == 0);
    CHECK(sim_xs_watches() == 0);
    CHECK(sim_xs_transactions() == 0);
    peer_drop();
}

void peer_drop(void)
{
    sim_fini();
    vplat_reset(0);
}

/* ---- handshake ------------------------------------------------------------------------------- */

void peer_set_state(uint32_t state)
{
    peer.state = state;
    sim_xs_write(PEER_BACK "/state", "%u", state);
}

uint32_t peer_front_state(void)
{
    return sim_xs_read_u32(PEER_FRONT "/state", XENBUS_UNKNOWN);
}

static bool peer_map_ring(struct peer_ring *ring, const char *path)
{
    int16_t status;

    ring->gref = sim_xs_read_u32(path, 0);
    ring->shared = (struct ring_shared *)(void *)sim_grant_map(ring->gref, true, &status);
    if (ring->shared == NULL)
        return false;
    /* As netback does, so that rings may begin anywhere. */
    ring->req_cons = ring->rsp_prod = ring->shared->rsp_prod;
    return true;
}

bool peer_connect(void)
{
    int port = sim_dom0_bind(sim_xs_read_u32(PEER_FRONT "/event-channel", 0));

    if (port <= 0)
        return false;
    peer.port = (uint32_t)port;
    if (peer_map_ring(&peer.tx, PEER_FRONT "/tx-ring-ref") &&
        peer_map_ring(&peer.rx, PEER_FRONT "/rx-ring-ref"))
        return true;
    peer_disconnect();
    return false;
}

void peer_disconnect(void)
{
    if (peer.tx.shared != NULL)
        sim_grant_unmap(peer.tx.gref, true);
    if (peer.rx.shared != NULL)
        sim_grant_unmap(peer.rx.gref, true);
    peer.tx.shared = peer.rx.shared = NULL;
    if (peer.port != 0)
        sim_dom0_close(peer.port);
    peer.port = 0;
}

void peer_auto(void)
{
    uint32_t front = peer_front_state();

    if (front == XENBUS_CONNECTED && peer.state == XENBUS_INIT_WAIT) {
        peer_disconnect();
        if (peer_connect())
            peer_set_state(XENBUS_CONNECTED);
    } else if (front == XENBUS_CLOSING && peer.state != XENBUS_CLOSING &&
               peer.state != XENBUS_CLOSED) {
        peer_disconnect();
        peer_set_state(XENBUS_CLOSING);
    } else if (front == XENBUS_CLOSED && peer.state != XENBUS_CLOSED &&
               peer.state != XENBUS_INIT_WAIT) {
        peer_disconnect();
        peer_set_state(XENBUS_CLOSED);
    } else if (front == XENBUS_INITIALISING &&
               (peer.state == XENBUS_CLOSED || peer.state == XENBUS_CLOSING)) {
        peer_disconnect();
        peer_set_state(XENBUS_INIT_WAIT);
    }
}

/* ---- peer_rings ------------------------------------------------------------------------------ */

static uint8_t *peer_slot_of(const struct peer_ring *ring, uint32_t index, uint32_t bytes)
{
    return (uint8_t *)ring->shared + RING_SLOTS_AT + (index % NETFRONT_RING_SLOTS) * bytes;
}

/* RING_PUSH_RESPONSES_AND_CHECK_NOTIFY of io/ring.h. */
static void peer_push(struct peer_ring *ring)
{
    uint32_t was = ring->shared->rsp_prod, is = ring->rsp_prod;

    ring->shared->rsp_prod = is;
    if (is - ring->shared->rsp_event < is - was) {
        peer.events_to++;
        sim_dom0_send(peer.port);
    }
}

bool peer_tx_take(struct netfront_tx_req *req)
{
    if (peer.tx.req_cons == peer.tx.shared->req_prod)
        return false;
    const struct netif_tx_request *slot =
        (const void *)peer_slot_of(&peer.tx, peer.tx.req_cons++, NETFRONT_TX_SLOT_BYTES);
    *req = (struct netfront_tx_req){.gref = slot->gref,
                                    .offset = slot->offset,
                                    .txf = slot->flags,
                                    .id = slot->id,
                                    .size = slot->size};
    peer.tx.shared->req_event = peer.tx.req_cons + 1;
    return true;
}

bool peer_tx_take_extra(struct netif_extra_info *extra)
{
    if (peer.tx.req_cons == peer.tx.shared->req_prod)
        return false;
    memcpy(extra, peer_slot_of(&peer.tx, peer.tx.req_cons++, NETFRONT_TX_SLOT_BYTES),
           sizeof(*extra));
    peer.tx.shared->req_event = peer.tx.req_cons + 1;
    return true;
}

void peer_tx_answer(uint16_t id, int16_t status)
{
    struct netif_tx_response *slot =
        (void *)peer_slot_of(&peer.tx, peer.tx.rsp_prod++, NETFRONT_TX_SLOT_BYTES);

    slot->id = id;
    slot->status = status;
}

void peer_tx_push(void)
{
    peer_push(&peer.tx);
}

uint32_t peer_tx_all(void)
{
    struct netfront_tx_req req;
    uint32_t n = 0;

    while (peer_tx_take(&req)) {
        peer_tx_answer(req.id, NETIF_RSP_OKAY);
        n++;
    }
    if (n != 0)
        peer_tx_push();
    return n;
}

const uint8_t *peer_tx_bytes(const struct netfront_tx_req *req, uint32_t len)
{
    int16_t status;

    return sim_grant_use(req->gref, req->offset, len, false, &status);
}

uint32_t peer_rx_posted(void)
{
    return peer.rx.shared->req_prod - peer.rx.req_cons;
}

bool peer_rx_take(struct peer_rx_req *req)
{
    if (peer_rx_posted() == 0)
        return false;
    const struct netif_rx_request *slot =
        (const void *)peer_slot_of(&peer.rx, peer.rx.req_cons++, NETFRONT_RX_SLOT_BYTES);
    *req = (struct peer_rx_req){.id = slot->id, .gref = slot->gref};
    peer.rx.shared->req_event = peer.rx.req_cons + 1;
    return true;
}

void peer_rx_answer(uint16_t id, uint16_t offset, uint16_t rxf, int16_t status)
{
    struct netif_rx_response *slot =
        (void *)peer_slot_of(&peer.rx, peer.rx.rsp_prod++, NETFRONT_RX_SLOT_BYTES);

    *slot = (struct netif_rx_response){.id = id, .offset = offset, .flags = rxf, .status = status};
}

void peer_rx_extra(const struct netif_extra_info *extra)
{
    memcpy(peer_slot_of(&peer.rx, peer.rx.rsp_prod++, NETFRONT_RX_SLOT_BYTES), extra,
           sizeof(*extra));
}

void peer_rx_push(void)
{
    peer_push(&peer.rx);
}

bool peer_rx_frame(const void *frame, uint32_t len, uint16_t rxf, uint32_t piece)
{
    const uint8_t *from = frame;
    struct peer_rx_req req;
    int16_t status;

    if (piece == 0)
        piece = PAGE_BYTES;
    if (peer_rx_posted() < (len + piece - 1) / piece)
        return false;
    while (len != 0) {
        uint32_t n = len < piece ? len : piece;

        CHECK(peer_rx_take(&req));
        uint8_t *to = sim_grant_use(req.gref, 0, PAGE_BYTES, true, &status);
        if (to == NULL)
            return false;
        memcpy(to, from, n);
        from += n;
        len -= n;
        peer_rx_answer(req.id, 0, (uint16_t)(len != 0 ? rxf | RXF_MORE_DATA : rxf), (int16_t)n);
        rxf = 0;
    }
    peer_rx_push();
    return true;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void peer_check_page(void *arg, uint32_t gref, void *page, bool read_only, bool mapped)
{
    uint8_t *at = page;
    const struct page *header;

    (void)arg;
    CHECK((size_t)(at - peer_memory[0]) < sizeof(peer_memory));
    header = &peer_page_headers[(size_t)(at - peer_memory[0]) / 4096];
    if (peer.nf != NULL &&
        (header == peer.nf->queue[0].tx.ring_page || header == peer.nf->queue[0].rx.ring_page))
        return;
    /* A grant of version 2 that was refused its end has lost its flags: it no longer says
     * "read-only". */
    read_only = read_only || (mapped && peer.gt.version == 2);
    if (read_only && peer_tx_grants[header - peer_page_headers] == gref)
        return; /* kept */
    if (header->state == PAGE_FREE || (!read_only && header->state == PAGE_HELD)) {
        fprintf(stderr, "page %p is %s under grant %u (%s%s)\n", page,
                page_state_name((enum page_state)header->state), gref, read_only ? "ro" : "rw",
                mapped ? ", mapped" : "");
        abort();
    }
}

void peer_check_pages(void)
{
    sim_grants(peer_check_page, NULL);
}

void peer_pattern(uint8_t *frame, uint32_t len, uint8_t first)
{
    memset(frame, 0x02, 12);
    frame[12] = 0x88;
    frame[13] = 0xb5; /* IEEE 802's local experimental type */
    for (uint32_t i = 14; i < len; i++)
        frame[i] = (uint8_t)(first + i);
}

struct pkt *peer_packet(uint32_t len, uint8_t first)
{
    struct pkt *pkt = pkt_alloc(&peer.pool, 0, len);

    CHECK(pkt != NULL);
    peer_pattern(pkt->frag[0].page->base, len, first);
    return pkt;
}
