/* SPDX-License-Identifier: ISC */
/* atags.c - reads a list of ATAGs. Pure: it sees the list as a view, so that it can be tested
 * anywhere. Each tag is its size in words, with this head of two, its kind, and its values. */
#include "atags.h"

#include <morgana/err.h>

#define TAG_NONE 0x00000000u
#define TAG_CORE 0x54410001u
#define TAG_MEM 0x54410002u
#define TAG_CMDLINE 0x54410009u
#define TAG_INITRD2 0x54420005u
#define HEAD_BYTES 8u

bool atags_is_list(struct cs_ro bytes)
{
    uint32_t words, kind;

    return cs_try_get_le32(bytes, 0, &words) && cs_try_get_le32(bytes, 4, &kind) &&
           kind == TAG_CORE && (words == 2 || words == 5);
}

/* Start and size, which follow in that order or the other. */
static struct range range_of(uint64_t start, uint64_t size)
{
    return (struct range){start, start + size};
}

static const char *add_memory(struct cs_ro values, struct tree *tree)
{
    struct range r;

    if (values.len < 8)
        return "ATAGs: a tag of memory is too short";
    r = range_pages_in(range_of(cs_get_le32(values, 4), cs_get_le32(values, 0)));
    if (r.start == r.end)
        return NULL; /* empty: some loaders list banks that are not populated */
    if (r.end > UINT64_C(1) << 32)
        return "ATAGs: memory beyond 4 GiB";
    for (unsigned i = 0; i < tree->ram_count; i++) {
        if (range_touches(tree->ram[i], r))
            return "ATAGs: pieces of memory overlap";
    }
    if (tree->ram_count == TREE_RAM_MAX)
        return "ATAGs: too many pieces of memory";
    tree->ram_count = range_add(tree->ram, tree->ram_count, TREE_RAM_MAX, r);
    return NULL;
}

static const char *add_module(struct cs_ro values, struct tree *tree)
{
    if (values.len < 8)
        return "ATAGs: the module's tag is too short";
    if (cs_get_le32(values, 4) != 0)
        tree->module = range_of(cs_get_le32(values, 0), cs_get_le32(values, 4));
    return NULL;
}

static const char *add_cmdline(struct cs_ro values, struct tree *tree)
{
    size_t end = cs_find_byte(values, 0, 0);

    if (end == CS_NOT_FOUND)
        return "ATAGs: the command line has no end";
    tree->bootargs = cs_head(values, end);
    return NULL;
}

static const struct {
    uint32_t kind;
    const char *(*add)(struct cs_ro values, struct tree *tree); /* NULL, or what is wrong */
} tags[] = {{TAG_MEM, add_memory}, {TAG_INITRD2, add_module}, {TAG_CMDLINE, add_cmdline}};

int atags_read(struct cs_ro bytes, struct tree *tree, const char **why)
{
    struct cs_ro list = cs_head(bytes, size_min(bytes.len, ATAGS_BYTES_MAX));

    *tree = (struct tree){.ram_count = 0};
    *why = "ATAGs: they do not begin with the first tag";
    if (!atags_is_list(list))
        return -E_INVAL;
    *why = NULL;
    for (size_t at = 0;;) {
        uint32_t words, kind;
        struct cs_ro values;

        if (!cs_try_get_le32(list, at, &words) || !cs_try_get_le32(list, at + 4, &kind)) {
            *why = "ATAGs: the list has no end";
            return -E_INVAL;
        }
        if (kind == TAG_NONE)
            break; /* its size is 0, or 2: loaders differ */
        if (words < 2 || words > ATAGS_BYTES_MAX / 4 ||
            !cs_try_sub(list, at + HEAD_BYTES, words * 4 - HEAD_BYTES, &values)) {
            *why = "ATAGs: a tag is too short, or longer than the list";
            return -E_INVAL;
        }
        for (size_t i = 0; i < ARRAY_SIZE(tags) && *why == NULL; i++) {
            if (tags[i].kind == kind)
                *why = tags[i].add(values, tree);
        }
        if (*why != NULL)
            return -E_INVAL;
        at += words * 4;
    }
    *why = "ATAGs: no memory";
    return tree->ram_count > 0 ? 0 : -E_INVAL;
}
