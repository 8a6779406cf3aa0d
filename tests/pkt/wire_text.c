/* SPDX-License-Identifier: ISC */
/* wire_text.c - packets as tcpdump and scripts write them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

struct text {
    char *at;
    size_t room, used;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->at + t->used, t->room - t->used, format, args);
    va_end(args);
    if (n > 0)
        t->used += (size_t)n < t->room - t->used ? (size_t)n : t->room - t->used - 1;
}

static void say_hex(struct text *t, const char *name, const uint8_t *bytes, unsigned n)
{
    say(t, "%s%s", name, n > 0 ? " " : "");
    for (unsigned i = 0; i < n; i++)
        say(t, "%02x", bytes[i]);
}

static void say_sack(struct text *t, const struct tcp_option *opt)
{
    say(t, "sack");
    for (unsigned i = 0; i + 8 <= opt->len; i += 8)
        say(t, " %u:%u", wire_get32(opt->data + i), wire_get32(opt->data + i + 4));
}

static void say_option(struct text *t, const struct tcp_option *opt)
{
    char name[16];

    if (opt->kind == OPT_EOL || opt->kind == OPT_NOP)
        say(t, opt->kind == OPT_EOL ? "eol" : "nop");
    else if (opt->kind == OPT_MSS && opt->len == 2)
        say(t, "mss %u", wire_get16(opt->data));
    else if (opt->kind == OPT_WSCALE && opt->len == 1)
        say(t, "wscale %u", opt->data[0]);
    else if (opt->kind == OPT_SACKOK && opt->len == 0)
        say(t, "sackOK");
    else if (opt->kind == OPT_SACK && opt->len % 8 == 0)
        say_sack(t, opt);
    else if (opt->kind == OPT_TS && opt->len == 8 && opt->val_any && opt->ecr_any)
        say(t, "TS ...");
    else if (opt->kind == OPT_TS && opt->len == 8)
        say(t, "TS val %u ecr %u", wire_get32(opt->data), wire_get32(opt->data + 4));
    else if (opt->kind == OPT_FASTOPEN)
        say_hex(t, "FO", opt->data, opt->len);
    else if (opt->kind == OPT_MD5)
        say_hex(t, "md5", opt->data, opt->len);
    else {
        snprintf(name, sizeof(name), "gen-%u", opt->kind);
        say_hex(t, name, opt->data, opt->len);
    }
}

size_t wire_option_text(const struct tcp_option *opt, char *out, size_t room)
{
    struct text t = {.at = out, .room = room};

    say_option(&t, opt);
    return t.used;
}

static void say_flags(struct text *t, uint16_t flags)
{
    static const char letters[] = "FSRP.UEWA";
    static const char order[] = "SFRPUEWA."; /* '.' last, as scripts have it */

    if (flags == 0)
        say(t, "-");
    for (const char *c = order; *c != '\0'; c++)
        if ((flags & 1u << (strchr(letters, *c) - letters)) != 0)
            say(t, "%c", *c);
}

static void say_tcp(struct text *t, const struct wire_packet *p)
{
    say_flags(t, p->flags);
    say(t, " %u:%u(%u)", p->seq, p->seq + p->len, p->len);
    if ((p->flags & TF_ACK) != 0)
        say(t, " ack %u", p->ack);
    if (!p->win_any)
        say(t, " win %u", p->win);
    if ((p->flags & TF_URG) != 0)
        say(t, " urg %u", p->urg);
    if (p->options.count > 0) {
        say(t, " <");
        for (unsigned i = 0; i < p->options.count; i++) {
            say(t, i > 0 ? "," : "");
            say_option(t, &p->options.opt[i]);
        }
        say(t, ">");
    }
}

const char *wire_text(const struct wire_packet *p, char *out, size_t room)
{
    static const char *const ecn[] = {"", "[ect1] ", "[ect0] ", "[ce] "};
    struct text t = {.at = out, .room = room};

    out[0] = '\0';
    say(&t, "%c %s", p->inbound ? '<' : '>', ecn[p->tos & 3]);
    if (p->proto == PROTO_TCP)
        say_tcp(&t, p);
    else if (p->proto == PROTO_UDP)
        say(&t, "udp %u > %u (%u)", p->src_port, p->dst_port, p->len);
    else
        say(&t, "icmp type %u code %u mtu %u id %u (%u)", p->icmp.type, p->icmp.code, p->icmp.mtu,
            p->icmp.id, p->len);
    return out;
}
