/* SPDX-License-Identifier: ISC */
/* tcp_isn.c - numbers that others see and nobody may guess: initial sequence numbers (RFC 6528),
 * offsets of timestamps (RFC 7323 section 7.1), ports (RFC 6056). */
#include "tcpip/siphash.h"
#include "tcpip/tcp_priv.h"

enum {
    PORT_FIRST = 32768,
    PORT_LAST = 60999,
    PORTS = PORT_LAST - PORT_FIRST + 1,
    ISN_TICK_NS = 4000, /* RFC 9293 section 3.4.1 */
    SALT_ISN = 0x69736e,
    SALT_TS = 0x7473,
    SALT_PORT = 0x706f7274,
    SALT_TABLE = 0x7461626c,
};

static uint64_t hash(const struct tcp *tcp, uint32_t src, uint32_t dst, uint32_t ports,
                     uint32_t salt)
{
    uint64_t words[2] = {(uint64_t)src << 32 | dst, (uint64_t)ports << 32 | salt};

    return siphash_words(tcp->conf.key, words, 2);
}

/* RFC 6528 section 3: a clock that never goes back, plus where this pair of ends stands. */
uint32_t tcp_isn(const struct tcp *tcp, const struct tcp_key *key, uint64_t now)
{
    uint32_t ports = (uint32_t)key->src_port << 16 | key->dst_port;
    uint32_t isn =
        (uint32_t)hash(tcp, key->src, key->dst, ports, SALT_ISN) + (uint32_t)(now / ISN_TICK_NS);

    return isn != 0 ? isn : 1; /* 0 is "none" where one is passed on */
}

/* One clock for a pair of hosts: so it goes on from one connection to the next (RFC 6191). */
uint32_t tcp_ts_offset(const struct tcp *tcp, const struct tcp_key *key)
{
    return (uint32_t)hash(tcp, key->src, key->dst, 0, SALT_TS);
}

/* Is the port free for these ends? again: one in TIME-WAIT that may be taken over is too. */
static bool is_free(struct tcp *tcp, const struct tcp_key *key, bool again)
{
    const struct tcp_link *link;

    if (tcp_demux_listener(tcp, key->src, key->src_port) != NULL)
        return false;
    link = tcp_demux_find(tcp, key);
    if (link == NULL)
        return true;
    return again && link->kind == TCP_LINK_TW &&
           tcp_tw_may_reuse((const struct tcp_tw *)(const void *)link, tcp->now);
}

/* RFC 6056 section 3.3.4: ports to one peer rise from a start that only we know; the count, which
 * destinations share by a hash of their own, does not tell of others' connections. Every port is
 * looked at once, so the search ends; then once more for those in TIME-WAIT. */
uint16_t tcp_port_choose(struct tcp *tcp, const struct tcp_key *key)
{
    uint32_t offset = (uint32_t)hash(tcp, key->src, key->dst, key->dst_port, SALT_PORT);
    uint64_t which = hash(tcp, key->src, key->dst, key->dst_port, SALT_TABLE);
    uint16_t *count = &tcp->port_counts[which % TCP_PORT_COUNTS];
    struct tcp_key probe = *key;

    for (uint32_t i = 0; i < 2 * PORTS; i++) {
        probe.src_port = (uint16_t)(PORT_FIRST + (offset % PORTS + (*count)++) % PORTS);
        if (is_free(tcp, &probe, i >= PORTS))
            return probe.src_port;
    }
    return 0;
}
