/* SPDX-License-Identifier: ISC */
/* test_tcp_attack_header.c - headers as a weapon: data offsets, every option of every length at
 * every place of the option area (CVE-2020-24337, CVE-2020-13988), lengths that lie, MSS and
 * window scale at their ends, the urgent pointer (RFC 6093). */
#include "support.h"

#include <string.h>

#include <cmocka.h>

#include "tcp_raw.h"

#define PORT 80

struct bench {
    struct raw *raw;
    struct tcp *tcp;
    tcp_t listener;
    struct raw_conn c;
};

static void setup(struct bench *b)
{
    struct tlink_conf conf = {.seed = 91, .trace = {.conns_max = 4096, .mss_floor_bytes = 536}};

    vplat_reset(1);
    b->raw = raw_new(conf);
    b->tcp = tlink_tcp(b->raw->link, 0);
    b->listener = tlink_listen(b->raw->link, 0, PORT);
    b->c = (struct raw_conn){
        .addr = IP4_ADDR(192, 0, 2, 100), .port = 5000, .our_port = PORT, .wnd = 60000, .seq = 7};
    raw_connect(b->raw, b->listener, &b->c);
}

static void teardown(struct bench *b)
{
    tcp_abort(b->tcp, b->c.conn, plat_now_ns());
    assert_int_equal(tcp_close(b->tcp, b->listener, plat_now_ns()), 0);
    tlink_pass(b->raw->link, 300 * NS_PER_S);
    raw_free(b->raw);
}

static bool alive(const struct bench *b)
{
    struct tcp_info info;

    return tcp_info(b->tcp, b->c.conn, plat_now_ns(), &info) == 0 && info.state == TCP_ESTABLISHED;
}

/* A frame whose bytes the test changes: its checksum is not made again. */
static size_t frame_bytes(const struct bench *b, uint8_t *out, uint8_t flags, uint32_t len)
{
    struct tcp_frame f = raw_next(&b->c, flags, len);

    f.dst_mac = TLINK_MAC(0);
    f.src_mac = TLINK_MAC(1);
    return tcp_frame_make(out, &f);
}

/* The checksum field such that the sum is right whatever the bytes are. */
static void fix_sum(uint8_t *bytes, size_t len)
{
    uint32_t sum = 6 + (uint32_t)(len - 34);

    bytes[50] = bytes[51] = 0;
    for (size_t i = 26; i < len; i++)
        sum += (i % 2 == 0) ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    bytes[50] = (uint8_t)(~sum >> 8);
    bytes[51] = (uint8_t)~sum;
}

/* RFC 9293 3.1: an offset less than five words, or past the end. */
static void test_every_data_offset(void **state)
{
    uint8_t bytes[200];
    struct bench b;
    uint64_t malformed;

    (void)state;
    setup(&b);
    malformed = b.tcp->stats.malformed;
    for (unsigned len = 0; len <= 44; len++) {
        for (unsigned offset = 0; offset < 16; offset++) {
            size_t n = frame_bytes(&b, bytes, F_RST, len);

            memset(bytes + 54, 1, len);
            bytes[46] = (uint8_t)(offset << 4);
            if (offset >= 5 && offset * 4 <= 20 + len)
                continue; /* right */
            fix_sum(bytes, n);
            tlink_raw_send(b.raw->link, 1, bytes, n);
            tlink_settle(b.raw->link);
            assert_true(alive(&b)); /* the RST was not looked at */
            assert_int_equal(b.tcp->stats.malformed, ++malformed);
        }
    }
    teardown(&b);
}

/* Every kind and length at each place of the option area; on SYNs, on data. Nothing but bounded
 * steps. */
static void options_everywhere(struct bench *b, uint8_t flags)
{
    for (unsigned kind = 0; kind < 256; kind += kind < 40 || kind > 250 ? 1 : 30) {
        for (unsigned len = 0; len <= 41; len++) {
            for (unsigned at = 0; at < 40; at += len < 12 ? 1 : 7) {
                uint8_t options[40];
                struct raw_conn c = b->c;
                struct tcp_frame f;

                memset(options, 1, sizeof(options));
                options[at] = (uint8_t)kind;
                if (at + 1 < 40)
                    options[at + 1] = (uint8_t)len;
                c.port = flags == F_SYN ? 6000 : c.port;
                f = raw_next(&c, flags, 0);
                f.raw = options;
                f.raw_len = sizeof(options);
                raw_send(b->raw, &f);
                if (flags == F_SYN && raw_last_of(&c) != NULL) {
                    f = raw_next(&c, F_RST, 0);
                    f.seq++;
                    raw_send(b->raw, &f);
                }
            }
        }
    }
}

static void test_every_option_of_every_length_on_a_syn(void **state)
{
    struct bench b;

    (void)state;
    setup(&b);
    options_everywhere(&b, F_SYN);
    assert_int_equal(tcp_usage(b.tcp).conns, 1);
    assert_int_equal(tcp_usage(b.tcp).syns, 0);
    assert_true(alive(&b));
    teardown(&b);
}

static void test_every_option_of_every_length_on_an_ack(void **state)
{
    struct bench b;

    (void)state;
    setup(&b);
    options_everywhere(&b, F_ACK);
    assert_true(alive(&b));
    raw_say(&b.c, F_ACK, 10);
    assert_int_equal(tcp_recv_pending(b.tcp, b.c.conn, NULL), 10);
    teardown(&b);
}

