/* SPDX-License-Identifier: ISC */
/* main.c - from the first line of C to the program's main().
 *
 * What can fail comes in an order in which each failure can still be said: hypercalls (before it:
 * pvh.c, pv.c), the console ring, traps, and only then the start information, which is not
 * believed.
 */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>

#include "boot.h"
#include "boot/common/bare/bare.h"

#define GIB4 (UINT64_C(4) << 30)

static const struct boot_mode *mode;
static struct boot_info info;
static struct args args;
static struct cs_ro module;

const struct boot_mode *boot_get_mode(void)
{
    return mode;
}

/* Memory, and copies of what lies in it before something else does. */
static int take_memory(uint64_t start_info, char *error, size_t error_size)
{
    const char *why = "";
    int err = mode->read_info(start_info, &info, &why);

    if (err == 0)
        err = args_split(&args, boot_program_name, info.cmdline, error, error_size);
    else
        fmt_buf(error, error_size, "%s", why);
    if (err < 0)
        return err;
    module = info.module;
    if (info.ram_count == 0) {
        err = -E_INVAL;
        why = "no memory map";
    } else {
        err = mode->map_memory(&info, &why);
    }
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

_Noreturn void boot_main(const struct boot_mode *m, uint64_t start_info)
{
    const struct start *start = start_get();
    const char *entropy;
    char error[128];

    mode = m;
    frames_find_console(start_info);
    mode->set_traps();
    cpu_init();
    if (take_memory(start_info, error, sizeof(error)) < 0)
        bare_refuse(error);
    if (frames_init() < 0)
        bare_refuse("shared info cannot be mapped");
    if (timer_init() < 0)
        bare_refuse("event channels cannot be delivered: Xen refuses the upcall");
    if (start_xen(args.argc, args.argv) < 0)
        plat_exit(1);
    report();
    entropy = args_get(start->argc, start->argv, "entropy");
    entropy_init(entropy != NULL && cs_equal_str(cs_of_str(entropy), "weak"));
    for (void (*const *init)(void) = boot_init_array_start; init < boot_init_array_end; init++)
        (*init)();
    plat_exit(main(start->argc, start->argv));
}

struct cs_ro plat_module(void)
{
    return module;
}
