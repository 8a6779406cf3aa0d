/* SPDX-License-Identifier: ISC */
/* match.c - a packet against what a script expects of it, field by field. */
#include <stdio.h>
#include <string.h>

#include "match.h"

struct verdict {
    char *why;
    size_t room;
};

static bool differ(struct verdict *v, const char *field, unsigned long want, unsigned long got)
{
    snprintf(v->why, v->room, "%s is %lu, not %lu", field, got, want);
    return false;
}

static bool equal(struct verdict *v, const char *field, unsigned long want, unsigned long got)
{
    return want == got || differ(v, field, want, got);
}

/* ---- IPv4 ------------------------------------------------------------------------------------ */

static bool match_ip(const struct ip_spec *want, const struct wire_packet *got, struct verdict *v)
{
    static const char *const ecn[] = {"noecn", "ect1", "ect0", "ce"};

    if (want->ttl >= 0 && !equal(v, "ttl", (unsigned long)want->ttl, got->ttl))
        return false;
    if (want->tos_check == TOS_ECN && (want->tos & 3) != (got->tos & 3)) {
        snprintf(v->why, v->room, "ECN is %s, not %s", ecn[got->tos & 3], ecn[want->tos & 3]);
        return false;
    }
    if (want->tos_check == TOS_ECT01 && (got->tos & 3) != 1 && (got->tos & 3) != 2) {
        snprintf(v->why, v->room, "ECN is %s, not ect0 or ect1", ecn[got->tos & 3]);
        return false;
    }
    if (want->tos_check == TOS_DSCP)
        return equal(v, "dscp", want->tos >> 2, got->tos >> 2);
    return want->tos_check != TOS_ALL || equal(v, "tos", want->tos, got->tos);
}

/* ---- TCP options ----------------------------------------------------------------------------- */

static bool padding(const struct tcp_option *opt)
{
    return opt->kind == OPT_EOL || opt->kind == OPT_NOP;
}

static bool match_stamps(const struct tcp_option *want, const struct tcp_option *got,
                         const struct script_conf *conf, struct verdict *v)
{
    uint32_t val = wire_get32(want->data), ecr = wire_get32(want->data + 4);
    int64_t off = (int32_t)(wire_get32(got->data) - val);

    if (!want->val_any && conf->ts_tick_us != 0 &&
        (off < 0 ? -off : off) * conf->ts_tick_us * 1000 > conf->tolerance_ns)
        return differ(v, "TS val", val, wire_get32(got->data));
    return want->ecr_any || equal(v, "TS ecr", ecr, wire_get32(got->data + 4));
}

static bool match_option(const struct tcp_option *want, const struct tcp_option *got,
                         const struct script_conf *conf, struct verdict *v)
{
    char w[160], g[160];

    if (want->kind == OPT_TS && got->kind == OPT_TS && got->len == 8)
        return match_stamps(want, got, conf, v);
    if (want->kind == got->kind && want->len == got->len &&
        (want->data_any || memcmp(want->data, got->data, got->len) == 0))
        return true;
    wire_option_text(want, w, sizeof(w));
    wire_option_text(got, g, sizeof(g));
    snprintf(v->why, v->room, "a TCP option is '%s', not '%s'", g, w);
    return false;
}

/* Byte for byte: order and padding count. */
static bool match_ordered(const struct tcp_options *want, const struct tcp_options *got,
                          const struct script_conf *conf, struct verdict *v)
{
    for (unsigned i = 0; i < want->count && i < got->count; i++)
        if (!match_option(&want->opt[i], &got->opt[i], conf, v))
            return false;
    return equal(v, "the number of TCP options", want->count, got->count);
}

