/* SPDX-License-Identifier: ISC */
/* test_wire.c - packets to bytes and back; a script's numbers to the stack's and back; matching. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../match.h"

static uint8_t bytes[WIRE_MAX], payload[WIRE_MAX];

static struct wire_packet segment(void)
{
    struct wire_packet p = {.proto = PROTO_TCP,
                            .src = 0x0a000001,
                            .dst = 0x0a000002,
                            .ttl = 64,
                            .src_port = 8080,
                            .dst_port = 40000,
                            .flags = TF_ACK | TF_PSH,
                            .seq = 0xfffffff0,
                            .ack = 77,
                            .win = 1000,
                            .len = 100,
                            .payload = payload};

    p.options.count = 3;
    p.options.opt[0] = (struct tcp_option){.kind = OPT_NOP};
    p.options.opt[1] = (struct tcp_option){.kind = OPT_NOP};
    p.options.opt[2] = (struct tcp_option){.kind = OPT_TS, .len = 8, .data = {0, 0, 0, 9}};
    for (size_t i = 0; i < 100; i++)
        payload[i] = (uint8_t)i;
    return p;
}

/* ---- wire.c ---------------------------------------------------------------------------------- */

static void test_a_segment_is_what_it_was(void **state)
{
    struct wire_packet p = segment(), back;
    size_t len = wire_build(&p, bytes);

    (void)state;
    assert_int_equal(len, 20 + 32 + 100);
    assert_null(wire_parse(bytes, len, &back));
    assert_int_equal(back.seq, p.seq);
    assert_int_equal(back.ack, p.ack);
    assert_int_equal(back.flags, p.flags);
    assert_int_equal(back.win, p.win);
    assert_int_equal(back.src_port, p.src_port);
    assert_int_equal(back.len, 100);
    assert_memory_equal(back.payload, payload, 100);
    assert_int_equal(back.options.count, 3);
    assert_memory_equal(back.options.opt[2].data, p.options.opt[2].data, 8);
}

static void test_a_bit_changed_is_seen(void **state)
{
    struct wire_packet p = segment(), back;
    size_t len = wire_build(&p, bytes);

    (void)state;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (wire_parse(bytes, len, &back) == NULL)
            fail_msg("bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_null(wire_parse(bytes, len, &back));
}

static void test_a_packet_cut_short_is_seen(void **state)
{
    struct wire_packet p = segment(), back;
    size_t len = wire_build(&p, bytes);

    (void)state;
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + 1);

        memcpy(exact, bytes, n);
        assert_non_null(wire_parse(exact, n, &back));
        free(exact);
    }
}

static void test_options_that_do_not_fit_are_refused(void **state)
{
    struct wire_packet p = segment();

    (void)state;
    p.options.count = 2;
    p.options.opt[0] = (struct tcp_option){.kind = OPT_SACK, .len = 32};
    p.options.opt[1] = (struct tcp_option){.kind = OPT_TS, .len = 8};
    assert_int_equal(wire_build(&p, bytes), 0);
    p.options.opt[0].len = 24;
    assert_int_not_equal(wire_build(&p, bytes), 0);
}

static void test_text(void **state)
{
    struct wire_packet p = segment();
    char text[200];

    (void)state;
    p.seq = 1;
    assert_string_equal(wire_text(&p, text, sizeof(text)),
                        "> P. 1:101(100) ack 77 win 1000 <nop,nop,TS val 9 ecr 0>");
    p.inbound = true;
    p.tos = 2;
    p.flags = TF_SYN | TF_ECE | TF_CWR;
    p.options.count = 0;
    assert_string_equal(wire_text(&p, text, sizeof(text)), "< [ect0] SEW 1:101(100) win 1000");
    assert_string_equal(wire_text(&p, text, 8), "< [ect0");
}

/* ---- flow.c ---------------------------------------------------------------------------------- */

static void test_numbers_are_mapped_both_ways(void **state)
{
    struct flow flow = {.proto = PROTO_TCP, .local_port = 8080, .remote_port = 40000};
    struct packet_spec syn = {.inbound = true, .proto = PROTO_TCP, .flags = TF_SYN, .seq = 10};
    struct packet_spec ack = {.inbound = true,
                              .proto = PROTO_TCP,
                              .flags = TF_ACK,
                              .seq = 1,
                              .ack = 1,
                              .ack_given = true,
                              .len = 4};
    struct packet_spec synack = {.proto = PROTO_TCP, .flags = TF_SYN | TF_ACK, .seq = 5};
    struct wire_packet live, script;

    (void)state;
    flow_to_live(&flow, &syn, &script_conf_default, 0xfffffffe, payload, &live);
    assert_int_equal(live.seq, 0xfffffffe);
    assert_int_equal(live.src_port, 40000);

    live = (struct wire_packet){
        .proto = PROTO_TCP, .flags = TF_SYN | TF_ACK, .seq = 1000, .ack = 0xffffffff};
    flow_learn_isn(&flow, &live);
    flow_to_script(&flow, &synack, &live, &script);
    assert_int_equal(script.seq, 5); /* as the script calls it */
    assert_int_equal(script.ack, 11);

    flow_to_live(&flow, &ack, &script_conf_default, 0, payload, &live);
    assert_int_equal(live.seq, 0xffffffff);
    assert_int_equal(live.ack, 1001);
    assert_int_equal(payload[0], flow_inbound_byte(0));
    assert_int_equal(payload[3], flow_inbound_byte(3));

    live = (struct wire_packet){.proto = PROTO_TCP, .flags = TF_ACK, .seq = 1001, .ack = 3};
    flow_to_script(&flow, NULL, &live, &script);
    assert_int_equal(script.seq, 1);
    assert_int_equal(script.ack, 5); /* past the wrap */
}

