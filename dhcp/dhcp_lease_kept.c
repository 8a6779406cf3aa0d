/* SPDX-License-Identifier: ISC */
/* dhcp_lease_kept.c - a record of the table as it is written down, and back.
 *
 * What is written down is what a server must know after a restart: who has which address until
 * when, which addresses are out of use, and who had an address that is free. Offers and probes are
 * forgotten: their clients ask again. */
#include "dhcp_lease_priv.h"

bool dhcp_lease_keep(const struct dhcp_leases *ls, const struct dhcp_lease *lease,
                     struct dhcp_lease_kept *kept)
{
    enum dhcp_lease_state state = dhcp_lease_state(ls, lease);

    *kept = (struct dhcp_lease_kept){.addr = lease->addr, .state = DHCP_LEASE_FREE};
    if (state == DHCP_LEASE_PROBING || state == DHCP_LEASE_OFFERED)
        return false;
    kept->state = (uint8_t)state;
    kept->expires_s =
        lease->expires_s == DHCP_LEASE_NEVER ? DHCP_LEASE_KEPT_NEVER : lease->expires_s;
    kept->id_len = lease->id_len;
    kept->by_id = lease->by_id;
    kept->is_current = lease->in_clients;
    kept->mac_len = lease->mac_len;
    kept->name_len = lease->name_len;
    memcpy(kept->mac, lease->mac, lease->mac_len);
    memcpy(kept->id, lease->id, size_min(lease->id_len, DHCP_LEASE_ID_BYTES));
    memcpy(kept->name, lease->name, lease->name_len);
    return state != DHCP_LEASE_FREE || (lease->id_len && lease->had_lease);
}

bool dhcp_leases_restore(struct dhcp_leases *ls, const struct dhcp_lease_kept *kept, uint16_t pool,
                         uint16_t net)
{
    struct dhcp_lease *lease = dhcp_leases_by_addr(ls, kept->addr), *old;
    enum dhcp_lease_state state = (enum dhcp_lease_state)kept->state;
    size_t id_bytes = size_min(kept->id_len, DHCP_LEASE_ID_BYTES);

    ASSERT(state == DHCP_LEASE_FREE || state == DHCP_LEASE_BOUND || state == DHCP_LEASE_ABANDONED);
    ASSERT(kept->name_len <= DHCP_LEASE_NAME_BYTES && (kept->mac_len == 0 || kept->mac_len == 6));
    if (state != DHCP_LEASE_FREE && kept->expires_s <= ls->now_s)
        state = DHCP_LEASE_FREE;
    /* What is only remembered takes nobody else's place. */
    if (!lease && state == DHCP_LEASE_FREE && (!kept->id_len || ls->used == ls->max))
        return true;
    lease = dhcp_leases_get(ls, kept->addr, pool, net);
    if (!lease)
        return false;
    dhcp_leases_set(ls, lease, DHCP_LEASE_FREE, 0);
    dhcp_lease_forget(ls, lease);
    if (kept->id_len && kept->state != DHCP_LEASE_ABANDONED) {
        memcpy(lease->id, kept->id, id_bytes);
        lease->id_len = kept->id_len;
        lease->by_id = kept->by_id;
        lease->net = net;
        lease->client_hash =
            dhcp_lease_client_hash(ls, net, kept->by_id, cs_ro_of(kept->id, id_bytes));
        lease->had_lease = true;
        if (kept->is_current) {
            old = dhcp_lease_by_kept(ls, lease);
            if (old)
                dhcp_lease_leave(ls, old);
            dhcp_lease_chain(ls, lease);
        } else if (state == DHCP_LEASE_FREE) {
            dhcp_lease_forget(ls, lease);
        }
    }
    if (lease->id_len) {
        lease->mac_len = kept->mac_len;
        memcpy(lease->mac, kept->mac, kept->mac_len);
        lease->name_len = kept->name_len;
        for (size_t i = 0; i < kept->name_len; i++)
            lease->name[i] = kept->name[i] > ' ' && kept->name[i] < 0x7f ? kept->name[i] : '?';
    }
    dhcp_lease_until(ls, lease, state,
                     (uint32_t)u64_min(kept->expires_s, kept->expires_s == DHCP_LEASE_KEPT_NEVER
                                                            ? DHCP_LEASE_NEVER
                                                            : DHCP_LEASE_NEVER - 1));
    return true;
}

void dhcp_leases_restored(struct dhcp_leases *ls)
{
    for (uint32_t i = 0; i < ls->used; i++) {
        const struct dhcp_lease *lease = &ls->lease[i];
        struct dhcp_lease_pool *pool;

        if (lease->pool == DHCP_LEASE_STATIC)
            continue;
        pool = &ls->pools[lease->pool];
        /* The cursor goes up: what lies above the highest that was in use is fresh. */
        for (const struct dhcp_range *r = pool->conf->ranges; r && pool->range; r = r->next)
            if (lease->addr >= r->low && lease->addr <= r->high && lease->addr >= pool->addr) {
                pool->range = r;
                pool->addr = lease->addr;
            }
    }
}

void dhcp_leases_use_id_key(struct dhcp_leases *ls, const uint64_t key[2])
{
    ASSERT(ls->used == 0);
    ls->id_key[0] = key[0];
    ls->id_key[1] = key[1];
}
