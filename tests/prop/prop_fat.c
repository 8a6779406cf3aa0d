/* SPDX-License-Identifier: ISC */
/* prop_fat.c - random changes to a file system and to a model of it, a tree in memory: every call
 * has the result that the model has, and after a remount all names, sizes and bytes are the
 * model's, and the judge finds nothing. All types, both sizes of blocks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include "fatrig.h"

#include <cmocka.h>

#define NODES 64u
#define PATH_BYTES 400u
#define SIZE_MAX_MODEL 30000u
#define STEPS 4000u

/* A file or directory of the model; path "" is none. */
struct node {
    char path[PATH_BYTES];
    bool directory;
    uint8_t *bytes; /* SIZE_MAX_MODEL of them */
    uint32_t size;
};
static struct node nodes[NODES];
static uint64_t seed;

static uint32_t below(uint32_t n)
{
    return test_random_below(&seed, n);
}

static struct node *find(const char *path)
{
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].path[0] && strcmp(nodes[i].path, path) == 0)
            return &nodes[i];
    return NULL;
}

static struct node *add(const char *path, bool directory)
{
    for (unsigned i = 0; i < NODES; i++)
        if (!nodes[i].path[0]) {
            strcpy(nodes[i].path, path);
            nodes[i].directory = directory;
            nodes[i].size = 0;
            if (!nodes[i].bytes)
                nodes[i].bytes = malloc(SIZE_MAX_MODEL);
            return &nodes[i];
        }
    return NULL;
}

static bool has_room(void)
{
    for (unsigned i = 0; i < NODES; i++)
        if (!nodes[i].path[0])
            return true;
    return false;
}

static void random_path(char *path)
{
    static const char *const names[] = {
        "a",
        "b.txt",
        "UPPER.BIN",
        "Mixed.Case",
        "a name that needs three slots.html",
        "\xc3\xbc\xe6\x97\xa5.txt",
        "one of those names that go on and on and are longer than what fits into one sector of "
        "five hundred twelve bytes, because sixteen slots are not enough for two hundred letters "
        "and more than that",
    };
    unsigned depth = 1 + below(3);

    path[0] = '\0';
    for (unsigned i = 0; i < depth; i++) {
        strcat(path, "/");
        strcat(path, i + 1 < depth && below(4) ? "dir" : names[below(ARRAY_SIZE(names) - (i > 0))]);
    }
}

/* Is the directory that has it there? */
static bool parent_is(const char *path)
{
    char up[PATH_BYTES];
    struct node *parent;

    strcpy(up, path);
    *strrchr(up, '/') = '\0';
    if (!up[0])
        return true;
    parent = find(up);
    return parent && parent->directory;
}

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool is_empty(const char *dir)
{
    for (unsigned i = 0; i < NODES; i++)
        if (nodes[i].path[0] && is_below(nodes[i].path, dir))
            return false;
    return true;
}

/* ---- one change, of both --------------------------------------------------------------------- */

static void do_write(const char *path)
{
    struct node *node = find(path);
    uint32_t off = below(3) ? below(5000) : below(25000), n = below(3000);
    static uint8_t bytes[3000];
    struct fat_file file;
    int err;

    if (!node && !has_room())
        return;
    err = fat_open(&fatrig.fs, path, FAT_WRITE | FAT_CREATE, 1, &file);
    if (!parent_is(path)) {
        assert_int_equal(err, -E_NOENT);
        return;
    }
    if (node && node->directory) {
        assert_int_equal(err, -E_INVAL);
        return;
    }
    if (err == -E_NOSPC)
        return; /* a full root directory */
    assert_int_equal(err, 0);
    if (!node)
        node = add(path, false);
    for (uint32_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)test_random(&seed);
    err = fat_write(&file, off, cs_ro_of(bytes, n), 1);
    if (err != -E_NOSPC) {
        assert_int_equal(err, n);
        if (n > 0 && off > node->size)
            memset(node->bytes + node->size, 0, off - node->size);
        memcpy(node->bytes + off, bytes, n);
        if (n > 0 && off + n > node->size)
            node->size = off + n;
    }
    assert_int_equal(file.size, node->size);
    if (below(4) == 0) {
        uint32_t size = below(20000);

        err = fat_truncate(&file, size, 1);
        if (err != -E_NOSPC) {
            assert_int_equal(err, 0);
            if (size > node->size)
                memset(node->bytes + node->size, 0, size - node->size);
            node->size = size;
        }
    }
    assert_int_equal(fat_close(&file), 0);
}

static void do_preallocate(const char *path)
{
    uint32_t size = 1 + below(20000);
    int err;

    if (!has_room())
        return;
    err = fat_preallocate(&fatrig.fs, path, size, 1);
    if (!parent_is(path)) {
        assert_int_equal(err, -E_NOENT);
    } else if (find(path)) {
        assert_int_equal(err, -E_EXIST);
    } else if (err != -E_NOSPC) {
        struct node *node = add(path, false);

        assert_int_equal(err, 0);
        memset(node->bytes, 0, size);
        node->size = size;
    }
}

static void do_mkdir(const char *path)
{
    int err;

    if (!has_room())
        return;
    err = fat_mkdir(&fatrig.fs, path, 1);
    if (!parent_is(path))
        assert_int_equal(err, -E_NOENT);
    else if (find(path))
        assert_int_equal(err, -E_EXIST);
    else if (err != -E_NOSPC) {
        assert_int_equal(err, 0);
        add(path, true);
    }
}

