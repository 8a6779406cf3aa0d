/* SPDX-License-Identifier: ISC */
/* bench_netfront.c - what a slot costs: netfront with grants, against the bare shared ring under
 * it.
 *
 * Bare: 64 requests are put, shown, copied out and answered by a backend in the same thread, and
 * the answers taken: io/ring.h's protocol and nothing else. Netfront: the same backend, the
 * whole driver: pages and packets from their pools, a grant for each page and its end, checks,
 * counters, events. Frames are not looked at, so no copy of the backend's is in it. Both run in
 * turn, and the medians and their ratio are printed; nanoseconds by themselves say more of the
 * machine than of the code. The last table has the simulator's netback as backend, with one
 * queue and with more, and with super-segments: its hypervisor's checks and its copies of the
 * frames, out of the pages, onto a wire that leads back, and into pages again, are in the time.
 * There the program has a burst to send in each turn of its loop, over all queues, and does not
 * sleep meanwhile.
 */
#include <time.h>

#include <morgana/cksum.h>

#include "tests/netfront/peer.c"

#define ROUNDS 15
#define BATCH 64u
#define BATCHES_A_ROUND 2000u
#define FRAME_BYTES 60u
#define TCP_HEADERS 54u /* Ethernet, IPv4, TCP */

static double now_ns(void)
{
    struct timespec t;

    /* The processor's time for us: a round is long enough that others have turns in it. */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof(*v), compare);
    return v[ROUNDS / 2];
}

/* ---- the lean backend: takes and answers all that is there, then asks for an event ----------- */

static volatile uint32_t sink;

static void answer_tx(struct ring_shared *shared, uint32_t *cons)
{
    uint8_t *slots = (uint8_t *)shared + RING_SLOTS_AT;
    uint32_t prod = READ_ONCE(shared->req_prod), sum = 0;

    rmb();
    for (; *cons != prod; ++*cons) {
        uint8_t *slot = slots + (*cons % NETFRONT_RING_SLOTS) * sizeof(struct netif_tx_request);
        struct netif_tx_request req;

        memcpy(&req, slot, sizeof(req));
        barrier();
        sum += req.gref + req.offset + req.size;
        memcpy(slot, &(struct netif_tx_response){.id = req.id, .status = NETIF_RSP_OKAY}, 4);
    }
    sink = sum;
}

static void answer_rx(struct ring_shared *shared, uint32_t *cons, uint32_t n)
{
    uint8_t *slots = (uint8_t *)shared + RING_SLOTS_AT;
    uint32_t sum = 0;

    for (; n > 0; n--, ++*cons) {
        uint8_t *slot = slots + (*cons % NETFRONT_RING_SLOTS) * sizeof(struct netif_rx_request);
        struct netif_rx_request req;

        memcpy(&req, slot, sizeof(req));
        barrier();
        sum += req.gref;
        memcpy(slot,
               &(struct netif_rx_response){
                   .id = req.id, .flags = NETRXF_data_validated, .status = FRAME_BYTES},
               sizeof(req));
    }
    sink = sum;
}

static bool push_responses(struct ring_shared *shared, uint32_t cons)
{
    uint32_t was = shared->rsp_prod;

    wmb();
    WRITE_ONCE(shared->rsp_prod, cons);
    WRITE_ONCE(shared->req_event, cons + 1);
    mb();
    return cons - READ_ONCE(shared->rsp_event) < cons - was;
}

/* ---- what is measured ------------------------------------------------------------------------ */

static uint64_t events, slots_done;

/* Nanoseconds a slot. */
static double bare(void)
{
    static _Alignas(4096) uint8_t page[4096];
    struct ring ring;
    uint32_t cons = 0, sum = 0;
    double start = now_ns();

    ring_init(&ring, page, sizeof(page), NETFRONT_TX_SLOT_BYTES, 0);
    for (uint32_t b = 0; b < BATCHES_A_ROUND; b++) {
        for (uint32_t i = 0; i < BATCH; i++) {
            netfront_tx_req_put(
                ring_request(&ring, 0),
                (struct netfront_tx_req){.gref = b, .offset = 0, .id = (uint16_t)i, .size = 60});
            ring_commit(&ring, 1);
        }
        (void)ring_push(&ring);
        answer_tx(ring.shared, &cons);
        (void)push_responses(ring.shared, cons);
        for (int n = ring_responses(&ring); n > 0; n--)
            sum += netfront_tx_rsp_get(ring_next(&ring)).id;
    }
    sink = sum;
    return (now_ns() - start) / (BATCHES_A_ROUND * BATCH);
}

static void deliver(uint32_t n)
{
    answer_rx(peer.rx.shared, &peer.rx.req_cons, n);
    if (push_responses(peer.rx.shared, peer.rx.req_cons))
        events++;
}

