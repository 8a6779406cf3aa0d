/* SPDX-License-Identifier: ISC */
/* xenbus.c - a frontend's side of the handshake with its backend: the table of all pairs of states,
 * and the keys. */
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/xenbus.h>

#include "xen/hypercall.h"

#include <xen/io/xenbus.h>

#define SAME(ours, xens)                                                                           \
    STATIC_ASSERT((int)(ours) == (int)(xens), "the numbers of public/io/xenbus.h")
SAME(XENBUS_UNKNOWN, XenbusStateUnknown);
SAME(XENBUS_INITIALISING, XenbusStateInitialising);
SAME(XENBUS_INIT_WAIT, XenbusStateInitWait);
SAME(XENBUS_INITIALISED, XenbusStateInitialised);
SAME(XENBUS_CONNECTED, XenbusStateConnected);
SAME(XENBUS_CLOSING, XenbusStateClosing);
SAME(XENBUS_CLOSED, XenbusStateClosed);
SAME(XENBUS_RECONFIGURING, XenbusStateReconfiguring);
SAME(XENBUS_RECONFIGURED, XenbusStateReconfigured);

#define LISTING_BYTES 1024u
/* Longest sleep without looking at xenstore's ring. */
#define LOOK_EVERY_NS (50 * NS_PER_MS)

const char *xenbus_state_name(unsigned state)
{
    static const char *const names[] = {
        "Unknown", "Initialising", "InitWait",      "Initialised",  "Connected",
        "Closing", "Closed",       "Reconfiguring", "Reconfigured",
    };
    STATIC_ASSERT(ARRAY_SIZE(names) == XENBUS_STATES, "a name a state");
    return state < XENBUS_STATES ? names[state] : "invalid";
}

const char *xenbus_action_name(enum xenbus_action action)
{
    static const char *const names[] = {
        "wait", "publish", "connect", "run", "close", "finish", "reopen", "refuse",
    };
    STATIC_ASSERT(ARRAY_SIZE(names) == XENBUS_ACTIONS, "a name an action");
    ASSERT(action < XENBUS_ACTIONS);
    return names[action];
}

/* Rows: our state. Columns: the backend's, as last read.
 *
 * A backend that is gone (Unknown: its directory or its state key is not there) is closed against
 * as one that leaves, but once we are Closing it counts as having seen that. Before Initialised
 * nothing of ours is shared, so its Closing and Closed are leftovers of an earlier life: it will go
 * on to InitWait when it sees us Initialising. Network backends expect us to go Connected before
 * them, so a Connected frontend of an InitWait backend waits. Reconfiguring is for PCI; it stops
 * traffic, no more. */
