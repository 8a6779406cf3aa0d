/* SPDX-License-Identifier: ISC */
/* args.c - splits a command line into words, and reads `key=value` settings from them. */
#include <morgana/args.h>
#include <morgana/log.h>

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- splitting ------------------------------------------------------------------------------- */

/* Where we are in the line, and where the next byte of a word goes. */
struct splitter {
    struct cs_ro line;
    size_t at;
    char *to;
    char *error;
    size_t error_size;
};

/* Copies one word, quotes and backslashes resolved, with its NUL. The text of the words is never
 * longer than the line: each word's NUL takes the place of the blank, or of the end, behind it. */
static int split_word(struct splitter *s)
{
    uint8_t quote = 0;
    size_t quote_at = 0;

    for (; s->at < s->line.len; s->at++) {
        uint8_t c = s->line.base[s->at];

        if (c == 0) {
            fmt_buf(s->error, s->error_size, "command line: zero byte at byte %zu", s->at);
            return -E_INVAL;
        }
        if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '\'' || c == '"')) {
            quote = c;
            quote_at = s->at;
        } else if (quote == 0 && is_space(c)) {
            break;
        } else if (c == '\\' && quote != '\'') {
            s->at++;
            if (s->at == s->line.len) {
                fmt_buf(s->error, s->error_size, "command line: nothing after the \\ at byte %zu",
                        s->at - 1);
                return -E_INVAL;
            }
            if (s->line.base[s->at] == 0) {
                fmt_buf(s->error, s->error_size, "command line: zero byte at byte %zu", s->at);
                return -E_INVAL;
            }
            *s->to++ = (char)s->line.base[s->at];
        } else {
            *s->to++ = (char)c;
        }
    }
    if (quote != 0) {
        fmt_buf(s->error, s->error_size, "command line: the quote at byte %zu is not closed",
                quote_at);
        return -E_INVAL;
    }
    *s->to++ = '\0';
    return 0;
}

int args_split(struct args *args, const char *name, struct cs_ro line, char *error,
               size_t error_size)
{
    struct splitter s = {line, 0, args->text, error, error_size};

    args->argv[0] = (char *)(uintptr_t)name;
    args->argv[1] = NULL;
    args->argc = 1;
    if (line.len > ARGS_BYTES_MAX) {
        fmt_buf(error, error_size, "command line: %zu bytes; at most %u are possible", line.len,
                ARGS_BYTES_MAX);
        return -E_2BIG;
    }
    for (;;) {
        char *word = s.to;
        int err;

        while (s.at < line.len && is_space(line.base[s.at]))
            s.at++;
        if (s.at == line.len)
            return 0;
        if ((unsigned)args->argc == ARGS_WORDS_MAX) {
            fmt_buf(error, error_size,
                    "command line: the word at byte %zu is one too many; %u are possible", s.at,
                    ARGS_WORDS_MAX - 1);
            return -E_2BIG;
        }
        err = split_word(&s);
        if (err < 0)
            return err;
        args->argv[args->argc++] = word;
        args->argv[args->argc] = NULL;
    }
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* What follows `key` in `word`: its value, "" for a bare key, or NULL where the word's key is
 * another. */
static const char *value_of(const char *word, const char *key)
{
    while (*key != '\0' && *word == *key) {
        word++;
        key++;
    }
    if (*key != '\0')
        return NULL;
    if (*word == '=')
        return word + 1;
    return *word == '\0' ? word : NULL;
}

int args_last(int argc, char *const *argv, const char *key)
{
    int i = argc - 1;

    while (i > 0 && value_of(argv[i], key) == NULL)
        i--;
    return i > 0 ? i : 0;
}

const char *args_get(int argc, char *const *argv, const char *key)
{
    int i = args_last(argc, argv, key);

    return i > 0 ? value_of(argv[i], key) : NULL;
}

struct args_shown args_show(const char *word)
{
    struct args_shown s;
    size_t n = 0;

    for (; *word != '\0' && n < sizeof(s.text) - 1; word++, n++)
        s.text[n] = (uint8_t)*word < ' ' || *word == 0x7f ? '?' : *word;
    s.text[n] = '\0';
    return s;
}

static int bad_value(const char *key, const char *value, const char *expected)
{
    LOG_ERROR("%s=%s: expected %s", key, args_show(value).text, expected);
    return -E_INVAL;
}

/* ---- typed values ---------------------------------------------------------------------------- */

/* A decimal number without needless zeros in front (010 would be eight to some readers); moves
 * *text past it. */
static bool take_decimal(const char **text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    size_t n = fmt_parse_u64(cs_of_str(*text), max, &value);

    if (n == 0 || (**text == '0' && n > 1))
        return false;
    *text += n;
    *out = (uint32_t)value;
    return true;
}

static bool take_ip4(const char **text, uint32_t *out)
{
    uint32_t addr = 0;

    for (int i = 0; i < 4; i++) {
        uint32_t byte;

        if (i > 0 && *(*text)++ != '.')
            return false;
        if (!take_decimal(text, 255, &byte))
            return false;
        addr = addr << 8 | byte;
    }
    *out = addr;
    return true;
}

int args_get_u32(int argc, char *const *argv, const char *key, uint32_t min, uint32_t max,
                 uint32_t *out)
{
    const char *value = args_get(argc, argv, key);
    const char *p = value;
    char expected[48];
    uint32_t number;

    if (value == NULL)
        return 0;
    if (take_decimal(&p, max, &number) && *p == '\0' && number >= min) {
        *out = number;
        return 1;
    }
    fmt_buf(expected, sizeof(expected), "a number from %u to %u", min, max);
    return bad_value(key, value, expected);
}

int args_get_ip4(int argc, char *const *argv, const char *key, uint32_t *out)
{
    const char *value = args_get(argc, argv, key);
    const char *p = value;
    uint32_t addr;

    if (value == NULL)
        return 0;
    if (!take_ip4(&p, &addr) || *p != '\0')
        return bad_value(key, value, "an address like 10.0.0.1");
    *out = addr;
    return 1;
}

int args_get_ip4_prefix(int argc, char *const *argv, const char *key, uint32_t *addr,
                        uint8_t *prefix)
{
    const char *value = args_get(argc, argv, key);
    const char *p = value;
    uint32_t a, n;

    if (value == NULL)
        return 0;
    if (!take_ip4(&p, &a) || *p++ != '/' || !take_decimal(&p, 32, &n) || n == 0 || *p != '\0')
        return bad_value(key, value, "an address with its prefix length, like 10.0.0.1/24");
    *addr = a;
    *prefix = (uint8_t)n;
    return 1;
}

int args_get_word(int argc, char *const *argv, const char *key, const char *const *words,
                  unsigned *out)
{
    const char *value = args_get(argc, argv, key);
    char expected[96];
    size_t n = 0;

    if (value == NULL)
        return 0;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (cs_equal_str(cs_of_str(value), words[i])) {
            *out = i;
            return 1;
        }
        n += fmt_buf(expected + size_min(n, sizeof(expected)),
                     sizeof(expected) - size_min(n, sizeof(expected)), "%s%s",
                     i == 0                 ? ""
                     : words[i + 1] == NULL ? " or "
                                            : ", ",
                     words[i]);
    }
    return bad_value(key, value, expected);
}

int args_get_mac(int argc, char *const *argv, const char *key, uint8_t mac[6])
{
    const char *value = args_get(argc, argv, key);

    if (value == NULL)
        return 0;
    return fmt_parse_mac(cs_of_str(value), mac)
               ? 1
               : bad_value(key, value, "a unicast MAC address like 00:16:3e:00:00:01");
}
