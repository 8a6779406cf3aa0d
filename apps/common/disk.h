/* SPDX-License-Identifier: ISC */
/* disk.h - a program's disk: what disk= names is opened, and looked at: partitions, a FAT file
 * system, something of the program's own, or nothing yet.
 *
 *     static struct disk disk = {.name = "dhcpd", .pages = &pages, .writes = true,
 *                                .is_ours = dhcp_journal_is_ours};
 *     err = disk_open(&disk, argc, argv);      1: open   0: goes on without   else: ends, status 1
 *     if (err == 1 && disk.kind == DISK_FAT)   disk.fat is mounted; disk_file_window for a file
 *     if (err == 1 && disk.kind == DISK_OURS)  disk.part is the disk, or the partition
 *     disk_close(&disk);
 *
 * What is wrong is said in one line. */
#ifndef APPS_COMMON_DISK_H
#define APPS_COMMON_DISK_H

#include <morgana/args.h>
#include <morgana/fat.h>

/* The key, for a program's table of these. */
#define DISK_KEY                                                                                   \
    {                                                                                              \
        "disk", "disk=NAME[:N][,optional]", "the disk, or partition N of it"                       \
    }

#define DISK_PARTS 64u                /* of requests, in flight */
#define DISK_LOOK_BYTES (64u * 1024u) /* what is looked at to tell what is there */
/* Some begin later: btrfs at 64 KiB, UFS at 256 KiB. */
#define DISK_BLANK_BYTES (320u * 1024u)

enum disk_kind {
    DISK_RAW,   /* the program did not ask what it holds */
    DISK_BLANK, /* only zeroes in its first DISK_BLANK_BYTES */
    DISK_OURS,  /* is_ours said so */
    DISK_FAT,   /* mounted in `fat` */
    DISK_KINDS
};

struct disk {
    /* The program's, before it opens. */
    const char *name;        /* of the program: begins what is said */
    struct page_pool *pages; /* for the driver and the file system; Kept */
    bool writes;             /* a disk that is read-only will not do */
    bool raw;                /* contents are not looked at; without N it is the whole disk */
    /* Is what begins with these bytes (DISK_LOOK_BYTES, or all there are) the program's? NULL:
     * nothing is. */
    bool (*is_ours)(struct cs_ro first);

    /* When it is open. */
    struct args_disk word;
    enum disk_kind kind;
    struct blkdev *dev;       /* the whole disk: the share's alone */
    struct blkdev *part;      /* the disk or partition as a device: the file system's alone */
    struct blk_extent extent; /* where it is on the disk */
    struct blk_share share;   /* for further windows on the disk */
    struct blk_share_part parts[DISK_PARTS];
    struct blk_window window;
    struct fat fat;
    bool is_open;
};

/* Opens it. Keeps disk until disk_close; Lends argv. 1; 0: there is no disk= word, or it said
 * `optional` and there is no such disk, or none that will do, which a warning said; else an error,
 * which was said. */
int disk_open(struct disk *disk, int argc, char *const *argv);
/* Unmounts and closes it, where it is open. No window but its own may be open. Where a request of
 * this one is in flight still, for the device does not answer, all of it stays as it is: the
 * device's, and Kept for good. */
void disk_close(struct disk *disk);

/* "xvda:1", as messages call it. */
struct disk_called {
    char text[80];
};
struct disk_called disk_called(const struct disk *disk);

/* Gives a window that is a file of its FAT file system, in *dev. `extents` (room for `max`) is
 * Kept; nobody else may write or truncate the file until blk_window_close. -E_NOSPC: it lies in
 * more pieces; -E_NOENT: it is empty; fat.h's errors. */
int disk_file_window(struct disk *disk, struct fat_file *file, bool read_only,
                     struct blk_extent *extents, uint32_t max, struct blk_window *window,
                     struct blkdev **dev);

#endif
