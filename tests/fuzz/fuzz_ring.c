/* SPDX-License-Identifier: ISC */
/* fuzz_ring.c - the frontend's half of a shared ring against a backend that writes anything,
 * anywhere in the page.
 *
 * Input: four bytes, the first index; then operations of five bytes: what, and a word. Whatever the
 * backend writes, responses taken are never more than requests shown, and our indices stay a ring's
 * size apart.
 */
#include <stdlib.h>

#include "xen/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOT 12u

static void check(const struct ring *ring)
{
    if (ring->req_prod - ring->rsp_cons > ring->slots ||
        ring->req_pushed - ring->rsp_cons > ring->req_prod - ring->rsp_cons)
        abort();
}

static void step(struct ring *ring, uint8_t op, uint32_t word)
{
    uint8_t bytes[SLOT];
    uint32_t ahead = 0;
    int n;
    switch (op % 8) {
    case 0:
        WRITE_ONCE(ring->shared->rsp_prod, word);
        break;
    case 1: /* an honest backend, more or less */
        WRITE_ONCE(ring->shared->rsp_prod, ring->rsp_cons + word % 300);
        break;
    case 2:
        WRITE_ONCE(ring->shared->req_event, word);
        break;
    case 3: /* anywhere in the page */
        ((uint8_t *)ring->shared)[word % 4096] = (uint8_t)(word >> 16);
        break;
    case 4:
        /* A frame of several slots, put all together. */
        for (; ahead < word % 300 && ring_in_flight(ring) + ahead < ring->slots; ahead++)
            memset(ring_request(ring, ahead), op, SLOT);
        ring_commit(ring, ahead);
        break;
    case 5:
        ring_push(ring);
        break;
    case 6:
        n = ring_final_check(ring, 1 + word % 64);
        if (n > (int)ring_in_flight(ring))
            abort();
        break;
    default:
        n = ring_responses(ring);
        if (n < 0 && (n != -E_PROTO || ring->rsp_refused != READ_ONCE(ring->shared->rsp_prod)))
            abort();
        for (int i = 0; i < n; i++)
            memcpy(bytes, ring_next(ring), SLOT);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t word;
    if (size < 4)
        return 0;
    uint8_t *page = aligned_alloc(4096, 4096);
    struct ring ring;
    memcpy(&word, data, 4);
    ring_init(&ring, page, 4096, SLOT, word);
    for (size_t at = 4; at + 5 <= size; at += 5) {
        memcpy(&word, data + at + 1, 4);
        step(&ring, data[at], word);
        check(&ring);
    }
    free(page);
    return 0;
}
