/* SPDX-License-Identifier: ISC */
/* liar: a network backend that lies, for tests/xen: what a guest meets whose driver domain was
 * taken over.
 *
 *     liar DOMID INDEX prepare    before the guest runs: gives it device/vif/INDEX, of which the
 *                                 backend is here
 *     liar DOMID INDEX            tells every lie of the table, one connection each
 *
 * xl and Linux's netback know nothing of the device. What a lie must lead to stands beside it. For
 * one that breaks the protocol it is the text that the guest's console says of it; "expect: TEXT"
 * lines on stdout tell the case which. The last line is "N lies, N not answered as they should be";
 * the exit status is 0 where there are none. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "liar.h"

#define STORM_EVENTS 100000u
#define CHAIN_MAX 18u

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("liar: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    exit(1);
}

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sleep_ms(unsigned ms)
{
    usleep(ms * 1000);
}

/* ---- lies: the rings ------------------------------------------------------------------------- */

static void tx_ahead(struct vif *v)
{
    v->tx_prod = v->tx->req_prod + 1;
    vif_push(v);
}

static void tx_far_ahead(struct vif *v)
{
    v->tx_prod += 0x80000000u;
    vif_push(v);
}

static void tx_back(struct vif *v)
{
    v->tx_prod--;
    vif_push(v);
}

static void tx_id_unknown(struct vif *v)
{
    (void)vif_tx_take(v);
    vif_tx_put(v, 0xffff, NETIF_RSP_OKAY);
    vif_push(v);
}

static void tx_id_twice(struct vif *v)
{
    uint16_t id = vif_tx_take(v).id;

    (void)vif_tx_take(v);
    vif_tx_put(v, id, NETIF_RSP_OKAY);
    vif_tx_put(v, id, NETIF_RSP_OKAY);
    vif_push(v);
}

static void tx_status(struct vif *v)
{
    vif_tx_put(v, vif_tx_take(v).id, 77);
    vif_push(v);
}

static void tx_errors(struct vif *v)
{
    for (unsigned i = 0; i < 4; i++)
        vif_tx_put(v, vif_tx_take(v).id, i % 2 != 0 ? NETIF_RSP_ERROR : NETIF_RSP_DROPPED);
    vif_push(v);
}

static void tx_mapped(struct vif *v)
{
    netif_tx_request_t req = vif_tx_take(v);

    v->kept = vif_map(v, req.gref, false, &v->kept_at);
    vif_tx_put(v, req.id, NETIF_RSP_OKAY);
    vif_push(v);
}

static void rx_ahead(struct vif *v)
{
    v->rx_prod = v->rx->req_prod + 1;
    vif_push(v);
}

static void rx_back(struct vif *v)
{
    v->rx_prod--;
    vif_push(v);
}

static void rx_id(struct vif *v)
{
    vif_rx_put(v, (uint16_t)(vif_rx_fill(v) + 1), 0, 0, 60);
    vif_push(v);
}

static void rx_range(struct vif *v)
{
    vif_rx_put(v, vif_rx_fill(v), PAGE - 96, 0, 97);
    vif_push(v);
}

static void rx_length(struct vif *v)
{
    vif_rx_put(v, vif_rx_fill(v), 0xffff, 0, 0x7fff);
    vif_push(v);
}

static void rx_errors(struct vif *v)
{
    for (unsigned i = 0; i < 4; i++)
        vif_rx_put(v, vif_rx_take(v).id, 0, 0, i % 2 != 0 ? NETIF_RSP_ERROR : -12345);
    vif_push(v);
}

static void rx_chain(struct vif *v)
{
    for (unsigned i = 0; i <= CHAIN_MAX; i++)
        vif_rx_put(v, vif_rx_fill(v), 0, NETRXF_more_data, 60);
    vif_push(v);
}

static void rx_prefix(struct vif *v)
{
    vif_rx_put(v, vif_rx_fill(v), 1448, NETRXF_gso_prefix | NETRXF_more_data, 0);
    vif_push(v);
}

