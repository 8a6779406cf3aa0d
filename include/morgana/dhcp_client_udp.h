/* SPDX-License-Identifier: ISC */
/* dhcp_client_udp.h - the edge of the DHCP client: a socket on port 68 of an interface, which gets
 * its address, its routes and its MTU by DHCP, and loses them when the lease is lost.
 *
 *     dhcp_client_udp_open(&dhcp, &conf, now);
 *     for (;;) {
 *         now = plat_now_ns();
 *         busy = netif_poll(nif, now, budget);
 *         dhcp_client_udp_poll(&dhcp, now);
 *         if (!busy && !netif_arm(nif))
 *             plat_wait(u64_min(netif_poll_at(nif), dhcp_client_udp_poll_at(&dhcp)));
 *     }
 *
 * Said, a line each: a lease, its changes, its loss and why; while there is none, every
 * DHCP_CLIENT_UDP_SAY_S that it is still being asked for. */
#ifndef MORGANA_DHCP_CLIENT_UDP_H
#define MORGANA_DHCP_CLIENT_UDP_H

#include <morgana/dhcp_client.h>
#include <morgana/udp.h>

#define DHCP_CLIENT_UDP_SAY_S 30u

struct dhcp_client_udp_conf {
    struct netif *nif; /* Kept; its device's MTU is at least 576 */
    uint64_t key[2];   /* secret: from plat_entropy */
    /* as in struct dhcp_client_conf */
    struct cs_ro client_id, host_name;
    uint32_t remembered;
    /* an address is asked for by ARP so long before it is used: 1 ms..10 s; 0: 600 ms */
    uint64_t probe_ns;
};

struct dhcp_client_udp_stats {
    uint64_t send_failed; /* it is sent again in its time, as if it were lost */
    uint64_t no_memory;
    uint64_t routes_refused; /* by the interface: no room, or no good gateway */
    uint64_t other_port;     /* what did not come from port 67 */
};

/* Caller's storage: about 8 KiB. `client` (its state, lease and stats) and `stats` may be read. */
struct dhcp_client_udp {
    struct dhcp_client_udp_conf conf;
    struct udp_sock sock;
    struct dhcp_client client;
    struct pkt *room;     /* for the next message, or NULL */
    bool waits_for_probe; /* the interface asks for lease.addr */
    bool link_was_up;
    uint64_t retry_at_ns; /* no memory: NS_NEVER where there was */
    uint64_t say_at_ns;
    uint8_t server_eth[6]; /* whence the last acknowledgement came: there a RELEASE goes */
    /* what the interface has of ours */
    uint32_t addr;
    uint8_t prefix_len;
    uint8_t route_count;
    struct dhcp_client_route routes[DHCP_CLIENT_ROUTES_MAX];
    struct dhcp_client_udp_stats stats;
};

/* Begins; the first message goes out at the next poll, or when the link comes up. -E_INVAL: a
 * number out of its range; and udp_open's errors. Keeps `edge` until dhcp_client_udp_close. */
int dhcp_client_udp_open(struct dhcp_client_udp *edge, const struct dhcp_client_udp_conf *conf,
                         uint64_t now_ns);
/* Ends; takes the address off the interface. release: gives it back to the server first. The
 * storage is the caller's again; the device is left to be flushed. */
void dhcp_client_udp_close(struct dhcp_client_udp *edge, bool release, uint64_t now_ns);
/* Reads what came, does what is due; after netif_poll. */
void dhcp_client_udp_poll(struct dhcp_client_udp *edge, uint64_t now_ns);
/* When it must be polled again though nothing comes: an absolute time, or NS_NEVER. */
uint64_t dhcp_client_udp_poll_at(const struct dhcp_client_udp *edge);
/* Has the interface an address by DHCP that serves? */
static inline bool dhcp_client_udp_has_lease(const struct dhcp_client_udp *edge)
{
    return dhcp_client_has_lease(&edge->client);
}

#endif
