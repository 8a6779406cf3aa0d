/* SPDX-License-Identifier: ISC */
/* pcap.c - captures: the file's header, a record for each frame, and the device that writes
 * them.
 *
 * The format (draft-ietf-opsawg-pcap): magic, version 2.4, two unused words, the snap length,
 * the link type; then records.
 */
#include <morgana/pcap.h>

#include "wrap.h"

#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define LINK_ETHERNET 1u

struct file_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy;
    uint32_t snap_bytes, link_type;
};
STATIC_ASSERT(sizeof(struct file_header) == 24, "the file's header has no padding");
STATIC_ASSERT(sizeof(struct pcap_record) == 16, "a record's header has no padding");

static bool put(struct pcap *pcap, const void *bytes, size_t len)
{
    if (!pcap->ended && !pcap->conf.write(pcap->conf.arg, cs_ro_of(bytes, len)))
        pcap->ended = true;
    return !pcap->ended;
}

int pcap_init(struct pcap *pcap, const struct pcap_conf *conf)
{
    if (conf->write == NULL || conf->snap_bytes > PCAP_SNAP_MAX)
        return -E_INVAL;
    *pcap = (struct pcap){.conf = *conf};
    if (pcap->conf.snap_bytes == 0)
        pcap->conf.snap_bytes = PCAP_SNAP_MAX;
    struct file_header header = {
        .magic = conf->nanoseconds ? MAGIC_NS : MAGIC_US,
        .major = 2,
        .minor = 4,
        .snap_bytes = pcap->conf.snap_bytes,
        .link_type = LINK_ETHERNET,
    };
    return put(pcap, &header, sizeof(header)) ? 0 : -E_IO;
}

void pcap_record(struct pcap_record *record, uint64_t wall_ns, uint32_t kept_bytes,
                 uint32_t frame_bytes)
{
    *record = (struct pcap_record){
        .seconds = (uint32_t)(wall_ns / NS_PER_S),
        .fraction = (uint32_t)(wall_ns % NS_PER_S),
        .kept_bytes = kept_bytes,
        .frame_bytes = frame_bytes,
    };
}

void pcap_frame(struct pcap *pcap, const struct pkt *pkt)
{
    struct pcap_record record;
    uint32_t left = u32_min(pkt->len, pcap->conf.snap_bytes);
    uint64_t now = pcap->conf.wall_ns == NULL ? 0 : pcap->conf.wall_ns();

    if (pcap->ended)
        return;
    pcap_record(&record, now, left, pkt->len);
    if (!pcap->conf.nanoseconds)
        record.fraction /= 1000;
    if (!put(pcap, &record, sizeof(record)))
        return;
    for (unsigned i = 0; i < pkt->frag_count && left != 0; i++) {
        struct cs_ro bytes = pkt_frag_view(pkt, i);
        uint32_t n = u32_min((uint32_t)bytes.len, left);
        if (!put(pcap, bytes.base, n))
            return;
        left -= n;
    }
    pcap->frames++;
}

/* ---- the device ----------------------------------------------------------------------------- */

static struct pcap *of(struct netdev *dev)
{
    return CONTAINER_OF(dev, struct pcap, dev);
}

/* What is refused was not on the wire; what is sent may be gone at once: so a second reference
 * is taken before. */
static int pcap_tx(struct netdev *dev, struct pkt *pkt)
{
    struct pcap *pcap = of(dev);
    struct pkt *second = pcap->ended ? NULL : pkt_share(pkt, 0, pkt->len);
    int err = netdev_tx(pcap->inner, pkt);

    if (err == 0 && second != NULL)
        pcap_frame(pcap, second);
    else if (err == 0 && !pcap->ended)
        pcap->missed++;
    pkt_put(second);
    wrap_follow(dev, pcap->inner);
    return err;
}

static void pcap_tx_flush(struct netdev *dev)
{
    netdev_tx_flush(of(dev)->inner);
}

static unsigned pcap_rx(struct netdev *dev, struct pkt **pkts, unsigned n)
{
    struct pcap *pcap = of(dev);
    unsigned count = netdev_rx(pcap->inner, pkts, n);

    for (unsigned i = 0; i < count; i++)
        pcap_frame(pcap, pkts[i]);
    wrap_follow(dev, pcap->inner);
    return count;
}

static bool pcap_arm(struct netdev *dev)
{
    bool work = netdev_arm(of(dev)->inner);

    wrap_follow(dev, of(dev)->inner);
    return work;
}

static int pcap_multicast(struct netdev *dev, const uint8_t mac[6], bool join)
{
    return wrap_multicast(of(dev)->inner, mac, join);
}

static const struct netdev_ops pcap_ops = {
    .name = "pcap",
    .tx = pcap_tx,
    .tx_flush = pcap_tx_flush,
    .rx = pcap_rx,
    .arm = pcap_arm,
    .multicast = pcap_multicast,
};

int pcap_open(struct pcap *pcap, const struct pcap_conf *conf, struct netdev *inner,
              struct netdev **dev)
{
    int err = pcap_init(pcap, conf);

    if (err < 0)
        return err;
    pcap->inner = inner;
    wrap_init(&pcap->dev, inner, &pcap_ops);
    *dev = &pcap->dev;
    return 0;
}
