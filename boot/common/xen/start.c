/* SPDX-License-Identifier: ISC */
/* start.c - brings up what the domain has, in the order in which one thing needs another; what is
 * missing is said, not fatal.
 *
 * Order: the level of logging; event channels (the console's and xenstore's reader is woken by
 * them); the console ring, and now the banner; grant tables; xenstore; the operator's requests;
 * what else of the command line stands in xenstore.
 */
#include <morgana/args.h>
#include <morgana/banner.h>
#include <morgana/log.h>
#include <morgana/page.h>
#include <morgana/platform.h>
#include <morgana/xen.h>

#include "start_priv.h"

#define FIFO_PAGES ((START_PORTS_MAX + 1023u) / 1024u)

STATIC_ASSERT(START_NETDEVS_MAX *(2 * NETFRONT_RING_SLOTS + 4) <= NETFRONT_GRANTS_MAX,
              "each device can have a queue's grants");
STATIC_ASSERT(START_GRANTS_MAX <= GNTTAB_FRAMES_MAX * 256, "a table of version 2 holds them");

static struct start start;
static uint32_t port_counts[START_PORTS_MAX];
static uint32_t grant_list[START_GRANTS_MAX];
static _Alignas(PAGE_BYTES) uint8_t fifo_control[PAGE_BYTES];
static _Alignas(PAGE_BYTES) uint8_t fifo_array[FIFO_PAGES * PAGE_BYTES];

struct start *start_get(void)
{
    return &start;
}

/* ---- the command line's part ----------------------------------------------------------------- */

/* Is the ring written? hvc0 and xen are Linux's words for it. */
static bool wants_ring(void)
{
    static const char *const consoles[] = {"ring", "hvc0", "xen", "emergency", NULL};

    return args_console(start.argc, start.argv, consoles) < 3;
}

/* ---- one service each ------------------------------------------------------------------------ */

static int evtchn_start(void)
{
    static const char *const abis[] = {"2l", "fifo", NULL};
    struct evtchn_conf conf = {
        .counts = port_counts,
        .ports_max = START_PORTS_MAX,
        .fifo_control = fifo_control,
        .fifo_array = fifo_array,
        .fifo_pages = FIFO_PAGES,
    };
    unsigned abi = 2; /* neither is asked for */
    int err = args_get_word(start.argc, start.argv, "evtchn", abis, &abi);

    if (err < 0)
        return err;
    conf.force_2l = abi == 0;
    err = evtchn_init(&start.ev, &conf);
    start.has_evtchn = err == 0;
    if (err < 0)
        LOG_WARN("no event channels: %s", err_name(err));
    else if (abi == 1 && start.ev.abi != EVTCHN_ABI_FIFO)
        LOG_WARN("evtchn=fifo: the hypervisor has only the 2-level ABI");
    return 0;
}

static void console_start(void)
{
    const struct xen_start *from = xen_start();
    struct xencons_conf conf = {
        .ring = from->console_ring,
        .port = from->console_port,
        /* xenconsoled reads at most 30 times in 200 ms, and then not at all until they are over */
        .wait_ns = 500 * NS_PER_MS,
    };
    int err;

    start.has_cons = false;
    if (from->console_ring == NULL || !wants_ring())
        return; /* nobody to tell, but by the emergency console: plat_console_write goes there */
    err = xencons_init(&start.cons, &conf);
    start.has_cons = err == 0;
    if (err < 0)
        LOG_WARN("no console ring: %s", err_name(err));
    else if (start.has_evtchn && evtchn_adopt(&start.ev, from->console_port) < 0)
        LOG_WARN("console: port %u cannot be used: input will not wake the program",
                 from->console_port);
}

static int gnttab_start(void)
{
    struct gnttab_conf conf = {.free_list = grant_list, .entries_max = START_GRANTS_MAX};
    int err = args_get_u32(start.argc, start.argv, "gnttab", 1, 2, &conf.version);

    if (err < 0)
        return err;
    err = gnttab_init(&start.gt, &conf);
    start.has_gnttab = err == 0;
    if (err < 0)
        LOG_WARN("no grant table: %s", err_name(err));
    return 0;
}

static void xenstore_start(void)
{
    const struct xen_start *from = xen_start();
    struct xs_conf conf = {.ring = from->store_ring, .ev = &start.ev, .port = from->store_port};
    int err = from->store_ring != NULL && start.has_evtchn ? 0 : -E_NODEV;

    if (err == 0)
        err = evtchn_adopt(&start.ev, from->store_port);
    if (err == 0)
        err = xs_init(&start.xs, &conf);
    start.has_xs = err == 0;
    if (err < 0) {
        LOG_WARN("no xenstore: %s: no devices, and nobody can ask for a shutdown", err_name(err));
        return;
    }
    err = xenctl_init(&start.ctl, &start.xs, start.suspend_machine != NULL);
    start.has_ctl = err == 0;
    if (err < 0)
        LOG_WARN("control/shutdown cannot be watched: %s", err_name(err));
}

static void report(void)
{
    const char *ports = "none", *grants = "none";

    if (start.has_evtchn)
        ports = start.ev.abi == EVTCHN_ABI_FIFO ? "FIFO" : "2-level";
    if (start.has_gnttab)
        grants = start.gt.version == 2 ? "version 2" : "version 1";
    LOG_INFO("event channels %s, grant table %s, xenstore %s", ports, grants,
             start.has_xs ? "connected" : "none");
}

int start_xen(int argc, char **argv)
{
    int err;

    start.argc = argc;
    start.argv = argv;
    err = args_log(argc, argv);
    if (err < 0)
        return err;
    err = evtchn_start();
    if (err < 0)
        return err;
    console_start();
    banner_print(argv[0]);
    err = gnttab_start();
    if (err < 0)
        return err;
    xenstore_start();
    report();
    return start_words(&start);
}

void start_fini(void)
{
    if (start.has_ctl)
        xenctl_fini(&start.ctl);
    if (start.has_xs)
        xs_fini(&start.xs);
    if (start.has_gnttab) {
        (void)gnttab_quarantine_poll(&start.quarantine, &start.gt, UINT32_MAX);
        gnttab_fini(&start.gt);
    }
    if (start.has_evtchn)
        evtchn_fini(&start.ev);
    start.has_vif_watch = start.has_balloon = start.has_ctl = start.has_xs = false;
    start.has_gnttab = start.has_evtchn = false;
    start.vif_look_ns = 0;
    start.quarantine = (struct gnttab_quarantine){.count = 0};
    for (unsigned i = 0; i < START_NETDEVS_MAX; i++)
        start.vifs[i].grants = NULL;
}
