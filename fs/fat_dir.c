/* SPDX-License-Identifier: ISC */
/* fat_dir.c - directories, read: slots, entries with their long names, finding a name.
 *
 * A directory is an array of 32-byte slots in a chain of clusters, or, FAT12's and FAT16's root, in
 * a place of its own. A long name is in the slots before its entry, last part first, each with the
 * number of its part and a checksum of the entry's short name. Where any of that does not fit, the
 * long name is not the entry's, and the short name stands. */
#include "fs/fat_priv.h"
#include "fs/utf16.h"

static uint32_t cluster_slots(const struct fat *fs)
{
    return fs->cluster_bytes / FAT_SLOT_BYTES;
}

int fat_dir_begin(struct fat *fs, uint32_t first, struct fat_dir *dir)
{
    if (first == 0)
        first = fs->root_cluster;
    if (first != 0 && !fat_cluster_valid(fs, first))
        return fat_damaged(fs, &fs->stats.bad_dir, "a directory's first cluster is none");
    *dir = (struct fat_dir){.fs = fs, .first = first, .cluster = first};
    return 0;
}

int fat_dir_slot(struct fat_dir *dir, uint64_t *at)
{
    const struct fat *fs = dir->fs;

    if (dir->first == 0) {
        *at = fs->root_at + dir->index * FAT_SLOT_BYTES;
        return dir->index < fs->root_slots;
    }
    if (dir->cluster == 0)
        return 0;
    if (dir->index >= FAT_DIR_SLOTS_MAX)
        return fat_damaged(dir->fs, &dir->fs->stats.bad_dir, "a directory has too many entries");
    *at = fat_cluster_at(fs, dir->cluster) + dir->index % cluster_slots(fs) * FAT_SLOT_BYTES;
    return 1;
}

int fat_dir_step(struct fat_dir *dir)
{
    struct fat *fs = dir->fs;

    dir->index++;
    if (dir->first == 0 || dir->index % cluster_slots(fs) != 0)
        return 0;
    if (fat_loop_seen(&dir->saved, &dir->power, &dir->steps, dir->cluster))
        return fat_damaged(fs, &fs->stats.bad_dir, "a directory comes back to itself");
    return fat_next(fs, dir->cluster, &dir->cluster);
}

/* A long name being put together. */
struct long_name {
    struct fat_dir set; /* at its first slot */
    unsigned parts;     /* 0: none */
    unsigned wanted;    /* the part that has to come next; 0: all are there */
    uint8_t checksum;
};

static void long_add(struct fat *fs, struct long_name *name, const struct fat_dir *dir,
                     struct cs_ro slot)
{
    uint8_t order = fat_long_ro_get_order(slot);
    unsigned part = order & (FAT_LONG_LAST - 1);
    struct cs_ro from[3] = {fat_long_ro_get_name1(slot), fat_long_ro_get_name2(slot),
                            fat_long_ro_get_name3(slot)};
    uint16_t *to;

    if (order & FAT_LONG_LAST) {
        *name = (struct long_name){.set = *dir, .parts = part, .wanted = part};
        name->checksum = fat_long_ro_get_checksum(slot);
    }
    if (part == 0 || part > FAT_LONG_SLOTS_MAX || part != name->wanted ||
        fat_long_ro_get_checksum(slot) != name->checksum || fat_long_ro_get_type(slot) != 0) {
        fs->stats.bad_name++;
        name->parts = 0;
        name->wanted = 0;
        return;
    }
    name->wanted--;
    to = fs->found16 + name->wanted * FAT_LONG_UNITS;
    for (unsigned i = 0; i < ARRAY_SIZE(from); i++)
        for (size_t off = 0; off < from[i].len; off += 2)
            *to++ = cs_get_le16(from[i], off);
}

/* Units of the name where it belongs to the entry and is valid, else 0. */
static unsigned long_units(struct fat *fs, const struct long_name *name,
                           const struct fat_dirent *entry)
{
    unsigned n = 0;

    if (name->parts == 0)
        return 0;
    while (n < name->parts * FAT_LONG_UNITS && fs->found16[n] != 0)
        n++;
    if (name->wanted == 0 && name->checksum == fat_name_checksum(entry->name) &&
        fat_name_valid(fs->found16, n))
        return n;
    fs->stats.bad_name++;
    return 0;
}

static bool is_dots(const struct fat_dirent *entry)
{
    return memcmp(entry->name, ".          ", FAT_SHORT_BYTES) == 0 ||
           memcmp(entry->name, "..         ", FAT_SHORT_BYTES) == 0;
}

/* An entry's slot: false where it is nothing to be shown. */
static bool entry_take(struct fat_dir *dir, struct cs_ro slot, uint64_t at,
                       const struct long_name *name, struct fat_found *found)
{
    struct fat *fs = dir->fs;

    fat_dirent_parse(&found->entry, slot);
    if (found->entry.attr & FAT_ATTR_VOLUME || is_dots(&found->entry))
        return false;
    if (fs->bits != 32)
        found->entry.cluster &= 0xffff;
    found->at = at;
    found->set = *dir;
    found->slots = 1;
    found->units = long_units(fs, name, &found->entry);
    if (found->units > 0) {
        found->set = name->set;
        found->slots = name->parts + 1;
        return true;
    }
    found->units = fat_name_units(&found->entry, fs->found16);
    if (found->units == 0)
        fs->stats.bad_entry++;
    return found->units > 0;
}

