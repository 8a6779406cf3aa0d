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
#include "boot/armv7/armv7.h"
#include "boot/common/bare/bare.h"
#include "boot/xen-arm/boot.h"
#include "loader.h"

/* All devices that we use are in this MiB, on every board that we know. */
#define DEVICES 0x01c00000u

int main(int argc, char **argv);

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
    struct tree_range said;
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
    size_t heap = 0;

    for (unsigned i = 0; i < tree.ram_count; i++)
        ram += tree.ram[i].end - tree.ram[i].start;
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++)
        heap += bare_heap(i).len;
    LOG_INFO("%s: memory %lu KiB%s, image %lu KiB, heap %lu KiB, module %lu bytes", board()->name,
             (unsigned long)(ram >> 10), r2 == 0 ? " (found; the loader said nothing)" : "",
             (unsigned long)(boot_image_end - boot_image_start) >> 10, (unsigned long)heap >> 10,
             (unsigned long)plat_module().len);
}

_Noreturn void boot_start(uint32_t r0, uint32_t r1, uint32_t r2, uint32_t load)
{
    static const char *const consoles[] = {"uart", NULL};
    const char *entropy;
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
    entropy = args_get(args.argc, args.argv, "entropy");
    entropy_init(&tree, entropy != NULL && cs_equal_str(cs_of_str(entropy), "weak"));
    netdev_init(args.argc, args.argv);
    for (void (*const *init)(void) = boot_init_array_start; init < boot_init_array_end; init++)
        (*init)();
    plat_exit(main(args.argc, args.argv));
}

struct cs_ro plat_module(void)
{
    return cs_ro_of((const void *)(uintptr_t)tree.module.start,
                    (size_t)(tree.module.end - tree.module.start));
}
