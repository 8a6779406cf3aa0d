/* SPDX-License-Identifier: ISC */
/* report.c - what was measured: lines as iperf3 prints them, JSON with its names, and the
 * results that both sides exchange. */
#include "apps/iperf3/iperf3.h"

void report_line(const char *format, ...)
{
    char line[256];
    va_list args;
    size_t n;

    va_start(args, format);
    n = fmt_vbuf(line, sizeof(line) - 1, format, args);
    va_end(args);
    if (n > sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n] = '\n';
    plat_console_write(cs_ro_of(line, n + 1));
}

/* "123.4" of a number in thousandths, at a unit that keeps three digits. */
struct scaled {
    char text[24];
};

static struct scaled scale(uint64_t value, uint64_t step, const char *const *units, unsigned n)
{
    struct scaled out;
    uint64_t unit = 1;
    unsigned i = 0;

    while (i + 1 < n && value / unit >= step) {
        unit *= step;
        i++;
    }
    fmt_buf(out.text, sizeof(out.text), "%4llu.%02llu %s", (unsigned long long)(value / unit),
            (unsigned long long)(value % unit * 100 / unit), units[i]);
    return out;
}

static struct scaled bytes_text(uint64_t bytes)
{
    static const char *const units[] = {"Bytes", "KBytes", "MBytes", "GBytes", "TBytes"};

    return scale(bytes, 1024, units, ARRAY_SIZE(units));
}

static uint64_t bits_per_s(uint64_t bytes, uint64_t ns)
{
    return ns < 1000 ? 0 : bytes * 8 * 1000 / (ns / 1000) * 1000;
}

static struct scaled rate_text(uint64_t bytes, uint64_t ns)
{
    static const char *const units[] = {"bits/sec", "Kbits/sec", "Mbits/sec", "Gbits/sec"};

    return scale(bits_per_s(bytes, ns), 1000, units, ARRAY_SIZE(units));
}

static struct counts difference(const struct counts *is, const struct counts *was)
{
    return (struct counts){.bytes = is->bytes - was->bytes,
                           .packets = is->packets - was->packets,
                           .errors = is->errors > was->errors ? is->errors - was->errors : 0,
                           .out_of_order = is->out_of_order - was->out_of_order,
                           .retransmits = is->retransmits - was->retransmits,
                           .jitter_ns = is->jitter_ns};
}

static void add(struct counts *sum, const struct counts *one)
{
    sum->bytes += one->bytes;
    sum->packets += one->packets;
    sum->errors += one->errors;
    sum->out_of_order += one->out_of_order;
    sum->retransmits += one->retransmits;
    sum->jitter_ns = one->jitter_ns > sum->jitter_ns ? one->jitter_ns : sum->jitter_ns;
}

/* ---- lines ----------------------------------------------------------------------------------- */

struct span {
    uint64_t from_ns, to_ns; /* since the test began */
};

static void line(const struct test *test, const char *who, bool sender, const struct counts *c,
                 struct span span, const char *end)
{
    char extra[64] = "";
    uint64_t ns = span.to_ns - span.from_ns;

    if (test->params.udp && !sender)
        fmt_buf(extra, sizeof(extra), "%llu.%03llu ms  %llu/%llu",
                (unsigned long long)(c->jitter_ns / NS_PER_MS),
                (unsigned long long)(c->jitter_ns / 1000 % 1000), (unsigned long long)c->errors,
                (unsigned long long)c->packets);
    else if (test->params.udp)
        fmt_buf(extra, sizeof(extra), "%llu", (unsigned long long)c->packets);
    else if (sender)
        fmt_buf(extra, sizeof(extra), "%llu", (unsigned long long)c->retransmits);
    report_line("[%3s] %3llu.%02llu-%llu.%02llu sec  %s  %s  %s %s", who,
                (unsigned long long)(span.from_ns / NS_PER_S),
                (unsigned long long)(span.from_ns / (NS_PER_S / 100) % 100),
                (unsigned long long)(span.to_ns / NS_PER_S),
                (unsigned long long)(span.to_ns / (NS_PER_S / 100) % 100),
                bytes_text(c->bytes).text, rate_text(c->bytes, ns).text, extra, end);
}

