/* SPDX-License-Identifier: ISC */
/* blkfront_name.c - names and numbers of virtual disks (Xen's docs/man/xen-vbd-interface.7).
 *
 *     1 << 28 | disk << 8 | part     xvd, all; written where the other form does not do
 *     202 << 8 | disk << 4 | part    xvd, disks and partitions to 15
 *     8 << 8 | disk << 4 | part      sd, disks and partitions to 15
 *     3 << 8 | disk << 6 | part      hd, disks 0 and 1, partitions to 63
 *     22 << 8 | ...                  hd, disks 2 and 3; further pairs by the majors of IDE
 *
 * Letters of a disk are digits of base 26 without a zero: a .. z, aa .. az, ba .. zz, aaa.
 */
#include <morgana/blkfront.h>
#include <morgana/log.h>

#define XVD_MAJOR 202u
#define SD_MAJOR 8u
#define XVD_EXTENDED (1u << 28)
#define SMALL_MAX 15u /* of disk and partition, in the forms of old */
#define HD_PART_MAX 63u
#define DISK_MAX ((1u << 20) - 1) /* of the extended form */
#define PART_MAX 255u

/* Two disks each. */
static const uint8_t hd_majors[] = {3, 22, 33, 34, 56, 57, 88, 89, 90, 91};

static const char *const prefixes[] = {
    [BLKFRONT_XVD] = "xvd", [BLKFRONT_SD] = "sd", [BLKFRONT_HD] = "hd"};

/* ---- numbers --------------------------------------------------------------------------------- */

static void set(struct blkfront_name *out, enum blkfront_kind kind, uint32_t disk, uint32_t part)
{
    *out = (struct blkfront_name){.kind = (uint8_t)kind, .disk = disk, .part = part};
}

void blkfront_name_of(uint32_t vdev, struct blkfront_name *out)
{
    uint32_t major = vdev >> 8, minor = vdev & 255;

    set(out, BLKFRONT_OTHER, vdev, 0);
    if (vdev >> 28 == 1)
        set(out, BLKFRONT_XVD, vdev >> 8 & DISK_MAX, minor);
    else if (major == XVD_MAJOR)
        set(out, BLKFRONT_XVD, minor >> 4, minor & SMALL_MAX);
    else if (major == SD_MAJOR)
        set(out, BLKFRONT_SD, minor >> 4, minor & SMALL_MAX);
    for (uint32_t i = 0; i < ARRAY_SIZE(hd_majors) && minor < 2 * (HD_PART_MAX + 1); i++) {
        if (major == hd_majors[i])
            set(out, BLKFRONT_HD, 2 * i + (minor >> 6), minor & HD_PART_MAX);
    }
}

