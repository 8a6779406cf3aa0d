/* SPDX-License-Identifier: ISC */
/* xs_ring.c - the xenstore client's ring: bytes out, bytes in, and finding the reply among watch
 * events.
 *
 * Theory of operation. The page has two byte rings of 1 KiB, one each way. There is one request at
 * a time, so the next message that is neither a watch event nor the late reply to a request we gave
 * up must be our reply: of the type we asked for, or an error, and with our id. Anything else means
 * that we do not understand each other any more, and the client is broken.
 *
 * Indices run freely over 2^32; the two that are ours are kept privately, and the two of xenstored
 * are checked: it can be at most a ring's size ahead.
 */
#include <morgana/log.h>
#include <morgana/platform.h>

#include <barrier.h>

#include "xen/xs_priv.h"

#define RING ((uint32_t)XENSTORE_RING_SIZE)
#define HEADER ((uint32_t)sizeof(struct xsd_sockmsg))
/* Longest sleep without looking at the ring. */
#define LOOK_EVERY_NS (50 * NS_PER_MS)
/* Messages that one xs_ring_poll takes. */
#define POLL_MESSAGES 64u

STATIC_ASSERT(sizeof(struct xsd_sockmsg) == 16, "the header of every message");
STATIC_ASSERT(sizeof(((struct xs *)0)->in) > sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX,
              "the longest message and a NUL fit");

static struct xenstore_domain_interface *ring_of(const struct xs *xs)
{
    return xs->conf.ring;
}

int xs_refuse(struct xs *xs, const char *why)
{
    xs->stats.malformed++;
    if (xs->broken == 0)
        LOG_ERROR("xenstore: %s; giving it up", why);
    xs->broken = -E_PROTO;
    return -E_PROTO;
}

