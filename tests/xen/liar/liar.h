/* SPDX-License-Identifier: ISC */
/* liar.h - a network backend that lies: its parts. liar.c says what it is for. */
#ifndef LIAR_H
#define LIAR_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>

#define PAGE 4096u

/* Ends the program with a line. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ms(void);
void sleep_ms(unsigned ms);

/* ---- store.c: xenstore, by its socket. What must succeed and does not ends the program. ----- */

void store_open(void);
void store_write(const char *dir, const char *key, const char *value);
void store_rm(const char *path);
/* Makes it, with all that is made under it: `owner`'s, and `reader` may read it; nobody else but
 * dom0. */
void store_make(const char *path, unsigned owner, unsigned reader);
/* A number; `otherwise` where there is none. */
unsigned store_number(const char *dir, const char *key, unsigned otherwise);

/* ---- vif.c: the honest part of a backend ---------------------------------------------------- */

struct vif {
    unsigned domid;
    char front[96], back[96]; /* their directories in xenstore */
    int gntdev, evtchn;
    unsigned port;
    struct netif_tx_sring *tx;
    struct netif_rx_sring *rx;
    uint64_t tx_at, rx_at;                       /* where gntdev has them */
    uint32_t tx_cons, tx_prod, rx_cons, rx_prod; /* our half of the rings */
    void *kept;                                  /* a page of the guest's that we do not let go */
    uint64_t kept_at;
};

void vif_open(struct vif *v, unsigned domid, unsigned index);
unsigned vif_front_state(const struct vif *v);
void vif_state(const struct vif *v, const char *state);
/* Waits for one of the frontend's states (bits 1 << XenbusState...). False: not within `ms`. */
bool vif_wait_front(const struct vif *v, unsigned states, unsigned ms);
/* Maps what a Connected frontend published; binds its event channel. */
void vif_connect(struct vif *v);
/* Lets go of everything. */
void vif_disconnect(struct vif *v);

void *vif_map(struct vif *v, uint32_t gref, bool writable, uint64_t *at);
void vif_unmap(struct vif *v, void *page, uint64_t at);
void vif_notify(struct vif *v);

/* The next request; waits for it. */
netif_tx_request_t vif_tx_take(struct vif *v);
netif_rx_request_t vif_rx_take(struct vif *v);
/* Puts a response; vif_push shows all that were put, with an event. */
void vif_tx_put(struct vif *v, uint16_t id, int16_t status);
void vif_rx_put(struct vif *v, uint16_t id, uint16_t offset, uint16_t flags, int16_t status);
void vif_push(struct vif *v);
/* A slot of the receive ring as extra info in place of a response. */
void vif_rx_put_extra(struct vif *v, netif_extra_info_t extra);
/* A small broadcast into the next posted page; its id. */
uint16_t vif_rx_fill(struct vif *v);
/* Sends and receives a few frames as a backend should. False: the guest does not play along. */
bool vif_is_served(struct vif *v);

#endif
