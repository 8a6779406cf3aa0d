/* SPDX-License-Identifier: ISC */
/* test_args.c - the command line: quoting, its limits, and the values of keys. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/args.h>
#include <morgana/log.h>

static struct args args;
static char error[128];
static char logged[1024];
static size_t logged_len;

static void catch_log(struct cs_ro text)
{
    if (cs_in(sizeof(logged) - 1, logged_len, text.len)) {
        memcpy(logged + logged_len, text.base, text.len);
        logged_len += text.len;
    }
    logged[logged_len] = '\0';
}

static int setup(void **state)
{
    (void)state;
    memset(&args, 0xa5, sizeof(args));
    memset(error, 0, sizeof(error));
    logged_len = 0;
    logged[0] = '\0';
    log_init(catch_log, LOG_INFO);
    return 0;
}

/* The line lies in a heap block of exactly its size, so that reading past it is seen. */
static int split_bytes(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    int err;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    err = args_split(&args, "prog", cs_ro_of(copy, len), error, sizeof(error));
    free(copy);
    return err;
}

static int split(const char *line)
{
    return split_bytes(line, strlen(line));
}

static void expect_words(const char *line, int n, const char *const *words)
{
    assert_int_equal(split(line), 0);
    assert_int_equal(args.argc, n + 1);
    assert_string_equal(args.argv[0], "prog");
    for (int i = 0; i < n; i++)
        assert_string_equal(args.argv[i + 1], words[i]);
    assert_null(args.argv[args.argc]);
}

#define EXPECT(line, ...)                                                                          \
    expect_words(line, (int)ARRAY_SIZE(((const char *const[]){__VA_ARGS__})),                      \
                 (const char *const[]){__VA_ARGS__})

/* Under a boot loader the first token is an argument, not the program's name (Solo5 issue 517). */
static void test_first_word_is_an_argument(void **state)
{
    (void)state;
    EXPECT("ip=10.0.0.2/24 gw=10.0.0.1", "ip=10.0.0.2/24", "gw=10.0.0.1");
}

static void test_empty_and_absent_line_has_only_the_name(void **state)
{
    (void)state;
    expect_words("", 0, NULL);
    expect_words(" \t\r\n ", 0, NULL);
    assert_int_equal(args_split(&args, "prog", CS_RO_EMPTY, error, sizeof(error)), 0);
    assert_int_equal(args.argc, 1);
}

static void test_quotes_and_backslashes(void **state)
{
    (void)state;
    EXPECT("a 'b c' \"d e\"", "a", "b c", "d e");
    EXPECT("k='a b'c\"d e\"", "k=a bcd e");
    EXPECT("'' \"\"", "", "");
    EXPECT("a\\ b \\'c \\\"d \\\\", "a b", "'c", "\"d", "\\");
    EXPECT("\"a\\\"b\\\\c\" 'a\\b'", "a\"b\\c", "a\\b");
    EXPECT("'it'\\''s'", "it's");
    EXPECT("\"it's\" 'say \"x\"'", "it's", "say \"x\"");
}

static void test_utf8_and_any_other_byte_pass_through(void **state)
{
    char line[256];
    size_t n = 0;

    (void)state;
    EXPECT("name=\xc3\xa9t\xc3\xa9 \xe2\x82\xac", "name=\xc3\xa9t\xc3\xa9", "\xe2\x82\xac");
    for (int c = 1; c < 256; c++) {
        if (c != '\'' && c != '"' && c != '\\' && c != ' ' && (c < '\t' || c > '\r'))
            line[n++] = (char)c;
    }
    assert_int_equal(split_bytes(line, n), 0);
    assert_int_equal(args.argc, 2);
    assert_int_equal(strlen(args.argv[1]), n);
    assert_memory_equal(args.argv[1], line, n);
}

