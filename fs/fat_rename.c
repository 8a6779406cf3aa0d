/* SPDX-License-Identifier: ISC */
/* fat_rename.c - another name for a file or directory, or another place.
 *
 * A name that fits into the block where the old one is takes its place in one write. Else the new
 * name comes first, then the old one goes: a cut between leaves both names of one file, never
 * neither. A file that is replaced keeps its name's slots: one write makes them show the other
 * file; what they showed before becomes free last. */
#include "fs/fat_priv.h"

/* A directory's "..": it has another parent now. */
static int parent_set(struct fat *fs, const struct fat_dirent *dir, uint32_t parent)
{
    uint64_t at = fat_cluster_at(fs, dir->cluster) + FAT_SLOT_BYTES;
    struct fat_dirent dots;
    int err = fat_dirent_read(fs, at, &dots);

    if (err < 0 || dots.cluster == parent || memcmp(dots.name, "..         ", FAT_SHORT_BYTES) != 0)
        return err;
    dots.cluster = parent;
    return fat_dirent_write(fs, at, &dots);
}

/* May `from` take the place of `to`? */
static int may_replace(struct fat *fs, const struct fat_found *from, const struct fat_found *to)
{
    uint32_t first;
    int err;

    if (from->entry.cluster == to->entry.cluster && from->entry.cluster != 0)
        return 0; /* a rename that was cut: now it comes to its end */
    if ((from->entry.attr ^ to->entry.attr) & FAT_ATTR_DIRECTORY)
        return -E_INVAL;
    if (fat_is_open(fs, to->at, false))
        return -E_BUSY;
    if (!(to->entry.attr & FAT_ATTR_DIRECTORY))
        return 0;
    err = fat_dir_of(fs, &to->entry, &first);
    if (err == 0)
        err = fat_dir_empty(fs, first);
    return err < 0 ? err : err == 0 ? -E_BUSY : 0;
}

static int replace(struct fat *fs, const struct fat_found *from, const struct fat_found *to,
                   uint32_t parent, bool moved)
{
    bool same = from->entry.cluster == to->entry.cluster;
    struct fat_dirent entry = from->entry;
    int twin = same ? 1 : fat_has_twin(fs, to->entry.cluster, to->at), err;

    if (twin < 0)
        return twin;
    memcpy(entry.name, to->entry.name, FAT_SHORT_BYTES);
    entry.lower = to->entry.lower;
    err = fat_dirent_write(fs, to->at, &entry);
    if (err == 0 && from->at / FAT_ATOM_BYTES != to->at / FAT_ATOM_BYTES)
        err = fat_barrier(fs);
    if (err == 0 && moved && entry.attr & FAT_ATTR_DIRECTORY)
        err = parent_set(fs, &entry, parent);
    if (err == 0)
        err = fat_dir_remove(fs, from);
    if (err == 0)
        err = fat_barrier(fs);
    return err < 0 || twin ? err : fat_free_chain(fs, to->entry.cluster);
}

static int move(struct fat *fs, const struct fat_found *from, uint32_t from_parent, uint32_t parent,
                struct fat_name *name)
{
    struct fat_dirent entry = from->entry;
    uint64_t at;
    int err = 0;

    if (from_parent == parent) {
        struct fat_name here = *name;

        err = fat_dir_rename_here(fs, from, &here);
        if (err != 0)
            return err < 0 ? err : 0;
    }
    err = fat_dir_add(fs, parent, name, &entry, &at);
    if (err == 0)
        err = fat_barrier(fs);
    if (err == 0 && from_parent != parent && entry.attr & FAT_ATTR_DIRECTORY)
        err = parent_set(fs, &entry, parent);
    return err < 0 ? err : fat_dir_remove(fs, from);
}

int fat_rename(struct fat *fs, const char *from, const char *to)
{
    struct fat_path source, dest;
    struct fat_name name;
    uint32_t itself = 0;
    int err = fat_path_find(fs, from, &source);

    if (err < 0)
        return err;
    if (source.units == 0)
        return -E_INVAL;
    if (source.at.entry.attr & FAT_ATTR_DIRECTORY)
        err = fat_dir_of(fs, &source.at.entry, &itself);
    if (err == 0)
        err = fat_path_walk_outside(fs, to, itself, &dest);
    if (err < 0)
        return err;
    if (dest.units == 0)
        return -E_INVAL;
    if (fat_is_open(fs, source.at.at, false))
        return -E_BUSY;
    err = fat_name_make(&name, fs->name16, dest.units);
    if (err == 0 && dest.found && dest.at.at != source.at.at)
        err = may_replace(fs, &source.at, &dest.at);
    if (err == 0)
        err = fat_begin(fs);
    if (err < 0)
        return err;
    if (dest.found && dest.at.at != source.at.at)
        return replace(fs, &source.at, &dest.at, dest.parent, source.parent != dest.parent);
    return move(fs, &source.at, source.parent, dest.parent, &name);
}
