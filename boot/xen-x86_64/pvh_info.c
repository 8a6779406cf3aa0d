/* SPDX-License-Identifier: ISC */
/* pvh_info.c - checks struct hvm_start_info. Pure: it sees guest memory as a view, so that it can
 * be tested anywhere. */
#include "boot_info.h"

#include <morgana/err.h>

#include <xen/arch-x86/hvm/start_info.h>

STATIC_ASSERT(sizeof(struct hvm_start_info) == 56, "as start_info.h draws it");
STATIC_ASSERT(sizeof(struct hvm_modlist_entry) == 32, "as start_info.h draws it");
STATIC_ASSERT(sizeof(struct hvm_memmap_table_entry) == 24, "as start_info.h draws it");

static int read_map(struct cs_ro memory, uint64_t at, uint32_t count, struct boot_info *info,
                    const char **why)
{
    if (count > BOOT_MAP_MAX) {
        *why = "start info: more entries in the memory map than can be";
        return -E_INVAL;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hvm_memmap_table_entry entry;

        if (at > UINT64_MAX - i * sizeof(entry) ||
            !boot_copy_from(memory, at + i * sizeof(entry), &entry, sizeof(entry))) {
            *why = "start info: the memory map is outside memory";
            return -E_INVAL;
        }
        boot_add_entry(info, entry.addr, entry.size, entry.type);
    }
    return 0;
}

static int read_cmdline(struct cs_ro memory, uint64_t at, struct boot_info *info, const char **why)
{
    struct cs_ro rest;

    if (at == 0)
        return 0;
    if (!cs_try_shift(memory, at, &rest)) {
        *why = "start info: the command line is outside memory";
        return -E_INVAL;
    }
    info->cmdline = boot_string(rest);
    return 0;
}

static int read_module(struct cs_ro memory, uint64_t at, struct boot_info *info, const char **why)
{
    struct hvm_modlist_entry entry;

    if (info->module_count == 0)
        return 0;
    if (!boot_copy_from(memory, at, &entry, sizeof(entry))) {
        *why = "start info: the list of modules is outside memory";
        return -E_INVAL;
    }
    if (!cs_try_sub(memory, entry.paddr, entry.size, &info->module)) {
        *why = "start info: the module is outside memory";
        return -E_INVAL;
    }
    return 0;
}

int pvh_parse(struct cs_ro memory, uint64_t at, struct boot_info *info, const char **why)
{
    const size_t version0_bytes = offsetof(struct hvm_start_info, memmap_paddr);
    struct hvm_start_info si = {0};
    int err = 0;

    *info = (struct boot_info){.cmdline = CS_RO_EMPTY, .module = CS_RO_EMPTY};
    if (!boot_copy_from(memory, at, &si, version0_bytes)) {
        *why = "start info: outside memory";
        return -E_INVAL;
    }
    if (si.magic != XEN_HVM_START_MAGIC_VALUE) {
        *why = "start info: wrong magic number";
        return -E_INVAL;
    }
    if (si.version >= 1) {
        if (!boot_copy_from(memory, at, &si, sizeof(si))) {
            *why = "start info: it ends too early";
            return -E_INVAL;
        }
        info->map_count = si.memmap_entries;
        err = read_map(memory, si.memmap_paddr, si.memmap_entries, info, why);
    }
    info->module_count = si.nr_modules;
    if (err == 0)
        err = read_module(memory, si.modlist_paddr, info, why);
    if (err == 0)
        err = read_cmdline(memory, si.cmdline_paddr, info, why);
    return err;
}
