/* SPDX-License-Identifier: ISC */
/* test_app_common.c - what programs share: SHA-256 against FIPS 180-4's examples, the table of
 * connections against a plain array, turns. */
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "apps/common/sha256.h"
#include "apps/common/table.h"
#include "apps/common/turns.h"
#include "tcprig.h"

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

/* ---- turns ----------------------------------------------------------------------------------- */

/* A server that takes a byte a turn. */
static struct {
    struct tcprig rig;
    struct turns turns;
    struct client {
        struct turn turn;
        uint32_t bytes;
    } client[2];
    unsigned ended;
} server;

static void serve(struct turn *turn, uint64_t now)
{
    struct client *client = (struct client *)turn;
    uint8_t byte;
    int n = tcp_recv(server.turns.tcp, turn->conn, cs_of(&byte, 1), now);

    assert_true(turn->conn != 0);
    if (n == 1) {
        client->bytes++;
        turns_more(&server.turns, turn);
        turns_more(&server.turns, turn); /* once is enough */
    } else if (n != -E_AGAIN) {
        assert_int_equal(n, 0);
        assert_int_equal(tcp_close(server.turns.tcp, turn->conn, now), 0);
        turns_end(&server.turns, turn);
        server.ended++;
    }
}

static void accept_all(uint64_t now)
{
    for (unsigned i = 0; i < 2; i++) {
        struct client *client = &server.client[i];
        tcp_t conn;

        if (client->turn.conn != 0 ||
            tcp_accept(server.turns.tcp, server.turns.listener, &conn) != 0)
            continue;
        *client = (struct client){.turn = client->turn};
        turns_begin(&server.turns, &client->turn, conn);
        serve(&client->turn, now);
    }
}

static tcp_t connect_and_send(uint32_t n)
{
    struct tcp_connect_conf conf = {.dst = tcprig_addr(1), .dst_port = TCPRIG_PORT};
    tcp_t conn;

    assert_int_equal(tcp_connect(&server.rig.end[0].tcp, &conf, tcprig_now(), &conn), 0);
    tcprig_run(&server.rig, NS_PER_MS);
    assert_int_equal(tcprig_send(&server.rig, 0, conn, 0, n), n);
    tcprig_run(&server.rig, NS_PER_MS);
    return conn;
}

/* Who has more to do waits for the others; who waits for a place gets that of one who left. */
static void test_turns(void **state)
{
    struct tcp_listen_conf listen = {.port = TCPRIG_PORT};
    tcp_t conn[3];

    (void)state;
    tcprig_open(&server.rig, NULL);
    server.turns =
        (struct turns){.tcp = &server.rig.end[1].tcp, .serve = serve, .accept_all = accept_all};
    assert_int_equal(tcp_listen(server.turns.tcp, &listen, &server.turns.listener), 0);
    assert_int_equal(turns_init(&server.turns, 2), 0);
    for (unsigned i = 0; i < 3; i++)
        conn[i] = connect_and_send(3 + i);
    assert_true(turns_all(&server.turns, tcprig_now()));
    assert_in_range(server.client[0].bytes, 1, 2);
    assert_in_range(server.client[1].bytes, 1, 2);
    while (turns_all(&server.turns, tcprig_now()))
        assert_in_range(server.client[1].bytes - server.client[0].bytes + 1, 0, 2);
    assert_int_equal(server.client[0].bytes, 3);
    assert_int_equal(server.client[1].bytes, 4);
    assert_int_equal(tcp_shutdown(&server.rig.end[0].tcp, conn[0], tcprig_now()), 0);
    tcprig_run(&server.rig, NS_PER_MS);
    while (turns_all(&server.turns, tcprig_now()))
        ;
    assert_int_equal(server.ended, 1);
    assert_int_equal(server.client[0].bytes, 5);
    assert_int_equal(server.client[1].bytes, 4);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tcp_abort(&server.rig.end[0].tcp, conn[i], tcprig_now()), 0);
    tcprig_run(&server.rig, NS_PER_MS);
    table_fini(&server.turns.table);
    tcprig_close(&server.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_standard),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_a_table_finds_what_an_array_finds),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
