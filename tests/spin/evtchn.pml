/* SPDX-License-Identifier: ISC */
/* evtchn.pml - the 2-level ABI of event channels under plat_wait: evtchn/evtchn_2l.c, evtchn/evtchn.c, boot/xen-x86_64/wait.c.
 *
 * Two ports in one word. Whoever sends first leaves work behind, as a backend leaves a slot in its ring; the loop looks at all work, however it was
 * woken. The program masks a port now and then, and unmasks it. Each access to a word that both sides change is a step of its own.
 *
 * Proved: when all sleep, there is no work at a port that is not masked. So plat_wait comes to what event.pml says.
 */
#define PORTS 2

bit pending[PORTS], mask[PORTS], selector, upcall_pending;      /* shared_info, vcpu_info */
bit work[PORTS];

/* ---- the hypervisor ---------------------------------------------------------------------------------------------------------- */

/* Xen's event_2l.c: evtchn_2l_set_pending(); Xen holds the port's lock, but the guest does not. */
active [PORTS] proctype sender()
{
    bit was;

end:do
    :: d_step { !work[_pid] -> work[_pid] = 1 };
       d_step { was = pending[_pid]; pending[_pid] = 1 };       /* test_and_set_bit */
       if
       :: was || mask[_pid] -> skip
       :: else ->
           d_step { was = selector; selector = 1 };
           if
           :: was -> skip
           :: else -> upcall_pending = 1
           fi
       fi;
       was = 0
    :: break                                                    /* nothing comes any more */
    od
}

/* EVTCHNOP_unmask: evtchn_2l_unmask(). */
inline hypercall_evtchn_unmask(p)
{
    d_step { was = mask[p]; mask[p] = 0 };
    if
    :: was && pending[p] ->
        d_step { was = selector; selector = 1 };
        if
        :: was -> skip
        :: else -> upcall_pending = 1
        fi
    :: else -> skip
    fi;
    was = 0
}

/* ---- the guest --------------------------------------------------------------------------------------------------------------- */

/* evtchn_2l.c: unmask(), and evtchn_unmask()'s hypercall. */
inline evtchn_unmask(p)
{
    d_step { was = mask[p]; mask[p] = 0 };              /* atomic_clear_bit64: a full barrier */
#ifndef NO_UNMASK_LOOK
    if
    :: !was || !pending[p] -> was = 0
    :: else ->                                          /* it came while masked */
        was = 0;
        mask[p] = 1;
        hypercall_evtchn_unmask(p)
    fi
#else
    was = 0
#endif
}

#ifdef PENDING_LATE
#define clear_early(p) skip
#define clear_late(p) pending[p] = 0
#else
#define clear_early(p) pending[p] = 0
#define clear_late(p) skip
#endif

/* evtchn_2l.c: scan(), scan_word(). `bits` is one load of pending and one of mask. */
inline scan()
{
    d_step { was = selector; selector = 0 };            /* atomic_xchg64 */
    if
    :: was ->
        d_step { was = 0; bits[0] = pending[0] && !mask[0]; bits[1] = pending[1] && !mask[1] };
        if
        :: bits[0] -> clear_early(0); seen = 1
        :: else -> skip
        fi;
        if
        :: bits[1] -> clear_early(1); seen = 1
        :: else -> skip
        fi
    :: else -> skip
    fi
}

/* evtchn.c: evtchn_upcall(), with two scans in place of UPCALL_SCANS: what a storm leaves is upcall_pending, set. */
inline evtchn_upcall()
{
#ifdef SELECTOR_FIRST
    scan();                                             /* looked, then the levels above cleared */
    upcall_pending = 0
#else
    d_step { was = upcall_pending; upcall_pending = 0 };        /* atomic_xchg8 */
    if
    :: was ->
        was = 0;
        scan();
        d_step { was = upcall_pending; upcall_pending = 0 };
        if
        :: was -> was = 0; scan()
        :: else -> skip
        fi
    :: else -> skip
    fi
#endif
}

active proctype guest()
{
    bit was, seen, bits[PORTS];

    do
    :: /* the loop: each device is looked at, whatever woke it */
       if
       :: !mask[0] -> work[0] = 0
       :: else -> skip
       fi;
       if
       :: !mask[1] -> work[1] = 0
       :: else -> skip
       fi;
       if                                               /* arm looks again */
       :: (work[0] && !mask[0]) || (work[1] && !mask[1]) -> skip
       :: else ->
           if                                           /* the program masks, or unmasks and relies on being woken */
           :: !mask[0] -> mask[0] = 1
           :: mask[0] -> evtchn_unmask(0)
           :: skip
           fi;
           clear_late(0); clear_late(1);
           evtchn_upcall();                             /* plat_wait */
           if
           :: seen -> skip
           :: else ->
end_halt:      upcall_pending;                          /* halt(): returns also where it was set before */
               evtchn_upcall()
           fi;
           d_step { seen = 0; bits[0] = 0; bits[1] = 0 }
       fi
    od
}

active proctype judge()
{
end:
    timeout ->
    assert(!(work[0] && !mask[0]));
    assert(!(work[1] && !mask[1]))
}
