/* SPDX-License-Identifier: ISC */
/* test_app_httpd_disk.c - files on a disk: a tree of folders becomes a list of files; pieces of
 * these go from the disk to TCP: the right bytes, every page accounted for, whatever becomes of
 * their owner. */
#include <string.h>
#include <unistd.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/blk_fault.h>
#include <morgana/log.h>

#include "apps/httpd/chunk.c"
#define find reply_find
#define add_file reply_add_file
#include "apps/httpd/http_reply.c"
#undef find
#undef add_file
#define join tree_join
#include "apps/httpd/tree.c"
#undef join
#include "apps/httpd/http_date.c"
#include "apps/httpd/http_parse.c"
#include "apps/httpd/site.c"
int httpd_main(int argc, char **argv);
#define main httpd_main
#include "apps/httpd/main.c"
#undef main
#include "diskrig.h"
#include "fatrig.h"

static struct blk_fault_entry entries[CHUNKS_MAX];
static struct blk_fault fault;
static const struct blkdev_ops *fault_ops;
static struct diskrig *rig;
static unsigned told;
static struct blk_extent extents[] = {{65536, 12288}, {16384, 4096}, {200704, 32768}};
static struct site_file file = {.bytes = 45000, .extents = extents, .extent_count = 3};
static uint8_t bytes[49152];

static void start(uint32_t block, struct blk_fault_rates rates)
{
    struct blk_fault_conf conf = {.seed = 1,
                                  .now_ns = plat_now_ns,
                                  .entries = entries,
                                  .entries_max = CHUNKS_MAX,
                                  .rates = rates};
    struct blkdev *dev;
    size_t at = 0;

    vplat_reset(1);
    told = 0;
    rig = diskrig_open(&(struct blk_mem_conf){.block_bytes = block});
    assert_int_equal(blk_fault_open(&fault, &conf, rig->disk, &dev), 0);
    chunks_init(dev, &rig->pages);
    for (unsigned i = 0; i < 3; at += extents[i].bytes, i++)
        memcpy(bytes + at, rig->medium + extents[i].start, extents[i].bytes);
}

static void stop(void)
{
    chunks_fini();
    blk_fault_close(&fault);
    diskrig_close(rig);
}

static void ready(void *owner)
{
    assert_ptr_equal(owner, &file);
    told++;
}

static void wait_for(const struct chunk *chunk)
{
    for (unsigned i = 0; i < 10 && !chunk->is_back; i++) {
        (void)chunks_turn(ready);
        (void)chunks_arm();
    }
    assert_true(chunk->is_back);
}

static void test_any_stretch_of_a_file_in_pieces(void **state)
{
    uint64_t seed = test_seed(2);

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        start(round % 2 == 0 ? 512 : 4096, (struct blk_fault_rates){0});
        uint64_t at = test_random_below(&seed, 45000), end = at;
        end += 1 + test_random_below(&seed, (uint32_t)(45000 - at));
        while (at != end) {
            struct chunk *chunk;
            assert_int_equal(chunk_begin(&file, &file, at, end - at, &chunk), 1);
            wait_for(chunk);
            for (bool all = false; !all;) {
                uint32_t off, len;
                struct page *page = chunk_piece(chunk, &off, &len);
                assert_true(len != 0 && len <= end - at);
                assert_memory_equal(page->base + off, bytes + at, len);
                page_put(page); /* TCP's, when it was acknowledged */
                at += len;
                all = chunk_went(chunk, len);
            }
        }
        assert_true(told != 0);
        stop(); /* every page is back */
    }
}

static void test_an_owner_that_goes_leaves_no_page(void **state)
{
    struct chunk *chunk;
    uint32_t off, len;

    (void)state;
    start(512, (struct blk_fault_rates){0});
    assert_int_equal(chunk_begin(&file, &file, 100, 12000, &chunk), 1);
    chunk_drop(chunk); /* on its way */
    while (chunks.in_flight != 0)
        if (!chunks_turn(ready))
            (void)chunks_arm();
    assert_int_equal(told, 0);
    assert_int_equal(chunk_begin(&file, &file, 100, 12000, &chunk), 1);
    wait_for(chunk);
    page_put(chunk_piece(chunk, &off, &len));
    assert_false(chunk_went(chunk, len));
    chunk_drop(chunk); /* in the middle */
    stop();
}

static void test_what_cannot_be_read_is_told(void **state)
{
    struct chunk *chunk;

    (void)state;
    start(512, (struct blk_fault_rates){.read_error_ppm = BLK_FAULT_MILLION});
    assert_int_equal(chunk_begin(&file, &file, 0, 100, &chunk), 1);
    wait_for(chunk);
    assert_int_equal(chunk->req.status, -E_IO);
    chunk_drop(chunk);
    blk_mem_power_cut(&rig->mem, 1);
    (void)chunks_turn(ready); /* sees that it is gone */
    assert_int_equal(chunk_begin(&file, &file, 0, 100, &chunk), -E_NODEV);
    stop();
}

