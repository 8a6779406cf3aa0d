/* SPDX-License-Identifier: ISC */
/* parse_packet.c - a packet as a script writes it, which is nearly as tcpdump writes it. */
#include <string.h>

#include "parse.h"

/* ---- IPv4: [ect0], (tos 0x10, ttl 64), [ecn ce, dscp af11] ----------------------------------- */

struct name_value {
    const char *name;
    uint8_t value;
};

static const struct name_value ecn_names[] = {{"noecn", 0}, {"ect1", 1}, {"ect0", 2}, {"ce", 3}};

static const struct name_value dscp_names[] = {
    {"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},  {"cs4", 32},  {"cs5", 40},
    {"cs6", 48},  {"cs7", 56},  {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18},
    {"af22", 20}, {"af23", 22}, {"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34},
    {"af42", 36}, {"af43", 38}, {"ef", 46},   {"le", 1},
};

static bool take_name(struct parser *p, const struct name_value *names, size_t n, uint8_t *value)
{
    for (size_t i = 0; i < n; i++)
        if (parse_word(p, names[i].name)) {
            *value = names[i].value;
            return true;
        }
    return false;
}

static void set_ecn(struct ip_spec *ip, uint8_t ecn)
{
    ip->tos_check = ip->tos_check == TOS_DSCP || ip->tos_check == TOS_ALL ? TOS_ALL : TOS_ECN;
    ip->tos = (uint8_t)((ip->tos & 0xfc) | ecn);
}

static bool parse_ip_item(struct parser *p, struct ip_spec *ip)
{
    int64_t n;
    uint8_t value;

    parse_word(p, "ecn");
    if (take_name(p, ecn_names, sizeof(ecn_names) / sizeof(ecn_names[0]), &value)) {
        set_ecn(ip, value);
        return true;
    }
    if (parse_word(p, "ect01")) {
        ip->tos_check = TOS_ECT01;
        return true;
    }
    if (parse_word(p, "tos") || parse_word(p, "class")) {
        if (!parse_int(p, "tos", 0, 255, &n))
            return false;
        ip->tos = (uint8_t)n;
        ip->tos_check = TOS_ALL;
        return true;
    }
    if (parse_word(p, "ttl") || parse_word(p, "hlim")) {
        if (!parse_int(p, "ttl", 0, 255, &n))
            return false;
        ip->ttl = (int16_t)n;
        return true;
    }
    if (token_is(p->at, "flowlabel"))
        return parse_unsupported(p, "flow labels are IPv6's");
    parse_word(p, "dscp");
    if (take_name(p, dscp_names, sizeof(dscp_names) / sizeof(dscp_names[0]), &value)) {
        ip->tos = (uint8_t)(value << 2 | (ip->tos & 3));
        ip->tos_check = ip->tos_check == TOS_ECN ? TOS_ALL : TOS_DSCP;
        return true;
    }
    if (p->at->kind == TK_INT) {
        if (!parse_int(p, "dscp", 0, 63, &n))
            return false;
        ip->tos = (uint8_t)(n << 2 | (ip->tos & 3));
        ip->tos_check = TOS_DSCP;
        return true;
    }
    return parse_fail(p, "an IPv4 field: tos, ttl, ect0, ...");
}

static bool parse_ip(struct parser *p, struct ip_spec *ip)
{
    char close;

    *ip = (struct ip_spec){.ttl = -1};
    if (!token_is_punct(p->at, '[') && !token_is_punct(p->at, '('))
        return true;
    close = p->at->value == '[' ? ']' : ')';
    p->at++;
    do {
        if (!parse_ip_item(p, ip))
            return false;
    } while (parse_punct(p, ','));
    return parse_need(p, close);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static const struct {
    char letter;
    uint16_t flag;
} flag_letters[] = {
    {'F', TF_FIN}, {'S', TF_SYN}, {'R', TF_RST}, {'P', TF_PSH}, {'.', TF_ACK},
    {'U', TF_URG}, {'E', TF_ECE}, {'W', TF_CWR}, {'A', TF_AE},
};

static bool parse_flag(struct packet_spec *out, char c)
{
    if (c >= '0' && c <= '7') { /* AccECN's counter in AE, CWR, ECE */
        unsigned ace = (unsigned)(c - '0');

        out->flags |=
            (uint16_t)((ace & 4 ? TF_AE : 0) | (ace & 2 ? TF_CWR : 0) | (ace & 1 ? TF_ECE : 0));
        out->ace = true;
        return true;
    }
    for (size_t i = 0; i < sizeof(flag_letters) / sizeof(flag_letters[0]); i++)
        if (flag_letters[i].letter == c) {
            out->flags |= flag_letters[i].flag;
            return true;
        }
    return false;
}

/* All tokens up to the next blank: "S.", ".", "FP.", "SEWA", ".5", "-". */
static bool parse_flags(struct parser *p, struct packet_spec *out)
{
    if (p->at->kind == TK_END)
        return parse_fail(p, "TCP flags");
    if (parse_punct(p, '-'))
        return true;
    do {
        for (size_t i = 0; i < p->at->len; i++)
            if (!parse_flag(out, p->at->text[i]))
                return parse_fail(p, "TCP flags");
        p->at++;
    } while (!p->at->space && p->at->kind != TK_END);
    return true;
}

/* 1:1001(1000), 1001(0), ...(0); then '!' where it is no number relative to ours. */
static bool parse_seq(struct parser *p, struct packet_spec *out)
{
    int64_t first = 0, last = -1, len;

    if (p->at->kind == TK_ELLIPSIS) {
        p->at++;
        out->seq_any = true;
    } else {
        if (!parse_int(p, "a sequence number", 0, UINT32_MAX, &first))
            return false;
        if (parse_punct(p, ':') &&
            !parse_int(p, "a sequence number", 0, (int64_t)UINT32_MAX + 65535, &last))
            return false;
    }
    if (!parse_need(p, '(') || !parse_int(p, "a length", 0, 65535, &len) || !parse_need(p, ')'))
        return false;
    if (last >= 0 && (uint32_t)last != (uint32_t)(first + len))
        return parse_error(p, "sequence numbers %lld:%lld do not span %lld bytes", (long long)first,
                           (long long)last, (long long)len);
    out->seq = (uint32_t)first;
    out->len = (uint32_t)len;
    if (!p->at->space && parse_punct(p, '!'))
        out->seq_abs = true;
    return true;
}

static bool parse_ack(struct parser *p, struct packet_spec *out)
{
    int64_t n = 0;

    out->ack_given = true;
    if (p->at->kind == TK_ELLIPSIS) {
        p->at++;
        out->ack_any = true;
        return true;
    }
    if (!parse_int(p, "an acknowledgement number", 0, UINT32_MAX, &n))
        return false;
    out->ack = (uint32_t)n;
    return true;
}

/* RFC 7413: a SYN whose data counts, a cookie that is given. */
static bool wants_fast_open(const struct packet_spec *out)
{
    for (unsigned i = 0; i < out->options.count; i++) {
        const struct tcp_option *opt = &out->options.opt[i];

        if (opt->kind == OPT_FASTOPEN || (opt->kind == OPT_EXPERIMENT && opt->len >= 2 &&
                                          opt->data[0] == 0xf9 && opt->data[1] == 0x89))
            return !out->inbound || out->len > 0;
    }
    return false;
}

static bool parse_tcp(struct parser *p, struct packet_spec *out)
{
    int64_t n;

    out->proto = PROTO_TCP;
    if (!parse_flags(p, out) || !parse_seq(p, out))
        return false;
    for (;;) {
        if (parse_word(p, "ack")) {
            if (!parse_ack(p, out))
                return false;
        } else if (parse_word(p, "win")) {
            if (p->at->kind == TK_ELLIPSIS) {
                p->at++;
            } else {
                if (!parse_int(p, "a window", 0, 65535, &n))
                    return false;
                out->win = (int32_t)n;
            }
        } else if (parse_word(p, "urg") || parse_word(p, "urg_ptr")) {
            if (!parse_int(p, "an urgent pointer", 0, 65535, &n))
                return false;
            out->urg = (uint16_t)n;
        } else if (token_is_punct(p->at, '<')) {
            p->at++;
            if (!parse_tcp_options(p, out))
                return false;
        } else if (token_is_punct(p->at, '/')) {
            return parse_unsupported(p, "TCP in UDP");
        } else {
            break;
        }
    }
    if ((out->flags & TF_SYN) != 0 && wants_fast_open(out))
        return parse_unsupported(p, "TCP Fast Open");
    if (out->inbound && (out->options_any || out->seq_any || out->ack_any))
        return parse_error(p, "an inbound packet must say all that it has");
    return true;
}

/* ---- UDP, ICMP ------------------------------------------------------------------------------- */

static bool parse_ports(struct parser *p, struct packet_spec *out)
{
    int64_t src, dst;

    if (p->at->kind != TK_INT || !token_is_punct(parse_peek(p, 1), '>'))
        return true;
    if (!parse_int(p, "a port", 0, 65535, &src) || !parse_need(p, '>') ||
        !parse_int(p, "a port", 0, 65535, &dst))
        return false;
    out->src_port = (uint16_t)src;
    out->dst_port = (uint16_t)dst;
    return true;
}

static bool parse_udp(struct parser *p, struct packet_spec *out)
{
    int64_t len;

    out->proto = PROTO_UDP;
    if (!parse_ports(p, out) || !parse_need(p, '(') || !parse_int(p, "a length", 0, 65507, &len))
        return false;
    out->len = (uint32_t)len;
    return parse_need(p, ')');
}

/* [1:1461(1460)], [udp (100)], [raw (28)] */
static bool parse_echoed(struct parser *p, struct icmp_spec *icmp)
{
    struct packet_spec inner = {0};
    int64_t len;

    if (!parse_punct(p, '['))
        return true;
    if (token_is(p->at, "udp") || token_is(p->at, "raw")) {
        icmp->echoed = token_is(p->at, "udp") ? PROTO_UDP : 0;
        icmp->raw = token_is(p->at, "raw");
        p->at++;
        if (!parse_need(p, '(') || !parse_int(p, "a length", 0, 65507, &len) || !parse_need(p, ')'))
            return false;
        icmp->len = (uint32_t)len;
        return parse_need(p, ']');
    }
    if (token_is(p->at, "sctp") || token_is(p->at, "udplite"))
        return parse_unsupported(p, "SCTP and UDP-Lite");
    if (!parse_seq(p, &inner))
        return false;
    icmp->echoed = PROTO_TCP;
    icmp->seq = inner.seq;
    icmp->len = inner.len;
    return parse_need(p, ']');
}

static bool parse_icmp(struct parser *p, struct packet_spec *out)
{
    struct icmp_spec *icmp = &out->icmp;
    const char *type, *code = NULL;
    int64_t n;

    out->proto = PROTO_ICMP;
    icmp->mtu = -1;
    if (icmp->echoed == 0)
        icmp->echoed = out->inbound ? PROTO_TCP : 0;
    if (p->at->kind != TK_WORD)
        return parse_fail(p, "an ICMP type");
    type = script_text(p->script, p->at->text, p->at->len);
    p->at++;
    if (p->at->kind == TK_WORD && !token_is(p->at, "mtu") && !token_is(p->at, "id")) {
        code = script_text(p->script, p->at->text, p->at->len);
        p->at++;
    }
    if (!icmp_type_code(type, code, &icmp->type, &icmp->code)) {
        p->at--;
        return parse_fail(p, "an ICMP type and code");
    }
    if (parse_word(p, "mtu")) {
        if (!parse_int(p, "an MTU", 0, 65535, &n))
            return false;
        icmp->mtu = (int32_t)n;
    }
    if (parse_word(p, "id")) {
        if (!parse_int(p, "an id", 0, 65535, &n))
            return false;
        icmp->id = (uint16_t)n;
    }
    return parse_echoed(p, icmp);
}

/* ---- what comes first ------------------------------------------------------------------------ */

static const char *const encapsulations[] = {"ipv6", "gre",     "GREv0", "mpls",
                                             "sctp", "udplite", "encap"};

bool parse_packet(struct parser *p, bool inbound, struct packet_spec *out)
{
    bool echoed;

    *out = (struct packet_spec){.inbound = inbound, .win = -1};
    /* The older way: [1:1461(1460)] icmp unreachable ... */
    echoed = token_is_punct(p->at, '[') && parse_peek(p, 1)->kind == TK_INT &&
             token_is_punct(parse_peek(p, 2), ':');
    out->ip.ttl = -1;
    if (echoed ? !parse_echoed(p, &out->icmp) : !parse_ip(p, &out->ip))
        return false;
    for (size_t i = 0; i < sizeof(encapsulations) / sizeof(encapsulations[0]); i++)
        if (token_is(p->at, encapsulations[i]))
            return parse_unsupported(p, encapsulations[i]);
    if (token_is(p->at, "ipv4"))
        return parse_unsupported(p, "IPv4 in IPv4");
    if (parse_word(p, "udp"))
        return parse_udp(p, out);
    if (parse_word(p, "icmp"))
        return parse_icmp(p, out);
    return parse_ports(p, out) && parse_tcp(p, out);
}
