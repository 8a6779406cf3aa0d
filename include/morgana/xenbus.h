/* SPDX-License-Identifier: ISC */
/* xenbus.h - how a frontend and its backend agree, through keys in xenstore (Xen's
 * public/io/xenbus.h).
 *
 * Each side has a directory and writes its `state` there. What a frontend does for every pair of
 * states is one table: xenbus_action(ours, theirs). The frontend's own code only carries actions
 * out.
 *
 * Each call Lends the strings and buffers that it is given: paths, keys, formats, `indices`, `out`.
 */
#ifndef MORGANA_XENBUS_H
#define MORGANA_XENBUS_H

#include <morgana/xenstore.h>

/* XenbusState of public/io/xenbus.h, by the same numbers. */
enum {
    XENBUS_UNKNOWN,
    XENBUS_INITIALISING,
    XENBUS_INIT_WAIT,
    XENBUS_INITIALISED,
    XENBUS_CONNECTED,
    XENBUS_CLOSING,
    XENBUS_CLOSED,
    XENBUS_RECONFIGURING,
    XENBUS_RECONFIGURED,
    XENBUS_STATES,
    /* What the other side wrote is none of these. */
    XENBUS_INVALID = XENBUS_STATES
};

/* "Initialising", ..., as Xen's header names them; "invalid" for what is none. */
const char *xenbus_state_name(unsigned state);

enum xenbus_action {
    XENBUS_WAIT,    /* nothing to do before the other side moves; no traffic */
    XENBUS_PUBLISH, /* the backend waits for our keys: write them, then go Initialised (or
                       Connected, where the protocol says so) */
    XENBUS_CONNECT, /* the backend is ready: go Connected; traffic may begin */
    XENBUS_RUN,     /* both are Connected: traffic */
    XENBUS_CLOSE,   /* the backend leaves or is gone: stop traffic, go Closing */
    XENBUS_FINISH,  /* it has seen our Closing: go Closed */
    XENBUS_REOPEN,  /* both were closed and the backend is waiting for a new frontend */
    XENBUS_REFUSE,  /* it wrote nonsense: count it, then as XENBUS_CLOSE */
    XENBUS_ACTIONS
};

/* "wait", "publish", ... */
const char *xenbus_action_name(enum xenbus_action action);

/* What a frontend in state `ours` does when the backend is in `theirs`. Any number is allowed for
 * `theirs`: above XENBUS_RECONFIGURED it is XENBUS_INVALID. `ours` is our own: 0 ..
 * XENBUS_RECONFIGURED. */
enum xenbus_action xenbus_action(unsigned ours, unsigned theirs);

/* Lists the numbers of device/<kind>/<number>, ascending, the first `max`: how many, 0 where there
 * is no such directory; or xenstore's error. `kind`: "vif", "vbd", ... */
int xenbus_list(struct xs *xs, const char *kind, uint32_t *indices, unsigned max);

/* One frontend device. */
struct xenbus_dev {
    struct xs *xs;
    char path[XS_PATH_MAX];     /* our directory: "device/vif/0" */
    char otherend[XS_PATH_MAX]; /* the backend's: "/local/domain/0/backend/vif/5/0" */
    uint16_t otherend_id;       /* its domain */
    unsigned state;             /* what we wrote last; XENBUS_UNKNOWN before */
    unsigned otherend_state;    /* as last read */
    struct xs_watch watch;      /* of the backend's state */
    bool watched;               /* it is registered */
    uint32_t seen;              /* watch.fired as of the last look */
    uint32_t look_tries;        /* looks in a row that failed, to be tried again; 0: none */
    uint64_t look_at_ns;        /* the next of them, by plat_now_ns */
};

/* Opens the device whose directory is `path` (Lends): reads `backend` and `backend-id` and watches
 * the backend's state. Keeps xs and dev until close. -E_NODEV where there is no such device;
 * -E_PROTO where its keys are nonsense; xenstore's errors. */
int xenbus_open(struct xenbus_dev *dev, struct xs *xs, const char *path);
/* The same once more for a device that was opened, in a domain that was restored: other keys, and
 * another backend. Our state is XENBUS_UNKNOWN again. On failure there is no watch: to be called
 * again before anything else but close. */
int xenbus_reopen(struct xenbus_dev *dev);
/* Removes the watch. Does not touch states. */
void xenbus_close(struct xenbus_dev *dev);

/* Writes our state; nothing where it is that already. */
int xenbus_switch_state(struct xenbus_dev *dev, xs_txn_t txn, unsigned state);

/* Takes watch events; where the backend's state may have changed, reads it into
 * dev->otherend_state. True: it was read anew and differs from before. A key that is missing or
 * hidden is XENBUS_UNKNOWN, one that is no number of a state XENBUS_INVALID. Where it could not be
 * read, for whatever other reason, the next call a pause later reads again; after XENBUS_LOOK_TRIES
 * the backend counts as gone, XENBUS_UNKNOWN. */
#define XENBUS_LOOK_TRIES 3u
#define XENBUS_LOOK_PAUSE_NS NS_PER_S
bool xenbus_poll(struct xenbus_dev *dev);
/* Reads it now, into dev->otherend_state. 0, or xenstore's errors but for -E_NOENT and -E_ACCES
 * (XENBUS_UNKNOWN). */
int xenbus_read_otherend(struct xenbus_dev *dev);
/* What the table says for the states as last read. */
static inline enum xenbus_action xenbus_next(const struct xenbus_dev *dev)
{
    return xenbus_action(dev->state, dev->otherend_state);
}

/* Waits until the backend's state is one of `states` (bits 1u << XENBUS_...), by plat_wait. 0;
 * -E_TIMEDOUT at the deadline, by plat_now_ns; -E_AGAIN where the domain was restored meanwhile;
 * xenstore's errors. */
int xenbus_wait_otherend(struct xenbus_dev *dev, unsigned states, uint64_t deadline_ns);

/* ---- keys: what fails is logged with the key's name ------------------------------------------ */

/* Writes a key of ours. -E_AGAIN is not logged. */
int xenbus_printf(struct xenbus_dev *dev, xs_txn_t txn, const char *key, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Removes a key of ours; 0 where it is not there. */
int xenbus_rm(struct xenbus_dev *dev, xs_txn_t txn, const char *key);
/* Reads a key of ours, as xs_read does. -E_NOENT is not logged. */
int xenbus_read(struct xenbus_dev *dev, xs_txn_t txn, const char *key, struct cs out);
/* Likewise of the backend's. */
int xenbus_otherend_read(struct xenbus_dev *dev, xs_txn_t txn, const char *key, struct cs out);
/* A number of ours; where the key is missing, or no number from `min` to `max` (logged),
 * `otherwise`. 0, or the error where xenstore does not answer (xs_no_answer): then *value is
 * untouched. */
int xenbus_u64(struct xenbus_dev *dev, const char *key, uint64_t min, uint64_t max,
               uint64_t otherwise, uint64_t *value);
/* A number of the backend's, at most `max`; where the key is missing, `otherwise`. 0, or -E_INVAL
 * or xenstore's error: then *value is untouched. */
int xenbus_otherend_u64(struct xenbus_dev *dev, xs_txn_t txn, const char *key, uint64_t max,
                        uint64_t otherwise, uint64_t *value);

#endif
