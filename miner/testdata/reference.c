// The yardstick of BenchmarkScan: what the kernel does, written in C with
// intrinsics and left to the compiler. For each line with a count on its
// standard input it tries that many nonces and answers with the nanoseconds of
// processor time that took. Given seal (hex), nonce and count as arguments it
// prints the XOR of the hashes' first words, to check it by.
//
//	gcc -O3 -march=native -o reference reference.c
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const uint32_t K[64] __attribute__((aligned(64))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define WORDS(w0, w1, w2, w3) _mm_set_epi32((int)(w3), (int)(w2), (int)(w1), (int)(w0))
#define CONSTANTS(i) _mm_load_si128((const __m128i *)(K + 4 * (i)))
#define STREAMS 2

// EACH does the same for all streams, one after the other.
#define EACH for (int s = 0; s < STREAMS; s++)

static inline __attribute__((always_inline)) __m128i schedule(__m128i a, __m128i b, __m128i c, __m128i d)
{
	__m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));
	return _mm_sha256msg2_epu32(t, d);
}

// scan returns how many nonces of low, low+1, … have a hash whose first word is
// at most high, and XORs all first words into *sum if that is wanted.
static inline __attribute__((always_inline)) uint64_t
scan(const uint8_t *seal, uint64_t nonce, uint64_t count, uint32_t high, uint32_t *sum)
{
	const __m128i flip = _mm_set_epi64x(0x0c0d0e0f08090a0bULL, 0x0405060700010203ULL);
	const __m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)seal), flip);
	const __m128i w4 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(seal + 16)), flip);
	const __m128i w8 = WORDS(nonce >> 32, 0, 0x80000000, 0), w12 = WORDS(0, 0, 0, 320);
	__m128i abef = WORDS(0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667);
	__m128i cdgh = WORDS(0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372);
	__m128i t = _mm_add_epi32(w0, CONSTANTS(0));
	cdgh = _mm_sha256rnds2_epu32(cdgh, abef, t);
	abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(t, 0x0e));
	t = _mm_add_epi32(w4, CONSTANTS(1));
	cdgh = _mm_sha256rnds2_epu32(cdgh, abef, t);
	abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(t, 0x0e));
	cdgh = _mm_sha256rnds2_epu32(cdgh, abef, _mm_add_epi32(w8, CONSTANTS(2)));
	const __m128i abef10 = cdgh, cdgh10 = abef; // with W[9] = 0, which is but added to a and e
	const __m128i part16 = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));
	const __m128i part20 = _mm_add_epi32(_mm_sha256msg1_epu32(w4, w8),
		_mm_alignr_epi8(_mm_sha256msg2_epu32(part16, w12), w12, 4));
	const __m128i k10 = _mm_add_epi32(CONSTANTS(2), w8), k12 = _mm_add_epi32(CONSTANTS(3), w12);
	const __m128i k10high = _mm_shuffle_epi32(k10, 0x0e), k12high = _mm_shuffle_epi32(k12, 0x0e);
	uint64_t fit = 0;
	uint32_t low = (uint32_t)nonce;

	for (uint64_t n = 0; n < count; n += STREAMS, low += STREAMS) {
		__m128i a[STREAMS], c[STREAMS], w[4][STREAMS];
		EACH {
			__m128i v = _mm_cvtsi32_si128((int)(low + (uint32_t)s));
			a[s] = _mm_add_epi32(abef10, _mm_shuffle_epi32(v, 0x11));
			c[s] = cdgh10;
			w[0][s] = _mm_sha256msg2_epu32(_mm_add_epi32(part16, v), w12);
			w[1][s] = _mm_sha256msg2_epu32(_mm_add_epi32(part20, _mm_shuffle_epi32(v, 0x15)), w[0][s]);
			w[2][s] = schedule(_mm_add_epi32(w8, _mm_shuffle_epi32(v, 0x51)), w12, w[0][s], w[1][s]);
			w[3][s] = w12;
		}
		EACH c[s] = _mm_sha256rnds2_epu32(c[s], a[s], k10high);
		EACH a[s] = _mm_sha256rnds2_epu32(a[s], c[s], k12);
		EACH c[s] = _mm_sha256rnds2_epu32(c[s], a[s], k12high);
#pragma GCC unroll 12
		for (int i = 4; i < 16; i++) {
			__m128i m[STREAMS];
			EACH m[s] = _mm_add_epi32(w[i % 4][s], CONSTANTS(i));
			EACH a[s] = _mm_sha256rnds2_epu32(a[s], c[s], m[s]);
			EACH c[s] = _mm_sha256rnds2_epu32(c[s], a[s], _mm_shuffle_epi32(m[s], 0x0e));
			if (i >= 6 && i < 15)
				EACH w[(i + 1) % 4][s] = schedule(w[(i + 1) % 4][s], w[(i + 2) % 4][s], w[(i + 3) % 4][s], w[i % 4][s]);
		}
		EACH {
			uint32_t first = (uint32_t)_mm_extract_epi32(c[s], 3) + 0x6a09e667;
			if (__builtin_expect(first <= high, 0))
				fit++;
			if (sum)
				*sum ^= first;
		}
	}
	return fit;
}

int main(int argc, char **argv)
{
	uint8_t seal[32] = {1};
	if (argc == 4) {
		uint32_t sum = 0;
		for (int i = 0; i < 32; i++)
			if (sscanf(argv[1] + 2 * i, "%2hhx", &seal[i]) != 1)
				return 2;
		scan(seal, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), 0, &sum);
		printf("%08x\n", sum);
		return 0;
	}
	unsigned long long count;
	volatile uint64_t fit;
	while (scanf("%llu", &count) == 1) {
		struct timespec begin, end;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
		fit = scan(seal, 0, count, 0, NULL);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + (end.tv_nsec - begin.tv_nsec));
		fflush(stdout);
	}
	(void)fit;
	return 0;
}
