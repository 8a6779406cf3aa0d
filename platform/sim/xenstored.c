/* SPDX-License-Identifier: ISC */
/* xenstored.c - the simulated xenstored's tree: nodes, permissions, quotas, transactions
 * (docs/misc/xenstore.txt).
 *
 * A transaction works on a copy of the whole tree (a guest's tree has a few dozen nodes). It
 * keeps the path and generation of each node it looked at, and a log of its changes. It commits
 * when each of those nodes still has the same generation in the real tree; then the log is run
 * again there. Else EAGAIN.
 *
 * A node's generation changes with its value, its permissions, or its list of children.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_priv.h"

#define PERMS_MAX 8u
#define VALUE_MAX_GUEST 2048u /* xenstored's quota-maxsize for unprivileged domains */
#define TXNS_MAX 16u

struct perm {
    char kind; /* n r w b */
    uint16_t domid;
};

struct sim_node {
    char *name;
    uint8_t *value;
    size_t len;
    uint64_t generation;
    struct perm perm[PERMS_MAX]; /* the first: the owner, and everyone else's right */
    unsigned perms;
    struct sim_node *parent, *child, *next;
};

/* Something a transaction looked at or did. */
struct access {
    struct access *next;
    char *path;
    uint64_t generation; /* seen; 0: no such node */
};

enum change { CHANGE_WRITE, CHANGE_MKDIR, CHANGE_RM, CHANGE_PERMS };

struct log {
    struct log *next;
    enum change what;
    unsigned domid;
    char *path;
    uint8_t *bytes;
    size_t len;
};

struct sim_txn {
    uint32_t id; /* 0: free */
    struct sim_node *root;
    struct access *accesses;
    struct log *log, **log_end;
};

static struct {
    struct sim_node *root;
    uint64_t generation;
    uint32_t guest_nodes;
    uint32_t next_txn, txns;
    uint32_t fail_commits;
    struct sim_txn txn[TXNS_MAX];
    char *names;
} store;

/* ---- nodes ---------------------------------------------------------------------------------- */

static struct sim_node *node_new(struct sim_node *parent, const char *name, size_t len)
{
    struct sim_node *node = sim_alloc(sizeof(*node));
    node->name = sim_alloc(len + 1);
    memcpy(node->name, name, len);
    node->parent = parent;
    if (parent != NULL) {
        struct sim_node **end = &parent->child;
        while (*end != NULL)
            end = &(*end)->next;
        *end = node;
        memcpy(node->perm, parent->perm, sizeof(node->perm));
        node->perms = parent->perms;
    }
    return node;
}

static void node_free(struct sim_node *node)
{
    while (node->child != NULL) {
        struct sim_node *child = node->child;
        node->child = child->next;
        node_free(child);
    }
    free(node->name);
    free(node->value);
    free(node);
}

static void node_set_value(struct sim_node *node, struct cs_ro value)
{
    free(node->value);
    node->value = sim_alloc(value.len + 1);
    if (value.len != 0)
        memcpy(node->value, value.base, value.len);
    node->len = value.len;
}

static struct sim_node *node_copy(const struct sim_node *from, struct sim_node *parent)
{
    struct sim_node *node = sim_alloc(sizeof(*node));
    *node = *from;
    node->name = sim_strdup(from->name);
    node->value = NULL;
    node_set_value(node, cs_ro_of(from->value, from->len));
    node->parent = parent;
    node->child = node->next = NULL;
    struct sim_node **end = &node->child;
    for (const struct sim_node *c = from->child; c != NULL; c = c->next) {
        *end = node_copy(c, node);
        end = &(*end)->next;
    }
    return node;
}

static struct sim_node *child_of(struct sim_node *node, const char *name, size_t len)
{
    for (struct sim_node *c = node->child; c != NULL; c = c->next) {
        if (strlen(c->name) == len && memcmp(c->name, name, len) == 0)
            return c;
    }
    return NULL;
}

/* Walks as far as the path exists; *rest is what does not ("" where all of it does). */
static struct sim_node *walk(struct sim_node *root, const char *path, const char **rest)
{
    struct sim_node *node = root;
    path += *path == '/';
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        struct sim_node *child = child_of(node, path, len);
        if (child == NULL)
            break;
        node = child;
        path += len;
        path += *path == '/';
    }
    *rest = path;
    return node;
}

static struct sim_node *find(struct sim_node *root, const char *path)
{
    const char *rest;
    struct sim_node *node = walk(root, path, &rest);
    return *rest == '\0' ? node : NULL;
}

/* ---- permissions ---------------------------------------------------------------------------- */

