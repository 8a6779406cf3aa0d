/* SPDX-License-Identifier: ISC */
/* sys_io.c - calls that move data. Bytes follow a pattern of their place in the stream: what is
 * read must be what the script's peer sent there. */
#include <stdlib.h>
#include <string.h>

#include "sys.h"

enum {
    M_OOB = 1,
    M_PEEK = 2,
    M_TRUNC = 0x20,
    M_DONTWAIT = 0x40,
    M_EOR = 0x80,
    M_WAITALL = 0x100,
    M_ERRQUEUE = 0x2000,
    M_MORE = 0x8000,
    M_ZEROCOPY = 0x4000000,
    M_FASTOPEN = 0x20000000,
    M_EOF = 0x40000000,
};

#define CHUNK (1u << 20)

static struct tcp *tcp_of(struct sys *sys)
{
    return &sys->world->tcp;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool right_bytes(struct call *call, const struct file *file, const uint8_t *bytes, size_t n,
                        uint64_t from)
{
    for (size_t i = 0; file->flow != NULL && i < n; i++)
        if (bytes[i] != flow_inbound_byte((uint32_t)(from + i))) {
            sys_bad(call, "byte %llu of what was received is not what was sent",
                    (unsigned long long)(from + i));
            return false;
        }
    return true;
}

/* How reading ends where there is nothing to read: errno of a negative E_ code, told once. */
static enum call_status no_bytes(struct sys *sys, struct call *call, struct file *file, int error,
                                 bool dontwait)
{
    if (call->done > 0)
        return sys_ok(call, (int64_t)call->done);
    if (error == 0 || file->shut_rd)
        return sys_ok(call, 0);
    if (error == -E_AGAIN || (error == -E_NOTCONN && file->state == SOCK_CONNECTING))
        return sys_wait(call, file, dontwait);
    if (error == -E_BADF || error == -E_NOTCONN)
        return sys_errno(call, -error);
    error = sys_take_error(sys, file);
    return error != 0 ? sys_errno(call, error) : sys_ok(call, 0);
}

static enum call_status peek_tcp(struct sys *sys, struct call *call, struct file *file, size_t n,
                                 bool dontwait)
{
    struct cs_ro views[64];
    int got = tcp_recv_peek(tcp_of(sys), file->tcp, views, 64);
    size_t total = 0;

    if (got <= 0)
        return no_bytes(sys, call, file, got, dontwait);
    for (int i = 0; i < got && total < n; i++) {
        size_t part = size_min(views[i].len, n - total);

        if (!right_bytes(call, file, views[i].base, part, file->read_bytes + total))
            return CALL_FAILED;
        total += part;
    }
    return sys_ok(call, (int64_t)total);
}

/* Linux: MSG_TRUNC on TCP throws the bytes away. */
static enum call_status discard_tcp(struct sys *sys, struct call *call, struct file *file, size_t n,
                                    bool dontwait)
{
    int pending = tcp_recv_pending(tcp_of(sys), file->tcp, NULL);
    struct cs_ro view;
    uint32_t take;

    if (pending <= 0)
        return no_bytes(sys, call, file, tcp_recv_peek(tcp_of(sys), file->tcp, &view, 1), dontwait);
    take = (uint32_t)size_min((size_t)pending, n);
    (void)tcp_recv_consume(tcp_of(sys), file->tcp, take, sys->world->now);
    file->read_bytes += take;
    return sys_ok(call, take);
}

static enum call_status read_tcp(struct sys *sys, struct call *call, struct file *file, size_t n,
                                 int64_t flags)
{
    static uint8_t buffer[CHUNK];
    bool dontwait = (flags & M_DONTWAIT) != 0;

    if (file->state == SOCK_FRESH || file->state == SOCK_LISTENING)
        return sys_errno(call, E_NOTCONN);
    if ((flags & (M_ERRQUEUE | M_OOB)) != 0)
        return sys_unsupported(call, (flags & M_OOB) != 0 ? "MSG_OOB" : "MSG_ERRQUEUE");
    if ((flags & M_PEEK) != 0)
        return peek_tcp(sys, call, file, n, dontwait);
    if ((flags & M_TRUNC) != 0)
        return discard_tcp(sys, call, file, n, dontwait);
    while (call->done < n) {
        size_t want = size_min(n - (size_t)call->done, sizeof(buffer));
        int got = tcp_recv(tcp_of(sys), file->tcp, cs_of(buffer, want), sys->world->now);

        if (got <= 0) {
            if (got == -E_AGAIN && (flags & M_WAITALL) != 0 && !file->nonblock && !dontwait)
                return CALL_BLOCKS;
            return no_bytes(sys, call, file, got, dontwait);
        }
        if (!right_bytes(call, file, buffer, (size_t)got, file->read_bytes))
            return CALL_FAILED;
        file->read_bytes += (uint64_t)got;
        call->done += (uint64_t)got;
    }
    return sys_ok(call, (int64_t)call->done);
}

static enum call_status read_udp(struct sys *sys, struct call *call, struct file *file, size_t n,
                                 int64_t flags)
{
    struct udp_meta meta;
    struct pkt *pkt;
    int error;
    uint32_t len;

    (void)sys;
    if (file->udp == NULL)
        return sys_wait(call, file, (flags & M_DONTWAIT) != 0);
    error = -udp_error(file->udp);
    if (error != 0)
        return sys_errno(call, error);
    if ((flags & (M_PEEK | M_ERRQUEUE)) != 0)
        return sys_unsupported(call, "flags of recv() on UDP");
    if (udp_recv(file->udp, &meta, &pkt) != 0)
        return sys_wait(call, file, (flags & M_DONTWAIT) != 0);
    len = pkt->len;
    pkt_put(pkt);
    return sys_ok(call, (int64_t)((flags & M_TRUNC) != 0 ? len : size_min(len, n)));
}

/* The file that `n` bytes of `buffer` are read from or written to; NULL: *status is what to
 * return. */
static struct file *io_file(struct sys *sys, struct call *call, const struct expr *buffer,
                            int64_t n, enum call_status *status)
{
    struct file *file = sys_arg_file(sys, call, 0);
    int64_t null;

    if (file == NULL) {
        *status = call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
        return NULL;
    }
    if (n < 0) {
        *status = sys_errno(call, E_INVAL);
        return NULL;
    }
    if (buffer != NULL && n > 0 && buffer->kind != X_ELLIPSIS && sys_int(buffer, &null) &&
        null == 0) {
        *status = sys_errno(call, 14); /* EFAULT */
        return NULL;
    }
    return file;
}

static enum call_status do_read(struct sys *sys, struct call *call, const struct expr *buffer,
                                int64_t n, int64_t flags)
{
    enum call_status status;
    struct file *file = io_file(sys, call, buffer, n, &status);

    if (file == NULL)
        return status;
    if (file->kind == FILE_TCP)
        return read_tcp(sys, call, file, (size_t)n, flags);
    if (file->kind == FILE_UDP)
        return read_udp(sys, call, file, (size_t)n, flags);
    return sys_unsupported(call, "reading from anything but sockets");
}

enum call_status sys_read(struct sys *sys, struct call *call)
{
    int64_t n;

