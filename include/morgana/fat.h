/* SPDX-License-Identifier: ISC */
/* fat.h - FAT12, FAT16 and FAT32 with long names (VFAT), read and write, over a blkdev.
 *
 * Synchronous: each call does its I/O by blk_io.h and waits. No allocator: what is held is the
 * caller's structs and `cache_pages` pages of a pool.
 *
 *     struct fat_conf conf = {.dev = partition, .pool = &pool, .cache_pages = FAT_CACHE_PAGES};
 *     fat_mount(&fs, &conf);
 *     fat_open(&fs, "/dhcpd.conf", 0, 0, &file);
 *     n = fat_read(&file, 0, buf);
 *     fat_close(&file);
 *     fat_unmount(&fs);
 *
 * Paths: UTF-8, components parted by '/', the first '/' may be left out; "/" or "" is the root.
 * "." and ".." are no names: -E_INVAL. Names keep their case and are found without it (ASCII and
 * Latin-1), by the long name or by the short one.
 *
 * Power cuts. Every change goes to the medium before what relies on it: a file's clusters and
 * their table entries before the directory entry that shows them; a directory entry's removal
 * before its clusters are free; each step ends with a FLUSH. A directory entry and its long name
 * are put in one sector of 512 bytes, which every device writes all or nothing, where they fit
 * (any name to 195 characters). After a cut at any write the file system mounts, every file not
 * being changed is whole, and fsck.fat finds nothing but
 *     - clusters marked as used that no file has, a wrong free count, copies of the table that
 *       differ, and the dirty bit;
 *     - of the file being extended or cut off: a chain longer than its size (the rest is not seen);
 *     - of the file being renamed, where its old and its new entry are not in one sector: both
 *       names, of one and the same file, never neither; of a directory moved to another: its ".."
 *       too. Either name can be removed, and the rename done again: the file stays under the other.
 *       While it has both it is not opened for writing (-E_BUSY);
 *     - of a name that does not fit one sector (longer, or made so by others): parts of the long
 *       name without their entry, which every reader skips.
 * FAT12's table entries can straddle two sectors: such clusters are never taken for new data. */
#ifndef MORGANA_FAT_H
#define MORGANA_FAT_H

#include <morgana/blk_share.h>

#define FAT_CACHE_PAGES 8u /* a good number */
#define FAT_CACHE_PAGES_MIN 4u
#define FAT_CACHE_PAGES_MAX 64u
#define FAT_NAME_UNITS 255u /* UTF-16 units of the longest name */
#define FAT_NAME_BYTES 766u /* the same as UTF-8, and a NUL */
#define FAT_LABEL_BYTES 34u /* 11 characters as UTF-8, and a NUL */
#define FAT_FILE_BYTES_MAX UINT32_MAX

struct fat_conf {
    struct blkdev *dev;     /* the partition or disk; the file system's alone until unmount; Kept */
    struct page_pool *pool; /* Kept; gives cache_pages pages, which come back with unmount */
    uint32_t cache_pages;   /* FAT_CACHE_PAGES_MIN..MAX; default FAT_CACHE_PAGES; 4 KiB each */
    bool read_only;         /* every change is refused with -E_ROFS, nothing is ever written */
};

/* What happened, by name. */
#define FAT_STATS(S)                                                                               \
    S(reads) /* requests to the device */                                                          \
    S(writes)                                                                                      \
    S(flushes)                                                                                     \
    S(hits)        /* looked up in the cache and found */                                          \
    S(io_errors)   /* requests that failed */                                                      \
    S(bad_chain)   /* a cluster chain that ends early, loops, or leaves the file system */         \
    S(bad_entry)   /* a directory entry that makes no sense */                                     \
    S(bad_dir)     /* a directory without an end, or with too many entries */                      \
    S(bad_name)    /* a long name that is damaged: the short one stood in */                       \
    S(alloc_fails) /* no free cluster */
#define FAT_STAT_FIELD(name) uint64_t name;
struct fat_stats {
    FAT_STATS(FAT_STAT_FIELD)
};
#define FAT_STAT_NAME(name) #name,
/* In the order of struct fat_stats, which is an array of uint64_t in disguise. */
static const UNUSED char *const fat_stat_names[] = {FAT_STATS(FAT_STAT_NAME)};
STATIC_ASSERT(sizeof(fat_stat_names) / sizeof(fat_stat_names[0]) ==
                  sizeof(struct fat_stats) / sizeof(uint64_t),
              "a name for each counter");

/* 4 KiB of the device. */
struct fat_cached {
    struct page *page;
    uint64_t chunk; /* device byte / 4096; UINT64_MAX: none */
    uint64_t used;  /* the larger, the later */
    uint8_t dirty;  /* a bit for each 512 bytes */
};

