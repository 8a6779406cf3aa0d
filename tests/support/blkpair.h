/* SPDX-License-Identifier: ISC */
/* blkpair.h - for tests of blkfront and the simulated blkback together: a whole guest with one
 * disk, a load of random requests, and a model of what the disk must hold.
 *
 *     blkpair_start(&vbd, &bf, random, seed);
 *     assert_int_equal(blkpair_open(), 0);
 *     blkpair_load(200);                  submits and reaps; what is read is compared
 *     blkpair_stop();                     closes; every page and grant must be back, no fault seen
 */
#ifndef TESTS_BLKPAIR_H
#define TESTS_BLKPAIR_H

#include <morgana/blkfront.h>

#include "platform/sim/sim.h"
#include "simguest.h"

#define BLKPAIR_PAGES 1024u
#define BLKPAIR_SECTORS 16384u /* 8 MiB */
#define BLKPAIR_OPS 24u        /* requests in flight at most */

struct blkpair {
    struct page_pool pages;
    struct gnttab_quarantine quarantine;
    struct blkfront_conf conf;
    struct blkdev *dev;
    uint8_t *disk; /* its bytes, where the vbd has no others */
    uint32_t grants_free, watches;
    uint64_t submitted, done, nodev, failed, unsupported; /* of the load */
};
extern struct blkpair blkpair;

/* The machine. `bf`: what is not about services, pool and index; NULL: nothing. The disk is ours
 * (BLKPAIR_SECTORS) unless vbd->sectors says otherwise, and holds version 0 of every sector. */
void blkpair_start(const struct sim_vbd_conf *vbd, const struct blkfront_conf *bf, bool random,
                   uint64_t seed);
/* The same with a machine of the caller's; conf->vbd[0] is the disk. */
void blkpair_start_sim(const struct sim_conf *conf, const struct blkfront_conf *bf);
/* blkfront_open. */
int blkpair_open(void);
/* Gives up what is in flight, and closes. */
void blkpair_close(void);
/* Closes what is open; fails the test where a page, a grant or a watch is not back; ends the
 * simulation, which must have seen no fault. */
void blkpair_stop(void);

/* Lets domain 0 run, and the guest look. */
void blkpair_turn(void);
/* Submits `n` random requests, as many at once as go, without waiting for the last of them. */
void blkpair_submit(unsigned n);
/* Until nothing is in flight: fails the test where that does not come. */
void blkpair_drain(void);
/* Both. */
void blkpair_load(unsigned n);
unsigned blkpair_flying(void);

/* One request alone, waited for: its status, or what submit says. Data: `count` pages of the pool,
 * whole. */
int blkpair_do(enum blk_op op, uint64_t start, struct page **pages, unsigned count);
int blkpair_request(struct blk_req *req);
/* `count` pages of the pool with the bytes of that version, from a sector on; and are they that? */
void blkpair_take(struct page **pages, unsigned count);
void blkpair_put(struct page **pages, unsigned count);
void blkpair_fill(struct page **pages, unsigned count, uint64_t sector, uint32_t version);
bool blkpair_is(struct page **pages, unsigned count, uint64_t sector, uint32_t version);
bool blkpair_disk_is(uint64_t sector, uint64_t count, uint32_t version);

#endif