static bool kind_allows(char kind, bool write)
{
    return kind == 'b' || kind == (write ? 'w' : 'r');
}

static bool allowed(const struct sim_node *node, unsigned domid, bool write)
{
    if (domid == 0 || node->perm[0].domid == domid)
        return true;
    for (unsigned i = 1; i < node->perms; i++) {
        if (node->perm[i].domid == domid)
            return kind_allows(node->perm[i].kind, write);
    }
    return kind_allows(node->perm[0].kind, write);
}

/* ---- paths, transactions' bookkeeping ------------------------------------------------------- */

bool sim_store_path_ok(const char *path)
{
    size_t len = strlen(path);
    if (path[0] != '/' || len > XENSTORE_ABS_PATH_MAX || strstr(path, "//") != NULL)
        return false;
    if (len > 1 && path[len - 1] == '/')
        return false;
    return strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@") ==
           len;
}

static struct sim_node *root_of(struct sim_txn *txn)
{
    return txn == NULL ? store.root : txn->root;
}

/* Remembers what the transaction saw at this path, once. */
static void note(struct sim_txn *txn, const char *path)
{
    if (txn == NULL)
        return;
    for (const struct access *a = txn->accesses; a != NULL; a = a->next) {
        if (strcmp(a->path, path) == 0)
            return;
    }
    const struct sim_node *node = find(txn->root, path);
    struct access *a = sim_alloc(sizeof(*a));
    a->path = sim_strdup(path);
    a->generation = node == NULL ? 0 : node->generation;
    a->next = txn->accesses;
    txn->accesses = a;
}

static void note_parent(struct sim_txn *txn, const char *path)
{
    char parent[XENSTORE_ABS_PATH_MAX + 1];
    const char *slash = strrchr(path, '/');
    size_t len = (size_t)(slash - path);
    memcpy(parent, path, len);
    parent[len] = '\0';
    note(txn, len == 0 ? "/" : parent);
}

static void changed(struct sim_txn *txn, enum change what, unsigned domid, const char *path,
                    struct cs_ro bytes)
{
    if (txn == NULL) {
        sim_store_changed(path, what == CHANGE_RM);
        return;
    }
    struct log *entry = sim_alloc(sizeof(*entry));
    entry->what = what;
    entry->domid = domid;
    entry->path = sim_strdup(path);
    entry->bytes = sim_alloc(bytes.len + 1);
    if (bytes.len != 0)
        memcpy(entry->bytes, bytes.base, bytes.len);
    entry->len = bytes.len;
    *txn->log_end = entry;
    txn->log_end = &entry->next;
}

/* ---- requests ------------------------------------------------------------------------------- */

static int get(unsigned domid, struct sim_txn *txn, const char *path, bool write,
               struct sim_node **node)
{
    const char *rest;
    note(txn, path);
    struct sim_node *at = walk(root_of(txn), path, &rest);
    if (!allowed(at, domid, *rest == '\0' ? write : false))
        return EACCES;
    if (*rest != '\0')
        return ENOENT;
    *node = at;
    return 0;
}

int sim_store_read(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro *value)
{
    struct sim_node *node = NULL;
    int err = get(domid, txn, path, false, &node);
    if (err == 0)
        *value = cs_ro_of(node->value, node->len);
    return err;
}

/* Makes the node and the parents it lacks. */
static int create(unsigned domid, struct sim_txn *txn, const char *path, struct sim_node **node)
{
    const char *rest;
    struct sim_node *at = walk(root_of(txn), path, &rest);
    if (!allowed(at, domid, true))
        return EACCES;
    note(txn, path);
    note_parent(txn, path);
    uint32_t quota = sim_state.conf.xs_nodes == 0 ? 1000 : sim_state.conf.xs_nodes;
    while (*rest != '\0') {
        if (domid != 0 && store.guest_nodes >= quota)
            return ENOSPC;
        size_t len = strcspn(rest, "/");
        at->generation = ++store.generation;
        at = node_new(at, rest, len);
        at->generation = ++store.generation;
        node_set_value(at, CS_RO_EMPTY);
        if (domid != 0) {
            at->perm[0] = (struct perm){at->perm[0].kind, (uint16_t)domid};
            if (txn == NULL)
                store.guest_nodes++;
        }
        rest += len;
        rest += *rest == '/';
    }
    *node = at;
    return 0;
}

int sim_store_write(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro value)
{
    struct sim_node *node = NULL;
    if (domid != 0 && value.len > VALUE_MAX_GUEST)
        return ENOSPC;
    int err = create(domid, txn, path, &node);
    if (err != 0)
        return err;
    node_set_value(node, value);
    node->generation = ++store.generation;
    changed(txn, CHANGE_WRITE, domid, path, value);
    return 0;
}

