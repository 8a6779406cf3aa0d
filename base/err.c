/* SPDX-License-Identifier: ISC */
/* err.c - the names of error codes. */
#include <morgana/base.h>
#include <morgana/err.h>

static const struct {
    int err;
    const char *name;
} names[] = {
    {0, "0"},
    {E_PERM, "EPERM"},
    {E_NOENT, "ENOENT"},
    {E_IO, "EIO"},
    {E_2BIG, "E2BIG"},
    {E_BADF, "EBADF"},
    {E_AGAIN, "EAGAIN"},
    {E_NOMEM, "ENOMEM"},
    {E_ACCES, "EACCES"},
    {E_BUSY, "EBUSY"},
    {E_EXIST, "EEXIST"},
    {E_NODEV, "ENODEV"},
    {E_INVAL, "EINVAL"},
    {E_NOSPC, "ENOSPC"},
    {E_ROFS, "EROFS"},
    {E_PIPE, "EPIPE"},
    {E_NOSYS, "ENOSYS"},
    {E_PROTO, "EPROTO"},
    {E_MSGSIZE, "EMSGSIZE"},
    {E_ADDRINUSE, "EADDRINUSE"},
    {E_ADDRNOTAVAIL, "EADDRNOTAVAIL"},
    {E_NETDOWN, "ENETDOWN"},
    {E_CONNRESET, "ECONNRESET"},
    {E_NOTCONN, "ENOTCONN"},
    {E_TIMEDOUT, "ETIMEDOUT"},
    {E_CONNREFUSED, "ECONNREFUSED"},
    {E_HOSTUNREACH, "EHOSTUNREACH"},
};

const char *err_name(int err)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (err == names[i].err || err == -names[i].err)
            return names[i].name;
    }
    return "E?";
}
