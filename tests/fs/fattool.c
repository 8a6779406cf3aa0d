/* SPDX-License-Identifier: ISC */
/* fattool.c - FAT and partition tables in a file, by the library: for tests against Debian's tools.
 *
 *     fattool IMAGE[@BYTE[+BYTES]] [-b BLOCK] COMMAND...     of the part of the file from BYTE on
 *     part                     the partition table, a line each: number, start, bytes, what
 *     ls                       everything, a line each: "d PATH/" or "f PATH BYTES"
 *     info                     type, cluster bytes, free bytes, label
 *     get PATH FILE   put PATH FILE   append PATH FILE   mkdir PATH   rm PATH   rmdir PATH
 *     mv FROM TO   truncate PATH BYTES   prealloc PATH BYTES   extents PATH
 *     run FILE                 a command a line (words without spaces: '+' stands for one), mounted
 *                              once
 *     cuts                     names the scripts of changes
 *     before SCRIPT            what comes before the changes of that script
 *     cut SCRIPT N SEED        the script, with power lost at write N; exit status 3: it had fewer
 *
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include <morgana/blk_mem.h>
#include <morgana/part.h>

#include "fatcuts.h"

#define PAGES 16u
#define UNDO_MAX 4096u
#define WALL_NS (UINT64_C(1700000000) * NS_PER_S)

static uint8_t *image;
static size_t image_bytes;
static struct blk_mem mem;
static struct blk_mem_undo undo[UNDO_MAX];
static struct blkdev *dev;
static struct page pages[PAGES];
static uint8_t memory[PAGES * PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static struct page_pool pool;
static struct fat fs;

static int failed(const char *what, int err)
{
    fprintf(stderr, "fattool: %s: %s%s%s\n", what, err_name(err), fs.why && *fs.why ? ": " : "",
            fs.why ? fs.why : "");
    return 1;
}

static uint8_t *file_read(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes;
    long size;

    if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        perror(path);
        exit(2);
    }
    rewind(f);
    bytes = malloc((size_t)size + 1);
    *n = fread(bytes, 1, (size_t)size, f);
    fclose(f);
    return bytes;
}

static void file_write(const char *path, const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

/* The image as memory. */
static void image_open(const char *path)
{
    int fd = open(path, O_RDWR);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(path);
        exit(2);
    }
    image_bytes = (size_t)st.st_size;
    image = mmap(NULL, image_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (image == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    close(fd);
}

static int cmd_part(void)
{
    static struct part_table table;
    struct page *page = page_get(&pool);
    int err = part_scan(dev, page, &table);

    page_put(page);
    printf("%s%s%s%s%s refused %u%s%s\n", part_scheme_name(table.scheme),
           table.backup ? " backup" : "", table.hybrid ? " hybrid" : "",
           table.file_system ? " fat" : "", table.blank ? " blank" : "", table.refused,
           *table.why ? ": " : "", table.why);
    if (err < 0)
        return failed("part", err);
    for (uint32_t i = 0; i < table.count; i++) {
        const struct part *p = &table.parts[i];
        char text[128];

        part_describe(p, text, sizeof(text));
        printf("%u %llu %llu%s %s\n", p->number, (unsigned long long)p->extent.start,
               (unsigned long long)p->extent.bytes, p->fat ? " fat" : "", text);
    }
    return 0;
}

static int list(const char *path)
{
    struct fat_info info;
    struct fat_dir dir;
    int err = fat_opendir(&fs, path, &dir);

    while (err == 0 && (err = fat_readdir(&dir, &info)) > 0) {
        char *below = malloc(strlen(path) + sizeof(info.name) + 2);

        sprintf(below, "%s/%s", path, info.name);
        if (info.directory) {
            printf("d %s/\n", below);
            err = list(below);
        } else {
            printf("f %s %u\n", below, info.bytes);
            err = 0;
        }
        free(below);
    }
    return err;
}

static int cmd_info(void)
{
    uint64_t space;
    int err = fat_free_bytes(&fs, &space);

    printf("FAT%u cluster %u free %llu label %s%s\n", fs.bits, fs.cluster_bytes,
           (unsigned long long)space, fs.label, fs.was_dirty ? " dirty" : "");
    return err;
}

static int cmd_get(const char *path, const char *to)
{
    struct fat_file file;
    int n, err = fat_open(&fs, path, 0, 0, &file);
    uint8_t *bytes;

    if (err < 0)
        return err;
    bytes = malloc(file.size + 1);
    n = fat_read(&file, 0, cs_of(bytes, file.size));
    if (n >= 0)
        file_write(to, bytes, (size_t)n);
    free(bytes);
    fat_close(&file);
    return n < 0 ? n : 0;
}

static int cmd_put(const char *path, const char *from, bool append)
{
    struct fat_file file;
    size_t n;
    uint8_t *bytes = file_read(from, &n);
    int err = fat_open(&fs, path, FAT_WRITE | FAT_CREATE, WALL_NS, &file);

    if (err == 0) {
        err = append ? 0 : fat_truncate(&file, 0, WALL_NS);
        if (err == 0)
            err = fat_write(&file, append ? file.size : 0, cs_ro_of(bytes, n), WALL_NS);
        if (fat_close(&file) < 0 && err >= 0)
            err = -E_IO;
    }
    free(bytes);
    return err < 0 ? err : 0;
}

static int cmd_truncate(const char *path, const char *bytes)
{
    struct fat_file file;
    int err = fat_open(&fs, path, FAT_WRITE, WALL_NS, &file);

    if (err < 0)
        return err;
    err = fat_truncate(&file, (uint32_t)strtoul(bytes, NULL, 0), WALL_NS);
    return fat_close(&file) < 0 && err == 0 ? -E_IO : err;
}

static int cmd_extents(const char *path)
{
    struct blk_extent extents[256];
    struct fat_file file;
    int n, err = fat_open(&fs, path, 0, 0, &file);

    if (err < 0)
        return err;
    n = fat_extents(&file, 0, extents, 256);
    for (int i = 0; i < n; i++)
        printf("%llu %llu\n", (unsigned long long)extents[i].start,
               (unsigned long long)extents[i].bytes);
    fat_close(&file);
    return n < 0 ? n : 0;
}

static int command(char **words, int n);

static int run(const char *path)
{
    size_t n;
    char *text = (char *)file_read(path, &n), *line = text, *rest;
    int err = 0;

    text[n] = '\0';
    for (; err == 0 && line && *line; line = rest) {
        char *words[8], *at;
        int count = 0;

        rest = strchr(line, '\n');
        if (rest)
            *rest++ = '\0';
        for (at = strtok(line, " "); at && count < 8; at = strtok(NULL, " ")) {
            words[count++] = at;
            for (char *c = at; *c; c++)
                if (*c == '+')
                    *c = ' ';
        }
        err = count > 0 ? command(words, count) : 0;
        if (err < 0)
            fprintf(stderr, "fattool: %s %s\n", words[0], count > 1 ? words[1] : "");
    }
    free(text);
    return err;
}

static int command(char **words, int n)
{
    const char *c = words[0], *a = n > 1 ? words[1] : "", *b = n > 2 ? words[2] : "";

    if (!strcmp(c, "ls"))
        return list("");
    if (!strcmp(c, "info"))
        return cmd_info();
    if (!strcmp(c, "get"))
        return cmd_get(a, b);
    if (!strcmp(c, "put") || !strcmp(c, "append"))
        return cmd_put(a, b, *c == 'a');
    if (!strcmp(c, "mkdir"))
        return fat_mkdir(&fs, a, WALL_NS);
    if (!strcmp(c, "rm"))
        return fat_unlink(&fs, a);
    if (!strcmp(c, "rmdir"))
        return fat_rmdir(&fs, a);
    if (!strcmp(c, "mv"))
        return fat_rename(&fs, a, b);
    if (!strcmp(c, "truncate"))
        return cmd_truncate(a, b);
    if (!strcmp(c, "prealloc"))
        return fat_preallocate(&fs, a, (uint32_t)strtoul(b, NULL, 0), WALL_NS);
    if (!strcmp(c, "extents"))
        return cmd_extents(a);
    if (!strcmp(c, "run"))
        return run(a);
    fprintf(stderr, "fattool: no such command: %s\n", c);
    return -E_INVAL;
}

static const struct fatcut *script(const char *name)
{
    for (unsigned i = 0; i < fatcut_count; i++)
        if (!strcmp(fatcuts[i].name, name))
            return &fatcuts[i];
    fprintf(stderr, "fattool: no such script: %s\n", name);
    exit(2);
}

/* The status of the program. */
static int cut(const struct fatcut *s, const char *n, const char *seed)
{
    int err;

    blk_mem_cut_after(&mem, strtoull(n, NULL, 0), strtoull(seed, NULL, 0));
    err = s->run(&fs);
    if (err == 0)
        err = fat_sync(&fs);
    fs.files = NULL;
    fs.spoiled = true;
    fat_unmount(&fs);
    return err == 0 ? 3 : err == -E_NODEV ? 0 : failed(s->name, err);
}

static int with_file_system(char **words, int n)
{
    struct fat_conf conf = {.dev = dev, .pool = &pool, .cache_pages = FAT_CACHE_PAGES};
    int err = fat_mount(&fs, &conf);

    if (err < 0)
        return failed("mount", err);
    if (!strcmp(words[0], "cut") && n == 4)
        return cut(script(words[1]), words[2], words[3]);
    if (!strcmp(words[0], "before") && n == 2) {
        err = fatcut_bystanders_make(&fs);
        if (err == 0)
            err = script(words[1])->before(&fs);
    } else {
        err = command(words, n);
    }
    if (err < 0)
        return failed(words[0], err);
    err = fat_unmount(&fs);
    return err < 0 ? failed("unmount", err) : 0;
}

int main(int argc, char **argv)
{
    struct blk_mem_conf conf = {.undo = undo, .undo_max = UNDO_MAX};
    char *at, *plus;
    size_t off = 0;
    int status, first = 2;

    if (argc > 1 && !strcmp(argv[1], "cuts")) {
        for (unsigned i = 0; i < fatcut_count; i++)
            printf("%s\n", fatcuts[i].name);
        return 0;
    }
    if (argc > 4 && !strcmp(argv[2], "-b")) {
        conf.block_bytes = (uint32_t)strtoul(argv[3], NULL, 0);
        first = 4;
    }
    if (argc <= first) {
        fprintf(stderr, "usage: fattool IMAGE[@BYTE[+BYTES]] [-b BLOCK] COMMAND...\n");
        return 2;
    }
    at = strchr(argv[1], '@');
    if (at)
        *at++ = '\0';
    image_open(argv[1]);
    conf.bytes = image_bytes;
    if (at) {
        off = strtoull(at, &plus, 0);
        if (off > image_bytes)
            return 2;
        conf.bytes = *plus == '+' ? strtoull(plus + 1, NULL, 0) : image_bytes - off;
        if (conf.bytes > image_bytes - off)
            return 2;
    }
    conf.memory = image + off;
    page_pool_init(&pool, pages, memory, PAGES);
    if (blk_mem_open(&mem, &conf, &dev) < 0)
        return failed("device", -E_INVAL);
    status =
        !strcmp(argv[first], "part") ? cmd_part() : with_file_system(argv + first, argc - first);
    blk_mem_close(&mem);
    return status;
}
