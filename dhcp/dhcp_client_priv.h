/* SPDX-License-Identifier: ISC */
/* dhcp_client_priv.h - what the files of the DHCP client know of each other. */
#ifndef DHCP_CLIENT_PRIV_H
#define DHCP_CLIENT_PRIV_H

#include <morgana/dhcp_client.h>

/* dhcp_client_lease.c: reads the offer or acknowledgement client->msg to `lease`.
 * DHCP_CLIENT_ANSWER_acknowledged: it will do; else why not. What is put right is counted in
 * `notes`. */
enum dhcp_client_answer dhcp_client_read(const struct dhcp_msg *msg,
                                         struct dhcp_client_lease *lease,
                                         uint64_t notes[DHCP_CLIENT_NOTE_COUNT]);
/* Is it one host's address: neither 0/8, loopback, a group nor above? */
static inline bool dhcp_client_is_host(uint32_t addr)
{
    return addr >> 24 != 0 && addr >> 24 != 127 && addr >> 24 < 224;
}

/* dhcp_client_write.c: writes the message that the client's state calls for. addr, server: of a
 * DECLINE or RELEASE. Returns its length. */
size_t dhcp_client_write(const struct dhcp_client *client, enum dhcp_type type, uint32_t addr,
                         uint32_t server, struct cs buf);

#endif
