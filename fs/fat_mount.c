/* SPDX-License-Identifier: ISC */
/* fat_mount.c - a boot sector becomes a struct fat, or a reason why not; the dirty mark; FSInfo. */
#include "fs/fat_priv.h"
#include "fs/utf16.h"

#define CLUSTERS_MAX_12 4084u /* FAT specification, section 3.5 */
#define CLUSTERS_MAX_16 65524u
#define CLUSTERS_MAX_32 0x0ffffff5u
#define CLEAN_16 0x8000u /* of the table's entry 1: unmounted properly */
#define CLEAN_32 0x08000000u
#define FSINFO_MARK_OFF 508u
#define FSINFO_MARK 0xaa550000u

int fat_damaged(struct fat *fs, uint64_t *stat, const char *why)
{
    (*stat)++;
    fs->why = why;
    fs->spoiled = true;
    return -E_PROTO;
}

void fat_label_set(struct fat *fs, const uint8_t raw[FAT_SHORT_BYTES])
{
    uint16_t units[FAT_SHORT_BYTES];
    unsigned n = FAT_SHORT_BYTES;

    while (n > 0 && raw[n - 1] == ' ')
        n--;
    for (unsigned i = 0; i < n; i++)
        units[i] = fat_oem_unit(i == 0 && raw[0] == FAT_SLOT_E5 ? FAT_SLOT_FREE : raw[i]);
    if (utf16_to_utf8(units, n, fs->label, sizeof(fs->label)) < 0)
        fs->label[0] = '\0';
}

/* Where everything is. NULL, or what is wrong. */
static const char *layout(struct fat *fs, const struct fat_boot *boot)
{
    uint32_t sector = boot->sector_bytes;
    uint64_t root_sectors = (uint64_t)boot->root_entries * FAT_SLOT_BYTES / sector;
    uint64_t head =
        boot->reserved_sectors + (uint64_t)boot->tables * boot->table_sectors + root_sectors;
    uint64_t clusters;

    if (sector < fs->block_bytes)
        return "its sectors are smaller than the device's blocks";
    if ((uint64_t)boot->sectors * sector > fs->conf.dev->caps.bytes)
        return "it reaches past the device's end";
    if (head >= boot->sectors)
        return "no room for files";
    clusters = (boot->sectors - head) / boot->cluster_sectors;
    if (clusters == 0)
        return "no room for files";
    if (clusters > (boot->fat32 ? CLUSTERS_MAX_32 : CLUSTERS_MAX_16))
        return "more clusters than its table can have";
    fs->bits = boot->fat32 ? 32 : clusters > CLUSTERS_MAX_12 ? 16 : 12;
    if ((uint64_t)boot->table_sectors * sector * 8 / fs->bits < clusters + 2)
        return "its table is too short for its clusters";
    fs->sector_bytes = sector;
    fs->cluster_bytes = sector * boot->cluster_sectors;
    fs->clusters = (uint32_t)clusters;
    fs->tables = boot->tables;
    fs->mirror = !(boot->flags & FAT32_FLAG_NO_MIRROR);
    fs->active = fs->mirror ? 0 : (uint8_t)(boot->flags & FAT32_FLAG_ACTIVE);
    fs->tables_at = (uint64_t)boot->reserved_sectors * sector;
    fs->table_bytes = (uint64_t)boot->table_sectors * sector;
    fs->root_at = fs->tables_at + fs->tables * fs->table_bytes;
    fs->root_slots = boot->root_entries;
    fs->data_at = head * sector;
    fs->root_cluster = boot->root_cluster;
    if (fs->active >= fs->tables)
        return "its current table is none of those it has";
    if (boot->fat32 && !fat_cluster_valid(fs, boot->root_cluster))
        return "its root directory's first cluster is none";
    return NULL;
}

/* FAT32's hints; 0 or out of range: none. */
static int fsinfo_read(struct fat *fs, const struct fat_boot *boot)
{
    struct cs_ro sector, info;
    uint32_t free_count, next_free;
    int err;

    if (!boot->fat32 || boot->fsinfo_sector == 0 || boot->fsinfo_sector >= boot->reserved_sectors)
        return 0;
    fs->fsinfo_at = boot->fsinfo_sector * fs->sector_bytes;
    err = fat_cache_ro(fs, fs->fsinfo_at, BLK_SECTOR_BYTES, &sector);
    if (err < 0)
        return err;
    info = cs_shift(sector, FAT_FSINFO_OFF);
    if (cs_get_le32(sector, 0) != FAT_FSINFO_LEAD ||
        fat_fsinfo_ro_get_signature(info) != FAT_FSINFO_SIGNATURE ||
        cs_get_le32(sector, FSINFO_MARK_OFF) != FSINFO_MARK) {
        fs->fsinfo_at = 0;
        return 0;
    }
    free_count = fat_fsinfo_ro_get_free_count(info);
    next_free = fat_fsinfo_ro_get_next_free(info);
    if (!fs->was_dirty && free_count <= fs->clusters)
        fs->free_count = free_count;
    if (fat_cluster_valid(fs, next_free))
        fs->next_free = next_free;
    return 0;
}

