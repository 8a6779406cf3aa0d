/* SPDX-License-Identifier: ISC */
/* fat_priv.h - what FAT's files share. int: 0 (or what is said), else an error of fat.h's.
 *
 *     fat_mount.c   boot sector to struct fat, FSInfo, the dirty mark, unmount
 *     fat_cache.c   the device in 4 KiB chunks; order on the medium
 *     fat_table.c   table entries: next, allocate, free
 *     fat_name.c    names: valid ones, short ones, comparing        fat_time.c  time stamps
 *     fat_dir.c     slots of a directory: reading and finding       fat_slots.c  placing, removing
 *     fat_tree.c    paths: stat, mkdir, unlink, rmdir               fat_rename.c
 *     fat_file.c    open, read, write, sync
 *     fat_size.c    truncate, preallocate, extents                fat_twice.c  two names, one file
 *
 * Theory of operation: the order of writes. A change is put into the cache, which may write any
 * dirty block at any time, in any order. fat_barrier writes all of them and flushes the device. So
 * after a cut the medium has everything from before the last barrier, and any subset of the blocks
 * changed since. Hence the one rule: what a change relies on is put before a barrier, and the
 * change after it. What every device writes all or nothing is an atom: 512 bytes. */
#ifndef FS_FAT_PRIV_H
#define FS_FAT_PRIV_H

#include <morgana/fat.h>

#include "fs/fat_wire.h"

#define FAT_FREE_UNKNOWN UINT32_MAX
#define FAT_DIR_SLOTS_MAX 65536u /* FAT specification, section 6: 2 MiB */
#define FAT_SLOTS_MAX (FAT_LONG_SLOTS_MAX + 1)
#define FAT_PATH_BYTES_MAX 4096u
#define FAT_ATOM_BYTES BLK_SECTOR_BYTES

/* ---- fat_cache.c ---------------------------------------------------------------------------- */

int fat_cache_init(struct fat *fs);
void fat_cache_fini(struct fat *fs);
/* A view of `n` bytes at device byte `at`, inside one chunk: valid until the next call. */
int fat_cache_ro(struct fat *fs, uint64_t at, uint32_t n, struct cs_ro *out);
/* The same to be written: all `n` bytes at once, before the next call. */
int fat_cache_rw(struct fat *fs, uint64_t at, uint32_t n, struct cs *out);
/* How many of `n` bytes at `at` are in its chunk. */
uint32_t fat_chunk_left(uint64_t at, uint64_t n);
/* Everything changed so far is on the medium before anything changed later. */
int fat_barrier(struct fat *fs);
/* Writes what is dirty there and forgets it: somebody else writes there now. */
int fat_cache_drop(struct fat *fs, uint64_t at, uint64_t n);
/* Zeroes whole blocks of the device, past the cache. */
int fat_zero(struct fat *fs, uint64_t at, uint64_t n);

/* ---- fat_mount.c ---------------------------------------------------------------------------- */

/* Sets fs->label to 11 characters of the medium. */
void fat_label_set(struct fat *fs, const uint8_t raw[FAT_SHORT_BYTES]);
/* Before the first change of a call: -E_ROFS, or the medium says that it is being changed. */
int fat_begin(struct fat *fs);
/* Damage: counts it, says why, refuses changes from now on; -E_PROTO. */
int fat_damaged(struct fat *fs, uint64_t *stat, const char *why);

/* ---- fat_table.c ---------------------------------------------------------------------------- */

static inline bool fat_cluster_valid(const struct fat *fs, uint32_t cluster)
{
    return cluster >= 2 && cluster - 2 < fs->clusters;
}

static inline uint64_t fat_cluster_at(const struct fat *fs, uint32_t cluster)
{
    ASSERT(fat_cluster_valid(fs, cluster));
    return fs->data_at + (uint64_t)(cluster - 2) * fs->cluster_bytes;
}

/* Clusters that `bytes` need. */
static inline uint32_t fat_clusters_of(const struct fat *fs, uint64_t bytes)
{
    return (uint32_t)((bytes + fs->cluster_bytes - 1) / fs->cluster_bytes);
}

