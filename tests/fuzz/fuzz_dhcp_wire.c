/* SPDX-License-Identifier: ISC */
/* fuzz_dhcp_wire.c - any bytes as a DHCP message: refused, or every option readable; and what
 * was read, written again and read again, is the same. */
#include <stdlib.h>
#include <string.h>

#include <morgana/dhcp_wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dhcp_msg msg, again;
static uint8_t out[DHCP_BYTES_MAX * 2];

static void rewrite(void)
{
    struct dhcp_hdr hdr = {.op = msg.op,
                           .htype = msg.htype,
                           .hlen = msg.hlen,
                           .xid = msg.xid,
                           .flags = msg.flags,
                           .ciaddr = msg.ciaddr,
                           .giaddr = msg.giaddr,
                           .chaddr = msg.chaddr};
    struct cs_ro agent = dhcp_msg_opt(&msg, DHCP_OPT_AGENT);
    bool written[256] = {false};
    struct dhcp_writer w;
    size_t len;

    dhcp_write_begin(&w, cs_of(out, sizeof(out)), DHCP_REPLY_MAX, &hdr, true,
                     dhcp_msg_has(&msg, DHCP_OPT_AGENT) ? &agent : NULL);
    for (unsigned code = 1; code < 255; code++)
        if (dhcp_msg_has(&msg, (uint8_t)code) && code != DHCP_OPT_AGENT &&
            code != DHCP_OPT_OVERLOAD)
            written[code] = dhcp_write_opt(&w, (uint8_t)code, dhcp_msg_opt(&msg, (uint8_t)code));
    written[DHCP_OPT_AGENT] = w.has_agent;
    len = dhcp_write_end(&w);
    ASSERT(len <= DHCP_REPLY_MAX);
    ASSERT(dhcp_parse(cs_ro_of(out, len), &again) == DHCP_WIRE_ok);
    for (unsigned code = 1; code < 255; code++) {
        if (code == DHCP_OPT_OVERLOAD)
            continue;
        ASSERT(dhcp_msg_has(&again, (uint8_t)code) == written[code]);
        if (written[code])
            ASSERT(
                cs_equal(dhcp_msg_opt(&msg, (uint8_t)code), dhcp_msg_opt(&again, (uint8_t)code)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    uint32_t sum = 0;
    struct cs_ro v;

    memcpy(exact, data, size);
    if (dhcp_parse(cs_ro_of(exact, size), &msg) == DHCP_WIRE_ok) {
        for (unsigned code = 0; code < 256; code++) {
            v = dhcp_msg_opt(&msg, (uint8_t)code);
            for (size_t i = 0; i < v.len; i++)
                sum += v.base[i];
            if (dhcp_msg_agent(&msg, (uint8_t)code, &v) && v.len)
                sum += v.base[v.len - 1];
        }
        rewrite();
    }
    free(exact);
    return sum == UINT32_MAX;
}
