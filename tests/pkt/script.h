/* SPDX-License-Identifier: ISC */
/* script.h - a script as a list of events: what parse.c makes and run.c carries out. */
#ifndef PKT_SCRIPT_H
#define PKT_SCRIPT_H

#include "lex.h"

/* ---- expressions: arguments and results of calls --------------------------------------------- */

enum expr_kind {
    X_INT,      /* num */
    X_WORD,     /* text: O_RDWR */
    X_STRING,   /* text; more: "..." followed by an ellipsis */
    X_ELLIPSIS, /* anything */
    X_LIST,     /* [a, b]: kids */
    X_STRUCT,   /* {a, name=b}: kids */
    X_FIELD,    /* name=value, name(num)=value: text, kids one */
    X_OR,       /* a | b: kids */
    X_CALL,     /* htons(8080): text, kids */
};

struct expr {
    enum expr_kind kind;
    unsigned line;
    int64_t num;
    const char *text;
    size_t len;
    struct expr *kids, *next;
};

/* ---- packets --------------------------------------------------------------------------------- */

enum {
    TF_FIN = 0x01,
    TF_SYN = 0x02,
    TF_RST = 0x04,
    TF_PSH = 0x08,
    TF_ACK = 0x10,
    TF_URG = 0x20,
    TF_ECE = 0x40,
    TF_CWR = 0x80,
    TF_AE = 0x100,
};

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17 };

enum { OPT_EOL, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACKOK, OPT_SACK, OPT_TS = 8, OPT_MD5 = 19 };
enum { OPT_USER_TIMEOUT = 28, OPT_FASTOPEN = 34, OPT_ACCECN0 = 172, OPT_ACCECN1 = 174 };
enum { OPT_EXPERIMENT = 254 };

#define OPTS_MAX 40u

struct tcp_option {
    uint8_t kind;
    uint8_t len;                    /* of data */
    bool val_any, ecr_any, ecr_abs; /* TS: "val ...", "ecr ...", "ecr 5!" */
    bool data_any;                  /* "md5 valid": any bytes will do */
    uint8_t data[40];
};

struct tcp_options {
    unsigned count;
    struct tcp_option opt[OPTS_MAX];
};

/* What of the second byte of IPv4 is given, or compared. */
enum tos_check { TOS_ANY, TOS_ECN, TOS_ECT01, TOS_DSCP, TOS_ALL };

struct ip_spec {
    uint8_t tos_check, tos;
    int16_t ttl; /* -1: not said */
};

struct icmp_spec {
    uint8_t type, code;
    int32_t mtu; /* -1: not said */
    uint16_t id;
    uint8_t echoed; /* protocol of the packet inside; 0: none */
    bool raw;       /* [raw (n)]: n bytes in all */
    uint32_t seq, len;
};

struct packet_spec {
    bool inbound;
    uint8_t proto;
    struct ip_spec ip;
    uint16_t src_port, dst_port; /* 0: those of the connection */
    /* TCP */
    uint16_t flags;
    bool ace; /* the three AccECN bits were given as a number: all are compared */
    uint32_t seq, len;
    bool seq_abs, seq_any, ack_given, ack_any;
    uint32_t ack;
    int32_t win; /* -1: not said */
    uint16_t urg;
    bool options_any;
    struct tcp_options options;
    struct icmp_spec icmp;
};

/* ---- events ---------------------------------------------------------------------------------- */

enum time_kind { TIME_ABSOLUTE, TIME_RELATIVE, TIME_ANY, TIME_NONE };
enum event_kind { EV_PACKET, EV_CALL, EV_COMMAND, EV_CODE };

struct call_spec {
    const char *name;
    bool blocking;  /* it has an end time */
    int64_t end_ns; /* as the event's times */
    struct expr *args;
    struct expr *result;
    const char *errname; /* "EAGAIN", NULL: not said */
};

struct event {
    struct event *next;
    unsigned line;
    enum time_kind time;
    bool range;
    int64_t at_ns, until_ns; /* until: of a range */
    enum event_kind kind;
    union {
        struct packet_spec packet;
        struct call_spec call;
        struct token text; /* of a command or code */
    } u;
};

/* ---- a script -------------------------------------------------------------------------------- */

/* --option lines, and the runner's own command line. */
struct script_conf {
    int64_t tolerance_ns;
    double tolerance_percent;
    uint32_t ts_tick_us; /* 0: TS values are only mapped, not timed */
    bool ts_ecr_scaled;
    bool strict_segments; /* one event, one segment: no gathering */
    bool strict_options;  /* order and padding of TCP options count */
    bool strict_end;      /* segments that no event took are a failure */
    uint32_t mtu, mss;    /* mss: of inbound super-segments; 0: the one negotiated */
    uint32_t local_ip, remote_ip, gateway_ip;
    uint16_t bind_port, connect_port;
    struct lex_defines defines;
};

struct script {
    const char *path;
    char *text;
    size_t text_len;
    struct lexed lexed;
    struct script_conf conf;
    struct event *events;
    char unsupported[160]; /* not empty: it asks for what no stack over IPv4 alone could do */
    struct arena {
        struct arena_block *blocks;
    } arena;
};

extern const struct script_conf script_conf_default;

/* Reads text (Takes: free()d by script_free) with options that stand before those in it. False:
 * error. A script that is understood, but asks for what is not supported, sets `unsupported`. */
bool script_parse(struct script *script, const char *path, char *text, size_t len,
                  const struct script_conf *conf, struct lex_error *error);
void script_free(struct script *script);
/* One --name=value, from a script or from the command line; false: error says why. Unknown ones
 * are passed over. */
bool script_option(struct script_conf *conf, const char *text, size_t len, char *unsupported,
                   size_t unsupported_len, struct lex_error *error);
/* Whether `text`, --name or --name=value, is one that script_option does not pass over. */
bool script_option_known(const char *text);

/* Zeroed memory that lives as long as the script. */
void *script_alloc(struct script *script, size_t bytes);
const char *script_text(struct script *script, const char *text, size_t len);

#endif