int sim_store_mkdir(unsigned domid, struct sim_txn *txn, const char *path)
{
    struct sim_node *node = NULL;
    note(txn, path);
    if (find(root_of(txn), path) != NULL)
        return get(domid, txn, path, true, &node);
    int err = create(domid, txn, path, &node);
    if (err == 0)
        changed(txn, CHANGE_MKDIR, domid, path, CS_RO_EMPTY);
    return err;
}

static void count_gone(const struct sim_node *node)
{
    if (node->perm[0].domid == SIM_GUEST_DOMID && store.guest_nodes > 0)
        store.guest_nodes--;
    for (const struct sim_node *c = node->child; c != NULL; c = c->next)
        count_gone(c);
}

/* Tells of a subtree's end, leaves first: for each node its own permissions count, or its
 * parent's, as they were. `path` has `len` bytes, and room for the longest. */
static void tell_gone(const struct sim_node *node, char *path, size_t len, bool exact)
{
    for (const struct sim_node *c = node->child; c != NULL; c = c->next) {
        size_t room = XENSTORE_ABS_PATH_MAX + 1 - len;
        size_t n = (size_t)snprintf(path + len, room, "/%s", c->name);
        if (n < room)
            tell_gone(c, path, len + n, true);
        path[len] = '\0';
    }
    if (allowed(node, SIM_GUEST_DOMID, false) || allowed(node->parent, SIM_GUEST_DOMID, false))
        sim_xs_watch_event(path, exact);
}

int sim_store_rm(unsigned domid, struct sim_txn *txn, const char *path)
{
    struct sim_node *node = NULL;
    if (strcmp(path, "/") == 0)
        return EINVAL;
    note(txn, path);
    note_parent(txn, path);
    int err = get(domid, txn, path, true, &node);
    if (err == ENOENT) {
        /* Gone already is as good as done, where its parent exists. */
        const char *rest;
        walk(root_of(txn), path, &rest);
        return strchr(rest, '/') == NULL ? 0 : ENOENT;
    }
    if (err != 0)
        return err;
    struct sim_node **link = &node->parent->child;
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    node->parent->generation = ++store.generation;
    if (txn == NULL) {
        char gone[XENSTORE_ABS_PATH_MAX + 1];
        count_gone(node);
        tell_gone(node, gone, (size_t)snprintf(gone, sizeof(gone), "%s", path), false);
    }
    node_free(node);
    changed(txn, CHANGE_RM, domid, path, CS_RO_EMPTY);
    return 0;
}

int sim_store_directory(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro *names,
                        uint64_t *generation)
{
    struct sim_node *node = NULL;
    int err = get(domid, txn, path, false, &node);
    if (err != 0)
        return err;
    size_t size = 1, len = 0;
    for (const struct sim_node *c = node->child; c != NULL; c = c->next)
        size += strlen(c->name) + 1;
    free(store.names);
    store.names = sim_alloc(size);
    for (const struct sim_node *c = node->child; c != NULL; c = c->next) {
        size_t n = strlen(c->name) + 1;
        memcpy(store.names + len, c->name, n);
        len += n;
    }
    *names = cs_ro_of(store.names, len);
    *generation = node->generation;
    return 0;
}

int sim_store_get_perms(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro *perms)
{
    static char text[PERMS_MAX * 8];
    struct sim_node *node = NULL;
    int err = get(domid, txn, path, false, &node);
    if (err != 0)
        return err;
    size_t len = 0;
    for (unsigned i = 0; i < node->perms; i++)
        len += (size_t)sprintf(text + len, "%c%u", node->perm[i].kind, node->perm[i].domid) + 1;
    *perms = cs_ro_of(text, len);
    return 0;
}

int sim_store_set_perms(unsigned domid, struct sim_txn *txn, const char *path, struct cs_ro perms)
{
    struct perm list[PERMS_MAX];
    unsigned n = 0;
    size_t off = 0;
    while (off < perms.len) {
        const char *text = (const char *)perms.base + off;
        size_t len = strnlen(text, perms.len - off);
        char *end;
        unsigned long id = strtoul(text + 1, &end, 10);
        if (len == perms.len - off || n == PERMS_MAX || strchr("nrwb", text[0]) == NULL ||
            len < 2 || *end != '\0' || id > UINT16_MAX)
            return EINVAL;
        list[n++] = (struct perm){text[0], (uint16_t)id};
        off += len + 1;
    }
    struct sim_node *node = NULL;
    int err = n == 0 ? EINVAL : get(domid, txn, path, true, &node);
    if (err != 0)
        return err;
    /* Only the owner may; and a guest cannot give its nodes away. */
    if (domid != 0 && (node->perm[0].domid != domid || list[0].domid != domid))
        return EPERM;
    memcpy(node->perm, list, sizeof(list));
    node->perms = n;
    node->generation = ++store.generation;
    changed(txn, CHANGE_PERMS, domid, path, perms);
    return 0;
}

