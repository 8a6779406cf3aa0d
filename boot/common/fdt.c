/* SPDX-License-Identifier: ISC */
/* fdt.c - reads a flattened device tree.
 *
 * Theory of operation. The structure block is a row of tokens of 32 bits, big-endian: "node begins"
 * with its name, "property" with its length and the offset of its name in the strings block, "node
 * ends", "nothing", "end". There is no pointer in it, so it cannot be cyclic; but a token may be
 * missing, a length may lead outside, the depth may be any. take() reads one token and knows all
 * bounds; check() runs it over the whole tree once with the rules of order, and everything else
 * walks over what has been checked.
 */
#include "fdt.h"

#include <morgana/err.h>

/* Section 5.2. */
enum { MAGIC, TOTAL, OFF_STRUCT, OFF_STRINGS, OFF_RESERVE, VERSION, COMPATIBLE, CPU, STRINGS_SIZE };
enum { STRUCT_SIZE = 9, HEADER_WORDS = 10 };
#define VERSION_WRITTEN 16u /* the oldest version that a tree of version 17 may claim to suit */
#define VERSION_READ 17u    /* ours */
#define RESERVATION_BYTES 16u

/* Section 5.4.1. */
enum token_kind { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9, BROKEN = 0 };

struct token {
    enum token_kind kind;
    struct cs_ro name;  /* of a node or a property, without its NUL */
    struct cs_ro value; /* of a property */
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* The string at `at`; false where it does not end inside. */
static bool string_at(struct cs_ro in, size_t at, struct cs_ro *out)
{
    size_t n = 0;

    if (at >= in.len)
        return false;
    while (at + n < in.len && in.base[at + n] != 0)
        n++;
    *out = cs_ro_of(in.base + at, n);
    return at + n < in.len;
}

/* The token at *at, which moves behind it and its padding. */
static struct token take(const struct fdt *fdt, size_t *at)
{
    const struct token broken = {.kind = BROKEN};
    struct cs_ro in = fdt->structure;
    struct token token = {.kind = BROKEN};
    size_t end;

