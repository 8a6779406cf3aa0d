/* SPDX-License-Identifier: ISC */
/* ip4_frag.c - reassembly (RFC 791 section 3.2, RFC 1122 section 3.3.2), bounded in datagrams,
 * memory, time and work.
 *
 * Theory of operation
 *
 * A datagram in reassembly is in one of these states:
 *
 *     SHARED  its fragments are held as they came, in views, not copied: up to PKT_FRAGS_MAX of
 *             them, which is what a packet can list
 *     PLACED  it has more. Its bytes were copied to where they belong in a row of pages, those of
 *             later fragments are too, and a bit for each unit of 8 bytes says what is there.
 *             Copies are counted in pkt_stats
 *     DEAD    two fragments contradicted each other: it holds nothing, and swallows what still
 *             comes until its time is up (RFC 5722 section 4 says why: else the attacker's
 *             fragments complete the next datagram)
 *
 * So a fragment costs at most a look at 18 others, or its own length: never more because much is
 * queued (FragmentSmack). A datagram holds at most 18 pages. When all of them together hold more
 * than frag_bytes_max, or there are more than frags_max, the oldest go: an attacker who wants to
 * push others out must go on sending, one who just leaves fragments behind is forgotten in 30 s.
 *
 * Overlap gives up the whole datagram (teardrop, RFC 1858); the very same fragment a second time is
 * the network's doing and harmless.
 *
 * A PLACED datagram begins IP4_FRAG_HEADROOM bytes into its first page, with the first fragment's
 * headers right before: when it is whole it looks like one long frame.
 *
 * Queues are found by a hash; the array of queues is its own table of buckets. By age they stand in
 * one list: all live for 30 s, so the oldest expires first.
 */
#include "tcpip/age_list.h"
#include "tcpip/siphash.h"
#include "tcpip/tcpip_priv.h"
#include "tcpip/wire/icmp4.h"

enum frag_state { FRAG_FREE, FRAG_SHARED, FRAG_PLACED, FRAG_DEAD };

enum { IP4_FRAG_HEADROOM = 128, IP4_FRAG_UNIT = 8, IP4_FRAG_FIRST_BYTES = 8 };

#define IP4_FRAG_LIFE_NS (30 * NS_PER_S)

STATIC_ASSERT(IP4_FRAG_HEADROOM + IP4_TOTAL_MAX <= IP4_FRAG_PAGES * PAGE_BYTES, "the longest fits");
STATIC_ASSERT(IP4_FRAG_HEADROOM >= eth_SIZE + IP4_HEADER_MAX, "headers fit before it");
STATIC_ASSERT(IP4_FRAG_PAGES <= PKT_FRAGS_MAX, "a packet can list the pages");

/* ---- lists and buckets ---------------------------------------------------------------------- */

static uint32_t index1(const struct netif *nif, const struct ip4_frag_queue *q)
{
    return (uint32_t)(q - nif->conf.frags) + 1;
}

static struct ip4_frag_queue *at1(const struct netif *nif, uint32_t i)
{
    return i == 0 ? NULL : &nif->conf.frags[i - 1];
}

static struct age_array ages(const struct netif *nif)
{
    return (struct age_array){nif->conf.frags, sizeof(struct ip4_frag_queue),
                              offsetof(struct ip4_frag_queue, age)};
}

static uint32_t *bucket(const struct netif *nif, uint32_t src, uint32_t dst, uint16_t id,
                        uint8_t protocol)
{
    uint64_t words[2] = {(uint64_t)src << 32 | dst, (uint64_t)id << 8 | protocol};
    uint64_t hash = siphash_words(nif->conf.key, words, 2);

    return &nif->conf.frags[(hash >> 32) * nif->conf.frags_max >> 32].bucket;
}

void ip4_frag_init(struct netif *nif)
{
    for (uint32_t i = 0; i < nif->conf.frags_max; i++) {
        nif->conf.frags[i].state = FRAG_FREE;
        nif->conf.frags[i].bucket = 0;
        nif->conf.frags[i].next = i + 1 < nif->conf.frags_max ? i + 2 : 0;
    }
    nif->frag_free = nif->conf.frags_max == 0 ? 0 : 1;
}

static struct ip4_frag_queue *find(const struct netif *nif, const struct ip4_hdr *ip)
{
    struct ip4_frag_queue *q = at1(nif, *bucket(nif, ip->src, ip->dst, ip->id, ip->protocol));

    while (q != NULL && (q->src != ip->src || q->dst != ip->dst || q->id != ip->id ||
                         q->protocol != ip->protocol))
        q = at1(nif, q->next);
    return q;
}