static void test_timestamps_are_mapped_by_what_was_sent(void **state)
{
    struct flow flow = {.proto = PROTO_TCP};
    struct packet_spec ack = {.inbound = true, .proto = PROTO_TCP, .flags = TF_ACK};
    struct wire_packet live, script;

    (void)state;
    ack.options.count = 1;
    ack.options.opt[0] = (struct tcp_option){.kind = OPT_TS, .len = 8};
    flow_learn_stamp(&flow, 100, 5000);
    flow_learn_stamp(&flow, 200, 5099); /* not exactly 100 later */

    wire_put32(ack.options.opt[0].data + 4, 200);
    flow_to_live(&flow, &ack, &script_conf_default, 0, payload, &live);
    assert_int_equal(wire_get32(live.options.opt[0].data + 4), 5099);
    wire_put32(ack.options.opt[0].data + 4, 150); /* never sent: as far from the first */
    flow_to_live(&flow, &ack, &script_conf_default, 0, payload, &live);
    assert_int_equal(wire_get32(live.options.opt[0].data + 4), 5050);

    wire_put32(live.options.opt[0].data, 5300);
    flow_to_script(&flow, NULL, &live, &script);
    assert_int_equal(wire_get32(script.options.opt[0].data), 400);
}

/* ---- match.c --------------------------------------------------------------------------------- */

static struct packet_spec spec_of(const struct wire_packet *p)
{
    struct packet_spec spec = {.proto = PROTO_TCP,
                               .ip = {.ttl = -1},
                               .flags = p->flags,
                               .seq = p->seq,
                               .len = p->len,
                               .ack = p->ack,
                               .ack_given = true,
                               .win = -1,
                               .options = p->options};

    return spec;
}

static void test_each_field_counts(void **state)
{
    struct wire_packet p = segment();
    struct packet_spec good = spec_of(&p), bad;
    char why[200];

    (void)state;
    assert_true(match_packet(&good, &p, &script_conf_default, why, sizeof(why)));
#define WRONG(change, words)                                                                       \
    do {                                                                                           \
        bad = good;                                                                                \
        change;                                                                                    \
        assert_false(match_packet(&bad, &p, &script_conf_default, why, sizeof(why)));              \
        if (strstr(why, words) == NULL)                                                            \
            fail_msg("%s", why);                                                                   \
    } while (0)
    WRONG(bad.seq++, "seq");
    WRONG(bad.ack++, "ack");
    WRONG(bad.len++, "length");
    WRONG(bad.flags ^= TF_PSH, "flags");
    WRONG(bad.flags ^= TF_FIN, "flags");
    WRONG(bad.win = 999, "win");
    WRONG(bad.ip.ttl = 63, "ttl");
    WRONG((bad.ip.tos_check = TOS_ECN, bad.ip.tos = 2), "ECN");
    WRONG((bad.ip.tos_check = TOS_ALL, bad.ip.tos = 4), "tos");
    WRONG(bad.proto = PROTO_UDP, "protocol");
    WRONG(bad.options.count = 2, "was not expected");
    WRONG(bad.options.opt[0] = (struct tcp_option){.kind = OPT_SACKOK}, "missing");
    WRONG(bad.options.opt[2].data[7] = 1, "TS ecr");
    bad = good;
    bad.options.count = 0;
    bad.options_any = true;
    assert_true(match_packet(&bad, &p, &script_conf_default, why, sizeof(why)));
}

static void test_order_counts_only_where_it_is_asked_for(void **state)
{
    struct script_conf strict = script_conf_default;
    struct wire_packet p = segment();
    struct packet_spec spec = spec_of(&p);
    char why[200];

    (void)state;
    strict.strict_options = true;
    spec.options.opt[0] = p.options.opt[2];
    spec.options.opt[2] = (struct tcp_option){.kind = OPT_EOL};
    assert_true(match_packet(&spec, &p, &script_conf_default, why, sizeof(why)));
    assert_false(match_packet(&spec, &p, &strict, why, sizeof(why)));
}

static void test_payload_must_be_what_was_written(void **state)
{
    struct flow flow = {.proto = PROTO_TCP};
    const uint8_t *written = flow_written(&flow, 200);
    struct wire_packet p = {.proto = PROTO_TCP, .seq = 101, .len = 100, .payload = written + 100};
    char why[200];

    (void)state;
    assert_true(match_payload(&flow, &p, why, sizeof(why)));
    p.seq = 100;
    assert_false(match_payload(&flow, &p, why, sizeof(why)));
    p.seq = 102; /* past what was written */
    assert_false(match_payload(&flow, &p, why, sizeof(why)));
    free(flow.written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_segment_is_what_it_was),
        cmocka_unit_test(test_a_bit_changed_is_seen),
        cmocka_unit_test(test_a_packet_cut_short_is_seen),
        cmocka_unit_test(test_options_that_do_not_fit_are_refused),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_numbers_are_mapped_both_ways),
        cmocka_unit_test(test_timestamps_are_mapped_by_what_was_sent),
        cmocka_unit_test(test_each_field_counts),
        cmocka_unit_test(test_order_counts_only_where_it_is_asked_for),
        cmocka_unit_test(test_payload_must_be_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
