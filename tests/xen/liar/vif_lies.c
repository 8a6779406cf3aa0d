/* SPDX-License-Identifier: ISC */
/* vif_lies.c - the lies of a network backend. Where there are two queues they are about the second
 * one's rings, while the first is honest. */
#include "liar.h"

#define CHAIN_MAX 18u

/* ---- lies -------------------------------------------------------------------------------- */

static void tx_ahead(struct device *d)
{
    d->q->tx_prod = d->q->tx->req_prod + 1;
    vif_push(d);
}

static void tx_far_ahead(struct device *d)
{
    d->q->tx_prod += 0x80000000u;
    vif_push(d);
}

static void tx_back(struct device *d)
{
    d->q->tx_prod--;
    vif_push(d);
}

static void tx_id_unknown(struct device *d)
{
    (void)vif_tx_take(d);
    vif_tx_put(d, 0xffff, NETIF_RSP_OKAY);
    vif_push(d);
}

static void tx_id_twice(struct device *d)
{
    uint16_t id = vif_tx_take(d).id;

    (void)vif_tx_take(d);
    vif_tx_put(d, id, NETIF_RSP_OKAY);
    vif_tx_put(d, id, NETIF_RSP_OKAY);
    vif_push(d);
}

static void tx_status(struct device *d)
{
    vif_tx_put(d, vif_tx_take(d).id, 77);
    vif_push(d);
}

static void tx_errors(struct device *d)
{
    for (unsigned i = 0; i < 4; i++)
        vif_tx_put(d, vif_tx_take(d).id, i % 2 != 0 ? NETIF_RSP_ERROR : NETIF_RSP_DROPPED);
    vif_push(d);
}

static void tx_mapped(struct device *d)
{
    netif_tx_request_t req = vif_tx_take(d);

    device_keep(d, req.gref, false);
    vif_tx_put(d, req.id, NETIF_RSP_OKAY);
    vif_push(d);
}

static void rx_ahead(struct device *d)
{
    d->q->rx_prod = d->q->rx->req_prod + 1;
    vif_push(d);
}

static void rx_back(struct device *d)
{
    d->q->rx_prod--;
    vif_push(d);
}

static void rx_id(struct device *d)
{
    vif_rx_put(d, (uint16_t)(vif_rx_fill(d) + 1), 0, 0, 60);
    vif_push(d);
}

static void rx_range(struct device *d)
{
    vif_rx_put(d, vif_rx_fill(d), PAGE - 96, 0, 97);
    vif_push(d);
}

static void rx_length(struct device *d)
{
    vif_rx_put(d, vif_rx_fill(d), 0xffff, 0, 0x7fff);
    vif_push(d);
}

static void rx_errors(struct device *d)
{
    for (unsigned i = 0; i < 4; i++)
        vif_rx_put(d, vif_rx_take(d).id, 0, 0, i % 2 != 0 ? NETIF_RSP_ERROR : -12345);
    vif_push(d);
}

static void rx_chain(struct device *d)
{
    for (unsigned i = 0; i <= CHAIN_MAX; i++)
        vif_rx_put(d, vif_rx_fill(d), 0, NETRXF_more_data, 60);
    vif_push(d);
}

static void rx_prefix(struct device *d)
{
    vif_rx_put(d, vif_rx_fill(d), 1448, NETRXF_gso_prefix | NETRXF_more_data, 0);
    vif_push(d);
}

/* A frame with `n` slots of this extra info behind it. */
static void rx_extra(struct device *d, netif_extra_info_t extra, unsigned n)
{
    vif_rx_put(d, vif_rx_fill(d), 0, NETRXF_extra_info, 60);
    while (n-- > 0)
        vif_rx_put_extra(d, extra);
    vif_push(d);
}

static void rx_extra_unknown(struct device *d)
{
    rx_extra(d, (netif_extra_info_t){.type = 200}, 1);
}

static void rx_extra_endless(struct device *d)
{
    rx_extra(d,
             (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                  .flags = XEN_NETIF_EXTRA_FLAG_MORE,
                                  .u.gso = {.size = 1448, .type = XEN_NETIF_GSO_TYPE_TCPV4}},
             100);
}

static void rx_extra_unasked(struct device *d)
{
    rx_extra(d, (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD}, 1);
}

static void rx_gso_zero(struct device *d)
{
    rx_extra(d,
             (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                  .u.gso = {.size = 0, .type = XEN_NETIF_GSO_TYPE_TCPV4}},
             1);
}

static void rx_mapped(struct device *d)
{
    netif_rx_request_t req = vif_rx_take(d);

    device_keep(d, req.gref, true);
    vif_rx_put(d, req.id, 0, 0, 60);
    vif_push(d);
}

