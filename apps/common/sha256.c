/* SPDX-License-Identifier: ISC */
/* sha256.c - FIPS 180-4, in its own names. */
#include "sha256.h"

/* Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64
 * primes. */
static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* Section 6.2.2. */
static void compress(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[64];

    for (unsigned t = 0; t < 16; t++)
        w[t] = cs_get_be32(cs_ro_of(block, 64), t * 4);
    for (unsigned t = 16; t < 64; t++) {
        uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;

        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], i = h[7];
    for (unsigned t = 0; t < 64; t++) {
        uint32_t t1 =
            i + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + k[t] + w[t];
        uint32_t t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));

        i = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
    h[5] += f;
    h[6] += g;
    h[7] += i;
}

void sha256_init(struct sha256 *sha)
{
    *sha = (struct sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *sha, struct cs_ro bytes)
{
    size_t have = sha->len % 64;

    sha->len += bytes.len;
    if (have != 0) {
        size_t n = size_min(64 - have, bytes.len);

        memcpy(sha->block + have, bytes.base, n);
        bytes = cs_shift(bytes, n);
        if (have + n < 64)
            return;
        compress(sha->h, sha->block);
    }
    for (; bytes.len >= 64; bytes = cs_shift(bytes, 64))
        compress(sha->h, bytes.base);
    if (bytes.len != 0)
        memcpy(sha->block, bytes.base, bytes.len);
}

/* Section 5.1.1: a one, zeros, and the length in bits. */
void sha256_finish(struct sha256 *sha, uint8_t digest[SHA256_BYTES])
{
    uint8_t pad[72] = {0x80};
    size_t n = 64 - (sha->len + 8) % 64;

    cs_set_be64(cs_of(pad, sizeof(pad)), n, sha->len * 8);
    sha256_add(sha, cs_ro_of(pad, n + 8));
    for (unsigned i = 0; i < 8; i++)
        cs_set_be32(cs_of(digest, SHA256_BYTES), i * 4, sha->h[i]);
}

struct sha256_text sha256_text(const uint8_t digest[SHA256_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    struct sha256_text t;

    for (unsigned i = 0; i < SHA256_BYTES; i++) {
        t.text[2 * i] = hex[digest[i] >> 4];
        t.text[2 * i + 1] = hex[digest[i] & 15];
    }
    t.text[2 * SHA256_BYTES] = '\0';
    return t;
}
