/* SPDX-License-Identifier: ISC */
/* iperf3 - measures throughput to or from anything that speaks iperf3's protocol: client and
 * server, TCP and UDP. */
#include <string.h>

#include "apps/iperf3/iperf3.h"

enum { CONNS = STREAMS_MAX + 16, INTERVALS_BYTES = 1 << 20 };

static struct net net = {.name = "iperf3", .conns = CONNS};
static struct test test;
static char intervals[INTERVALS_BYTES];

/* ---- the command line, in iperf3's own words ------------------------------------------------- */

/* "100", "10M", "1G": K, M, G are thousands for rates and 1024s for sizes. */
static bool parse_amount(const char *text, uint64_t step, uint64_t max, uint64_t *out)
{
    static const char units[] = "KMG";
    struct cs_ro view = cs_ro_of(text, strlen(text));
    uint64_t value;
    size_t n = fmt_parse_u64(view, max, &value);

    if (n == 0)
        return false;
    for (unsigned i = 0; text[n] != '\0' && i < 3; i++) {
        value *= step;
        if ((text[n] & ~0x20) == units[i]) {
            n++;
            break;
        }
    }
    if (text[n] != '\0' || value > max)
        return false;
    *out = value;
    return true;
}

struct option {
    const char *name, *long_name;
    size_t flag;   /* of a bool in struct config; SIZE_MAX: it has a value */
    size_t value;  /* of a uint32_t or uint64_t in it */
    uint8_t bytes; /* of that: 4 or 8 */
    uint32_t step; /* K is 1000 or 1024 */
    uint64_t min, max;
};

#define IN_CONFIG(field) offsetof(struct config, field)
#define FLAG(name, long_name, field)                                                               \
    {                                                                                              \
        name, long_name, IN_CONFIG(field), 0, 0, 0, 0, 0                                           \
    }
#define NUMBER(name, long_name, field, step, min, max)                                             \
    {                                                                                              \
        name, long_name, SIZE_MAX, IN_CONFIG(field), sizeof(((struct config *)0)->field), step,    \
            min, max                                                                               \
    }

static const struct option options[] = {
    FLAG("-s", "--server", server),
    FLAG("-1", "--one-off", one_off),
    FLAG("-J", "--json", json),
    FLAG("-u", "--udp", params.udp),
    FLAG("-R", "--reverse", params.reverse),
    FLAG("-N", "--no-delay", params.nodelay),
    FLAG("", "--bidir", params.bidir),
    FLAG("", "--udp-counters-64bit", params.counters64),
    NUMBER("-P", "--parallel", params.parallel, 1, 1, STREAMS_MAX),
    NUMBER("-t", "--time", params.time_s, 1, 0, 86400),
    NUMBER("-O", "--omit", params.omit_s, 1, 0, 600),
    NUMBER("-n", "--bytes", params.bytes, 1024, 1, 1ull << 50),
    NUMBER("-k", "--blockcount", params.blocks, 1024, 1, 1ull << 40),
    NUMBER("-b", "--bitrate", params.bandwidth, 1000, 0, 1000000000000),
    NUMBER("-l", "--length", params.len, 1024, 1, 1 << 20),
    NUMBER("-w", "--window", params.window, 1024, 2048, 1 << 30),
    NUMBER("-M", "--set-mss", params.mss, 1, 64, 65495),
    NUMBER("-S", "--tos", params.tos, 1, 0, 255),
    NUMBER("-i", "--interval", interval_s, 1, 0, 3600),
};

static const struct option *find_option(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (strcmp(word, options[i].name) == 0 || strcmp(word, options[i].long_name) == 0)
            return &options[i];
    return NULL;
}

static bool set_option(struct config *conf, const struct option *option, const char *word,
                       const char *text)
{
    char *at = (char *)conf;
    uint64_t value;

    if (option->flag != SIZE_MAX) {
        *(bool *)(void *)(at + option->flag) = true;
        return true;
    }
    if (text == NULL || !parse_amount(text, option->step, option->max, &value) ||
        value < option->min) {
        LOG_ERROR("iperf3: %s: '%s' is not a number from %llu to %llu", word,
                  text == NULL ? "" : text, (unsigned long long)option->min,
                  (unsigned long long)option->max);
        return false;
    }
    if (option->bytes == sizeof(uint32_t))
        *(uint32_t *)(void *)(at + option->value) = (uint32_t)value;
    else
        *(uint64_t *)(void *)(at + option->value) = value;
    return true;
}

/* -c HOST and -p PORT stand beside the table: an address, and 16 bits. */
static bool set_peer(struct config *conf, const char *word, const char *text)
{
    uint64_t port;
    char *argv[2] = {NULL, NULL};
    char line[32];

    if (text != NULL && word[1] == 'p' && parse_amount(text, 1, 65535, &port) && port != 0) {
        conf->port = (uint16_t)port;
        return true;
    }
    if (text != NULL && word[1] == 'c' &&
        fmt_buf(line, sizeof(line), "-c=%s", text) < sizeof(line)) {
        argv[1] = line;
        return args_get_ip4(2, argv, "-c", &conf->host) == 1;
    }
    LOG_ERROR("iperf3: %s: '%s' is no %s", word, text == NULL ? "" : text,
              word[1] == 'p' ? "port" : "address");
    return false;
}