#define FAT_NEXT_END 0x10000000u /* the chain's last cluster: no entry has so many bits */
#define FAT_NEXT_FREE 0u         /* of a free cluster */

/* The table's entry of a valid cluster as it stands, or FAT_NEXT_END for any mark of an end. */
int fat_entry_get(struct fat *fs, uint32_t cluster, uint32_t *value);
/* FAT_NEXT_FREE, FAT_NEXT_END, or a cluster. */
int fat_entry_set(struct fat *fs, uint32_t cluster, uint32_t value);
/* The next of a chain: 0, with *next 0 at the end; -E_PROTO where it leads nowhere. */
int fat_next(struct fat *fs, uint32_t cluster, uint32_t *next);
/* A free cluster becomes the end of a chain: behind `prev`, or a new one (0). */
int fat_alloc(struct fat *fs, uint32_t prev, uint32_t *cluster);
/* The same for `n` at once, in one piece where there is one. */
int fat_alloc_chain(struct fat *fs, uint32_t n, uint32_t *first);
/* Frees a chain from `cluster` on; what is damaged in it stays. */
int fat_free_chain(struct fat *fs, uint32_t cluster);
/* Looks through a chain (0: none): how long, and its last. -E_PROTO: it is shorter than `least`,
 * loops, or leads nowhere. */
int fat_chain_check(struct fat *fs, uint32_t first, uint32_t least, uint32_t *clusters,
                    uint32_t *last);
int fat_count_free(struct fat *fs);

/* Brent's algorithm: sees that a walk came to where it was, within three times its way. */
static inline bool fat_loop_seen(uint32_t *saved, uint32_t *power, uint32_t *steps,
                                 uint32_t cluster)
{
    if (cluster == *saved)
        return true;
    if (++*steps >= *power) {
        *saved = cluster;
        *power = *power == 0 ? 1 : *power * 2;
        *steps = 0;
    }
    return false;
}

/* ---- fat_name.c ----------------------------------------------------------------------------- */

/* A name as it is to be written. */
struct fat_name {
    const uint16_t *units;
    unsigned n;
    uint8_t short_name[FAT_SHORT_BYTES];
    uint8_t lower;  /* FAT_LOWER_NAME, FAT_LOWER_EXT */
    bool exact;     /* the short name with `lower` is the name: no long one is needed */
    bool tail;      /* the short name needs a tail: "~1" */
    unsigned slots; /* with the entry */
};

/* 0, or -E_INVAL: no name that FAT can have. `units` are Kept. */
int fat_name_make(struct fat_name *name, const uint16_t *units, unsigned n);
/* The short name with tail ~k; k below 1000000. */
void fat_name_tail(uint8_t to[FAT_SHORT_BYTES], const struct fat_name *name, uint32_t k);
/* The k of a short name that has the form of `name` with a tail, or 0. */
uint32_t fat_name_tail_of(const struct fat_name *name, const uint8_t got[FAT_SHORT_BYTES]);
/* What a short name beginning so looks like when many are alike: two characters, four digits. */
void fat_name_hash(struct fat_name *name, uint32_t salt);
uint8_t fat_name_checksum(const uint8_t short_name[FAT_SHORT_BYTES]);
/* A short name as units, shown as `lower` says: how many, at most 12; 0: no valid name. */
unsigned fat_name_units(const struct fat_dirent *entry, uint16_t *out);
bool fat_name_equal(const uint16_t *a, unsigned n, const uint16_t *b, unsigned m);
bool fat_name_valid(const uint16_t *units, unsigned n);
/* Units of a short name or label of the OEM code page as UTF-16. */
uint16_t fat_oem_unit(uint8_t c);

/* ---- fat_time.c ----------------------------------------------------------------------------- */

void fat_time_stamp(uint64_t wall_ns, uint16_t *date, uint16_t *time, uint8_t *ms10);
uint64_t fat_time_seconds(uint16_t date, uint16_t time);

/* ---- fat_dir.c ------------------------------------------------------------------------------ */

