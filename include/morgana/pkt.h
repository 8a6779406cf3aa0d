/* SPDX-License-Identifier: ISC */
/* pkt.h - packets: a short list of views into pages, with the state of their checksum.
 *
 * A packet holds one reference to the page of each fragment. Bytes before the first fragment's
 * offset are headroom, into which a lower layer pushes its header without a copy. What must copy is
 * counted in pkt_stats, so that "zero copy" is a number. */
#ifndef MORGANA_PKT_H
#define MORGANA_PKT_H

#include <morgana/err.h>
#include <morgana/page.h>

#define PKT_FRAGS_MAX 18u /* XEN_NETIF_NR_SLOTS_MIN of io/netif.h */
/* Usual headroom: Ethernet 14 + IPv4 20 + TCP 60 are 94; only 40 bytes of IPv4 options pass it. */
#define PKT_HEADROOM_BYTES 128u

/* What is known of the transport checksum (TCP, UDP). */
enum pkt_csum {
    PKT_CSUM_UNKNOWN,   /* in: verify it. out: it stands in the packet */
    PKT_CSUM_VALIDATED, /* in: the device vouches for it. out: the same as UNKNOWN */
    /* The field holds the pseudo-header's sum only. in: the data come from a trusted place (the
     * same host): not to be verified. out: whoever puts the packet on a wire must complete it */
    PKT_CSUM_BLANK,
    PKT_CSUM_STATES
};

struct pkt_frag {
    struct page *page;
    uint16_t off; /* first byte in the page */
    uint16_t len; /* bytes; off + len <= PAGE_BYTES */
};

struct pkt_pool;

/* A super-segment is a TCP packet over IPv4, longer than the link's MTU, that stands for several:
 * each has `gso_size` bytes of its payload, the last one maybe fewer, and its headers as template.
 * IPv4's total length, its checksum, and TCP's pseudo-header sum are those of the long packet. Who
 * cuts it up, be it the device or Linux behind it, counts sequence numbers and identification on,
 * sets FIN and PSH in the last segment only and CWR in the first only.
 *   out: only where netdev_caps.gso_max_bytes allows it; csum is BLANK.
 *   in:  only where netdev_caps.gso_rx says so: segments of one connection that came together, none
 *        with FIN or PSH but maybe the last. The driver has seen that it is TCP over IPv4, not a
 *        fragment; csum is as of any packet, and is of the long packet. */
struct pkt {
    struct pkt *next; /* for whoever owns the packet: queues are lists of packets */
    struct pkt_pool *pool;
    uint32_t len; /* sum of the fragments' lengths */
    uint8_t frag_count;
    uint8_t csum;        /* enum pkt_csum */
    uint16_t csum_start; /* BLANK: offset of the transport header in the packet */
    uint16_t csum_off;   /* BLANK: offset of the checksum field from csum_start */
    uint16_t gso_size;   /* bytes of payload in each segment of a super-segment; 0: it is none */
    struct pkt_frag frag[PKT_FRAGS_MAX];
};

struct pkt_stats {
    uint64_t copied_bytes; /* bytes moved by pkt_pull_up, pkt_linearise, pkt_append_copy */
    uint64_t linearised;   /* packets joined because a device cannot gather */
    uint64_t pulled_up;    /* headers joined because they straddled fragments */
};

struct pkt_pool {
    struct pkt *pkts;
    struct pkt *free;
    struct page_pool *pages;
    uint32_t total, free_count, free_min;
    uint64_t empty; /* allocations refused */
    struct pkt_stats stats;
};

/* Makes a pool of `n` packets whose bytes come from `pages`. Keeps both. */
void pkt_pool_init(struct pkt_pool *pool, struct pkt *pkts, uint32_t n, struct page_pool *pages);

/* The frag_count of a packet in the free list, so that putting one twice asserts. */
#define PKT_IN_POOL UINT8_MAX

/* Gives an empty packet: no fragment, length 0, checksum UNKNOWN, no super-segment; NULL
 * (counted) when none is left. */
