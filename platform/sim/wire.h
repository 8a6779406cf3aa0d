/* SPDX-License-Identifier: ISC */
/* wire.h - the wire side of a simulated netback: where frames from the guest go, and frames to
 * the guest come from.
 *
 * An operations record, as netdev.h is for the guest: a TAP device, a queue in memory (two
 * joined make a cable), a pcap file, or a test's own functions. A wire never calls netback;
 * netback polls.
 */
#ifndef PLATFORM_SIM_WIRE_H
#define PLATFORM_SIM_WIRE_H

#include <sys/uio.h>

#include <morgana/base.h>

#define SIM_WIRE_IOV_MAX 24u

/* What travels beside a frame's bytes. */
struct sim_meta {
    bool blank;     /* the transport checksum holds the pseudo-header's sum only */
    bool validated; /* someone has verified it */
    uint16_t start; /* blank: where summing starts in the frame */
    uint16_t off;   /* blank: the field's offset from there */
    /* A super-segment of TCP over IPv4 (morgana/pkt.h): bytes of payload in each of its segments,
     * and its checksum is blank; 0: it is none */
    uint16_t gso_size;
};

/* A frame from the guest, in pieces of its granted pages. */
struct sim_frame {
    const struct iovec *iov;
    unsigned iov_count; /* 1 .. SIM_WIRE_IOV_MAX */
    size_t len;         /* their sum */
    struct sim_meta meta;
};

struct sim_wire {
    /* Lends the frame. False: the wire is full or broken and the frame is gone. */
    bool (*send)(struct sim_wire *wire, const struct sim_frame *frame);
    /* Scatters the next frame over `iov` and returns its length; 0 where none waits. A frame
     * longer than the room is cut. */
    size_t (*recv)(struct sim_wire *wire, const struct iovec *iov, unsigned iov_count,
                   struct sim_meta *meta);
    bool gso; /* takes super-segments; where not, send gets the segments they stand for */
};

/* ---- a queue in memory ---------------------------------------------------------------------- */

#define SIM_QUEUE_BYTES (1u << 20)

/* What one side sends the other receives: with itself as peer, a frame comes back to the guest
 * that sent it. */
struct sim_queue {
    struct sim_wire wire;
    struct sim_queue *peer;
    uint8_t *bytes;           /* frames for netback to receive: SIM_QUEUE_BYTES */
    uint64_t head, tail;      /* bytes put, bytes taken */
    uint64_t frames, dropped; /* put; refused because the queue was full */
};

/* Makes a queue of its own; join two for a cable, or one with itself. -E_NOMEM. */
int sim_queue_init(struct sim_queue *queue);
void sim_queue_fini(struct sim_queue *queue);
void sim_queue_join(struct sim_queue *a, struct sim_queue *b);
/* Puts a frame that netback will receive. False: full. */
bool sim_queue_put(struct sim_queue *queue, const void *frame, size_t len,
                   const struct sim_meta *meta);
/* Takes the next frame: its length (cut to `size`), 0 where there is none. */
size_t sim_queue_take(struct sim_queue *queue, void *frame, size_t size, struct sim_meta *meta);

/* ---- a TAP device of Linux's ---------------------------------------------------------------- */

struct sim_tap {
    struct sim_wire wire;
    int fd;
    uint16_t mtu_bytes; /* the device's, when it was opened */
    bool gone;          /* the device was deleted */
    uint64_t sent, received, refused;
};

/* Opens or makes the TAP `name` (1..15 characters), with checksum state carried both ways
 * (IFF_VNET_HDR). The file descriptor may be polled. 0, or a negative errno, with one sentence
 * in `why` that says what is missing and how to get it. */
int sim_tap_open(struct sim_tap *tap, const char *name, char *why, size_t why_size);
void sim_tap_close(struct sim_tap *tap);

/* ---- a pcap file ---------------------------------------------------------------------------- */

/* Frames of the file go to the guest, one by one and then no more; frames of the guest's are
 * counted and dropped. */
struct sim_pcap {
    struct sim_wire wire;
    void *file;   /* FILE */
    bool swapped; /* written on a machine of the other byte order */
    uint64_t sent, received;
};

/* 0; a negative errno; -E_PROTO where it is no pcap file of Ethernet frames. */
int sim_pcap_open(struct sim_pcap *pcap, const char *path);
void sim_pcap_close(struct sim_pcap *pcap);

/* Copies `len` bytes to or from the pieces of an iovec; returns the bytes copied (less where it
 * ends). */
size_t sim_iov_fill(const struct iovec *iov, unsigned n, const void *from, size_t len);
size_t sim_iov_read(const struct iovec *iov, unsigned n, void *to, size_t len);

#endif
