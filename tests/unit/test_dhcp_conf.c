/* SPDX-License-Identifier: ISC */
/* test_dhcp_conf.c - dhcpd.conf: what is accepted and means what, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <morgana/dhcp_conf.h>

static uint64_t arena[64 * 1024 / 8];

static int parse(const char *text, struct dhcp_conf *conf, struct dhcp_conf_error *error)
{
    return dhcp_conf_parse(cs_of_str(text), cs_of(arena, sizeof(arena)), conf, error);
}

static struct dhcp_conf good(const char *text)
{
    struct dhcp_conf_error error;
    struct dhcp_conf conf;
    int err = parse(text, &conf, &error);

    if (err)
        fail_msg("%u:%u: %s", error.line, error.column, error.text);
    return conf;
}

#define SUBNET "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.199; }\n"

static void assert_bytes(struct cs_ro v, const char *hex)
{
    char text[512];

    cs_to_hex(v, text, sizeof(text));
    assert_string_equal(text, hex);
}

static void test_the_file_of_charruas_manual_is_accepted(void **state)
{
    struct dhcp_conf conf =
        good("# a comment\n"
             "option domain-name \"example.org\";\n"
             "option domain-name-servers 10.0.0.1, 10.0.0.2;\n"
             "option routers 10.0.0.1;\n"
             "default-lease-time 3600;\nmax-lease-time 7200;\n"
             "subnet 10.0.0.0 netmask 255.255.255.0 {\n"
             "  option routers 10.0.0.254;\n  range 10.0.0.100 10.0.0.199;\n"
             "  max-lease-time 600;\n"
             "  host printer { hardware ethernet 00:16:3e:00:00:01;\n"
             "    fixed-address 10.0.0.9; option host-name \"printer\"; }\n}\n");
    const struct dhcp_subnet *subnet = conf.subnets;

    (void)state;
    assert_int_equal(conf.global.default_lease_s, 3600);
    assert_bytes(conf.global.options->data, "6578616d706c652e6f7267");
    assert_bytes(conf.global.options->next->data, "0a0000010a000002");
    assert_int_equal(subnet->net, 0x0a000000);
    assert_int_equal(subnet->mask, 0xffffff00);
    assert_int_equal(subnet->scope.max_lease_s, 600);
    assert_int_equal(subnet->pools->ranges->low, 0x0a000064);
    assert_int_equal(subnet->pools->ranges->high, 0x0a0000c7);
    assert_ptr_equal(subnet->pools->scope.parent, &subnet->scope);
    assert_int_equal(conf.pool_addresses, 100);
    assert_int_equal(conf.host_count, 1);
    assert_int_equal(conf.hosts->addrs[0], 0x0a000009);
    assert_ptr_equal(conf.hosts->scope.parent, &subnet->scope);
    assert_bytes(cs_ro_of(conf.hosts->hardware, 6), "00163e000001");
}

static void test_shared_networks_groups_pools_and_permits(void **state)
{
    struct dhcp_conf conf = good(
        "class \"pxe\" { match if substring(option vendor-class-identifier, 0, 9) = "
        "\"PXEClient\";\n"
        "  filename \"pxelinux.0\"; next-server 10.0.0.5; }\n"
        "class \"port\" { match option agent.circuit-id; }\n"
        "subclass \"port\" \"eth0/1\" { option host-name \"left\"; }\n"
        "subclass \"port\" 01:02:ff;\n"
        "shared-network floor {\n"
        "  subnet 10.1.0.0 netmask 255.255.255.0 { }\n"
        "  subnet 10.2.0.0 netmask 255.255.255.0 { not authoritative; }\n"
        "  pool { range 10.2.0.10 10.2.0.20; allow members of \"pxe\"; deny all clients; }\n"
        "  pool { range 10.1.0.10; allow known-clients; deny dynamic bootp clients; }\n"
        "}\n"
        "group { option domain-name \"lab\"; deny unknown-clients; min-lease-time 60;\n"
        "  host a { option dhcp-client-identifier 01:02:03; fixed-address 10.1.0.5, 10.2.0.5; }\n"
        "  host b { host-identifier option agent.remote-id \"r\"; } }\n");
    const struct dhcp_subnet *second = conf.subnets->next;
    const struct dhcp_permit *permit = second->pools->permits;

    (void)state;
    assert_true(cs_equal_str(conf.shareds->name, "floor"));
    assert_ptr_equal(second->shared, conf.shareds);
    assert_ptr_equal(second->scope.parent, &conf.shareds->scope);
    assert_true(second->scope.set & DHCP_SET_AUTHORITATIVE);
    assert_false(second->scope.authoritative);
    assert_ptr_equal(second->pools->scope.parent, &second->scope);
    assert_true(permit->allow);
    assert_ptr_equal(permit->class, conf.classes);
    assert_false(permit->next->allow);
    assert_int_equal(permit->next->what, DHCP_PERMIT_ALL);
    assert_int_equal(conf.classes->match.what, DHCP_MATCH_OPTION);
    assert_int_equal(conf.classes->match.code, 60);
    assert_int_equal(conf.classes->match.len, 9);
    assert_int_equal(conf.classes->next->match.what, DHCP_MATCH_AGENT);
    assert_bytes(conf.classes->next->subclasses->next->key, "0102ff");
    assert_ptr_equal(conf.classes->next->subclasses->scope.parent, &conf.classes->next->scope);
    assert_bytes(conf.hosts->client_id, "010203");
    assert_int_equal(conf.hosts->addr_count, 2);
    assert_int_equal(conf.hosts->scope.parent->min_lease_s, 60);
    assert_true(cs_equal_str(conf.hosts->next->remote_id, "r"));
}

static void test_every_type_of_option_value_becomes_its_wire_bytes(void **state)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"option interface-mtu 1500;", "05dc"},
        {"option time-offset -3600;", "fffff1f0"},
        {"option default-ip-ttl 64;", "40"},
        {"option ip-forwarding on;", "01"},
        {"option static-routes 10.0.0.0 10.0.0.1, 10.1.0.0 10.0.0.2;",
         "0a0000000a0000010a0100000a000002"},
        {"option domain-search \"a.b\", \"c.\";", "0161016200016300"},
        {"option vendor-encapsulated-options 1:2:FF;", "0102ff"},
        {"option host-name \"a\\x41\\102\\\"\\n\";", "614142220a"},
        {"option rfc3442-classless-static-routes 24, 10, 1, 2, 10, 0, 0, 1;", "180a01020a000001"},
        {"option slp-directory-agent true 10.0.0.1, false 10.0.0.2;", "010a000001000a000002"},
        {"option x code 222 = ip-address; option x 1.2.3.4;", "01020304"},
        {"option x code 222 = array of signed integer 16; option x -2, 3;", "fffe0003"},
        {"option x code 222 = { boolean, unsigned integer 8, text }; option x on 7 \"t\";",
         "010774"},
        {"option x code 222 = array of { ip-address, integer 8 }; option x 1.1.1.1 1, 2.2.2.2 2;",
         "01010101010202020202"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        struct dhcp_conf conf;

        snprintf(text, sizeof(text), "%s\n" SUBNET, rows[i].text);
        conf = good(text);
        assert_bytes(conf.global.options->data, rows[i].hex);
    }
}

static void test_a_later_value_in_the_same_scope_replaces_the_earlier(void **state)
{
    struct dhcp_conf conf =
        good("option routers 1.1.1.1; option host-name \"h\"; option routers 2.2.2.2;" SUBNET);

    (void)state;
    assert_bytes(conf.global.options->data, "02020202");
    assert_int_equal(conf.global.options->next->code, 12);
    assert_null(conf.global.options->next->next);
}

static void test_an_error_names_line_column_what_was_found_and_expected(void **state)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *says;
    } rows[] = {
        {"", 1, 1, "expected at least one subnet, found the end of the file"},
        {"option routers foo;", 1, 16,
         "expected an IPv4 address (names are not looked up), found \"foo\""},
        {"option routers 1.2.3.256;", 1, 16, "found \"1.2.3.256\""},
        {"option routers 1.2.3;", 1, 16, "found \"1.2.3\""},
        {"option routers 1.2.3.4", 1, 23, "expected \";\", found the end of the file"},
        {"\n\n  optoin routers 1.2.3.4;", 3, 3,
         "a statement that may stand outside all blocks, found \"optoin\""},
        {"option nonsense 1;", 1, 8, "expected the name of an option, found \"nonsense\""},
        {"option dhcp-lease-time 1;", 1, 8, "the server itself sets option 51"},
        {"option host-name \"abc", 1, 18, "closing quote"},
        {"option host-name \"a\\q\";", 1, 20, "escape"},
        {"option interface-mtu 65536;", 1, 22, "expected a number from 0 to 65535"},
        {"option domain-search \"a..b\";", 1, 22, "labels of 1 to 63"},
        {"option rfc3442-classless-static-routes 33, 1, 1, 1, 1;", 1, 40, "RFC 3442"},
        {"option x code 0 = text;", 1, 15, "1 to 254"},
        {"option x code 255 = text;", 1, 15, "0 to 254"},
        {"option x code 9 = { text, text };", 1, 27, "no more items"},
        {"default-lease-time 0;", 1, 20, "at least 1 second"},
        {"min-lease-time 10;\nmax-lease-time 9;", 2, 16,
         "min-lease-time 10 is above max-lease-time 9"},
        {"subnet 10.0.0.1 netmask 255.255.255.0 { }", 1, 8, "bits outside its netmask"},
        {"subnet 10.0.0.0 netmask 255.0.255.0 { }", 1, 8, "hole"},
        {SUBNET "subnet 10.0.0.128 netmask 255.255.255.128 { }", 2, 8,
         "overlaps with subnet 10.0.0.0"},
        {"subnet 10.0.0.0 netmask 255.255.255.0 {\n range 10.0.1.5 10.0.1.9; }", 2, 2,
         "not inside"},
        {"subnet 10.0.0.0 netmask 255.255.255.0 {\n range 10.0.0.9 10.0.0.5; }", 2, 2,
         "before it begins"},
        {"subnet 10.0.0.0 netmask 255.255.255.0 {\n range 10.0.0.5 10.0.0.255; }", 2, 2,
         "broadcast"},
        {"subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.5 10.0.0.9;\n range 10.0.0.9; }", 2,
         2, "overlaps with the range 10.0.0.5 to 10.0.0.9"},
        {"subnet 10.0.0.0 netmask 255.255.255.0 {", 1, 40,
         "expected \"}\", found the end of the file"},
        {"range 10.0.0.1;", 1, 1, "outside all blocks, found \"range\""},
        {SUBNET "host a { hardware ethernet 00:11:22:33:44; }", 2, 28, "Ethernet address"},
        {SUBNET "host a { fixed-address 10.0.0.1; }", 2, 6, "to be known by"},
        {SUBNET "host a { range 10.0.0.3; }", 2, 10, "in a host, found \"range\""},
        {"subclass \"none\" 1;", 1, 10, "class defined above"},
        {"class \"a\" { match hardware; match hardware; }", 1, 29, "found a second"},
        {"class \"a\" { } class \"a\" { }", 1, 21, "there already"},
        {"class \"a\" { match if option host-name ~ \"x\"; }", 1, 39, "found \"~\""},
        {"allow everything;", 1, 7, "unknown-clients, booting, bootp or declines"},
        {"include \"/etc/other\";", 1, 1, "found \"include\""},
        {"ddns-update-style interim;", 1, 19, "not supported"},
        {"\x80", 1, 1, "found \"?\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dhcp_conf conf, before;
        struct dhcp_conf_error error;

        memset(&conf, 0x5a, sizeof(conf));
        before = conf;
        assert_int_equal(parse(rows[i].text, &conf, &error), -E_INVAL);
        if (error.line != rows[i].line || error.column != rows[i].column ||
            !strstr(error.text, rows[i].says))
            fail_msg("row %zu: got %u:%u: %s; wanted %u:%u: %s", i, error.line, error.column,
                     error.text, rows[i].line, rows[i].column, rows[i].says);
        /* a configuration that is wrong never half-applies */
        assert_memory_equal(&conf, &before, sizeof(conf));
    }
}

