/* SPDX-License-Identifier: ISC */
/* dhcp_store.c - the table of leases, kept on a block device: what is written, step by step.
 *
 * Theory of operation
 *
 * One step at a time is on its way to the device: one or two requests, then what comes of them:
 *
 *     WRITE --------> FLUSH -------------------------> WRITE ...
 *       |               |
 *       | (of the       | (the table is written)
 *       |  table only)  v
 *       +--> WRITE    HEAD ---> HEAD_FLUSH ---> COPY ---> WRITE ...
 *
 * Group commit. What changes is noted by its address alone. When WRITE begins, the leases of all
 * noted addresses are written down as they are at that moment, up to 144 of them; what is noted
 * meanwhile goes with the next. So the more there is to do the more is done by one flush, and
 * where there is little to do each waits for one write and one flush. A second commit in flight
 * would gain nothing: what costs is the flush, and devices flush one after the other.
 *
 * Rewriting. When the half in use is nearly full, the table is written into the other one, a few
 * blocks in each step, and each commit goes into both, so that the old half remains the journal,
 * whole, until the new one is. A record in the new half is a lease as it was when that was written;
 * what changed later stands later. When all of the table is on the device, after a flush, one head
 * of the next generation, which fits in a sector, is written to a slot that holds none that
 * is in use, and flushed: that is the switch. A second copy of the head follows, against rot. An
 * attempt that comes to nothing leaves blocks behind in the other half; the next one has another
 * salt, and so they are no blocks of its own. The halves are used in turn, and heads go round their
 * slots: no block is written more often than the others but for that.
 *
 * Should commits fill the old half before the table is through, they wait; there is always room
 * for the table.
 *
 * Failure. What a failed write or flush has left on the medium nobody knows. So whatever was on its
 * way counts as lost, nothing more is written to the half in use, and the way back is a rewrite of
 * the whole table, which needs nothing of it. If it was a head that failed, it may be there or
 * not, and so either half may be the journal: neither is touched until that head has been written
 * again.
 *
 * Time. Leases are on the clock that never goes back (plat_now_ns), which begins anew with the
 * machine. The journal has a clock that goes on: its seconds are counted by the former while we
 * run. Each group tells that time, and the wall clock beside it; at the start, the wall clock says
 * how long we were away, and that is all that is asked of it:
 *
 *     set while we run, forward or back, by a day or by years: no lease moves. That it was set is
 *     written down when it is seen, so that it is not taken for time that we were away;
 *     behind what it was: we were away for no time;
 *     there is none: the same. Leases then last longer by the time that we were away;
 *     forward while we were away: nobody can tell that from time. Leases are over too soon; but who
 *     had an address is remembered, and it is asked for on the wire before somebody else gets it.
 *
 * All is rounded so that a lease may last longer, by three seconds for each restart and by up to
 * ten minutes where the power was cut and there is no wall clock, but is never over before its
 * time. What a lease has left is never more than when it was written down. */
#include "dhcp_store_priv.h"

#include <morgana/log.h>

#define CLOCK_STEP_S 5
#define CLOCK_LOOK_NS (60 * NS_PER_S)
#define TABLE_LOOKS 4096u /* records looked at in one step */
#define STEPS_A_POLL 4u
#define WALL_UNKNOWN INT64_MIN

enum { STEP_WRITE, STEP_FLUSH, STEP_HEAD, STEP_HEAD_FLUSH, STEP_COPY };

static uint64_t journal_now_s(const struct dhcp_store *store)
{
    return (uint64_t)(store->conf.leases->now_s + store->journal_s);
}

static uint32_t blocks_of(uint32_t records)
{
    return (records + DHCP_JOURNAL_RECORDS - 1) / DHCP_JOURNAL_RECORDS;
}

/* ---- requests -------------------------------------------------------------------------------- */

