/* SPDX-License-Identifier: ISC */
/* netdev.c - the program's one network device, and whose address it has. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "board.h"
#include "emac.h"
#include "mmio.h"

static struct emac emac;
static bool is_open;
static int arg_count;
static char *const *args;

void netdev_init(int argc, char *const *argv)
{
    arg_count = argc;
    args = argv;
}

unsigned plat_netdev_count(void)
{
    return 1;
}

/* As U-Boot makes one of the chip's serial number; false where there is none. */
static bool mac_of_chip(uint8_t mac[6])
{
    uint32_t first = mmio_read(board()->sid), last = mmio_read(board()->sid + 12);

    if (first == 0 || last == 0)
        return false;
    if ((last & 0xffffff) == 0)
        last |= 0x800000;
    mac[0] = 0x02; /* locally administered */
    mac[1] = (uint8_t)first;
    for (unsigned i = 0; i < 4; i++)
        mac[2 + i] = (uint8_t)(last >> (24 - 8 * i));
    return true;
}

/* The operator's; else what a loader that used the network left in the device; else the chip's;
 * else one that every board would have. */
static int choose_mac(uint8_t mac[6])
{
    static const uint8_t nobodys[6] = {0x02, 0x00, 0x00, 0xa1, 0x00, 0x01};
    int err = args_get_mac(arg_count, args, "mac", mac);

    if (err != 0)
        return err < 0 ? err : 0;
    if (emac_read_mac(board()->emac, mac) || mac_of_chip(mac))
        return 0;
    memcpy(mac, nobodys, sizeof(nobodys));
    LOG_WARN("emac: the board has no address of its own: %s, as any other: say mac=",
             fmt_mac(mac).text);
    return 0;
}

int plat_netdev_open(unsigned index, struct pkt_pool *pool, struct netdev **dev)
{
    struct emac_conf conf = {.base = board()->emac, .pool = pool};
    int err;

    if (index != 0) {
        LOG_ERROR("network device %u: there is only device 0", index);
        return -E_NODEV;
    }
    if (is_open) {
        LOG_ERROR("network device 0: open already");
        return -E_BUSY;
    }
    board_emac_on();
    err = choose_mac(conf.mac);
    if (err < 0)
        return err;
    err = emac_open(&emac, &conf, dev);
    if (err < 0) {
        LOG_ERROR("network device 0: no EMAC answers at 0x%lx: %s", (unsigned long)conf.base,
                  err_name(err));
        return err;
    }
    is_open = true;
    return 0;
}

void plat_netdev_close(struct netdev *dev)
{
    if (is_open && dev == &emac.dev) {
        emac_close(&emac);
        is_open = false;
    }
}
