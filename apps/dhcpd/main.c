/* SPDX-License-Identifier: ISC */
/* dhcpd - a DHCP server, whole: an interface, dhcpd.conf, the server, a disk that the leases are
 * kept on, and a console on which to look at them. */
#include <morgana/args.h>
#include <morgana/dhcp_store.h>
#include <morgana/dhcp_udp.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "apps/common/disk.h"
#include "apps/common/memory.h"
#include "apps/common/net.h"

enum { ARP_ENTRIES = 256, FRAG_QUEUES = 4, BUDGET = 64, LINES_A_TURN = 8, LINES_AT_EXIT = 256 };
enum { KEYS_A_TURN = 16 };
enum { PAGES_MIN = 64, PAGES_DEFAULT = 448, PAGES_MAX = 65536 };
enum { CONF_BYTES_MAX = 1 << 20, EXTENTS = 32 }; /* of files on a FAT disk */
enum { LEASES_MIN = 16, LEASES_DEFAULT_MAX = 4096, LEASES_MAX = 1 << 20 };

static struct arp_entry arp[ARP_ENTRIES];
static struct ip4_frag_queue frags[FRAG_QUEUES];
static struct page_pool pages;
static struct pkt_pool pool;
static struct netif nif;
static struct dhcp_conf conf;
static struct dhcp_server server;
static struct dhcp_leases leases;
static struct dhcp_udp edge;

static struct disk disk = {
    .name = "dhcpd", .pages = &pages, .writes = true, .is_ours = dhcp_journal_is_ours};
static struct dhcp_store store;
static bool has_disk, has_store;
static struct fat_file journal; /* on a FAT disk: the store's window is over its extents */
static struct blk_extent extents[EXTENTS];
static struct blk_window window;
static char store_name[100];

/* ---- memory: taken once, at the start -------------------------------------------------------- */

static int start_pool(int argc, char **argv)
{
    const struct memory_pool_conf mc = {.name = "dhcpd",
                                        .pages = PAGES_DEFAULT,
                                        .min = PAGES_MIN,
                                        .max = PAGES_MAX,
                                        .less = 8,
                                        .pkts_a_page = 1};

    return memory_pool(&pages, &pool, &mc, argc, argv);
}

/* ---- configuration --------------------------------------------------------------------------- */

/* dhcpd.conf of a FAT disk, where there is no module. */
static int read_file(const char *path, struct cs_ro *text)
{
    struct fat_file file;
    struct cs buf;
    int err = fat_open(&disk.fat, path, 0, 0, &file);

    if (err == -E_NOENT)
        return 0;
    if (err == 0) {
        buf.len = file.size;
        if (buf.len > CONF_BYTES_MAX)
            err = -E_2BIG;
        else if ((buf.base = memory_take(buf.len, 1)) == NULL)
            err = -E_NOMEM;
        else
            err = fat_read(&file, 0, buf);
        if (err >= 0)
            *text = cs_as_ro(cs_head(buf, (size_t)err));
        (void)fat_close(&file);
    }
    if (err < 0)
        LOG_ERROR("dhcpd: %s%s cannot be read: %s", disk_called(&disk).text, path, err_name(err));
    return err < 0 ? err : 0;
}

static int read_conf(void)
{
    struct cs_ro text = plat_module();
    struct dhcp_conf_error error;
    size_t bytes;
    void *arena;
    char line[256];
    size_t n;

    if (!text.len && has_disk && disk.kind == DISK_FAT && read_file("/dhcpd.conf", &text) != 0)
        return -E_IO;
    if (!text.len) {
        LOG_ERROR("dhcpd: no dhcpd.conf, or it is empty: give ramdisk=FILE (a guest), "
                  "module=FILE (Linux), or a disk= with FAT that has it");
        return -E_NOENT;
    }
    bytes = dhcp_conf_arena_bytes(text.len);
    arena = memory_take(bytes, 16);
    if (!arena) {
        LOG_ERROR("dhcpd: not enough memory for a dhcpd.conf of %zu bytes", text.len);
        return -E_NOMEM;
    }
    if (dhcp_conf_parse(text, cs_of(arena, bytes), &conf, &error) == 0)
        return 0;
    n = fmt_buf(line, sizeof(line), "dhcpd.conf:%u:%u: %s\n", error.line, error.column, error.text);
    plat_console_write(cs_ro_of(line, size_min(n, sizeof(line) - 1)));
    return -E_INVAL;
}