static bool check_config(struct config *conf, bool has_rate)
{
    if (conf->server == (conf->host != 0)) {
        LOG_ERROR("iperf3: either -s, or -c and a server's address");
        return false;
    }
    if (conf->params.len == 0)
        conf->params.len = conf->params.udp ? UDP_LEN_DEFAULT : TCP_LEN_DEFAULT;
    if (conf->params.udp && (conf->params.len < UDP_LEN_MIN || conf->params.len > UDP_LEN_MAX)) {
        LOG_ERROR("iperf3: -l: a datagram has %d to %d bytes", UDP_LEN_MIN, UDP_LEN_MAX);
        return false;
    }
    if (conf->params.parallel * (conf->params.bidir ? 2u : 1u) > STREAMS_MAX) {
        LOG_ERROR("iperf3: -P: at most %d streams in all", STREAMS_MAX);
        return false;
    }
    if (conf->params.udp && !has_rate)
        conf->params.bandwidth = 1 << 20; /* iperf3's default for UDP */
    if (conf->params.bytes != 0 || conf->params.blocks != 0)
        conf->params.time_s = 0;
    return true;
}

/* What the help shows; those with a dash are in the table above, but for -c and -p. */
static const struct args_key keys[] = {
    {"-s", "-s", "server; -1: for one test"},
    {"-c", "-c 10.0.0.1", "client of the server at this address"},
    {"-p", "-p 5201", "the server's port"},
    {"-u", "-u", "UDP"},
    {"-b", "-b 10M", "bits a second of each stream; 0: as fast as it goes"},
    {"-t", "-t 10, -n 1G, -k 1000", "seconds, bytes or blocks"},
    {"-O", "-O 2", "leaves the first seconds out of the results"},
    {"-P", "-P 4", "streams at once"},
    {"-R", "-R, --bidir", "the server sends; both do"},
    {"-l", "-l 128K", "bytes of a write, or of a datagram"},
    {"-w", "-w 256K, -M 1400, -N, -S 32", "buffers, segment, no Nagle, type of service"},
    {"-i", "-i 1", "seconds between reports; 0: none"},
    {"-J", "-J, --json", "results as JSON"},
    NET_KEYS,
    NET_KEYS_END,
};

/* Words without a dash are the image's, or a loader's own: what is unknown of them is ignored. */
static bool read_args(int argc, char **argv, struct config *conf)
{
    bool has_rate = false;

    *conf = (struct config){
        .port = PORT_DEFAULT, .interval_s = 1, .params = {.parallel = 1, .time_s = 10}};
    for (int i = 1; i < argc; i++) {
        const struct option *option = find_option(argv[i]);
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;

        if (argv[i][0] != '-') {
            (void)args_check(2, (char *const[]){argv[0], argv[i]}, keys);
            continue;
        }
        if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "-p") == 0) {
            if (!set_peer(conf, argv[i], next))
                return false;
            i++;
        } else if (option == NULL) {
            LOG_ERROR("iperf3: '%s' is no option of this iperf3", argv[i]);
            return false;
        } else {
            if (!set_option(conf, option, argv[i], next))
                return false;
            has_rate = has_rate || strcmp(option->name, "-b") == 0;
            i += option->flag == SIZE_MAX;
        }
    }
    return check_config(conf, has_rate);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool over(const struct config *conf)
{
    return conf->server ? server_done() : client_result() != -E_AGAIN;
}

static void run(const struct config *conf)
{
    while (plat_request() == PLAT_RUN && !over(conf)) {
        uint64_t now = plat_now_ns(), at;
        bool busy = net_poll(&net, now);

        while (tcp_next_ready(&net.tcp) != 0)
            ; /* all streams are looked at in each turn */
        busy = (conf->server ? server_poll(now) : client_poll(now)) || busy;
        busy = test_poll(&test, now) || busy;
        if (busy)
            continue;
        at = conf->server ? server_poll_at() : client_poll_at();
        net_wait(&net, u64_min(at, test_poll_at(&test)));
    }
}

/* Lets TCP say its last words: a server that does not hear IPERF_DONE waits for ever. */
static void drain(void)
{
    uint64_t end = plat_now_ns() + 5 * NS_PER_S, now;

    while ((now = plat_now_ns()) < end && tcp_usage(&net.tcp).conns != 0)
        if (!net_poll(&net, now))
            net_wait(&net, end);
}

/* A client has something to say only when it has an address. False: the operator ends it before. */
static bool wait_for_address(void)
{
    while (!net_is_up(&net) && plat_request() == PLAT_RUN)
        if (!net_poll(&net, plat_now_ns()))
            net_wait(&net, NS_NEVER);
    return net_is_up(&net);
}

int main(int argc, char **argv)
{
    static struct config conf;
    uint64_t now = plat_now_ns();
    int err;

    if (args_help(argc, argv, "measures throughput, as iperf3 does", keys))
        return 0;
    if (!read_args(argc, argv, &conf) || net_start(&net, argc, argv, now) != 0)
        return 1;
    if (!conf.server && !wait_for_address())
        return 0;
    now = plat_now_ns();
    test.intervals = (struct json_out){intervals, sizeof(intervals), 0, false};
    err = test_init(&test, &conf, &net);
    if (err == 0)
        err = conf.server ? server_start(&test) : client_start(&test, now);
    if (err != 0) {
        LOG_ERROR("iperf3: cannot start: %s", err_name(err));
        return 1;
    }
    run(&conf);
    drain();
    test_end(&test, false, plat_now_ns());
    page_put(test_page());
    net_stop(&net);
    if (plat_request() == PLAT_REBOOT)
        plat_reboot();
    return conf.server || client_result() == 0 ? 0 : 1;
}
