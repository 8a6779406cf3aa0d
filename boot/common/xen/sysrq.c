/* SPDX-License-Identifier: ISC */
/* sysrq.c - what `xl sysrq DOMAIN LETTER` can ask of a program from outside, though it does not
 * answer on its network: a table of letters, Linux's where it has one for the same. */
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/start.h>

#define ULL(n) ((unsigned long long)(n))

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

static void say_counters(const char *kind, uint32_t id, const char *const *names,
                         const uint64_t *counters, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (counters[i] != 0)
            LOG_INFO("sysrq: %s %u: %s %llu", kind, id, names[i], ULL(counters[i]));
    }
}

static void counters(struct start *start)
{
    for (unsigned i = 0; i < START_NETDEVS_MAX; i++) {
        const struct start_vif *vif = &start->vifs[i];

        if (vif->dev == NULL)
            continue;
        LOG_INFO("sysrq: vif %u: %s, link %s", vif->id, fmt_mac(vif->dev->mac).text,
                 vif->dev->link_up ? "up" : "down");
        say_counters("vif", vif->id, netdev_stat_names, (const uint64_t *)&vif->dev->stats,
                     ARRAY_SIZE(netdev_stat_names));
    }
    for (unsigned i = 0; i < START_BLKDEVS_MAX; i++) {
        const struct start_vbd *vbd = &start->vbds[i];

        if (vbd->dev == NULL)
            continue;
        LOG_INFO("sysrq: vbd %u: %s", vbd->id, vbd->dev->online ? "online" : "offline");
        say_counters("vbd", vbd->id, blkdev_stat_names, (const uint64_t *)&vbd->dev->stats,
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
