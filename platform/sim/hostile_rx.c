/* SPDX-License-Identifier: ISC */
/* hostile_rx.c - lies told in receive responses: of frames, of extra info, of super-segments. */
#include <string.h>

#include <morgana/cksum.h>

#include "hostile_priv.h"

#define FLAGS_GSO (NETRXF_extra_info | NETRXF_csum_blank | NETRXF_data_validated)

static uint32_t posted(const struct sim_netq *q)
{
    uint32_t n = READ_ONCE(q->rx->req_prod) - q->rx_cons;
    return n <= NETBACK_SLOTS ? n : 0; /* another lie's doing */
}

/* Answers the next posted request in its own slot; false where none is posted. */
static bool answer(struct sim_netq *q, uint16_t offset, uint16_t flags, int16_t status)
{
    if (posted(q) == 0)
        return false;
    uint16_t id = q->rx->ring[q->rx_cons++ % NETBACK_SLOTS].req.id;
    q->rx->ring[q->rx_prod++ % NETBACK_SLOTS].rsp =
        (struct netif_rx_response){id, offset, flags, status};
    return true;
}

static bool push(struct sim_netq *q, bool told)
{
    sim_vif_rx_push(q);
    return told;
}

/* ---- frames --------------------------------------------------------------------------------- */

bool sim_lie_rx_unknown_id(struct sim_netq *q)
{
    uint32_t at = q->rx_prod;
    bool told = answer(q, 0, 0, 60);
    if (told)
        q->rx->ring[at % NETBACK_SLOTS].rsp.id ^= (uint16_t)(1 + sim_random(65535));
    return push(q, told);
}

bool sim_lie_rx_range(struct sim_netq *q)
{
    uint32_t offset = word() % 65536, least = offset < SIM_PAGE ? SIM_PAGE + 1 - offset : 1;
    return push(q, answer(q, (uint16_t)offset, 0, (int16_t)(least + sim_random(32768 - least))));
}

bool sim_lie_rx_status(struct sim_netq *q)
{
    return push(q, answer(q, 0, 0, (int16_t)(-1 - (int32_t)sim_random(32768))));
}

bool sim_lie_rx_endless(struct sim_netq *q)
{
    uint32_t n = 1 + sim_random(64);
    while (n-- != 0 && answer(q, 0, NETRXF_more_data, (int16_t)(1 + sim_random(4096))))
        ;
    return push(q, true);
}

bool sim_lie_rx_flags(struct sim_netq *q)
{
    return push(q, answer(q, 0, (uint16_t)word(), 60));
}

/* A page of one queue is said to have come in another, where another one is due. */
bool sim_lie_rx_other_queue(struct sim_netq *q)
{
    struct sim_netq *other = &q->vif->queue[(q->index + 1) % q->vif->queue_count];
    if (other == q || posted(q) < 2 || posted(other) == 0)
        return false;
    uint16_t due = other->rx->ring[other->rx_cons++ % NETBACK_SLOTS].req.id;
    uint16_t id = q->rx->ring[q->rx_cons % NETBACK_SLOTS].req.id;
    if (id == due)
        id = q->rx->ring[(q->rx_cons + 1) % NETBACK_SLOTS].req.id;
    other->rx->ring[other->rx_prod++ % NETBACK_SLOTS].rsp =
        (struct netif_rx_response){id, 0, 0, 60};
    return push(other, id != due);
}

bool sim_lie_rx_ahead(struct sim_netq *q)
{
    q->rx_prod += distance();
    return push(q, true);
}

bool sim_lie_rx_back(struct sim_netq *q)
{
    q->rx_prod -= distance();
    return push(q, true);
}

/* Frames that look like some protocol's and are not; the ring's own rules are kept. */
bool sim_lie_rx_noise(struct sim_netq *q)
{
    for (uint32_t n = 1 + sim_random(8); n != 0 && posted(q) != 0; n--) {
        uint8_t *page = sim_lie_posted_page(q, q->rx_cons);
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
        answer(q, 0, flags, (int16_t)len);
    }
    return push(q, true);
}

bool sim_lie_rx_empty(struct sim_netq *q)
{
    return push(q, answer(q, 0, 0, 0));
}

/* ---- extra info ----------------------------------------------------------------------------- */

/* A slot of it; false where none is posted. */
static bool extra(struct sim_netq *q, struct netif_extra_info info, bool more)
{
    if (posted(q) == 0)
        return false;
    info.flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
    memcpy(&q->rx->ring[q->rx_prod++ % NETBACK_SLOTS], &info, sizeof(info));
    q->rx_cons++;
    return true;
}

static struct netif_extra_info gso_info(uint16_t size, uint8_t type)
{
    return (struct netif_extra_info){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                     .u.gso = {.size = size, .type = type}};
}

static const struct netif_extra_info hash_info = {
    .type = XEN_NETIF_EXTRA_TYPE_HASH,
    .u.hash = {.type = 1, .algorithm = 1, .value = {1, 2, 3, 4}}};

bool sim_lie_extra_noise(struct sim_netq *q)
{
    bool told = answer(q, 0, NETRXF_extra_info, 60);
    for (uint32_t n = told ? 1 + sim_random(16) : 0; n != 0; n--) {
        struct netif_extra_info info;
        noise(&info, sizeof(info));
        extra(q, info, n != 1 || sim_random(2) == 0);
    }
    return push(q, told);
}

/* Of types that are good, each of them. */
bool sim_lie_extra_endless(struct sim_netq *q)
{
    uint32_t n = XEN_NETIF_EXTRA_TYPE_MAX + sim_random(60);
    if (posted(q) < n + 1)
        return false;
    answer(q, 0, FLAGS_GSO, 60);
    while (n-- != 0)
        extra(q, n % 2 == 0 ? hash_info : gso_info(1000, XEN_NETIF_GSO_TYPE_TCPV4), true);
    return push(q, true);
}

