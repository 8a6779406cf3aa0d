/* SPDX-License-Identifier: ISC */
/* ip4_out.c - sending IPv4 packets: headers, the neighbour, fragments (RFC 791, RFC 1122 section
 * 3.3).
 *
 * A packet gets its headers while it is whole. It waits for its neighbour whole, too, so that the
 * few places of an ARP queue hold datagrams, not fragments. It is cut when it leaves: each fragment
 * is a header in a slot of a page that all of them share, and views of the datagram's own pages.
 * Nothing is copied but the first eight bytes, the transport header, which must lie in the frame's
 * first view with the others.
 *
 * Fragments that the device has no room for wait in nif->tx_wait; until they are gone nothing else
 * is taken.
 */
#include "tcpip/siphash.h"
#include "tcpip/tcpip_priv.h"

enum {
    IP4_LOOP_MAX = 64,       /* packets to ourselves that wait for the next poll */
    IP4_SLOT_BYTES = 64,     /* of a fragment's headers */
    IP4_TRANSPORT_BYTES = 8, /* UDP's and ICMP's headers */
    IP4_ID_SALT = 0x6964,    /* tells this use of the key from others */
};
STATIC_ASSERT(IP4_TX_BYTES + IP4_TRANSPORT_BYTES <= IP4_SLOT_BYTES, "headers fit their slot");

uint16_t ip4_id(struct netif *nif, uint32_t dst)
{
    uint64_t word = (uint64_t)IP4_ID_SALT << 32 | dst;
    uint64_t secret = siphash_words(nif->conf.key, &word, 1);
    uint32_t x = nif->id_counts[secret >> 58]++;

    STATIC_ASSERT(ARRAY_SIZE(nif->id_counts) == 64, "six bits of the secret");
    /* A permutation of 16-bit numbers for each destination: every step can be undone, so no id
     * comes twice in 65,536. */
    for (int i = 0; i < 3; i++) {
        x = (x + (uint32_t)secret) & 0xffff;
        x = (x * ((uint32_t)(secret >> 16) | 1)) & 0xffff;
        x ^= x >> 8;
        secret = secret >> 17 | secret << 47;
    }
    return (uint16_t)x;
}

/* ---- to the device -------------------------------------------------------------------------- */

/* Sends now, or after what waits. Takes pkt in any case. */
static void tx_in_turn(struct netif *nif, struct pkt *pkt)
{
    int err = -E_AGAIN;

    if (nif->tx_wait.count == 0)
        err = netif_tx(nif, pkt);
    if (err == -E_AGAIN)
        pkt_queue_push(&nif->tx_wait, pkt);
    else if (err != 0)
        netif_drop(pkt, &nif->stats.tx_refused);
}

void ip4_tx_wait(struct netif *nif)
{
    while (nif->tx_wait.count != 0) {
        struct pkt *next = nif->tx_wait.head->next;
        struct pkt *pkt = nif->tx_wait.head;
        int err = netif_tx(nif, pkt);

        if (err == -E_AGAIN)
            return;
        nif->tx_wait.head = next;
        if (next == NULL)
            nif->tx_wait.tail = NULL;
        nif->tx_wait.count--;
        if (err != 0)
            netif_drop(pkt, &nif->stats.tx_refused);
    }
}

/* ---- fragments ------------------------------------------------------------------------------ */

/* Appends views of `n` bytes from `off` of `pkt` to `to`. Where there are too many of them the
 * rest is copied. */
static int append_shared(struct pkt *to, const struct pkt *pkt, uint32_t off, uint32_t n)
{
    for (unsigned i = 0; i < pkt->frag_count && n != 0; i++) {
        const struct pkt_frag *frag = &pkt->frag[i];
        uint32_t len;
        int err;

        if (off >= frag->len) {
            off -= frag->len;
            continue;
        }
        len = u32_min(frag->len - off, n);
        /* The last place is for a page to copy to, where one view will not do. */
        err = to->frag_count == PKT_FRAGS_MAX - 1 && len < n
                  ? -E_NOSPC
                  : pkt_append(to, frag->page, frag->off + off, len);
        if (err == -E_NOSPC)
            err = pkt_append_copy(to, cs_sub(pkt_frag_view(pkt, i), off, len));
        if (err != 0)
            return err;
        n -= len;
        off = 0;
    }
    return 0;
}

/* One fragment: `len` bytes of payload from `from`, its headers in `slot` of `page`. NULL: no
 * memory. */
