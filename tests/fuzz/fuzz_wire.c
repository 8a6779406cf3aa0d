/* SPDX-License-Identifier: ISC */
/* fuzz_wire.c - any bytes to every parser of tcpip/wire: what is accepted is emitted to the same
 * bytes again. */
#include <morgana/base.h>

#include "tcpip/wire/arp.h"
#include "tcpip/wire/eth.h"
#include "tcpip/wire/icmp4.h"
#include "tcpip/wire/igmp.h"
#include "tcpip/wire/ip4.h"
#include "tcpip/wire/udp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[64];

static void check_ip4(struct cs_ro in)
{
    struct ip4_hdr hdr;
    uint8_t where = 0;

    if (in.len > 20 &&
        ip4_options_check(cs_sub(in, 20, size_min(in.len - 20, 40)), &where) != IP4_OPTIONS_OK)
        ASSERT(where < 40 && where <= in.len - 20);
    if (ip4_parse_quoted(&hdr, in))
        ASSERT(hdr.header_len >= 20 && hdr.header_len <= in.len);
    if (ip4_parse(&hdr, in, in.len) != IP4_OK)
        return;
    ASSERT(hdr.header_len >= 20 && hdr.header_len <= hdr.total_len && hdr.total_len <= in.len);
    memcpy(out, in.base, hdr.header_len);
    ip4_emit(cs_of(out, hdr.header_len), &hdr);
    /* 0 and 0xffff are the same sum: the field itself may differ. */
    out[10] = in.base[10];
    out[11] = in.base[11];
    ASSERT(memcmp(out, in.base, hdr.header_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cs_ro in = cs_ro_of(data, size);
    struct icmp4_hdr icmp;
    struct igmp_msg igmp;
    struct eth_hdr eth;
    struct arp_msg arp;
    struct udp_hdr udp;

    if (eth_parse(&eth, in)) {
        eth_emit(cs_of(out, 14), &eth);
        ASSERT(memcmp(out, data, 14) == 0);
    }
    if (arp_parse(&arp, in)) {
        arp_emit(cs_of(out, 28), &arp);
        ASSERT(memcmp(out, data, 28) == 0);
    }
    if (udp_parse(&udp, in, size)) {
        ASSERT(udp.length >= 8 && udp.length <= size);
        udp_emit(cs_of(out, 8), &udp);
        ASSERT(memcmp(out, data, 8) == 0);
    }
    if (icmp4_parse(&icmp, in)) {
        icmp4_emit(cs_of(out, 8), &icmp);
        ASSERT(memcmp(out, data, 8) == 0);
    }
    if (igmp_parse(&igmp, in) == IGMP_OK)
        ASSERT(size >= 8 && igmp.group == cs_get_be32(in, 4));
    check_ip4(in);
    return 0;
}
