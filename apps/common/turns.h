/* SPDX-License-Identifier: ISC */
/* turns.h - a server serves its connections in turns: each that has news, or whose last turn ended
 * before its work did.
 *
 *     struct client { struct turn turn; ... };          first
 *     static struct turns turns = {.tcp = &net.tcp, .serve = serve, .accept_all = accept_all};
 *     turns_init(&turns, net.conns);
 *     turns_begin(&turns, &client->turn, conn);         from accept_all, for each that it accepts
 *     turns_more(&turns, &client->turn);                from serve, where there is more to do
 *     turns_end(&turns, &client->turn);                 where its handle ends
 *     while (...) { ...; more = turns_all(&turns, now); ... }
 */
#ifndef APPS_COMMON_TURNS_H
#define APPS_COMMON_TURNS_H

#include "apps/common/table.h"

/* One connection's; a cleared one is free. */
struct turn {
    tcp_t conn; /* 0: free */
    bool more; /* its turn ended before its work did: in the list of these, free meanwhile or not */
    struct turn *next_more;
};

struct turns {
    struct tcp *tcp;
    tcp_t listener;
    void (*serve)(struct turn *turn, uint64_t now_ns);
    void (*accept_all)(uint64_t now_ns); /* as far as there is room */
    /* filled by turns_init */
    struct table table;
    struct turn *first_more;
};

/* For up to `max` connections, 1..2^24. -E_NOMEM. */
int turns_init(struct turns *turns, uint32_t max);
void turns_begin(struct turns *turns, struct turn *turn, tcp_t conn);
void turns_end(struct turns *turns, struct turn *turn);
void turns_more(struct turns *turns, struct turn *turn);
/* Every turn that is due. True: there is more to do. */
bool turns_all(struct turns *turns, uint64_t now_ns);

#endif
