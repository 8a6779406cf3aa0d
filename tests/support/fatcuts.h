/* SPDX-License-Identifier: ISC */
/* fatcuts.h - what is done to a FAT file system while power may be lost: for the simulation, and
 * for fattool, whose images fsck.fat judges. */
#ifndef TESTS_FATCUTS_H
#define TESTS_FATCUTS_H

#include <morgana/fat.h>

struct fatcut {
    const char *name;
    /* 0, or the error of the call at which power was lost */
    int (*before)(struct fat *fs);
    int (*run)(struct fat *fs);
    /* What holds after a cut anywhere in run: true, or a text says what does not. */
    bool (*holds)(struct fat *fs, const char **why);
    unsigned allowed;      /* what a judge may find besides FATCUT_ALLOWED */
    const char *from, *to; /* a rename's; else NULL */
};

/* Lost clusters, copies that differ, the dirty bit, the free count. */
#define FATCUT_ALLOWED (FATCHECK_LOST | FATCHECK_COPIES | FATCHECK_DIRTY | FATCHECK_FSINFO)

extern const struct fatcut fatcuts[];
extern const unsigned fatcut_count;

/* Files that no script touches, made before all else; are they whole? */
int fatcut_bystanders_make(struct fat *fs);
bool fatcut_bystanders_whole(struct fat *fs);

#endif
