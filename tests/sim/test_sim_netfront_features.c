/* SPDX-License-Identifier: ISC */
/* test_sim_netfront_features.c - netfront against netback with every combination of what either end
 * can do without: scatter-gather, checksums left blank, super-segments, a channel for each
 * direction, queues; and wires that take super-segments and wires that do not.
 *
 * In each, segments of one page and of many pass both ways, alone and as super-segments of TCP over
 * IPv4. What arrives must be the bytes that were sent, in order, each segment with a checksum that
 * is right or blank (and then holds the pseudo-header's sum), and no longer than was agreed.
 */
#include <string.h>

#include "simguest.h"
#include "support.h"
#include "tcp_frame.h"

#include <cmocka.h>

#include <morgana/cksum.h>
#include <morgana/netfront.h>

enum {
    PAGES = 3000,
    PKTS = 800,
    FLOWS = 12,
    HEADERS = 54,
    MSS = 1446,
    SMALL = 200,
    SUPER = 40 * MSS + 77, /* in one super-segment */
    MTU = 1500,
};

static _Alignas(PAGE_BYTES) uint8_t memory[PAGES * PAGE_BYTES];
static struct page headers[PAGES];
static struct pkt pkts[PKTS];
static struct page_pool pages;
static struct pkt_pool pool;
static _Alignas(16) uint8_t storage[NETFRONT_BYTES];
static struct netdev *dev;
static struct sim_queue back, far; /* the two ends of the cable: netback's, and the test's */
static uint8_t frame[TCP_FRAME_MAX], seen[TCP_FRAME_MAX];

/* One combination. */
struct combination {
    struct sim_vif_conf vif;
    struct netfront_conf front;
    bool wire_gso;
};

static void describe(const struct combination *c)
{
    print_error("the backend has no: sg %d, csum %d, gso %d, split %d; queues %u, cuts %d; the "
                "frontend uses no: sg %d, csum %d, gso %d, split %d; queues %u; the wire takes "
                "super-segments: %d\n",
                c->vif.no_sg, c->vif.no_csum, c->vif.no_gso, c->vif.no_split, c->vif.queues_max,
                c->vif.segment, c->front.no_sg, c->front.no_csum, c->front.no_gso,
                c->front.no_split, c->front.queues_max, c->wire_gso);
}

static const struct combination *current;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            describe(current);                                                                     \
            fail_msg("%s", #condition);                                                            \
        }                                                                                          \
    } while (0)

/* ---- frames --------------------------------------------------------------------------------- */

static uint32_t sent_to[FLOWS], came_from[FLOWS]; /* bytes of each flow, in one direction */

static uint16_t pseudo(const uint8_t *f, uint32_t len)
{
    struct cs_ro v = cs_ro_of(f, len);
    return (uint16_t)~cksum_finish(
        cksum_pseudo4(cs_get_be32(v, 26), cs_get_be32(v, 30), 6, (uint16_t)(len - 34)));
}

/* The next `n` bytes of a flow in `frame`; its length. */
static uint32_t make(unsigned flow, uint32_t n, bool blank)
{
    struct tcp_frame f = {.dst_mac = 0x00163e000001,
                          .src_mac = 0x020000000009,
                          .src = 0x0a000009,
                          .dst = 0x0a000001,
                          .sport = (uint16_t)(1000 + flow),
                          .dport = (uint16_t)(7000 + 3 * flow),
                          .seq = sent_to[flow],
                          .flags = F_ACK | F_PSH,
                          .first = sent_to[flow],
                          .len = n};
    uint32_t len = (uint32_t)tcp_frame_make(frame, &f);
    if (blank)
        cs_set_be16(cs_of(frame, len), 50, pseudo(frame, len));
    sent_to[flow] += n;
    return len;
}

/* A frame that came is the next one of its flow. */
static void check(const uint8_t *f, uint32_t len, bool blank)
{
    struct cs_ro v = cs_ro_of(f, len);
    EXPECT(len > HEADERS && cs_get_be16(v, 12) == 0x0800 && cs_get_be16(v, 16) == len - 14);
    EXPECT(cksum_finish(cksum_partial(cs_sub(v, 14, 20), 0)) == 0);
    if (blank)
        EXPECT(cs_get_be16(v, 50) == pseudo(f, len));
    else
        EXPECT(cksum_finish(cksum_partial(cs_sub(v, 34, len - 34),
                                          cksum_pseudo4(cs_get_be32(v, 26), cs_get_be32(v, 30), 6,
                                                        (uint16_t)(len - 34)))) == 0);
    unsigned flow = cs_get_be16(v, 34) - 1000u;
    EXPECT(flow < FLOWS && cs_get_be32(v, 38) == came_from[flow]);
    for (uint32_t i = HEADERS; i < len; i++)
        EXPECT(f[i] == tcp_frame_byte(came_from[flow] + i - HEADERS));
    came_from[flow] += len - HEADERS;
}

