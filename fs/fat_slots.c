/* SPDX-License-Identifier: ISC */
/* fat_slots.c - directories, changed: a place for an entry and its long name, writing, removing.
 *
 * An entry and its long name go into one atom wherever they fit one: then the one write that makes
 * or removes the name is all or nothing. Behind the mark of a directory's end, slots may hold
 * anything (FAT specification, section 6.1), and Linux reads them: so they are cleared before the
 * mark moves. */
#include "fs/fat_priv.h"

#define NO_SLOT UINT64_MAX
#define TAILS_MAX 99u /* of a name, before its short form is made another way */
#define SALTS_MAX 16u

static uint64_t atom_of(uint64_t at)
{
    return at / FAT_ATOM_BYTES;
}

/* Gives the name a short form that no entry of the directory has, but for the one at `skip`. */
static int alias_pick(struct fat *fs, uint32_t first, struct fat_name *name, uint64_t skip)
{
    for (uint32_t salt = 0; !name->exact && salt <= SALTS_MAX; salt++) {
        bool taken[TAILS_MAX + 1] = {false}; /* [0]: without a tail */
        uint8_t tailed[FAT_SHORT_BYTES];
        struct fat_found found;
        struct fat_dir dir;
        int err = fat_dir_begin(fs, first, &dir);

        while (err == 0 && (err = fat_dir_next(&dir, &found)) > 0) {
            uint32_t k = fat_name_tail_of(name, found.entry.name);

            err = 0;
            if (found.at == skip)
                continue;
            if (k > 0 && k <= TAILS_MAX)
                taken[k] = true;
            if (memcmp(found.entry.name, name->short_name, FAT_SHORT_BYTES) == 0)
                taken[0] = true;
        }
        if (err < 0)
            return err;
        if (!name->tail && !taken[0])
            return 0;
        for (uint32_t k = 1; k <= TAILS_MAX; k++) {
            if (taken[k])
                continue;
            fat_name_tail(tailed, name, k);
            memcpy(name->short_name, tailed, sizeof(tailed));
            return 0;
        }
        fat_name_hash(name, salt);
        name->tail = true;
    }
    return name->exact ? 0 : -E_NOSPC;
}

/* Where an entry's slots are to go. */
struct place {
    struct fat_dir run; /* at the first of them */
    bool past_end;      /* some are past the mark of the end, which is at `end` */
    struct fat_dir end;
};

static int slot_head(struct fat *fs, uint64_t at, uint8_t *head)
{
    struct cs_ro slot;
    int err = fat_cache_ro(fs, at, 1, &slot);

    if (err == 0)
        *head = cs_get_u8(slot, 0);
    return err;
}

/* `n` free slots one after the other; one_atom: in one. 1: found. */
static int place_find(struct fat *fs, uint32_t first, unsigned n, bool one_atom,
                      struct place *place)
{
    uint32_t per_atom = FAT_ATOM_BYTES / FAT_SLOT_BYTES;
    struct fat_dir dir;
    unsigned run = 0;
    int err = fat_dir_begin(fs, first, &dir);

    place->past_end = false;
    while (err == 0) {
        uint8_t head = FAT_SLOT_END;
        uint64_t at;

        err = fat_dir_slot(&dir, &at);
        if (err <= 0)
            return err;
        err = place->past_end ? 0 : slot_head(fs, at, &head);
        if (err < 0)
            return err;
        if (head == FAT_SLOT_END && !place->past_end) {
            place->past_end = true;
            place->end = dir;
        }
        if (head != FAT_SLOT_END && head != FAT_SLOT_FREE) {
            run = 0;
        } else if (run > 0 || !one_atom || at / FAT_SLOT_BYTES % per_atom + n <= per_atom) {
            if (run == 0)
                place->run = dir;
            if (++run == n)
                return 1;
        }
        err = fat_dir_step(&dir);
    }
    return err;
}

/* One more cluster, all free slots. */
static int dir_extend(struct fat *fs, uint32_t first)
{
    uint32_t clusters, last, fresh;
    struct fat_dir dir;
    int err = fat_dir_begin(fs, first, &dir);

    if (err < 0)
        return err;
    if (dir.first == 0)
        return -E_NOSPC;
    err = fat_chain_check(fs, dir.first, 1, &clusters, &last);
    if (err < 0)
        return err;
    if ((uint64_t)(clusters + 1) * fs->cluster_bytes > FAT_DIR_SLOTS_MAX * FAT_SLOT_BYTES)
        return -E_NOSPC;
    err = fat_alloc(fs, 0, &fresh);
    if (err == 0)
        err = fat_zero(fs, fat_cluster_at(fs, fresh), fs->cluster_bytes);
    if (err == 0)
        err = fat_barrier(fs);
    return err < 0 ? err : fat_entry_set(fs, last, fresh);
}

