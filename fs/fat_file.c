/* SPDX-License-Identifier: ISC */
/* fat_file.c - open files: reading, writing, and what makes a write last.
 *
 * A file that grows has two chains: the one on the medium, and a new one, which nothing there
 * leads to yet. fat_file_sync first brings the data and the new chain to the medium, then links it
 * to the file's last cluster, then writes the entry with the new size; an empty file's entry gets
 * the new chain and the size in one write. */
#include "fs/fat_priv.h"

static void file_init(struct fat *fs, struct fat_file *file, uint64_t at,
                      const struct fat_dirent *entry, unsigned flags)
{
    *file = (struct fat_file){.fs = fs, .entry_at = at, .first = entry->cluster};
    file->size = entry->bytes;
    file->write = flags & FAT_WRITE;
}

static int create(struct fat *fs, const struct fat_path *path, uint64_t wall_ns, uint64_t *at,
                  struct fat_dirent *entry)
{
    struct fat_name name;
    int err = fat_name_make(&name, fs->name16, path->units);

    if (err == 0)
        err = fat_begin(fs);
    if (err < 0)
        return err;
    *entry = fat_dirent_new(FAT_ATTR_ARCHIVE, 0, 0, wall_ns);
    return fat_dir_add(fs, path->parent, &name, entry, at);
}

/* What there is against opening the file that was found. */
static int judge(struct fat *fs, const struct fat_path *path, unsigned flags)
{
    int twin;

    if (path->units == 0 || path->at.entry.attr & FAT_ATTR_DIRECTORY)
        return -E_INVAL;
    if (flags & FAT_EXCL)
        return -E_EXIST;
    if (fat_is_open(fs, path->at.at, !(flags & FAT_WRITE)))
        return -E_BUSY;
    if (!(flags & FAT_WRITE))
        return 0;
    if (path->at.entry.attr & FAT_ATTR_READ_ONLY)
        return -E_ACCES;
    if (fs->read_only || fs->spoiled)
        return -E_ROFS;
    twin = fat_has_twin(fs, path->at.entry.cluster, path->at.at);
    return twin < 0 ? twin : twin ? -E_BUSY : 0;
}

int fat_open(struct fat *fs, const char *path, unsigned flags, uint64_t wall_ns,
             struct fat_file *file)
{
    struct fat_path found;
    uint32_t last;
    int err;

    if (flags & ~(FAT_WRITE | FAT_CREATE | FAT_EXCL) ||
        (flags & FAT_CREATE && !(flags & FAT_WRITE)) || (flags & FAT_EXCL && !(flags & FAT_CREATE)))
        return -E_INVAL;
    err = fat_path_walk(fs, path, &found);
    if (err < 0)
        return err;
    if (found.found) {
        err = judge(fs, &found, flags);
    } else {
        err = flags & FAT_CREATE ? create(fs, &found, wall_ns, &found.at.at, &found.at.entry)
                                 : -E_NOENT;
    }
    if (err < 0)
        return err;
    file_init(fs, file, found.at.at, &found.at.entry, flags);
    err = fat_chain_check(fs, file->first, fat_clusters_of(fs, file->size), &file->clusters, &last);
    if (err < 0)
        return err;
    file->last = last;
    file->wall_ns = wall_ns;
    file->next = fs->files;
    fs->files = file;
    return 0;
}

/* The file's cluster of that number, in its chain or the new one. */
static int cluster_find(struct fat_file *file, uint32_t index, uint32_t *cluster)
{
    ASSERT(index < file->clusters + file->new_clusters);
    if (file->at_cluster == 0 || index < file->at_index) {
        file->at_index = 0;
        file->at_cluster = file->clusters > 0 ? file->first : file->new_first;
    }
    while (file->at_index < index) {
        uint32_t next = file->new_first;
        int err =
            file->at_index + 1 == file->clusters ? 0 : fat_next(file->fs, file->at_cluster, &next);

        if (err == 0 && next == 0)
            err = fat_damaged(file->fs, &file->fs->stats.bad_chain, "a chain became shorter");
        if (err < 0) {
            file->at_cluster = 0;
            return err;
        }
        file->at_cluster = next;
        file->at_index++;
    }
    *cluster = file->at_cluster;
    return 0;
}

/* Where the file's byte `off` is on the device, and how many of `n` follow it in its chunk. */
static int place(struct fat_file *file, uint32_t off, uint32_t n, uint64_t *at, uint32_t *here)
{
    uint32_t cluster_bytes = file->fs->cluster_bytes, cluster = 0;
    int err = cluster_find(file, off / cluster_bytes, &cluster);

    if (err < 0)
        return err;
    *at = fat_cluster_at(file->fs, cluster) + off % cluster_bytes;
    *here = fat_chunk_left(*at, u32_min(n, cluster_bytes - off % cluster_bytes));
    return 0;
}

int fat_read(struct fat_file *file, uint32_t off, struct cs buf)
{
    uint32_t left, done = 0;

    if (off >= file->size)
        return 0;
    left = (uint32_t)u64_min(u64_min(buf.len, file->size - off), INT32_MAX);
    while (done < left) {
        struct cs_ro from;
        uint64_t at;
        uint32_t n;
        int err = place(file, off + done, left - done, &at, &n);

        if (err == 0)
            err = fat_cache_ro(file->fs, at, n, &from);
        if (err < 0)
            return err;
        cs_blit(buf, done, from);
        done += n;
    }
    return (int)left;
}

