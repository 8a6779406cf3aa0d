/* SPDX-License-Identifier: ISC */
/* netfront_headers.h - where the fields lie that a network driver must know: for netfront_frame.c
 * and netfront_hash.c, which look at frames before the stack does. */
#ifndef NETFRONT_HEADERS_H
#define NETFRONT_HEADERS_H

enum {
    ETH_TYPE_OFF = 12,
    ETH_TYPE_IP4 = 0x0800,
    IP4_MIN = 20, /* RFC 791 section 3.1 */
    IP4_FRAGMENT_OFF = 6,
    IP4_FRAGMENT_OFFSET = 0x1fff,
    IP4_FRAGMENT_MORE = 0x2000,
    IP4_PROTOCOL_OFF = 9,
    IP4_SRC_OFF = 12,
    IP4_DST_OFF = 16,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
};

#endif
