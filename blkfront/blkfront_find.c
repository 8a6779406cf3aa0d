/* SPDX-License-Identifier: ISC */
/* blkfront_find.c - which of the devices in xenstore the operator means. */
#include <morgana/blkfront.h>
#include <morgana/log.h>
#include <morgana/xenbus.h>

#define FIND_MAX 64u
#define PARAMS_BYTES 512u

/* ---- one device ------------------------------------------------------------------------------ */

/* Its number: the directory's name where there is no `virtual-device`, or one that is none. */
static int read_vdev(struct xs *xs, uint32_t index, uint32_t *vdev)
{
    char path[XS_PATH_MAX];
    uint64_t value = index;
    int err;

    (void)fmt_buf(path, sizeof(path), "device/vbd/%u/virtual-device", index);
    err = xs_read_u64(xs, XS_TXN_NONE, path, UINT32_MAX, &value);
    if (err != 0 && err != -E_NOENT && err != -E_INVAL)
        return err;
    *vdev = (uint32_t)value;
    return 0;
}

int blkfront_called(struct xs *xs, uint32_t index, char out[BLKFRONT_NAME_BYTES])
{
    struct blkfront_name name;
    uint32_t vdev;
    int err = read_vdev(xs, index, &vdev);

    if (err != 0)
        return err;
    blkfront_name_of(vdev, &name);
    blkfront_name_text(&name, out);
    return 0;
}

/* Without prefixes like "aio:" and "tap:aio:". */
static struct cs_ro strip(struct cs_ro params)
{
    static const char *const drivers[] = {"tapdisk", "tap2", "tap", "aio",   "ioemu", "file",
                                          "phy",     "qcow", "raw", "qcow2", "vhd",   "qdisk"};
    size_t colon;

    while ((colon = cs_find_byte(params, 0, ':')) != CS_NOT_FOUND) {
        bool known = false;

        for (unsigned i = 0; i < ARRAY_SIZE(drivers) && !known; i++)
            known = __builtin_strlen(drivers[i]) == colon &&
                    memcmp(drivers[i], params.base, colon) == 0;
        if (!known)
            break;
        params = cs_sub(params, colon + 1, params.len - colon - 1);
    }
    return params;
}

/* Does its backend serve what `name` says? A backend that does not let us look does not. 1, 0, or
 * xenstore's error. */
static int serves(struct xs *xs, uint32_t index, struct cs_ro name)
{
    char path[XS_PATH_MAX], params[PARAMS_BYTES];
    struct cs_ro have;
    int n;

    (void)fmt_buf(path, sizeof(path), "device/vbd/%u/backend", index);
    n = xs_read(xs, XS_TXN_NONE, path, cs_of(params, XS_PATH_MAX - sizeof("/params")));
    if (n > 0) {
        params[n] = '\0';
        (void)fmt_buf(path, sizeof(path), "%s/params", params);
        n = xs_read(xs, XS_TXN_NONE, path, cs_of(params, sizeof(params)));
    }
    if (n == -E_NOENT || n == -E_ACCES || n == -E_NOSPC || n == -E_INVAL)
        return 0;
    if (n <= 0)
        return n;
    have = strip(cs_ro_of(params, (size_t)n));
    return have.len != 0 && have.len == name.len && memcmp(have.base, name.base, name.len) == 0;
}

int blkfront_find(struct xs *xs, const char *name, uint32_t *index)
{
    uint32_t indices[FIND_MAX], vdev;
    struct blkfront_name wanted, is;
    struct cs_ro params = strip(cs_of_str(name));
    bool named = blkfront_name_parse(name, &wanted) == 0;
    int n = xenbus_list(xs, "vbd", indices, FIND_MAX), found = -1;

    for (int i = 0; i < n; i++) {
        int err = read_vdev(xs, indices[i], &vdev), same;

        if (err != 0)
            return err;
        blkfront_name_of(vdev, &is);
        same = named && is.kind == wanted.kind && is.disk == wanted.disk && is.part == wanted.part;
        if (!same)
            same = serves(xs, indices[i], params);
        if (same < 0)
            return same;
        if (same && found >= 0) {
            LOG_ERROR("block device \"%s\": device/vbd/%u and device/vbd/%u are called that", name,
                      indices[found], indices[i]);
            return -E_EXIST;
        }
        if (same)
            found = i;
    }
    if (n < 0)
        return n;
    if (found < 0)
        return -E_NODEV;
    *index = indices[found];
    return 0;
}
