/* SPDX-License-Identifier: ISC */
/* net.c - the process's network devices. Each tap= is one, in this order: a vif whose netback is
 * attached to
 *
 *     tap=NAME        a TAP device of Linux's
 *     tap=pcap:FILE   the frames of a pcap file, once; what the program sends is counted
 *     tap=loop:       itself: what the program sends comes back
 *
 * or, without Xen in between,
 *
 *     tap=NAME,direct a TAP device of Linux's that is the program's netdev (platform/tap)
 *     tap=NAME,plain  the same; checksums and segmentation are not left to Linux, nor by it
 *
 * and pcap=FILE writes all their frames, both ways, to a capture file.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/pcap.h>
#include <morgana/platform.h>
#include <morgana/start.h>

#include "host.h"
#include "platform/tap/tapdev.h"

/* A device: a vif, whose `tee` stands before `inner` where there is a capture; or direct. */
struct device {
    bool direct, plain;
    unsigned vif;         /* its number among the vifs */
    struct tapdev tapdev; /* direct */
    bool open;            /* direct: by the program */
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
                       struct sim_meta *csum)
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

/* As Xen's tools would number them, with Xen's prefix. */
static void usual_mac(const struct device *d, uint8_t mac[6])
{
    memcpy(mac, (uint8_t[6]){0x00, 0x16, 0x3e, 0x00, 0x00, (uint8_t)(1 + (d - net.device))}, 6);
}

/* ---- the command line ----------------------------------------------------------------------- */

static void open_tap(struct device *d, const char *name)
{
    char why[256];
    if (sim_tap_open(&d->tap, name, why, sizeof(why)) < 0)
        host_refuse("%s", why);
}

static void open_vif(struct device *d, const char *spec, struct sim_vif_conf *vif)
{
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
        open_tap(d, spec);
        d->inner = &d->tap.wire;
        if (d->tap.mtu_bytes != 1500)
            vif->mtu_bytes = d->tap.mtu_bytes;
    }
    d->tee = (struct sim_wire){.send = tee_send, .recv = tee_recv, .gso = d->inner->gso};
    vif->wire = net.capture != NULL ? &d->tee : d->inner;
    usual_mac(d, vif->mac);
}

/* "NAME,direct" or "NAME,plain": the name in `name`, which has room for any that Linux allows.
 * False: all of it is for the simulated Xen. */
static bool is_direct(const char *spec, char name[IFNAMSIZ], bool *plain)
{
    const char *comma = strrchr(spec, ',');
    size_t len = comma == NULL ? 0 : (size_t)(comma - spec);
    if (strncmp(spec, "pcap:", 5) == 0)
        return false;
    if (*spec == '\0' || spec == comma)
        host_refuse("tap=%s: expected a device's name, like tap0", spec);
    if (comma == NULL)
        return false;
    *plain = strcmp(comma, ",plain") == 0;
    if (!*plain && strcmp(comma, ",direct") != 0)
        host_refuse("tap=%s: expected NAME, or NAME,direct, or NAME,plain", spec);
    if (len >= IFNAMSIZ)
        host_refuse("tap=%s: the name is no device's name", spec);
    memcpy(name, spec, len);
    name[len] = '\0';
    return true;
}

static void open_device(const char *spec, struct sim_conf *conf)
{
    char name[IFNAMSIZ];
    if (net.count == HOST_NETDEVS_MAX)
        host_refuse("tap=%s: at most %u network devices", spec, HOST_NETDEVS_MAX);
    struct device *d = &net.device[net.count++];
    d->tap.fd = -1;
    d->direct = is_direct(spec, name, &d->plain);
    if (d->direct) {
        open_tap(d, name);
        return;
    }
    d->vif = conf->vif_count++;
    open_vif(d, spec, &conf->vif[d->vif]);
}

void host_net_open(int argc, char *const *argv, struct sim_conf *conf)
{
    const char *path = args_get(argc, argv, "pcap");
    if (path != NULL)
        open_capture(path);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "tap=", 4) == 0)
            open_device(argv[i] + 4, conf);
    }
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void lose(struct device *d)
{
    LOG_WARN("network device %u: its TAP device was deleted", (unsigned)(d - net.device));
    sim_tap_close(&d->tap); /* poll would return at once for ever */
    if (!d->direct)
        sim_vif_carrier(d->vif, false);
}

static bool wants_frames(const struct device *d)
{
    return d->direct ? d->open && !d->tapdev.starved : sim_vif_wants_frames(d->vif);
}

unsigned host_net_fds(int *fds)
{
    unsigned n = 0;
    for (unsigned i = 0; i < net.count; i++) {
        struct device *d = &net.device[i];
        if (d->tap.fd >= 0 && (d->direct ? d->tapdev.gone : d->tap.gone))
            lose(d);
        if (d->tap.fd >= 0 && wants_frames(d))
            fds[n++] = d->tap.fd;
    }
    return n;
}

/* ---- platform.h: devices -------------------------------------------------------------------- */

unsigned plat_netdev_count(void)
{
    return net.count;
}

static int open_direct(struct device *d, struct pkt_pool *pool, struct netdev **dev)
{
    struct start *start = start_get();
    struct tapdev_conf conf = {.fd = d->tap.fd,
                               .mtu_bytes = d->tap.mtu_bytes,
                               .pool = pool,
                               .plain = d->plain,
                               .tee = net.capture != NULL ? capture : NULL};
    unsigned index = (unsigned)(d - net.device);
    if (d->open) {
        LOG_ERROR("network device %u: open already", index);
        return -E_BUSY;
    }
    if (d->tap.fd < 0) {
        LOG_ERROR("network device %u: its TAP device was deleted", index);
        return -E_NODEV;
    }
    usual_mac(d, conf.mac);
    int err = index == 0 ? args_get_mac(start->argc, start->argv, "mac", conf.mac) : 0;
    if (err >= 0)
        err = tapdev_open(&d->tapdev, &conf, dev);
    d->open = err == 0;
    return err;
}

int plat_netdev_open(unsigned index, struct pkt_pool *pool, struct netdev **dev)
{
    if (index >= net.count) /* a vif that is not there: it says so */
        return start_vif_open(START_NETDEVS_MAX, index, pool, dev);
    struct device *d = &net.device[index];
    return d->direct ? open_direct(d, pool, dev) : start_vif_open(d->vif, index, pool, dev);
}

void plat_netdev_close(struct netdev *dev)
{
    if (start_vif_close(dev))
        return;
    for (unsigned i = 0; i < net.count; i++) {
        struct device *d = &net.device[i];
        if (d->open && dev == &d->tapdev.dev) {
            tapdev_close(&d->tapdev);
            d->open = false;
        }
    }
}
