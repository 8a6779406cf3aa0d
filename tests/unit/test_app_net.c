/* SPDX-License-Identifier: ISC */
/* test_app_net.c - how a program comes to its address: ip=, or dhcp, whichever is said last. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/log.h>

#include "apps/common/net.c"

static struct net net = {.name = "prog"};
static struct args args;
static struct net_address got;

static int read_line(const char *line)
{
    char error[64];

    vplat_reset(1);
    log_init(plat_console_write, LOG_INFO);
    assert_int_equal(args_split(&args, "prog", cs_of_str(line), error, sizeof(error)), 0);
    got = (struct net_address){0};
    return read_address(&net, args.argc, args.argv, &got);
}

static bool by_dhcp(const char *line)
{
    assert_int_equal(read_line(line), 0);
    return net.by_dhcp;
}

static void test_without_a_word_it_is_dhcp(void **state)
{
    (void)state;
    assert_true(by_dhcp(""));
    assert_int_equal(got.addr, 0);
    assert_false(net.release);
    assert_true(by_dhcp("dhcp"));
    assert_true(by_dhcp("ip=dhcp"));
    assert_true(by_dhcp("port=7 log=debug"));
}

static void test_the_later_of_ip_and_dhcp_holds(void **state)
{
    (void)state;
    assert_false(by_dhcp("dhcp ip=10.0.0.5/16 gw=10.0.0.1"));
    assert_int_equal(got.addr, IP4_ADDR(10, 0, 0, 5));
    assert_int_equal(got.prefix_len, 16);
    assert_int_equal(got.gateway, IP4_ADDR(10, 0, 0, 1));
    assert_true(by_dhcp("ip=10.0.0.5/16 dhcp"));
    assert_int_equal(got.addr, 0);
    assert_true(by_dhcp("ip=10.0.0.5/16 ip=dhcp"));
    assert_false(by_dhcp("ip=dhcp ip=10.0.0.5/16"));
}

static void test_dhcp_may_name_the_address_it_had(void **state)
{
    (void)state;
    assert_true(by_dhcp("dhcp=10.0.0.9 dhcp-release"));
    assert_int_equal(got.addr, IP4_ADDR(10, 0, 0, 9));
    assert_true(net.release);
    assert_int_equal(read_line("dhcp=maybe"), -E_INVAL);
    assert_non_null(strstr(vplat_console(), "dhcp=maybe: expected an address like 10.0.0.1\n"));
    /* that it is not asked for anything, it need not be right */
    assert_false(by_dhcp("dhcp=maybe ip=10.0.0.5/16"));
}

static void test_a_gateway_by_hand_is_not_mixed_with_dhcp(void **state)
{
    (void)state;
    assert_true(by_dhcp("dhcp gw=10.0.0.1"));
    assert_non_null(strstr(vplat_console(), "gw=: ignored"));
    assert_int_equal(read_line("gw=x"), -E_INVAL);
}

static void test_a_bad_address_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_line("ip=10.0.0.5"), -E_INVAL);
    assert_int_equal(read_line("ip=DHCP"), -E_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_word_it_is_dhcp),
        cmocka_unit_test(test_the_later_of_ip_and_dhcp_holds),
        cmocka_unit_test(test_dhcp_may_name_the_address_it_had),
        cmocka_unit_test(test_a_gateway_by_hand_is_not_mixed_with_dhcp),
        cmocka_unit_test(test_a_bad_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
