/* SPDX-License-Identifier: ISC */
/* netfront_frame.c - the little that a network driver must know of what it carries.
 *
 * Two things need it. A frame received with a blank checksum says only "TCP or UDP, sum not filled
 * in"; whoever passes it on must know where the field is (pkt.h: csum_start, csum_off). And all
 * protocol headers of a frame sent must lie in its first slot (XSA-423), so the driver must know
 * where they end. IPv4 only: checksums of IPv6 are never negotiated.
 */
#include <morgana/cstruct.h>

#include "netfront_headers.h"
#include "netfront_priv.h"

enum {
    TCP_MIN = 20, /* RFC 9293 section 3.1 */
    TCP_DOFF_OFF = 12,
    UDP_BYTES = 8, /* RFC 768 */
    UDP_CSUM_OFF = 6,
};

static uint32_t tcp_headers(struct cs_ro first, uint32_t l4_off)
{
    uint32_t header;

    if (first.len < l4_off + TCP_MIN)
        return l4_off + TCP_MIN;
    header = 4u * (cs_get_u8(first, l4_off + TCP_DOFF_OFF) >> 4);
    return l4_off + (header < TCP_MIN ? TCP_MIN : header);
}

uint32_t netfront_headers(struct cs_ro first, struct netfront_l4 *l4)
{
    uint32_t version_ihl, fragment, end;
    uint8_t protocol;

    l4->start = l4->off = 0;
    if (first.len < NETFRONT_ETH_BYTES || cs_get_be16(first, ETH_TYPE_OFF) != ETH_TYPE_IP4)
        return NETFRONT_ETH_BYTES;
    if (first.len < NETFRONT_ETH_BYTES + IP4_MIN)
        return NETFRONT_ETH_BYTES + IP4_MIN;
    version_ihl = cs_get_u8(first, NETFRONT_ETH_BYTES);
    if (version_ihl < 0x45 || version_ihl > 0x4f)
        return NETFRONT_ETH_BYTES + IP4_MIN;
    end = NETFRONT_ETH_BYTES + 4 * (version_ihl & 15);
    if (first.len < end)
        return end;
    fragment = cs_get_be16(first, NETFRONT_ETH_BYTES + IP4_FRAGMENT_OFF);
    protocol = cs_get_u8(first, NETFRONT_ETH_BYTES + IP4_PROTOCOL_OFF);
    if ((fragment & IP4_FRAGMENT_OFFSET) != 0 ||
        (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
        return end;
    /* A fragment's checksum covers bytes that are elsewhere: it cannot be completed here, so it is
     * not "found". */
    if ((fragment & IP4_FRAGMENT_MORE) == 0) {
        l4->start = (uint16_t)end;
        l4->off = protocol == PROTOCOL_TCP ? NETFRONT_TCP_CSUM_OFF : UDP_CSUM_OFF;
    }
    return protocol == PROTOCOL_TCP ? tcp_headers(first, end) : end + UDP_BYTES;
}
