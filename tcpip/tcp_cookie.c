/* SPDX-License-Identifier: ISC */
/* tcp_cookie.c - SYN cookies (RFC 4987 section 3.6): a half-open connection that lives in the
 * numbers of its SYN-ACK, which the peer's ACK brings back.
 *
 * The sequence number, 5 low bits blinded by a hash of the ends:
 *
 *      31                                  5 4   3 2   0
 *     +-------------------------------------+-----+-----+
 *     | MAC of ends, peer's ISN, epoch, MSS | ep. | MSS |
 *     +-------------------------------------+-----+-----+
 *
 * An epoch is 64 s, and a cookie is good in its own and the next: the MAC has 27 bits, and of four
 * epochs two are good, so whoever guesses hits once in 2^28 tries. What else the SYN offered stands
 * in the low 6 bits of our timestamp, where the peer has timestamps: its window scale (15: none),
 * SACK, ECN. The clock is put back for that by at most 63 units, so it still never runs backwards
 * for the peer. */
#include "tcpip/siphash.h"
#include "tcpip/tcp_priv.h"

#define EPOCH_NS (64 * NS_PER_S)

enum {
    MAC_SHIFT = 5,
    EPOCH_SHIFT = 3,
    EPOCH_MASK = 3,
    EPOCHS_GOOD = 2,
    MSS_MASK = 7,
    TS_BITS = 63,
    TS_WSCALE_MASK = 15,
    TS_NO_WSCALE = 15,
    TS_SACK = 16,
    TS_ECN = 32,
    SALT_MAC = 0x636f6f6b,
    SALT_BLIND = 0x626c696e,
};

/* What peers say, mostly: tunnels, PPPoE, timestamps counted in, Ethernet, jumbo frames. */
static const uint16_t mss_table[] = {88, 536, 1220, 1360, 1440, 1452, 1460, 8960};
STATIC_ASSERT(ARRAY_SIZE(mss_table) == MSS_MASK + 1, "three bits");

static uint32_t mss_index(uint16_t mss)
{
    uint32_t i = MSS_MASK;

    while (i > 0 && mss_table[i] > mss)
        i--;
    return i;
}

static uint64_t hash(const struct tcp *tcp, const struct tcp_key *key, uint32_t irs, uint64_t rest,
                     uint32_t salt)
{
    uint64_t words[4] = {(uint64_t)key->src << 32 | key->dst,
                         (uint64_t)key->src_port << 48 | (uint64_t)key->dst_port << 32 | irs, rest,
                         salt};

    return siphash_words(tcp->conf.key, words, 4);
}

static uint32_t cookie(const struct tcp *tcp, const struct tcp_key *key, uint32_t irs,
                       uint64_t epoch, uint32_t mss)
{
    uint32_t low = (uint32_t)(epoch & EPOCH_MASK) << EPOCH_SHIFT | mss;
    uint32_t mac = (uint32_t)hash(tcp, key, irs, epoch << EPOCH_SHIFT | mss, SALT_MAC);

    low ^= (uint32_t)hash(tcp, key, irs, 0, SALT_BLIND);
    return mac << MAC_SHIFT | (low & ((1u << MAC_SHIFT) - 1));
}

uint32_t tcp_cookie_make(struct tcp *tcp, const struct tcp_syn *syn, uint64_t now, uint32_t *ts_val)
{
    uint32_t ts = tcp_ts_now(tcp, syn->ts_offset, now);
    uint32_t bits = syn->wscale_ok ? syn->wscale : TS_NO_WSCALE;

    bits |= (syn->sack_ok ? (uint32_t)TS_SACK : 0) | (syn->ecn_ok ? (uint32_t)TS_ECN : 0);
    *ts_val = (ts & ~(uint32_t)TS_BITS) | bits;
    if (seq_gt(*ts_val, ts))
        *ts_val -= TS_BITS + 1;
    tcp->cookie_until = (now / EPOCH_NS + EPOCHS_GOOD) * EPOCH_NS;
    return cookie(tcp, &syn->link.key, syn->irs, now / EPOCH_NS, mss_index(syn->mss));
}

/* What the timestamp that came back says. */
static void read_options(const struct tcp *tcp, struct tcp_syn *syn, const struct tcp_rx *rx)
{
    const struct tcp_tuning *tuning = &tcp->conf.tuning;
    uint32_t bits = rx->opts.ts_ecr & TS_BITS;

    if (!tuning->timestamps || (rx->opts.has & TCP_HAS_TS) == 0)
        return;
    syn->ts_ok = true;
    syn->ts_recent = rx->opts.ts_val;
    syn->wscale_ok = tuning->window_scale && (bits & TS_WSCALE_MASK) != TS_NO_WSCALE;
    syn->wscale = syn->wscale_ok ? (uint8_t)(bits & TS_WSCALE_MASK) : 0;
    syn->sack_ok = tuning->sack && (bits & TS_SACK) != 0;
    syn->ecn_ok = (bits & TS_ECN) != 0;
}

bool tcp_cookie_check(const struct tcp *tcp, const struct tcp_rx *rx, struct tcp_syn *syn)
{
    uint32_t irs = rx->hdr.seq - 1, iss = rx->hdr.ack - 1, low, age;
    uint64_t epoch = rx->now / EPOCH_NS;

    low = iss ^ (uint32_t)hash(tcp, &rx->key, irs, 0, SALT_BLIND);
    age = (uint32_t)(epoch - (low >> EPOCH_SHIFT)) & EPOCH_MASK;
    if (age >= EPOCHS_GOOD || epoch < age ||
        iss != cookie(tcp, &rx->key, irs, epoch - age, low & MSS_MASK))
        return false;
    *syn = (struct tcp_syn){.link = {.key = rx->key, .kind = TCP_LINK_SYN},
                            .iss = iss,
                            .irs = irs,
                            .ts_offset = tcp_ts_offset(tcp, &rx->key),
                            .mss = mss_table[low & MSS_MASK]};
    read_options(tcp, syn, rx);
    return true;
}
