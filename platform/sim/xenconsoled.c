/* SPDX-License-Identifier: ISC */
/* xenconsoled.c - the other end of the guest's console ring (io/console.h). */
#include <string.h>

#include "sim_priv.h"

static struct {
    int port;
    bool stopped;
} console;

void sim_console_init(void)
{
    console.stopped = false;
    console.port = sim_dom0_bind_work(xen_start()->console_port, SIM_WORK_CONSOLE);
}

void sim_console_stop(bool stopped)
{
    console.stopped = stopped;
    sim_work_set(SIM_WORK_CONSOLE);
}

void sim_console_step(void)
{
    struct xencons_interface *ring = sim_frame(SIM_FRAME_CONSOLE);
    if (console.stopped)
        return;
    uint32_t cons = ring->out_cons, ready = READ_ONCE(ring->out_prod) - cons;
    if (ready > sizeof(ring->out)) {
        sim_fault("console: %u bytes on a ring of %zu", ready, sizeof(ring->out));
        return;
    }
    if (ready == 0)
        return;
    while (ready != 0) {
        uint32_t at = cons % sizeof(ring->out);
        uint32_t n = u32_min(ready, (uint32_t)sizeof(ring->out) - at);
        if (sim_state.conf.console != NULL)
            sim_state.conf.console(sim_state.conf.console_arg, cs_ro_of(ring->out + at, n));
        cons += n;
        ready -= n;
    }
    ring->out_cons = cons;
    sim_dom0_send((uint32_t)console.port);
}

void sim_console_drain(void)
{
    sim_state.work &= ~(UINT64_C(1) << SIM_WORK_CONSOLE);
    sim_console_step();
}

size_t sim_console_type(struct cs_ro text)
{
    struct xencons_interface *ring = sim_frame(SIM_FRAME_CONSOLE);
    size_t n = 0;
    while (n < text.len && ring->in_prod - READ_ONCE(ring->in_cons) < sizeof(ring->in))
        ring->in[ring->in_prod++ % sizeof(ring->in)] = (char)text.base[n++];
    if (n != 0)
        sim_dom0_send((uint32_t)console.port);
    return n;
}