struct fat_file;

/* A mounted file system: the caller's storage; the fields may be read. */
struct fat {
    struct fat_conf conf;
    uint8_t bits;   /* 12, 16 or 32 */
    bool read_only; /* asked for, or the device is */
    bool was_dirty; /* not unmounted cleanly before: worth a warning and an fsck */
    bool spoiled;   /* damage was found or a write failed: read-only from then on */
    uint32_t sector_bytes, cluster_bytes, clusters;
    char label[FAT_LABEL_BYTES]; /* UTF-8, "" where there is none */
    uint32_t serial;
    struct fat_stats stats;
    const char
        *why; /* Never NULL: of the last -E_PROTO, -E_IO or -E_INVAL of mount: what is wrong */

    /* the rest is private */
    uint64_t tables_at, table_bytes; /* device bytes: the first table; of one table */
    uint64_t root_at, data_at;       /* the fixed root directory; cluster 2 */
    uint32_t root_slots;             /* of the fixed root; FAT32: 0 */
    uint32_t root_cluster;           /* FAT32; else 0 */
    uint32_t block_bytes;            /* what is written at once: the device's, at least 512 */
    uint32_t next_free;              /* where the search for a free cluster begins */
    uint32_t free_count;             /* clusters, or FAT_FREE_UNKNOWN */
    uint32_t fsinfo_at;              /* device byte of its hints, 0: none */
    uint32_t state_at;               /* device byte of the dirty bit */
    uint8_t tables, active;          /* copies; the one that is read */
    bool mirror;                     /* all copies are written, not only the active one */
    bool free_exact;                 /* free_count was counted, not hinted */
    bool marked;                     /* the medium says that it is mounted */
    bool unflushed;                  /* something was written since the last flush */
    bool lost;                       /* the device has not given `req` back */
    struct fat_cached cache[FAT_CACHE_PAGES_MAX], *recent;
    uint64_t clock;
    struct blk_req req;
    struct blk_seg segs[16];
    struct fat_file *files;                /* open ones */
    uint16_t name16[FAT_NAME_UNITS + 1];   /* the name looked for */
    uint16_t found16[FAT_NAME_UNITS + 13]; /* the name read */
};

struct fat_info {
    char name[FAT_NAME_BYTES]; /* UTF-8; "" for the root */
    char short_name[13];       /* "NAME~1.EXT", ASCII: bytes over 127 as '?' */
    uint32_t bytes;            /* 0 for a directory */
    bool directory, read_only, hidden, system;
    uint64_t modified_s;    /* seconds since 1970; 0 where there is none */
    uint32_t first_cluster; /* 0: none */
};

/* A directory being read: the caller's storage; treat as opaque. */
struct fat_dir {
    struct fat *fs;
    uint32_t first;               /* its first cluster; 0: the fixed root */
    uint32_t cluster, index;      /* where the slot is, and its number */
    uint32_t saved, power, steps; /* for finding loops */
};

/* An open file: the caller's storage; size may be read. */
struct fat_file {
    struct fat *fs;
    uint32_t size; /* bytes, with what was written and not yet synced */

    /* the rest is private */
    struct fat_file *next;
    uint64_t entry_at;                          /* device byte of its directory entry */
    uint32_t first, last, clusters;             /* the chain on the medium; 0: none */
    uint32_t new_first, new_last, new_clusters; /* what is to be linked to it */
    uint32_t at_index, at_cluster;              /* the place last looked at; 0: none */
    uint64_t wall_ns;                           /* of the last write */
    bool write, stale;                          /* stale: the entry does not say so yet */
};

/* flags of fat_open */
#define FAT_WRITE 1u  /* else only to be read */
#define FAT_CREATE 2u /* make it where it is absent; needs FAT_WRITE */
#define FAT_EXCL 4u   /* with FAT_CREATE: -E_EXIST where it is there */

/* `wall_ns`: nanoseconds since 1970 UTC for the time stamps (plat_wall_ns()); 0: unknown, and the
 * stamp is FAT's first day. Stamps are in UTC.
 *
 * Errors everywhere: -E_IO, -E_NODEV, -E_TIMEDOUT of the device. -E_PROTO: the file system is
 * damaged there (fs->why); changes are refused from then on. -E_ROFS. -E_NOENT, also where a
 * directory on the way is a file. -E_INVAL: a name that FAT cannot have. -E_2BIG: a name or path
 * too long. -E_BUSY: the file is open and the call would change it under its handle. -E_NOSPC: the
 * disk or directory is full. */

