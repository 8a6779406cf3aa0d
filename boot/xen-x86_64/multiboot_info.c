/* SPDX-License-Identifier: ISC */
/* multiboot_info.c - checks the information of a Multiboot loader (Multiboot Specification 0.6.96,
 * section 3.3), which starts the image in an HVM guest. Pure, as pvh_info.c. */
#include "boot_info.h"

#include <morgana/err.h>

#define HAS_CMDLINE (1u << 2)
#define HAS_MODULES (1u << 3)
#define HAS_MAP (1u << 6)
#define HAS_LOADER (1u << 9)
#define LOADER_MAX 64u /* bytes of the loader's name that we look at */

struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower, mem_upper, boot_device;
    uint32_t cmdline;
    uint32_t mods_count, mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr, config_table;
    uint32_t boot_loader_name;
};
STATIC_ASSERT(sizeof(struct multiboot_info) == 68, "as section 3.3 draws it, up to the name");

struct module {
    uint32_t start, end, string, reserved;
};

/* `size` counts what follows it; entries may be longer than this. */
struct map_entry {
    uint32_t size;
    uint64_t addr, len;
    uint32_t type;
} __attribute__((packed));

static int lie(const char **why, const char *what)
{
    *why = what;
    return -E_INVAL;
}

static int read_map(struct cs_ro memory, const struct multiboot_info *mb, struct boot_info *info,
                    const char **why)
{
    uint64_t at = mb->mmap_addr, end = at + mb->mmap_length;

    while (at < end) {
        struct map_entry entry;

        if (end - at < sizeof(entry) || !boot_copy_from(memory, at, &entry, sizeof(entry)))
            return lie(why, "multiboot: the memory map is outside memory");
        if (entry.size < sizeof(entry) - sizeof(entry.size))
            return lie(why, "multiboot: an entry of the memory map is too short");
        if (info->map_count++ == BOOT_MAP_MAX)
            return lie(why, "multiboot: more entries in the memory map than can be");
        boot_add_entry(info, entry.addr, entry.len, entry.type); /* types are the BIOS's */
        at += sizeof(entry.size) + (uint64_t)entry.size;
    }
    return 0;
}

static int read_module(struct cs_ro memory, uint32_t at, struct boot_info *info, const char **why)
{
    struct module module;

    if (info->module_count == 0)
        return 0;
    if (!boot_copy_from(memory, at, &module, sizeof(module)))
        return lie(why, "multiboot: the list of modules is outside memory");
    if (module.end < module.start ||
        !cs_try_sub(memory, module.start, module.end - module.start, &info->module))
        return lie(why, "multiboot: the module is outside memory");
    return 0;
}

/* Does this loader leave the program's name out of the command line? GRUB 2 does; GRUB 0.97
 * ("GNU GRUB 0.97") and everyone else begin with it. */
static bool leaves_name_out(struct cs_ro loader)
{
    static const char grub[] = "GRUB ";

    for (size_t i = 0; i + sizeof(grub) <= loader.len; i++) {
        if (memcmp(loader.base + i, grub, sizeof(grub) - 1) == 0)
            return loader.base[i + sizeof(grub) - 1] != '0';
    }
    return false;
}

static struct cs_ro without_first_word(struct cs_ro line)
{
    size_t at = 0;

    while (at < line.len && line.base[at] == ' ')
        at++;
    while (at < line.len && line.base[at] != ' ')
        at++;
    return cs_shift(line, at);
}

static int read_cmdline(struct cs_ro memory, const struct multiboot_info *mb,
                        struct boot_info *info, const char **why)
{
    struct cs_ro line, loader = CS_RO_EMPTY;

    if (!cs_try_shift(memory, mb->cmdline, &line))
        return lie(why, "multiboot: the command line is outside memory");
    info->cmdline = boot_string(line);
    if ((mb->flags & HAS_LOADER) != 0 && cs_try_shift(memory, mb->boot_loader_name, &loader))
        loader = boot_string(cs_head(loader, size_min(loader.len, LOADER_MAX)));
    if (!leaves_name_out(loader))
        info->cmdline = without_first_word(info->cmdline);
    return 0;
}

int multiboot_parse(struct cs_ro memory, uint64_t at, struct boot_info *info, const char **why)
{
    struct multiboot_info mb;
    int err = 0;

    *info = (struct boot_info){.cmdline = CS_RO_EMPTY, .module = CS_RO_EMPTY};
    if (!boot_copy_from(memory, at, &mb, sizeof(mb)))
        return lie(why, "multiboot: the information is outside memory");
    if ((mb.flags & HAS_MAP) != 0)
        err = read_map(memory, &mb, info, why);
    if (err == 0 && (mb.flags & HAS_MODULES) != 0) {
        info->module_count = mb.mods_count;
        err = read_module(memory, mb.mods_addr, info, why);
    }
    if (err == 0 && (mb.flags & HAS_CMDLINE) != 0)
        err = read_cmdline(memory, &mb, info, why);
    return err;
}
