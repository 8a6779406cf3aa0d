/* SPDX-License-Identifier: ISC */
/* hostile_xs.c - a netback's lies by events, in xenstore, and by its life. */
#include <stdio.h>
#include <string.h>

#include "hostile_priv.h"

/* ---- events --------------------------------------------------------------------------------- */

static int any_port(const struct sim_netq *q)
{
    return sim_random(2) == 0 ? q->tx_port : q->rx_port;
}

bool sim_lie_vif_event_storm(struct sim_netq *q)
{
    return sim_lie_event_storm(any_port(q));
}

bool sim_lie_vif_event_lost(struct sim_netq *q)
{
    return sim_lie_event_lost(any_port(q));
}

bool sim_lie_vif_event_closed(struct sim_netq *q)
{
    return sim_dom0_close((uint32_t)any_port(q)) == 0;
}

bool sim_lie_vif_event_strange(struct sim_vif *vif)
{
    (void)vif;
    return sim_lie_event_strange();
}

/* ---- keys ----------------------------------------------------------------------------------- */

bool sim_lie_vif_state_jump(struct sim_vif *vif)
{
    return sim_lie_state_jump(&vif->b);
}

bool sim_lie_vif_state_garbage(struct sim_vif *vif)
{
    return sim_lie_state_garbage(&vif->b);
}

bool sim_lie_key_mac(struct sim_vif *vif)
{
    static const char *const macs[] = {
        "ff:ff:ff:ff:ff:ff",    "00:00:00:00:00:00", "01:00:5e:00:00:01", "00:16:3e:00:00",
        "00:16:3e:00:00:01:02", "0:16:3e:0:0:1",     "00-16-3e-00-00-01", "zz:16:3e:00:00:01"};
    if (sim_random(2) == 0)
        sim_xs_write(sim_vif_front(vif, "mac"), "%s", macs[sim_random(ARRAY_SIZE(macs))]);
    else
        sim_lie_garbage(sim_vif_front(vif, "mac"));
    return true;
}

bool sim_lie_key_mtu(struct sim_vif *vif)
{
    static const uint32_t mtus[] = {0, 1, 67, 68, 576, 1499, 9000, 65521, 65535, 65536, UINT32_MAX};
    if (sim_random(2) == 0)
        sim_xs_write(sim_vif_front(vif, "mtu"), "%u", mtus[sim_random(ARRAY_SIZE(mtus))]);
    else
        sim_lie_garbage(sim_vif_front(vif, "mtu"));
    return true;
}

bool sim_lie_key_feature(struct sim_vif *vif)
{
    static const char *const keys[] = {"feature-sg",
                                       "feature-rx-copy",
                                       "feature-no-csum-offload",
                                       "feature-gso-tcpv4",
                                       "feature-gso-tcpv6",
                                       "feature-split-event-channels",
                                       "feature-ctrl-ring",
                                       "feature-multicast-control",
                                       "feature-dynamic-multicast-control",
                                       "feature-xdp-headroom",
                                       "handle",
                                       "mtu"};
    const char *path = sim_vif_back(vif, keys[sim_random(ARRAY_SIZE(keys))]);
    if (sim_random(2) == 0)
        sim_xs_write(path, "%u", sim_random(3)); /* what it is not, or more than that */
    else
        sim_lie_garbage(path);
    return true;
}

bool sim_lie_key_queues(struct sim_vif *vif)
{
    const struct sim_lie_key keys[] = {
        {"multi-queue-max-queues",
         SIM_LIE_VALUES("0", "1", "2", "3", "8", "9", "256", "65536", "65537", "4294967295")}};
    return SIM_LIE_KEY(&vif->b, keys);
}

/* What the guest itself has written. */
bool sim_lie_key_queue_dirs(struct sim_vif *vif)
{
    static const char *const keys[] = {"tx-ring-ref",      "rx-ring-ref",      "event-channel",
                                       "event-channel-tx", "event-channel-rx", "feature-sg",
                                       "request-rx-copy",  "feature-rx-notify"};
    char name[48];
    const char *key = keys[sim_random(ARRAY_SIZE(keys))];
    switch (sim_random(4)) {
    case 0:
        sim_lie_garbage(sim_vif_front(vif, "multi-queue-num-queues"));
        break;
    case 1:
        snprintf(name, sizeof(name), "queue-%u", sim_random(NETBACK_QUEUES_MAX + 1));
        sim_xs_rm(sim_vif_front(vif, name));
        break;
    case 2:
        snprintf(name, sizeof(name), "queue-%u/%s", sim_random(NETBACK_QUEUES_MAX + 1), key);
        sim_lie_garbage(sim_vif_front(vif, name));
        break;
    default:
        sim_lie_garbage(sim_vif_front(vif, key));
    }
    return true;
}

bool sim_lie_vif_key_backend(struct sim_vif *vif)
{
    return sim_lie_key_backend(&vif->b, "handle");
}

bool sim_lie_key_carrier(struct sim_vif *vif)
{
    if (sim_random(2) == 0)
        sim_vif_carrier(vif->b.index, sim_random(2) == 0);
    else
        sim_lie_garbage(sim_vif_back(vif, "carrier"));
    return true;
}

/* ---- life ----------------------------------------------------------------------------------- */

bool sim_lie_vif_directory_gone(struct sim_vif *vif)
{
    return sim_lie_directory_gone(&vif->b);
}

bool sim_lie_stuck(struct sim_vif *vif)
{
    vif->b.dead = true;
    return true;
}

bool sim_lie_unstuck(struct sim_vif *vif)
{
    vif->b.dead = false;
    return true;
}

/* A driver domain that was restarted: its end is new, the guest's is as it was. */
bool sim_lie_reconnect(struct sim_vif *vif)
{
    if (vif->b.connected)
        sim_vif_disconnect(vif);
    sim_back_set_state(&vif->b, XenbusStateClosed);
    sim_back_set_state(&vif->b, XenbusStateInitWait);
    return true;
}

bool sim_lie_vanish(struct sim_vif *vif)
{
    if (!vif->b.connected)
        return false;
    sim_vif_disconnect(vif);
    return true;
}
