/* SPDX-License-Identifier: ISC */
/* table.h - what a program keeps of each connection, found by the connection's handle.
 *
 * Open addressing with linear probing, at most half full; handles are well mixed first, so that
 * chains stay short whatever they are made of. */
#ifndef APPS_COMMON_TABLE_H
#define APPS_COMMON_TABLE_H

#include <morgana/tcp.h>

struct table {
    struct table_slot {
        tcp_t handle; /* 0: free */
        void *item;
    } * slots;
    uint32_t mask, count, max;
};

/* Makes a table for up to `max` items, 1..2^24, from malloc. -E_NOMEM. */
int table_init(struct table *table, uint32_t max);
void table_fini(struct table *table);
/* The item of a handle, or NULL. */
void *table_find(const struct table *table, tcp_t handle);
/* Adds one; neither is 0, and the handle is not there yet. False: full. */
bool table_add(struct table *table, tcp_t handle, void *item);
/* Forgets a handle; one that is not there is nothing. */
void table_remove(struct table *table, tcp_t handle);

#endif
