/* SPDX-License-Identifier: ISC */
/* blkback_disk.c - the data of requests: grants mapped for as long as a request is in flight, or
 * for good (feature-persistent), and the bytes moved between them and the disk.
 */
#include <string.h>

#include "blkback.h"

#define DISCARDED 0xdd

/* ---- grants --------------------------------------------------------------------------------- */

static uint32_t persistent_max(const struct sim_vbd *vbd)
{
    uint32_t max = vbd->conf->persistent_max;
    return max == 0 || max > BLKBACK_PERSISTENT_MAX ? BLKBACK_PERSISTENT_MAX : max;
}

static void persistent_end(struct sim_vbd *vbd, struct sim_blk_persistent *p)
{
    sim_grant_unmap(p->gref, true);
    vbd->stats.unmaps++;
    vbd->persistent_at[p->gref] = 0;
    p->page = NULL;
}

/* The one used longest ago of those that no request uses; NULL: none. */
static struct sim_blk_persistent *persistent_oldest(struct sim_vbd *vbd)
{
    struct sim_blk_persistent *oldest = NULL;
    for (uint32_t i = 0; i < persistent_max(vbd); i++) {
        struct sim_blk_persistent *p = &vbd->persistent[i];
        if (p->page != NULL && p->users == 0 && (oldest == NULL || p->used_at < oldest->used_at))
            oldest = p;
    }
    return oldest;
}

static struct sim_blk_persistent *persistent_find(struct sim_vbd *vbd, uint32_t gref)
{
    uint16_t at = gref < SIM_GNTTAB_ENTRIES_MAX ? vbd->persistent_at[gref] : 0;
    return at == 0 ? NULL : &vbd->persistent[at - 1];
}

static void persistent_add(struct sim_vbd *vbd, const struct sim_blk_map *map)
{
    for (uint32_t i = 0; i < persistent_max(vbd); i++) {
        if (vbd->persistent[i].page != NULL)
            continue;
        vbd->persistent[i] = (struct sim_blk_persistent){.gref = map->gref, .page = map->page};
        vbd->persistent_at[map->gref] = (uint16_t)(i + 1);
        return;
    }
}

static bool map_bare(struct sim_vbd *vbd, struct sim_blk_map *map, uint32_t gref, bool write)
{
    int16_t status;
    uint8_t *page = sim_grant_map(gref, write, &status);
    if (page == NULL) {
        sim_back_fault(&vbd->b, "grant %u may not be mapped for %s: status %d", gref,
                       write ? "writing" : "reading", status);
        return false;
    }
    *map = (struct sim_blk_map){.gref = gref, .write = write, .page = page};
    vbd->stats.maps++;
    return true;
}

/* With persistent grants everything is mapped for writing: a later request may need that
 * (io/blkif.h, note 8). Where the table is full, for this request alone. */
static bool map_persistent(struct sim_vbd *vbd, struct sim_blk_map *map, uint32_t gref)
{
    struct sim_blk_persistent *p = persistent_find(vbd, gref);
    if (p == NULL) {
        if (!map_bare(vbd, map, gref, true))
            return false;
        persistent_add(vbd, map);
        p = persistent_find(vbd, gref);
    }
    if (p == NULL)
        return true;
    p->users++;
    p->used_at = ++vbd->use_clock;
    *map = (struct sim_blk_map){.gref = gref, .write = true, .persistent = true, .page = p->page};
    return true;
}

bool sim_blk_map(struct sim_vbd *vbd, struct sim_blk_map *map, uint32_t gref, bool write)
{
    return vbd->use_persistent ? map_persistent(vbd, map, gref) : map_bare(vbd, map, gref, write);
}

void sim_blk_unmap(struct sim_vbd *vbd, struct sim_blk_map *map)
{
    if (map->page == NULL)
        return;
    if (map->persistent) {
        persistent_find(vbd, map->gref)->users--;
    } else {
        sim_grant_unmap(map->gref, map->write);
        vbd->stats.unmaps++;
    }
    map->page = NULL;
}

void sim_blk_release(struct sim_vbd *vbd, struct sim_blk_req *req)
{
    for (unsigned i = 0; i < req->segs_count; i++)
        sim_blk_unmap(vbd, &req->segs[i].map);
    for (unsigned i = 0; i < req->pages_count; i++)
        sim_blk_unmap(vbd, &req->pages[i]);
}

