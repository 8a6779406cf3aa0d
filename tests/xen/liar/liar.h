/* SPDX-License-Identifier: ISC */
/* liar.h - a backend that lies, of a network device or of a disk: its parts. liar.c says what it is
 * for. */
#ifndef LIAR_H
#define LIAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __XEN_INTERFACE_VERSION__ 0x00040d00 /* else the headers speak of Xen's first */
#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/blkif.h>
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

/* ---- the device ------------------------------------------------------------------------------ */

#define VBD_QUEUES_MAX 2u

struct vbd_queue {
    struct blkif_sring *ring; /* of `pages`, with `slots` */
    uint64_t at;              /* where gntdev has it */
    unsigned pages, slots, port;
    uint32_t cons, prod; /* our half of it */
};

#define VIF_QUEUES_MAX 2u
#define VIF_SLOTS 256u /* of either ring */

struct vif_queue {
    struct netif_tx_sring *tx;
    struct netif_rx_sring *rx;
    uint64_t tx_at, rx_at;
    unsigned tx_port, rx_port; /* rx_port 0: the other is for both */
    uint32_t tx_cons, tx_prod, rx_cons, rx_prod;
};

struct vif_ctrl {
    struct xen_netif_ctrl_sring *ring; /* NULL: there is none */
    uint64_t at;
    unsigned port;
    uint32_t cons, prod;
    bool hashes; /* the guest has configured all */
};

/* One of the guest's, of which the backend is here. */
struct device {
    const struct kind *kind;
    unsigned domid;
    char front[96], back[96];     /* their directories in xenstore */
    const char *const (*keys)[2]; /* that stand in ours; NULL: none, or others */
    int gntdev, evtchn, privcmd;
    void *kept; /* a page of the guest's that we do not let go */
    uint64_t kept_at;
    uint8_t kept_was[PAGE]; /* when we parted */
    bool connected;
    union {
        struct { /* vif.c */
            struct vif_queue pair[VIF_QUEUES_MAX];
            struct vif_queue *q; /* the one at hand: after vif_is_served it is the last */
            unsigned pairs;
            struct vif_ctrl ctrl;
        };
        struct { /* vbd.c */
            struct vbd_queue queue[VBD_QUEUES_MAX];
            unsigned queues;
        };
    };
};

/* What comes of a lie. */
enum outcome {
    CLOSES, /* the guest says `text`, and closes the device until its program opens it anew */
    LEAVES, /* it closes the device without a word of a broken protocol, and comes back by itself */
    STAYS,  /* the device is served afterwards; the guest says `text`, if there is one */
    REFUSES, /* it says `text`, and does not connect */
    ANY      /* it closes the device or it does not */
};

struct lie {
    const char *name;
    void (*tell)(struct device *d);
    enum outcome outcome;
    const char *text;
    /* Of the handshake; ends with NULL. Instead of them NULL: it is told on the connection of the
     * lie before it, which STAYS. */
    const char *const (*keys)[2];
};

struct kind {
    const char *name; /* of the directories in xenstore */
    const struct lie *lies;
    unsigned count;
    /* What xl would write for the guest: the device's number under this key, and others. */
    const char *number_key;
    const char *const (*front_keys)[2];
    /* The guest's state when its rings are there to be mapped: it waits for our Connected then.
     * What it refuses it has read before that, or else after it. */
    enum xenbus_state published;
    bool refuses_before;
    void (*connect)(struct device *d);
    void (*disconnect)(struct device *d);
    /* Serves a few requests as a backend should, until nothing that the guest was told is news to
     * it. False: it does not play along. */
    bool (*is_served)(struct device *d);
};
extern const struct kind vif_kind, vbd_kind;

/* ---- device.c: what every backend does ------------------------------------------------------- */

/* `name`: as under the guest's device/, "vif/1". */
void device_open(struct device *d, unsigned domid, const char *name);
unsigned device_front_state(const struct device *d);
void device_state(const struct device *d, const char *state);
/* Waits for one of the frontend's states (bits 1 << XenbusState...). False: not within `ms`. */
bool device_wait_front(const struct device *d, unsigned states, unsigned ms);
/* Maps what a frontend published, and binds its event channels. */
void device_connect(struct device *d);
/* Lets go of everything, but what is kept. */
void device_disconnect(struct device *d);

