/* SPDX-License-Identifier: ISC */
/* args_log.c - the log, to the console, as the command line wants it. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

int args_log(int argc, char *const *argv)
{
    const char *name = args_get(argc, argv, "log");
    int level = LOG_INFO;

    log_init(plat_console_write, LOG_INFO);
    if (name == NULL)
        return 0;
    level = log_level_of_name(name);
    if (level < 0) {
        LOG_ERROR("log=%s: expected quiet, error, warn, info or debug", name);
        return -E_INVAL;
    }
    log_set_level((enum log_level)level);
    return 0;
}
