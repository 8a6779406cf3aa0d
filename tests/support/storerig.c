/* SPDX-License-Identifier: ISC */
/* storerig.c - a DHCP server whose leases are kept on a disk in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storerig.h"

static void *zeroed(size_t bytes)
{
    void *p = aligned_alloc(PAGE_BYTES, (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1));

    if (!p)
        abort();
    memset(p, 0, bytes);
    return p;
}

void storerig_init(struct storerig *rig, const char *conf, uint32_t leases_max, uint32_t blocks)
{
    memset(rig, 0, sizeof(*rig));
    rig->text = conf;
    rig->leases_max = leases_max;
    rig->memory = zeroed(STORERIG_PAGES * PAGE_BYTES);
    rig->disk = zeroed(blocks * PAGE_BYTES);
    rig->undo = zeroed(STORERIG_UNDO * sizeof(*rig->undo));
    rig->mem_conf = (struct blk_mem_conf){.memory = rig->disk,
                                          .bytes = blocks * (uint64_t)PAGE_BYTES,
                                          .undo = rig->undo,
                                          .undo_max = STORERIG_UNDO};
    rig->has_wall = true;
    rig->true_ns = 1000 * NS_PER_S;
    rig->conf.name = "disk";
    assert_int_equal(blk_mem_open(&rig->mem, &rig->mem_conf, &rig->dev), 0);
    page_pool_init(&rig->pages, rig->headers, rig->memory, STORERIG_PAGES);
}

void storerig_fini(struct storerig *rig)
{
    struct blk_req *req;

    if (rig->open) {
        blk_mem_power_cut(&rig->mem, 1);
        while (blkdev_reap(rig->dev, &req, 1))
            continue;
        dhcp_store_close(&rig->store);
        rig_fini(&rig->rig);
    }
    assert_int_equal(rig->pages.free_count, STORERIG_PAGES);
    blk_mem_close(&rig->mem);
    free(rig->memory);
    free(rig->disk);
    free(rig->undo);
}

uint64_t storerig_wall_ns(const struct storerig *rig)
{
    if (!rig->has_wall)
        return 0;
    return rig->true_ns + (STORERIG_WALL_S + (uint64_t)rig->wall_off_s) * NS_PER_S;
}

int storerig_open(struct storerig *rig)
{
    int err;

    rig_init(&rig->rig, rig->text, rig->leases_max);
    /* Each start of a machine has a key of its own, and a clock that begins anew. */
    rig->rig.now_ns = (++rig->key_seed * 977 % 1000 + 1) * NS_PER_S / 7;
    for (unsigned i = 0; i < 2; i++)
        rig->rig.leases.key[i] ^= rig->key_seed * UINT64_C(0x9e3779b97f4a7c15);
    rig->rig.leases.id_key[0] = rig->key_seed;
    rig->conf.dev = rig->dev;
    rig->conf.pool = &rig->pages;
    rig->conf.server = &rig->rig.server;
    rig->conf.leases = &rig->rig.leases;
    err = dhcp_store_open(&rig->store, &rig->conf, rig->rig.now_ns, storerig_wall_ns(rig));
    rig->open = err == 0;
    if (err != 0)
        rig_fini(&rig->rig);
    return err;
}

static void untell(struct storerig_told *t)
{
    t->ticket = 0;
    t->addr = t->was_addr;
    t->ends_ns = t->was_ends_ns;
}

void storerig_crash(struct storerig *rig, uint64_t seed)
{
    struct blk_req *req;

    blk_mem_power_cut(&rig->mem, seed);
    while (blkdev_reap(rig->dev, &req, 1))
        continue;
    if (rig->open) {
        dhcp_store_close(&rig->store);
        rig_fini(&rig->rig);
    }
    rig->open = false;
    /* Who was not told by now never will be. */
    for (uint32_t n = 0; n < STORERIG_CLIENTS; n++)
        if (rig->told[n].ticket)
            untell(&rig->told[n]);
}

void storerig_restart(struct storerig *rig, uint32_t off_s, uint64_t seed)
{
    storerig_crash(rig, seed);
    rig->true_ns += off_s * NS_PER_S;
    blk_mem_power_on(&rig->mem);
    assert_int_equal(storerig_open(rig), 0);
}

void storerig_pass(struct storerig *rig, uint32_t seconds)
{
    for (unsigned i = 0; i < 4; i++)
        (void)storerig_poll(rig);
    rig->true_ns += seconds * NS_PER_S;
    rig->rig.now_ns += seconds * NS_PER_S;
    (void)storerig_poll(rig);
}

