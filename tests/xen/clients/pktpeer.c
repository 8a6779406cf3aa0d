/* SPDX-License-Identifier: ISC */
/* pktpeer: a Linux machine's part against apps/pktbench, and beside it: the same payloads (see
 * apps/pktbench/payload.h), sent and counted by Linux's sockets.
 *
 *     pktpeer tx ADDRESS PORT FRAME SECONDS [RATE]
 *         frames of FRAME bytes (a list: one length after the other, SECONDS each), RATE a second
 *         (0: as fast as they go): "tx FRAME sent ns pps"
 *     pktpeer rx PORT [IDLE]
 *         until the sender says it was the last, or IDLE seconds (10) of silence:
 *         "rx FRAME received told lost reordered ns pps"
 *     pktpeer echo PORT
 *         sends back what comes
 *     pktpeer rtt ADDRESS PORT FRAME SECONDS
 *         asks an echo, one frame at a time; what is not answered within a second is lost:
 *         "rtt FRAME answered lost p50 p99", in ns
 *     pktpeer agent PORT
 *         a shell for others: each connection's first line is a command
 *     pktpeer ask ADDRESS PORT COMMAND
 *         asks it, and prints what the command printed */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, BYTES = 9200, HEADERS = 42, HEAD = 18, ROWS = 16 };
enum { DATA = 0x706b7462, END = 0x706b7465, LAST = 0x706b746c };

static uint8_t bytes[BATCH][BYTES];
static struct iovec iov[BATCH];
static struct sockaddr_in from[BATCH];
static struct mmsghdr msgs[BATCH];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "pktpeer: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void put(uint8_t *p, uint32_t magic, uint32_t number)
{
    uint32_t words[2] = {htobe32(magic), htobe32(number)};
    uint64_t time = htobe64(now_ns());

    memcpy(p, words, 8);
    memcpy(p + 8, &time, 8);
    memset(p + 16, 0, 2);
}

static uint32_t get(const uint8_t *p)
{
    uint32_t word;

    memcpy(&word, p, 4);
    return be32toh(word);
}

static struct sockaddr_in address(const char *text, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

    if (text != NULL && inet_pton(AF_INET, text, &a.sin_addr) != 1) {
        errno = EINVAL;
        die(text);
    }
    return a;
}

static int socket_at(const char *port)
{
    struct sockaddr_in a = address(NULL, port);
    int s = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20;

    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) != 0)
        die("bind");
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
    return s;
}

static void prepare(size_t len)
{
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){bytes[i], len};
        msgs[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                          .msg_namelen = sizeof(from[i]),
                                          .msg_iov = &iov[i],
                                          .msg_iovlen = 1};
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

static void mark(int s, uint32_t magic, uint32_t number, size_t len)
{
    for (int i = 0; i < 3; i++) {
        put(bytes[0], magic, number);
        (void)!send(s, bytes[0], len, 0);
        usleep(20000);
    }
}