/* `n` pages in a row; `at` is for the other function. */
void *device_map(struct device *d, const uint32_t *grefs, unsigned n, bool writable, uint64_t *at);
void device_unmap(struct device *d, void *pages, unsigned n, uint64_t at);
/* Maps a page, and keeps it so during the next connection. */
void device_keep(struct device *d, uint32_t gref, bool writable);
/* Lets go of what was kept. False: the guest has used it since we parted. */
bool device_release(struct device *d);
/* Binds the guest's event channel: our port. */
unsigned device_bind(struct device *d, unsigned remote);
void device_unbind(struct device *d, unsigned *port);
void device_notify(struct device *d, unsigned port);
/* Sends so many events, by these ports of ours in turn: all in one hypercall. */
void device_storm(struct device *d, const unsigned *ports, unsigned n, unsigned events);

/* Lies of every backend. */
void tell_nothing(struct device *d);
void tell_state_none(struct device *d);
void tell_state_word(struct device *d);
void tell_initialising(struct device *d);
void tell_init_wait(struct device *d);
void tell_closed(struct device *d);
void tell_connected_again(struct device *d);
void tell_reconfiguring(struct device *d);
void tell_gone(struct device *d);
#define TEXT_STATE "its XenbusState is none"

/* ---- vif.c: a network backend's rings -------------------------------------------------------- */

void vif_connect(struct device *d);
void vif_disconnect(struct device *d);
/* Lets go of all event channels. */
void vif_unbind(struct device *d);
/* Waits for a request; none comes: the program ends. */
void vif_wait_for(volatile uint32_t *prod, uint32_t cons, const char *ring);
/* The next request of the queue at hand; waits for it. vif_tx_take serves what is about multicast
 * groups; vif_tx_next gives any slot. */
netif_tx_request_t vif_tx_take(struct device *d);
netif_tx_request_t vif_tx_next(struct device *d);
netif_rx_request_t vif_rx_take(struct device *d);
/* Puts a response; vif_push shows all that were put, with an event. */
void vif_tx_put(struct device *d, uint16_t id, int16_t status);
void vif_rx_put(struct device *d, uint16_t id, uint16_t offset, uint16_t flags, int16_t status);
void vif_push(struct device *d);
/* A slot of the receive ring as extra info in place of a response. */
void vif_rx_put_extra(struct device *d, netif_extra_info_t extra);
/* A small broadcast into the next posted page; its id. */
uint16_t vif_rx_fill(struct device *d);
bool vif_is_served(struct device *d);

/* ---- vif_ctrl.c: what it does beyond frames -------------------------------------------------- */

void vif_ctrl_connect(struct device *d);
/* Answers until the guest has configured all, and then what it asks. */
void vif_ctrl_serve(struct device *d);
/* Answers a request about a multicast group, and its extra info, which is the next slot. */
void vif_mcast_put(struct device *d, uint16_t id, int16_t status);

void tell_ctrl_ahead(struct device *d);
void tell_ctrl_id(struct device *d);
void tell_ctrl_type(struct device *d);
void tell_ctrl_status(struct device *d);
void tell_ctrl_mapped(struct device *d);
void tell_ctrl_refused(struct device *d);
/* Events on all channels, until the guest waits no more for an answer on the control ring. */
void tell_storm(struct device *d);
void tell_mcast_refused(struct device *d);
void tell_mcast_twice(struct device *d);
void tell_mcast_null(struct device *d);

/* ---- vbd.c: a block backend's rings ---------------------------------------------------------- */

#define VBD_SEGS_MAX 256u

/* A copy of a request; where it is indirect, with the segments that its list says. */
struct vbd_request {
    unsigned queue, segs;
    uint64_t id, sector;
    uint8_t op;   /* BLKIF_OP_READ ..., the one meant where it is indirect */
    bool is_long; /* it is indirect, and its segments stand in the page granted as `list` */
    uint32_t list;
    struct blkif_request_segment seg[VBD_SEGS_MAX];
};

void vbd_connect(struct device *d);
void vbd_disconnect(struct device *d);
/* The next request, of any queue, or of that one; waits for it. */
struct vbd_request vbd_take(struct device *d);
struct vbd_request vbd_take_from(struct device *d, unsigned queue);
/* The next one of this operation, or the next long one; those before it are served. */
struct vbd_request vbd_take_op(struct device *d, uint8_t op);
struct vbd_request vbd_take_long(struct device *d);
/* Puts a response; vbd_push shows all that were put, with an event for each queue. */
void vbd_put(struct device *d, unsigned queue, uint64_t id, uint8_t op, int16_t status);
void vbd_push(struct device *d);
/* Moves the data of a READ or WRITE: every 8 bytes of the disk hold the number of them that are
 * before. False: the guest wrote something else. */
bool vbd_move(struct device *d, const struct vbd_request *r);
/* Moves its data, and puts a response that says so. */
bool vbd_serve(struct device *d, const struct vbd_request *r);
bool vbd_is_served(struct device *d);

#endif
