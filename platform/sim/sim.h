/* SPDX-License-Identifier: ISC */
/* sim.h - Xen inside one process: a hypervisor, domain 0 with xenstored, xenconsoled, netback
 * and blkback, and one guest.
 *
 * The guest is this program: it calls xen_hypercall() and the other symbols of morgana/xen.h,
 * which platform/sim defines. Domain 0 runs only inside sim_step(): nothing happens behind the
 * guest's back, and with the same seed the same things happen in the same order. There is one
 * simulation at a time; it may be made again at will.
 *
 *     struct sim_conf conf = {.seed = 1, .vif_count = 1, .vif = {{.wire = &wire}}};
 *     sim_init(&conf);
 *     ... open netfront, send ...          (a wait of the guest calls sim_run_until_idle)
 *     assert_int_equal(sim_fault_count(), 0);
 *     sim_fini();
 *
 * For hosted programs only: it uses the C library and its heap.
 */
#ifndef PLATFORM_SIM_SIM_H
#define PLATFORM_SIM_SIM_H

#include <morgana/cstruct.h>
#include <morgana/err.h>

#include "wire.h"

#define SIM_GUEST_DOMID 1u
#define SIM_VIFS_MAX 8u
#define SIM_VBDS_MAX 8u
#define SIM_PAYLOAD_MAX 4096u

/* One network device of the guest's. Zero is the usual, a Linux backend with one queue: gathers,
 * takes and gives super-segments, refuses no checksum, has an event channel for each direction, MTU
 * 1500. */
struct sim_vif_conf {
    struct sim_wire *wire; /* where frames go and come from; Kept; NULL: nowhere */
    uint8_t mac[6];        /* all zero: 00:16:3e:00:00:01 + index */
    uint16_t mtu_bytes;    /* the frontend's `mtu` key; 0: no key */
    bool no_sg;            /* do not offer feature-sg */
    bool no_csum;          /* write feature-no-csum-offload = 1 */
    bool no_gso;           /* do not offer feature-gso-tcpv4, and give none; no_sg does it too */
    bool segment;          /* cut the guest's super-segments, though the wire takes them */
    bool no_split;         /* do not offer feature-split-event-channels */
    bool no_rx_copy;       /* do not offer feature-rx-copy: a frontend must refuse */
    /* Serve a frontend without feature-rx-notify by polling, as Linux's does; else it is refused,
     * as Linux 3.19's did */
    bool rx_poll;
    uint32_t queues_max;    /* multi-queue-max-queues, at most 8 are served; 0: no key, one queue */
    bool ctrl_ring;         /* offer feature-ctrl-ring, */
    bool no_hash;           /* ... and refuse to hash, */
    bool no_hash_map;       /* ... or hash without a table */
    uint32_t hash_map_max;  /* entries of the table: 1..128; 0: 128 */
    bool multicast;         /* offer feature-multicast-control, */
    bool multicast_dynamic; /* ... and feature-dynamic-multicast-control */
    uint32_t multicast_max; /* groups it takes: 1..64; 0: 64 */
};

/* What a block device keeps its bytes in: called with whole 512-byte sectors inside the device; 0,
 * or negative: the request fails. NULL: does nothing, and succeeds. */
struct sim_disk {
    int (*read)(void *arg, uint64_t off, void *to, size_t len);
    int (*write)(void *arg, uint64_t off, const void *from, size_t len);
    int (*flush)(void *arg);
    int (*discard)(void *arg, uint64_t off, uint64_t len, bool secure);
    void *arg;
};

/* One block device of the guest's. Zero is a backend from the beginning of time: a writable disk of
 * 512-byte sectors, one ring of one page, no features. */
