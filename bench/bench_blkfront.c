/* SPDX-License-Identifier: ISC */
/* bench_blkfront.c - what a request costs in blkfront: 4 KiB and 1 MiB, with pages in place, as an
 * untrusted backend gets them, and with persistent grants.
 *
 * The backend is in the same thread: it copies each slot out and answers it, and looks at no data;
 * so the time is the whole driver's (grants and their ends, checks, counters, copies where there
 * are any) and a little of the ring. Modes run in turn; medians are printed.
 */
#include <time.h>

#include "tests/support/blkrig.c"

#define ROUNDS 15
#define DEPTH 32u

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Takes and answers all that is there, then asks for an event. */
static void answer_all(void)
{
    struct blkrig_queue *q = &blkrig.queue[0];
    uint32_t prod = READ_ONCE(q->shared->req_prod);

    rmb();
    for (; q->req_cons != prod; q->req_cons++, q->rsp_prod++) {
        uint8_t *slot = slot_of(q, q->req_cons);
        struct blkif_request_indirect ind;
        struct blkif_response rsp = {.status = BLKIF_RSP_OKAY};

        memcpy(&ind, slot, sizeof(ind));
        barrier();
        rsp.id = ind.id;
        rsp.operation = ind.operation == BLKIF_OP_INDIRECT ? ind.indirect_op : ind.operation;
        memcpy(slot, &rsp, sizeof(rsp));
    }
    q->shared->req_event = q->req_cons + 1;
    blkrig_push(0);
}

static struct blk_req reqs[DEPTH];
static struct blk_seg segs[DEPTH][BLKFRONT_SEGS_MAX];

static void make_requests(enum blk_op op, uint32_t pages)
{
    struct page *page = page_get(&blkrig.pages);

    /* Apart from each other: neighbours would be joined. The same pages all over. */
    for (unsigned i = 0; i < DEPTH; i++) {
        reqs[i] = (struct blk_req){.op = (uint8_t)op,
                                   .start = (uint64_t)(DEPTH - i) * pages * 2 * PAGE_BYTES,
                                   .bytes = (uint64_t)pages * PAGE_BYTES,
                                   .segs = segs[i],
                                   .seg_count = (uint16_t)pages};
        for (unsigned p = 0; p < pages; p++)
            segs[i][p] = (struct blk_seg){.page = page, .len = PAGE_BYTES};
    }
}

/* Nanoseconds a request. */
static double round_of(uint32_t depth, uint32_t batches)
{
    double start = now_ns();

    for (uint32_t b = 0; b < batches; b++) {
        struct blk_req *done[DEPTH];
        uint32_t n = 0;

        for (uint32_t i = 0; i < depth; i++)
            CHECK(blkdev_submit(blkrig.dev, &reqs[i]) == 0);
        blkdev_kick(blkrig.dev);
        (void)blkdev_arm(blkrig.dev);
        while (n < depth) {
            answer_all();
            n += blkdev_reap(blkrig.dev, done + n, depth - n);
        }
    }
    return (now_ns() - start) / ((double)depth * batches);
}

static const struct mode {
    const char *name;
    struct blkrig_conf conf;
} modes[] = {
    {"in place", {.indirect = 256, .sectors = "4194304"}},
    {"untrusted", {.indirect = 256, .sectors = "4194304", .trusted = "0"}},
    {"persistent",
     {.indirect = 256, .sectors = "4194304", .persistent = true, .bf.persistent = true}},
};

static const struct load {
    const char *name;
    enum blk_op op;
    uint32_t pages, depth, batches;
} loads[] = {
    {"4 KiB reads", BLK_READ, 1, 32, 1000},
    {"4 KiB writes", BLK_WRITE, 1, 32, 1000},
    {"1 MiB reads", BLK_READ, 256, 2, 200},
    {"1 MiB writes", BLK_WRITE, 256, 2, 200},
};

int main(void)
{
    static double times[ARRAY_SIZE(modes)][ARRAY_SIZE(loads)][ROUNDS];
    static uint64_t copied[ARRAY_SIZE(modes)][ARRAY_SIZE(loads)];
    static double per_request[ARRAY_SIZE(modes)][ARRAY_SIZE(loads)];

    for (unsigned r = 0; r < ROUNDS; r++) {
        for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
            blkrig_start(&modes[m].conf);
            CHECK(blkrig_open() == 0);
            for (unsigned l = 0; l < ARRAY_SIZE(loads); l++) {
                const struct blkdev_stats was = blkrig.dev->stats;
                uint32_t n = loads[l].depth * loads[l].batches;

                make_requests(loads[l].op, loads[l].pages);
                times[m][l][r] = round_of(loads[l].depth, loads[l].batches);
                copied[m][l] = (blkrig.dev->stats.copied_bytes - was.copied_bytes) / n;
                per_request[m][l] =
                    (double)(blkrig.dev->stats.ring_requests - was.ring_requests) / n;
                page_put(segs[0][0].page);
            }
            blkrig_stop(0);
        }
    }
    printf("blkfront: nanoseconds a request (less is faster)\n");
    printf("Made by: build/host/bench/bench_blkfront; compiler %s\n", __VERSION__);
    printf("Median of %d rounds, modes in turn; one thread; 32 of 4 KiB at once, 2 of 1 MiB\n\n",
           ROUNDS);
    for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
        printf("%-12s %12s  %s\n", modes[m].name, "ns/request", "ring requests  bytes copied");
        for (unsigned l = 0; l < ARRAY_SIZE(loads); l++) {
            qsort(times[m][l], ROUNDS, sizeof(double), compare);
            printf("  %-12s %10.0f  %13.2f  %12llu\n", loads[l].name, times[m][l][ROUNDS / 2],
                   per_request[m][l], (unsigned long long)copied[m][l]);
        }
    }
    return 0;
}
