/* SPDX-License-Identifier: ISC */
/* test_sim_disk_to_tcp.c - the page that a read of the disk filled goes out by TCP: nobody on the
 * way copies a byte. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "blkpair.h"
#include "tcprig.h"

enum { PIECES = 64, PIECE_PAGES = 4 };

static void test_a_page_goes_from_the_disk_to_tcp(void **state)
{
    static struct tcprig rig;
    struct sim_vbd_conf vbd = {.indirect_max = 256};
    struct tcprig_conf conf = {.mtu_bytes = 9000};
    uint64_t sent = 0, received = 0;
    tcp_t a, b;

    (void)state;
    tcprig_open(&rig, &conf);
    blkpair_start(&vbd, NULL, false, 1); /* behind it: the clock's hook is this one's */
    assert_int_equal(blkpair_open(), 0);
    tcprig_connect(&rig, &a, &b);
    for (unsigned i = 0; i < PIECES; i++) {
        struct page *pages[PIECE_PAGES];

        /* Pages of the stack's own pool: the disk fills them. */
        for (unsigned p = 0; p < PIECE_PAGES; p++) {
            pages[p] = page_get(&rig.end[0].pages);
            assert_non_null(pages[p]);
        }
        assert_int_equal(blkpair_do(BLK_READ, sent, pages, PIECE_PAGES), 0);
        for (unsigned p = 0; p < PIECE_PAGES; p++) {
            int err;

            while ((err = tcp_send_page(&rig.end[0].tcp, a, pages[p], 0, PAGE_BYTES,
                                        tcprig_now())) == -E_AGAIN)
                tcprig_run(&rig, NS_PER_MS);
            assert_int_equal(err, 0);
            sent += PAGE_BYTES;
        }
        while (received < sent) {
            uint8_t bytes[4096];
            int n = tcp_recv(&rig.end[1].tcp, b, cs_of(bytes, sizeof(bytes)), tcprig_now());

            if (n <= 0) {
                tcprig_run(&rig, NS_PER_MS);
                continue;
            }
            assert_memory_equal(bytes, blkpair.disk + received, (size_t)n);
            received += (uint64_t)n;
        }
    }
    assert_int_equal(blkpair.dev->stats.read_bytes, sent);
    assert_int_equal(blkpair.dev->stats.copied_bytes, 0);
    assert_int_equal(rig.end[0].tcp.stats.copied_bytes, 0);
    assert_int_equal(rig.end[0].pkts.stats.copied_bytes, 0);
    blkpair_stop();
    tcprig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_goes_from_the_disk_to_tcp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
