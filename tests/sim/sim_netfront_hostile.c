/* SPDX-License-Identifier: ISC */
/* sim_netfront_hostile.c - netfront against a backend that does every wrong thing a backend can do,
 * a million steps.
 *
 * Each step is something the program does (send, receive, arm, hold packets, close, open), or
 * something the backend does: mostly what a good one does, so that there is traffic to spoil, and
 * now and then a lie. The seed decides; it is printed.
 *
 * What must hold, whatever happens:
 *   - no crash, no sanitizer's report, no assertion of ours, no fault that the simulated hypervisor
 *   sees in the guest
 *   - no page that the backend may use (an open grant or a mapping) is free, or used by anyone else
 *   - after a lie that can be known for one, the program is told: link_up is false
 *   - frames of a backend that did not lie arrive as they were sent
 *   - at the end, when the backend has let go, every page, packet and grant is back
 *
 *     MORGANA_STEPS=100000 MORGANA_SEED=7 build/san/tests/sim/sim_netfront_hostile
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <morgana/log.h>

#include "tests/netfront/hostile.h"

#include <cmocka.h>

#define HELD_MAX 200u
#define STEPS 1000000u
#define CHECK_EVERY 64u /* steps between looks at all grants */

#define VIOLATION_NAME(name, text) [NETFRONT_##name] = #name,
static const char *const violation_names[] = {NETFRONT_VIOLATIONS(VIOLATION_NAME)};

static struct {
    struct pkt *held[HELD_MAX]; /* received, not put yet */
    unsigned held_count;
    struct pkt *refused; /* by tx, with -E_AGAIN */
    uint64_t sent, received, opened, open_failed, downs, checks, retaken;
    uint64_t by_violation[NETFRONT_VIOLATION_COUNT];
} now;

/* ---- the program ----------------------------------------------------------------------------- */

/* A frame whose every byte follows from the 14th. */
static void check_frame(const struct pkt *pkt)
{
    static uint8_t bytes[18 * 4096];

    if (hostile.dirty)
        return;
    assert_true(pkt_read(pkt, 0, cs_of(bytes, pkt->len)));
    for (uint32_t i = 15; i < pkt->len; i++)
        assert_int_equal(bytes[i], (uint8_t)(bytes[14] + i - 14));
}

static struct pkt *new_frame(void)
{
    struct pkt *pkt = pkt_get(&peer.pool);
    unsigned pieces = one_in(8) ? 1 + below(PKT_FRAGS_MAX) : 1 + below(3);
    uint8_t first = (uint8_t)word();
    uint32_t at = 0;

    if (pkt == NULL)
        return NULL;
    for (unsigned i = 0; i < pieces; i++) {
        uint32_t len = one_in(10) ? below(4096) : 60 + below(600), off = below(4096 - len + 1);
        struct page *page = page_get(&peer.pages);

        if (page == NULL)
            break;
        for (uint32_t j = 0; j < len; j++, at++)
            page->base[off + j] = at < 12    ? 2
                                  : at == 12 ? 0x88
                                  : at == 13 ? 0xb5
                                             : (uint8_t)(first + at);
        (void)pkt_append_take(pkt, page, off, len);
    }
    if (one_in(4)) {
        pkt->csum = PKT_CSUM_BLANK;
        pkt->csum_start = (uint16_t)below(60);
        pkt->csum_off = (uint16_t)below(20);
    }
    return pkt;
}

static void send_one(struct pkt *pkt)
{
    struct pkt *second = NULL;
    int err;

    if (pkt == NULL)
        return;
    if (pkt != now.refused && one_in(16) && pkt->len > 0) {
        second = pkt_share(pkt, 0, pkt->len); /* as a retransmission would */
        now.retaken += second != NULL;
    }
    err = netdev_tx(peer.dev, pkt);
    if (err == 0)
        now.sent++;
    if (pkt == now.refused)
        now.refused = NULL;
    if (err == -E_AGAIN && now.refused == NULL)
        now.refused = pkt;
    else if (err != 0)
        pkt_put(pkt);
    if (second != NULL && netdev_tx(peer.dev, second) != 0)
        pkt_put(second);
}

static void receive(void)
{
    struct pkt *got[16];
    unsigned n = netdev_rx(peer.dev, got, 1 + below(16));

    for (unsigned i = 0; i < n; i++) {
        now.received++;
        check_frame(got[i]);
        if (now.held_count < HELD_MAX && one_in(3))
            now.held[now.held_count++] = got[i];
        else if (one_in(4))
            send_one(got[i]); /* an echo: the page goes from one ring to the other */
        else
            pkt_put(got[i]);
    }
}

static void put_held(unsigned n)
{
    for (; n > 0 && now.held_count > 0; n--) {
        unsigned i = below(now.held_count);

        pkt_put(now.held[i]);
        now.held[i] = now.held[--now.held_count];
    }
}

/* A program's loop, once. */
static void arm(void)
{
    if (netdev_arm(peer.dev) && now.refused != NULL)
        send_one(now.refused);
}

