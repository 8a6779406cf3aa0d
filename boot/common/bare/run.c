/* SPDX-License-Identifier: ISC */
/* run.c - the last steps of every start. */
#include "run.h"

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "bare.h"
#include "image.h"

int main(int argc, char **argv);

void run_report(const char *machine, uint64_t ram)
{
    const uintptr_t image = (uintptr_t)boot_image_end - (uintptr_t)boot_image_start;
    size_t heap = 0;

    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++)
        heap += bare_heap(i).len;
    LOG_INFO("%smemory %lu KiB, image %lu KiB, heap %lu KiB, module %lu bytes", machine,
             (unsigned long)(ram >> 10), (unsigned long)image >> 10, (unsigned long)heap >> 10,
             (unsigned long)plat_module().len);
}

_Noreturn void run_program(int argc, char **argv, const struct entropy_sources *sources)
{
    const char *entropy = args_get(argc, argv, "entropy");

    entropy_init(sources, entropy != NULL && cs_equal_str(cs_of_str(entropy), "weak"));
    for (void (*const *init)(void) = boot_init_array_start; init < boot_init_array_end; init++)
        (*init)();
    plat_exit(main(argc, argv));
}
