/* SPDX-License-Identifier: ISC */
/* tree.c - reads the device tree into a struct tree. Pure: it sees the tree as a view, so that it
 * can be tested anywhere. One walk over all nodes; each is shown to those who might want it. */
#include "tree.h"

#include <morgana/err.h>

#include "boot/common/fdt.h"

#define PPI_CELL 1u /* first cell of an interrupt: 0 shared, 1 private */
#define PPI_FIRST 16u
#define PPI_COUNT 16u
#define INTERRUPT_BYTES 12u /* #interrupt-cells of a GIC is 3, or 4 for version 3 */

/* What a node may be looked at for. */
struct seen {
    const struct fdt *fdt;
    const struct fdt_node *node;
    struct tree *tree;
};

static struct range reg_of(const struct seen *s, unsigned index)
{
    uint64_t start, size;

    if (!fdt_reg(s->fdt, s->node, index, &start, &size))
        return (struct range){0, 0};
    return (struct range){start, start + size};
}

/* The private interrupt in entry `index` of "interrupts", or TREE_PPI_NONE. */
static uint32_t ppi_of(const struct seen *s, unsigned index)
{
    struct cs_ro all, one;

    if (!fdt_prop(s->fdt, s->node, "interrupts", &all) ||
        !cs_try_sub(all, (size_t)index * INTERRUPT_BYTES, INTERRUPT_BYTES, &one))
        return TREE_PPI_NONE;
    if (cs_get_be32(one, 0) != PPI_CELL || cs_get_be32(one, 4) >= PPI_COUNT)
        return TREE_PPI_NONE;
    return PPI_FIRST + cs_get_be32(one, 4);
}

