/* SPDX-License-Identifier: ISC */
/* rx.pml - the receive ring: netfront/netfront_rx.c and the loop, against Linux's netback (drivers/net/xen-netback/rx.c).
 *
 * Frames of one or two slots come from the network for as long as it likes, and stop when it likes. The program may sleep with a page
 * in its hands; the rest of its pages it has put back by then.
 *
 * Proved: whenever all sleep, every frame that came was delivered, and the ring holds all the pages there are for it; under weak fairness each
 * frame is delivered. A page is in one hand.
 */
#include "event.pml"
#include "ring.pml"

#ifndef KEEP
#define KEEP 1              /* pages that the program may hold while it sleeps */
#endif
#define PAGES (SLOTS + KEEP)
#ifndef RX_BATCH
#define RX_BATCH 2          /* NETFRONT_RX_BATCH: pages that must be missing before the ring is filled */
#endif

mtype hand[PAGES] = FREE;   /* of ids 0.. */
byte rx_page[SLOTS];        /* netfront_rx.page, by index in the ring: the page's number + 1; 0: none */
byte held;
byte offered;               /* a frame that came from the network: its slots; 0: none */

/* ---- the frontend ------------------------------------------------------------------------------------------------------------ */

#define first(state) (hand[0] == state -> 0 : (hand[1] == state -> 1 : (hand[2 % PAGES] == state -> 2 % PAGES : PAGES)))

inline netfront_rx_ring_fill()
{
    do
    :: d_step {
        ring_in_flight() < SLOTS && first(FREE) < PAGES ->
        page = first(FREE);                     /* post_page: page_get, gnttab_grant, page_post */
        hand[page] = POSTED;
        assert(rx_page[AT(req_prod)] == 0);
        rx_page[AT(req_prod)] = page + 1;
        ring_put(page);
        page = 0
       }
    :: else -> break
    od
}

/* Takes responses; leaves early where the caller has room for no more. */
inline netfront_rx_ring_drain(n)
{
    ring_responses(n);
    do
    :: d_step {
        n > 0 ->
        page = rx_page[AT(rsp_cons)] - 1;       /* unpost_page: gnttab_end, page_unpost */
        rx_page[AT(rsp_cons)] = 0;
        ring_next(id);
        assert(id == page);                     /* check(): the id is its slot's; no response overtakes another */
        assert(hand[page] == POSTED);
        hand[page] = HELD;
        held++;
        n--;
        id = 0; page = 0; got = 1
       }
    :: n > 0 && got -> n = 0; break             /* the caller's array is full: the rest at the next call */
    :: n == 0 -> break
    od;
    got = 0
}

/* The program puts pages back. */
inline consume()
{
    do
    :: d_step { held > 0 -> page = first(HELD); assert(hand[page] == HELD); hand[page] = FREE; held--; page = 0 }
    :: held <= KEEP -> break
    od
}

/* netfront.c: netfront_rx, netfront_arm; the program's loop of netdev.h. What no other process can see is one step. */
active proctype netfront()
{
    byte n, id, page;
    bit got;

    atomic { netfront_rx_ring_fill() };         /* netfront_queues_create */
    ring_push();
    evtchn_send();                              /* netfront_link_up */
    do
    :: atomic {
           netfront_rx_ring_drain(n);
           if                                   /* netfront_rx_ring_is_low */
           :: SLOTS - ring_in_flight() >= RX_BATCH -> netfront_rx_ring_fill()
           :: else -> skip
           fi
       };
took:  ring_push();
       if
       :: atomic { consume() }                  /* busy: it polls again without arm */
       :: atomic { consume(); netfront_rx_ring_fill() };       /* netfront_rx_ring_arm */
          ring_push();
          ring_final_check(1, n);
          if
          :: n != 0 -> n = 0
          :: else -> plat_wait()
          fi
       fi
    od
}

/* ---- the backend ------------------------------------------------------------------------------------------------------------- */

/* Linux: xenvif_kthread_guest_rx, xenvif_rx_action; xenvif_rx_ring_slots_available in the middle. */
active proctype netback()
{
    byte prod, id, i;

end_idle:
    do
    :: atomic { offered != 0 -> prod = req_prod_shared };
       if
       :: atomic {
            back_unread(prod) >= offered ->
            prod = 0;
            do
            :: d_step { i < offered ->
                        back_take(id); assert(hand[id] == POSTED); i++;        /* xenvif_rx_next_slot */
                        back_put(id); id = 0 }                                 /* GNTTABOP_copy, and the answer */
            :: else -> break
            od;
            i = 0;
            offered = 0
          };
          if
          :: back_push()
          :: offered != 0 -> skip               /* a batch: there is another frame */
          fi
       :: else ->
          if                                    /* the batch ends before it sleeps */
          :: rsp_prod != rsp_pushed -> back_push()
          :: else -> skip
          fi;
          req_event = ADD(prod, 1);             /* and mb */
          if
          :: d_step { req_prod_shared != prod -> prod = 0 }
          :: atomic { req_prod_shared == prod -> prod = 0 };
end_asleep:  d_step { back_event -> back_event = 0 }
          fi
       fi
    :: offered == 0 && rsp_prod != rsp_pushed -> back_push()
    od
}

/* The network: a frame, whenever there is room for one; until it stops. */
active proctype network()
{
    do
    :: offered == 0 -> offered = 1
#if SLOTS > 1
    :: offered == 0 -> offered = 2
#endif
    :: break
    od
}

/* When nobody can move: did everybody sleep with reason? */
active proctype judge()
{
end:
    timeout ->
    assert(offered == 0);                       /* no frame waits for a page of the ring's */
    assert(ring_at_rest);                       /* no frame waits in the ring */
    assert(ring_in_flight() == SLOTS || first(FREE) == PAGES)
}

ltl delivered { [] (offered != 0 -> <> (offered == 0)) }
ltl taken { [] (rsp_prod_shared != rsp_cons -> <> netfront@took) }
