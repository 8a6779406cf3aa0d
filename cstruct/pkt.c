/* SPDX-License-Identifier: ISC */
/* pkt.c - packets: lists of views into pages.
 *
 * What holds between calls: every fragment has a page with a reference of this packet's and at
 * least one byte, but for the single fragment of an empty packet from pkt_alloc; len is the
 * fragments' sum. A page's bytes are written only where nobody else can see them: the page has no
 * reference but this fragment's. */
#include <morgana/cksum.h>
#include <morgana/err.h>
#include <morgana/pkt.h>

void pkt_pool_init(struct pkt_pool *pool, struct pkt *pkts, uint32_t n, struct page_pool *pages)
{
    *pool =
        (struct pkt_pool){.pkts = pkts, .pages = pages, .total = n, .free_count = n, .free_min = n};
    for (uint32_t i = 0; i < n; i++) {
        pkts[i].pool = pool;
        pkts[i].frag_count = PKT_IN_POOL;
        pkts[i].next = i + 1 < n ? &pkts[i + 1] : NULL;
    }
    pool->free = n > 0 ? pkts : NULL;
}

void pkt_put(struct pkt *pkt)
{
    struct pkt_pool *pool;

    if (pkt == NULL)
        return;
    ASSERT(pkt->frag_count <= PKT_FRAGS_MAX);
    for (const struct pkt_frag *f = pkt->frag, *end = f + pkt->frag_count; f != end; f++)
        page_put(f->page);
    pool = pkt->pool;
    pkt->frag_count = PKT_IN_POOL;
    pkt->next = pool->free;
    pool->free = pkt;
    pool->free_count++;
}

struct pkt *pkt_alloc(struct pkt_pool *pool, uint32_t headroom, uint32_t len)
{
    struct pkt *pkt = pkt_get(pool);

    ASSERT(headroom <= PAGE_BYTES && len <= PAGE_BYTES - headroom);
    if (pkt == NULL)
        return NULL;
    pkt->frag[0].page = page_get(pool->pages);
    if (pkt->frag[0].page == NULL) {
        pkt_put(pkt);
        return NULL;
    }
    pkt->frag[0].off = (uint16_t)headroom;
    pkt->frag[0].len = (uint16_t)len;
    pkt->frag_count = 1;
    pkt->len = len;
    return pkt;
}

/* ---- growing at the end ---------------------------------------------------------------------- */

/* The bytes behind the last fragment that may be written. */
static uint32_t tail_room(const struct pkt *pkt)
{
    const struct pkt_frag *last;

    if (pkt->frag_count == 0)
        return 0;
    last = &pkt->frag[pkt->frag_count - 1];
    return last->page->refs == 1 ? PAGE_BYTES - last->off - last->len : 0;
}

int pkt_append_copy(struct pkt *pkt, struct cs_ro bytes)
{
    uint32_t room = tail_room(pkt);
    size_t new_pages = bytes.len > room ? (bytes.len - room + PAGE_BYTES - 1) / PAGE_BYTES : 0;

    if (new_pages > PKT_FRAGS_MAX - pkt->frag_count)
        return -E_NOSPC;
    if (new_pages > pkt->pool->pages->free_count) {
        pkt->pool->pages->empty++;
        return -E_NOMEM;
    }
    while (bytes.len > 0) {
        struct pkt_frag *last;
        uint32_t part;

        if (room == 0) {
            pkt_append_take(pkt, page_get(pkt->pool->pages), 0, 0);
            room = PAGE_BYTES;
        }
        last = &pkt->frag[pkt->frag_count - 1];
        part = (uint32_t)size_min(bytes.len, room);
        memcpy(last->page->base + last->off + last->len, bytes.base, part);
        last->len = (uint16_t)(last->len + part);
        pkt->len += part;
        pkt->pool->stats.copied_bytes += part;
        bytes = cs_shift(bytes, part);
        room -= part;
    }
    return 0;
}

/* ---- the front ------------------------------------------------------------------------------- */

/* Puts a fragment in front; there is room for it. Takes the reference. */
static void insert_front(struct pkt *pkt, struct page *page, uint32_t off, uint32_t len)
{
    ASSERT(pkt->frag_count < PKT_FRAGS_MAX);
    memmove(&pkt->frag[1], &pkt->frag[0], pkt->frag_count * sizeof(pkt->frag[0]));
    pkt->frag[0] = (struct pkt_frag){page, (uint16_t)off, (uint16_t)len};
    pkt->frag_count++;
    pkt->len += len;
}

