/* SPDX-License-Identifier: ISC */
/* dhcp_client_write.c - the messages a client sends: RFC 2131 tables 4 and 5. */
#include "dhcp_client_priv.h"

/* Asked for in every DISCOVER and REQUEST. RFC 3442: 121 stands before 3. */
static const uint8_t parameters[] = {
    DHCP_OPT_SUBNET_MASK, DHCP_OPT_ROUTES,      DHCP_OPT_ROUTERS, DHCP_OPT_DNS,
    DHCP_OPT_HOST_NAME,   DHCP_OPT_DOMAIN_NAME, DHCP_OPT_MTU,     DHCP_OPT_BROADCAST,
    DHCP_OPT_NTP,         DHCP_OPT_LEASE_TIME,  DHCP_OPT_T1,      DHCP_OPT_T2,
};

/* Which addresses of a REQUEST stand where: table 4. */
static void write_request(const struct dhcp_client *client, struct dhcp_writer *w)
{
    switch (client->state) {
    case DHCP_CLIENT_REQUESTING:
        dhcp_write_u32(w, DHCP_OPT_REQUESTED_ADDR, client->offered_addr);
        dhcp_write_u32(w, DHCP_OPT_SERVER_ID, client->offered_server);
        break;
    case DHCP_CLIENT_REBOOTING:
        dhcp_write_u32(w, DHCP_OPT_REQUESTED_ADDR,
                       client->in_use ? client->lease.addr : client->conf.remembered);
        break;
    default: /* RENEWING, REBINDING: ciaddr says it */
        break;
    }
}

static uint32_t ciaddr_of(const struct dhcp_client *client, enum dhcp_type type, uint32_t addr)
{
    bool extends = client->state == DHCP_CLIENT_RENEWING || client->state == DHCP_CLIENT_REBINDING;

    if (type == DHCPRELEASE)
        return addr;
    return type == DHCPREQUEST && extends ? client->lease.addr : 0;
}

size_t dhcp_client_write(const struct dhcp_client *client, enum dhcp_type type, uint32_t addr,
                         uint32_t server, struct cs buf)
{
    uint8_t chaddr[DHCP_CHADDR_BYTES] = {0}, max_size[2];
    bool asks = type == DHCPDISCOVER || type == DHCPREQUEST;
    struct dhcp_hdr hdr = {.op = BOOTREQUEST,
                           .htype = DHCP_HTYPE_ETHERNET,
                           .hlen = sizeof(client->conf.mac),
                           .xid = client->xid,
                           .secs = asks ? client->secs : 0,
                           .flags = asks && client->conf.broadcast ? DHCP_FLAG_BROADCAST : 0,
                           .ciaddr = ciaddr_of(client, type, addr),
                           .chaddr = cs_ro_of(chaddr, sizeof(chaddr))};
    struct dhcp_writer w;

    memcpy(chaddr, client->conf.mac, sizeof(client->conf.mac));
    dhcp_write_begin(&w, buf, DHCP_BYTES_DEFAULT, &hdr, false, NULL);
    dhcp_write_u8(&w, DHCP_OPT_TYPE, (uint8_t)type);
    dhcp_write_opt(&w, DHCP_OPT_CLIENT_ID, cs_ro_of(client->id, client->id_len));
    if (!asks) {
        if (type == DHCPDECLINE)
            dhcp_write_u32(&w, DHCP_OPT_REQUESTED_ADDR, addr);
        dhcp_write_u32(&w, DHCP_OPT_SERVER_ID, server);
        return dhcp_write_end(&w);
    }
    if (type == DHCPREQUEST)
        write_request(client, &w);
    cs_set_be16(cs_of(max_size, 2), 0, (uint16_t)(client->conf.reply_max + DHCP_UDP_OVERHEAD));
    dhcp_write_opt(&w, DHCP_OPT_MAX_SIZE, cs_ro_of(max_size, 2));
    dhcp_write_opt(&w, DHCP_OPT_PARAMETERS, cs_ro_of(parameters, sizeof(parameters)));
    if (client->conf.host_name.len != 0)
        dhcp_write_opt(&w, DHCP_OPT_HOST_NAME, client->conf.host_name);
    return dhcp_write_end(&w);
}
