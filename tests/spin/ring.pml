/* SPDX-License-Identifier: ISC */
/* ring.pml - a request/response ring between a frontend and a backend: xen/ring.h, step by step.
 *
 * What is small here is the numbers, not the protocol. Indices run freely modulo WRAP, which stands for 2^32, and start one before
 * they wrap; they are compared by difference only, as in the code. A model runs for ever, so it wraps every index against every other.
 *
 * Memory. Steps happen one at a time, in one order for all: what a barrier gives is written into the model. A store of an index and the mb() behind it
 * are one step, as this side does nothing between them; without the mb() the load behind it may come first, and that is what -DNO_MB_PUSH and
 * -DNO_MB_ARM let it do. A slot that was written is `late` until a wmb(), and to read a late slot is an error (-DNO_WMB). Loads are not
 * reordered: rmb() has nothing to do here.
 *
 * Pages. `hand` says whose a page is; every transition asserts the one before. A grant is in force exactly while a page is POSTED, and
 * the backend asserts that wherever it touches one.
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef WRAP
#define WRAP (2 * SLOTS)    /* a power of two, more than SLOTS + 1 */
#endif
#define START (WRAP - 1)
#define ADD(a, b) (((a) + (b)) % WRAP)
#define SUB(a, b) (((a) + WRAP - (b)) % WRAP)
#define AT(index) ((index) % SLOTS)

mtype = { NOTHING, REQUEST, RESPONSE, FREE, HELD, POSTED };

/* ---- shared memory: struct ring_shared and the slots ------------------------------------------------------------------------- */

byte req_prod_shared = START, req_event = ADD(START, 1), rsp_prod_shared = START, rsp_event = ADD(START, 1);
mtype slot[SLOTS] = NOTHING;
byte slot_id[SLOTS];
bit late[SLOTS];

#if SLOTS > 2
#define wmb() late[0] = 0; late[1] = 0; late[2] = 0; late[3] = 0
#else
#define wmb() late[0] = 0; late[1] = 0
#endif

/* ---- the frontend: struct ring, and xen/ring.h ------------------------------------------------------------------------------- */

byte req_prod = START, req_pushed = START, rsp_cons = START;
#ifdef TOLD_LATER
byte req_told = START;      /* a model in which slots may be shown, and their event sent later */
#else
#define req_told req_pushed
#endif

#define ring_in_flight() SUB(req_prod, rsp_cons)

/* ring_request() and ring_commit(), in one step: nothing of it is shown yet. */
inline ring_put(id)
{
    assert(ring_in_flight() < SLOTS);
    assert(slot[AT(req_prod)] != REQUEST);      /* not one that the backend has not read */
    slot[AT(req_prod)] = REQUEST;
    slot_id[AT(req_prod)] = id;
    late[AT(req_prod)] = 1;
    req_prod = ADD(req_prod, 1)
}

/* Does the other side want an event for what is shown now? */
#define wants_event(is, was, event) (SUB(is, event) < SUB(is, was))

#ifndef NO_WMB
#define WMB() wmb()
#else
#define WMB() skip
#endif

/* ring_show() alone: the event that the backend may want is owed. */
inline ring_show()
{
    d_step { WMB();                             /* stores of requests before the store of req_prod */
             req_prod_shared = req_prod; req_pushed = req_prod }
}

#define told() req_pushed = req_prod; req_told = req_prod

/* ring_push(), and the event that it asks for: netfront_rx_ring_push, blkfront_rings_push; netfront_tx_ring_show and _tell. With what was shown
 * before, if that is owed one. */
