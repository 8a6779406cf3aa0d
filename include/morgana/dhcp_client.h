/* SPDX-License-Identifier: ISC */
/* dhcp_client.h - a DHCP client that does no I/O: from messages, answers to its questions and the
 * time to the next thing to do.
 *
 *     for (;;) {
 *         step.buf = room for a message;
 *         switch (dhcp_client_poll(&client, now_ns, &step)) {
 *         case DHCP_CLIENT_SEND:   send step.len bytes of step.buf from step.src to step.dst
 *         case DHCP_CLIENT_PROBE:  ask by ARP for step.addr, then dhcp_client_probed()
 *         case DHCP_CLIENT_USE:    client.lease is ours, or has changed: address, routes, MTU
 *         case DHCP_CLIENT_DROP:   step.addr is ours no more: not one packet from it
 *         case DHCP_CLIENT_WAIT:   until dhcp_client_poll_at(), or a message: dhcp_client_input()
 *         }
 *     }
 *
 * RFC 2131, 2132, 3396, 3442, 6842. It takes the first offer that will do. dhcp_client_udp.h is
 * the edge that does the I/O. */
#ifndef MORGANA_DHCP_CLIENT_H
#define MORGANA_DHCP_CLIENT_H

#include <morgana/dhcp_wire.h>

/* RFC 2131 figure 5, with PROBING between the acknowledgement and BOUND (section 4.4.1), and
 * STOPPED after a release. INIT and INIT-REBOOT are the wait before the first message. */
#define DHCP_CLIENT_STATES(S)                                                                      \
    S(INIT)                                                                                        \
    S(SELECTING)                                                                                   \
    S(REQUESTING)                                                                                  \
    S(REBOOTING)                                                                                   \
    S(PROBING)                                                                                     \
    S(BOUND)                                                                                       \
    S(RENEWING)                                                                                    \
    S(REBINDING)                                                                                   \
    S(STOPPED)
#define DHCP_CLIENT_STATE_CONST(name) DHCP_CLIENT_##name,
enum dhcp_client_state { DHCP_CLIENT_STATES(DHCP_CLIENT_STATE_CONST) DHCP_CLIENT_STATE_COUNT };
/* "?" for a number that is no state. Never NULL. */
const char *dhcp_client_state_name(enum dhcp_client_state state);

/* What became of a message. Names come from the same table. */
#define DHCP_CLIENT_ANSWERS(S)                                                                     \
    S(offer_taken)                                                                                 \
    S(acknowledged)                                                                                \
    S(refused) /* DHCPNAK: the address is not, or no longer, for us */                             \
    /* dropped: not for us, or nothing we wait for */                                              \
    S(malformed)    /* no DHCP message: counted by enum dhcp_wire_error too */                     \
    S(not_a_reply)  /* op is not BOOTREPLY */                                                      \
    S(other_client) /* chaddr is not ours */                                                       \
    S(other_xid)                                                                                   \
    S(bootp)           /* without option 53 */                                                     \
    S(other_client_id) /* RFC 6842 section 3 */                                                    \
    S(unexpected)      /* a type that nobody sends to clients, or not in this state */             \
    S(no_server_id)    /* none, or no host's address */                                            \
    S(other_server)                                                                                \
    /* dropped: an offer or acknowledgement that will not do */                                    \
    S(bad_address)   /* yiaddr is no host's address of its network, or the server's own */         \
    S(other_address) /* acknowledged is not what was asked for */                                  \
    S(bad_mask)                                                                                    \
    S(bad_lease_time) /* none, or under DHCP_CLIENT_LEASE_MIN_S */                                 \
    S(lease_over)     /* it would have ended before it came */
#define DHCP_CLIENT_ANSWER_CONST(name) DHCP_CLIENT_ANSWER_##name,
enum dhcp_client_answer { DHCP_CLIENT_ANSWERS(DHCP_CLIENT_ANSWER_CONST) DHCP_CLIENT_ANSWER_COUNT };
/* "?" for a number that is no answer. Never NULL. */
const char *dhcp_client_answer_name(enum dhcp_client_answer answer);

