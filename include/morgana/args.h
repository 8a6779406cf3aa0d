/* SPDX-License-Identifier: ISC */
/* args.h - the command line: words, and `key=value` settings. One parser for every target.
 *
 * Words are separated by white space. '...' and "..." keep white space; \ takes the next
 * character as it is (also inside "..."). A missing closing quote or a \ at the end is an error
 * that names its position. The first word is an argument like the others.
 */
#ifndef MORGANA_ARGS_H
#define MORGANA_ARGS_H

#include <morgana/cstruct.h>
#include <morgana/err.h>

#define ARGS_BYTES_MAX 4096u /* longest command line */
#define ARGS_WORDS_MAX 64u   /* most words, the program's name included */

/* A split command line. Caller's storage: `argv` points into `text`. */
struct args {
    char text[ARGS_BYTES_MAX + 1];
    char *argv[ARGS_WORDS_MAX + 1]; /* argv[argc] is NULL */
    int argc;
};

/* Splits `line` (it may be empty) into words after the name: argv[0] is `name`, which is Kept. 0,
 * or -E_INVAL / -E_2BIG with one sentence in `error` (of error_size bytes) that says what is
 * wrong and at which byte. */
int args_split(struct args *args, const char *name, struct cs_ro line, char *error,
               size_t error_size);

/* The value of the last `key=...` among argv[1..], or NULL. A bare `key` has the value "". */
const char *args_get(int argc, char *const *argv, const char *key);

/* Where that is in argv, or 0: where two keys exclude each other, the later one holds. */
int args_last(int argc, char *const *argv, const char *key);

/* Typed forms: 1 where the key is there and good, 0 where it is absent (`out` untouched),
 * -E_INVAL where it is bad: logged as one line that names key, value and what was expected. */
int args_get_u32(int argc, char *const *argv, const char *key, uint32_t min, uint32_t max,
                 uint32_t *out);
/* "10.0.0.1" */
int args_get_ip4(int argc, char *const *argv, const char *key, uint32_t *out);
/* "10.0.0.1/24"; the prefix length is 1..32 and required */
int args_get_ip4_prefix(int argc, char *const *argv, const char *key, uint32_t *addr,
                        uint8_t *prefix);
/* "00:16:3e:00:00:01": unicast, not zero */
int args_get_mac(int argc, char *const *argv, const char *key, uint8_t mac[6]);

#define ARGS_DISK_PARTITION_MAX 999u
struct args_disk {
    char name[256];     /* in the form that the target's users write; "": the only one */
    uint32_t partition; /* 1..ARGS_DISK_PARTITION_MAX; 0: none was given */
    bool optional;      /* the program can do without it */
};
/* "xvda", "xvda:2", "/srv/disk.img:1,optional", "optional" */
int args_get_disk(int argc, char *const *argv, const char *key, struct args_disk *out);

/* One of `words` (NULL-terminated): its index. */
int args_get_word(int argc, char *const *argv, const char *key, const char *const *words,
                  unsigned *out);

/* Text for "%s". */
struct args_shown {
    char text[64];
};
/* A word as it may be shown to the operator: control characters become '?', and what is long is
 * cut. */
struct args_shown args_show(const char *word);

/* A key that a program has. A table of them ends with {NULL, NULL, NULL}. */
struct args_key {
    const char *name; /* "port" */
    const char *form; /* how it is written: "port=7"; NULL: the help does not show it */
    const char *what; /* a few words */
};

/* Reports each word whose key is neither in `keys` (or NULL) nor a key of every target, as a
 * warning, once. Unknown keys are ignored otherwise. Returns how many. */
int args_check(int argc, char *const *argv, const struct args_key *keys);
/* Where a word is `help` or `--help`: prints what the program is, its keys, and those of every
 * target that it does not describe itself. True: it did, and the program should end. */
bool args_help(int argc, char *const *argv, const char *what, const struct args_key *keys);

/* console=: its index in `names` (NULL-terminated), of which the first is what is written where the
 * key is absent, or names what there is not: said in one line, for a loader's menu that was made
 * for Linux must not end the program. */
unsigned args_console(int argc, char *const *argv, const char *const *names);

/* Brings up the log, to the console, at the level that log= wants (info). -E_INVAL: no level; said
 * in one line. */
int args_log(int argc, char *const *argv);

/* The keys of every target stand in boot/common/args_keys.c; what does not concern a target is
 * ignored there. */

#endif
