/* SPDX-License-Identifier: ISC */
/* sim_priv.h - what the parts of the simulator share.
 *
 * Theory of operation. The guest and domain 0 are one thread. The guest runs until it waits; its
 * wait calls sim_run_until_idle, which runs domain 0. What the guest does by hypercall (an event
 * sent) only sets a bit in `work`; a step takes one bit, lowest first or by the seed, clears it
 * and runs its handler with a budget; a handler with more to do sets its bit again. So domain 0
 * looks at a ring only when real domain 0 would: a missing notification hangs here as it would
 * there.
 *
 * Memory. The guest's memory is this process's. A gfn is made of windows: each GiB of address
 * space that the guest names for the first time gets the next 2^18 frame numbers, so frame
 * numbers stay below 2^32 (grant table v1 has 32 bits) and a number that nobody was given is
 * known to be wrong. Frames that are Xen's or domain 0's lie in a memfd, so that they can be
 * mapped a second time where the guest asks (add_to_physmap, map_grant_ref).
 */
#ifndef PLATFORM_SIM_SIM_PRIV_H
#define PLATFORM_SIM_SIM_PRIV_H

#include <morgana/xen.h>

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/io/console.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>
#include <xen/xen.h>

#include "sim.h"

#define SIM_PAGE 4096u
#define SIM_PAGE_SHIFT 12u

/* Frames in the memfd, by index. */
enum {
    SIM_FRAME_SHARED_INFO,
    SIM_FRAME_STORE,
    SIM_FRAME_CONSOLE,
    SIM_FRAME_GRANTS,                         /* 64 */
    SIM_FRAME_STATUS = SIM_FRAME_GRANTS + 64, /* 8 */
    SIM_FRAME_DOM0 =
        SIM_FRAME_STATUS + 8, /* pages that domain 0 grants, and pages that the guest maps twice */
    SIM_FRAMES = SIM_FRAME_DOM0 + 512
};

#define SIM_GNTTAB_FRAMES_MAX 64u
#define SIM_GNTTAB_ENTRIES_MAX (SIM_GNTTAB_FRAMES_MAX * 512u)

/* Work of domain 0, one bit each; the lowest is done first in the fixed order. */
enum {
    SIM_WORK_STORE,
    SIM_WORK_CONSOLE,
    SIM_WORK_VIF,                                   /* three for each vif: state, tx, rx */
    SIM_WORK_VBD = SIM_WORK_VIF + 3 * SIM_VIFS_MAX, /* two for each vbd: state, rings */
    SIM_WORK_BITS = SIM_WORK_VBD + 2 * SIM_VBDS_MAX
};
#define SIM_WORK_VIF_STATE(i) (SIM_WORK_VIF + 3 * (i))
#define SIM_WORK_VIF_TX(i) (SIM_WORK_VIF + 3 * (i) + 1)
#define SIM_WORK_VIF_RX(i) (SIM_WORK_VIF + 3 * (i) + 2)
#define SIM_WORK_VBD_STATE(i) (SIM_WORK_VBD + 2 * (i))
#define SIM_WORK_VBD_RINGS(i) (SIM_WORK_VBD + 2 * (i) + 1)

struct sim {
    struct sim_conf conf;
    bool running; /* between init and fini */
    uint64_t rng;
    uint64_t work;
    uint32_t faults;
    char fault_text[256];
    uint64_t hypercalls[64];
    int shutdown_reason;
    uint32_t lives;       /* how often the domain was built: 1, and one more at each restore */
    bool cancel_suspends; /* sim_suspend_cancel */
    uint64_t timer_at, timer_period;
    bool wires_ready;
};
extern struct sim sim_state;

static inline void sim_work_set(unsigned bit)
{
    sim_state.work |= UINT64_C(1) << bit;
}

/* ---- frames (frames.c) ---------------------------------------------------------------------- */

int sim_frames_init(void);
void sim_frames_fini(void);
/* A frame of the memfd as domain 0 sees it. */
void *sim_frame(unsigned index);
/* The frame number of one. */
uint64_t sim_frame_gfn(unsigned index);
/* Windows of frame numbers: see the top. */
#define SIM_WINDOW_SHIFT 30u
#define SIM_WINDOW_FRAMES (1u << (SIM_WINDOW_SHIFT - SIM_PAGE_SHIFT))
#define SIM_WINDOWS_MAX 4096u /* a process touches few */
struct sim_windows {
    uint32_t count;                    /* numbers given, from 1 */
    uint32_t address[SIM_WINDOWS_MAX]; /* of a numbered window, >> SIM_WINDOW_SHIFT */
};
extern struct sim_windows sim_windows;

/* The page of the guest's (or of the memfd) with this frame number; NULL where nobody was given
 * it. */
