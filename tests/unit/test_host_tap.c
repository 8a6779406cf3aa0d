/* SPDX-License-Identifier: ISC */
/* test_host_tap.c - the wire that is a TAP device, against Linux itself, in a network namespace
 * of the test's own; skipped where none can be made.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

#include <cmocka.h>

#include <morgana/cksum.h>

#include "platform/sim/wire.h"

static struct sim_tap tap;
static bool has_namespace;

/* An unprivileged namespace needs a user namespace; root does with the network alone. */
static int enter(void **state)
{
    (void)state;
    has_namespace = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    int fd = open("/dev/net/tun", O_RDWR);
    if (fd < 0)
        has_namespace = false;
    else
        close(fd);
    return 0;
}

static void set_address(const char *name, const char *address)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    strcpy(r.ifr_name, name);
    in.sin_addr.s_addr = inet_addr(address);
    memcpy(&r.ifr_addr, &in, sizeof(in));
    assert_int_equal(ioctl(s, SIOCSIFADDR, &r), 0);
    in.sin_addr.s_addr = inet_addr("255.255.255.0");
    memcpy(&r.ifr_netmask, &in, sizeof(in));
    assert_int_equal(ioctl(s, SIOCSIFNETMASK, &r), 0);
    r.ifr_flags = IFF_UP | IFF_NOARP;
    assert_int_equal(ioctl(s, SIOCSIFFLAGS, &r), 0);
    close(s);
}

static void need_tap(void)
{
    char why[256];
    if (!has_namespace)
        skip();
    if (sim_tap_open(&tap, "mtap0", why, sizeof(why)) < 0)
        fail_msg("%s", why);
    set_address("mtap0", "10.9.0.1");
}

/* The next UDP frame that Linux sent. */
static size_t receive(uint8_t *frame, size_t size, struct sim_meta *csum)
{
    struct iovec iov[2] = {{frame, 40}, {frame + 40, size - 40}};
    for (int i = 0; i < 100; i++) {
        struct pollfd fd = {.fd = tap.fd, .events = POLLIN};
        poll(&fd, 1, 50);
        size_t n = tap.wire.recv(&tap.wire, iov, 2, csum);
        if (n > 42 && frame[12] == 8 && frame[13] == 0 && frame[23] == 17)
            return n;
    }
    return 0;
}

static void test_a_frame_of_linuxs_own_arrives_blank(void **state)
{
    (void)state;
    uint8_t frame[2000];
    struct sim_meta csum;
    need_tap();
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};
    to.sin_addr.s_addr = inet_addr("10.9.0.2");
    assert_int_equal(sendto(s, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    size_t n = receive(frame, sizeof(frame), &csum);
    assert_int_equal(n, 47);
    assert_true(csum.blank);
    assert_int_equal(csum.start, 34);
    assert_int_equal(csum.off, 6);
    /* What stands in the field is the pseudo-header's sum. */
    struct cs_ro f = cs_ro_of(frame, n);
    uint32_t sum = cksum_pseudo4(cs_get_be32(f, 26), cs_get_be32(f, 30), 17, 13);
    assert_int_equal(cs_get_be16(f, 40), (uint16_t)~cksum_finish(sum));
    assert_memory_equal(frame + 42, "hello", 5);
    /* Nothing waits: recv does not block. */
    struct iovec iov = {frame, sizeof(frame)};
    while (tap.wire.recv(&tap.wire, &iov, 1, &csum) != 0)
        ;
    close(s);
    sim_tap_close(&tap);
}

static void test_a_blank_frame_in_pieces_is_completed_by_linux(void **state)
{
    (void)state;
    uint8_t frame[47] = {0}, got[16];
    need_tap();
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9)};
    assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
    struct cs f = cs_of(frame, sizeof(frame));
    memset(frame, 0xff, 6);
    cs_set_be16(f, 12, 0x0800);
    cs_set_be16(f, 14, 0x4500);
    cs_set_be16(f, 16, 33);
    cs_set_be16(f, 22, 0x4011);
    cs_set_be32(f, 26, 0x0a090002);
    cs_set_be32(f, 30, 0x0a090001);
    cs_set_be16(f, 24, cksum_finish(cksum_partial(cs_as_ro(cs_sub(f, 14, 20)), 0)));
    cs_set_be16(f, 34, 7);
    cs_set_be16(f, 36, 9);
    cs_set_be16(f, 38, 13);
    uint32_t sum = cksum_pseudo4(0x0a090002, 0x0a090001, 17, 13);
    cs_set_be16(f, 40, (uint16_t)~cksum_finish(sum));
    memcpy(frame + 42, "there", 5);
    struct iovec iov[3] = {{frame, 42}, {frame + 42, 2}, {frame + 44, 3}};
    struct sim_frame sent = {iov, 3, 47, {.blank = true, .start = 34, .off = 6}};
    assert_true(tap.wire.send(&tap.wire, &sent));
    struct pollfd fd = {.fd = s, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 5000), 1);
    assert_int_equal(recv(s, got, sizeof(got), 0), 5);
    assert_memory_equal(got, "there", 5);
    /* With a checksum that stands and is wrong, Linux drops it. */
    sent.meta.blank = false;
    assert_true(tap.wire.send(&tap.wire, &sent));
    assert_int_equal(poll(&fd, 1, 200), 0);
    close(s);
    sim_tap_close(&tap);
}

static void test_what_is_missing_is_said_in_one_line(void **state)
{
    (void)state;
    char why[256];
    static const char *const bad[] = {"", "a-name-that-is-far-too-long"};
    if (!has_namespace)
        skip();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(sim_tap_open(&tap, bad[i], why, sizeof(why)), -EINVAL);
        assert_non_null(strstr(why, "the name is no device's name"));
        assert_null(strchr(why, '\n'));
    }
    assert_int_equal(sim_tap_open(&tap, "lo", why, sizeof(why)), -EINVAL); /* no TAP */
    struct sim_tap first;
    assert_int_equal(sim_tap_open(&first, "mtap1", why, sizeof(why)), 0);
    assert_int_equal(sim_tap_open(&tap, "mtap1", why, sizeof(why)), -EBUSY);
    assert_non_null(strstr(why, "another program has it open"));
    sim_tap_close(&first);
    sim_tap_close(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_of_linuxs_own_arrives_blank),
        cmocka_unit_test(test_a_blank_frame_in_pieces_is_completed_by_linux),
        cmocka_unit_test(test_what_is_missing_is_said_in_one_line),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
