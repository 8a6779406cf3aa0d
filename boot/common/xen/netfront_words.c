/* SPDX-License-Identifier: ISC */
/* netfront_words.c - netfront=nogso,nocsum,nosg,nosplit,allmulti,txgrants,queues=N: what of the
 * network devices' backends is not to be used, whether grants are kept, and how many queues are. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/netfront.h>

#include "start_priv.h"

struct word {
    const char *name;
    size_t flag; /* of struct start_netfront: a bool */
};

static const struct word words[] = {
    {"nogso", offsetof(struct start_netfront, conf.no_gso)},
    {"nocsum", offsetof(struct start_netfront, conf.no_csum)},
    {"nosg", offsetof(struct start_netfront, conf.no_sg)},
    {"nosplit", offsetof(struct start_netfront, conf.no_split)},
    {"allmulti", offsetof(struct start_netfront, conf.all_multicast)},
    {"txgrants", offsetof(struct start_netfront, tx_grants)},
};

#define QUEUES "queues="

static bool take_queues(struct cs_ro word, unsigned *queues)
{
    struct cs_ro key = cs_of_str(QUEUES);
    uint64_t n = 0;

    if (word.len <= key.len || memcmp(word.base, key.base, key.len) != 0)
        return false;
    word = cs_sub(word, key.len, word.len - key.len);
    if (fmt_parse_u64(word, NETFRONT_QUEUES_MAX, &n) != word.len || n == 0)
        return false;
    *queues = (unsigned)n;
    return true;
}

static bool take_word(struct cs_ro word, struct start_netfront *wanted)
{
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (cs_equal_str(word, words[i].name)) {
            *(bool *)((uint8_t *)wanted + words[i].flag) = true;
            return true;
        }
    }
    return take_queues(word, &wanted->conf.queues_max);
}

int start_netfront_words(const struct start *start, struct start_netfront *out)
{
    const char *value = args_get(start->argc, start->argv, "netfront");
    struct cs_ro rest = cs_of_str(value != NULL ? value : "");
    struct start_netfront wanted = *out;

    while (value != NULL) {
        size_t len = 0;

        while (len < rest.len && rest.base[len] != ',')
            len++;
        if (!take_word(cs_sub(rest, 0, len), &wanted)) {
            LOG_ERROR("netfront=%s: expected nogso, nocsum, nosg, nosplit, allmulti, txgrants or "
                      "queues=1 to %u, with commas between",
                      args_show(value).text, NETFRONT_QUEUES_MAX);
            return -E_INVAL;
        }
        if (len == rest.len)
            break;
        rest = cs_sub(rest, len + 1, rest.len - len - 1);
    }
    *out = wanted;
    return 0;
}
