/* SPDX-License-Identifier: ISC */
/* turns.c - see turns.h. */
#include "apps/common/turns.h"

int turns_init(struct turns *turns, uint32_t max)
{
    turns->first_more = NULL;
    return table_init(&turns->table, max);
}

void turns_begin(struct turns *turns, struct turn *turn, tcp_t conn)
{
    turn->conn = conn;
    (void)table_add(&turns->table, conn, turn);
}

void turns_end(struct turns *turns, struct turn *turn)
{
    table_remove(&turns->table, turn->conn);
    turn->conn = 0;
}

void turns_more(struct turns *turns, struct turn *turn)
{
    if (turn->more)
        return;
    turn->more = true;
    turn->next_more = turns->first_more;
    turns->first_more = turn;
}

bool turns_all(struct turns *turns, uint64_t now_ns)
{
    struct turn *more = turns->first_more;
    tcp_t handle;

    turns->first_more = NULL;
    while (more != NULL) {
        struct turn *turn = more;

        more = turn->next_more;
        turn->more = false;
        if (turn->conn != 0)
            turns->serve(turn, now_ns);
    }
    turns->accept_all(now_ns);
    while ((handle = tcp_next_ready(turns->tcp)) != 0) {
        struct turn *turn = table_find(&turns->table, handle);

        if (turn != NULL)
            turns->serve(turn, now_ns);
        else if (handle == turns->listener)
            turns->accept_all(now_ns);
    }
    turns->accept_all(now_ns); /* where somebody left, there is room */
    return turns->first_more != NULL;
}
