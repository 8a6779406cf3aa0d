/* SPDX-License-Identifier: ISC */
/* xs_wire.c - the simulated xenstored's connection to the guest: the shared ring, requests,
 * replies, watch events (io/xs_wire.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_priv.h"

#define RING XENSTORE_RING_SIZE
#define HOME "/local/domain/1"

struct out {
    struct out *next;
    size_t len, sent;
    uint8_t bytes[];
};

struct watch {
    struct watch *next;
    bool relative;
    char *path, *token; /* path is absolute, or begins with @ */
};

static struct {
    uint8_t in[sizeof(struct xsd_sockmsg) + SIM_PAYLOAD_MAX + 1];
    size_t in_len;
    struct out *out, **out_end;
    struct watch *watches;
    uint32_t watch_count;
    bool stopped, ignored; /* ignored: the guest broke the protocol */
    int port;
} xs;

void sim_xs_init(void)
{
    memset(&xs, 0, sizeof(xs));
    xs.out_end = &xs.out;
    xs.port = sim_dom0_bind_work(xen_start()->store_port, SIM_WORK_STORE);
    struct xenstore_domain_interface *ring = sim_frame(SIM_FRAME_STORE);
    ring->server_features = XENSTORE_SERVER_FEATURE_ERROR;
}

static void watch_free(struct watch *watch)
{
    free(watch->path);
    free(watch->token);
    free(watch);
    xs.watch_count--;
}

static void watches_clear(void)
{
    while (xs.watches != NULL) {
        struct watch *watch = xs.watches;
        xs.watches = watch->next;
        watch_free(watch);
    }
}

void sim_xs_fini(void)
{
    watches_clear();
    while (xs.out != NULL) {
        struct out *out = xs.out;
        xs.out = out->next;
        free(out);
    }
}

uint32_t sim_xs_watches(void)
{
    return xs.watch_count;
}

void sim_xs_stop(bool stopped)
{
    xs.stopped = stopped;
    sim_work_set(SIM_WORK_STORE);
}

/* ---- replies -------------------------------------------------------------------------------- */

static void queue(const void *header, size_t header_len, struct cs_ro payload)
{
    struct out *out = sim_alloc(sizeof(*out) + header_len + payload.len);
    if (header_len != 0)
        memcpy(out->bytes, header, header_len);
    if (payload.len != 0)
        memcpy(out->bytes + header_len, payload.base, payload.len);
    out->len = header_len + payload.len;
    *xs.out_end = out;
    xs.out_end = &out->next;
    sim_work_set(SIM_WORK_STORE);
}

static void reply(const struct xsd_sockmsg *request, uint32_t type, struct cs_ro payload)
{
    struct xsd_sockmsg header = {type, request->req_id, request->tx_id, (uint32_t)payload.len};
    queue(&header, sizeof(header), payload);
}

static void reply_error(const struct xsd_sockmsg *request, int error)
{
    const char *name = "EINVAL";
    for (unsigned i = 0; i < ARRAY_SIZE(xsd_errors); i++) {
        if (xsd_errors[i].errnum == error)
            name = xsd_errors[i].errstring;
    }
    reply(request, XS_ERROR, cs_ro_of(name, strlen(name) + 1));
}

static void event_send(const struct watch *watch, const char *path)
{
    uint8_t text[XENSTORE_ABS_PATH_MAX + 1 + SIM_PAYLOAD_MAX + 1];
    if (watch->relative && strncmp(path, HOME "/", sizeof(HOME)) == 0)
        path += sizeof(HOME);
    size_t path_size = strlen(path) + 1, token_size = strlen(watch->token) + 1;
    if (path_size + token_size > XENSTORE_PAYLOAD_MAX)
        return;
    memcpy(text, path, path_size);
    memcpy(text + path_size, watch->token, token_size);
    struct xsd_sockmsg header = {XS_WATCH_EVENT, 0, 0, (uint32_t)(path_size + token_size)};
    queue(&header, sizeof(header), cs_ro_of(text, path_size + token_size));
}

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);
    if (strcmp(top, "/") == 0)
        return true;
    return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