static struct pkt *make_fragment(struct netif *nif, const struct pkt *pkt, struct ip4_hdr hdr,
                                 uint32_t from, uint32_t len, struct page *page, uint32_t slot)
{
    uint32_t payload = (uint32_t)hdr.total_len - hdr.header_len;
    uint32_t copied = from == 0 ? u32_min(IP4_TRANSPORT_BYTES, len) : 0;
    struct cs head = cs_sub(page_view(page), slot * IP4_SLOT_BYTES, IP4_TX_BYTES + copied);
    struct pkt *frag = pkt_get(nif->conf.pool);

    if (frag == NULL)
        return NULL;
    hdr.total_len = (uint16_t)(hdr.header_len + len);
    hdr.flags_off = (uint16_t)(from / 8 | (from + len < payload ? IP4_MF : 0u));
    pkt_read(pkt, 0, cs_head(head, eth_SIZE));
    ip4_emit(cs_shift(head, eth_SIZE), &hdr);
    pkt_read(pkt, IP4_TX_BYTES + from, cs_shift(head, IP4_TX_BYTES));
    if (pkt_append(frag, page, slot * IP4_SLOT_BYTES, (uint32_t)head.len) != 0 ||
        append_shared(frag, pkt, IP4_TX_BYTES + from + copied, len - copied) != 0) {
        pkt_put(frag);
        return NULL;
    }
    return frag;
}

/* Cuts a whole frame and sends the pieces. Takes pkt on 0; -E_NOMEM: nothing was sent. */
static COLD int fragment(struct netif *nif, struct pkt *pkt, struct ip4_hdr hdr, uint32_t mtu)
{
    uint32_t payload = (uint32_t)hdr.total_len - hdr.header_len;
    uint32_t step = (mtu - hdr.header_len) & ~7u, slot = PAGE_BYTES / IP4_SLOT_BYTES;
    struct pkt_queue pieces = {NULL, NULL, 0};
    struct page *page = NULL;
    struct pkt *piece = NULL;

    ASSERT(hdr.header_len == ip4_SIZE); /* what we send with options is short */
    if (pkt->csum == PKT_CSUM_BLANK && pkt_csum_complete(pkt) != 0)
        return -E_INVAL;
    /* It was to go whole and the path has become narrower since. */
    if ((hdr.flags_off & IP4_DF) != 0)
        hdr.id = ip4_id(nif, hdr.dst);
    for (uint32_t from = 0; from < payload; from += step) {
        if (slot == PAGE_BYTES / IP4_SLOT_BYTES) {
            if (page != NULL)
                page_put(page);
            page = page_get(nif->conf.pool->pages);
            slot = 0;
        }
        piece = page == NULL ? NULL
                             : make_fragment(nif, pkt, hdr, from, u32_min(step, payload - from),
                                             page, slot++);
        if (piece == NULL)
            break;
        pkt_queue_push(&pieces, piece);
    }
    if (page != NULL)
        page_put(page);
    if (piece == NULL) {
        pkt_queue_clear(&pieces);
        nif->stats.no_memory++;
        return -E_NOMEM;
    }
    nif->stats.tx_fragments += pieces.count;
    while ((piece = pkt_queue_pop(&pieces)) != NULL)
        tx_in_turn(nif, piece);
    pkt_put(pkt);
    return 0;
}

/* The header of a frame that we made. */
static struct ip4_hdr own_header(const struct pkt *pkt)
{
    struct ip4_hdr hdr;
    enum ip4_result result =
        ip4_parse(&hdr, cs_shift(pkt_frag_view(pkt, 0), eth_SIZE), pkt->len - eth_SIZE);

    ASSERT(result == IP4_OK);
    return hdr;
}

/* ---- a packet's way ------------------------------------------------------------------------- */

/* The largest packet that reaches dst; the path is looked up only for packets that could be too
 * long for one. */
static uint32_t mtu_for(struct netif *nif, uint32_t dst, uint32_t total, uint64_t now)
{
    if (UNLIKELY(nif->path_mtu_count != 0) && total > IP4_PATH_MTU_FLOOR)
        return ip4_path_mtu(nif, dst, now);
    return ip4_path_mtu_link(nif);
}

/* The frame's destination. False: it must be asked for. */
static bool link_destination(struct netif *nif, const struct ip4_tx *tx, uint64_t *mac,
                             uint64_t now)
{
    if (tx->use_eth)
        *mac = tx->eth_dst;
    else if (LIKELY(tx->cast == IP4_UNICAST))
        return arp_lookup(nif, tx->next_hop, mac, now);
    else if (tx->cast == IP4_BROADCASTED)
        *mac = ETH_MAC_BROADCAST;
    else
        *mac = eth_mac_of_group(tx->dst);
    return true;
}

static COLD int loop_back(struct netif *nif, struct pkt *pkt)
{
    if (nif->loop.count >= IP4_LOOP_MAX)
        return -E_AGAIN;
    pkt_queue_push(&nif->loop, pkt);
    return 0;
}

