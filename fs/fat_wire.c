/* SPDX-License-Identifier: ISC */
/* fat_wire.c - boot sector and directory entries, between the medium's bytes and structs. */
#include "fs/fat_wire.h"

static bool power_of_two(uint32_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static void label_get(struct fat_boot *out, struct cs_ro head, struct cs_ro end)
{
    memcpy(out->label, head.base, head.len);
    memcpy(out->label + head.len, end.base, end.len);
}

static const char *ext32_parse(struct fat_boot *out, struct cs_ro ext)
{
    out->fat32 = true;
    out->table_sectors = fat_ext32_ro_get_table_sectors(ext);
    out->flags = fat_ext32_ro_get_flags(ext);
    out->version = fat_ext32_ro_get_version(ext);
    out->root_cluster = fat_ext32_ro_get_root_cluster(ext);
    out->fsinfo_sector = fat_ext32_ro_get_fsinfo_sector(ext);
    out->extended = fat_ext32_ro_get_signature(ext) == FAT_EXT_SIGNATURE;
    if (out->extended) {
        out->state = fat_ext32_ro_get_state(ext);
        out->serial = fat_ext32_ro_get_serial(ext);
        label_get(out, fat_ext32_ro_get_label(ext), fat_ext32_ro_get_label_end(ext));
    }
    if (out->table_sectors == 0)
        return "boot sector: a table of 0 sectors";
    if (out->version != 0)
        return "boot sector: an unknown version of FAT32";
    if (out->root_entries != 0)
        return "boot sector: FAT32 with a fixed root directory";
    if (out->root_cluster < 2)
        return "boot sector: the root directory's cluster is less than 2";
    return NULL;
}

static const char *ext16_parse(struct fat_boot *out, struct cs_ro ext)
{
    out->extended = fat_ext16_ro_get_signature(ext) == FAT_EXT_SIGNATURE;
    if (out->extended) {
        out->state = fat_ext16_ro_get_state(ext);
        out->serial = fat_ext16_ro_get_serial(ext);
        label_get(out, fat_ext16_ro_get_label(ext), fat_ext16_ro_get_label_end(ext));
    }
    if (out->root_entries == 0)
        return "boot sector: no root directory";
    if (out->root_entries * FAT_SLOT_BYTES % out->sector_bytes != 0)
        return "boot sector: the root directory does not fill its sectors";
    return NULL;
}

const char *fat_boot_parse(struct fat_boot *out, struct cs_ro in)
{
    struct cs_ro ext;

    ASSERT(in.len >= FAT_BOOT_BYTES);
    ext = cs_shift(in, FAT_BOOT_EXT_OFF);
    *out = (struct fat_boot){0};
    memset(out->label, ' ', sizeof(out->label));
    if (cs_get_le16(in, FAT_BOOT_MARK_OFF) != FAT_BOOT_MARK)
        return "no boot sector: 55 AA is missing";
    out->sector_bytes = fat_bpb_ro_get_sector_bytes(in);
    out->cluster_sectors = fat_bpb_ro_get_cluster_sectors(in);
    out->reserved_sectors = fat_bpb_ro_get_reserved_sectors(in);
    out->tables = fat_bpb_ro_get_tables(in);
    out->root_entries = fat_bpb_ro_get_root_entries(in);
    out->media = fat_bpb_ro_get_media(in);
    out->table_sectors = fat_bpb_ro_get_table_sectors16(in);
    out->sectors = fat_bpb_ro_get_sectors16(in);
    if (out->sectors == 0)
        out->sectors = fat_bpb_ro_get_sectors32(in);
    if (!power_of_two(out->sector_bytes) || out->sector_bytes < 512 || out->sector_bytes > 4096)
        return "boot sector: sectors are not of 512, 1024, 2048 or 4096 bytes";
    if (!power_of_two(out->cluster_sectors))
        return "boot sector: sectors in a cluster are not a power of two";
    if (out->reserved_sectors == 0)
        return "boot sector: no reserved sectors";
    if (out->tables == 0 || out->tables > 4)
        return "boot sector: not 1 to 4 tables";
    if (out->media != 0xf0 && out->media < 0xf8)
        return "boot sector: an unknown media byte";
    if (out->sectors == 0)
        return "boot sector: no sectors";
    return out->table_sectors == 0 ? ext32_parse(out, ext) : ext16_parse(out, ext);
}

void fat_dirent_parse(struct fat_dirent *out, struct cs_ro in)
{
    ASSERT(in.len >= fat_entry_SIZE);
    memcpy(out->name, fat_entry_ro_get_name(in).base, 8);
    memcpy(out->name + 8, fat_entry_ro_get_ext(in).base, 3);
    out->attr = fat_entry_ro_get_attr(in);
    out->lower = fat_entry_ro_get_lower(in);
    out->created_10ms = fat_entry_ro_get_created_10ms(in);
    out->created_time = fat_entry_ro_get_created_time(in);
    out->created_date = fat_entry_ro_get_created_date(in);
    out->accessed_date = fat_entry_ro_get_accessed_date(in);
    out->time = fat_entry_ro_get_time(in);
    out->date = fat_entry_ro_get_date(in);
    out->cluster = (uint32_t)fat_entry_ro_get_cluster_high(in) << 16;
    out->cluster |= fat_entry_ro_get_cluster_low(in);
    out->bytes = fat_entry_ro_get_bytes(in);
}

void fat_dirent_emit(struct cs to, const struct fat_dirent *entry)
{
    ASSERT(to.len >= fat_entry_SIZE);
    fat_entry_set_name(to, cs_ro_of(entry->name, 8));
    fat_entry_set_ext(to, cs_ro_of(entry->name + 8, 3));
    fat_entry_set_attr(to, entry->attr);
    fat_entry_set_lower(to, entry->lower);
    fat_entry_set_created_10ms(to, entry->created_10ms);
    fat_entry_set_created_time(to, entry->created_time);
    fat_entry_set_created_date(to, entry->created_date);
    fat_entry_set_accessed_date(to, entry->accessed_date);
    fat_entry_set_cluster_high(to, (uint16_t)(entry->cluster >> 16));
    fat_entry_set_time(to, entry->time);
    fat_entry_set_date(to, entry->date);
    fat_entry_set_cluster_low(to, (uint16_t)entry->cluster);
    fat_entry_set_bytes(to, entry->bytes);
}