/* Pushed, then written over for a while: whatever the guest copied, it looked at nothing but the
 * copy. */
static void rx_rewritten(struct device *d)
{
    uint16_t id = vif_rx_fill(d);
    volatile netif_rx_response_t *slot = &d->q->rx->ring[d->q->rx_prod % VIF_SLOTS].rsp;
    uint64_t end = now_ms() + 200;

    vif_rx_put(d, id, 0, 0, 60);
    vif_push(d);
    while (now_ms() < end)
        for (unsigned i = 0; i < 1000; i++) {
            slot->status = i % 2 != 0 ? 0x7fff : 60;
            slot->offset = i % 2 != 0 ? 0xffff : 0;
        }
}

/* Of no meaning, but it may come with any frame. */
static void rx_hash(struct device *d)
{
    rx_extra(d,
             (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_HASH,
                                  .u.hash = {.type = 200, .algorithm = 9}},
             1);
}

static void rx_hash_twice(struct device *d)
{
    rx_extra(d,
             (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_HASH,
                                  .flags = XEN_NETIF_EXTRA_FLAG_MORE,
                                  .u.hash = {.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ}},
             2);
}

/* The guest's ring fills up meanwhile. */
static void silent(struct device *d)
{
    (void)d;
    sleep_ms(700);
}