static bool is_compatible(const struct seen *s, const char *word)
{
    return fdt_prop_has(s->fdt, s->node, "compatible", word);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* All is lost that does not fit, so that nobody uses what others keep: the caller refuses. */
static bool add_reserved(struct tree *tree, struct range r)
{
    if (r.end <= r.start)
        return true;
    if (tree->reserved_count == TREE_RESERVED_MAX)
        return false;
    tree->reserved[tree->reserved_count++] = r;
    return true;
}

static void see_memory(const struct seen *s)
{
    struct cs_ro type;

    /* Section 3.4: device_type is the mark; the name alone is that of too many others. */
    if (!fdt_prop_string(s->fdt, s->node, "device_type", &type) || !cs_equal_str(type, "memory"))
        return;
    for (unsigned i = 0; i < TREE_RAM_MAX; i++)
        s->tree->ram_count =
            range_add(s->tree->ram, s->tree->ram_count, TREE_RAM_MAX, reg_of(s, i));
}

/* ---- what else a guest wants to know --------------------------------------------------------- */

static void see_chosen(const struct seen *s)
{
    struct tree *tree = s->tree;
    uint64_t start, end;

    (void)fdt_prop_string(s->fdt, s->node, "bootargs", &tree->bootargs);
    if (fdt_prop_number(s->fdt, s->node, "linux,initrd-start", &start) &&
        fdt_prop_number(s->fdt, s->node, "linux,initrd-end", &end) && end > start)
        tree->module = (struct range){start, end};
    (void)fdt_prop(s->fdt, s->node, "rng-seed", &tree->rng_seed);
    (void)fdt_prop_number(s->fdt, s->node, "kaslr-seed", &tree->kaslr_seed);
}

static void see_hypervisor(const struct seen *s)
{
    if (!is_compatible(s, "xen,xen"))
        return;
    s->tree->has_xen = true;
    s->tree->window = reg_of(s, 0);
    s->tree->event_ppi = ppi_of(s, 0);
}

static void see_gic(const struct seen *s)
{
    static const char *const version_2[] = {"arm,gic-400", "arm,cortex-a15-gic",
                                            "arm,cortex-a9-gic", "arm,cortex-a7-gic"};
    struct tree *tree = s->tree;
    unsigned version = is_compatible(s, "arm,gic-v3") ? 3 : 0;

    for (unsigned i = 0; i < ARRAY_SIZE(version_2); i++) {
        if (is_compatible(s, version_2[i]))
            version = 2;
    }
    if (version == 0 || tree->gic_version != 0)
        return;
    tree->gic_version = version;
    tree->gic_dist = reg_of(s, 0);
    tree->gic_cpu = reg_of(s, 1);
}

static void see_timer(const struct seen *s)
{
    const unsigned virtual = 2; /* after the secure and the non-secure physical one */
    uint64_t hz;

    if (!is_compatible(s, "arm,armv8-timer") && !is_compatible(s, "arm,armv7-timer"))
        return;
    s->tree->timer_ppi = ppi_of(s, virtual);
    if (fdt_prop_number(s->fdt, s->node, "clock-frequency", &hz) && hz <= UINT32_MAX)
        s->tree->timer_hz = (uint32_t)hz;
}

static void see_psci(const struct seen *s)
{
    struct cs_ro method;

    if (!is_compatible(s, "arm,psci-0.2") && !is_compatible(s, "arm,psci-1.0"))
        return;
    if (!fdt_prop_string(s->fdt, s->node, "method", &method))
        return;
    s->tree->has_psci = cs_equal_str(method, "hvc") || cs_equal_str(method, "smc");
    s->tree->psci_by_smc = cs_equal_str(method, "smc");
}

/* Children of the root that are asked after by their name; all others by what they are compatible
 * with. */
static void see(const struct seen *s)
{
    if (fdt_is_named(s->node, "chosen"))
        see_chosen(s);
    else if (fdt_is_named(s->node, "hypervisor"))
        see_hypervisor(s);
    else if (fdt_is_named(s->node, "timer"))
        see_timer(s);
    else if (fdt_is_named(s->node, "psci"))
        see_psci(s);
    else if (is_compatible(s, "arm,pl011") && s->tree->uart.end == 0)
        s->tree->uart = reg_of(s, 0);
    else
        see_memory(s);
    see_gic(s);
}

/* Section 3.5.4: children with "reg" have their place; those without are placed by us: nowhere.
 * NULL, or what is wrong: one that cannot be read is not passed over, since others keep it. */
static const char *reserve(const struct fdt *fdt, struct tree *tree)
{
    static const char too_many[] = "device tree: more memory is reserved than can be kept in mind";
    struct fdt_node node = fdt_root(fdt);
    uint64_t start, size;
    bool inside = false;

    for (unsigned i = 0; fdt_reserved(fdt, i, &start, &size); i++) {
        if (!add_reserved(tree, (struct range){start, start + size}))
            return too_many;
    }
    while (fdt_next(fdt, &node)) {
        if (node.depth == 2)
            inside = fdt_is_named(&node, "reserved-memory");
        for (unsigned i = 0; inside && node.depth == 3 && fdt_has_reg(fdt, &node, i); i++) {
            if (!fdt_reg(fdt, &node, i, &start, &size))
                return "device tree: reserved memory that cannot be";
            if (!add_reserved(tree, (struct range){start, start + size}))
                return too_many;
        }
    }
    return NULL;
}

int tree_read(struct cs_ro blob, struct tree *tree, const char **why)
{
    struct fdt fdt;
    struct fdt_node node;
    struct seen s = {&fdt, &node, tree};

    *tree = (struct tree){.ram_count = 0};
    if (fdt_open(blob, &fdt, why) < 0)
        return -E_INVAL;
    node = fdt_root(&fdt);
    while (fdt_next(&fdt, &node)) {
        if (node.depth == 2) /* on the CPU's own bus: their addresses are physical */
            see(&s);
    }
    *why = reserve(&fdt, tree);
    if (*why != NULL)
        return -E_INVAL;
    *why = "device tree: no memory";
    return tree->ram_count > 0 ? 0 : -E_INVAL;
}
