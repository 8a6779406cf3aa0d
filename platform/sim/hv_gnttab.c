/* SPDX-License-Identifier: ISC */
/* hv_gnttab.c - the hypervisor's side of the guest's grant table, versions 1 and 2, and domain
 * 0's few grants to the guest.
 *
 * The table's frames are shared memory: what a grant allows is read from them at each use. What
 * is mapped is kept in `active`, which the guest cannot change, and shown in the entry's flags
 * (v1) or the status words (v2).
 */
#include <string.h>

#include "sim_priv.h"

#define V1_ENTRIES 512u /* of a frame */
#define V2_ENTRIES 256u
#define STATUS_WORDS 2048u
#define HANDLES 256u
#define DOM0_GRANTS 256u

struct active {
    uint16_t readers, writers;
    uint64_t frame;
};

static struct {
    uint32_t version, frames;
    uint32_t entries; /* of all frames */
    void *table;      /* the frames lie one after the other */
    uint16_t *words;  /* v2: of status, likewise */
    struct active active[SIM_GNTTAB_ENTRIES_MAX];
    /* Mappings that the guest made. */
    struct handle {
        bool used, read_only;
        uint16_t domid;
        uint32_t gref;
        void *virt;
    } handle[HANDLES];
    /* Domain 0's grants to the guest; the index is the reference. */
    struct dom0_grant {
        bool used, read_only;
        uint16_t maps;
        unsigned frame;
    } dom0[DOM0_GRANTS];
} gnt;

void sim_gnttab_init(void)
{
    memset(&gnt, 0, sizeof(gnt));
    gnt.version = 1;
    gnt.frames = 1;
    gnt.entries = V1_ENTRIES;
    gnt.table = sim_frame(SIM_FRAME_GRANTS);
    gnt.words = sim_frame(SIM_FRAME_STATUS);
    for (unsigned i = SIM_FRAME_GRANTS; i < SIM_FRAME_DOM0; i++)
        memset(sim_frame(i), 0, SIM_PAGE);
}

void sim_gnttab_fini(void)
{
    for (unsigned i = 0; i < HANDLES; i++) {
        if (gnt.handle[i].used)
            sim_frame_unmap_at(gnt.handle[i].virt);
    }
}

void sim_gnttab_restore(void)
{
    sim_gnttab_fini();
    for (unsigned i = 0; i < DOM0_GRANTS; i++) {
        if (gnt.dom0[i].used)
            sim_frame_free(gnt.dom0[i].frame);
    }
    sim_gnttab_init();
}

static uint32_t frames_max(void)
{
    uint32_t limit = sim_state.conf.gnttab_frames;
    return limit == 0 ? SIM_GNTTAB_FRAMES_MAX : limit;
}

static uint32_t status_frames(void)
{
    return gnt.version == 2 ? (gnt.frames * V2_ENTRIES + STATUS_WORDS - 1) / STATUS_WORDS : 0;
}

static struct grant_entry_v1 *entry_v1(uint32_t gref)
{
    return (struct grant_entry_v1 *)gnt.table + gref;
}

static union grant_entry_v2 *entry_v2(uint32_t gref)
{
    return (union grant_entry_v2 *)gnt.table + gref;
}

static void count_entries(void)
{
    gnt.entries = gnt.frames * (gnt.version == 1 ? V1_ENTRIES : V2_ENTRIES);
}

static bool grow(uint32_t frames)
{
    if (frames > frames_max())
        return false;
    if (frames > gnt.frames)
        gnt.frames = frames;
    count_entries();
    return true;
}

unsigned sim_gnttab_frame(unsigned long index)
{
    if ((index & XENMAPIDX_grant_table_status) != 0) {
        index &= ~XENMAPIDX_grant_table_status;
        return index < status_frames() ? SIM_FRAME_STATUS + (unsigned)index : SIM_FRAMES;
    }
    if (index >= SIM_GNTTAB_FRAMES_MAX || !grow((uint32_t)index + 1))
        return SIM_FRAMES;
    return SIM_FRAME_GRANTS + (unsigned)index;
}

