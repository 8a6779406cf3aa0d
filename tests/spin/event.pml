/* SPDX-License-Identifier: ISC */
/* event.pml - one event channel as the rings' models see it: a bit.
 *
 * That the levels of the 2-level ABI, masks and plat_wait come to no more than this is proved by evtchn.pml. The other way, to the backend in dom0,
 * it is as simple: Linux's handler marks work and wakes a thread, and the thread takes the mark away before it looks for work.
 */
bit pending;        /* to the frontend */
bit back_event;     /* to the backend's thread */

/* Xen's evtchn_send() for the backend, and evtchn_send() of the frontend. */
#define xen_evtchn_send() pending = 1
#define evtchn_send() back_event = 1

/* plat_wait() without a deadline: returns at once where an event has come since the last one. To be used once in a process: it has a label, by
 * which Spin knows that to sleep here is no deadlock by itself. */
inline plat_wait()
{
#ifdef PENDING_LATE
    pending = 0;    /* cleared after the rings were looked at, not before: as if upcalls were first handled, then acknowledged */
#else
    skip;
#endif
end_halt:
    d_step { pending -> pending = 0 }
}
