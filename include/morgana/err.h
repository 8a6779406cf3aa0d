/* SPDX-License-Identifier: ISC */
/* err.h - the error codes of every `int` result: 0 or a positive count is success, a negative
 * E_ code is failure.
 *
 * The numbers are errno's of Linux and of Xen (public/errno.h), so that logs and hypercall results
 * read alike. */
#ifndef MORGANA_ERR_H
#define MORGANA_ERR_H

enum {
    E_PERM = 1,       /* not permitted */
    E_NOENT = 2,      /* no such entry */
    E_IO = 5,         /* the device or the peer failed */
    E_2BIG = 7,       /* argument too long */
    E_BADF = 9,       /* a handle that is closed, stale, or of another stack */
    E_AGAIN = 11,     /* not now; the argument stays with the caller; ask again after a wake-up */
    E_NOMEM = 12,     /* a fixed pool or table is empty */
    E_ACCES = 13,     /* access denied */
    E_BUSY = 16,      /* in use */
    E_EXIST = 17,     /* exists already */
    E_NODEV = 19,     /* no such device, or it is gone */
    E_INVAL = 22,     /* a value outside its documented range */
    E_NOSPC = 28,     /* the result does not fit */
    E_ROFS = 30,      /* read-only: device, partition or file system */
    E_PIPE = 32,      /* sending was shut down */
    E_NOSYS = 38,     /* the hypervisor or target does not have it */
    E_PROTO = 71,     /* the peer broke the protocol */
    E_MSGSIZE = 90,   /* message too long */
    E_ADDRINUSE = 98, /* address in use */
    E_ADDRNOTAVAIL = 99, /* not an address of ours */
    E_NETDOWN = 100,     /* link or interface is down */
    E_CONNRESET = 104,   /* the peer reset the connection */
    E_NOTCONN = 107,     /* not connected */
    E_TIMEDOUT = 110,    /* the deadline passed */
    E_CONNREFUSED = 111, /* nobody listens at that port */
    E_HOSTUNREACH = 113, /* no route, or the neighbour does not answer */
};

/* The name of an error: err_name(-E_AGAIN) and err_name(E_AGAIN) are "EAGAIN"; "E?" for a number
 * not listed above. */
const char *err_name(int err);

#endif
