/*
 * MD5 (RFC 1321) and HMAC-MD5 (RFC 2104), as RADIUS needs them.
 *
 * MD5 protects nothing any more; RADIUS signs and hides with it all the same (RFC 2865, RFC 3579). Having it here saves
 * those who build the load generator a library.
 */
#ifndef RADIUS_LOAD_MD5_H
#define RADIUS_LOAD_MD5_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MD5_LENGTH 16
#define MD5_BLOCK 64

struct md5 {
    uint32_t state[4];
    uint64_t length;
    unsigned char block[MD5_BLOCK];
};

/* The integer parts of 2^32 times the sines of 1 to 64 (RFC 1321, 3.4). */
static const uint32_t md5_sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static inline uint32_t md5_turned(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static inline uint32_t md5_mixed(int round, uint32_t x, uint32_t y, uint32_t z)
{
    switch (round) {
    case 0: return z ^ (x & (y ^ z));
    case 1: return y ^ (z & (x ^ y));
    case 2: return x ^ y ^ z;
    default: return y ^ (x | ~z);
    }
}

static inline void md5_take_block(uint32_t state[4], const unsigned char *octets)
{
    static const int steps[4] = { 1, 5, 3, 7 }, starts[4] = { 0, 1, 5, 0 };
    static const int turns[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
    uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];

    for (int i = 0; i < 16; i++, octets += 4)
        words[i] = (uint32_t)octets[0] | (uint32_t)octets[1] << 8 | (uint32_t)octets[2] << 16 | (uint32_t)octets[3] << 24;
    /* Unrolled, all that depends on i is known to the compiler: three times as fast. */
#pragma GCC unroll 64
    for (int i = 0; i < 64; i++) {
        int round = i / 16;
        uint32_t sum = a + md5_mixed(round, b, c, d) + words[(starts[round] + steps[round] * i) & 15] + md5_sines[i];
        a = d;
        d = c;
        c = b;
        b += md5_turned(sum, turns[round][i & 3]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static inline void md5_begin(struct md5 *sum)
{
    static const uint32_t first[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };

    memcpy(sum->state, first, sizeof first);
    sum->length = 0;
}

static inline void md5_add(struct md5 *sum, const void *more, size_t length)
{
    const unsigned char *octets = more;
    size_t held = sum->length % MD5_BLOCK;

    sum->length += length;
    while (held + length >= MD5_BLOCK) {
        size_t fits = MD5_BLOCK - held;
        memcpy(sum->block + held, octets, fits);
        md5_take_block(sum->state, sum->block);
        octets += fits;
        length -= fits;
        held = 0;
    }
    memcpy(sum->block + held, octets, length);
}

static inline void md5_end(struct md5 *sum, unsigned char digest[MD5_LENGTH])
{
    static const unsigned char padding[MD5_BLOCK] = { 0x80 };
    uint64_t bits = sum->length * 8;
    size_t held = sum->length % MD5_BLOCK;
    unsigned char count[8];

    for (int i = 0; i < 8; i++) count[i] = (unsigned char)(bits >> (8 * i));
    md5_add(sum, padding, held < 56 ? 56 - held : 120 - held);
    md5_add(sum, count, sizeof count);
    for (int i = 0; i < MD5_LENGTH; i++) digest[i] = (unsigned char)(sum->state[i / 4] >> (8 * (i % 4)));
}

/* A key, its two pads taken in once and for all. */
struct hmac_key {
    struct md5 inner, outer;
};

static inline void hmac_begin(struct hmac_key *key, const void *secret, size_t length)
{
    unsigned char pad[MD5_BLOCK] = { 0 };
    struct md5 sum;

    if (length > MD5_BLOCK) {
        md5_begin(&sum);
        md5_add(&sum, secret, length);
        md5_end(&sum, pad);
    } else {
        memcpy(pad, secret, length);
    }
    for (int i = 0; i < MD5_BLOCK; i++) pad[i] ^= 0x36;
    md5_begin(&key->inner);
    md5_add(&key->inner, pad, sizeof pad);
    for (int i = 0; i < MD5_BLOCK; i++) pad[i] ^= 0x36 ^ 0x5c;
    md5_begin(&key->outer);
    md5_add(&key->outer, pad, sizeof pad);
}

static inline void hmac_md5(const struct hmac_key *key, const void *octets, size_t length, unsigned char digest[MD5_LENGTH])
{
    struct md5 sum = key->inner;

    md5_add(&sum, octets, length);
    md5_end(&sum, digest);
    sum = key->outer;
    md5_add(&sum, digest, MD5_LENGTH);
    md5_end(&sum, digest);
}

#endif
