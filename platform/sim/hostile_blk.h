/* SPDX-License-Identifier: ISC */
/* hostile_blk.h - a blkback that lies: as hostile.h, for block devices.
 *
 *     sim_hostile_blk_begin(0);
 *     for (...) {
 *         what = sim_hostile_blk_step(0, 14, &told); one wrong thing
 *         ... the guest runs, and domain 0 does its usual work ...
 *     }
 *     sim_hostile_blk_heal(0);            a good backend again: all pages let go, all keys new
 *
 * Lies may be told in the handshake as well: sim_hostile_blk_greet.
 */
#ifndef PLATFORM_SIM_HOSTILE_BLK_H
#define PLATFORM_SIM_HOSTILE_BLK_H

#include "sim.h"

#define SIM_HOSTILE_BLK_KINDS(K)                                                                   \
    /* responses */                                                                                \
    K(RSP_UNKNOWN_ID)  /* an id that is not in flight: any number */                               \
    K(RSP_NEAR_ID)     /* ... one that differs in a bit */                                         \
    K(RSP_TWICE)       /* the same response again */                                               \
    K(RSP_UNASKED)     /* to a request that was not taken yet, and will be */                      \
    K(RSP_OTHER_QUEUE) /* in another ring than the request's */                                    \
    K(RSP_OPERATION)   /* to another operation */                                                  \
    K(RSP_STATUS)      /* a status that is none */                                                 \
    K(RSP_ERROR)       /* an honest error */                                                       \
    K(RSP_UNSUPPORTED) /* EOPNOTSUPP */                                                            \
    K(RSP_IDLE)        /* success, and nothing was done */                                         \
    K(RSP_MAPPED)      /* success, and the pages stay mapped */                                    \
    K(RSP_AHEAD)       /* the index runs ahead */                                                  \
    K(RSP_BACK)        /* ... goes back */                                                         \
    K(RSP_SWALLOW)     /* requests are never answered */                                           \
    /* shared memory */                                                                            \
    K(RING_REWRITE)  /* slots that were published already change */                                \
    K(RING_EVENTS)   /* req_event and rsp_event */                                                 \
    K(RING_PRODUCER) /* the guest's own producer index changes */                                  \
    K(RING_NOISE)    /* a whole page becomes random bytes */                                       \
    K(PAGE_SCRIBBLE) /* pages of reads, and mapped ones, change at any time */                     \
    /* grants */                                                                                   \
    K(GRANT_KEEP)    /* maps pages of requests, of lists and of rings, and keeps them */           \
    K(GRANT_RELEASE) /* lets some go, late */                                                      \
    K(GRANT_TRIM)    /* lets persistent grants go */                                               \
    /* events */                                                                                   \
    K(EVENT_STORM)                                                                                 \
    K(EVENT_STRANGE) /* on ports that are others', or nobody's */                                  \
    K(EVENT_LOST)    /* one that was due does not come */                                          \
    K(EVENT_CLOSED)  /* its end of the channel is closed */                                        \
    /* xenstore */                                                                                 \
    K(STATE_JUMP) /* any XenbusState, in any order */                                              \
    K(STATE_GARBAGE)                                                                               \
    K(KEY_DEVICE)     /* sectors, sector-size, ...: nonsense, huge, missing */                     \
    K(KEY_LIMITS)     /* of rings, queues, segments */                                             \
    K(KEY_BACKEND)    /* the frontend's `backend` and `backend-id` */                              \
    K(DIRECTORY_GONE) /* the backend's directory vanishes */                                       \
    K(STUCK)          /* nothing is served any more */                                             \
    K(UNSTUCK)                                                                                     \
    K(LATE)      /* requests are taken, and none is answered; or again are */                      \
    K(RECONNECT) /* Closed, and back to InitWait, as after a restart of the driver domain */       \
    K(VANISH)    /* the rings are unmapped and the channel closed, without a word */

#define SIM_HOSTILE_BLK_CONST(name) SIM_HOSTILE_BLK_##name,
enum sim_hostile_blk { SIM_HOSTILE_BLK_KINDS(SIM_HOSTILE_BLK_CONST) SIM_HOSTILE_BLK_COUNT };
const char *sim_hostile_blk_name(enum sim_hostile_blk what);

void sim_hostile_blk_begin(unsigned index);
/* Does one thing drawn from the seed. In `calm` of 16 draws it is one that need not end the
 * connection. *told: as sim_hostile_blk_act. */
enum sim_hostile_blk sim_hostile_blk_step(unsigned index, unsigned calm, bool *told);
/* Does this one. True: it was told (there was a connection, a request, ...). */
bool sim_hostile_blk_act(unsigned index, enum sim_hostile_blk what);
/* One that a frontend can know for a lie as soon as it looks. */
bool sim_hostile_blk_plain(enum sim_hostile_blk what);
/* From now on, up to `lies` keys of each handshake are nonsense; 0: none. */
void sim_hostile_blk_greet(unsigned index, unsigned lies);
void sim_hostile_blk_heal(unsigned index);
/* Before sim_suspend: what it kept goes with the domain. */
void sim_hostile_blk_lose(void);

#endif
