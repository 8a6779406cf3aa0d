/* SPDX-License-Identifier: ISC */
/* udpblast: sends UDP datagrams to an echo service and checks every answer, byte for byte.
 *
 *     udpblast ADDRESS PORT COUNT MIN MAX WINDOW
 *         COUNT datagrams of MIN..MAX bytes, at most WINDOW unanswered
 *     udpblast serve PORT
 *         the other side: an echo service (for the control guest)
 *
 * Nothing is sent twice: a datagram without an answer after 5 s is missing, for ever, and what
 * comes later is counted as late. The last line of output is the account; exit status 0 means
 * sent == received and nothing else happened. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOST_NS 5000000000LL
#define GIVE_UP 50 /* missing: the verdict is clear, do not wait for the rest */
#define SHOW_NS 5000000000LL
#define MAX_BYTES 65507

enum { HEADER_BYTES = 8 }; /* sequence number and length, both big-endian */
enum state { UNSENT, WAITING, ANSWERED, MISSING };

struct shot {
    uint8_t state;
    int64_t sent_ns;
};

static uint8_t out[MAX_BYTES], in[MAX_BYTES + 1];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "udpblast: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = v >> 24, p[1] = v >> 16, p[2] = v >> 8, p[3] = v;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The sizes walk through MIN..MAX in a fixed, scattered order, so that every run sends the same. */
static uint32_t size_of(uint32_t seq, uint32_t min, uint32_t max)
{
    return min + (uint32_t)((uint64_t)seq * 2654435761u % (max - min + 1));
}

static void fill(uint8_t *p, uint32_t seq, uint32_t bytes)
{
    uint32_t x = seq * 2654435761u + 12345;
    put32(p, seq);
    put32(p + 4, bytes);
    for (uint32_t i = HEADER_BYTES; i < bytes; i++) {
        x = x * 1664525u + 1013904223u;
        p[i] = x >> 24;
    }
}

static _Noreturn void serve(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int s = socket(AF_INET, SOCK_DGRAM, 0), buffer = 4 << 20;
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) < 0)
        die("bind");
    for (;;) {
        struct sockaddr_in from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(s, in, sizeof in, 0, (struct sockaddr *)&from, &len);
        if (n >= 0)
            sendto(s, in, n, 0, (struct sockaddr *)&from, len);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "serve"))
        serve(atoi(argv[2]));
    if (argc != 7) {
        fprintf(stderr,
                "usage: udpblast ADDRESS PORT COUNT MIN MAX WINDOW | udpblast serve PORT\n");
        return 2;
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    uint32_t count = atoi(argv[3]), min = atoi(argv[4]), max = atoi(argv[5]),
             window = atoi(argv[6]);
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || min < HEADER_BYTES || max > MAX_BYTES ||
        min > max || !window) {
        fprintf(stderr, "udpblast: bad argument (sizes are %d..%d)\n", HEADER_BYTES, MAX_BYTES);
        return 2;
    }
    struct shot *shots = calloc(count, sizeof *shots);
    int s = socket(AF_INET, SOCK_DGRAM, 0), buffer = 4 << 20;
    if (!shots || s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) < 0)
        die("connect");
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);

    uint32_t sent = 0, received = 0, wrong = 0, twice = 0, late = 0, refused = 0, missing = 0,
             oldest = 0;
    int64_t start = now_ns(), shown = start, slowest = 0;
    while (received + missing < count) {
        int64_t now = now_ns();
        while (oldest < sent && shots[oldest].state != WAITING)
            oldest++;
        for (uint32_t i = oldest; i < sent && now - shots[i].sent_ns > LOST_NS; i++) {
            if (shots[i].state == WAITING) {
                shots[i].state = MISSING;
                if (missing++ < 5)
                    printf("no answer to datagram %u of %u bytes\n", i, size_of(i, min, max));
            }
        }
        if (missing > GIVE_UP || refused > 1000) {
            printf("giving up\n");
            break;
        }
        if (now - shown > SHOW_NS) {
            shown = now;
            printf("%u of %u answered, %u missing\n", received, count, missing);
            fflush(stdout);
        }
        if (sent < count && sent - received - missing < window) {
            uint32_t bytes = size_of(sent, min, max);
            fill(out, sent, bytes);
            ssize_t n = send(s, out, bytes, 0);
            if (n < 0 && errno != ECONNREFUSED && errno != ENOBUFS && errno != EHOSTUNREACH)
                die("send");
            if (n < 0) {
                /* the last one was refused, or no room: this one has not gone; try again */
                refused++;
                usleep(10000);
                continue;
            }
            shots[sent].state = WAITING;
            shots[sent].sent_ns = now;
            sent++;
        }
        struct pollfd p = {.fd = s, .events = POLLIN};
        while (poll(&p, 1, sent < count && sent - received - missing < window ? 0 : 200) > 0) {
            ssize_t n = recv(s, in, sizeof in, MSG_DONTWAIT);
            if (n < 0) {
                refused += errno == ECONNREFUSED;
                break;
            }
            uint32_t seq = n >= HEADER_BYTES ? get32(in) : count;
            if (seq >= sent) {
                wrong++;
                continue;
            }
            uint32_t bytes = size_of(seq, min, max);
            fill(out, seq, bytes);
            if (bytes != (uint32_t)n || memcmp(in, out, n)) {
                if (wrong++ < 5)
                    printf("wrong answer to datagram %u: %zd bytes for %u\n", seq, n, bytes);
            } else if (shots[seq].state == WAITING) {
                int64_t took = now_ns() - shots[seq].sent_ns;
                slowest = took > slowest ? took : slowest;
                shots[seq].state = ANSWERED;
                received++;
            } else if (shots[seq].state == MISSING) {
                late++;
            } else {
                twice++;
            }
        }
    }
    double s_all = (now_ns() - start) / 1e9;
    printf("sent %u received %u wrong %u missing %u late %u twice %u refused %u; %.1f s, %.0f a "
           "second, slowest %.0f ms\n",
           sent, received, wrong, missing, late, twice, refused, s_all, received / s_all,
           slowest / 1e6);
    return sent == count && received == count && !wrong && !late && !twice && !refused ? 0 : 1;
}
