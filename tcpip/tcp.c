/* SPDX-License-Identifier: ISC */
/* tcp.c - TCP's life on an interface: storage, handles, news.
 *
 * All storage is one block that the caller gives, cut into arrays of records; each array has a
 * list of those that are free. Arrays of connections and of their small relatives are touched
 * only as far as they were ever used: so a stack for a million connections starts at once.
 *
 * A handle is
 *
 *     63        32 31   21  20   19      0
 *     +-----------+-------+----+----------+
 *     | generation| salt  |kind| index    |
 *     +-----------+-------+----+----------+
 *
 * where the record's generation changes each time it is put, and the salt is the stack's own. */
#include <morgana/log.h>

#include "tcpip/siphash.h"
#include "tcpip/tcp_priv.h"

#define TCP_STAT_NAME(name) #name,
const char *const tcp_stat_names[TCP_STAT_COUNT] = {TCP_DROPS(TCP_STAT_NAME)
                                                        TCP_EVENTS(TCP_STAT_NAME)};
#define TCP_STAT_ONE(name) +1u
const unsigned tcp_drop_count = 0u TCP_DROPS(TCP_STAT_ONE);
STATIC_ASSERT(TCP_STAT_COUNT == (0u TCP_DROPS(TCP_STAT_ONE) TCP_EVENTS(TCP_STAT_ONE)),
              "one name for each counter");

enum {
    TCP_ALIGN = 64,
    TCP_INDEX_BITS = 20,
    TCP_CONNS_LIMIT = 1 << TCP_INDEX_BITS,
    TCP_LISTENERS_DEFAULT = 16,
    TCP_SMALL_LIMIT = 1 << 24, /* of half-open connections, and of those in TIME-WAIT */
    TCP_SEGS_LIMIT = 1 << 28,
    TCP_SEGS_PER_PAGE = 4,
};

#define HANDLE_LISTENER (UINT32_C(1) << TCP_INDEX_BITS)
#define HANDLE_SALT_SHIFT (TCP_INDEX_BITS + 1)
#define HANDLE_SALT_MASK ((UINT32_C(1) << (32 - HANDLE_SALT_SHIFT)) - 1)

uint64_t tcp_stat(const struct tcp *tcp, unsigned i)
{
    uint64_t value;

    ASSERT(i < TCP_STAT_COUNT);
    memcpy(&value, (const char *)&tcp->stats + i * sizeof(value), sizeof(value));
    return value;
}

struct tcp_usage tcp_usage(const struct tcp *tcp)
{
    return tcp->used;
}

uint32_t tcp_random(struct tcp *tcp)
{
    uint64_t x = tcp->random_state += tcp->random_step;

    /* The finalizer of MurmurHash3 over a Weyl sequence: SplitMix64 (Steele and others, 2014). */
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(x >> 32);
}

/* ---- storage -------------------------------------------------------------------------------- */

enum part { CONNS, LISTENERS, SYNS, TWS, SEGS, CHUNKS, OOO, BUCKETS, HEAP, LRO, PARTS };

/* Where each array lies in the block. */
struct layout {
    uint32_t count[PARTS];
    size_t off[PARTS], bytes;
};

static const size_t part_bytes[PARTS] = {
    [CONNS] = sizeof(struct tcp_conn),  [LISTENERS] = sizeof(struct tcp_listener),
    [SYNS] = sizeof(struct tcp_syn),    [TWS] = sizeof(struct tcp_tw),
    [SEGS] = sizeof(struct tcp_seg),    [CHUNKS] = sizeof(struct tcp_chunk),
    [OOO] = sizeof(struct tcp_ooo),     [BUCKETS] = sizeof(struct tcp_link *),
    [HEAP] = sizeof(struct tcp_conn *), [LRO] = sizeof(struct tcp_lro),
};

/* As struct tcp_conf tells who sizes a stack. */
STATIC_ASSERT(sizeof(struct tcp_conn) + sizeof(struct tcp_conn *) <= 1536, "conns_max");
STATIC_ASSERT(sizeof(struct tcp_listener) <= 144, "listeners_max");
STATIC_ASSERT(sizeof(struct tcp_syn) <= 112, "syns_max");
STATIC_ASSERT(sizeof(struct tcp_tw) <= 96, "time_waits_max");
STATIC_ASSERT(sizeof(struct tcp_seg) + sizeof(struct tcp_chunk) <= 144, "segs_max");
STATIC_ASSERT(sizeof(struct tcp_ooo) <= 160, "pages_max");

/* A limit's name and bounds; 0 is replaced before. */
struct limit {
    const char *name;
    uint32_t off, max;
};