/* Frames of one length; how many went, and how long it took. */
static uint64_t transmit(int s, double seconds, double rate, uint64_t *ns)
{
    uint64_t begin = now_ns(), end = begin + (uint64_t)(seconds * 1e9), now, sent = 0;

    while ((now = now_ns()) < end) {
        uint64_t due =
            rate == 0 ? sent + BATCH : (uint64_t)((double)(now - begin) / 1e9 * rate) + 1;
        int n = due - sent < BATCH ? (int)(due - sent) : BATCH;

        if (due <= sent) {
            usleep(200);
            continue;
        }
        for (int i = 0; i < n; i++)
            put(bytes[i], DATA, (uint32_t)(sent + (uint64_t)i));
        n = sendmmsg(s, msgs, (unsigned)n, 0);
        if (n < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
            die("send");
        sent += n > 0 ? (uint64_t)n : 0;
    }
    *ns = now_ns() - begin;
    return sent;
}

static int transmit_all(const char *to, const char *port, char *frames, double seconds, double rate)
{
    struct sockaddr_in a = address(to, port);
    int s = socket(AF_INET, SOCK_DGRAM, 0), first = 1;

    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) != 0)
        die("connect");
    for (char *next, *frame = frames; frame != NULL; frame = next, first = 0) {
        size_t len = strtoul(frame, &next, 10) - HEADERS;
        uint64_t sent, ns;

        next = *next == ',' ? next + 1 : NULL;
        if (len < HEAD || len > BYTES) {
            errno = EINVAL;
            die("FRAME");
        }
        prepare(len);
        for (int i = 0; i < BATCH; i++) {
            msgs[i].msg_hdr.msg_name = NULL;
            msgs[i].msg_hdr.msg_namelen = 0;
        }
        if (first)
            mark(s, END, 0, len);
        usleep(300000);
        sent = transmit(s, seconds, rate, &ns);
        usleep(300000);
        printf("tx %zu %llu %llu %.0f\n", len + HEADERS, (unsigned long long)sent,
               (unsigned long long)ns, (double)sent * 1e9 / (double)ns);
        fflush(stdout);
        mark(s, next == NULL ? LAST : END, (uint32_t)sent, len);
    }
    return 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static struct row {
    unsigned frame;
    uint64_t received, reordered, told, first_ns, last_ns;
    uint32_t next;
} rows[ROWS];
static int row_count, is_last;

static struct row *row_of(unsigned frame)
{
    for (int i = 0; i < row_count; i++)
        if (rows[i].frame == frame)
            return &rows[i];
    if (row_count == ROWS)
        return NULL;
    rows[row_count].frame = frame;
    return &rows[row_count++];
}

static void take(const uint8_t *p, unsigned len, uint64_t now)
{
    struct row *row = len < HEAD ? NULL : row_of(len + HEADERS);
    uint32_t magic = get(p), number = get(p + 4);

    if (row == NULL)
        return;
    if (magic == END || magic == LAST) {
        row->told = number;
        is_last |= magic == LAST;
    }
    if (magic != DATA)
        return;
    if (row->received++ == 0)
        row->first_ns = now;
    row->last_ns = now;
    row->reordered += number < row->next;
    if (number >= row->next)
        row->next = number + 1;
}

static int receive(const char *port, int idle_ms)
{
    int s = socket_at(port), any = 0;
    struct pollfd p = {.fd = s, .events = POLLIN};

    printf("listening\n");
    fflush(stdout);
    /* Before anything comes, a sender may take its time to start. */
    while (poll(&p, 1, is_last ? 200 : any ? idle_ms : 60000 + idle_ms) > 0) {
        int n;
        uint64_t now;

        any = 1;
        prepare(BYTES);
        n = recvmmsg(s, msgs, BATCH, MSG_DONTWAIT, NULL);
        now = now_ns();
        for (int i = 0; i < n; i++)
            take(bytes[i], msgs[i].msg_len, now);
    }
    for (int i = 0; i < row_count; i++) {
        struct row *r = &rows[i];
        uint64_t sent = r->told != 0 ? r->told : r->next, ns = r->last_ns - r->first_ns;

        printf("rx %u %llu %llu %llu %llu %llu %.0f\n", r->frame, (unsigned long long)r->received,
               (unsigned long long)r->told,
               (unsigned long long)(sent > r->received ? sent - r->received : 0),
               (unsigned long long)r->reordered, (unsigned long long)ns,
               ns == 0 ? 0.0 : (double)(r->received - 1) * 1e9 / (double)ns);
    }
    return row_count == 0;
}

static _Noreturn void echo(const char *port)
{
    int s = socket_at(port);

    printf("listening\n");
    fflush(stdout);
    for (;;) {
        int n;

        prepare(BYTES);
        n = recvmmsg(s, msgs, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < n; i++)
            iov[i].iov_len = msgs[i].msg_len;
        if (n > 0)
            (void)!sendmmsg(s, msgs, (unsigned)n, 0);
    }
}

