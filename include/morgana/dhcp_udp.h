/* SPDX-License-Identifier: ISC */
/* dhcp_udp.h - the edge of the DHCP server: a socket on port 67 of an interface, the packets it
 * takes and sends, the probes it has made.
 *
 *     dhcp_udp_open(&edge, &conf);
 *     for (;;) {
 *         now = plat_now_ns();
 *         busy = netif_poll(nif, now, budget);
 *         busy |= dhcp_udp_poll(&edge, now, budget);
 *         netdev_tx_flush(nif->conf.dev);
 *         if (!busy && !netif_arm(nif))
 *             plat_wait(u64_min(netif_poll_at(nif), dhcp_udp_poll_at(&edge)));
 *     }
 *
 * What happens to leases is logged, a line an event and not more than DHCP_UDP_LINES_PER_S: new,
 * released, declined, address in use. */
#ifndef MORGANA_DHCP_UDP_H
#define MORGANA_DHCP_UDP_H

#include <morgana/dhcp_server.h>
#include <morgana/dhcp_store.h>
#include <morgana/log.h>
#include <morgana/udp.h>

#define DHCP_UDP_PARKED_MAX NETIF_PROBES_MAX
#define DHCP_UDP_HELD_MAX 256u
#define DHCP_UDP_LINES_PER_S 20u
#define DHCP_UDP_SEND_TRIES 64u /* polls for which a reply waits for room in the device */

struct dhcp_udp_conf {
    struct netif *nif; /* Kept; a device with an MTU of at least 576, which may change */
    const struct dhcp_server *server; /* Kept */
    struct dhcp_leases *leases;       /* Kept */
    uint32_t addr; /* our address on the interface, host order: the server identifier */
    /* an address is asked for so long before it is offered: 1 ms..10 s; 0: 500 ms */
    uint64_t probe_ns;
    uint32_t queue_max; /* messages held until they are looked at: one page each; 0: 64 */
    /* Where leases are kept, or NULL: then they are as lasting as the program. Kept; its program
     * polls it (dhcp_store.h) */
    struct dhcp_store *store;
    /* replies that wait until their leases are on the device: a page each, 1..DHCP_UDP_HELD_MAX;
     * 0: 128. Beyond that requests are dropped: clients ask again */
    uint32_t held_max;
};

struct dhcp_udp_stats {
    uint64_t received, replies;
    uint64_t reasons[DHCP_REASON_COUNT]; /* of the server's decisions, names by dhcp_reason_name */
    uint64_t malformed[DHCP_WIRE_ERROR_COUNT]; /* of reason malformed, by dhcp_wire_error_name */
    uint64_t probes, conflicts;
    uint64_t unprobed; /* offered unasked: too many were asked for, or it cannot be asked for */
    uint64_t options_left_out; /* that did not fit into replies */
    uint64_t classes_left_out; /* of clients that are in more than 16 */
    uint64_t send_again, send_failed, no_memory;
    uint64_t lines_left_out; /* of the log */
    uint64_t held;           /* replies that waited for the device that keeps leases */
    uint64_t held_full;      /* not answered: too many waited */
    uint64_t held_again;     /* not answered: a reply of the same address waited */
    uint64_t not_kept;       /* not answered: what they would promise could not be kept */
};

/* A message whose answer waits for a probe. */
struct dhcp_udp_parked {
    struct pkt *pkt;
    struct udp_meta meta;
    uint32_t addr;
    uint8_t tries;
};

/* What a line of the log tells. */
struct dhcp_udp_event {
    enum dhcp_reason reason;
    uint32_t addr, lease_s;
    bool is_new;
    struct fmt_mac mac;
};

/* A reply whose lease is on its way to the device. */
struct dhcp_udp_held {
    struct pkt *reply;
    uint64_t ticket; /* of the store */
    struct dhcp_to to;
    struct dhcp_udp_event event;
};

/* Caller's storage: about 25 KiB. Only `stats` is to be read. */
struct dhcp_udp {
    struct dhcp_udp_conf conf;
    struct udp_sock sock;
    struct dhcp_out out;
    struct pkt *reply;   /* room for the next reply, or NULL */
    struct pkt *waiting; /* the request whose reply waits for room in the device, or NULL */
    unsigned waiting_tries;
    uint64_t retry_at_ns; /* when it is tried again though the device does not wake us */
    struct dhcp_udp_parked parked[DHCP_UDP_PARKED_MAX];
    unsigned parked_count;
    struct dhcp_udp_held held[DHCP_UDP_HELD_MAX]; /* a ring, in the order of their tickets */
    uint32_t held_first, held_count;
    unsigned held_tries; /* of the first, to be sent */
    uint64_t lines_at_ns;
    uint32_t lines;
    struct dhcp_udp_stats stats;
};

/* -E_INVAL: a number out of its range; and udp_open's errors. Keeps edge until dhcp_udp_close. */
int dhcp_udp_open(struct dhcp_udp *edge, const struct dhcp_udp_conf *conf);
/* Puts what waits and what is parked, unanswered. The storage is the caller's again. */
void dhcp_udp_close(struct dhcp_udp *edge);
/* Answers at most `budget` messages, and those whose probes are over. True: there is more to do
 * now. The device is left to be flushed. */
bool dhcp_udp_poll(struct dhcp_udp *edge, uint64_t now_ns, unsigned budget);
/* When it must be polled again though nothing comes: an absolute time, or NS_NEVER. */
uint64_t dhcp_udp_poll_at(const struct dhcp_udp *edge);

#endif
