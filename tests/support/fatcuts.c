/* SPDX-License-Identifier: ISC */
/* fatcuts.c - scripts of changes, each with what must hold after a cut anywhere in it. */
#include <string.h>

#include "fatcuts.h"
#include "fatimage.h"

#define NOW (UINT64_C(1700000000) * NS_PER_S)
#define LONG_NAME                                                                                  \
    "/A name that is much longer than what fits into the slots of one sector of 512 bytes, which " \
    "takes some writing to reach because sixteen slots hold one hundred ninety-five letters and "  \
    "this has got to be more than that by a bit.txt"

static uint8_t byte_of(uint32_t off, uint8_t salt)
{
    return (uint8_t)(off * 31 + off / 253 + salt);
}

static int append(struct fat_file *file, uint32_t n, uint8_t salt)
{
    uint8_t bytes[700];

    for (uint32_t done = 0; done < n;) {
        uint32_t piece = u32_min(n - done, sizeof(bytes)), off = file->size;
        int err;

        for (uint32_t i = 0; i < piece; i++)
            bytes[i] = byte_of(off + i, salt);
        err = fat_write(file, off, cs_ro_of(bytes, piece), NOW);
        if (err < 0)
            return err;
        done += piece;
    }
    return 0;
}

static int make(struct fat *fs, const char *path, uint32_t n, uint8_t salt)
{
    struct fat_file file;
    int err = fat_open(fs, path, FAT_WRITE | FAT_CREATE, NOW, &file);

    if (err == 0)
        err = append(&file, n, salt);
    if (err == 0)
        err = fat_close(&file);
    return err;
}

/* The file's size where its contents are the pattern to its end; -E_NOENT; -E_PROTO. */
static int64_t whole(struct fat *fs, const char *path, uint8_t salt)
{
    struct fat_file file;
    int64_t size;
    int err = fat_open(fs, path, 0, 0, &file);

    if (err < 0)
        return err;
    size = file.size;
    for (uint32_t off = 0; off < file.size && size >= 0;) {
        uint8_t bytes[512];
        int n = fat_read(&file, off, cs_of(bytes, sizeof(bytes)));

        for (int i = 0; i < n; i++)
            if (bytes[i] != byte_of(off + (uint32_t)i, salt))
                size = -E_PROTO;
        if (n <= 0)
            size = n < 0 ? n : -E_IO;
        off += n > 0 ? (uint32_t)n : 0;
    }
    fat_close(&file);
    return size;
}

static bool expect(bool holds, const char *what, const char **why)
{
    if (!holds)
        *why = what;
    return holds;
}

int fatcut_bystanders_make(struct fat *fs)
{
    int err = make(fs, "/junk.bin", 60000, 0xa5);

    /* What is free now is not zeroes. */
    if (err == 0)
        err = fat_unlink(fs, "/junk.bin");
    if (err == 0)
        err = make(fs, "/keep.bin", 5000, 7);
    if (err == 0)
        err = fat_mkdir(fs, "/dir", NOW);
    if (err == 0)
        err = make(fs, "/dir/Kept, with a long name.txt", 3000, 8);
    if (err == 0)
        err = fat_mkdir(fs, "/other", NOW);
    return err;
}

bool fatcut_bystanders_whole(struct fat *fs)
{
    return whole(fs, "/keep.bin", 7) == 5000 &&
           whole(fs, "/dir/Kept, with a long name.txt", 8) == 3000;
}

static int nothing(struct fat *fs)
{
    (void)fs;
    return 0;
}

static int make_f(struct fat *fs)
{
    return make(fs, "/file.bin", 4000, 1);
}

static int make_two(struct fat *fs)
{
    int err = make(fs, "/file.bin", 4000, 1);

    return err < 0 ? err : make(fs, "/Second File.bin", 6000, 2);
}

/* The file is there whole, or is not. */
static bool all_or_nothing(struct fat *fs, const char *path, uint32_t n, uint8_t salt,
                           const char **why)
{
    int64_t size = whole(fs, path, salt);

    return expect(size == n || size == 0 || size == -E_NOENT, "half a file", why);
}

static int create_run(struct fat *fs)
{
    return make(fs, "/A new file.bin", 3500, 3);
}

static bool create_holds(struct fat *fs, const char **why)
{
    return all_or_nothing(fs, "/A new file.bin", 3500, 3, why);
}

#define MANY 40

static void many_name(char *to, unsigned i)
{
    memcpy(to, "/dir/Long name number 00.txt", sizeof("/dir/Long name number 00.txt"));
    to[22] = (char)('0' + i / 10);
    to[23] = (char)('0' + i % 10);
}

static int many_run(struct fat *fs)
{
    char name[32];
    int err = 0;

    for (unsigned i = 0; err == 0 && i < MANY; i++) {
        many_name(name, i);
        err = make(fs, name, i % 3 == 0 ? 10 : 0, 4);
    }
    return err;
}