/* The same options in any order, whatever pads them. */
static bool match_any_order(const struct tcp_options *want, const struct tcp_options *got,
                            const struct script_conf *conf, struct verdict *v)
{
    bool taken[OPTS_MAX] = {false};
    char text[160];

    for (unsigned i = 0; i < want->count; i++) {
        unsigned j = 0;

        if (padding(&want->opt[i]))
            continue;
        while (j < got->count && (taken[j] || got->opt[j].kind != want->opt[i].kind))
            j++;
        if (j == got->count) {
            wire_option_text(&want->opt[i], text, sizeof(text));
            snprintf(v->why, v->room, "the TCP option '%s' is missing", text);
            return false;
        }
        taken[j] = true;
        if (!match_option(&want->opt[i], &got->opt[j], conf, v))
            return false;
    }
    for (unsigned j = 0; j < got->count; j++)
        if (!taken[j] && !padding(&got->opt[j])) {
            wire_option_text(&got->opt[j], text, sizeof(text));
            snprintf(v->why, v->room, "the TCP option '%s' was not expected", text);
            return false;
        }
    return true;
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static bool match_flags(const struct packet_spec *want, const struct wire_packet *got,
                        struct verdict *v)
{
    struct wire_packet w = {.proto = PROTO_TCP, .flags = want->flags}, g = w;
    char wt[80], gt[80];

    if (want->flags == got->flags)
        return true;
    g.flags = got->flags;
    wire_text(&w, wt, sizeof(wt));
    wire_text(&g, gt, sizeof(gt));
    wt[2 + strcspn(wt + 2, " ")] = '\0';
    gt[2 + strcspn(gt + 2, " ")] = '\0';
    snprintf(v->why, v->room, "the flags are %s, not %s", gt + 2, wt + 2);
    return false;
}

static bool match_tcp(const struct packet_spec *want, const struct wire_packet *got,
                      const struct script_conf *conf, struct verdict *v)
{
    if (!match_flags(want, got, v))
        return false;
    if (!want->seq_any && !equal(v, "seq", want->seq, got->seq))
        return false;
    if (!equal(v, "the payload's length", want->len, got->len))
        return false;
    if ((want->flags & TF_ACK) != 0 && !want->ack_any && !equal(v, "ack", want->ack, got->ack))
        return false;
    if (want->win >= 0 && !equal(v, "win", (unsigned long)want->win, got->win))
        return false;
    if ((want->flags & TF_URG) != 0 && !equal(v, "urg", want->urg, got->urg))
        return false;
    if (want->options_any)
        return true;
    return conf->strict_options ? match_ordered(&want->options, &got->options, conf, v)
                                : match_any_order(&want->options, &got->options, conf, v);
}

static bool match_icmp(const struct icmp_spec *want, const struct wire_packet *got,
                       struct verdict *v)
{
    if (!equal(v, "the ICMP type", want->type, got->icmp.type) ||
        !equal(v, "the ICMP code", want->code, got->icmp.code))
        return false;
    if (want->mtu >= 0 && !equal(v, "mtu", (unsigned long)want->mtu, got->icmp.mtu))
        return false;
    return want->echoed == 0 || equal(v, "the protocol inside", want->echoed, got->icmp.echoed);
}

bool match_packet(const struct packet_spec *want, const struct wire_packet *got,
                  const struct script_conf *conf, char *why, size_t room)
{
    struct verdict v = {.why = why, .room = room};

    if (!equal(&v, "the IP protocol", want->proto, got->proto))
        return false;
    if (!match_ip(&want->ip, got, &v))
        return false;
    if (want->proto == PROTO_TCP)
        return match_tcp(want, got, conf, &v);
    if (want->proto == PROTO_ICMP)
        return match_icmp(&want->icmp, got, &v);
    return equal(&v, "the payload's length", want->len, got->len);
}

bool match_payload(const struct flow *flow, const struct wire_packet *got, char *why, size_t room)
{
    uint32_t from = got->seq - !(got->flags & TF_SYN);

    if (got->proto != PROTO_TCP || got->len == 0 || (got->flags & TF_RST) != 0)
        return true;
    for (uint32_t i = 0; i < got->len; i++) {
        uint32_t at = from + i;

        if (at >= flow->written_len || flow->written[at] != got->payload[i]) {
            snprintf(why, room, "byte %u of the payload is not what was written there", i);
            return false;
        }
    }
    return true;
}

void match_spec_packet(const struct packet_spec *spec, struct wire_packet *out)
{
    *out = (struct wire_packet){.inbound = spec->inbound,
                                .proto = spec->proto,
                                .tos = spec->ip.tos,
                                .src_port = spec->src_port,
                                .dst_port = spec->dst_port,
                                .flags = spec->flags,
                                .seq = spec->seq,
                                .ack = spec->ack,
                                .win = (uint16_t)(spec->win < 0 ? 0 : spec->win),
                                .win_any = spec->win < 0,
                                .urg = spec->urg,
                                .options = spec->options,
                                .len = spec->len};
    out->icmp.type = spec->icmp.type;
    out->icmp.code = spec->icmp.code;
    out->icmp.mtu = (uint16_t)(spec->icmp.mtu < 0 ? 0 : spec->icmp.mtu);
    out->icmp.id = spec->icmp.id;
}