static void test_errors_name_what_and_where(void **state)
{
    (void)state;
    assert_int_equal(split("a 'b c"), -E_INVAL);
    assert_string_equal(error, "command line: the quote at byte 2 is not closed");
    assert_int_equal(split("ab \""), -E_INVAL);
    assert_string_equal(error, "command line: the quote at byte 3 is not closed");
    assert_int_equal(split("abc\\"), -E_INVAL);
    assert_string_equal(error, "command line: nothing after the \\ at byte 3");
    assert_int_equal(split_bytes("ab\0c", 4), -E_INVAL);
    assert_string_equal(error, "command line: zero byte at byte 2");
    assert_int_equal(split_bytes("ab\\\0c", 5), -E_INVAL);
    assert_string_equal(error, "command line: zero byte at byte 3");
}

static void test_longest_line_fits_and_one_more_byte_is_refused(void **state)
{
    static char line[ARGS_BYTES_MAX + 1];

    (void)state;
    memset(line, 'x', sizeof(line));
    assert_int_equal(split_bytes(line, ARGS_BYTES_MAX), 0);
    assert_int_equal(args.argc, 2);
    assert_int_equal(strlen(args.argv[1]), ARGS_BYTES_MAX);
    assert_int_equal(split_bytes(line, ARGS_BYTES_MAX + 1), -E_2BIG);
    assert_string_equal(error, "command line: 4097 bytes; at most 4096 are possible");
}

static void test_most_words_fit_and_one_more_is_refused(void **state)
{
    char line[2 * ARGS_WORDS_MAX + 1] = "";

    (void)state;
    for (unsigned i = 0; i < ARGS_WORDS_MAX - 1; i++)
        strcat(line, "a ");
    assert_int_equal(split(line), 0);
    assert_int_equal(args.argc, ARGS_WORDS_MAX);
    strcat(line, "b");
    assert_int_equal(split(line), -E_2BIG);
    assert_non_null(strstr(error, "byte 126"));
    /* many empty words: the text of the words still fits */
    memset(line, '\'', 120);
    for (unsigned i = 2; i < 120; i += 3)
        line[i] = ' ';
    line[119] = '\0';
    assert_int_equal(split(line), 0);
    assert_int_equal(args.argc, 41);
}

static void test_error_text_fits_any_buffer(void **state)
{
    char small[8];

    (void)state;
    assert_int_equal(args_split(&args, "p", cs_of_str("'"), small, sizeof(small)), -E_INVAL);
    assert_string_equal(small, "command");
    assert_int_equal(args_split(&args, "p", cs_of_str("'"), NULL, 0), -E_INVAL);
}

/* ---- values ---------------------------------------------------------------------------------- */

static const char *get(const char *line, const char *key)
{
    assert_int_equal(split(line), 0);
    return args_get(args.argc, args.argv, key);
}

static void test_get_finds_the_last_exact_key(void **state)
{
    (void)state;
    assert_string_equal(get("a=1 b=2 a=3", "a"), "3");
    assert_string_equal(get("a=x=y", "a"), "x=y");
    assert_string_equal(get("quiet", "quiet"), "");
    assert_string_equal(get("a=", "a"), "");
    assert_null(get("abc=1 ab", "a"));
    assert_null(get("a=1", "ab"));
    assert_null(get("", "a"));
    /* the program's name is no setting */
    assert_null(get("a=1", "prog"));
}

static int u32(const char *line, uint32_t min, uint32_t max, uint32_t *out)
{
    assert_int_equal(split(line), 0);
    return args_get_u32(args.argc, args.argv, "n", min, max, out);
}

static void test_number(void **state)
{
    static const char *const bad[] = {"n=",   "n",    "n=x",          "n=1x",
                                      "n=-1", "n=+1", "n=01",         "n=00",
                                      "n= 1", "n=9",  "n=4294967296", "n=99999999999999999999999"};
    uint32_t n = 77;

    (void)state;
    assert_int_equal(u32("", 0, 9, &n), 0);
    assert_int_equal(n, 77);
    assert_int_equal(u32("n=0", 0, 9, &n), 1);
    assert_int_equal(n, 0);
    assert_int_equal(u32("n=4294967295", 0, UINT32_MAX, &n), 1);
    assert_true(n == UINT32_MAX);
    n = 77;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        logged_len = 0;
        assert_int_equal(u32(bad[i], 0, 8, &n), -E_INVAL);
        assert_int_equal(n, 77);
        assert_non_null(strstr(logged, "n="));
        assert_non_null(strstr(logged, "expected a number from 0 to 8"));
    }
    assert_int_equal(u32("n=1", 2, 8, &n), -E_INVAL);
}

