/* SPDX-License-Identifier: ISC */
/*
 * dhcpload: many DHCP clients in one process, each with a hardware address of its own, over a
 * packet socket.
 *
 *     dhcpload IFACE CLIENTS WINDOW [SEED [acks=FILE | knows=FILE]]
 *
 * Every client does DISCOVER, OFFER, REQUEST, ACK (RFC 2131), at most WINDOW of them at a time;
 * every second one asks for broadcast answers. An unanswered message is sent again after 4 s,
 * four times at most; how often that happened is told. Checked: header and UDP checksums,
 * addresses, xid, chaddr, message type, server identifier, lease time, subnet mask, that the ACK
 * gives what the OFFER offered, and that no two clients hold the same address. With acks=FILE each
 * ACK is a line of FILE, from the moment it comes; with knows=FILE the clients of these lines, and
 * no others, ask for the address they had (INIT-REBOOT), which only a server that has the lease may
 * acknowledge (RFC 2131 4.3.2). The last line of
 * output is the account; exit status 0 means that every client holds a lease and nothing was
 * wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_NS 4000000000LL
#define MAX_TRIES 5
#define MAGIC 0x63825363u

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };
enum state { IDLE, SELECTING, REQUESTING, BOUND, GAVE_UP, LEFT_OUT };
enum {
    ETH = 14,
    IP = 20,
    UDP = 8,
    BOOTP = 236,
    AT_IP = ETH,
    AT_UDP = ETH + IP,
    AT_BOOTP = ETH + IP + UDP
};

struct client {
    uint8_t state, tries;
    uint32_t offered, server;
    int64_t sent_ns;
};

struct answer {
    uint32_t server, lease_s, mask;
    int type;
};

static struct client *clients;
static uint32_t count, seed;
static int sock;
static uint32_t bound, gave_up, left_out, wrong, naks, resent, stray, broadcast;
static FILE *acks;
static int knows;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "dhcpload: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = v >> 8, p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16), put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t s)
{
    for (; n > 1; p += 2, n -= 2)
        s += get16(p);
    return n ? s + (p[0] << 8) : s;
}

static uint16_t fold(uint32_t s)
{
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return ~s;
}

static uint16_t udp_sum(const uint8_t *frame, size_t udp_bytes)
{
    return fold(sum(frame + AT_IP + 12, 8, sum(frame + AT_UDP, udp_bytes, 17 + udp_bytes)));
}

static void mac_of(uint32_t i, uint8_t *mac)
{
    mac[0] = 0x02, mac[1] = seed;
    put32(mac + 2, i);
}

static uint32_t xid_of(uint32_t i)
{
    return (i + 1) * 2654435761u ^ seed;
}

static void wrong_answer(uint32_t i, const char *why)
{
    if (wrong++ < 10)
        printf("client %u: %s\n", i, why);
}

static void send_message(uint32_t i)
{
    struct client *c = &clients[i];
    uint8_t f[AT_BOOTP + 312] = {0};
    uint8_t *b = f + AT_BOOTP, *o = b + BOOTP;
    memset(f, 0xff, 6);
    mac_of(i, f + 6);
    put16(f + 12, 0x0800);
    b[0] = 1, b[1] = 1, b[2] = 6;
    put32(b + 4, xid_of(i));
    put16(b + 10, i & 1 ? 0x8000 : 0);
    mac_of(i, b + 28);
    put32(o, MAGIC), o += 4;
    *o++ = 53, *o++ = 1, *o++ = c->state == SELECTING ? DISCOVER : REQUEST;
    if (c->state == REQUESTING) {
        *o++ = 50, *o++ = 4, put32(o, c->offered), o += 4;
        if (c->server != 0)
            *o++ = 54, *o++ = 4, put32(o, c->server), o += 4;
    }
    *o++ = 55, *o++ = 4, *o++ = 1, *o++ = 3, *o++ = 6, *o++ = 51;
    *o++ = 255;
    size_t bootp = o - b < 300 ? 300 : o - b; /* RFC 1542 2.1: never shorter than BOOTP's 300 */
    uint8_t *ip = f + AT_IP, *udp = f + AT_UDP;
    ip[0] = 0x45, ip[8] = 64, ip[9] = 17;
    put16(ip + 2, IP + UDP + bootp);
    put32(ip + 16, 0xffffffff);
    put16(ip + 10, fold(sum(ip, IP, 0)));
    put16(udp, 68), put16(udp + 2, 67), put16(udp + 4, UDP + bootp);
    put16(udp + 6, udp_sum(f, UDP + bootp));
    if (send(sock, f, AT_BOOTP + bootp, 0) < 0 && errno != ENOBUFS)
        die("send");
    c->sent_ns = now_ns();
    c->tries++;
}

