/* SPDX-License-Identifier: ISC */
/* netfront_hash.h - the Toeplitz hash of io/netif.h, and which queue a hash value leads to.
 *
 * The backend hashes what it gives us, and takes the queue from a table that we gave it; we hash
 * what we send as if it were the answer, so both directions of a connection are in one queue.
 */
#ifndef NETFRONT_HASH_H
#define NETFRONT_HASH_H

#include <morgana/cstruct.h>

#define NETFRONT_HASH_KEY_BYTES 40u  /* RSS's, and the longest that Linux's netback takes */
#define NETFRONT_HASH_MAP_MAX 128u   /* as many as Linux's netback takes */
#define NETFRONT_HASH_FLOW_BYTES 12u /* two IPv4 addresses and two ports */

struct netfront_hash {
    uint8_t key[NETFRONT_HASH_KEY_BYTES];
    uint8_t map[NETFRONT_HASH_MAP_MAX]; /* queue of hash value modulo map_size */
    uint32_t map_size;                  /* 0: the queue is the hash value modulo their number */
    /* What each half byte of a flow adds, by its place and value: from the key. */
    uint32_t part[2 * NETFRONT_HASH_FLOW_BYTES][16];
};

/* The hash of any bytes, bit by bit: the definition. */
uint32_t netfront_hash_toeplitz(struct cs_ro key, struct cs_ro bytes);

/* Takes the key over; no table. Lends key: NETFRONT_HASH_KEY_BYTES. */
void netfront_hash_init(struct netfront_hash *hash, const uint8_t *key);

/* The hash of an Ethernet frame we send, whose headers begin in `first`: of the ends of its answer,
 * that is, with source and destination in each other's place. TCP: addresses and ports, as the
 * backend's XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP; UDP: the same, though the backend knows no such
 * type; other IPv4, and fragments: addresses. Anything else: 0. */
uint32_t netfront_hash_answer(const struct netfront_hash *hash, struct cs_ro first);

/* The queue, below `queues`. */
static inline uint32_t netfront_hash_queue(const struct netfront_hash *hash, uint32_t value,
                                           uint32_t queues)
{
    uint32_t queue = hash->map_size != 0 ? hash->map[value % hash->map_size] : value;

    return queue % queues;
}

#endif