static void test_address(void **state)
{
    static const char *const bad[] = {
        "ip=10.0.0",     "ip=10.0.0.1.2", "ip=10.0.0.256", "ip=10.0.0.01",
        "ip=10..0.1",    "ip=",           "ip=10.0.0.1/8", "ip=10.0.0.1 ip=x",
        "ip=0x0a.1.1.1", "ip=10.0.0.",    "ip=.10.0.0.1",  "ip='10.0.0.1 '"};
    uint32_t addr = 77;

    (void)state;
    assert_int_equal(split("gw=10.0.0.1"), 0);
    assert_int_equal(args_get_ip4(args.argc, args.argv, "ip", &addr), 0);
    assert_int_equal(args_get_ip4(args.argc, args.argv, "gw", &addr), 1);
    assert_int_equal(addr, 0x0a000001);
    assert_int_equal(split("gw=255.255.255.255"), 0);
    assert_int_equal(args_get_ip4(args.argc, args.argv, "gw", &addr), 1);
    assert_true(addr == UINT32_MAX);
    addr = 77;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        logged_len = 0;
        assert_int_equal(split(bad[i]), 0);
        assert_int_equal(args_get_ip4(args.argc, args.argv, "ip", &addr), -E_INVAL);
        assert_int_equal(addr, 77);
        assert_non_null(strstr(logged, "ip="));
    }
}

static void test_address_with_prefix(void **state)
{
    static const char *const bad[] = {"ip=10.0.0.1",     "ip=10.0.0.1/",   "ip=10.0.0.1/0",
                                      "ip=10.0.0.1/33",  "ip=10.0.0.1/8x", "ip=10.0.0.1/08",
                                      "ip=10.0.0.1//24", "ip=/24",         "ip=10.0.0/24"};
    uint32_t addr = 77;
    uint8_t prefix = 7;

    (void)state;
    assert_int_equal(split("ip=10.1.2.3/24"), 0);
    assert_int_equal(args_get_ip4_prefix(args.argc, args.argv, "ip", &addr, &prefix), 1);
    assert_int_equal(addr, 0x0a010203);
    assert_int_equal(prefix, 24);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        logged_len = 0;
        assert_int_equal(split(bad[i]), 0);
        assert_int_equal(args_get_ip4_prefix(args.argc, args.argv, "ip", &addr, &prefix), -E_INVAL);
        assert_int_equal(addr, 0x0a010203);
        assert_int_equal(prefix, 24);
        assert_non_null(strstr(logged, "like 10.0.0.1/24"));
    }
}

static void test_mac(void **state)
{
    static const char *const bad[] = {"mac=",
                                      "mac=00:16:3e:00:00",
                                      "mac=00:16:3e:00:00:01:02",
                                      "mac=0:16:3e:00:00:01",
                                      "mac=00-16-3e-00-00-01",
                                      "mac=00:16:3e:00:00:0g",
                                      "mac=01:16:3e:00:00:01",
                                      "mac=ff:ff:ff:ff:ff:ff",
                                      "mac=00:00:00:00:00:00"};
    static const uint8_t want[6] = {0x00, 0x16, 0x3e, 0xab, 0xcd, 0xef};
    uint8_t mac[6] = {7};

    (void)state;
    assert_int_equal(split("mac=00:16:3E:aB:cd:EF"), 0);
    assert_int_equal(args_get_mac(args.argc, args.argv, "mac", mac), 1);
    assert_memory_equal(mac, want, 6);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        logged_len = 0;
        assert_int_equal(split(bad[i]), 0);
        assert_int_equal(args_get_mac(args.argc, args.argv, "mac", mac), -E_INVAL);
        assert_memory_equal(mac, want, 6);
        assert_non_null(strstr(logged, "mac="));
    }
}

