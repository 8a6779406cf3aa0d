/* SPDX-License-Identifier: ISC */
/* main.c - from the first line of C to the program's main().
 *
 * What can fail comes in an order in which each failure can still be said: first the device
 * registers are mapped, then clock and console run, then what the loader says is read, which is
 * not believed, and only then is there memory.
 */
#include <morgana/args.h>
#include <morgana/banner.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "board.h"
#include "boot/arm/memory.h"
#include "boot/armv7/armv7.h"
#include "boot/common/bare/bare.h"
#include "boot/common/bare/run.h"
#include "loader.h"

/* All devices that we use are in this MiB, on every board that we know. */
#define DEVICES 0x01c00000u

static struct tree tree;
static struct args args;

/* The image by its pieces' rights, and the devices. */
static int map_image(uint32_t load)
{
    const uint32_t text = (uint32_t)boot_image_start, rodata = (uint32_t)boot_rodata_start,
                   data = (uint32_t)boot_data_start, end = (uint32_t)boot_image_end;
    const uint32_t offset = load - text;
    const struct armv7_region regions[] = {
        {DEVICES, DEVICES, ARMV7_MIB, ARMV7_DEVICE},
        {text, text + offset, rodata - text, ARMV7_RX},
        {rodata, rodata + offset, data - rodata, ARMV7_R},
        {data, data + offset, end - data, ARMV7_RW},
    };

    return armv7_mmu_init(load, regions, ARRAY_SIZE(regions));
}

/* Memory, and copies of what lies in it before something else does. */
static int take_memory(uint32_t r2, char *error, size_t error_size)
{
    struct range said;
    const char *why = "";
    int err = loader_read(r2, &tree, &said, &why);

    if (err == 0)
        err = memory_init(&tree, said, &why);
    if (err == 0)
        return args_split(&args, boot_program_name, tree.bootargs, error, error_size);
    fmt_buf(error, error_size, "%s", why);
    return err;
}

static void report(uint32_t r2)
{
    uint64_t ram = 0;
    char machine[96];

    for (unsigned i = 0; i < tree.ram_count; i++)
        ram += tree.ram[i].end - tree.ram[i].start;
    fmt_buf(machine, sizeof(machine), "%s%s: ", board()->name,
            r2 == 0 ? ", found by looking since the loader said nothing" : "");
    run_report(machine, ram);
}

static bool no_random(uint64_t *out)
{
    (void)out;
    return false; /* what the A10 calls a random number generator is a shift register */
}

_Noreturn void boot_start(uint32_t r0, uint32_t r1, uint32_t r2, uint32_t load)
{
    static const char *const consoles[] = {"uart", NULL};
    char error[128];

    (void)r0;
    (void)r1;
    if (board_detect() == NULL || map_image(load) < 0)
        armv7_stop(); /* with nowhere to say it */
    timer_init();
    uart_init();
    irq_init();
    power_init();
    if (load != (uint32_t)boot_image_start)
        bare_refuse("the image is not where it must be loaded: 0x40010000");
    if (take_memory(r2, error, sizeof(error)) < 0)
        bare_refuse(error);
    if (args_log(args.argc, args.argv) < 0)
        plat_exit(1);
    (void)args_console(args.argc, args.argv, consoles);
    banner_print(args.argv[0]);
    report(r2);
    netdev_init(args.argc, args.argv);
    run_program(args.argc, args.argv,
                &(struct entropy_sources){
                    .cpu = no_random,
                    .counter = timer_ticks,
                    .seed = tree.rng_seed,
                    .more = tree.kaslr_seed,
                    .missing = "this CPU has no source, and the loader left no rng-seed",
                });
}

struct cs_ro plat_module(void)
{
    return cs_ro_of((const void *)(uintptr_t)tree.module.start,
                    (size_t)(tree.module.end - tree.module.start));
}
