/* SPDX-License-Identifier: ISC */
/* words.c - what pktbench is asked to do. */
#include <morgana/log.h>

#include "words.h"

enum { PORT_DEFAULT = 9, SECONDS_DEFAULT = 5, SECONDS_MAX = 86400, IDLE_DEFAULT_MS = 3000 };

const struct args_key words_keys[] = {
    {"mode", "mode=tx", "or rx, echo, rtt, forward, loop"},
    {"level", "level=udp", "over the stack; eth: straight on the device"},
    {"to", "to=10.0.0.2", "whom tx and rtt send to"},
    {"to-mac", "to-mac=00:16:3e:00:00:02", "the same, of level=eth"},
    {"port", "port=9", "UDP port: sent to, and listened at"},
    {"sizes", "sizes=60,1414", "bytes of the frames, in turn"},
    {"seconds", "seconds=5", "how long; tx, rtt and loop: for each size"},
    {"rate", "rate=10000", "packets a second; as fast as they go"},
    {"flows", "flows=1", "UDP source ports that tx sends from"},
    {"window", "window=1", "rtt: so many unanswered"},
    {"idle", "idle=3000", "rx: milliseconds of silence that end it; 0: none do"},
    NET_LINK_KEYS,
    NET_KEYS_END,
};

static const char *const levels[] = {"udp", "eth", NULL};

static int bad_sizes(const char *value)
{
    LOG_ERROR("sizes=%s: expected up to %u numbers from %u to %u, with commas between",
              args_show(value).text, ROWS_MAX, FRAME_MIN, FRAME_MAX);
    return -E_INVAL;
}

static int read_sizes(const char *value, struct load *load)
{
    const char *p = value;

    while (p != NULL) {
        uint64_t size = 0;
        size_t n = fmt_parse_u64(cs_of_str(p), FRAME_MAX, &size);

        if (n == 0 || size < FRAME_MIN || load->size_count == ROWS_MAX)
            return bad_sizes(value);
        load->sizes[load->size_count++] = (uint32_t)size;
        p += n;
        if (*p == '\0')
            return 0;
        if (*p++ != ',')
            return bad_sizes(value);
    }
    load->sizes[load->size_count++] = FRAME_MIN;
    return 0;
}

/* Whom to send to, where the mode sends of itself. */
static int check_peer(const struct load *load)
{
    bool asks = load->mode == MODE_TX || load->mode == MODE_RTT;

    if (load->mode == MODE_FORWARD || load->mode == MODE_LOOP || !asks)
        return 0;
    if (load->eth ? load->port.has_mac : load->port.to != 0)
        return 0;
    LOG_ERROR("pktbench: mode=%s level=%s needs %s", mode_names[load->mode], levels[load->eth],
              load->eth ? "to-mac=" : "to=");
    return -E_INVAL;
}

static int read_peer(int argc, char **argv, struct load *load)
{
    uint32_t port = PORT_DEFAULT;
    uint8_t prefix_len;
    int has_mac;

    /* Level eth: addresses of RFC 5737 will do where nobody looks at them. */
    load->port.own_ip = IP4_ADDR(192, 0, 2, 1);
    if (load->eth)
        load->port.to = IP4_ADDR(192, 0, 2, 2);
    load->port.flows = 1;
    if (args_get_ip4(argc, argv, "to", &load->port.to) < 0 ||
        args_get_u32(argc, argv, "flows", 1, PORT_FLOWS_MAX, &load->port.flows) < 0 ||
        args_get_u32(argc, argv, "port", 1, 65535 - PORT_FLOWS_MAX, &port) < 0 ||
        (has_mac = args_get_mac(argc, argv, "to-mac", load->port.to_mac)) < 0)
        return -E_INVAL;
    if (load->eth && args_last(argc, argv, "ip") != 0 &&
        args_get_ip4_prefix(argc, argv, "ip", &load->port.own_ip, &prefix_len) < 0)
        return -E_INVAL;
    load->port.port = (uint16_t)port;
    load->port.has_mac = has_mac > 0;
    return check_peer(load);
}

int words_read(int argc, char **argv, struct load *load)
{
    uint32_t seconds = 0, idle_ms = IDLE_DEFAULT_MS;
    unsigned level = 0;
    bool timed;

    *load = (struct load){.window = 1};
    if (args_get_word(argc, argv, "mode", mode_names, &load->mode) < 0 ||
        args_get_word(argc, argv, "level", levels, &level) < 0)
        return -E_INVAL;
    if (args_last(argc, argv, "mode") == 0) {
        LOG_ERROR("pktbench: mode= is missing: tx, rx, echo, rtt, forward or loop");
        return -E_INVAL;
    }
    load->eth = level == 1 || load->mode == MODE_FORWARD || load->mode == MODE_LOOP;
    timed = load->mode == MODE_TX || load->mode == MODE_RTT || load->mode == MODE_LOOP;
    if (args_get_u32(argc, argv, "seconds", timed ? 1 : 0, SECONDS_MAX, &seconds) < 0 ||
        args_get_u32(argc, argv, "rate", 1, UINT32_MAX, &load->rate) < 0 ||
        args_get_u32(argc, argv, "window", 1, WINDOW_MAX, &load->window) < 0 ||
        args_get_u32(argc, argv, "idle", 0, 3600000, &idle_ms) < 0 ||
        read_sizes(args_get(argc, argv, "sizes"), load) != 0)
        return -E_INVAL;
    if (timed && seconds == 0)
        seconds = SECONDS_DEFAULT;
    load->ns = seconds * NS_PER_S;
    load->idle_ns = idle_ms * NS_PER_MS;
    return read_peer(argc, argv, load);
}