struct sim_vbd_conf {
    uint32_t devid;     /* virtual device number; 0: 51712 + 16 * index: xvda, xvdb, ... */
    const char *params; /* key `params`; NULL: "/dev/loop" and the index */
    uint64_t sectors;   /* of 512 bytes, whatever sector_bytes says */
    uint8_t *memory;    /* its bytes; Kept; NULL: `disk` has them */
    struct sim_disk disk;
    uint32_t sector_bytes, physical_bytes; /* 512..4096; 0: 512, and the same as sector_bytes */
    bool read_only, cdrom, removable;
    bool flush, barrier, discard, discard_secure, persistent; /* features to offer */
    /* In bytes; both 0: no such keys. What is discarded reads as 0xdd then, a whole unit at once */
    uint32_t discard_granularity, discard_alignment;
    uint32_t indirect_max;   /* segments of an indirect request; 0: there are none */
    uint32_t ring_order_max; /* key max-ring-page-order; 0: none, one page; up to 4 */
    uint32_t ring_pages_max; /* the old key max-ring-pages; 0: none */
    uint32_t queues_max;     /* multi-queue-max-queues; 0: none, one queue; up to 8 */
    uint32_t persistent_max; /* grants it keeps mapped; 0: 1056 */
    bool untrusted;          /* the frontend's key `trusted` = 0 */
    bool keys_early;  /* sizes and features stand there in InitWait already (as QEMU's), else from
                        Connected on (as Linux's) */
    bool unmap_early; /* lets the rings go in Closing (as FreeBSD's), else in Closed (as Linux's) */
};

struct sim_conf {
    uint64_t seed; /* of everything random in the simulation */
    bool random;  /* order and size of domain 0's steps drawn from the seed; else fixed and large */
    bool no_fifo; /* a hypervisor without the FIFO event ABI */
    bool no_gnttab_v2;         /* one without grant tables of version 2 */
    bool abort_on_fault;       /* print and abort() at the first fault */
    uint32_t evtchn_ports;     /* ports the domain may have; 0: all that the ABI has */
    uint32_t gnttab_frames;    /* frames of grant table: 1..64; 0: 64 */
    uint32_t xs_watches;       /* quota of watches; 0: 128 */
    uint32_t xs_nodes;         /* quota of nodes the guest owns; 0: 1000 */
    uint32_t xs_transactions;  /* quota of open transactions; 0: 10 */
    bool xs_no_directory_part; /* an old xenstored */
    uint32_t vif_count;        /* 0..SIM_VIFS_MAX */
    struct sim_vif_conf vif[SIM_VIFS_MAX];
    uint32_t vbd_count; /* 0..SIM_VBDS_MAX */
    struct sim_vbd_conf vbd[SIM_VBDS_MAX];
    /* What the guest wrote to its console; NULL: thrown away. */
    void (*console)(void *arg, struct cs_ro text);
    void *console_arg;
};

/* ---- life ----------------------------------------------------------------------------------- */

/* Builds the machine and the guest's domain: store and console rings, xenstore's tree, backends
 * waiting. One that is there still is ended first. 0, or -E_NOMEM. */
int sim_init(const struct sim_conf *conf);
void sim_fini(void);

/* Does one bounded piece of domain 0's pending work. False where there is none. */
bool sim_step(void);
/* Looks at the wires, then steps until domain 0 has nothing to do. True where anything was done. */
bool sim_run_until_idle(void);
/* Looks at the wires at the next step: where a test or poll() knows that a frame waits. */
void sim_wires_ready(void);
/* Steps the hypervisor's timers: delivers VIRQ_TIMER where `now_ns` has reached the guest's
 * timer. */
void sim_timer(uint64_t now_ns);
/* When the guest's single-shot timer is due; NS_NEVER where none runs. */
uint64_t sim_timer_at(void);
/* Does the guest have an upcall to take (vcpu_info.evtchn_upcall_pending)? */
bool sim_upcall_pending(void);
/* Has the guest shut down (SCHEDOP_shutdown)? Then its SHUTDOWN_* reason; else -1. */
int sim_shutdown_reason(void);
/* How often the guest made a hypercall, by __HYPERVISOR_* number. */
uint64_t sim_hypercalls(unsigned op);

/* What hypervisor and toolstack do between the guest's SCHEDOP_shutdown with SHUTDOWN_suspend and
 * its return, which calls this too. The domain was saved and restored, or migrated: all its ports
 * and grants are gone, the grant table is of version 1, no timer runs, shared info and the rings of
 * xenstore and console are empty and have other ports (xen_start() says which); watches,
 * transactions and what was in flight are lost; its directory in xenstore is a new domain's, and
 * each device has a new backend under another path, in InitWait. With conf.random domain 0 has some
 * of its turns before. Of a cancelled one nothing happens. */
