/* SPDX-License-Identifier: ISC */
/* hostile_blk_xs.c - lies of a blkback told by events and in xenstore. */
#include <string.h>

#include "hostile_blk_priv.h"

#include "hv_evtchn.h"

/* ---- events --------------------------------------------------------------------------------- */

static uint32_t guest_port(const struct sim_vbd *vbd)
{
    if (!vbd->connected)
        return 0;
    return sim_evtchn.dom0[vbd->queue[sim_random(vbd->queues_count)].port].guest_port;
}

bool sim_lie_blk_event_storm(struct sim_vbd *vbd)
{
    uint32_t port = guest_port(vbd);
    for (uint32_t n = 1 + sim_random(64); n != 0; n--)
        sim_evtchn_raise(port);
    return port != 0;
}

bool sim_lie_blk_event_strange(struct sim_vbd *vbd)
{
    (void)vbd;
    for (uint32_t n = 1 + sim_random(8); n != 0; n--)
        sim_evtchn_raise(sim_random(sim_random(2) == 0 ? 16 : PORTS_FIFO));
    return true;
}

bool sim_lie_blk_event_lost(struct sim_vbd *vbd)
{
    uint32_t port = guest_port(vbd);
    if (port != 0)
        sim_evtchn_clear_pending(port);
    return port != 0;
}

bool sim_lie_blk_event_closed(struct sim_vbd *vbd)
{
    sim_dom0_close((uint32_t)vbd->queue[sim_random(vbd->queues_count)].port);
    return true;
}

/* ---- XenbusState ---------------------------------------------------------------------------- */

bool sim_lie_blk_state_jump(struct sim_vbd *vbd)
{
    sim_xs_write(sim_vbd_back(vbd, "state"), "%u", sim_random(10));
    return true;
}

bool sim_lie_blk_state_garbage(struct sim_vbd *vbd)
{
    sim_lie_garbage(sim_vbd_back(vbd, "state"));
    return true;
}

/* ---- keys ----------------------------------------------------------------------------------- */

struct key {
    const char *name;
    const char *const *values; /* that are wrong or odd in a way of their own; ends with NULL */
};

#define VALUES(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* A third of the times text that is no number at all, or no key. */
static void write_one(struct sim_vbd *vbd, const struct key *key)
{
    const char *path = sim_vbd_back(vbd, key->name);
    unsigned n = 0;
    while (key->values[n] != NULL)
        n++;
    if (sim_random(3) == 0)
        sim_lie_garbage(path);
    else
        sim_xs_write(path, "%s", key->values[sim_random(n)]);
}

bool sim_lie_blk_key_device(struct sim_vbd *vbd)
{
    const struct key keys[] = {
        {"sectors", VALUES("0", "1", "7", "9", "9223372036854775808", "18446744073709551615",
                           "18014398509481984", "36028797018963968", "4294967295", "-8")},
        {"sector-size", VALUES("0", "1", "3", "256", "511", "513", "1024", "2048", "4096", "8192",
                               "65536", "2147483648", "4294967295")},
        {"physical-sector-size",
         VALUES("0", "1", "3", "511", "768", "4096", "2147483648", "65536", "4294967295")},
        {"info", VALUES("4", "1", "7", "4294967295", "8")},
        {"mode", VALUES("r", "w", "rw", "!", "")},
        {"discard-granularity",
         VALUES("0", "1", "511", "512", "3000", "2147483648", "4294967295", "4096")},
        {"discard-alignment", VALUES("0", "1", "511", "512", "4294967295", "4294966784")},
        {"discard-secure", VALUES("0", "1", "2", "4294967295")},
        {"feature-discard", VALUES("0", "1", "2")},
        {"feature-flush-cache", VALUES("0", "1", "2")},
        {"feature-barrier", VALUES("0", "1", "2")},
        {"feature-persistent", VALUES("0", "1", "2")},
        {"params", VALUES("", "phy:", "file:", "phy:/dev/\xff\xff")},
    };
    write_one(vbd, &keys[sim_random(ARRAY_SIZE(keys))]);
    return true;
}

bool sim_lie_blk_key_limits(struct sim_vbd *vbd)
{
    const struct key keys[] = {
        {"max-ring-page-order", VALUES("0", "1", "3", "5", "20", "31", "32", "63", "4294967295")},
        {"max-ring-pages",
         VALUES("0", "1", "3", "5", "7", "16", "1024", "2147483648", "4294967295")},
        {"feature-max-indirect-segments",
         VALUES("0", "1", "10", "11", "12", "257", "4096", "4097", "65535", "65536", "4294967295")},
        {"multi-queue-max-queues", VALUES("0", "1", "3", "9", "65536", "4294967295")},
    };
    write_one(vbd, &keys[sim_random(ARRAY_SIZE(keys))]);
    return true;
}

bool sim_lie_blk_key_backend(struct sim_vbd *vbd)
{
    if (sim_random(2) == 0) {
        sim_lie_garbage(sim_vbd_front(vbd, "backend"));
    } else if (sim_random(2) == 0) {
        static char path[400] = "/local/domain/0/backend/vbd/1/";
        memset(path + strlen(path), '0', sizeof(path) - 1 - strlen(path));
        sim_xs_write(sim_vbd_front(vbd, "backend"), "%s", path);
    } else {
        sim_lie_garbage(sim_vbd_front(vbd, sim_random(2) == 0 ? "backend-id" : "virtual-device"));
    }
    return true;
}

/* ---- life ----------------------------------------------------------------------------------- */

bool sim_lie_blk_directory_gone(struct sim_vbd *vbd)
{
    sim_xs_rm(sim_vbd_back(vbd, ""));
    return true;
}

bool sim_lie_blk_stuck(struct sim_vbd *vbd)
{
    vbd->dead = true;
    return true;
}

bool sim_lie_blk_unstuck(struct sim_vbd *vbd)
{
    vbd->dead = false;
    sim_work_set(SIM_WORK_VBD_RINGS(vbd->index));
    return true;
}

bool sim_lie_blk_late(struct sim_vbd *vbd)
{
    sim_vbd_pause(vbd->index, !vbd->paused);
    return true;
}

/* A driver domain that was restarted: its end is new, the guest's is as it was. Sometimes the guest
 * can see that it was away. */
bool sim_lie_blk_reconnect(struct sim_vbd *vbd)
{
    if (vbd->connected)
        sim_vbd_disconnect(vbd);
    if (vbd->state != XenbusStateClosed) {
        sim_vbd_set_state(vbd, XenbusStateClosed);
        if (sim_random(2) == 0)
            return true;
    }
    vbd->dead = vbd->paused = false;
    sim_vbd_write_backend(vbd);
    return true;
}

bool sim_lie_blk_vanish(struct sim_vbd *vbd)
{
    sim_vbd_disconnect(vbd);
    return true;
}
