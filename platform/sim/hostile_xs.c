/* SPDX-License-Identifier: ISC */
/* hostile_xs.c - lies told by events and in xenstore. */
#include <string.h>

#include "hostile_priv.h"

#include "hv_evtchn.h"

/* ---- events --------------------------------------------------------------------------------- */

static uint32_t guest_port(const struct sim_vif *vif)
{
    return vif->connected ? sim_evtchn.dom0[vif->port].guest_port : 0;
}

/* As many as a guest's upcall may see between two instructions: each is a new edge where the
 * guest clears. */
void sim_lie_event_storm(struct sim_vif *vif)
{
    uint32_t port = guest_port(vif);
    for (uint32_t n = 1 + sim_random(64); n != 0; n--)
        sim_evtchn_raise(port);
}

void sim_lie_event_strange(struct sim_vif *vif)
{
    (void)vif;
    for (uint32_t n = 1 + sim_random(8); n != 0; n--)
        sim_evtchn_raise(sim_random(sim_random(2) == 0 ? 16 : PORTS_FIFO));
}

void sim_lie_event_lost(struct sim_vif *vif)
{
    uint32_t port = guest_port(vif);
    if (port != 0)
        sim_evtchn_clear_pending(port);
}

void sim_lie_event_closed(struct sim_vif *vif)
{
    sim_dom0_close((uint32_t)vif->port);
}

/* ---- XenbusState ---------------------------------------------------------------------------- */

static const char *garbage(void)
{
    static const char *const texts[] = {"",
                                        "banana",
                                        "-1",
                                        "9",
                                        "99999999999999999999",
                                        "4294967296",
                                        "0x4",
                                        " 4",
                                        "4 4",
                                        "4294967300",
                                        "\xff\xfe\xfd",
                                        "2147483648",
                                        "00",
                                        "+2",
                                        "1e9",
                                        "4\n",
                                        "18446744073709551616",
                                        "/local/domain/0",
                                        "%s",
                                        "NaN",
                                        "true",
                                        "1,1",
                                        "65536",
                                        "65535"};
    return texts[sim_random(ARRAY_SIZE(texts))];
}

/* Some text too long for any key. */
static void write_long(const char *path)
{
    static char text[1500];
    memset(text, '7', sizeof(text));
    sim_xs_write_bytes(path, cs_ro_of(text, sizeof(text)));
}

void sim_lie_garbage(const char *path)
{
    switch (sim_random(16)) {
    case 0:
        write_long(path);
        break;
    case 1:
        sim_xs_rm(path);
        break;
    case 2:
        sim_xs_write_bytes(path, cs_ro_of("1\0\0"
                                          "2",
                                          4));
        break;
    default:
        sim_xs_write(path, "%s", garbage());
    }
}

void sim_lie_state_jump(struct sim_vif *vif)
{
    sim_xs_write(sim_vif_back(vif, "state"), "%u", sim_random(10));
}

void sim_lie_state_garbage(struct sim_vif *vif)
{
    sim_lie_garbage(sim_vif_back(vif, "state"));
}

/* ---- keys ----------------------------------------------------------------------------------- */

void sim_lie_key_mac(struct sim_vif *vif)
{
    static const char *const macs[] = {
        "ff:ff:ff:ff:ff:ff",    "00:00:00:00:00:00", "01:00:5e:00:00:01", "00:16:3e:00:00",
        "00:16:3e:00:00:01:02", "0:16:3e:0:0:1",     "00-16-3e-00-00-01", "zz:16:3e:00:00:01"};
    if (sim_random(2) == 0)
        sim_xs_write(sim_vif_front(vif, "mac"), "%s", macs[sim_random(ARRAY_SIZE(macs))]);
    else
        sim_lie_garbage(sim_vif_front(vif, "mac"));
}

void sim_lie_key_mtu(struct sim_vif *vif)
{
    static const uint32_t mtus[] = {0, 1, 67, 68, 576, 1499, 9000, 65521, 65535, 65536, UINT32_MAX};
    if (sim_random(2) == 0)
        sim_xs_write(sim_vif_front(vif, "mtu"), "%u", mtus[sim_random(ARRAY_SIZE(mtus))]);
    else
        sim_lie_garbage(sim_vif_front(vif, "mtu"));
}

void sim_lie_key_feature(struct sim_vif *vif)
{
    static const char *const keys[] = {"feature-sg",
                                       "feature-rx-copy",
                                       "feature-no-csum-offload",
                                       "feature-gso-tcpv4",
                                       "feature-split-event-channels",
                                       "multi-queue-max-queues",
                                       "feature-ctrl-ring",
                                       "feature-multicast-control",
                                       "handle",
                                       "mtu"};
    sim_lie_garbage(sim_vif_back(vif, keys[sim_random(ARRAY_SIZE(keys))]));
}

void sim_lie_key_backend(struct sim_vif *vif)
{
    if (sim_random(2) == 0) {
        sim_lie_garbage(sim_vif_front(vif, "backend"));
    } else if (sim_random(2) == 0) {
        static char path[400] = "/local/domain/0/backend/vif/1/";
        memset(path + strlen(path), '0', sizeof(path) - 1 - strlen(path));
        sim_xs_write(sim_vif_front(vif, "backend"), "%s", path);
    } else {
        sim_lie_garbage(sim_vif_front(vif, "backend-id"));
    }
}

void sim_lie_key_carrier(struct sim_vif *vif)
{
    if (sim_random(2) == 0)
        sim_vif_carrier(vif->index, sim_random(2) == 0);
    else
        sim_lie_garbage(sim_vif_back(vif, "carrier"));
}

/* ---- life ----------------------------------------------------------------------------------- */

void sim_lie_directory_gone(struct sim_vif *vif)
{
    sim_xs_rm(sim_vif_back(vif, ""));
}

void sim_lie_stuck(struct sim_vif *vif)
{
    vif->dead = true;
}

void sim_lie_unstuck(struct sim_vif *vif)
{
    vif->dead = false;
}

/* A driver domain that was restarted: its end is new, the guest's is as it was. */
void sim_lie_reconnect(struct sim_vif *vif)
{
    if (vif->connected)
        sim_vif_disconnect(vif);
    sim_vif_set_state(vif, XenbusStateClosed);
    sim_vif_set_state(vif, XenbusStateInitWait);
}

void sim_lie_vanish(struct sim_vif *vif)
{
    sim_vif_disconnect(vif);
}
