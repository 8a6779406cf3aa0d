/* SPDX-License-Identifier: ISC */
/* xenstore.h - a client of xenstored (Xen's public/io/xs_wire.h, docs/misc/xenstore.txt).
 *
 * Calls block until the reply or the deadline (conf.timeout_ns): they wait by plat_wait, so events
 * go on being marked. A reply that is oversize, short, of the wrong type or id is refused: the call
 * fails with -E_PROTO and the client is broken: all later calls fail too. -E_TIMEDOUT leaves it
 * usable: a reply that comes late is known by its id and dropped. (Not where the request itself
 * could not be written whole: then it is broken.)
 *
 * A path is absolute, or relative to the domain's own home; 1 to XS_PATH_MAX - 1 bytes, else
 * -E_INVAL. Every call can fail with xenstored's error (-E_NOENT, -E_ACCES, ...; -E_IO for one that
 * err.h has no code for), -E_TIMEDOUT, -E_PROTO, and -E_2BIG where a request is above
 * XENSTORE_PAYLOAD_MAX.
 *
 * Each call Lends what it is given to read or to fill: paths, values, formats, words, `out`. What
 * is Kept is said.
 */
#ifndef MORGANA_XENSTORE_H
#define MORGANA_XENSTORE_H

#include <stdarg.h>

#include <morgana/cstruct.h>
#include <morgana/err.h>
#include <morgana/evtchn.h>

#define XS_PATH_MAX 256u
#define XS_TXN_NONE 0u
#define XS_WATCHES_MAX 32u

typedef uint32_t xs_txn_t;

struct xs_conf {
    void *ring;        /* struct xenstore_domain_interface; Kept */
    struct evtchn *ev; /* Kept */
    evtchn_port_t port;
    uint64_t timeout_ns; /* per request; 0: 5 s */
};

/* A watch: caller's storage, linked while registered. */
struct xs_watch {
    char path[XS_PATH_MAX];
    uint32_t fired; /* how often it fired, modulo 2^32; registering fires it once */
    uint32_t token; /* set by xs_watch; unique */
    bool missing;   /* xenstored has not registered it since the restore */
    struct xs_watch *next;
};

struct xs_stats {
    uint64_t requests, replies;
    uint64_t events;         /* of watches that were registered */
    uint64_t events_unknown; /* of tokens that were not, or no more */
    uint64_t eagain;         /* transactions that someone else's change undid */
    uint64_t timeouts;
    uint64_t late;      /* replies that came after their deadline */
    uint64_t malformed; /* what xenstored sent, and was refused */
};

#define XS_LATE_MAX 4u

/* State; treat as opaque. */
struct xs {
    struct xs_conf conf;
    struct xs_watch *watches;
    uint32_t watch_count;
    struct xs_stats stats;
    uint32_t next_req_id, next_token;
    uint32_t requests_now; /* in flight: one, or one more while it is given up for a resume */
    uint32_t resumes;
    uint64_t watch_ns; /* when watches that are missing are asked for again; 0: none is */
    int broken;        /* negative E_ code, 0 while good */
    /* our two indices of the ring: what is in shared memory is for the other side */
    uint32_t req_prod, rsp_cons;
    uint32_t late[XS_LATE_MAX]; /* ids whose replies nobody waits for any more */
    uint32_t late_count;
    xs_txn_t strays[XS_LATE_MAX]; /* transactions that began too late: to be ended */
    uint32_t stray_count;
    struct xs_watch stray_watches[XS_LATE_MAX]; /* may be registered, and nobody's: to be removed */
    uint32_t stray_watch_count;
    uint32_t in_len; /* bytes of the message being received */
    uint8_t in[16 + 4096 + 1];
};

/* Starts a client on a ring that is quiet: what stands in it unread is thrown away. -E_INVAL for
 * conf. Makes no request. */
int xs_init(struct xs *xs, const struct xs_conf *conf);
/* Removes every watch (RESET_WATCHES where xenstored has it) and lets go of the ring. */
void xs_fini(struct xs *xs);

/* After a restore or a migration: goes on with the new domain's ring (Kept) and port; what was
 * broken or given up is forgotten. A request in flight ends with -E_AGAIN. Registers every watch
 * again, so that each fires once. As xs_init, and the first error of a watch: the others are
 * registered all the same, or, where xenstored is silent, no more is asked of it for now; what is
 * missing is asked for again by xs_poll, a pause later. */
int xs_resume(struct xs *xs, void *ring, evtchn_port_t port);
/* Is a request in flight? Then this is called from within it: from plat_wait. */
static inline bool xs_in_request(const struct xs *xs)
{
    return xs->requests_now != 0;
}

