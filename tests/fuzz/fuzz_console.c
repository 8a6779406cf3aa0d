/* SPDX-License-Identifier: ISC */
/* fuzz_console.c - the console ring against a reader that writes anything into the page.
 *
 * Input: two words, the first indices; then operations of five bytes. The page lies between two
 * others that must stay as they are; every byte given is written or counted as dropped.
 */
#include <stdlib.h>

#include "support.h"

#include <morgana/xencons.h>

#include "simguest.h"

#include <xen/io/console.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GUARD 0xb7

static _Alignas(4096) uint8_t pages[3][4096];

static void step(struct xencons *cons, uint8_t op, uint32_t word)
{
    struct xencons_interface *ring = (struct xencons_interface *)pages[1];
    static uint8_t text[5000];
    uint32_t len = word % (uint32_t)sizeof(text);
    switch (op % 8) {
    case 0:
        ring->out_cons = word;
        break;
    case 1:
        ring->out_prod = word;
        break;
    case 2:
        ring->in_prod = word;
        break;
    case 3: /* an honest reader */
        ring->out_cons = cons->out_prod - word % 2049;
        break;
    case 4: /* an honest typist */
        ring->in_prod = cons->in_cons + word % 1025;
        break;
    case 5:
        pages[1][word % 4096] = (uint8_t)(word >> 16);
        break;
    case 6:
        for (uint32_t i = 0; i < 2000; i++) {
            int byte = xencons_read(cons);
            if (byte != -E_AGAIN && (byte < 0 || byte > 255))
                abort();
        }
        break;
    default:
        memset(text, (op & 8) != 0 ? '\n' : 'x', len);
        uint64_t before = cons->stats.written + cons->stats.dropped;
        xencons_write(cons, cs_ro_of(text, len));
        if (cons->stats.written + cons->stats.dropped - before < len)
            abort();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    struct xencons cons;
    uint32_t word;
    if (size < 8)
        return 0;
    if (!begun)
        simguest_init(NULL);
    begun = true;
    memset(pages, GUARD, sizeof(pages));
    struct xencons_interface *ring = (struct xencons_interface *)pages[1];
    memcpy(&ring->out_prod, data, 4);
    memcpy(&ring->in_cons, data + 4, 4);
    ring->out_cons = ring->out_prod;
    ring->in_prod = ring->in_cons;
    /* A reader that is dead costs no time here. */
    struct xencons_conf conf = {.ring = ring, .port = 4000, .wait_ns = 1};
    if (xencons_init(&cons, &conf) != 0)
        abort();
    cons.stuck = true;
    for (size_t at = 8; at + 5 <= size; at += 5) {
        memcpy(&word, data + at + 1, 4);
        step(&cons, data[at], word);
        cons.stuck = true;
    }
    for (size_t i = 0; i < 4096; i++) {
        if (pages[0][i] != GUARD || pages[2][i] != GUARD)
            abort();
    }
    return 0;
}
