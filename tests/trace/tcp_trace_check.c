/* SPDX-License-Identifier: ISC */
/* tcp_trace_check.c - judges a capture: does what this end sent keep to the TCP RFCs?
 *
 *     build/host/tests/tcp_trace_check [-o ADDR] [-c] [-g] FILE.pcap
 *
 *     -o ADDR  the end that is judged, at or near which the capture was taken; without it both are,
 *              as far as one point of view allows
 *     -c       its checksums were left to a card: not verified
 *     -g       its segments may be longer than the MSS: a card cuts them
 *
 * Ethernet, pcap as tcpdump writes it. Prints what it saw, and each violation with its time; the
 * exit status is 1 where there was one, 2 where the file cannot be read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/tcp_trace_check.h"

#define FRAME_MAX 262144u

struct reader {
    FILE *file;
    bool swapped;
    uint32_t fraction_ns; /* of a time stamp's lower half */
};

static uint64_t now;

static uint32_t word(const struct reader *r, const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof(x));
    return r->swapped ? __builtin_bswap32(x) : x;
}

static bool open_file(struct reader *r, const char *path)
{
    uint8_t h[24];
    uint32_t magic;

    r->file = fopen(path, "rb");
    if (r->file == NULL || fread(h, sizeof(h), 1, r->file) != 1)
        return false;
    magic = word(r, h);
    r->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
    magic = word(r, h);
    r->fraction_ns = magic == 0xa1b23c4d ? 1 : 1000;
    return (magic == 0xa1b23c4d || magic == 0xa1b2c3d4) && word(r, h + 20) == 1;
}

/* The next frame; 0 at the end. Frames that were cut short are no more than their headers: they are
 * passed over. */
static size_t next_frame(struct reader *r, uint8_t *bytes)
{
    uint8_t h[16];

    while (fread(h, sizeof(h), 1, r->file) == 1) {
        uint32_t kept = word(r, h + 8), len = word(r, h + 12);

        if (kept > FRAME_MAX || fread(bytes, 1, kept, r->file) != kept)
            return 0;
        now = word(r, h) * NS_PER_S + (uint64_t)word(r, h + 4) * r->fraction_ns;
        if (kept == len && kept >= 34)
            return kept;
    }
    return 0;
}

static uint32_t addr_of(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void on_fail(void *arg, enum tcp_trace_rule rule, const char *text)
{
    struct tcp_trace **trace = arg;
    const char *list = tcp_trace_list(*trace), *last = list;

    for (const char *p = list; *p != '\0'; p++)
        if (*p == '\n' && p[1] != '\0')
            last = p + 1;
    printf("%s    %s\n", last, text);
    (void)rule;
}

static int judge(const char *path, uint32_t ours, struct tcp_trace_conf conf, bool no_sums)
{
    static uint8_t bytes[FRAME_MAX];
    struct reader r = {0};
    struct tcp_trace *trace;
    const struct tcp_trace_stats *stats;
    size_t len;
    int status;

    if (!open_file(&r, path)) {
        fprintf(stderr, "tcp_trace_check: %s: no Ethernet pcap file\n", path);
        return 2;
    }
    conf.fail = on_fail;
    conf.arg = &trace;
    conf.watch = ours != 0 ? 1 : 3;
    conf.middle = true;
    conf.tx_loses = ours == 0;
    conf.ack_delay_max_ns = ours != 0 ? 0 : NS_NEVER;
    trace = tcp_trace_new(&conf);
    while ((len = next_frame(&r, bytes)) != 0) {
        uint32_t src = addr_of(bytes + 26), dst = addr_of(bytes + 30);
        /* Which end is which does not matter where both are judged: it must stay the same. */
        unsigned from = ours != 0 ? src != ours : src > dst;

        if (ours != 0 && src != ours && dst != ours)
            continue;
        tcp_trace_sent(trace, from, bytes, len, now, no_sums ? TCP_TRACE_CSUM_OK : 0);
        tcp_trace_received(trace, from, bytes, len, now, TCP_TRACE_CSUM_OK);
    }
    stats = tcp_trace_stats(trace);
    printf("%s: %" PRIu64 " segments judged, %" PRIu64 " connections, %" PRIu64
           " retransmissions, %" PRIu64 " SACK blocks, %" PRIu64 " violations\n",
           path, stats->judged, stats->connections, stats->retransmissions, stats->sack_blocks,
           stats->errors);
    status = stats->errors != 0;
    tcp_trace_free(trace);
    fclose(r.file);
    return status;
}

static int usage(void)
{
    fprintf(stderr, "usage: tcp_trace_check [-o ADDR] [-c] [-g] FILE.pcap\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct tcp_trace_conf conf = {.conns_max = 65536, .mss_floor_bytes = 88};
    uint32_t ours = 0;
    bool no_sums = false;
    unsigned a[4];
    int opt;

    while ((opt = getopt(argc, argv, "o:cg")) != -1) {
        if (opt == 'o' && sscanf(optarg, "%u.%u.%u.%u", &a[0], &a[1], &a[2], &a[3]) == 4)
            ours = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
        else if (opt == 'c')
            no_sums = true;
        else if (opt == 'g')
            conf.large_send = true;
        else
            return usage();
    }
    return optind + 1 == argc ? judge(argv[optind], ours, conf, no_sums) : usage();
}