void sim_blk_persistent_drop(struct sim_vbd *vbd)
{
    for (unsigned i = 0; i < BLKBACK_PERSISTENT_MAX; i++) {
        if (vbd->persistent[i].page != NULL)
            persistent_end(vbd, &vbd->persistent[i]);
    }
}

void sim_vbd_trim(uint32_t index, uint32_t n)
{
    struct sim_blk_persistent *p;
    while (n-- != 0 && (p = persistent_oldest(&sim_vbds[index])) != NULL)
        persistent_end(&sim_vbds[index], p);
}

uint32_t sim_vbd_persistent(uint32_t index)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < BLKBACK_PERSISTENT_MAX; i++)
        n += sim_vbds[index].persistent[i].page != NULL;
    return n;
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static bool disk_read(const struct sim_vbd_conf *conf, uint64_t off, uint8_t *to, size_t len)
{
    if (conf->memory == NULL)
        return conf->disk.read == NULL || conf->disk.read(conf->disk.arg, off, to, len) == 0;
    memcpy(to, conf->memory + off, len);
    return true;
}

static bool disk_write(const struct sim_vbd_conf *conf, uint64_t off, const uint8_t *from,
                       size_t len)
{
    if (conf->memory == NULL)
        return conf->disk.write == NULL || conf->disk.write(conf->disk.arg, off, from, len) == 0;
    memcpy(conf->memory + off, from, len);
    return true;
}

static bool transfer(struct sim_vbd *vbd, const struct sim_blk_req *req)
{
    uint64_t off = req->sector * BLKBACK_SECTOR;
    bool ok = true;
    for (unsigned i = 0; ok && i < req->segs_count; i++) {
        const struct sim_blk_seg *seg = &req->segs[i];
        size_t len = (seg->last - seg->first + 1u) * (size_t)BLKBACK_SECTOR;
        uint8_t *bytes = seg->map.page + seg->first * BLKBACK_SECTOR;
        ok = req->op == BLKIF_OP_READ ? disk_read(vbd->conf, off, bytes, len)
                                      : disk_write(vbd->conf, off, bytes, len);
        off += len;
    }
    *(req->op == BLKIF_OP_READ ? &vbd->stats.read_bytes : &vbd->stats.written_bytes) +=
        off - req->sector * BLKBACK_SECTOR;
    return ok;
}

static bool flush(const struct sim_vbd_conf *conf)
{
    return conf->disk.flush == NULL || conf->disk.flush(conf->disk.arg) == 0;
}

/* Whole units of the device's alone: what lies at the edges stays as it is. */
static bool discard(struct sim_vbd *vbd, const struct sim_blk_req *req)
{
    const struct sim_vbd_conf *conf = vbd->conf;
    uint64_t unit = conf->discard_granularity != 0 ? conf->discard_granularity : BLKBACK_SECTOR;
    uint64_t skew = unit - conf->discard_alignment % unit;
    uint64_t from = req->sector * BLKBACK_SECTOR, to = from + req->sectors * BLKBACK_SECTOR;
    from = (from + skew + unit - 1) / unit * unit - skew;
    to = (to + skew) / unit * unit;
    to = to > skew ? to - skew : 0;
    if (from >= to)
        return true;
    vbd->stats.discarded_bytes += to - from;
    if (conf->memory != NULL)
        memset(conf->memory + from, DISCARDED, to - from);
    return conf->disk.discard == NULL ||
           conf->disk.discard(conf->disk.arg, from, to - from, req->secure) == 0;
}

/* A barrier: what was written before is durable, then what it writes itself. */
static bool write_barrier(struct sim_vbd *vbd, const struct sim_blk_req *req)
{
    return flush(vbd->conf) && transfer(vbd, req) && (req->segs_count == 0 || flush(vbd->conf));
}

int16_t sim_blk_execute(struct sim_vbd *vbd, const struct sim_blk_req *req)
{
    bool ok = false;
    switch (req->op) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
        *(req->op == BLKIF_OP_READ ? &vbd->stats.reads : &vbd->stats.writes) += 1;
        ok = transfer(vbd, req);
        break;
    case BLKIF_OP_FLUSH_DISKCACHE:
        vbd->stats.flushes++;
        ok = flush(vbd->conf) && transfer(vbd, req);
        break;
    case BLKIF_OP_WRITE_BARRIER:
        vbd->stats.barriers++;
        ok = write_barrier(vbd, req);
        break;
    case BLKIF_OP_DISCARD:
        vbd->stats.discards++;
        ok = discard(vbd, req);
        break;
    default:
        break;
    }
    return ok ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
}