/* Reads the options of an answer; gives the reason if they are not well-formed. */
static const char *read_options(const uint8_t *o, const uint8_t *end, struct answer *a)
{
    memset(a, 0, sizeof *a);
    if (end - o < 4 || get32(o) != MAGIC)
        return "no magic cookie";
    for (o += 4; o < end && *o != 255; o += 2 + o[1]) {
        while (o < end && *o == 0)
            o++;
        if (o >= end || *o == 255)
            break;
        if (end - o < 2 || end - o - 2 < o[1])
            return "an option beyond the end of the message";
        if (o[0] == 53 && o[1] == 1)
            a->type = o[2];
        else if (o[0] == 54 && o[1] == 4)
            a->server = get32(o + 2);
        else if (o[0] == 51 && o[1] == 4)
            a->lease_s = get32(o + 2);
        else if (o[0] == 1 && o[1] == 4)
            a->mask = get32(o + 2);
    }
    return o < end && *o == 255 ? NULL : "no end option";
}

static void check_answer(uint32_t i, const uint8_t *f, size_t n)
{
    struct client *c = &clients[i];
    const uint8_t *b = f + AT_BOOTP;
    struct answer a;
    const char *why = read_options(b + BOOTP, f + n, &a);
    uint32_t yiaddr = get32(b + 16);
    if (why) {
        wrong_answer(i, why);
        return;
    }
    if (a.type == NAK) {
        if (c->state == REQUESTING) { /* as a client must: from the beginning (3.1.5) */
            naks++;
            c->server = 0;
            c->state = SELECTING;
            send_message(i);
        }
        return;
    }
    int want = c->state == SELECTING ? OFFER : c->state == REQUESTING ? ACK : 0;
    if (a.type != want) {
        stray++; /* the second answer to a message that was sent twice */
        return;
    }
    if (!yiaddr || !a.server || !a.lease_s || !a.mask) {
        wrong_answer(i, "an answer without address, server identifier, lease time or subnet mask");
        return;
    }
    if (a.type == OFFER) {
        c->offered = yiaddr;
        c->server = a.server;
        c->state = REQUESTING;
        c->tries = 0;
        send_message(i);
        return;
    }
    if (yiaddr != c->offered || (c->server != 0 && a.server != c->server)) {
        wrong_answer(i, "the ACK gives another address than the OFFER");
        return;
    }
    for (uint32_t k = 0; k < count; k++)
        if (k != i && clients[k].state == BOUND && clients[k].offered == yiaddr)
            wrong_answer(i, "an address that another client holds");
    c->state = BOUND;
    bound++;
    if (acks) {
        fprintf(acks, "%u %u\n", i, yiaddr);
        fflush(acks);
    }
}

static void receive(void)
{
    uint8_t f[2048];
    char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    struct iovec v = {f, sizeof f};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT);
    if (n < AT_BOOTP + BOOTP || get16(f + 12) != 0x0800 || f[ETH] != 0x45 || f[ETH + 9] != 17 ||
        get16(f + AT_UDP) != 67 || get16(f + AT_UDP + 2) != 68)
        return;
    const uint8_t *b = f + AT_BOOTP;
    uint32_t i = get32(b + 30);
    uint8_t mac[6];
    if (b[0] != 2 || i >= count)
        return;
    mac_of(i, mac);
    if (memcmp(mac, b + 28, 6) || get32(b + 4) != xid_of(i)) {
        stray++;
        return;
    }
    /* RFC 2131 4.1: broadcast to who asked for it; to the others either way, unicast being the
     * better one. */
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    int to_all = !memcmp(f, all, 6);
    if (!to_all && (i & 1 || memcmp(f, mac, 6))) {
        wrong_answer(i, "an answer to the wrong hardware address");
        return;
    }
    broadcast += to_all;
    int unfinished =
        0; /* between two interfaces of one machine a checksum may still be left to the receiver */
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        struct tpacket_auxdata aux;
        if (h->cmsg_level == SOL_PACKET && h->cmsg_type == PACKET_AUXDATA) {
            memcpy(&aux, CMSG_DATA(h), sizeof aux);
            unfinished = aux.tp_status & TP_STATUS_CSUMNOTREADY;
        }
    }
    size_t ip_bytes = get16(f + ETH + 2), udp_bytes = get16(f + AT_UDP + 4);
    if (fold(sum(f + ETH, IP, 0)))
        wrong_answer(i, "IP header checksum");
    else if (ip_bytes > (size_t)n - ETH || udp_bytes != ip_bytes - IP)
        wrong_answer(i, "IP or UDP length");
    else if (!unfinished && get16(f + AT_UDP + 6) && udp_sum(f, udp_bytes))
        wrong_answer(i, "UDP checksum");
    else
        check_answer(i, f, ETH + ip_bytes);
}

