/* SPDX-License-Identifier: ISC */
/* pktbench.h - between the files of pktbench. */
#ifndef APPS_PKTBENCH_PKTBENCH_H
#define APPS_PKTBENCH_PKTBENCH_H

#include "apps/common/hist.h"
#include "port.h"
#include "seq.h"

enum mode { MODE_TX, MODE_RX, MODE_ECHO, MODE_RTT, MODE_FORWARD, MODE_LOOP, MODES };
extern const char *const mode_names[MODES + 1]; /* as they are written; NULL at the end */

enum { ROWS_MAX = 16, WINDOW_MAX = 256 };
enum { QUEUES_MAX = 8, QUEUE_COUNTERS_MAX = 16 }; /* of a device, that are told of */

/* What is done. */
struct load {
    unsigned mode; /* enum mode */
    bool eth;      /* level=eth */
    uint32_t sizes[ROWS_MAX], size_count;
    uint32_t rate;    /* packets a second; 0: no limit */
    uint32_t window;  /* rtt: unanswered at once */
    uint64_t ns;      /* tx, rtt, loop: for each size; else in all; 0: until told to end */
    uint64_t idle_ns; /* rx: silence after something came that ends it; 0: none does */
    struct port_conf port;
};

/* What came of frames of one length. */
struct row {
    uint32_t frame_bytes;
    uint64_t tx_packets, tx_bytes, tx_ns; /* ns: from the first to the last */
    uint64_t rx_packets, rx_bytes, rx_first_ns, rx_last_ns;
    uint64_t refused;                /* tx: times that the device had no room; else: dropped */
    uint64_t told_sent;              /* by PAYLOAD_END; 0: it did not come */
    struct seq seqs[PORT_FLOWS_MAX]; /* of what came */
    struct hist latency;
};

/* What a device counted, in all and in each queue. */
struct counted {
    struct netdev_stats stats;
    uint64_t queues[QUEUES_MAX][QUEUE_COUNTERS_MAX];
};

struct bench {
    struct load load;
    struct port ports[2];
    unsigned port_count;
    struct page *filler;
    struct row rows[ROWS_MAX];
    unsigned row_count;
    struct row *last_row; /* of what came last */
    uint64_t came;        /* to a sink, of all lengths */
    uint64_t strangers;   /* what came and was no packet of pktbench's, or of a 17th length */
    uint64_t began_ns, end_ns, idle_ns; /* idle: slept */
    bool last_seen;                     /* PAYLOAD_LAST came */
    struct counted devices[2];          /* of this run: between count_begin and count_end */
};

/* ---- what all modes have in common (bench.c) ------------------------------------------------- */

/* The row of frames of this length, made where there is none; NULL: it would be one too many. */
struct row *bench_row(struct bench *bench, uint32_t frame_bytes);
/* Moves frames on all ports. True: there is more. */
bool bench_poll(struct bench *bench, uint64_t now_ns);
/* Tells the devices of what was queued; sleeps until then, where nothing is to be done. */
void bench_sleep(struct bench *bench, bool busy, uint64_t deadline_ns);
/* One payload of `row`'s length to the first port. 0, or the port's error. */
int bench_send(struct bench *bench, struct row *row, const struct payload *payload,
               uint64_t now_ns);
/* Counts a frame that came. */
void bench_count_rx(struct row *row, uint32_t frame_bytes, uint64_t now_ns);
/* Begin and end of what bench->devices is to have. */
void count_begin(struct bench *bench);
void count_end(struct bench *bench);
/* Missing of what was sent, as far as it is known. */
uint64_t row_lost(const struct row *row);
uint64_t row_reordered(const struct row *row);
uint64_t row_duplicates(const struct row *row);

/* ---- modes: 0, or a negative error, said ----------------------------------------------------- */

int run_tx(struct bench *bench);      /* tx.c: tx and loop */
int run_rx(struct bench *bench);      /* rx.c */
int run_rtt(struct bench *bench);     /* rtt.c */
int run_echo(struct bench *bench);    /* reflect.c */
int run_forward(struct bench *bench); /* reflect.c */

/* Takes what came to a port, as a sink (rx.c). With `clock`, the sender's clock is ours, and
 * latencies are taken. */
void sink_take_all(struct bench *bench, struct port *port, bool clock, uint64_t now_ns);

/* ---- telling (report.c) ---------------------------------------------------------------------- */

void report_text(const struct bench *bench);
void report_json(const struct bench *bench);

#endif
