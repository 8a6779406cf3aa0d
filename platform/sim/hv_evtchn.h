/* SPDX-License-Identifier: ISC */
/* hv_evtchn.h - what the two halves of the hypervisor's event channels share. */
#ifndef PLATFORM_SIM_HV_EVTCHN_H
#define PLATFORM_SIM_HV_EVTCHN_H

#include "sim_priv.h"

#define PORTS_FIFO 131072u
#define FIFO_PAGES (PORTS_FIFO / 1024u)

/* A port of the guest's. */
struct channel {
    uint8_t state; /* EVTCHNSTAT_* */
    uint8_t priority;
    uint8_t last_priority; /* the queue it was last linked to */
    bool lost;             /* pending, but the guest has given no event word for it yet */
    uint16_t remote_domid;
    uint32_t remote_port;
    uint32_t virq;
};

struct dom0_port {
    bool used;
    uint8_t work;        /* the bit of domain 0's work that an event sets */
    uint32_t guest_port; /* 0: unbound */
    uint32_t events;
};

struct sim_evtchn {
    bool fifo;
    uint32_t ports_max;
    uint32_t ports_seen; /* ports from here on were never used */
    uint32_t maybe_free; /* ports up to this one are in use */
    struct evtchn_fifo_control_block *control;
    event_word_t *array[FIFO_PAGES];
    uint32_t array_pages;
    uint32_t tail[EVTCHN_FIFO_MAX_QUEUES]; /* 0: unknown, the queue counts as empty */
    struct dom0_port dom0[SIM_DOM0_PORTS];
    struct channel chan[PORTS_FIFO];
};
extern struct sim_evtchn sim_evtchn;

/* hv_evtchn_abi.c */
void sim_evtchn_abi_init(void);
void sim_evtchn_abi_reset(void);
void sim_evtchn_set_pending(uint32_t port);
void sim_evtchn_clear_pending(uint32_t port);
void sim_evtchn_unmask(uint32_t port);
long sim_evtchn_init_control(void *arg);
long sim_evtchn_expand_array(void *arg);

#endif
