/* SPDX-License-Identifier: ISC */
/* part_wire.h - partition tables as they lie on the disk (UEFI 2.10, section 5). Little-endian. */
#ifndef FS_PART_WIRE_H
#define FS_PART_WIRE_H

#include <morgana/field.h>

/* One of the four entries of an MBR, or of a link in the chain of logical partitions. */
#define PART_MBR_FIELDS(F, p)                                                                      \
    F(p, u8, boot)                                                                                 \
    F(p, b3, first_chs)                                                                            \
    F(p, u8, type)                                                                                 \
    F(p, b3, last_chs)                                                                             \
    F(p, le32, first_lba)                                                                          \
    F(p, le32, blocks)
FIELD_TABLE(part_mbr, PART_MBR_FIELDS)
STATIC_ASSERT(part_mbr_SIZE == 16 && part_mbr_first_lba_OFF == 8, "UEFI 2.10, table 5.2");

#define PART_MBR_OFF 446u /* of the first entry in its sector */
#define PART_MBR_ENTRIES 4u
#define PART_MBR_MARK_OFF 510u
#define PART_MBR_MARK 0xaa55u
#define PART_MBR_BYTES 512u
#define PART_TYPE_EMPTY 0x00u
#define PART_TYPE_GPT 0xeeu

#define PART_GPT_FIELDS(F, p)                                                                      \
    F(p, b8, signature)                                                                            \
    F(p, le32, revision)                                                                           \
    F(p, le32, header_bytes)                                                                       \
    F(p, le32, header_crc)                                                                         \
    F(p, le32, reserved)                                                                           \
    F(p, le64, my_lba)                                                                             \
    F(p, le64, other_lba)                                                                          \
    F(p, le64, first_usable)                                                                       \
    F(p, le64, last_usable)                                                                        \
    F(p, b16, disk_id)                                                                             \
    F(p, le64, entries_lba)                                                                        \
    F(p, le32, entries)                                                                            \
    F(p, le32, entry_bytes)                                                                        \
    F(p, le32, entries_crc)
FIELD_TABLE(part_gpt, PART_GPT_FIELDS)
STATIC_ASSERT(part_gpt_SIZE == 92 && part_gpt_entries_lba_OFF == 72, "UEFI 2.10, table 5.5");
#define PART_GPT_SIGNATURE "EFI PART"

#define PART_GPT_ENTRY_FIELDS(F, p)                                                                \
    F(p, b16, type)                                                                                \
    F(p, b16, id)                                                                                  \
    F(p, le64, first_lba)                                                                          \
    F(p, le64, last_lba)                                                                           \
    F(p, le64, attributes)                                                                         \
    F(p, b64, name)                                                                                \
    F(p, b8, name_end)
FIELD_TABLE(part_gpt_entry, PART_GPT_ENTRY_FIELDS)
STATIC_ASSERT(part_gpt_entry_SIZE == 128 && part_gpt_entry_name_OFF == 56, "UEFI 2.10, table 5.6");
#define PART_GPT_NAME_UNITS 36u

struct part_mbr_entry {
    uint8_t boot, type;
    uint32_t first_lba, blocks;
};

/* Entry i of the sector. */
static inline struct part_mbr_entry part_mbr_parse(struct cs_ro sector, unsigned i)
{
    struct cs_ro v = cs_sub(sector, PART_MBR_OFF + i * part_mbr_SIZE, part_mbr_SIZE);

    return (struct part_mbr_entry){part_mbr_ro_get_boot(v), part_mbr_ro_get_type(v),
                                   part_mbr_ro_get_first_lba(v), part_mbr_ro_get_blocks(v)};
}

struct part_gpt_header {
    uint32_t revision, header_bytes, header_crc, entries, entry_bytes, entries_crc;
    uint64_t my_lba, other_lba, first_usable, last_usable, entries_lba;
};

static inline struct part_gpt_header part_gpt_parse(struct cs_ro v)
{
    return (struct part_gpt_header){
        .revision = part_gpt_ro_get_revision(v),
        .header_bytes = part_gpt_ro_get_header_bytes(v),
        .header_crc = part_gpt_ro_get_header_crc(v),
        .entries = part_gpt_ro_get_entries(v),
        .entry_bytes = part_gpt_ro_get_entry_bytes(v),
        .entries_crc = part_gpt_ro_get_entries_crc(v),
        .my_lba = part_gpt_ro_get_my_lba(v),
        .other_lba = part_gpt_ro_get_other_lba(v),
        .first_usable = part_gpt_ro_get_first_usable(v),
        .last_usable = part_gpt_ro_get_last_usable(v),
        .entries_lba = part_gpt_ro_get_entries_lba(v),
    };
}

#endif
