/* SPDX-License-Identifier: ISC */
/* test_app_common.c - what programs share: SHA-256 against FIPS 180-4's examples, the table of
 * connections against a plain array. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "apps/common/sha256.h"
#include "apps/common/table.h"

/* ---- SHA-256 --------------------------------------------------------------------------------- */

static const char *digest_of(const char *text, size_t times, size_t piece)
{
    static struct sha256_text shown;
    struct sha256 sha;
    uint8_t digest[SHA256_BYTES];
    size_t len = strlen(text);

    sha256_init(&sha);
    while (times-- > 0) {
        for (size_t at = 0; at < len; at += piece)
            sha256_add(&sha, cs_ro_of(text + at, size_min(piece, len - at)));
    }
    sha256_finish(&sha, digest);
    shown = sha256_text(digest);
    return shown.text;
}

static void test_examples_of_the_standard(void **state)
{
    (void)state;
    assert_string_equal(digest_of("", 1, 1),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(digest_of("abc", 1, 3),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(
        digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, 56),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_string_equal(digest_of("aaaaaaaaaa", 100000, 10),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length about a block's, in every size of piece: the same digest. */
static void test_pieces_do_not_matter(void **state)
{
    char text[200], whole[65];

    (void)state;
    for (size_t len = 0; len < 140; len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('A' + i % 50);
        text[len] = '\0';
        strcpy(whole, digest_of(text, 1, 200));
        for (size_t piece = 1; piece < 70; piece += piece < 10 ? 1 : 9)
            assert_string_equal(digest_of(text, 1, piece), whole);
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

enum { MAX = 100, HANDLES = 400 };

/* Handles as a stack may make them: an index below, a count above, few bits that differ. */
static tcp_t handle_of(uint32_t i)
{
    return ((tcp_t)i << 40) | (i % 7 << 16) | 1;
}

static void test_a_table_finds_what_an_array_finds(void **state)
{
    static void *model[HANDLES];
    struct table table;
    uint32_t count = 0;
    uint64_t rng = test_seed(3);

    (void)state;
    assert_int_equal(table_init(&table, MAX), 0);
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t i = test_random_below(&rng, HANDLES);

        if (model[i] != NULL) {
            table_remove(&table, handle_of(i));
            model[i] = NULL;
            count--;
        } else if (table_add(&table, handle_of(i), &model[i])) {
            model[i] = &model[i];
            count++;
            assert_true(count <= MAX);
        } else {
            assert_int_equal(count, MAX);
        }
        assert_int_equal(table.count, count);
        for (uint32_t k = step % 8; k < HANDLES; k += 8)
            assert_ptr_equal(table_find(&table, handle_of(k)), model[k]);
    }
    assert_null(table_find(&table, 0));
    table_remove(&table, 0);
    table_remove(&table, 12345); /* not there: nothing */
    assert_int_equal(table.count, count);
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_standard),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_a_table_finds_what_an_array_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
