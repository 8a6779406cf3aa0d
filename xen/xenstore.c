/* SPDX-License-Identifier: ISC */
/* xenstore.c - the requests a guest may make of xenstored, and the checks of what it answers. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "xen/xs_priv.h"

#define PERMS_MAX 16u

static bool path_ok(const char *path)
{
    size_t len = cs_of_str(path).len;
    return len != 0 && len < XS_PATH_MAX;
}

/* A request whose only argument is a path. */
static int path_request(struct xs *xs, uint32_t type, xs_txn_t txn, const char *path,
                        struct cs_ro *reply)
{
    if (!path_ok(path))
        return -E_INVAL;
    struct cs_ro part = xs_str(path);
    return xs_request(xs, type, txn, &part, 1, reply);
}

/* A request that is answered by "OK" and nothing else. */
static int ok_request(struct xs *xs, uint32_t type, xs_txn_t txn, const struct cs_ro *parts,
                      unsigned n)
{
    struct cs_ro reply;
    int err = xs_request(xs, type, txn, parts, n, &reply);
    if (err != 0)
        return err;
    return cs_equal(reply, xs_str("OK")) ? 0 : xs_refuse(xs, "no OK where one was due");
}

/* Copies a reply to the caller, with a NUL where there is room. */
static int give(struct cs_ro reply, struct cs out)
{
    if (reply.len > out.len)
        return -E_NOSPC;
    memcpy(out.base, reply.base, reply.len);
    if (reply.len < out.len)
        out.base[reply.len] = 0;
    return (int)reply.len;
}

/* Does a list of strings end with the NUL of its last? */
static bool is_list(struct cs_ro list)
{
    return list.len == 0 || list.base[list.len - 1] == 0;
}