void sim_xs_watch_event(const char *path, bool exact)
{
    for (const struct watch *w = xs.watches; w != NULL; w = w->next) {
        if (exact ? strcmp(path, w->path) == 0 : is_below(path, w->path))
            event_send(w, path);
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

/* The arguments of a request: NUL-terminated strings, perhaps bytes after them. */
struct args {
    const struct xsd_sockmsg *header;
    struct sim_txn *txn;
    char *text;
    size_t len;
    char path[XENSTORE_ABS_PATH_MAX + 1]; /* the first string, made absolute */
    size_t rest;                          /* where the second begins */
};

/* Takes the first string as a path: 0, or EINVAL. */
static int take_path(struct args *a)
{
    size_t n = strnlen(a->text, a->len);
    if (n == a->len)
        return EINVAL;
    bool absolute = a->text[0] == '/' || a->text[0] == '@';
    if (n > (absolute ? XENSTORE_ABS_PATH_MAX : XENSTORE_REL_PATH_MAX))
        return EINVAL;
    size_t prefix = absolute ? 0 : strlen(HOME "/");
    memcpy(a->path, HOME "/", prefix);
    memcpy(a->path + prefix, a->text, n + 1);
    a->rest = n + 1;
    return a->text[0] == '@' || sim_store_path_ok(a->path) ? 0 : EINVAL;
}

static struct cs_ro rest_of(const struct args *a)
{
    return cs_ro_of(a->text + a->rest, a->len - a->rest);
}

static int ok(const struct args *a, int error)
{
    if (error == 0)
        reply(a->header, a->header->type, cs_ro_of("OK", 3));
    return error;
}

static int on_read(struct args *a)
{
    struct cs_ro value;
    int error = sim_store_read(SIM_GUEST_DOMID, a->txn, a->path, &value);
    if (error == 0)
        reply(a->header, XS_READ, value);
    return error;
}

static int on_write(struct args *a)
{
    return ok(a, sim_store_write(SIM_GUEST_DOMID, a->txn, a->path, rest_of(a)));
}

static int on_mkdir(struct args *a)
{
    return ok(a, sim_store_mkdir(SIM_GUEST_DOMID, a->txn, a->path));
}

static int on_rm(struct args *a)
{
    return ok(a, sim_store_rm(SIM_GUEST_DOMID, a->txn, a->path));
}

static int on_directory(struct args *a)
{
    struct cs_ro names;
    uint64_t generation;
    int error = sim_store_directory(SIM_GUEST_DOMID, a->txn, a->path, &names, &generation);
    if (error == 0 && names.len > XENSTORE_PAYLOAD_MAX)
        return E2BIG;
    if (error == 0)
        reply(a->header, XS_DIRECTORY, names);
    return error;
}

/* The generation as text, whole names from an offset on, and an empty name at the list's end. */
static int on_directory_part(struct args *a)
{
    struct cs_ro names;
    uint64_t generation;
    uint8_t out[XENSTORE_PAYLOAD_MAX];
    if (sim_state.conf.xs_no_directory_part)
        return ENOSYS;
    if (strnlen(a->text + a->rest, a->len - a->rest) == a->len - a->rest)
        return EINVAL;
    char *end;
    size_t off = strtoul(a->text + a->rest, &end, 10);
    if (*end != '\0' || end == a->text + a->rest)
        return EINVAL;
    int error = sim_store_directory(SIM_GUEST_DOMID, a->txn, a->path, &names, &generation);
    if (error != 0)
        return error;
    size_t len = (size_t)sprintf((char *)out, "%llu", (unsigned long long)generation) + 1;
    while (off < names.len) {
        size_t n = strlen((const char *)names.base + off) + 1;
        if (len + n > sizeof(out) - 1)
            break;
        memcpy(out + len, names.base + off, n);
        len += n;
        off += n;
    }
    if (off >= names.len)
        out[len++] = '\0';
    reply(a->header, XS_DIRECTORY_PART, cs_ro_of(out, len));
    return 0;
}

static int on_get_perms(struct args *a)
{
    struct cs_ro perms;
    int error = sim_store_get_perms(SIM_GUEST_DOMID, a->txn, a->path, &perms);
    if (error == 0)
        reply(a->header, XS_GET_PERMS, perms);
    return error;
}

static int on_set_perms(struct args *a)
{
    return ok(a, sim_store_set_perms(SIM_GUEST_DOMID, a->txn, a->path, rest_of(a)));
}

static struct watch **watch_find(const char *path, const char *token)
{
    struct watch **w = &xs.watches;
    while (*w != NULL && (strcmp((*w)->path, path) != 0 || strcmp((*w)->token, token) != 0))
        w = &(*w)->next;
    return w;
}

static int on_watch(struct args *a)
{
    const char *token = a->text + a->rest;
    if (strnlen(token, a->len - a->rest) == a->len - a->rest)
        return EINVAL;
    struct watch **end = watch_find(a->path, token);
    if (*end != NULL)
        return EEXIST;
    uint32_t quota = sim_state.conf.xs_watches == 0 ? 128 : sim_state.conf.xs_watches;
    if (xs.watch_count >= quota)
        return E2BIG;
    struct watch *watch = sim_alloc(sizeof(*watch));
    watch->path = sim_strdup(a->path);
    watch->token = sim_strdup(token);
    watch->relative = a->text[0] != '/' && a->text[0] != '@';
    *end = watch;
    xs.watch_count++;
    ok(a, 0);
    event_send(watch, watch->path); /* a new watch fires once */
    return 0;
}

static int on_unwatch(struct args *a)
{
    const char *token = a->text + a->rest;
    if (strnlen(token, a->len - a->rest) == a->len - a->rest)
        return EINVAL;
    struct watch **link = watch_find(a->path, token);
    if (*link == NULL)
        return ENOENT;
    struct watch *watch = *link;
    *link = watch->next;
    watch_free(watch);
    return ok(a, 0);
}

static int on_reset_watches(struct args *a)
{
    watches_clear();
    return ok(a, 0);
}

static int on_txn_start(struct args *a)
{
    uint32_t id = 0;
    char text[16];
    int error = a->txn != NULL ? EBUSY : sim_store_txn_start(&id);
    if (error == 0)
        reply(a->header, XS_TRANSACTION_START, cs_ro_of(text, (size_t)sprintf(text, "%u", id) + 1));
    return error;
}

static int on_txn_end(struct args *a)
{
    if (a->len != 2 || (a->text[0] != 'T' && a->text[0] != 'F') || a->text[1] != '\0')
        return EINVAL;
    if (a->txn == NULL)
        return ENOENT;
    return ok(a, sim_store_txn_end(a->header->tx_id, a->text[0] == 'T'));
}

static bool take_domid(const struct args *a, unsigned long *domid)
{
    char *end;
    if (strnlen(a->text, a->len) == a->len)
        return false;
    *domid = strtoul(a->text, &end, 10);
    return end != a->text && *end == '\0' && *domid <= UINT16_MAX;
}

static int on_domain_path(struct args *a)
{
    unsigned long domid;
    char text[40];
    if (!take_domid(a, &domid))
        return EINVAL;
    size_t n = (size_t)sprintf(text, "/local/domain/%lu", domid) + 1;
    reply(a->header, XS_GET_DOMAIN_PATH, cs_ro_of(text, n));
    return 0;
}

static int on_introduced(struct args *a)
{
    unsigned long domid;
    if (!take_domid(a, &domid))
        return EINVAL;
    bool yes = domid <= SIM_GUEST_DOMID;
    reply(a->header, XS_IS_DOMAIN_INTRODUCED, cs_ro_of(yes ? "T" : "F", 2));
    return 0;
}

static int on_forbidden(struct args *a)
{
    (void)a;
    return EACCES; /* for privileged domains only */
}

static void handle(void)
{
    static const struct {
        int (*run)(struct args *a);
        bool path; /* the first argument is a path */
    } ops[XS_TYPE_COUNT] = {
        [XS_CONTROL] = {on_forbidden, false},
        [XS_DIRECTORY] = {on_directory, true},
        [XS_READ] = {on_read, true},
        [XS_GET_PERMS] = {on_get_perms, true},
        [XS_WATCH] = {on_watch, true},
        [XS_UNWATCH] = {on_unwatch, true},
        [XS_TRANSACTION_START] = {on_txn_start, false},
        [XS_TRANSACTION_END] = {on_txn_end, false},
        [XS_INTRODUCE] = {on_forbidden, false},
        [XS_RELEASE] = {on_forbidden, false},
        [XS_GET_DOMAIN_PATH] = {on_domain_path, false},
        [XS_WRITE] = {on_write, true},
        [XS_MKDIR] = {on_mkdir, true},
        [XS_RM] = {on_rm, true},
        [XS_SET_PERMS] = {on_set_perms, true},
        [XS_IS_DOMAIN_INTRODUCED] = {on_introduced, false},
        [XS_RESUME] = {on_forbidden, false},
        [XS_SET_TARGET] = {on_forbidden, false},
        [XS_RESET_WATCHES] = {on_reset_watches, false},
        [XS_DIRECTORY_PART] = {on_directory_part, true},
    };
    struct xsd_sockmsg header;
    memcpy(&header, xs.in, sizeof(header));
    xs.in[sizeof(header) + header.len] = '\0';
    static struct args a; /* large */
    a = (struct args){.header = &header,
                      .txn = sim_store_txn(header.tx_id),
                      .text = (char *)xs.in + sizeof(header),
                      .len = header.len};
    if (header.type >= XS_TYPE_COUNT || ops[header.type].run == NULL) {
        reply_error(&header, ENOSYS);
        return;
    }
    int error = header.tx_id != 0 && a.txn == NULL ? ENOENT : 0;
    if (error == 0 && ops[header.type].path) {
        error = take_path(&a);
        bool special = a.path[0] == '@';
        if (error == 0 && special && header.type != XS_WATCH && header.type != XS_UNWATCH)
            error = EINVAL;
    }
    if (error == 0)
        error = ops[header.type].run(&a);
    if (error != 0)
        reply_error(&header, error);
}

/* ---- the ring ------------------------------------------------------------------------------- */

static void protocol_error(uint32_t error)
{
    struct xenstore_domain_interface *ring = sim_frame(SIM_FRAME_STORE);
    ring->error = error;
    xs.ignored = true;
    sim_fault("the guest broke xenstore's protocol (error %u of io/xs_wire.h)", error);
}

/* Takes bytes of the current request; true when it is whole. */
static bool receive(bool *moved)
{
    struct xenstore_domain_interface *ring = sim_frame(SIM_FRAME_STORE);
    while (true) {
        size_t want = sizeof(struct xsd_sockmsg);
        if (xs.in_len >= want) {
            struct xsd_sockmsg header;
            memcpy(&header, xs.in, sizeof(header));
            if (header.len > XENSTORE_PAYLOAD_MAX) {
                protocol_error(XENSTORE_ERROR_PROTO);
                return false;
            }
            want += header.len;
        }
        if (xs.in_len == want && want > 0 && xs.in_len >= sizeof(struct xsd_sockmsg))
            return true;
        uint32_t cons = ring->req_cons, ready = READ_ONCE(ring->req_prod) - cons;
        if (ready > RING) {
            protocol_error(XENSTORE_ERROR_RINGIDX);
            return false;
        }
        if (ready == 0)
            return false;
        uint32_t at = cons % RING;
        size_t n = size_min(size_min(ready, RING - at), want - xs.in_len);
        memcpy(xs.in + xs.in_len, ring->req + at, n);
        xs.in_len += n;
        ring->req_cons = cons + (uint32_t)n;
        *moved = true;
    }
}

/* Puts what fits on the reply ring. */
static bool transmit(void)
{
    struct xenstore_domain_interface *ring = sim_frame(SIM_FRAME_STORE);
    bool moved = false;
    while (xs.out != NULL) {
        uint32_t prod = ring->rsp_prod, queued = prod - READ_ONCE(ring->rsp_cons);
        if (queued > RING) {
            protocol_error(XENSTORE_ERROR_RINGIDX);
            return moved;
        }
        uint32_t at = prod % RING;
        size_t n = size_min(size_min(RING - queued, RING - at), xs.out->len - xs.out->sent);
        if (n == 0)
            return moved;
        memcpy(ring->rsp + at, xs.out->bytes + xs.out->sent, n);
        ring->rsp_prod = prod + (uint32_t)n;
        moved = true;
        xs.out->sent += n;
        if (xs.out->sent == xs.out->len) {
            struct out *done = xs.out;
            xs.out = done->next;
            if (xs.out == NULL)
                xs.out_end = &xs.out;
            free(done);
        }
    }
    return moved;
}

void sim_xs_step(unsigned budget)
{
    bool moved = false;
    if (xs.stopped || xs.ignored)
        return;
    for (unsigned i = 0; i < budget; i++) {
        if (!receive(&moved))
            break;
        handle();
        xs.in_len = 0;
        if (i + 1 == budget)
            sim_work_set(SIM_WORK_STORE);
    }
    if (!xs.ignored && transmit())
        moved = true;
    if (moved)
        sim_dom0_send((uint32_t)xs.port);
}