int pkt_push_page(struct pkt *pkt, uint32_t n, struct cs *front)
{
    struct pkt_frag *first = &pkt->frag[0];

    ASSERT(n <= PAGE_BYTES);
    if (pkt->frag_count > 0 && first->off >= n && first->page->refs == 1) {
        first->off = (uint16_t)(first->off - n);
        first->len = (uint16_t)(first->len + n);
        pkt->len += n;
    } else {
        struct page *page;

        if (pkt->frag_count == PKT_FRAGS_MAX)
            return -E_NOSPC;
        page = page_get(pkt->pool->pages);
        if (page == NULL)
            return -E_NOMEM;
        /* At the page's end, so that headers yet to come find headroom. */
        insert_front(pkt, page, PAGE_BYTES - n, n);
    }
    if (pkt->csum == PKT_CSUM_BLANK) {
        ASSERT(n <= UINT16_MAX - (uint32_t)pkt->csum_start);
        pkt->csum_start = (uint16_t)(pkt->csum_start + n);
    }
    *front = cs_of(first->page->base + first->off, n);
    return 0;
}

/* Cuts bytes off the front, and the fragments that this empties. */
static void cut_front(struct pkt *pkt, uint32_t n)
{
    unsigned gone = 0;

    ASSERT(n <= pkt->len);
    pkt->len -= n;
    while (gone < pkt->frag_count && n >= pkt->frag[gone].len) {
        n -= pkt->frag[gone].len;
        page_put(pkt->frag[gone].page);
        gone++;
    }
    pkt->frag_count = (uint8_t)(pkt->frag_count - gone);
    if (gone > 0)
        memmove(&pkt->frag[0], &pkt->frag[gone], pkt->frag_count * sizeof(pkt->frag[0]));
    if (n > 0) {
        pkt->frag[0].off = (uint16_t)(pkt->frag[0].off + n);
        pkt->frag[0].len = (uint16_t)(pkt->frag[0].len - n);
    }
}

void pkt_pull_frags(struct pkt *pkt, uint32_t n)
{
    cut_front(pkt, n);
    if (pkt->csum != PKT_CSUM_BLANK)
        return;
    if (n > pkt->csum_start)
        pkt->csum = PKT_CSUM_VALIDATED;
    else
        pkt->csum_start = (uint16_t)(pkt->csum_start - n);
}

void pkt_trim(struct pkt *pkt, uint32_t len)
{
    uint32_t cut = pkt->len - len;

    ASSERT(len <= pkt->len);
    pkt->len = len;
    while (cut > 0) {
        struct pkt_frag *last = &pkt->frag[pkt->frag_count - 1];

        if (cut < last->len) {
            last->len = (uint16_t)(last->len - cut);
            return;
        }
        cut -= last->len;
        page_put(last->page);
        pkt->frag_count--;
    }
}

/* ---- joining: what copies, and is counted ---------------------------------------------------- */

/* Copies the first `n` bytes to a new page and puts that in place of them. */
static bool join_front(struct pkt *pkt, uint32_t n)
{
    uint32_t off = u32_min(PKT_HEADROOM_BYTES, PAGE_BYTES - n);
    struct page *page = page_get(pkt->pool->pages);

    if (page == NULL)
        return false;
    pkt_read(pkt, 0, cs_of(page->base + off, n));
    cut_front(pkt, n);
    insert_front(pkt, page, off, n);
    pkt->pool->stats.copied_bytes += n;
    return true;
}

bool pkt_pull_up_frags(struct pkt *pkt, uint32_t n, struct cs_ro *front)
{
    if (n > pkt->len || n > PAGE_BYTES)
        return false;
    if (n == 0) {
        *front = CS_RO_EMPTY;
        return true;
    }
    if (n > pkt->frag[0].len) {
        if (!join_front(pkt, n))
            return false;
        pkt->pool->stats.pulled_up++;
    }
    *front = cs_head(pkt_frag_view(pkt, 0), n);
    return true;
}