/* Decimal digits, all of `text`. */
static bool parse_u64(struct cs_ro text, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;
    if (text.len == 0 || fmt_parse_u64(text, max, &v) != text.len)
        return false;
    *value = v;
    return true;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

int xs_read(struct xs *xs, xs_txn_t txn, const char *path, struct cs out)
{
    struct cs_ro reply;
    int err = path_request(xs, XS_READ, txn, path, &reply);
    return err != 0 ? err : give(reply, out);
}

int xs_read_u64(struct xs *xs, xs_txn_t txn, const char *path, uint64_t max, uint64_t *value)
{
    struct cs_ro reply;
    int err = path_request(xs, XS_READ, txn, path, &reply);
    if (err != 0)
        return err;
    return parse_u64(reply, max, value) ? 0 : -E_INVAL;
}

int xs_write(struct xs *xs, xs_txn_t txn, const char *path, struct cs_ro value)
{
    if (!path_ok(path))
        return -E_INVAL;
    struct cs_ro parts[] = {xs_str(path), value};
    return ok_request(xs, XS_WRITE, txn, parts, ARRAY_SIZE(parts));
}

int xs_vprintf(struct xs *xs, xs_txn_t txn, const char *path, const char *format, va_list args)
{
    char text[XS_PRINTF_MAX];
    size_t len = fmt_vbuf(text, sizeof(text), format, args);
    if (len >= sizeof(text))
        return -E_2BIG;
    return xs_write(xs, txn, path, cs_ro_of(text, len));
}

int xs_printf(struct xs *xs, xs_txn_t txn, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int err = xs_vprintf(xs, txn, path, format, args);
    va_end(args);
    return err;
}

int xs_mkdir(struct xs *xs, xs_txn_t txn, const char *path)
{
    struct cs_ro part = xs_str(path);
    return path_ok(path) ? ok_request(xs, XS_MKDIR, txn, &part, 1) : -E_INVAL;
}

int xs_rm(struct xs *xs, xs_txn_t txn, const char *path)
{
    struct cs_ro part = xs_str(path);
    return path_ok(path) ? ok_request(xs, XS_RM, txn, &part, 1) : -E_INVAL;
}

int xs_get_perms(struct xs *xs, xs_txn_t txn, const char *path, struct cs out)
{
    struct cs_ro reply;
    int err = path_request(xs, XS_GET_PERMS, txn, path, &reply);
    if (err != 0)
        return err;
    if (reply.len == 0 || !is_list(reply))
        return xs_refuse(xs, "permissions without an end");
    return give(reply, out);
}

int xs_set_perms(struct xs *xs, xs_txn_t txn, const char *path, const char *const *perms,
                 unsigned n)
{
    struct cs_ro parts[1 + PERMS_MAX];
    if (!path_ok(path) || n == 0 || n > PERMS_MAX)
        return -E_INVAL;
    parts[0] = xs_str(path);
    for (unsigned i = 0; i < n; i++)
        parts[1 + i] = xs_str(perms[i]);
    return ok_request(xs, XS_SET_PERMS, txn, parts, 1 + n);
}

/* ---- listings -------------------------------------------------------------------------------- */

/* One part of a long listing, docs/misc/xenstore.txt: "<gencnt>" NUL, then names, each with its
 * NUL; the last part ends with an empty name. *last_part says so, and *names is without it. */
static int directory_part(struct xs *xs, xs_txn_t txn, const char *path, uint32_t off,
                          uint64_t *generation, struct cs_ro *names, bool *last_part)
{
    char number[16];
    struct cs_ro parts[2] = {xs_str(path), {NULL, 0}}, reply;
    size_t len = fmt_buf(number, sizeof(number), "%u", off);
    parts[1] = cs_ro_of(number, len + 1);
    int err = xs_request(xs, XS_DIRECTORY_PART, txn, parts, ARRAY_SIZE(parts), &reply);
    if (err != 0)
        return err == -E_NOSYS ? -E_2BIG : err;

    size_t nul = cs_find_byte(reply, 0, 0);
    if (nul == CS_NOT_FOUND || !parse_u64(cs_head(reply, nul), UINT64_MAX, generation))
        return xs_refuse(xs, "part of a listing without a generation");
    struct cs_ro list = cs_shift(reply, nul + 1);
    if (list.len == 0 || !is_list(list))
        return xs_refuse(xs, "part of a listing without an end");
    *last_part = list.len == 1 || list.base[list.len - 2] == 0;
    *names = *last_part ? cs_head(list, list.len - 1) : list;
    return 0;
}

/* -E_AGAIN: the node changed while it was being read. */
static int directory_parts(struct xs *xs, xs_txn_t txn, const char *path, struct cs out)
{
    uint64_t first = 0, generation = 0;
    uint32_t used = 0;
    /* Each part but the last has a name at least: it ends where `out` does. */
    for (;;) {
        struct cs_ro names = CS_RO_EMPTY;
        bool last_part = false;
        int err = directory_part(xs, txn, path, used, &generation, &names, &last_part);
        if (err != 0)
            return err;
        if (used == 0)
            first = generation;
        else if (generation != first)
            return -E_AGAIN;
        if (!cs_try_blit(out, used, names))
            return -E_NOSPC;
        used += (uint32_t)names.len;
        if (last_part)
            return (int)used;
    }
}

int xs_directory(struct xs *xs, xs_txn_t txn, const char *path, struct cs out)
{
    struct cs_ro reply;
    int err = path_request(xs, XS_DIRECTORY, txn, path, &reply);
    if (err == 0) {
        if (!is_list(reply))
            return xs_refuse(xs, "listing without an end");
        return give(reply, out);
    }
    if (err != -E_2BIG)
        return err;
    for (unsigned i = 0; i < XS_DIRECTORY_TRIES; i++) {
        err = directory_parts(xs, txn, path, out);
        if (err != -E_AGAIN)
            break;
    }
    return err;
}

/* ---- domains --------------------------------------------------------------------------------- */

static int domid_request(struct xs *xs, uint32_t type, uint16_t domid, struct cs_ro *reply)
{
    char number[8];
    size_t len = fmt_buf(number, sizeof(number), "%u", domid);
    struct cs_ro part = cs_ro_of(number, len + 1);
    return xs_request(xs, type, XS_TXN_NONE, &part, 1, reply);
}

int xs_get_domain_path(struct xs *xs, uint16_t domid, struct cs out)
{
    struct cs_ro reply;
    int err = domid_request(xs, XS_GET_DOMAIN_PATH, domid, &reply);
    if (err != 0)
        return err;
    if (reply.len < 2 || cs_find_byte(reply, 0, 0) != reply.len - 1)
        return xs_refuse(xs, "domain path without an end");
    return give(cs_head(reply, reply.len - 1), out);
}

int xs_is_domain_introduced(struct xs *xs, uint16_t domid)
{
    struct cs_ro reply;
    int err = domid_request(xs, XS_IS_DOMAIN_INTRODUCED, domid, &reply);
    if (err != 0)
        return err;
    if (cs_equal(reply, xs_str("T")))
        return 1;
    return cs_equal(reply, xs_str("F")) ? 0 : xs_refuse(xs, "neither T nor F");
}

/* ---- watches --------------------------------------------------------------------------------- */

static void unlink_watch(struct xs *xs, struct xs_watch *watch)
{
    for (struct xs_watch **at = &xs->watches; *at != NULL; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            watch->next = NULL;
            xs->watch_count--;
            return;
        }
    }
}

