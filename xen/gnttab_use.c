/* SPDX-License-Identifier: ISC */
/* gnttab_use.c - using what other domains granted to us: copies and mappings by the hypervisor. */
#include <morgana/gnttab.h>

#include "xen/hypercall.h"

int gnttab_err(int16_t gntst)
{
    /* By -GNTST_*, public/grant_table.h. */
    static const uint8_t code[] = {
        [-GNTST_okay] = 0,
        [-GNTST_general_error] = E_IO,
        [-GNTST_bad_domain] = E_NODEV,
        [-GNTST_bad_gntref] = E_NOENT,
        [-GNTST_bad_handle] = E_INVAL,
        [-GNTST_bad_virt_addr] = E_INVAL,
        [-GNTST_bad_dev_addr] = E_INVAL,
        [-GNTST_no_device_space] = E_NOSPC,
        [-GNTST_permission_denied] = E_PERM,
        [-GNTST_bad_page] = E_INVAL,
        [-GNTST_bad_copy_arg] = E_INVAL,
        [-GNTST_address_too_big] = E_2BIG,
        [-GNTST_eagain] = E_AGAIN,
        [-GNTST_no_space] = E_NOSPC,
    };
    if (gntst > 0 || gntst <= -(int)ARRAY_SIZE(code))
        return -E_IO;
    return -(int)code[-gntst];
}

static bool copy_end_ok(const struct gnttab_copy_end *end, uint16_t len)
{
    return end->off <= PAGE_BYTES && len <= PAGE_BYTES - end->off;
}

static struct gnttab_copy_ptr copy_ptr(const struct gnttab_copy_end *end)
{
    struct gnttab_copy_ptr ptr = {.offset = end->off};
    if (end->is_gref) {
        ptr.domid = end->domid;
        ptr.u.ref = end->gref;
    } else {
        ptr.domid = DOMID_SELF;
        ptr.u.gmfn = (xen_pfn_t)end->gfn;
    }
    return ptr;
}

int gnttab_copy(struct gnttab *gt UNUSED, const struct gnttab_copy_end *from,
                const struct gnttab_copy_end *to, uint16_t len)
{
    if (!copy_end_ok(from, len) || !copy_end_ok(to, len))
        return -E_INVAL;
    struct gnttab_copy op = {
        .source = copy_ptr(from),
        .dest = copy_ptr(to),
        .len = len,
        .flags = (uint16_t)((from->is_gref ? GNTCOPY_source_gref : 0) |
                            (to->is_gref ? GNTCOPY_dest_gref : 0)),
    };
    int err = hypercall_gnttab_copy(&op, 1);
    return err != 0 ? err : gnttab_err(op.status);
}

/* A guest whose page tables Xen does not see (PVH, ARM) names places by guest-physical address. */
static uint64_t host_addr(const void *virt)
{
    return virt_to_gfn(virt) * PAGE_BYTES;
}

int gnttab_map(struct gnttab *gt UNUSED, uint16_t domid, gref_t gref, void *virt, bool read_only,
               uint32_t *handle)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = host_addr(virt),
        .flags = (uint32_t)(GNTMAP_host_map | (read_only ? GNTMAP_readonly : 0)),
        .ref = gref,
        .dom = domid,
    };
    ASSERT((uintptr_t)virt % PAGE_BYTES == 0);
    int err = hypercall_gnttab_map(&op, 1);
    if (err == 0)
        err = gnttab_err(op.status);
    if (err == 0)
        *handle = op.handle;
    return err;
}

int gnttab_unmap(struct gnttab *gt UNUSED, void *virt, uint32_t handle)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = host_addr(virt), .handle = handle};
    int err = hypercall_gnttab_unmap(&op, 1);
    return err != 0 ? err : gnttab_err(op.status);
}