static void test_bad_value_is_shown_without_control_characters(void **state)
{
    uint32_t n;

    (void)state;
    assert_int_equal(u32("n=a\033[2Jb", 0, 1, &n), -E_INVAL);
    assert_non_null(strstr(logged, "n=a?[2Jb: expected"));
}

static void test_last_tells_which_of_two_keys_came_later(void **state)
{
    (void)state;
    assert_int_equal(split("ip=1.2.3.4/8 dhcp ip=2.3.4.5/8 port=7"), 0);
    assert_int_equal(args_last(args.argc, args.argv, "ip"), 3);
    assert_int_equal(args_last(args.argc, args.argv, "dhcp"), 2);
    assert_int_equal(args_last(args.argc, args.argv, "gw"), 0);
    assert_int_equal(args_last(args.argc, args.argv, "prog"), 0);
    assert_int_equal(args_last(0, args.argv, "ip"), 0);
}

static void test_word(void **state)
{
    static const char *const words[] = {"echo", "discard", "source", NULL};
    unsigned i = 9;

    (void)state;
    assert_int_equal(split("mode=source"), 0);
    assert_int_equal(args_get_word(args.argc, args.argv, "mode", words, &i), 1);
    assert_int_equal(i, 2);
    i = 9;
    assert_int_equal(args_get_word(args.argc, args.argv, "kind", words, &i), 0);
    assert_int_equal(i, 9);
    assert_int_equal(split("mode=Echo"), 0);
    assert_int_equal(args_get_word(args.argc, args.argv, "mode", words, &i), -E_INVAL);
    assert_int_equal(i, 9);
    assert_non_null(strstr(logged, "mode=Echo: expected echo, discard or source\n"));
}

/* ---- help ------------------------------------------------------------------------------------ */

static const struct args_key table[] = {{"port", "port=7", "the port it listens at"},
                                        {"log", "log=quiet", "what it says: required"},
                                        {"pcap", NULL, NULL},
                                        {NULL, NULL, NULL}};

static bool help(const char *line)
{
    assert_int_equal(split(line), 0);
    vplat_reset(1);
    return args_help(args.argc, args.argv, "a program", table);
}

static void test_help_has_the_programs_keys_and_everybodys(void **state)
{
    const char *text;

    (void)state;
    assert_true(help("--help"));
    text = vplat_console();
    assert_ptr_equal(strstr(text, "prog - a program\n"), text);
    assert_non_null(strstr(text, "\n  port=7                     the port it listens at\n"));
    assert_non_null(strstr(text, "\n  console=ring "));
    assert_non_null(strstr(text, "\n  help "));
    /* as the program has them, once, or not at all */
    assert_non_null(strstr(text, "log=quiet"));
    assert_null(strstr(text, "log=info"));
    assert_null(strstr(text, "\n  pcap"));
    /* an address is not everybody's */
    assert_null(strstr(text, "\n  ip="));
    assert_null(strstr(text, "\n  dhcp"));
}

static void test_help_is_asked_for_by_a_word_of_its_own(void **state)
{
    static const char *const other[] = {"", "helpful", "xhelp", "text=help", "-help", "HELP"};

    (void)state;
    assert_true(help("help"));
    assert_true(help("port=7 help log=debug"));
    for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
        assert_false(help(other[i]));
        assert_string_equal(vplat_console(), "");
    }
}

static void test_every_line_of_the_help_fits_a_terminal(void **state)
{
    const char *at;

    (void)state;
    assert_true(help("help"));
    for (at = vplat_console(); *at != '\0'; at = strchr(at, '\n') + 1)
        assert_true(strchr(at, '\n') != NULL && strchr(at, '\n') - at <= 100);
}

/* The help's own words are no unknown keys, nor are those that the table hides. */
static void test_what_the_help_knows_is_no_unknown_key(void **state)
{
    (void)state;
    assert_int_equal(split("help --help pcap=x console=hvc0 port=7"), 0);
    assert_int_equal(args_check(args.argc, args.argv, table), 0);
}