static inline uint8_t *sim_gfn_page(uint64_t gfn)
{
    uint64_t number = gfn / SIM_WINDOW_FRAMES;
    if (number == 0 || number > sim_windows.count)
        return NULL;
    uintptr_t window = (uintptr_t)sim_windows.address[number] << SIM_WINDOW_SHIFT;
    return (uint8_t *)(window + ((uintptr_t)(gfn % SIM_WINDOW_FRAMES) << SIM_PAGE_SHIFT));
}
/* Maps a frame of the memfd at `virt` of the guest's address space, over what is there. */
bool sim_frame_map_at(unsigned index, void *virt, bool read_only);
bool sim_frame_unmap_at(void *virt);
/* A free frame for domain 0's own use; SIM_FRAMES where none is left. */
unsigned sim_frame_alloc(void);
void sim_frame_free(unsigned index);
/* The memfd's frame behind a page of the guest's: a private page is moved into the memfd first,
 * in place. SIM_FRAMES: none left. */
unsigned sim_frame_share(uint8_t *page);

/* ---- event channels (hv_evtchn.c) ----------------------------------------------------------- */

/* Ports of domain 0: what an event does there. */
#define SIM_DOM0_PORTS 256u
#define SIM_DOM0_NO_WORK 255u

void sim_evtchn_init(void);
long sim_evtchn_op(unsigned cmd, void *arg);
/* An unbound port of the guest's, made by the domain builder. */
uint32_t sim_evtchn_builder_port(void);
/* Binds as sim_dom0_bind; events set the work bit `work`. */
int sim_dom0_bind_work(uint32_t guest_port, uint8_t work);

/* ---- grant tables (hv_gnttab.c) ------------------------------------------------------------- */

void sim_gnttab_init(void);
void sim_gnttab_fini(void);
/* A new domain's table: empty. The guest's mappings, and domain 0's grants to it, are gone. */
void sim_gnttab_restore(void);
long sim_gnttab_op(unsigned cmd, void *args, unsigned count);
/* The frame of the guest's table (or, with XENMAPIDX_grant_table_status, of status words); NULL
 * where it has none. The table grows up to it. */
unsigned sim_gnttab_frame(unsigned long index);

/* ---- hypercalls (hv.c) ---------------------------------------------------------------------- */

void sim_hv_init(void);

/* ---- xenstored ------------------------------------------------------------------------------ */

struct sim_node;
struct sim_txn;

/* The tree and its rules (xenstored.c). `domid` is who asks; errors are positive errno numbers
 * of xs_wire.h's table, 0 for success. */
void sim_store_init(void);
void sim_store_fini(void);
void sim_store_populate(void);
/* A new domain's tree, as the toolstack writes it; transactions of the old one are gone. */
void sim_store_restore(void);
bool sim_store_path_ok(const char *path);
int sim_store_read(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro *value);
int sim_store_write(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro value);
int sim_store_mkdir(unsigned domid, struct sim_txn *txn, const char *path);
int sim_store_rm(unsigned domid, struct sim_txn *txn, const char *path);
/* All children's names, each NUL-terminated, in a buffer that lives until the next call. */
int sim_store_directory(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro *names,
                        uint64_t *generation);
int sim_store_get_perms(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro *perms);
int sim_store_set_perms(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro perms);
int sim_store_txn_start(uint32_t *id);
struct sim_txn *sim_store_txn(uint32_t id);
int sim_store_txn_end(uint32_t id, bool commit);

/* Called by the tree for each change of the real (not a transaction's) tree. `gone`: `path` and
 * what was below it were removed, and the guest has been told. */
void sim_store_changed(const char *path, bool gone);
/* May the guest know of changes at this path? */
bool sim_store_guest_sees(const char *path);

/* The guest's connection (xs_wire.c). */
void sim_xs_init(void);
void sim_xs_fini(void);
void sim_xs_step(unsigned budget);
/* Fires the guest's watches of `path`, and of what is above it unless `exact`. */
void sim_xs_watch_event(const char *path, bool exact);

/* ---- xenconsoled (xenconsoled.c) ------------------------------------------------------------ */

void sim_console_init(void);
void sim_console_step(void);

/* ---- netback -------------------------------------------------------------------------------- */

void sim_netback_init(void);
void sim_netback_fini(void);
void sim_netback_changed(const char *path); /* xenstore changed there */
/* The guest's domain is gone: its rings are let go, and the backend's keys; and there is a new one:
 * new keys under a new path. */
void sim_netback_lose(void);
void sim_netback_restore(void);
void sim_vif_step_state(unsigned index);
void sim_vif_step_tx(unsigned index, unsigned budget);
void sim_vif_step_rx(unsigned index, unsigned budget);
void sim_vif_poll_wires(void);

/* ---- blkback -------------------------------------------------------------------------------- */

void sim_blkback_init(void);
void sim_blkback_fini(void);
void sim_blkback_changed(const char *path); /* xenstore changed there */
void sim_blkback_lose(void);                /* as netback's */
void sim_blkback_restore(void);
void sim_vbd_step_state(unsigned index);
void sim_vbd_step_rings(unsigned index, unsigned budget);

/* malloc that ends the program with a line where there is no memory. */
void *sim_alloc(size_t size);
char *sim_strdup(const char *text);

#endif