/* ---- round trips ----------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sends number `n`, and waits for it; what else comes is older. 0: it did not come. */
static uint64_t round_trip(int s, uint32_t n, size_t len)
{
    uint64_t sent = now_ns(), now = sent;
    uint8_t back[BYTES];

    put(bytes[0], DATA, n);
    if (send(s, bytes[0], len, 0) < 0)
        return 0;
    for (; now < sent + 1000000000; now = now_ns()) {
        struct pollfd p = {.fd = s, .events = POLLIN};

        if (poll(&p, 1, 1000) == 1 && recv(s, back, sizeof(back), 0) >= HEAD && get(back + 4) == n)
            return now_ns() - sent;
    }
    return 0;
}

static int round_trips(const char *to, const char *port, char *frames, double seconds)
{
    static uint64_t took[1 << 20];
    struct sockaddr_in a = address(to, port);
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    uint32_t number = 0;

    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) != 0)
        die("connect");
    for (char *next, *frame = frames; frame != NULL; frame = next) {
        size_t len = strtoul(frame, &next, 10) - HEADERS, n = 0, lost = 0;
        uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);

        next = *next == ',' ? next + 1 : NULL;
        if (len < HEAD || len > BYTES) {
            errno = EINVAL;
            die("FRAME");
        }
        while (now_ns() < end && n < sizeof(took) / sizeof(took[0])) {
            took[n] = round_trip(s, ++number, len);
            if (took[n] != 0)
                n++;
            else
                lost++;
        }
        qsort(took, n, sizeof(took[0]), by_value);
        printf("rtt %zu %zu %zu %llu %llu\n", len + HEADERS, n, lost,
               (unsigned long long)(n != 0 ? took[n / 2] : 0),
               (unsigned long long)(n != 0 ? took[n * 99 / 100] : 0));
        fflush(stdout);
    }
    return 0;
}

/* ---- a shell for others ---------------------------------------------------------------------- */

static void serve_one(int c)
{
    char line[1024];
    size_t n = 0;

    while (n < sizeof(line) - 1 && read(c, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
    dup2(c, 1);
    dup2(c, 2);
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    die("sh");
}

static _Noreturn void agent(const char *port)
{
    struct sockaddr_in a = address(NULL, port);
    int s = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(s, 4) != 0)
        die("listen");
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int c = accept(s, NULL, NULL);

        if (c >= 0 && fork() == 0)
            serve_one(c);
        close(c);
    }
}

static int ask(const char *to, const char *port, const char *command)
{
    struct sockaddr_in a = address(to, port);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    char buffer[4096];
    ssize_t n;

    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) != 0)
        die("connect");
    dprintf(s, "%s\n", command);
    while ((n = read(s, buffer, sizeof(buffer))) > 0)
        (void)!write(1, buffer, (size_t)n);
    return n < 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if ((argc == 6 || argc == 7) && !strcmp(mode, "tx"))
        return transmit_all(argv[2], argv[3], argv[4], atof(argv[5]),
                            argc == 7 ? atof(argv[6]) : 0);
    if ((argc == 3 || argc == 4) && !strcmp(mode, "rx"))
        return receive(argv[2], argc == 4 ? atoi(argv[3]) * 1000 : 10000);
    if (argc == 3 && !strcmp(mode, "echo"))
        echo(argv[2]);
    if (argc == 6 && !strcmp(mode, "rtt"))
        return round_trips(argv[2], argv[3], argv[4], atof(argv[5]));
    if (argc == 3 && !strcmp(mode, "agent"))
        agent(argv[2]);
    if (argc == 5 && !strcmp(mode, "ask"))
        return ask(argv[2], argv[3], argv[4]);
    fprintf(stderr, "usage: pktpeer tx ADDRESS PORT FRAME SECONDS [RATE] | rx PORT [IDLE] | echo "
                    "PORT | rtt ADDRESS PORT FRAME SECONDS | agent PORT | ask ADDRESS PORT "
                    "COMMAND\n");
    return 2;
}
