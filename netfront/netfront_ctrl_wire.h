/* SPDX-License-Identifier: ISC */
/* netfront_ctrl_wire.h - slots of the control ring of public/io/netif.h, to and from structs of
 * ours. Byte rulers: docs/wire/netif-ctrl.md. */
#ifndef NETFRONT_CTRL_WIRE_H
#define NETFRONT_CTRL_WIRE_H

#include "netfront_wire.h"

#define NETFRONT_CTRL_REQ_FIELDS(F, p)                                                             \
    F(p, he16, id)                                                                                 \
    F(p, he16, type)                                                                               \
    F(p, he32, data0)                                                                              \
    F(p, he32, data1)                                                                              \
    F(p, he32, data2)
FIELD_TABLE(netfront_ctrl_req, NETFRONT_CTRL_REQ_FIELDS)

#define NETFRONT_CTRL_RSP_FIELDS(F, p)                                                             \
    F(p, he16, id)                                                                                 \
    F(p, he16, type)                                                                               \
    F(p, he32, status)                                                                             \
    F(p, he32, data)
FIELD_TABLE(netfront_ctrl_rsp, NETFRONT_CTRL_RSP_FIELDS)

STATIC_ASSERT(netfront_ctrl_req_SIZE == sizeof(struct xen_netif_ctrl_request), "control request");
NETFRONT_SAME_PLACE(netfront_ctrl_req, xen_netif_ctrl_request, id, id);
NETFRONT_SAME_PLACE(netfront_ctrl_req, xen_netif_ctrl_request, type, type);
NETFRONT_SAME_PLACE(netfront_ctrl_req, xen_netif_ctrl_request, data0, data[0]);
NETFRONT_SAME_PLACE(netfront_ctrl_req, xen_netif_ctrl_request, data1, data[1]);
NETFRONT_SAME_PLACE(netfront_ctrl_req, xen_netif_ctrl_request, data2, data[2]);
STATIC_ASSERT(netfront_ctrl_rsp_SIZE == sizeof(struct xen_netif_ctrl_response), "its response");
NETFRONT_SAME_PLACE(netfront_ctrl_rsp, xen_netif_ctrl_response, id, id);
NETFRONT_SAME_PLACE(netfront_ctrl_rsp, xen_netif_ctrl_response, type, type);
NETFRONT_SAME_PLACE(netfront_ctrl_rsp, xen_netif_ctrl_response, status, status);
NETFRONT_SAME_PLACE(netfront_ctrl_rsp, xen_netif_ctrl_response, data, data);

/* A slot holds a request or its response: as wide as the wider of the two. */
#define NETFRONT_CTRL_SLOT_BYTES 16u
STATIC_ASSERT(NETFRONT_CTRL_SLOT_BYTES == sizeof(union xen_netif_ctrl_sring_entry), "io/netif.h");

#define NETFRONT_CTRL_TYPES(E)                                                                     \
    E(CTRL_GET_HASH_FLAGS, 1)                                                                      \
    E(CTRL_SET_HASH_FLAGS, 2)                                                                      \
    E(CTRL_SET_HASH_KEY, 3)                                                                        \
    E(CTRL_GET_HASH_MAPPING_SIZE, 4)                                                               \
    E(CTRL_SET_HASH_MAPPING_SIZE, 5)                                                               \
    E(CTRL_SET_HASH_MAPPING, 6)                                                                    \
    E(CTRL_SET_HASH_ALGORITHM, 7)
FIELD_ENUM(netfront_ctrl_type, NETFRONT_CTRL_TYPES)

STATIC_ASSERT(CTRL_GET_HASH_FLAGS == XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, "type");
STATIC_ASSERT(CTRL_SET_HASH_FLAGS == XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, "type");
STATIC_ASSERT(CTRL_SET_HASH_KEY == XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, "type");
STATIC_ASSERT(CTRL_GET_HASH_MAPPING_SIZE == XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, "type");
STATIC_ASSERT(CTRL_SET_HASH_MAPPING_SIZE == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, "type");
STATIC_ASSERT(CTRL_SET_HASH_MAPPING == XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, "type");
STATIC_ASSERT(CTRL_SET_HASH_ALGORITHM == XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, "type");