static void swallowed(struct device *d)
{
    for (unsigned i = 0; i < 3; i++)
        (void)vif_tx_take(d);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define TX_PROD "more transmit responses than requests"
#define TX_ID "a transmit response's id is not in flight"
#define RX_PROD "more receive responses than requests"
#define RX_RANGE "received data reach past the page"
#define TX_STATUS "a transmit response's status has no meaning here"
#define TX_MAPPED "a transmitted page is still mapped after its response"
#define RX_ID "a receive response's id is not its slot's"
#define RX_MAPPED "a received page is still mapped after its response"
#define CTRL_ID "a control response's id or type is not that of the request"
#define RX_EXTRA "extra info or a GSO prefix that was not negotiated, or out of place"

static const char *const honest[][2] = {
    {"feature-rx-copy", "1"},   {"feature-rx-flip", "0"},         {"feature-sg", "1"},
    {"feature-gso-tcpv4", "1"}, {"feature-no-csum-offload", "0"}, {NULL, NULL}};
static const char *const wide[][2] = {{"feature-rx-copy", "1"},
                                      {"feature-sg", "1"},
                                      {"feature-gso-tcpv4", "1"},
                                      {"feature-split-event-channels", "1"},
                                      {"multi-queue-max-queues", "2"},
                                      {"feature-ctrl-ring", "1"},
                                      {"feature-multicast-control", "1"},
                                      {"feature-dynamic-multicast-control", "1"},
                                      {NULL, NULL}};
static const char *const endless[][2] = {{"feature-rx-copy", "1"},
                                         {"feature-ctrl-ring", "1"},
                                         {"multi-queue-max-queues", "4294967295"},
                                         {NULL, NULL}};
static const char *const no_queues[][2] = {{"feature-rx-copy", "1"},
                                           {"feature-split-event-channels", "1"},
                                           {"feature-ctrl-ring", "1"},
                                           {"multi-queue-max-queues", "0"},
                                           {NULL, NULL}};
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
    {"an honest day", tell_nothing, STAYS, NULL, honest},
    {"transmit errors", tx_errors, STAYS, NULL, NULL},
    {"receive errors", rx_errors, STAYS, NULL, NULL},
    {"Reconfiguring and Connected by turns", tell_reconfiguring, STAYS, NULL, NULL},
    {"rsp_prod of transmit past req_prod", tx_ahead, CLOSES, TX_PROD, honest},
    {"rsp_prod of transmit 2^31 ahead", tx_far_ahead, CLOSES, TX_PROD, honest},
    {"rsp_prod of transmit goes back", tx_back, CLOSES, TX_PROD, honest},
    {"transmit id unknown", tx_id_unknown, CLOSES, TX_ID, honest},
    {"transmit id twice", tx_id_twice, CLOSES, TX_ID, honest},
    {"transmit status of no meaning", tx_status, CLOSES, TX_STATUS, honest},
    {"transmitted page kept mapped", tx_mapped, CLOSES, TX_MAPPED, honest},
    {"rsp_prod of receive past req_prod", rx_ahead, CLOSES, RX_PROD, honest},
    {"rsp_prod of receive goes back", rx_back, CLOSES, RX_PROD, honest},
    {"receive id of another slot", rx_id, CLOSES, RX_ID, honest},
    {"data past the page by a byte", rx_range, CLOSES, RX_RANGE, honest},
    {"offset and length as great as they go", rx_length, CLOSES, RX_RANGE, honest},
    {"endless chain of slots", rx_chain, CLOSES, "a received frame has too many slots", honest},
    {"GSO prefix", rx_prefix, CLOSES, RX_EXTRA, honest},
    {"extra info of an unknown type", rx_extra_unknown, CLOSES, RX_EXTRA, honest},
    {"extra info for the other direction", rx_extra_unasked, CLOSES, RX_EXTRA, honest},
    {"endless extra info", rx_extra_endless, CLOSES, RX_EXTRA, honest},
    {"super-segment of size 0", rx_gso_zero, CLOSES, "a super-segment of no size", honest},
    {"posted page kept mapped", rx_mapped, CLOSES, RX_MAPPED, honest},
    {"an honest day with two queues", tell_nothing, STAYS, NULL, wide},
    {"hash of a kind that is none", rx_hash, STAYS, NULL, NULL},
    {"multicast group refused", tell_mcast_refused, STAYS,
     "the backend does not add multicast group", NULL},
    {"no response to any, for a while", silent, STAYS, NULL, NULL},
    {"no response to some", swallowed, STAYS, NULL, NULL},
    {"events on all channels for 5 s, and no response to any", tell_storm, STAYS,
     "the backend does not answer on the control ring", NULL},
    {"no event channel", vif_unbind, STAYS, NULL, NULL},
    {"queue 1: rsp_prod of transmit goes back", tx_back, CLOSES, TX_PROD, wide},
    {"queue 1: transmit id unknown", tx_id_unknown, CLOSES, TX_ID, wide},
    {"queue 1: transmitted page kept mapped", tx_mapped, CLOSES, TX_MAPPED, wide},
    {"queue 1: rsp_prod of receive past req_prod", rx_ahead, CLOSES, RX_PROD, wide},
    {"queue 1: receive id of another slot", rx_id, CLOSES, RX_ID, wide},
    {"queue 1: data past the page by a byte", rx_range, CLOSES, RX_RANGE, wide},
    {"queue 1: posted page kept mapped", rx_mapped, CLOSES, RX_MAPPED, wide},
    {"hash of a frame twice", rx_hash_twice, CLOSES, RX_EXTRA, wide},
    {"multicast group answered twice", tell_mcast_twice, CLOSES, TX_ID, wide},
    {"multicast group answered as extra info", tell_mcast_null, CLOSES, TX_STATUS, wide},
    {"control response that was not asked for", tell_ctrl_ahead, CLOSES,
     "more control responses than requests", wide},
    {"control response of another id", tell_ctrl_id, CLOSES, CTRL_ID, wide},
    {"control response of another type", tell_ctrl_type, CLOSES, CTRL_ID, wide},
    {"control response's status is none", tell_ctrl_status, CLOSES,
     "a control response's status is none", wide},
    {"table of queues kept mapped", tell_ctrl_mapped, CLOSES,
     "a page of the control ring's is still mapped after its response", wide},
    {"queues without end", tell_nothing, STAYS, NULL, endless},
    {"control ring that takes no table", tell_ctrl_refused, STAYS, "the backend does not hash",
     NULL},
    {"no queues", tell_nothing, STAYS, NULL, no_queues},
    {"state 99", tell_state_none, CLOSES, TEXT_STATE, honest},
    {"a word as state", tell_state_word, CLOSES, TEXT_STATE, honest},
    {"back to Initialising", tell_initialising, LEAVES, NULL, honest},
    {"back to InitWait", tell_init_wait, LEAVES, NULL, honest},
    {"Closed without Closing", tell_closed, LEAVES, NULL, honest},
    {"gone without a word", tell_gone, LEAVES, NULL, honest},
    {"keys of nonsense", tell_nothing, STAYS, NULL, nonsense},
    {"no copying", tell_nothing, REFUSES, "page flipping is not supported", no_copy},
    {"slot rewritten after it was pushed", rx_rewritten, ANY, NULL, honest},
    {"an honest day at last", tell_nothing, STAYS, NULL, honest},
};

static const char *const front_keys[][2] = {{"mac", "00:16:3e:00:11:01"}, {NULL, NULL}};

const struct kind vif_kind = {.name = "vif",
                              .lies = lies,
                              .count = sizeof(lies) / sizeof(lies[0]),
                              .number_key = "handle",
                              .front_keys = front_keys,
                              .published = XenbusStateConnected,
                              .refuses_before = true,
                              .connect = vif_connect,
                              .disconnect = vif_disconnect,
                              .is_served = vif_is_served};
