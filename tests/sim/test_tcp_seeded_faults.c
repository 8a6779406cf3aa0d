/* SPDX-License-Identifier: ISC */
/* test_tcp_seeded_faults.c - the trace checker, given our stack with one mistake seeded into
 * what it sends, finds every one; and finds nothing where nothing was seeded. */
#include "support.h"

#include <string.h>

#include <cmocka.h>

#include "tcp_link.h"
#include "tcp_spoil.h"

struct found {
    struct tcp_spoil spoil;
    enum tcp_spoil_kind kind;
    uint64_t count[TCP_TRACE_RULE_COUNT], all;
    char first[200];
};

static void on_violation(void *arg, enum tcp_trace_rule rule, const char *text)
{
    struct found *found = arg;

    if (found->all++ == 0)
        memcpy(found->first, text, size_min(strlen(text) + 1, sizeof(found->first) - 1));
    found->count[rule]++;
}

static struct netdev *wrap(void *arg, struct netdev *inner)
{
    struct found *found = arg;

    return tcp_spoil_open(&found->spoil, found->kind, inner);
}

/* Two of our stacks exchange data over a bad link; end 1, the server, has the mistake. */
static void run(struct found *found, enum tcp_spoil_kind kind)
{
    struct tlink_conf conf = {.seed = 7,
                              .wrap = {NULL, wrap},
                              .wrap_arg = found,
                              .trace = {.watch = 2, .fail = on_violation, .arg = found}};
    struct tlink_bulk bulk = {.total = {300000, 300000}, .any_bytes = true};
    struct tlink *link;

    *found = (struct found){.kind = kind};
    for (unsigned e = 0; e < 2; e++)
        conf.dir[e] = (struct fault_dir){.loss_ppm = 30000, .delay_ns = 10 * NS_PER_MS};
    vplat_reset(1);
    link = tlink_new(&conf);
    /* A SYN-ACK gets lost: it is sent again. */
    tlink_listen(link, 1, 9);
    link->end[1].fault.conf.tx.loss_ppm = FAULT_MILLION;
    tlink_connect(link, 0, 9);
    tlink_pass(link, 1500 * NS_PER_MS);
    link->end[1].fault.conf.tx.loss_ppm = 30000;
    if (tlink_bulk_open(&bulk, link, 80))
        tlink_bulk_run(&bulk, plat_now_ns() + 60 * NS_PER_S);
    tlink_drop(link);
}

static const struct {
    enum tcp_spoil_kind kind;
    const char *name;
    enum tcp_trace_rule rule;
} seeded[] = {
    {SPOIL_WINDOW_SHRUNK, "window shrunk", TCP_TRACE_WINDOW_SHRUNK},
    {SPOIL_BYTES, "a retransmission that differs", TCP_TRACE_BYTES_DIFFER},
    {SPOIL_ACK_AHEAD, "ACK of what did not come", TCP_TRACE_ACK_UNDELIVERED},
    {SPOIL_ACK_BACK, "ACK goes back", TCP_TRACE_ACK_BACK},
    {SPOIL_TS_BACK, "timestamp goes back", TCP_TRACE_TS_BACK},
    {SPOIL_TSECR, "TSecr made up", TCP_TRACE_TSECR},
    {SPOIL_BEYOND_FIN, "data beyond FIN", TCP_TRACE_BEYOND_FIN},
    {SPOIL_FIN_MOVED, "FIN moved", TCP_TRACE_FIN_MOVED},
    {SPOIL_SEQ_WINDOW, "data beyond the window", TCP_TRACE_SEQ_WINDOW},
    {SPOIL_SACK, "SACK of what did not come", TCP_TRACE_SACK_UNDELIVERED},
    {SPOIL_SYNACK_ISN, "SYN-ACK again with another ISN", TCP_TRACE_SYN_CHANGED},
    {SPOIL_SYNACK_OPTIONS, "SYN-ACK again without options", TCP_TRACE_SYN_CHANGED},
    {SPOIL_CHECKSUM, "checksum wrong", TCP_TRACE_TCP_CHECKSUM},
    {SPOIL_ECT, "ECT on a retransmission", TCP_TRACE_ECN},
    {SPOIL_SCALE, "window scale 15", TCP_TRACE_WINDOW_SCALE},
    {SPOIL_AFTER_RST, "a segment after RST", TCP_TRACE_AFTER_RST},
    {SPOIL_NO_TS, "no timestamp", TCP_TRACE_TS_MISSING},
};

static void test_every_seeded_fault_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(seeded) / sizeof(seeded[0]); i++) {
        static struct found found;

        run(&found, seeded[i].kind);
        if (found.spoil.struck == 0)
            fail_msg("%s: never struck", seeded[i].name);
        if (found.count[seeded[i].rule] == 0)
            fail_msg("%s: struck %u times, not found (%llu others, first: %s)", seeded[i].name,
                     found.spoil.struck, (unsigned long long)found.all, found.first);
    }
}

static void test_nothing_is_found_where_nothing_is_seeded(void **state)
{
    static struct found found;

    (void)state;
    run(&found, SPOIL_NOTHING);
    if (found.all != 0)
        fail_msg("%s", found.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_seeded_fault_is_found),
        cmocka_unit_test(test_nothing_is_found_where_nothing_is_seeded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
