/* SPDX-License-Identifier: ISC */
/* dhcp_journal.c - leases as bytes of a disk.
 *
 * Theory of operation
 *
 * Goal: whatever happens to the power, each lease that its client was told of is there afterwards;
 * whatever happens to the medium, all that can still be read is used, and what cannot is told of.
 *
 * Blocks and torn writes. A write of several sectors that power is lost in may leave some of them
 * old and some new. So no block is ever written twice in a generation: each commit begins a new
 * block, and leaves the rest of its last one empty. A write that is cut off can then only spoil
 * what was not yet on the disk, and nobody has been told of that. 4096 bytes are the unit on
 * devices of 512-byte blocks too: a page, what disks write at a time, and a file stays readable on
 * another disk. What a nearly empty block costs, 4 KiB, the medium would have written anyway.
 *
 * Checksums. Each record has its own, so that a spoiled sector takes no more with it than the
 * records it holds; so have a block's head and the heads of generations. They are SipHash-1-3 under
 * a key of the journal's own, 64 bits, with the generation's salt, block and slot hashed in. A
 * CRC32C would find any burst of 32 bits with certainty, which this finds with 1 - 2^-64; but what
 * must be told apart here, over and over, is not a flipped bit but a whole record that does not
 * belong: an earlier generation's in a block not yet written, some deleted file's under a new one,
 * one that a disk put in the wrong place, or one that a client sent us as its name for just that
 * purpose. Of such, a CRC accepts one in 2^32, or all of them, that are forged or in the wrong
 * place.
 *
 * Where the journal ends. Behind its last block lie what an earlier generation left, or anything.
 * A block that has no valid head and no valid record was not written in this generation, or is
 * damaged; which of both, what comes after it says. A spoiled block or record is in the last group,
 * or it is damage: for a group is begun only when the one before it was on the disk. Each record
 * names its group as its block's head does, so that either may be spoiled.
 *
 * Time: see dhcp_store.c. */
#include <morgana/dhcp_journal.h>
#include <morgana/field.h>

#define VERSION 1u
#define BLOCK_MAGIC UINT32_C(0x424a4c4d) /* "MLJB" */
#define HEAD_SLOT 63u                    /* a block's head, in what checksums are made from */
#define HALF_BLOCKS_MIN 64u

#define HEAD_FIELDS(F, p)                                                                          \
    F(p, b8, magic)                                                                                \
    F(p, le32, version)                                                                            \
    F(p, le32, half)                                                                               \
    F(p, le32, half_blocks)                                                                        \
    F(p, le32, block_bytes)                                                                        \
    F(p, le64, generation)                                                                         \
    F(p, le64, key0)                                                                               \
    F(p, le64, key1)                                                                               \
    F(p, le64, journal_s)                                                                          \
    F(p, le64, wall_s)                                                                             \
    F(p, le64, commit)                                                                             \
    F(p, le64, salt)                                                                               \
    F(p, le64, check)
FIELD_TABLE(jhead, HEAD_FIELDS)
STATIC_ASSERT(jhead_SIZE <= 512, "a head is written whole: it is in one sector");

#define BLOCK_FIELDS(F, p)                                                                         \
    F(p, le32, magic)                                                                              \
    F(p, le32, count)                                                                              \
    F(p, le64, generation)                                                                         \
    F(p, le64, commit)                                                                             \
    F(p, le32, index)                                                                              \
    F(p, le32, first) /* block of its group */                                                     \
    F(p, le64, journal_s)                                                                          \
    F(p, le64, wall_s)                                                                             \
    F(p, b8, spare)                                                                                \
    F(p, le64, check)
FIELD_TABLE(jblock, BLOCK_FIELDS)

