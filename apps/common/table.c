/* SPDX-License-Identifier: ISC */
/* table.c - items by handle: see table.h. */
#include <stdlib.h>

#include "table.h"

int table_init(struct table *table, uint32_t max)
{
    uint32_t size = 2;

    ASSERT(max >= 1 && max <= 1u << 24);
    while (size < 2 * max)
        size *= 2;
    *table =
        (struct table){.slots = calloc(size, sizeof(*table->slots)), .mask = size - 1, .max = max};
    return table->slots != NULL ? 0 : -E_NOMEM;
}

void table_fini(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}

/* Where a handle's chain begins. */
static uint32_t home(const struct table *table, tcp_t handle)
{
    uint64_t h = handle * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)((h ^ h >> 32) & table->mask);
}

/* The handle's slot, or the free one where its chain ends. */
static uint32_t place(const struct table *table, tcp_t handle)
{
    uint32_t i = home(table, handle);

    while (table->slots[i].handle != 0 && table->slots[i].handle != handle)
        i = (i + 1) & table->mask;
    return i;
}

void *table_find(const struct table *table, tcp_t handle)
{
    return handle == 0 ? NULL : table->slots[place(table, handle)].item;
}

bool table_add(struct table *table, tcp_t handle, void *item)
{
    ASSERT(handle != 0 && item != NULL);
    if (table->count == table->max)
        return false;
    struct table_slot *slot = &table->slots[place(table, handle)];
    ASSERT(slot->handle == 0);
    *slot = (struct table_slot){handle, item};
    table->count++;
    return true;
}

/* Those behind move up where they would no longer be found. */
void table_remove(struct table *table, tcp_t handle)
{
    uint32_t hole = place(table, handle), i = hole;

    if (handle == 0 || table->slots[hole].handle == 0)
        return;
    table->count--;
    for (;;) {
        i = (i + 1) & table->mask;
        if (table->slots[i].handle == 0)
            break;
        uint32_t want = home(table, table->slots[i].handle);
        /* may it stay: is its home behind the hole, up to where it is? */
        if (((i - want) & table->mask) < ((i - hole) & table->mask))
            continue;
        table->slots[hole] = table->slots[i];
        hole = i;
    }
    table->slots[hole] = (struct table_slot){0};
}
