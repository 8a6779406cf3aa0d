/* SPDX-License-Identifier: ISC */
/* tx.pml - the transmit ring: netfront/netfront_tx.c and the loop, against Linux's netback (drivers/net/xen-netback/netback.c).
 *
 * The program has frames of one or two pages, for as long as it likes. A frame for which there is no room is refused; the program keeps
 * it and tries again whenever it is awake. A flush shows what was put, and may leave the event for it to the next, or to arm, which the program
 * calls before it sleeps. The backend answers when and in what order it likes, since what it sends on may be delayed.
 *
 * Proved: when all sleep, no frame waits, neither for room nor for pages, and all pages are back; under weak fairness each frame is sent. An id, and
 * a page, is in one hand.
 */
#ifndef AT_ONCE
#define TOLD_LATER          /* else an event goes out with each flush, as where there is one queue */
#endif
#include "event.pml"
#include "ring.pml"

#define PAGES SLOTS
#define NO_ID SLOTS

mtype hand[PAGES] = FREE;
byte tx_page[SLOTS];        /* netfront_tx.slot[id].page: the page's number + 1; 0: the id is free */
byte frame;                 /* of the program's: its pages, 0: none. It waits for pages, or was made and */
byte made[2];               /* waits for room in these (the page's number + 1) */
byte wanted;                /* netfront_tx.wanted */
bit taken[SLOTS];           /* by id: the backend has read the request and not answered it */

/* ---- the frontend ------------------------------------------------------------------------------------------------------------ */

#define first(state) (hand[0] == state -> 0 : (hand[1] == state -> 1 : \
                     (hand[2 % PAGES] == state -> 2 % PAGES : (hand[3 % PAGES] == state -> 3 % PAGES : PAGES))))
#define free_id() (tx_page[0] == 0 -> 0 : (tx_page[1] == 0 -> 1 : \
                  (tx_page[2 % SLOTS] == 0 -> 2 % SLOTS : (tx_page[3 % SLOTS] == 0 -> 3 % SLOTS : NO_ID))))
#if SLOTS > 2
#define free_count ((tx_page[0] == 0) + (tx_page[1] == 0) + (tx_page[2] == 0) + (tx_page[3] == 0))
#else
#define free_count ((tx_page[0] == 0) + (tx_page[1] == 0))
#endif

/* drain_some() of n responses that are there, each by drain_one(). */
inline drain_some(n)
{
    do
    :: d_step {
        n > 0 ->
        ring_next(id);
        assert(tx_page[id] != 0);               /* the id is in flight */
        page = tx_page[id] - 1;
        tx_page[id] = 0;                        /* slot_free */
        assert(hand[page] == POSTED);
        hand[page] = FREE;                      /* gnttab_end, page_put */
        n--;
        id = 0; page = 0
       }
    :: else -> break
    od
}

/* The program makes its frame, when there are pages for it. */
inline make_frame()
{
    do
    :: d_step {
        i < frame && made[i] == 0 && first(FREE) < PAGES ->
        page = first(FREE);
        hand[page] = HELD;
        made[i] = page + 1;
        page = 0; i++
       }
    :: i < frame && made[i] != 0 -> i++
    :: else -> i = 0; break
    od
}

/* put_slots(), all of them or none. */
inline put_slots()
{
    do
    :: d_step {
        i < frame ->
        id = free_id();                         /* slot_take: gnttab_grant */
        assert(id != NO_ID);
        page = made[i] - 1;
        assert(hand[page] == HELD);
        hand[page] = POSTED;
        made[i] = 0;
        tx_page[id] = page + 1;
        ring_put(id);
        id = 0; page = 0; i++
       }
    :: else -> i = 0; break
    od
}

#define is_made() (frame > 0 && made[frame - 1] != 0)

/* netfront_tx_ring_fill() of the frame. */
inline netfront_tx_ring_fill()
{
    if
    :: free_count < frame -> ring_responses(n); drain_some(n)
    :: else -> skip
    fi;
    if
    :: free_count < frame ->                    /* refuse() */
        if
        :: ring_in_flight() != 0 -> wanted = frame      /* -E_AGAIN */
        :: else -> assert(false)                        /* -E_NOMEM: nothing would ever make room */
        fi
    :: else -> put_slots(); frame = 0
    fi
}