/* Fills the room in front of the transport. */
static inline void put_headers(const struct netif *nif, struct pkt *pkt, const struct ip4_tx *tx,
                               uint64_t mac, uint16_t id, uint16_t flags_off, uint8_t header_len)
{
    struct cs front = pkt_frag_rw(pkt, 0);

    eth_emit(front, &(struct eth_hdr){mac, nif->mac, ETH_TYPE_IP4});
    ip4_emit(cs_shift(front, eth_SIZE),
             &(struct ip4_hdr){.src = tx->src,
                               .dst = tx->dst,
                               .total_len = (uint16_t)(pkt->len - eth_SIZE),
                               .id = id,
                               .flags_off = flags_off,
                               .tos = tx->tos,
                               .ttl = tx->ttl,
                               .protocol = tx->protocol,
                               .header_len = header_len});
}

static COLD int send_any(struct netif *nif, struct pkt *pkt, const struct ip4_tx *tx, uint64_t now)
{
    uint32_t total = pkt->len - eth_SIZE, mtu = mtu_for(nif, tx->dst, total, now);
    /* A super-segment is longer than the MTU, and what the device makes of it is not. */
    bool whole = total <= mtu || pkt->gso_size != 0, df = tx->df && whole, to_us, known;
    /* RFC 6864 section 4.1: what is not fragmented needs no identification. */
    uint16_t id = df ? 0 : ip4_id(nif, tx->dst);
    uint64_t mac = 0;

    if (UNLIKELY(!nif->conf.dev->link_up))
        return -E_NETDOWN;
    if (UNLIKELY(total > IP4_TOTAL_MAX))
        return -E_MSGSIZE;
    if (UNLIKELY(nif->tx_wait.count != 0))
        return -E_AGAIN;
    to_us = tx->cast == IP4_UNICAST && netif_is_own(nif, tx->dst);
    known = to_us || link_destination(nif, tx, &mac, now);
    put_headers(nif, pkt, tx, mac, id, df ? IP4_DF : 0, (uint8_t)(ip4_SIZE + tx->options_len));
    if (UNLIKELY(to_us))
        return loop_back(nif, pkt);
    if (UNLIKELY(!known))
        return arp_queue(nif, tx->next_hop, pkt, now);
    return LIKELY(whole) ? netif_tx(nif, pkt) : fragment(nif, pkt, own_header(pkt), mtu);
}

/* Is it a whole packet, for one other host, that nothing need be looked up for but its MAC? */
static inline bool is_plain(const struct netif *nif, const struct pkt *pkt, const struct ip4_tx *tx)
{
    const struct netdev *dev = nif->conf.dev;
    uint32_t total = pkt->len - eth_SIZE;

    return dev->link_up && tx->df && tx->cast == IP4_UNICAST && !tx->use_eth &&
           tx->options_len == 0 && nif->tx_wait.count == 0 && nif->path_mtu_count == 0 &&
           (total <= ip4_path_mtu_link(nif) || (pkt->gso_size != 0 && total <= IP4_TOTAL_MAX)) &&
           !netif_is_own(nif, tx->dst);
}

int ip4_send(struct netif *nif, struct pkt *pkt, const struct ip4_tx *tx, uint64_t now)
{
    uint64_t mac;

    if (UNLIKELY(!is_plain(nif, pkt, tx)) || UNLIKELY(!arp_lookup(nif, tx->next_hop, &mac, now)))
        return send_any(nif, pkt, tx, now);
    put_headers(nif, pkt, tx, mac, 0, IP4_DF, ip4_SIZE);
    return netif_tx(nif, pkt);
}

void ip4_send_or_drop(struct netif *nif, struct pkt *pkt, struct ip4_tx *tx, uint64_t now)
{
    if (route_find(nif, tx) != 0 || ip4_send(nif, pkt, tx, now) != 0)
        netif_drop(pkt, &nif->stats.tx_refused);
}

void ip4_link_send(struct netif *nif, struct pkt *pkt, uint64_t mac, uint64_t now)
{
    struct ip4_hdr hdr = own_header(pkt);
    uint32_t mtu = mtu_for(nif, hdr.dst, hdr.total_len, now);
    struct eth_hdr eth = {mac, nif->mac, ETH_TYPE_IP4};

    eth_emit(pkt_frag_rw(pkt, 0), &eth);
    if (hdr.total_len <= mtu || pkt->gso_size != 0)
        tx_in_turn(nif, pkt);
    else if (fragment(nif, pkt, hdr, mtu) != 0)
        netif_drop(pkt, &nif->stats.tx_refused);
}

void ip4_undeliverable(struct netif *nif, const struct pkt *pkt, uint64_t now)
{
    struct ip4_hdr hdr = own_header(pkt);
    struct cs_ro front = cs_shift(pkt_frag_view(pkt, 0), eth_SIZE);

    icmp_deliver_error(nif, &hdr, cs_shift(front, hdr.header_len), -E_HOSTUNREACH, 0, now);
}
