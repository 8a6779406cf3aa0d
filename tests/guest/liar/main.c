/* SPDX-License-Identifier: ISC */
/* liar - a guest with two network devices and a disk: network device 0 is honest, and answers
 * pings; the backends of device 1 and of the disk lie (tests/xen/liar). Nothing that they do may
 * keep this program from answering.
 *
 * On device 1 it sends small frames, and drops what it receives; of the disk it reads and writes.
 * Where a backend broke the protocol, it closes the device and opens it anew. At the end all pages
 * must be there. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/net.h"

#include "liar.h"

int main(int argc, char **argv);

static struct net net = {.name = "liar", .pages_want = 512};

static void loop(void)
{
    while (plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        bool busy = net_poll(&net, now);

        busy = vif_turn(now) || busy;
        busy = vbd_turn(now) || busy;
        if (busy)
            continue;
        busy = vif_arm();
        busy = vbd_arm() || busy;
        if (!busy)
            net_wait(&net, u64_min(vif_due(), vbd_due()));
    }
}

int main(int argc, char **argv)
{
    bool good;

    vif_start();
    vbd_start();
    if (net_open(&net, argc, argv, plat_now_ns()) != 0)
        return 1;
    LOG_INFO("liar: %s", net_addr_text(&net).text);
    loop();
    good = vbd_end();
    good = vif_end() && good;
    net_close(&net);
    return good ? 0 : 1;
}