/* Gives up what a datagram holds. */
static void empty(struct netif *nif, struct ip4_frag_queue *q)
{
    if (q->state == FRAG_SHARED)
        for (uint32_t i = 0; i < q->count; i++)
            pkt_put(q->u.frag[i]);
    if (q->state == FRAG_PLACED)
        for (uint32_t i = 0; i < IP4_FRAG_PAGES; i++)
            if (q->u.page[i] != NULL)
                page_put(q->u.page[i]);
    nif->frag_pages -= q->pages;
    q->pages = 0;
    q->count = 0;
    q->state = FRAG_DEAD;
}

/* Ends a datagram: its slot is free. */
static void release(struct netif *nif, struct ip4_frag_queue *q)
{
    uint32_t *link = bucket(nif, q->src, q->dst, q->id, q->protocol), i = index1(nif, q);
    struct age_array array = ages(nif);

    empty(nif, q);
    while (*link != i)
        link = &at1(nif, *link)->next;
    *link = q->next;
    age_list_remove(&array, &nif->frag_ages, i);
    q->state = FRAG_FREE;
    q->next = nif->frag_free;
    nif->frag_free = i;
}

void ip4_frag_fini(struct netif *nif)
{
    while (nif->frag_ages.oldest != 0)
        release(nif, at1(nif, nif->frag_ages.oldest));
}

/* Gives up the oldest datagram but `keep`. False: there is no other. */
static bool evict(struct netif *nif, const struct ip4_frag_queue *keep)
{
    struct ip4_frag_queue *q = at1(nif, nif->frag_ages.oldest);

    if (q == keep && q != NULL)
        q = at1(nif, q->age.newer);
    if (q == NULL)
        return false;
    nif->stats.frag_limit += q->state != FRAG_DEAD;
    release(nif, q);
    return true;
}

/* A new datagram; there is at least one slot. */
static struct ip4_frag_queue *create(struct netif *nif, const struct ip4_hdr *ip, uint64_t now)
{
    struct age_array array = ages(nif);
    struct ip4_frag_queue *q;
    uint32_t *head, i;

    if (nif->frag_free == 0)
        evict(nif, NULL);
    i = nif->frag_free;
    q = at1(nif, i);
    nif->frag_free = q->next;
    head = bucket(nif, ip->src, ip->dst, ip->id, ip->protocol);
    q->next = *head;
    *head = i;
    age_list_add(&array, &nif->frag_ages, i);
    q->src = ip->src;
    q->dst = ip->dst;
    q->id = ip->id;
    q->protocol = ip->protocol;
    q->state = FRAG_SHARED;
    q->expires_at = now + IP4_FRAG_LIFE_NS;
    q->have = q->total = q->end = q->pages = q->count = 0;
    q->header_len = 0;
    netif_timer(nif, q->expires_at);
    return q;
}

/* ---- what is there already ------------------------------------------------------------------ */

enum presence { ABSENT, DUPLICATE, OVERLAP };

/* A fragment on its way in: `len` bytes from `skip` of pkt belong at `off` of the datagram. */
struct piece {
    struct pkt *pkt;
    uint32_t skip, off, len;
};

static struct piece shared_piece(const struct ip4_frag_queue *q, uint32_t i)
{
    struct pkt *pkt = q->u.frag[i];
    uint32_t skip = q->off[i] == 0 ? eth_SIZE + (uint32_t)q->header_len : 0;

    return (struct piece){pkt, skip, q->off[i], pkt->len - skip};
}

/* Are the bytes of `a` and those of `b`, as many from b's start, the same? */
static bool same_bytes(const struct piece *a, const struct piece *b)
{
    uint8_t x[256], y[256];

    for (uint32_t at = 0; at < a->len; at += sizeof(x)) {
        uint32_t n = u32_min(sizeof(x), a->len - at);

        pkt_read(a->pkt, a->skip + at, cs_of(x, n));
        pkt_read(b->pkt, b->skip + at, cs_of(y, n));
        if (memcmp(x, y, n) != 0)
            return false;
    }
    return true;
}

static enum presence shared_presence(const struct ip4_frag_queue *q, const struct piece *piece)
{
    for (uint32_t i = 0; i < q->count; i++) {
        struct piece other = shared_piece(q, i);

        if (piece->off >= other.off + other.len || other.off >= piece->off + piece->len)
            continue;
        if (piece->off == other.off && piece->len == other.len && same_bytes(piece, &other))
            return DUPLICATE;
        return OVERLAP;
    }
    return ABSENT;
}

