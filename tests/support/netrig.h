/* SPDX-License-Identifier: ISC */
/* netrig.h - an interface on a bench: a device whose frames the test makes and reads byte by byte.
 *
 * Frames are built and checked here without any of tcpip/'s code, so that a mistake there is not
 * made twice. We are 10.0.0.1/24, 02:00:00:00:00:01; the peer is 10.0.0.2, 02:00:00:00:00:02.
 */
#ifndef NETRIG_H
#define NETRIG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <morgana/netif.h>
#include <morgana/udp.h>

#define NETRIG_US IP4_ADDR(10, 0, 0, 1)
#define NETRIG_PEER IP4_ADDR(10, 0, 0, 2)
#define NETRIG_US_MAC UINT64_C(0x020000000001)
#define NETRIG_PEER_MAC UINT64_C(0x020000000002)
#define NETRIG_BROADCAST_MAC UINT64_C(0xffffffffffff)

enum {
    NETRIG_PAGES = 1024,
    NETRIG_PKTS = 1024,
    NETRIG_SENT_MAX = 8192,
    NETRIG_ARP = 64,
    NETRIG_FRAGS = 8
};

struct netrig_frame {
    uint8_t *bytes; /* exactly len of them, on the heap */
    uint32_t len;
    uint8_t csum; /* enum pkt_csum */
    uint16_t gso_size;
    uint64_t at;
    unsigned first_len; /* bytes of the first fragment */
};

struct netrig {
    struct netdev dev;
    struct page_pool pages, exact_pages;
    struct pkt_pool pool;
    struct netif nif;
    struct netif_conf conf;
    uint64_t now;
    struct netrig_frame sent[NETRIG_SENT_MAX];
    unsigned sent_count;
    unsigned tx_room; /* frames the device takes before -E_AGAIN */
    unsigned flushes;
    struct pkt_queue rx;   /* what dev->ops->rx gives */
    struct pkt_queue kept; /* hold_tx: transmitted packets not yet completed */
    bool hold_tx;
    bool may_drop; /* frames for which there is no memory do not arrive */
    uint64_t group_macs_joined, group_macs_left;
    struct page page_headers[NETRIG_PAGES], exact_headers[NETRIG_PAGES];
    struct pkt pkts[NETRIG_PKTS];
    struct arp_entry arp[65536];
    struct ip4_frag_queue frags[256];
    uint8_t *memory, *exact_memory;
};

/* A rig on the heap with the address and a known peer (where `ready`); its first announcements
 * are gone. */
struct netrig *netrig_new(bool ready);
/* One with other settings: change rig->conf, rig->dev between the two calls. Without an address. */
struct netrig *netrig_blank(void);
void netrig_start(struct netrig *rig);
void netrig_add_us(struct netrig *rig);
/* Closes and checks that every page and packet is back. */
void netrig_free(struct netrig *rig);

/* Gives a frame to netif_input: in a page with headroom, or in a heap block of exactly its size
 * without any. */
void netrig_input(struct netrig *rig, const uint8_t *bytes, size_t len);
void netrig_input_exact(struct netrig *rig, const uint8_t *bytes, size_t len);
/* The same in pieces of at most `piece` bytes, each in a page of its own. */
void netrig_input_pieces(struct netrig *rig, const uint8_t *bytes, size_t len, size_t piece);
void netrig_input_csum(struct netrig *rig, const uint8_t *bytes, size_t len, enum pkt_csum csum);

/* Lets time pass: polls at every deadline on the way. */
void netrig_pass(struct netrig *rig, uint64_t ns);
void netrig_poll(struct netrig *rig);
/* Forgets what was sent. */
void netrig_clear(struct netrig *rig);
/* The frame sent last; fails where there is none. */
const struct netrig_frame *netrig_last(const struct netrig *rig);

/* ---- frames by hand ---- */

struct netrig_ip {
    uint64_t eth_dst, eth_src; /* 0: us, from the peer */
    uint32_t src, dst;         /* 0: the peer, us */
    bool src_any;              /* src is really 0.0.0.0 */
    uint8_t protocol, ttl;     /* ttl 0: 64 */
    uint16_t id, flags_off;
    const uint8_t *options;
    uint8_t options_len; /* a multiple of 4 */
};

void netrig_put16(uint8_t *to, uint32_t x);
void netrig_put32(uint8_t *to, uint32_t x);
uint32_t netrig_get16(const uint8_t *from);
uint32_t netrig_get32(const uint8_t *from);
uint64_t netrig_get48(const uint8_t *from);
/* RFC 1071, one 16-bit word at a time; the ones' complement of the sum. */
uint16_t netrig_checksum(const uint8_t *bytes, size_t len, uint32_t sum);

/* Each writes a whole frame to `out` and returns its length. */
size_t netrig_ip(uint8_t *out, const struct netrig_ip *ip, const uint8_t *payload, size_t len);
size_t netrig_udp(uint8_t *out, const struct netrig_ip *ip, uint16_t src_port, uint16_t dst_port,
                  const uint8_t *payload, size_t len);
size_t netrig_echo(uint8_t *out, const struct netrig_ip *ip, uint16_t id, uint16_t seq,
                   const uint8_t *data, size_t len);
size_t netrig_arp(uint8_t *out, uint16_t op, uint64_t sha, uint32_t spa, uint64_t tha, uint32_t tpa,
                  uint64_t eth_dst);
/* One comes in: mac answers us that it has addr; sha, at spa, asks who has tpa. */
void netrig_arp_reply(struct netrig *rig, uint32_t addr, uint64_t mac);
void netrig_arp_request(struct netrig *rig, uint64_t sha, uint32_t spa, uint32_t tpa);
/* The UDP datagram (header and payload, with a right checksum) alone: to be cut into fragments. */
size_t netrig_udp_bytes(uint8_t *out, uint32_t src, uint32_t dst, uint16_t src_port,
                        uint16_t dst_port, const uint8_t *payload, size_t len);

/* The peer answers ARP: it is a known neighbour from here on. */
void netrig_peer_answers(struct netrig *rig, uint32_t addr, uint64_t mac);

/* Checks of sent frames: Ethernet type, IPv4 header and its checksum; returns where the payload
 * is. */
const uint8_t *netrig_check_ip(const struct netrig_frame *frame, uint8_t protocol, uint32_t src,
                               uint32_t dst, size_t *len);
void netrig_check_arp(const struct netrig_frame *frame, uint16_t op, uint32_t spa, uint32_t tpa,
                      uint64_t eth_dst);
bool netrig_is_arp(const struct netrig_frame *frame);

#endif
