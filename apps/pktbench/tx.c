/* SPDX-License-Identifier: ISC */
/* tx.c - the generator, alone (tx) or with the sink in one program (loop): frames of each length in
 * turn, so many a second or as fast as they go. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "pace.h"
#include "pktbench.h"

enum { BURST = 64, END_COPIES = 3 };
#define SETTLE_NS (300 * NS_PER_MS) /* for ARP before, for what is on its way after */
#define END_GAP_NS (20 * NS_PER_MS)
#define LOOK_AGAIN_NS (10 * NS_PER_MS) /* at a device that did not take a packet */

/* Only what makes no sense to go on with: for the rest the packet is counted as refused. */
static bool is_fatal(int err)
{
    return err == -E_MSGSIZE || err == -E_HOSTUNREACH || err == -E_ADDRNOTAVAIL || err == -E_ACCES;
}

static int say_error(const struct row *row, int err)
{
    LOG_ERROR("pktbench: frames of %u bytes cannot be sent: %s", row->frame_bytes, err_name(err));
    return err;
}

static void drop_all(struct bench *bench, struct port *port)
{
    struct arrival got[PORT_BATCH];
    unsigned n;

    while ((n = port->ops->recv(port, got, PORT_BATCH)) != 0) {
        bench->strangers += n;
        while (n > 0)
            pkt_put(got[--n].pkt);
    }
}

/* What came: to the sink of a loop; a sender alone wants nothing. */
static bool turn(struct bench *bench, uint64_t now)
{
    bool busy = bench_poll(bench, now);

    if (bench->load.mode == MODE_LOOP)
        sink_take_all(bench, &bench->ports[bench->port_count - 1], true, now);
    if (bench->load.mode != MODE_LOOP || bench->port_count == 2)
        drop_all(bench, &bench->ports[0]);
    return busy;
}

static void pass(struct bench *bench, uint64_t ns)
{
    uint64_t now = plat_now_ns(), end = now + ns;

    while (now < end && plat_request() == PLAT_RUN) {
        bench_sleep(bench, turn(bench, now), end);
        now = plat_now_ns();
    }
}

/* A packet that is not counted: it makes ARP find the neighbour, or says that these were all. */
static int send_mark(struct bench *bench, struct row *row, uint32_t magic)
{
    const struct payload mark = {.magic = magic, .number = (uint32_t)row->tx_packets};
    uint64_t now, end = plat_now_ns() + SETTLE_NS;
    int err;

    while ((err = bench_send(bench, row, &mark, now = plat_now_ns())) == -E_AGAIN && now < end)
        bench_sleep(bench, turn(bench, now), end);
    return is_fatal(err) ? say_error(row, err) : 0;
}

/* A burst. Gives when the next is due: at once, at its time, or when a device that is full has
 * woken us, which is asked again after a while. */
static int send_some(struct bench *bench, struct row *row, struct pace *pace, uint32_t *numbers,
                     uint64_t now, uint64_t *next_at)
{
    uint32_t due = u32_min(pace_due(pace, now), BURST);
    int err = 0;

    for (uint32_t sent = 0; sent < due && err == 0; sent++) {
        uint16_t flow = (uint16_t)(row->tx_packets % bench->load.port.flows);
        struct payload p = {PAYLOAD_DATA, numbers[flow], now, flow};

        err = bench_send(bench, row, &p, now);
        if (err != 0)
            break;
        numbers[flow]++;
        row->tx_packets++;
        row->tx_bytes += row->frame_bytes;
        pace_sent(pace, 1);
    }
    row->refused += err != 0;
    *next_at = err != 0 ? now + LOOK_AGAIN_NS : pace_at(pace);
    return is_fatal(err) ? say_error(row, err) : 0;
}

static int send_size(struct bench *bench, struct row *row)
{
    uint64_t begin = plat_now_ns(), now = begin, end = begin + bench->load.ns, next_at;
    uint32_t numbers[PORT_FLOWS_MAX] = {0};
    struct pace pace;

    pace_begin(&pace, bench->load.rate, begin);
    for (; now < end && plat_request() == PLAT_RUN; now = plat_now_ns()) {
        int err = send_some(bench, row, &pace, numbers, now, &next_at);
        bool busy = turn(bench, now);

        if (err != 0)
            return err;
        bench_sleep(bench, busy || next_at <= now, u64_min(end, next_at));
    }
    row->tx_ns = now - begin;
    return 0;
}

int run_tx(struct bench *bench)
{
    const struct load *load = &bench->load;
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < load->size_count && plat_request() == PLAT_RUN; i++) {
        struct row *row = bench_row(bench, load->sizes[i]);
        bool last = i + 1 == load->size_count;

        if (i == 0 && !load->eth) {
            err = send_mark(bench, row, PAYLOAD_END);
            pass(bench, SETTLE_NS);
        }
        if (err == 0)
            err = send_size(bench, row);
        pass(bench, SETTLE_NS);
        for (unsigned n = 0; err == 0 && n < END_COPIES; n++) {
            err = send_mark(bench, row, last ? PAYLOAD_LAST : PAYLOAD_END);
            pass(bench, END_GAP_NS);
        }
    }
    if (!load->eth && udp_error(&bench->ports[0].socks[0]) == -E_HOSTUNREACH)
        LOG_WARN("pktbench: %s does not answer: what was sent was sent to nobody",
                 fmt_ip4(load->port.to).text);
    return err;
}
