/* SPDX-License-Identifier: ISC */
/* netback_rx.c - frames to the guest: the wire's frames are received straight into the pages
 * that the guest granted.
 *
 * The wire scatters a frame over the first posted page and a buffer of ours; a frame longer than
 * a page goes on from the buffer to the next slots. Where there are too few slots the frame is
 * held until the guest has posted more.
 */
#include <string.h>

#include "netback.h"

static struct netif_rx_request request(const struct sim_vif *vif, uint32_t at)
{
    struct netif_rx_request r;
    memcpy(&r, &vif->rx->ring[at % NETBACK_SLOTS], sizeof(r));
    return r;
}

/* Requests that wait; asks for an event, and looks again, where there are fewer than `want`. */
static uint32_t available(struct sim_vif *vif, uint32_t want)
{
    uint32_t n = READ_ONCE(vif->rx->req_prod) - vif->rx_cons;
    if (n < want) {
        WRITE_ONCE(vif->rx->req_event, vif->rx_cons + want);
        mb(); /* ask for an event before looking again */
        n = READ_ONCE(vif->rx->req_prod) - vif->rx_cons;
    }
    rmb(); /* the index before the requests it publishes */
    if (READ_ONCE(vif->rx->req_prod) - vif->rx_prod > NETBACK_SLOTS) {
        sim_vif_fatal(vif, "receive requests run ahead of the ring", n);
        return 0;
    }
    return n;
}

void sim_vif_rx_push(struct sim_vif *vif)
{
    sim_vif_push(vif, &vif->rx->rsp_prod, &vif->rx->rsp_event, vif->rx_prod, &vif->rx_pushed);
}

/* Responses take the slots of the requests, so they must be read before. */
static void respond(struct sim_vif *vif, uint16_t id, uint16_t flags, int32_t status)
{
    vif->rx->ring[vif->rx_prod++ % NETBACK_SLOTS].rsp =
        (struct netif_rx_response){.id = id, .flags = flags, .status = (int16_t)status};
}

/* The page of the next request; NULL, and the fault and the error response are done, where its
 * grant is bad. */
static uint8_t *take_page(struct sim_vif *vif, uint16_t *id)
{
    struct netif_rx_request r = request(vif, vif->rx_cons);
    int16_t status;
    if (r.pad != 0)
        sim_vif_fault(vif, "vif %u: a receive request's padding is not zero (XSA-216)", vif->index);
    uint8_t *page = sim_grant_use(r.gref, 0, SIM_PAGE, true, &status);
    if (page == NULL)
        sim_vif_fault(vif, "vif %u: receive request %u: grant %u is not writable: status %d",
                      vif->index, r.id, r.gref, status);
    *id = r.id;
    return page;
}

static uint16_t flags_of(const struct sim_vif *vif, const struct sim_csum *csum)
{
    if (csum->blank && vif->guest_csum)
        return NETRXF_csum_blank | NETRXF_data_validated;
    return csum->validated ? NETRXF_data_validated : 0;
}

/* Fills slots with a whole frame of `len` bytes, whose first `in_page` are in the first slot's
 * page already. */
static void fill(struct sim_vif *vif, uint32_t len, uint32_t in_page, const struct sim_csum *csum)
{
    uint16_t flags = flags_of(vif, csum);
    uint32_t done = 0;
    vif->stats.rx_frames++;
    vif->stats.rx_bytes += len;
    while (done < len) {
        uint16_t id;
        uint32_t n = u32_min(len - done, SIM_PAGE);
        uint8_t *page = take_page(vif, &id);
        if (page != NULL && done >= in_page)
            memcpy(page, vif->held + done, n);
        vif->rx_cons++;
        vif->stats.rx_slots++;
        done += n;
        uint16_t more = done < len ? NETRXF_more_data : 0;
        respond(vif, id, (uint16_t)(flags | more), page == NULL ? NETIF_RSP_ERROR : (int32_t)n);
        flags = 0; /* the checksum's state stands in the first response */
    }
}

/* Completes a blank checksum for a guest that takes none (feature-no-csum-offload). */
static void complete_csum(uint8_t *frame, uint32_t len, struct sim_csum *csum)
{
    uint32_t sum = 0;
    if (csum->start + csum->off + 2u > len)
        return;
    for (uint32_t i = csum->start; i < len; i += 2)
        sum += (uint32_t)frame[i] << 8 | (i + 1 < len ? frame[i + 1] : 0u);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t field = (uint16_t)~sum;
    if (field == 0)
        field = 0xffff;
    frame[csum->start + csum->off] = (uint8_t)(field >> 8);
    frame[csum->start + csum->off + 1] = (uint8_t)field;
    csum->blank = false;
}

static uint32_t slots_of(uint32_t len)
{
    return (len + SIM_PAGE - 1) / SIM_PAGE;
}

/* Receives one frame. False: none waits, or there is no room for it. */
static bool receive(struct sim_vif *vif)
{
    uint16_t id;
    uint32_t slots = available(vif, 1);
    vif->rx_full = slots == 0;
    if (slots == 0)
        return false;
    uint8_t *page = take_page(vif, &id);
    struct iovec iov[2] = {{page, SIM_PAGE}, {vif->held + SIM_PAGE, NETBACK_FRAME_MAX - SIM_PAGE}};
    struct sim_csum csum = {0};
    if (page == NULL)
        iov[0].iov_base = vif->held; /* the frame is lost with the slot */
    uint32_t len = (uint32_t)vif->wire->recv(vif->wire, iov, 2, &csum);
    if (len == 0)
        return false;
    uint32_t limit = vif->guest_sg ? NETBACK_FRAME_MAX : SIM_PAGE;
    if (len > limit) {
        vif->stats.rx_dropped++;
        return true;
    }
    if (csum.blank && !vif->guest_csum && len <= SIM_PAGE && page != NULL)
        complete_csum(page, len, &csum);
    if (slots_of(len) > slots) {
        memcpy(vif->held, iov[0].iov_base, SIM_PAGE);
        vif->held_len = len;
        vif->held_csum = csum;
        return true;
    }
    fill(vif, len, SIM_PAGE, &csum);
    return true;
}

/* Gives the guest the frame that was held, where it has room now. */
static bool release_held(struct sim_vif *vif)
{
    if (vif->held_len == 0)
        return true;
    vif->rx_full = available(vif, slots_of(vif->held_len)) < slots_of(vif->held_len);
    if (vif->rx_full)
        return false;
    fill(vif, vif->held_len, 0, &vif->held_csum);
    vif->held_len = 0;
    return true;
}

void sim_vif_step_rx(unsigned index, unsigned budget)
{
    struct sim_vif *vif = &sim_vifs[index];
    if (!vif->connected || vif->dead || vif->wire == NULL || vif->wire->recv == NULL)
        return;
    unsigned done = 0;
    while (done < budget && !vif->dead && release_held(vif) && receive(vif))
        done++;
    /* The guest's next event wakes this side too, where it stopped for want of slots. */
    vif->rx_wait = done < budget;
    if (!vif->dead)
        sim_vif_rx_push(vif);
    if (done == budget)
        sim_work_set(SIM_WORK_VIF_RX(index));
}