bool storerig_poll(struct storerig *rig)
{
    bool more = dhcp_store_poll(&rig->store, rig->rig.now_ns, storerig_wall_ns(rig));

    storerig_tell(rig);
    return more;
}

void storerig_run(struct storerig *rig)
{
    for (unsigned i = 0; i < 100000 && rig->dev->online && !rig->store.failed; i++) {
        (void)storerig_poll(rig);
        if (dhcp_store_is_idle(&rig->store) && !rig->store.rewriting)
            return;
    }
    if (rig->dev->online && !rig->store.failed)
        fail_msg("the store does not come to rest");
}

void storerig_tell(struct storerig *rig)
{
    for (uint32_t n = 0; n < STORERIG_CLIENTS; n++) {
        struct storerig_told *t = &rig->told[n];
        enum dhcp_store_fate fate = dhcp_store_fate(&rig->store, t->ticket);

        if (t->ticket && fate == DHCP_STORE_KEPT)
            t->ticket = 0;
        else if (t->ticket && fate == DHCP_STORE_LOST)
            untell(t);
    }
}

uint32_t storerig_lease(struct storerig *rig, uint32_t n)
{
    struct storerig_told *t = &rig->told[n];
    bool has = t->addr && t->ends_ns > rig->true_ns;
    uint64_t ticket;
    uint32_t addr;

    if (t->ticket)
        return t->addr; /* it waits */
    if (has) {
        if (rig_renew(&rig->rig, n, t->addr) != DHCP_REPLY || rig->rig.reply.type != DHCPACK)
            fail_msg("client %u is refused what it was told", n);
        addr = t->addr;
    } else {
        addr = rig_lease(&rig->rig, n);
    }
    if (!addr)
        return 0;
    if (!dhcp_store_note(&rig->store, addr, &ticket))
        return 0;
    t->was_addr = t->addr;
    t->was_ends_ns = t->ends_ns;
    t->addr = addr;
    t->ticket = ticket;
    t->released = false;
    t->ends_ns = rig->rig.out.lease_s == DHCP_INFINITE
                     ? UINT64_MAX
                     : rig->true_ns + rig->rig.out.lease_s * NS_PER_S;
    return addr;
}

void storerig_release(struct storerig *rig, uint32_t n)
{
    struct storerig_told *t = &rig->told[n];

    if (!t->addr || t->ticket)
        return;
    (void)rig_release(&rig->rig, n, t->addr);
    dhcp_store_note_later(&rig->store, t->addr);
    t->addr = 0;
}

static struct dhcp_lessee client_of(struct storerig *rig, uint32_t n, uint8_t name[7])
{
    name[0] = DHCP_HTYPE_ETHERNET;
    name[1] = 2;
    name[2] = 0;
    name[3] = (uint8_t)(n >> 24);
    name[4] = (uint8_t)(n >> 16);
    name[5] = (uint8_t)(n >> 8);
    name[6] = (uint8_t)n;
    return dhcp_leases_client(&rig->rig.leases, 0, false, cs_ro_of(name, 7));
}

void storerig_check(struct storerig *rig)
{
    struct dhcp_leases *leases = &rig->rig.leases;

    (void)dhcp_leases_tick(leases, rig->rig.now_ns, 0);
    for (uint32_t n = 0; n < STORERIG_CLIENTS; n++) {
        const struct storerig_told *t = &rig->told[n];
        const struct dhcp_lease *lease;
        struct dhcp_lessee client;
        uint8_t name[7];

        if (!t->addr || t->ends_ns <= rig->true_ns)
            continue;
        lease = dhcp_leases_by_addr(leases, t->addr);
        client = client_of(rig, n, name);
        if (!lease || dhcp_lease_state(leases, lease) != DHCP_LEASE_BOUND)
            fail_msg("client %u was told of %x, and its lease is not there", n, t->addr);
        if (!dhcp_lease_is_of(leases, lease, &client))
            fail_msg("client %u was told of %x, which is somebody else's", n, t->addr);
        for (uint32_t m = 0; m < n; m++)
            if (rig->told[m].addr == t->addr && rig->told[m].ends_ns > rig->true_ns)
                fail_msg("clients %u and %u were both told of %x", m, n, t->addr);
    }
}

uint32_t storerig_left_s(struct storerig *rig, uint32_t n)
{
    const struct dhcp_lease *lease = dhcp_leases_by_addr(&rig->rig.leases, rig->told[n].addr);

    (void)dhcp_leases_tick(&rig->rig.leases, rig->rig.now_ns, 0);
    return lease ? dhcp_lease_left_s(&rig->rig.leases, lease) : 0;
}