static void test_nesting_is_bounded(void **state)
{
    char text[4096] = "";
    struct dhcp_conf conf;
    struct dhcp_conf_error error;

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        strcat(text, "group { ");
    assert_int_equal(parse(text, &conf, &error), -E_INVAL);
    assert_non_null(strstr(error.text, "nested more than 16 deep"));
}

static void test_too_small_an_arena_is_an_error_at_every_size(void **state)
{
    static const char text[] =
        "option domain-name \"example.org\";\nclass \"c\" { match hardware; }\n"
        "subclass \"c\" 1:2:3;\n" SUBNET "host h { hardware ethernet 0:1:2:3:4:5; }";
    int err = -1;

    (void)state;
    for (size_t size = 0; err; size += 8) {
        uint8_t *exact = aligned_alloc(8, size ? size : 8);
        struct dhcp_conf_error error;
        struct dhcp_conf conf;

        assert_true(size <= dhcp_conf_arena_bytes(sizeof(text) - 1));
        err = dhcp_conf_parse(cs_of_str(text), cs_of(exact, size), &conf, &error);
        if (err) {
            assert_int_equal(err, -E_NOMEM);
            assert_non_null(strstr(error.text, "memory"));
        }
        free(exact);
    }
}

static void test_the_documented_arena_suffices_for_the_most_wasteful_files(void **state)
{
    static const char *const pieces[] = {"group{}", "class a%u{}", "option host-name\"\";",
                                         "subclass \"c\"1;",
                                         "host h%u{hardware ethernet 0:0:0:0:0:0;}"};

    (void)state;
    for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
        static char text[64 * 1024];
        size_t n = (size_t)snprintf(text, sizeof(text), "class\"c\"{match hardware;}" SUBNET);
        struct dhcp_conf_error error;
        struct dhcp_conf conf;
        void *memory;

        for (unsigned i = 0; i < 500; i++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, pieces[k], i);
        memory = malloc(dhcp_conf_arena_bytes(n));
        if (dhcp_conf_parse(cs_ro_of(text, n), cs_of(memory, dhcp_conf_arena_bytes(n)), &conf,
                            &error))
            fail_msg("%s: %s", pieces[k], error.text);
        free(memory);
    }
}

static void test_every_option_of_rfc_2132_has_isc_name(void **state)
{
    (void)state;
    for (unsigned code = 1; code <= 76; code++)
        assert_non_null(dhcp_option_name((uint8_t)code));
    assert_string_equal(dhcp_option_name(3), "routers");
    assert_string_equal(dhcp_option_name(119), "domain-search");
    assert_null(dhcp_option_name(0));
    assert_null(dhcp_option_name(255));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_of_charruas_manual_is_accepted),
        cmocka_unit_test(test_shared_networks_groups_pools_and_permits),
        cmocka_unit_test(test_every_type_of_option_value_becomes_its_wire_bytes),
        cmocka_unit_test(test_a_later_value_in_the_same_scope_replaces_the_earlier),
        cmocka_unit_test(test_an_error_names_line_column_what_was_found_and_expected),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_too_small_an_arena_is_an_error_at_every_size),
        cmocka_unit_test(test_the_documented_arena_suffices_for_the_most_wasteful_files),
        cmocka_unit_test(test_every_option_of_rfc_2132_has_isc_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