/* Mounts. Reads only; *fs is filled in every case (fs->why). -E_INVAL: no FAT file system, or one
 * that its own boot sector contradicts, reaches past the device, or has sectors smaller than the
 * device's blocks; or conf. -E_NOMEM: the pool has not the pages. Type: as the number of clusters
 * says; FAT32 also with fewer clusters than its standard wants, where the boot sector is FAT32's,
 * as Linux has it. */
int fat_mount(struct fat *fs, const struct fat_conf *conf);
/* Writes what is left, the FSInfo hint, and the clean mark where it was clean before, and gives the
 * pages back in any case: but for a page that the device still has (-E_TIMEDOUT). No file may be
 * open (asserted). */
int fat_unmount(struct fat *fs);
/* All that was done, but for unsynced writes to open files, is on the medium when this returns 0.
 * Where no file is open for writing, the file system has its clean mark too. */
int fat_sync(struct fat *fs);

/* Counts free clusters: reads the whole table the first time. */
int fat_free_bytes(struct fat *fs, uint64_t *bytes);

/* What the path names: a file or a directory, the root too. Only reads. *info is untouched on
 * failure. */
int fat_stat(struct fat *fs, const char *path, struct fat_info *info);
/* Begins to read a directory: *dir is the caller's, to be given to fat_readdir as long as fs is
 * mounted; there is nothing to close. -E_NOENT also for a file. */
int fat_opendir(struct fat *fs, const char *path, struct fat_dir *dir);
/* 1: the next entry (not ".", "..", or the label) is in *info; 0: no more. A directory that is
 * changed meanwhile may give entries twice or not. */
int fat_readdir(struct fat_dir *dir, struct fat_info *info);

/* Opens a file (-E_INVAL: a directory; -E_ACCES: to be written, but marked read-only). A file may
 * be open for reading several times, or once for writing: else -E_BUSY. Its chain is looked
 * through. */
int fat_open(struct fat *fs, const char *path, unsigned flags, uint64_t wall_ns,
             struct fat_file *file);
/* Bytes read, fewer only at the file's end; 0 there. At most INT32_MAX. Copies. */
int fat_read(struct fat_file *file, uint32_t off, struct cs buf);
/* All bytes written at `off`, or none kept (size and contents up to the old size may have changed
 * with -E_IO): the count, or an error. Past the end, the gap becomes zeroes. Copies. On the medium
 * after fat_file_sync or fat_close. */
int fat_write(struct fat_file *file, uint32_t off, struct cs_ro bytes, uint64_t wall_ns);
/* Shorter or longer (with zeroes). Done on the medium in order, durable after fat_file_sync. */
int fat_truncate(struct fat_file *file, uint32_t size, uint64_t wall_ns);
/* What was written is on the medium, and found there, when this returns 0. */
int fat_file_sync(struct fat_file *file);
/* Syncs where it was written to. The struct is the caller's again whatever it returns. */
int fat_close(struct fat_file *file);

/* Makes a file of `bytes` zeroes (at least 1), in one piece where there is room for that. It is
 * there whole or not at all, and on the medium when this returns 0. -E_EXIST. */
int fat_preallocate(struct fat *fs, const char *path, uint32_t bytes, uint64_t wall_ns);

/* Where the file's bytes are: at most `max` extents, in order, on the device that `base` bytes
 * precede fs's own (0: on fs's device). They cover the size, rounded up to the device's block.
 * Syncs the file first. Returns how many; 0 for an empty file; -E_NOSPC: more than max. For a
 * window (blk_share.h) that is the file: nobody else may write or truncate the file while it is
 * open, and fat_read may give what was there before. */
int fat_extents(struct fat_file *file, uint64_t base, struct blk_extent *out, uint32_t max);

/* Makes an empty directory; the one above it must be there. It is there whole or not at all, and on
 * the medium after fat_sync. -E_EXIST: a file or a directory has the name. */
int fat_mkdir(struct fat *fs, const char *path, uint64_t wall_ns);
/* Removes a file, whatever its attributes: its name is gone from the medium when this returns 0.
 * -E_BUSY: it is open; -E_INVAL: a directory. */
int fat_unlink(struct fat *fs, const char *path);
/* Removes an empty directory, likewise. -E_BUSY: not empty; -E_INVAL: a file, or the root. */
int fat_rmdir(struct fat *fs, const char *path);
/* A file may replace a file, a directory an empty directory. -E_INVAL: into itself, or a file over
 * a directory or the other way. See "Power cuts" above for what a cut can leave. */
int fat_rename(struct fat *fs, const char *from, const char *to);

#endif
