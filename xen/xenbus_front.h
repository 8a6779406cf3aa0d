/* SPDX-License-Identifier: ISC */
/* xenbus_front.h - the life of a frontend: what every device does to agree with its backend.
 *
 * xenbus_action()'s table says what to do for each pair of states; here it is carried out, and what
 * differs between devices stands in an operations record. A state of ours that xenstore did not
 * take is owed: written again a pause later, and no other step is taken before.
 *
 * A domain that is restored, or has migrated, has other backends, and they know nothing of us: no
 * state, no ring, no grant. A device finds that out by itself, by gnttab_epoch, whatever state it
 * was in: it forgets the old backend without asking anything of it, and begins anew as after open;
 * unless a backend broke the protocol: then it stays closed.
 */
#ifndef XEN_XENBUS_FRONT_H
#define XEN_XENBUS_FRONT_H

#include <morgana/gnttab.h>
#include <morgana/xenbus.h>

#define XENBUS_FRONT_TIMEOUT_NS (10 * NS_PER_S) /* where a configuration has none */
#define XENBUS_FRONT_SAY_TRIES 4u               /* of writing a state of ours */
#define XENBUS_FRONT_SAY_PAUSE_NS NS_PER_S
/* Between looks for a lost backend, after timeout_ns doubled each time, up to the longest; and
 * before we begin anew after a failure of ours, doubled each time. */
#define XENBUS_FRONT_FIND_PAUSE_NS NS_PER_S
#define XENBUS_FRONT_FIND_PAUSE_MAX_NS (64 * NS_PER_S)

/* States of the backend in which it cannot be using our rings. */
#define XENBUS_FRONT_GONE                                                                          \
    (1u << XENBUS_UNKNOWN | 1u << XENBUS_INITIALISING | 1u << XENBUS_INIT_WAIT |                   \
     1u << XENBUS_CLOSED)

/* How near the end a backend is whose pages are to be taken back. */
enum xenbus_front_end {
    XENBUS_FRONT_LEAVING,   /* we said Closing: it may be using what it was given */
    XENBUS_FRONT_LEFT,      /* we said Closed: an honest one uses it until it is gone, too */
    XENBUS_FRONT_UNSEEN,    /* it never saw what it was to be given */
    XENBUS_FRONT_REOPENING, /* it waits for a frontend: what is not taken now, the next may meet */
    XENBUS_FRONT_CLOSING    /* the device is being closed for good */
};

struct xenbus_front;

/* What differs between devices. Each is called inside follow, open or close. */
struct xenbus_front_ops {
    const char *driver; /* "netfront": of log lines */
    /* Our state when our keys are written: XENBUS_INITIALISED, or XENBUS_CONNECTED where the
     * protocol has nothing more to say. */
    unsigned published;
    /* A Connected backend that is paused (Reconfiguring) may stand still for as long as it likes:
     * is it left then? Else the device is only down meanwhile. */
    bool leaves_paused;
    /* Reads what the toolstack says of the device; again in each restored domain. */
    int (*read_conf)(struct xenbus_front *f);
    /* Reads what the backend offers, makes rings, writes their keys. -E_PROTO: not to be tried
     * again before there is another backend, in a restored domain. */
    int (*publish)(struct xenbus_front *f);
    /* The backend is Connected, we are about to be. NULL: nothing. */
    int (*connect)(struct xenbus_front *f);
    /* Both are Connected: *f->up becomes true here, where there are rings. */
    void (*up)(struct xenbus_front *f);
    /* We are about to say Closing. NULL: nothing. */
    void (*leave)(struct xenbus_front *f);
    /* Takes back what the backend lets go: to be called again. */
    void (*take_back)(struct xenbus_front *f, enum xenbus_front_end end);
    /* The domain was restored: no port is ours any more (another device's may have its number, so
     * it is not closed), and nobody uses our pages: every grant can be ended, quarantined ones too.
     * Nothing is shared afterwards. */
    void (*forget)(struct xenbus_front *f);
    /* Does it hold anything of ours? */
    bool (*shares)(const struct xenbus_front *f);
    /* Its XenbusState is none: calls xenbus_front_break. */
    void (*refuse)(struct xenbus_front *f);
};

/* Part of the driver's own record; zero but for ops, gt, up and timeout_ns, then open. */
struct xenbus_front {
    const struct xenbus_front_ops *ops;
    struct xenbus_dev xb;
    const struct gnttab *gt;
    uint32_t epoch;      /* of gt: in which everything was shared */
    bool lost;           /* since then: the backend's keys are to be read anew */
    int find_error;      /* ... why they could not be, negative: it is in the log; 0: no look yet */
    uint64_t find_at_ns; /* ... when, by plat_now_ns */
    uint64_t find_pause_ns; /* ... and how long after that, where it is in vain */
    uint64_t find_soon_ns;  /* ... until when that stays the same: timeout_ns of the new domain */
    bool *up;               /* the device's link_up, or online: false before any of ops is called */
    bool announced;         /* *up as news last saw it */
    bool attention; /* follow has something to do, though the backend's state did not change */
    bool asked;     /* xenstore, since news last looked: others' events may have come meanwhile */
    bool shut; /* not to be opened again by itself: broken, closing, or its backend will not do */
    bool closing; /* by the program: for good */
    bool anew;    /* we left for a reason that has passed, or may: the next first word is ours */
    bool broken;  /* the backend broke the protocol */
    bool opened;  /* open gave the device: what fails now, may be tried again */
    uint8_t owed; /* state of ours that could not be written yet; XENBUS_UNKNOWN: none */
    uint8_t owed_tries;     /* of writing it */
    uint64_t owed_at_ns;    /* the next of them, by plat_now_ns */
    uint64_t anew_at_ns;    /* that word not before, by plat_now_ns */
    uint64_t anew_pause_ns; /* and the next time so long after a failure; 0: a pause */
    uint64_t timeout_ns;    /* for the backend to connect, and to let go */
    int error;              /* why opening failed, negative; 0 */
};

/* Opens the device whose directory is "device/<kind>/<index>", and waits until it is up. Keeps f,
 * what it points at, and xs until close; Lends kind. Errors of xenbus_open and of the operations;
 * -E_TIMEDOUT; -E_PROTO: the backend broke the protocol. Then nothing is left open. */
int xenbus_front_open(struct xenbus_front *f, struct xs *xs, const char *kind, unsigned index);
/* Closing, waits (bounded) for the backend, Closed, waits again; takes everything back. */
void xenbus_front_close(struct xenbus_front *f);

/* Sees whether the domain was restored, or the backend's state changed, and does what the table
 * says. Cheap where nothing came. */
void xenbus_front_follow(struct xenbus_front *f);
/* Before the program sleeps: is there something that it should look at again? */
bool xenbus_front_news(struct xenbus_front *f);
/* The backend broke the protocol: down; the next follow closes the device. False: it is being
 * closed already. */
bool xenbus_front_break(struct xenbus_front *f);

#endif