/* A frame with `n` slots of this extra info behind it. */
static void rx_extra(struct vif *v, netif_extra_info_t extra, unsigned n)
{
    vif_rx_put(v, vif_rx_fill(v), 0, NETRXF_extra_info, 60);
    while (n-- > 0)
        vif_rx_put_extra(v, extra);
    vif_push(v);
}

static void rx_extra_unknown(struct vif *v)
{
    rx_extra(v, (netif_extra_info_t){.type = 200}, 1);
}

static void rx_extra_endless(struct vif *v)
{
    rx_extra(v,
             (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                  .flags = XEN_NETIF_EXTRA_FLAG_MORE,
                                  .u.gso = {.size = 1448, .type = XEN_NETIF_GSO_TYPE_TCPV4}},
             100);
}

static void rx_extra_unasked(struct vif *v)
{
    rx_extra(v, (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD}, 1);
}

static void rx_gso_zero(struct vif *v)
{
    rx_extra(v,
             (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                  .u.gso = {.size = 0, .type = XEN_NETIF_GSO_TYPE_TCPV4}},
             1);
}

static void rx_mapped(struct vif *v)
{
    netif_rx_request_t req = vif_rx_take(v);

    v->kept = vif_map(v, req.gref, true, &v->kept_at);
    vif_rx_put(v, req.id, 0, 0, 60);
    vif_push(v);
}

/* Pushed, then written over for a while: whatever the guest copied, it looked at nothing but the
 * copy. */
static void rx_rewritten(struct vif *v)
{
    uint16_t id = vif_rx_fill(v);
    volatile netif_rx_response_t *slot = &v->rx->ring[v->rx_prod % 256].rsp;
    uint64_t end = now_ms() + 200;

    vif_rx_put(v, id, 0, 0, 60);
    vif_push(v);
    while (now_ms() < end)
        for (unsigned i = 0; i < 1000; i++) {
            slot->status = i % 2 != 0 ? 0x7fff : 60;
            slot->offset = i % 2 != 0 ? 0xffff : 0;
        }
}

/* ---- lies: events, states, keys -------------------------------------------------------------- */

static void storm(struct vif *v)
{
    for (unsigned i = 0; i < STORM_EVENTS; i++)
        vif_notify(v);
}

static void state_none(struct vif *v)
{
    vif_state(v, "99");
}

static void state_word(struct vif *v)
{
    vif_state(v, "connected");
}

static void state_initialising(struct vif *v)
{
    vif_state(v, "1");
}

static void state_init_wait(struct vif *v)
{
    vif_state(v, "2");
}

static void state_closed(struct vif *v)
{
    vif_state(v, "6");
}

static void state_dance(struct vif *v)
{
    for (unsigned i = 0; i < 50; i++) {
        vif_state(v, i % 2 != 0 ? "4" : "7");
        sleep_ms(2);
    }
    vif_state(v, "4");
}

static void gone(struct vif *v)
{
    store_rm(v->back);
}

static void nothing(struct vif *v)
{
    (void)v;
}

/* ---- the table ------------------------------------------------------------------------------- */

enum outcome {
    CLOSES, /* the guest says `text`, and closes the device until its program opens it anew */
    LEAVES, /* it closes the device without a word of a broken protocol, and comes back by itself */
    STAYS,  /* nothing changes: frames flow afterwards */
    REFUSES, /* it does not connect */
    ANY      /* it closes the device or it does not */
};

struct lie {
    const char *name;
    void (*tell)(struct vif *v);
    enum outcome outcome;
    const char *text;
    const char *const (*keys)[2]; /* of the handshake, in place of honest ones; ends with NULL */
};

#define TX_PROD "more transmit responses than requests"
#define TX_ID "a transmit response's id is not in flight"
#define RX_PROD "more receive responses than requests"
#define RX_RANGE "received data reach past the page"
#define RX_EXTRA "extra info or a GSO prefix that was not negotiated, or out of place"
#define STATE "its XenbusState is none"

static const char *const honest[][2] = {
    {"feature-rx-copy", "1"},   {"feature-rx-flip", "0"},         {"feature-sg", "1"},
    {"feature-gso-tcpv4", "1"}, {"feature-no-csum-offload", "0"}, {NULL, NULL}};