static inline struct pkt *pkt_get(struct pkt_pool *pool)
{
    struct pkt *pkt = pool->free;

    if (UNLIKELY(pkt == NULL)) {
        pool->empty++;
        return NULL;
    }
    pool->free = pkt->next;
    if (--pool->free_count < pool->free_min)
        pool->free_min = pool->free_count;
    pkt->next = NULL;
    pkt->len = 0;
    pkt->frag_count = 0;
    pkt->csum = PKT_CSUM_UNKNOWN;
    pkt->csum_start = 0;
    pkt->csum_off = 0;
    pkt->gso_size = 0;
    return pkt;
}

/* Takes the packet, and its references to pages. NULL is allowed. */
void pkt_put(struct pkt *pkt);

/* Gives a packet with one fragment of `len` bytes, uninitialised, after `headroom` bytes; headroom
 * + len <= PAGE_BYTES. NULL where a packet or a page is missing. */
struct pkt *pkt_alloc(struct pkt_pool *pool, uint32_t headroom, uint32_t len);

/* Adds a fragment at the end; Takes the caller's reference on success. -E_NOSPC at
 * PKT_FRAGS_MAX. */
static inline int pkt_append_take(struct pkt *pkt, struct page *page, uint32_t off, uint32_t len)
{
    ASSERT(off <= PAGE_BYTES && len <= PAGE_BYTES - off);
    if (UNLIKELY(pkt->frag_count == PKT_FRAGS_MAX))
        return -E_NOSPC;
    pkt->frag[pkt->frag_count++] = (struct pkt_frag){page, (uint16_t)off, (uint16_t)len};
    pkt->len += len;
    return 0;
}

/* The same, but the packet gets a reference of its own: the caller keeps its. */
static inline int pkt_append(struct pkt *pkt, struct page *page, uint32_t off, uint32_t len)
{
    int err = pkt_append_take(pkt, page, off, len);

    if (LIKELY(err == 0))
        page_ref(page);
    return err;
}

/* Appends a copy of `bytes` (counted), filling the last page and then new ones. On failure
 * (-E_NOMEM, -E_NOSPC) nothing is appended. */
int pkt_append_copy(struct pkt *pkt, struct cs_ro bytes);

/* The general case of pkt_push. */
int pkt_push_page(struct pkt *pkt, uint32_t n, struct cs *front);
/* Grows at the front by `n` bytes and gives them as a writable view: from the first fragment's
 * headroom where that page has no other reference (else its neighbours' bytes could be
 * overwritten), else in a new page put in front. -E_NOMEM, -E_NOSPC; n <= PAGE_BYTES. csum_start
 * moves along. */
static inline int pkt_push(struct pkt *pkt, uint32_t n, struct cs *front)
{
    struct pkt_frag *first = &pkt->frag[0];

    if (UNLIKELY(pkt->csum == PKT_CSUM_BLANK || pkt->frag_count == 0 || n > first->off ||
                 first->page->refs != 1))
        return pkt_push_page(pkt, n, front);
    first->off = (uint16_t)(first->off - n);
    first->len = (uint16_t)(first->len + n);
    pkt->len += n;
    *front = cs_of(first->page->base + first->off, n);
    return 0;
}

/* The general case of pkt_pull. */
void pkt_pull_frags(struct pkt *pkt, uint32_t n);
/* Cuts `n` bytes off the front; n <= len. Fragments that become empty are put. A BLANK checksum's
 * csum_start moves along; when the cut goes past it there is nothing left to complete, and the
 * packet becomes VALIDATED. */
static inline void pkt_pull(struct pkt *pkt, uint32_t n)
{
    if (UNLIKELY(pkt->csum == PKT_CSUM_BLANK || pkt->frag_count == 0 || n >= pkt->frag[0].len)) {
        pkt_pull_frags(pkt, n);
        return;
    }
    pkt->frag[0].off = (uint16_t)(pkt->frag[0].off + n);
    pkt->frag[0].len = (uint16_t)(pkt->frag[0].len - n);
    pkt->len -= n;
}

/* Cuts the packet to `len` bytes from the front; len <= pkt->len. */
void pkt_trim(struct pkt *pkt, uint32_t len);

