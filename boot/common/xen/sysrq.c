/* SPDX-License-Identifier: ISC */
/* sysrq.c - what `xl sysrq DOMAIN LETTER` can ask of a program from outside, though it does not
 * answer on its network: a table of letters, Linux's where it has one for the same. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "start_priv.h"

#define ULL(n) ((unsigned long long)(n))
#define WHO_BYTES 32u /* "vif 4294967295 queue 7" */

static void help(struct start *start);

static void reboot(struct start *start)
{
    (void)start;
    plat_reboot();
}

static void poweroff(struct start *start)
{
    (void)start;
    plat_exit(0);
}

static void crash(struct start *start)
{
    (void)start;
    base_assert_failed("crash, by sysrq", __FILE__, __LINE__);
}

/* ---- m: who has the memory ------------------------------------------------------------------- */

static void say_pages(const char *kind, uint32_t id, const struct page_pool *pool)
{
    LOG_INFO("sysrq: %s %u: pages: %u, free %u, fewest %u, quarantined %u, refused %llu", kind, id,
             pool->total, pool->free_count, pool->free_min, pool->quarantined, ULL(pool->empty));
}

static void say_balloon(const struct balloon *b)
{
    LOG_INFO("sysrq: balloon: %u pages of %u given back, target %llu KiB of %llu, refused %llu",
             b->given, b->wanted, ULL(b->target_kib), ULL(b->base_kib), ULL(b->stats.refused));
}

static void memory(struct start *start)
{
    for (unsigned i = 0; i < START_NETDEVS_MAX; i++) {
        const struct start_vif *vif = &start->vifs[i];

        if (vif->dev == NULL)
            continue;
        say_pages("vif", vif->id, vif->pool->pages);
        LOG_INFO("sysrq: vif %u: packets: %u, free %u, fewest %u, refused %llu", vif->id,
                 vif->pool->total, vif->pool->free_count, vif->pool->free_min,
                 ULL(vif->pool->empty));
    }
    for (unsigned i = 0; i < START_BLKDEVS_MAX; i++) {
        if (start->vbds[i].dev != NULL)
            say_pages("vbd", start->vbds[i].id, start->vbds[i].pool);
    }
    if (start->has_balloon)
        say_balloon(&start->balloon);
    if (start->has_gnttab)
        LOG_INFO("sysrq: grants: free %u, fewest %u, refused %llu", start->gt.stats.free_count,
                 start->gt.stats.free_min, ULL(start->gt.stats.empty));
}

/* ---- t: what the devices did ----------------------------------------------------------------- */

static void say_counters(const char *who, const char *const *names, const uint64_t *counters,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (counters[i] != 0)
            LOG_INFO("sysrq: %s: %s %llu", who, names[i], ULL(counters[i]));
    }
}

static void say_queues(const struct start_vif *vif)
{
    struct netfront_queue_stats stats;
    char who[WHO_BYTES];

    for (unsigned i = 0; netfront_queue_stats(vif->dev, i, &stats); i++) {
        (void)fmt_buf(who, sizeof(who), "vif %u queue %u", vif->id, i);
        say_counters(who, netfront_queue_stat_names, (const uint64_t *)&stats,
                     ARRAY_SIZE(netfront_queue_stat_names));
    }
}

static void counters(struct start *start)
{
    char who[WHO_BYTES];

    for (unsigned i = 0; i < START_NETDEVS_MAX; i++) {
        const struct start_vif *vif = &start->vifs[i];

        if (vif->dev == NULL)
            continue;
        LOG_INFO("sysrq: vif %u: %s, link %s", vif->id, fmt_mac(vif->dev->mac).text,
                 vif->dev->link_up ? "up" : "down");
        (void)fmt_buf(who, sizeof(who), "vif %u", vif->id);
        say_counters(who, netdev_stat_names, (const uint64_t *)&vif->dev->stats,
                     ARRAY_SIZE(netdev_stat_names));
        say_queues(vif);
    }
    for (unsigned i = 0; i < START_BLKDEVS_MAX; i++) {
        const struct start_vbd *vbd = &start->vbds[i];

        if (vbd->dev == NULL)
            continue;
        LOG_INFO("sysrq: vbd %u: %s", vbd->id, vbd->dev->online ? "online" : "offline");
        (void)fmt_buf(who, sizeof(who), "vbd %u", vbd->id);
        say_counters(who, blkdev_stat_names, (const uint64_t *)&vbd->dev->stats,
                     ARRAY_SIZE(blkdev_stat_names));
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
    char letter;
    const char *what;
    void (*act)(struct start *start);
} orders[] = {
    {'b', "reboot", reboot}, {'c', "crash", crash},       {'h', "help", help},
    {'m', "memory", memory}, {'o', "poweroff", poweroff}, {'t', "devices' counters", counters},
};

static void help(struct start *start)
{
    char line[128];
    size_t len = 0;

    (void)start;
    for (size_t i = 0; i < ARRAY_SIZE(orders) && len < sizeof(line); i++)
        len += fmt_buf(line + len, sizeof(line) - len, "%s%c: %s", i > 0 ? ", " : "",
                       orders[i].letter, orders[i].what);
    LOG_INFO("sysrq: %s", line);
}

void start_sysrq(struct start *start, char letter)
{
    if (letter == '\0')
        return;
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        if (orders[i].letter == letter) {
            LOG_INFO("sysrq: %s", orders[i].what);
            orders[i].act(start);
            return;
        }
    }
    LOG_WARN("sysrq: there is no %c", letter);
    help(start);
}
