/* SPDX-License-Identifier: ISC */
/* flow.c - from a script's numbers to the stack's, and back.
 *
 * A SYN has the number that the script gives it (mostly 0); everything later counts from there, so
 * "1:1001" is the first byte on both sides whatever the ISN was. With L the stack's ISN and S what
 * the script calls its SYN, a SYN's number differs by L - S, any other packet's by L: the script
 * counts from 0 again after the SYN. The same holds for the peer's side, whose ISN is the
 * runner's to choose: it differs with the seed, so that arithmetic wraps somewhere. */
#include <stdlib.h>
#include <string.h>

#include "flow.h"

uint8_t flow_inbound_byte(uint32_t offset)
{
    uint32_t x = offset * UINT32_C(2654435761);

    return (uint8_t)(x >> 24 ^ offset);
}

static uint8_t outbound_byte(uint32_t offset)
{
    return (uint8_t)(flow_inbound_byte(offset) ^ 0x5a);
}

uint8_t *flow_written(struct flow *flow, size_t len)
{
    uint8_t *at;

    if (len > flow->written_room - flow->written_len) {
        flow->written_room = 2 * flow->written_room + len;
        flow->written = realloc(flow->written, flow->written_room);
        if (flow->written == NULL)
            abort();
    }
    at = flow->written + flow->written_len;
    for (size_t i = 0; i < len; i++)
        at[i] = outbound_byte((uint32_t)(flow->written_len + i));
    flow->written_len += len;
    return at;
}

void flow_unwrite(struct flow *flow, size_t len)
{
    flow->written_len -= len;
}

/* ---- timestamps ------------------------------------------------------------------------------ */

void flow_learn_stamp(struct flow *flow, uint32_t script, uint32_t live)
{
    uint32_t i = flow->stamps++ % FLOW_STAMPS;

    flow->stamp[i].script = script;
    flow->stamp[i].live = live;
    if (!flow->stamped) {
        flow->stamped = true;
        flow->first_script = script;
        flow->first_live = live;
    }
}

/* What the stack sent when the script expected TSval `script`: the newest such, else as far from
 * the first as the script's is. */
static uint32_t stamp_to_live(const struct flow *flow, uint32_t script)
{
    uint32_t n = flow->stamps < FLOW_STAMPS ? flow->stamps : FLOW_STAMPS;

    for (uint32_t i = 1; i <= n; i++) {
        uint32_t at = (flow->stamps - i) % FLOW_STAMPS;

        if (flow->stamp[at].script == script)
            return flow->stamp[at].live;
    }
    return flow->stamped ? script - flow->first_script + flow->first_live : script;
}

/* ---- options --------------------------------------------------------------------------------- */

static void shift_sack(struct tcp_options *options, uint32_t by)
{
    for (unsigned i = 0; i < options->count; i++) {
        struct tcp_option *opt = &options->opt[i];

        for (unsigned at = 0; opt->kind == OPT_SACK && at + 4 <= opt->len; at += 4)
            wire_put32(opt->data + at, wire_get32(opt->data + at) + by);
    }
}

/* Its place, or OPTS_MAX. */
static unsigned find(const struct tcp_options *options, uint8_t kind, uint8_t len)
{
    for (unsigned i = 0; i < options->count; i++)
        if (options->opt[i].kind == kind && options->opt[i].len == len)
            return i;
    return OPTS_MAX;
}

/* ---- in -------------------------------------------------------------------------------------- */

static uint32_t local_base(const struct flow *flow, bool syn)
{
    return syn ? flow->local_isn - flow->script_local : flow->local_isn;
}

static uint32_t remote_base(const struct flow *flow, bool syn)
{
    return syn ? flow->remote_isn - flow->script_remote : flow->remote_isn;
}

static void learn_remote(struct flow *flow, const struct packet_spec *spec, uint32_t isn)
{
    unsigned mss = find(&spec->options, OPT_MSS, 2);

    if ((spec->flags & TF_SYN) == 0 || flow->remote_known)
        return;
    flow->remote_known = true;
    flow->script_remote = spec->seq;
    flow->remote_isn = spec->seq_abs ? spec->seq : isn;
    if (mss < OPTS_MAX)
        flow->peer_mss = (uint16_t)wire_get16(spec->options.opt[mss].data);
}