enum xenbus_action xenbus_action(unsigned ours, unsigned theirs)
{
    enum {
        W = XENBUS_WAIT,
        P = XENBUS_PUBLISH,
        C = XENBUS_CONNECT,
        R = XENBUS_RUN,
        X = XENBUS_CLOSE,
        F = XENBUS_FINISH,
        O = XENBUS_REOPEN,
        Z = XENBUS_REFUSE
    };
    /* clang-format off */
    static const uint8_t table[XENBUS_STATES][XENBUS_STATES + 1] = {
        /* theirs:                 Unk  Ini  IWt  Ied  Con  Cng  Csd  Rng  Red  invalid */
        [XENBUS_UNKNOWN]       = { W,   W,   W,   W,   W,   W,   W,   W,   W,   Z },
        [XENBUS_INITIALISING]  = { X,   W,   P,   W,   W,   W,   W,   W,   W,   Z },
        [XENBUS_INIT_WAIT]     = { X,   W,   P,   W,   W,   W,   W,   W,   W,   Z },
        [XENBUS_INITIALISED]   = { X,   W,   W,   W,   C,   X,   X,   W,   W,   Z },
        [XENBUS_CONNECTED]     = { X,   W,   W,   W,   R,   X,   X,   W,   W,   Z },
        [XENBUS_CLOSING]       = { F,   W,   W,   W,   W,   F,   F,   W,   W,   F },
        [XENBUS_CLOSED]        = { W,   W,   O,   W,   W,   W,   W,   W,   W,   W },
        [XENBUS_RECONFIGURING] = { X,   W,   W,   W,   W,   X,   X,   W,   W,   Z },
        [XENBUS_RECONFIGURED]  = { X,   W,   W,   W,   R,   X,   X,   W,   W,   Z },
    };
    /* clang-format on */
    ASSERT(ours < XENBUS_STATES);
    return (enum xenbus_action)table[ours][theirs < XENBUS_INVALID ? theirs : XENBUS_INVALID];
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* "<dir>/<key>" in `out`; -E_2BIG. */
static int join(char out[XS_PATH_MAX], const char *dir, const char *key)
{
    return fmt_buf(out, XS_PATH_MAX, "%s/%s", dir, key) < XS_PATH_MAX ? 0 : -E_2BIG;
}

static int failed(const char *dir, const char *key, const char *what, int err)
{
    LOG_ERROR("%s: %s of %s failed: %s", dir, what, key, err_name(err));
    return err;
}

int xenbus_printf(struct xenbus_dev *dev, xs_txn_t txn, const char *key, const char *format, ...)
{
    char path[XS_PATH_MAX];
    va_list args;
    int err = join(path, dev->path, key);
    va_start(args, format);
    if (err == 0)
        err = xs_vprintf(dev->xs, txn, path, format, args);
    va_end(args);
    return err == 0 || err == -E_AGAIN ? err : failed(dev->path, key, "writing", err);
}

int xenbus_rm(struct xenbus_dev *dev, xs_txn_t txn, const char *key)
{
    char path[XS_PATH_MAX];
    int err = join(path, dev->path, key);
    if (err == 0)
        err = xs_rm(dev->xs, txn, path);
    if (err == 0 || err == -E_NOENT)
        return 0;
    return err == -E_AGAIN ? err : failed(dev->path, key, "removal", err);
}

static int read_key(struct xenbus_dev *dev, xs_txn_t txn, const char *dir, const char *key,
                    struct cs out)
{
    char path[XS_PATH_MAX];
    int n = join(path, dir, key);
    if (n == 0)
        n = xs_read(dev->xs, txn, path, out);
    return n >= 0 || n == -E_NOENT || n == -E_AGAIN ? n : failed(dir, key, "reading", n);
}

int xenbus_read(struct xenbus_dev *dev, xs_txn_t txn, const char *key, struct cs out)
{
    return read_key(dev, txn, dev->path, key, out);
}

int xenbus_otherend_read(struct xenbus_dev *dev, xs_txn_t txn, const char *key, struct cs out)
{
    return read_key(dev, txn, dev->otherend, key, out);
}

int xenbus_u64(struct xenbus_dev *dev, const char *key, uint64_t min, uint64_t max,
               uint64_t otherwise, uint64_t *value)
{
    char path[XS_PATH_MAX];
    uint64_t number = 0;
    int err = join(path, dev->path, key);
    if (err == 0)
        err = xs_read_u64(dev->xs, XS_TXN_NONE, path, max, &number);
    if (xs_no_answer(err))
        return err == -E_AGAIN ? err : failed(dev->path, key, "reading", err);
    bool good = err == 0 && number >= min;
    if (!good && err != -E_NOENT)
        LOG_WARN("%s/%s: not a number from %llu to %llu: taken as %llu", dev->path, key,
                 (unsigned long long)min, (unsigned long long)max, (unsigned long long)otherwise);
    *value = good ? number : otherwise;
    return 0;
}

int xenbus_otherend_u64(struct xenbus_dev *dev, xs_txn_t txn, const char *key, uint64_t max,
                        uint64_t otherwise, uint64_t *value)
{
    char path[XS_PATH_MAX];
    int err = join(path, dev->otherend, key);
    if (err == 0)
        err = xs_read_u64(dev->xs, txn, path, max, value);
    if (err == -E_NOENT) {
        *value = otherwise;
        return 0;
    }
    return err == 0 || err == -E_AGAIN ? err : failed(dev->otherend, key, "reading", err);
}

/* ---- states ---------------------------------------------------------------------------------- */

int xenbus_switch_state(struct xenbus_dev *dev, xs_txn_t txn, unsigned state)
{
    ASSERT(state < XENBUS_STATES);
    if (dev->state == state)
        return 0;
    int err = xenbus_printf(dev, txn, "state", "%u", state);
    if (err == 0)
        dev->state = state;
    return err;
}

int xenbus_read_otherend(struct xenbus_dev *dev)
{
    char path[XS_PATH_MAX];
    uint64_t state = XENBUS_UNKNOWN;
    int err = join(path, dev->otherend, "state");
    if (err == 0)
        err = xs_read_u64(dev->xs, XS_TXN_NONE, path, XENBUS_STATES - 1, &state);
    /* What was removed cannot be told from what we may not see: its parents' permissions decide
     * what xenstored says. */
    if (err == -E_NOENT || err == -E_ACCES)
        state = XENBUS_UNKNOWN;
    else if (err == -E_INVAL)
        state = XENBUS_INVALID;
    else if (err != 0)
        return failed(dev->otherend, "state", "reading", err);
    dev->otherend_state = (unsigned)state;
    return 0;
}

bool xenbus_poll(struct xenbus_dev *dev)
{
    xs_poll(dev->xs);
    uint32_t fired = dev->watch.fired;
    if (fired == dev->seen && dev->look_tries == 0)
        return false;
    if (dev->look_tries != 0 && plat_now_ns() < dev->look_at_ns)
        return false;
    unsigned was = dev->otherend_state;
    /* Counted as seen before it is read: a change after the read fires again. */
    dev->seen = fired;
    int err = xenbus_read_otherend(dev);
    if (err == 0) {
        dev->look_tries = 0;
        return dev->otherend_state != was;
    }
    dev->look_at_ns = plat_now_ns() + XENBUS_LOOK_PAUSE_NS;
    if (++dev->look_tries < XENBUS_LOOK_TRIES)
        return false;
    dev->look_tries = 0;
    dev->otherend_state = XENBUS_UNKNOWN;
    LOG_ERROR("%s: its state cannot be read: counted as gone", dev->otherend);
    return was != XENBUS_UNKNOWN;
}

int xenbus_wait_otherend(struct xenbus_dev *dev, unsigned states, uint64_t deadline_ns)
{
    uint32_t resumes = dev->xs->resumes;
    for (;;) {
        uint32_t seen = evtchn_count(dev->xs->conf.ev, dev->xs->conf.port);
        xenbus_poll(dev);
        if (xs_broken(dev->xs) != 0)
            return xs_broken(dev->xs);
        if (dev->xs->resumes != resumes)
            return -E_AGAIN;
        if ((states >> dev->otherend_state & 1) != 0)
            return 0;
        uint64_t now = plat_now_ns();
        if (now >= deadline_ns)
            return -E_TIMEDOUT;
        if (evtchn_count(dev->xs->conf.ev, dev->xs->conf.port) == seen)
            plat_wait(u64_min(deadline_ns, now + LOOK_EVERY_NS));
    }
}

/* ---- which there are ------------------------------------------------------------------------- */

/* Puts `index` where it belongs among `n` ascending ones; what falls off the end is lost. Returns
 * how many there are now. */
static unsigned insert(uint32_t *indices, unsigned n, unsigned max, uint32_t index)
{
    unsigned i = n;
    if (n == max && (n == 0 || indices[n - 1] < index))
        return n;
    if (n == max)
        i--;
    for (; i > 0 && indices[i - 1] > index; i--)
        indices[i] = indices[i - 1];
    indices[i] = index;
    return n < max ? n + 1 : n;
}

int xenbus_list(struct xs *xs, const char *kind, uint32_t *indices, unsigned max)
{
    char names[LISTING_BYTES], path[XS_PATH_MAX];
    unsigned n = 0;
    int err = join(path, "device", kind);
    int len = err != 0 ? err : xs_directory(xs, XS_TXN_NONE, path, cs_of(names, sizeof(names) - 1));
    if (len < 0)
        return len == -E_NOENT ? 0 : len;
    names[len] = '\0';
    for (size_t at = 0; at < (size_t)len; at += __builtin_strlen(names + at) + 1) {
        struct cs_ro name = cs_of_str(names + at);
        uint64_t index = 0;
        /* "00" is no second 0 */
        if (name.len != 0 && fmt_parse_u64(name, UINT32_MAX, &index) == name.len &&
            (name.len == 1 || names[at] != '0'))
            n = insert(indices, n, max, (uint32_t)index);
    }
    return (int)n;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Who the backend is. */
static int read_backend(struct xenbus_dev *dev)
{
    char path[XS_PATH_MAX];
    uint64_t domid;
    int n = xenbus_read(dev, XS_TXN_NONE, "backend", cs_of(dev->otherend, XS_PATH_MAX));
    if (n < 0)
        return n == -E_NOENT ? -E_NODEV : n;
    if (n == 0 || n >= (int)XS_PATH_MAX ||
        cs_find_byte(cs_ro_of(dev->otherend, (size_t)n), 0, 0) != CS_NOT_FOUND)
        return failed(dev->path, "backend", "reading", -E_PROTO);
    int err = join(path, dev->path, "backend-id");
    if (err == 0)
        err = xs_read_u64(dev->xs, XS_TXN_NONE, path, DOMID_FIRST_RESERVED - 1, &domid);
    if (err != 0)
        return failed(dev->path, "backend-id", "reading",
                      err == -E_INVAL || err == -E_NOENT ? -E_PROTO : err);
    dev->otherend_id = (uint16_t)domid;
    return 0;
}

int xenbus_reopen(struct xenbus_dev *dev)
{
    char state[XS_PATH_MAX];
    xenbus_close(dev);
    dev->state = XENBUS_UNKNOWN;
    dev->look_tries = 0;
    int err = read_backend(dev);
    if (err == 0)
        err = join(state, dev->otherend, "state");
    if (err == 0)
        err = xs_watch(dev->xs, &dev->watch, state);
    if (err != 0)
        return err;
    dev->watched = true;
    dev->seen = dev->watch.fired;
    err = xenbus_read_otherend(dev);
    if (err != 0)
        xenbus_close(dev);
    return err;
}

int xenbus_open(struct xenbus_dev *dev, struct xs *xs, const char *path)
{
    *dev = (struct xenbus_dev){.xs = xs};
    if (fmt_buf(dev->path, sizeof(dev->path), "%s", path) >= sizeof(dev->path))
        return -E_2BIG;
    return xenbus_reopen(dev);
}

void xenbus_close(struct xenbus_dev *dev)
{
    if (dev->watched)
        xs_unwatch(dev->xs, &dev->watch);
    dev->watched = false;
}