/* netfront_tx_ring_arm(): up to its ring_final_check. `missing`: of which response the event is to tell; 0: there is work (n is 1), or nothing to wait for. */
inline arm_missing()
{
    if
    :: wanted != 0 && free_count >= wanted -> wanted = 0; n = 1
    :: !(wanted != 0 && free_count >= wanted) && ring_in_flight() == 0 ->
#ifndef FORGET_PAGES
        n = (wanted != 0 || came);              /* pages that came back in here: somebody may wait for them */
#else
        n = (wanted != 0);
#endif
        wanted = 0
    :: else ->
        missing = ring_in_flight();
        if
        :: wanted != 0 && wanted - free_count < missing / 2 -> missing = missing / 2
        :: wanted != 0 && wanted - free_count >= missing / 2 && wanted - free_count < missing -> missing = wanted - free_count
        :: else -> skip
        fi
    fi
}

/* netfront_tx_ring_show() and _tell(), of a flush: the event may wait for the next call, while it is owed for less than a ring of slots. */
inline netfront_tx_flush()
{
    if
    :: ring_push()
#ifdef TOLD_LATER
    :: atomic { req_told == req_pushed && req_told != req_prod && SUB(req_prod, req_told) < SLOTS -> ring_show() }
#endif
    fi
}

/* The same before sleep, and of netfront_tx_ring_arm(): what is owed goes out. */
inline arm_tell()
{
#ifndef PUT_OFF_ASLEEP
    ring_push()
#else
    ring_show()
#endif
}

/* netfront.c: netfront_rx, netfront_tx, netfront_tx_flush, netfront_arm; the program's loop of netdev.h. */
active proctype netfront()
{
    byte n, id, page, i, missing;
    bit came;

    do
    :: atomic {
           ring_responses(n);                   /* netfront_rx: netfront_tx_ring_drain */
           drain_some(n);
           if
           :: frame == 0 -> frame = 1
           :: frame == 0 -> frame = 2
           :: frame == 0 -> skip                /* nothing to send */
           :: else -> skip
           fi;
           make_frame();
           if
           :: is_made() -> netfront_tx_ring_fill()
           :: else -> skip
           fi
       };
       if
       :: netfront_tx_flush()                   /* busy: it polls again without arm */
       :: arm_tell();
          do
          :: atomic {
                arm_missing();
                if
                :: missing == 0 -> break
                :: else -> skip
                fi
             };
#ifdef NO_MB_ARM
             ring_responses(n);
             rsp_event = RSP_EVENT(missing);
             missing = 0;
             atomic {
                if
                :: n == 0 -> break
                :: else -> came = 1; drain_some(n)
                fi
             }
#else
             rsp_event = RSP_EVENT(missing);    /* ring_final_check(), whose answer drain_some takes */
             missing = 0;
#ifndef NO_RECHECK
             atomic {
                ring_responses(n);
                if
                :: n == 0 -> break
                :: else -> came = 1; drain_some(n)
                fi
             }
#else
             break
#endif
#endif
          od;
          came = 0;
          if
          :: n != 0 -> n = 0
          :: else -> plat_wait()
          fi
       fi
    od
}

/* ---- the backend ------------------------------------------------------------------------------------------------------------- */

/* Linux: xenvif_tx_build_gops takes requests, xenvif_tx_dealloc_action and make_tx_response answer; RING_FINAL_CHECK_FOR_REQUESTS. Two
 * threads, and what they share is under a lock: one process that does either. */
active proctype netback()
{
    byte id;
    bit asleep;

end:
    do
    :: d_step { !asleep && req_prod_shared != req_cons ->
                back_take(id); assert(tx_page[id] != 0 && hand[tx_page[id] - 1] == POSTED); taken[id] = 1; id = 0 }
    :: atomic { !asleep && req_prod_shared == req_cons -> req_event = ADD(req_cons, 1) };      /* and mb */
       asleep = (req_prod_shared == req_cons)
    :: d_step { asleep && back_event -> back_event = 0; asleep = 0 }
    :: d_step { taken[0] -> assert(hand[tx_page[0] - 1] == POSTED); taken[0] = 0; back_put(0) }
    :: d_step { taken[1] -> assert(hand[tx_page[1] - 1] == POSTED); taken[1] = 0; back_put(1) }
#if SLOTS > 2
    :: d_step { taken[2] -> assert(hand[tx_page[2] - 1] == POSTED); taken[2] = 0; back_put(2) }
    :: d_step { taken[3] -> assert(hand[tx_page[3] - 1] == POSTED); taken[3] = 0; back_put(3) }
#endif
    :: rsp_prod != rsp_pushed -> back_push()
    od
}

/* When nobody can move: did everybody sleep with reason? */
active proctype judge()
{
end:
    timeout ->
    assert(frame == 0);                         /* no frame waits for room, or for pages */
    assert(ring_at_rest && ring_in_flight() == 0)
}

ltl sent { [] (frame != 0 -> <> (frame == 0)) }
