/* SPDX-License-Identifier: ISC */
/* dhcp_wire.h - DHCP messages (RFC 2131 section 2): bytes to struct, and struct to bytes. Pure:
 * no state, no decisions.
 *
 * Options are indexed by code as they are parsed. One that occurs several times, or lies in the
 * sname and file fields (option 52), is joined as RFC 3396 says. Options longer than 255 bytes
 * are split on output. */
#ifndef MORGANA_DHCP_WIRE_H
#define MORGANA_DHCP_WIRE_H

#include <morgana/err.h>
#include <morgana/field.h>

#define DHCP_HDR_FIELDS(F, p)                                                                      \
    F(p, u8, op)                                                                                   \
    F(p, u8, htype)                                                                                \
    F(p, u8, hlen)                                                                                 \
    F(p, u8, hops)                                                                                 \
    F(p, be32, xid)                                                                                \
    F(p, be16, secs)                                                                               \
    F(p, be16, flags)                                                                              \
    F(p, be32, ciaddr)                                                                             \
    F(p, be32, yiaddr)                                                                             \
    F(p, be32, siaddr)                                                                             \
    F(p, be32, giaddr)                                                                             \
    F(p, b16, chaddr)                                                                              \
    F(p, b64, sname)                                                                               \
    F(p, b128, file)
FIELD_TABLE(dhcp_hdr, DHCP_HDR_FIELDS)
STATIC_ASSERT(dhcp_hdr_SIZE == 236, "RFC 951 section 3");

#define DHCP_SERVER_PORT 67u
#define DHCP_CLIENT_PORT 68u
#define DHCP_COOKIE UINT32_C(0x63825363)
#define DHCP_OPTIONS_OFF (dhcp_hdr_SIZE + 4u) /* after the magic cookie */
#define DHCP_FLAG_BROADCAST UINT16_C(0x8000)
#define DHCP_HTYPE_ETHERNET 1u
#define DHCP_CHADDR_BYTES 16u
#define DHCP_BYTES_MIN 300u /* what relays and old clients expect at least (RFC 1542 section 2.1) */
#define DHCP_BYTES_MAX 4096u    /* longest message we read */
#define DHCP_BYTES_DEFAULT 548u /* what every client reads: 576 with headers (RFC 2131 section 2) */
#define DHCP_UDP_OVERHEAD 28u   /* option 57 counts the IP and UDP headers */
#define DHCP_REPLY_MAX 1472u    /* longest message we write: one Ethernet frame */
#define DHCP_INFINITE UINT32_C(0xffffffff) /* a lease without end (RFC 2131 section 3.3) */

#define DHCP_OPS(E)                                                                                \
    E(BOOTREQUEST, 1)                                                                              \
    E(BOOTREPLY, 2)
FIELD_ENUM(dhcp_op, DHCP_OPS)

/* Option 53. NONE is a BOOTP message, which has none. */
#define DHCP_TYPES(E)                                                                              \
    E(DHCP_NONE, 0)                                                                                \
    E(DHCPDISCOVER, 1)                                                                             \
    E(DHCPOFFER, 2)                                                                                \
    E(DHCPREQUEST, 3)                                                                              \
    E(DHCPDECLINE, 4)                                                                              \
    E(DHCPACK, 5)                                                                                  \
    E(DHCPNAK, 6)                                                                                  \
    E(DHCPRELEASE, 7)                                                                              \
    E(DHCPINFORM, 8)
FIELD_ENUM(dhcp_type, DHCP_TYPES)

/* The options that server and client themselves read or write; all others are just bytes. */
enum dhcp_opt_code {
    DHCP_OPT_PAD = 0,
    DHCP_OPT_SUBNET_MASK = 1,
    DHCP_OPT_ROUTERS = 3,
    DHCP_OPT_DNS = 6,
    DHCP_OPT_HOST_NAME = 12,
    DHCP_OPT_DOMAIN_NAME = 15,
    DHCP_OPT_MTU = 26,
    DHCP_OPT_BROADCAST = 28,
    DHCP_OPT_NTP = 42,
    DHCP_OPT_REQUESTED_ADDR = 50,
    DHCP_OPT_LEASE_TIME = 51,
    DHCP_OPT_OVERLOAD = 52,
    DHCP_OPT_TYPE = 53,
    DHCP_OPT_SERVER_ID = 54,
    DHCP_OPT_PARAMETERS = 55,
    DHCP_OPT_MESSAGE = 56,
    DHCP_OPT_MAX_SIZE = 57,
    DHCP_OPT_T1 = 58,
    DHCP_OPT_T2 = 59,
    DHCP_OPT_CLIENT_ID = 61,
    DHCP_OPT_AGENT = 82,             /* relay agent information, RFC 3046 */
    DHCP_OPT_SUBNET_SELECTION = 118, /* RFC 3011 */
    DHCP_OPT_ROUTES = 121,           /* classless static routes, RFC 3442 */
    DHCP_OPT_END = 255,
};

/* Sub-options of option 82. */
enum dhcp_agent_code {
    DHCP_AGENT_CIRCUIT_ID = 1,
    DHCP_AGENT_REMOTE_ID = 2,
    DHCP_AGENT_LINK_SELECTION = 5, /* RFC 3527 */
};

/* ---- in -------------------------------------------------------------------------------------- */

