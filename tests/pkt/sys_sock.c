/* SPDX-License-Identifier: ISC */
/* sys_sock.c - calls that begin and end connections. */
#include <stdlib.h>
#include <string.h>

#include "sys.h"

struct flow *sys_new_flow(struct sys *sys, uint8_t proto, uint16_t local_port, uint16_t remote_port)
{
    struct flow *flow = calloc(1, sizeof(*flow));

    if (flow == NULL)
        abort();
    flow->proto = proto;
    flow->local_ip = sys->conf->local_ip;
    flow->remote_ip = sys->conf->remote_ip;
    flow->local_port = local_port;
    flow->remote_port = remote_port;
    flow->next = sys->flows;
    sys->flows = flow;
    sys->current = flow;
    return flow;
}

enum call_status sys_socket(struct sys *sys, struct call *call)
{
    const struct expr *domain = sys_arg(call, 0);
    int64_t type, proto, family = 2;
    struct file *file;

    if (!sys_arg_int(call, 1, &type) || !sys_arg_int(call, 2, &proto))
        return CALL_FAILED;
    if (domain->kind != X_ELLIPSIS && !sys_arg_int(call, 0, &family))
        return CALL_FAILED;
    if (family != 2)
        return sys_unsupported(call, "sockets of another family than AF_INET");
    if ((type & 15) == 1 && (proto == 0 || proto == PROTO_TCP))
        file = sys_new_file(sys, call, FILE_TCP);
    else if ((type & 15) == 2 && (proto == 0 || proto == PROTO_UDP))
        file = sys_new_file(sys, call, FILE_UDP);
    else
        return sys_unsupported(call, "sockets that are neither TCP's nor UDP's");
    if (file == NULL)
        return CALL_FAILED;
    file->nonblock = (type & 04000) != 0;
    sys->newest = file;
    sys->current = NULL;
    return CALL_DONE;
}

/* An address: `...` leaves what is there; {sa_family = AF_INET, sin_port = htons(80),
 * sin_addr = inet_addr("1.2.3.4")}. */
static bool address(struct call *call, unsigned index, uint32_t *ip, uint16_t *port)
{
    const struct expr *arg = sys_arg(call, index), *field;
    int64_t value;

    if (arg->kind != X_STRUCT)
        return true;
    field = sys_field(arg, "sin_port");
    if (field != NULL && sys_int(field->kids, &value))
        *port = (uint16_t)value;
    field = sys_field(arg, "sin_addr");
    if (field != NULL && sys_int(field->kids, &value) && (uint32_t)value != 0)
        *ip = (uint32_t)value;
    field = sys_field(arg, "sa_family");
    if (field != NULL && sys_int(field->kids, &value) && value != 2) {
        sys_unsupported(call, "addresses of another family than AF_INET");
        return false;
    }
    return true;
}

enum call_status sys_open_udp(struct sys *sys, struct call *call, struct file *file)
{
    struct udp_conf conf = {.port = file->bound_port, .broadcast = true};
    int error;

    if (file->udp != NULL)
        return sys_ok(call, 0);
    file->udp = calloc(1, sizeof(*file->udp));
    if (file->udp == NULL)
        abort();
    error = udp_open(file->udp, &sys->world->nif, &conf);
    if (error != 0) {
        free(file->udp);
        file->udp = NULL;
        return sys_errno(call, -error);
    }
    file->bound_port = udp_port(file->udp);
    file->flow = sys_new_flow(sys, PROTO_UDP, file->bound_port, sys->conf->connect_port);
    return sys_ok(call, 0);
}

enum call_status sys_bind(struct sys *sys, struct call *call)
{
    struct file *file = sys_arg_file(sys, call, 0);

    if (file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (file->state != SOCK_FRESH || file->bound_port != 0)
        return sys_errno(call, E_INVAL);
    file->bound_port = sys->conf->bind_port;
    if (!address(call, 1, &file->bound_ip, &file->bound_port))
        return CALL_UNSUPPORTED;
    if (file->kind == FILE_UDP)
        return sys_open_udp(sys, call, file);
    return sys_ok(call, 0);
}

enum call_status sys_listen(struct sys *sys, struct call *call)
{
    struct file *file = sys_arg_file(sys, call, 0);
    struct tcp_listen_conf conf = {0};
    int64_t backlog;
    int error;