#define LIMIT(field, most)                                                                         \
    {                                                                                              \
#field, offsetof(struct tcp_conf, field), most                                             \
    }
static const struct limit limits[] = {
    LIMIT(conns_max, TCP_CONNS_LIMIT), LIMIT(listeners_max, TCP_CONNS_LIMIT),
    LIMIT(syns_max, TCP_SMALL_LIMIT),  LIMIT(time_waits_max, TCP_SMALL_LIMIT),
    LIMIT(segs_max, TCP_SEGS_LIMIT),   LIMIT(pages_max, 1 << 24),
};

/* conf with its defaults filled in. */
static struct tcp_conf with_defaults(const struct tcp_conf *conf)
{
    struct tcp_conf full = *conf;

    if (full.listeners_max == 0)
        full.listeners_max = TCP_LISTENERS_DEFAULT;
    if (full.syns_max == 0)
        full.syns_max = full.conns_max;
    if (full.time_waits_max == 0)
        full.time_waits_max = full.conns_max;
    if (full.segs_max == 0)
        full.segs_max = full.pages_max * TCP_SEGS_PER_PAGE;
    return full;
}

/* The name of the limit that is out of range, or NULL. */
static const char *bad_limit(const struct tcp_conf *conf)
{
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        uint32_t value;

        memcpy(&value, (const char *)conf + limits[i].off, sizeof(value));
        if (value == 0 || value > limits[i].max)
            return limits[i].name;
    }
    return conf->pages_max < 16 ? "pages_max" : NULL;
}

/* At most three of four buckets are in use. */
static uint32_t bucket_count(const struct tcp_conf *conf)
{
    uint64_t links = (uint64_t)conf->conns_max + conf->syns_max + conf->time_waits_max;
    uint32_t n = 16;

    while (n < links + links / 3 && n < UINT32_C(1) << 26)
        n *= 2;
    return n;
}

/* False where it cannot be addressed. */
static bool lay_out(struct layout *layout, const struct tcp_conf *conf)
{
    uint64_t bytes = 0;

    *layout = (struct layout){
        .count = {[CONNS] = conf->conns_max,
                  [LISTENERS] = conf->listeners_max,
                  [SYNS] = conf->syns_max,
                  [TWS] = conf->time_waits_max,
                  [SEGS] = conf->segs_max,
                  [CHUNKS] = conf->segs_max,
                  [OOO] = conf->pages_max,
                  [BUCKETS] = bucket_count(conf),
                  [HEAP] = conf->conns_max,
                  [LRO] = 1},
    };
    for (unsigned i = 0; i < PARTS; i++) {
        layout->off[i] = (size_t)bytes;
        /* No sum of ten such products comes near 2^64. */
        bytes += (uint64_t)layout->count[i] * part_bytes[i];
        bytes = (bytes + TCP_ALIGN - 1) & ~(uint64_t)(TCP_ALIGN - 1);
        if (bytes > SIZE_MAX / 2)
            return false;
    }
    layout->bytes = (size_t)bytes;
    return true;
}

size_t tcp_memory_bytes(const struct tcp_conf *conf)
{
    struct tcp_conf full = with_defaults(conf);
    struct layout layout;

    return bad_limit(&full) == NULL && lay_out(&layout, &full) ? layout.bytes : 0;
}

static void *part(const struct tcp *tcp, const struct layout *layout, enum part which)
{
    return (char *)tcp->conf.memory + layout->off[which];
}

static void carve(struct tcp *tcp, const struct layout *layout)
{
    struct tcp_seg *segs = part(tcp, layout, SEGS);
    struct tcp_chunk *chunks = part(tcp, layout, CHUNKS);
    struct tcp_ooo *ooo = part(tcp, layout, OOO);

    tcp->conns = part(tcp, layout, CONNS);
    tcp->listeners = part(tcp, layout, LISTENERS);
    tcp->syns = part(tcp, layout, SYNS);
    tcp->tws = part(tcp, layout, TWS);
    tcp->buckets = part(tcp, layout, BUCKETS);
    tcp->bucket_mask = layout->count[BUCKETS] - 1;
    tcp->heap = part(tcp, layout, HEAP);
    tcp->lro = part(tcp, layout, LRO);
    memset(tcp->listeners, 0, layout->count[LISTENERS] * sizeof(*tcp->listeners));
    memset(tcp->buckets, 0, layout->count[BUCKETS] * sizeof(*tcp->buckets));
    memset(tcp->lro, 0, sizeof(*tcp->lro));
    /* The first of each array is given first: what is in use lies together. */
    for (uint32_t i = layout->count[SEGS]; i-- > 0;) {
        segs[i].sent_next = tcp->segs_free;
        tcp->segs_free = &segs[i];
        chunks[i].next = tcp->chunks_free;
        tcp->chunks_free = &chunks[i];
    }
    for (uint32_t i = layout->count[OOO]; i-- > 0;) {
        ooo[i].recent_next = tcp->ooo_free;
        tcp->ooo_free = &ooo[i];
    }
}