static void stream_line(const struct test *test, const struct stream *stream, bool sender,
                        const struct counts *c, struct span span, const char *end)
{
    char who[8];

    fmt_buf(who, sizeof(who), "%u", stream->id);
    line(test, who, sender, c, span, end);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* The members of one sum or stream, without the braces. */
static void json_counts(struct json_out *out, const struct test *test, const struct counts *c,
                        struct span span, bool sender)
{
    uint64_t ns = span.to_ns - span.from_ns;

    json_add(out, "\"start\":%llu.%06llu,\"end\":%llu.%06llu,\"seconds\":%llu.%06llu,",
             (unsigned long long)(span.from_ns / NS_PER_S),
             (unsigned long long)(span.from_ns / 1000 % 1000000),
             (unsigned long long)(span.to_ns / NS_PER_S),
             (unsigned long long)(span.to_ns / 1000 % 1000000), (unsigned long long)(ns / NS_PER_S),
             (unsigned long long)(ns / 1000 % 1000000));
    json_add(out, "\"bytes\":%llu,\"bits_per_second\":%llu", (unsigned long long)c->bytes,
             (unsigned long long)bits_per_s(c->bytes, ns));
    if (test->params.udp)
        json_add(out, ",\"jitter_ms\":%llu.%06llu,\"lost_packets\":%llu,\"packets\":%llu",
                 (unsigned long long)(c->jitter_ns / NS_PER_MS),
                 (unsigned long long)(c->jitter_ns % NS_PER_MS), (unsigned long long)c->errors,
                 (unsigned long long)c->packets);
    else if (sender)
        json_add(out, ",\"retransmits\":%llu", (unsigned long long)c->retransmits);
    json_add(out, ",\"sender\":%s", sender ? "true" : "false");
}

void report_interval(struct test *test, uint64_t now)
{
    struct span span = {test->last_report_ns - test->start_ns, now - test->start_ns};
    struct counts sum = {0};
    bool sender = false;

    for (unsigned i = 0; i < test->count; i++) {
        struct stream *stream = &test->streams[i];
        struct counts c = difference(&stream->now, &stream->at_report);

        add(&sum, &c);
        sender = stream->sender;
        stream->at_report = stream->now;
        if (!test->conf->json)
            stream_line(test, stream, sender, &c, span, test->omitting ? "(omitted)" : "");
    }
    if (!test->conf->json && test->count > 1)
        line(test, "SUM", sender, &sum, span, test->omitting ? "(omitted)" : "");
    if (test->conf->json) {
        json_add(&test->intervals, "%s{\"streams\":[],\"sum\":{",
                 test->intervals.len == 0 ? "" : ",");
        json_counts(&test->intervals, test, &sum, span, sender);
        json_add(&test->intervals, ",\"omitted\":%s}}", test->omitting ? "true" : "false");
    }
    test->last_report_ns = now;
}

/* Both sides of each stream: what its sender sent, what its receiver got. */
static void sides(const struct stream *stream, struct counts *sent, struct counts *received)
{
    struct counts ours = difference(&stream->now, &stream->at_start);

    *sent = stream->sender ? ours : stream->theirs;
    *received = stream->sender ? stream->theirs : ours;
}

static void end_json(const struct test *test, struct span span)
{
    static char text[PEER_TEXT_MAX];
    struct json_out out = {text, sizeof(text), 0, false};
    struct counts sent_sum = {0}, received_sum = {0};

    report_line("{\"start\":{\"test_start\":{\"protocol\":\"%s\",\"num_streams\":%u,\"blksize\":%u,"
                "\"duration\":%u,\"reverse\":%d}},",
                test->params.udp ? "UDP" : "TCP", test->params.parallel, test->params.len,
                test->params.time_s, test->params.reverse);
    plat_console_write(cs_ro_of("\"intervals\":[", 13));
    plat_console_write(cs_ro_of(test->intervals.text, test->intervals.len));
    json_add(&out, "],\n\"end\":{\"streams\":[");
    for (unsigned i = 0; i < test->count; i++) {
        struct counts sent, received;

        sides(&test->streams[i], &sent, &received);
        add(&sent_sum, &sent);
        add(&received_sum, &received);
        json_add(&out, "%s{\"sender\":{", i == 0 ? "" : ",");
        json_counts(&out, test, &sent, span, true);
        json_add(&out, "},\"receiver\":{");
        json_counts(&out, test, &received, span, false);
        json_add(&out, "}}");
    }
    json_add(&out, "],");
    if (test->params.udp) { /* where scripts for iperf3 look: what arrived */
        json_add(&out, "\"sum\":{");
        json_counts(&out, test, &received_sum, span, false);
        json_add(&out, "},");
    }
    json_add(&out, "\"sum_sent\":{");
    json_counts(&out, test, &sent_sum, span, true);
    json_add(&out, "},\"sum_received\":{");
    json_counts(&out, test, &received_sum, span, false);
    json_add(&out, "}}}\n");
    plat_console_write(cs_ro_of(out.text, out.len));
}

void report_end(struct test *test)
{
    struct span span = {0, test->end_ns - test->start_ns};
    struct counts sent_sum = {0}, received_sum = {0};

    if (test->conf->json) {
        end_json(test, span);
        return;
    }
    report_line("- - - - - - - - - - - - - - - - - - - - - - - - -");
    for (unsigned i = 0; i < test->count; i++) {
        struct counts sent, received;

        sides(&test->streams[i], &sent, &received);
        add(&sent_sum, &sent);
        add(&received_sum, &received);
        stream_line(test, &test->streams[i], true, &sent, span, "sender");
        stream_line(test, &test->streams[i], false, &received, span, "receiver");
    }
    if (test->count > 1) {
        line(test, "SUM", true, &sent_sum, span, "sender");
        line(test, "SUM", false, &received_sum, span, "receiver");
    }
}

/* ---- what the two sides tell each other ------------------------------------------------------ */

void report_results(const struct test *test, struct json_out *out)
{
    uint64_t ns = test->end_ns - test->start_ns;
    bool sender = test->count != 0 && test->streams[0].sender;

    json_add(out,
             "{\"cpu_util_total\":0,\"cpu_util_user\":0,\"cpu_util_system\":0,"
             "\"sender_has_retransmits\":%d,%s\"streams\":[",
             !test->params.udp && sender ? 1
             : test->params.udp          ? 0
                                         : -1,
             test->params.udp ? "" : "\"congestion_used\":\"cubic\",");
    for (unsigned i = 0; i < test->count; i++) {
        const struct stream *stream = &test->streams[i];
        struct counts c = difference(&stream->now, &stream->at_start);

        json_add(out,
                 "%s{\"id\":%u,\"bytes\":%llu,\"retransmits\":%lld,\"jitter\":%llu.%09llu,"
                 "\"errors\":%llu,\"packets\":%llu,\"start_time\":0,\"end_time\":%llu.%06llu}",
                 i == 0 ? "" : ",", stream->id, (unsigned long long)c.bytes,
                 stream->sender && !test->params.udp ? (long long)c.retransmits : -1ll,
                 (unsigned long long)(c.jitter_ns / NS_PER_S),
                 (unsigned long long)(c.jitter_ns % NS_PER_S), (unsigned long long)c.errors,
                 (unsigned long long)(test->params.udp ? c.packets : 0),
                 (unsigned long long)(ns / NS_PER_S), (unsigned long long)(ns / 1000 % 1000000));
    }
    json_add(out, "]}");
}

void report_take(struct test *test, struct cs_ro text)
{
    struct cs_ro array, one, value;
    size_t at = 0;

    if (!json_member(text, "streams", &array))
        return;
    while (json_element(array, &at, &one)) {
        uint64_t id = 0, jitter = 0;

        json_member_u64(one, "id", &id);
        for (unsigned i = 0; i < test->count; i++) {
            struct counts *theirs = &test->streams[i].theirs;

            if (test->streams[i].id != id)
                continue;
            json_member_u64(one, "bytes", &theirs->bytes);
            json_member_u64(one, "packets", &theirs->packets);
            json_member_u64(one, "errors", &theirs->errors);
            json_member_u64(one, "retransmits", &theirs->retransmits);
            if (json_member(one, "jitter", &value) && json_micro(value, &jitter))
                theirs->jitter_ns = jitter * 1000;
            test->streams[i].has_theirs = true;
        }
    }
}

void report_params(const struct params *params, struct json_out *out)
{
    json_add(out, "{\"%s\":true,\"omit\":%u,\"time\":%u,\"num\":%llu,\"blockcount\":%llu,",
             params->udp ? "udp" : "tcp", params->omit_s, params->time_s,
             (unsigned long long)params->bytes, (unsigned long long)params->blocks);
    json_add(out, "\"parallel\":%u,%s%s%s\"len\":%u,\"pacing_timer\":1000,", params->parallel,
             params->reverse ? "\"reverse\":true," : "",
             params->bidir ? "\"bidirectional\":true," : "",
             params->nodelay ? "\"nodelay\":true," : "", params->len);
    if (params->bandwidth != 0)
        json_add(out, "\"bandwidth\":%llu,", (unsigned long long)params->bandwidth);
    if (params->window != 0)
        json_add(out, "\"window\":%u,", params->window);
    if (params->mss != 0)
        json_add(out, "\"MSS\":%u,", params->mss);
    if (params->tos != 0)
        json_add(out, "\"TOS\":%u,", params->tos);
    if (params->counters64)
        json_add(out, "\"udp_counters_64bit\":1,");
    json_add(out, "\"client_version\":\"3.12\"}");
}

static bool take_u32(struct cs_ro text, const char *key, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value = *out;

    json_member_u64(text, key, &value);
    if (value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool report_take_params(struct cs_ro text, struct params *params)
{
    bool udp = json_member_bool(text, "udp");

    *params = (struct params){.udp = udp,
                              .parallel = 1,
                              .reverse = json_member_bool(text, "reverse"),
                              .bidir = json_member_bool(text, "bidirectional"),
                              .nodelay = json_member_bool(text, "nodelay"),
                              .counters64 = json_member_bool(text, "udp_counters_64bit"),
                              .len = udp ? UDP_LEN_DEFAULT : TCP_LEN_DEFAULT};
    json_member_u64(text, "num", &params->bytes);
    json_member_u64(text, "blockcount", &params->blocks);
    json_member_u64(text, "bandwidth", &params->bandwidth);
    return take_u32(text, "time", 0, 86400, &params->time_s) &&
           take_u32(text, "omit", 0, 600, &params->omit_s) &&
           take_u32(text, "parallel", 1, STREAMS_MAX / (params->bidir ? 2u : 1u),
                    &params->parallel) &&
           take_u32(text, "len", udp ? UDP_LEN_MIN : 1, udp ? UDP_LEN_MAX : 1u << 20,
                    &params->len) &&
           take_u32(text, "window", 0, 1u << 30, &params->window) &&
           take_u32(text, "MSS", 0, 65495, &params->mss) &&
           take_u32(text, "TOS", 0, 255, &params->tos);
}
