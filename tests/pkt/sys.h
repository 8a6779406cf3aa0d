/* SPDX-License-Identifier: ISC */
/* sys.h - the system calls of scripts, said in tcp.h's and udp.h's words.
 *
 * What POSIX asks for beyond them (descriptors, blocking, errno that is told once) is kept here;
 * what the two do not have is refused as unsupported, so that no script passes by luck. */
#ifndef PKT_SYS_H
#define PKT_SYS_H

#include "flow.h"
#include "world.h"

enum personality { PERSON_MORGANA, PERSON_LINUX, PERSON_FREEBSD, PERSONS };

enum file_kind { FILE_NONE, FILE_TCP, FILE_UDP, FILE_EPOLL, FILE_PLAIN };
enum sock_state { SOCK_FRESH, SOCK_LISTENING, SOCK_CONNECTING, SOCK_CONNECTED, SOCK_CLOSED };

#define FILES_MAX 128
#define WATCHES_MAX 16

struct epoll_watch {
    int fd; /* -1: free */
    uint32_t events;
    int64_t data;
    bool spent;                 /* EPOLLONESHOT has fired */
    uint32_t was;               /* what was told last, for EPOLLET */
    uint64_t in_mark, out_mark; /* progress at that time */
};

struct file {
    enum file_kind kind;
    int fd;
    bool nonblock;
    enum sock_state state;
    tcp_t tcp;
    struct udp_sock *udp;
    struct flow *flow;
    uint32_t bound_ip, remote_ip;
    uint16_t bound_port, remote_port;
    bool shut_rd, shut_wr;
    bool error_told;        /* the error that ended it was given once */
    bool connect_told;      /* connect's end was told once */
    uint64_t read_bytes;    /* so far: where reads are in the stream */
    uint64_t spliced;       /* of a plain file: bytes read */
    uint64_t opt[TCP_OPTS]; /* given before there was a handle */
    bool opt_set[TCP_OPTS];
    int64_t plain[32]; /* options that only this layer keeps, by enum of sys_opt.c */
    struct epoll_watch watch[WATCHES_MAX];
};

struct sys {
    struct world *world;
    const struct script_conf *conf;
    enum personality person;
    struct flow *flows, *current;
    bool awaits_syn; /* the next SYN that comes in begins a connection */
    struct file files[FILES_MAX];
    struct file *newest; /* the socket that TCP_INFO is asked of where no connection has one */
    uint64_t random;     /* of the peer's ISNs */
};

enum call_status {
    CALL_DONE,
    CALL_BLOCKS,      /* try again after the stack did something */
    CALL_UNSUPPORTED, /* why says what */
    CALL_FAILED,      /* the arguments make no sense, or an out-argument differs: why */
};

struct call {
    const struct call_spec *spec;
    int64_t started_ns;
    int64_t result;
    int err;       /* errno where result is -1 */
    uint64_t done; /* bytes so far, of one that blocks */
    char why[240];
};

/* Tries a call; may be tried again while it says CALL_BLOCKS. */
enum call_status sys_call(struct sys *sys, struct call *call);
/* Result, errno as expected? */
bool sys_check(const struct sys *sys, struct call *call);
void sys_fini(struct sys *sys);

/* ---- for the parts of the layer -------------------------------------------------------------- */

typedef enum call_status (*sys_handler)(struct sys *sys, struct call *call);

struct file *sys_file(struct sys *sys, int fd);
/* NULL: call is done with EBADF. */
struct file *sys_arg_file(struct sys *sys, struct call *call, unsigned index);
/* A descriptor by the number that the script expects, or the next free one. */
struct file *sys_new_file(struct sys *sys, struct call *call, enum file_kind kind);
const struct expr *sys_arg(const struct call *call, unsigned index);
bool sys_arg_int(struct call *call, unsigned index, int64_t *out);
enum call_status sys_ok(struct call *call, int64_t result);
enum call_status sys_errno(struct call *call, int err);
enum call_status sys_unsupported(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum call_status sys_bad(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Where it would block: blocks, or EAGAIN. */
enum call_status sys_wait(struct call *call, const struct file *file, bool dontwait);

/* A number, symbol, `a | b`, or a list of one of them. */
bool sys_int(const struct expr *expr, int64_t *out);
const struct expr *sys_field(const struct expr *structure, const char *name);
bool sym_value(const char *name, int64_t *value);
const char *sym_errno(int err);

/* sys_sock.c */
enum call_status sys_socket(struct sys *sys, struct call *call);
enum call_status sys_bind(struct sys *sys, struct call *call);
enum call_status sys_listen(struct sys *sys, struct call *call);
enum call_status sys_accept(struct sys *sys, struct call *call);
enum call_status sys_connect(struct sys *sys, struct call *call);
enum call_status sys_shutdown(struct sys *sys, struct call *call);
enum call_status sys_close(struct sys *sys, struct call *call);
/* A UDP socket gets its port, where it has none. */
enum call_status sys_open_udp(struct sys *sys, struct call *call, struct file *file);
/* What tcp_error says, told once. */
int sys_take_error(struct sys *sys, struct file *file);
/* A connection is being made: its number on the wire, in `file->flow`. */
struct flow *sys_new_flow(struct sys *sys, uint8_t proto, uint16_t local_port,
                          uint16_t remote_port);
/* sys_io.c */
enum call_status sys_read(struct sys *sys, struct call *call);
enum call_status sys_recv(struct sys *sys, struct call *call);
enum call_status sys_recvfrom(struct sys *sys, struct call *call);
enum call_status sys_readv(struct sys *sys, struct call *call);
enum call_status sys_recvmsg(struct sys *sys, struct call *call);
enum call_status sys_write(struct sys *sys, struct call *call);
enum call_status sys_send(struct sys *sys, struct call *call);
enum call_status sys_sendto(struct sys *sys, struct call *call);
enum call_status sys_writev(struct sys *sys, struct call *call);
enum call_status sys_sendmsg(struct sys *sys, struct call *call);
enum call_status sys_open(struct sys *sys, struct call *call);
enum call_status sys_sendfile(struct sys *sys, struct call *call);
/* sys_opt.c */
enum call_status sys_getsockopt(struct sys *sys, struct call *call);
enum call_status sys_setsockopt(struct sys *sys, struct call *call);
enum call_status sys_fcntl(struct sys *sys, struct call *call);
enum call_status sys_ioctl(struct sys *sys, struct call *call);
/* Options given before there was a handle. */
void sys_apply_options(struct sys *sys, struct file *file);
/* sys_poll.c */
enum call_status sys_poll(struct sys *sys, struct call *call);
enum call_status sys_epoll_create(struct sys *sys, struct call *call);
enum call_status sys_epoll_ctl(struct sys *sys, struct call *call);
enum call_status sys_epoll_wait(struct sys *sys, struct call *call);
/* sys_info.c: a name of TCP_INFO for the code of a script; false: none such. */
bool sys_info_var(struct sys *sys, const char *name, int64_t *value);
/* How many sockets are in a state: "TIME_WAIT", as sockstat prints it. */
unsigned sys_count_state(struct sys *sys, const char *state);

#endif