#define RECORD_FIELDS(F, p)                                                                        \
    F(p, le64, check)                                                                              \
    F(p, le64, commit)                                                                             \
    F(p, le64, expires_s)                                                                          \
    F(p, le32, addr)                                                                               \
    F(p, le32, first)                                                                              \
    F(p, le32, left_s) /* when it was written: the longest it can have left */                     \
    F(p, u8, state)                                                                                \
    F(p, u8, flags)                                                                                \
    F(p, u8, id_len)                                                                               \
    F(p, u8, name_len)                                                                             \
    F(p, b6, mac)                                                                                  \
    F(p, b2, spare)                                                                                \
    F(p, b20, id)                                                                                  \
    F(p, b16, id_end)                                                                              \
    F(p, b12, name)                                                                                \
    F(p, b16, name_end)
FIELD_TABLE(jrecord, RECORD_FIELDS)
STATIC_ASSERT(jblock_SIZE + DHCP_JOURNAL_RECORDS * jrecord_SIZE == DHCP_JOURNAL_BLOCK_BYTES,
              "a block is full of them");
STATIC_ASSERT(jrecord_name_OFF - jrecord_id_OFF == DHCP_LEASE_ID_BYTES &&
                  jrecord_SIZE - jrecord_name_OFF == DHCP_LEASE_NAME_BYTES,
              "ids and names fit");

/* Seconds that are counted with: whatever a disk says, sums of them do not overflow. */
#define SECONDS_MAX (UINT64_C(1) << 60)

enum { FLAG_BY_ID = 1, FLAG_CURRENT = 2, FLAG_MAC = 4, FLAGS = 7 };

/* ---- sizes ----------------------------------------------------------------------------------- */

static uint64_t snapshot_blocks(uint32_t leases_max)
{
    return leases_max / DHCP_JOURNAL_RECORDS + 1;
}

static uint64_t region_bytes(uint64_t half_blocks)
{
    if (half_blocks < HALF_BLOCKS_MIN)
        half_blocks = HALF_BLOCKS_MIN;
    return (DHCP_JOURNAL_HEADS + 2 * half_blocks) * DHCP_JOURNAL_BLOCK_BYTES;
}

/* Room for all leases, and for as many blocks of what changes while they are written. */
uint64_t dhcp_journal_bytes_min(uint32_t leases_max)
{
    return region_bytes(2 * snapshot_blocks(leases_max) + 4 * DHCP_JOURNAL_GROUP_BLOCKS);
}

/* Twice that: half of all that is written is news. */
uint64_t dhcp_journal_bytes(uint32_t leases_max)
{
    return region_bytes(4 * snapshot_blocks(leases_max) + 16 * DHCP_JOURNAL_GROUP_BLOCKS);
}

