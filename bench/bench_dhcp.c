/* SPDX-License-Identifier: ISC */
/* bench_dhcp.c - four-way exchanges a second in memory, with 100 to 65,536 leases in the table.
 *
 *     bench_dhcp                      the table
 *     bench_dhcp known|new N COUNT    COUNT exchanges after N leases, and nothing printed: for
 *                                     callgrind, whose counts for two values of COUNT give the
 *                                     instructions of one exchange (bench/run-b11 does so)
 *
 * An exchange is a DISCOVER and a REQUEST in, an OFFER and an ACK out; parsing, deciding,
 * writing the reply and committing are all counted. The clients ask for what dhclient asks for.
 *     known   a client that has a lease, picked at random from all N
 *     new     a client never seen before, while N leases are valid: with each one that begins, the
 *             oldest ends
 * Rounds of all rows run in turn; the medians are printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <morgana/dhcp_server.h>

#define ROUNDS 9
#define EXCHANGES_A_ROUND 40000u
#define LEASE_S 3600u
#define SERVER UINT32_C(0x0a000001)

static const char conf_text[] =
    "authoritative; ping-check off; default-lease-time 3600; min-lease-time 60;"
    "option domain-name \"example.org\"; option domain-name-servers 10.0.0.2, 10.0.0.3;"
    "subnet 10.0.0.0 netmask 255.0.0.0 { option routers 10.0.0.1; range 10.1.0.0 10.3.255.255; }";

struct row {
    bool new;
    uint32_t leases;
    struct dhcp_conf conf;
    struct dhcp_server server;
    struct dhcp_leases table;
    uint64_t now_ns, random;
    uint32_t next_client;
    uint64_t step_ns; /* new: time from one exchange to the next */
    double ns[ROUNDS];
};

static struct dhcp_out out;
static uint8_t reply[DHCP_REPLY_MAX], discover[DHCP_BYTES_MIN], request[DHCP_BYTES_MIN];
static size_t requested_off;

static void *alloc(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

    if (!p)
        abort();
    return p;
}

/* The two messages that a client sends; what differs from client to client is filled in later. */
static void make_message(uint8_t *to, enum dhcp_type type)
{
    static const uint8_t wanted[] = {1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42}, zero[16];
    struct dhcp_hdr hdr = {.op = BOOTREQUEST, .htype = 1, .hlen = 6, .chaddr = cs_ro_of(zero, 16)};
    struct dhcp_writer w;

    dhcp_write_begin(&w, cs_of(to, DHCP_BYTES_MIN), DHCP_BYTES_MIN, &hdr, false, NULL);
    dhcp_write_u8(&w, DHCP_OPT_TYPE, (uint8_t)type);
    if (type == DHCPREQUEST) {
        dhcp_write_u32(&w, DHCP_OPT_SERVER_ID, SERVER);
        dhcp_write_u32(&w, DHCP_OPT_REQUESTED_ADDR, 0);
        requested_off = (size_t)(w.area[DHCP_AREA_OPTIONS].base - to) - 4;
    }
    dhcp_write_opt(&w, DHCP_OPT_PARAMETERS, cs_ro_of(wanted, sizeof(wanted)));
    (void)dhcp_write_end(&w);
}

static void set_client(uint8_t *message, uint32_t n)
{
    cs_set_be32(cs_of(message, DHCP_BYTES_MIN), dhcp_hdr_xid_OFF, n * 2654435761u);
    message[dhcp_hdr_chaddr_OFF] = 2;
    cs_set_be32(cs_of(message, DHCP_BYTES_MIN), dhcp_hdr_chaddr_OFF + 2, n);
}

static void send_one(struct row *r, const uint8_t *message, enum dhcp_type want)
{
    struct dhcp_packet packet = {
        .bytes = cs_ro_of(message, DHCP_BYTES_MIN), .dst = UINT32_MAX, .our_addr = SERVER};

    if (dhcp_server_input(&r->server, &r->table, &packet, r->now_ns, &out) != DHCP_REPLY ||
        out.type != want) {
        fprintf(stderr, "bench_dhcp: not answered: %s\n", dhcp_reason_name(out.reason));
        exit(1);
    }
    dhcp_server_sent(&r->server, &r->table, &out, r->now_ns);
}

static void exchange(struct row *r, uint32_t client)
{
    set_client(discover, client);
    send_one(r, discover, DHCPOFFER);
    set_client(request, client);
    cs_set_be32(cs_of(request, DHCP_BYTES_MIN), requested_off, out.addr);
    send_one(r, request, DHCPACK);
}

static void exchanges(struct row *r, uint32_t count)
{
    while (count--) {
        if (r->new) {
            r->now_ns += r->step_ns;
            exchange(r, r->next_client++);
        } else {
            r->random = r->random * UINT64_C(6364136223846793005) + 1442695040888963407;
            exchange(r, (uint32_t)((r->random >> 32) * r->leases >> 32));
        }
    }
}

static void make_row(struct row *r, bool new, uint32_t leases)
{
    struct dhcp_server_conf sc = {.conf = &r->conf, .key = {7, 9}};
    size_t bytes = dhcp_conf_arena_bytes(sizeof(conf_text));
    struct dhcp_conf_error error;

    memset(r, 0, sizeof(*r));
    if (dhcp_conf_parse(cs_of_str(conf_text), cs_of(alloc(bytes), bytes), &r->conf, &error) != 0) {
        fprintf(stderr, "bench_dhcp: %s\n", error.text);
        exit(1);
    }
    /* new: a few more records, because a lease ends a second late. */
    sc.leases_max = new ? leases + leases / 8 + 64 : leases;
    sc.storage.len = dhcp_server_storage_bytes(&r->conf, sc.leases_max);
    sc.storage.base = alloc(sc.storage.len);
    if (dhcp_server_init(&r->server, &r->table, &sc) != 0)
        abort();
    r->new = new;
    r->leases = leases;
    r->now_ns = NS_PER_S;
    r->random = 1;
    r->step_ns = LEASE_S * NS_PER_S / leases;
    while (r->next_client < leases) {
        r->now_ns += new ? r->step_ns : 0;
        exchange(r, r->next_client++);
    }
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void table(void)
{
    static const uint32_t sizes[] = {100, 1000, 10000, 65536};
    static struct row rows[2 * ARRAY_SIZE(sizes)];

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        make_row(&rows[i], i >= ARRAY_SIZE(sizes), sizes[i % ARRAY_SIZE(sizes)]);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
            double start = seconds();

            exchanges(&rows[i], EXCHANGES_A_ROUND);
            rows[i].ns[round] = (seconds() - start) * 1e9 / EXCHANGES_A_ROUND;
        }
    printf("clients  leases  ns/exchange  exchanges/s\n");
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        double ns;

        qsort(rows[i].ns, ROUNDS, sizeof(double), ascending);
        ns = rows[i].ns[ROUNDS / 2];
        printf("%-7s  %6u  %11.0f  %11.0f\n", rows[i].new ? "new" : "known", rows[i].leases, ns,
               1e9 / ns);
    }
}

int main(int argc, char **argv)
{
    out.buf = cs_of(reply, sizeof(reply));
    make_message(discover, DHCPDISCOVER);
    make_message(request, DHCPREQUEST);
    if (argc == 4) {
        static struct row row;

        make_row(&row, strcmp(argv[1], "new") == 0, (uint32_t)atoi(argv[2]));
        exchanges(&row, (uint32_t)atoi(argv[3]));
    } else {
        table();
    }
    return 0;
}