/* As many leases as the configuration has addresses, unless leases= says otherwise; fewer where
 * memory is short. */
static int start_server(int argc, char **argv)
{
    uint64_t addresses = (uint64_t)conf.pool_addresses + conf.host_count;
    struct dhcp_server_conf sc = {.conf = &conf};
    int asked;

    sc.leases_max = (uint32_t)u64_min(addresses, LEASES_DEFAULT_MAX);
    if (sc.leases_max < LEASES_MIN)
        sc.leases_max = LEASES_MIN;
    asked = args_get_u32(argc, argv, "leases", 1, LEASES_MAX, &sc.leases_max);
    if (asked < 0 || plat_entropy(cs_of(sc.key, sizeof(sc.key))) != 0)
        return -E_INVAL;
    for (;; sc.leases_max /= 2) {
        sc.storage.len = dhcp_server_storage_bytes(&conf, sc.leases_max);
        sc.storage.base = memory_take(sc.storage.len, 8);
        if (sc.storage.base)
            break;
        if (asked || sc.leases_max <= LEASES_MIN) {
            LOG_ERROR("dhcpd: not enough memory for leases=%u", sc.leases_max);
            return -E_NOMEM;
        }
    }
    if (addresses > sc.leases_max)
        LOG_WARN("dhcpd: room for %u leases at once, of %u addresses; see leases=", sc.leases_max,
                 (uint32_t)u64_min(addresses, UINT32_MAX));
    return dhcp_server_init(&server, &leases, &sc);
}

/* ---- disk ------------------------------------------------------------------------------------ */

static int start_disk(int argc, char **argv)
{
    int err = disk_open(&disk, argc, argv);

    has_disk = err == 1;
    return err < 0 ? err : 0;
}

/* The journal as a device: a file of a FAT disk, made where it is absent, else the disk. */
static int open_journal(struct blkdev **dev)
{
    uint64_t bytes = dhcp_journal_bytes(leases.max);
    struct fat_info info;
    int err;

    fmt_buf(store_name, sizeof(store_name), "%s", disk_called(&disk).text);
    if (disk.kind != DISK_FAT) {
        *dev = disk.part;
        return 0;
    }
    fmt_buf(store_name, sizeof(store_name), "%s/leases.jnl", disk_called(&disk).text);
    err = fat_stat(&disk.fat, "/leases.jnl", &info);
    if (err == -E_NOENT) {
        err = fat_preallocate(&disk.fat, "/leases.jnl", (uint32_t)bytes, plat_wall_ns());
        if (err == -E_NOSPC)
            err = fat_preallocate(&disk.fat, "/leases.jnl",
                                  (uint32_t)dhcp_journal_bytes_min(leases.max), plat_wall_ns());
    }
    if (err == 0)
        err = fat_open(&disk.fat, "/leases.jnl", 0, 0, &journal);
    if (err != 0) {
        (void)fat_sync(&disk.fat);
        return err;
    }
    /* Nothing of the file system changes from now on: whenever the power goes, it is clean. */
    err = fat_sync(&disk.fat);
    if (err == 0)
        err = disk_file_window(&disk, &journal, false, extents, EXTENTS, &window, dev);
    if (err != 0)
        (void)fat_close(&journal);
    return err;
}

static void close_journal(void)
{
    if (disk.kind != DISK_FAT || window.in_flight != 0)
        return;
    blk_window_close(&window);
    (void)fat_close(&journal);
}