/* The certain lie must be known after one look at both rings. */
static void expect_down(void)
{
    if (!hostile.expect || peer.dev == NULL)
        return;
    for (unsigned i = 0; i < 300 && peer.dev->link_up; i++) {
        receive();
        arm();
    }
    if (peer.dev->link_up)
        fail_msg("a lie went unnoticed");
    hostile.expect = false;
}

static void reopen(void)
{
    if (peer.dev != NULL) {
        now.by_violation[peer.nf->violation]++;
        assert_int_equal(peer.dev->stats.violations, peer.nf->violation != NETFRONT_NO_VIOLATION);
    }
    peer_close();
    hostile.dirty = hostile.expect = false;
    peer_disconnect();
    if (one_in(50))
        sim_xs_rm(PEER_BACK "/state");
    peer_make_keys();
    vplat_console_clear();
    if (peer_open() == 0)
        now.opened++;
    else
        now.open_failed++;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* Pages that will never be free again, and why that is right. The backend had several grants of one
 * page at the end of a device's life, or the program held it too: see netfront_tx.c. */
static uint32_t lost_pages(void)
{
    uint32_t lost = 0;

    (void)gnttab_quarantine_poll(&peer.quarantine, &peer.gt, PEER_PAGES);
    for (unsigned i = 0; i < PEER_PAGES; i++) {
        const struct page *page = &peer.pages.pages[i];

        if (page->state == PAGE_FREE)
            continue;
        assert_true((page->state == PAGE_QUARANTINED && page->gref == 0) ||
                    (page->state == PAGE_HELD && page->refs == 1));
        lost++;
    }
    assert_true(lost <= 1 + now.retaken / 100);
    return lost;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool connected(void)
{
    return peer.tx.shared != NULL;
}

static void step_backend(void)
{
    if (hostile.map_count != 0 && one_in(60))
        hostile_let_go(below(hostile.map_count));
    if (!connected())
        return;
    if (one_in(25)) {
        hostile_lie();
        if (hostile.expect)
            expect_down();
        return;
    }
    if (one_in(2))
        hostile_good_tx(below(40));
    else
        hostile_good_rx();
}

static void step_program(void)
{
    switch (below(8)) {
    case 0:
    case 1:
        send_one(now.refused != NULL ? now.refused : new_frame());
        break;
    case 2:
        netdev_tx_flush(peer.dev);
        break;
    case 3:
        put_held(below(20));
        break;
    case 4:
        arm();
        break;
    case 5:
        peer_run();
        break;
    default:
        receive();
        break;
    }
    if (one_in(peer.dev->link_up && connected() ? 5000 : 10))
        reopen();
}

static void run(uint32_t gnttab_version)
{
    const char *given = getenv("MORGANA_STEPS");
    uint64_t steps = (given != NULL ? strtoull(given, NULL, 0) : STEPS) / 2;
    bool was_up = true;

    memset(&now, 0, sizeof(now));
    hostile = (struct hostile){.rng = test_seed(UINT64_C(0x6d6f7267616e61)) + gnttab_version,
                               .receive = receive};
    peer_start(
        &(struct peer_conf){.seed = hostile.rng, .mtu = "9000", .gnttab_version = gnttab_version});
    log_set_level(LOG_ERROR);
    assert_int_equal(peer_open(), 0);
    for (uint64_t i = 0; i < steps; i++) {
        if (peer.dev == NULL)
            reopen();
        else if (one_in(2))
            step_backend();
        else
            step_program();
        now.downs += was_up && (peer.dev == NULL || !peer.dev->link_up);
        was_up = peer.dev != NULL && peer.dev->link_up;
        if (i % CHECK_EVERY == 0) {
            peer_check_pages();
            assert_int_equal(sim_fault_count(), 0);
            now.checks++;
        }
        if (i % (steps / 10 + 1) == 0) {
            printf("%2" PRIu64 "%%: %" PRIu64 " frames sent, %" PRIu64 " received, %" PRIu64
                   " lies, link down %" PRIu64 " times, opened %" PRIu64 " times and %" PRIu64
                   " in vain, %u pages quarantined\n",
                   i * 100 / steps, now.sent, now.received, hostile.lies, now.downs, now.opened,
                   now.open_failed, peer.pages.quarantined);
            fflush(stdout);
        }
    }
    put_held(HELD_MAX);
    pkt_put(now.refused);
    peer_close();
    peer_check_pages();
    while (hostile.map_count > 0)
        hostile_let_go(0);
    for (unsigned i = NETFRONT_TX_RSP_PROD; i < NETFRONT_VIOLATION_COUNT; i++)
        printf("    %-12s %" PRIu64 "\n", violation_names[i], now.by_violation[i]);
    printf("%" PRIu64 " looks at all grants; %u pages lost to several grants at once\n", now.checks,
           lost_pages());
    peer_stop(lost_pages());
}

static void test_hostile_backend_grants_v1(void **state)
{
    (void)state;
    run(1);
}

static void test_hostile_backend_grants_v2(void **state)
{
    (void)state;
    run(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_backend_grants_v1),
        cmocka_unit_test(test_hostile_backend_grants_v2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
