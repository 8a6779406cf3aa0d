/* SPDX-License-Identifier: ISC */
/* test_netfront_reads.c - how often netfront reads what it shares with the backend (XSA-155). */
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/netfront/peer.c"

#include <cmocka.h>

/* The ring's page is made inaccessible; each access faults, is noted, and is let through
 * as a single step of the CPU. So every instruction that touches the page is seen, and what it
 * touched. */
static struct {
    uint8_t *page;
    uint32_t count[4096];
    uint32_t total;
} watched;

static void on_access(int signal, siginfo_t *info, void *context)
{
    ucontext_t *cpu = context;

    (void)signal;
    if ((uint8_t *)info->si_addr < watched.page || (uint8_t *)info->si_addr >= watched.page + 4096)
        abort();
    watched.count[(uint8_t *)info->si_addr - watched.page]++;
    watched.total++;
    mprotect(watched.page, 4096, PROT_READ | PROT_WRITE);
    cpu->uc_mcontext.gregs[REG_EFL] |= 0x100; /* trap after one instruction */
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    ucontext_t *cpu = context;

    (void)signal, (void)info;
    mprotect(watched.page, 4096, PROT_NONE);
    cpu->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}

static void watch(void *page)
{
    struct sigaction access = {.sa_flags = SA_SIGINFO}, step = {.sa_flags = SA_SIGINFO};

    access.sa_sigaction = on_access;
    step.sa_sigaction = on_step;
    memset(&watched, 0, sizeof(watched));
    watched.page = page;
    sigaction(SIGSEGV, &access, NULL);
    sigaction(SIGTRAP, &step, NULL);
    mprotect(page, 4096, PROT_NONE);
}

static void unwatch(void)
{
    mprotect(watched.page, 4096, PROT_READ | PROT_WRITE);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGTRAP, SIG_DFL);
}

/* Answers the next receive request with these words. */
static void answer(uint16_t offset, uint16_t rxf, int16_t status)
{
    struct peer_rx_req req;

    assert_true(peer_rx_take(&req));
    peer_rx_answer(req.id, offset, rxf, status);
    peer_rx_push();
}

static void test_rx_responses_are_read_once(void **state)
{
    struct pkt *got[8];
    unsigned n;

    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    assert_int_equal(peer_open(), 0);
    answer(0, NETRXF_data_validated, 100);
    answer(0, NETRXF_csum_blank | NETRXF_more_data, 100);
    answer(10, 0, 200);
    answer(0, 0, -1);
    answer(0, 0, 5);
    watch(peer.nf->queue[0].rx.ring.shared);
    n = netdev_rx(peer.dev, got, 8);
    unwatch();
    assert_int_equal(n, 2);
    while (n > 0)
        pkt_put(got[--n]);
    /* rsp_prod once; each of five slots once; nothing else. */
    assert_int_equal(watched.count[8], 1);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(watched.count[64 + 8 * i], 1);
    assert_int_equal(watched.total, 6);
    peer_stop(0);
}

static void test_tx_responses_are_read_once(void **state)
{
    struct pkt *none[1];

    (void)state;
    peer_start(&(struct peer_conf){.seed = 1});
    assert_int_equal(peer_open(), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(netdev_tx(peer.dev, peer_packet(60, 0)), 0);
    netdev_tx_flush(peer.dev);
    peer_tx_all();
    watch(peer.nf->queue[0].tx.ring.shared);
    netdev_rx(peer.dev, none, 1);
    unwatch();
    assert_int_equal(watched.count[8], 1);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(watched.count[64 + 12 * i], 1);
    assert_int_equal(watched.total, 6);
    peer_stop(0);
}

/* Not even for the log, which names it. */
static void test_refused_response_index_is_read_once(void **state)
{
    struct pkt *none[1];

    (void)state;
    for (unsigned tx = 0; tx < 2; tx++) {
        struct ring_shared *shared;

        peer_start(&(struct peer_conf){.seed = 1});
        assert_int_equal(peer_open(), 0);
        shared = tx != 0 ? peer.tx.shared : peer.rx.shared;
        shared->rsp_prod += 1000;
        watch(shared);
        netdev_rx(peer.dev, none, 1);
        unwatch();
        assert_int_equal(peer.nf->violation, tx != 0 ? NETFRONT_TX_RSP_PROD : NETFRONT_RX_RSP_PROD);
        assert_int_equal(watched.count[8], 1);
        assert_int_equal(watched.total, 1);
        peer_stop(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rx_responses_are_read_once),
        cmocka_unit_test(test_tx_responses_are_read_once),
        cmocka_unit_test(test_refused_response_index_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