/* Takes watch events that have come; bounded work. Call it in the main loop; cheap where nothing
 * came. Makes requests only for watches that are missing since a restore, to end transactions that
 * began after their deadline, and to remove watches that were registered after it. */
void xs_poll(struct xs *xs);

/* For what xenstored did not answer and is asked again: XS_RETRY_NS after that, and not while one
 * more request that is not answered would break the client. */
#define XS_RETRY_NS NS_PER_S
static inline bool xs_may_retry(const struct xs *xs, uint64_t at_ns, uint64_t now_ns)
{
    return now_ns >= at_ns && xs->late_count < XS_LATE_MAX;
}

/* Has xenstored not answered, so that it is to be asked again? */
static inline bool xs_no_answer(int err)
{
    return err == -E_TIMEDOUT || err == -E_AGAIN;
}

/* 0 while the client works, else the code that all calls fail with. */
static inline int xs_broken(const struct xs *xs)
{
    return xs->broken;
}

/* The value, copied to `out` (not NUL-terminated by xenstore; here a NUL is added after it where
 * there is room). Returns its length, or -E_NOENT, -E_ACCES, -E_NOSPC (out is too small) ... */
int xs_read(struct xs *xs, xs_txn_t txn, const char *path, struct cs out);
/* The value as a number in decimal; -E_INVAL where it is none or above max. */
int xs_read_u64(struct xs *xs, xs_txn_t txn, const char *path, uint64_t max, uint64_t *value);
/* 0 or negative. Parents that are missing are made. */
int xs_write(struct xs *xs, xs_txn_t txn, const char *path, struct cs_ro value);
/* xs_write of a text. -E_2BIG where it has XS_PRINTF_MAX bytes or more. */
#define XS_PRINTF_MAX 512u
int xs_printf(struct xs *xs, xs_txn_t txn, const char *path, const char *format, ...)
    PRINTF_LIKE(4, 5);
int xs_vprintf(struct xs *xs, xs_txn_t txn, const char *path, const char *format, va_list args)
    PRINTF_LIKE(4, 0);
/* An empty node, where there is none. */
int xs_mkdir(struct xs *xs, xs_txn_t txn, const char *path);
/* The node and all below it. */
int xs_rm(struct xs *xs, xs_txn_t txn, const char *path);
/* Names of the children, each NUL-terminated, one after the other in `out`. Returns the bytes used.
 * Long listings come by DIRECTORY_PART, and are read anew where they changed meanwhile: -E_AGAIN
 * after XS_DIRECTORY_TRIES changes, -E_2BIG where xenstored has no DIRECTORY_PART. */
#define XS_DIRECTORY_TRIES 8u
int xs_directory(struct xs *xs, xs_txn_t txn, const char *path, struct cs out);
/* Permissions as xenstore's words ("n0", "r5"; docs/misc/xenstore.txt), each NUL-terminated. Bytes
 * used. */
int xs_get_perms(struct xs *xs, xs_txn_t txn, const char *path, struct cs out);
/* Sets them, the owner's first: 1 to 16 words, else -E_INVAL. 0 or negative. */
int xs_set_perms(struct xs *xs, xs_txn_t txn, const char *path, const char *const *perms,
                 unsigned n);
/* "/local/domain/<domid>"; as xs_read. */
int xs_get_domain_path(struct xs *xs, uint16_t domid, struct cs out);
/* 1 or 0; -E_ACCES where xenstored tells it to privileged domains only (Xen 4.17's does). */
int xs_is_domain_introduced(struct xs *xs, uint16_t domid);

/* Keeps watch until xs_unwatch or xs_fini; path is Lent. -E_NOSPC above XS_WATCHES_MAX. After any
 * error it is the caller's again: where xenstored registers it after the deadline, xs_poll removes
 * it once no late reply is missing. Where one never comes, up to XS_LATE_MAX such watches stay;
 * while there are so many, one is removed before another is asked for. */
int xs_watch(struct xs *xs, struct xs_watch *watch, const char *path);
/* The watch is the caller's again, whatever is returned. */
int xs_unwatch(struct xs *xs, struct xs_watch *watch);

/* Gives a transaction, to be ended. */
int xs_txn_start(struct xs *xs, xs_txn_t *txn);
/* commit = false: abort. -E_AGAIN: someone else changed what was read; start anew. */
int xs_txn_end(struct xs *xs, xs_txn_t txn, bool commit);
/* Runs `body` inside a transaction, again while commit says EAGAIN, at most XS_TXN_TRIES times; a
 * failure of body aborts. */
#define XS_TXN_TRIES 8u
int xs_txn_run(struct xs *xs, int (*body)(struct xs *xs, xs_txn_t txn, void *arg), void *arg);

#endif
