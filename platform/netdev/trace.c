/* SPDX-License-Identifier: ISC */
/* trace.c - a line for each frame. It reads headers only as far as they are in the frame, and
 * changes nothing. */
#include <morgana/log.h>
#include <morgana/trace.h>

#include "wrap.h"

#define HEADERS_MAX 96u /* what is read of a frame: Ethernet, 60 bytes of IPv4, ports */

struct text {
    char *out;
    size_t size, len;
};

#define ADD(text, ...)                                                                             \
    ((text)->len = size_min((text)->size - 1,                                                      \
                            (text)->len + fmt_buf((text)->out + (text)->len,                       \
                                                  (text)->size - (text)->len, __VA_ARGS__)))

static void add_arp(struct text *t, struct cs_ro arp)
{
    uint16_t op;
    uint32_t from, to;

    if (!cs_try_get_be16(arp, 6, &op) || !cs_try_get_be32(arp, 14, &from) ||
        !cs_try_get_be32(arp, 24, &to)) {
        ADD(t, " arp, cut short");
        return;
    }
    ADD(t, " arp %s", op == 1 ? "request" : op == 2 ? "reply" : "?");
    ADD(t, " %s", fmt_ip4(from).text);
    ADD(t, " > %s", fmt_ip4(to).text);
}

static void add_ip4(struct text *t, struct cs_ro ip)
{
    uint8_t first, protocol;
    uint16_t fragment, from_port, to_port;
    uint32_t from, to;

    if (!cs_try_get_u8(ip, 0, &first) || !cs_try_get_be16(ip, 6, &fragment) ||
        !cs_try_get_u8(ip, 9, &protocol) || !cs_try_get_be32(ip, 12, &from) ||
        !cs_try_get_be32(ip, 16, &to)) {
        ADD(t, " ip4, cut short");
        return;
    }
    ADD(t, " ip4 %s", fmt_ip4(from).text);
    ADD(t, " > %s", fmt_ip4(to).text);
    size_t header = (first & 15u) * 4u;
    bool ports = (protocol == 6 || protocol == 17) && (fragment & 0x1fff) == 0 &&
                 cs_try_get_be16(ip, header, &from_port) &&
                 cs_try_get_be16(ip, header + 2, &to_port);
    if (protocol == 1)
        ADD(t, " icmp");
    else if (protocol == 6 || protocol == 17)
        ADD(t, " %s", protocol == 6 ? "tcp" : "udp");
    else
        ADD(t, " protocol %u", protocol);
    if (ports)
        ADD(t, " %u > %u", from_port, to_port);
    if ((fragment & 0x3fff) != 0)
        ADD(t, " fragment at %u", (fragment & 0x1fffu) * 8u);
}

size_t trace_format(const struct pkt *pkt, char *out, size_t size)
{
    static const char *const sums[PKT_CSUM_STATES] = {
        [PKT_CSUM_UNKNOWN] = "",
        [PKT_CSUM_VALIDATED] = " csum=validated",
        [PKT_CSUM_BLANK] = " csum=blank",
    };
    struct text t = {out, size, 0};
    uint8_t bytes[HEADERS_MAX];
    uint32_t n = u32_min(pkt->len, HEADERS_MAX);
    uint16_t type;

    if (size == 0)
        return 0;
    out[0] = '\0';
    ADD(&t, "%u", pkt->len);
    if (!pkt_read(pkt, 0, cs_of(bytes, n)) || n < 14) {
        ADD(&t, " short");
        return t.len;
    }
    struct cs_ro frame = cs_ro_of(bytes, n), rest = cs_shift(frame, 14);
    type = cs_get_be16(frame, 12);
    ADD(&t, " %s", fmt_mac(bytes + 6).text);
    ADD(&t, " > %s", fmt_mac(bytes).text);
    if (type == 0x0806)
        add_arp(&t, rest);
    else if (type == 0x0800)
        add_ip4(&t, rest);
    else
        ADD(&t, " type %04x", type);
    ADD(&t, "%s", pkt->csum < PKT_CSUM_STATES ? sums[pkt->csum] : "");
    if (pkt->gso_size != 0)
        ADD(&t, " gso=%u", pkt->gso_size);
    return t.len;
}

/* ---- the device ----------------------------------------------------------------------------- */

static struct trace *of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct trace, dev);
}

static void format_line(const struct trace *trace, const char *direction, const struct pkt *pkt,
                        char *line)
{
    struct text t = {line, TRACE_LINE_BYTES, 0};

    if (trace->conf.now_ns != NULL) {
        uint64_t us = trace->conf.now_ns() / NS_PER_US;
        ADD(&t, "%llu.%06u ", (unsigned long long)(us / 1000000), (unsigned)(us % 1000000));
    }
    ADD(&t, "%s ", direction);
    trace_format(pkt, t.out + t.len, t.size - t.len);
}

/* The frame may be gone after tx, so the line is made before. */
static int trace_tx(struct netdev *dev, struct pkt *pkt)
{
    struct trace *trace = of(dev);
    char line[TRACE_LINE_BYTES];
    int err;

    format_line(trace, "tx", pkt, line);
    err = netdev_tx(trace->inner, pkt);
    if (err == 0)
        trace->conf.line(trace->conf.arg, line);
    wrap_follow(dev, trace->inner);
    return err;
}

static void trace_tx_flush(struct netdev *dev)
{
    netdev_tx_flush(of(dev)->inner);
}

static unsigned trace_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct trace *trace = of(dev);
    unsigned count = netdev_rx(trace->inner, pkts, n);
    char line[TRACE_LINE_BYTES];

    for (unsigned i = 0; i < count; i++) {
        format_line(trace, "rx", pkts[i], line);
        trace->conf.line(trace->conf.arg, line);
    }
    wrap_follow(dev, trace->inner);
    return count;
}

static bool trace_arm(struct netdev *dev)
{
    bool work = netdev_arm(of(dev)->inner);

    wrap_follow(dev, of(dev)->inner);
    return work;
}

static int trace_multicast(struct netdev *dev, const uint8_t mac[6], bool join)
{
    return wrap_multicast(of(dev)->inner, mac, join);
}

static const struct netdev_ops trace_ops = {
    .name = "trace",
    .tx = trace_tx,
    .tx_flush = trace_tx_flush,
    .rx = trace_rx,
    .arm = trace_arm,
    .multicast = trace_multicast,
};

int trace_open(struct trace *trace, const struct trace_conf *conf, struct netdev *inner,
               struct netdev **dev)
{
    if (conf->line == NULL)
        return -E_INVAL;
    *trace = (struct trace){.inner = inner, .conf = *conf};
    wrap_init(&trace->dev, inner, &trace_ops);
    *dev = &trace->dev;
    return 0;
}