static const char *tcp_to_live(struct flow *flow, const struct packet_spec *spec,
                               uint32_t random_isn, uint8_t *payload, struct wire_packet *out)
{
    bool syn = (spec->flags & TF_SYN) != 0;
    unsigned at;
    uint32_t first;

    learn_remote(flow, spec, random_isn);
    out->flags = spec->flags;
    out->seq = spec->seq + (spec->seq_abs ? 0 : remote_base(flow, syn));
    if (spec->ack_given || (spec->flags & TF_ACK) != 0)
        out->ack = spec->ack + local_base(flow, syn);
    out->win = (uint16_t)(spec->win < 0 ? 0 : spec->win);
    out->urg = spec->urg;
    out->options = spec->options;
    shift_sack(&out->options, local_base(flow, false));
    at = find(&out->options, OPT_TS, 8);
    if (at < OPTS_MAX && (spec->flags & TF_ACK) != 0 && !out->options.opt[at].ecr_abs) {
        uint8_t *ecr = out->options.opt[at].data + 4;

        wire_put32(ecr, stamp_to_live(flow, wire_get32(ecr)));
    }
    out->len = spec->len;
    out->payload = payload;
    first = spec->seq - (syn ? flow->script_remote : 1);
    if (spec->seq_abs)
        first = spec->seq - flow->remote_isn - !syn;
    for (uint32_t i = 0; i < spec->len; i++)
        payload[i] = flow_inbound_byte(first + i);
    return NULL;
}

static void icmp_to_live(const struct flow *flow, const struct packet_spec *spec, uint8_t *payload,
                         struct wire_packet *out)
{
    const struct icmp_spec *icmp = &spec->icmp;

    out->icmp.type = icmp->type;
    out->icmp.code = icmp->code;
    out->icmp.mtu = (uint16_t)(icmp->mtu < 0 ? 0 : icmp->mtu);
    out->icmp.id = icmp->id;
    if (icmp->echoed != 0) { /* about a packet that we sent */
        out->icmp.echoed = icmp->echoed;
        out->icmp.src = flow->local_ip;
        out->icmp.dst = flow->remote_ip;
        out->icmp.src_port = flow->local_port;
        out->icmp.dst_port = flow->remote_port;
        out->icmp.seq = icmp->seq + flow->local_isn;
        out->icmp.len = icmp->len;
        return;
    }
    out->len = icmp->len > 8 ? icmp->len - 8 : 0;
    out->payload = payload;
    memset(payload, 0, out->len);
}

const char *flow_to_live(struct flow *flow, const struct packet_spec *spec,
                         const struct script_conf *conf, uint32_t random_isn, uint8_t *payload,
                         struct wire_packet *out)
{
    (void)conf;
    *out = (struct wire_packet){.inbound = true,
                                .src = flow->remote_ip,
                                .dst = flow->local_ip,
                                .proto = spec->proto,
                                .tos = spec->ip.tos,
                                .ttl = (uint8_t)(spec->ip.ttl < 0 ? 64 : spec->ip.ttl),
                                .src_port = flow->remote_port,
                                .dst_port = flow->local_port};
    if (spec->src_port != 0)
        out->src_port = spec->src_port;
    if (spec->dst_port != 0)
        out->dst_port = spec->dst_port;
    if (spec->proto == PROTO_TCP)
        return tcp_to_live(flow, spec, random_isn, payload, out);
    if (spec->proto == PROTO_ICMP) {
        icmp_to_live(flow, spec, payload, out);
        return NULL;
    }
    out->len = spec->len;
    out->payload = payload;
    memset(payload, 0, spec->len);
    return NULL;
}

/* ---- out ------------------------------------------------------------------------------------- */

void flow_learn_isn(struct flow *flow, const struct wire_packet *live)
{
    if (live->proto != PROTO_TCP || (live->flags & TF_SYN) == 0)
        return;
    flow->local_known = true;
    flow->local_isn = live->seq;
}

void flow_to_script(struct flow *flow, const struct packet_spec *spec,
                    const struct wire_packet *live, struct wire_packet *out)
{
    bool syn = (live->flags & TF_SYN) != 0;
    unsigned at = find(&live->options, OPT_TS, 8);

    *out = *live;
    if (live->proto != PROTO_TCP)
        return;
    if (spec != NULL && syn && (spec->flags & TF_SYN) != 0)
        flow->script_local = spec->seq;
    if (spec == NULL || !spec->seq_abs)
        out->seq = live->seq - local_base(flow, syn);
    if ((live->flags & TF_ACK) != 0)
        out->ack = live->ack - remote_base(flow, syn);
    shift_sack(&out->options, 0 - remote_base(flow, false));
    if (at < OPTS_MAX && flow->stamped) {
        uint8_t *val = out->options.opt[at].data;

        wire_put32(val, wire_get32(val) - flow->first_live + flow->first_script);
    }
}