/* ---- the guest's grants, used by `domid` ---------------------------------------------------- */

struct grant {
    uint16_t flags, domid;
    uint32_t off, len; /* what of the page is granted */
    uint64_t frame;
};

static inline bool grant_read(uint32_t gref, struct grant *g)
{
    if (gref >= gnt.entries)
        return false;
    g->off = 0;
    g->len = SIM_PAGE;
    if (gnt.version == 1) {
        const struct grant_entry_v1 *e = entry_v1(gref);
        g->flags = READ_ONCE(e->flags);
        g->domid = READ_ONCE(e->domid);
        g->frame = READ_ONCE(e->frame);
        return true;
    }
    const union grant_entry_v2 *e = entry_v2(gref);
    g->flags = READ_ONCE(e->hdr.flags);
    g->domid = READ_ONCE(e->hdr.domid);
    g->frame = READ_ONCE(e->full_page.frame);
    if ((g->flags & GTF_sub_page) != 0) {
        g->off = READ_ONCE(e->sub_page.page_off);
        g->len = READ_ONCE(e->sub_page.length);
    }
    return true;
}

static inline uint8_t *grant_check(uint32_t gref, uint16_t domid, uint32_t off, uint32_t len,
                                   bool write, int16_t *status)
{
    struct grant g;
    *status = GNTST_bad_gntref;
    if (!grant_read(gref, &g) || (g.flags & GTF_type_mask) != GTF_permit_access)
        return NULL;
    *status = GNTST_permission_denied;
    if (g.domid != domid || (write && (g.flags & GTF_readonly) != 0))
        return NULL;
    if (off < g.off || !cs_in(g.len, off - g.off, len) || !cs_in(SIM_PAGE, off, len))
        return NULL;
    uint8_t *page = sim_gfn_page(g.frame);
    *status = page == NULL ? GNTST_bad_page : GNTST_okay;
    return page == NULL ? NULL : page + off;
}

uint8_t *sim_grant_use(uint32_t gref, uint32_t off, uint32_t len, bool write, int16_t *status)
{
    /* Each slot of a ring comes by here: the usual case first, by itself. */
    if (LIKELY(gnt.version == 1 && gref < gnt.entries && cs_in(SIM_PAGE, off, len))) {
        const struct grant_entry_v1 *e = entry_v1(gref);
        uint16_t mask = write ? GTF_type_mask | GTF_readonly : GTF_type_mask;
        bool allowed = (READ_ONCE(e->flags) & mask) == GTF_permit_access;
        uint8_t *page =
            allowed && READ_ONCE(e->domid) == 0 ? sim_gfn_page(READ_ONCE(e->frame)) : NULL;
        if (LIKELY(page != NULL)) {
            *status = GNTST_okay;
            return page + off;
        }
    }
    return grant_check(gref, 0, off, len, write, status); /* says why not */
}

static void show_flags(uint32_t gref, uint16_t set, uint16_t clear)
{
    uint16_t *word = gnt.version == 1 ? &entry_v1(gref)->flags : &gnt.words[gref];
    WRITE_ONCE(*word, (uint16_t)((*word | set) & ~clear));
}

static uint8_t *map_for(uint32_t gref, uint16_t domid, bool write, int16_t *status)
{
    uint8_t *page = grant_check(gref, domid, 0, SIM_PAGE, write, status);
    if (page == NULL)
        return NULL;
    struct active *a = &gnt.active[gref];
    a->frame = virt_to_gfn(page);
    a->readers++;
    if (write)
        a->writers++;
    show_flags(gref, (uint16_t)(write ? GTF_reading | GTF_writing : GTF_reading), 0);
    return page;
}

uint8_t *sim_grant_map(uint32_t gref, bool write, int16_t *status)
{
    return map_for(gref, 0, write, status);
}

