/* SPDX-License-Identifier: ISC */
/* netfront_words.c - netfront=nogso,nocsum,nosg,nosplit,allmulti,queues=N: what of the network
 * devices' backends is not to be used, and how many queues are. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/netfront.h>

#include "start_priv.h"

struct word {
    const char *name;
    size_t flag; /* of struct netfront_conf: a bool */
};

static const struct word words[] = {
    {"nogso", offsetof(struct netfront_conf, no_gso)},
    {"nocsum", offsetof(struct netfront_conf, no_csum)},
    {"nosg", offsetof(struct netfront_conf, no_sg)},
    {"nosplit", offsetof(struct netfront_conf, no_split)},
    {"allmulti", offsetof(struct netfront_conf, all_multicast)},
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

static bool take_word(struct cs_ro word, struct netfront_conf *conf)
{
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (cs_equal_str(word, words[i].name)) {
            *(bool *)((uint8_t *)conf + words[i].flag) = true;
            return true;
        }
    }
    return take_queues(word, &conf->queues_max);
}

int start_netfront_words(const struct start *start, struct netfront_conf *conf)
{
    const char *value = args_get(start->argc, start->argv, "netfront");
    struct cs_ro rest = cs_of_str(value != NULL ? value : "");
    struct netfront_conf wanted = *conf;

    while (value != NULL) {
        size_t len = 0;

        while (len < rest.len && rest.base[len] != ',')
            len++;
        if (!take_word(cs_sub(rest, 0, len), &wanted)) {
            LOG_ERROR("netfront=%s: expected nogso, nocsum, nosg, nosplit, allmulti or queues=1 to "
                      "%u, with commas between",
                      args_show(value).text, NETFRONT_QUEUES_MAX);
            return -E_INVAL;
        }
        if (len == rest.len)
            break;
        rest = cs_sub(rest, len + 1, rest.len - len - 1);
    }
    *conf = wanted;
    return 0;
}