/* What was put right, or left out, in offers and acknowledgements that were taken. */
#define DHCP_CLIENT_NOTES(S)                                                                       \
    S(mask_missing)     /* of its class instead: /8, /16, /24 */                                   \
    S(times_bounded)    /* options 58 and 59 not in order: half and seven eighths instead */       \
    S(option_length)    /* an option of the wrong length: as if it were not there */               \
    S(routes_malformed) /* option 121 as a whole: option 3 instead */                              \
    S(routes_left_out)  /* more than there is room for, or no host's address */                    \
    S(servers_left_out) /* of options 3, 6, 42 likewise */                                         \
    S(mtu_ignored)      /* under DHCP_CLIENT_MTU_MIN */                                            \
    S(names_ignored)    /* options 12, 15: not a name */
#define DHCP_CLIENT_NOTE_CONST(name) DHCP_CLIENT_NOTE_##name,
enum dhcp_client_note { DHCP_CLIENT_NOTES(DHCP_CLIENT_NOTE_CONST) DHCP_CLIENT_NOTE_COUNT };
/* "?" for a number that is no note. Never NULL. */
const char *dhcp_client_note_name(enum dhcp_client_note note);

#define DHCP_CLIENT_LEASE_MIN_S 2u
#define DHCP_CLIENT_MTU_MIN 576u /* every host takes that: RFC 791; less is a trap */
#define DHCP_CLIENT_ROUTES_MAX 16u
#define DHCP_CLIENT_SERVERS_MAX 4u
#define DHCP_CLIENT_NAME_BYTES 64u    /* option 12, with its NUL */
#define DHCP_CLIENT_DOMAIN_BYTES 254u /* option 15, with its NUL */
#define DHCP_CLIENT_ID_MAX 32u

struct dhcp_client_route {
    uint32_t dst, gateway; /* gateway 0: dst is on the link (RFC 3442) */
    uint8_t prefix_len;
};

/* A lease as a server gave it, checked. Addresses in host order; 0, "": not given. */
struct dhcp_client_lease {
    uint32_t addr, server;
    uint8_t prefix_len;
    uint32_t lease_s, t1_s, t2_s; /* DHCP_INFINITE: for ever, and the others too */
    uint32_t broadcast;           /* option 28, told only */
    uint16_t mtu;                 /* option 26: DHCP_CLIENT_MTU_MIN.. */
    /* option 121, or the first of option 3 as the default route */
    uint8_t route_count, dns_count, ntp_count;
    struct dhcp_client_route routes[DHCP_CLIENT_ROUTES_MAX];
    uint32_t dns[DHCP_CLIENT_SERVERS_MAX], ntp[DHCP_CLIENT_SERVERS_MAX];
    char host_name[DHCP_CLIENT_NAME_BYTES], domain[DHCP_CLIENT_DOMAIN_BYTES];
};

struct dhcp_client_conf {
    uint8_t mac[6];
    uint64_t key[2];        /* secret: from plat_entropy */
    struct cs_ro client_id; /* option 61, type byte and all, 2..32 bytes; empty: 1 and the MAC */
    struct cs_ro host_name; /* option 12, up to 63 bytes; empty: none. Kept */
    uint32_t remembered;    /* asks for this address first (INIT-REBOOT); 0: none */
    uint16_t reply_max;     /* longest message the link carries: option 57; 0: 548 */
    bool broadcast;         /* wants answers as broadcasts: it can receive nothing else yet */
    bool no_probe;          /* an address is used without asking who else has it */
};

struct dhcp_client_stats {
    uint64_t received, sent[DHCPINFORM + 1]; /* by enum dhcp_type */
    uint64_t retransmitted;                  /* of them */
    uint64_t answers[DHCP_CLIENT_ANSWER_COUNT];
    uint64_t malformed[DHCP_WIRE_ERROR_COUNT];
    uint64_t notes[DHCP_CLIENT_NOTE_COUNT];
    uint64_t leases, renewals; /* new ones; acknowledged again */
    uint64_t timeouts;         /* requests that nobody answered, in time */
    uint64_t conflicts, expiries;
};