/* An entry with its long name, as read. The name is fs->found16. */
struct fat_found {
    struct fat_dirent entry;
    uint64_t at;        /* device byte of its slot */
    struct fat_dir set; /* at its first slot */
    unsigned slots;     /* with the long name's */
    unsigned units;     /* of the name */
};

/* 0, or -E_PROTO: no directory begins there. 0: the root. */
int fat_dir_begin(struct fat *fs, uint32_t first, struct fat_dir *dir);
/* The slot at the cursor: 1 with its place; 0 past the last; or an error. */
int fat_dir_slot(struct fat_dir *dir, uint64_t *at);
/* To the next slot. */
int fat_dir_step(struct fat_dir *dir);
/* 1: an entry; 0: no more. Not ".", "..", the label. */
int fat_dir_next(struct fat_dir *dir, struct fat_found *found);
/* The entry of that name: 1, or 0. */
int fat_dir_find(struct fat *fs, uint32_t first, const uint16_t *name, unsigned n,
                 struct fat_found *found);
/* 1: it has no entry at all. */
int fat_dir_empty(struct fat *fs, uint32_t first);
/* A directory entry's first cluster as the number of a directory: -E_PROTO where it is none. */
int fat_dir_of(struct fat *fs, const struct fat_dirent *entry, uint32_t *first);
void fat_info_fill(const struct fat *fs, const struct fat_found *found, struct fat_info *info);
/* 1: the label of the root directory is in fs->label. */
int fat_label_find(struct fat *fs);

/* ---- fat_slots.c ---------------------------------------------------------------------------- */

/* Gives a new entry its short name and a place, and writes it; `at`: where. */
int fat_dir_add(struct fat *fs, uint32_t first, struct fat_name *name, struct fat_dirent *entry,
                uint64_t *at);
/* Frees an entry and its long name. */
int fat_dir_remove(struct fat *fs, const struct fat_found *found);
/* Gives an entry another name, in the block of the device where it is: 1; 0: it does not fit. */
int fat_dir_rename_here(struct fat *fs, const struct fat_found *found, struct fat_name *name);
/* An entry's new contents. */
int fat_dirent_write(struct fat *fs, uint64_t at, const struct fat_dirent *entry);
int fat_dirent_read(struct fat *fs, uint64_t at, struct fat_dirent *entry);

/* ---- fat_tree.c ----------------------------------------------------------------------------- */

/* What a path leads to. */
struct fat_path {
    uint32_t parent; /* the directory that has it */
    unsigned units;  /* of its name, in fs->name16; 0: it is the root */
    bool found;
    struct fat_found at; /* where found */
};

int fat_path_walk(struct fat *fs, const char *path, struct fat_path *out);
/* The same; -E_NOENT where it leads to nothing. */
int fat_path_find(struct fat *fs, const char *path, struct fat_path *out);
/* The same for what is to be made: -E_EXIST where it is there, its name, and fat_begin(). */
int fat_path_new(struct fat *fs, const char *path, struct fat_path *out, struct fat_name *name);
/* As fat_path_walk; forbid: no directory on the way may be this one (-E_INVAL). */
int fat_path_walk_outside(struct fat *fs, const char *path, uint32_t forbid, struct fat_path *out);
/* Is the file of that entry open; only for writing? */
bool fat_is_open(const struct fat *fs, uint64_t entry_at, bool only_writers);
/* A file's or directory's entry, with its times. */
struct fat_dirent fat_dirent_new(uint8_t attr, uint32_t cluster, uint32_t bytes, uint64_t wall_ns);

/* ---- fat_twice.c ---------------------------------------------------------------------------- */

/* 1: an entry other than the one at `at` has that first cluster. Looks only where the file system
 * was not unmounted cleanly. */
int fat_has_twin(struct fat *fs, uint32_t cluster, uint64_t at);

/* ---- fat_file.c ----------------------------------------------------------------------------- */

/* Longer, with zeroes. */
int fat_file_grow(struct fat_file *file, uint32_t size, uint64_t wall_ns);
/* The file's entry says what the struct says. */
int fat_file_entry(struct fat_file *file);

#endif