bool sim_store_guest_sees(const char *path)
{
    const char *rest;
    return path[0] == '@' || allowed(walk(store.root, path, &rest), SIM_GUEST_DOMID, false);
}

/* ---- transactions --------------------------------------------------------------------------- */

int sim_store_txn_start(uint32_t *id)
{
    uint32_t quota = sim_state.conf.xs_transactions == 0 ? 10 : sim_state.conf.xs_transactions;
    if (store.txns >= u32_min(quota, TXNS_MAX))
        return ENOSPC;
    struct sim_txn *txn = store.txn;
    while (txn->id != 0)
        txn++;
    *txn = (struct sim_txn){.id = ++store.next_txn, .root = node_copy(store.root, NULL)};
    txn->log_end = &txn->log;
    store.txns++;
    *id = txn->id;
    return 0;
}

struct sim_txn *sim_store_txn(uint32_t id)
{
    for (unsigned i = 0; id != 0 && i < TXNS_MAX; i++) {
        if (store.txn[i].id == id)
            return &store.txn[i];
    }
    return NULL;
}

static void txn_free(struct sim_txn *txn)
{
    node_free(txn->root);
    while (txn->accesses != NULL) {
        struct access *a = txn->accesses;
        txn->accesses = a->next;
        free(a->path);
        free(a);
    }
    while (txn->log != NULL) {
        struct log *entry = txn->log;
        txn->log = entry->next;
        free(entry->path);
        free(entry->bytes);
        free(entry);
    }
    txn->id = 0;
    store.txns--;
}

static bool still_valid(const struct sim_txn *txn)
{
    for (const struct access *a = txn->accesses; a != NULL; a = a->next) {
        const struct sim_node *node = find(store.root, a->path);
        if ((node == NULL ? 0 : node->generation) != a->generation)
            return false;
    }
    return true;
}

static void replay(const struct log *entry)
{
    struct cs_ro bytes = cs_ro_of(entry->bytes, entry->len);
    switch (entry->what) {
    case CHANGE_WRITE:
        sim_store_write(entry->domid, NULL, entry->path, bytes);
        break;
    case CHANGE_MKDIR:
        sim_store_mkdir(entry->domid, NULL, entry->path);
        break;
    case CHANGE_RM:
        sim_store_rm(entry->domid, NULL, entry->path);
        break;
    case CHANGE_PERMS:
        sim_store_set_perms(entry->domid, NULL, entry->path, bytes);
        break;
    }
}

int sim_store_txn_end(uint32_t id, bool commit)
{
    struct sim_txn *txn = sim_store_txn(id);
    if (txn == NULL)
        return ENOENT;
    int err = 0;
    if (commit && store.fail_commits > 0) {
        store.fail_commits--;
        err = EAGAIN;
    } else if (commit && !still_valid(txn)) {
        err = EAGAIN;
    } else if (commit) {
        for (const struct log *entry = txn->log; entry != NULL; entry = entry->next)
            replay(entry);
    }
    txn_free(txn);
    return err;
}

void sim_store_restore(void)
{
    for (unsigned i = 0; i < TXNS_MAX; i++) {
        if (store.txn[i].id != 0)
            txn_free(&store.txn[i]);
    }
    store.fail_commits = 0;
    sim_store_rm(0, NULL, "/local/domain/1");
    sim_store_populate();
}

uint32_t sim_xs_transactions(void)
{
    return store.txns;
}

void sim_xs_fail_commits(uint32_t n)
{
    store.fail_commits = n;
}

/* ---- life ----------------------------------------------------------------------------------- */

void sim_store_init(void)
{
    memset(&store, 0, sizeof(store));
    store.root = node_new(NULL, "", 0);
    store.root->perm[0] = (struct perm){'n', 0};
    store.root->perms = 1;
    store.root->generation = ++store.generation;
    node_set_value(store.root, CS_RO_EMPTY);
}

void sim_store_fini(void)
{
    for (unsigned i = 0; i < TXNS_MAX; i++) {
        if (store.txn[i].id != 0)
            txn_free(&store.txn[i]);
    }
    if (store.root != NULL)
        node_free(store.root);
    free(store.names);
    memset(&store, 0, sizeof(store));
}