inline ring_push()
{
    if
    :: req_told == req_prod -> skip
#ifdef NOTIFY_FIRST
    :: atomic { req_told != req_prod && wants_event(req_prod, req_told, req_event) -> evtchn_send() };
       d_step { WMB(); req_prod_shared = req_prod; told() }
    :: d_step { req_told != req_prod && !wants_event(req_prod, req_told, req_event) ->
                WMB(); req_prod_shared = req_prod; told() }
#elif defined(NO_MB_PUSH)
    :: atomic { req_told != req_prod && wants_event(req_prod, req_told, req_event) -> skip };
       d_step { WMB(); req_prod_shared = req_prod; told() };
       evtchn_send()
    :: atomic { req_told != req_prod && !wants_event(req_prod, req_told, req_event) -> skip };
       d_step { WMB(); req_prod_shared = req_prod; told() }
#else
    :: d_step { req_told != req_prod ->
                WMB();
                req_prod_shared = req_prod };   /* and mb: this store before the load of req_event */
       if
       :: d_step { wants_event(req_prod, req_told, req_event) -> told() };
          evtchn_send()
       :: d_step { !wants_event(req_prod, req_told, req_event) -> told() }
       fi
#endif
    fi
}

/* ring_responses(): how many there are. A backend that keeps to the protocol is never refused. */
inline ring_responses(n)
{
    d_step { n = SUB(rsp_prod_shared, rsp_cons);
             assert(n <= SUB(req_pushed, rsp_cons)) }   /* -E_PROTO */
}

/* ring_next(), and the copy of the slot. To be used in a d_step. */
inline ring_next(id)
{
    assert(rsp_cons != req_pushed);
    assert(slot[AT(rsp_cons)] == RESPONSE && !late[AT(rsp_cons)]);
    id = slot_id[AT(rsp_cons)];
    slot[AT(rsp_cons)] = NOTHING;
    slot_id[AT(rsp_cons)] = 0;
    rsp_cons = ADD(rsp_cons, 1)
}

#ifdef EVENT_PAST
#define RSP_EVENT(after) ADD(rsp_cons, (after) + WRAP - 1)  /* one that has come */
#elif defined(EVENT_FAR)
#define RSP_EVENT(after) ADD(rsp_cons, (after) + 1)         /* one more than was asked for */
#else
#define RSP_EVENT(after) ADD(rsp_cons, after)
#endif

/* ring_final_check(): asks for an event, then looks again. */
inline ring_final_check(after, n)
{
#ifdef NO_MB_ARM
    ring_responses(n);
    rsp_event = RSP_EVENT(after)
#else
    rsp_event = RSP_EVENT(after);               /* and mb: this store before the load of rsp_prod */
#ifdef NO_RECHECK
    n = 0
#else
    ring_responses(n)
#endif
#endif
}

/* ---- the backend: io/ring.h's macros, as Linux's netback and blkback use them ------------------------------------------------- */

byte req_cons = START, rsp_prod = START, rsp_pushed = START;

#define back_unread(prod) SUB(prod, req_cons)

/* RING_COPY_REQUEST(): in a d_step. */
inline back_take(id)
{
    assert(slot[AT(req_cons)] == REQUEST && !late[AT(req_cons)]);
    id = slot_id[AT(req_cons)];
    slot[AT(req_cons)] = NOTHING;
    slot_id[AT(req_cons)] = 0;
    req_cons = ADD(req_cons, 1)
}

/* RING_GET_RESPONSE() and rsp_prod_pvt++: in a d_step. */
inline back_put(id)
{
    assert(rsp_prod != req_cons);               /* no response without a request */
    assert(slot[AT(rsp_prod)] == NOTHING);      /* nor over a request, or a response that was not taken */
    slot[AT(rsp_prod)] = RESPONSE;
    slot_id[AT(rsp_prod)] = id;
    late[AT(rsp_prod)] = 1;
    rsp_prod = ADD(rsp_prod, 1)
}

/* RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(), and the event. */
inline back_push()
{
    d_step { wmb(); rsp_prod_shared = rsp_prod };       /* and mb */
    if
    :: d_step { wants_event(rsp_prod, rsp_pushed, rsp_event) -> rsp_pushed = rsp_prod };
       xen_evtchn_send()
    :: d_step { !wants_event(rsp_prod, rsp_pushed, rsp_event) -> rsp_pushed = rsp_prod }
    fi
}

/* Everything that was put has been taken: what a ring looks like when both sleep well. */
#define ring_at_rest (rsp_prod == rsp_pushed && rsp_prod_shared == rsp_pushed && rsp_cons == rsp_prod && \
                      req_pushed == req_prod && req_prod_shared == req_pushed)