static void do_remove(const char *path)
{
    struct node *node = find(path);
    bool as_directory = node ? node->directory != (below(5) == 0) : below(2);
    int err = as_directory ? fat_rmdir(&fatrig.fs, path) : fat_unlink(&fatrig.fs, path);

    if (!node) {
        assert_int_equal(err, -E_NOENT);
    } else if (node->directory != as_directory) {
        assert_int_equal(err, -E_INVAL);
    } else if (as_directory && !is_empty(path)) {
        assert_int_equal(err, -E_BUSY);
    } else {
        assert_int_equal(err, 0);
        node->path[0] = '\0';
    }
}

static void moved(const char *from, const char *to)
{
    for (unsigned i = 0; i < NODES; i++)
        if (is_below(nodes[i].path, from) || strcmp(nodes[i].path, from) == 0) {
            char rest[PATH_BYTES];

            strcpy(rest, nodes[i].path + strlen(from));
            assert_true(strlen(to) + strlen(rest) < PATH_BYTES);
            strcpy(nodes[i].path, to);
            strcat(nodes[i].path, rest);
        }
}

static void do_rename(const char *from, const char *to)
{
    struct node *source = find(from), *dest = find(to);
    int err;

    if (strlen(from) + strlen(to) + 100 > PATH_BYTES || (source && source->directory && below(2)))
        return;
    err = fat_rename(&fatrig.fs, from, to);
    if (!source || (!parent_is(to) && !is_below(to, from)))
        assert_int_equal(err, -E_NOENT);
    else if (source->directory && is_below(to, from))
        assert_true(err == -E_INVAL || err == -E_NOENT);
    else if (!parent_is(to))
        assert_int_equal(err, -E_NOENT);
    else if (dest && dest != source && dest->directory != source->directory)
        assert_int_equal(err, -E_INVAL);
    else if (dest && dest != source && dest->directory && !is_empty(to))
        assert_int_equal(err, -E_BUSY);
    else if (err != -E_NOSPC) {
        assert_int_equal(err, 0);
        if (dest && dest != source)
            dest->path[0] = '\0';
        moved(from, to);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static unsigned count_below(const char *path)
{
    static struct fat_info info;
    struct fat_dir dir;
    unsigned n = 0;

    assert_int_equal(fat_opendir(&fatrig.fs, path, &dir), 0);
    while (fat_readdir(&dir, &info) > 0) {
        char *below_it = malloc(strlen(path) + strlen(info.name) + 2);
        struct node *node;

        sprintf(below_it, "%s/%s", path, info.name);
        node = find(below_it);
        if (!node)
            fail_msg("%s is not in the model", below_it);
        assert_int_equal(node->directory, info.directory);
        n += 1 + (info.directory ? count_below(below_it) : 0);
        free(below_it);
    }
    return n;
}

static void compare(void)
{
    static uint8_t bytes[SIZE_MAX_MODEL + 1];
    unsigned n = 0;

    for (unsigned i = 0; i < NODES; i++) {
        struct fat_file file;

        if (!nodes[i].path[0])
            continue;
        n++;
        if (nodes[i].directory)
            continue;
        if (fat_open(&fatrig.fs, nodes[i].path, 0, 0, &file) != 0)
            fail_msg("%s: %s", nodes[i].path, fatrig.fs.why);
        assert_int_equal(fat_read(&file, 0, cs_of(bytes, sizeof(bytes))), nodes[i].size);
        assert_memory_equal(bytes, nodes[i].bytes, nodes[i].size);
        fat_close(&file);
    }
    assert_int_equal(count_below(""), n);
}

static void run(const struct fatimage *image, uint32_t block_bytes)
{
    for (unsigned i = 0; i < NODES; i++)
        nodes[i].path[0] = '\0';
    fatrig_start(image, block_bytes);
    for (unsigned step = 0; step < STEPS; step++) {
        char path[PATH_BYTES], other[PATH_BYTES];
        uint32_t what = below(20);

        random_path(path);
        random_path(other);
        if (what < 8)
            do_write(path);
        else if (what < 9)
            do_preallocate(path);
        else if (what < 12)
            do_mkdir(path);
        else if (what < 15)
            do_remove(path);
        else if (what < 19)
            do_rename(path, other);
        else
            fatrig_remount();
        if (step % 50 == 49) {
            fatrig_remount();
            compare();
        }
    }
    fatrig_unmount(0);
    fatrig_stop();
}

static void test_a_file_system_is_its_model(void **state)
{
    static const struct fatimage images[] = {
        {.bits = 12,
         .sector_bytes = 512,
         .cluster_sectors = 1,
         .clusters = 900,
         .root_entries = 96},
        {.bits = 12, .sector_bytes = 512, .cluster_sectors = 8, .clusters = 200},
        {.bits = 12, .sector_bytes = 4096, .cluster_sectors = 1, .clusters = 150},
        {.bits = 16, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 4100},
        {.bits = 32, .sector_bytes = 512, .cluster_sectors = 1, .clusters = 1000},
        {.bits = 32, .sector_bytes = 4096, .cluster_sectors = 2, .clusters = 100},
        {.bits = 32, .sector_bytes = 1024, .cluster_sectors = 1, .clusters = 300},
    };
    static const uint32_t blocks[] = {512, 512, 4096, 512, 512, 4096, 512};

    (void)state;
    seed = test_seed(20);
    for (unsigned i = 0; i < ARRAY_SIZE(images); i++)
        for (unsigned round = 0; round < 2; round++)
            run(&images[i], blocks[i]);
    for (unsigned i = 0; i < NODES; i++) {
        free(nodes[i].bytes);
        nodes[i].bytes = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_system_is_its_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
