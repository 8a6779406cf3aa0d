/* SPDX-License-Identifier: ISC */
/* netfront_wire.h - slots of the two rings of public/io/netif.h, to and from structs of ours.
 *
 * One table of fields, one set of flags and one function for each direction. That is on purpose:
 * the two lowest flag bits are swapped between what we send and what we receive (see the assertions
 * below), so a flag of one direction must never be tested with a name of the other. A shared slot
 * is read once, into a private copy; all else looks at the copy. Byte rulers of all slots:
 * docs/wire/netif.md.
 */
#ifndef NETFRONT_WIRE_H
#define NETFRONT_WIRE_H

#include <morgana/field.h>
#include <morgana/xen.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

/* ---- tables ---------------------------------------------------------------------------------- */

#define NETFRONT_TX_REQ_FIELDS(F, p)                                                               \
    F(p, he32, gref)                                                                               \
    F(p, he16, offset)                                                                             \
    F(p, he16, flags)                                                                              \
    F(p, he16, id)                                                                                 \
    F(p, he16, size)
FIELD_TABLE(netfront_tx_req, NETFRONT_TX_REQ_FIELDS)

#define NETFRONT_TX_RSP_FIELDS(F, p)                                                               \
    F(p, he16, id)                                                                                 \
    F(p, he16, status)
FIELD_TABLE(netfront_tx_rsp, NETFRONT_TX_RSP_FIELDS)

#define NETFRONT_RX_REQ_FIELDS(F, p)                                                               \
    F(p, he16, id)                                                                                 \
    F(p, he16, pad)                                                                                \
    F(p, he32, gref)
FIELD_TABLE(netfront_rx_req, NETFRONT_RX_REQ_FIELDS)

#define NETFRONT_RX_RSP_FIELDS(F, p)                                                               \
    F(p, he16, id)                                                                                 \
    F(p, he16, offset)                                                                             \
    F(p, he16, flags)                                                                              \
    F(p, he16, status)
FIELD_TABLE(netfront_rx_rsp, NETFRONT_RX_RSP_FIELDS)

/* A slot of either ring that follows one with TXF_EXTRA_INFO or RXF_EXTRA_INFO, or another one with
 * NETFRONT_EXTRA_MORE. It has no id, neither here nor in its response. */
#define NETFRONT_EXTRA_FIELDS(F, p)                                                                \
    F(p, u8, type)                                                                                 \
    F(p, u8, flags)                                                                                \
    F(p, b6, data)
FIELD_TABLE(netfront_extra, NETFRONT_EXTRA_FIELDS)

/* The same with NETFRONT_EXTRA_GSO. */
#define NETFRONT_GSO_FIELDS(F, p)                                                                  \
    F(p, u8, type)                                                                                 \
    F(p, u8, flags)                                                                                \
    F(p, he16, size)                                                                               \
    F(p, u8, gso_type)                                                                             \
    F(p, u8, pad)                                                                                  \
    F(p, he16, features)
FIELD_TABLE(netfront_gso, NETFRONT_GSO_FIELDS)