int blkfront_name_vdev(const struct blkfront_name *name, uint32_t *vdev)
{
    uint32_t disk = name->disk, part = name->part;
    bool is_small = disk <= SMALL_MAX && part <= SMALL_MAX;

    if (name->kind == BLKFRONT_OTHER)
        *vdev = disk;
    else if (name->kind == BLKFRONT_XVD && is_small)
        *vdev = XVD_MAJOR << 8 | disk << 4 | part;
    else if (name->kind == BLKFRONT_XVD && disk <= DISK_MAX && part <= PART_MAX)
        *vdev = XVD_EXTENDED | disk << 8 | part;
    else if (name->kind == BLKFRONT_SD && is_small)
        *vdev = SD_MAJOR << 8 | disk << 4 | part;
    else if (name->kind == BLKFRONT_HD && disk < 2 * ARRAY_SIZE(hd_majors) && part <= HD_PART_MAX)
        *vdev = (uint32_t)hd_majors[disk / 2] << 8 | (disk & 1) << 6 | part;
    else
        return -E_INVAL;
    return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* A decimal number without needless zeroes, at most `max`: the characters read; 0: none. */
static size_t parse_number(struct cs_ro text, uint32_t max, uint32_t *value)
{
    uint64_t n = 0;
    size_t len = fmt_parse_u64(text, max, &n);

    if (len == 0 || (len > 1 && text.base[0] == '0'))
        return 0;
    *value = (uint32_t)n;
    return len;
}

/* The letters of a disk: how many; 0: none, or a disk past the last. */
static size_t parse_letters(struct cs_ro text, uint32_t *disk)
{
    uint32_t n = 0;
    size_t len = 0;

    for (; len < text.len && text.base[len] >= 'a' && text.base[len] <= 'z'; len++) {
        n = n * 26 + (uint32_t)(text.base[len] - 'a') + 1;
        if (n > DISK_MAX + 1)
            return 0;
    }
    *disk = n - 1;
    return len;
}

/* What is left is a partition, or nothing. "0" is none: xvda0 is no name. */
static bool parse_part(struct cs_ro text, uint32_t least, uint32_t *part)
{
    *part = 0;
    return text.len == 0 || (parse_number(text, PART_MAX, part) == text.len && *part >= least);
}

/* "d0", "d0p1". */
static bool parse_d(struct cs_ro text, struct blkfront_name *out)
{
    uint32_t disk, part = 0;
    size_t len;

    if (text.len < 2 || text.base[0] != 'd')
        return false;
    text = cs_sub(text, 1, text.len - 1);
    len = parse_number(text, DISK_MAX, &disk);
    if (len == 0)
        return false;
    text = cs_sub(text, len, text.len - len);
    if (text.len != 0 && (text.base[0] != 'p' || text.len == 1 ||
                          !parse_part(cs_sub(text, 1, text.len - 1), 0, &part)))
        return false;
    set(out, BLKFRONT_XVD, disk, part);
    return true;
}

/* "xvda", "sdb3". */
static bool parse_lettered(struct cs_ro text, struct blkfront_name *out)
{
    for (unsigned kind = 0; kind < ARRAY_SIZE(prefixes); kind++) {
        size_t prefix = __builtin_strlen(prefixes[kind]), len;
        uint32_t disk, part;

        if (text.len <= prefix || memcmp(text.base, prefixes[kind], prefix) != 0)
            continue;
        len = parse_letters(cs_sub(text, prefix, text.len - prefix), &disk);
        if (len == 0 || !parse_part(cs_sub(text, prefix + len, text.len - prefix - len), 1, &part))
            return false;
        set(out, (enum blkfront_kind)kind, disk, part);
        return true;
    }
    return false;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A virtual device number. */
static bool parse_vdev(struct cs_ro text, struct blkfront_name *out)
{
    uint32_t vdev = 0;

    if (text.len > 2 && text.len <= 10 && text.base[0] == '0' && (text.base[1] | 0x20) == 'x') {
        for (size_t i = 2; i < text.len; i++) {
            int digit = hex_digit(text.base[i]);

            if (digit < 0)
                return false;
            vdev = vdev << 4 | (uint32_t)digit;
        }
    } else if (text.len == 0 || parse_number(text, UINT32_MAX, &vdev) != text.len) {
        return false;
    }
    blkfront_name_of(vdev, out);
    return true;
}

int blkfront_name_parse(const char *name, struct blkfront_name *out)
{
    static const char dev[] = "/dev/";
    struct cs_ro text = cs_of_str(name);
    struct blkfront_name found;
    uint32_t vdev;

    if (text.len > sizeof(dev) - 1 && memcmp(text.base, dev, sizeof(dev) - 1) == 0)
        text = cs_sub(text, sizeof(dev) - 1, text.len - (sizeof(dev) - 1));
    if (!parse_vdev(text, &found) && !parse_d(text, &found) && !parse_lettered(text, &found))
        return -E_INVAL;
    if (blkfront_name_vdev(&found, &vdev) != 0)
        return -E_INVAL;
    *out = found;
    return 0;
}

void blkfront_name_text(const struct blkfront_name *name, char out[BLKFRONT_NAME_BYTES])
{
    char letters[8], *at = letters + sizeof(letters) - 1;
    uint32_t n = name->disk;

    if (name->kind >= ARRAY_SIZE(prefixes)) {
        (void)fmt_buf(out, BLKFRONT_NAME_BYTES, "%u", name->disk);
        return;
    }
    *at = '\0';
    do {
        *--at = (char)('a' + n % 26);
        n /= 26;
    } while (n-- != 0);
    if (name->part != 0)
        (void)fmt_buf(out, BLKFRONT_NAME_BYTES, "%s%s%u", prefixes[name->kind], at, name->part);
    else
        (void)fmt_buf(out, BLKFRONT_NAME_BYTES, "%s%s", prefixes[name->kind], at);
}
