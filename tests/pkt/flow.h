/* SPDX-License-Identifier: ISC */
/* flow.h - connections as a script sees them: its numbers are relative, the stack's are not. */
#ifndef PKT_FLOW_H
#define PKT_FLOW_H

#include "wire.h"

#define FLOW_STAMPS 256u

/* A script's numbers count from 0 at each side's SYN; the stack's from its ISN. */
struct flow {
    struct flow *next;
    uint8_t proto;
    uint32_t local_ip, remote_ip;
    uint16_t local_port, remote_port;     /* 0: not known yet */
    bool local_known, remote_known;       /* the ISNs below */
    uint32_t local_isn, remote_isn;       /* of the stack, and of the script's peer as sent */
    uint32_t script_local, script_remote; /* the numbers that the script gives the SYNs */
    uint16_t peer_mss;                    /* of its SYN; 0: none */
    /* RFC 7323's TSval: the script's, and what the stack really sent. */
    bool stamped;
    uint32_t first_script, first_live;
    uint32_t stamps;
    struct {
        uint32_t script, live;
    } stamp[FLOW_STAMPS];
    /* What the program wrote, to be compared with what is sent; byte 0 follows the SYN. */
    uint8_t *written;
    size_t written_len, written_room;
};

/* The byte at this distance after the peer's SYN: what inbound segments carry. */
uint8_t flow_inbound_byte(uint32_t offset);
/* The program writes `len` more bytes, which it Gives a pattern; their address holds until the
 * next. */
uint8_t *flow_written(struct flow *flow, size_t len);
/* It did not take the last `len` of them. */
void flow_unwrite(struct flow *flow, size_t len);

/* An inbound packet of a script as the stack is to see it. `payload`: WIRE_MAX bytes of room.
 * NULL, or why it cannot be said. */
const char *flow_to_live(struct flow *flow, const struct packet_spec *spec,
                         const struct script_conf *conf, uint32_t random_isn, uint8_t *payload,
                         struct wire_packet *out);
/* An outbound packet of the stack in the script's numbers. `spec`: what is expected, which may
 * tell what a SYN's number is to be called; NULL: nothing is. */
void flow_to_script(struct flow *flow, const struct packet_spec *spec,
                    const struct wire_packet *live, struct wire_packet *out);
/* After a match: what the script called the TSval stands for what it was. */
void flow_learn_stamp(struct flow *flow, uint32_t script, uint32_t live);
/* Remembers the stack's ISN from any SYN it sent. */
void flow_learn_isn(struct flow *flow, const struct wire_packet *live);

#endif
