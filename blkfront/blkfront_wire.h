/* SPDX-License-Identifier: ISC */
/* blkfront_wire.h - slots of the ring of public/io/blkif.h, to and from structs of ours.
 *
 * A slot holds one of three forms of request, told apart by the operation, or a response. All
 * counts of sectors are in units of 512 bytes. A shared slot is written whole (XSA-216: nothing old
 * leaks through padding) and read once, into a private copy (XSA-155). Byte rulers:
 * docs/wire/blkif.md.
 */
#ifndef BLKFRONT_WIRE_H
#define BLKFRONT_WIRE_H

#include <morgana/field.h>
#include <morgana/xen.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#include "xen/ring.h"

/* ---- tables ---------------------------------------------------------------------------------- */

/* READ, WRITE, WRITE_BARRIER, FLUSH_DISKCACHE; then up to 11 segments. */
#define BLKFRONT_RW_FIELDS(F, p)                                                                   \
    F(p, u8, operation)                                                                            \
    F(p, u8, nr_segments)                                                                          \
    F(p, he16, handle)                                                                             \
    F(p, he32, pad)                                                                                \
    F(p, he64, id)                                                                                 \
    F(p, he64, sector_number)
FIELD_TABLE(blkfront_rw, BLKFRONT_RW_FIELDS)

#define BLKFRONT_SEG_FIELDS(F, p)                                                                  \
    F(p, he32, gref)                                                                               \
    F(p, u8, first_sect)                                                                           \
    F(p, u8, last_sect)                                                                            \
    F(p, he16, pad)
FIELD_TABLE(blkfront_seg, BLKFRONT_SEG_FIELDS)

#define BLKFRONT_DISCARD_FIELDS(F, p)                                                              \
    F(p, u8, operation)                                                                            \
    F(p, u8, flag)                                                                                 \
    F(p, he16, handle)                                                                             \
    F(p, he32, pad)                                                                                \
    F(p, he64, id)                                                                                 \
    F(p, he64, sector_number)                                                                      \
    F(p, he64, nr_sectors)
FIELD_TABLE(blkfront_discard, BLKFRONT_DISCARD_FIELDS)

/* The segments are in pages of their own; one page has room for all that we ever send. */
#define BLKFRONT_INDIRECT_FIELDS(F, p)                                                             \
    F(p, u8, operation)                                                                            \
    F(p, u8, indirect_op)                                                                          \
    F(p, he16, nr_segments)                                                                        \
    F(p, he32, pad)                                                                                \
    F(p, he64, id)                                                                                 \
    F(p, he64, sector_number)                                                                      \
    F(p, he16, handle)                                                                             \
    F(p, he16, pad2)                                                                               \
    F(p, he32, gref)
FIELD_TABLE(blkfront_indirect, BLKFRONT_INDIRECT_FIELDS)

#define BLKFRONT_RSP_FIELDS(F, p)                                                                  \
    F(p, he64, id)                                                                                 \
    F(p, u8, operation)                                                                            \
    F(p, u8, pad)                                                                                  \
    F(p, he16, status)                                                                             \
    F(p, he32, pad2)
FIELD_TABLE(blkfront_rsp, BLKFRONT_RSP_FIELDS)