static const char *const nonsense[][2] = {{"feature-rx-copy", "1"},
                                          {"feature-sg", "yes"},
                                          {"feature-gso-tcpv4", "99999999999999999999999999"},
                                          {"feature-gso-tcpv6", "-1"},
                                          {"feature-no-csum-offload", ""},
                                          {"feature-multicast-control", "\xff\xfe\n"},
                                          {"feature-dynamic-multicast-control", "2"},
                                          {"feature-ctrl-ring", "0x1"},
                                          {"feature-split-event-channels", "7"},
                                          {"feature-xdp-headroom", "4096"},
                                          {"multi-queue-max-queues", "4294967297"},
                                          {NULL, NULL}};
static const char *const no_copy[][2] = {
    {"feature-rx-copy", "0"}, {"feature-sg", "1"}, {NULL, NULL}};

static const struct lie lies[] = {
    {"an honest day", nothing, STAYS, NULL, honest},
    {"rsp_prod of transmit past req_prod", tx_ahead, CLOSES, TX_PROD, honest},
    {"rsp_prod of transmit 2^31 ahead", tx_far_ahead, CLOSES, TX_PROD, honest},
    {"rsp_prod of transmit goes back", tx_back, CLOSES, TX_PROD, honest},
    {"transmit id unknown", tx_id_unknown, CLOSES, TX_ID, honest},
    {"transmit id twice", tx_id_twice, CLOSES, TX_ID, honest},
    {"transmit status of no meaning", tx_status, CLOSES,
     "a transmit response's status has no meaning here", honest},
    {"transmit errors", tx_errors, STAYS, NULL, honest},
    {"transmitted page kept mapped", tx_mapped, CLOSES,
     "a transmitted page is still mapped after its response", honest},
    {"rsp_prod of receive past req_prod", rx_ahead, CLOSES, RX_PROD, honest},
    {"rsp_prod of receive goes back", rx_back, CLOSES, RX_PROD, honest},
    {"receive id of another slot", rx_id, CLOSES, "a receive response's id is not its slot's",
     honest},
    {"data past the page by a byte", rx_range, CLOSES, RX_RANGE, honest},
    {"offset and length as great as they go", rx_length, CLOSES, RX_RANGE, honest},
    {"receive errors", rx_errors, STAYS, NULL, honest},
    {"endless chain of slots", rx_chain, CLOSES, "a received frame has too many slots", honest},
    {"GSO prefix", rx_prefix, CLOSES, RX_EXTRA, honest},
    {"extra info of an unknown type", rx_extra_unknown, CLOSES, RX_EXTRA, honest},
    {"extra info for the other direction", rx_extra_unasked, CLOSES, RX_EXTRA, honest},
    {"endless extra info", rx_extra_endless, CLOSES, RX_EXTRA, honest},
    {"super-segment of size 0", rx_gso_zero, CLOSES, "a super-segment of no size", honest},
    {"posted page kept mapped", rx_mapped, CLOSES,
     "a received page is still mapped after its response", honest},
    {"100000 events", storm, STAYS, NULL, honest},
    {"state 99", state_none, CLOSES, STATE, honest},
    {"a word as state", state_word, CLOSES, STATE, honest},
    {"back to Initialising", state_initialising, LEAVES, NULL, honest},
    {"back to InitWait", state_init_wait, LEAVES, NULL, honest},
    {"Closed without Closing", state_closed, LEAVES, NULL, honest},
    {"Reconfiguring and Connected by turns", state_dance, STAYS, NULL, honest},
    {"gone without a word", gone, LEAVES, NULL, honest},
    {"keys of nonsense", nothing, STAYS, NULL, nonsense},
    {"no copying", nothing, REFUSES, NULL, no_copy},
    {"slot rewritten after it was pushed", rx_rewritten, ANY, NULL, honest},
    {"an honest day at last", nothing, STAYS, NULL, honest},
};

/* ---- one after the other --------------------------------------------------------------------- */

#define CLOSED_ONES                                                                                \
    (1u << XenbusStateClosing | 1u << XenbusStateClosed | 1u << XenbusStateInitialising)
#define PATIENCE_MS 8000u

