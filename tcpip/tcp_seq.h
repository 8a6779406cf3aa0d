/* SPDX-License-Identifier: ISC */
/* tcp_seq.h - sequence numbers: arithmetic modulo 2^32 (RFC 9293 section 3.4). */
#ifndef TCPIP_TCP_SEQ_H
#define TCPIP_TCP_SEQ_H

#include <morgana/base.h>

/* Right as long as the two are less than 2^31 apart. */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
    return seq_lt(b, a);
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
    return seq_le(b, a);
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_lt(a, b) ? b : a;
}

static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
    return seq_lt(a, b) ? a : b;
}

/* low <= seq < low + size */
static inline bool seq_in(uint32_t seq, uint32_t low, uint32_t size)
{
    return seq - low < size;
}

/* Is any of [seq, end), or where that is empty seq itself, in the window of `size` from `low`? RFC
 * 9293 section 3.10.7.4's table, which forgot a segment that reaches out at both sides. */
static inline bool seq_acceptable(uint32_t seq, uint32_t end, uint32_t low, uint32_t size)
{
    if (seq == end)
        return size == 0 ? seq == low : seq_in(seq, low, size);
    return size != 0 && seq_gt(end, low) && seq_lt(seq, low + size);
}

#endif