/* ---- what may be configured ----------------------------------------------------------------- */

struct range {
    const char *name;
    uint16_t off;
    uint8_t bytes; /* of the field */
    uint64_t min, max;
};

#define RANGE(field, least, most)                                                                  \
    {                                                                                              \
#field, offsetof(struct tcp_tuning, field), sizeof(((struct tcp_tuning *)0)->field),       \
            least, most                                                                            \
    }
#define TIME(field, least) RANGE(field, least, 365 * 86400 * NS_PER_S)

static const struct range ranges[] = {
    RANGE(option_order, 0, TCP_ORDERS - 1),
    RANGE(cc, 0, TCP_CC_KINDS - 1),
    RANGE(ecn, 0, TCP_ECN_ON),
    RANGE(syn_cookies, 0, TCP_COOKIES_ALWAYS),
    RANGE(iw_segments, 1, 10),
    RANGE(ack_habit, 0, TCP_HABITS - 1),
    RANGE(syn_icmp_ends, 0, 15),
    RANGE(syn_linear, 0, 15),
    RANGE(iw_after_syn_loss, 1, 10),
    RANGE(iw_syn_losses, 1, 15),
    RANGE(dupthresh, 1, 16),
    RANGE(window_scale_max, 0, TCP_WSCALE_MAX),
    RANGE(abc_limit, 1, 255),
    RANGE(delack_segments, 1, 2),
    RANGE(quickack_segments, 0, 16),
    RANGE(syn_retries, 0, 15),
    RANGE(synack_retries, 0, TCP_SYN_ROUNDS - 1),
    RANGE(data_retries, 1, 15),
    RANGE(orphan_retries, 1, 15),
    RANGE(keepalive_probes, 1, 127),
    RANGE(ttl, 1, 255),
    RANGE(mss_max, 64, 65495),
    RANGE(mss_floor, 48, 536),
    RANGE(window_initial, 1, 65535),
    RANGE(rcvbuf, 2048, UINT32_C(1) << 30),
    RANGE(rcvbuf_max, 2048, UINT32_C(1) << 30),
    RANGE(sndbuf, 2048, UINT32_C(1) << 30),
    RANGE(sndbuf_max, 2048, UINT32_C(1) << 30),
    RANGE(challenge_per_s, 1, 1000),
    TIME(rto_initial_ns, NS_PER_MS),
    TIME(rto_min_ns, NS_PER_MS),
    TIME(rto_max_ns, NS_PER_S),
    TIME(rto_slop_ns, 0),
    TIME(tlp_min_ns, 0),
    TIME(tlp_super_ns, 0),
    TIME(tlp_delack_ns, 0),
    TIME(rto_after_syn_loss_ns, NS_PER_MS),
    TIME(connect_timeout_ns, 0),
    TIME(synack_rto_ns, NS_PER_MS),
    RANGE(delack_ns, NS_PER_MS, 500 * NS_PER_MS),
    RANGE(delack_max_ns, NS_PER_MS, 500 * NS_PER_MS),
    TIME(persist_min_ns, NS_PER_MS),
    TIME(persist_max_ns, NS_PER_MS),
    TIME(keepalive_idle_ns, NS_PER_MS),
    TIME(keepalive_interval_ns, NS_PER_MS),
    TIME(time_wait_ns, 1),
    TIME(fin_wait_2_ns, 1),
    RANGE(timestamp_unit_ns, NS_PER_US, NS_PER_S), /* RFC 7323 section 5.4: 1 ms to 1 s */
};

static uint64_t tuning_value(const struct tcp_tuning *tuning, const struct range *range)
{
    const char *field = (const char *)tuning + range->off;
    uint64_t value = 0;
    uint32_t value32;
    uint16_t value16;

    switch (range->bytes) {
    case 1:
        return *(const uint8_t *)field;
    case 2:
        memcpy(&value16, field, sizeof(value16));
        return value16;
    case 4:
        memcpy(&value32, field, sizeof(value32));
        return value32;
    default:
        memcpy(&value, field, sizeof(value));
        return value;
    }
}

