/* SPDX-License-Identifier: ISC */
/* fuzz_dhcp_client.c - a story in bytes: what a hostile server says to one client, and what time
 * and the link do. Whatever comes, the client has an address only while a lease holds that makes
 * sense, what it sends is well-formed, and it is no storm.
 *
 *     the story: records of  kind, n (2 bytes, big-endian), then n bytes
 *     kind & 15: 0..9 a message: the bytes; where kind & 16 they are put behind the header and the
 *                     first options of a good OFFER, ACK or NAK; where kind & 32 the xid is right
 *                10 the address is in use, or nobody has it   11 the link comes up
 *                12 time passes, n ms   13 n seconds   14 a long time   15 release, or
 *                another client */
#include <stdlib.h>
#include <string.h>

#include <morgana/dhcp_client.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dhcp_client client;
static uint64_t now, budget; /* messages it may still send */

static void check_lease(void)
{
    const struct dhcp_client_lease *l = &client.lease;

    if (!dhcp_client_has_lease(&client))
        return;
    ASSERT(now < client.ends_at);
    ASSERT(l->addr >> 24 != 0 && l->addr >> 24 != 127 && l->addr >> 28 < 14 &&
           l->server != l->addr);
    ASSERT(l->prefix_len >= 1 && l->prefix_len <= 32);
    ASSERT(l->t1_s <= l->t2_s && l->t2_s <= l->lease_s && l->lease_s >= DHCP_CLIENT_LEASE_MIN_S);
    ASSERT(client.t1_at <= client.t2_at && client.t2_at <= client.ends_at);
    ASSERT(l->mtu == 0 || l->mtu >= DHCP_CLIENT_MTU_MIN);
    ASSERT(l->route_count <= DHCP_CLIENT_ROUTES_MAX && l->dns_count <= DHCP_CLIENT_SERVERS_MAX &&
           l->ntp_count <= DHCP_CLIENT_SERVERS_MAX);
    for (unsigned i = 0; i < l->route_count; i++) {
        const struct dhcp_client_route *r = &l->routes[i];

        ASSERT(r->prefix_len <= 32);
        ASSERT(r->prefix_len == 32 || (r->dst & UINT32_MAX >> r->prefix_len) == 0);
    }
    ASSERT(memchr(l->host_name, 0, sizeof(l->host_name)) &&
           memchr(l->domain, 0, sizeof(l->domain)));
}

static void check_message(const struct dhcp_client_step *step)
{
    static struct dhcp_msg msg;

    ASSERT(step->len >= DHCP_BYTES_MIN && step->len <= step->buf.len);
    ASSERT(dhcp_parse(cs_ro_of(step->buf.base, step->len), &msg) == DHCP_WIRE_ok);
    ASSERT(msg.type == step->type && msg.op == BOOTREQUEST && msg.yiaddr == 0);
    ASSERT(step->dst != 0);
    ASSERT(budget-- > 0);
}

static void run(void)
{
    uint8_t buf[DHCP_BYTES_DEFAULT];

    for (unsigned i = 0;; i++) {
        struct dhcp_client_step step = {.buf = cs_of(buf, sizeof(buf))};
        enum dhcp_client_do what = dhcp_client_poll(&client, now, &step);

        ASSERT(i < 8);
        if (what == DHCP_CLIENT_SEND)
            check_message(&step);
        else if (what == DHCP_CLIENT_USE)
            ASSERT(dhcp_client_has_lease(&client));
        else if (what == DHCP_CLIENT_DROP)
            ASSERT(!dhcp_client_has_lease(&client));
        else if (what == DHCP_CLIENT_WAIT)
            break;
    }
    ASSERT(dhcp_client_poll_at(&client) > now);
    check_lease();
}

