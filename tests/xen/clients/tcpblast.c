/* SPDX-License-Identifier: ISC */
/* tcpblast: a known sequence of bytes over TCP, and how fast it went.
 *
 *     tcpblast send ADDRESS PORT MIB
 *         sends MIB MiB, then the end, and waits for the other side's
 *     tcpblast recv ADDRESS PORT MIB
 *         sends nothing; MIB MiB must come, each byte the right one, and then the end
 *
 * The sequence is apps/echo's: 64-bit numbers from 0 on, big end first. So no byte can stand in
 * another's place, and making and checking it costs next to nothing, which counts where the
 * processor is an emulated one. The last line of output is the account; exit status 0 means that
 * all was right. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 1 << 15, PIECE = WORDS * 8 };

static uint64_t right[WORDS], came[WORDS];

static void die(const char *what)
{
    fprintf(stderr, "tcpblast: %s: %s\n", what, strerror(errno));
    exit(2);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The piece of the sequence that begins at byte `at`, a multiple of PIECE. */
static void make(uint64_t at)
{
    for (uint64_t i = 0; i < WORDS; i++)
        right[i] = htobe64(at / 8 + i);
}

static void send_all(int fd, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += PIECE) {
        make(at);
        for (size_t done = 0; done < PIECE;) {
            ssize_t n = write(fd, (uint8_t *)right + done, PIECE - done);

            if (n < 0)
                die("send");
            done += (size_t)n;
        }
    }
    if (shutdown(fd, SHUT_WR) != 0)
        die("shutdown");
}

/* Up to PIECE bytes, fewer only at the end. */
static size_t read_piece(int fd)
{
    size_t done = 0;

    while (done < PIECE) {
        ssize_t n = read(fd, (uint8_t *)came + done, PIECE - done);

        if (n < 0)
            die("receive");
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return done;
}

static uint64_t receive_all(int fd)
{
    uint64_t at = 0;
    size_t n;

    do {
        n = read_piece(fd);
        make(at);
        if (memcmp(came, right, n) != 0) {
            size_t i = 0;

            while (((uint8_t *)came)[i] == ((uint8_t *)right)[i])
                i++;
            printf("tcpblast: byte %llu is 0x%02x, not 0x%02x\n", (unsigned long long)(at + i),
                   ((uint8_t *)came)[i], ((uint8_t *)right)[i]);
            exit(1);
        }
        at += n;
    } while (n == PIECE);
    return at;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint64_t bytes, got;
    double began, took;
    int sends, fd = socket(AF_INET, SOCK_STREAM, 0);

    if (argc != 5 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1 ||
        ((sends = strcmp(argv[1], "send") == 0) == 0 && strcmp(argv[1], "recv") != 0)) {
        fprintf(stderr, "usage: tcpblast send|recv ADDRESS PORT MIB\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)atoi(argv[3]));
    bytes = strtoull(argv[4], NULL, 10) << 20;
    began = now_s();
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect");
    if (sends)
        send_all(fd, bytes);
    got = receive_all(fd);
    took = now_s() - began;
    printf("%s %llu bytes in %.1f s, %.0f Mbit/s\n", sends ? "sent" : "received",
           (unsigned long long)(sends ? bytes : got), took, (double)bytes * 8 / took / 1e6);
    if (got != (sends ? 0 : bytes)) {
        printf("tcpblast: %llu bytes came\n", (unsigned long long)got);
        return 1;
    }
    return 0;
}
