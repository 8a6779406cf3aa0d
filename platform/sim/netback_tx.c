/* SPDX-License-Identifier: ISC */
/* netback_tx.c - frames from the guest: requests of the TX ring, checked as Linux's netback
 * checks them, and handed to the wire.
 *
 * What a guest may not do ends the vif and is a fault of the test: too many slots, a slot across
 * a page's end, an id twice in flight, a page that was not granted, headers that are not all in
 * the first slot (XSA-423).
 */
#include <string.h>

#include <morgana/cksum.h>

#include "netback.h"

#define ETH_HEADER 14u
#define SLOTS_MAX XEN_NETIF_NR_SLOTS_MIN
#define BATCH_MAX NETBACK_SLOTS

/* One frame being collected. */
struct gather {
    struct netif_tx_request first;
    struct iovec iov[SLOTS_MAX];
    unsigned pieces;
    size_t len;
    bool bad_grant;
    uint16_t id[SLOTS_MAX];
    unsigned slots;
};

static struct {
    struct netif_tx_response response[BATCH_MAX];
    unsigned count;
} batch;

/* ---- responses ------------------------------------------------------------------------------ */

void sim_vif_tx_push(struct sim_vif *vif)
{
    sim_vif_push(vif, &vif->tx->rsp_prod, &vif->tx->rsp_event, vif->tx_prod, &vif->tx_pushed);
}

static void put_response(struct sim_vif *vif, struct netif_tx_response response)
{
    vif->tx->ring[vif->tx_prod++ % NETBACK_SLOTS].rsp = response;
    sim_ids_remove(vif->tx_ids, response.id);
}

/* Responses may come in any order: with a random domain 0 they do. */
static void publish(struct sim_vif *vif)
{
    for (unsigned i = 0; i < batch.count; i++) {
        unsigned j = i + sim_random(batch.count - i);
        put_response(vif, batch.response[j]);
        batch.response[j] = batch.response[i];
    }
    batch.count = 0;
    sim_vif_tx_push(vif);
}

static void respond(struct sim_vif *vif, const struct gather *g, int16_t status)
{
    for (unsigned i = 0; i < g->slots; i++) {
        struct netif_tx_response response = {g->id[i], status};
        if (!sim_state.conf.random) {
            put_response(vif, response);
            continue;
        }
        ASSERT(batch.count < BATCH_MAX);
        batch.response[batch.count++] = response;
    }
}

/* ---- collecting a frame --------------------------------------------------------------------- */

static void add_piece(const struct sim_vif *vif, struct gather *g, const struct netif_tx_request *r,
                      uint32_t size)
{
    int16_t status;
    uint8_t *bytes = sim_grant_use(r->gref, r->offset, size, false, &status);
    if (bytes == NULL) {
        g->bad_grant = true;
        sim_vif_fault(vif, "transmit slot %u: grant %u does not allow %u bytes at %u: status %d",
                      r->id, r->gref, size, r->offset, status);
        return;
    }
    g->iov[g->pieces++] = (struct iovec){bytes, size};
    g->len += size;
}

static bool add_slot(struct sim_vif *vif, struct gather *g, const struct netif_tx_request *r)
{
    if (!sim_ids_add(vif->tx_ids, r->id)) {
        sim_vif_fatal(vif, "transmit id is in flight already", r->id);
        return false;
    }
    g->id[g->slots++] = r->id;
    return true;
}

/* Takes one frame's slots. False: the vif is dead. */
static bool collect(struct sim_vif *vif, struct gather *g, uint32_t prod)
{
    struct netif_tx_request r, rest[SLOTS_MAX];
    unsigned more = 0;
    memcpy(&g->first, &vif->tx->ring[vif->tx_cons++ % NETBACK_SLOTS], sizeof(g->first));
    if (!add_slot(vif, g, &g->first))
        return false;
    if ((g->first.flags & NETTXF_extra_info) != 0) {
        sim_vif_fatal(vif, "extra info, which no feature of ours allows", g->first.flags);
        return false;
    }
    /* The first request's size is the frame's; what the others hold is not in the first slot. */
    uint32_t first_size = g->first.size;
    for (r = g->first; (r.flags & NETTXF_more_data) != 0;) {
        if (vif->tx_cons == prod) {
            sim_vif_fatal(vif, "a frame's slots were not all published", more);
            return false;
        }
        memcpy(&r, &vif->tx->ring[vif->tx_cons++ % NETBACK_SLOTS], sizeof(r));
        if (++more >= SLOTS_MAX || r.size > first_size) {
            sim_vif_fatal(vif, more >= SLOTS_MAX ? "too many slots" : "slots exceed the frame",
                          more);
            return false;
        }
        if (!add_slot(vif, g, &r))
            return false;
        if (!cs_in(SIM_PAGE, r.offset, r.size)) {
            sim_vif_fatal(vif, "a slot crosses a page's end", r.offset + 0u + r.size);
            return false;
        }
        first_size -= r.size;
        rest[more - 1] = r;
    }
    if (!cs_in(SIM_PAGE, g->first.offset, first_size)) {
        sim_vif_fatal(vif, "the first slot crosses a page's end", first_size);
        return false;
    }
    add_piece(vif, g, &g->first, first_size);
    for (unsigned i = 0; i < more; i++)
        add_piece(vif, g, &rest[i], rest[i].size);
    return true;
}

