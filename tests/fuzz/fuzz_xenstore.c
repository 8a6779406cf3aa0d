/* SPDX-License-Identifier: ISC */
/* fuzz_xenstore.c - the xenstore client against a xenstored that answers anything.
 *
 * Input: a word, the first index of both rings; then what xenstored does each time the client
 * waits, one piece after the other: a byte that says what, a byte of length, and that many bytes.
 * When the input ends it is silent. Calls of every kind are made meanwhile, in an order that the
 * first byte of a piece chooses too. What must hold: no call takes more than its time, results stay
 * in their range, a broken client stays broken.
 */
#include <stdlib.h>

#include "support.h"

#include <morgana/xen.h>
#include <morgana/xenstore.h>

#include "simguest.h"

#include <xen/io/xs_wire.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(4096) uint8_t pages[3][4096];
static struct xenstore_domain_interface *const ring = (void *)pages[1];
static const uint8_t *in;
static size_t in_len;
static struct xs xs;

static uint8_t take_byte(void)
{
    if (in_len == 0)
        return 0;
    in_len--;
    return *in++;
}

static void put(const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ring->rsp_prod - ring->rsp_cons >= XENSTORE_RING_SIZE)
            return; /* lost: garbage follows */
        ring->rsp[MASK_XENSTORE_IDX(ring->rsp_prod++)] = ((const char *)bytes)[i];
    }
}

/* Its turn. */
static void step(uint64_t deadline_ns)
{
    if (in_len < 2) {
        vplat_set_now(deadline_ns);
        return;
    }
    uint8_t what = take_byte();
    size_t n = take_byte();
    n = size_min(n, in_len);
    struct xsd_sockmsg header = {.type = what >> 3, .req_id = xs.next_req_id, .len = (uint32_t)n};
    uint32_t word = 0;
    switch (what % 8) {
    case 0: /* bytes */
        put(in, n);
        break;
    case 1: /* any reply to the last request */
        put(&header, sizeof(header));
        put(in, n);
        break;
    case 2:
        header.type = XS_WATCH_EVENT;
        header.req_id = 0;
        put(&header, sizeof(header));
        put(in, n);
        break;
    case 3: /* the reply that most requests want */
        header.len = 3;
        put(&header, sizeof(header));
        put("OK", 3);
        break;
    case 4:
        header.type = XS_ERROR;
        put(&header, sizeof(header));
        put(in, n);
        break;
    case 5:
        memcpy(&word, in, size_min(n, 4));
        if ((what & 8) != 0)
            ring->rsp_prod = ring->rsp_cons + word % 2048;
        else
            ring->req_cons = ring->req_prod - word % 2048;
        break;
    case 6: /* a part of a listing */
        header.type = XS_DIRECTORY_PART;
        put(&header, sizeof(header));
        put(in, n);
        break;
    default:
        vplat_set_now(deadline_ns);
        break;
    }
    in += n;
    in_len -= n;
    if (what % 8 != 5)
        ring->req_cons = ring->req_prod; /* it reads what we write */
}

static int call(uint8_t which)
{
    static struct xs_watch watch[3];
    static uint8_t out[600];
    static const char *const perms[] = {"n0", "r1"};
    struct cs room = cs_of(out, (size_t)which * 2);
    struct xs_watch *w = &watch[which / 16 % 3];
    xs_txn_t txn = 1;
    uint64_t value;
    bool linked = false;
    for (struct xs_watch *at = xs.watches; at != NULL; at = at->next)
        linked |= at == w;
    switch (which % 16) {
    case 0:
        return xs_read(&xs, 0, "a/b", room);
    case 1:
        return xs_read_u64(&xs, 0, "a", 1000, &value);
    case 2:
        return xs_write(&xs, 0, "a", cs_ro_of(out, room.len));
    case 3:
        return xs_printf(&xs, 0, "a", "%u", 17u);
    case 4:
        return xs_mkdir(&xs, 0, "a");
    case 5:
        return xs_rm(&xs, 0, "a");
    case 6:
    case 7:
        return xs_directory(&xs, 0, "a", room);
    case 8:
        return xs_get_perms(&xs, 0, "a", room);
    case 9:
        return xs_set_perms(&xs, 0, "a", perms, 2);
    case 10:
        return xs_get_domain_path(&xs, 5, room);
    case 11:
        return xs_is_domain_introduced(&xs, 5);
    case 12:
        return linked ? xs_unwatch(&xs, w) : xs_watch(&xs, w, "w");
    case 13:
        return xs_txn_start(&xs, &txn);
    case 14:
        return xs_txn_end(&xs, txn, true);
    default:
        xs_poll(&xs);
        return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct evtchn ev;
    static uint32_t counts[64];
    uint32_t index;
    if (size < 5)
        return 0;
    if (simguest_ev == NULL) {
        struct evtchn_conf ec = {.force_2l = true, .counts = counts, .ports_max = 64};
        simguest_init(NULL);
        if (evtchn_init(&ev, &ec) != 0)
            abort();
        simguest_ev = &ev;
    }
    vplat_reset(1);
    vplat_step = step;
    memset(pages, 0xb7, sizeof(pages));
    memset(ring, 0, sizeof(*ring));
    memcpy(&index, data, 4);
    ring->req_cons = ring->req_prod = ring->rsp_cons = ring->rsp_prod = index;
    in = data + 4;
    in_len = size - 4;
    /* Port 63 is nobody's: events to it are refused, and that does not matter. */
    struct xs_conf conf = {.ring = ring, .ev = &ev, .port = 63, .timeout_ns = NS_PER_S};
    if (xs_init(&xs, &conf) != 0)
        abort();
    for (unsigned calls = 0; calls < 100 && in_len != 0; calls++) {
        uint64_t begin = plat_now_ns();
        int broken = xs_broken(&xs);
        int result = call(take_byte());
        if (result > 600 || plat_now_ns() - begin > 20 * XS_DIRECTORY_TRIES * NS_PER_S)
            abort();
        if (broken != 0 && xs_broken(&xs) != broken && xs_broken(&xs) != -E_PROTO)
            abort();
        if (xs.in_len > sizeof(xs.in) || xs.late_count > XS_LATE_MAX ||
            xs.stray_watch_count > XS_LATE_MAX)
            abort();
    }
    xs_fini(&xs);
    if (xs.watches != NULL)
        abort();
    for (size_t i = 0; i < 4096; i++) {
        if (pages[0][i] != 0xb7 || pages[2][i] != 0xb7)
            abort();
    }
    return 0;
}