/* In steps of its own deadlines, at most a few, so that a story ends. */
static void pass(uint64_t ns)
{
    uint64_t end = now + ns;

    for (unsigned i = 0; i < 64; i++) {
        uint64_t at = dhcp_client_poll_at(&client);

        if (at > end)
            break;
        /* Each deadline sends one message at most: and these are never closer than a second, but
         * for renewals of leases of seconds. */
        budget++;
        now = at;
        run();
    }
    if (now < end)
        now = end;
    budget += 3;
    run();
}

static void begin(bool plain)
{
    struct dhcp_client_conf conf = {.mac = {2, 0, 0, 0, 0, 9}, .key = {1, 2}};

    if (!plain) {
        conf.remembered = UINT32_C(0x0a000064);
        conf.host_name = cs_of_str("guest");
        conf.no_probe = true;
    }
    ASSERT(dhcp_client_init(&client, &conf, now) == 0);
    budget = 4;
    run();
}

static size_t good(uint8_t *buf, uint8_t kind)
{
    static const uint8_t types[] = {DHCPOFFER, DHCPACK, DHCPNAK, DHCPACK};
    static const uint8_t options[] = {54, 4, 10, 0, 0, 1,   51,  4,   0,
                                      0,  2, 88, 1, 4, 255, 255, 255, 0};
    struct cs b = cs_of(buf, 512);

    memset(buf, 0, 512);
    dhcp_hdr_set_op(b, BOOTREPLY);
    dhcp_hdr_set_htype(b, 1);
    dhcp_hdr_set_hlen(b, 6);
    dhcp_hdr_set_yiaddr(b, UINT32_C(0x0a000064));
    memcpy(buf + dhcp_hdr_chaddr_OFF, client.conf.mac, 6);
    cs_set_be32(b, dhcp_hdr_SIZE, DHCP_COOKIE);
    buf[DHCP_OPTIONS_OFF] = 53;
    buf[DHCP_OPTIONS_OFF + 1] = 1;
    buf[DHCP_OPTIONS_OFF + 2] = types[kind & 3];
    memcpy(buf + DHCP_OPTIONS_OFF + 3, options, sizeof(options));
    return DHCP_OPTIONS_OFF + 3 + sizeof(options);
}

static void message(uint8_t kind, const uint8_t *bytes, size_t n)
{
    size_t head = kind & 16 ? DHCP_OPTIONS_OFF + 21 : 0, len = head + n;
    uint8_t *buf = malloc(len < 512 ? 512 : len), *exact;

    ASSERT(buf != NULL);
    if (head != 0)
        head = good(buf, kind);
    memcpy(buf + head, bytes, n);
    if (kind & 32 && len >= 8)
        cs_set_be32(cs_of(buf, len), 4, client.xid);
    exact = realloc(buf, len != 0 ? len : 1);
    ASSERT(exact != NULL);
    budget += 2; /* a request; and a DECLINE is its own record */
    (void)dhcp_client_input(&client, cs_ro_of(exact, len), now);
    free(exact);
    run();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    now = 1000 * NS_PER_S;
    begin(true);
    while (size >= 3) {
        uint8_t kind = data[0];
        size_t n = (size_t)data[1] << 8 | data[2];

        data += 3;
        size -= 3;
        switch (kind & 15) {
        case 10:
            budget += 2;
            dhcp_client_probed(&client, n & 1, now);
            run();
            continue;
        case 11:
            budget += 2;
            dhcp_client_link_up(&client, now);
            run();
            continue;
        case 12:
            pass(n * NS_PER_MS);
            continue;
        case 13:
            pass(n * NS_PER_S);
            continue;
        case 14:
            pass(n * 100000 * NS_PER_S);
            continue;
        case 15:
            budget += 2;
            if (n & 1)
                dhcp_client_release(&client);
            else
                begin(n & 2);
            run();
            continue;
        default:
            break;
        }
        n = n < size ? n : size;
        n = n < DHCP_BYTES_MAX + 1 ? n : DHCP_BYTES_MAX + 1;
        message(kind, data, n);
        data += n;
        size -= n;
    }
    return 0;
}
