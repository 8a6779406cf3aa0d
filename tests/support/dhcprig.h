/* SPDX-License-Identifier: ISC */
/* dhcprig.h - a DHCP server in memory and a client that can say anything: for tests and
 * benchmarks.
 *
 *     rig_init(&rig, "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.20; }", 16);
 *     rig_msg(&rig, DHCPDISCOVER, 1);                 client 1, whose MAC is 02:00:00:00:00:01
 *     rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 15));
 *     assert_int_equal(rig_send(&rig), DHCP_REPLY);   ends, sends, commits what was replied
 *     rig.reply.yiaddr ...                            the parsed reply */
#ifndef TESTS_DHCPRIG_H
#define TESTS_DHCPRIG_H

#include <morgana/dhcp_server.h>

#define IP(a, b, c, d)                                                                             \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define RIG_ADDR IP(10, 0, 0, 1) /* the server's */
#define RIG_BROADCAST UINT32_C(0xffffffff)

struct rig {
    struct dhcp_conf conf;
    struct dhcp_server server;
    struct dhcp_leases leases;
    struct dhcp_packet
        packet; /* src, dst, our_addr, reply_max of the next message; rig_msg resets it */
    struct dhcp_out out;
    struct dhcp_msg reply;
    uint64_t now_ns;
    bool answer_probes; /* rig_send answers out.probe itself: free, unless the address is... */
    uint32_t conflict;  /* ...this one */
    bool lose_reply;    /* the reply does not go out: nothing is committed */
    void *arena, *storage;
    size_t len;
    uint8_t buf[DHCP_BYTES_MAX + 256];
    uint8_t reply_buf[DHCP_REPLY_MAX];
};

/* Exits with a message where the configuration is wrong. */
void rig_init(struct rig *rig, const char *conf, uint32_t leases_max);
void rig_fini(struct rig *rig);

/* Begins a message of client `n`: op, htype, hlen, chaddr, xid, cookie, type (DHCP_NONE: none). */
void rig_msg(struct rig *rig, enum dhcp_type type, uint32_t n);
/* Fields of the header. */
#define rig_set(rig, field, value)                                                                 \
    dhcp_hdr_set_##field(cs_of((rig)->buf, sizeof((rig)->buf)), value)
void rig_bytes(struct rig *rig, const void *bytes, size_t n);
void rig_opt(struct rig *rig, uint8_t code, const void *data, size_t n);
void rig_u32(struct rig *rig, uint8_t code, uint32_t value);
void rig_u8(struct rig *rig, uint8_t code, uint8_t value);

/* Ends the message with END and gives it to the server. */
enum dhcp_verdict rig_send(struct rig *rig);
/* The same without END, in a heap block of exactly its size. */
enum dhcp_verdict rig_send_raw(struct rig *rig);
void rig_advance(struct rig *rig, uint32_t seconds);

/* Whole exchanges, with defaults. The address, or 0 where it is refused. */
uint32_t rig_discover(struct rig *rig, uint32_t n);
uint32_t rig_select(struct rig *rig, uint32_t n, uint32_t addr);
uint32_t rig_lease(struct rig *rig, uint32_t n);
enum dhcp_verdict rig_renew(struct rig *rig, uint32_t n, uint32_t addr);
enum dhcp_verdict rig_release(struct rig *rig, uint32_t n, uint32_t addr);
enum dhcp_verdict rig_decline(struct rig *rig, uint32_t n, uint32_t addr);
uint32_t rig_reply_u32(const struct rig *rig, uint8_t code); /* 0: absent */

#endif