void sim_suspend(bool cancelled);
/* What the hypercall gets from now on. */
void sim_suspend_cancel(bool cancelled);

/* A number drawn from the seed: 0 .. bound-1; bound >= 1. */
uint32_t sim_random(uint32_t bound);

/* ---- faults: what the guest did that no correct guest does ---------------------------------- */

void sim_fault(const char *format, ...) PRINTF_LIKE(1, 2);
uint32_t sim_fault_count(void);
/* The first one's text; "" where there was none. */
const char *sim_fault_text(void);
void sim_fault_clear(void);

/* ---- domain 0's side of event channels ------------------------------------------------------ */

/* Binds a port of domain 0's to an unbound port of the guest's. The port, or a negative E_ code. */
int sim_dom0_bind(uint32_t guest_port);
int sim_dom0_close(uint32_t port);
/* Sends an event to the guest through it. */
int sim_dom0_send(uint32_t port);
/* Events the guest has sent to it since the last call. */
uint32_t sim_dom0_events(uint32_t port);
/* Sets a guest's port pending, bound or not: what a storm does. False where the guest has no
 * such port. */
bool sim_evtchn_raise(uint32_t guest_port);
/* A virtual interrupt: false where the guest has not bound it. */
bool sim_virq_raise(uint32_t virq);

/* ---- domain 0's side of grants -------------------------------------------------------------- */

/* Uses the guest's grant for one access, as a hypervisor copy does: the `len` bytes from `off`
 * of its page. NULL, and GNTST_* in *status, where the grant does not allow it. The pointer is
 * good until the guest runs again. */
uint8_t *sim_grant_use(uint32_t gref, uint32_t off, uint32_t len, bool write, int16_t *status);
/* Maps it: the grant's flags say so until it is unmapped. */
uint8_t *sim_grant_map(uint32_t gref, bool write, int16_t *status);
void sim_grant_unmap(uint32_t gref, bool write);
/* How often domain 0 maps it now. */
uint32_t sim_grant_maps(uint32_t gref);
/* Calls `seen` for each grant that is open now, or still mapped. */
typedef void sim_grant_seen(void *arg, uint32_t gref, void *page, bool read_only, bool mapped);
void sim_grants(sim_grant_seen *seen, void *arg);
/* Grants a page of domain 0's to the guest: the reference, and the page in *page. -E_NOMEM. */
int sim_dom0_grant(bool read_only, uint8_t **page);
void sim_dom0_grant_end(uint32_t gref);

/* ---- domain 0's side of xenstore ------------------------------------------------------------ */

#define SIM_FRONTEND "/local/domain/1/device/vif/%u"
#define SIM_BACKEND "/local/domain/0/backend/vif/1/%u" /* before any restore */

/* Writes as domain 0: the node and its parents are made. Watches fire. */
void sim_xs_write(const char *path, const char *format, ...) PRINTF_LIKE(2, 3);
void sim_xs_write_bytes(const char *path, struct cs_ro value);
/* The value, NUL-terminated, in `out`; its length, or -E_NOENT. */
int sim_xs_read(const char *path, char *out, size_t size);
/* A decimal value, or `otherwise`. */
uint32_t sim_xs_read_u32(const char *path, uint32_t otherwise);
void sim_xs_rm(const char *path);
/* Watches the guest has registered, and transactions it has open. */
uint32_t sim_xs_watches(void);
uint32_t sim_xs_transactions(void);
/* Makes the next `n` commits of the guest's fail with EAGAIN. */
void sim_xs_fail_commits(uint32_t n);
/* Stops answering (a dead xenstored), or goes on. */
void sim_xs_stop(bool stopped);

/* ---- console -------------------------------------------------------------------------------- */

/* Types at the guest's console: the bytes taken (the ring may be full). */
size_t sim_console_type(struct cs_ro text);
/* xenconsoled's turn at once: what the guest has written so far is seen. */
void sim_console_drain(void);
/* Stops draining the guest's output (a dead xenconsoled), or goes on. */
void sim_console_stop(bool stopped);

/* ---- netback -------------------------------------------------------------------------------- */