bool sim_lie_extra_type(struct sim_netq *q)
{
    static const uint8_t types[] = {XEN_NETIF_EXTRA_TYPE_NONE, XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
                                    XEN_NETIF_EXTRA_TYPE_MCAST_DEL, XEN_NETIF_EXTRA_TYPE_MAX, 255};
    struct netif_extra_info info = {.type = types[sim_random(ARRAY_SIZE(types))]};
    if (posted(q) < 2)
        return false;
    answer(q, 0, NETRXF_extra_info, 60);
    return push(q, extra(q, info, sim_random(2) == 0));
}

bool sim_lie_extra_twice(struct sim_netq *q)
{
    struct netif_extra_info info = gso_info(1000, XEN_NETIF_GSO_TYPE_TCPV4);
    if (posted(q) < 3)
        return false;
    answer(q, 0, FLAGS_GSO, 60);
    extra(q, info, true);
    return push(q, extra(q, info, false));
}

/* What else comes, comes behind it. */
bool sim_lie_extra_half(struct sim_netq *q)
{
    return push(q, answer(q, 0, NETRXF_extra_info, 60));
}

bool sim_lie_extra_late(struct sim_netq *q)
{
    if (posted(q) < 3)
        return false;
    answer(q, 0, NETRXF_more_data, 1000);
    answer(q, 0, NETRXF_extra_info, 1000);
    return push(q, extra(q, gso_info(500, XEN_NETIF_GSO_TYPE_TCPV4), false));
}

bool sim_lie_extra_hash(struct sim_netq *q)
{
    if (posted(q) < 2)
        return false;
    answer(q, 0, NETRXF_extra_info, 60);
    return push(q, extra(q, hash_info, false));
}

/* ---- super-segments ------------------------------------------------------------------------- */

/* A TCP segment of 1054 bytes to anybody, its checksum blank, in the next page. */
static bool tcp_frame(struct sim_netq *q, uint16_t flags)
{
    enum { LEN = 14 + 20 + 20 + 1000 };
    uint8_t *page = posted(q) < 2 ? NULL : sim_lie_posted_page(q, q->rx_cons);
    if (page == NULL)
        return false;
    struct cs f = cs_of(page, LEN);
    cs_fill(f, 0x55);
    memset(page, 0xff, 6);
    cs_set_be16(f, 12, 0x0800);
    cs_set_be16(f, 14, 0x4500);
    cs_set_be16(f, 16, LEN - 14);
    cs_set_be32(f, 18, 0x4000);
    cs_set_be16(f, 22, 0x4006);
    cs_set_be16(f, 24, 0);
    cs_set_be16(f, 24, cksum_finish(cksum_partial(cs_ro_of(page + 14, 20), 0)));
    cs_set_be16(f, 46, 0x5010);
    uint32_t sum = cksum_pseudo4(0x55555555, 0x55555555, 6, LEN - 34);
    cs_set_be16(f, 50, (uint16_t)~cksum_finish(sum));
    return answer(q, 0, flags, LEN);
}

static bool gso(struct sim_netq *q, uint16_t flags, uint16_t size, uint8_t type)
{
    return tcp_frame(q, flags) && push(q, extra(q, gso_info(size, type), false));
}

bool sim_lie_gso_zero(struct sim_netq *q)
{
    return gso(q, FLAGS_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4);
}

bool sim_lie_gso_type(struct sim_netq *q)
{
    static const uint8_t types[] = {XEN_NETIF_GSO_TYPE_NONE, XEN_NETIF_GSO_TYPE_TCPV6, 3, 255};
    return gso(q, FLAGS_GSO, 500, types[sim_random(ARRAY_SIZE(types))]);
}

bool sim_lie_gso_csum(struct sim_netq *q)
{
    uint16_t flags = sim_random(2) == 0 ? NETRXF_data_validated : 0;
    return gso(q, NETRXF_extra_info | flags, 500, XEN_NETIF_GSO_TYPE_TCPV4);
}

bool sim_lie_gso_frame(struct sim_netq *q)
{
    uint8_t *page = sim_lie_posted_page(q, q->rx_cons);
    if (page == NULL || !tcp_frame(q, FLAGS_GSO))
        return false;
    static const struct {
        uint16_t at;
        uint8_t value;
    } wrong[] = {{23, 17}, {23, 1}, {12, 0x86}, {14, 0x4f}, {14, 0x41}, {20, 0x20},
                 {21, 1},  {46, 0}, {46, 0xf0}, {16, 0},    {16, 0xff}};
    uint32_t draw = sim_random(ARRAY_SIZE(wrong) + 2);
    if (draw < ARRAY_SIZE(wrong))
        page[wrong[draw].at] = wrong[draw].value;
    else if (draw == ARRAY_SIZE(wrong))
        noise(page, 64);
    else
        q->rx->ring[(q->rx_prod - 1) % NETBACK_SLOTS].rsp.status = (int16_t)(1 + sim_random(60));
    return push(q, extra(q, gso_info(500, XEN_NETIF_GSO_TYPE_TCPV4), false));
}

bool sim_lie_gso_size(struct sim_netq *q)
{
    static const uint16_t sizes[] = {1, 2, 7, 999, 1000, 1001, 65535};
    return gso(q, FLAGS_GSO, sizes[sim_random(ARRAY_SIZE(sizes))], XEN_NETIF_GSO_TYPE_TCPV4);
}

bool sim_lie_gso_prefix(struct sim_netq *q)
{
    return push(q,
                answer(q, 500, NETRXF_gso_prefix | (sim_random(2) == 0 ? NETRXF_more_data : 0), 0));
}
