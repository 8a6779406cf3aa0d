/* SPDX-License-Identifier: ISC */
/* dhcp_store_open.c - the start: the journal is read into the table of leases.
 *
 * The half in use is read twice, a block after the other: first to find where it ends, what is
 * damaged and what time it was, by which it is known which leases are over; then for the leases.
 * Blocks that the device cannot read, tried three times, count as damaged. Where anything is not as
 * it should be, the journal is rewritten at once, so that the loop begins with a clean one, and
 * nothing is ever written behind what was not read: it might be there the next time, and later than
 * what is not. Where neither copy of a head can be read, that may be the newest, and all the others
 * tell of leases as they once were: then nothing is read, and nothing written. */
#include "dhcp_store_priv.h"

#include <morgana/blk_io.h>
#include <morgana/log.h>

enum { RUN = 2 * DHCP_JOURNAL_GROUP_BLOCKS }; /* blocks read by one request */
enum { READ_TRIES = 3 };

static struct cs_ro block_of(const struct dhcp_store *store, unsigned page)
{
    return cs_as_ro(page_view(store->pages[page]));
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_run(struct dhcp_store *store, uint64_t at, unsigned page, uint32_t blocks)
{
    struct dhcp_store_io *io = &store->io[0];

    dhcp_store_io_fill(store, io, BLK_READ, at, page, blocks);
    io->waits = false;
    return blk_io(store->conf.dev, &io->req);
}

/* A block that cannot be read is a page of zeroes, and told of, as long as that is no flood. */
static void unreadable(struct dhcp_store *store, uint64_t at, unsigned page)
{
    cs_fill(page_view(store->pages[page]), 0);
    if (store->unread++ < DHCP_JOURNAL_DAMAGES)
        LOG_WARN("dhcp: leases on %s: the device cannot read byte %llu", store->conf.name,
                 (unsigned long long)at);
}

/* Blocks into the first pages; where all together cannot be read, one by one. *unread: a bit for
 * each that cannot. An error is the device's end. */
static int read_blocks(struct dhcp_store *store, uint64_t at, uint32_t blocks, uint32_t *unread)
{
    int err = read_run(store, at, 0, blocks);

    *unread = 0;
    if (err != -E_IO)
        return err;
    for (uint32_t i = 0; i < blocks; i++, at += DHCP_JOURNAL_BLOCK_BYTES) {
        err = -E_IO;
        for (unsigned tries = 0; tries < READ_TRIES && err == -E_IO; tries++)
            err = read_run(store, at, i, 1);
        if (err == -E_IO) {
            unreadable(store, at, i);
            *unread |= 1u << i;
        } else if (err != 0) {
            return err;
        }
    }
    return 0;
}

static void tell_damage(struct dhcp_store *store, const char *what, uint64_t at)
{
    LOG_WARN("dhcp: leases on %s: %s at byte %llu", store->conf.name, what, (unsigned long long)at);
}

/* Is there a head of which neither copy is left, and one was not read? */
static bool head_is_lost(uint32_t unread, uint32_t bad)
{
    for (uint32_t slot = 0; slot < DHCP_JOURNAL_HEADS; slot += 2)
        if ((unread >> slot & 3) != 0 && ((unread | bad) >> slot & 3) == 3)
            return true;
    return false;
}

/* The newest valid head, and the first of its two slots. *bad: slots that are damaged; *whole: both
 * of its copies are there, and no slot is, and all could be read. -E_NOENT: nothing is there;
 * -E_PROTO: something else; -E_IO: the newest may be one that cannot be read. */
static int read_heads(struct dhcp_store *store, struct dhcp_journal_head *head, uint32_t *slot,
                      uint32_t *bad, bool *whole)
{
    uint32_t copies = 0, unread;
    int err = read_blocks(store, 0, DHCP_JOURNAL_HEADS, &unread);
    struct dhcp_journal_head h;

    STATIC_ASSERT(DHCP_JOURNAL_HEADS <= RUN, "read by one request");
    if (err != 0)
        return err;
    head->generation = 0;
    for (uint32_t i = 0; i < DHCP_JOURNAL_HEADS; i++) {
        if (!dhcp_journal_head_parse(block_of(store, i), &h)) {
            *bad |= cs_is_zero(block_of(store, i)) ? 0 : 1u << i;
            continue;
        }
        copies = h.generation == head->generation ? copies + 1 : copies;
        if (h.generation > head->generation) {
            *head = h;
            *slot = i & ~1u;
            copies = 1;
        }
    }
    if (head_is_lost(unread, *bad) || (!head->generation && unread))
        return -E_IO;
    if (!head->generation)
        return *bad ? -E_PROTO : -E_NOENT;
    for (uint32_t i = 0; i < DHCP_JOURNAL_HEADS; i++)
        if (*bad >> i & 1) {
            tell_damage(store, "a damaged head", (uint64_t)i * DHCP_JOURNAL_BLOCK_BYTES);
            store->found.damaged++;
        } else {
            store->found.damaged += unread >> i & 1;
        }
    *whole = copies == 2 && !*bad && !unread;
    return 0;
}

/* Zeroes for those heads that are in `slots`: damaged ones. */
static int wipe_heads(struct dhcp_store *store, uint32_t slots)
{
    struct dhcp_store_io *io = &store->io[0];
    int err;

    cs_fill(page_view(store->pages[0]), 0);
    for (uint32_t i = 0; i < DHCP_JOURNAL_HEADS; i++) {
        if ((slots >> i & 1) == 0)
            continue;
        dhcp_store_io_fill(store, io, BLK_WRITE, (uint64_t)i * DHCP_JOURNAL_BLOCK_BYTES, 0, 1);
        io->waits = false;
        err = blk_io(store->conf.dev, &io->req);
        if (err != 0)
            return err;
    }
    dhcp_store_io_fill(store, io, BLK_FLUSH, 0, 0, 0);
    io->waits = false;
    return blk_io(store->conf.dev, &io->req);
}

/* One lease of the journal into the table. */
static void restore(struct dhcp_store *store, struct dhcp_lease_kept *kept)
{
    struct dhcp_leases *leases = store->conf.leases;
    uint16_t pool, net;
    bool valid;

    if (kept->expires_s != DHCP_LEASE_KEPT_NEVER) {
        int64_t at = (int64_t)(kept->expires_s & INT64_MAX) - store->journal_s;

        kept->expires_s = at > 0 ? (uint64_t)at : 0;
        /* Should what told the time be damaged; a second may have been nearly over. */
        if (kept->left_s != UINT32_MAX)
            kept->expires_s = u64_min(kept->expires_s, (uint64_t)leases->now_s + kept->left_s + 1);
    }
    valid = kept->state != DHCP_LEASE_FREE && kept->expires_s > leases->now_s;
    if (!dhcp_server_place(store->conf.server, leases, kept->addr, &pool, &net) ||
        !dhcp_leases_restore(leases, kept, pool, net))
        store->found.left_out += valid;
}

/* Reads blocks 0..n of a half through `scan`; where `restores`, into the table. */
static int read_half(struct dhcp_store *store, const struct dhcp_store_half *half, uint32_t n,
                     struct dhcp_journal_scan *scan, bool restores)
{
    struct dhcp_lease_kept records[DHCP_JOURNAL_RECORDS];