    if (!sys_arg_int(call, 2, &n))
        return CALL_FAILED;
    return do_read(sys, call, sys_arg(call, 1), n, 0);
}

enum call_status sys_recv(struct sys *sys, struct call *call)
{
    int64_t n, flags;

    if (!sys_arg_int(call, 2, &n) || !sys_arg_int(call, 3, &flags))
        return CALL_FAILED;
    return do_read(sys, call, sys_arg(call, 1), n, flags);
}

enum call_status sys_recvfrom(struct sys *sys, struct call *call)
{
    return sys_recv(sys, call);
}

/* [{..., 100}, {..., 200}] or one alone: how many bytes in all. */
static bool iov_bytes(const struct expr *iov, int64_t *total)
{
    *total = 0;
    if (iov->kind != X_LIST)
        return false;
    for (const struct expr *part = iov->kids; part != NULL; part = part->next) {
        int64_t n;

        if (part->kind != X_STRUCT || part->kids == NULL || part->kids->next == NULL)
            return false;
        if (!sys_int(part->kids->next->kind == X_FIELD ? part->kids->next->kids : part->kids->next,
                     &n))
            return false;
        *total += n;
    }
    return true;
}

enum call_status sys_readv(struct sys *sys, struct call *call)
{
    int64_t n;

    if (!iov_bytes(sys_arg(call, 1), &n))
        return sys_bad(call, "no vector of buffers");
    return do_read(sys, call, NULL, n, 0);
}

/* TCP_INQ: what is left to read; 1 where only the end is. */
static enum call_status check_control(struct sys *sys, struct call *call, const struct expr *list)
{
    struct file *file = sys_arg_file(sys, call, 0);

