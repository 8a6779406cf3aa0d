/* SPDX-License-Identifier: ISC */
/* log.h - lines for the operator, and the small printf behind them. No libc needed.
 *
 * Never per packet: what packets do is counted. A line is written whole, with its level's word and
 * a newline. */
#ifndef MORGANA_LOG_H
#define MORGANA_LOG_H

#include <stdarg.h>

#include <morgana/cstruct.h>

enum log_level { LOG_QUIET, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

/* printf into a buffer of `size` bytes: %s %c %d %i %u %x %X %p %% with flags 0 - and blank, width
 * and precision (* too), and the length letters hh h l ll z. Always NUL-terminated when size > 0;
 * text that does not fit is cut. Returns the length it would have had. */
size_t fmt_buf(char *out, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same with its arguments in a list. */
size_t fmt_vbuf(char *out, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);

/* Where lines go. Keeps `write`. Before this is called, lines are dropped. The default level is
 * LOG_INFO. */
void log_init(void (*write)(struct cs_ro text), enum log_level level);
/* Lines of this level and of graver ones are written from now on; LOG_QUIET: none. */
void log_set_level(enum log_level level);
/* Is what has this level written? */
bool log_shows(enum log_level level);
/* The level of a name ("quiet" "error" "warn" "info" "debug"), or -E_INVAL. */
int log_level_of_name(const char *name);

/* A line of up to 255 bytes; a longer one is cut and ends in "...". */
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define LOG_ERROR(...) log_line(LOG_ERROR, __VA_ARGS__)
#define LOG_WARN(...) log_line(LOG_WARN, __VA_ARGS__)
#define LOG_INFO(...) log_line(LOG_INFO, __VA_ARGS__)
#define LOG_DEBUG(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Text for "%s". */
struct fmt_ip4 {
    char text[16];
};
/* "10.0.0.1" of an address in host order. */
struct fmt_ip4 fmt_ip4(uint32_t addr);
struct fmt_mac {
    char text[18];
};
/* "00:16:3e:00:00:01" */
struct fmt_mac fmt_mac(const uint8_t mac[6]);
/* The other way round: "00:16:3e:00:00:01" and nothing else. False, and `mac` untouched, where it
 * is not that, or is no one station's address: all zero, or a group's. */
bool fmt_parse_mac(struct cs_ro text, uint8_t mac[6]);
/* The decimal digits that `text` begins with: how many, and their value. 0, and *value untouched,
 * where there are none or the value is above max. */
size_t fmt_parse_u64(struct cs_ro text, uint64_t max, uint64_t *value);

#endif