#define BLKFRONT_SAME_PLACE(ours, theirs, field, member)                                           \
    STATIC_ASSERT(ours##_##field##_OFF == offsetof(struct theirs, member) &&                       \
                      sizeof(((struct ours##_layout *)0)->field) ==                                \
                          sizeof(((struct theirs *)0)->member),                                    \
                  #ours "." #field " is not where io/blkif.h has it")

STATIC_ASSERT(blkfront_rw_SIZE == offsetof(struct blkif_request, seg), "size of a request's head");
BLKFRONT_SAME_PLACE(blkfront_rw, blkif_request, operation, operation);
BLKFRONT_SAME_PLACE(blkfront_rw, blkif_request, nr_segments, nr_segments);
BLKFRONT_SAME_PLACE(blkfront_rw, blkif_request, handle, handle);
BLKFRONT_SAME_PLACE(blkfront_rw, blkif_request, id, id);
BLKFRONT_SAME_PLACE(blkfront_rw, blkif_request, sector_number, sector_number);
STATIC_ASSERT(blkfront_seg_SIZE == sizeof(struct blkif_request_segment), "size of a segment");
BLKFRONT_SAME_PLACE(blkfront_seg, blkif_request_segment, gref, gref);
BLKFRONT_SAME_PLACE(blkfront_seg, blkif_request_segment, first_sect, first_sect);
BLKFRONT_SAME_PLACE(blkfront_seg, blkif_request_segment, last_sect, last_sect);
STATIC_ASSERT(blkfront_discard_SIZE == sizeof(struct blkif_request_discard), "size of a discard");
BLKFRONT_SAME_PLACE(blkfront_discard, blkif_request_discard, operation, operation);
BLKFRONT_SAME_PLACE(blkfront_discard, blkif_request_discard, flag, flag);
BLKFRONT_SAME_PLACE(blkfront_discard, blkif_request_discard, handle, handle);
BLKFRONT_SAME_PLACE(blkfront_discard, blkif_request_discard, id, id);
BLKFRONT_SAME_PLACE(blkfront_discard, blkif_request_discard, sector_number, sector_number);
BLKFRONT_SAME_PLACE(blkfront_discard, blkif_request_discard, nr_sectors, nr_sectors);
BLKFRONT_SAME_PLACE(blkfront_indirect, blkif_request_indirect, operation, operation);
BLKFRONT_SAME_PLACE(blkfront_indirect, blkif_request_indirect, indirect_op, indirect_op);
BLKFRONT_SAME_PLACE(blkfront_indirect, blkif_request_indirect, nr_segments, nr_segments);
BLKFRONT_SAME_PLACE(blkfront_indirect, blkif_request_indirect, id, id);
BLKFRONT_SAME_PLACE(blkfront_indirect, blkif_request_indirect, sector_number, sector_number);
BLKFRONT_SAME_PLACE(blkfront_indirect, blkif_request_indirect, handle, handle);
BLKFRONT_SAME_PLACE(blkfront_indirect, blkif_request_indirect, gref, indirect_grefs[0]);
STATIC_ASSERT(blkfront_rsp_SIZE == sizeof(struct blkif_response), "size of a response");
BLKFRONT_SAME_PLACE(blkfront_rsp, blkif_response, id, id);
BLKFRONT_SAME_PLACE(blkfront_rsp, blkif_response, operation, operation);
BLKFRONT_SAME_PLACE(blkfront_rsp, blkif_response, status, status);

#define BLKFRONT_SLOT_BYTES 112u
#define BLKFRONT_DIRECT_SEGS 11u
STATIC_ASSERT(BLKFRONT_SLOT_BYTES == sizeof(union blkif_sring_entry), "io/blkif.h");
STATIC_ASSERT(RING_SLOTS_AT == offsetof(struct blkif_sring, ring), "io/ring.h");
STATIC_ASSERT(BLKFRONT_DIRECT_SEGS == BLKIF_MAX_SEGMENTS_PER_REQUEST, "io/blkif.h");

/* ---- slots ----------------------------------------------------------------------------------- */

/* A request's first bytes, whatever its form. */
struct blkfront_head {
    uint64_t id;
    uint64_t sector; /* of 512 bytes */
    uint16_t handle;
    uint8_t op; /* BLKIF_OP_* */
};

/* Where segment `i` stands in the slot. */
static inline uint8_t *blkfront_slot_seg(uint8_t *slot, uint32_t i)
{
    return slot + blkfront_rw_SIZE + (size_t)i * blkfront_seg_SIZE;
}

/* A segment, in a slot or in a list of its own; `off` and `bytes` are in its page. */
static inline void blkfront_seg_put(void *to, uint32_t gref, uint32_t off, uint32_t bytes)
{
    struct cs v = cs_of(to, blkfront_seg_SIZE);

    blkfront_seg_set_gref(v, gref);
    blkfront_seg_set_first_sect(v, (uint8_t)(off / 512u));
    blkfront_seg_set_last_sect(v, (uint8_t)((off + bytes) / 512u - 1));
    blkfront_seg_set_pad(v, 0);
}

/* The head of a request with `segs` segments, which are put already. */
static inline void blkfront_rw_put(uint8_t *slot, struct blkfront_head head, uint32_t segs)
{
    struct cs v = cs_of(slot, BLKFRONT_SLOT_BYTES);

    memset(blkfront_slot_seg(slot, segs), 0,
           BLKFRONT_SLOT_BYTES - blkfront_rw_SIZE - (size_t)segs * blkfront_seg_SIZE);
    blkfront_rw_set_operation(v, head.op);
    blkfront_rw_set_nr_segments(v, (uint8_t)segs);
    blkfront_rw_set_handle(v, head.handle);
    blkfront_rw_set_pad(v, 0);
    blkfront_rw_set_id(v, head.id);
    blkfront_rw_set_sector_number(v, head.sector);
}

/* A request whose `segs` segments are in the page granted under `gref`. */
static inline void blkfront_indirect_put(uint8_t *slot, struct blkfront_head head, uint32_t segs,
                                         uint32_t gref)
{
    struct cs v = cs_of(slot, BLKFRONT_SLOT_BYTES);

    memset(slot, 0, BLKFRONT_SLOT_BYTES);
    blkfront_indirect_set_operation(v, BLKIF_OP_INDIRECT);
    blkfront_indirect_set_indirect_op(v, head.op);
    blkfront_indirect_set_nr_segments(v, (uint16_t)segs);
    blkfront_indirect_set_id(v, head.id);
    blkfront_indirect_set_sector_number(v, head.sector);
    blkfront_indirect_set_handle(v, head.handle);
    blkfront_indirect_set_gref(v, gref);
}

static inline void blkfront_discard_put(uint8_t *slot, struct blkfront_head head, uint64_t sectors,
                                        bool secure)
{
    struct cs v = cs_of(slot, BLKFRONT_SLOT_BYTES);

    memset(slot, 0, BLKFRONT_SLOT_BYTES);
    blkfront_discard_set_operation(v, BLKIF_OP_DISCARD);
    blkfront_discard_set_flag(v, secure ? BLKIF_DISCARD_SECURE : 0);
    blkfront_discard_set_handle(v, head.handle);
    blkfront_discard_set_id(v, head.id);
    blkfront_discard_set_sector_number(v, head.sector);
    blkfront_discard_set_nr_sectors(v, sectors);
}

struct blkfront_rsp {
    uint64_t id;
    uint8_t op;
    int16_t status;
};

/* The response in the shared slot: each word of it is loaded once. */
static inline struct blkfront_rsp blkfront_rsp_get(const void *slot)
{
    const uint32_t *from = slot;
    uint32_t raw[blkfront_rsp_SIZE / sizeof(uint32_t)];
    struct cs_ro v;

    for (unsigned i = 0; i < ARRAY_SIZE(raw); i++)
        raw[i] = READ_ONCE(from[i]);
    v = cs_ro_of(raw, sizeof(raw));
    return (struct blkfront_rsp){.id = blkfront_rsp_ro_get_id(v),
                                 .op = blkfront_rsp_ro_get_operation(v),
                                 .status = (int16_t)blkfront_rsp_ro_get_status(v)};
}

#endif