/* What is to be done. */
enum dhcp_client_do {
    DHCP_CLIENT_WAIT,
    DHCP_CLIENT_SEND,
    DHCP_CLIENT_PROBE,
    DHCP_CLIENT_USE,
    DHCP_CLIENT_DROP
};

struct dhcp_client_step {
    struct cs buf; /* set by the caller: room for DHCP_BYTES_DEFAULT bytes; Lent */
    size_t len;    /* SEND */
    uint32_t src;  /* SEND: our address, or 0: it has none yet */
    uint32_t dst;  /* SEND: to port 67 there, from port 68 */
    uint8_t type;  /* SEND: enum dhcp_type */
    uint32_t addr; /* PROBE, DROP */
};

/* Caller's storage, about 7 KiB. `state`, `lease` (from USE to DROP), `stats` may be read. */
struct dhcp_client {
    struct dhcp_client_conf conf;
    uint8_t id[DHCP_CLIENT_ID_MAX];
    uint8_t id_len;
    enum dhcp_client_state state;
    struct dhcp_client_lease lease;
    uint32_t offered_addr, offered_server; /* REQUESTING: what was taken */
    bool in_use;                           /* between USE and DROP: `lease` is */
    /* what poll is still to hand out */
    bool do_probe, do_use, do_drop, do_decline, do_release;
    uint32_t drop_addr, decline_addr, decline_server;

    uint32_t xid;
    bool asking;       /* a message with this xid is out */
    unsigned tries;    /* messages sent in this state */
    unsigned failures; /* exchanges that came to nothing, one after the other */
    uint16_t secs;
    uint64_t began_at; /* of the search for an address: `secs` counts from here */
    uint64_t asked_at; /* when what is acknowledged was asked for: the lease counts from here */
    uint64_t next_at;  /* of the next message, or of INIT's end */
    uint64_t t1_at, t2_at, ends_at; /* of `lease`; NS_NEVER */

    uint64_t random_count;
    struct dhcp_client_stats stats;
    struct dhcp_msg msg; /* scratch */
};

/* Begins in INIT: the first message is due at once. Copies `conf`, and the client id; Keeps what
 * conf.host_name shows, as long as the client is used. Nothing else outlasts a call, and nothing
 * is to be undone: the storage is the caller's when it likes. -E_INVAL: a length out of its
 * range. */
int dhcp_client_init(struct dhcp_client *client, const struct dhcp_client_conf *conf,
                     uint64_t now_ns);
/* The next thing to do, and what belongs to it in *step, of which step->buf is Lent; call it until
 * it says WAIT. */
enum dhcp_client_do dhcp_client_poll(struct dhcp_client *client, uint64_t now_ns,
                                     struct dhcp_client_step *step);
/* When it must be polled again though nothing comes: an absolute time, or NS_NEVER. */
uint64_t dhcp_client_poll_at(const struct dhcp_client *client);
/* A UDP payload that came to port 68: what became of it. Lends bytes: what is kept of an
 * acknowledgement is copied into client->lease. */
enum dhcp_client_answer dhcp_client_input(struct dhcp_client *client, struct cs_ro bytes,
                                          uint64_t now_ns);
/* The answer to PROBE. in_use also at any time later, where another host claims the address:
 * DHCPDECLINE, DROP, and a new beginning no sooner than 10 s later. */
void dhcp_client_probed(struct dhcp_client *client, bool in_use, uint64_t now_ns);
/* The link came up again; it may be another network: a lease is verified (INIT-REBOOT), what was
 * going on begins anew. */
void dhcp_client_link_up(struct dhcp_client *client, uint64_t now_ns);
/* Gives the address back and stops. SEND and DROP follow, where there is a lease. */
void dhcp_client_release(struct dhcp_client *client);
/* Is there an address in use? */
static inline bool dhcp_client_has_lease(const struct dhcp_client *client)
{
    return client->in_use;
}

#endif
