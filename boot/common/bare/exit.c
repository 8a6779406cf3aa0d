/* SPDX-License-Identifier: ISC */
/* exit.c - how a program ends. The verdict is the last line on its console. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "bare.h"

static void end_console(const char *verdict)
{
    if (bare_stdio_flush != NULL)
        bare_stdio_flush();
    bare_console_drain(); /* there must be room for the verdict, as a line of its own */
    bare_console_end_line();
    plat_console_write(cs_of_str(verdict));
    bare_console_drain();
}

_Noreturn void plat_exit(int status)
{
    char text[64] = "verdict: success\n";

    if (status != 0)
        fmt_buf(text, sizeof(text), "verdict: failure: exit status %d\n", status);
    end_console(text);
    bare_shutdown(BARE_POWEROFF);
}

_Noreturn void plat_reboot(void)
{
    end_console("verdict: success\n");
    bare_shutdown(BARE_REBOOT);
}

_Noreturn void bare_refuse(const char *why)
{
    bare_emergency("verdict: failure: %s\n", why);
    bare_shutdown(BARE_POWEROFF);
}

_Noreturn void bare_crash(const char *why)
{
    if (why != NULL)
        bare_emergency("verdict: failure: crashed: %s\n", why);
    bare_shutdown(BARE_CRASH);
}

_Noreturn void base_assert_failed(const char *expr, const char *file, int line)
{
    static bool again;

    if (again)
        bare_crash(NULL);
    again = true;
    bare_emergency("\n%s:%d: assertion failed: %s\n", file, line, expr);
    __builtin_trap(); /* for registers and the backtrace */
}
