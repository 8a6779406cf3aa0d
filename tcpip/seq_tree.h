/* SPDX-License-Identifier: ISC */
/* seq_tree.h - ranges of sequence numbers in order: a treap whose nodes are a list too.
 *
 * What TCP keeps by sequence number is mostly a queue: it grows at the end and shrinks at the
 * front, and both cost O(1) here. But a peer chooses what is looked up and what is put in
 * between (SACK blocks, out-of-order segments), and must not choose what that costs: O(log n),
 * expected over our secret priorities whatever the peer does.
 *
 * All ranges of a tree lie within 2^31, do not overlap, and are not empty. */
#ifndef TCPIP_SEQ_TREE_H
#define TCPIP_SEQ_TREE_H

#include "tcpip/tcp_seq.h"

struct seq_node {
    struct seq_node *left, *right, *parent;
    struct seq_node *prev, *next; /* in order of seq */
    uint32_t seq, end;            /* end: the number after the last */
    uint32_t priority;            /* a parent's is not below its children's */
};

struct seq_tree {
    struct seq_node *root, *first, *last;
    uint32_t count;
};

/* The first range that ends after `seq`: the one that holds it, else the next one; NULL: none. */
struct seq_node *seq_tree_find(const struct seq_tree *tree, uint32_t seq);
/* Puts `node`, its seq and end set, in its place. `random`: any unpredictable number. */
void seq_tree_add(struct seq_tree *tree, struct seq_node *node, uint32_t random);
/* The same where it is known to come after all others: O(1). */
void seq_tree_append(struct seq_tree *tree, struct seq_node *node, uint32_t random);
/* The same where it is known to come right after `after`. */
void seq_tree_add_after(struct seq_tree *tree, struct seq_node *after, struct seq_node *node,
                        uint32_t random);
void seq_tree_remove(struct seq_tree *tree, struct seq_node *node);

#endif