    for (uint32_t i = 0; i < n; i += RUN) {
        uint32_t blocks = u32_min(n - i, RUN), unread;
        int err = read_blocks(store, store_block_at(half, i), blocks, &unread);

        if (err != 0)
            return err;
        for (uint32_t k = 0; k < blocks; k++) {
            unsigned good = dhcp_journal_scan_block(scan, block_of(store, k), records);

            scan->unread += unread >> k & 1;
            for (unsigned r = 0; restores && r < good; r++)
                restore(store, &records[r]);
        }
    }
    return 0;
}

/* ---- what was read --------------------------------------------------------------------------- */

static void tell_scan(struct dhcp_store *store, const struct dhcp_journal_scan *scan)
{
    uint64_t base = store_block_at(&store->now, 0);

    for (uint32_t i = 0; i < u32_min(scan->damaged, DHCP_JOURNAL_DAMAGES); i++)
        tell_damage(store, "damaged", base + scan->damaged_at[i]);
    if (scan->damaged > DHCP_JOURNAL_DAMAGES)
        LOG_WARN("dhcp: leases on %s: damaged in %u places more", store->conf.name,
                 scan->damaged - DHCP_JOURNAL_DAMAGES);
    if (scan->torn)
        LOG_WARN("dhcp: leases on %s: the last write is not whole at byte %llu: no client was told "
                 "of it, unless the device lost it since",
                 store->conf.name, (unsigned long long)(base + scan->torn_at[0]));
    if (scan->damaged)
        LOG_WARN("dhcp: leases on %s: %u good records are kept; what was damaged is lost",
                 store->conf.name, scan->records);
    if (store->unread > DHCP_JOURNAL_DAMAGES)
        LOG_WARN("dhcp: leases on %s: the device could not read %u blocks more", store->conf.name,
                 store->unread - DHCP_JOURNAL_DAMAGES);
    store->found.blocks = scan->end;
    store->found.records = scan->records;
    store->found.damaged += scan->damaged + scan->unread;
}

/* The journal's clock goes on: see dhcp_store.c. */
static void go_on(struct dhcp_store *store, uint64_t journal_s, uint64_t then_s)
{
    uint64_t away = 0;

    /* Seconds of either end may have been nearly over. */
    if (then_s && store->wall_s > then_s + 1)
        away = store->wall_s - then_s - 1;
    away = u64_min(away, UINT32_MAX);
    store->found.away_s = away;
    store->journal_s = (int64_t)(journal_s + away) - store->conf.leases->now_s;
}

static void count_leases(struct dhcp_store *store)
{
    const struct dhcp_leases *leases = store->conf.leases;
    const struct dhcp_lease *lease;

    for (uint32_t i = 0; (lease = dhcp_leases_at(leases, i)) != NULL; i++)
        store->found.leases += dhcp_lease_state(leases, lease) == DHCP_LEASE_BOUND;
    if (store->found.left_out)
        LOG_WARN("dhcp: leases on %s: %u records are left out: dhcpd.conf has no such address any "
                 "more, or there is no room",
                 store->conf.name, store->found.left_out);
}

/* Does all that is to be written, and waits for it. */
static int write_all(struct dhcp_store *store)
{
    while (store->rewriting || store->step) {
        if (!dhcp_store_step_next(store))
            break;
        for (unsigned i = 0; i < ARRAY_SIZE(store->io); i++) {
            struct dhcp_store_io *io = &store->io[i];

            if (io->waits && store->status == 0) {
                store->status = blk_io(store->conf.dev, &io->req);
                store->bad_at = io->req.start;
            }
            io->waits = false;
        }
        if (store->status != 0)
            return store->status;
        dhcp_store_step_done(store);
    }
    return 0;
}

static int read_all(struct dhcp_store *store, uint32_t half_blocks, uint32_t *bad)
{
    struct dhcp_leases *leases = store->conf.leases;
    struct dhcp_journal_scan scan = {0}, again = {0};
    struct dhcp_journal_head head;
    bool whole = true;
    uint32_t slot = 0, unread;
    int err = read_heads(store, &head, &slot, bad, &whole);

    if (err == -E_NOENT) {
        store->found.is_new = true;
        store->now = (struct dhcp_store_half){
            .half = 1, .half_blocks = half_blocks, .slot = DHCP_JOURNAL_HEADS - 2};
        go_on(store, 0, 0);
        dhcp_store_rewrite(store, half_blocks);
        return 0;
    }
    if (err != 0)
        return err;
    store->now = (struct dhcp_store_half){.generation = head.generation,
                                          .salt = head.salt,
                                          .half = head.half,
                                          .half_blocks = head.half_blocks,
                                          .slot = slot};
    if (store_block_at(&(struct dhcp_store_half){.half = 1, .half_blocks = head.half_blocks},
                       head.half_blocks) > store->conf.dev->caps.bytes)
        return -E_PROTO;
    dhcp_leases_use_id_key(leases, head.key);
    scan.key = again.key = leases->id_key;
    scan.salt = again.salt = head.salt;
    scan.journal_s = head.journal_s;
    scan.wall_s = head.wall_s;
    err = read_half(store, &store->now, head.half_blocks, &scan, false);
    if (err != 0)
        return err;
    go_on(store, scan.journal_s, scan.wall_s);
    unread = store->unread;
    err = read_half(store, &store->now, scan.end, &again, true);
    if (err == 0 && again.records < scan.records) /* what was there a moment ago */
        err = -E_IO;
    if (err != 0)
        return err;
    store->unread = unread; /* not those of the second time too */
    dhcp_leases_restored(leases);
    tell_scan(store, &scan);
    count_leases(store);
    store->now.next = scan.end;
    store->commit = scan.commit > head.commit ? scan.commit : head.commit;
    if (!whole || scan.damaged || scan.torn || store->unread || head.half_blocks < half_blocks)
        dhcp_store_rewrite(store, half_blocks > head.half_blocks ? half_blocks : head.half_blocks);
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void put_pages(struct dhcp_store *store)
{
    for (unsigned i = 0; i < DHCP_STORE_PAGES; i++)
        if (store->pages[i])
            page_put(store->pages[i]);
    memset(store->pages, 0, sizeof(store->pages));
}

int dhcp_store_open(struct dhcp_store *store, const struct dhcp_store_conf *conf, uint64_t now_ns,
                    uint64_t wall_ns)
{
    const struct blkdev_caps *caps = &conf->dev->caps;
    uint32_t half_blocks = dhcp_journal_half_blocks(caps->bytes, conf->leases->max);
    uint32_t bad = 0;
    int err = 0;

    memset(store, 0, sizeof(*store));
    store->conf = *conf;
    if (caps->read_only)
        return -E_ROFS;
    if (!half_blocks)
        return -E_NOSPC;
    for (unsigned i = 0; i < DHCP_STORE_PAGES && err == 0; i++)
        if ((store->pages[i] = page_get(conf->pool)) == NULL)
            err = -E_NOMEM;
    (void)dhcp_leases_tick(conf->leases, now_ns, 0);
    store->now_ns = now_ns;
    store->wall_s = wall_ns / NS_PER_S;
    store->mark_at_s = UINT32_MAX;
    if (err == 0)
        err = read_all(store, half_blocks, &bad);
    if (err == 0)
        err = write_all(store);
    bad &= ~(3u << store->now.slot);
    if (err == 0 && bad)
        err = wipe_heads(store, bad);
    /* If there is a wall clock, its time is written down when the loop begins. */
    store->mark_at_s = conf->leases->now_s + DHCP_STORE_MARK_S;
    store->wall_less_s = INT64_MIN;
    if (err != 0)
        put_pages(store);
    return err;
}

void dhcp_store_close(struct dhcp_store *store)
{
    put_pages(store);
}