static void test_without_room_it_says_so(void **state)
{
    struct chunk *some[CHUNKS_MAX];
    struct page *taken[DISKRIG_PAGES];
    unsigned n = 0, pages = 0;

    (void)state;
    start(512, (struct blk_fault_rates){0});
    while (n < CHUNKS_MAX && chunk_begin(&file, &file, 0, 512, &some[n]) == 1)
        n++;
    assert_int_equal(n, CHUNKS_MAX);
    assert_false(chunks_room());
    assert_int_equal(chunk_begin(&file, &file, 0, 512, &some[0]), -E_AGAIN);
    while (n-- > 0)
        chunk_drop(some[n]);
    chunks_fini();
    assert_true(chunks_room());
    while (rig->pages.free_count >= 4)
        taken[pages++] = page_get(&rig->pages);
    assert_false(chunks_room());
    assert_int_equal(chunk_begin(&file, &file, 0, 512, &some[0]), -E_AGAIN);
    while (pages-- > 0)
        page_put(taken[pages]);
    stop();
}

/* There is room when the disk has said so: or the loop would try again and again. */
static void test_a_disk_that_takes_fewer_at_once(void **state)
{
    struct chunk *some[CHUNKS_MAX];
    unsigned n = 0;

    (void)state;
    vplat_reset(1);
    rig = diskrig_open(&(struct blk_mem_conf){.requests_max = 32});
    chunks_init(rig->disk, &rig->pages);
    while (n < 32 && chunk_begin(&file, &file, 0, 512, &some[n]) == 1)
        n++;
    assert_int_equal(n, 32);
    assert_false(chunks_room());
    assert_int_equal(chunk_begin(&file, &file, 0, 512, &some[n]), -E_AGAIN);
    assert_false(chunks_room());
    wait_for(some[0]);
    assert_true(chunks_room());
    while (n-- > 0)
        chunk_drop(some[n]);
    chunks_fini();
    diskrig_close(rig);
}

static int take_one(struct blkdev *dev, struct blk_req *req)
{
    return chunks.in_flight != 0 ? -E_AGAIN : fault_ops->submit(dev, req);
}

/* A request that is large can be several of its driver's. */
static void test_a_disk_that_is_full_before(void **state)
{
    struct chunk *chunk, *none;
    struct blkdev_ops ops;

    (void)state;
    start(512, (struct blk_fault_rates){0});
    fault_ops = chunks.dev->ops;
    ops = *fault_ops;
    ops.submit = take_one;
    chunks.dev->ops = &ops;
    assert_int_equal(chunk_begin(&file, &file, 0, 512, &chunk), 1);
    assert_true(chunks_room());
    assert_int_equal(chunk_begin(&file, &file, 0, 512, &none), -E_AGAIN);
    assert_false(chunks_room());
    wait_for(chunk);
    assert_true(chunks_room());
    chunk_drop(chunk);
    chunks.dev->ops = fault_ops;
    stop();
}

/* ---- who has them ---------------------------------------------------------------------------- */

static struct client readers[CHUNKS_MAX + 1];

/* Turns of the loop, in which clients that are told have theirs, and TCP takes nothing. */
static void turn_all(void)
{
    for (unsigned i = 0; i < 500; i++) {
        (void)disk_turn();
        (void)chunks_arm();
        for (; turns.first_more != NULL; turns.first_more = turns.first_more->next_more) {
            struct client *client = (struct client *)turns.first_more;
            client->turn.more = false;
            if (client->chunk == NULL)
                assert_int_equal(send_read(client, 1), -E_AGAIN);
        }
    }
}

/* All chunks are with clients that take nothing more, the one with i made progress at i. */
static void start_slow_readers(void)
{
    start(512, (struct blk_fault_rates){0});
    disk.is_open = true;
    memset(readers, 0, sizeof(readers));
    for (unsigned i = 0; i <= CHUNKS_MAX; i++) {
        readers[i].reply.file = &file;
        readers[i].reply.length = 512;
        age_add(&readers[i], i);
        assert_int_equal(send_read(&readers[i], i), -E_AGAIN);
    }
    assert_true(readers[CHUNKS_MAX].waits);
}

static void stop_slow_readers(void)
{
    for (unsigned i = 0; i <= CHUNKS_MAX; i++) {
        if (readers[i].chunk != NULL)
            chunk_drop(readers[i].chunk);
        age_remove(&readers[i]);
    }
    disk.is_open = false;
    stop();
}

