/* SPDX-License-Identifier: ISC */
/* run_packet.c - packets of a script: those that come in, and those that must go out. */
#include <stdlib.h>
#include <string.h>

#include <morgana/random.h>

#include "match.h"
#include "run.h"

#define SEC INT64_C(1000000000)
/* How long a packet that is too late is waited for, to be able to say when it came... */
#define LATE_NS (5 * SEC)
/* ...and one that may come at any time: keepalive begins after two hours. */
#define ANY_NS (4 * 3600 * SEC)

static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static uint32_t random_isn(struct run *run)
{
    return (uint32_t)random_next(&run->sys.random);
}

/* ---- whose packet it is ---------------------------------------------------------------------- */

static struct flow *by_ports(struct run *run, uint8_t proto, uint16_t local, uint16_t remote)
{
    struct flow *flow = run->sys.flows;

    while (flow != NULL &&
           (flow->proto != proto || flow->local_port != local || flow->remote_port != remote))
        flow = flow->next;
    return flow;
}

struct flow *run_flow_of_live(struct run *run, const struct wire_packet *live)
{
    struct flow *flow;

    if (live->proto == PROTO_ICMP)
        return run->sys.current;
    flow = by_ports(run, live->proto, live->src_port, live->dst_port);
    return flow != NULL && flow->remote_ip == live->dst ? flow : NULL;
}

bool run_collect(struct run *run)
{
    struct world *world = &run->world;
    struct world_packet *sent;

    while ((sent = world->sent) != NULL) {
        struct run_packet *packet = calloc(1, sizeof(*packet));
        const char *wrong;

        if (packet == NULL)
            abort();
        world->sent = sent->next;
        if (world->sent == NULL)
            world->sent_tail = &world->sent;
        packet->bytes = sent;
        *run->queue_tail = packet;
        run->queue_tail = &packet->next;
        wrong = wire_parse(sent->bytes, sent->len, &packet->live);
        if (wrong != NULL)
            return run_fail(run, run->event != NULL ? run->event->line : 0,
                            "at %.6f the stack sent %s", seconds(sent->at_ns), wrong);
        packet->live.at_ns = sent->at_ns;
        packet->flow = run_flow_of_live(run, &packet->live);
        if (packet->flow != NULL)
            flow_learn_isn(packet->flow, &packet->live);
    }
    return true;
}

static void free_packet(struct run_packet *packet)
{
    free(packet->bytes);
    free(packet);
}

