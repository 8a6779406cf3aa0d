/* SPDX-License-Identifier: ISC */
/* wire_pcap.c - the wire that is a pcap file: its frames come in, what goes out is counted.
 *
 * The format: a header of 24 bytes (magic a1b2c3d4 or, with nanoseconds, a1b23c4d, in the
 * writer's byte order; link type 1 is Ethernet in its last word), then records of 16 bytes
 * (seconds, fraction, bytes here, bytes on the wire) and the frame.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim_priv.h"

#define FRAME_MAX 65536u

static uint32_t word(const struct sim_pcap *pcap, const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return pcap->swapped ? __builtin_bswap32(value) : value;
}

static bool pcap_send(struct sim_wire *wire, const struct sim_frame *frame)
{
    (void)frame;
    CONTAINER_OF(wire, struct sim_pcap, wire)->sent++;
    return true;
}

static size_t pcap_recv(struct sim_wire *wire, const struct iovec *iov, unsigned iov_count,
                        struct sim_meta *meta)
{
    struct sim_pcap *pcap = CONTAINER_OF(wire, struct sim_pcap, wire);
    static uint8_t frame[FRAME_MAX];
    uint8_t record[16];
    if (fread(record, sizeof(record), 1, pcap->file) != 1)
        return 0;
    uint32_t len = word(pcap, record + 8);
    if (len > sizeof(frame) || fread(frame, 1, len, pcap->file) != len)
        return 0;
    pcap->received++;
    *meta = (struct sim_meta){0};
    return sim_iov_fill(iov, iov_count, frame, len);
}

int sim_pcap_open(struct sim_pcap *pcap, const char *path)
{
    uint8_t header[24];
    *pcap = (struct sim_pcap){.wire = {.send = pcap_send, .recv = pcap_recv}};
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -errno;
    pcap->file = file;
    if (fread(header, sizeof(header), 1, file) == 1) {
        uint32_t magic = word(pcap, header);
        pcap->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
        magic = word(pcap, header);
        if ((magic == 0xa1b2c3d4 || magic == 0xa1b23c4d) && word(pcap, header + 20) == 1)
            return 0;
    }
    sim_pcap_close(pcap);
    return -E_PROTO;
}

void sim_pcap_close(struct sim_pcap *pcap)
{
    if (pcap->file != NULL)
        fclose(pcap->file);
    pcap->file = NULL;
}