    if (file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (!sys_arg_int(call, 1, &backlog))
        return CALL_FAILED;
    if (file->kind != FILE_TCP)
        return sys_errno(call, 95);
    if (file->state == SOCK_LISTENING)
        return sys_ok(call, 0);
    if (file->state != SOCK_FRESH)
        return sys_errno(call, E_INVAL);
    conf.addr = file->bound_ip;
    conf.port = file->bound_port != 0 ? file->bound_port : sys->conf->bind_port;
    conf.backlog = backlog < 1 ? 1 : backlog > 65535 ? 65535 : (uint32_t)backlog;
    error = tcp_listen(&sys->world->tcp, &conf, &file->tcp);
    if (error != 0)
        return sys_errno(call, -error);
    file->state = SOCK_LISTENING;
    sys->awaits_syn = true;
    sys->newest = file;
    sys_apply_options(sys, file);
    return sys_ok(call, 0);
}

static struct flow *flow_of(struct sys *sys, tcp_t conn)
{
    struct flow *flow = sys->flows;
    struct tcp_ends ends;

    if (tcp_ends(&sys->world->tcp, conn, &ends) != 0)
        return sys->current;
    while (flow != NULL &&
           (flow->remote_port != ends.dst_port || flow->local_port != ends.src_port))
        flow = flow->next;
    return flow != NULL ? flow : sys->current;
}

enum call_status sys_accept(struct sys *sys, struct call *call)
{
    struct file *listener = sys_arg_file(sys, call, 0), *file, from;
    int64_t flags = 0;
    tcp_t conn;
    int error;

    if (listener == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (sys_arg(call, 3) != NULL && !sys_arg_int(call, 3, &flags))
        return CALL_FAILED;
    if (listener->state != SOCK_LISTENING)
        return sys_errno(call, E_INVAL);
    error = tcp_accept(&sys->world->tcp, listener->tcp, &conn);
    if (error == -E_AGAIN)
        return sys_wait(call, listener, false);
    if (error != 0)
        return sys_errno(call, -error);
    from = *listener; /* it may move: its number may be given again */
    file = sys_new_file(sys, call, FILE_TCP);
    if (file == NULL)
        return CALL_FAILED;
    file->tcp = conn;
    file->state = SOCK_CONNECTED;
    file->connect_told = true;
    file->nonblock = (flags & 04000) != 0 || (sys->person == PERSON_FREEBSD && from.nonblock);
    file->flow = flow_of(sys, conn);
    memcpy(file->plain, from.plain, sizeof(file->plain));
    sys->newest = file;
    return CALL_DONE;
}

int sys_take_error(struct sys *sys, struct file *file)
{
    int error;

    if (file->kind == FILE_UDP)
        return file->udp != NULL ? -udp_error(file->udp) : 0;
    if (file->tcp == 0 || file->state == SOCK_LISTENING)
        return 0;
    if (file->error_told)
        return 0;
    error = tcp_error(&sys->world->tcp, file->tcp);
    if (error == 0 || error == -E_BADF)
        return 0;
    /* A soft error (RFC 1122 section 4.2.3.9) is only told when the connection ends, elsewhere. */
    if ((tcp_ready(&sys->world->tcp, file->tcp) & TCP_READY_ERROR) == 0)
        return sys->person == PERSON_MORGANA ? -error : 0;
    file->error_told = true;
    return -error;
}

/* CONNECTING until the handshake ends, one way or the other. */
static enum call_status connect_goes_on(struct sys *sys, struct call *call, struct file *file,
                                        bool mine)
{
    struct tcp_info info;
    int error;

    if ((tcp_ready(&sys->world->tcp, file->tcp) & TCP_READY_ERROR) != 0) {
        error = sys_take_error(sys, file);
        file->state = SOCK_CLOSED;
        return sys_errno(call, error != 0 ? error : E_CONNREFUSED);
    }
    if (tcp_info(&sys->world->tcp, file->tcp, sys->world->now, &info) == 0 &&
        info.state >= TCP_ESTABLISHED) {
        file->state = SOCK_CONNECTED;
        if (file->connect_told || (!mine && sys->person == PERSON_FREEBSD))
            return sys_errno(call, 106);
        file->connect_told = true;
        return sys_ok(call, 0);
    }
    if (!file->nonblock)
        return CALL_BLOCKS;
    return sys_errno(call, mine ? 115 : 114);
}

static enum call_status connect_udp(struct sys *sys, struct call *call, struct file *file)
{
    enum call_status status = sys_open_udp(sys, call, file);

