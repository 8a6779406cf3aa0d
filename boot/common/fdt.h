/* SPDX-License-Identifier: ISC */
/* fdt.h - reads a flattened device tree (Devicetree Specification v0.4, chapter 5).
 *
 * fdt_open() walks all of it once, and refuses a tree that is broken anywhere; after that nothing
 * can fail but finding what is not there. Nodes are visited in the order in which they stand in the
 * blob, parents first.
 */
#ifndef BOOT_FDT_H
#define BOOT_FDT_H

#include <morgana/cstruct.h>

#define FDT_DEPTH_MAX 16u        /* the root has depth 1 */
#define FDT_BYTES_MAX (2u << 20) /* a larger tree is refused */
#define FDT_NODES_MAX 16384u     /* so is one of more nodes */
#define FDT_HEADER_BYTES 40u     /* that much tells the size: fdt_total_size() */
#define FDT_MAGIC UINT32_C(0xd00dfeed)

struct fdt {
    struct cs_ro structure, strings, reservations; /* the blocks */
};

/* A node. */
struct fdt_node {
    struct cs_ro name; /* with its unit address, without its NUL */
    size_t props;      /* where its properties begin, in the structure block */
    size_t next;       /* where the walk goes on */
    unsigned depth;    /* 1: the root */
    uint8_t address_cells[FDT_DEPTH_MAX + 1]; /* at [d]: for the children of the node at depth d */
    uint8_t size_cells[FDT_DEPTH_MAX + 1];
};

/* The size of the tree that begins with `header`, or 0 where that is no device tree, or one too
 * large. */
uint32_t fdt_total_size(struct cs_ro header);

/* Lends `blob`, which must stay. 0, or -E_INVAL with one sentence in *why (a literal). What stands
 * in the blob behind the tree's own size is ignored. */
int fdt_open(struct cs_ro blob, struct fdt *fdt, const char **why);

/* The root. */
struct fdt_node fdt_root(const struct fdt *fdt);
/* The node after this one, into it; false: that was the last. */
bool fdt_next(const struct fdt *fdt, struct fdt_node *node);

/* A property's value into *value (a view of the blob). False: the node has none of that name. */
bool fdt_prop(const struct fdt *fdt, const struct fdt_node *node, const char *name,
              struct cs_ro *value);
/* Is `word` one of the strings of the property's list ("compatible")? */
bool fdt_prop_has(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                  const char *word);
/* A property of 32 or 64 bits. */
bool fdt_prop_number(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                     uint64_t *value);
/* The first string of a property, without its NUL. */
bool fdt_prop_string(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                     struct cs_ro *value);
/* Entry `index` of the node's "reg", in its parent's cells. Addresses are the parent bus's: those
 * of the CPU for children of the root. False: there is no such entry, or it cannot be an address of
 * ours (more than 64 bits, or start + size more than that). */
bool fdt_reg(const struct fdt *fdt, const struct fdt_node *node, unsigned index, uint64_t *start,
             uint64_t *size);

/* Does "reg" have an entry `index`, be it one that fdt_reg() can read or not? */
bool fdt_has_reg(const struct fdt *fdt, const struct fdt_node *node, unsigned index);

/* Entry `index` of the memory reservation block; false behind the last. */
bool fdt_reserved(const struct fdt *fdt, unsigned index, uint64_t *start, uint64_t *size);

/* A node's name without its unit address is `name`. */
bool fdt_is_named(const struct fdt_node *node, const char *name);

#endif
