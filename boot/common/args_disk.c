/* SPDX-License-Identifier: ISC */
/* args_disk.c - the word that names a disk. */
#include <morgana/args.h>
#include <morgana/log.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes `end` off the end of the first `*len` characters. */
static bool take_end(const char *text, size_t *len, const char *end)
{
    size_t n = cs_of_str(end).len;

    if (*len < n || memcmp(text + *len - n, end, n) != 0)
        return false;
    *len -= n;
    return true;
}

/* The number of a partition behind the last colon: where there is none, *len stays as it is.
 * False: no partition has this number. */
static bool take_partition(const char *text, size_t *len, uint32_t *partition)
{
    size_t at = *len;
    uint64_t number;

    while (at != 0 && is_digit(text[at - 1]))
        at--;
    if (at == *len || at == 0 || text[at - 1] != ':')
        return true;
    if (fmt_parse_u64(cs_ro_of(text + at, *len - at), ARGS_DISK_PARTITION_MAX, &number) == 0 ||
        number == 0)
        return false;
    *partition = (uint32_t)number;
    *len = at - 1;
    return true;
}

int args_get_disk(int argc, char *const *argv, const char *key, struct args_disk *out)
{
    const char *value = args_get(argc, argv, key);
    struct args_disk disk = {.name = ""};
    size_t len;

    if (value == NULL)
        return 0;
    len = cs_of_str(value).len;
    disk.optional =
        take_end(value, &len, ",optional") || cs_equal_str(cs_of_str(value), "optional");
    if (cs_equal_str(cs_of_str(value), "optional"))
        len = 0;
    if (!take_partition(value, &len, &disk.partition) || len >= sizeof(disk.name)) {
        LOG_ERROR("%s=%s: expected NAME, NAME:PARTITION or NAME:PARTITION,optional; partitions "
                  "have numbers from 1 to %u",
                  key, args_show(value).text, ARGS_DISK_PARTITION_MAX);
        return -E_INVAL;
    }
    memcpy(disk.name, value, len);
    disk.name[len] = '\0';
    *out = disk;
    return 1;
}