static const char *why_not(int err)
{
    return err == -E_NOSPC   ? "too small, or its file lies in too many pieces"
           : err == -E_PROTO ? "it holds something else; nothing was written"
           : err == -E_ROFS  ? "read-only, and has to be written"
                             : err_name(err);
}

/* Reads the leases. Without a disk, or where the operator can do without one that will not do, they
 * are in memory only. */
static int start_store(void)
{
    struct dhcp_store_conf sc = {.name = store_name,
                                 .pool = &pages,
                                 .server = &server,
                                 .leases = &leases,
                                 .optional = disk.word.optional};
    uint64_t began = plat_now_ns();
    bool opened = false;
    int err;

    if (!has_disk)
        return 0;
    err = open_journal(&sc.dev);
    opened = err == 0;
    if (err == 0)
        err = dhcp_store_open(&store, &sc, began, plat_wall_ns());
    has_store = err == 0;
    if (err == 0) {
        const struct dhcp_store_found *f = &store.found;

        LOG_INFO("dhcpd: %u leases of %s%s: %u records in %u blocks, %u ms", f->leases, store_name,
                 f->is_new ? ", which is new" : "", f->records, f->blocks,
                 (unsigned)((plat_now_ns() - began) / NS_PER_MS));
        return 0;
    }
    log_line(sc.optional ? LOG_WARN : LOG_ERROR,
             "dhcpd: leases cannot be kept on %s: %s (%u leases take %llu bytes, better %llu)%s",
             store_name, why_not(err), leases.max,
             (unsigned long long)dhcp_journal_bytes_min(leases.max),
             (unsigned long long)dhcp_journal_bytes(leases.max),
             sc.optional ? ": goes on without" : "");
    if (err == -E_TIMEDOUT)
        has_disk = false; /* it keeps its request: it and what is around it stays open */
    else if (opened)
        close_journal();
    return sc.optional ? 0 : err;
}

/* What is noted is written, and told of; and the time, by which is known how long we were away. */
static void stop_store(void)
{
    dhcp_store_end(&store);
    while (!dhcp_store_is_idle(&store)) {
        uint64_t now = plat_now_ns();
        bool busy = dhcp_store_poll(&store, now, plat_wall_ns());

        (void)dhcp_udp_poll(&edge, now, 0);
        netdev_tx_flush(nif.conf.dev);
        (void)netdev_arm(nif.conf.dev); /* it tells of what a flush put off */
        if (!busy && !dhcp_store_arm(&store))
            plat_wait(dhcp_store_poll_at(&store));
    }
    (void)dhcp_udp_poll(&edge, plat_now_ns(), 0);
    netdev_tx_flush(nif.conf.dev);
}

/* ---- network --------------------------------------------------------------------------------- */

static bool has_subnet_of(uint32_t addr)
{
    for (const struct dhcp_subnet *s = conf.subnets; s; s = s->next)
        if ((addr & s->mask) == s->net)
            return true;
    return false;
}

