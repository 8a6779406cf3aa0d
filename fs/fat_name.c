/* SPDX-License-Identifier: ISC */
/* fat_name.c - names: which are valid, their short forms (8 characters and 3), comparing. */
#include "fs/fat_priv.h"

#define BASE 8u /* characters before the dot of a short name; EXT after it */
#define EXT 3u

/* The code page 437, from 0x80 on: what Linux takes short names for. */
static const uint16_t oem[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

uint16_t fat_oem_unit(uint8_t c)
{
    return c < 0x80 ? c : oem[c - 0x80];
}

static bool one_of(uint16_t c, const char *list)
{
    for (; *list; list++)
        if (c == (uint8_t)*list)
            return true;
    return false;
}

static bool is_lower(uint16_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint16_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* ASCII and Latin-1. */
static uint16_t fold(uint16_t c)
{
    return is_lower(c) || (c >= 0xe0 && c <= 0xfe && c != 0xf7) ? (uint16_t)(c - 0x20) : c;
}

bool fat_name_equal(const uint16_t *a, unsigned n, const uint16_t *b, unsigned m)
{
    if (n != m)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (fold(a[i]) != fold(b[i]))
            return false;
    return true;
}

bool fat_name_valid(const uint16_t *units, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint16_t c = units[i];

        if (c < 0x20 || one_of(c, "\"*/:<>?\\|"))
            return false;
        if (c >= 0xd800 && c <= 0xdbff) { /* half of a pair: the other must follow */
            if (++i == n || units[i] < 0xdc00 || units[i] > 0xdfff)
                return false;
        } else if (c >= 0xdc00 && c <= 0xdfff) {
            return false;
        }
    }
    /* Windows takes final dots and spaces off: two names would be one. So "." and ".." go too. */
    return n > 0 && n <= FAT_NAME_UNITS && !one_of(units[n - 1], ". ");
}

/* May it stand in a short name, but for its case? */
static bool short_char(uint16_t c)
{
    return is_lower(c) || is_upper(c) || (c >= '0' && c <= '9') || one_of(c, "!#$%&'()-@^_`{}~");
}

/* The part of a name before or behind its last dot, as a part of a short name. */
struct piece {
    unsigned len;
    bool lossy;        /* something was dropped or replaced */
    bool lower, upper; /* there are such letters */
};

static struct piece piece_make(uint8_t *to, unsigned max, const uint16_t *units, unsigned n)
{
    struct piece p = {0};

    for (unsigned i = 0; i < n; i++) {
        bool fits = short_char(units[i]);

        p.lossy = p.lossy || !fits || p.len == max;
        if (one_of(units[i], " .") || p.len == max)
            continue;
        p.lower = p.lower || is_lower(units[i]);
        p.upper = p.upper || is_upper(units[i]);
        to[p.len++] = fits ? (uint8_t)fold(units[i]) : '_';
    }
    return p;
}

int fat_name_make(struct fat_name *name, const uint16_t *units, unsigned n)
{
    unsigned dot = n, skip = 0;
    struct piece base, ext;

    if (!fat_name_valid(units, n))
        return -E_INVAL;
    *name = (struct fat_name){.units = units, .n = n};
    memset(name->short_name, ' ', FAT_SHORT_BYTES);
    while (one_of(units[skip], ". "))
        skip++;
    for (unsigned i = n; i > skip && dot == n; i--)
        if (units[i - 1] == '.')
            dot = i - 1;
    base = piece_make(name->short_name, BASE, units + skip, dot - skip);
    ext = dot == n ? (struct piece){0}
                   : piece_make(name->short_name + BASE, EXT, units + dot + 1, n - dot - 1);
    if (base.len == 0)
        name->short_name[0] = '_';
    name->tail = skip > 0 || base.lossy || ext.lossy || base.len == 0;
    name->exact = !name->tail && !(base.lower && base.upper) && !(ext.lower && ext.upper);
    if (name->exact)
        name->lower =
            (uint8_t)((base.lower ? FAT_LOWER_NAME : 0) | (ext.lower ? FAT_LOWER_EXT : 0));
    name->slots = name->exact ? 1 : (n + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS + 1;
    return 0;
}

static unsigned digits_of(uint32_t k)
{
    unsigned n = 1;

    for (; k >= 10; k /= 10)
        n++;
    return n;
}

/* How many of the base's characters stay before a tail of so many digits. */
static unsigned kept(const struct fat_name *name, unsigned digits)
{
    unsigned len = 0;

    while (len < BASE && name->short_name[len] != ' ')
        len++;
    return u32_min(len, BASE - 1 - digits);
}

void fat_name_tail(uint8_t to[FAT_SHORT_BYTES], const struct fat_name *name, uint32_t k)
{
    unsigned digits = digits_of(k), at = kept(name, digits) + 1 + digits;

    memcpy(to, name->short_name, FAT_SHORT_BYTES);
    memset(to + at, ' ', BASE - at);
    for (; digits > 0; digits--, k /= 10)
        to[--at] = (uint8_t)('0' + k % 10);
    to[at - 1] = '~';
}

uint32_t fat_name_tail_of(const struct fat_name *name, const uint8_t got[FAT_SHORT_BYTES])
{
    unsigned end = BASE, tilde;
    uint32_t k = 0;

    if (memcmp(got + BASE, name->short_name + BASE, EXT) != 0)
        return 0;
    while (end > 0 && got[end - 1] == ' ')
        end--;
    for (tilde = end; tilde > 0 && got[tilde - 1] != '~'; tilde--)
        if (got[tilde - 1] < '0' || got[tilde - 1] > '9')
            return 0;
    if (tilde == 0 || tilde == end || got[tilde] == '0' || kept(name, end - tilde) != tilde - 1 ||
        memcmp(got, name->short_name, tilde - 1) != 0)
        return 0;
    for (; tilde < end; tilde++)
        k = k * 10 + (uint32_t)(got[tilde] - '0');
    return k;
}

void fat_name_hash(struct fat_name *name, uint32_t salt)
{
    uint32_t h = 0x811c9dc5u ^ salt;
    unsigned at = kept(name, BASE - 1 - 2);

    for (unsigned i = 0; i < name->n; i++)
        h = (h ^ name->units[i]) * 0x01000193u;
    h ^= h >> 16;
    memset(name->short_name + at, ' ', BASE - at);
    for (unsigned i = 0; i < 4; i++, h >>= 4)
        name->short_name[at + i] = (uint8_t) "0123456789ABCDEF"[h & 15];
}

uint8_t fat_name_checksum(const uint8_t short_name[FAT_SHORT_BYTES])
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < FAT_SHORT_BYTES; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + short_name[i]);
    return sum;
}

static unsigned part_units(const uint8_t *from, unsigned n, bool lower, uint16_t *out)
{
    while (n > 0 && from[n - 1] == ' ')
        n--;
    for (unsigned i = 0; i < n; i++) {
        out[i] = fat_oem_unit(from[i]);
        if (lower && is_upper(out[i]))
            out[i] = (uint16_t)(out[i] + 0x20);
    }
    return n;
}

unsigned fat_name_units(const struct fat_dirent *entry, uint16_t *out)
{
    uint8_t base[BASE];
    unsigned n, ext;

    memcpy(base, entry->name, BASE);
    if (base[0] == FAT_SLOT_E5)
        base[0] = FAT_SLOT_FREE;
    n = part_units(base, BASE, entry->lower & FAT_LOWER_NAME, out);
    ext = part_units(entry->name + BASE, EXT, entry->lower & FAT_LOWER_EXT, out + n + 1);
    if (n == 0)
        return 0;
    if (ext > 0) {
        out[n] = '.';
        n += 1 + ext;
    }
    return fat_name_valid(out, n) ? n : 0;
}
