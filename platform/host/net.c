/* SPDX-License-Identifier: ISC */
/* net.c - the process's network devices: each tap= is a vif whose netback is attached to
 *
 *     tap=NAME        a TAP device of Linux's
 *     tap=pcap:FILE   the frames of a pcap file, once; what the program sends is counted
 *     tap=loop:       itself: what the program sends comes back
 *
 * and pcap=FILE writes all their frames, both ways, to a capture file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/pcap.h>
#include <morgana/platform.h>

#include "host.h"

/* A device; `tee` stands before `inner` where there is a capture. */
struct device {
    struct sim_wire tee;
    struct sim_wire *inner;
    struct sim_tap tap;
    struct sim_pcap pcap;
    struct sim_queue loop;
};

static struct {
    struct device device[HOST_NETDEVS_MAX];
    unsigned count;
    FILE *capture;
    const char *capture_path;
} net;

/* ---- the capture ---------------------------------------------------------------------------- */

static bool capture_write(void *arg, struct cs_ro bytes)
{
    (void)arg;
    return fwrite(bytes.base, 1, bytes.len, net.capture) == bytes.len;
}

static void end_capture(void)
{
    fprintf(stderr, "pcap=%s: %s: the capture ends here\n", net.capture_path, strerror(errno));
    fclose(net.capture);
    net.capture = NULL;
}

static void capture(const struct iovec *iov, unsigned iov_count, size_t len)
{
    struct pcap_record record;
    size_t left = len;
    if (net.capture == NULL)
        return;
    pcap_record(&record, plat_wall_ns(), (uint32_t)len, (uint32_t)len);
    bool ok = capture_write(NULL, cs_ro_of(&record, sizeof(record)));
    for (unsigned i = 0; ok && i < iov_count && left != 0; i++) {
        size_t n = size_min(left, iov[i].iov_len);
        ok = capture_write(NULL, cs_ro_of(iov[i].iov_base, n));
        left -= n;
    }
    if (!ok)
        end_capture();
}

static bool tee_send(struct sim_wire *wire, const struct sim_frame *frame)
{
    struct sim_wire *inner = CONTAINER_OF(wire, struct device, tee)->inner;
    capture(frame->iov, frame->iov_count, frame->len);
    return inner->send(inner, frame);
}

static size_t tee_recv(struct sim_wire *wire, const struct iovec *iov, unsigned iov_count,
                       struct sim_csum *csum)
{
    struct sim_wire *inner = CONTAINER_OF(wire, struct device, tee)->inner;
    size_t len = inner->recv(inner, iov, iov_count, csum);
    if (len != 0)
        capture(iov, iov_count, len);
    return len;
}

static void open_capture(const char *path)
{
    struct pcap_conf conf = {.write = capture_write, .nanoseconds = true};
    struct pcap writer;
    net.capture_path = path;
    net.capture = fopen(path, "wbe");
    if (net.capture == NULL)
        host_refuse("pcap=%s: %s", path, strerror(errno));
    if (pcap_init(&writer, &conf) < 0)
        host_refuse("pcap=%s: %s", path, strerror(errno));
}

void host_net_flush(void)
{
    if (net.capture != NULL && fflush(net.capture) != 0)
        end_capture();
}

/* ---- devices -------------------------------------------------------------------------------- */

static void open_device(const char *spec, struct sim_vif_conf *vif)
{
    char why[256];
    if (net.count == HOST_NETDEVS_MAX)
        host_refuse("tap=%s: at most %u network devices", spec, HOST_NETDEVS_MAX);
    struct device *d = &net.device[net.count++];
    d->tap.fd = -1;
    if (strncmp(spec, "pcap:", 5) == 0) {
        int err = sim_pcap_open(&d->pcap, spec + 5);
        if (err < 0)
            host_refuse("tap=%s: %s", spec,
                        err == -E_PROTO ? "not a pcap file of Ethernet frames" : strerror(-err));
        d->inner = &d->pcap.wire;
    } else if (strcmp(spec, "loop:") == 0) {
        if (sim_queue_init(&d->loop) < 0)
            host_refuse("tap=%s: out of memory", spec);
        d->inner = &d->loop.wire;
    } else {
        if (sim_tap_open(&d->tap, spec, why, sizeof(why)) < 0)
            host_refuse("%s", why);
        d->inner = &d->tap.wire;
        if (d->tap.mtu_bytes != 1500)
            vif->mtu_bytes = d->tap.mtu_bytes;
    }
    d->tee = (struct sim_wire){.send = tee_send, .recv = tee_recv};
    vif->wire = net.capture != NULL ? &d->tee : d->inner;
}

void host_net_open(int argc, char *const *argv, struct sim_conf *conf)
{
    const char *path = args_get(argc, argv, "pcap");
    if (path != NULL)
        open_capture(path);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "tap=", 4) == 0) {
            open_device(argv[i] + 4, &conf->vif[conf->vif_count]);
            conf->vif_count = net.count;
        }
    }
}

unsigned host_net_fds(int *fds)
{
    unsigned n = 0;
    for (unsigned i = 0; i < net.count; i++) {
        struct sim_tap *tap = &net.device[i].tap;
        if (tap->gone && tap->fd >= 0) {
            LOG_WARN("network device %u: its TAP device was deleted", i);
            sim_tap_close(tap); /* poll would return at once for ever */
            sim_vif_carrier(i, false);
        }
        if (tap->fd >= 0 && sim_vif_wants_frames(i))
            fds[n++] = tap->fd;
    }
    return n;
}