static int start_net(int argc, char **argv, uint64_t now)
{
    struct netif_conf nc = {.pool = &pool,
                            .arp = arp,
                            .arp_max = ARP_ENTRIES,
                            .frags = frags,
                            .frags_max = FRAG_QUEUES,
                            .frag_bytes_max = 16 * PAGE_BYTES};
    struct dhcp_udp_conf uc = {.nif = &nif,
                               .server = &server,
                               .leases = &leases,
                               .store = has_store ? &store : NULL,
                               .held_max = u32_min(DHCP_UDP_HELD_MAX, pages.total / 4)};
    struct net_address own = {.gateway = IP4_ANY};
    int err;

    err = args_get_ip4_prefix(argc, argv, "ip", &own.addr, &own.prefix_len);
    if (err == 0)
        LOG_ERROR("dhcpd: ip=ADDRESS/PREFIX is missing: the server's own address%s",
                  args_last(argc, argv, "dhcp") != 0 ? ", which cannot come by DHCP" : "");
    if (err <= 0 || args_get_ip4(argc, argv, "gw", &own.gateway) < 0)
        return -E_INVAL;
    uc.addr = own.addr;
    if (!has_subnet_of(uc.addr))
        LOG_WARN("dhcpd: dhcpd.conf has no subnet for ip=%s: only clients behind relays are served",
                 fmt_ip4(uc.addr).text);
    err = plat_netdev_open(0, &pool, &nc.dev);
    if (err != 0)
        return err; /* it said why */
    err = plat_entropy(cs_of(nc.key, sizeof(nc.key)));
    if (err == 0)
        err = netif_init(&nif, &nc, now);
    if (err != 0) {
        LOG_ERROR("dhcpd: cannot start the network: %s", err_name(err));
        return err;
    }
    err = net_add_address("dhcpd", &nif, &own, now);
    if (err != 0)
        return err;
    err = dhcp_udp_open(&edge, &uc);
    if (err != 0) {
        LOG_ERROR("dhcpd: cannot serve at %s: %s", fmt_ip4(uc.addr).text, err_name(err));
        return err;
    }
    LOG_INFO("dhcpd: serving at %s: %u addresses, %u hosts, room for %u leases",
             fmt_ip4(uc.addr).text, conf.pool_addresses, conf.host_count, leases.max);
    return 0;
}

/* ---- console --------------------------------------------------------------------------------- */

#define PRINTED_ALL UINT32_MAX
static uint32_t print_at = PRINTED_ALL; /* the record of the table to be printed next */

static void print(const char *text)
{
    plat_console_write(cs_of_str(text));
    plat_console_write(cs_of_str("\n"));
}

/* Prints up to `lines` of the table, from print_at. Leases are served between two calls. */
static void print_table(unsigned lines)
{
    const struct dhcp_lease *lease;
    char line[200];

    if (print_at == 0)
        print(DHCP_LEASE_PRINT_HEAD);
    while ((lease = dhcp_leases_at(&leases, print_at)) != NULL) {
        print_at++;
        if (!dhcp_lease_is_shown(lease))
            continue;
        if (lines-- == 0) {
            print_at--;
            return;
        }
        dhcp_lease_print(&leases, lease, line, sizeof(line));
        print(line);
    }
    print_at = PRINTED_ALL;
}

static void print_counter(const char *name, uint64_t value)
{
    char line[64];

    if (!value)
        return;
    fmt_buf(line, sizeof(line), "%-24s %llu", name, (unsigned long long)value);
    print(line);
}

static void print_stats(void)
{
    const struct dhcp_udp_stats *s = &edge.stats;

    print_counter("received", s->received);
    print_counter("replies", s->replies);
    for (unsigned i = 0; i < DHCP_REASON_COUNT; i++)
        print_counter(dhcp_reason_name((enum dhcp_reason)i), s->reasons[i]);
    for (unsigned i = 0; i < DHCP_WIRE_ERROR_COUNT; i++)
        print_counter(dhcp_wire_error_name((enum dhcp_wire_error)i), s->malformed[i]);
    print_counter("probes", s->probes);
    print_counter("conflicts", s->conflicts);
    print_counter("unprobed", s->unprobed);
    print_counter("options left out", s->options_left_out);
    print_counter("classes left out", s->classes_left_out);
    print_counter("send again", s->send_again);
    print_counter("send failed", s->send_failed);
    print_counter("no memory", s->no_memory);
    print_counter("lines left out", s->lines_left_out);
    print_counter("held for the disk", s->held);
    print_counter("too many held", s->held_full);
    print_counter("asked again while held", s->held_again);
    print_counter("not kept", s->not_kept);
    for (unsigned i = 0; has_store && i < DHCP_STORE_STAT_COUNT; i++)
        print_counter(dhcp_store_stat_names[i], dhcp_store_stat(&store, i));
    for (unsigned i = 0; i < NETIF_STAT_COUNT; i++)
        print_counter(netif_stat_names[i], netif_stat(&nif, i));
}

