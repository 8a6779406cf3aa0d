/* SPDX-License-Identifier: ISC */
/* log.c - lines for the operator. */
#include <morgana/err.h>
#include <morgana/log.h>

#define LINE_BYTES_MAX 255u

static const char *const level_names[] = {"quiet", "error", "warn", "info", "debug"};
STATIC_ASSERT(ARRAY_SIZE(level_names) == LOG_LEVELS, "a name for each level");

static void (*log_write)(struct cs_ro text);
static enum log_level log_level = LOG_INFO;

void log_init(void (*write)(struct cs_ro text), enum log_level level)
{
    log_write = write;
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    ASSERT((unsigned)level < LOG_LEVELS);
    log_level = level;
}

bool log_shows(enum log_level level)
{
    return level <= log_level;
}

int log_level_of_name(const char *name)
{
    for (unsigned i = 0; i < LOG_LEVELS; i++) {
        if (cs_equal_str(cs_of_str(name), level_names[i]))
            return (int)i;
    }
    return -E_INVAL;
}

/* What a peer sent may stand in a line: it must neither end the line nor steer the operator's
 * terminal. */
static void disarm(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
    }
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES_MAX + 2]; /* newline and NUL */
    size_t n;
    va_list args;

    ASSERT(level > LOG_QUIET && level < LOG_LEVELS);
    if (log_write == NULL || level > log_level)
        return;
    n = fmt_buf(line, sizeof(line), "%s: ", level_names[level]);
    va_start(args, format);
    n += fmt_vbuf(line + n, LINE_BYTES_MAX + 1 - n, format, args);
    va_end(args);
    if (n > LINE_BYTES_MAX) {
        n = LINE_BYTES_MAX;
        memcpy(line + n - 3, "...", 3);
    }
    disarm(line, n);
    line[n] = '\n';
    log_write(cs_ro_of(line, n + 1));
}
