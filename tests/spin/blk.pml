/* SPDX-License-Identifier: ISC */
/* blk.pml - a ring of the block device's: blkfront/blkfront_io.c, _ring.c, _rsp.c and the loop, against Linux's blkback.
 *
 * The program submits requests of one or two parts (ring requests; each with a page), for as long as it likes; there are IOS records for them. A part for
 * which the ring has no room waits in the queue. The backend answers when and in what order it likes, as the disk does. A ring of several pages is the
 * same ring with more slots.
 *
 * Proved: when all sleep, every request has ended, nothing waits, and a submit that was refused would be taken; a request ends once, when all its parts
 * are back; a response names a request that is in flight; a page is in one hand. Under weak fairness a refused submit is taken.
 */
#include "event.pml"
#include "ring.pml"

#define IOS 2
#define PARTS 2
#define IO(id) ((id) / PARTS)
#define PART(id) ((id) % PARTS)

/* struct blkfront_io: parts of the request; how many are in rings, ever (queued_at) and now (parts). 0 parts of the request: the record is free. */
byte io_parts[IOS], io_put[IOS], io_flying[IOS];
mtype hand[IOS * PARTS] = FREE;     /* the page of each part: HELD by the program's request, POSTED */
bit taken[IOS * PARTS];             /* by id: the backend has read it and not answered it */
byte queue[IOS];                    /* blkfront.queued: records in order; the record's number + 1 */
byte want;                          /* what the program wants to submit: its parts; 0: nothing */
bit refused;                        /* blkfront.refused */
bit done;                           /* blkfront.done: a request ended and was not reaped */

/* ---- the frontend ------------------------------------------------------------------------------------------------------------ */

#define free_io (io_parts[0] == 0 -> 0 : (io_parts[1] == 0 -> 1 : IOS))

/* blkfront_io_submit(). */
inline blkfront_io_submit()
{
    d_step {
        if
        :: want == 0 -> skip
        :: want != 0 && free_io == IOS -> refused = 1   /* -E_AGAIN */
        :: else ->
            io = free_io;
            io_parts[io] = want;
            assert(hand[io * PARTS] == FREE);
            hand[io * PARTS] = HELD;
            if
            :: want == 2 -> assert(hand[io * PARTS + 1] == FREE); hand[io * PARTS + 1] = HELD
            :: else -> skip
            fi;
            if
            :: queue[0] == 0 -> queue[0] = io + 1       /* enqueue */
            :: else -> assert(queue[1] == 0); queue[1] = io + 1
            fi;
            want = 0; io = 0
        fi
    }
}

/* blkfront_io_fill(): put_data() of the first in the queue, part by part, while blkfront_rings_room(). */
inline blkfront_io_fill()
{
    do
    :: d_step {
        queue[0] != 0 && ring_in_flight() < SLOTS ->
        io = queue[0] - 1;
        id = io * PARTS + io_put[io];
        assert(hand[id] == HELD);
        hand[id] = POSTED;                      /* blkfront_data_lend: gnttab_grant */
        ring_put(id);
        io_flying[io]++;
        io_put[io]++;
        if
        :: io_put[io] == io_parts[io] -> queue[0] = queue[1]; queue[1] = 0     /* dequeue: it is whole */
        :: else -> skip
        fi;
        io = 0; id = 0
       }
    :: else -> break
    od
}

/* drain(): blkfront_rsp_one() for each. */
inline blkfront_rings_drain()
{
    ring_responses(n);
    do
    :: d_step {
        n > 0 ->
        ring_next(id);
        io = IO(id);
        assert(io_parts[io] != 0 && PART(id) < io_put[io]);     /* find(): it is in flight */
        assert(hand[id] == POSTED);
        hand[id] = FREE;                        /* blkfront_data_take: gnttab_end, page_put */
        io_flying[io]--;                        /* blkfront_io_part_done */
        if
        :: io_flying[io] == 0 && io_put[io] == io_parts[io] ->  /* end() */
            assert(hand[io * PARTS] == FREE && hand[io * PARTS + 1] == FREE);
            io_parts[io] = 0; io_put[io] = 0;
            done = 1
        :: else -> skip
        fi;
        n--;
        io = 0; id = 0
       }
    :: else -> break
    od
}

/* blkfront.c: blkfront_reap, blkfront_submit, blkfront_kick, blkfront_arm; the program's loop of blkdev.h. */
active proctype blkfront()
{
    byte n, id, io;

    do
    :: atomic {
           blkfront_rings_drain();              /* blkfront_reap, with its kick */
           blkfront_io_fill()
       };
       ring_push();
       atomic {
           done = 0;                            /* blkfront_io_reap */
           if
           :: want == 0 -> want = 1
           :: want == 0 -> want = 2
           :: want == 0 -> skip                 /* nothing to submit */
           :: else -> skip
           fi;
           blkfront_io_submit();
           blkfront_io_fill()                   /* blkfront_kick: by the program, or by blkfront_arm */
       };
       ring_push();
       if
       :: skip                                  /* busy: it polls again without arm */
       :: skip;
          ring_final_check(1, n);               /* blkfront_rings_arm */
          atomic {
              if
              :: refused && free_io != IOS -> refused = 0; n = 1
              :: else -> skip
              fi;
              assert(!done)
          };
          if
          :: n != 0 -> n = 0
          :: else -> plat_wait()
          fi
       fi
    od
}

/* ---- the backend ------------------------------------------------------------------------------------------------------------- */

/* Linux: __do_block_io_op takes requests; make_response, from whatever ends the disk's work, pushes each answer under a lock. */
active proctype blkback()
{
    byte id;
    bit asleep;

end:
    do
    :: d_step { !asleep && req_prod_shared != req_cons ->
                back_take(id); assert(hand[id] == POSTED); taken[id] = 1; id = 0 }
    :: atomic { !asleep && req_prod_shared == req_cons -> req_event = ADD(req_cons, 1) };      /* and mb */
       asleep = (req_prod_shared == req_cons)
    :: d_step { asleep && back_event -> back_event = 0; asleep = 0 }
    :: d_step { taken[0] -> assert(hand[0] == POSTED); taken[0] = 0; back_put(0) }; back_push()
    :: d_step { taken[1] -> assert(hand[1] == POSTED); taken[1] = 0; back_put(1) }; back_push()
    :: d_step { taken[2] -> assert(hand[2] == POSTED); taken[2] = 0; back_put(2) }; back_push()
    :: d_step { taken[3] -> assert(hand[3] == POSTED); taken[3] = 0; back_put(3) }; back_push()
    od
}

/* When nobody can move: did everybody sleep with reason? */
active proctype judge()
{
end:
    timeout ->
    assert(want == 0 && queue[0] == 0);
    assert(io_parts[0] == 0 && io_parts[1] == 0);
    assert(ring_at_rest && ring_in_flight() == 0)
}

ltl submitted { [] (want != 0 -> <> (want == 0)) }