/* The clients of a file that acks= made. */
static void read_known(const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned i, address;
    if (!file)
        die(path);
    for (i = 0; i < count; i++)
        clients[i].state = LEFT_OUT;
    left_out = count;
    while (fscanf(file, "%u %u", &i, &address) == 2) {
        if (i >= count || clients[i].state != LEFT_OUT)
            continue;
        clients[i] = (struct client){.state = REQUESTING, .offered = address};
        left_out--;
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: dhcpload IFACE CLIENTS WINDOW [SEED [acks=FILE | knows=FILE]]\n");
        return 2;
    }
    uint32_t window = atoi(argv[3]), next = 0, shown = 0;
    count = atoi(argv[2]);
    seed = argc > 4 ? atoi(argv[4]) & 0xff : 0;
    clients = calloc(count, sizeof *clients);
    struct sockaddr_ll a = {.sll_family = AF_PACKET,
                            .sll_protocol = htons(ETH_P_IP),
                            .sll_ifindex = if_nametoindex(argv[1])};
    struct packet_mreq all = {.mr_ifindex = a.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    int one = 1, buffer = 4 << 20;
    sock = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
    if (!clients || !a.sll_ifindex || sock < 0 || bind(sock, (struct sockaddr *)&a, sizeof a) < 0 ||
        setsockopt(sock, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ||
        setsockopt(sock, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) < 0)
        die(argv[1]);
    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);

    if (argc > 5 && !strncmp(argv[5], "acks=", 5) && !(acks = fopen(argv[5] + 5, "w")))
        die(argv[5]);
    if (argc > 5 && !strncmp(argv[5], "knows=", 6)) {
        knows = 1;
        read_known(argv[5] + 6);
    }

    int64_t start = now_ns();
    uint32_t first = 0;
    uint32_t asked = 0;
    while (bound + gave_up + left_out < count) {
        for (; next < count && asked - bound - gave_up < window; next++) {
            if (clients[next].state == LEFT_OUT)
                continue;
            if (!knows)
                clients[next].state = SELECTING;
            send_message(next);
            asked++;
        }
        struct pollfd p = {.fd = sock, .events = POLLIN};
        if (poll(&p, 1, 200) > 0)
            receive();
        int64_t now = now_ns();
        while (first < next && clients[first].state >= BOUND)
            first++;
        for (uint32_t i = first; i < next; i++) {
            struct client *c = &clients[i];
            if (c->state >= BOUND || now - c->sent_ns < AGAIN_NS)
                continue;
            if (c->tries < MAX_TRIES) {
                resent++;
                send_message(i);
                continue;
            }
            if (gave_up++ < 5)
                printf("client %u: no %s\n", i, c->state == SELECTING ? "OFFER" : "ACK");
            c->state = GAVE_UP;
        }
        if (bound / 250 > shown) {
            shown = bound / 250;
            printf("%u of %u clients hold a lease\n", bound, count);
            fflush(stdout);
        }
        if (gave_up > 20 && bound < gave_up)
            break;
    }
    double s = (now_ns() - start) / 1e9;
    printf("clients %u bound %u without %u wrong %u nak %u resent %u stray %u broadcast %u; %.1f "
           "s, %.0f leases a second\n",
           count - left_out, bound, count - left_out - bound, wrong, naks, resent, stray, broadcast,
           s, bound / s);
    return bound > 0 && bound + left_out == count && !wrong && !naks ? 0 : 1;
}