static void test_slow_readers_do_not_keep_others_out(void **state)
{
    (void)state;
    start_slow_readers();
    touch(&readers[0], 100); /* it is served now and then */
    turn_all();
    assert_false(readers[CHUNKS_MAX].waits);
    assert_non_null(readers[CHUNKS_MAX].chunk);
    assert_true(readers[CHUNKS_MAX].chunk->is_back);
    for (unsigned i = 0; i < CHUNKS_MAX; i++)
        assert_int_equal(readers[i].chunk == NULL, i == 1);
    stop_slow_readers();
}

/* Or nobody would ever get on. */
static void test_nobody_loses_what_it_has_not_seen(void **state)
{
    (void)state;
    start_slow_readers();
    for (unsigned i = 0; i < 500; i++) {
        (void)disk_turn(); /* all are told, but have no turn */
        (void)chunks_arm();
    }
    for (unsigned i = 0; i < CHUNKS_MAX; i++)
        assert_true(readers[i].chunk != NULL && readers[i].turn.more);
    turn_all();
    assert_null(readers[0].chunk);
    assert_false(readers[CHUNKS_MAX].waits);
    stop_slow_readers();
}

/* ---- the tree -------------------------------------------------------------------------------- */

static struct disk tree_disk;
static struct site tree;

/* `clusters` of 512 bytes. */
static void fat_start(uint32_t clusters)
{
    struct fatimage image = {
        .bits = 12, .sector_bytes = 512, .cluster_sectors = 1, .clusters = clusters};

    fatrig_start(&image, 0);
    log_init(plat_console_write, LOG_INFO);
    tree = (struct site){0};
}

/* What was made, and was unmounted, is indexed. */
static int fat_index(void)
{
    tree_disk = (struct disk){.name = "httpd"};
    assert_int_equal(fat_mount(&tree_disk.fat, &fatrig.conf), 0);
    return tree_index(&tree, &tree_disk);
}

static void fat_stop(void)
{
    for (uint32_t i = 0; i < tree.count; i++)
        free(tree.files[i].extents);
    free(tree.files);
    assert_int_equal(fat_unmount(&tree_disk.fat), 0);
    fatrig_stop();
}

static void test_as_many_folders_as_clusters(void **state)
{
    char name[] = "/00";

    (void)state;
    fat_start(20);
    for (unsigned i = 0; i < 20; i++) {
        name[1] = (char)('a' + i / 4);
        name[2] = (char)('a' + i % 4);
        assert_int_equal(fat_mkdir(&fatrig.fs, name, 0), 0);
    }
    fatrig_unmount(0);
    assert_int_equal(fat_index(), 0);
    assert_string_equal(vplat_console(), "");
    fat_stop();
}

static void test_files_of_a_tree(void **state)
{
    (void)state;
    fat_start(100);
    fatrig_make("/one", 1000, 1);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/sub", 0), 0);
    fatrig_make("/sub/two", 513, 2);
    fatrig_unmount(0);
    assert_int_equal(fat_index(), 0);
    assert_int_equal(tree.count, 2);
    assert_int_equal(site_bytes(site_find(&tree, "one")), 1000);
    assert_int_equal(site_bytes(site_find(&tree, "sub/two")), 513);
    fat_stop();
}

/* Its entries, from the third on, lead to itself. */
static void test_a_folder_that_contains_itself(void **state)
{
    char name[] = "/A/0";
    struct fat_info info;
    uint8_t *folder;

    (void)state;
    fat_start(100);
    assert_int_equal(fat_mkdir(&fatrig.fs, "/A", 0), 0);
    assert_int_equal(fat_stat(&fatrig.fs, "/A", &info), 0);
    for (unsigned i = 0; i < 10; i++) {
        name[3] = (char)('0' + i);
        assert_int_equal(fat_mkdir(&fatrig.fs, name, 0), 0);
    }
    assert_int_equal(fat_unmount(&fatrig.fs), 0);
    for (folder = fatrig.bytes; memcmp(folder, ".          ", 11) != 0;)
        folder += 512;
    for (unsigned i = 2; i < 12; i++)
        folder[32 * i + 26] = (uint8_t)info.first_cluster;
    alarm(20);
    assert_int_equal(fat_index(), -E_PROTO);
    alarm(0);
    assert_non_null(strstr(vplat_console(), "one may contain itself"));
    assert_int_equal(tree.count, 0);
    fat_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_stretch_of_a_file_in_pieces),
        cmocka_unit_test(test_an_owner_that_goes_leaves_no_page),
        cmocka_unit_test(test_what_cannot_be_read_is_told),
        cmocka_unit_test(test_without_room_it_says_so),
        cmocka_unit_test(test_a_disk_that_takes_fewer_at_once),
        cmocka_unit_test(test_a_disk_that_is_full_before),
        cmocka_unit_test(test_slow_readers_do_not_keep_others_out),
        cmocka_unit_test(test_nobody_loses_what_it_has_not_seen),
        cmocka_unit_test(test_files_of_a_tree),
        cmocka_unit_test(test_as_many_folders_as_clusters),
        cmocka_unit_test(test_a_folder_that_contains_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