static void begin(void)
{
    memset(sent_to, 0, sizeof(sent_to));
    memset(came_from, 0, sizeof(came_from));
}

static void end(void)
{
    for (unsigned i = 0; i < FLOWS; i++)
        EXPECT(sent_to[i] == came_from[i]);
}

/* ---- out ------------------------------------------------------------------------------------ */

static void take_far(void)
{
    struct sim_meta meta;
    size_t len;
    while ((len = sim_queue_take(&far, seen, sizeof(seen), &meta)) != 0) {
        if (meta.gso_size != 0)
            EXPECT(meta.gso_size == MSS && meta.blank && current->wire_gso);
        else
            EXPECT(len <= MTU + 14);
        EXPECT(!meta.blank || dev->caps.csum_tx);
        check(seen, (uint32_t)len, meta.blank);
    }
}

static void send(unsigned flow, uint32_t n, uint16_t gso_size)
{
    bool blank = dev->caps.csum_tx;
    uint32_t len = make(flow, n, blank);
    struct pkt *pkt = pkt_alloc(&pool, 128, HEADERS);
    memcpy(pkt->frag[0].page->base + 128, frame, HEADERS);
    for (uint32_t at = HEADERS; at < len;) {
        struct page *page = page_get(&pages);
        uint32_t part = u32_min(len - at, PAGE_BYTES);
        memcpy(page->base, frame + at, part);
        assert_int_equal(pkt_append_take(pkt, page, 0, part), 0);
        at += part;
    }
    if (blank) {
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = 34;
        pkt->csum_off = 16;
    }
    pkt->gso_size = gso_size;
    int err = netdev_tx(dev, pkt);
    EXPECT(err == 0);
    netdev_tx_flush(dev);
    sim_run_until_idle();
    netdev_arm(dev);
    take_far();
}

static void send_all(void)
{
    const struct sim_vif_stats *stats = sim_vif_stats(0);
    uint64_t whole = stats->tx_gso, cut = stats->tx_cut;
    begin();
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned flow = 0; flow < FLOWS; flow++) {
            send(flow, SMALL, 0);
            send(flow, MSS, 0);
            if (dev->caps.gso_max_bytes != 0 && flow % 3 == 0)
                send(flow, SUPER, MSS);
        }
    }
    end();
    bool gso = dev->caps.gso_max_bytes != 0, cuts = !current->wire_gso || current->vif.segment;
    EXPECT((stats->tx_gso != whole) == gso);
    EXPECT((stats->tx_cut != cut) == (gso && cuts));
}

/* ---- in ------------------------------------------------------------------------------------- */

static void receive_all(void)
{
    struct pkt *got[16];
    for (unsigned idle = 0; idle < 3;) {
        sim_run_until_idle();
        unsigned n = netdev_rx(dev, got, 16);
        for (unsigned i = 0; i < n; i++) {
            struct pkt *pkt = got[i];
            EXPECT(pkt_read(pkt, 0, cs_of(seen, pkt->len)));
            EXPECT(pkt->gso_size == 0 ? pkt->len <= MTU + 14 : dev->caps.gso_rx);
            EXPECT(pkt->csum == PKT_CSUM_UNKNOWN || dev->caps.csum_rx);
            check(seen, pkt->len, pkt->csum == PKT_CSUM_BLANK);
            pkt_put(pkt);
        }
        idle = n == 0 && !netdev_arm(dev) ? idle + 1 : 0;
    }
}

static void put(unsigned flow, uint32_t n, bool blank, uint16_t gso_size)
{
    struct sim_meta meta = {.blank = blank, .start = 34, .off = 16, .gso_size = gso_size};
    uint32_t len = make(flow, n, blank);
    assert_true(sim_queue_put(&back, frame, len, &meta));
}

