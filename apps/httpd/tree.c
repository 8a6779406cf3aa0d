/* SPDX-License-Identifier: ISC */
/* tree.c - walks a FAT file system once, at the start: afterwards a file is a name, a length, and a
 * list of stretches of the disk, and the file system is not asked again. */
#include <stdlib.h>
#include <string.h>

#include <morgana/log.h>

#include "tree.h"

enum { DEPTH_MAX = 16, FOLDERS_MAX = 65536, EXTENTS_MAX = 4096, FILES_FIRST = 64 };

static struct {
    struct disk *disk;
    struct site_file *files;
    uint32_t count, room, left_out, folders;
    const char *why;            /* of -E_PROTO, where it is not the file system that says so */
    struct blk_extent *extents; /* of one file, EXTENTS_MAX */
    struct fat_info info;
} walk;

/* "a/b" of "a" and "b". False: too long. */
static bool join(char *path, size_t *len, const char *name)
{
    size_t n = strlen(name);

    if (n + 2 > SITE_NAME_BYTES - *len)
        return false;
    if (*len != 0)
        path[(*len)++] = '/';
    memcpy(path + *len, name, n + 1);
    *len += n;
    return true;
}

static bool make_room(void)
{
    uint32_t room = walk.room == 0 ? FILES_FIRST : 2 * walk.room;
    struct site_file *more;

    if (walk.count < walk.room)
        return true;
    more = realloc(walk.files, room * sizeof(*more));
    if (more == NULL)
        return false;
    walk.files = more;
    walk.room = room;
    return true;
}

/* Where the file lies: 0; -E_NOSPC: in too many pieces. */
static int find_extents(const char *path, struct site_file *file)
{
    struct fat_file open;
    int n = fat_open(&walk.disk->fat, path, 0, 0, &open);

    if (n != 0)
        return n;
    n = fat_extents(&open, 0, walk.extents, EXTENTS_MAX);
    file->bytes = open.size;
    (void)fat_close(&open);
    if (n <= 0)
        return n;
    file->extents = malloc((size_t)n * sizeof(*file->extents));
    if (file->extents == NULL)
        return -E_NOMEM;
    memcpy(file->extents, walk.extents, (size_t)n * sizeof(*file->extents));
    file->extent_count = (uint32_t)n;
    return 0;
}

static int add_file(const char *path)
{
    struct site_file *file;
    int err;

    if (!make_room())
        return -E_NOMEM;
    file = &walk.files[walk.count];
    *file = (struct site_file){.mtime = walk.info.modified_s};
    memcpy(file->name, path, strlen(path) + 1);
    err = find_extents(path, file);
    if (err == -E_NOSPC) {
        walk.left_out++;
        return 0;
    }
    walk.count += err == 0;
    return err;
}

/* Every folder has a cluster of its own, the root perhaps none: where there are more, one contains
 * itself, or one lies in many, and the walk would not end in our time. */
static int count_folder(void)
{
    if (walk.folders++ <= u32_min(walk.disk->fat.clusters, FOLDERS_MAX))
        return 0;
    walk.why = "more folders than clusters, or than 65536: one may contain itself";
    return -E_PROTO;
}

/* `path` has SITE_NAME_BYTES. */
static int add_folder(char *path, unsigned depth)
{
    size_t len = strlen(path);
    struct fat_dir dir;
    int err = count_folder();

    if (err == 0)
        err = fat_opendir(&walk.disk->fat, path, &dir);
    if (err != 0)
        return err;
    while ((err = fat_readdir(&dir, &walk.info)) == 1) {
        size_t at = len;
        if (walk.info.hidden || walk.info.system)
            continue;
        if (!join(path, &at, walk.info.name) || (walk.info.directory && depth == DEPTH_MAX))
            walk.left_out++;
        else if ((err = walk.info.directory ? add_folder(path, depth + 1) : add_file(path)) != 0)
            return err;
        path[len] = '\0';
    }
    return err;
}

int tree_index(struct site *site, struct disk *disk)
{
    char path[SITE_NAME_BYTES] = "";
    int err;

    memset(&walk, 0, sizeof(walk));
    walk.disk = disk;
    walk.extents = malloc(EXTENTS_MAX * sizeof(*walk.extents));
    err = walk.extents == NULL ? -E_NOMEM : add_folder(path, 0);
    free(walk.extents);
    if (err != 0) {
        const char *why = err != -E_PROTO ? "" : walk.why != NULL ? walk.why : disk->fat.why;
        LOG_ERROR("httpd: disk=%s: at %s: %s%s%s", disk_called(disk).text, args_show(path).text,
                  err_name(err), *why != '\0' ? ": " : "", why);
        return err;
    }
    if (walk.left_out != 0)
        LOG_WARN(
            "httpd: disk=%s: %u files or folders are not served: too long a name, too deep, or "
            "in too many pieces",
            disk_called(disk).text, walk.left_out);
    site_of_files(site, walk.files, walk.count);
    return 0;
}
