/* SPDX-License-Identifier: ISC */
/* xenctl.c - control/shutdown and control/sysrq: what the toolstack asks for, taken and
 * acknowledged in one transaction. */
#include <morgana/log.h>
#include <morgana/platform.h>
#include <morgana/xenctl.h>

#define SHUTDOWN "control/shutdown"
#define SYSRQ "control/sysrq"

static const struct {
    const char *word;
    enum xenctl_request request;
} words[] = {
    {"poweroff", XENCTL_POWEROFF},
    {"halt", XENCTL_POWEROFF},
    {"reboot", XENCTL_REBOOT},
    {"suspend", XENCTL_SUSPEND},
};

static void advertise(struct xs *xs, const char *key, const char *value)
{
    int err = xs_printf(xs, XS_TXN_NONE, key, "%s", value);
    if (err != 0)
        LOG_WARN("xenctl: writing %s failed: %s", key, err_name(err));
}

static void advertise_all(struct xenctl *ctl)
{
    advertise(ctl->xs, "control/feature-poweroff", "1");
    advertise(ctl->xs, "control/feature-reboot", "1");
    if (ctl->can_suspend)
        advertise(ctl->xs, "control/feature-suspend", "1");
}

int xenctl_init(struct xenctl *ctl, struct xs *xs, bool can_suspend)
{
    *ctl = (struct xenctl){.xs = xs, .can_suspend = can_suspend};
    int err = xs_watch(xs, &ctl->watch, SHUTDOWN);
    if (err != 0)
        return err;
    err = xs_watch(xs, &ctl->sysrq, SYSRQ);
    if (err != 0) {
        (void)xs_unwatch(xs, &ctl->watch);
        return err;
    }
    advertise_all(ctl);
    return xs_broken(xs);
}

void xenctl_fini(struct xenctl *ctl)
{
    (void)xs_unwatch(ctl->xs, &ctl->sysrq);
    (void)xs_unwatch(ctl->xs, &ctl->watch);
}

struct order {
    const char *path;
    char word[64];
    int len;
};

/* Reads the order and acknowledges it, so that no other order is lost in between. */
static int take_order(struct xs *xs, xs_txn_t txn, void *arg)
{
    struct order *order = arg;
    order->len = xs_read(xs, txn, order->path, cs_of(order->word, sizeof(order->word) - 1));
    if (order->len == -E_NOSPC)
        order->len = (int)fmt_buf(order->word, sizeof(order->word), "(too long)");
    if (order->len <= 0)
        return order->len == -E_NOENT ? 0 : order->len;
    return xs_write(xs, txn, order->path, CS_RO_EMPTY);
}

/* False for a word that asks for nothing we can do. */
static bool follow(struct xenctl *ctl, const struct order *order)
{
    struct cs_ro word = cs_ro_of(order->word, (size_t)order->len);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!cs_equal_str(word, words[i].word))
            continue;
        if (words[i].request == XENCTL_SUSPEND && !ctl->can_suspend)
            return false;
        LOG_INFO("xenctl: asked to %s", words[i].word);
        if (ctl->request == XENCTL_RUN || ctl->request == XENCTL_SUSPEND)
            ctl->request = words[i].request;
        return true;
    }
    return false;
}

static void refuse(struct xenctl *ctl, const struct order *order)
{
    ctl->unknown++;
    LOG_WARN("xenctl: %s: cannot \"%s\", acknowledged and ignored", order->path, order->word);
}

/* Xenstored does not answer: the order stays due, and is looked at a pause later. */
static void look_later(struct xenctl *ctl, const char *path, int err)
{
    if (ctl->look_ns == 0)
        LOG_WARN("xenctl: taking %s failed: %s: tried again", path, err_name(err));
    ctl->look_ns = plat_now_ns() + XS_RETRY_NS;
}

enum xenctl_request xenctl_poll(struct xenctl *ctl)
{
    xs_poll(ctl->xs);
    uint32_t fired = ctl->watch.fired;
    if (fired == ctl->seen || xs_broken(ctl->xs) != 0 ||
        !xs_may_retry(ctl->xs, ctl->look_ns, plat_now_ns()))
        return ctl->request;
    struct order order = {.path = SHUTDOWN};
    int err = xs_txn_run(ctl->xs, take_order, &order);
    if (xs_no_answer(err)) {
        /* Or others keep changing the tree (-E_AGAIN). Its event is gone, so what was read is
         * followed now, and acknowledged next time. */
        if (err == -E_TIMEDOUT)
            look_later(ctl, SHUTDOWN, err);
        if (order.len > 0)
            (void)follow(ctl, &order);
        return ctl->request;
    }
    /* As counted before it was read: what came after that, our acknowledgement too, is looked at
     * again. */
    ctl->seen = fired;
    ctl->look_ns = 0;
    if (err != 0)
        LOG_WARN("xenctl: taking %s failed: %s", SHUTDOWN, err_name(err));
    /* An order that was read is followed, even where the toolstack does not let us acknowledge
     * it. */
    if (order.len > 0 && !follow(ctl, &order))
        refuse(ctl, &order);
    return ctl->request;
}

void xenctl_resume(struct xenctl *ctl)
{
    if (ctl->request == XENCTL_SUSPEND)
        ctl->request = XENCTL_RUN;
    advertise_all(ctl);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char xenctl_sysrq(struct xenctl *ctl)
{
    uint32_t fired = ctl->sysrq.fired;
    if (fired == ctl->sysrq_seen || xs_broken(ctl->xs) != 0 ||
        !xs_may_retry(ctl->xs, ctl->look_ns, plat_now_ns()))
        return '\0';
    struct order order = {.path = SYSRQ};
    int err = xs_txn_run(ctl->xs, take_order, &order);
    if (xs_no_answer(err) && order.len <= 0) {
        look_later(ctl, SYSRQ, err);
        return '\0';
    }
    ctl->sysrq_seen = fired;
    ctl->look_ns = 0;
    /* Nobody waits for the acknowledgement: there is no second try of one that failed. */
    if (err != 0)
        LOG_WARN("xenctl: taking %s failed: %s", SYSRQ, err_name(err));
    if (order.len == 1 && is_letter(order.word[0]))
        return order.word[0];
    if (order.len > 0)
        refuse(ctl, &order);
    return '\0';
}