    for (const struct expr *item = list->kids; item != NULL; item = item->next) {
        const struct expr *type = sys_field(item, "cmsg_type"), *data;
        int64_t kind, want;
        int left;

        data = sys_field(item, "cmsg_data");
        if (type == NULL || data == NULL || !sys_int(type->kids, &kind) || kind != 36 ||
            !sys_int(data->kids, &want))
            return sys_unsupported(call, "this control message");
        left = tcp_recv_pending(tcp_of(sys), file->tcp, NULL);
        if (left <= 0)
            left = (tcp_ready(tcp_of(sys), file->tcp) & TCP_READY_EOF) != 0;
        if (left != want)
            return sys_bad(call, "TCP_CM_INQ says %d, not %lld", left, (long long)want);
    }
    return CALL_DONE;
}

enum call_status sys_recvmsg(struct sys *sys, struct call *call)
{
    const struct expr *msg = sys_arg(call, 1), *iov = sys_field(msg, "msg_iov");
    const struct expr *control = sys_field(msg, "msg_control");
    const struct expr *out_flags = sys_field(msg, "msg_flags");
    int64_t n = 0, flags, want;
    enum call_status status;

    if (!sys_arg_int(call, 2, &flags))
        return CALL_FAILED;
    if (iov != NULL && !iov_bytes(iov->kids, &n))
        return sys_bad(call, "no vector of buffers");
    status = do_read(sys, call, NULL, n, flags);
    if (status != CALL_DONE || call->result < 0)
        return status;
    if (out_flags != NULL && sys_int(out_flags->kids, &want) && want != 0)
        return sys_unsupported(call, "msg_flags");
    if (control != NULL && control->kids->kind == X_LIST)
        return check_control(sys, call, control->kids);
    return CALL_DONE;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum call_status write_ends(struct sys *sys, struct call *call, struct file *file, int error,
                                   bool dontwait)
{
    if (error == -E_AGAIN || (error == -E_NOTCONN && file->state == SOCK_CONNECTING)) {
        if (call->done > 0 && (file->nonblock || dontwait))
            return sys_ok(call, (int64_t)call->done);
        return sys_wait(call, file, dontwait);
    }
    if (call->done > 0)
        return sys_ok(call, (int64_t)call->done);
    if (error == -E_PIPE || error == -E_BADF)
        return sys_errno(call, -error);
    error = sys_take_error(sys, file);
    return sys_errno(call, error != 0 ? error : E_PIPE);
}

static enum call_status write_tcp(struct sys *sys, struct call *call, struct file *file, size_t n,
                                  int64_t flags)
{
    bool dontwait = (flags & M_DONTWAIT) != 0;

    if ((flags & (M_ZEROCOPY | M_FASTOPEN | M_EOR)) != 0)
        return sys_unsupported(call, (flags & M_FASTOPEN) != 0 ? "TCP Fast Open"
                                     : (flags & M_EOR) != 0    ? "MSG_EOR"
                                                               : "MSG_ZEROCOPY");
    if (file->state == SOCK_FRESH || file->state == SOCK_LISTENING)
        return sys_errno(call, sys->person == PERSON_FREEBSD ? E_NOTCONN : E_PIPE);
    if (file->shut_wr)
        return sys_errno(call, E_PIPE);
    if ((flags & M_MORE) != 0)
        (void)tcp_set(tcp_of(sys), file->tcp, TCP_OPT_CORK, 1, sys->world->now);
    while (call->done < n) {
        size_t want = size_min(n - (size_t)call->done, CHUNK);
        const uint8_t *bytes = flow_written(file->flow, want);
        int sent = tcp_send(tcp_of(sys), file->tcp, cs_ro_of(bytes, want), sys->world->now);

        flow_unwrite(file->flow, want - (sent > 0 ? (size_t)sent : 0));
        if (sent <= 0)
            return write_ends(sys, call, file, sent == 0 ? -E_AGAIN : sent, dontwait);
        call->done += (uint64_t)sent;
    }
    if ((flags & M_OOB) != 0)
        (void)tcp_send_urgent(tcp_of(sys), file->tcp);
    if ((flags & M_MORE) == 0 && (!file->opt_set[TCP_OPT_CORK] || file->opt[TCP_OPT_CORK] == 0))
        (void)tcp_set(tcp_of(sys), file->tcp, TCP_OPT_CORK, 0, sys->world->now);
    if ((flags & M_EOF) != 0) {
        (void)tcp_shutdown(tcp_of(sys), file->tcp, sys->world->now);
        file->shut_wr = true;
    }
    return sys_ok(call, (int64_t)n);
}

static enum call_status write_udp(struct sys *sys, struct call *call, struct file *file, size_t n)
{
    struct udp_meta meta = {.dst = sys->conf->remote_ip, .dst_port = sys->conf->connect_port};
    struct pkt *pkt;
    int error;

