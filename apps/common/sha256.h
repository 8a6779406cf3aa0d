/* SPDX-License-Identifier: ISC */
/* sha256.h - SHA-256 (FIPS 180-4), so that what went over the network can be compared with what
 * sha256sum says of it. */
#ifndef APPS_COMMON_SHA256_H
#define APPS_COMMON_SHA256_H

#include <morgana/cstruct.h>

#define SHA256_BYTES 32u

struct sha256 {
    uint32_t h[8];
    uint8_t block[64]; /* the last one, while it is not full */
    uint64_t len;      /* bytes so far */
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, struct cs_ro bytes);
/* The digest of all that was added. */
void sha256_finish(struct sha256 *sha, uint8_t digest[SHA256_BYTES]);

/* As sha256sum prints it, for "%s". */
struct sha256_text {
    char text[2 * SHA256_BYTES + 1];
};
struct sha256_text sha256_text(const uint8_t digest[SHA256_BYTES]);

#endif