static int fsinfo_write(struct fat *fs)
{
    struct cs sector;
    int err;

    if (fs->fsinfo_at == 0)
        return 0;
    err = fat_cache_rw(fs, fs->fsinfo_at + FAT_FSINFO_OFF, fat_fsinfo_SIZE, &sector);
    if (err < 0)
        return err;
    fat_fsinfo_set_free_count(sector, fs->free_count);
    fat_fsinfo_set_next_free(sector, fat_cluster_valid(fs, fs->next_free) ? fs->next_free
                                                                          : FAT_FSINFO_UNKNOWN);
    return 0;
}

static uint32_t clean_bit(const struct fat *fs)
{
    return fs->bits == 12 ? 0 : fs->bits == 16 ? CLEAN_16 : CLEAN_32;
}

/* What the medium says, in the boot sector (Linux) and in the table (Windows). */
static int mark_read(struct fat *fs, const struct fat_boot *boot)
{
    uint32_t entry;
    int err = fs->bits == 12 ? 0 : fat_entry_get(fs, 1, &entry);

    if (err < 0)
        return err;
    if (boot->extended)
        fs->state_at = FAT_BOOT_EXT_OFF + (boot->fat32 ? fat_ext32_state_OFF : fat_ext16_state_OFF);
    fs->was_dirty = boot->state & FAT_STATE_DIRTY || (fs->bits != 12 && !(entry & clean_bit(fs)));
    return 0;
}

static int mark_write(struct fat *fs, bool dirty)
{
    uint32_t entry;
    struct cs state;
    int err = 0;

    if (fs->state_at != 0) {
        err = fat_cache_rw(fs, fs->state_at, 1, &state);
        if (err == 0)
            cs_set_u8(state, 0,
                      (uint8_t)((cs_get_u8(state, 0) & ~FAT_STATE_DIRTY) |
                                (dirty ? FAT_STATE_DIRTY : 0)));
    }
    if (err == 0 && fs->bits != 12) {
        err = fat_entry_get(fs, 1, &entry);
        entry = (entry & ~clean_bit(fs)) | (dirty ? 0 : clean_bit(fs));
        if (err == 0)
            err = fat_entry_set(fs, 1, entry);
    }
    if (err == 0)
        err = fat_barrier(fs);
    if (err == 0)
        fs->marked = dirty;
    return err;
}

int fat_begin(struct fat *fs)
{
    if (fs->read_only || fs->spoiled)
        return -E_ROFS;
    if (fs->marked || fs->was_dirty)
        return 0;
    return mark_write(fs, true);
}

static int mount(struct fat *fs)
{
    struct fat_boot boot;
    struct cs_ro sector;
    const char *why;
    int err = fat_cache_ro(fs, 0, FAT_BOOT_BYTES, &sector);

    if (err < 0) {
        fs->why = "the boot sector cannot be read";
        return err;
    }
    why = fat_boot_parse(&boot, sector);
    if (!why)
        why = layout(fs, &boot);
    if (why) {
        fs->why = why;
        return -E_INVAL;
    }
    fs->serial = boot.serial;
    fs->why = "its table cannot be read";
    err = mark_read(fs, &boot);
    if (err == 0)
        err = fsinfo_read(fs, &boot);
    if (err < 0)
        return err;
    fs->why = "";
    /* A damaged root directory is no reason not to mount: it shows when it is read. */
    if (fat_label_find(fs) <= 0)
        fat_label_set(fs, (const uint8_t *)boot.label);
    return fs->lost ? -E_TIMEDOUT : 0;
}

int fat_mount(struct fat *fs, const struct fat_conf *conf)
{
    int err;

    *fs = (struct fat){.why = "", .next_free = 2, .free_count = FAT_FREE_UNKNOWN};
    if (!conf->dev || !conf->pool || conf->cache_pages < FAT_CACHE_PAGES_MIN ||
        conf->cache_pages > FAT_CACHE_PAGES_MAX) {
        fs->why = "bad configuration";
        return -E_INVAL;
    }
    fs->conf = *conf;
    fs->read_only = conf->read_only || conf->dev->caps.read_only;
    fs->block_bytes = conf->dev->caps.block_bytes < BLK_SECTOR_BYTES ? BLK_SECTOR_BYTES
                                                                     : conf->dev->caps.block_bytes;
    if (conf->dev->caps.bytes < FAT_BOOT_BYTES) {
        fs->why = "the device is too small";
        return -E_INVAL;
    }
    err = fat_cache_init(fs);
    if (err < 0)
        fs->why = "not enough pages";
    else
        err = mount(fs);
    if (err < 0)
        fat_cache_fini(fs);
    return err;
}

int fat_sync(struct fat *fs)
{
    int err;

    if (fs->read_only)
        return 0;
    err = fat_barrier(fs);
    for (const struct fat_file *file = fs->files; file; file = file->next)
        if (file->write)
            return err;
    if (err < 0 || !(fs->marked || fs->was_dirty) || fs->spoiled)
        return err;
    err = fs->free_count == FAT_FREE_UNKNOWN ? 0 : fsinfo_write(fs);
    if (err == 0)
        err = fat_barrier(fs);
    if (err == 0 && fs->marked)
        err = mark_write(fs, false);
    return err;
}

int fat_unmount(struct fat *fs)
{
    int err = fs->spoiled ? (fs->unflushed ? -E_IO : 0) : fat_sync(fs);

    ASSERT(fs->files == NULL);
    fat_cache_fini(fs);
    return err;
}

int fat_free_bytes(struct fat *fs, uint64_t *bytes)
{
    int err = fat_count_free(fs);

    if (err == 0)
        *bytes = (uint64_t)fs->free_count * fs->cluster_bytes;
    return err;
}
