/* SPDX-License-Identifier: ISC */
/* net_tcp.c - a program's network with TCP; a program without it links none of this. */
#include <morgana/log.h>
#include <morgana/platform.h>

#include "memory.h"
#include "net.h"

enum { CONNS_MAX = 1 << 20 };

/* The device's ring keeps up to 256 pages, or half of a small pool; some are on their way. */
static uint32_t pages_for_tcp(uint32_t total)
{
    return total - u32_min(256, total / 2) - total / 8;
}

static int start_tcp(struct net *net, uint64_t now)
{
    struct tcp_conf conf = {.nif = &net->nif,
                            .conns_max = net->conns,
                            .pages_max = pages_for_tcp(net->pages.total),
                            .tuning = tcp_tuning_default};
    int err = plat_entropy(cs_of(conf.key, sizeof(conf.key)));

    conf.memory_bytes = tcp_memory_bytes(&conf);
    conf.memory = memory_take(conf.memory_bytes, 64);
    if (conf.memory == NULL)
        return net_failed(net, "not enough memory for conns=", -E_NOMEM);
    if (err == 0)
        err = tcp_init(&net->tcp, &conf, now);
    return err == 0 ? 0 : net_failed(net, "cannot start TCP", err);
}

int net_start(struct net *net, int argc, char **argv, uint64_t now)
{
    int err = args_get_u32(argc, argv, "conns", 1, CONNS_MAX, &net->conns);

    if (err < 0 || (err = net_open(net, argc, argv, now)) != 0)
        return err;
    return start_tcp(net, now);
}

void net_stop(struct net *net)
{
    const struct tcp_stats *s = &net->tcp.stats;

    LOG_INFO("%s: tcp: %llu segments in, %llu out, %llu retransmitted, %llu bytes copied",
             net->name, (unsigned long long)s->segs_in, (unsigned long long)s->segs_out,
             (unsigned long long)s->retransmits, (unsigned long long)s->copied_bytes);
    for (unsigned i = 0; i < TCP_STAT_COUNT; i++)
        if (tcp_stat(&net->tcp, i) != 0)
            LOG_DEBUG("tcp: %s %llu", tcp_stat_names[i],
                      (unsigned long long)tcp_stat(&net->tcp, i));
    tcp_fini(&net->tcp);
    net_close(net);
}
