/* SPDX-License-Identifier: ISC */
/* main.c - multicast control and the control ring, from inside a domain against a real backend.
 *
 * dom0 sends frames, and ends each phase by asking (ARP, a broadcast) for an address ending in 250,
 * 251, ...: see tests/xen/cases/44-netctl.case. Nothing is answered: the device alone is looked at.
 */
#include <morgana/netfront.h>

#include "tests/guest/suite.h"

SUITE_STATE;

enum {
    PAGES = 1024,
    PKTS = 512,
    PHASE_S = 60,
    MARK = 250, /* the first phase's */
    ARP_TARGET_OFF = 14 + 24,
    SENT = 5, /* frames that dom0 sends of a kind, at least */
};

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static struct netdev *dev;

/* 239.1.2.3, which is joined, and 239.9.9.9, which is not. */
static const uint8_t group[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
static const uint8_t other[6] = {0x01, 0x00, 0x5e, 0x09, 0x09, 0x09};
static unsigned of_group, of_other;
static unsigned phase;

/* True: it ends the phase. */
static bool see(const struct pkt *pkt)
{
    struct cs_ro v = pkt_frag_view(pkt, 0);

    if (v.len < ARP_TARGET_OFF + 4)
        return false;
    if (memcmp(v.base, group, 6) == 0)
        of_group++;
    else if (memcmp(v.base, other, 6) == 0)
        of_other++;
    return v.base[0] == 0xff && cs_get_be16(v, 12) == 0x0806 &&
           cs_get_u8(v, ARP_TARGET_OFF + 3) == MARK + phase;
}

/* Looks at frames until the time is over, or one that ends the phase. True: that came. */
static bool look(uint64_t ns)
{
    uint64_t end = plat_now_ns() + ns;
    bool over = false;

    while (!over && plat_now_ns() < end) {
        struct pkt *pkt[16];
        unsigned n = netdev_rx(dev, pkt, ARRAY_SIZE(pkt));

        for (unsigned i = 0; i < n; i++) {
            over = see(pkt[i]) || over;
            pkt_put(pkt[i]);
        }
        if (n == 0 && !netdev_arm(dev))
            plat_wait(end);
    }
    return over;
}

/* Says what dom0 waits for, and looks until it has sent its frames. */
static const char *run_phase(const char *name)
{
    look(NS_PER_S / 2); /* what was asked for reaches the backend meanwhile */
    of_group = of_other = 0;
    printf("phase %u: %s\n", phase, name);
    CHECK(look(PHASE_S * NS_PER_S));
    printf("phase %u: %u frames of the group, %u of the other\n", phase, of_group, of_other);
    phase++;
    return NULL;
}

static const char *the_device_opens(struct start *start)
{
    (void)start;
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
    CHECK_EQ(plat_netdev_open(0, &pool, &dev), 0);
    CHECK(dev->ops->multicast != NULL);
    return NULL;
}

static const char *a_joined_group_arrives_and_others_do_not(struct start *start)
{
    (void)start;
    CHECK_EQ(dev->ops->multicast(dev, group, true), 0);
    TRY(run_phase("joined"));
    CHECK(of_group >= SENT);
    CHECK_EQ(of_other, 0);
    CHECK_EQ(dev->stats.multicast_refused, 0);
    return NULL;
}

static const char *a_group_that_was_left_does_not(struct start *start)
{
    (void)start;
    CHECK_EQ(dev->ops->multicast(dev, group, false), 0);
    TRY(run_phase("left"));
    CHECK_EQ(of_group, 0);
    CHECK_EQ(of_other, 0);
    return NULL;
}

static const char *packets(uint64_t rx[2])
{
    for (unsigned i = 0; i < 2; i++) {
        struct netfront_queue_stats stats;

        CHECK(netfront_queue_stats(dev, i, &stats));
        rx[i] = stats.rx_packets;
    }
    return NULL;
}

static const char *steer(uint8_t queue)
{
    uint64_t before[2], after[2];

    CHECK_EQ(netfront_steer(dev, &queue, 1), 0);
    look(NS_PER_S); /* the backend is told */
    TRY(packets(before));
    TRY(run_phase(queue == 0 ? "steered to queue 0" : "steered to queue 1"));
    TRY(packets(after));
    printf("queue 0 had %u frames, queue 1 %u\n", (unsigned)(after[0] - before[0]),
           (unsigned)(after[1] - before[1]));
    CHECK(after[queue] - before[queue] >= SENT);
    CHECK_EQ(after[1 - queue], before[1 - queue]);
    return NULL;
}

static const char *frames_come_by_the_queue_that_we_say(struct start *start)
{
    (void)start;
    TRY(steer(1));
    TRY(steer(0));
    return NULL;
}

/* Linux gives its hash along with what it hashed as we asked. */
static const char *frames_come_with_their_hash(struct start *start)
{
    (void)start;
    printf("%u frames came with a hash\n", (unsigned)dev->stats.rx_hashed);
    CHECK(dev->stats.rx_hashed >= 2 * SENT);
    return NULL;
}

static const char *the_device_closes(struct start *start)
{
    (void)start;
    CHECK_EQ(dev->stats.violations, 0);
    plat_netdev_close(dev);
    CHECK_EQ(pages.free_count, PAGES);
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct suite_case cases[] = {
        {"the_device_opens", the_device_opens},
        {"a_joined_group_arrives_and_others_do_not", a_joined_group_arrives_and_others_do_not},
        {"a_group_that_was_left_does_not", a_group_that_was_left_does_not},
        {"frames_come_by_the_queue_that_we_say", frames_come_by_the_queue_that_we_say},
        {"frames_come_with_their_hash", frames_come_with_their_hash},
        {"the_device_closes", the_device_closes},
    };

    (void)argc, (void)argv;
    return suite_run(start_get(), cases, ARRAY_SIZE(cases));
}