/* What clouds and boot loaders say is never more than a warning. */
static void test_command_lines_of_clouds_are_read(void **state)
{
    static char line[ARGS_BYTES_MAX + 1];
    static const struct args_key *none = NULL;

    (void)state;
    assert_int_equal(split("root=/dev/xvda1 ro console=hvc0 quiet splash $vt_handoff ip=dhcp"), 0);
    assert_int_equal(args_check(args.argc, args.argv, none), 6);
    assert_int_equal(split("/boot/image.gz BOOT_IMAGE=(hd0,0)/vm mac=00:16:3e:00:00:01"), 0);
    assert_int_equal(args_check(args.argc, args.argv, none), 2);
    /* 4 KiB, of two-byte characters, in quotes */
    memset(line, 0, sizeof(line));
    strcpy(line, "'text=");
    for (size_t i = 6; i + 2 < ARGS_BYTES_MAX; i += 2)
        memcpy(line + i, "\xc3\xa9", 2);
    line[strlen(line)] = '\'';
    assert_int_equal(split(line), 0);
    assert_int_equal(args.argc, 2);
    assert_int_equal(args_check(args.argc, args.argv, none), 1);
}

/* An unknown key is reported and ignored (Solo5 issue 517 broke on one). */
static void test_unknown_keys_are_reported_once_each(void **state)
{
    static const struct args_key known[] = {{"port", "port=7", "a port"}, {NULL, NULL, NULL}};

    (void)state;
    assert_int_equal(split("mac=1 port=7 prot=8 log=debug quiet"), 0);
    assert_int_equal(args_check(args.argc, args.argv, known), 2);
    assert_non_null(strstr(logged, "unknown key, ignored: prot=8\n"));
    assert_non_null(strstr(logged, "unknown key, ignored: quiet\n"));
    assert_null(strstr(logged, "port"));
    assert_int_equal(split("disk=x mac=x log=x evtchn=x gnttab=x module=x tap=x pcap=x seed=x"), 0);
    assert_int_equal(args_check(args.argc, args.argv, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_first_word_is_an_argument, setup),
        cmocka_unit_test_setup(test_empty_and_absent_line_has_only_the_name, setup),
        cmocka_unit_test_setup(test_quotes_and_backslashes, setup),
        cmocka_unit_test_setup(test_utf8_and_any_other_byte_pass_through, setup),
        cmocka_unit_test_setup(test_errors_name_what_and_where, setup),
        cmocka_unit_test_setup(test_longest_line_fits_and_one_more_byte_is_refused, setup),
        cmocka_unit_test_setup(test_most_words_fit_and_one_more_is_refused, setup),
        cmocka_unit_test_setup(test_error_text_fits_any_buffer, setup),
        cmocka_unit_test_setup(test_get_finds_the_last_exact_key, setup),
        cmocka_unit_test_setup(test_number, setup),
        cmocka_unit_test_setup(test_address, setup),
        cmocka_unit_test_setup(test_address_with_prefix, setup),
        cmocka_unit_test_setup(test_mac, setup),
        cmocka_unit_test_setup(test_bad_value_is_shown_without_control_characters, setup),
        cmocka_unit_test_setup(test_unknown_keys_are_reported_once_each, setup),
        cmocka_unit_test_setup(test_last_tells_which_of_two_keys_came_later, setup),
        cmocka_unit_test_setup(test_word, setup),
        cmocka_unit_test_setup(test_help_has_the_programs_keys_and_everybodys, setup),
        cmocka_unit_test_setup(test_help_is_asked_for_by_a_word_of_its_own, setup),
        cmocka_unit_test_setup(test_every_line_of_the_help_fits_a_terminal, setup),
        cmocka_unit_test_setup(test_what_the_help_knows_is_no_unknown_key, setup),
        cmocka_unit_test_setup(test_command_lines_of_clouds_are_read, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