/* Bytes into clusters that the file has; from NULL: zeroes. */
static int put(struct fat_file *file, uint32_t off, const uint8_t *from, uint32_t left)
{
    while (left > 0) {
        struct cs to;
        uint64_t at;
        uint32_t n;
        int err = place(file, off, left, &at, &n);

        if (err == 0)
            err = fat_cache_rw(file->fs, at, n, &to);
        if (err < 0)
            return err;
        if (from) {
            cs_blit(to, 0, cs_ro_of(from, n));
            from += n;
        } else {
            cs_fill(to, 0);
        }
        off += n;
        left -= n;
    }
    return 0;
}

/* Takes back the new clusters from number `keep` of them on. */
static void give_back(struct fat_file *file, uint32_t keep, uint32_t keep_last, uint32_t first)
{
    struct fat *fs = file->fs;

    file->at_cluster = 0;
    file->new_clusters = keep;
    file->new_last = keep_last;
    if (keep == 0)
        file->new_first = 0;
    else
        fat_entry_set(fs, keep_last, FAT_NEXT_END);
    fat_free_chain(fs, first);
}

/* Clusters for the first `end` bytes. */
static int reserve(struct fat_file *file, uint32_t end)
{
    struct fat *fs = file->fs;
    uint32_t want = fat_clusters_of(fs, end), keep = file->new_clusters;
    uint32_t keep_last = file->new_last, first = 0;
    uint32_t last = keep_last != 0 ? keep_last : file->last;

    if (want > file->clusters + keep && last != 0)
        fs->next_free = last + 1; /* in one piece, where it can be */
    while (file->clusters + file->new_clusters < want) {
        uint32_t cluster;
        int err = fat_alloc(fs, file->new_last, &cluster);

        if (err < 0) {
            if (first != 0)
                give_back(file, keep, keep_last, first);
            return err;
        }
        first = first ? first : cluster;
        if (file->new_clusters++ == 0)
            file->new_first = cluster;
        file->new_last = cluster;
    }
    return 0;
}

/* `from` NULL: zeroes. The gap between the file's end and `off` becomes zeroes. */
static int write_range(struct fat_file *file, uint32_t off, const uint8_t *from, uint32_t n,
                       uint64_t wall_ns)
{
    int err;

    if (!file->write)
        return -E_BADF;
    if (n == 0)
        return 0;
    if (n > FAT_FILE_BYTES_MAX - off)
        return -E_2BIG;
    err = fat_begin(file->fs);
    if (err == 0)
        err = reserve(file, off + n);
    if (err == 0 && off > file->size)
        err = put(file, file->size, NULL, off - file->size);
    if (err == 0)
        err = put(file, off, from, n);
    if (err < 0)
        return err;
    if (off + n > file->size)
        file->size = off + n;
    file->wall_ns = wall_ns;
    file->stale = true;
    return 0;
}

int fat_write(struct fat_file *file, uint32_t off, struct cs_ro bytes, uint64_t wall_ns)
{
    int err;

    if (bytes.len > INT32_MAX)
        return -E_2BIG;
    err = write_range(file, off, bytes.base, (uint32_t)bytes.len, wall_ns);
    return err < 0 ? err : (int)bytes.len;
}

int fat_file_grow(struct fat_file *file, uint32_t size, uint64_t wall_ns)
{
    return write_range(file, file->size, NULL, size - file->size, wall_ns);
}

int fat_file_entry(struct fat_file *file)
{
    struct fat_dirent entry;
    uint8_t ms10;
    int err = fat_dirent_read(file->fs, file->entry_at, &entry);

    if (err < 0)
        return err;
    entry.cluster = file->first;
    entry.bytes = file->size;
    entry.attr |= FAT_ATTR_ARCHIVE;
    fat_time_stamp(file->wall_ns, &entry.date, &entry.time, &ms10);
    entry.accessed_date = entry.date;
    return fat_dirent_write(file->fs, file->entry_at, &entry);
}

/* Makes the new chain the file's own. */
static int link_new(struct fat_file *file)
{
    int err = 0;

    if (file->new_clusters == 0)
        return 0;
    if (file->clusters > 0) {
        err = fat_entry_set(file->fs, file->last, file->new_first);
        if (err == 0)
            err = fat_barrier(file->fs);
    } else {
        file->first = file->new_first;
    }
    if (err < 0)
        return err;
    file->clusters += file->new_clusters;
    file->last = file->new_last;
    file->new_first = 0;
    file->new_last = 0;
    file->new_clusters = 0;
    return 0;
}

int fat_file_sync(struct fat_file *file)
{
    int err = file->fs->read_only ? 0 : fat_barrier(file->fs);

    if (err < 0 || !file->stale)
        return err;
    err = link_new(file);
    if (err == 0)
        err = fat_file_entry(file);
    if (err == 0)
        err = fat_barrier(file->fs);
    if (err == 0)
        file->stale = false;
    return err;
}

int fat_close(struct fat_file *file)
{
    struct fat_file **at = &file->fs->files;
    int err = file->stale ? fat_file_sync(file) : 0;

    while (*at != file) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = file->next;
    file->fs = NULL;
    return err;
}
