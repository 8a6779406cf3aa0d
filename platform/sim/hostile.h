/* SPDX-License-Identifier: ISC */
/* hostile.h - a netback that lies: by the simulation's seed it draws from every wrong thing a
 * backend can do.
 *
 *     sim_hostile_begin(0);
 *     for (...) {
 *         what = sim_hostile_step(0, 14, &told); one wrong thing; sim_hostile_name(what) says it
 *         ... the guest runs, and domain 0 does its usual work ...
 *     }
 *     sim_hostile_heal(0);                a good backend again: all pages let go, all keys new
 *
 * Between two lies the usual netback goes on with the vif, as far as it can, so a lie meets a
 * connection with traffic. What the guest does in answer to lies is not held against it, but for
 * one thing: grants. A page that it takes back by force while the backend maps it is a fault as
 * ever. Lies may be told in the handshake as well: sim_hostile_greet.
 *
 * tests/netfront/hostile.h lies too, to netfront alone, and sees into the driver as it does so.
 * This one knows of no driver: it lies to whole guests, of several queues and with a control ring.
 */
#ifndef PLATFORM_SIM_HOSTILE_H
#define PLATFORM_SIM_HOSTILE_H

#include "sim.h"

#define SIM_KEPT_MAX 48u /* pages it maps for no good reason */

#define SIM_HOSTILE_KINDS(K)                                                                       \
    /* transmit responses */                                                                       \
    K(TX_UNKNOWN_ID)  /* an id that is not in flight */                                            \
    K(TX_TWICE)       /* the same response again */                                                \
    K(TX_UNASKED)     /* for an id in flight that was not taken yet */                             \
    K(TX_STATUS)      /* a status that is none */                                                  \
    K(TX_ERROR)       /* an honest error */                                                        \
    K(TX_NULL)        /* for a frame's slot what only extra info gets, again and again */          \
    K(TX_OTHER_QUEUE) /* in another ring than the request's */                                     \
    K(TX_MAPPED)      /* the page stays mapped */                                                  \
    K(TX_AHEAD)       /* the index runs ahead */                                                   \
    K(TX_BACK)        /* ... goes back */                                                          \
    K(TX_SWALLOW)     /* requests are never answered */                                            \
    /* receive responses */                                                                        \
    K(RX_UNKNOWN_ID)                                                                               \
    K(RX_RANGE)       /* offset and length past the page */                                        \
    K(RX_STATUS)      /* a negative status */                                                      \
    K(RX_ENDLESS)     /* more_data without end */                                                  \
    K(RX_FLAGS)       /* every flag */                                                             \
    K(RX_OTHER_QUEUE) /* in another ring than the request's */                                     \
    K(RX_AHEAD)                                                                                    \
    K(RX_BACK)                                                                                     \
    K(RX_NOISE) /* frames of random bytes and random checksum state */                             \
    K(RX_EMPTY) /* responses of length 0 */                                                        \
    /* extra info in receive responses */                                                          \
    K(EXTRA_NOISE)   /* random slots of it */                                                      \
    K(EXTRA_ENDLESS) /* each says that one more comes */                                           \
    K(EXTRA_TYPE)    /* of no known type, or of one that only a guest sends */                     \
    K(EXTRA_TWICE)   /* the same type again */                                                     \
    K(EXTRA_HALF)    /* its slot is never published; the index stands still */                     \
    K(EXTRA_LATE)    /* after the second slot */                                                   \
    K(EXTRA_HASH)    /* a hash that nobody asked for */                                            \
    /* super-segments */                                                                           \
    K(GSO_ZERO)   /* of segments of no size */                                                     \
    K(GSO_TYPE)   /* of TCP over IPv6, of none, of an unknown type */                              \
    K(GSO_CSUM)   /* whose checksum is said to be complete */                                      \
    K(GSO_FRAME)  /* that is no TCP: another protocol, a fragment, noise, too short */             \
    K(GSO_SIZE)   /* of one byte a segment; of more than the frame has */                          \
    K(GSO_PREFIX) /* the flag of a dead way to say it */                                           \
    /* the control ring */                                                                         \
    K(CTRL_ANSWER) /* the next answer: of another request, of any status, none, ... */             \
    K(CTRL_INDEX)  /* the index moves by any number */                                             \
    K(CTRL_NOISE)  /* the whole page becomes random bytes */                                       \
    /* shared memory */                                                                            \
    K(RING_REWRITE)  /* slots that were published already change */                                \
    K(RING_EVENTS)   /* req_event and rsp_event */                                                 \
    K(RING_PRODUCER) /* the guest's own producer index changes */                                  \
    K(RING_NOISE)    /* the whole page becomes random bytes */                                     \
    K(PAGE_SCRIBBLE) /* posted and mapped pages change at any time, for as long as it may */       \
    /* grants */                                                                                   \
    K(GRANT_KEEP)    /* maps pages and keeps them */                                               \
    K(GRANT_RELEASE) /* lets some go, late */                                                      \
    /* events, of any queue and direction */                                                       \
    K(EVENT_STORM)                                                                                 \
    K(EVENT_STRANGE) /* on ports that are others', or nobody's */                                  \
    K(EVENT_LOST)    /* one that was due does not come */                                          \
    K(EVENT_CLOSED)  /* its end of the channel is closed */                                        \
    /* xenstore */                                                                                 \
    K(STATE_JUMP) /* any XenbusState, in any order */                                              \
    K(STATE_GARBAGE)                                                                               \
    K(KEY_MAC)                                                                                     \
    K(KEY_MTU)                                                                                     \
    K(KEY_FEATURE)                                                                                 \
    K(KEY_QUEUES)     /* multi-queue-max-queues */                                                 \
    K(KEY_QUEUE_DIRS) /* the frontend's own queue-N/ and ring keys */                              \
    K(KEY_BACKEND)    /* the frontend's `backend` and `backend-id` */                              \
    K(KEY_CARRIER)                                                                                 \
    K(DIRECTORY_GONE) /* the backend's directory vanishes */                                       \
    K(STUCK)          /* nothing is served any more */                                             \
    K(UNSTUCK)                                                                                     \
    K(RECONNECT) /* Closed, and back to InitWait, as after a restart of the driver domain */       \
    K(VANISH)    /* the rings are unmapped and the channels closed, without a word */

#define SIM_HOSTILE_CONST(name) SIM_HOSTILE_##name,
enum sim_hostile { SIM_HOSTILE_KINDS(SIM_HOSTILE_CONST) SIM_HOSTILE_COUNT };
const char *sim_hostile_name(enum sim_hostile what);

void sim_hostile_begin(unsigned index);
/* Does one thing drawn from the seed. In `calm` of 16 draws it is one that need not end the
 * connection. *told: as sim_hostile_act. */
enum sim_hostile sim_hostile_step(unsigned index, unsigned calm, bool *told);
/* Does this one. True: it was told (there was a connection, a request, ...). */
bool sim_hostile_act(unsigned index, enum sim_hostile what);
/* One that a frontend can know for a lie as soon as it looks. */
bool sim_hostile_plain(enum sim_hostile what);
/* From now on, up to `lies` keys of each handshake are nonsense; 0: none. */
void sim_hostile_greet(unsigned index, unsigned lies);
void sim_hostile_heal(unsigned index);
/* Before sim_suspend: what it kept goes with the domain. */
void sim_hostile_lose(void);

#endif
