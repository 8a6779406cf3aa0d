/* SPDX-License-Identifier: ISC */
/* words.c - words of the command line that an operator puts into xenstore, beside those of the
 * kernel's command line: where that is fixed in an image, or a cloud does not let it be changed.
 *
 *     xenstore-write /local/domain/N/vm-data/cmdline 'ip=10.0.0.2/24 log=debug'
 *
 * They stand behind the others, and the later one holds. It is read once, when xenstore works: for
 * evtchn=, gnttab= and console= that is too late. */
#include <morgana/args.h>
#include <morgana/log.h>

#include "start_priv.h"

#define PATH "vm-data/cmdline"

static char line[ARGS_BYTES_MAX + 1];
static struct args more;
static char *all[2 * ARGS_WORDS_MAX + 1];

int start_words(struct start *start)
{
    char error[128];
    int len, n = 0;

    if (!start->has_xs)
        return 0;
    len = xs_read(&start->xs, XS_TXN_NONE, PATH, cs_of(line, sizeof(line)));
    if (len < 0) {
        if (len != -E_NOENT)
            LOG_WARN("%s cannot be read: %s", PATH, err_name(len));
        return 0;
    }
    if (args_split(&more, start->argv[0], cs_ro_of(line, (size_t)len), error, sizeof(error)) < 0) {
        LOG_ERROR("%s: %s", PATH, error);
        return -E_INVAL;
    }
    if (more.argc == 1)
        return 0;
    if ((unsigned)start->argc > ARGS_WORDS_MAX) {
        LOG_ERROR("%s: the command line has too many words already", PATH);
        return -E_INVAL;
    }
    for (int i = 0; i < start->argc; i++)
        all[n++] = start->argv[i];
    for (int i = 1; i < more.argc; i++)
        all[n++] = more.argv[i];
    all[n] = NULL;
    start->argc = n;
    start->argv = all;
    if (args_last(more.argc, more.argv, "log") != 0 && args_log(n, all) < 0)
        return -E_INVAL;
    for (int i = 1; i < more.argc; i++)
        LOG_INFO("%s: %s", PATH, args_show(more.argv[i]).text);
    return 0;
}
