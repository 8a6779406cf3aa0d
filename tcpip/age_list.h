/* SPDX-License-Identifier: ISC */
/* age_list.h - elements of an array in the order in which they came. They are named by index + 1;
 * 0 is none. */
#ifndef TCPIP_AGE_LIST_H
#define TCPIP_AGE_LIST_H

#include <morgana/netif.h>

/* Where the elements lie: `link` is the offset of their struct netif_age. */
struct age_array {
    void *first;
    size_t size, link;
};

static inline struct netif_age *age_at(const struct age_array *array, uint32_t i)
{
    return (void *)((char *)array->first + (i - 1) * array->size + array->link);
}

/* Puts element `i`, which is in no list, at the list's newest end. */
static inline void age_list_add(const struct age_array *array, struct netif_age_list *list,
                                uint32_t i)
{
    struct netif_age *age = age_at(array, i);

    age->newer = 0;
    age->older = list->newest;
    if (age->older != 0)
        age_at(array, age->older)->newer = i;
    else
        list->oldest = i;
    list->newest = i;
}

/* Takes element `i` out of the list. */
static inline void age_list_remove(const struct age_array *array, struct netif_age_list *list,
                                   uint32_t i)
{
    const struct netif_age *age = age_at(array, i);

    if (age->newer != 0)
        age_at(array, age->newer)->older = age->older;
    else
        list->newest = age->older;
    if (age->older != 0)
        age_at(array, age->older)->newer = age->newer;
    else
        list->oldest = age->newer;
}

#endif
