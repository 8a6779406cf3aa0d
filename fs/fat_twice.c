/* SPDX-License-Identifier: ISC */
/* fat_twice.c - one file with two names: what a cut in the middle of a rename leaves. To free the
 * clusters of one would take them from the other, so after a cut it is looked whether there is
 * another. */
#include "fs/fat_priv.h"

#define DEPTH_MAX 32u

int fat_has_twin(struct fat *fs, uint32_t cluster, uint64_t at)
{
    uint64_t left = (uint64_t)fs->clusters * (fs->cluster_bytes / FAT_SLOT_BYTES) + fs->root_slots;
    struct fat_dir path[DEPTH_MAX];
    unsigned depth = 0;
    int err;

    if (!fs->was_dirty || cluster == 0)
        return 0;
    err = fat_dir_begin(fs, 0, &path[0]);
    while (err == 0) {
        struct fat_found found;

        err = fat_dir_next(&path[depth], &found);
        if (err < 0 || (err == 0 && depth == 0))
            return err;
        if (err == 0) {
            depth--;
            continue;
        }
        err = 0;
        if (found.entry.cluster == cluster && found.at != at)
            return 1;
        if (left-- == 0)
            return fat_damaged(fs, &fs->stats.bad_dir, "directories come back to themselves");
        if (!(found.entry.attr & FAT_ATTR_DIRECTORY))
            continue;
        if (++depth == DEPTH_MAX)
            return 1; /* nobody knows: then nothing is freed */
        err = fat_dir_begin(fs, found.entry.cluster, &path[depth]);
    }
    return err;
}