int pkt_linearise(struct pkt *pkt)
{
    if (pkt->frag_count <= 1)
        return 0;
    if (pkt->len > PAGE_BYTES)
        return -E_MSGSIZE;
    if (!join_front(pkt, pkt->len))
        return -E_NOMEM;
    pkt->pool->stats.linearised++;
    return 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

/* The part of fragment `i` that lies within `n` bytes from `off`, both counted from the fragment's
 * first byte on; both become what is left for the next fragment. */
static struct cs_ro part_of(const struct pkt *pkt, unsigned i, uint32_t *off, uint32_t *n)
{
    struct cs_ro view = pkt_frag_view(pkt, i);
    uint32_t skip = u32_min(*off, (uint32_t)view.len);
    uint32_t take = u32_min(*n, (uint32_t)view.len - skip);

    *off -= skip;
    *n -= take;
    return cs_sub(view, skip, take);
}

bool pkt_read(const struct pkt *pkt, uint32_t off, struct cs to)
{
    uint32_t n;

    if (!cs_in(pkt->len, off, to.len))
        return false;
    n = (uint32_t)to.len;
    for (unsigned i = 0; n > 0; i++) {
        struct cs_ro part = part_of(pkt, i, &off, &n);

        cs_blit(to, 0, part);
        to = cs_shift(to, part.len);
    }
    return true;
}

struct pkt *pkt_share(struct pkt *pkt, uint32_t off, uint32_t len)
{
    struct pkt *second;

    ASSERT(cs_in(pkt->len, off, len));
    second = pkt_get(pkt->pool);
    if (second == NULL)
        return NULL;
    for (unsigned i = 0; len > 0; i++) {
        struct page *page = pkt->frag[i].page;
        struct cs_ro part = part_of(pkt, i, &off, &len);

        if (part.len > 0) {
            page_ref(page);
            pkt_append_take(second, page, (uint32_t)(part.base - page->base), (uint32_t)part.len);
        }
    }
    return second;
}

/* ---- the checksum ---------------------------------------------------------------------------- */

uint32_t pkt_cksum(const struct pkt *pkt, uint32_t off, uint32_t n, uint32_t sum)
{
    bool odd = false;

    ASSERT(cs_in(pkt->len, off, n));
    for (unsigned i = 0; n > 0; i++) {
        struct cs_ro part = part_of(pkt, i, &off, &n);

        sum = odd ? cksum_partial_odd(part, sum) : cksum_partial(part, sum);
        odd ^= part.len & 1;
    }
    return sum;
}

/* Stores one byte wherever it lies. */
static void set_byte(struct pkt *pkt, uint32_t off, uint8_t byte)
{
    unsigned i = 0;

    for (; off >= pkt->frag[i].len; i++)
        off -= pkt->frag[i].len;
    pkt->frag[i].page->base[pkt->frag[i].off + off] = byte;
}

int pkt_csum_complete(struct pkt *pkt)
{
    uint32_t start = pkt->csum_start, field = start + pkt->csum_off;
    uint16_t sum;

    if (pkt->csum != PKT_CSUM_BLANK)
        return 0;
    if (!cs_in(pkt->len, start, 0) || !cs_in(pkt->len, field, 2))
        return -E_INVAL;
    sum = cksum_finish(pkt_cksum(pkt, start, pkt->len - start, 0));
    /* 0 would mean "no checksum" in UDP (RFC 768); 0xffff is its equal, in TCP too. */
    if (sum == 0)
        sum = 0xffff;
    set_byte(pkt, field, (uint8_t)(sum >> 8));
    set_byte(pkt, field + 1, (uint8_t)sum);
    pkt->csum = PKT_CSUM_UNKNOWN;
    return 0;
}

/* ---- super-segments -------------------------------------------------------------------------- */

#define TCP_HEADER_BYTES 20u /* RFC 9293 section 3.1: the least */
#define TCP_DATA_OFFSET 12u  /* in words, the upper half of this byte */
#define TCP_CHECKSUM 16u
#define LINK_AND_IP_BYTES 34u /* Ethernet and the shortest IPv4 header */

uint32_t pkt_gso_headers(const struct pkt *pkt)
{
    uint32_t start = pkt->csum_start, tcp;
    struct cs_ro first;

    if (pkt->csum != PKT_CSUM_BLANK || pkt->csum_off != TCP_CHECKSUM || pkt->frag_count == 0 ||
        start < LINK_AND_IP_BYTES)
        return 0;
    first = pkt_frag_view(pkt, 0);
    if (!cs_in(first.len, start, TCP_HEADER_BYTES))
        return 0;
    tcp = (uint32_t)(cs_get_u8(first, start + TCP_DATA_OFFSET) >> 4) * 4u;
    return tcp >= TCP_HEADER_BYTES && cs_in(first.len, start, tcp) ? start + tcp : 0;
}

void pkt_queue_clear(struct pkt_queue *queue)
{
    struct pkt *pkt;

    while ((pkt = pkt_queue_pop(queue)) != NULL)
        pkt_put(pkt);
}