static bool many_holds(struct fat *fs, const char **why)
{
    char name[32];

    for (unsigned i = 0; i < MANY; i++) {
        many_name(name, i);
        if (!all_or_nothing(fs, name, i % 3 == 0 ? 10 : 0, 4, why))
            return false;
    }
    return true;
}

static int extend_run(struct fat *fs)
{
    struct fat_file file;
    int err = fat_open(fs, "/file.bin", FAT_WRITE, NOW, &file);

    for (unsigned i = 0; err == 0 && i < 3; i++) {
        err = append(&file, 5000, 1);
        if (err == 0)
            err = fat_file_sync(&file);
    }
    return err < 0 ? err : fat_close(&file);
}

static bool extend_holds(struct fat *fs, const char **why)
{
    int64_t size = whole(fs, "/file.bin", 1);

    return expect(size == 4000 || size == 9000 || size == 14000 || size == 19000,
                  "a size that was never synced, or other bytes", why);
}

static int unlink_run(struct fat *fs)
{
    return fat_unlink(fs, "/file.bin");
}

static bool unlink_holds(struct fat *fs, const char **why)
{
    int64_t size = whole(fs, "/file.bin", 1);

    return expect(size == 4000 || size == -E_NOENT, "half removed", why);
}

static int truncate_run(struct fat *fs)
{
    struct fat_file file;
    int err = fat_open(fs, "/file.bin", FAT_WRITE, NOW, &file);

    if (err == 0)
        err = fat_truncate(&file, 1000, NOW);
    if (err == 0)
        err = fat_truncate(&file, 0, NOW);
    return err < 0 ? err : fat_close(&file);
}

static bool truncate_holds(struct fat *fs, const char **why)
{
    int64_t size = whole(fs, "/file.bin", 1);

    return expect(size == 4000 || size == 1000 || size == 0, "another size, or other bytes", why);
}

/* The same of a file whose clusters' entries are in several sectors of the table. */
static int make_far(struct fat *fs)
{
    int err = make(fs, "/fill.bin", 87000, 1);

    return err < 0 ? err : make(fs, "/file.bin", 40000, 1);
}

static int truncate_far_run(struct fat *fs)
{
    struct fat_file file;
    int err = fat_open(fs, "/file.bin", FAT_WRITE, NOW, &file);

    if (err == 0)
        err = fat_truncate(&file, 3000, NOW);
    return err < 0 ? err : fat_close(&file);
}

static bool truncate_far_holds(struct fat *fs, const char **why)
{
    int64_t size = whole(fs, "/file.bin", 1);

    return expect(size == 40000 || size == 3000, "another size, or other bytes", why);
}

static int mkdir_run(struct fat *fs)
{
    int err = fat_mkdir(fs, "/New directory", NOW);

    if (err == 0)
        err = fat_mkdir(fs, "/New directory/in it", NOW);
    return err < 0 ? err : make(fs, "/New directory/in it/f", 100, 5);
}

static bool mkdir_holds(struct fat *fs, const char **why)
{
    return all_or_nothing(fs, "/New directory/in it/f", 100, 5, why);
}

static int make_dir(struct fat *fs)
{
    return fat_mkdir(fs, "/sub", NOW);
}

static int rmdir_run(struct fat *fs)
{
    return fat_rmdir(fs, "/sub");
}

static bool rmdir_holds(struct fat *fs, const char **why)
{
    struct fat_info info;
    int err = fat_stat(fs, "/sub", &info);

    return expect(err == -E_NOENT || (err == 0 && info.directory), "half removed", why);
}

/* The file under one name, or both: never under none. */
static bool renamed(struct fat *fs, const char *from, const char *to, uint32_t n, uint8_t salt,
                    const char **why)
{
    int64_t was = whole(fs, from, salt), is = whole(fs, to, salt);

    return expect((was == n || was == -E_NOENT) && (is == n || is == -E_NOENT) &&
                      (was == n || is == n),
                  "both names or none lost", why);
}

static int here_run(struct fat *fs)
{
    return fat_rename(fs, "/file.bin", "/Better name.bin");
}

static bool here_holds(struct fat *fs, const char **why)
{
    int64_t was = whole(fs, "/file.bin", 1), is = whole(fs, "/Better name.bin", 1);

    return expect((was == 4000 && is == -E_NOENT) || (is == 4000 && was == -E_NOENT),
                  "not exactly one name", why);
}

static int away_run(struct fat *fs)
{
    return fat_rename(fs, "/file.bin", "/other/Moved here.bin");
}

static bool away_holds(struct fat *fs, const char **why)
{
    return renamed(fs, "/file.bin", "/other/Moved here.bin", 4000, 1, why);
}

/* The old file or the new one is what is at the name, whole. */
static int over_run(struct fat *fs)
{
    return fat_rename(fs, "/Second File.bin", "/file.bin");
}