int fat_dir_next(struct fat_dir *dir, struct fat_found *found)
{
    struct long_name name = {.parts = 0};

    for (;;) {
        bool taken = false;
        struct cs_ro slot;
        uint64_t at;
        uint8_t head;
        int err = fat_dir_slot(dir, &at);

        if (err <= 0)
            return err;
        err = fat_cache_ro(dir->fs, at, FAT_SLOT_BYTES, &slot);
        if (err < 0)
            return err;
        head = cs_get_u8(slot, 0);
        if (head == FAT_SLOT_END)
            return 0;
        if (head == FAT_SLOT_FREE) {
            name.parts = 0;
        } else if ((fat_entry_ro_get_attr(slot) & FAT_ATTR_MASK) == FAT_ATTR_LONG) {
            long_add(dir->fs, &name, dir, slot);
        } else {
            taken = entry_take(dir, slot, at, &name, found);
            name.parts = 0;
        }
        err = fat_dir_step(dir);
        if (err < 0 || taken)
            return err < 0 ? err : 1;
    }
}

int fat_dir_find(struct fat *fs, uint32_t first, const uint16_t *name, unsigned n,
                 struct fat_found *found)
{
    struct fat_dir dir;
    int err = fat_dir_begin(fs, first, &dir);

    while (err == 0) {
        uint16_t alias[FAT_SHORT_BYTES + 2];

        err = fat_dir_next(&dir, found);
        if (err <= 0)
            return err;
        if (fat_name_equal(name, n, fs->found16, found->units) ||
            fat_name_equal(name, n, alias, fat_name_units(&found->entry, alias)))
            return 1;
        err = 0;
    }
    return err;
}

/* The entry at dir's place, or the first behind it, that is in use and no part of a long name; dir
 * stays there. 1, or 0: there is none. */
static int short_entry(struct fat_dir *dir, struct fat_dirent *entry)
{
    int err = 0;

    while (err == 0) {
        struct cs_ro slot;
        uint64_t at;

        err = fat_dir_slot(dir, &at);
        if (err <= 0)
            return err;
        err = fat_cache_ro(dir->fs, at, FAT_SLOT_BYTES, &slot);
        if (err < 0 || cs_get_u8(slot, 0) == FAT_SLOT_END)
            return err;
        fat_dirent_parse(entry, slot);
        if (entry->name[0] != FAT_SLOT_FREE && (entry->attr & FAT_ATTR_MASK) != FAT_ATTR_LONG)
            return 1;
        err = fat_dir_step(dir);
    }
    return err;
}

int fat_dir_empty(struct fat *fs, uint32_t first)
{
    struct fat_dirent entry;
    struct fat_dir dir;
    int err = fat_dir_begin(fs, first, &dir);

    while (err == 0) {
        err = short_entry(&dir, &entry);
        if (err <= 0)
            return err < 0 ? err : 1;
        if (!is_dots(&entry))
            return 0;
        err = fat_dir_step(&dir);
    }
    return err;
}

int fat_dir_of(struct fat *fs, const struct fat_dirent *entry, uint32_t *first)
{
    if (!fat_cluster_valid(fs, entry->cluster) || entry->cluster == fs->root_cluster)
        return fat_damaged(fs, &fs->stats.bad_entry, "a directory's first cluster is none");
    *first = entry->cluster;
    return 0;
}

void fat_info_fill(const struct fat *fs, const struct fat_found *found, struct fat_info *info)
{
    const struct fat_dirent *entry = &found->entry;
    uint16_t alias[FAT_SHORT_BYTES + 2];
    struct fat_dirent upper = *entry;
    unsigned n;

    *info = (struct fat_info){.first_cluster = entry->cluster};
    utf16_to_utf8(fs->found16, found->units, info->name, sizeof(info->name));
    upper.lower = 0;
    n = fat_name_units(&upper, alias);
    for (unsigned i = 0; i < n; i++)
        info->short_name[i] = alias[i] < 0x80 ? (char)alias[i] : '?';
    info->directory = entry->attr & FAT_ATTR_DIRECTORY;
    info->read_only = entry->attr & FAT_ATTR_READ_ONLY;
    info->hidden = entry->attr & FAT_ATTR_HIDDEN;
    info->system = entry->attr & FAT_ATTR_SYSTEM;
    info->bytes = info->directory ? 0 : entry->bytes;
    info->modified_s = fat_time_seconds(entry->date, entry->time);
}

/* The label is an entry of the root directory, of an attribute of its own. */
int fat_label_find(struct fat *fs)
{
    struct fat_dirent entry;
    struct fat_dir dir;
    int err = fat_dir_begin(fs, 0, &dir);

    while (err == 0) {
        err = short_entry(&dir, &entry);
        if (err <= 0)
            return err;
        if (entry.attr & FAT_ATTR_VOLUME) {
            fat_label_set(fs, entry.name);
            return 1;
        }
        err = fat_dir_step(&dir);
    }
    return err;
}