/* The general case of pkt_pull_up. */
bool pkt_pull_up_frags(struct pkt *pkt, uint32_t n, struct cs_ro *front);
/* The first `n` bytes as one read-only view; where they straddle fragments they are joined first
 * (counted). False where the packet is shorter, n > PAGE_BYTES, or memory for joining is missing.
 */
static inline bool pkt_pull_up(struct pkt *pkt, uint32_t n, struct cs_ro *front)
{
    struct cs_ro joined; /* so that `front` can live in registers */

    if (LIKELY(pkt->frag_count != 0 && pkt->frag[0].len >= n)) {
        *front = cs_ro_of(pkt->frag[0].page->base + pkt->frag[0].off, n);
        return true;
    }
    if (!pkt_pull_up_frags(pkt, n, &joined))
        return false;
    *front = joined;
    return true;
}

/* Makes the packet one fragment (counted); needs len <= PAGE_BYTES: -E_MSGSIZE, -E_NOMEM. A packet
 * of one fragment is left alone. */
int pkt_linearise(struct pkt *pkt);

/* One fragment as a view. */
static inline struct cs_ro pkt_frag_view(const struct pkt *pkt, unsigned i)
{
    ASSERT(i < pkt->frag_count);
    return cs_ro_of(pkt->frag[i].page->base + pkt->frag[i].off, pkt->frag[i].len);
}

/* The same to write to: for packets of our own, whose page has no other reader. */
static inline struct cs pkt_frag_rw(const struct pkt *pkt, unsigned i)
{
    ASSERT(i < pkt->frag_count);
    return cs_of(pkt->frag[i].page->base + pkt->frag[i].off, pkt->frag[i].len);
}

/* Copies `n` bytes from `off` of the packet to `to` (not counted: the caller wants them elsewhere).
 * False where short. */
bool pkt_read(const struct pkt *pkt, uint32_t off, struct cs to);

/* A second packet that shares the same pages (more references, no copy), from `off`, `len` bytes;
 * NULL where no packet is left. csum state is UNKNOWN, and it is no super-segment. */
struct pkt *pkt_share(struct pkt *pkt, uint32_t off, uint32_t len);
/* What a packet says of itself beside its bytes, for a copy or a share of all of them. */
static inline void pkt_copy_meta(struct pkt *to, const struct pkt *from)
{
    to->csum = from->csum;
    to->csum_start = from->csum_start;
    to->csum_off = from->csum_off;
    to->gso_size = from->gso_size;
}

/* Bytes of a super-segment's headers, Ethernet's to TCP's options: where its payload starts. 0
 * where it is none that could be sent: csum not BLANK with TCP's field, headers longer than the
 * packet or not in the first fragment. */
uint32_t pkt_gso_headers(const struct pkt *pkt);

/* The internet checksum's partial sum over `n` bytes from `off`: see cksum.h. The range must be
 * inside. */
uint32_t pkt_cksum(const struct pkt *pkt, uint32_t off, uint32_t n, uint32_t sum);

/* Completes a BLANK checksum in place: for a device that cannot. Afterwards UNKNOWN. -E_INVAL where
 * csum_start/off are outside the packet. */
int pkt_csum_complete(struct pkt *pkt);

/* A first-in first-out queue of packets. */
struct pkt_queue {
    struct pkt *head, *tail;
    uint32_t count;
};

/* Takes pkt. */
static inline void pkt_queue_push(struct pkt_queue *queue, struct pkt *pkt)
{
    pkt->next = NULL;
    if (queue->tail == NULL)
        queue->head = pkt;
    else
        queue->tail->next = pkt;
    queue->tail = pkt;
    queue->count++;
}

/* Gives the oldest, or NULL. */
static inline struct pkt *pkt_queue_pop(struct pkt_queue *queue)
{
    struct pkt *pkt = queue->head;

    if (pkt == NULL)
        return NULL;
    queue->head = pkt->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    queue->count--;
    pkt->next = NULL;
    return pkt;
}

/* Puts all. */
void pkt_queue_clear(struct pkt_queue *queue);

#endif