static int place_make(struct fat *fs, uint32_t first, unsigned n, struct place *place)
{
    bool one_atom = n <= FAT_ATOM_BYTES / FAT_SLOT_BYTES;

    /* The longest name needs two clusters at most. */
    for (unsigned extended = 0; extended <= 2; extended++) {
        int err = place_find(fs, first, n, one_atom, place);

        if (err != 0)
            return err < 0 ? err : 0;
        err = dir_extend(fs, first);
        if (err == -E_NOSPC && one_atom) {
            err = place_find(fs, first, n, false, place);
            return err == 0 ? -E_NOSPC : err < 0 ? err : 0;
        }
        if (err < 0)
            return err;
    }
    return -E_NOSPC;
}

/* The places of `n` slots from the cursor on; NO_SLOT past the directory's last. */
static int slots_list(struct fat_dir dir, unsigned n, uint64_t *at)
{
    for (unsigned i = 0; i < n; i++) {
        int err = fat_dir_slot(&dir, &at[i]);

        if (err == 0)
            at[i] = NO_SLOT;
        if (err > 0)
            err = fat_dir_step(&dir);
        if (err < 0)
            return err;
    }
    return 0;
}

static int head_set(struct fat *fs, uint64_t at, uint8_t head)
{
    struct cs slot;
    int err = fat_cache_rw(fs, at, 1, &slot);

    if (err == 0)
        cs_set_u8(slot, 0, head);
    return err;
}

/* Moves the mark of the end behind the place: what is there already is cleared first, then the
 * slots between the old mark and the place become free ones. */
static int end_move(struct fat *fs, const struct place *place, const uint64_t *at, unsigned n)
{
    struct fat_dir dir = place->end;
    bool cleared = false;
    int err = 0;

    for (unsigned i = 0; i <= n; i++) {
        uint8_t head = FAT_SLOT_END;

        if (at[i] == NO_SLOT || place->run.index + i <= place->end.index)
            continue;
        err = slot_head(fs, at[i], &head);
        if (err == 0 && head != FAT_SLOT_END) {
            err = head_set(fs, at[i], FAT_SLOT_END);
            cleared = true;
        }
        if (err < 0)
            return err;
    }
    if (cleared)
        err = fat_barrier(fs);
    if (err < 0 || place->run.index <= place->end.index)
        return err;
    while (dir.index < place->run.index) {
        uint64_t pad;

        err = fat_dir_slot(&dir, &pad);
        ASSERT(err != 0);
        if (err > 0)
            err = head_set(fs, pad, FAT_SLOT_FREE);
        if (err == 0)
            err = fat_dir_step(&dir);
        if (err < 0)
            return err;
    }
    return fat_barrier(fs);
}

/* Part `part` (from 1) of `parts` of the long name. */
static int long_put(struct fat *fs, uint64_t at, const struct fat_name *name, unsigned part,
                    unsigned parts)
{
    uint8_t units[2 * FAT_LONG_UNITS];
    struct cs slot;
    int err;

    for (unsigned i = 0; i < FAT_LONG_UNITS; i++) {
        unsigned from = (part - 1) * FAT_LONG_UNITS + i;
        uint16_t unit = from < name->n ? name->units[from] : from == name->n ? 0 : 0xffff;

        cs_set_le16(cs_of(units, sizeof(units)), 2 * i, unit);
    }
    err = fat_cache_rw(fs, at, FAT_SLOT_BYTES, &slot);
    if (err < 0)
        return err;
    fat_long_set_order(slot, (uint8_t)(part | (part == parts ? FAT_LONG_LAST : 0)));
    fat_long_set_name1(slot, cs_ro_of(units, 10));
    fat_long_set_attr(slot, FAT_ATTR_LONG);
    fat_long_set_type(slot, 0);
    fat_long_set_checksum(slot, fat_name_checksum(name->short_name));
    fat_long_set_name2(slot, cs_ro_of(units + 10, 12));
    fat_long_set_cluster_low(slot, 0);
    fat_long_set_name3(slot, cs_ro_of(units + 22, 4));
    return 0;
}

/* The entry and its long name; where they are in several atoms, the entry's is the last. */
static int set_put(struct fat *fs, const uint64_t *at, const struct fat_name *name,
                   const struct fat_dirent *entry)
{
    unsigned parts = name->slots - 1;
    int err = 0;

    for (unsigned i = 0; i < parts; i++) {
        if (i > 0 && atom_of(at[i]) != atom_of(at[i - 1]))
            err = fat_barrier(fs);
        if (err == 0)
            err = long_put(fs, at[i], name, parts - i, parts);
        if (err < 0)
            return err;
    }
    if (parts > 0 && atom_of(at[parts]) != atom_of(at[parts - 1]))
        err = fat_barrier(fs);
    return err < 0 ? err : fat_dirent_write(fs, at[parts], entry);
}

static void entry_name(struct fat_dirent *entry, const struct fat_name *name)
{
    memcpy(entry->name, name->short_name, FAT_SHORT_BYTES);
    entry->lower = name->lower;
}

