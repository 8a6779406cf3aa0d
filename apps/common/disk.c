/* SPDX-License-Identifier: ISC */
/* disk.c - opens the disk that disk= names, and finds out what is on it. */
#include <stdlib.h>

#include <morgana/blk_io.h>
#include <morgana/log.h>
#include <morgana/part.h>
#include <morgana/platform.h>

#include "disk.h"

static struct part_table table; /* large; of no use after disk_open */

struct disk_called disk_called(const struct disk *disk)
{
    struct disk_called called;
    size_t n = fmt_buf(called.text, sizeof(called.text), "%s",
                       disk->word.name[0] != '\0' ? args_show(disk->word.name).text : "(the disk)");

    if (disk->word.partition != 0)
        fmt_buf(called.text + n, sizeof(called.text) - n, ":%u", disk->word.partition);
    return called;
}

/* Where the program can do without, what is wrong is a warning. */
static enum log_level level_of(const struct disk *disk)
{
    return disk->word.optional ? LOG_WARN : LOG_ERROR;
}

static int say(const struct disk *disk, int err, const char *format, ...) PRINTF_LIKE(3, 4);

static int say(const struct disk *disk, int err, const char *format, ...)
{
    char why[200];
    va_list args;

    va_start(args, format);
    fmt_vbuf(why, sizeof(why), format, args);
    va_end(args);
    log_line(level_of(disk), "%s: disk=%s: %s%s", disk->name, disk_called(disk).text, why,
             disk->word.optional ? ": goes on without" : "");
    return err;
}

/* ---- partitions ------------------------------------------------------------------------------ */

/* One line: what partitions there are. */
static int list_partitions(const struct disk *disk)
{
    char text[160];
    size_t n = 0;

    for (uint32_t i = 0; i < table.count && n < sizeof(text); i++) {
        const struct part *part = &table.parts[i];
        char what[48];
        part_describe(part, what, sizeof(what));
        n += fmt_buf(text + n, sizeof(text) - n, "%s:%u (%s, %llu MiB)", i == 0 ? "" : ", ",
                     part->number, what, (unsigned long long)(part->extent.bytes >> 20));
    }
    if (disk->word.partition != 0)
        return say(disk, -E_NODEV, "no such partition; there are %s", table.count ? text : "none");
    return say(disk, -E_INVAL, "it has partitions, name one of %s", table.count ? text : "(none)");
}

/* Which bytes of the disk are meant. */
static int choose_extent(struct disk *disk, struct page *page)
{
    const struct part *part;
    int err;

    disk->extent = (struct blk_extent){0, disk->dev->caps.bytes};
    if (disk->raw && disk->word.partition == 0)
        return 0;
    err = part_scan(disk->dev, page, &table);
    if (err == -E_PROTO)
        return say(disk, err, "its partition table is damaged: %s", table.why);
    if (err != 0)
        return say(disk, err, "its partition table cannot be read: %s", err_name(err));
    if (table.scheme == PART_NONE && disk->word.partition == 0)
        return 0;
    if (table.scheme == PART_NONE)
        return say(disk, -E_NODEV, "it has no partitions");
    part = disk->word.partition == 0 ? NULL : part_find(&table, disk->word.partition);
    if (part == NULL)
        return list_partitions(disk);
    disk->extent = part->extent;
    return 0;
}

/* ---- contents -------------------------------------------------------------------------------- */

/* The first bytes, to `look`, and whether they and all to DISK_BLANK_BYTES are zeroes. How many, or
 * an error, said. */
static int64_t read_first(const struct disk *disk, struct page *page, uint8_t *look, bool *blank)
{
    uint64_t bytes = u64_min(DISK_LOOK_BYTES, disk->part->caps.bytes);
    uint64_t end = u64_min(DISK_BLANK_BYTES, disk->part->caps.bytes);

    *blank = true;
    for (uint64_t at = 0; at < bytes || (*blank && at < end); at += PAGE_BYTES) {
        uint32_t n = (uint32_t)u64_min(PAGE_BYTES, end - at);
        int err = blk_io_page(disk->part, BLK_READ, at, page, n);
        if (err != 0)
            return say(disk, err, "cannot be read: %s", err_name(err));
        *blank = *blank && cs_is_zero(cs_ro_of(page->base, n));
        if (at < bytes)
            memcpy(look + at, page->base, n);
    }
    return (int64_t)bytes;
}

static int mount(struct disk *disk)
{
    struct fat_conf conf = {.dev = disk->part,
                            .pool = disk->pages,
                            .cache_pages = FAT_CACHE_PAGES,
                            .read_only = !disk->writes};
    int err = fat_mount(&disk->fat, &conf);

    if (err != 0)
        return err;
    disk->kind = DISK_FAT;
    if (disk->fat.was_dirty)
        LOG_WARN("%s: disk=%s: its FAT file system was not unmounted; fsck.fat looks after that",
                 disk->name, disk_called(disk).text);
    return 0;
}

