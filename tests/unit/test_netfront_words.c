/* SPDX-License-Identifier: ISC */
/* test_netfront_words.c - netfront= on the command line. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>
#include <morgana/netfront.h>

#include "boot/common/xen/start_priv.h"

static char said[256];
static struct start_netfront words;

static void hear(struct cs_ro text)
{
    size_t n = size_min(text.len, sizeof(said) - 1);

    memcpy(said, text.base, n);
    said[n] = '\0';
}

static int read_word(const char *word, struct netfront_conf *conf)
{
    char name[] = "test", text[128];
    char *argv[] = {name, text, NULL};
    struct start start = {.argc = word != NULL ? 2 : 1, .argv = argv};
    int err;

    fmt_buf(text, sizeof(text), "%s", word != NULL ? word : "");
    said[0] = '\0';
    log_init(hear, LOG_INFO);
    words.conf = *conf;
    words.tx_grants = false;
    err = start_netfront_words(&start, &words);
    *conf = words.conf;
    return err;
}

static void test_each_word_sets_its_field_alone(void **state)
{
    static const struct {
        const char *word;
        bool gso, csum, sg, split;
        unsigned queues;
    } rows[] = {
        {NULL, 0, 0, 0, 0, 3},
        {"netfront=nogso", 1, 0, 0, 0, 3},
        {"netfront=nocsum", 0, 1, 0, 0, 3},
        {"netfront=nosg", 0, 0, 1, 0, 3},
        {"netfront=nosplit", 0, 0, 0, 1, 3},
        {"netfront=queues=1", 0, 0, 0, 0, 1},
        {"netfront=queues=8", 0, 0, 0, 0, 8},
        {"netfront=nosplit,queues=2,nogso,nosg,nocsum", 1, 1, 1, 1, 2},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct netfront_conf conf = {.queues_max = 3};

        assert_int_equal(read_word(rows[i].word, &conf), 0);
        assert_int_equal(conf.no_gso, rows[i].gso);
        assert_int_equal(conf.no_csum, rows[i].csum);
        assert_int_equal(conf.no_sg, rows[i].sg);
        assert_int_equal(conf.no_split, rows[i].split);
        assert_false(conf.all_multicast || words.tx_grants);
        assert_int_equal(conf.queues_max, rows[i].queues);
        assert_string_equal(said, "");
    }
}

static void test_all_multicast_is_for_who_passes_frames_on(void **state)
{
    struct netfront_conf conf = {0};

    (void)state;
    assert_int_equal(read_word("netfront=allmulti", &conf), 0);
    assert_true(conf.all_multicast && !conf.no_gso && conf.queues_max == 0);
}

static void test_grants_are_kept_where_the_operator_says_so(void **state)
{
    struct netfront_conf conf = {0};

    (void)state;
    assert_int_equal(read_word("netfront=txgrants,queues=2", &conf), 0);
    assert_true(words.tx_grants && !conf.all_multicast && conf.queues_max == 2);
}

static void test_what_is_no_word_is_said_and_nothing_is_set(void **state)
{
    static const char *const rows[] = {
        "netfront",          "netfront=",           "netfront=gso",      "netfront=nogso,",
        "netfront=,nogso",   "netfront=nogso nosg", "netfront=queues",   "netfront=queues=",
        "netfront=queues=0", "netfront=queues=9",   "netfront=queues=2x"};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct netfront_conf conf = {0};

        assert_int_equal(read_word(rows[i], &conf), -E_INVAL);
        assert_false(conf.no_gso || conf.no_sg || conf.queues_max != 0);
        assert_non_null(strstr(
            said, "expected nogso, nocsum, nosg, nosplit, allmulti, txgrants or queues=1 to 8"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_word_sets_its_field_alone),
        cmocka_unit_test(test_all_multicast_is_for_who_passes_frames_on),
        cmocka_unit_test(test_grants_are_kept_where_the_operator_says_so),
        cmocka_unit_test(test_what_is_no_word_is_said_and_nothing_is_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