int fat_dir_add(struct fat *fs, uint32_t first, struct fat_name *name, struct fat_dirent *entry,
                uint64_t *at)
{
    uint64_t slots[FAT_SLOTS_MAX + 1];
    struct place place;
    int err = alias_pick(fs, first, name, NO_SLOT);

    if (err == 0)
        err = place_make(fs, first, name->slots, &place);
    if (err == 0)
        err = slots_list(place.run, name->slots + 1, slots);
    if (err == 0 && place.past_end)
        err = end_move(fs, &place, slots, name->slots);
    if (err < 0)
        return err;
    entry_name(entry, name);
    *at = slots[name->slots - 1];
    return set_put(fs, slots, name, entry);
}

int fat_dir_remove(struct fat *fs, const struct fat_found *found)
{
    uint64_t slots[FAT_SLOTS_MAX];
    unsigned last = found->slots - 1;
    int err = slots_list(found->set, found->slots, slots);

    if (err < 0)
        return err;
    for (unsigned i = last + 1; i > 0; i--) {
        ASSERT(slots[i - 1] != NO_SLOT);
        /* The entry goes before its name. */
        if (i <= last && atom_of(slots[i]) != atom_of(slots[i - 1]))
            err = fat_barrier(fs);
        if (err == 0)
            err = head_set(fs, slots[i - 1], FAT_SLOT_FREE);
        if (err < 0)
            return err;
    }
    return 0;
}

/* The slots of one atom and what may be done with them. */
struct atom {
    uint64_t at; /* device byte of the first */
    unsigned n;
    unsigned end; /* the first past the directory's end; n: none */
};

static int atom_look(struct fat *fs, uint64_t at, bool *usable, struct atom *atom)
{
    atom->at = at / FAT_ATOM_BYTES * FAT_ATOM_BYTES;
    atom->n = FAT_ATOM_BYTES / FAT_SLOT_BYTES;
    atom->end = atom->n;
    for (unsigned i = 0; i < atom->n; i++) {
        uint8_t head = FAT_SLOT_END;
        int err = slot_head(fs, atom->at + i * FAT_SLOT_BYTES, &head);

        if (err < 0)
            return err;
        if (head == FAT_SLOT_END && i < atom->end)
            atom->end = i;
        usable[i] = i >= atom->end || head == FAT_SLOT_FREE;
    }
    /* The last one stays as the mark of the end: the next atom may begin with anything. */
    if (atom->end < atom->n)
        usable[atom->n - 1] = false;
    return 0;
}

int fat_dir_rename_here(struct fat *fs, const struct fat_found *found, struct fat_name *name)
{
    uint64_t slots[FAT_SLOTS_MAX + 1];
    struct fat_dirent entry = found->entry;
    bool usable[FAT_ATOM_BYTES / FAT_SLOT_BYTES];
    struct atom atom = {0};
    unsigned run = 0;
    int err = alias_pick(fs, found->set.first, name, found->at);

    if (err == 0)
        err = slots_list(found->set, found->slots, slots);
    if (err == 0)
        err = atom_look(fs, found->at, usable, &atom);
    if (err < 0)
        return err;
    if (atom_of(slots[0]) != atom_of(found->at))
        return 0;
    for (unsigned i = 0; i < found->slots; i++)
        usable[(slots[i] - atom.at) / FAT_SLOT_BYTES] = true;
    for (unsigned i = 0; i < atom.n && run < name->slots; i++) {
        if (usable[i])
            slots[run++] = atom.at + i * FAT_SLOT_BYTES;
        else
            run = 0;
    }
    if (run < name->slots)
        return 0;
    /* All of it is in one atom, whose page is the one used last: nothing writes it half done. */
    err = fat_dir_remove(fs, found);
    slots[run] = slots[run - 1] + FAT_SLOT_BYTES;
    for (unsigned i = atom.end; err == 0 && i < atom.n; i++) {
        uint64_t at = atom.at + i * FAT_SLOT_BYTES;

        if (at < slots[0])
            err = head_set(fs, at, FAT_SLOT_FREE);
        else if (at == slots[run])
            err = head_set(fs, at, FAT_SLOT_END);
    }
    entry_name(&entry, name);
    if (err == 0)
        err = set_put(fs, slots, name, &entry);
    return err < 0 ? err : 1;
}

int fat_dirent_write(struct fat *fs, uint64_t at, const struct fat_dirent *entry)
{
    struct fat_dirent whole = *entry;
    struct cs slot;
    int err = fat_cache_rw(fs, at, FAT_SLOT_BYTES, &slot);

    if (err < 0)
        return err;
    if (fs->bits != 32)
        whole.cluster &= 0xffff;
    fat_dirent_emit(slot, &whole);
    return 0;
}

int fat_dirent_read(struct fat *fs, uint64_t at, struct fat_dirent *entry)
{
    struct cs_ro slot;
    int err = fat_cache_ro(fs, at, FAT_SLOT_BYTES, &slot);

    if (err < 0)
        return err;
    fat_dirent_parse(entry, slot);
    if (fs->bits != 32)
        entry->cluster &= 0xffff;
    return 0;
}