void run_free_packets(struct run *run)
{
    struct run_packet *packet;

    while ((packet = run->queue) != NULL) {
        run->queue = packet->next;
        free_packet(packet);
    }
    run->queue_tail = &run->queue;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* The connection of an inbound packet: the one that is there, or a new one. */
static struct flow *inbound_flow(struct run *run, const struct packet_spec *spec)
{
    struct sys *sys = &run->sys;
    uint16_t local = spec->dst_port != 0 ? spec->dst_port : sys->conf->bind_port;
    uint16_t remote = spec->src_port;
    bool syn = spec->proto == PROTO_TCP && (spec->flags & (TF_SYN | TF_ACK)) == TF_SYN;
    struct flow *flow;

    if (remote != 0) {
        flow = by_ports(run, spec->proto, local, remote);
        if (flow != NULL)
            return sys->current = flow;
    } else if (sys->current != NULL && !(syn && sys->awaits_syn)) {
        return sys->current;
    }
    if (remote == 0)
        remote = (uint16_t)(32768 + random_isn(run) % 28000);
    if (syn)
        sys->awaits_syn = false;
    return sys_new_flow(sys, spec->proto == PROTO_ICMP ? PROTO_TCP : spec->proto, local, remote);
}

/* Payload of each segment that a packet longer than the MTU stands for. */
static uint32_t gso_size(const struct run *run, const struct flow *flow, size_t total,
                         uint32_t payload)
{
    const struct script_conf *conf = &run->script->conf;
    uint32_t headers = (uint32_t)total - payload, most = conf->mtu - headers;

    if (total <= conf->mtu)
        return 0;
    if (conf->mss != 0 && conf->mss < most)
        return conf->mss;
    return flow->peer_mss != 0 && flow->peer_mss < most ? flow->peer_mss : most;
}

bool run_inbound(struct run *run, const struct packet_spec *spec)
{
    static uint8_t payload[WIRE_MAX + 1], bytes[WIRE_MAX];
    unsigned line = run->event->line;
    struct flow *flow = inbound_flow(run, spec);
    struct wire_packet live, shown;
    char text[512];
    size_t len;

    flow_to_live(flow, spec, &run->script->conf, random_isn(run), payload, &live);
    len = wire_build(&live, bytes);
    if (len == 0)
        return run_fail(run, line, "this packet does not fit into 65535 bytes");
    if (run->options->verbose) {
        match_spec_packet(spec, &shown);
        printf("%12.6f %s\n", seconds(world_time(&run->world)),
               wire_text(&shown, text, sizeof(text)));
    }
    if (!world_inject(&run->world, bytes, len,
                      spec->proto == PROTO_TCP ? gso_size(run, flow, len, live.len) : 0))
        return run_fail(run, line, "the device has no page left for this packet");
    run->sys.current = flow;
    if (run->world.error[0] != '\0')
        return run_fail(run, line, "%s", run->world.error);
    return run_collect(run) && run_step(run, world_time(&run->world), &(bool){false});
}

/* ---- out ------------------------------------------------------------------------------------- */

static bool wanted(const struct run *run, const struct packet_spec *spec, const struct flow *flow,
                   const struct run_packet *packet)
{
    (void)run;
    /* What ICMP says to a script about TCP is only heard where it is expected. */
    if (packet->live.proto == PROTO_ICMP && spec->proto != PROTO_ICMP)
        return false;
    if (spec->src_port != 0 || spec->dst_port != 0)
        return packet->live.src_port == spec->src_port && packet->live.dst_port == spec->dst_port;
    return packet->flow == flow || (flow == NULL && packet->flow == NULL);
}

/* The next packet of the connection, when it comes; *out NULL: none came until `limit`. */
static bool next_packet(struct run *run, const struct packet_spec *spec, struct flow *flow,
                        int64_t limit, struct run_packet **out)
{
    bool more = true;

    for (;;) {
        struct run_packet **at = &run->queue;

        while (*at != NULL && !wanted(run, spec, flow, *at))
            at = &(*at)->next;
        if (*at != NULL) {
            *out = *at;
            *at = (*out)->next;
            if (*at == NULL)
                run->queue_tail = at;
            return true;
        }
        *out = NULL;
        if (!more)
            return true;
        if (!run_step(run, limit, &more))
            return false;
    }
}

static void add_expected(struct run *run, const struct packet_spec *spec)
{
    struct wire_packet shown;
    const struct event *event = run->event;
    char text[512];

    match_spec_packet(spec, &shown);
    wire_text(&shown, text, sizeof(text));
    if (event->time == TIME_ANY)
        run_add(run, "\n    expected     any time %s", text);
    else if (event->range)
        run_add(run, "\n    expected %.6f~%.6f %s", seconds(run->event_ns), seconds(run->until_ns),
                text);
    else
        run_add(run, "\n    expected %12.6f %s", seconds(run->event_ns), text);
}

static void add_got(struct run *run, const struct wire_packet *packet, int64_t at_ns)
{
    char text[512];

    run_add(run, "\n    got      %12.6f %s", seconds(at_ns), wire_text(packet, text, sizeof(text)));
}

static bool mismatch(struct run *run, const struct packet_spec *spec, const struct wire_packet *got,
                     int64_t at_ns, const char *why)
{
    run_fail(run, run->event->line, "%s", why);
    add_expected(run, spec);
    add_got(run, got, at_ns);
    return false;
}

static bool missing(struct run *run, const struct packet_spec *spec, int64_t limit)
{
    run_fail(run, run->event->line, "no packet came until %.6f", seconds(limit));
    add_expected(run, spec);
    return false;
}

/* The segments of one super-segment of the script: each goes on where the last ended. */
static bool joins(const struct wire_packet *whole, const struct wire_packet *part)
{
    return part->len > 0 && part->seq == whole->seq + whole->len && part->ack == whole->ack &&
           (part->flags & (TF_SYN | TF_RST | TF_URG)) == 0 && (whole->flags & TF_FIN) == 0;
}

/* Gathers segments until there are as many bytes as the script's packet has. */
static bool gather(struct run *run, const struct packet_spec *spec, struct flow *flow,
                   struct wire_packet *whole, int64_t limit)
{
    char why[200];

    while (whole->len < spec->len) {
        struct run_packet *packet;
        struct wire_packet part;
        bool joined;
        int64_t at;

        if (!next_packet(run, spec, flow, limit, &packet))
            return false;
        if (packet == NULL) {
            snprintf(why, sizeof(why), "only %u bytes came until %.6f", whole->len, seconds(limit));
            return mismatch(run, spec, whole, whole->at_ns, why);
        }
        flow_to_script(flow, spec, &packet->live, &part);
        at = part.at_ns;
        joined = joins(whole, &part) && match_payload(flow, &part, why, sizeof(why));
        free_packet(packet);
        if (!joined)
            return mismatch(run, spec, &part, at,
                            "this segment does not go on where the last one "
                            "ended");
        whole->len += part.len;
        whole->flags = (uint16_t)((whole->flags & ~TF_PSH) | part.flags);
        whole->win = part.win;
        whole->at_ns = at;
    }
    return true;
}

static void learn_stamp(struct flow *flow, const struct packet_spec *spec,
                        const struct wire_packet *live)
{
    const struct tcp_option *want = NULL, *got = NULL;
    uint32_t val;

    for (unsigned i = 0; i < spec->options.count; i++)
        if (spec->options.opt[i].kind == OPT_TS)
            want = &spec->options.opt[i];
    for (unsigned i = 0; i < live->options.count; i++)
        if (live->options.opt[i].kind == OPT_TS && live->options.opt[i].len == 8)
            got = &live->options.opt[i];
    if (want == NULL || got == NULL)
        return;
    val = wire_get32(got->data);
    if (!want->val_any)
        flow_learn_stamp(flow, wire_get32(want->data), val);
    else if (flow->stamped)
        flow_learn_stamp(flow, val - flow->first_live + flow->first_script, val);
}

static bool match_live(struct run *run, const struct packet_spec *spec, struct flow *flow,
                       const struct run_packet *packet, int64_t limit)
{
    struct wire_packet got;
    char why[240];

    learn_stamp(flow, spec, &packet->live);
    flow_to_script(flow, spec, &packet->live, &got);
    if (!match_payload(flow, &got, why, sizeof(why)))
        return mismatch(run, spec, &got, got.at_ns, why);
    if (spec->proto == PROTO_TCP && got.len > 0 && got.len < spec->len &&
        !run->script->conf.strict_segments && !gather(run, spec, flow, &got, limit))
        return false;
    if (!match_packet(spec, &got, &run->script->conf, why, sizeof(why)))
        return mismatch(run, spec, &got, got.at_ns, why);
    if (run->event->time != TIME_ANY &&
        !run_in_time(run, run->event_ns, run->until_ns, run->last_ns, got.at_ns))
        return mismatch(run, spec, &got, got.at_ns,
                        got.at_ns < run->event_ns ? "it came too early" : "it came too late");
    if (run->options->verbose)
        printf("%12.6f %s\n", seconds(got.at_ns), wire_text(&got, why, sizeof(why)));
    return true;
}

bool run_outbound(struct run *run, const struct packet_spec *spec)
{
    struct flow *flow = run->sys.current;
    struct run_packet *packet;
    int64_t limit, from = world_time(&run->world);
    bool ok;

    limit = run->event->time == TIME_ANY ? from + ANY_NS : run->until_ns + LATE_NS;
    if (spec->src_port != 0 && by_ports(run, spec->proto, spec->src_port, spec->dst_port) != NULL)
        flow = by_ports(run, spec->proto, spec->src_port, spec->dst_port);
    if (flow == NULL)
        return run_fail(run, run->event->line, "no connection that this packet could be of");
    if (!next_packet(run, spec, flow, limit, &packet))
        return false;
    if (packet == NULL)
        return missing(run, spec, limit);
    ok = match_live(run, spec, flow, packet, limit);
    free_packet(packet);
    return ok;
}

/* Everything that was sent must have been expected. */
bool run_leftover(struct run *run)
{
    struct run_packet *packet = run->queue;
    struct wire_packet got;

    if (packet == NULL)
        return true;
    got = packet->live;
    if (packet->flow != NULL)
        flow_to_script(packet->flow, NULL, &packet->live, &got);
    run_fail(run, run->event->line, "a packet that no event expected");
    add_got(run, &got, packet->bytes->at_ns);
    return false;
}
