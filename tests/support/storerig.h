/* SPDX-License-Identifier: ISC */
/* storerig.h - a DHCP server in memory (dhcprig.h) whose leases are kept on a disk in memory
 * (blk_mem.h), a clock, and a reference of what clients were told: for tests of the store.
 *
 *     storerig_init(&rig, conf, leases_max, blocks);
 *     storerig_open(&rig);
 *     storerig_lease(&rig, 1);            asks, and notes; not yet told
 *     storerig_run(&rig);                 polls until all is kept: clients are told
 *     storerig_restart(&rig, 5);          the machine is off for 5 s; the journal is read
 */
#ifndef TESTS_STORERIG_H
#define TESTS_STORERIG_H

#include <morgana/blk_mem.h>
#include <morgana/dhcp_store.h>

#include "dhcprig.h"

#define STORERIG_PAGES 20u
#define STORERIG_CLIENTS 512u
#define STORERIG_UNDO 512u
#define STORERIG_WALL_S UINT64_C(1800000000)

/* What client n was told, or will be when its ticket is kept. */
struct storerig_told {
    uint32_t addr;     /* 0: nothing */
    uint64_t ends_ns;  /* on the true clock; UINT64_MAX: never */
    uint64_t ticket;   /* 0: told */
    uint32_t was_addr; /* before, should it not be told */
    uint64_t was_ends_ns;
    bool released; /* or declined, and that may be kept or not */
};

struct storerig {
    struct rig rig;
    struct dhcp_store store;
    struct dhcp_store_conf conf;
    struct blk_mem mem;
    struct blk_mem_conf mem_conf;
    struct blkdev *dev;
    struct page_pool pages;
    struct page headers[STORERIG_PAGES];
    uint8_t *memory, *disk;
    struct blk_mem_undo *undo;
    const char *text; /* dhcpd.conf */
    uint32_t leases_max;
    uint64_t true_ns;   /* never goes back, goes on while the machine is off */
    int64_t wall_off_s; /* the wall clock less the true one; has_wall: there is one */
    bool has_wall, open;
    uint64_t key_seed;
    struct storerig_told told[STORERIG_CLIENTS];
};

/* A disk of `blocks` times 4096 bytes, all zero. */
void storerig_init(struct storerig *rig, const char *conf, uint32_t leases_max, uint32_t blocks);
void storerig_fini(struct storerig *rig);
uint64_t storerig_wall_ns(const struct storerig *rig);

/* Makes the server with an empty table and the store. */
int storerig_open(struct storerig *rig);
/* Power was lost: requests in flight are reaped and forgotten. */
void storerig_crash(struct storerig *rig, uint64_t seed);
/* Crash, time, power, open; asserts that it opens. */
void storerig_restart(struct storerig *rig, uint32_t off_s, uint64_t seed);

/* True time passes, and the machine is on. */
void storerig_pass(struct storerig *rig, uint32_t seconds);
bool storerig_poll(struct storerig *rig);
/* Until all is kept or the device is gone. */
void storerig_run(struct storerig *rig);

/* Client n (1..) leases, or renews what it has: its address or 0. Its told[] has the ticket. */
uint32_t storerig_lease(struct storerig *rig, uint32_t n);
void storerig_release(struct storerig *rig, uint32_t n);
/* Tickets that are kept: their clients are told. */
void storerig_tell(struct storerig *rig);
/* Each client that was told has its lease in the table, and nobody else has; and no lease is there
 * that nobody asked for. */
void storerig_check(struct storerig *rig);
/* How long, by the table, client n's lease lasts, in seconds. */
uint32_t storerig_left_s(struct storerig *rig, uint32_t n);

#endif