#define NETFRONT_SAME_PLACE(ours, theirs, field, member)                                           \
    STATIC_ASSERT(ours##_##field##_OFF == offsetof(struct theirs, member) &&                       \
                      sizeof(((struct ours##_layout *)0)->field) ==                                \
                          sizeof(((struct theirs *)0)->member),                                    \
                  #ours "." #field " is not where io/netif.h has it")

STATIC_ASSERT(netfront_tx_req_SIZE == sizeof(struct netif_tx_request), "size of a TX request");
NETFRONT_SAME_PLACE(netfront_tx_req, netif_tx_request, gref, gref);
NETFRONT_SAME_PLACE(netfront_tx_req, netif_tx_request, offset, offset);
NETFRONT_SAME_PLACE(netfront_tx_req, netif_tx_request, flags, flags);
NETFRONT_SAME_PLACE(netfront_tx_req, netif_tx_request, id, id);
NETFRONT_SAME_PLACE(netfront_tx_req, netif_tx_request, size, size);
STATIC_ASSERT(netfront_tx_rsp_SIZE == sizeof(struct netif_tx_response), "size of a TX response");
NETFRONT_SAME_PLACE(netfront_tx_rsp, netif_tx_response, id, id);
NETFRONT_SAME_PLACE(netfront_tx_rsp, netif_tx_response, status, status);
STATIC_ASSERT(netfront_rx_req_SIZE == sizeof(struct netif_rx_request), "size of an RX request");
NETFRONT_SAME_PLACE(netfront_rx_req, netif_rx_request, id, id);
NETFRONT_SAME_PLACE(netfront_rx_req, netif_rx_request, pad, pad);
NETFRONT_SAME_PLACE(netfront_rx_req, netif_rx_request, gref, gref);
STATIC_ASSERT(netfront_rx_rsp_SIZE == sizeof(struct netif_rx_response), "size of an RX response");
NETFRONT_SAME_PLACE(netfront_rx_rsp, netif_rx_response, id, id);
NETFRONT_SAME_PLACE(netfront_rx_rsp, netif_rx_response, offset, offset);
NETFRONT_SAME_PLACE(netfront_rx_rsp, netif_rx_response, flags, flags);
NETFRONT_SAME_PLACE(netfront_rx_rsp, netif_rx_response, status, status);
STATIC_ASSERT(netfront_extra_SIZE == sizeof(struct netif_extra_info), "size of an extra-info slot");
NETFRONT_SAME_PLACE(netfront_extra, netif_extra_info, type, type);
NETFRONT_SAME_PLACE(netfront_extra, netif_extra_info, flags, flags);
NETFRONT_SAME_PLACE(netfront_extra, netif_extra_info, data, u);
STATIC_ASSERT(netfront_gso_SIZE == sizeof(struct netif_extra_info), "size of an extra-info slot");
NETFRONT_SAME_PLACE(netfront_gso, netif_extra_info, size, u.gso.size);
NETFRONT_SAME_PLACE(netfront_gso, netif_extra_info, gso_type, u.gso.type);
NETFRONT_SAME_PLACE(netfront_gso, netif_extra_info, pad, u.gso.pad);
NETFRONT_SAME_PLACE(netfront_gso, netif_extra_info, features, u.gso.features);

/* ---- flags: one enum a direction ------------------------------------------------------------- */

/* What we say of a frame we send. */
#define NETFRONT_TX_FLAGS(E)                                                                       \
    E(TXF_CSUM_BLANK, 1)                                                                           \
    E(TXF_DATA_VALIDATED, 2)                                                                       \
    E(TXF_MORE_DATA, 4)                                                                            \
    E(TXF_EXTRA_INFO, 8)
FIELD_ENUM(netfront_tx_flag, NETFRONT_TX_FLAGS)

/* What the backend says of a frame it gives us: blank and validated change places. */
#define NETFRONT_RX_FLAGS(E)                                                                       \
    E(RXF_DATA_VALIDATED, 1)                                                                       \
    E(RXF_CSUM_BLANK, 2)                                                                           \
    E(RXF_MORE_DATA, 4)                                                                            \
    E(RXF_EXTRA_INFO, 8)                                                                           \
    E(RXF_GSO_PREFIX, 16)
FIELD_ENUM(netfront_rx_flag, NETFRONT_RX_FLAGS)

STATIC_ASSERT((unsigned)TXF_CSUM_BLANK == NETTXF_csum_blank, "TX flag");
STATIC_ASSERT((unsigned)TXF_DATA_VALIDATED == NETTXF_data_validated, "TX flag");
STATIC_ASSERT((unsigned)TXF_MORE_DATA == NETTXF_more_data, "TX flag");
STATIC_ASSERT((unsigned)TXF_EXTRA_INFO == NETTXF_extra_info, "TX flag");
STATIC_ASSERT((unsigned)RXF_DATA_VALIDATED == NETRXF_data_validated, "RX flag");
STATIC_ASSERT((unsigned)RXF_CSUM_BLANK == NETRXF_csum_blank, "RX flag");
STATIC_ASSERT((unsigned)RXF_MORE_DATA == NETRXF_more_data, "RX flag");
STATIC_ASSERT((unsigned)RXF_EXTRA_INFO == NETRXF_extra_info, "RX flag");
STATIC_ASSERT((unsigned)RXF_GSO_PREFIX == NETRXF_gso_prefix, "RX flag");
STATIC_ASSERT((unsigned)TXF_CSUM_BLANK == (unsigned)RXF_DATA_VALIDATED &&
                  (unsigned)TXF_DATA_VALIDATED == (unsigned)RXF_CSUM_BLANK,
              "the two directions swap these bits: if this ever fails, io/netif.h changed its ABI");

/* Types of extra info. The multicast ones go to the backend only, a hash comes from it only. */
#define NETFRONT_EXTRA_TYPES(E)                                                                    \
    E(NETFRONT_EXTRA_GSO, 1)                                                                       \
    E(NETFRONT_EXTRA_MCAST_ADD, 2)                                                                 \
    E(NETFRONT_EXTRA_MCAST_DEL, 3)                                                                 \
    E(NETFRONT_EXTRA_HASH, 4)
FIELD_ENUM(netfront_extra_type, NETFRONT_EXTRA_TYPES)

STATIC_ASSERT((unsigned)NETFRONT_EXTRA_GSO == XEN_NETIF_EXTRA_TYPE_GSO, "type of extra info");
STATIC_ASSERT((unsigned)NETFRONT_EXTRA_MCAST_ADD == XEN_NETIF_EXTRA_TYPE_MCAST_ADD, "type");
STATIC_ASSERT((unsigned)NETFRONT_EXTRA_MCAST_DEL == XEN_NETIF_EXTRA_TYPE_MCAST_DEL, "type");
STATIC_ASSERT((unsigned)NETFRONT_EXTRA_HASH == XEN_NETIF_EXTRA_TYPE_HASH, "type");

#define NETFRONT_EXTRA_MORE XEN_NETIF_EXTRA_FLAG_MORE /* in the flags of extra info */
#define NETFRONT_GSO_TCP4 XEN_NETIF_GSO_TYPE_TCPV4

/* Status of a response: 0 or a length is good; io/netif.h names two errors, and NULL for slots that
 * held extra info. */
enum { NETFRONT_RSP_OKAY = NETIF_RSP_OKAY, NETFRONT_RSP_NULL = NETIF_RSP_NULL };

/* ---- slots ----------------------------------------------------------------------------------- */

struct netfront_tx_req {
    uint32_t gref;
    uint16_t offset; /* bytes into the page */
    uint16_t txf;    /* enum netfront_tx_flag */
    uint16_t id;
    uint16_t size; /* first slot of a frame: of the whole frame; later ones: of their piece */
};

struct netfront_tx_rsp {
    uint16_t id;
    int16_t status;
};

struct netfront_rx_rsp {
    uint16_t id;
    uint16_t offset;
    uint16_t rxf; /* enum netfront_rx_flag */
    int16_t status;
};

struct netfront_gso {
    uint16_t size; /* bytes of payload in each segment */
    uint8_t gso_type;
};

/* Stores a TX request in the shared slot, all of its 12 bytes. */
static inline void netfront_tx_req_put(void *slot, struct netfront_tx_req req)
{
    struct cs v = cs_of(slot, netfront_tx_req_SIZE);

    netfront_tx_req_set_gref(v, req.gref);
    netfront_tx_req_set_offset(v, req.offset);
    netfront_tx_req_set_flags(v, req.txf);
    netfront_tx_req_set_id(v, req.id);
    netfront_tx_req_set_size(v, req.size);
}

/* The TX response in the shared slot: one load. */
static inline struct netfront_tx_rsp netfront_tx_rsp_get(const void *slot)
{
    uint32_t raw = READ_ONCE(*(const uint32_t *)slot);
    struct cs_ro v = cs_ro_of(&raw, sizeof(raw));

    STATIC_ASSERT(sizeof(raw) == netfront_tx_rsp_SIZE, "one load takes the whole response");
    return (struct netfront_tx_rsp){.id = netfront_tx_rsp_ro_get_id(v),
                                    .status = (int16_t)netfront_tx_rsp_ro_get_status(v)};
}

/* Stores extra info in a slot of the transmit ring, all of its 12 bytes: 8, and padding. `data`: 6
 * bytes. */
static inline void netfront_tx_extra_put(void *slot, uint8_t type, const uint8_t *data)
{
    struct cs v = cs_of(slot, netfront_tx_req_SIZE);

    memset(slot, 0, netfront_tx_req_SIZE);
    netfront_extra_set_type(v, type);
    netfront_extra_set_data(v, cs_ro_of(data, 6));
}

/* The same for a super-segment of TCP over IPv4. */
static inline void netfront_tx_gso_put(void *slot, uint16_t size)
{
    struct cs v = cs_of(slot, netfront_tx_req_SIZE);

    memset(slot, 0, netfront_tx_req_SIZE);
    netfront_gso_set_type(v, NETFRONT_EXTRA_GSO);
    netfront_gso_set_size(v, size);
    netfront_gso_set_gso_type(v, NETFRONT_GSO_TCP4);
}

/* Stores an RX request, its padding zeroed (XSA-216: no stale byte of ours leaks through it). */
static inline void netfront_rx_req_put(void *slot, uint16_t id, uint32_t gref)
{
    struct cs v = cs_of(slot, netfront_rx_req_SIZE);

    netfront_rx_req_set_id(v, id);
    netfront_rx_req_set_pad(v, 0);
    netfront_rx_req_set_gref(v, gref);
}

/* A slot of the receive ring, which is a response or extra info: one load takes it whole. */
static inline uint64_t netfront_rx_raw_get(const void *slot)
{
    return READ_ONCE(*(const uint64_t *)slot);
}
STATIC_ASSERT(sizeof(uint64_t) == netfront_rx_rsp_SIZE, "one load takes the whole response");
STATIC_ASSERT(sizeof(uint64_t) == netfront_extra_SIZE, "and extra info");

/* The RX response in a slot's private copy. */
static inline struct netfront_rx_rsp netfront_rx_rsp_of(uint64_t raw)
{
    struct cs_ro v = cs_ro_of(&raw, sizeof(raw));

    return (struct netfront_rx_rsp){.id = netfront_rx_rsp_ro_get_id(v),
                                    .offset = netfront_rx_rsp_ro_get_offset(v),
                                    .rxf = netfront_rx_rsp_ro_get_flags(v),
                                    .status = (int16_t)netfront_rx_rsp_ro_get_status(v)};
}

static inline struct netfront_rx_rsp netfront_rx_rsp_get(const void *slot)
{
    return netfront_rx_rsp_of(netfront_rx_raw_get(slot));
}

static inline struct netfront_gso netfront_gso_of(uint64_t raw)
{
    struct cs_ro v = cs_ro_of(&raw, sizeof(raw));

    return (struct netfront_gso){.size = netfront_gso_ro_get_size(v),
                                 .gso_type = netfront_gso_ro_get_gso_type(v)};
}

#endif
