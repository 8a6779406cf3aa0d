/* SPDX-License-Identifier: ISC */
/* run.h - carries out a script over a stack of its own, in virtual time. */
#ifndef PKT_RUN_H
#define PKT_RUN_H

#include "py.h"
#include "shell.h"
#include "sys.h"

enum run_verdict { RUN_PASS, RUN_FAIL, RUN_SKIP };

struct run_options {
    enum personality person;
    bool verbose;
    uint64_t seed;
    FILE *pcap;
    const struct script *init; /* commands that come before the script's own; NULL: none */
};

/* RUN_FAIL, RUN_SKIP: message says why, in lines without the last line's end. */
enum run_verdict run_script(const struct run_options *options, const struct script *script,
                            char *message, size_t room);

/* ---- between run.c and run_packet.c ---------------------------------------------------------- */

/* A packet that the stack sent and no event has taken. */
struct run_packet {
    struct run_packet *next;
    struct world_packet *bytes;
    struct wire_packet live;
    struct flow *flow; /* NULL: of no connection of the script */
};

struct run {
    const struct run_options *options;
    const struct script *script;
    struct world world;
    bool opened;
    struct sys sys;
    struct tcp_tuning tuning;
    bool rmem_set; /* the script says how large receive buffers are */
    struct py py;
    struct run_packet *queue, **queue_tail;
    const struct event *event;  /* the one at work */
    int64_t event_ns, until_ns; /* its times, resolved */
    int64_t last_ns;            /* of the event before, as the script says */
    struct {
        bool active;
        const struct event *event;
        struct call call;
        int64_t end_ns;
        int64_t last_ns;
    } blocked; /* a call that has not returned */
    enum run_verdict verdict;
    char *message;
    size_t room, used;
};

/* All of them end the run: false. */
bool run_fail(struct run *run, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool run_skip(struct run *run, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void run_add(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Moves time on; a call that blocks may return meanwhile. False: the run has ended. */
bool run_until(struct run *run, int64_t until_ns);
/* One step of that; *more is false when `until` is reached. */
bool run_step(struct run *run, int64_t until_ns, bool *more);
/* What happened at `at_ns` was in time, by the tolerance of an event of these times. */
bool run_in_time(const struct run *run, int64_t from_ns, int64_t until_ns, int64_t last_ns,
                 int64_t at_ns);
/* Packets that the stack sent are sorted to their connections. */
bool run_collect(struct run *run);

/* run_packet.c */
bool run_inbound(struct run *run, const struct packet_spec *spec);
bool run_outbound(struct run *run, const struct packet_spec *spec);
bool run_leftover(struct run *run);
void run_free_packets(struct run *run);
/* The connection that a packet of the stack is of. */
struct flow *run_flow_of_live(struct run *run, const struct wire_packet *live);

#endif
