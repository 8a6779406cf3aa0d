/* SPDX-License-Identifier: ISC */
/* fuzz_dhcp_server.c - a story in bytes: messages of any content, time, probes and lost replies,
 * for one server. Whatever comes, every reply is a good message, goes somewhere sensible, and no
 * valid lease is given to another.
 *
 *     the story: records of  kind, n (2 bytes, big-endian), then n bytes
 *     kind & 15: 0..11 a message: the bytes, or where kind & 16 a plain DISCOVER or REQUEST that
 *                      they are XORed onto
 *                12 time passes, n seconds   13 a long time
 *                14 a probe finds its address in use   15 replies are lost, or no more */
#include <stdlib.h>
#include <string.h>

#include "../support/dhcprig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf[] =
    "authoritative; default-lease-time 600; option domain-name \"x\"; filename \"f\";"
    "option big code 230 = text; option big "
    "\"0123456789012345678901234567890123456789012345678901234567890123456789\";"
    "class \"v\" { match if substring(option vendor-class-identifier, 0, 2) = \"ab\"; option "
    "host-name \"v\"; }"
    "class \"s\" { match option agent.circuit-id; } subclass \"s\" \"c\" { option host-name \"s\"; "
    "}"
    "shared-network n { subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.13; option "
    "routers 10.0.0.1; }"
    " subnet 10.1.0.0 netmask 255.255.255.0 { pool { deny members of \"v\"; range dynamic-bootp "
    "10.1.0.10 10.1.0.12; } } }"
    "subnet 10.2.0.0 netmask 255.255.255.0 { range 10.2.0.10 10.2.0.11; }"
    "host h { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.50; }"
    "host i { option dhcp-client-identifier 01:02; fixed-address 10.0.0.51; deny booting; }";

static struct rig rig;

/* Whose each address is, as acknowledged. */
struct held {
    uint64_t until;
    uint32_t hash;
    bool by_id;
};

static struct held *held_of(struct held *held, uint32_t addr)
{
    return &held[(addr >> 16 & 3) << 8 | (addr & 255)];
}

static void check(struct held *held, enum dhcp_verdict v)
{
    const struct dhcp_lessee *client = &rig.out.change.client;
    struct held *h;
    uint64_t now = rig.now_ns / NS_PER_S;

    if (v == DHCP_UPDATE && rig.out.addr)
        held_of(held, rig.out.addr)->until = 0;
    if (v != DHCP_REPLY)
        return;
    ASSERT(rig.out.len >= DHCP_BYTES_MIN && rig.out.len <= DHCP_REPLY_MAX);
    ASSERT(rig.reply.op == BOOTREPLY && rig.reply.xid == rig.out.msg.xid);
    ASSERT(rig.out.to.addr && (rig.out.to.port == 67 || rig.out.to.port == 68));
    ASSERT(rig.reply.type == rig.out.type);
    if (!rig.reply.yiaddr)
        return;
    ASSERT(rig.reply.yiaddr >> 18 == IP(10, 0, 0, 0) >> 18 && rig.reply.yiaddr != RIG_ADDR);
    if (rig.out.change.what == DHCP_CHANGE_NONE)
        return;
    h = held_of(held, rig.reply.yiaddr);
    if (rig.reply.yiaddr != IP(10, 0, 0, 50) && rig.reply.yiaddr != IP(10, 0, 0, 51))
        ASSERT(h->until < now || (h->hash == client->hash && h->by_id == client->by_id));
    if (rig.out.change.what == DHCP_CHANGE_BIND && !rig.lose_reply)
        *h = (struct held){now + rig.out.lease_s, client->hash, client->by_id};
}

static enum dhcp_verdict message(uint8_t kind, const uint8_t *bytes, size_t n)
{
    if (kind & 16) {
        rig_msg(&rig, kind & 1 ? DHCPREQUEST : DHCPDISCOVER, kind >> 5);
        rig_u32(&rig, DHCP_OPT_REQUESTED_ADDR, IP(10, 0, 0, 10) + (kind >> 5));
        memset(rig.buf + rig.len, 0, n);
        for (size_t i = 0; i < n && i < DHCP_BYTES_MAX; i++)
            rig.buf[i] ^= bytes[i];
        if (n > rig.len)
            rig.len = n;
    } else {
        rig_msg(&rig, DHCP_NONE, 0);
        rig.len = n;
        memcpy(rig.buf, bytes, n);
    }
    if (kind & 2) {
        rig.packet.dst = RIG_ADDR;
        rig.packet.src = IP(10, 0, 0, 10);
    }
    return rig_send_raw(&rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct held held[4 * 256];

    memset(held, 0, sizeof(held));
    rig_init(&rig, conf, 6);
    while (size >= 3) {
        uint8_t kind = data[0];
        size_t n = (size_t)data[1] << 8 | data[2];

        data += 3;
        size -= 3;
        switch (kind & 15) {
        case 12:
            rig_advance(&rig, (uint32_t)n);
            continue;
        case 13:
            rig_advance(&rig, (uint32_t)n << 12);
            continue;
        case 14:
            rig.conflict = IP(10, 0, 0, 0) + (uint32_t)(n & 0x1ff);
            continue;
        case 15:
            rig.lose_reply = n & 1;
            rig.answer_probes = !(n & 2);
            continue;
        default:
            break;
        }
        n = n < size ? n : size;
        n = n < DHCP_BYTES_MAX + 1 ? n : DHCP_BYTES_MAX + 1;
        check(held, message(kind, data, n));
        data += n;
        size -= n;
    }
    rig_fini(&rig);
    return 0;
}
