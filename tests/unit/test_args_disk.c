/* SPDX-License-Identifier: ISC */
/* test_args_disk.c - the word that names a disk. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/args.h>

static int get(const char *word, struct args_disk *disk)
{
    char text[600];
    char *argv[] = {"test", text, NULL};

    strcpy(text, word);
    return args_get_disk(2, argv, "disk", disk);
}

static void test_forms_of_the_word(void **state)
{
    static const struct {
        const char *word, *name;
        uint32_t partition;
        bool optional;
    } rows[] = {
        {"disk=xvda", "xvda", 0, false},
        {"disk=xvda:2", "xvda", 2, false},
        {"disk=xvda,optional", "xvda", 0, true},
        {"disk=/srv/a.img:17,optional", "/srv/a.img", 17, true},
        {"disk=optional", "", 0, true},
        {"disk=,optional", "", 0, true},
        {"disk=:3", "", 3, false},
        {"disk=", "", 0, false},
        {"disk", "", 0, false},
        {"disk=51712", "51712", 0, false},
        {"disk=phy:/dev/vg/a", "phy:/dev/vg/a", 0, false},
        {"disk=a:b:1", "a:b", 1, false},
        {"disk=a:", "a:", 0, false},
        {"disk=a,b", "a,b", 0, false},
        {"disk=my-optional", "my-optional", 0, false},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct args_disk disk;
        assert_int_equal(get(rows[i].word, &disk), 1);
        assert_string_equal(disk.name, rows[i].name);
        assert_int_equal(disk.partition, rows[i].partition);
        assert_int_equal(disk.optional, rows[i].optional);
    }
}

static void test_bad_words_leave_the_result_alone(void **state)
{
    struct args_disk disk = {.name = "before"};
    char word[400] = "disk=";

    (void)state;
    assert_int_equal(get("disk=xvda:0", &disk), -E_INVAL);
    assert_int_equal(get("disk=xvda:1000", &disk), -E_INVAL);
    assert_int_equal(get("disk=xvda:99999999999999999999,optional", &disk), -E_INVAL);
    memset(word + 5, 'x', 256);
    assert_int_equal(get(word, &disk), -E_INVAL);
    assert_int_equal(get("diskette=a", &disk), 0);
    assert_string_equal(disk.name, "before");
    word[5 + 255] = '\0';
    assert_int_equal(get(word, &disk), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_the_word),
        cmocka_unit_test(test_bad_words_leave_the_result_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