/* A frame that is shorter or longer than IPv4's total length says: drop and count, or padding. */
static void test_lengths_that_lie(void **state)
{
    uint8_t bytes[200];
    struct bench b;

    (void)state;
    setup(&b);
    for (unsigned real = 0; real <= 64; real++) {
        for (unsigned claimed = 0; claimed <= 64; claimed++) {
            uint32_t sum = 0;

            memset(bytes, 0, sizeof(bytes));
            frame_bytes(&b, bytes, F_RST | F_SYN, 64);
            bytes[17] = (uint8_t)claimed;
            bytes[24] = bytes[25] = 0;
            for (unsigned i = 14; i < 34; i += 2)
                sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
            sum = (sum & 0xffff) + (sum >> 16);
            bytes[24] = (uint8_t)(~sum >> 8);
            bytes[25] = (uint8_t)~sum;
            tlink_raw_send(b.raw->link, 1, bytes, 14 + real);
            tlink_settle(b.raw->link);
        }
    }
    assert_true(alive(&b));
    teardown(&b);
}

/* Sends `n` bytes on a connection that was opened with this SYN; the longest segment that came. */
static uint32_t longest(struct bench *b, const struct tcp_frame *how)
{
    static uint8_t bytes[8192];
    static uint16_t port = 7000;
    struct raw_conn c = {.raw = b->raw,
                         .addr = IP4_ADDR(192, 0, 2, 101),
                         .port = port++,
                         .our_port = PORT,
                         .wnd = 60000};
    struct tcp_frame syn = raw_next(&c, F_SYN, 0);
    uint32_t most = 0;

    syn.mss = how->mss;
    syn.ws = how->ws;
    syn.ws_shift = how->ws_shift;
    raw_send(b->raw, &syn);
    c.seq++;
    raw_hear(&c);
    raw_say(&c, F_ACK, 0);
    assert_int_equal(tcp_accept(b->tcp, b->listener, &c.conn), 0);
    raw_clear(b->raw);
    tcp_send(b->tcp, c.conn, cs_ro_of(bytes, sizeof(bytes)), plat_now_ns());
    tlink_settle(b->raw->link);
    for (uint32_t i = 0; i < b->raw->count; i++)
        if (raw_at(b->raw, i)->len > most)
            most = raw_at(b->raw, i)->len;
    assert_int_equal(tcp_abort(b->tcp, c.conn, plat_now_ns()), 0);
    tlink_settle(b->raw->link);
    return most;
}

/* RFC 9293 3.7.1: no option is 536; more than the MTU is the MTU. */
static void test_mss_is_536_by_default_and_never_above_the_mtu(void **state)
{
    struct bench b;
    struct tcp_frame how = {0};

    (void)state;
    setup(&b);
    assert_int_equal(longest(&b, &how), 536);
    how.mss = 1000;
    assert_int_equal(longest(&b, &how), 1000);
    how.mss = 1461;
    assert_int_equal(longest(&b, &how), 1460);
    how.mss = 65535;
    assert_int_equal(longest(&b, &how), 1460);
    teardown(&b);
}

/* RFC 7323 section 2.3: a shift greater than 14 is taken for 14. */
static void test_window_scale_is_clamped_to_14(void **state)
{
    struct bench b;

    (void)state;
    setup(&b);
    for (unsigned shift = 13; shift < 256; shift += 27) {
        struct raw_conn c = {.raw = b.raw,
                             .addr = IP4_ADDR(192, 0, 2, 102),
                             .port = (uint16_t)(8000 + shift),
                             .our_port = PORT,
                             .wnd = 1000};
        struct tcp_frame syn = raw_next(&c, F_SYN, 0);
        struct tcp_info info;

        syn.mss = 1460;
        syn.ws = true;
        syn.ws_shift = (uint8_t)shift;
        raw_send(b.raw, &syn);
        c.seq++;
        raw_hear(&c);
        raw_say(&c, F_ACK, 0);
        assert_int_equal(tcp_accept(b.tcp, b.listener, &c.conn), 0);
        assert_int_equal(tcp_info(b.tcp, c.conn, plat_now_ns(), &info), 0);
        assert_int_equal(info.snd_wscale, shift < 14 ? shift : 14);
        assert_int_equal(info.snd_wnd, 1000u << (shift < 14 ? shift : 14));
        assert_int_equal(tcp_abort(b.tcp, c.conn, plat_now_ns()), 0);
        tlink_settle(b.raw->link);
    }
    teardown(&b);
}

/* RFC 6093: the urgent pointer marks a place in the stream; every byte stays in line. */
static void test_urgent_data_stays_in_line(void **state)
{
    struct bench b;
    uint8_t got[2000];
    uint32_t first;

    (void)state;
    setup(&b);
    first = b.c.seq;
    for (unsigned i = 0; i < 20; i++) {
        struct tcp_frame f = raw_next(&b.c, F_ACK | F_URG, 100);

        f.urg = (uint16_t)(i % 5 == 0 ? 0 : i % 5 == 1 ? 65535 : i * 10);
        raw_send(b.raw, &f);
        b.c.seq += 100;
    }
    assert_int_equal(tcp_recv(b.tcp, b.c.conn, cs_of(got, sizeof(got)), plat_now_ns()), 2000);
    for (uint32_t i = 0; i < 2000; i++)
        assert_int_equal(got[i], tcp_frame_byte(first + i));
    assert_true(alive(&b));
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_data_offset),
        cmocka_unit_test(test_every_option_of_every_length_on_a_syn),
        cmocka_unit_test(test_every_option_of_every_length_on_an_ack),
        cmocka_unit_test(test_lengths_that_lie),
        cmocka_unit_test(test_mss_is_536_by_default_and_never_above_the_mtu),
        cmocka_unit_test(test_window_scale_is_clamped_to_14),
        cmocka_unit_test(test_urgent_data_stays_in_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
