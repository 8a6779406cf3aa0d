/* SPDX-License-Identifier: ISC */
/* main.c - from the first line of C to the program's main().
 *
 * What can fail comes in an order in which each failure can still be said: hypercalls, the
 * console ring, traps, and only then the start information, which is not believed.
 */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>

#include "boot.h"
#include "boot/common/bare/bare.h"
#include "boot/common/xenguest/xenguest.h"
#include "x86.h"

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/e820.h>

#define COM1 0x3f8
#define GIB4 (UINT64_C(4) << 30)

static struct pvh_info info;
static struct args args;
static struct cs_ro module;

/* Not on Xen: there is nobody to ask for anything. A serial port may be there to say so. */
static _Noreturn void refuse_without_xen(void)
{
    static const char text[] = "morgana: this is no Xen domain: giving up\r\n";

    for (size_t i = 0; i < sizeof(text) - 1; i++)
        x86_outb(COM1, (uint8_t)text[i]);
    x86_stop();
}

/* XENMEM_memory_map's entries are the BIOS's: 20 bytes, unaligned. */
struct map_entry {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

/* The memory map: of the start information where it has one, else (version 0) the hypervisor's
 * copy of the same. */
static int read_memory_map(const char **why)
{
    static struct map_entry entries[PVH_MAP_MAX];
    int count;

    if (info.map_count == 0) {
        count = xenguest_memory_map(entries, PVH_MAP_MAX);
        for (int i = 0; i < count && i < (int)PVH_MAP_MAX; i++)
            pvh_add_entry(&info, entries[i].addr, entries[i].size, entries[i].type);
    }
    if (info.ram_count > 0)
        return 0;
    *why = "no memory map";
    return -E_INVAL;
}

/* Memory, and copies of what lies in it before something else does. */
static int take_memory(uint32_t start_info, char *error, size_t error_size)
{
    const struct cs_ro memory = cs_ro_of(NULL, GIB4); /* entry.S has mapped all of it, from 0 up */
    const char *why = "";
    int err = pvh_parse(memory, start_info, &info, &why);

    if (err == 0)
        err = args_split(&args, boot_program_name, info.cmdline, error, error_size);
    else
        fmt_buf(error, error_size, "%s", why);
    if (err < 0)
        return err;
    module = info.module;
    err = read_memory_map(&why);
    if (err == 0)
        err = memory_init(&info, &why);
    if (err < 0)
        fmt_buf(error, error_size, "%s", why);
    return err;
}

static void report(void)
{
    size_t heap = 0;

    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++)
        heap += bare_heap(i).len;

    LOG_INFO("memory %lu KiB, image %lu KiB, heap %lu KiB, module %lu bytes",
             (unsigned long)(info.ram_bytes >> 10),
             (unsigned long)(boot_image_end - boot_image_start) >> 10, (unsigned long)heap >> 10,
             (unsigned long)module.len);
    if (info.module_count > 1)
        LOG_WARN("%u modules: only the first is used", info.module_count);
    if (info.ram_bytes > 0 && info.ram[info.ram_count - 1].end == GIB4)
        LOG_WARN("memory above 4 GiB is not used");
    if (!cpu_has_nx())
        LOG_WARN("this CPU cannot forbid execution of data");
}

_Noreturn void boot_main(uint32_t start_info)
{
    const char *entropy;
    char error[128];

    if (!hypercall_detect())
        refuse_without_xen();
    frames_find_console();
    trap_init();
    cpu_init();
    if (take_memory(start_info, error, sizeof(error)) < 0)
        bare_refuse(error);
    if (frames_init() < 0)
        bare_refuse("shared info cannot be mapped");
    if (timer_init() < 0)
        bare_refuse("event channels cannot be delivered: HVM_PARAM_CALLBACK_IRQ");
    if (start_xen(args.argc, args.argv) < 0)
        plat_exit(1);
    report();
    entropy = args_get(args.argc, args.argv, "entropy");
    entropy_init(entropy != NULL && cs_equal_str(cs_of_str(entropy), "weak"));
    for (void (*const *init)(void) = boot_init_array_start; init < boot_init_array_end; init++)
        (*init)();
    plat_exit(main(args.argc, args.argv));
}

struct cs_ro plat_module(void)
{
    return module;
}
