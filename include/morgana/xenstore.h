/* SPDX-License-Identifier: ISC */
/* xenstore.h - a client of xenstored (Xen's public/io/xs_wire.h, docs/misc/xenstore.txt).
 *
 * Calls block until the reply or the deadline (conf.timeout_ns): they wait by plat_wait, so events go on being marked. A reply that is oversize,
 * short, of the wrong type or id is refused: the call fails with -E_PROTO and the client is broken: all later calls fail too.
 * A path is absolute, or relative to the domain's own home. Paths are at most XS_PATH_MAX bytes.
 */
#ifndef MORGANA_XENSTORE_H
#define MORGANA_XENSTORE_H

#include <morgana/cstruct.h>
#include <morgana/err.h>
#include <morgana/evtchn.h>

#define XS_PATH_MAX 256u
#define XS_TXN_NONE 0u
#define XS_WATCHES_MAX 32u

typedef uint32_t xs_txn_t;

struct xs_conf {
    void *ring;           /* struct xenstore_domain_interface; Kept */
    struct evtchn *ev;    /* Kept */
    evtchn_port_t port;
    uint64_t timeout_ns;  /* per request; 0: 5 s */
};

/* A watch: caller's storage, linked while registered. */
struct xs_watch {
    char path[XS_PATH_MAX];
    uint32_t fired;   /* how often it fired, modulo 2^32; registering fires it once */
    uint32_t token;   /* set by xs_watch */
    struct xs_watch *next;
};

struct xs_stats {
    uint64_t requests, replies, events, events_unknown, eagain, timeouts, malformed;
};

/* State; treat as opaque. */
struct xs {
    struct xs_conf conf;
    struct xs_watch *watches;
    struct xs_stats stats;
    uint32_t next_req_id, next_token;
    uint32_t broken; /* E_ code, 0 while good */
    uint8_t in[4096 + 16]; /* the message being received */
    uint32_t in_len;
};

int xs_init(struct xs *xs, const struct xs_conf *conf);
/* Removes every watch (RESET_WATCHES where xenstored has it) and lets go of the ring. */
void xs_fini(struct xs *xs);

/* Takes watch events that have come; bounded work. Call it in the main loop; cheap where nothing came. */
void xs_poll(struct xs *xs);

/* The value as a view into `out` (not NUL-terminated by xenstore; here a NUL is added after it where there is room). Returns its length, or
 * -E_NOENT, -E_ACCES, -E_NOSPC (out is too small) ... */
int xs_read(struct xs *xs, xs_txn_t txn, const char *path, struct cs out);
/* The value as a number in decimal; -E_INVAL where it is none or above max. */
int xs_read_u64(struct xs *xs, xs_txn_t txn, const char *path, uint64_t max, uint64_t *value);
int xs_write(struct xs *xs, xs_txn_t txn, const char *path, struct cs_ro value);
int xs_printf(struct xs *xs, xs_txn_t txn, const char *path, const char *format, ...) PRINTF_LIKE(4, 5);
int xs_mkdir(struct xs *xs, xs_txn_t txn, const char *path);
int xs_rm(struct xs *xs, xs_txn_t txn, const char *path);
/* Names of the children, each NUL-terminated, one after the other in `out`. Returns the bytes used. Long listings come by
 * DIRECTORY_PART, and are read anew where they changed meanwhile. */
int xs_directory(struct xs *xs, xs_txn_t txn, const char *path, struct cs out);
int xs_get_perms(struct xs *xs, xs_txn_t txn, const char *path, struct cs out);
int xs_set_perms(struct xs *xs, xs_txn_t txn, const char *path, const char *const *perms, unsigned n);
int xs_get_domain_path(struct xs *xs, uint16_t domid, struct cs out);
int xs_is_domain_introduced(struct xs *xs, uint16_t domid); /* 1, 0, or error */

int xs_watch(struct xs *xs, struct xs_watch *watch, const char *path); /* Keeps watch until xs_unwatch */
int xs_unwatch(struct xs *xs, struct xs_watch *watch);

int xs_txn_start(struct xs *xs, xs_txn_t *txn);
/* commit = false: abort. -E_AGAIN: someone else changed what was read; start anew. */
int xs_txn_end(struct xs *xs, xs_txn_t txn, bool commit);
/* Runs `body` inside a transaction, again while commit says EAGAIN, at most XS_TXN_TRIES times; a failure of body aborts. */
#define XS_TXN_TRIES 8u
int xs_txn_run(struct xs *xs, int (*body)(struct xs *xs, xs_txn_t txn, void *arg), void *arg);

#endif