void sim_grant_unmap(uint32_t gref, bool write)
{
    ASSERT(gref < SIM_GNTTAB_ENTRIES_MAX);
    struct active *a = &gnt.active[gref];
    ASSERT(a->readers > 0 && (!write || a->writers > 0));
    struct grant g = {0};
    bool permitted = grant_read(gref, &g) && (g.flags & GTF_type_mask) == GTF_permit_access;
    /* Version 2 is ended by clearing the flags, then looking at the status: cleared flags are no
     * fault there. */
    if (!permitted && gnt.version == 1)
        sim_fault("grant %u was ended while domain 0 mapped it", gref);
    else if (g.frame != a->frame)
        sim_fault("grant %u was given another frame while domain 0 mapped it", gref);
    a->readers--;
    if (write)
        a->writers--;
    uint16_t clear = (uint16_t)((a->writers == 0 ? GTF_writing : 0) | //
                                (a->readers == 0 ? GTF_reading : 0));
    show_flags(gref, 0, clear);
}

uint32_t sim_grant_maps(uint32_t gref)
{
    return gref < SIM_GNTTAB_ENTRIES_MAX ? gnt.active[gref].readers : 0;
}

void sim_grants(sim_grant_seen *seen, void *arg)
{
    for (uint32_t gref = 0; gref < gnt.entries; gref++) {
        struct grant g = {0};
        bool mapped = gnt.active[gref].readers != 0;
        grant_read(gref, &g);
        bool open = (g.flags & GTF_type_mask) == GTF_permit_access;
        if (!open && !mapped)
            continue;
        uint64_t frame = mapped ? gnt.active[gref].frame : g.frame;
        /* The flags may be gone already while it is mapped still, as they allowed then. */
        bool writable = (open && (g.flags & GTF_readonly) == 0) || gnt.active[gref].writers != 0;
        seen(arg, gref, sim_gfn_page(frame), !writable, mapped);
    }
}

/* ---- domain 0's grants to the guest --------------------------------------------------------- */

int sim_dom0_grant(bool read_only, uint8_t **page)
{
    for (uint32_t ref = GNTTAB_NR_RESERVED_ENTRIES; ref < DOM0_GRANTS; ref++) {
        if (gnt.dom0[ref].used)
            continue;
        unsigned frame = sim_frame_alloc();
        if (frame == SIM_FRAMES)
            return -E_NOMEM;
        gnt.dom0[ref] = (struct dom0_grant){.used = true, .read_only = read_only, .frame = frame};
        *page = sim_frame(frame);
        return (int)ref;
    }
    return -E_NOMEM;
}

void sim_dom0_grant_end(uint32_t gref)
{
    ASSERT(gref < DOM0_GRANTS && gnt.dom0[gref].used);
    if (gnt.dom0[gref].maps != 0)
        sim_fault("the guest still maps domain 0's grant %u", gref);
    sim_frame_free(gnt.dom0[gref].frame);
    gnt.dom0[gref].used = false;
}

static struct dom0_grant *dom0_check(uint32_t gref, bool write, int16_t *status)
{
    *status = GNTST_bad_gntref;
    if (gref >= DOM0_GRANTS || !gnt.dom0[gref].used)
        return NULL;
    *status = write && gnt.dom0[gref].read_only ? GNTST_permission_denied : GNTST_okay;
    return *status == GNTST_okay ? &gnt.dom0[gref] : NULL;
}

/* ---- hypercalls ----------------------------------------------------------------------------- */

static bool is_guest(domid_t domid)
{
    return domid == DOMID_SELF || domid == SIM_GUEST_DOMID;
}