static void prepare(const struct vif *v, const struct lie *lie)
{
    const char *const(*const all[])[2] = {honest, nonsense, no_copy};
    char path[160], domid[16];

    /* `state` stays: a backend that is gone for a moment is another lie. */
    store_make(v->back, 0, v->domid);
    snprintf(domid, sizeof(domid), "%u", v->domid);
    store_write(v->back, "frontend-id", domid);
    for (unsigned t = 0; t < sizeof(all) / sizeof(all[0]); t++)
        for (unsigned i = 0; all[t][i][0] != NULL; i++) {
            snprintf(path, sizeof(path), "%s/%s", v->back, all[t][i][0]);
            store_rm(path);
        }
    for (unsigned i = 0; lie->keys[i][0] != NULL; i++)
        store_write(v->back, lie->keys[i][0], lie->keys[i][1]);
    vif_state(v, "2");
}

/* Closing, Closed: the guest follows, or did already. */
static bool part(struct vif *v, bool is_there)
{
    if (is_there) {
        vif_state(v, "5");
        if (!vif_wait_front(v, CLOSED_ONES, PATIENCE_MS))
            return false;
    }
    vif_disconnect(v);
    store_make(v->back, 0, v->domid); /* it may be gone */
    vif_state(v, "6");
    return vif_wait_front(v, 1u << XenbusStateClosed | 1u << XenbusStateInitialising, PATIENCE_MS);
}

/* NULL: what should come of it came. */
static const char *told(struct vif *v, const struct lie *lie)
{
    bool closed;

    prepare(v, lie);
    if (lie->outcome == REFUSES) {
        if (!vif_wait_front(v, 1u << XenbusStateClosing | 1u << XenbusStateClosed, PATIENCE_MS))
            return "it did not refuse";
        return part(v, false) ? NULL : "it does not close";
    }
    if (!vif_wait_front(v, 1u << XenbusStateConnected, 4 * PATIENCE_MS)) /* it may have to start */
        return "it did not connect";
    vif_connect(v);
    vif_state(v, "4");
    if (!vif_is_served(v))
        return "it does not serve an honest backend";
    sleep_ms(30); /* the guest takes what it was given so far */
    lie->tell(v);
    closed = vif_wait_front(v, CLOSED_ONES,
                            lie->outcome == STAYS || lie->outcome == ANY ? 100 : PATIENCE_MS);
    if (closed ? lie->outcome == STAYS : lie->outcome == CLOSES || lie->outcome == LEAVES)
        return closed ? "it closed the device" : "it did not close the device";
    if (lie->outcome == STAYS && !vif_is_served(v))
        return "it does not go on";
    return part(v, !closed) ? NULL : "it does not close";
}

/* What xl would write. */
static void introduce(const struct vif *v, unsigned index)
{
    char handle[16];

    prepare(v, &lies[0]);
    store_make(v->front, v->domid, 0);
    store_write(v->front, "backend", v->back);
    store_write(v->front, "backend-id", "0");
    snprintf(handle, sizeof(handle), "%u", index);
    store_write(v->front, "handle", handle);
    store_write(v->front, "mac", "00:16:3e:00:11:01");
    store_write(v->front, "state", "1");
}

int main(int argc, char **argv)
{
    unsigned index, not_so = 0;
    struct vif v;

    if (argc < 3)
        die("usage: liar DOMID INDEX [prepare]");
    setvbuf(stdout, NULL, _IOLBF, 0);
    store_open();
    index = (unsigned)atoi(argv[2]);
    vif_open(&v, (unsigned)atoi(argv[1]), index);
    if (argc > 3) {
        introduce(&v, index);
        return 0;
    }
    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        uint64_t began = now_ms();
        const char *why = told(&v, &lies[i]);

        not_so += why != NULL;
        printf("%s: %s (%u ms)\n", lies[i].name, why != NULL ? why : "as it should be",
               (unsigned)(now_ms() - began));
        if (lies[i].text != NULL)
            printf("expect: %s\n", lies[i].text);
        if (why != NULL && v.tx != NULL)
            (void)part(&v, true);
    }
    printf("%u lies, %u not answered as they should be\n",
           (unsigned)(sizeof(lies) / sizeof(lies[0])), not_so);
    return not_so != 0;
}