static bool over_holds(struct fat *fs, const char **why)
{
    int64_t old = whole(fs, "/file.bin", 1), new = whole(fs, "/file.bin", 2);
    int64_t source = whole(fs, "/Second File.bin", 2);

    return expect((old == 4000 && source == 6000) || new == 6000, "neither file is whole", why);
}

static int make_moving(struct fat *fs)
{
    int err = fat_mkdir(fs, "/moving", NOW);

    return err < 0 ? err : make(fs, "/moving/f", 2000, 6);
}

static int dir_run(struct fat *fs)
{
    return fat_rename(fs, "/moving", "/other/moved");
}

static bool dir_holds(struct fat *fs, const char **why)
{
    return renamed(fs, "/moving/f", "/other/moved/f", 2000, 6, why);
}

static int prealloc_run(struct fat *fs)
{
    return fat_preallocate(fs, "/leases.jnl", 30000, NOW);
}

static bool prealloc_holds(struct fat *fs, const char **why)
{
    struct fat_info info;
    struct fat_file file;
    uint8_t byte = 0;
    int err = fat_stat(fs, "/leases.jnl", &info);

    if (err == -E_NOENT)
        return true;
    if (!expect(err == 0 && info.bytes == 30000, "not its whole size", why) ||
        !expect(fat_open(fs, "/leases.jnl", 0, 0, &file) == 0, "cannot be opened", why))
        return false;
    for (uint32_t off = 0; off < 30000 && byte == 0; off++)
        if (fat_read(&file, off, cs_of(&byte, 1)) != 1)
            byte = 1;
    fat_close(&file);
    return expect(byte == 0, "not zeroes", why);
}

static int long_run(struct fat *fs)
{
    return make(fs, LONG_NAME, 1000, 9);
}

static bool long_holds(struct fat *fs, const char **why)
{
    return all_or_nothing(fs, LONG_NAME, 1000, 9, why);
}

static int long_gone_run(struct fat *fs)
{
    return fat_unlink(fs, LONG_NAME);
}

static int long_rename_run(struct fat *fs)
{
    return fat_rename(fs, LONG_NAME, "/short.txt");
}

static bool long_rename_holds(struct fat *fs, const char **why)
{
    return renamed(fs, LONG_NAME, "/short.txt", 1000, 9, why);
}

/* What dhcpd does with a file it replaces: makes a new one, then puts it in the old one's place. */
static int update_run(struct fat *fs)
{
    int err = make(fs, "/file.new", 6000, 2);

    return err < 0 ? err : fat_rename(fs, "/file.new", "/file.bin");
}

static bool update_holds(struct fat *fs, const char **why)
{
    int64_t old = whole(fs, "/file.bin", 1), new = whole(fs, "/file.bin", 2);

    return expect(old == 4000 || new == 6000, "neither file is whole", why);
}

#define BOTH_NAMES FATCHECK_CROSS

const struct fatcut fatcuts[] = {
    {"create", nothing, create_run, create_holds, 0, NULL, NULL},
    {"create-many", nothing, many_run, many_holds, 0, NULL, NULL},
    {"extend", make_f, extend_run, extend_holds, FATCHECK_LONG, NULL, NULL},
    {"unlink", make_f, unlink_run, unlink_holds, 0, NULL, NULL},
    {"truncate", make_f, truncate_run, truncate_holds, FATCHECK_LONG, NULL, NULL},
    {"truncate-far", make_far, truncate_far_run, truncate_far_holds, FATCHECK_LONG, NULL, NULL},
    {"mkdir", nothing, mkdir_run, mkdir_holds, 0, NULL, NULL},
    {"rmdir", make_dir, rmdir_run, rmdir_holds, 0, NULL, NULL},
    {"rename-here", make_f, here_run, here_holds, 0, "/file.bin", "/Better name.bin"},
    {"rename-away", make_f, away_run, away_holds, BOTH_NAMES, "/file.bin", "/other/Moved here.bin"},
    {"rename-over", make_two, over_run, over_holds, BOTH_NAMES, "/Second File.bin", "/file.bin"},
    {"rename-dir", make_moving, dir_run, dir_holds, BOTH_NAMES | FATCHECK_DOTS, "/moving",
     "/other/moved"},
    {"update", make_f, update_run, update_holds, BOTH_NAMES, "/file.new", "/file.bin"},
    {"preallocate", nothing, prealloc_run, prealloc_holds, 0, NULL, NULL},
    {"long-create", nothing, long_run, long_holds, FATCHECK_ORPHAN, NULL, NULL},
    {"long-unlink", long_run, long_gone_run, long_holds, FATCHECK_ORPHAN, NULL, NULL},
    {"long-rename", long_run, long_rename_run, long_rename_holds, BOTH_NAMES | FATCHECK_ORPHAN,
     LONG_NAME, "/short.txt"},
};
const unsigned fatcut_count = ARRAY_SIZE(fatcuts);
