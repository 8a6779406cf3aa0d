/* SPDX-License-Identifier: ISC */
/* dhcp_store.h - leases that outlive a restart: the table of leases kept on a block device, as
 * dhcp_journal.h has it.
 *
 *     dhcp_store_open(&store, &conf, plat_now_ns(), plat_wall_ns());   reads; waits for the device
 *     uc.store = &store; dhcp_udp_open(&edge, &uc);
 *     for (;;) {
 *         now = plat_now_ns();
 *         busy = netif_poll(...) | dhcp_udp_poll(&edge, now, budget);
 *         busy |= dhcp_store_poll(&store, now, plat_wall_ns());          never waits
 *         netdev_tx_flush(...);
 *         if (!busy && !netif_arm(nif) && !dhcp_store_arm(&store))
 *             plat_wait(u64_min(..., dhcp_store_poll_at(&store)));
 *     }
 *
 * A change of a lease is noted; what was noted since the last commit is written together, and one
 * flush makes it last. A reply that tells of a lease waits for that (dhcp_udp.h).
 *
 * A device that fails: one line says so, and that leases are kept again when they are. Until then
 * no lease is offered or acknowledged, for a restart would give it to somebody else; or, where
 * that is `optional`, clients are served from memory. Every five seconds it is tried again, by
 * writing the whole table anew. */
#ifndef MORGANA_DHCP_STORE_H
#define MORGANA_DHCP_STORE_H

#include <morgana/blkdev.h>
#include <morgana/dhcp_journal.h>
#include <morgana/dhcp_server.h>

#define DHCP_STORE_PAGES 16u /* of the pool, for as long as it is open */
#define DHCP_STORE_GROUP (DHCP_JOURNAL_GROUP_BLOCKS * DHCP_JOURNAL_RECORDS)
#define DHCP_STORE_NOTES (2 * DHCP_STORE_GROUP) /* changes not yet on the device, at most */
#define DHCP_STORE_MARK_S 600u /* the time is written down so often where nothing else is */
#define DHCP_STORE_STALL_NS (10 * NS_PER_S) /* a request that takes longer is a device that fails */
#define DHCP_STORE_RETRY_NS (5 * NS_PER_S)

struct dhcp_store_conf {
    struct blkdev *dev;               /* Kept; nobody else's. All of it is the journal's */
    const char *name;                 /* Kept: what the device is called in messages */
    struct page_pool *pool;           /* Kept; DHCP_STORE_PAGES of it */
    const struct dhcp_server *server; /* Kept */
    struct dhcp_leases *leases;       /* Kept; with no record yet */
    bool optional;                    /* serve from memory where the device fails */
};

#define DHCP_STORE_STATS(S)                                                                        \
    S(commits)    /* groups that were flushed */                                                   \
    S(records)    /* in them */                                                                    \
    S(commit_max) /* records of the largest */                                                     \
    S(rewrites)   /* of the whole table into the other half */                                     \
    S(marks)      /* of the time */                                                                \
    S(failures)                                                                                    \
    S(overruns) /* more changes than could be noted: made good by a rewrite */
#define DHCP_STORE_STAT_FIELD(name) uint64_t name;
struct dhcp_store_stats {
    DHCP_STORE_STATS(DHCP_STORE_STAT_FIELD)
};
#define DHCP_STORE_STAT_NAME(name) #name,
static const UNUSED char *const dhcp_store_stat_names[] = {DHCP_STORE_STATS(DHCP_STORE_STAT_NAME)};
enum { DHCP_STORE_STAT_COUNT = ARRAY_SIZE(dhcp_store_stat_names) };

/* What was found at the start. */
struct dhcp_store_found {
    bool is_new;
    uint32_t blocks; /* read: of the half in use, to the last that was written */
    uint32_t records;
    uint32_t leases;   /* valid */
    uint32_t left_out; /* records of valid ones that dhcpd.conf no longer has, or without room */
    uint32_t damaged;  /* places on the device */
    uint64_t away_s;   /* since the last commit, by the wall clock */
};

/* A request to the device. */
struct dhcp_store_io {
    struct blk_req req;
    struct blk_seg segs[2 * DHCP_JOURNAL_GROUP_BLOCKS];
    bool waits; /* to be submitted */
};

/* One of the two halves, as far as it is written. */
struct dhcp_store_half {
    uint64_t generation, salt;
    uint32_t half, half_blocks;
    uint32_t next; /* block to be written next */
    uint32_t slot; /* of its head's first copy */
};

/* Caller's storage; only `found`, `stats` and `failed` are to be read. Where a request is in flight
 * when it is closed, it is the device's until that is closed too. */
