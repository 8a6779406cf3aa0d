/* SPDX-License-Identifier: ISC */
/* bytes.c - see bytes.h. */
#include <morgana/log.h>

#include "bytes.h"

static unsigned shift_of(char unit)
{
    static const char units[] = "kKmMgG";

    for (unsigned i = 0; units[i] != '\0'; i++)
        if (units[i] == unit)
            return 10 * (i / 2 + 1);
    return 0;
}

static bool parse(const char *text, uint64_t *out)
{
    uint64_t value;
    size_t n = fmt_parse_u64(cs_of_str(text), UINT64_MAX, &value);
    unsigned shift = n == 0 ? 0 : shift_of(text[n]);

    if (n == 0 || text[n + (shift != 0)] != '\0' || value > UINT64_MAX >> shift)
        return false;
    *out = value << shift;
    return true;
}

int bytes_get(int argc, char *const *argv, const char *key, uint64_t min, uint64_t max,
              uint64_t *out)
{
    const char *text = args_get(argc, argv, key);
    uint64_t value;

    if (text == NULL)
        return 0;
    if (parse(text, &value) && value >= min && value <= max) {
        *out = value;
        return 1;
    }
    LOG_ERROR("%s=%s: expected bytes from %llu to %llu, like 4096, 64K, 10M or 1G", key,
              args_show(text).text, (unsigned long long)min, (unsigned long long)max);
    return -E_INVAL;
}
