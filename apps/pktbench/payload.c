/* SPDX-License-Identifier: ISC */
/* payload.c - see payload.h. Behind its head a payload is what the page had: making it anew for
 * each packet would be measured too. Pages begin as zeroes, and hold nothing but packets. */
#include "payload.h"

struct pkt *payload_make(struct pkt_pool *pool, struct page *filler, uint32_t frame_bytes,
                         const struct payload *payload)
{
    uint32_t len = frame_bytes - FRAME_HEADERS;
    struct pkt *pkt =
        pkt_alloc(pool, PKT_HEADROOM_BYTES, u32_min(len, PAGE_BYTES - PKT_HEADROOM_BYTES));
    struct cs head;

    if (pkt == NULL)
        return NULL;
    head = pkt_frag_rw(pkt, 0);
    cs_set_be32(head, 0, payload->magic);
    cs_set_be32(head, 4, payload->number);
    cs_set_be64(head, 8, payload->time_ns);
    cs_set_be16(head, 16, payload->flow);
    while (pkt->len < len)
        (void)pkt_append(pkt, filler, 0, u32_min(PAGE_BYTES, len - pkt->len));
    return pkt;
}

bool payload_read(const struct pkt *pkt, uint32_t at, struct payload *payload)
{
    uint8_t bytes[PAYLOAD_BYTES];
    struct cs head = cs_of(bytes, sizeof(bytes));

    if (!pkt_read(pkt, at, head))
        return false;
    *payload = (struct payload){.magic = cs_get_be32(head, 0), .number = cs_get_be32(head, 4)};
    if (payload->magic == PAYLOAD_PKTGEN)
        return true;
    payload->time_ns = cs_get_be64(head, 8);
    payload->flow = cs_get_be16(head, 16);
    return payload->magic == PAYLOAD_DATA || payload->magic == PAYLOAD_END ||
           payload->magic == PAYLOAD_LAST;
}