/* The name of a field that is out of range, or NULL. */
static const char *bad_tuning(const struct tcp_tuning *tuning)
{
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        uint64_t value = tuning_value(tuning, &ranges[i]);

        if (value < ranges[i].min || value > ranges[i].max)
            return ranges[i].name;
    }
    return NULL;
}

static const char *bad_conf(const struct tcp_conf *conf)
{
    const char *limit = bad_limit(conf);

    if (conf->nif == NULL)
        return "nif";
    if (limit != NULL)
        return limit;
    if (conf->memory == NULL || (uintptr_t)conf->memory % TCP_ALIGN != 0)
        return "memory";
    return bad_tuning(&conf->tuning);
}

/* ---- life ----------------------------------------------------------------------------------- */

/* Secrets for each use, all from the one key. */
static void make_secrets(struct tcp *tcp, uint64_t now)
{
    const uint64_t *key = tcp->conf.key;
    /* Two stacks with one key, as tests have them, are still two. */
    uint64_t words[3] = {now, (uintptr_t)tcp, 0x73616c74};

    tcp->salt = (uint32_t)siphash_words(key, words, 3) & HANDLE_SALT_MASK;
    tcp->salt |= 1;
    for (unsigned i = 0; i < ARRAY_SIZE(tcp->hash_key); i++) {
        words[0] = i;
        words[1] = 0x68617368;
        tcp->hash_key[i] = siphash_words(key, words, 2);
    }
    words[1] = 0x72616e64;
    words[0] = 0;
    tcp->random_state = siphash_words(key, words, 2);
    words[0] = 1;
    tcp->random_step = siphash_words(key, words, 2) | 1;
}

int tcp_init(struct tcp *tcp, const struct tcp_conf *conf, uint64_t now_ns)
{
    struct tcp_conf full = with_defaults(conf);
    const char *bad = bad_conf(&full);
    struct layout layout;

    if (bad == NULL && (!lay_out(&layout, &full) || full.memory_bytes < layout.bytes))
        bad = "memory_bytes";
    if (bad != NULL) {
        LOG_ERROR("tcp: %s: missing or out of range", bad);
        return -E_INVAL;
    }
    if (full.nif->tcp_ops != NULL)
        return -E_BUSY;
    memset(tcp, 0, sizeof(*tcp));
    tcp->conf = full;
    tcp->now = now_ns;
    make_secrets(tcp, now_ns);
    carve(tcp, &layout);
    tcp->conf.nif->tcp = tcp;
    tcp->conf.nif->tcp_ops = &tcp_netif_ops;
    return 0;
}

void tcp_fini(struct tcp *tcp)
{
    if (tcp->lro->rx.pkt != NULL)
        pkt_put(tcp->lro->rx.pkt);
    for (uint32_t i = 0; i < tcp->conns_made; i++) {
        struct tcp_conn *conn = &tcp->conns[i];

        if (!conn->used)
            continue;
        tcp_sndbuf_clear(conn);
        tcp_sndbuf_take_back(conn);
        tcp_reass_clear(conn);
        tcp_rcvbuf_clear(conn);
    }
    if (tcp->headers != NULL)
        page_put(tcp->headers);
    tcp->headers = NULL;
    tcp->conf.nif->tcp_ops = NULL;
    tcp->conf.nif->tcp = NULL;
}

/* ---- handles -------------------------------------------------------------------------------- */

static tcp_t make_handle(const struct tcp *tcp, uint32_t index, uint32_t generation)
{
    return (uint64_t)generation << 32 | tcp->salt << HANDLE_SALT_SHIFT | index;
}

/* The index of a handle that this stack may have made; UINT32_MAX: it did not. */
static uint32_t handle_index(const struct tcp *tcp, tcp_t handle, uint32_t kind)
{
    uint32_t low = (uint32_t)handle;

    if (low >> HANDLE_SALT_SHIFT != tcp->salt || (low & HANDLE_LISTENER) != kind)
        return UINT32_MAX;
    return low & (HANDLE_LISTENER - 1);
}

struct tcp_conn *tcp_conn_of(const struct tcp *tcp, tcp_t handle)
{
    uint32_t i = handle_index(tcp, handle, 0);
    struct tcp_conn *conn;

    if (UNLIKELY(i >= tcp->conns_made))
        return NULL;
    conn = &tcp->conns[i];
    /* What waits to be accepted has no handle yet, what was closed has none any more. */
    if (UNLIKELY(!conn->used || conn->orphan || conn->listener != NULL ||
                 conn->generation != handle >> 32))
        return NULL;
    return conn;
}

tcp_t tcp_conn_handle(const struct tcp_conn *conn)
{
    return make_handle(conn->tcp, (uint32_t)(conn - conn->tcp->conns), conn->generation);
}