/* The bits of units first..last that lie in word `w`. */
static uint64_t map_bits(uint32_t w, uint32_t first, uint32_t last)
{
    uint32_t low = w == first / 64 ? first % 64 : 0, high = w == last / 64 ? last % 64 : 63;

    return UINT64_MAX >> (63 - (high - low)) << low;
}

/* The part of a page that holds byte `at` of the datagram, and how much of it is left. */
static struct cs placed_at(const struct ip4_frag_queue *q, uint32_t at)
{
    uint32_t pos = IP4_FRAG_HEADROOM + at;

    return cs_shift(page_view(q->u.page[pos / PAGE_BYTES]), pos % PAGE_BYTES);
}

static bool placed_same(const struct ip4_frag_queue *q, const struct piece *piece)
{
    uint8_t bytes[256];

    for (uint32_t done = 0, n; done < piece->len; done += n) {
        struct cs there = placed_at(q, piece->off + done);

        n = (uint32_t)size_min(size_min(there.len, sizeof(bytes)), piece->len - done);
        pkt_read(piece->pkt, piece->skip + done, cs_of(bytes, n));
        if (memcmp(bytes, there.base, n) != 0)
            return false;
    }
    return true;
}

static enum presence placed_presence(const struct ip4_frag_queue *q, const struct piece *piece)
{
    uint32_t first = piece->off / IP4_FRAG_UNIT;
    uint32_t last = (piece->off + piece->len - 1) / IP4_FRAG_UNIT;
    bool any = false, all = true;

    for (uint32_t w = first / 64; w <= last / 64; w++) {
        uint64_t bits = map_bits(w, first, last);

        any = any || (q->map[w] & bits) != 0;
        all = all && (q->map[w] & bits) == bits;
    }
    if (!any)
        return ABSENT;
    return all && piece->off + piece->len <= q->end && placed_same(q, piece) ? DUPLICATE : OVERLAP;
}

/* ---- holding and placing -------------------------------------------------------------------- */

/* Copies a piece to its place, and the first one's headers before it. False: no page. */
static bool place(struct netif *nif, struct ip4_frag_queue *q, const struct piece *piece)
{
    uint32_t first = piece->off / IP4_FRAG_UNIT;
    uint32_t last = (piece->off + piece->len - 1) / IP4_FRAG_UNIT;

    for (uint32_t done = 0, n; done < piece->len; done += n) {
        struct page **page = &q->u.page[(IP4_FRAG_HEADROOM + piece->off + done) / PAGE_BYTES];
        struct cs to;

        if (*page == NULL) {
            *page = page_get(nif->conf.pool->pages);
            if (*page == NULL)
                return false;
            q->pages++;
            nif->frag_pages++;
        }
        to = placed_at(q, piece->off + done);
        n = (uint32_t)size_min(to.len, piece->len - done);
        pkt_read(piece->pkt, piece->skip + done, cs_head(to, n));
    }
    if (piece->off == 0) {
        uint32_t headers = eth_SIZE + (uint32_t)q->header_len;

        pkt_read(piece->pkt, piece->skip - headers,
                 cs_sub(page_view(q->u.page[0]), IP4_FRAG_HEADROOM - headers, headers));
    }
    for (uint32_t w = first / 64; w <= last / 64; w++)
        q->map[w] |= map_bits(w, first, last);
    nif->conf.pool->stats.copied_bytes += piece->len;
    return true;
}

/* SHARED -> PLACED. False: no page; then nothing is held any more. */
static bool place_all(struct netif *nif, struct ip4_frag_queue *q)
{
    struct piece pieces[PKT_FRAGS_MAX];
    uint32_t count = q->count;
    bool placed = true;

    for (uint32_t i = 0; i < count; i++)
        pieces[i] = shared_piece(q, i);
    memset(&q->u, 0, sizeof(q->u));
    memset(q->map, 0, sizeof(q->map));
    q->state = FRAG_PLACED;
    nif->frag_pages -= q->pages;
    q->pages = q->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        placed = placed && place(nif, q, &pieces[i]);
        pkt_put(pieces[i].pkt);
    }
    return placed;
}

/* How many pages more the datagram will hold with this piece. */
static uint32_t pages_for(const struct ip4_frag_queue *q, const struct piece *piece)
{
    uint32_t first = (IP4_FRAG_HEADROOM + piece->off) / PAGE_BYTES;
    uint32_t last = (IP4_FRAG_HEADROOM + piece->off + piece->len - 1) / PAGE_BYTES, n = 0;

    if (q->state == FRAG_SHARED)
        return piece->pkt->frag_count;
    for (uint32_t i = first; i <= last; i++)
        n += q->u.page[i] == NULL;
    return n;
}

