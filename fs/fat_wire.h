/* SPDX-License-Identifier: ISC */
/* fat_wire.h - FAT's structures as they lie on the medium (Microsoft FAT specification, 2005, and
 * the VFAT long-name extension). All little-endian. */
#ifndef FS_FAT_WIRE_H
#define FS_FAT_WIRE_H

#include <morgana/field.h>

/* The boot sector's beginning, in all three types. */
#define FAT_BPB_FIELDS(F, p)                                                                       \
    F(p, b3, jump)                                                                                 \
    F(p, b8, oem)                                                                                  \
    F(p, le16, sector_bytes)                                                                       \
    F(p, u8, cluster_sectors)                                                                      \
    F(p, le16, reserved_sectors)                                                                   \
    F(p, u8, tables)                                                                               \
    F(p, le16, root_entries)                                                                       \
    F(p, le16, sectors16)                                                                          \
    F(p, u8, media)                                                                                \
    F(p, le16, table_sectors16)                                                                    \
    F(p, le16, track_sectors)                                                                      \
    F(p, le16, heads)                                                                              \
    F(p, le32, hidden_sectors)                                                                     \
    F(p, le32, sectors32)
FIELD_TABLE(fat_bpb, FAT_BPB_FIELDS)
STATIC_ASSERT(fat_bpb_SIZE == 36, "FAT specification, section 3.1");

/* What follows it: FAT12 and FAT16, at byte 36. */
#define FAT_EXT16_FIELDS(F, p)                                                                     \
    F(p, u8, drive)                                                                                \
    F(p, u8, state)                                                                                \
    F(p, u8, signature)                                                                            \
    F(p, le32, serial)                                                                             \
    F(p, b8, label)                                                                                \
    F(p, b3, label_end)                                                                            \
    F(p, b8, type)
FIELD_TABLE(fat_ext16, FAT_EXT16_FIELDS)
STATIC_ASSERT(fat_ext16_SIZE == 26, "FAT specification, section 3.2");

/* FAT32, at byte 36. */
#define FAT_EXT32_FIELDS(F, p)                                                                     \
    F(p, le32, table_sectors)                                                                      \
    F(p, le16, flags)                                                                              \
    F(p, le16, version)                                                                            \
    F(p, le32, root_cluster)                                                                       \
    F(p, le16, fsinfo_sector)                                                                      \
    F(p, le16, backup_sector)                                                                      \
    F(p, b12, reserved)                                                                            \
    F(p, u8, drive)                                                                                \
    F(p, u8, state)                                                                                \
    F(p, u8, signature)                                                                            \
    F(p, le32, serial)                                                                             \
    F(p, b8, label)                                                                                \
    F(p, b3, label_end)                                                                            \
    F(p, b8, type)
FIELD_TABLE(fat_ext32, FAT_EXT32_FIELDS)
STATIC_ASSERT(fat_ext32_SIZE == 54, "FAT specification, section 3.3");

#define FAT_BOOT_BYTES 512u
#define FAT_BOOT_EXT_OFF 36u
#define FAT_BOOT_MARK_OFF 510u
#define FAT_BOOT_MARK 0xaa55u
#define FAT_EXT_SIGNATURE 0x29u    /* serial and label are there */
#define FAT_STATE_DIRTY 0x01u      /* ext.state: not unmounted (Linux, fsck.fat) */
#define FAT32_FLAG_NO_MIRROR 0x80u /* only one table is current: the one of the low four bits */
#define FAT32_FLAG_ACTIVE 0x0fu

/* The FSInfo sector of FAT32: hints. */
#define FAT_FSINFO_FIELDS(F, p)                                                                    \
    F(p, le32, signature)                                                                          \
    F(p, le32, free_count)                                                                         \
    F(p, le32, next_free)
/* They lie at byte 484, behind a signature at 0 and zeroes; another signature is at 508. */
FIELD_TABLE(fat_fsinfo, FAT_FSINFO_FIELDS)
#define FAT_FSINFO_OFF 484u
#define FAT_FSINFO_LEAD 0x41615252u
#define FAT_FSINFO_SIGNATURE 0x61417272u
#define FAT_FSINFO_UNKNOWN 0xffffffffu