static long op_map(void *arg)
{
    struct gnttab_map_grant_ref *op = arg;
    bool read_only = (op->flags & GNTMAP_readonly) != 0;
    unsigned frame = SIM_FRAMES, h = 0;
    while (h < HANDLES && gnt.handle[h].used)
        h++;
    if (h == HANDLES)
        return op->status = GNTST_no_space;
    if ((op->flags & GNTMAP_host_map) == 0 || (op->flags & GNTMAP_contains_pte) != 0)
        return op->status = GNTST_general_error;
    /* As on every guest whose page tables Xen does not see, an address of guest-physical memory. */
    void *virt = sim_gfn_page(op->host_addr / SIM_PAGE);
    if (virt == NULL || op->host_addr % SIM_PAGE != 0)
        return op->status = GNTST_bad_virt_addr;
    if (op->dom == 0) {
        struct dom0_grant *g = dom0_check(op->ref, !read_only, &op->status);
        if (g == NULL)
            return op->status;
        frame = g->frame;
        g->maps++;
    } else if (is_guest(op->dom)) {
        uint8_t *page = map_for(op->ref, SIM_GUEST_DOMID, !read_only, &op->status);
        if (page == NULL)
            return op->status;
        frame = sim_frame_share(page);
    } else {
        return op->status = GNTST_bad_domain;
    }
    if (frame == SIM_FRAMES || !sim_frame_map_at(frame, virt, read_only)) {
        if (op->dom == 0)
            gnt.dom0[op->ref].maps--;
        else
            sim_grant_unmap(op->ref, !read_only);
        return op->status = GNTST_bad_virt_addr;
    }
    gnt.handle[h] = (struct handle){
        .used = true, .read_only = read_only, .domid = op->dom, .gref = op->ref, .virt = virt};
    op->handle = h;
    op->dev_bus_addr = 0;
    return op->status = GNTST_okay;
}

static long op_unmap(void *arg)
{
    struct gnttab_unmap_grant_ref *op = arg;
    if (op->handle >= HANDLES || !gnt.handle[op->handle].used)
        return op->status = GNTST_bad_handle;
    struct handle *h = &gnt.handle[op->handle];
    if (h->virt != sim_gfn_page(op->host_addr / SIM_PAGE))
        return op->status = GNTST_bad_virt_addr;
    sim_frame_unmap_at(h->virt);
    if (h->domid == 0)
        gnt.dom0[h->gref].maps--;
    else
        sim_grant_unmap(h->gref, !h->read_only);
    h->used = false;
    return op->status = GNTST_okay;
}

static uint8_t *copy_end(const struct gnttab_copy_ptr *end, bool is_gref, uint16_t len, bool write,
                         int16_t *status)
{
    if (!cs_in(SIM_PAGE, end->offset, len)) {
        *status = GNTST_bad_copy_arg;
        return NULL;
    }
    if (!is_gref) {
        uint8_t *page = is_guest(end->domid) ? sim_gfn_page(end->u.gmfn) : NULL;
        *status = page != NULL ? GNTST_okay
                               : (is_guest(end->domid) ? GNTST_bad_page : GNTST_permission_denied);
        return page == NULL ? NULL : page + end->offset;
    }
    if (is_guest(end->domid))
        return grant_check(end->u.ref, SIM_GUEST_DOMID, end->offset, len, write, status);
    if (end->domid != 0) {
        *status = GNTST_bad_domain;
        return NULL;
    }
    const struct dom0_grant *g = dom0_check(end->u.ref, write, status);
    return g == NULL ? NULL : (uint8_t *)sim_frame(g->frame) + end->offset;
}

static long op_copy(void *arg)
{
    struct gnttab_copy *op = arg;
    bool from_gref = (op->flags & GNTCOPY_source_gref) != 0;
    bool to_gref = (op->flags & GNTCOPY_dest_gref) != 0;
    const uint8_t *from = copy_end(&op->source, from_gref, op->len, false, &op->status);
    if (from == NULL)
        return op->status;
    uint8_t *to = copy_end(&op->dest, to_gref, op->len, true, &op->status);
    if (to == NULL)
        return op->status;
    memmove(to, from, op->len);
    return op->status = GNTST_okay;
}

static long op_setup(void *arg)
{
    struct gnttab_setup_table *op = arg;
    if (!is_guest(op->dom))
        return op->status = GNTST_permission_denied;
    if (!grow(op->nr_frames)) {
        op->status = GNTST_general_error;
        return -E_INVAL;
    }
    for (uint32_t i = 0; i < op->nr_frames; i++)
        op->frame_list.p[i] = sim_frame_gfn(SIM_FRAME_GRANTS + i);
    return op->status = GNTST_okay;
}

