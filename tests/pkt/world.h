/* SPDX-License-Identifier: ISC */
/* world.h - the stack under test in virtual time: an interface whose wire is the script, and a
 * neighbour that answers ARP at once. */
#ifndef PKT_WORLD_H
#define PKT_WORLD_H

#include <stdio.h>

#include <morgana/tcp.h>
#include <morgana/udp.h>

/* The script's time 0, far from the clock's, so that a difference taken wrongly shows. */
#define WORLD_START_NS (1000 * NS_PER_S)

struct world_conf {
    struct tcp_tuning tuning;
    uint64_t seed; /* of the stack's keys */
    uint32_t mtu, local_ip, remote_ip, gateway_ip;
    bool offload; /* the device completes checksums and cuts super-segments */
    FILE *pcap;   /* NULL: none. The header is there */
};

/* An IPv4 packet that the stack sent. */
struct world_packet {
    struct world_packet *next;
    int64_t at_ns;
    size_t len;
    uint8_t bytes[];
};

struct world {
    struct netdev dev;
    struct world_conf conf;
    struct netif nif;
    struct tcp tcp;
    uint64_t now;
    struct world_packet *sent, **sent_tail; /* oldest first */
    struct pkt_queue rx;
    struct world_memory *memory;
    char error[160]; /* the stack did what no stack may: not empty */
};

/* Starts a stack with its addresses, neighbours known. False: error says why. */
bool world_open(struct world *world, const struct world_conf *conf);
/* Ends it; what it did not give back is an error. */
void world_close(struct world *world);

/* Nanoseconds since the script began. */
int64_t world_time(const struct world *world);
/* Lets the stack do all it has to do at this instant. */
void world_poll(struct world *world);
/* Moves the clock to the stack's next deadline, or to `until` where that is earlier, and polls.
 * False: `until` is reached. */
bool world_step(struct world *world, int64_t until_ns);
/* One IPv4 packet comes in. gso_size: payload of each segment it stands for, 0: it is one. */
bool world_inject(struct world *world, const uint8_t *bytes, size_t len, uint32_t gso_size);

#endif
