/* SPDX-License-Identifier: ISC */
/* fault.h - a network device that spoils what passes: loss, duplication, reordering, corruption,
 * delay, a small MTU, trailing bytes.
 *
 * It stands before another device, on any target. What happens to a frame is drawn from a seed,
 * so a run can be repeated; delay is in the caller's time, so it costs none in a test. Nothing
 * is allocated: delayed frames wait in the caller's entries.
 *
 * A corrupted frame's checksum is completed first where it was blank, and its state becomes
 * UNKNOWN: the error can be found, as on a wire. Faults strike what is on the wire: no
 * super-segment is taken for sending (caps.gso_max_bytes is 0, -E_INVAL); one that the device
 * behind gives is judged as one frame. A frame that comes later than its time is given out at
 * the next rx, arm or tx_flush: a loop that sleeps takes fault_poll_at into its deadline. */
#ifndef MORGANA_FAULT_H
#define MORGANA_FAULT_H

#include <morgana/netdev.h>

#define FAULT_MILLION 1000000u

/* One direction. All zero: frames pass unharmed. Chances are in frames of a million. */
struct fault_dir {
    uint32_t loss_ppm;      /* dropped */
    uint32_t duplicate_ppm; /* passed twice */
    uint32_t reorder_ppm;   /* held back for reorder_ns, so that later ones overtake */
    uint32_t corrupt_ppm;   /* a copy with one to three bits turned over passes instead */
    uint32_t trailing_ppm;  /* 1 to trailing_bytes random bytes follow the frame */
    uint32_t trailing_bytes;
    /* frames longer than this and an Ethernet header are dropped; 0: none is */
    uint32_t mtu_bytes;
    uint64_t delay_ns;   /* each frame's */
    uint64_t jitter_ns;  /* and up to this much more, drawn for each: alone it reorders too */
    uint64_t reorder_ns; /* 0: 1 ms */
};

/* A frame that waits. */
struct fault_entry {
    struct fault_entry *next;
    struct pkt *pkt;
    uint64_t due_ns;
};

struct fault_conf {
    uint64_t seed;
    uint64_t (*now_ns)(void); /* never goes back; never NULL */
    /* Kept; 24 bytes each. Needed where a direction delays, duplicates or reorders, and where tx
     * corrupts or trails */
    struct fault_entry *entries;
    uint32_t entries_max; /* a frame that finds none free is dropped and counted */
    struct fault_dir tx, rx;
};

struct fault_stats {
    uint64_t passed, lost, duplicated, reordered, corrupted, trailed, too_long;
    uint64_t no_room; /* dropped or left unharmed: no entry, packet or page was free */
};

/* State; the caller's storage, treat as opaque but for conf.tx and conf.rx, which may be changed
 * at any time. */
struct fault {
    struct netdev dev;
    struct netdev *inner;
    struct fault_conf conf;
    uint64_t rng;
    struct fault_entry *free, *tx, *rx; /* tx, rx: by due time, earliest first */
    struct fault_stats tx_stats, rx_stats;
};

/* Gives a device in *dev that stands before `inner`, which it Keeps and does not close. -E_INVAL
 * for conf. */
int fault_open(struct fault *fault, const struct fault_conf *conf, struct netdev *inner,
               struct netdev **dev);
/* Puts what still waits. */
void fault_close(struct fault *fault);

/* When the next waiting frame is due; NS_NEVER where none waits. */
uint64_t fault_poll_at(const struct fault *fault);

#endif
