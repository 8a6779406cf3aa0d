/* SPDX-License-Identifier: ISC */
/* test_parse.c - scripts become events, and what is no script becomes one clear error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../script.h"

static struct script script;
static struct lex_error error;

static bool parse(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len + 1);

    memcpy(copy, text, len + 1);
    return script_parse(&script, "test", copy, len, &script_conf_default, &error);
}

static const struct event *one(const char *text)
{
    if (!parse(text))
        fail_msg("%s: line %u: %s", text, error.line, error.text);
    assert_non_null(script.events);
    return script.events;
}

static const struct packet_spec *packet(const char *text)
{
    const struct event *event = one(text);

    assert_int_equal(event->kind, EV_PACKET);
    return &event->u.packet;
}

static int fini(void **state)
{
    (void)state;
    script_free(&script);
    return 0;
}

/* ---- times ----------------------------------------------------------------------------------- */

static void test_times(void **state)
{
    static const struct {
        const char *text;
        enum time_kind kind;
        bool range;
        int64_t at_ns, until_ns;
    } cases[] = {
        {"0 > . 1:1(0)", TIME_ABSOLUTE, false, 0, 0},
        {"1.000001 > . 1:1(0)", TIME_ABSOLUTE, false, 1000001000, 1000001000},
        {"+.1 > . 1:1(0)", TIME_RELATIVE, false, 100000000, 100000000},
        {"+0.1 > . 1:1(0)", TIME_RELATIVE, false, 100000000, 100000000},
        {"+ 2 > . 1:1(0)", TIME_RELATIVE, false, 2000000000, 2000000000},
        {"0.1~0.2 > . 1:1(0)", TIME_ABSOLUTE, true, 100000000, 200000000},
        {"+.1~+.2 > . 1:1(0)", TIME_RELATIVE, true, 100000000, 200000000},
        {"+.1~.2 > . 1:1(0)", TIME_RELATIVE, true, 100000000, 200000000},
        {"* > . 1:1(0)", TIME_ANY, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct event *event = one(cases[i].text);

        assert_int_equal(event->time, cases[i].kind);
        assert_int_equal(event->range, cases[i].range);
        assert_int_equal(event->at_ns, cases[i].at_ns);
        assert_int_equal(event->until_ns, cases[i].until_ns);
        script_free(&script);
    }
}

static void test_blocking_call_has_an_end(void **state)
{
    const struct event *event = one("+0...0.3 read(4, ..., 1000) = 1000");

    (void)state;
    assert_int_equal(event->kind, EV_CALL);
    assert_true(event->u.call.blocking);
    assert_int_equal(event->u.call.end_ns, 300000000);
    script_free(&script);
    event = one("0.100...0.200 accept(3, ..., ...) = 4");
    assert_int_equal(event->at_ns, 100000000);
    assert_int_equal(event->u.call.end_ns, 200000000);
}

/* ---- packets --------------------------------------------------------------------------------- */

static void test_flags(void **state)
{
    static const struct {
        const char *text;
        uint16_t flags;
    } cases[] = {
        {"0 > S 0:0(0)", TF_SYN},
        {"0 > S. 0:0(0)", TF_SYN | TF_ACK},
        {"0 > . 0:0(0)", TF_ACK},
        {"0 > - 0:0(0)", 0},
        {"0 > FP. 0:0(0)", TF_FIN | TF_PSH | TF_ACK},
        {"0 > R 0:0(0)", TF_RST},
        {"0 > SEW 0:0(0)", TF_SYN | TF_ECE | TF_CWR},
        {"0 > SEWA 0:0(0)", TF_SYN | TF_ECE | TF_CWR | TF_AE},
        {"0 > E. 0:0(0)", TF_ECE | TF_ACK},
        {"0 > .5 0:0(0)", TF_ACK | TF_AE | TF_ECE},
        {"0 > P.2 0:0(0)", TF_PSH | TF_ACK | TF_CWR},
        {"0 >  U. 0:0(0)", TF_URG | TF_ACK},
        {"0 >S 0:0(0)", TF_SYN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct packet_spec *p = packet(cases[i].text);

        if (p->flags != cases[i].flags)
            fail_msg("%s: flags 0x%x", cases[i].text, p->flags);
        script_free(&script);
    }
}

static void test_numbers_of_a_segment(void **state)
{
    const struct packet_spec *p = packet("0 < U. 1001:2001(1000) ack 5 win 257 urg 7");

    (void)state;
    assert_true(p->inbound);
    assert_int_equal(p->seq, 1001);
    assert_int_equal(p->len, 1000);
    assert_int_equal(p->ack, 5);
    assert_int_equal(p->win, 257);
    assert_int_equal(p->urg, 7);
    script_free(&script);

    p = packet("0 > . 4294967295:99(100) ack 4294967295");
    assert_int_equal(p->seq, UINT32_MAX);
    assert_int_equal(p->ack, UINT32_MAX);
    assert_int_equal(p->win, -1);
    script_free(&script);

    p = packet("0 > . ...(10) ack ... <...>");
    assert_true(p->seq_any && p->ack_any && p->options_any);
    assert_int_equal(p->len, 10);
    script_free(&script);

    p = packet("0 < R 5:5(0)! win 0");
    assert_true(p->seq_abs);
    script_free(&script);

    p = packet("0 > 8080 > 40000 . 7(3)");
    assert_int_equal(p->src_port, 8080);
    assert_int_equal(p->dst_port, 40000);
    assert_int_equal(p->seq, 7);
    assert_int_equal(p->len, 3);
}

static void test_options_in_any_order(void **state)
{
    const struct packet_spec *p =
        packet("0 < S 0:0(0) win 1 <eol,TS val 1 ecr 2, wscale 7,nop,sackOK,mss 1460>");
    static const uint8_t kinds[] = {OPT_EOL, OPT_TS, OPT_WSCALE, OPT_NOP, OPT_SACKOK, OPT_MSS};

    (void)state;
    assert_int_equal(p->options.count, sizeof(kinds));
    for (size_t i = 0; i < sizeof(kinds); i++)
        assert_int_equal(p->options.opt[i].kind, kinds[i]);
    assert_memory_equal(p->options.opt[1].data, "\0\0\0\1\0\0\0\2", 8);
    assert_int_equal(p->options.opt[2].data[0], 7);
    assert_memory_equal(p->options.opt[5].data, "\x05\xb4", 2);
    script_free(&script);

    p = packet("0 > . 1:1(0) ack 1 <sack 2001:3001 4001:5001,nop,nop,TS val ... ecr ...>");
    assert_int_equal(p->options.opt[0].len, 16);
    assert_memory_equal(p->options.opt[0].data + 8, "\0\0\x0f\xa1\0\0\x13\x89", 8);
    assert_true(p->options.opt[3].val_any && p->options.opt[3].ecr_any);
    script_free(&script);

    p = packet("0 > . 0:0(0) <FO 12abcdef,FOEXP 0123,md5 valid,gen-77 beef>");
    assert_int_equal(p->options.opt[0].kind, OPT_FASTOPEN);
    assert_memory_equal(p->options.opt[0].data, "\x12\xab\xcd\xef", 4);
    assert_memory_equal(p->options.opt[1].data, "\xf9\x89\x01\x23", 4);
    assert_true(p->options.opt[2].data_any);
    assert_int_equal(p->options.opt[3].kind, 77);
}

static void test_ip_fields(void **state)
{
    const struct packet_spec *p = packet("0 > [ect0] . 1:1(0)");

    (void)state;
    assert_int_equal(p->ip.tos_check, TOS_ECN);
    assert_int_equal(p->ip.tos, 2);
    script_free(&script);
    p = packet("0 > [ect01] . 1:1(0)");
    assert_int_equal(p->ip.tos_check, TOS_ECT01);
    script_free(&script);
    p = packet("0 < (tos 0x1b, ttl 4) . 1:1(0) win 1");
    assert_int_equal(p->ip.tos_check, TOS_ALL);
    assert_int_equal(p->ip.tos, 0x1b);
    assert_int_equal(p->ip.ttl, 4);
    script_free(&script);
    p = packet("0 > (dscp ef, ecn ce) . 1:1(0)");
    assert_int_equal(p->ip.tos_check, TOS_ALL);
    assert_int_equal(p->ip.tos, 46 << 2 | 3);
}

static void test_icmp_and_udp(void **state)
{
    const struct packet_spec *p =
        packet("0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]");

    (void)state;
    assert_int_equal(p->proto, PROTO_ICMP);
    assert_int_equal(p->icmp.type, 3);
    assert_int_equal(p->icmp.code, 4);
    assert_int_equal(p->icmp.mtu, 1200);
    assert_int_equal(p->icmp.echoed, PROTO_TCP);
    assert_int_equal(p->icmp.seq, 1);
    assert_int_equal(p->icmp.len, 1460);
    script_free(&script);
    p = packet("0 < icmp type_3 code_9 [udp (100)]");
    assert_int_equal(p->icmp.code, 9);
    assert_int_equal(p->icmp.echoed, PROTO_UDP);
    script_free(&script);
    p = packet("0 > udp 8080 > 53535 (1000)");
    assert_int_equal(p->proto, PROTO_UDP);
    assert_int_equal(p->len, 1000);
    assert_int_equal(p->dst_port, 53535);
    script_free(&script);
    p = packet("0 < udp (5)");
    assert_int_equal(p->src_port, 0);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void test_calls(void **state)
{
    const struct call_spec *call;

    (void)state;
    call = &one("0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)")->u.call;
    assert_string_equal(call->name, "connect");
    assert_string_equal(call->errname, "EINPROGRESS");
    assert_int_equal(call->result->num, -1);
    assert_int_equal(call->args->next->kind, X_ELLIPSIS);
    script_free(&script);

    call = &one("0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0")->u.call;
    assert_int_equal(call->args->next->next->kind, X_OR);
    assert_string_equal(call->args->next->next->kids->next->text, "O_NONBLOCK");
    script_free(&script);

    call = &one("0 fcntl(3, F_GETFL) = 0x02 (flags O_RDWR)")->u.call;
    assert_int_equal(call->result->num, 2);
    script_free(&script);

    call = &one("0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 100}, {..., 200}], "
                "msg_flags=0}, MSG_MORE) = 300")
                ->u.call;
    assert_int_equal(call->args->next->kind, X_STRUCT);
    assert_string_equal(call->args->next->kids->next->text, "msg_iov");
    assert_int_equal(call->args->next->kids->next->num, 2);
    script_free(&script);

    call = &one("0 bind(3, {sa_family = AF_INET, sin_port = htons(80), "
                "sin_addr = inet_addr(\"10.0.0.1\")}, ...) = 0")
                ->u.call;
    assert_string_equal(call->args->next->kids->next->kids->text, "htons");
    script_free(&script);

    call = &one("0 write(4, \"ab\" \"cd\"..., 4) = 4 // a remark\n")->u.call;
    assert_int_equal(call->args->next->len, 4);
}

/* ---- a whole script -------------------------------------------------------------------------- */

static void test_headers_comments_commands_code(void **state)
{
    const struct event *event = one("// one\n# two\n/* three\n four */\n"
                                    "--mtu=1000\n--tolerance_usecs=75000\n--unknown=1\n"
                                    "`sysctl -q a=1\n b=2`\n"
                                    "0 %{ assert tcpi_state == 1 }%\n"
                                    "+0 `tool`\n"
                                    "`clean up`\n");

    (void)state;
    assert_int_equal(script.conf.mtu, 1000);
    assert_int_equal(script.conf.tolerance_ns, 75000000);
    assert_int_equal(event->kind, EV_COMMAND);
    assert_int_equal(event->time, TIME_NONE);
    assert_int_equal(event->line, 8);
    event = event->next;
    assert_int_equal(event->kind, EV_CODE);
    assert_memory_equal(event->u.text.text, " assert", 7);
    assert_int_equal(event->next->kind, EV_COMMAND);
    assert_int_equal(event->next->next->time, TIME_NONE);
    assert_null(event->next->next->next);
}

static void test_definitions_and_conditions(void **state)
{
    const struct event *event = one("--define=LEN=5\n--define=BSD\n"
                                    "0 write(4, ..., LEN) = LEN\n"
                                    "#ifdef BSD\n0 close(4) = 0\n#endif\n"
                                    "#ifdef OTHER\n0 nonsense(\n#endif\n");

    (void)state;
    assert_int_equal(event->u.call.result->num, 5);
    assert_string_equal(event->next->u.call.name, "close");
    assert_null(event->next->next);
}

static void test_what_is_known_but_not_ours_is_said(void **state)
{
    static const char *const cases[] = {
        "--ip_version=ipv6\n0 > . 1:1(0)",
        "0 < ipv4 1.2.3.4 > 5.6.7.8: . 1:1(0) win 1",
        "0 < sctp: INIT",
        "0 > ipv6 ::1 > ::2: . 1:1(0)",
        "0 < (flowlabel 0x1) . 1:1(0) win 1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(parse(cases[i]));
        assert_true(script.unsupported[0] != '\0');
        script_free(&script);
    }
}

/* ---- what is wrong --------------------------------------------------------------------------- */

static void test_errors_name_line_and_what(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *words;
    } cases[] = {
        {"", 1, "without an event"},
        {"\n\n0 > X. 1:1(0)", 3, "TCP flags"},
        {"0 > . 1:5(3)", 1, "do not span"},
        {"0 > . 1:1(0) ack", 1, "acknowledgement number"},
        {"0 > . 1:1(0) win 65536", 1, "out of range"},
        {"0 > . 1:1(0) <mss>", 1, "an mss"},
        {"0 > . 1:1(0) <mss 1", 1, "',' or '>'"},
        {"0 > . 1:1(0) <frob 1>", 1, "a TCP option"},
        {"0 < . 1:1(0) win 1 <...>", 1, "must say all"},
        {"* < . 1:1(0) win 1", 1, "only an outbound"},
        {"* close(3) = 0", 1, "only an outbound"},
        {"+.2~+.1 > . 1:1(0)", 1, "backwards"},
        {"2 > . 1:1(0)\n1 > . 1:1(0)", 2, "backwards"},
        {"-1 > . 1:1(0)", 1, "below zero"},
        {"0 close(3 = 0", 1, "',' or the end"},
        {"0 close(3)", 1, "'='"},
        {"0 close(3) = ", 1, "an argument"},
        {"0 /* no end", 1, "comment without an end"},
        {"0\n`no end", 2, "command without an end"},
        {"0 %{ no end", 1, "%{ without }%"},
        {"0 write(4, \"no end", 1, "string without an end"},
        {"#ifdef\n", 1, "#ifdef without a name"},
        {"#ifdef X\n0 close(3) = 0", 1, "#ifdef without #endif"},
        {"--mtu=ten\n0 close(3) = 0", 1, "--mtu does not take"},
        {"0 \x01", 1, "no text"},
        {"hello", 1, "time in seconds"},
        {"0 > icmp frobnicated", 1, "ICMP type"},
        {"99999999999999999999 close(3) = 0", 1, "bad time"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (parse(cases[i].text))
            fail_msg("'%s' was taken for a script", cases[i].text);
        if (error.line != cases[i].line || strstr(error.text, cases[i].words) == NULL)
            fail_msg("'%s': line %u: '%s'", cases[i].text, error.line, error.text);
        script_free(&script);
    }
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

/* Scripts with bytes changed, cut and repeated: an answer, never a crash, and an error says
 * something. */
static void test_garbage_is_an_error_or_a_script(void **state)
{
    static const char text[] =
        "--tolerance_usecs=5000\n`sysctl -w net.inet.tcp.sack.enable=1`\n"
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
        "+0 < S 0:0(0) win 32792 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>\n"
        "+0 > [ect0] S. 0:0(0) ack 1 win 65535 <mss 1460,sack 1:2 3:4,md5 aa,...>\n"
        "* > P. 1:1001(1000) ack 1\n+.1~+.2 > . ...(0) ack ...\n"
        "+0...0.3 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLIN}], 1, 100) = 1 (x)\n"
        "0.5 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]\n"
        "+0 %{ assert tcpi_snd_cwnd == 10, 'x' }%\n";

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = random_below(sizeof(text));
        char *copy = malloc(len + 1);

        memcpy(copy, text, len);
        copy[len] = '\0';
        for (unsigned n = random_below(4); n > 0 && len > 0; n--)
            copy[random_below((uint32_t)len)] =
                (char)(random_below(2) ? 32 + random_below(95) : random_below(256));
        if (!script_parse(&script, "garbage", copy, len, &script_conf_default, &error))
            assert_true(error.text[0] != '\0' && error.line > 0);
        script_free(&script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_times, fini),
        cmocka_unit_test_teardown(test_blocking_call_has_an_end, fini),
        cmocka_unit_test_teardown(test_flags, fini),
        cmocka_unit_test_teardown(test_numbers_of_a_segment, fini),
        cmocka_unit_test_teardown(test_options_in_any_order, fini),
        cmocka_unit_test_teardown(test_ip_fields, fini),
        cmocka_unit_test_teardown(test_icmp_and_udp, fini),
        cmocka_unit_test_teardown(test_calls, fini),
        cmocka_unit_test_teardown(test_headers_comments_commands_code, fini),
        cmocka_unit_test_teardown(test_definitions_and_conditions, fini),
        cmocka_unit_test_teardown(test_what_is_known_but_not_ours_is_said, fini),
        cmocka_unit_test_teardown(test_errors_name_line_and_what, fini),
        cmocka_unit_test_teardown(test_garbage_is_an_error_or_a_script, fini),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
