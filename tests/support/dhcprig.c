/* SPDX-License-Identifier: ISC */
/* dhcprig.c - a DHCP server in memory and a client that can say anything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcprig.h"

static void *rig_alloc(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

    if (!p)
        abort();
    return p;
}

void rig_init(struct rig *rig, const char *conf, uint32_t leases_max)
{
    struct dhcp_conf_error error;
    struct dhcp_server_conf sc = {.leases_max = leases_max,
                                  .key = {0x0123456789abcdef, 0xfedcba9876543210}};
    size_t arena = dhcp_conf_arena_bytes(strlen(conf));
    int rc;

    memset(rig, 0, sizeof(*rig));
    rig->arena = rig_alloc(arena);
    rc = dhcp_conf_parse(cs_of_str(conf), cs_of(rig->arena, arena), &rig->conf, &error);
    if (rc) {
        fprintf(stderr, "dhcpd.conf:%u:%u: %s\n", error.line, error.column, error.text);
        exit(1);
    }
    sc.conf = &rig->conf;
    sc.storage.len = dhcp_server_storage_bytes(&rig->conf, leases_max);
    rig->storage = sc.storage.base = rig_alloc(sc.storage.len);
    rc = dhcp_server_init(&rig->server, &rig->leases, &sc);
    if (rc)
        exit(1);
    rig->out.buf = cs_of(rig->reply_buf, sizeof(rig->reply_buf));
    rig->now_ns = 1000 * NS_PER_S;
    rig->answer_probes = true;
}

void rig_fini(struct rig *rig)
{
    free(rig->arena);
    free(rig->storage);
}

void rig_bytes(struct rig *rig, const void *bytes, size_t n)
{
    ASSERT(cs_in(sizeof(rig->buf), rig->len, n));
    memcpy(rig->buf + rig->len, bytes, n);
    rig->len += n;
}

void rig_opt(struct rig *rig, uint8_t code, const void *data, size_t n)
{
    uint8_t head[2] = {code, (uint8_t)n};

    rig_bytes(rig, head, 2);
    rig_bytes(rig, data, n);
}

void rig_u32(struct rig *rig, uint8_t code, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};

    rig_opt(rig, code, bytes, 4);
}

void rig_u8(struct rig *rig, uint8_t code, uint8_t value)
{
    rig_opt(rig, code, &value, 1);
}

void rig_msg(struct rig *rig, enum dhcp_type type, uint32_t n)
{
    uint8_t chaddr[16] = {2,         0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                          (uint8_t)n};

    memset(rig->buf, 0, DHCP_OPTIONS_OFF);
    rig->len = DHCP_OPTIONS_OFF;
    rig_set(rig, op, BOOTREQUEST);
    rig_set(rig, htype, DHCP_HTYPE_ETHERNET);
    rig_set(rig, hlen, 6);
    rig_set(rig, xid, n * 7919 + 1);
    rig_set(rig, chaddr, cs_ro_of(chaddr, 16));
    cs_set_be32(cs_of(rig->buf, sizeof(rig->buf)), dhcp_hdr_SIZE, DHCP_COOKIE);
    if (type)
        rig_u8(rig, DHCP_OPT_TYPE, (uint8_t)type);
    rig->packet = (struct dhcp_packet){.dst = RIG_BROADCAST, .our_addr = RIG_ADDR};
}

static enum dhcp_verdict give(struct rig *rig)
{
    enum dhcp_verdict v;

    rig->reply.type = DHCP_NONE;
    rig->reply.yiaddr = 0;
    for (int tries = 0;; tries++) {
        v = dhcp_server_input(&rig->server, &rig->leases, &rig->packet, rig->now_ns, &rig->out);
        if (v != DHCP_SILENCE || !rig->out.probe || !rig->answer_probes || tries == 8)
            break;
        dhcp_server_probed(&rig->server, &rig->leases, rig->out.probe,
                           rig->out.probe == rig->conflict, rig->now_ns);
    }
    if (v != DHCP_REPLY)
        return v;
    if (dhcp_parse(cs_ro_of(rig->reply_buf, rig->out.len), &rig->reply) != DHCP_WIRE_ok) {
        fprintf(stderr, "our own reply does not parse\n");
        abort();
    }
    if (!rig->lose_reply)
        dhcp_server_sent(&rig->server, &rig->leases, &rig->out, rig->now_ns);
    return v;
}

enum dhcp_verdict rig_send_raw(struct rig *rig)
{
    /* So that a byte too far is seen by the sanitizer. */
    uint8_t *exact = malloc(rig->len ? rig->len : 1);
    enum dhcp_verdict v;

    if (!exact)
        abort();
    memcpy(exact, rig->buf, rig->len);
    rig->packet.bytes = cs_ro_of(exact, rig->len);
    v = give(rig);
    free(exact);
    return v;
}

enum dhcp_verdict rig_send(struct rig *rig)
{
    static const uint8_t end = DHCP_OPT_END;

    rig_bytes(rig, &end, 1);
    rig->packet.bytes = cs_ro_of(rig->buf, rig->len);
    return give(rig);
}

void rig_advance(struct rig *rig, uint32_t seconds)
{
    rig->now_ns += seconds * NS_PER_S;
}

uint32_t rig_discover(struct rig *rig, uint32_t n)
{
    rig_msg(rig, DHCPDISCOVER, n);
    return rig_send(rig) == DHCP_REPLY && rig->reply.type == DHCPOFFER ? rig->reply.yiaddr : 0;
}

uint32_t rig_select(struct rig *rig, uint32_t n, uint32_t addr)
{
    rig_msg(rig, DHCPREQUEST, n);
    rig_u32(rig, DHCP_OPT_SERVER_ID, RIG_ADDR);
    rig_u32(rig, DHCP_OPT_REQUESTED_ADDR, addr);
    return rig_send(rig) == DHCP_REPLY && rig->reply.type == DHCPACK ? rig->reply.yiaddr : 0;
}

uint32_t rig_lease(struct rig *rig, uint32_t n)
{
    uint32_t addr = rig_discover(rig, n);

    return addr ? rig_select(rig, n, addr) : 0;
}

enum dhcp_verdict rig_renew(struct rig *rig, uint32_t n, uint32_t addr)
{
    rig_msg(rig, DHCPREQUEST, n);
    rig_set(rig, ciaddr, addr);
    rig->packet.src = addr;
    rig->packet.dst = RIG_ADDR;
    return rig_send(rig);
}

enum dhcp_verdict rig_release(struct rig *rig, uint32_t n, uint32_t addr)
{
    rig_msg(rig, DHCPRELEASE, n);
    rig_set(rig, ciaddr, addr);
    rig_u32(rig, DHCP_OPT_SERVER_ID, RIG_ADDR);
    rig->packet.src = addr;
    rig->packet.dst = RIG_ADDR;
    return rig_send(rig);
}

enum dhcp_verdict rig_decline(struct rig *rig, uint32_t n, uint32_t addr)
{
    rig_msg(rig, DHCPDECLINE, n);
    rig_u32(rig, DHCP_OPT_REQUESTED_ADDR, addr);
    rig_u32(rig, DHCP_OPT_SERVER_ID, RIG_ADDR);
    return rig_send(rig);
}

uint32_t rig_reply_u32(const struct rig *rig, uint8_t code)
{
    uint32_t value;

    return dhcp_msg_u32(&rig->reply, code, &value) ? value : 0;
}
