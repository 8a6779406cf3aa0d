/* SPDX-License-Identifier: ISC */
/* hello - the smallest program: it greets, and ends. */
#include <morgana/platform.h>

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    plat_console_write(cs_of_str("Hello from a superior mirage.\n"));
    return 0;
}