static void take_sent(void)
{
    answer_tx(peer.tx.shared, &peer.tx.req_cons);
    if (push_responses(peer.tx.shared, peer.tx.req_cons))
        events++;
}

/* Frames come in and are dropped. */
static double receive(void)
{
    struct pkt *got[BATCH];
    double start = now_ns();

    for (uint32_t b = 0; b < BATCHES_A_ROUND; b++) {
        deliver(BATCH);
        unsigned n = netdev_rx(peer.dev, got, BATCH);
        CHECK(n == BATCH);
        while (n > 0)
            pkt_put(got[--n]);
        (void)netdev_arm(peer.dev);
    }
    slots_done += BATCHES_A_ROUND * BATCH;
    return (now_ns() - start) / (BATCHES_A_ROUND * BATCH);
}

/* Packets are made, sent, and their pages come back. */
static double transmit(void)
{
    double start = now_ns();

    for (uint32_t b = 0; b < BATCHES_A_ROUND; b++) {
        for (uint32_t i = 0; i < BATCH; i++) {
            struct pkt *pkt = pkt_alloc(&peer.pool, PKT_HEADROOM_BYTES, FRAME_BYTES);

            CHECK(netdev_tx(peer.dev, pkt) == 0);
        }
        netdev_tx_flush(peer.dev);
        take_sent();
        (void)netdev_arm(peer.dev);
    }
    slots_done += BATCHES_A_ROUND * BATCH;
    return (now_ns() - start) / (BATCHES_A_ROUND * BATCH);
}