static struct xsd_sockmsg header_of(const struct xs *xs)
{
    struct xsd_sockmsg header;
    memcpy(&header, xs->in, sizeof(header));
    return header;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Sleeps until an event after the one counted as `seen`, or for a while. -E_TIMEDOUT at the
 * deadline; -E_AGAIN where the domain was resumed meanwhile. */
static int wait(struct xs *xs, uint32_t seen, uint64_t deadline)
{
    uint32_t resumes = xs->resumes;
    uint64_t now = plat_now_ns();
    if (now >= deadline)
        return -E_TIMEDOUT;
    if (evtchn_count(xs->conf.ev, xs->conf.port) == seen)
        plat_wait(u64_min(deadline, now + LOOK_EVERY_NS));
    return xs->resumes == resumes ? 0 : -E_AGAIN;
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Moves up to `want` bytes from the ring to the end of xs->in. Bytes moved, or -E_PROTO. */
static int pull(struct xs *xs, uint32_t want)
{
    struct xenstore_domain_interface *ring = ring_of(xs);
    uint32_t prod = READ_ONCE(ring->rsp_prod), cons = xs->rsp_cons;
    if (prod - cons > RING)
        return xs_refuse(xs, "response index is out of range");
    uint32_t n = u32_min(want, prod - cons), done = 0;
    if (n == 0)
        return 0;
    rmb(); /* the load of rsp_prod before loads of the bytes it announces */
    while (done < n) {
        uint32_t at = MASK_XENSTORE_IDX(cons + done), run = u32_min(n - done, RING - at);
        memcpy(xs->in + xs->in_len, ring->rsp + at, run);
        xs->in_len += run;
        done += run;
    }
    mb(); /* loads of the bytes before the store of rsp_cons that lets them be written over */
    xs->rsp_cons = cons + n;
    WRITE_ONCE(ring->rsp_cons, xs->rsp_cons);
    /* The store of rsp_cons before the load of rsp_prod: was the ring full, xenstored waits for our
     * event. */
    mb();
    if (READ_ONCE(ring->rsp_prod) - cons >= RING)
        evtchn_send(xs->conf.ev, xs->conf.port);
    return (int)n;
}

/* Goes on receiving. 1: xs->in is a whole message (the next call begins a new one). 0: nothing more
 * has come. */
static int receive(struct xs *xs)
{
    for (;;) {
        uint32_t want = HEADER;
        if (xs->in_len >= HEADER) {
            uint32_t len = header_of(xs).len;
            if (len > XENSTORE_PAYLOAD_MAX)
                return xs_refuse(xs, "oversize message");
            want += len;
            if (xs->in_len == want) {
                xs->in[want] = 0;
                xs->in_len = 0;
                return 1;
            }
        }
        int n = pull(xs, want - xs->in_len);
        if (n <= 0)
            return n;
    }
}

/* "path" NUL "token" NUL, the token ours in decimal. */
static void watch_event(struct xs *xs, struct cs_ro payload)
{
    size_t nul = cs_find_byte(payload, 0, 0), end;
    uint64_t token = 0;
    if (nul == CS_NOT_FOUND || (end = cs_find_byte(payload, nul + 1, 0)) == CS_NOT_FOUND) {
        xs->stats.malformed++;
        return;
    }
    struct cs_ro text = cs_sub(payload, nul + 1, end - (nul + 1));
    if (text.len == 0 || fmt_parse_u64(text, UINT32_MAX, &token) != text.len)
        token = 0; /* not ours: they begin at 1 */
    for (struct xs_watch *watch = xs->watches; watch != NULL; watch = watch->next) {
        if (watch->token == token) {
            watch->fired++;
            xs->stats.events++;
            return;
        }
    }
    xs->stats.events_unknown++;
}

static bool is_late(struct xs *xs, uint32_t id)
{
    for (uint32_t i = 0; i < xs->late_count; i++) {
        if (xs->late[i] == id) {
            xs->late[i] = xs->late[--xs->late_count];
            xs->stats.late++;
            return true;
        }
    }
    return false;
}

/* The reply to a TRANSACTION_START that was given up: xenstored counts it against our quota, for as
 * long as nobody ends it. */
static void keep_stray(struct xs *xs, struct cs_ro number)
{
    uint64_t id = 0;
    if (xs->stray_count < XS_LATE_MAX && fmt_parse_u64(number, UINT32_MAX, &id) != 0 &&
        id != XS_TXN_NONE)
        xs->strays[xs->stray_count++] = (xs_txn_t)id;
}

/* Handles messages that have come, up to `budget`, until it is the reply to request `id` (0: none
 * is awaited). 1: xs->in is that; 0: not yet. */
static int take(struct xs *xs, uint32_t id, unsigned budget)
{
    for (; budget != 0; budget--) {
        int got = receive(xs);
        if (got <= 0)
            return got;
        struct xsd_sockmsg header = header_of(xs);
        if (header.type == XS_WATCH_EVENT)
            watch_event(xs, cs_ro_of(xs->in + HEADER, header.len));
        else if (id != 0 && header.req_id == id)
            return 1;
        else if (!is_late(xs, header.req_id))
            return xs_refuse(xs, "reply that nobody asked for");
        else if (header.type == XS_TRANSACTION_START)
            keep_stray(xs, cs_ro_of(xs->in + HEADER, header.len));
    }
    return 0;
}

void xs_ring_poll(struct xs *xs)
{
    if (xs->broken == 0)
        take(xs, 0, POLL_MESSAGES);
}

/* ---- out ------------------------------------------------------------------------------------- */

/* Moves bytes of `*from` to the ring, as many as there is room for. Bytes moved, or -E_PROTO. */
static int push(struct xs *xs, struct cs_ro *from)
{
    struct xenstore_domain_interface *ring = ring_of(xs);
    uint32_t used = xs->req_prod - READ_ONCE(ring->req_cons);
    if (used > RING)
        return xs_refuse(xs, "request index is out of range");
    uint32_t n = (uint32_t)size_min(from->len, RING - used), done = 0;
    mb(); /* the load of req_cons before stores to the bytes it freed */
    while (done < n) {
        uint32_t at = MASK_XENSTORE_IDX(xs->req_prod), run = u32_min(n - done, RING - at);
        memcpy(ring->req + at, from->base + done, run);
        xs->req_prod += run;
        done += run;
    }
    *from = cs_shift(*from, n);
    wmb(); /* stores of the bytes before the store of req_prod */
    WRITE_ONCE(ring->req_prod, xs->req_prod);
    return (int)n;
}

static int send_part(struct xs *xs, struct cs_ro part, uint64_t deadline)
{
    while (part.len != 0) {
        uint32_t seen = evtchn_count(xs->conf.ev, xs->conf.port);
        int n = push(xs, &part);
        if (n < 0)
            return n;
        if (part.len == 0)
            break;
        evtchn_send(xs->conf.ev, xs->conf.port);
        /* It may wait for room too, before it reads on. */
        int err = take(xs, 0, POLL_MESSAGES);
        if (err == 0)
            err = wait(xs, seen, deadline);
        if (err != 0)
            return err;
    }
    return 0;
}

static int send_request(struct xs *xs, const struct xsd_sockmsg *header, const struct cs_ro *parts,
                        unsigned n, uint64_t deadline)
{
    uint32_t began = xs->req_prod;
    int err = send_part(xs, cs_ro_of(header, sizeof(*header)), deadline);
    for (unsigned i = 0; i < n && err == 0; i++)
        err = send_part(xs, parts[i], deadline);
    if (err == 0)
        return evtchn_send(xs->conf.ev, xs->conf.port);
    if (err == -E_TIMEDOUT && xs->req_prod != began)
        xs->broken = err; /* half a request: xenstored would take the next one for its rest */
    return err;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The words of xs_wire.h's xsd_errors; those that err.h has no code for are EIO or what comes
 * nearest. */
static const struct {
    const char *word;
    int err;
} errors[] = {
    {"EINVAL", E_INVAL},   {"EACCES", E_ACCES}, {"EEXIST", E_EXIST}, {"EISDIR", E_INVAL},
    {"ENOENT", E_NOENT},   {"ENOMEM", E_NOMEM}, {"ENOSPC", E_NOSPC}, {"EIO", E_IO},
    {"ENOTEMPTY", E_BUSY}, {"ENOSYS", E_NOSYS}, {"EROFS", E_PERM},   {"EBUSY", E_BUSY},
    {"EAGAIN", E_AGAIN},   {"EISCONN", E_BUSY}, {"E2BIG", E_2BIG},   {"EPERM", E_PERM},
    {"EQUOTA", E_NOSPC},
};

static int error_reply(struct xs *xs, struct cs_ro word)
{
    if (word.len < 2 || cs_find_byte(word, 0, 0) != word.len - 1)
        return xs_refuse(xs, "error without a name");
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        if (cs_equal_str(cs_head(word, word.len - 1), errors[i].word))
            return -errors[i].err;
    }
    return -E_IO;
}

static int await_reply(struct xs *xs, uint32_t id, uint64_t deadline)
{
    for (;;) {
        uint32_t seen = evtchn_count(xs->conf.ev, xs->conf.port);
        int got = take(xs, id, POLL_MESSAGES);
        if (got != 0)
            return got < 0 ? got : 0;
        int err = wait(xs, seen, deadline);
        if (err != 0)
            return err;
    }
}

/* The reply may yet come: its id is remembered, so that it can be told from a wrong one. */
static int give_up(struct xs *xs, uint32_t id)
{
    if (xs->late_count == XS_LATE_MAX)
        return xs->broken = -E_TIMEDOUT; /* nobody is there */
    xs->late[xs->late_count++] = id;
    return -E_TIMEDOUT;
}

static int request(struct xs *xs, uint32_t type, xs_txn_t txn, const struct cs_ro *parts,
                   unsigned n, struct cs_ro *reply)
{
    if (xs->broken != 0)
        return xs->broken;
    size_t len = cs_lenv(parts, n);
    if (len > XENSTORE_PAYLOAD_MAX)
        return -E_2BIG;
    if (++xs->next_req_id == 0)
        xs->next_req_id = 1; /* 0 is the id of watch events */
    struct xsd_sockmsg header = {
        .type = type, .req_id = xs->next_req_id, .tx_id = txn, .len = (uint32_t)len};
    uint64_t deadline = plat_now_ns() + xs->conf.timeout_ns;

    xs->stats.requests++;
    int err = send_request(xs, &header, parts, n, deadline);
    if (err == 0) {
        err = await_reply(xs, header.req_id, deadline);
        if (err == -E_TIMEDOUT)
            err = give_up(xs, header.req_id);
    }
    if (err != 0) {
        xs->stats.timeouts += err == -E_TIMEDOUT;
        return err;
    }
    xs->stats.replies++;
    struct xsd_sockmsg got = header_of(xs);
    struct cs_ro payload = cs_ro_of(xs->in + HEADER, got.len);
    if (got.type == XS_ERROR)
        return error_reply(xs, payload);
    if (got.type != type)
        return xs_refuse(xs, "reply of the wrong type");
    if (reply != NULL)
        *reply = payload;
    return 0;
}

int xs_request(struct xs *xs, uint32_t type, xs_txn_t txn, const struct cs_ro *parts, unsigned n,
               struct cs_ro *reply)
{
    xs->requests_now++;
    int err = request(xs, type, txn, parts, n, reply);
    xs->requests_now--;
    return err;
}

/* ---- life ------------------------------------------------------------------------------------ */

int xs_ring_start(struct xs *xs)
{
    struct xenstore_domain_interface *ring = ring_of(xs);
    uint64_t deadline = plat_now_ns() + xs->conf.timeout_ns;
    while (READ_ONCE(ring->connection) != XENSTORE_CONNECTED) {
        int err = wait(xs, evtchn_count(xs->conf.ev, xs->conf.port), deadline);
        if (err != 0)
            return err;
    }
    xs->in_len = 0;
    xs->req_prod = READ_ONCE(ring->req_prod);
    xs->rsp_cons = READ_ONCE(ring->rsp_prod);
    WRITE_ONCE(ring->rsp_cons, xs->rsp_cons);
    return 0;
}

int xs_init(struct xs *xs, const struct xs_conf *conf)
{
    if (conf->ring == NULL || conf->ev == NULL)
        return -E_INVAL;
    *xs = (struct xs){.conf = *conf};
    if (xs->conf.timeout_ns == 0)
        xs->conf.timeout_ns = 5 * NS_PER_S;
    return xs_ring_start(xs);
}