/* Makes room in the budget. False: this datagram alone would exceed it. */
static bool reserve(struct netif *nif, const struct ip4_frag_queue *q, uint32_t pages)
{
    while ((nif->frag_pages + pages) * (uint64_t)PAGE_BYTES > nif->conf.frag_bytes_max)
        if (!evict(nif, q))
            return false;
    return true;
}

/* Takes piece->pkt on NULL; else gives the counter of what went wrong. */
static uint64_t *hold(struct netif *nif, struct ip4_frag_queue *q, struct piece *piece)
{
    if (q->state == FRAG_SHARED && q->pages + piece->pkt->frag_count > PKT_FRAGS_MAX &&
        !place_all(nif, q))
        return &nif->stats.no_memory;
    if (!reserve(nif, q, pages_for(q, piece)))
        return &nif->stats.frag_limit;
    if (q->state == FRAG_PLACED) {
        if (!place(nif, q, piece))
            return &nif->stats.no_memory;
        pkt_put(piece->pkt);
        return NULL;
    }
    if (piece->off != 0)
        pkt_pull(piece->pkt, piece->skip);
    q->off[q->count] = (uint16_t)piece->off;
    q->u.frag[q->count++] = piece->pkt;
    q->pages += piece->pkt->frag_count;
    nif->frag_pages += piece->pkt->frag_count;
    return NULL;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void sort_by_offset(struct ip4_frag_queue *q)
{
    for (uint32_t i = 1; i < q->count; i++) {
        struct pkt *pkt = q->u.frag[i];
        uint16_t off = q->off[i];
        uint32_t at = i;

        for (; at > 0 && q->off[at - 1] > off; at--) {
            q->off[at] = q->off[at - 1];
            q->u.frag[at] = q->u.frag[at - 1];
        }
        q->off[at] = off;
        q->u.frag[at] = pkt;
    }
}

static struct pkt *join_shared(struct ip4_frag_queue *q)
{
    struct pkt *whole;

    sort_by_offset(q);
    whole = q->u.frag[0];
    for (uint32_t i = 1; i < q->count; i++) {
        struct pkt *pkt = q->u.frag[i];

        for (unsigned f = 0; f < pkt->frag_count; f++) {
            const struct pkt_frag *frag = &pkt->frag[f];
            int err = pkt_append(whole, frag->page, frag->off, frag->len);

            ASSERT(err == 0); /* q->pages bounds the fragments of all together */
        }
        pkt_put(pkt);
    }
    q->count = 0;
    return whole;
}

static struct pkt *join_placed(struct netif *nif, struct ip4_frag_queue *q)
{
    struct pkt *whole = pkt_get(nif->conf.pool);
    uint32_t at = IP4_FRAG_HEADROOM - (eth_SIZE + (uint32_t)q->header_len);
    uint32_t end = IP4_FRAG_HEADROOM + q->total;

    if (whole == NULL)
        return NULL;
    while (at < end) {
        uint32_t n = u32_min(PAGE_BYTES - at % PAGE_BYTES, end - at);
        struct page **page = &q->u.page[at / PAGE_BYTES];
        int err = pkt_append_take(whole, *page, at % PAGE_BYTES, n);

        ASSERT(err == 0);
        *page = NULL;
        at += n;
    }
    return whole;
}

static struct pkt *finish(struct netif *nif, struct ip4_frag_queue *q, struct ip4_rx *rx)
{
    struct pkt *whole = q->state == FRAG_SHARED ? join_shared(q) : join_placed(nif, q);

    if (whole != NULL) {
        rx->off = eth_SIZE + (uint32_t)q->header_len;
        rx->len = q->total;
        /* A device can vouch for a fragment's bytes, not for a checksum over all of them. */
        whole->csum = PKT_CSUM_UNKNOWN;
        nif->stats.rx_reassembled++;
    } else {
        nif->stats.no_memory++;
    }
    release(nif, q);
    return whole;
}

/* Does the fragment's end agree with what is known of the datagram's? */
static bool end_agrees(const struct ip4_frag_queue *q, const struct piece *piece, bool more)
{
    uint32_t end = piece->off + piece->len;

    if (more)
        return q->total == 0 || end < q->total;
    return q->total == 0 ? q->end <= end : q->total == end;
}

/* The piece is new and goes into the datagram. NULL, or the counter of a reason to give up the
 * datagram. */
static uint64_t *accept(struct netif *nif, struct ip4_frag_queue *q, struct piece *piece,
                        const struct ip4_hdr *ip)
{
    bool more = (ip->flags_off & IP4_MF) != 0;
    uint32_t end = piece->off + piece->len, len = piece->len;
    uint64_t *reason;

    if (piece->off == 0) {
        uint32_t first = piece->skip + u32_min(IP4_FRAG_FIRST_BYTES, piece->len);
        struct cs_ro front;

        if (!pkt_pull_up(piece->pkt, first, &front))
            return &nif->stats.no_memory;
        q->header_len = ip->header_len;
    }
    /* The whole would have the first fragment's header, which may be longer than this one's. */
    if (q->header_len + (q->end > end ? q->end : end) > IP4_TOTAL_MAX)
        return &nif->stats.frag_too_long;
    reason = hold(nif, q, piece);
    if (reason != NULL)
        return reason;
    q->have += len;
    if (end > q->end)
        q->end = end;
    if (!more)
        q->total = end;
    return NULL;
}

struct pkt *ip4_frag_input(struct netif *nif, struct pkt *pkt, const struct ip4_hdr *ip,
                           struct ip4_rx *rx, uint64_t now)
{
    struct piece piece = {pkt, rx->off, ip4_frag_off(ip->flags_off), rx->len};
    bool more = (ip->flags_off & IP4_MF) != 0;
    uint64_t *reason = NULL;
    struct ip4_frag_queue *q;
    enum presence presence = ABSENT;

    if (piece.len == 0 || (more && piece.len % IP4_FRAG_UNIT != 0))
        reason = &nif->stats.frag_malformed;
    else if (piece.off + piece.len > IP4_TOTAL_MAX - (uint32_t)ip->header_len)
        reason = &nif->stats.frag_too_long;
    else if (nif->conf.frags_max == 0)
        reason = &nif->stats.frag_limit;
    if (reason != NULL) {
        netif_drop(pkt, reason);
        return NULL;
    }
    q = find(nif, ip);
    if (q == NULL)
        q = create(nif, ip, now);
    if (q->state == FRAG_SHARED)
        presence = shared_presence(q, &piece);
    else if (q->state == FRAG_PLACED)
        presence = placed_presence(q, &piece);
    else
        presence = OVERLAP;
    if (presence == OVERLAP || !end_agrees(q, &piece, more))
        reason = &nif->stats.frag_overlap;
    else if (presence == DUPLICATE)
        reason = &nif->stats.frag_duplicate;
    else
        reason = accept(nif, q, &piece, ip);
    if (reason != NULL) {
        netif_drop(pkt, reason);
        if (reason != &nif->stats.frag_duplicate)
            empty(nif, q);
        return NULL;
    }
    return q->total != 0 && q->have == q->total ? finish(nif, q, rx) : NULL;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* RFC 1122 section 3.3.2: the sender is told, where its first fragment is here to be quoted. */
static void report_timeout(struct netif *nif, struct ip4_frag_queue *q, uint64_t now)
{
    uint32_t headers = eth_SIZE + (uint32_t)q->header_len;
    struct pkt *first = NULL;
    struct ip4_rx rx = {
        .src = q->src, .dst = q->dst, .off = headers, .protocol = q->protocol, .cast = IP4_UNICAST};

    if (q->header_len == 0)
        return;
    if (q->state == FRAG_SHARED) {
        for (uint32_t i = 0; i < q->count; i++)
            if (q->off[i] == 0)
                first = pkt_share(q->u.frag[i], 0, q->u.frag[i]->len);
    } else if ((first = pkt_get(nif->conf.pool)) != NULL) {
        pkt_append(first, q->u.page[0], IP4_FRAG_HEADROOM - headers,
                   headers + IP4_FRAG_FIRST_BYTES);
    }
    if (first == NULL)
        return;
    rx.link_group = (cs_get_u8(pkt_frag_view(first, 0), eth_dst_OFF) & 1) != 0;
    if (netif_is_own(nif, q->dst))
        icmp_error(nif, first, &rx, ICMP4_TIME_EXCEEDED, ICMP4_TIME_REASSEMBLY, 0, now);
    pkt_put(first);
}

uint64_t ip4_frag_timers(struct netif *nif, uint64_t now)
{
    struct ip4_frag_queue *q;

    while ((q = at1(nif, nif->frag_ages.oldest)) != NULL && q->expires_at <= now) {
        if (q->state != FRAG_DEAD) {
            nif->stats.frag_timeout++;
            report_timeout(nif, q, now);
        }
        release(nif, q);
    }
    return q == NULL ? NS_NEVER : q->expires_at;
}