struct tcp_listener *tcp_listener_of(const struct tcp *tcp, tcp_t handle)
{
    uint32_t i = handle_index(tcp, handle, HANDLE_LISTENER);
    struct tcp_listener *listener;

    if (i >= tcp->conf.listeners_max)
        return NULL;
    listener = &tcp->listeners[i];
    return listener->used && listener->generation == handle >> 32 ? listener : NULL;
}

tcp_t tcp_listener_handle(const struct tcp *tcp, const struct tcp_listener *listener)
{
    return make_handle(tcp, HANDLE_LISTENER | (uint32_t)(listener - tcp->listeners),
                       listener->generation);
}

/* ---- records -------------------------------------------------------------------------------- */

struct tcp_conn *tcp_conn_get(struct tcp *tcp)
{
    struct tcp_conn *conn = tcp->conns_free;

    if (conn != NULL) {
        uint32_t generation = conn->generation;
        struct tcp_news news = conn->news;

        tcp->conns_free = conn->next;
        memset(conn, 0, sizeof(*conn));
        conn->generation = generation;
        conn->news = news; /* it may still be in the list */
    } else {
        if (tcp->conns_made == tcp->conf.conns_max)
            return NULL;
        conn = &tcp->conns[tcp->conns_made++];
        memset(conn, 0, sizeof(*conn));
        conn->generation = tcp_random(tcp);
    }
    conn->tcp = tcp;
    conn->used = true;
    tcp->used.conns++;
    return conn;
}

void tcp_conn_put(struct tcp *tcp, struct tcp_conn *conn)
{
    ASSERT(conn->used && conn->pages == 0);
    tcp_poll_unmark(conn);
    tcp_timer_stop_all(conn);
    tcp_mem_leave(conn);
    conn->used = false;
    conn->generation++;
    conn->news.handle = 0;
    conn->next = tcp->conns_free;
    tcp->conns_free = conn;
    tcp->used.conns--;
}

struct tcp_seg *tcp_seg_get(struct tcp *tcp)
{
    struct tcp_seg *seg = tcp->segs_free;

    if (UNLIKELY(seg == NULL))
        return NULL;
    tcp->segs_free = seg->sent_next;
    tcp->used.segs++;
    return seg;
}

void tcp_seg_put(struct tcp *tcp, struct tcp_seg *seg)
{
    seg->sent_next = tcp->segs_free;
    tcp->segs_free = seg;
    tcp->used.segs--;
}

struct tcp_chunk *tcp_chunk_get(struct tcp *tcp)
{
    struct tcp_chunk *chunk = tcp->chunks_free;

    if (UNLIKELY(chunk == NULL))
        return NULL;
    tcp->chunks_free = chunk->next;
    tcp->used.chunks++;
    return chunk;
}

void tcp_chunk_put(struct tcp_conn *conn, struct tcp_chunk *chunk)
{
    struct tcp *tcp = conn->tcp;

    page_put(chunk->page);
    tcp_mem_release(conn, 1);
    chunk->next = tcp->chunks_free;
    tcp->chunks_free = chunk;
    tcp->used.chunks--;
}

struct tcp_ooo *tcp_ooo_get(struct tcp *tcp)
{
    struct tcp_ooo *ooo = tcp->ooo_free;

    if (UNLIKELY(ooo == NULL))
        return NULL;
    tcp->ooo_free = ooo->recent_next;
    tcp->used.ooo++;
    return ooo;
}

void tcp_ooo_put(struct tcp *tcp, struct tcp_ooo *ooo)
{
    ooo->recent_next = tcp->ooo_free;
    tcp->ooo_free = ooo;
    tcp->used.ooo--;
}

/* ---- news ----------------------------------------------------------------------------------- */

void tcp_news(struct tcp *tcp, struct tcp_news *news)
{
    struct tcp_news *last = tcp->ready_tail;

    if (news->queued || news->handle == 0)
        return;
    news->queued = true;
    news->next = NULL;
    if (last == NULL)
        tcp->ready_head = news;
    else
        last->next = news;
    tcp->ready_tail = news;
}

tcp_t tcp_next_ready(struct tcp *tcp)
{
    struct tcp_news *news;

    while ((news = tcp->ready_head) != NULL) {
        tcp->ready_head = news->next;
        if (news->next == NULL)
            tcp->ready_tail = NULL;
        news->queued = false;
        /* It may have been closed since, or what it told of be done already. */
        if (news->handle != 0 && tcp_ready(tcp, news->handle) != 0)
            return news->handle;
    }
    return 0;
}
