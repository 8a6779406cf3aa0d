/* SPDX-License-Identifier: ISC */
/* blk_trace.c - a line for each request. It copies the request's head only, and changes nothing. */
#include <morgana/blk_trace.h>
#include <morgana/log.h>

static struct blk_trace *of(struct blkdev *dev)
{
    return CONTAINER_OF(dev, struct blk_trace, dev);
}

static void follow(struct blk_trace *t)
{
    t->dev.online = t->inner->online;
    t->dev.caps = t->inner->caps;
    t->dev.caps.requests_max = (uint16_t)u32_min(t->conf.entries_max, t->inner->caps.requests_max);
    t->dev.stats = t->inner->stats;
}

static void tell(const struct blk_trace *t, const struct blk_req *req, const char *how, int err)
{
    uint64_t now = t->conf.now_ns();
    char line[BLK_TRACE_LINE_BYTES], data[64] = "";

    if (req->op != BLK_FLUSH)
        fmt_buf(data, sizeof(data), " %llu+%llu", (unsigned long long)req->start,
                (unsigned long long)req->bytes);
    size_t n = size_min(cs_of_str(data).len, sizeof(data) - 1);
    if (req->seg_count != 0)
        fmt_buf(data + n, sizeof(data) - n, " %u segment%s", req->seg_count,
                req->seg_count == 1 ? "" : "s");
    fmt_buf(line, sizeof(line), "%llu.%06llu %s%s %s%s%s", (unsigned long long)(now / NS_PER_S),
            (unsigned long long)(now % NS_PER_S / NS_PER_US),
            req->op < BLK_OP_COUNT ? blk_op_names[req->op] : "?", data, how, err != 0 ? " " : "",
            err != 0 ? err_name(err) : "");
    t->conf.line(t->conf.arg, line);
}

static int trace_submit(struct blkdev *dev, struct blk_req *req)
{
    struct blk_trace *t = of(dev);
    struct blk_trace_entry *e = t->free;

    if (e == NULL) {
        t->wants_room = true;
        return -E_AGAIN;
    }
    e->parent = req;
    e->req = *req;
    e->req.user = e;
    e->at_ns = t->conf.now_ns();
    int err = blkdev_submit(t->inner, &e->req);
    if (err == 0)
        t->free = e->next;
    else if (err != -E_AGAIN)
        tell(t, req, "refused", err);
    follow(t);
    return err;
}

static void trace_kick(struct blkdev *dev)
{
    blkdev_kick(of(dev)->inner);
}

static unsigned trace_reap(struct blkdev *dev, struct blk_req **reqs, unsigned n)
{
    struct blk_trace *t = of(dev);
    unsigned got = blkdev_reap(t->inner, reqs, n);

    for (unsigned i = 0; i < got; i++) {
        struct blk_trace_entry *e = reqs[i]->user;
        uint64_t us = (t->conf.now_ns() - e->at_ns) / NS_PER_US;
        char how[32];
        fmt_buf(how, sizeof(how), "%llu.%03llu ms", (unsigned long long)(us / 1000),
                (unsigned long long)(us % 1000));
        tell(t, &e->req, how, e->req.status);
        reqs[i] = e->parent;
        reqs[i]->status = e->req.status;
        e->next = t->free;
        t->free = e;
    }
    follow(t);
    return got;
}

static bool trace_arm(struct blkdev *dev)
{
    struct blk_trace *t = of(dev);
    bool room = t->wants_room && t->free != NULL;
    bool work = blkdev_arm(t->inner);

    if (room)
        t->wants_room = false;
    follow(t);
    return work || room;
}

static const struct blkdev_ops trace_ops = {
    .name = "trace",
    .submit = trace_submit,
    .kick = trace_kick,
    .reap = trace_reap,
    .arm = trace_arm,
};

int blk_trace_open(struct blk_trace *t, const struct blk_trace_conf *conf, struct blkdev *inner,
                   struct blkdev **dev)
{
    if (conf->line == NULL || conf->now_ns == NULL || conf->entries == NULL ||
        conf->entries_max == 0)
        return -E_INVAL;
    *t = (struct blk_trace){.dev = {.ops = &trace_ops}, .inner = inner, .conf = *conf};
    for (uint32_t i = 0; i < conf->entries_max; i++) {
        conf->entries[i].next = t->free;
        t->free = &conf->entries[i];
    }
    follow(t);
    *dev = &t->dev;
    return 0;
}
