/* SPDX-License-Identifier: ISC */
/* prop_dhcp_store.c - leases on a disk, at random: clients come, renew, release; the power is cut
 * at any moment, even while the journal is put right; the wall clock is set; the disk goes away and
 * comes back. What a client was told is so, and no address is two clients'. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>

#include "storerig.h"

#define CONF                                                                                       \
    "authoritative; ping-check off; default-lease-time 3600; min-lease-time 60;"                   \
    "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.2.255; }"
#define RUNS 30u
#define STEPS 3000u

static struct storerig rig;

/* Off, and on again; the power may fail while it starts, again and again. */
static void restart(uint64_t *seed)
{
    unsigned tries = 0;

    storerig_crash(&rig, test_random(seed));
    for (;;) {
        rig.true_ns += test_random_below(seed, 200) * NS_PER_S;
        if (test_random_below(seed, 4) == 0)
            rig.wall_off_s -= 86400; /* set back while it was off */
        blk_mem_power_on(&rig.mem);
        if (tries++ < 3 && test_random_below(seed, 2))
            blk_mem_cut_after(&rig.mem, test_random_below(seed, 8), test_random(seed));
        if (storerig_open(&rig) == 0)
            break;
        storerig_crash(&rig, test_random(seed));
    }
    storerig_check(&rig);
}

static void step(uint64_t *seed, uint32_t clients)
{
    uint32_t what = test_random_below(seed, 1000), n = 1 + test_random_below(seed, clients);

    if (what < 500) {
        (void)storerig_lease(&rig, n);
    } else if (what < 560) {
        storerig_release(&rig, n);
    } else if (what < 930) {
        (void)storerig_poll(&rig);
    } else if (what < 980) {
        storerig_pass(&rig, test_random_below(seed, 5));
    } else if (what < 985) {
        storerig_pass(&rig, test_random_below(seed, 2000));
    } else if (what < 988) {
        /* Not while the disk fails: set forward, and that not written down, is time away. */
        if (rig.store.failed || !rig.dev->online || rig.mem.has_cut)
            return;
        rig.wall_off_s += test_random_below(seed, 2) ? 86400 : -86400;
        storerig_run(&rig);
    } else if (what < 990) {
        rig.store.overrun = true; /* time for a rewrite */
    } else if (what < 993) {
        blk_mem_cut_after(&rig.mem, test_random_below(seed, 12), test_random(seed));
    } else if (what < 996) {
        restart(seed);
    } else if (!rig.dev->online) {
        struct blk_req *req;

        /* It comes back while we run, without what its cache held. */
        for (unsigned i = 0; i < 4; i++)
            (void)storerig_poll(&rig);
        while (blkdev_reap(rig.dev, &req, 1))
            continue;
        blk_mem_power_on(&rig.mem);
    }
}

static void prop_what_clients_were_told_is_so_after_any_restart(void **state)
{
    uint64_t seed = test_seed(0x5705e);
    uint64_t restarts = 0, rewrites = 0;

    (void)state;
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t mine = seed + run;

        vplat_reset(1);
        log_init(plat_console_write, LOG_INFO);
        storerig_init(&rig, CONF, run & 1 ? 200 : 400,
                      DHCP_JOURNAL_HEADS + 2 * (64 + (run % 3) * 20));
        rig.conf.optional = false;
        rig.has_wall = run % 5 != 4;
        assert_int_equal(storerig_open(&rig), 0);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&mine, run & 1 ? 150 : 380);
            if (i % 50 == 0)
                storerig_check(&rig);
        }
        restarts += rig.key_seed;
        rewrites += rig.store.stats.rewrites;
        restart(&mine);
        storerig_fini(&rig);
    }
    print_message("%u starts, %u rewrites in the last of each\n", (unsigned)restarts,
                  (unsigned)rewrites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prop_what_clients_were_told_is_so_after_any_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
