/* SPDX-License-Identifier: ISC */
/* fat_size.c - files made longer, shorter, whole at once; and where on the device a file is. */
#include "fs/fat_priv.h"

/* The chain ends after `keep` clusters; the rest becomes free. The entry says so already. */
static int cut_chain(struct fat_file *file, uint32_t keep, uint32_t first)
{
    struct fat *fs = file->fs;
    uint32_t last = first, rest = first;
    int err = 0;

    for (uint32_t i = 0; i < keep && err == 0; i++) {
        if (rest == 0)
            return fat_damaged(fs, &fs->stats.bad_chain, "a chain became shorter");
        last = rest;
        err = fat_next(fs, last, &rest);
    }
    if (err == 0 && keep > 0) {
        err = fat_entry_set(fs, last, FAT_NEXT_END);
        if (err == 0)
            err = fat_barrier(fs);
    }
    if (err < 0)
        return err;
    file->clusters = keep;
    file->last = keep > 0 ? last : 0;
    return rest == 0 ? 0 : fat_free_chain(fs, rest);
}

int fat_truncate(struct fat_file *file, uint32_t size, uint64_t wall_ns)
{
    struct fat *fs = file->fs;
    uint32_t keep = fat_clusters_of(fs, size), first;
    int err;

    if (!file->write)
        return -E_BADF;
    if (size > file->size)
        return fat_file_grow(file, size, wall_ns);
    err = fat_begin(fs);
    if (err == 0)
        err = fat_file_sync(file);
    if (err < 0)
        return err;
    first = file->first;
    file->size = size;
    file->wall_ns = wall_ns;
    file->at_cluster = 0;
    if (keep == 0)
        file->first = 0;
    err = fat_file_entry(file);
    if (err == 0)
        err = fat_barrier(fs);
    if (err < 0 || keep >= file->clusters)
        return err;
    return cut_chain(file, keep, first);
}

/* Zeroes a chain, one request for each of its pieces. */
static int zero_chain(struct fat *fs, uint32_t cluster)
{
    while (cluster != 0) {
        uint32_t first = cluster, n = 0, next = cluster;
        int err = 0;

        for (; err == 0 && next == first + n; n++)
            err = fat_next(fs, first + n, &next);
        if (err == 0)
            err = fat_zero(fs, fat_cluster_at(fs, first), (uint64_t)n * fs->cluster_bytes);
        if (err < 0)
            return err;
        cluster = next;
    }
    return 0;
}

int fat_preallocate(struct fat *fs, const char *path, uint32_t bytes, uint64_t wall_ns)
{
    struct fat_dirent entry;
    struct fat_name name;
    struct fat_path at;
    uint32_t first = 0;
    uint64_t entry_at;
    int err = bytes == 0 ? -E_INVAL : fat_path_new(fs, path, &at, &name);

    if (err == 0)
        err = fat_alloc_chain(fs, fat_clusters_of(fs, bytes), &first);
    if (err < 0)
        return err;
    err = zero_chain(fs, first);
    if (err == 0)
        err = fat_barrier(fs);
    entry = fat_dirent_new(FAT_ATTR_ARCHIVE, first, bytes, wall_ns);
    if (err == 0)
        err = fat_dir_add(fs, at.parent, &name, &entry, &entry_at);
    if (err == -E_NOSPC)
        fat_free_chain(fs, first);
    return err < 0 ? err : fat_barrier(fs);
}

int fat_extents(struct fat_file *file, uint64_t base, struct blk_extent *out, uint32_t max)
{
    struct fat *fs = file->fs;
    uint64_t left =
        ((uint64_t)file->size + fs->block_bytes - 1) / fs->block_bytes * fs->block_bytes;
    uint32_t n = 0, cluster;
    int err = fat_file_sync(file);

    for (cluster = file->first; err == 0 && left > 0;) {
        uint64_t start, bytes = u64_min(left, fs->cluster_bytes);

        if (cluster == 0)
            return fat_damaged(fs, &fs->stats.bad_chain, "a chain became shorter");
        start = fat_cluster_at(fs, cluster);
        err = fat_cache_drop(fs, start, bytes);
        if (n > 0 && out[n - 1].start + out[n - 1].bytes == base + start)
            out[n - 1].bytes += bytes;
        else if (n == max)
            return -E_NOSPC;
        else
            out[n++] = (struct blk_extent){base + start, bytes};
        left -= bytes;
        if (err == 0 && left > 0)
            err = fat_next(fs, cluster, &cluster);
    }
    return err < 0 ? err : (int)n;
}