/* A directory entry. */
#define FAT_ENTRY_FIELDS(F, p)                                                                     \
    F(p, b8, name)                                                                                 \
    F(p, b3, ext)                                                                                  \
    F(p, u8, attr)                                                                                 \
    F(p, u8, lower)                                                                                \
    F(p, u8, created_10ms)                                                                         \
    F(p, le16, created_time)                                                                       \
    F(p, le16, created_date)                                                                       \
    F(p, le16, accessed_date)                                                                      \
    F(p, le16, cluster_high)                                                                       \
    F(p, le16, time)                                                                               \
    F(p, le16, date)                                                                               \
    F(p, le16, cluster_low)                                                                        \
    F(p, le32, bytes)
FIELD_TABLE(fat_entry, FAT_ENTRY_FIELDS)
STATIC_ASSERT(fat_entry_SIZE == 32 && fat_entry_bytes_OFF == 28, "FAT specification, section 6");

/* A part of a long name: 13 UTF-16 units, in the slots before its entry, last part first. */
#define FAT_LONG_FIELDS(F, p)                                                                      \
    F(p, u8, order)                                                                                \
    F(p, b10, name1)                                                                               \
    F(p, u8, attr)                                                                                 \
    F(p, u8, type)                                                                                 \
    F(p, u8, checksum)                                                                             \
    F(p, b12, name2)                                                                               \
    F(p, le16, cluster_low)                                                                        \
    F(p, b4, name3)
FIELD_TABLE(fat_long, FAT_LONG_FIELDS)
STATIC_ASSERT(fat_long_SIZE == 32 && fat_long_name3_OFF == 28, "FAT specification, section 7");

#define FAT_SLOT_BYTES 32u
#define FAT_SLOT_END 0x00u     /* first byte: no entries from here on */
#define FAT_SLOT_FREE 0xe5u    /* first byte: free */
#define FAT_SLOT_E5 0x05u      /* first byte: stands for a name that begins with 0xe5 */
#define FAT_SHORT_BYTES 11u    /* of a short name with its extension */
#define FAT_LONG_UNITS 13u     /* UTF-16 units in a slot */
#define FAT_LONG_SLOTS_MAX 20u /* of one name */
#define FAT_LONG_LAST 0x40u    /* order: the last part, which comes first */

#define FAT_ATTR_READ_ONLY 0x01u
#define FAT_ATTR_HIDDEN 0x02u
#define FAT_ATTR_SYSTEM 0x04u
#define FAT_ATTR_VOLUME 0x08u
#define FAT_ATTR_DIRECTORY 0x10u
#define FAT_ATTR_ARCHIVE 0x20u
#define FAT_ATTR_LONG 0x0fu
#define FAT_ATTR_MASK 0x3fu

#define FAT_LOWER_NAME 0x08u /* lower: the name is to be shown in lower case (Windows NT) */
#define FAT_LOWER_EXT 0x10u

/* A boot sector's contents, host order. */
struct fat_boot {
    uint16_t sector_bytes, reserved_sectors, root_entries, fsinfo_sector;
    uint16_t flags, version; /* FAT32, else 0 */
    uint8_t cluster_sectors, tables, media, state;
    uint32_t sectors, table_sectors, root_cluster, serial;
    bool fat32, extended;        /* extended: state, serial and label are there */
    char label[FAT_SHORT_BYTES]; /* spaces where there is none */
};

/* Reads the first FAT_BOOT_BYTES of a file system. NULL, or what is wrong: every field that does
 * not depend on the device or on another is in its range then. */
const char *fat_boot_parse(struct fat_boot *out, struct cs_ro in);

/* A directory entry's contents, host order. */
struct fat_dirent {
    uint8_t name[FAT_SHORT_BYTES]; /* padded with spaces; as on the medium */
    uint8_t attr, lower, created_10ms;
    uint16_t created_time, created_date, accessed_date, time, date;
    uint32_t cluster, bytes;
};

void fat_dirent_parse(struct fat_dirent *out, struct cs_ro in);
void fat_dirent_emit(struct cs to, const struct fat_dirent *entry);

#endif
