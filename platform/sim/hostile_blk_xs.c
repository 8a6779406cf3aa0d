/* SPDX-License-Identifier: ISC */
/* hostile_blk_xs.c - lies of a blkback told by events and in xenstore. */
#include "hostile_blk_priv.h"

/* ---- events --------------------------------------------------------------------------------- */

static int any_port(const struct sim_vbd *vbd)
{
    return vbd->b.connected ? vbd->queue[sim_random(vbd->queues_count)].port : 0;
}

bool sim_lie_blk_event_storm(struct sim_vbd *vbd)
{
    return sim_lie_event_storm(any_port(vbd));
}

bool sim_lie_blk_event_strange(struct sim_vbd *vbd)
{
    (void)vbd;
    return sim_lie_event_strange();
}

bool sim_lie_blk_event_lost(struct sim_vbd *vbd)
{
    return sim_lie_event_lost(any_port(vbd));
}

bool sim_lie_blk_event_closed(struct sim_vbd *vbd)
{
    return sim_dom0_close((uint32_t)any_port(vbd)) == 0;
}

/* ---- xenstore ------------------------------------------------------------------------------- */

bool sim_lie_blk_state_jump(struct sim_vbd *vbd)
{
    return sim_lie_state_jump(&vbd->b);
}

bool sim_lie_blk_state_garbage(struct sim_vbd *vbd)
{
    return sim_lie_state_garbage(&vbd->b);
}

bool sim_lie_blk_key_device(struct sim_vbd *vbd)
{
    const struct sim_lie_key keys[] = {
        {"sectors",
         SIM_LIE_VALUES("0", "1", "7", "9", "9223372036854775808", "18446744073709551615",
                        "18014398509481984", "36028797018963968", "4294967295", "-8")},
        {"sector-size", SIM_LIE_VALUES("0", "1", "3", "256", "511", "513", "1024", "2048", "4096",
                                       "8192", "65536", "2147483648", "4294967295")},
        {"physical-sector-size",
         SIM_LIE_VALUES("0", "1", "3", "511", "768", "4096", "2147483648", "65536", "4294967295")},
        {"info", SIM_LIE_VALUES("4", "1", "7", "4294967295", "8")},
        {"mode", SIM_LIE_VALUES("r", "w", "rw", "!", "")},
        {"discard-granularity",
         SIM_LIE_VALUES("0", "1", "511", "512", "3000", "2147483648", "4294967295", "4096")},
        {"discard-alignment", SIM_LIE_VALUES("0", "1", "511", "512", "4294967295", "4294966784")},
        {"discard-secure", SIM_LIE_VALUES("0", "1", "2", "4294967295")},
        {"feature-discard", SIM_LIE_VALUES("0", "1", "2")},
        {"feature-flush-cache", SIM_LIE_VALUES("0", "1", "2")},
        {"feature-barrier", SIM_LIE_VALUES("0", "1", "2")},
        {"feature-persistent", SIM_LIE_VALUES("0", "1", "2")},
        {"params", SIM_LIE_VALUES("", "phy:", "file:", "phy:/dev/\xff\xff")},
    };
    return SIM_LIE_KEY(&vbd->b, keys);
}

bool sim_lie_blk_key_limits(struct sim_vbd *vbd)
{
    const struct sim_lie_key keys[] = {
        {"max-ring-page-order",
         SIM_LIE_VALUES("0", "1", "3", "5", "20", "31", "32", "63", "4294967295")},
        {"max-ring-pages",
         SIM_LIE_VALUES("0", "1", "3", "5", "7", "16", "1024", "2147483648", "4294967295")},
        {"feature-max-indirect-segments", SIM_LIE_VALUES("0", "1", "10", "11", "12", "257", "4096",
                                                         "4097", "65535", "65536", "4294967295")},
        {"multi-queue-max-queues", SIM_LIE_VALUES("0", "1", "3", "9", "65536", "4294967295")},
    };
    return SIM_LIE_KEY(&vbd->b, keys);
}

bool sim_lie_blk_key_backend(struct sim_vbd *vbd)
{
    return sim_lie_key_backend(&vbd->b, "virtual-device");
}

/* ---- life ----------------------------------------------------------------------------------- */

bool sim_lie_blk_directory_gone(struct sim_vbd *vbd)
{
    return sim_lie_directory_gone(&vbd->b);
}

bool sim_lie_blk_stuck(struct sim_vbd *vbd)
{
    vbd->b.dead = true;
    return true;
}

bool sim_lie_blk_unstuck(struct sim_vbd *vbd)
{
    vbd->b.dead = false;
    sim_work_set(SIM_WORK_VBD_RINGS(vbd->b.index));
    return true;
}

bool sim_lie_blk_late(struct sim_vbd *vbd)
{
    sim_vbd_pause(vbd->b.index, !vbd->paused);
    return true;
}

/* A driver domain that was restarted: its end is new, the guest's is as it was. Sometimes the guest
 * can see that it was away. */
bool sim_lie_blk_reconnect(struct sim_vbd *vbd)
{
    if (vbd->b.connected)
        sim_vbd_disconnect(vbd);
    if (vbd->b.state != XenbusStateClosed) {
        sim_vbd_set_state(vbd, XenbusStateClosed);
        if (sim_random(2) == 0)
            return true;
    }
    vbd->b.dead = vbd->paused = false;
    sim_vbd_write_backend(vbd);
    return true;
}

bool sim_lie_blk_vanish(struct sim_vbd *vbd)
{
    sim_vbd_disconnect(vbd);
    return true;
}
