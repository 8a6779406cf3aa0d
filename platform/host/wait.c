/* SPDX-License-Identifier: ISC */
/* wait.c - the console, signals, and sleep.
 *
 * plat_wait is where domain 0 runs. It steps until domain 0 is idle, and takes the upcall if
 * there is one; only when neither brought anything does it sleep, in poll(), until a frame can
 * be read, the disk has done something, a signal or input comes, or the deadline is there. The
 * wires are read before poll is asked, several frames at a time, so a busy program makes no system
 * call but reads and writes.
 *
 * A signal becomes what the toolstack would write: control/shutdown in xenstore.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <morgana/platform.h>
#include <morgana/start.h>

#include "host.h"

static volatile sig_atomic_t signal_seen;
static int signal_fd = -1;
static bool reads_console, input_ended;

/* ---- signals -------------------------------------------------------------------------------- */

static void on_signal(int number)
{
    int saved = errno;
    signal_seen = number;
    /* Wakes poll even where the signal comes just before it. A full counter is a wake-up too. */
    if (write(signal_fd, &(uint64_t){1}, sizeof(uint64_t)) < 0)
        errno = saved;
    errno = saved;
}

void host_wait_init(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    signal_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        /* Once: a second one ends a program that does not listen. */
        struct sigaction action = {.sa_handler = on_signal,
                                   .sa_flags = SA_RESTART | (int)SA_RESETHAND};
        struct sigaction was;
        sigaction(numbers[i], NULL, &was);
        if (was.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

static void take_signal(void)
{
    int number = signal_seen;
    uint64_t count;
    if (number == 0)
        return;
    signal_seen = 0;
    if (read(signal_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        signal_fd = -1;
    sim_xs_write("/local/domain/1/control/shutdown", "%s",
                 number == SIGHUP ? "reboot" : "poweroff");
}

/* ---- the console ---------------------------------------------------------------------------- */

/* The guest ends its lines with CR LF, as a terminal's driver does; stdout's has LF. */
void host_console_sink(void *arg, struct cs_ro text)
{
    (void)arg;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] != '\r')
            putc_unlocked(text.base[i], stdout);
    }
    fflush(stdout);
}

void plat_console_write(struct cs_ro text)
{
    struct start *start = start_get();
    if (start->has_cons) {
        xencons_write(&start->cons, text);
        sim_console_drain();
    } else {
        host_console_sink(NULL, text);
    }
}

int plat_console_read(void)
{
    struct start *start = start_get();
    reads_console = true; /* from now on input is worth waiting for */
    return start->has_cons ? xencons_read(&start->cons) : -E_AGAIN;
}

static void take_input(void)
{
    char text[256];
    ssize_t n = read(STDIN_FILENO, text, sizeof(text));
    if (n > 0)
        /* what does not fit is lost, as on a serial line */
        sim_console_type(cs_ro_of(text, (size_t)n));
    else if (n == 0 || errno != EINTR)
        input_ended = true;
}

/* ---- sleep ---------------------------------------------------------------------------------- */

/* Lets domain 0 run, and takes the upcall. True: something happened. */
static bool run(void)
{
    struct start *start = start_get();
    take_signal();
    if (sim_timer_at() != NS_NEVER)
        sim_timer(plat_now_ns());
    sim_run_until_idle();
    if (!sim_upcall_pending())
        return false;
    if (start->has_evtchn)
        evtchn_upcall(&start->ev);
    return true;
}

static void sleep_until(uint64_t deadline_ns)
{
    struct pollfd fds[HOST_NETDEVS_MAX + 3];
    int net[HOST_NETDEVS_MAX];
    struct timespec left, *timeout = NULL;
    nfds_t n = 0;
    int disk = host_disk_fd();
    for (unsigned i = 0, count = host_net_fds(net); i < count; i++)
        fds[n++] = (struct pollfd){.fd = net[i], .events = POLLIN};
    if (disk >= 0)
        fds[n++] = (struct pollfd){.fd = disk, .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
    if (reads_console && !input_ended)
        fds[n++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    deadline_ns = u64_min(deadline_ns, sim_timer_at());
    if (deadline_ns != NS_NEVER) {
        uint64_t now = plat_now_ns(), ns = deadline_ns > now ? deadline_ns - now : 0;
        left =
            (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
        timeout = &left;
    }
    int ready = ppoll(fds, n, timeout, NULL);
    if (ready > 0 && fds[n - 1].fd == STDIN_FILENO && fds[n - 1].revents != 0)
        take_input();
}

void start_turn(void)
{
    run();
}

void plat_wait(uint64_t deadline_ns)
{
    if (run())
        return;
    host_net_flush();
    sleep_until(deadline_ns);
    run();
}
