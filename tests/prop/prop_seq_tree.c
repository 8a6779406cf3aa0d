/* SPDX-License-Identifier: ISC */
/* prop_seq_tree.c - ranges of sequence numbers behave as a sorted array of them does, and the tree
 * stays shallow whatever order a peer chooses. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

#include <cmocka.h>

#include "tcpip/seq_tree.h"

enum { NODES = 200, SPAN = 5000 };

static uint64_t seed;
static struct seq_node nodes[NODES];
static bool in_use[NODES];

/* The model: nodes in order. */
static struct seq_node *model[NODES];
static unsigned model_count;

static unsigned depth_of(const struct seq_node *node)
{
    unsigned left, right;

    if (node == NULL)
        return 0;
    left = depth_of(node->left);
    right = depth_of(node->right);
    return 1 + (left > right ? left : right);
}

static unsigned walk(const struct seq_node *node, const struct seq_node *parent,
                     const struct seq_node **list, unsigned n)
{
    if (node == NULL)
        return n;
    assert_ptr_equal(node->parent, parent);
    if (parent != NULL)
        assert_true(node->priority <= parent->priority);
    n = walk(node->left, node, list, n);
    assert_true(n < NODES);
    list[n++] = node;
    return walk(node->right, node, list, n);
}

static void check(const struct seq_tree *tree)
{
    const struct seq_node *list[NODES], *prev = NULL;

    assert_int_equal(tree->count, model_count);
    assert_int_equal(walk(tree->root, NULL, list, 0), model_count);
    for (unsigned i = 0; i < model_count; i++) {
        assert_ptr_equal(list[i], model[i]);
        assert_ptr_equal(model[i]->prev, prev);
        assert_ptr_equal(model[i]->next, i + 1 < model_count ? model[i + 1] : NULL);
        prev = model[i];
    }
    assert_ptr_equal(tree->first, model_count == 0 ? NULL : model[0]);
    assert_ptr_equal(tree->last, prev);
}

/* The model's answer: its index; model_count: none. */
static unsigned model_find(uint32_t seq)
{
    unsigned i = 0;

    while (i < model_count && seq_le(model[i]->end, seq))
        i++;
    return i;
}

static void model_insert(unsigned at, struct seq_node *node)
{
    memmove(&model[at + 1], &model[at], (model_count - at) * sizeof(model[0]));
    model[at] = node;
    model_count++;
}

static void add(struct seq_tree *tree, uint32_t base)
{
    uint32_t seq = base + test_random_below(&seed, SPAN),
             end = seq + 1 + test_random_below(&seed, 40);
    unsigned at = model_find(seq), i = 0;
    uint32_t priority = test_random_below(&seed, 4) == 0 ? 7 : (uint32_t)test_random(&seed);

    while (i < NODES && in_use[i])
        i++;
    if (i == NODES || (at < model_count && seq_lt(model[at]->seq, end)))
        return; /* it would overlap */
    memset(&nodes[i], 0xa5, sizeof(nodes[i]));
    nodes[i].seq = seq;
    nodes[i].end = end;
    in_use[i] = true;
    if (at == model_count && test_random_below(&seed, 2) == 0)
        seq_tree_append(tree, &nodes[i], priority);
    else if (at > 0 && test_random_below(&seed, 2) == 0)
        seq_tree_add_after(tree, model[at - 1], &nodes[i], priority);
    else
        seq_tree_add(tree, &nodes[i], priority);
    model_insert(at, &nodes[i]);
}

static void drop(struct seq_tree *tree)
{
    unsigned at;

    if (model_count == 0)
        return;
    at = test_random_below(&seed, 2) == 0 ? 0 : test_random_below(&seed, model_count);
    seq_tree_remove(tree, model[at]);
    in_use[model[at] - nodes] = false;
    memmove(&model[at], &model[at + 1], (model_count - at - 1) * sizeof(model[0]));
    model_count--;
}

