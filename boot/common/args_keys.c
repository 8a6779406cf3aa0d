/* SPDX-License-Identifier: ISC */
/* args_keys.c - which keys there are: those of every program, and a program's own beside them. One
 * table serves the check for unknown ones and the help. An address is a program's own affair: the
 * keys of those that take it from the command line stand in apps/common/net.h. */
#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

static const struct args_key common_keys[] = {
    {"mac", "mac=00:16:3e:00:00:01", "the first network device's MAC address"},
    {"disk", "disk=NAME[:N][,optional]", "the disk, and its partition, of a program with one"},
    {"log", "log=info", "what is said: quiet, error, warn, info or debug"},
    {"console", "console=ring", "where: ring (hvc0, xen) or emergency under Xen; uart on a board"},
    {"evtchn", "evtchn=fifo", "Xen: the event channel ABI, 2l or fifo"},
    {"gnttab", "gnttab=2", "Xen: the grant table's version, 1 or 2"},
    {"netfront", "netfront=nogso,queues=2",
     "Xen: not used: nogso nocsum nosg nosplit; allmulti; txgrants; queues"},
    {"vbd-queues", "vbd-queues=4", "Xen: rings of a disk, 1 to 4, where the backend takes them"},
    {"vbd-ring-order", "vbd-ring-order=2", "Xen: a ring has 2^N pages, 0 to 4, likewise"},
    {"vbd-persistent", "vbd-persistent=1",
     "Xen: a disk's data are copied to pages mapped for good"},
    {"vbd-indirect", "vbd-indirect=0", "Xen: a disk's requests have at most 11 segments"},
    {"entropy", "entropy=weak", "a guest may make keys on a CPU without a source of entropy"},
    {"module", "module=FILE", "the Linux process: what a guest has from ramdisk="},
    {"tap", "tap=NAME[,direct|,plain]", "the Linux process: its TAP device"},
    {"pcap", "pcap=FILE", "the Linux process: a capture of all frames"},
    {"seed", "seed=NUMBER", "the Linux process: the simulated Xen's dice"},
    {"help", "help", "says this, and ends; --help for the Linux process"},
    {"--help", NULL, NULL},
    {NULL, NULL, NULL},
};

static bool is_name_of(const char *word, const char *name)
{
    while (*name != '\0' && *word == *name) {
        word++;
        name++;
    }
    return *name == '\0' && (*word == '=' || *word == '\0');
}

/* The word's key in a table that may be NULL; NULL: not there. */
static const struct args_key *find(const char *word, const struct args_key *keys)
{
    for (; keys != NULL && keys->name != NULL; keys++)
        if (is_name_of(word, keys->name))
            return keys;
    return NULL;
}

int args_check(int argc, char *const *argv, const struct args_key *keys)
{
    int unknown = 0;

    for (int i = 1; i < argc; i++) {
        if (find(argv[i], keys) == NULL && find(argv[i], common_keys) == NULL) {
            LOG_WARN("command line: unknown key, ignored: %s", args_show(argv[i]).text);
            unknown++;
        }
    }
    return unknown;
}

static void print(const struct args_key *keys, const struct args_key *but)
{
    char line[160];

    for (; keys != NULL && keys->name != NULL; keys++) {
        if (keys->form == NULL || find(keys->name, but) != NULL)
            continue;
        fmt_buf(line, sizeof(line), "  %-26s %s\n", keys->form, keys->what);
        plat_console_write(cs_of_str(line));
    }
}

static bool asks_for_help(int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++)
        if (cs_equal_str(cs_of_str(argv[i]), "help") || cs_equal_str(cs_of_str(argv[i]), "--help"))
            return true;
    return false;
}

bool args_help(int argc, char *const *argv, const char *what, const struct args_key *keys)
{
    char line[160];

    if (!asks_for_help(argc, argv))
        return false;
    fmt_buf(line, sizeof(line), "%s - %s\n", argv[0], what);
    plat_console_write(cs_of_str(line));
    print(keys, NULL);
    print(common_keys, keys);
    return true;
}
