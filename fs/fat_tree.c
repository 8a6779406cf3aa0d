/* SPDX-License-Identifier: ISC */
/* fat_tree.c - paths: walking them, stat, reading directories, mkdir, unlink, rmdir. */
#include "fs/fat_priv.h"
#include "fs/utf16.h"

static size_t text_len(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n] != '\0')
        n++;
    return n;
}

/* The next component, which goes to fs->name16; *units 0: there is none. */
static int component(struct fat *fs, const char **path, const char *end, unsigned *units)
{
    const char *from = *path, *to;
    int n;

    while (from < end && *from == '/')
        from++;
    for (to = from; to < end && *to != '/';)
        to++;
    *path = to;
    *units = 0;
    if (from == to)
        return 0;
    n = utf16_from_utf8(from, (size_t)(to - from), fs->name16, FAT_NAME_UNITS);
    if (n < 0)
        return n == -E_NOSPC ? -E_2BIG : n;
    if (!fat_name_valid(fs->name16, (unsigned)n))
        return -E_INVAL;
    *units = (unsigned)n;
    return 0;
}

static bool more(const char *path, const char *end)
{
    while (path < end && *path == '/')
        path++;
    return path < end;
}

int fat_path_walk_outside(struct fat *fs, const char *path, uint32_t forbid, struct fat_path *out)
{
    size_t len = text_len(path, FAT_PATH_BYTES_MAX);
    const char *end = path + len;
    unsigned units;
    int err;

    *out = (struct fat_path){0};
    if (len == FAT_PATH_BYTES_MAX)
        return -E_2BIG;
    for (;;) {
        err = component(fs, &path, end, &units);
        if (err < 0)
            return err;
        out->units = units;
        if (units == 0) { /* only where there was none: the root */
            out->found = true;
            return 0;
        }
        err = fat_dir_find(fs, out->parent, fs->name16, units, &out->at);
        if (err < 0)
            return err;
        out->found = err > 0;
        if (!more(path, end))
            return 0;
        if (!out->found || !(out->at.entry.attr & FAT_ATTR_DIRECTORY))
            return -E_NOENT;
        err = fat_dir_of(fs, &out->at.entry, &out->parent);
        if (err < 0)
            return err;
        if (forbid != 0 && out->parent == forbid)
            return -E_INVAL;
    }
}

int fat_path_walk(struct fat *fs, const char *path, struct fat_path *out)
{
    return fat_path_walk_outside(fs, path, 0, out);
}

int fat_path_find(struct fat *fs, const char *path, struct fat_path *out)
{
    int err = fat_path_walk(fs, path, out);

    return err == 0 && !out->found ? -E_NOENT : err;
}

int fat_path_new(struct fat *fs, const char *path, struct fat_path *out, struct fat_name *name)
{
    int err = fat_path_walk(fs, path, out);

    if (err == 0 && out->found)
        err = -E_EXIST;
    if (err == 0)
        err = fat_name_make(name, fs->name16, out->units);
    return err == 0 ? fat_begin(fs) : err;
}

bool fat_is_open(const struct fat *fs, uint64_t entry_at, bool only_writers)
{
    for (const struct fat_file *file = fs->files; file; file = file->next)
        if (file->entry_at == entry_at && (file->write || !only_writers))
            return true;
    return false;
}

struct fat_dirent fat_dirent_new(uint8_t attr, uint32_t cluster, uint32_t bytes, uint64_t wall_ns)
{
    struct fat_dirent entry = {.attr = attr, .cluster = cluster, .bytes = bytes};

    memset(entry.name, ' ', sizeof(entry.name));
    fat_time_stamp(wall_ns, &entry.created_date, &entry.created_time, &entry.created_10ms);
    entry.accessed_date = entry.created_date;
    entry.date = entry.created_date;
    entry.time = entry.created_time;
    return entry;
}

int fat_stat(struct fat *fs, const char *path, struct fat_info *info)
{
    struct fat_path at;
    int err = fat_path_find(fs, path, &at);

    if (err < 0)
        return err;
    if (at.units == 0)
        *info = (struct fat_info){.directory = true, .first_cluster = fs->root_cluster};
    else
        fat_info_fill(fs, &at.at, info);
    return 0;
}