    if (*at > in.len || in.len - *at < 4)
        return broken;
    token.kind = (enum token_kind)be32(in.base + *at);
    end = *at + 4;
    switch (token.kind) {
    case BEGIN_NODE:
        if (!string_at(in, end, &token.name))
            return broken;
        end += token.name.len + 1;
        break;
    case PROP:
        if (in.len - end < 8)
            return broken;
        if (!cs_try_sub(in, end + 8, be32(in.base + end), &token.value) ||
            !string_at(fdt->strings, be32(in.base + end + 4), &token.name))
            return broken;
        end += 8 + token.value.len;
        break;
    case END_NODE:
    case NOP:
    case END:
        break;
    default:
        return broken;
    }
    end = (end + 3) & ~(size_t)3;
    if (end > in.len)
        return broken;
    *at = end;
    return token;
}

/* Properties stand before child nodes (section 5.4.2); one root; every node ends. */
static const char *check(const struct fdt *fdt)
{
    bool may_have_props[FDT_DEPTH_MAX + 1] = {false};
    unsigned depth = 0, nodes = 0;

    for (size_t at = 0;;) {
        struct token token = take(fdt, &at);

        switch (token.kind) {
        case BEGIN_NODE:
            if (depth == 0 && nodes > 0)
                return "device tree: a second root";
            if (depth == FDT_DEPTH_MAX)
                return "device tree: nodes too deep inside each other";
            if (++nodes > FDT_NODES_MAX)
                return "device tree: too many nodes";
            may_have_props[depth] = false;
            may_have_props[++depth] = true;
            break;
        case END_NODE:
            if (depth == 0)
                return "device tree: a node ends that did not begin";
            depth--;
            break;
        case PROP:
            if (!may_have_props[depth])
                return "device tree: a property that belongs to no node";
            break;
        case NOP:
            break;
        case END:
            return depth == 0 && nodes > 0 ? NULL : "device tree: it ends inside a node";
        default:
            return "device tree: a token that is none, or reaches outside";
        }
    }
}

/* The list of reservations ends with an entry of zeros; none may wrap. */
static const char *check_reservations(const struct fdt *fdt)
{
    struct cs_ro entry;

    for (size_t at = 0; cs_try_sub(fdt->reservations, at, RESERVATION_BYTES, &entry);
         at += RESERVATION_BYTES) {
        uint64_t start = be64(entry.base), size = be64(entry.base + 8);

        if (start == 0 && size == 0)
            return NULL;
        if (size > UINT64_MAX - start)
            return "device tree: reserved memory that cannot be";
    }
    return "device tree: the list of reserved memory has no end";
}

uint32_t fdt_total_size(struct cs_ro header)
{
    uint32_t total;

    if (header.len < FDT_HEADER_BYTES || be32(header.base) != FDT_MAGIC)
        return 0;
    total = be32(header.base + (size_t)4 * TOTAL);
    return total >= FDT_HEADER_BYTES && total <= FDT_BYTES_MAX ? total : 0;
}

int fdt_open(struct cs_ro blob, struct fdt *fdt, const char **why)
{
    uint32_t total = fdt_total_size(blob), word[HEADER_WORDS];

    *why = "device tree: there is none, or it is too large";
    if (total == 0)
        return -E_INVAL;
    *why = "device tree: cut off";
    if (total > blob.len)
        return -E_INVAL;
    blob = cs_ro_of(blob.base, total);
    for (unsigned i = 0; i < HEADER_WORDS; i++)
        word[i] = be32(blob.base + (size_t)4 * i);
    *why = "device tree: of a version that is not known";
    if (word[VERSION] < VERSION_READ || word[COMPATIBLE] > VERSION_READ ||
        word[COMPATIBLE] < VERSION_WRITTEN)
        return -E_INVAL;
    *why = "device tree: its header points outside";
    if (!cs_try_sub(blob, word[OFF_STRUCT], word[STRUCT_SIZE], &fdt->structure) ||
        !cs_try_sub(blob, word[OFF_STRINGS], word[STRINGS_SIZE], &fdt->strings) ||
        word[OFF_RESERVE] > total || word[OFF_STRUCT] % 4 != 0 || word[OFF_RESERVE] % 8 != 0)
        return -E_INVAL;
    fdt->reservations = cs_ro_of(blob.base + word[OFF_RESERVE], total - word[OFF_RESERVE]);
    *why = check(fdt);
    if (*why == NULL)
        *why = check_reservations(fdt);
    return *why == NULL ? 0 : -E_INVAL;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static uint8_t cells(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                     uint8_t otherwise)
{
    uint64_t n;

    if (!fdt_prop_number(fdt, node, name, &n))
        return otherwise;
    return n <= UINT8_MAX ? (uint8_t)n : UINT8_MAX; /* more than fdt_reg takes, in any case */
}

bool fdt_next(const struct fdt *fdt, struct fdt_node *node)
{
    for (;;) {
        struct token token = take(fdt, &node->next);

        if (token.kind == END_NODE && node->depth > 0) {
            node->depth--;
        } else if (token.kind == BEGIN_NODE && node->depth < FDT_DEPTH_MAX) {
            node->name = token.name;
            node->props = node->next;
            node->depth++;
            /* Section 2.3.5: these are the defaults; they are not inherited. */
            node->address_cells[node->depth] = cells(fdt, node, "#address-cells", 2);
            node->size_cells[node->depth] = cells(fdt, node, "#size-cells", 1);
            return true;
        } else if (token.kind == END || token.kind == BROKEN) {
            return false;
        }
    }
}

struct fdt_node fdt_root(const struct fdt *fdt)
{
    struct fdt_node node = {.depth = 0};

    (void)fdt_next(fdt, &node);
    return node;
}

bool fdt_prop(const struct fdt *fdt, const struct fdt_node *node, const char *name,
              struct cs_ro *value)
{
    size_t at = node->props;

    for (;;) {
        struct token token = take(fdt, &at);

        if (token.kind == PROP && cs_equal_str(token.name, name)) {
            *value = token.value;
            return true;
        }
        if (token.kind != PROP && token.kind != NOP)
            return false;
    }
}

bool fdt_prop_has(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                  const char *word)
{
    struct cs_ro list, one;

    if (!fdt_prop(fdt, node, name, &list))
        return false;
    for (size_t at = 0; string_at(list, at, &one); at += one.len + 1) {
        if (cs_equal_str(one, word))
            return true;
    }
    return false;
}

bool fdt_prop_number(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                     uint64_t *value)
{
    struct cs_ro bytes;

    if (!fdt_prop(fdt, node, name, &bytes) || (bytes.len != 4 && bytes.len != 8))
        return false;
    *value = bytes.len == 4 ? be32(bytes.base) : be64(bytes.base);
    return true;
}

bool fdt_prop_string(const struct fdt *fdt, const struct fdt_node *node, const char *name,
                     struct cs_ro *value)
{
    struct cs_ro bytes;

    return fdt_prop(fdt, node, name, &bytes) && string_at(bytes, 0, value);
}

/* A number of `n` cells; false where it has more than 64 bits. */
static bool cells_number(const uint8_t *p, unsigned n, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < n; i++) {
        if (*out >> 32 != 0)
            return false;
        *out = *out << 32 | be32(p + (size_t)4 * i);
    }
    return true;
}

/* Bytes of an entry of "reg", and of the address in it; 0 where there is none that we can read. */
static size_t reg_bytes(const struct fdt_node *node, size_t *address_bytes)
{
    unsigned a = node->depth > 1 ? node->address_cells[node->depth - 1] : 0;
    unsigned s = node->depth > 1 ? node->size_cells[node->depth - 1] : 0;

    *address_bytes = (size_t)4 * a;
    return a == 0 || a > 4 || s > 4 ? 0 : (size_t)4 * (a + s);
}

bool fdt_has_reg(const struct fdt *fdt, const struct fdt_node *node, unsigned index)
{
    size_t address, bytes = reg_bytes(node, &address);
    struct cs_ro reg;

    return fdt_prop(fdt, node, "reg", &reg) && (bytes == 0 || index < reg.len / bytes);
}

bool fdt_reg(const struct fdt *fdt, const struct fdt_node *node, unsigned index, uint64_t *start,
             uint64_t *size)
{
    size_t address, bytes = reg_bytes(node, &address);
    struct cs_ro reg, entry;

    return bytes != 0 && fdt_prop(fdt, node, "reg", &reg) &&
           cs_try_sub(reg, index * bytes, bytes, &entry) &&
           cells_number(entry.base, (unsigned)address / 4, start) &&
           cells_number(entry.base + address, (unsigned)(bytes - address) / 4, size) &&
           *size <= UINT64_MAX - *start;
}

bool fdt_reserved(const struct fdt *fdt, unsigned index, uint64_t *start, uint64_t *size)
{
    struct cs_ro entry;

    if (!cs_try_sub(fdt->reservations, (size_t)index * RESERVATION_BYTES, RESERVATION_BYTES,
                    &entry))
        return false;
    *start = be64(entry.base);
    *size = be64(entry.base + 8);
    return *start != 0 || *size != 0;
}

bool fdt_is_named(const struct fdt_node *node, const char *name)
{
    size_t n = 0;

    while (n < node->name.len && node->name.base[n] != '@')
        n++;
    return cs_equal_str(cs_ro_of(node->name.base, n), name);
}
