/* SPDX-License-Identifier: ISC */
/* dhcp_journal.h - leases as bytes of a disk: an append-only journal of checksummed records. Pure:
 * it says what blocks hold, and does no I/O (dhcp_store.h does).
 *
 *     block 0..7          heads: each generation's in the next two blocks, round and round
 *     block 8 ..          half 0, `half_blocks` blocks
 *     after it            half 1, as many
 *
 * The valid head with the highest generation says which half holds the journal. There, blocks are
 * written from the first on, in groups: a group is what one commit wrote, and begins a new block. A
 * block holds 36 records; a record is all that is known of one address, so a later one
 * stands for all before it. A journal that has filled its half is written anew, short, into the
 * other one, and a head of the next generation makes the switch. */
#ifndef MORGANA_DHCP_JOURNAL_H
#define MORGANA_DHCP_JOURNAL_H

#include <morgana/dhcp_lease.h>

#define DHCP_JOURNAL_BLOCK_BYTES 4096u /* on every device, whatever its own blocks are */
#define DHCP_JOURNAL_HEADS 8u          /* blocks of heads */
#define DHCP_JOURNAL_RECORDS 36u       /* of a block */
#define DHCP_JOURNAL_GROUP_BLOCKS 4u   /* of one commit's records, at most */
#define DHCP_JOURNAL_HALF_MAX (1u << 18)
/* What lies in blocks' first bytes: 8, and 4. */
#define DHCP_JOURNAL_MAGIC "MRGLEASE"

struct dhcp_journal_head {
    uint64_t generation; /* from 1 */
    /* Of the checksums, and of long client ids (dhcp_leases_use_id_key): as long as the journal
     * lives */
    uint64_t key[2];
    uint64_t journal_s, wall_s; /* when it was written; wall_s: seconds since 1970, 0: not known */
    uint64_t commit;            /* of the last group before this generation */
    /* Goes into the checksums of what this generation wrote: never the same twice, so that nothing
     * that an attempt at a generation left behind, when power was lost, is taken for the next's */
    uint64_t salt;
    uint32_t half, half_blocks;
};

/* How many bytes of a disk a journal of so many leases needs at least. */
uint64_t dhcp_journal_bytes_min(uint32_t leases_max);
/* How many it takes where there is room: it is rewritten the more seldom. */
uint64_t dhcp_journal_bytes(uint32_t leases_max);
/* Blocks of a half for a region of `bytes`, or 0: too small. */
uint32_t dhcp_journal_half_blocks(uint64_t bytes, uint32_t leases_max);

/* Does a disk begin with a journal? `first`: its first DHCP_JOURNAL_HEADS blocks, or more. */
bool dhcp_journal_is_ours(struct cs_ro first);

/* block: DHCP_JOURNAL_BLOCK_BYTES. */
void dhcp_journal_head_emit(struct cs block, const struct dhcp_journal_head *head);
/* False: not a head, or a damaged one. */
bool dhcp_journal_head_parse(struct cs_ro block, struct dhcp_journal_head *head);

/* A group being written: zero it, set what stands above the line. */
struct dhcp_journal_group {
    const uint64_t *key; /* Lent */
    uint64_t salt, generation, commit, journal_s, wall_s;
    uint32_t first;       /* index of its first block, in its half */
    const struct cs *buf; /* Lent: DHCP_JOURNAL_BLOCK_BYTES each, as many as will be needed */
    /* ---- */
    uint32_t records;
};
/* kept->expires_s: on the journal's clock. */
void dhcp_journal_put(struct dhcp_journal_group *group, const struct dhcp_lease_kept *kept);
/* Ends it. Returns its blocks: at least one, which tells the time. */
uint32_t dhcp_journal_end(struct dhcp_journal_group *group);

#define DHCP_JOURNAL_DAMAGES 8u

/* A half being read, from its first block to its last: zero it, set what stands above the line. */
struct dhcp_journal_scan {
    const uint64_t *key; /* Lent */
    uint64_t salt;
    /* ---- */
    uint32_t end;       /* after the last block that was written */
    uint32_t first;     /* block of the last group */
    uint64_t commit;    /* its number */
    uint64_t journal_s; /* the latest time that a block told, */
    uint64_t wall_s;    /* and that wall clock */
    uint32_t records;   /* good ones */
    uint32_t groups;
    /* Damage: blocks and records that were written, could be relied on, and are not whole any more.
     * Where: the first few, as bytes from the half's begin */
    uint64_t damaged_at[DHCP_JOURNAL_DAMAGES];
    uint32_t damaged;
    /* The same in the last group: its write was cut off, most likely, and then nobody was told that
     * it had been done. Until the end: what may be either */
    uint64_t torn_at[DHCP_JOURNAL_DAMAGES];
    uint32_t torn;
    uint32_t looked_at; /* blocks */
    uint32_t gap;       /* blocks not written, or unreadable, since `end` */
    uint32_t unread;    /* of them, counted by the caller: those that the device could not read */
};
/* The next block. Gives its good records in the order in which they were written, as many as
 * DHCP_JOURNAL_RECORDS, and returns how many. */
unsigned dhcp_journal_scan_block(struct dhcp_journal_scan *scan, struct cs_ro block,
                                 struct dhcp_lease_kept *records);

#endif
