/* SPDX-License-Identifier: ISC */
/* test_filedev.c - a file as a blkdev, by io_uring and without: what is read is what is there, what
 * is refused or fails says so. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support.h"

#include <cmocka.h>

#include "diskrig.h"
#include "platform/file/filedev.h"

enum { BYTES = 1 << 20, FLIGHT = 8 };

static struct filedev file;
static struct blkdev *dev;
static struct diskrig *rig;
static int fd;
static struct diskrig_req q;
static uint8_t data[256 * 1024], back[256 * 1024], model[BYTES];

static void start(bool plain, bool read_only)
{
    char path[] = "/tmp/test_filedev.XXXXXX";
    uint64_t seed = 3;

    rig = diskrig_open(NULL);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < BYTES; i++)
        model[i] = (uint8_t)test_random(&seed);
    assert_int_equal(write(fd, model, BYTES), BYTES);
    if (read_only) {
        close(fd);
        fd = open(path, O_RDONLY);
    }
    unlink(path);
    struct filedev_conf conf = {.fd = fd,
                                .bytes = BYTES,
                                .block_bytes = 512,
                                .physical_bytes = 4096,
                                .read_only = read_only,
                                .plain = plain};
    assert_int_equal(filedev_open(&file, &conf, &dev), 0);
    if (!plain && !file.has_ring)
        print_message("no io_uring here\n");
}

static void stop(void)
{
    filedev_close(&file);
    close(fd);
    diskrig_close(rig);
}

/* As a program's loop does it: sleeps where arm found nothing. */
static struct diskrig_req *wait_one(void)
{
    struct blk_req *req;

    blkdev_kick(dev);
    while (blkdev_reap(dev, &req, 1) == 0) {
        if (!blkdev_arm(dev)) {
            struct pollfd p = {.fd = filedev_wait_fd(&file), .events = POLLIN};
            assert_true(p.fd >= 0);
            assert_int_equal(poll(&p, 1, 10000), 1);
        }
    }
    struct diskrig_req *r = req->user;
    r->in_flight = false;
    return r;
}

static int doing(struct diskrig_req *r)
{
    int err = blkdev_submit(dev, &r->req);

    if (err != 0)
        return err;
    r->in_flight = true;
    assert_ptr_equal(wait_one(), r);
    return r->req.status;
}

static void check_ops(bool plain)
{
    start(plain, false);
    diskrig_make(rig, &q, BLK_READ, 512, 100 * 1024, 1536);
    assert_int_equal(doing(&q), 0);
    diskrig_read(&q, back);
    assert_memory_equal(back, model + 512, 100 * 1024);
    memset(data, 'w', sizeof(data));
    q.req.op = BLK_WRITE;
    diskrig_fill(&q, data);
    assert_int_equal(doing(&q), 0);
    diskrig_free(&q);
    diskrig_make(rig, &q, BLK_FLUSH, 0, 0, 0);
    assert_int_equal(doing(&q), 0);
    assert_int_equal(pread(fd, back, 110 * 1024, 0), 110 * 1024);
    memcpy(model + 512, data, 100 * 1024);
    assert_memory_equal(back, model, 110 * 1024);
    /* These two as far as the file system under /tmp goes along. */
    diskrig_make(rig, &q, BLK_WRITE_ZEROES, 8192, 8192, 0);
    int err = doing(&q);
    assert_true(err == 0 || err == -E_NOSYS);
    assert_int_equal(dev->caps.write_zeroes, err == 0);
    if (err == 0) {
        memset(data, 0, 8192);
        assert_int_equal(pread(fd, back, 8192, 8192), 8192);
        assert_memory_equal(back, data, 8192);
    }
    diskrig_make(rig, &q, BLK_DISCARD, 0, 4096, 0);
    err = doing(&q);
    assert_true(err == 0 || err == -E_NOSYS);
    assert_int_equal(dev->caps.discard, err == 0);
    assert_int_equal(dev->stats.flushes, 1);
    assert_int_equal(dev->stats.written_bytes, 100 * 1024);
    stop();
}

static void test_every_op_by_io_uring(void **state)
{
    (void)state;
    check_ops(false);
}

static void test_every_op_without(void **state)
{
    (void)state;
    check_ops(true);
}

/* tmpfs has no FALLOC_FL_ZERO_RANGE. */
static void test_zeroes_are_a_hole_where_there_is_nothing_better(void **state)
{
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        start(plain, false);
        filedev_close(&file);
        int other = memfd_create("test", 0);
        assert_int_equal(write(other, model, BYTES), BYTES);
        struct filedev_conf conf = file.conf;
        conf.fd = other;
        assert_int_equal(filedev_open(&file, &conf, &dev), 0);
        for (unsigned at = 0; at < 3 * 8192; at += 8192) {
            diskrig_make(rig, &q, BLK_WRITE_ZEROES, at, 8192, 0);
            assert_int_equal(doing(&q), 0);
        }
        memset(data, 0, 3 * 8192);
        assert_int_equal(pread(other, back, 4 * 8192, 0), 4 * 8192);
        assert_memory_equal(back, data, 3 * 8192);
        assert_memory_equal(back + 3 * 8192, model + 3 * 8192, 8192);
        assert_true(dev->caps.write_zeroes);
        close(other);
        stop();
    }
}

