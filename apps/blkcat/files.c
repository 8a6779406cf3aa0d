/* SPDX-License-Identifier: ISC */
/* files.c - what is done on a FAT file system. Files are read through a window, straight from the
 * disk; they are written by the file system. */
#include <stdlib.h>

#include <morgana/platform.h>

#include "blkcat.h"
#include "pattern.h"

enum { EXTENTS_MAX = 4096, CHUNK_BYTES = 65536 };

static int list(struct disk *disk, const char *path)
{
    struct fat_info info;
    struct fat_dir dir;
    int err = fat_opendir(&disk->fat, path, &dir);

    while (err == 0 && (err = fat_readdir(&dir, &info)) == 1) {
        say("%10u %s%s", info.bytes, info.name, info.directory ? "/" : "");
        err = 0;
    }
    return err == 0 ? 0 : failed(err, "ls=%s: %s", args_show(path).text, err_name(err));
}

/* The bytes of fill= or write= that lie at `at` of the file. */
static void make_bytes(const struct job *job, uint64_t at, struct cs bytes)
{
    if (job->fill)
        pattern_fill(job->fill_seed, at, bytes);
    else
        memcpy(bytes.base, job->text + (at - job->at), bytes.len);
}

static int write_bytes(const struct job *job, struct fat_file *file, uint64_t bytes)
{
    uint64_t at = job->at, end = job->at + bytes;
    uint8_t *chunk = malloc(CHUNK_BYTES);
    int n = 0;

    if (chunk == NULL)
        return -E_NOMEM;
    for (; n >= 0 && at != end; at += (unsigned)n) {
        struct cs part = cs_of(chunk, (size_t)u64_min(end - at, CHUNK_BYTES));
        make_bytes(job, at, part);
        n = fat_write(file, (uint32_t)at, cs_as_ro(part), plat_wall_ns());
        if (n < 0)
            break;
    }
    free(chunk);
    return n < 0 ? n : 0;
}

static int write_file(const struct job *job, struct disk *disk)
{
    struct fat_file file;
    int err = fat_open(&disk->fat, job->file, FAT_WRITE | FAT_CREATE, plat_wall_ns(), &file);
    uint64_t bytes = job->bytes;

    if (err == 0) {
        if (job->text != NULL)
            bytes = cs_of_str(job->text).len;
        else if (bytes == 0)
            bytes = job->at < file.size ? file.size - job->at : 0;
        err = job->at > FAT_FILE_BYTES_MAX || bytes > FAT_FILE_BYTES_MAX - job->at
                  ? -E_2BIG
                  : write_bytes(job, &file, bytes);
        int closed = fat_close(&file);
        err = err != 0 ? err : closed;
    }
    if (err != 0)
        return failed(err, "file=%s: %s", args_show(job->file).text, err_name(err));
    say("%s at %llu bytes %llu of %s", job->fill ? "fill" : "write", (unsigned long long)job->at,
        (unsigned long long)bytes, args_show(job->file).text);
    return 0;
}

static int read_file(const struct job *job, struct disk *disk)
{
    struct blk_extent *extents = calloc(EXTENTS_MAX, sizeof(*extents));
    struct fat_file file;
    struct blk_window window;
    struct blkdev *dev;
    int err = extents == NULL ? -E_NOMEM : fat_open(&disk->fat, job->file, 0, 0, &file);

    if (err != 0)
        return failed(err, "file=%s: %s", args_show(job->file).text, err_name(err));
    err = file.size == 0 ? -E_NOENT
                         : disk_file_window(disk, &file, true, extents, EXTENTS_MAX, &window, &dev);
    if (err == 0) {
        err = read_job(job, dev, disk->pages, file.size);
        blk_window_close(&window);
    } else {
        err = failed(err, "file=%s: %s", args_show(job->file).text,
                     file.size == 0 ? "it is empty" : err_name(err));
    }
    (void)fat_close(&file);
    free(extents);
    return err;
}

int files_job(const struct job *job, struct disk *disk)
{
    int err = 0;

    if (disk->kind != DISK_FAT)
        return failed(-E_INVAL, "it has no FAT file system");
    if (job->mkdir != NULL && (err = fat_mkdir(&disk->fat, job->mkdir, plat_wall_ns())) != 0)
        return failed(err, "mkdir=%s: %s", args_show(job->mkdir).text, err_name(err));
    if (job->rm != NULL && (err = fat_unlink(&disk->fat, job->rm)) != 0)
        return failed(err, "rm=%s: %s", args_show(job->rm).text, err_name(err));
    if (job->file != NULL && (job->fill || job->text != NULL))
        err = write_file(job, disk);
    if (err == 0 && job->flush && (err = fat_sync(&disk->fat)) != 0)
        return failed(err, "flush: %s", err_name(err));
    if (err == 0 && job->file != NULL)
        err = read_file(job, disk);
    if (err == 0 && job->ls != NULL)
        err = list(disk, job->ls);
    return err;
}
