/* SPDX-License-Identifier: ISC */
/* backend.h - what the simulated backends have alike: where their keys stand in xenstore, their
 * XenbusState, and how a guest's fault is told. */
#ifndef PLATFORM_SIM_BACKEND_H
#define PLATFORM_SIM_BACKEND_H

#include "sim_priv.h"

struct sim_backend {
    const char *kind; /* "vif", "vbd" */
    unsigned index;   /* among its kind */
    uint32_t devid;   /* its number in xenstore */
    uint32_t state;   /* XenbusState of the backend */
    bool connected;   /* to the guest's rings */
    bool hostile;     /* lies are told: what the guest answers is not held against it */
    bool dead;        /* the guest broke the protocol: nothing is served any more */
};

/* Its keys: "<directory>/<key>" in a buffer that lives until the next call but three. */
const char *sim_back_front(const struct sim_backend *b, const char *key);
const char *sim_back_back(const struct sim_backend *b, const char *key);

/* Makes both directories, with the rights that the toolstack gives them, and the keys by which the
 * ends find each other. */
void sim_back_make_front(const struct sim_backend *b);
void sim_back_make_back(const struct sim_backend *b);
/* Both directories go. */
void sim_back_remove(const struct sim_backend *b);
void sim_back_set_state(struct sim_backend *b, uint32_t state);
/* `path` is that of the state of a frontend of this kind: its number in *devid. */
bool sim_back_is_front_state(const char *path, const char *kind, uint32_t *devid);

/* Records a fault, but not where lies were told. */
void sim_back_fault(const struct sim_backend *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* The guest did what no guest may: the same, and it is served no more. */
void sim_back_fatal(struct sim_backend *b, const char *what, uint64_t number);
/* What the guest wrote under `key` cannot be used: a fault, and told in xenstore. False. */
bool sim_back_refuse(const struct sim_backend *b, const char *key, const char *why);

#endif