static int identify(struct disk *disk, struct page *page, uint8_t *look)
{
    bool blank;
    int64_t n = read_first(disk, page, look, &blank);
    struct cs_ro first;
    int err;

    if (n < 0)
        return (int)n;
    first = cs_ro_of(look, (size_t)n);
    if (blank) {
        disk->kind = DISK_BLANK;
    } else if (disk->is_ours != NULL && disk->is_ours(first)) {
        disk->kind = DISK_OURS;
    } else {
        err = mount(disk);
        if (err == -E_INVAL)
            return say(disk, err, "not ours, and no FAT file system (%s); nothing was written",
                       disk->fat.why);
        return err == 0 ? 0
                        : say(disk, err, "its FAT file system cannot be mounted: %s%s%s",
                              err_name(err), disk->fat.why[0] != '\0' ? ": " : "", disk->fat.why);
    }
    return 0;
}

static void tell(const struct disk *disk)
{
    static const char *const kinds[] = {"as it is", "empty", "ours", "FAT"};
    STATIC_ASSERT(ARRAY_SIZE(kinds) == DISK_KINDS, "a name for each");
    const struct blkdev_caps *caps = &disk->part->caps;
    bool fat = disk->kind == DISK_FAT;
    char what[80] = "";

    if (fat)
        fmt_buf(what, sizeof(what), "%u %s", disk->fat.bits, args_show(disk->fat.label).text);
    LOG_INFO("%s: disk=%s: %llu KiB, blocks of %u%s: %s%s", disk->name, disk_called(disk).text,
             (unsigned long long)(caps->bytes >> 10), caps->block_bytes,
             caps->read_only ? ", read-only" : "", kinds[disk->kind], what);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int look_into(struct disk *disk, struct page *page)
{
    uint8_t *look;
    int err = choose_extent(disk, page);

    if (err != 0)
        return err;
    blk_share_init(&disk->share, disk->dev, disk->parts, DISK_PARTS);
    err = blk_window_open(&disk->window, &disk->share, &disk->extent, 1, false, &disk->part);
    if (err != 0)
        return say(disk, err, "its partition is not in whole blocks");
    if (disk->writes && disk->part->caps.read_only)
        return say(disk, -E_ROFS, "read-only, and has to be written");
    disk->kind = DISK_RAW;
    if (disk->raw)
        return 0;
    look = malloc(DISK_LOOK_BYTES);
    if (look == NULL)
        return say(disk, -E_NOMEM, "not enough memory");
    err = identify(disk, page, look);
    free(look);
    return err;
}

int disk_open(struct disk *disk, int argc, char *const *argv)
{
    int err = args_get_disk(argc, argv, "disk", &disk->word);
    struct page *page;

    if (err <= 0)
        return err;
    err = plat_blkdev_open(disk->word.name, disk->pages, &disk->dev); /* says what is wrong */
    if (err != 0 && disk->word.optional)
        LOG_WARN("%s: disk=%s: goes on without", disk->name, disk_called(disk).text);
    if (err != 0)
        return disk->word.optional ? 0 : err;
    page = page_get(disk->pages);
    err = page == NULL ? say(disk, -E_NOMEM, "no page is free; see pages=") : look_into(disk, page);
    if (page != NULL)
        page_put(page);
    if (err != 0) {
        plat_blkdev_close(disk->dev);
        return disk->word.optional ? 0 : err;
    }
    disk->is_open = true;
    tell(disk);
    return 1;
}

void disk_close(struct disk *disk)
{
    int err;

    if (!disk->is_open)
        return;
    disk->is_open = false;
    /* A device that does not answer keeps its requests: it, and what they are made of, stays. */
    if (disk->window.in_flight != 0)
        return;
    if (disk->kind == DISK_FAT && (err = fat_unmount(&disk->fat)) != 0)
        LOG_ERROR("%s: disk=%s: cannot be unmounted: %s", disk->name, disk_called(disk).text,
                  err_name(err));
    blk_window_close(&disk->window);
    plat_blkdev_close(disk->dev);
}

int disk_file_window(struct disk *disk, struct fat_file *file, bool read_only,
                     struct blk_extent *extents, uint32_t max, struct blk_window *window,
                     struct blkdev **dev)
{
    int n = fat_extents(file, disk->extent.start, extents, max);

    if (n <= 0)
        return n < 0 ? n : -E_NOENT;
    return blk_window_open(window, &disk->share, extents, (uint32_t)n, read_only, dev);
}