#define NETFRONT_CTRL_STATUSES(E)                                                                  \
    E(CTRL_SUCCESS, 0)                                                                             \
    E(CTRL_NOT_SUPPORTED, 1)                                                                       \
    E(CTRL_INVALID_PARAMETER, 2)                                                                   \
    E(CTRL_BUFFER_OVERFLOW, 3)
FIELD_ENUM(netfront_ctrl_status, NETFRONT_CTRL_STATUSES)

STATIC_ASSERT(CTRL_SUCCESS == XEN_NETIF_CTRL_STATUS_SUCCESS, "status");
STATIC_ASSERT(CTRL_NOT_SUPPORTED == XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED, "status");
STATIC_ASSERT(CTRL_INVALID_PARAMETER == XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER, "status");
STATIC_ASSERT(CTRL_BUFFER_OVERFLOW == XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW, "status");

struct netfront_ctrl_req {
    uint16_t id;
    uint16_t type; /* enum netfront_ctrl_type */
    uint32_t data[3];
};

struct netfront_ctrl_rsp {
    uint16_t id, type;
    uint32_t status; /* enum netfront_ctrl_status */
    uint32_t data;
};

/* Stores a request in the shared slot, all of its 16 bytes. */
static inline void netfront_ctrl_req_put(void *slot, struct netfront_ctrl_req req)
{
    struct cs v = cs_of(slot, netfront_ctrl_req_SIZE);

    netfront_ctrl_req_set_id(v, req.id);
    netfront_ctrl_req_set_type(v, req.type);
    netfront_ctrl_req_set_data0(v, req.data[0]);
    netfront_ctrl_req_set_data1(v, req.data[1]);
    netfront_ctrl_req_set_data2(v, req.data[2]);
}

/* The response in the shared slot: each word is loaded once. */
static inline struct netfront_ctrl_rsp netfront_ctrl_rsp_get(const void *slot)
{
    const uint32_t *shared = slot;
    uint32_t raw[3];
    struct cs_ro v;

    STATIC_ASSERT(sizeof(raw) == netfront_ctrl_rsp_SIZE, "three loads take the whole response");
    for (unsigned i = 0; i < ARRAY_SIZE(raw); i++)
        raw[i] = READ_ONCE(shared[i]);
    v = cs_ro_of(raw, sizeof(raw));
    return (struct netfront_ctrl_rsp){.id = netfront_ctrl_rsp_ro_get_id(v),
                                      .type = netfront_ctrl_rsp_ro_get_type(v),
                                      .status = netfront_ctrl_rsp_ro_get_status(v),
                                      .data = netfront_ctrl_rsp_ro_get_data(v)};
}

/* ---- hash info: what may come with a received frame ------------------------------------------ */

#define NETFRONT_HASH_INFO_FIELDS(F, p)                                                            \
    F(p, u8, type)                                                                                 \
    F(p, u8, flags)                                                                                \
    F(p, u8, htype)                                                                                \
    F(p, u8, alg)                                                                                  \
    F(p, le32, value)
FIELD_TABLE(netfront_hash_info, NETFRONT_HASH_INFO_FIELDS)

STATIC_ASSERT(netfront_hash_info_SIZE == sizeof(struct netif_extra_info), "extra info");
NETFRONT_SAME_PLACE(netfront_hash_info, netif_extra_info, type, type);
NETFRONT_SAME_PLACE(netfront_hash_info, netif_extra_info, flags, flags);
NETFRONT_SAME_PLACE(netfront_hash_info, netif_extra_info, htype, u.hash.type);
NETFRONT_SAME_PLACE(netfront_hash_info, netif_extra_info, alg, u.hash.algorithm);
NETFRONT_SAME_PLACE(netfront_hash_info, netif_extra_info, value, u.hash.value);

#endif