static void receive_from_far(void)
{
    const struct sim_vif_stats *stats = sim_vif_stats(0);
    uint64_t whole = stats->rx_gso, cut = stats->rx_cut;
    begin();
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned flow = 0; flow < FLOWS; flow++) {
            put(flow, SMALL, false, 0);
            put(flow, MSS, true, 0);
            if (flow % 3 == 0)
                put(flow, SUPER, true, MSS);
        }
        receive_all();
    }
    end();
    bool gso = dev->caps.gso_rx && !current->vif.no_gso;
    EXPECT((stats->rx_gso != whole) == gso);
    EXPECT((stats->rx_cut != cut) == !gso);
    EXPECT(stats->rx_dropped == 0);
}

/* ---- combinations --------------------------------------------------------------------------- */

static unsigned queues_agreed(const struct combination *c)
{
    uint32_t asked = c->front.queues_max == 0 ? 1 : c->front.queues_max;
    return u32_min(asked, c->vif.queues_max == 0 ? 1 : c->vif.queues_max);
}

static void check_caps(const struct combination *c)
{
    bool sg = !c->vif.no_sg && !c->front.no_sg, csum = !c->vif.no_csum && !c->front.no_csum;
    bool gso = !c->vif.no_gso && !c->front.no_gso;
    EXPECT(dev->caps.csum_tx == csum);
    EXPECT((dev->caps.frags_max > 1) == sg);
    EXPECT((dev->caps.gso_max_bytes != 0) == (sg && csum && gso));
    EXPECT(sim_vif_queues(0) == queues_agreed(c));
}

/* Several queues: more than one of them has work, both ways. */
static void check_queues(void)
{
    unsigned sent = 0, received = 0, n = sim_vif_queues(0);
    for (unsigned i = 0; i < n; i++) {
        sent += sim_vifq_stats(0, i)->tx_frames != 0;
        received += sim_vifq_stats(0, i)->rx_frames != 0;
    }
    EXPECT(n == 1 || (sent > 1 && received > 1));
}

static void run(struct combination c)
{
    struct start *s = start_get();
    current = &c;
    c.vif.wire = &back.wire;
    far.wire.gso = back.wire.gso = c.wire_gso;
    sim_vif_attach(0, &c.vif);
    c.front.ev = &s->ev;
    c.front.gt = &s->gt;
    c.front.xs = &s->xs;
    c.front.pool = &pool;
    int err = netfront_open(storage, &c.front, &dev);
    EXPECT(err == 0);
    check_caps(&c);
    send_all();
    receive_from_far();
    check_queues();
    netfront_close(dev);
    EXPECT(pages.free_count == PAGES && pool.free_count == PKTS);
    EXPECT(sim_fault_count() == 0);
}

static void start(bool random)
{
    static char *argv[] = {(char *)(uintptr_t) "test", (char *)(uintptr_t) "log=error", NULL};
    struct sim_conf conf = {.seed = 1, .random = random, .vif_count = 1};
    vplat_reset(1);
    assert_int_equal(sim_queue_init(&back), 0);
    assert_int_equal(sim_queue_init(&far), 0);
    sim_queue_join(&back, &far);
    simguest_boot(&conf, 2, argv);
    page_pool_init(&pages, headers, memory, PAGES);
    pkt_pool_init(&pool, pkts, PKTS, &pages);
}

static void stop(void)
{
    simguest_shutdown();
    sim_queue_fini(&back);
    sim_queue_fini(&far);
}

static void test_a_backend_may_lack_anything(void **state)
{
    (void)state;
    start(false);
    for (unsigned bits = 0; bits < 64; bits++) {
        run((struct combination){.vif = {.no_sg = bits & 1,
                                         .no_csum = bits & 2,
                                         .no_gso = bits & 4,
                                         .no_split = bits & 8,
                                         .queues_max = (bits & 16) != 0 ? 4 : 0},
                                 .front.queues_max = 8,
                                 .wire_gso = bits & 32});
    }
    stop();
}

static void test_a_frontend_may_leave_anything(void **state)
{
    (void)state;
    start(true);
    for (unsigned bits = 0; bits < 32; bits++) {
        run((struct combination){.vif = {.queues_max = 8, .segment = bits % 5 == 0},
                                 .front = {.no_sg = bits & 1,
                                           .no_csum = bits & 2,
                                           .no_gso = bits & 4,
                                           .no_split = bits & 8,
                                           .queues_max = (bits & 16) != 0 ? 3 : 0},
                                 .wire_gso = true});
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_backend_may_lack_anything),
        cmocka_unit_test(test_a_frontend_may_leave_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
