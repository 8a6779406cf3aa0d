/* SPDX-License-Identifier: ISC */
/* sym.c - the names that arguments are made of. The numbers are Linux's; what matters is that they
 * are the same everywhere in a script, whichever system it was written for. */
#include <string.h>

#include "sys.h"

struct symbol {
    const char *name;
    int64_t value;
};

static const struct symbol symbols[] = {
    {"NULL", 0},
    {"AF_UNSPEC", 0},
    {"AF_INET", 2},
    {"PF_INET", 2},
    {"AF_INET6", 10},
    {"SOCK_STREAM", 1},
    {"SOCK_DGRAM", 2},
    {"SOCK_RAW", 3},
    {"SOCK_NONBLOCK", 04000},
    {"SOCK_CLOEXEC", 02000000},
    {"IPPROTO_IP", 0},
    {"IPPROTO_ICMP", 1},
    {"IPPROTO_TCP", 6},
    {"IPPROTO_UDP", 17},
    {"IPPROTO_IPV6", 41},
    {"IPPROTO_SCTP", 132},
    {"IPPROTO_UDPLITE", 136},
    {"SOCK_SEQPACKET", 5},
    {"SOL_SOCKET", 1},
    {"SOL_IP", 0},
    {"SOL_TCP", 6},
    {"SOL_UDP", 17},
    {"SOL_IPV6", 41},
    {"O_RDONLY", 0},
    {"O_WRONLY", 1},
    {"O_RDWR", 2},
    {"O_NONBLOCK", 04000},
    {"F_GETFL", 3},
    {"F_SETFL", 4},
    {"FIONREAD", 0x541b},
    {"SIOCINQ", 0x541b},
    {"FIONWRITE", 0x5411},
    {"SIOCOUTQ", 0x5411},
    {"TIOCOUTQ", 0x5411},
    {"SIOCOUTQNSD", 0x894b},
    {"FIONSPACE", 0x40047676},
    {"FIONBIO", 0x5421},
    {"SIOCATMARK", 0x8905},
    {"SHUT_RD", 0},
    {"SHUT_WR", 1},
    {"SHUT_RDWR", 2},
    {"MSG_OOB", 1},
    {"MSG_PEEK", 2},
    {"MSG_DONTROUTE", 4},
    {"MSG_CTRUNC", 8},
    {"MSG_TRUNC", 0x20},
    {"MSG_DONTWAIT", 0x40},
    {"MSG_EOR", 0x80},
    {"MSG_WAITALL", 0x100},
    {"MSG_ERRQUEUE", 0x2000},
    {"MSG_NOSIGNAL", 0x4000},
    {"MSG_MORE", 0x8000},
    {"MSG_ZEROCOPY", 0x4000000},
    {"MSG_FASTOPEN", 0x20000000},
    {"MSG_EOF", 0x40000000},
    {"POLLIN", 1},
    {"POLLPRI", 2},
    {"POLLOUT", 4},
    {"POLLERR", 8},
    {"POLLHUP", 0x10},
    {"POLLNVAL", 0x20},
    {"POLLRDNORM", 0x40},
    {"POLLRDBAND", 0x80},
    {"POLLWRNORM", 0x100},
    {"POLLWRBAND", 0x200},
    {"POLLRDHUP", 0x2000},
    {"EPOLLIN", 1},
    {"EPOLLPRI", 2},
    {"EPOLLOUT", 4},
    {"EPOLLERR", 8},
    {"EPOLLHUP", 0x10},
    {"EPOLLRDNORM", 0x40},
    {"EPOLLRDBAND", 0x80},
    {"EPOLLWRNORM", 0x100},
    {"EPOLLWRBAND", 0x200},
    {"EPOLLRDHUP", 0x2000},
    {"EPOLLONESHOT", 1 << 30},
    {"EPOLLET", INT64_C(1) << 31},
    {"EPOLL_CTL_ADD", 1},
    {"EPOLL_CTL_DEL", 2},
    {"EPOLL_CTL_MOD", 3},
    {"IPTOS_LOWDELAY", 0x10},
    {"IPTOS_THROUGHPUT", 0x08},
    {"IPTOS_RELIABILITY", 0x04},
    {"IPTOS_MINCOST", 0x02},
    {"IPTOS_ECN_NOT_ECT", 0},
    {"IPTOS_ECN_ECT0", 2},
    {"IPTOS_ECN_ECT1", 1},
    {"IPTOS_DSCP_CS1", 0x20},
    {"IPTOS_DSCP_CS2", 0x40},
    {"IPTOS_DSCP_CS7", 0xe0},
    {"IPTOS_DSCP_EF", 0xb8},
    {"IP_PMTUDISC_DONT", 0},
    {"IP_PMTUDISC_WANT", 1},
    {"IP_PMTUDISC_DO", 2},
    {"TCP_CM_INQ", 36},
};

static const struct symbol errnos[] = {
    {"EPERM", 1},         {"ENOENT", 2},           {"EINTR", 4},          {"EIO", 5},
    {"EBADF", 9},         {"EAGAIN", 11},          {"EWOULDBLOCK", 11},   {"ENOMEM", 12},
    {"EACCES", 13},       {"EFAULT", 14},          {"EBUSY", 16},         {"EEXIST", 17},
    {"EINVAL", 22},       {"ENOSPC", 28},          {"EPIPE", 32},         {"EPROTO", 71},
    {"EOVERFLOW", 75},    {"ENOTSOCK", 88},        {"EDESTADDRREQ", 89},  {"EMSGSIZE", 90},
    {"ENOPROTOOPT", 92},  {"EPROTONOSUPPORT", 93}, {"EOPNOTSUPP", 95},    {"ENOTSUP", 95},
    {"EAFNOSUPPORT", 97}, {"EADDRINUSE", 98},      {"EADDRNOTAVAIL", 99}, {"ENETDOWN", 100},
    {"ENETUNREACH", 101}, {"ENETRESET", 102},      {"ECONNABORTED", 103}, {"ECONNRESET", 104},
    {"ENOBUFS", 105},     {"EISCONN", 106},        {"ENOTCONN", 107},     {"ESHUTDOWN", 108},
    {"ETIMEDOUT", 110},   {"ECONNREFUSED", 111},   {"EHOSTDOWN", 112},    {"EHOSTUNREACH", 113},
    {"EALREADY", 114},    {"EINPROGRESS", 115},    {"ENOKEY", 126},
};

static bool find(const struct symbol *table, size_t n, const char *name, int64_t *value)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0) {
            *value = table[i].value;
            return true;
        }
    return false;
}

bool sym_value(const char *name, int64_t *value)
{
    return find(symbols, sizeof(symbols) / sizeof(symbols[0]), name, value) ||
           find(errnos, sizeof(errnos) / sizeof(errnos[0]), name, value);
}

const char *sym_errno(int err)
{
    for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
        if (errnos[i].value == err)
            return errnos[i].name;
    return "an unknown errno";
}
