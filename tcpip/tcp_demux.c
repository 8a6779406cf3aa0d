/* SPDX-License-Identifier: ISC */
/* tcp_demux.c - whose is a segment: connections, half-open ones and those in TIME-WAIT by their
 * two ends, in one table; listeners by port.
 *
 * A peer chooses its own end, and must not be able to choose the bucket too. The hash is
 * multilinear with secret factors, which is strongly universal (Lemire and Kaser, "Strongly
 * universal string hashing is fast", 2014): nobody who does not see hashes can do better than
 * chance. Nothing we send depends on one. */
#include "tcpip/tcp_priv.h"

STATIC_ASSERT((TCP_LISTEN_BUCKETS & (TCP_LISTEN_BUCKETS - 1)) == 0, "a mask picks the bucket");

static inline struct tcp_link **bucket(const struct tcp *tcp, const struct tcp_key *key)
{
    const uint64_t *secret = tcp->hash_key;
    uint32_t ports = (uint32_t)key->src_port << 16 | key->dst_port;
    uint64_t sum = secret[0] + secret[1] * key->src + secret[2] * key->dst + secret[3] * ports;

    return &tcp->buckets[(uint32_t)(sum >> 32) & tcp->bucket_mask];
}

static inline bool same_key(const struct tcp_key *a, const struct tcp_key *b)
{
    return a->dst_port == b->dst_port && a->dst == b->dst && a->src_port == b->src_port &&
           a->src == b->src;
}

struct tcp_link *tcp_demux_find(const struct tcp *tcp, const struct tcp_key *key)
{
    struct tcp_link *link = *bucket(tcp, key);

    while (link != NULL && UNLIKELY(!same_key(&link->key, key)))
        link = link->next;
    return link;
}

void tcp_demux_add(struct tcp *tcp, struct tcp_link *link)
{
    struct tcp_link **head = bucket(tcp, &link->key);

    link->next = *head;
    *head = link;
}

void tcp_demux_remove(struct tcp *tcp, struct tcp_link *link)
{
    struct tcp_link **at = bucket(tcp, &link->key);

    while (*at != link) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = link->next;
    link->next = NULL;
}

/* Ports of listeners are ours to choose, so this hash need not be secret. */
struct tcp_listener **tcp_demux_listeners(struct tcp *tcp, uint16_t port)
{
    return &tcp->listening[port & (TCP_LISTEN_BUCKETS - 1)];
}

struct tcp_listener *tcp_demux_listener(const struct tcp *tcp, uint32_t addr, uint16_t port)
{
    struct tcp_listener *listener = tcp->listening[port & (TCP_LISTEN_BUCKETS - 1)], *any = NULL;

    for (; listener != NULL; listener = listener->next) {
        if (listener->port != port)
            continue;
        if (listener->addr == addr)
            return listener;
        if (listener->addr == IP4_ANY)
            any = listener;
    }
    return any;
}