static int watch_request(struct xs *xs, uint32_t type, const struct xs_watch *watch)
{
    char token[16];
    size_t len = fmt_buf(token, sizeof(token), "%u", watch->token);
    struct cs_ro parts[] = {xs_str(watch->path), cs_ro_of(token, len + 1)};
    return ok_request(xs, type, XS_TXN_NONE, parts, ARRAY_SIZE(parts));
}

/* xenstored goes by the order of requests: whether it has done what we ask it to undo or not, once
 * it comes to this it is undone. A refusal means that it had not. */
static int unwatch_stray(struct xs *xs)
{
    return watch_request(xs, XS_UNWATCH, &xs->stray_watches[--xs->stray_watch_count]);
}

int xs_watch(struct xs *xs, struct xs_watch *watch, const char *path)
{
    if (!path_ok(path))
        return -E_INVAL;
    if (xs->watch_count == XS_WATCHES_MAX)
        return -E_NOSPC;
    /* This one may become one more. */
    if (xs->stray_watch_count == XS_LATE_MAX) {
        int gone = unwatch_stray(xs);
        if (xs->broken != 0 || xs_no_answer(gone))
            return gone;
    }
    *watch = (struct xs_watch){.token = ++xs->next_token, .next = xs->watches};
    memcpy(watch->path, path, xs_str(path).len);
    /* Before it is asked for: the first event may come before the OK. */
    xs->watches = watch;
    xs->watch_count++;
    int err = watch_request(xs, XS_WATCH, watch);
    if (err != 0)
        unlink_watch(xs, watch);
    /* It may be registered yet, or be so already by xs_resume. */
    if (xs_no_answer(err))
        xs->stray_watches[xs->stray_watch_count++] = *watch;
    return err;
}

int xs_unwatch(struct xs *xs, struct xs_watch *watch)
{
    /* Before it is asked for: a resume meanwhile must not register it. */
    unlink_watch(xs, watch);
    return watch_request(xs, XS_UNWATCH, watch);
}

static void unwatch_strays(struct xs *xs)
{
    while (xs->stray_watch_count != 0 && xs->broken == 0)
        (void)unwatch_stray(xs);
}

int xs_resume(struct xs *xs, void *ring, evtchn_port_t port)
{
    if (ring == NULL)
        return -E_INVAL;
    xs->conf.ring = ring;
    xs->conf.port = port;
    xs->resumes++;
    xs->broken = 0;
    xs->late_count = xs->stray_count = xs->stray_watch_count = 0;
    int err = xs_ring_start(xs);
    if (err != 0)
        return xs->broken = err;
    /* Registering fires each one: events that were thrown away unread are made up for. */
    for (struct xs_watch *watch = xs->watches; watch != NULL; watch = watch->next) {
        int failed = err == -E_TIMEDOUT ? err : watch_request(xs, XS_WATCH, watch);
        watch->missing = failed != 0;
        if (failed != 0)
            LOG_WARN("xenstore: %s is not watched yet: %s", watch->path, err_name(failed));
        if (err == 0 || failed == -E_TIMEDOUT)
            err = failed;
    }
    xs->watch_ns = err != 0 ? plat_now_ns() + XS_RETRY_NS : 0;
    return err;
}