static long op_status_frames(void *arg)
{
    struct gnttab_get_status_frames *op = arg;
    if (!is_guest(op->dom))
        return op->status = GNTST_permission_denied;
    if (gnt.version != 2 || op->nr_frames > status_frames())
        return op->status = GNTST_general_error;
    for (uint32_t i = 0; i < op->nr_frames; i++)
        op->frame_list.p[i] = sim_frame_gfn(SIM_FRAME_STATUS + i);
    return op->status = GNTST_okay;
}

static long op_query_size(void *arg)
{
    struct gnttab_query_size *op = arg;
    op->nr_frames = gnt.frames;
    op->max_nr_frames = frames_max();
    return op->status = is_guest(op->dom) ? GNTST_okay : GNTST_permission_denied;
}

/* The first entries outlive a change of version: the domain builder's grants of the rings
 * (public/grant_table.h). */
static void keep_reserved(uint32_t version)
{
    struct grant g[GNTTAB_NR_RESERVED_ENTRIES];
    for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++)
        grant_read(i, &g[i]);
    for (unsigned i = SIM_FRAME_GRANTS; i < SIM_FRAME_DOM0; i++)
        memset(sim_frame(i), 0, SIM_PAGE);
    gnt.version = version;
    count_entries();
    for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        if (version == 1)
            *entry_v1(i) = (struct grant_entry_v1){g[i].flags, g[i].domid, (uint32_t)g[i].frame};
        else
            entry_v2(i)->full_page.hdr = (grant_entry_header_t){g[i].flags, g[i].domid};
        if (version == 2)
            entry_v2(i)->full_page.frame = g[i].frame;
    }
}

static long op_set_version(void *arg)
{
    struct gnttab_set_version *op = arg;
    uint32_t wanted = op->version;
    if (wanted != 1 && wanted != 2)
        return -E_INVAL;
    if (wanted == 2 && sim_state.conf.no_gnttab_v2)
        return -E_NOSYS;
    op->version = gnt.version;
    if (wanted == gnt.version)
        return 0;
    for (uint32_t i = GNTTAB_NR_RESERVED_ENTRIES; i < SIM_GNTTAB_ENTRIES_MAX; i++) {
        if (gnt.active[i].readers != 0)
            return -E_BUSY;
    }
    keep_reserved(wanted);
    op->version = wanted;
    return 0;
}

static long op_get_version(void *arg)
{
    struct gnttab_get_version *op = arg;
    if (!is_guest(op->dom))
        return -E_PERM;
    op->version = gnt.version;
    return 0;
}

long sim_gnttab_op(unsigned cmd, void *args, unsigned count)
{
    /* `array`: the call takes `count` operations, with a status in each; else one, whose result
     * is the call's. */
    static const struct {
        long (*run)(void *arg);
        size_t size;
        bool array;
    } ops[] = {
        [GNTTABOP_map_grant_ref] = {op_map, sizeof(struct gnttab_map_grant_ref), true},
        [GNTTABOP_unmap_grant_ref] = {op_unmap, sizeof(struct gnttab_unmap_grant_ref), true},
        [GNTTABOP_setup_table] = {op_setup, sizeof(struct gnttab_setup_table), false},
        [GNTTABOP_copy] = {op_copy, sizeof(struct gnttab_copy), true},
        [GNTTABOP_query_size] = {op_query_size, sizeof(struct gnttab_query_size), false},
        [GNTTABOP_set_version] = {op_set_version, sizeof(struct gnttab_set_version), false},
        [GNTTABOP_get_status_frames] = {op_status_frames, sizeof(struct gnttab_get_status_frames),
                                        false},
        [GNTTABOP_get_version] = {op_get_version, sizeof(struct gnttab_get_version), false},
    };
    if (cmd >= ARRAY_SIZE(ops) || ops[cmd].run == NULL)
        return -E_NOSYS;
    if (!ops[cmd].array) {
        if (count != 1)
            return -E_INVAL;
        long result = ops[cmd].run(args);
        return result == -E_INVAL || cmd == GNTTABOP_set_version || cmd == GNTTABOP_get_version
                   ? result
                   : 0;
    }
    for (unsigned i = 0; i < count; i++)
        ops[cmd].run((uint8_t *)args + i * ops[cmd].size);
    return 0;
}