/* True: more may wait. One event can stand for many bytes, so we sleep only when all are taken. */
static bool read_console(void)
{
    for (unsigned i = 0; i < KEYS_A_TURN; i++) {
        int c = plat_console_read();

        if (c < 0)
            return false;
        if (c == 'l')
            print_at = 0;
        else if (c == 's')
            print_stats();
        else if (c == '?' || c == 'h')
            print("l: leases   s: statistics");
    }
    return true;
}

/* ---- the program ----------------------------------------------------------------------------- */

static bool store_arm(void)
{
    return has_store && dhcp_store_arm(&store);
}

static void serve(void)
{
    while (plat_request() == PLAT_RUN) {
        uint64_t now = plat_now_ns();
        bool busy = netif_poll(&nif, now, BUDGET);

        busy |= dhcp_udp_poll(&edge, now, BUDGET);
        if (has_store)
            busy |= dhcp_store_poll(&store, now, plat_wall_ns());
        netdev_tx_flush(nif.conf.dev);
        busy |= read_console();
        if (print_at != PRINTED_ALL)
            print_table(LINES_A_TURN);
        if (!busy && print_at == PRINTED_ALL && !netif_arm(&nif) && !store_arm())
            plat_wait(u64_min(u64_min(netif_poll_at(&nif), dhcp_udp_poll_at(&edge)),
                              has_store ? dhcp_store_poll_at(&store) : NS_NEVER));
    }
}

static void stop(void)
{
    const struct dhcp_udp_stats *s = &edge.stats;

    (void)dhcp_leases_tick(&leases, plat_now_ns(), 0);
    print_at = 0;
    print_table(LINES_AT_EXIT);
    if (print_at != PRINTED_ALL)
        print("... and more");
    LOG_INFO("dhcpd: %llu messages, %llu replies", (unsigned long long)s->received,
             (unsigned long long)s->replies);
    if (has_store)
        stop_store();
    dhcp_udp_close(&edge);
    netif_fini(&nif);
    plat_netdev_close(nif.conf.dev);
    if (has_store) {
        dhcp_store_close(&store);
        /* a device that does not answer keeps its request: it and what is around it stays open */
        if (!store.busy) {
            close_journal();
            disk_close(&disk);
        }
    } else if (has_disk) {
        disk_close(&disk);
    }
}

int main(int argc, char **argv)
{
    static const struct args_key keys[] = {
        {"ip", "ip=10.0.0.1/24", "device 0's address and prefix: required"},
        {"gw", "gw=10.0.0.254", "the default route's gateway, for clients behind relays"},
        {"leases", "leases=1000", "leases there is room for"},
        {"pages", "pages=448", "pages of 4 KiB for packets"},
        DISK_KEY,             /* for the leases */
        {"dhcp", NULL, NULL}, /* that would be asking itself: see start_net */
        {NULL, NULL, NULL},
    };
    bool wants_disk;

    if (args_help(argc, argv, "a DHCP server; its dhcpd.conf is the module, or on its disk", keys))
        return 0;
    args_check(argc, argv, keys);
    /* A disk needs pages, and may have the dhcpd.conf; else pages get what memory is left. */
    wants_disk = args_last(argc, argv, "disk") != 0;
    if (wants_disk && (start_pool(argc, argv) != 0 || start_disk(argc, argv) != 0))
        return 1;
    if (read_conf() != 0 || start_server(argc, argv) != 0 ||
        (!wants_disk && start_pool(argc, argv) != 0) || start_store() != 0 ||
        start_net(argc, argv, plat_now_ns()) != 0)
        return 1;
    serve();
    stop();
    if (plat_request() == PLAT_REBOOT)
        plat_reboot();
    return 0;
}
