/* SPDX-License-Identifier: ISC */
/* loopback.h - network devices in memory: one that hears itself, or two joined by a cable. No
 * byte is copied. */
#ifndef MORGANA_LOOPBACK_H
#define MORGANA_LOOPBACK_H

#include <morgana/netdev.h>

struct loopback_conf {
    uint8_t mac[6];
    uint16_t mtu_bytes; /* 68..65535; 0: 1500 */
    uint8_t frags_max;  /* 1..PKT_FRAGS_MAX; 0: PKT_FRAGS_MAX */
    /* blank checksums may be sent and arrive blank; else a blank one is completed (copying is
     * not needed) */
    bool csum;
    /* longest super-segment (pkt.h): it arrives as it was sent. 0: none; up to 65535; needs csum.
     * An end joined to one that has none has none either */
    uint32_t gso_max_bytes;
    /* frames on their way to this end; 0: 256. More are refused with -E_AGAIN */
    uint32_t queue_max;
};

/* State; the caller's storage, treat as opaque. */
struct loopback {
    struct netdev dev;
    struct loopback *peer;
    struct pkt_queue queue; /* frames for this end */
    uint32_t queue_max;
    bool refused; /* a tx of this end was, and has not been told of room */
};

/* Gives a device in *dev that hears itself. -E_INVAL for conf. */
int loopback_open(struct loopback *loopback, const struct loopback_conf *conf, struct netdev **dev);
/* Joins two ends: what one sends the other receives. Link up. */
void loopback_join(struct loopback *a, struct loopback *b);
/* Puts what is on its way to this end; the other end's link goes down. */
void loopback_close(struct loopback *loopback);

#endif