struct sim_vif_stats {
    uint64_t tx_frames, tx_bytes, tx_slots, tx_errors;  /* from the guest */
    uint64_t rx_frames, rx_bytes, rx_slots, rx_dropped; /* to the guest */
    uint64_t rx_filtered;                               /* multicast it does not want */
    uint64_t tx_gso, rx_gso;         /* of the frames: super-segments that passed whole */
    uint64_t tx_cut, rx_cut;         /* segments that others were cut into */
    uint64_t events_from, events_to; /* the guest */
};
const struct sim_vif_stats *sim_vif_stats(uint32_t index);
/* Of one queue, since it was connected; how many there are (0: not connected). */
struct sim_vifq_stats {
    uint64_t tx_frames, rx_frames;
};
const struct sim_vifq_stats *sim_vifq_stats(uint32_t index, uint32_t queue);
uint32_t sim_vif_queues(uint32_t index);
/* Could netback take a frame from the wire now? Where not, it is no use to wait for one. */
bool sim_vif_wants_frames(uint32_t index);
/* The backend's XenbusState as it is in xenstore. */
uint32_t sim_vif_state(uint32_t index);
/* Detaches the device as the toolstack does: online = 0, state Closing. */
void sim_vif_detach(uint32_t index);
/* Detaches it by force (xl's --force): both sides' directories are removed at once. */
void sim_vif_tear_out(uint32_t index);
/* Attaches it again: new keys, of `conf` where that is not NULL. Rings that the guest left
 * connected are let go. */
void sim_vif_attach(uint32_t index, const struct sim_vif_conf *conf);
/* Gives the vif another wire. */
void sim_vif_wire(uint32_t index, struct sim_wire *wire);
/* Does the wire have carrier: writes the backend's `carrier` key. */
void sim_vif_carrier(uint32_t index, bool up);

/* ---- blkback -------------------------------------------------------------------------------- */

/* With conf.random, requests are executed and answered in an order drawn from the seed, in several
 * steps; else in their order, at once. */
struct sim_vbd_stats {
    uint64_t reads, writes, flushes, barriers, discards; /* requests, indirect ones too */
    uint64_t indirect, errors;                           /* of those: answered with a failure */
    uint64_t segments, read_bytes, written_bytes, discarded_bytes;
    uint64_t maps, unmaps;           /* of grants, but for the rings' */
    uint64_t events_from, events_to; /* the guest */
    uint64_t connects;
};
const struct sim_vbd_stats *sim_vbd_stats(uint32_t index);
/* Requests taken and not answered; grants kept mapped by feature-persistent. */
uint32_t sim_vbd_in_flight(uint32_t index);
uint32_t sim_vbd_persistent(uint32_t index);
/* Rings, and pages of each, that the guest gave at the last connect. */
uint32_t sim_vbd_queues(uint32_t index);
uint32_t sim_vbd_ring_pages(uint32_t index);
/* The backend's XenbusState as it is in xenstore. */
uint32_t sim_vbd_state(uint32_t index);
/* Detaches the device as the toolstack does: online = 0, state Closing; the keys go away when both
 * ends are Closed. */
void sim_vbd_detach(uint32_t index);
/* Detaches it by force (xl's --force): both sides' directories are removed at once. */
void sim_vif_tear_out(uint32_t index);
/* Attaches it again: new keys, of `conf` where that is not NULL. Rings that
 * the guest left connected are let go. */
void sim_vbd_attach(uint32_t index, const struct sim_vbd_conf *conf);
/* The next `count` requests with this BLKIF_OP_* (of an indirect one, what it carries) do nothing
 * and are answered with `status`. */
void sim_vbd_fail(uint32_t index, uint8_t op, int16_t status, uint32_t count);
/* Takes requests, and executes none; or goes on. */
void sim_vbd_pause(uint32_t index, bool paused);
/* Lets go of up to `n` persistent grants, those used longest ago first, as Linux does from time to
 * time. */
void sim_vbd_trim(uint32_t index, uint32_t n);
/* Called for each request when it was executed: BLKIF_OP_*, its 512-byte sectors, its status. */
typedef void sim_vbd_seen(void *arg, uint8_t op, uint64_t sector, uint64_t sectors, int16_t status);
void sim_vbd_trace(uint32_t index, sim_vbd_seen *seen, void *arg);

#endif