    if (status == CALL_DONE && call->err == 0) {
        file->state = SOCK_CONNECTED;
        file->flow->remote_ip = file->remote_ip;
        file->flow->remote_port = file->remote_port;
        sys->current = file->flow;
    }
    return status;
}

static enum call_status connect_begins(struct sys *sys, struct call *call, struct file *file)
{
    struct tcp_connect_conf conf = {.src = file->bound_ip,
                                    .src_port = file->bound_port,
                                    .dst = file->remote_ip,
                                    .dst_port = file->remote_port};
    struct tcp_ends ends;
    int error = tcp_connect(&sys->world->tcp, &conf, sys->world->now, &file->tcp);

    if (error != 0)
        return sys_errno(call, -error);
    file->flow = sys_new_flow(sys, PROTO_TCP, file->bound_port, file->remote_port);
    file->flow->remote_ip = file->remote_ip;
    if (tcp_ends(&sys->world->tcp, file->tcp, &ends) == 0)
        file->flow->local_port = ends.src_port;
    file->state = SOCK_CONNECTING;
    sys->awaits_syn = false;
    sys->newest = file;
    sys_apply_options(sys, file);
    call->done = 1;
    return file->nonblock ? sys_errno(call, 115) : CALL_BLOCKS;
}

/* connect(3, AF_UNSPEC, ...): back to a fresh socket. */
static enum call_status disconnect(struct sys *sys, struct call *call, struct file *file)
{
    if (file->tcp != 0)
        (void)tcp_abort(&sys->world->tcp, file->tcp, sys->world->now);
    file->tcp = 0;
    file->state = SOCK_FRESH;
    file->connect_told = file->error_told = file->shut_rd = file->shut_wr = false;
    return sys_ok(call, 0);
}

enum call_status sys_connect(struct sys *sys, struct call *call)
{
    struct file *file = sys_arg_file(sys, call, 0);
    const struct expr *addr = sys_arg(call, 1);
    int64_t family = 2;

    if (file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (addr->kind == X_WORD && !sys_arg_int(call, 1, &family))
        return CALL_FAILED;
    if (family == 0)
        return disconnect(sys, call, file);
    if (file->kind == FILE_TCP && file->state == SOCK_CONNECTING)
        return connect_goes_on(sys, call, file, call->done != 0);
    if (file->kind == FILE_TCP && file->state == SOCK_CONNECTED) {
        bool told = file->connect_told || sys->person == PERSON_FREEBSD;

        file->connect_told = true;
        return told ? sys_errno(call, 106) : sys_ok(call, 0);
    }
    if (file->state == SOCK_LISTENING)
        return sys_errno(call, sys->person == PERSON_FREEBSD ? 95 : 106);
    file->remote_ip = sys->conf->remote_ip;
    file->remote_port = sys->conf->connect_port;
    if (!address(call, 1, &file->remote_ip, &file->remote_port))
        return CALL_UNSUPPORTED;
    if (file->kind == FILE_UDP)
        return connect_udp(sys, call, file);
    if (file->state == SOCK_CLOSED)
        file->error_told = false;
    return connect_begins(sys, call, file);
}

enum call_status sys_shutdown(struct sys *sys, struct call *call)
{
    struct file *file = sys_arg_file(sys, call, 0);
    int64_t how;
    int error;

    if (file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (!sys_arg_int(call, 1, &how))
        return CALL_FAILED;
    if (how < 0 || how > 2)
        return sys_errno(call, E_INVAL);
    if (file->kind != FILE_TCP || file->tcp == 0 || file->state == SOCK_CLOSED)
        return sys_errno(call, E_NOTCONN);
    if (file->state == SOCK_LISTENING) {
        if (how != 1) {
            (void)tcp_close(&sys->world->tcp, file->tcp, sys->world->now);
            file->tcp = 0;
            file->state = SOCK_FRESH;
        }
        return sys_ok(call, 0);
    }
    if (how != 0 && !file->shut_wr) {
        error = tcp_shutdown(&sys->world->tcp, file->tcp, sys->world->now);
        if (error != 0)
            return sys_errno(call, -error);
        file->shut_wr = true;
    }
    if (how != 1)
        file->shut_rd = true;
    return sys_ok(call, 0);
}

enum call_status sys_close(struct sys *sys, struct call *call)
{
    struct file *file = sys_arg_file(sys, call, 0);

    if (file == NULL)
        return call->why[0] != '\0' ? CALL_FAILED : CALL_DONE;
    if (file->kind == FILE_TCP && file->tcp != 0)
        (void)tcp_close(&sys->world->tcp, file->tcp, sys->world->now);
    if (file->udp != NULL) {
        udp_close(file->udp);
        free(file->udp);
    }
    if (sys->newest == file)
        sys->newest = NULL;
    *file = (struct file){.kind = FILE_NONE};
    return sys_ok(call, 0);
}
