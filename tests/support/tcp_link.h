/* SPDX-License-Identifier: ISC */
/* tcp_link.h - a cable in virtual time with a TCP at each end: ours, lwIP's, or the test itself,
 * which speaks frame by frame. What one end sends passes a fault device; every frame of ours is
 * judged by the trace checker.
 *
 *     stack -> (spoiler) -> trace checker -> faults -> loopback = cable = loopback <- ...
 *
 * End 0 is 10.0.0.1 with 02:00:00:00:00:01, end 1 is 10.0.0.2 with ...:02. At tcp_link_free every
 * page, packet and record must be back.
 */
#ifndef TESTS_TCP_LINK_H
#define TESTS_TCP_LINK_H

#include <morgana/fault.h>
#include <morgana/loopback.h>
#include <morgana/tcp.h>

#include "lwip_end.h"
#include "tcp_trace_check.h"

enum tlink_kind { TLINK_OURS, TLINK_LWIP, TLINK_RAW };

struct tlink;

struct tlink_conf {
    uint64_t seed;
    enum tlink_kind kind[2];
    struct fault_dir dir[2];            /* what happens to frames from end i */
    const struct tcp_tuning *tuning[2]; /* NULL: tcp_tuning_default */
    uint32_t conns_max;                 /* of each end; 0: 16 */
    uint32_t syns_max, time_waits_max, segs_max;
    uint32_t pages;         /* of each end's pool, and TCP's budget less 256; 0: 4096 */
    uint16_t mtu_bytes;     /* 0: 1500 */
    bool csum;              /* the device does checksums */
    uint32_t gso_max_bytes; /* super-segments; only where no fault is wanted */
    bool no_trace;
    struct tcp_trace_conf trace;
    /* Stands between end i's stack and everything else; NULL: nothing does. Gives a device. */
    struct netdev *(*wrap[2])(void *arg, struct netdev *inner);
    void *wrap_arg;
    /* RAW: frames that reached it. Lends. */
    void (*raw)(struct tlink *link, const uint8_t *bytes, size_t len);
    void *arg; /* the test's */
};

struct tlink_end {
    enum tlink_kind kind;
    unsigned index;
    struct tlink *link;
    struct page_pool pages;
    struct pkt_pool pool;
    struct page *page_headers;
    struct pkt *pkts;
    uint8_t *page_memory;
    struct loopback loopback;
    struct fault fault;
    struct fault_entry *entries;
    struct tcp_trace_dev trace_dev;
    struct netdev *dev; /* the outermost */
    struct netif nif;
    struct arp_entry arp[64];
    struct ip4_frag_queue frags[1];
    struct tcp tcp;
    void *tcp_memory;
    struct lwip_end *lwip;
};

struct tlink {
    struct tlink_conf conf;
    struct tlink_end end[2];
    struct tcp_trace *trace;
    uint64_t wake_at; /* the test wants to be called again then, once */
};

#define TLINK_ADDR(e) IP4_ADDR(10, 0, 0, 1 + (e))
#define TLINK_MAC(e) (UINT64_C(0x020000000001) + (e))

struct tlink *tlink_new(const struct tlink_conf *conf);
/* Fails the test where something is not back. Connections must have ended. */
void tlink_free(struct tlink *link);
/* The same, but connections are forgotten (tcp_fini). */
void tlink_drop(struct tlink *link);

/* Polls both ends at this moment until they have nothing to do. */
void tlink_settle(struct tlink *link);
/* Goes to the next moment at which something happens, no later than `until_ns`, and settles; false:
 * nothing happens until then (the clock stands at `until_ns`, unless that is NS_NEVER). */
bool tlink_step(struct tlink *link, uint64_t until_ns);
/* Lets `ns` pass. */
void tlink_pass(struct tlink *link, uint64_t ns);

/* RAW: sends a frame to the other end. */
void tlink_raw_send(struct tlink *link, unsigned end, const uint8_t *bytes, size_t len);

/* ---- ours ----------------------------------------------------------------------------------- */

static inline struct tcp *tlink_tcp(struct tlink *link, unsigned end)
{
    return &link->end[end].tcp;
}

tcp_t tlink_listen(struct tlink *link, unsigned end, uint16_t port);
tcp_t tlink_connect(struct tlink *link, unsigned end, uint16_t port);
/* A connection of two of ours, from end 0: its handles. The listener stays. */
void tlink_open(struct tlink *link, tcp_t listener, uint16_t port, tcp_t conn[2]);

/* ---- bulk ----------------------------------------------------------------------------------- */

/* Both directions of a connection, whoever is at its ends. Set total before; FIN follows the last
 * byte. */
struct tlink_bulk {
    struct tlink *link;
    tcp_t conn[2];
    struct lwip_conn lwip[2];
    uint64_t total[2], sent[2], got[2]; /* got[e]: what end e received */
    bool keep_open;                     /* no FIN at the end */
    bool any_bytes;                     /* what comes may be wrong */
    bool by_page;                       /* tcp_send_page and tcp_recv_page */
    uint32_t read_max;                  /* most bytes read in a go; 0: all */
    uint64_t read_every_ns;             /* a slow reader; 0: at once */
    uint64_t read_at[2];
    bool shut[2], eof[2], failed[2];
    uint64_t opened_at, done_at[2]; /* done_at[e]: when end e had all of it */
};

/* Opens a connection from end 0 to end 1 and makes it established. False: it failed. */
bool tlink_bulk_open(struct tlink_bulk *bulk, struct tlink *link, uint16_t port);
/* Moves until all has arrived, or `until_ns`, an absolute time. True: all has. */
bool tlink_bulk_run(struct tlink_bulk *bulk, uint64_t until_ns);
/* One round at this moment; true: something was done. For tests with more than one. */
bool tlink_bulk_pump(struct tlink_bulk *bulk);
bool tlink_bulk_done(const struct tlink_bulk *bulk);
/* Ends both handles. */
void tlink_bulk_close(struct tlink_bulk *bulk);

#endif
