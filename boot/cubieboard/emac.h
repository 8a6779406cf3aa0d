/* SPDX-License-Identifier: ISC */
/* emac.h - Allwinner's EMAC as a netdev: 10 and 100 Mbit/s.
 *
 * The device has no rings: a frame is copied word by word into one of two transmit FIFOs, and word
 * by word out of the one receive FIFO. It computes no checksum of IP's. Whatever it says of a
 * received frame is checked; where what stands in front of a frame is no frame's header the FIFO
 * is emptied, counted as an error.
 *
 * Nothing tells of a link that comes or goes: the PHY is asked once a second, by `arm` and `rx`.
 * Each question waits at most EMAC_MDIO_WAIT_NS.
 */
#ifndef BOOT_EMAC_H
#define BOOT_EMAC_H

#include <morgana/netdev.h>

#define EMAC_MTU_BYTES 1500u
#define EMAC_FRAME_MAX 1536u /* with the CRC, as MAXF tells the device */
#define EMAC_LINK_POLL_NS NS_PER_S
#define EMAC_MDIO_WAIT_NS (2 * NS_PER_MS)
/* A frame is on the wire for at most 1.2 ms: one that is not sent by then never will be. */
#define EMAC_TX_STUCK_NS (2 * NS_PER_S)
#define EMAC_NO_PHY 32u

struct emac_conf {
    uintptr_t base;        /* of its registers */
    struct pkt_pool *pool; /* for received frames; Kept */
    uint8_t mac[6];
};

/* State; the caller's storage, treat as opaque. */
struct emac {
    struct netdev dev;
    struct emac_conf conf;
    uint8_t phy;          /* its address, 0..31; EMAC_NO_PHY */
    uint8_t tx_busy;      /* one bit a channel */
    bool tx_refused;      /* somebody waits for a channel */
    bool starved;         /* no page for a frame that waits in the FIFO */
    bool link_changed;    /* since arm looked last */
    uint64_t tx_since_ns; /* when the older of the busy channels was filled, or later */
    uint64_t link_ns;     /* when to ask the PHY again */
    uint64_t rx_resynced; /* how often the receive FIFO was emptied */
};

/* The address that the device has from whoever used it before (U-Boot); false where that is none
 * a host may have. */
bool emac_read_mac(uintptr_t base, uint8_t mac[6]);

/* Resets the device and starts it. Keeps `emac` and conf->pool until emac_close; Lends `conf`.
 * Gives the device in *dev, the link as the PHY says: without a PHY it is down. It is part of
 * `emac`: nothing else is to be put back. -E_NODEV: no EMAC answers at this address. */
int emac_open(struct emac *emac, const struct emac_conf *conf, struct netdev **dev);
/* Stops it: `emac` is the caller's again. Packets that it still had to send are sent: a frame is in
 * the device, and its packet put, when tx returns. */
void emac_close(struct emac *emac);

/* ---- emac_phy.c ---- */

/* Looks for a PHY, and starts its auto-negotiation. */
void emac_phy_find(struct emac *emac);
/* Asks the PHY for the link where it is time to: keeps dev.link_up, speed and duplex true. */
void emac_phy_poll(struct emac *emac);

#endif
