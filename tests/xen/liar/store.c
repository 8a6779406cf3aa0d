/* SPDX-License-Identifier: ISC */
/* store.c - as much of xenstore as the liar needs, by xenstored's socket (public/io/xs_wire.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "liar.h"

#include <xen/io/xs_wire.h>

static int fd = -1;

void store_open(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/run/xenstored/socket"};

    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        die("xenstored: %s", strerror(errno));
}

static void transfer(bool out, void *bytes, size_t n)
{
    for (char *p = bytes; n > 0;) {
        ssize_t did = out ? write(fd, p, n) : read(fd, p, n);

        if (did <= 0)
            die("xenstored: %s", did < 0 ? strerror(errno) : "gone");
        p += did;
        n -= (size_t)did;
    }
}

/* Asks, and waits for the answer: its text, with a 0 behind it. NULL: an error, in `reply`. */
static const char *ask(uint32_t type, const void *payload, size_t len)
{
    static char reply[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg msg = {.type = type, .len = (uint32_t)len};
    char copy[512];

    if (len > sizeof(copy))
        die("xenstore: too long");
    memcpy(copy, payload, len);
    transfer(true, &msg, sizeof(msg));
    transfer(true, copy, len);
    transfer(false, &msg, sizeof(msg));
    if (msg.len > XENSTORE_PAYLOAD_MAX)
        die("xenstore: a reply of %u bytes", msg.len);
    transfer(false, reply, msg.len);
    reply[msg.len] = '\0';
    return msg.type == XS_ERROR ? NULL : reply;
}

void store_write(const char *dir, const char *key, const char *value)
{
    char text[512];
    int path = snprintf(text, sizeof(text), "%s/%s", dir, key) + 1;
    size_t len = strlen(value);

    if ((size_t)path + len > sizeof(text))
        die("xenstore: too long");
    memcpy(text + path, value, len);
    if (ask(XS_WRITE, text, (size_t)path + len) == NULL)
        die("xenstore: %s cannot be written", text);
}

void store_rm(const char *path)
{
    (void)ask(XS_RM, path, strlen(path) + 1);
}

void store_make(const char *path, unsigned owner, unsigned reader)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "%s%cn%u%cr%u", path, 0, owner, 0, reader) + 1;

    (void)ask(XS_MKDIR, path, strlen(path) + 1);
    if (ask(XS_SET_PERMS, text, (size_t)len) == NULL)
        die("xenstore: %s: permissions", path);
}

unsigned store_number(const char *dir, const char *key, unsigned otherwise)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "%s/%s", dir, key) + 1;
    const char *value = ask(XS_READ, text, (size_t)len);

    return value != NULL ? (unsigned)strtoul(value, NULL, 10) : otherwise;
}