/* Without some of them the domain hears of nothing any more, not even that it shall end. */
static void watch_missing(struct xs *xs)
{
    xs->watch_ns = 0;
    for (struct xs_watch *watch = xs->watches; watch != NULL; watch = watch->next) {
        if (!watch->missing)
            continue;
        int err = watch_request(xs, XS_WATCH, watch);
        watch->missing = err != 0 && err != -E_EXIST; /* it was done, and said too late */
        if (!watch->missing) {
            LOG_INFO("xenstore: %s is watched again", watch->path);
            continue;
        }
        xs->watch_ns = plat_now_ns() + XS_RETRY_NS;
        if (xs_no_answer(err))
            return;
    }
}

void xs_poll(struct xs *xs)
{
    if (xs->broken != 0)
        return;
    xs_ring_poll(xs);
    if (xs_in_request(xs))
        return;
    while (xs->stray_count != 0 && xs->broken == 0)
        (void)xs_txn_end(xs, xs->strays[--xs->stray_count], false);
    if (xs->late_count == 0) /* nothing that was given up is on its way: xenstored answers */
        unwatch_strays(xs);
    if (xs->watch_ns != 0 && xs->broken == 0 && xs_may_retry(xs, xs->watch_ns, plat_now_ns()))
        watch_missing(xs);
}

void xs_fini(struct xs *xs)
{
    /* Watches that stay use up the domain's quota; one request removes them all. */
    struct cs_ro nothing = xs_str("");
    bool any = xs->watches != NULL || xs->stray_watch_count != 0;
    int err = any ? ok_request(xs, XS_RESET_WATCHES, XS_TXN_NONE, &nothing, 1) : 0;
    while (xs->watches != NULL) {
        struct xs_watch *watch = xs->watches;
        if (err != 0)
            watch_request(xs, XS_UNWATCH, watch);
        unlink_watch(xs, watch);
    }
    if (err != 0)
        unwatch_strays(xs);
    xs->broken = -E_NODEV;
}

/* ---- transactions ---------------------------------------------------------------------------- */

int xs_txn_start(struct xs *xs, xs_txn_t *txn)
{
    struct cs_ro nothing = xs_str(""), reply;
    uint64_t id = 0;
    int err = xs_request(xs, XS_TRANSACTION_START, XS_TXN_NONE, &nothing, 1, &reply);
    if (err != 0)
        return err;
    if (reply.len < 2 || reply.base[reply.len - 1] != 0 ||
        !parse_u64(cs_head(reply, reply.len - 1), UINT32_MAX, &id) || id == XS_TXN_NONE)
        return xs_refuse(xs, "transaction without a number");
    *txn = (xs_txn_t)id;
    return 0;
}

int xs_txn_end(struct xs *xs, xs_txn_t txn, bool commit)
{
    struct cs_ro part = xs_str(commit ? "T" : "F");
    int err = ok_request(xs, XS_TRANSACTION_END, txn, &part, 1);
    xs->stats.eagain += err == -E_AGAIN;
    return err;
}

int xs_txn_run(struct xs *xs, int (*body)(struct xs *xs, xs_txn_t txn, void *arg), void *arg)
{
    int err = -E_AGAIN;
    for (unsigned i = 0; i < XS_TXN_TRIES && err == -E_AGAIN; i++) {
        xs_txn_t txn;
        err = xs_txn_start(xs, &txn);
        if (err != 0)
            return err;
        err = body(xs, txn, arg);
        if (err < 0) {
            xs_txn_end(xs, txn, false);
            return err;
        }
        err = xs_txn_end(xs, txn, true);
    }
    return err;
}