/* Why bytes are not a DHCP message. */
#define DHCP_WIRE_ERRORS(S)                                                                        \
    S(ok)                                                                                          \
    S(short_header)     /* fewer than 236 bytes */                                                 \
    S(too_long)         /* more than DHCP_BYTES_MAX */                                             \
    S(hardware_length)  /* hlen over 16 */                                                         \
    S(option_overrun)   /* an option reaches past the end of its field */                          \
    S(option_length)    /* an option of fixed length has another one */                            \
    S(option_overload)  /* option 52 is not 1, 2 or 3 */                                           \
    S(client_id_length) /* option 61: 2..255 bytes (RFC 2132 9.14, CVE-2010-2156) */
#define DHCP_WIRE_ERROR_CONST(name) DHCP_WIRE_##name,
enum dhcp_wire_error { DHCP_WIRE_ERRORS(DHCP_WIRE_ERROR_CONST) DHCP_WIRE_ERROR_COUNT };
/* "?" for a number that is no error. Never NULL. */
const char *dhcp_wire_error_name(enum dhcp_wire_error error);

/* Where an option's bytes lie: in the message, or from DHCP_BYTES_MAX on in `joined`. */
struct dhcp_msg_opt {
    uint16_t off, len;
};

/* A parsed message, host order. Views point into the bytes it was parsed from, which must stay.
 * About 5.5 KiB; needs no clearing. */
struct dhcp_msg {
    struct cs_ro bytes;
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr;
    struct cs_ro chaddr;      /* all 16 bytes; hlen of them count */
    struct cs_ro sname, file; /* empty where they hold options */
    bool has_cookie;          /* false: BOOTP without vendor data that we know */
    uint8_t type;             /* enum dhcp_type */
    uint8_t opt_count;        /* distinct codes, at most 254 */
    uint8_t slot[256];        /* by code: 0 absent, else its place in `opts` + 1 */
    struct dhcp_msg_opt opts[254];
    uint8_t joined[DHCP_BYTES_MAX];
};

/* Parses `bytes` (Lent as long as msg is used). DHCP_WIRE_ok, or why not: then msg's fields mean
 * nothing. */
enum dhcp_wire_error dhcp_parse(struct cs_ro bytes, struct dhcp_msg *msg);

/* Is the option there? It may be empty. */
static inline bool dhcp_msg_has(const struct dhcp_msg *msg, uint8_t code)
{
    return msg->slot[code] != 0;
}
/* Its bytes, without code and length; empty where it is absent. */
struct cs_ro dhcp_msg_opt(const struct dhcp_msg *msg, uint8_t code);
/* A four-byte option (address or time); false where it is absent. Its length was checked for
 * those listed in dhcp_wire.c. */
bool dhcp_msg_u32(const struct dhcp_msg *msg, uint8_t code, uint32_t *value);
/* A sub-option of option 82; false where absent or where the sub-options overrun. */
bool dhcp_msg_agent(const struct dhcp_msg *msg, uint8_t code, struct cs_ro *value);

/* ---- out ------------------------------------------------------------------------------------- */

/* The fixed part of a message to write; `chaddr` is 16 bytes, sname and file are cut to leave a
 * NUL. */
struct dhcp_hdr {
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr;
    struct cs_ro chaddr, sname, file;
};

enum { DHCP_AREA_OPTIONS, DHCP_AREA_FILE, DHCP_AREA_SNAME, DHCP_AREAS };

/* A message being written. Options go to the options field, and when that is full to `file` and
 * `sname` where those are unused (RFC 2132 section 9.3). The order is the caller's; option 82
 * comes last of all (RFC 3046 section 2.2). */
struct dhcp_writer {
    struct cs buf;
    struct cs area[DHCP_AREAS]; /* what is left of each; room for END, 52 and 82 is held back */
    struct cs_ro agent;         /* option 82's bytes, still to be written */
    bool has_agent;
    uint8_t overload;  /* value of option 52 so far */
    uint32_t left_out; /* options that did not fit: they are left out whole */
    size_t end;        /* capacity of the message */
};

/* Begins a message of at most `max` bytes in `buf` (Kept until dhcp_write_end): DHCP_BYTES_MIN
 * <= max <= buf.len. overload: use file and sname too. agent: view of the request's option 82,
 * to be echoed verbatim, or NULL; left out (and counted) where no room would be left beside it. */
void dhcp_write_begin(struct dhcp_writer *w, struct cs buf, size_t max, const struct dhcp_hdr *hdr,
                      bool overload, const struct cs_ro *agent);
/* Bytes that an option of `len` takes: each piece of at most 255 has its own code and length. */
size_t dhcp_opt_wire_bytes(size_t len);
/* Adds an option of up to 65535 bytes, split where longer than 255 (RFC 3396), a client id also
 * where it fits nowhere whole. False (and counted): it does not fit and is left out whole. */
bool dhcp_write_opt(struct dhcp_writer *w, uint8_t code, struct cs_ro data);
/* An option of one number, in network order; likewise. */
bool dhcp_write_u8(struct dhcp_writer *w, uint8_t code, uint8_t value);
bool dhcp_write_u32(struct dhcp_writer *w, uint8_t code, uint32_t value);
/* Ends it: 52, 82, END, padding to 300 bytes. Returns the message's length. */
size_t dhcp_write_end(struct dhcp_writer *w);

#endif