void dhcp_store_io_fill(struct dhcp_store *store, struct dhcp_store_io *io, enum blk_op op,
                        uint64_t at, unsigned page, uint32_t blocks)
{
    ASSERT(!io->waits && blocks <= ARRAY_SIZE(io->segs));
    for (uint32_t i = 0; i < blocks; i++)
        io->segs[i] = (struct blk_seg){.page = store->pages[page + i], .len = PAGE_BYTES};
    io->req = (struct blk_req){.user = io,
                               .start = at,
                               .bytes = (uint64_t)blocks * DHCP_JOURNAL_BLOCK_BYTES,
                               .segs = blocks ? io->segs : NULL,
                               .seg_count = (uint16_t)blocks,
                               .op = (uint8_t)op};
    io->waits = true;
}

static void finished(struct dhcp_store *store, const struct dhcp_store_io *io, int status)
{
    if (status != 0 && store->status == 0) {
        store->status = status;
        store->bad_at = io->req.start;
    }
}

static void submit(struct dhcp_store *store)
{
    bool any = false;

    for (unsigned i = 0; i < ARRAY_SIZE(store->io); i++) {
        struct dhcp_store_io *io = &store->io[i];
        int err;

        if (!io->waits)
            continue;
        err = blkdev_submit(store->conf.dev, &io->req);
        if (err == -E_AGAIN)
            break;
        io->waits = false;
        if (err == 0) {
            store->in_flight++;
            any = true;
        } else {
            finished(store, io, err);
        }
    }
    if (any)
        blkdev_kick(store->conf.dev);
}

static void reap(struct dhcp_store *store)
{
    struct blk_req *done;

    while (blkdev_reap(store->conf.dev, &done, 1) == 1) {
        const struct dhcp_store_io *io = done->user;

        ASSERT(io == &store->io[0] || io == &store->io[1]);
        store->in_flight--;
        finished(store, io, done->status);
    }
}

/* ---- failure --------------------------------------------------------------------------------- */

static void lose(struct dhcp_store *store, int err)
{
    store->lost = store->noted;
    store->note_count = store->taken = 0;
    store->retry_at_ns = store->now_ns + DHCP_STORE_RETRY_NS;
    if (store->failed)
        return;
    store->failed = true;
    store->stats.failures++;
    LOG_ERROR("dhcp: leases cannot be kept on %s: %s at byte %llu: %s", store->conf.name,
              err_name(err), (unsigned long long)store->bad_at,
              store->conf.optional ? "they are in memory only"
                                   : "none is given out until they can");
}

