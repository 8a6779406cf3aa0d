/* SPDX-License-Identifier: ISC */
/* args_log.c - the log, to the console, as the command line wants it. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

unsigned args_console(int argc, char *const *argv, const char *const *names)
{
    const char *value = args_get(argc, argv, "console");
    char there[64] = "";
    size_t n = 0;

    for (unsigned i = 0; value != NULL && names[i] != NULL; i++) {
        if (cs_equal_str(cs_of_str(value), names[i]))
            return i;
        if (n < sizeof(there))
            n += fmt_buf(there + n, sizeof(there) - n, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    if (value != NULL)
        LOG_WARN("console=%s: there is %s; %s is used", args_show(value).text, there, names[0]);
    return 0;
}

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
