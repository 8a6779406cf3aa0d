/* SPDX-License-Identifier: ISC */
/* dhcp_conf_check.c - dhcpd.conf: what must hold between statements, checked as each is read so
 * that the place is known. */
#include <morgana/log.h>

#include "dhcp_conf_priv.h"

bool dhcp_conf_check_subnet(struct conf_parser *p, const struct dhcp_subnet *subnet, uint32_t line,
                            uint32_t column)
{
    uint32_t host = ~subnet->mask;

    if ((host & (host + 1)) != 0)
        return dhcp_conf_fail_at(p, line, column, "the netmask %s has a hole in it",
                                 fmt_ip4(subnet->mask).text);
    if (subnet->net & host)
        return dhcp_conf_fail_at(p, line, column, "the subnet %s has bits outside its netmask %s",
                                 fmt_ip4(subnet->net).text, fmt_ip4(subnet->mask).text);
    for (const struct dhcp_subnet *s = p->conf->subnets; s; s = s->next)
        if (((s->net ^ subnet->net) & s->mask & subnet->mask) == 0)
            return dhcp_conf_fail_at(p, line, column, "the subnet overlaps with subnet %s above",
                                     fmt_ip4(s->net).text);
    return true;
}

/* A range that shares an address with `range`, or NULL. */
static const struct dhcp_range *overlapping(const struct dhcp_subnet *subnet,
                                            const struct dhcp_range *range)
{
    for (const struct dhcp_pool *pool = subnet->pools; pool; pool = pool->next)
        for (const struct dhcp_range *r = pool->ranges; r; r = r->next)
            if (r != range && r->low <= range->high && range->low <= r->high)
                return r;
    return NULL;
}

struct dhcp_subnet *dhcp_conf_subnet_of(const struct conf_parser *p, uint32_t addr)
{
    struct dhcp_subnet *s = p->conf->subnets;

    while (s && (addr & s->mask) != s->net)
        s = s->next;
    return s;
}

bool dhcp_conf_check_range(struct conf_parser *p, const struct dhcp_range *range, uint32_t line,
                           uint32_t column)
{
    const struct dhcp_subnet *subnet = dhcp_conf_subnet_of(p, range->low);
    const struct dhcp_range *other;

    if (!subnet || subnet != dhcp_conf_subnet_of(p, range->high))
        return dhcp_conf_fail_at(p, line, column,
                                 "the range %s to %s is not inside a subnet declared here",
                                 fmt_ip4(range->low).text, fmt_ip4(range->high).text);
    if (range->low > range->high)
        return dhcp_conf_fail_at(p, line, column, "the range ends at %s, before it begins at %s",
                                 fmt_ip4(range->high).text, fmt_ip4(range->low).text);
    if (~subnet->mask > 1 &&
        (range->low == subnet->net || range->high == (subnet->net | ~subnet->mask)))
        return dhcp_conf_fail_at(
            p, line, column, "the range holds the subnet's network or broadcast address %s",
            fmt_ip4(range->low == subnet->net ? range->low : range->high).text);
    other = overlapping(subnet, range);
    if (other)
        return dhcp_conf_fail_at(p, line, column,
                                 "the range overlaps with the range %s to %s above",
                                 fmt_ip4(other->low).text, fmt_ip4(other->high).text);
    return true;
}

bool dhcp_conf_check_scope(struct conf_parser *p, const struct dhcp_scope *scope, uint32_t line,
                           uint32_t column)
{
    uint32_t both = DHCP_SET_MIN_LEASE | DHCP_SET_MAX_LEASE;

    if ((scope->set & both) == both && scope->min_lease_s > scope->max_lease_s)
        return dhcp_conf_fail_at(p, line, column, "min-lease-time %u is above max-lease-time %u",
                                 scope->min_lease_s, scope->max_lease_s);
    return true;
}