static void test_a_file_that_shrank_is_an_error(void **state)
{
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        start(plain, false);
        assert_int_equal(ftruncate(fd, 6144), 0);
        diskrig_make(rig, &q, BLK_READ, 4096, 4096, 0); /* half of it is there */
        assert_int_equal(doing(&q), -E_IO);
        assert_int_equal(dev->stats.errors, 1);
        diskrig_free(&q);
        stop();
    }
}

static void test_a_read_only_file(void **state)
{
    (void)state;
    start(false, true);
    diskrig_make(rig, &q, BLK_WRITE, 0, 4096, 0);
    assert_int_equal(blkdev_submit(dev, &q.req), -E_ROFS);
    q.req.op = BLK_READ;
    assert_int_equal(doing(&q), 0);
    diskrig_free(&q);
    stop();
}

static void test_a_full_device_wakes(void **state)
{
    static struct diskrig_req all[FILEDEV_REQUESTS + 1];

    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        start(plain, false);
        for (unsigned i = 0; i <= FILEDEV_REQUESTS; i++) {
            diskrig_make(rig, &all[i], BLK_READ, i * 4096, 4096, 0);
            int err = blkdev_submit(dev, &all[i].req);
            assert_int_equal(err, i < FILEDEV_REQUESTS ? 0 : -E_AGAIN);
            all[i].in_flight = err == 0;
        }
        for (unsigned i = 0; i < FILEDEV_REQUESTS; i++)
            assert_int_equal(wait_one()->req.status, 0);
        assert_true(blkdev_arm(dev));
        assert_false(blkdev_arm(dev));
        assert_int_equal(filedev_wait_fd(&file), -1);
        for (unsigned i = 0; i <= FILEDEV_REQUESTS; i++)
            diskrig_free(&all[i]);
        stop();
    }
}

static void test_close_waits_for_what_is_in_flight(void **state)
{
    (void)state;
    start(false, false);
    memset(data, 'c', 65536);
    diskrig_make(rig, &q, BLK_WRITE, 0, 65536, 0);
    diskrig_fill(&q, data);
    assert_int_equal(blkdev_submit(dev, &q.req), 0);
    filedev_close(&file);
    assert_int_equal(pread(fd, back, 65536, 0), 65536);
    assert_memory_equal(back, data, 65536);
    close(fd);
    diskrig_free(&q);
    diskrig_close(rig);
}

/* Requests in flight do not overlap here: then they are as on plain memory. */
static void run_random(bool plain, uint64_t seed)
{
    static struct diskrig_req flight[FLIGHT];
    const uint32_t lane = BYTES / FLIGHT;

    start(plain, false);
    for (unsigned step = 0; step < 2000; step++) {
        unsigned i = test_random_below(&seed, FLIGHT);
        struct diskrig_req *r = &flight[i];
        if (r->in_flight) {
            r = wait_one();
            assert_int_equal(r->req.status, 0);
            diskrig_read(r, back);
            if (r->req.op != BLK_FLUSH)
                assert_memory_equal(back, model + r->req.start, r->req.bytes);
            diskrig_free(r);
            continue;
        }
        uint32_t bytes = (1 + test_random_below(&seed, 64)) * 512;
        uint32_t at = i * lane + test_random_below(&seed, (lane - bytes) / 512 + 1) * 512;
        enum blk_op op = (enum blk_op)test_random_below(&seed, 3);
        if (op == BLK_FLUSH)
            at = bytes = 0;
        diskrig_make(rig, r, op, at, bytes, test_random_below(&seed, 8) * 512);
        diskrig_chop(r, 512, &seed);
        if (op == BLK_WRITE) {
            for (uint32_t k = 0; k < bytes; k++)
                model[at + k] = (uint8_t)test_random(&seed);
            diskrig_fill(r, model + at);
        }
        assert_int_equal(blkdev_submit(dev, &r->req), 0);
        r->in_flight = true;
    }
    for (unsigned i = 0; i < FLIGHT; i++) {
        while (flight[i].in_flight)
            (void)wait_one();
        diskrig_free(&flight[i]);
    }
    for (unsigned at = 0; at < BYTES; at += sizeof(back)) {
        assert_int_equal(pread(fd, back, sizeof(back), at), sizeof(back));
        assert_memory_equal(back, model + at, sizeof(back));
    }
    stop();
}

static void test_random_requests_are_as_on_plain_memory(void **state)
{
    uint64_t seed = test_seed(5);

    (void)state;
    run_random(false, seed);
    run_random(true, seed);
}

static void test_bad_configurations_are_refused(void **state)
{
    static const struct filedev_conf bad[] = {
        {.bytes = 0, .block_bytes = 512, .physical_bytes = 512},
        {.bytes = 1000, .block_bytes = 512, .physical_bytes = 512},
        {.bytes = 4096, .block_bytes = 256, .physical_bytes = 512},
        {.bytes = 8192, .block_bytes = 8192, .physical_bytes = 8192},
        {.bytes = 4096, .block_bytes = 4096, .physical_bytes = 512},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(filedev_open(&file, &bad[i], &dev), -E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_by_io_uring),
        cmocka_unit_test(test_every_op_without),
        cmocka_unit_test(test_zeroes_are_a_hole_where_there_is_nothing_better),
        cmocka_unit_test(test_a_file_that_shrank_is_an_error),
        cmocka_unit_test(test_a_read_only_file),
        cmocka_unit_test(test_a_full_device_wakes),
        cmocka_unit_test(test_close_waits_for_what_is_in_flight),
        cmocka_unit_test(test_random_requests_are_as_on_plain_memory),
        cmocka_unit_test(test_bad_configurations_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