static void fail(struct dhcp_store *store)
{
    lose(store, store->status);
    if (store->step == STEP_HEAD || store->step == STEP_HEAD_FLUSH)
        store->in_doubt = true;
    store->rewriting = store->stalled = false;
    store->step = STEP_WRITE;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void put(struct dhcp_store *store, struct dhcp_journal_group *group,
                struct dhcp_lease_kept *kept)
{
    if (kept->expires_s != DHCP_LEASE_KEPT_NEVER)
        kept->expires_s = (uint64_t)((int64_t)kept->expires_s + store->journal_s);
    dhcp_journal_put(group, kept);
}

static void put_notes(struct dhcp_store *store, struct dhcp_journal_group *group)
{
    struct dhcp_leases *leases = store->conf.leases;
    struct dhcp_lease_kept kept;

    for (uint32_t i = 0; i < store->taken; i++) {
        const struct dhcp_lease *lease = dhcp_leases_by_addr(leases, store->notes[i]);

        if (lease)
            (void)dhcp_lease_keep(leases, lease, &kept);
        else
            kept = (struct dhcp_lease_kept){.addr = store->notes[i], .state = DHCP_LEASE_FREE};
        put(store, group, &kept);
    }
}

/* A group at the end of a half, in pages from number `page` on. */
static struct dhcp_journal_group group_of(const struct dhcp_store *store,
                                          const struct dhcp_store_half *half)
{
    return (struct dhcp_journal_group){.key = store->conf.leases->id_key,
                                       .salt = half->salt,
                                       .generation = half->generation,
                                       .commit = store->commit,
                                       .journal_s = journal_now_s(store),
                                       .wall_s = store->wall_s,
                                       .first = half->next};
}

static void write_group(struct dhcp_store *store, struct dhcp_store_io *io,
                        struct dhcp_store_half *half, struct dhcp_journal_group *group,
                        unsigned page)
{
    uint32_t blocks = dhcp_journal_end(group);

    ASSERT(blocks <= half->half_blocks - half->next);
    dhcp_store_io_fill(store, io, BLK_WRITE, store_block_at(half, half->next), page, blocks);
    half->next += blocks;
    store->mark_at_s = store->conf.leases->now_s + DHCP_STORE_MARK_S;
    store->wants_mark = false;
    store->wall_less_s =
        store->wall_s ? (int64_t)(store->wall_s - journal_now_s(store)) : WALL_UNKNOWN;
}

static void write_now(struct dhcp_store *store)
{
    struct dhcp_journal_group group = group_of(store, &store->now);
    struct cs buf[DHCP_JOURNAL_GROUP_BLOCKS];

    for (unsigned i = 0; i < ARRAY_SIZE(buf); i++)
        buf[i] = page_view(store->pages[STORE_PAGE_NOW + i]);
    group.buf = buf;
    put_notes(store, &group);
    write_group(store, &store->io[0], &store->now, &group, STORE_PAGE_NOW);
}

/* A piece of the table, and what is committed meanwhile. */
static void write_anew(struct dhcp_store *store)
{
    struct dhcp_journal_group group = group_of(store, &store->anew);
    struct cs buf[2 * DHCP_JOURNAL_GROUP_BLOCKS];
    struct dhcp_leases *leases = store->conf.leases;
    const struct dhcp_lease *lease = NULL;
    struct dhcp_lease_kept kept;

    for (unsigned i = 0; i < ARRAY_SIZE(buf); i++)
        buf[i] = page_view(store->pages[STORE_PAGE_ANEW + i]);
    group.buf = buf;
    for (unsigned looks = 0; looks < TABLE_LOOKS && group.records < DHCP_STORE_GROUP; looks++) {
        lease = dhcp_leases_at(leases, store->table_at);
        if (!lease)
            break;
        store->table_at++;
        if (dhcp_lease_keep(leases, lease, &kept))
            put(store, &group, &kept);
    }
    store->table_done = dhcp_leases_at(leases, store->table_at) == NULL;
    put_notes(store, &group);
    if (group.records)
        write_group(store, &store->io[1], &store->anew, &group, STORE_PAGE_ANEW);
}

/* ---- steps ----------------------------------------------------------------------------------- */

void dhcp_store_rewrite(struct dhcp_store *store, uint32_t half_blocks)
{
    const struct dhcp_leases *leases = store->conf.leases;

    /* The server's key is another each time, so is the number each time of one run. */
    store->anew =
        (struct dhcp_store_half){.generation = store->now.generation + 1,
                                 .salt = dhcp_hash(leases->key, ++store->attempts, CS_RO_EMPTY),
                                 .half = store->now.half ^ 1,
                                 .half_blocks = half_blocks,
                                 .slot = (store->now.slot + 2) % DHCP_JOURNAL_HEADS};
    store->table_at = 0;
    store->rewriting = true;
    store->table_done = store->overrun = false;
}

/* Is it time to rewrite? While the table is written, as much may be committed. */
static bool nearly_full(const struct dhcp_store *store)
{
    uint32_t table = blocks_of(store->conf.leases->used) + 2 * DHCP_JOURNAL_GROUP_BLOCKS;
    const struct dhcp_store_half *now = &store->now;

    return now->half_blocks - now->next < u32_min(table, now->half_blocks / 4);
}

/* How many notes can be committed now. */
static uint32_t room(const struct dhcp_store *store)
{
    uint32_t n = u32_min(store->note_count, DHCP_STORE_GROUP), blocks = blocks_of(n);
    const struct dhcp_leases *leases = store->conf.leases;

    if (!store->failed && store->now.half_blocks - store->now.next < blocks)
        return 0;
    if (store->rewriting) {
        uint32_t table = blocks_of(leases->max - store->table_at) + 1;

        if (store->anew.half_blocks - store->anew.next < table + blocks)
            return 0;
    }
    return n;
}

static void write_head(struct dhcp_store *store, const struct dhcp_store_half *half, uint32_t copy)
{
    const struct dhcp_leases *leases = store->conf.leases;
    struct dhcp_journal_head head = {.generation = half->generation,
                                     .key = {leases->id_key[0], leases->id_key[1]},
                                     .journal_s = journal_now_s(store),
                                     .wall_s = store->wall_s,
                                     .commit = store->commit,
                                     .salt = half->salt,
                                     .half = half->half,
                                     .half_blocks = half->half_blocks};

    dhcp_journal_head_emit(page_view(store->pages[STORE_PAGE_HEAD]), &head);
    dhcp_store_io_fill(store, &store->io[0], BLK_WRITE,
                       (uint64_t)(half->slot + copy) * DHCP_JOURNAL_BLOCK_BYTES, STORE_PAGE_HEAD,
                       1);
}

/* WRITE: false where there is nothing to be written. */
static bool begin(struct dhcp_store *store)
{
    bool mark;

    if (store->failed && !store->rewriting) {
        if (store->now_ns < store->retry_at_ns || !store->conf.dev->online)
            return false;
        if (store->in_doubt) {
            store->step = STEP_HEAD;
            write_head(store, &store->anew, 0);
            return true;
        }
        dhcp_store_rewrite(store, store->now.half_blocks);
    }
    if (!store->rewriting && (store->overrun || nearly_full(store)))
        dhcp_store_rewrite(store, store->now.half_blocks);
    store->taken = room(store);
    store->taken_upto = store->noted - (store->note_count - store->taken);
    mark = (store->wants_mark || store->conf.leases->now_s >= store->mark_at_s) && !store->failed &&
           store->now.next < store->now.half_blocks;
    if (!store->taken && !mark && !store->rewriting)
        return false;
    if (mark && !store->taken)
        store->stats.marks++;
    store->commit++;
    if (!store->failed && (store->taken || mark))
        write_now(store);
    if (store->rewriting)
        write_anew(store);
    store->flushes = store->taken || mark || store->table_done;
    return true;
}

bool dhcp_store_step_next(struct dhcp_store *store)
{
    store->status = 0;
    store->since_ns = store->now_ns;
    switch (store->step) {
    case STEP_WRITE:
        return begin(store);
    case STEP_FLUSH:
    case STEP_HEAD_FLUSH:
        dhcp_store_io_fill(store, &store->io[0], BLK_FLUSH, 0, 0, 0);
        return true;
    case STEP_HEAD:
        write_head(store, &store->anew, 0);
        return true;
    default:
        write_head(store, &store->now, 1);
        return true;
    }
}

/* What was written is on the device to stay; though not yet the journal, where that is failed. */
static void committed(struct dhcp_store *store)
{
    if (!store->failed)
        store->kept = store->taken_upto;
    if (store->taken) {
        store->stats.commits++;
        store->stats.records += store->taken;
        if (store->taken > store->stats.commit_max)
            store->stats.commit_max = store->taken;
    }
    store->note_count -= store->taken;
    memmove(store->notes, store->notes + store->taken, store->note_count * sizeof(store->notes[0]));
    store->taken = 0;
}

static void switch_over(struct dhcp_store *store)
{
    store->now = store->anew;
    store->rewriting = false;
    /* What has changed since it was written is not in it: once more. */
    if (store->in_doubt) {
        store->in_doubt = false;
        return;
    }
    store->kept = store->taken_upto;
    store->stats.rewrites++;
    if (store->failed)
        LOG_INFO("dhcp: leases are kept on %s again", store->conf.name);
    store->failed = false;
}

void dhcp_store_step_done(struct dhcp_store *store)
{
    /* A device that went away may have come back without what its cache held: what it said of this
     * step is worth nothing. */
    if (store->status == 0 && (store->stalled || !store->conf.dev->online))
        store->status = store->stalled ? -E_TIMEDOUT : -E_NODEV;
    if (store->status != 0) {
        fail(store);
        return;
    }
    switch (store->step) {
    case STEP_WRITE:
        store->step = store->flushes ? STEP_FLUSH : STEP_WRITE;
        return;
    case STEP_FLUSH:
        committed(store);
        store->step = store->rewriting && store->table_done ? STEP_HEAD : STEP_WRITE;
        return;
    case STEP_HEAD:
        store->step = STEP_HEAD_FLUSH;
        return;
    case STEP_HEAD_FLUSH:
        switch_over(store);
        store->step = STEP_COPY;
        return;
    default:
        store->step = STEP_WRITE;
    }
}

/* ---- notes ----------------------------------------------------------------------------------- */

bool dhcp_store_note(struct dhcp_store *store, uint32_t addr, uint64_t *ticket)
{
    if (store->failed) {
        if (!store->conf.optional)
            return false;
        dhcp_store_note_later(store, addr);
        *ticket = 0;
        return true;
    }
    if (store->note_count == DHCP_STORE_NOTES)
        return false;
    store->notes[store->note_count++] = addr;
    *ticket = ++store->noted;
    return true;
}

void dhcp_store_note_later(struct dhcp_store *store, uint32_t addr)
{
    /* The rewrite that is to come will find it in the table. */
    if (store->failed && !store->rewriting)
        return;
    if (store->note_count == DHCP_STORE_NOTES) {
        store->stats.overruns += !store->overrun;
        store->overrun = true;
        return;
    }
    store->notes[store->note_count++] = addr;
    store->noted++;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool waits(const struct dhcp_store *store)
{
    return store->io[0].waits || store->io[1].waits;
}

static void look_at_clock(struct dhcp_store *store, uint64_t now_ns, uint64_t wall_ns)
{
    int64_t moved;

    (void)dhcp_leases_tick(store->conf.leases, now_ns, 0);
    if (now_ns > store->now_ns)
        store->now_ns = now_ns;
    store->wall_s = wall_ns / NS_PER_S;
    if (!store->wall_s)
        return;
    if (store->wall_less_s == WALL_UNKNOWN) {
        store->wants_mark = true;
        return;
    }
    moved = (int64_t)(store->wall_s - journal_now_s(store)) - store->wall_less_s;
    if (moved > CLOCK_STEP_S || moved < -CLOCK_STEP_S)
        store->wants_mark = true;
}

bool dhcp_store_poll(struct dhcp_store *store, uint64_t now_ns, uint64_t wall_ns)
{
    uint64_t before = store->kept + store->lost;
    unsigned steps = 0;

    look_at_clock(store, now_ns, wall_ns);
    reap(store);
    submit(store);
    while (!store->in_flight && !waits(store) && steps++ < STEPS_A_POLL) {
        if (store->busy) {
            store->busy = false;
            dhcp_store_step_done(store);
        }
        store->busy = dhcp_store_step_next(store);
        if (!store->busy)
            break;
        submit(store);
    }
    if (store->busy && !store->stalled && store->now_ns - store->since_ns >= DHCP_STORE_STALL_NS) {
        store->stalled = true;
        store->bad_at = store->io[0].req.start;
        lose(store, -E_TIMEDOUT);
    }
    return store->kept + store->lost != before || steps > STEPS_A_POLL;
}

bool dhcp_store_arm(struct dhcp_store *store)
{
    if (!store->busy && store->note_count && !store->failed)
        return true;
    return blkdev_arm(store->conf.dev);
}

uint64_t dhcp_store_poll_at(const struct dhcp_store *store)
{
    uint64_t at = (uint64_t)store->mark_at_s * NS_PER_S;

    if (store->busy)
        return store->stalled ? NS_NEVER : store->since_ns + DHCP_STORE_STALL_NS;
    if (store->failed)
        return store->retry_at_ns > store->now_ns ? store->retry_at_ns
                                                  : store->now_ns + DHCP_STORE_RETRY_NS;
    return store->wall_s ? u64_min(at, store->now_ns + CLOCK_LOOK_NS) : at;
}

void dhcp_store_end(struct dhcp_store *store)
{
    store->wants_mark = !store->failed;
}

bool dhcp_store_is_idle(const struct dhcp_store *store)
{
    if (store->busy)
        return store->stalled; /* there is nothing to wait for */
    return store->failed || (!store->note_count && !store->wants_mark);
}