/* ---- what is in the frame ------------------------------------------------------------------- */

/* The end of the protocol headers, and where a checksum would stand: from the first piece alone. */
static uint32_t headers_end(const struct gather *g, struct sim_csum *csum)
{
    const uint8_t *p = g->iov[0].iov_base;
    size_t n = g->iov[0].iov_len;
    if (n < ETH_HEADER || p[12] != 0x08 || p[13] != 0x00)
        return ETH_HEADER;
    if (n < ETH_HEADER + 20)
        return ETH_HEADER + 20;
    uint32_t l4 = ETH_HEADER + (p[ETH_HEADER] & 15u) * 4;
    bool fragment = (p[ETH_HEADER + 6] & 0x1f) != 0 || p[ETH_HEADER + 7] != 0;
    uint8_t protocol = p[ETH_HEADER + 9];
    if (fragment || (protocol != 6 && protocol != 17))
        return l4;
    csum->start = (uint16_t)l4;
    csum->off = protocol == 6 ? 16 : 6;
    return l4 + (protocol == 6 ? 20 : 8);
}

/* A blank checksum field must hold the pseudo-header's sum: whoever completes it adds to that. */
static bool blank_is_right(const struct gather *g, const struct sim_csum *csum)
{
    struct cs_ro p = cs_ro_of(g->iov[0].iov_base, g->iov[0].iov_len);
    uint32_t total = cs_get_be16(p, ETH_HEADER + 2);
    uint32_t l4_len = total - (csum->start - ETH_HEADER);
    uint32_t sum = cksum_pseudo4(cs_get_be32(p, ETH_HEADER + 12), cs_get_be32(p, ETH_HEADER + 16),
                                 p.base[ETH_HEADER + 9], (uint16_t)l4_len);
    uint16_t expected = (uint16_t)~cksum_finish(sum);
    return cs_get_be16(p, csum->start + (size_t)csum->off) == expected;
}

static void deliver(struct sim_vif *vif, struct gather *g)
{
    struct sim_frame frame = {.iov = g->iov, .iov_count = g->pieces, .len = g->len};
    int16_t status = NETIF_RSP_ERROR;
    if (!g->bad_grant && g->len < ETH_HEADER) {
        sim_vif_fault(vif, "vif %u: a frame of %zu bytes", vif->index, g->len);
    } else if (!g->bad_grant) {
        uint32_t end = headers_end(g, &frame.csum);
        if (end > g->iov[0].iov_len && g->pieces > 1)
            sim_vif_fault(vif, "vif %u: headers end at %u, the first slot at %zu (XSA-423)",
                          vif->index, end, g->iov[0].iov_len);
        frame.csum.blank = (g->first.flags & NETTXF_csum_blank) != 0;
        frame.csum.validated = (g->first.flags & NETTXF_data_validated) != 0;
        if (frame.csum.blank && vif->conf->no_csum)
            sim_vif_fault(vif, "vif %u: a blank checksum for a backend that refuses them",
                          vif->index);
        else if (frame.csum.blank && (frame.csum.start == 0 || end > g->iov[0].iov_len ||
                                      !blank_is_right(g, &frame.csum)))
            sim_vif_fault(vif, "vif %u: a blank checksum without the pseudo-header's sum",
                          vif->index);
        vif->stats.tx_frames++;
        vif->stats.tx_bytes += g->len;
        vif->stats.tx_slots += g->slots;
        if (vif->wire != NULL)
            vif->wire->send(vif->wire, &frame);
        status = NETIF_RSP_OKAY;
    }
    if (status != NETIF_RSP_OKAY)
        vif->stats.tx_errors++;
    respond(vif, g, status);
}

void sim_vif_step_tx(unsigned index, unsigned budget)
{
    struct sim_vif *vif = &sim_vifs[index];
    if (!vif->connected || vif->dead)
        return;
    if (vif->rx_wait)
        sim_work_set(SIM_WORK_VIF_RX(index));
    vif->stats.events_from += sim_dom0_events((uint32_t)vif->port);
    bool more = false;
    for (unsigned done = 0;; done++) {
        uint32_t prod = READ_ONCE(vif->tx->req_prod);
        rmb(); /* the index before the requests it publishes */
        if (prod - vif->tx_prod > NETBACK_SLOTS) {
            sim_vif_fatal(vif, "transmit requests run ahead of the ring", prod - vif->tx_prod);
            break;
        }
        if (prod == vif->tx_cons) {
            WRITE_ONCE(vif->tx->req_event, vif->tx_cons + 1);
            mb(); /* ask for an event before looking again */
            if (READ_ONCE(vif->tx->req_prod) == vif->tx_cons)
                break;
            continue;
        }
        if (done >= budget || batch.count + SLOTS_MAX > BATCH_MAX) {
            more = true;
            break;
        }
        struct gather g;
        g.pieces = g.slots = 0;
        g.len = 0;
        g.bad_grant = false;
        if (!collect(vif, &g, prod))
            break;
        deliver(vif, &g);
    }
    publish(vif);
    if (more)
        sim_work_set(SIM_WORK_VIF_TX(index));
}
