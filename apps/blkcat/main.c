/* SPDX-License-Identifier: ISC */
/* blkcat - looks at a disk and writes to it: a stretch of it, or a file of its FAT file system, as
 * a hexdump, as its SHA-256, or compared with a pattern that an earlier run wrote. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/bytes.h"
#include "apps/common/memory.h"
#include "blkcat.h"

static struct page_pool pages;
static struct pkt_pool no_packets;
static struct disk disk = {.name = "blkcat", .pages = &pages};

static void put(const char *before, const char *format, va_list args)
{
    char line[256];
    size_t n = fmt_buf(line, sizeof(line), "%s", before);

    n += fmt_vbuf(line + n, sizeof(line) - n, format, args);
    n = size_min(n, sizeof(line) - 2);
    line[n] = '\n';
    plat_console_write(cs_ro_of(line, n + 1));
}

void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put("", format, args);
    va_end(args);
}

int failed(int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put("error: blkcat: ", format, args);
    va_end(args);
    return err;
}

/* ---- the command line ------------------------------------------------------------------------ */

static const struct args_key keys[] = {
    DISK_KEY,
    {"at", "at=4096", "byte of the disk or file at which it begins; K, M and G multiply"},
    {"bytes", "bytes=64K", "how many; up to the end where that is not said"},
    {"file", "file=/a/b.txt", "a file of its FAT file system, in place of the disk"},
    {"fill", "fill=SEED", "writes a pattern"},
    {"write", "write=TEXT", "writes a text"},
    {"zeroes", "zeroes", "makes it zeroes"},
    {"discard", "discard", "discards it"},
    {"flush", "flush", "makes what was written durable"},
    {"check", "check=SEED", "compares it with what fill= wrote"},
    {"sha256", "sha256", "tells its SHA-256"},
    {"info", "info", "tells what the device can do"},
    {"ls", "ls=/", "lists a folder"},
    {"mkdir", "mkdir=/a", "makes one"},
    {"rm", "rm=/a/b.txt", "removes a file"},
    {"pages", "pages=NUMBER", "pages of 4 KiB for data"},
    {NULL, NULL, NULL},
};

static int get_seed(int argc, char **argv, const char *key, bool *there, uint64_t *seed)
{
    const char *text = args_get(argc, argv, key);

    *there = text != NULL;
    if (text == NULL)
        return 0;
    size_t n = fmt_parse_u64(cs_of_str(text), UINT64_MAX, seed);
    if (n != 0 && text[n] == '\0')
        return 0;
    return failed(-E_INVAL, "%s=%s: expected a number", key, args_show(text).text);
}

static int read_args(int argc, char **argv, struct job *job)
{
    args_check(argc, argv, keys);
    if (bytes_get(argc, argv, "at", 0, UINT64_MAX, &job->at) < 0 ||
        bytes_get(argc, argv, "bytes", 1, UINT64_MAX, &job->bytes) < 0 ||
        get_seed(argc, argv, "fill", &job->fill, &job->fill_seed) < 0 ||
        get_seed(argc, argv, "check", &job->check, &job->check_seed) < 0)
        return -E_INVAL;
    job->file = args_get(argc, argv, "file");
    job->ls = args_get(argc, argv, "ls");
    job->mkdir = args_get(argc, argv, "mkdir");
    job->rm = args_get(argc, argv, "rm");
    job->text = args_get(argc, argv, "write");
    job->zeroes = args_last(argc, argv, "zeroes") != 0;
    job->discard = args_last(argc, argv, "discard") != 0;
    job->flush = args_last(argc, argv, "flush") != 0;
    job->sha256 = args_last(argc, argv, "sha256") != 0;
    job->info = args_last(argc, argv, "info") != 0;
    job->writes = job->fill || job->text != NULL || job->zeroes || job->discard ||
                  job->mkdir != NULL || job->rm != NULL;
    if (job->file != NULL && (job->zeroes || job->discard))
        return failed(-E_INVAL, "zeroes and discard are for disks, not for files");
    if (args_last(argc, argv, "disk") == 0)
        return failed(-E_INVAL, "disk=NAME is missing");
    return 0;
}

/* ---- the program ----------------------------------------------------------------------------- */

static void tell_info(const struct blkdev *dev)
{
    const struct blkdev_caps *c = &dev->caps;

    say("info bytes=%llu block=%u physical=%u segs=%u requests=%u discard_unit=%u "
        "discard_align=%u%s%s%s%s%s%s",
        (unsigned long long)c->bytes, c->block_bytes, c->physical_bytes, c->segs_max,
        c->requests_max, c->discard_unit_bytes, c->discard_align_bytes,
        c->read_only ? " read-only" : "", c->flush ? " flush" : "", c->discard ? " discard" : "",
        c->secure_discard ? " secure-discard" : "", c->write_zeroes ? " write-zeroes" : "",
        c->removable ? " removable" : "");
}

static int run(const struct job *job)
{
    int err;

    if (job->info)
        tell_info(disk.part);
    if (!disk.raw)
        return files_job(job, &disk);
    err = job->writes || job->flush ? write_job(job, disk.part, &pages) : 0;
    return err != 0 ? err : read_job(job, disk.part, &pages, disk.part->caps.bytes);
}

int main(int argc, char **argv)
{
    static const struct memory_pool_conf memory = {
        .name = "blkcat", .pages = 512, .min = 48, .max = 1 << 16, .less = 2};
    struct job job = {0};
    int err;

    if (args_help(argc, argv, "looks at a disk, and writes to it", keys))
        return 0;
    if (read_args(argc, argv, &job) != 0 ||
        memory_pool(&pages, &no_packets, &memory, argc, argv) != 0)
        return 1;
    disk.writes = job.writes;
    disk.raw = job.file == NULL && job.ls == NULL && job.mkdir == NULL && job.rm == NULL;
    err = disk_open(&disk, argc, argv);
    if (err <= 0)
        return err < 0;
    err = run(&job);
    for (unsigned i = 0; i < ARRAY_SIZE(blkdev_stat_names); i++)
        if (((const uint64_t *)&disk.dev->stats)[i] != 0)
            LOG_DEBUG("device: %s %llu", blkdev_stat_names[i],
                      (unsigned long long)((const uint64_t *)&disk.dev->stats)[i]);
    if (err != -E_TIMEDOUT)
        disk_close(&disk);
    return err != 0;
}