uint32_t dhcp_journal_half_blocks(uint64_t bytes, uint32_t leases_max)
{
    if (bytes < dhcp_journal_bytes_min(leases_max))
        return 0;
    bytes = u64_min(bytes, dhcp_journal_bytes(leases_max));
    return (uint32_t)((bytes / DHCP_JOURNAL_BLOCK_BYTES - DHCP_JOURNAL_HEADS) / 2);
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* The key is in the head: what checks the head cannot be under it. */
static uint64_t head_check(struct cs_ro block)
{
    static const uint64_t key[2] = {UINT64_C(0x6d6f7267616e6120), UINT64_C(0x6c6561736573206a)};

    return dhcp_hash(key, VERSION, cs_head(block, jhead_check_OFF));
}

void dhcp_journal_head_emit(struct cs block, const struct dhcp_journal_head *head)
{
    ASSERT(block.len == DHCP_JOURNAL_BLOCK_BYTES && head->half < 2 && head->generation);
    cs_fill(block, 0);
    jhead_set_magic(block, cs_of_str(DHCP_JOURNAL_MAGIC));
    jhead_set_version(block, VERSION);
    jhead_set_half(block, head->half);
    jhead_set_half_blocks(block, head->half_blocks);
    jhead_set_block_bytes(block, DHCP_JOURNAL_BLOCK_BYTES);
    jhead_set_generation(block, head->generation);
    jhead_set_key0(block, head->key[0]);
    jhead_set_key1(block, head->key[1]);
    jhead_set_journal_s(block, head->journal_s);
    jhead_set_wall_s(block, head->wall_s);
    jhead_set_commit(block, head->commit);
    jhead_set_salt(block, head->salt);
    jhead_set_check(block, head_check(cs_as_ro(block)));
}

bool dhcp_journal_head_parse(struct cs_ro block, struct dhcp_journal_head *head)
{
    struct dhcp_journal_head h;

    if (block.len < jhead_SIZE ||
        !cs_equal(jhead_ro_get_magic(block), cs_of_str(DHCP_JOURNAL_MAGIC)) ||
        jhead_ro_get_check(block) != head_check(block))
        return false;
    h = (struct dhcp_journal_head){
        .generation = jhead_ro_get_generation(block),
        .key = {jhead_ro_get_key0(block), jhead_ro_get_key1(block)},
        .journal_s = jhead_ro_get_journal_s(block),
        .wall_s = jhead_ro_get_wall_s(block),
        .commit = jhead_ro_get_commit(block),
        .salt = jhead_ro_get_salt(block),
        .half = jhead_ro_get_half(block),
        .half_blocks = jhead_ro_get_half_blocks(block),
    };
    /* Ours, but numbers are still somebody else's: they may have been written on purpose. */
    if (jhead_ro_get_version(block) != VERSION ||
        jhead_ro_get_block_bytes(block) != DHCP_JOURNAL_BLOCK_BYTES || h.half > 1 ||
        h.half_blocks < HALF_BLOCKS_MIN || h.half_blocks > DHCP_JOURNAL_HALF_MAX || !h.generation ||
        h.generation >= UINT64_MAX / 2 || h.journal_s >= SECONDS_MAX || h.wall_s >= SECONDS_MAX)
        return false;
    *head = h;
    return true;
}

bool dhcp_journal_is_ours(struct cs_ro first)
{
    struct dhcp_journal_head head;

    for (uint32_t i = 0; i < DHCP_JOURNAL_HEADS; i++) {
        struct cs_ro block;

        if (cs_try_sub(first, i * DHCP_JOURNAL_BLOCK_BYTES, DHCP_JOURNAL_BLOCK_BYTES, &block) &&
            dhcp_journal_head_parse(block, &head))
            return true;
    }
    return false;
}

/* ---- writing --------------------------------------------------------------------------------- */

static uint64_t place(uint64_t salt, uint32_t index, uint32_t slot)
{
    return salt + (index << 6 | slot);
}

static uint64_t record_check(const uint64_t key[2], uint64_t at, struct cs_ro record)
{
    struct cs_ro bytes = cs_sub(record, jrecord_commit_OFF, jrecord_SIZE - jrecord_commit_OFF);
    uint64_t check = dhcp_hash(key, at, bytes);

    return check ? check : 1; /* 0 is an empty slot's */
}

static uint64_t block_check(const uint64_t key[2], uint64_t at, struct cs_ro block)
{
    return dhcp_hash(key, at, cs_head(block, jblock_check_OFF));
}

static size_t slot_off(uint32_t slot)
{
    return jblock_SIZE + slot * (size_t)jrecord_SIZE;
}

void dhcp_journal_put(struct dhcp_journal_group *group, const struct dhcp_lease_kept *kept)
{
    uint32_t i = group->records / DHCP_JOURNAL_RECORDS,
             slot = group->records % DHCP_JOURNAL_RECORDS;
    struct cs r = cs_sub(group->buf[i], slot_off(slot), jrecord_SIZE);
    uint64_t left_s = kept->expires_s > group->journal_s ? kept->expires_s - group->journal_s : 0;

    group->records++;
    cs_fill(r, 0);
    jrecord_set_commit(r, group->commit);
    jrecord_set_first(r, group->first);
    jrecord_set_expires_s(r, kept->expires_s);
    jrecord_set_left_s(r, (uint32_t)u64_min(left_s, UINT32_MAX));
    jrecord_set_addr(r, kept->addr);
    jrecord_set_state(r, kept->state);
    jrecord_set_flags(r, (uint8_t)((kept->by_id ? FLAG_BY_ID : 0) |
                                   (kept->is_current ? FLAG_CURRENT : 0) |
                                   (kept->mac_len ? FLAG_MAC : 0)));
    jrecord_set_id_len(r, kept->id_len);
    jrecord_set_name_len(r, kept->name_len);
    cs_blit(r, jrecord_mac_OFF, cs_ro_of(kept->mac, kept->mac_len));
    cs_blit(r, jrecord_id_OFF, cs_ro_of(kept->id, size_min(kept->id_len, DHCP_LEASE_ID_BYTES)));
    cs_blit(r, jrecord_name_OFF, cs_ro_of(kept->name, kept->name_len));
    jrecord_set_check(
        r, record_check(group->key, place(group->salt, group->first + i, slot), cs_as_ro(r)));
}

uint32_t dhcp_journal_end(struct dhcp_journal_group *group)
{
    uint32_t blocks = (group->records + DHCP_JOURNAL_RECORDS - 1) / DHCP_JOURNAL_RECORDS;

    if (!blocks)
        blocks = 1;
    for (uint32_t i = 0; i < blocks; i++) {
        struct cs b = group->buf[i];
        uint32_t index = group->first + i;
        uint32_t count = u32_min(group->records - i * DHCP_JOURNAL_RECORDS, DHCP_JOURNAL_RECORDS);

        cs_fill(cs_head(b, jblock_SIZE), 0);
        cs_fill(cs_shift(b, slot_off(count)), 0);
        jblock_set_magic(b, BLOCK_MAGIC);
        jblock_set_count(b, count);
        jblock_set_generation(b, group->generation);
        jblock_set_commit(b, group->commit);
        jblock_set_index(b, index);
        jblock_set_first(b, group->first);
        jblock_set_journal_s(b, group->journal_s);
        jblock_set_wall_s(b, group->wall_s);
        jblock_set_check(
            b, block_check(group->key, place(group->salt, index, HEAD_SLOT), cs_as_ro(b)));
    }
    return blocks;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool record_parse(struct cs_ro r, struct dhcp_lease_kept *kept)
{
    uint8_t flags = jrecord_ro_get_flags(r);

    *kept = (struct dhcp_lease_kept){
        .expires_s = jrecord_ro_get_expires_s(r),
        .left_s = jrecord_ro_get_left_s(r),
        .addr = jrecord_ro_get_addr(r),
        .state = jrecord_ro_get_state(r),
        .id_len = jrecord_ro_get_id_len(r),
        .name_len = jrecord_ro_get_name_len(r),
        .mac_len = flags & FLAG_MAC ? 6 : 0,
        .by_id = flags & FLAG_BY_ID,
        .is_current = flags & FLAG_CURRENT,
    };
    memcpy(kept->mac, jrecord_ro_get_mac(r).base, sizeof(kept->mac));
    memcpy(kept->id, cs_sub(r, jrecord_id_OFF, DHCP_LEASE_ID_BYTES).base, DHCP_LEASE_ID_BYTES);
    memcpy(kept->name, cs_sub(r, jrecord_name_OFF, DHCP_LEASE_NAME_BYTES).base,
           DHCP_LEASE_NAME_BYTES);
    return (flags & ~FLAGS) == 0 &&
           (kept->expires_s < SECONDS_MAX || kept->expires_s == DHCP_LEASE_KEPT_NEVER) &&
           kept->name_len <= DHCP_LEASE_NAME_BYTES &&
           (kept->state == DHCP_LEASE_FREE || kept->state == DHCP_LEASE_BOUND ||
            kept->state == DHCP_LEASE_ABANDONED);
}

static void note(uint64_t at[DHCP_JOURNAL_DAMAGES], uint32_t *count, uint64_t off)
{
    if (*count < DHCP_JOURNAL_DAMAGES)
        at[*count] = off;
    ++*count;
}

static void spoiled(struct dhcp_journal_scan *scan, uint32_t index, size_t off)
{
    note(scan->torn_at, &scan->torn, (uint64_t)index * DHCP_JOURNAL_BLOCK_BYTES + off);
}

/* A block of group (commit, first) was written: where the group is a new one, all before it had
 * been on the disk when it was begun. */
static void written(struct dhcp_journal_scan *scan, uint32_t index, uint64_t commit, uint32_t first)
{
    bool same = scan->groups && commit == scan->commit;
    uint32_t first_gap = scan->end;

    if (!same) {
        for (uint32_t i = 0; i < scan->torn; i++)
            note(scan->damaged_at, &scan->damaged, i < DHCP_JOURNAL_DAMAGES ? scan->torn_at[i] : 0);
        scan->torn = 0;
        scan->commit = commit;
        scan->first = u32_min(first, index);
        scan->groups++;
        for (; first_gap < scan->first; first_gap++)
            note(scan->damaged_at, &scan->damaged, (uint64_t)first_gap * DHCP_JOURNAL_BLOCK_BYTES);
    }
    for (; first_gap < index; first_gap++)
        spoiled(scan, first_gap, 0);
    scan->end = index + 1;
    scan->gap = scan->unread = 0;
}

/* The block's good records: how many, which, and one of them. */
static unsigned read_records(const struct dhcp_journal_scan *scan, struct cs_ro block,
                             uint32_t index, struct dhcp_lease_kept *records, uint64_t *good,
                             struct cs_ro *any)
{
    unsigned n = 0;

    *good = 0;
    for (uint32_t slot = 0; slot < DHCP_JOURNAL_RECORDS; slot++) {
        struct cs_ro r = cs_sub(block, slot_off(slot), jrecord_SIZE);

        if (!jrecord_ro_get_check(r)) /* empty: not worth a hash */
            continue;
        if (jrecord_ro_get_check(r) != record_check(scan->key, place(scan->salt, index, slot), r))
            continue;
        /* Whole, but nothing that we write: as good as spoiled. */
        if (!record_parse(r, &records[n]))
            continue;
        *good |= UINT64_C(1) << slot;
        *any = r;
        n++;
    }
    return n;
}

unsigned dhcp_journal_scan_block(struct dhcp_journal_scan *scan, struct cs_ro block,
                                 struct dhcp_lease_kept *records)
{
    uint32_t index = scan->looked_at++, count = 0;
    bool head;
    struct cs_ro any = CS_RO_EMPTY;
    uint64_t good;
    unsigned n;

    ASSERT(block.len == DHCP_JOURNAL_BLOCK_BYTES);
    head = jblock_ro_get_magic(block) == BLOCK_MAGIC &&
           jblock_ro_get_check(block) ==
               block_check(scan->key, place(scan->salt, index, HEAD_SLOT), block) &&
           jblock_ro_get_count(block) <= DHCP_JOURNAL_RECORDS &&
           jblock_ro_get_journal_s(block) < SECONDS_MAX &&
           jblock_ro_get_wall_s(block) < SECONDS_MAX;
    n = read_records(scan, block, index, records, &good, &any);
    if (!head && !n) {
        scan->gap++;
        return 0;
    }
    if (head)
        written(scan, index, jblock_ro_get_commit(block), jblock_ro_get_first(block));
    else
        written(scan, index, jrecord_ro_get_commit(any), jrecord_ro_get_first(any));
    if (!head) {
        spoiled(scan, index, 0);
    } else {
        count = jblock_ro_get_count(block);
        if (jblock_ro_get_journal_s(block) >= scan->journal_s) {
            scan->journal_s = jblock_ro_get_journal_s(block);
            scan->wall_s = jblock_ro_get_wall_s(block);
        }
    }
    for (uint32_t slot = 0; slot < count; slot++)
        if ((good >> slot & 1) == 0)
            spoiled(scan, index, slot_off(slot));
    scan->records += n;
    return n;
}