static void look_up(const struct seq_tree *tree, uint32_t base)
{
    uint32_t seq = base - 50 + test_random_below(&seed, SPAN + 100);
    unsigned at = model_find(seq);

    assert_ptr_equal(seq_tree_find(tree, seq), at == model_count ? NULL : model[at]);
}

static void test_behaves_as_a_sorted_array(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        /* Every other one crosses the end of the numbers: RFC 9293 section 3.4. */
        uint32_t base = round % 2 == 0 ? 0xffffffffu - SPAN / 2 : (uint32_t)test_random(&seed);
        struct seq_tree tree = {0};

        memset(in_use, 0, sizeof(in_use));
        model_count = 0;
        for (unsigned step = 0; step < 1000; step++) {
            unsigned phase = step / 250 % 2; /* it grows, it shrinks */

            if (test_random_below(&seed, 4) < 1 + 2 * (1 - phase))
                add(&tree, base);
            else
                drop(&tree);
            look_up(&tree, base);
            check(&tree);
        }
        while (model_count != 0)
            drop(&tree);
        check(&tree);
        assert_null(tree.root);
    }
}

enum { MANY = 4096 };
static struct seq_node many[MANY];

static void fill(struct seq_tree *tree, unsigned i, uint32_t *cost)
{
    many[i].seq = 0xfffff000u + i * 4;
    many[i].end = many[i].seq + 2;
    seq_tree_add(tree, &many[i], (uint32_t)test_random(&seed));
    *cost = depth_of(tree->root);
}

/* CVE-2018-5390: whatever order the peer chooses, a look-up costs O(log n). 2^12 nodes: a random
 * tree's depth is about 2*ln(n)*1.4 = 23..35; 60 is never reached by chance. */
static void test_depth_does_not_depend_on_the_peers_order(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 3; order++) {
        struct seq_tree tree = {0};
        uint32_t depth = 0;

        for (unsigned i = 0; i < MANY; i++)
            fill(&tree,
                 order == 0   ? i
                 : order == 1 ? MANY - 1 - i
                 : i % 2 == 0 ? i / 2
                              : MANY - 1 - i / 2,
                 &depth);
        assert_true(depth < 60);
        assert_int_equal(tree.count, MANY);
    }
}

/* What a sender does: append, remove the first. Not a pointer more than a few nodes deep changes:
 * seen by the tree's shape staying right while a long queue moves round the numbers. */
static void test_queue_goes_round_all_numbers(void **state)
{
    struct seq_tree tree = {0};
    uint32_t seq = 0xfffffff0u;

    (void)state;
    for (unsigned i = 0; i < 40000; i++) {
        struct seq_node *node = &many[i % 64];

        if (i >= 64) {
            assert_ptr_equal(tree.first, node);
            assert_ptr_equal(seq_tree_find(&tree, node->seq), node);
            seq_tree_remove(&tree, node);
        }
        node->seq = seq;
        node->end = seq += 200000;
        seq_tree_append(&tree, node, (uint32_t)test_random(&seed));
        assert_ptr_equal(tree.last, node);
        assert_ptr_equal(seq_tree_find(&tree, node->seq + 100), node);
        assert_null(seq_tree_find(&tree, node->end));
    }
    assert_int_equal(tree.count, 64);
}

static void test_our_own_mistakes_assert(void **state)
{
    struct seq_tree tree = {0};
    struct seq_node a = {.seq = 10, .end = 20}, b = {.seq = 15, .end = 25},
                    c = {.seq = 5, .end = 5};

    (void)state;
    seq_tree_add(&tree, &a, 1);
    expect_assert_failure(seq_tree_add(&tree, &b, 2));
    expect_assert_failure(seq_tree_append(&tree, &b, 2));
    expect_assert_failure(seq_tree_add(&tree, &c, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_behaves_as_a_sorted_array),
        cmocka_unit_test(test_depth_does_not_depend_on_the_peers_order),
        cmocka_unit_test(test_queue_goes_round_all_numbers),
        cmocka_unit_test(test_our_own_mistakes_assert),
    };

    seed = test_seed(0x73657174);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
