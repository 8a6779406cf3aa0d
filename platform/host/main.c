/* SPDX-License-Identifier: ISC */
/* main.c - a program as a Linux process: Xen is simulated around it, then its main() runs.
 *
 * Programs are linked with --wrap=main: the C library starts __wrap_main, and the program's own
 * is __real_main. It sees what a guest sees: the command line's words, the module, network
 * devices through netfront.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <morgana/args.h>
#include <morgana/platform.h>
#include <morgana/start.h>

#include "host.h"

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static struct {
    char **argv;
    const char *name;
    struct cs_ro module;
} host;

_Noreturn void host_refuse(const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s: ", host.name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

_Noreturn void base_assert_failed(const char *expr, const char *file, int line)
{
    fflush(stdout);
    fprintf(stderr, "\n%s:%d: assertion failed: %s\n", file, line, expr);
    host_net_flush();
    abort();
}

/* ---- platform.h: time, entropy, the module, the end ----------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t plat_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t plat_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int plat_entropy(struct cs out)
{
    size_t done = 0;
    while (done < out.len) {
        ssize_t n = getrandom(out.base + done, out.len - done, 0);
        if (n < 0 && errno != EINTR)
            return -E_NOSYS;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

struct cs_ro plat_module(void)
{
    return host.module;
}

static void finish(void)
{
    sim_run_until_idle(); /* what the program wrote last is still on the console ring */
    fflush(stdout);
    host_net_flush();
}

_Noreturn void plat_exit(int status)
{
    finish();
    exit(status);
}

_Noreturn void plat_reboot(void)
{
    finish();
    execv("/proc/self/exe", host.argv);
    host_refuse("cannot start again: %s", strerror(errno));
}

/* ---- start ---------------------------------------------------------------------------------- */

static void open_module(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* or a pipe waits for a writer */
    if (fd < 0 || fstat(fd, &st) < 0)
        host_refuse("module=%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        host_refuse("module=%s: not a file", path);
    if (st.st_size != 0) {
        void *base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (base == MAP_FAILED)
            host_refuse("module=%s: %s", path, strerror(errno));
        host.module = cs_ro_of(base, (size_t)st.st_size);
    }
    close(fd);
}

/* seed=N: domain 0's steps in an order drawn from N, so that a run can be repeated; without it,
 * in a fixed order. */
static void take_seed(int argc, char *const *argv, struct sim_conf *conf)
{
    const char *text = args_get(argc, argv, "seed");
    char *end;
    if (text == NULL)
        return;
    errno = 0;
    conf->seed = strtoull(text, &end, 0);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0')
        host_refuse("seed=%s: expected a number", text);
    conf->random = true;
}

int __wrap_main(int argc, char **argv)
{
    static struct sim_conf conf; /* large */
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    char **words = calloc((size_t)argc + 2, sizeof(*words));
    host.argv = argv;
    host.name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "morgana";
    if (words == NULL)
        host_refuse("out of memory");
    memcpy(words, argv, (size_t)argc * sizeof(*words));
    words[0] = (char *)(uintptr_t)host.name;
    if (argc == 0)
        argc = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    conf.console = host_console_sink;
    take_seed(argc, words, &conf);
    const char *module = args_get(argc, words, "module");
    if (module != NULL)
        open_module(module);
    host_net_open(argc, words, &conf);
    host_disk_args(argc, words);
    if (sim_init(&conf) < 0)
        host_refuse("no memory for the simulated machine (memfd_create, mmap)");
    host_wait_init();
    if (start_xen(argc, words) < 0)
        plat_exit(1);
    plat_exit(__real_main(start_get()->argc, start_get()->argv));
}
