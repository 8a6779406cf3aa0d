/* SPDX-License-Identifier: ISC */
/* dhcp_lease_priv.h - the parts of the table of leases, for each other.
 *
 *     dhcp_lease.c       the table
 *     dhcp_lease_kept.c  a record as it is written down, and back
 */
#ifndef DHCP_LEASE_PRIV_H
#define DHCP_LEASE_PRIV_H

#include <morgana/dhcp_lease.h>

/* The hash of a client of whose id only what a record keeps is known. */
uint32_t dhcp_lease_client_hash(const struct dhcp_leases *ls, uint16_t net, bool by_id,
                                struct cs_ro kept_id);
/* The record that is found by the client that `like` names, or NULL. */
struct dhcp_lease *dhcp_lease_by_kept(const struct dhcp_leases *ls, const struct dhcp_lease *like);
/* Its client will find it. The client's other record must have left. */
void dhcp_lease_chain(struct dhcp_leases *ls, struct dhcp_lease *lease);
/* Its client has another address now: it no longer finds this one, which stays taken while it is
 * valid. */
void dhcp_lease_leave(struct dhcp_leases *ls, struct dhcp_lease *old);
/* It has no client. */
void dhcp_lease_forget(struct dhcp_leases *ls, struct dhcp_lease *lease);
/* As dhcp_leases_set, with the moment on the leases' clock. */
void dhcp_lease_until(struct dhcp_leases *ls, struct dhcp_lease *lease, enum dhcp_lease_state state,
                      uint32_t expires_s);

#endif
