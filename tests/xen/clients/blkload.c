/* SPDX-License-Identifier: ISC */
/*
 * blkload: looks at disks, and loads them, as fio does in its simplest form.
 *
 *     blkload numbers FILE        FILE holds the 64-bit numbers from 0, big end first, to its end
 *     blkload RW DEVICE BYTES DEPTH SECONDS
 *                                 RW is read, write, randread or randwrite: requests of BYTES by
 *                                 O_DIRECT and Linux's AIO, DEPTH of them at a time. The last line
 *                                 is: requests, requests a second, KiB a second
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 256

static void die(const char *what)
{
    fprintf(stderr, "blkload: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int numbers(const char *path)
{
    static uint64_t words[1 << 16];
    uint64_t wanted = 0;
    int fd = open(path, O_RDONLY);
    ssize_t n;
    if (fd < 0)
        die(path);
    while ((n = read(fd, words, sizeof(words))) > 0) {
        for (ssize_t i = 0; i < n / 8; i++, wanted++) {
            if (be64toh(words[i]) != wanted) {
                printf("at byte %llu: %016llx\n", (unsigned long long)wanted * 8,
                       (unsigned long long)be64toh(words[i]));
                return 1;
            }
        }
    }
    printf("%llu bytes as they should be\n", (unsigned long long)wanted * 8);
    return n == 0 && wanted > 0 ? 0 : 1;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* splitmix64, as blkbench rolls it. */
static uint64_t roll(void)
{
    static uint64_t state = 1;
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int load(char **argv)
{
    int writes = strstr(argv[1], "write") != NULL, scattered = strncmp(argv[1], "rand", 4) == 0;
    size_t bytes = strtoul(argv[3], NULL, 0);
    unsigned depth = strtoul(argv[4], NULL, 0);
    int64_t length = strtol(argv[5], NULL, 0) * 1000000000LL, begin, end;
    int fd = open(argv[2], (writes ? O_RDWR : O_RDONLY) | O_DIRECT);
    static struct iocb cbs[DEPTH_MAX];
    struct io_event events[DEPTH_MAX];
    aio_context_t ctx = 0;
    uint64_t blocks, next = 0, done = 0;
    unsigned in_flight = 0;
    off_t size;
    if (fd < 0 || (size = lseek(fd, 0, SEEK_END)) < 0)
        die(argv[2]);
    if (bytes == 0 || depth == 0 || depth > DEPTH_MAX || (blocks = size / bytes) == 0)
        return fprintf(stderr, "blkload: %s: does not fit\n", argv[2]), 2;
    if (syscall(SYS_io_setup, depth, &ctx) < 0)
        die("io_setup");
    for (unsigned i = 0; i < depth; i++) {
        void *data;
        if (posix_memalign(&data, 4096, bytes) != 0)
            return 2;
        memset(data, 0xa5, bytes);
        cbs[i] = (struct iocb){.aio_fildes = fd,
                               .aio_lio_opcode = writes ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                               .aio_buf = (uintptr_t)data,
                               .aio_nbytes = bytes};
        cbs[i].aio_data = (uintptr_t)&cbs[i];
    }
    struct iocb *list[DEPTH_MAX];
    unsigned ready = depth;
    for (unsigned i = 0; i < depth; i++)
        list[i] = &cbs[i];
    begin = end = now_ns();
    while (end - begin < length || in_flight > 0) {
        if (end - begin < length && ready > 0) {
            for (unsigned i = 0; i < ready; i++)
                list[i]->aio_offset = (scattered ? roll() % blocks : next++ % blocks) * bytes;
            if (syscall(SYS_io_submit, ctx, (long)ready, list) != (long)ready)
                die("io_submit");
            in_flight += ready;
            ready = 0;
        }
        long n = syscall(SYS_io_getevents, ctx, 1L, (long)in_flight, events, NULL);
        if (n < 0)
            die("io_getevents");
        for (long i = 0; i < n; i++) {
            if (events[i].res != (int64_t)bytes) {
                errno = events[i].res < 0 ? -events[i].res : EIO;
                die("a request");
            }
            list[ready++] = (struct iocb *)(uintptr_t)events[i].data;
        }
        in_flight -= n;
        done += n;
        end = now_ns();
    }
    printf("%llu requests, %llu a second, %llu KiB a second\n", (unsigned long long)done,
           (unsigned long long)(done * 1000000000 / (end - begin)),
           (unsigned long long)(done * (bytes / 512) * 500000000 / (end - begin)));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "numbers") == 0)
        return numbers(argv[2]);
    if (argc == 6)
        return load(argv);
    fprintf(stderr, "usage: blkload numbers FILE | blkload RW DEVICE BYTES DEPTH SECONDS\n");
    return 2;
}
