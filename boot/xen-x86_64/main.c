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
#include "boot/common/bare/run.h"
#include "boot/common/xenguest/xenguest.h"

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
    run_report("", info.ram_bytes);
    if (info.module_count > 1)
        LOG_WARN("%u modules: only the first is used", info.module_count);
    if (info.ram_bytes > 0 && info.ram[info.ram_count - 1].end == GIB4)
        LOG_WARN("memory above 4 GiB is not used");
    if (!cpu_has_nx())
        LOG_WARN("this CPU cannot forbid execution of data");
}

_Noreturn void boot_main(const struct boot_mode *m, uint64_t start_info)
{
    struct start *start = start_get();
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
    start->suspend_machine = suspend_machine;
    if (start_xen(args.argc, args.argv) < 0)
        plat_exit(1);
    xenguest_balloon_start(info.ram_bytes);
    report();
    run_program(start->argc, start->argv,
                &(struct entropy_sources){
                    .cpu = cpu_random,
                    .counter = x86_rdtsc,
                    .seed = CS_RO_EMPTY,
                    .missing = "this CPU has no working RDSEED or RDRAND",
                });
}

struct cs_ro plat_module(void)
{
    return module;
}
