/* SPDX-License-Identifier: ISC */
/* liar: a backend that lies, for tests/xen: what a guest meets whose driver domain was taken over.
 *
 *     liar DOMID DEVICE prepare    before the guest runs: gives it device/DEVICE, "vif/1" or
 *                                  "vbd/51712", of which the backend is here
 *     liar DOMID DEVICE FILE       tells every lie of the kind's table, and then is honest until
 *                                  FILE is there: a guest that waits for one backend does nothing
 *                                  else meanwhile, so none leaves before the others are ready
 *
 * xl and Linux's backends know nothing of the device. What a lie must lead to stands beside it. For
 * one that breaks the protocol it is the text that the guest's console says of it: "expect: TEXT"
 * lines on stdout tell the case which, and "warns: TEXT" what it says of others. The last line is
 * "N lies, N not answered as they should be"; the exit status is 0 where there are none. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "liar.h"

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("liar: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    exit(1);
}

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sleep_ms(unsigned ms)
{
    usleep(ms * 1000);
}

/* ---- one after the other --------------------------------------------------------------------- */

#define CLOSED_ONES                                                                                \
    (1u << XenbusStateClosing | 1u << XenbusStateClosed | 1u << XenbusStateInitialising)
#define PATIENCE_MS 8000u

static void write_keys(struct device *d, const char *const (*keys)[2])
{
    char path[160], domid[16];

    snprintf(domid, sizeof(domid), "%u", d->domid);
    store_write(d->back, "frontend-id", domid);
    for (unsigned i = 0; d->keys != NULL && d->keys[i][0] != NULL; i++) {
        snprintf(path, sizeof(path), "%s/%s", d->back, d->keys[i][0]);
        store_rm(path);
    }
    for (unsigned i = 0; keys[i][0] != NULL; i++)
        store_write(d->back, keys[i][0], keys[i][1]);
    d->keys = keys;
}

static void prepare(struct device *d, const struct lie *lie)
{
    /* `state` stays: a backend that is gone for a moment is another lie. */
    store_make(d->back, 0, d->domid);
    if (d->keys != lie->keys)
        write_keys(d, lie->keys);
    device_state(d, "2");
}

/* Closing, Closed: the guest follows, or did already. */
static bool part(struct device *d, bool is_there)
{
    if (is_there) {
        device_state(d, "5");
        if (!device_wait_front(d, CLOSED_ONES, PATIENCE_MS))
            return false;
    }
    device_disconnect(d);
    store_make(d->back, 0, d->domid); /* it may be gone */
    device_state(d, "6");
    return device_wait_front(d, 1u << XenbusStateClosed | 1u << XenbusStateInitialising,
                             PATIENCE_MS);
}

/* A new connection, on which all is well. NULL: so it is. */
static const char *meet(struct device *d, const struct lie *lie)
{
    prepare(d, lie);
    if (!device_wait_front(d, 1u << d->kind->published, 4 * PATIENCE_MS)) /* it may have to start */
        return "it did not connect";
    device_connect(d);
    device_state(d, "4");
    if (!device_wait_front(d, 1u << XenbusStateConnected, PATIENCE_MS))
        return "it did not connect";
    if (!d->kind->is_served(d))
        return "it does not serve an honest backend";
    return device_release(d) ? NULL : "it uses a page that is still mapped";
}

/* Closed is what the guest was before it looked; where it looks at once, it waits in Closing. */
static const char *refused(struct device *d, const struct lie *lie)
{
    unsigned no = 1u << XenbusStateClosing;

    prepare(d, lie);
    if (!d->kind->refuses_before) {
        if (!device_wait_front(d, 1u << d->kind->published, 4 * PATIENCE_MS))
            return "it did not connect";
        device_connect(d);
        device_state(d, "4");
        no |= 1u << XenbusStateClosed;
    }
    if (!device_wait_front(d, no, PATIENCE_MS))
        return "it did not refuse";
    return part(d, false) ? NULL : "it does not close";
}

/* NULL: what should come of it came. `more`: the next lie is told on the same connection. */
static const char *told(struct device *d, const struct lie *lie, bool more)
{
    const char *why = lie->keys == NULL ? NULL : meet(d, lie);
    bool stays = lie->outcome == STAYS, closed;

    if (why != NULL || !d->connected)
        return why != NULL ? why : "there is no connection";
    lie->tell(d);
    closed = device_wait_front(d, CLOSED_ONES, stays || lie->outcome == ANY ? 50 : PATIENCE_MS);
    if (lie->outcome != ANY && closed == stays)
        return closed ? "it closed the device" : "it did not close the device";
    if (stays && !d->kind->is_served(d))
        return "it does not go on";
    return more || part(d, !closed) ? NULL : "it does not close";
}

/* What xl would write. */
static void introduce(struct device *d)
{
    const char *const(*keys)[2] = d->kind->front_keys;

    prepare(d, &d->kind->lies[0]);
    store_make(d->front, d->domid, 0);
    store_write(d->front, "backend", d->back);
    store_write(d->front, "backend-id", "0");
    store_write(d->front, d->kind->number_key, strrchr(d->front, '/') + 1);
    for (unsigned i = 0; keys[i][0] != NULL; i++)
        store_write(d->front, keys[i][0], keys[i][1]);
    store_write(d->front, "state", "1");
}

int main(int argc, char **argv)
{
    unsigned not_so = 0;
    struct device d;

    if (argc != 4)
        die("usage: liar DOMID DEVICE prepare|FILE");
    setvbuf(stdout, NULL, _IOLBF, 0);
    store_open();
    device_open(&d, (unsigned)atoi(argv[1]), argv[2]);
    if (strcmp(argv[3], "prepare") == 0) {
        introduce(&d);
        return 0;
    }
    d.keys = d.kind->lies[0].keys;
    for (unsigned i = 0; i < d.kind->count; i++) {
        const struct lie *lie = &d.kind->lies[i];
        uint64_t began = now_ms();
        bool more = i + 1 == d.kind->count || lie[1].keys == NULL;
        const char *why = lie->outcome == REFUSES ? refused(&d, lie) : told(&d, lie, more);

        not_so += why != NULL;
        printf("%s: %s (%u ms)\n", lie->name, why != NULL ? why : "as it should be",
               (unsigned)(now_ms() - began));
        if (lie->text != NULL)
            printf("%s: %s\n", lie->outcome == STAYS ? "warns" : "expect", lie->text);
        if (why != NULL && d.connected)
            (void)part(&d, true);
    }
    printf("%u lies, %u not answered as they should be\n", d.kind->count, not_so);
    while (d.connected && access(argv[3], F_OK) != 0) {
        (void)d.kind->is_served(&d);
        sleep_ms(100);
    }
    if (d.connected)
        (void)part(&d, true);
    return not_so != 0;
}