/* Frames come in and go out again, in the same pages. */
static double echo(void)
{
    struct pkt *got[BATCH];
    double start = now_ns();

    for (uint32_t b = 0; b < BATCHES_A_ROUND; b++) {
        deliver(BATCH);
        unsigned n = netdev_rx(peer.dev, got, BATCH);
        CHECK(n == BATCH);
        for (unsigned i = 0; i < n; i++)
            CHECK(netdev_tx(peer.dev, got[i]) == 0);
        netdev_tx_flush(peer.dev);
        take_sent();
        (void)netdev_arm(peer.dev);
    }
    slots_done += 2 * BATCHES_A_ROUND * BATCH;
    return (now_ns() - start) / (2 * BATCHES_A_ROUND * BATCH);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void table(uint32_t gnttab_version, bool keep_grants)
{
    static double (*const work[])(void) = {bare, receive, transmit, echo};
    static const char *const names[] = {"bare ring", "receive", "transmit", "echo"};
    static double v[4][ROUNDS];
    double base;

    peer_start(&(struct peer_conf){
        .seed = 1, .gnttab_version = gnttab_version, .keep_grants = keep_grants});
    CHECK(peer_open() == 0);
    events = slots_done = 0;
    for (unsigned r = 0; r < ROUNDS; r++) {
        for (unsigned w = 0; w < ARRAY_SIZE(work); w++)
            v[w][r] = work[w]();
    }
    base = median(v[0]);
    printf("\ngrant table version %u%s\n  %-10s %9s %12s\n", gnttab_version,
           keep_grants ? ", grants for sending are kept" : "", "", "ns/slot", "x bare ring");
    for (unsigned w = 0; w < ARRAY_SIZE(work); w++)
        printf("  %-10s %9.2f %12.1f\n", names[w], median(v[w]), median(v[w]) / base);
    printf("  events a slot: 1/%.0f to the backend, 1/%.0f from it; bytes copied: %llu\n",
           (double)slots_done / (double)(peer.dev->stats.tx_notify + peer.dev->stats.rx_notify),
           (double)slots_done / (double)events, (unsigned long long)peer.pool.stats.copied_bytes);
    /* The lean backend kept its place to itself. */
    peer.tx.rsp_prod = peer.tx.req_cons;
    peer.rx.rsp_prod = peer.rx.req_cons;
    peer_stop(0);
}

/* A frame of UDP, one of 64 flows; or a super-segment of TCP, whose payload is page by page. */
static struct pkt *make_frame(uint32_t len, unsigned flow, bool super)
{
    uint32_t first = super ? TCP_HEADERS : len;
    struct pkt *pkt = pkt_alloc(&peer.pool, PKT_HEADROOM_BYTES, first);
    uint8_t *at = pkt->frag[0].page->base + PKT_HEADROOM_BYTES;
    uint16_t sum;

    memset(at, 0, TCP_HEADERS);
    at[12] = 8;
    at[14] = 0x45;
    at[16] = (uint8_t)((len - 14) >> 8);
    at[17] = (uint8_t)(len - 14);
    at[23] = super ? 6 : 17;
    at[35] = (uint8_t)(flow % 64);
    if (!super)
        return pkt;
    at[46] = 5 << 4;
    sum = (uint16_t)~cksum_finish(cksum_pseudo4(0, 0, 6, (uint16_t)(len - 34)));
    at[50] = (uint8_t)(sum >> 8);
    at[51] = (uint8_t)sum;
    pkt->csum = PKT_CSUM_BLANK;
    pkt->csum_start = 34;
    pkt->csum_off = 16;
    pkt->gso_size = 1448;
    while (pkt->len < len) {
        struct page *page = page_get(&peer.pages);

        CHECK(page != NULL &&
              pkt_append_take(pkt, page, 0, u32_min(len - pkt->len, PAGE_BYTES)) == 0);
    }
    return pkt;
}

/* Takes all that came; how many frames. */
static uint64_t take_all(void)
{
    struct pkt *got[BATCH];
    uint64_t frames = 0;
    unsigned n;

    while ((n = netdev_rx(peer.dev, got, BATCH)) != 0) {
        frames += n;
        while (n > 0)
            pkt_put(got[--n]);
        peer_run();
    }
    return frames;
}

/* Frames go out, through the simulator's netback, and come back. Nanoseconds a frame and way. */
static double simulated(uint32_t len, uint32_t burst, bool super)
{
    const uint32_t turns = 50;
    uint64_t came = 0;
    double start = now_ns();

    for (uint32_t turn = 0; turn < turns; turn++) {
        for (uint32_t i = 0; i < burst; i++)
            CHECK(netdev_tx(peer.dev, make_frame(len, i, super)) == 0);
        netdev_tx_flush(peer.dev);
        peer_run();
        came += take_all();
    }
    (void)netdev_arm(peer.dev);
    peer_run();
    came += take_all();
    CHECK(came >= turns * burst);
    return (now_ns() - start) / (double)(2 * came);
}

static double slots_an_event(double slots, uint64_t n)
{
    return n == 0 ? slots : slots / (double)n;
}

static void simulated_row(uint32_t queues, uint32_t len, uint32_t burst, bool super)
{
    static double v[2][ROUNDS];
    static struct sim_queue queue;
    const struct netdev_stats *stats;
    double slots = (len + PAGE_BYTES - 1) / PAGE_BYTES + (super ? 2 : 0);

    CHECK(sim_queue_init(&queue) == 0);
    sim_queue_join(&queue, &queue);
    queue.wire.gso = true;
    peer_start(&(struct peer_conf){
        .seed = 1, .wire = &queue.wire, .vif.queues_max = queues, .off.queues_max = queues});
    CHECK(peer_open() == 0);
    CHECK(peer.nf->queue_count == queues);
    for (unsigned r = 0; r < ROUNDS; r++) {
        v[0][r] = bare();
        v[1][r] = simulated(len, burst, super);
    }
    stats = &peer.dev->stats;
    printf("  %6u %6u %10.1f %9.2f %12.1f %8.0f %9.0f %8.0f %8llu\n", queues, len, median(v[1]),
           median(v[1]) / slots, median(v[1]) / slots / median(v[0]),
           slots_an_event(slots * (double)stats->tx_packets, stats->tx_notify),
           slots_an_event(slots * (double)stats->rx_packets, stats->rx_notify),
           slots_an_event(slots * (double)(stats->tx_packets + stats->rx_packets),
                          sim_vif_stats(0)->events_to),
           (unsigned long long)peer.pool.stats.copied_bytes);
    peer_stop(0);
    sim_queue_fini(&queue);
}

static void simulated_table(void)
{
    printf(
        "\nthe simulator's netback, with its copies; flows spread over the queues\n"
        "                                                      slots for an event\n"
        "  queues  bytes   ns/frame   ns/slot  x bare ring     sent  received  from it   copied\n");
    for (uint32_t queues = 1; queues <= NETFRONT_QUEUES_MAX; queues *= 2)
        simulated_row(queues, 60, BATCH, false);
    simulated_row(1, 1514, BATCH, false);
    simulated_row(1, TCP_HEADERS + 16 * 4000, 8, true); /* a super-segment */
}

int main(void)
{
    printf("netfront: nanoseconds a slot (less is faster)\n"
           "Made by: build/host/bench/bench_netfront; compiler " __VERSION__ "\n"
           "Median of %u rounds, all interleaved; batches of %u, one thread, %u-byte frames; the "
           "loop arms after each batch\n"
           "and the backend asks for an event after each: nothing is saved by polling.\n",
           ROUNDS, BATCH, FRAME_BYTES);
    table(1, false);
    table(1, true);
    table(2, false);
    simulated_table();
    return 0;
}
