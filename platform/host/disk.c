/* SPDX-License-Identifier: ISC */
/* disk.c - the process's disk: what disk= names, a file or block device of Linux's (platform/file).
 *
 * It is opened when the program asks for it; read-only where it may not be written. No two
 * programs write one disk: flock(2) keeps them apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <morgana/args.h>
#include <morgana/log.h>
#include <morgana/platform.h>

#include "host.h"
#include "platform/file/filedev.h"

static struct {
    bool named; /* disk= is there */
    struct args_disk word;
    int fd;
    struct filedev *file; /* NULL: not open */
} disk = {.fd = -1};

/* What is wrong with the word, the program says when it reads it itself. */
void host_disk_args(int argc, char *const *argv)
{
    const char *value = args_get(argc, argv, "disk");

    disk.named = value != NULL && args_get_disk(argc, argv, "disk", &disk.word) > 0;
}

int host_disk_fd(void)
{
    return disk.file != NULL ? filedev_wait_fd(disk.file) : -1;
}

/* ---- what it is ------------------------------------------------------------------------------ */

static int refused(const char *name, const char *why, int err)
{
    LOG_ERROR("disk=%s: %s", args_show(name).text, why);
    return err;
}

static int open_path(const char *name, struct filedev_conf *conf)
{
    conf->fd = open(name, O_RDWR | O_CLOEXEC | O_NONBLOCK); /* or a pipe waits for a writer */
    if (conf->fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        conf->fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        conf->read_only = true;
    }
    if (conf->fd < 0)
        return refused(name, strerror(errno), -E_NODEV);
    /* Only for open: some kernels have a ring say EAGAIN for files that have it. */
    (void)fcntl(conf->fd, F_SETFL, fcntl(conf->fd, F_GETFL) & ~O_NONBLOCK);
    if (flock(conf->fd, (conf->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0 &&
        errno == EWOULDBLOCK)
        return refused(name, "another program has it open", -E_BUSY);
    return 0;
}

/* Its size and blocks. A file's are 512 bytes, on pages of the file system's. */
static int measure(const char *name, struct filedev_conf *conf)
{
    struct stat st;
    uint64_t bytes;
    int block = 512, read_only = 0;
    unsigned physical = 4096;

    if (fstat(conf->fd, &st) < 0)
        return refused(name, strerror(errno), -E_IO);
    bytes = (uint64_t)st.st_size;
    if (S_ISBLK(st.st_mode)) {
        if (ioctl(conf->fd, BLKGETSIZE64, &bytes) < 0 || ioctl(conf->fd, BLKSSZGET, &block) < 0 ||
            ioctl(conf->fd, BLKPBSZGET, &physical) < 0)
            return refused(name, strerror(errno), -E_IO);
        if (ioctl(conf->fd, BLKROGET, &read_only) == 0 && read_only)
            conf->read_only = true;
    } else if (!S_ISREG(st.st_mode)) {
        return refused(name, "neither a file nor a block device", -E_NODEV);
    }
    conf->block_bytes = (uint32_t)block;
    conf->physical_bytes = physical < conf->block_bytes ? conf->block_bytes : physical;
    conf->bytes = bytes - bytes % conf->block_bytes;
    if (conf->bytes == 0)
        return refused(name, "too small: it has not a single block", -E_INVAL);
    return 0;
}

/* ---- platform.h ------------------------------------------------------------------------------ */

unsigned plat_blkdev_count(void)
{
    return disk.named && disk.word.name[0] != '\0';
}

const char *plat_blkdev_name(unsigned index)
{
    return index < plat_blkdev_count() ? disk.word.name : NULL;
}

int plat_blkdev_open(const char *name, struct page_pool *pool, struct blkdev **dev)
{
    struct filedev_conf conf = {.fd = -1};
    int err;

    (void)pool; /* Linux shares no page with us */
    if (disk.file != NULL)
        return refused(name, "open already", -E_BUSY);
    if (*name == '\0' && plat_blkdev_count() != 0)
        name = disk.word.name;
    if (*name == '\0')
        return refused(name, "give it the name of a file or a block device", -E_NODEV);
    err = open_path(name, &conf);
    if (err == 0)
        err = measure(name, &conf);
    if (err == 0 && (disk.file = malloc(sizeof(*disk.file))) == NULL)
        err = refused(name, "out of memory", -E_NOMEM);
    if (err == 0)
        err = filedev_open(disk.file, &conf, dev);
    if (err == 0) {
        disk.fd = conf.fd;
        return 0;
    }
    if (conf.fd >= 0)
        close(conf.fd);
    free(disk.file);
    disk.file = NULL;
    return err;
}

void plat_blkdev_close(struct blkdev *dev)
{
    ASSERT(disk.file != NULL && dev == &disk.file->dev);
    filedev_close(disk.file);
    close(disk.fd);
    free(disk.file);
    disk.file = NULL;
    disk.fd = -1;
}
