/* SPDX-License-Identifier: ISC */
/* newlib.c - what newlib needs from below (its manual, chapter "System Calls"): the console as
 * files 0 to 2, memory for malloc, the time, an end. There are no other files, no processes and
 * no signals.
 *
 * Only programs use a C library; the library modules need none. newlib's objects, and so this
 * file, are linked only as far as the program asks for them.
 */
#include <errno.h>
#include <reent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include <morgana/platform.h>

#include "bare.h"

static size_t heap_used[BARE_HEAPS_MAX];

size_t bare_heap_used(unsigned i)
{
    return heap_used[i];
}

static int fail(int err)
{
    errno = err;
    return -1;
}

static bool is_console(int file)
{
    return file >= STDIN_FILENO && file <= STDERR_FILENO;
}

void bare_stdio_flush(void)
{
    /* stdio sets this when it opens its first stream. */
    if (_GLOBAL_REENT->__cleanup != NULL)
        _GLOBAL_REENT->__cleanup(_GLOBAL_REENT);
}

/* The C library's malloc does not ask that one piece follows the other, and never gives back. */
void *sbrk(ptrdiff_t change)
{
    for (unsigned i = 0; i < BARE_HEAPS_MAX; i++) {
        struct cs heap = bare_heap(i);

        if (change >= 0 && (size_t)change <= heap.len - heap_used[i]) {
            heap_used[i] += (size_t)change;
            return heap.base + heap_used[i] - change;
        }
    }
    errno = ENOMEM;
    return (void *)-1;
}

int write(int file, const void *text, size_t len)
{
    if (!is_console(file))
        return fail(EBADF);
    plat_console_write(cs_ro_of(text, len));
    return (int)len;
}

/* Waits for the first byte only. */
int read(int file, void *to, size_t len)
{
    uint8_t *bytes = to;
    size_t n = 0;
    int byte;

    if (!is_console(file))
        return fail(EBADF);
    while (n < len) {
        byte = plat_console_read();
        if (byte >= 0)
            bytes[n++] = (uint8_t)byte;
        else if (n > 0 || !bare_console_exists() || plat_request() != PLAT_RUN)
            break; /* 0: the end of the file, which will not come back */
        else
            plat_wait(NS_NEVER);
    }
    return (int)n;
}

int close(int file)
{
    return is_console(file) ? 0 : fail(EBADF);
}

int fstat(int file, struct stat *to)
{
    if (!is_console(file))
        return fail(EBADF);
    *to = (struct stat){.st_mode = S_IFCHR};
    return 0;
}

int isatty(int file)
{
    return is_console(file) ? 1 : fail(EBADF);
}

off_t lseek(int file, off_t offset, int whence)
{
    (void)offset;
    (void)whence;
    return fail(is_console(file) ? ESPIPE : EBADF);
}

pid_t getpid(void)
{
    return 1;
}

/* abort() raises SIGABRT; there is nobody else to send one to. */
int kill(pid_t process, int sig)
{
    if (process != getpid() || sig != SIGABRT)
        return fail(ESRCH);
    bare_crash("abort");
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    uint64_t ns = plat_wall_ns();

    (void)zone;
    *to = (struct timeval){.tv_sec = (time_t)(ns / NS_PER_S),
                           .tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US)};
    return 0;
}

clock_t times(struct tms *to)
{
    clock_t ticks = (clock_t)(plat_now_ns() / (NS_PER_S / CLOCKS_PER_SEC));

    *to = (struct tms){.tms_utime = ticks};
    return ticks;
}

_Noreturn void _exit(int status)
{
    plat_exit(status);
}