    if (file->udp == NULL && sys_open_udp(sys, call, file) == CALL_DONE && call->err != 0)
        return CALL_DONE;
    if (file->state == SOCK_CONNECTED) {
        meta.dst = file->remote_ip;
        meta.dst_port = file->remote_port;
    }
    error = -udp_error(file->udp);
    if (error != 0)
        return sys_errno(call, error);
    if (n > 65507)
        return sys_errno(call, E_MSGSIZE);
    pkt = pkt_alloc(sys->world->nif.conf.pool, PKT_HEADROOM_BYTES, 0);
    if (pkt == NULL)
        return sys_errno(call, 105);
    for (size_t i = 0; i < n; i += 1024) {
        static const uint8_t zeros[1024];

        if (pkt_append_copy(pkt, cs_ro_of(zeros, size_min(n - i, 1024))) != 0)
            break;
    }
    error = pkt->len == n ? udp_send(file->udp, &meta, pkt, sys->world->now) : -E_NOMEM;
    if (error != 0)
        pkt_put(pkt);
    return error != 0 ? sys_errno(call, -error) : sys_ok(call, (int64_t)n);
}

static enum call_status do_write(struct sys *sys, struct call *call, const struct expr *buffer,
                                 int64_t n, int64_t flags)
{
    enum call_status status;
    struct file *file = io_file(sys, call, buffer, n, &status);

    if (file == NULL)
        return status;
    if (file->kind == FILE_TCP)
        return write_tcp(sys, call, file, (size_t)n, flags);
    if (file->kind == FILE_UDP)
        return write_udp(sys, call, file, (size_t)n);
    return sys_unsupported(call, "writing to anything but sockets");
}

enum call_status sys_write(struct sys *sys, struct call *call)
{
    int64_t n;

    if (!sys_arg_int(call, 2, &n))
        return CALL_FAILED;
    return do_write(sys, call, sys_arg(call, 1), n, 0);
}

enum call_status sys_send(struct sys *sys, struct call *call)
{
    int64_t n, flags;

    if (!sys_arg_int(call, 2, &n) || !sys_arg_int(call, 3, &flags))
        return CALL_FAILED;
    return do_write(sys, call, sys_arg(call, 1), n, flags);
}

enum call_status sys_sendto(struct sys *sys, struct call *call)
{
    return sys_send(sys, call);
}

enum call_status sys_writev(struct sys *sys, struct call *call)
{
    int64_t n;

    if (!iov_bytes(sys_arg(call, 1), &n))
        return sys_bad(call, "no vector of buffers");
    return do_write(sys, call, NULL, n, 0);
}

enum call_status sys_sendmsg(struct sys *sys, struct call *call)
{
    const struct expr *iov = sys_field(sys_arg(call, 1), "msg_iov");
    int64_t n = 0, flags;

    if (!sys_arg_int(call, 2, &flags))
        return CALL_FAILED;
    if (iov != NULL && !iov_bytes(iov->kids, &n))
        return sys_bad(call, "no vector of buffers");
    return do_write(sys, call, NULL, n, flags);
}

enum call_status sys_open(struct sys *sys, struct call *call)
{
    return sys_new_file(sys, call, FILE_PLAIN) != NULL ? CALL_DONE : CALL_FAILED;
}

enum call_status sys_sendfile(struct sys *sys, struct call *call)
{
    int64_t n;

    if (!sys_arg_int(call, 3, &n))
        return CALL_FAILED;
    return do_write(sys, call, NULL, n, 0);
}
