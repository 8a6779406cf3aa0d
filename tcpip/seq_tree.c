/* SPDX-License-Identifier: ISC */
/* seq_tree.c - ranges of sequence numbers in order: a treap whose nodes are a list too.
 *
 * In order by seq, a heap by priority: so the tree's shape depends on the priorities alone, as if
 * the nodes had been added in their order, and its depth is O(log n) expected. A new node begins as
 * a leaf and is rotated up to where its priority belongs; one that goes is rotated down to a leaf.
 * Either takes two rotations on average (Seidel and Aragon, 1996).
 *
 * The leaf's place needs no search where a neighbour is known: it is the right child of the node
 * before it, or else the left child of the node after it. */
#include "tcpip/seq_tree.h"

/* `node`, or nothing, takes the place of `old` under old's parent. */
static void replace(struct seq_tree *tree, struct seq_node *old, struct seq_node *node)
{
    struct seq_node *parent = old->parent;

    if (parent == NULL)
        tree->root = node;
    else if (parent->left == old)
        parent->left = node;
    else
        parent->right = node;
    if (node != NULL)
        node->parent = parent;
}

/* A child changes places with its parent; what was between them changes hands. */
static void rotate_up(struct seq_tree *tree, struct seq_node *node)
{
    struct seq_node *parent = node->parent, *between;

    replace(tree, parent, node);
    if (parent->left == node) {
        between = node->right;
        parent->left = between;
        node->right = parent;
    } else {
        between = node->left;
        parent->right = between;
        node->left = parent;
    }
    parent->parent = node;
    if (between != NULL)
        between->parent = parent;
}

struct seq_node *seq_tree_find(const struct seq_tree *tree, uint32_t seq)
{
    struct seq_node *node = tree->root, *best = NULL;

    /* Most look-ups are for the front. */
    if (tree->first != NULL && seq_gt(tree->first->end, seq))
        return tree->first;
    while (node != NULL) {
        if (seq_gt(node->end, seq)) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

/* Both neighbours are known; NULL: the tree's end. */
static void insert(struct seq_tree *tree, struct seq_node *prev, struct seq_node *node,
                   struct seq_node *next, uint32_t random)
{
    ASSERT(seq_lt(node->seq, node->end));
    ASSERT(prev == NULL || seq_le(prev->end, node->seq));
    ASSERT(next == NULL || seq_le(node->end, next->seq));
    node->left = node->right = node->parent = NULL;
    node->priority = random;
    node->prev = prev;
    node->next = next;
    if (prev != NULL)
        prev->next = node;
    else
        tree->first = node;
    if (next != NULL)
        next->prev = node;
    else
        tree->last = node;
    tree->count++;

    /* Of two neighbours one is below the other, and it has no child between them. */
    if (prev != NULL && prev->right == NULL) {
        prev->right = node;
        node->parent = prev;
    } else if (next != NULL) {
        ASSERT(next->left == NULL);
        next->left = node;
        node->parent = next;
    } else {
        tree->root = node;
    }
    while (node->parent != NULL && node->parent->priority < node->priority)
        rotate_up(tree, node);
}

void seq_tree_add(struct seq_tree *tree, struct seq_node *node, uint32_t random)
{
    struct seq_node *next = seq_tree_find(tree, node->seq);

    insert(tree, next == NULL ? tree->last : next->prev, node, next, random);
}

/* All that is less on the way from the last node up becomes its left child: what rotations would do
 * one by one. */
void seq_tree_append(struct seq_tree *tree, struct seq_node *node, uint32_t random)
{
    struct seq_node *prev = tree->last, *above = prev, *below = NULL;

    ASSERT(seq_lt(node->seq, node->end));
    while (above != NULL && above->priority < random) {
        below = above;
        above = above->parent;
    }
    node->left = below;
    node->right = NULL;
    node->parent = above;
    node->prev = prev;
    node->next = NULL;
    node->priority = random;
    if (below != NULL)
        below->parent = node;
    if (above != NULL)
        above->right = node;
    else
        tree->root = node;
    if (LIKELY(prev != NULL)) {
        ASSERT(seq_le(prev->end, node->seq));
        prev->next = node;
    } else {
        tree->first = node;
    }
    tree->last = node;
    tree->count++;
}

void seq_tree_add_after(struct seq_tree *tree, struct seq_node *after, struct seq_node *node,
                        uint32_t random)
{
    insert(tree, after, node, after->next, random);
}

void seq_tree_remove(struct seq_tree *tree, struct seq_node *node)
{
    while (node->left != NULL && node->right != NULL)
        rotate_up(tree, node->left->priority > node->right->priority ? node->left : node->right);
    replace(tree, node, node->left != NULL ? node->left : node->right);
    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        tree->first = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    else
        tree->last = node->prev;
    tree->count--;
}
