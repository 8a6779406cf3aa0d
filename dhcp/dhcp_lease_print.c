/* SPDX-License-Identifier: ISC */
/* dhcp_lease_print.c - a lease as a line of text. */
#include <morgana/dhcp_lease.h>
#include <morgana/log.h>

#define LEASE_STATE_NAME(name) #name,
const char *dhcp_lease_state_name(enum dhcp_lease_state state)
{
    static const char *const names[] = {DHCP_LEASE_STATES(LEASE_STATE_NAME)};
    STATIC_ASSERT(ARRAY_SIZE(names) == DHCP_LEASE_STATE_COUNT, "a name for each state");

    return (unsigned)state < ARRAY_SIZE(names) ? names[state] : "?";
}

size_t dhcp_lease_print(const struct dhcp_leases *ls, const struct dhcp_lease *lease, char *out,
                        size_t size)
{
    uint32_t left_s = dhcp_lease_left_s(ls, lease);
    char id[2 * DHCP_LEASE_ID_BYTES + 1] = "-", left[16];

    if (lease->id_len && lease->by_id)
        (void)cs_to_hex(cs_ro_of(lease->id, size_min(lease->id_len, DHCP_LEASE_ID_BYTES)), id,
                        sizeof(id));
    if (left_s == DHCP_INFINITE)
        fmt_buf(left, sizeof(left), "forever");
    else
        fmt_buf(left, sizeof(left), "%u s", left_s);
    return fmt_buf(out, size, "%-15s  %-17s  %-20s  %-9s  %10s  %.*s", fmt_ip4(lease->addr).text,
                   lease->mac_len ? fmt_mac(lease->mac).text : "-", id,
                   dhcp_lease_state_name(dhcp_lease_state(ls, lease)), left,
                   lease->name_len ? (int)lease->name_len : 1, lease->name_len ? lease->name : "-");
}