int fat_opendir(struct fat *fs, const char *path, struct fat_dir *dir)
{
    struct fat_path at;
    uint32_t first = 0;
    int err = fat_path_walk(fs, path, &at);

    if (err < 0)
        return err;
    if (!at.found || (at.units > 0 && !(at.at.entry.attr & FAT_ATTR_DIRECTORY)))
        return -E_NOENT;
    if (at.units > 0)
        err = fat_dir_of(fs, &at.at.entry, &first);
    return err < 0 ? err : fat_dir_begin(fs, first, dir);
}

int fat_readdir(struct fat_dir *dir, struct fat_info *info)
{
    struct fat_found found;
    int err = fat_dir_next(dir, &found);

    if (err > 0)
        fat_info_fill(dir->fs, &found, info);
    return err;
}

/* The two entries that a directory begins with. */
static int dots_put(struct fat *fs, uint32_t cluster, uint32_t parent, uint64_t wall_ns)
{
    struct fat_dirent dot = fat_dirent_new(FAT_ATTR_DIRECTORY, cluster, 0, wall_ns);
    uint64_t at = fat_cluster_at(fs, cluster);
    int err;

    dot.name[0] = '.';
    err = fat_dirent_write(fs, at, &dot);
    dot.name[1] = '.';
    dot.cluster = parent;
    return err < 0 ? err : fat_dirent_write(fs, at + FAT_SLOT_BYTES, &dot);
}

int fat_mkdir(struct fat *fs, const char *path, uint64_t wall_ns)
{
    struct fat_dirent entry;
    struct fat_name name;
    struct fat_path at;
    uint32_t cluster;
    uint64_t entry_at;
    int err = fat_path_new(fs, path, &at, &name);

    if (err == 0)
        err = fat_alloc(fs, 0, &cluster);
    if (err < 0)
        return err;
    err = fat_zero(fs, fat_cluster_at(fs, cluster), fs->cluster_bytes);
    if (err == 0)
        err = dots_put(fs, cluster, at.parent, wall_ns);
    if (err == 0)
        err = fat_barrier(fs);
    entry = fat_dirent_new(FAT_ATTR_DIRECTORY, cluster, 0, wall_ns);
    if (err == 0)
        err = fat_dir_add(fs, at.parent, &name, &entry, &entry_at);
    if (err == -E_NOSPC)
        fat_free_chain(fs, cluster);
    return err;
}

/* Takes an entry away, then frees what it had. */
static int entry_remove(struct fat *fs, const struct fat_found *found)
{
    int twin = fat_has_twin(fs, found->entry.cluster, found->at);
    int err = twin < 0 ? twin : fat_begin(fs);

    if (err == 0)
        err = fat_dir_remove(fs, found);
    if (err == 0)
        err = fat_barrier(fs);
    return err < 0 || twin ? err : fat_free_chain(fs, found->entry.cluster);
}

int fat_unlink(struct fat *fs, const char *path)
{
    struct fat_path at;
    int err = fat_path_find(fs, path, &at);

    if (err < 0)
        return err;
    if (at.units == 0 || at.at.entry.attr & FAT_ATTR_DIRECTORY)
        return -E_INVAL;
    if (fat_is_open(fs, at.at.at, false))
        return -E_BUSY;
    return entry_remove(fs, &at.at);
}

int fat_rmdir(struct fat *fs, const char *path)
{
    struct fat_path at;
    uint32_t first;
    int err = fat_path_find(fs, path, &at);

    if (err < 0)
        return err;
    if (at.units == 0 || !(at.at.entry.attr & FAT_ATTR_DIRECTORY))
        return -E_INVAL;
    err = fat_dir_of(fs, &at.at.entry, &first);
    if (err == 0)
        err = fat_dir_empty(fs, first);
    if (err <= 0)
        return err < 0 ? err : -E_BUSY;
    return entry_remove(fs, &at.at);
}
