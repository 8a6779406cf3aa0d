/* SPDX-License-Identifier: ISC */
/* hello - the smallest program: it greets, and ends. */
#include <morgana/args.h>
#include <morgana/platform.h>

int main(int argc, char **argv)
{
    if (args_help(argc, argv, "greets, and ends", NULL))
        return 0;
    plat_console_write(cs_of_str("Hello from a superior mirage.\n"));
    return 0;
}