struct dhcp_store {
    struct dhcp_store_conf conf;
    struct page *pages[DHCP_STORE_PAGES];
    struct dhcp_store_io io[2];
    unsigned in_flight;
    int status;      /* of the requests of this step: the first that is not 0 */
    uint64_t bad_at; /* where on the device */
    uint8_t step;    /* what the requests in flight are */
    bool busy;       /* a step is on its way */
    uint64_t since_ns;

    uint32_t unread; /* at the start: blocks that the device could not read, as often as asked */

    struct dhcp_store_half now, anew;
    bool rewriting;    /* `anew` is being written */
    uint32_t table_at; /* next record of the table for it */
    bool table_done;   /* all of them are in flight, or there */
    bool in_doubt;     /* the head of `anew` may be on the device, or not */
    uint64_t attempts; /* at rewriting */
    uint64_t commit;   /* number of the last group */

    uint32_t notes[DHCP_STORE_NOTES]; /* addresses whose leases changed, in order */
    uint32_t note_count, taken;       /* the first `taken` are on their way */
    bool flushes, overrun;
    uint64_t noted, kept, lost; /* tickets */
    uint64_t taken_upto;

    int64_t journal_s;   /* the journal's clock less the leases' */
    int64_t wall_less_s; /* the wall clock less the journal's, as last written down */
    uint64_t wall_s;     /* 0: there is none */
    uint64_t now_ns;
    uint32_t mark_at_s;
    bool wants_mark;

    bool failed, stalled;
    uint64_t retry_at_ns;
    struct dhcp_store_found found;
    struct dhcp_store_stats stats;
};

/* Counter number i of dhcp_store_stat_names. */
static inline uint64_t dhcp_store_stat(const struct dhcp_store *store, unsigned i)
{
    const uint64_t counters[] = {
#define DHCP_STORE_STAT_VALUE(name) store->stats.name,
        DHCP_STORE_STATS(DHCP_STORE_STAT_VALUE)};

    return i < ARRAY_SIZE(counters) ? counters[i] : 0;
}

/* Reads what is there into the table, makes a new journal where the first DHCP_JOURNAL_HEADS blocks
 * are all zeroes, and puts right what is damaged (each with a line). now_ns: plat_now_ns();
 * wall_ns: nanoseconds since 1970, 0: not known. Waits for the device. Keeps store until
 * dhcp_store_close. -E_NOSPC: too small for leases->max, see dhcp_journal_bytes_min; -E_ROFS;
 * -E_PROTO: it holds something else; -E_NOMEM: of pages; -E_IO: neither copy of a head can be read,
 * and it may be the newest, or blocks come and go; and the device's errors. */
int dhcp_store_open(struct dhcp_store *store, const struct dhcp_store_conf *conf, uint64_t now_ns,
                    uint64_t wall_ns);
/* What was not yet written is not. To have it written: dhcp_store_end, and poll until idle. */
void dhcp_store_close(struct dhcp_store *store);

/* The lease of `addr` has changed: it is written down as it is when the next commit begins. Gives a
 * ticket, 0 where nobody need wait; false: no room now, or (failed, not optional) not at all, and
 * nothing must be told. */
bool dhcp_store_note(struct dhcp_store *store, uint32_t addr, uint64_t *ticket);
/* The same for what nobody waits for: it is not lost for want of room. */
void dhcp_store_note_later(struct dhcp_store *store, uint32_t addr);
/* LOST: it will not be written. */
enum dhcp_store_fate { DHCP_STORE_WAITS, DHCP_STORE_KEPT, DHCP_STORE_LOST };
/* What has become of a ticket. */
static inline enum dhcp_store_fate dhcp_store_fate(const struct dhcp_store *store, uint64_t ticket)
{
    if (ticket <= store->kept)
        return DHCP_STORE_KEPT;
    return ticket <= store->lost ? DHCP_STORE_LOST : DHCP_STORE_WAITS;
}
/* Could a lease be promised now? */
static inline bool dhcp_store_serves(const struct dhcp_store *store)
{
    return !store->failed || store->conf.optional;
}

/* Takes what the device has finished, and gives it what is next. True: something has come to its
 * end, look again. */
bool dhcp_store_poll(struct dhcp_store *store, uint64_t now_ns, uint64_t wall_ns);
/* Asks the device for a wake-up. True: there is work now. */
bool dhcp_store_arm(struct dhcp_store *store);
/* When it must be polled again though nothing comes. */
uint64_t dhcp_store_poll_at(const struct dhcp_store *store);

/* The program is about to end: the time is to be written down. */
void dhcp_store_end(struct dhcp_store *store);
/* Nothing is in flight that will come to its end, noted, or to be done but in its time. */
bool dhcp_store_is_idle(const struct dhcp_store *store);

#endif
