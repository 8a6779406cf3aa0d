/* SPDX-License-Identifier: ISC */
/* test_sim_blkfront_states.c - every XenbusState of the backend's, and what is none, in every state
 * of blkfront's: which state of ours follows, whether the device is online, and that what was
 * in flight comes back. The whole table.
 */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkrig.h"

enum theirs { THEIRS_GONE = XENBUS_STATES, THEIRS_TEXT, THEIRS_9, THEIRS_COUNT };

/* Short names: what we write. ON: Connected, and online. */
enum { INI = XENBUS_INITIALISING, IED = XENBUS_INITIALISED, ON = XENBUS_CONNECTED };
enum { CNG = XENBUS_CLOSING, CSD = XENBUS_CLOSED };

/* clang-format off */
static const struct {
    uint8_t ours;
    uint8_t then[THEIRS_COUNT];
} table[] = {
    /* theirs:   Unk  Ini  IWt  Ied  Con  Cng  Csd  Rng  Red  gone text 9 */
    {INI, {      CSD, INI, IED, INI, INI, INI, INI, INI, INI, CSD, CSD, CSD}},
    {IED, {      CSD, IED, IED, IED, ON,  CSD, CSD, IED, IED, CSD, CSD, CSD}},
    {ON,  {      CSD, CNG, CNG, CNG, ON,  CSD, CSD, CNG, CNG, CSD, CSD, CSD}},
    {CNG, {      CSD, CNG, CNG, CNG, CNG, CSD, INI, CNG, CNG, CSD, CSD, CSD}},
    {CSD, {      CSD, CSD, IED, CSD, CSD, CSD, CSD, CSD, CSD, CSD, CSD, CSD}},
};
/* clang-format on */

static void set_theirs(unsigned theirs)
{
    if (theirs < XENBUS_STATES)
        blkrig_set_state(theirs);
    else
        blkrig_key("state", theirs == THEIRS_GONE ? NULL : theirs == THEIRS_9 ? "9" : "banana");
}

static struct blkrig_io io; /* a read that nobody serves */
static unsigned reaped;

/* Lets the program look a few times, and no clock pass that any deadline would see. */
static void turn(unsigned n)
{
    struct blk_req *done[4];

    while (n-- > 0) {
        reaped += blkdev_reap(blkrig.dev, done, 4);
        blkdev_arm(blkrig.dev);
        blkrig_run();
    }
}

/* From an open device to this state of ours, the backend standing still afterwards. */
static void bring_to(unsigned ours)
{
    blkrig.automatic = false;
    if (ours == ON)
        return;
    if (ours == CNG) { /* it waits for a frontend all at once, and says no more */
        blkrig_disconnect();
        blkrig_set_state(XENBUS_INIT_WAIT);
    } else {
        blkrig_set_state(XENBUS_CLOSING);
        turn(3);
        blkrig_disconnect();
        blkrig_set_state(XENBUS_CLOSED);
    }
    turn(6);
    if (ours == IED) {
        blkrig_set_state(XENBUS_INIT_WAIT);
        turn(6);
    }
}

static void check(unsigned row, unsigned theirs, bool online)
{
    unsigned then = table[row].then[theirs];

    if (blkrig_front_state() != then || online != (then == ON))
        fail_msg("we are %s, and the backend goes to %u: we are %s and %s, not %s",
                 xenbus_state_name(table[row].ours), theirs,
                 xenbus_state_name(blkrig_front_state()), online ? "online" : "offline",
                 xenbus_state_name(then));
}

/* Where both wait for ever, a request ends all the same: the deadline is ours. */
static void request_ends(bool was_online)
{
    for (unsigned i = 0; i < 40 && !blkrig.dev->online; i++) {
        turn(1);
        plat_wait(plat_now_ns() + NS_PER_S);
    }
    assert_int_equal(reaped, was_online && blkrig.dev->online ? 0 : 1);
}

static void test_every_state_of_the_backend_in_every_state_of_ours(void **state)
{
    (void)state;
    for (unsigned row = 1; row < ARRAY_SIZE(table); row++) {
        for (unsigned theirs = 0; theirs < THEIRS_COUNT; theirs++) {
            blkrig_start(&(struct blkrig_conf){0});
            assert_int_equal(blkrig_open(), 0);
            reaped = 0;
            blkrig_submit(&io, BLK_READ, 0, 4096, 0);
            blkdev_kick(blkrig.dev);
            bring_to(table[row].ours);
            assert_int_equal(blkrig_front_state(), table[row].ours);
            if (theirs == XENBUS_CONNECTED && table[row].ours == IED)
                assert_true(blkrig_connect());
            set_theirs(theirs);
            turn(12);
            check(row, theirs, blkrig.dev->online);
            request_ends(table[row].ours == ON);
            blkrig_disconnect();
            blkrig.automatic = true;
            blkrig_close();
            blkrig_put(&io);
            blkrig_stop(0);
        }
    }
}

/* While it opens: the first time that the guest waits for the backend. */
static unsigned opening_theirs, opening_row;
static uint64_t opening_at; /* when the backend moved; 0: not yet */

static void on_wait(void)
{
    if (opening_at == 0) {
        if (blkrig_front_state() != table[opening_row].ours)
            return;
        opening_at = plat_now_ns();
        set_theirs(opening_theirs);
    }
    if (plat_now_ns() - opening_at < 10 * NS_PER_S)
        return;
    /* It waited long enough: what came of it is what stays. */
    check(opening_row, opening_theirs, false);
    blkrig.on_wait = NULL;
    blkrig.automatic = true;
}

static void test_every_state_of_the_backend_while_the_device_opens(void **state)
{
    (void)state;
    for (unsigned row = 0; row < 2; row++) {
        for (unsigned theirs = 0; theirs < THEIRS_COUNT; theirs++) {
            blkrig_start(&(struct blkrig_conf){.bf.timeout_ns = 60 * NS_PER_S});
            blkrig.automatic = false;
            blkrig.on_wait = on_wait;
            opening_at = 0;
            opening_theirs = theirs;
            opening_row = row;
            if (table[row].ours == INI)
                blkrig_set_state(XENBUS_INITIALISING);
            int err = blkrig_open();
            bool known = blkrig.on_wait != NULL; /* it ended before it had waited long */
            if (table[row].then[theirs] == ON || table[row].then[theirs] == IED)
                assert_true(err == 0 || !known);
            if (known && err != 0)
                assert_int_equal(table[row].then[theirs], CSD);
            if (known && err == 0)
                check(row, theirs, blkrig.dev->online);
            blkrig.on_wait = NULL;
            blkrig.automatic = true;
            if (err != 0)
                assert_int_equal(blkrig.pages.free_count + blkrig.pages.quarantined,
                                 blkrig.pages.total);
            blkrig_stop(0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_of_the_backend_in_every_state_of_ours),
        cmocka_unit_test(test_every_state_of_the_backend_while_the_device_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
