/* SPDX-License-Identifier: ISC */
/* sim.c - life and scheduling of the simulation: init, fini, steps, faults, the seed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/random.h>

#include "sim_priv.h"

struct sim sim_state;

/* Frames or requests a step may move: large, but bounded, so that a wire that never ends does
 * not keep the guest from running. */
#define BUDGET_FIXED 256u
#define BUDGET_RANDOM 8u
/* Steps of one run; two parts of domain 0 cannot keep each other busy for ever. */
#define RUN_STEPS_MAX 4096u

void *sim_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fprintf(stderr, "sim: out of memory\n");
        abort();
    }
    return memory;
}

char *sim_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = sim_alloc(size);
    memcpy(copy, text, size);
    return copy;
}

uint32_t sim_random(uint32_t bound)
{
    uint64_t z = random_next(&sim_state.rng);
    ASSERT(bound != 0);
    return (uint32_t)(((z >> 32) * bound) >> 32);
}

int sim_init(const struct sim_conf *conf)
{
    sim_fini(); /* a test that failed may have left one */
    ASSERT(conf->vif_count <= SIM_VIFS_MAX && conf->vbd_count <= SIM_VBDS_MAX);
    ASSERT(conf->gnttab_frames <= SIM_GNTTAB_FRAMES_MAX);
    memset(&sim_state, 0, sizeof(sim_state));
    sim_state.conf = *conf;
    sim_state.rng = conf->seed;
    sim_state.shutdown_reason = -1;
    sim_state.lives = 1;
    sim_state.timer_at = NS_NEVER;

    int err = sim_frames_init();
    if (err != 0)
        return err;
    sim_state.running = true;
    sim_evtchn_init();
    sim_gnttab_init();
    sim_hv_init();
    sim_store_init();
    sim_xs_init();
    sim_console_init();
    sim_store_populate();
    sim_netback_init();
    sim_blkback_init();
    return 0;
}

void sim_fini(void)
{
    if (!sim_state.running)
        return;
    sim_blkback_fini();
    sim_netback_fini();
    sim_xs_fini();
    sim_store_fini();
    sim_gnttab_fini();
    sim_frames_fini();
    sim_state.running = false;
}

static unsigned budget(unsigned fixed)
{
    return sim_state.conf.random ? 1 + sim_random(BUDGET_RANDOM) : fixed;
}

static void run(unsigned bit)
{
    if (bit == SIM_WORK_STORE) {
        sim_xs_step(budget(64));
        return;
    }
    if (bit == SIM_WORK_CONSOLE) {
        sim_console_step();
        return;
    }
    if (bit >= SIM_WORK_VBD) {
        unsigned vbd = (bit - SIM_WORK_VBD) / 2;
        if ((bit - SIM_WORK_VBD) % 2 == 0)
            sim_vbd_step_state(vbd);
        else
            sim_vbd_step_rings(vbd, budget(BUDGET_FIXED));
        return;
    }
    unsigned index = (bit - SIM_WORK_VIF) / 3;
    unsigned part = (bit - SIM_WORK_VIF) % 3;
    if (part == 0)
        sim_vif_step_state(index);
    else if (part == 1)
        sim_vif_step_tx(index, budget(BUDGET_FIXED));
    else
        sim_vif_step_rx(index, budget(BUDGET_FIXED));
}

static unsigned nth_bit(uint64_t bits, unsigned n)
{
    while (n-- != 0)
        bits &= bits - 1;
    return (unsigned)__builtin_ctzll(bits);
}

bool sim_step(void)
{
    if (!sim_state.running)
        return false;
    if (sim_state.wires_ready) {
        sim_state.wires_ready = false;
        sim_vif_poll_wires();
    }
    uint64_t work = sim_state.work;
    if (work == 0)
        return false;
    unsigned count = (unsigned)__builtin_popcountll(work);
    unsigned bit = nth_bit(work, sim_state.conf.random ? sim_random(count) : 0);
    sim_state.work &= ~(UINT64_C(1) << bit);
    run(bit);
    return true;
}

bool sim_run_until_idle(void)
{
    bool any = false;
    sim_wires_ready();
    for (unsigned i = 0; i < RUN_STEPS_MAX && sim_step(); i++)
        any = true;
    return any;
}

void sim_wires_ready(void)
{
    sim_state.wires_ready = true;
}

int sim_shutdown_reason(void)
{
    return sim_state.shutdown_reason;
}

uint64_t sim_hypercalls(unsigned op)
{
    return op < ARRAY_SIZE(sim_state.hypercalls) ? sim_state.hypercalls[op] : 0;
}

void sim_fault(const char *format, ...)
{
    char text[sizeof(sim_state.fault_text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (sim_state.faults++ == 0)
        memcpy(sim_state.fault_text, text, sizeof(text));
    if (sim_state.conf.abort_on_fault) {
        fprintf(stderr, "sim: the guest is at fault: %s\n", text);
        abort();
    }
}

uint32_t sim_fault_count(void)
{
    return sim_state.faults;
}

const char *sim_fault_text(void)
{
    return sim_state.fault_text;
}

void sim_fault_clear(void)
{
    sim_state.faults = 0;
    sim_state.fault_text[0] = '\0';
}
