/* SPDX-License-Identifier: ISC */
/* wire.c - copying to and from iovecs, and the wire that is a queue in memory. */
#include <stdlib.h>
#include <string.h>

#include "sim_priv.h"

size_t sim_iov_fill(const struct iovec *iov, unsigned n, const void *from, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        size_t part = size_min(iov[i].iov_len, len - done);
        memcpy(iov[i].iov_base, (const uint8_t *)from + done, part);
        done += part;
    }
    return done;
}

size_t sim_iov_read(const struct iovec *iov, unsigned n, void *to, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        size_t part = size_min(iov[i].iov_len, len - done);
        memcpy((uint8_t *)to + done, iov[i].iov_base, part);
        done += part;
    }
    return done;
}

/* ---- the queue: records of a header and a frame, one after the other; a record never wraps -- */

struct record {
    uint32_t len; /* UINT32_MAX: nothing more until the buffer's end */
    struct sim_meta meta;
};

#define RECORD_ALIGN 16u
#define RECORD_SKIP UINT32_MAX

static size_t record_size(size_t len)
{
    return (sizeof(struct record) + len + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

/* Room for a frame of `len` bytes, its header filled in; NULL where the queue is full. */
static uint8_t *queue_reserve(struct sim_queue *q, size_t len, const struct sim_meta *meta)
{
    size_t size = record_size(len), at = q->head % SIM_QUEUE_BYTES;
    size_t skip = size > SIM_QUEUE_BYTES - at ? SIM_QUEUE_BYTES - at : 0;
    if (skip + size > SIM_QUEUE_BYTES - (q->head - q->tail)) {
        q->dropped++;
        return NULL;
    }
    if (skip != 0) {
        /* Every record's size is a multiple of RECORD_ALIGN: a header always fits before the
         * end. */
        struct record end = {.len = RECORD_SKIP};
        memcpy(q->bytes + at, &end, sizeof(end.len));
        q->head += skip;
        at = 0;
    }
    struct record record = {.len = (uint32_t)len, .meta = *meta};
    memcpy(q->bytes + at, &record, sizeof(record));
    q->head += size;
    q->frames++;
    return q->bytes + at + sizeof(record);
}

/* The next frame, or NULL. It stays in the queue until queue_drop. */
static const uint8_t *queue_peek(struct sim_queue *q, struct record *record)
{
    while (q->head != q->tail) {
        size_t at = q->tail % SIM_QUEUE_BYTES;
        memcpy(&record->len, q->bytes + at, sizeof(record->len));
        if (record->len != RECORD_SKIP) {
            memcpy(record, q->bytes + at, sizeof(*record));
            return q->bytes + at + sizeof(*record);
        }
        q->tail += SIM_QUEUE_BYTES - at;
    }
    return NULL;
}

bool sim_queue_put(struct sim_queue *q, const void *frame, size_t len, const struct sim_meta *meta)
{
    static const struct sim_meta none;
    uint8_t *to = queue_reserve(q, len, meta == NULL ? &none : meta);
    if (to != NULL)
        memcpy(to, frame, len);
    return to != NULL;
}

size_t sim_queue_take(struct sim_queue *q, void *frame, size_t size, struct sim_meta *meta)
{
    struct record record;
    const uint8_t *from = queue_peek(q, &record);
    if (from == NULL)
        return 0;
    size_t n = size_min(record.len, size);
    memcpy(frame, from, n);
    if (meta != NULL)
        *meta = record.meta;
    q->tail += record_size(record.len);
    return n;
}

static bool queue_send(struct sim_wire *wire, const struct sim_frame *frame)
{
    struct sim_queue *peer = CONTAINER_OF(wire, struct sim_queue, wire)->peer;
    uint8_t *to = queue_reserve(peer, frame->len, &frame->meta);
    if (to == NULL)
        return false;
    sim_iov_read(frame->iov, frame->iov_count, to, frame->len);
    sim_wires_ready();
    return true;
}

static size_t queue_recv(struct sim_wire *wire, const struct iovec *iov, unsigned iov_count,
                         struct sim_meta *meta)
{
    struct sim_queue *q = CONTAINER_OF(wire, struct sim_queue, wire);
    struct record record;
    const uint8_t *from = queue_peek(q, &record);
    if (from == NULL)
        return 0;
    *meta = record.meta;
    size_t n = sim_iov_fill(iov, iov_count, from, record.len);
    q->tail += record_size(record.len);
    return n;
}

int sim_queue_init(struct sim_queue *q)
{
    *q = (struct sim_queue){.wire = {.send = queue_send, .recv = queue_recv}};
    q->bytes = aligned_alloc(RECORD_ALIGN, SIM_QUEUE_BYTES);
    q->peer = q;
    return q->bytes == NULL ? -E_NOMEM : 0;
}

void sim_queue_fini(struct sim_queue *q)
{
    free(q->bytes);
    q->bytes = NULL;
}

void sim_queue_join(struct sim_queue *a, struct sim_queue *b)
{
    a->peer = b;
    b->peer = a;
}
